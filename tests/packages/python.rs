//! The Python package: built, installed and used as people do, with the oldest and the newest Python that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::*;
use zmd_sim::{Job, Sim};

use crate::hosts::{EXAMPLE, callbacks, example};

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/python");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The program, without what the environment may say to Python or libzmd.
fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = from_a_shell(program);
    without_variables(&mut command, |name| {
        name.starts_with("ZMD_") || name.starts_with("PYTHON") || name == "LD_LIBRARY_PATH"
    });
    // The tests lie in the repository; and cargo has built the library already, where release().join("libzmd.so") has it.
    let target = target();
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("CARGO", env!("CARGO")).env("CARGO_TARGET_DIR", target);
    command
}

/// Every Python of 3.8 or later that can make an environment, with its version: on the PATH, and pyenv's.
fn pythons() -> &'static BTreeSet<((u32, u32), PathBuf)> {
    static FOUND: OnceLock<BTreeSet<((u32, u32), PathBuf)>> = OnceLock::new();
    FOUND.get_or_init(find_pythons)
}

fn find_pythons() -> BTreeSet<((u32, u32), PathBuf)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<_> = std::env::split_paths(&path).collect();
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    if let Some(root) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home) {
        let versions = fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
        directories.extend(versions.map(|version| version.path().join("bin")));
    }
    let names = (8..40).map(|minor| format!("python3.{minor}")).chain(["python3".to_owned()]);
    let programs = names.flat_map(|name| directories.iter().map(move |directory| directory.join(&name)));
    // One that pyenv has put on the PATH may be none.
    let version_of = |program: PathBuf| {
        let code = "import ensurepip, sys, venv; print(*sys.version_info[:2])";
        let output = clean(&program).args(["-c", code]).output().ok().filter(|output| output.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (major, minor) = text.trim().split_once(' ')?;
        Some(((major.parse().ok()?, minor.parse().ok()?), program))
    };
    programs
        .filter(|program| program.is_file())
        .filter_map(version_of)
        .filter(|(version, _)| *version >= (3, 8))
        .collect()
}

/// What the newest Python has besides: what builds and checks packages, and what users combine with this one.
const TOOLS: &[&str] = &["build", "gevent", "opentelemetry-sdk", "prometheus_client", "pyright[nodejs]"];

#[derive(Clone, Copy)]
enum Age {
    Oldest,
    Newest,
}
use Age::{Newest, Oldest};

/// The Python of a fresh environment that has the package and mypy.
/// `None` where the machine has no Python, or reaches no package index.
fn python(age: Age) -> Option<&'static Path> {
    static MADE: [OnceLock<Option<PathBuf>>; 2] = [OnceLock::new(), OnceLock::new()];
    let make = || {
        let (base, name) = match age {
            Oldest => (pythons().first(), "python-oldest"),
            Newest => (pythons().last(), "python-newest"),
        };
        let environment = built().join(name);
        let _ = fs::remove_dir_all(&environment);
        text_of(clean(&base?.1).args(["-m", "venv"]).arg(&environment));
        let python = environment.join("bin/python");
        let tools: &[&str] = if matches!(age, Newest) { TOOLS } else { &[] };
        let (exit, _, err) = run(pip(&python, "install").args(["setuptools >= 70.1", "mypy", "pytest"]).args(tools));
        if exit != Some(0) {
            eprintln!("{err}");
            return None;
        }
        text_of(pip(&python, "install").arg(PACKAGE));
        Some(python)
    };
    let made = MADE[age as usize].get_or_init(make).as_deref();
    if made.is_none() {
        missing("python3 with venv and a package index");
    }
    made
}

fn pip(python: &Path, command: &str) -> Command {
    let mut pip = clean(python);
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", command]);
    pip
}

/// A Python program, in a directory that has nothing to do with the package, which asks the stand-in.
fn program(python: &Path, sim: &Sim) -> Command {
    let mut command = clean(python);
    command.env("ZMD_API_DOMAIN", sim.url()).env("ZMD_ACCESS_TOKEN", TOKEN).env("ZMD_POLL_MIN_MS", "50");
    command.env("ZMD_MAX_RETRIES", "0").current_dir("/");
    command
}

/// The package's own tests, with development mode, which shows what was not closed, and other warnings.
fn unittest(python: &Path) -> Command {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        text_of(from_a_shell(env!("CARGO")).args(["build", "--quiet", "-p", "zmd-sim"]).current_dir(ROOT));
    });
    let mut tests = clean(python);
    tests.args(["-X", "dev", "-m", "unittest"]).env("ZMD_TEST_ROOT", ROOT);
    tests.env("ZMD_TEST_SIM", target().join("debug/zmd-sim"));
    tests
}

fn passes_its_tests(age: Age, name: &str) {
    let Some(python) = python(age) else { return };
    let directory = scratch(name);
    let mut tests = unittest(python);
    tests.args(["discover", "-s"]).arg(format!("{PACKAGE}/tests")).current_dir(&directory);
    let (exit, out, err) = run(&mut tests);
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(err.trim_end().ends_with("OK") && !err.contains("Warning"), "{err}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_oldest_python() {
    passes_its_tests(Oldest, "oldest");
}

#[test]
fn the_newest_python() {
    passes_its_tests(Newest, "newest");
}

/// What differs from one version to the next: asyncio, enums, ctypes.
#[test]
fn the_pythons_between() {
    let Some(newest) = python(Newest) else { return };
    let directory = scratch("between");
    let site = directory.join("site");
    text_of(pip(newest, "install").arg("--target").arg(&site).arg(PACKAGE));
    let modules = format!("{}:{PACKAGE}/tests", site.display());
    // There may be several of a version.
    let one_each: BTreeMap<_, _> = pythons().iter().map(|(version, python)| (version.1, python)).collect();
    for (minor, python) in one_each {
        let mut tests = unittest(python);
        tests.args(["test_errors", "test_client.Asking", "test_client.Waiting", "test_async.Calls"]);
        let (exit, out, err) = run(tests.env("PYTHONPATH", &modules).current_dir(&directory));
        assert!(exit == Some(0) && err.trim_end().ends_with("OK"), "3.{minor}: {out}{err}");
    }
    fs::remove_dir_all(directory).unwrap();
}

/// Python's row of the table that hosts.rs has for all languages.
#[test]
fn its_example_does_what_those_of_all_languages_do() {
    let Some(python) = python(Newest) else { return };
    example(EXAMPLE, || {
        let mut example = clean(python);
        example.arg(format!("{PACKAGE}/example.py")).current_dir("/");
        example
    });
    let code = "
import sys, zmd
def progress(poll):
    print(*str(poll.status).split(': ')[1:])
    if sys.argv[1] == 'stop':
        client.cancel()
client = zmd.Client.from_env()
try:
    last = client.wait('Leads', 1001, progress=progress)
    print(last.has_ended, last.is_successful)
except zmd.Error as error:
    print(f'ZMD_ERR_{error.code}')
";
    callbacks(|| {
        let mut program = clean(python);
        program.args(["-c", code]).current_dir("/");
        program
    });
}

#[test]
fn every_type_is_known() {
    let Some(python) = python(Newest) else { return };
    let environment = python.ancestors().nth(2).unwrap();
    let directory = scratch("types");
    let mut pyright = clean(python);
    pyright.args(["-m", "pyright", "--verifytypes", "zmd", "--ignoreexternal"]).current_dir(&directory);
    let path = std::env::join_paths(
        std::iter::once(environment.join("bin"))
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let (exit, out, err) = run(pyright.env("VIRTUAL_ENV", environment).env("PATH", path.unwrap()));
    assert!(exit == Some(0) && out.contains("Type completeness score: 100%"), "{out}{err}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn mypy_has_nothing_to_say() {
    for age in [Oldest, Newest] {
        let Some(python) = python(age) else { return };
        let cache = format!("--cache-dir={}", built().display());
        for what in [&["-p", "zmd"][..], &[&format!("{PACKAGE}/tests/typed.py")]] {
            text_of(clean(python).args(["-m", "mypy", "--strict", &cache]).args(what).current_dir("/"));
        }
    }
}

/// Calls that follow one another share a connection, also after one that was interrupted; and the library is the one
/// that `ZMD_LIBRARY` names.
#[test]
fn connections_are_kept() {
    let Some(python) = python(Newest) else { return };
    let sim = sim();
    let code = "
import os, zmd
client = zmd.Client.from_env()
def ask():
    for _ in range(10):
        client.status('Leads', 1001)
        client.wait('Leads', 1001, progress=lambda _: None)
        client.status_many([('Leads', 1001)])
def interrupt():
    try:
        client.wait('Leads', 1001, progress=lambda _: 1 / 0)
    except ZeroDivisionError:
        pass
ask()
interrupt()
ask()
assert os.environ['ZMD_LIBRARY'] in open('/proc/self/maps').read()
";
    text_of(program(python, &sim).args(["-c", code]).env("ZMD_LIBRARY", release().join("libzmd.so")));
    // One of status calls, and one of waits, which the interrupted wait has closed.
    assert_eq!((sim.requests(), sim.connections()), (61, 3));
}

/// The waits of greenlets go on at the same time: one after the other they would take more than ten times as long.
#[test]
fn greenlets_do_not_wait_for_each_other() {
    let Some(python) = python(Newest) else { return };
    let sim = sim();
    sim.add_job("Leads", "1002", Job::new(50_000, 1.0));
    let code = "
import gevent.monkey
gevent.monkey.patch_all()
import os, threading, time, gevent, zmd
client = zmd.Client(lambda _: os.environ['ZMD_ACCESS_TOKEN'], api_domain=os.environ['ZMD_API_DOMAIN'], poll_min=0.05)
def wait(outcomes):
    outcomes += client.wait_many([('Leads', 1002)], timeout=2)
def ask(outcomes):
    try:
        client.status('Leads', 'fault-stall-in-body', timeout=2)
    except zmd.Timeout as error:
        outcomes.append(error)
begin = time.monotonic()
outcomes = []
waits = [gevent.spawn(target, outcomes) for target in [wait, ask] * 10]
threads = [threading.Thread(target=target, args=[outcomes]) for target in [wait, ask] * 5]
for thread in threads:
    thread.start()
gevent.joinall(waits, raise_error=True)
for thread in threads:
    thread.join()
assert [type(each) for each in outcomes] == [zmd.Timeout] * 30, outcomes
assert time.monotonic() - begin < 30
print(client.wait('Leads', 1001).state, len(list(client.as_completed([('Leads', 1001)] * 3))))
client.close()
";
    assert_eq!(text_of(program(python, &sim).args(["-c", code])), "COMPLETED 3\n");
}

/// The programs of doc/metrics.md, with the packages that they are about.
#[test]
fn counters_are_exported() {
    let Some(python) = python(Newest) else { return };
    let sim = sim();
    sim.limit_credits(100, 60);
    let blocks = doc_blocks("doc/metrics.md", "python");
    let [prometheus, opentelemetry] = &blocks[..] else { panic!("{blocks:?}") };
    let prometheus = prometheus.replace("start_http_server(9464)", "start_http_server(0)[0]");
    let calls = "client.status('Leads', 1001)\nclient.wait('Leads', 1001)\n";
    let scrape = "print(prometheus_client.generate_latest().decode())\n";
    let server = "import urllib.request\nserver = prometheus_client.start_http_server(0)[0]\n\
                  text = urllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/metrics').read()\n\
                  assert b'zmd_calls_total 2.0' in text, text\n";
    let out = text_of(program(python, &sim).arg("-c").arg(format!("{prometheus}{scrape}{calls}{scrape}{server}")));
    let (before, after) = out.split_at(out.rfind("# HELP zmd_calls_total").unwrap());
    assert!(before.contains("\nzmd_calls_total 0.0\n") && !before.contains("credits"), "{out}");
    for line in [
        "# TYPE zmd_calls_total counter",
        "zmd_calls_total 2.0",
        "zmd_polls_total 1.0",
        "zmd_rate_limits_total 0.0",
        "zmd_connections_total 2.0",
        "# TYPE zmd_credits_remaining gauge",
        "zmd_credits_remaining 38.0",
    ] {
        assert!(after.lines().any(|each| each == line), "{line} in {out}");
    }
    assert!(after.contains("\nzmd_sent_bytes_total ") && after.contains("\nzmd_waited_seconds_total "), "{out}");

    let reader = "from opentelemetry import metrics\n\
                  from opentelemetry.sdk.metrics import MeterProvider\n\
                  from opentelemetry.sdk.metrics.export import InMemoryMetricReader\n\
                  reader = InMemoryMetricReader()\n\
                  metrics.set_meter_provider(MeterProvider([reader]))\n";
    let read = "
(scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
print(scope.scope.name)
for metric in scope.metrics:
    print(metric.name, metric.unit, *[point.value for point in metric.data.data_points])
";
    let out = text_of(program(python, &sim).arg("-c").arg(format!("{reader}{opentelemetry}{calls}{read}")));
    for line in ["zmd", "zmd.calls {call} 2", "zmd.polls {poll} 1", "zmd.credits_remaining {credit} 36"] {
        assert!(out.lines().any(|each| each == line), "{line} in {out}");
    }
    // Each counter is exported: a new one has to be added to the page.
    let fields = "import dataclasses, zmd; print(*[field.name for field in dataclasses.fields(zmd.Counters)])";
    for name in text_of(clean(python).args(["-c", fields]).current_dir("/")).split_whitespace() {
        assert!(out.contains(&format!("\nzmd.{name} ")) && prometheus.contains(&format!("\"{name}\"")), "{name}");
    }
}

/// The package brings the command, which is on the PATH of its environment, and which `python -m zmd` runs.
#[test]
fn the_command_comes_with_the_package() {
    let Some(python) = python(Oldest) else { return };
    let sim = sim();
    sim.add_job("Leads", "1002", Job { failed: 10, ..Job::new(50_000, 0.0) });
    let arguments = ["status", "Leads:1001", "Leads:1002", "Leads:error-NO_PERMISSION"];
    let run_as = |mut command: Command| run(command.args(arguments));
    let direct = run_as(program(&python.with_file_name("zmd"), &sim));
    let mut module = program(python, &sim);
    module.args(["-m", "zmd"]);
    let (exit, out, err) = run_as(module);
    assert_eq!((exit, out.lines().count(), err.lines().count()), (Some(4), 2, 1), "{out}{err}");
    assert_eq!((exit, out, err), direct);

    // The module takes the place of Python: a signal reaches the command.
    let mut waiting = program(python, &sim);
    waiting.args(["-m", "zmd", "wait", "Leads", "1002"]).stderr(std::process::Stdio::piped());
    let mut waiting = waiting.spawn().unwrap();
    let mut first = String::new();
    BufReader::new(waiting.stderr.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("RUNNING"), "{first}");
    // SAFETY: it is this process's own child, which was not waited for.
    assert_eq!(unsafe { libc::kill(waiting.id() as i32, libc::SIGTERM) }, 0);
    assert_eq!(waiting.wait().unwrap().signal(), Some(15));

    // Without the program the module reports that.
    let site = scratch("no-program");
    let package = text_of(clean(python).args(["-c", "import zmd; print(zmd.__path__[0], end='')"]).current_dir("/"));
    text_of(clean("cp").args(["-r", &package]).arg(&site));
    let code = "import runpy, sysconfig; sysconfig.get_path = lambda *_: '/nonexistent'; \
                runpy.run_module('zmd', run_name='__main__')";
    let (exit, _, err) = run(clean(python).args(["-c", code]).env("PYTHONPATH", &site).current_dir("/"));
    assert!(
        exit == Some(4) && err.contains("zmd, a part of this package, is in none of /nonexistent"),
        "{exit:?} {err}"
    );
    fs::remove_dir_all(site).unwrap();
}

/// The names in a wheel, and the wheel.
fn wheel(directory: &Path, build: &mut Command) -> (PathBuf, BTreeSet<String>) {
    text_of(build.arg("--wheel-dir").arg(directory));
    let found: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [wheel] = &found[..] else { panic!("{found:?}") };
    let code = "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist(), sep='\\n')";
    let names = text_of(clean(python(Newest).unwrap()).args(["-c", code]).arg(wheel));
    (wheel.clone(), names.lines().map(str::to_owned).collect())
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Every file of the package's source.
fn source() -> BTreeSet<PathBuf> {
    fn walk(directory: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("__pycache__") {
                walk(&path, found);
            } else if path.is_file() {
                found.insert(path);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(Path::new(PACKAGE), &mut found);
    found
}

#[test]
fn one_wheel_for_every_python_of_a_platform() {
    let (Some(oldest), Some(newest)) = (python(Oldest), python(Newest)) else { return };
    let directory = scratch("wheel");
    let source_before = source();
    let build = |python: &Path| {
        let mut command = pip(python, "wheel");
        command.args(["--no-deps", PACKAGE]);
        command
    };

    // A library that is given is packed, for a platform that is given, and without cargo.
    let given = directory.join("libzmd.so.0.1");
    fs::write(&given, "no library").unwrap();
    fs::write(directory.join("zmd"), "\u{7f}no program \u{e9}").unwrap();
    fs::write(directory.join("zmd-sim"), "\u{7f}none either").unwrap();
    let mut given_one = build(newest);
    given_one.env("ZMD_BUILD_LIBRARY", &given).env("CARGO", "/nonexistent").env("_PYTHON_HOST_PLATFORM", "linux-mips");
    let (path, names) = wheel(&directory.join("given"), &mut given_one);
    assert_eq!(name_of(&path), format!("zmd-{VERSION}-py3-none-linux_mips.whl"));
    let programs = ["zmd", "zmd-sim"].map(|name| format!("zmd-{VERSION}.data/scripts/{name}"));
    assert!(names.contains("zmd/libzmd.so") && programs.iter().all(|program| names.contains(program)), "{names:?}");
    let sole = directory.join("sole.so");
    fs::write(&sole, "no library").unwrap();
    fs::remove_file(directory.join("zmd")).unwrap();
    let mut tagged = build(newest);
    tagged
        .env("ZMD_BUILD_LIBRARY", release().join("libzmd.so"))
        .arg("--config-settings=--build-option=--plat-name=manylinux2014_x86_64");
    let (path, _) = wheel(&directory.join("tagged"), &mut tagged);
    assert_eq!(name_of(&path), format!("zmd-{VERSION}-py3-none-manylinux2014_x86_64.whl"));
    for (refused, part) in [
        (build(newest).env("ZMD_BUILD_LIBRARY", "/nonexistent/libzmd.so"), "ZMD_BUILD_LIBRARY"),
        (build(newest).env("ZMD_BUILD_LIBRARY", sole), "zmd, which belongs beside the library, does not exist"),
        (build(newest).env("CARGO", "/nonexistent"), "install Rust"),
    ] {
        let (exit, out, err) = run(refused);
        assert!(exit == Some(1) && format!("{out}{err}").contains(part), "{out}{err}");
    }

    // After all that, the library is the one that cargo builds, and whatever Python has built the wheel, any uses it.
    for (at, (builder, user)) in [(oldest, newest), (newest, oldest)].into_iter().enumerate() {
        let (path, names) = wheel(&directory.join(format!("built-{at}")), &mut build(builder));
        assert!(name_of(&path).starts_with(&format!("zmd-{VERSION}-py3-none-linux_")), "{path:?}");
        let modules = source_before.iter().filter_map(|file| file.strip_prefix(format!("{PACKAGE}/src")).ok());
        let mut expected: BTreeSet<_> = modules.map(|file| file.to_str().unwrap().to_owned()).collect();
        expected.extend(["zmd/_version.py", "zmd/libzmd.so"].map(str::to_owned));
        let in_package: BTreeSet<_> = names.iter().filter(|name| name.starts_with("zmd/")).cloned().collect();
        assert_eq!(in_package, expected);
        for license in ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-LICENSES"] {
            assert!(names.iter().any(|name| name.ends_with(license)), "{names:?}");
        }
        for sbom in ["libzmd", "zmd", "zmd-sim"] {
            assert!(names.contains(&format!("zmd-{VERSION}.dist-info/sboms/{sbom}.cdx.json")), "{names:?}");
        }
        let data: Vec<_> = names.iter().filter(|name| name.contains(".data/")).collect();
        assert_eq!(data, [&programs[0], &programs[1]]);
        let site = directory.join(format!("site-{at}"));
        text_of(pip(user, "install").arg("--target").arg(&site).arg(&path));
        assert!(fs::read(site.join("zmd/libzmd.so")).unwrap() == fs::read(release().join("libzmd.so")).unwrap());
        let code = "import zmd; print(zmd.__file__, zmd.__version__, zmd.Client('1000.x') is None)";
        let out = text_of(clean(user).args(["-c", code]).env("PYTHONPATH", &site).current_dir("/"));
        assert_eq!(out, format!("{} {VERSION} False\n", site.join("zmd/__init__.py").display()));
        // pip has put the command beside the package.
        let mut module = clean(user);
        module.args(["-m", "zmd", "--version"]).env("PYTHONPATH", &site).current_dir("/");
        assert_eq!(text_of(&mut module), format!("zmd {VERSION}\n"));
    }
    assert_eq!(source(), source_before);
    fs::remove_dir_all(directory).unwrap();
}

/// The modules are those of the source, and a change there counts; the library is beside them.
#[test]
fn an_editable_installation() {
    let Some(python) = python(Newest) else { return };
    let directory = scratch("editable");
    let package = directory.join("python");
    text_of(clean("cp").args(["-r", PACKAGE]).arg(&package));
    let _ = fs::remove_file(package.join("src/zmd/libzmd.so"));
    std::os::unix::fs::symlink(ROOT, package.join("crate")).unwrap();
    let environment = directory.join("environment");
    text_of(clean(python).args(["-m", "venv"]).arg(&environment));
    let python = environment.join("bin/python");
    text_of(pip(&python, "install").arg("--editable").arg(&package));
    let import = |code: &str| text_of(clean(&python).args(["-c", code]).current_dir("/"));
    let shown = import("import zmd; print(zmd.__file__, zmd.__version__, zmd.Client('1000.x') is None)");
    assert_eq!(shown, format!("{} {VERSION} False\n", package.join("src/zmd/__init__.py").display()));
    let module = package.join("src/zmd/testing.py");
    let changed = fs::read_to_string(&module).unwrap() + "\nCHANGED = 1\n";
    fs::write(module, changed).unwrap();
    assert_eq!(import("import zmd.testing; zmd.testing.Service().close(); print(zmd.testing.CHANGED)"), "1\n");
    text_of(pip(&python, "uninstall").args(["--yes", "zmd"]));
    let (exit, _, err) = run(clean(&python).args(["-c", "import zmd"]).current_dir("/"));
    assert!(exit == Some(1) && err.contains("No module named 'zmd'"), "{err}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_source_distribution() {
    let Some(python) = python(Newest) else { return };
    let directory = scratch("sdist");
    let source_before = source();
    let dist = directory.join("dist");
    text_of(clean(python).args(["-m", "build", "--sdist", "--outdir"]).arg(&dist).arg(PACKAGE));
    let sdist = dist.join(format!("zmd-{VERSION}.tar.gz"));
    assert_eq!(source(), source_before);

    // It builds with cargo alone; here without what makes that slow, and where it disturbs no other build.
    let mut build = pip(python, "wheel");
    build.env("CARGO_TARGET_DIR", built().join("sdist"));
    build.envs([("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")]);
    build.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").arg("--no-deps").arg(&sdist);
    let (wheel, names) = wheel(&directory.join("wheel"), &mut build);
    let parts = ["zmd/libzmd.so", "data/scripts/zmd", "data/scripts/zmd-sim", "LICENSE-MIT", "THIRD-PARTY-LICENSES"];
    for name in parts.into_iter().chain(["dist-info/sboms/libzmd.cdx.json"]) {
        assert!(names.iter().any(|packed| packed.ends_with(name)), "{name} in {names:?}");
    }
    let site = directory.join("site");
    text_of(pip(python, "install").arg("--target").arg(&site).arg(&wheel));
    let code = "import zmd; print(zmd.__version__, zmd.Client('1000.x').status_many([]))";
    let out = text_of(clean(python).args(["-c", code]).env("PYTHONPATH", &site).current_dir("/"));
    assert_eq!(out, format!("{VERSION} []\n"));

    // From a source distribution another can be made.
    text_of(clean("tar").arg("-xzf").arg(&sdist).arg("-C").arg(&directory));
    let unpacked = directory.join(format!("zmd-{VERSION}"));
    let again = directory.join("again");
    text_of(clean(python).args(["-m", "build", "--sdist", "--outdir"]).arg(&again).arg(&unpacked));
    let list = |dist: &Path| {
        let names = text_of(clean("tar").arg("-tzf").arg(dist.join(name_of(&sdist))));
        names.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(list(&dist), list(&again));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_readmes_examples_do_what_they_say() {
    let Some(python) = python(Newest) else { return };
    let sim = sim();
    let jobs = [("Leads", "111111000000222222"), ("Sales_Orders", "111111000000333333")];
    let offer = |failed| {
        for (module, job_id) in jobs {
            sim.add_job(module, job_id, Job { failed, ..Job::new(9, f64::INFINITY) });
        }
    };
    let blocks = ["python", "sh"].map(|language| doc_blocks("bindings/python/README.md", language)).concat();
    let [first, settings, completed, many, asyncio, tokens, conftest, tests, shell, _build] = &blocks[..] else {
        panic!("{blocks:?}")
    };
    let program = |code: &str| run(program(python, &sim).args(["-c", code]));
    let ask = |code: &str| {
        let (exit, out, err) = program(code);
        assert_eq!((exit, &*err), (Some(0), ""), "{out}");
        out
    };
    let sorted = |out: &str| {
        let mut lines: Vec<_> = out.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(ask(&format!("import zmd\n{settings}client.close()")), "");
    let before = format!("import zmd\nclient = zmd.Client.from_env()\n{completed}");
    let vault = format!("class vault:\n    read = staticmethod({{'zoho/access-token': '{TOKEN}'}}.get)\n");
    let tokens = tokens.replace("zmd.Client(token)", "zmd.Client(token, api_domain=os.environ['ZMD_API_DOMAIN'])");
    assert_eq!(
        ask(&format!("import os, zmd\n{vault}{tokens}print(client.status('Leads', 1001).state)")),
        "COMPLETED\n"
    );

    offer(0);
    assert_eq!(ask(first), "9 of 9 deleted\n");
    let names = ["Leads 111111000000222222", "Sales_Orders 111111000000333333"];
    assert_eq!(sorted(&ask(&before)), names.map(|job| format!("{job}: the records are deleted")));
    let out = ask(&format!("{before}print()\n{many}"));
    let out = out.split_once("\n\n").unwrap().1;
    let polls = ["111111000000222222", "111111000000333333"].map(|id| format!("{id} after 0 s: 9 deleted"));
    assert_eq!(sorted(out), [&polls[..], &["True".to_owned()]].concat());
    let status = "Leads 111111000000222222: COMPLETED, 9 of 9 deleted, 0 failed";
    assert_eq!(ask(asyncio), format!("{status}\n{status}\nTrue\n"));

    // A record is left: the program fails.
    offer(1);
    let left = |job: &str| format!("not all of the records are deleted: {job}: COMPLETED, 8 of 9 deleted, 1 failed");
    for first in [first, asyncio] {
        let (exit, out, err) = program(first);
        assert_eq!((exit, &*out), (Some(1), ""), "{err}");
        assert!(err.ends_with(&format!("JobFailedError: {}\n", left(names[0]))), "{err}");
    }
    assert_eq!(sorted(&ask(&before)), names.map(left));
    assert!(ask(&format!("{before}{many}")).ends_with("\nFalse\n"));

    let directory = scratch("readme-tests");
    fs::write(directory.join("conftest.py"), conftest).unwrap();
    fs::write(directory.join("test_nightly.py"), tests).unwrap();
    let nightly = first.replace("111111000000222222", "1001");
    let nightly = format!("def main():\n    {}", nightly.trim_end().replace('\n', "\n    "));
    fs::write(directory.join("nightly.py"), nightly).unwrap();
    let mut pytest = clean(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).current_dir(&directory);
    let (exit, out, err) = run(&mut pytest);
    assert!(exit == Some(0) && out.contains("3 passed"), "{out}{err}");
    fs::remove_dir_all(directory).unwrap();

    let mut sh = self::program(Path::new("/bin/sh"), &sim);
    sh.env("PATH", python.parent().unwrap()).arg("-c").arg(shell).env("ANOTHER", "111111000000222222");
    let left = "Leads 111111000000222222: COMPLETED, 8 of 9 deleted, 1 failed\n";
    assert_eq!(run(sh.env("JOB_ID", "111111000000222222")), (Some(1), left.to_owned(), String::new()));
    let (exit, out, err) = run(sh.env("JOB_ID", "1001"));
    assert_eq!((exit, out.lines().count()), (Some(1), 3), "{out}{err}");
    assert!(out.starts_with("Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n{\"event\":\"result\""), "{out}");
}
