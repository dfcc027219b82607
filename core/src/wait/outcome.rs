//! One job's wait: whether the result of a poll ends it, and with what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::operation::Operation;
use super::pace::Pace;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Recovery};
use crate::retry::Failure;
use crate::status::{State, Status};

/// For how long, and for how many polls, an unknown state must be reported unchanged before it ends a wait.
const UNKNOWN_STANDS: Duration = Duration::from_secs(300);
const UNKNOWN_POLLS: u32 = 3;

/// For how long, and at least for two polls, responses must be unreadable to end a wait: a gateway's page is seldom the only
/// one.
const UNREADABLE: Duration = Duration::from_secs(60);

/// One job's wait.
#[derive(Clone)]
pub(super) struct Wait<J> {
    pub(super) job: J,
    pub(super) operation: Operation,
    pub(super) begun: Instant,
    /// When it times out.
    pub(super) until: Option<Instant>,
    /// When it is polled next; `None`: a poll is in flight.
    pub(super) due: Option<Instant>,
    /// When the next poll would be without a time limit.
    pub(super) next_poll: Option<Instant>,
    /// It follows another wait for the job, which has timed out.
    pub(super) is_continued: bool,
    pub(super) is_in_flight: bool,
    /// What ends the poll that is in flight.
    pub(super) call: Option<Arc<Cancel>>,
    pub(super) pace: Pace,
    /// Its counts do not change, and a warning says so.
    pub(super) stands_still: bool,
    /// When the first poll ended.
    pub(super) first_poll: Option<Instant>,
    pub(super) last: Option<Status>,
    /// Since when `last` has been the same, but for its HTTP status.
    pub(super) unchanged_since: Option<Instant>,
    /// How much of its time is counted.
    counted: Duration,
    /// How many polls it may still need.
    pub(super) need: u64,
    last_error: Option<Error>,
    /// When the first of the unreadable responses came that the last polls had.
    unreadable: Option<Instant>,
    /// Boxed, as few waits have one.
    unknown: Option<Box<Unknown>>,
}

/// A state that this version does not know, and since when it has been reported with unchanged counts.
#[derive(Clone)]
struct Unknown {
    text: String,
    counts: [Option<i64>; 3],
    since: Instant,
    polls: u32,
}

impl<J> Wait<J> {
    pub(super) fn new(job: J, operation: Operation, begun: Instant, until: Option<Instant>, pace: Pace) -> Wait<J> {
        Wait {
            job,
            operation,
            begun,
            until,
            due: None,
            next_poll: None,
            is_continued: false,
            is_in_flight: false,
            call: None,
            pace,
            stands_still: false,
            first_poll: None,
            last: None,
            unchanged_since: None,
            counted: Duration::ZERO,
            need: 0,
            last_error: None,
            unreadable: None,
            unknown: None,
        }
    }

    /// A wait that continues this one.
    pub(super) fn continued(self, operation: Operation, begun: Instant) -> Wait<J> {
        Wait { operation, begun, until: None, due: None, is_continued: true, counted: Duration::ZERO, need: 0, ..self }
    }

    /// Whether the job has ended, according to its status. An unknown state does not end a wait while the counts
    /// change, and does not block it for ever.
    fn has_ended(&mut self, status: &Status, now: Instant) -> bool {
        if status.state != State::Unknown {
            return status.has_ended();
        }
        let handled = status.deleted.unwrap_or(0).saturating_add(status.failed.unwrap_or(0));
        if status.total.is_some_and(|total| total > 0 && handled >= total) {
            return true;
        }
        let counts = [status.total, status.deleted, status.failed];
        match &mut self.unknown {
            Some(unknown) if unknown.text == status.text && unknown.counts == counts => {
                unknown.polls += 1;
                unknown.polls >= UNKNOWN_POLLS && now.saturating_duration_since(unknown.since) >= UNKNOWN_STANDS
            }
            unknown => {
                *unknown = Some(Box::new(Unknown { text: status.text.clone(), counts, since: now, polls: 1 }));
                false
            }
        }
    }

    /// Whether no time is left for another poll.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        match self.operation {
            Operation::Wait { timeout: Some(Duration::ZERO) } => self.first_poll.is_some(),
            _ => self.until.is_some_and(|until| until <= now),
        }
    }

    /// How long it has lasted since this was asked last.
    pub(super) fn passed(&mut self, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.begun);
        elapsed.saturating_sub(std::mem::replace(&mut self.counted, elapsed))
    }

    /// The error of a wait for a job that has been as it is for too long, by its last poll.
    pub(super) fn stalled(&self, now: Instant, limit: Duration) -> Option<Error> {
        let (last, since) = (self.last.as_ref()?, self.unchanged_since?);
        let still = now.saturating_duration_since(since);
        (still >= limit).then(|| {
            let (seconds, limit) = (still.as_secs(), limit.as_millis());
            let message = format!(
                "the job stands still: it is {}, and neither its state nor its counts have changed for {seconds} s, which \
                 stalled_ms ({limit} ms) does not allow: look at it in Zoho CRM",
                last.text
            );
            Error::new(ErrorKind::Stalled, message)
        })
    }

    /// The error of a wait that has timed out.
    pub(super) fn timed_out(&self) -> Error {
        let (Operation::Wait { timeout } | Operation::Status { timeout }) = self.operation;
        let why = match (&self.last, &self.last_error) {
            (_, Some(error)) => format!("the last poll failed: {error}"),
            (Some(status), None) => format!("it is {}", status.text),
            (None, None) => "there was no time to poll it".to_owned(),
        };
        let message = match timeout.unwrap_or_default() {
            Duration::ZERO => format!("the job has not ended; {why}"),
            timeout => format!("the job has not ended within {} ms; {why}", timeout.as_millis()),
        };
        let http_status = self.last_error.as_ref().map_or(0, Error::http_status);
        Error::new(ErrorKind::Timeout, message).with_http_status(http_status)
    }

    /// The result of the wait; `None`: it continues. `unreachable` is how long network failures are retried; `None`: the
    /// service has answered, and only the wait's own limit ends it.
    pub(super) fn outcome(
        &mut self,
        result: &Result<Status, Failure>,
        now: Instant,
        unreachable: Option<Duration>,
    ) -> Option<Result<(), Error>> {
        let first_poll = *self.first_poll.get_or_insert(now);
        let failure = match result {
            Ok(status) => {
                self.unreadable = None;
                self.last_error = None;
                let has_ended = self.has_ended(status, now);
                if !self.last.as_ref().is_some_and(|last| is_same(last, status)) {
                    self.unchanged_since = Some(now);
                }
                self.last = Some(status.clone());
                return match self.operation {
                    Operation::Status { .. } => Some(Ok(())),
                    Operation::Wait { .. } => has_ended.then_some(Ok(())),
                };
            }
            Err(failure) => failure,
        };
        let error = &failure.error;
        // A poll that the wait's own limit ends says less than the failure before it.
        let is_cut_off = error.kind() == ErrorKind::Timeout && self.until.is_some_and(|until| until <= now);
        if !is_cut_off || self.last_error.is_none() {
            self.last_error = Some(error.clone());
        }
        let is_final = match error.recovery() {
            Recovery::Permanent => true,
            Recovery::PermanentIfRepeated => {
                let first = *self.unreadable.get_or_insert(now);
                now.saturating_duration_since(first) >= UNREADABLE
            }
            Recovery::Later | Recovery::Retried => {
                self.unreadable = None;
                false
            }
        };
        if is_final || matches!(self.operation, Operation::Status { .. }) {
            return Some(Err(error.clone()));
        }
        let unreachable = unreachable.filter(|_| error.http_status() == 0)?;
        if error.is_unknown_host() {
            return Some(Err(error.clone()));
        }
        let elapsed = now.saturating_duration_since(first_poll);
        (elapsed >= unreachable).then(|| {
            Err(error.clone().map_message(|message| {
                let limit = unreachable.as_millis();
                format!("{message}; there was no answer at all within unreachable_ms ({limit} ms)")
            }))
        })
    }
}

/// Whether the job is as it was.
fn is_same(last: &Status, status: &Status) -> bool {
    last.text == status.text && [last.total, last.deleted, last.failed] == [status.total, status.deleted, status.failed]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::scripted::*;
    use super::*;
    use crate::sync::{Mutex, lock};
    use crate::wait::Limits;

    #[test]
    fn a_wait_ends_with_the_job() {
        let service = Scripted::new(|passed, _| linear(passed));
        let (waited, results) = wait_for_one(&service, None);
        assert_eq!(waited.result, Ok(()));
        assert_eq!(waited.last.unwrap().state, State::Completed);
        assert_eq!(results.len(), service.polls().len());
        assert!((3000..3180).contains(&service.passed().as_secs()), "{:?}", service.passed());
        assert!(results.len() < 80, "{}", results.len());
    }

    #[test]
    fn completed_and_failed_end_a_wait() {
        for state in [State::Completed, State::Failed] {
            let service = Scripted::new(move |_, _| Ok(status(state, 0, 0)));
            let (waited, results) = wait_for_one(&service, None);
            assert_eq!((waited.result, waited.last.unwrap().state, results.len()), (Ok(()), state, 1));
        }
    }

    #[test]
    fn other_known_states_do_not_end_a_wait() {
        for state in [State::Scheduled, State::Queued, State::Suspended, State::Running] {
            let service = Scripted::new(move |passed, _| match passed.as_secs() {
                // Longer than an unchanged unknown state would be accepted.
                0..3000 => Ok(status(state, 7, 3000)),
                _ => Ok(status(State::Completed, 3000, 3000)),
            });
            let (waited, _) = wait_for_one(&service, None);
            assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), State::Completed));
            assert!(service.passed() >= SECOND * 3000);
        }
    }

    fn unknown(text: &str, deleted: Option<i64>, total: Option<i64>) -> Result<Status, Failure> {
        let text = text.to_owned();
        Ok(Status { state: State::Unknown, text, total, deleted, failed: None, http_status: 200 })
    }

    #[test]
    fn an_unknown_state_does_not_end_a_wait_while_the_counts_change() {
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            0..2000 => unknown("DELETING", Some(passed.as_secs() as i64 / 100), Some(3000)),
            _ => Ok(status(State::Completed, 3000, 3000)),
        });
        let (waited, _) = wait_for_one(&service, None);
        assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), State::Completed));
    }

    #[test]
    fn an_unknown_state_ends_a_wait_when_the_counts_reach_the_total() {
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            0..100 => unknown("DELETING", Some(1), Some(3)),
            _ => unknown("ARCHIVED", Some(3), Some(3)),
        });
        let (waited, _) = wait_for_one(&service, None);
        assert_eq!((waited.result, waited.last.unwrap().text), (Ok(()), "ARCHIVED".to_owned()));
        assert!((100..170).contains(&service.passed().as_secs()), "{:?}", service.passed());
    }

    #[test]
    fn an_unknown_state_ends_a_wait_when_it_is_unchanged_for_five_minutes() {
        // A total of 0, or none: that does not count as a total that has been reached.
        for (deleted, total) in [(None, None), (Some(0), Some(0)), (Some(4), Some(9))] {
            let service = Scripted::new(move |passed, _| match passed.as_secs() {
                0..1000 => unknown("ONE", deleted, total),
                _ => unknown("TWO", deleted, total),
            });
            let (waited, results) = wait_for_one(&service, None);
            assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), State::Unknown));
            let passed = service.passed().as_secs();
            assert!((300..365).contains(&passed), "{passed}");
            assert!(results.len() >= 3);
        }
        // Another state restarts the five minutes.
        let service =
            Scripted::new(|passed, _| unknown(if passed.as_secs() < 250 { "ONE" } else { "TWO" }, None, None));
        wait_for_one(&service, None).0.result.unwrap();
        assert!((550..680).contains(&service.passed().as_secs()), "{:?}", service.passed());
        // It takes several polls, however far apart they are.
        let service = Scripted::new(|_, _| unknown("ONE", None, None));
        let far = Limits { poll_min: SECOND * 1000, poll_max: SECOND * 1000, ..LIMITS };
        let mut polls = 0;
        wait_within(&service, 1, None, far, &mut |_| {
            polls += 1;
            true
        });
        assert_eq!(polls, 3);
    }

    #[test]
    fn a_wait_that_times_out_keeps_the_last_status() {
        let service = Scripted::new(|passed, _| linear(passed));
        let (waited, _) = wait_for_one(&service, Some(SECOND * 1000));
        let error = waited.result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().contains("it is RUNNING"), "{error}");
        assert_eq!(service.passed(), SECOND * 1000);
        // The last poll was made shortly before the end.
        assert_eq!(waited.last.unwrap().deleted, Some(999));
    }

    #[test]
    fn a_wait_with_timeout_zero_polls_once() {
        let service = Scripted::new(|passed, _| linear(passed));
        let (waited, results) = wait_for_one(&service, Some(Duration::ZERO));
        assert_eq!((waited.result.unwrap_err().kind(), results.len()), (ErrorKind::Timeout, 1));
        assert_eq!(waited.last.unwrap().deleted, Some(0));
    }

    #[test]
    fn a_job_that_stands_still_ends_its_wait_after_stalled_ms() {
        // It moves for 200 s, then the service fails for a while, and then it is as before.
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            0..200 => Ok(status(State::Running, passed.as_secs() as i64, 3000)),
            400..450 => Err(failure(ErrorKind::Server)),
            _ => Ok(status(State::Running, 200, 3000)),
        });
        let limits = Limits { stalled: Some(SECOND * 600), ..LIMITS };
        let waited = wait_within(&service, 1, None, limits, &mut |_| true);
        let error = waited[0].result.as_ref().unwrap_err();
        assert_eq!((error.kind(), waited[0].last.as_ref().unwrap().deleted), (ErrorKind::Stalled, Some(200)));
        // From the first poll that saw it so, and not a pause later.
        let passed = service.passed();
        assert!((800..861).contains(&passed.as_secs()), "{passed:?}");
        let first = service.polls().into_iter().find(|(at, _)| at.as_secs() >= 200).unwrap().0;
        assert_eq!(passed, first + SECOND * 600);
        // Another state is a change too, and a status call is no wait.
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            0..500 => Ok(status(State::Scheduled, 0, 9)),
            500..1000 => Ok(status(State::Queued, 0, 9)),
            _ => Ok(status(State::Completed, 9, 9)),
        });
        assert_eq!(wait_within(&service, 1, None, limits, &mut |_| true)[0].result, Ok(()));
    }

    #[test]
    fn a_transient_failure_does_not_end_a_wait() {
        for kind in [
            ErrorKind::Dns,
            ErrorKind::Connect,
            ErrorKind::Network,
            ErrorKind::Timeout,
            ErrorKind::Server,
            ErrorKind::RateLimited,
        ] {
            let service = Scripted::new(move |passed, _| match passed.as_secs() {
                100..700 => Err(failure(kind)),
                _ => linear(passed),
            });
            let (waited, results) = wait_for_one(&service, None);
            assert_eq!(waited.result, Ok(()), "{kind:?}");
            let failed = results.iter().filter(|result| result.is_err()).count();
            assert!((2..25).contains(&failed), "{kind:?}: {failed} failures");
        }
    }

    #[test]
    fn a_permanent_failure_ends_a_wait_at_once() {
        for kind in [
            ErrorKind::Unauthorized,
            ErrorKind::Scope,
            ErrorKind::Forbidden,
            ErrorKind::InvalidModule,
            ErrorKind::JobNotFound,
            ErrorKind::Oauth,
            ErrorKind::Api,
            ErrorKind::Tls,
            ErrorKind::Internal,
        ] {
            let service = Scripted::new(move |_, _| Err(failure(kind)));
            let (waited, results) = wait_for_one(&service, None);
            assert_eq!((waited.result.unwrap_err().kind(), results.len()), (kind, 1));
        }
    }

    #[test]
    fn unreadable_responses_end_a_wait_after_a_minute() {
        let bad = || Err(failure(ErrorKind::BadResponse));
        let once = Scripted::new(|passed, _| if passed.is_zero() { bad() } else { linear(passed) });
        assert_eq!(wait_for_one(&once, None).0.result, Ok(()));
        let count = AtomicUsize::new(0);
        let apart = Scripted::new(|passed, _| match count.fetch_add(1, Ordering::SeqCst) {
            0 | 2 => bad(),
            1 => Err(failure(ErrorKind::Server)),
            _ => linear(passed),
        });
        assert_eq!(wait_for_one(&apart, None).0.result, Ok(()));
        // What the gateway says for less than a minute, however often.
        let minute = Scripted::new(|passed, _| if passed < SECOND * 59 { bad() } else { linear(passed) });
        assert_eq!(wait_for_one(&minute, None).0.result, Ok(()));
        let always = Scripted::new(|_, _| bad());
        let (waited, results) = wait_for_one(&always, None);
        assert_eq!((waited.result.unwrap_err().kind(), always.passed()), (ErrorKind::BadResponse, SECOND * 63));
        assert_eq!(results.len(), 7);
        // Polled less often: the second one.
        let seldom = Scripted::new(|_, _| bad());
        let limits = Limits { poll_min: SECOND * 600, poll_max: SECOND * 600, ..LIMITS };
        let waited = wait_within(&seldom, 1, None, limits, &mut |_| true);
        assert_eq!((waited[0].result.is_err(), seldom.passed()), (true, SECOND * 600));
    }

    #[test]
    fn a_wait_with_only_failures_reports_the_last_one() {
        let service = Scripted::new(|_, _| {
            Err(Failure::of(Error::new(ErrorKind::Server, "maintenance").with_http_status(503), None))
        });
        let (waited, _) = wait_for_one(&service, Some(SECOND * 600));
        let error = waited.result.unwrap_err();
        assert_eq!((error.kind(), error.http_status(), waited.last), (ErrorKind::Timeout, 503, None));
        assert!(error.message().contains("maintenance"), "{error}");
    }

    #[test]
    fn an_unreachable_service_ends_a_wait_after_unreachable_ms() {
        for kind in [ErrorKind::Dns, ErrorKind::Connect, ErrorKind::Network, ErrorKind::Timeout, ErrorKind::Proxy] {
            let service = Scripted::new(move |_, _| Err(failure(kind)));
            let (waited, results) = wait_for_one(&service, Some(SECOND * 4000));
            let error = waited.result.unwrap_err();
            assert_eq!((error.kind(), service.passed()), (kind, SECOND * 300));
            assert!(error.message().contains("unreachable_ms (300000 ms)"), "{error}");
            assert!(results.len() > 3);
        }
    }

    #[test]
    fn once_the_service_has_answered_only_the_time_limit_ends_a_wait() {
        // An error is an answer too, and an answer for one job counts for all.
        for answer in [
            Err(Failure::of(Error::new(ErrorKind::Server, "maintenance").with_http_status(503), None)),
            Ok(status(State::Running, 1, 9)),
        ] {
            let answer = Mutex::new(Some(answer));
            let service =
                Scripted::new(|_, _| lock(&answer).take().unwrap_or_else(|| Err(failure(ErrorKind::Connect))));
            let waited = wait(&service, 2, Some(SECOND * 4000), &mut |_| true);
            for waited in waited {
                assert_eq!(waited.result.unwrap_err().kind(), ErrorKind::Timeout);
            }
            assert_eq!(service.passed(), SECOND * 4000);
        }
    }

    #[test]
    fn a_host_that_does_not_exist_ends_a_wait_at_once() {
        let unknown_host = || Failure::permanent(Error::new(ErrorKind::Dns, "no such host").with_unknown_host(true));
        let service = Scripted::new(|_, _| Err(unknown_host()));
        let (waited, results) = wait_for_one(&service, None);
        assert_eq!((waited.result.unwrap_err().message(), results.len()), ("no such host", 1));
        // Once the service has answered, it is a transient failure.
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            100..900 => Err(unknown_host()),
            _ => linear(passed),
        });
        assert_eq!(wait_for_one(&service, None).0.result, Ok(()));
    }
}
