//! Which error each of ureq's own is.

use std::error::Error as StdError;

use ureq_proto::Error as Protocol;

use crate::error::{Error, ErrorKind};
use crate::retry::Failure;

/// An error of ureq, but for those of its connection ([`super::explain`]).
pub(super) fn explain(error: ureq::Error, host: &str) -> Failure {
    use ureq::Error as Ureq;
    let bad_response = |what: &str| {
        let message = format!("the response {what}: is api_domain right?");
        Failure::of(Error::new(ErrorKind::BadResponse, message), None)
    };
    match error {
        Ureq::Protocol(error) => protocol(&error, host),
        Ureq::BodyExceedsLimit(limit) => bad_response(&format!("of {host} is longer than {limit} bytes")),
        Ureq::LargeResponseHeader(_, limit) => bad_response(&format!("header of {host} is longer than {limit} bytes")),
        // The connection was closed in the middle of the size of a chunk, or of a trailer.
        Ureq::BodyStalled => Failure::of(
            Error::new(
                ErrorKind::Network,
                format!(
                    "the connection to {host} broke before the whole response had arrived (in the middle of a line)"
                ),
            ),
            None,
        ),
        // None of them occurs: the connector, the limits and the proxies are this library's own, and it follows no redirect.
        error @ (Ureq::StatusCode(_)
        | Ureq::Http(_)
        | Ureq::BadUri(_)
        | Ureq::Io(_)
        | Ureq::Timeout(_)
        | Ureq::HostNotFound
        | Ureq::RedirectFailed
        | Ureq::InvalidProxyUrl
        | Ureq::ConnectionFailed
        | Ureq::TooManyRedirects
        | Ureq::Tls(_)
        | Ureq::RequireHttpsOnly(_)
        | Ureq::ConnectProxyFailed(_)
        | Ureq::TlsRequired
        | Ureq::Other(_)) => Failure::permanent(unforeseen(host, &error)),
        error => Failure::permanent(unforeseen(host, &error)),
    }
}

fn protocol(error: &Protocol, host: &str) -> Failure {
    match error {
        // Whether the lines or the bytes run over first, depends on how they arrive.
        Protocol::HttpParseTooManyHeaders => {
            let message = format!("the response header of {host} has too many lines: is api_domain right?");
            Failure::of(Error::new(ErrorKind::BadResponse, message), None)
        }
        Protocol::BadHeader(_)
        | Protocol::UnsupportedVersion
        | Protocol::TooManyContentLengthHeaders
        | Protocol::BadContentLengthHeader
        | Protocol::ConflictingBodyHeaders
        | Protocol::ChunkLenNotAscii
        | Protocol::ChunkLenNotANumber
        | Protocol::ChunkExpectedCrLf
        | Protocol::HttpParseFail(_)
        | Protocol::NoLocationHeader
        | Protocol::BadLocationHeader(_)
        | Protocol::HeadersWith100
        | Protocol::BadReject100Status(_) => {
            let message = format!("the response of {host} is not HTTP ({}): is api_domain right?", words_for(error));
            Failure::of(Error::new(ErrorKind::Network, message), None)
        }
        // A request that cannot be sent.
        Protocol::MethodVersionMismatch(..)
        | Protocol::TooManyHostHeaders
        | Protocol::BadHostHeader
        | Protocol::BadAuthorizationHeader
        | Protocol::OutputOverflow
        | Protocol::BodyContentAfterFinish
        | Protocol::BodyLargerThanContentLength
        | Protocol::BodyNotAllowed
        | Protocol::BodyIsChunked => Failure::permanent(unforeseen(host, error)),
        error => Failure::permanent(unforeseen(host, error)),
    }
}

/// Without what the server sent, which may repeat a secret.
fn words_for(error: &Protocol) -> String {
    match error {
        Protocol::BadHeader(_) => "bad header".to_owned(),
        Protocol::BadLocationHeader(_) => "location header is malformed".to_owned(),
        error => error.to_string(),
    }
}

/// What should not occur.
pub(super) fn unforeseen(host: &str, error: &(dyn StdError + 'static)) -> Error {
    Error::new(ErrorKind::Internal, format!("the exchange with {host} failed: {error}"))
}
