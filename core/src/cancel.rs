//! The cancel of a client's calls in one process: it ends everything that they wait for, sockets, sleeps, lookups and locks
//! alike.
//!
//! A thread waits either in `poll()`, with [`Cancel::signal`] among the descriptors, or in [`Cancel::sleep_until`].

use std::cell::RefCell;
use std::io;
#[cfg(unix)]
use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::descriptor::{Descriptor, pipe};
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering, deliver_log, lock, thread_local};

/// Ends every wait of a session at once, and all later ones, when the session is cancelled.
///
/// It belongs to one process: a child of `fork()` makes its own.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    is_cancelled: AtomicBool,
    /// The connections hold it: a client without any holds no descriptor.
    signal: Mutex<Weak<Signal>>,
    sleepers: Arc<Sleepers>,
}

/// The sleeping threads of a client and its clones, which share locks.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    lock: Mutex<()>,
    woken: Condvar,
}

impl Sleepers {
    /// Wakes every sleeping thread, which checks its condition again.
    pub(crate) fn wake(&self) {
        let _lock = lock(&self.lock);
        self.woken.notify_all();
    }
}

impl Cancel {
    /// For a clone of the client, which is cancelled on its own.
    pub(crate) fn of_clone(&self) -> Cancel {
        Cancel { sleepers: self.sleepers.clone(), ..Cancel::default() }
    }

    /// Whether it was cancelled, or the call that this thread makes.
    pub(crate) fn is_cancelled(&self) -> bool {
        let of_call = |call: &RefCell<Option<Arc<Cancel>>>| call.borrow().as_ref().is_some_and(|call| call.is_set());
        self.is_set() || CALL.try_with(of_call).unwrap_or(false)
    }

    fn is_set(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }

    /// Makes it end everything that this thread waits for, beside the cancel of the client, until the result is dropped.
    /// The sleeping thread has to be woken too.
    pub(crate) fn of_this_thread(self: Arc<Cancel>) -> CallScope {
        CallScope(CALL.try_with(|call| call.replace(Some(self))).unwrap_or(None))
    }

    pub(crate) fn cancel(&self) {
        if !self.is_cancelled.swap(true, Ordering::SeqCst)
            && let Some(signal) = lock(&self.signal).upgrade()
        {
            signal.raise();
        }
        self.sleepers.wake();
    }

    /// What a connection waits for beside its socket.
    pub(crate) fn signal(&self) -> io::Result<Arc<Signal>> {
        let mut current = lock(&self.signal);
        if let Some(signal) = current.upgrade() {
            return Ok(signal);
        }
        let signal = Arc::new(Signal::new()?);
        *current = Arc::downgrade(&signal);
        // Under the lock: a cancel either finds it there, or has happened before.
        if self.is_set() {
            signal.raise();
        }
        Ok(signal)
    }

    /// For threads that end a sleep and do not use the client otherwise.
    pub(crate) fn sleepers(&self) -> &Arc<Sleepers> {
        &self.sleepers
    }

    /// Wakes every sleeping thread, which checks its condition again.
    pub(crate) fn wake(&self) {
        self.sleepers.wake();
    }

    /// Sleeps until `until`, until `is_awake` returns `true`, or until a cancel. `is_awake` is called at first and after each
    /// [`wake`](Self::wake).
    pub(crate) fn sleep_until(&self, until: Option<Instant>, mut is_awake: impl FnMut() -> bool) {
        deliver_log();
        let mut sleep = lock(&self.sleepers.lock);
        while !self.is_cancelled() && !is_awake() {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            sleep = self.sleepers.woken.wait_timeout(sleep, left);
        }
    }
}

thread_local! {
    /// What ends the call that this thread makes, beside the cancel of the client. Calls in an exit handler or a destructor of
    /// the thread do without it: it may be gone.
    static CALL: RefCell<Option<Arc<Cancel>>> = const { RefCell::new(None) };
}

/// While it lives, a call of this thread can be cancelled alone: see [`Cancel::of_this_thread`].
pub(crate) struct CallScope(Option<Arc<Cancel>>);

impl Drop for CallScope {
    fn drop(&mut self) {
        let _ = CALL.try_with(|call| call.replace(self.0.take()));
    }
}

/// What a connection waits for beside its socket if the call of this thread can be cancelled alone.
pub(crate) fn signal_of_call() -> io::Result<Option<Arc<Signal>>> {
    CALL.try_with(|call| call.borrow().as_ref().map(|call| call.signal()).transpose()).unwrap_or(Ok(None))
}

/// A descriptor that becomes readable once, and stays so.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signal {
    reader: Descriptor<io::PipeReader>,
    writer: Descriptor<io::PipeWriter>,
}

#[cfg(unix)]
impl Signal {
    fn new() -> io::Result<Signal> {
        let (reader, writer) = pipe()?;
        Ok(Signal { reader, writer })
    }

    fn raise(&self) {
        // Twice at most, so the pipe is never full.
        let _ = (&*self.writer).write(&[1]);
    }

    pub(crate) fn descriptor(&self) -> &io::PipeReader {
        &self.reader
    }
}

/// Windows polls sockets only: a datagram to oneself is the signal there.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signal(std::net::UdpSocket);

#[cfg(not(unix))]
impl Signal {
    fn new() -> io::Result<Signal> {
        let socket = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
        socket.connect(socket.local_addr()?)?;
        Ok(Signal(socket))
    }

    fn raise(&self) {
        let _ = self.0.send(&[1]);
    }

    pub(crate) fn descriptor(&self) -> &std::net::UdpSocket {
        &self.0
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_on_time_when_it_is_woken_or_by_a_cancel() {
        let cancel = Cancel::default();
        let begin = Instant::now();
        cancel.sleep_until(Some(begin + Duration::from_millis(30)), || false);
        assert!(begin.elapsed() >= Duration::from_millis(30));
        let hour = || Some(Instant::now() + Duration::from_secs(3600));
        let is_awake = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| cancel.sleep_until(hour(), || is_awake.load(Ordering::SeqCst)));
            is_awake.store(true, Ordering::SeqCst);
            // By a clone: they share locks.
            cancel.of_clone().wake();
            sleeper.join().unwrap();
            let sleepers = [
                scope.spawn(|| cancel.sleep_until(hour(), || false)),
                scope.spawn(|| cancel.sleep_until(None, || false)),
            ];
            cancel.cancel();
            sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        });
        cancel.sleep_until(None, || false);
    }

    #[test]
    fn the_call_of_a_thread_is_cancelled_alone() {
        let (client, call) = (Cancel::default(), Arc::new(Cancel::default()));
        std::thread::scope(|scope| {
            let in_call = scope.spawn(|| {
                let _call = call.clone().of_this_thread();
                client.sleep_until(None, || false);
                assert!(client.is_cancelled() && signal_of_call().unwrap().is_some());
            });
            call.cancel();
            client.wake();
            in_call.join().unwrap();
        });
        assert!(!client.is_cancelled() && signal_of_call().unwrap().is_none());
    }

    #[test]
    fn a_clone_is_cancelled_on_its_own() {
        let cancel = Cancel::default();
        let clone = cancel.of_clone();
        clone.cancel();
        assert!(clone.is_cancelled() && !cancel.is_cancelled() && cancel.of_clone().signal().is_ok());
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use super::*;
    use crate::sync::{check, thread};

    #[test]
    fn a_cancel_ends_every_sleep() {
        check(move || {
            let cancel = Arc::new(Cancel::default());
            let sleepers = [cancel.clone(), cancel.clone()];
            let sleepers = sleepers.map(|cancel| thread::spawn(move || cancel.sleep_until(None, || false)));
            cancel.cancel();
            sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        });
    }

    #[test]
    fn a_wake_reaches_the_sleepers_of_clones() {
        check(move || {
            let cancel = Arc::new(Cancel::default());
            let is_awake = Arc::new(AtomicBool::new(false));
            let (clone, seen) = (cancel.of_clone(), is_awake.clone());
            let sleeper = thread::spawn(move || clone.sleep_until(None, || seen.load(Ordering::SeqCst)));
            is_awake.store(true, Ordering::SeqCst);
            cancel.wake();
            sleeper.join().unwrap();
        });
    }
}
