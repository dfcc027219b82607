//! Many calls without a thread for each: waits can be added and removed at any time, and a queue returns their events. It
//! does not know C.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::client::{Client, ClientPoller};
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, ModuleName, NamedJob};
use crate::panic;
use crate::status::Status;
use crate::sync::lock;
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, process_id};
use crate::thread::quiet_thread;
use crate::wait::{self, Event, Operation, Poller, Schedule, Shared, Sink, Waited};

/// A queue of waits, which any number of threads may share.
///
/// It has one scheduling thread, and up to `max_concurrency` threads that poll, however many waits there are. It belongs to
/// the process that created it: in a child of `fork()` every call returns an error.
pub struct Waits {
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
    process: u32,
}

struct Inner {
    poller: ClientPoller,
    shared: Mutex<Shared<NamedJob, Events>>,
    ready: Arc<Condvar>,
}

/// The events that `next` has not returned yet.
#[derive(Default)]
struct Events {
    queue: VecDeque<WaitEvent>,
    /// Notified of each event, and of the end.
    ready: Arc<Condvar>,
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

impl Sink for Events {
    fn take(&mut self, event: Event) -> bool {
        let Event { id, elapsed, next_poll, polled, ended } = event;
        let update = match (ended, polled) {
            (Some(waited), _) => Update::Ended(waited),
            (None, Some(result)) => Update::Polled(result),
            (None, None) => return true,
        };
        self.queue.push_back(WaitEvent { id, elapsed, next_poll, update });
        self.ready.notify_one();
        true
    }
}

impl Waits {
    /// A queue with a clone of the client: cancelling the client cancels the queue; the client may be dropped first.
    pub fn new(client: &Client) -> Result<Waits, Error> {
        let poller = ClientPoller::with_its_own(client.try_clone()?);
        let events = Events::default();
        let ready = events.ready.clone();
        let shared = Mutex::new(Shared { schedule: Schedule::new(client.limits(), true), sink: events });
        let inner = Arc::new(Inner { poller, shared, ready });
        let (for_thread, concurrency) = (inner.clone(), client.max_concurrency());
        let thread = quiet_thread(|builder| builder.spawn(move || for_thread.run(concurrency)));
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Internal, format!("can't create a thread for the queue of waits: {error}"))
        })?;
        Ok(Waits { inner, thread: Some(thread), process: process_id() })
    }

    /// Waits until a job has ended: see [`Client::wait`]. Returns the id of its events.
    pub fn add(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        self.add_operation(module, job_id, Operation::Wait { timeout })
    }

    /// Asks for a job's status once, with retries as in [`Client::status`]: it has one event. Without a `timeout` the limit
    /// is the setting `timeout_ms`.
    pub fn add_status(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        self.add_operation(module, job_id, Operation::Status { timeout })
    }

    fn add_operation(&self, module: &ModuleName, job_id: &JobId, operation: Operation) -> Result<u64, Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        if !shared.schedule.is_open() || self.inner.poller.is_cancelled() {
            return Err(cancelled());
        }
        let id = shared.schedule.add(NamedJob::new(module, job_id), operation, self.inner.poller.now());
        drop(shared);
        self.inner.poller.wake();
        Ok(id)
    }

    /// Ends a wait: its last event, `ZMD_ERR_CANCELLED`, is queued at once. The others continue. Does nothing if the wait
    /// has ended or the id is unknown.
    pub fn remove(&self, id: u64) -> Result<(), Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        let removed = Error::new(ErrorKind::Cancelled, "the wait was removed from its queue");
        if let Some(event) = shared.schedule.remove(id, self.inner.poller.now(), removed) {
            shared.sink.take(event);
        }
        Ok(())
    }

    /// Returns the next event; without a `timeout` it blocks until there is one. Fails with `ZMD_ERR_TIMEOUT` if there was
    /// none in time, and with `ZMD_ERR_CANCELLED` if there will be none.
    pub fn next(&self, timeout: Option<Duration>) -> Result<WaitEvent, Error> {
        self.check_process()?;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut shared = lock(&self.inner.shared);
        loop {
            if let Some(event) = shared.sink.queue.pop_front() {
                return Ok(event);
            }
            // Closed with the last events in the queue.
            if !shared.schedule.is_open() {
                return Err(cancelled());
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let limit = timeout.unwrap_or_default().as_millis();
                return Err(Error::new(ErrorKind::Timeout, format!("no event came within {limit} ms")));
            }
            // At most an hour at a time: some systems' clocks overflow.
            let left = left.min(Duration::from_secs(3600));
            shared = self.inner.ready.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends all waits, each with `ZMD_ERR_CANCELLED`, and refuses later ones.
    pub fn cancel(&self) -> Result<(), Error> {
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

impl Inner {
    fn run(&self, concurrency: usize) {
        // After a panic, the remaining waits are ended too.
        let _ = panic::catch(|| {
            wait::run(&self.poller, &self.shared, concurrency);
            Ok(())
        });
        self.poller.interrupt();
        lock(&self.shared).finish(self.poller.now(), &cancelled());
        self.ready.notify_all();
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // Its thread is in the parent, and may have held any lock at the time of the fork.
            std::mem::forget((self.thread.take(), self.inner.clone()));
            return;
        }
        self.inner.poller.interrupt();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::http::{Http, Network};
    use crate::retry::Failure;
    use crate::status::State;
    use crate::sync::{check, thread};
    use crate::wait::{Limits, Query, run};

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
            let id = lock(&self.shared).schedule.add(job, Operation::Wait { timeout: None }, Instant::now());
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
