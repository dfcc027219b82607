//! Which error a failure of the network is: what failed, at which stage, whether it is transient, and what to do about it.

#[cfg(all(test, not(miri)))]
mod every_error;
mod proxy;
mod tls;
mod protocol;

use std::time::Duration;

use rustls::InvalidMessage;

use super::cause::{Cause, ExchangeError, Limit, LookupError, Refusal, Stage, is_broken, is_shortage};
use super::route::Route;
use crate::error::{Error, ErrorKind, cancelled};
use crate::retry::{Failure, TimeLimit};
use protocol::unforeseen;
use proxy::name_of;

/// The limits that were in force, for the messages.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) call: TimeLimit,
    pub(super) connect: Duration,
}

/// The one place that decides which failure of the network is which error.
pub(super) fn explain(error: ureq::Error, route: &Route, limits: Limits) -> Failure {
    let host = route.base.host();
    match error {
        ureq::Error::Other(why) => match why.downcast::<ExchangeError>() {
            Ok(error) => error.explain(route, limits),
            Err(why) => Failure::permanent(unforeseen(host, &*why)),
        },
        ureq::Error::Io(error) => ExchangeError::at(Stage::Response, Cause::Io(error)).explain(route, limits),
        error => protocol::explain(error, host),
    }
}

impl ExchangeError {
    fn explain(self, route: &Route, limits: Limits) -> Failure {
        let host = route.base.host();
        let proxy = route.proxy.as_ref();
        let proxy_name = proxy.map_or_else(|| "the proxy".to_owned(), name_of);
        let (stage, limit) = (self.stage, self.limit);
        let is_at_proxy =
            matches!(stage, Stage::ProxyLookup | Stage::ProxyConnect | Stage::ProxyTls | Stage::ProxyHandshake);
        let mut http_status = 0;
        let is_unknown_host = matches!(&self.cause, Cause::Lookup(error) if error.is_unknown);
        let is_login_refused =
            matches!(self.cause, Cause::Refused(Refusal::LoginWanted | Refusal::WrongLogin | Refusal::LoginTooLong));
        let (kind, message): (ErrorKind, String) = match self.cause {
            Cause::Cancelled => return Failure::permanent(cancelled()),
            Cause::TimedOut => {
                let doing = match stage {
                    Stage::ProxyLookup => format!("looking up the name of {proxy_name}"),
                    Stage::ProxyConnect => format!("connecting to {proxy_name}"),
                    Stage::ProxyTls => format!("doing the TLS handshake with {proxy_name}"),
                    Stage::ProxyHandshake => format!("waiting for {proxy_name} to open a tunnel to {host}"),
                    Stage::Lookup => format!("looking up the name {host}"),
                    Stage::Connect => format!("connecting to {host}"),
                    Stage::Tls => format!("doing the TLS handshake with {host}"),
                    Stage::Response => format!("waiting for the whole response of {host}"),
                };
                let message = match limit {
                    Limit::Connect => format!(
                        "connect_timeout_ms ({} ms) expired while {doing}: does a firewall or a proxy block the connection?",
                        limits.connect.as_millis()
                    ),
                    Limit::Call => {
                        let more = if limits.call == TimeLimit::Wait { "give it more" } else { "raise timeout_ms" };
                        format!("{} expired while {doing}: try again, or {more}", limits.call)
                    }
                };
                (ErrorKind::Timeout, message)
            }
            Cause::Lookup(LookupError { why, .. }) if stage == Stage::Lookup => (
                ErrorKind::Dns,
                format!(
                    "the host name {host} could not be looked up ({why}): check api_domain, data_center and the network"
                ),
            ),
            Cause::Lookup(LookupError { why, .. }) => (
                ErrorKind::Proxy,
                format!("the name of {proxy_name} could not be looked up ({why}): check it, and the network"),
            ),
            Cause::Refused(refusal) => {
                if let Refusal::Http { status, .. } = refusal {
                    http_status = if status == 407 { 407 } else { 0 };
                }
                (ErrorKind::Proxy, refusal.explain(&proxy_name, proxy.map_or("proxy", |proxy| proxy.source), route))
            }
            Cause::Tls(error) if stage == Stage::ProxyTls => {
                let source = proxy.map_or("proxy", |proxy| proxy.source);
                let why = match &error {
                    rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                        format!("it does not use TLS: write http:// instead of https:// in {source}")
                    }
                    error => tls::explain(error, "it"),
                };
                (ErrorKind::Proxy, format!("no secure connection to {proxy_name}: {why}"))
            }
            Cause::Tls(error) if tls::is_transient(&error, stage) => {
                let message = match stage {
                    Stage::Tls => format!("{host} ended the TLS handshake ({error}): try again later"),
                    _ => format!("the connection to {host} broke before the whole response had arrived ({error})"),
                };
                (ErrorKind::Network, message)
            }
            Cause::Tls(error) => {
                let via = proxy.map_or_else(String::new, |proxy| format!(" through {}", name_of(proxy)));
                (ErrorKind::Tls, format!("no secure connection to {host}{via}: {}", tls::explain(&error, host)))
            }
            Cause::NotThisMachine(address) => (
                ErrorKind::InvalidConfig,
                format!(
                    "{host} has the address {address}, which is not this machine, and plain http would show the access token \
                     to others on the way there: write https:// instead of http://"
                ),
            ),
            Cause::TooLong(limit) => (
                ErrorKind::BadResponse,
                format!("the response of {host}, or a line of it, is longer than {limit} bytes: is api_domain right?"),
            ),
            Cause::Unreachable { last, tried } => {
                let why = Cause::Unreachable { last, tried };
                match is_at_proxy {
                    true => {
                        (ErrorKind::Proxy, format!("no connection to {proxy_name} ({why}): check it, and the network"))
                    }
                    false => (
                        ErrorKind::Connect,
                        format!("no connection to {host} ({why}): check the network, or set proxy"),
                    ),
                }
            }
            Cause::Io(error) if is_shortage(&error) => {
                let kind = match stage {
                    _ if is_at_proxy => ErrorKind::Proxy,
                    Stage::Lookup | Stage::Connect => ErrorKind::Connect,
                    _ => ErrorKind::Network,
                };
                (kind, format!("this machine lacks what a connection to {host} takes ({error}): try again later"))
            }
            Cause::Io(error) => {
                let is_broken = is_broken(&error);
                match stage {
                    Stage::ProxyTls | Stage::ProxyHandshake if is_broken => (
                        ErrorKind::Proxy,
                        format!(
                            "{proxy_name} closed the connection before it opened a tunnel to {host} ({error}): is it a \
                             proxy of this kind? If it requires TLS, write https:// instead of http://"
                        ),
                    ),
                    _ if is_at_proxy => (ErrorKind::Proxy, format!("the exchange with {proxy_name} failed ({error})")),
                    Stage::Lookup | Stage::Connect => {
                        (ErrorKind::Connect, format!("no connection to {host} ({error})"))
                    }
                    Stage::Tls if is_broken => (
                        ErrorKind::Network,
                        format!("{host} closed the connection in the middle of the TLS handshake ({error})"),
                    ),
                    Stage::Tls => (ErrorKind::Tls, format!("no secure connection to {host} ({error})")),
                    _ if is_broken => (
                        ErrorKind::Network,
                        format!("the connection to {host} broke before the whole response had arrived ({error})"),
                    ),
                    _ => (ErrorKind::Network, format!("the exchange with {host} failed ({error})")),
                }
            }
        };
        let error = Error::new(kind, message)
            .with_http_status(http_status)
            .with_unknown_host(is_unknown_host)
            .with_login_refused(is_login_refused);
        Failure::of(error, None)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config::Config;
    use crate::endpoint::BaseUrl;
    use crate::error::Recovery;
    use crate::http::route::Proxies;
    use crate::retry::Retry;

    pub(super) fn route(proxy: Option<&str>) -> Route {
        let mut config = Config::new();
        if let Some(url) = proxy {
            config.set("proxy", url).unwrap();
        }
        Proxies::new(&config).unwrap().route(BaseUrl::parse("https://zoho.test").unwrap())
    }

    pub(super) fn explained(failed: ExchangeError, route: &Route) -> Failure {
        let limits = Limits { call: TimeLimit::Call(Duration::from_secs(9)), connect: Duration::from_secs(2) };
        explain(failed.into(), route, limits)
    }

    const PROXY: Option<&str> = Some("http://user:p4ss@proxy.test:3128");
    const NAME: &str = "the proxy http://proxy.test:3128 (from the setting proxy)";

    /// What a failure at each stage is called, and what its message begins with; `PROXY` is its name.
    #[test]
    fn each_stage_and_cause() {
        use Stage::*;
        use io::ErrorKind as Kind;
        let io = |kind: Kind| Cause::Io(kind.into());
        let unreachable = |kind: Kind| Cause::Unreachable { tried: 1, last: kind.into() };
        let name = |is_unknown| Cause::Lookup(LookupError { why: "who?".to_owned(), is_unknown });
        let tls = |error: rustls::Error| Cause::Tls(error);
        let plain = || rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        for (stage, cause, kind, message) in [
            (
                ProxyLookup,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while looking up the name of PROXY",
            ),
            (
                ProxyConnect,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while connecting to PROXY",
            ),
            (
                ProxyTls,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while doing the TLS handshake with PROXY",
            ),
            (
                ProxyHandshake,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while waiting for PROXY to open a tunnel to zoho.test: try again, or raise",
            ),
            (
                Lookup,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while looking up the name zoho.test",
            ),
            (
                Connect,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while connecting to zoho.test",
            ),
            (
                Tls,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while doing the TLS handshake with zoho.test",
            ),
            (
                Response,
                Cause::TimedOut,
                ErrorKind::Timeout,
                "timeout_ms (9000 ms) expired while waiting for the whole response of zoho.test",
            ),
            (Response, Cause::Cancelled, ErrorKind::Cancelled, "the client was cancelled"),
            (
                Connect,
                Cause::NotThisMachine([192, 0, 2, 1].into()),
                ErrorKind::InvalidConfig,
                "zoho.test has the address 192.0.2.1, which is not this machine",
            ),
            (Lookup, name(true), ErrorKind::Dns, "the host name zoho.test could not be looked up (who?)"),
            (ProxyLookup, name(false), ErrorKind::Proxy, "the name of PROXY could not be looked up (who?)"),
            (
                ProxyTls,
                tls(plain()),
                ErrorKind::Proxy,
                "no secure connection to PROXY: it does not use TLS: write http://",
            ),
            (
                ProxyTls,
                tls(rustls::Error::UnsupportedNameType),
                ErrorKind::Proxy,
                "no secure connection to PROXY: it is not a name",
            ),
            (
                Tls,
                tls(plain()),
                ErrorKind::Tls,
                "no secure connection to zoho.test through PROXY: zoho.test does not use TLS on this port",
            ),
            (
                ProxyConnect,
                unreachable(Kind::ConnectionRefused),
                ErrorKind::Proxy,
                "no connection to PROXY (connection refused): check it",
            ),
            (
                Connect,
                unreachable(Kind::HostUnreachable),
                ErrorKind::Connect,
                "no connection to zoho.test (host unreachable): check the network",
            ),
            (
                Connect,
                unreachable(Kind::PermissionDenied),
                ErrorKind::Connect,
                "no connection to zoho.test (permission denied)",
            ),
            (
                ProxyTls,
                io(Kind::ConnectionReset),
                ErrorKind::Proxy,
                "PROXY closed the connection before it opened a tunnel",
            ),
            (
                ProxyHandshake,
                io(Kind::UnexpectedEof),
                ErrorKind::Proxy,
                "PROXY closed the connection before it opened a tunnel",
            ),
            (
                ProxyHandshake,
                io(Kind::PermissionDenied),
                ErrorKind::Proxy,
                "the exchange with PROXY failed (permission denied)",
            ),
            (
                ProxyConnect,
                io(Kind::ConnectionReset),
                ErrorKind::Proxy,
                "the exchange with PROXY failed (connection reset)",
            ),
            (Lookup, io(Kind::PermissionDenied), ErrorKind::Connect, "no connection to zoho.test (permission denied)"),
            (Connect, io(Kind::ConnectionReset), ErrorKind::Connect, "no connection to zoho.test (connection reset)"),
            (
                Tls,
                io(Kind::ConnectionReset),
                ErrorKind::Network,
                "zoho.test closed the connection in the middle of the TLS handshake",
            ),
            (Tls, io(Kind::PermissionDenied), ErrorKind::Tls, "no secure connection to zoho.test (permission denied)"),
            (Response, io(Kind::BrokenPipe), ErrorKind::Network, "the connection to zoho.test broke before"),
            (
                Response,
                io(Kind::PermissionDenied),
                ErrorKind::Network,
                "the exchange with zoho.test failed (permission denied)",
            ),
        ] {
            let is_unknown = matches!(&cause, Cause::Lookup(LookupError { is_unknown: true, .. }));
            let Failure { error, retry } = explained(ExchangeError::at(stage, cause), &route(PROXY));
            assert_eq!(error.kind(), kind, "{stage:?} {error}");
            assert_eq!(retry != Retry::Never, error.recovery() == Recovery::Retried, "{error:?}");
            let message = message.replace("PROXY", NAME);
            assert!(error.message().starts_with(&message), "{error}\nis not: {message}");
            assert_eq!((error.is_unknown_host(), error.http_status()), (is_unknown, 0), "{error}");
            let is_permanent = matches!(kind, ErrorKind::Cancelled | ErrorKind::Tls | ErrorKind::InvalidConfig);
            assert_eq!(error.is_transient(), !is_permanent, "{error:?}");
        }
        assert_eq!(ExchangeError::at(Connect, Cause::TimedOut).to_string(), "the time limit expired");
        let connect = explained(ExchangeError::at(Connect, Cause::TimedOut).with_limit(Limit::Connect), &route(None));
        assert!(connect.error.message().starts_with("connect_timeout_ms (2000 ms) expired while connecting to"));
        let waiting = Limits { call: TimeLimit::Wait, connect: Duration::ZERO };
        let wait = explain(ExchangeError::at(Connect, Cause::TimedOut).into(), &route(None), waiting);
        assert!(wait.error.message().ends_with("or give it more"), "{}", wait.error);
        let direct = explained(ExchangeError::at(Tls, tls(plain())), &route(None));
        assert!(direct.error.message().starts_with("no secure connection to zoho.test: "), "{}", direct.error);
    }

    #[test]
    fn each_refusal_of_a_proxy() {
        let http = |status, schemes: &[&str], had_login| Refusal::Http {
            status,
            reason: "Because".to_owned(),
            schemes: schemes.iter().map(|scheme| (*scheme).to_owned()).collect(),
            had_login,
            location: (status == 302).then(|| "https://portal.test".to_owned()),
            page: (status == 502).then(|| "the page \"Bad\"".to_owned()),
        };
        for (refusal, is_login_refused, message) in [
            (http(407, &[], false), true, "PROXY refused the request (HTTP 407): it requires credentials: write"),
            (
                http(407, &["NTLM", "basic"], true),
                true,
                "PROXY refused the request (HTTP 407; it offers NTLM, basic): it requires other",
            ),
            (
                http(407, &["NTLM"], true),
                true,
                "PROXY refused the request (HTTP 407; it offers NTLM): only Basic is supported",
            ),
            (http(403, &[], false), false, "PROXY does not permit connections to zoho.test:443 (HTTP 403 Because)"),
            (
                http(302, &[], false),
                false,
                "PROXY did not open a tunnel to zoho.test:443 (HTTP 302 Because), but redirects to https://portal.test: the",
            ),
            (
                http(502, &[], false),
                false,
                "PROXY did not open a tunnel to zoho.test:443 (HTTP 502 Because): the page \"Bad\"",
            ),
            (http(503, &[], false), false, "PROXY did not open a tunnel to zoho.test:443 (HTTP 503 Because)"),
            (http(501, &[], false), false, "PROXY did not open a tunnel to zoho.test:443 (HTTP 501 Because)"),
            (Refusal::NoHttp("x".to_owned()), false, "PROXY does not respond as an HTTP proxy (x): check the setting"),
            (Refusal::SpeaksTls, false, "PROXY requires TLS: write https://"),
            (Refusal::NoSocks, false, "PROXY does not respond as a SOCKS 5 proxy"),
            (Refusal::LoginWanted, true, "PROXY requires credentials, a user and a password"),
            (Refusal::WrongLogin, true, "PROXY refused the credentials in the setting proxy"),
            (Refusal::LoginTooLong, true, "the user and the password in the setting proxy have at most 255"),
            (Refusal::Socks(1), false, "PROXY did not open a connection to zoho.test:443 (SOCKS reply 1): it failed"),
            (Refusal::Socks(2), false, "PROXY did not open a connection to zoho.test:443 (SOCKS reply 2): its rules"),
            (
                Refusal::Socks(3),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 3): it has no route to that network",
            ),
            (
                Refusal::Socks(4),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 4): it has no route to that host",
            ),
            (
                Refusal::Socks(5),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 5): the connection was refused",
            ),
            (
                Refusal::Socks(6),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 6): the time to live",
            ),
            (
                Refusal::Socks(8),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 8): it does not support",
            ),
            (
                Refusal::Socks(9),
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 9): it gave no known",
            ),
        ] {
            let status = if matches!(refusal, Refusal::Http { status: 407, .. }) { 407 } else { 0 };
            let Failure { error, retry } =
                explained(ExchangeError::at(Stage::ProxyHandshake, refusal.into()), &route(PROXY));
            assert_eq!((error.kind(), retry == Retry::Never), (ErrorKind::Proxy, is_login_refused), "{error}");
            assert_eq!((error.is_transient(), error.http_status()), (!is_login_refused, status), "{error}");
            let message = message.replace("PROXY", NAME);
            assert!(error.message().starts_with(&message), "{error}\nis not: {message}");
        }
    }
}
