//! The system's trust store, where it is files: as OpenSSL finds it.
//!
//! It is a file and some directories. `SSL_CERT_FILE` names another file, and `SSL_CERT_DIR` other directories; each in place of
//! its own default. Most systems have the same authorities in both, and the directories take twice as long to read: so they
//! are read only where the file does not suffice.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::roots::{Roots, RootsOrigin, TrustedRoots};
use crate::error::{Error, ErrorKind};
use crate::file::{content, names_in, open};
use crate::http::cause::{Cause, is_shortage};

/// Forty times the certificates of a system.
const SIZE_LIMIT: u64 = 8 << 20;

/// Where the store is.
#[derive(Debug, Default)]
pub(super) struct SystemStore {
    file: Option<Place>,
    directories: Vec<Place>,
}

/// A file or directory, and the variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    variable: Option<&'static str>,
}

impl Place {
    fn of_system(path: PathBuf) -> Place {
        Place { path, variable: None }
    }

    /// An error if what a variable names is not there: nobody wants to trust others instead.
    fn named(
        variable: &'static str,
        path: PathBuf,
        is_good: fn(&Metadata) -> bool,
        what: &str,
    ) -> Result<Place, Error> {
        let why = match std::fs::metadata(&path) {
            Ok(metadata) if is_good(&metadata) => return Ok(Place { path, variable: Some(variable) }),
            Ok(_) => format!("it is not {what}"),
            Err(error) => error.to_string(),
        };
        let message = format!(
            "{variable} takes the path of {what} with the certificate authorities to trust; {}: {why}. Correct the variable, \
             or remove it to trust the system's",
            path.display()
        );
        Err(Error::new(ErrorKind::InvalidConfig, message))
    }

    fn origin(&self) -> RootsOrigin {
        self.variable.map_or(RootsOrigin::System, RootsOrigin::Variable)
    }
}

impl SystemStore {
    /// Empty variables count as missing ones.
    pub(super) fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<SystemStore, Error> {
        const FILE: &str = openssl_probe::ENV_CERT_FILE;
        const DIRECTORIES: &str = openssl_probe::ENV_CERT_DIR;
        let value_of = |name| variable(name).filter(|value| !value.is_empty());
        let file = match value_of(FILE) {
            Some(path) => Some(Place::named(FILE, path.into(), |metadata| !metadata.is_dir(), "a file")?),
            None => openssl_probe::probe().cert_file.map(Place::of_system),
        };
        let directories = match value_of(DIRECTORIES) {
            Some(paths) => std::env::split_paths(&paths)
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| Place::named(DIRECTORIES, path, Metadata::is_dir, "a directory"))
                .collect::<Result<_, _>>()?,
            None => openssl_probe::candidate_cert_dirs().map(|path| Place::of_system(path.to_owned())).collect(),
        };
        Ok(SystemStore { file, directories })
    }

    /// The authorities of the file or, if it has none, of the directories. Mozilla's if there is no store at all.
    pub(super) fn add_first(&self, roots: &mut Roots) -> Result<(), Cause> {
        let mut is_there = false;
        if let Some(file) = &self.file {
            is_there = true;
            roots.add(
                read_file(&file.path).map_err(|error| unreadable(&file.path, error))?,
                file.origin(),
                Some(file.path.clone()),
            );
        }
        if roots.store.is_empty() {
            roots.origins.clear();
            is_there |= self.add_directories(roots)?;
        }
        if !roots.store.is_empty() {
            return Ok(());
        }
        if is_there {
            let places: Vec<_> =
                self.file.iter().chain(&self.directories).map(|place| place.path.display().to_string()).collect();
            let named: Vec<_> = self.file.iter().chain(&self.directories).filter_map(|place| place.variable).collect();
            let remedy = match named.first() {
                Some(variable) => format!("correct {variable}, or remove it to trust the system's"),
                None => "reinstall it (ca-certificates), or set ca_file".to_owned(),
            };
            let places = places.join(", ");
            let message = format!("the trust store has no certificate that can be used ({places}): {remedy}");
            return Err(Cause::Tls(rustls::Error::General(message)));
        }
        log::info!(
            "the system has no trust store: the certificate authorities of Mozilla are trusted, which are bundled"
        );
        let bundled = webpki_roots::TLS_SERVER_ROOTS;
        roots.store.extend(bundled.iter().cloned());
        roots.origins = vec![TrustedRoots { origin: RootsOrigin::Bundled, path: None, count: Some(bundled.len()) }];
        Ok(())
    }

    /// The authorities of the directories.
    pub(super) fn add_rest(&self, roots: &mut Roots) -> Result<(), Cause> {
        self.add_directories(roots).map(drop)
    }

    /// Whether a directory holds a file, or was named by a variable.
    fn add_directories(&self, roots: &mut Roots) -> Result<bool, Cause> {
        let mut is_there = false;
        for place in &self.directories {
            let (certificates, files) = read_directory(&place.path).map_err(|error| unreadable(&place.path, error))?;
            is_there |= files > 0 || place.variable.is_some();
            roots.add(certificates, place.origin(), Some(place.path.clone()));
        }
        Ok(is_there)
    }
}

/// To go on without a part of the store would refuse good servers.
fn unreadable(path: &Path, error: io::Error) -> Cause {
    let message = format!("the system's trust store can't be read ({}: {error})", path.display());
    match is_shortage(&error) {
        true => Cause::Io(io::Error::new(io::ErrorKind::ResourceBusy, message)),
        false => Cause::Tls(rustls::Error::General(message)),
    }
}

/// What is no certificate is passed over.
fn read_file(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = content(&open(path)?, SIZE_LIMIT)?;
    Ok(CertificateDer::pem_slice_iter(&text).flatten().collect())
}

/// The certificates of a directory, and how many files it holds. A file that can't be read is passed over, unless that may be
/// different a moment later.
fn read_directory(directory: &Path) -> io::Result<(Vec<CertificateDer<'static>>, usize)> {
    let (mut certificates, mut seen) = (Vec::new(), HashSet::new());
    for name in names_in(directory)? {
        let path = directory.join(name);
        // Each certificate is there under its name and under its hash, which is a link.
        let identity = std::fs::metadata(&path).ok().filter(Metadata::is_file).map(|metadata| identity_of(&metadata));
        if identity.is_none_or(|identity| !seen.insert(identity)) {
            continue;
        }
        match read_file(&path) {
            Ok(more) => certificates.extend(more),
            Err(error) if is_shortage(&error) => return Err(error),
            Err(_) => {}
        }
    }
    Ok((certificates, seen.len()))
}

fn identity_of(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("zmd-store-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn store(file: Option<&Path>, directory: Option<&Path>) -> Result<SystemStore, Error> {
        SystemStore::of_environment(|name| {
            let path = if name == "SSL_CERT_FILE" { file } else { directory };
            path.map(|path| path.as_os_str().to_owned())
        })
    }

    #[test]
    fn each_variable_replaces_its_own_default_and_must_name_something() {
        let directory = Directory::new("named");
        let file = directory.0.join("ca.pem");
        std::fs::write(&file, "").unwrap();
        let usual = store(None, None).unwrap();
        assert!(usual.directories.iter().chain(&usual.file).all(|place| place.variable.is_none()));
        let empty = store(Some(Path::new("")), Some(Path::new(""))).unwrap();
        assert_eq!((&empty.file, &empty.directories), (&usual.file, &usual.directories));
        let of_file = store(Some(&file), None).unwrap();
        assert_eq!((of_file.file.unwrap().path, &of_file.directories), (file.clone(), &usual.directories));
        let of_directory = store(None, Some(&directory.0)).unwrap();
        assert_eq!((&of_directory.file, &of_directory.directories[0].path), (&usual.file, &directory.0));
        for (file, directory, message) in [
            (Some(Path::new("/nowhere/ca.pem")), None, "SSL_CERT_FILE takes the path of a file with"),
            (Some(&*directory.0), None, "it is not a file. Correct"),
            (None, Some(Path::new("/nowhere")), "/nowhere: No such file or directory"),
            (None, Some(&*file), "SSL_CERT_DIR takes the path of a directory with"),
        ] {
            let error = store(file, directory).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidConfig && error.message().contains(message), "{error}");
        }
    }

    #[test]
    fn only_where_there_is_no_store_at_all_those_of_mozilla_are_trusted() {
        let directory = Directory::new("empty");
        let origins = |store: &SystemStore| {
            let mut roots = Roots::default();
            store.add_first(&mut roots).map(|()| roots.origins)
        };
        let of_system = |path: &Path| Place::of_system(path.to_owned());
        // What images without ca-certificates have.
        let bare = SystemStore { file: None, directories: vec![of_system(&directory.0)] };
        assert_eq!(origins(&bare).unwrap()[0].origin, RootsOrigin::Bundled);
        assert_eq!(origins(&SystemStore::default()).unwrap()[0].count, Some(webpki_roots::TLS_SERVER_ROOTS.len()));
        let refused = |store: &SystemStore, words: &str| {
            let cause = origins(store).unwrap_err();
            assert!(cause.to_string().contains(words), "{cause}");
        };
        // An empty directory that was named, a file that is no certificate, and one that is not there any more.
        let named = Place { path: directory.0.clone(), variable: Some("SSL_CERT_DIR") };
        refused(&SystemStore { file: None, directories: vec![named] }, "has no certificate that can be used");
        let file = directory.0.join("ca.pem");
        std::fs::write(&file, "# no certificate").unwrap();
        refused(&bare, "has no certificate that can be used");
        refused(&SystemStore { file: Some(of_system(&file)), directories: vec![] }, "ca.pem): reinstall it");
        refused(
            &SystemStore { file: Some(of_system(&directory.0.join("gone"))), directories: vec![] },
            "can't be read",
        );
    }

    #[test]
    fn a_directory_is_read_where_the_file_has_none_and_each_file_once() {
        let sim = zmd_sim::Sim::builder().tls().start();
        let directory = Directory::new("read");
        std::fs::copy(sim.ca_file(), directory.0.join("company.pem")).unwrap();
        std::os::unix::fs::symlink("company.pem", directory.0.join("0123abcd.0")).unwrap();
        std::os::unix::fs::symlink("nowhere", directory.0.join("dangling")).unwrap();
        let (certificates, files) = read_directory(&directory.0).unwrap();
        assert_eq!((certificates.len(), files), (1, 1));
        let empty = directory.0.join("empty");
        std::fs::write(&empty, "").unwrap();
        let system = store(Some(&empty), Some(&directory.0)).unwrap();
        let mut roots = Roots::default();
        system.add_first(&mut roots).unwrap();
        assert_eq!(
            (roots.store.len(), roots.origins[0].to_string()),
            (1, format!("1 of the variable SSL_CERT_DIR ({})", directory.0.display()))
        );
    }
}
