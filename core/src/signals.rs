//! Signals that a write raises, which would end the process of the host.
//!
//! One of six modules with unsafe code: no safe interface to signal masks exists that works on every target.

#![allow(unsafe_code)]

use std::io;

/// How large a file may become that this process writes; `None`: as large as it likes, or the system does not say.
#[allow(clippy::useless_conversion)] // on 32 bits the number has 32
pub(crate) fn file_size_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure outlives the call. Where a sandbox refuses it, the structure stays as it is.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur.into())
}

/// Writes what nobody may read, or what is too large for a file of this process: an error, and not the end of the process by
/// SIGPIPE or SIGXFSZ. A process in the background is not stopped (SIGTTOU) for a line on its terminal.
pub(crate) fn without_signals<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    const RAISED: [libc::c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];
    // SAFETY: all sets are initialized by the functions that get them, and outlive the calls. The mask is this thread's.
    unsafe {
        let [mut blocked, mut before, mut pending] = [std::mem::zeroed::<libc::sigset_t>(); 3];
        libc::sigemptyset(&raw mut blocked);
        for signal in RAISED.into_iter().chain([libc::SIGTTOU]) {
            libc::sigaddset(&raw mut blocked, signal);
        }
        libc::sigpending(&raw mut pending);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, &raw mut before);
        let result = write();
        if result.is_err() {
            let mut now = pending;
            libc::sigpending(&raw mut now);
            for signal in RAISED {
                // One that was pending before is the host's.
                if libc::sigismember(&raw const now, signal) == 1 && libc::sigismember(&raw const pending, signal) != 1
                {
                    let mut raised = std::mem::zeroed::<libc::sigset_t>();
                    libc::sigemptyset(&raw mut raised);
                    libc::sigaddset(&raw mut raised, signal);
                    #[cfg(target_vendor = "apple")]
                    libc::sigwait(&raw const raised, &mut 0);
                    #[cfg(not(target_vendor = "apple"))]
                    libc::sigtimedwait(&raw const raised, std::ptr::null_mut(), &std::mem::zeroed());
                }
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        result
    }
}
