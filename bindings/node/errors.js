'use strict';
// The errors: a class for each number, and for each family.

const { zmd } = require('./library.js');

/** A call that failed. Its message says in one line what happened and what to do. */
class ZmdError extends Error {
  constructor(message, { number = 0, apiCode = '', httpStatus = 0, module = null, jobId = null, status = null, ...options } = {}) {
    super(message, options);
    this.number = number;
    this.code = zmd.errorName(number);
    this.apiCode = apiCode;
    this.httpStatus = httpStatus;
    this.module = module;
    this.jobId = jobId;
    this.status = status;
  }

  get isTransient() {
    // A proxy that refused the credentials refuses them again.
    return zmd.errorIsTransient(this.number) !== 0 && this.httpStatus !== 407;
  }

  get name() {
    return this.constructor.name;
  }
}

class ArgumentError extends ZmdError {}
class ConfigError extends ZmdError {}
class NetworkError extends ZmdError {}
class DnsError extends NetworkError {}
class ConnectError extends NetworkError {}
class TlsError extends NetworkError {}
class ProxyError extends NetworkError {}
class TimeoutError extends ZmdError {}
class CancelledError extends ZmdError {}
class StalledError extends ZmdError {}
class ApiError extends ZmdError {}
class UnauthorizedError extends ApiError {}
class ScopeError extends ApiError {}
class ForbiddenError extends ApiError {}
class InvalidModuleError extends ApiError {}
class JobNotFoundError extends ApiError {}
class RateLimitedError extends ApiError {}
class ServerError extends ApiError {}
class BadResponseError extends ApiError {}
class OAuthError extends ApiError {}
class InternalError extends ZmdError {}

/** A job has ended, and not all of its records are deleted: what a wait with `check` rejects with. */
class JobFailedError extends ZmdError {
  constructor(status) {
    const { module, jobId, httpStatus } = status;
    super(`not all of the records are deleted: ${module} ${jobId}: ${status.text}`, { module, jobId, httpStatus, status });
    this.code = 'ZMD_JOB_FAILED';
  }
}

const CLASSES = {
  1: ArgumentError, 2: ArgumentError, 3: ConfigError,
  10: DnsError, 11: ConnectError, 12: TlsError, 13: ProxyError, 14: NetworkError, 15: TimeoutError, 16: CancelledError, 17: StalledError,
  20: UnauthorizedError, 21: ScopeError, 22: ForbiddenError, 23: InvalidModuleError, 24: JobNotFoundError,
  25: RateLimitedError, 26: ServerError, 27: ApiError, 28: BadResponseError, 29: OAuthError,
  99: InternalError,
};
// The tens group the numbers, including those of newer libraries.
const FAMILIES = [ArgumentError, NetworkError, ApiError];

/** The error with this number. */
function errorOf(number, message, details) {
  const Class = CLASSES[number] || FAMILIES[Math.floor(number / 10)] || ZmdError;
  return new Class(message, { number, ...details });
}

module.exports = {
  errorOf, ZmdError, ArgumentError, ConfigError, NetworkError, DnsError, ConnectError, TlsError, ProxyError, TimeoutError,
  CancelledError, StalledError, ApiError, UnauthorizedError, ScopeError, ForbiddenError, InvalidModuleError, JobNotFoundError,
  RateLimitedError, ServerError, BadResponseError, OAuthError, InternalError, JobFailedError,
};
