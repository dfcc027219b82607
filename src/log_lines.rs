//! Lines of the log between the place that logs them and the logger of the host program, or a client's own log.
//!
//! A line is logged in the middle of the work, where this library or one that it uses may hold a lock. The host's function
//! may do anything, also call this library or wait for another thread that does. So the lines of a thread are collected, and
//! delivered where the thread holds nothing.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::Arc;

use log::Level;
use zmd_core::logging::ClientLog;
use zmd_core::process_id;

/// How many bytes of lines a thread collects. A call has some dozens of lines between two deliveries.
const BYTES_LIMIT: usize = 64 * 1024;

pub(super) struct Line {
    pub(super) level: Level,
    pub(super) text: CString,
    /// Whether it is for the logger of the host program.
    pub(super) is_for_host: bool,
    /// The log of the client that it is about, and the line as it is written there.
    pub(super) of_client: Option<(Arc<ClientLog>, String)>,
    /// The process that logged it: in a child of `fork()` it is the parent that delivers it.
    pub(super) process: u64,
}

impl Line {
    fn size(&self) -> usize {
        self.text.count_bytes() + self.of_client.as_ref().map_or(0, |(_, line)| line.len())
    }
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
        let size = line.size();
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
        while let Some(line) = lines.waiting.pop_front() {
            lines.bytes -= line.size();
            if line.process == process_id() {
                return Some(line);
            }
        }
        let count = std::mem::take(&mut lines.discarded);
        let text = || CString::new(format!("log: too many lines at once, {count} discarded")).unwrap_or_default();
        (count > 0).then(|| Line {
            level: Level::Warn,
            text: text(),
            is_for_host: true,
            of_client: None,
            process: process_id(),
        })
    };
    LINES.try_with(pop).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_up_to_the_limit() {
        let line = |text: String| Line {
            level: Level::Trace,
            text: CString::new(text).unwrap(),
            is_for_host: true,
            of_client: None,
            process: process_id(),
        };
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
