//! What threads share things with: the standard library's types, or the model checker's in `make model`.
//!
//! That runs the tests in modules `model`, at the foot of the files they are about: each again and again, with another order
//! of the threads' steps. Time limits never expire there: so a thread that nothing wakes is found as a deadlock.

#[cfg(not(all(test, shuttle)))]
mod types {
    pub(crate) use arc_swap::{ArcSwap, ArcSwapOption};
    pub(crate) use std::process::id as process_id;
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::{thread, thread_local};
}

#[cfg(all(test, shuttle))]
mod types {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
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

    static PROCESS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);

    pub(crate) fn process_id() -> u32 {
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

use std::sync::PoisonError;

pub(crate) use types::*;

/// A lock that a panic elsewhere does not spoil: what it guards is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
