//! Threads of this library. With `process.rs` and `descriptor.rs` the only unsafe code: no safe interface to signal masks exists
//! that works on every target.

use std::io;

use crate::logging;
use crate::sync::thread::{self, JoinHandle};

/// Starts one thread of this library.
pub(crate) struct Builder(thread::Builder);

impl Builder {
    fn new() -> Builder {
        let builder = thread::Builder::new().name("libzmd".to_owned());
        // The default of the standard library, which otherwise reads RUST_MIN_STACK from the environment. The host's token
        // provider and logger run on it.
        #[cfg(not(all(test, shuttle)))]
        let builder = builder.stack_size(2 << 20);
        Builder(builder)
    }

    pub(crate) fn spawn<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        self.0.spawn(logging::for_thread(work))
    }
}

/// The signals of a thread's own faults. Code of the host runs on threads of ours, too (its logger, its token provider), and a
/// fault in it reaches the host's handler only where the signal is not blocked.
#[cfg(unix)]
const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Starts a thread under the library's name. `spawn` runs with all signals but `FAULTS` blocked, so that the thread inherits
/// that: no handler of the host program is called on a thread of ours for what happens elsewhere. The calling thread's own
/// mask is as before afterwards; a signal that comes meanwhile waits.
pub(crate) fn quiet_thread<T>(spawn: impl FnOnce(Builder) -> T) -> T {
    let builder = Builder::new();
    // Miri knows no signals.
    #[cfg(all(unix, not(miri)))]
    #[allow(unsafe_code)]
    {
        // SAFETY: a sigset_t is plain data, and both are filled in before they are read; all pointers are valid or
        // NULL; nothing changes but the mask of this thread.
        unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut all);
            for signal in FAULTS {
                libc::sigdelset(&mut all, signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let result = spawn(builder);
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
            result
        }
    }
    #[cfg(any(not(unix), miri))]
    spawn(builder)
}

#[cfg(all(test, unix, not(miri), not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_blocks_all_signals_but_those_of_its_own_faults() {
        // SAFETY: a sigset_t is plain data, which is filled in before it is read; the mask stays as it is.
        #[allow(unsafe_code)]
        let is_blocked = |signal| unsafe {
            let mut mask = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &mut mask);
            libc::sigismember(&mask, signal) == 1
        };
        let work = move || (FAULTS.map(is_blocked), [libc::SIGTERM, libc::SIGALRM, libc::SIGUSR1].map(is_blocked));
        let thread = quiet_thread(|builder| builder.spawn(work)).unwrap();
        assert_eq!(thread.join().unwrap(), ([false; 5], [true; 3]));
        assert!(!is_blocked(libc::SIGTERM));
    }
}
