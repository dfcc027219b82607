//! Who makes the polls of a schedule: this thread, or worker threads where there are several jobs.

use std::collections::VecDeque;

use super::Poller;
use super::schedule::{Done, Event, Schedule, Step, Task};
use crate::error::{Error, ErrorKind, cancelled};
use crate::panic;
use crate::retry::Failure;
use crate::sync::{Condvar, Mutex, MutexGuard, lock, thread};
use crate::thread::quiet_thread;
use std::time::Instant;

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
