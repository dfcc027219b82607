'use strict';
// libzmd for Node.js: how far is a Zoho CRM mass-delete job?

const { MessageChannel, Worker, isMainThread, receiveMessageOnPort } = require('node:worker_threads');
const path = require('node:path');
const { koffi, COUNTERS, LOG, zmd } = require('./library.js');
const {
  errorOf, ZmdError, ArgumentError, ConfigError, NetworkError, DnsError, ConnectError, TlsError, ProxyError, TimeoutError,
  CancelledError, StalledError, ApiError, UnauthorizedError, ScopeError, ForbiddenError, InvalidModuleError, JobNotFoundError,
  RateLimitedError, ServerError, BadResponseError, OAuthError, InternalError, JobFailedError,
} = require('./errors.js');
const { Waits, check } = require('./waits.js');

const CANCELLED = 16;
const OAUTH = 29;
const LEVELS = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

function text(name, value) {
  if (typeof value === 'bigint') value = String(value);
  if (typeof value === 'number') {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new TypeError(`${name} has lost digits: write it as a string`);
    value = String(value);
  }
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string`);
  if (value.includes('\0')) throw new TypeError(`${name} has a NUL in it`);
  return value;
}

function milliseconds(timeoutMs) {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) throw new TypeError('timeoutMs must be a number, and not negative');
  return timeoutMs < Number.MAX_SAFE_INTEGER ? Math.ceil(timeoutMs) : -1;
}

function jobOf(module, jobId, place = '') {
  return [text(`${place}module`, module), text(`${place}jobId`, jobId)];
}

function jobsOf(jobs) {
  return Array.from(jobs, (job, index) => {
    if (!Array.isArray(job) || job.length !== 2) throw new TypeError(`jobs[${index}] must be an array of a module and a job id`);
    return jobOf(...job, `jobs[${index}]: `);
  });
}

function checked(outcome) {
  return outcome instanceof ZmdError || outcome.isSuccessful ? outcome : new JobFailedError(outcome);
}

function resultOf([outcome]) {
  if (outcome instanceof ZmdError) throw outcome;
  return outcome;
}

/** A function of the program that provides access tokens, and the worker in which the library's thread waits for it. */
class TokenProvider {
  #worker;
  #isClosed = false;

  constructor(provide) {
    const { port1: port, port2 } = new MessageChannel();
    const turn = new Int32Array(new SharedArrayBuffer(4));
    this.#worker = new Worker(path.join(__dirname, 'provider.js'), {
      workerData: { port: port2, turn }, transferList: [port2], execArgv: [],
    });
    if (Atomics.wait(turn, 0, 0, 30_000) === 'timed-out') throw new Error('cannot start the worker for the token provider');
    Atomics.store(turn, 0, 0);
    /** The function for the library. */
    this.pointer = receiveMessageOnPort(port).message;
    this.answer = (hasFailed, text) => {
      if (this.#isClosed) return;
      port.postMessage({ hasFailed, text });
      Atomics.store(turn, 0, 1);
      Atomics.notify(turn, 0);
    };
    port.on('message', async (refused) => {
      if (this.#isClosed) return;
      this.cause = undefined;
      try {
        this.answer(false, text('the access token', await provide(refused)));
      } catch (error) {
        /** What the function has thrown when it was called last. */
        this.cause = error;
        this.answer(true, String(error));
      }
    });
    port.unref();
    this.#worker.unref();
  }

  /** Ends the call in progress, and every later one. */
  close() {
    this.answer(true, 'the client is closed');
    this.#isClosed = true;
  }

  terminate() {
    return this.#worker.terminate();
  }
}

/** Asks how far jobs are. It keeps connections open between calls: make one, keep it, and close it at the end. */
class Client {
  #client = null;
  #waits = null;
  #provider = null;
  #closing = null;

  constructor(settings = {}, environment = null) {
    const config = [0];
    check(zmd.configNew(config));
    try {
      if (environment) {
        const { config_file: file = null, profile = null } = environment;
        check(zmd.configLoadEnv(config[0]));
        check(zmd.configLoadFile(config[0], file && text('config_file', file), profile && text('profile', profile)));
      }
      for (const [key, value] of Object.entries(settings)) {
        if (key === 'access_token' && typeof value === 'function') {
          this.#provider = new TokenProvider(value);
          check(zmd.configSetTokenProvider(config[0], this.#provider.pointer, 0));
        } else if (value !== undefined) {
          check(zmd.configSet(config[0], text('a key', key), text(key, value)));
        }
      }
      const client = [0];
      check(zmd.clientNew(config[0], client));
      this.#client = client[0];
    } catch (error) {
      this.#provider?.terminate();
      throw error;
    } finally {
      zmd.configFree(config[0]);
    }
  }

  static fromEnvironment({ config_file, profile, ...settings } = {}) {
    return new Client(settings, { config_file, profile });
  }

  async status(module, jobId, options) {
    return resultOf(await this.#statuses([jobOf(module, jobId)], options));
  }

  async statusMany(jobs, options) {
    return this.#statuses(jobsOf(jobs), options);
  }

  async wait(module, jobId, options) {
    return resultOf(await this.#ends([jobOf(module, jobId)], options));
  }

  async waitMany(jobs, options) {
    return this.#ends(jobsOf(jobs), options);
  }

  async *asCompleted(jobs, { timeoutMs = Infinity, signal, check = false } = {}) {
    for await (const { hasEnded, progress } of this.#polls(jobsOf(jobs), milliseconds(timeoutMs), false, signal)) {
      const outcome = progress.error || progress.status;
      if (hasEnded) yield check ? checked(outcome) : outcome;
    }
  }

  async *watch(module, jobId, { timeoutMs = Infinity, signal } = {}) {
    for await (const { hasEnded, progress } of this.#polls([jobOf(module, jobId)], milliseconds(timeoutMs), false, signal)) {
      if (hasEnded && progress.error) throw progress.error;
      yield progress;
    }
  }

  setAccessToken(token) {
    check(zmd.clientSetAccessToken(this.#handle(), text('token', token)));
  }

  credits() {
    const credits = Number(zmd.clientCredits(this.#handle()));
    return credits < 0 ? null : credits;
  }

  counters() {
    const raw = {};
    check(zmd.clientCounters(this.#handle(), raw, koffi.sizeof(COUNTERS)));
    const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    return Object.fromEntries(Object.entries(raw).map(([name, number]) => [camel(name), Number(number)]));
  }

  close() {
    this.#closing ??= this.#free();
    return this.#closing;
  }

  async #free() {
    const client = this.#client;
    this.#client = null;
    zmd.clientCancel(client);
    // A call of the provider is in the way of the library's end.
    this.#provider?.close();
    await this.#waits?.free();
    await new Promise((resolve) => zmd.clientFree.async(client, resolve));
    await this.#provider?.terminate();
  }

  #handle() {
    if (this.#client === null) throw new Error('the client is closed');
    return this.#client;
  }

  #statuses(jobs, { timeoutMs, signal } = {}) {
    return this.#outcomes(jobs, timeoutMs === undefined ? -1 : milliseconds(timeoutMs), true, signal);
  }

  async #ends(jobs, { timeoutMs = Infinity, progress, signal, check = false } = {}) {
    const outcomes = await this.#outcomes(jobs, milliseconds(timeoutMs), false, signal, progress);
    return check ? outcomes.map(checked) : outcomes;
  }

  // The status or the error of each job, in their order.
  async #outcomes(jobs, limit, isStatus, signal, report) {
    const outcomes = jobs.map(() => null);
    const last = jobs.map(() => null);
    for await (const { index, hasEnded, progress } of this.#polls(jobs, limit, isStatus, signal)) {
      const { status, error } = progress;
      if (hasEnded) outcomes[index] = error || status;
      last[index] = status || last[index];
      // The error that ends the wait is its result.
      if (report && !(hasEnded && error) && (await report({ index, ...progress })) === false) break;
    }
    return outcomes.map((outcome, index) => outcome || this.#ended(jobs[index], last[index]));
  }

  // Ended by the callback.
  #ended([module, jobId], status) {
    return errorOf(CANCELLED, zmd.errorMessage(CANCELLED), { module, jobId, status, httpStatus: status?.httpStatus });
  }

  // The polls of the jobs as they come. It ends when all have ended; where it is left early, the others are ended.
  async *#polls(jobs, limit, isStatus, signal) {
    signal?.throwIfAborted();
    this.#handle();
    this.#waits ??= new Waits(this.#client, (number) => number === OAUTH && { cause: this.#provider?.cause });
    const polls = [];
    const ids = new Map();
    let wake = () => {};
    const abort = () => wake();
    signal?.addEventListener('abort', abort);
    try {
      jobs.forEach(([module, jobId], index) => {
        const listener = (poll) => {
          polls.push({ index, ...poll });
          wake();
        };
        try {
          ids.set(index, this.#waits.add(module, jobId, limit, isStatus, listener));
        } catch (error) {
          polls.push({ index, hasEnded: true, progress: { module, jobId, status: null, error } });
        }
      });
      for (let left = jobs.length; left > 0;) {
        signal?.throwIfAborted();
        if (polls.length === 0) {
          await new Promise((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const poll = polls.shift();
        if (poll.hasEnded) {
          ids.delete(poll.index);
          left -= 1;
        }
        yield poll;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      ids.forEach((id) => this.#waits.remove(id));
    }
  }
}

if (Symbol.asyncDispose) Client.prototype[Symbol.asyncDispose] = Client.prototype.close;

let log;
let pointer = null;

async function setLogger(newLog, level = 'info') {
  if (!isMainThread) throw new Error('set the logger on the main thread: the process has one');
  const number = LEVELS.indexOf(newLog ? level : 'off');
  if (number < 0) throw new TypeError(`level must be one of ${LEVELS.join(', ')}`);
  if (newLog) log = newLog;
  pointer ??= koffi.register((_userData, level, line) => log(LEVELS[level], line), LOG);
  await new Promise((resolve) => zmd.setLogger.async(number ? pointer : null, null, number, resolve));
}

const { version } = zmd;

// Of this form, so that ES modules find the names.
module.exports = {
  Client, setLogger, version, ZmdError, ArgumentError, ConfigError, NetworkError, DnsError, ConnectError,
  TlsError, ProxyError, TimeoutError, CancelledError, StalledError, ApiError, UnauthorizedError, ScopeError, ForbiddenError,
  InvalidModuleError, JobNotFoundError, RateLimitedError, ServerError, BadResponseError, OAuthError, InternalError,
  JobFailedError,
};
