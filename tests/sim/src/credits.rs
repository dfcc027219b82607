//! The API credits of the organization, of which each request takes one, in a rolling 24 hours.

use std::collections::VecDeque;
use std::time::Duration;

/// Source: Zoho CRM API v8, "API Limits".
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The name of the header that is sent once half of the credits are used.
pub(crate) const HEADER: &str = "X-API-CREDITS-REMAINING";

/// The credits of an organization.
pub(crate) struct Credits {
    limit: u64,
    /// When how many were used, the oldest first.
    used: VecDeque<(Duration, u64)>,
}

impl Credits {
    /// Of `limit` credits, `used` are used now.
    pub(crate) fn new(limit: u64, used: u64, now: Duration) -> Credits {
        Credits { limit, used: VecDeque::from([(now, used)]) }
    }

    /// Takes one; false if none is left.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let is_left = self.remaining(now) > 0;
        if is_left {
            self.used.push_back((now, 1));
        }
        is_left
    }

    /// How many remain, as the service tells it: once half of them are used.
    pub(crate) fn told(&mut self, now: Duration) -> Option<u64> {
        let remaining = self.remaining(now);
        (remaining <= self.limit / 2).then_some(remaining)
    }

    fn remaining(&mut self, now: Duration) -> u64 {
        while self.used.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= DAY) {
            self.used.pop_front();
        }
        self.limit.saturating_sub(self.used.iter().map(|(_, amount)| amount).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_told_when_half_are_used_and_come_back_after_a_day() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let mut credits = Credits::new(4, 0, hours(0));
        assert_eq!(credits.told(hours(0)), None);
        for (hour, told) in [(1, None), (2, Some(2)), (3, Some(1)), (4, Some(0))] {
            assert!(credits.take(hours(hour)));
            assert_eq!(credits.told(hours(hour)), told);
        }
        assert!(!credits.take(hours(24)));
        assert!(credits.take(hours(25)));
        assert_eq!(credits.told(hours(26)), Some(1));
        assert_eq!(credits.told(hours(27)), Some(2));
        assert_eq!(credits.told(hours(28)), None);
    }
}
