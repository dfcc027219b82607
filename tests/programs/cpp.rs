//! The C++ binding, `bindings/cpp/zmd.hpp`.

use std::process::Command;

use common::*;
use zmd_sim::{Job, Reply, Sim};

const WARNINGS: [&str; 3] = ["-Wshadow", "-Wconversion", "-Wsign-conversion"];

/// Compiles a program that includes zmd.hpp. Further flags may be sources too.
fn compile_cpp(compiler: &str, flags: &[&str], source: &str, name: &str) -> std::path::PathBuf {
    let include = format!("-I{ROOT}/bindings/cpp");
    let flags: Vec<_> = WARNINGS.iter().chain(&[include.as_str()]).chain(flags).copied().collect();
    compile(compiler, &flags, source, name)
}

/// A stand-in with a job that is completed and one that goes on. It accepts no other token than ours.
fn stand_in(tls: bool) -> Sim {
    let sim = sim_over(tls);
    sim.add_job("Leads", "1002", Job::new(50_000, 40.0));
    sim
}

#[test]
fn it_compiles_without_a_warning_as_every_standard() {
    for compiler in ["g++", "clang++"] {
        if missing(compiler) {
            continue;
        }
        // c++2b: C++23, as compilers call it before they have all of it.
        for standard in ["c++11", "c++14", "c++17", "c++20", "c++2b"] {
            let standard = format!("-std={standard}");
            for source in ["tests/cpp/binding_test.cpp", "bindings/cpp/example.cpp"] {
                // clang++ would say that nothing is linked.
                let flags = [&standard, "-fsyntax-only", "-Weffc++", "-Wno-unused-command-line-argument"];
                compile_cpp(compiler, &flags, source, "nothing");
            }
        }
    }
}

#[test]
fn clang_tidy_finds_nothing() {
    if missing("clang-tidy") {
        return;
    }
    let directory = scratch("tidy");
    // The tests instantiate the header's templates. Included, they are no main file, and not looked at themselves.
    let source = directory.join("source.cpp");
    std::fs::copy(format!("{ROOT}/tests/cpp/binding_test.cpp"), directory.join("tests.hpp")).unwrap();
    std::fs::write(&source, "#include \"tests.hpp\"\n").unwrap();
    let tidy = |source: &str| {
        let mut command = Command::new("clang-tidy");
        command.args([
            "--quiet",
            &format!("--config-file={ROOT}/bindings/cpp/.clang-tidy"),
            source,
            "--",
            "-std=c++11",
        ]);
        run(command.args(["include", "bindings/cpp", "tests/cpp"].map(|path| format!("-I{ROOT}/{path}"))))
    };
    for source in [&format!("{ROOT}/bindings/cpp/example.cpp"), source.to_str().unwrap()] {
        let (exit, out, err) = tidy(source);
        assert_eq!((exit, &*out), (Some(0), ""), "{err}");
    }
    // It looks into the header.
    let header = std::fs::read_to_string(format!("{ROOT}/bindings/cpp/zmd.hpp")).unwrap();
    let worse =
        header.replace("return handle_.get(); }", "if (handle_ == NULL) return nullptr; return handle_.get(); }");
    std::fs::write(directory.join("zmd.hpp"), worse).unwrap();
    std::fs::write(&source, "#include \"zmd.hpp\"\n").unwrap();
    let (exit, out, _) = tidy(source.to_str().unwrap());
    assert!(exit != Some(0) && out.contains("modernize-use-nullptr"), "{out}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_whole_binding() {
    let undefined = ["-std=c++11", "-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"];
    for (compiler, flags) in [("g++", &undefined[..]), ("clang++", &["-std=c++20", "-O2"])] {
        if missing(compiler) {
            continue;
        }
        let program = compile_cpp(compiler, flags, "tests/cpp/binding_test.cpp", &format!("binding-{compiler}"));
        for tls in [false, true] {
            passes(&mut Command::new(&program), "binding_test", &stand_in(tls));
        }
    }
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

#[test]
fn memcheck_finds_nothing() {
    if missing("valgrind") {
        return;
    }
    let program = compile_cpp("g++", &["-std=c++11"], "tests/cpp/binding_test.cpp", "binding-memcheck");
    for tls in [false, true] {
        passes(&mut memcheck(&program), "binding_test", &stand_in(tls));
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
