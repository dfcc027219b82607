//! Which authorities are trusted: those of the settings, or the system's.

#[cfg(all(unix, not(target_vendor = "apple")))]
use std::ffi::{OsStr, OsString};
#[cfg(all(unix, not(target_vendor = "apple")))]
use std::io;
#[cfg(all(unix, not(target_vendor = "apple")))]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::files::certificates;
use crate::config::Config;
use crate::error::Error;

/// The authorities of a client. The files of the settings are read when a client is made, and the variables that name the
/// system's store; the store itself when it is first needed. Shared by clones and by the children of a `fork()`, so nothing in
/// here locks.
#[derive(Debug)]
pub(super) struct Trust {
    /// `ca_file`: instead of the system's store.
    only: Option<Vec<CertificateDer<'static>>>,
    /// `extra_ca_file`: in addition.
    extra: Vec<CertificateDer<'static>>,
    system: SystemStore,
    roots: ArcSwapOption<RootCertStore>,
    /// The part of the system's store that is not read at first: it may have authorities that the other part lacks.
    more_roots: ArcSwapOption<RootCertStore>,
}

impl Trust {
    pub(super) fn new(config: &Config) -> Result<Trust, Error> {
        let only = config.ca_file.as_deref().map(|path| certificates("ca_file", path)).transpose()?;
        let extra = config.extra_ca_file.as_deref().map(|path| certificates("extra_ca_file", path)).transpose()?;
        let (roots, more_roots) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let system = if only.is_some() { SystemStore::default() } else { system_store() };
        Ok(Trust { only, extra: extra.unwrap_or_default(), system, roots, more_roots })
    }

    /// Whether the system's store counts.
    pub(super) fn uses_system(&self) -> bool {
        self.only.is_none()
    }

    /// Whether the user has named this certificate.
    pub(super) fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        self.only.iter().flatten().chain(&self.extra).any(|own| own == certificate)
    }

    /// The certificates of `extra_ca_file`.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    pub(super) fn extra(&self) -> &[CertificateDer<'static>] {
        &self.extra
    }

    /// The authorities to trust: the system's are loaded once, under the caller's lock.
    pub(super) fn roots(&self) -> Result<Arc<RootCertStore>, rustls::Error> {
        if let Some(roots) = self.roots.load_full() {
            return Ok(roots);
        }
        let mut roots = RootCertStore::empty();
        match &self.only {
            Some(certificates) => {
                roots.add_parsable_certificates(certificates.iter().cloned());
            }
            None => add_system_roots(&self.system, &mut roots)?,
        }
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let roots = Arc::new(roots);
        self.roots.store(Some(roots.clone()));
        Ok(roots)
    }

    /// The authorities of the system's store that [`roots`](Self::roots) lacks.
    pub(super) fn more_roots(&self) -> Result<Arc<RootCertStore>, rustls::Error> {
        if let Some(roots) = self.more_roots.load_full() {
            return Ok(roots);
        }
        let mut roots = RootCertStore::empty();
        if self.uses_system() {
            add_rest_of_system_roots(&self.system, &mut roots)?;
        }
        let roots = Arc::new(roots);
        self.more_roots.store(Some(roots.clone()));
        Ok(roots)
    }
}

/// The system's trust store, and where that is empty (a bare container, an old appliance) Mozilla's roots.
///
/// Most systems have it twice: in one file, and in a directory with a file for each certificate, which takes twice as long
/// to read. So that is read only where the file does not suffice: see [`Trust::more_roots`].
#[cfg(all(unix, not(target_vendor = "apple")))]
fn add_system_roots(store: &SystemStore, roots: &mut RootCertStore) -> Result<(), rustls::Error> {
    if let (Some(file), _) = store {
        add_roots_of(roots, Some(file), None)?;
    }
    if roots.is_empty() {
        add_rest_of_system_roots(store, roots)?;
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(())
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn add_rest_of_system_roots(store: &SystemStore, roots: &mut RootCertStore) -> Result<(), rustls::Error> {
    store.1.iter().try_for_each(|directory| add_roots_of(roots, None, Some(directory)))
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

/// The file and the directories of the system's trust store: those of OpenSSL's variables, or the usual ones. Windows and
/// macOS have another, which is not a file.
type SystemStore = (Option<PathBuf>, Vec<PathBuf>);

#[cfg(all(unix, not(target_vendor = "apple")))]
fn system_store() -> SystemStore {
    let file = std::env::var_os(openssl_probe::ENV_CERT_FILE);
    store_of(file, &std::env::var_os(openssl_probe::ENV_CERT_DIR).unwrap_or_default())
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn store_of(file: Option<OsString>, directories: &OsStr) -> SystemStore {
    let directories: Vec<_> = std::env::split_paths(directories).filter(|path| !path.as_os_str().is_empty()).collect();
    if file.is_some() || !directories.is_empty() {
        return (file.map(PathBuf::from), directories);
    }
    let found = openssl_probe::probe();
    (found.cert_file, found.cert_dir)
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn system_store() -> SystemStore {
    SystemStore::default()
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn add_system_roots(_: &SystemStore, _: &mut RootCertStore) -> Result<(), rustls::Error> {
    Ok(())
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn add_rest_of_system_roots(_: &SystemStore, _: &mut RootCertStore) -> Result<(), rustls::Error> {
    Ok(())
}

#[cfg(all(test, unix, not(target_vendor = "apple")))]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_where_its_store_is_unless_a_variable_says_so() {
        let path = |text: &str| PathBuf::from(text);
        assert_eq!(store_of(Some("/a".into()), "".as_ref()), (Some(path("/a")), vec![]));
        assert_eq!(store_of(None, "/b::/c".as_ref()), (None, vec![path("/b"), path("/c")]));
        assert_eq!(store_of(Some("/a".into()), "/b".as_ref()), (Some(path("/a")), vec![path("/b")]));
        let found = openssl_probe::probe();
        assert_eq!(store_of(None, "".as_ref()), (found.cert_file, found.cert_dir));
    }
}
