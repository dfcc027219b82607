//! The rows at the bottom of the terminal, which are drawn again in place, below what is printed.
//!
//! All output of the command passes through [`above`], so that it never appears among the rows. A drawing is one write,
//! and leaves the cursor below the rows: whatever ends or stops the command, what others print does not touch them.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::modes;

/// The terminal's rows; there is one terminal.
static SCREEN: Mutex<Screen> =
    Mutex::new(Screen { is_open: false, is_suspended: false, rows: Vec::new(), drawn: Vec::new() });

struct Screen {
    /// Whether rows may be drawn.
    is_open: bool,
    /// Whether the process is about to be stopped.
    is_suspended: bool,
    rows: Vec<String>,
    /// The width of each row on the terminal, in columns.
    drawn: Vec<usize>,
}

/// Rows may be drawn until it is dropped.
pub struct Open(());

pub fn open() -> Open {
    lock().is_open = true;
    Open(())
}

impl Drop for Open {
    fn drop(&mut self) {
        close();
        modes::restore();
    }
}

/// Replaces the rows. Each is cut to the width of the terminal.
pub fn draw(rows: Vec<String>) {
    let mut screen = lock();
    if screen.is_open {
        screen.rows = rows;
        if !screen.is_suspended {
            screen.draw();
        }
    }
}

/// Prints something above the rows: what `body` writes has to end with a line end.
pub fn above<T>(body: impl FnOnce() -> T) -> T {
    let mut screen = lock();
    let had_rows = !screen.drawn.is_empty();
    if had_rows {
        write(&screen.erase(size().1));
    }
    let value = body();
    if had_rows {
        screen.draw();
    }
    value
}

/// Takes the rows off the terminal, for good.
pub fn close() {
    let mut screen = lock();
    screen.is_open = false;
    screen.take_off();
}

/// The same, for a signal: output that is blocked, as by a pipe that nobody reads, does not block it for long.
pub fn close_soon() {
    for _ in 0..20 {
        if let Ok(mut screen) = SCREEN.try_lock() {
            screen.is_open = false;
            return screen.take_off();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Takes the rows off the terminal until they are drawn again: the process is about to be stopped.
#[cfg(unix)]
pub fn suspend() {
    let mut screen = lock();
    screen.is_suspended = true;
    screen.take_off();
}

/// Draws the rows after the process was stopped. If they are on the terminal still, as SIGSTOP leaves no time to take them
/// off, they are above what the shell has printed since then, and stay.
#[cfg(unix)]
pub fn resume() {
    let mut screen = lock();
    screen.is_suspended = false;
    screen.drawn.clear();
    if screen.is_open {
        screen.draw();
    }
}

/// The height and the width of the terminal.
pub fn size() -> (usize, usize) {
    let (height, width) = console::Term::stderr().size();
    (height.into(), width.into())
}

impl Screen {
    fn draw(&mut self) {
        #[cfg(unix)]
        if !modes::is_foreground(libc::STDERR_FILENO) {
            return;
        }
        modes::draw();
        let frame = self.frame(size().1);
        write(&frame);
    }

    fn take_off(&mut self) {
        if !self.drawn.is_empty() {
            write(&self.erase(size().1));
        }
    }

    /// What draws the rows on a terminal of this width, in place of those that are there.
    fn frame(&mut self, width: usize) -> String {
        let was_cut = self.drawn.iter().any(|columns| *columns >= width);
        let mut frame = if was_cut { self.erase(width) } else { self.to_first_row(width) };
        let before = std::mem::take(&mut self.drawn);
        for row in &self.rows {
            // In the last column, a terminal would erase the row's last character.
            let row = console::truncate_str(row, width.saturating_sub(1), "...");
            frame += &format!("{row}\x1b[K\r\n");
            self.drawn.push(console::measure_text_width(&row));
        }
        if before.len() > self.drawn.len() {
            frame += "\x1b[J";
        }
        frame
    }

    fn erase(&mut self, width: usize) -> String {
        let up = self.to_first_row(width);
        self.drawn.clear();
        up + "\x1b[J"
    }

    /// Moves the cursor from below the rows to the first one. A terminal that has become narrower has wrapped them.
    fn to_first_row(&self, width: usize) -> String {
        let width = width.max(1);
        match self.drawn.iter().map(|columns| columns.div_ceil(width).max(1)).sum() {
            0 => String::new(),
            lines => format!("\r\x1b[{lines}A"),
        }
    }
}

fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn lock() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::num::NonZeroU16;

    fn terminal(width: u16) -> vt100::Parser {
        let mut terminal = vt100::Parser::new(NonZeroU16::new(8).unwrap(), NonZeroU16::new(width).unwrap(), 0);
        terminal.process(b"above\r\n");
        terminal
    }

    fn screen(rows: &[&str]) -> Screen {
        Screen {
            is_open: true,
            is_suspended: false,
            rows: rows.iter().map(|row| row.to_string()).collect(),
            drawn: Vec::new(),
        }
    }

    #[test]
    fn rows_are_drawn_in_place() {
        let mut terminal = terminal(20);
        let mut screen = screen(&["one", "two", "three"]);
        terminal.process(screen.frame(20).as_bytes());
        assert_eq!(terminal.screen().contents(), "above\none\ntwo\nthree");
        screen.rows = vec!["1".to_owned(), "a row that is too long for it".to_owned()];
        terminal.process(screen.frame(20).as_bytes());
        assert_eq!(terminal.screen().contents(), "above\n1\na row that is to...");
        terminal.process(screen.erase(20).as_bytes());
        assert_eq!(terminal.screen().contents(), "above");
    }

    #[test]
    fn a_terminal_that_became_narrower_keeps_what_is_above() {
        // It has wrapped the row of 15 columns to two of 10.
        let mut terminal = terminal(10);
        terminal.process(b"123456789012345\r\n");
        let mut screen = screen(&["short"]);
        screen.drawn = vec![15];
        terminal.process(screen.frame(10).as_bytes());
        assert_eq!(terminal.screen().contents(), "above\nshort");
    }
}
