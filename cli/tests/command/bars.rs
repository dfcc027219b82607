//! What a terminal shows during a wait.

use zmd_sim::{Job, Sim};

use crate::program::*;
use crate::terminal::Terminal;

/// What a terminal of this width shows in the end, and everything that was written to it.
fn on_a_terminal(sim: &Sim, width: u16, environment: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let mut terminal = Terminal::start(asking(sim, arguments).envs(environment.iter().copied()), width);
    (terminal.end(), terminal.screen(""), terminal.text())
}

#[test]
fn a_terminal_gets_a_bar_that_is_drawn_again_and_leaves_nothing_behind() {
    for width in [100, 60, 40] {
        let sim = sim();
        sim.add_job("Leads", "2", Job::new(2000, f64::INFINITY));
        for deleted in [100, 600, 1100] {
            sim.next(running(deleted, 2000));
        }
        // Long enough for a forecast.
        let pause = [("ZMD_POLL_MIN_MS", "150")];
        let (exit, screen, written) = on_a_terminal(&sim, width, &pause, &["wait", "Leads", "2"]);
        assert_eq!(exit, 0, "{screen}");
        let lines: Vec<_> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
        // A narrow terminal breaks the result's line, which is one all the same.
        assert!(lines.concat().contains("Leads 2: COMPLETED, 2000 of 2000 deleted, 0 failed"), "{width}: {screen}");
        assert!(lines.len() <= 2, "{width}: {screen}");
        // What does not fit is cut.
        for part in ["2000", "\u{1b}[", " left"].iter().take(if width < 60 { 2 } else { 3 }) {
            assert!(written.contains(part), "{width}: no {part:?} in {written:?}");
        }
    }
}

/// At Ctrl-C, a terminal shows ^C where the cursor is, and discards output that is on its way to the screen.
#[test]
fn ctrl_c_leaves_no_bar_behind() {
    let sim = sim();
    let ids: Vec<_> = (2..12).map(|id| id.to_string()).collect();
    for id in &ids {
        sim.add_job("Leads", id, Job::new(50_000, 10.0));
    }
    let wait: Vec<_> = ["wait", "--color=never", "Leads"].into_iter().chain(ids.iter().map(|id| &**id)).collect();
    let (two, ten) = (&wait[..5], &wait[..]);
    let interrupted = |moment: usize| {
        // Now and then the terminal is slow: what it can't take is on its way when Ctrl-C is typed.
        let is_slow = moment.is_multiple_of(20);
        let mut command = asking(&sim, if is_slow { ten } else { two });
        let mut terminal = Terminal::start(command.env("ZMD_POLL_MAX_MS", "50"), 80);
        terminal.expect("of 50000");
        // So many bytes later.
        let target = terminal.written.len() + 3 * (moment % 80);
        while terminal.written.len() < target {
            terminal.read(target - terminal.written.len());
        }
        if is_slow {
            terminal.fill();
        }
        terminal.type_keys("\u{3}");
        assert_eq!(terminal.end(), 128 + libc::SIGINT);
        let screen = terminal.screen("above\r\n");
        let mut lines: Vec<_> = screen.trim().lines().collect();
        let (first, last) = (lines.remove(0), lines.pop());
        // The last status of each job.
        let is_of_job = |line: &str| {
            line.starts_with("Leads ") && (line.ends_with(" deleted, 0 failed") || line.ends_with(": no response yet"))
        };
        let are_statuses = lines.iter().all(|line| is_of_job(line) || line.starts_with("10 jobs: "));
        let is_good = first == "above" && are_statuses && last == Some("zmd: interrupted: the jobs continue");
        (!is_good).then(|| (moment, screen, terminal.text()))
    };
    let broken: Vec<_> = std::thread::scope(|scope| {
        let of_thread = |first| move || (first..240).step_by(4).filter_map(interrupted).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|first| scope.spawn(of_thread(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(broken.is_empty(), "{} of 240: {:#?}", broken.len(), broken.first());
}

/// What has ended is printed above the rows, when it has.
#[test]
fn results_appear_above_the_rows() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    sim.add_job("Leads", "3", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    // One row for all of them.
    let ids = ["2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "2", "3"];
    for jobs in [&ids[..], &["2", "3"]] {
        let mut terminal = Terminal::start(asking(&sim, &["wait", "--color=never", "Leads"]).args(jobs), 100);
        terminal.expect("Leads 3: COMPLETED, 7 of 9 deleted, 2 failed");
        terminal.expect("% ");
        terminal.expect("\r\n");
        let screen = terminal.screen("above\r\n");
        let mut lines = screen.lines();
        assert_eq!(lines.next(), Some("above"), "{screen}");
        assert_eq!(lines.next(), Some("Leads 3: COMPLETED, 7 of 9 deleted, 2 failed"), "{screen}");
        let row = lines.next().unwrap();
        assert!(row.starts_with("Leads 2 ") || row.contains("12 jobs ") && row.contains("1 unsuccessful"), "{screen}");
    }
}

/// After Ctrl-Z and fg the bars are drawn anew, below what the shell has printed, and leave nothing behind in the end.
#[test]
fn bars_come_back_after_ctrl_z() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 10.0));
    sim.add_job("Leads", "3", Job::new(50_000, 20.0));
    let Some(mut terminal) = Terminal::start_in_shell(&mut asking(&sim, &["wait", "Leads", "2", "3"]), 80) else {
        return;
    };
    terminal.expect("of 50000");
    terminal.type_keys("\u{1a}");
    terminal.expect("Stopped");
    terminal.expect("$ ");
    let screen = terminal.screen("");
    assert!(!screen.contains("elapsed") && screen.contains("Stopped"), "{screen}");
    terminal.type_keys("echo between\n");
    terminal.expect("\nbetween");
    terminal.expect("$ ");
    terminal.type_keys("fg\n");
    terminal.expect("of 50000");
    assert!(!terminal.echoes());
    terminal.type_keys("\u{3}");
    terminal.expect("interrupted");
    terminal.expect("$ ");
    let screen = terminal.screen("");
    assert!(!screen.contains("elapsed"), "{screen}");
    assert!(screen.contains("\nbetween\n$ fg\n"), "{screen}");
    terminal.type_keys("exit\n");
    terminal.end();
}

#[test]
fn progress_is_shown_as_asked_for() {
    let sim = sim();
    for (how, has_rows, has_lines) in
        [("auto", true, false), ("bar", true, false), ("plain", false, true), ("none", false, false)]
    {
        sim.next(running(3, 9));
        let how = format!("--progress={how}");
        let (exit, _, written) = on_a_terminal(&sim, 100, &[], &["wait", "--color=never", &how, "Leads", "1001"]);
        let shown = (exit, written.contains('\u{1b}'), written.contains(" Leads 1001: RUNNING, 3 of 9 deleted"));
        assert_eq!(shown, (0, has_rows, has_lines), "{how}: {written:?}");
    }
    // Without a terminal, bars are lines.
    sim.next(running(3, 9));
    let (_, _, err) = zmd_with(&sim, &["wait", "--progress=bar", "Leads", "1001"]);
    assert!(err.contains(" Leads 1001: RUNNING"), "{err}");
}

#[test]
fn no_color_is_respected() {
    let sim = sim();
    let color = |written: &str| written.contains("\u{1b}[3") || written.contains("\u{1b}[1m");
    sim.add_job("Leads", "2", Job::new(500, 1000.0));
    let (_, _, written) = on_a_terminal(&sim, 100, &[("NO_COLOR", "1")], &["wait", "Leads", "2"]);
    assert!(!color(&written), "{written:?}");
    sim.add_job("Leads", "3", Job::new(500, 1000.0));
    let (_, _, written) = on_a_terminal(&sim, 100, &[], &["wait", "Leads", "3"]);
    assert!(color(&written), "{written:?}");
}
