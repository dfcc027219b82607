/*
 * The library as a plug-in: loaded with dlopen(), unloaded, and loaded again, without a change to the process. This
 * program is not linked with it.
 *
 *     load_test PATH_OF_THE_LIBRARY
 *
 * The environment names the stand-in server, as for basics.c.
 */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20 };
static const double PATIENCE_MS = 1000;

/* ---- The library ---- */

struct library {
    void *handle;
    const char *(*error_name)(int32_t error);
    const char *(*last_error)(void);
    zmd_error (*config_new)(zmd_config **config);
    zmd_error (*config_set)(zmd_config *config, const char *key, const char *value);
    zmd_error (*config_load_env)(zmd_config *config);
    void (*config_free)(zmd_config *config);
    zmd_error (*client_new)(const zmd_config *config, zmd_client **client);
    zmd_error (*client_status)(zmd_client *client, const char *module, const char *job_id, zmd_status *status);
    zmd_error (*client_status_many)(zmd_client *client, const zmd_job *jobs, size_t count, zmd_status *statuses,
                                    zmd_error *errors);
    void (*client_free)(zmd_client *client);
};

/* ISO C has no cast from the void pointer that dlsym() returns to a function pointer, so it is copied. */
#define FIND(library, member)                                                   \
    do {                                                                        \
        void *symbol_ = dlsym((library)->handle, "zmd_" #member);               \
        CHECK_MSG(symbol_ != NULL, "zmd_" #member " is not exported");          \
        memcpy(&(library)->member, &symbol_, sizeof symbol_);                   \
    } while (0)

static void load(struct library *library, const char *path)
{
    memset(library, 0, sizeof *library);
    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK_MSG(library->handle != NULL, "%s", dlerror());
}

static void find_functions(struct library *library)
{
    FIND(library, error_name);
    FIND(library, last_error);
    FIND(library, config_new);
    FIND(library, config_set);
    FIND(library, config_load_env);
    FIND(library, config_free);
    FIND(library, client_new);
    FIND(library, client_status);
    FIND(library, client_status_many);
    FIND(library, client_free);
}

static void unload(struct library *library)
{
    CHECK_MSG(dlclose(library->handle) == 0, "%s", dlerror());
}

#define CHECK_WORKS(library, call)                                                                          \
    do {                                                                                                    \
        zmd_error returned_ = (call);                                                                       \
        CHECK_MSG(returned_ == ZMD_OK, "%s: %s", (library)->error_name(returned_), (library)->last_error()); \
    } while (0)

/* ---- The process ---- */

struct footprint {
    int threads, descriptors;
};

static struct footprint footprint(void)
{
    struct footprint now;

    now.threads = count_entries("/proc/self/task");
    now.descriptors = count_entries("/proc/self/fd");
    return now;
}

/*
 * Polls, as there is no event to wait for: a joined thread may stay in /proc for a moment, until the kernel has removed
 * it.
 */
static void check_footprint(struct footprint before, const char *when)
{
    double until = milliseconds() + PATIENCE_MS;
    struct footprint now = footprint();

    while ((now.threads != before.threads || now.descriptors != before.descriptors) && milliseconds() < until) {
        const struct timespec moment = {0, 1000000};

        nanosleep(&moment, NULL);
        now = footprint();
    }
    CHECK_MSG(now.threads == before.threads, "%s: %d threads more", when, now.threads - before.threads);
    CHECK_MSG(now.descriptors == before.descriptors, "%s: %d descriptors more", when,
              now.descriptors - before.descriptors);
}

/*
 * Runs a part of the test on a new thread. A library with thread-local data stays mapped until each thread that has called
 * it has ended; on the program's main thread dlclose() would not unmap it.
 */
static void on_another_thread(void *(*part)(void *), struct library *library)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, part, library) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* ---- Loading ---- */

static void *query_once(void *argument)
{
    const struct library *library = (const struct library *)argument;
    zmd_client *client = NULL;
    zmd_status status;

    CHECK_WORKS(library, library->client_new(NULL, &client));
    CHECK_WORKS(library, library->client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED && status.total_count == 9);
    library->client_free(client);
    return NULL;
}

static void loading_does_nothing(const char *path)
{
    const struct footprint before = footprint();
    const char *set_before = getenv("ZMD_TIMEOUT_MS");
    char *restored = set_before == NULL ? NULL : strdup(set_before);
    struct library library;

    /* if the environment were read now, creating the client below would fail */
    CHECK(setenv("ZMD_TIMEOUT_MS", "nonsense", 1) == 0);
    load(&library, path);
    CHECK(unsetenv("ZMD_TIMEOUT_MS") == 0);
    check_footprint(before, "after dlopen");
    find_functions(&library);
    check_footprint(before, "after dlsym");

    on_another_thread(query_once, &library);
    check_footprint(before, "after the last free");
    unload(&library);
    check_footprint(before, "after dlclose");

    if (restored != NULL)
        CHECK(setenv("ZMD_TIMEOUT_MS", restored, 1) == 0);
    free(restored);
}

/* ---- Silence ---- */

static zmd_error fail_with_setting(const struct library *library, const char *key, const char *value,
                                   const char *job_id)
{
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    zmd_status status;
    zmd_error err = library->config_new(&config);

    if (err == ZMD_OK)
        err = library->config_load_env(config);
    if (err == ZMD_OK)
        err = library->config_set(config, "max_retries", "0");
    if (err == ZMD_OK)
        err = library->config_set(config, key, value);
    if (err == ZMD_OK)
        err = library->client_new(config, &client);
    if (err == ZMD_OK)
        err = library->client_status(client, "Leads", job_id, &status);
    library->client_free(client);
    library->config_free(config);
    return err;
}

enum { FAILURES = 20 };

static void fail_in_every_way(const struct library *library, const char *dead_url, zmd_error errors[FAILURES])
{
    zmd_client *client = NULL;
    zmd_status status;
    int i = 0;

    errors[i++] = library->config_new(NULL);
    errors[i++] = library->config_load_env(NULL);
    errors[i++] = library->client_new(NULL, NULL);
    errors[i++] = library->client_status(NULL, NULL, NULL, NULL);
    errors[i++] = library->client_status(client, "Leads", "1001", &status);
    errors[i++] = library->client_status_many(client, NULL, 3, NULL, NULL);
    errors[i++] = fail_with_setting(library, "no_such_key", "1", "1001");
    errors[i++] = fail_with_setting(library, "timeout_ms", "\xff", "1001");
    errors[i++] = fail_with_setting(library, "ca_file", "/no/such/file.pem", "1001");
    errors[i++] = fail_with_setting(library, "api_domain", dead_url, "1001");
    errors[i++] = fail_with_setting(library, "timeout_ms", "300", "fault-stall-before-header");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "no id");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "\xff");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "error-INVALID_TOKEN");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "error-html500");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "error-redirect");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "fault-reset");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "fault-close");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "fault-truncate-body");
    errors[i++] = fail_with_setting(library, "api_version", "v7", "fault-garbage");
    CHECK(i == FAILURES);
}

/* While stdout and stderr are redirected to a file, a failed check would not be visible: the checks come afterwards. */
static void *failures_are_silent(void *argument)
{
    const struct library *library = (const struct library *)argument;
    zmd_error errors[FAILURES];
    char dead_url[URL_SIZE];
    int reserved = reserve_dead_url(dead_url);
    FILE *file = tmpfile();
    struct stat written;
    int saved_stdout, saved_stderr, redirected;

    CHECK_MSG(file != NULL, "%s", strerror(errno));
    CHECK(fflush(stdout) == 0 && fflush(stderr) == 0);
    saved_stdout = dup(STDOUT_FILENO);
    saved_stderr = dup(STDERR_FILENO);
    CHECK(saved_stdout >= 0 && saved_stderr >= 0);

    redirected = dup2(fileno(file), STDOUT_FILENO) >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0;
    fail_in_every_way(library, dead_url, errors);
    fflush(stdout);
    fflush(stderr);
    if (dup2(saved_stdout, STDOUT_FILENO) < 0 || dup2(saved_stderr, STDERR_FILENO) < 0)
        _Exit(1);
    close(saved_stdout);
    close(saved_stderr);

    CHECK(redirected);
    CHECK(close(reserved) == 0);
    CHECK(fstat(fileno(file), &written) == 0);
    CHECK_MSG(written.st_size == 0, "%ld bytes written", (long)written.st_size);
    CHECK(fclose(file) == 0);
    for (int i = 0; i < FAILURES; i++)
        CHECK_MSG(errors[i] != ZMD_OK, "call %d was to fail", i);
    return NULL;
}

/* ---- What is left ---- */

/* The server's base URL with `localhost` instead of its address, so that a name must be looked up. */
static char *api_domain_by_name(void)
{
    static const char address[] = "://127.0.0.1";
    static const char name[] = "://localhost";
    const char *domain = getenv("ZMD_API_DOMAIN");
    const char *at = strstr(domain, address);
    char *named;

    if (at == NULL)
        return strdup(domain);
    named = (char *)malloc(strlen(domain) + sizeof name);
    CHECK(named != NULL);
    sprintf(named, "%.*s%s%s", (int)(at - domain), domain, name, at + strlen(address));
    return named;
}

static void *nothing_is_left_after_free(void *argument)
{
    enum { COUNT = 20 };
    const struct library *library = (const struct library *)argument;
    const struct footprint before = footprint();
    char *domain = api_domain_by_name();
    zmd_config *config = NULL;
    zmd_client *client = NULL, *other = NULL;
    zmd_job jobs[COUNT];
    zmd_status statuses[COUNT];
    zmd_error errors[COUNT];

    CHECK_WORKS(library, library->config_new(&config));
    CHECK_WORKS(library, library->config_load_env(config));
    CHECK_WORKS(library, library->config_set(config, "api_domain", domain));
    CHECK_WORKS(library, library->client_new(config, &client));
    CHECK_WORKS(library, library->client_new(config, &other));
    library->config_free(config);
    free(domain);

    for (int i = 0; i < COUNT; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = i % 5 == 4 ? "error-NO_PERMISSION" : "1001";
    }
    CHECK_WORKS(library, library->client_status(client, "Leads", "1001", &statuses[0]));
    CHECK(library->client_status_many(client, jobs, COUNT, statuses, errors) == ZMD_ERR_FORBIDDEN);
    CHECK(errors[0] == ZMD_OK && errors[4] == ZMD_ERR_FORBIDDEN && errors[COUNT - 2] == ZMD_OK);
    CHECK_WORKS(library, library->client_status_many(other, jobs, 4, statuses, errors));
    library->client_free(client);
    library->client_free(other);

    check_footprint(before, "after the last free");
    return NULL;
}

/* ---- Again and again ---- */

/* Fork handlers of the library must be removed with it: else fork() would call unmapped memory. */
static void check_fork_still_works(void)
{
    int status = 0;
    pid_t child = fork();

    CHECK_MSG(child >= 0, "fork: %s", strerror(errno));
    if (child == 0)
        _exit(0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

static void rounds_leave_nothing(const char *path, bool on_first_thread)
{
    const struct footprint before = footprint();

    for (int i = 0; i < ROUNDS; i++) {
        struct library library;

        load(&library, path);
        find_functions(&library);
        if (on_first_thread)
            query_once(&library);
        else
            on_another_thread(query_once, &library);
        unload(&library);
        check_fork_still_works();
        check_footprint(before, "after a round");
    }
}

int main(int argc, char **argv)
{
    struct library library;

    CHECK_MSG(argc == 2, "usage: load_test PATH_OF_THE_LIBRARY");
    check_environment();

    loading_does_nothing(argv[1]);

    load(&library, argv[1]);
    find_functions(&library);
    on_another_thread(failures_are_silent, &library);
    on_another_thread(nothing_is_left_after_free, &library);
    unload(&library);

    rounds_leave_nothing(argv[1], false);
    rounds_leave_nothing(argv[1], true); /* last: from here on the library may stay mapped */

    return passed("load_test");
}
