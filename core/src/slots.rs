//! A limit on calls in flight that processes share: a lock file for each call that may be, beside the token cache.
//!
//! The service limits the calls of an organization, not those of a process. The system gives the lock of a process that
//! dies back. As with the cache, a problem with the files is not an error: then the limit is not applied. It does not know
//! what is called.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind, cancelled};
use crate::file::{beside, open_lock};
use crate::http::Http;
use crate::retry::{Deadline, Failure, random};
use crate::sync::{Held, Mutex, lock};

/// How long to wait before looking for a free slot again, at the most.
const LOOK_EVERY: Duration = Duration::from_millis(8);

/// Where the slots are, and how many.
#[derive(Clone, Debug)]
pub(crate) struct SlotSettings {
    /// The token cache, which their names begin with.
    pub(crate) cache: PathBuf,
    pub(crate) count: usize,
}

/// The slots, as one client uses them in one process.
pub(crate) struct Slots {
    settings: SlotSettings,
    /// Opened when they are first needed.
    slots: Mutex<Vec<Slot>>,
    /// One thread at a time looks for a free slot: the others would only compete with it.
    is_looking: AtomicBool,
    /// A failure is logged once.
    has_failed: AtomicBool,
}

#[derive(Default)]
struct Slot {
    file: Option<File>,
    /// A call of this client holds it.
    is_held: bool,
}

/// The right to make one call.
pub(crate) struct Permit<'a> {
    slots: &'a Slots,
    index: usize,
    _held: Held,
}

impl Slots {
    pub(crate) fn new(settings: SlotSettings) -> Slots {
        let slots = (0..settings.count).map(|_| Slot::default()).collect();
        Slots {
            settings,
            slots: Mutex::new(slots),
            is_looking: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Waits for a free slot. `None`: the files can't be used, and the call continues without a slot.
    pub(crate) fn acquire(&self, http: &Http, deadline: Deadline) -> Result<Option<Permit<'_>>, Failure> {
        let end = deadline.end();
        while self.is_looking.swap(true, Ordering::AcqRel) {
            http.sleep_until(Some(end), &|| !self.is_looking.load(Ordering::Acquire));
            self.check(http, deadline)?;
        }
        let _looking = Looking { slots: self, http };
        loop {
            match self.try_acquire() {
                Ok(Some(held)) => return Ok(Some(held)),
                Ok(None) => {}
                Err(error) => {
                    if !self.has_failed.swap(true, Ordering::Relaxed) {
                        let cache = self.settings.cache.display();
                        log::warn!("max_concurrency is not shared between processes beside {cache}: {error}");
                    }
                    return Ok(None);
                }
            }
            http.sleep(LOOK_EVERY.mul_f64(random()).min(deadline.remaining()));
            self.check(http, deadline)?;
        }
    }

    /// Whether to continue to wait.
    fn check(&self, http: &Http, deadline: Deadline) -> Result<(), Failure> {
        if http.is_cancelled() {
            return Err(Failure::permanent(cancelled()));
        }
        if !deadline.remaining().is_zero() {
            return Ok(());
        }
        let message = format!(
            "{} expired while the {} calls that max_concurrency allows were taken, by this process or others that share {}: \
             try again, or raise max_concurrency as far as the edition of the organization allows",
            deadline.limit(),
            self.settings.count,
            self.settings.cache.display()
        );
        Err(Failure::permanent(Error::new(ErrorKind::Timeout, message)))
    }

    fn try_acquire(&self) -> io::Result<Option<Permit<'_>>> {
        let mut slots = lock(&self.slots);
        for (index, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| !slot.is_held) {
            let file = match &mut slot.file {
                Some(file) => file,
                none => none.insert(self.open(index)?),
            };
            match file.try_lock() {
                Ok(()) => {
                    slot.is_held = true;
                    return Ok(Some(Permit { slots: self, index, _held: Held::new() }));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    fn open(&self, index: usize) -> io::Result<File> {
        open_lock(&beside(&self.settings.cache, &format!(".slot{index}")))
    }
}

/// While it lives, this thread looks for a free slot.
struct Looking<'a> {
    slots: &'a Slots,
    http: &'a Http,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.slots.is_looking.store(false, Ordering::Release);
        self.http.wake();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let slot = &mut lock(&self.slots.slots)[self.index];
        // Not only closed: a child that was forked meanwhile has the descriptor too, and would hold the lock.
        let _ = slot.file.as_ref().map(File::unlock);
        slot.is_held = false;
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::http::Network;

    fn slots(cache: &Path) -> Slots {
        Slots::new(SlotSettings { cache: cache.to_owned(), count: 2 })
    }

    #[test]
    fn no_more_calls_than_slots_whoever_makes_them() {
        let directory = std::env::temp_dir().join(format!("zmd-slots-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (ours, theirs) = (slots(&directory.join("tokens")), slots(&directory.join("tokens")));
        let http = Http::new(&Network::new(&Config::new()).unwrap());
        let acquire = |slots, limit| Slots::acquire(slots, &http, Deadline::after(Duration::from_millis(limit)));
        let refused = |slots| acquire(slots, 30).err().unwrap().error;

        let first = acquire(&ours, 5000).ok().unwrap().unwrap();
        let second = acquire(&theirs, 5000).ok().unwrap().unwrap();
        for full in [&ours, &theirs] {
            let error = refused(full);
            assert_eq!(error.kind(), ErrorKind::Timeout);
            let message = "timeout_ms (30 ms) expired while the 2 calls that max_concurrency allows were taken";
            assert!(error.message().starts_with(message), "{error}");
        }
        // Two threads of one client wait for the same slot: the second gets it as soon as the first has given it back.
        std::thread::scope(|scope| {
            let wait = || scope.spawn(|| acquire(&ours, 10_000).ok().unwrap().is_some());
            let waiting = [wait(), wait()];
            std::thread::sleep(Duration::from_millis(50));
            drop(second);
            assert_eq!(waiting.map(|thread| thread.join().unwrap()), [true; 2]);
        });
        let second = acquire(&theirs, 5000).ok().unwrap().unwrap();
        http.cancel();
        let begin = std::time::Instant::now();
        let cancelled = acquire(&ours, 60_000).err().unwrap().error;
        assert!(cancelled.kind() == crate::ErrorKind::Cancelled && begin.elapsed() < Duration::from_secs(10));
        drop((first, second));
        std::fs::remove_dir_all(&directory).unwrap();
        // Without a directory there are no slots, and the call goes on.
        assert!(acquire(&slots(&directory.join("tokens")), 5000).ok().unwrap().is_none());
    }
}
