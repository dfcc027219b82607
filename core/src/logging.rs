//! What a program's logger needs if it calls this library itself: which threads' lines to discard.
//!
//! Lines are logged with the crate `log`. A logger that collects them can deliver those of a thread in its `flush()`, which
//! this library calls on each of its threads where no lock is held. It also writes the lines of clients that have a log of
//! their own: see [`log_for`].

use std::cell::Cell;

use crate::client_log;
pub use crate::client_log::{ClientLog, host_level, log_for, set_host_level};
pub use crate::log_filter::{is_without_secrets, level, part};
use crate::sync::deliver_log;

thread_local! {
    static IS_DISCARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, such as a logger's callback. Meanwhile [`is_discarded`] returns `true` on this thread, and for as long as
/// they run on the threads that calls of `body` start: otherwise a callback that makes calls would be called for the lines
/// of these calls, without an end.
pub fn discard<T>(body: impl FnOnce() -> T) -> T {
    let _restore = Restore(set(true));
    body()
}

/// Whether a logger is to discard the lines of this thread: it runs inside [`discard`].
pub fn is_discarded() -> bool {
    // Late in a thread's life the value is gone. What is logged there is discarded.
    IS_DISCARDED.try_with(Cell::get).unwrap_or(true)
}

/// Sets it for this thread, and returns what it was.
fn set(is_discarded: bool) -> bool {
    IS_DISCARDED.try_with(|cell| cell.replace(is_discarded)).unwrap_or(true)
}

struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        set(self.0);
    }
}

/// The work of a thread: with the starting thread's [`is_discarded`] and client, and a flush of the thread's lines at its end.
pub(crate) fn for_thread<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let (is_inherited, log) = (is_discarded(), client_log::current());
    move || {
        set(is_inherited);
        let _scope = client_log::enter(log.as_ref());
        let result = work();
        deliver_log();
        result
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::thread::quiet_thread;

    #[test]
    fn threads_that_are_started_inside_discard_inherit_it() {
        let in_thread = || quiet_thread(|builder| builder.spawn(is_discarded)).unwrap().join().unwrap();
        assert!(!is_discarded() && !in_thread());
        discard(|| {
            assert!(is_discarded() && in_thread());
            discard(|| ());
            assert!(is_discarded(), "an inner one does not end the outer one");
        });
        assert!(!is_discarded() && !in_thread());
    }
}
