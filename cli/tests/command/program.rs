//! The program as its users run it, against the stand-in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zmd_sim::{Job, Reply, Sim};

pub const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

/// A stand-in that knows the token and a completed job, Leads 1001.
pub fn sim() -> Sim {
    let sim = Sim::start();
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim
}

/// The response to a poll of a job that runs: the next response does not depend on the time.
pub fn running(deleted: u32, total: u32) -> Reply {
    let counts = format!(r#""Deleted_Count":{deleted},"Total_Count":{total},"Failed_Count":0"#);
    Reply::json(200, &format!(r#"{{"data":[{{"Status":"RUNNING",{counts}}}]}}"#))
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

pub fn zmd_with(sim: &Sim, arguments: &[&str]) -> (Option<i32>, String, String) {
    run(&mut asking(sim, arguments))
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

/// Skips a test that needs a tool which is not installed; a failure if `ZMD_CI` is 1.
#[cfg(unix)]
pub fn missing<T>(tool: &str) -> Option<T> {
    assert!(std::env::var("ZMD_CI").as_deref() != Ok("1"), "this test needs {tool}, which is not there");
    eprintln!("SKIPPED: this test needs {tool}, which is not there");
    None
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
