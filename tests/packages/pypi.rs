//! Programs of other people that PyPI has.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::*;

/// The directory of a package of PyPI, `NAME==VERSION`, which is kept in target/. `None` where no package index is reached, or
/// has none for this machine.
pub fn from_pypi(package: &str, options: &[&str]) -> Option<PathBuf> {
    let directory = built().join(package.replace("==", "-"));
    if directory.exists() {
        return Some(directory);
    }
    if missing("python3") {
        return None;
    }
    let work = scratch(package);
    text_of(Command::new("python3").args(["-m", "venv"]).arg(work.join("venv")));
    let mut pip = Command::new(work.join("venv/bin/pip"));
    pip.args(["--quiet", "--disable-pip-version-check", "install", "--no-deps", "--no-compile", package]);
    pip.args(options).arg("--target");
    // It gets its name when it is complete.
    let fresh = directory.with_extension(format!("new-{}", std::process::id()));
    let (exit, out, err) = run(pip.arg(&fresh));
    if exit != Some(0) {
        eprintln!("{out}{err}");
        missing("a package index");
        return None;
    }
    fs::rename(fresh, &directory).unwrap();
    fs::remove_dir_all(work).unwrap();
    Some(directory)
}
