//! Functions for hosts that can pass only numbers and strings.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use super::args::{job, text, timeout, write};
use super::call::guard;
use super::logger;
use super::names::zmd_error;
use zmd_core::{Client, Error, ErrorKind, State, Status};

/// Gets the status of a job, without a handle or a structure: for hosts that can pass only numbers and strings.
///
/// All calls of a process share one client with the settings of the environment (`ZMD_ACCESS_TOKEN`, ...) and the
/// configuration file, as with `zmd_client_new(NULL, ...)`. The first call for which these are complete creates it; later
/// changes have no effect. It is never freed. Any number of threads may call.
///
/// @param module         as for `zmd_client_status()`
/// @param job_id         as for `zmd_client_status()`
/// @param state          where to write the `zmd_state`; NULL: not wanted
/// @param total_count    where to write the records that the job is to delete, -1: not reported; NULL: not wanted
/// @param deleted_count  where to write the records deleted so far, -1: not reported; NULL: not wanted
/// @param failed_count   where to write the records that could not be deleted, -1: not reported; NULL: not wanted
/// @return as for `zmd_client_new()` and `zmd_client_status()`; on failure the state is `ZMD_STATE_UNKNOWN` and
///         the counts are -1
///
/// # Safety
///
/// The strings are NULL or NUL-terminated; the other pointers are NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_simple_status(
    module: *const c_char,
    job_id: *const c_char,
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    unsafe { status_with(ptr::null(), module, job_id, Out { state, total_count, deleted_count, failed_count }) }
}

/// Waits until a job has ended, without a handle or a structure: `zmd_client_wait()` for hosts that can pass only
/// numbers and strings.
///
/// The client is that of `zmd_simple_status()`. A host without callbacks can wait again and again, for a minute each time: a
/// wait that follows another for the same job, which timed out, continues its schedule, so that both poll as often as one
/// wait would. It may end without a poll then: the status is that of the wait before.
///
/// @param module         as for `zmd_client_status()`
/// @param job_id         as for `zmd_client_status()`
/// @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: poll once
/// @param state          as for `zmd_simple_status()`, and the next three too
/// @param total_count    NULL: not wanted
/// @param deleted_count  NULL: not wanted
/// @param failed_count   NULL: not wanted
/// @return as for `zmd_client_new()` and `zmd_client_wait()`; after `ZMD_ERR_TIMEOUT` and
///         `ZMD_ERR_STALLED` the last status seen is written, after any other failure the state is `ZMD_STATE_UNKNOWN` and
///         the counts are -1
///
/// # Safety
///
/// The strings are NULL or NUL-terminated; the other pointers are NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_simple_wait(
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    unsafe {
        wait_with(ptr::null(), module, job_id, timeout_ms, Out { state, total_count, deleted_count, failed_count })
    }
}

/// Gets the status of a job, with settings in a connection string: `zmd_simple_status()` for hosts that use more than one
/// account, or cannot set environment variables.
///
/// All calls of a process with the same string share a client, which is kept; with more than 64 strings, the oldest client
/// is freed. Any number of threads may call.
///
/// @param settings       `"key=value;key=value"`: the keys of `zmd_config_set()`, case-insensitive, and `profile`, a
///                       profile of the configuration file. Blanks around keys and values are ignored; a value in braces
///                       may contain any character, with `}}` for a closing brace, as in ODBC's connection strings. Other
///                       settings come from the environment and the configuration file. NULL or `""`: as
///                       `zmd_simple_status()`.
/// @param module         as for `zmd_simple_status()`, and the next five too
/// @param job_id         as for `zmd_client_status()`
/// @param state          NULL: not wanted
/// @param total_count    NULL: not wanted
/// @param deleted_count  NULL: not wanted
/// @param failed_count   NULL: not wanted
/// @return as for `zmd_simple_status()`; `ZMD_ERR_INVALID_CONFIG` also for a bad string, naming the pair, never its value
///
/// # Safety
///
/// The strings are NULL or NUL-terminated; the other pointers are NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_simple_status_with(
    settings: *const c_char,
    module: *const c_char,
    job_id: *const c_char,
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    unsafe { status_with(settings, module, job_id, Out { state, total_count, deleted_count, failed_count }) }
}

/// Waits until a job has ended, with settings in a connection string: `zmd_simple_wait()` as `zmd_simple_status_with()` is
/// `zmd_simple_status()`.
///
/// @param settings       as for `zmd_simple_status_with()`
/// @param module         as for `zmd_simple_wait()`, and the next six too
/// @param job_id         as for `zmd_client_status()`
/// @param timeout_ms     the limit for the whole wait in milliseconds; negative: none; 0: poll once
/// @param state          NULL: not wanted
/// @param total_count    NULL: not wanted
/// @param deleted_count  NULL: not wanted
/// @param failed_count   NULL: not wanted
/// @return as for `zmd_simple_wait()` and `zmd_simple_status_with()`
///
/// # Safety
///
/// The strings are NULL or NUL-terminated; the other pointers are NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_simple_wait_with(
    settings: *const c_char,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    unsafe { wait_with(settings, module, job_id, timeout_ms, Out { state, total_count, deleted_count, failed_count }) }
}

/// # Safety
///
/// As for `zmd_simple_status_with`.
unsafe fn status_with(settings: *const c_char, module: *const c_char, job_id: *const c_char, out: Out) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe {
            out.write(None);
            let (module, job_id) = job(module, job_id)?;
            let status = shared(settings)?.status(&module, &job_id)?;
            out.write(Some(&status));
        }
        Ok(())
    })
}

/// # Safety
///
/// As for `zmd_simple_wait_with`.
unsafe fn wait_with(
    settings: *const c_char,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    out: Out,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe {
            out.write(None);
            let (module, job_id) = job(module, job_id)?;
            let waited = shared(settings)?.wait_again(&module, &job_id, timeout(timeout_ms));
            if !matches!(&waited.result, Err(error) if !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Stalled))
            {
                out.write(waited.last.as_ref());
            }
            waited.result
        }
    })
}

/// # Safety
///
/// `settings` is NULL or NUL-terminated.
unsafe fn shared(settings: *const c_char) -> Result<Arc<Client>, Error> {
    logger::install();
    if settings.is_null() {
        return Client::shared("");
    }
    // SAFETY: not NULL, and the caller guarantees the rest.
    let settings = unsafe { text(settings, "settings") };
    let settings = settings.map_err(|error| Error::new(ErrorKind::InvalidConfig, error.message()))?;
    // Some hosts pad strings with blanks.
    Client::shared(settings.trim())
}

/// The out-pointers of the simple functions; each may be NULL.
struct Out {
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
}

impl Out {
    /// # Safety
    ///
    /// Each pointer is NULL or valid for writing.
    unsafe fn write(&self, status: Option<&Status>) {
        let count = |count: fn(&Status) -> Option<i64>| status.and_then(count).unwrap_or(-1);
        // SAFETY: NULL is not written to; the caller guarantees the rest.
        unsafe {
            write(self.state, status.map_or(State::Unknown, |status| status.state) as i32);
            write(self.total_count, count(|status| status.total));
            write(self.deleted_count, count(|status| status.deleted));
            write(self.failed_count, count(|status| status.failed));
        }
    }
}
