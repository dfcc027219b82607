//! What threads share things with, and what a thread holds at the moment: a callback of the host program, such as its
//! logger, is called only where that is nothing.
//!
//! In `make model` the types are the model checker's. That runs the tests in modules `model`, at the foot of the files they
//! are about: each again and again, with another order of the threads' steps. Time limits never expire there: so a thread
//! that nothing wakes is found as a deadlock.

#[cfg(not(all(test, shuttle)))]
mod types {
    pub(crate) use crate::process::process_id;
    pub(crate) use arc_swap::{ArcSwap, ArcSwapOption};
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::{thread, thread_local};
}

#[cfg(all(test, shuttle))]
mod types {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, Ordering};
    pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use shuttle::thread_local;

    pub(crate) type ArcSwap<T> = Swap<std::sync::Arc<T>>;
    pub(crate) type ArcSwapOption<T> = Swap<Option<std::sync::Arc<T>>>;

    /// arc-swap's operations are atomic; another thread may run before each.
    #[derive(Debug)]
    pub(crate) struct Swap<P: arc_swap::RefCnt>(arc_swap::ArcSwapAny<P>);

    impl<P: arc_swap::RefCnt> Swap<P> {
        pub(crate) fn new(value: P) -> Swap<P> {
            Swap(arc_swap::ArcSwapAny::new(value))
        }
    }

    impl<T> Swap<std::sync::Arc<T>> {
        pub(crate) fn from_pointee(value: T) -> Swap<std::sync::Arc<T>> {
            Swap::new(std::sync::Arc::new(value))
        }
    }

    impl<T> Swap<Option<std::sync::Arc<T>>> {
        pub(crate) fn empty() -> Swap<Option<std::sync::Arc<T>>> {
            Swap::new(None)
        }
    }

    impl<P: arc_swap::RefCnt + Default> Default for Swap<P> {
        fn default() -> Swap<P> {
            Swap::new(P::default())
        }
    }

    impl<P: arc_swap::RefCnt> std::ops::Deref for Swap<P> {
        type Target = arc_swap::ArcSwapAny<P>;

        fn deref(&self) -> &arc_swap::ArcSwapAny<P> {
            shuttle::thread::yield_now();
            &self.0
        }
    }

    static PROCESS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

    pub(crate) fn process_id() -> u64 {
        PROCESS.load(Ordering::SeqCst)
    }

    /// From here on it is another process, as after `fork()`.
    pub(crate) fn fork() {
        PROCESS.fetch_add(1, Ordering::SeqCst);
    }

    /// Runs `model` in random orders, and in those that change between threads seldom but anywhere.
    pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
        let model = std::sync::Arc::new(model);
        let orders = std::env::var("MODEL_ORDERS").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000);
        let again = model.clone();
        shuttle::check_random(move || again(), orders);
        shuttle::check_pct(move || model(), orders, 3);
    }

    pub(crate) mod thread {
        pub(crate) use shuttle::thread::*;

        /// That of the standard library.
        pub(crate) struct Builder(shuttle::thread::Builder);

        impl Builder {
            pub(crate) fn new() -> Builder {
                Builder(shuttle::thread::Builder::new())
            }

            pub(crate) fn name(self, name: String) -> Builder {
                Builder(self.0.name(name))
            }

            pub(crate) fn spawn<T: Send + 'static>(
                self,
                work: impl FnOnce() -> T + Send + 'static,
            ) -> std::io::Result<JoinHandle<T>> {
                self.0.spawn(work)
            }
        }
    }
}

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

#[cfg(all(test, shuttle))]
pub(crate) use types::{ArcSwap, ArcSwapOption, AtomicBool, Ordering, check, fork, process_id, thread, thread_local};
#[cfg(not(all(test, shuttle)))]
pub(crate) use types::{ArcSwap, ArcSwapOption, AtomicBool, Ordering, process_id, thread, thread_local};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Counts what this thread holds while others may wait for it: a lock, or the right to make a call.
#[derive(Debug)]
pub(crate) struct Held(
    /// It stays on its thread.
    PhantomData<*const ()>,
);

impl Held {
    pub(crate) fn new() -> Held {
        let _ = HELD.try_with(|held| held.set(held.get() + 1));
        Held(PhantomData)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| held.set(held.get() - 1));
    }
}

/// Whether this thread holds nothing, so that a callback of the host program may be called.
pub(crate) fn holds_nothing() -> bool {
    HELD.try_with(Cell::get).unwrap_or(0) == 0
}

/// Lets the logger deliver the lines that it collected from this thread, if the thread holds nothing.
///
/// The host's logger may do anything, also call this library or wait for another thread that does, and a slow one must not
/// delay other threads. So it is called here, and not in the middle of the work, where locks are held: ours, and those of
/// the libraries below, which log too.
pub(crate) fn deliver_log() {
    if log::max_level() != log::LevelFilter::Off && holds_nothing() {
        log::logger().flush();
    }
}

/// A mutex whose holder is counted: see [`holds_nothing`].
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(types::Mutex<T>);

/// Holds a [`Mutex`] until it is dropped.
pub(crate) struct MutexGuard<'a, T>(types::MutexGuard<'a, T>, Held);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(types::Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A condition variable for a [`Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Condvar(types::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Condvar {
        Condvar(types::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, MutexGuard(guard, held): MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard(self.0.wait(guard).unwrap_or_else(PoisonError::into_inner), held)
    }

    /// Waits for at most an hour at a time, as some systems' clocks overflow.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        MutexGuard(guard, held): MutexGuard<'a, T>,
        limit: Duration,
    ) -> MutexGuard<'a, T> {
        let limit = limit.min(Duration::from_secs(3600));
        MutexGuard(self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0, held)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A lock that a panic elsewhere does not spoil: what it guards is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    MutexGuard(mutex.0.lock().unwrap_or_else(PoisonError::into_inner), Held::new())
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_holds_is_counted() {
        let (outer, inner, condition) = (Mutex::new(1), Mutex::new(2), Condvar::new());
        assert!(holds_nothing());
        let held = lock(&outer);
        let second = lock(&inner);
        drop(held);
        assert!(!holds_nothing());
        let second = condition.wait_timeout(second, Duration::from_millis(1));
        assert!(*second == 2 && !holds_nothing());
        std::thread::scope(|scope| assert!(scope.spawn(holds_nothing).join().unwrap(), "each thread for itself"));
        drop(second);
        assert!(holds_nothing());
    }
}
