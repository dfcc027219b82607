//! The progress callback of a wait, and the poll that it is called for.

use std::cell::Cell;
use std::ffi::c_void;
use std::time::Duration;

use super::args::milliseconds;
use super::last_error;
use super::names::{ZMD_OK, number_of};
use super::status::zmd_status;
use zmd_core::Polled;

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
/// @return 0 to continue; any other value ends this wait, in a wait for many that for all jobs, with `ZMD_ERR_CANCELLED`; the
///         client can still be used. `zmd_progress_end_job()` ends the wait for one job.
#[allow(non_camel_case_types)]
pub type zmd_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, index: usize, error: i32, status: *const zmd_status) -> i32>;

/// Calls a callback with the result of a poll; `false` if it ends the wait.
///
/// # Safety
///
/// `progress` is NULL or may be called with `user_data` for as long as the result is used.
pub(super) unsafe fn callback(progress: zmd_progress_fn, user_data: *mut c_void) -> impl FnMut(&Polled) -> bool {
    move |polled| {
        let Some(progress) = progress else { return true };
        last_error::clear_jobs();
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
        let inside = PollGuard::enter(polled);
        // SAFETY: guaranteed by the caller; the status outlives the call.
        let continues = unsafe { progress(user_data, polled.index, error, &status) == 0 };
        if inside.ends_job() {
            polled.end_job();
        }
        continues
    }
}

#[derive(Clone, Copy)]
struct Poll {
    elapsed: Duration,
    next_poll: Option<Duration>,
    remaining: Option<Duration>,
    /// The callback has called `zmd_progress_end_job()`.
    ends_job: bool,
}

thread_local! {
    /// The poll for which a callback runs on this thread.
    static POLL: Cell<Option<Poll>> = const { Cell::new(None) };
    /// The forecast of the event that `zmd_waits_next()` has returned last on this thread.
    static OF_EVENT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// What `zmd_progress_remaining_ms()` returns for the event of a queue.
pub(super) fn set_remaining_of_event(remaining: Option<Duration>) {
    let _ = OF_EVENT.try_with(|event| event.set(remaining));
}

/// Sets the poll until it is dropped. A callback may wait for another job, whose callback has its own.
struct PollGuard(Option<Poll>);

impl PollGuard {
    fn enter(polled: &Polled) -> PollGuard {
        let poll =
            Poll { elapsed: polled.elapsed, next_poll: polled.next_poll, remaining: polled.remaining, ends_job: false };
        PollGuard(POLL.try_with(|current| current.replace(Some(poll))).ok().flatten())
    }

    fn ends_job(&self) -> bool {
        current().is_some_and(|poll| poll.ends_job)
    }
}

impl Drop for PollGuard {
    fn drop(&mut self) {
        let _ = POLL.try_with(|current| current.set(self.0));
    }
}

fn current() -> Option<Poll> {
    POLL.try_with(Cell::get).ok().flatten()
}

/// Inside a `zmd_progress_fn`, on its thread: the time since the wait began.
///
/// It does not change `zmd_last_error()`.
///
/// @return milliseconds; -1 outside of a callback
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_elapsed_ms() -> i64 {
    milliseconds(current().map(|poll| poll.elapsed))
}

/// Inside a `zmd_progress_fn`, on its thread: the time until the job's next poll.
///
/// It does not change `zmd_last_error()`.
///
/// @return milliseconds; -1 if there is no next poll because the job's wait has ended, and outside of a callback
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_next_poll_ms() -> i64 {
    milliseconds(current().and_then(|poll| poll.next_poll))
}

/// The forecast of the time until the job ends, from the rate at which its counts change: inside a `zmd_progress_fn`, on its
/// thread, for its poll, and elsewhere for the event that the last `zmd_waits_next()` on this thread has returned.
///
/// It does not change `zmd_last_error()`.
///
/// @return milliseconds; -1 as long as the counts do not show how fast the job is, if its wait has ended, and where there is
///         neither a callback nor an event
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_remaining_ms() -> i64 {
    let remaining = match current() {
        Some(poll) => poll.remaining,
        None => OF_EVENT.try_with(Cell::get).ok().flatten(),
    };
    milliseconds(remaining)
}

/// Inside a `zmd_progress_fn`, on its thread: ends the wait for the job that was polled, with `ZMD_ERR_CANCELLED`, when the
/// callback returns 0. In a wait for many the waits for the other jobs continue.
///
/// It does nothing if the job's wait has ended, and does not change `zmd_last_error()`.
///
/// @return 1; 0 outside of a callback
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_end_job() -> i32 {
    let poll = current().map(|poll| Poll { ends_job: true, ..poll });
    let _ = POLL.try_with(|current| current.set(poll));
    poll.is_some().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zmd_core::{Error, ErrorKind};

    #[test]
    fn each_callback_has_its_own_poll() {
        let result = Err(Error::new(ErrorKind::Dns, ""));
        let times = |seconds, next_poll: Option<u64>| {
            let (elapsed, next_poll) = (Duration::from_secs(seconds), next_poll.map(Duration::from_secs));
            Polled::new(0, &result, elapsed, next_poll)
        };
        let now = || (zmd_progress_elapsed_ms(), zmd_progress_next_poll_ms());
        assert_eq!(now(), (-1, -1), "outside of a callback");
        let outer = PollGuard::enter(&times(5, Some(7)));
        assert_eq!(now(), (5000, 7000));
        let inner = PollGuard::enter(&times(1, None));
        assert_eq!(now(), (1000, -1));
        assert_eq!((zmd_progress_end_job(), inner.ends_job()), (1, true));
        drop(inner);
        assert_eq!((now(), outer.ends_job()), ((5000, 7000), false));
        drop(outer);
        assert_eq!((now(), zmd_progress_end_job()), ((-1, -1), 0));
    }
}
