'use strict';
// libzmd for Node.js: how far is a Zoho CRM mass-delete job?

const { Worker, MessageChannel } = require('node:worker_threads');
const path = require('node:path');
const { zmd, failureOf } = require('./library.js');

/** A call that failed. Its message says in one line what happened and what to do. */
class ZmdError extends Error {
  constructor({ number, name, code, message, isTransient, status }) {
    super(message);
    this.name = 'ZmdError';
    /** The number of the zmd_error. */
    this.number = number;
    /** Its name: ZMD_ERR_JOB_NOT_FOUND. */
    this.code = name;
    /** The API's own code, such as NO_PERMISSION; '' where there is none. */
    this.apiCode = code;
    /** Whether the same call may succeed later; a wait continues after such an error of a poll. */
    this.isTransient = isTransient;
    /** Of a status call or a wait: the status as the library wrote it, after a timeout the last one seen. */
    this.status = status;
  }
}

function check(number) {
  if (number !== 0) throw new ZmdError(failureOf(number));
}

function text(name, value) {
  if (typeof value === 'bigint') value = String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${name} has lost digits: write it as a string`);
    value = String(value);
  }
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string`);
  if (value.includes('\0')) throw new TypeError(`${name} has a NUL in it`);
  return value;
}

// Workers without a call, of any client; they don't keep the process alive.
const idle = [];
// Clients that are not freed. At the end of the process its workers are joined, so calls in flight must end.
const alive = new Set();
process.on('exit', () => alive.forEach((client) => zmd.clientCancel(client)));

function free(client) {
  alive.delete(client);
  zmd.clientFree(client);
}

function callInWorker(message, onPoll) {
  const worker = idle.pop() || new Worker(path.join(__dirname, 'worker.js'));
  worker.ref();
  return new Promise((resolve, reject) => {
    let thrown;
    let local;
    if (onPoll) {
      const { port1, port2 } = new MessageChannel();
      const turn = new Int32Array(new SharedArrayBuffer(4));
      message = { ...message, port: port2, turn };
      local = port1;
      local.on('message', async ({ status, failure }) => {
        let goesOn = false;
        try {
          goesOn = (await onPoll(status, failure && new ZmdError(failure))) !== false;
        } catch (error) {
          thrown = { error };
        }
        local.postMessage(goesOn);
        Atomics.store(turn, 0, 1);
        Atomics.notify(turn, 0);
      });
    }
    const failed = (error) => {
      local?.close();
      reject(error);
    };
    worker.once('error', failed);
    worker.once('message', ({ status, failure }) => {
      local?.close();
      worker.off('error', failed);
      worker.unref();
      idle.push(worker);
      if (thrown) reject(thrown.error);
      else if (failure) reject(new ZmdError(failure));
      else resolve(status);
    });
    worker.postMessage(message, onPoll ? [message.port] : []);
  });
}

/** Asks how far jobs are. It keeps connections open between calls: make one, keep it, and close it at the end. */
class Client {
  #client = null;
  #calls = new Set();

  /**
   * @param {Object<string, string|number>} settings the keys are those of zmd_config_set() in zmd.h
   * @param {boolean} environment whether to read the ZMD_ variables too, and the configuration file
   */
  constructor(settings = {}, environment = false) {
    const config = [0];
    check(zmd.configNew(config));
    try {
      if (environment) {
        check(zmd.configLoadEnv(config[0]));
        check(zmd.configLoadFile(config[0], null, null));
      }
      for (const [key, value] of Object.entries(settings)) {
        check(zmd.configSet(config[0], text('a key', key), text(key, value)));
      }
      const client = [0];
      check(zmd.clientNew(config[0], client));
      this.#client = client[0];
      alive.add(this.#client);
    } finally {
      zmd.configFree(config[0]);
    }
  }

  /** A client with the settings of the environment and the configuration file; those given here take precedence. */
  static fromEnvironment(settings = {}) {
    return new Client(settings, true);
  }

  /**
   * Gets the status of a job. A job that failed is a status, not an error.
   * @param {{signal?: AbortSignal}} options
   */
  async status(module, jobId, { signal } = {}) {
    return this.#call({ module: text('module', module), jobId: text('jobId', jobId) }, signal);
  }

  /**
   * Waits until a job has ended.
   * @param {{timeoutMs?: number, progress?: function(object, ?ZmdError): any, signal?: AbortSignal}} options
   *     progress is called after every poll with the status and, where the poll failed, the error; false, or a promise
   *     of it, ends this wait with ZMD_ERR_CANCELLED
   */
  async wait(module, jobId, { timeoutMs = Infinity, progress, signal } = {}) {
    if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) throw new TypeError('timeoutMs must be a number');
    const limit = Number.isFinite(timeoutMs) ? Math.max(0, Math.floor(timeoutMs)) : -1;
    return this.#call({ module: text('module', module), jobId: text('jobId', jobId), timeoutMs: limit }, signal, progress);
  }

  async #call(message, signal, progress) {
    signal?.throwIfAborted();
    const client = signal ? this.#clone() : this.#handle();
    const abort = () => zmd.clientCancel(client);
    signal?.addEventListener('abort', abort);
    const call = callInWorker({ ...message, client }, progress);
    this.#calls.add(call);
    try {
      return await call;
    } catch (error) {
      if (signal?.aborted && error instanceof ZmdError && error.code === 'ZMD_ERR_CANCELLED') throw signal.reason;
      throw error;
    } finally {
      this.#calls.delete(call);
      if (signal) {
        signal.removeEventListener('abort', abort);
        free(client);
      }
    }
  }

  // It can be cancelled separately, and has its own connections.
  #clone() {
    const clone = [0];
    check(zmd.clientClone(this.#handle(), clone));
    alive.add(clone[0]);
    return clone[0];
  }

  /** Replaces the access token: calls that start after this one use it. */
  setAccessToken(token) {
    check(zmd.clientSetAccessToken(this.#handle(), text('token', token)));
  }

  /** Ends the calls in progress, and frees the client. A second call does nothing. */
  async close() {
    if (this.#client === null) return;
    const client = this.#client;
    this.#client = null;
    zmd.clientCancel(client);
    await Promise.allSettled(this.#calls);
    free(client);
  }

  #handle() {
    if (this.#client === null) throw new Error('the client is closed');
    return this.#client;
  }
}

module.exports = { Client, ZmdError, version: zmd.version };
