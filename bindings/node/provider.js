'use strict';
// The function for access tokens that the library calls, on a thread of its own. This file runs in a worker, whose JavaScript
// waits for the promise of the main thread.

const { workerData, receiveMessageOnPort } = require('node:worker_threads');
const koffi = require('koffi');

const { port, turn } = workerData;
const PROVIDER = koffi.pointer(koffi.proto('int32_t', ['void *', 'str', 'void *', 'size_t']));

const pointer = koffi.register((_userData, refused, room, size) => {
  port.postMessage(refused);
  Atomics.wait(turn, 0, 0);
  Atomics.store(turn, 0, 0);
  const { hasFailed, text } = receiveMessageOnPort(port).message;
  const bytes = Buffer.from(text.replaceAll('\0', ' '));
  const buffer = Buffer.from(koffi.view(room, size));
  // A token that is too long is refused like an empty one: the library names the rule.
  const length = bytes.length < size ? bytes.length : hasFailed ? size - 1 : 0;
  bytes.copy(buffer, 0, 0, length);
  buffer[length] = 0;
  return hasFailed ? 1 : 0;
}, PROVIDER);

port.on('message', () => {}); // which keeps the worker alive; messages are received above
port.postMessage(pointer);
Atomics.store(turn, 0, 1);
Atomics.notify(turn, 0);
