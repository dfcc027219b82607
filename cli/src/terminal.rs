//! Standard output and standard error: what is printed, and in which colors.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::screen;

/// Why standard output could not be written.
pub struct OutputError(pub io::Error);

/// Standard output, buffered: a full disk or a closed pipe is an error, not a success.
#[derive(Default)]
pub struct Output {
    text: String,
    flushes_each_line: bool,
}

impl Output {
    pub fn new() -> Output {
        Output::default()
    }

    /// For results that come over a time.
    pub fn flush_each_line(&mut self) {
        self.flushes_each_line = true;
    }

    pub fn write(&mut self, text: &str) -> Result<(), OutputError> {
        self.text.push_str(text);
        if self.text.len() > 1 << 16 { self.flush() } else { Ok(()) }
    }

    pub fn line(&mut self, line: &str) -> Result<(), OutputError> {
        self.write(&format!("{line}\n"))?;
        if self.flushes_each_line { self.flush() } else { Ok(()) }
    }

    pub fn flush(&mut self) -> Result<(), OutputError> {
        let text = std::mem::take(&mut self.text);
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(OutputError)
        };
        if io::stdout().is_terminal() { screen::above(write) } else { write() }
    }

    pub fn finish(mut self) -> Result<(), OutputError> {
        self.flush()
    }
}

/// Writes to standard error; a failure is ignored, as it can't be reported.
pub fn write_stderr(text: &str) {
    screen::above(|| {
        let _ = io::stderr().write_all(text.as_bytes());
    });
}

/// Prints an error, in one line.
pub fn complain(message: &str) {
    let name = if stderr_is_colored() { "\u{1b}[1;31mzmd:\u{1b}[0m" } else { "zmd:" };
    write_stderr(&format!("{name} {}\n", plain(message)));
}

/// Prints a message that is not an error, in one line.
pub fn note(message: &str) {
    write_stderr(&format!("{}\n", plain(message)));
}

/// When to write in colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

static COLOR: OnceLock<Color> = OnceLock::new();

/// Sets what the command line says.
pub fn set_color(color: Color) {
    let _ = COLOR.set(color);
}

pub fn stderr_is_colored() -> bool {
    is_colored(&io::stderr())
}

pub fn stdout_is_colored() -> bool {
    is_colored(&io::stdout())
}

/// <https://no-color.org>, <https://bixense.com/clicolors>; a terminal without capabilities has no colors either.
fn is_colored(stream: &impl IsTerminal) -> bool {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    match COLOR.get() {
        Some(Color::Always) => true,
        Some(Color::Never) => false,
        _ if variable("NO_COLOR").is_some() => false,
        _ if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        _ => stream.is_terminal() && !is_dumb(),
    }
}

/// Whether the terminal can only print.
#[cfg(unix)]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the console can only print. One that can do more is made to interpret escape sequences.
#[cfg(windows)]
pub fn is_dumb() -> bool {
    use windows_sys::Win32::System::Console::{
        ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE,
        SetConsoleMode,
    };
    let refuses = |stream| {
        let mut mode = 0;
        // SAFETY: the mode is written to a variable of its type; the handle may be invalid, which fails.
        unsafe {
            let console = GetStdHandle(stream);
            GetConsoleMode(console, &mut mode) != 0
                && SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) == 0
        }
    };
    refuses(STD_OUTPUT_HANDLE) || refuses(STD_ERROR_HANDLE)
}

/// A word in the colors of its meaning, for a terminal.
pub fn paint(text: &str, style: anstyle::Style, colored: bool) -> String {
    if colored { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Text for people: no control character in it may reach their terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '?' } else { c }).collect()
}

/// The same for several lines, which keep their ends and their colors.
pub fn plain_lines(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let color = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after[end..].starts_with('m').then_some(2 + end + 1)
        });
        let length = color.unwrap_or(c.len_utf8());
        if color.is_some() || c == '\n' || !(c.is_control() || is_bidi(c)) {
            kept.push_str(&rest[..length]);
        } else {
            kept.push('?');
        }
        rest = &rest[length..];
    }
    kept
}

/// Characters that change the direction of what follows.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The lines of a paragraph, not wider than the terminal, and not than what is easy to read. All but the first begin with
/// `indent` blanks.
pub fn wrap(paragraph: &str, indent: usize) -> Vec<String> {
    wrap_to(paragraph, indent, screen::size().1.saturating_sub(1).min(100))
}

fn wrap_to(paragraph: &str, indent: usize, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Blanks within, as of a table, stay where the line is not broken.
    for word in paragraph.split_inclusive(' ') {
        let line = lines.last_mut().expect("there is one");
        let end = console::measure_text_width(line) + console::measure_text_width(word.trim_end());
        if end > width && !line.trim().is_empty() && !word.trim().is_empty() {
            line.truncate(line.trim_end().len());
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped() {
        assert_eq!(wrap_to("", 0, 9), [""]);
        assert_eq!(wrap_to("  1  code  a grant code", 11, 17), ["  1  code  a", "           grant", "           code"]);
        assert_eq!(wrap_to("https://a.very.long.address and more", 0, 12), ["https://a.very.long.address", "and more"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\u{9b}1m\u{202e}\n"), "a?[2J?1m??");
        assert_eq!(plain_lines("a\u{1b}[2J\n\u{1b}[1;31mb\u{1b}[0m\r"), "a?[2J\n\u{1b}[1;31mb\u{1b}[0m?");
    }
}
