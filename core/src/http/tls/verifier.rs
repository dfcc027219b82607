//! Verifies the certificates that a server shows.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::roots::Roots;
use super::trust::Trust;
#[cfg(all(unix, not(target_vendor = "apple")))]
use crate::http::cause::Cause;
use crate::http::cause::{CriticalExtension, is_authority_as_server};

/// The certificates of a server, its own first, in DER, whether they are trusted or not.
pub(super) type ShownChain = Arc<Mutex<Vec<Vec<u8>>>>;

/// The usual verification, with one addition: a server's own certificate that the user has put into `ca_file` is
/// trusted for its names, also where it calls itself an authority, as those of `openssl req -x509` do.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) trust: Arc<Trust>,
    pub(super) roots: Arc<Roots>,
    /// Where the system verifies, with a store that it does not give away.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    pub(super) system: Option<rustls_platform_verifier::Verifier>,
    /// Where to leave what the server shows.
    pub(super) shown: Option<ShownChain>,
}

impl Verifier {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let with = |roots| self.verify_with(roots, end_entity, intermediates, server_name, now);
        match with(&self.roots.store) {
            Err(error @ rustls::Error::InvalidCertificate(_)) => {
                let more = self.trust.more_roots().map_err(|cause| match cause {
                    Cause::Tls(error) => error,
                    cause => rustls::Error::Other(OtherError(Arc::new(cause))),
                })?;
                with(&more.store).map_err(|_| error)
            }
            result => result,
        }
    }

    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match &self.system {
            Some(system) => system.verify_server_cert(end_entity, intermediates, server_name, &[], now).map(drop),
            None => self.verify_with(&self.roots.store, end_entity, intermediates, server_name, now),
        }
    }

    fn verify_with(
        &self,
        roots: &RootCertStore,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        verify_server_name(&certificate, server_name)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(shown) = &self.shown {
            let chain = std::iter::once(end_entity).chain(intermediates).map(|certificate| certificate.to_vec());
            *shown.lock().unwrap_or_else(PoisonError::into_inner) = chain.collect();
        }
        match self.verify_chain(end_entity, intermediates, server_name, now) {
            // webpki checks the dates before it finds this, so they are valid.
            Err(error) if is_authority_as_server(&error) && self.trust.names(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            result => result.map_err(|error| named_extension(error, end_entity, intermediates))?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// webpki does not say which extension it does not know.
fn named_extension(
    error: rustls::Error,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> rustls::Error {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = &error else { return error };
    if !matches!(inner.downcast_ref(), Some(webpki::Error::UnsupportedCriticalExtension)) {
        return error;
    }
    // In DER: the last byte of an object identifier below 2.5.29, and that it is critical.
    let is_in_chain = |last: u8| {
        let der = [0x06, 0x03, 0x55, 0x1d, last, 0x01, 0x01, 0xff];
        let mut chain = std::iter::once(end_entity).chain(intermediates);
        chain.any(|certificate| certificate.windows(der.len()).any(|window| window == der))
    };
    const KNOWN: [(u8, &str); 4] =
        [(32, "certificatePolicies"), (33, "policyMappings"), (36, "policyConstraints"), (54, "inhibitAnyPolicy")];
    let name = KNOWN.iter().find(|(last, _)| is_in_chain(*last)).map_or("of an unknown kind", |(_, name)| name);
    CertificateError::Other(OtherError(Arc::new(CriticalExtension(name)))).into()
}
