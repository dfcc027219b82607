//! What a query costs, as far as it can be counted exactly: its system calls.

mod common;

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
        let sim = with_job(if tls { Sim::builder().tls().start() } else { Sim::start() });
        let (few, _) = trace(&program, &sim, 10, &[]);
        let (many, _) = trace(&program, &sim, 110, &[]);
        let more: BTreeMap<_, _> = many
            .into_iter()
            .map(|(name, count)| (few.get(&name).map_or(count, |before| count.saturating_sub(*before)), name))
            .filter(|(count, _)| *count > 10)
            .map(|(count, name)| (name, count))
            .collect();
        let all: usize = more.values().sum();
        assert!((300..=500 + 20).contains(&all), "of 100 queries, tls {tls}: {more:?}");
        assert!(!more.contains_key("ioctl") && !more.contains_key("setsockopt"), "{more:?}");
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
    let system = [("SSL_CERT_FILE", &*ca_file), ("SSL_CERT_DIR", "/nowhere")];
    for (count, opened) in [(0, 0), (3, 1)] {
        let (_, lines) = trace(&program, &sim, count, &system);
        assert_eq!(lines.lines().filter(|line| line.contains("open") && line.contains(&ca_file)).count(), opened);
    }
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
