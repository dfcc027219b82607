//! The network: time limits, retries, connections, hostile servers.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, SystemTime};

use common::abi::zmd_error::{self, *};
use common::*;
use zmd_sim::{AtAccept, Fault, Reply, Sim, Unanswered};

const NO_RETRY: (&str, &str) = ("max_retries", "0");

/// How much longer than its limit a call may take, on a machine that may be busy.
const GRACE: Duration = Duration::from_millis(100);

#[test]
fn every_fault_has_its_error() {
    use Fault::*;
    let sim = sim();
    let client = Client::of(&sim, &[NO_RETRY]);
    for fault in Fault::all() {
        let expected: Result<(), (zmd_error, i32)> = match fault {
            Reset | Close | TruncateHeader => Err((ZMD_ERR_NETWORK, 0)),
            // The header had arrived.
            ResetInBody | TruncateBody => Err((ZMD_ERR_NETWORK, 200)),
            StallBeforeHeader | StallInHeader | SlowForever | Slow => Err((ZMD_ERR_TIMEOUT, 0)),
            StallInBody => Err((ZMD_ERR_TIMEOUT, 200)),
            ShortLength => Err((ZMD_ERR_BAD_RESPONSE, 200)),
            Garbage | GarbageStatus => Err((ZMD_ERR_NETWORK, 0)),
            HugeHeader => Err((ZMD_ERR_BAD_RESPONSE, 0)),
            HugeBody | BigBody => Err((ZMD_ERR_BAD_RESPONSE, 200)),
            CloseAfterAnswer | CloseOnSecond | Chunked | Http10 | Bom | Interim => Ok(()),
        };
        let limit = match (fault, expected) {
            // The header is to arrive before.
            (StallInBody, _) => Duration::from_millis(1500),
            (_, Err((ZMD_ERR_TIMEOUT, _))) => Duration::from_millis(300),
            _ => Duration::from_secs(30),
        };
        let job = format!("fault-{}", fault.name());
        let (took, (answer, result)) = timed(|| client.ask_within("Leads", &job, limit.as_millis() as i64));
        assert!(took.at_most(limit + GRACE), "{fault:?} took {took:?}");
        match expected {
            Ok(()) => assert_eq!((result, answer), (Ok(()), Answer::completed()), "{fault:?}"),
            Err((error, http_status)) => {
                let failed = result.expect_err(fault.name());
                assert_eq!((failed.error, answer), (error, Answer::of_failure(http_status)), "{fault:?}: {failed:?}");
            }
        }
        // Whatever the server did, the client still works.
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "after {fault:?}");
    }
}

#[test]
fn a_slow_answer_is_not_an_error() {
    let sim = sim();
    assert_eq!(Client::of(&sim, &[]).status("Leads", "fault-slow"), Ok(Answer::completed()));
}

#[test]
fn transient_failures_are_retried() {
    let faults = [Fault::Reset, Fault::Close, Fault::TruncateHeader, Fault::TruncateBody, Fault::ResetInBody];
    let refusals = [429, 500, 501, 502, 503, 504, 511].map(|status| Reply::html(status, "<html>no</html>"));
    thread::scope(|scope| {
        for reply in faults.map(Reply::Fault).into_iter().chain(refusals) {
            scope.spawn(move || {
                let sim = sim();
                sim.next(reply.clone());
                assert_eq!(Client::of(&sim, &[]).status("Leads", "1001"), Ok(Answer::completed()), "{reply:?}");
                assert_eq!(sim.requests(), 2);
            });
        }
    });
}

#[test]
fn the_number_of_retries_is_limited() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "2")]);
    let (failed, http_status) = client.failure("Leads", "error-TOO_MANY_REQUESTS");
    assert_eq!((failed.error, http_status, sim.requests()), (ZMD_ERR_RATE_LIMITED, 429, 3));
    assert!(failed.message.ends_with("(3 attempts)"), "{failed:?}");
    let client = Client::of(&sim, &[("max_retries", "1")]);
    assert_eq!(client.failure("Leads", "fault-close").0.error, ZMD_ERR_NETWORK);
    assert_eq!(sim.requests(), 5);
}

#[test]
fn too_many_requests_with_http_200_is_retried_too() {
    let sim = sim();
    sim.next(Reply::api_error(200, "TOO_MANY_REQUESTS", "too many"));
    assert_eq!(Client::of(&sim, &[]).status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn permanent_failures_are_not_retried() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    for (count, job_id) in [
        "error-INVALID_TOKEN",
        "error-NO_PERMISSION",
        "error-404",
        "error-redirect",
        "fault-big-body",
        "fault-stall-in-body",
    ]
    .iter()
    .enumerate()
    {
        let limit = if job_id.contains("stall") { 300 } else { -1 };
        assert!(client.ask_within("Leads", job_id, limit).1.is_err());
        sim.wait_for_requests(count + 1);
        assert_eq!(sim.requests(), count + 1, "{job_id}");
    }
}

#[test]
fn retry_after_is_respected() {
    let sim = sim();
    sim.next(Reply::json(503, "").header("Retry-After", "1"));
    let (took, result) = timed(|| Client::of(&sim, &[]).status("Leads", "1001"));
    assert_eq!(result, Ok(Answer::completed()));
    assert!(took.at_least(Duration::from_secs(1)), "{took:?}");
}

/// The pause that does not fit is in the message.
#[test]
fn a_retry_after_beyond_the_deadline_ends_the_call_at_once() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    // The server's clock is wrong by a day.
    let now = SystemTime::now() + Duration::from_secs(86_400);
    let date = |time| httpdate::fmt_http_date(time);
    let too_many = || Reply::Error("TOO_MANY_REQUESTS");
    let busy = || Reply::json(503, "").header("Date", &date(now));
    for (reply, error, pause) in [
        (too_many().header("Retry-After", "31"), ZMD_ERR_RATE_LIMITED, "31.0 s"),
        (too_many().header("Retry-After", "3600"), ZMD_ERR_RATE_LIMITED, "3600.0 s"),
        (too_many().header("Retry-After", "99999999999999999999999"), ZMD_ERR_RATE_LIMITED, "3600.0 s"),
        (busy().header("Retry-After", "77"), ZMD_ERR_SERVER, "77.0 s"),
        (busy().header("Retry-After", &date(now + Duration::from_secs(77))), ZMD_ERR_SERVER, "77.0 s"),
    ] {
        sim.next(reply);
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        assert!(took.at_most(AT_ONCE) && failed.error == error, "{took:?} {failed:?}");
        let words = format!("(a pause of {pause} before the next attempt does not fit into timeout_ms)");
        assert!(failed.message.ends_with(&words), "{failed:?}");
    }
    assert_eq!(sim.requests(), 5);
    // A date in the past means now.
    sim.next(busy().header("Retry-After", &date(now - Duration::from_secs(60))));
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn a_connection_serves_many_queries() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    for _ in 0..50 {
        client.status("Leads", "1001").unwrap();
        client.failure("Leads", "4711");
    }
    assert_eq!((sim.connections(), sim.requests()), (1, 100));
}

#[test]
fn a_connection_that_the_server_closed_is_replaced_without_a_retry() {
    let sim = sim();
    let client = Client::of(&sim, &[NO_RETRY]);
    for round in 1..=10 {
        client.status("Leads", "1001").unwrap();
        assert_eq!(sim.connections(), round);
        sim.close_idle();
    }
}

#[test]
fn a_connection_that_closes_when_it_is_reused_is_replaced_without_a_retry() {
    let sim = sim();
    let client = Client::of(&sim, &[NO_RETRY]);
    sim.close_second_request(true);
    for _ in 0..10 {
        client.status("Leads", "1001").unwrap();
    }
    // Each request but the first was sent on the closed connection, and then on a new one.
    assert_eq!((sim.connections(), sim.requests()), (10, 19));
}

#[test]
fn a_server_that_restarts_is_waited_for() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "20")]);
    client.status("Leads", "1001").unwrap();
    sim.stop_listening();
    sim.close_idle();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            sim.listen_again();
        });
        client.status("Leads", "1001").unwrap();
    });
}

#[test]
fn a_refused_connection() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "1")]);
    sim.stop_listening();
    let (failed, http_status) = client.failure("Leads", "1001");
    assert_eq!((failed.error, http_status), (ZMD_ERR_CONNECT, 0));
    assert!(failed.message.contains("refused") && failed.message.ends_with("(2 attempts)"), "{failed:?}");
}

#[test]
fn a_host_name_that_does_not_exist() {
    let client = Client::new(&[("api_domain", "https://nowhere.invalid"), ("access_token", TOKEN), ("proxy", "none")]);
    let (failed, http_status) = client.unwrap().failure("Leads", "1001");
    assert_eq!((failed.error, http_status), (ZMD_ERR_DNS, 0));
    assert!(failed.message.contains("nowhere.invalid"), "{failed:?}");
}

#[test]
fn a_host_that_never_answers_fails_after_connect_timeout_ms() {
    // The backlog is full, so the next SYN gets no answer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // SAFETY: the socket is open; listen() on a listening socket changes its backlog.
    unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) };
    let mut fillers = Vec::new();
    while let Ok(filler) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        fillers.push(filler);
        assert!(fillers.len() < 100);
    }
    let client_with = |name: &str, value: &str| {
        let url = format!("http://{address}");
        Client::new(&[("api_domain", &url), ("access_token", TOKEN), (name, value)]).unwrap()
    };
    for (name, limit) in [("connect_timeout_ms", 500), ("timeout_ms", 300)] {
        let client = client_with(name, &limit.to_string());
        let (took, (failed, http_status)) = timed(|| client.failure("Leads", "1001"));
        assert_eq!((failed.error, http_status), (ZMD_ERR_TIMEOUT, 0));
        assert!(failed.message.contains(name), "{failed:?}");
        let limit = Duration::from_millis(limit);
        assert!(took.at_least(limit) && took.at_most(limit + GRACE), "{name}: {took:?}");
    }
}

#[test]
fn the_deadline_holds_for_every_fault() {
    let sim = sim();
    let limit = Duration::from_millis(400);
    let client = Client::of(&sim, &[("timeout_ms", "400")]);
    // Also with retries that begin just before the deadline.
    let endless = ["stall-before-header", "stall-in-header", "stall-in-body", "slow-forever", "slow", "reset", "close"];
    for fault in endless {
        let (took, (failed, _)) = timed(|| client.failure("Leads", &format!("fault-{fault}")));
        // The deadline may have cut the last attempt short.
        let expected =
            [ZMD_ERR_TIMEOUT, if ["reset", "close"].contains(&fault) { ZMD_ERR_NETWORK } else { ZMD_ERR_TIMEOUT }];
        assert!(expected.contains(&failed.error), "{fault}: {failed:?}");
        assert!(took.at_most(limit + GRACE), "{fault} took {took:?}");
    }
    for at_accept in [AtAccept::StallBeforeTls, AtAccept::Garbage, AtAccept::Reset, AtAccept::Close] {
        sim.at_accept(at_accept);
        let client = Client::of(&sim, &[("timeout_ms", "400")]);
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        let expected: &[_] = match at_accept {
            AtAccept::StallBeforeTls => &[ZMD_ERR_TIMEOUT],
            // On a busy machine it comes too late.
            AtAccept::Garbage => &[ZMD_ERR_NETWORK, ZMD_ERR_TIMEOUT],
            // The reset may come before connect() has returned.
            AtAccept::Reset => &[ZMD_ERR_NETWORK, ZMD_ERR_CONNECT, ZMD_ERR_TIMEOUT],
            _ => &[ZMD_ERR_NETWORK, ZMD_ERR_TIMEOUT],
        };
        assert!(expected.contains(&failed.error), "{at_accept:?}: {failed:?}");
        assert!(took.at_most(limit + GRACE), "{at_accept:?} took {took:?}");
    }
}

#[test]
fn many_threads_share_a_client() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..100 {
                    // Each thread has its own last error.
                    if thread % 2 == 0 {
                        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
                    } else {
                        let (failed, _) = client.failure("Leads", &format!("{thread}"));
                        assert!(failed.message.contains(&format!("job {thread} of")), "{failed:?}");
                    }
                }
            });
        }
    });
    assert_eq!(sim.requests(), 800);
    assert!(sim.connections() <= 8, "{}", sim.connections());
}

#[test]
fn a_name_is_looked_up() {
    // `localhost` is looked up; 127.0.0.1 is not.
    let sim = sim();
    let url = sim.url().replace("127.0.0.1", "localhost");
    let client = Client::new(&[("api_domain", &url), ("access_token", TOKEN)]).unwrap();
    (0..100).for_each(|_| assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed())));
    assert_eq!(sim.connections(), 1);
}

#[test]
fn a_query_over_another_sims_port_is_not_confused() {
    let (one, two) = (sim(), Sim::start());
    let client = Client::of(&one, &[]);
    client.status("Leads", "1001").unwrap();
    let other = Client::of(&two, &[]);
    assert_eq!(other.failure("Leads", "1001").0.error, ZMD_ERR_UNAUTHORIZED);
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

/// As when a firewall forgets an idle connection, and drops its packets without an RST.
///
/// The five seconds are the kernel's.
#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_died_silently_is_replaced_within_seconds() {
    thread::scope(|scope| {
        for tls in [false, true] {
            scope.spawn(move || {
                let sim = sim_over(tls);
                let client = Client::of(&sim, &[("max_retries", "0")]);
                assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
                sim.lose_connections();
                assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "within timeout_ms");
                assert_eq!((sim.connections(), sim.requests()), (2, 2));
            });
        }
    });
}

/// The timeouts of sockets use coarse timers, which are late by up to an eighth of their length: with 250 ticks a second these
/// are 256 ms. (That no socket has one is seen where the system calls of a query are counted.)
#[test]
fn a_long_deadline_holds_as_a_short_one_does() {
    let sim = sim();
    let client = Client::of(&sim, &[("timeout_ms", "2100")]);
    let (took, (failed, _)) = timed(|| client.failure("Leads", "fault-stall-before-header"));
    assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
    let limit = Duration::from_millis(2100);
    assert!(took.at_least(limit) && took.at_most(limit + Duration::from_millis(50)), "{took:?}");
    assert!(failed.message.contains("timeout_ms (2100 ms)") && failed.message.contains("response of"), "{failed:?}");
}

#[test]
fn a_timeout_names_the_limit_and_the_stage() {
    let unanswered = Unanswered::new("127.0.0.1:0");
    let url = unanswered.url();
    for (limit, words) in [
        ("connect_timeout_ms", ["connect_timeout_ms (300 ms)", "connecting to 127.0.0.1"]),
        ("timeout_ms", ["timeout_ms (300 ms)", "connecting to 127.0.0.1"]),
    ] {
        let client = Client::new(&[("api_domain", &url), ("access_token", TOKEN), (limit, "300")]).unwrap();
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
        assert!(words.iter().all(|words| failed.message.contains(words)), "{failed:?}");
        assert!(took.at_most(Duration::from_millis(350)), "{took:?}");
    }
}

/// The system's resolver cannot be interrupted, but the call returns on time.
#[test]
#[cfg(target_os = "linux")]
fn a_name_server_that_never_answers() {
    if missing("unshare") || missing("ip") {
        return;
    }
    let program = compile("cc", &["-std=c99"], "tests/c/lookup_test.c", "lookup_test");
    let directory = scratch("lookup");
    std::fs::write(directory.join("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n").unwrap();
    std::fs::write(directory.join("nsswitch.conf"), "hosts: files dns\n").unwrap();
    let script = format!(
        "ip link set lo up && mount --bind {dir}/resolv.conf /etc/resolv.conf && \
         mount --bind {dir}/nsswitch.conf /etc/nsswitch.conf && exec {program}",
        dir = directory.display(),
        program = program.display(),
    );
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--net", "--mount", "--map-root-user", "sh", "-c", &script]);
    unshare.env("ZMD_API_DOMAIN", "https://api.zmd.test").env("ZMD_ACCESS_TOKEN", TOKEN);
    let (exit, out, err) = run(&mut unshare);
    assert_eq!((exit, out.trim()), (Some(0), "ok lookup_test"), "{err}");
    std::fs::remove_dir_all(directory).unwrap();
}
