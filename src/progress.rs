//! The times of a poll, for the progress callback.

use std::cell::Cell;
use std::time::Duration;

use zmd_core::Polled;

#[derive(Clone, Copy)]
struct Times {
    elapsed: Duration,
    next_poll: Option<Duration>,
}

thread_local! {
    /// For the callback that runs on this thread.
    static TIMES: Cell<Option<Times>> = const { Cell::new(None) };
}

/// Sets the times until it is dropped. A callback may wait for another job, whose callback has its own times.
pub(super) struct Inside(Option<Times>);

impl Inside {
    pub(super) fn enter(polled: &Polled) -> Inside {
        let times = Times { elapsed: polled.elapsed, next_poll: polled.next_poll };
        Inside(TIMES.try_with(|current| current.replace(Some(times))).ok().flatten())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = TIMES.try_with(|current| current.set(self.0));
    }
}

/// A time in milliseconds; -1: none.
pub(super) fn milliseconds(time: Option<Duration>) -> i64 {
    time.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

fn current() -> Option<Times> {
    TIMES.try_with(Cell::get).ok().flatten()
}

/// Inside a `zmd_progress_fn`, on its thread: the time since the wait began.
///
/// It does not change `zmd_last_error()`.
///
/// @return milliseconds; -1 outside of a callback
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_elapsed_ms() -> i64 {
    milliseconds(current().map(|times| times.elapsed))
}

/// Inside a `zmd_progress_fn`, on its thread: the time until the job's next poll.
///
/// It does not change `zmd_last_error()`.
///
/// @return milliseconds; -1 if there is no next poll because the job's wait has ended, and outside of a callback
#[unsafe(no_mangle)]
pub extern "C" fn zmd_progress_next_poll_ms() -> i64 {
    milliseconds(current().and_then(|times| times.next_poll))
}
