//! Certificate authorities, and where they come from.

use std::fmt;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Where certificate authorities come from that a client trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootsOrigin {
    /// The setting of this name.
    Setting(&'static str),
    /// The environment variable of this name, in place of a part of the system's trust store.
    Variable(&'static str),
    /// The system's trust store.
    System,
    /// Those of Mozilla, which are in this library, as the system has no trust store.
    Bundled,
}

/// Certificate authorities that a client trusts: see [`crate::trusted_roots`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedRoots {
    /// Where they come from.
    pub origin: RootsOrigin,
    /// The file or directory, if there is one.
    pub path: Option<PathBuf>,
    /// How many there are; `None`: the system does not tell, as on Windows and macOS.
    pub count: Option<usize>,
}

impl fmt::Display for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(count) = self.count {
            write!(f, "{count} of ")?;
        }
        match &self.origin {
            RootsOrigin::Setting(name) => write!(f, "the setting {name}")?,
            RootsOrigin::Variable(name) => write!(f, "the variable {name}")?,
            RootsOrigin::System => f.write_str("the system's trust store")?,
            RootsOrigin::Bundled => {
                f.write_str("Mozilla, bundled with the library, as the system has no trust store")?
            }
        }
        self.path.as_ref().map_or(Ok(()), |path| write!(f, " ({})", path.display()))
    }
}

/// Authorities, and where they come from.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) store: RootCertStore,
    pub(super) origins: Vec<TrustedRoots>,
}

impl Default for Roots {
    fn default() -> Roots {
        Roots { store: RootCertStore::empty(), origins: Vec::new() }
    }
}

impl Roots {
    /// Those of the certificates that can be used.
    pub(super) fn add(&mut self, certificates: Vec<CertificateDer<'_>>, origin: RootsOrigin, path: Option<PathBuf>) {
        let (count, _) = self.store.add_parsable_certificates(certificates);
        self.origins.push(TrustedRoots { origin, path, count: Some(count) });
    }
}
