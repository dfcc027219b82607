//! zmd-status, the command-line tool.

mod common;

use std::fs::File;

use common::*;
use zmd_sim::{End, Job, Reply, Sim};

fn ask(sim: &Sim, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = sim.url();
    run(zmd_status(&[("ZMD_API_DOMAIN", &url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0")]).args(arguments))
}

fn prints(result: (Option<i32>, String, String), exit: i32, out: &str) {
    assert_eq!(result, (Some(exit), format!("{out}\n"), String::new()));
}

#[test]
fn the_exit_status_tells_the_state() {
    let sim = sim();
    sim.add_job("Leads", "1002", Job { failed: 10, ..Job::new(50_000, 0.0) });
    sim.add_job("Leads", "1003", Job { ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    prints(ask(&sim, &["Leads", "1001"]), 0, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed");
    prints(ask(&sim, &["Leads", "1002"]), 2, "Leads 1002: RUNNING, 0 of 50000 deleted, 0 failed");
    assert_eq!(ask(&sim, &["Leads", "1003"]).0, Some(1));
}

#[test]
fn json() {
    let sim = sim();
    prints(
        ask(&sim, &["--json", "Leads", "1001"]),
        0,
        r#"{"module":"Leads","job_id":"1001","state":"COMPLETED","status":"COMPLETED","total":9,"deleted":9,"failed":0,"http_status":200}"#,
    );
    sim.next(Reply::json(200, r#"{"data":[{"Status":"A \"new\"\n\u0001 w\u00f6rd\\"}]}"#));
    let (exit, out, _) = ask(&sim, &["--json", "Leads", "1001"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (exit, &value["state"], &value["status"]),
        (Some(2), &"UNKNOWN".into(), &"A \"new\"\n\u{1} wörd\\".into())
    );
    assert!(value["total"].is_null() && value["deleted"].is_null() && value["failed"].is_null());
    let (exit, out, err) = ask(&sim, &["--json", "Leads", "error-NO_PERMISSION"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &value["error"]), (Some(3), &"ZMD_ERR_FORBIDDEN".into()));
    assert_eq!((&value["code"], &value["http_status"]), (&"NO_PERMISSION".into(), &403.into()));
    assert_eq!(err, format!("zmd-status: {}\n", value["message"].as_str().unwrap()));
}

#[test]
fn a_state_that_is_not_known_is_told_in_the_services_word() {
    let sim = sim();
    sim.next(Reply::json(200, r#"{"data":[{"Status":"PAUSED\u001b[2J","Deleted_Count":3}]}"#));
    prints(
        ask(&sim, &["Leads", "1001"]),
        2,
        "Leads 1001: PAUSED?[2J, 3 deleted, total not reported, failed not reported",
    );
}

#[test]
fn errors_go_to_stderr() {
    let sim = sim();
    let (exit, out, err) = ask(&sim, &["Leads", "4711"]);
    assert_eq!((exit, &*out), (Some(3), ""));
    assert!(err.starts_with("zmd-status: Zoho knows no job 4711 of Leads"), "{err}");
    let (exit, _, err) = run(zmd_status(&[]).args(["Leads", "1001"]));
    assert_eq!(exit, Some(3));
    assert!(err.contains("ZMD_ACCESS_TOKEN"), "{err}");
}

#[test]
fn the_command_line() {
    let (exit, out, err) = run(zmd_status(&[]).arg("--help"));
    assert_eq!((exit, &*err), (Some(0), ""));
    assert!(out.starts_with("Usage: zmd-status "), "{out}");
    assert_eq!(run(zmd_status(&[]).arg("--version")), (Some(0), "zmd-status 0.1.0\n".to_owned(), String::new()));
    for arguments in [&[][..], &["Leads"], &["Leads", "1", "2"], &["--nonsense"], &["-x", "Leads", "1"]] {
        let (exit, out, err) = run(zmd_status(&[]).args(arguments));
        assert_eq!((exit, &*out), (Some(3), ""), "{arguments:?}");
        assert!(err.starts_with("zmd-status: ") && err.contains("--help"), "{err}");
    }
    let sim = sim();
    sim.add_job("Leads", "--json", Job::new(9, f64::INFINITY));
    prints(ask(&sim, &["--", "Leads", "--json"]), 0, "Leads --json: COMPLETED, 9 of 9 deleted, 0 failed");
}

#[test]
fn a_full_disk_is_an_error() {
    let sim = sim();
    let mut command = zmd_status(&[]);
    command.env("ZMD_API_DOMAIN", sim.url()).env("ZMD_ACCESS_TOKEN", TOKEN).args(["Leads", "1001"]);
    let output = command.stdout(File::create("/dev/full").unwrap()).stderr(std::process::Stdio::piped());
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"));
}
