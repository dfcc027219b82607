//! Completions and manual pages, from the same source as the options.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Args;
use crate::terminal::Output;
use crate::{Exit, Failure};

pub fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "zmd", &mut script);
    let mut out = Output::new();
    out.write(&String::from_utf8_lossy(&script))?;
    out.finish()?;
    Ok(Exit::Completed)
}

pub fn manual(directory: &Path) -> Result<Exit, Failure> {
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), directory)
        .map_err(|error| format!("cannot write the manual pages to {}: {error}", directory.display()))?;
    Ok(Exit::Completed)
}
