//! zmd-status, the command-line tool.

mod common;

use std::fs::File;

use common::*;
use zmd_sim::{End, Job, Reply, Sim};

fn ask(sim: &Sim, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = sim.url();
    run(zmd_status(&[("ZMD_API_DOMAIN", &url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0")]).args(arguments))
}

/// The tool with short pauses between its polls.
fn waiting(sim: &Sim, arguments: &[&str]) -> std::process::Command {
    let url = sim.url();
    let mut command = zmd_status(&[("ZMD_API_DOMAIN", &url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_POLL_MIN_MS", "50")]);
    command.arg("--wait").args(arguments);
    command
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

#[test]
fn several_jobs_at_once() {
    let sim = sim();
    sim.add_job("Contacts", "2", Job::new(50_000, 0.0));
    prints(
        ask(&sim, &["Leads:1001", "Contacts:2"]),
        2,
        "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\nContacts 2: RUNNING, 0 of 50000 deleted, 0 failed",
    );
    let (exit, out, err) = ask(&sim, &["--json", "Leads:4711", "Leads:1001"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((exit, lines.len()), (Some(3), 2));
    assert_eq!((&lines[0]["error"], &lines[1]["state"]), (&"ZMD_ERR_JOB_NOT_FOUND".into(), &"COMPLETED".into()));
    assert!(err.contains("4711"), "{err}");
}

#[test]
fn waiting_for_the_end() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(500, 1000.0));
    sim.add_job("Leads", "3", Job { ends: End::Failed, ..Job::new(300, 1000.0) });
    let (exit, out, err) = run(&mut waiting(&sim, &["Leads", "2"]));
    assert_eq!((exit, &*out), (Some(0), "Leads 2: COMPLETED, 500 of 500 deleted, 0 failed\n"));
    assert!(err.contains("RUNNING") && !err.contains('\r'), "no terminal, but a line for each change: {err:?}");
    let (exit, out, _) = run(&mut waiting(&sim, &["Leads:1001", "Leads:3"]));
    assert_eq!((exit, out.lines().count()), (Some(1), 2));
    assert_eq!(run(&mut waiting(&sim, &["Leads:1001", "Leads:4711"])).0, Some(3));
}

#[test]
fn waiting_to_the_end_of_the_time() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    let (took, (exit, out, err)) = timed(|| run(&mut waiting(&sim, &["--timeout", "0.6", "Leads", "2"])));
    assert_eq!(exit, Some(2));
    assert!(out.starts_with("Leads 2: RUNNING") && err.contains("time is over"), "{out}{err}");
    assert!((0.6..1.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(run(&mut waiting(&sim, &["--timeout", "0", "Leads", "2"])).0, Some(2));
    for bad in ["-1", "soon", "", "1e3"] {
        assert_eq!(run(&mut waiting(&sim, &["--timeout", bad, "Leads", "2"])).0, Some(3), "{bad}");
    }
}

#[test]
fn a_signal_cancels() {
    for (signal, expected) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let sim = sim();
        sim.add_job("Leads", "2", Job::new(50_000, 10.0));
        for job_id in ["2", "fault-stall-in-header"] {
            let before = sim.requests();
            let mut command = waiting(&sim, &["Leads", job_id]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            // The tool leaves a signal ignored that was, as it is for what a shell starts in the background.
            // SAFETY: signal() may be called between fork() and exec().
            unsafe {
                std::os::unix::process::CommandExt::pre_exec(&mut command, move || {
                    libc::signal(signal, libc::SIG_DFL);
                    Ok(())
                });
            }
            let mut child = command.spawn().unwrap();
            sim.wait_for_requests(before + 1);
            // SAFETY: the child is ours and not waited for yet.
            unsafe { libc::kill(child.id() as i32, signal) };
            let (took, status) = timed(|| child.wait().unwrap());
            assert_eq!(status.code(), Some(expected));
            assert!(took < std::time::Duration::from_millis(300), "{took:?}");
        }
    }
}

#[test]
fn a_terminal_gets_a_line_that_is_drawn_again() {
    if missing("script") {
        return;
    }
    let sim = sim();
    sim.add_job("Leads", "2", Job { failed: 5, ..Job::new(2000, 1000.0) });
    let tool = waiting(&sim, &[]).get_program().to_str().unwrap().to_owned();
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &format!("{tool} --wait Leads 2"), "/dev/null"]).env("COLUMNS", "100");
    command.env("ZMD_API_DOMAIN", sim.url()).env("ZMD_ACCESS_TOKEN", TOKEN).env("ZMD_POLL_MIN_MS", "50");
    let (exit, out, err) = run(&mut command);
    assert_eq!((exit, &*err), (Some(0), ""), "{out}");
    assert!(["\r", "2000", "#", "/s", "left", "next poll in"].iter().all(|part| out.contains(part)), "{out:?}");
    assert!(out.trim_end().ends_with("Leads 2: COMPLETED, 1995 of 2000 deleted, 5 failed"), "{out:?}");
}
