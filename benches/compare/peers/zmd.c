/*
 * libzmd through its C interface: see bench.h. And the calls for many jobs:
 *
 *   zmd status_many COUNT    or wait_many: prints the nanoseconds that the call took, and those of the processor
 *
 * with ZMD_MAX_CONCURRENCY in the environment.
 */
#include "bench.h"

#include <zmd.h>

static const char *module, *job_id;
static zmd_client *client;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_client(void)
{
    zmd_config *config = NULL;
    module = env("BENCH_MODULE");
    job_id = env("BENCH_JOB");
    if (zmd_config_new(&config) != ZMD_OK || zmd_config_load_env(config) != ZMD_OK ||
        zmd_config_set(config, "api_domain", env("BENCH_URL")) != ZMD_OK ||
        zmd_config_set(config, "access_token", env("BENCH_TOKEN")) != ZMD_OK ||
        /* One client for all threads, as many calls at once. */
        zmd_config_set(config, "max_concurrency", "1000") != ZMD_OK ||
        zmd_client_new(config, &client) != ZMD_OK)
        die(zmd_last_error());
    zmd_config_free(config);
}

static void *peer_open(void)
{
    pthread_once(&once, make_client);
    return client;
}

static void check(const zmd_status *status)
{
    if (status->state != ZMD_STATE_COMPLETED || status->total_count != EXPECTED_TOTAL ||
        status->deleted_count != EXPECTED_DELETED || status->failed_count != EXPECTED_FAILED)
        die("another answer");
}

static void peer_query(void *peer)
{
    zmd_status status;
    if (zmd_client_status(peer, module, job_id, &status) != ZMD_OK)
        die(zmd_last_error());
    check(&status);
}

/* The client is the process's. */
static void peer_close(void *peer)
{
    (void)peer;
}

static void many(int is_wait, size_t count)
{
    zmd_job *jobs = calloc(count, sizeof *jobs);
    zmd_status *statuses = calloc(count, sizeof *statuses);
    zmd_error *errors = calloc(count, sizeof *errors);
    long long wall, cpu;
    zmd_error error;

    peer_open();
    for (size_t i = 0; i < count; i++) {
        jobs[i].module = module;
        jobs[i].job_id = job_id;
    }
    wall = now_ns(CLOCK_MONOTONIC);
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    error = is_wait ? zmd_client_wait_many(client, jobs, count, -1, NULL, NULL, statuses, errors)
                    : zmd_client_status_many(client, jobs, count, statuses, errors);
    printf("%lld %lld\n", now_ns(CLOCK_MONOTONIC) - wall, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    if (error != ZMD_OK)
        die(zmd_last_error());
    for (size_t i = 0; i < count; i++)
        check(&statuses[i]);
    free(jobs);
    free(statuses);
    free(errors);
}

int main(int argc, char **argv)
{
    int result = 0;
    if (argc == 3 && strcmp(argv[1], "status_many") == 0)
        many(0, strtoul(argv[2], NULL, 10));
    else if (argc == 3 && strcmp(argv[1], "wait_many") == 0)
        many(1, strtoul(argv[2], NULL, 10));
    else
        result = bench_main(argc, argv);
    zmd_client_free(client);
    return result;
}
