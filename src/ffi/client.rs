//! Clients, and the status of jobs.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::{Tag, guard, last_error, not_a_handle, null, progress::Inside, text, write, zmd_config};
use crate::client::Client;
use crate::endpoint::{JobId, ModuleName};
use crate::error::{
    Error,
    zmd_error::{self, *},
};
use crate::status::{Status, zmd_state};
use crate::wait::{Polled, Progress, Waited};

/// Asks for the status of jobs: made by `zmd_client_new()`, freed by `zmd_client_free()`.
///
/// Any number of threads may use one at the same time; it keeps connections open between calls, so make one
/// and keep it. After `fork()`, parent and child both go on using theirs.
#[allow(non_camel_case_types)]
pub struct zmd_client {
    tag: Tag,
    client: Client,
}

/// What the service says of a job. 64 bytes, without padding, on every platform.
///
/// After an error `state` is `ZMD_STATE_UNKNOWN`, the counts are -1, `state_text` is empty, and `http_status`
/// is that of the answer that failed.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_status {
    /// How far the job is.
    pub state: zmd_state,
    /// The HTTP status of the answer that these fields come from; 0: there was none.
    pub http_status: i32,
    /// Records that the job is to delete; -1: not reported.
    pub total_count: i64,
    /// Records deleted so far; -1: not reported.
    pub deleted_count: i64,
    /// Records that could not be deleted so far; -1: not reported.
    pub failed_count: i64,
    /// The service's word for the state as it sent it, in UTF-8, cut to fit; always NUL-terminated.
    pub state_text: [c_char; 32],
}

/// Names a job.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_job {
    /// The module's API name, such as `"Leads"`; see `zmd_client_status()`.
    pub module: *const c_char,
    /// The id that scheduling the mass delete answered.
    pub job_id: *const c_char,
}

/// Called after every poll of a job that is waited for, on the thread that waits.
///
/// It may call any zmd function, but not free the client that waits; while it runs, `zmd_last_error()` is the
/// poll's, and `zmd_progress_elapsed_ms()` and `zmd_progress_next_poll_ms()` give its times. It must return: no `longjmp`,
/// and no C++ exception through it.
///
/// @param user_data  what the wait was given
/// @param index      of the job in the array; 0 in a wait for one
/// @param error      the `zmd_error` of the poll. After a transient one the wait goes on.
/// @param status     the result of the poll, as `zmd_client_status()` would have written it; valid during the call
/// @return 0 to go on; anything else ends this wait with `ZMD_ERR_CANCELLED`, and nothing else: the client is as good
///         as before
#[allow(non_camel_case_types)]
pub type zmd_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, index: usize, error: i32, status: *const zmd_status) -> i32>;

impl zmd_status {
    /// A wait that came to its limit, or was cancelled, leaves the last status seen.
    pub(super) fn of_wait(waited: &Waited) -> zmd_status {
        match (&waited.result, &waited.last) {
            (Err(error), _) if !matches!(error.kind(), ZMD_ERR_TIMEOUT | ZMD_ERR_CANCELLED) => {
                zmd_status::of(&Err(error.clone()))
            }
            (_, Some(status)) => zmd_status::of(&Ok(status.clone())),
            (Err(error), None) => zmd_status::of(&Err(error.clone())),
            (Ok(()), None) => zmd_status::nothing(),
        }
    }

    /// What it says, whatever the number of its state is.
    ///
    /// # Safety
    ///
    /// `status` is NULL or valid for reading.
    unsafe fn read(status: *const zmd_status) -> Option<Status> {
        if status.is_null() {
            return None;
        }
        let count = |count| (count >= 0).then_some(count);
        // SAFETY: not NULL, and the caller answers for the rest. The state is read as the number that C wrote.
        unsafe {
            let state = (&raw const (*status).state).cast::<i32>().read_unaligned();
            Some(Status {
                state: zmd_state::from_number(state).unwrap_or(zmd_state::ZMD_STATE_UNKNOWN),
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
            state: zmd_state::ZMD_STATE_UNKNOWN,
            http_status: 0,
            total_count: -1,
            deleted_count: -1,
            failed_count: -1,
            state_text: [0; 32],
        };
        match result {
            Err(error) => made.http_status = error.http_status().into(),
            Ok(status) => {
                made.state = status.state;
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

    /// What an error before any traffic leaves.
    fn nothing() -> zmd_status {
        zmd_status::of(&Err(Error::new(ZMD_ERR_INTERNAL, "")))
    }
}

/// Whether the records are gone: the job is COMPLETED, no record failed, and none is short of the total, where the service
/// reports these. A wait returns `ZMD_OK` for a job that failed or left records too: what follows it in a batch should
/// depend on this.
///
/// @param status  what a call has written; NULL is fine
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_is_successful(status: *const zmd_status) -> i32 {
    // SAFETY: the caller answers for it.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.is_successful()).into()
}

/// Whether the job is over: COMPLETED or FAILED. A state that this version does not know is not known to be an end.
///
/// @param status  what a call has written; NULL is fine
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_has_ended(status: *const zmd_status) -> i32 {
    // SAFETY: the caller answers for it.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.has_ended()).into()
}

/// # Safety
///
/// `client` is NULL or a pointer from `zmd_client_new` that is not freed before `'a` ends.
pub(super) unsafe fn client_ref<'a>(client: *const zmd_client) -> Result<&'a Client, Error> {
    // SAFETY: NULL becomes None; the caller answers for the rest.
    let handle = unsafe { client.as_ref() }.ok_or_else(|| null("client"))?;
    if handle.tag.0 != Tag::CLIENT.0 {
        return Err(not_a_handle("client"));
    }
    Ok(&handle.client)
}

/// What C holds of a client, until it frees it.
fn handle(client: Client) -> *mut zmd_client {
    Box::into_raw(Box::new(zmd_client { tag: Tag::CLIENT, client }))
}

/// Checks the two names of a job.
///
/// # Safety
///
/// Both are NULL or NUL-terminated strings that nobody changes meanwhile.
pub(super) unsafe fn job(module: *const c_char, job_id: *const c_char) -> Result<(ModuleName, JobId), Error> {
    // SAFETY: the caller answers for both.
    let (module, job_id) = unsafe { (text(module, "module")?, text(job_id, "job_id")?) };
    Ok((ModuleName::parse(module)?, JobId::parse(job_id)?))
}

/// Makes a client and writes it to `*client`. Nothing is sent yet.
///
/// Reads `ca_file` or the system's trust store and, with `proxy=env`, the proxy variables of the environment.
///
/// @param config  the settings, which are copied; NULL: those of the environment and the configuration file, as
///                `zmd_config_load_env()` and `zmd_config_load_file(config, NULL, NULL)` read them
/// @param client  where to put it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` if a setting is missing or bad (there must be an `access_token`, or
///         `refresh_token`, `client_id` and `client_secret` together); `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that nobody changes meanwhile; `client` is NULL or valid for writing a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_new(config: *const zmd_config, client: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller answers for the rest.
        unsafe { write(client, std::ptr::null_mut()) };
        if client.is_null() {
            return Err(null("client"));
        }
        let made = if config.is_null() {
            Client::from_env()?
        } else {
            // SAFETY: the caller answers for it; it is only read.
            Client::new(unsafe { super::config::config_mut(config.cast_mut()) }?)?
        };
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(client, handle(made)) };
        Ok(())
    })
}

/// Makes another client like this one, and writes it to `*clone`: for calls that are to be cancelled alone, such as
/// one with a `progress` that may end it.
///
/// The two have the same settings and share the access token: whichever of them renews it or is given another, both
/// use it. Each has connections of its own. Cancelling the clone does nothing to this client; cancelling this client
/// cancels its clones, and theirs. Either may be freed first. A clone costs less than a client: the trust store is
/// not read again.
///
/// @param client  the client; any number of threads may call at the same time
/// @param clone   where to put it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `clone` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_clone(client: *mut zmd_client, clone: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller answers for the rest.
        unsafe { write(clone, std::ptr::null_mut()) };
        if clone.is_null() {
            return Err(null("clone"));
        }
        // SAFETY: the caller answers for it.
        let made = unsafe { client_ref(client) }?.try_clone()?;
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(clone, handle(made)) };
        Ok(())
    })
}

/// Replaces the access token, from any thread: calls that start after this one use it.
///
/// A client that has a refresh token too renews it once the service refuses it; one that has none uses it to the
/// end.
///
/// @param client        the client
/// @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`; copied
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if it is no token, with the old one kept; `ZMD_ERR_NULL_POINTER`
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
        // SAFETY: the caller answers for both.
        let (client, token) = unsafe { (client_ref(client)?, text(access_token, "access_token")?) };
        client.set_access_token(token)
    })
}

/// Asks how far a job is, and blocks until the answer is there: for `timeout_ms` at the most, retries, their
/// pauses and getting an access token included.
///
/// @param client  the client; any number of threads may call at the same time
/// @param module  the module's API name, as in the request that scheduled the job: a letter, then letters,
///                digits and underscores, at most 100 characters; white space around it is ignored. The
///                documentation's "Sales Orders" is `"Sales_Orders"`, its "Meetings" is mostly `"Events"`.
/// @param job_id  the `job_id` that scheduling answered: 1 to 64 letters, digits, underscores and hyphens;
///                white space around it is passed over
/// @param status  where to put the answer; always written whole, on failure too
/// @return `ZMD_OK` if the service told the job's state, whatever it is: a job that failed is an answer, not
///         an error. Else any error; arguments that break their rule are refused before anything is sent.
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
    // SAFETY: the caller answers for all of them.
    unsafe { zmd_client_status_within(client, module, job_id, -1, status) }
}

/// Asks how far a job is, as `zmd_client_status()` does, with another limit than the setting `timeout_ms`.
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
        // SAFETY: NULL is not written to; the caller answers for the rest.
        unsafe { write(status, zmd_status::nothing()) };
        if status.is_null() {
            return Err(null("status"));
        }
        // SAFETY: the caller answers for all of them.
        let (client, (module, job_id)) = unsafe { (client_ref(client)?, job(module, job_id)?) };
        let result = match call_timeout(timeout_ms)? {
            Some(timeout) => client.status_within(&module, &job_id, timeout),
            None => client.status(&module, &job_id),
        };
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(status, zmd_status::of(&result)) };
        result.map(|_| ())
    })
}

/// Asks how far each of many jobs is, with at most `max_concurrency` calls in flight. Each call has the whole
/// of `timeout_ms`, so all of them take at most `count / max_concurrency` times as long, rounded up.
///
/// The calling thread works too; the threads that help it are gone when this returns. The same job may be
/// named more than once, and is asked for as often.
///
/// @param client    the client; any number of threads may call at the same time
/// @param jobs      `count` jobs. One whose `module` or `job_id` is NULL or breaks its rule gets its error, and
///                  disturbs no other.
/// @param count     how many; with 0 nothing is done, and the arrays may be NULL
/// @param statuses  `count` statuses, each written whole
/// @param errors    `count` errors: that of each job, `ZMD_OK` if its state is known
/// @return `ZMD_OK` if every job's state is known, else the error of the first job in the array that has one;
///         `zmd_last_error()` tells of that one, `zmd_last_error_of_job()` of each. `ZMD_ERR_NULL_POINTER` if `client`
///         or an array is NULL.
///
/// # Safety
///
/// `client` is NULL or a client; each array is NULL or holds `count` elements, and is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_status_many(
    client: *mut zmd_client,
    jobs: *const zmd_job,
    count: usize,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for all of them.
        let (client, named) = unsafe { begin_many(client, jobs, count, statuses, errors) }?;
        let results = client.status_many(&named);
        // SAFETY: begin_many has seen that neither is NULL, and the caller answers for `count` elements.
        unsafe {
            let results = results.iter().map(|result| (zmd_status::of(result), result.as_ref().err()));
            end_many(&named, results, statuses, errors)
        }
    })
}

/// Waits until a job has ended, and blocks for `timeout_ms` at the most.
///
/// It asks again and again, with pauses that it chooses by what each answer says of the progress: between
/// `poll_min_ms` and `poll_max_ms`. A transient failure (the network, a name look-up, HTTP 5xx or 429, an
/// unreadable answer once) does not end the wait; the pauses get longer, and `progress` is called. Before the service has
/// answered at all, a host name that does not exist ends it at once, and other network failures after `unreachable_ms`.
///
/// @param client      the client; any number of threads may call at the same time
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: ask once
/// @param progress    called after every poll; NULL: none
/// @param user_data   handed to `progress`
/// @param status      where to put the last status; always written whole
/// @return `ZMD_OK` as soon as the job is COMPLETED or FAILED: see `zmd_status_is_successful()`. Also for a state that this
///         version does not know, once it has been reported for five minutes without a change or the counts have reached the
///         total. `ZMD_ERR_TIMEOUT` when `timeout_ms` ran out, `ZMD_ERR_CANCELLED` after a cancel: then `status` has the
///         last status seen. Else an error that polling again will not fix.
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
        // SAFETY: NULL is not written to; the caller answers for the rest.
        unsafe { write(status, zmd_status::nothing()) };
        if status.is_null() {
            return Err(null("status"));
        }
        // SAFETY: the caller answers for all of them.
        let (client, (module, job_id)) = unsafe { (client_ref(client)?, job(module, job_id)?) };
        // SAFETY: the caller answers for both.
        let mut call = unsafe { caller(progress, user_data) };
        let waited = client.wait(&module, &job_id, timeout(timeout_ms), Some(&mut call));
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(status, zmd_status::of_wait(&waited)) };
        waited.result
    })
}

/// Waits until many jobs have ended, each as `zmd_client_wait()` would, with at most `max_concurrency` calls in
/// flight. Where the service answers that it has had too many requests, all of them wait.
///
/// It has threads of its own, as many as calls may be in flight, which are gone when it returns; `progress` is
/// called on the calling thread alone. One job's failure disturbs no other. The same job may be named more than
/// once, and is asked for as often.
///
/// @param client      the client; any number of threads may call at the same time
/// @param jobs        `count` jobs. One whose `module` or `job_id` is NULL or breaks its rule gets its error at once.
/// @param count       how many; with 0 nothing is done, and the arrays may be NULL
/// @param timeout_ms  the limit for the whole wait in milliseconds; negative: none; 0: ask for each job once
/// @param progress    called after every poll, with the job's index; NULL: none
/// @param user_data   handed to `progress`
/// @param statuses    `count` statuses, each written whole as `zmd_client_wait()` does
/// @param errors      `count` errors: `ZMD_OK` for a job that has ended
/// @return `ZMD_OK` if every job has ended, else the error of the first job in the array that has one;
///         `zmd_last_error()` tells of that one, `zmd_last_error_of_job()` of each. `ZMD_ERR_NULL_POINTER` if `client`
///         or an array is NULL.
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
        // SAFETY: the caller answers for all of them.
        let (client, named) = unsafe { begin_many(client, jobs, count, statuses, errors) }?;
        // SAFETY: the caller answers for both.
        let mut call = unsafe { caller(progress, user_data) };
        let call: Option<&mut Progress> = if progress.is_some() { Some(&mut call) } else { None };
        let waited = client.wait_many(&named, timeout(timeout_ms), call);
        let results = waited.iter().map(|waited| (zmd_status::of_wait(waited), waited.result.as_ref().err()));
        // SAFETY: begin_many has seen that neither is NULL, and the caller answers for `count` elements.
        unsafe { end_many(&named, results, statuses, errors) }
    })
}

/// Cancels a client and its clones, from any thread: every call under way on it returns `ZMD_ERR_CANCELLED` within
/// 100 ms, wherever it is, and every later call at once. There is no way back: free it, and make another.
///
/// Only the thread of a name look-up that the system has not finished may outlive the call. Cancelling twice, or a
/// client that does nothing, is fine. After `fork()` it concerns the process that calls it.
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
        // SAFETY: the caller answers for it.
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
            Err(Error::new(ZMD_ERR_INVALID_ARGUMENT, message))
        }
        timeout => Ok(timeout),
    }
}

/// Calls a callback with the result of a poll; `false` when it wants the wait to end.
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
                error.kind()
            }
        };
        let status = zmd_status::of(polled.result);
        let _inside = Inside::enter(polled);
        // SAFETY: the caller answers for both; the status outlives the call.
        unsafe { progress(user_data, polled.index, error as i32, &status) == 0 }
    }
}

/// What `count` jobs are called, each or its error.
type Named = Vec<Result<(ModuleName, JobId), Error>>;

/// Checks the arguments of a `_many` function, and writes to every element what an error leaves.
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
    // SAFETY: the caller answers for it.
    let client = unsafe { client_ref(client) };
    for index in 0..count {
        let error = client.as_ref().map_or_else(Error::kind, |_| ZMD_ERR_NULL_POINTER);
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
        // SAFETY: not NULL, and the caller answers for `count` elements and for what they point to.
        unsafe {
            let zmd_job { module, job_id } = jobs.add(index).read_unaligned();
            job(module, job_id)
        }
    });
    Ok((client, named.collect()))
}

/// Writes what came of each job, and returns the first error among them.
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
        // SAFETY: the caller answers for the arrays.
        unsafe {
            write_at(statuses, index, status);
            write_at(errors, index, error.map_or(ZMD_OK, Error::kind));
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
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(array.add(index), value) }
    }
}

/// Frees a client: its connections are closed, its secrets wiped from memory. NULL is fine.
///
/// @param client  the client, which no thread may be in a call of, or use any more
///
/// # Safety
///
/// `client` is NULL or a client in use by nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_free(client: *mut zmd_client) {
    // SAFETY: the caller answers for it.
    if unsafe { client_ref(client) }.is_ok() {
        // SAFETY: it is a live handle, so it came from Box::into_raw.
        let mut handle = unsafe { Box::from_raw(client) };
        // SAFETY: a reference is valid for writing. Volatile, so that it is not optimized away.
        unsafe { (&raw mut handle.tag).write_volatile(Tag::FREED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> Vec<u8> {
        let status = Status {
            state: zmd_state::ZMD_STATE_UNKNOWN,
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
    fn state_text_is_cut_between_characters_and_terminated() {
        assert_eq!(text_of("PAUSED"), padded(b"PAUSED"));
        assert_eq!(text_of(&"x".repeat(31)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"x".repeat(32)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"é".repeat(16)), padded("é".repeat(15).as_bytes()));
        assert_eq!(text_of("RUN\0NING"), padded(b"RUN"));
        assert_eq!(text_of(""), padded(b""));
    }
}
