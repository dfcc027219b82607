'use strict';
// Makes the blocking calls. The last error belongs to the thread, so it is read on the thread of the call.

const { parentPort, receiveMessageOnPort } = require('node:worker_threads');
const { zmd, statusOf, failureOf, decodeStatus } = require('./library.js');

parentPort.on('message', ({ client, module, jobId, timeoutMs, port, turn }) => {
  const raw = {};
  let number;
  if (timeoutMs === undefined) {
    number = zmd.clientStatus(client, module, jobId, raw);
  } else {
    const polled = port && ((_userData, _index, error, pointer) => {
      const status = statusOf(decodeStatus(pointer));
      // The main thread runs the callback, and this one sleeps until it has an answer.
      port.postMessage({ status, failure: failureOf(error, status) });
      Atomics.wait(turn, 0, 0);
      Atomics.store(turn, 0, 0);
      return receiveMessageOnPort(port).message ? 0 : 1;
    });
    number = zmd.clientWait(client, module, jobId, timeoutMs, polled || null, 0, raw);
  }
  const status = statusOf(raw);
  const failure = failureOf(number, status);
  if (port) port.close();
  parentPort.postMessage({ status, failure });
});
