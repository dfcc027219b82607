/*
 * Shared by the C tests. Include it first: it enables the POSIX interfaces (setenv, sigaction, setitimer, ...) that
 * -std=c99 hides.
 *
 * A check that fails prints its place to stderr, and ends the program with status 1 by _Exit(), because it may run on any
 * thread and in a forked child, where the parent's exit handlers must not run.
 */
#ifndef ZMD_TESTS_CHECK_H
#define ZMD_TESTS_CHECK_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#ifndef _WIN32
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zmd.h"

#define CHECK(condition) CHECK_MSG(condition, "%s", "does not hold")

/* The further arguments are for printf: the actual value. */
#define CHECK_MSG(condition, ...)                                           \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                   \
            fputc('\n', stderr);                                            \
            _Exit(1);                                                       \
        }                                                                   \
    } while (0)

/* A call of the library and its expected result. A success must clear the last error, a failure must set it. */
#define CHECK_RETURNS(call, expected)                                                                              \
    do {                                                                                                           \
        zmd_error returned_ = (call);                                                                              \
        if (returned_ != (expected) || (zmd_last_error()[0] == '\0') != ((expected) == ZMD_OK)) {                  \
            fprintf(stderr, "%s:%d: %s: %s instead of %s, last error \"%s\"\n", __FILE__, __LINE__, #call,         \
                    zmd_error_name(returned_), zmd_error_name(expected), zmd_last_error());                        \
            _Exit(1);                                                                                              \
        }                                                                                                          \
    } while (0)

#define CHECK_OK(call) CHECK_RETURNS(call, ZMD_OK)

/* Call it at the start of main(): without a server, each test would fail with a misleading message. */
static inline void check_environment(void)
{
    CHECK_MSG(getenv("ZMD_API_DOMAIN") != NULL, "no stand-in server is named");
    CHECK_MSG(getenv("ZMD_ACCESS_TOKEN") != NULL, "no token of the stand-in server is given");
}

/* A client with the settings of the environment and one further setting; NULL: none. */
static inline zmd_client *new_client(const char *key, const char *value)
{
    zmd_config *config = NULL;
    zmd_client *client = NULL;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_env(config));
    if (key != NULL)
        CHECK_OK(zmd_config_set(config, key, value));
    CHECK_OK(zmd_client_new(config, &client));
    CHECK(client != NULL);
    zmd_config_free(config);
    return client;
}

#ifndef _WIN32
/* The time of the monotonic clock. */
static inline double milliseconds(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1000000.0;
}

/*
 * How long something takes on this thread, on a machine that may be busy with something else: a lower limit is compared with
 * the whole time, an upper limit with the time less that for which the thread was ready to run without a processor. (As
 * timed() of the Rust tests.)
 */
struct watch {
    double begin, lost;
};

/* The second number of schedstat, in nanoseconds; 0 where the system does not count it. */
static inline double lost_milliseconds_of(const char *schedstat)
{
    unsigned long long running = 0, waiting = 0;
    FILE *file = fopen(schedstat, "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &running, &waiting) != 2)
        waiting = 0;
    fclose(file);
    return (double)waiting / 1000000.0;
}

static inline double lost_milliseconds(void)
{
    return lost_milliseconds_of("/proc/thread-self/schedstat");
}

static inline struct watch start_watch(void)
{
    struct watch watch = {0, lost_milliseconds()};

    watch.begin = milliseconds();
    return watch;
}

#define CHECK_TOOK(watch, at_least, at_most)                                                                       \
    do {                                                                                                           \
        double took_ = milliseconds() - (watch).begin, lost_ = lost_milliseconds() - (watch).lost;                 \
        CHECK_MSG(took_ >= (at_least) && took_ - lost_ <= (at_most), "%.0f ms, %.0f without a processor", took_, lost_); \
    } while (0)

enum { URL_SIZE = 32 };

/*
 * Writes a URL of this machine where connections are refused, and returns a socket that reserves the port until it is
 * closed: it is bound, but not listening.
 */
static inline int reserve_dead_url(char url[URL_SIZE])
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int reserved = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(reserved >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(reserved, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(getsockname(reserved, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, URL_SIZE, "http://127.0.0.1:%d", (int)ntohs(address.sin_port));
    return reserved;
}
#endif

#ifndef _WIN32
/* The number of entries of a directory; "." and "..", and the descriptor of the directory itself, are always counted. */
static inline int count_entries(const char *directory)
{
    DIR *entries = opendir(directory);
    int count = 0;

    CHECK_MSG(entries != NULL, "%s: %s", directory, strerror(errno));
    while (readdir(entries) != NULL)
        count++;
    CHECK(closedir(entries) == 0);
    return count;
}
#endif

/* The return value of main() when every check has passed. */
static inline int passed(const char *name)
{
    printf("ok %s\n", name);
    return fflush(stdout) == 0 ? 0 : 1;
}

#endif
