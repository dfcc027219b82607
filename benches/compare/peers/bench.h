/*
 * How every program of the comparison is run:
 *
 *   PROGRAM COUNT         makes that many queries, and prints the nanoseconds from the start of main() to the first answer
 *   PROGRAM               reads a number a line from standard input, makes as many queries, and prints a line for each:
 *                         the nanoseconds that passed, and those of the processor
 *   PROGRAM COUNT THREADS makes that many queries on as many threads, after one on each, and prints the same two for
 *                         all of them together (in C only)
 *
 * BENCH_URL, BENCH_MODULE, BENCH_JOB and BENCH_TOKEN say what to ask. An answer that is not the right one ends the
 * program with an error.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a program brings along. Each thread opens what it needs: for libzmd that is the same client. */
static void *peer_open(void);
static void peer_query(void *peer);
static void peer_close(void *peer);

/* What the server answers. */
enum { EXPECTED_TOTAL = 9, EXPECTED_DELETED = 9, EXPECTED_FAILED = 0 };
#define EXPECTED_STATE "COMPLETED"

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static const char *env(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(1);
    }
    return value;
}

static long long now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static pthread_barrier_t bench_barrier;
static long bench_share;

static void *bench_thread(void *unused)
{
    void *peer = peer_open();
    (void)unused;
    peer_query(peer);
    pthread_barrier_wait(&bench_barrier);
    pthread_barrier_wait(&bench_barrier);
    for (long i = 0; i < bench_share; i++)
        peer_query(peer);
    pthread_barrier_wait(&bench_barrier);
    peer_close(peer);
    return NULL;
}

static void bench_threads(long count, long threads)
{
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    long long wall, cpu;
    bench_share = count / threads;
    pthread_barrier_init(&bench_barrier, NULL, (unsigned)threads + 1);
    for (long i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, bench_thread, NULL) != 0)
            die("no thread");
    pthread_barrier_wait(&bench_barrier);
    wall = now_ns(CLOCK_MONOTONIC);
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(&bench_barrier);
    pthread_barrier_wait(&bench_barrier);
    printf("%lld %lld\n", now_ns(CLOCK_MONOTONIC) - wall, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    for (long i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    free(ids);
}

static int bench_main(int argc, char **argv)
{
    long long start = now_ns(CLOCK_MONOTONIC);
    char line[64];
    void *peer;

    if (argc > 2) {
        bench_threads(strtol(argv[1], NULL, 10), strtol(argv[2], NULL, 10));
        return 0;
    }
    peer = peer_open();
    if (argc > 1) {
        peer_query(peer);
        printf("%lld\n", now_ns(CLOCK_MONOTONIC) - start);
        for (long i = strtol(argv[1], NULL, 10); i > 1; i--)
            peer_query(peer);
    } else {
        while (fgets(line, sizeof line, stdin) != NULL) {
            long count = strtol(line, NULL, 10);
            long long *took = calloc((size_t)count * 2 + 1, sizeof *took);
            for (long i = 0; i < count; i++) {
                long long wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
                peer_query(peer);
                took[2 * i] = now_ns(CLOCK_MONOTONIC) - wall;
                took[2 * i + 1] = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
            }
            for (long i = 0; i < count; i++)
                printf("%lld %lld\n", took[2 * i], took[2 * i + 1]);
            fflush(stdout);
            free(took);
        }
    }
    peer_close(peer);
    return 0;
}

#endif
