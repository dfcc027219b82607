//! What a client has done, the API credits that remain, and jobs that stand still.

use std::ptr::{null, null_mut};
use std::time::Duration;

use common::abi::zmd_error::*;
use common::abi::*;
use common::*;
use zmd_sim::{Clock, Job, Reply, Sim};

#[test]
fn counters_are_those_of_a_client_and_its_clones() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "1")]);
    assert_eq!(client.counters(), zmd_counters::default());
    client.status("Leads", "1001").unwrap();
    let one = client.counters();
    assert_eq!((one.calls, one.polls, one.connections, one.retries, one.waited_ms), (1, 0, 1, 0, 0));
    // The request, and the response: a body of 83 bytes with its headers.
    assert!((150..600).contains(&one.bytes_sent) && (150..600).contains(&one.bytes_received), "{one:?}");
    let clone = client.try_clone().unwrap();
    sim.next(Reply::Error("html500"));
    clone.status("Leads", "1001").unwrap();
    sim.next(Reply::Error("TOO_MANY_REQUESTS"));
    let (_, result) = client.wait("Leads", "1001", -1, &mut ignore);
    result.unwrap();
    let all = clone.counters();
    assert_eq!((all.calls, all.polls, all.connections, all.retries, all.rate_limits), (5, 2, 2, 2, 1), "{all:?}");
    // The wait began with a poll that failed, and then a pause of a second.
    assert!((1000..60_000).contains(&all.waited_ms), "{all:?}");
    assert_eq!((all, sim.requests()), (client.counters(), 5));
}

#[test]
fn token_requests_are_counted() {
    let sim = with_job(Sim::builder().refresh_token("refresh", "id", "secret").start());
    let url = sim.url();
    let settings = [
        ("api_domain", &*url),
        ("accounts_url", &*url),
        ("refresh_token", "refresh"),
        ("client_id", "id"),
        ("client_secret", "secret"),
    ];
    let client = Client::new(&settings).unwrap();
    client.status("Leads", "1001").unwrap();
    client.status("Leads", "1001").unwrap();
    let counters = client.counters();
    assert_eq!((counters.token_requests, counters.calls), (1, 2));
}

#[test]
fn a_caller_gets_the_counters_that_it_knows() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    client.status("Leads", "1001").unwrap();
    let mut numbers = [-7i64; 16];
    let mut get = |client: *const zmd_client, size| {
        numbers = [-7; 16];
        // SAFETY: the size is at most that of the numbers, or refused.
        let error = unsafe { zmd_client_counters(client, numbers.as_mut_ptr().cast(), size) };
        (error, numbers)
    };
    // Of an older version, with two numbers.
    let (error, numbers) = get(client.raw(), 16);
    assert_eq!((error, &numbers[..3]), (ZMD_OK, &[1, 0, -7][..]));
    // Of a newer one, with three more.
    let (error, numbers) = get(client.raw(), 96);
    assert_eq!((error, &numbers[9..13]), (ZMD_OK, &[0, 0, 0, -7][..]));
    for bad in [0, 4, 71, 4104, usize::MAX] {
        let (error, numbers) = get(client.raw(), bad);
        assert_eq!((error, numbers[0]), (ZMD_ERR_INVALID_ARGUMENT, -7), "{bad}");
    }
    assert_eq!(get(null(), 72).0, ZMD_ERR_NULL_POINTER);
    // SAFETY: NULL is refused.
    assert_eq!(unsafe { zmd_client_counters(client.raw(), null_mut(), 72) }, ZMD_ERR_NULL_POINTER);
}

#[test]
fn credits_are_known_once_the_service_reports_them() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    let clone = client.try_clone().unwrap();
    sim.limit_credits(5000, 2498);
    client.status("Leads", "1001").unwrap();
    assert_eq!(client.credits(), -1);
    client.status("Leads", "1001").unwrap();
    assert_eq!((client.credits(), clone.credits()), (2500, 2500));
    sim.limit_credits(5000, 4999);
    clone.status("Leads", "1001").unwrap();
    assert_eq!(client.credits(), 0);
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_RATE_LIMITED);
    assert!(failed.message.contains("credits of the organization are used up"), "{failed:?}");
    // SAFETY: NULL is refused.
    assert_eq!(unsafe { zmd_client_credits(null()) }, -1);
    // It is no call that can fail.
    assert!(client.failure("Leads", "1001").0.error == ZMD_ERR_RATE_LIMITED && client.credits() == 0);
}

#[test]
fn a_warning_says_that_credits_may_not_suffice() {
    let waited = |level: &str| {
        let sim = with_job(Sim::builder().clock(Clock::driven()).start());
        sim.add_job("Leads", "2", Job::new(1000, 1.0));
        sim.limit_credits(5000, 4990);
        let file = scratch(&format!("log-credits-{level}")).join("zmd.log");
        let log = [("log_file", file.to_str().unwrap()), ("log_level", level)];
        let client = Client::of(&sim, &[&log[..], &[("poll_min_ms", "10"), ("poll_max_ms", "1000")]].concat());
        let mut polls = 0;
        let (_, result) = client.wait("Leads", "2", -1, &mut |_, _, _| {
            polls += 1;
            if polls == 3 {
                sim.clock().advance(Duration::from_secs(2000));
            }
            true
        });
        result.unwrap();
        std::fs::read_to_string(file).unwrap_or_default()
    };
    let log = waited("warning");
    // Once, for an hour of one poll a second, as nothing of the job's end is known, and ten around it.
    let text =
        " API credits remain to the organization, and the waits of this client may need 3610: they poll less often\n";
    assert!(log.lines().count() == 1 && log.contains(" warning ") && log.ends_with(&format!("wait: 9{text}")), "{log}");
    assert_eq!(waited("error"), "");
}

#[test]
fn a_job_that_stands_still_ends_its_wait_where_that_is_asked_for() {
    let sim = with_job(Sim::builder().clock(Clock::driven()).start());
    // Its clock stands still.
    sim.add_job("Leads", "2", Job::new(1000, 1.0));
    sim.clock().advance(Duration::from_secs(10));
    let client = Client::of(&sim, &[QUICK[0], QUICK[1], ("stalled_ms", "300")]);
    let (took, (answer, result)) = timed(|| client.wait("Leads", "2", -1, &mut ignore));
    let failed = result.unwrap_err();
    assert_eq!((failed.error, answer.state, answer.deleted), (ZMD_ERR_STALLED, 2, 10));
    assert!(failed.message.contains("it is RUNNING") && failed.message.contains("stalled_ms (300 ms)"), "{failed:?}");
    assert!(took.at_least(Duration::from_millis(300)), "{took:?}");
    // Off by default, and no reason to end a wait for a job that moves.
    let client = Client::of(&sim, &QUICK);
    let (_, result) = client.wait("Leads", "2", 600, &mut ignore);
    assert_eq!(result.unwrap_err().error, ZMD_ERR_TIMEOUT);
    let client = Client::of(&sim, &[QUICK[0], QUICK[1], ("stalled_ms", "60000")]);
    let (_, result) = client.wait("Leads", "2", -1, &mut |_, _, _| {
        sim.clock().advance(Duration::from_secs(300));
        true
    });
    assert_eq!(result, Ok(()));
}
