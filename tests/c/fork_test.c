/*
 * A client across fork(): parent and child can both use it, also when other threads were in calls during the fork.
 *
 *     fork_test [queries per process, 500] [forks while threads are busy, 200]
 *
 * The environment names the stand-in server, as for basics.c.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS = 4,
    WATCHDOG_S = 600, /* far more than a process takes */
};

static const double CALL_LIMIT_MS = 5000; /* timeout_ms of every client here */
static const double GRACE_MS = 100;       /* how much longer than its limit a call may take */

static zmd_client *client_with_limit(void)
{
    return new_client("timeout_ms", "5000");
}

static void query(zmd_client *client)
{
    zmd_status status;

    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED);
    CHECK(status.total_count == 9 && status.deleted_count == 9 && status.failed_count == 0);
}

static void query_within_limit(zmd_client *client)
{
    struct watch watch = start_watch();

    query(client);
    CHECK_TOOK(watch, 0, CALL_LIMIT_MS + GRACE_MS);
}

/* The child ends with _exit(), or by SIGALRM if it hangs in a lock whose owner does not exist in the child. */
static pid_t start_child(void)
{
    pid_t child = fork();

    CHECK_MSG(child >= 0, "fork: %s", strerror(errno));
    if (child == 0)
        alarm(WATCHDOG_S);
    return child;
}

static void expect_success_of(pid_t child, const char *what)
{
    int status = 0;
    pid_t ended;

    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    CHECK_MSG(ended == child, "waitpid: %s", strerror(errno));
    CHECK_MSG(!(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM), "%s hung", what);
    CHECK_MSG(WIFEXITED(status), "%s was killed by signal %d", what, WTERMSIG(status));
    CHECK_MSG(WEXITSTATUS(status) == 0, "%s failed, see above", what);
}

/* ---- (a) ---- */

static void parent_and_child_query_at_once(int queries)
{
    zmd_client *client = client_with_limit();
    pid_t child;

    query(client);
    child = start_child();
    for (int i = 0; i < queries; i++)
        query(client);
    zmd_client_free(client);
    if (child == 0)
        _exit(0);
    expect_success_of(child, "the child that queries beside its parent");
}

/* ---- (b) ---- */

struct busy {
    zmd_client *client;
    pthread_mutex_t lock;
    bool stop;
    long calls;
};

static void *query_without_a_break(void *argument)
{
    struct busy *busy = (struct busy *)argument;
    bool stop = false;

    while (!stop) {
        query(busy->client);
        pthread_mutex_lock(&busy->lock);
        busy->calls++;
        stop = busy->stop;
        pthread_mutex_unlock(&busy->lock);
    }
    return NULL;
}

/* Each call opens a connection and closes it. */
static void *query_with_new_clients(void *argument)
{
    struct busy *busy = (struct busy *)argument;
    bool stop = false;

    while (!stop) {
        zmd_client *client = client_with_limit();

        query(client);
        zmd_client_free(client);
        pthread_mutex_lock(&busy->lock);
        busy->calls++;
        stop = busy->stop;
        pthread_mutex_unlock(&busy->lock);
    }
    return NULL;
}

static long calls_so_far(struct busy *busy)
{
    long calls;

    pthread_mutex_lock(&busy->lock);
    calls = busy->calls;
    pthread_mutex_unlock(&busy->lock);
    return calls;
}

static void stop(struct busy *busy, const pthread_t *threads, int count)
{
    pthread_mutex_lock(&busy->lock);
    busy->stop = true;
    pthread_mutex_unlock(&busy->lock);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_mutex_destroy(&busy->lock) == 0);
    query(busy->client);
    zmd_client_free(busy->client);
}

/* At each fork the threads are in another place: in a lock, in a write, in a name lookup. */
static void a_child_of_a_busy_parent_can_call_at_once(int forks)
{
    struct busy busy;
    pthread_t threads[THREADS];
    long calls_at_start;

    memset(&busy, 0, sizeof busy);
    busy.client = client_with_limit();
    CHECK(pthread_mutex_init(&busy.lock, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, query_without_a_break, &busy) == 0);
    while (calls_so_far(&busy) < THREADS)
        sched_yield();

    calls_at_start = calls_so_far(&busy);
    for (int i = 0; i < forks; i++) {
        pid_t child = start_child();

        if (child == 0) {
            query_within_limit(busy.client);
            zmd_client_free(busy.client);
            _exit(0);
        }
        expect_success_of(child, "a child of a busy parent");
    }
    CHECK(calls_so_far(&busy) > calls_at_start);

    stop(&busy, threads, THREADS);
}

/* A child that makes no call can free the client, and must not wait for threads that it does not have. */
static void a_child_of_a_busy_parent_can_free_at_once(int forks)
{
    struct busy busy;
    pthread_t thread;

    memset(&busy, 0, sizeof busy);
    busy.client = client_with_limit();
    CHECK(pthread_mutex_init(&busy.lock, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, query_without_a_break, &busy) == 0);
    while (calls_so_far(&busy) == 0)
        sched_yield();

    for (int i = 0; i < forks; i++) {
        pid_t child = start_child();

        if (child == 0) {
            zmd_client_free(busy.client);
            _exit(0);
        }
        expect_success_of(child, "a child that only frees");
    }

    stop(&busy, &thread, 1);
}

/* ---- (c) ---- */

/* Forks `generations` deep; each process queries while its child does, and with call_first before it forks as well. */
static void found_a_family(zmd_client *client, int generations, bool call_first)
{
    pid_t child;

    if (call_first)
        query_within_limit(client);
    if (generations == 0) {
        query_within_limit(client);
        return;
    }
    child = start_child();
    if (child == 0) {
        found_a_family(client, generations - 1, call_first);
        zmd_client_free(client);
        _exit(0);
    }
    for (int i = 0; i < 5; i++)
        query_within_limit(client);
    expect_success_of(child, "a child or grandchild");
    query_within_limit(client);
}

static void grandchildren_can_call(void)
{
    for (int call_first = 0; call_first <= 1; call_first++) {
        zmd_client *client = client_with_limit();

        query(client);
        found_a_family(client, 3, call_first != 0);
        zmd_client_free(client);
    }
}

/* ---- (d) ---- */

static void a_client_may_see_its_first_call_after_the_fork(void)
{
    zmd_client *client = client_with_limit();
    pid_t child = start_child();

    for (int i = 0; i < 10; i++)
        query_within_limit(client);
    zmd_client_free(client);
    if (child == 0)
        _exit(0);
    expect_success_of(child, "the child of a parent that had not called yet");
}

/* ---- (e) ---- */

/* The server answers with either token, and the process that set the wrong one can set the right one again. */
static void query_with_another_token(zmd_client *client)
{
    zmd_status status;
    zmd_error err;

    CHECK_OK(zmd_client_set_access_token(client, "1000.another-token"));
    err = zmd_client_status(client, "Leads", "1001", &status);
    CHECK_MSG(err == ZMD_OK || err == ZMD_ERR_UNAUTHORIZED, "%s: %s", zmd_error_name(err), zmd_last_error());
    CHECK_OK(zmd_client_set_access_token(client, getenv("ZMD_ACCESS_TOKEN")));
    query(client);
}

static void a_token_set_on_one_side_leaves_the_other_alone(void)
{
    zmd_client *client = client_with_limit();

    for (int who = 0; who <= 1; who++) { /* 0: the child sets it, 1: the parent */
        pid_t child;

        query(client);
        child = start_child();
        for (int i = 0; i < 10; i++) {
            if ((child == 0) == (who == 0))
                query_with_another_token(client);
            else
                query(client);
        }
        if (child == 0) {
            zmd_client_free(client);
            _exit(0);
        }
        expect_success_of(child, "the child with a token of its own");
        query(client);
    }
    zmd_client_free(client);
}

/* ---- (f) ---- */

enum { MOST_DESCRIPTORS = 1024 };

struct descriptor {
    bool open;
    bool file;
    dev_t device;
    ino_t inode;
};

static void list_descriptors(struct descriptor *descriptors)
{
    for (int i = 0; i < MOST_DESCRIPTORS; i++) {
        struct stat status;

        descriptors[i].open = fstat(i, &status) == 0;
        descriptors[i].file = descriptors[i].open && S_ISREG(status.st_mode);
        descriptors[i].device = descriptors[i].open ? status.st_dev : 0;
        descriptors[i].inode = descriptors[i].open ? status.st_ino : 0;
    }
}

/*
 * Not only their number: the child may close descriptors that it inherited from the parent's pool, and that must not hide
 * a descriptor of its own that it leaks.
 */
static void check_nothing_opened_since(const struct descriptor *before)
{
    static struct descriptor now[MOST_DESCRIPTORS];

    list_descriptors(now);
    for (int i = 0; i < MOST_DESCRIPTORS; i++) {
        bool same = before[i].open && before[i].device == now[i].device && before[i].inode == now[i].inode;

        CHECK_MSG(!now[i].open || same, "descriptor %d is left", i);
    }
}

static void a_child_that_frees_its_client_leaves_no_descriptor(void)
{
    zmd_client *client = client_with_limit();
    pid_t child;

    query(client); /* creates a pooled connection, which the child inherits */
    child = start_child();
    if (child == 0) {
        static struct descriptor before[MOST_DESCRIPTORS];
        enum { COUNT = 20 };
        zmd_job jobs[COUNT];
        zmd_status statuses[COUNT];
        zmd_error errors[COUNT];

        list_descriptors(before);
        query(client);
        for (int i = 0; i < COUNT; i++) {
            jobs[i].module = "Leads";
            jobs[i].job_id = "1001";
        }
        CHECK_OK(zmd_client_status_many(client, jobs, COUNT, statuses, errors));
        zmd_client_free(client);
        check_nothing_opened_since(before);
        _exit(0);
    }
    expect_success_of(child, "the child that counts its descriptors");
    query(client); /* freeing in the child has not closed a connection of the parent */
    zmd_client_free(client);
}

/* The C library has /etc/hosts open while it looks up a name. */
static void check_no_connection_since(const struct descriptor *before)
{
    struct descriptor now[MOST_DESCRIPTORS];

    list_descriptors(now);
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        CHECK_MSG(before[i].open || !now[i].open || now[i].file, "descriptor %d is left", i);
}

/* A child that never calls the library keeps nothing of the parent's calls open: their ends would not reach the server. */
static void a_child_that_makes_no_call_has_no_descriptor_of_a_call(int forks)
{
    static struct descriptor before[MOST_DESCRIPTORS];
    struct busy busy;
    pthread_t threads[2];

    list_descriptors(before);
    memset(&busy, 0, sizeof busy);
    busy.client = client_with_limit();
    CHECK(pthread_mutex_init(&busy.lock, NULL) == 0);
    CHECK(pthread_create(&threads[0], NULL, query_without_a_break, &busy) == 0);
    CHECK(pthread_create(&threads[1], NULL, query_with_new_clients, &busy) == 0);
    while (calls_so_far(&busy) == 0)
        sched_yield();

    for (int i = 0; i < forks; i++) {
        pid_t child = start_child();

        if (child == 0) {
            check_no_connection_since(before);
            _exit(0);
        }
        expect_success_of(child, "a child that makes no call");
    }
    stop(&busy, threads, 2);
}

/* The client of zmd_simple_status belongs to the process, so a child must use its own. */
static void the_simple_function_works_on_both_sides(void)
{
    pid_t child;
    int32_t state = -1;

    CHECK_OK(zmd_simple_status("Leads", "1001", &state, NULL, NULL, NULL));
    child = start_child();
    for (int i = 0; i < 10; i++) {
        CHECK_OK(zmd_simple_status("Leads", "1001", &state, NULL, NULL, NULL));
        CHECK(state == ZMD_STATE_COMPLETED);
    }
    if (child == 0)
        _exit(0);
    expect_success_of(child, "the child that calls zmd_simple_status");
}

/* ---- (g) ---- */

static void *fork_with_a_pending_cancel(void *argument)
{
    pid_t *child = (pid_t *)argument;

    CHECK(pthread_cancel(pthread_self()) == 0);
    *child = fork();
    if (*child == 0)
        _exit(42);
    pthread_testcancel();
    return NULL;
}

/* fork() is no cancellation point: neither side ends in it, also where the library has something to close. */
static void a_cancel_waits_for_the_end_of_a_fork(void)
{
    zmd_client *client = client_with_limit();
    pthread_t thread;
    pid_t child = 0;
    int status = 0;
    void *result = NULL;

    query(client);
    CHECK(pthread_create(&thread, NULL, fork_with_a_pending_cancel, &child) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 42, "the child ended in fork(): %d", status);
    query(client);
    zmd_client_free(client);
}

/* ---- (h) ---- */

static zmd_client *client_of_the_handler = NULL;

/* Registered before the handlers of the library, and so called before them. */
static void query_in_a_new_child(void)
{
    if (client_of_the_handler != NULL)
        query(client_of_the_handler);
}

/* What it opens there stays open, and its number does not become one of the program's. */
static void a_handler_of_the_program_can_call(void)
{
    zmd_client *client = client_with_limit();
    pid_t child;

    query(client);
    client_of_the_handler = client;
    child = start_child();
    client_of_the_handler = NULL;
    if (child == 0) {
        enum { PAIRS = 8 };
        int sockets[PAIRS][2];
        char byte;

        for (int i = 0; i < PAIRS; i++)
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]) == 0);
        query(client);
        for (int i = 0; i < 2 * PAIRS; i++)
            CHECK_MSG(recv(sockets[i / 2][i % 2], &byte, 1, MSG_DONTWAIT) < 0, "a socket of the program got a request");
        zmd_client_free(client);
        _exit(0);
    }
    expect_success_of(child, "the child whose handler made a call");
    zmd_client_free(client);
}

int main(int argc, char **argv)
{
    int queries = argc > 1 ? atoi(argv[1]) : 500;
    int forks = argc > 2 ? atoi(argv[2]) : 200;

    CHECK(queries > 0 && forks > 0);
    check_environment();
    CHECK(pthread_atfork(NULL, NULL, query_in_a_new_child) == 0);

    parent_and_child_query_at_once(queries);
    a_child_of_a_busy_parent_can_call_at_once(forks);
    a_child_of_a_busy_parent_can_free_at_once(forks);
    grandchildren_can_call();
    a_client_may_see_its_first_call_after_the_fork();
    a_token_set_on_one_side_leaves_the_other_alone();
    a_child_that_frees_its_client_leaves_no_descriptor();
    a_child_that_makes_no_call_has_no_descriptor_of_a_call(forks);
    a_cancel_waits_for_the_end_of_a_fork();
    a_handler_of_the_program_can_call();
    the_simple_function_works_on_both_sides();

    return passed("fork_test");
}
