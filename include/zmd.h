/**
 * @mainpage libzmd
 *
 * How far is a Zoho CRM mass-delete job?
 *
 *     zmd_client *client;
 *     zmd_status status;
 *     if (zmd_client_new(NULL, &client) != ZMD_OK ||
 *         zmd_client_status(client, "Leads", "1234567890", &status) != ZMD_OK)
 *         fprintf(stderr, "%s\n", zmd_last_error());
 *     else
 *         printf("%s: %lld deleted\n", status.state_text, (long long)status.deleted_count);
 *     zmd_client_free(client);
 *
 * zmd_client_status() queries a job once, zmd_client_wait() waits for its end; the functions whose names end in _many do
 * the same for many jobs, and zmd_waits_new() creates a queue of waits for event loops. Hosts that can pass only numbers
 * and strings call zmd_simple_status() and zmd_simple_wait(). For C++, zmd.hpp has classes.
 *
 * - **Settings** come from the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), from a configuration file, or from a
 *   zmd_config: zmd_config_set() lists them.
 * - **Errors**: functions that can fail return a zmd_error, and zmd_last_error() describes it.
 * - **Memory**: You own what you pass, and the library keeps no pointer to it after the call, except for callbacks and
 *   their user_data.
 * - **Threads**: Any number of threads may share a client, and one at a time may use a configuration; each thread has
 *   its own last error.
 * - **Callbacks**: A callback of yours is called while no lock is held, of this library or of one that it uses: it may
 *   call any function but those that its documentation names, and wait for other threads.
 * - **Stack**: A call takes less than 64 KB of its caller's stack on every target, and works on a thread with 128 KB.
 * - **The account**: A client and its clones have at most max_concurrency calls in flight, whichever functions and
 *   threads make them; with token_cache, all processes that share it.
 * - **fork**: A client that was created before fork() works in parent and child, whatever the parent's other threads do
 *   at that moment.
 * - **Signals**: No call fails with EINTR, none raises SIGPIPE, no signal handler is installed and no mask is changed.
 * - **Loading**: Loading the library starts no thread, reads no environment and opens no file; after the last
 *   zmd_client_free() no thread and no descriptor is left, except for a name lookup that the system has not finished.
 * - **Output**: Nothing is written to standard output and standard error, except where log_file is stderr, or when the
 *   process has no memory left.
 * - **Deadlines**: A call returns within its limit plus 100 ms: timeout_ms limits a whole status call, and a wait has
 *   the limit that it was given, including name lookup, connecting, TLS, retries, pauses and requesting a token.
 * - **Input**: Invalid input is refused before anything is sent, with a message that names the argument and its rule.
 * - **Servers**: Whatever a server sends, however much and however fast, ends with a status or an error within the
 *   call's limit.
 * - **Secrets**: Tokens and passwords never appear in a message or a line of the log, and are wiped from memory when
 *   the client is freed.
 * - **Bugs**: A bug in the library is returned as ZMD_ERR_INTERNAL; nothing unwinds into the caller.
 * - **The interface**: Names, error numbers, setting keys and structure layouts do not change once released.
 * - **Strings** are UTF-8 and NUL-terminated. Every function accepts NULL, and documents what it returns then.
 */

/**
 * @file
 * The C interface of libzmd, which the introduction above describes.
 *
 * Generated from the Rust source: do not edit. SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef ZMD_H
#define ZMD_H

#include <stddef.h>
#include <stdint.h>

/**
 * An attribute of each function. It is empty, which is correct for the static and for the shared library. On Windows a
 * program that links zmd.dll may define it as `__declspec(dllimport)` before it includes this header, which saves a jump
 * in each call.
 */
#ifndef ZMD_API
#define ZMD_API
#endif

/** The version of this header; zmd_version() is that of the library. */
#define ZMD_VERSION_MAJOR 0
/** See ZMD_VERSION_MAJOR. */
#define ZMD_VERSION_MINOR 1
/** See ZMD_VERSION_MAJOR. */
#define ZMD_VERSION_PATCH 0
/** The version as a number that grows: 10000 * major + 100 * minor + patch. */
#define ZMD_VERSION_NUMBER (10000 * ZMD_VERSION_MAJOR + 100 * ZMD_VERSION_MINOR + ZMD_VERSION_PATCH)
/** The version as text. */
#define ZMD_VERSION "0.1.0"

/**
 * What went wrong in a call; in C, `0` is success. The numbers never change.
 *
 * Numbers below 10 are mistakes of the caller, from 10 errors of the network, from 20 errors of the API; 99 is a bug in
 * this library. Newer versions may add numbers.
 */
enum zmd_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The call succeeded.
   */
  ZMD_OK = 0,
  /**
   * A required pointer is NULL.
   *
   * Pass the pointer that `zmd_last_error()` names.
   */
  ZMD_ERR_NULL_POINTER = 1,
  /**
   * An argument is invalid; nothing was sent.
   *
   * Fix the argument that `zmd_last_error()` names: a module is an API name such as `Sales_Orders`, and a job id
   * contains no blanks.
   */
  ZMD_ERR_INVALID_ARGUMENT = 2,
  /**
   * A setting is unknown, missing or has an invalid value.
   *
   * Fix the setting that `zmd_last_error()` names.
   */
  ZMD_ERR_INVALID_CONFIG = 3,
  /**
   * The host name could not be looked up.
   *
   * Check the network, `api_domain` and `data_center`; behind a proxy, set `proxy`.
   */
  ZMD_ERR_DNS = 10,
  /**
   * Could not connect to the server: the connection was refused, or there is no route.
   *
   * Check the network and the firewall; behind a proxy, set `proxy`.
   */
  ZMD_ERR_CONNECT = 11,
  /**
   * The TLS handshake failed: for example, the certificate is not trusted, or is that of another host.
   *
   * If the network has its own certificate authority, set `ca_file` or `extra_ca_file`; check the machine's clock.
   */
  ZMD_ERR_TLS = 12,
  /**
   * The proxy can't be reached or refused the connection: for example, it requires other credentials (HTTP 407).
   *
   * Check `proxy`, its credentials, and the hosts that the proxy allows.
   */
  ZMD_ERR_PROXY = 13,
  /**
   * The connection broke or the response was not HTTP.
   *
   * Try again later.
   */
  ZMD_ERR_NETWORK = 14,
  /**
   * A time limit expired: `timeout_ms` for the call, or `connect_timeout_ms` while connecting.
   *
   * Try again later, or raise the limit.
   */
  ZMD_ERR_TIMEOUT = 15,
  /**
   * The program cancelled the client, or ended this call.
   *
   * No action is needed.
   */
  ZMD_ERR_CANCELLED = 16,
  /**
   * The job stands still: neither its state nor its counts have changed for as long as `stalled_ms` allows.
   *
   * Look at the job in Zoho CRM: it may be stuck. Or raise `stalled_ms`.
   */
  ZMD_ERR_STALLED = 17,
  /**
   * The API refused the access token: it has expired, was revoked, or belongs to another data center or environment.
   *
   * Get a new access token from the data center and environment of the account, or set `refresh_token`.
   */
  ZMD_ERR_UNAUTHORIZED = 20,
  /**
   * The access token lacks the scope `ZohoCRM.mass_delete.READ`.
   *
   * Create a token with that scope.
   */
  ZMD_ERR_SCOPE = 21,
  /**
   * The user has no permission: the profile, or the edition of the organization, does not include it.
   *
   * Ask the administrator of the organization for the permission: `zmd_last_error()` names it if Zoho does.
   */
  ZMD_ERR_FORBIDDEN = 22,
  /**
   * The API has no module of that name.
   *
   * Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs.
   */
  ZMD_ERR_INVALID_MODULE = 23,
  /**
   * The API has no such job in that module.
   *
   * Check the id and the module, and that data center and environment are those of the job.
   */
  ZMD_ERR_JOB_NOT_FOUND = 24,
  /**
   * Too many requests: the limit of calls in flight, of new access tokens or of API credits.
   *
   * Poll less often, or lower `max_concurrency`; if the code is `Access Denied`, set `token_cache`.
   */
  ZMD_ERR_RATE_LIMITED = 25,
  /**
   * The service failed: HTTP 5xx, or a code that says so.
   *
   * Try again later: the service, or a gateway in front of it, has a problem.
   */
  ZMD_ERR_SERVER = 26,
  /**
   * The API returned an error that has no number of its own.
   *
   * Look up the code that `zmd_last_error_code()` returns in Zoho's documentation.
   */
  ZMD_ERR_API = 27,
  /**
   * The response is not what the API documents.
   *
   * Check `api_domain`, and whether a proxy or gateway responds in Zoho's place.
   */
  ZMD_ERR_BAD_RESPONSE = 28,
  /**
   * The accounts server refused to issue an access token.
   *
   * Check `refresh_token`, `client_id`, `client_secret` and `data_center`: `zmd_last_error()` names the reason.
   */
  ZMD_ERR_OAUTH = 29,
  /**
   * A bug in libzmd; it was caught, so nothing unwinds into the caller.
   *
   * Report it.
   */
  ZMD_ERR_INTERNAL = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum zmd_error zmd_error;
#else
typedef int32_t zmd_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How far a job is. The numbers are fixed for ever; newer versions may add some.
 */
enum zmd_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * A state that this version of the library does not know (`state_text` is the service's name for it), or,
   * after an error, no state.
   */
  ZMD_STATE_UNKNOWN = 0,
  /**
   * The job has not begun.
   */
  ZMD_STATE_SCHEDULED = 1,
  /**
   * Records are being deleted.
   */
  ZMD_STATE_RUNNING = 2,
  /**
   * The job has ended. `failed_count` is the number of records that could not be deleted.
   */
  ZMD_STATE_COMPLETED = 3,
  /**
   * The job has ended, and failed as a whole.
   */
  ZMD_STATE_FAILED = 4,
  /**
   * The job is in the queue.
   */
  ZMD_STATE_QUEUED = 5,
  /**
   * The job was interrupted, and has not ended.
   */
  ZMD_STATE_SUSPENDED = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum zmd_state zmd_state;
#else
typedef int32_t zmd_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A client for the status of jobs: made by `zmd_client_new()`, freed by `zmd_client_free()`.
 *
 * Any number of threads may use a client at the same time. It keeps connections open between calls, so create one and
 * keep it. After `fork()`, parent and child can both use it.
 */
typedef struct zmd_client zmd_client;

/**
 * Settings for a client: made by `zmd_config_new()`, freed by `zmd_config_free()`.
 *
 * Only one thread at a time may use it. Clients copy the settings, so it can be changed or freed as soon as
 * `zmd_client_new()` has returned.
 */
typedef struct zmd_config zmd_config;

/**
 * A queue of waits: made by `zmd_waits_new()`, freed by `zmd_waits_free()`.
 *
 * Waits can be added and removed at any time, and `zmd_waits_next()` returns their events: for event loops, and for
 * programs that wait for thousands of jobs. Any number of threads may use a queue at the same time. It has one thread,
 * and up to `max_concurrency` others while it polls, however many waits there are. It belongs to the process that created
 * it: after `fork()`, the child's calls return `ZMD_ERR_INVALID_ARGUMENT`.
 */
typedef struct zmd_waits zmd_waits;

/**
 * Provides an access token when the library needs one: when there is none yet, and when the service has refused the last.
 *
 * It is called on a thread of the library, one call at a time for a client and its clones, and may block: a call that
 * needs the token still returns at its time limit, and a later call uses the token. It may call any zmd function, but not
 * use the client that needs the token. It must return: no `longjmp`, and no C++ exception through it.
 *
 * @param user_data  the pointer that was passed to `zmd_config_set_token_provider()`
 * @param refused    the access token that the service has refused; NULL: there was none
 * @param token      where to write the access token, 1 to 4096 visible ASCII characters and a NUL; on failure a message
 *                   in UTF-8 with a NUL, or nothing
 * @param size       the size of `token` in bytes, 4097 or more
 * @return 0 on success; with any other value the call fails with `ZMD_ERR_OAUTH` and the message
 */
typedef int32_t (*zmd_token_fn)(void *user_data,
                                const char *refused,
                                char *token,
                                size_t size);

/**
 * What a client and its clones have done since `zmd_client_new()`. Each number only grows: export them as counters.
 *
 * Newer versions add fields at the end.
 */
typedef struct zmd_counters {
  /**
   * Requests for the status of a job, those of waits among them, whatever came of them.
   */
  int64_t calls;
  /**
   * Those of waits.
   */
  int64_t polls;
  /**
   * Attempts that repeated one which had failed with a transient error: of calls, of waits, and for an access token.
   */
  int64_t retries;
  /**
   * Responses of the API and of the accounts server that there were too many requests.
   */
  int64_t rate_limits;
  /**
   * Requests for an access token, to the accounts server or the token provider.
   */
  int64_t token_requests;
  /**
   * Connections opened.
   */
  int64_t connections;
  /**
   * Bytes sent over them, TLS included.
   */
  int64_t bytes_sent;
  /**
   * Bytes received over them, TLS included.
   */
  int64_t bytes_received;
  /**
   * How long waits have lasted, up to their last polls: milliseconds, added up over their jobs.
   */
  int64_t waited_ms;
} zmd_counters;

/**
 * The status of a job. 64 bytes, without padding, on every platform.
 *
 * After an error `state` is `ZMD_STATE_UNKNOWN`, the counts are -1, `state_text` is empty, and `http_status` is that of
 * the failed response.
 */
typedef struct zmd_status {
  /**
   * The state of the job.
   */
  zmd_state state;
  /**
   * The HTTP status of the response that these fields come from; 0: there was none.
   */
  int32_t http_status;
  /**
   * Records that the job is to delete; -1: not reported.
   */
  int64_t total_count;
  /**
   * Records deleted so far; -1: not reported.
   */
  int64_t deleted_count;
  /**
   * Records that could not be deleted so far; -1: not reported.
   */
  int64_t failed_count;
  /**
   * The state as the service sent it, in UTF-8, truncated to fit; always NUL-terminated.
   */
  char state_text[32];
} zmd_status;

/**
 * Identifies a job.
 */
typedef struct zmd_job {
  /**
   * The module's API name, such as `"Leads"`; see `zmd_client_status()`.
   */
  const char *module;
  /**
   * The job id from the response that scheduled the mass delete.
   */
  const char *job_id;
} zmd_job;

/**
 * Called after every poll of a job that is waited for, on the thread that waits.
 *
 * It may call any zmd function, but must not free the client that waits. While it runs, `zmd_last_error()` is that of the
 * poll, and `zmd_progress_elapsed_ms()` and `zmd_progress_next_poll_ms()` return its times. It must return: no `longjmp`,
 * and no C++ exception through it.
 *
 * @param user_data  the pointer that was passed to the wait
 * @param index      of the job in the array; 0 in a wait for one
 * @param error      the `zmd_error` of the poll. After a transient one the wait continues.
 * @param status     the result of the poll, as `zmd_client_status()` would have written it; valid during the call
 * @return 0 to continue; any other value ends this wait, in a wait for many that for all jobs, with `ZMD_ERR_CANCELLED`; the
 *         client can still be used. `zmd_progress_end_job()` ends the wait for one job.
 */
typedef int32_t (*zmd_progress_fn)(void *user_data,
                                   size_t index,
                                   int32_t error,
                                   const struct zmd_status *status);

/**
 * An event of a wait: a poll, its end, or both. 96 bytes, without padding, on every platform.
 */
typedef struct zmd_event {
  /**
   * The id of the wait, as written by `zmd_waits_add()`.
   */
  uint64_t id;
  /**
   * If `has_ended` is 1, what `zmd_client_wait()` would have returned; else the `zmd_error` of a poll, after which the
   * wait continues.
   */
  zmd_error error;
  /**
   * 1: the wait has ended, and this is its last event; 0: it was polled, and another event follows.
   */
  int32_t has_ended;
  /**
   * Milliseconds since the wait was added.
   */
  int64_t elapsed_ms;
  /**
   * Milliseconds until its next poll; -1: the wait has ended.
   */
  int64_t next_poll_ms;
  /**
   * If `has_ended` is 1, the status that `zmd_client_wait()` would have written; else that of the poll.
   */
  struct zmd_status status;
} zmd_event;

/**
 * Receives a line of the log.
 *
 * It is called on the thread that does the work, which may be one of the library's, and on several threads at the same
 * time; the lines of a thread come in their order. No lock is held meanwhile: it may call any zmd function, and wait for
 * what other threads do. It delays its own call alone. What its own calls would log is discarded. It must return: no
 * `longjmp`, and no C++ exception through it.
 *
 * @param user_data  the pointer that was passed to `zmd_set_logger()`
 * @param level      1 error, 2 warning, 3 info, 4 debug, 5 trace
 * @param message    one line in UTF-8, without a token or a password at any level; valid during the call
 */
typedef void (*zmd_log_fn)(void *user_data,
                           int32_t level,
                           const char *message);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the loaded library; `ZMD_VERSION_MAJOR`, `_MINOR` and `_PATCH` are the version of the header that the
 * program was compiled with.
 *
 * @return `"0.1.0"`; static, never NULL
 */
ZMD_API
const char *zmd_version(void);

/**
 * The name of an error.
 *
 * @param error  any number
 * @return `"ZMD_ERR_TIMEOUT"`; `"ZMD_ERR_?"` for one that this version does not know; static, never NULL
 */
ZMD_API
const char *zmd_error_name(int32_t error);

/**
 * The general message for an error. `zmd_last_error()` says more: what happened in the last call.
 *
 * @param error  any number
 * @return the message; static, never NULL
 */
ZMD_API
const char *zmd_error_message(int32_t error);

/**
 * Whether an error is transient: the same call may succeed later.
 *
 * @param error  any number
 * @return 1 for `ZMD_ERR_DNS`, `ZMD_ERR_CONNECT`, `ZMD_ERR_PROXY`, `ZMD_ERR_NETWORK`, `ZMD_ERR_TIMEOUT`,
 *         `ZMD_ERR_RATE_LIMITED` and `ZMD_ERR_SERVER`; 0 for every other. `ZMD_ERR_PROXY` is not transient if the proxy
 *         refused the credentials, which the number does not say: then `http_status` is 407, and retrying with wrong ones
 *         may lock the account.
 */
ZMD_API
int32_t zmd_error_is_transient(int32_t error);

/**
 * The name of a state.
 *
 * @param state  any number
 * @return `"RUNNING"`; `"UNKNOWN"` for one that this version does not know; static, never NULL
 */
ZMD_API
const char *zmd_state_name(int32_t state);

/**
 * The message of the last error on this thread: what failed and what to do about it, in one line of English in UTF-8.
 *
 * The string belongs to the library and is valid until the next call on this thread that returns a `zmd_error`, or
 * the thread's end: copy it if you keep it. It never contains a token or a password. Programs should use the error's
 * number and `zmd_last_error_code()`, as the wording may change in any version. At the very end of a thread or a process
 * (in a function of `atexit()` or `pthread_key_create()`), it may be the text of `zmd_error_message()`.
 *
 * @return the message, never NULL; `""` if the last call that returns a `zmd_error` succeeded
 */
ZMD_API
const char *zmd_last_error(void);

/**
 * The API's own code for the error of `zmd_last_error()`.
 *
 * @return such as `"INVALID_TOKEN"`, never NULL; `""` if the error does not come from the API, or has no code.
 *         Owned and valid as `zmd_last_error()` is.
 */
ZMD_API
const char *zmd_last_error_code(void);

/**
 * The message for one job after `zmd_client_status_many()` or `zmd_client_wait_many()`; `zmd_last_error()` is that of the
 * first job that failed.
 *
 * @param index  of the job in the array that was passed to the call
 * @return the message, never NULL; `""` for a job without an error, for an index past the end, and when the last call
 *         on this thread that returns a `zmd_error` was neither of the two. Owned and valid as `zmd_last_error()` is.
 */
ZMD_API
const char *zmd_last_error_of_job(size_t index);

/**
 * The API's own code for one job; see `zmd_last_error_of_job()`.
 *
 * @param index  of the job in the array that was passed to the call
 * @return the code, never NULL; `""` where there is none. Owned and valid as `zmd_last_error()` is.
 */
ZMD_API
const char *zmd_last_error_code_of_job(size_t index);

/**
 * Creates a configuration with the defaults, and writes it to `*config`.
 *
 * @param config  where to write it; the caller frees it with `zmd_config_free()`
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_config_new(struct zmd_config **config);

/**
 * Sets one setting. The keys, with their defaults:
 *
 * - `access_token`: the access token to use, without the word `Zoho-oauthtoken`
 * - `refresh_token`: with `client_id` and `client_secret`: the library requests and renews access tokens itself
 * - `client_id`: the client id of the API console; see `refresh_token` and `org_id`
 * - `client_secret`: the secret of `client_id`
 * - `org_id`: with `client_id` and `client_secret`, instead of `refresh_token`: the client-credentials grant, for the
 *   organization with this id
 * - `token_cache`: a file in which processes share access tokens and the limit `max_concurrency`; its directory must
 *   exist, or nothing is shared
 * - `data_center` (us): the data center of the Zoho account; tokens are valid only there
 * - `environment` (production): the kind of Zoho CRM organization
 * - `api_domain`: the base URL of the API, instead of that of the accounts server, or of `data_center` and
 *   `environment`
 * - `accounts_url`: the base URL of the server that issues access tokens, instead of that of `data_center`
 * - `api_version` (v7): the version of the API
 * - `timeout_ms` (30000): the limit for a whole status call, with retries, pauses and requesting an access token
 * - `connect_timeout_ms` (10000): the limit for connecting: name lookup, all addresses, proxy and TLS
 * - `max_retries` (3): further attempts after a transient failure
 * - `max_concurrency` (5): the most calls at once of a client and its clones, or with `token_cache` of all processes
 *   that share it; others wait for their turn. 5 is the limit of Zoho's smallest edition
 * - `poll_min_ms` (1000): the shortest pause between two polls of a job during a wait
 * - `poll_max_ms` (60000): the longest pause between two polls, but never less than `poll_min_ms`
 * - `unreachable_ms` (300000): how long a wait continues after network failures if the service has never responded
 * - `stalled_ms` (0): how long a job's state and counts may stay the same before the wait ends with `ZMD_ERR_STALLED`;
 *   0: forever
 * - `proxy` (env): `env`: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine;
 *   `none`: no proxy; or the URL of one
 * - `ca_file`: the certificate authorities to trust, instead of those of the system
 * - `extra_ca_file`: certificate authorities to trust in addition to those of the system or of `ca_file`
 * - `client_cert`: the certificate to present to a gateway or proxy that requires one
 * - `client_key`: the private key of `client_cert`, if that file does not contain it: RSA, P-256, P-384 or Ed25519
 * - `log_file`: the file to which the library appends what it does, or `stderr`, standard error
 * - `log_level` (info): how much `log_file` has: each level adds to those before it
 *
 * @param config  the configuration
 * @param key     a setting's name, such as `"access_token"` or `"timeout_ms"`
 * @param value   its value as text, such as `"30000"`; copied
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for an unknown key or an invalid value; then the configuration is
 *         unchanged; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_config_set(struct zmd_config *config,
                         const char *key,
                         const char *value);

/**
 * Sets every setting whose environment variable is set and not empty: `ZMD_` and the key in upper case, such as
 * `ZMD_ACCESS_TOKEN` or `ZMD_TIMEOUT_MS`. Settings of `zmd_config_set()` take precedence, in whatever order the two are
 * called.
 *
 * As with `getenv()`, no other thread may change the environment meanwhile.
 *
 * @param config  the configuration
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for the first variable with an invalid value; then the configuration is
 *         unchanged; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_config_load_env(struct zmd_config *config);

/**
 * Sets the settings of a profile of a configuration file. Settings of `zmd_config_set()` and of the environment take
 * precedence, in whatever order they are called.
 *
 * The file is TOML: a table for each profile, with the keys of `zmd_config_set()`. Profiles do not inherit settings.
 *
 * ```toml
 * [default]
 * data_center = "eu"
 * refresh_token = "1000.xxxx.yyyy"
 * client_id = "1000.XXXX"
 * client_secret = "xxxx"
 * ```
 *
 * On Unix the file must belong to the user of the process or to root, and no other user may write it; one with secrets may
 * be read by its owner and its group alone.
 *
 * @param config   the configuration
 * @param path     the file; NULL: that of the environment variable `ZMD_CONFIG_FILE`, or else the default,
 *                 `$XDG_CONFIG_HOME/zmd/config.toml` (`$HOME/.config/zmd/config.toml`), on Windows
 *                 `%APPDATA%\zmd\config.toml`
 * @param profile  the profile; NULL: that of `ZMD_PROFILE`, or else `default`
 * @return `ZMD_OK`, also if neither a file nor a profile was named and there is none; `ZMD_ERR_INVALID_CONFIG` for a
 *         file that can't be read, that other users may read, or that is not TOML, for a missing profile, and for an
 *         unknown key or an invalid value: `zmd_last_error()` names the path, the line and the key, and the configuration
 *         is unchanged; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_config_load_file(struct zmd_config *config,
                               const char *path,
                               const char *profile);

/**
 * Sets a function of the host program that provides access tokens to the clients that are created with this configuration,
 * such as one that reads them from a vault. It counts as a credential. An `access_token` that is set too is used until it
 * is refused; with `refresh_token` or `org_id` set too, `zmd_client_new()` fails.
 *
 * @param config     the configuration
 * @param provide    the function; NULL: removes it
 * @param user_data  passed to each call of it. Both must be valid until the last client that was created with this
 *                   configuration, and its last clone, are freed: freeing waits for a call in progress.
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_config_set_token_provider(struct zmd_config *config,
                                        zmd_token_fn provide,
                                        void *user_data);

/**
 * Frees a configuration, and wipes its secrets from memory. NULL is ignored.
 *
 * @param config  the configuration, which must not be used afterwards
 */
ZMD_API
void zmd_config_free(struct zmd_config *config);

/**
 * Creates a client and writes it to `*client`. Nothing is sent yet.
 *
 * Reads the files that the settings name, and from the environment the proxy variables and, unless `ca_file` is set,
 * `SSL_CERT_FILE` and `SSL_CERT_DIR`. As with `getenv()`, no other thread may change the environment meanwhile. Later calls
 * do not read it.
 *
 * @param config  the settings, which are copied; NULL: those of the environment and the configuration file, as
 *                `zmd_config_load_env()` and `zmd_config_load_file(config, NULL, NULL)` read them
 * @param client  where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` if a setting is missing or invalid (there must be an `access_token`; or
 *         `refresh_token`, `client_id` and `client_secret` together; or `org_id`, `client_id` and `client_secret`; or a
 *         token provider); `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_client_new(const struct zmd_config *config,
                         struct zmd_client **client);

/**
 * Clones a client, and writes the clone to `*clone`: for calls that must be cancelled separately.
 *
 * Both have the same settings and share the access token: a token that one of them renews or sets is used by both. Each
 * has its own connections. Cancelling the clone does not affect this client; cancelling this client also cancels its
 * clones, and their clones. Either may be freed first. A clone costs less than a new client: the trust store is not read
 * again.
 *
 * @param client  the client; any number of threads may call at the same time
 * @param clone   where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_client_clone(struct zmd_client *client,
                           struct zmd_client **clone);

/**
 * Replaces the access token, from any thread: calls that start after this one use it.
 *
 * When the service refuses the token, a client with a refresh token renews it; a client without one keeps using it.
 *
 * @param client        the client
 * @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`; copied
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if it is not a token; then the old one is kept; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_client_set_access_token(struct zmd_client *client,
                                      const char *access_token);

/**
 * Cancels a client and its clones, from any thread: every call in progress returns `ZMD_ERR_CANCELLED` within 100 ms, and
 * every later call at once. This cannot be undone: free the client, and create another.
 *
 * Only the thread of a name lookup that the system has not finished may outlive the call. It does nothing if the client
 * has been cancelled already. After `fork()` it affects only the process that calls it.
 *
 * @param client  the client
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_client_cancel(struct zmd_client *client);

/**
 * Frees a client: closes its connections, and wipes its secrets from memory. NULL is ignored.
 *
 * @param client  the client; no thread may be in a call with it, or use it afterwards
 */
ZMD_API
void zmd_client_free(struct zmd_client *client);

/**
 * Gets what a client and its clones have done so far, as numbers: calls, polls, retries, bytes and others.
 *
 * Nothing is sent. A child of `fork()` continues to count from the numbers of its parent.
 *
 * @param client    the client; any number of threads may call at the same time
 * @param counters  where to write the numbers
 * @param size      `sizeof(zmd_counters)`: a program that was compiled with an older header, whose structure is shorter, gets
 *                  the fields that it knows; with a newer one, the fields that this library does not know are 0
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if the size is not one of such a structure; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_client_counters(const struct zmd_client *client,
                              struct zmd_counters *counters,
                              size_t size);

/**
 * Returns how many API credits remained to the organization when the service last reported them, to this client or one of
 * its clones.
 *
 * Each request takes a credit. The service reports how many remain once half of those of the last 24 hours are used: before
 * that they are unknown. Nothing is sent. It does not change `zmd_last_error()`.
 *
 * @param client  the client; any number of threads may call at the same time
 * @return the credits; -1 if the service has not reported them, and for NULL
 */
ZMD_API
int64_t zmd_client_credits(const struct zmd_client *client);

/**
 * Gets the status of a job. Blocks for at most the setting `timeout_ms`, including retries, their pauses and getting an
 * access token.
 *
 * @param client  the client; any number of threads may call at the same time
 * @param module  the module's API name, as in the request that scheduled the job: a letter, then letters,
 *                digits and underscores, at most 100 characters; white space around it is ignored. The
 *                documentation's "Sales Orders" is `"Sales_Orders"`, its "Meetings" is mostly `"Events"`.
 * @param job_id  the `job_id` from the response that scheduled the job: 1 to 64 letters, digits, underscores and
 *                hyphens; white space around it is ignored
 * @param status  where to write the status; all fields are always written, on failure too
 * @return `ZMD_OK` if the service returned the job's status, also if the job failed: that is a status, not an error.
 *         Else any error; invalid arguments are refused before anything is sent.
 */
ZMD_API
zmd_error zmd_client_status(struct zmd_client *client,
                            const char *module,
                            const char *job_id,
                            struct zmd_status *status);

/**
 * Gets the status of a job, as `zmd_client_status()` does, with another limit than the setting `timeout_ms`.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the whole call in milliseconds, from 1; negative: the setting
 * @param status      as for `zmd_client_status()`
 * @return as `zmd_client_status()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
 */
ZMD_API
zmd_error zmd_client_status_within(struct zmd_client *client,
                                   const char *module,
                                   const char *job_id,
                                   int64_t timeout_ms,
                                   struct zmd_status *status);

/**
 * Gets the status of many jobs, with at most `max_concurrency` requests in flight. The limit `timeout_ms` applies to each
 * job, so the call takes at most `count / max_concurrency` times as long, rounded up.
 *
 * The requests are made on the calling thread and on further threads, which have ended when this returns. A job that is
 * in the array more than once is requested as often.
 *
 * @param client    the client; any number of threads may call at the same time
 * @param jobs      `count` jobs. One whose `module` or `job_id` is NULL or invalid gets its error; the others are not
 *                  affected.
 * @param count     how many; with 0 nothing is done, and the arrays may be NULL
 * @param statuses  `count` statuses; all fields of each are written
 * @param errors    `count` errors: that of each job, `ZMD_OK` if the service returned its status
 * @return `ZMD_OK` if every job's error is `ZMD_OK`, else the error of the first job in the array that failed;
 *         `zmd_last_error()` describes that one, `zmd_last_error_of_job()` each. `ZMD_ERR_NULL_POINTER` if `client` or
 *         an array is NULL, `ZMD_ERR_INVALID_ARGUMENT` if there is not enough memory for `count` jobs.
 */
ZMD_API
zmd_error zmd_client_status_many(struct zmd_client *client,
                                 const struct zmd_job *jobs,
                                 size_t count,
                                 struct zmd_status *statuses,
                                 zmd_error *errors);

/**
 * Waits until a job has ended, and blocks for at most `timeout_ms`.
 *
 * It polls the job, with pauses from `poll_min_ms` to `poll_max_ms` that depend on the job's progress. A transient failure
 * (the network, a name lookup, HTTP 5xx or 429, unreadable responses for less than a minute) does not end the wait; the
 * pauses get longer, and `progress` is called. Before the service has answered at all, a host name that does not exist ends
 * it at once, and other network failures end it after `unreachable_ms`.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: poll once
 * @param progress    called after every poll; NULL: none
 * @param user_data   passed to `progress`
 * @param status      where to write the last status; all fields are always written
 * @return `ZMD_OK` as soon as the job is COMPLETED or FAILED: see `zmd_status_is_successful()`. Also for a state that this
 *         version does not know, once three polls and five minutes have left it unchanged, or the counts have reached the
 *         total. `ZMD_ERR_TIMEOUT` if `timeout_ms` expired, `ZMD_ERR_CANCELLED` after a cancel, `ZMD_ERR_STALLED` if the job
 *         stands still for as long as the setting `stalled_ms` says: then `status` is the last status seen. Else a permanent
 *         error.
 */
ZMD_API
zmd_error zmd_client_wait(struct zmd_client *client,
                          const char *module,
                          const char *job_id,
                          int64_t timeout_ms,
                          zmd_progress_fn progress,
                          void *user_data,
                          struct zmd_status *status);

/**
 * Waits until many jobs have ended, each as with `zmd_client_wait()`, with at most `max_concurrency` requests in flight. If
 * the service answers that it received too many requests, all jobs pause.
 *
 * It uses as many threads as requests may be in flight, which have ended when it returns; `progress` is called on the
 * calling thread only. The failure of one job does not affect the others. A job that is in the array more than once is
 * polled as often.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param jobs        `count` jobs. One whose `module` or `job_id` is NULL or invalid gets its error at once.
 * @param count       how many; with 0 nothing is done, and the arrays may be NULL
 * @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: poll each job once
 * @param progress    called after every poll, with the job's index; NULL: none
 * @param user_data   passed to `progress`
 * @param statuses    `count` statuses, each written as by `zmd_client_wait()`
 * @param errors      `count` errors: `ZMD_OK` for a job that has ended
 * @return `ZMD_OK` if every job has ended, else the error of the first job in the array that failed; `zmd_last_error()`
 *         describes that one, `zmd_last_error_of_job()` each. `ZMD_ERR_NULL_POINTER` if `client` or an array is NULL,
 *         `ZMD_ERR_INVALID_ARGUMENT` if there is not enough memory for `count` jobs.
 */
ZMD_API
zmd_error zmd_client_wait_many(struct zmd_client *client,
                               const struct zmd_job *jobs,
                               size_t count,
                               int64_t timeout_ms,
                               zmd_progress_fn progress,
                               void *user_data,
                               struct zmd_status *statuses,
                               zmd_error *errors);

/**
 * Inside a `zmd_progress_fn`, on its thread: the time since the wait began.
 *
 * It does not change `zmd_last_error()`.
 *
 * @return milliseconds; -1 outside of a callback
 */
ZMD_API
int64_t zmd_progress_elapsed_ms(void);

/**
 * Inside a `zmd_progress_fn`, on its thread: the time until the job's next poll.
 *
 * It does not change `zmd_last_error()`.
 *
 * @return milliseconds; -1 if there is no next poll because the job's wait has ended, and outside of a callback
 */
ZMD_API
int64_t zmd_progress_next_poll_ms(void);

/**
 * The forecast of the time until the job ends, from the rate at which its counts change: inside a `zmd_progress_fn`, on its
 * thread, for its poll, and elsewhere for the event that the last `zmd_waits_next()` on this thread has returned.
 *
 * It does not change `zmd_last_error()`.
 *
 * @return milliseconds; -1 as long as the counts do not show how fast the job is, if its wait has ended, and where there is
 *         neither a callback nor an event
 */
ZMD_API
int64_t zmd_progress_remaining_ms(void);

/**
 * Inside a `zmd_progress_fn`, on its thread: ends the wait for the job that was polled, with `ZMD_ERR_CANCELLED`, when the
 * callback returns 0. In a wait for many the waits for the other jobs continue.
 *
 * It does nothing if the job's wait has ended, and does not change `zmd_last_error()`.
 *
 * @return 1; 0 outside of a callback
 */
ZMD_API
int32_t zmd_progress_end_job(void);

/**
 * Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted records reach the total, as far
 * as the service reports these. A wait returns `ZMD_OK` also for a job that failed or left records, so check this before
 * a step that depends on the deletion.
 *
 * @param status  a status that a call has written; may be NULL
 * @return 1 or 0; 0 for NULL
 */
ZMD_API
int32_t zmd_status_is_successful(const struct zmd_status *status);

/**
 * Whether the job has ended: COMPLETED or FAILED. It returns 0 for a state that this version does not know.
 *
 * @param status  a status that a call has written; may be NULL
 * @return 1 or 0; 0 for NULL
 */
ZMD_API
int32_t zmd_status_has_ended(const struct zmd_status *status);

/**
 * Whether all records were deleted, as `zmd_status_is_successful()` returns it, for hosts without structures: the arguments
 * are what `zmd_simple_wait()` has written.
 *
 * @param state          a `zmd_state`
 * @param total_count    records that the job is to delete; -1: not reported
 * @param deleted_count  records deleted; -1: not reported
 * @param failed_count   records that could not be deleted; -1: not reported
 * @return 1 or 0
 */
ZMD_API
int32_t zmd_is_successful(int32_t state,
                          int64_t total_count,
                          int64_t deleted_count,
                          int64_t failed_count);

/**
 * Writes a status as one line of text, as the command `zmd` prints it: `COMPLETED, 9 of 9 deleted, 0 failed`.
 *
 * The text is for people: its wording may change in any version. After an error without a status it says that the status is
 * unknown. It does not change `zmd_last_error()`.
 *
 * @param status  a status that a call has written; NULL: the text is empty
 * @param text    where to write the text, in UTF-8, truncated to fit and NUL-terminated; NULL: not wanted
 * @param size    the size of `text` in bytes; 128 is enough for every text of this version
 * @return the length of the whole text in bytes, without the NUL: if it is not less than `size`, the text was truncated
 */
ZMD_API
size_t zmd_status_text(const struct zmd_status *status,
                       char *text,
                       size_t size);

/**
 * Gets the status of a job, without a handle or a structure: for hosts that can pass only numbers and strings.
 *
 * All calls of a process share one client with the settings of the environment (`ZMD_ACCESS_TOKEN`, ...) and the
 * configuration file, as with `zmd_client_new(NULL, ...)`. The first call for which these are complete creates it; later
 * changes have no effect. It is never freed. Any number of threads may call.
 *
 * @param module         as for `zmd_client_status()`
 * @param job_id         as for `zmd_client_status()`
 * @param state          where to write the `zmd_state`; NULL: not wanted
 * @param total_count    where to write the records that the job is to delete, -1: not reported; NULL: not wanted
 * @param deleted_count  where to write the records deleted so far, -1: not reported; NULL: not wanted
 * @param failed_count   where to write the records that could not be deleted, -1: not reported; NULL: not wanted
 * @return as for `zmd_client_new()` and `zmd_client_status()`; on failure the state is `ZMD_STATE_UNKNOWN` and
 *         the counts are -1
 */
ZMD_API
zmd_error zmd_simple_status(const char *module,
                            const char *job_id,
                            int32_t *state,
                            int64_t *total_count,
                            int64_t *deleted_count,
                            int64_t *failed_count);

/**
 * Waits until a job has ended, without a handle or a structure: `zmd_client_wait()` for hosts that can pass only
 * numbers and strings.
 *
 * The client is that of `zmd_simple_status()`. A host without callbacks can wait again and again, for a minute each time: a
 * wait that follows another for the same job, which timed out, continues its schedule, so that both poll as often as one
 * wait would. It may end without a poll then: the status is that of the wait before.
 *
 * @param module         as for `zmd_client_status()`
 * @param job_id         as for `zmd_client_status()`
 * @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: poll once
 * @param state          as for `zmd_simple_status()`, and the next three too
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_client_new()` and `zmd_client_wait()`; after `ZMD_ERR_TIMEOUT` and
 *         `ZMD_ERR_STALLED` the last status seen is written, after any other failure the state is `ZMD_STATE_UNKNOWN` and
 *         the counts are -1
 */
ZMD_API
zmd_error zmd_simple_wait(const char *module,
                          const char *job_id,
                          int64_t timeout_ms,
                          int32_t *state,
                          int64_t *total_count,
                          int64_t *deleted_count,
                          int64_t *failed_count);

/**
 * Gets the status of a job, with settings in a connection string: `zmd_simple_status()` for hosts that use more than one
 * account, or cannot set environment variables.
 *
 * All calls of a process with the same string share a client, which is kept; with more than 64 strings, the oldest client
 * is freed. Any number of threads may call.
 *
 * @param settings       `"key=value;key=value"`: the keys of `zmd_config_set()`, case-insensitive, and `profile`, a
 *                       profile of the configuration file. Blanks around keys and values are ignored; a value in braces
 *                       may contain any character, with `}}` for a closing brace, as in ODBC's connection strings. Other
 *                       settings come from the environment and the configuration file. NULL or `""`: as
 *                       `zmd_simple_status()`.
 * @param module         as for `zmd_simple_status()`, and the next five too
 * @param job_id         as for `zmd_client_status()`
 * @param state          NULL: not wanted
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_simple_status()`; `ZMD_ERR_INVALID_CONFIG` also for a bad string, naming the pair, never its value
 */
ZMD_API
zmd_error zmd_simple_status_with(const char *settings,
                                 const char *module,
                                 const char *job_id,
                                 int32_t *state,
                                 int64_t *total_count,
                                 int64_t *deleted_count,
                                 int64_t *failed_count);

/**
 * Waits until a job has ended, with settings in a connection string: `zmd_simple_wait()` as `zmd_simple_status_with()` is
 * `zmd_simple_status()`.
 *
 * @param settings       as for `zmd_simple_status_with()`
 * @param module         as for `zmd_simple_wait()`, and the next six too
 * @param job_id         as for `zmd_client_status()`
 * @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: poll once
 * @param state          NULL: not wanted
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_simple_wait()` and `zmd_simple_status_with()`
 */
ZMD_API
zmd_error zmd_simple_wait_with(const char *settings,
                               const char *module,
                               const char *job_id,
                               int64_t timeout_ms,
                               int32_t *state,
                               int64_t *total_count,
                               int64_t *deleted_count,
                               int64_t *failed_count);

/**
 * Creates a queue of waits, and writes it to `*waits`.
 *
 * It uses a clone of the client: cancelling the client cancels the queue too, and the client may be freed first.
 *
 * @param client  the client
 * @param waits   where to write it; the caller frees it with `zmd_waits_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NETWORK` if the system cannot create a
 *         thread; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_waits_new(struct zmd_client *client,
                        struct zmd_waits **waits);

/**
 * Adds a wait for a job, as with `zmd_client_wait()`, and returns at once. It has an event for each poll; in the last one
 * `has_ended` is 1.
 *
 * @param waits       the queue
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`; the same job may be added more than once
 * @param timeout_ms  the limit for the wait in milliseconds; negative: none; 0: poll once
 * @param id          where to write the wait's id, which is never reused; NULL: not wanted
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the queue or its client was cancelled; `ZMD_ERR_INVALID_ARGUMENT`;
 *         `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_waits_add(struct zmd_waits *waits,
                        const char *module,
                        const char *job_id,
                        int64_t timeout_ms,
                        uint64_t *id);

/**
 * Requests a job's status once, with retries, as with `zmd_client_status()`, and returns at once. It has one event, in
 * which `has_ended` is 1 for any state of the job.
 *
 * @param waits       the queue
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the call in milliseconds, from when it begins; negative: the setting `timeout_ms`
 * @param id          where to write the id of its event; NULL: not wanted
 * @return as `zmd_waits_add()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
 */
ZMD_API
zmd_error zmd_waits_add_status(struct zmd_waits *waits,
                               const char *module,
                               const char *job_id,
                               int64_t timeout_ms,
                               uint64_t *id);

/**
 * Ends a wait. Its last event, with `ZMD_ERR_CANCELLED`, is in the queue when this returns; the other waits continue.
 *
 * @param waits  the queue
 * @param id     the wait; nothing happens if it has ended or the id is unknown
 * @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_waits_remove(struct zmd_waits *waits,
                           uint64_t id);

/**
 * Removes the next event from the queue, and blocks until there is one. Events are returned in the order in which they
 * happened, each to one caller.
 *
 * If `event->error` is not `ZMD_OK`, its message is `zmd_last_error_of_job(0)` and its code is
 * `zmd_last_error_code_of_job(0)`; `zmd_last_error()` is about this call itself. `zmd_progress_remaining_ms()` is the forecast
 * of the job's end.
 *
 * @param waits       the queue
 * @param timeout_ms  how long to block, in milliseconds; negative: without a limit; 0: not at all
 * @param event       where to write the event; written only if there is one
 * @return `ZMD_OK` if there is an event, also one with an error; `ZMD_ERR_TIMEOUT` if there was none in time;
 *         `ZMD_ERR_CANCELLED` if the queue or its client was cancelled and no event is left; `ZMD_ERR_INTERNAL` after a bug
 *         in libzmd, which has ended all waits with this error; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_waits_next(struct zmd_waits *waits,
                         int64_t timeout_ms,
                         struct zmd_event *event);

/**
 * A handle of a queue for an event loop: a descriptor that is readable while `zmd_waits_next()` returns at once, with an event
 * or with `ZMD_ERR_CANCELLED`. On Windows it is the `HANDLE` of an event object, which is signaled then, for
 * `WaitForMultipleObjects()`; elsewhere for `poll()`, `epoll`, `kqueue`, `select()` and what is built on them:
 *
 * ```c
 * struct pollfd handle = {(int)zmd_waits_handle(waits), POLLIN, 0};
 * do {
 *     poll(&handle, 1, -1);
 *     while ((err = zmd_waits_next(waits, 0, &event)) == ZMD_OK)
 *         ...
 * } while (err == ZMD_ERR_TIMEOUT);
 * ```
 *
 * It is created by the first call, always the same, never 0, 1 or 2, and closed by `zmd_waits_free()`. Only wait for it: do
 * not read, write, set or close it. Where another thread takes the event, `zmd_waits_next()` returns `ZMD_ERR_TIMEOUT`. It does
 * not change `zmd_last_error()`.
 *
 * @param waits  the queue
 * @return the handle; -1 if there is none: in a child of `fork()`, if the process has no descriptor left, and if `waits` is
 *         NULL or no queue
 */
ZMD_API
intptr_t zmd_waits_handle(struct zmd_waits *waits);

/**
 * Cancels a queue, from any thread: each of its waits has its last event, with `ZMD_ERR_CANCELLED`, within 100 ms, and no
 * more can be added. The client is not cancelled.
 *
 * `zmd_waits_next()` returns the remaining events, and then `ZMD_ERR_CANCELLED`.
 *
 * @param waits  the queue
 * @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
 */
ZMD_API
zmd_error zmd_waits_cancel(struct zmd_waits *waits);

/**
 * Frees a queue: its waits end without an event, and its threads are joined within 100 ms. NULL is ignored.
 *
 * @param waits  the queue; no thread may be in a call with it, or use it afterwards
 */
ZMD_API
void zmd_waits_free(struct zmd_waits *waits);

/**
 * Sets the logger, which receives what the library does: token renewals, retries, connections, TLS.
 *
 * A line begins with the part of the library that it comes from: `wait: `, `client: `, `oauth: `, `http: `, and at level 5
 * `ureq: ` or `rustls: `. Each failed poll of a wait that continues is a warning. The wording may change in any version.
 *
 * Hosts that can't pass a function set `log_file` instead, of a client; both work side by side.
 *
 * There is one logger in a process, for all clients. Another call replaces it, also while calls are in progress, and returns
 * when no other thread is in an earlier logger, so that its `user_data` can be freed: do not hold a lock that the logger
 * takes. A call from inside a logger does not wait. After `fork()` the child has the logger too.
 *
 * @param log        the callback; NULL turns logging off
 * @param user_data  passed to each call of it; the library keeps the pointer until the logger is replaced
 * @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace, which has lines of the HTTP and TLS libraries
 *                   too, those that can't carry a secret; 0: nothing
 * @return `ZMD_OK`, or `ZMD_ERR_INVALID_ARGUMENT` for another level; then the logger is unchanged
 */
ZMD_API
zmd_error zmd_set_logger(zmd_log_fn log,
                         void *user_data,
                         int32_t max_level);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ZMD_H */
