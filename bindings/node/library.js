'use strict';
// zmd.h for koffi. Loaded by the main thread and by each worker; a pointer of one thread is a BigInt for another.

const koffi = require('koffi');

const path =
  process.env.ZMD_LIBRARY ||
  { win32: 'zmd.dll', darwin: 'libzmd.dylib' }[process.platform] ||
  'libzmd.so.0';
const library = koffi.load(path);

const STATUS = koffi.struct({
  state: 'int32_t',
  http_status: 'int32_t',
  total_count: 'int64_t',
  deleted_count: 'int64_t',
  failed_count: 'int64_t',
  state_text: koffi.array('char', 32, 'String'),
});
const PROGRESS = koffi.pointer(
  koffi.proto('int32_t', ['uintptr_t', 'size_t', 'int32_t', 'void *']),
);
const statusOut = koffi.out(koffi.pointer(STATUS));
const handleOut = koffi.out(koffi.pointer('uintptr_t'));

const zmd = {
  version: library.func('zmd_version', 'str', []),
  errorName: library.func('zmd_error_name', 'str', ['int32_t']),
  stateName: library.func('zmd_state_name', 'str', ['int32_t']),
  errorIsTransient: library.func('zmd_error_is_transient', 'int32_t', ['int32_t']),
  lastError: library.func('zmd_last_error', 'str', []),
  lastErrorCode: library.func('zmd_last_error_code', 'str', []),
  configNew: library.func('zmd_config_new', 'int32_t', [handleOut]),
  configSet: library.func('zmd_config_set', 'int32_t', ['uintptr_t', 'str', 'str']),
  configLoadEnv: library.func('zmd_config_load_env', 'int32_t', ['uintptr_t']),
  configLoadFile: library.func('zmd_config_load_file', 'int32_t', ['uintptr_t', 'str', 'str']),
  configFree: library.func('zmd_config_free', 'void', ['uintptr_t']),
  clientNew: library.func('zmd_client_new', 'int32_t', ['uintptr_t', handleOut]),
  clientClone: library.func('zmd_client_clone', 'int32_t', ['uintptr_t', handleOut]),
  clientSetAccessToken: library.func('zmd_client_set_access_token', 'int32_t', ['uintptr_t', 'str']),
  clientStatus: library.func('zmd_client_status', 'int32_t', ['uintptr_t', 'str', 'str', statusOut]),
  clientWait: library.func('zmd_client_wait', 'int32_t',
    ['uintptr_t', 'str', 'str', 'int64_t', PROGRESS, 'uintptr_t', statusOut]),
  statusIsSuccessful: library.func('zmd_status_is_successful', 'int32_t', [koffi.pointer(STATUS)]),
  statusHasEnded: library.func('zmd_status_has_ended', 'int32_t', [koffi.pointer(STATUS)]),
  statusText: library.func('zmd_status_text', 'size_t', [koffi.pointer(STATUS), 'void *', 'size_t']),
  clientCancel: library.func('zmd_client_cancel', 'int32_t', ['uintptr_t']),
  clientFree: library.func('zmd_client_free', 'void', ['uintptr_t']),
};

/** A status as users see it, which can be posted to another thread. */
function statusOf(raw) {
  const text = Buffer.alloc(256);
  zmd.statusText(raw, text, text.length);
  const count = (number) => (number < 0 ? null : Number(number));
  return {
    state: zmd.stateName(raw.state),
    stateText: raw.state_text,
    httpStatus: raw.http_status,
    totalCount: count(raw.total_count),
    deletedCount: count(raw.deleted_count),
    failedCount: count(raw.failed_count),
    isSuccessful: zmd.statusIsSuccessful(raw) !== 0,
    hasEnded: zmd.statusHasEnded(raw) !== 0,
    text: text.toString('utf8', 0, text.indexOf(0)),
  };
}

/** What this thread's last call has failed with; 0 gives null. */
function failureOf(number, status = null) {
  if (number === 0) return null;
  return {
    number,
    name: zmd.errorName(number),
    code: zmd.lastErrorCode(),
    message: zmd.lastError(),
    isTransient: zmd.errorIsTransient(number) !== 0,
    status,
  };
}

module.exports = { zmd, statusOf, failureOf, decodeStatus: (pointer) => koffi.decode(pointer, STATUS) };
