//! Clients, and the status of jobs.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::{Handle, Tag, guard, last_error, null, progress::Inside, text, write, zmd_config};
use super::{ZMD_OK, number_of, zmd_error, zmd_state};
use zmd_core::{Client, Error, ErrorKind, JobId, ModuleName, Polled, Progress, State, Status, Waited};

/// A client for the status of jobs: made by `zmd_client_new()`, freed by `zmd_client_free()`.
///
/// Any number of threads may use a client at the same time. It keeps connections open between calls, so create one and
/// keep it. After `fork()`, parent and child can both use it.
#[allow(non_camel_case_types)]
pub struct zmd_client {
    _opaque: [u8; 0],
}

/// The status of a job. 64 bytes, without padding, on every platform.
///
/// After an error `state` is `ZMD_STATE_UNKNOWN`, the counts are -1, `state_text` is empty, and `http_status` is that of
/// the failed response.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_status {
    /// The state of the job.
    pub state: zmd_state,
    /// The HTTP status of the response that these fields come from; 0: there was none.
    pub http_status: i32,
    /// Records that the job is to delete; -1: not reported.
    pub total_count: i64,
    /// Records deleted so far; -1: not reported.
    pub deleted_count: i64,
    /// Records that could not be deleted so far; -1: not reported.
    pub failed_count: i64,
    /// The state as the service sent it, in UTF-8, truncated to fit; always NUL-terminated.
    pub state_text: [c_char; 32],
}

/// Identifies a job.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_job {
    /// The module's API name, such as `"Leads"`; see `zmd_client_status()`.
    pub module: *const c_char,
    /// The job id from the response that scheduled the mass delete.
    pub job_id: *const c_char,
}

/// Called after every poll of a job that is waited for, on the thread that waits.
///
/// It may call any zmd function, but must not free the client that waits. While it runs, `zmd_last_error()` is that of the
/// poll, and `zmd_progress_elapsed_ms()` and `zmd_progress_next_poll_ms()` return its times. It must return: no `longjmp`,
/// and no C++ exception through it.
///
/// @param user_data  the pointer that was passed to the wait
/// @param index      of the job in the array; 0 in a wait for one
/// @param error      the `zmd_error` of the poll. After a transient one the wait continues.
/// @param status     the result of the poll, as `zmd_client_status()` would have written it; valid during the call
/// @return 0 to continue; any other value ends this wait with `ZMD_ERR_CANCELLED`; the client can still be used
#[allow(non_camel_case_types)]
pub type zmd_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, index: usize, error: i32, status: *const zmd_status) -> i32>;

impl zmd_status {
    /// The status after a wait: the last one seen, also if the wait timed out or was cancelled.
    pub(super) fn of_wait(waited: &Waited) -> zmd_status {
        match (&waited.result, &waited.last) {
            (Err(error), _) if !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) => {
                zmd_status::of(&Err(error.clone()))
            }
            (_, Some(status)) => zmd_status::of(&Ok(status.clone())),
            (Err(error), None) => zmd_status::of(&Err(error.clone())),
            (Ok(()), None) => zmd_status::nothing(),
        }
    }

    /// Reads a status from C; a state with an unknown number is `ZMD_STATE_UNKNOWN`.
    ///
    /// # Safety
    ///
    /// `status` is NULL or valid for reading.
    unsafe fn read(status: *const zmd_status) -> Option<Status> {
        if status.is_null() {
            return None;
        }
        let count = |count| (count >= 0).then_some(count);
        // SAFETY: not NULL, and the caller guarantees the rest. The state is read as the number that C wrote.
        unsafe {
            let state = (&raw const (*status).state).cast::<i32>().read_unaligned();
            Some(Status {
                state: State::from_number(state),
                text: String::new(),
                total: count((&raw const (*status).total_count).read_unaligned()),
                deleted: count((&raw const (*status).deleted_count).read_unaligned()),
                failed: count((&raw const (*status).failed_count).read_unaligned()),
                http_status: 0,
            })
        }
    }

    pub(super) fn of(result: &Result<Status, Error>) -> zmd_status {
        let mut made = zmd_status {
            state: State::Unknown as zmd_state,
            http_status: 0,
            total_count: -1,
            deleted_count: -1,
            failed_count: -1,
            state_text: [0; 32],
        };
        match result {
            Err(error) => made.http_status = error.http_status().into(),
            Ok(status) => {
                made.state = status.state as zmd_state;
                made.http_status = status.http_status.into();
                made.total_count = status.total.unwrap_or(-1);
                made.deleted_count = status.deleted.unwrap_or(-1);
                made.failed_count = status.failed.unwrap_or(-1);
                let text = status.text.split('\0').next().unwrap_or_default();
                let mut end = text.len().min(made.state_text.len() - 1);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                for (to, from) in made.state_text.iter_mut().zip(text[..end].bytes()) {
                    *to = from as c_char;
                }
            }
        }
        made
    }

    /// The status after an error before any traffic.
    fn nothing() -> zmd_status {
        zmd_status::of(&Err(Error::new(ErrorKind::Internal, "")))
    }
}

/// Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted records reach the total, as far
/// as the service reports these. A wait returns `ZMD_OK` also for a job that failed or left records, so check this before
/// a step that depends on the deletion.
///
/// @param status  a status that a call has written; may be NULL
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_is_successful(status: *const zmd_status) -> i32 {
    // SAFETY: guaranteed by the caller.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.is_successful()).into()
}

/// Whether the job has ended: COMPLETED or FAILED. It returns 0 for a state that this version does not know.
///
/// @param status  a status that a call has written; may be NULL
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_has_ended(status: *const zmd_status) -> i32 {
    // SAFETY: guaranteed by the caller.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.has_ended()).into()
}

/// # Safety
///
/// `client` is NULL or a pointer from `zmd_client_new` that is not freed before `'a` ends.
pub(super) unsafe fn client_ref<'a>(client: *const zmd_client) -> Result<&'a Client, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(&*Handle::<Client>::value(client.cast_mut().cast(), Tag::CLIENT, "client")?) }
}

/// The pointer for C, which `zmd_client_free()` takes back.
fn handle(client: Client) -> *mut zmd_client {
    Handle::new(Tag::CLIENT, client).cast()
}

/// Checks the module and the id of a job.
///
/// # Safety
///
/// Both are NULL or NUL-terminated strings that do not change during the call.
pub(super) unsafe fn job(module: *const c_char, job_id: *const c_char) -> Result<(ModuleName, JobId), Error> {
    // SAFETY: guaranteed by the caller.
    let (module, job_id) = unsafe { (text(module, "module")?, text(job_id, "job_id")?) };
    Ok((ModuleName::parse(module)?, JobId::parse(job_id)?))
}

/// Creates a client and writes it to `*client`. Nothing is sent yet.
///
/// Reads `ca_file` or the system's trust store and, with `proxy=env`, the proxy variables of the environment.
///
/// @param config  the settings, which are copied; NULL: those of the environment and the configuration file, as
///                `zmd_config_load_env()` and `zmd_config_load_file(config, NULL, NULL)` read them
/// @param client  where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` if a setting is missing or invalid (there must be an `access_token`, or
///         `refresh_token`, `client_id` and `client_secret` together); `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that does not change during the call; `client` is NULL or valid for writing a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_new(config: *const zmd_config, client: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(client, std::ptr::null_mut()) };
        if client.is_null() {
            return Err(null("client"));
        }
        let made = if config.is_null() {
            Client::from_env()?
        } else {
            // SAFETY: guaranteed by the caller; it is only read.
            Client::new(unsafe { super::config::config_mut(config.cast_mut()) }?)?
        };
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(client, handle(made)) };
        Ok(())
    })
}

/// Clones a client, and writes the clone to `*clone`: for calls that must be cancelled separately.
///
/// Both have the same settings and share the access token: a token that one of them renews or sets is used by both. Each
/// has its own connections. Cancelling the clone does not affect this client; cancelling this client also cancels its
/// clones, and their clones. Either may be freed first. A clone costs less than a new client: the trust store is not read
/// again.
///
/// @param client  the client; any number of threads may call at the same time
/// @param clone   where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `clone` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_clone(client: *mut zmd_client, clone: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(clone, std::ptr::null_mut()) };
        if clone.is_null() {
            return Err(null("clone"));
        }
        // SAFETY: guaranteed by the caller.
        let made = unsafe { client_ref(client) }?.try_clone()?;
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(clone, handle(made)) };
        Ok(())
    })
}

/// Replaces the access token, from any thread: calls that start after this one use it.
///
/// When the service refuses the token, a client with a refresh token renews it; a client without one keeps using it.
///
/// @param client        the client
/// @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`; copied
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if it is not a token; then the old one is kept; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `access_token` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_set_access_token(
    client: *mut zmd_client,
    access_token: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (client, token) = unsafe { (client_ref(client)?, text(access_token, "access_token")?) };
        client.set_access_token(token)
    })
}

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
///         an array is NULL.
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

/// Waits until a job has ended, and blocks for at most `timeout_ms`.
///
/// It polls the job, with pauses from `poll_min_ms` to `poll_max_ms` that depend on the job's progress. A transient failure
/// (the network, a name lookup, HTTP 5xx or 429, a single unreadable response) does not end the wait; the pauses get
/// longer, and `progress` is called. Before the service has answered at all, a host name that does not exist ends it at
/// once, and other network failures end it after `unreachable_ms`.
///
/// @param client      the client; any number of threads may call at the same time
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: poll once
/// @param progress    called after every poll; NULL: none
/// @param user_data   passed to `progress`
/// @param status      where to write the last status; all fields are always written
/// @return `ZMD_OK` as soon as the job is COMPLETED or FAILED: see `zmd_status_is_successful()`. Also for a state that this
///         version does not know, once it has been unchanged for five minutes or the counts have reached the total.
///         `ZMD_ERR_TIMEOUT` if `timeout_ms` expired, `ZMD_ERR_CANCELLED` after a cancel: then `status` is the last status
///         seen. Else a permanent error.
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
        let mut call = unsafe { caller(progress, user_data) };
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
///         describes that one, `zmd_last_error_of_job()` each. `ZMD_ERR_NULL_POINTER` if `client` or an array is NULL.
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
        let mut call = unsafe { caller(progress, user_data) };
        let call: Option<&mut Progress> = if progress.is_some() { Some(&mut call) } else { None };
        let waited = client.wait_many(&named, timeout(timeout_ms), call);
        let results = waited.iter().map(|waited| (zmd_status::of_wait(waited), waited.result.as_ref().err()));
        // SAFETY: begin_many has checked that neither is NULL, and the caller guarantees `count` elements.
        unsafe { end_many(&named, results, statuses, errors) }
    })
}

/// Cancels a client and its clones, from any thread: every call in progress returns `ZMD_ERR_CANCELLED` within 100 ms, and
/// every later call at once. This cannot be undone: free the client, and create another.
///
/// Only the thread of a name lookup that the system has not finished may outlive the call. It does nothing if the client
/// has been cancelled already. After `fork()` it affects only the process that calls it.
///
/// @param client  the client
/// @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_cancel(client: *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe { client_ref(client) }?.cancel();
        Ok(())
    })
}

/// The limit of a wait; a negative one is none.
pub(super) fn timeout(timeout_ms: i64) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// The limit of a status call; a negative one is the setting.
pub(super) fn call_timeout(timeout_ms: i64) -> Result<Option<Duration>, Error> {
    match timeout(timeout_ms) {
        Some(Duration::ZERO) => {
            let message =
                "timeout_ms is 0: pass 1 or more milliseconds, or a negative number for the setting timeout_ms";
            Err(Error::new(ErrorKind::InvalidArgument, message))
        }
        timeout => Ok(timeout),
    }
}

/// Calls a callback with the result of a poll; `false` if it ends the wait.
///
/// # Safety
///
/// `progress` is NULL or may be called with `user_data` for as long as the result is used.
unsafe fn caller(progress: zmd_progress_fn, user_data: *mut c_void) -> impl FnMut(&Polled) -> bool {
    move |polled| {
        let Some(progress) = progress else { return true };
        let error = match polled.result {
            Ok(_) => {
                last_error::clear();
                ZMD_OK
            }
            Err(error) => {
                last_error::record(error);
                number_of(error)
            }
        };
        let status = zmd_status::of(polled.result);
        let _inside = Inside::enter(polled);
        // SAFETY: guaranteed by the caller; the status outlives the call.
        unsafe { progress(user_data, polled.index, error, &status) == 0 }
    }
}

/// The parsed names of jobs, or the error of each.
type Named = Vec<Result<(ModuleName, JobId), Error>>;

/// Checks the arguments of a `_many` function, and sets every element to its value after an error.
///
/// # Safety
///
/// As for `zmd_client_status_many`.
unsafe fn begin_many<'a>(
    client: *mut zmd_client,
    jobs: *const zmd_job,
    count: usize,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> Result<(&'a Client, Named), Error> {
    // SAFETY: guaranteed by the caller.
    let client = unsafe { client_ref(client) };
    for index in 0..count {
        let error = client.as_ref().map_or_else(number_of, |_| ErrorKind::NullPointer as zmd_error);
        // SAFETY: NULL is not written to, and else there are `count` elements.
        unsafe {
            write_at(statuses, index, zmd_status::nothing());
            write_at(errors, index, error);
        }
    }
    let client = client?;
    for (name, is_null) in [("jobs", jobs.is_null()), ("statuses", statuses.is_null()), ("errors", errors.is_null())] {
        if is_null && count > 0 {
            return Err(null(name));
        }
    }
    let named = (0..count).map(|index| {
        // SAFETY: not NULL, and the caller guarantees `count` elements with valid pointers.
        unsafe {
            let zmd_job { module, job_id } = jobs.add(index).read_unaligned();
            job(module, job_id)
        }
    });
    Ok((client, named.collect()))
}

/// Writes the result of each job, and returns the first error.
///
/// # Safety
///
/// The arrays have as many elements as there are results.
unsafe fn end_many<'a>(
    named: &Named,
    results: impl Iterator<Item = (zmd_status, Option<&'a Error>)>,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> Result<(), Error> {
    let mut first = Ok(());
    for (index, (status, error)) in results.enumerate() {
        // SAFETY: guaranteed by the caller.
        unsafe {
            write_at(statuses, index, status);
            write_at(errors, index, error.map_or(ZMD_OK, number_of));
        }
        let Some(error) = error else { continue };
        last_error::record_job(index, error);
        if first.is_ok() {
            first = Err(error.clone().map_message(|message| match &named[index] {
                Ok((module, job_id)) => format!("jobs[{index}] ({} {}): {message}", module.as_str(), job_id.as_str()),
                Err(_) => format!("jobs[{index}]: {message}"),
            }));
        }
    }
    first
}

/// Writes an element of an array that may be NULL.
///
/// # Safety
///
/// `array` is NULL or has an element `index` that may be written.
unsafe fn write_at<T>(array: *mut T, index: usize, value: T) {
    if !array.is_null() {
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(array.add(index), value) }
    }
}

/// Frees a client: closes its connections, and wipes its secrets from memory. NULL is ignored.
///
/// @param client  the client; no thread may be in a call with it, or use it afterwards
///
/// # Safety
///
/// `client` is NULL or a client that is not in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_free(client: *mut zmd_client) {
    // SAFETY: guaranteed by the caller.
    unsafe { Handle::<Client>::free(client.cast(), Tag::CLIENT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> Vec<u8> {
        let status = Status {
            state: State::Unknown,
            text: text.to_owned(),
            total: None,
            deleted: None,
            failed: None,
            http_status: 200,
        };
        zmd_status::of(&Ok(status)).state_text.iter().map(|c| *c as u8).collect()
    }

    fn padded(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        bytes.resize(32, 0);
        bytes
    }

    #[test]
    fn state_text_is_truncated_between_characters_and_terminated() {
        assert_eq!(text_of("PAUSED"), padded(b"PAUSED"));
        assert_eq!(text_of(&"x".repeat(31)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"x".repeat(32)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"é".repeat(16)), padded("é".repeat(15).as_bytes()));
        assert_eq!(text_of("RUN\0NING"), padded(b"RUN"));
        assert_eq!(text_of(""), padded(b""));
    }

    fn status() -> Status {
        let text = "RUNNING".to_owned();
        let state = State::Running;
        Status { state, text, total: Some(9), deleted: Some(4), failed: None, http_status: 200 }
    }

    fn numbers(status: &zmd_status) -> (zmd_state, i32, [i64; 3]) {
        (status.state, status.http_status, [status.total_count, status.deleted_count, status.failed_count])
    }

    const SEEN: (zmd_state, i32, [i64; 3]) = (State::Running as zmd_state, 200, [9, 4, -1]);
    const FAILED: (zmd_state, i32, [i64; 3]) = (State::Unknown as zmd_state, 500, [-1; 3]);

    #[test]
    fn a_count_that_is_not_reported_is_minus_one() {
        let all = Status { total: None, deleted: None, failed: Some(3), ..status() };
        assert_eq!(numbers(&zmd_status::of(&Ok(status()))), SEEN);
        assert_eq!(numbers(&zmd_status::of(&Ok(all))).2, [-1, -1, 3]);
        let failed = Error::new(ErrorKind::Server, "").with_http_status(500);
        assert_eq!(numbers(&zmd_status::of(&Err(failed))), FAILED);
    }

    #[test]
    fn a_wait_that_ends_by_its_limit_or_a_cancel_keeps_the_last_status() {
        for (kind, expected) in [(ErrorKind::Timeout, SEEN), (ErrorKind::Cancelled, SEEN), (ErrorKind::Server, FAILED)]
        {
            let result = || Err(Error::new(kind, "").with_http_status(500));
            let waited = Waited { last: Some(status()), result: result() };
            assert_eq!(numbers(&zmd_status::of_wait(&waited)), expected, "{kind:?}");
            let unseen = Waited { last: None, result: result() };
            assert_eq!(numbers(&zmd_status::of_wait(&unseen)), FAILED);
        }
        assert_eq!(numbers(&zmd_status::of_wait(&Waited { last: Some(status()), result: Ok(()) })), SEEN);
    }

    #[test]
    fn limits_in_milliseconds() {
        assert_eq!((timeout(-1), timeout(0), timeout(7)), (None, Some(Duration::ZERO), Some(Duration::from_millis(7))));
        assert!(call_timeout(0).is_err());
        assert_eq!((call_timeout(-5).unwrap(), call_timeout(7).unwrap()), (None, Some(Duration::from_millis(7))));
    }
}
