//! What is wanted of a job: one status, or its end.

use std::time::Duration;

/// What a schedule does for a job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// Polls it until it has ended. Without a timeout there is no limit; with zero it polls once.
    Wait { timeout: Option<Duration> },
    /// Asks for its status once, with retries.
    Status { timeout: Option<Duration> },
}

impl Operation {
    /// Whether it takes one request: that is sent at once.
    pub(super) fn is_once(self) -> bool {
        matches!(self, Operation::Status { .. } | Operation::Wait { timeout: Some(Duration::ZERO) })
    }
}
