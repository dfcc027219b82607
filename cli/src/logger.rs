//! The log, on standard error: `-v`, or the variable `ZMD_LOG`.

use log::{Level, LevelFilter, Log, Metadata, Record};
use zmd_core::{logging, one_line};

use crate::failure::Failure;
use crate::{clock, terminal};

/// The longest line, in characters.
const LIMIT: usize = 4000;

struct Logger;

static LOGGER: Logger = Logger;

/// Begins to log if the command line or the variable asks for it; the command line counts more.
pub fn start(verbose: u8) -> Result<(), Failure> {
    let level = match verbose {
        0 => of_environment()?,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // Also without a level: the settings log_file and log_level of a profile count in any case.
    if log::set_logger(&LOGGER).is_ok() {
        logging::set_host_level(level);
    }
    Ok(())
}

fn of_environment() -> Result<LevelFilter, Failure> {
    match std::env::var_os("ZMD_LOG").filter(|value| !value.is_empty()) {
        None => Ok(LevelFilter::Off),
        Some(value) => value.to_string_lossy().parse().map_err(|_| {
            Failure::from(format!(
                "ZMD_LOG takes off, error, warn, info, debug or trace, not {}",
                terminal::plain(&value.to_string_lossy())
            ))
        }),
    }
}

/// The library's own lines, which are written so that they carry no secret. Those of HTTP and TLS show what is sent.
fn is_shown(metadata: &Metadata) -> bool {
    metadata.level() <= logging::host_level() && metadata.target().split("::").next() == Some("zmd_core")
}

impl Log for Logger {
    /// Shown, or for the setting `log_file`.
    fn enabled(&self, metadata: &Metadata) -> bool {
        is_shown(metadata) || logging::log_for(logging::level(metadata)).is_some()
    }

    fn log(&self, record: &Record) {
        let own = logging::level(record.metadata());
        if let Some(log) = logging::log_for(own).filter(|_| logging::is_without_secrets(record)) {
            let text = one_line(&format!("{}: {}", logging::part(record.target()), record.args()), LIMIT);
            if let Some(problem) = log.write(&log.line(own, &text)) {
                terminal::complain(&problem);
            }
        }
        if is_shown(record.metadata()) {
            let level = match record.level() {
                Level::Error => "error",
                Level::Warn => "warning",
                Level::Info => "info",
                Level::Debug => "debug",
                Level::Trace => "trace",
            };
            let text = one_line(&record.args().to_string(), LIMIT);
            terminal::note(&format!("{} {level}: {text}", clock::time_of_day()));
        }
    }

    fn flush(&self) {}
}
