/*
 * The header at compile time: it is self-contained, may be included twice, and has the sizes, offsets, numbers and
 * prototypes that compiled programs depend on.
 *
 * Nothing is included before zmd.h, so it must include what it needs.
 */
#include "zmd.h"
#include "zmd.h"

#include <stddef.h>
#include <stdio.h>

/* C99 has no static assertion: an array of negative size does not compile either. */
#if defined(__cplusplus)
#define ASSERT(condition) static_assert(condition, #condition)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ASSERT(condition) _Static_assert(condition, #condition)
#else
#define ASSERT_NAME(line) assertion_at_line_##line
#define ASSERT_AT(condition, line) typedef char ASSERT_NAME(line)[(condition) ? 1 : -1]
#define ASSERT(condition) ASSERT_AT(condition, __LINE__)
#endif

#define SIZE_OF(type, member) sizeof(((type *)0)->member)

ASSERT(ZMD_VERSION_MAJOR == 0);
ASSERT(ZMD_VERSION_MINOR == 1);
ASSERT(ZMD_VERSION_PATCH == 0);
#if ZMD_VERSION_MAJOR != 0 || ZMD_VERSION_MINOR != 1 || ZMD_VERSION_PATCH != 0
#error "the version has to be usable in #if too"
#endif

/* ---- zmd_status: 64 bytes and no padding on every platform ---- */

ASSERT(sizeof(zmd_status) == 64);
ASSERT(offsetof(zmd_status, state) == 0);
ASSERT(offsetof(zmd_status, http_status) == 4);
ASSERT(offsetof(zmd_status, total_count) == 8);
ASSERT(offsetof(zmd_status, deleted_count) == 16);
ASSERT(offsetof(zmd_status, failed_count) == 24);
ASSERT(offsetof(zmd_status, state_text) == 32);
ASSERT(SIZE_OF(zmd_status, state) == 4);
ASSERT(SIZE_OF(zmd_status, http_status) == 4);
ASSERT(SIZE_OF(zmd_status, total_count) == 8);
ASSERT(SIZE_OF(zmd_status, deleted_count) == 8);
ASSERT(SIZE_OF(zmd_status, failed_count) == 8);
ASSERT(SIZE_OF(zmd_status, state_text) == 32);

/* ---- zmd_job: two pointers ---- */

ASSERT(sizeof(zmd_job) == 2 * sizeof(char *));
ASSERT(offsetof(zmd_job, module) == 0);
ASSERT(offsetof(zmd_job, job_id) == sizeof(char *));

/* ---- The enums: signed, four bytes wide ---- */

ASSERT(sizeof(zmd_error) == 4);
ASSERT(sizeof(zmd_state) == 4);
ASSERT((zmd_error)-1 < 0);
ASSERT((zmd_state)-1 < 0);

ASSERT(sizeof(zmd_event) == 96);
ASSERT(offsetof(zmd_event, id) == 0);
ASSERT(offsetof(zmd_event, error) == 8);
ASSERT(offsetof(zmd_event, has_ended) == 12);
ASSERT(offsetof(zmd_event, elapsed_ms) == 16);
ASSERT(offsetof(zmd_event, next_poll_ms) == 24);
ASSERT(offsetof(zmd_event, status) == 32);

/* ---- zmd_counters: numbers alone, and it grows at its end ---- */

ASSERT(sizeof(zmd_counters) == 72);
ASSERT(offsetof(zmd_counters, calls) == 0);
ASSERT(offsetof(zmd_counters, waited_ms) == 64);

ASSERT(ZMD_VERSION_NUMBER == 10000 * ZMD_VERSION_MAJOR + 100 * ZMD_VERSION_MINOR + ZMD_VERSION_PATCH);
ASSERT(sizeof(ZMD_VERSION) >= sizeof("0.1.0"));

ASSERT(ZMD_STATE_UNKNOWN == 0);
ASSERT(ZMD_STATE_SCHEDULED == 1);
ASSERT(ZMD_STATE_RUNNING == 2);
ASSERT(ZMD_STATE_COMPLETED == 3);
ASSERT(ZMD_STATE_FAILED == 4);
ASSERT(ZMD_STATE_QUEUED == 5);
ASSERT(ZMD_STATE_SUSPENDED == 6);

ASSERT(ZMD_OK == 0);
ASSERT(ZMD_ERR_NULL_POINTER == 1);
ASSERT(ZMD_ERR_INVALID_ARGUMENT == 2);
ASSERT(ZMD_ERR_INVALID_CONFIG == 3);
ASSERT(ZMD_ERR_DNS == 10);
ASSERT(ZMD_ERR_CONNECT == 11);
ASSERT(ZMD_ERR_TLS == 12);
ASSERT(ZMD_ERR_PROXY == 13);
ASSERT(ZMD_ERR_NETWORK == 14);
ASSERT(ZMD_ERR_TIMEOUT == 15);
ASSERT(ZMD_ERR_CANCELLED == 16);
ASSERT(ZMD_ERR_STALLED == 17);
ASSERT(ZMD_ERR_UNAUTHORIZED == 20);
ASSERT(ZMD_ERR_SCOPE == 21);
ASSERT(ZMD_ERR_FORBIDDEN == 22);
ASSERT(ZMD_ERR_INVALID_MODULE == 23);
ASSERT(ZMD_ERR_JOB_NOT_FOUND == 24);
ASSERT(ZMD_ERR_RATE_LIMITED == 25);
ASSERT(ZMD_ERR_SERVER == 26);
ASSERT(ZMD_ERR_API == 27);
ASSERT(ZMD_ERR_BAD_RESPONSE == 28);
ASSERT(ZMD_ERR_OAUTH == 29);
ASSERT(ZMD_ERR_INTERNAL == 99);

/*
 * ---- The prototypes again: the compiler refuses a second declaration that differs from the first ----
 */

#ifdef __cplusplus
extern "C" {
#endif

const char *zmd_version(void);
const char *zmd_error_name(int32_t error);
const char *zmd_error_message(int32_t error);
const char *zmd_state_name(int32_t state);
const char *zmd_last_error(void);
const char *zmd_last_error_code(void);

zmd_error zmd_config_new(zmd_config **config);
zmd_error zmd_config_set(zmd_config *config, const char *key, const char *value);
zmd_error zmd_config_load_env(zmd_config *config);
zmd_error zmd_config_load_file(zmd_config *config, const char *path, const char *profile);
void zmd_config_free(zmd_config *config);

zmd_error zmd_client_new(const zmd_config *config, zmd_client **client);
zmd_error zmd_client_set_access_token(zmd_client *client, const char *access_token);
zmd_error zmd_client_status(zmd_client *client, const char *module, const char *job_id, zmd_status *status);
zmd_error zmd_client_status_many(zmd_client *client, const zmd_job *jobs, size_t count, zmd_status *statuses,
                                 zmd_error *errors);
zmd_error zmd_client_wait(zmd_client *client, const char *module, const char *job_id, int64_t timeout_ms,
                          zmd_progress_fn progress, void *user_data, zmd_status *status);
zmd_error zmd_client_wait_many(zmd_client *client, const zmd_job *jobs, size_t count, int64_t timeout_ms,
                               zmd_progress_fn progress, void *user_data, zmd_status *statuses, zmd_error *errors);
zmd_error zmd_client_cancel(zmd_client *client);
void zmd_client_free(zmd_client *client);

zmd_error zmd_simple_status(const char *module, const char *job_id, int32_t *state, int64_t *total_count,
                            int64_t *deleted_count, int64_t *failed_count);
zmd_error zmd_simple_wait(const char *module, const char *job_id, int64_t timeout_ms, int32_t *state,
                          int64_t *total_count, int64_t *deleted_count, int64_t *failed_count);

zmd_error zmd_set_logger(zmd_log_fn log, void *user_data, int32_t max_level);

const char *zmd_last_error_of_job(size_t index);
const char *zmd_last_error_code_of_job(size_t index);
int32_t zmd_error_is_transient(int32_t error);
int32_t zmd_status_is_successful(const zmd_status *status);
int32_t zmd_status_has_ended(const zmd_status *status);
int32_t zmd_is_successful(int32_t state, int64_t total_count, int64_t deleted_count, int64_t failed_count);
size_t zmd_status_text(const zmd_status *status, char *text, size_t size);
int64_t zmd_progress_elapsed_ms(void);
int64_t zmd_progress_next_poll_ms(void);
int64_t zmd_progress_remaining_ms(void);
int32_t zmd_progress_end_job(void);
int64_t zmd_client_credits(const zmd_client *client);
zmd_error zmd_client_counters(const zmd_client *client, zmd_counters *counters, size_t size);
zmd_error zmd_config_set_token_provider(zmd_config *config, zmd_token_fn provide, void *user_data);
zmd_error zmd_client_clone(zmd_client *client, zmd_client **clone);
zmd_error zmd_client_status_within(zmd_client *client, const char *module, const char *job_id, int64_t timeout_ms,
                                   zmd_status *status);
zmd_error zmd_simple_status_with(const char *settings, const char *module, const char *job_id, int32_t *state,
                                 int64_t *total_count, int64_t *deleted_count, int64_t *failed_count);
zmd_error zmd_simple_wait_with(const char *settings, const char *module, const char *job_id, int64_t timeout_ms,
                               int32_t *state, int64_t *total_count, int64_t *deleted_count, int64_t *failed_count);
zmd_error zmd_waits_new(zmd_client *client, zmd_waits **waits);
zmd_error zmd_waits_add(zmd_waits *waits, const char *module, const char *job_id, int64_t timeout_ms, uint64_t *id);
zmd_error zmd_waits_add_status(zmd_waits *waits, const char *module, const char *job_id, int64_t timeout_ms,
                               uint64_t *id);
zmd_error zmd_waits_remove(zmd_waits *waits, uint64_t id);
zmd_error zmd_waits_next(zmd_waits *waits, int64_t timeout_ms, zmd_event *event);
intptr_t zmd_waits_handle(zmd_waits *waits);
zmd_error zmd_waits_cancel(zmd_waits *waits);
void zmd_waits_free(zmd_waits *waits);

#ifdef __cplusplus
}
#endif

int main(void)
{
    return puts("ok header") >= 0 ? 0 : 1; /* that it was compiled is the test */
}
