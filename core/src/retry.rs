//! Retries of transient failures, the pauses between them, and deadlines.

use std::fmt;
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind, Recovery};

/// The time at which a call must have returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    limit: TimeLimit,
}

/// The systems' clocks overflow beyond some centuries.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A limit, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeLimit {
    /// The setting `timeout_ms`.
    Call(Duration),
    /// The remaining time of a wait.
    Wait,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeLimit::Call(limit) => write!(f, "timeout_ms ({} ms)", limit.as_millis()),
            TimeLimit::Wait => f.write_str("the time limit of the wait"),
        }
    }
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Deadline {
        Deadline { at: Instant::now() + limit.min(LONGEST), limit: TimeLimit::Call(limit) }
    }

    /// The end of a wait, with this much time left.
    pub(crate) fn of_wait(left: Duration) -> Deadline {
        Deadline { at: Instant::now() + left.min(LONGEST), limit: TimeLimit::Wait }
    }

    /// The time until the deadline; zero once it has passed.
    pub(crate) fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The deadline as a time.
    pub(crate) fn end(&self) -> Instant {
        self.at
    }

    /// Half of the remaining time, for a part of the call.
    pub(crate) fn half(&self) -> Deadline {
        Deadline { at: Instant::now() + self.remaining() / 2, limit: self.limit }
    }

    /// The limit that the deadline comes from.
    pub(crate) fn limit(&self) -> TimeLimit {
        self.limit
    }
}

/// An attempt that failed.
pub(crate) struct Failure {
    pub error: Error,
    pub retry: Retry,
}

/// Whether and when to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// After a pause of the library's choice.
    BackOff,
    /// After the pause that the server asked for.
    After(Duration),
}

impl Failure {
    /// Retried if the error may pass at any moment: see [`Error::recovery`]. `retry_after` is the pause that the server
    /// asked for.
    pub(crate) fn of(error: Error, retry_after: Option<Duration>) -> Failure {
        let retry = match (error.recovery(), retry_after) {
            (Recovery::Retried, Some(pause)) => Retry::After(pause),
            (Recovery::Retried, None) => Retry::BackOff,
            _ => Retry::Never,
        };
        Failure { error, retry }
    }

    /// Not retried by this call.
    pub(crate) fn permanent(error: Error) -> Failure {
        Failure { error, retry: Retry::Never }
    }
}

/// Calls `attempt` until it succeeds, fails permanently, or no retries or time are left.
///
/// A pause that would exceed the deadline is not begun: the failure is returned at once. `sleep` may return early, with
/// `false`, after a cancel; the next attempt then fails.
pub(crate) fn run<T>(
    max_retries: u32,
    deadline: Deadline,
    sleep: impl Fn(Duration) -> bool,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Error> {
    let mut retries = 0;
    let mut previous = String::new();
    loop {
        let Failure { error, retry } = match attempt() {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let pause = match retry {
            Retry::Never => None,
            _ if retries == max_retries => None,
            Retry::BackOff => Some(back_off(retries, random())),
            // At least the back-off: "Retry-After: 0" must not lead to a hundred requests at once.
            Retry::After(pause) => Some(pause.max(back_off(retries, random()))),
        };
        match pause {
            Some(pause) if pause < deadline.remaining() => {
                log::info!("{error}: another attempt in {:.1} s", pause.as_secs_f64());
                sleep(pause);
            }
            Some(pause) => {
                let seconds = pause.as_secs_f64();
                return Err(error.map_message(|message| {
                    format!(
                        "{message} (a pause of {seconds:.1} s before the next attempt does not fit into timeout_ms)"
                    )
                }));
            }
            None if retries == 0 => return Err(error),
            // The deadline cut the last attempt short: the error of the previous one says more.
            None if error.kind() == ErrorKind::Timeout => {
                return Err(error.map_message(|message| format!("{message}; the previous attempt: {previous}")));
            }
            None => return Err(error.map_message(|message| format!("{message} ({} attempts)", retries + 1))),
        }
        previous = error.message().to_owned();
        retries += 1;
    }
}

/// Exponential back-off with full jitter: from 0 to a limit that doubles from 250 ms to 8 s. `random` is from 0 to 1.
///
/// Clients that failed at the same time must not retry at the same time: "Exponential Backoff And Jitter", AWS, 2015.
fn back_off(retries: u32, random: f64) -> Duration {
    let limit = 250 << retries.min(5);
    Duration::from_secs_f64(f64::from(limit) / 1000.0 * random)
}

/// A random number from 0 to 1; one half if the system has none.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn failure(retry: Retry) -> Failure {
        Failure { error: Error::new(ErrorKind::Server, "no"), retry }
    }

    #[test]
    fn back_off_doubles_up_to_eight_seconds() {
        let limits: Vec<_> = (0..8).map(|retries| back_off(retries, 1.0).as_millis()).collect();
        assert_eq!(limits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(back_off(7, 0.0), Duration::ZERO);
        assert_eq!(back_off(u32::MAX, 0.5), Duration::from_secs(4));
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn random_numbers_spread_from_0_to_1() {
        let numbers: Vec<_> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        let average = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&average), "{average}");
    }

    #[test]
    fn what_may_pass_at_any_moment_is_retried() {
        let pause = Duration::from_secs(7);
        for (kind, expected) in [
            (ErrorKind::Server, [Retry::BackOff, Retry::After(pause)]),
            (ErrorKind::Timeout, [Retry::Never; 2]),
            (ErrorKind::JobNotFound, [Retry::Never; 2]),
        ] {
            let retries = [None, Some(pause)].map(|after| Failure::of(Error::new(kind, ""), after).retry);
            assert_eq!(retries, expected, "{kind:?}");
        }
    }

    #[test]
    fn a_permanent_failure_is_not_retried() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                Err(failure(Retry::Never))
            },
        );
        assert_eq!((attempts, result.unwrap_err().message()), (1, "no"));
    }

    #[test]
    fn a_transient_failure_is_retried_up_to_max_retries() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                Err(failure(Retry::After(Duration::ZERO)))
            },
        );
        assert_eq!((attempts, result.unwrap_err().message()), (4, "no (4 attempts)"));
    }

    #[test]
    fn an_attempt_cut_short_by_the_deadline_reports_the_previous_one() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                match attempts {
                    1 => Err(failure(Retry::After(Duration::ZERO))),
                    _ => Err(Failure::permanent(Error::new(ErrorKind::Timeout, "too late"))),
                }
            },
        );
        assert_eq!(result.unwrap_err().message(), "too late; the previous attempt: no");
    }

    /// The pauses between the attempts, of which each fails so.
    fn pauses(retries: u32, retry: Retry) -> Vec<Duration> {
        let pauses = std::cell::RefCell::new(Vec::new());
        let hour = Deadline::after(Duration::from_secs(3600));
        let sleep = |pause| {
            pauses.borrow_mut().push(pause);
            true
        };
        run(retries, hour, sleep, || Err::<(), _>(failure(retry))).unwrap_err();
        pauses.into_inner()
    }

    #[test]
    fn the_server_chooses_the_pause_but_none_shorter_than_the_back_off() {
        assert_eq!(pauses(2, Retry::After(Duration::from_secs(9))), [Duration::from_secs(9); 2]);
        // The limits of the eight pauses add up to 31 s, of which each has a random part.
        for retry in [Retry::After(Duration::ZERO), Retry::BackOff] {
            let pauses = pauses(8, retry);
            let sum: Duration = pauses.iter().sum();
            assert!(pauses.len() == 8 && sum > Duration::from_millis(500), "{pauses:?}");
            assert!(pauses.iter().zip(0..).all(|(pause, retries)| *pause <= back_off(retries, 1.0)), "{pauses:?}");
        }
    }

    #[test]
    fn a_pause_beyond_the_deadline_is_not_begun() {
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(30)),
            |pause| panic!("a pause of {pause:?}"),
            || Err(failure(Retry::After(Duration::from_secs(120)))),
        );
        assert!(result.unwrap_err().message().contains("120.0 s"));
    }

    #[test]
    fn deadlines() {
        let seconds = Duration::from_secs;
        let hour = Deadline::of_wait(seconds(3600));
        assert!(hour.remaining() > seconds(3500) && hour.remaining() <= seconds(3600));
        let half = hour.half().remaining();
        assert!(half > seconds(1750) && half <= seconds(1800), "{half:?}");
        assert!(Deadline::after(Duration::MAX).remaining() > seconds(1 << 30));
        assert_eq!(hour.limit().to_string(), "the time limit of the wait");
        assert_eq!(Deadline::after(seconds(2)).limit().to_string(), "timeout_ms (2000 ms)");
    }
}
