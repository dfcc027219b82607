//! Waits that continue the schedule of another for the same job.

use std::time::Instant;

use super::due::due;
use super::kept::Kept;
use super::operation::Operation;
use super::outcome::Wait;
use super::schedule::Schedule;

impl<J: Clone + std::fmt::Display> Schedule<J> {
    /// Adds a wait that continues the schedule of another for the job, and keeps what it leaves itself if it times out.
    pub(super) fn add_again(&mut self, job: J, operation: Operation, now: Instant, kept: Option<Kept<J>>) -> u64 {
        self.keeps = true;
        let Some(Kept { wait, not_before, pause, is_answered }) = kept else { return self.add(job, operation, now) };
        (self.not_before, self.pause, self.is_answered) = (not_before, pause, is_answered);
        self.add_wait(wait.continued(operation, now), now)
    }

    /// What the last wait has left that has timed out.
    pub(super) fn take_kept(&mut self) -> Option<Kept<J>> {
        self.kept.take()
    }

    /// Keeps what a wait leaves, if it is to be kept.
    pub(super) fn keep(&mut self, wait: Wait<J>) {
        if self.keeps {
            let Schedule { not_before, pause, is_answered, .. } = *self;
            self.kept = Some(Kept { wait, not_before, pause, is_answered });
        }
    }

    /// When a wait that continues another is polled next, if the last poll was at `last` and the next one would be at `next`.
    /// The one before the time limit is left out, if it would come in the first three quarters of that pause: for waits that are
    /// shorter than the pause it would be one for each.
    pub(super) fn due_within(&self, now: Instant, last: Instant, next: Instant, until: Option<Instant>) -> Instant {
        let due = due(now, next.saturating_duration_since(now), until, self.limits.poll_min);
        match until {
            Some(until)
                if due < next && due.saturating_duration_since(last) < next.saturating_duration_since(last) * 3 / 4 =>
            {
                until
            }
            _ => due,
        }
    }
}
