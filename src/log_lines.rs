//! Lines of the log between the place that logs them and the logger of the host program.
//!
//! A line is logged in the middle of the work, where this library or one that it uses may hold a lock. The host's function
//! may do anything, also call this library or wait for another thread that does. So the lines of a thread are collected, and
//! delivered where the thread holds nothing.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::CString;

use log::Level;

/// How many bytes of lines a thread collects. A call has some dozens of lines between two deliveries.
const BYTES_LIMIT: usize = 64 * 1024;

pub(super) struct Line {
    pub(super) level: Level,
    pub(super) text: CString,
}

struct Lines {
    waiting: VecDeque<Line>,
    bytes: usize,
    /// How many were discarded, after those that are waiting.
    discarded: usize,
}

thread_local! {
    static LINES: RefCell<Lines> = const { RefCell::new(Lines { waiting: VecDeque::new(), bytes: 0, discarded: 0 }) };
}

/// Adds a line of this thread. Beyond the limit it is counted alone. Late in the life of a thread it is discarded.
pub(super) fn push(line: Line) {
    let _ = LINES.try_with(|lines| {
        let mut lines = lines.borrow_mut();
        let size = line.text.count_bytes();
        if lines.discarded > 0 || lines.bytes + size > BYTES_LIMIT {
            lines.discarded += 1;
            return;
        }
        lines.bytes += size;
        lines.waiting.push_back(line);
    });
}

/// Removes the oldest line of this thread. After the last one comes one about the lines that were discarded.
pub(super) fn pop() -> Option<Line> {
    let pop = |lines: &RefCell<Lines>| {
        let mut lines = lines.borrow_mut();
        if let Some(line) = lines.waiting.pop_front() {
            lines.bytes -= line.text.count_bytes();
            return Some(line);
        }
        let count = std::mem::take(&mut lines.discarded);
        let text = || CString::new(format!("log: too many lines at once, {count} discarded")).unwrap_or_default();
        (count > 0).then(|| Line { level: Level::Warn, text: text() })
    };
    LINES.try_with(pop).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_up_to_the_limit() {
        let line = |text: String| Line { level: Level::Trace, text: CString::new(text).unwrap() };
        let next = || pop().map(|line| line.text.into_string().unwrap());
        assert_eq!(next(), None);
        for number in 0..BYTES_LIMIT / 1000 + 5 {
            push(line(format!("{number:01000}")));
        }
        for number in 0..BYTES_LIMIT / 1000 {
            assert_eq!(next(), Some(format!("{number:01000}")));
        }
        assert_eq!(next().as_deref(), Some("log: too many lines at once, 5 discarded"));
        assert_eq!(next(), None);
        push(line("again".to_owned()));
        assert_eq!((next().as_deref(), next()), (Some("again"), None));
    }
}
