//! What `zmd doctor` prints: what failed and what to do about it, and one line if all is well; with `--verbose` every check.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Output, paint, plain, stdout_is_colored};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// Nothing is wrong, but that is the exit status.
    Fine(Exit),
    /// Something is wrong, with this exit status.
    Bad(Exit),
    /// What it needs has failed.
    Skipped,
}

/// A line of JSON, as doc/zmd-output.schema.json describes it.
#[derive(Serialize)]
struct Check<'a> {
    check: &'a str,
    /// `None`: not checked.
    ok: Option<bool>,
    found: &'a str,
    todo: Option<&'a str>,
    settings: Option<Vec<SetTo>>,
}

/// A setting, and where its value comes from.
#[derive(Serialize)]
pub struct SetTo {
    pub key: &'static str,
    pub value: String,
    pub source: String,
}

pub struct Printer {
    out: Output,
    is_json: bool,
    is_verbose: bool,
    is_colored: bool,
    is_well: bool,
    exit: Exit,
}

impl Printer {
    pub fn new(is_json: bool, is_verbose: bool) -> Printer {
        let is_colored = stdout_is_colored();
        Printer { out: Output::new(), is_json, is_verbose, is_colored, is_well: true, exit: Exit::Deleted }
    }

    pub fn print(&mut self, check: &str, verdict: Verdict, found: &str, remedy: &str) -> Result<(), Failure> {
        self.checked(check, verdict, found, remedy, None, false)
    }

    /// What works, but is worth a line.
    pub fn notable(&mut self, check: &str, found: &str) -> Result<(), Failure> {
        self.checked(check, Verdict::Good, found, "", None, true)
    }

    pub fn configuration(&mut self, place: &str, settings: Vec<SetTo>) -> Result<(), Failure> {
        self.checked("configuration", Verdict::Good, place, "", Some(settings), false)
    }

    /// Prints one line if all is well. Returns the exit status.
    pub fn finish(mut self, summary: &[String]) -> Result<Exit, Failure> {
        if self.is_well && !self.is_json && !self.is_verbose {
            let mark = self.mark(Verdict::Good);
            self.out.line(&format!("{mark} {}", plain(&summary.join("; "))))?;
        }
        self.out.finish()?;
        Ok(self.exit)
    }

    fn checked(
        &mut self,
        check: &str,
        verdict: Verdict,
        found: &str,
        remedy: &str,
        settings: Option<Vec<SetTo>>,
        is_notable: bool,
    ) -> Result<(), Failure> {
        if let Verdict::Bad(exit) | Verdict::Fine(exit) = verdict {
            self.exit = self.exit.max(exit);
        }
        let is_bad = matches!(verdict, Verdict::Bad(_));
        self.is_well &= !is_bad;
        if self.is_json {
            let ok = (verdict != Verdict::Skipped).then_some(!is_bad);
            let todo = Some(remedy).filter(|remedy| !remedy.is_empty());
            let line = Check { check, ok, found, todo, settings };
            self.out.line(&serde_json::to_string(&line).unwrap_or_default())?;
        } else if self.is_verbose || is_bad || is_notable {
            let name = paint(check, Style::new().bold(), self.is_colored);
            self.out.line(&format!("{} {name}: {}", self.mark(verdict), plain(found)))?;
            for SetTo { key, value, source } in settings.into_iter().flatten() {
                self.out.line(&format!("    {}", plain(&format!("{key} = {value} ({source})"))))?;
            }
            if !remedy.is_empty() {
                self.out.line(&format!("     -> {}", plain(remedy)))?;
            }
        }
        // Each check is printed when it is done: the next one may take a while.
        Ok(self.out.flush()?)
    }

    fn mark(&self, verdict: Verdict) -> String {
        let (mark, color) = match verdict {
            Verdict::Good | Verdict::Fine(_) => ("ok  ", AnsiColor::Green),
            Verdict::Bad(_) => ("FAIL", AnsiColor::Red),
            Verdict::Skipped => ("-   ", AnsiColor::Yellow),
        };
        paint(mark, Style::new().bold().fg_color(Some(color.into())), self.is_colored)
    }
}
