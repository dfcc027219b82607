//! `zmd status` and `zmd wait`: what they print, and the exit status.

use std::fs::File;
use std::io::Read;
#[cfg(unix)]
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use zmd_sim::{End, Job, Reply};

use crate::program::*;

fn prints(result: (Option<i32>, String, String), exit: i32, out: &str) {
    assert_eq!(result, (Some(exit), format!("{out}\n"), String::new()));
}

#[test]
fn the_exit_status_is_0_only_if_every_record_is_gone() {
    let sim = sim();
    sim.add_job("Leads", "2", Job { failed: 10, ..Job::new(50_000, 0.0) });
    sim.add_job("Leads", "3", Job { ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Leads", "4", Job { failed: 1, ..Job::new(12, f64::INFINITY) });
    prints(zmd_with(&sim, &["status", "Leads", "1001"]), 0, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed");
    prints(zmd_with(&sim, &["status", "Leads", "2"]), 2, "Leads 2: RUNNING, 0 of 50000 deleted, 0 failed");
    assert_eq!(zmd_with(&sim, &["status", "Leads", "3"]).0, Some(1));
    prints(zmd_with(&sim, &["status", "Leads", "4"]), 1, "Leads 4: COMPLETED, 11 of 12 deleted, 1 failed");
    // Short of the total, though nothing failed.
    let short = r#"{"data":[{"Status":"COMPLETED","Total_Count":12,"Deleted_Count":11,"Failed_Count":0}]}"#;
    sim.next(Reply::json(200, short));
    assert_eq!(zmd_with(&sim, &["status", "Leads", "1001"]).0, Some(1));
    // No counts: there is nothing to doubt, and the line says so.
    sim.next(Reply::json(200, r#"{"data":[{"Status":"COMPLETED"}]}"#));
    prints(zmd_with(&sim, &["status", "Leads", "1001"]), 0, "Leads 1001: COMPLETED, the service reported no counts");
    for (word, exit) in [("QUEUED", 2), ("SUSPENDED", 2), ("SOMETHING_NEW", 2)] {
        sim.next(Reply::json(200, &format!(r#"{{"data":[{{"Status":"{word}"}}]}}"#)));
        let (status, out, _) = zmd_with(&sim, &["status", "Leads", "1001"]);
        assert_eq!((status, out.contains(word)), (Some(exit), true));
    }
    // Of several the worst counts: a failed job, then what needs a person, what may pass, and what is not finished.
    for (jobs, exit) in [
        (&["Leads", "1001", "2"][..], 2),
        (&["Leads:error-INTERNAL_ERROR", "Leads:2", "Leads:1001"], 3),
        (&["Leads:4711", "Leads:error-INTERNAL_ERROR", "Leads:2", "Leads:1001"], 4),
        (&["Leads:4", "Leads:4711", "Leads:error-INTERNAL_ERROR", "Leads:2"], 1),
    ] {
        assert_eq!(run(asking(&sim, &["status"]).args(jobs)).0, Some(exit), "{jobs:?}");
    }
}

#[test]
fn what_the_service_says_cannot_write_to_the_terminal() {
    let sim = sim();
    sim.next(Reply::json(200, r#"{"data":[{"Status":"PAUSED\u001b[2J","Deleted_Count":3}]}"#));
    let (_, out, _) = zmd_with(&sim, &["status", "Leads", "1001"]);
    assert!(out.contains("PAUSED") && !out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn jobs_in_every_form() {
    let sim = sim();
    sim.add_job("Contacts", "2", Job::new(5, f64::INFINITY));
    let both = "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\nContacts 2: COMPLETED, 5 of 5 deleted, 0 failed\n";
    assert_eq!(zmd_with(&sim, &["status", "Leads:1001", "Contacts:2"]).1, both);
    for (arguments, input) in [
        (&["status", "-"][..], "Leads:1001\nContacts:2\n"),
        (&["status", "-"], "Leads 1001\r\n\n  Contacts   2  \n"),
        (&["status"], "Leads:1001\nContacts:2"),
    ] {
        let (exit, out, err) = run_with(&mut asking(&sim, arguments), input);
        assert_eq!((exit, &*out, &*err), (Some(0), both, ""), "{arguments:?} {input:?}");
    }
    let (exit, out, _) = run_with(&mut asking(&sim, &["status", "Leads", "-"]), "1001\n1001\n");
    assert_eq!((exit, out.lines().count()), (Some(0), 2));
    // Thousands of them.
    let many: String = (0..3000).map(|_| "Leads:1001\n").collect();
    let (exit, out, _) = run_with(&mut asking(&sim, &["status", "-"]), &many);
    assert_eq!((exit, out.lines().count()), (Some(0), 3000));
    let list = Directory::new("list");
    let list = list.file("list", "# the night's\nLeads:1001\nContacts;2\n");
    assert_eq!(zmd_with(&sim, &["status", "--file", &list]).1, both);
    // One that is none is named, and disturbs no other.
    let (exit, out, err) = zmd_with(&sim, &["status", "Sales Orders:1", "Leads:1001"]);
    assert_eq!((exit, out.lines().count()), (Some(4), 1));
    assert!(err.contains("Sales_Orders"), "{err}");
}

#[test]
fn the_command_line() {
    for arguments in [&["--help"][..], &["status", "--help"], &["wait", "--help"], &["--version"]] {
        let (exit, out, err) = run(zmd("/nonexistent".as_ref(), &[]).args(arguments));
        assert!(exit == Some(0) && out.contains(|c: char| c.is_alphabetic()) && err.is_empty(), "{arguments:?}");
    }
    for (arguments, message) in [
        (&["stauts", "Leads", "1"][..], "'status'"),
        (&["status", "--jsn", "Leads", "1"], "--json"),
        (&["wait", "--timeout", "soon", "Leads", "1"], "90s, 15m, 4h"),
        (&["wait", "--timeout=-1", "Leads", "1"], "90s, 15m, 4h"),
    ] {
        let (exit, out, err) = run(zmd("/nonexistent".as_ref(), &[]).args(arguments));
        assert_eq!((exit, &*out), (Some(4), ""), "{arguments:?}");
        assert!(err.contains(message), "{err}");
    }
    // A mistyped module gets a suggestion, too.
    let sim = sim();
    let (exit, _, err) = zmd_with(&sim, &["status", "Laeds", "1001"]);
    assert!(exit == Some(4) && err.contains("Leads"), "{err}");
}

#[test]
fn without_credentials_it_says_what_to_do() {
    let (exit, out, err) = run(zmd("/nonexistent".as_ref(), &[]).args(["status", "Leads", "1001"]));
    assert_eq!((exit, &*out), (Some(4), ""));
    assert!(err.contains("zmd login"), "{err}");
}

#[test]
fn waiting_for_the_end() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(500, f64::INFINITY));
    sim.add_job("Leads", "3", Job { ends: End::Failed, ..Job::new(300, 1000.0) });
    sim.next(running(5, 500));
    let (exit, out, err) = zmd_with(&sim, &["wait", "Leads", "2"]);
    assert_eq!((exit, &*out), (Some(0), "Leads 2: COMPLETED, 500 of 500 deleted, 0 failed\n"));
    // No terminal, but a line with the time for each change. The result is not among them.
    assert!(err.contains("RUNNING") && !err.contains(['\r', '\u{1b}']) && !err.contains("COMPLETED"), "{err:?}");
    let time: Vec<_> = err.split([':', ' ']).take(3).collect();
    assert!(time.iter().all(|part| part.len() == 2 && part.parse::<u8>().is_ok()), "{err}");
    let (exit, out, _) = zmd_with(&sim, &["wait", "Leads:1001", "Leads:3"]);
    assert_eq!((exit, out.lines().count()), (Some(1), 2));
    assert_eq!(zmd_with(&sim, &["wait", "Leads:1001", "Leads:4711"]).0, Some(4));
}

#[test]
fn quiet_prints_what_is_not_successful() {
    let sim = sim();
    sim.add_job("Leads", "4", Job { failed: 1, ..Job::new(12, f64::INFINITY) });
    sim.add_job("Leads", "5", Job::new(100, 1000.0));
    assert_eq!(zmd_with(&sim, &["wait", "--quiet", "Leads", "5"]), (Some(0), String::new(), String::new()));
    let left = "Leads 4: COMPLETED, 11 of 12 deleted, 1 failed";
    prints(zmd_with(&sim, &["wait", "-q", "Leads", "1001", "4"]), 1, left);
    prints(zmd_with(&sim, &["status", "-q", "Leads", "1001", "4"]), 1, left);
    let (exit, out, err) = zmd_with(&sim, &["status", "-q", "Leads:4711", "Leads:1001"]);
    assert!(exit == Some(4) && out.is_empty() && err.contains("4711"), "{out}{err}");
}

#[test]
fn a_wait_can_end_at_the_first_job() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    sim.add_job("Leads", "3", Job { failed: 2, ..Job::new(300, f64::INFINITY) });
    // The others are not finished, with their last status if there is one.
    for bad in ["3", "4711"] {
        let (exit, out, err) = zmd_with(&sim, &["wait", "--fail-fast", "Leads", "2", bad]);
        assert_eq!(exit, Some(if bad == "3" { 1 } else { 4 }), "{out}{err}");
        assert!(format!("{out}{err}").contains(&format!("Leads {bad}: ")), "{out}{err}");
    }
    assert_eq!(zmd_with(&sim, &["wait", "--fail-fast", "Leads", "2", "not valid"]).0, Some(4));
    let any = zmd_with(&sim, &["wait", "--progress=none", "--any", "Leads", "2", "1001"]);
    prints(any, 0, "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed");
    assert_eq!(zmd_with(&sim, &["wait", "--any", "Leads", "2", "3"]).0, Some(1));
}

#[test]
fn many_jobs_have_a_summary() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 0.0));
    let (exit, out, err) = zmd_with(&sim, &["status", "Leads", "1001", "1001", "1001", "2", "4711"]);
    assert_eq!((exit, out.lines().count()), (Some(4), 4));
    assert!(err.ends_with("\n5 jobs: 3 successful, 1 not finished, 1 with errors\n"), "{err}");
}

#[test]
fn the_log_goes_to_standard_error() {
    let sim = sim();
    let (_, out, err) = zmd_with(&sim, &["-vv", "status", "Leads", "1001"]);
    assert!(out.starts_with("Leads 1001: ") && err.contains(" debug: job 1001 of Leads: COMPLETED"), "{err}");
    assert!(!err.contains(TOKEN));
    let (_, _, err) = zmd_with(&sim, &["wait", "-v", "Leads", "1001"]);
    assert!(err.contains("calls 1, polls 1, retries 0, ") && err.contains("connections 1, "), "{err}");
    let (_, _, err) = run(asking(&sim, &["status", "Leads", "1001"]).env("ZMD_LOG", "debug"));
    assert!(err.contains(" debug: job 1001"), "{err}");
    let (exit, _, err) = run(asking(&sim, &["status", "Leads", "1001"]).env("ZMD_LOG", "much"));
    assert!(exit == Some(4) && err.contains("ZMD_LOG takes"), "{err}");
}

#[test]
fn a_file_gets_what_is_logged_whatever_standard_error_shows() {
    let sim = sim();
    let home = Directory::new("log");
    let log = home.0.join("zmd.log");
    let logged = |options: &[&str], level: &str| {
        let mut command = asking(&sim, &["wait"]);
        command.args(options).args(["Leads", "1001"]).env("ZMD_LOG_FILE", &log).env("ZMD_LOG_LEVEL", level);
        let (exit, _, err) = run(&mut command);
        assert_eq!((exit, err.contains("the wait has ended")), (Some(0), options == ["-v"]), "{err}");
        let all = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert!(all.contains("a wait begins") && all.contains("the wait has ended after"), "{all}");
        all.contains(" ms, total ")
    };
    for options in [&["--quiet"][..], &["-v"]] {
        assert_eq!([logged(options, "info"), logged(options, "debug")], [false, true], "{options:?}");
    }
}

#[test]
fn colors() {
    let sim = sim();
    let has_color = |arguments: &[&str], variables: &[(&str, &str)]| {
        let (_, out, _) =
            run(asking(&sim, arguments).args(["status", "Leads", "1001"]).envs(variables.iter().copied()));
        out.contains("\u{1b}[32mCOMPLETED")
    };
    assert!(!has_color(&[], &[]));
    assert!(has_color(&["--color=always"], &[("NO_COLOR", "1")]));
    assert!(has_color(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!has_color(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!has_color(&["--color=never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn waiting_to_the_end_of_the_time() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    let (exit, out, err) = zmd_with(&sim, &["wait", "--timeout", "0", "Leads", "2"]);
    assert_eq!(exit, Some(2));
    assert!(out.starts_with("Leads 2: RUNNING") && err.ends_with("the job has not ended\n"), "{out}{err}");
    let begin = Instant::now();
    assert_eq!(zmd_with(&sim, &["wait", "--timeout", "0.3", "Leads", "2"]).0, Some(2));
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_wait_whose_polls_fail_says_so_with_the_next_try() {
    let sim = sim();
    for _ in 0..2 {
        sim.next(Reply::Error("INTERNAL_ERROR"));
    }
    let (exit, _, err) = zmd_with(&sim, &["wait", "Leads", "1001"]);
    assert_eq!(exit, Some(0));
    assert!(err.contains("INTERNAL_ERROR") && err.contains("next"), "{err}");
}

#[test]
fn a_full_disk_is_an_error() {
    let sim = sim();
    for arguments in [&["status", "Leads", "1001"][..], &["status", "--json", "Leads", "1001"]] {
        let mut command = asking(&sim, arguments);
        let output = command.stdout(File::create("/dev/full").unwrap()).stderr(Stdio::piped());
        let output = output.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("standard output"), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let sim = sim();
    let many: String = (0..2000).map(|_| "Leads:1001\n").collect();
    let directory = Directory::new("pipe");
    let list = directory.file("list", &many);
    let mut command = asking(&sim, &["status", "-"]);
    let mut child =
        command.stdin(File::open(list).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!((signal, String::from_utf8(output.stderr).unwrap()), (Some(libc::SIGPIPE), String::new()));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_by_that_signal() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let sim = sim();
        sim.add_job("Leads", "2", Job::new(50_000, 10.0));
        for arguments in [
            ["wait", "Leads", "2"],
            ["wait", "Leads", "fault-stall-in-header"],
            ["status", "Leads", "fault-stall-in-header"],
        ] {
            let before = sim.requests();
            let mut command = asking(&sim, &arguments);
            with_default_signals(&mut command).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            sim.wait_for_requests(before + 1);
            // SAFETY: the child is ours and not waited for yet.
            unsafe { libc::kill(child.id() as i32, signal) };
            let status = child.wait().unwrap();
            assert_eq!((status.code(), status.signal()), (None, Some(signal)));
        }
    }
}

/// The first signal cancels the wait; what is blocked in its output is ended by the second one.
#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_what_is_blocked() {
    use std::os::fd::AsRawFd;
    let sim = sim();
    let directory = Directory::new("blocked");
    let list = directory.file("list", &"Leads:1001\n".repeat(1000));
    let mut command = asking(&sim, &["wait", "--progress=plain", "--file", &list]);
    with_default_signals(&mut command).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let pipe = child.stdout.take().unwrap();
    // SAFETY: it takes no pointer.
    let size = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    let mut filled = 0;
    // A line that does not fit whole is not written in part.
    while filled < size - 100 {
        // SAFETY: FIONREAD writes an int.
        unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD as _, &mut filled) };
        std::thread::sleep(Duration::from_millis(5));
    }
    let limit = Instant::now() + Duration::from_secs(60);
    let status = loop {
        // SAFETY: the child is ours and not waited for yet.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
        std::thread::sleep(Duration::from_millis(50));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(Instant::now() < limit || child.kill().is_err(), "it is blocked still"),
        }
    };
    assert_eq!(status.signal(), Some(libc::SIGTERM));
}

/// The first process of a container is not ended by a signal that it does not handle.
#[cfg(unix)]
#[test]
fn a_signal_ends_the_first_process_of_a_container() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        for arguments in [["wait", "Leads", "2"], ["status", "Leads", "fault-stall-in-header"]] {
            let before = sim.requests();
            let program = asking(&sim, &arguments);
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
            command.arg(program.get_program()).args(program.get_args()).env_clear().env("PATH", "/usr/bin:/bin");
            command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let started = with_default_signals(&mut command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let Ok(mut child) = started else { return missing("unshare").unwrap_or_default() };
            while sim.requests() == before {
                if child.try_wait().unwrap().is_some() {
                    return missing("a user namespace for unshare").unwrap_or_default();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let path = format!("/proc/{0}/task/{0}/children", child.id());
            let inner: i32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
            // SAFETY: its parent, which is our child, has not waited for it yet.
            unsafe { libc::kill(inner, signal) };
            assert_eq!(child.wait().unwrap().code(), Some(128 + signal), "{arguments:?}");
        }
    }
}

/// What a shell starts in the background ignores Ctrl-C.
#[cfg(unix)]
fn with_default_signals(command: &mut Command) -> &mut Command {
    // SAFETY: signal() may be called between fork() and exec().
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        })
    }
}
