//! What the log says of a wait: its beginning, each change, and its end.

use std::fmt;
use std::time::Duration;

use super::operation::Operation;
use crate::error::Error;
use crate::status::Status;

/// Logs that a wait begins.
pub(super) fn log_begin(job: &impl fmt::Display, operation: Operation, continues: bool) {
    let Operation::Wait { timeout } = operation else { return };
    let limit = match timeout {
        None => "without a limit".to_owned(),
        Some(limit) if log::log_enabled!(log::Level::Info) => format!("of {} ms at most", limit.as_millis()),
        Some(_) => return,
    };
    match continues {
        false => log::info!("{job}: a wait begins, {limit}"),
        true => log::debug!("{job}: a wait {limit} continues the one before"),
    }
}

/// What a poll has found changed, and what is expected. `None`: nobody reads it, or the wait has ended.
pub(super) fn change(status: &Status, next_poll: Option<Duration>, remaining: Option<Duration>) -> Option<String> {
    let next = next_poll.filter(|_| log::log_enabled!(log::Level::Info))?.as_secs_f64();
    let left = remaining.map(|left| format!(", about {:.0} s left", left.as_secs_f64())).unwrap_or_default();
    Some(format!("{status}; the next poll is in {next:.1} s{left}"))
}

/// Logs how a wait has ended.
pub(super) fn log_end(job: &impl fmt::Display, elapsed: Duration, end: &Result<&Status, &Error>) {
    let seconds = elapsed.as_secs_f64();
    match end {
        Ok(status) => log::info!("{job}: the wait has ended after {seconds:.1} s: {status}"),
        Err(error) => log::info!("{job}: the wait has ended after {seconds:.1} s: {}: {error}", error.kind().name()),
    }
}
