//! Waiting and cancelling, through the C API. A wait of an hour is tested in core/src/client/poller.rs.

use std::collections::HashSet;
use std::net::TcpListener;
use std::ptr::{null, null_mut};
use std::thread;
use std::time::{Duration, Instant};

use common::abi::zmd_error::{self, *};
use common::abi::*;
use common::*;
use zmd_sim::{AtAccept, Clock, End, Fault, Job, Reply, Sim, Unanswered};

#[test]
fn a_wait_returns_when_the_job_has_ended() {
    let sim = with_job(Sim::builder().clock(Clock::driven()).start());
    sim.add_job("Leads", "2", Job { failed: 10, ..Job::new(1000, 1.0) });
    let client = Client::of(&sim, &QUICK);
    let mut polls = Vec::new();
    let (answer, result) = client.wait("Leads", "2", -1, &mut |index, answer, failed| {
        assert_eq!((index, failed), (0, None));
        polls.push(answer);
        sim.clock().advance(Duration::from_secs(300));
        true
    });
    assert_eq!((result, answer.state, answer.deleted, answer.failed), (Ok(()), 3, 990, 10));
    assert_eq!((polls.last(), sim.requests()), (Some(&answer), 5));
    let seen: Vec<_> = polls.iter().map(|answer| (answer.state, answer.deleted + answer.failed)).collect();
    assert_eq!(seen, [(2, 0), (2, 300), (2, 600), (2, 900), (3, 1000)]);
    assert_eq!(sim.connections(), 1);
}

#[test]
fn a_failed_job_ends_a_wait() {
    let sim = sim();
    sim.add_job("Leads", "2", Job { ends: End::Failed, ..Job::new(9, f64::INFINITY) });
    let (answer, result) = Client::of(&sim, &QUICK).wait("Leads", "2", -1, &mut ignore);
    assert_eq!((result, answer.state), (Ok(()), 4));
}

#[test]
fn a_wait_that_times_out_returns_the_last_status() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(1_000_000, 1000.0));
    let client = Client::of(&sim, &QUICK);
    let (answer, result) = client.wait("Leads", "2", 0, &mut ignore);
    assert_eq!((answer.state, result.unwrap_err().error, sim.requests()), (2, ZMD_ERR_TIMEOUT, 1));
    // The limit may end a poll that is in flight, which fails then, and which the service counts at some time.
    let mut last = Answer::of_failure(0);
    let (took, (answer, result)) = timed(|| {
        client.wait("Leads", "2", 1000, &mut |_, answer, failed| {
            match failed {
                None => last = answer,
                Some(failed) => assert_eq!(failed.error, ZMD_ERR_TIMEOUT),
            }
            true
        })
    });
    assert_eq!((result.unwrap_err().error, answer), (ZMD_ERR_TIMEOUT, last));
    assert!(took.at_least(Duration::from_secs(1)) && took.at_most(Duration::from_millis(1100)), "{took:?}");
}

#[test]
fn a_poll_that_hangs_does_not_delay_the_timeout() {
    let sim = sim();
    let client = Client::of(&sim, &QUICK);
    let (took, (answer, result)) = timed(|| client.wait("Leads", "fault-stall-before-header", 400, &mut ignore));
    let failed = result.unwrap_err();
    assert_eq!((failed.error, answer), (ZMD_ERR_TIMEOUT, Answer::of_failure(0)));
    assert!(took.at_least(Duration::from_millis(400)) && took.at_most(Duration::from_millis(500)), "{took:?}");
}

#[test]
fn the_callback_is_called_for_transient_failures() {
    let sim = sim();
    for reply in [Reply::Error("INTERNAL_ERROR"), Reply::Fault(Fault::Close), Reply::json(200, "<html>")] {
        sim.next(reply);
    }
    let mut polls = Vec::new();
    let (answer, result) = Client::of(&sim, &QUICK).wait("Leads", "1001", -1, &mut |_, answer, failed| {
        // The last error is that of the poll while the callback runs.
        polls.push((failed.map(|failed| failed.error), answer.http_status));
        true
    });
    assert_eq!((answer, result), (Answer::completed(), Ok(())));
    let (server, bad) = (Some(ZMD_ERR_SERVER), Some(ZMD_ERR_BAD_RESPONSE));
    // The closed connection was a pooled one, which was replaced without a failure.
    assert_eq!(polls, [(server, 500), (bad, 200), (None, 200)]);
}

#[test]
fn a_permanent_failure_ends_the_wait() {
    let sim = sim();
    let client = Client::of(&sim, &QUICK);
    for (job_id, error) in [
        ("error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED),
        ("error-NO_PERMISSION", ZMD_ERR_FORBIDDEN),
        ("7", ZMD_ERR_JOB_NOT_FOUND),
    ] {
        let before = sim.requests();
        let (answer, result) = client.wait("Leads", job_id, -1, &mut ignore);
        assert_eq!((result.unwrap_err().error, sim.requests()), (error, before + 1));
        assert_eq!(answer, Answer::of_failure(answer.http_status));
    }
    assert_eq!(client.wait("Sales Orders", "1", -1, &mut ignore).1.unwrap_err().error, ZMD_ERR_INVALID_ARGUMENT);
}

#[test]
fn the_callback_may_call_any_function_and_end_the_wait() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(1_000_000, 1000.0));
    let (client, other) = (Client::of(&sim, &QUICK), Client::of(&sim, &[]));
    let mut polls = 0;
    let (answer, result) = client.wait("Leads", "2", -1, &mut |_, _, _| {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        assert_eq!(other.failure("Leads", "7").0.error, ZMD_ERR_JOB_NOT_FOUND);
        polls += 1;
        polls < 3
    });
    assert_eq!((result.unwrap_err().error, answer.state, polls), (ZMD_ERR_CANCELLED, 2, 3));
    // Only that wait has ended: the client still works.
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(client.wait("Leads", "1001", -1, &mut ignore).1, Ok(()));
}

#[test]
fn a_callback_that_ends_wait_many_cancels_the_polls_in_flight() {
    let sim = sim();
    let client = Client::of(&sim, &QUICK);
    let jobs = [("Leads", "1001"), ("Leads", "fault-stall-before-header"), ("Leads", "fault-stall-in-body")];
    thread::scope(|scope| {
        // A call of another thread is not affected.
        let other = scope.spawn(|| client.failure("Leads", "fault-stall-before-header").0.error);
        sim.wait_for_requests(1);
        let mut ended = None;
        let (_, errors, result) = client.wait_many(&jobs, -1, &mut |index, _, _| {
            assert_eq!(index, 0);
            sim.wait_for_requests(4);
            ended = Some(Instant::now());
            false
        });
        let took = ended.unwrap().elapsed();
        assert!(took < AT_ONCE, "{took:?}");
        assert_eq!(errors, [ZMD_OK, ZMD_ERR_CANCELLED, ZMD_ERR_CANCELLED]);
        assert_eq!(result.unwrap_err().error, ZMD_ERR_CANCELLED);
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        client.cancel();
        assert_eq!(other.join().unwrap(), ZMD_ERR_CANCELLED);
    });
}

/// Cancels `client` during `call`, after `ready` has returned, and returns how long the call took to return after that.
fn cancelled(client: &Client, ready: impl FnOnce() + Send, call: impl FnOnce() -> zmd_error) -> Took {
    thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            ready();
            thread::sleep(Duration::from_millis(50));
            timed(|| client.cancel()).0
        });
        let (took, error) = timed(call);
        assert_eq!(error, ZMD_ERR_CANCELLED);
        let took = took.since(&canceller.join().unwrap());
        // Later calls return at once, and a second cancel does nothing.
        client.cancel();
        let (later, failed) = timed(|| client.failure("Leads", "1001").0);
        assert!(failed.error == ZMD_ERR_CANCELLED && later.at_most(Duration::from_millis(50)), "{later:?} {failed:?}");
        let (_, errors, _) = client.status_many(&[("Leads", "1001"); 3]);
        assert_eq!(errors, [ZMD_ERR_CANCELLED; 3]);
        took
    })
}

fn error_of(result: Result<(), Failed>) -> zmd_error {
    result.err().map_or(ZMD_OK, |failed| failed.error)
}

#[test]
fn a_cancel_ends_a_call_in_every_phase() {
    let limit = Duration::from_millis(100);
    for fault in ["stall-before-header", "stall-in-header", "stall-in-body", "slow-forever"] {
        for tls in [false, true] {
            let sim = sim_over(tls);
            let client = Client::of(&sim, &[]);
            let call = || error_of(client.status("Leads", &format!("fault-{fault}")).map(|_| ()));
            let took = cancelled(&client, || sim.wait_for_requests(1), call);
            assert!(took.at_most(limit), "{fault}, tls {tls}: {took:?}");
        }
    }

    // In the TLS handshake.
    let sim = Sim::builder().tls().start();
    sim.at_accept(AtAccept::StallBeforeTls);
    let client = Client::of(&sim, &[]);
    let took = cancelled(&client, || {}, || error_of(client.status("Leads", "1001").map(|_| ())));
    assert!(took.at_most(limit), "handshake: {took:?}");

    // In the pause between two attempts.
    let sim = common::sim();
    sim.next(Reply::Error("TOO_MANY_REQUESTS").header("Retry-After", "20"));
    let client = Client::of(&sim, &[]);
    let took = cancelled(&client, || sim.wait_for_requests(1), || error_of(client.status("Leads", "1001").map(|_| ())));
    assert!(took.at_most(limit), "back-off: {took:?}");

    // Between two polls.
    let sim = common::sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &[("poll_min_ms", "20000")]);
    let took =
        cancelled(&client, || sim.wait_for_requests(1), || error_of(client.wait("Leads", "2", -1, &mut ignore).1));
    assert!(took.at_most(limit), "wait: {took:?}");

    // While connecting.
    let unanswered = Unanswered::new("127.0.0.1:0");
    let client = Client::of(&sim, &[("api_domain", &unanswered.url())]);
    let took = cancelled(&client, || {}, || error_of(client.status("Leads", "1001").map(|_| ())));
    assert!(took.at_most(limit), "connect: {took:?}");

    // While waiting for a proxy.
    let sim = with_job(Sim::builder().tls().start());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::of(&sim, &[("proxy", &proxy)]);
    let took = cancelled(&client, || {}, || error_of(client.status("Leads", "1001").map(|_| ())));
    assert!(took.at_most(limit), "proxy: {took:?}");
}

#[test]
fn a_cancel_ends_the_wait_for_a_token() {
    let limit = Duration::from_millis(100);
    let directory = scratch("cancel");
    let cache = directory.join("tokens").to_str().unwrap().to_owned();
    for with_cache in [false, true] {
        let sim = with_job(Sim::builder().refresh_token("refresh", "id", "secret").start());
        let url = sim.url();
        let mut settings = vec![
            ("accounts_url", &*url),
            ("refresh_token", "refresh"),
            ("client_id", "id"),
            ("client_secret", "secret"),
        ];
        // Either the accounts server hangs, or another process holds the lock. A second thread waits for the first.
        let held = std::fs::File::create(directory.join("tokens.lock")).unwrap();
        if with_cache {
            settings.push(("token_cache", &cache));
            held.lock().unwrap();
        }
        sim.next_token(Reply::Fault(Fault::StallBeforeHeader));
        let client = Client::new(&settings).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                client.failure("Leads", "1001").0.error
            });
            let took = cancelled(&client, || {}, || error_of(client.status("Leads", "1001").map(|_| ())));
            assert!(took.at_most(limit), "{took:?}");
            assert_eq!(second.join().unwrap(), ZMD_ERR_CANCELLED);
        });
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_idle_client_can_be_cancelled_and_freed() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    client.cancel();
    client.cancel();
    let (answer, result) = client.wait("Leads", "1001", -1, &mut ignore);
    assert_eq!((answer, result.unwrap_err().error), (Answer::of_failure(0), ZMD_ERR_CANCELLED));
    assert_eq!(sim.requests(), 0);
    drop(client);
}

#[test]
fn a_clone_is_cancelled_alone() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &QUICK);
    let clone = client.try_clone().unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| error_of(client.wait("Leads", "2", 600, &mut ignore).1));
        let mut polls = 0;
        let (_, result) = clone.wait("Leads", "2", -1, &mut |_, _, _| {
            polls += 1;
            if polls == 3 {
                clone.cancel();
            }
            true
        });
        assert_eq!(error_of(result), ZMD_ERR_CANCELLED);
        assert_eq!(clone.failure("Leads", "1001").0.error, ZMD_ERR_CANCELLED);
        assert_eq!(clone.try_clone().err().unwrap().error, ZMD_ERR_CANCELLED);
        assert_eq!(other.join().unwrap(), ZMD_ERR_TIMEOUT);
    });
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn a_cancel_cancels_the_clones_and_their_clones() {
    let sim = sim();
    let client = Client::of(&sim, &QUICK);
    let clone = client.try_clone().unwrap();
    let of_the_clone = clone.try_clone().unwrap();
    let idle = clone.try_clone().unwrap();
    // The clone in between may be freed.
    drop(clone);
    let call = || error_of(of_the_clone.status("Leads", "fault-stall-in-body").map(|_| ()));
    let took = thread::scope(|scope| {
        let waiting = scope.spawn(|| timed(call));
        sim.wait_for_requests(1);
        let (cause, ()) = timed(|| client.cancel());
        let (took, error) = waiting.join().unwrap();
        assert_eq!(error, ZMD_ERR_CANCELLED);
        took.since(&cause)
    });
    assert!(took.at_most(Duration::from_millis(100)), "{took:?}");
    assert_eq!(idle.failure("Leads", "1001").0.error, ZMD_ERR_CANCELLED);
    assert_eq!(client.try_clone().err().unwrap().error, ZMD_ERR_CANCELLED);
}

/// No clone escapes the cancel, whichever comes first.
#[test]
fn a_clone_made_during_a_cancel_is_cancelled_or_refused() {
    let sim = sim();
    for _ in 0..200 {
        let client = Client::of(&sim, &[]);
        let clones: Vec<_> = thread::scope(|scope| {
            let makers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| std::iter::from_fn(|| client.try_clone().ok()).take(1000).collect::<Vec<_>>()))
                .collect();
            client.cancel();
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
        });
        for clone in clones {
            assert_eq!(clone.failure("Leads", "1001").0.error, ZMD_ERR_CANCELLED);
        }
    }
    assert_eq!(sim.requests(), 0);
}

#[test]
fn a_clone_outlives_its_client_and_shares_its_token() {
    let sim = sim();
    let client = Client::of(&sim, &[("access_token", "1000.invalid")]);
    let clone = client.try_clone().unwrap();
    assert_eq!(clone.failure("Leads", "1001").0.error, ZMD_ERR_UNAUTHORIZED);
    client.set_access_token(TOKEN).unwrap();
    assert_eq!(clone.status("Leads", "1001"), Ok(Answer::completed()));
    drop(client);
    assert_eq!(clone.status("Leads", "1001"), Ok(Answer::completed()));
    clone.cancel();
}

#[test]
fn each_job_of_many_has_its_own_message() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &QUICK);
    let jobs = [("Leads", "1001"), ("Sales Orders", "1"), ("Leads", "error-NO_PERMISSION"), ("Leads", "2")];
    let nothing = (String::new(), String::new());
    for wait in [false, true] {
        let result = if wait { client.wait_many(&jobs, 0, &mut ignore).2 } else { client.status_many(&jobs).2 };
        let first = result.unwrap_err();
        let errors: Vec<_> = (0..5).map(error_of_job).collect();
        assert_eq!((&errors[0], &errors[4]), (&nothing, &nothing));
        assert_eq!(first.message, format!("jobs[1]: {}", errors[1].0));
        assert!(errors[1].0.contains("Sales_Orders") && errors[1].1.is_empty(), "{errors:?}");
        assert_eq!(errors[2].1, "NO_PERMISSION");
        assert_eq!(errors[3].0.contains("has not ended"), wait, "{errors:?}");
        // They belong to the calling thread, and its next call clears them.
        thread::scope(|scope| assert_eq!(scope.spawn(|| error_of_job(1)).join().unwrap(), nothing));
        client.status("Leads", "1001").unwrap();
        assert_eq!(error_of_job(1), nothing);
    }
}

#[test]
fn a_callback_ends_the_wait_for_one_job() {
    let sim = sim();
    for job_id in ["2", "3"] {
        sim.add_job("Leads", job_id, Job::new(100_000, 10.0));
    }
    let client = Client::of(&sim, &[("poll_min_ms", "20"), ("poll_max_ms", "20")]);
    let mut polls = [0; 3];
    // The one that ends by itself has nothing left to end.
    let (answers, errors, result) =
        client.wait_many(&[("Leads", "2"), ("Leads", "1001"), ("Leads", "3")], -1, &mut |index, _, _| {
            polls[index] += 1;
            if index == 1 || polls[index] == 3 * (index + 1) {
                assert_eq!(zmd_progress_end_job(), 1);
            }
            true
        });
    assert_eq!((polls, errors), ([3, 1, 9], vec![ZMD_ERR_CANCELLED, ZMD_OK, ZMD_ERR_CANCELLED]));
    assert!(answers[0].state == 2 && answers[2].total == 100_000, "{answers:?}");
    assert!(result.unwrap_err().message.contains("callback ended the wait for this job"));
    // In a wait for one it is the same as the return value.
    let (_, result) = client.wait("Leads", "2", -1, &mut |_, _, _| zmd_progress_end_job() == 1);
    assert_eq!(result.unwrap_err().error, ZMD_ERR_CANCELLED);
    assert_eq!(zmd_progress_end_job(), 0, "outside of a callback");
    client.status("Leads", "1001").unwrap();
}

#[test]
fn a_callback_gets_the_forecast_of_the_end() {
    let sim = sim();
    let client = Client::of(&sim, &[("poll_min_ms", "50"), ("poll_max_ms", "50")]);
    client.status("Leads", "1001").unwrap();
    // It takes 10,000 seconds, if nobody ends it.
    sim.add_job("Leads", "2", Job::new(1_000_000_000, 100_000.0));
    let mut forecasts = Vec::new();
    let (_, result) = client.wait("Leads", "2", -1, &mut |_, _, _| {
        forecasts.push(zmd_progress_remaining_ms());
        forecasts.len() < 20
    });
    assert_eq!(result.unwrap_err().error, ZMD_ERR_CANCELLED);
    assert_eq!(forecasts[0], -1, "{forecasts:?}");
    // How good it is depends on how long each poll takes here: the unit is right.
    assert!((100_000..1_000_000_000).contains(&forecasts[19]), "{forecasts:?}");
    assert_eq!(zmd_progress_remaining_ms(), -1, "outside of a callback");
}

#[test]
fn wait_many_keeps_to_max_concurrency() {
    let sim = with_job(Sim::builder().delay(Duration::from_millis(2)).start());
    let names: Vec<_> = (0..60).map(|index| format!("job-{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        sim.add_job("Leads", name, Job::new(300 + 10 * index as u64, 1000.0));
    }
    let mut jobs: Vec<_> = names.iter().map(|name| ("Leads", &**name)).collect();
    jobs.extend([("Leads", "7"), ("Sales Orders", "1"), ("Leads", "job-0"), ("Leads", "1001")]);
    let client = Client::of(&sim, &[QUICK[0], QUICK[1], ("max_concurrency", "4")]);
    let this_thread = thread::current().id();
    let mut polled = HashSet::new();
    let (answers, errors, result) = client.wait_many(&jobs, -1, &mut |index, answer, failed| {
        assert_eq!(thread::current().id(), this_thread);
        assert_eq!(failed.is_some(), index == 60, "{failed:?}");
        assert_eq!(answer.state == 0, index == 60);
        polled.insert(index);
        true
    });
    assert_eq!(result.unwrap_err().error, ZMD_ERR_JOB_NOT_FOUND);
    for (index, (answer, error)) in answers.iter().zip(&errors).enumerate() {
        let expected = match index {
            60 => (ZMD_ERR_JOB_NOT_FOUND, 0),
            61 => (ZMD_ERR_INVALID_ARGUMENT, 0),
            _ => (ZMD_OK, 3),
        };
        assert_eq!((*error, answer.state), expected, "{index}");
    }
    // The callback is not called for a job that is never polled.
    assert_eq!(polled.len(), 63);
    assert!(sim.in_flight_peak() <= 4 && sim.connections() <= 4, "{} {}", sim.in_flight_peak(), sim.connections());
}

#[test]
fn wait_many_writes_every_element() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &QUICK);
    let jobs = [("Leads", "2"), ("Leads", "1001"), ("Leads", "7"), ("Leads", "2")];
    let (answers, errors, result) = client.wait_many(&jobs, 0, &mut ignore);
    assert_eq!(errors, [ZMD_ERR_TIMEOUT, ZMD_OK, ZMD_ERR_JOB_NOT_FOUND, ZMD_ERR_TIMEOUT]);
    let states: Vec<_> = answers.iter().map(|answer| answer.state).collect();
    assert_eq!((states, result.unwrap_err().error), (vec![2, 3, 0, 2], ZMD_ERR_TIMEOUT));
    let (took, (_, errors, _)) = timed(|| client.wait_many(&jobs, 1000, &mut ignore));
    assert_eq!((errors[0], errors[3]), (ZMD_ERR_TIMEOUT, ZMD_ERR_TIMEOUT));
    assert!(took.at_least(Duration::from_millis(1000)) && took.at_most(AT_ONCE), "{took:?}");

    let many = vec![("Leads", "2"); 2000];
    let (answers, errors, _) = client.wait_many(&many, 0, &mut ignore);
    assert!(errors.iter().all(|error| *error == ZMD_ERR_TIMEOUT) && answers.iter().all(|answer| answer.state == 2));

    // Jobs 1 and 2 end before the cancel.
    let (ended, both_ended) = std::sync::mpsc::channel();
    let took = cancelled(
        &client,
        move || both_ended.iter().take(2).for_each(drop),
        || {
            let mut progress = |index, _, _| {
                if index == 1 || index == 2 {
                    ended.send(()).unwrap();
                }
                true
            };
            let (_, errors, result) = client.wait_many(&jobs, -1, &mut progress);
            assert_eq!(errors, [ZMD_ERR_CANCELLED, ZMD_OK, ZMD_ERR_JOB_NOT_FOUND, ZMD_ERR_CANCELLED]);
            error_of(result)
        },
    );
    assert!(took.at_most(AT_ONCE), "{took:?}");
}

#[test]
fn a_rate_limit_pauses_all_jobs() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &QUICK);
    sim.next(Reply::Error("TOO_MANY_REQUESTS").header("Retry-After", "1"));
    let mut polls = Vec::new();
    let begin = Instant::now();
    let second = Duration::from_secs(1);
    let _ = client.wait_many(&[("Leads", "2"); 20], 60_000, &mut |_, _, failed| {
        polls.push((begin.elapsed(), failed.is_some()));
        begin.elapsed() <= second || failed.is_some()
    });
    let (refused, _) = *polls.iter().find(|(_, failed)| *failed).expect("a refusal");
    // The other polls in flight end; then there is none for a second.
    let meanwhile = polls.iter().filter(|(at, _)| *at > refused && *at < second);
    assert!(meanwhile.count() <= 4, "{polls:?}");
    assert!(polls.last().unwrap().0 > second, "{polls:?}");
}

/// Both sides of a fork return from the callback. The child's call ends with an error, and does nothing for the parent's
/// jobs; then it makes a call of its own. The parent's call goes on. The jobs run until the process is forked: one that had ended
/// would have a result in the child, too.
#[test]
fn a_fork_inside_a_callback() {
    for count in [1, 3] {
        let sim = sim();
        sim.add_job("Leads", "2", Job::new(1000, 0.0));
        let client = Client::of(&sim, &QUICK);
        // The child must not unwind: it would wait for the stand-in's threads, which it does not have.
        // SAFETY: ends the child at once.
        let exit = |status| unsafe { libc::_exit(status) };
        let (mut children, mut polls, mut is_child) = (Vec::new(), 0, false);
        let mut progress = |_: usize, _: Answer, _: Option<Failed>| {
            polls += 1;
            if is_child {
                exit(2); // a callback in the child
            }
            if polls == 3 {
                // SAFETY: the child calls the library, which is what the test is about, and ends below.
                let child = unsafe { libc::fork() };
                is_child = child == 0;
                if is_child {
                    // SAFETY: kills the child if it hangs.
                    unsafe { libc::alarm(300) };
                } else {
                    sim.add_job("Leads", "2", Job::new(1000, f64::INFINITY));
                }
                children.push(child);
            }
            true
        };
        let jobs = vec![("Leads", "2"); count];
        let (answers, errors, result) = client.wait_many(&jobs, -1, &mut progress);
        if is_child {
            let is_told = result.is_err_and(|failed| failed.message.contains("forked"));
            let is_ended = is_told && errors == vec![ZMD_ERR_CANCELLED; count];
            let is_usable = client.status("Leads", "1001") == Ok(Answer::completed());
            exit(i32::from(!(is_ended && is_usable && answers.iter().any(|answer| answer.state == 2))));
        }
        assert!(result.is_ok() && answers.iter().all(|answer| answer.state == 3), "{result:?} {answers:?}");
        let mut status = 0;
        // SAFETY: it is a child of this process.
        assert_eq!(unsafe { libc::waitpid(children[0], &mut status, 0) }, children[0]);
        assert_eq!(status, 0, "{count}");
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
}

#[test]
fn poll_min_ms_takes_precedence_over_a_shorter_poll_max_ms() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let client = Client::of(&sim, &[("poll_min_ms", "400"), ("poll_max_ms", "100")]);
    for job_id in ["2", "error-TOO_MANY_REQUESTS"] {
        let mut pauses = Vec::new();
        let (_, result) = client.wait("Leads", job_id, -1, &mut |_, _, _| {
            pauses.push(zmd_progress_next_poll_ms());
            pauses.len() < 2
        });
        assert_eq!((error_of(result), &*pauses), (ZMD_ERR_CANCELLED, &[400, 400][..]), "{job_id}");
    }
}

#[test]
fn null_pointers_and_empty_arrays() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    let (answers, errors, result) = client.wait_many(&[], -1, &mut ignore);
    assert_eq!((answers, errors, result), (vec![], vec![], Ok(())));
    let job = zmd_job { module: c"Leads".as_ptr(), job_id: null() };
    let mut status = std::mem::MaybeUninit::<zmd_status>::uninit();
    let mut error = 0;
    let (status, errors) = (status.as_mut_ptr(), &raw mut error);
    let raw = client.raw();
    let (module, job_id) = (c"Leads".as_ptr(), c"1001".as_ptr());
    let nothing = null_mut();
    let mut clone = raw;
    // SAFETY: the pointers are NULL or valid; the callbacks are NULL.
    unsafe {
        let calls = [
            zmd_client_wait(null_mut(), module, job_id, 0, None, nothing, status),
            zmd_client_wait(raw, null(), job_id, 0, None, nothing, status),
            zmd_client_wait(raw, module, null(), 0, None, nothing, status),
            zmd_client_wait(raw, module, job_id, 0, None, nothing, null_mut()),
            zmd_client_wait_many(null_mut(), &job, 1, 0, None, nothing, status, errors),
            zmd_client_wait_many(raw, null(), 1, 0, None, nothing, status, errors),
            zmd_client_wait_many(raw, &job, 1, 0, None, nothing, null_mut(), errors),
            zmd_client_wait_many(raw, &job, 1, 0, None, nothing, status, null_mut()),
            zmd_client_wait_many(raw, &job, 1, 0, None, nothing, status, errors),
            zmd_client_cancel(null_mut()),
            zmd_client_clone(null_mut(), &mut clone),
            zmd_client_clone(raw, null_mut()),
            zmd_simple_wait(null(), job_id, 0, null_mut(), null_mut(), null_mut(), null_mut()),
        ];
        assert_eq!(calls, [ZMD_ERR_NULL_POINTER; 13]);
        assert!(clone.is_null());
        assert_eq!((zmd_error::of(*errors), (*status).total_count), (ZMD_ERR_NULL_POINTER, -1));
        // Without a callback.
        assert_eq!(zmd_client_wait(raw, module, job_id, -1, None, nothing, status), ZMD_OK);
        assert_eq!((*status).total_count, 9);
    }
}

#[test]
fn a_job_that_is_queued_or_suspended_is_waited_for() {
    let sim = sim();
    let client = Client::of(&sim, &QUICK);
    for state in ["QUEUED", "SUSPENDED", "queued", " Suspended "] {
        sim.next(Reply::json(200, &format!(r#"{{"data":[{{"Status":"{state}"}}]}}"#)));
    }
    let mut seen = Vec::new();
    let (answer, result) = client.wait("Leads", "1001", 20_000, &mut |_, answer, _| {
        seen.push((answer.state, answer.text));
        true
    });
    assert_eq!((answer, result), (Answer::completed(), Ok(())));
    let expected = [(5, "QUEUED"), (6, "SUSPENDED"), (5, "queued"), (6, " Suspended "), (3, "COMPLETED")];
    assert_eq!(seen, expected.map(|(state, text)| (state, text.to_owned())));
}
