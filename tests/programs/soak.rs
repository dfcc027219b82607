//! Many threads and processes at once, for a while: `make soak` takes a minute, `make test` two seconds.

use std::process::Command;

use common::*;
use zmd_sim::{Job, Sim};

fn soak(seconds: &str, sim: Sim) {
    if missing("gdb") {
        return;
    }
    sim.accept_token(TOKEN);
    for number in 1..=64 {
        sim.add_job("Leads", &number.to_string(), Job::new(1000 + number, f64::INFINITY));
        sim.add_job("Leads", &(100 + number).to_string(), Job::new(5100 + number, 0.0));
    }
    let program = compile("gcc", &["-std=c11", "-D_GNU_SOURCE"], "tests/c/soak_test.c", "soak_test");
    let (exit, out, err) = run(environment(&mut Command::new(program), &sim)
        .args([seconds, "64"])
        .args(is_sanitized().then_some("without-fork")));
    show(&err);
    assert_eq!((exit, out.trim()), (Some(0), "ok soak_test"));
}

#[test]
fn sixty_four_threads_do_everything_at_once() {
    soak("1", Sim::start());
    soak("1", Sim::builder().tls().start());
}

#[test]
#[ignore = "a minute and more: make soak"]
fn sixty_four_threads_do_everything_for_a_long_time() {
    let seconds = std::env::var("SOAK_SECONDS").unwrap_or_else(|_| "60".to_owned());
    soak(&seconds, Sim::start());
    soak(&seconds, Sim::builder().tls().start());
}
