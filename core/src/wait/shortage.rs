//! API credits that may not suffice for the polls that waits still need.

use std::time::Duration;

/// How many polls a wait makes around the end of its job, where they are less than `poll_max_ms` apart.
const AROUND_THE_END: u64 = 10;

/// How long a job goes on of which nothing is forecast.
const UNKNOWN: Duration = Duration::from_secs(3600);

/// Fewer credits remain than the waits of a client and its clones may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// The polls that the waits may still need.
    pub(crate) needed: u64,
    /// The credits that remain.
    pub(crate) remaining: u64,
}

impl Shortage {
    /// The pause to the next poll, in place of `pause`: as many times as long as there are polls for a credit, up to `longest`.
    pub(super) fn stretched(self, pause: Duration, longest: Duration) -> Duration {
        let times = self.needed as f64 / self.remaining as f64;
        Duration::try_from_secs_f64(pause.as_secs_f64() * times).unwrap_or(longest).min(longest).max(pause)
    }
}

/// How many polls a wait may still need, for a job that ends in `remaining` if that is forecast, and if it times out in
/// `left` at the latest.
pub(super) fn polls_needed(remaining: Option<Duration>, left: Option<Duration>, poll_max: Duration) -> u64 {
    let time = remaining.unwrap_or(UNKNOWN).min(left.unwrap_or(Duration::MAX));
    let polls = time.as_millis() / poll_max.as_millis().max(1);
    AROUND_THE_END + u64::from(u32::try_from(polls).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_stretched_by_what_lacks_up_to_the_longest() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let stretched = |needed, remaining, pause| Shortage { needed, remaining }.stretched(pause, minute);
        assert_eq!(stretched(300, 100, second * 4), second * 12);
        assert_eq!(stretched(300, 100, second * 30), minute);
        assert_eq!(stretched(300, 0, second), minute);
        assert_eq!(stretched(u64::MAX, 1, second), minute);
        // A server's wish is longer.
        assert_eq!(stretched(300, 100, minute * 2), minute * 2);
    }

    #[test]
    fn what_a_wait_needs_depends_on_its_forecast_and_its_limit() {
        let minute = Duration::from_secs(60);
        assert_eq!(polls_needed(Some(minute * 30), None, minute), 40);
        assert_eq!(polls_needed(None, None, minute), 70);
        assert_eq!(polls_needed(None, Some(minute * 5), minute), 15);
        assert_eq!(polls_needed(Some(Duration::MAX), None, Duration::ZERO), 10 + u64::from(u32::MAX));
    }
}
