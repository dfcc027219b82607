//! The status of a job: its state and its counts.
//!
//! Source of the states: Zoho CRM API v7, "Get the status of a mass delete job"; v2 adds `SCHEDULED`, the vendor's OpenAPI
//! specification of 2026 `QUEUED` and `SUSPENDED`.

use std::ffi::CStr;
use std::fmt;

use crate::error::one_line;

/// How far a job is. The numbers are fixed for ever; newer versions may add some.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A state that this version of the library does not know (`state_text` is the service's name for it), or,
    /// after an error, no state.
    Unknown = 0,
    /// The job has not begun.
    Scheduled = 1,
    /// Records are being deleted.
    Running = 2,
    /// The job has ended. `failed_count` is the number of records that could not be deleted.
    Completed = 3,
    /// The job has ended, and failed as a whole.
    Failed = 4,
    /// The job is in the queue.
    Queued = 5,
    /// The job was interrupted, and has not ended.
    Suspended = 6,
}

/// How much of a state with an unknown name is displayed.
const STATE_LIMIT: usize = 100;

/// Every state that the service names, with that name.
const STATES: &[(State, &CStr)] = &[
    (State::Scheduled, c"SCHEDULED"),
    (State::Running, c"RUNNING"),
    (State::Completed, c"COMPLETED"),
    (State::Failed, c"FAILED"),
    (State::Queued, c"QUEUED"),
    (State::Suspended, c"SUSPENDED"),
];

impl State {
    /// The service's name for it: `"RUNNING"`.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// [`name`](Self::name), for C.
    pub fn c_name(self) -> &'static CStr {
        STATES.iter().find(|row| row.0 == self).map_or(c"UNKNOWN", |row| row.1)
    }

    /// The state with this number in the C interface; UNKNOWN if there is none.
    pub fn from_number(number: i32) -> State {
        STATES.iter().map(|row| row.0).find(|state| *state as i32 == number).unwrap_or(State::Unknown)
    }

    /// The state that the service calls `text`; case and white space around it do not matter.
    pub(crate) fn from_text(text: &str) -> State {
        let mut states = STATES.iter().map(|row| row.0);
        states.find(|state| state.name().eq_ignore_ascii_case(text.trim())).unwrap_or(State::Unknown)
    }
}

/// The status of a job, from one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How far the job is.
    pub state: State,
    /// The service's name for it.
    pub text: String,
    /// Records that the job is to delete; `None`: not reported.
    pub total: Option<i64>,
    /// Records deleted so far; `None`: not reported.
    pub deleted: Option<i64>,
    /// Records that could not be deleted so far; `None`: not reported.
    pub failed: Option<i64>,
    /// The HTTP status of the response.
    pub http_status: u16,
}

impl Status {
    /// Whether the job has ended: COMPLETED or FAILED. A state that this version does not know is not an end.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Completed | State::Failed)
    }

    /// Whether every record is deleted: COMPLETED, no record failed, and the deleted count is not below the total, if the
    /// service reports both.
    pub fn is_successful(&self) -> bool {
        let has_failures = self.failed.is_some_and(|failed| failed > 0);
        let is_short = matches!((self.deleted, self.total), (Some(deleted), Some(total)) if deleted < total);
        self.state == State::Completed && !has_failures && !is_short
    }

    /// The state for display: the service's name for it where this version does not know it.
    pub fn state_name(&self) -> String {
        match self.state {
            State::Unknown if !self.text.is_empty() => one_line(&self.text, STATE_LIMIT),
            state => state.name().to_owned(),
        }
    }

    /// The counts for display: `9 of 9 deleted, 0 failed`.
    pub fn counts(&self) -> String {
        if (self.total, self.deleted, self.failed) == (None, None, None) {
            return "the service reported no counts".to_owned();
        }
        let records = match (self.deleted, self.total) {
            (Some(deleted), Some(total)) => format!("{deleted} of {total} deleted"),
            (Some(deleted), None) => format!("{deleted} deleted, total not reported"),
            (None, Some(total)) => format!("deleted not reported of {total}"),
            (None, None) => "deleted and total not reported".to_owned(),
        };
        let failed = self.failed.map_or("failed not reported".to_owned(), |failed| format!("{failed} failed"));
        format!("{records}, {failed}")
    }
}

/// One line: `COMPLETED, 9 of 9 deleted, 0 failed`. What C has after an error without a status is `the status is unknown`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_known = self.state != State::Unknown || !self.text.is_empty();
        if !is_known && (self.total, self.deleted, self.failed) == (None, None, None) {
            return f.write_str("the status is unknown");
        }
        write!(f, "{}, {}", self.state_name(), self.counts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_that_every_record_is_deleted() {
        for (state, total, deleted, failed, is_successful) in [
            (State::Completed, Some(9), Some(9), Some(0), true),
            (State::Completed, Some(9), Some(10), None, true),
            (State::Completed, None, Some(9), Some(0), true),
            (State::Completed, Some(9), None, None, true),
            (State::Completed, Some(9), Some(8), Some(0), false),
            (State::Completed, Some(9), Some(9), Some(1), false),
            (State::Failed, Some(9), Some(9), Some(0), false),
            (State::Running, Some(9), Some(9), Some(0), false),
        ] {
            let status = Status { state, text: String::new(), total, deleted, failed, http_status: 200 };
            assert_eq!(status.is_successful(), is_successful, "{status:?}");
        }
    }

    #[test]
    fn a_status_is_one_line_of_text() {
        for (state, counts, line) in [
            (State::Completed, [Some(9), Some(9), Some(0)], "COMPLETED, 9 of 9 deleted, 0 failed"),
            (State::Running, [None, Some(4), None], "RUNNING, 4 deleted, total not reported, failed not reported"),
            (State::Failed, [Some(9), None, Some(1)], "FAILED, deleted not reported of 9, 1 failed"),
            (State::Queued, [None, None, Some(0)], "QUEUED, deleted and total not reported, 0 failed"),
            (State::Scheduled, [None; 3], "SCHEDULED, the service reported no counts"),
            (State::Unknown, [Some(9), Some(1), Some(0)], "ON HOLD, 1 of 9 deleted, 0 failed"),
            (State::Unknown, [None; 3], "ON HOLD, the service reported no counts"),
        ] {
            let [total, deleted, failed] = counts;
            let status = Status { state, text: "ON\nHOLD".to_owned(), total, deleted, failed, http_status: 200 };
            assert_eq!(status.to_string(), line);
            let unnamed = Status { text: String::new(), ..status };
            assert_eq!(unnamed.state_name(), state.name());
            let is_known = state != State::Unknown || counts != [None; 3];
            assert_eq!(unnamed.to_string() != "the status is unknown", is_known);
        }
    }

    #[test]
    fn each_state_has_a_number_and_a_name() {
        assert_eq!((State::Running.name(), State::from_number(99).c_name()), ("RUNNING", c"UNKNOWN"));
        for (state, name) in STATES {
            assert_eq!((State::from_number(*state as i32), state.c_name()), (*state, *name));
        }
    }
}
