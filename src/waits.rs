//! Many calls without a thread for each: a queue of waits.

use std::ffi::c_char;

use super::args::{call_timeout, job, milliseconds, null, timeout, write};
use super::call::{guard, without_error};
use super::client::{client_ref, zmd_client};
use super::handle::{Handle, Tag};
use super::last_error;
use super::names::{ZMD_OK, number_of, zmd_error};
use super::progress::set_remaining_of_event;
use super::status::zmd_status;
use zmd_core::{Error, JobId, ModuleName, Update, WaitEvent, Waits};

/// A queue of waits: made by `zmd_waits_new()`, freed by `zmd_waits_free()`.
///
/// Waits can be added and removed at any time, and `zmd_waits_next()` returns their events: for event loops, and for
/// programs that wait for thousands of jobs. Any number of threads may use a queue at the same time. It has one thread,
/// and up to `max_concurrency` others while it polls, however many waits there are. It belongs to the process that created
/// it: after `fork()`, the child's calls return `ZMD_ERR_INVALID_ARGUMENT`.
#[allow(non_camel_case_types)]
pub struct zmd_waits {
    _opaque: [u8; 0],
}

/// An event of a wait: a poll, its end, or both. 96 bytes, without padding, on every platform.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_event {
    /// The id of the wait, as written by `zmd_waits_add()`.
    pub id: u64,
    /// If `has_ended` is 1, what `zmd_client_wait()` would have returned; else the `zmd_error` of a poll, after which the
    /// wait continues.
    pub error: zmd_error,
    /// 1: the wait has ended, and this is its last event; 0: it was polled, and another event follows.
    pub has_ended: i32,
    /// Milliseconds since the wait was added.
    pub elapsed_ms: i64,
    /// Milliseconds until its next poll; -1: the wait has ended.
    pub next_poll_ms: i64,
    /// If `has_ended` is 1, the status that `zmd_client_wait()` would have written; else that of the poll.
    pub status: zmd_status,
}

/// cbindgen has `ptrdiff_t` for `isize`; cbindgen.toml makes it `intptr_t`.
///
/// cbindgen:ignore
type IntPtr = isize;

/// # Safety
///
/// `waits` is NULL or a pointer from `zmd_waits_new` that is not freed before `'a` ends.
unsafe fn waits_ref<'a>(waits: *const zmd_waits) -> Result<&'a Waits, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(&*Handle::<Waits>::value(waits.cast_mut().cast(), Tag::WAITS, "waits")?) }
}

/// Creates a queue of waits, and writes it to `*waits`.
///
/// It uses a clone of the client: cancelling the client cancels the queue too, and the client may be freed first.
///
/// @param client  the client
/// @param waits   where to write it; the caller frees it with `zmd_waits_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NETWORK` if the system cannot create a
///         thread; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `waits` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_new(client: *mut zmd_client, waits: *mut *mut zmd_waits) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(waits, std::ptr::null_mut()) };
        if waits.is_null() {
            return Err(null("waits"));
        }
        // SAFETY: guaranteed by the caller.
        let made = Waits::new(unsafe { client_ref(client) }?)?;
        let handle = Handle::new(Tag::WAITS, made);
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(waits, handle.cast()) };
        Ok(())
    })
}

/// Adds a wait for a job, as with `zmd_client_wait()`, and returns at once. It has an event for each poll; in the last one
/// `has_ended` is 1.
///
/// @param waits       the queue
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`; the same job may be added more than once
/// @param timeout_ms  the limit for the wait in milliseconds; negative: none; 0: poll once
/// @param id          where to write the wait's id, which is never reused; NULL: not wanted
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
    // SAFETY: guaranteed by the caller.
    unsafe { add(waits, module, job_id, id, |waits, module, job_id| waits.add(module, job_id, timeout(timeout_ms))) }
}

/// Requests a job's status once, with retries, as with `zmd_client_status()`, and returns at once. It has one event, in
/// which `has_ended` is 1 for any state of the job.
///
/// @param waits       the queue
/// @param module      as for `zmd_client_status()`
/// @param job_id      as for `zmd_client_status()`
/// @param timeout_ms  the limit for the call in milliseconds, from when it begins; negative: the setting `timeout_ms`
/// @param id          where to write the id of its event; NULL: not wanted
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
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(waits, module, job_id, id, |waits, module, job_id| {
            waits.add_status(module, job_id, call_timeout(timeout_ms)?)
        })
    }
}

/// Adds what `call` adds, and writes its id.
///
/// # Safety
///
/// As for `zmd_waits_add`.
unsafe fn add(
    waits: *mut zmd_waits,
    module: *const c_char,
    job_id: *const c_char,
    id: *mut u64,
    call: impl FnOnce(&Waits, &ModuleName, &JobId) -> Result<u64, Error>,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (waits, (module, job_id)) = unsafe { (waits_ref(waits)?, job(module, job_id)?) };
        let added = call(waits, &module, &job_id)?;
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(id, added) };
        Ok(())
    })
}

/// Ends a wait. Its last event, with `ZMD_ERR_CANCELLED`, is in the queue when this returns; the other waits continue.
///
/// @param waits  the queue
/// @param id     the wait; nothing happens if it has ended or the id is unknown
/// @return `ZMD_OK`; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `waits` is NULL or a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_remove(waits: *mut zmd_waits, id: u64) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe { waits_ref(waits) }?.remove(id)
    })
}

/// Removes the next event from the queue, and blocks until there is one. Events are returned in the order in which they
/// happened, each to one caller.
///
/// If `event->error` is not `ZMD_OK`, its message is `zmd_last_error_of_job(0)` and its code is
/// `zmd_last_error_code_of_job(0)`; `zmd_last_error()` is about this call itself. `zmd_progress_remaining_ms()` is the forecast
/// of the job's end.
///
/// @param waits       the queue
/// @param timeout_ms  how long to block, in milliseconds; negative: without a limit; 0: not at all
/// @param event       where to write the event; written only if there is one
/// @return `ZMD_OK` if there is an event, also one with an error; `ZMD_ERR_TIMEOUT` if there was none in time;
///         `ZMD_ERR_CANCELLED` if the queue or its client was cancelled and no event is left; `ZMD_ERR_INTERNAL` after a bug
///         in libzmd, which has ended all waits with this error; `ZMD_ERR_NULL_POINTER`
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
        // SAFETY: guaranteed by the caller.
        let waits = unsafe { waits_ref(waits) }?;
        set_remaining_of_event(None);
        let WaitEvent { id, elapsed, next_poll, remaining, update } = waits.next(timeout(timeout_ms))?;
        set_remaining_of_event(remaining);
        let (has_ended, status, error) = match &update {
            Update::Polled(result) => (0, zmd_status::of(result), result.as_ref().err()),
            Update::Ended(waited) => (1, zmd_status::of_wait(waited), waited.result.as_ref().err()),
        };
        if let Some(error) = error {
            last_error::record_job(0, error);
        }
        let taken = zmd_event {
            id,
            error: error.map_or(ZMD_OK, number_of),
            has_ended,
            elapsed_ms: milliseconds(Some(elapsed)),
            next_poll_ms: milliseconds(next_poll),
            status,
        };
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(event, taken) };
        Ok(())
    })
}

/// A handle of a queue for an event loop: a descriptor that is readable while `zmd_waits_next()` returns at once, with an event
/// or with `ZMD_ERR_CANCELLED`. On Windows it is the `HANDLE` of an event object, which is signaled then, for
/// `WaitForMultipleObjects()`; elsewhere for `poll()`, `epoll`, `kqueue`, `select()` and what is built on them:
///
/// ```c
/// struct pollfd handle = {(int)zmd_waits_handle(waits), POLLIN, 0};
/// do {
///     poll(&handle, 1, -1);
///     while ((err = zmd_waits_next(waits, 0, &event)) == ZMD_OK)
///         ...
/// } while (err == ZMD_ERR_TIMEOUT);
/// ```
///
/// It is created by the first call, always the same, never 0, 1 or 2, and closed by `zmd_waits_free()`. Only wait for it: do
/// not read, write, set or close it. Where another thread takes the event, `zmd_waits_next()` returns `ZMD_ERR_TIMEOUT`. It does
/// not change `zmd_last_error()`.
///
/// @param waits  the queue
/// @return the handle; -1 if there is none: in a child of `fork()`, if the process has no descriptor left, and if `waits` is
///         NULL or no queue
///
/// # Safety
///
/// `waits` is NULL or a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_handle(waits: *mut zmd_waits) -> IntPtr {
    let mut handle = -1;
    without_error(|| {
        // SAFETY: guaranteed by the caller.
        handle = unsafe { waits_ref(waits) }.and_then(Waits::handle).unwrap_or(-1);
    });
    handle
}

/// Cancels a queue, from any thread: each of its waits has its last event, with `ZMD_ERR_CANCELLED`, within 100 ms, and no
/// more can be added. The client is not cancelled.
///
/// `zmd_waits_next()` returns the remaining events, and then `ZMD_ERR_CANCELLED`.
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
        // SAFETY: guaranteed by the caller.
        unsafe { waits_ref(waits) }?.cancel()
    })
}

/// Frees a queue: its waits end without an event, and its threads are joined within 100 ms. NULL is ignored.
///
/// @param waits  the queue; no thread may be in a call with it, or use it afterwards
///
/// # Safety
///
/// `waits` is NULL or a queue that is not in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_waits_free(waits: *mut zmd_waits) {
    // SAFETY: guaranteed by the caller.
    without_error(|| unsafe { Handle::<Waits>::free(waits.cast(), Tag::WAITS) })
}
