//! Access tokens that the library gets and renews, and shares between threads and processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::abi::zmd_error::*;
use common::*;
use zmd_sim::{Clock, Fault, Reply, Sim};

const REFRESH: &str = "1000.refresh0123456789abcdef0123456789.refreshfedcba9876543210fedcba98";
const ID: &str = "1000.CLIENT0123456789ABCDEF";
const SECRET: &str = "secret0123456789abcdef0123456789abcdef+/=&%";

fn builder() -> zmd_sim::Builder {
    Sim::builder().refresh_token(REFRESH, ID, SECRET)
}

/// A client with a refresh token, which takes the API's URL from the accounts server's answer.
fn client_with(sim: &Sim, more: &[(&str, &str)]) -> Client {
    Client::new(&settings(&sim.url(), more)).unwrap()
}

fn settings<'a>(url: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![("accounts_url", url), ("refresh_token", REFRESH), ("client_id", ID), ("client_secret", SECRET)];
    all.extend(more);
    all
}

const ORG: &str = "60012345678";

/// Settings for the client-credentials grant.
fn credentials<'a>(url: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![("accounts_url", url), ("client_id", ID), ("client_secret", SECRET)];
    all.extend(more);
    all
}

/// The signal that a write beyond the limit raises would end the program.
#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_the_process_may_not_write_costs_only_the_sharing() {
    use std::os::unix::process::CommandExt;
    let sim = with_job(builder().start());
    let cache = scratch("cache-limit").join("tokens");
    let url = sim.url();
    let environment = [
        ("ZMD_ACCOUNTS_URL", &*url),
        ("ZMD_REFRESH_TOKEN", REFRESH),
        ("ZMD_CLIENT_ID", ID),
        ("ZMD_CLIENT_SECRET", SECRET),
        ("ZMD_TOKEN_CACHE", cache.to_str().unwrap()),
    ];
    let status = |limit: u64| {
        let mut program = zmd_command(&environment);
        let set_limit = move || {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            // SAFETY: the limit outlives the call.
            unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
            Ok(())
        };
        // SAFETY: it may be called between fork and exec.
        unsafe { program.pre_exec(set_limit) };
        run(program.args(["status", "Leads", "1001"])).0
    };
    assert_eq!((status(100), sim.token_requests(), cache.exists()), (Some(0), 1, false));
    assert_eq!((status(100_000), sim.token_requests(), cache.exists()), (Some(0), 2, true));
    assert_eq!((status(100), sim.token_requests()), (Some(0), 2));
}

#[test]
fn client_credentials_need_no_refresh_token() {
    let sim = with_job(builder().organization(ORG).start());
    let url = sim.url();
    for org_id in [ORG.to_owned(), format!("ZohoCRM.{ORG}")] {
        let before = sim.token_requests();
        let client = Client::new(&credentials(&url, &[("org_id", &org_id)])).unwrap();
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        assert_eq!(sim.token_requests(), before + 1);
        // Renewed like any other token.
        sim.revoke_token(&token_in_use(&sim));
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        assert_eq!(sim.token_requests(), before + 2);
    }
    let request = sim.all_requests().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(request.target, "/oauth/v2/token");
    let form = String::from_utf8(request.body).unwrap();
    for part in ["grant_type=client_credentials", "scope=ZohoCRM.mass_delete.READ", "soid=ZohoCRM.60012345678"] {
        assert!(form.split('&').any(|field| field == part), "{part} is not in {form}");
    }
    assert!(!form.contains("refresh_token"), "{form}");
}

#[test]
fn client_credentials_share_their_tokens_too() {
    let sim = with_job(builder().organization(ORG).start());
    let (url, cache) = (sim.url(), Cache::new("credentials"));
    let path = cache.path();
    for _ in 0..3 {
        let client = Client::new(&credentials(&url, &[("org_id", ORG), ("token_cache", &path)])).unwrap();
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    assert_eq!(sim.token_requests(), 1);
    // A refresh token of the same client, and another organization, have their own entries.
    client_with(&sim, &[("token_cache", &path)]).status("Leads", "1001").unwrap();
    assert_eq!(sim.token_requests(), 2);
    let other =
        Client::new(&credentials(&url, &[("org_id", "1"), ("token_cache", &path), ("max_retries", "0")])).unwrap();
    assert_eq!(other.failure("Leads", "1001").0.error, ZMD_ERR_OAUTH);
    assert_eq!(sim.token_requests(), 3);
}

#[test]
fn client_credentials_that_are_refused() {
    let sim = with_job(builder().organization(ORG).start());
    let url = sim.url();
    for (settings, code, words) in [
        ([("org_id", "1"), ("client_secret", SECRET)], "missing_org_info", "org_id"),
        ([("org_id", ORG), ("client_secret", "no")], "invalid_client_secret", "client_secret"),
        ([("org_id", ORG), ("client_id", "no")], "invalid_client", "client_id"),
    ] {
        let (failed, _) = Client::new(&credentials(&url, &settings)).unwrap().failure("Leads", "1001");
        assert_eq!((failed.error, &*failed.code), (ZMD_ERR_OAUTH, code));
        assert!(failed.message.contains(words) && !failed.message.contains("refresh"), "{failed:?}");
    }
}

#[test]
fn half_of_a_grant_and_two_grants_are_refused() {
    for (settings, words) in [
        (vec![("org_id", ORG)], "client_id and client_secret are not set, but org_id is"),
        (vec![("client_id", ID)], "refresh_token (or org_id) and client_secret are not set, but client_id is"),
        (
            vec![("client_id", ID), ("client_secret", SECRET)],
            "refresh_token (or org_id) is not set, but client_id and client_secret are",
        ),
        (
            vec![("refresh_token", REFRESH), ("client_id", ID)],
            "client_secret is not set, but refresh_token and client_id are",
        ),
        (
            vec![("refresh_token", REFRESH), ("org_id", ORG), ("client_id", ID), ("client_secret", SECRET)],
            "refresh_token and org_id are both set",
        ),
    ] {
        let failed = Client::new(&settings).err().unwrap();
        assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
        assert!(failed.message.contains(words), "{failed:?}");
    }
}

#[test]
fn a_token_is_requested_when_it_is_first_needed_and_kept() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[]);
    assert_eq!((sim.connections(), sim.token_requests()), (0, 0));
    for _ in 0..5 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    assert_eq!((sim.token_requests(), sim.requests()), (1, 5));
    let request = &sim.all_requests()[0];
    assert_eq!((&*request.method, &*request.target), ("POST", "/oauth/v2/token"));
    assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
    // Both services translate their messages.
    assert!(sim.all_requests().iter().all(|request| request.header("Accept-Language") == Some("en")));
}

#[test]
fn a_refused_token_is_renewed_once() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[]);
    client.status("Leads", "1001").unwrap();
    sim.revoke_token(&token_in_use(&sim));
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!((sim.token_requests(), sim.requests()), (2, 3));
    for code in ["INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"] {
        sim.next(Reply::Error(code));
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{code}");
    }
    assert_eq!(sim.token_requests(), 5);
}

#[test]
fn a_token_that_is_refused_as_soon_as_it_is_made_is_not_made_again() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[]);
    for _ in 0..5 {
        let (failed, http_status) = client.failure("Leads", "error-INVALID_TOKEN");
        assert_eq!((failed.error, http_status), (ZMD_ERR_UNAUTHORIZED, 401));
    }
    assert_eq!(sim.token_requests(), 2);
    // The token was valid: the next call succeeds.
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn other_refusals_renew_nothing() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[]);
    assert_eq!(client.failure("Leads", "error-OAUTH_SCOPE_MISMATCH").0.error, ZMD_ERR_SCOPE);
    assert_eq!(client.failure("Leads", "error-NO_PERMISSION").0.error, ZMD_ERR_FORBIDDEN);
    assert_eq!(sim.token_requests(), 1);
}

#[test]
fn a_given_token_is_used_until_it_is_refused() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[("access_token", TOKEN), ("api_domain", &sim.url())]);
    client.status("Leads", "1001").unwrap();
    assert_eq!((token_in_use(&sim).as_str(), sim.token_requests()), (TOKEN, 0));
    sim.revoke_token(TOKEN);
    client.status("Leads", "1001").unwrap();
    assert_eq!(sim.token_requests(), 1);
    sim.accept_token("1000.set.by-hand");
    client.set_access_token("1000.set.by-hand").unwrap();
    client.status("Leads", "1001").unwrap();
    assert_eq!((token_in_use(&sim).as_str(), sim.token_requests()), ("1000.set.by-hand", 1));
}

#[test]
fn the_api_domain_of_the_accounts_server_is_used() {
    let api = with_job(Sim::start());
    api.accept_any_token();
    let accounts = with_job(builder().api_domain(api.url()).start());
    client_with(&accounts, &[]).status("Leads", "1001").unwrap();
    assert_eq!((accounts.requests(), api.requests()), (0, 1));
    // Unless the settings say otherwise.
    client_with(&accounts, &[("api_domain", &accounts.url())]).status("Leads", "1001").unwrap();
    assert_eq!((accounts.requests(), api.requests()), (1, 1));
    for bad in ["http://api.evil.test", "https://user@evil.test", "ftp://x", "nonsense"] {
        let accounts = builder().api_domain(bad).start();
        let (failed, _) = client_with(&accounts, &[]).failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_OAUTH, "{bad}: {failed:?}");
        assert!(failed.message.contains("it names an API that is not a base URL"), "{failed:?}");
    }
    // An empty one counts as absent: the API of the settings is used, which is out of reach here.
    let empty = builder().api_domain("").start();
    let settings = [("proxy", "http://127.0.0.1:1"), ("max_retries", "0")];
    let (failed, _) = client_with(&empty, &settings).failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_PROXY, "{failed:?}");
}

#[test]
fn refusals_are_distinguished() {
    let sim = with_job(builder().invalid_code_status(200).start());
    let url = sim.url();
    for (key, code, expected) in [
        ("refresh_token", "invalid_code", "another data center than us"),
        ("client_id", "invalid_client", "client_id"),
        ("client_secret", "invalid_client_secret", "client_secret"),
    ] {
        let wrong = settings(&url, &[(key, "1000.wrong")]);
        let (failed, http_status) = Client::new(&wrong).unwrap().failure("Leads", "1001");
        assert_eq!((failed.error, &*failed.code), (ZMD_ERR_OAUTH, code), "{failed:?}");
        assert!(failed.message.contains(expected) && [200, 400].contains(&http_status), "{failed:?}");
    }
    for (reply, error, code, expected) in [
        (
            Reply::json(
                400,
                r#"{"error":"Access Denied","error_description":"You have made too many requests continuously."}"#,
            ),
            ZMD_ERR_RATE_LIMITED,
            "Access Denied",
            "token_cache",
        ),
        (
            Reply::json(400, r#"{"error":"new_error","error_description":"Some day."}"#),
            ZMD_ERR_OAUTH,
            "new_error",
            "Some day.",
        ),
        (Reply::html(404, "<html>Not here</html>"), ZMD_ERR_BAD_RESPONSE, "", "accounts_url"),
        (
            Reply::json(302, "").header("Location", "https://elsewhere.test/"),
            ZMD_ERR_BAD_RESPONSE,
            "",
            "https://elsewhere.test",
        ),
        (Reply::json(200, r#"{"access_token":""}"#), ZMD_ERR_OAUTH, "", "access_token"),
        (Reply::json(200, r#"{"access_token":"a b"}"#), ZMD_ERR_OAUTH, "", "access_token"),
        (Reply::html(503, "<html>maintenance</html>"), ZMD_ERR_SERVER, "", "503"),
        (Reply::html(429, ""), ZMD_ERR_RATE_LIMITED, "", "429"),
        (Reply::Fault(Fault::Close), ZMD_ERR_NETWORK, "", ""),
        (Reply::Fault(Fault::Garbage), ZMD_ERR_NETWORK, "", ""),
        (Reply::Fault(Fault::BigBody), ZMD_ERR_BAD_RESPONSE, "", ""),
    ] {
        // A new client: a refusal is not asked for again.
        let client = client_with(&sim, &[("max_retries", "0")]);
        sim.next_token(reply.clone());
        let (failed, _) = client.failure("Leads", "1001");
        assert_eq!((failed.error, &*failed.code), (error, code), "{reply:?}: {failed:?}");
        assert!(failed.message.contains(expected), "{reply:?}: {failed:?}");
    }
    assert_eq!(sim.requests(), 0);
}

/// A maintenance page with 200, a firewall's 403, an empty body, and what OAuth calls a failure of the server.
fn not_from_a_working_server() -> [Reply; 6] {
    [
        Reply::html(200, "<html>Maintenance</html>"),
        Reply::html(403, "<html>Blocked by the firewall</html>"),
        Reply::json(200, ""),
        Reply::json(200, "{}"),
        Reply::json(400, r#"{"error":"server_error"}"#),
        Reply::json(200, r#"{"error":"general_error"}"#),
    ]
}

#[test]
fn a_response_without_a_refusal_of_oauth_is_retried() {
    for reply in not_from_a_working_server() {
        let sim = with_job(builder().start());
        sim.next_token(reply.clone());
        let client = client_with(&sim, &[]);
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{reply:?}");
        assert_eq!(sim.token_requests(), 2);
        sim.next_token(reply.clone());
        let (failed, _) = client_with(&sim, &[("max_retries", "0")]).failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_SERVER, "{reply:?}: {failed:?}");
    }
}

#[test]
fn a_wait_goes_on_while_the_accounts_server_does_not_work() {
    let sim = with_job(builder().start());
    not_from_a_working_server().into_iter().for_each(|reply| sim.next_token(reply));
    let client = client_with(&sim, &[("max_retries", "0"), ("poll_min_ms", "1"), ("poll_max_ms", "1")]);
    let (answer, result) = client.wait("Leads", "1001", -1, &mut ignore);
    assert_eq!((answer, result), (Answer::completed(), Ok(())));
    assert_eq!(sim.token_requests(), 7);
}

#[test]
fn a_refused_grant_is_requested_once_for_many_jobs() {
    for (reply, error) in [
        (Reply::json(400, r#"{"error":"invalid_code"}"#), ZMD_ERR_OAUTH),
        (Reply::json(400, r#"{"error":"Access Denied","status":"failure"}"#), ZMD_ERR_RATE_LIMITED),
    ] {
        let sim = with_job(builder().start());
        sim.next_token(reply);
        let client = client_with(&sim, &[]);
        let (_, errors, _) = client.status_many(&[("Leads", "1001"); 200]);
        assert_eq!(errors, [error; 200]);
        let clone = client.try_clone().unwrap();
        let (failed, http_status) = clone.failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (error, 400));
        assert!(failed.message.contains("the next request is sent in "), "{failed:?}");
        assert_eq!(sim.token_requests(), 1);
        // A token that the host has from elsewhere is used.
        sim.accept_token(TOKEN);
        client.set_access_token(TOKEN).unwrap();
        let (failed, _) = client.failure("Leads", "no-such-job");
        assert_ne!(failed.error, error, "{failed:?}");
        // Another client asks: its credentials may have been changed.
        client_with(&sim, &[]).status("Leads", "1001").unwrap();
        assert_eq!(sim.token_requests(), 2);
    }
}

#[test]
fn processes_that_share_a_token_cache_share_a_refusal() {
    let sim = with_job(builder().start());
    let cache = Cache::new("refused");
    sim.next_token(Reply::json(200, r#"{"error":"invalid_code"}"#));
    for _ in 0..3 {
        let (exit, _, err) = run(&mut tool(&sim, &cache.path()));
        assert!(exit == Some(4) && err.contains("the refresh token was revoked"), "{exit:?} {err}");
    }
    assert_eq!(sim.token_requests(), 1);
    // Other credentials.
    let (path, url) = (cache.path(), sim.url());
    let settings = settings(&url, &[("token_cache", &path), ("client_id", "1000.OTHER")]);
    assert_eq!(Client::new(&settings).unwrap().failure("Leads", "1001").0.code, "invalid_client");
    assert_eq!(sim.token_requests(), 2);
    // A minute later.
    let mut content = cache.content();
    for refusal in content["refusals"].as_object_mut().unwrap().values_mut() {
        refusal["at"] = (refusal["at"].as_u64().unwrap() - 60).into();
    }
    fs::write(cache.file(), format!(r#"{{"zmd_token_cache":1,"tokens":{{}},"refusals":{}}}"#, content["refusals"]))
        .unwrap();
    succeeds(&mut tool(&sim, &cache.path()));
    assert_eq!(sim.token_requests(), 3);
}

#[test]
fn transient_failures_of_the_accounts_server_are_retried() {
    let sim = with_job(builder().start());
    sim.next_token(Reply::html(500, "<html>no</html>"));
    sim.next_token(Reply::Fault(Fault::Reset));
    assert_eq!(client_with(&sim, &[]).status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(sim.token_requests(), 3);
}

#[test]
fn the_deadline_holds_for_the_token_too() {
    let sim = with_job(builder().start());
    let client = client_with(&sim, &[("timeout_ms", "400")]);
    for fault in [Fault::StallBeforeHeader, Fault::SlowForever, Fault::StallInBody] {
        sim.next_token(Reply::Fault(fault));
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        assert_eq!(failed.error, ZMD_ERR_TIMEOUT, "{failed:?}");
        assert!(took.at_most(Duration::from_millis(500)), "{took:?}");
    }
    // Also for threads that wait for the one that requests the token.
    (0..4).for_each(|_| sim.next_token(Reply::Fault(Fault::StallBeforeHeader)));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
                assert_eq!(failed.error, ZMD_ERR_TIMEOUT, "{failed:?}");
                assert!(took.at_most(Duration::from_millis(500)), "{took:?}");
            });
        }
    });
}

#[test]
fn sixteen_threads_cause_one_token_request() {
    let sim = with_job(builder().delay(Duration::from_millis(50)).start());
    let client = client_with(&sim, &[]);
    let all_ask = || {
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed())));
            }
        })
    };
    all_ask();
    assert_eq!(sim.token_requests(), 1);
    sim.revoke_token(&token_in_use(&sim));
    all_ask();
    assert_eq!(sim.token_requests(), 2);
}

#[test]
fn a_client_and_its_clones_share_one_token() {
    let sim = with_job(builder().delay(Duration::from_millis(50)).start());
    let client = client_with(&sim, &[]);
    let clones: Vec<_> = (0..8).map(|_| client.try_clone().unwrap()).collect();
    thread::scope(|scope| {
        for one in clones.iter().chain([&client]) {
            scope.spawn(|| assert_eq!(one.status("Leads", "1001"), Ok(Answer::completed())));
        }
    });
    assert_eq!((sim.token_requests(), sim.requests()), (1, 9));
}

#[test]
fn settings_that_cannot_be_combined() {
    let access = ("access_token", TOKEN);
    let (refresh, id, secret) = (("refresh_token", REFRESH), ("client_id", ID), ("client_secret", SECRET));
    for (settings, missing) in [
        (vec![refresh], "client_id and client_secret are"),
        (vec![access, id], "refresh_token (or org_id) and client_secret are"),
        (vec![refresh, secret], "client_id is"),
        (vec![access, refresh, id], "client_secret is"),
    ] {
        let failed = Client::new(&settings).err().unwrap();
        assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
        assert!(failed.message.starts_with(&format!("{missing} not set")), "{failed:?}");
    }
    let failed = Client::new(&[]).err().unwrap();
    assert!(
        failed.error == ZMD_ERR_INVALID_CONFIG && failed.message.starts_with("access_token is not set"),
        "{failed:?}"
    );
    let failed = Client::new(&[refresh, id, secret, ("token_cache", "/tmp")]).err().unwrap();
    assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
    assert!(failed.message.starts_with("token_cache takes"), "{failed:?}");
}

/// A cache file in its own directory.
struct Cache(PathBuf);

impl Cache {
    fn new(name: &str) -> Cache {
        Cache(scratch(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join("tokens")
    }

    fn path(&self) -> String {
        self.file().to_str().unwrap().to_owned()
    }

    fn content(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command with a refresh token and a cache.
fn tool(sim: &Sim, cache: &str) -> Command {
    let mut command = zmd_command(&[
        ("ZMD_ACCOUNTS_URL", &sim.url()),
        ("ZMD_REFRESH_TOKEN", REFRESH),
        ("ZMD_CLIENT_ID", ID),
        ("ZMD_CLIENT_SECRET", SECRET),
        ("ZMD_TOKEN_CACHE", cache),
    ]);
    command.args(["status", "Leads", "1001"]);
    command
}

fn succeeds(command: &mut Command) {
    let (exit, _, err) = run(command);
    assert_eq!((exit, &*err), (Some(0), ""));
}

fn twelve_at_once(sim: &Sim, cache: &Cache) {
    let children: Vec<_> = (0..12)
        .map(|_| tool(sim, &cache.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn twelve_processes_cause_one_token_request() {
    let sim = with_job(builder().delay(Duration::from_millis(50)).start());
    let cache = Cache::new("twelve");
    twelve_at_once(&sim, &cache);
    assert_eq!((sim.token_requests(), sim.requests()), (1, 12));
    let content = fs::read_to_string(cache.file()).unwrap();
    assert!(content.contains(&token_in_use(&sim)));
    assert!(![REFRESH, ID, SECRET].iter().any(|secret| content.contains(secret)), "{content}");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(cache.file()).unwrap().mode() & 0o777, 0o600);

    // The token in the cache has expired.
    let mut content = cache.content();
    for entry in content["tokens"].as_object_mut().unwrap().values_mut() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        entry["expires_at"] = (now - 1).into();
    }
    let expired = format!(r#"{{"zmd_token_cache":1,"tokens":{}}}"#, content["tokens"]);
    fs::write(cache.file(), expired).unwrap();
    twelve_at_once(&sim, &cache);
    assert_eq!(sim.token_requests(), 2);

    // The token in the cache was revoked: each process is refused, and one renews it.
    sim.revoke_token(&token_in_use(&sim));
    twelve_at_once(&sim, &cache);
    assert_eq!(sim.token_requests(), 3);
}

#[test]
fn a_cache_that_cannot_be_used_costs_a_token_request() {
    let clock = Clock::driven();
    let sim = with_job(builder().clock(clock.clone()).start());
    let cache = Cache::new("no-use");
    let mut expected = 0;
    for (content, is_repaired) in [
        ("", true),
        ("{\"zmd_token_cache\":1,", true),
        ("{\"zmd_token_cache\":1,\"tokens\":{\"x\":7}}", true),
        ("{\"zmd_token_cache\":1,\"tokens\":{", true),
        ("root:x:0:0:root:/root:/bin/sh\n", false),
        ("{\"another\":\"program's\"}", false),
        ("\u{0}\u{1}\u{2}", false),
    ] {
        fs::write(cache.file(), content).unwrap();
        succeeds(&mut tool(&sim, &cache.path()));
        succeeds(&mut tool(&sim, &cache.path()));
        expected += if is_repaired { 1 } else { 2 };
        assert_eq!(sim.token_requests(), expected, "{content}");
        if !is_repaired {
            assert_eq!(fs::read_to_string(cache.file()).unwrap(), content);
        }
        clock.advance(Duration::from_secs(601));
    }
    // A directory that does not exist, and paths that cannot be cache files.
    for path in ["/nowhere/tokens", "/dev/null/tokens"] {
        succeeds(&mut tool(&sim, path));
    }
    let pipe = format!("{}-pipe", cache.path());
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in ["/dev/full", "/tmp", &pipe] {
        let (exit, _, err) = run(&mut tool(&sim, path));
        assert!(exit == Some(4) && err.contains("token_cache takes the path of a file"), "{exit:?} {err}");
    }
    assert!(!Path::new(&format!("{pipe}.lock")).exists());
    let failed = Client::new(&[("access_token", TOKEN), ("token_cache", "/dev/null")]).err().unwrap();
    assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
    // A file that somebody else could have written.
    let before = r#"{"zmd_token_cache":1,"tokens":{}}"#;
    fs::write(cache.file(), before).unwrap();
    fs::set_permissions(cache.file(), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    succeeds(&mut tool(&sim, &cache.path()));
    assert_eq!(fs::read_to_string(cache.file()).unwrap(), before);
}

#[test]
fn a_cache_without_write_permission_costs_a_token_request() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let sim = with_job(builder().start());
    let cache = Cache::new("read-only");
    succeeds(&mut tool(&sim, &cache.path()));
    let before = fs::read(cache.file()).unwrap();
    let copy = Cache::new("read-only-command");
    copy_program(tool(&sim, "").get_program(), &copy.file());
    let as_user = |expected: usize| {
        let original = tool(&sim, &cache.path());
        let mut command = Command::new(copy.file());
        command.args(original.get_args()).env_clear();
        command.envs(original.get_envs().filter_map(|(key, value)| Some((key, value?))));
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } == 0 {
            // Root may write any file.
            command.uid(65_534).gid(65_534);
        }
        succeeds(&mut command);
        assert_eq!(sim.token_requests(), expected);
    };
    // SAFETY: as above.
    let root = unsafe { libc::geteuid() } == 0;
    fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o555)).unwrap();
    // Another user can't read root's file; the user's own file can be read, and is used.
    as_user(if root { 2 } else { 1 });
    fs::set_permissions(cache.file(), fs::Permissions::from_mode(0o000)).unwrap();
    as_user(if root { 3 } else { 2 });
    fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(cache.file(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(cache.file()).unwrap(), before);
}

/// A process that has taken a record lock, as one that is stopped keeps it.
struct Holder(std::process::Child);

impl Holder {
    fn of(path: &Path) -> Holder {
        use std::io::{BufRead, BufReader};
        const PROGRAM: &str = "import fcntl, sys, time\nf = open(sys.argv[1], 'a')\nfcntl.lockf(f, fcntl.LOCK_EX)\n\
                               print('held', flush=True)\ntime.sleep(3600)";
        let mut child = Command::new("python3").args(["-c", PROGRAM]).arg(path).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Holder(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_lock_that_is_never_released_costs_half_of_the_time_once() {
    use std::os::unix::fs::PermissionsExt;
    let sim = with_job(builder().start());
    let cache = Cache::new("held");
    let lock = cache.0.join("tokens.lock");
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).unwrap();
    let holder = Holder::of(&lock);
    let path = cache.path();
    let settings = [("token_cache", &*path), ("timeout_ms", "2000")];
    let client = client_with(&sim, &settings);
    let (took, result) = timed(|| client.status("Leads", "1001"));
    assert_eq!(result, Ok(Answer::completed()));
    assert!(took.at_least(Duration::from_millis(900)) && took.at_most(Duration::from_millis(1500)), "{took:?}");
    // What was made without the lock is stored, for the others.
    assert!(fs::read_to_string(cache.file()).unwrap().contains(&token_in_use(&sim)));
    assert_eq!(client_with(&sim, &settings).status("Leads", "1001"), Ok(Answer::completed()));
    assert_eq!(sim.token_requests(), 1);
    drop(holder);
    fs::remove_file(cache.file()).unwrap();
    let (took, result) = timed(|| client_with(&sim, &settings[..1]).status("Leads", "1001"));
    assert!(result.is_ok() && took.at_most(AT_ONCE), "{took:?} {result:?}");
}

#[test]
fn a_killed_process_does_not_block_the_next_one() {
    let clock = Clock::driven();
    // Every process renews the token, which is valid for a second only.
    let sim = with_job(builder().clock(clock.clone()).token_lifetime(Duration::from_secs(1)).start());
    let cache = Cache::new("killed");
    // The run time of a process; making the command builds it.
    let mut first = tool(&sim, &cache.path());
    let (whole, ()) = timed(|| succeeds(&mut first));
    let whole = whole.whole().min(Duration::from_millis(200));
    for round in 0..40u32 {
        clock.advance(Duration::from_secs(61));
        let _ = fs::remove_file(cache.file());
        let mut child = tool(&sim, &cache.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(whole * round / 32);
        child.kill().unwrap();
        child.wait().unwrap();
        if cache.file().exists() {
            // The file is always complete, as it is renamed into place.
            let content = cache.content();
            assert!(content["zmd_token_cache"] == 1 && content["tokens"].is_object(), "{content}");
        }
    }
    clock.advance(Duration::from_secs(601));
    fs::write(cache.file(), "").unwrap();
    let (took, ()) = timed(|| succeeds(&mut tool(&sim, &cache.path())));
    assert!(took.at_most(AT_ONCE), "{took:?}");
    assert_eq!(cache.content()["tokens"].as_object().unwrap().len(), 1);
    let mut names: Vec<_> = fs::read_dir(&cache.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tokens", "tokens.lock", "tokens.slot0"]);
}

#[test]
fn a_child_of_fork_renews_for_itself() {
    // In C, as this process has many threads: fork_test.c has the other tests of fork.
    let sim = with_job(builder().start());
    let program = compile("gcc", &["-std=c99"], "tests/c/renew_test.c", "renew_test");
    let mut command = Command::new(program);
    command.env_clear().envs([
        ("ZMD_ACCOUNTS_URL", sim.url().as_str()),
        ("ZMD_REFRESH_TOKEN", REFRESH),
        ("ZMD_CLIENT_ID", ID),
        ("ZMD_CLIENT_SECRET", SECRET),
    ]);
    let (exit, out, err) = run(&mut command);
    assert_eq!((exit, &*out), (Some(0), "ok renew_test\n"), "{err}");
}

/// Records log lines.
mod log_lines {
    use std::ffi::{CStr, c_char, c_void};
    use std::sync::Mutex;

    pub static LINES: Mutex<Vec<(i32, String)>> = Mutex::new(Vec::new());

    pub unsafe extern "C" fn keep(_: *mut c_void, level: i32, message: *const c_char) {
        // SAFETY: the message is a NUL-terminated string.
        let line = unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned();
        // It may call any function.
        assert!(!common::abi::zmd_version().is_null());
        LINES.lock().unwrap().push((level, line));
    }
}

#[test]
fn no_secret_is_in_a_trace_log_or_a_message() {
    alone(search_for_secrets);
}

fn search_for_secrets() {
    use log_lines::{LINES, keep};
    let set = |max_level| {
        // SAFETY: the callback is static and uses no user data.
        checked(unsafe { common::abi::zmd_set_logger(Some(keep), std::ptr::null_mut(), max_level) })
    };
    for bad in [-1, 6, i32::MIN, i32::MAX] {
        assert_eq!(set(bad).unwrap_err().error, ZMD_ERR_INVALID_ARGUMENT);
    }
    set(5).unwrap();
    let mut messages = Vec::new();
    let mut secrets = vec![REFRESH.to_owned(), SECRET.to_owned(), TOKEN.to_owned(), "pr0xy-p4ssword".to_owned()];
    for tls in [false, true] {
        let sim = with_job(if tls { builder().tls().start() } else { builder().start() });
        let cache = Cache::new("log");
        let mut more = vec![("max_retries", "1")];
        more.extend(tls.then(|| ("ca_file", sim.ca_file().to_str().unwrap())));
        let path = cache.path();
        let with_cache: Vec<_> = more.iter().copied().chain([("token_cache", &*path)]).collect();
        let client = client_with(&sim, &with_cache);
        client.status("Leads", "1001").unwrap();
        sim.revoke_token(&token_in_use(&sim));
        client.status("Leads", "1001").unwrap();
        for job_id in
            ["error-INVALID_TOKEN", "error-NO_PERMISSION", "fault-garbage", "fault-close", "error-redirect", "x y"]
        {
            messages.push(client.failure("Leads", job_id).0.message);
        }
        // Each server repeats the request in its answer.
        let echo = token_in_use(&sim);
        for reply in [Reply::json(200, &echo), Reply::api_error(400, &echo, &echo)] {
            sim.next(reply);
            messages.push(client.failure("Leads", "1001").0.message);
        }
        let echo = format!("{REFRESH} {SECRET}");
        sim.next_token(Reply::json(400, &format!(r#"{{"error":"{echo}","error_description":"{echo}"}}"#)));
        messages.push(client_with(&sim, &more).failure("Leads", "1001").0.message);
        (0..2).for_each(|_| sim.next_token(Reply::html(200, &echo)));
        messages.push(client_with(&sim, &more).failure("Leads", "1001").0.message);
        let proxy = format!("http://user:pr0xy-p4ssword@127.0.0.1:{}", free_port());
        if tls {
            let proxied: Vec<_> = more.iter().copied().chain([("proxy", &*proxy)]).collect();
            messages.push(client_with(&sim, &proxied).failure("Leads", "1001").0.message);
        }
        messages.push(Client::new(&[("access_token", &format!("{TOKEN} "))]).err().unwrap().message);
        let tokens = sim
            .all_requests()
            .into_iter()
            .filter_map(|request| request.header("Authorization")?.strip_prefix("Zoho-oauthtoken ").map(str::to_owned));
        secrets.extend(tokens);
    }
    set(0).unwrap();
    let lines = LINES.lock().unwrap();
    let all: Vec<&str> = lines.iter().map(|(_, line)| &**line).chain(messages.iter().map(|line| &**line)).collect();
    for (level, of) in [(3, "oauth: "), (4, "client: "), (5, "ureq: "), (5, "rustls: ")] {
        assert!(lines.iter().any(|(l, line)| *l == level && line.starts_with(of)), "no line of {of} at {level}");
    }
    // The lines are joined, so that a hexadecimal dump cannot hide a secret.
    let joined: String = all.iter().flat_map(|line| line.split_whitespace().last()).collect();
    for secret in secrets {
        let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        let form =
            secret.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace('&', "%26");
        for form in
            [secret.clone(), percent, form, base64(secret.as_bytes()), base64(format!("user:{secret}").as_bytes())]
        {
            for line in all.iter().copied().chain([&*joined]) {
                assert!(!line.contains(&form), "{form} is in: {}", &line[..line.len().min(300)]);
            }
        }
    }
}

#[test]
fn base64_is_base64() {
    assert_eq!(base64(b"Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2Ft");
}

/// The README's recipe: the command with environment variables only.
#[test]
fn the_command_with_a_refresh_token() {
    let sim = with_job(builder().start());
    let cache = Cache::new("tool");
    succeeds(&mut tool(&sim, &cache.path()));
    succeeds(&mut tool(&sim, &cache.path()));
    assert_eq!(sim.token_requests(), 1);
    assert!(Path::new(&cache.path()).exists());
}
