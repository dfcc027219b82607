//! The program as its users run it, against the stand-in.

#![allow(dead_code)] // each test file uses its part of it

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use zmd_sim::{Job, Sim};

pub const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

/// A stand-in that knows the token and a completed job, Leads 1001.
pub fn sim() -> Sim {
    let sim = Sim::start();
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim
}

/// The program with nothing but these variables in its environment, and a home of its own.
pub fn zmd(home: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zmd"));
    command.env_clear().env("HOME", home).envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

/// The program with a token, asking the stand-in with short pauses.
pub fn asking(sim: &Sim, arguments: &[&str]) -> Command {
    let url = sim.url();
    let mut command = zmd(
        Path::new("/nonexistent"),
        &[("ZMD_API_DOMAIN", &*url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0"), ("ZMD_POLL_MIN_MS", "50")],
    );
    command.args(arguments);
    command
}

/// Its exit status, standard output and standard error.
pub fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The same, with a text on standard input.
pub fn run_with(command: &mut Command, input: &str) -> (Option<i32>, String, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that reads none of it may be gone already.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs the program on a terminal of this width, with these variables, and types each answer when the text in front of it
/// has been shown. Returns the exit status as a shell has it, and everything that was written to the terminal.
#[cfg(unix)]
pub fn on_terminal(
    environment: &[(&str, &str)],
    width: u16,
    arguments: &str,
    answers: &[(&str, &str)],
) -> Option<(Option<i32>, String)> {
    use std::io::{Read, Write};
    if !["/usr/bin/script", "/bin/script"].iter().any(|path| Path::new(path).exists()) {
        assert!(std::env::var("ZMD_CI").as_deref() != Ok("1"), "this test needs script, which is not installed");
        eprintln!("SKIPPED: this test needs script, which is not installed");
        return None;
    }
    let mut command = Command::new("timeout");
    // What a shell starts in the background ignores Ctrl-C.
    let program = concat!("env --default-signal=INT ", env!("CARGO_BIN_EXE_zmd"));
    command.args([
        "60",
        "script",
        "-qec",
        &format!("stty rows 24 cols {width}; exec {program} {arguments}"),
        "/dev/null",
    ]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm-256color").env("HOME", "/nonexistent");
    command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut written, mut seen) = (Vec::new(), 0);
    let mut answers = answers.iter();
    let mut next = answers.next();
    let mut bytes = [0; 4096];
    // A terminal that is closed is an error for script's reader.
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        written.extend(&bytes[..count]);
        while let Some((question, answer)) = next {
            let shown = written[seen..].windows(question.len()).position(|text| text == question.as_bytes());
            let Some(at) = shown else { break };
            seen += at + question.len();
            // After the question for a secret, the command turns the echo off, and what came before that is discarded.
            if question.contains("(not shown)") {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            input.write_all(answer.as_bytes()).unwrap();
            next = answers.next();
        }
    }
    drop(input);
    let written = String::from_utf8_lossy(&written).into_owned();
    assert!(next.is_none(), "no {next:?} in {written}");
    Some((child.wait().unwrap().code(), written))
}

pub fn timed<T>(body: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let value = body();
    (begin.elapsed(), value)
}

/// An empty directory, gone when it is dropped.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("zmd-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
