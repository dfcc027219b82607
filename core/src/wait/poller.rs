//! Waiting for jobs to end: when each job is polled, who polls it, and what a response means for its wait.
//!
//! [`schedule`] decides what to do next and has no clock, [`pace`] chooses the pause between two polls of a job,
//! [`outcome`] judges each response, and [`workers`] makes the polls. [`call`] runs a schedule during one call, [`queue`]
//! until it is dropped.

mod call;
mod kept;
mod outcome;
pub(crate) mod pace;
pub(crate) mod queue;
#[cfg(unix)]
mod readiness;
mod schedule;
#[cfg(test)]
mod scripted;
mod workers;

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::retry::Failure;
use crate::status::Status;

pub(crate) use call::run_call;
pub(crate) use kept::Kept;
pub(crate) use schedule::Operation;
#[cfg(test)]
pub(crate) use schedule::{Event, Schedule};
#[cfg(test)]
pub(crate) use workers::{Shared, run_on_this_thread};

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
    /// wait has ended. See [`Pace::remaining`](pace::Pace::remaining).
    pub remaining: Option<Duration>,
    ends_job: Cell<bool>,
}

impl<'a> Polled<'a> {
    /// A poll, for tests of a [`Progress`].
    pub fn new(
        index: usize,
        result: &'a Result<Status, Error>,
        elapsed: Duration,
        next_poll: Option<Duration>,
    ) -> Polled<'a> {
        Polled { index, result, elapsed, next_poll, remaining: None, ends_job: Cell::new(false) }
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

/// What a wait needs from its client. Tests implement it with a virtual clock.
pub(crate) trait Poller: Send + Sync {
    /// Identifies a job, in messages too.
    type Job: Clone + Send + fmt::Display;

    fn now(&self) -> Instant;
    /// Asks for a job's status.
    fn query(&self, job: &Self::Job, query: Query) -> Result<Status, Failure>;
    /// Ends the polls in flight: all waits are over.
    fn interrupt(&self);
    fn is_cancelled(&self) -> bool;
    /// Blocks until `until`, until `is_awake` after a `wake`, or until a cancel.
    fn sleep(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool);
    /// Wakes the sleeping thread, which checks `is_awake` again.
    fn wake(&self);
    /// Wakes the polls that sleep, as one of them was cancelled.
    fn wake_polls(&self) {}
}

/// How to query a status.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Query {
    /// One poll, within the limit for a poll or the remaining time of the wait, whichever is shorter.
    Poll { left: Option<Duration> },
    /// A whole status call with its retries; `None`: within the setting `timeout_ms`.
    Status { timeout: Option<Duration> },
}

/// The limits of all waits of a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub poll_min: Duration,
    pub poll_max: Duration,
    /// How long network failures are retried before the service has answered at all.
    pub unreachable: Duration,
}
