//! What a wait reports: each poll to a callback, and at the end how it ended.

use std::cell::Cell;
use std::time::Duration;

use crate::error::Error;
use crate::status::Status;

/// A poll of a job that is waited for.
pub struct Polled<'a> {
    /// The job's place in the list; 0 in a wait for one.
    pub index: usize,
    /// The result of the poll.
    pub result: &'a Result<Status, Error>,
    /// The time since the wait began.
    pub elapsed: Duration,
    /// The time until the job's next poll; `None`: its wait has ended.
    pub next_poll: Option<Duration>,
    /// The forecast of the time until the job ends: `None` as long as the counts do not show how fast it is, and once its
    /// wait has ended. See [`Pace::remaining`](super::pace::Pace::remaining).
    pub remaining: Option<Duration>,
    /// For how long the job's counts have not changed, if that is suspicious: it may be stuck.
    pub standstill: Option<Duration>,
    pub(super) ends_job: Cell<bool>,
}

impl<'a> Polled<'a> {
    /// A poll, for tests of a [`Progress`].
    pub fn new(
        index: usize,
        result: &'a Result<Status, Error>,
        elapsed: Duration,
        next_poll: Option<Duration>,
    ) -> Polled<'a> {
        Polled { index, result, elapsed, next_poll, remaining: None, standstill: None, ends_job: Cell::new(false) }
    }

    /// Ends the wait for this job alone, as soon as the callback returns. Does nothing if it has ended.
    pub fn end_job(&self) {
        self.ends_job.set(true);
    }
}

/// Called after each poll; returning `false` ends the whole wait, and nothing else.
pub type Progress<'a> = dyn FnMut(&Polled) -> bool + 'a;

/// How the wait for a job ended.
#[derive(Clone, Debug)]
pub struct Waited {
    /// The last status that the service reported, if it reported one.
    pub last: Option<Status>,
    /// `Ok` if the job has ended. After `ZMD_ERR_TIMEOUT` and `ZMD_ERR_CANCELLED`, `last` is the last status seen.
    pub result: Result<(), Error>,
}
