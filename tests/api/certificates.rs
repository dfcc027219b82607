//! Server and client certificates, valid and invalid, with a real nginx: each error names its cause and what to do.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use common::abi::zmd_error::*;
use common::authority::{Authority, Pair};
use common::*;
use zmd_sim::Sim;

/// An nginx in front of the stand-in, and the directory with its files.
struct Server {
    directory: PathBuf,
    port: u16,
    sim: Sim,
    _nginx: Daemon,
}

impl Server {
    fn start(name: &str, pair: &Pair, more: &str) -> Server {
        Server::with(name, more, |directory| {
            fs::write(directory.join("cert.pem"), &pair.cert).unwrap();
            fs::write(directory.join("key.pem"), &pair.key).unwrap();
        })
    }

    fn with(name: &str, more: &str, prepare: impl FnOnce(&PathBuf)) -> Server {
        let (directory, port, sim) = (scratch(name), free_port(), sim());
        prepare(&directory);
        let dir = directory.display();
        let server = format!(
            "server {{
                 listen 127.0.0.1:{port} ssl; ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
                 {more}
                 location / {{ proxy_pass {url}; proxy_http_version 1.1; proxy_set_header Connection ''; }}
             }}",
            more = more.replace("DIR", &dir.to_string()),
            url = sim.url(),
        );
        let nginx = nginx(&directory, port, &server);
        Server { directory, port, sim, _nginx: nginx }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.directory.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn client(&self, settings: &[(&str, &str)]) -> Result<Client, Failed> {
        let url = format!("https://localhost:{}", self.port);
        let mut all = vec![("api_domain", &*url), ("access_token", TOKEN), ("max_retries", "0")];
        all.extend(settings);
        Client::new(&all)
    }

    fn status(&self, settings: &[(&str, &str)]) -> Result<Answer, Failed> {
        self.client(settings).unwrap().status("Leads", "1001")
    }

    /// The message of a TLS error.
    fn refusal(&self, settings: &[(&str, &str)]) -> String {
        let failed = self.status(settings).unwrap_err();
        assert_eq!(failed.error, ZMD_ERR_TLS, "{failed:?}");
        assert_eq!(self.sim.requests(), 0);
        failed.message
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn assert_says(message: &str, words: &[&str]) {
    for words in words {
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
}

#[test]
fn each_bad_certificate_has_its_own_message() {
    if missing("nginx") {
        return;
    }
    let authority = Authority::new("company");
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    let bad = [
        (authority.issue(|params| params.not_after = (now - day * 3).into()), vec!["expired 3 days ago", "clock"]),
        (
            authority.issue(|params| params.not_before = (now + day * 9).into()),
            vec!["not valid before", " days by", "clock"],
        ),
        (
            authority.issue(|params| *params = common::authority::params("server", &["other.zmd.test"])),
            vec!["not for localhost, but for other.zmd.test"],
        ),
        (
            authority.issue(|params| *params = common::authority::params("server", &[])),
            vec!["has no name", "subjectAltName"],
        ),
    ];
    for (index, (pair, words)) in bad.iter().enumerate() {
        let server = Server::start(&format!("bad-{index}"), pair, "");
        let ca_file = server.file("ca.pem", &authority.pair.cert);
        let message = server.refusal(&[("ca_file", &ca_file)]);
        assert_says(&message, words);
        assert!(!message.contains("ca_file"), "that helps against unknown authorities alone: {message}");
    }
    let good = authority.issue(|_| {});
    let server = Server::start("unknown", &good, "");
    let other = server.file("other.pem", Authority::new("other").pair.cert);
    assert_says(&server.refusal(&[("ca_file", &other)]), &["authority", "UnknownIssuer", "ca_file"]);
    assert_says(&server.refusal(&[]), &["authority", "UnknownIssuer", "extra_ca_file"]);
}

#[test]
fn every_format_of_a_ca_file() {
    if missing("nginx") {
        return;
    }
    let authority = Authority::new("company");
    let server = Server::start("forms", &authority.issue(|_| {}), "");
    let pem = &authority.pair.cert;
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| pem.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let forms: [(&str, Vec<u8>); 6] = [
        ("pem", pem.clone().into_bytes()),
        ("windows line ends", pem.replace('\n', "\r\n").into_bytes()),
        ("der", authority.pair.der.clone()),
        ("a mark of UTF-8", [b"\xef\xbb\xbf", pem.as_bytes()].concat()),
        ("UTF-16, little end first", [vec![0xff, 0xfe], utf_16(u16::to_le_bytes)].concat()),
        ("UTF-16, big end first", [vec![0xfe, 0xff], utf_16(u16::to_be_bytes)].concat()),
    ];
    for (name, content) in forms {
        let path = server.file("ca", content);
        for setting in ["ca_file", "extra_ca_file"] {
            assert_eq!(server.status(&[(setting, &path)]), Ok(Answer::completed()), "{name}, {setting}");
        }
    }
    let path = server.file("broken.der", &authority.pair.der[..100]);
    let failed = server.client(&[("extra_ca_file", &path)]).err().unwrap();
    assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
    assert_says(&failed.message, &["extra_ca_file", &path]);
}

#[test]
fn an_extra_authority_is_trusted_in_addition() {
    if missing("nginx") {
        return;
    }
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let server = Server::start("extra", &two.issue(|_| {}), "");
    let (one, two) = (server.file("one.pem", one.pair.cert), server.file("two.pem", two.pair.cert));
    server.refusal(&[("ca_file", &one)]);
    assert_eq!(server.status(&[("ca_file", &one), ("extra_ca_file", &two)]), Ok(Answer::completed()));
    assert_eq!(server.status(&[("ca_file", &two), ("extra_ca_file", &one)]), Ok(Answer::completed()));
}

#[test]
fn a_servers_own_certificate_is_trusted_for_its_names() {
    if missing("nginx") || missing("openssl") {
        return;
    }
    for (name, extensions) in [("CA:TRUE", vec![]), ("CA:FALSE", vec!["-addext", "basicConstraints=critical,CA:FALSE"])]
    {
        let server = Server::with("own", "", |directory| {
            let mut openssl = Command::new("openssl");
            openssl.current_dir(directory).args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "10",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.2",
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
            ]);
            let output = openssl.args(&extensions).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        });
        let cert = server.directory.join("cert.pem").to_str().unwrap().to_owned();
        assert_eq!(server.status(&[("ca_file", &cert)]), Ok(Answer::completed()), "{name}");
        assert_eq!(server.status(&[("extra_ca_file", &cert)]), Ok(Answer::completed()), "{name}");
        // It is trusted for its own names only.
        let by_address = format!("https://127.0.0.1:{}", server.port);
        let message =
            server.client(&[("ca_file", &cert), ("api_domain", &by_address)]).unwrap().failure("Leads", "1001").0;
        assert_eq!(message.error, ZMD_ERR_TLS);
        assert_says(&message.message, &["not for 127.0.0.1"]);
        let other = server.file("other.pem", Authority::new("localhost").pair.cert);
        let failed = server.status(&[("ca_file", &other)]).unwrap_err();
        assert_eq!(failed.error, ZMD_ERR_TLS, "{name}: {failed:?}");
    }
}

#[test]
fn a_client_certificate_for_a_gateway_that_requires_one() {
    if missing("nginx") || missing("openssl") {
        return;
    }
    let authority = Authority::new("company");
    let client = authority.issue(|params| *params = common::authority::params("etl", &[]));
    for version in ["TLSv1.2", "TLSv1.3"] {
        let more = format!("ssl_protocols {version}; ssl_verify_client on; ssl_client_certificate DIR/ca.pem;");
        let server = Server::with(&format!("client-{version}"), &more, |directory| {
            let pair = authority.issue(|_| {});
            fs::write(directory.join("cert.pem"), &pair.cert).unwrap();
            fs::write(directory.join("key.pem"), &pair.key).unwrap();
            fs::write(directory.join("ca.pem"), &authority.pair.cert).unwrap();
        });
        let ca = server.directory.join("ca.pem").to_str().unwrap().to_owned();
        let cert = server.file("client.pem", &client.cert);
        let key = server.file("client.key", &client.key);
        let both = server.file("both.pem", format!("{}{}", client.key, client.cert));
        let with = |more: &[(&str, &str)]| {
            let mut all = vec![("ca_file", &*ca)];
            all.extend(more);
            server.status(&all)
        };
        assert_eq!(with(&[("client_cert", &cert), ("client_key", &key)]), Ok(Answer::completed()), "{version}");
        assert_eq!(with(&[("client_cert", &both)]), Ok(Answer::completed()), "{version}");
        // nginx answers 400 itself without one.
        let failed = with(&[]).unwrap_err();
        assert_ne!(failed.error, ZMD_OK, "{failed:?}");

        let refused = |more: &[(&str, &str)]| {
            let mut all = vec![("ca_file", &*ca)];
            all.extend(more);
            let failed = server.client(&all).err().expect("a refusal");
            assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
            failed.message
        };
        assert_says(&refused(&[("client_key", &key)]), &["client_cert", "client_key is set without it"]);
        assert_says(&refused(&[("client_cert", "/nowhere/cert.pem")]), &["client_cert", "/nowhere/cert.pem"]);
        assert_says(&refused(&[("client_cert", &key)]), &["client_cert", &key, "no certificate"]);
        assert_says(&refused(&[("client_cert", &cert)]), &["client_key", &cert, "no private key"]);
        let other = server.file("other.key", authority.issue(|_| {}).key);
        assert_says(
            &refused(&[("client_cert", &cert), ("client_key", &other)]),
            &["client_key", "another certificate"],
        );
        fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert_says(
            &refused(&[("client_cert", &cert), ("client_key", &other)]),
            &["client_key", "other users can read or write the key (its mode is 644): run chmod"],
        );
        let encrypted = server.directory.join("encrypted.key");
        let output = Command::new("openssl")
            .args(["pkcs8", "-topk8", "-in", &key, "-passout", "pass:secret", "-out"])
            .arg(&encrypted)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let encrypted = encrypted.to_str().unwrap();
        assert_says(
            &refused(&[("client_cert", &cert), ("client_key", encrypted)]),
            &["encrypted", &format!("openssl pkey -in {encrypted}")],
        );
    }
}

/// `openssl s_server` closes the connection where nginx answers 400.
#[test]
fn the_error_says_that_a_client_certificate_is_required() {
    if missing("openssl") {
        return;
    }
    let authority = Authority::new("company");
    let directory = scratch("s-server");
    let pair = authority.issue(|_| {});
    for (name, content) in [("cert.pem", &pair.cert), ("key.pem", &pair.key), ("ca.pem", &authority.pair.cert)] {
        fs::write(directory.join(name), content).unwrap();
    }
    let ca = directory.join("ca.pem").to_str().unwrap().to_owned();
    for (more, words) in [
        (vec!["-tls1_3", "-Verify", "1"], vec!["requires a client certificate", "client_cert"]),
        (vec!["-tls1_2", "-Verify", "1"], vec!["client_cert"]),
        (vec!["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], vec!["too old", "TLS 1.2"]),
        (vec!["-tls1_2", "-cipher", "AES128-SHA256"], vec!["cipher", "TLS 1.3"]),
    ] {
        let port = free_port();
        let mut server = Command::new("openssl");
        server.current_dir(&directory).args(["s_server", "-www", "-quiet", "-cert", "cert.pem", "-key", "key.pem"]);
        server.args(["-CAfile", "ca.pem", "-accept", &format!("127.0.0.1:{port}")]).args(&more);
        let _server = Daemon::start(&mut server, port);
        let url = format!("https://localhost:{port}");
        let settings = [("api_domain", &*url), ("access_token", TOKEN), ("ca_file", &ca), ("max_retries", "0")];
        let (failed, _) = Client::new(&settings).unwrap().failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_TLS, "{more:?}: {failed:?}");
        assert_says(&failed.message, &words);
    }
    fs::remove_dir_all(directory).unwrap();
}
