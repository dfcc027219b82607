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
//! One of six modules with unsafe code: the handlers have nothing but the numbers of the descriptors.

#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// A descriptor with a number above 2: the same, or a copy in its place.
#[cfg(unix)]
pub(crate) fn above_standard<D: AsFd + From<OwnedFd>>(descriptor: D) -> io::Result<D> {
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
    #[cfg(unix)]
    closes_at_once: bool,
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
        Ok(Descriptor { inner, entry, closes_at_once: false })
    }

    /// Closed when it is dropped, also during a `fork()`, whose child may keep it then. That gives back any lock that the
    /// process has on the file, and must not come when there is a new one.
    pub(crate) fn close_at_once(&mut self) {
        #[cfg(unix)]
        {
            self.closes_at_once = true;
        }
    }
}

/// Both ends of a pipe.
#[cfg(unix)]
pub(crate) fn pipe() -> io::Result<(Descriptor<io::PipeReader>, Descriptor<io::PipeWriter>)> {
    let _change = table::TABLE.begin_change();
    let (reader, writer) = io::pipe()?;
    let was_standard = reader.as_fd().as_raw_fd().min(writer.as_fd().as_raw_fd()) <= 2;
    let (reader, writer) = (Descriptor::noted(reader)?, Descriptor::noted(writer)?);
    if was_standard {
        // What a thread of the host wrote to a stream that is closed, meanwhile.
        rustix::io::ioctl_fionbio(&*reader, true)?;
        while rustix::io::read(&*reader, &mut [0; 1024]).is_ok() {}
        rustix::io::ioctl_fionbio(&*reader, false)?;
    }
    Ok((reader, writer))
}

impl<D> Drop for Descriptor<D> {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(entry) = &self.entry {
            return table::TABLE.close(entry, self.closes_at_once);
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
    use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU32, AtomicU64, AtomicUsize};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use crate::cancellation::NotCancelled;
    use crate::process::process_id;

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
        /// Something has waited for them as long as a call may wait, and nothing else does until they have ended.
        forks_are_slow: AtomicBool,
        /// Whose descriptors these are: see `process_id`. 0: nobody's.
        process: AtomicU64,
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
                forks_are_slow: AtomicBool::new(false),
                process: AtomicU64::new(0),
            }
        }

        /// In a child of `fork()`, closes what was the parent's. Once, and by whoever comes first: a handler of the host may be
        /// called before that of this library, and a program may fork past all of them.
        fn enter(&self) {
            let (previous, process) = (self.process.load(SeqCst), process_id());
            if previous == process
                || self.process.compare_exchange(previous, process, SeqCst, SeqCst).is_err()
                || previous == 0
            {
                return;
            }
            self.changes.store(0, SeqCst);
            self.forks.store(0, SeqCst);
            self.forks_are_slow.store(false, SeqCst);
            for place in &self.open[..self.end.load(SeqCst)] {
                let value = place.swap(0, SeqCst);
                if value != 0 {
                    close(value);
                }
            }
        }

        fn waits_for_no_fork(&self) -> bool {
            self.forks.load(SeqCst) <= 0 || self.forks_are_slow.load(SeqCst)
        }

        pub(super) fn begin_change(&self) -> Change<'_> {
            register();
            self.enter();
            self.changes.fetch_add(1, SeqCst);
            if !wait_for(CALLS_PATIENCE, || self.waits_for_no_fork()) {
                self.forks_are_slow.store(true, SeqCst);
                // They may have ended just now.
                if self.forks.load(SeqCst) <= 0 {
                    self.forks_are_slow.store(false, SeqCst);
                }
            }
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

        /// Closes it, `at_once` or when no fork is under way. In a child of `fork()` it is closed already, and its number may be
        /// another descriptor's.
        pub(super) fn close(&self, entry: &Entry, at_once: bool) {
            self.enter();
            self.changes.fetch_add(1, SeqCst);
            let place = &self.open[entry.place];
            if place.compare_exchange(entry.value, entry.value | CLOSING, SeqCst, SeqCst).is_err() {
                self.changes.fetch_sub(1, SeqCst);
            } else if at_once || self.waits_for_no_fork() {
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
                self.forks_are_slow.store(false, SeqCst);
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
        static HAS_HANDLERS: AtomicBool = AtomicBool::new(false);
        if !HAS_HANDLERS.load(SeqCst) && !HAS_HANDLERS.swap(true, SeqCst) {
            // SAFETY: the handlers neither allocate nor take a lock. Where there is no memory for the entry, children keep what
            // is open.
            unsafe { libc::pthread_atfork(Some(before), Some(after), Some(enter)) };
        }
    }

    // What sleeps or closes is a cancellation point, and `fork()` is none: no handler ends a thread.

    /// Called before a `fork()`, by the thread that makes it.
    extern "C" fn before() {
        let _not_cancelled = NotCancelled::begin();
        TABLE.enter();
        if !wait_for(PATIENCE, || TABLE.begin_fork()) {
            TABLE.forks.fetch_add(1, SeqCst);
        }
    }

    /// Called after it in the parent.
    extern "C" fn after() {
        let _not_cancelled = NotCancelled::begin();
        TABLE.end_fork();
    }

    /// Called after it in the child.
    extern "C" fn enter() {
        let _not_cancelled = NotCancelled::begin();
        TABLE.enter();
    }
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use std::fs::File;
    use std::io::Read;
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

    /// A pipe whose writer is in the table.
    fn pipe_in(table: &Table) -> (io::PipeReader, table::Entry) {
        let (reader, writer) = io::pipe().unwrap();
        let writer = ManuallyDrop::new(writer);
        (reader, table.add(writer.as_fd()).unwrap())
    }

    #[test]
    fn closing_waits_for_no_fork_and_the_last_one_to_end_closes() {
        let table = Table::new();
        let (mut reader, entry) = pipe_in(&table);
        assert!(table.begin_fork() && table.begin_fork());
        table.close(&entry, false);
        table.end_fork();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        assert_eq!(reader.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock, "it is open");
        assert!(!table.begin_fork(), "a fork began before a descriptor that is to be closed was");
        table.end_fork();
        // A child of another test may have it for a moment.
        rustix::io::ioctl_fionbio(&reader, false).unwrap();
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        assert!(table.begin_fork());
    }

    /// Or the thread that made it has ended in a handler of the host.
    #[test]
    fn what_has_waited_for_a_slow_fork_is_the_last_to_do_so() {
        let table = Table::new();
        assert!(table.begin_fork());
        drop(table.begin_change());
        let begin = Instant::now();
        (0..100).for_each(|_| drop(table.begin_change()));
        assert!(begin.elapsed() < 50 * CALLS_PATIENCE);
        let (mut reader, entry) = pipe_in(&table);
        table.close(&entry, false);
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        table.end_fork();
        assert!(table.begin_fork());
        let (mut reader, entry) = pipe_in(&table);
        table.close(&entry, false);
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        assert!(reader.read(&mut [0; 1]).is_err(), "the next one may be fast");
    }

    #[test]
    fn what_closes_at_once_is_not_closed_later() {
        let (reader, mut writer) = pipe().unwrap();
        writer.close_at_once();
        while !table::TABLE.begin_fork() {
            thread::yield_now();
        }
        drop(writer);
        assert_eq!(rustix::io::read(&*reader, &mut [0; 1]), Ok(0));
        table::TABLE.end_fork();
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
