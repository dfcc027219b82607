//! `pthread_cancel()` waits for the end of a call, and of what is done before and after a `fork()`.
//!
//! One of six modules with unsafe code: it declares a function of the C library.

#![allow(unsafe_code)]

/// Disables the cancellation of the calling thread until it is dropped. A thread that is cancelled inside a call would be
/// unwound through Rust code, which aborts the process.
#[must_use]
#[derive(Debug)]
pub struct NotCancelled(i32);

impl NotCancelled {
    /// Until the value is dropped.
    pub fn begin() -> NotCancelled {
        NotCancelled(system::set_state(system::DISABLE))
    }
}

impl Drop for NotCancelled {
    fn drop(&mut self) {
        system::set_state(self.0);
    }
}

#[cfg(all(any(target_os = "linux", target_os = "macos"), not(miri)))]
mod system {
    /// `PTHREAD_CANCEL_DISABLE`, which the crate libc has for macOS alone.
    pub(super) const DISABLE: i32 = if cfg!(target_os = "macos") { 0 } else { 1 };

    unsafe extern "C" {
        safe fn pthread_setcancelstate(state: i32, previous: &mut i32) -> i32;
    }

    /// Sets whether this thread can be cancelled, and returns what was set before.
    pub(super) fn set_state(state: i32) -> i32 {
        let mut previous = state;
        pthread_setcancelstate(state, &mut previous);
        previous
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "macos"), not(miri))))]
mod system {
    pub(super) const DISABLE: i32 = 1;

    pub(super) fn set_state(state: i32) -> i32 {
        state
    }
}
