//! What an event loop waits for while a queue has nothing to return: a descriptor that becomes readable, on Windows an event
//! object that becomes signaled.
//!
//! One of six modules with unsafe code, on Windows alone: the standard library has no event objects.

#![cfg_attr(windows, allow(unsafe_code))]

use std::io;

/// A signal that is set while a queue is ready.
#[derive(Debug)]
pub(super) struct Readiness {
    signal: Signal,
    is_ready: bool,
}

impl Readiness {
    pub(super) fn new() -> io::Result<Readiness> {
        Ok(Readiness { signal: Signal::new()?, is_ready: false })
    }

    /// The number of the descriptor or of the handle, which is owned by this.
    pub(super) fn handle(&self) -> isize {
        self.signal.handle()
    }

    pub(super) fn set(&mut self, is_ready: bool) {
        if self.is_ready != is_ready && self.signal.set(is_ready) {
            self.is_ready = is_ready;
        }
    }
}

#[cfg(unix)]
use pipe::Signal;

#[cfg(unix)]
mod pipe {
    use std::io::{self, Read, Write};
    use std::os::fd::AsRawFd;

    use crate::descriptor::{Descriptor, pipe};

    /// A pipe that contains a byte while it is set.
    #[derive(Debug)]
    pub(super) struct Signal {
        pub(super) reader: Descriptor<io::PipeReader>,
        writer: Descriptor<io::PipeWriter>,
    }

    impl Signal {
        pub(super) fn new() -> io::Result<Signal> {
            let (reader, writer) = pipe()?;
            Ok(Signal { reader, writer })
        }

        pub(super) fn handle(&self) -> isize {
            self.reader.as_raw_fd() as isize
        }

        /// Does not block: the pipe contains one byte at most, and it is read only if it is there.
        pub(super) fn set(&mut self, is_set: bool) -> bool {
            let moved = if is_set { self.writer.write(&[1]) } else { self.reader.read(&mut [0]) };
            moved.is_ok()
        }
    }
}

#[cfg(windows)]
use event_object::Signal;

#[cfg(windows)]
mod event_object {
    use std::io;
    use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
    use std::ptr::null;

    use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

    /// An event object, which stays as it is set, however many threads wait for it.
    #[derive(Debug)]
    pub(super) struct Signal(OwnedHandle);

    impl Signal {
        pub(super) fn new() -> io::Result<Signal> {
            const MANUAL_RESET: i32 = 1;
            const NOT_SET: i32 = 0;
            // SAFETY: it has no name and the usual access rights.
            let handle = unsafe { CreateEventW(null(), MANUAL_RESET, NOT_SET, null()) };
            if handle.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: it is open, and nobody else has it.
            Ok(Signal(unsafe { OwnedHandle::from_raw_handle(handle) }))
        }

        pub(super) fn handle(&self) -> isize {
            self.0.as_raw_handle() as isize
        }

        pub(super) fn set(&mut self, is_set: bool) -> bool {
            let handle = self.0.as_raw_handle();
            // SAFETY: it is an event object, and open.
            unsafe { (if is_set { SetEvent(handle) } else { ResetEvent(handle) }) != 0 }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn is_readable(readiness: &Readiness) -> bool {
        let mut descriptors = [rustix::event::PollFd::new(&*readiness.signal.reader, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut descriptors, Some(&rustix::event::Timespec::default())).unwrap() == 1
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no pipes")]
    fn it_is_readable_while_it_is_ready() {
        let mut readiness = Readiness::new().unwrap();
        assert!(readiness.handle() > 2 && !is_readable(&readiness));
        for is_ready in [false, true, true, false, false, true] {
            readiness.set(is_ready);
            assert_eq!(is_readable(&readiness), is_ready);
        }
    }
}
