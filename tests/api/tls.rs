//! TLS, with the stand-in and with a real nginx.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::abi::zmd_error::*;
use common::*;
use zmd_sim::{AtAccept, Sim, timed};

fn tls_sim() -> Sim {
    with_job(Sim::builder().tls().start())
}

#[test]
fn a_private_certificate_authority() {
    let sim = tls_sim();
    let client = Client::of(&sim, &[]);
    for _ in 0..20 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    assert_eq!(sim.connections(), 1);
    // By name and by address.
    let url = sim.url().replace("localhost", "127.0.0.1");
    let client = Client::of(&sim, &[("api_domain", &url)]);
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let sim = tls_sim();
    let client = Client::new(&[("api_domain", &sim.url()), ("access_token", TOKEN)]).unwrap();
    let (failed, http_status) = client.failure("Leads", "1001");
    assert_eq!((failed.error, http_status), (ZMD_ERR_TLS, 0));
    assert!(failed.message.contains("UnknownIssuer") && failed.message.contains("ca_file"), "{failed:?}");
    // Nor is a certificate by another authority.
    let other = tls_sim();
    let client = Client::of(&sim, &[("ca_file", other.ca_file().to_str().unwrap())]);
    assert_eq!(client.failure("Leads", "1001").0.error, ZMD_ERR_TLS);
    assert_eq!(sim.requests(), 0);
}

#[test]
fn a_handshake_that_fails() {
    let sim = tls_sim();
    for (at_accept, error) in [
        (AtAccept::PlainInsteadOfTls, ZMD_ERR_TLS),
        (AtAccept::Garbage, ZMD_ERR_TLS),
        (AtAccept::Close, ZMD_ERR_NETWORK),
        (AtAccept::StallBeforeTls, ZMD_ERR_TIMEOUT),
    ] {
        sim.at_accept(at_accept);
        let limit = Duration::from_millis(if error == ZMD_ERR_TIMEOUT { 400 } else { 30_000 });
        let timeout = limit.as_millis().to_string();
        let client = Client::of(&sim, &[("timeout_ms", &*timeout), ("max_retries", "0")]);
        let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
        assert_eq!(failed.error, error, "{at_accept:?}: {failed:?}");
        assert!(took.at_most(limit + Duration::from_millis(100)), "{at_accept:?} took {took:?}");
        if error == ZMD_ERR_TLS {
            assert!(failed.message.contains("does not use TLS on this port"), "{failed:?}");
        }
    }
    sim.at_accept(AtAccept::StallBeforeTls);
    let client = Client::of(&sim, &[("connect_timeout_ms", "200")]);
    let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
    assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
    assert!(
        failed.message.contains("connect_timeout_ms") && took.at_most(Duration::from_millis(300)),
        "{took:?} {failed:?}"
    );
}

#[test]
fn a_broken_handshake_is_retried() {
    let sim = tls_sim();
    let client = Client::of(&sim, &[("max_retries", "1")]);
    sim.at_accept(AtAccept::Close);
    let (failed, _) = client.failure("Leads", "1001");
    assert!(failed.message.ends_with("(2 attempts)"), "{failed:?}");
    assert_eq!(sim.connections(), 2);
}

#[test]
fn faults_behind_tls() {
    let sim = tls_sim();
    let client = Client::of(&sim, &[("max_retries", "0")]);
    for (fault, expected) in [
        ("reset", ZMD_ERR_NETWORK),
        ("close", ZMD_ERR_NETWORK),
        ("truncate-header", ZMD_ERR_NETWORK),
        ("truncate-body", ZMD_ERR_NETWORK),
        ("stall-in-body", ZMD_ERR_TIMEOUT),
        ("slow-forever", ZMD_ERR_TIMEOUT),
        ("garbage", ZMD_ERR_NETWORK),
        ("huge-body", ZMD_ERR_BAD_RESPONSE),
    ] {
        let limit = Duration::from_millis(if expected == ZMD_ERR_TIMEOUT { 400 } else { 30_000 });
        let job = format!("fault-{fault}");
        let (took, (_, result)) = timed(|| client.ask_within("Leads", &job, limit.as_millis() as i64));
        assert_eq!(result.unwrap_err().error, expected, "{fault}");
        assert!(took.at_most(limit + Duration::from_millis(100)), "{fault} took {took:?}");
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "after {fault}");
    }
}

#[test]
fn a_ca_file_that_is_invalid() {
    let directory = scratch("ca");
    let file = |name: &str, content: &str| {
        let path = directory.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for path in [
        "/nowhere/ca.pem".to_owned(),
        directory.to_str().unwrap().to_owned(),
        file("empty", ""),
        file("text", "not a certificate"),
        file("broken", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
        file("key", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"),
    ] {
        let failed = Client::new(&[("access_token", TOKEN), ("ca_file", &path)]).err().expect(&path);
        assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
        assert!(failed.message.starts_with("ca_file ") && failed.message.contains(&path), "{failed:?}");
    }
    fs::remove_dir_all(directory).unwrap();
}

/// The variables SSL_CERT_FILE and SSL_CERT_DIR stand for the system's trust store.
#[test]
fn the_systems_trust_store() {
    let sim = tls_sim();
    let url = sim.url();
    let ask_with = |cert_file: &str, cert_dir: &str| {
        let environment = [
            ("ZMD_API_DOMAIN", &*url),
            ("ZMD_ACCESS_TOKEN", TOKEN),
            ("SSL_CERT_FILE", cert_file),
            ("SSL_CERT_DIR", cert_dir),
        ];
        run(zmd_command(&environment).args(["status", "Leads", "1001"]))
    };
    let (other, directory) = (tls_sim(), scratch("store"));
    let ask = |cert_file: &str| ask_with(cert_file, directory.to_str().unwrap());
    let (exit, out, err) = ask(sim.ca_file().to_str().unwrap());
    assert_eq!((exit, &*out, &*err), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n", ""));
    // A store that holds nothing is an error, and so is one that a variable names and that is not there.
    let (exit, _, err) = ask("/dev/null");
    assert!(
        exit == Some(4)
            && err.contains("the trust store has no certificate that can be used (/dev/null, ")
            && err.contains("correct SSL_CERT_FILE"),
        "{exit:?} {err}"
    );
    for (file, missing, name) in [("/nowhere/ca.pem", "", "SSL_CERT_FILE"), ("", "/nowhere", "SSL_CERT_DIR")] {
        let (exit, _, err) = ask_with(file, missing);
        let is_named =
            err.contains(name) && err.contains("/nowhere") && err.contains("remove it to trust the system's");
        assert!(exit == Some(4) && is_named, "{exit:?} {err}");
    }
    // The authority is in the directory alone, beside a file that has others.
    let other_file = other.ca_file().to_str().unwrap();
    assert_eq!(ask(other_file).0, Some(4));
    fs::copy(sim.ca_file(), directory.join("0123abcd.0")).unwrap();
    let (exit, _, err) = ask_with(other_file, directory.to_str().unwrap());
    assert_eq!((exit, &*err), (Some(0), ""));
    fs::remove_dir_all(directory).unwrap();
}

/// To go on with Mozilla's roots would say that the server is not to be trusted.
#[test]
fn a_trust_store_for_which_no_descriptor_is_free() {
    let sim = tls_sim();
    let environment = [("ZMD_API_DOMAIN", &*sim.url()), ("ZMD_ACCESS_TOKEN", TOKEN)];
    // The program has three; each one more gets it further.
    let messages: Vec<_> = (3..20)
        .map(|limit| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" status Leads 1001")]);
            command.arg(zmd_command(&[]).get_program()).env_clear().envs(environment);
            run(command.env("SSL_CERT_FILE", sim.ca_file())).2
        })
        .collect();
    let words = ["the system's trust store can't be read", "Too many open files"];
    assert!(messages.iter().any(|message| words.iter().all(|word| message.contains(word))), "{messages:#?}");
    assert!(!messages.iter().any(|message| message.contains("UnknownIssuer")), "{messages:#?}");
    assert_eq!(messages.last().unwrap(), "");
}

/// An nginx that terminates TLS and forwards everything to `sim`.
fn tls_nginx(directory: &Path, certificates: &Sim, sim: &Sim, port: u16, more: &str) -> Daemon {
    let server = format!(
        "server {{
             listen 127.0.0.1:{port} ssl; listen 127.0.0.2:{port} ssl;
             ssl_certificate {cert}; ssl_certificate_key {key}; {more}
             location / {{ proxy_pass {url}; proxy_http_version 1.1; proxy_set_header Connection ''; }}
         }}",
        cert = certificates.cert_file().display(),
        key = certificates.key_file().display(),
        url = sim.url(),
    );
    nginx(directory, port, &server)
}

#[test]
fn a_real_server() {
    if missing("nginx") {
        return;
    }
    let (certificates, sim) = (tls_sim(), sim());
    for (name, more) in [
        ("tls12", "ssl_protocols TLSv1.2;"),
        ("tls13", "ssl_protocols TLSv1.3;"),
        // It closes a connection after every seventh request, which the client sees in the header.
        ("keepalive", "keepalive_requests 7;"),
    ] {
        let (directory, port) = (scratch(name), free_port());
        let nginx = tls_nginx(&directory, &certificates, &sim, port, more);
        let ca_file = certificates.ca_file().to_str().unwrap().to_owned();
        let client_of = |host: &str| {
            let url = format!("https://{host}:{port}");
            let settings =
                [("api_domain", &*url), ("access_token", TOKEN), ("ca_file", &ca_file), ("max_retries", "0")];
            Client::new(&settings).unwrap()
        };
        let client = client_of("localhost");
        for round in 0..50 {
            assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{name}, round {round}");
        }
        // The certificate is not for this address.
        let (failed, _) = client_of("127.0.0.2").failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_TLS, "{failed:?}");
        // The server stops.
        drop(nginx);
        let (failed, _) = client.failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_CONNECT, "{failed:?}");
        fs::remove_dir_all(directory).unwrap();
    }
}

/// A socket that is always ready must not hold a call beyond its limit.
#[test]
fn session_tickets_without_end_end_a_call_on_time() {
    if !Path::new("/usr/include/openssl/ssl.h").exists() {
        return required("libssl-dev");
    }
    let (certificates, port) = (tls_sim(), free_port());
    // Also where a linker takes only what it needs so far.
    let flags = ["-std=c99", "-Wl,--no-as-needed", "-lssl", "-lcrypto"];
    let program = compile("gcc", &flags, "tests/c/tickets.c", "tickets");
    let mut command = Command::new(program);
    let server =
        Daemon::start(command.arg(port.to_string()).arg(certificates.cert_file()).arg(certificates.key_file()), port);
    let (url, limit) = (format!("https://localhost:{port}"), Duration::from_millis(500));
    let client = Client::of(&certificates, &[("api_domain", &*url), ("timeout_ms", "500"), ("max_retries", "0")]);
    let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
    assert_eq!(failed.error, ZMD_ERR_TIMEOUT, "{failed:?}");
    assert!(took.at_least(limit) && took.at_most(limit + Duration::from_millis(100)), "{took:?}");
    // A cancel is noticed as well.
    let client = Client::of(&certificates, &[("api_domain", &*url), ("max_retries", "0")]);
    let (canceller, (ended, (failed, _))) = std::thread::scope(|scope| {
        let call = scope.spawn(|| timed(|| client.failure("Leads", "1001")));
        std::thread::sleep(Duration::from_millis(200));
        (timed(|| client.cancel()).0, call.join().unwrap())
    });
    assert_eq!(failed.error, ZMD_ERR_CANCELLED, "{failed:?}");
    let ended = ended.since(&canceller);
    assert!(ended.at_most(Duration::from_millis(100)), "{ended:?}");
    drop(server);
}
