//! A queue of waits for the jobs of a client: many calls without a thread for each.

use std::sync::Arc;
use std::time::Duration;

use super::poller::ClientPoller;
use super::status::Client;
use crate::client_log::{self, ClientLog};
use crate::error::Error;
use crate::job::{JobId, ModuleName, NamedJob};
use crate::wait::Operation;
use crate::wait::queue::{Queue, WaitEvent};

/// A queue of waits, which any number of threads may share.
///
/// It has one scheduling thread, and up to `max_concurrency` threads that poll, however many waits there are. It belongs to
/// the process that created it: in a child of `fork()` every call returns an error.
pub struct Waits {
    queue: Queue<ClientPoller>,
    /// The client's own log.
    log: Option<Arc<ClientLog>>,
}

impl Waits {
    /// A queue with a clone of the client: cancelling the client cancels the queue; the client may be dropped first.
    pub fn new(client: &Client) -> Result<Waits, Error> {
        let _scope = client.log_scope();
        let poller = ClientPoller::with_its_own(client.try_clone()?);
        let queue = Queue::new(poller, client.account.limits, client.account.max_concurrency)?;
        Ok(Waits { queue, log: client.account.log.clone() })
    }

    /// Waits until a job has ended: see [`Client::wait`]. Returns the id of its events.
    pub fn add(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        let _scope = self.log_scope();
        self.queue.add(NamedJob::new(module, job_id), Operation::Wait { timeout })
    }

    /// Asks for a job's status once, with retries as in [`Client::status`]: it has one event. Without a `timeout` the limit
    /// is the setting `timeout_ms`.
    pub fn add_status(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Result<u64, Error> {
        let _scope = self.log_scope();
        self.queue.add(NamedJob::new(module, job_id), Operation::Status { timeout })
    }

    /// Ends a wait: its last event, `ZMD_ERR_CANCELLED`, is queued at once. The others continue. Does nothing if the wait
    /// has ended or the id is unknown.
    pub fn remove(&self, id: u64) -> Result<(), Error> {
        let _scope = self.log_scope();
        self.queue.remove(id)
    }

    /// Returns the next event; without a `timeout` it blocks until there is one. Fails with `ZMD_ERR_TIMEOUT` if there was
    /// none in time, and with `ZMD_ERR_CANCELLED` if there will be none.
    pub fn next(&self, timeout: Option<Duration>) -> Result<WaitEvent, Error> {
        let _scope = self.log_scope();
        self.queue.next(timeout)
    }

    /// A descriptor that is readable while [`next`](Self::next) returns at once: an event, or that there will be none. On Windows
    /// it is the handle of an event object, which is signaled then. It is created by the first call, belongs to the queue, and
    /// must not be read, written, set or closed.
    pub fn handle(&self) -> Result<isize, Error> {
        self.queue.handle()
    }

    /// Ends all waits, each with `ZMD_ERR_CANCELLED`, and refuses later ones.
    pub fn cancel(&self) -> Result<(), Error> {
        let _scope = self.log_scope();
        self.queue.cancel()
    }

    /// Lines of this thread are those of the client, until it is dropped.
    fn log_scope(&self) -> client_log::Scope {
        client_log::enter(self.log.as_ref())
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::http::{Http, Network};
    use crate::retry::Failure;
    use crate::status::{State, Status};
    use crate::sync::{check, thread};
    use crate::wait::queue::Update;
    use crate::wait::{Limits, Poller, Query};

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

    fn queue(network: &Network, concurrency: usize) -> Arc<Queue<Service>> {
        let limits =
            Limits { poll_min: Duration::ZERO, poll_max: Duration::ZERO, unreachable: Duration::ZERO, stalled: None };
        Arc::new(Queue::new(Service(Http::new(network)), limits, concurrency).unwrap())
    }

    fn add(queue: &Queue<Service>, job: u64) -> u64 {
        queue.add(job, Operation::Wait { timeout: None }).unwrap()
    }

    #[test]
    fn every_wait_that_is_added_ends_with_its_own_result() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            for concurrency in [1, 2] {
                let queue = queue(&network, concurrency);
                let other = queue.clone();
                let adder = thread::spawn(move || add(&other, 101));
                let ids = [add(&queue, 100), add(&queue, 102)];
                let events = [(); 3].map(|()| queue.next(None).unwrap());
                let ids = [ids[0], adder.join().unwrap(), ids[1]];
                for (id, job) in ids.into_iter().zip(100..) {
                    let event = events.iter().find(|event| event.id == id).unwrap();
                    let Update::Ended(waited) = &event.update else { panic!("an end") };
                    assert_eq!(waited.last.as_ref().unwrap().total, Some(job));
                }
            }
        });
    }

    #[test]
    fn after_a_cancel_every_wait_has_had_its_last_event() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let queue = queue(&network, 2);
            let ids = [add(&queue, 1), add(&queue, 2)];
            queue.remove(ids[0]).unwrap();
            queue.cancel().unwrap();
            let events: Vec<_> = std::iter::from_fn(|| queue.next(None).ok()).collect();
            for id in ids {
                let ends = events.iter().filter(|event| event.id == id && matches!(event.update, Update::Ended(_)));
                assert_eq!(ends.count(), 1);
            }
            assert!(queue.add(3, Operation::Wait { timeout: None }).is_err());
        });
    }
}
