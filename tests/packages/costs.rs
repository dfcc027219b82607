//! What the library as it ships costs, as far as it can be counted: its size, memory, instructions.

use std::fs;
use std::process::Command;

use common::*;
use zmd_sim::Sim;

#[test]
fn a_hundred_calls_in_flight_take_little_memory() {
    let program = compile_with(release_directory(), "cc", &["-std=c99"], "tests/c/queries.c", "queries-many");
    let sim = with_job(Sim::builder().tls().delay(std::time::Duration::from_millis(500)).start());
    let memory = |count: &str| {
        let mut command = Command::new(&program);
        environment(&mut command, &sim).args([count, "many"]).env("ZMD_MAX_CONCURRENCY", "100");
        let (exit, out, err) = run(&mut command);
        assert_eq!(exit, Some(0), "{err}");
        out.lines().next().unwrap().parse::<usize>().unwrap()
    };
    let (one, hundred) = (memory("1"), memory("100"));
    assert_eq!(sim.in_flight_peak(), 100);
    eprintln!("memory: {one} KB with one call in flight, {hundred} KB with 100");
    // A thread's stack takes 50 KB of it, with link-time optimization: the frames of inlined functions are one.
    assert!(hundred < 13 * 1024 + 512, "{hundred} KB, {one} KB with one");
}

/// Growth is to be noticed: who raises the limit says what for.
const SIZE_LIMIT: u64 = 2_900_000;

#[test]
fn the_library_keeps_its_size() {
    let size = fs::metadata(release().join("libzmd.so")).unwrap().len();
    eprintln!("size: {size} bytes");
    assert!(size <= SIZE_LIMIT, "{size} bytes: make bench-size lists what they are");
}

/// What valgrind counted when the baseline was written.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/instructions.txt");

/// Run by `make bench-instructions`. `ZMD_NEW_BASELINE=1` writes the baseline instead.
#[test]
#[ignore = "its baseline is that of one compiler and one kind of processor"]
fn the_instructions_of_a_query() {
    if missing("valgrind") {
        return;
    }
    let program = compile_with(release_directory(), "cc", &["-std=c99"], "tests/c/queries.c", "queries-counted");
    let sim = with_job(Sim::builder().tls().start());
    let count = |queries: &str| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&program).arg(queries);
        let (exit, _, err) = run(environment(&mut valgrind, &sim));
        assert_eq!(exit, Some(0), "{err}");
        let counted = err.split_once("Collected : ").expect("a count").1.lines().next().unwrap();
        counted.trim().parse::<u64>().unwrap()
    };
    let (none, one, ten, more) = (count("0"), count("1"), count("10"), count("110"));
    let found = [("first", one - none), ("warm", (more - ten) / 100)];
    let text: String = found.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
    eprint!("{text}");
    if std::env::var_os("ZMD_NEW_BASELINE").is_some() {
        return fs::write(BASELINE, text).unwrap();
    }
    let baseline = fs::read_to_string(BASELINE).unwrap();
    for ((name, count), line) in found.iter().zip(baseline.lines()) {
        let before: u64 = line.strip_prefix(name).expect(name).trim().parse().unwrap();
        assert!(*count <= before + before * 3 / 100, "{name} query: {count} instructions, {before} before");
    }
}
