//! The calls that processes may make at once: a lock file for each, beside the token cache.
//!
//! The service limits the calls of an organization, not those of a process. As with the cache, a problem with the files is
//! not an error: then the limit is not shared.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cancel::Cancel;
use crate::file::beside;
use crate::lock_file::FileLock;
use crate::retry::{Deadline, Failure, random};
use crate::sync::{AtomicBool, Ordering};
use stopped::{is_of_stopped, touch};

/// How long to wait before looking for a free slot again, at the most.
const LOOK_EVERY: Duration = Duration::from_millis(8);

/// A slot that was taken longer ago belongs to a process that was stopped: it is used in spite of the lock.
#[cfg(all(unix, not(miri)))]
const STOPPED_AFTER: Duration = Duration::from_secs(120);

/// The slots beside a token cache.
#[derive(Debug)]
pub(crate) struct Slots {
    cache: PathBuf,
    count: usize,
    /// A failure is logged once.
    has_failed: AtomicBool,
}

/// One slot, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None`: that of a stopped process.
    _lock: Option<FileLock>,
}

impl Slots {
    /// Nothing is opened before it is needed.
    pub(crate) fn new(cache: &Path, count: usize) -> Slots {
        Slots { cache: cache.to_owned(), count, has_failed: AtomicBool::new(false) }
    }

    /// Waits for a free slot, until `check` fails. `None`: the files can't be used, and the call continues without a slot.
    pub(crate) fn acquire(
        &self,
        cancel: &Cancel,
        deadline: Deadline,
        check: impl Fn() -> Result<(), Failure>,
    ) -> Result<Option<Slot>, Failure> {
        let mut has_looked = false;
        loop {
            match self.try_acquire(has_looked) {
                Ok(Some(slot)) => return Ok(Some(slot)),
                Ok(None) => {}
                Err(error) => {
                    if !self.has_failed.swap(true, Ordering::Relaxed) {
                        let cache = self.cache.display();
                        log::warn!("max_concurrency is not shared between processes beside {cache}: {error}");
                    }
                    return Ok(None);
                }
            }
            let until = Instant::now() + LOOK_EVERY.mul_f64(random());
            cancel.sleep_until(Some(until.min(deadline.end())), || false);
            check()?;
            has_looked = true;
        }
    }

    /// `has_looked`: not for the first time. A slot that was locked a moment ago may not be marked yet.
    fn try_acquire(&self, has_looked: bool) -> io::Result<Option<Slot>> {
        for index in 0..self.count {
            let path = beside(&self.cache, &format!(".slot{index}"));
            let lock = FileLock::try_new(&path)?;
            if lock.is_some() || has_looked && is_of_stopped(&path) {
                touch(&path);
                return Ok(Some(Slot { _lock: lock }));
            }
        }
        Ok(None)
    }
}

#[cfg(all(unix, not(miri)))]
mod stopped {
    use std::fs;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

    use super::STOPPED_AFTER;

    /// Whether a slot was taken so long ago that its process must have been stopped.
    pub(super) fn is_of_stopped(path: &Path) -> bool {
        let taken = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        taken.is_ok_and(|taken| taken.elapsed().is_ok_and(|passed| passed > STOPPED_AFTER))
    }

    /// Marks a slot as taken now. By its path: closing a descriptor of it would release the lock.
    pub(super) fn touch(path: &Path) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW as _ };
        let times = Timestamps { last_access: now, last_modification: now };
        let _ = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
    }
}

/// No process is stopped there.
#[cfg(not(all(unix, not(miri))))]
mod stopped {
    use std::path::Path;

    pub(super) fn is_of_stopped(_: &Path) -> bool {
        false
    }

    pub(super) fn touch(_: &Path) {}
}

#[cfg(all(test, unix, not(miri), not(shuttle)))]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_slot_is_used_by_one_and_again_when_it_is_free() {
        let directory = std::env::temp_dir().join(format!("zmd-slots-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let slots = [(); 2].map(|()| Slots::new(&directory.join("tokens"), 2));
        let taken = [&slots[0], &slots[1]].map(|slots| slots.try_acquire(true).unwrap().unwrap());
        assert!(slots[0].try_acquire(true).unwrap().is_none());
        drop(taken);
        let free = [(); 2].map(|()| slots[1].try_acquire(true).unwrap());
        assert!(free.iter().all(Option::is_some));
        drop(free);
        fs::remove_dir_all(&directory).unwrap();
        assert!(slots[0].try_acquire(true).is_err());
    }

    #[test]
    fn the_slot_of_a_stopped_process_is_used_once() {
        let directory = std::env::temp_dir().join(format!("zmd-stopped-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (slots, path) = (Slots::new(&directory.join("tokens"), 1), directory.join("tokens.slot0"));
        File::create(&path).unwrap();
        let taken = |ago| {
            // By a file of its own, before there is a lock.
            let time = SystemTime::now() - Duration::from_secs(ago);
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            is_of_stopped(&path)
        };
        assert_eq!([taken(0), taken(60), taken(121)], [false, false, true]);
        // Taken by whoever comes: for the others it is in use again.
        touch(&path);
        assert!(!is_of_stopped(&path));
        let held = slots.try_acquire(true).unwrap().unwrap();
        assert!(held._lock.is_some() && slots.try_acquire(true).unwrap().is_none());
        drop(held);
        fs::remove_dir_all(&directory).unwrap();
    }
}
