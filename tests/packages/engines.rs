//! The packages for Airflow, Dagster, Prefect and Spark, in bindings/, and what doc/ says of other engines: each installed as its users do, in
//! the real engine, which asks the stand-in. `make test-engines` runs these: the engines come from PyPI, into environments in
//! target/ that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::*;
use serde_json::{Value, json};
use zmd_sim::{End, Job, Sim};

const REFRESH_TOKEN: &str = "1000.refresh-token-of-the-engines";
const CLIENT_SECRET: &str = "client-secret-of-the-engines";

/// An environment with some engines, which tests/engines lists, and this repository's packages for them.
#[derive(Clone, Copy)]
enum Engines {
    Airflow2,
    Airflow30,
    Airflow3,
    Others,
    Shells,
}
use Engines::{Airflow2, Airflow3, Airflow30, Others, Shells};

impl Engines {
    fn name(self) -> &'static str {
        match self {
            Airflow2 => "airflow-2",
            Airflow30 => "airflow-3.0",
            Airflow3 => "airflow-3",
            Others => "others",
            Shells => "shells",
        }
    }

    /// `None` where the machine has no Python, or reaches no package index.
    fn python(self) -> Option<&'static Path> {
        static MADE: [OnceLock<Option<PathBuf>>; 5] = [const { OnceLock::new() }; 5];
        MADE[self as usize].get_or_init(|| self.make()).as_deref()
    }

    fn make(self) -> Option<PathBuf> {
        let uv = uv()?;
        let environment = built().join("engines").join(self.name());
        let python = environment.join("bin/python");
        let list = format!("{ROOT}/tests/engines/{}.txt", self.name());
        let kept = environment.join("list.txt");
        if fs::read(&kept).ok() != fs::read(&list).ok() {
            let _ = fs::remove_dir_all(&environment);
            text_of(clean("python3.11").args(["-m", "venv", "--without-pip"]).arg(&environment));
            let (exit, out, err) = run(install(uv, &python).args(["-r", &list]));
            if exit != Some(0) {
                eprintln!("{out}{err}");
                missing("a package index");
                return None;
            }
            fs::copy(&list, kept).unwrap();
        }
        let own = match self {
            Airflow2 | Airflow30 | Airflow3 => &["zmd", "airflow_provider_zmd"][..],
            Others => &["zmd", "zmd_spark", "dagster_zmd", "prefect_zmd"],
            Shells => &["zmd"],
        };
        let wheels = fs::read_dir(wheels()).unwrap().map(|entry| entry.unwrap().path());
        let own = wheels.filter(|wheel| {
            let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
            own.iter().any(|package| name.starts_with(&format!("{package}-")))
        });
        text_of(install(uv, &python).args(["--no-deps", "--reinstall"]).args(own));
        text_of(clean(uv).args(["pip", "check", "--python"]).arg(&python));
        Some(python)
    }
}

/// The installer, which takes seconds for what takes pip minutes.
fn uv() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| {
        if missing("python3.11") {
            return None;
        }
        let environment = built().join("engines/uv");
        let uv = environment.join("bin/uv");
        if !uv.exists() {
            text_of(clean("python3.11").args(["-m", "venv"]).arg(&environment));
            let mut pip = clean(environment.join("bin/python"));
            pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "uv"]);
            let (exit, out, err) = run(&mut pip);
            if exit != Some(0) {
                eprintln!("{out}{err}");
                missing("a package index");
                return None;
            }
        }
        Some(uv)
    })
    .as_deref()
}

fn install(uv: &Path, python: &Path) -> Command {
    let mut install = clean(uv);
    install.env("UV_CACHE_DIR", built().join("engines/cache"));
    if let Some(index) = std::env::var_os("PIP_INDEX_URL") {
        install.env("UV_DEFAULT_INDEX", index);
    }
    install.args(["pip", "install", "--quiet", "--python"]).arg(python);
    install
}

/// This repository's packages, each built once; with the library and the command that the other tests use.
fn wheels() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let wheels = built().join("engines/wheels");
        let _ = fs::remove_dir_all(&wheels);
        let mut packages = vec![PathBuf::from(format!("{ROOT}/bindings/python"))];
        // setuptools writes into the source, and takes files from what an earlier build has left there: that is a copy.
        let copies = scratch("packages");
        for name in ["airflow", "dagster", "prefect", "spark"] {
            let copy = copies.join(name);
            fs::create_dir(&copy).unwrap();
            let sources = ["pyproject.toml", "README.md", "src"].map(|file| format!("{ROOT}/bindings/{name}/{file}"));
            text_of(Command::new("cp").arg("-r").args(sources).arg(&copy));
            packages.push(copy);
        }
        let mut pip = clean(built().join("engines/uv/bin/python"));
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps", "--wheel-dir"]);
        zmd_command(&[]);
        text_of(pip.arg(&wheels).args(packages).env("ZMD_BUILD_LIBRARY", library()));
        fs::remove_dir_all(copies).unwrap();
        wheels
    })
}

/// The program, without what the environment may say to Python, the engines or libzmd.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = from_a_shell(program);
    let unwanted =
        ["ZMD_", "PYTHON", "AIRFLOW", "DAGSTER", "DBT", "MELTANO", "PREFECT", "SPARK", "PYSPARK", "LD_LIBRARY_PATH"];
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

fn the_airflow_provider_by_itself(engines: Engines) {
    let Some(python) = engines.python() else { return };
    let sim = Sim::builder().refresh_token("1000.refresh", "1000.id", "S3cret-of-the-client").start();
    sim.accept_token("1000.second");
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim.add_job("Leads", "1002", Job::new(9, 0.0));
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "1004", Job::new(1_000_000, 100.0));
    let home = scratch(&format!("provider-{}", engines.name()));
    let mut tests = clean(python);
    tests.arg(format!("{ROOT}/bindings/airflow/tests/test_provider.py"));
    let (exit, out, err) = run(tests.env("ZMD_TEST_URL", sim.url()).env("AIRFLOW_HOME", &home));
    assert_eq!(exit, Some(0), "{out}{err}");
    // The time limit over tries takes a database in Airflow 2, and the form a package in 3.0.
    let end = if matches!(engines, Airflow3) { "OK" } else { "OK (skipped=1)" };
    assert!(err.trim_end().ends_with(end), "{err}");
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_airflow_provider_in_the_oldest_airflow() {
    the_airflow_provider_by_itself(Airflow2);
}

#[test]
fn the_airflow_provider_in_the_first_airflow_3() {
    the_airflow_provider_by_itself(Airflow30);
}

#[test]
fn the_airflow_provider_in_the_newest_airflow() {
    the_airflow_provider_by_itself(Airflow3);
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
fn a_night_of_the_oldest_airflow() {
    a_night_of_airflow(Airflow2, 5);
}

#[test]
fn a_night_of_the_newest_airflow() {
    a_night_of_airflow(Airflow3, 20);
}

/// As its README has it, whose code is a part of the example that the night runs, and whose command is one of the night.
fn connection_of_the_readme() -> Value {
    const README: &str = "bindings/airflow/README.md";
    let directory = format!("{ROOT}/bindings/airflow");
    let example = "src/zmd_airflow/example_dags/example_zoho_mass_delete.py";
    let example = fs::read_to_string(format!("{directory}/{example}")).unwrap();
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", line.trim_start())).collect::<String>();
    for block in doc_blocks(README, "python") {
        assert!(lines(&example).contains(&lines(&block)), "the example has not {block}");
    }
    let night = fs::read_to_string(format!("{directory}/tests/night.py")).unwrap();
    let commands = doc_blocks(README, "sh").concat();
    let words: Vec<_> = commands.split_whitespace().skip(1).map(|word| format!("\"{word}\"")).collect();
    assert!(night.contains(&format!("airflow({})", words.join(", "))), "the night does not run {commands}");
    let mut connections: Value = serde_json::from_str(&doc_blocks(README, "json").concat()).unwrap();
    connections["zoho_crm_default"].take()
}

/// With everything that Airflow consists of; the triggerer is killed on the way.
fn a_night_of_airflow(engines: Engines, jobs: usize) {
    const CONCURRENCY: usize = 4;
    let Some(python) = engines.python() else { return };
    let sim = stand_in(CONCURRENCY, Duration::from_millis(20));
    let done = Job::new(9, f64::INFINITY);
    let left = Job { failed: 2, ..done.clone() };
    for (module, id) in [("Leads", "0"), ("Leads", "1"), ("Deals", "2"), ("Leads", "done")] {
        sim.add_job(module, id, done.clone());
    }
    sim.add_job("Leads", "left_at_once", left.clone());

    let home = scratch(engines.name());
    let cache = scratch(&format!("{}-tokens", engines.name()));
    let mut connection = connection_of_the_readme();
    connection["login"] = json!("client-id");
    connection["password"] = json!(CLIENT_SECRET);
    for (key, value) in [
        ("refresh_token", json!(REFRESH_TOKEN)),
        ("api_domain", json!(sim.url())),
        ("accounts_url", json!(sim.url())),
        ("max_concurrency", json!(CONCURRENCY)),
        ("poll_max", json!(10)),
        ("org_id", json!("")),
        ("token_cache", json!(cache.join("tokens"))),
    ] {
        connection["extra"][key] = value;
    }
    let mut command = clean(python);
    command.arg(format!("{ROOT}/bindings/airflow/tests/night.py"));
    command.env("ZMD_TEST_HOME", &home).env("ZMD_TEST_JOBS", jobs.to_string());
    command.env("ZMD_TEST_PORT", free_port().to_string()).env("ZMD_TEST_CONNECTION", connection.to_string());
    let mut night = Night(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut stdin = night.0.stdin.take().unwrap();
    let mut lines = BufReader::new(night.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let minutes = |n: u64| Duration::from_secs(60 * n);

    // What `airflow dags test` has run is over; now all jobs run, until they are ended below.
    assert_eq!(lines.next().as_deref(), Some("begin"));
    let module = |id: &str| if id == "4711" { "Sales_Orders" } else { "Leads" };
    let ids = (0..jobs).map(|n| n.to_string());
    let waiting: BTreeSet<_> = ids.chain(["4711", "failed", "left"].map(str::to_owned)).collect();
    for id in waiting.iter().map(String::as_str).chain(["late", "done"]) {
        sim.add_job(module(id), id, Job::new(9, 0.0));
    }
    let before = arrived(&sim);
    writeln!(stdin).unwrap();

    assert_eq!(lines.next().as_deref(), Some("deferred"));
    wait_until("the triggerer asks for every job", minutes(7), || asked_since(&sim, before).is_superset(&waiting));
    writeln!(stdin).unwrap();

    assert_eq!(lines.next().as_deref(), Some("killed"));
    let before = arrived(&sim);
    writeln!(stdin).unwrap();

    assert_eq!(lines.next().as_deref(), Some("restarted"));
    wait_until("the new triggerer asks for every job", minutes(7), || asked_since(&sim, before).is_superset(&waiting));
    for id in &waiting {
        sim.add_job(module(id), id, done.clone());
    }
    sim.add_job("Leads", "done", done.clone());
    sim.add_job("Leads", "failed", Job { failed: 9, ends: End::Failed, ..done.clone() });
    sim.add_job("Leads", "left", left);
    writeln!(stdin).unwrap();

    if matches!(engines, Airflow2) {
        assert_eq!(lines.next().as_deref(), Some("ended"));
        sim.add_job("Leads", "done", Job::new(9, 0.0));
        writeln!(stdin).unwrap();
        assert_eq!(lines.next().as_deref(), Some("backfill"));
        sim.add_job("Leads", "done", done);
        writeln!(stdin).unwrap();
    }

    let report: Value = serde_json::from_str(&lines.next().expect("a report")).unwrap();
    println!("all deferred after {} s, all ended {} s after the restart", report["deferred_s"], report["ended_s"]);
    assert_eq!(report["tested"], json!({"connections": "success", "example_zoho_mass_delete": "success"}));
    let link = report["links"].to_string();
    assert!(link.contains("https://crm.zoho.com/crm/tab/Potentials"), "{link}");
    let tasks: BTreeMap<_, _> = report["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (task[0].as_str().unwrap(), (task[1].as_str().unwrap(), task[2].as_u64(), task[3].as_u64())))
        .collect();
    let once = |state| (state, Some(1), Some(1));
    let mut expected = BTreeMap::from([
        ("deleted", ("success", Some(1), Some(jobs as u64))),
        ("soft", once("skipped")),
        ("again", ("failed", Some(2), Some(1))),
        ("again_anew", ("failed", Some(2), Some(1))),
    ]);
    for task in ["schedule", "schedule_one", "schedule_two", "templated", "from_trigger", "several", "poked"] {
        expected.insert(task, once("success"));
    }
    // Not retried, though the DAG says so: it would be in vain.
    for task in [
        "failed",
        "left",
        "several_left",
        "several_unknown",
        "poked_left",
        "poked_unknown",
        "late",
        "from_trigger_late",
        "no_job",
        "no_connection",
    ] {
        expected.insert(task, once("failed"));
    }
    let shown = |task: &str| {
        let log = secrets(&sim).iter().fold(log_of(&home, task), |log, secret| log.replace(secret, "***"));
        let lines: Vec<_> = log.lines().filter(|line| !line.contains("DEBUG") && !line.contains("\"debug\"")).collect();
        format!("{task}:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"))
    };
    if tasks != expected {
        let differ = tasks.keys().filter(|task| tasks.get(*task) != expected.get(*task));
        eprintln!("{}", differ.map(|task| shown(task)).collect::<String>());
    }
    assert_eq!(tasks, expected);
    assert_eq!(report["triggers"], json!([]), "all of them have ended");
    let status = json!({"state": "COMPLETED", "total_count": 9, "deleted_count": 9, "failed_count": 0});
    for task in ["templated", "poked", "from_trigger"] {
        let value: Value = serde_json::from_str(report["xcom"][task].as_str().unwrap()).unwrap();
        assert_eq!(value, status, "{task}");
    }
    let several: Value = serde_json::from_str(report["xcom"]["several"].as_str().unwrap()).unwrap();
    assert_eq!((&several[0]["job_id"], &several[1]["module"]), (&json!("0"), &json!("Sales_Orders")), "{several}");
    for (task, message) in [
        ("failed", "not all of the records are deleted: Leads failed"),
        ("left", "not all of the records are deleted: Leads left"),
        // What the triggerer has logged.
        ("left", "Leads left: RUNNING, 0 of 9 deleted"),
        ("several_left", "1 of 2 jobs: not all of the records are deleted: Leads left"),
        ("several_unknown", "Zoho has no job unknown of Leads"),
        ("poked_left", "not all of the records are deleted: Leads left_at_once"),
        ("poked_unknown", "Zoho has no job unknown of Leads"),
        ("late", "(last: RUNNING, 0 of 9 deleted"),
        ("from_trigger_late", "(last: RUNNING, 0 of 9 deleted"),
        ("no_connection", "none_such"),
        ("no_job", "job_id is empty"),
        ("again", "refused to make an access token"),
        ("again", "for all tries together, is over"),
        ("again_anew", "refused to make an access token"),
    ] {
        assert!(log_of(&home, task).contains(message), "{message:?} is not in the log of {}", shown(task));
    }
    assert!(!log_of(&home, "again_anew").contains("for all tries together"));

    // Two triggerers, and sensors that poked, one after the other and at the same time: one token. Besides it the
    // refresh token that is refused was tried.
    assert_eq!(sim.refused(), 0);
    let made = secrets(&sim).len() - 2;
    assert_eq!(made, 1, "{:?}", secrets(&sim));
    assert!(sim.in_flight_peak() <= CONCURRENCY, "{}", sim.in_flight_peak());
    // The connection that the secrets backend reads is in a file of this test.
    fs::remove_file(home.join("secrets.json")).unwrap();
    let files = hold_no_secret(&home, &secrets(&sim));
    assert!(files > 2 * jobs, "the logs of every sensor are there: {files} files");
    drop(night);
    fs::remove_dir_all(cache).unwrap();
    fs::remove_dir_all(home).unwrap();
}

/// What Airflow shows as the logs of a task: what the worker wrote in all its tries, and the triggerer. (A busy scheduler of
/// Airflow 3 may start a try twice, and then the number of a log is not that of the try.)
fn log_of(home: &Path, task: &str) -> String {
    let runs = fs::read_dir(home.join("logs/dag_id=night")).unwrap();
    let run = runs.map(|run| run.unwrap().path()).next().expect("a run");
    let logs = fs::read_dir(run.join(format!("task_id={task}"))).unwrap().map(|log| log.unwrap().path());
    logs.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// 5,000 jobs; the token that executors have is revoked on the way.
fn a_night_of_spark(master: &str) {
    const JOBS: usize = 5000;
    const CONCURRENCY: usize = 10;
    let Some(python) = Others.python() else { return };
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
    for number in 0..4 {
        sim.add_job("Leads", &format!("slow-{number}"), Job::new(9, 0.0));
    }

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
    let mut night = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = night.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    wait_until("a third of the jobs is asked for", Duration::from_secs(420), || sim.requests() > JOBS / 3);
    for secret in secrets(&sim) {
        sim.revoke_token(&secret);
    }
    let mut out = String::new();
    for line in BufReader::new(night.stdout.take().unwrap()).lines().map(Result::unwrap) {
        if line == "batch" {
            for number in 0..4 {
                sim.add_job("Leads", &format!("slow-{number}"), Job::new(9, f64::INFINITY));
            }
        }
        out += &format!("{line}\n");
    }
    let (status, err) = (night.wait().unwrap(), errors.join().unwrap());
    assert!(status.success(), "{out}{err}");
    let report: Value = serde_json::from_str(out.lines().last().expect("a report")).unwrap();
    let ideal = delay.as_secs_f64() * JOBS as f64 / CONCURRENCY as f64;
    println!("{master}: {JOBS} jobs in {} s, start included; at the limit they take {ideal} s", report["seconds"]);

    // One made first, one for that which was revoked, and one refused.
    assert_eq!((sim.token_requests(), sim.refused()), (3, 0));
    let peak = sim.in_flight_peak();
    assert!(peak <= CONCURRENCY && peak > CONCURRENCY / 4, "{peak}");
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

/// The package in the real engine; the example of its README is the program that its test runs, and those of the page for all
/// engines are parts of it.
fn a_package_for(engine: &str) {
    let directory = format!("{ROOT}/bindings/{engine}");
    let example = fs::read_to_string(format!("{directory}/tests/night.py")).unwrap();
    let readme = fs::read_to_string(format!("{directory}/README.md")).unwrap();
    assert!(readme.contains(&format!("\n```python\n{}\n```\n", example.trim_end())), "{engine}: the example");
    let page = fs::read_to_string(format!("{ROOT}/doc/engines.md")).unwrap();
    let start = page.find(&format!("(../bindings/{engine}/README.md)")).unwrap();
    let section = page[start..].split("\n## ").next().unwrap();
    let blocks = blocks_in(section, "python");
    assert!(!blocks.is_empty() && blocks.iter().all(|block| example.contains(block)), "{engine}: {blocks:?}");
    let Some(python) = Others.python() else { return };
    let home = scratch(engine);
    let mut program = clean(python);
    program.arg(format!("{directory}/tests/test_{engine}.py")).arg(&home).env("PYTHONDONTWRITEBYTECODE", "1");
    program.env("HOME", &home).env("PREFECT_HOME", &home).env("DO_NOT_TRACK", "1");
    program.env("DAGSTER_DISABLE_TELEMETRY", "yes");
    let (exit, out, err) = run(&mut program);
    assert!(exit == Some(0) && out.trim_end().ends_with("ok"), "{engine}: {out}{err}");
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn dagster() {
    a_package_for("dagster");
}

#[test]
fn prefect() {
    a_package_for("prefect");
}

/// The block of a page is this file.
fn is_on_page(page: &str, sample: &str) {
    let text = fs::read_to_string(format!("{ROOT}/doc/{page}.md")).unwrap();
    let code = fs::read_to_string(format!("{ROOT}/tests/engines/samples/{sample}")).unwrap();
    assert!(text.contains(&format!("\n{}\n```", code.trim_end())), "doc/{page}.md has not {sample}");
}

#[test]
fn dbt_and_meltano() {
    is_on_page("dbt", "dbt/night.sh");
    is_on_page("meltano", "meltano/meltano.yml");
    let Some(python) = Shells.python() else { return };
    let directory = scratch("shells");
    let mut program = clean(python);
    program.arg(format!("{ROOT}/tests/engines/samples/test_shells.py")).arg(&directory);
    let (exit, out, err) = run(&mut program);
    assert!(exit == Some(0) && out.trim_end().ends_with("ok"), "{out}{err}");
    fs::remove_dir_all(directory).unwrap();
}

/// The line for cron goes on only if every record is deleted, and prints what is not.
#[test]
fn cron() {
    let page = fs::read_to_string(format!("{ROOT}/doc/cron.md")).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("15 2 * * * ")).unwrap();
    let sim = sim();
    sim.add_job("Leads", "1002", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    let home = scratch("cron");
    let load = home.join("load-new-records");
    fs::write(&load, "#!/bin/sh\necho loaded\n").unwrap();
    text_of(Command::new("chmod").arg("755").arg(&load));
    let program = PathBuf::from(zmd_command(&[]).get_program());
    let path = format!("{}:{}:/usr/bin:/bin", home.display(), program.parent().unwrap().display());
    for (jobs, expected) in [
        ("Leads 1001", "loaded\n".to_owned()),
        ("Leads 1001\nLeads 1002", "Leads 1002: COMPLETED, 7 of 9 deleted, 2 failed\n".to_owned()),
    ] {
        fs::write(home.join("jobs.txt"), jobs).unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().arg("-c").arg(line).env("HOME", &home).env("PATH", &path);
        shell.env("ZMD_ACCESS_TOKEN", TOKEN).env("ZMD_API_DOMAIN", sim.url());
        let (_, out, err) = run(&mut shell);
        assert_eq!((out, &*err), (expected, ""));
    }
    fs::remove_dir_all(home).unwrap();
}

/// A systemd in namespaces of its own: tests/engines/systemd.sh boots it. Ended with the test.
struct Systemd {
    process: std::process::Child,
    directory: PathBuf,
}

impl Systemd {
    fn boot(directory: PathBuf) -> Self {
        let mut boot = from_a_shell("unshare");
        boot.args(["--mount", "sh"]).arg(format!("{ROOT}/tests/engines/systemd.sh")).arg(&directory);
        let process = boot.arg(Self::cgroup()).stdin(Stdio::null()).spawn().unwrap();
        Self { process, directory }
    }

    fn cgroup() -> String {
        format!("zmd-test-{}", std::process::id())
    }

    /// A program in its namespaces.
    fn inside(&self, program: &str) -> Command {
        let namespaces = format!("/proc/{}/ns", self.process.id());
        let mut nsenter = from_a_shell("nsenter");
        nsenter
            .args([format!("--mount={namespaces}/mnt"), format!("--pid={namespaces}/pid_for_children")])
            .arg(program);
        nsenter
    }

    fn property(&self, name: &str, unit: &str) -> String {
        let shown = text_of(self.inside("systemctl").args(["show", "--value", "-p", name, unit]));
        shown.trim().to_owned()
    }

    fn start(&self) {
        text_of(self.inside("systemctl").args(["start", "--no-block", "zmd-night.service"]));
    }

    fn is(&self, state: &str) {
        wait_until(state, Duration::from_secs(180), || self.property("ActiveState", "zmd-night.service") == state);
    }

    /// Waits until the service has written this line so often, and forgets what it has written.
    fn wait_for(&mut self, line: &str, times: usize) {
        let events = self.directory.join("events");
        wait_until(line, Duration::from_secs(180), || {
            assert!(self.process.try_wait().unwrap().is_none(), "systemd has ended");
            fs::read_to_string(&events).unwrap().lines().filter(|event| *event == line).count() >= times
        });
        fs::File::options().write(true).truncate(true).open(events).unwrap();
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Its processes end a little later.
        let script = "mount -t cgroup2 none $1/cgroup && for i in $(seq 100)
            do find $1/cgroup/$2 -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done";
        let mut clean = from_a_shell("unshare");
        clean.args(["--mount", "sh", "-c", script, "sh"]).arg(&self.directory).arg(Self::cgroup());
        let _ = clean.status();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// systemd accepts the units and starts them: the timer catches up on a night, the service has its credentials, and the exit
/// status of the command decides about a restart.
#[test]
fn systemd() {
    for unit in ["zmd-night.service", "zmd-night.timer"] {
        is_on_page("cron", &format!("systemd/{unit}"));
    }
    if ["systemd-analyze", "nsenter", "unshare"].into_iter().any(missing) {
        return;
    }
    // Nothing that can be installed gives these rights.
    let mounts =
        "mount -t tmpfs none /mnt && mkdir /mnt/cgroup /mnt/upper /mnt/work && mount -t cgroup2 none /mnt/cgroup &&
        mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc";
    if run(from_a_shell("unshare").args(["--mount", "--pid", "--fork", "sh", "-c", mounts])).0 != Some(0) {
        skipped("the right to mount a cgroup", "engines::systemd");
        return;
    }
    let directory = scratch("systemd");
    for part in ["etc/systemd/system", "etc/zmd", "bin", "units/zmd-night.service.d"] {
        fs::create_dir_all(directory.join(part)).unwrap();
    }
    for unit in ["zmd-night.timer", "zmd-night.service"] {
        let sample = format!("{ROOT}/tests/engines/samples/systemd/{unit}");
        fs::copy(sample, directory.join("etc/systemd/system").join(unit)).unwrap();
    }
    copy_program(zmd_command(&[]).get_program(), &directory.join("bin/zmd"));
    let load = "#!/bin/sh\necho loaded $(stat -c %a $CREDENTIALS_DIRECTORY/*) >>/run/test/events\n";
    let write = |mode: &str, name: &str, text: &str| {
        fs::write(directory.join(name), text).unwrap();
        text_of(Command::new("chmod").arg(mode).arg(directory.join(name)));
    };
    write("755", "bin/load-new-records", load);
    write("666", "events", "");

    let sim = stand_in(5, Duration::ZERO);
    let done = Job::new(9, f64::INFINITY);
    sim.add_job("Leads", "1001", done.clone());
    sim.add_job("Leads", "1002", Job { failed: 2, ..done.clone() });
    sim.add_job("Leads", "1003", Job::new(9, 0.0));
    let config = |api_domain: &str| {
        let text = format!(
            "[default]\nrefresh_token = \"{REFRESH_TOKEN}\"\nclient_id = \"client-id\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             accounts_url = \"{}\"\napi_domain = \"{api_domain}\"\npoll_min_ms = 10\nunreachable_ms = 0\n",
            sim.url()
        );
        write("600", "etc/zmd/config.toml", &text);
    };
    let jobs = |jobs: &str| write("600", "etc/zmd/jobs.txt", jobs);
    let drop_in = |lines: &str| {
        let report = "ExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT $EXIT_STATUS >>/run/test/events'";
        let text = format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\nReadWritePaths=/run/test\n{report}\n{lines}");
        write("644", "units/zmd-night.service.d/test.conf", &text);
    };
    config(&sim.url());
    jobs("Leads 1001");
    drop_in("");
    let mut systemd = Systemd::boot(directory.clone());
    // By the timer, for the night that was missed.
    systemd.wait_for("success 0", 1);
    let next = systemd.property("NextElapseUSecRealtime", "zmd-night.timer");
    assert!(next.contains(" 02:15:00 "), "{next}");
    let mut verify = systemd.inside("systemd-analyze");
    verify
        .arg("verify")
        .args(["zmd-night.timer", "zmd-night.service"].map(|unit| format!("/etc/systemd/system/{unit}")));
    // What it does not know is a line there, and no failure.
    assert_eq!(run(&mut verify), (Some(0), String::new(), String::new()));

    // With shorter times. A busy machine may need more tries than one for what is to come.
    drop_in(
        "ExecStart=\nExecStart=/usr/bin/zmd wait --quiet --timeout 1 -f %d/jobs.txt\n\
         ExecStart=/usr/bin/load-new-records\nRestartSec=1\n",
    );
    text_of(systemd.inside("systemctl").arg("daemon-reload"));
    for (status, left) in [(1, "Leads 1001\nLeads 1002"), (4, "Leads unknown")] {
        jobs(left);
        systemd.start();
        systemd.wait_for(&format!("exit-code {status}"), 1);
        systemd.is("failed");
    }
    for (status, running) in [(2, "Leads 1003"), (3, "Leads 1001")] {
        jobs(running);
        if status == 3 {
            config(&format!("http://127.0.0.1:{}", free_port()));
        }
        systemd.start();
        systemd.wait_for(&format!("exit-code {status}"), 2);
        sim.add_job("Leads", "1003", done.clone());
        config(&sim.url());
        // A restart has read the credentials again, which only the service can read.
        systemd.wait_for("loaded 400 400", 1);
        systemd.is("inactive");
    }
    // They are refreshed once: the state directory has the token.
    assert_eq!(sim.token_requests(), 1);
}
