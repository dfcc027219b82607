//! When a poll is due, within the limit of its wait.

use std::time::{Duration, Instant};

/// How long before the time limit of a wait its last poll is made, so that the response arrives in time.
const LAST_POLL: Duration = Duration::from_millis(500);

/// A time after another; one beyond the range of the clock is far away.
pub(super) fn later(time: Instant, pause: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    time.checked_add(pause).unwrap_or_else(|| time + FAR)
}

/// When to poll again. A poll that would come after the time limit is made shortly before it instead.
pub(super) fn due(now: Instant, pause: Duration, until: Option<Instant>, poll_min: Duration) -> Instant {
    let due = later(now, pause);
    match until {
        Some(until) if due >= until => {
            let last = until.checked_sub(LAST_POLL).filter(|last| *last >= later(now, poll_min));
            last.unwrap_or(until)
        }
        _ => due,
    }
}
