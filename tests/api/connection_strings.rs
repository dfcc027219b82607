//! The simple functions with a connection string: all calls with the same string share a client.

use std::ffi::CString;
use std::ptr::null_mut;
use std::thread;

use common::abi::zmd_error::{self, *};
use common::abi::*;
use common::*;
use zmd_sim::{Job, Sim};

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// The error, the state and the records deleted.
fn status(settings: &str, module: &str, job_id: &str) -> (zmd_error, i32, i64) {
    let (settings, module, job_id) = (c(settings), c(module), c(job_id));
    let (mut state, mut deleted) = (-7, -7);
    // SAFETY: all pointers are valid, or NULL where that is allowed.
    let error = unsafe {
        let (module, job_id) = (module.as_ptr(), job_id.as_ptr());
        zmd_simple_status_with(settings.as_ptr(), module, job_id, &mut state, null_mut(), &mut deleted, null_mut())
    };
    (error, state, deleted)
}

fn token_of_the_last_request(sim: &Sim) -> String {
    let request = sim.last_request().unwrap();
    request.header("Authorization").unwrap().strip_prefix("Zoho-oauthtoken ").unwrap().to_owned()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// It counts the connections of the whole process.
#[test]
fn each_string_has_a_client() {
    alone(count_connections);
}

fn count_connections() {
    let sim = with_job(Sim::start());
    sim.accept_any_token();
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let string = |account: usize| format!("api_domain={};access_token=token-{account}", sim.url());

    for round in 0..3 {
        for account in 0..5 {
            assert_eq!(status(&string(account), "Leads", "1001"), (ZMD_OK, 3, 9));
            assert_eq!(token_of_the_last_request(&sim), format!("token-{account}"));
        }
        assert_eq!(sim.connections(), 5, "round {round}");
    }
    // Blanks around a string do not count: some hosts pad strings with them.
    assert_eq!(status(&format!("  {}   ", string(0)), "Leads   ", "  1001  "), (ZMD_OK, 3, 9));
    assert_eq!(sim.connections(), 5);
    // Keys in any case, and values in braces.
    let odd = format!("API_Domain = {{{}}} ; Access_Token={{brace}}}}d;}}", sim.url());
    assert_eq!(status(&odd, "Leads", "1001"), (ZMD_OK, 3, 9));
    assert_eq!(token_of_the_last_request(&sim), "brace}d;");

    // A wait.
    let (settings, module, job_id) = (c(&string(0)), c("Leads"), c("2"));
    let (mut state, mut total) = (-7, -7);
    // SAFETY: all pointers are valid, or NULL where that is allowed.
    let error = unsafe {
        let (module, job_id) = (module.as_ptr(), job_id.as_ptr());
        zmd_simple_wait_with(settings.as_ptr(), module, job_id, 0, &mut state, &mut total, null_mut(), null_mut())
    };
    assert_eq!((error, state, total), (ZMD_ERR_TIMEOUT, 2, 50_000));

    // Error messages do not contain values.
    for (string, expected) in [
        ("access_token={s3cret", "pair 1"),
        ("timeout_ms=0;access_token=s3cret", "timeout_ms takes"),
        ("no_such_setting=s3cret", "no_such_setting"),
        ("profile=s0me", "config.toml"),
        ("timeout_ms=5", "access_token is not set"),
    ] {
        assert_eq!(status(string, "Leads", "1001"), (ZMD_ERR_INVALID_CONFIG, 0, -1), "{string}");
        let failed = checked(ZMD_ERR_INVALID_CONFIG).unwrap_err();
        assert!(failed.message.contains(expected) && !failed.message.contains("s3cret"), "{failed:?}");
    }
    let (module, bad) = (c("Leads"), c("\u{ff}"));
    // SAFETY: the bytes end with a NUL; all pointers are valid or NULL.
    let error = unsafe {
        let bytes = [0xff_u8, 0];
        let (outs, job_id) = (null_mut(), bad.as_ptr());
        zmd_simple_status_with(bytes.as_ptr().cast(), module.as_ptr(), job_id, null_mut(), outs, outs, outs)
    };
    assert_ne!(error, ZMD_OK);

    // NULL and the empty string use the settings of the environment, which has no token here.
    assert_eq!(status("", "Leads", "1001").0, ZMD_ERR_INVALID_CONFIG);
    let (module, job_id, outs) = (c("Leads"), c("1001"), null_mut());
    // SAFETY: NULL is allowed for these arguments.
    let error = unsafe {
        zmd_simple_status_with(std::ptr::null(), module.as_ptr(), job_id.as_ptr(), null_mut(), outs, outs, outs)
    };
    assert_eq!(error, ZMD_ERR_INVALID_CONFIG);

    // Many threads and strings: results are never mixed up, and with more than 64 clients the oldest are freed.
    for account in 0..100 {
        sim.add_job("Leads", &format!("9{account}"), Job::new(account + 1, f64::INFINITY));
    }
    let before = descriptors();
    thread::scope(|scope| {
        for worker in 0..8_u64 {
            let string = &string;
            scope.spawn(move || {
                for turn in 0..100 {
                    let account = (turn * 7 + worker * 13) % 100;
                    let answer = status(&string(account as usize), "Leads", &format!("9{account}"));
                    assert_eq!(answer, (ZMD_OK, 3, account as i64 + 1));
                }
            });
        }
    });
    let grown = descriptors().saturating_sub(before);
    // A socket and the two ends of a pipe for each client, and the stand-in's two handles to the other end: 64 of them, and
    // not 100.
    assert!(grown < 450, "{grown} descriptors more");
}

#[test]
fn a_wait_that_follows_another_continues_its_schedule() {
    let sim = with_job(Sim::start());
    sim.add_job("Leads", "2", Job::new(50_000, 1.0));
    let settings = format!("api_domain={};access_token={TOKEN};poll_min_ms=40;poll_max_ms=60000", sim.url());
    let settings = c(&settings);
    let wait = |timeout_ms| {
        let (mut state, mut total) = (-7, -7);
        let (module, job_id) = (c"Leads".as_ptr(), c"2".as_ptr());
        // SAFETY: all pointers are valid, or NULL where that is allowed.
        let error = unsafe {
            zmd_simple_wait_with(
                settings.as_ptr(),
                module,
                job_id,
                timeout_ms,
                &mut state,
                &mut total,
                null_mut(),
                null_mut(),
            )
        };
        assert_eq!((error, state, total), (ZMD_ERR_TIMEOUT, 2, 50_000));
    };
    for _ in 0..10 {
        wait(200);
    }
    // One wait of two seconds polls about nine times; each new one would at 0, 40, 120 ms, ...
    assert!((3..20).contains(&sim.requests()), "{}", sim.requests());
    // With a limit of 0 it polls once, now.
    let before = sim.requests();
    wait(0);
    assert_eq!(sim.requests(), before + 1);
}
