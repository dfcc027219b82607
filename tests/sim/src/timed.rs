//! How long a call takes, on a machine that may be busy with something else.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, fs};

/// Runs `body` and measures it, on this thread.
pub fn timed<T>(body: impl FnOnce() -> T) -> (Took, T) {
    let lost = Lost::now();
    let begin = Instant::now();
    let value = body();
    let end = Instant::now();
    (Took { begin, end, lost: Lost::now().since(&lost) }, value)
}

/// The time that something took, and how much of it the machine had no processor for the thread, or for another one that it
/// waited for.
///
/// A lower limit is compared with the time as it is, an upper limit with the time less what was lost: so a busy machine
/// breaks neither.
#[derive(Clone, Copy)]
pub struct Took {
    begin: Instant,
    end: Instant,
    lost: Duration,
}

impl Took {
    /// From the begin to the end.
    pub fn whole(&self) -> Duration {
        self.end - self.begin
    }

    /// For how long of it the thread was ready to run and had no processor, or the other thread that waited the longest for
    /// one, as far as the system counts that.
    pub fn lost(&self) -> Duration {
        self.lost
    }

    /// Whether it ended at this time after its begin, or later.
    pub fn at_least(&self, limit: Duration) -> bool {
        self.whole() >= limit
    }

    /// Whether it ended within this time, or would have done so on a machine that does nothing else.
    pub fn at_most(&self, limit: Duration) -> bool {
        self.whole().saturating_sub(self.lost) <= limit
    }

    /// From the begin of `cause`, which another thread has measured, to the end of this.
    pub fn since(&self, cause: &Took) -> Took {
        Took { begin: cause.begin, end: self.end.max(cause.begin), lost: self.lost + cause.lost }
    }
}

impl fmt::Debug for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, of which {:?} without a processor", self.whole(), self.lost)
    }
}

/// What each thread of this process has waited for a processor, and the machine for its host.
struct Lost {
    /// This thread's, and those of the others by their numbers.
    own: Duration,
    others: HashMap<OsString, Duration>,
    stolen: Duration,
}

/// The kernel counts what the host takes in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

impl Lost {
    fn now() -> Lost {
        let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let number = |text: &str, index| text.split_whitespace().nth(index).and_then(|number| number.parse().ok());
        // The time on a processor, and the time in the queue for one, in nanoseconds.
        let waited =
            |thread: PathBuf| Duration::from_nanos(number(&text(thread.join("schedstat")), 1).unwrap_or_default());
        let this = fs::read_link("/proc/thread-self").unwrap_or_default();
        let others = fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|entry| entry.file_name());
        let others = others.filter(|thread| Some(thread.as_os_str()) != this.file_name());
        let others = others.map(|thread| (thread.clone(), waited(Path::new("/proc/self/task").join(thread)))).collect();
        // All processors together: user, nice, system, idle, iowait, irq, softirq, steal.
        let ticks: u64 = number(&text("/proc/stat".into()), 8).unwrap_or_default();
        let stolen = TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
        Lost { own: waited("/proc/thread-self".into()), others, stolen }
    }

    /// What this thread waited, and the longest that another one did: this one may have waited for it, as for a lock that it
    /// holds.
    fn since(&self, before: &Lost) -> Duration {
        let begin = |thread| before.others.get(thread).copied().unwrap_or_default();
        let others = self.others.iter().map(|(thread, waited)| waited.saturating_sub(begin(thread))).max();
        let own = self.own.saturating_sub(before.own);
        own + others.unwrap_or_default() + self.stolen.saturating_sub(before.stolen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_without_what_was_lost() {
        let begin = Instant::now();
        let ms = Duration::from_millis;
        let took =
            |from: u64, to: u64, lost: u64| Took { begin: begin + ms(from), end: begin + ms(to), lost: ms(lost) };
        let call = took(0, 300, 40);
        assert!(call.at_least(ms(300)) && !call.at_least(ms(301)));
        assert!(call.at_most(ms(260)) && !call.at_most(ms(259)));
        let since = call.since(&took(250, 260, 5));
        assert!(since.whole() == ms(50) && since.at_most(ms(5)) && !since.at_most(ms(4)));
        assert_eq!(format!("{call:?}"), "300ms, of which 40ms without a processor");
    }

    #[test]
    fn a_thread_may_have_waited_for_another_that_had_no_processor() {
        let ms = Duration::from_millis;
        let lost = |own, others: &[(&str, u64)], stolen| {
            let others = others.iter().map(|(thread, waited)| (OsString::from(thread), ms(*waited))).collect();
            Lost { own: ms(own), others, stolen: ms(stolen) }
        };
        let before = lost(100, &[("1", 1000), ("2", 10)], 50);
        assert_eq!(lost(103, &[("1", 1005), ("2", 30), ("3", 7)], 60).since(&before), ms(3 + 20 + 10));
        assert_eq!(lost(103, &[("3", 7)], 50).since(&before), ms(3 + 7));
        assert_eq!(lost(103, &[], 50).since(&before), ms(3));
    }

    /// More threads than processors: each waits for most of the time.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_waits_for_a_processor_loses_that_time() {
        if !std::path::Path::new("/proc/thread-self/schedstat").exists() {
            return;
        }
        let threads = 4 * std::thread::available_parallelism().unwrap().get();
        let spin = || {
            let until = Instant::now() + Duration::from_millis(200);
            while Instant::now() < until {}
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| timed(spin).0)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().any(|took| took.lost() > took.whole() / 3), "{all:?}");
        let (took, ()) = timed(|| std::thread::sleep(Duration::from_millis(20)));
        assert!(took.at_least(Duration::from_millis(20)));
    }
}
