//! TLS: which servers are trusted, the client certificate, and the handshake.

mod files;
mod roots;
mod stream;
#[cfg(all(unix, not(target_vendor = "apple")))]
mod system_store;
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
#[path = "platform_store.rs"]
mod system_store;
mod trust;
mod verifier;

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::config::{Config, refusal};
use crate::error::Error;
use crate::http::cause::Cause;
use crate::http::lookup::without_brackets;
use crate::http::stream::Stream;
use crate::sync::{Mutex, lock};
use files::Identity;
use roots::Roots;
pub use roots::{RootsOrigin, TrustedRoots};
use stream::{TlsStream, Wire, cause_of};
use trust::Trust;
pub use trust::trusted_roots;
use verifier::{ShownChain, Verifier};

/// What TLS needs of the settings.
#[derive(Debug)]
pub(super) struct TlsSettings {
    trust: Arc<Trust>,
    identity: Option<Identity>,
}

impl TlsSettings {
    pub(super) fn new(config: &Config) -> Result<TlsSettings, Error> {
        let trust = Arc::new(Trust::new(config)?);
        let identity = Identity::new(config.client_cert.as_deref(), config.client_key.as_deref())?;
        let settings = TlsSettings { trust, identity };
        if settings.identity.is_some() {
            // A key that does not fit is known now, and not in the night.
            settings.config_with(Arc::default(), None).map_err(|error| {
                let key = config.client_key.as_deref().or(config.client_cert.as_deref()).unwrap_or_default();
                refusal("client_key", format!("the key of client_cert; {key}: {}", words_for_key(&error)))
            })?;
        }
        Ok(settings)
    }

    fn config(&self, shown: Option<ShownChain>) -> Result<ClientConfig, Cause> {
        self.config_with(self.trust.roots()?, shown).map_err(Cause::Tls)
    }

    fn config_with(&self, roots: Arc<Roots>, shown: Option<ShownChain>) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier {
            provider: provider.clone(),
            trust: self.trust.clone(),
            roots,
            #[cfg(not(all(unix, not(target_vendor = "apple"))))]
            system: match self.trust.uses_system() {
                false => None,
                true => {
                    let extra = self.trust.extra().iter().cloned();
                    Some(rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone())?)
                }
            },
            shown,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        Ok(match &self.identity {
            Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?,
            None => builder.with_no_client_auth(),
        })
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

    fn config(&self) -> Result<Arc<ClientConfig>, Cause> {
        let mut config = lock(&self.config);
        if let Some(config) = &*config {
            return Ok(config.clone());
        }
        let made = Arc::new(self.settings.config(None)?);
        *config = Some(made.clone());
        Ok(made)
    }

    /// TLS with `host` over a stream.
    pub(super) fn secure(&self, under: Box<dyn Stream>, host: &str, until: Instant) -> Result<Box<dyn Stream>, Cause> {
        let config = self.config()?;
        Ok(Box::new(handshake(config, under, host, until)?))
    }

    /// The certificates that a server shows, its own first, whether they are trusted or not. Nothing is sent over the
    /// connection.
    pub(super) fn shown(&self, under: Box<dyn Stream>, host: &str, until: Instant) -> Result<Vec<Vec<u8>>, Cause> {
        let shown = ShownChain::default();
        let config = self.settings.config(Some(shown.clone()))?;
        let result = handshake(config.into(), under, host, until);
        let chain = std::mem::take(&mut *shown.lock().unwrap_or_else(PoisonError::into_inner));
        match chain.is_empty() {
            false => Ok(chain),
            true => Err(result.err().unwrap_or_else(|| Cause::Io(io::ErrorKind::InvalidData.into()))),
        }
    }
}

fn handshake(
    config: Arc<ClientConfig>,
    under: Box<dyn Stream>,
    host: &str,
    until: Instant,
) -> Result<TlsStream, Cause> {
    // As a URL has it.
    let name = ServerName::try_from(without_brackets(host).to_owned());
    let name = name.map_err(|_| Cause::Tls(rustls::Error::UnsupportedNameType))?;
    let connection = ClientConnection::new(config, name).map_err(Cause::Tls)?;
    let mut stream = TlsStream { connection, under };
    let mut wire = Wire { stream: &mut *stream.under, until };
    stream.connection.complete_io(&mut wire).map_err(cause_of)?;
    Ok(stream)
}
