//! A service for tests, with a virtual clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::schedule::Event;
use super::workers::{Forked, run};
use super::*;
use crate::activity::Activity;
use crate::error::{Error, ErrorKind};
use crate::retry::Failure;
use crate::status::{State, Status};
use crate::sync::{Mutex, holds_nothing, lock};

/// A service with a virtual clock, which advances only in `sleep`.
pub(super) struct Scripted<F> {
    begin: Instant,
    passed: Mutex<Duration>,
    polls: Mutex<Vec<(Duration, usize)>>,
    in_flight: AtomicUsize,
    pub(super) interrupted: AtomicBool,
    pub(super) activity: Arc<Activity>,
    answer: F,
}

impl<F: Fn(Duration, usize) -> Result<Status, Failure> + Send + Sync> Scripted<F> {
    pub(super) fn new(answer: F) -> Scripted<F> {
        Scripted {
            begin: Instant::now(),
            passed: Mutex::new(Duration::ZERO),
            polls: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            interrupted: AtomicBool::new(false),
            activity: Arc::default(),
            answer,
        }
    }

    pub(super) fn passed(&self) -> Duration {
        *lock(&self.passed)
    }

    pub(super) fn polls(&self) -> Vec<(Duration, usize)> {
        lock(&self.polls).clone()
    }
}

impl<F: Fn(Duration, usize) -> Result<Status, Failure> + Send + Sync> Poller for Scripted<F> {
    type Job = usize;

    fn now(&self) -> Instant {
        self.begin + self.passed()
    }

    fn query(&self, &index: &usize, _: Query) -> Result<Status, Failure> {
        let passed = self.passed();
        lock(&self.polls).push((passed, index));
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let answer = (self.answer)(passed, index);
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    fn activity(&self) -> Arc<Activity> {
        self.activity.clone()
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
                let mut passed = lock(&self.passed);
                *passed = until.max(*passed);
            }
            None => std::thread::yield_now(),
        }
    }

    fn wake(&self) {}
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const LIMITS: Limits = Limits {
    poll_min: SECOND,
    poll_max: Duration::from_secs(60),
    unreachable: Duration::from_secs(300),
    stalled: None,
};

type Waits = Mutex<Shared<usize, VecDeque<Event>>>;

/// Waits for the jobs `0..count`: `run` runs the schedule.
fn wait_by(
    poller: &impl Poller,
    count: usize,
    timeout: Option<Duration>,
    limits: Limits,
    progress: &mut Progress,
    run: impl FnOnce(&Waits, &mut dyn FnMut() -> bool) -> Result<(), Forked>,
) -> Vec<Waited> {
    let mut schedule = Schedule::new(limits, false);
    schedule.activity = poller.activity();
    for job in 0..count {
        schedule.add(job, Operation::Wait { timeout }, poller.now());
    }
    let shared = Mutex::new(Shared { schedule, sink: VecDeque::new() });
    let mut results: Vec<Option<Waited>> = vec![None; count];
    run(&shared, &mut || {
        assert!(holds_nothing());
        let events = std::mem::take(&mut lock(&shared).sink);
        let mut go_on = true;
        for event in events {
            let index = event.id as usize;
            if let Some(waited) = event.ended {
                assert!(results[index].replace(waited).is_none(), "job {index} ended twice");
            }
            let Event { elapsed, next_poll, polled, .. } = event;
            let polled = polled.as_ref().map(|result| Polled::new(index, result, elapsed, next_poll));
            go_on &= polled.is_none_or(|polled| progress(&polled));
        }
        go_on
    })
    .unwrap();
    results.into_iter().map(|result| result.expect("a result")).collect()
}

/// Waits for the jobs `0..count` on this thread.
pub(super) fn wait_within<P: Poller<Job = usize>>(
    poller: &P,
    count: usize,
    timeout: Option<Duration>,
    limits: Limits,
    progress: &mut Progress,
) -> Vec<Waited> {
    wait_by(poller, count, timeout, limits, progress, |waits, deliver| run_on_this_thread(poller, waits, deliver))
}

/// Waits for the jobs `0..count` with as many workers.
pub(super) fn wait_with_workers<P: Poller<Job = usize> + 'static>(
    poller: &Arc<P>,
    count: usize,
    concurrency: usize,
    progress: &mut Progress,
) -> Vec<Waited> {
    wait_by(&**poller, count, None, LIMITS, progress, |waits, deliver| run(poller, waits, concurrency, deliver))
}

pub(super) fn wait<P: Poller<Job = usize>>(
    poller: &P,
    count: usize,
    timeout: Option<Duration>,
    progress: &mut Progress,
) -> Vec<Waited> {
    wait_within(poller, count, timeout, LIMITS, progress)
}

pub(super) fn status(state: State, deleted: i64, total: i64) -> Status {
    let text = state.name().to_owned();
    Status { state, text, total: Some(total), deleted: Some(deleted), failed: Some(0), http_status: 200 }
}

/// A job of 3,000 records, one a second.
pub(super) fn linear(passed: Duration) -> Result<Status, Failure> {
    let deleted = passed.as_secs().min(3000) as i64;
    Ok(status(if deleted < 3000 { State::Running } else { State::Completed }, deleted, 3000))
}

pub(super) fn failure(kind: ErrorKind) -> Failure {
    Failure::of(Error::new(kind, "no"), None)
}

/// How the wait for one job ended, and the results of its polls.
pub(super) fn wait_for_one<P: Poller<Job = usize>>(
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
