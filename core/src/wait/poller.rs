//! What a wait needs from its client: queries, a clock, sleep; and within which limits.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::activity::Activity;
use crate::retry::Failure;
use crate::status::Status;

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
    /// Where the waits are counted.
    fn activity(&self) -> Arc<Activity> {
        Arc::default()
    }
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
    /// How long a job may stay as it is before that ends its wait.
    pub stalled: Option<Duration>,
}
