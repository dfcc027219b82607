'use strict';
// The queue of waits of a client: its events arrive in the event loop, without a thread of Node.js.

const { isMainThread } = require('node:worker_threads');
const { koffi, zmd } = require('./library.js');
const { errorOf } = require('./errors.js');

const TIMEOUT = 15;
// Where its descriptor cannot be watched, the queue is asked this often while there are calls: on Windows, and in workers,
// where koffi's watcher aborts the process if they are terminated.
const INTERVAL_MS = 20;

// At the end of the process koffi would abort it, if an event came then.
const watchers = new Set();
process.on('exit', () => watchers.forEach((watcher) => watcher.close()));

/** Throws the error of a call of the library that has just returned this number. */
function check(number, details) {
  if (number !== 0) throw errorOf(number, zmd.lastError(), details);
}

function statusOf(module, jobId, raw) {
  const line = Buffer.alloc(256);
  zmd.statusText(raw, line, line.length);
  const count = (number) => (number < 0 ? null : Number(number));
  return {
    module,
    jobId,
    state: zmd.stateName(raw.state),
    stateText: raw.state_text,
    httpStatus: raw.http_status,
    totalCount: count(raw.total_count),
    deletedCount: count(raw.deleted_count),
    failedCount: count(raw.failed_count),
    isSuccessful: zmd.statusIsSuccessful(raw) !== 0,
    hasEnded: zmd.statusHasEnded(raw) !== 0,
    text: line.toString('utf8', 0, line.indexOf(0)),
  };
}

class Waits {
  #waits;
  #listeners = new Map();
  #watcher;
  #causeOf;
  #isEnding = false;
  #setEnded;
  // When the queue has been cancelled, and its last event has been delivered.
  #ended = new Promise((resolve) => {
    this.#setEnded = resolve;
  });

  /** @param causeOf called with the number of an error, returns its cause */
  constructor(client, causeOf) {
    const waits = [0];
    check(zmd.waitsNew(client, waits));
    this.#waits = waits[0];
    this.#causeOf = causeOf;
    const canWatch = isMainThread && process.platform !== 'win32';
    const descriptor = canWatch ? Number(zmd.waitsHandle(this.#waits)) : -1;
    if (descriptor < 0) {
      const timer = setInterval(() => this.#deliver(), INTERVAL_MS);
      this.#watcher = { ref: () => timer.ref(), unref: () => timer.unref(), close: () => clearInterval(timer) };
    } else {
      // Not in koffi's own callback, which runs outside of those of Node.js.
      this.#watcher = koffi.node.poll(descriptor, { readable: true }, () => setImmediate(() => this.#deliver()));
    }
    this.#watcher.unref();
    watchers.add(this.#watcher);
  }

  /** Starts a wait or a status call. `listener` gets its events; what this returns is for `remove`. */
  add(module, jobId, timeoutMs, isStatus, listener) {
    const id = [0];
    const add = isStatus ? zmd.waitsAddStatus : zmd.waitsAdd;
    check(add(this.#waits, module, jobId, timeoutMs, id), { module, jobId });
    this.#listeners.set(id[0], { module: module.trim(), jobId: jobId.trim(), listener });
    this.#watcher.ref();
    return id[0];
  }

  /** Ends a call: its listener gets nothing more. */
  remove(id) {
    if (this.#listeners.delete(id)) zmd.waitsRemove(this.#waits, id);
    this.#unrefIdle();
  }

  /** After a cancel of the client. */
  async free() {
    this.#isEnding = true;
    this.#watcher?.ref();
    await this.#ended;
    await new Promise((resolve) => zmd.waitsFree.async(this.#waits, resolve));
  }

  #unrefIdle() {
    if (this.#listeners.size === 0 && !this.#isEnding) this.#watcher?.unref();
  }

  #deliver() {
    const event = {};
    let number;
    while (this.#watcher && (number = zmd.waitsNext(this.#waits, 0, event)) === 0) {
      const call = this.#listeners.get(event.id);
      if (!call) continue; // removed
      if (event.has_ended) this.#listeners.delete(event.id);
      call.listener(this.#pollOf(call, event));
    }
    if (number !== TIMEOUT) this.#end(number);
    this.#unrefIdle();
  }

  #pollOf({ module, jobId }, { error: number, has_ended, elapsed_ms, next_poll_ms, status: raw }) {
    const status = number === 0 || raw.state_text ? statusOf(module, jobId, raw) : null;
    const error = number === 0 ? null : errorOf(number, zmd.lastErrorOfJob(0), {
      apiCode: zmd.lastErrorCodeOfJob(0), httpStatus: raw.http_status, module, jobId, status, ...this.#causeOf(number),
    });
    const milliseconds = (number) => (number < 0 ? null : Number(number));
    return {
      hasEnded: has_ended !== 0,
      progress: {
        module,
        jobId,
        status: error ? null : status,
        error,
        elapsedMs: Number(elapsed_ms),
        nextPollMs: milliseconds(next_poll_ms),
        remainingMs: milliseconds(zmd.progressRemainingMs()),
      },
    };
  }

  // Cancelled, or a bug of the library, after which there are no more events.
  #end(number) {
    if (!this.#watcher) return;
    this.#watcher.close();
    watchers.delete(this.#watcher);
    this.#watcher = null;
    const message = zmd.lastError();
    for (const { module, jobId, listener } of this.#listeners.values()) {
      listener({ hasEnded: true, progress: { module, jobId, status: null, error: errorOf(number, message, { module, jobId }) } });
    }
    this.#listeners.clear();
    this.#setEnded();
  }
}

module.exports = { Waits, check };
