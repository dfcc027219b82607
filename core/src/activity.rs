//! What a client and its clones have done, as numbers, and how many API credits the service said remain.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::process::process_id;

/// What a client and its clones have done since the client was made. Each number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests for the status of a job, those of waits among them, whatever came of them.
    pub calls: u64,
    /// Those of waits.
    pub polls: u64,
    /// Attempts that repeated one which had failed with a transient error: of calls, of waits, and for an access token.
    pub retries: u64,
    /// Responses of the API and of the accounts server that there were too many requests.
    pub rate_limits: u64,
    /// Requests for an access token, to the accounts server or the token provider.
    pub token_requests: u64,
    /// Connections opened.
    pub connections: u64,
    /// Bytes sent over them, TLS included.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// How long waits have lasted, up to their last polls: milliseconds, added up over their jobs.
    pub waited_ms: u64,
}

/// The API credits of the organization, of which each request takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    /// How many remained when the service last said so. It does once half of those of the last 24 hours are used.
    pub remaining: u64,
    /// When that was.
    pub at: SystemTime,
    /// The last response said it. If not, more than half of the credits may be there again.
    pub is_current: bool,
}

/// The numbers of a client and its clones. Without a lock, so that they work after `fork()`: a child continues to count
/// from those of its parent.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) calls: AtomicU64,
    pub(crate) polls: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) rate_limits: AtomicU64,
    pub(crate) token_requests: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    waited_us: AtomicU64,
    /// `u64::MAX`: the service has not said it.
    credits: AtomicU64,
    /// When it did, in milliseconds since 1970.
    credits_at: AtomicU64,
    is_current: AtomicBool,
    /// The polls that the waits in progress may still need, and above them of which process: a child has none of its parent's.
    needed: AtomicU64,
    /// The credits may not suffice for them, and a warning has said so.
    is_short: AtomicBool,
}

impl Default for Activity {
    fn default() -> Activity {
        let zero = AtomicU64::default;
        Activity {
            calls: zero(),
            polls: zero(),
            retries: zero(),
            rate_limits: zero(),
            token_requests: zero(),
            connections: zero(),
            bytes_sent: zero(),
            bytes_received: zero(),
            waited_us: zero(),
            credits: AtomicU64::new(u64::MAX),
            credits_at: zero(),
            is_current: AtomicBool::new(false),
            needed: zero(),
            is_short: AtomicBool::new(false),
        }
    }
}

const POLLS_BITS: u32 = 48;
const MOST_POLLS: u64 = (1 << POLLS_BITS) - 1;

/// The polls in `needed`, if they are those of `process`.
fn polls_of(process: u64, needed: u64) -> u64 {
    if (process << POLLS_BITS) ^ needed <= MOST_POLLS { needed & MOST_POLLS } else { 0 }
}

/// Adds to a number.
pub(crate) fn count(number: &AtomicU64, amount: u64) {
    number.fetch_add(amount, Relaxed);
}

impl Activity {
    /// A wait has lasted that much longer.
    pub(crate) fn waited(&self, time: Duration) {
        count(&self.waited_us, time.as_micros().try_into().unwrap_or(u64::MAX));
    }

    /// What a response of the API said of the credits. One that is an error says nothing if it does not name them.
    pub(crate) fn responded(&self, credits_remaining: Option<u64>, is_error: bool) {
        match credits_remaining {
            Some(remaining) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
                self.credits.store(remaining.min(i64::MAX as u64), Relaxed);
                self.credits_at.store(now.try_into().unwrap_or(u64::MAX), Relaxed);
                self.is_current.store(true, Relaxed);
            }
            None if !is_error && self.is_current.load(Relaxed) => self.is_current.store(false, Relaxed),
            None => {}
        }
    }

    /// The credits, as the service last reported them; `None`: it has not.
    pub(crate) fn credits(&self) -> Option<Credits> {
        let remaining = Some(self.credits.load(Relaxed)).filter(|credits| *credits != u64::MAX)?;
        let at = UNIX_EPOCH + Duration::from_millis(self.credits_at.load(Relaxed));
        Some(Credits { remaining, at, is_current: self.is_current.load(Relaxed) })
    }

    /// A wait may need `now` further polls, in place of `before`.
    pub(crate) fn needs(&self, before: u64, now: u64) {
        self.needs_in(process_id(), before, now);
    }

    fn needs_in(&self, process: u64, before: u64, now: u64) {
        let mut needed = self.needed.load(Relaxed);
        loop {
            let polls = polls_of(process, needed).saturating_sub(before).saturating_add(now).min(MOST_POLLS);
            match self.needed.compare_exchange_weak(needed, process << POLLS_BITS | polls, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(changed) => needed = changed,
            }
        }
    }

    /// The polls that the waits may still need, and the credits that remain, if these are fewer.
    pub(crate) fn lacks(&self) -> Option<(u64, u64)> {
        let remaining = self.credits().filter(|credits| credits.is_current)?.remaining;
        let needed = polls_of(process_id(), self.needed.load(Relaxed));
        (remaining < needed).then_some((needed, remaining))
    }

    /// Whether a warning is due: there is a shortage now, or not. One for each time that it begins.
    pub(crate) fn warns(&self, is_short: bool) -> bool {
        let was_short = self.is_short.swap(is_short, Relaxed);
        is_short && !was_short
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            calls: self.calls.load(Relaxed),
            polls: self.polls.load(Relaxed),
            retries: self.retries.load(Relaxed),
            rate_limits: self.rate_limits.load(Relaxed),
            token_requests: self.token_requests.load(Relaxed),
            connections: self.connections.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            waited_ms: self.waited_us.load(Relaxed) / 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_those_of_the_last_response_that_named_them() {
        let activity = Activity::default();
        let credits = || activity.credits().map(|credits| (credits.remaining, credits.is_current));
        activity.responded(None, false);
        assert_eq!(credits(), None);
        activity.responded(Some(2400), false);
        assert_eq!(credits(), Some((2400, true)));
        // An error of a gateway has no such header.
        activity.responded(None, true);
        assert_eq!(credits(), Some((2400, true)));
        activity.responded(None, false);
        assert_eq!(credits(), Some((2400, false)));
        activity.responded(Some(u64::MAX), true);
        assert_eq!(credits(), Some((i64::MAX as u64, true)));
    }

    #[test]
    fn short_times_add_up() {
        let activity = Activity::default();
        (0..10).for_each(|_| activity.waited(Duration::from_micros(600)));
        assert_eq!(activity.counters().waited_ms, 6);
    }

    #[test]
    fn a_child_of_fork_needs_no_polls_for_the_waits_of_its_parent() {
        let activity = Activity::default();
        let needed = |process| polls_of(process, activity.needed.load(Relaxed));
        activity.needs_in(7, 0, 30);
        activity.needs_in(7, 10, 5);
        assert_eq!((needed(7), needed(8)), (25, 0));
        activity.needs_in(8, 0, 3);
        // What the child has of a wait of its parent is dropped.
        activity.needs_in(8, 5, 0);
        assert_eq!((needed(7), needed(8)), (0, 0));
        activity.needs_in(8, 0, u64::MAX);
        assert_eq!(needed(8), MOST_POLLS);
    }
}
