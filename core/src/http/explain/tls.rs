//! What to say of a TLS handshake that fails.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, OtherError};

use crate::http::cause::{CriticalExtension, Stage, is_authority_as_server};

/// Why there is no secure connection, and what to do.
pub(super) fn explain(error: &rustls::Error, who: &str) -> String {
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

/// Whether the next attempt may succeed: the server failed, or what it sent was damaged on its way.
pub(super) fn is_transient(error: &rustls::Error, stage: Stage) -> bool {
    use AlertDescription as Alert;
    use rustls::Error as Tls;
    match error {
        Tls::AlertReceived(alert) => matches!(
            alert,
            Alert::CloseNotify
                | Alert::UnexpectedMessage
                | Alert::BadRecordMac
                | Alert::DecryptionFailed
                | Alert::RecordOverflow
                | Alert::DecompressionFailure
                | Alert::DecodeError
                | Alert::DecryptError
                | Alert::InternalError
                | Alert::UserCanceled
        ),
        Tls::DecryptError | Tls::FailedToGetRandomBytes => true,
        // A handshake that fails like this does so each time: the server is no TLS server, or not a good one.
        Tls::InvalidMessage(_)
        | Tls::InappropriateMessage { .. }
        | Tls::InappropriateHandshakeMessage { .. }
        | Tls::PeerMisbehaved(_)
        | Tls::PeerSentOversizedRecord => stage == Stage::Response,
        _ => false,
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
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref() {
            Some(CriticalExtension(extension)) => format!(
                "a certificate of {who} has an extension that is marked critical and that this library does not support \
                 ({extension}): its authority has to issue one without that mark, or {who} to show another chain"
            ),
            None => format!("the certificate of {who} is not good ({error})"),
        },
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
    use rustls::InvalidMessage;

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
            (
                certificate(CertificateError::Other(OtherError(std::sync::Arc::new(CriticalExtension(
                    "certificatePolicies",
                ))))),
                "a certificate of H has an extension that is marked critical and that this library does not support (certificatePolicies): its",
            ),
            (certificate(authority), "the certificate that H shows is one of an authority, not of a server"),
        ] {
            let explained = explain(&error, "H");
            assert!(explained.starts_with(message), "{explained}\nis not: {message}");
        }
    }
}
