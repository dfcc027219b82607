//! Many calls without a thread for each: waits are added and removed at any time, and their events taken from a queue.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{Client, ClientPoller};
use crate::endpoint::{JobId, ModuleName};
use crate::error::{
    Error,
    zmd_error::{ZMD_ERR_CANCELLED, ZMD_ERR_INTERNAL, ZMD_ERR_INVALID_ARGUMENT, ZMD_ERR_TIMEOUT},
};
use crate::http::{cancelled, lock, quiet_thread};
use crate::panic;
use crate::status::{NamedJob, Status};
use crate::wait::{self, Event, Goal, Poller, Schedule, Shared, Sink, Waited};

/// A queue of waits, which any number of threads may share.
///
/// One thread of its own decides who is polled, and up to `max_concurrency` others poll, whatever the number of waits. It
/// belongs to the process that made it: in a child of `fork()` every call is an error.
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

/// The events that were not taken yet.
#[derive(Default)]
struct Events {
    queue: VecDeque<WaitEvent>,
    /// No more will come.
    is_over: bool,
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
    /// A poll, after which the wait goes on.
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
    /// A queue with a clone of the client: it is cancelled with the client, which may be dropped before.
    pub fn new(client: &Client) -> Result<Waits, Error> {
        let poller = ClientPoller::with_its_own(client.try_clone()?);
        let events = Events::default();
        let ready = events.ready.clone();
        let shared = Mutex::new(Shared { schedule: Schedule::new(client.limits(), true), sink: events });
        let inner = Arc::new(Inner { poller, shared, ready });
        let (for_thread, concurrency) = (inner.clone(), client.max_concurrency());
        let thread = quiet_thread(|builder| builder.spawn(move || for_thread.run(concurrency)));
        let thread = thread.map_err(|error| {
            Error::new(ZMD_ERR_INTERNAL, format!("the system has no thread for the queue of waits: {error}"))
        })?;
        Ok(Waits { inner, thread: Some(thread), process: std::process::id() })
    }

    /// Waits until a job has ended: see [`Client::wait`]. Returns the id of its events.
    pub fn add(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        self.add_goal(module, job_id, Goal::End { timeout })
    }

    /// Asks for a job's status once, with the retries of [`Client::status`]: one event. Without a `timeout` the limit is the
    /// setting `timeout_ms`.
    pub fn add_status(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        self.add_goal(module, job_id, Goal::Status { timeout })
    }

    fn add_goal(&self, module: &ModuleName, job_id: &JobId, goal: Goal) -> Result<u64, Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        if !shared.schedule.is_open() || self.inner.poller.is_cancelled() {
            return Err(cancelled());
        }
        let id = shared.schedule.add(NamedJob::new(module, job_id), goal, self.inner.poller.now());
        drop(shared);
        self.inner.poller.wake();
        Ok(id)
    }

    /// Ends a wait: its last event, `ZMD_ERR_CANCELLED`, is there at once. The others go on. An id that has ended, or was
    /// never given, is fine.
    pub fn remove(&self, id: u64) -> Result<(), Error> {
        self.check_process()?;
        let mut shared = lock(&self.inner.shared);
        let removed = Error::new(ZMD_ERR_CANCELLED, "the wait was removed from its queue");
        if let Some(event) = shared.schedule.remove(id, self.inner.poller.now(), removed) {
            shared.sink.take(event);
        }
        Ok(())
    }

    /// The next event; without a `timeout` it blocks until there is one. `ZMD_ERR_TIMEOUT` if none came, and
    /// `ZMD_ERR_CANCELLED` if none will.
    pub fn next(&self, timeout: Option<Duration>) -> Result<WaitEvent, Error> {
        self.check_process()?;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut shared = lock(&self.inner.shared);
        loop {
            if let Some(event) = shared.sink.queue.pop_front() {
                return Ok(event);
            }
            if shared.sink.is_over {
                return Err(cancelled());
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let limit = timeout.unwrap_or_default().as_millis();
                return Err(Error::new(ZMD_ERR_TIMEOUT, format!("no event came within {limit} ms")));
            }
            // Not for ever at once: some systems' clocks overflow.
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
        if self.process == std::process::id() {
            return Ok(());
        }
        let message = "waits belongs to the process that made it, and this is a child of that: make another here";
        Err(Error::new(ZMD_ERR_INVALID_ARGUMENT, message))
    }
}

impl Inner {
    fn run(&self, concurrency: usize) {
        // What a bug leaves behind is ended all the same.
        let _ = panic::catch(|| {
            wait::run(&self.poller, &self.shared, concurrency);
            Ok(())
        });
        self.poller.interrupt();
        let mut shared = lock(&self.shared);
        shared.finish(self.poller.now(), &cancelled());
        shared.sink.is_over = true;
        drop(shared);
        self.ready.notify_all();
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // Its thread is the parent's, and may have been anywhere when the child was made.
            std::mem::forget((self.thread.take(), self.inner.clone()));
            return;
        }
        self.inner.poller.interrupt();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
