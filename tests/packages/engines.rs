//! The packages for Airflow and Spark, in bindings/: each installed as its users do, in the real engine, which asks the
//! stand-in. `make test-engines` runs these: the engines come from PyPI, into an environment in target/ that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::*;
use serde_json::{Value, json};
use zmd_sim::{End, Job, Sim};

const REFRESH_TOKEN: &str = "1000.refresh-token-of-the-engines";
const CLIENT_SECRET: &str = "client-secret-of-the-engines";

/// The Python of an environment with the engines and this repository's packages.
/// `None` where the machine has no Python, or reaches no package index.
fn python() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| {
        if missing("python3.11") {
            return None;
        }
        let environment = built().join("engines");
        let python = environment.join("bin/python");
        let constraints = format!("{ROOT}/tests/engines.txt");
        let kept = environment.join("engines.txt");
        if fs::read(&kept).ok() != fs::read(&constraints).ok() {
            let _ = fs::remove_dir_all(&environment);
            text_of(clean("python3.11").args(["-m", "venv"]).arg(&environment));
            let (exit, out, err) = run(pip(&python).arg("-r").arg(&constraints));
            if exit != Some(0) {
                eprintln!("{out}{err}");
                missing("a package index");
                return None;
            }
            fs::copy(&constraints, kept).unwrap();
        }
        // setuptools writes into the source, and takes files from what an earlier build has left there: that is a copy.
        let copies = scratch("packages");
        let mut packages = vec![PathBuf::from(format!("{ROOT}/bindings/python"))];
        for name in ["airflow", "spark"] {
            let copy = copies.join(name);
            fs::create_dir(&copy).unwrap();
            let sources = ["pyproject.toml", "README.md", "src"].map(|file| format!("{ROOT}/bindings/{name}/{file}"));
            text_of(Command::new("cp").arg("-r").args(sources).arg(&copy));
            packages.push(copy);
        }
        text_of(pip(&python).args(["--no-deps", "--force-reinstall"]).args(packages));
        fs::remove_dir_all(copies).unwrap();
        text_of(clean(&python).args(["-m", "pip", "--disable-pip-version-check", "check"]));
        Some(python)
    })
    .as_deref()
}

fn pip(python: &Path) -> Command {
    let mut pip = clean(python);
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]);
    pip
}

/// The program, without what the environment may say to Python, the engines or libzmd.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = from_a_shell(program);
    let unwanted = ["ZMD_", "PYTHON", "AIRFLOW", "SPARK", "PYSPARK", "LD_LIBRARY_PATH"];
    without_variables(&mut command, |name| unwanted.iter().any(|start| name.starts_with(start)));
    let target = target();
    command.env("CARGO", env!("CARGO")).env("CARGO_TARGET_DIR", target).current_dir("/");
    command
}

/// A stand-in that makes tokens, and refuses more calls at once than that.
fn stand_in(max_in_flight: usize, delay: Duration) -> Sim {
    let sim = Sim::builder().refresh_token(REFRESH_TOKEN, "client-id", CLIENT_SECRET);
    sim.max_in_flight(max_in_flight).delay(delay).start()
}

/// What is secret: the credentials, and the access tokens that were made of them.
fn secrets(sim: &Sim) -> BTreeSet<String> {
    let requests = sim.all_requests();
    let headers = requests.iter().filter_map(|request| request.header("Authorization"));
    let tokens = headers.filter_map(|header| header.strip_prefix("Zoho-oauthtoken "));
    tokens.chain([REFRESH_TOKEN, CLIENT_SECRET]).map(str::to_owned).collect()
}

/// No file in this directory has one of them in it.
fn hold_no_secret(directory: &Path, secrets: &BTreeSet<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files += hold_no_secret(&path, secrets);
        } else if entry.file_type().unwrap().is_file() {
            let bytes = fs::read(&path).unwrap();
            for secret in secrets {
                let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
                assert_eq!(found, None, "{secret} is in {}", path.display());
            }
            files += 1;
        }
    }
    files
}

/// The jobs asked for by the requests from this one on, of those that the stand-in still knows.
fn asked_since(sim: &Sim, first: usize) -> BTreeSet<String> {
    let arrived = arrived(sim);
    let requests = sim.all_requests();
    let forgotten = arrived.saturating_sub(requests.len());
    let ids = requests
        .iter()
        .skip(first.saturating_sub(forgotten))
        .filter_map(|request| request.target.split_once("job_id="));
    ids.map(|(_, id)| id.to_owned()).collect()
}

/// The requests that have arrived, whatever they ask.
fn arrived(sim: &Sim) -> usize {
    sim.requests() + sim.token_requests()
}

fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]

fn the_airflow_provider_by_itself() {
    let Some(python) = python() else { return };
    let sim = Sim::builder().refresh_token("1000.refresh", "1000.id", "S3cret-of-the-client").start();
    sim.accept_token("1000.second");
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim.add_job("Leads", "1002", Job::new(9, 0.0));
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    let home = scratch("provider");
    let mut tests = clean(python);
    tests.arg(format!("{ROOT}/bindings/airflow/tests/test_provider.py"));
    let (exit, out, err) = run(tests.env("ZMD_TEST_URL", sim.url()).env("AIRFLOW_HOME", &home));
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(err.trim_end().ends_with("OK"), "{err}");
    fs::remove_dir_all(home).unwrap();
}

/// Ended with the test, and able to end what it has started.
struct Night(std::process::Child);

impl Drop for Night {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]

fn a_night_of_airflow() {
    const JOBS: usize = 200;
    const CONCURRENCY: usize = 4;
    let Some(python) = python() else { return };
    let sim = stand_in(CONCURRENCY, Duration::from_millis(20));
    let running = Job::new(9, 0.0);
    let waiting: BTreeSet<_> = (0..JOBS).map(|n| n.to_string()).chain(["4711".to_owned()]).collect();
    let module = |id: &str| if id == "4711" { "Sales_Orders" } else { "Leads" };
    for id in &waiting {
        sim.add_job(module(id), id, running.clone());
    }
    sim.add_job("Leads", "late", running.clone());
    sim.add_job("Leads", "failed", Job { failed: 9, ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "left", Job { failed: 2, ..Job::new(9, f64::INFINITY) });

    let home = scratch("airflow");
    let cache = scratch("airflow-tokens");
    let extra = json!({
        "refresh_token": REFRESH_TOKEN, "api_domain": sim.url(), "accounts_url": sim.url(),
        "max_concurrency": CONCURRENCY, "poll_max": 10, "org_id": "", "token_cache": cache.join("tokens"),
    });
    let connection = json!({
        "conn_type": "zoho_crm", "login": "client-id", "password": CLIENT_SECRET, "extra": extra.to_string(),
    });
    let mut command = clean(python);
    command.arg(format!("{ROOT}/bindings/airflow/tests/night.py"));
    command.env("ZMD_TEST_HOME", &home).env("ZMD_TEST_JOBS", JOBS.to_string());
    command.env("ZMD_TEST_PORT", free_port().to_string()).env("ZMD_TEST_CONNECTION", connection.to_string());
    let mut night = Night(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut stdin = night.0.stdin.take().unwrap();
    let mut lines = BufReader::new(night.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let minutes = |n: u64| Duration::from_secs(60 * n);

    assert_eq!(lines.next().as_deref(), Some("deferred"));
    wait_until("the triggerer asks for every job", minutes(2), || asked_since(&sim, 0).is_superset(&waiting));
    writeln!(stdin).unwrap();

    assert_eq!(lines.next().as_deref(), Some("killed"));
    let before = arrived(&sim);
    writeln!(stdin).unwrap();

    assert_eq!(lines.next().as_deref(), Some("restarted"));
    wait_until("the new triggerer asks for every job", minutes(2), || asked_since(&sim, before).is_superset(&waiting));
    for id in &waiting {
        sim.add_job(module(id), id, Job::new(9, f64::INFINITY));
    }
    writeln!(stdin).unwrap();

    let report: Value = serde_json::from_str(&lines.next().expect("a report")).unwrap();
    println!("all deferred after {} s, all ended {} s after the restart", report["deferred_s"], report["ended_s"]);
    let tasks: BTreeMap<_, _> = report["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task[0].as_str().unwrap(), (task[1].as_str().unwrap(), task[2].as_u64(), task[3].as_u64())))
        .collect();
    let once = |state| (state, Some(1), Some(1));
    let expected = BTreeMap::from([
        ("schedule", once("success")),
        ("schedule_one", once("success")),
        ("deleted", ("success", Some(1), Some(JOBS as u64))),
        ("templated", once("success")),
        ("poked", once("success")),
        ("soft", once("skipped")),
        // Not retried, though the DAG says so: it would be in vain.
        ("failed", once("failed")),
        ("poked_failed", once("failed")),
        ("left", once("failed")),
        ("late", once("failed")),
        ("no_job", once("failed")),
        ("unknown", once("failed")),
        ("no_connection", once("failed")),
    ]);
    assert_eq!(tasks, expected);
    assert_eq!(report["triggers"], json!([]), "all of them have ended");
    for task in ["templated", "poked"] {
        let value: Value = serde_json::from_str(report["xcom"][task].as_str().unwrap()).unwrap();
        let expected = json!({"state": "COMPLETED", "total_count": 9, "deleted_count": 9, "failed_count": 0});
        assert_eq!(value, expected, "{task}");
    }
    for (task, message) in [
        ("failed", "not all of the records are deleted: Leads failed"),
        ("poked_failed", "not all of the records are deleted: Leads failed"),
        ("left", "not all of the records are deleted: Leads left"),
        ("unknown", "Zoho has no job unknown of Leads"),
        ("late", "Timeout"),
        ("no_connection", "none_such"),
        ("no_job", "job_id is empty"),
    ] {
        let log = log_of(&home, task);
        assert!(log.contains(message), "{task}: {log}");
    }

    // Two triggerers and two sensors that poked, one after the other and at the same time.
    assert_eq!((sim.token_requests(), sim.refused()), (1, 0));
    assert!(sim.in_flight_peak() <= CONCURRENCY, "{}", sim.in_flight_peak());
    let files = hold_no_secret(&home, &secrets(&sim));
    assert!(files > 2 * JOBS, "the logs of every sensor are there: {files} files");
    drop(night);
    fs::remove_dir_all(cache).unwrap();
    fs::remove_dir_all(home).unwrap();
}

/// What Airflow shows as the log of a task.
fn log_of(home: &Path, task: &str) -> String {
    let runs = fs::read_dir(home.join("logs/dag_id=night")).unwrap();
    let run = runs.map(|run| run.unwrap().path()).next().expect("a run");
    fs::read_to_string(run.join(format!("task_id={task}/attempt=1.log"))).unwrap()
}

/// 5,000 jobs; the token that executors have is revoked on the way.
fn a_night_of_spark(master: &str) {
    const JOBS: usize = 5000;
    const CONCURRENCY: usize = 10;
    let Some(python) = python() else { return };
    if missing("java") {
        return;
    }
    let delay = Duration::from_millis(10);
    let sim = stand_in(CONCURRENCY, delay);
    for id in 0..JOBS {
        let total = id as u64;
        let failed = if id % 10 == 3 { total / 2 } else { 0 };
        sim.add_job("Leads", &id.to_string(), Job { failed, ..Job::new(total, f64::INFINITY) });
    }
    sim.add_job("Leads", "running", Job::new(9, 0.0));

    let home = scratch("spark");
    let settings = json!({
        "refresh_token": REFRESH_TOKEN, "client_id": "client-id", "client_secret": CLIENT_SECRET,
        "api_domain": sim.url(), "accounts_url": sim.url(), "poll_min": 0.1,
    });
    let mut command = clean(python);
    command.arg(format!("{ROOT}/bindings/spark/tests/night.py")).current_dir(&home);
    command.env("ZMD_TEST_MASTER", master).env("ZMD_TEST_JOBS", JOBS.to_string());
    command.env("ZMD_TEST_LIMIT", CONCURRENCY.to_string()).env("ZMD_TEST_SETTINGS", settings.to_string());
    sim.accept_token(TOKEN);
    command.env("ZMD_TEST_TOKEN", TOKEN);
    let night = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a third of the jobs is asked for", Duration::from_secs(180), || sim.requests() > JOBS / 3);
    for secret in secrets(&sim) {
        sim.revoke_token(&secret);
    }
    let output = night.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    let report: Value = serde_json::from_str(out.lines().last().expect("a report")).unwrap();
    let ideal = delay.as_secs_f64() * JOBS as f64 / CONCURRENCY as f64;
    println!("{master}: {JOBS} jobs in {} s, start included; at the limit they take {ideal} s", report["seconds"]);

    // One made first, one for that which was revoked, and one refused.
    assert_eq!((sim.token_requests(), sim.refused()), (3, 0));
    let peak = sim.in_flight_peak();
    assert!(peak <= CONCURRENCY && peak > CONCURRENCY / 2, "{peak}");
    for secret in secrets(&sim) {
        assert!(!out.contains(&secret) && !err.contains(&secret), "{secret} is in the log: {out}{err}");
    }
    hold_no_secret(&home, &secrets(&sim));
    fs::remove_dir_all(home).unwrap();
}

#[test]

fn a_night_of_spark_in_one_process() {
    a_night_of_spark("local[4]");
}

#[test]

fn a_night_of_spark_in_two_executors() {
    a_night_of_spark("local-cluster[2,1,1024]");
}
