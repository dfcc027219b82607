//! Proxies: a real Squid, a real microsocks, and hostile ones.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::abi::zmd_error::*;
use common::squid::Squid;
use common::*;
use zmd_sim::Sim;

fn tls_sim() -> Sim {
    with_job(Sim::builder().tls().start())
}

#[test]
fn a_proxy_named_by_the_setting() {
    if missing("squid") {
        return;
    }
    let squid = Squid::start("setting", false);
    let sim = tls_sim();
    let client = Client::of(&sim, &[("proxy", &format!("http://127.0.0.1:{}", squid.port))]);
    for _ in 0..10 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    assert_eq!(sim.connections(), 1);
    drop(client);
    let target = sim.url().split_once("//").unwrap().1.to_owned();
    assert!(squid.has_served(&target), "{target}");
    // The proxy cannot connect, answers 503, and the request is retried.
    let closed = tls_sim();
    let client = Client::of(&closed, &[("proxy", &format!("127.0.0.1:{}", squid.port)), ("max_retries", "1")]);
    closed.stop_listening();
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_PROXY);
    assert!(failed.message.contains("503") && failed.message.ends_with("(2 attempts)"), "{failed:?}");
}

#[test]
fn plain_http_does_not_go_to_a_proxy() {
    // A proxy on another machine would see the access token and the secrets of the grant.
    let seen = TcpListener::bind("127.0.0.1:0").unwrap();
    seen.set_nonblocking(true).unwrap();
    let address = seen.local_addr().unwrap();
    let sim = with_job(Sim::builder().refresh_token("refresh", "id", "secret").start());
    for proxy in ["http", "https", "socks5", "socks5h"].map(|scheme| format!("{scheme}://{address}")) {
        let client = Client::of(&sim, &[("proxy", &proxy)]);
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()), "{proxy}");
        let url = sim.url();
        let client = Client::new(&[
            ("api_domain", &url),
            ("accounts_url", &url),
            ("refresh_token", "refresh"),
            ("client_id", "id"),
            ("client_secret", "secret"),
            ("proxy", &proxy),
        ]);
        assert_eq!(client.unwrap().status("Leads", "1001"), Ok(Answer::completed()), "{proxy}");
    }
    assert_eq!(seen.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_proxy_that_requires_a_password() {
    if missing("squid") {
        return;
    }
    let squid = Squid::start("password", true);
    let sim = tls_sim();
    let client = |user: &str| Client::of(&sim, &[("proxy", &format!("http://{user}127.0.0.1:{}", squid.port))]);
    assert_eq!(client("zmd:p%40ss@").status("Leads", "1001"), Ok(Answer::completed()));
    for user in ["", "zmd:wr0ng@", "other:p%40ss@"] {
        let (failed, http_status) = client(user).failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (ZMD_ERR_PROXY, 407));
        let place = format!("the proxy http://127.0.0.1:{} (from the setting proxy)", squid.port);
        assert!(failed.message.contains("credentials") && failed.message.contains(&place), "{failed:?}");
        assert!(failed.message.contains("Basic"), "what is on offer: {failed:?}");
        assert!(!failed.message.contains("wr0ng") && !failed.message.contains("p%40ss"), "{failed:?}");
    }
}

#[test]
fn a_proxy_named_by_the_environment() {
    if missing("squid") {
        return;
    }
    let squid = Squid::start("environment", false);
    let sim = tls_sim();
    let url = format!("https://api.zmd.test:{}", sim.port());
    let (proxy, closed) = (format!("http://127.0.0.1:{}", squid.port), format!("http://127.0.0.1:{}", free_port()));
    let ca_file = sim.ca_file().to_str().unwrap();
    let ask = |url: &str, more: &[(&str, &str)]| {
        let mut environment = vec![
            ("ZMD_API_DOMAIN", url),
            ("ZMD_ACCESS_TOKEN", TOKEN),
            ("ZMD_CA_FILE", ca_file),
            ("ZMD_MAX_RETRIES", "0"),
        ];
        environment.extend(more);
        let (exit, out, err) = run(zmd_command(&environment).args(["status", "--json", "Leads", "1001"]));
        let error = out.split_once("\"error\":\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or("none");
        (exit.unwrap(), error.to_owned(), err)
    };
    // Only the proxy can resolve the name api.zmd.test.
    for more in [
        vec![("HTTPS_PROXY", &*proxy)],
        vec![("https_proxy", &*proxy)],
        vec![("ALL_PROXY", &*proxy)],
        vec![("all_proxy", &*proxy)],
        vec![("HTTPS_PROXY", &*proxy), ("ALL_PROXY", &*closed)],
        vec![("HTTPS_PROXY", ""), ("ALL_PROXY", &*proxy)],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", "")],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", "example.com, pi.zmd.test,zmd.test.example.com")],
    ] {
        assert_eq!(ask(&url, &more), (0, "none".to_owned(), String::new()), "{more:?}");
    }
    assert!(squid.has_served(&format!("api.zmd.test:{}", sim.port())));
    for more in [
        vec![],
        vec![("HTTP_PROXY", &*proxy)],
        vec![("HTTPS_PROXY", &*proxy), ("ZMD_PROXY", "none")],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", "*")],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", "example.com, api.zmd.test")],
        vec![("HTTPS_PROXY", &*proxy), ("no_proxy", "ZMD.test")],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", ".zmd.test")],
        vec![("HTTPS_PROXY", &*proxy), ("NO_PROXY", "*.zmd.test")],
    ] {
        assert_eq!(ask(&url, &more).1, "ZMD_ERR_DNS", "{more:?}");
    }
    // The proxy of the environment is not used for this machine.
    assert_eq!(ask(&sim.url(), &[("HTTPS_PROXY", &closed)]).0, 0);
    assert_eq!(ask(&url, &[("HTTPS_PROXY", &closed)]).1, "ZMD_ERR_PROXY");
    let (_, error, message) = ask(&url, &[("HTTPS_PROXY", "ftp://user:s3cret@proxy")]);
    assert_eq!(error, "ZMD_ERR_INVALID_CONFIG");
    assert!(message.contains("HTTPS_PROXY") && !message.contains("s3cret"), "{message}");
}

#[test]
fn a_proxy_behind_tls() {
    if missing("squid") || missing("nginx") {
        return;
    }
    let (squid, sim) = (Squid::start("tls", false), tls_sim());
    let (directory, port) = (scratch("tls-front"), free_port());
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    if !Path::new(module).exists() && missing("ngx_stream_module.so") {
        return;
    }
    let config = format!(
        "load_module {module}; daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log; user root;
         events {{}}
         stream {{
             server {{
                 listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
                 proxy_pass 127.0.0.1:{squid};
             }}
         }}",
        dir = directory.display(),
        cert = sim.cert_file().display(),
        key = sim.key_file().display(),
        squid = squid.port,
    );
    let _nginx = nginx_with(&directory, port, &config);
    let client = Client::of(&sim, &[("proxy", &format!("https://localhost:{port}"))]);
    for _ in 0..5 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    }
    // A proxy whose certificate is not trusted.
    let other = tls_sim();
    let client = Client::of(&other, &[("proxy", &format!("https://localhost:{port}"))]);
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_PROXY);
    assert!(failed.message.contains("ca_file") && failed.message.contains(&format!("localhost:{port}")), "{failed:?}");
    // TLS to a plain proxy, and the reverse.
    for (proxy, instead) in [
        (format!("https://localhost:{}", squid.port), "write http:// instead of https://"),
        (format!("http://localhost:{port}"), "write https:// instead of http://"),
    ] {
        let (failed, _) = Client::of(&sim, &[("proxy", &proxy), ("max_retries", "0")]).failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_PROXY);
        assert!(failed.message.contains(instead), "{failed:?}");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn socks() {
    if missing("microsocks") {
        return;
    }
    let sim = tls_sim();
    let (open, locked) = (free_port(), free_port());
    let microsocks = |port: u16, more: &[&str]| {
        Daemon::start(Command::new("microsocks").args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(more), port)
    };
    let _open = microsocks(open, &[]);
    let _locked = microsocks(locked, &["-u", "zmd", "-P", "p@ss"]);
    let client = |proxy: String| Client::of(&sim, &[("proxy", &proxy)]);
    for proxy in [
        format!("socks5://127.0.0.1:{open}"),
        format!("socks5h://localhost:{open}"),
        format!("socks5://zmd:p%40ss@127.0.0.1:{locked}"),
    ] {
        assert_eq!(client(proxy).status("Leads", "1001"), Ok(Answer::completed()));
    }
    for (user, words) in [("", "requires credentials"), ("zmd:wr0ng@", "refused the credentials")] {
        let (failed, _) = client(format!("socks5://{user}127.0.0.1:{locked}")).failure("Leads", "1001");
        assert_eq!(failed.error, ZMD_ERR_PROXY);
        assert!(failed.message.contains(words), "{failed:?}");
        assert!(!failed.message.contains("wr0ng"), "{failed:?}");
        // A wait does not try them again: that can lock an account.
        let mut polls = 0;
        let (_, result) =
            client(format!("socks5://{user}127.0.0.1:{locked}")).wait("Leads", "1001", 5000, &mut |_, _, _| {
                polls += 1;
                true
            });
        assert_eq!((result.unwrap_err().error, polls), (ZMD_ERR_PROXY, 1));
    }
}

#[test]
fn a_proxy_that_cannot_be_reached() {
    let sim = tls_sim();
    for proxy in [
        format!("http://127.0.0.1:{}", free_port()),
        format!("socks5://127.0.0.1:{}", free_port()),
        "http://nowhere.invalid:3128".to_owned(),
        "socks5://nowhere.invalid:1080".to_owned(),
    ] {
        let client = Client::of(&sim, &[("proxy", &proxy), ("max_retries", "0")]);
        let (failed, http_status) = client.failure("Leads", "1001");
        assert_eq!((failed.error, http_status), (ZMD_ERR_PROXY, 0), "{proxy}: {failed:?}");
    }
    assert_eq!(sim.connections(), 0);
}

/// Accepts connections, reads something from each, and plays `script` on it.
fn hostile(script: impl Fn(&mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let _ = stream.read(&mut [0; 1024]);
            let _ = script(&mut stream);
        }
    });
    port
}

#[test]
fn a_407_of_any_length_is_reported_and_never_retried() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let proxy = hostile(move |to| {
        count.fetch_add(1, Ordering::SeqCst);
        to.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n")?;
        for line in 0..27 {
            to.write_all(format!("X-Line-{line}: {}\r\n", "x".repeat(60)).as_bytes())?;
        }
        to.write_all(b"Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")
    });
    let sim = tls_sim();
    let url = format!("http://zmd:wr0ng@127.0.0.1:{proxy}");
    let client = Client::of(&sim, &[("proxy", &url), ("poll_min_ms", "1")]);
    let (failed, http_status) = client.failure("Leads", "1001");
    assert_eq!((failed.error, http_status), (ZMD_ERR_PROXY, 407));
    for words in ["Negotiate, NTLM", "only Basic", "cntlm"] {
        assert!(failed.message.contains(words), "{words}: {failed:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    // Retrying with a wrong password may lock the account.
    let (_, result) = client.wait("Leads", "1001", 2000, &mut |_, _, _| true);
    assert_eq!((result.unwrap_err().error, connections.load(Ordering::SeqCst)), (ZMD_ERR_PROXY, 2));
}

#[test]
fn a_proxy_that_forbids_the_host() {
    let proxy = hostile(|to| to.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    let sim = tls_sim();
    let client = Client::of(&sim, &[("proxy", &format!("127.0.0.1:{proxy}"))]);
    let (failed, _) = client.failure("Leads", "1001");
    assert_eq!(failed.error, ZMD_ERR_PROXY);
    let target = sim.url().split_once("//").unwrap().1.to_owned();
    assert!(failed.message.contains(&format!("does not permit connections to {target}")), "{failed:?}");
}

fn drip(to: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        for byte in bytes {
            to.write_all(&[*byte])?;
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn the_deadline_holds_for_every_hostile_proxy() {
    let sim = tls_sim();
    let silent = hostile(|_| {
        loop {
            thread::park();
        }
    });
    let slow = hostile(|to| {
        to.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
        drip(to, b"a")
    });
    let endless = hostile(|to| {
        to.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            to.write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")?;
        }
    });
    let slow_socks = hostile(|to| {
        to.write_all(&[5, 0, 5, 0, 0, 3, 255])?;
        drip(to, b"a")
    });
    for (proxy, expected) in [
        (format!("http://127.0.0.1:{silent}"), ZMD_ERR_TIMEOUT),
        (format!("socks5://127.0.0.1:{silent}"), ZMD_ERR_TIMEOUT),
        (format!("http://127.0.0.1:{slow}"), ZMD_ERR_TIMEOUT),
        (format!("http://127.0.0.1:{endless}"), ZMD_ERR_PROXY),
        (format!("socks5://127.0.0.1:{slow_socks}"), ZMD_ERR_TIMEOUT),
    ] {
        for limit in ["timeout_ms", "connect_timeout_ms"] {
            let time = Duration::from_millis(if expected == ZMD_ERR_TIMEOUT { 400 } else { 30_000 });
            let value = time.as_millis().to_string();
            let client = Client::of(&sim, &[("proxy", &*proxy), (limit, &*value), ("max_retries", "0")]);
            let (took, (failed, _)) = timed(|| client.failure("Leads", "1001"));
            assert_eq!(failed.error, expected, "{proxy}: {failed:?}");
            assert!(took.at_most(time + Duration::from_millis(100)), "{proxy}, {limit}: {took:?}");
        }
    }
}

/// Otherwise what stands in front of the `#` would be connected to, and be in messages.
#[test]
fn a_password_with_a_raw_number_sign_is_refused_and_not_shown() {
    for url in ["http://admin:1234#Secret@proxy:3128", "http://localhost:19200#x@proxy:3128", "http://u:a/b@proxy"] {
        let failed = Client::new(&[("access_token", TOKEN), ("proxy", url)]).err().expect(url);
        assert_eq!(failed.error, ZMD_ERR_INVALID_CONFIG);
        assert!(failed.message.contains("# as %23"), "{failed:?}");
        assert!(!["admin", "1234", "Secret", "19200"].iter().any(|part| failed.message.contains(part)), "{failed:?}");
        let environment = [("HTTPS_PROXY", url), ("ZMD_ACCESS_TOKEN", TOKEN)];
        let (exit, out, err) = run(zmd_command(&environment).args(["doctor", "--verbose"]));
        assert!(exit != Some(0) && format!("{out}{err}").contains("HTTPS_PROXY (proxy=env) takes"), "{out}{err}");
        assert!(!["admin", "1234", "Secret", "19200"].iter().any(|part| format!("{out}{err}").contains(part)), "{out}");
    }
}
