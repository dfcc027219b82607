//! Which failure is which error: what failed, at which stage, whether it is transient, and what to do about it.
//! It does not know what the API answers.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use crate::error::{Error, ErrorKind, cancelled};
use crate::http::lookup::NotFound;
use crate::http::route::{ProxyServer, Route};
use crate::http::tls::is_authority_as_server;
use crate::http::transport::is_broken;
use crate::retry::{Failure, TimeLimit};

/// What went wrong with a connection.
#[derive(Debug)]
pub(crate) enum Cause {
    TimedOut,
    Cancelled,
    Lookup(NotFound),
    /// Could not connect to any of so many addresses; the error of the last one.
    Unreachable {
        tried: usize,
        last: io::Error,
    },
    Refused(Refusal),
    Tls(rustls::Error),
    Io(io::Error),
}

/// How a proxy refuses to open a tunnel.
#[derive(Debug)]
pub(crate) enum Refusal {
    Http {
        status: u16,
        reason: String,
        schemes: Vec<String>,
        had_login: bool,
    },
    NoHttp(String),
    SpeaksTls,
    NoSocks,
    LoginWanted,
    WrongLogin,
    LoginTooLong,
    /// RFC 1928, section 6.
    Socks(u8),
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Cause {
        Cause::Refused(refusal)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Cause {
        Cause::Io(error)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::TimedOut => f.write_str("the time limit expired"),
            Cause::Cancelled => f.write_str("the client was cancelled"),
            Cause::Lookup(NotFound { why, .. }) => f.write_str(why),
            Cause::Unreachable { tried: 0 | 1, last } => last.fmt(f),
            Cause::Unreachable { tried, last } => write!(f, "{tried} addresses tried, the last: {last}"),
            Cause::Refused(refusal) => write!(f, "{refusal:?}"),
            Cause::Tls(error) => error.fmt(f),
            Cause::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Cause {}

/// How far an exchange came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    ProxyLookup,
    ProxyConnect,
    ProxyTls,
    /// Waiting for the proxy to open a tunnel.
    ProxyHandshake,
    Lookup,
    Connect,
    Tls,
    /// Connected: sending the request or receiving the response.
    Response,
}

/// Which limit is the shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Connect,
    Call,
}

/// A failure that is passed through ureq.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) stage: Stage,
    pub(super) cause: Cause,
    pub(super) limit: Limit,
}

impl Failed {
    pub(super) fn at(stage: Stage, cause: Cause) -> Failed {
        Failed { stage, cause, limit: Limit::Call }
    }

    pub(super) fn with_limit(self, limit: Limit) -> Failed {
        Failed { limit, ..self }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<Failed> for ureq::Error {
    fn from(failed: Failed) -> ureq::Error {
        ureq::Error::Other(Box::new(failed))
    }
}

/// The limits that were in force, for the messages.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) call: TimeLimit,
    pub(super) connect: Duration,
}

/// The one place that decides which failure of the network is which error, and whether it is transient.
pub(super) fn explain(error: ureq::Error, route: &Route, limits: Limits) -> Failure {
    let host = route.base.host();
    let permanent = |kind, message: String| Failure::permanent(Error::new(kind, message));
    match error {
        ureq::Error::Other(why) => match why.downcast::<Failed>() {
            Ok(failed) => failed.explain(route, limits),
            Err(why) => permanent(ErrorKind::Internal, format!("the exchange with {host} failed: {why}")),
        },
        ureq::Error::Io(error) => Failed::at(Stage::Response, Cause::Io(error)).explain(route, limits),
        // Whether the lines or the bytes run over first, depends on how they arrive.
        ureq::Error::Protocol(error) if error.to_string().contains("too many headers") => permanent(
            ErrorKind::BadResponse,
            format!("the response header of {host} has too many lines: is api_domain right?"),
        ),
        ureq::Error::Protocol(error) => {
            permanent(ErrorKind::Network, format!("the response of {host} is not HTTP ({error}): is api_domain right?"))
        }
        ureq::Error::BodyExceedsLimit(limit) => permanent(
            ErrorKind::BadResponse,
            format!("the response of {host} is longer than {limit} bytes: is api_domain right?"),
        ),
        ureq::Error::LargeResponseHeader(_, limit) => permanent(
            ErrorKind::BadResponse,
            format!("the response header of {host} is longer than {limit} bytes: is api_domain right?"),
        ),
        error => permanent(ErrorKind::Internal, format!("the exchange with {host} failed: {error}")),
    }
}

impl Failed {
    fn explain(self, route: &Route, limits: Limits) -> Failure {
        let host = route.base.host();
        let proxy = route.proxy.as_ref();
        let proxy_name = proxy.map_or_else(|| "the proxy".to_owned(), name_of);
        let (stage, limit) = (self.stage, self.limit);
        let is_at_proxy =
            matches!(stage, Stage::ProxyLookup | Stage::ProxyConnect | Stage::ProxyTls | Stage::ProxyHandshake);
        let mut http_status = 0;
        let mut is_transient = false;
        let is_unknown_host = matches!(&self.cause, Cause::Lookup(not_found) if not_found.is_unknown);
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
            Cause::Lookup(NotFound { why, .. }) if stage == Stage::Lookup => (
                ErrorKind::Dns,
                format!(
                    "the host name {host} could not be looked up ({why}): check api_domain, data_center and the network"
                ),
            ),
            Cause::Lookup(NotFound { why, .. }) => (
                ErrorKind::Proxy,
                format!("the name of {proxy_name} could not be looked up ({why}): check it, and the network"),
            ),
            Cause::Refused(refusal) => {
                if let Refusal::Http { status, .. } = refusal {
                    http_status = if status == 407 { 407 } else { 0 };
                    is_transient = matches!(status, 502..=504);
                }
                (ErrorKind::Proxy, refusal.explain(&proxy_name, proxy.map_or("proxy", |proxy| proxy.source), route))
            }
            Cause::Tls(error) if stage == Stage::ProxyTls => {
                let source = proxy.map_or("proxy", |proxy| proxy.source);
                let why = match &error {
                    rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                        format!("it does not use TLS: write http:// instead of https:// in {source}")
                    }
                    error => explain_tls(error, "it"),
                };
                (ErrorKind::Proxy, format!("no secure connection to {proxy_name}: {why}"))
            }
            Cause::Tls(error) => {
                let via = proxy.map_or_else(String::new, |proxy| format!(" through {}", name_of(proxy)));
                (ErrorKind::Tls, format!("no secure connection to {host}{via}: {}", explain_tls(&error, host)))
            }
            Cause::Unreachable { last, tried } => {
                is_transient = is_broken(&last) || last.kind() == io::ErrorKind::ConnectionRefused;
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
            Cause::Io(error) => {
                is_transient = is_broken(&error);
                match stage {
                    Stage::ProxyTls | Stage::ProxyHandshake if is_transient => (
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
                    Stage::Tls if is_transient => (
                        ErrorKind::Network,
                        format!("{host} closed the connection in the middle of the TLS handshake ({error})"),
                    ),
                    Stage::Tls => (ErrorKind::Tls, format!("no secure connection to {host} ({error})")),
                    _ if is_transient => (
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
        if is_transient { Failure::transient(error) } else { Failure::permanent(error) }
    }
}

/// A proxy as messages name it: where it is and where that comes from, without its password.
fn name_of(server: &ProxyServer) -> String {
    let scheme = server.proxy.uri().scheme_str().unwrap_or("http");
    format!("the proxy {scheme}://{}:{} (from {})", server.proxy.host(), server.proxy.port(), server.source)
}

impl Refusal {
    fn explain(self, proxy: &str, source: &str, route: &Route) -> String {
        let target = format!("{}:{}", route.base.host(), route.base.port());
        match self {
            Refusal::Http { status: 407, schemes, had_login, .. } => {
                let offers = match schemes.is_empty() {
                    true => String::new(),
                    false => format!("; it offers {}", schemes.join(", ")),
                };
                let knows_basic =
                    schemes.is_empty() || schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
                let remedy = match (knows_basic, had_login) {
                    (false, _) => "only Basic is supported: use a local relay that supports the others, such as \
                                   px or cntlm"
                        .to_owned(),
                    (true, true) => format!("it requires other credentials than those in {source}"),
                    (true, false) => {
                        format!("it requires credentials: write http://user:password@host:port in {source}")
                    }
                };
                format!("{proxy} refused the request (HTTP 407{offers}): {remedy}")
            }
            Refusal::Http { status: 403, reason, .. } => {
                format!(
                    "{proxy} does not permit connections to {target} (HTTP 403 {reason}): ask its administrator to allow them"
                )
            }
            Refusal::Http { status, reason, .. } => {
                format!("{proxy} did not open a tunnel to {target} (HTTP {status} {reason})")
            }
            Refusal::NoHttp(why) => format!("{proxy} does not respond as an HTTP proxy ({why}): check {source}"),
            Refusal::SpeaksTls => format!("{proxy} requires TLS: write https:// instead of http:// in {source}"),
            Refusal::NoSocks => format!("{proxy} does not respond as a SOCKS 5 proxy: check {source}"),
            Refusal::LoginWanted => format!(
                "{proxy} requires credentials, a user and a password: write socks5://user:password@host:port in {source}"
            ),
            Refusal::WrongLogin => format!("{proxy} refused the credentials in {source}"),
            Refusal::LoginTooLong => format!("the user and the password in {source} have at most 255 bytes for SOCKS"),
            Refusal::Socks(reply) => {
                let why = match reply {
                    1 => "it failed",
                    2 => "its rules forbid it: ask its administrator",
                    3 => "it has no route to that network",
                    4 => "it has no route to that host, or cannot look up its name",
                    5 => "the connection was refused",
                    6 => "the time to live expired",
                    8 => "it does not support this kind of address: try socks5h:// instead of socks5://, or vice versa",
                    _ => "it gave no known reason",
                };
                format!("{proxy} did not open a connection to {target} (SOCKS reply {reply}): {why}")
            }
        }
    }
}

/// Why there is no secure connection, and what to do.
fn explain_tls(error: &rustls::Error, who: &str) -> String {
    use rustls::Error::{
        AlertReceived, General, InvalidCertificate, InvalidMessage, PeerIncompatible, UnsupportedNameType,
    };
    use rustls::PeerIncompatible as Peer;
    match error {
        InvalidCertificate(error) if !is_authority_as_server(&InvalidCertificate(error.clone())) => {
            explain_certificate(error, who)
        }
        InvalidCertificate(_) => format!(
            "the certificate that {who} shows is one of an authority, not of a server (CaUsedAsEndEntity): if it is \
             {who}'s own, put it into ca_file"
        ),
        InvalidMessage(_) => format!("{who} does not use TLS on this port ({error}): check the host and the port"),
        AlertReceived(AlertDescription::ProtocolVersion)
        | PeerIncompatible(
            Peer::ServerDoesNotSupportTls12Or13
            | Peer::ServerTlsVersionIsDisabledByOurConfig
            | Peer::Tls12NotOffered
            | Peer::Tls12NotOfferedOrEnabled,
        ) => format!("{who} supports only versions of TLS that are too old ({error}): it needs TLS 1.2 or 1.3"),
        PeerIncompatible(Peer::NoSignatureSchemesInCommon) => format!(
            "{who} signs with an unsupported algorithm ({error}): it needs a certificate with an RSA, P-256, P-384 \
             or Ed25519 key"
        ),
        // At the beginning of a handshake, this is the alert of a server that found nothing in common.
        AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity)
        | PeerIncompatible(_) => format!(
            "{who} has no cipher or key exchange in common with this library ({error}), or requires a client \
             certificate (client_cert): it needs TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305"
        ),
        AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{who} requires a client certificate ({error}): name one in client_cert and client_key")
        }
        AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => {
            format!("{who} refused the client certificate, or requires one ({error}): check client_cert and client_key")
        }
        AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("{who} has no host of this name ({error}): check the host")
        }
        UnsupportedNameType => format!("{who} is not a name that a certificate can have"),
        General(words) => words.clone(),
        error => error.to_string(),
    }
}

fn explain_certificate(error: &CertificateError, who: &str) -> String {
    let seconds = |from: &UnixTime, to: &UnixTime| Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()));
    let clock = "this machine's clock";
    match error {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the certificate of {who} expired {} ago by {clock}, on {}: if {clock} ({}) is right, {who} needs a new one",
            approximately(seconds(not_after, time)),
            date(not_after),
            date(time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the certificate of {who} is not valid before {}, in {} by {clock} ({}): check {clock}",
            date(not_before),
            approximately(seconds(time, not_before)),
            date(time)
        ),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<_> = presented.iter().take(5).map(|name| shown_name(name)).collect();
            let more = if presented.len() > names.len() { ", ..." } else { "" };
            format!(
                "the certificate is not for {who}, but for {}{more}: check the host, and whether a proxy or gateway \
                 responds in its place",
                names.join(", ")
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate has no name, so it is not for {who}: the server needs one with subjectAltName")
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {who} comes from an authority that is not trusted here (UnknownIssuer): if the \
             network has its own authority, set ca_file, or extra_ca_file to trust it in addition to the system's"
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => format!(
            "a certificate of {who} is signed with {}, which is not supported: it needs one that is signed with RSA \
             (PKCS #1 or PSS, SHA-256 or better), ECDSA on P-256 or P-384, or Ed25519",
            algorithm(signature_algorithm_id)
        ),
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id,
        } => format!(
            "a certificate of {who} is signed with {} by a key of another kind ({}): such a combination is not known here",
            algorithm(signature_algorithm_id),
            algorithm(public_key_algorithm_id)
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("the certificate of {who} is not meant for servers ({error}): it needs another one")
        }
        CertificateError::Revoked => format!("the certificate of {who} was revoked"),
        CertificateError::BadSignature => {
            format!(
                "a signature in the certificates of {who} is wrong: is the authority in ca_file an older one of the same name?"
            )
        }
        error => format!("the certificate of {who} is not good ({error})"),
    }
}

/// rustls shows names as `DnsName("host")`.
fn shown_name(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

fn date(time: &UnixTime) -> String {
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(time.as_secs());
    httpdate::fmt_http_date(time)
}

/// "two days", "an hour", ...: rounded for display.
fn approximately(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// An algorithm's object identifier, in DER with or without its header, as text.
fn algorithm(der: &[u8]) -> String {
    const KNOWN: &[(&[u8], &str)] = &[
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], "RSA"),
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA and MD5"),
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA and SHA-1"),
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "RSA-PSS"),
        (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e], "RSA and SHA-224"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ECDSA and SHA-1"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], "ECDSA and SHA-256"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "ECDSA and SHA-384"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ECDSA and SHA-512"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], "an elliptic curve (P-521, perhaps)"),
        (&[0x2b, 0x65, 0x71], "Ed448"),
        (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "DSA and SHA-1"),
    ];
    let value = match der {
        [0x30, _, rest @ ..] => rest,
        der => der,
    };
    let identifier = match value {
        [0x06, length, rest @ ..] => rest.get(..usize::from(*length)).unwrap_or(rest),
        value => value,
    };
    if let Some((_, name)) = KNOWN.iter().find(|(known, _)| *known == identifier) {
        return (*name).to_owned();
    }
    // Base 128, the first two arcs in one number.
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    for byte in identifier {
        arc = (arc << 7) + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                arcs.push((arc / 40).min(2));
                arcs.push(arc - arcs[0] * 40);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    let arcs: Vec<_> = arcs.iter().map(u64::to_string).collect();
    format!("the algorithm {}", arcs.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::endpoint::BaseUrl;
    use crate::http::route::Proxies;
    use crate::retry::Retry;

    #[test]
    fn durations_in_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7200, "2 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(approximately(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn algorithms_in_words() {
        assert_eq!(algorithm(&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0]), "RSA and SHA-1");
        assert_eq!(algorithm(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04]), "ECDSA and SHA-512");
        assert_eq!(algorithm(&[0x06, 3, 0x2b, 0x65, 0x72]), "the algorithm 1.3.101.114");
        assert_eq!(algorithm(&[0x30, 5, 0x06, 3, 0x2b, 0x65, 0x71]), "Ed448");
        assert_eq!(algorithm(&[0x88, 0x37, 0x81, 0x00]), "the algorithm 2.999.128");
        assert_eq!(algorithm(&[]), "the algorithm ");
    }

    fn route(proxy: Option<&str>) -> Route {
        let mut config = Config::new();
        if let Some(url) = proxy {
            config.set("proxy", url).unwrap();
        }
        Proxies::new(&config).unwrap().route(BaseUrl::parse("https://zoho.test").unwrap())
    }

    fn explained(failed: Failed, route: &Route) -> Failure {
        let limits = Limits { call: TimeLimit::Call(Duration::from_secs(9)), connect: Duration::from_secs(2) };
        explain(failed.into(), route, limits)
    }

    const PROXY: Option<&str> = Some("http://user:p4ss@proxy.test:3128");
    const NAME: &str = "the proxy http://proxy.test:3128 (from the setting proxy)";

    /// What a failure at each stage is called, whether it is retried, and what its message begins with; `PROXY` is its name.
    #[test]
    fn each_stage_and_cause() {
        use Stage::*;
        use io::ErrorKind as Kind;
        let io = |kind: Kind| Cause::Io(kind.into());
        let unreachable = |kind: Kind| Cause::Unreachable { tried: 1, last: kind.into() };
        let name = |is_unknown| Cause::Lookup(NotFound { why: "who?".to_owned(), is_unknown });
        let tls = |error: rustls::Error| Cause::Tls(error);
        let plain = || rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        for (stage, cause, kind, is_transient, message) in [
            (
                ProxyLookup,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while looking up the name of PROXY",
            ),
            (
                ProxyConnect,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while connecting to PROXY",
            ),
            (
                ProxyTls,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while doing the TLS handshake with PROXY",
            ),
            (
                ProxyHandshake,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while waiting for PROXY to open a tunnel to zoho.test: try again, or raise",
            ),
            (
                Lookup,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while looking up the name zoho.test",
            ),
            (
                Connect,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while connecting to zoho.test",
            ),
            (
                Tls,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while doing the TLS handshake with zoho.test",
            ),
            (
                Response,
                Cause::TimedOut,
                ErrorKind::Timeout,
                false,
                "timeout_ms (9000 ms) expired while waiting for the whole response of zoho.test",
            ),
            (Response, Cause::Cancelled, ErrorKind::Cancelled, false, "the client was cancelled"),
            (Lookup, name(true), ErrorKind::Dns, false, "the host name zoho.test could not be looked up (who?)"),
            (ProxyLookup, name(false), ErrorKind::Proxy, false, "the name of PROXY could not be looked up (who?)"),
            (
                ProxyTls,
                tls(plain()),
                ErrorKind::Proxy,
                false,
                "no secure connection to PROXY: it does not use TLS: write http://",
            ),
            (
                ProxyTls,
                tls(rustls::Error::UnsupportedNameType),
                ErrorKind::Proxy,
                false,
                "no secure connection to PROXY: it is not a name",
            ),
            (
                Tls,
                tls(plain()),
                ErrorKind::Tls,
                false,
                "no secure connection to zoho.test through PROXY: zoho.test does not use TLS on this port",
            ),
            (
                ProxyConnect,
                unreachable(Kind::ConnectionRefused),
                ErrorKind::Proxy,
                true,
                "no connection to PROXY (connection refused): check it",
            ),
            (
                Connect,
                unreachable(Kind::HostUnreachable),
                ErrorKind::Connect,
                true,
                "no connection to zoho.test (host unreachable): check the network",
            ),
            (
                Connect,
                unreachable(Kind::PermissionDenied),
                ErrorKind::Connect,
                false,
                "no connection to zoho.test (permission denied)",
            ),
            (
                ProxyTls,
                io(Kind::ConnectionReset),
                ErrorKind::Proxy,
                true,
                "PROXY closed the connection before it opened a tunnel",
            ),
            (
                ProxyHandshake,
                io(Kind::UnexpectedEof),
                ErrorKind::Proxy,
                true,
                "PROXY closed the connection before it opened a tunnel",
            ),
            (
                ProxyHandshake,
                io(Kind::PermissionDenied),
                ErrorKind::Proxy,
                false,
                "the exchange with PROXY failed (permission denied)",
            ),
            (
                ProxyConnect,
                io(Kind::ConnectionReset),
                ErrorKind::Proxy,
                true,
                "the exchange with PROXY failed (connection reset)",
            ),
            (
                Lookup,
                io(Kind::PermissionDenied),
                ErrorKind::Connect,
                false,
                "no connection to zoho.test (permission denied)",
            ),
            (
                Connect,
                io(Kind::ConnectionReset),
                ErrorKind::Connect,
                true,
                "no connection to zoho.test (connection reset)",
            ),
            (
                Tls,
                io(Kind::ConnectionReset),
                ErrorKind::Network,
                true,
                "zoho.test closed the connection in the middle of the TLS handshake",
            ),
            (
                Tls,
                io(Kind::PermissionDenied),
                ErrorKind::Tls,
                false,
                "no secure connection to zoho.test (permission denied)",
            ),
            (Response, io(Kind::BrokenPipe), ErrorKind::Network, true, "the connection to zoho.test broke before"),
            (
                Response,
                io(Kind::PermissionDenied),
                ErrorKind::Network,
                false,
                "the exchange with zoho.test failed (permission denied)",
            ),
        ] {
            let is_unknown = matches!(&cause, Cause::Lookup(NotFound { is_unknown: true, .. }));
            let Failure { error, retry } = explained(Failed::at(stage, cause), &route(PROXY));
            assert_eq!((error.kind(), retry != Retry::Never), (kind, is_transient), "{stage:?} {error}");
            let message = message.replace("PROXY", NAME);
            assert!(error.message().starts_with(&message), "{error}\nis not: {message}");
            assert_eq!((error.is_unknown_host(), error.http_status()), (is_unknown, 0), "{error}");
            assert!(error.is_transient() == (kind != ErrorKind::Cancelled && kind != ErrorKind::Tls), "{error:?}");
        }
        assert_eq!(Failed::at(Connect, Cause::TimedOut).to_string(), "the time limit expired");
        let connect = explained(Failed::at(Connect, Cause::TimedOut).with_limit(Limit::Connect), &route(None));
        assert!(connect.error.message().starts_with("connect_timeout_ms (2000 ms) expired while connecting to"));
        let waiting = Limits { call: TimeLimit::Wait, connect: Duration::ZERO };
        let wait = explain(Failed::at(Connect, Cause::TimedOut).into(), &route(None), waiting);
        assert!(wait.error.message().ends_with("or give it more"), "{}", wait.error);
        let direct = explained(Failed::at(Tls, tls(plain())), &route(None));
        assert!(direct.error.message().starts_with("no secure connection to zoho.test: "), "{}", direct.error);
    }

    #[test]
    fn each_refusal_of_a_proxy() {
        let http = |status, schemes: &[&str], had_login| Refusal::Http {
            status,
            reason: "Because".to_owned(),
            schemes: schemes.iter().map(|scheme| (*scheme).to_owned()).collect(),
            had_login,
        };
        for (refusal, is_transient, is_login_refused, message) in [
            (
                http(407, &[], false),
                false,
                true,
                "PROXY refused the request (HTTP 407): it requires credentials: write",
            ),
            (
                http(407, &["NTLM", "basic"], true),
                false,
                true,
                "PROXY refused the request (HTTP 407; it offers NTLM, basic): it requires other",
            ),
            (
                http(407, &["NTLM"], true),
                false,
                true,
                "PROXY refused the request (HTTP 407; it offers NTLM): only Basic is supported",
            ),
            (
                http(403, &[], false),
                false,
                false,
                "PROXY does not permit connections to zoho.test:443 (HTTP 403 Because)",
            ),
            (http(503, &[], false), true, false, "PROXY did not open a tunnel to zoho.test:443 (HTTP 503 Because)"),
            (http(501, &[], false), false, false, "PROXY did not open a tunnel to zoho.test:443 (HTTP 501 Because)"),
            (
                Refusal::NoHttp("x".to_owned()),
                false,
                false,
                "PROXY does not respond as an HTTP proxy (x): check the setting",
            ),
            (Refusal::SpeaksTls, false, false, "PROXY requires TLS: write https://"),
            (Refusal::NoSocks, false, false, "PROXY does not respond as a SOCKS 5 proxy"),
            (Refusal::LoginWanted, false, true, "PROXY requires credentials, a user and a password"),
            (Refusal::WrongLogin, false, true, "PROXY refused the credentials in the setting proxy"),
            (Refusal::LoginTooLong, false, true, "the user and the password in the setting proxy have at most 255"),
            (
                Refusal::Socks(1),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 1): it failed",
            ),
            (
                Refusal::Socks(2),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 2): its rules",
            ),
            (
                Refusal::Socks(3),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 3): it has no route to that network",
            ),
            (
                Refusal::Socks(4),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 4): it has no route to that host",
            ),
            (
                Refusal::Socks(5),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 5): the connection was refused",
            ),
            (
                Refusal::Socks(6),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 6): the time to live",
            ),
            (
                Refusal::Socks(8),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 8): it does not support",
            ),
            (
                Refusal::Socks(9),
                false,
                false,
                "PROXY did not open a connection to zoho.test:443 (SOCKS reply 9): it gave no known",
            ),
        ] {
            let status = if matches!(refusal, Refusal::Http { status: 407, .. }) { 407 } else { 0 };
            let Failure { error, retry } = explained(Failed::at(Stage::ProxyHandshake, refusal.into()), &route(PROXY));
            assert_eq!((error.kind(), retry != Retry::Never), (ErrorKind::Proxy, is_transient), "{error}");
            assert_eq!((error.is_transient(), error.http_status()), (!is_login_refused, status), "{error}");
            let message = message.replace("PROXY", NAME);
            assert!(error.message().starts_with(&message), "{error}\nis not: {message}");
        }
    }

    #[test]
    fn each_error_of_ureq() {
        use ureq::Error as Ureq;
        let limits = Limits { call: TimeLimit::Wait, connect: Duration::ZERO };
        for (error, kind, message) in [
            (Ureq::Other("x".into()), ErrorKind::Internal, "the exchange with zoho.test failed: x"),
            (
                Ureq::Io(io::ErrorKind::BrokenPipe.into()),
                ErrorKind::Network,
                "the connection to zoho.test broke before",
            ),
            (Ureq::BodyExceedsLimit(5), ErrorKind::BadResponse, "the response of zoho.test is longer than 5 bytes"),
            (
                Ureq::LargeResponseHeader(9, 5),
                ErrorKind::BadResponse,
                "the response header of zoho.test is longer than 5",
            ),
            (Ureq::HostNotFound, ErrorKind::Internal, "the exchange with zoho.test failed: "),
        ] {
            let explained = explain(error, &route(None), limits);
            assert_eq!(explained.error.kind(), kind, "{}", explained.error);
            assert!(explained.error.message().starts_with(message), "{}", explained.error);
        }
    }

    #[test]
    fn each_refusal_of_tls() {
        use rustls::Error as Tls;
        use rustls::PeerIncompatible as Peer;
        let alert = |alert: AlertDescription| Tls::AlertReceived(alert);
        let certificate = |error: CertificateError| Tls::InvalidCertificate(error);
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let authority = webpki::Error::CaUsedAsEndEntity;
        let authority = CertificateError::Other(rustls::OtherError(std::sync::Arc::new(authority)));
        let name = || rustls::pki_types::ServerName::try_from("zoho.test").unwrap();
        let presented = |names: &[&str]| names.iter().map(|name| format!("DnsName(\"{name}\")")).collect::<Vec<_>>();
        let not_for = |names: &[&str]| {
            certificate(CertificateError::NotValidForNameContext { expected: name(), presented: presented(names) })
        };
        for (error, message) in [
            (Tls::InvalidMessage(InvalidMessage::InvalidContentType), "H does not use TLS on this port"),
            (alert(AlertDescription::ProtocolVersion), "H supports only versions of TLS that are too old"),
            (Tls::PeerIncompatible(Peer::Tls12NotOffered), "H supports only versions of TLS that are too old"),
            (Tls::PeerIncompatible(Peer::NoSignatureSchemesInCommon), "H signs with an unsupported algorithm"),
            (Tls::PeerIncompatible(Peer::NoCipherSuitesInCommon), "H has no cipher or key exchange in common"),
            (alert(AlertDescription::HandshakeFailure), "H has no cipher or key exchange in common"),
            (alert(AlertDescription::CertificateRequired), "H requires a client certificate"),
            (alert(AlertDescription::UnknownCA), "H refused the client certificate, or requires one"),
            (alert(AlertDescription::UnrecognisedName), "H has no host of this name"),
            (Tls::UnsupportedNameType, "H is not a name that a certificate can have"),
            (Tls::General("words".to_owned()), "words"),
            (Tls::HandshakeNotComplete, "handshake not complete"),
            (
                certificate(CertificateError::ExpiredContext { time: at(200_000), not_after: at(0) }),
                "the certificate of H expired 2 days ago by this machine's clock, on Thu, 01 Jan 1970 00:00:00 GMT: if",
            ),
            (
                certificate(CertificateError::NotValidYetContext { time: at(0), not_before: at(7200) }),
                "the certificate of H is not valid before Thu, 01 Jan 1970 02:00:00 GMT, in 2 hours by",
            ),
            (not_for(&["a", "b"]), "the certificate is not for H, but for a, b: check"),
            (not_for(&["a", "b", "c", "d", "e"]), "the certificate is not for H, but for a, b, c, d, e: check"),
            (
                not_for(&["a", "b", "c", "d", "e", "f"]),
                "the certificate is not for H, but for a, b, c, d, e, ...: check",
            ),
            (not_for(&[]), "the certificate has no name"),
            (certificate(CertificateError::NotValidForName), "the certificate has no name"),
            (certificate(CertificateError::UnknownIssuer), "the certificate of H comes from an authority that is not"),
            (certificate(CertificateError::InvalidPurpose), "the certificate of H is not meant for servers"),
            (certificate(CertificateError::Revoked), "the certificate of H was revoked"),
            (certificate(CertificateError::BadSignature), "a signature in the certificates of H is wrong"),
            (certificate(CertificateError::BadEncoding), "the certificate of H is not good ("),
            (certificate(authority), "the certificate that H shows is one of an authority, not of a server"),
        ] {
            let explained = explain_tls(&error, "H");
            assert!(explained.starts_with(message), "{explained}\nis not: {message}");
        }
    }
}
