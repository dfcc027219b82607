//! Who makes the polls of a schedule: this thread, or worker threads where there are several jobs.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::logged::{change, log_end};
use super::poller::Poller;
use super::schedule::{Done, Event, Schedule, Step, Task};
use super::shortage::Shortage;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, cancelled};
use crate::panic;
use crate::retry::Failure;
use crate::sync::{Condvar, Mutex, MutexGuard, deliver_log, lock, process_id};
use crate::thread::{Thread, quiet_thread};

/// A schedule, and the receiver of its events. One lock guards both, so that the events of a wait stay in order.
pub(crate) struct Shared<J, S> {
    pub(crate) schedule: Schedule<J>,
    pub(crate) sink: S,
}

impl<J: Clone + fmt::Display, S: Sink> Shared<J, S> {
    /// Ends all waits with an error.
    pub(crate) fn finish(&mut self, now: Instant, error: &Error) {
        for event in self.schedule.finish(now, error) {
            self.sink.take(event);
        }
    }
}

/// Stores the events of the waits.
pub(crate) trait Sink {
    /// Called while the schedule is locked: it must not call the host program.
    fn take(&mut self, event: Event);
}

impl Sink for VecDeque<Event> {
    fn take(&mut self, event: Event) {
        self.push_back(event);
    }
}

/// Polls until no wait is left, with at most `concurrency` polls at once. When it returns, every wait has had its last
/// event.
///
/// `deliver` is called on this thread after the sink got events, while nothing is locked; returning `false` ends all waits.
/// If it returns in a child of `fork()`, nothing more happens there: no wait ends, and the workers are in the parent.
pub(crate) fn run<P: Poller + 'static, S: Sink>(
    poller: &Arc<P>,
    shared: &Mutex<Shared<P::Job, S>>,
    concurrency: usize,
    deliver: &mut dyn FnMut() -> bool,
) -> Result<(), Forked> {
    if concurrency <= 1 {
        return run_on_this_thread(&**poller, shared, deliver);
    }
    let (queue, threads) = (Arc::default(), Vec::new());
    let mut workers = Workers { poller: poller.clone(), queue, threads, concurrency };
    let ran = schedule(&**poller, shared, &mut workers, deliver);
    if ran.is_err() {
        // It has threads to wait for, and a lock that one of them may have held.
        std::mem::forget(workers);
    }
    ran
}

/// This is a child of the process that the run began in.
#[derive(Debug)]
pub(crate) struct Forked;

/// As [`run`], with one poll at a time, made by the calling thread.
pub(crate) fn run_on_this_thread<P: Poller, S: Sink>(
    poller: &P,
    shared: &Mutex<Shared<P::Job, S>>,
    deliver: &mut dyn FnMut() -> bool,
) -> Result<(), Forked> {
    schedule(poller, shared, &mut ThisThread { poller, done: None }, deliver)
}

/// The loop of a run: asks the schedule what to do until it has finished.
fn schedule<P: Poller, S: Sink>(
    poller: &P,
    shared: &Mutex<Shared<P::Job, S>>,
    executor: &mut impl Executor<P::Job>,
    deliver: &mut dyn FnMut() -> bool,
) -> Result<(), Forked> {
    let process = process_id();
    let mut deliver = || {
        let continues = deliver();
        if process_id() == process { Ok(continues) } else { Err(Forked) }
    };
    let is_stopped = loop {
        if let Some(done) = executor.take_done() {
            if done.result.is_ok() || !poller.is_cancelled() {
                record(poller, shared, done);
                if !deliver()? {
                    break true;
                }
            }
            continue;
        }
        if poller.is_cancelled() {
            break false;
        }
        let mut locked = lock(shared);
        match locked.schedule.next(poller.now(), executor.concurrency()) {
            Step::Query(task) => {
                drop(locked);
                executor.begin(task);
            }
            Step::Ended(event) => {
                locked.sink.take(*event);
                drop(locked);
                if !deliver()? {
                    break true;
                }
            }
            Step::Sleep(until) => {
                let changes = locked.schedule.changes;
                drop(locked);
                let has_changed = || lock(shared).schedule.changes != changes;
                poller.sleep(until, &|| executor.has_done() || has_changed());
            }
            Step::Finish => return Ok(()),
        }
    };
    let reason = match is_stopped {
        true => Error::new(ErrorKind::Cancelled, "the progress callback ended the wait"),
        false => cancelled(),
    };
    if is_stopped {
        poller.interrupt();
    }
    lock(shared).finish(poller.now(), &reason);
    deliver().map(|_| ())
}

/// Passes the result of a poll to the schedule, and its event to the sink.
fn record<P: Poller, S: Sink>(poller: &P, shared: &Mutex<Shared<P::Job, S>>, done: Done<P::Job>) {
    let Done { id, job, result } = done;
    let now = poller.now();
    let mut locked = lock(shared);
    let Some(event) = locked.schedule.polled(now, id, result) else { return };
    let warning = match (&event.polled, event.next_poll) {
        (Some(Err(error)), Some(pause)) => {
            Some(format!("{job}: {error}; the next poll is in {:.1} s", pause.as_secs_f64()))
        }
        (Some(Ok(status)), _) => event.standstill.filter(|_| event.has_stopped).map(|standstill| {
            let seconds = standstill.as_secs();
            format!("{job}: it is {}, and its counts have not changed for {seconds} s: is it stuck?", status.text)
        }),
        _ => None,
    };
    let shortage = event.shortage;
    let (is_wait, is_change) = (event.is_wait, event.is_change);
    let change = match &event.polled {
        Some(Ok(status)) if is_wait && is_change => change(status, event.next_poll, event.remaining),
        _ => None,
    };
    let is_logged = event.is_wait && log::log_enabled!(log::Level::Info);
    let ended = event.ended.as_ref().filter(|_| is_logged).map(|waited| match (&waited.result, &waited.last) {
        (Ok(()), Some(status)) => Ok(status.clone()),
        (Err(error), _) => Err(error.clone()),
        (Ok(()), None) => Err(cancelled()),
    });
    let elapsed = event.elapsed;
    locked.sink.take(event);
    drop(locked);
    if let Some(change) = change {
        log::info!("{job}: {change}");
    }
    if let Some(ended) = ended {
        log_end(&job, elapsed, &ended.as_ref());
    }
    if let Some(Shortage { needed, remaining }) = shortage {
        log::warn!(
            "{remaining} API credits remain to the organization, and the waits of this client may need {needed}: they poll \
             less often"
        );
    }
    if let Some(warning) = warning {
        log::warn!("{warning}");
    }
}

/// Makes the polls of a schedule.
trait Executor<J> {
    /// How many polls it makes at once.
    fn concurrency(&self) -> usize;
    fn begin(&mut self, task: Task<J>);
    fn take_done(&mut self) -> Option<Done<J>>;
    fn has_done(&self) -> bool;
}

/// Makes each poll as soon as it begins.
struct ThisThread<'a, P: Poller> {
    poller: &'a P,
    done: Option<Done<P::Job>>,
}

impl<P: Poller> Executor<P::Job> for ThisThread<'_, P> {
    fn concurrency(&self) -> usize {
        1
    }

    fn begin(&mut self, task: Task<P::Job>) {
        self.done = Some(task.run(self.poller));
    }

    fn take_done(&mut self) -> Option<Done<P::Job>> {
        self.done.take()
    }

    fn has_done(&self) -> bool {
        self.done.is_some()
    }
}

/// Worker threads, as many as there are polls at once. They end when this is dropped, which waits for them.
struct Workers<P: Poller + 'static> {
    poller: Arc<P>,
    queue: Arc<Queue<P::Job>>,
    threads: Vec<Thread<()>>,
    concurrency: usize,
}

impl<P: Poller + 'static> Workers<P> {
    fn spawn(&mut self) -> bool {
        let (queue, poller) = (self.queue.clone(), self.poller.clone());
        let thread = quiet_thread(|builder| builder.spawn(move || queue.work(&*poller)));
        thread.map(|thread| self.threads.push(thread)).is_ok()
    }
}

impl<P: Poller + 'static> Executor<P::Job> for Workers<P> {
    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn begin(&mut self, task: Task<P::Job>) {
        if self.queue.is_busy() && self.threads.len() < self.concurrency && !self.spawn() {
            // The system cannot create another thread: continue with the existing ones.
            self.concurrency = self.threads.len().max(1);
        }
        match self.threads.is_empty() {
            true => {
                let done = task.run(&*self.poller);
                self.queue.state().done.push_back(done);
            }
            false => self.queue.push(task),
        }
    }

    fn take_done(&mut self) -> Option<Done<P::Job>> {
        self.queue.state().done.pop_front()
    }

    fn has_done(&self) -> bool {
        !self.queue.state().done.is_empty()
    }
}

impl<P: Poller + 'static> Drop for Workers<P> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.poller.interrupt();
        }
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<J> Task<J> {
    fn run(self, poller: &impl Poller<Job = J>) -> Done<J> {
        let _call = self.call.map(Cancel::of_this_thread);
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

    /// Ends the workers, each after its task.
    fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
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
                deliver_log();
                state = self.state();
            } else {
                state.idle += 1;
                state = self.changed.wait(state);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use super::super::scripted::*;
    use super::*;
    use crate::status::{State, Status};
    use crate::wait::Query;

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
    fn the_failure_of_one_job_does_not_affect_others() {
        let service =
            Arc::new(Scripted::new(
                |passed, index| if index == 3 { Err(failure(ErrorKind::JobNotFound)) } else { linear(passed) },
            ));
        let waited = wait_with_workers(&service, 8, 4, &mut |_| true);
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
        let service = Arc::new(Scripted::new(|passed, _| linear(passed)));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_with_workers(&service, 8, 4, &mut |_| panic!("boom"))
        }));
        assert!(result.is_err());
    }

    /// A service whose answers come as soon as so many calls are in flight at once.
    #[derive(Default)]
    struct Rendezvous {
        count: usize,
        /// Calls in flight, the most of them, the calls that began, and the threads that made them.
        state: Mutex<(usize, usize, usize, std::collections::HashSet<std::thread::ThreadId>)>,
        changed: Condvar,
    }

    impl Poller for Rendezvous {
        type Job = usize;

        fn now(&self) -> Instant {
            Instant::now()
        }

        fn query(&self, _: &usize, _: Query) -> Result<Status, Failure> {
            let mut state = lock(&self.state);
            state.0 += 1;
            state.1 = state.1.max(state.0);
            state.2 += 1;
            state.3.insert(std::thread::current().id());
            let round = state.2.next_multiple_of(self.count);
            self.changed.notify_all();
            let end = Instant::now() + SECOND * 5;
            while state.2 < round && Instant::now() < end {
                state = self.changed.wait_timeout(state, SECOND);
            }
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
        let service = Arc::new(Rendezvous { count: 3, ..Rendezvous::default() });
        let waited = wait_with_workers(&service, 9, 3, &mut |_| true);
        assert!(waited.iter().all(|waited| waited.result.is_ok()));
        let state = lock(&service.state);
        assert_eq!((state.1, state.2, state.3.len()), (3, 9, 3));
        assert!(!state.3.contains(&std::thread::current().id()));
        drop(state);

        let service = Arc::new(Rendezvous { count: 1, ..Rendezvous::default() });
        wait_with_workers(&service, 4, 1, &mut |_| true);
        let state = lock(&service.state);
        assert_eq!((state.1, state.2), (1, 4));
        assert_eq!(state.3.iter().collect::<Vec<_>>(), [&std::thread::current().id()]);
    }
}
