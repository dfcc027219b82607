'use strict';
// libzmd: where it is, and its functions for koffi.

const koffi = require('koffi');
const { name, version } = require('./package.json');

const STATUS = koffi.struct({
  state: 'int32_t',
  http_status: 'int32_t',
  total_count: 'int64_t',
  deleted_count: 'int64_t',
  failed_count: 'int64_t',
  state_text: koffi.array('char', 32, 'String'),
});
const EVENT = koffi.struct({
  id: 'uint64_t',
  error: 'int32_t',
  has_ended: 'int32_t',
  elapsed_ms: 'int64_t',
  next_poll_ms: 'int64_t',
  status: STATUS,
});
const COUNTERS = koffi.struct(Object.fromEntries([
  'calls', 'polls', 'retries', 'rate_limits', 'token_requests', 'connections', 'bytes_sent', 'bytes_received', 'waited_ms',
].map((name) => [name, 'int64_t'])));
const LOG = koffi.pointer(koffi.proto('void', ['void *', 'int32_t', 'str']));
const handleOut = koffi.out(koffi.pointer('uintptr_t'));
const idOut = koffi.out(koffi.pointer('uint64_t'));

const FUNCTIONS = {
  version: ['zmd_version', 'str', []],
  errorName: ['zmd_error_name', 'str', ['int32_t']],
  errorMessage: ['zmd_error_message', 'str', ['int32_t']],
  errorIsTransient: ['zmd_error_is_transient', 'int32_t', ['int32_t']],
  stateName: ['zmd_state_name', 'str', ['int32_t']],
  lastError: ['zmd_last_error', 'str', []],
  lastErrorOfJob: ['zmd_last_error_of_job', 'str', ['size_t']],
  lastErrorCodeOfJob: ['zmd_last_error_code_of_job', 'str', ['size_t']],
  configNew: ['zmd_config_new', 'int32_t', [handleOut]],
  configSet: ['zmd_config_set', 'int32_t', ['uintptr_t', 'str', 'str']],
  configLoadEnv: ['zmd_config_load_env', 'int32_t', ['uintptr_t']],
  configLoadFile: ['zmd_config_load_file', 'int32_t', ['uintptr_t', 'str', 'str']],
  configSetTokenProvider: ['zmd_config_set_token_provider', 'int32_t', ['uintptr_t', 'uintptr_t', 'uintptr_t']],
  configFree: ['zmd_config_free', 'void', ['uintptr_t']],
  clientNew: ['zmd_client_new', 'int32_t', ['uintptr_t', handleOut]],
  clientSetAccessToken: ['zmd_client_set_access_token', 'int32_t', ['uintptr_t', 'str']],
  clientCancel: ['zmd_client_cancel', 'int32_t', ['uintptr_t']],
  clientCredits: ['zmd_client_credits', 'int64_t', ['uintptr_t']],
  clientCounters: ['zmd_client_counters', 'int32_t', ['uintptr_t', koffi.out(koffi.pointer(COUNTERS)), 'size_t']],
  clientFree: ['zmd_client_free', 'void', ['uintptr_t']],
  statusIsSuccessful: ['zmd_status_is_successful', 'int32_t', [koffi.pointer(STATUS)]],
  statusHasEnded: ['zmd_status_has_ended', 'int32_t', [koffi.pointer(STATUS)]],
  statusText: ['zmd_status_text', 'size_t', [koffi.pointer(STATUS), 'void *', 'size_t']],
  progressRemainingMs: ['zmd_progress_remaining_ms', 'int64_t', []],
  waitsNew: ['zmd_waits_new', 'int32_t', ['uintptr_t', handleOut]],
  waitsAdd: ['zmd_waits_add', 'int32_t', ['uintptr_t', 'str', 'str', 'int64_t', idOut]],
  waitsAddStatus: ['zmd_waits_add_status', 'int32_t', ['uintptr_t', 'str', 'str', 'int64_t', idOut]],
  waitsRemove: ['zmd_waits_remove', 'int32_t', ['uintptr_t', 'uint64_t']],
  waitsNext: ['zmd_waits_next', 'int32_t', ['uintptr_t', 'int64_t', koffi.out(koffi.pointer(EVENT))]],
  waitsHandle: ['zmd_waits_handle', 'intptr_t', ['uintptr_t']],
  waitsFree: ['zmd_waits_free', 'void', ['uintptr_t']],
  setLogger: ['zmd_set_logger', 'int32_t', [LOG, 'void *', 'int32_t']],
};

/** The file that ZMD_LIBRARY names; or that of the package for this platform, or else where the system's loader finds it. */
function candidates() {
  if (process.env.ZMD_LIBRARY) return [process.env.ZMD_LIBRARY];
  const [file, systemFile] =
    { win32: ['zmd.dll', 'zmd.dll'], darwin: ['libzmd.dylib', 'libzmd.dylib'] }[process.platform] ||
    ['libzmd.so', 'libzmd.so.0'];
  const paths = [];
  for (const libc of ['', '-musl']) {
    try {
      paths.push(require.resolve(`${name}-${process.platform}-${process.arch}${libc}/${file}`));
    } catch {} // not installed
  }
  return [...paths, systemFile];
}

function load() {
  const failures = [];
  for (const path of candidates()) {
    try {
      const library = koffi.load(path);
      const loaded = library.func(...FUNCTIONS.version)();
      const [[major, minor], [ownMajor, ownMinor]] = [loaded, version].map((text) => text.split('.').map(Number));
      if (major !== ownMajor || minor < ownMinor) throw new Error(`it is libzmd ${loaded}, and this package needs ${version}`);
      return Object.fromEntries(Object.entries(FUNCTIONS).map(([key, types]) => [key, library.func(...types)]));
    } catch (error) {
      failures.push(`${path}: ${error.message}`);
    }
  }
  const variable = process.env.ZMD_LIBRARY ? 'names this file' : 'is not set; it may name the file';
  throw new Error(`cannot load libzmd: ${failures.join('; ')} (the environment variable ZMD_LIBRARY ${variable})`);
}

module.exports = { koffi, COUNTERS, LOG, zmd: load() };
