//! Threads of this library. The one module with unsafe code: no safe interface to signal masks exists that works on every
//! target.

use crate::sync::thread::Builder;

/// Starts a thread under the library's name. `spawn` runs with all signals blocked, so that the thread inherits
/// that: no handler of the host program ever runs on a thread of ours. The calling thread's own mask is as before
/// afterwards; a signal that comes meanwhile waits.
pub(crate) fn quiet_thread<T>(spawn: impl FnOnce(Builder) -> T) -> T {
    let builder = Builder::new().name("libzmd".to_owned());
    // Miri knows no signals.
    #[cfg(all(unix, not(miri)))]
    #[allow(unsafe_code)]
    {
        // SAFETY: a sigset_t is plain data, and both are filled in before they are read; all pointers are valid or
        // NULL; nothing changes but the mask of this thread.
        unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let result = spawn(builder);
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
            result
        }
    }
    #[cfg(any(not(unix), miri))]
    spawn(builder)
}
