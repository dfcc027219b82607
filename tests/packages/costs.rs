//! What a query costs, as far as it can be counted: system calls, instructions, memory, and the size of the library.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use zmd_sim::Sim;

/// The system calls of a program that asks `count` times, and the lines of the trace.
fn trace(program: &Path, sim: &Sim, count: usize, more: &[(&str, &str)]) -> (BTreeMap<String, usize>, String) {
    let directory = scratch(&format!("trace-{count}"));
    let file = directory.join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&file).arg(program).arg(count.to_string());
    environment(&mut strace, sim).envs(more.iter().copied());
    if more.iter().any(|(name, _)| *name == "SSL_CERT_FILE") {
        strace.env_remove("ZMD_CA_FILE");
    }
    let (exit, out, err) = run(&mut strace);
    assert_eq!((exit, out.trim()), (Some(0), "ok queries"), "{err}");
    let lines = fs::read_to_string(&file).unwrap();
    let mut calls = BTreeMap::new();
    for line in lines.lines() {
        let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
        if let Some((name, _)) = call.split_once('(') {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    fs::remove_dir_all(directory).unwrap();
    (calls, lines)
}

#[test]
fn a_warm_query_takes_five_system_calls() {
    if missing("strace") {
        return;
    }
    let program = compile("cc", &["-std=c99"], "tests/c/queries.c", "queries");
    for tls in [false, true] {
        let sim = sim_over(tls);
        let (few, _) = trace(&program, &sim, 10, &[]);
        let (many, _) = trace(&program, &sim, 110, &[]);
        // Rounded: now and then an answer comes in two parts.
        let of_each = |(name, count): (&String, &usize)| {
            let before = few.get(name).copied().unwrap_or_default();
            (name.clone(), (count.saturating_sub(before) + 50) / 100)
        };
        let mut of_a_query: BTreeMap<_, _> = many.iter().map(of_each).filter(|(_, count)| *count > 0).collect();
        // Which of the two there is, depends on the processor.
        let polls = of_a_query.remove("poll").or(of_a_query.remove("ppoll"));
        let expected = [("getpid", 1), ("recvfrom", 2), ("sendto", 1)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!((polls, of_a_query), (Some(1), expected.into()), "tls {tls}: {many:?}");
    }
}

#[test]
fn the_trust_store_is_loaded_once_and_when_it_is_needed() {
    if missing("strace") {
        return;
    }
    let program = compile("cc", &["-std=c99"], "tests/c/queries.c", "queries-store");
    let sim = with_job(Sim::builder().tls().start());
    let ca_file = sim.ca_file().to_str().unwrap().to_owned();
    // The same authority once more, as most systems have it.
    let directory = scratch("trust-store");
    fs::copy(&ca_file, directory.join("0123abcd.0")).unwrap();
    let system = [("SSL_CERT_FILE", &*ca_file), ("SSL_CERT_DIR", directory.to_str().unwrap())];
    for (count, opened) in [(0, 0), (3, 1)] {
        let (_, lines) = trace(&program, &sim, count, &system);
        assert_eq!(lines.lines().filter(|line| line.contains("open") && line.contains(&ca_file)).count(), opened);
        assert!(!lines.contains("0123abcd.0"), "the directory is not read where the file suffices");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_hundred_calls_in_flight_take_little_memory() {
    let program = compile("cc", &["-std=c99"], "tests/c/queries.c", "queries-many");
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
    // One connection's own part is below 64 KB beside what TLS needs.
    assert!(hundred < 12 * 1024, "{hundred} KB, {one} KB with one");
}

/// Growth is to be noticed: who raises the limit says what for.
const SIZE_LIMIT: u64 = 3_000_000;

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
    let program = compile("cc", &["-std=c99"], "tests/c/queries.c", "queries-counted");
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
