//! Many calls without a thread for each: a queue of waits.

use std::ffi::c_char;

use super::client::{call_timeout, client_ref, job, timeout, zmd_client, zmd_status};
use super::progress::milliseconds;
use super::{Tag, guard, last_error, not_a_handle, null, write};
use crate::error::{
    Error,
    zmd_error::{self, *},
};
use crate::waits::{Update, WaitEvent, Waits};

/// A queue of waits: made by `zmd_waits_new()`, freed by `zmd_waits_free()`.
///
/// Waits are added and removed at any time, and what happens to them is taken from the queue with `zmd_waits_next()`: for
/// event loops, and for programs that wait for thousands of jobs. Any number of threads may use one at the same time. It
/// has one thread of its own, and up to `max_concurrency` others while it polls, whatever the number of waits. It belongs
/// to the process that made it: after `fork()`, the child's calls return `ZMD_ERR_INVALID_ARGUMENT`.
#[allow(non_camel_case_types)]
pub struct zmd_waits {
    tag: Tag,
    waits: Waits,
}

/// What happened to a wait. 96 bytes, without padding, on every platform.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_event {
    /// Which wait: what `zmd_waits_add()` wrote.
    pub id: u64,
    /// Where `has_ended` is 1, what `zmd_client_wait()` would have returned; else the `zmd_error` of a poll, after which
    /// the wait goes on.
    pub error: zmd_error,
    /// 1: the wait has ended, and this is its last event; 0: it was polled, and goes on.
    pub has_ended: i32,
    /// Milliseconds since the wait was added.
    pub elapsed_ms: i64,
    /// Milliseconds until its next poll; -1: there is none.
    pub next_poll_ms: i64,
    /// Where `has_ended` is 1, the status that `zmd_client_wait()` would have written; else that of the poll.
    pub status: zmd_status,
}

/// # Safety
///
/// `waits` is NULL or a pointer from `zmd_waits_new` that is not freed before `'a` ends.
unsafe fn waits_ref<'a>(waits: *const zmd_waits) -> Result<&'a Waits, Error> {
    // SAFETY: NULL becomes None; the caller answers for the rest.
    let handle = unsafe { waits.as_ref() }.ok_or_else(|| null("waits"))?;
    if handle.tag.0 != Tag::WAITS.0 {
        return Err(not_a_handle("waits"));
    }
    Ok(&handle.waits)
}

/// Makes a queue of waits, and writes it to `*waits`.
///
/// It has a clone of the client: cancelling the client cancels the queue too, and the client may be freed first.
///
/// @param client  the client
/// @param waits   where to put it; the caller frees it with `zmd_waits_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_INTERNAL` if the system has no thread to
///         give; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `waits` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_new(client: *mut zmd_client, waits: *mut *mut zmd_waits) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller answers for the rest.
        unsafe { write(waits, std::ptr::null_mut()) };
        if waits.is_null() {
            return Err(null("waits"));
        }
        // SAFETY: the caller answers for it.
        let made = Waits::new(unsafe { client_ref(client) }?)?;
        let handle = Box::into_raw(Box::new(zmd_waits { tag: Tag::WAITS, waits: made }));
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(waits, handle) };
        Ok(())
    })
}

/// Begins to wait for a job, as `zmd_client_wait()` would, and returns at once. It has an event for each poll; the last one
/// has `has_ended` 1.
///
/// @param waits       the queue
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`; the same job may be added more than once
/// @param timeout_ms  the limit for the wait in milliseconds; negative: none; 0: poll once
/// @param id          where to put the wait's id, which is given once only; NULL: it is not wanted
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the queue or its client was cancelled; `ZMD_ERR_INVALID_ARGUMENT`;
///         `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `waits` is NULL or a queue; the strings are NULL or NUL-terminated; `id` is NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_add(
    waits: *mut zmd_waits,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    id: *mut u64,
) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for all of them.
        let (waits, (module, job_id)) = unsafe { (waits_ref(waits)?, job(module, job_id)?) };
        let added = waits.add(&module, &job_id, timeout(timeout_ms))?;
        // SAFETY: NULL is not written to, and the caller answers for the rest.
        unsafe { write(id, added) };
        Ok(())
    })
}

/// Begins to ask for a job's status once, with retries, as `zmd_client_status()` would, and returns at once. It has one
/// event, with `has_ended` 1 whatever the job's state is.
///
/// @param waits       the queue
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the call in milliseconds, from when it begins; negative: the setting `timeout_ms`
/// @param id          where to put the id of its event; NULL: it is not wanted
/// @return as `zmd_waits_add()`; `ZMD_ERR_INVALID_ARGUMENT` also for a `timeout_ms` of 0
///
/// # Safety
///
/// As for `zmd_waits_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_add_status(
    waits: *mut zmd_waits,
    module: *const c_char,
    job_id: *const c_char,
    timeout_ms: i64,
    id: *mut u64,
) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for all of them.
        let (waits, (module, job_id)) = unsafe { (waits_ref(waits)?, job(module, job_id)?) };
        let added = waits.add_status(&module, &job_id, call_timeout(timeout_ms)?)?;
        // SAFETY: NULL is not written to, and the caller answers for the rest.
        unsafe { write(id, added) };
        Ok(())
    })
}

/// Ends a wait. Its last event, with `ZMD_ERR_CANCELLED`, is in the queue when this returns; the other waits go on.
///
/// @param waits  the queue
/// @param id     the wait; one that has ended, or was never given, is fine
/// @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `waits` is NULL or a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_remove(waits: *mut zmd_waits, id: u64) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for it.
        unsafe { waits_ref(waits) }?.remove(id)
    })
}

/// Takes the next event, and blocks until there is one. Events come in the order in which they happened; each is given
/// to one caller.
///
/// What is wrong where `event->error` is not `ZMD_OK` is in `zmd_last_error_of_job(0)` and
/// `zmd_last_error_code_of_job(0)`; `zmd_last_error()` is about this call itself.
///
/// @param waits       the queue
/// @param timeout_ms  how long to block, in milliseconds; negative: without a limit; 0: not at all
/// @param event       where to put the event; written only if there is one
/// @return `ZMD_OK` if there is an event, whatever it says; `ZMD_ERR_TIMEOUT` if none came; `ZMD_ERR_CANCELLED` if the
///         queue or its client was cancelled and the last event was taken; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `waits` is NULL or a queue; `event` is NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_next(waits: *mut zmd_waits, timeout_ms: i64, event: *mut zmd_event) -> zmd_error {
    guard(|| {
        if event.is_null() {
            return Err(null("event"));
        }
        // SAFETY: the caller answers for it.
        let WaitEvent { id, elapsed, next_poll, update } = unsafe { waits_ref(waits) }?.next(timeout(timeout_ms))?;
        let (has_ended, status, error) = match &update {
            Update::Polled(result) => (0, zmd_status::of(result), result.as_ref().err()),
            Update::Ended(waited) => (1, zmd_status::of_wait(waited), waited.result.as_ref().err()),
        };
        if let Some(error) = error {
            last_error::record_job(0, error);
        }
        let taken = zmd_event {
            id,
            error: error.map_or(ZMD_OK, Error::kind),
            has_ended,
            elapsed_ms: milliseconds(Some(elapsed)),
            next_poll_ms: milliseconds(next_poll),
            status,
        };
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { write(event, taken) };
        Ok(())
    })
}

/// Cancels a queue, from any thread: each of its waits has its last event, with `ZMD_ERR_CANCELLED`, within 100 ms, and
/// later ones are refused. The client goes on.
///
/// `zmd_waits_next()` gives the events that are left, and then returns `ZMD_ERR_CANCELLED`.
///
/// @param waits  the queue
/// @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `waits` is NULL or a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_cancel(waits: *mut zmd_waits) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for it.
        unsafe { waits_ref(waits) }?.cancel()
    })
}

/// Frees a queue: its waits end without an event, its threads are joined within 100 ms. NULL is fine.
///
/// @param waits  the queue, which no thread may be in a call of, or use any more
///
/// # Safety
///
/// `waits` is NULL or a queue in use by nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_free(waits: *mut zmd_waits) {
    // SAFETY: the caller answers for it.
    if unsafe { waits_ref(waits) }.is_ok() {
        // SAFETY: it is a live handle, so it came from Box::into_raw.
        let mut handle = unsafe { Box::from_raw(waits) };
        // SAFETY: a reference is valid for writing. Volatile, so that it is not optimized away.
        unsafe { (&raw mut handle.tag).write_volatile(Tag::FREED) };
    }
}
