//! Where secrets are: looked for in core dumps of a host program, in its output, in what it logs, in `/proc`, in what
//! proxies and other hosts saw, and in every file that is left.
//!
//! The host program is tests/c/secrets_test.c, which reads the secrets from a pipe and wipes what it read; they are made at
//! random for each run. Each is looked for as it is, in base64, percent-encoded, in UTF-16 and in hexadecimal, and a part of
//! twelve bytes counts as the whole.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::authority::{Authority, params};
use common::nginx::{Directory, Nginx, unique};
use common::squid::Squid;
use common::*;
use zmd_sim::{Builder, Fault, Reply, Sim};

const PART: usize = 12;

/// Secrets with their names.
#[derive(Clone, Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// A new one, which looks like those of the service.
    fn token(&mut self, name: &str) -> String {
        let value = format!("1000.{}.{}", random(16), random(16));
        self.add(name, value.as_bytes());
        value
    }

    /// A new one, with characters that a form and a URL have to encode.
    fn password(&mut self, name: &str) -> String {
        // No part without one of them.
        let value = format!("{}+/{}=&{}", random(5), random(5), random(5));
        self.add(name, value.as_bytes());
        value
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_owned(), value.to_vec()));
    }

    fn finder(&self) -> Finder {
        let mut finder = Finder { parts: HashMap::new(), begins: vec![false; 1 << 16] };
        // The plain form first: a part that looks the same in another one counts as plain.
        for (name, value) in &self.0 {
            finder.add(name, value);
        }
        for (name, value) in &self.0 {
            for (form, bytes) in forms(value) {
                finder.add(&format!("{name} in {form}"), &bytes);
            }
            if value.starts_with(b"1000.") {
                finder.add(&format!("{name} in a header"), &[b"ken ", &value[..8]].concat());
            }
        }
        finder
    }
}

fn random(bytes: usize) -> String {
    let mut all = vec![0; bytes];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut all).unwrap();
    hexadecimal(&all)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let percent = |every: bool, upper: bool| {
        let encoded = value.iter().map(|byte| match (byte, every, upper) {
            (b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~', false, _) => {
                char::from(*byte).to_string()
            }
            (_, _, true) => format!("%{byte:02X}"),
            (_, _, false) => format!("%{byte:02x}"),
        });
        encoded.collect::<String>().into_bytes()
    };
    let mut all = vec![
        ("percents", percent(false, true)),
        ("percents", percent(false, false)),
        ("percents", percent(true, true)),
        ("percents", percent(true, false)),
        ("UTF-16", value.iter().flat_map(|byte| [*byte, 0]).collect()),
        ("UTF-16", value.iter().flat_map(|byte| [0, *byte]).collect()),
        ("hexadecimal", hexadecimal(value).into_bytes()),
        ("hexadecimal", hexadecimal(value).to_uppercase().into_bytes()),
        ("reverse order", value.iter().rev().copied().collect()),
    ];
    // Behind none, one and two bytes that are not known, such as the name in front of a password.
    for before in 0..3 {
        let text = base64(&[&[0; 2][..before], value].concat()).into_bytes();
        all.push(("base64", text[(before * 8).div_ceil(6)..].to_vec()));
        let url_safe = text.iter().map(|digit| match digit {
            b'+' => b'-',
            b'/' => b'_',
            digit => *digit,
        });
        all.push(("base64", url_safe.collect::<Vec<_>>()[(before * 8).div_ceil(6)..].to_vec()));
    }
    all
}

/// Finds parts of secrets.
struct Finder {
    parts: HashMap<[u8; PART], String>,
    /// The first two bytes of the parts.
    begins: Vec<bool>,
}

impl Finder {
    fn add(&mut self, label: &str, form: &[u8]) {
        for part in form.windows(PART) {
            self.begins[usize::from(u16::from_le_bytes([part[0], part[1]]))] = true;
            self.parts.entry(part.try_into().unwrap()).or_insert_with(|| label.to_owned());
        }
    }

    /// Which secrets are in there, and in what form.
    fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for part in bytes.windows(PART) {
            if self.begins[usize::from(u16::from_le_bytes([part[0], part[1]]))]
                && let Some(label) = self.parts.get(part)
            {
                found.insert(&**label);
            }
        }
        found
    }

    /// The files below a directory with a secret, and which.
    fn in_files<'a>(&'a self, directory: &Path, found: &mut Vec<(String, BTreeSet<&'a str>)>) {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.in_files(&path, found);
            } else if let Ok(bytes) = fs::read(&path) {
                let secrets = self.in_bytes(&bytes);
                if !secrets.is_empty() {
                    found.push((entry.file_name().to_str().unwrap().to_owned(), secrets));
                }
            }
        }
    }
}

#[test]
fn every_form_of_a_secret_is_found() {
    let mut secrets = Secrets::default();
    let token = secrets.token("token");
    let password = secrets.password("password");
    let finder = secrets.finder();
    for (name, value) in [("token", token.as_bytes()), ("password", password.as_bytes())] {
        let mut all = forms(value);
        all.push(("", value.to_vec()));
        all.push(("", value[3..PART + 3].to_vec()));
        all.push(("base64", base64(&[b"user:", value].concat()).into_bytes()));
        all.push(("base64", base64(&[b"user2:", value].concat()).into_bytes()));
        for (form, bytes) in all {
            let label = if form.is_empty() { name.to_owned() } else { format!("{name} in {form}") };
            let found = finder.in_bytes(&[b"garbage", &bytes[..], b"garbage"].concat());
            // A form that needs no encoding is the plain one.
            assert!(found.contains(&*label) || found.contains(name), "{label}: {found:?}");
        }
    }
    let header = format!("Authorization: Zoho-oauthtoken {token}");
    assert!(finder.in_bytes(header.as_bytes()).contains("token in a header"));
    assert!(finder.in_bytes(random(1 << 16).as_bytes()).is_empty());
}

/// The host program, and all that it said.
struct Host {
    child: Child,
    to: ChildStdin,
    tokens: std::io::PipeWriter,
    lines: mpsc::Receiver<String>,
    output: Arc<Mutex<Vec<u8>>>,
    directory: Directory,
}

impl Host {
    fn start() -> Host {
        let program = compile("gcc", &["-std=c99"], "tests/c/secrets_test.c", "secrets_test");
        let directory = Directory(scratch(&unique("secrets")));
        let (reader, tokens) = std::io::pipe().unwrap();
        let mut command = Command::new(program);
        command.env_clear().current_dir(&directory.0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let descriptor = reader.as_raw_fd();
        // Where the pipe itself has the number 3, dup2 would leave it to be closed by exec.
        // SAFETY: fcntl and dup2 are allowed between fork and exec.
        unsafe {
            command.pre_exec(move || match libc::dup2(libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 4), 3) {
                3 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        let mut child = command.spawn().unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = mpsc::channel();
        let keep = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                keep.lock().unwrap().extend_from_slice(format!("{line}\n").as_bytes());
                if !line.starts_with("log ") && !line.starts_with("message ") {
                    let _ = sender.send(line);
                }
            }
        });
        Host { child, to, tokens, lines, output, directory }
    }

    /// What it answers to a line.
    fn tell(&mut self, line: &str) -> String {
        writeln!(self.to, "{line}").unwrap();
        self.lines.recv_timeout(Duration::from_secs(30)).expect("an answer")
    }

    fn does(&mut self, line: &str) {
        assert_eq!(self.tell(line), "ok", "{line}");
    }

    fn fails(&mut self, line: &str) {
        let answer = self.tell(line);
        assert!(answer.starts_with("failed "), "{line}: {answer}");
    }

    fn set(&mut self, settings: &[(&str, &str)]) {
        settings.iter().for_each(|(key, value)| self.does(&format!("set {key} {value}")));
    }

    /// What is in a core dump of it.
    fn holds<'a>(&self, finder: &'a Finder) -> BTreeSet<&'a str> {
        let prefix = self.directory.0.join("core");
        let (exit, out, err) = run(Command::new("gcore").arg("-o").arg(&prefix).arg(self.child.id().to_string()));
        assert_eq!(exit, Some(0), "{out}{err}");
        let file = format!("{}.{}", prefix.display(), self.child.id());
        let core = fs::read(&file).unwrap();
        fs::remove_file(file).unwrap();
        // The maps and the stacks are in it.
        assert!(core.len() > 1 << 20, "{} bytes", core.len());
        finder.in_bytes(&core)
    }

    /// Its messages, log lines and what `/proc` says of it hold no secret, and nor do its files but for these.
    fn shows_nothing(&self, finder: &Finder, files: &[(&str, &[&str])]) {
        let output = self.output.lock().unwrap();
        for of in ["log oauth: ", "log client: ", "log ureq: ", "log rustls: ", "failed ", "message "] {
            assert!(String::from_utf8_lossy(&output).contains(of), "there is no {of}");
        }
        assert_eq!(finder.in_bytes(&output), BTreeSet::new(), "{}", leak(finder, &output));
        for name in ["cmdline", "environ", "maps", "comm", "status", "limits"] {
            let bytes = fs::read(format!("/proc/{}/{name}", self.child.id())).unwrap();
            assert_eq!(finder.in_bytes(&bytes), BTreeSet::new(), "{name}");
        }
        let mut found = Vec::new();
        finder.in_files(&self.directory.0, &mut found);
        found.sort();
        let files: Vec<_> =
            files.iter().map(|(name, secrets)| ((*name).to_owned(), secrets.iter().copied().collect())).collect();
        assert_eq!(found, files);
    }
}

/// The lines with a secret, for the message of a failure.
fn leak(finder: &Finder, output: &[u8]) -> String {
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !finder.in_bytes(line).is_empty());
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n")
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A proxy that records what passes through it.
struct Recorder {
    port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    fn to(port: u16) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Recorder { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = recorder.seen.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let keep = seen.clone();
                thread::spawn(move || pass(client, server, Some(&keep)));
                thread::spawn(move || pass(from, to, None));
            }
        });
        recorder
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, seen: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        seen.inspect(|seen| seen.lock().unwrap().extend_from_slice(&buffer[..amount]));
        if to.write_all(&buffer[..amount]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// A host to which nothing may be sent.
fn elsewhere() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn url_of(listener: &TcpListener) -> String {
    format!("https://localhost:{}", listener.local_addr().unwrap().port())
}

fn was_not_reached(listener: &TcpListener) {
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// The scalar of a P-256 key in PKCS #8: an ECPrivateKey is version 1 and an octet string of 32 bytes.
fn scalar(der: &[u8]) -> &[u8] {
    const BEFORE: [u8; 5] = [2, 1, 1, 4, 32];
    let at = der.windows(5).position(|window| window == BEFORE).expect("an EC key") + 5;
    &der[at..at + 32]
}

fn tools_are_missing(tools: &[&str]) -> bool {
    tools.iter().any(|tool| missing(tool))
}

/// A refresh token, a client id and secret, the password of a proxy, and the private key of a certificate, with a Squid that
/// wants the password, and an nginx that wants the certificate.
#[test]
fn the_secrets_of_a_grant_a_proxy_and_a_certificate() {
    if tools_are_missing(&["gcore", "squid", "nginx", "openssl"]) {
        return;
    }
    let mut secrets = Secrets::default();
    let (refresh, id, secret) =
        (secrets.token("refresh_token"), secrets.password("client_id"), secrets.password("client_secret"));
    let password = secrets.password("proxy password");
    let authority = Authority::new("company");
    let server = authority.issue(|_| {});
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = authority.sign(params("etl", &[]), &key);
    secrets.add("client_key", scalar(&key.serialize_der()));

    let other = elsewhere();
    let sim = with_job(Sim::builder().refresh_token(&refresh, &id, &secret).api_domain(url_of(&other)).start());
    let conf = "ssl_verify_client on; ssl_client_certificate DIR/ca.pem; location / { proxy_pass URL; }";
    let nginx = Nginx::new(&sim.url(), "127.0.0.1", Some((&server, &authority)), conf);
    let squid = Squid::with(&unique("squid"), SQUID);
    let hash = text_of(Command::new("openssl").args(["passwd", "-apr1", &password]));
    fs::write(squid.directory.join("passwords"), format!("zmd:{hash}")).unwrap();
    let recorder = Recorder::to(squid.port);

    let mut host = Host::start();
    let pem = Directory(scratch(&unique("pem")));
    let file = |name: &str, text: &str| {
        let path = pem.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert_file, key_file) = (file("cert.pem", &certificate), file("key.pem", &key.serialize_pem()));
    let encoded = password.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace('&', "%26");
    let proxy = format!("http://zmd:{encoded}@127.0.0.1:{}", recorder.port);
    let url = nginx.url("localhost");
    host.does("log");
    let ca_file = nginx.directory().join("ca.pem").to_str().unwrap().to_owned();
    let settings = [
        ("refresh_token", &*refresh),
        ("client_id", &id),
        ("client_secret", &secret),
        ("accounts_url", &url),
        ("api_domain", &url),
        ("proxy", &proxy),
        ("ca_file", &ca_file),
        ("client_cert", &cert_file),
        ("client_key", &key_file),
        ("token_cache", "tokens"),
        ("max_retries", "1"),
    ];
    host.set(&settings);
    host.does("client");
    host.does("status 1001");
    let first = token_in_use(&sim);
    secrets.add("the first access token", first.as_bytes());
    sim.revoke_token(&first);
    host.does("status 1001");
    let second = token_in_use(&sim);
    assert_ne!(first, second);
    secrets.add("access token", second.as_bytes());
    // Each kind of failure has a message of its own, and servers repeat what they were sent.
    for job in ["error-NO_PERMISSION", "error-204", "fault-garbage", "fault-reset", "fault-huge-header", "x y"] {
        host.fails(&format!("status {job}"));
    }
    for reply in [Reply::json(200, &second), Reply::api_error(400, &second, &second), Reply::html(403, &second)] {
        sim.next(reply);
        host.fails("status 1001");
    }
    sim.revoke_token(&second);
    let echo = format!("{refresh} {id} {secret}");
    // What is no refusal is retried once.
    for reply in [
        Reply::json(200, &echo),
        Reply::json(200, &format!(r#"{{"access_token":"{second}","api_domain"#)),
        Reply::html(200, &format!("<title>{second} {secret}</title>")),
    ] {
        (0..2).for_each(|_| sim.next_token(reply.clone()));
        host.fails("status 1001");
    }
    sim.next_token(Reply::json(
        200,
        &format!(r#"{{"access_token":"{second}","api_domain":"http://{second}.zmd.test"}}"#),
    ));
    host.fails("status 1001");
    // A token that was refused as soon as it was made is not requested again by the same client.
    host.does("free");
    host.set(&settings);
    host.does("client");
    sim.next_token(Reply::json(400, &format!(r#"{{"error":"{echo}","error_description":"{echo}"}}"#)));
    host.fails("status 1001");
    sim.accept_token(&second);
    sim.next(Reply::json(302, "").header("Location", &format!("{}/{second}", url_of(&other))));
    host.fails("status 1001");
    host.does("wait 1001");

    let finder = secrets.finder();
    // What a client keeps: its settings, and the token. Not the token before, nor what a connection sent.
    let alive = host.holds(&finder);
    let expected = [
        "access token",
        "client_id",
        "client_key",
        "client_secret",
        "proxy password",
        "proxy password in percents",
        "refresh_token",
    ];
    assert_eq!(alive, expected.into(), "a client that is alive");
    // The token that the service refused is no longer in the token cache.
    host.shows_nothing(&finder, &[]);
    for name in ["tokens.lock", "tokens.slot0"] {
        assert_eq!(fs::metadata(host.directory.0.join(name)).unwrap().len(), 0, "{name}");
    }
    host.does("free");
    assert_eq!(host.holds(&finder), BTreeSet::new(), "a client that was freed");

    // The proxy saw its password, and the servers what is theirs.
    assert_eq!(finder.in_bytes(&recorder.seen.lock().unwrap()), ["proxy password in base64"].into());
    was_not_reached(&other);
    for request in sim.all_requests() {
        let text = format!("{} {:?} {}", request.target, request.headers, String::from_utf8_lossy(&request.body));
        let found = finder.in_bytes(text.as_bytes());
        let is_grant = request.target == "/oauth/v2/token";
        let its_own: &[&str] = match is_grant {
            true => &["client_id", "client_secret", "refresh_token"],
            false => &["access token", "the first access token"],
        };
        let of = |label: &str| label.split(" in ").next().unwrap().to_owned();
        assert!(!found.is_empty() && found.iter().all(|label| its_own.contains(&&*of(label))), "{found:?}: {text}");
    }
    let files = |directory: &Path| {
        let mut found = Vec::new();
        finder.in_files(directory, &mut found);
        found
    };
    assert_eq!(files(nginx.directory()), []);
    assert_eq!(files(&squid.directory), [("access.log".to_owned(), ["proxy password in base64"].into())]);
    assert!(fs::read_to_string(squid.directory.join("access.log")).unwrap().contains("CONNECT"));
}

/// It logs the headers of what it is asked for, too.
const SQUID: &str = "auth_param basic program /usr/lib/squid/basic_ncsa_auth DIR/passwords
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
log_mime_hdrs on
debug_options ALL,1";

fn with_tls(builder: Builder) -> Sim {
    with_job(builder.tls().start())
}

/// Tokens of the settings, of zmd_client_set_access_token(), of a provider, of a cache and of client credentials; and a
/// configuration file.
#[test]
fn the_secrets_of_other_sources() {
    if tools_are_missing(&["gcore"]) {
        return;
    }
    let mut secrets = Secrets::default();
    let (id, secret, org) = (secrets.password("client_id"), secrets.password("client_secret"), "60012345678");
    let refresh = secrets.token("refresh_token");
    let sim = with_tls(Sim::builder().refresh_token(&refresh, &id, &secret).organization(org));
    let (url, ca_file) = (sim.url(), sim.ca_file().to_str().unwrap().to_owned());
    let server = [("api_domain", &*url), ("accounts_url", &url), ("ca_file", &ca_file), ("max_retries", "1")];
    let mut host = Host::start();
    host.does("log");

    // A token that was set, and another that replaces it.
    let (before, given) = (secrets.token("the token before"), secrets.token("access_token"));
    [&before, &given].iter().for_each(|token| sim.accept_token(token));
    host.set(&server);
    host.set(&[("access_token", &before)]);
    host.does("client");
    host.does("status 1001");
    host.does(&format!("token {given}"));
    host.does("status 1001");
    host.fails(&format!("token {given} {before}"));

    // Of a provider: the service refuses the first, and a later one is none.
    let (old, new) = (secrets.token("the provider's token before"), secrets.token("the provider's token"));
    sim.accept_token(&old);
    host.set(&server);
    host.does("provider");
    host.does("client");
    writeln!(host.tokens, "{old}").unwrap();
    host.does("status 1001");
    sim.revoke_token(&old);
    sim.accept_token(&new);
    writeln!(host.tokens, "{new}").unwrap();
    host.does("status 1001");

    // Client credentials, in a configuration file.
    let config = format!("[default]\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\norg_id = \"{org}\"\n");
    let file = host.directory.0.join("config.toml");
    private(&file, &config);
    host.set(&server);
    host.does(&format!("load {}", file.display()));
    host.does("client");
    host.does("status 1001");
    let made = token_in_use(&sim);
    secrets.add("the organization's token", made.as_bytes());
    sim.next_token(Reply::Fault(Fault::TruncateBody));
    sim.revoke_token(&made);
    host.does("status 1001");
    let again = token_in_use(&sim);
    secrets.add("the organization's token again", again.as_bytes());

    // Of a cache that another process wrote.
    host.set(&server);
    host.set(&[("refresh_token", &refresh), ("client_id", &id), ("client_secret", &secret), ("token_cache", "tokens")]);
    host.does("client");
    host.does("status 1001");
    let first = token_in_use(&sim);
    secrets.add("the cache's token before", first.as_bytes());
    let cached = secrets.token("the cache's token");
    sim.accept_token(&cached);
    sim.revoke_token(&first);
    let cache = host.directory.0.join("tokens");
    private(&cache, &fs::read_to_string(&cache).unwrap().replace(&first, &cached));
    host.does("status 1001");
    assert_eq!(token_in_use(&sim), cached);

    let finder = secrets.finder();
    let alive = [
        "access_token",
        "client_id",
        "client_secret",
        "refresh_token",
        "the cache's token",
        "the organization's token again",
        "the provider's token",
    ];
    assert_eq!(host.holds(&finder), alive.into(), "clients that are alive");
    let files: [(&str, &[&str]); 2] =
        [("config.toml", &["client_id", "client_secret"]), ("tokens", &["the cache's token"])];
    host.shows_nothing(&finder, &files);
    host.does("free");
    assert_eq!(host.holds(&finder), BTreeSet::new(), "clients that were freed");
}

/// For its owner alone.
fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The simple functions keep the clients of up to 64 connection strings; that of the 65th takes the place of the first.
#[test]
fn the_secrets_of_a_connection_string() {
    if tools_are_missing(&["gcore"]) {
        return;
    }
    let mut secrets = Secrets::default();
    let (refresh, id, secret) =
        (secrets.token("refresh_token"), secrets.password("client_id"), secrets.password("client_secret"));
    let sim = with_tls(Sim::builder().refresh_token(&refresh, &id, &secret));
    let (url, ca_file) = (sim.url(), sim.ca_file().to_str().unwrap());
    let server = format!("api_domain={url};accounts_url={url};ca_file={ca_file};max_retries=0");
    let mut host = Host::start();
    host.does("log");
    let string = format!("{server};refresh_token={{{refresh}}};client_id={{{id}}};client_secret={{{secret}}}");
    host.does(&format!("with 1001 {string}"));
    host.fails(&format!("with error-NO_PERMISSION {string}"));
    host.fails(&format!("with 1001 {string};timeout_ms=x"));
    host.fails(&format!("with 1001 {string};client_secret={secret}"));
    let token = token_in_use(&sim);
    secrets.add("access token", token.as_bytes());
    let finder = secrets.finder();
    let alive = ["access token", "client_id", "client_secret", "refresh_token"];
    assert_eq!(host.holds(&finder), alive.into(), "a string that is kept");
    for number in 0..64 {
        host.fails(&format!("with 1001 {server};access_token=other-{number}"));
    }
    assert_eq!(host.holds(&finder), BTreeSet::new(), "a string that is not kept any more");
    host.shows_nothing(&finder, &[]);
}
