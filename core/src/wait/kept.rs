//! What a wait that has timed out leaves, so that the next one for the same job continues its schedule.

use std::time::{Duration, Instant};

use super::outcome::Wait;

/// What a wait that has timed out leaves for the next one for the same job, which continues its schedule.
#[derive(Clone)]
pub(crate) struct Kept<J> {
    pub(super) wait: Wait<J>,
    pub(super) not_before: Option<Instant>,
    pub(super) pause: Duration,
    pub(super) is_answered: bool,
}

impl<J> Kept<J> {
    /// When its next poll would be.
    pub(crate) fn next_poll(&self) -> Option<Instant> {
        self.wait.next_poll
    }
}
