//! The library's descriptors stay away from 0, 1 and 2, and a child of `fork()` does not keep them.
//!
//! The system gives the lowest number that is free. Where the host has closed its standard streams that is theirs, and the
//! host's next `printf` would be written into a connection.
//!
//! A child that inherits a connection keeps it open after the parent has closed it, and one that never calls the library
//! would do so for as long as it lives. So a handler of `pthread_atfork()` closes in the child what the parent had open.
//! Another waits before the fork until no thread is between opening something and noting that, which takes microseconds.
//! glibc drops the handlers when the library is unloaded, and musl never unloads a library.
//!
//! One of five modules with unsafe code: the handlers have nothing but the numbers of the descriptors.

#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};

/// A descriptor with a number above 2: the same, or a copy in its place.
#[cfg(unix)]
pub(crate) fn above_standard<D: AsFd + From<OwnedFd>>(descriptor: D) -> io::Result<D> {
    use std::os::fd::AsRawFd;
    if descriptor.as_fd().as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, 3)?.into())
}

/// A descriptor with a number above 2, which is closed in a child of `fork()`.
#[derive(Debug)]
pub(crate) struct Descriptor<D> {
    inner: ManuallyDrop<D>,
    #[cfg(unix)]
    entry: Option<table::Entry>,
}

impl<D> Descriptor<D> {
    /// `open` does nothing else: a `fork()` waits for it.
    #[cfg(unix)]
    pub(crate) fn open(open: impl FnOnce() -> io::Result<D>) -> io::Result<Descriptor<D>>
    where
        D: AsFd + From<OwnedFd>,
    {
        let _change = table::Change::begin();
        Descriptor::noted(open()?)
    }

    /// There, handles are no numbers of streams, and there is no `fork()`.
    #[cfg(not(unix))]
    pub(crate) fn open(open: impl FnOnce() -> io::Result<D>) -> io::Result<Descriptor<D>> {
        Ok(Descriptor { inner: ManuallyDrop::new(open()?) })
    }

    #[cfg(unix)]
    fn noted(descriptor: D) -> io::Result<Descriptor<D>>
    where
        D: AsFd + From<OwnedFd>,
    {
        let inner = ManuallyDrop::new(above_standard(descriptor)?);
        let entry = table::add(inner.as_fd());
        Ok(Descriptor { inner, entry })
    }
}

/// Both ends of a pipe.
#[cfg(unix)]
pub(crate) fn pipe() -> io::Result<(Descriptor<io::PipeReader>, Descriptor<io::PipeWriter>)> {
    let _change = table::Change::begin();
    let (reader, writer) = io::pipe()?;
    Ok((Descriptor::noted(reader)?, Descriptor::noted(writer)?))
}

impl<D> Drop for Descriptor<D> {
    fn drop(&mut self) {
        #[cfg(unix)]
        let _change = table::Change::begin();
        #[cfg(unix)]
        if self.entry.as_ref().is_some_and(|entry| !entry.remove()) {
            // A child of fork(), in which it was closed: the number may be another descriptor's by now.
            return;
        }
        // SAFETY: nothing uses it after this.
        unsafe { ManuallyDrop::drop(&mut self.inner) };
    }
}

impl<D> Deref for Descriptor<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.inner
    }
}

impl<D> DerefMut for Descriptor<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.inner
    }
}

/// What is open, in a form that a handler of `pthread_atfork()` can read whatever other threads were doing.
#[cfg(unix)]
mod table {
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::atomic::{AtomicIsize, AtomicU32, AtomicU64, AtomicUsize};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    /// The descriptors: a serial number, which is never 0, and below it the descriptor's. 0: free. A child keeps what finds no
    /// place.
    static OPEN: [AtomicU64; 4096] = [const { AtomicU64::new(0) }; 4096];

    /// All places from here on are free.
    static END: AtomicUsize = AtomicUsize::new(0);

    /// How many threads open or close a descriptor. The system copies descriptors and memory one after the other.
    static CHANGES: AtomicIsize = AtomicIsize::new(0);

    /// How many threads are in `fork()`.
    static FORKS: AtomicIsize = AtomicIsize::new(0);

    /// How long a fork waits for changes: neither a file system that hangs nor a `fork()` inside a signal's handler stops a
    /// process.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// How long a change waits for a fork: a call has a limit.
    const CALLS_PATIENCE: Duration = Duration::from_millis(100);

    /// What is open and what is in the table may differ while there is one.
    pub(super) struct Change;

    impl Change {
        pub(super) fn begin() -> Change {
            register();
            let is_before_a_fork = || {
                CHANGES.fetch_add(1, SeqCst);
                FORKS.load(SeqCst) <= 0 || {
                    CHANGES.fetch_sub(1, SeqCst);
                    false
                }
            };
            if !wait_for(CALLS_PATIENCE, is_before_a_fork) {
                CHANGES.fetch_add(1, SeqCst);
            }
            Change
        }
    }

    impl Drop for Change {
        fn drop(&mut self) {
            CHANGES.fetch_sub(1, SeqCst);
        }
    }

    fn wait_for(patience: Duration, has_come: impl Fn() -> bool) -> bool {
        if has_come() {
            return true;
        }
        let begin = Instant::now();
        while begin.elapsed() < patience {
            sleep(Duration::from_micros(50));
            if has_come() {
                return true;
            }
        }
        false
    }

    /// A descriptor in the table.
    #[derive(Debug)]
    pub(super) struct Entry {
        place: usize,
        value: u64,
    }

    pub(super) fn add(descriptor: BorrowedFd) -> Option<Entry> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, SeqCst).wrapping_add(1).max(1);
        let value = u64::from(serial) << 32 | u64::from(descriptor.as_raw_fd().cast_unsigned());
        let is_taken =
            |place: &AtomicU64| place.load(SeqCst) == 0 && place.compare_exchange(0, value, SeqCst, SeqCst).is_ok();
        let place = OPEN.iter().position(is_taken)?;
        END.fetch_max(place + 1, SeqCst);
        Some(Entry { place, value })
    }

    impl Entry {
        /// Removes it before it is closed, so that its number does not close another. `false`: it is closed already.
        pub(super) fn remove(&self) -> bool {
            OPEN[self.place].compare_exchange(self.value, 0, SeqCst, SeqCst).is_ok()
        }
    }

    #[cfg(miri)]
    fn register() {}

    /// Registers the handlers, once.
    #[cfg(not(miri))]
    fn register() {
        use std::sync::atomic::AtomicBool;
        static HAS_HANDLERS: AtomicBool = AtomicBool::new(false);
        if !HAS_HANDLERS.load(SeqCst) && !HAS_HANDLERS.swap(true, SeqCst) {
            // SAFETY: the handlers neither allocate nor take a lock. Where there is no memory for the entry, children keep what
            // is open.
            unsafe { libc::pthread_atfork(Some(before), Some(after), Some(close_all)) };
        }
    }

    /// Called before a `fork()`, by the thread that makes it.
    extern "C" fn before() {
        FORKS.fetch_add(1, SeqCst);
        wait_for(PATIENCE, || CHANGES.load(SeqCst) <= 0);
    }

    /// Called after it in the parent.
    extern "C" fn after() {
        FORKS.fetch_sub(1, SeqCst);
    }

    /// Closes everything. Called in a child, which has no other thread.
    extern "C" fn close_all() {
        CHANGES.store(0, SeqCst);
        FORKS.store(0, SeqCst);
        for place in &OPEN[..END.load(SeqCst)] {
            let value = place.swap(0, SeqCst);
            if value != 0 {
                // SAFETY: it is open, and its owner does not close it again, as it finds the entry gone.
                unsafe { libc::close((value as u32).cast_signed()) };
            }
        }
    }
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    fn is_open(number: i32) -> bool {
        // SAFETY: it reads the flags of a number, which need not be a descriptor.
        unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
    }

    #[test]
    fn a_child_has_it_closed_and_does_not_close_another_with_its_number() {
        let kept = Descriptor::open(|| File::open("/dev/null")).unwrap();
        // SAFETY: the child calls nothing but functions that are safe after fork: it takes no lock, and allocates nothing.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                let number = kept.as_raw_fd();
                let was_open = is_open(number);
                libc::dup2(0, number);
                drop(kept);
                libc::_exit(if !was_open && is_open(number) { 42 } else { 1 });
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            status
        };
        assert_eq!(libc::WEXITSTATUS(status), 42);
        assert!(kept.as_raw_fd() > 2 && kept.metadata().is_ok());
    }
}
