//! A queue of waits: they are added and removed at any time, by any thread, and the queue returns their events. One thread
//! runs the schedule, whatever the number of waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::logged::log_begin;
use super::operation::Operation;
use super::poller::{Limits, Poller};
use super::readiness::Readiness;
use super::reported::Waited;
use super::schedule::{Event, Schedule};
use super::workers::{Forked, Shared, Sink, run};
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::panic;
use crate::status::Status;
use crate::sync::lock;
use crate::sync::{Condvar, Mutex, process_id};
use crate::thread::{Thread, quiet_thread};

/// A queue of waits, and the thread of its schedule. It belongs to the process that created it.
pub(crate) struct Queue<P: Poller + 'static> {
    inner: Arc<Inner<P>>,
    thread: Option<Thread<()>>,
    process: u64,
}

struct Inner<P: Poller> {
    poller: Arc<P>,
    shared: Mutex<Shared<P::Job, Events>>,
    ready: Arc<Condvar>,
}

/// The events that `next` has not returned yet.
#[derive(Default)]
struct Events {
    queue: VecDeque<WaitEvent>,
    /// Notified of each event, and of the end.
    ready: Arc<Condvar>,
    /// The bug that ended all waits.
    bug: Option<Error>,
    /// Made when it is asked for.
    readiness: Option<Readiness>,
}

/// What happened to a wait: a poll, its end, or both.
#[derive(Debug)]
pub struct WaitEvent {
    /// What `add` returned.
    pub id: u64,
    /// Since it was added.
    pub elapsed: Duration,
    /// Until its next poll; `None`: there is none.
    pub next_poll: Option<Duration>,
    /// The forecast of the time until the job ends, as in [`Polled`](super::Polled).
    pub remaining: Option<Duration>,
    /// The poll's result, or the wait's where it has ended.
    pub update: Update,
}

/// What an event is about.
#[derive(Debug)]
pub enum Update {
    /// A poll, after which the wait continues.
    Polled(Result<Status, Error>),
    /// The wait's last event.
    Ended(Waited),
}

impl Events {
    /// What a call returns after the end of the queue.
    fn end(&self) -> Error {
        self.bug.clone().unwrap_or_else(cancelled)
    }

    /// Sets whether `next` has something to return: an event, or that there will be none.
    fn set_ready(&mut self, is_open: bool) {
        if let Some(readiness) = &mut self.readiness {
            readiness.set(!is_open || !self.queue.is_empty());
        }
    }
}

impl Sink for Events {
    fn take(&mut self, event: Event) {
        let Event { id, elapsed, next_poll, remaining, polled, ended, .. } = event;
        // Where both say the same, the end is enough: after a time limit it does not say that there was a poll.
        let polled = polled.filter(|result| match &ended {
            Some(waited) => result.is_ok() && waited.result.is_err(),
            None => true,
        });
        for update in polled.map(Update::Polled).into_iter().chain(ended.map(Update::Ended)) {
            self.queue.push_back(WaitEvent { id, elapsed, next_poll, remaining, update });
            self.ready.notify_one();
        }
        self.set_ready(true);
    }
}

impl<P: Poller + 'static> Queue<P> {
    /// A queue that makes at most `concurrency` polls at once.
    pub(crate) fn new(poller: P, limits: Limits, concurrency: usize) -> Result<Queue<P>, Error>
    where
        P: Send,
    {
        let events = Events::default();
        let ready = events.ready.clone();
        let mut schedule = Schedule::new(limits, true);
        schedule.activity = poller.activity();
        let shared = Mutex::new(Shared { schedule, sink: events });
        let inner = Arc::new(Inner { poller: Arc::new(poller), shared, ready });
        let for_thread = inner.clone();
        let thread = quiet_thread(|builder| builder.spawn(move || for_thread.run(concurrency)));
        let thread = thread.map_err(|error| {
            let message = format!("there is no thread for the queue of waits ({error}): try again later");
            Error::new(ErrorKind::Network, message)
        })?;
        Ok(Queue { inner, thread: Some(thread), process: process_id() })
    }

    /// Adds an operation for a job, and returns the id of its events.
    pub(crate) fn add(&self, job: P::Job, operation: Operation) -> Result<u64, Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        if !shared.schedule.is_open() || self.inner.poller.is_cancelled() {
            return Err(shared.sink.end());
        }
        let id = shared.schedule.add(job.clone(), operation, self.inner.poller.now());
        drop(shared);
        log_begin(&job, operation, false);
        self.inner.poller.wake();
        Ok(id)
    }

    /// Ends a wait: its last event, `ZMD_ERR_CANCELLED`, is queued at once. Does nothing if the wait has ended or the id is
    /// unknown.
    pub(crate) fn remove(&self, id: u64) -> Result<(), Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        let removed = Error::new(ErrorKind::Cancelled, "the program ended this call, not the job");
        if let Some(event) = shared.schedule.remove(id, self.inner.poller.now(), removed) {
            shared.sink.take(event);
            drop(shared);
            // Its poll may be in flight and asleep, and its place is free.
            self.inner.poller.wake_polls();
            self.inner.poller.wake();
        }
        Ok(())
    }

    /// Returns the next event; without a `timeout` it blocks until there is one.
    pub(crate) fn next(&self, timeout: Option<Duration>) -> Result<WaitEvent, Error> {
        self.check_process()?;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut shared = lock(&self.inner.shared);
        loop {
            if let Some(event) = shared.sink.queue.pop_front() {
                let is_open = shared.schedule.is_open();
                shared.sink.set_ready(is_open);
                return Ok(event);
            }
            // Closed with the last events in the queue.
            if !shared.schedule.is_open() {
                return Err(shared.sink.end());
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let limit = timeout.unwrap_or_default().as_millis();
                return Err(Error::new(ErrorKind::Timeout, format!("no event came within {limit} ms")));
            }
            shared = self.inner.ready.wait_timeout(shared, left);
        }
    }

    /// A descriptor that is readable while `next` has something to return, on Windows an event object. It belongs to the queue.
    pub(crate) fn handle(&self) -> Result<isize, Error> {
        self.check_process()?;
        let mut locked = lock(&self.inner.shared);
        let shared = &mut *locked;
        if shared.sink.readiness.is_none() {
            let made = Readiness::new().map_err(|error| {
                Error::new(ErrorKind::Internal, format!("can't create a handle for the queue of waits: {error}"))
            })?;
            shared.sink.readiness = Some(made);
            shared.sink.set_ready(shared.schedule.is_open());
        }
        Ok(shared.sink.readiness.as_ref().map_or(-1, Readiness::handle))
    }

    /// Ends all waits, each with `ZMD_ERR_CANCELLED`, and refuses later ones.
    pub(crate) fn cancel(&self) -> Result<(), Error> {
        self.check_process()?;
        self.inner.poller.interrupt();
        Ok(())
    }

    fn check_process(&self) -> Result<(), Error> {
        if self.process == process_id() {
            return Ok(());
        }
        let message =
            "waits belongs to the process that made it, and this is a child of that process: create another one";
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }
}

impl<P: Poller + 'static> Inner<P> {
    fn run(&self, concurrency: usize) {
        let ran = panic::catch(|| Ok(run(&self.poller, &self.shared, concurrency, &mut || true)));
        if let Ok(Err(Forked)) = ran {
            return;
        }
        // After a bug the remaining waits are ended too.
        let mut shared = lock(&self.shared);
        shared.sink.bug = ran.err();
        let end = shared.sink.end();
        shared.finish(Instant::now(), &end);
        shared.sink.set_ready(false);
        drop(shared);
        self.poller.interrupt();
        self.ready.notify_all();
    }
}

impl<P: Poller + 'static> Drop for Queue<P> {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // Its thread is in the parent, and may have held any lock at the time of the fork.
            std::mem::forget((self.thread.take(), self.inner.clone()));
            return;
        }
        self.inner.poller.interrupt();
        let _ = self.thread.take().map(Thread::join);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::super::scripted::{LIMITS, status};
    use super::*;
    use crate::retry::Failure;
    use crate::status::State;
    use crate::sync::{AtomicBool, Ordering};
    use crate::wait::Query;

    /// A service that has a bug as soon as it is told so.
    #[derive(Default)]
    struct Buggy {
        has_bug: AtomicBool,
        is_interrupted: AtomicBool,
    }

    impl Poller for Buggy {
        type Job = u64;

        fn now(&self) -> Instant {
            Instant::now()
        }

        fn query(&self, _: &u64, _: Query) -> Result<Status, Failure> {
            Ok(status(State::Running, 4, 9))
        }

        fn interrupt(&self) {
            self.is_interrupted.store(true, Ordering::SeqCst);
        }

        fn is_cancelled(&self) -> bool {
            self.is_interrupted.load(Ordering::SeqCst)
        }

        fn sleep(&self, _: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            while !is_awake() && !self.is_cancelled() {
                assert!(!self.has_bug.load(Ordering::SeqCst), "the bug");
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        fn wake(&self) {}
    }

    #[test]
    fn a_bug_ends_all_waits_and_the_queue() {
        let wait = Operation::Wait { timeout: None };
        let hour = Duration::from_secs(3600);
        let limits = Limits { poll_min: hour, poll_max: hour, ..LIMITS };
        let queue = Queue::new(Buggy::default(), limits, 2).unwrap();
        let mut ids = [0, 1].map(|job| queue.add(job, wait).unwrap());
        for _ in ids {
            let event = queue.next(None).unwrap();
            assert!(matches!(event.update, Update::Polled(Ok(_))), "{event:?}");
        }
        queue.inner.poller.has_bug.store(true, Ordering::SeqCst);
        let is_bug = |error: &Error| error.kind() == ErrorKind::Internal && error.message().contains("the bug");
        let mut ended = [(); 2].map(|()| {
            let event = queue.next(None).unwrap();
            let Update::Ended(Waited { last: Some(last), result: Err(error) }) = event.update else { panic!("an end") };
            assert!(is_bug(&error) && last.deleted == Some(4), "{error}");
            event.id
        });
        ids.sort_unstable();
        ended.sort_unstable();
        assert_eq!(ended, ids);
        assert!(is_bug(&queue.next(None).unwrap_err()) && is_bug(&queue.add(2, wait).unwrap_err()));
    }
}
