//! The command `zmd`: how far Zoho CRM mass-delete jobs are, and its credentials and settings.
//!
//! `args` is the command line, `jobs` the list of jobs, `query` the commands `status` and `wait`, `report` their output,
//! `progress` the progress of a wait; `login`, `doctor` and `generate` are the other commands. `terminal` writes, `screen`
//! draws rows in place, `modes` are the terminal's, and `signals` end or stop the command.

mod args;
mod doctor;
mod generate;
mod jobs;
mod login;
mod modes;
mod progress;
mod query;
mod report;
mod screen;
mod signals;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// The exit status of a command; of several jobs, the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Every job is completed, and every record deleted.
    Completed = 0,
    /// A job failed, or left records.
    Failed = 1,
    /// A job is not finished.
    NotFinished = 2,
    /// There was an error.
    Error = 3,
}

/// Why a command failed: already printed, or with the message to print.
struct Failure(Option<String>);

impl From<zmd_core::Error> for Failure {
    fn from(error: zmd_core::Error) -> Failure {
        Failure(Some(error.message().to_owned()))
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure(Some(message))
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
        Failure(Some(format!("cannot write to standard output: {}", error.0)))
    }
}

fn main() -> ExitCode {
    signals::start();
    let exit = match Args::try_parse() {
        Ok(args) => run(args),
        Err(error) => usage(&error),
    };
    let exit = exit.unwrap_or_else(|Failure(message)| {
        if let Some(message) = message {
            terminal::complain(&message);
        }
        Exit::Error
    });
    ExitCode::from(exit as u8)
}

fn run(args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Status(status) => query::status(&args.global, &status),
        Command::Wait(wait) => query::wait(&args.global, &wait),
        Command::Login(login) => login::run(&args.global, &login),
        Command::Doctor(doctor) => doctor::run(&args.global, &doctor),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { directory } => generate::manual(&directory),
    }
}

/// Help goes to standard output; a mistake is reported with what clap suggests. The exit status is not clap's 2, which
/// means that a job has not ended.
fn usage(error: &clap::Error) -> Result<Exit, Failure> {
    if error.use_stderr() {
        let styled = error.render();
        let text = if terminal::stderr_is_coloured() { styled.ansi().to_string() } else { styled.to_string() };
        // An argument may hold anything; the colours are the only control sequences that belong here.
        terminal::write_stderr(&terminal::plain_lines(&text));
        return Err(Failure(None));
    }
    let mut out = terminal::Output::new();
    let styled = error.render();
    let text = if terminal::stdout_is_coloured() { styled.ansi().to_string() } else { styled.to_string() };
    out.write(&text)?;
    out.finish()?;
    Ok(Exit::Completed)
}
