//! Waiting for jobs to end: when each job is polled, and whether the result of a poll ends its wait. It does not know HTTP
//! requests or clients.
//!
//! A [`Schedule`] decides what to do next and has no clock; [`run`] makes the polls, on worker threads where there are
//! several jobs. `Client::wait_many` runs a schedule during one call, a `Waits` until it is dropped.

pub(crate) mod pace;
pub(crate) mod queue;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use self::pace::{Poll, Seen};
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::panic;
use crate::retry::{Failure, Retry};
use crate::status::{State, Status};
use crate::sync::lock;
use crate::sync::{Condvar, Mutex, MutexGuard, thread};
use crate::thread::quiet_thread;

/// How long before the time limit of a wait its last poll is made, so that the response arrives in time.
const LAST_POLL: Duration = Duration::from_millis(500);

/// For how long, and for how many polls, an unknown state must be reported unchanged before it ends a wait.
const UNKNOWN_STANDS: Duration = Duration::from_secs(300);
const UNKNOWN_POLLS: u32 = 3;

/// A poll of a job that is waited for.
pub struct Polled<'a> {
    /// The job's place in the list; 0 in a wait for one.
    pub index: usize,
    /// The result of the poll.
    pub result: &'a Result<Status, Error>,
    /// The time since the wait began.
    pub elapsed: Duration,
    /// The time until the job's next poll; `None`: its wait has ended.
    pub next_poll: Option<Duration>,
}

/// Called after each poll; returning `false` ends the wait, and nothing else.
pub type Progress<'a> = dyn FnMut(&Polled) -> bool + 'a;

/// How the wait for a job ended.
#[derive(Clone, Debug)]
pub struct Waited {
    /// The last status that the service reported, if it reported one.
    pub last: Option<Status>,
    /// `Ok` if the job has ended. After `ZMD_ERR_TIMEOUT` and `ZMD_ERR_CANCELLED`, `last` is the last status seen.
    pub result: Result<(), Error>,
}

/// What a wait needs from its client. Tests implement it with a virtual clock.
pub(crate) trait Poller: Sync {
    /// Identifies a job, in messages too.
    type Job: Clone + Send + fmt::Display;

    fn now(&self) -> Instant;
    /// Asks for a job's status.
    fn query(&self, job: &Self::Job, query: Query) -> Result<Status, Failure>;
    /// Ends the polls in flight: the wait is over.
    fn interrupt(&self);
    fn is_cancelled(&self) -> bool;
    /// Blocks until `until`, until `is_awake` after a `wake`, or until a cancel.
    fn sleep(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool);
    /// Wakes the sleeping thread, which checks `is_awake` again.
    fn wake(&self);
}

/// How to query a status.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Query {
    /// One poll, within the limit for a poll or the remaining time of the wait, whichever is shorter.
    Poll { left: Option<Duration> },
    /// A whole status call with its retries; `None`: within the setting `timeout_ms`.
    Status { timeout: Option<Duration> },
}

/// The limits of all waits of a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub poll_min: Duration,
    pub poll_max: Duration,
    /// How long network failures are retried before the service has answered at all.
    pub unreachable: Duration,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The job's end. Without a timeout it waits without a limit; with zero it polls once.
    End { timeout: Option<Duration> },
    /// One status, by a call with retries.
    Status { timeout: Option<Duration> },
}

/// One job's wait.
struct Wait<J> {
    job: J,
    goal: Goal,
    begun: Instant,
    /// When it times out.
    until: Option<Instant>,
    is_in_flight: bool,
    poll: Poll,
    /// When the first poll ended.
    first_poll: Option<Instant>,
    last: Option<Status>,
    last_error: Option<Error>,
    /// How many in a row.
    bad_responses: u32,
    unknown: Option<Unknown>,
}

/// A state that this version does not know, and since when it has been reported with unchanged counts.
struct Unknown {
    text: String,
    counts: [Option<i64>; 3],
    since: Instant,
    polls: u32,
}

impl<J> Wait<J> {
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
                *unknown = Some(Unknown { text: status.text.clone(), counts, since: now, polls: 1 });
                false
            }
        }
    }

    /// Whether no time is left for another poll.
    fn is_over(&self, now: Instant) -> bool {
        match self.goal {
            Goal::End { timeout: Some(Duration::ZERO) } => self.first_poll.is_some(),
            _ => self.until.is_some_and(|until| until <= now),
        }
    }

    /// The error of a wait that has timed out.
    fn timed_out(&self) -> Error {
        let (Goal::End { timeout } | Goal::Status { timeout }) = self.goal;
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
    fn outcome(
        &mut self,
        result: &Result<Status, Failure>,
        now: Instant,
        unreachable: Option<Duration>,
    ) -> Option<Result<(), Error>> {
        let first_poll = *self.first_poll.get_or_insert(now);
        let failure = match result {
            Ok(status) => {
                self.bad_responses = 0;
                self.last_error = None;
                let has_ended = self.has_ended(status, now);
                self.last = Some(status.clone());
                return match self.goal {
                    Goal::Status { .. } => Some(Ok(())),
                    Goal::End { .. } => has_ended.then_some(Ok(())),
                };
            }
            Err(failure) => failure,
        };
        let error = &failure.error;
        let is_bad_response = error.kind() == ErrorKind::BadResponse;
        self.bad_responses = if is_bad_response { self.bad_responses + 1 } else { 0 };
        self.last_error = Some(error.clone());
        // A single bad response may be a page of a gateway.
        let is_transient = error.is_transient() || is_bad_response && self.bad_responses < 2;
        if !is_transient || matches!(self.goal, Goal::Status { .. }) {
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

/// What happened to a wait.
pub(crate) struct Event {
    pub id: u64,
    /// Since the wait began.
    pub elapsed: Duration,
    /// Until the next poll; `None`: there is none.
    pub next_poll: Option<Duration>,
    /// The result of a poll, if there was one.
    pub polled: Option<Result<Status, Error>>,
    /// How the wait ended, if it has.
    pub ended: Option<Waited>,
}

/// The waits, when each is to be polled, and when each times out.
pub(crate) struct Schedule<J> {
    limits: Limits,
    /// Boxed, as a table has up to twice the room that it needs.
    waits: HashMap<u64, Box<Wait<J>>>,
    next_id: u64,
    /// When to poll, and which wait. Ids of waits that have ended are skipped.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    ends: BinaryHeap<Reverse<(Instant, u64)>>,
    in_flight: usize,
    /// The service is rate limiting: no job is polled before this time.
    not_before: Option<Instant>,
    pause: Duration,
    /// The service has answered at least once, with a status or an error.
    is_answered: bool,
    /// More waits may be added while it runs.
    is_open: bool,
    /// Incremented by each change that must wake a sleeping `run`.
    changes: u64,
}

/// What to do next.
enum Step<J> {
    Query(Task<J>),
    /// A wait has timed out.
    Ended(Box<Event>),
    Sleep(Option<Instant>),
    /// No wait is left.
    Finish,
}

/// A request for a worker: one status.
struct Task<J> {
    id: u64,
    job: J,
    query: Query,
}

/// The result of a task.
struct Done<J> {
    id: u64,
    job: J,
    result: Result<Status, Failure>,
}

impl<J: Clone> Schedule<J> {
    pub(crate) fn new(limits: Limits, is_open: bool) -> Schedule<J> {
        Schedule {
            limits,
            waits: HashMap::new(),
            next_id: 0,
            due: BinaryHeap::new(),
            ends: BinaryHeap::new(),
            in_flight: 0,
            not_before: None,
            pause: Duration::ZERO,
            is_answered: false,
            is_open,
            changes: 0,
        }
    }

    /// Adds a wait, and returns its id: they count from 0.
    pub(crate) fn add(&mut self, job: J, goal: Goal, now: Instant) -> u64 {
        let id = self.skip_id();
        // A timeout beyond the range of the clock means no limit. A status call enforces its own timeout.
        let until = match goal {
            Goal::End { timeout } => {
                timeout.filter(|timeout| !timeout.is_zero()).and_then(|timeout| now.checked_add(timeout))
            }
            Goal::Status { .. } => None,
        };
        let wait = Wait {
            job,
            goal,
            begun: now,
            until,
            is_in_flight: false,
            poll: Poll::new(self.limits.poll_min, self.limits.poll_max),
            first_poll: None,
            last: None,
            last_error: None,
            bad_responses: 0,
            unknown: None,
        };
        self.waits.insert(id, Box::new(wait));
        self.due.push(Reverse((now, id)));
        self.ends.extend(until.map(|until| Reverse((until, id))));
        self.changes += 1;
        id
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

    /// Ends a wait with an error; `None`: there is no wait with this id.
    pub(crate) fn remove(&mut self, id: u64, now: Instant, error: Error) -> Option<Event> {
        let wait = self.waits.remove(&id)?;
        self.changes += 1;
        Some(Event {
            id,
            elapsed: now.saturating_duration_since(wait.begun),
            next_poll: None,
            polled: None,
            ended: Some(Waited { last: wait.last, result: Err(error) }),
        })
    }

    /// Ends all waits with an error, and closes the schedule.
    fn finish(&mut self, now: Instant, error: &Error) -> Vec<Event> {
        self.is_open = false;
        let ids: Vec<_> = self.waits.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id, now, error.clone())).collect()
    }

    /// What to do now, with at most `concurrency` calls in flight.
    fn next(&mut self, now: Instant, concurrency: usize) -> Step<J> {
        while let Some(&Reverse((until, id))) = self.ends.peek() {
            let wait = self.waits.get(&id);
            if wait.is_some() && until > now {
                break;
            }
            self.ends.pop();
            // A wait with a poll in flight ends with that poll, which has the same limit.
            if let Some(wait) = wait.filter(|wait| !wait.is_in_flight)
                && let Some(event) = self.remove(id, now, wait.timed_out())
            {
                return Step::Ended(Box::new(event));
            }
        }
        let mut until = self.ends.peek().map(|Reverse((until, _))| *until);
        while self.in_flight < concurrency
            && let Some(&Reverse((at, id))) = self.due.peek()
        {
            let Some(wait) = self.waits.get_mut(&id) else {
                self.due.pop();
                continue;
            };
            let at = self.not_before.map_or(at, |not_before| at.max(not_before));
            if at > now {
                until = Some(until.map_or(at, |until| until.min(at)));
                break;
            }
            self.due.pop();
            self.in_flight += 1;
            wait.is_in_flight = true;
            let query = match wait.goal {
                Goal::End { .. } => Query::Poll { left: wait.until.map(|until| until.saturating_duration_since(now)) },
                Goal::Status { timeout } => Query::Status { timeout },
            };
            return Step::Query(Task { id, job: wait.job.clone(), query });
        }
        if self.waits.is_empty() && self.in_flight == 0 && !self.is_open {
            return Step::Finish;
        }
        Step::Sleep(until)
    }

    /// Records the result of a poll; `None`: the wait was removed meanwhile.
    fn polled(&mut self, now: Instant, id: u64, result: Result<Status, Failure>) -> Option<Event> {
        self.in_flight -= 1;
        let wait = self.waits.get_mut(&id)?;
        wait.is_in_flight = false;
        let unreachable = (!self.is_answered).then_some(self.limits.unreachable);
        let outcome = wait.outcome(&result, now, unreachable);
        let (retry, result) = match result {
            Ok(status) => (Retry::Never, Ok(status)),
            Err(failure) => (failure.retry, Err(failure.error)),
        };
        let seen = match &result {
            Ok(Status { total, deleted, failed, .. }) => {
                self.pause = Duration::ZERO;
                Seen::Progress { total: *total, deleted: *deleted, failed: *failed }
            }
            Err(error) => {
                if error.kind() == ErrorKind::RateLimited {
                    // The rate limit applies to the account, so all jobs pause.
                    let asked_for = if let Retry::After(pause) = retry { pause } else { Duration::ZERO };
                    self.pause = (self.pause * 2).clamp(self.limits.poll_min, self.limits.poll_max).max(asked_for);
                    self.not_before = self.not_before.max(now.checked_add(self.pause));
                }
                Seen::Failure
            }
        };
        self.is_answered |= result.as_ref().map_or_else(|error| error.http_status() != 0, |_| true);
        let first_poll = wait.first_poll.unwrap_or(now);
        let pause = wait.poll.next_pause(now.saturating_duration_since(first_poll), seen);
        let elapsed = now.saturating_duration_since(wait.begun);
        let outcome = outcome.or_else(|| wait.is_over(now).then(|| Err(wait.timed_out())));
        if let Some(outcome) = outcome {
            let last = self.waits.remove(&id).and_then(|wait| wait.last);
            let ended = Some(Waited { last, result: outcome });
            return Some(Event { id, elapsed, next_poll: None, polled: Some(result), ended });
        }
        let mut due = due(now, pause, wait.until, self.limits.poll_min);
        if !self.is_answered && result.is_err() {
            // The last poll of an unreachable service is made when `unreachable` expires, not one pause later.
            due =
                due.min(first_poll.checked_add(self.limits.unreachable).unwrap_or(due).max(now + self.limits.poll_min));
        }
        self.due.push(Reverse((due, id)));
        let next = self.not_before.map_or(due, |not_before| due.max(not_before));
        let next_poll = Some(next.saturating_duration_since(now));
        Some(Event { id, elapsed, next_poll, polled: Some(result), ended: None })
    }
}

/// When to poll again. A poll that would come after the time limit is made shortly before it instead.
fn due(now: Instant, pause: Duration, until: Option<Instant>, poll_min: Duration) -> Instant {
    let due = now.checked_add(pause).unwrap_or(now);
    match until {
        Some(until) if due >= until => {
            let last = until.checked_sub(LAST_POLL).filter(|last| *last >= now + poll_min);
            last.unwrap_or(until)
        }
        _ => due,
    }
}

/// A schedule, and the receiver of its events.
pub(crate) struct Shared<J, S> {
    pub(crate) schedule: Schedule<J>,
    pub(crate) sink: S,
}

impl<J: Clone, S: Sink> Shared<J, S> {
    /// Ends all waits with an error.
    pub(crate) fn finish(&mut self, now: Instant, error: &Error) {
        for event in self.schedule.finish(now, error) {
            self.sink.take(event);
        }
    }
}

/// Receives the events of the waits.
pub(crate) trait Sink {
    /// Returning `false` ends all waits.
    fn take(&mut self, event: Event) -> bool;
}

impl<F: FnMut(Event) -> bool> Sink for F {
    fn take(&mut self, event: Event) -> bool {
        self(event)
    }
}

/// Polls until no wait is left. When it returns, every wait has had its last event.
pub(crate) fn run<P: Poller, S: Sink>(poller: &P, shared: &Mutex<Shared<P::Job, S>>, concurrency: usize) {
    let queue = Queue::default();
    let mut run = Run { poller, shared, queue: &queue, concurrency, workers: 0, is_stopped: false };
    if concurrency <= 1 {
        return run.until_finished(&mut || false);
    }
    thread::scope(|scope| {
        let close = CloseOnDrop(&queue);
        let work = || queue.work(poller);
        let mut workers = Vec::new();
        run.until_finished(&mut || {
            let worker = quiet_thread(|builder| builder.spawn_scoped(scope, work));
            worker.map(|worker| workers.push(worker)).is_ok()
        });
        drop(close);
        // The scope waits for their code alone, and a thread that is about to end is still one.
        for worker in workers {
            let _ = worker.join();
        }
    });
}

struct Run<'a, P: Poller, S> {
    poller: &'a P,
    shared: &'a Mutex<Shared<P::Job, S>>,
    queue: &'a Queue<P::Job>,
    /// 1: the polls are made on this thread.
    concurrency: usize,
    workers: usize,
    /// The sink has ended all waits.
    is_stopped: bool,
}

impl<P: Poller, S: Sink> Run<'_, P, S> {
    fn until_finished(&mut self, spawn: &mut dyn FnMut() -> bool) {
        loop {
            while !self.is_stopped
                && let Some(done) = self.queue.take_done()
            {
                self.polled(done);
            }
            if self.is_stopped || self.poller.is_cancelled() {
                break;
            }
            let now = self.poller.now();
            let mut shared = lock(self.shared);
            match shared.schedule.next(now, self.concurrency) {
                Step::Query(task) => {
                    drop(shared);
                    self.query(task, spawn);
                }
                Step::Ended(event) => self.is_stopped = !shared.sink.take(*event),
                Step::Sleep(until) => {
                    let changes = shared.schedule.changes;
                    drop(shared);
                    let has_changed = || lock(self.shared).schedule.changes != changes;
                    self.poller.sleep(until, &|| self.queue.has_done() || has_changed());
                }
                Step::Finish => return,
            }
        }
        let reason = match self.is_stopped {
            true => Error::new(ErrorKind::Cancelled, "the progress callback ended the wait"),
            false => cancelled(),
        };
        if self.is_stopped {
            self.poller.interrupt();
        }
        lock(self.shared).finish(self.poller.now(), &reason);
    }

    /// Passes the task to a worker, or runs it on this thread if there is none.
    fn query(&mut self, task: Task<P::Job>, spawn: &mut dyn FnMut() -> bool) {
        if self.concurrency > 1 && self.queue.is_busy() && self.workers < self.concurrency {
            if spawn() {
                self.workers += 1;
            } else {
                // The system cannot create another thread: continue with the existing ones.
                self.concurrency = self.workers.max(1);
            }
        }
        if self.workers > 0 {
            self.queue.push(task);
        } else {
            let done = task.run(self.poller);
            self.polled(done);
        }
    }

    fn polled(&mut self, Done { id, job, result }: Done<P::Job>) {
        if self.poller.is_cancelled() && result.is_err() {
            return;
        }
        let now = self.poller.now();
        let mut shared = lock(self.shared);
        let Some(event) = shared.schedule.polled(now, id, result) else { return };
        if let (Some(Err(error)), Some(next_poll)) = (&event.polled, event.next_poll) {
            log::warn!("{job}: {error}; the next poll is in {:.1} s", next_poll.as_secs_f64());
        }
        self.is_stopped = !shared.sink.take(event);
    }
}

impl<J> Task<J> {
    fn run(self, poller: &impl Poller<Job = J>) -> Done<J> {
        let queried = panic::catch(|| Ok(poller.query(&self.job, self.query)));
        let result = queried.unwrap_or_else(|bug| Err(Failure::permanent(bug)));
        Done { id: self.id, job: self.job, result }
    }
}

/// The tasks for the workers, and their results.
struct Queue<J> {
    state: Mutex<QueueState<J>>,
    changed: Condvar,
}

struct QueueState<J> {
    tasks: VecDeque<Task<J>>,
    done: VecDeque<Done<J>>,
    /// Workers without a task.
    idle: usize,
    is_closed: bool,
}

impl<J> Default for Queue<J> {
    fn default() -> Queue<J> {
        let state = QueueState { tasks: VecDeque::new(), done: VecDeque::new(), idle: 0, is_closed: false };
        Queue { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<J> Queue<J> {
    fn state(&self) -> MutexGuard<'_, QueueState<J>> {
        lock(&self.state)
    }

    /// Whether another task would have to wait for a worker.
    fn is_busy(&self) -> bool {
        let state = self.state();
        state.tasks.len() >= state.idle
    }

    fn push(&self, task: Task<J>) {
        self.state().tasks.push_back(task);
        self.changed.notify_one();
    }

    fn take_done(&self) -> Option<Done<J>> {
        self.state().done.pop_front()
    }

    fn has_done(&self) -> bool {
        !self.state().done.is_empty()
    }

    /// The body of a worker thread.
    fn work(&self, poller: &impl Poller<Job = J>) {
        let mut state = self.state();
        while !state.is_closed {
            if let Some(task) = state.tasks.pop_front() {
                drop(state);
                let done = task.run(poller);
                self.state().done.push_back(done);
                poller.wake();
                state = self.state();
            } else {
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

/// Stops the workers, also if the sink panics.
struct CloseOnDrop<'a, J>(&'a Queue<J>);

impl<J> Drop for CloseOnDrop<'_, J> {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::status::State;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A service with a virtual clock, which advances only in `sleep`.
    struct Scripted<F> {
        begin: Instant,
        passed: Mutex<Duration>,
        polls: Mutex<Vec<(Duration, usize)>>,
        in_flight: AtomicUsize,
        interrupted: AtomicBool,
        answer: F,
    }

    impl<F: Fn(Duration, usize) -> Result<Status, Failure> + Sync> Scripted<F> {
        fn new(answer: F) -> Scripted<F> {
            Scripted {
                begin: Instant::now(),
                passed: Mutex::new(Duration::ZERO),
                polls: Mutex::default(),
                in_flight: AtomicUsize::new(0),
                interrupted: AtomicBool::new(false),
                answer,
            }
        }

        fn passed(&self) -> Duration {
            *self.passed.lock().unwrap()
        }

        fn polls(&self) -> Vec<(Duration, usize)> {
            self.polls.lock().unwrap().clone()
        }
    }

    impl<F: Fn(Duration, usize) -> Result<Status, Failure> + Sync> Poller for Scripted<F> {
        type Job = usize;

        fn now(&self) -> Instant {
            self.begin + self.passed()
        }

        fn query(&self, &index: &usize, _: Query) -> Result<Status, Failure> {
            let passed = self.passed();
            self.polls.lock().unwrap().push((passed, index));
            self.in_flight.fetch_add(1, Ordering::SeqCst);
            let answer = (self.answer)(passed, index);
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            answer
        }

        fn interrupt(&self) {
            self.interrupted.store(true, Ordering::SeqCst);
        }

        fn is_cancelled(&self) -> bool {
            false
        }

        fn sleep(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            if self.in_flight.load(Ordering::SeqCst) > 0 || is_awake() {
                return std::thread::yield_now();
            }
            // No time passes between a worker's result and its arrival in the queue either.
            let until = until.map(|until| until.saturating_duration_since(self.begin));
            match until {
                Some(until) => {
                    let mut passed = self.passed.lock().unwrap();
                    *passed = until.max(*passed);
                }
                None => std::thread::yield_now(),
            }
        }

        fn wake(&self) {}
    }

    const SECOND: Duration = Duration::from_secs(1);

    const LIMITS: Limits =
        Limits { poll_min: SECOND, poll_max: Duration::from_secs(60), unreachable: Duration::from_secs(300) };

    /// Waits for the jobs `0..count`.
    fn wait_within<P: Poller<Job = usize>>(
        poller: &P,
        count: usize,
        timeout: Option<Duration>,
        limits: Limits,
        concurrency: usize,
        progress: &mut Progress,
    ) -> Vec<Waited> {
        let mut schedule = Schedule::new(limits, false);
        let now = poller.now();
        for job in 0..count {
            schedule.add(job, Goal::End { timeout }, now);
        }
        let mut results: Vec<Option<Waited>> = vec![None; count];
        let sink = |event: Event| {
            let index = event.id as usize;
            if let Some(waited) = event.ended {
                assert!(results[index].replace(waited).is_none(), "job {index} ended twice");
            }
            let Event { elapsed, next_poll, polled, .. } = event;
            polled.is_none_or(|result| progress(&Polled { index, result: &result, elapsed, next_poll }))
        };
        run(poller, &Mutex::new(Shared { schedule, sink }), concurrency);
        results.into_iter().map(|result| result.expect("a result")).collect()
    }

    fn wait<P: Poller<Job = usize>>(
        poller: &P,
        count: usize,
        timeout: Option<Duration>,
        progress: &mut Progress,
    ) -> Vec<Waited> {
        wait_within(poller, count, timeout, LIMITS, 1, progress)
    }

    fn status(state: State, deleted: i64, total: i64) -> Status {
        let text = state.name().to_owned();
        Status { state, text, total: Some(total), deleted: Some(deleted), failed: Some(0), http_status: 200 }
    }

    /// A job of 3,000 records, one a second.
    fn linear(passed: Duration) -> Result<Status, Failure> {
        let deleted = passed.as_secs().min(3000) as i64;
        Ok(status(if deleted < 3000 { State::Running } else { State::Completed }, deleted, 3000))
    }

    fn failure(kind: ErrorKind) -> Failure {
        Failure::transient(Error::new(kind, "no"))
    }

    /// How the wait for one job ended, and the results of its polls.
    fn wait_for_one<P: Poller<Job = usize>>(
        poller: &P,
        timeout: Option<Duration>,
    ) -> (Waited, Vec<Result<Status, Error>>) {
        let mut results = Vec::new();
        let mut waited = wait(poller, 1, timeout, &mut |polled| {
            assert_eq!(polled.index, 0);
            results.push(polled.result.clone());
            true
        });
        (waited.pop().unwrap(), results)
    }

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
        wait_within(&service, 1, None, far, 1, &mut |_| {
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
    fn a_single_bad_response_does_not_end_a_wait() {
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
        let always = Scripted::new(|_, _| bad());
        let (waited, results) = wait_for_one(&always, None);
        assert_eq!((waited.result.unwrap_err().kind(), results.len()), (ErrorKind::BadResponse, 2));
    }

    #[test]
    fn a_wait_with_only_failures_reports_the_last_one() {
        let service = Scripted::new(|_, _| {
            Err(Failure::transient(Error::new(ErrorKind::Server, "maintenance").with_http_status(503)))
        });
        let (waited, _) = wait_for_one(&service, Some(SECOND * 600));
        let error = waited.result.unwrap_err();
        assert_eq!((error.kind(), error.http_status(), waited.last), (ErrorKind::Timeout, 503, None));
        assert!(error.message().contains("maintenance"), "{error}");
    }

    #[test]
    fn the_callback_can_end_a_wait() {
        let service = Scripted::new(|passed, _| linear(passed));
        let mut polls = 0;
        let waited = wait(&service, 1, None, &mut |_| {
            polls += 1;
            polls < 5
        });
        assert_eq!((polls, service.polls().len()), (5, 5));
        assert!(service.interrupted.load(Ordering::SeqCst));
        assert_eq!(waited[0].result.as_ref().unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(waited[0].last.is_some());
    }

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
        let size = size_of::<Wait<usize>>() + size_of::<Waited>() + size_of::<Reverse<(Instant, usize)>>();
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
    fn the_failure_of_one_job_does_not_affect_others() {
        let service = Scripted::new(
            |passed, index| if index == 3 { Err(failure(ErrorKind::JobNotFound)) } else { linear(passed) },
        );
        let waited = wait_within(&service, 8, None, LIMITS, 4, &mut |_| true);
        let kinds: Vec<_> = waited.iter().map(|waited| waited.result.as_ref().map_err(Error::kind)).collect();
        let expected: Vec<_> = (0..8)
            .map(|index| match index {
                3 => Err(ErrorKind::JobNotFound),
                _ => Ok(&()),
            })
            .collect();
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_panic_in_the_callback_stops_the_workers() {
        let service = Scripted::new(|passed, _| linear(passed));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_within(&service, 8, None, LIMITS, 4, &mut |_| panic!("boom"))
        }));
        assert!(result.is_err());
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
            Err(Failure::transient(Error::new(ErrorKind::Server, "maintenance").with_http_status(503))),
            Ok(status(State::Running, 1, 9)),
        ] {
            let answer = Mutex::new(Some(answer));
            let service =
                Scripted::new(|_, _| answer.lock().unwrap().take().unwrap_or_else(|| Err(failure(ErrorKind::Connect))));
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
            schedule.add(job, Goal::End { timeout: Some(SECOND * (job as u32 + 1) * 100) }, now);
        }
        let mut ends = Vec::new();
        let sink = |event: Event| {
            if let Some(waited) = event.ended {
                assert_eq!(waited.result.unwrap_err().kind(), ErrorKind::Timeout);
                ends.push((event.id, event.elapsed.as_secs()));
            }
            true
        };
        run(&service, &Mutex::new(Shared { schedule, sink }), 1);
        assert_eq!(ends, [(0, 100), (1, 200), (2, 300), (3, 400)]);
    }

    #[test]
    fn a_wait_that_was_removed_has_no_further_event() {
        let mut schedule = Schedule::new(LIMITS, true);
        let now = Instant::now();
        let removed = || Error::new(ErrorKind::Cancelled, "removed");
        let [waiting, in_flight] = [0, 1].map(|job| schedule.add(job, Goal::End { timeout: None }, now));
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
    fn a_status_call_ends_with_its_first_result() {
        let results = [Ok(status(State::Running, 1, 9)), Err(failure(ErrorKind::Server))];
        for result in results {
            let expected = result.as_ref().map(|_| ()).map_err(|failure: &Failure| failure.error.clone());
            let mut schedule = Schedule::new(LIMITS, false);
            let now = Instant::now();
            let id = schedule.add(0, Goal::Status { timeout: Some(SECOND) }, now);
            let Step::Query(task) = schedule.next(now, 1) else { panic!("a task") };
            assert!(matches!(task.query, Query::Status { timeout: Some(SECOND) }));
            let ended = schedule.polled(now, id, result).unwrap().ended.unwrap();
            assert_eq!(ended.result, expected);
            assert!(matches!(schedule.next(now, 1), Step::Finish));
        }
    }

    const FOREVER: Goal = Goal::End { timeout: None };

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

    /// A service whose answers come as soon as so many calls are in flight at once.
    #[derive(Default)]
    struct Meeting {
        count: usize,
        /// Calls in flight, the most of them, the calls that began, and the threads that made them.
        state: Mutex<(usize, usize, usize, std::collections::HashSet<std::thread::ThreadId>)>,
        changed: Condvar,
    }

    impl Poller for Meeting {
        type Job = usize;

        fn now(&self) -> Instant {
            Instant::now()
        }

        fn query(&self, _: &usize, _: Query) -> Result<Status, Failure> {
            let mut state = self.state.lock().unwrap();
            state.0 += 1;
            state.1 = state.1.max(state.0);
            state.2 += 1;
            state.3.insert(std::thread::current().id());
            let round = state.2.next_multiple_of(self.count);
            self.changed.notify_all();
            let (mut state, _) = self.changed.wait_timeout_while(state, SECOND * 5, |state| state.2 < round).unwrap();
            state.0 -= 1;
            Ok(status(State::Completed, 1, 1))
        }

        fn interrupt(&self) {}

        fn is_cancelled(&self) -> bool {
            false
        }

        fn sleep(&self, _: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            while !is_awake() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        fn wake(&self) {}
    }

    #[test]
    fn calls_are_made_at_once_by_as_many_threads() {
        let service = Meeting { count: 3, ..Meeting::default() };
        let waited = wait_within(&service, 9, None, LIMITS, 3, &mut |_| true);
        assert!(waited.iter().all(|waited| waited.result.is_ok()));
        let state = service.state.into_inner().unwrap();
        assert_eq!((state.1, state.2, state.3.len()), (3, 9, 3));
        assert!(!state.3.contains(&std::thread::current().id()));

        let service = Meeting { count: 1, ..Meeting::default() };
        wait_within(&service, 4, None, LIMITS, 1, &mut |_| true);
        let state = service.state.into_inner().unwrap();
        assert_eq!((state.1, state.2), (1, 4));
        assert_eq!(state.3.into_iter().collect::<Vec<_>>(), [std::thread::current().id()]);
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::http::{Http, Network};
    use crate::sync::{check, thread};

    /// Every job has ended.
    struct Service(Http);

    impl Poller for Service {
        type Job = u64;

        fn now(&self) -> Instant {
            Instant::now()
        }

        fn query(&self, job: &u64, _: Query) -> Result<Status, Failure> {
            thread::yield_now();
            let count = Some(*job as i64);
            let text = "COMPLETED".to_owned();
            let state = State::Completed;
            Ok(Status { state, text, total: count, deleted: count, failed: Some(0), http_status: 200 })
        }

        fn interrupt(&self) {
            self.0.cancel();
        }

        fn is_cancelled(&self) -> bool {
            self.0.is_cancelled()
        }

        fn sleep(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            self.0.sleep_until(until, is_awake);
        }

        fn wake(&self) {
            self.0.wake();
        }
    }

    /// As in [`crate::waits`]: the queue that a thread takes events from.
    #[derive(Default)]
    struct Events(Vec<Event>, Arc<Condvar>);

    impl Sink for Events {
        fn take(&mut self, event: Event) -> bool {
            self.0.push(event);
            self.1.notify_one();
            true
        }
    }

    struct Waits {
        service: Service,
        shared: Mutex<Shared<u64, Events>>,
        ready: Arc<Condvar>,
    }

    impl Waits {
        fn begin(network: &Network, concurrency: usize) -> (Arc<Waits>, thread::JoinHandle<()>) {
            let limits = Limits { poll_min: Duration::ZERO, poll_max: Duration::ZERO, unreachable: Duration::ZERO };
            let (schedule, sink) = (Schedule::new(limits, true), Events::default());
            let ready = sink.1.clone();
            let shared = Mutex::new(Shared { schedule, sink });
            let waits = Arc::new(Waits { service: Service(Http::new(network)), shared, ready });
            let of_thread = waits.clone();
            (waits, thread::spawn(move || run(&of_thread.service, &of_thread.shared, concurrency)))
        }

        fn add(&self, job: u64) -> u64 {
            let id = lock(&self.shared).schedule.add(job, Goal::End { timeout: None }, Instant::now());
            self.service.wake();
            id
        }

        fn next(&self) -> Event {
            let mut shared = lock(&self.shared);
            loop {
                if !shared.sink.0.is_empty() {
                    return shared.sink.0.remove(0);
                }
                shared = self.ready.wait(shared).unwrap();
            }
        }
    }

    #[test]
    fn every_wait_that_is_added_ends_with_its_own_answer() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            for concurrency in [1, 2] {
                let (waits, thread) = Waits::begin(&network, concurrency);
                let other = waits.clone();
                let adder = thread::spawn(move || other.add(101));
                let ids = [waits.add(100), waits.add(102)];
                let events = [waits.next(), waits.next(), waits.next()];
                let ids = [ids[0], adder.join().unwrap(), ids[1]];
                for (id, job) in ids.into_iter().zip(100..) {
                    let event = events.iter().find(|event| event.id == id).unwrap();
                    assert_eq!(event.ended.as_ref().unwrap().last.as_ref().unwrap().total, Some(job));
                }
                waits.service.interrupt();
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn after_a_cancel_every_wait_has_had_its_last_event() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let (waits, thread) = Waits::begin(&network, 2);
            let ids = [waits.add(1), waits.add(2)];
            let removed = lock(&waits.shared).schedule.remove(ids[0], Instant::now(), cancelled());
            waits.service.interrupt();
            thread.join().unwrap();
            let shared = lock(&waits.shared);
            for id in ids {
                let of_queue = shared.sink.0.iter().filter(|event| event.id == id && event.ended.is_some()).count();
                let of_remove = removed.iter().filter(|event| event.id == id).count();
                assert_eq!(of_queue + of_remove, 1);
            }
            assert!(shared.schedule.len() == 0 && !shared.schedule.is_open());
        });
    }
}
