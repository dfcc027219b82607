/*
 * The library in unusual circumstances, a part of this program each:
 *
 *   loading_test rounds LIBRARY        loads, uses and unloads it 200 times: descriptors, threads and memory stay the same
 *   loading_test copies LIBRARY COPY   uses two copies of it at the same time
 *   loading_test exit                  uses a client in an exit handler, and leaves it alive
 *   loading_test thread                uses a client in the destructor of a thread's value
 *   loading_test exec                  programs that are started while calls are in progress inherit no descriptor
 *   loading_test descriptors           no descriptor is free, and then there are some again
 *   loading_test threads               no thread can be started, and then some can
 *   loading_test stdio                 standard input, output and error are closed
 *   loading_test clock                 the clock is set by an hour, forwards and back, in the middle of a wait
 *   loading_test token                 the same, with a client that gets its access tokens itself
 *   loading_test suspended             waits until it is stopped and continued, in the middle of a call and of a wait
 */
#define _GNU_SOURCE
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- The clock of the date: this definition takes precedence over the C library's ---- */

static volatile long clock_offset_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (clock == CLOCK_REALTIME)
        now->tv_sec += clock_offset_s;
    return result;
}

/* ---- Helpers ---- */

/* A thread that was joined may be listed for a moment. */
static void check_count(const char *directory, int expected)
{
    const struct timespec moment = {0, 1000000};
    double until = milliseconds() + 5000;

    while (count_entries(directory) != expected && milliseconds() < until)
        nanosleep(&moment, NULL);
    CHECK_MSG(count_entries(directory) == expected, "%d in %s, not %d", count_entries(directory), directory, expected);
}

/* Pages of this process: all, or those in memory. */
static long pages(bool in_memory)
{
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &resident) == 2);
    fclose(file);
    return in_memory ? resident : all;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void check_works(zmd_client *client)
{
    zmd_status status;

    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED && status.total_count == 9);
}

/* ---- Loading ---- */

struct library {
    void *handle;
    const char *(*last_error)(void);
    zmd_error (*client_new)(const zmd_config *config, zmd_client **client);
    zmd_error (*client_status)(zmd_client *client, const char *module, const char *job_id, zmd_status *status);
    void (*client_free)(zmd_client *client);
};

static void *find(void *handle, const char *name)
{
    void *symbol = dlsym(handle, name);

    CHECK_MSG(symbol != NULL, "%s is not exported", name);
    return symbol;
}

static struct library load(const char *path, int flags)
{
    struct library library;

    library.handle = dlopen(path, flags);
    CHECK_MSG(library.handle != NULL, "%s", dlerror());
    *(void **)&library.last_error = find(library.handle, "zmd_last_error");
    *(void **)&library.client_new = find(library.handle, "zmd_client_new");
    *(void **)&library.client_status = find(library.handle, "zmd_client_status");
    *(void **)&library.client_free = find(library.handle, "zmd_client_free");
    return library;
}

static void ask(const struct library *library, zmd_client *client, const char *job_id, zmd_error expected)
{
    zmd_status status;
    zmd_error error = library->client_status(client, "Leads", job_id, &status);

    CHECK_MSG(error == expected, "%d instead of %d: %s", error, expected, library->last_error());
}

static void *load_use_and_unload(void *path)
{
    struct library library = load((const char *)path, RTLD_NOW | RTLD_LOCAL);
    zmd_client *client = NULL;

    CHECK(library.client_new(NULL, &client) == ZMD_OK);
    ask(&library, client, "1001", ZMD_OK);
    /* the message is kept for this thread, which ends after the library was unloaded */
    ask(&library, client, "no such job", ZMD_ERR_INVALID_ARGUMENT);
    CHECK(library.client_free != NULL);
    library.client_free(client);
    CHECK_MSG(dlclose(library.handle) == 0, "%s", dlerror());
    return NULL;
}

/* The library's handler of pthread_atfork() has gone with it. */
static void check_a_fork_returns(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with %d", status);
}

static void rounds(char *path)
{
    enum { ROUNDS = 200, BEFORE = 50 };
    int threads = count_entries("/proc/self/task"), descriptors = count_entries("/proc/self/fd");
    long all = 0, resident = 0;

    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;

        if (i == BEFORE) {
            all = pages(false);
            resident = pages(true);
        }
        CHECK(pthread_create(&thread, NULL, load_use_and_unload, path) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        check_count("/proc/self/task", threads);
        check_count("/proc/self/fd", descriptors);
        check_a_fork_returns();
    }
    /* 1 KB for each round, of which nothing should be needed */
    CHECK_MSG(pages(false) - all < 40, "%ld pages more, %ld before", pages(false) - all, all);
    CHECK_MSG(pages(true) - resident < 40, "%ld pages more in memory, %ld before", pages(true) - resident, resident);
}

static void copies(const char *path, const char *other_path, int flags)
{
    struct library one = load(path, flags), other = load(other_path, flags);
    zmd_client *of_one = NULL, *of_other = NULL;

    CHECK_MSG(one.handle != other.handle, "these are the same");
    CHECK(one.client_new(NULL, &of_one) == ZMD_OK && other.client_new(NULL, &of_other) == ZMD_OK);
    for (int i = 0; i < 20; i++) {
        ask(&one, of_one, "1001", ZMD_OK);
        ask(&other, of_other, "error-NO_PERMISSION", ZMD_ERR_FORBIDDEN);
        ask(&one, of_one, "error-INVALID_MODULE", ZMD_ERR_INVALID_MODULE);
        CHECK(strstr(other.last_error(), "NO_PERMISSION") != NULL && strstr(one.last_error(), "NO_PERMISSION") == NULL);
        ask(&other, of_other, "1001", ZMD_OK);
    }
    one.client_free(of_one);
    ask(&other, of_other, "1001", ZMD_OK);
    CHECK(dlclose(one.handle) == 0);
    ask(&other, of_other, "1001", ZMD_OK);
    other.client_free(of_other);
    CHECK(dlclose(other.handle) == 0);
}

/* ---- The end of a process and of a thread ---- */

static zmd_client *alive;
static pthread_key_t key;

static void at_exit(void)
{
    zmd_status status;

    check_works(alive);
    CHECK_RETURNS(zmd_client_status(alive, "Leads", "error-NO_PERMISSION", &status), ZMD_ERR_FORBIDDEN);
    passed("loading_test");
}

static void at_end_of_thread(void *value)
{
    static __thread int calls;
    zmd_client *client = (zmd_client *)value;
    zmd_status status;

    check_works(client);
    CHECK_RETURNS(zmd_client_status(client, "Leads", "error-NO_PERMISSION", &status), ZMD_ERR_FORBIDDEN);
    /* once more, after all other destructors */
    if (++calls < 3)
        CHECK(pthread_setspecific(key, value) == 0);
    else
        zmd_client_free(client);
}

static void *thread_with_client(void *argument)
{
    bool uses_it_before = argument != NULL;
    zmd_client *client = new_client(NULL, NULL);

    if (uses_it_before)
        check_works(client);
    CHECK(pthread_setspecific(key, client) == 0);
    return NULL;
}

static void end_of_thread(void)
{
    int descriptors = count_entries("/proc/self/fd");
    pthread_t thread;

    CHECK(pthread_key_create(&key, at_end_of_thread) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&thread, NULL, thread_with_client, i % 2 == 0 ? NULL : &key) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    check_count("/proc/self/fd", descriptors);
}

/* ---- Programs that are started ---- */

static volatile bool done;

static void *keep_calling(void *client)
{
    const zmd_job jobs[] = {{"Leads", "1001"}, {"Leads", "1001"}, {"Leads", "1001"}};
    zmd_status statuses[3];
    zmd_error errors[3];

    while (!done) {
        zmd_client *clone = NULL;

        /* with connections of its own, which are made and closed */
        CHECK_OK(zmd_client_clone((zmd_client *)client, &clone));
        CHECK_OK(zmd_client_status_many(clone, jobs, 3, statuses, errors));
        zmd_client_free(clone);
    }
    return NULL;
}

/* The started program fails where it has a descriptor above those of this one. */
static void inherits_nothing(char *own)
{
    char highest[16];
    char *arguments[] = {own, "inherited", highest, NULL};
    zmd_client *client;
    pthread_t threads[2];

    snprintf(highest, sizeof highest, "%d", count_entries("/proc/self/fd"));
    client = new_client(NULL, NULL);
    check_works(client);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, keep_calling, client) == 0);
    for (int i = 0; i < 100; i++) {
        int status = 0;
        pid_t child;

        if (i % 2 == 0) {
            CHECK(posix_spawn(&child, own, NULL, NULL, arguments, environ) == 0);
        } else {
            child = vfork();
            if (child == 0) {
                execv(own, arguments);
                _exit(127);
            }
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
        check_works(client);
    }
    done = true;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    zmd_client_free(client);
}

static int count_inherited(const char *expected)
{
    int count = count_entries("/proc/self/fd");

    CHECK_MSG(count == strtol(expected, NULL, 10), "%d entries instead of %s", count, expected);
    return 0;
}

/* ---- Limits ---- */

static void set_limit(int what, rlim_t value)
{
    struct rlimit limit;

    CHECK(getrlimit(what, &limit) == 0);
    limit.rlim_cur = value == RLIM_INFINITY ? limit.rlim_max : value;
    CHECK_MSG(setrlimit(what, &limit) == 0, "%s", strerror(errno));
}

static void without_descriptors(void)
{
    zmd_client *client = new_client("max_retries", "0");
    int before = count_entries("/proc/self/fd");
    zmd_status status;

    /* one descriptor more each time: a pipe, a socket, files of the lookup and of the trust store */
    for (int left = 0; left < 8; left++) {
        int lowest = dup(STDIN_FILENO);

        CHECK(lowest >= 0 && close(lowest) == 0);
        set_limit(RLIMIT_NOFILE, (rlim_t)(lowest + left));
        zmd_error error = zmd_client_status(client, "Leads", "1001", &status);

        if (left == 0)
            CHECK_MSG(error == ZMD_ERR_CONNECT || error == ZMD_ERR_DNS, "%s", zmd_error_name(error));
        CHECK_MSG(error == ZMD_OK || strstr(zmd_last_error(), "localhost") != NULL, "%s", zmd_last_error());
        CHECK_MSG(error != ZMD_ERR_INTERNAL, "%s", zmd_last_error());
        if (left == 7)
            CHECK_MSG(error == ZMD_OK, "%s", zmd_last_error());
        set_limit(RLIMIT_NOFILE, RLIM_INFINITY);
        check_works(client);
        /* the next one begins without connections */
        zmd_client_free(client);
        check_count("/proc/self/fd", before);
        client = new_client("max_retries", "0");
    }
    zmd_client_free(client);
}

static void without_threads(void)
{
    const zmd_job jobs[] = {{"Leads", "1001"}, {"Leads", "1001"}, {"Leads", "1001"}};
    zmd_client *client = new_client(NULL, NULL);
    zmd_status statuses[3];
    zmd_error errors[3];

    /* the limit does not count for the superuser */
    if (geteuid() == 0)
        CHECK_MSG(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0, "%s", strerror(errno));
    set_limit(RLIMIT_NPROC, 0);
    CHECK_RETURNS(zmd_client_status(client, "Leads", "1001", statuses), ZMD_ERR_DNS);
    CHECK_MSG(strstr(zmd_last_error(), "no thread") != NULL, "%s", zmd_last_error());
    set_limit(RLIMIT_NPROC, RLIM_INFINITY);
    check_works(client);
    set_limit(RLIMIT_NPROC, 0);
    /* the name is known by now: the calling thread does all the work */
    CHECK_OK(zmd_client_status_many(client, jobs, 3, statuses, errors));
    CHECK_OK(zmd_client_wait_many(client, jobs, 3, 5000, NULL, NULL, statuses, errors));
    zmd_client_free(client);
}

static void without_stdio(void)
{
    int saved[3];

    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        CHECK(saved[i] >= 0 && close(i) == 0);
    }
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;
    zmd_error works = zmd_client_status(client, "Leads", "1001", &status);
    zmd_error fails = zmd_client_status(client, "Leads", "error-NO_PERMISSION", &status);
    int taken = 0;

    /* there is a connection, and the pipe of a cancel */
    for (int i = 0; i < 3; i++)
        taken += fcntl(i, F_GETFD) != -1;
    zmd_client_free(client);
    for (int i = 0; i < 3; i++) {
        if (taken != 0 || fcntl(i, F_GETFD) != -1 || dup2(saved[i], i) != i)
            _Exit(70 + i);
        close(saved[i]);
    }
    CHECK(works == ZMD_OK && fails == ZMD_ERR_FORBIDDEN);
}

/* ---- Time ---- */

static void *set_the_clock(void *hours)
{
    sleep_ms(200);
    clock_offset_s += *(const int *)hours * 3600;
    return NULL;
}

static void clock_is_set(void)
{
    static const int jumps[] = {1, -1, -1, 1};
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;

    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        struct watch watch;

        check_works(client);
        watch = start_watch();
        CHECK(pthread_create(&thread, NULL, set_the_clock, (void *)&jumps[i]) == 0);
        CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", 700, NULL, NULL, &status), ZMD_ERR_TIMEOUT);
        CHECK_TOOK(watch, 700, 800);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(status.state == ZMD_STATE_RUNNING);
        check_works(client);
    }
    zmd_client_free(client);
}

/* The test counts the tokens that are made: after each line that is printed it sends one back. */
static void token_and_clock(void)
{
    static const int offsets[] = {0, 1, 1, 0, -1, -1, 0, 0};
    zmd_client *client = new_client(NULL, NULL);

    for (int i = 0; i < 8; i++) {
        clock_offset_s = offsets[i] * 3600;
        check_works(client);
        printf("%d\n", offsets[i]);
        CHECK(fflush(stdout) == 0);
        CHECK(getchar() == '\n');
    }
    zmd_client_free(client);
}

/* The test stops this process after "call" and "wait", and continues it some time later. */
static volatile double continued; /* when this process was last continued */

static void on_continue(int signal_number)
{
    (void)signal_number;
    continued = milliseconds();
}

/* A call ends with what is left of its time; a connection that was lost meanwhile is replaced before the wait's own limit. */
static void is_suspended(void)
{
    zmd_client *client = new_client(NULL, NULL);
    zmd_status status;
    zmd_error error;
    struct sigaction action;
    struct watch watch;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_continue;
    CHECK(sigaction(SIGCONT, &action, NULL) == 0);
    check_works(client);
    printf("call\n");
    CHECK(fflush(stdout) == 0);
    watch = start_watch();
    error = zmd_client_status_within(client, "Leads", "fault-stall-before-header", 500, &status);
    CHECK_MSG(error == ZMD_ERR_TIMEOUT, "%s", zmd_error_name(error));
    /* on a busy machine it may be stopped later than that */
    if (continued > watch.begin)
        watch.begin = continued;
    CHECK_TOOK(watch, 0, 600);
    check_works(client);
    printf("wait\n");
    CHECK(fflush(stdout) == 0);
    watch = start_watch();
    error = zmd_client_wait(client, "Leads", "1003", 30000, NULL, NULL, &status);
    CHECK_MSG(error == ZMD_OK && status.state == ZMD_STATE_COMPLETED, "%s", zmd_last_error());
    if (continued > watch.begin)
        watch.begin = continued;
    CHECK_TOOK(watch, 0, 10000);
    zmd_client_free(client);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";

    if (strcmp(part, "inherited") == 0 && argc == 3)
        return count_inherited(argv[2]);
    check_environment();
    alarm(600);
    if (strcmp(part, "rounds") == 0 && argc == 3) {
        rounds(argv[2]);
    } else if (strcmp(part, "copies") == 0 && argc == 4) {
        copies(argv[2], argv[3], RTLD_NOW | RTLD_LOCAL);
        copies(argv[3], argv[2], RTLD_LAZY | RTLD_GLOBAL);
    } else if (strcmp(part, "exit") == 0) {
        CHECK(atexit(at_exit) == 0);
        alive = new_client(NULL, NULL);
        check_works(alive);
        return 0;
    } else if (strcmp(part, "thread") == 0) {
        end_of_thread();
    } else if (strcmp(part, "exec") == 0) {
        inherits_nothing(argv[0]);
    } else if (strcmp(part, "descriptors") == 0) {
        without_descriptors();
    } else if (strcmp(part, "threads") == 0) {
        without_threads();
    } else if (strcmp(part, "stdio") == 0) {
        without_stdio();
    } else if (strcmp(part, "clock") == 0) {
        clock_is_set();
    } else if (strcmp(part, "token") == 0) {
        token_and_clock();
    } else {
        CHECK_MSG(strcmp(part, "suspended") == 0, "no such part: %s", part);
        is_suspended();
    }
    return passed("loading_test");
}
