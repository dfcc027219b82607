/*
 * Calls in a process that receives many signals: none fails because of them, and the library does not change handlers,
 * the signal mask or SIGPIPE. A thread that is cancelled inside a call ends after it.
 *
 *     signal_test [queries, 3000]
 *
 * The environment names the stand-in server, as for basics.c.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

enum {
    SIGNAL_EVERY_US = 200,
    QUERIES_PER_CLIENT = 50, /* a new client connects again: connect() can be interrupted like recv() */
    PIPE_QUERIES = 100,
};

static const double DEADLINE_MS = 500;
static const double LATE_MS = 100;

static volatile sig_atomic_t hits;
static volatile sig_atomic_t strays; /* the signals that were handled on a thread of the library */
static pthread_t main_thread;

static void count(int signal_number)
{
    (void)signal_number;
    hits = hits + 1; /* C++20 has no ++ for a volatile */
    if (!pthread_equal(pthread_self(), main_thread))
        strays = strays + 1;
}

/* ---- What must not change ---- */

struct signals {
    struct sigaction alarm, pipe;
    sigset_t mask;
};

static void remember(struct signals *signals)
{
    CHECK(sigaction(SIGALRM, NULL, &signals->alarm) == 0);
    CHECK(sigaction(SIGPIPE, NULL, &signals->pipe) == 0);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &signals->mask) == 0);
}

/* Not memcmp: the C library fills in only a part of a sigset_t. */
static bool same_set(const sigset_t *left, const sigset_t *right)
{
    for (int i = 1; i <= 64; i++)
        if (sigismember(left, i) != sigismember(right, i))
            return false;
    return true;
}

static bool same_action(const struct sigaction *left, const struct sigaction *right)
{
    return left->sa_handler == right->sa_handler && left->sa_flags == right->sa_flags &&
           same_set(&left->sa_mask, &right->sa_mask);
}

static void check_unchanged_since(const struct signals *before)
{
    struct signals now;

    remember(&now);
    CHECK(same_action(&now.alarm, &before->alarm));
    CHECK(same_action(&now.pipe, &before->pipe));
    CHECK(same_set(&now.mask, &before->mask));
}

/* ---- Under a storm of SIGALRM ---- */

static void start_signals(void)
{
    struct itimerval often;
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = count;
    action.sa_flags = 0; /* no SA_RESTART: each signal interrupts the system call that it meets */
    CHECK(sigemptyset(&action.sa_mask) == 0);
    CHECK(sigaddset(&action.sa_mask, SIGUSR1) == 0); /* so that the mask is not empty */
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);

    hits = 0;
    memset(&often, 0, sizeof often);
    often.it_interval.tv_usec = SIGNAL_EVERY_US;
    often.it_value.tv_usec = SIGNAL_EVERY_US;
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static void stop_signals(void)
{
    struct itimerval never;

    memset(&never, 0, sizeof never);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK_MSG(hits > 0, "no signal has come");
    CHECK_MSG(strays == 0, "the library's threads have handled signals of the program");
}

static void queries_succeed_under_signals(int queries)
{
    zmd_client *client = NULL;
    struct signals before;

    start_signals();
    remember(&before);
    for (int i = 0; i < queries; i++) {
        zmd_status status;

        if (i % QUERIES_PER_CLIENT == 0) {
            zmd_client_free(client);
            client = new_client(NULL, NULL);
        }
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
        CHECK(status.state == ZMD_STATE_COMPLETED && status.deleted_count == 9);
    }
    check_unchanged_since(&before);
    zmd_client_free(client);
    stop_signals();
}

static void many_jobs_succeed_under_signals(void)
{
    enum { COUNT = 50 };
    zmd_client *client = new_client(NULL, NULL);
    struct signals before;
    zmd_job jobs[COUNT];
    zmd_status statuses[COUNT];
    zmd_error errors[COUNT];

    for (int i = 0; i < COUNT; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = "1001";
    }
    start_signals();
    remember(&before);
    for (int i = 0; i < 5; i++)
        CHECK_OK(zmd_client_status_many(client, jobs, COUNT, statuses, errors));
    check_unchanged_since(&before);
    stop_signals();
    zmd_client_free(client);
}

static void a_slow_answer_is_waited_for_under_signals(void)
{
    zmd_client *client = new_client(NULL, NULL);
    struct signals before;
    zmd_status status;

    start_signals();
    remember(&before);
    CHECK_OK(zmd_client_status(client, "Leads", "fault-slow", &status));
    check_unchanged_since(&before);
    stop_signals();
    zmd_client_free(client);
}

/* A timeout that restarts after each interruption would never expire. */
static void the_deadline_holds_under_signals(void)
{
    zmd_client *client = new_client("timeout_ms", "500");
    struct signals before;
    zmd_status status;
    struct watch watch = start_watch();

    start_signals();
    remember(&before);
    CHECK_RETURNS(zmd_client_status(client, "Leads", "fault-stall-before-header", &status), ZMD_ERR_TIMEOUT);
    check_unchanged_since(&before);
    stop_signals();
    CHECK_TOOK(watch, DEADLINE_MS, DEADLINE_MS + LATE_MS);
    zmd_client_free(client);
}

/* ---- SIGPIPE ---- */

static bool pipe_is_pending(void)
{
    sigset_t pending;

    CHECK(sigpending(&pending) == 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* With the default action a SIGPIPE ends this program; if it is blocked, it would be pending afterwards. */
static void a_connection_cut_by_the_server_raises_no_sigpipe(bool blocked)
{
    static const char *const job_ids[] = {"fault-reset", "fault-close"};
    zmd_client *client = new_client("max_retries", "0"); /* retries would only take time */
    struct sigaction fatal;
    struct signals before;
    sigset_t only_pipe;

    memset(&fatal, 0, sizeof fatal);
    fatal.sa_handler = SIG_DFL;
    CHECK(sigaction(SIGPIPE, &fatal, NULL) == 0);
    CHECK(sigemptyset(&only_pipe) == 0);
    CHECK(sigaddset(&only_pipe, SIGPIPE) == 0);
    CHECK(sigprocmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &only_pipe, NULL) == 0);
    CHECK(!pipe_is_pending());
    remember(&before);

    for (int i = 0; i < PIPE_QUERIES; i++) {
        const char *job_id = job_ids[i % 2];
        zmd_status status;
        zmd_error err = zmd_client_status(client, "Leads", job_id, &status);

        CHECK_MSG(err == ZMD_ERR_NETWORK, "%s: %s: %s", job_id, zmd_error_name(err), zmd_last_error());
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
        CHECK(!pipe_is_pending());
    }
    check_unchanged_since(&before);
    zmd_client_free(client);
    CHECK(!pipe_is_pending());
    check_unchanged_since(&before);
    CHECK(sigprocmask(SIG_UNBLOCK, &only_pipe, NULL) == 0);
}

/* ---- pthread_cancel() ---- */

static volatile sig_atomic_t returned;

/* Where a thread is cancelled: at the latest in pthread_testcancel(), unless a call disables it. */
static int32_t cancel_this_thread(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    (void)user_data, (void)index, (void)error, (void)status;
    CHECK(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    return 1;
}

static void *wait_and_be_cancelled(void *client)
{
    zmd_status status;

    CHECK_OK(zmd_client_wait((zmd_client *)client, "Leads", "1001", -1, cancel_this_thread, NULL, &status));
    zmd_client_free((zmd_client *)client);
    returned = 1;
    pthread_testcancel();
    return NULL;
}

static void a_thread_is_cancelled_when_its_call_has_returned(void)
{
    pthread_t thread;
    void *result = NULL;

    CHECK(pthread_create(&thread, NULL, wait_and_be_cancelled, new_client(NULL, NULL)) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(returned && result == PTHREAD_CANCELED);
}

int main(int argc, char **argv)
{
    main_thread = pthread_self();
    int queries = argc > 1 ? atoi(argv[1]) : 3000;

    CHECK(queries > 0);
    check_environment();

    queries_succeed_under_signals(queries);
    many_jobs_succeed_under_signals();
    a_slow_answer_is_waited_for_under_signals();
    the_deadline_holds_under_signals();
    a_connection_cut_by_the_server_raises_no_sigpipe(false);
    a_connection_cut_by_the_server_raises_no_sigpipe(true);
    a_thread_is_cancelled_when_its_call_has_returned();

    return passed("signal_test");
}
