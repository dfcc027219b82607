//! A certificate authority and a server certificate, generated for each Sim with TLS.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that the server certificate is for.
const NAMES: [&str; 5] = ["localhost", "api.zmd.test", "accounts.zmd.test", "127.0.0.1", "::1"];

pub(crate) struct Tls {
    pub config: Arc<ServerConfig>,
    pub files: PemFiles,
}

impl Tls {
    pub fn new() -> Tls {
        Tls::generate().expect("certificates for names as plain as these can be made")
    }

    fn generate() -> Result<Tls, Box<dyn std::error::Error>> {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "zmd-sim CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate()?;
        let ca_cert = ca.self_signed(&ca_key)?;

        let mut leaf = CertificateParams::new(NAMES.map(String::from))?;
        leaf.distinguished_name.push(DnType::CommonName, "zmd-sim");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers require it, such as Python's since 3.13.
        leaf.use_authority_key_identifier_extension = true;
        let leaf_key = KeyPair::generate()?;
        let leaf_cert = leaf.signed_by(&leaf_key, &Issuer::new(ca, ca_key))?;

        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let mut provider = ring::default_provider();
        // memcheck reports the key tables of ring's AES-GCM as uninitialized, as the assembly reads past their end.
        provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).contains("CHACHA20"));
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf_cert.der().clone()], key)?;
        let files = PemFiles::write(&ca_cert.pem(), &leaf_cert.pem(), &leaf_key.serialize_pem())?;
        Ok(Tls { config: Arc::new(config), files })
    }
}

/// The certificates in their own directory, which is deleted when this is dropped.
pub(crate) struct PemFiles {
    directory: PathBuf,
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl PemFiles {
    fn write(ca: &str, cert: &str, key: &str) -> std::io::Result<PemFiles> {
        let directory = new_directory()?;
        let files = PemFiles {
            ca: directory.join("ca.pem"),
            cert: directory.join("cert.pem"),
            key: directory.join("key.pem"),
            directory,
        };
        fs::write(&files.ca, ca)?;
        fs::write(&files.cert, cert)?;
        fs::write(&files.key, key)?;
        Ok(files)
    }
}

impl Drop for PemFiles {
    fn drop(&mut self) {
        // A file that cannot be deleted does not fail the test.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Creates a directory that no other Sim uses, in this process or another.
fn new_directory() -> std::io::Result<PathBuf> {
    let base = std::env::temp_dir();
    let pid = std::process::id();
    for number in 0.. {
        let directory = base.join(Path::new(&format!("zmd-sim-{pid}-{number}")));
        match fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("there is always another number")
}
