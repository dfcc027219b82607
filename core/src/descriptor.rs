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
        let _change = table::TABLE.begin_change();
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
        let entry = table::TABLE.add(inner.as_fd());
        Ok(Descriptor { inner, entry })
    }
}

/// Both ends of a pipe.
#[cfg(unix)]
pub(crate) fn pipe() -> io::Result<(Descriptor<io::PipeReader>, Descriptor<io::PipeWriter>)> {
    let _change = table::TABLE.begin_change();
    let (reader, writer) = io::pipe()?;
    Ok((Descriptor::noted(reader)?, Descriptor::noted(writer)?))
}

impl<D> Drop for Descriptor<D> {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(entry) = &self.entry {
            return table::TABLE.close(entry);
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

    pub(super) static TABLE: Table = Table::new();

    /// How long a fork waits for changes: neither a file system that hangs nor a `fork()` inside a signal's handler stops a
    /// process.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// How long opening waits for forks: a call has a limit.
    pub(super) const CALLS_PATIENCE: Duration = Duration::from_millis(100);

    /// Of a descriptor that nobody uses any more, and that is closed when the forks that are under way have ended.
    const CLOSING: u64 = 1 << 63;

    pub(super) struct Table {
        /// The descriptors: a serial number, which is never 0, and below it the descriptor's. 0: free. A child keeps what finds
        /// no place.
        open: [AtomicU64; 4096],
        /// All places from here on are free.
        end: AtomicUsize,
        /// How many descriptors are being opened or closed. The system copies descriptors and memory one after the other.
        changes: AtomicIsize,
        /// How many threads are in `fork()`. None begins while there is a change, so those that are under way come to an end.
        forks: AtomicIsize,
    }

    /// What is open and what is in the table may differ while there is one.
    pub(super) struct Change<'a>(&'a Table);

    impl Drop for Change<'_> {
        fn drop(&mut self) {
            self.0.changes.fetch_sub(1, SeqCst);
        }
    }

    /// A descriptor in the table.
    #[derive(Debug)]
    pub(super) struct Entry {
        place: usize,
        value: u64,
    }

    impl Table {
        pub(super) const fn new() -> Table {
            Table {
                open: [const { AtomicU64::new(0) }; 4096],
                end: AtomicUsize::new(0),
                changes: AtomicIsize::new(0),
                forks: AtomicIsize::new(0),
            }
        }

        pub(super) fn begin_change(&self) -> Change<'_> {
            register();
            self.changes.fetch_add(1, SeqCst);
            wait_for(CALLS_PATIENCE, || self.forks.load(SeqCst) <= 0);
            Change(self)
        }

        pub(super) fn add(&self, descriptor: BorrowedFd) -> Option<Entry> {
            static SERIAL: AtomicU32 = AtomicU32::new(0);
            let serial = (SERIAL.fetch_add(1, SeqCst).wrapping_add(1) & (u32::MAX >> 1)).max(1);
            let value = u64::from(serial) << 32 | u64::from(descriptor.as_raw_fd().cast_unsigned());
            let is_taken =
                |place: &AtomicU64| place.load(SeqCst) == 0 && place.compare_exchange(0, value, SeqCst, SeqCst).is_ok();
            let place = self.open.iter().position(is_taken)?;
            self.end.fetch_max(place + 1, SeqCst);
            Some(Entry { place, value })
        }

        /// Closes it, once no fork is under way. In a child of `fork()` it is closed already, and its number may be another
        /// descriptor's.
        pub(super) fn close(&self, entry: &Entry) {
            self.changes.fetch_add(1, SeqCst);
            let place = &self.open[entry.place];
            if place.compare_exchange(entry.value, entry.value | CLOSING, SeqCst, SeqCst).is_err() {
                self.changes.fetch_sub(1, SeqCst);
            } else if self.forks.load(SeqCst) <= 0 {
                self.close_what_is_over(std::slice::from_ref(place));
            }
        }

        /// Each of them is a change until it is closed.
        fn close_what_is_over(&self, places: &[AtomicU64]) {
            for place in places {
                let value = place.load(SeqCst);
                // Out of the table first, so that its number does not close another.
                if value & CLOSING != 0 && place.compare_exchange(value, 0, SeqCst, SeqCst).is_ok() {
                    close(value);
                    self.changes.fetch_sub(1, SeqCst);
                }
            }
        }

        /// `false`: there are changes.
        pub(super) fn begin_fork(&self) -> bool {
            self.forks.fetch_add(1, SeqCst);
            if self.changes.load(SeqCst) <= 0 {
                return true;
            }
            self.end_fork();
            false
        }

        pub(super) fn end_fork(&self) {
            if self.forks.fetch_sub(1, SeqCst) <= 1 {
                self.close_what_is_over(&self.open[..self.end.load(SeqCst)]);
            }
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

    fn close(value: u64) {
        // SAFETY: it is open, and the only other one to close it finds that its entry has gone.
        unsafe { libc::close((value as u32).cast_signed()) };
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
        if !wait_for(PATIENCE, || TABLE.begin_fork()) {
            TABLE.forks.fetch_add(1, SeqCst);
        }
    }

    /// Called after it in the parent.
    extern "C" fn after() {
        TABLE.end_fork();
    }

    /// Closes everything. Called in a child, which has no other thread.
    extern "C" fn close_all() {
        TABLE.changes.store(0, SeqCst);
        TABLE.forks.store(0, SeqCst);
        for place in &TABLE.open[..TABLE.end.load(SeqCst)] {
            let value = place.swap(0, SeqCst);
            if value != 0 {
                close(value);
            }
        }
    }
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::thread;
    use std::time::Instant;

    use super::table::{CALLS_PATIENCE, Table};
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

    #[test]
    fn closing_waits_for_no_fork_and_the_last_one_to_end_closes() {
        static TABLE: Table = Table::new();
        let (mut reader, writer) = io::pipe().unwrap();
        let writer = ManuallyDrop::new(writer);
        let entry = TABLE.add(writer.as_fd()).unwrap();
        assert!(TABLE.begin_fork() && TABLE.begin_fork());
        TABLE.close(&entry);
        TABLE.end_fork();
        assert!(is_open(writer.as_raw_fd()));
        assert!(!TABLE.begin_fork(), "a fork began before a descriptor that is to be closed was");
        TABLE.end_fork();
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        assert!(TABLE.begin_fork());
    }

    /// Otherwise threads that fork all the time would hold it up for ever.
    #[test]
    fn what_waits_for_a_fork_to_end_comes_before_the_next_one() {
        let comes_first = || {
            let table = Table::new();
            assert!(table.begin_fork());
            let begin = Instant::now();
            thread::scope(|scope| {
                let change = scope.spawn(|| table.begin_change());
                while table.begin_fork() {
                    table.end_fork();
                }
                let waited = begin.elapsed();
                table.end_fork();
                drop(change.join().unwrap());
                assert!(table.begin_fork());
                waited < CALLS_PATIENCE
            })
        };
        // What waits gives up after that, and a busy machine may be slower.
        assert!((0..20).any(|_| comes_first()));
    }
}
