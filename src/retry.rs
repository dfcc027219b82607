//! What may pass when it is tried again, and how long to pause before.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::error::{Error, zmd_error::ZMD_ERR_TIMEOUT};

/// The moment at which a call must be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    limit: TimeLimit,
}

/// A limit, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeLimit {
    /// The setting `timeout_ms`.
    Call(Duration),
    /// What is left of the time that a wait was given.
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
        Deadline { at: Instant::now() + limit, limit: TimeLimit::Call(limit) }
    }

    /// The end of a wait, so long from now.
    pub(crate) fn of_wait(left: Duration) -> Deadline {
        Deadline { at: Instant::now() + left, limit: TimeLimit::Wait }
    }

    /// How long until then; zero once it is past.
    pub(crate) fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// When it is.
    pub(crate) fn end(&self) -> Instant {
        self.at
    }

    /// Half of what remains, for a part of the call.
    pub(crate) fn half(&self) -> Deadline {
        Deadline { at: Instant::now() + self.remaining() / 2, limit: self.limit }
    }

    /// The limit that ends there.
    pub(crate) fn limit(&self) -> TimeLimit {
        self.limit
    }
}

/// An attempt that failed.
pub(crate) struct Failure {
    pub error: Error,
    pub again: Again,
}

/// Whether another attempt makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// After a pause of the library's choice.
    BackOff,
    /// After the pause that the server asked for.
    After(Duration),
}

impl Failure {
    pub(crate) fn lasting(error: Error) -> Failure {
        Failure { error, again: Again::Never }
    }

    pub(crate) fn passing(error: Error) -> Failure {
        Failure { error, again: Again::BackOff }
    }
}

/// Attempts until one succeeds, fails for good, or nothing is left of the retries or the time.
///
/// A pause that does not fit the deadline is not begun: the caller learns of the failure at once. `sleep` may
/// come back early, from a cancel, which it tells by `false` and the next attempt will notice.
pub(crate) fn run<T>(
    max_retries: u32,
    deadline: Deadline,
    sleep: impl Fn(Duration) -> bool,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Error> {
    let mut retries = 0;
    let mut before = String::new();
    loop {
        let Failure { error, again } = match attempt() {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let pause = match again {
            Again::Never => None,
            _ if retries == max_retries => None,
            Again::BackOff => Some(back_off(retries, random())),
            // A server that asks for no pause at all is not to be asked a hundred times at once.
            Again::After(pause) => Some(pause.max(back_off(retries, random()))),
        };
        match pause {
            Some(pause) if pause < deadline.remaining() => {
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
            // The deadline cut the last attempt short: the ones before tell more of what is wrong.
            None if error.kind() == ZMD_ERR_TIMEOUT => {
                return Err(error.map_message(|message| format!("{message}; the attempt before: {before}")));
            }
            None => return Err(error.map_message(|message| format!("{message} ({} attempts)", retries + 1))),
        }
        before = error.message().to_owned();
        retries += 1;
    }
}

/// Full jitter: anything from nothing to a limit that doubles, from 250 ms to 8 s. `random` is from 0 to 1.
///
/// Clients that failed together must not come back together: "Exponential Backoff And Jitter", AWS, 2015.
fn back_off(retries: u32, random: f64) -> Duration {
    let limit = 250 << retries.min(5);
    Duration::from_secs_f64(f64::from(limit) / 1000.0 * random)
}

/// A number from 0 to 1 that differs between threads, processes and moments. After `fork()` the hasher's
/// keys are the parent's; the process id makes the difference.
pub(crate) fn random() -> f64 {
    let moment = (Instant::now(), std::process::id(), std::thread::current().id());
    RandomState::new().hash_one(format!("{moment:?}")) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::zmd_error::*;

    fn failure(again: Again) -> Failure {
        Failure { error: Error::new(ZMD_ERR_SERVER, "no"), again }
    }

    #[test]
    fn back_off_doubles_up_to_eight_seconds() {
        let limits: Vec<_> = (0..8).map(|retries| back_off(retries, 1.0).as_millis()).collect();
        assert_eq!(limits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(back_off(7, 0.0), Duration::ZERO);
        assert_eq!(back_off(u32::MAX, 0.5), Duration::from_secs(4));
    }

    #[test]
    fn random_numbers_spread_from_0_to_1() {
        let numbers: Vec<_> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        let average = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&average), "{average}");
    }

    #[test]
    fn what_lasts_is_not_tried_again() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                Err(failure(Again::Never))
            },
        );
        assert_eq!((attempts, result.unwrap_err().message()), (1, "no"));
    }

    #[test]
    fn what_may_pass_is_tried_as_often_as_allowed() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                Err(failure(Again::After(Duration::ZERO)))
            },
        );
        assert_eq!((attempts, result.unwrap_err().message()), (4, "no (4 attempts)"));
    }

    #[test]
    fn an_attempt_that_the_deadline_cut_short_tells_of_the_one_before() {
        let mut attempts = 0;
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(60)),
            |_| true,
            || {
                attempts += 1;
                match attempts {
                    1 => Err(failure(Again::After(Duration::ZERO))),
                    _ => Err(Failure::lasting(Error::new(ZMD_ERR_TIMEOUT, "too late"))),
                }
            },
        );
        assert_eq!(result.unwrap_err().message(), "too late; the attempt before: no");
    }

    #[test]
    fn a_pause_that_does_not_fit_is_not_begun() {
        let begin = Instant::now();
        let result: Result<(), _> = run(
            3,
            Deadline::after(Duration::from_secs(30)),
            |_| true,
            || Err(failure(Again::After(Duration::from_secs(120)))),
        );
        assert!(result.unwrap_err().message().contains("120.0 s"));
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
}
