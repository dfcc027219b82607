//! Waiting for jobs to end: whose turn it is to be asked for, and what an answer means for the wait.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{
    Error,
    zmd_error::{self, *},
};
use crate::http::{cancelled, quiet_thread};
use crate::panic;
use crate::poll::{Poll, Seen};
use crate::retry::{Again, Failure};
use crate::status::{Status, zmd_state::*};

/// How long before the end of a wait its last poll is made, so that its answer is still in time.
const LAST_POLL: Duration = Duration::from_millis(500);

/// Called after each poll; `false` ends the wait, and nothing else.
pub type Progress<'a> = dyn FnMut(usize, &Result<Status, Error>) -> bool + 'a;

/// How the wait for a job ended.
#[derive(Clone, Debug)]
pub struct Waited {
    /// The last status that the service told, if it told one.
    pub last: Option<Status>,
    /// Whether the job has ended; `ZMD_ERR_TIMEOUT` and `ZMD_ERR_CANCELLED` leave `last` to look at.
    pub result: Result<(), Error>,
}

/// What a wait needs of the world: it is the client, and in tests one whose hours pass in no time.
pub(crate) trait World: Sync {
    fn now(&self) -> Instant;
    /// Asks for a job once: within the limit for a poll, or what is left of the wait where that is less.
    fn poll(&self, index: usize, left: Option<Duration>) -> Result<Status, Failure>;
    /// Ends the polls in flight: the wait is over.
    fn interrupt(&self);
    fn is_cancelled(&self) -> bool;
    /// Waits until `until`, or until `wakes` or a cancel.
    fn rest(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool);
    /// Ends the rest, to look again whether one is awake.
    fn wake(&self);
}

/// The limits of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the whole wait; `None`: none. Zero asks for each job once.
    pub timeout: Option<Duration>,
    pub poll_min: Duration,
    pub poll_max: Duration,
    pub concurrency: usize,
}

/// A job that is waited for.
struct Job {
    poll: Poll,
    first_answer: Option<Instant>,
    last: Option<Status>,
    last_error: Option<Error>,
    /// In a row.
    bad_responses: u32,
    unknown: Option<Unknown>,
    result: Option<Result<(), Error>>,
}

/// A word for the state that this version does not know, and since when nothing has changed.
struct Unknown {
    word: String,
    counts: [Option<i64>; 3],
    since: Instant,
    polls: u32,
}

/// For how long, and how many polls, such a word must stand unchanged to be taken for an end.
const UNKNOWN_STANDS: Duration = Duration::from_secs(300);
const UNKNOWN_POLLS: u32 = 3;

impl Job {
    /// Whether the job has ended, as far as its status tells. A word that nobody knows ends a wait neither while the
    /// job plainly goes on, nor does it hold it for ever.
    fn has_ended(&mut self, status: &Status, now: Instant) -> bool {
        match status.state {
            ZMD_STATE_COMPLETED | ZMD_STATE_FAILED => true,
            ZMD_STATE_SCHEDULED | ZMD_STATE_RUNNING | ZMD_STATE_QUEUED | ZMD_STATE_SUSPENDED => false,
            ZMD_STATE_UNKNOWN => {
                let handled = status.deleted.unwrap_or(0).saturating_add(status.failed.unwrap_or(0));
                if status.total.is_some_and(|total| total > 0 && handled >= total) {
                    return true;
                }
                let counts = [status.total, status.deleted, status.failed];
                match &mut self.unknown {
                    Some(unknown) if unknown.word == status.text && unknown.counts == counts => {
                        unknown.polls += 1;
                        unknown.polls >= UNKNOWN_POLLS && now.saturating_duration_since(unknown.since) >= UNKNOWN_STANDS
                    }
                    unknown => {
                        *unknown = Some(Unknown { word: status.text.clone(), counts, since: now, polls: 1 });
                        false
                    }
                }
            }
        }
    }
}

/// Waits for `count` jobs; those that are errors already are left alone.
pub(crate) fn wait(
    world: &impl World,
    count: usize,
    known: impl Fn(usize) -> Option<Error>,
    limits: Limits,
    progress: &mut Progress,
) -> Vec<Waited> {
    let board = Board::default();
    let mut round = Round::new(world, count, known, limits);
    let helpers = limits.concurrency.min(round.queue.len());
    if helpers <= 1 {
        round.run(progress, &mut |world, task| Some(task.run(world)));
    } else {
        std::thread::scope(|scope| {
            let work = || board.work(world);
            let started =
                (0..helpers).map_while(|_| quiet_thread(|builder| builder.spawn_scoped(scope, work)).ok()).count();
            let _stop = StopOnDrop(&board);
            if started == 0 {
                // The system has no thread to give.
                round.run(progress, &mut |world, task| Some(task.run(world)));
            } else {
                round.helpers = started;
                round.board = Some(&board);
                round.run(progress, &mut |_, task| {
                    board.give(task);
                    None
                });
            }
        });
    }
    round.finish()
}

struct Round<'a, W> {
    world: &'a W,
    limits: Limits,
    jobs: Vec<Job>,
    /// Who is to be asked for next, and when.
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    until: Option<Instant>,
    /// The service has had too many requests: nobody is asked for before.
    quiet_until: Instant,
    quiet: Duration,
    /// The callback has ended the wait.
    is_stopped: bool,
    helpers: usize,
    in_flight: usize,
    board: Option<&'a Board>,
}

impl<'a, W: World> Round<'a, W> {
    fn new(world: &'a W, count: usize, known: impl Fn(usize) -> Option<Error>, limits: Limits) -> Round<'a, W> {
        let now = world.now();
        let jobs: Vec<_> = (0..count)
            .map(|index| Job {
                poll: Poll::new(limits.poll_min, limits.poll_max),
                first_answer: None,
                last: None,
                last_error: None,
                bad_responses: 0,
                unknown: None,
                result: known(index).map(Err),
            })
            .collect();
        let queue =
            (0..count).filter(|index| jobs[*index].result.is_none()).map(|index| Reverse((now, index))).collect();
        // A wait that is longer than the clock can tell is one without a limit, and one that asks once needs none.
        let until = limits.timeout.filter(|timeout| !timeout.is_zero()).and_then(|timeout| now.checked_add(timeout));
        Round {
            world,
            limits,
            jobs,
            queue,
            until,
            quiet_until: now,
            quiet: Duration::ZERO,
            is_stopped: false,
            helpers: 1,
            in_flight: 0,
            board: None,
        }
    }

    fn run(&mut self, progress: &mut Progress, ask: &mut dyn FnMut(&W, Task) -> Option<Done>) {
        loop {
            while !self.is_stopped
                && let Some(done) = self.board.and_then(Board::take)
            {
                self.hear(done, progress);
            }
            if self.is_stopped || self.world.is_cancelled() || self.queue.is_empty() && self.in_flight == 0 {
                break;
            }
            let now = self.world.now();
            let is_over = self.until.is_some_and(|until| until <= now);
            if is_over && self.in_flight == 0 {
                break;
            }
            let next = self.queue.peek().map(|Reverse((due, _))| (*due).max(self.quiet_until));
            let may_ask = !is_over && self.in_flight < self.helpers;
            match next {
                Some(due) if may_ask && due <= now => {
                    let Some(Reverse((_, index))) = self.queue.pop() else { continue };
                    self.in_flight += 1;
                    if let Some(done) = ask(
                        self.world,
                        Task { index, left: self.until.map(|until| until.saturating_duration_since(now)) },
                    ) {
                        self.hear(done, progress);
                    }
                }
                next => {
                    // Until somebody is due, an answer comes, or time is up.
                    let due = next.filter(|_| may_ask);
                    let rest_until = [due, self.until.filter(|_| !is_over)].into_iter().flatten().min();
                    let board = self.board;
                    self.world.rest(rest_until, &|| board.is_some_and(Board::has_done));
                }
            }
        }
    }

    fn hear(&mut self, Done { index, result }: Done, progress: &mut Progress) {
        self.in_flight -= 1;
        let now = self.world.now();
        let job = &mut self.jobs[index];
        let (result, again) = match result {
            Ok(status) => (Ok(status), Again::Never),
            Err(failure) => (Err(failure.error), failure.again),
        };
        if self.world.is_cancelled() && result.is_err() {
            return;
        }
        let since_start = now.saturating_duration_since(*job.first_answer.get_or_insert(now));
        let seen = match &result {
            Ok(Status { total, deleted, failed, .. }) => {
                Seen::Progress { total: *total, deleted: *deleted, failed: *failed }
            }
            Err(_) => Seen::Failure,
        };
        let pause = job.poll.next_pause(since_start, seen);
        match &result {
            Ok(status) => {
                job.bad_responses = 0;
                job.last_error = None;
                if job.has_ended(status, now) {
                    job.result = Some(Ok(()));
                }
                job.last = Some(status.clone());
                self.quiet = Duration::ZERO;
            }
            Err(error) => {
                let is_bad_response = error.kind() == ZMD_ERR_BAD_RESPONSE;
                job.bad_responses = if is_bad_response { job.bad_responses + 1 } else { 0 };
                if !may_pass(error, job.bad_responses) {
                    job.result = Some(Err(error.clone()));
                }
                job.last_error = Some(error.clone());
                if error.kind() == ZMD_ERR_RATE_LIMITED {
                    // All of them, not this one: the limit is the account's.
                    let asked_for = if let Again::After(pause) = again { pause } else { Duration::ZERO };
                    self.quiet = (self.quiet * 2).clamp(self.limits.poll_min, self.limits.poll_max).max(asked_for);
                    self.quiet_until = self.quiet_until.max(now.checked_add(self.quiet).unwrap_or(now));
                }
            }
        }
        if job.result.is_none() && self.limits.timeout != Some(Duration::ZERO) {
            let due = self.due(now, pause);
            self.queue.push(Reverse((due, index)));
            let pause = due.max(self.quiet_until).saturating_duration_since(now).as_millis();
            // The words are documented, at zmd_set_logger().
            log::debug!("jobs[{index}]: next poll in {pause} ms");
        }
        if !progress(index, &result) {
            self.is_stopped = true;
            self.world.interrupt();
        }
    }

    /// When to ask again. A poll that would come too late is made shortly before the end instead.
    fn due(&self, now: Instant, pause: Duration) -> Instant {
        let due = now.checked_add(pause).unwrap_or(now);
        match self.until {
            Some(until) if due >= until => {
                let last = until.checked_sub(LAST_POLL).filter(|last| *last >= now + self.limits.poll_min);
                last.unwrap_or(until)
            }
            _ => due,
        }
    }

    fn finish(self) -> Vec<Waited> {
        let is_stopped = self.is_stopped;
        let is_cancelled = self.world.is_cancelled();
        let timeout = self.limits.timeout.unwrap_or_default().as_millis();
        let unended = |job: &Job| {
            if is_stopped {
                return Error::new(ZMD_ERR_CANCELLED, "the progress callback ended the wait");
            }
            if is_cancelled {
                return cancelled();
            }
            let http_status = job.last_error.as_ref().map_or(0, Error::http_status);
            let error = match (&job.last, &job.last_error) {
                (_, Some(error)) => format!("; the last poll failed: {error}"),
                (Some(status), None) => format!("; it is {}", status.text),
                (None, None) => "; there was no time to ask".to_owned(),
            };
            Error::new(ZMD_ERR_TIMEOUT, format!("the job has not ended within {timeout} ms{error}"))
                .with_http_status(http_status)
        };
        let ended = |job: Job| {
            let result = job.result.clone().unwrap_or_else(|| Err(unended(&job)));
            Waited { last: job.last, result }
        };
        self.jobs.into_iter().map(ended).collect()
    }
}

/// Whether a wait goes on after a failure.
fn may_pass(error: &Error, bad_responses: u32) -> bool {
    let kind: zmd_error = error.kind();
    match kind {
        ZMD_ERR_DNS | ZMD_ERR_CONNECT | ZMD_ERR_NETWORK | ZMD_ERR_TIMEOUT | ZMD_ERR_RATE_LIMITED | ZMD_ERR_SERVER => {
            true
        }
        // Wrong credentials stay wrong; a proxy that can't be reached is like a server that can't.
        ZMD_ERR_PROXY => error.http_status() != 407,
        // Once, a gateway may have put its page in between.
        ZMD_ERR_BAD_RESPONSE => bad_responses < 2,
        _ => false,
    }
}

/// A poll to be made.
#[derive(Clone, Copy)]
struct Task {
    index: usize,
    /// Of the whole wait; `None`: it has no limit.
    left: Option<Duration>,
}

/// A poll that was made.
struct Done {
    index: usize,
    result: Result<Status, Failure>,
}

impl Task {
    fn run(self, world: &impl World) -> Done {
        let polled = panic::catch(|| Ok(world.poll(self.index, self.left)));
        let result = polled.unwrap_or_else(|bug| Err(Failure::lasting(bug)));
        Done { index: self.index, result }
    }
}

/// Where the calling thread leaves polls to be made, and finds what they brought.
#[derive(Default)]
struct Board {
    state: Mutex<BoardState>,
    changed: Condvar,
}

#[derive(Default)]
struct BoardState {
    tasks: VecDeque<Task>,
    done: VecDeque<Done>,
    is_over: bool,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, task: Task) {
        self.state().tasks.push_back(task);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Done> {
        self.state().done.pop_front()
    }

    fn has_done(&self) -> bool {
        !self.state().done.is_empty()
    }

    /// What a helping thread does.
    fn work(&self, world: &impl World) {
        let mut state = self.state();
        while !state.is_over {
            if let Some(task) = state.tasks.pop_front() {
                drop(state);
                let done = task.run(world);
                state = self.state();
                state.done.push_back(done);
                drop(state);
                world.wake();
                state = self.state();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Sends the helpers home, also when the callback panics.
struct StopOnDrop<'a>(&'a Board);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::zmd_state;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A world whose hours pass in no time: resting is all that takes any.
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

    impl<F: Fn(Duration, usize) -> Result<Status, Failure> + Sync> World for Scripted<F> {
        fn now(&self) -> Instant {
            self.begin + self.passed()
        }

        fn poll(&self, index: usize, _: Option<Duration>) -> Result<Status, Failure> {
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

        fn rest(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            if self.in_flight.load(Ordering::SeqCst) > 0 || is_awake() {
                return std::thread::yield_now();
            }
            // Between a helper's answer and its arrival on the board, no time passes either.
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

    fn limits(timeout: Option<Duration>) -> Limits {
        let (poll_min, poll_max) = (SECOND, SECOND * 60);
        Limits { timeout, poll_min, poll_max, concurrency: 1 }
    }

    fn status(state: zmd_state, deleted: i64, total: i64) -> Status {
        let text = format!("{state:?}").trim_start_matches("ZMD_STATE_").to_owned();
        Status { state, text, total: Some(total), deleted: Some(deleted), failed: Some(0), http_status: 200 }
    }

    /// A job of 3,000 records, one a second.
    fn linear(passed: Duration) -> Result<Status, Failure> {
        let deleted = passed.as_secs().min(3000) as i64;
        Ok(status(if deleted < 3000 { ZMD_STATE_RUNNING } else { ZMD_STATE_COMPLETED }, deleted, 3000))
    }

    fn failure(kind: zmd_error) -> Failure {
        Failure::passing(Error::new(kind, "no"))
    }

    fn wait_for_one<W: World>(world: &W, timeout: Option<Duration>) -> (Waited, Vec<Result<Status, Error>>) {
        let mut heard = Vec::new();
        let mut waited = wait(world, 1, |_| None, limits(timeout), &mut |index, result| {
            assert_eq!(index, 0);
            heard.push(result.clone());
            true
        });
        (waited.pop().unwrap(), heard)
    }

    #[test]
    fn a_wait_ends_with_the_job() {
        let world = Scripted::new(|passed, _| linear(passed));
        let (waited, heard) = wait_for_one(&world, None);
        assert_eq!(waited.result, Ok(()));
        assert_eq!(waited.last.unwrap().state, ZMD_STATE_COMPLETED);
        assert_eq!(heard.len(), world.polls().len());
        assert!((3000..3180).contains(&world.passed().as_secs()), "{:?}", world.passed());
        assert!(heard.len() < 80, "{}", heard.len());
    }

    #[test]
    fn every_end_is_an_end() {
        for state in [ZMD_STATE_COMPLETED, ZMD_STATE_FAILED] {
            let world = Scripted::new(move |_, _| Ok(status(state, 0, 0)));
            let (waited, heard) = wait_for_one(&world, None);
            assert_eq!((waited.result, waited.last.unwrap().state, heard.len()), (Ok(()), state, 1));
        }
    }

    #[test]
    fn a_state_that_is_no_end_holds_the_wait() {
        for state in [ZMD_STATE_SCHEDULED, ZMD_STATE_QUEUED, ZMD_STATE_SUSPENDED, ZMD_STATE_RUNNING] {
            let world = Scripted::new(move |passed, _| match passed.as_secs() {
                // Longer than an unknown word would be let stand.
                0..3000 => Ok(status(state, 7, 3000)),
                _ => Ok(status(ZMD_STATE_COMPLETED, 3000, 3000)),
            });
            let (waited, _) = wait_for_one(&world, None);
            assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), ZMD_STATE_COMPLETED));
            assert!(world.passed() >= SECOND * 3000);
        }
    }

    fn unknown(word: &str, deleted: Option<i64>, total: Option<i64>) -> Result<Status, Failure> {
        let text = word.to_owned();
        Ok(Status { state: ZMD_STATE_UNKNOWN, text, total, deleted, failed: None, http_status: 200 })
    }

    #[test]
    fn an_unknown_word_does_not_end_a_wait_while_the_counts_move() {
        let world = Scripted::new(|passed, _| match passed.as_secs() {
            0..2000 => unknown("DELETING", Some(passed.as_secs() as i64 / 100), Some(3000)),
            _ => Ok(status(ZMD_STATE_COMPLETED, 3000, 3000)),
        });
        let (waited, _) = wait_for_one(&world, None);
        assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), ZMD_STATE_COMPLETED));
    }

    #[test]
    fn an_unknown_word_ends_a_wait_when_the_counts_have_reached_the_total() {
        let world = Scripted::new(|passed, _| match passed.as_secs() {
            0..100 => unknown("DELETING", Some(1), Some(3)),
            _ => unknown("ARCHIVED", Some(3), Some(3)),
        });
        let (waited, _) = wait_for_one(&world, None);
        assert_eq!((waited.result, waited.last.unwrap().text), (Ok(()), "ARCHIVED".to_owned()));
        assert!((100..170).contains(&world.passed().as_secs()), "{:?}", world.passed());
    }

    #[test]
    fn an_unknown_word_that_stands_for_five_minutes_ends_a_wait() {
        // Nothing is to be done, or nothing was said: that is no total that has been reached.
        for (deleted, total) in [(None, None), (Some(0), Some(0)), (Some(4), Some(9))] {
            let world = Scripted::new(move |passed, _| match passed.as_secs() {
                0..1000 => unknown("ONE", deleted, total),
                _ => unknown("TWO", deleted, total),
            });
            let (waited, heard) = wait_for_one(&world, None);
            assert_eq!((waited.result, waited.last.unwrap().state), (Ok(()), ZMD_STATE_UNKNOWN));
            let passed = world.passed().as_secs();
            assert!((300..365).contains(&passed), "{passed}");
            assert!(heard.len() >= 3);
        }
        // Another word begins anew.
        let world = Scripted::new(|passed, _| unknown(if passed.as_secs() < 250 { "ONE" } else { "TWO" }, None, None));
        wait_for_one(&world, None).0.result.unwrap();
        assert!((550..680).contains(&world.passed().as_secs()), "{:?}", world.passed());
        // Several polls, however far apart they are.
        let world = Scripted::new(|_, _| unknown("ONE", None, None));
        let far = Limits { poll_min: SECOND * 1000, poll_max: SECOND * 1000, ..limits(None) };
        let mut polls = 0;
        wait(&world, 1, |_| None, far, &mut |_, _| {
            polls += 1;
            true
        });
        assert_eq!(polls, 3);
    }

    #[test]
    fn a_wait_that_runs_out_keeps_the_last_status() {
        let world = Scripted::new(|passed, _| linear(passed));
        let (waited, _) = wait_for_one(&world, Some(SECOND * 1000));
        let error = waited.result.unwrap_err();
        assert_eq!(error.kind(), ZMD_ERR_TIMEOUT);
        assert!(error.message().contains("it is RUNNING"), "{error}");
        assert_eq!(world.passed(), SECOND * 1000);
        // The last poll was made shortly before the end.
        assert_eq!(waited.last.unwrap().deleted, Some(999));
    }

    #[test]
    fn a_wait_of_nothing_asks_once() {
        let world = Scripted::new(|passed, _| linear(passed));
        let (waited, heard) = wait_for_one(&world, Some(Duration::ZERO));
        assert_eq!((waited.result.unwrap_err().kind(), heard.len()), (ZMD_ERR_TIMEOUT, 1));
        assert_eq!(waited.last.unwrap().deleted, Some(0));
    }

    #[test]
    fn what_may_pass_does_not_end_a_wait() {
        use zmd_error::*;
        for kind in
            [ZMD_ERR_DNS, ZMD_ERR_CONNECT, ZMD_ERR_NETWORK, ZMD_ERR_TIMEOUT, ZMD_ERR_SERVER, ZMD_ERR_RATE_LIMITED]
        {
            let world = Scripted::new(move |passed, _| match passed.as_secs() {
                100..700 => Err(failure(kind)),
                _ => linear(passed),
            });
            let (waited, heard) = wait_for_one(&world, None);
            assert_eq!(waited.result, Ok(()), "{kind:?}");
            let failed = heard.iter().filter(|result| result.is_err()).count();
            assert!((2..25).contains(&failed), "{kind:?}: {failed} failures");
        }
    }

    #[test]
    fn what_will_not_pass_ends_it_at_once() {
        use zmd_error::*;
        for kind in [
            ZMD_ERR_UNAUTHORIZED,
            ZMD_ERR_SCOPE,
            ZMD_ERR_FORBIDDEN,
            ZMD_ERR_INVALID_MODULE,
            ZMD_ERR_JOB_NOT_FOUND,
            ZMD_ERR_OAUTH,
            ZMD_ERR_API,
            ZMD_ERR_TLS,
            ZMD_ERR_INTERNAL,
        ] {
            let world = Scripted::new(move |_, _| Err(failure(kind)));
            let (waited, heard) = wait_for_one(&world, None);
            assert_eq!((waited.result.unwrap_err().kind(), heard.len()), (kind, 1));
        }
    }

    #[test]
    fn a_bad_response_may_come_once() {
        let bad = || Err(failure(ZMD_ERR_BAD_RESPONSE));
        let once = Scripted::new(|passed, _| if passed.is_zero() { bad() } else { linear(passed) });
        assert_eq!(wait_for_one(&once, None).0.result, Ok(()));
        let count = AtomicUsize::new(0);
        let apart = Scripted::new(|passed, _| match count.fetch_add(1, Ordering::SeqCst) {
            0 | 2 => bad(),
            1 => Err(failure(ZMD_ERR_SERVER)),
            _ => linear(passed),
        });
        assert_eq!(wait_for_one(&apart, None).0.result, Ok(()));
        let always = Scripted::new(|_, _| bad());
        let (waited, heard) = wait_for_one(&always, None);
        assert_eq!((waited.result.unwrap_err().kind(), heard.len()), (ZMD_ERR_BAD_RESPONSE, 2));
    }

    #[test]
    fn a_wait_with_nothing_but_failures_says_which() {
        let world = Scripted::new(|_, _| {
            Err(Failure::passing(Error::new(ZMD_ERR_SERVER, "maintenance").with_http_status(503)))
        });
        let (waited, _) = wait_for_one(&world, Some(SECOND * 600));
        let error = waited.result.unwrap_err();
        assert_eq!((error.kind(), error.http_status(), waited.last), (ZMD_ERR_TIMEOUT, 503, None));
        assert!(error.message().contains("maintenance"), "{error}");
    }

    #[test]
    fn the_callback_can_end_it() {
        let world = Scripted::new(|passed, _| linear(passed));
        let mut polls = 0;
        let waited = wait(&world, 1, |_| None, limits(None), &mut |_, _| {
            polls += 1;
            polls < 5
        });
        assert_eq!((polls, world.polls().len()), (5, 5));
        assert!(world.interrupted.load(Ordering::SeqCst));
        assert_eq!(waited[0].result.as_ref().unwrap_err().kind(), ZMD_ERR_CANCELLED);
        assert!(waited[0].last.is_some());
    }

    #[test]
    fn ten_thousand_jobs_each_get_their_turn() {
        const COUNT: usize = 10_000;
        let world = Scripted::new(|passed, index| {
            let end = 600 + index as u64 % 600;
            let deleted = passed.as_secs().min(end);
            let state = if deleted < end { ZMD_STATE_RUNNING } else { ZMD_STATE_COMPLETED };
            Ok(status(state, deleted as i64, end as i64))
        });
        let mut heard = vec![0; COUNT];
        // One call at a time: with more, this world would not know when to let time pass.
        let waited = wait(&world, COUNT, |_| None, limits(None), &mut |index, _| {
            heard[index] += 1;
            true
        });
        assert!(waited.iter().all(|waited| waited.result.is_ok()));
        // Nobody starves: no job is left alone for longer than the longest pause.
        let mut last = vec![Duration::ZERO; COUNT];
        for (at, index) in world.polls() {
            assert!(at - last[index] <= SECOND * 61, "job {index} was left alone from {:?} to {at:?}", last[index]);
            last[index] = at;
        }
        assert!(heard.iter().all(|polls| (3..60).contains(polls)), "{:?}", heard.iter().max());
        // The books that are kept for each of them, results included.
        let size = size_of::<Job>() + size_of::<Waited>() + size_of::<Reverse<(Instant, usize)>>();
        assert!(size < 1024, "{size} bytes a job");
    }

    #[test]
    fn too_many_requests_slow_all_of_them_down() {
        let world = Scripted::new(|passed, index| match (passed.as_secs(), index) {
            (0, 0) => Err(Failure { again: Again::After(SECOND * 100), ..failure(ZMD_ERR_RATE_LIMITED) }),
            _ => linear(passed),
        });
        wait(&world, 50, |_| None, limits(Some(SECOND * 300)), &mut |_, _| true);
        let polls = world.polls();
        assert_eq!(polls[0], (Duration::ZERO, 0));
        assert!(polls[1].0 >= SECOND * 100, "{:?}", polls[1]);
        assert_eq!(polls.iter().map(|(_, index)| index).collect::<std::collections::HashSet<_>>().len(), 50);
    }

    #[test]
    fn one_jobs_failure_disturbs_no_other() {
        let world = Scripted::new(
            |passed, index| if index == 3 { Err(failure(ZMD_ERR_JOB_NOT_FOUND)) } else { linear(passed) },
        );
        let known = |index| (index == 5).then(|| Error::new(ZMD_ERR_INVALID_ARGUMENT, "bad"));
        let limits = Limits { concurrency: 4, ..limits(None) };
        let waited = wait(&world, 8, known, limits, &mut |index, _| index != 5);
        let kinds: Vec<_> = waited.iter().map(|waited| waited.result.as_ref().map_err(Error::kind)).collect();
        let expected: Vec<_> = (0..8)
            .map(|index| match index {
                3 => Err(ZMD_ERR_JOB_NOT_FOUND),
                5 => Err(ZMD_ERR_INVALID_ARGUMENT),
                _ => Ok(&()),
            })
            .collect();
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_panic_in_the_callback_leaves_no_helper_behind() {
        let world = Scripted::new(|passed, _| linear(passed));
        let limits = Limits { concurrency: 4, ..limits(None) };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait(&world, 8, |_| None, limits, &mut |_, _| panic!("boom"))
        }));
        assert!(result.is_err());
    }
}
