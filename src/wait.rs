//! Waiting until one job or many have ended.

use std::ffi::{c_char, c_void};

use super::args::{job, null, timeout, write};
use super::call::guard;
use super::client::{client_ref, zmd_client};
use super::many::{begin_many, end_many, zmd_job};
use super::names::zmd_error;
use super::progress::{callback, zmd_progress_fn};
use super::status::zmd_status;
use zmd_core::Progress;

/// Waits until a job has ended, and blocks for at most `timeout_ms`.
///
/// It polls the job, with pauses from `poll_min_ms` to `poll_max_ms` that depend on the job's progress. A transient failure
/// (the network, a name lookup, HTTP 5xx or 429, unreadable responses for less than a minute) does not end the wait; the
/// pauses get longer, and `progress` is called. Before the service has answered at all, a host name that does not exist ends
/// it at once, and other network failures end it after `unreachable_ms`.
///
/// @param client      the client; any number of threads may call at the same time
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: poll once
/// @param progress    called after every poll; NULL: none
/// @param user_data   passed to `progress`
/// @param status      where to write the last status; all fields are always written
/// @return `ZMD_OK` as soon as the job is COMPLETED or FAILED: see `zmd_status_is_successful()`. Also for a state that this
///         version does not know, once three polls and five minutes have left it unchanged, or the counts have reached the
///         total. `ZMD_ERR_TIMEOUT` if `timeout_ms` expired, `ZMD_ERR_CANCELLED` after a cancel, `ZMD_ERR_STALLED` if the job
///         stands still for as long as the setting `stalled_ms` says: then `status` is the last status seen. Else a permanent
///         error.
///
/// # Safety
///
/// As for `zmd_client_status`; `progress` is NULL or a function that may be called with `user_data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_wait(
    client: *mut zmd_client,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    progress: zmd_progress_fn,
    user_data: *mut c_void,
    status: *mut zmd_status,
) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to; the caller guarantees the rest.
        unsafe { write(status, zmd_status::nothing()) };
        if status.is_null() {
            return Err(null("status"));
        }
        // SAFETY: guaranteed by the caller.
        let (client, (module, job_id)) = unsafe { (client_ref(client)?, job(module, job_id)?) };
        // SAFETY: guaranteed by the caller.
        let mut call = unsafe { callback(progress, user_data) };
        let waited = client.wait(&module, &job_id, timeout(timeout_ms), Some(&mut call));
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(status, zmd_status::of_wait(&waited)) };
        waited.result
    })
}

/// Waits until many jobs have ended, each as with `zmd_client_wait()`, with at most `max_concurrency` requests in flight. If
/// the service answers that it received too many requests, all jobs pause.
///
/// It uses as many threads as requests may be in flight, which have ended when it returns; `progress` is called on the
/// calling thread only. The failure of one job does not affect the others. A job that is in the array more than once is
/// polled as often.
///
/// @param client      the client; any number of threads may call at the same time
/// @param jobs        `count` jobs. One whose `module` or `job_id` is NULL or invalid gets its error at once.
/// @param count       how many; with 0 nothing is done, and the arrays may be NULL
/// @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: poll each job once
/// @param progress    called after every poll, with the job's index; NULL: none
/// @param user_data   passed to `progress`
/// @param statuses    `count` statuses, each written as by `zmd_client_wait()`
/// @param errors      `count` errors: `ZMD_OK` for a job that has ended
/// @return `ZMD_OK` if every job has ended, else the error of the first job in the array that failed; `zmd_last_error()`
///         describes that one, `zmd_last_error_of_job()` each. `ZMD_ERR_NULL_POINTER` if `client` or an array is NULL,
///         `ZMD_ERR_INVALID_ARGUMENT` if there is not enough memory for `count` jobs.
///
/// # Safety
///
/// As for `zmd_client_status_many`; `progress` is NULL or a function that may be called with `user_data`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the contract has them")]
pub unsafe extern "C" fn zmd_client_wait_many(
    client: *mut zmd_client,
    jobs: *const zmd_job,
    count: usize,
    timeout_ms: i64,
    progress: zmd_progress_fn,
    user_data: *mut c_void,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (client, named) = unsafe { begin_many(client, jobs, count, statuses, errors) }?;
        // SAFETY: guaranteed by the caller.
        let mut call = unsafe { callback(progress, user_data) };
        let call: Option<&mut Progress> = if progress.is_some() { Some(&mut call) } else { None };
        let waited = client.wait_many(&named, timeout(timeout_ms), call);
        let results = waited.iter().map(|waited| (zmd_status::of_wait(waited), waited.result.as_ref().err()));
        // SAFETY: begin_many has checked that neither is NULL, and the caller guarantees `count` elements.
        unsafe { end_many(&named, results, statuses, errors) }
    })
}
