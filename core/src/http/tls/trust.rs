//! Which authorities are trusted: those of the settings, or the system's, or where a system has none those of Mozilla.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::pki_types::CertificateDer;

use super::files::certificates;
use super::roots::{Roots, RootsOrigin, TrustedRoots};
use super::system_store::SystemStore;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::http::cause::Cause;

/// The certificate authorities that a client with this configuration trusts, by where they come from.
///
/// Reads the whole of the system's trust store, of which a client may read a part. Fails if a file of the configuration, or one
/// that a variable of the environment names, is missing, can't be read or holds nothing that can be used.
pub fn trusted_roots(config: &Config) -> Result<Vec<TrustedRoots>, Error> {
    let trust = Trust::new(config)?;
    let failed = |cause: Cause| match cause {
        // Its Display would call the store's own words an unexpected error.
        Cause::Tls(rustls::Error::General(words)) => Error::new(ErrorKind::Tls, words),
        cause => Error::new(ErrorKind::Tls, cause.to_string()),
    };
    let mut all = trust.roots().map_err(failed)?.origins.clone();
    all.extend(trust.more_roots().map_err(failed)?.origins.iter().cloned());
    Ok(all)
}

/// The authorities of a client. The files of the settings are read when a client is made, and the variables that name the
/// system's store; the store itself when it is first needed. Shared by clones and by the children of a `fork()`, so nothing in
/// here locks.
#[derive(Debug)]
pub(super) struct Trust {
    /// `ca_file`: instead of the system's store.
    only: Option<OwnRoots>,
    /// `extra_ca_file`: in addition.
    extra: Option<OwnRoots>,
    system: SystemStore,
    roots: ArcSwapOption<Roots>,
    /// The part of the system's store that is not read at first: it may have authorities that the other part lacks.
    more_roots: ArcSwapOption<Roots>,
}

/// The certificates of a setting.
#[derive(Debug)]
struct OwnRoots {
    setting: &'static str,
    path: PathBuf,
    certificates: Vec<CertificateDer<'static>>,
}

impl OwnRoots {
    fn new(setting: &'static str, path: &Option<String>) -> Result<Option<OwnRoots>, Error> {
        let Some(path) = path else { return Ok(None) };
        Ok(Some(OwnRoots { setting, path: path.into(), certificates: certificates(setting, path)? }))
    }

    fn add_to(&self, roots: &mut Roots) {
        roots.add(self.certificates.clone(), RootsOrigin::Setting(self.setting), Some(self.path.clone()));
    }
}

impl Trust {
    pub(super) fn new(config: &Config) -> Result<Trust, Error> {
        let only = OwnRoots::new("ca_file", &config.ca_file)?;
        let extra = OwnRoots::new("extra_ca_file", &config.extra_ca_file)?;
        let system = match only {
            Some(_) => SystemStore::default(),
            None => SystemStore::of_environment(|name| std::env::var_os(name))?,
        };
        Ok(Trust { only, extra, system, roots: ArcSwapOption::empty(), more_roots: ArcSwapOption::empty() })
    }

    /// Whether the system's store counts.
    pub(super) fn uses_system(&self) -> bool {
        self.only.is_none()
    }

    /// Whether the user has named this certificate.
    pub(super) fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        let own = self.only.iter().chain(&self.extra);
        own.flat_map(|own| &own.certificates).any(|own| own == certificate)
    }

    /// The certificates of `extra_ca_file`.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    pub(super) fn extra(&self) -> &[CertificateDer<'static>] {
        match &self.extra {
            Some(extra) => &extra.certificates,
            None => &[],
        }
    }

    /// The authorities to trust: the system's are loaded once, under the caller's lock.
    pub(super) fn roots(&self) -> Result<Arc<Roots>, Cause> {
        if let Some(roots) = self.roots.load_full() {
            return Ok(roots);
        }
        let mut roots = Roots::default();
        match &self.only {
            Some(only) => only.add_to(&mut roots),
            None => self.system.add_first(&mut roots)?,
        }
        self.extra.iter().for_each(|extra| extra.add_to(&mut roots));
        let roots = Arc::new(roots);
        self.roots.store(Some(roots.clone()));
        Ok(roots)
    }

    /// The authorities of the system's store that [`roots`](Self::roots) lacks.
    pub(super) fn more_roots(&self) -> Result<Arc<Roots>, Cause> {
        if let Some(roots) = self.more_roots.load_full() {
            return Ok(roots);
        }
        let mut roots = Roots::default();
        if self.uses_system() {
            self.system.add_rest(&mut roots)?;
        }
        let roots = Arc::new(roots);
        self.more_roots.store(Some(roots.clone()));
        Ok(roots)
    }
}
