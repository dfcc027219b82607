//! Every error that the libraries below can return, and what it becomes. A new version that adds one fails here, until somebody
//! has decided what it is.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    AlertDescription, CertRevocationListError, CertificateError, EncryptedClientHelloError, ExtendedKeyPurpose,
    InconsistentKeys, InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved,
};
use ureq::http::{Method, StatusCode, Version};
use ureq_proto::Error as Protocol;

use super::tests::{explained, route};
use super::*;
use crate::retry::Retry;

/// The variants of an enum in the source of a package, but for those of features.
fn variants(package: &str, file: &str, head: &str) -> Vec<String> {
    let source = std::fs::read_to_string(directory_of(package).join(file)).unwrap();
    let body = &source[source.find(head).unwrap_or_else(|| panic!("no {head} in {package}")) + head.len()..];
    let (mut depth, mut has_feature, mut names) = (0i32, false, Vec::new());
    for line in body.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if depth == 0 && line.starts_with('}') {
            break;
        }
        if line.starts_with("#[cfg(") {
            has_feature = true;
        }
        if depth == 0 && line.starts_with(|c: char| c.is_ascii_uppercase()) {
            let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            if !std::mem::take(&mut has_feature) {
                names.push(name);
            }
        }
        depth += line.matches(['{', '(']).count() as i32 - line.matches(['}', ')']).count() as i32;
    }
    assert!(names.len() > 5, "{names:?}");
    names
}

/// Where the source of a dependency is.
fn directory_of(package: &str) -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of this system: cargo need not have downloaded what others need.
    let version = String::from_utf8(Command::new("rustc").arg("-vV").output().unwrap().stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    cargo.args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host, "--manifest-path"]);
    let output = cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found: Vec<_> = packages.iter().filter(|found| found["name"] == package).collect();
    assert_eq!(found.len(), 1, "one version of {package}");
    PathBuf::from(found[0]["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

fn name_of(error: &dyn std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}

/// The names of the errors are the variants, each once.
fn assert_complete(package: &str, file: &str, head: &str, mut names: Vec<String>) {
    let mut expected = variants(package, file, head);
    expected.sort();
    names.sort();
    assert_eq!(names, expected, "{package}, {head}");
}

/// What a failure becomes: its kind, and whether it is retried.
type Becomes = (ErrorKind, bool);

const NOT_HTTP: Becomes = (ErrorKind::Network, true);
const BROKEN: Becomes = (ErrorKind::Network, true);
const TOO_LONG: Becomes = (ErrorKind::BadResponse, false);
const NEVER: Becomes = (ErrorKind::Internal, false);
const NOT_SECURE: Becomes = (ErrorKind::Tls, false);

fn becomes(failure: &Failure) -> Becomes {
    (failure.error.kind(), failure.retry != Retry::Never)
}

fn of_ureq(error: ureq::Error) -> Becomes {
    becomes(&explain(error, &route(None), Limits { call: TimeLimit::Wait, connect: Duration::ZERO }))
}

#[test]
fn those_of_ureq() {
    use ureq::Error as Ureq;
    let mut names = Vec::new();
    for (error, expected) in [
        (Ureq::StatusCode(500), NEVER),
        (Ureq::Http(Method::from_bytes(b" ").unwrap_err().into()), NEVER),
        (Ureq::BadUri(String::new()), NEVER),
        (Ureq::Protocol(Protocol::UnsupportedVersion), NOT_HTTP),
        (Ureq::Io(io::ErrorKind::ConnectionReset.into()), BROKEN),
        (Ureq::Timeout(ureq::Timeout::Global), NEVER),
        (Ureq::HostNotFound, NEVER),
        (Ureq::RedirectFailed, NEVER),
        (Ureq::InvalidProxyUrl, NEVER),
        (Ureq::ConnectionFailed, NEVER),
        (Ureq::BodyExceedsLimit(5), TOO_LONG),
        (Ureq::TooManyRedirects, NEVER),
        (Ureq::Tls("x"), NEVER),
        (Ureq::RequireHttpsOnly(String::new()), NEVER),
        (Ureq::LargeResponseHeader(9, 5), TOO_LONG),
        (Ureq::ConnectProxyFailed(String::new()), NEVER),
        (Ureq::TlsRequired, NEVER),
        (Ureq::Other("x".into()), NEVER),
        (Ureq::BodyStalled, BROKEN),
    ] {
        names.push(name_of(&error));
        let name = format!("{error:?}");
        assert_eq!(of_ureq(error), expected, "{name}");
    }
    assert_complete("ureq", "src/error.rs", "pub enum Error {", names);
}

#[test]
fn those_of_its_protocol() {
    let text = String::new;
    let mut names = Vec::new();
    for (error, expected) in [
        (Protocol::BadHeader(text()), NOT_HTTP),
        (Protocol::UnsupportedVersion, NOT_HTTP),
        (Protocol::MethodVersionMismatch(Method::GET, Version::HTTP_10), NEVER),
        (Protocol::TooManyHostHeaders, NEVER),
        (Protocol::TooManyContentLengthHeaders, NOT_HTTP),
        (Protocol::BadHostHeader, NEVER),
        (Protocol::BadAuthorizationHeader, NEVER),
        (Protocol::BadContentLengthHeader, NOT_HTTP),
        (Protocol::ConflictingBodyHeaders, NOT_HTTP),
        (Protocol::OutputOverflow, NEVER),
        (Protocol::ChunkLenNotAscii, NOT_HTTP),
        (Protocol::ChunkLenNotANumber, NOT_HTTP),
        (Protocol::ChunkExpectedCrLf, NOT_HTTP),
        (Protocol::BodyContentAfterFinish, NEVER),
        (Protocol::BodyLargerThanContentLength, NEVER),
        (Protocol::BodyNotAllowed, NEVER),
        (Protocol::HttpParseFail(text()), NOT_HTTP),
        (Protocol::HttpParseTooManyHeaders, TOO_LONG),
        (Protocol::NoLocationHeader, NOT_HTTP),
        (Protocol::BadLocationHeader(text()), NOT_HTTP),
        (Protocol::HeadersWith100, NOT_HTTP),
        (Protocol::BodyIsChunked, NEVER),
        (Protocol::BadReject100Status(StatusCode::OK), NOT_HTTP),
    ] {
        names.push(name_of(&error));
        let name = format!("{error:?}");
        assert_eq!(of_ureq(ureq::Error::Protocol(error)), expected, "{name}");
    }
    assert_complete("ureq-proto", "src/error.rs", "pub enum Error {", names);
    // Each is a HttpParseFail, but for the lines that are too many.
    use httparse::Error as Parse;
    let parse =
        [Parse::HeaderName, Parse::HeaderValue, Parse::NewLine, Parse::Status, Parse::Token, Parse::TooManyHeaders];
    let parse = parse.into_iter().chain([Parse::Version]);
    assert_complete("httparse", "src/lib.rs", "pub enum Error {", parse.map(|error| name_of(&error)).collect());
}

#[test]
fn what_a_server_sent_is_not_repeated() {
    let error =
        protocol::explain(ureq::Error::Protocol(Protocol::BadHeader("1000.token".to_owned())), "zoho.test").error;
    assert_eq!(error.message(), "the response of zoho.test is not HTTP (bad header): is api_domain right?");
}

#[test]
fn those_of_rustls() {
    use rustls::Error as Tls;
    let other = || OtherError(Arc::new(io::Error::other("x")));
    let mut names = Vec::new();
    for (error, in_handshake, in_response) in [
        (Tls::InappropriateMessage { expect_types: vec![], got_type: rustls::ContentType::Alert }, NOT_SECURE, BROKEN),
        (
            Tls::InappropriateHandshakeMessage { expect_types: vec![], got_type: rustls::HandshakeType::Finished },
            NOT_SECURE,
            BROKEN,
        ),
        (Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::NoCompatibleConfig), NOT_SECURE, NOT_SECURE),
        (Tls::InvalidMessage(InvalidMessage::InvalidContentType), NOT_SECURE, BROKEN),
        (Tls::NoCertificatesPresented, NOT_SECURE, NOT_SECURE),
        (Tls::UnsupportedNameType, NOT_SECURE, NOT_SECURE),
        (Tls::DecryptError, BROKEN, BROKEN),
        (Tls::EncryptError, NOT_SECURE, NOT_SECURE),
        (Tls::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), NOT_SECURE, NOT_SECURE),
        (Tls::PeerMisbehaved(PeerMisbehaved::MissingKeyShare), NOT_SECURE, BROKEN),
        (Tls::AlertReceived(AlertDescription::InternalError), BROKEN, BROKEN),
        (Tls::InvalidCertificate(CertificateError::BadEncoding), NOT_SECURE, NOT_SECURE),
        (Tls::InvalidCertRevocationList(CertRevocationListError::ParseError), NOT_SECURE, NOT_SECURE),
        (Tls::General("x".to_owned()), NOT_SECURE, NOT_SECURE),
        (Tls::FailedToGetCurrentTime, NOT_SECURE, NOT_SECURE),
        (Tls::FailedToGetRandomBytes, BROKEN, BROKEN),
        (Tls::HandshakeNotComplete, NOT_SECURE, NOT_SECURE),
        (Tls::PeerSentOversizedRecord, NOT_SECURE, BROKEN),
        (Tls::NoApplicationProtocol, NOT_SECURE, NOT_SECURE),
        (Tls::BadMaxFragmentSize, NOT_SECURE, NOT_SECURE),
        (Tls::InconsistentKeys(InconsistentKeys::KeyMismatch), NOT_SECURE, NOT_SECURE),
        (Tls::Other(other()), NOT_SECURE, NOT_SECURE),
    ] {
        names.push(name_of(&error));
        for (stage, expected) in [(Stage::Tls, in_handshake), (Stage::Response, in_response)] {
            let failure = explained(ExchangeError::at(stage, Cause::Tls(error.clone())), &route(None));
            assert_eq!(becomes(&failure), expected, "{error:?} {stage:?}");
        }
    }
    assert_complete("rustls", "src/error.rs", "pub enum Error {", names);
}

#[test]
fn alerts_of_a_server() {
    use AlertDescription::*;
    let transient = [
        CloseNotify,
        UnexpectedMessage,
        BadRecordMac,
        DecryptionFailed,
        RecordOverflow,
        DecompressionFailure,
        DecodeError,
        DecryptError,
        InternalError,
        UserCanceled,
    ];
    let permanent = [
        HandshakeFailure,
        NoCertificate,
        BadCertificate,
        UnsupportedCertificate,
        CertificateRevoked,
        CertificateExpired,
        CertificateUnknown,
        IllegalParameter,
        UnknownCA,
        AccessDenied,
        ExportRestriction,
        ProtocolVersion,
        InsufficientSecurity,
        InappropriateFallback,
        NoRenegotiation,
        MissingExtension,
        UnsupportedExtension,
        CertificateUnobtainable,
        UnrecognisedName,
        BadCertificateStatusResponse,
        BadCertificateHashValue,
        UnknownPSKIdentity,
        CertificateRequired,
        NoApplicationProtocol,
        EncryptedClientHelloRequired,
    ];
    for (alerts, expected) in [(&transient[..], BROKEN), (&permanent[..], NOT_SECURE)] {
        for alert in alerts {
            let cause = Cause::Tls(rustls::Error::AlertReceived(*alert));
            assert_eq!(becomes(&explained(ExchangeError::at(Stage::Tls, cause), &route(None))), expected, "{alert:?}");
        }
    }
    let all = transient.iter().chain(&permanent).map(|alert| name_of(alert)).collect();
    assert_complete("rustls", "src/enums.rs", "pub enum AlertDescription {", all);
}

/// Each has words of its own, or is known to have none.
#[test]
fn bad_certificates() {
    use CertificateError as Bad;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(5));
    let name = || ServerName::try_from("zoho.test").unwrap();
    let with_words = [
        Bad::ExpiredContext { time: at, not_after: at },
        Bad::NotValidYetContext { time: at, not_before: at },
        Bad::Revoked,
        Bad::UnknownIssuer,
        Bad::BadSignature,
        Bad::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: vec![], supported_algorithms: vec![] },
        Bad::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![],
            public_key_algorithm_id: vec![],
        },
        Bad::NotValidForName,
        Bad::NotValidForNameContext { expected: name(), presented: vec![] },
        Bad::InvalidPurpose,
        Bad::InvalidPurposeContext { required: ExtendedKeyPurpose::ServerAuth, presented: vec![] },
    ];
    let without = [
        Bad::BadEncoding,
        Bad::Expired,
        Bad::NotValidYet,
        Bad::UnhandledCriticalExtension,
        Bad::UnknownRevocationStatus,
        Bad::ExpiredRevocationList,
        Bad::ExpiredRevocationListContext { time: at, next_update: at },
        Bad::InvalidOcspResponse,
        Bad::ApplicationVerificationFailure,
        Bad::Other(OtherError(Arc::new(io::Error::other("x")))),
    ];
    #[allow(deprecated)]
    let without = without.into_iter().chain([Bad::UnsupportedSignatureAlgorithm]).collect::<Vec<_>>();
    for (errors, has_words) in [(&with_words[..], true), (&without, false)] {
        for error in errors {
            let message = tls::explain(&rustls::Error::InvalidCertificate(error.clone()), "H");
            assert_eq!(!message.starts_with("the certificate of H is not good ("), has_words, "{error:?}");
        }
    }
    let all = with_words.iter().chain(&without).map(|error| name_of(error)).collect();
    assert_complete("rustls", "src/error.rs", "pub enum CertificateError {", all);
}

/// The numbers of the system, and what each kind of them is: another kind is one that nobody has thought of.
#[cfg(target_os = "linux")]
#[test]
fn those_of_the_system() {
    let (broken, short) = (
        [
            "BrokenPipe",
            "ConnectionAborted",
            "ConnectionReset",
            "HostUnreachable",
            "NetworkDown",
            "NetworkUnreachable",
            "NotConnected",
            "TimedOut",
        ],
        ["AddrInUse", "AddrNotAvailable", "Interrupted", "OutOfMemory", "ResourceBusy", "WouldBlock"],
    );
    let permanent = [
        "AlreadyExists",
        "ArgumentListTooLong",
        "ConnectionRefused",
        "CrossesDevices",
        "Deadlock",
        "DirectoryNotEmpty",
        "ExecutableFileBusy",
        "FileTooLarge",
        "FilesystemLoop",
        "InProgress",
        "InputOutputError",
        "InvalidFilename",
        "InvalidInput",
        "IsADirectory",
        "NotADirectory",
        "NotFound",
        "NotSeekable",
        "PermissionDenied",
        "QuotaExceeded",
        "ReadOnlyFilesystem",
        "StaleNetworkFileHandle",
        "StorageFull",
        "TooManyLinks",
        "Uncategorized",
        "Unsupported",
    ];
    for number in 1..=133 {
        let error = || io::Error::from_raw_os_error(number);
        let kind = format!("{:?}", error().kind());
        let is_short =
            short.contains(&&*kind) || [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::EIO].contains(&number);
        let is_broken = broken.contains(&&*kind);
        assert!(is_short || is_broken || permanent.contains(&&*kind), "{number}: {kind}");
        let at = |stage| becomes(&explained(ExchangeError::at(stage, Cause::Io(error())), &route(None)));
        let in_handshake = if is_short || is_broken { BROKEN } else { NOT_SECURE };
        assert_eq!((at(Stage::Response), at(Stage::Tls)), (BROKEN, in_handshake), "{number}: {kind}");
        assert_eq!(at(Stage::Connect), (ErrorKind::Connect, true), "{number}: {kind}");
    }
}
