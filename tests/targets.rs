//! The library on other targets than this machine's: built by cross/build, and asked by a C program under an emulator.
//! `make test-targets` runs these.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;
use zmd_sim::{End, Job, Reply, Sim};

const REFRESH: [&str; 3] = ["1000.refresh", "1000.ID", "secret"];

/// A stand-in with the jobs of tests/c/target_test.c. Its first two answers are about a job that is queued, and one that
/// runs.
fn stand_in(tls: bool) -> Sim {
    let [refresh_token, client_id, client_secret] = REFRESH;
    let builder = Sim::builder().refresh_token(refresh_token, client_id, client_secret);
    let sim = with_job(if tls { builder.tls().start() } else { builder.start() });
    sim.add_job("Leads", "1002", Job::new(50_000, 0.0));
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "1004", Job { failed: 9, ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    sim
}

/// Builds the library for a target, and gives the directory that it is in.
fn build(target: &str) -> PathBuf {
    let mut build = Command::new(format!("{ROOT}/cross/build"));
    for (name, _) in std::env::vars_os() {
        // What cargo sets for its tests is of another toolchain.
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO") && !text.starts_with("CARGO_PROFILE")) || text.starts_with("RUST") {
            build.env_remove(name);
        }
    }
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        build.env("CARGO_HOME", home);
    }
    text_of(build.arg(target));
    Path::new(ROOT).join("target").join(target).join("release")
}

/// Compiles a C program for a target.
fn compile_for(gcc: &str, flags: &[&str], source: &str, output: &Path) {
    let mut compile = Command::new(gcc);
    compile.args(["-Wall", "-Wextra", "-Werror", "-g", "-o"]).arg(output).arg(format!("-I{ROOT}/include"));
    text_of(compile.arg(format!("{ROOT}/{source}")).args(flags));
}

/// The test program, run by `program`, finds everything as it should be.
fn holds(directory: &Path, program: &dyn Fn() -> Command) {
    for tls in [false, true] {
        let sim = stand_in(tls);
        let run = |arguments: &[&str]| {
            let mut command = program();
            environment(command.args(arguments), &sim).env("ZMD_POLL_MIN_MS", "10");
            assert_eq!(text_of(&mut command).trim(), "ok target_test");
        };
        sim.next(Reply::json(200, r#"{"data":[{"Status":"QUEUED"}]}"#));
        sim.next(Reply::json(200, r#"{"data":[{"Status":"RUNNING","Deleted_Count":4,"Total_Count":9}]}"#));
        run(&[]);
        // One process gets the token, the next one takes it from the cache.
        let cache = directory.join(format!("cache-{tls}"));
        for _ in 0..3 {
            run(&[cache.to_str().unwrap(), REFRESH[0], REFRESH[1], REFRESH[2]]);
        }
        assert_eq!(sim.token_requests(), 1);
    }
}

fn linux(target: &str, gcc: &str, runner: &[&str]) {
    if [gcc, "/usr/bin/rustc", runner[0]].into_iter().any(missing) {
        return;
    }
    let built = build(target);
    let directory = scratch(target);
    std::os::unix::fs::symlink(built.join("libzmd.so"), directory.join("libzmd.so.0")).unwrap();
    let program = directory.join("target_test");
    let (search, path) = (format!("-L{}", built.display()), format!("-Wl,-rpath,{}", directory.display()));
    for standard in ["-std=c99", "-std=c17"] {
        compile_for(gcc, &[standard, "-Wpedantic", &search, &path, "-lzmd"], "tests/c/target_test.c", &program);
    }
    holds(&directory, &|| {
        let mut command = Command::new(runner[0]);
        command.args(&runner[1..]).arg(&program);
        command
    });
    fs::remove_dir_all(directory).unwrap();
}

#[test]
#[ignore = "make test-targets"]
fn linux_on_arm() {
    linux("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", &["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]);
}

#[test]
#[ignore = "make test-targets"]
fn linux_of_32_bits() {
    let loader = ["/usr/i686-linux-gnu/lib/ld-linux.so.2", "--library-path", "/usr/i686-linux-gnu/lib"];
    linux("i686-unknown-linux-gnu", "i686-linux-gnu-gcc", &loader);
}

fn windows(target: &str, gcc: &str, wine: Option<&str>) {
    if [gcc, "/usr/bin/rustc"].into_iter().chain(wine).any(missing) {
        return;
    }
    let built = build(target);
    let directory = scratch(target);
    let program = directory.join("target_test.exe");
    fs::copy(built.join("zmd.dll"), directory.join("zmd.dll")).unwrap();
    let random = directory.join("bcryptprimitives.dll");
    compile_for(gcc, &["-shared", "-ladvapi32", "-Wl,--kill-at"], "cross/bcryptprimitives.c", &random);
    let import = built.join("libzmd.dll.a");
    compile_for(gcc, &["-std=c99", import.to_str().unwrap()], "tests/c/target_test.c", &program);
    if wine.is_some() {
        holds(&directory, &|| {
            let mut command = Command::new("wine");
            let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine");
            command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all").arg(&program).current_dir(&directory);
            command
        });
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
#[ignore = "make test-targets"]
fn windows_of_64_bits() {
    windows("x86_64-pc-windows-gnu", "x86_64-w64-mingw32-gcc", Some("/usr/lib/wine/wine64"));
}

/// Built, compiled and linked, with the checks of the layout that the compiler makes; not run: that would need a Wine of
/// 32 bits.
#[test]
#[ignore = "make test-targets"]
fn windows_of_32_bits_is_built() {
    windows("i686-pc-windows-gnu", "i686-w64-mingw32-gcc", None);
}
