//! Access tokens from the host program's token provider.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::abi::zmd_error::*;
use common::abi::*;
use common::*;
use zmd_sim::Sim;

/// The behavior of a provider, and its calls.
#[derive(Default)]
struct Host {
    /// What it writes and returns in each call; the last answer is repeated.
    answers: Mutex<Vec<(Vec<u8>, i32)>>,
    refused: Mutex<Vec<Option<String>>>,
    at_once: AtomicUsize,
    overlapped: AtomicBool,
    /// While it is true, the provider does not return.
    hangs: Mutex<bool>,
    released: Condvar,
    /// A client that it calls, which it must not do.
    asks: Mutex<Option<usize>>,
}

impl Host {
    fn new(answers: &[(&[u8], i32)]) -> Host {
        let answers = answers.iter().map(|(text, result)| (text.to_vec(), *result)).collect();
        Host { answers: Mutex::new(answers), ..Host::default() }
    }

    fn giving(token: &str) -> Host {
        Host::new(&[(token.as_bytes(), 0)])
    }

    fn client(&self, sim: &Sim, settings: &[(&str, &str)]) -> Client {
        self.try_client(sim, settings).unwrap()
    }

    fn try_client(&self, sim: &Sim, settings: &[(&str, &str)]) -> Result<Client, Failed> {
        let url = sim.url();
        let mut all = vec![("api_domain", &*url)];
        all.extend(settings);
        let host: *const Host = self;
        Client::with(&all, |config| {
            // SAFETY: the host outlives the client, and the function is static.
            checked(unsafe { zmd_config_set_token_provider(config, Some(provide), host.cast_mut().cast()) })
        })
    }

    fn calls(&self) -> usize {
        self.refused.lock().unwrap().len()
    }

    fn hang(&self, hangs: bool) {
        *self.hangs.lock().unwrap() = hangs;
        self.released.notify_all();
    }

    fn wait_for_calls(&self, count: usize) {
        let begin = Instant::now();
        while self.calls() < count {
            assert!(begin.elapsed() < Duration::from_secs(10), "{} of {count} calls", self.calls());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

unsafe extern "C" fn provide(user_data: *mut c_void, refused: *const c_char, token: *mut c_char, size: usize) -> i32 {
    // SAFETY: `try_client` passes a host that outlives the client.
    let host = unsafe { &*user_data.cast::<Host>() };
    if host.at_once.fetch_add(1, Ordering::SeqCst) > 0 {
        host.overlapped.store(true, Ordering::SeqCst);
    }
    // SAFETY: NULL, or a string.
    let refused = (!refused.is_null()).then(|| unsafe { CStr::from_ptr(refused) }.to_str().unwrap().to_owned());
    host.refused.lock().unwrap().push(refused);
    assert!(size >= 4097);
    if let Some(client) = host.asks.lock().unwrap().take() {
        let (module, job_id) = (CString::new("Leads").unwrap(), CString::new("1001").unwrap());
        let mut status = std::mem::MaybeUninit::<zmd_status>::uninit();
        let client = client as *mut zmd_client;
        // SAFETY: the client is alive: it is waiting for this function.
        let error = unsafe { zmd_client_status(client, module.as_ptr(), job_id.as_ptr(), status.as_mut_ptr()) };
        assert_eq!(error, ZMD_ERR_INVALID_ARGUMENT);
    }
    let mut hangs = host.hangs.lock().unwrap();
    while *hangs {
        hangs = host.released.wait(hangs).unwrap();
    }
    drop(hangs);
    let mut answers = host.answers.lock().unwrap();
    let (text, result) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    drop(answers);
    for (index, byte) in text.iter().chain([&0]).take(size).enumerate() {
        // SAFETY: there is room for `size` bytes.
        unsafe { *token.add(index) = *byte as c_char };
    }
    host.at_once.fetch_sub(1, Ordering::SeqCst);
    result
}

const OTHER: &str = "1000.other.token";

#[test]
fn it_is_called_when_a_token_is_needed_with_the_one_that_was_refused() {
    let sim = sim();
    sim.accept_token(OTHER);
    let host = Host::new(&[(TOKEN.as_bytes(), 0), (OTHER.as_bytes(), 0)]);
    let client = host.client(&sim, &[]);
    assert_eq!(host.calls(), 0);
    for _ in 0..5 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    assert_eq!(*host.refused.lock().unwrap(), [None]);
    sim.revoke_token(TOKEN);
    // A clone shares the token.
    let clone = client.try_clone().unwrap();
    assert_eq!(clone.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(*host.refused.lock().unwrap(), [None, Some(TOKEN.to_owned())]);
    // If the second token is refused too, the call fails; the next call calls the provider again.
    sim.revoke_token(OTHER);
    *host.answers.lock().unwrap() = vec![(b"1000.bad.token".to_vec(), 0), (OTHER.as_bytes().to_vec(), 0)];
    assert_eq!(client.failure("Leads", "1001").0.error, ZMD_ERR_UNAUTHORIZED);
    sim.accept_token(OTHER);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn an_access_token_beside_it_is_used_until_it_is_refused() {
    let sim = sim();
    let host = Host::giving(TOKEN);
    let client = host.client(&sim, &[("access_token", OTHER)]);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(*host.refused.lock().unwrap(), [Some(OTHER.to_owned())]);
    // There can be only one source of tokens.
    let grant = [("refresh_token", "r"), ("client_id", "i"), ("client_secret", "s")];
    let failed = host.try_client(&sim, &grant).err().unwrap();
    assert!(failed.error == ZMD_ERR_INVALID_CONFIG && failed.message.contains("token provider"), "{failed:?}");
}

#[test]
fn it_is_called_once_at_a_time() {
    let sim = sim();
    let host = Host::giving(TOKEN);
    let client = host.client(&sim, &[]);
    let clones: Vec<_> = (0..4).map(|_| client.try_clone().unwrap()).collect();
    host.hang(true);
    thread::scope(|scope| {
        for turn in 0..32 {
            let client = if turn % 2 == 0 { &client } else { &clones[turn % 4] };
            scope.spawn(|| assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed())));
        }
        host.wait_for_calls(1);
        thread::sleep(Duration::from_millis(100));
        host.hang(false);
    });
    assert_eq!((host.calls(), host.overlapped.load(Ordering::SeqCst)), (1, false));
}

#[test]
fn a_provider_that_hangs_does_not_block_calls_beyond_their_limit() {
    let sim = sim();
    let host = Host::giving(TOKEN);
    let client = host.client(&sim, &[("timeout_ms", "300")]);
    host.hang(true);
    for _ in 0..2 {
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
        assert!(
            failed.message.contains("token provider") && failed.message.contains("timeout_ms (300 ms)"),
            "{failed:?}"
        );
        assert!(took.at_most(Duration::from_millis(400)), "{took:?}");
    }
    // It is still the first call of the provider.
    assert_eq!(host.calls(), 1);
    host.hang(false);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(host.calls(), 1);

    // A cancel returns at once; freeing the client waits for the provider to return.
    let other = Host::giving(TOKEN);
    let client = other.client(&sim, &[]);
    other.hang(true);
    thread::scope(|scope| {
        let call = scope.spawn(|| timed(|| client.failure("Leads", "1001").0.error));
        other.wait_for_calls(1);
        let (cause, ()) = timed(|| client.cancel());
        let (took, error) = call.join().unwrap();
        assert_eq!(error, ZMD_ERR_CANCELLED);
        let took = took.since(&cause);
        assert!(took.at_most(Duration::from_millis(100)), "{took:?}");
    });
    thread::scope(|scope| {
        let freed = scope.spawn(|| drop(client));
        thread::sleep(Duration::from_millis(100));
        assert!(!freed.is_finished());
        other.hang(false);
    });
    assert_eq!(other.at_once.load(Ordering::SeqCst), 0);
}

#[test]
fn failures_and_invalid_tokens_are_reported() {
    let sim = sim();
    let long = vec![b't'; 5000];
    for (text, result, expected) in [
        (&b"the vault is sealed"[..], 1, "the vault is sealed"),
        (b"", -1, "it did not say why"),
        (b"not \xff UTF-8", 1, "not"),
        (b"two\nlines", 1, "two lines"),
        (b"", 0, "1 to 4096 visible ASCII"),
        (b"a b", 0, "1 to 4096 visible ASCII"),
        (b"null", 0, "it is what a program writes for a value that is missing"),
        (b"\"1000.a.b\"", 0, "it is in quotes"),
        (b"s3cret\r\nX: y", 0, "1 to 4096 visible ASCII"),
        (b"\xff\xfe", 0, "1 to 4096 visible ASCII"),
        (&long, 0, "1 to 4096 visible ASCII"),
    ] {
        let host = Host::new(&[(text, result)]);
        let (failed, http_status) = host.client(&sim, &[]).failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (ZMD_ERR_OAUTH, 0));
        assert!(failed.message.contains(expected) && !failed.message.contains("s3cret"), "{failed:?}");
    }
    assert_eq!(sim.requests(), 0);
    // The refused token returned again, and quoted in a failure's message.
    sim.revoke_token(TOKEN);
    let host = Host::giving(TOKEN);
    let (failed, _) = host.client(&sim, &[]).failure("Leads", "1001");
    assert!(failed.error == ZMD_ERR_OAUTH && failed.message.contains("just refused"), "{failed:?}");
    let words = format!("no other than {TOKEN}");
    let host = Host::new(&[(TOKEN.as_bytes(), 0), (words.as_bytes(), 1)]);
    let (failed, _) = host.client(&sim, &[]).failure("Leads", "1001");
    assert!(failed.message.contains("no other than ***"), "{failed:?}");
}

#[test]
fn it_may_not_use_the_client_that_waits_for_it() {
    let sim = sim();
    let host = Host::giving(TOKEN);
    let client = host.client(&sim, &[]);
    *host.asks.lock().unwrap() = Some(client.raw() as usize);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn null_removes_it() {
    let failed = Client::with(&[], |config| {
        // SAFETY: the configuration is this function's; NULL is allowed.
        checked(unsafe { zmd_config_set_token_provider(config, Some(provide), null_mut()) })?;
        // SAFETY: as above.
        checked(unsafe { zmd_config_set_token_provider(config, None, null_mut()) })
    });
    assert_eq!(failed.err().unwrap().error, ZMD_ERR_INVALID_CONFIG);
    // SAFETY: NULL is allowed.
    let error = unsafe { zmd_config_set_token_provider(null_mut(), Some(provide), null_mut()) };
    assert_eq!(error, ZMD_ERR_NULL_POINTER);
}
