/*
 * What must hold on every target, in C without POSIX: a status, waits, many jobs, a queue of waits, errors, a cancel,
 * connection strings, the configuration file, and with the arguments CACHE REFRESH_TOKEN CLIENT_ID CLIENT_SECRET an
 * access token from a cache that processes share.
 *
 * The environment names the stand-in server of tests/packages/targets.rs.
 */
#include "check.h"

#include <stdint.h>

struct polls {
    zmd_state states[8];
    int count, end_after;
};

static int32_t polled(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    struct polls *polls = (struct polls *)user_data;

    CHECK_MSG(index == 0 && error == ZMD_OK && polls->count < 8, "%d polls, then %s", polls->count, zmd_error_name(error));
    CHECK(zmd_progress_elapsed_ms() >= 0 && (zmd_progress_next_poll_ms() == -1) == zmd_status_has_ended(status));
    polls->states[polls->count++] = status->state;
    return polls->count == polls->end_after;
}

static void a_wait(zmd_client *client)
{
    struct polls polls = {{0}, 0, -1};
    zmd_status status;
    int64_t limit_ms;

    /* The stand-in's first two answers are about a job that is queued, and one that runs. */
    CHECK_OK(zmd_client_wait(client, "Leads", "1001", 60000, polled, &polls, &status));
    CHECK(polls.count == 3 && polls.states[0] == ZMD_STATE_QUEUED && polls.states[1] == ZMD_STATE_RUNNING);
    CHECK(status.state == ZMD_STATE_COMPLETED && status.deleted_count == 9);

    polls.count = 0;
    polls.end_after = 2;
    CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", -1, polled, &polls, &status), ZMD_ERR_CANCELLED);
    CHECK(polls.count == 2 && status.state == ZMD_STATE_RUNNING);
    /* On a busy machine the shorter limits end before the first answer. */
    status.state = ZMD_STATE_UNKNOWN;
    for (limit_ms = 500; limit_ms < 60000 && status.state == ZMD_STATE_UNKNOWN; limit_ms *= 5)
        CHECK_RETURNS(zmd_client_wait(client, "Leads", "1002", limit_ms, NULL, NULL, &status), ZMD_ERR_TIMEOUT);
    CHECK(status.state == ZMD_STATE_RUNNING && status.total_count == 50000);
}

static void a_status(zmd_client *client)
{
    zmd_status status;
    int32_t state = -1;
    int64_t total = -7, deleted = -7, failed = -7;

    CHECK_OK(zmd_client_status(client, "Leads", "1003", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED && status.http_status == 200 && status.total_count == 9);
    CHECK(status.deleted_count == 7 && status.failed_count == 2 && strcmp(status.state_text, "COMPLETED") == 0);
    CHECK_OK(zmd_simple_status("Leads", "1004", &state, &total, &deleted, &failed));
    CHECK(state == ZMD_STATE_FAILED && total == 9 && deleted == 0 && failed == 9);
    CHECK_OK(zmd_simple_wait("Leads", "1003", 60000, &state, NULL, NULL, &failed));
    CHECK(state == ZMD_STATE_COMPLETED && failed == 2);
    CHECK_OK(zmd_client_status_within(client, "Leads", "1001", 20000, &status));
    CHECK(zmd_status_is_successful(&status) == 1);
}

static void errors(zmd_client *client)
{
    zmd_status status;

    CHECK_RETURNS(zmd_client_status(client, "Leads", "error-NO_PERMISSION", &status), ZMD_ERR_FORBIDDEN);
    CHECK(strcmp(zmd_last_error_code(), "NO_PERMISSION") == 0 && strstr(zmd_last_error(), "permission denied") != NULL);
    CHECK(status.state == ZMD_STATE_UNKNOWN && status.http_status == 403 && status.deleted_count == -1);
    CHECK_RETURNS(zmd_client_status(client, "Sales Orders", "1001", &status), ZMD_ERR_INVALID_ARGUMENT);
    CHECK(strstr(zmd_last_error(), "Sales_Orders") != NULL);
    CHECK_RETURNS(zmd_client_status(client, NULL, "1001", &status), ZMD_ERR_NULL_POINTER);
}

enum { COUNT = 40 };

static void many(zmd_client *client)
{
    zmd_job jobs[COUNT];
    zmd_status statuses[COUNT];
    zmd_error found[COUNT];
    int i;

    for (i = 0; i < COUNT; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = i == 7 ? "4711" : "1001";
    }
    CHECK_RETURNS(zmd_client_status_many(client, jobs, COUNT, statuses, found), ZMD_ERR_JOB_NOT_FOUND);
    CHECK(zmd_last_error_of_job(7)[0] != '\0' && zmd_last_error_of_job(8)[0] == '\0');
    for (i = 0; i < COUNT; i++)
        CHECK(i == 7 ? found[i] == ZMD_ERR_JOB_NOT_FOUND : found[i] == ZMD_OK && statuses[i].deleted_count == 9);
    jobs[7].job_id = "1003";
    CHECK_OK(zmd_client_wait_many(client, jobs, COUNT, 60000, NULL, NULL, statuses, found));
    CHECK(statuses[7].failed_count == 2);
}

static void a_queue_of_waits(zmd_client *client)
{
    static const char *const job_ids[] = {"1001", "1003", "1004", "4711"};
    zmd_waits *waits = NULL;
    zmd_event event;
    uint64_t ids[COUNT], endless = 0;
    int i, left = COUNT;

    CHECK_OK(zmd_waits_new(client, &waits));
    CHECK_OK(zmd_waits_add(waits, "Leads", "1002", -1, &endless));
    for (i = 0; i < COUNT; i++)
        CHECK_OK(zmd_waits_add(waits, "Leads", job_ids[i % 4], 60000, &ids[i]));
    while (left > 0) {
        CHECK_OK(zmd_waits_next(waits, 60000, &event));
        CHECK(event.elapsed_ms >= 0);
        if (event.id == endless) {
            CHECK(event.error == ZMD_OK && !event.has_ended && event.next_poll_ms >= 0);
            CHECK(event.status.state == ZMD_STATE_RUNNING && event.status.total_count == 50000);
            continue;
        }
        CHECK(event.has_ended && event.next_poll_ms == -1);
        for (i = 0; i < COUNT && ids[i] != event.id; i++)
            continue;
        CHECK(i < COUNT);
        CHECK(event.error == (i % 4 == 3 ? ZMD_ERR_JOB_NOT_FOUND : ZMD_OK));
        CHECK(event.status.failed_count == (i % 4 == 0 ? 0 : i % 4 == 1 ? 2 : i % 4 == 2 ? 9 : -1));
        left--;
    }
    CHECK_OK(zmd_waits_remove(waits, endless));
    do
        CHECK_OK(zmd_waits_next(waits, 60000, &event));
    while (!event.has_ended);
    CHECK(event.id == endless && event.error == ZMD_ERR_CANCELLED);
    CHECK_RETURNS(zmd_waits_next(waits, 0, &event), ZMD_ERR_TIMEOUT);
    zmd_waits_free(waits);
}

static void a_cancel(zmd_client *client)
{
    zmd_client *clone = NULL;
    zmd_status status;

    CHECK_OK(zmd_client_clone(client, &clone));
    CHECK_OK(zmd_client_cancel(clone));
    CHECK_RETURNS(zmd_client_status(clone, "Leads", "1001", &status), ZMD_ERR_CANCELLED);
    zmd_client_free(clone);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
}

static void a_connection_string(void)
{
    int32_t state = -1;
    int64_t failed = -7;

    CHECK_OK(zmd_simple_status_with("timeout_ms=20000;poll_min_ms={10}", "Leads     ", "1003      ", &state, NULL, NULL,
                                    &failed));
    CHECK(state == ZMD_STATE_COMPLETED && failed == 2);
    CHECK_OK(zmd_simple_wait_with("", "Leads", "1004", 20000, &state, NULL, NULL, &failed));
    CHECK(state == ZMD_STATE_FAILED && failed == 9);
    CHECK_RETURNS(zmd_simple_status_with("timeout=1", "Leads", "1001", &state, NULL, NULL, NULL), ZMD_ERR_INVALID_CONFIG);
}

/* ZMD_CONFIG_FILE names a file with the profile "plain", which has no credentials, and "bad", which has no such key. */
static void a_configuration_file(void)
{
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    zmd_status status;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_env(config));
    CHECK_RETURNS(zmd_config_load_file(config, NULL, "bad"), ZMD_ERR_INVALID_CONFIG);
    CHECK(strstr(zmd_last_error(), "colour") != NULL);
    CHECK_OK(zmd_config_load_file(config, NULL, "plain"));
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
}

/* Settings for a client that gets its own access tokens. */
static void a_cached_token(char **arguments)
{
    static const char *const keys[] = {"token_cache", "refresh_token", "client_id", "client_secret"};
    const char *ca_file = getenv("ZMD_CA_FILE");
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    zmd_status status;
    int i;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_set(config, "api_domain", getenv("ZMD_API_DOMAIN")));
    CHECK_OK(zmd_config_set(config, "accounts_url", getenv("ZMD_API_DOMAIN")));
    if (ca_file != NULL)
        CHECK_OK(zmd_config_set(config, "ca_file", ca_file));
    for (i = 0; i < 4; i++)
        CHECK_OK(zmd_config_set(config, keys[i], arguments[i]));
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED);
    zmd_client_free(client);
}

int main(int argc, char **argv)
{
    zmd_client *client;

    check_environment();
    CHECK(strcmp(zmd_version(), "0.1.0") == 0);
    if (argc == 5) {
        a_cached_token(argv + 1);
        return passed("target_test");
    }
    client = new_client(NULL, NULL);
    a_wait(client);
    a_status(client);
    errors(client);
    many(client);
    a_queue_of_waits(client);
    a_cancel(client);
    zmd_client_free(client);
    a_connection_string();
    a_configuration_file();
    return passed("target_test");
}
