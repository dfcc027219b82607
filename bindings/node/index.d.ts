// Types of libzmd for Node.js.
/// <reference lib="esnext.disposable" />

/** A job id. A number that could have lost digits is refused. */
export type JobId = string | bigint | number;
/** A module and a job id. */
export type Job = readonly [module: string, jobId: JobId];
/** Called with the access token that the service refused, or null; returns another. */
export type TokenProvider = (refused: string | null) => string | Promise<string>;
export type State = 'UNKNOWN' | 'SCHEDULED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'QUEUED' | 'SUSPENDED';
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** The settings: doc/settings.md describes them. Times are in milliseconds. One that is undefined is not set. */
export interface Settings {
  /**
   * The access token to use, without the word `Zoho-oauthtoken`. Takes 1 to 4096 visible ASCII characters, without a
   * blank or a line end. Or a function that provides one.
   */
  access_token?: string | TokenProvider;
  /**
   * With `client_id` and `client_secret`: the library requests and renews access tokens itself. Takes 1 to 4096 visible
   * ASCII characters, without a blank or a line end.
   */
  refresh_token?: string;
  /**
   * The client id of the API console; see `refresh_token` and `org_id`. Takes 1 to 4096 visible ASCII characters,
   * without a blank or a line end.
   */
  client_id?: string;
  /**
   * The secret of `client_id`. Takes 1 to 4096 visible ASCII characters, without a blank or a line end.
   */
  client_secret?: string;
  /**
   * With `client_id` and `client_secret`, instead of `refresh_token`: the client-credentials grant, for the
   * organization with this id. Takes the digits of an organization's id, up to 32, with or without `ZohoCRM.` in front.
   */
  org_id?: string | number;
  /**
   * A file in which processes share access tokens and the limit `max_concurrency`; its directory must exist, or nothing
   * is shared. Takes the path of a file, which need not exist.
   */
  token_cache?: string;
  /**
   * The data center of the Zoho account; tokens are valid only there. Takes one of us, eu, in, au, cn, jp, ca, sa, uk,
   * ae, sg; for another data center set accounts_url and api_domain; the default is `us`.
   */
  data_center?: 'us' | 'eu' | 'in' | 'au' | 'cn' | 'jp' | 'ca' | 'sa' | 'uk' | 'ae' | 'sg';
  /**
   * The kind of Zoho CRM organization. Takes one of production, sandbox, developer; the default is `production`.
   */
  environment?: 'production' | 'sandbox' | 'developer';
  /**
   * The base URL of the API, instead of that of the accounts server, or of `data_center` and `environment`. Takes an
   * https URL: a host, optionally a port and a path, no user, query or fragment (http only for localhost and
   * 127.0.0.1).
   */
  api_domain?: string;
  /**
   * The base URL of the server that issues access tokens, instead of that of `data_center`. Takes an https URL: a host,
   * optionally a port and a path, no user, query or fragment (http only for localhost and 127.0.0.1).
   */
  accounts_url?: string;
  /**
   * The version of the API. Takes v4 or later, such as v7; the default is `v7`.
   */
  api_version?: string;
  /**
   * The limit for a whole status call, with retries, pauses and requesting an access token. Takes a whole number from 1
   * to 86400000 (milliseconds); the default is `30000`.
   */
  timeout_ms?: number | string;
  /**
   * The limit for connecting: name lookup, all addresses, proxy and TLS. Takes a whole number from 1 to 86400000
   * (milliseconds); the default is `10000`.
   */
  connect_timeout_ms?: number | string;
  /**
   * Further attempts after a transient failure. Takes a whole number from 0 to 100; the default is `3`.
   */
  max_retries?: number | string;
  /**
   * The most calls at once of a client and its clones, or with `token_cache` of all processes that share it; others
   * wait for their turn. 5 is the limit of Zoho's smallest edition. Takes a whole number from 1 to 1000; the default is
   * `5`.
   */
  max_concurrency?: number | string;
  /**
   * The shortest pause between two polls of a job during a wait. Takes a whole number from 1 to 3600000 (milliseconds);
   * the default is `1000`.
   */
  poll_min_ms?: number | string;
  /**
   * The longest pause between two polls, but never less than `poll_min_ms`. Takes a whole number from 1 to 3600000
   * (milliseconds); the default is `60000`.
   */
  poll_max_ms?: number | string;
  /**
   * How long a wait continues after network failures if the service has never responded. Takes a whole number from 0 to
   * 86400000 (milliseconds); the default is `300000`.
   */
  unreachable_ms?: number | string;
  /**
   * How long a job's state and counts may stay the same before the wait ends with `ZMD_ERR_STALLED`; 0: forever. Takes
   * a whole number from 0 to 604800000 (milliseconds); the default is `0`.
   */
  stalled_ms?: number | string;
  /**
   * `env`: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine; `none`: no proxy; or
   * the URL of one. Takes env, none, or a URL: http (the default), https, socks5 or socks5h, optionally user:password@
   * with special characters percent-encoded in UTF-8 (# as %23, / as %2F, ? as %3F, @ as %40, a backslash as %5C, ü as
   * %C3%BC), a host, and optionally a port; the default is `env`.
   */
  proxy?: string;
  /**
   * The certificate authorities to trust, instead of those of the system. Takes the path of a PEM or DER file with CA
   * certificates.
   */
  ca_file?: string;
  /**
   * Certificate authorities to trust in addition to those of the system or of `ca_file`. Takes the path of a PEM or DER
   * file with CA certificates.
   */
  extra_ca_file?: string;
  /**
   * The certificate to present to a gateway or proxy that requires one. Takes the path of a PEM file with a certificate
   * and the chain above it.
   */
  client_cert?: string;
  /**
   * The private key of `client_cert`, if that file does not contain it: RSA, P-256, P-384 or Ed25519. Takes the path of
   * a PEM file with the private key of client_cert, not encrypted.
   */
  client_key?: string;
  /**
   * The file to which the library appends what it does, or `stderr`, standard error. Takes the path of a file, which
   * need not exist, in a directory that does; or stderr.
   */
  log_file?: string;
  /**
   * How much `log_file` has: each level adds to those before it. Takes one of off, error, warning, info, debug, trace;
   * the default is `info`.
   */
  log_level?: 'off' | 'error' | 'warning' | 'info' | 'debug' | 'trace';
}

/** The same, and where the others come from. */
export interface EnvironmentSettings extends Settings {
  /** The configuration file; without it that of ZMD_CONFIG_FILE, or the usual one. */
  config_file?: string;
  /** The profile of the configuration file; without it that of ZMD_PROFILE, or `default`. */
  profile?: string;
}

/** How far a job is. A count is null if it was not reported. */
export interface Status {
  readonly module: string;
  readonly jobId: string;
  readonly state: State;
  /** The state as the service sent it. */
  readonly stateText: string;
  readonly httpStatus: number;
  readonly totalCount: number | null;
  readonly deletedCount: number | null;
  readonly failedCount: number | null;
  /** Whether all records were deleted: a job may be COMPLETED and have left records. */
  readonly isSuccessful: boolean;
  /** COMPLETED or FAILED. */
  readonly hasEnded: boolean;
  /** One line for people: `COMPLETED, 9 of 9 deleted, 0 failed`. Its wording may change. */
  readonly text: string;
}

interface Poll {
  /** Of the job in the array of jobs; 0 in a wait for one. */
  readonly index: number;
  readonly module: string;
  readonly jobId: string;
  /** Milliseconds since the wait began. */
  readonly elapsedMs: number;
  /** Milliseconds until the next poll of the job; null: its wait has ended. */
  readonly nextPollMs: number | null;
  /** The forecast of the milliseconds until the job ends; null: the counts do not show it. */
  readonly remainingMs: number | null;
}
export interface PollSucceeded extends Poll {
  readonly status: Status;
  readonly error: null;
}
/** A transient error, after which the wait continues. */
export interface PollFailed extends Poll {
  readonly status: null;
  readonly error: ZmdError;
}
/** What a poll of a wait has brought: a status or an error. */
export type Progress = PollSucceeded | PollFailed;

export interface StatusOptions {
  /** The time limit of each call, retries included; without it the setting timeout_ms. */
  timeoutMs?: number;
  /** Ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal;
}
export interface CompletedOptions {
  /** The time limit of the whole wait; without it there is none. 0: poll once. */
  timeoutMs?: number;
  /** Ends the wait, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /** A job that ended without all of its records deleted is a JobFailedError, not a status. */
  check?: boolean;
}
export interface WaitOptions extends CompletedOptions {
  /** Called after every poll. If it returns false, or a promise of it, the wait ends with a CancelledError; if it throws, with that. */
  progress?: (progress: Progress) => unknown;
}
export type WatchOptions = Omit<CompletedOptions, 'check'>;

/** Of a client: see zmd_counters in zmd.h. */
export interface Counters {
  readonly calls: number;
  readonly polls: number;
  readonly retries: number;
  readonly rateLimits: number;
  readonly tokenRequests: number;
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly waitedMs: number;
}

/**
 * Asks how far jobs are. It keeps connections open between calls: make one, keep it, and close it at the end. Any number of
 * calls may be in flight; they take no thread of Node.js.
 */
export class Client {
  /** A client with these settings only. A misspelt one throws a ConfigError that suggests the right one. */
  constructor(settings: Settings);
  /** A client with the settings of the environment and the configuration file; those given here take precedence. */
  static fromEnvironment(settings?: EnvironmentSettings): Client;
  /** Queries how far a job is. A job that failed is a status, not an error. */
  status(module: string, jobId: JobId, options?: StatusOptions): Promise<Status>;
  /** Queries many jobs; in their order, the status or the error of each. */
  statusMany(jobs: Iterable<Job>, options?: StatusOptions): Promise<Array<Status | ZmdError>>;
  /** Waits until a job has ended. A transient error does not end the wait. */
  wait(module: string, jobId: JobId, options?: WaitOptions): Promise<Status>;
  /** Waits until all jobs have ended; in their order, the last status or the error of each. */
  waitMany(jobs: Iterable<Job>, options?: WaitOptions): Promise<Array<Status | ZmdError>>;
  /** Waits for many jobs, and yields the last status or the error of each as soon as it has ended. */
  asCompleted(jobs: Iterable<Job>, options?: CompletedOptions): AsyncGenerator<Status | ZmdError, void, void>;
  /** Waits for a job, and yields what every poll brings; the last is that of the job's end. Leaving the loop ends the wait. */
  watch(module: string, jobId: JobId, options?: WatchOptions): AsyncGenerator<Progress, void, void>;
  /** Replaces the access token: calls that start after this one use it. */
  setAccessToken(token: string): void;
  /** The API credits that remained when the service last reported them; null: it has not. */
  credits(): number | null;
  /** What the client has done so far. Each number only grows. */
  counters(): Counters;
  /** Ends the calls in flight with a CancelledError, and frees the client. */
  close(): Promise<void>;
}
/** With `await using` a client is closed at the end of the block, where Node.js has Symbol.asyncDispose. */
export interface Client extends AsyncDisposable {}

/** What the library does, line by line; null turns it off. The process has one logger, which only the main thread may set. */
export function setLogger(log: ((level: LogLevel, line: string) => void) | null, level?: LogLevel): Promise<void>;

/** The version of the library. */
export function version(): string;

/** A call that failed. Its message says in one line what happened and what to do. */
export class ZmdError extends Error {
  /** The number of the zmd_error; 0 in a JobFailedError. */
  readonly number: number;
  /** Its name, such as ZMD_ERR_TIMEOUT; ZMD_JOB_FAILED in a JobFailedError. */
  readonly code: string;
  /** The API's own code, such as NO_PERMISSION; '' where there is none. */
  readonly apiCode: string;
  /** Of the response that failed; 0: there was none. */
  readonly httpStatus: number;
  /** The job of the call; null if the error concerns none. */
  readonly module: string | null;
  readonly jobId: string | null;
  /** The last status of a wait that timed out, was cancelled or stalled, or that of a job that failed. */
  readonly status: Status | null;
  /** Whether the same call may succeed later; a wait continues after such an error of a poll. */
  readonly isTransient: boolean;
}
export class ArgumentError extends ZmdError {}
export class ConfigError extends ZmdError {}
export class NetworkError extends ZmdError {}
export class DnsError extends NetworkError {}
export class ConnectError extends NetworkError {}
export class TlsError extends NetworkError {}
export class ProxyError extends NetworkError {}
export class TimeoutError extends ZmdError {}
export class CancelledError extends ZmdError {}
/** The job stands still: only where the setting stalled_ms asks for it. */
export class StalledError extends ZmdError {}
export class ApiError extends ZmdError {}
export class UnauthorizedError extends ApiError {}
export class ScopeError extends ApiError {}
export class ForbiddenError extends ApiError {}
export class InvalidModuleError extends ApiError {}
export class JobNotFoundError extends ApiError {}
export class RateLimitedError extends ApiError {}
export class ServerError extends ApiError {}
export class BadResponseError extends ApiError {}
/** No access token: if a TokenProvider has thrown, `cause` is what. */
export class OAuthError extends ApiError {}
export class InternalError extends ZmdError {}
/** A job has ended, and not all of its records are deleted: what a wait with `check` rejects with. */
export class JobFailedError extends ZmdError {
  readonly status: Status;
}
