//! Why a command failed, and the exit status that follows.

use crate::exit::Exit;
#[cfg(unix)]
use crate::signals;
use crate::terminal;

pub struct Failure {
    /// What to print; `None`: it is printed already.
    pub message: Option<String>,
    pub exit: Exit,
}

impl Failure {
    /// A failure that was printed already.
    pub fn printed(exit: Exit) -> Failure {
        Failure { message: None, exit }
    }
}

impl From<zmd_core::Error> for Failure {
    fn from(error: zmd_core::Error) -> Failure {
        Failure { exit: Exit::of_error(&error), message: Some(error.message().to_owned()) }
    }
}

/// A mistake in the command line or a file: it needs a person.
impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure { message: Some(message), exit: Exit::Permanent }
    }
}

/// Standard output could not be written.
impl From<terminal::OutputError> for Failure {
    fn from(error: terminal::OutputError) -> Failure {
        // The reader closed the pipe, as `head` does: end quietly.
        #[cfg(unix)]
        if error.0.kind() == std::io::ErrorKind::BrokenPipe {
            signals::die_of(libc::SIGPIPE);
        }
        format!("cannot write to standard output: {}", error.0).into()
    }
}
