//! Threads of this library. One of six modules with unsafe code: no safe interface to signal masks exists that works on every
//! target.

use std::io;

use crate::logging;
use crate::sync::thread::{self, JoinHandle};
use task::Task;

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

    pub(crate) fn spawn<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Thread<T>> {
        let work = logging::for_thread(work);
        self.0.spawn(|| (work(), Task::of_this_thread())).map(Thread)
    }
}

/// A thread of this library, to be joined.
#[derive(Debug)]
pub(crate) struct Thread<T>(JoinHandle<(T, Task)>);

impl<T> Thread<T> {
    /// Waits until the thread has ended, also for the kernel: a program that counts its threads after a call, as Python does at
    /// `fork()`, does not find it.
    pub(crate) fn join(self) -> thread::Result<T> {
        let (result, task) = self.0.join()?;
        task.wait_for_end();
        Ok(result)
    }
}

/// What a thread is to the kernel.
#[cfg(all(target_os = "linux", not(miri), not(all(test, shuttle))))]
#[allow(unsafe_code)]
mod task {
    use std::thread::sleep;
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) struct Task(rustix::thread::Pid);

    impl Task {
        pub(super) fn of_this_thread() -> Task {
            Task(rustix::thread::gettid())
        }

        /// `pthread_join()` returns when a thread has left the memory of its process, and it leaves the list of threads some
        /// microseconds later, or when the system next has time for it. Nothing announces that, so this asks, for about
        /// a second at most.
        pub(super) fn wait_for_end(&self) {
            for _ in 0..10_000 {
                if !self.is_there() {
                    return;
                }
                sleep(Duration::from_micros(100));
            }
        }

        pub(super) fn is_there(&self) -> bool {
            let long = libc::c_long::from;
            // SAFETY: signal 0 is sent to nobody: the kernel only says whether this process has such a thread.
            unsafe {
                libc::syscall(libc::SYS_tgkill, long(libc::getpid()), long(self.0.as_raw_nonzero().get()), 0) == 0
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(all(test, shuttle)))))]
mod task {
    #[derive(Debug)]
    pub(super) struct Task;

    impl Task {
        pub(super) fn of_this_thread() -> Task {
            Task
        }

        pub(super) fn wait_for_end(&self) {}
    }
}

/// The signals of a thread's own faults. Code of the host runs on threads of ours, too (its logger, its token provider), and a
/// fault in it reaches the host's handler only where the signal is not blocked.
#[cfg(unix)]
const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Starts a thread under the library's name. `spawn` runs with all signals but `FAULTS` and those of real time blocked, so that
/// the thread inherits that: no handler of the host program is called on a thread of ours for what happens elsewhere. The
/// calling thread's own mask is as before afterwards; a signal that comes meanwhile waits.
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
            // With one of them .NET and Mono stop the threads that have run their code, and wait for each.
            #[cfg(target_os = "linux")]
            for signal in libc::SIGRTMIN()..=libc::SIGRTMAX() {
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
        #[cfg(target_os = "linux")]
        {
            let work = move || [libc::SIGRTMIN(), libc::SIGRTMIN() + 1, libc::SIGRTMAX()].map(is_blocked);
            let thread = quiet_thread(|builder| builder.spawn(work)).unwrap();
            assert_eq!(thread.join().unwrap(), [false; 3]);
        }
        assert!(!is_blocked(libc::SIGTERM));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_has_no_thread_that_was_joined() {
        // Descriptors that only this thread has are closed when `pthread_join()` has returned: with many of them it is there for a
        // while. It gets no copies of those of other tests.
        let end_slowly = || {
            // SAFETY: it concerns this thread alone, and no pointers.
            #[allow(unsafe_code)]
            let has_own = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_UNSHARE) } == 0;
            if has_own {
                (0..500).for_each(|_| std::mem::forget(std::fs::File::open("/dev/null")));
            }
            Task::of_this_thread()
        };
        for _ in 0..20 {
            let thread = quiet_thread(|builder| builder.spawn(end_slowly)).unwrap();
            assert!(!thread.join().unwrap().is_there());
        }
        assert!(Task::of_this_thread().is_there());
    }
}
