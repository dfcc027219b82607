//! The built library: header, symbols, C and Python programs, memory errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;

/// The exported functions.
const FUNCTIONS: &[&str] = &[
    "zmd_client_cancel",
    "zmd_client_clone",
    "zmd_client_counters",
    "zmd_client_credits",
    "zmd_client_free",
    "zmd_client_new",
    "zmd_client_set_access_token",
    "zmd_client_status",
    "zmd_client_status_many",
    "zmd_client_status_within",
    "zmd_client_wait",
    "zmd_client_wait_many",
    "zmd_config_free",
    "zmd_config_load_env",
    "zmd_config_load_file",
    "zmd_config_new",
    "zmd_config_set",
    "zmd_config_set_token_provider",
    "zmd_error_is_transient",
    "zmd_error_message",
    "zmd_error_name",
    "zmd_is_successful",
    "zmd_last_error",
    "zmd_last_error_code",
    "zmd_last_error_code_of_job",
    "zmd_last_error_of_job",
    "zmd_progress_elapsed_ms",
    "zmd_progress_end_job",
    "zmd_progress_next_poll_ms",
    "zmd_progress_remaining_ms",
    "zmd_set_logger",
    "zmd_simple_status",
    "zmd_simple_status_with",
    "zmd_simple_wait",
    "zmd_simple_wait_with",
    "zmd_state_name",
    "zmd_status_has_ended",
    "zmd_status_is_successful",
    "zmd_status_text",
    "zmd_version",
    "zmd_waits_add",
    "zmd_waits_add_status",
    "zmd_waits_cancel",
    "zmd_waits_free",
    "zmd_waits_handle",
    "zmd_waits_new",
    "zmd_waits_next",
    "zmd_waits_remove",
];

#[test]
fn it_exports_only_the_documented_functions() {
    assert_eq!(exported(library()), FUNCTIONS);
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    for name in FUNCTIONS {
        assert!(header.contains(&format!("{name}(")), "zmd.h lacks {name}");
    }
}

#[test]
fn its_name_is_libzmd_so_0() {
    let dynamic = text_of(Command::new("readelf").arg("-d").arg(library()));
    assert!(dynamic.contains("Library soname: [libzmd.so.0]"), "{dynamic}");
}

/// The generated header is the committed one. (The build of this test has already written it, so git is asked for
/// changes.)
#[test]
fn the_committed_header_is_what_the_source_generates() {
    let (exit, committed, err) = run(Command::new("git").args(["show", "HEAD:include/zmd.h"]).current_dir(ROOT));
    if exit != Some(0) {
        // A source package has no history. It cannot be outdated, as cargo compared them when it was created.
        assert!(!PathBuf::from(format!("{ROOT}/.git")).exists(), "{err}");
        return;
    }
    let fresh = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    assert!(committed == fresh, "include/zmd.h is stale: commit the one that cargo build has just written");
}

#[test]
fn every_item_of_the_header_is_documented() {
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    let (attributes, lines): (Vec<_>, Vec<_>) = header.lines().partition(|line| *line == "ZMD_API");
    assert_eq!(attributes.len(), FUNCTIONS.len());
    let mut items = 0;
    for (at, line) in lines.iter().enumerate() {
        let function = !line.starts_with("typedef")
            && line.contains("zmd_")
            && line.contains('(')
            && !line.starts_with([' ', '*', '/']);
        let constant = line.starts_with("  ZMD_");
        let opaque_or_struct = ["typedef struct zmd_", "typedef void (*zmd_", "typedef int32_t (*zmd_", "enum zmd_"]
            .iter()
            .any(|start| line.starts_with(start));
        let field = line.starts_with("  ") && line.ends_with(';');
        let continued = lines[at.saturating_sub(1)].ends_with(',') && line.starts_with("      ");
        if (function || constant || opaque_or_struct || field) && !continued {
            assert_eq!(lines[at - 1].trim(), "*/", "no documentation in front of: {line}");
            items += 1;
        }
    }
    // 23 errors, 7 states, 9 types, 3 callbacks, 23 fields.
    assert_eq!(items, FUNCTIONS.len() + 65);
}

#[test]
fn the_header_compiles_as_every_c_and_cpp() {
    let compilers: [(&str, &str, &[&str]); 2] =
        [("gcc", "c", &["c99", "c11", "c17", "gnu2x"]), ("g++", "c++", &["c++11", "c++14", "c++17", "c++20"])];
    for (compiler, language, standards) in compilers {
        for standard in standards {
            let flags = [format!("-std={standard}"), "-Wundef".to_owned(), format!("-x{language}")];
            let flags: Vec<_> = flags.iter().map(String::as_str).collect();
            let program = compile(compiler, &flags, "tests/c/header.c", &format!("header-{standard}"));
            assert_eq!(run(&mut Command::new(program)).0, Some(0));
        }
    }
}

fn passes(command: &mut Command, name: &str, tls: bool) {
    common::passes(command, name, &sim_for_programs(tls));
}

/// With TLS and without it, at the same time.
fn passes_both(command: impl Fn() -> Command + Sync, name: &str) {
    std::thread::scope(|scope| {
        let with = |tls| {
            let command = &command;
            move || passes(&mut command(), name, tls)
        };
        scope.spawn(with(true));
        with(false)();
    });
}

fn with_arguments(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[test]
fn every_function_from_c() {
    for (compiler, flags, name) in
        [("gcc", ["-std=c99", "-O2"], "basics-c"), ("g++", ["-std=c++11", "-xc++"], "basics-cpp")]
    {
        let program = compile(compiler, &flags, "tests/c/basics.c", name);
        passes(&mut Command::new(&program), "basics", false);
        passes(&mut Command::new(&program), "basics", true);
    }
}

#[test]
fn waiting_from_c() {
    for (compiler, flags, name) in
        [("gcc", ["-std=c99", "-O2"], "wait-c"), ("g++", ["-std=c++11", "-xc++"], "wait-cpp")]
    {
        let program = compile(compiler, &flags, "tests/c/wait_test.c", name);
        let memory = (!is_sanitized()).then_some("memory");
        passes(Command::new(&program).args(memory).env("ZMD_POLL_MIN_MS", "20"), "wait_test", false);
    }
}

#[test]
fn fork_with_clients_in_every_state() {
    let program = compile("gcc", &["-std=c99"], "tests/c/fork_test.c", "fork_test");
    passes_both(|| with_arguments(&program, &["300", "100"]), "fork_test");
}

#[test]
fn the_environment_is_read_when_a_client_is_made() {
    let program = compile("gcc", &["-std=c99"], "tests/c/environment_test.c", "environment_test");
    passes_both(|| Command::new(&program), "environment_test");
}

#[test]
fn a_process_full_of_signals() {
    let program = compile("gcc", &["-std=c99"], "tests/c/signal_test.c", "signal_test");
    passes_both(|| with_arguments(&program, &["1000"]), "signal_test");
}

#[test]
fn loading_and_unloading() {
    let program = compile("gcc", &["-std=c99"], "tests/c/load_test.c", "load_test");
    passes_both(|| with_arguments(&program, &[library().to_str().unwrap()]), "load_test");
}

#[test]
fn python_with_only_ctypes() {
    if missing("python3") {
        return;
    }
    let script = format!("{ROOT}/tests/ctypes_raw.py");
    for tls in [false, true] {
        passes(Command::new("python3").arg(&script).arg(library()), "ctypes_raw", tls);
    }
}
