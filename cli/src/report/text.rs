//! The line for people about a job.

use anstyle::{AnsiColor, Style};
use zmd_core::{Error, ErrorKind, Status};

use crate::exit::Exit;
use crate::jobs::{Job, suggestion};
use crate::terminal::{paint, plain};

/// `Leads 1001`
pub fn name(job: &Job) -> String {
    plain(format!("{} {}", job.module, job.job_id).trim())
}

/// `Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed`
pub fn line(job: &Job, status: &Status) -> String {
    colored_line(job, status, false)
}

/// The same, with the state in the color of what it means.
pub fn colored_line(job: &Job, status: &Status, is_colored: bool) -> String {
    let color = match Exit::of_status(status) {
        Exit::Deleted => AnsiColor::Green,
        Exit::NotFinished => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let state = paint(&plain(&status.state_name()), Style::new().fg_color(Some(color.into())), is_colored);
    format!("{}: {state}, {}", name(job), status.counts())
}

/// An error for people; not every message names its job.
pub fn words(job: &Job, error: &Error, is_one_of_many: bool) -> String {
    let job_name = if is_one_of_many { format!("{}: ", name(job)) } else { String::new() };
    let hint = match suggestion(&job.module) {
        Some(module) if error.kind() == ErrorKind::InvalidModule => format!("; did you mean {module}?"),
        _ => String::new(),
    };
    format!("{job_name}{}{hint}", error.message())
}
