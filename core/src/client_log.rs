//! The log of a client, for hosts that can set no logger: its lines, and which thread writes those of which client.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{SystemTime, UNIX_EPOCH};

use log::{Level, LevelFilter};

use crate::log_place::Place;

/// What a client and its clones log, and where.
#[derive(Debug)]
pub struct ClientLog {
    level: LevelFilter,
    place: Place,
    /// Of this process, from 1.
    number: u64,
    /// How many lines could not be written since the last one that could.
    lost: AtomicU64,
    has_failed: AtomicBool,
    /// The last line is there in part.
    is_torn: AtomicBool,
}

/// How many clients have had a log.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// How many logs there are of each level.
static LEVELS: [AtomicUsize; 6] = [const { AtomicUsize::new(0) }; 6];

/// The level of the program's logger.
static HOST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The log of the client that this thread runs a call of.
    static CURRENT: RefCell<Option<Arc<ClientLog>>> = const { RefCell::new(None) };
}

/// Makes lines of this thread those of a client, until it is dropped.
pub(crate) struct Scope(Option<Arc<ClientLog>>, PhantomData<*const ()>);

impl Drop for Scope {
    fn drop(&mut self) {
        replace(self.0.take());
    }
}

fn replace(log: Option<Arc<ClientLog>>) -> Option<Arc<ClientLog>> {
    CURRENT.try_with(|current| current.replace(log)).ok().flatten()
}

/// Lines that this thread logs are those of a client with this log, until the result is dropped.
pub(crate) fn enter(log: Option<&Arc<ClientLog>>) -> Scope {
    Scope(replace(log.cloned()), PhantomData)
}

/// The log that a line of this thread is for, if it takes such lines.
pub fn log_for(level: Level) -> Option<Arc<ClientLog>> {
    CURRENT.try_with(|current| current.borrow().as_ref().filter(|log| level <= log.level).cloned()).ok().flatten()
}

/// The log of this thread's client.
pub(crate) fn current() -> Option<Arc<ClientLog>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Sets the level of the program's logger.
pub fn set_host_level(level: LevelFilter) {
    HOST.store(level as usize, SeqCst);
    update_max_level();
}

/// The level of the program's logger.
pub fn host_level() -> LevelFilter {
    of_number(HOST.load(SeqCst))
}

/// What is logged is what the logger or one of the logs takes.
fn update_max_level() {
    let wanted = || (0..LEVELS.len()).rev().find(|level| LEVELS[*level].load(SeqCst) > 0).unwrap_or(0);
    loop {
        let level = of_number(wanted().max(HOST.load(SeqCst)));
        log::set_max_level(level);
        // Another thread may have changed a level, and set the maximum before this one did.
        if level == of_number(wanted().max(HOST.load(SeqCst))) {
            return;
        }
    }
}

fn of_number(number: usize) -> LevelFilter {
    LevelFilter::iter().find(|level| *level as usize == number).unwrap_or(LevelFilter::Off)
}

impl ClientLog {
    /// A log of lines up to a level. `None`: there is nothing to log.
    pub(crate) fn new(level: LevelFilter, place: Option<&Place>) -> Option<Arc<ClientLog>> {
        let place = place.filter(|_| level != LevelFilter::Off)?.clone();
        let number = CLIENTS.fetch_add(1, SeqCst) + 1;
        LEVELS[level as usize].fetch_add(1, SeqCst);
        update_max_level();
        Some(Arc::new(ClientLog::of(level, place, number)))
    }

    fn of(level: LevelFilter, place: Place, number: u64) -> ClientLog {
        let [has_failed, is_torn] = [false; 2].map(AtomicBool::new);
        ClientLog { level, place, number, lost: AtomicU64::new(0), has_failed, is_torn }
    }

    /// Writes a line that says so; if that is not possible, why.
    pub(crate) fn check(&self) -> Result<(), String> {
        let line = self.line(Level::Info, "log: a check of whether lines can be written");
        self.append(&line).map_err(|error| self.why_lost(&error))
    }

    fn why_lost(&self, error: &io::Error) -> String {
        format!("log_file {} can't be written, and lines are lost: {error}", self.place)
    }

    /// A line as it is written, without its end: the time in UTC, the level, process and thread, the client if there are
    /// several, and the text.
    pub fn line(&self, level: Level, text: &str) -> String {
        let level = match level {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        let client = match CLIENTS.load(SeqCst) {
            0 | 1 => String::new(),
            _ => format!(" client {}:", self.number),
        };
        format!("{} {level} {}/{}{client} {text}", utc(SystemTime::now()), std::process::id(), thread_number())
    }

    /// Writes a line, in one write. It never fails the caller: the first line that is lost returns what to tell the program's
    /// logger.
    pub fn write(&self, line: &str) -> Option<String> {
        // Taken, so that of threads that write at the same time only one tells.
        let lost = self.lost.swap(0, SeqCst);
        let told = match lost {
            0 => String::new(),
            _ => self.line(Level::Warn, &format!("log: {lost} lines before this one could not be written\n")),
        };
        let error = self.append(&(told + line)).err()?;
        self.lost.fetch_add(lost + 1, SeqCst);
        let is_first = !self.has_failed.swap(true, SeqCst);
        is_first.then(|| format!("log: {}", self.why_lost(&error)))
    }

    /// Appends whole lines, on a line of their own.
    fn append(&self, lines: &str) -> io::Result<()> {
        let begin = if self.is_torn.load(SeqCst) { "\n" } else { "" };
        let text = format!("{begin}{lines}\n");
        let written = self.place.append(text.as_bytes())?;
        self.is_torn.store(written < text.len(), SeqCst);
        if written < text.len() { Err(io::Error::other("there is no room for a whole line")) } else { Ok(()) }
    }
}

impl Drop for ClientLog {
    fn drop(&mut self) {
        LEVELS[self.level as usize].fetch_sub(1, SeqCst);
        update_max_level();
    }
}

/// The number that the system's tools show for this thread; where there is none, how many threads have logged before.
fn thread_number() -> u64 {
    #[cfg(all(target_os = "linux", not(miri)))]
    return rustix::thread::gettid().as_raw_nonzero().get() as u64;
    #[cfg(not(all(target_os = "linux", not(miri))))]
    {
        static LAST: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static NUMBER: u64 = LAST.fetch_add(1, SeqCst) + 1;
        }
        NUMBER.try_with(|number| *number).unwrap_or(0)
    }
}

/// A time in RFC 3339: `2026-11-24T08:05:00.123Z`. The local time would be read from the environment.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, milliseconds) = (since.as_secs(), since.subsec_millis());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Years that begin with March: a leap day is the last of its year. An era has 400 of them.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_utc_with_milliseconds() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_795_507_199_123, "2026-11-24T07:59:59.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_millis(milliseconds)), text);
        }
    }

    fn log_in(directory: &std::path::Path) -> ClientLog {
        // Its drop takes it out.
        LEVELS[0].fetch_add(1, SeqCst);
        ClientLog::of(LevelFilter::Off, Place::File(directory.join("log")), 1)
    }

    #[test]
    #[cfg_attr(miri, ignore = "it has no such files")]
    fn threads_that_write_at_the_same_time_tell_each_lost_line_once() {
        let path = std::env::temp_dir().join(format!("zmd-log-threads-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let (log, threads) = (log_in(&path), std::sync::Barrier::new(4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if threads.wait().is_leader() {
                            log.lost.store(3, SeqCst);
                        }
                        threads.wait();
                        assert_eq!(log.write("line"), None);
                    }
                });
            }
        });
        let written = std::fs::read_to_string(path.join("log")).unwrap();
        assert_eq!(written.matches(" 3 lines before this one").count(), 200);
        assert_eq!((written.matches("lines before this one").count(), log.lost.load(SeqCst)), (200, 0));
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "it has no such files")]
    fn lines_that_are_lost_are_told_once_and_counted() {
        let path = std::env::temp_dir().join(format!("zmd-log-{}", std::process::id()));
        let log = log_in(&path);
        let told = log.write("one").unwrap();
        assert!(told.contains("log_file") && told.contains(path.to_str().unwrap()), "{told}");
        assert_eq!(log.write("two"), None);
        std::fs::create_dir(&path).unwrap();
        assert_eq!((log.write("three"), log.write("four")), (None, None));
        let written = std::fs::read_to_string(path.join("log")).unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert!(lines.len() == 3 && lines[0].contains("log: 2 lines before this one"), "{written}");
        assert_eq!(lines[1..], ["three", "four"]);
        // After a part of a line the next one begins a line of its own.
        std::fs::write(path.join("log"), "a part of a li").unwrap();
        log.is_torn.store(true, SeqCst);
        assert_eq!((log.write("one"), log.write("two")), (None, None));
        assert_eq!(std::fs::read_to_string(path.join("log")).unwrap(), "a part of a li\none\ntwo\n");
        // A pipe, a directory: it does not block, and is no log.
        std::fs::remove_file(path.join("log")).unwrap();
        std::fs::create_dir(path.join("log")).unwrap();
        assert_eq!((log.write("five"), log.lost.load(SeqCst)), (None, 1));
        std::fs::remove_dir_all(path).unwrap();
    }
}
