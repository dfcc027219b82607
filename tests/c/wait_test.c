/*
 * Waiting from C: for one job, for many, with a callback, until a timeout, and until a cancel. Everything is freed, so
 * that memcheck has nothing to report.
 *
 * The environment names the stand-in server, as for basics.c; the pauses between polls are short there.
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

enum { COUNT = 12 };

struct polls {
    pthread_t thread;
    int count, failures;
};

static int32_t on_poll(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    struct polls *polls = (struct polls *)user_data;

    CHECK(pthread_equal(pthread_self(), polls->thread));
    CHECK(index < COUNT);
    CHECK((error == ZMD_OK) == (zmd_last_error()[0] == '\0'));
    CHECK((error == ZMD_OK) == (status->state != ZMD_STATE_UNKNOWN));
    polls->count++;
    /* the last poll of a wait may be cut short by its end */
    polls->failures += error != ZMD_OK && error != ZMD_ERR_TIMEOUT;
    return 0;
}

static void a_job_that_has_ended(zmd_client *client)
{
    struct polls polls = {pthread_self(), 0, 0};
    zmd_status status;
    int32_t state = -1;
    int64_t total = -7;

    CHECK_OK(zmd_client_wait(client, "Leads", "1001", -1, on_poll, &polls, &status));
    CHECK(status.state == ZMD_STATE_COMPLETED && polls.count == 1);
    CHECK_OK(zmd_client_wait(client, "Leads", "1001", 0, NULL, NULL, &status));
    CHECK_OK(zmd_simple_wait("Leads", "1001", -1, &state, &total, NULL, NULL));
    CHECK(state == (int32_t)ZMD_STATE_COMPLETED && total == 9);
}

static void a_running_job(zmd_client *client)
{
    struct polls polls = {pthread_self(), 0, 0};
    zmd_status status;
    int32_t state = -1;
    struct watch watch = start_watch();

    CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", 1000, on_poll, &polls, &status), ZMD_ERR_TIMEOUT);
    CHECK_TOOK(watch, 1000, 1100);
    CHECK(polls.failures == 0);
    CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", 0, NULL, NULL, &status), ZMD_ERR_TIMEOUT);
    CHECK(status.state == ZMD_STATE_RUNNING);
    CHECK_RETURNS(zmd_simple_wait("Leads", "1002", 0, &state, NULL, NULL, NULL), ZMD_ERR_TIMEOUT);
    CHECK(state == (int32_t)ZMD_STATE_RUNNING);
    CHECK_RETURNS(zmd_simple_wait("Leads", "4711", 0, &state, NULL, NULL, NULL), ZMD_ERR_JOB_NOT_FOUND);
    CHECK(state == (int32_t)ZMD_STATE_UNKNOWN);
}

static void many_jobs(zmd_client *client)
{
    struct polls polls = {pthread_self(), 0, 0};
    zmd_job jobs[COUNT];
    zmd_status statuses[COUNT];
    zmd_error errors[COUNT];

    for (int i = 0; i < COUNT; i++) {
        jobs[i].module = i == 5 ? NULL : "Leads";
        jobs[i].job_id = i == 7 ? "4711" : i == 9 ? "1002" : "1001";
    }
    CHECK_RETURNS(zmd_client_wait_many(client, jobs, COUNT, 1500, on_poll, &polls, statuses, errors), ZMD_ERR_NULL_POINTER);
    CHECK(strstr(zmd_last_error(), "jobs[5]") != NULL);
    for (int i = 0; i < COUNT; i++) {
        zmd_error expected = i == 5   ? ZMD_ERR_NULL_POINTER
                             : i == 7 ? ZMD_ERR_JOB_NOT_FOUND
                             : i == 9 ? ZMD_ERR_TIMEOUT
                                      : ZMD_OK;
        CHECK(errors[i] == expected);
        CHECK(statuses[i].state == (i == 5 || i == 7 ? ZMD_STATE_UNKNOWN
                                    : i == 9         ? ZMD_STATE_RUNNING
                                                     : ZMD_STATE_COMPLETED));
    }
    CHECK(polls.failures == 1);
}

static void *wait_without_limit(void *client)
{
    zmd_status status;

    CHECK_RETURNS(zmd_client_wait((zmd_client *)client, "Leads", "1002", -1, NULL, NULL, &status), ZMD_ERR_CANCELLED);
    return NULL;
}

static int32_t end_wait(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    (void)user_data, (void)index, (void)error, (void)status;
    return 1;
}

static int32_t end_the_first_job(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    (void)user_data, (void)error, (void)status;
    if (index == 0)
        CHECK(zmd_progress_end_job() == 1);
    return 0;
}

static void the_wait_for_one_of_two_jobs_is_ended(zmd_client *client)
{
    const zmd_job jobs[2] = {{"Leads", "1002"}, {"Leads", "1001"}};
    zmd_status statuses[2];
    zmd_error errors[2];

    CHECK_RETURNS(zmd_client_wait_many(client, jobs, 2, -1, end_the_first_job, NULL, statuses, errors),
                  ZMD_ERR_CANCELLED);
    CHECK(errors[0] == ZMD_ERR_CANCELLED && statuses[0].state == ZMD_STATE_RUNNING);
    CHECK(errors[1] == ZMD_OK && statuses[1].state == ZMD_STATE_COMPLETED);
    CHECK(zmd_progress_end_job() == 0);
}

static void a_wait_that_is_cancelled(void)
{
    zmd_client *client = new_client("poll_min_ms", "20");
    pthread_t threads[3];
    zmd_status status;
    struct polls polls = {pthread_self(), 0, 0};

    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_without_limit, client) == 0);
    CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", 200, on_poll, &polls, &status), ZMD_ERR_TIMEOUT);
    CHECK_OK(zmd_client_cancel(client));
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    zmd_client_free(client);

    client = new_client("poll_min_ms", "20");
    CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", -1, end_wait, NULL, &status), ZMD_ERR_CANCELLED);
    CHECK(status.state == ZMD_STATE_RUNNING);
    zmd_client_free(client);
}

static void a_clone_is_freed_before_its_client_or_after(void)
{
    zmd_client *client = new_client("poll_min_ms", "20");
    zmd_client *first = NULL, *second = NULL;
    zmd_status status;

    CHECK_OK(zmd_client_clone(client, &first));
    CHECK_OK(zmd_client_clone(client, &second));
    CHECK_RETURNS(zmd_client_wait(first, "Leads", "1002", -1, end_wait, NULL, &status), ZMD_ERR_CANCELLED);
    zmd_client_free(first);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
    CHECK_OK(zmd_client_status(second, "Leads", "1001", &status));
    zmd_client_free(second);
}

/* The peak memory of this process, in KiB. */
static long peak_memory(void)
{
    struct rusage usage;

    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_maxrss;
}

static void ten_thousand_jobs_take_little_memory(zmd_client *client)
{
    enum { JOBS = 10000 };
    static zmd_job jobs[JOBS];
    static zmd_status statuses[JOBS];
    static zmd_error errors[JOBS];
    long before, after;

    for (int i = 0; i < JOBS; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = "1002";
    }
    memset(statuses, 1, sizeof statuses);
    memset(errors, 1, sizeof errors);
    /* allocates the memory for connections and threads */
    CHECK_RETURNS(zmd_client_wait_many(client, jobs, 20, 0, NULL, NULL, statuses, errors), ZMD_ERR_TIMEOUT);
    before = peak_memory();
    CHECK_RETURNS(zmd_client_wait_many(client, jobs, JOBS, 0, NULL, NULL, statuses, errors), ZMD_ERR_TIMEOUT);
    after = peak_memory();
    for (int i = 0; i < JOBS; i++)
        CHECK(errors[i] == ZMD_ERR_TIMEOUT && statuses[i].state == ZMD_STATE_RUNNING);
    CHECK_MSG(after - before <= JOBS, "%ld KiB for %d jobs", after - before, (int)JOBS);
}

/* As doc/waiting.md shows it. */
static void an_event_loop(zmd_client *client)
{
    zmd_waits *waits = NULL;
    struct pollfd handle = {-1, POLLIN, 0};
    zmd_event event;
    zmd_error err = ZMD_OK;
    int ended = 0;

    CHECK_OK(zmd_waits_new(client, &waits));
    CHECK_OK(zmd_waits_add(waits, "Leads", "1001", -1, NULL));
    CHECK_OK(zmd_waits_add_status(waits, "Leads", "1002", -1, NULL));
    handle.fd = (int)zmd_waits_handle(waits);
    CHECK(handle.fd > 2);
    do {
        CHECK(poll(&handle, 1, 10000) == 1);
        while ((err = zmd_waits_next(waits, 0, &event)) == ZMD_OK) {
            CHECK_MSG(event.error == ZMD_OK, "%s", zmd_last_error_of_job(0));
            if (event.has_ended != 0 && ++ended == 2)
                CHECK_OK(zmd_waits_cancel(waits));
        }
    } while (err == ZMD_ERR_TIMEOUT);
    CHECK(err == ZMD_ERR_CANCELLED && ended == 2);
    zmd_waits_free(waits);
    CHECK(fcntl(handle.fd, F_GETFD) == -1);
    CHECK(zmd_waits_handle(NULL) == -1);
}

int main(int argc, char **argv)
{
    zmd_client *client;

    check_environment();
    if (argc > 1 && strcmp(argv[1], "memory") == 0) { /* not with memcheck, whose own memory would be counted */
        client = new_client(NULL, NULL);
        ten_thousand_jobs_take_little_memory(client);
        zmd_client_free(client);
    }
    client = new_client("poll_max_ms", "100");
    a_job_that_has_ended(client);
    a_running_job(client);
    many_jobs(client);
    the_wait_for_one_of_two_jobs_is_ended(client);
    an_event_loop(client);
    zmd_client_free(client);
    a_wait_that_is_cancelled();
    a_clone_is_freed_before_its_client_or_after();
    return passed("wait_test");
}
