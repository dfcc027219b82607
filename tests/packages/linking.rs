//! The library as it ships: programs that are linked with it, the stack that its calls take, and that it says nothing of the
//! machine that built it.

use std::fs;
use std::process::Command;

use common::*;
use zmd_sim::Job;

/// The first example, linked with libzmd.a: it needs no other file.
#[test]
fn the_example_in_c_linked_statically() {
    let program = built().join("static");
    let archive = release().join("libzmd.a");
    let mut command = Command::new("gcc");
    command
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            &format!("-I{ROOT}/include"),
            &format!("{ROOT}/bindings/c/example.c"),
        ])
        .arg(archive);
    text_of(command.args(["-lpthread", "-ldl", "-lm", "-lgcc_s", "-o"]).arg(&program));
    let sim = sim_for_programs(true);
    sim.add_job("Leads", "3", Job { failed: 1, ..Job::new(3, f64::INFINITY) });
    let example = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        run(environment(&mut command, &sim).args(arguments))
    };
    let completed = "COMPLETED, 9 of 9 deleted, 0 failed\n".to_owned();
    assert_eq!(example(&["Leads", "1001"]), (Some(0), completed, String::new()));
    assert_eq!(example(&["Leads", "3"]).0, Some(1));
    let (exit, out, err) = example(&["Leads", "1002", "0"]);
    assert!(exit == Some(2) && out.starts_with("RUNNING") && err.contains("ZMD_ERR_TIMEOUT"), "{out}{err}");
    let (exit, _, err) = example(&["Leads", "4711"]);
    assert!(exit == Some(3) && err.contains("ZMD_ERR_JOB_NOT_FOUND"), "{err}");
    assert_eq!(example(&["Leads"]).0, Some(3));
    // It should be readable in a few minutes.
    let source = fs::read_to_string(format!("{ROOT}/bindings/c/example.c")).unwrap();
    assert!(source.lines().count() <= 80);
}

#[test]
fn the_readmes_first_lines_do_what_they_say() {
    let sim = sim_for_programs(false);
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    let directory = scratch("readme");
    // As in a checkout.
    std::os::unix::fs::symlink(target(), directory.join("target")).unwrap();
    std::os::unix::fs::symlink(format!("{ROOT}/include"), directory.join("include")).unwrap();
    release();
    fs::write(directory.join("example.c"), readme_block("## C\n", "c")).unwrap();
    let shell = doc_block("doc/install.md", "## Without installing\n", "sh");
    let compile = shell.lines().find(|line| line.starts_with("cc ")).unwrap();
    text_of(Command::new("sh").args(["-c", compile]).current_dir(&directory));
    let mut example = Command::new(directory.join("example"));
    environment(&mut example, &sim);
    assert_eq!(text_of(&mut example), readme_block("## C\n", "text"));
    if !missing("python3") {
        let mut script = Command::new("python3");
        script
            .arg("-c")
            .arg(doc_block("doc/hosts.md", "## Python with ctypes alone\n", "python"))
            .current_dir(&directory);
        environment(&mut script, &sim);
        assert_eq!(text_of(&mut script), "True state 3: 9 of 9 deleted\n");
    }
    fs::remove_dir_all(directory).unwrap();
}

/// On other targets tests/packages/targets.rs measures it.
#[test]
fn a_call_takes_little_of_its_callers_stack() {
    let program = compile_with(release_directory(), "cc", &["-std=c99", "-O1"], "tests/c/stack_test.c", "stack_test");
    stack_is_small(&mut Command::new(program), "x86_64-unknown-linux-gnu");
}

#[test]
fn what_is_built_has_no_path_of_this_machine() {
    if missing("strings") {
        return;
    }
    for library in ["libzmd.so", "libzmd.a", "zmd"].map(|name| release().join(name)) {
        assert_eq!(paths_of_this_machine(&library), [""; 0], "{library:?}");
    }
}

#[test]
fn the_crates_can_be_packaged() {
    // --allow-dirty: there may be uncommitted changes; the verification builds from the package only.
    let target = scratch("package");
    let mut command = from_a_shell(env!("CARGO"));
    command
        .args(["package", "-p", "zmd-core", "-p", "zmd", "--allow-dirty", "--offline", "--target-dir"])
        .arg(&target)
        .current_dir(ROOT);
    let (exit, _, err) = run(&mut command);
    assert_eq!(exit, Some(0), "{err}");
    fs::remove_dir_all(target).unwrap();
}
