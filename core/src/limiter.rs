//! The limit `max_concurrency`: how many calls a client and its clones have in flight, and with a token cache the processes
//! that share it.
//!
//! In a process the threads take turns: who has waited longest is next. Between processes a slot is a file, see [`Slots`].

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, cancelled};
use crate::retry::{Deadline, Failure};
use crate::slots::{Slot, Slots};
use crate::sync::{AtomicBool, Condvar, Held, Mutex, Ordering, deliver_log, lock};

/// The limit, and the token cache whose users share it.
#[derive(Clone, Debug)]
pub(crate) struct LimiterSettings {
    pub(crate) limit: usize,
    pub(crate) cache: Option<PathBuf>,
}

/// Lets so many calls through at once. It belongs to one process.
#[derive(Debug)]
pub(crate) struct Limiter {
    settings: LimiterSettings,
    slots: Option<Slots>,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    in_flight: usize,
    /// A thread looks for a free slot. The others would only compete with it.
    is_looking: bool,
    waiting: VecDeque<Arc<Turn>>,
}

/// A thread that waits.
#[derive(Debug, Default)]
struct Turn {
    has_come: AtomicBool,
    changed: Condvar,
}

/// The right to make one call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
    slot: Option<Slot>,
    is_looking: bool,
    _held: Held,
}

impl Limiter {
    pub(crate) fn new(settings: LimiterSettings) -> Limiter {
        let slots = settings.cache.as_ref().map(|cache| Slots::new(cache, settings.limit));
        Limiter { settings, slots, turns: Mutex::default() }
    }

    /// Waits for this thread's turn. Fails at the deadline and after a cancel.
    pub(crate) fn acquire(&self, cancel: &Cancel, deadline: Deadline) -> Result<Permit<'_>, Failure> {
        if !self.take_at_once() {
            self.wait(cancel, deadline)?;
        }
        let mut permit = Permit { limiter: self, slot: None, is_looking: self.slots.is_some(), _held: Held::new() };
        if let Some(slots) = &self.slots {
            permit.slot = slots.acquire(cancel, deadline, || self.check(cancel, deadline))?;
            permit.has_looked();
        }
        Ok(permit)
    }

    fn take_at_once(&self) -> bool {
        let mut turns = lock(&self.turns);
        // Then nobody waits.
        let is_free = self.is_free(&turns);
        if is_free {
            self.take(&mut turns);
        }
        is_free
    }

    fn is_free(&self, turns: &Turns) -> bool {
        turns.in_flight < self.settings.limit && !turns.is_looking
    }

    fn take(&self, turns: &mut Turns) {
        turns.in_flight += 1;
        turns.is_looking = self.slots.is_some();
    }

    fn wait(&self, cancel: &Cancel, deadline: Deadline) -> Result<(), Failure> {
        deliver_log();
        let turn = Arc::new(Turn::default());
        let mut turns = lock(&self.turns);
        turns.waiting.push_back(turn.clone());
        self.next(&mut turns);
        while !turn.has_come.load(Ordering::SeqCst) {
            if let Err(failure) = self.check(cancel, deadline) {
                turns.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &turn));
                return Err(failure);
            }
            turns = turn.changed.wait_timeout(turns, deadline.remaining());
        }
        Ok(())
    }

    /// Lets those through who have waited longest.
    fn next(&self, turns: &mut Turns) {
        while self.is_free(turns)
            && let Some(turn) = turns.waiting.pop_front()
        {
            self.take(turns);
            turn.has_come.store(true, Ordering::SeqCst);
            turn.changed.notify_one();
        }
    }

    /// Wakes the waiting threads, so that they notice a cancel.
    pub(crate) fn wake(&self) {
        let turns = lock(&self.turns);
        turns.waiting.iter().for_each(|turn| turn.changed.notify_one());
    }

    /// Whether to continue to wait.
    fn check(&self, cancel: &Cancel, deadline: Deadline) -> Result<(), Failure> {
        if cancel.is_cancelled() {
            return Err(Failure::permanent(cancelled()));
        }
        if !deadline.remaining().is_zero() {
            return Ok(());
        }
        let LimiterSettings { limit, cache } = &self.settings;
        let whose = match cache {
            Some(cache) => format!("this process or others that share {}", cache.display()),
            None => "this client and its clones".to_owned(),
        };
        let message = format!(
            "{} expired while the {limit} calls that max_concurrency allows were taken, by {whose}: try again, or raise \
             max_concurrency as far as the edition of the organization allows",
            deadline.limit(),
        );
        Err(Failure::permanent(Error::new(ErrorKind::Timeout, message)))
    }
}

impl Permit<'_> {
    /// Lets the next thread look for a slot.
    fn has_looked(&mut self) {
        if std::mem::take(&mut self.is_looking) {
            let mut turns = lock(&self.limiter.turns);
            turns.is_looking = false;
            self.limiter.next(&mut turns);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.slot = None;
        let mut turns = lock(&self.limiter.turns);
        turns.in_flight -= 1;
        if self.is_looking {
            turns.is_looking = false;
        }
        self.limiter.next(&mut turns);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    fn limiter(limit: usize, cache: Option<&Path>) -> Limiter {
        Limiter::new(LimiterSettings { limit, cache: cache.map(Path::to_owned) })
    }

    fn after(milliseconds: u64) -> Deadline {
        Deadline::after(Duration::from_millis(milliseconds))
    }

    /// How many threads wait, once it is so many.
    fn wait_for(limiter: &Limiter, waiting: usize) {
        while lock(&limiter.turns).waiting.len() != waiting {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn who_waits_longest_is_next() {
        let (limiter, cancel) = (limiter(1, None), Cancel::default());
        let permit = limiter.acquire(&cancel, after(60_000)).ok().unwrap();
        let (order, calls) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..10 {
                let (limiter, cancel, order) = (&limiter, &cancel, order.clone());
                scope.spawn(move || {
                    let _permit = limiter.acquire(cancel, after(60_000)).ok().unwrap();
                    order.send(number).unwrap();
                });
                wait_for(limiter, number + 1);
            }
            drop(permit);
        });
        drop(order);
        assert_eq!(calls.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_turn_that_does_not_come_in_time_is_given_up() {
        let (limiter, cancel) = (limiter(2, None), Cancel::default());
        let permits = [(); 2].map(|()| limiter.acquire(&cancel, after(60_000)).ok().unwrap());
        let failed = limiter.acquire(&cancel, after(30)).err().unwrap().error;
        assert_eq!(failed.kind(), ErrorKind::Timeout);
        let message =
            "timeout_ms (30 ms) expired while the 2 calls that max_concurrency allows were taken, by this client";
        assert!(failed.message().starts_with(message), "{failed}");
        // A cancel ends the wait of its own client alone.
        let other = Cancel::default();
        thread::scope(|scope| {
            let cancelled = scope.spawn(|| limiter.acquire(&other, after(60_000)).err().unwrap().error);
            let waiting = scope.spawn(|| limiter.acquire(&cancel, after(60_000)).is_ok());
            wait_for(&limiter, 2);
            other.cancel();
            limiter.wake();
            assert_eq!(cancelled.join().unwrap().kind(), ErrorKind::Cancelled);
            assert!(!waiting.is_finished());
            drop(permits);
            assert!(waiting.join().unwrap());
        });
        let turns = lock(&limiter.turns);
        assert_eq!((turns.in_flight, turns.is_looking, turns.waiting.len()), (0, false, 0));
    }

    #[test]
    fn the_users_of_a_token_cache_share_the_limit() {
        let directory = std::env::temp_dir().join(format!("zmd-limiter-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let cache = directory.join("tokens");
        let (ours, theirs) = (limiter(2, Some(&cache)), limiter(2, Some(&cache)));
        let cancel = Cancel::default();
        let first = ours.acquire(&cancel, after(60_000)).ok().unwrap();
        let second = theirs.acquire(&cancel, after(60_000)).ok().unwrap();
        for full in [&ours, &theirs] {
            let failed = full.acquire(&cancel, after(30)).err().unwrap().error;
            assert!(failed.kind() == ErrorKind::Timeout && failed.message().contains("others that share "), "{failed}");
        }
        thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| ours.acquire(&cancel, after(60_000)).is_ok()));
            while !lock(&ours.turns).is_looking {
                thread::sleep(Duration::from_millis(1));
            }
            drop(second);
            assert_eq!(waiting.map(|thread| thread.join().unwrap()), [true; 2]);
        });
        let second = theirs.acquire(&cancel, after(60_000)).ok().unwrap();
        cancel.cancel();
        let begin = Instant::now();
        let cancelled = ours.acquire(&cancel, after(60_000)).err().unwrap().error;
        assert!(cancelled.kind() == ErrorKind::Cancelled && begin.elapsed() < Duration::from_secs(30));
        drop((first, second));
        std::fs::remove_dir_all(&directory).unwrap();
        // Without a directory there are no slots, and the limit is that of the client.
        let alone = limiter(2, Some(&cache));
        let cancel = Cancel::default();
        let permits = [(); 2].map(|()| alone.acquire(&cancel, after(60_000)).ok().unwrap());
        assert!(permits[0].slot.is_none() && alone.acquire(&cancel, after(30)).is_err());
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use std::time::Duration;

    use super::*;
    use crate::sync::{check, thread};

    #[test]
    fn every_turn_comes_and_no_more_than_the_limit_at_once() {
        check(|| {
            let limiter = Arc::new(Limiter::new(LimiterSettings { limit: 2, cache: None }));
            let most = Arc::new(Mutex::new((0, 0)));
            let calls = [(); 4].map(|()| {
                let (limiter, most) = (limiter.clone(), most.clone());
                thread::spawn(move || {
                    let cancel = Cancel::default();
                    let permit = limiter.acquire(&cancel, Deadline::after(Duration::from_secs(3600))).ok().unwrap();
                    let mut now = lock(&most);
                    *now = (now.0 + 1, now.1.max(now.0 + 1));
                    drop(now);
                    thread::yield_now();
                    lock(&most).0 -= 1;
                    drop(permit);
                })
            });
            calls.into_iter().for_each(|call| call.join().unwrap());
            assert!(lock(&most).1 <= 2 && lock(&limiter.turns).in_flight == 0);
        });
    }

    #[test]
    fn a_cancel_ends_the_wait_for_a_turn() {
        check(|| {
            let limiter = Arc::new(Limiter::new(LimiterSettings { limit: 1, cache: None }));
            let hour = || Deadline::after(Duration::from_secs(3600));
            let (busy, cancel) = (Cancel::default(), Arc::new(Cancel::default()));
            let permit = limiter.acquire(&busy, hour()).ok().unwrap();
            let waiting = {
                let (limiter, cancel) = (limiter.clone(), cancel.clone());
                thread::spawn(move || limiter.acquire(&cancel, hour()).is_err())
            };
            cancel.cancel();
            limiter.wake();
            assert!(waiting.join().unwrap());
            drop(permit);
        });
    }
}
