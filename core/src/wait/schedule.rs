//! When each job is polled, and when each wait times out. A schedule has no clock: its caller passes the time.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::due::{due, later};
use super::kept::Kept;
use super::logged::log_end;
use super::operation::Operation;
use super::outcome::Wait;
use super::pace::{Observation, Pace};
use super::poller::{Limits, Query};
use super::reported::Waited;
use super::shortage::{Shortage, polls_needed};
use crate::activity::{Activity, count};
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, Retry};
use crate::status::Status;

/// What happened to a wait.
pub(crate) struct Event {
    pub id: u64,
    /// Since the wait began.
    pub elapsed: Duration,
    /// Until the next poll; `None`: there is none.
    pub next_poll: Option<Duration>,
    /// The forecast of the time until the job ends.
    pub remaining: Option<Duration>,
    /// For how long its counts have not changed, if that is suspicious.
    pub standstill: Option<Duration>,
    /// That has just become so.
    pub has_stopped: bool,
    /// Fewer API credits remain than the waits may need, if that has just become so.
    pub shortage: Option<Shortage>,
    /// It is a wait, and not one status.
    pub is_wait: bool,
    /// The poll found the job's state or counts changed.
    pub is_change: bool,
    /// The result of a poll, if there was one.
    pub polled: Option<Result<Status, Error>>,
    /// How the wait ended, if it has.
    pub ended: Option<Waited>,
}

/// The waits, when each is to be polled, and when each times out.
pub(crate) struct Schedule<J> {
    pub(super) limits: Limits,
    /// Boxed, as a table has up to twice the room that it needs.
    waits: HashMap<u64, Box<Wait<J>>>,
    next_id: u64,
    /// When to poll, and which wait.
    due: BTreeSet<(Instant, u64)>,
    /// The same for what is asked once: a rate limit does not delay it.
    once: BTreeSet<(Instant, u64)>,
    /// When which wait times out.
    ends: BTreeSet<(Instant, u64)>,
    in_flight: usize,
    /// The service is rate limiting: no job of `due` is polled before this time.
    pub(super) not_before: Option<Instant>,
    pub(super) pause: Duration,
    /// The service has answered at least once, with a status or an error.
    pub(super) is_answered: bool,
    /// More waits may be added while it runs.
    is_open: bool,
    /// Incremented by each change that must wake a sleeping `run`.
    pub(super) changes: u64,
    /// What the last wait that has timed out leaves, if it is to be kept.
    pub(super) keeps: bool,
    pub(super) kept: Option<Kept<J>>,
    /// Where the waits are counted.
    pub(super) activity: Arc<Activity>,
}

/// What to do next.
pub(super) enum Step<J> {
    Query(Task<J>),
    /// A wait has timed out.
    Ended(Box<Event>),
    Sleep(Option<Instant>),
    /// No wait is left.
    Finish,
}

/// A request for a worker: one status.
pub(super) struct Task<J> {
    pub(super) id: u64,
    pub(super) job: J,
    pub(super) query: Query,
    /// What ends it if its wait is removed.
    pub(super) call: Option<Arc<Cancel>>,
}

/// The result of a task.
pub(super) struct Done<J> {
    pub(super) id: u64,
    pub(super) job: J,
    pub(super) result: Result<Status, Failure>,
}

impl<J: Clone + fmt::Display> Schedule<J> {
    pub(crate) fn new(limits: Limits, is_open: bool) -> Schedule<J> {
        Schedule {
            limits,
            waits: HashMap::new(),
            next_id: 0,
            due: BTreeSet::new(),
            once: BTreeSet::new(),
            ends: BTreeSet::new(),
            in_flight: 0,
            not_before: None,
            pause: Duration::ZERO,
            is_answered: false,
            is_open,
            changes: 0,
            keeps: false,
            kept: None,
            activity: Arc::default(),
        }
    }

    /// Adds a wait, and returns its id: they count from 0.
    pub(crate) fn add(&mut self, job: J, operation: Operation, now: Instant) -> u64 {
        let pace = Pace::new(self.limits.poll_min, self.limits.poll_max);
        self.add_wait(Wait::new(job, operation, now, None, pace), now)
    }

    pub(super) fn add_wait(&mut self, mut wait: Wait<J>, now: Instant) -> u64 {
        let id = self.skip_id();
        let operation = wait.operation;
        // A timeout beyond the range of the clock means no limit. A status call enforces its own timeout.
        let until = match operation {
            Operation::Wait { timeout } => {
                timeout.filter(|timeout| !timeout.is_zero()).and_then(|timeout| now.checked_add(timeout))
            }
            Operation::Status { .. } => None,
        };
        wait.until = until;
        let due = match (wait.first_poll, wait.next_poll) {
            (Some(first_poll), Some(next)) => {
                self.due_within(now, later(first_poll, wait.pace.last_result()), next, until)
            }
            _ => now,
        };
        self.waits.insert(id, Box::new(wait));
        self.plan(id, due);
        self.ends.extend(until.map(|until| (until, id)));
        self.changes += 1;
        id
    }

    /// Sets when a wait is polled next.
    fn plan(&mut self, id: u64, due: Instant) {
        let Some(wait) = self.waits.get_mut(&id) else { return };
        wait.due = Some(due);
        let polls = if wait.operation.is_once() { &mut self.once } else { &mut self.due };
        polls.insert((due, id));
    }

    /// Removes a wait with all that is planned for it.
    fn take(&mut self, id: u64) -> Option<Box<Wait<J>>> {
        let wait = self.waits.remove(&id)?;
        self.activity.needs(wait.need, 0);
        if let Some(until) = wait.until {
            self.ends.remove(&(until, id));
        }
        if let Some(due) = wait.due {
            self.due.remove(&(due, id));
            self.once.remove(&(due, id));
        }
        if wait.is_in_flight {
            self.in_flight -= 1;
        }
        Some(wait)
    }

    /// Whether waits may be added while it runs.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// How many waits there are.
    pub(crate) fn len(&self) -> usize {
        self.waits.len()
    }

    /// Uses up an id, for a job that is not waited for.
    pub(crate) fn skip_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Ends a wait with an error; `None`: there is no wait with this id. A poll of it that is in flight is ended too, and
    /// another may take its place at once.
    pub(crate) fn remove(&mut self, id: u64, now: Instant, error: Error) -> Option<Event> {
        let wait = self.take(id)?;
        self.changes += 1;
        if let Some(call) = &wait.call {
            call.cancel();
        }
        log_end(&wait.job, now.saturating_duration_since(wait.begun), &Err(&error));
        Some(Event {
            id,
            elapsed: now.saturating_duration_since(wait.begun),
            next_poll: None,
            remaining: None,
            standstill: None,
            has_stopped: false,
            shortage: None,
            is_wait: !wait.operation.is_once(),
            is_change: false,
            polled: None,
            ended: Some(Waited { last: wait.last, result: Err(error) }),
        })
    }

    /// Ends all waits with an error, and closes the schedule.
    pub(super) fn finish(&mut self, now: Instant, error: &Error) -> Vec<Event> {
        self.is_open = false;
        let ids: Vec<_> = self.waits.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id, now, error.clone())).collect()
    }

    /// What to do now, with at most `concurrency` calls in flight.
    pub(super) fn next(&mut self, now: Instant, concurrency: usize) -> Step<J> {
        while let Some((_, id)) = self.ends.first().filter(|(until, _)| *until <= now).copied() {
            self.ends.pop_first();
            // A wait with a poll in flight ends with that poll, which has the same limit.
            if let Some(wait) = self.waits.get(&id).filter(|wait| !wait.is_in_flight) {
                let (error, wait) = (wait.timed_out(), self.keeps.then(|| (**wait).clone()));
                let event = self.remove(id, now, error);
                if let Some(wait) = wait {
                    self.keep(wait);
                }
                if let Some(event) = event {
                    return Step::Ended(Box::new(event));
                }
            }
        }
        let mut until = self.ends.first().map(|(until, _)| *until);
        if let Some((at, id)) = self.next_poll().filter(|_| self.in_flight < concurrency) {
            if at <= now
                && let Some(task) = self.begin(id, now)
            {
                return Step::Query(task);
            }
            until = Some(until.map_or(at, |until| until.min(at)));
        }
        if self.waits.is_empty() && !self.is_open {
            return Step::Finish;
        }
        Step::Sleep(until)
    }

    /// Which wait is polled next, and when.
    fn next_poll(&self) -> Option<(Instant, u64)> {
        let due =
            self.due.first().map(|(at, id)| (self.not_before.map_or(*at, |not_before| (*at).max(not_before)), *id));
        due.into_iter().chain(self.once.first().copied()).min()
    }

    fn begin(&mut self, id: u64, now: Instant) -> Option<Task<J>> {
        let wait = self.waits.get_mut(&id)?;
        if let Some(due) = wait.due.take() {
            self.due.remove(&(due, id));
            self.once.remove(&(due, id));
        }
        self.in_flight += 1;
        wait.is_in_flight = true;
        // Without further waits none is removed.
        wait.call = self.is_open.then(Arc::default);
        let query = match wait.operation {
            Operation::Wait { .. } => {
                Query::Poll { left: wait.until.map(|until| until.saturating_duration_since(now)) }
            }
            Operation::Status { timeout } => Query::Status { timeout },
        };
        Some(Task { id, job: wait.job.clone(), query, call: wait.call.clone() })
    }

    /// Records the result of a poll; `None`: the wait was removed meanwhile.
    pub(super) fn polled(&mut self, now: Instant, id: u64, result: Result<Status, Failure>) -> Option<Event> {
        let wait = self.waits.get_mut(&id)?;
        self.in_flight -= 1;
        wait.is_in_flight = false;
        wait.call = None;
        let unreachable = (!self.is_answered).then_some(self.limits.unreachable);
        let outcome = wait.outcome(&result, now, unreachable);
        let (retry, result) = match result {
            Ok(status) => (Retry::Never, Ok(status)),
            Err(failure) => (failure.retry, Err(failure.error)),
        };
        let asked_for = if let Retry::After(pause) = retry { pause } else { Duration::ZERO };
        let observation = match &result {
            Ok(Status { total, deleted, failed, .. }) => {
                self.pause = Duration::ZERO;
                Observation::Progress { total: *total, deleted: *deleted, failed: *failed }
            }
            Err(error) => {
                if error.is_quota_used_up() {
                    // The credits come back in the course of hours.
                    self.not_before = self.not_before.max(Some(later(now, self.limits.poll_max)));
                } else if error.kind() == ErrorKind::RateLimited && retry != Retry::Never {
                    // The rate limit applies to the account, so all jobs pause. One that is not retried is the accounts
                    // server's, which is not asked for a minute: the jobs get its refusal at once.
                    self.pause =
                        self.pause.saturating_mul(2).clamp(self.limits.poll_min, self.limits.poll_max).max(asked_for);
                    self.not_before = self.not_before.max(Some(later(now, self.pause)));
                }
                Observation::Failure
            }
        };
        self.is_answered |= result.as_ref().map_or_else(|error| error.http_status() != 0, |_| true);
        let first_poll = wait.first_poll.unwrap_or(now);
        let pause = wait.pace.next_pause(now.saturating_duration_since(first_poll), observation);
        let remaining = wait.pace.remaining();
        let left = wait.until.map(|until| until.saturating_duration_since(now));
        let stalled = self.limits.stalled.filter(|_| result.is_ok() && !wait.operation.is_once());
        let outcome = outcome.or_else(|| Some(Err(wait.stalled(now, stalled?)?)));
        let is_over = outcome.is_none() && wait.is_over(now);
        let outcome = if is_over { Some(Err(wait.timed_out())) } else { outcome };
        // A wait that has ended needs none.
        let need = if outcome.is_some() { 0 } else { polls_needed(remaining, left, self.limits.poll_max) };
        self.activity.needs(std::mem::replace(&mut wait.need, need), need);
        let shortage = self.activity.lacks().map(|(needed, remaining)| Shortage { needed, remaining });
        let has_begun = self.activity.warns(shortage.is_some());
        let pause = shortage.map_or(pause, |shortage| shortage.stretched(pause, self.limits.poll_max));
        let standstill = wait.pace.standstill();
        let has_stopped = !std::mem::replace(&mut wait.stands_still, standstill.is_some()) && standstill.is_some();
        let elapsed = now.saturating_duration_since(wait.begun);
        let wish = later(now, asked_for);
        let next = later(now, pause).max(wish);
        wait.next_poll = Some(next);
        let (until, is_continued) = (wait.until, wait.is_continued);
        self.activity.waited(wait.passed(now));
        let is_wait = !wait.operation.is_once();
        let is_change = result.is_ok() && wait.unchanged_since == Some(now);
        let stalls_at = wait.unchanged_since.and_then(|since| Some(later(since, stalled?)));
        if let Some(outcome) = outcome {
            let wait = self.take(id);
            let last = wait.as_ref().and_then(|wait| wait.last.clone());
            if let Some(wait) = wait.filter(|_| is_over) {
                self.keep(*wait);
            }
            let ended = Some(Waited { last, result: outcome });
            return Some(Event {
                id,
                elapsed,
                next_poll: None,
                remaining: None,
                standstill: None,
                has_stopped: false,
                shortage: shortage.filter(|_| has_begun),
                is_wait,
                is_change,
                polled: Some(result),
                ended,
            });
        }
        let shortage = shortage.filter(|_| has_begun);
        count(&self.activity.retries, result.is_err().into());
        let mut due = due(now, pause, until, self.limits.poll_min);
        if !self.is_answered && result.is_err() {
            // The last poll of an unreachable service is made when `unreachable` expires, not one pause later.
            let last = later(first_poll, self.limits.unreachable);
            due = due.min(last.max(later(now, self.limits.poll_min)));
        }
        if is_continued && self.is_answered {
            due = self.due_within(now, now, next, until);
        }
        if let Some(stalls_at) = stalls_at {
            due = due.min(stalls_at.max(later(now, self.limits.poll_min)));
        }
        // A server's wish counts more, but not more than the time limit.
        due = due.max(until.map_or(wish, |until| wish.min(until)));
        self.plan(id, due);
        let next = self.not_before.map_or(due, |not_before| due.max(not_before));
        let next_poll = Some(next.saturating_duration_since(now));
        Some(Event {
            id,
            elapsed,
            next_poll,
            remaining,
            standstill,
            has_stopped,
            shortage,
            is_wait,
            is_change,
            polled: Some(result),
            ended: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::*;
    use super::*;
    use crate::error::cancelled;
    use crate::status::State;
    use crate::sync::{Mutex, lock};
    use crate::wait::{Poller, Shared, run_on_this_thread};
    use std::collections::VecDeque;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn none_of_ten_thousand_jobs_starves() {
        const COUNT: usize = 10_000;
        let service = Scripted::new(|passed, index| {
            let end = 600 + index as u64 % 600;
            let deleted = passed.as_secs().min(end);
            let state = if deleted < end { State::Running } else { State::Completed };
            Ok(status(state, deleted as i64, end as i64))
        });
        let mut results = vec![0; COUNT];
        // One call at a time: with more, this service could not tell when to advance its clock.
        let waited = wait(&service, COUNT, None, &mut |polled| {
            results[polled.index] += 1;
            true
        });
        assert!(waited.iter().all(|waited| waited.result.is_ok()));
        // No job goes without a poll for longer than the longest pause.
        let mut last = vec![Duration::ZERO; COUNT];
        for (at, index) in service.polls() {
            assert!(at - last[index] <= SECOND * 61, "job {index} was not polled from {:?} to {at:?}", last[index]);
            last[index] = at;
        }
        assert!(results.iter().all(|polls| (3..60).contains(polls)), "{:?}", results.iter().max());
        // The memory for each job, including its result.
        let size = size_of::<Wait<usize>>() + size_of::<Waited>() + 3 * size_of::<(Instant, u64)>();
        assert!(size < 1024, "{size} bytes a job");
    }

    #[test]
    fn a_rate_limit_delays_all_jobs() {
        let service = Scripted::new(|passed, index| match (passed.as_secs(), index) {
            (0, 0) => Err(Failure { retry: Retry::After(SECOND * 100), ..failure(ErrorKind::RateLimited) }),
            _ => linear(passed),
        });
        wait(&service, 50, Some(SECOND * 300), &mut |_| true);
        let polls = service.polls();
        assert_eq!(polls[0], (Duration::ZERO, 0));
        assert!(polls[1].0 >= SECOND * 100, "{:?}", polls[1]);
        assert_eq!(polls.iter().map(|(_, index)| index).collect::<std::collections::HashSet<_>>().len(), 50);
    }

    #[test]
    fn while_credits_are_short_waits_poll_less_often() {
        // A job of an hour of which the counts say nothing. Its wait may need 70 polls.
        let running = |passed: Duration| match passed.as_secs() {
            0..3600 => Ok(Status { total: None, deleted: None, ..status(State::Running, 0, 0) }),
            _ => Ok(status(State::Completed, 9, 9)),
        };
        let polls = |credits: Option<u64>| {
            let service = Scripted::new(|passed, _| running(passed));
            service.activity.responded(credits, false);
            wait(&service, 1, None, &mut |_| true);
            assert_eq!(service.activity.lacks(), None, "it needs none any more");
            let polls: Vec<_> = service.polls().into_iter().map(|(at, _)| at.as_secs_f64()).collect();
            polls
        };
        let usual = polls(None);
        assert_eq!(polls(Some(70)), usual);
        assert_eq!(polls(Some(2000)), usual);
        // Half of them: each pause is twice as long, up to the longest.
        let half = polls(Some(35));
        assert_eq!((usual[1], half[1]), (1.0, 2.0));
        let none = polls(Some(0));
        assert!(half.len() < usual.len() && none.len() < half.len(), "{} {} {}", usual.len(), half.len(), none.len());
        assert!(none.windows(2).all(|pair| pair[1] - pair[0] == 60.0), "{none:?}");
        // All waits of a client count, also those of other calls.
        let service = Scripted::new(|passed, _| running(passed));
        service.activity.responded(Some(100), false);
        service.activity.needs(0, 130);
        wait(&service, 1, None, &mut |_| true);
        assert_eq!((service.polls()[1].0, service.activity.lacks()), (SECOND * 2, Some((130, 100))));
    }

    #[test]
    fn of_a_shortage_the_poll_tells_that_finds_it_also_if_it_ends_its_wait() {
        let mut schedule = Schedule::new(LIMITS, false);
        let now = Instant::now();
        let [first, second] = [0, 1].map(|job| schedule.add(job, Operation::Wait { timeout: None }, now));
        let mut shortage = |id, state, credits| {
            let Step::Query(_) = schedule.next(now + SECOND * 60, 2) else { panic!("a task") };
            schedule.activity.responded(credits, false);
            schedule.polled(now + SECOND * 60, id, Ok(status(state, 9, 9))).unwrap().shortage
        };
        assert_eq!(shortage(first, State::Running, None), None);
        // Only the other needs any further polls.
        assert_eq!(shortage(second, State::Completed, Some(5)), Some(Shortage { needed: 70, remaining: 5 }));
        let mut shortage = |id| {
            let Step::Query(_) = schedule.next(now + SECOND * 120, 2) else { panic!("a task") };
            schedule.polled(now + SECOND * 120, id, Ok(status(State::Running, 9, 9))).unwrap().shortage
        };
        assert_eq!(shortage(first), None, "it was told");
        // A wait that ends is none that lacks credits.
        let mut schedule = Schedule::new(LIMITS, false);
        schedule.activity.responded(Some(5), false);
        let timeout = Some(SECOND * 9);
        let id = schedule.add(0, Operation::Wait { timeout }, now);
        let Step::Query(_) = schedule.next(now, 1) else { panic!("a task") };
        let event = schedule.polled(now + SECOND * 9, id, Ok(status(State::Running, 1, 9))).unwrap();
        assert!(event.ended.is_some() && event.shortage.is_none());
    }

    #[test]
    fn used_up_credits_are_waited_for_at_the_longest_pause() {
        let service = Scripted::new(|passed, _| match passed.as_secs() {
            0..600 => {
                let error = Error::new(ErrorKind::RateLimited, "").with_http_status(429);
                Err(Failure::of(error.with_quota_used_up(true), Some(SECOND)))
            }
            _ => Ok(status(State::Completed, 9, 9)),
        });
        let waited = wait(&service, 3, None, &mut |_| true);
        assert!(waited.iter().all(|waited| waited.result.is_ok()));
        // Besides the first ones, one a minute.
        let polls = service.polls().iter().filter(|(at, _)| *at < SECOND * 600).count();
        assert!(polls <= 3 + 3 * 10, "{polls}");
        assert!(service.polls().iter().all(|(at, _)| at.is_zero() || *at >= LIMITS.poll_max), "{:?}", service.polls());
    }

    #[test]
    fn progress_gets_the_elapsed_time_and_the_time_to_the_next_poll() {
        let service = Scripted::new(|passed, _| linear(passed));
        let mut times = Vec::new();
        wait(&service, 1, None, &mut |polled| {
            assert_eq!(polled.elapsed, service.passed());
            times.push((polled.elapsed, polled.next_poll));
            true
        });
        for pair in times.windows(2) {
            assert_eq!(Some(pair[1].0 - pair[0].0), pair[0].1);
        }
        assert_eq!(times.last().unwrap().1, None);
    }

    #[test]
    fn each_wait_has_its_own_time_limit() {
        let service = Scripted::new(|_, job| match job {
            // Retry-After does not extend a time limit.
            0 => Err(Failure { retry: Retry::After(SECOND * 1000), ..failure(ErrorKind::RateLimited) }),
            _ => Ok(status(State::Running, 1, 9)),
        });
        let mut schedule = Schedule::new(LIMITS, false);
        let now = service.now();
        for job in 0..4 {
            schedule.add(job, Operation::Wait { timeout: Some(SECOND * (job as u32 + 1) * 100) }, now);
        }
        let mut ends = Vec::new();
        let shared = Mutex::new(Shared { schedule, sink: VecDeque::new() });
        run_on_this_thread(&service, &shared, &mut || {
            for event in lock(&shared).sink.drain(..) {
                if let Some(waited) = event.ended {
                    assert_eq!(waited.result.unwrap_err().kind(), ErrorKind::Timeout);
                    ends.push((event.id, event.elapsed.as_secs()));
                }
            }
            true
        })
        .unwrap();
        assert_eq!(ends, [(0, 100), (1, 200), (2, 300), (3, 400)]);
    }

    #[test]
    fn a_poll_that_the_limit_of_the_wait_ends_hides_no_error() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        let id = schedule.add(0, Operation::Wait { timeout: Some(SECOND * 100) }, now);
        let failed = |kind, message| Err(Failure::of(Error::new(kind, message), None));
        let Step::Query(_) = schedule.next(now, 1) else { panic!("a task") };
        schedule.polled(now, id, failed(ErrorKind::Server, "it is out of order"));
        let Step::Query(_) = schedule.next(now + SECOND * 99, 1) else { panic!("a task") };
        let ended = schedule.polled(now + SECOND * 100, id, failed(ErrorKind::Timeout, "it is late")).unwrap().ended;
        let error = ended.unwrap().result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().ends_with("the last poll failed: it is out of order"), "{error:?}");
    }

    #[test]
    fn a_wait_that_was_removed_has_no_further_event() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        let removed = || Error::new(ErrorKind::Cancelled, "removed");
        let [waiting, in_flight] = [0, 1].map(|job| schedule.add(job, Operation::Wait { timeout: None }, now));
        let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
        assert_eq!(task.id, waiting);
        assert!(schedule.polled(now, waiting, Ok(status(State::Running, 1, 9))).unwrap().ended.is_none());
        let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
        assert_eq!(task.id, in_flight);
        for id in [waiting, in_flight] {
            let ended = schedule.remove(id, now, removed()).unwrap().ended.unwrap();
            assert_eq!((ended.last.is_some(), ended.result), (id == waiting, Err(removed())));
            assert!(schedule.remove(id, now, removed()).is_none());
        }
        assert!(schedule.polled(now, in_flight, Ok(status(State::Running, 1, 9))).is_none());
        assert!(matches!(schedule.next(now + SECOND * 3600, 1), Step::Sleep(None)));
    }

    #[test]
    fn the_place_of_a_removed_wait_is_free_at_once() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        let ids = [0, 1].map(|job| schedule.add(job, FOREVER, now));
        let Step::Query(stalled) = schedule.next(now, 1) else { panic!("a task") };
        assert!(matches!(schedule.next(now, 1), Step::Sleep(None)));
        let is_cancelled = || stalled.call.as_ref().unwrap().is_cancelled();
        assert!(!is_cancelled());
        schedule.remove(ids[0], now, cancelled());
        assert!(is_cancelled());
        let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
        assert_eq!(task.id, ids[1]);
        // Its result is late, and frees no second place.
        assert!(schedule.polled(now, ids[0], Ok(status(State::Running, 1, 9))).is_none());
        schedule.add(2, FOREVER, now);
        assert!(matches!(schedule.next(now, 1), Step::Sleep(None)));
    }

    #[test]
    fn nothing_is_kept_of_a_wait_that_has_ended() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        for _ in 0..3 {
            let ids = [0, 1].map(|job| schedule.add(job, Operation::Wait { timeout: Some(SECOND * 3600) }, now));
            let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
            assert!(schedule.polled(now, task.id, Ok(status(State::Completed, 9, 9))).unwrap().ended.is_some());
            schedule.remove(ids[1], now, cancelled());
        }
        schedule.add(2, Operation::Status { timeout: None }, now);
        let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
        assert!(schedule.polled(now, task.id, Err(failure(ErrorKind::Server))).unwrap().ended.is_some());
        assert_eq!([schedule.due.len(), schedule.once.len(), schedule.ends.len(), schedule.len()], [0; 4]);
    }

    #[test]
    fn a_pause_beyond_the_range_of_the_clock_is_a_long_one() {
        for kind in [ErrorKind::RateLimited, ErrorKind::Server] {
            let mut schedule = Schedule::new(Limits { poll_max: Duration::MAX, ..LIMITS }, false);
            let now = Instant::now();
            schedule.add(0, FOREVER, now);
            schedule.add(1, FOREVER, now);
            for _ in 0..2 {
                let longest = Err(Failure { retry: Retry::After(Duration::MAX), ..failure(kind) });
                let Step::Query(task) = schedule.next(now, 2) else { break };
                let next_poll = schedule.polled(now, task.id, longest).unwrap().next_poll.unwrap();
                assert!(next_poll > SECOND * 3600 * 24 * 365, "{next_poll:?}");
            }
            assert!(matches!(schedule.next(now, 2), Step::Sleep(Some(_))));
        }
    }

    #[test]
    fn what_is_asked_once_does_not_wait_for_a_rate_limit() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        schedule.add(0, FOREVER, now);
        let limited = Err(Failure { retry: Retry::After(SECOND * 3600), ..failure(ErrorKind::RateLimited) });
        assert_eq!(pause_after(&mut schedule, now, limited), Some(SECOND * 3600));
        let waiting = schedule.add(1, FOREVER, now);
        let once = Operation::Wait { timeout: Some(Duration::ZERO) };
        let ids = [once, Operation::Status { timeout: None }].map(|operation| schedule.add(2, operation, now));
        for id in ids {
            let Step::Query(task) = schedule.next(now, 5) else { panic!("a task") };
            assert_eq!(task.id, id);
            assert!(schedule.polled(now, id, Ok(status(State::Running, 1, 9))).unwrap().ended.is_some());
        }
        assert!(matches!(schedule.next(now, 5), Step::Sleep(Some(until)) if until == now + SECOND * 3600));
        let Step::Query(task) = schedule.next(now + SECOND * 3600, 5) else { panic!("a task") };
        assert!([0, waiting].contains(&task.id));
    }

    #[test]
    fn retry_after_is_obeyed_within_the_time_limit() {
        let busy = |seconds| Err(Failure { retry: Retry::After(SECOND * seconds), ..failure(ErrorKind::Server) });
        for (timeout, seconds, expected) in [(None, 5, 5), (Some(60), 5, 5), (Some(60), 90, 60), (None, 0, 1)] {
            let mut schedule = Schedule::new(LIMITS, false);
            let now = Instant::now();
            schedule.add(0, Operation::Wait { timeout: timeout.map(|timeout| SECOND * timeout) }, now);
            let other = schedule.add(1, FOREVER, now);
            assert_eq!(pause_after(&mut schedule, now, busy(seconds)), Some(SECOND * expected));
            // It is about this job alone.
            let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
            assert_eq!(task.id, other);
        }
    }

    #[test]
    fn a_standstill_is_told_once() {
        let mut schedule = Schedule::new(LIMITS, false);
        let mut now = Instant::now();
        schedule.add(0, FOREVER, now);
        let mut told = Vec::new();
        for minute in 0..60 {
            let Step::Query(task) = schedule.next(now, 1) else { panic!("nothing is due") };
            let deleted = if minute < 30 { minute.min(3) } else { 4 };
            let event = schedule.polled(now, task.id, Ok(status(State::Running, deleted, 9))).unwrap();
            assert_eq!(event.standstill.is_some(), (13..30).contains(&minute), "{minute}");
            told.extend(event.has_stopped.then_some(minute));
            now += SECOND * 60;
        }
        // Ten minutes after the third and, as it was 26 minutes, longer after the fourth.
        assert_eq!(told, [13]);
    }

    #[test]
    fn a_status_call_ends_with_its_first_result() {
        let results = [Ok(status(State::Running, 1, 9)), Err(failure(ErrorKind::Server))];
        for result in results {
            let expected = result.as_ref().map(|_| ()).map_err(|failure: &Failure| failure.error.clone());
            let mut schedule = Schedule::new(LIMITS, false);
            let now = Instant::now();
            let id = schedule.add(0, Operation::Status { timeout: Some(SECOND) }, now);
            let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
            assert!(matches!(task.query, Query::Status { timeout: Some(SECOND) }));
            let ended = schedule.polled(now, id, result).unwrap().ended.unwrap();
            assert_eq!(ended.result, expected);
            assert!(matches!(schedule.next(now, 1), Step::Finish));
        }
    }

    const FOREVER: Operation = Operation::Wait { timeout: None };

    fn pause_after(schedule: &mut Schedule<u32>, now: Instant, result: Result<Status, Failure>) -> Option<Duration> {
        let Step::Query(task) = schedule.next(now, 1) else { panic!("nothing is due") };
        schedule.polled(now, task.id, result).unwrap().next_poll
    }

    #[test]
    fn a_schedule_has_as_many_calls_in_flight_as_it_may() {
        let now = Instant::now();
        let mut schedule = Schedule::new(LIMITS, true);
        assert!(schedule.is_open() && matches!(schedule.next(now, 2), Step::Sleep(None)));
        let ids = [0, 1, 2].map(|job| schedule.add(job, FOREVER, now));
        assert_eq!((ids, schedule.len(), schedule.changes), ([0, 1, 2], 3, 3));
        assert!(matches!(schedule.next(now, 2), Step::Query(_)) && matches!(schedule.next(now, 2), Step::Query(_)));
        assert!(matches!(schedule.next(now, 2), Step::Sleep(None)));
        assert!(schedule.remove(2, now, cancelled()).is_some() && schedule.remove(2, now, cancelled()).is_none());
        assert_eq!((schedule.len(), schedule.changes), (2, 4));
        assert!(!Schedule::<u32>::new(LIMITS, false).is_open());
    }

    #[test]
    fn the_pauses_of_a_rate_limit_double() {
        let mut schedule = Schedule::new(LIMITS, false);
        let mut now = Instant::now();
        schedule.add(0, FOREVER, now);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = pause_after(&mut schedule, now, Err(failure(ErrorKind::RateLimited)));
            assert_eq!(pause, Some(SECOND * seconds));
            now += SECOND * seconds;
            assert_eq!(schedule.not_before, Some(now), "for all jobs");
        }
        // The service's wish counts where it is longer; an answer ends it all.
        let wish = Err(Failure { retry: Retry::After(SECOND * 90), ..failure(ErrorKind::RateLimited) });
        assert_eq!(pause_after(&mut schedule, now, wish), Some(SECOND * 90));
        now += SECOND * 90;
        pause_after(&mut schedule, now, Ok(status(State::Running, 1, 10)));
        now += SECOND * 90;
        assert_eq!(pause_after(&mut schedule, now, Err(failure(ErrorKind::RateLimited))), Some(SECOND));
    }

    #[test]
    fn the_last_poll_of_an_unreachable_service_is_when_its_limit_expires() {
        let mut schedule = Schedule::new(Limits { unreachable: SECOND * 20, ..LIMITS }, false);
        let mut now = Instant::now();
        schedule.add(0, FOREVER, now);
        for seconds in [1, 2, 4, 8, 5] {
            let pause = pause_after(&mut schedule, now, Err(failure(ErrorKind::Connect)));
            assert_eq!(pause, Some(SECOND * seconds));
            now += SECOND * seconds;
        }
        assert_eq!(pause_after(&mut schedule, now, Err(failure(ErrorKind::Connect))), None);

        // But not before the shortest pause.
        let mut schedule = Schedule::new(Limits { unreachable: SECOND * 3 / 2, ..LIMITS }, false);
        schedule.add(0, FOREVER, now);
        for _ in 0..2 {
            assert_eq!(pause_after(&mut schedule, now, Err(failure(ErrorKind::Connect))), Some(SECOND));
            now += SECOND;
        }
        assert_eq!(pause_after(&mut schedule, now, Err(failure(ErrorKind::Connect))), None);
    }
}
