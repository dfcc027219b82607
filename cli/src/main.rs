//! The command `zmd`: how far Zoho CRM mass-delete jobs are, and its credentials and settings.
//!
//! `args` is the command line, `jobs` the list of jobs, `status` and `wait` the commands that query them, `report` their
//! output, `exit` their exit status, `progress` the progress of a wait; `login`, `profiles`, `doctor`, `completions` and
//! `manual` are the other commands, `profile_file` the configuration file. `terminal` writes, `screen` draws rows in place, `modes` are the terminal's, and `signals` end or stop the command.

mod args;
mod clock;
mod completions;
mod data_centers;
mod doctor;
mod exit;
mod failure;
mod jobs;
mod logger;
mod login;
mod manual;
mod modes;
mod profile_file;
mod profiles;
mod progress;
mod report;
mod screen;
mod signals;
mod status;
mod terminal;
mod variable;
mod wait;

use std::process::ExitCode;

use args::{Args, Command};
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    completions::complete();
    signals::start();
    let exit = match Args::parse() {
        Ok(args) => run(args),
        Err(error) => usage(&error),
    };
    let exit = exit.unwrap_or_else(|failure| {
        if let Some(message) = failure.message {
            terminal::complain(&message);
        }
        failure.exit
    });
    ExitCode::from(exit.code())
}

fn run(args: Args) -> Result<Exit, Failure> {
    terminal::set_color(args.global.color);
    // The first -v of doctor is for its checks.
    let verbose = args.global.verbose;
    logger::start(if matches!(args.command, Command::Doctor(_)) { verbose.saturating_sub(1) } else { verbose })?;
    match args.command {
        Command::Status(status) => status::run(&args.global, &status),
        Command::Wait(wait) => wait::run(&args.global, &wait),
        Command::Login(login) => login::run(&args.global, &login),
        Command::Logout => profiles::logout(&args.global),
        Command::Profiles => profiles::list(&args.global),
        Command::Doctor(doctor) => doctor::run(&args.global, &doctor),
        Command::Completions { shell } => completions::run(shell),
        Command::Help { topic } => manual::help(topic.as_deref()),
        Command::Man { directory } => manual::write(&directory),
    }
}

/// Help goes to standard output; a mistake is reported with what clap suggests. The exit status is not clap's 2, which
/// means that a job has not ended.
fn usage(error: &clap::Error) -> Result<Exit, Failure> {
    if error.use_stderr() {
        let styled = error.render();
        let text = if terminal::stderr_is_colored() { styled.ansi().to_string() } else { styled.to_string() };
        // An argument may hold anything; the colors are the only control sequences that belong here.
        terminal::write_stderr(&terminal::plain_lines(&text));
        return Err(Failure::printed(Exit::Permanent));
    }
    let mut out = terminal::Output::new();
    let styled = error.render();
    let text = if terminal::stdout_is_colored() { styled.ansi().to_string() } else { styled.to_string() };
    out.write(&text)?;
    out.finish()?;
    Ok(Exit::Deleted)
}
