//! `zmd completions`: the shell asks this command for the candidates when they are needed, so that they include the profiles.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::args::{Global, command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::profile_file::ProfileFile;
use crate::terminal::Output;

/// The variable with which the scripts call this command.
const VARIABLE: &str = "ZMD_COMPLETE";

/// Prints the candidates and ends, if a shell asks for them.
pub fn complete() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(command).var(VARIABLE).bin("zmd").completer("zmd").complete();
    }
}

pub fn run(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let name = shell.to_string();
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&name).ok_or_else(|| format!("there are no completions for {name}"))?;
    let written = completer.write_registration(VARIABLE, "zmd", "zmd", "zmd", &mut script);
    written.map_err(|error| format!("cannot write the completions: {error}"))?;
    // It would offer files where nothing else is offered.
    let script = String::from_utf8_lossy(&script).replace(" -o bashdefault", "");
    let mut out = Output::new();
    out.write(&script)?;
    out.finish()?;
    Ok(Exit::Deleted)
}

/// The profiles of the configuration file that is read without `--config`.
pub fn profiles(current: &OsStr) -> Vec<CompletionCandidate> {
    match ProfileFile::read(&Global::default()) {
        Ok(file) => beginning_with(current, file.profiles()),
        Err(_) => Vec::new(),
    }
}

pub fn modules(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(current, zmd_core::MODULES.iter().copied())
}

pub fn data_centers(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(current, zmd_core::DATA_CENTERS.iter().map(|data_center| data_center.name))
}

pub fn durations(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning_with(current, ["15m", "1h", "4h", "12h", "1d"])
}

/// The commands that are not hidden, and the settings.
pub fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let command = command();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(|command| command.get_name());
    beginning_with(current, commands.chain(["settings"]))
}

fn beginning_with<'a>(current: &OsStr, names: impl IntoIterator<Item = &'a str>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    names.into_iter().filter(|name| name.starts_with(&*current)).map(CompletionCandidate::new).collect()
}
