/*
 * Everything at once: threads that share a client, its clones and the simple functions, while others cancel, set tokens and
 * loggers, and fork.
 *
 *     soak_test [seconds, 8] [threads, 64] [without-fork]
 *
 * The stand-in has the jobs 1 to 64 of Leads, which have ended, with 1000 + id records, and the jobs 101 to 164, which never
 * end, with 5000 + id: so an answer shows which job it is about. A call that does not return within STUCK_S ends the program,
 * with the stacks of all threads on stderr.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_THREADS = 256, STUCK_S = 40, JOBS = 64, ENDED = 1000, ENDLESS = 5000, FIRST_ENDLESS = 101, LIST = 6 };

static zmd_client *shared;
static atomic_bool stop;
/* How often the shared client was given a token that the service refuses. */
static atomic_int spoiled;
static pthread_mutex_t spoiling = PTHREAD_MUTEX_INITIALIZER;
static atomic_int forks_alive;
static bool forks;
static atomic_ulong logged[2];
static atomic_ulong provided;
static char settings[512];

struct worker {
    pthread_t thread;
    unsigned seed;
    atomic_uint turns;
};
static struct worker workers[MAX_THREADS];

static unsigned pick(struct worker *self, unsigned count)
{
    self->seed = self->seed * 1103515245u + 12345u;
    return (self->seed >> 16) % count;
}

/* A job that has ended, or one that never does. */
struct asked {
    char id[8];
    int64_t total;
};

static struct asked job(struct worker *self, bool ends)
{
    struct asked asked;
    unsigned id = (ends ? 1 : FIRST_ENDLESS) + pick(self, JOBS);

    snprintf(asked.id, sizeof asked.id, "%u", id);
    asked.total = (ends ? ENDED : ENDLESS) + (int64_t)id;
    return asked;
}

static void check_answer(const struct asked *asked, const zmd_status *status)
{
    bool ends = asked->total < ENDLESS;

    CHECK_MSG(status->total_count == asked->total, "job %s has the total %lld", asked->id, (long long)status->total_count);
    CHECK(status->state == (ends ? ZMD_STATE_COMPLETED : ZMD_STATE_RUNNING));
    CHECK(status->deleted_count == (ends ? asked->total : 0) && status->failed_count == 0);
}

/*
 * A call fails with ZMD_ERR_UNAUTHORIZED where the token that replaced a refused one is refused too: so where a second
 * one was spoiled meanwhile. It is counted once it was set; the thread that has just set it may not have come to that.
 */
static bool refused_twice(zmd_error err, int before)
{
    if (err != ZMD_ERR_UNAUTHORIZED)
        return false;
    pthread_mutex_lock(&spoiling);
    int now = atomic_load(&spoiled);
    pthread_mutex_unlock(&spoiling);
    return now > before;
}

/* The call is made once. */
#define CHECK_CALL(call, before)                                                                                      \
    do {                                                                                                              \
        zmd_error returned_ = (call);                                                                                 \
        if (refused_twice(returned_, before))                                                                         \
            return;                                                                                                   \
        CHECK_MSG(returned_ == ZMD_OK, "%s: %s", zmd_error_name(returned_), zmd_last_error());                        \
    } while (0)

/* ---- what the threads do ---- */

static void status(struct worker *self)
{
    struct asked asked = job(self, pick(self, 4) != 0);
    int before = atomic_load(&spoiled);
    zmd_status answer;
    zmd_error err = zmd_client_status(shared, "Leads", asked.id, &answer);

    CHECK_CALL(err, before);
    check_answer(&asked, &answer);
}

static void status_many(struct worker *self)
{
    struct asked asked[LIST];
    zmd_job jobs[LIST];
    zmd_status answers[LIST];
    zmd_error errors[LIST];
    int before = atomic_load(&spoiled);

    for (int i = 0; i < LIST; i++) {
        asked[i] = job(self, i % 2 == 0);
        jobs[i].module = "Leads";
        jobs[i].job_id = asked[i].id;
    }
    CHECK_CALL(zmd_client_status_many(shared, jobs, LIST, answers, errors), before);
    for (int i = 0; i < LIST; i++) {
        CHECK(errors[i] == ZMD_OK);
        check_answer(&asked[i], &answers[i]);
    }
}

struct watched {
    struct worker *self;
    const struct asked *asked;
    int polls;
    bool end;
};

/* Uses the library again, for another job, and its own thread's last error. */
static int32_t on_poll(void *user_data, size_t index, int32_t error, const zmd_status *answer)
{
    struct watched *watched = (struct watched *)user_data;

    watched->polls++;
    CHECK(zmd_progress_elapsed_ms() >= 0);
    if (error == ZMD_OK)
        check_answer(&watched->asked[index], answer);
    status(watched->self);
    CHECK(zmd_client_status(shared, "no module", "1", NULL) != ZMD_OK);
    return watched->end;
}

static void wait_for_one(struct worker *self)
{
    struct asked asked = job(self, true);
    struct watched watched = {self, &asked, 0, pick(self, 4) == 0};
    int before = atomic_load(&spoiled);
    zmd_status answer;
    zmd_error err = zmd_client_wait(shared, "Leads", asked.id, 20000, on_poll, &watched, &answer);

    CHECK_CALL(err, before);
    CHECK(watched.polls > 0);
    check_answer(&asked, &answer);
}

static void callback_ends_a_wait(struct worker *self)
{
    struct asked asked = job(self, false);
    struct watched watched = {self, &asked, 0, true};
    int before = atomic_load(&spoiled);
    zmd_status answer;
    zmd_error err = zmd_client_wait(shared, "Leads", asked.id, 20000, on_poll, &watched, &answer);

    if (refused_twice(err, before))
        return;
    CHECK_MSG(err == ZMD_ERR_CANCELLED && watched.polls == 1, "%s, %d polls", zmd_error_name(err), watched.polls);
}

static void wait_for_many(struct worker *self)
{
    struct asked asked[LIST];
    struct watched watched = {self, asked, 0, false};
    zmd_job jobs[LIST];
    zmd_status answers[LIST];
    zmd_error errors[LIST];
    int before = atomic_load(&spoiled);
    zmd_error err;

    for (int i = 0; i < LIST; i++) {
        asked[i] = job(self, i % 3 != 0);
        jobs[i].module = "Leads";
        jobs[i].job_id = asked[i].id;
    }
    err = zmd_client_wait_many(shared, jobs, LIST, 1000, on_poll, &watched, answers, errors);
    CHECK(err != ZMD_OK); /* some never end */
    for (int i = 0; i < LIST; i++) {
        bool ends = asked[i].total < ENDLESS;

        /* The time limit may come before an answer where the machine is loaded. */
        if (refused_twice(errors[i], before) || (errors[i] == ZMD_ERR_TIMEOUT && answers[i].total_count < 0))
            continue;
        CHECK_MSG(errors[i] == (ends ? ZMD_OK : ZMD_ERR_TIMEOUT), "job %s: %s", asked[i].id, zmd_last_error_of_job((size_t)i));
        check_answer(&asked[i], &answers[i]);
    }
}

static void simple(struct worker *self)
{
    struct asked asked = job(self, true);
    int32_t state = -1;
    int64_t total = -1, deleted = -1, failed = -1;

    switch (pick(self, 3)) {
    case 0: CHECK_OK(zmd_simple_status("Leads", asked.id, &state, &total, &deleted, &failed)); break;
    case 1: CHECK_OK(zmd_simple_status_with(settings, "Leads", asked.id, &state, &total, &deleted, &failed)); break;
    default: CHECK_OK(zmd_simple_wait("Leads", asked.id, 20000, &state, &total, &deleted, &failed));
    }
    CHECK(state == ZMD_STATE_COMPLETED && total == asked.total && deleted == asked.total && failed == 0);
}

static void queue(struct worker *self)
{
    struct asked asked[LIST];
    uint64_t ids[LIST];
    zmd_waits *waits = NULL;
    zmd_event event;
    int ended = 0, before = atomic_load(&spoiled);

    CHECK_OK(zmd_waits_new(shared, &waits));
    for (int i = 0; i < LIST; i++) {
        asked[i] = job(self, i % 2 == 0);
        CHECK_OK(zmd_waits_add(waits, "Leads", asked[i].id, -1, &ids[i]));
    }
    while (ended < LIST / 2) {
        zmd_error err = zmd_waits_next(waits, 20000, &event);
        int i = 0;

        CHECK_MSG(err == ZMD_OK, "%s: %s", zmd_error_name(err), zmd_last_error());
        while (i < LIST && ids[i] != event.id)
            i++;
        CHECK(i < LIST);
        if (refused_twice(event.error, before))
            break;
        if (event.error != ZMD_OK) /* a poll that is repeated */
            continue;
        check_answer(&asked[i], &event.status);
        ended += event.has_ended;
    }
    if (pick(self, 2) == 0) {
        CHECK_OK(zmd_waits_remove(waits, ids[1]));
        CHECK_OK(zmd_waits_cancel(waits));
        while (zmd_waits_next(waits, 20000, &event) == ZMD_OK)
            ;
        CHECK_RETURNS(zmd_waits_next(waits, 0, &event), ZMD_ERR_CANCELLED);
    }
    zmd_waits_free(waits);
}

struct cancel {
    zmd_client *client;
    useconds_t pause;
};

static void *cancel_it(void *argument)
{
    struct cancel *cancel = (struct cancel *)argument;

    usleep(cancel->pause);
    CHECK_OK(zmd_client_cancel(cancel->client));
    return NULL;
}

/* A clone, or the clone that it was made of, is cancelled while it waits; the shared client works on. */
static void cancel_a_clone(struct worker *self)
{
    struct asked asked = job(self, false);
    zmd_client *clone = NULL, *clone_of_clone = NULL;
    struct cancel cancel;
    pthread_t canceller;
    int before = atomic_load(&spoiled);
    zmd_status answer;
    zmd_error err;

    CHECK_OK(zmd_client_clone(shared, &clone));
    cancel.client = clone;
    cancel.pause = (useconds_t)pick(self, 5000);
    CHECK(pthread_create(&canceller, NULL, cancel_it, &cancel) == 0);
    err = zmd_client_clone(clone, &clone_of_clone); /* races with the cancel */
    if (err == ZMD_OK) {
        err = zmd_client_wait(clone_of_clone, "Leads", asked.id, 30000, NULL, NULL, &answer);
        CHECK_MSG(err == ZMD_ERR_CANCELLED || refused_twice(err, before), "%s: %s", zmd_error_name(err), zmd_last_error());
    } else {
        CHECK(err == ZMD_ERR_CANCELLED && clone_of_clone == NULL);
    }
    CHECK(pthread_join(canceller, NULL) == 0);
    CHECK_RETURNS(zmd_client_status(clone, "Leads", asked.id, &answer), ZMD_ERR_CANCELLED);
    if (clone_of_clone != NULL)
        CHECK_RETURNS(zmd_client_status(clone_of_clone, "Leads", asked.id, &answer), ZMD_ERR_CANCELLED);
    zmd_client_free(clone);
    zmd_client_free(clone_of_clone);
}

static void set_token(struct worker *self)
{
    if (pick(self, 8) == 0) {
        pthread_mutex_lock(&spoiling);
        CHECK_OK(zmd_client_set_access_token(shared, "1000.refused"));
        atomic_fetch_add(&spoiled, 1);
        pthread_mutex_unlock(&spoiling);
    } else {
        CHECK_OK(zmd_client_set_access_token(shared, getenv("ZMD_ACCESS_TOKEN")));
    }
}

static void on_log(void *user_data, int32_t level, const char *message)
{
    CHECK(level >= 1 && level <= 5 && message[0] != '\0');
    atomic_fetch_add((atomic_ulong *)user_data, 1);
}

static void set_logger(struct worker *self)
{
    unsigned which = pick(self, 3);

    CHECK_OK(zmd_set_logger(which == 2 ? NULL : on_log, which == 2 ? NULL : &logged[which], 1 + (int32_t)pick(self, 5)));
}

/* The child has the locks as the parent's other threads left them. */
static void fork_a_child(struct worker *self)
{
    int result = 0;
    pid_t child;

    if (atomic_fetch_add(&forks_alive, 1) < 4 && forks) {
        struct asked asked = job(self, true);

        child = fork();
        CHECK_MSG(child >= 0, "fork: %s", strerror(errno));
        if (child == 0) {
            zmd_client *clone = NULL;
            zmd_status answer;

            alarm(STUCK_S);
            CHECK_OK(zmd_client_set_access_token(shared, getenv("ZMD_ACCESS_TOKEN")));
            CHECK_OK(zmd_client_status(shared, "Leads", asked.id, &answer));
            check_answer(&asked, &answer);
            CHECK_OK(zmd_client_clone(shared, &clone));
            CHECK_OK(zmd_client_cancel(clone));
            zmd_client_free(clone);
            if (pick(self, 2) == 0)
                zmd_client_free(shared);
            _exit(0);
        }
        while (waitpid(child, &result, 0) < 0)
            CHECK(errno == EINTR);
        CHECK_MSG(WIFEXITED(result) && WEXITSTATUS(result) == 0, "a child ended with %#x", (unsigned)result);
    }
    atomic_fetch_sub(&forks_alive, 1);
}

/* Each thread has its own last error. */
static void fail(struct worker *self)
{
    char id[24];
    int before = atomic_load(&spoiled);
    zmd_status answer;
    zmd_error err;

    snprintf(id, sizeof id, "%ux%u", (unsigned)(self - workers), pick(self, 30000));
    err = zmd_client_status(shared, "Leads", id, &answer);
    if (refused_twice(err, before))
        return;
    CHECK_MSG(err == ZMD_ERR_JOB_NOT_FOUND, "%s: %s", zmd_error_name(err), zmd_last_error());
    CHECK_MSG(strstr(zmd_last_error(), id) != NULL, "%s is not in \"%s\"", id, zmd_last_error());
    CHECK(answer.total_count == -1 && answer.state == ZMD_STATE_UNKNOWN);
}

typedef void work_fn(struct worker *self);

static const struct {
    const char *name;
    work_fn *work;
    unsigned weight;
} works[] = {
    {"status", status, 12},
    {"status_many", status_many, 4},
    {"wait", wait_for_one, 4},
    {"a callback that ends a wait", callback_ends_a_wait, 2},
    {"wait_many", wait_for_many, 1},
    {"simple", simple, 6},
    {"queue", queue, 3},
    {"cancel", cancel_a_clone, 3},
    {"set_access_token", set_token, 2},
    {"set_logger", set_logger, 2},
    {"fork", fork_a_child, 1},
    {"fail", fail, 4},
};
enum { WORKS = sizeof works / sizeof works[0] };
static atomic_ulong done[WORKS];

static void *work(void *argument)
{
    struct worker *self = (struct worker *)argument;
    unsigned sum = 0;

    for (int i = 0; i < WORKS; i++)
        sum += works[i].weight;
    while (!atomic_load(&stop)) {
        unsigned choice = pick(self, sum);
        int i = 0;

        while (choice >= works[i].weight)
            choice -= works[i++].weight;
        works[i].work(self);
        atomic_fetch_add(&done[i], 1);
        atomic_fetch_add(&self->turns, 1);
    }
    return NULL;
}

/* ---- the watchdog, which is the main thread ---- */

static void abort_with_stacks(int thread)
{
    char command[128];

    fprintf(stderr, "thread %d has been in one call for %d s\n", thread, STUCK_S);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    snprintf(command, sizeof command, "gdb -batch -nx -p %d -ex 'thread apply all backtrace' 1>&2", (int)getpid());
    if (system(command) != 0)
        fputs("gdb could not show the stacks\n", stderr);
    abort();
}

static int entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int32_t provide(void *user_data, const char *refused, char *token, size_t size)
{
    (void)refused;
    atomic_fetch_add((atomic_ulong *)user_data, 1);
    return snprintf(token, size, "%s", getenv("ZMD_ACCESS_TOKEN")) < (int)size ? 0 : 1;
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 8;
    int threads = argc > 2 ? atoi(argv[2]) : 64;
    zmd_config *config = NULL;
    unsigned last[MAX_THREADS] = {0};
    double since[MAX_THREADS], begin;
    int descriptors, tasks = entries("/proc/self/task");

    forks = argc <= 3;
    CHECK(seconds > 0 && threads > 0 && threads <= MAX_THREADS);
    check_environment();
    CHECK(setenv("ZMD_TIMEOUT_MS", "30000", 1) == 0 && setenv("ZMD_POLL_MIN_MS", "10", 1) == 0);
    snprintf(settings, sizeof settings, "api_domain=%s;access_token=%s;timeout_ms=30000", getenv("ZMD_API_DOMAIN"),
             getenv("ZMD_ACCESS_TOKEN"));
    descriptors = entries("/proc/self/fd");
    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_env(config));
    CHECK_OK(zmd_config_set_token_provider(config, provide, &provided));
    CHECK_OK(zmd_client_new(config, &shared));
    zmd_config_free(config);

    begin = milliseconds();
    for (int i = 0; i < threads; i++) {
        workers[i].seed = (unsigned)i * 7919u + 1u;
        since[i] = begin;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    while (milliseconds() - begin < seconds * 1000.0) {
        usleep(50000);
        for (int i = 0; i < threads; i++) {
            unsigned turns = atomic_load(&workers[i].turns);

            if (turns != last[i]) {
                last[i] = turns;
                since[i] = milliseconds();
            }
            if (milliseconds() - since[i] > STUCK_S * 1000.0)
                abort_with_stacks(i);
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < threads; i++) {
        struct timespec end;

        CHECK(clock_gettime(CLOCK_REALTIME, &end) == 0);
        end.tv_sec += STUCK_S;
        if (pthread_timedjoin_np(workers[i].thread, NULL, &end) != 0)
            abort_with_stacks(i);
    }
    /* Each once more, for where the time was too short. */
    for (int i = 0; i < WORKS; i++)
        works[i].work(&workers[0]);
    CHECK_OK(zmd_client_set_access_token(shared, "1000.refused"));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(zmd_set_logger(on_log, &logged[i], 5));
        status(&workers[0]);
    }
    CHECK_OK(zmd_set_logger(NULL, NULL, 5));
    zmd_client_free(shared);
    for (int i = 0; i < WORKS; i++)
        fprintf(stderr, "%s%s %lu", i == 0 ? "soak: " : ", ", works[i].name, atomic_load(&done[i]));
    fprintf(stderr, "; %lu tokens provided, %lu lines logged\n", atomic_load(&provided),
            atomic_load(&logged[0]) + atomic_load(&logged[1]));
    CHECK(atomic_load(&provided) > 0 && atomic_load(&logged[0]) > 0 && atomic_load(&logged[1]) > 0);
    /* The clients of the simple functions stay, each with a connection and what wakes it. */
    /* A sanitizer starts a thread of its own. */
    CHECK_MSG(!forks || entries("/proc/self/task") == tasks, "%d threads more", entries("/proc/self/task") - tasks);
    CHECK_MSG(entries("/proc/self/fd") - descriptors <= 64, "%d descriptors", entries("/proc/self/fd") - descriptors);
    return passed("soak_test");
}
