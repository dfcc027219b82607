//! The status of one job or of many, once.

use std::ffi::c_char;

use super::args::{call_timeout, job, null, write};
use super::call::guard;
use super::client::{client_ref, zmd_client};
use super::many::{begin_many, end_many, zmd_job};
use super::names::zmd_error;
use super::status::zmd_status;

/// Gets the status of a job. Blocks for at most the setting `timeout_ms`, including retries, their pauses and getting an
/// access token.
///
/// @param client  the client; any number of threads may call at the same time
/// @param module  the module's API name, as in the request that scheduled the job: a letter, then letters,
///                digits and underscores, at most 100 characters; white space around it is ignored. The
///                documentation's "Sales Orders" is `"Sales_Orders"`, its "Meetings" is mostly `"Events"`.
/// @param job_id  the `job_id` from the response that scheduled the job: 1 to 64 letters, digits, underscores and
///                hyphens; white space around it is ignored
/// @param status  where to write the status; all fields are always written, on failure too
/// @return `ZMD_OK` if the service returned the job's status, also if the job failed: that is a status, not an error.
///         Else any error; invalid arguments are refused before anything is sent.
///
/// # Safety
///
/// `client` is NULL or a client; the strings are NULL or NUL-terminated; `status` is NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_status(
    client: *mut zmd_client,
    module: *const c_char,
    job_id: *const c_char,
    status: *mut zmd_status,
) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    unsafe { zmd_client_status_within(client, module, job_id, -1, status) }
}

/// Gets the status of a job, as `zmd_client_status()` does, with another limit than the setting `timeout_ms`.
///
/// @param client      the client; any number of threads may call at the same time
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the whole call in milliseconds, from 1; negative: the setting
/// @param status      as for `zmd_client_status()`
/// @return as `zmd_client_status()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
///
/// # Safety
///
/// As for `zmd_client_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_status_within(
    client: *mut zmd_client,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
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
        let result = match call_timeout(timeout_ms)? {
            Some(timeout) => client.status_within(&module, &job_id, timeout),
            None => client.status(&module, &job_id),
        };
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(status, zmd_status::of(&result)) };
        result.map(|_| ())
    })
}

/// Gets the status of many jobs, with at most `max_concurrency` requests in flight. The limit `timeout_ms` applies to each
/// job, so the call takes at most `count / max_concurrency` times as long, rounded up.
///
/// The requests are made on the calling thread and on further threads, which have ended when this returns. A job that is
/// in the array more than once is requested as often.
///
/// @param client    the client; any number of threads may call at the same time
/// @param jobs      `count` jobs. One whose `module` or `job_id` is NULL or invalid gets its error; the others are not
///                  affected.
/// @param count     how many; with 0 nothing is done, and the arrays may be NULL
/// @param statuses  `count` statuses; all fields of each are written
/// @param errors    `count` errors: that of each job, `ZMD_OK` if the service returned its status
/// @return `ZMD_OK` if every job's error is `ZMD_OK`, else the error of the first job in the array that failed;
///         `zmd_last_error()` describes that one, `zmd_last_error_of_job()` each. `ZMD_ERR_NULL_POINTER` if `client` or
///         an array is NULL, `ZMD_ERR_INVALID_ARGUMENT` if there is not enough memory for `count` jobs.
///
/// # Safety
///
/// `client` is NULL or a client; each array is NULL or has `count` elements, and no other thread uses it during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_status_many(
    client: *mut zmd_client,
    jobs: *const zmd_job,
    count: usize,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (client, named) = unsafe { begin_many(client, jobs, count, statuses, errors) }?;
        let results = client.status_many(&named);
        // SAFETY: begin_many has checked that neither is NULL, and the caller guarantees `count` elements.
        unsafe {
            let results = results.iter().map(|result| (zmd_status::of(result), result.as_ref().err()));
            end_many(&named, results, statuses, errors)
        }
    })
}
