//! The system calls of a query, and the files that it opens.

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
fn a_warm_query_takes_four_system_calls() {
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
        let expected = [("recvfrom", 2), ("sendto", 1)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!((polls, of_a_query), (Some(1), expected.into()), "tls {tls}: {many:?}");
    }
}

#[test]
fn the_trust_store_is_loaded_once_and_when_it_is_needed() {
    if missing("strace") {
        return;
    }
    let program = compile("cc", &["-std=c99"], "tests/c/queries.c", "queries");
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
