//! A certificate authority, and the certificates that it issues.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A certificate and its key, as PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
    pub der: Vec<u8>,
}

fn pair(cert: rcgen::Certificate, key: &KeyPair) -> Pair {
    Pair { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec() }
}

pub fn params(name: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A certificate authority.
pub struct Authority {
    pub pair: Pair,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pair = pair(params.self_signed(&key).unwrap(), &key);
        Authority { pair, issuer: Issuer::new(params, key) }
    }

    /// A certificate for this key, as PEM.
    pub fn sign(&self, params: CertificateParams, key: &KeyPair) -> String {
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// An authority that this one vouches for.
    pub fn intermediate(&self, name: &str) -> Authority {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pair = pair(params.signed_by(&key, &self.issuer).unwrap(), &key);
        Authority { pair, issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = params("server", &["localhost"]);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        pair(params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}
