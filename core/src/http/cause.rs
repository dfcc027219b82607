//! What can go wrong in an exchange with a server, and at which stage of it.

use std::fmt;
use std::io;
use std::net::IpAddr;

/// What went wrong with a connection.
#[derive(Debug)]
pub(super) enum Cause {
    TimedOut,
    Cancelled,
    Lookup(LookupError),
    /// Could not connect to any of so many addresses; the error of the last one.
    Unreachable {
        tried: usize,
        last: io::Error,
    },
    /// Plain http is sent to this machine alone, and the host is elsewhere.
    NotThisMachine(IpAddr),
    Refused(Refusal),
    Tls(rustls::Error),
    /// A response has more bytes than this, or a line of it.
    TooLong(usize),
    Io(io::Error),
}

/// How a proxy refuses to open a tunnel.
#[derive(Debug)]
pub(super) enum Refusal {
    Http {
        status: u16,
        reason: String,
        schemes: Vec<String>,
        had_login: bool,
        /// Scheme and host of where a redirect points.
        location: Option<String>,
        /// A description of the page that came with it.
        page: Option<String>,
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

/// Why a name has no address here.
#[derive(Clone, Debug)]
pub(super) struct LookupError {
    /// The resolver's message.
    pub(super) why: String,
    /// The name servers have no such host; otherwise the lookup failed.
    pub(super) is_unknown: bool,
}

impl LookupError {
    pub(super) fn failed(why: impl Into<String>) -> LookupError {
        LookupError { why: why.into(), is_unknown: false }
    }

    pub(super) fn without_address() -> LookupError {
        LookupError::failed("it has no address")
    }
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
            Cause::Lookup(LookupError { why, .. }) => f.write_str(why),
            Cause::Unreachable { tried: 0 | 1, last } => last.fmt(f),
            Cause::Unreachable { tried, last } => write!(f, "{tried} addresses tried, the last: {last}"),
            Cause::NotThisMachine(address) => write!(f, "{address} is not this machine"),
            Cause::Refused(refusal) => write!(f, "{refusal:?}"),
            Cause::Tls(error) => error.fmt(f),
            Cause::TooLong(limit) => write!(f, "more than {limit} bytes"),
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
pub(super) struct ExchangeError {
    pub(super) stage: Stage,
    pub(super) cause: Cause,
    pub(super) limit: Limit,
}

impl ExchangeError {
    pub(super) fn at(stage: Stage, cause: Cause) -> ExchangeError {
        ExchangeError { stage, cause, limit: Limit::Call }
    }

    pub(super) fn with_limit(self, limit: Limit) -> ExchangeError {
        ExchangeError { limit, ..self }
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for ExchangeError {}

impl From<ExchangeError> for ureq::Error {
    fn from(failed: ExchangeError) -> ureq::Error {
        ureq::Error::Other(Box::new(failed))
    }
}

/// Whether the connection was closed or reset, or nothing that was sent arrived any more.
pub(super) fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionReset
            | ConnectionAborted
            | BrokenPipe
            | WriteZero
            | UnexpectedEof
            | NotConnected
            | TimedOut
            | HostUnreachable
            | NetworkUnreachable
            | NetworkDown
    )
}

/// Whether this machine had not enough of something: memory, descriptors, ports.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    #[cfg(unix)]
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::EIO)) {
        return true;
    }
    #[cfg(windows)]
    // WSAEMFILE, WSAENOBUFS.
    if matches!(error.raw_os_error(), Some(10024 | 10055)) {
        return true;
    }
    matches!(error.kind(), OutOfMemory | WouldBlock | AddrNotAvailable | AddrInUse | ResourceBusy | Interrupted)
}

/// An extension of a certificate that is marked critical, and that webpki does not know: so the certificate can't be used.
#[derive(Debug)]
pub(super) struct CriticalExtension(pub(super) &'static str);

impl fmt::Display for CriticalExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the critical extension {} is not supported", self.0)
    }
}

impl std::error::Error for CriticalExtension {}

/// Whether a server showed a certificate that calls itself an authority.
pub(super) fn is_authority_as_server(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(other))) => {
            matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}
