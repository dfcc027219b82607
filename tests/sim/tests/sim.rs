//! The Sim from a client's side, byte for byte.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring};
use zmd_sim::{AtAccept, Clock, DOCUMENTED_ERRORS, Fault, Job, Reply, Sim};

const JOB: &str = "/crm/v7/Leads/actions/mass_delete?job_id=1001";
const FINISHED: &str = r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}"#;

/// A Sim with a finished job and the token `T`.
fn sim() -> Sim {
    let sim = Sim::start();
    offer(&sim);
    sim
}

fn offer(sim: &Sim) {
    sim.accept_token("T");
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
}

fn connect(sim: &Sim) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).unwrap();
    stream
}

/// Sends a request for a status.
fn ask(mut stream: impl Write, target: &str) -> io::Result<()> {
    let headers = "Host: localhost\r\nAuthorization: Zoho-oauthtoken T";
    write!(stream, "GET {target} HTTP/1.1\r\n{headers}\r\n\r\n")
}

/// Reads one answer with a Content-Length: its status and its body.
fn answer(mut stream: impl Read) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.split("Content-Length: ").nth(1).unwrap_or("0\r\n");
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

fn exchange(stream: &TcpStream, target: &str) -> (u16, String) {
    ask(stream, target).unwrap();
    answer(stream)
}

/// Everything that a new connection receives after a request for a job, until it is closed.
fn read_all(sim: &Sim, id: &str) -> io::Result<Vec<u8>> {
    let mut stream = connect(sim);
    let target = format!("/crm/v7/Leads/actions/mass_delete?job_id={id}");
    ask(&stream, &target)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map(|_| bytes)
}

fn refresh(stream: &TcpStream, refresh_token: &str) -> (u16, String) {
    let form = format!("grant_type=refresh_token&client_id=id&client_secret=s%2Bcret&refresh_token={refresh_token}");
    write!(
        &mut &*stream,
        "POST /oauth/v2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    answer(stream)
}

#[test]
fn a_connection_is_kept_alive_and_counted() {
    let sim = sim();
    let first = connect(&sim);
    for _ in 0..3 {
        assert_eq!(exchange(&first, JOB), (200, FINISHED.to_owned()));
    }
    exchange(&connect(&sim), JOB);
    assert_eq!((sim.connections(), sim.requests()), (2, 4));
    assert_eq!((sim.token_requests(), sim.in_flight_peak()), (0, 1));

    let request = sim.last_request().unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", JOB));
    assert_eq!(request.header("authorization"), Some("Zoho-oauthtoken T"));
    assert_eq!(sim.all_requests().len(), 4);
}

#[test]
fn a_connection_is_closed_on_request() {
    let sim = sim();
    let mut stream = connect(&sim);
    write!(stream, "GET {JOB} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
}

#[test]
fn a_request_is_checked_in_the_order_of_the_service() {
    let sim = sim();
    let stream = connect(&sim);
    let code = |head: &str| {
        write!(&mut &stream, "{head}\r\n\r\n").unwrap();
        let (status, body) = answer(&stream);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        (status, body["code"].as_str().unwrap_or("none").to_owned())
    };
    let good = "Authorization: Zoho-oauthtoken T";
    for (line, header, status, expected) in [
        ("GET /x", "X: y", 401, "AUTHENTICATION_FAILURE"),
        ("GET /x", "Authorization: Bearer T", 401, "AUTHENTICATION_FAILURE"),
        ("GET /x", "Authorization: Zoho-oauthtoken U", 401, "INVALID_TOKEN"),
        ("POST /x", good, 404, "INVALID_URL_PATTERN"),
        ("GET /crm/v1/No/actions/mass_delete", good, 404, "INVALID_URL_PATTERN"),
        ("POST /crm/v7/No/actions/mass_delete", good, 400, "INVALID_REQUEST_METHOD"),
        ("GET /crm/v7/No/actions/mass_delete", good, 400, "INVALID_MODULE"),
        ("GET /crm/v7/Deals/actions/mass_delete", good, 400, "REQUIRED_PARAM_MISSING"),
        ("GET /crm/v7/Deals/actions/mass_delete?job_id=1001", good, 400, "INVALID_DATA"),
        ("GET /crm/v7/Leads/actions/mass_delete?job_id=1001", good, 200, "none"),
    ] {
        let found = code(&format!("{line} HTTP/1.1\r\n{header}"));
        assert_eq!(found, (status, expected.to_owned()), "{line} {header}");
    }
    sim.revoke_token("T");
    let revoked = code(&format!("GET {JOB} HTTP/1.1\r\n{good}"));
    assert_eq!(revoked, (401, "INVALID_TOKEN".to_owned()));
}

#[test]
fn a_job_follows_the_clock() {
    let sim = Sim::builder().clock(Clock::driven()).start();
    sim.accept_any_token();
    sim.add_job("Leads", "1001", Job::new(50_000, 40.0));
    let stream = connect(&sim);
    for (advance, expected) in [
        (0, r#""RUNNING","Failed_Count":0,"Deleted_Count":0,"#),
        (10, r#""RUNNING","Failed_Count":0,"Deleted_Count":400,"#),
        (1240, r#""COMPLETED","Failed_Count":0,"Deleted_Count":50000,"#),
    ] {
        sim.clock().advance(Duration::from_secs(advance));
        let (_, body) = exchange(&stream, JOB);
        assert!(body.contains(expected), "{body}");
    }
}

#[test]
fn tokens_are_limited_and_expire_by_the_clock() {
    let sim = Sim::builder().clock(Clock::driven()).refresh_token("1000.r", "id", "s+cret").start();
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    let stream = connect(&sim);

    let (status, body) = refresh(&stream, "1000.r");
    let made: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &made["expires_in"]), (200, &3600.into()));
    assert_eq!(made["api_domain"], sim.url());
    let use_it = || {
        let token = made["access_token"].as_str().unwrap();
        let header = format!("Authorization: Zoho-oauthtoken {token}");
        write!(&mut &stream, "GET {JOB} HTTP/1.1\r\n{header}\r\n\r\n").unwrap();
        answer(&stream).0
    };
    assert_eq!(use_it(), 200);

    let wrong = (400, r#"{"error":"invalid_code"}"#.to_owned());
    assert_eq!(refresh(&stream, "1000.x"), wrong);
    for _ in 1..10 {
        assert_eq!(refresh(&stream, "1000.r").0, 200);
    }
    let (status, body) = refresh(&stream, "1000.r");
    assert!(status == 400 && body.contains("Access Denied"), "{body}");
    sim.clock().advance(Duration::from_secs(600));
    assert_eq!(refresh(&stream, "1000.r").0, 200);

    assert_eq!(use_it(), 200);
    sim.clock().advance(Duration::from_secs(3000));
    assert_eq!(use_it(), 401);
    assert_eq!((sim.requests(), sim.token_requests()), (3, 13));
}

#[test]
fn an_older_server_sends_the_lifetime_in_milliseconds() {
    let sim = Sim::builder()
        .refresh_token("1000.r", "id", "s+cret")
        .api_domain("https://www.zohoapis.eu")
        .token_lifetime(Duration::from_secs(60))
        .expires_in_milliseconds(true)
        .start();
    let (_, body) = refresh(&connect(&sim), "1000.r");
    assert!(body.contains(r#""api_domain":"https://www.zohoapis.eu","#), "{body}");
    assert!(body.ends_with(r#""expires_in_sec":60,"expires_in":60000}"#), "{body}");
}

#[test]
fn queued_replies_come_first_and_in_order() {
    let sim = sim();
    sim.next(Reply::json(200, "{}").header("X-A", "b"));
    sim.next(Reply::Error("TOO_MANY_REQUESTS"));
    sim.next(Reply::Fault(Fault::Bom));
    sim.next_token(Reply::api_error(500, "X", "say \"x\""));
    let stream = connect(&sim);
    assert_eq!(exchange(&stream, "/nonsense"), (200, "{}".to_owned()));
    assert_eq!(exchange(&stream, JOB).0, 429);
    assert_eq!(exchange(&stream, JOB).1, format!("\u{feff}{FINISHED}"));
    assert_eq!(exchange(&stream, JOB).1, FINISHED);
    let expected = r#"{"code":"X","details":{},"message":"say \"x\"","status":"error"}"#;
    assert_eq!(refresh(&stream, ""), (500, expected.to_owned()));
}

#[test]
#[should_panic(expected = "no documented error has the name")]
fn an_error_that_is_not_documented_cannot_be_queued() {
    sim().next(Reply::Error("NO_SUCH_ERROR"));
}

#[test]
fn a_reset_sends_an_rst() {
    let sim = sim();
    for id in ["fault-reset", "fault-reset-in-body"] {
        assert_eq!(read_all(&sim, id).unwrap_err().kind(), ErrorKind::ConnectionReset, "{id}");
    }
    sim.at_accept(AtAccept::Reset);
    let error = connect(&sim).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn faults_break_an_answer_at_the_documented_place() {
    let sim = sim();
    let read = |fault: Fault| {
        let bytes = read_all(&sim, &format!("fault-{}", fault.name())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let half = &FINISHED[..FINISHED.len() / 2];
    assert_eq!(read(Fault::Close), "");
    let head = read(Fault::TruncateHeader);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("\r\n\r\n"), "{head}");
    assert!(read(Fault::TruncateBody).ends_with(&format!("\r\n\r\n{half}")));
    assert!(read(Fault::CloseAfterAnswer).ends_with(&format!("\r\n\r\n{FINISHED}")));
    assert!(!read(Fault::Garbage).starts_with("HTTP"));
    assert!(read(Fault::GarbageStatus).starts_with("HTTP/1.1 2OO"));
    let stream = connect(&sim);
    sim.next(Reply::Fault(Fault::ShortLength));
    assert_eq!(exchange(&stream, JOB).1, half);
    assert_eq!(sim.requests(), 7);
    let old = read(Fault::Http10);
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n") && !old.contains("Content-Length"), "{old}");
}

#[test]
fn unusual_answers_are_valid() {
    let sim = sim();
    let stream = connect(&sim);
    let job = |id: &str| format!("/crm/v7/Leads/actions/mass_delete?job_id={id}");
    assert_eq!(exchange(&stream, &job("fault-interim")).0, 100);
    assert_eq!(answer(&stream).0, 103);
    assert_eq!(answer(&stream).1, FINISHED);
    assert_eq!(exchange(&stream, &job("fault-slow")).1, FINISHED);
    let (_, big) = exchange(&stream, &job("fault-big-body"));
    assert_eq!((big.len(), big.trim_end()), (2 << 20, FINISHED));

    exchange(&stream, &job("fault-chunked"));
    let pieces = FINISHED.as_bytes().chunks(16);
    let text = |piece| std::str::from_utf8(piece).unwrap();
    let mut chunks: String = pieces.map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), text(piece))).collect();
    chunks += "0\r\n\r\n";
    let mut found = vec![0; chunks.len()];
    (&stream).read_exact(&mut found).unwrap();
    assert_eq!(text(&found), chunks);

    assert_eq!(exchange(&stream, JOB).1, FINISHED);
    assert_eq!(sim.connections(), 1);
}

#[test]
fn endless_answers_end_when_the_client_closes() {
    let sim = sim();
    for fault in [Fault::HugeHeader, Fault::HugeBody] {
        sim.next(Reply::Fault(fault));
        let mut stream = connect(&sim);
        ask(&stream, JOB).unwrap();
        stream.read_exact(&mut vec![0; 8 << 20]).unwrap();
    }
}

#[test]
fn a_connection_is_closed_at_its_second_request() {
    let sim = sim();
    let closes_on_second = |first: &str| {
        let mut stream = connect(&sim);
        assert_eq!(exchange(&stream, first).1, FINISHED);
        ask(&stream, JOB).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    };
    closes_on_second("/crm/v7/Leads/actions/mass_delete?job_id=fault-close-on-second");
    sim.close_second_request(true);
    closes_on_second(JOB);
    assert_eq!(sim.requests(), 4);
}

#[test]
fn idle_connections_are_closed_and_busy_ones_are_not() {
    let sim = sim();
    let fresh = connect(&sim);
    let mut idle: Vec<TcpStream> = (0..20).map(|_| connect(&sim)).collect();
    for stream in &idle {
        exchange(stream, JOB);
    }
    sim.close_idle();
    for stream in &mut idle {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(exchange(&fresh, JOB).1, FINISHED);
}

#[test]
fn connecting_is_refused_while_it_does_not_listen() {
    let sim = sim();
    let open = connect(&sim);
    assert_eq!(exchange(&open, JOB).0, 200);
    for _ in 0..20 {
        sim.stop_listening();
        let error = TcpStream::connect(("127.0.0.1", sim.port())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(exchange(&open, JOB).0, 200);
        sim.listen_again();
        assert_eq!(exchange(&connect(&sim), JOB).0, 200);
    }
}

#[test]
fn an_accepted_connection_can_be_closed_or_get_garbage() {
    let sim = sim();
    sim.at_accept(AtAccept::Close);
    assert_eq!(read_all(&sim, "1001").unwrap(), b"");
    sim.at_accept(AtAccept::Garbage);
    assert!(read_all(&sim, "1001").unwrap().starts_with(b"SSH"));
    sim.at_accept(AtAccept::Serve);
    assert_eq!(exchange(&connect(&sim), JOB).0, 200);
}

#[test]
fn requests_in_flight_are_counted_at_their_peak() {
    let sim = sim();
    let streams: Vec<TcpStream> = (0..5).map(|_| connect(&sim)).collect();
    for stream in &streams {
        sim.next(Reply::Fault(Fault::StallInHeader));
        ask(stream, JOB).unwrap();
    }
    sim.wait_for_requests(5);
    assert_eq!(sim.in_flight_peak(), 5);
}

#[test]
fn sequential_requests_never_count_as_two_in_flight() {
    let sim = sim();
    for _ in 0..3000 {
        exchange(&connect(&sim), JOB);
    }
    assert_eq!((sim.connections(), sim.requests()), (3000, 3000));
    assert_eq!(sim.in_flight_peak(), 1);
}

/// What it waits for would else last for longer, or for ever.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn dropping_it_ends_connections_in_every_phase() {
    let sim = Sim::builder().tls().start();
    offer(&sim);
    let files = sim.ca_file().parent().unwrap().to_owned();
    let mut streams = Vec::new();
    for at_accept in [AtAccept::StallBeforeTls, AtAccept::Serve] {
        sim.at_accept(at_accept);
        streams.push(connect(&sim));
    }
    sim.at_accept(AtAccept::PlainInsteadOfTls);
    for fault in Fault::all() {
        let stream = connect(&sim);
        let target = format!("/crm/v7/Leads/actions/mass_delete?job_id=fault-{}", fault.name());
        ask(&stream, &target).unwrap();
        streams.push(stream);
    }
    sim.wait_for_requests(Fault::all().count());

    let start = Instant::now();
    drop(sim);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert!(!files.exists());
}

#[test]
fn dropping_it_ends_a_delay() {
    let sim = Sim::builder().delay(Duration::from_secs(60)).start();
    let stream = connect(&sim);
    ask(&stream, JOB).unwrap();
    sim.wait_for_requests(1);
    let start = Instant::now();
    drop(sim);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

fn tls(sim: &Sim) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(sim.ca_file()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(sim))
}

#[test]
fn tls_uses_a_certificate_of_the_sims_authority() {
    let sim = Sim::builder().tls().start();
    offer(&sim);
    assert_eq!(sim.url(), format!("https://localhost:{}", sim.port()));
    let mut stream = tls(&sim);
    for _ in 0..2 {
        ask(&mut stream, JOB).unwrap();
        assert_eq!(answer(&mut stream), (200, FINISHED.to_owned()));
    }
    // A proper close sends a close_notify, a truncation does not.
    for (id, orderly) in [("fault-http10", true), ("fault-close", false)] {
        let mut stream = tls(&sim);
        ask(&mut stream, &format!("/crm/v7/Leads/actions/mass_delete?job_id={id}")).unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).is_ok(), orderly, "{id}");
    }
    sim.at_accept(AtAccept::PlainInsteadOfTls);
    let error = ask(&mut tls(&sim), JOB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn the_program_prints_its_address_and_ends_with_its_input() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_zmd-sim"))
        .args(["--until-stdin-closes", "--job", "Deals:7:100:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap();

    let stream = TcpStream::connect(address).unwrap();
    let (_, body) = exchange(&stream, "/crm/v7/Deals/actions/mass_delete?job_id=7");
    assert!(body.contains(r#""Total_Count":100"#), "{body}");

    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

#[test]
fn the_programs_input_offers_jobs() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_zmd-sim"))
        .args(["--until-stdin-closes", "--job", "Leads:6:9:inf:2:failed"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = output.next().unwrap();
    let address = line.strip_prefix("listening on http://").unwrap();
    let status_of = |id: &str| {
        let stream = TcpStream::connect(address).unwrap();
        exchange(&stream, &format!("/crm/v7/Leads/actions/mass_delete?job_id={id}")).1
    };

    let failed = r#"{"data":[{"Status":"FAILED","Failed_Count":2,"Deleted_Count":7,"Total_Count":9}]}"#;
    assert_eq!(status_of("6"), failed);
    for (line, answer) in [
        ("job Leads:7:100:0", "ok"),
        ("job Leads:7:5:inf:1", "ok"),
        ("job Leads:8:100", "job takes MODULE:ID:TOTAL:RATE[:LEFT[:failed]], not \"Leads:8:100\""),
        ("job Leads:8:100:x", "job takes a number, and \"x\" is none that fits"),
        ("jobs", "there is no command \"jobs\""),
    ] {
        writeln!(input, "{line}").unwrap();
        assert_eq!(output.next().unwrap(), answer);
    }
    let left = r#"{"data":[{"Status":"COMPLETED","Failed_Count":1,"Deleted_Count":4,"Total_Count":5}]}"#;
    assert_eq!(status_of("7"), left);
    drop(input);
    assert!(program.wait().unwrap().success());
}

#[test]
fn the_programs_input_scripts_replies() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_zmd-sim"))
        .args(["--until-stdin-closes", "--token", "1000.x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = output.next().unwrap();
    let address = line.strip_prefix("listening on http://").unwrap().to_owned();
    let ask = |id: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let target = format!("/crm/v7/Leads/actions/mass_delete?job_id={id}");
        let head =
            format!("GET {target} HTTP/1.1\r\nAuthorization: Zoho-oauthtoken 1000.x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut send = |line: &str| {
        writeln!(input, "{line}").unwrap();
        output.next().unwrap()
    };

    let replies = r#"[{"status":202,"headers":{"X-A":"b"},"body":"one"},"error-NO_PERMISSION","fault-lf"]"#;
    assert_eq!(send(&format!("script Leads:7 {replies}")), "script takes no reply \"fault-lf\"");
    assert_eq!(send(&format!("script Leads:7 {}", replies.replace("-lf", "-garbage"))), "ok");
    let first = ask("7");
    assert!(first.starts_with("HTTP/1.1 202") && first.contains("X-A: b\r\n") && first.ends_with("one"), "{first}");
    assert!(ask("7").contains("NO_PERMISSION"));
    // The last one stays.
    assert!(!ask("7").starts_with("HTTP") && !ask("7").starts_with("HTTP"));
    assert_eq!(send("job Leads:7:9:inf"), "ok");
    assert!(ask("7").contains("COMPLETED"));
    assert_eq!(send("script Leads:7 [\"error-404\"]"), "ok");
    assert!(ask("7").starts_with("HTTP/1.1 404"));
    assert_eq!(send("script Leads:7 []"), "ok");
    assert!(ask("7").contains("COMPLETED"));

    assert_eq!(send("delay 300"), "ok");
    let begin = Instant::now();
    assert!(ask("7").contains("COMPLETED"));
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(send("delay 0"), "ok");

    assert_eq!(send("expire"), "ok");
    assert!(ask("7").contains("INVALID_TOKEN"));
    let requests: Vec<serde_json::Value> = serde_json::from_str(&send("requests")).unwrap();
    assert_eq!(requests.len(), 9);
    assert_eq!(requests[0]["target"], "/crm/v7/Leads/actions/mass_delete?job_id=7");
    assert_eq!(requests[0]["headers"][0], serde_json::json!(["Authorization", "Zoho-oauthtoken 1000.x"]));
    for wrong in ["script Leads:7", "script Leads:7 {}", "script Leads []", "delay x", "script Leads:7 [{}]"] {
        assert!(send(wrong).starts_with(&format!("{} takes", wrong.split(' ').next().unwrap())), "{wrong}");
    }
    drop(input);
    assert!(program.wait().unwrap().success());
}

#[test]
fn the_help_lists_every_special_id() {
    let program = Command::new(env!("CARGO_BIN_EXE_zmd-sim")).arg("--help").output().unwrap();
    let help = String::from_utf8(program.stdout).unwrap();
    for error in DOCUMENTED_ERRORS {
        assert!(help.contains(&format!("  error-{} ", error.name)), "{}", error.name);
    }
    for fault in Fault::all() {
        assert!(help.contains(&format!("  fault-{} ", fault.name())), "{}", fault.name());
    }
    for mode in AtAccept::all() {
        assert!(
            help.contains(&format!(
                "
  {} ",
                mode.name()
            )),
            "{}",
            mode.name()
        );
    }
}

#[test]
fn many_clients_at_once_are_served() {
    let sim = sim();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(exchange(&connect(&sim), JOB).1, FINISHED);
                }
            });
        }
    });
    assert_eq!(sim.requests(), 1000);
    assert!(sim.in_flight_peak() <= 20);
}
