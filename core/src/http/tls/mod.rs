//! TLS: the trusted roots, the client certificate, and the secure stream over another one. It
//! does not know what the other stream is.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
#[cfg(all(unix, not(target_vendor = "apple")))]
use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use arc_swap::ArcSwapOption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use zeroize::Zeroizing;

use crate::config::{Config, refusal};
use crate::error::Error;
use crate::file::{content, open};
use crate::http::cause::Cause;
use crate::http::lookup::without_brackets;
use crate::http::stream::Stream;
use crate::sync::Mutex;
use crate::sync::lock;

/// What TLS needs of the settings. The files are read when a client is made, the system's store when it is first
/// needed; shared by clones and by the children of a `fork()`, so nothing in here locks.
#[derive(Debug)]
pub(super) struct TlsSettings {
    /// `ca_file`: instead of the system's store.
    only: Option<Vec<CertificateDer<'static>>>,
    /// `extra_ca_file`: in addition.
    extra: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    loaded: ArcSwapOption<RootCertStore>,
}

/// A certificate for servers that demand one.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl TlsSettings {
    pub(super) fn new(config: &Config) -> Result<TlsSettings, Error> {
        let only = config.ca_file.as_deref().map(|path| certificates("ca_file", path)).transpose()?;
        let extra = config.extra_ca_file.as_deref().map(|path| certificates("extra_ca_file", path)).transpose()?;
        let identity = Identity::new(config.client_cert.as_deref(), config.client_key.as_deref())?;
        let settings = TlsSettings { only, extra: extra.unwrap_or_default(), identity, loaded: ArcSwapOption::empty() };
        if settings.identity.is_some() {
            // A key that does not fit is known now, and not in the night.
            settings.config_with(RootCertStore::empty().into()).map_err(|error| {
                let key = config.client_key.as_deref().or(config.client_cert.as_deref()).unwrap_or_default();
                refusal("client_key", format!("the key of client_cert; {key}: {}", words_for_key(&error)))
            })?;
        }
        Ok(settings)
    }

    /// The authorities to trust: the system's are loaded once, under the caller's lock.
    fn roots(&self) -> Result<Arc<RootCertStore>, rustls::Error> {
        if let Some(roots) = self.loaded.load_full() {
            return Ok(roots);
        }
        let mut roots = RootCertStore::empty();
        match &self.only {
            Some(certificates) => {
                roots.add_parsable_certificates(certificates.iter().cloned());
            }
            None => add_system_roots(&mut roots)?,
        }
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let roots = Arc::new(roots);
        self.loaded.store(Some(roots.clone()));
        Ok(roots)
    }

    fn config_with(&self, roots: Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let own = self.only.iter().flatten().chain(&self.extra).cloned().collect();
        let rest = self.only.is_none().then(|| Rest { provider: provider.clone(), verifier: OnceLock::new() });
        let verifier = Verifier { system: self.verifier(roots, &provider)?, rest, own };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        Ok(match &self.identity {
            Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?,
            None => builder.with_no_client_auth(),
        })
    }

    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn verifier(
        &self,
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        webpki_verifier(roots, provider)
    }

    /// The system verifies there, and its store can't be empty.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn verifier(
        &self,
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        if self.only.is_some() {
            return webpki_verifier(roots, provider);
        }
        let extra = self.extra.iter().cloned();
        Ok(Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone())?))
    }
}

fn webpki_verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if roots.is_empty() {
        return Ok(Arc::new(NobodyTrusted(provider.clone())));
    }
    let builder = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
    Ok(builder.build().map_err(|error| rustls::Error::General(error.to_string()))?)
}

/// The system's trust store, and where that is empty (a bare container, an old appliance) Mozilla's roots.
///
/// Most systems have it twice: in one file, and in a directory with a file for each certificate, which takes twice as long
/// to read. So that is read only where the file does not suffice: see [`Rest`].
#[cfg(all(unix, not(target_vendor = "apple")))]
fn add_system_roots(roots: &mut RootCertStore) -> Result<(), rustls::Error> {
    if let (Some(file), _) = system_store() {
        add_roots_of(roots, Some(&file), None)?;
    }
    if roots.is_empty() {
        add_rest_of_system_roots(roots)?;
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(())
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn add_rest_of_system_roots(roots: &mut RootCertStore) -> Result<(), rustls::Error> {
    system_store().1.iter().try_for_each(|directory| add_roots_of(roots, None, Some(directory)))
}

/// What cannot be used is left out. But a store that cannot be read at the moment, for want of descriptors or memory, is
/// an error: to go on without it would refuse good servers, for as long as the client exists.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn add_roots_of(roots: &mut RootCertStore, file: Option<&Path>, directory: Option<&Path>) -> Result<(), rustls::Error> {
    let found = rustls_native_certs::load_certs_from_paths(file, directory);
    let is_momentary = |error: &&rustls_native_certs::Error| {
        let rustls_native_certs::ErrorKind::Io { inner, .. } = &error.kind else { return false };
        let number = inner.raw_os_error();
        matches!(number, Some(libc::EAGAIN | libc::EINTR | libc::EIO | libc::EMFILE | libc::ENFILE | libc::ENOMEM))
            || inner.kind() == io::ErrorKind::OutOfMemory
    };
    if let Some(error) = found.errors.iter().find(is_momentary) {
        return Err(rustls::Error::General(format!("the system's trust store can't be read ({error})")));
    }
    roots.add_parsable_certificates(found.certs);
    Ok(())
}

/// The file and the directories of the system's trust store: those of OpenSSL's variables, or the usual ones.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn system_store() -> (Option<PathBuf>, Vec<PathBuf>) {
    let file = std::env::var_os(openssl_probe::ENV_CERT_FILE);
    store_of(file, &std::env::var_os(openssl_probe::ENV_CERT_DIR).unwrap_or_default())
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn store_of(file: Option<OsString>, directories: &OsStr) -> (Option<PathBuf>, Vec<PathBuf>) {
    let directories: Vec<_> = std::env::split_paths(directories).filter(|path| !path.as_os_str().is_empty()).collect();
    if file.is_some() || !directories.is_empty() {
        return (file.map(PathBuf::from), directories);
    }
    let found = openssl_probe::probe();
    (found.cert_file, found.cert_dir)
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn add_system_roots(_: &mut RootCertStore) -> Result<(), rustls::Error> {
    Ok(())
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn add_rest_of_system_roots(_: &mut RootCertStore) -> Result<(), rustls::Error> {
    Ok(())
}

/// The certificates in a file: PEM, perhaps with a byte-order mark, or one in DER.
fn certificates(setting: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |why: &dyn fmt::Display| {
        refusal(setting, format!("the path of a PEM or DER file with CA certificates; {path}: {why}"))
    };
    let text = read(path).map_err(|error| bad(&error))?;
    // A DER certificate is a SEQUENCE with a length of two bytes.
    let found = if text.starts_with(&[0x30, 0x82]) {
        vec![CertificateDer::from(text.to_vec())]
    } else {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        found.map_err(|error| bad(&error))?
    };
    if found.is_empty() {
        return Err(bad(&"there is no certificate in it"));
    }
    let (_, unreadable) = RootCertStore::empty().add_parsable_certificates(found.iter().cloned());
    if unreadable == found.len() {
        return Err(bad(&"what is in it is no certificate"));
    }
    Ok(found)
}

/// A file with certificates or keys, without its byte-order mark.
fn read(path: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    // Forty times the certificates of a system.
    const SIZE_LIMIT: u64 = 8 << 20;
    let bytes = content(&open(Path::new(path))?, SIZE_LIMIT)?;
    Ok(Zeroizing::new(without_mark(&bytes)))
}

/// A text without its byte-order mark; Windows tools write UTF-16, too.
fn without_mark(bytes: &[u8]) -> Vec<u8> {
    let utf_16 = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect::<String>().into_bytes()
    };
    match bytes {
        [0xff, 0xfe, ..] => utf_16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf_16(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] => text.to_vec(),
        text => text.to_vec(),
    }
}

impl Identity {
    /// `client_cert` and `client_key`; one file may hold both.
    fn new(cert: Option<&str>, key: Option<&str>) -> Result<Option<Identity>, Error> {
        let Some(cert) = cert else {
            return match key {
                None => Ok(None),
                Some(_) => Err(refusal("client_cert", "the path of a PEM file: client_key is set without it")),
            };
        };
        let key = key.unwrap_or(cert);
        let bad = |setting: &str, path: &str, why: &dyn fmt::Display| {
            refusal(setting, format!("the path of a PEM file; {path}: {why}"))
        };
        let read = |setting: &str, path: &str| read(path).map_err(|error| bad(setting, path, &error));
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read("client_cert", cert)?).collect();
        let chain = chain.map_err(|error| bad("client_cert", cert, &error))?;
        if chain.is_empty() {
            return Err(bad("client_cert", cert, &"there is no certificate in it"));
        }
        let bytes = read("client_key", key)?;
        let text = String::from_utf8_lossy(&bytes);
        if text.contains("ENCRYPTED") {
            let command = format!("openssl pkey -in {key} -out key.pem");
            return Err(bad("client_key", key, &format!("the key is encrypted: decrypt it with '{command}'")));
        }
        let key = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| bad("client_key", key, &"there is no private key in it (PKCS #8, PKCS #1 or SEC 1)"))?;
        Ok(Some(Identity { chain, key }))
    }
}

fn words_for_key(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "it belongs to another certificate".to_owned(),
        rustls::Error::General(_) | rustls::Error::Other(_) => {
            format!("the key is of a kind that can't be used here: RSA, P-256, P-384 and Ed25519 can ({error})")
        }
        error => error.to_string(),
    }
}

/// The usual verification, with one addition: a server's own certificate that the user has put into `ca_file` is
/// trusted for its names, also where it calls itself an authority, as those of `openssl req -x509` do.
#[derive(Debug)]
struct Verifier {
    system: Arc<dyn ServerCertVerifier>,
    rest: Option<Rest>,
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let result = verify(&*self.system).or_else(|error| {
            let rest = self.rest.as_ref().filter(|_| matches!(error, rustls::Error::InvalidCertificate(_)));
            let Some(rest) = rest else { return Err(error) };
            verify(&*rest.verifier()?).map_err(|_| error)
        });
        match result {
            // webpki checks the dates before it finds this, so they are valid.
            Err(error) if is_authority_as_server(&error) && self.own.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

/// The part of the system's trust store that is not read at first: it may have authorities that the other part lacks.
#[derive(Debug)]
struct Rest {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Arc<dyn ServerCertVerifier>>,
}

impl Rest {
    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        if let Some(made) = self.verifier.get() {
            return Ok(made.clone());
        }
        let mut roots = RootCertStore::empty();
        add_rest_of_system_roots(&mut roots)?;
        let made = webpki_verifier(roots.into(), &self.provider)?;
        Ok(self.verifier.get_or_init(|| made).clone())
    }
}

/// Where not one of the certificates can be an authority: webpki makes no verifier of nothing.
#[derive(Debug)]
struct NobodyTrusted(Arc<CryptoProvider>);

impl ServerCertVerifier for NobodyTrusted {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a server showed a certificate that calls itself an authority.
pub(super) fn is_authority_as_server(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// TLS as one process uses it. The sessions that it resumes are the process's own.
#[derive(Debug)]
pub(super) struct Tls {
    settings: Arc<TlsSettings>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl Tls {
    pub(super) fn new(settings: Arc<TlsSettings>) -> Tls {
        Tls { settings, config: Mutex::new(None) }
    }

    fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = lock(&self.config);
        if let Some(config) = &*config {
            return Ok(config.clone());
        }
        let made = Arc::new(self.settings.config_with(self.settings.roots()?)?);
        *config = Some(made.clone());
        Ok(made)
    }

    /// TLS with `host` over a stream.
    pub(super) fn secure(&self, under: Box<dyn Stream>, host: &str, until: Instant) -> Result<Box<dyn Stream>, Cause> {
        let name = server_name(host)?;
        let connection = self.config().and_then(|config| ClientConnection::new(config, name)).map_err(Cause::Tls)?;
        let mut stream = TlsStream { connection, under };
        let mut wire = Wire { stream: &mut *stream.under, until };
        stream.connection.complete_io(&mut wire).map_err(cause_of)?;
        Ok(Box::new(stream))
    }
}

/// A host as a URL has it, for TLS.
fn server_name(host: &str) -> Result<ServerName<'static>, Cause> {
    ServerName::try_from(without_brackets(host).to_owned()).map_err(|_| Cause::Tls(rustls::Error::UnsupportedNameType))
}

/// The certificates that a server shows, its own first, whether they are trusted or not. Nothing is sent over such a
/// connection.
pub(super) fn shown(mut under: Box<dyn Stream>, host: &str, until: Instant) -> Result<Vec<Vec<u8>>, Cause> {
    let name = server_name(host)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(Cause::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looker(provider)))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(config.into(), name).map_err(Cause::Tls)?;
    let mut wire = Wire { stream: &mut *under, until };
    // A server may request a client certificate afterwards: that does not matter here.
    let result = connection.complete_io(&mut wire);
    match connection.peer_certificates() {
        Some(certificates) => Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect()),
        None => Err(result.err().map_or(Cause::Io(io::ErrorKind::InvalidData.into()), cause_of)),
    }
}

/// Only for inspecting the certificates.
#[derive(Debug)]
struct Looker(Arc<CryptoProvider>);

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A stream as rustls sees it.
struct Wire<'a> {
    stream: &'a mut dyn Stream,
    until: Instant,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer, self.until).map_err(io::Error::other)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_all(bytes, self.until).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is in an error that passed through rustls.
fn cause_of(error: io::Error) -> Cause {
    let kind = error.kind();
    let Some(inner) = error.into_inner() else { return Cause::Io(kind.into()) };
    match inner.downcast::<Cause>() {
        Ok(cause) => *cause,
        Err(inner) => match inner.downcast::<rustls::Error>() {
            Ok(error) => Cause::Tls(*error),
            Err(inner) => Cause::Io(io::Error::new(kind, inner)),
        },
    }
}

/// TLS over a stream, after the handshake.
struct TlsStream {
    connection: ClientConnection,
    under: Box<dyn Stream>,
}

impl TlsStream {
    fn flush(&mut self, until: Instant) -> Result<(), Cause> {
        let mut wire = Wire { stream: &mut *self.under, until };
        while self.connection.wants_write() {
            self.connection.write_tls(&mut wire).map_err(cause_of)?;
        }
        Ok(())
    }
}

impl Stream for TlsStream {
    fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, Cause> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result.map_err(Cause::Io),
            }
            self.connection.read_tls(&mut Wire { stream: &mut *self.under, until }).map_err(cause_of)?;
            if let Err(error) = self.connection.process_new_packets() {
                // The alert that reports the reason to the server.
                let _ = self.flush(until);
                return Err(Cause::Tls(error));
            }
            self.flush(until)?;
        }
    }

    fn write_all(&mut self, bytes: &[u8], until: Instant) -> Result<(), Cause> {
        self.connection.writer().write_all(bytes).map_err(Cause::Io)?;
        self.flush(until)
    }

    fn is_reusable(&mut self) -> bool {
        let is_empty =
            matches!(self.connection.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        is_empty && self.under.is_reusable()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("under", &self.under).finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_and_a_file_without_an_end_are_not_waited_for() {
        let pipe = std::env::temp_dir().join(format!("zmd-tls-{}", std::process::id()));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let refused = |path: &str| certificates("ca_file", path).unwrap_err().message().to_owned();
        let of_pipe = refused(pipe.to_str().unwrap());
        std::fs::remove_file(pipe).unwrap();
        assert!(of_pipe.ends_with("there is no certificate in it"), "{of_pipe}");
        let endless = refused("/dev/zero");
        assert!(endless.ends_with("/dev/zero: it is larger than 8388608 bytes"), "{endless}");
        let error = Identity::new(Some("/dev/zero"), None).unwrap_err();
        assert!(error.message().contains("client_cert") && error.message().contains("larger"), "{error}");
    }

    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn the_system_is_asked_where_its_store_is_unless_a_variable_says_so() {
        let path = |text: &str| PathBuf::from(text);
        assert_eq!(store_of(Some("/a".into()), "".as_ref()), (Some(path("/a")), vec![]));
        assert_eq!(store_of(None, "/b::/c".as_ref()), (None, vec![path("/b"), path("/c")]));
        assert_eq!(store_of(Some("/a".into()), "/b".as_ref()), (Some(path("/a")), vec![path("/b")]));
        let found = openssl_probe::probe();
        assert_eq!(store_of(None, "".as_ref()), (found.cert_file, found.cert_dir));
    }

    #[test]
    fn who_trusts_nobody_offers_what_others_offer() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let schemes = NobodyTrusted(provider.clone()).supported_verify_schemes();
        assert_eq!(schemes, provider.signature_verification_algorithms.supported_schemes());
    }
}
