//! The C++ binding, `bindings/cpp/zmd.hpp`.

use std::process::Command;

use common::cpp::stand_in;
use common::*;
use zmd_sim::{Job, Reply};

/// Compiles a program that includes zmd.hpp.
fn compile_cpp(compiler: &str, flags: &[&str], source: &str, name: &str) -> std::path::PathBuf {
    common::cpp::compile_cpp(library_directory(), compiler, flags, source, name)
}

#[test]
fn the_whole_binding() {
    let undefined = ["-std=c++11", "-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"];
    let program = compile_cpp("g++", &undefined, "tests/cpp/binding_test.cpp", "binding");
    std::thread::scope(|scope| {
        for tls in [false, true] {
            let program = &program;
            scope.spawn(move || passes(&mut Command::new(program), "binding_test", &stand_in(tls)));
        }
    });
}

#[test]
fn a_wait_meets_unusual_answers() {
    let program = compile_cpp("g++", &["-std=c++11"], "tests/cpp/unusual_answers.cpp", "unusual_answers");
    let sim = stand_in(false);
    sim.next(Reply::Error("INTERNAL_ERROR"));
    sim.next(Reply::json(200, r#"{"data":[{"Status":"PAUSED","Total_Count":5,"Deleted_Count":5}]}"#));
    passes(&mut Command::new(program), "unusual_answers", &sim);
}

#[test]
fn a_program_of_two_translation_units() {
    let other = format!("{ROOT}/tests/cpp/two_units_other.cpp");
    for (flag, name) in [("-frtti", "two_units"), ("-fno-rtti", "two_units-no-rtti")] {
        let program = compile_cpp("g++", &["-std=c++11", flag, &other], "tests/cpp/two_units.cpp", name);
        passes(&mut Command::new(program), "two_units", &stand_in(false));
    }
}

#[test]
fn without_exceptions_the_compiler_says_what_to_do() {
    for compiler in ["g++", "clang++"] {
        if missing(compiler) {
            continue;
        }
        let mut command = Command::new(compiler);
        command.args(["-std=c++11", "-fno-exceptions", "-fsyntax-only"]).arg(format!("-I{ROOT}/include"));
        command.arg(format!("-I{ROOT}/bindings/cpp")).arg(format!("{ROOT}/tests/cpp/no_exceptions.cpp"));
        let (exit, _, err) = run(&mut command);
        assert_eq!(exit, Some(1), "{err}");
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
        assert!(err.contains("zmd.hpp reports errors by exceptions") && err.contains("uses zmd.h"), "{err}");
    }
}

/// The binding's own locks and threads, as helgrind sees them.
#[test]
#[ignore = "a part of make sanitize"]
fn helgrind_finds_nothing() {
    if missing("valgrind") {
        return;
    }
    let program = compile_cpp("g++", &["-std=c++11"], "tests/cpp/binding_test.cpp", "binding-helgrind");
    let mut helgrind = Command::new("valgrind");
    helgrind.args(["--tool=helgrind", "--quiet", "--error-exitcode=99", "--num-callers=80"]);
    helgrind.arg(format!("--suppressions={ROOT}/tests/c/helgrind.supp")).arg(program);
    passes(&mut helgrind, "binding_test", &stand_in(false));
}

#[test]
fn the_example() {
    let program = compile_cpp("g++", &["-std=c++11", "-O2"], "bindings/cpp/example.cpp", "example-cpp");
    let sim = stand_in(true);
    sim.add_job("Leads", "1003", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.next(Reply::json(200, r#"{"data":[{"Status":"RUNNING","Deleted_Count":4,"Total_Count":9,"Failed_Count":0}]}"#));
    let example = |arguments: &[&str]| run(environment(Command::new(&program).args(arguments), &sim));
    let (exit, out, err) = example(&["Leads", "1001"]);
    assert_eq!(
        (exit, &*out, &*err),
        (
            Some(0),
            "Leads 1001: RUNNING, 4 of 9 deleted, 0 failed\nLeads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n",
            ""
        )
    );
    let (exit, out, _) = example(&["Leads", "1003"]);
    assert_eq!((exit, &*out), (Some(1), "Leads 1003: COMPLETED, 7 of 9 deleted, 2 failed\n"));
    let (exit, _, err) = example(&["Leads", "4711"]);
    assert!(exit == Some(3) && err.contains("ZMD_ERR_JOB_NOT_FOUND: "), "{exit:?} {err}");
    assert_eq!(example(&["Leads"]).0, Some(3));
}
