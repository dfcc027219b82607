//! The exit status: what a script does next.

use zmd_core::{Error, Status};

/// The exit status of a command. Of several jobs, the one counts that comes last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Every record is deleted.
    Deleted,
    /// A job is not finished.
    NotFinished,
    /// An error that may pass: of the network, of the service, or a limit.
    Transient,
    /// An error that needs a person: of the command line, the settings or the credentials, or there is no such job.
    Permanent,
    /// A job failed, or left records. No other job's state hides it.
    Failed,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Deleted => 0,
            Exit::Failed => 1,
            Exit::NotFinished => 2,
            Exit::Transient => 3,
            Exit::Permanent => 4,
        }
    }

    pub fn of_status(status: &Status) -> Exit {
        match status.has_ended() {
            true if status.is_successful() => Exit::Deleted,
            true => Exit::Failed,
            false => Exit::NotFinished,
        }
    }

    pub fn of_error(error: &Error) -> Exit {
        if error.is_transient() { Exit::Transient } else { Exit::Permanent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use zmd_core::{ErrorKind, State};

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
            (State::Completed, Some(9), Some(9), Some(0), Exit::Deleted),
            (State::Completed, Some(0), Some(0), Some(0), Exit::Deleted),
            (State::Completed, None, None, None, Exit::Deleted),
            (State::Completed, Some(9), Some(10), None, Exit::Deleted),
            (State::Completed, Some(12), Some(11), Some(1), Exit::Failed),
            (State::Completed, Some(12), Some(11), Some(0), Exit::Failed),
            (State::Completed, None, Some(11), Some(1), Exit::Failed),
            (State::Failed, Some(9), Some(9), Some(0), Exit::Failed),
            (State::Running, Some(9), Some(9), Some(0), Exit::NotFinished),
            (State::Suspended, Some(9), Some(9), Some(0), Exit::NotFinished),
            (State::Unknown, Some(9), Some(9), Some(0), Exit::NotFinished),
        ] {
            assert_eq!(Exit::of_status(&status(state, total, deleted, failed)), exit);
        }
    }

    #[test]
    fn the_worst_for_the_operator_counts() {
        assert_eq!(Exit::of_error(&Error::new(ErrorKind::Server, "")), Exit::Transient);
        assert_eq!(Exit::of_error(&Error::new(ErrorKind::JobNotFound, "")), Exit::Permanent);
        let mut all = [Exit::Failed, Exit::Deleted, Exit::Permanent, Exit::NotFinished, Exit::Transient];
        all.sort();
        assert_eq!(all.map(Exit::code), [0, 2, 3, 4, 1]);
    }
}
