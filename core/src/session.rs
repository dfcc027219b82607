//! A client's connections and locks, which belong to one process, and its cancelled flag.

use std::sync::{Arc, Weak};

use crate::error::Error;
use crate::error::cancelled;
use crate::http::{Http, Network};
use crate::limiter::{Limiter, LimiterSettings};
use crate::oauth::RenewalLock;
use crate::sync::{ArcSwap, AtomicBool, Ordering, process_id};

/// What a client does not share with its clones: its connections, and whether it was cancelled.
pub(crate) struct Session {
    limits: LimiterSettings,
    process: ArcSwap<Process>,
    cancelled: AtomicBool,
    /// The clients that this is a clone of, directly or not.
    origins: Vec<Weak<Session>>,
    /// Its clones, and their clones. Without a lock, so that it works after `fork()`.
    clones: ArcSwap<Vec<Weak<Session>>>,
}

/// What belongs to one process. Each call holds an `Arc` of it. In a child of `fork()`, a call that another thread of the
/// parent was in keeps its `Arc` for ever, so the child never drops a value that may be half changed. If there was no such
/// call, the child drops its copy.
pub(crate) struct Process {
    id: u64,
    pub(crate) http: Http,
    pub(crate) renewal: Arc<RenewalLock>,
    pub(crate) limiter: Arc<Limiter>,
}

impl Process {
    fn new(http: Http, renewal: Arc<RenewalLock>, limiter: Arc<Limiter>) -> Process {
        Process { id: process_id(), http, renewal, limiter }
    }
}

impl Session {
    pub(crate) fn new(network: &Network, limits: LimiterSettings) -> Arc<Session> {
        let limiter = Arc::new(Limiter::new(limits.clone()));
        Session::with(Process::new(Http::new(network), Arc::default(), limiter), limits, Vec::new())
    }

    fn with(process: Process, limits: LimiterSettings, origins: Vec<Weak<Session>>) -> Arc<Session> {
        let (cancelled, clones) = (AtomicBool::new(false), ArcSwap::default());
        Arc::new(Session { limits, process: ArcSwap::from_pointee(process), cancelled, origins, clones })
    }

    /// This process's connections.
    pub(crate) fn process(&self, network: &Network) -> Arc<Process> {
        let current = self.process.load_full();
        if current.id == process_id() {
            return current;
        }
        let ours =
            Arc::new(Process::new(Http::new(network), Arc::default(), Arc::new(Limiter::new(self.limits.clone()))));
        if self.is_cancelled() {
            ours.http.cancel();
        }
        let previous = self.process.compare_and_swap(&current, ours.clone());
        if Arc::ptr_eq(&previous, &current) { ours } else { Arc::clone(&previous) }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// A session that can be cancelled on its own, and is cancelled with this one. `ZMD_ERR_CANCELLED` if this one was.
    pub(crate) fn try_clone(self: &Arc<Session>, network: &Network) -> Result<Arc<Session>, Error> {
        let ours = self.process(network);
        let origins = self.origins.iter().cloned().chain([Arc::downgrade(self)]).collect();
        let process = Process::new(ours.http.of_clone(network), ours.renewal.clone(), ours.limiter.clone());
        let clone = Session::with(process, self.limits.clone(), origins);
        let origins: Vec<_> = clone.origins.iter().filter_map(Weak::upgrade).collect();
        // The clone is registered first and the flag checked then; `cancel` sets the flag first and reads the clones then.
        // So one of the two sees the other.
        origins.iter().for_each(|origin| origin.register(&clone));
        if origins.iter().any(|origin| origin.is_cancelled()) {
            return Err(cancelled());
        }
        Ok(clone)
    }

    /// Ends every call in progress in it and in its clones. All later calls fail too.
    pub(crate) fn cancel(&self, network: &Network) {
        self.cancel_alone(network);
        // Either a clone is in the list here, or `try_clone` sees that this session is cancelled.
        for clone in self.clones.swap(Arc::default()).iter().filter_map(Weak::upgrade) {
            clone.cancel_alone(network);
        }
    }

    fn cancel_alone(&self, network: &Network) {
        self.cancelled.store(true, Ordering::SeqCst);
        let process = self.process(network);
        process.http.cancel();
        process.limiter.wake();
    }

    /// Adds a clone to the list, and removes those that were dropped.
    fn register(&self, clone: &Arc<Session>) {
        self.clones.rcu(|clones| {
            let alive = clones.iter().filter(|clone| clone.strong_count() > 0).cloned();
            alive.chain([Arc::downgrade(clone)]).collect::<Vec<_>>()
        });
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_cancel_reaches_clones_and_their_clones_but_not_the_origin() {
        let network = Network::new(&Config::new()).unwrap();
        let origin = Session::new(&network, LimiterSettings { limit: 1, cache: None });
        let clone = || origin.try_clone(&network).unwrap();
        let (other, middle) = (clone(), clone());
        let last = middle.try_clone(&network).unwrap();
        middle.cancel(&network);
        let cancelled = [&origin, &other, &middle, &last].map(|session| session.process(&network).http.is_cancelled());
        assert_eq!(cancelled, [false, false, true, true]);
        assert!(middle.try_clone(&network).is_err() && last.try_clone(&network).is_err());
        origin.cancel(&network);
        assert!(other.process(&network).http.is_cancelled());
    }

    #[test]
    fn a_clone_that_was_dropped_takes_no_memory() {
        let network = Network::new(&Config::new()).unwrap();
        let origin = Session::new(&network, LimiterSettings { limit: 1, cache: None });
        for _ in 0..10 {
            origin.try_clone(&network).unwrap();
        }
        let kept = [origin.try_clone(&network), origin.try_clone(&network)].map(Result::unwrap);
        assert_eq!(origin.clones.load().len(), kept.len());
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use super::*;
    use crate::config::Config;
    use crate::sync::{check, fork, thread};

    fn is_cancelled(session: &Session, network: &Network) -> bool {
        session.process(network).http.is_cancelled()
    }

    #[test]
    fn a_clone_is_cancelled_or_refused() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let (session, cancelled) =
                (Session::new(&network, LimiterSettings { limit: 1, cache: None }), network.clone());
            let origin = session.clone();
            let canceller = thread::spawn(move || origin.cancel(&cancelled));
            let clones = session.try_clone(&network).and_then(|clone| Ok((clone.try_clone(&network)?, clone)));
            canceller.join().unwrap();
            if let Ok((second, first)) = clones {
                assert!(is_cancelled(&first, &network) && is_cancelled(&second, &network));
            }
            assert!(is_cancelled(&session, &network) && session.try_clone(&network).is_err());
        });
    }

    #[test]
    fn the_threads_of_a_child_share_one_process_which_a_cancel_reaches() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let session = Session::new(&network, LimiterSettings { limit: 1, cache: None });
            let parent = session.process(&network);
            fork();
            let in_thread = |work: fn(&Session, &Network) -> Arc<Process>| {
                let (session, network) = (session.clone(), network.clone());
                thread::spawn(move || work(&session, &network))
            };
            let callers = [in_thread(|session, network| session.process(network)), in_thread(Session::process)];
            let canceller = in_thread(|session, network| {
                session.cancel(network);
                session.process(network)
            });
            let child = canceller.join().unwrap();
            for caller in callers {
                assert!(Arc::ptr_eq(&caller.join().unwrap(), &child));
            }
            assert!(child.http.is_cancelled() && !parent.http.is_cancelled());
        });
        // Or one before the fork. In the same test, as both change the number of the process, which all tests have in common.
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let session = Session::new(&network, LimiterSettings { limit: 1, cache: None });
            session.cancel(&network);
            fork();
            let call = || {
                let (session, network) = (session.clone(), network.clone());
                thread::spawn(move || assert!(is_cancelled(&session, &network)))
            };
            for call in [call(), call()] {
                call.join().unwrap();
            }
        });
    }
}
