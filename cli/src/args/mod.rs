//! The command line.

mod duration;
pub mod help;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use crate::completions;
use crate::terminal::Color;
use duration::duration;

/// How far is a Zoho CRM mass-delete job?
#[derive(Parser)]
#[command(name = "zmd", version, max_term_width = 100, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = help::after("zmd"), after_long_help = help::after_all())]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    pub fn parse() -> Result<Args, clap::Error> {
        // Its own error would not say where the value comes from.
        if let Err(std::env::VarError::NotUnicode(_)) = std::env::var("ZMD_PROFILE") {
            let message = "ZMD_PROFILE takes UTF-8; its value has other bytes\n";
            return Err(clap::Error::raw(clap::error::ErrorKind::InvalidUtf8, message));
        }
        Args::from_arg_matches(&command().try_get_matches()?)
    }
}

/// The command line. Options that mean nothing for a command are not listed in its help.
pub fn command() -> clap::Command {
    let mut command = Args::command();
    command.build();
    for (name, meaningless) in [
        ("completions", &["profile", "config", "verbose", "color"][..]),
        ("man", &["profile", "config", "verbose", "color"]),
        ("help", &["profile", "config", "verbose"]),
        ("profiles", &["verbose"]),
        ("logout", &["verbose"]),
    ] {
        command = command.mut_subcommand(name, |command| {
            command.mut_args(|arg| {
                let is_hidden = meaningless.contains(&arg.get_id().as_str());
                if is_hidden { arg.hide(true) } else { arg }
            })
        });
    }
    command
}

#[derive(ClapArgs)]
#[command(next_help_heading = "Options of all commands")]
pub struct Global {
    /// The profile of the configuration file
    #[arg(long, global = true, env = "ZMD_PROFILE", hide_env_values = true, value_name = "NAME")]
    #[arg(add = ArgValueCompleter::new(completions::profiles))]
    pub profile: Option<String>,
    /// The configuration file [default: ~/.config/zmd/config.toml, on Windows %APPDATA%\zmd\config.toml]
    #[arg(long, global = true, env = "ZMD_CONFIG_FILE", hide_env_values = true, value_name = "FILE")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Print a log to standard error
    ///
    /// -v what happens, -vv every request, -vvv every connection. The variable ZMD_LOG does the same, with error, warn, info,
    /// debug or trace. For doctor, the first one prints every check.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// When to write in colors
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", hide_possible_values = true)]
    #[arg(help = "When to write in colors: auto, always, never")]
    pub color: Color,
}

impl Default for Global {
    /// As the environment has it.
    fn default() -> Global {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let profile = variable("ZMD_PROFILE").map(|name| name.to_string_lossy().into_owned());
        Global { profile, config: variable("ZMD_CONFIG_FILE").map(PathBuf::from), verbose: 0, color: Color::Auto }
    }
}

impl Global {
    /// The profile, if the argument or the variable is not empty.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref().filter(|name| !name.is_empty())
    }

    pub fn config_file(&self) -> Option<&std::path::Path> {
        self.config.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// The settings of the environment and the configuration file.
    pub fn settings(&self) -> Result<zmd_core::Config, zmd_core::Error> {
        let mut config = zmd_core::Config::new();
        config.load_env()?;
        config.load_file(self.config_file(), self.profile())?;
        Ok(config)
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Print how far jobs are
    Status(Status),
    /// Wait until jobs have ended
    ///
    /// The result of a job is printed to standard output when it has ended. Standard error shows the progress until then: on
    /// a terminal a bar for each job, elsewhere a line for each change. After --timeout, Ctrl-C and SIGTERM, the last status
    /// of the jobs that have not ended is printed.
    Wait(Wait),
    /// Get credentials, try them, and write them to the configuration file
    Login(Login),
    /// Remove the credentials of a profile from the configuration file
    ///
    /// The access tokens that processes share are removed, too. The refresh token stays valid until it is revoked at Zoho.
    #[command(after_help = help::after("logout"))]
    Logout,
    /// List the profiles of the configuration file, and which one is used
    #[command(after_help = help::after("profiles"))]
    Profiles,
    /// Check settings, network, credentials and a job, one after the other
    ///
    /// Prints what is wrong and what to do about it, or one line if all is well; with --verbose every check. Nothing is changed,
    /// but an access token is requested if there is none. The exit status is that of the worst check, and of the job.
    Doctor(Doctor),
    /// Print a script that completes command lines in a shell
    #[command(after_help = help::after("completions"))]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the help of a command, or with `settings` every setting
    #[command(after_help = help::after("help"))]
    Help {
        /// A command, or settings
        #[arg(add = ArgValueCompleter::new(completions::topics))]
        topic: Option<String>,
    },
    /// Write the manual pages to man1 and man5 in a directory
    #[command(hide = true, after_help = help::after("man"))]
    Man {
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

#[derive(ClapArgs)]
pub struct Jobs {
    /// A module's API name and the ids of its jobs, or MODULE:JOB_ID, or - for standard input
    #[arg(value_name = "MODULE JOB_ID", add = ArgValueCompleter::new(completions::modules))]
    pub jobs: Vec<OsString>,
    /// Read jobs from a file, as from standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Print a line of JSON for each job
    #[arg(long)]
    pub json: bool,
    /// Print only the jobs that are not successful, and errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(ClapArgs)]
#[command(after_help = help::after("status"))]
pub struct Status {
    #[command(flatten)]
    pub jobs: Jobs,
}

#[derive(ClapArgs)]
#[command(after_help = help::after("wait"))]
pub struct Wait {
    #[command(flatten)]
    pub jobs: Jobs,
    /// Wait no longer than that: 90 or 90s, 15m, 4h, 1h30m, 1d, 2w; 0 polls once
    #[arg(short, long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(completions::durations))]
    pub timeout: Option<Duration>,
    /// End at the first job that failed, left records or can't be waited for
    #[arg(long)]
    pub fail_fast: bool,
    /// End at the first job that has ended; the exit status is that job's
    #[arg(long, conflicts_with = "fail_fast")]
    pub any: bool,
    /// How standard error shows the progress
    #[arg(long, value_enum, default_value_t = Mode::Auto, value_name = "HOW")]
    pub progress: Mode,
}

impl Wait {
    /// How the progress is shown.
    pub fn mode(&self) -> Mode {
        if self.jobs.quiet && self.progress == Mode::Auto { Mode::None } else { self.progress }
    }
}

/// How standard error shows the progress of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Bars on a terminal, lines elsewhere; with --quiet nothing
    Auto,
    /// A bar for each job, or one for many; lines if standard error is not a terminal
    Bar,
    /// A line with the time of day for each change, and once a minute that it still waits
    Plain,
    /// A line of JSON for each poll
    Json,
    /// Nothing
    None,
}

#[derive(ClapArgs)]
#[command(after_help = help::after("login"))]
pub struct Login {
    #[arg(long, value_name = "NAME", help = data_center_help(), add = ArgValueCompleter::new(completions::data_centers))]
    pub data_center: Option<String>,
    /// The kind of Zoho CRM organization
    #[arg(long, value_name = "NAME", value_parser = environments())]
    pub environment: Option<String>,
    /// The client id, which the API console shows
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The file with the client secret, which the API console shows beside it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_secret_file: Option<PathBuf>,
    /// The file with the grant code, which the API console generates
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "refresh_token_file")]
    pub code_file: Option<PathBuf>,
    /// The file with an existing refresh token, instead of a grant code
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub refresh_token_file: Option<PathBuf>,
    /// The organization's id, for the client-credentials grant instead of a grant code
    #[arg(long, value_name = "ID", conflicts_with_all = ["code_file", "refresh_token_file"])]
    pub org_id: Option<String>,
    /// Write the profile without trying the credentials
    #[arg(long)]
    pub no_check: bool,
}

#[derive(ClapArgs)]
#[command(after_help = help::after("doctor"))]
pub struct Doctor {
    /// The module of a job to query
    #[arg(requires = "job_id", add = ArgValueCompleter::new(completions::modules))]
    pub module: Option<String>,
    /// The job's id
    pub job_id: Option<String>,
    /// Print a line of JSON for each check
    #[arg(long)]
    pub json: bool,
}

fn data_center_help() -> String {
    let names: Vec<_> = zmd_core::DATA_CENTERS.iter().map(|data_center| data_center.name).collect();
    format!("The data center of the Zoho account: {}, or a newer one of Zoho's list", names.join(", "))
}

fn environments() -> clap::builder::PossibleValuesParser {
    zmd_core::ENVIRONMENTS.iter().map(|environment| environment.name).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }
}
