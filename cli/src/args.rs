//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};

/// How far is a Zoho CRM mass-delete job?
#[derive(Parser)]
#[command(name = "zmd", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Begin with `zmd login`, which asks for the credentials and tries them. `zmd doctor` finds what is \
                        wrong."
)]
#[command(after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Begin with `zmd login`, which asks for the credentials and tries them.
`zmd doctor` finds what is wrong.

Settings:
  They come from the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...)
  and the configuration file; the environment takes precedence. zmd-settings(5)
  lists them.

Exit status:
  0  every job is completed, and every record deleted
  1  a job failed, or left records behind
  2  not finished, including when --timeout expired
  3  an error, printed to standard error
  Of several jobs, the highest of these counts. Ctrl-C and SIGTERM end the
  command with that signal; the jobs continue.";

#[derive(ClapArgs)]
pub struct Global {
    /// The profile of the configuration file
    #[arg(long, global = true, env = "ZMD_PROFILE", hide_env_values = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The configuration file [default: ~/.config/zmd/config.toml, on Windows %APPDATA%\zmd\config.toml]
    #[arg(long, global = true, env = "ZMD_CONFIG_FILE", hide_env_values = true, value_name = "FILE")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
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
    /// Standard error shows the progress: on a terminal a bar for each job, elsewhere a line for each change. When all jobs
    /// have ended, or the timeout has expired, the last status of each job is printed.
    Wait(Wait),
    /// Get credentials, try them, and write them to the configuration file
    Login(Login),
    /// Check settings, network, credentials and a job, one after the other
    ///
    /// Prints what each check found and what to do. Nothing is changed, but an access token is requested if there is none.
    /// The exit status is 0 only if no check failed.
    Doctor(Doctor),
    /// Print a script that completes this command's options in a shell
    ///
    /// For bash: zmd completions bash > ~/.local/share/bash-completion/completions/zmd
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to man1 and man5 in a directory
    #[command(hide = true)]
    Man {
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

const JOBS_HELP: &str = "\
Jobs:
  Leads 1001 1002           jobs of one module
  Leads:1001 Contacts:2002  jobs of several modules
  -                         one job a line from standard input: MODULE:JOB_ID,
                            MODULE JOB_ID or, as in `zmd wait Leads -`, JOB_ID
  Without arguments, standard input is read if it is not a terminal.";

#[derive(ClapArgs)]
pub struct Jobs {
    /// A module's API name and the ids of its jobs, or MODULE:JOB_ID, or - for standard input
    #[arg(value_name = "MODULE JOB_ID")]
    pub jobs: Vec<OsString>,
    /// Print a line of JSON for each job
    #[arg(long)]
    pub json: bool,
    /// Print nothing but errors, and with --json the lines of JSON
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(ClapArgs)]
#[command(after_help = JOBS_HELP)]
pub struct Status {
    #[command(flatten)]
    pub jobs: Jobs,
}

#[derive(ClapArgs)]
#[command(after_help = JOBS_HELP)]
pub struct Wait {
    #[command(flatten)]
    pub jobs: Jobs,
    /// Wait no longer than that: 90 or 90s, 15m, 4h, 1h30m; 0 polls once
    #[arg(short, long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    pub timeout: Option<Duration>,
}

#[derive(ClapArgs)]
#[command(
    after_help = "If standard input is a terminal, the command prompts for missing values. A secret is never an \
                        argument, as other users could see it with ps: name a file, - for a line of standard input, or set \
                        ZMD_CLIENT_SECRET, ZMD_GRANT_CODE or ZMD_REFRESH_TOKEN."
)]
pub struct Login {
    /// The data center of the Zoho account
    #[arg(long, value_name = "NAME", value_parser = data_centers())]
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
pub struct Doctor {
    /// The module of a job to query
    #[arg(requires = "job_id")]
    pub module: Option<String>,
    /// The job's id
    pub job_id: Option<String>,
    /// Print a line of JSON for each check
    #[arg(long)]
    pub json: bool,
}

fn data_centers() -> clap::builder::PossibleValuesParser {
    zmd_core::DATA_CENTERS.iter().map(|data_center| data_center.name).collect::<Vec<_>>().into()
}

fn environments() -> clap::builder::PossibleValuesParser {
    zmd_core::ENVIRONMENTS.iter().map(|environment| environment.name).collect::<Vec<_>>().into()
}

/// A duration: seconds, or numbers with units, the larger ones first.
fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] = [("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
    let refusal =
        || "it takes a number of seconds, such as 90 or 0.5, or numbers with units: 90s, 15m, 4h, 1h30m".to_owned();
    let number = |text: &str| {
        // f64 accepts more than is valid here: signs, exponents, "inf".
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().any(|b| b.is_ascii_digit());
        text.parse::<f64>().ok().filter(|_| plain)
    };
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if let Some(plain) = number(rest) {
        seconds = plain;
    } else {
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let letters = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refusal)?;
            let after = &rest[letters..];
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let unit = units.by_ref().find(|unit| unit.0 == &after[..end]).ok_or_else(refusal)?;
            seconds += number(rest[..letters].trim()).ok_or_else(refusal)? * unit.1;
            rest = after[end..].trim_start();
        }
        if text.trim().is_empty() {
            return Err(refusal());
        }
    }
    if seconds > 1e9 {
        return Err("that is more than thirty years".to_owned());
    }
    // Only 0 becomes 0.
    Ok(Duration::from_millis((seconds * 1000.0).ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("90", 90_000),
            ("0.5", 500),
            (".5", 500),
            ("0.0001", 1),
            ("90s", 90_000),
            ("15m", 900_000),
            ("4h", 14_400_000),
            ("1.5h", 5_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m 5s", 5_405_000),
            ("2d", 172_800_000),
            ("250ms", 250),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            " ",
            "-1",
            "soon",
            "1e3",
            "inf",
            "1_0",
            "4 hours",
            "30m1h",
            "1h1h",
            "h",
            ".",
            "1.2.3",
            "5x",
            "9999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
