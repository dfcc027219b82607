//! The limit on calls in flight: of a client and its clones, and of the processes that share a token cache.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use common::abi::zmd_error::*;
use common::*;
use zmd_sim::Sim;

const REFRESH: [&str; 3] = ["1000.refresh", "1000.ID", "secret"];
const DELAY: Duration = Duration::from_millis(20);

/// A stand-in that refuses more than ten calls at once, as the Standard edition does.
fn limited() -> Sim {
    let [refresh_token, client_id, client_secret] = REFRESH;
    let sim = Sim::builder().refresh_token(refresh_token, client_id, client_secret).max_in_flight(10).delay(DELAY);
    with_job(sim.start())
}

fn settings<'a>(url: &'a str, cache: &'a Path) -> Vec<(&'a str, &'a str)> {
    let [refresh_token, client_id, client_secret] = REFRESH;
    vec![
        ("api_domain", url),
        ("accounts_url", url),
        ("refresh_token", refresh_token),
        ("client_id", client_id),
        ("client_secret", client_secret),
        ("token_cache", cache.to_str().unwrap()),
        ("max_concurrency", "10"),
        // Retries must not hide a refusal.
        ("max_retries", "0"),
    ]
}

#[test]
fn eight_processes_keep_to_one_limit() {
    const PROCESSES: usize = 8;
    const JOBS: usize = 40;
    let sim = limited();
    let directory = scratch("shared-limit");
    let (url, cache) = (sim.url(), directory.join("tokens"));
    let variables: Vec<_> = settings(&url, &cache)
        .into_iter()
        .map(|(key, value)| (format!("ZMD_{}", key.to_uppercase()), value.to_owned()))
        .collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    zmd_command(&[]); // builds it
    let (took, outputs) = timed(|| {
        let children: Vec<Child> = (0..PROCESSES)
            .map(|_| {
                let mut command = zmd_command(&variables);
                command.args(["status", "--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
                child.stdin.take().unwrap().write_all("Leads:1001\n".repeat(JOBS).as_bytes()).unwrap();
                child
            })
            .collect();
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect::<Vec<_>>()
    });
    for output in outputs {
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), out.lines().count(), &*err), (Some(0), JOBS, ""), "{out}");
    }
    assert_eq!((sim.refused(), sim.token_requests()), (0, 1));
    assert!(sim.in_flight_peak() <= 10);
    // The limit is ten at once. How close the test comes to it is printed.
    let ideal = DELAY * (PROCESSES * JOBS / 10) as u32;
    println!("{:.0} % of the ideal throughput", 100.0 * ideal.as_secs_f64() / took.whole().as_secs_f64());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn any_number_of_threads_keep_to_it_too() {
    let sim = limited();
    let directory = scratch("shared-limit-threads");
    let (url, cache) = (sim.url(), directory.join("tokens"));
    // The lock files do not distinguish clients from processes.
    let clients = [(); 4].map(|()| Client::new(&settings(&url, &cache)).unwrap());
    thread::scope(|scope| {
        for client in &clients {
            for _ in 0..25 {
                scope.spawn(|| {
                    for _ in 0..4 {
                        client.status("Leads", "1001").unwrap();
                    }
                });
            }
        }
    });
    assert_eq!((sim.refused(), sim.requests()), (0, 400));
    assert!(sim.in_flight_peak() <= 10);
    // All of it is used: ten calls hang at the same time.
    thread::scope(|scope| {
        let hanging = [(); 12].map(|()| scope.spawn(|| clients[0].failure("Leads", "fault-stall-before-header")));
        sim.wait_for_requests(410);
        clients[0].cancel();
        for thread in hanging {
            assert_eq!(thread.join().unwrap().0.error, ZMD_ERR_CANCELLED);
        }
    });
    assert_eq!((sim.refused(), sim.in_flight_peak(), sim.requests()), (0, 10, 410));
    // Only their owner may read them.
    for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    fs::remove_dir_all(directory).unwrap();
}

/// Any call: not the ones for many jobs alone.
#[test]
fn the_threads_of_a_client_and_its_clones_keep_to_one_limit() {
    let sim = with_job(Sim::builder().max_in_flight(5).delay(Duration::from_millis(5)).start());
    let client = Client::of(&sim, &[("max_retries", "0")]);
    let clone = client.try_clone().unwrap();
    let jobs = [("Leads", "1001"); 20];
    thread::scope(|scope| {
        for client in [&client, &clone] {
            scope.spawn(|| client.status_many(&jobs).2.unwrap());
            scope.spawn(|| client.wait_many(&jobs, -1, &mut |_, _, _| true).2.unwrap());
            for _ in 0..20 {
                scope
                    .spawn(|| (0..5).for_each(|_| assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()))));
            }
        }
    });
    assert_eq!((sim.refused(), sim.in_flight_peak(), sim.requests()), (0, 5, 280));
}

/// The holder of the only slot is stopped, and then killed while a child that it had forked lives on.
#[test]
fn a_slot_is_free_when_its_process_is_stopped_or_dead() {
    let sim = limited();
    let directory = scratch("shared-limit-killed");
    let (url, cache) = (sim.url(), directory.join("tokens"));
    let client = |timeout_ms| {
        let mut all = settings(&url, &cache);
        all.retain(|(key, _)| *key != "max_concurrency");
        Client::new(&[&all[..], &[("max_concurrency", "1"), ("timeout_ms", timeout_ms)]].concat()).unwrap()
    };
    let ours = client("60000");
    ours.status("Leads", "1001").unwrap();
    let (mut go, mut pids) = ([0; 2], [0; 2]);
    // SAFETY: arrays of two; the child makes calls of the library, and ends without running anything else.
    let holder = unsafe {
        assert_eq!((libc::pipe(go.as_mut_ptr()), libc::pipe(pids.as_mut_ptr())), (0, 0));
        libc::fork()
    };
    if holder == 0 {
        let theirs = client("60000");
        thread::scope(|scope| {
            scope.spawn(|| theirs.failure("Leads", "fault-stall-before-header"));
            let mut byte = 0_u8;
            // SAFETY: the pipes are open, and a byte and a number have room. The watchdog ends both processes.
            unsafe {
                libc::alarm(300);
                libc::read(go[0], (&raw mut byte).cast(), 1);
                let bystander = libc::fork();
                if bystander > 0 {
                    libc::write(pids[1], (&raw const bystander).cast(), size_of_val(&bystander));
                }
                libc::alarm(300);
                loop {
                    libc::pause();
                }
            }
        });
    }
    sim.wait_for_requests(2);
    let (mut bystander, mut status): (libc::pid_t, _) = (0, 0);
    // SAFETY: as above; both are processes of this test.
    unsafe {
        libc::write(go[1], [0_u8].as_ptr().cast(), 1);
        libc::read(pids[0], (&raw mut bystander).cast(), size_of_val(&bystander));
        libc::kill(holder, libc::SIGSTOP);
    }
    assert_eq!(client("300").failure("Leads", "1001").0.error, ZMD_ERR_TIMEOUT, "it holds the slot");
    // Three minutes later: nobody is locked out by a process that is stopped.
    let slot = fs::File::options().write(true).open(directory.join("tokens.slot0")).unwrap();
    slot.set_modified(SystemTime::now() - Duration::from_secs(180)).unwrap();
    drop(slot);
    client("20000").status("Leads", "1001").unwrap();
    assert_eq!(client("300").failure("Leads", "1001").0.error, ZMD_ERR_TIMEOUT, "a call took it over a moment ago");
    // SAFETY: as above.
    unsafe {
        libc::kill(holder, libc::SIGKILL);
        libc::waitpid(holder, &mut status, 0);
    }
    let (took, result) = timed(|| ours.status("Leads", "1001"));
    // SAFETY: as above.
    let is_alive = unsafe { libc::kill(bystander, libc::SIGKILL) } == 0;
    assert!(result.is_ok() && is_alive && took.at_most(Duration::from_secs(20)), "{result:?} {took:?}");
    go.into_iter().chain(pids).for_each(|pipe| {
        // SAFETY: it is open.
        unsafe { libc::close(pipe) };
    });
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_call_that_gets_no_slot_ends_at_its_time_limit() {
    let sim = limited();
    let directory = scratch("shared-limit-timeout");
    let (url, cache) = (sim.url(), directory.join("tokens"));
    let with = |more: &[(&'static str, &'static str)]| {
        let mut all = settings(&url, &cache);
        all.retain(|(key, _)| *key != "max_concurrency");
        Client::new(&[&all[..], &[("max_concurrency", "1")], more].concat()).unwrap()
    };
    let (hanging, late, cancelled) = (with(&[]), with(&[("timeout_ms", "300")]), with(&[]));
    late.status("Leads", "1001").unwrap();
    thread::scope(|scope| {
        let hangs = scope.spawn(|| hanging.failure("Leads", "fault-stall-before-header"));
        sim.wait_for_requests(2);
        let (took, (failed, _)) = timed(|| late.failure("Leads", "1001"));
        assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
        assert!(failed.message.contains("the 1 calls that max_concurrency allows"), "{}", failed.message);
        let limit = Duration::from_millis(300);
        assert!(took.at_least(limit) && took.at_most(limit + Duration::from_millis(100)), "{took:?}");
        // Several waiting calls return at once when they are cancelled.
        let waiting = [(); 3].map(|()| scope.spawn(|| timed(|| cancelled.failure("Leads", "1001").0.error)));
        thread::sleep(Duration::from_millis(50));
        let (cause, ()) = timed(|| cancelled.cancel());
        for (took, error) in waiting.map(|thread| thread.join().unwrap()) {
            assert_eq!(error, ZMD_ERR_CANCELLED);
            assert!(took.since(&cause).at_most(Duration::from_millis(100)), "{took:?} {cause:?}");
        }
        hanging.cancel();
        hangs.join().unwrap();
    });
    // The slots are free again.
    late.status("Leads", "1001").unwrap();
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn without_lock_files_calls_succeed_without_the_limit() {
    let sim = limited();
    let directory = scratch("shared-limit-broken");
    let (url, cache) = (sim.url(), directory.join("tokens"));
    fs::create_dir(directory.join("tokens.slot0")).unwrap();
    let client = Client::new(&settings(&url, &cache)).unwrap();
    client.status("Leads", "1001").unwrap();
    client.status("Leads", "1001").unwrap();
    fs::remove_dir_all(directory).unwrap();
}
