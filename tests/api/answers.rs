//! The service's answers, documented and undocumented, through the C API.

use std::fs;

use common::abi::zmd_error::{self, *};
use common::*;
use zmd_sim::{Clock, DOCUMENTED_ERRORS, Job, Reply, Sim};

#[test]
fn a_completed_job() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    let request = sim.last_request().unwrap();
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, "/crm/v7/Leads/actions/mass_delete?job_id=1001");
    let header = |name: &str| {
        let found = request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(header("Authorization"), [format!("Zoho-oauthtoken {TOKEN}")]);
    assert_eq!(header("Accept"), ["application/json"]);
    assert_eq!(header("User-Agent"), ["libzmd/0.1.0"]);
}

#[test]
fn a_running_job() {
    let sim = with_job(Sim::builder().clock(Clock::driven()).start());
    let seconds = std::time::Duration::from_secs;
    let job = Job { starts_after: seconds(60), queued: seconds(15), failed: 100, ..Job::new(1000, 10.0) };
    sim.add_job("Sales_Orders", "7", job);
    let v7 = Client::of(&sim, &[]);
    let counts = |answer: Answer| (answer.state, answer.total, answer.deleted, answer.failed);
    assert_eq!(v7.status("Sales_Orders", "7").map(counts), Ok((1, 1000, 0, 0)));
    sim.clock().advance(std::time::Duration::from_secs(50));
    assert_eq!(v7.status("Sales_Orders", "7").map(counts), Ok((5, 1000, 0, 0)));
    sim.clock().advance(std::time::Duration::from_secs(60));
    assert_eq!(v7.status("Sales_Orders", "7").map(counts), Ok((2, 1000, 450, 50)));
    sim.clock().advance(std::time::Duration::from_secs(60));
    assert_eq!(v7.status("Sales_Orders", " 7\n").map(counts), Ok((3, 1000, 900, 100)));
}

#[test]
fn every_documented_error() {
    let expected: &[(&str, zmd_error, &str)] = &[
        ("INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, "INVALID_TOKEN"),
        ("INVALID_OAUTHTOKEN", ZMD_ERR_UNAUTHORIZED, "INVALID_OAUTHTOKEN"),
        ("AUTHENTICATION_FAILURE", ZMD_ERR_UNAUTHORIZED, "AUTHENTICATION_FAILURE"),
        ("OAUTH_SCOPE_MISMATCH", ZMD_ERR_SCOPE, "OAUTH_SCOPE_MISMATCH"),
        ("NO_PERMISSION", ZMD_ERR_FORBIDDEN, "NO_PERMISSION"),
        ("INVALID_MODULE", ZMD_ERR_INVALID_MODULE, "INVALID_MODULE"),
        ("INVALID_DATA", ZMD_ERR_JOB_NOT_FOUND, "INVALID_DATA"),
        ("REQUIRED_PARAM_MISSING", ZMD_ERR_API, "REQUIRED_PARAM_MISSING"),
        ("INVALID_REQUEST_METHOD", ZMD_ERR_API, "INVALID_REQUEST_METHOD"),
        ("INVALID_URL_PATTERN", ZMD_ERR_API, "INVALID_URL_PATTERN"),
        ("NOT_FOUND", ZMD_ERR_JOB_NOT_FOUND, "NOT_FOUND"),
        ("TOO_MANY_REQUESTS", ZMD_ERR_RATE_LIMITED, "TOO_MANY_REQUESTS"),
        ("INTERNAL_ERROR", ZMD_ERR_SERVER, "INTERNAL_ERROR"),
        ("204", ZMD_ERR_JOB_NOT_FOUND, ""),
        ("404", ZMD_ERR_JOB_NOT_FOUND, ""),
        ("empty", ZMD_ERR_JOB_NOT_FOUND, ""),
        ("INTERNAL_SERVER_ERROR", ZMD_ERR_SERVER, "INTERNAL_SERVER_ERROR"),
        ("SERVICE_UNAVAILABLE", ZMD_ERR_SERVER, "SERVICE_UNAVAILABLE"),
        ("RATE_LIMIT_EXCEEDED", ZMD_ERR_RATE_LIMITED, "RATE_LIMIT_EXCEEDED"),
        ("AUTHORIZATION_FAILED", ZMD_ERR_FORBIDDEN, "AUTHORIZATION_FAILED"),
        ("AUTHENTICATION_FAILED", ZMD_ERR_UNAUTHORIZED, "AUTHENTICATION_FAILED"),
        ("INVALID_OAUTHSCOPE", ZMD_ERR_SCOPE, "INVALID_OAUTHSCOPE"),
        ("PERMISSION_DENIED", ZMD_ERR_FORBIDDEN, "PERMISSION_DENIED"),
        ("AUTHORIZATION_ERROR", ZMD_ERR_FORBIDDEN, "AUTHORIZATION_ERROR"),
        ("FEATURE_NOT_ENABLED", ZMD_ERR_FORBIDDEN, "FEATURE_NOT_ENABLED"),
        ("FEATURE_NOT_SUPPORTED", ZMD_ERR_FORBIDDEN, "FEATURE_NOT_SUPPORTED"),
        ("LICENSE_LIMIT_EXCEEDED", ZMD_ERR_FORBIDDEN, "LICENSE_LIMIT_EXCEEDED"),
        ("API_NOT_SUPPORTED", ZMD_ERR_FORBIDDEN, "API_NOT_SUPPORTED"),
        ("CRMPLUS_TRIAL_EXPIRED", ZMD_ERR_FORBIDDEN, "CRMPLUS_TRIAL_EXPIRED"),
        ("NOT_SUPPORTED", ZMD_ERR_INVALID_MODULE, "NOT_SUPPORTED"),
        ("INVALID_HOST", ZMD_ERR_API, "INVALID_HOST"),
        ("UNABLE_TO_PARSE_DATA_TYPE", ZMD_ERR_JOB_NOT_FOUND, "UNABLE_TO_PARSE_DATA_TYPE"),
        ("LIMIT_EXCEEDED", ZMD_ERR_API, "LIMIT_EXCEEDED"),
        ("MANDATORY_NOT_FOUND", ZMD_ERR_API, "MANDATORY_NOT_FOUND"),
        ("jobid", ZMD_ERR_JOB_NOT_FOUND, "INVALID_DATA"),
        ("module-in-path", ZMD_ERR_INVALID_MODULE, "INVALID_MODULE"),
        ("permissions", ZMD_ERR_FORBIDDEN, "NO_PERMISSION"),
        ("credits", ZMD_ERR_RATE_LIMITED, "TOO_MANY_REQUESTS"),
        ("throttled", ZMD_ERR_RATE_LIMITED, ""),
        ("throttled-cause", ZMD_ERR_RATE_LIMITED, ""),
        ("throttled-title", ZMD_ERR_RATE_LIMITED, ""),
        ("redirect", ZMD_ERR_BAD_RESPONSE, ""),
        ("html500", ZMD_ERR_SERVER, ""),
    ];
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    for documented in DOCUMENTED_ERRORS {
        let row = expected.iter().find(|row| row.0 == documented.name);
        let (name, error, code) = row.unwrap_or_else(|| panic!("{} is not expected", documented.name));
        let (failed, http_status) = client.failure("Leads", &format!("error-{name}"));
        assert_eq!((failed.error, &*failed.code, http_status), (*error, *code, documented.status.into()), "{failed:?}");
        assert!(failed.message.contains(code), "{failed:?}");
    }
    assert_eq!(expected.len(), DOCUMENTED_ERRORS.len());
}

#[test]
fn errors_of_a_wrong_token_and_an_unknown_job() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    assert_eq!(client.failure("Leads", "4711").0.error, ZMD_ERR_JOB_NOT_FOUND);
    assert_eq!(client.failure("Contacts", "1001").0.error, ZMD_ERR_JOB_NOT_FOUND);
    assert_eq!(client.failure("Nonsense", "1001").0.error, ZMD_ERR_INVALID_MODULE);
    sim.revoke_token(TOKEN);
    let (failed, http_status) = client.failure("Leads", "1001");
    assert_eq!((failed.error, &*failed.code, http_status), (ZMD_ERR_UNAUTHORIZED, "INVALID_TOKEN", 401));
    assert!(failed.message.contains("invalid oauth token") && failed.message.contains("than us"), "{failed:?}");
}

#[test]
fn a_new_token_is_used_by_the_next_call() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    sim.revoke_token(TOKEN);
    assert_eq!(client.failure("Leads", "1001").0.error, ZMD_ERR_UNAUTHORIZED);
    sim.accept_token("1000.new.token");
    for bad in ["", "null", "$TOKEN", "with blank", "with\nline", "é", &"t".repeat(4097)] {
        assert_eq!(client.set_access_token(bad).unwrap_err().error, ZMD_ERR_INVALID_ARGUMENT);
    }
    assert_eq!(client.failure("Leads", "1001").0.error, ZMD_ERR_UNAUTHORIZED);
    client.set_access_token("1000.new.token").unwrap();
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    // A token of the maximum length.
    let longest = "t".repeat(4096);
    sim.accept_token(&longest);
    client.set_access_token(&longest).unwrap();
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn a_wait_goes_on_while_a_job_is_scheduled_queued_or_suspended() {
    let seconds = std::time::Duration::from_secs;
    let sim = with_job(Sim::builder().clock(Clock::driven()).start());
    let suspended = Some((seconds(20), seconds(30)));
    let job = Job { starts_after: seconds(40), queued: seconds(20), suspended, ..Job::new(40, 1.0) };
    let client = Client::of(&sim, &[("poll_min_ms", "1"), ("poll_max_ms", "1")]);
    sim.add_job("Leads", "7", job);
    let mut states = Vec::new();
    let (answer, result) = client.wait("Leads", "7", -1, &mut |_, answer, _| {
        states.push(answer.text);
        sim.clock().advance(seconds(10));
        true
    });
    assert_eq!((answer.state, answer.deleted, result), (3, 40, Ok(())));
    states.dedup();
    assert_eq!(states, ["SCHEDULED", "QUEUED", "RUNNING", "SUSPENDED", "RUNNING", "COMPLETED"]);
}

#[test]
fn used_up_credits_are_not_retried() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    let credits = Reply::Error("TOO_MANY_REQUESTS").header("X-API-CREDITS-REMAINING", "0");
    for reply in [credits, Reply::Error("credits")] {
        let before = sim.requests();
        sim.next(reply);
        let (failed, http_status) = client.failure("Leads", "1001");
        assert_eq!((failed.error, &*failed.code, http_status), (ZMD_ERR_RATE_LIMITED, "TOO_MANY_REQUESTS", 429));
        assert!(failed.message.starts_with("the API credits of the organization are used up"), "{failed:?}");
        assert_eq!(sim.requests(), before + 1);
    }
}

#[test]
fn an_unknown_state_has_its_text() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    sim.next(Reply::json(
        200,
        r#"{"data":[{"Status":"WAITING_FOR_THE_NEXT_FREE_MASS_DELETE_SLOT","Deleted_Count":"7"}]}"#,
    ));
    let answer = client.status("Leads", "1001").unwrap();
    assert_eq!((answer.state, answer.total, answer.deleted, answer.failed), (0, -1, 7, -1));
    assert_eq!(answer.text, "WAITING_FOR_THE_NEXT_FREE_MASS_");
}

#[test]
fn a_fractured_json_body_is_a_bad_response() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    let whole = r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}"#;
    for end in 0..whole.len() {
        sim.next(Reply::json(200, &whole[..end]));
        let (failed, http_status) = client.failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (ZMD_ERR_BAD_RESPONSE, 200), "{}", &whole[..end]);
    }
    // It is not retried, as that would not help.
    assert_eq!(sim.requests(), whole.len());
}

#[test]
fn an_error_as_a_page_or_in_another_charset() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    let latin1 = b"{\"code\":\"NO_PERMISSION\",\"message\":\"acc\xe8s refus\xe9\",\"status\":\"error\"}".to_vec();
    let charset = ("Content-Type".to_owned(), "application/json;charset=ISO-8859-1".to_owned());
    sim.next(Reply::Answer { status: 403, headers: vec![charset], body: latin1 });
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!((failed.error, &*failed.code), (ZMD_ERR_FORBIDDEN, "NO_PERMISSION"));
    sim.next(Reply::html(200, "<html><body>Log in to the gateway</body></html>"));
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_BAD_RESPONSE);
    assert!(failed.message.contains("Log in to the gateway"), "{failed:?}");
}

#[test]
fn a_token_that_the_server_repeats_is_not_in_the_message() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    sim.next(Reply::api_error(400, TOKEN, &format!("{TOKEN} is bad")));
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!((failed.error, &*failed.code), (ZMD_ERR_API, ""));
    assert!(!failed.message.contains("0123456789abcdef") && failed.message.contains("*** is bad"), "{failed:?}");
    sim.next(Reply::json(302, "").header("Location", &format!("https://evil.zmd.test/?token={TOKEN}")));
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_BAD_RESPONSE);
    assert!(failed.message.contains(" to https://evil.zmd.test: no token is sent there"), "{failed:?}");
    for body in [
        TOKEN.to_owned(),
        "<p>".to_owned() + TOKEN,
        format!(r#"{{"data":[{{"Status":"X","Total_Count":"{TOKEN}"}}]}}"#),
    ] {
        sim.next(Reply::json(200, &body));
        let (failed, _) = client.failure("Leads", "1001");
        assert!(!failed.message.contains("0123456789abcdef"), "{failed:?}");
    }
}

#[test]
fn a_short_token_does_not_change_an_answer() {
    let sim = sim();
    for token in ["t", "data", "Status"] {
        sim.accept_token(token);
        let client = Client::of(&sim, &[("access_token", token)]);
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{token}");
    }
}

#[test]
fn many_jobs_with_their_own_results() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    let jobs = [("Leads", "1001"), ("Leads", "4711"), ("Sales Orders", "1"), ("Leads", "1001"), ("Leads", "1 2")];
    let (answers, errors, result) = client.status_many(&jobs);
    let expected = [ZMD_OK, ZMD_ERR_JOB_NOT_FOUND, ZMD_ERR_INVALID_ARGUMENT, ZMD_OK, ZMD_ERR_INVALID_ARGUMENT];
    assert_eq!(errors, expected);
    let failed = result.unwrap_err();
    assert_eq!(failed.error, ZMD_ERR_JOB_NOT_FOUND);
    assert!(failed.message.starts_with("jobs[1] (Leads 4711): "), "{failed:?}");
    let statuses = [
        Answer::completed(),
        Answer::of_failure(400),
        Answer::of_failure(0),
        Answer::completed(),
        Answer::of_failure(0),
    ];
    assert_eq!(answers, statuses);
    assert_eq!(client.status_many(&[]), (vec![], vec![], Ok(())));
}

#[test]
fn many_jobs_keep_to_max_concurrency() {
    let sim = with_job(Sim::builder().delay(std::time::Duration::from_millis(5)).start());
    let client = Client::of(&sim, &[("max_concurrency", "4")]);
    let (answers, _, result) = client.status_many(&[("Leads", "1001"); 100]);
    assert_eq!(result, Ok(()));
    assert!(answers.iter().all(|answer| *answer == Answer::completed()));
    assert_eq!((sim.requests(), sim.in_flight_peak(), sim.connections()), (100, 4, 4));
}

#[test]
fn bad_input_sends_nothing() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    for (module, job_id, expected) in [
        ("Sales Orders", "1001", "Sales_Orders"),
        ("Price Books", "1001", "Price_Books"),
        ("Purchase Orders", "1001", "Purchase_Orders"),
        ("", "1001", "module"),
        ("Leads/../../../evil", "1001", "module"),
        ("Leads?job_id=1", "1001", "module"),
        ("Leads\r\nHost: evil", "1001", "module"),
        (&"L".repeat(101), "1001", "module"),
        ("Leads", "", "job_id"),
        ("Leads", "  ", "job_id"),
        ("Leads", "1001&x=y", "job_id"),
        ("Leads", "1001 HTTP/1.1\r\nX: y", "job_id"),
        ("Leads", "%31", "job_id"),
        ("Leads", &"1".repeat(65), "job_id"),
    ] {
        let (failed, http_status) = client.failure(module, job_id);
        assert_eq!((failed.error, http_status), (ZMD_ERR_INVALID_ARGUMENT, 0));
        assert!(failed.message.contains(expected), "{failed:?}");
    }
    assert_eq!((sim.connections(), sim.requests()), (0, 0));
}

#[test]
fn an_invalid_module_that_the_documentation_shows_gets_a_hint() {
    let sim = sim();
    sim.next(Reply::Error("INVALID_MODULE"));
    let (failed, _) = Client::of(&sim, &[]).failure("Meetings", "1001");
    assert_eq!(failed.error, ZMD_ERR_INVALID_MODULE);
    assert!(failed.message.contains("Events"), "{failed:?}");
    // Fixed-width fields.
    assert_eq!(Client::of(&sim, &[]).status("Leads     ", " 1001   "), Ok(Answer::completed()));
}

#[test]
fn a_body_that_is_not_text_is_not_shown() {
    let sim = sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    sim.next(Reply::html(200, "zipped").header("Content-Encoding", "gzip"));
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_BAD_RESPONSE);
    assert!(failed.message.contains("Content-Encoding gzip") && !failed.message.contains("zipped"), "{failed:?}");
    sim.next(Reply::html(304, ""));
    let (failed, http_status) = client.failure("Leads", "1001");
    assert_eq!((failed.error, http_status), (ZMD_ERR_BAD_RESPONSE, 304));
    assert!(failed.message.contains("cache") && !failed.message.contains("redirect"), "{failed:?}");
}

/// A real nginx that answers itself: its error pages say nothing about the token or the job.
#[test]
fn a_gateway_that_answers_instead_of_the_service() {
    if missing("nginx") {
        return;
    }
    let sim = with_job(Sim::builder().refresh_token("refresh", "id", "secret").start());
    let (directory, port) = (scratch("gateway"), free_port());
    let pages: String =
        [400, 401, 403, 404, 502].map(|status| format!("location /p{status}/ {{ return {status}; }}\n")).concat();
    let server = format!("server {{ listen 127.0.0.1:{port}; {pages} location / {{ proxy_pass {}; }} }}", sim.url());
    let _nginx = nginx(&directory, port, &server);
    let (accounts, url) = (sim.url(), format!("http://127.0.0.1:{port}"));
    let client = |path: &str| {
        let api_domain = format!("{url}{path}");
        Client::new(&[
            ("api_domain", &api_domain),
            ("accounts_url", &accounts),
            ("refresh_token", "refresh"),
            ("client_id", "id"),
            ("client_secret", "secret"),
            ("max_retries", "0"),
            ("poll_min_ms", "1"),
        ])
        .unwrap()
    };
    assert_eq!(client("").status("Leads", "1001"), Ok(Answer::completed()));
    for (status, title) in
        [(400, "400 Bad Request"), (401, "401 Authorization Required"), (403, "403 Forbidden"), (404, "404 Not Found")]
    {
        let client = client(&format!("/p{status}"));
        let before = sim.token_requests();
        let (failed, http_status) = client.failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (ZMD_ERR_BAD_RESPONSE, status), "{failed:?}");
        for words in [title, "Server: nginx", "a proxy or gateway responds in Zoho's place: check api_domain and proxy"]
        {
            assert!(failed.message.contains(words), "{words}: {failed:?}");
        }
        // Such pages do not end a wait before they have come for a minute.
        let mut polls = 0;
        let (_, result) = client.wait("Leads", "1001", -1, &mut |_, _, _| {
            polls += 1;
            polls < 3
        });
        assert_eq!((result.unwrap_err().error, polls), (ZMD_ERR_CANCELLED, 3));
        assert_eq!(sim.token_requests(), before + 1, "no token was renewed for a gateway's {status}");
    }
    let (failed, _) = client("/p502").failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_SERVER);
    assert!(failed.message.contains("502 Bad Gateway") && !failed.message.contains("Zoho failed"), "{failed:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_transient_code_is_transient_with_any_status() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    for code in ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMIT_EXCEEDED"] {
        sim.next(Reply::api_error(400, code, "not now"));
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{code} is tried again");
    }
    let before = sim.requests();
    sim.next(Reply::api_error(503, "NO_PERMISSION", "no"));
    assert_eq!(client.failure("Leads", "1001").0.error, ZMD_ERR_FORBIDDEN);
    assert_eq!(sim.requests(), before + 1);
}
