/**
 * @file
 * libzmd: how far is a Zoho CRM mass-delete job?
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
 * Settings come from the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), from a configuration file, or from a
 * zmd_config.
 *
 * Memory: the caller owns what it passes, and the library keeps no pointer to it after the call.
 * Threads: a client may be shared by any number of threads, a config by one at a time; the last error is
 * each thread's own. fork(): a client made before works in parent and child. Signals: no call fails with
 * EINTR, none raises SIGPIPE, and no handler or mask is changed.
 * Strings are UTF-8 and NUL-terminated. Every function may be given NULL, and says
 * what it returns then.
 *
 * Generated from the Rust source: do not edit. SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef ZMD_H
#define ZMD_H

#include <stddef.h>
#include <stdint.h>

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
 * What a call came to. `0` is success, every other value an error; the numbers are fixed for ever.
 *
 * The tens group them: below 10 the caller's mistakes, from 10 the network, from 20 the API,
 * 99 a bug in this library. Newer versions may add numbers.
 */
enum zmd_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The call did what it was asked to do.
   */
  ZMD_OK = 0,
  /**
   * A pointer that must not be NULL was NULL; `zmd_last_error()` names it.
   */
  ZMD_ERR_NULL_POINTER = 1,
  /**
   * An argument breaks its rule; nothing was sent. `zmd_last_error()` names the argument and the rule.
   */
  ZMD_ERR_INVALID_ARGUMENT = 2,
  /**
   * A setting is unknown, has a bad value, or is missing; `zmd_last_error()` names the key and what it takes.
   */
  ZMD_ERR_INVALID_CONFIG = 3,
  /**
   * The host name could not be looked up.
   */
  ZMD_ERR_DNS = 10,
  /**
   * No connection to the server: refused, or no route to it.
   */
  ZMD_ERR_CONNECT = 11,
  /**
   * No secure connection: the certificate is not trusted or not the host's, or the TLS handshake failed.
   */
  ZMD_ERR_TLS = 12,
  /**
   * The proxy can't be reached, or refused to open the way (HTTP 407: it wants other credentials).
   */
  ZMD_ERR_PROXY = 13,
  /**
   * The connection broke in the middle of the exchange, or what came back was no HTTP.
   */
  ZMD_ERR_NETWORK = 14,
  /**
   * A time limit ran out: `timeout_ms` for the call, or `connect_timeout_ms` while connecting.
   */
  ZMD_ERR_TIMEOUT = 15,
  /**
   * The client was cancelled.
   */
  ZMD_ERR_CANCELLED = 16,
  /**
   * The API refused the access token: expired, revoked, or of another data center.
   */
  ZMD_ERR_UNAUTHORIZED = 20,
  /**
   * The access token lacks the scope `ZohoCRM.mass_delete.READ`.
   */
  ZMD_ERR_SCOPE = 21,
  /**
   * The token's user may not see this.
   */
  ZMD_ERR_FORBIDDEN = 22,
  /**
   * The API knows no module of that name.
   */
  ZMD_ERR_INVALID_MODULE = 23,
  /**
   * The API knows no such job in that module.
   */
  ZMD_ERR_JOB_NOT_FOUND = 24,
  /**
   * Too many requests, also after the retries.
   */
  ZMD_ERR_RATE_LIMITED = 25,
  /**
   * The service failed (HTTP 5xx), also after the retries.
   */
  ZMD_ERR_SERVER = 26,
  /**
   * Another error that the API answered; `zmd_last_error_code()` has its code.
   */
  ZMD_ERR_API = 27,
  /**
   * The answer is not the JSON that the API documents.
   */
  ZMD_ERR_BAD_RESPONSE = 28,
  /**
   * The accounts server refused to refresh the access token.
   */
  ZMD_ERR_OAUTH = 29,
  /**
   * A bug in this library: it caught itself, and nothing unwinds into the caller.
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
   * A state that this version of the library does not know (`state_text` has the service's word), or,
   * after an error, none.
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
   * The job is over. Look at `failed_count`: records that could not be deleted are still there.
   */
  ZMD_STATE_COMPLETED = 3,
  /**
   * The job is over, and failed as a whole.
   */
  ZMD_STATE_FAILED = 4,
  /**
   * The job waits for its turn.
   */
  ZMD_STATE_QUEUED = 5,
  /**
   * The job was interrupted, and is not over.
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
 * Asks for the status of jobs: made by `zmd_client_new()`, freed by `zmd_client_free()`.
 *
 * Any number of threads may use one at the same time; it keeps connections open between calls, so make one
 * and keep it. After `fork()`, parent and child both go on using theirs.
 */
typedef struct zmd_client zmd_client;

/**
 * Settings for a client: made by `zmd_config_new()`, freed by `zmd_config_free()`.
 *
 * One thread at a time may use it. Clients copy what they need, so it can be changed or freed as soon as
 * `zmd_client_new()` has returned.
 */
typedef struct zmd_config zmd_config;

/**
 * A queue of waits: made by `zmd_waits_new()`, freed by `zmd_waits_free()`.
 *
 * Waits are added and removed at any time, and what happens to them is taken from the queue with `zmd_waits_next()`: for
 * event loops, and for programs that wait for thousands of jobs. Any number of threads may use one at the same time. It
 * has one thread of its own, and up to `max_concurrency` others while it polls, whatever the number of waits. It belongs
 * to the process that made it: after `fork()`, the child's calls return `ZMD_ERR_INVALID_ARGUMENT`.
 */
typedef struct zmd_waits zmd_waits;

/**
 * Gives an access token when the library needs one: when there is none yet, and when the service has refused the last.
 *
 * It is called on a thread of the library's own, one call at a time for a client and its clones, and may block: a call
 * that needs the token ends at its time limit all the same, and a later one takes the token. It may call any zmd
 * function, but not ask the client that needs the token. It must return: no `longjmp`, and no C++ exception through it.
 *
 * @param user_data  what `zmd_config_set_token_provider()` was given
 * @param refused    the access token that the service has refused; NULL: there was none
 * @param token      where to put the access token, 1 to 4096 visible ASCII characters and a NUL; after a failure what
 *                   happened, in UTF-8 with a NUL, or nothing
 * @param size       the bytes that there is room for, 4097 or more
 * @return 0 for a token; anything else is `ZMD_ERR_OAUTH` for the call, with what was written as its words
 */
typedef int32_t (*zmd_token_fn)(void *user_data,
                                const char *refused,
                                char *token,
                                size_t size);

/**
 * What the service says of a job. 64 bytes, without padding, on every platform.
 *
 * After an error `state` is `ZMD_STATE_UNKNOWN`, the counts are -1, `state_text` is empty, and `http_status`
 * is that of the answer that failed.
 */
typedef struct zmd_status {
  /**
   * How far the job is.
   */
  zmd_state state;
  /**
   * The HTTP status of the answer that these fields come from; 0: there was none.
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
   * The service's word for the state as it sent it, in UTF-8, cut to fit; always NUL-terminated.
   */
  char state_text[32];
} zmd_status;

/**
 * Names a job.
 */
typedef struct zmd_job {
  /**
   * The module's API name, such as `"Leads"`; see `zmd_client_status()`.
   */
  const char *module;
  /**
   * The id that scheduling the mass delete answered.
   */
  const char *job_id;
} zmd_job;

/**
 * Called after every poll of a job that is waited for, on the thread that waits.
 *
 * It may call any zmd function, but not free the client that waits; while it runs, `zmd_last_error()` is the
 * poll's, and `zmd_progress_elapsed_ms()` and `zmd_progress_next_poll_ms()` give its times. It must return: no `longjmp`,
 * and no C++ exception through it.
 *
 * @param user_data  what the wait was given
 * @param index      of the job in the array; 0 in a wait for one
 * @param error      the `zmd_error` of the poll. After a transient one the wait goes on.
 * @param status     the result of the poll, as `zmd_client_status()` would have written it; valid during the call
 * @return 0 to go on; anything else ends this wait with `ZMD_ERR_CANCELLED`, and nothing else: the client is as good
 *         as before
 */
typedef int32_t (*zmd_progress_fn)(void *user_data,
                                   size_t index,
                                   int32_t error,
                                   const struct zmd_status *status);

/**
 * What happened to a wait. 96 bytes, without padding, on every platform.
 */
typedef struct zmd_event {
  /**
   * Which wait: what `zmd_waits_add()` wrote.
   */
  uint64_t id;
  /**
   * Where `has_ended` is 1, what `zmd_client_wait()` would have returned; else the `zmd_error` of a poll, after which
   * the wait goes on.
   */
  zmd_error error;
  /**
   * 1: the wait has ended, and this is its last event; 0: it was polled, and goes on.
   */
  int32_t has_ended;
  /**
   * Milliseconds since the wait was added.
   */
  int64_t elapsed_ms;
  /**
   * Milliseconds until its next poll; -1: there is none.
   */
  int64_t next_poll_ms;
  /**
   * Where `has_ended` is 1, the status that `zmd_client_wait()` would have written; else that of the poll.
   */
  struct zmd_status status;
} zmd_event;

/**
 * Takes a line of the log.
 *
 * It is called on whichever thread does the work, the library's own among them, and on several at once. It may
 * call any zmd function; what these would log while it runs is dropped. It must return: no `longjmp`, and no
 * C++ exception through it.
 *
 * @param user_data  what `zmd_set_logger()` was given
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
 * The version of the library that is loaded; `ZMD_VERSION_MAJOR`, `_MINOR` and `_PATCH` are those of the header
 * that a program was compiled with.
 *
 * @return `"0.1.0"`; static, never NULL
 */
const char *zmd_version(void);

/**
 * The name of an error.
 *
 * @param error  any number
 * @return `"ZMD_ERR_TIMEOUT"`; `"ZMD_ERR_?"` for one that this version does not know; static, never NULL
 */
const char *zmd_error_name(int32_t error);

/**
 * One general line about an error. `zmd_last_error()` says more: what happened in the last call.
 *
 * @param error  any number
 * @return the line; static, never NULL
 */
const char *zmd_error_message(int32_t error);

/**
 * Whether the same call may succeed later without any change.
 *
 * @param error  any number
 * @return 1 for `ZMD_ERR_DNS`, `ZMD_ERR_CONNECT`, `ZMD_ERR_NETWORK`, `ZMD_ERR_TIMEOUT`, `ZMD_ERR_RATE_LIMITED` and
 *         `ZMD_ERR_SERVER`; 0 for every other. `ZMD_ERR_PROXY` is not among them, as it may be about credentials, and an
 *         account that tries wrong ones again and again may be locked.
 */
int32_t zmd_error_is_transient(int32_t error);

/**
 * The name of a state.
 *
 * @param state  any number
 * @return `"RUNNING"`; `"UNKNOWN"` for one that this version does not know; static, never NULL
 */
const char *zmd_state_name(int32_t state);

/**
 * Says in one line, in English and UTF-8, what went wrong in the last call on this thread that failed, and
 * what to do about it.
 *
 * The string belongs to the library and is valid until the next call on this thread that returns a `zmd_error`, or
 * the thread's end: copy it if you keep it. It never holds a token or a password. For programs there is the
 * error's number, and `zmd_last_error_code()`; the wording may change in any version.
 *
 * @return the line, never NULL; `""` when the last call that returns a `zmd_error` succeeded
 */
const char *zmd_last_error(void);

/**
 * The API's own code for the error of `zmd_last_error()`.
 *
 * @return such as `"INVALID_TOKEN"`, never NULL; `""` where the error does not come from the API, or has no code.
 *         Owned and valid as `zmd_last_error()` is.
 */
const char *zmd_last_error_code(void);

/**
 * What `zmd_last_error()` would say of one job after `zmd_client_status_many()` or `zmd_client_wait_many()`, which
 * themselves leave there the first job's error alone.
 *
 * @param index  of the job in the array that the call was given
 * @return the line, never NULL; `""` for a job without an error, for an index past the end, and when the last call
 *         on this thread that returns a `zmd_error` was neither of the two. Owned and valid as `zmd_last_error()` is.
 */
const char *zmd_last_error_of_job(size_t index);

/**
 * What `zmd_last_error_code()` would give for one job; see `zmd_last_error_of_job()`.
 *
 * @param index  of the job in the array that the call was given
 * @return the code, never NULL; `""` where there is none. Owned and valid as `zmd_last_error()` is.
 */
const char *zmd_last_error_code_of_job(size_t index);

/**
 * Makes a configuration that holds the defaults, and writes it to `*config`.
 *
 * @param config  where to put it; the caller frees it with `zmd_config_free()`
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_config_new(struct zmd_config **config);

/**
 * Sets one setting. The keys, with their defaults:
 *
 * - `access_token`: the access token to use, without the word `Zoho-oauthtoken`
 * - `refresh_token`: given with `client_id` and `client_secret`: the library gets and renews access tokens itself
 * - `client_id`: see `refresh_token`
 * - `client_secret`: see `refresh_token`
 * - `org_id`: given with `client_id` and `client_secret`, instead of `refresh_token`: access tokens by the
 *   client-credentials grant, for this organization
 * - `token_cache`: a file in which processes share the access tokens that the library got, and the limit
 *   `max_concurrency`
 * - `data_center` (us): where the Zoho account lives; a token is worth nothing in another
 * - `environment` (production): the kind of Zoho CRM organization
 * - `api_domain`: the API's base URL, instead of the one that `data_center` and `environment` name or the accounts
 *   server tells
 * - `accounts_url`: the base URL of the server that makes access tokens, instead of the one that `data_center` names
 * - `api_version` (v7): the version of the API
 * - `timeout_ms` (30000): the limit for a whole status call: retries, their pauses and getting a token included
 * - `connect_timeout_ms` (10000): the limit for connecting: looking up the name, every address, proxy and TLS
 *   included
 * - `max_retries` (3): further attempts after a transient failure
 * - `max_concurrency` (5): calls in flight at once for the `_many` functions, and with `token_cache` for all calls of
 *   all processes that share it; 5 is what Zoho's smallest edition allows
 * - `poll_min_ms` (1000): the shortest pause between two polls of a job that is waited for
 * - `poll_max_ms` (60000): the longest such pause; where `poll_min_ms` is longer, all are as long as that
 * - `unreachable_ms` (300000): how long a wait goes on after network failures before the service has answered at
 *   all; a host name that does not exist ends it at once
 * - `proxy` (env): `env`: HTTPS_PROXY or else ALL_PROXY, but not for NO_PROXY's hosts and this machine; `none`; or a
 *   URL, with credentials where needed
 * - `ca_file`: the certificate authorities to trust instead of the system's; also a server's own self-signed
 *   certificate
 * - `extra_ca_file`: the certificate authorities to trust in addition to the system's (or to those of `ca_file`),
 *   for networks that intercept only some hosts
 * - `client_cert`: the certificate to show to a gateway or proxy that demands one
 * - `client_key`: the private key of `client_cert`, where that file does not hold it: RSA, P-256, P-384 or Ed25519
 *
 * @param config  the configuration
 * @param key     a setting's name, such as `"access_token"` or `"timeout_ms"`
 * @param value   its value as text, such as `"30000"`; copied
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for a key that is unknown or a value that the key does not take,
 *         with the configuration left as it was; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_config_set(struct zmd_config *config,
                         const char *key,
                         const char *value);

/**
 * Sets every setting whose environment variable is there and not empty: `ZMD_` and the key in upper case,
 * such as `ZMD_ACCESS_TOKEN` or `ZMD_TIMEOUT_MS`. Settings without a variable stay as they are, and so do those that
 * `zmd_config_set()` has set, before or after: they count more.
 *
 * As with any reader of the environment, no other thread may change it meanwhile.
 *
 * @param config  the configuration
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for the first variable with a value that its key does not take,
 *         with the configuration left as it was; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_config_load_env(struct zmd_config *config);

/**
 * Sets what a profile of a configuration file sets. What `zmd_config_set()` or the environment has set counts more,
 * in whatever order they are called.
 *
 * The file is TOML: a table for each profile, with the keys of `zmd_config_set()`. Each profile stands for itself.
 *
 * ```toml
 * [default]
 * data_center = "eu"
 * refresh_token = "1000.xxxx.yyyy"
 * client_id = "1000.XXXX"
 * client_secret = "xxxx"
 * ```
 *
 * On Unix a file with secrets is refused where other users may read it; where it belongs to another user, that
 * user's group may.
 *
 * @param config   the configuration
 * @param path     the file; NULL: that of the environment variable `ZMD_CONFIG_FILE`, or else the usual place,
 *                 `$XDG_CONFIG_HOME/zmd/config.toml` (`$HOME/.config/zmd/config.toml`), on Windows
 *                 `%APPDATA%\zmd\config.toml`
 * @param profile  the profile; NULL: that of `ZMD_PROFILE`, or else `default`
 * @return `ZMD_OK`, also where nobody has named a file or a profile and there is none; `ZMD_ERR_INVALID_CONFIG` for a
 *         file that can't be read, that others may read, that is no TOML, that lacks the profile that was named, or
 *         that has a key or a value that is none: `zmd_last_error()` tells the path, the line and the key, and the
 *         configuration is left as it was; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_config_load_file(struct zmd_config *config,
                               const char *path,
                               const char *profile);

/**
 * Has the clients that are made with this configuration ask a function of the host program for access tokens, such as one
 * that reads them from a vault. It counts as a credential; an `access_token` beside it is used until it is refused, and
 * `refresh_token` or `org_id` beside it are refused by `zmd_client_new()`.
 *
 * @param config     the configuration
 * @param provide    the function; NULL: none any more
 * @param user_data  handed to each call of it. Both must be good until the last client that was made with this
 *                   configuration, and the last clone, is freed: that waits for a call under way.
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_config_set_token_provider(struct zmd_config *config,
                                        zmd_token_fn provide,
                                        void *user_data);

/**
 * Frees a configuration, and wipes its secrets from memory. NULL is fine.
 *
 * @param config  the configuration, which nobody may use any more
 */
void zmd_config_free(struct zmd_config *config);

/**
 * Whether the records are gone: the job is COMPLETED, no record failed, and none is short of the total, where the service
 * reports these. A wait returns `ZMD_OK` for a job that failed or left records too: what follows it in a batch should
 * depend on this.
 *
 * @param status  what a call has written; NULL is fine
 * @return 1 or 0; 0 for NULL
 */
int32_t zmd_status_is_successful(const struct zmd_status *status);

/**
 * Whether the job is over: COMPLETED or FAILED. A state that this version does not know is not known to be an end.
 *
 * @param status  what a call has written; NULL is fine
 * @return 1 or 0; 0 for NULL
 */
int32_t zmd_status_has_ended(const struct zmd_status *status);

/**
 * Makes a client and writes it to `*client`. Nothing is sent yet.
 *
 * Reads `ca_file` or the system's trust store and, with `proxy=env`, the proxy variables of the environment.
 *
 * @param config  the settings, which are copied; NULL: those of the environment and the configuration file, as
 *                `zmd_config_load_env()` and `zmd_config_load_file(config, NULL, NULL)` read them
 * @param client  where to put it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` if a setting is missing or bad (there must be an `access_token`, or
 *         `refresh_token`, `client_id` and `client_secret` together); `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_client_new(const struct zmd_config *config,
                         struct zmd_client **client);

/**
 * Makes another client like this one, and writes it to `*clone`: for calls that are to be cancelled alone, such as
 * one with a `progress` that may end it.
 *
 * The two have the same settings and share the access token: whichever of them renews it or is given another, both
 * use it. Each has connections of its own. Cancelling the clone does nothing to this client; cancelling this client
 * cancels its clones, and theirs. Either may be freed first. A clone costs less than a client: the trust store is
 * not read again.
 *
 * @param client  the client; any number of threads may call at the same time
 * @param clone   where to put it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_client_clone(struct zmd_client *client,
                           struct zmd_client **clone);

/**
 * Replaces the access token, from any thread: calls that start after this one use it.
 *
 * A client that has a refresh token too renews it once the service refuses it; one that has none uses it to the
 * end.
 *
 * @param client        the client
 * @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`; copied
 * @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if it is no token, with the old one kept; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_client_set_access_token(struct zmd_client *client,
                                      const char *access_token);

/**
 * Asks how far a job is, and blocks until the answer is there: for `timeout_ms` at the most, retries, their
 * pauses and getting an access token included.
 *
 * @param client  the client; any number of threads may call at the same time
 * @param module  the module's API name, as in the request that scheduled the job: a letter, then letters,
 *                digits and underscores, at most 100 characters; white space around it is ignored. The
 *                documentation's "Sales Orders" is `"Sales_Orders"`, its "Meetings" is mostly `"Events"`.
 * @param job_id  the `job_id` that scheduling answered: 1 to 64 letters, digits, underscores and hyphens;
 *                white space around it is passed over
 * @param status  where to put the answer; always written whole, on failure too
 * @return `ZMD_OK` if the service told the job's state, whatever it is: a job that failed is an answer, not
 *         an error. Else any error; arguments that break their rule are refused before anything is sent.
 */
zmd_error zmd_client_status(struct zmd_client *client,
                            const char *module,
                            const char *job_id,
                            struct zmd_status *status);

/**
 * Asks how far a job is, as `zmd_client_status()` does, with another limit than the setting `timeout_ms`.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the whole call in milliseconds, from 1; negative: the setting
 * @param status      as for `zmd_client_status()`
 * @return as `zmd_client_status()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
 */
zmd_error zmd_client_status_within(struct zmd_client *client,
                                   const char *module,
                                   const char *job_id,
                                   int64_t timeout_ms,
                                   struct zmd_status *status);

/**
 * Asks how far each of many jobs is, with at most `max_concurrency` calls in flight. Each call has the whole
 * of `timeout_ms`, so all of them take at most `count / max_concurrency` times as long, rounded up.
 *
 * The calling thread works too; the threads that help it are gone when this returns. The same job may be
 * named more than once, and is asked for as often.
 *
 * @param client    the client; any number of threads may call at the same time
 * @param jobs      `count` jobs. One whose `module` or `job_id` is NULL or breaks its rule gets its error, and
 *                  disturbs no other.
 * @param count     how many; with 0 nothing is done, and the arrays may be NULL
 * @param statuses  `count` statuses, each written whole
 * @param errors    `count` errors: that of each job, `ZMD_OK` if its state is known
 * @return `ZMD_OK` if every job's state is known, else the error of the first job in the array that has one;
 *         `zmd_last_error()` tells of that one, `zmd_last_error_of_job()` of each. `ZMD_ERR_NULL_POINTER` if `client`
 *         or an array is NULL.
 */
zmd_error zmd_client_status_many(struct zmd_client *client,
                                 const struct zmd_job *jobs,
                                 size_t count,
                                 struct zmd_status *statuses,
                                 zmd_error *errors);

/**
 * Waits until a job has ended, and blocks for `timeout_ms` at the most.
 *
 * It asks again and again, with pauses that it chooses by what each answer says of the progress: between
 * `poll_min_ms` and `poll_max_ms`. A transient failure (the network, a name look-up, HTTP 5xx or 429, an
 * unreadable answer once) does not end the wait; the pauses get longer, and `progress` is called. Before the service has
 * answered at all, a host name that does not exist ends it at once, and other network failures after `unreachable_ms`.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: ask once
 * @param progress    called after every poll; NULL: none
 * @param user_data   handed to `progress`
 * @param status      where to put the last status; always written whole
 * @return `ZMD_OK` as soon as the job is COMPLETED or FAILED: see `zmd_status_is_successful()`. Also for a state that this
 *         version does not know, once it has been reported for five minutes without a change or the counts have reached the
 *         total. `ZMD_ERR_TIMEOUT` when `timeout_ms` ran out, `ZMD_ERR_CANCELLED` after a cancel: then `status` has the
 *         last status seen. Else an error that polling again will not fix.
 */
zmd_error zmd_client_wait(struct zmd_client *client,
                          const char *module,
                          const char *job_id,
                          int64_t timeout_ms,
                          zmd_progress_fn progress,
                          void *user_data,
                          struct zmd_status *status);

/**
 * Waits until many jobs have ended, each as `zmd_client_wait()` would, with at most `max_concurrency` calls in
 * flight. Where the service answers that it has had too many requests, all of them wait.
 *
 * It has threads of its own, as many as calls may be in flight, which are gone when it returns; `progress` is
 * called on the calling thread alone. One job's failure disturbs no other. The same job may be named more than
 * once, and is asked for as often.
 *
 * @param client      the client; any number of threads may call at the same time
 * @param jobs        `count` jobs. One whose `module` or `job_id` is NULL or breaks its rule gets its error at once.
 * @param count       how many; with 0 nothing is done, and the arrays may be NULL
 * @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: ask for each job once
 * @param progress    called after every poll, with the job's index; NULL: none
 * @param user_data   handed to `progress`
 * @param statuses    `count` statuses, each written whole as `zmd_client_wait()` does
 * @param errors      `count` errors: `ZMD_OK` for a job that has ended
 * @return `ZMD_OK` if every job has ended, else the error of the first job in the array that has one;
 *         `zmd_last_error()` tells of that one, `zmd_last_error_of_job()` of each. `ZMD_ERR_NULL_POINTER` if `client`
 *         or an array is NULL.
 */
zmd_error zmd_client_wait_many(struct zmd_client *client,
                               const struct zmd_job *jobs,
                               size_t count,
                               int64_t timeout_ms,
                               zmd_progress_fn progress,
                               void *user_data,
                               struct zmd_status *statuses,
                               zmd_error *errors);

/**
 * Cancels a client and its clones, from any thread: every call under way on it returns `ZMD_ERR_CANCELLED` within
 * 100 ms, wherever it is, and every later call at once. There is no way back: free it, and make another.
 *
 * Only the thread of a name look-up that the system has not finished may outlive the call. Cancelling twice, or a
 * client that does nothing, is fine. After `fork()` it concerns the process that calls it.
 *
 * @param client  the client
 * @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_client_cancel(struct zmd_client *client);

/**
 * Frees a client: its connections are closed, its secrets wiped from memory. NULL is fine.
 *
 * @param client  the client, which no thread may be in a call of, or use any more
 */
void zmd_client_free(struct zmd_client *client);

/**
 * Inside a `zmd_progress_fn`, on its thread: the time since the wait began.
 *
 * It leaves `zmd_last_error()` as it is.
 *
 * @return milliseconds; -1 outside of a callback
 */
int64_t zmd_progress_elapsed_ms(void);

/**
 * Inside a `zmd_progress_fn`, on its thread: the time until the job's next poll.
 *
 * It leaves `zmd_last_error()` as it is.
 *
 * @return milliseconds; -1 where there is no next poll, as the job's wait has ended, and outside of a callback
 */
int64_t zmd_progress_next_poll_ms(void);

/**
 * Asks how far a job is, without a handle or a structure: for hosts that can pass only numbers and strings.
 *
 * All calls of a process share one client, made from the environment (`ZMD_ACCESS_TOKEN`, ...) and the configuration
 * file, as with `zmd_client_new(NULL, ...)`, by the first call that finds them complete; later changes are not seen.
 * It lives as long as the process.
 * Any number of threads may call.
 *
 * @param module         as for `zmd_client_status()`
 * @param job_id         as for `zmd_client_status()`
 * @param state          where to put the `zmd_state`; NULL: not wanted
 * @param total_count    where to put the records that the job is to delete, -1: not reported; NULL: not wanted
 * @param deleted_count  where to put the records deleted so far, -1: not reported; NULL: not wanted
 * @param failed_count   where to put the records that could not be deleted, -1: not reported; NULL: not wanted
 * @return as for `zmd_client_new()` and `zmd_client_status()`; on failure the state is `ZMD_STATE_UNKNOWN` and
 *         the counts are -1
 */
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
 * The client is that of `zmd_simple_status()`.
 *
 * @param module         as for `zmd_client_status()`
 * @param job_id         as for `zmd_client_status()`
 * @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: ask once
 * @param state          as for `zmd_simple_status()`, and the next three too
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_client_new()` and `zmd_client_wait()`; after `ZMD_ERR_TIMEOUT` the last status seen is
 *         written, after any other failure the state is `ZMD_STATE_UNKNOWN` and the counts are -1
 */
zmd_error zmd_simple_wait(const char *module,
                          const char *job_id,
                          int64_t timeout_ms,
                          int32_t *state,
                          int64_t *total_count,
                          int64_t *deleted_count,
                          int64_t *failed_count);

/**
 * Asks how far a job is, with settings in a connection string: `zmd_simple_status()` for hosts that know more than one
 * account, or have no environment of their own.
 *
 * All calls of a process with the same string share a client, which is kept; of more than 64 strings the oldest one's
 * goes. Any number of threads may call.
 *
 * @param settings       `"key=value;key=value"`: the keys of `zmd_config_set()` in any case, and `profile`, a profile of
 *                       the configuration file. Blanks around keys and values are ignored; a value in braces may hold
 *                       anything, `}}` standing for a brace, as in ODBC's connection strings. What the string does not
 *                       set comes from the environment and the configuration file. NULL or `""`: as
 *                       `zmd_simple_status()`.
 * @param module         as for `zmd_simple_status()`, and the next five too
 * @param job_id         as for `zmd_client_status()`
 * @param state          NULL: not wanted
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_simple_status()`; `ZMD_ERR_INVALID_CONFIG` also for a bad string, naming the pair, never its value
 */
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
 * @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: ask once
 * @param state          NULL: not wanted
 * @param total_count    NULL: not wanted
 * @param deleted_count  NULL: not wanted
 * @param failed_count   NULL: not wanted
 * @return as for `zmd_simple_wait()` and `zmd_simple_status_with()`
 */
zmd_error zmd_simple_wait_with(const char *settings,
                               const char *module,
                               const char *job_id,
                               int64_t timeout_ms,
                               int32_t *state,
                               int64_t *total_count,
                               int64_t *deleted_count,
                               int64_t *failed_count);

/**
 * Makes a queue of waits, and writes it to `*waits`.
 *
 * It has a clone of the client: cancelling the client cancels the queue too, and the client may be freed first.
 *
 * @param client  the client
 * @param waits   where to put it; the caller frees it with `zmd_waits_free()`. NULL is written on failure.
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_INTERNAL` if the system has no thread to
 *         give; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_waits_new(struct zmd_client *client,
                        struct zmd_waits **waits);

/**
 * Begins to wait for a job, as `zmd_client_wait()` would, and returns at once. It has an event for each poll; the last one
 * has `has_ended` 1.
 *
 * @param waits       the queue
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`; the same job may be added more than once
 * @param timeout_ms  the limit for the wait in milliseconds; negative: none; 0: poll once
 * @param id          where to put the wait's id, which is given once only; NULL: it is not wanted
 * @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the queue or its client was cancelled; `ZMD_ERR_INVALID_ARGUMENT`;
 *         `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_waits_add(struct zmd_waits *waits,
                        const char *module,
                        const char *job_id,
                        int64_t timeout_ms,
                        uint64_t *id);

/**
 * Begins to ask for a job's status once, with retries, as `zmd_client_status()` would, and returns at once. It has one
 * event, with `has_ended` 1 whatever the job's state is.
 *
 * @param waits       the queue
 * @param module      as for `zmd_client_status()`
 * @param job_id      as for `zmd_client_status()`
 * @param timeout_ms  the limit for the call in milliseconds, from when it begins; negative: the setting `timeout_ms`
 * @param id          where to put the id of its event; NULL: it is not wanted
 * @return as `zmd_waits_add()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
 */
zmd_error zmd_waits_add_status(struct zmd_waits *waits,
                               const char *module,
                               const char *job_id,
                               int64_t timeout_ms,
                               uint64_t *id);

/**
 * Ends a wait. Its last event, with `ZMD_ERR_CANCELLED`, is in the queue when this returns; the other waits go on.
 *
 * @param waits  the queue
 * @param id     the wait; one that has ended, or was never given, is fine
 * @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_waits_remove(struct zmd_waits *waits,
                           uint64_t id);

/**
 * Takes the next event, and blocks until there is one. Events come in the order in which they happened; each is given
 * to one caller.
 *
 * What is wrong where `event->error` is not `ZMD_OK` is in `zmd_last_error_of_job(0)` and
 * `zmd_last_error_code_of_job(0)`; `zmd_last_error()` is about this call itself.
 *
 * @param waits       the queue
 * @param timeout_ms  how long to block, in milliseconds; negative: without a limit; 0: not at all
 * @param event       where to put the event; written only if there is one
 * @return `ZMD_OK` if there is an event, whatever it says; `ZMD_ERR_TIMEOUT` if none came; `ZMD_ERR_CANCELLED` if the
 *         queue or its client was cancelled and the last event was taken; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_waits_next(struct zmd_waits *waits,
                         int64_t timeout_ms,
                         struct zmd_event *event);

/**
 * Cancels a queue, from any thread: each of its waits has its last event, with `ZMD_ERR_CANCELLED`, within 100 ms, and
 * later ones are refused. The client goes on.
 *
 * `zmd_waits_next()` gives the events that are left, and then returns `ZMD_ERR_CANCELLED`.
 *
 * @param waits  the queue
 * @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
 */
zmd_error zmd_waits_cancel(struct zmd_waits *waits);

/**
 * Frees a queue: its waits end without an event, its threads are joined within 100 ms. NULL is fine.
 *
 * @param waits  the queue, which no thread may be in a call of, or use any more
 */
void zmd_waits_free(struct zmd_waits *waits);

/**
 * Has the library log what it does: token renewals, retries, connections, TLS.
 *
 * A line begins with the part of the library that it comes from: `wait: `, `client: `, `oauth: `, `http: `, and at level 5
 * `ureq: ` or `rustls: `. Each failed poll of a wait that goes on is a warning. The wording may change in any version.
 *
 * There is one logger in a process, for all clients; another call replaces it, also while calls run: those may
 * still use the old one for the line that they are about to write.
 *
 * @param log        the callback; NULL turns logging off
 * @param user_data  handed to each call of it; the library keeps the pointer until the logger is replaced
 * @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace, which has all lines of the HTTP and TLS
 *                   libraries; 0: nothing
 * @return `ZMD_OK`, or `ZMD_ERR_INVALID_ARGUMENT` for another level, with the logger left as it was
 */
zmd_error zmd_set_logger(zmd_log_fn log,
                         void *user_data,
                         int32_t max_level);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ZMD_H */
