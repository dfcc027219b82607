//! What is printed of a job: a line for people or a line of JSON, and what it means for the exit status.

use serde_json::{Map, Value, json};
use zmd_core::{Error, ErrorKind, State, Status};

use crate::Exit;
use crate::jobs::{Job, suggestion};
use crate::terminal::plain;

/// What a status means for the exit status: a job that is over has done its work only if no record is left.
pub fn exit_of(status: &Status) -> Exit {
    match status.has_ended() {
        true if status.is_successful() => Exit::Completed,
        true => Exit::Failed,
        false => Exit::NotFinished,
    }
}

/// The state for display: if the library does not know it, the service's name for it.
pub fn state_word(status: &Status) -> String {
    match status.state {
        State::Unknown if !status.text.is_empty() => plain(&status.text),
        _ => status.state.name().to_owned(),
    }
}

/// `Leads 1001`
pub fn name(job: &Job) -> String {
    plain(format!("{} {}", job.module, job.job_id).trim())
}

/// `Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed`
pub fn line(job: &Job, status: &Status) -> String {
    let records = match (status.deleted, status.total) {
        (Some(deleted), Some(total)) => format!("{deleted} of {total} deleted"),
        (Some(deleted), None) => format!("{deleted} deleted, total not reported"),
        (None, Some(total)) => format!("deleted not reported of {total}"),
        (None, None) => "deleted and total not reported".to_owned(),
    };
    let failed = status.failed.map_or("failed not reported".to_owned(), |failed| format!("{failed} failed"));
    format!("{}: {}, {records}, {failed}", name(job), state_word(status))
}

/// One object, with the same keys for every status.
pub fn json_of_status(job: &Job, status: &Status) -> String {
    let mut object = object(job);
    object.insert("state".into(), status.state.name().into());
    object.insert("status".into(), status.text.as_str().into());
    for (key, count) in [("total", status.total), ("deleted", status.deleted), ("failed", status.failed)] {
        object.insert(key.into(), json!(count));
    }
    object.insert("http_status".into(), status.http_status.into());
    Value::Object(object).to_string()
}

/// One object, with the same keys for every error.
pub fn json_of_error(job: &Job, error: &Error) -> String {
    let mut object = object(job);
    object.insert("error".into(), error.kind().name().into());
    object.insert("code".into(), error.code().into());
    object.insert("message".into(), error.message().into());
    object.insert("http_status".into(), error.http_status().into());
    Value::Object(object).to_string()
}

fn object(job: &Job) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("module".into(), job.module.as_str().into());
    object.insert("job_id".into(), job.job_id.as_str().into());
    object
}

/// An error for people; not every message names its job.
pub fn words(job: &Job, error: &Error, one_of_many: bool) -> String {
    let job_name = if one_of_many { format!("{}: ", name(job)) } else { String::new() };
    let hint = match suggestion(&job.module) {
        Some(module) if error.kind() == ErrorKind::InvalidModule => format!("; did you mean {module}?"),
        _ => String::new(),
    };
    format!("{job_name}{}{hint}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_left_records_has_not_done_its_work() {
        let status = |state, total, deleted, failed| Status {
            state,
            text: String::new(),
            total,
            deleted,
            failed,
            http_status: 200,
        };
        for (state, total, deleted, failed, exit) in [
            (State::Completed, Some(9), Some(9), Some(0), Exit::Completed),
            (State::Completed, Some(0), Some(0), Some(0), Exit::Completed),
            (State::Completed, None, None, None, Exit::Completed),
            (State::Completed, Some(9), Some(10), None, Exit::Completed),
            (State::Completed, Some(12), Some(11), Some(1), Exit::Failed),
            (State::Completed, Some(12), Some(11), Some(0), Exit::Failed),
            (State::Completed, None, Some(11), Some(1), Exit::Failed),
            (State::Failed, Some(9), Some(9), Some(0), Exit::Failed),
            (State::Running, Some(9), Some(9), Some(0), Exit::NotFinished),
            (State::Suspended, Some(9), Some(9), Some(0), Exit::NotFinished),
            (State::Unknown, Some(9), Some(9), Some(0), Exit::NotFinished),
        ] {
            assert_eq!(exit_of(&status(state, total, deleted, failed)), exit);
        }
    }
}
