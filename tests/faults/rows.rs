//! The table: each fault, how it is made, and what each operation returns.
//!
//! The expected results are those of doc/errors.md, and of what doc/waiting.md says: a transient failure does not end a wait,
//! nor does an unreadable response within a minute of the first one; but before the service has answered at all, network
//! failures end it after `unreachable_ms`. In a call for many jobs where one is answered well, the others therefore go on to
//! the time limit.
//! Such a call has connections of its own: those that the client has already do not matter to it.

use std::time::{Duration, SystemTime};

use common::abi::zmd_error::{self, *};

use crate::place::*;
use crate::wire::Wire;

/// What a call returns.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// The whole answer.
    Good,
    /// The same, after more than one attempt.
    Again,
    /// This error and `http_status`.
    Fails(zmd_error, i32),
    /// ZMD_ERR_TIMEOUT of a wait whose polls fail with this error and `http_status`.
    Lasts(zmd_error, i32),
    /// One of these errors: which of them, depends on what the kernel sees first.
    Either(zmd_error, zmd_error),
}

pub struct Row {
    pub name: &'static str,
    /// How it is made.
    pub how: &'static str,
    pub needs: &'static [&'static str],
    pub make: fn() -> Place,
    /// Of status, wait, wait_many, renewal.
    pub want: [Want; 4],
    /// A time limit of its own for all its calls.
    pub limit: Option<Duration>,
}

impl Row {
    const fn within(mut self, seconds: u64) -> Row {
        self.limit = Some(Duration::from_secs(seconds));
        self
    }

    const fn needing(mut self, needs: &'static [&'static str]) -> Row {
        self.needs = needs;
        self
    }

    pub fn is_in_namespace(&self) -> bool {
        self.needs.contains(&NAMESPACE)
    }
}

/// What a row needs: tools, and these two.
pub const NAMESPACE: &str = "network namespaces (root)";
pub const TUN: &str = "/dev/net/tun";

const NGINX: &[&str] = &["nginx"];
const SQUID: &[&str] = &["squid"];
const SOCKS: &[&str] = &["microsocks"];
const NET: &[&str] = &[NAMESPACE, "ip"];
const FILTER: &[&str] = &[NAMESPACE, "ip", "nft"];
const FILTER_OLD: &[&str] = &[NAMESPACE, "ip", "nft", "ss"];
const KILL: &[&str] = &[NAMESPACE, "ip", "ss"];
const LINK: &[&str] = &[NAMESPACE, TUN, "ip", "nginx"];
const RESOLVER: &[&str] = &[NAMESPACE, "ip", "unshare"];

use Want::{Again, Either, Fails, Good, Lasts};

const fn row(name: &'static str, how: &'static str, make: fn() -> Place, want: [Want; 4]) -> Row {
    Row { name, how, needs: &[], make, want, limit: None }
}

/// The same for all.
const fn all(want: Want) -> [Want; 4] {
    [want; 4]
}

/// An error of the API, and of the accounts server for the same answer.
const fn api(error: zmd_error, http_status: i32) -> [Want; 4] {
    let want = Fails(error, http_status);
    [want, want, want, Fails(renewal(http_status), http_status)]
}

/// For the accounts server it is none of its refusals: it may be a page of something in between, or the wrong server.
const fn renewal(http_status: i32) -> zmd_error {
    match http_status {
        300..=399 | 404 => ZMD_ERR_BAD_RESPONSE,
        _ => ZMD_ERR_SERVER,
    }
}

/// A response that is not one of the API.
const fn unreadable(http_status: i32) -> [Want; 4] {
    busy(ZMD_ERR_BAD_RESPONSE, http_status, renewal(http_status))
}

/// A failure with a response: waits go on to their time limit.
const fn busy(error: zmd_error, http_status: i32, renewal: zmd_error) -> [Want; 4] {
    let lasts = Lasts(error, http_status);
    [Fails(error, http_status), lasts, lasts, Fails(renewal, http_status)]
}

/// A failure of one job, without a response.
const fn broken(error: zmd_error) -> [Want; 4] {
    [Fails(error, 0), Fails(error, 0), Lasts(error, 0), Fails(error, 0)]
}

/// The same, after the header of a response.
const fn broken_in_body() -> [Want; 4] {
    busy(ZMD_ERR_NETWORK, 200, ZMD_ERR_NETWORK)
}

/// A response that is longer than any of the API.
const TOO_LONG: [Want; 4] = busy(ZMD_ERR_BAD_RESPONSE, 200, ZMD_ERR_BAD_RESPONSE);

const RESET: Want = Either(ZMD_ERR_NETWORK, ZMD_ERR_CONNECT);
const LATE: Want = Fails(ZMD_ERR_TIMEOUT, 0);
const NETWORK: Want = Fails(ZMD_ERR_NETWORK, 0);
const CONNECT: Want = Fails(ZMD_ERR_CONNECT, 0);
const TLS: Want = Fails(ZMD_ERR_TLS, 0);
const PROXY: Want = Fails(ZMD_ERR_PROXY, 0);
const DNS: Want = Fails(ZMD_ERR_DNS, 0);

const DAY: Duration = Duration::from_secs(86_400);

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("nothing", "no fault at all", Place::healthy, all(Good)),
    row("nothing, TLS", "no fault, over TLS", Place::tls, all(Good)),

    // The stand-in's faults below JSON.
    row("reset", "an RST before any byte", || job("fault-reset"), broken(ZMD_ERR_NETWORK)),
    row("reset in body", "an RST in the middle of the body", || job("fault-reset-in-body"), broken_in_body()),
    row("close", "closed before any byte", || job("fault-close"), broken(ZMD_ERR_NETWORK)),
    row("stall before header", "silence", || job("fault-stall-before-header"), all(LATE)),
    row("stall in header", "silence in the middle of the header", || job("fault-stall-in-header"), all(LATE)),
    row("stall in body", "silence in the middle of the body", || job("fault-stall-in-body"), all(Fails(ZMD_ERR_TIMEOUT, 200))),
    row("slow", "a byte every 20 ms, too slow for the limit", || job("fault-slow"), all(LATE)),
    row("slow, with time", "a byte every 20 ms", || job("fault-slow"), all(Good)).within(30),
    row("slow for ever", "an endless header line, a byte every 100 ms", || job("fault-slow-forever"), all(LATE)),
    row("truncated header", "closed in the middle of the header", || job("fault-truncate-header"), broken(ZMD_ERR_NETWORK)),
    row("truncated body", "closed in the middle of the body", || job("fault-truncate-body"), broken_in_body()),
    row("short length", "Content-Length is half of the body", || job("fault-short-length"), unreadable(200)),
    row("garbage", "bytes that are not HTTP", || job("fault-garbage"), broken(ZMD_ERR_NETWORK)),
    row("garbage status", "an invalid status line", || job("fault-garbage-status"), broken(ZMD_ERR_NETWORK)),
    row("huge header", "an endless header", || job("fault-huge-header"), broken(ZMD_ERR_BAD_RESPONSE)),
    row("huge body", "an endless chunked body", || job("fault-huge-body"), TOO_LONG),
    row("big body", "2 MiB", || job("fault-big-body"), TOO_LONG),
    row("close after answer", "closed without Connection: close", || job("fault-close-after-answer"), all(Good)),
    row("close on second", "closed when the second request arrives", || job("fault-close-on-second"), all(Good)),
    row("chunked", "a good answer, chunked", || job("fault-chunked"), all(Good)),
    row("HTTP/1.0", "a good answer that ends with the connection", || job("fault-http10"), all(Good)),
    row("byte-order mark", "a good answer after it", || job("fault-bom"), all(Good)),
    row("interim", "a good answer after a 100 and a 103", || job("fault-interim"), all(Good)),

    // The same over TLS, where that is another way through the library.
    row("reset, TLS", "an RST before any byte of HTTP", || job_over_tls("fault-reset"), broken(ZMD_ERR_NETWORK)),
    row("close, TLS", "no close_notify", || job_over_tls("fault-close"), broken(ZMD_ERR_NETWORK)),
    row("truncated body, TLS", "no close_notify in the body", || job_over_tls("fault-truncate-body"), broken_in_body()),
    row("stall in body, TLS", "silence in the body", || job_over_tls("fault-stall-in-body"), all(Fails(ZMD_ERR_TIMEOUT, 200))),
    row("HTTP/1.0, TLS", "ended by close_notify", || job_over_tls("fault-http10"), all(Good)),
    row("huge body, TLS", "an endless chunked body", || job_over_tls("fault-huge-body"), TOO_LONG),

    // The first answer alone has the fault.
    row("reset once", "an RST, then a good answer", || first("fault-reset"), all(Again)),
    row("reset in body once", "the same in the body", || first("fault-reset-in-body"), all(Again)),
    row("close once", "closed, then a good answer", || first("fault-close"), all(Again)),
    row("truncated header once", "then a good answer", || first("fault-truncate-header"), all(Again)),
    row("truncated body once", "then a good answer", || first("fault-truncate-body"), all(Again)),
    row("HTTP 503 once", "a page, then a good answer", || first("error-html500"), all(Again)),
    row("HTTP 500 once", "INTERNAL_ERROR, then a good answer", || first("error-INTERNAL_ERROR"), all(Again)),
    // The accounts server's 429 is not retried: it takes no further attempt for minutes.
    row("HTTP 429 once", "TOO_MANY_REQUESTS, then a good answer", || first("error-TOO_MANY_REQUESTS"), [Again, Again, Again, Fails(ZMD_ERR_RATE_LIMITED, 429)]),
    row("HTTP 429 once, Retry-After 1", "then a good answer", || first_headed(429, &[("Retry-After", "1")]), all(Again)),
    row("HTTP 503, Retry-After 3600", "a pause beyond any limit", || headed(503, "{}", &[("Retry-After", "3600")]), busy(ZMD_ERR_SERVER, 503, ZMD_ERR_SERVER)),

    // The documented errors of the API.
    row("INVALID_TOKEN", "HTTP 401", || job("error-INVALID_TOKEN"), api(ZMD_ERR_UNAUTHORIZED, 401)),
    row("INVALID_OAUTHTOKEN", "HTTP 401", || job("error-INVALID_OAUTHTOKEN"), api(ZMD_ERR_UNAUTHORIZED, 401)),
    row("AUTHENTICATION_FAILURE", "HTTP 401", || job("error-AUTHENTICATION_FAILURE"), api(ZMD_ERR_UNAUTHORIZED, 401)),
    row("OAUTH_SCOPE_MISMATCH", "HTTP 401", || job("error-OAUTH_SCOPE_MISMATCH"), api(ZMD_ERR_SCOPE, 401)),
    row("NO_PERMISSION", "HTTP 403", || job("error-NO_PERMISSION"), api(ZMD_ERR_FORBIDDEN, 403)),
    row("AUTHORIZATION_FAILED", "HTTP 400", || job("error-AUTHORIZATION_FAILED"), api(ZMD_ERR_FORBIDDEN, 400)),
    row("INVALID_MODULE", "HTTP 400", || job("error-INVALID_MODULE"), api(ZMD_ERR_INVALID_MODULE, 400)),
    row("INVALID_DATA", "HTTP 400, names job_id", || job("error-INVALID_DATA"), api(ZMD_ERR_JOB_NOT_FOUND, 400)),
    row("NOT_FOUND", "HTTP 404", || job("error-NOT_FOUND"), api(ZMD_ERR_JOB_NOT_FOUND, 404)),
    row("REQUIRED_PARAM_MISSING", "HTTP 400", || job("error-REQUIRED_PARAM_MISSING"), api(ZMD_ERR_API, 400)),
    row("INVALID_REQUEST_METHOD", "HTTP 400", || job("error-INVALID_REQUEST_METHOD"), api(ZMD_ERR_API, 400)),
    row("INVALID_URL_PATTERN", "HTTP 404", || job("error-INVALID_URL_PATTERN"), api(ZMD_ERR_API, 404)),
    row("TOO_MANY_REQUESTS", "HTTP 429", || job("error-TOO_MANY_REQUESTS"), busy(ZMD_ERR_RATE_LIMITED, 429, ZMD_ERR_RATE_LIMITED)),
    row("RATE_LIMIT_EXCEEDED", "HTTP 429", || job("error-RATE_LIMIT_EXCEEDED"), busy(ZMD_ERR_RATE_LIMITED, 429, ZMD_ERR_RATE_LIMITED)),
    row("INTERNAL_ERROR", "HTTP 500", || job("error-INTERNAL_ERROR"), busy(ZMD_ERR_SERVER, 500, ZMD_ERR_SERVER)),
    row("INTERNAL_SERVER_ERROR", "HTTP 400", || job("error-INTERNAL_SERVER_ERROR"), busy(ZMD_ERR_SERVER, 400, ZMD_ERR_SERVER)),
    row("SERVICE_UNAVAILABLE", "HTTP 503", || job("error-SERVICE_UNAVAILABLE"), busy(ZMD_ERR_SERVER, 503, ZMD_ERR_SERVER)),
    row("HTTP 204", "no body", || job("error-204"), api(ZMD_ERR_JOB_NOT_FOUND, 204)),
    row("HTTP 404", "no body", || job("error-404"), api(ZMD_ERR_JOB_NOT_FOUND, 404)),
    row("no data", "an empty list", || job("error-empty"), api(ZMD_ERR_JOB_NOT_FOUND, 200)),
    row("redirect", "HTTP 302 to another host", || job("error-redirect"), unreadable(302)),
    row("page with HTTP 503", "HTML", || job("error-html500"), busy(ZMD_ERR_SERVER, 503, ZMD_ERR_SERVER)),
    row("HTTP 200, cut JSON", "half of an answer, with its right length", || every(200, r#"{"data":[{"Sta"#), unreadable(200)),
    row("HTTP 200, no JSON", "text", || every(200, "welcome"), unreadable(200)),
    row("HTTP 200, no Status", "JSON of another service", || every(200, r#"{"ok":true}"#), unreadable(200)),
    row("HTTP 200, error inside", "INVALID_TOKEN in data", || every(200, r#"{"data":[{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}]}"#), api(ZMD_ERR_UNAUTHORIZED, 200)),
    row("HTTP 304", "a cache's answer", || every(304, ""), unreadable(304)),
    row("HTTP 501", "not implemented: for ever", || every(501, "{}"), busy(ZMD_ERR_SERVER, 501, ZMD_ERR_SERVER)),

    // The accounts server's refusals, whoever needs a token.
    row("invalid_code", "a refresh token that was revoked", || accounts(400, r#"{"error":"invalid_code"}"#), all(Fails(ZMD_ERR_OAUTH, 400))),
    row("invalid_client", "HTTP 200", || accounts(200, r#"{"error":"invalid_client"}"#), all(Fails(ZMD_ERR_OAUTH, 200))),
    row("invalid_client_secret", "HTTP 200", || accounts(200, r#"{"error":"invalid_client_secret"}"#), all(Fails(ZMD_ERR_OAUTH, 200))),
    row("Access Denied", "too many tokens were made", || accounts(400, r#"{"error":"Access Denied"}"#), busy(ZMD_ERR_RATE_LIMITED, 400, ZMD_ERR_RATE_LIMITED)),
    row("a token that is none", "with blanks and a line end", || accounts(200, r#"{"access_token":"a b\r\nX: y"}"#), all(Fails(ZMD_ERR_OAUTH, 200))),
    row("a token for another host", "the setting api_domain counts", || accounts(200, r#"{"access_token":"1000.x","api_domain":"http://elsewhere.zmd.test"}"#), all(Good)),

    // Connections that are accepted.
    row("RST at accept", "before a request", || accept("reset", Place::healthy()), all(RESET)),
    row("closed at accept", "before a request", || accept("close", Place::healthy()), all(NETWORK)),
    row("silence at accept", "no answer", || accept("stall-before-tls", Place::healthy()), all(LATE)),
    row("garbage at accept", "as of an SSH server", || accept("garbage", Place::healthy()), all(NETWORK)),
    row("RST at accept, TLS", "before the handshake", || accept("reset", Place::tls()), all(RESET)),
    row("closed at accept, TLS", "before the handshake", || accept("close", Place::tls()), all(NETWORK)),
    row("silence at accept, TLS", "no byte of the handshake", || accept("stall-before-tls", Place::tls()), all(LATE)),
    row("garbage at accept, TLS", "as of an SSH server", || accept("garbage", Place::tls()), all(TLS)),
    row("plain HTTP at TLS", "no TLS on this port", || accept("plain-instead-of-tls", Place::tls()), all(TLS)),
    row("RST at accept once", "then served", || accept_first("reset", Place::healthy()), all(Again)),
    row("closed at accept once", "then served", || accept_first("close", Place::healthy()), all(Again)),
    row("closed at accept once, TLS", "then served", || accept_first("close", Place::tls()), all(Again)),

    // Connections that have served before.
    row("idle connection closed", "between two calls", || pooled(Place::healthy(), |sim| sim.close_idle()), all(Good)),
    row("idle connection closed, TLS", "between two calls", || pooled(Place::tls(), |sim| sim.close_idle()), all(Good)),
    row("closed at the next request", "a stale connection", || pooled(Place::healthy(), |sim| sim.close_second_request(true)), all(Good)),
    row("connection lost silently", "as by a firewall's table: found out after 5 s", || pooled(Place::healthy(), |sim| sim.lose_connections()), all(Good)).within(15),
    row("connection lost silently, TLS", "the same", || pooled(Place::tls(), |sim| sim.lose_connections()), all(Good)).within(15),
    row("server restarts", "it refuses connections for 100 ms", restarts, all(Good)),

    // Nobody there.
    row("closed port", "no listener", closed_port, all(CONNECT)),
    row("full backlog", "SYNs without an answer", unanswered, all(LATE)),
    row("unknown name", "nowhere.invalid", || without_listener("https://nowhere.invalid"), all(DNS)),
    row("full backlog, connect_timeout_ms", "its own limit of 300 ms",
        || unanswered().set("connect_timeout_ms", "300"), all(LATE)),

    // A real nginx: certificates.
    row("certificate expired", "nginx", || certificate(|of| of.not_after = (SystemTime::now() - DAY * 3).into()), all(TLS)).needing(NGINX),
    row("certificate not yet valid", "nginx", || certificate(|of| of.not_before = (SystemTime::now() + DAY * 9).into()), all(TLS)).needing(NGINX),
    row("certificate for another name", "nginx", || renamed(&["other.zmd.test"]), all(TLS)).needing(NGINX),
    row("certificate for no name", "nginx", || renamed(&[]), all(TLS)).needing(NGINX),
    row("unknown authority", "nginx; ca_file has another", unknown_authority, all(TLS)).needing(NGINX),
    row("missing intermediate", "nginx shows its own certificate alone", missing_link, all(TLS)).needing(NGINX),
    row("TLS 1.2 alone", "nginx", || front("ssl_protocols TLSv1.2;"), all(Good)).needing(NGINX),
    row("TLS 1.3 alone", "nginx", || front("ssl_protocols TLSv1.3;"), all(Good)).needing(NGINX),
    row("TLS 1.1 alone", "nginx", || front("ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;"), all(TLS)).needing(NGINX),
    row("no cipher in common", "nginx, CBC alone", || front("ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;"), all(TLS)).needing(NGINX),
    row("certificate demanded", "nginx, which says so with HTTP 400", || front("ssl_verify_client on; ssl_client_certificate DIR/ca.pem;"), unreadable(400)).needing(NGINX),
    row("plain HTTP to a TLS port", "nginx answers HTTP 400", || front("").by("http://127.0.0.1"), unreadable(400)).needing(NGINX),
    row("TLS to a plain port", "nginx", || gateway("return 200;").by("https://127.0.0.1"), all(TLS)).needing(NGINX),
    row("HTTP/2 alone", "nginx, without TLS", || gateway("listen 127.0.0.1:PORT http2; return 200;"), all(NETWORK)).needing(NGINX),

    // A real nginx: gateways.
    row("gateway, dead upstream", "nginx answers 502", || gateway("location / { proxy_pass http://127.0.0.1:CLOSED; }"), busy(ZMD_ERR_SERVER, 502, ZMD_ERR_SERVER)).needing(NGINX),
    row("gateway, silent upstream", "nginx answers 504", || gateway_of(accept("stall-before-tls", Place::healthy())), busy(ZMD_ERR_SERVER, 504, ZMD_ERR_SERVER)).needing(NGINX),
    row("gateway, upstream resets", "nginx answers 502", || gateway_of(accept("reset", Place::healthy())), busy(ZMD_ERR_SERVER, 502, ZMD_ERR_SERVER)).needing(NGINX),
    row("gateway, upstream cuts body", "nginx ends the connection", || gateway_of(job("fault-truncate-body")), broken_in_body()).needing(NGINX),
    row("gateway, connection closed", "nginx's status 444", || gateway("return 444;"), all(NETWORK)).needing(NGINX),
    row("gateway, HTTP 400", "nginx's page", || gateway("return 400;"), unreadable(400)).needing(NGINX),
    row("gateway, HTTP 401", "nginx's page", || gateway("return 401;"), unreadable(401)).needing(NGINX),
    row("gateway, HTTP 403", "nginx's page", || gateway("return 403;"), unreadable(403)).needing(NGINX),
    row("gateway, HTTP 404", "nginx's page", || gateway("return 404;"), unreadable(404)).needing(NGINX),
    row("gateway, HTTP 500", "nginx's page", || gateway("return 500;"), busy(ZMD_ERR_SERVER, 500, ZMD_ERR_SERVER)).needing(NGINX),
    row("gateway, HTTP 429", "nginx's page", || gateway("return 429;"), busy(ZMD_ERR_RATE_LIMITED, 429, ZMD_ERR_RATE_LIMITED)).needing(NGINX),
    row("gateway, redirect", "nginx, HTTP 301", || gateway("return 301 https://login.zmd.test/;"), unreadable(301)).needing(NGINX),
    row("gateway, gzip", "nginx says that it is compressed", || gateway("add_header Content-Encoding gzip; return 200 zipped;"), unreadable(200)).needing(NGINX),
    row("gateway, one request each", "nginx closes after each", || front("keepalive_requests 1;"), all(Good)).needing(NGINX),
    row("gateway killed", "nginx, by SIGKILL in the middle", || killed_gateway(libc::SIGKILL), all(Either(ZMD_ERR_NETWORK, ZMD_ERR_CONNECT))).needing(NGINX),
    row("gateway stopped", "nginx, by SIGSTOP in the middle", || killed_gateway(libc::SIGSTOP), all(LATE)).needing(NGINX),

    // Proxies: a real Squid.
    row("proxy", "Squid, no fault", || squid("", OPEN), all(Good)).needing(SQUID),
    row("proxy, no credentials", "Squid, HTTP 407", || squid_with_password(""), all(Fails(ZMD_ERR_PROXY, 407))).needing(SQUID),
    row("proxy, wrong credentials", "Squid, HTTP 407", || squid_with_password("zmd:wr0ng@"), all(Fails(ZMD_ERR_PROXY, 407))).needing(SQUID),
    row("proxy, forbidden", "Squid's rules, HTTP 403", || squid("", "http_access deny all"), all(PROXY)).needing(SQUID),
    row("proxy, closed port behind it", "Squid, HTTP 503", || squid("", OPEN).at(closed_https()), all(PROXY)).needing(SQUID),
    row("proxy, unknown name behind it", "Squid, HTTP 503", || squid("", OPEN).at("https://nowhere.invalid"), all(PROXY)).needing(SQUID),
    row("proxy stopped", "Squid, by SIGSTOP", squid_stopped, all(LATE)).needing(SQUID),
    row("proxy stopped in the middle", "Squid, by SIGSTOP", || squid_dies(libc::SIGSTOP), all(LATE)).needing(SQUID),
    row("proxy killed in the middle", "Squid, by SIGKILL", || squid_dies(libc::SIGKILL), all(Either(ZMD_ERR_NETWORK, ZMD_ERR_PROXY))).needing(SQUID),
    row("HTTP proxy as SOCKS", "Squid, which waits for the end of a line", || squid("", OPEN).with_proxy_as("socks5"), all(LATE)).needing(SQUID),
    row("HTTP proxy as HTTPS", "Squid", || squid("", OPEN).with_proxy_as("https"), all(PROXY)).needing(SQUID),

    // A real microsocks.
    row("SOCKS", "microsocks, no fault", || microsocks("socks5", "", &[]), all(Good)).needing(SOCKS),
    row("SOCKS, wrong password", "microsocks", || microsocks("socks5", "zmd:wr0ng@", &["-u", "zmd", "-P", "p@ss"]), all(PROXY)).needing(SOCKS),
    row("SOCKS, no password", "microsocks", || microsocks("socks5", "", &["-u", "zmd", "-P", "p@ss"]), all(PROXY)).needing(SOCKS),
    row("SOCKS, closed port behind it", "microsocks", || microsocks("socks5", "", &[]).at(closed_https()), all(PROXY)).needing(SOCKS),
    row("SOCKS, unknown name behind it", "microsocks, socks5h", || microsocks("socks5h", "", &[]).at("https://nowhere.invalid"), all(PROXY)).needing(SOCKS),
    row("SOCKS as HTTP proxy", "microsocks", || microsocks("http", "", &[]), all(PROXY)).needing(SOCKS),

    // Proxies that are not there, and bad ones.
    row("proxy, closed port", "no listener", || through(format!("http://127.0.0.1:{}", common::free_port())), all(PROXY)),
    row("SOCKS, closed port", "no listener", || through(format!("socks5://127.0.0.1:{}", common::free_port())), all(PROXY)),
    row("proxy, unknown name", "nowhere.invalid", || through("http://nowhere.invalid:3128".to_owned()), all(PROXY)),
    row("proxy, garbage", "no HTTP", || proxy("http", b"SSH-2.0-OpenSSH_9.6\r\n", Then::Close), all(PROXY)),
    row("proxy, silence", "after CONNECT", || proxy("http", b"", Then::Stall), all(LATE)),
    row("proxy, closes", "after CONNECT", || proxy("http", b"", Then::Close), all(PROXY)),
    row("proxy, slow for ever", "a byte every 50 ms", || proxy("http", b"HTTP/1.1 200 OK\r\nX-Slow: ", Then::Drip), all(LATE)),
    row("proxy, endless header", "after HTTP 200", || proxy("http", b"HTTP/1.1 200 OK\r\n", Then::Repeat), all(PROXY)),
    row("proxy, HTTP 407 NTLM", "Basic is not on offer", || proxy("http", b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n", Then::Close), all(Fails(ZMD_ERR_PROXY, 407))),
    row("proxy, HTTP 502", "it did not reach the server", || proxy("http", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", Then::Close), all(PROXY)),
    row("proxy, tunnel closed", "HTTP 200, and then the end", || proxy("http", b"HTTP/1.1 200 OK\r\n\r\n", Then::Close), all(NETWORK)),
    row("proxy, bytes after HTTP 200", "before any was asked for", || proxy("http", b"HTTP/1.1 200 OK\r\n\r\nhello", Then::Stall), all(PROXY)),
    row("SOCKS, silence", "after the greeting", || proxy("socks5", b"", Then::Stall), all(LATE)),
    row("SOCKS, slow name", "a byte every 50 ms", || proxy("socks5", &[5, 0, 5, 0, 0, 3, 255], Then::Drip), all(LATE)),
    row("SOCKS, version 4", "another protocol", || proxy("socks5", &[4, 90], Then::Close), all(PROXY)),

    // Name servers, in a network namespace.
    row("name server", "one address, no fault", || dns(Dns::Good), all(Good)).needing(RESOLVER),
    row("name server, dead address first", "two addresses, the first a black hole", || { tool("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 10.98.0.9/24 dev v0; ip neigh add 10.98.0.1 lladdr 02:00:00:00:00:01 dev v0"); dns(Dns::DeadFirst) }, all(Good)).needing(RESOLVER),
    row("name server, no such name", "NXDOMAIN", || dns(Dns::NoSuchName), all(DNS)).needing(RESOLVER),
    row("name server, no address", "an empty answer", || dns(Dns::NoAddress), all(DNS)).needing(RESOLVER),
    row("name server fails", "SERVFAIL", || dns(Dns::ServerFailure), all(DNS)).needing(RESOLVER),
    row("name server refuses", "REFUSED", || dns(Dns::Refused), all(DNS)).needing(RESOLVER),
    row("name server, garbage", "no DNS", || dns(Dns::Garbage), all(LATE)).needing(RESOLVER),
    row("name server, silence", "no answer", || dns(Dns::Silence), all(LATE)).needing(RESOLVER),
    row("no name server", "its port is closed", no_dns, all(DNS)).needing(RESOLVER),

    // Routes.
    row("no route", "the network is down", || routed(""), all(CONNECT)).needing(NET),
    row("route: blackhole", "ip route", || routed("ip route add blackhole 10.98.0.0/24"), all(CONNECT)).needing(NET),
    row("route: unreachable", "ip route", || routed("ip route add unreachable 10.98.0.0/24"), all(CONNECT)).needing(NET),
    row("route: prohibit", "ip route", || routed("ip route add prohibit 10.98.0.0/24"), all(CONNECT)).needing(NET),
    row("no neighbour", "ARP without an answer", || routed("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 10.98.0.9/24 dev v0"), all(Either(ZMD_ERR_TIMEOUT, ZMD_ERR_CONNECT))).needing(NET),

    // Firewalls.
    row("SYNs dropped", "nft drop", || filtered("tcp dport PORT drop"), all(LATE)).needing(FILTER),
    row("SYNs rejected: RST", "nft reject", || filtered("tcp dport PORT reject with tcp reset"), all(CONNECT)).needing(FILTER),
    row("SYNs rejected: host unreachable", "nft reject", || filtered("tcp dport PORT reject with icmp host-unreachable"), all(CONNECT)).needing(FILTER),
    row("SYNs rejected: prohibited", "nft reject", || filtered("tcp dport PORT reject with icmp admin-prohibited"), all(CONNECT)).needing(FILTER),
    row("SYNs rejected: port unreachable", "nft reject", || filtered("tcp dport PORT reject with icmp port-unreachable"), all(CONNECT)).needing(FILTER),
    row("SYN-ACKs dropped", "nft drop", || filtered("tcp sport PORT drop"), all(LATE)).needing(FILTER),
    row("data dropped", "nft drop, after the handshake", || filtered("tcp dport PORT tcp flags & syn == 0 meta length > 60 drop"), all(LATE)).needing(FILTER),
    row("answers dropped", "nft drop, after the handshake", || filtered("tcp sport PORT meta length > 60 tcp flags & syn == 0 drop"), all(LATE)).needing(FILTER),
    row("every 3rd packet dropped", "nft numgen", || filtered("tcp dport PORT numgen inc mod 3 0 drop"), all(Good)).needing(FILTER).within(30),
    row("old connection dropped", "nft drop, found out after 5 s; new ones are served", || filtered_pooled("tcp dport PORT tcp sport { OLD } drop"), all(Good)).needing(FILTER_OLD).within(15),
    row("old connection rejected", "nft reject, with an RST", || filtered_pooled("tcp dport PORT tcp sport { OLD } reject with tcp reset"), all(Good)).needing(FILTER_OLD),
    row("answer dropped", "nft drop, while it is under way", || filtered_meanwhile("tcp sport PORT drop; tcp dport PORT drop"), all(LATE)).needing(FILTER),
    row("socket killed", "ss -K, while the answer is under way", killed_socket, all(Again)).needing(KILL),

    // Links, by a TUN device.
    row("link", "no fault", || link(Wire::Clean), all(Good)).needing(LINK),
    row("every 10th packet lost", "TUN", || link(Wire::Lose(10)), all(Good)).needing(LINK).within(30),
    row("every 4th packet lost", "TUN", || link(Wire::Lose(4)), all(Good)).needing(LINK).within(60),
    row("every packet lost", "TUN", || link(Wire::LoseAll), all(LATE)).needing(LINK),
    row("every answer lost", "TUN", || link(Wire::LoseAnswers), all(LATE)).needing(LINK),
    row("every packet twice", "TUN", || link(Wire::Twice), all(Good)).needing(LINK),
    row("packets out of order", "TUN", || link(Wire::Reorder), all(Good)).needing(LINK),
    row("delay of 60 ms", "TUN, each way", || link(Wire::Delay(Duration::from_millis(60))), all(Good)).needing(LINK),
    row("delay of 400 ms", "TUN, each way: too slow for the limit", || link(Wire::Delay(Duration::from_millis(400))), all(LATE)).needing(LINK),
    row("every 5th packet corrupt", "TUN; the checksum shows it", || link(Wire::Corrupt(5)), all(Good)).needing(LINK).within(30),
    row("every 5th packet truncated", "TUN", || link(Wire::Truncate(5)), all(Good)).needing(LINK).within(30),
    row("records corrupt", "TUN; the checksum does not show it, TLS does", || link_pooled(Wire::Tamper), all(Either(ZMD_ERR_NETWORK, ZMD_ERR_TLS))).needing(LINK),
    row("MTU black hole", "TUN; packets above 400 bytes vanish", || link(Wire::LoseLong(400)), all(LATE)).needing(LINK),
    row("MTU of 576", "TUN", || link_then("ip link set tun0 mtu 576"), all(Good)).needing(LINK),
    row("old connection lost", "TUN; every packet, new connections too", || link_pooled(Wire::LoseAll), all(LATE)).needing(LINK),
    row("link goes down", "ip link set down, between two calls", || link_then("ip link set tun0 down"), [LATE, LATE, CONNECT, LATE]).needing(LINK),
    row("address goes away", "ip addr del, between two calls", || link_then("ip addr del 10.99.0.1/24 dev tun0"), [LATE, LATE, CONNECT, LATE]).needing(LINK),
];
