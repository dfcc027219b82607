//! The files with certificates and keys that settings name: their formats, and what is wrong with one.

use std::fmt;
use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::refusal;
use crate::error::Error;
use crate::file::{check_private_key, content, open};

/// A certificate for servers that demand one.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The certificates in a file: PEM, perhaps with a byte-order mark, or one in DER.
pub(super) fn certificates(setting: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |why: &dyn fmt::Display| {
        refusal(setting, format!("the path of a PEM or DER file with CA certificates; {path}: {why}"))
    };
    let text = read(path).map_err(|error| bad(&error))?;
    foreign_format(&text, path, "ca.pem").map_or(Ok(()), |why| Err(bad(&why)))?;
    // A DER certificate is a SEQUENCE with a length of two bytes.
    let found = if text.starts_with(&[0x30, 0x82]) {
        vec![CertificateDer::from(text.to_vec())]
    } else {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        found.map_err(|error| bad(&words_for(&error)))?
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

/// What a file is instead of PEM, or what is wrong with it as such, and the command that makes a good one of it.
fn foreign_format(bytes: &[u8], path: &str, to: &str) -> Option<String> {
    // The object identifier of signedData, and the version of PKCS #12.
    const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    const VERSION_3: &[u8] = &[0x02, 0x01, 0x03];
    let begin = &bytes[..bytes.len().min(24)];
    if begin.starts_with(&[0x30]) {
        // Behind the length of the whole, of one to five bytes.
        let is_there = |what: &[u8]| (2..=6).any(|at| begin.get(at..).is_some_and(|rest| rest.starts_with(what)));
        if is_there(SIGNED_DATA) {
            return Some(format!("it is PKCS #7: run 'openssl pkcs7 -inform DER -in {path} -print_certs -out {to}'"));
        }
        if is_there(VERSION_3) {
            return Some(format!("it is PKCS #12: run 'openssl pkcs12 -in {path} -nodes -out {to}'"));
        }
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut open: Option<(usize, &str)> = None;
    let unfinished = |(line, label): (usize, &str)| {
        Some(format!("the block {label} that begins in line {line} has no end: the file was cut off, or damaged"))
    };
    for (index, line) in text.lines().enumerate() {
        let label = |line: &'_ str, word: &str| Some(line.trim().strip_prefix(word)?.strip_suffix("-----")?.to_owned());
        if let Some(label) = label(line, "-----BEGIN ") {
            if open.is_some() {
                break;
            }
            match &*label {
                "TRUSTED CERTIFICATE" => {
                    let command = format!("openssl x509 -in {path} -out {to}");
                    return Some(format!(
                        "it holds a TRUSTED CERTIFICATE, which is a format of OpenSSL alone: run '{command}'"
                    ));
                }
                "PKCS7" => {
                    let command = format!("openssl pkcs7 -in {path} -print_certs -out {to}");
                    return Some(format!("it is PKCS #7: run '{command}'"));
                }
                _ => open = Some((index + 1, line.trim().trim_matches('-').trim_start_matches("BEGIN "))),
            }
        } else if label(line, "-----END ").is_some() {
            open = None;
        }
    }
    open.and_then(unfinished)
}

/// Without the bytes that are wrong, which rustls shows as numbers.
fn words_for(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a block has no end: the file was cut off, or damaged".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the first line of a block is damaged".to_owned(),
        pem::Error::Base64Decode(_) => "a block is not base64: the file is damaged".to_owned(),
        error => error.to_string(),
    }
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
        let units = bytes[2..].as_chunks().0.iter().map(|pair| unit(*pair));
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
    pub(super) fn new(cert: Option<&str>, key: Option<&str>) -> Result<Option<Identity>, Error> {
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
        let text = read("client_cert", cert)?;
        foreign_format(&text, cert, "cert.pem").map_or(Ok(()), |why| Err(bad("client_cert", cert, &why)))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| bad("client_cert", cert, &words_for(&error)))?;
        if chain.is_empty() {
            return Err(bad("client_cert", cert, &"there is no certificate in it"));
        }
        let bytes = read("client_key", key)?;
        let text = String::from_utf8_lossy(&bytes);
        if text.contains("ENCRYPTED") {
            let command = format!("openssl pkey -in {key} -out key.pem");
            return Err(bad("client_key", key, &format!("the key is encrypted: decrypt it with '{command}'")));
        }
        let private = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| bad("client_key", key, &"there is no private key in it (PKCS #8, PKCS #1 or SEC 1)"))?;
        std::fs::metadata(key)
            .and_then(|metadata| check_private_key(&metadata))
            .map_err(|error| bad("client_key", key, &error))?;
        let key = private;
        Ok(Some(Identity { chain, key }))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named_with_the_command_that_helps() {
        let block = |label: &str| format!("-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n");
        let signed_data =
            [&[0x30, 0x82, 1, 2][..], &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]].concat();
        for (content, why) in [
            (
                block("TRUSTED CERTIFICATE").into_bytes(),
                Some(
                    "TRUSTED CERTIFICATE, which is a format of OpenSSL alone: run 'openssl x509 -in FILE -out ca.pem'",
                ),
            ),
            (block("PKCS7").into_bytes(), Some("it is PKCS #7: run 'openssl pkcs7 -in FILE")),
            (signed_data, Some("it is PKCS #7: run 'openssl pkcs7 -inform DER -in FILE")),
            (vec![0x30, 0x82, 1, 2, 2, 1, 3, 0x30], Some("it is PKCS #12: run")),
            (vec![0x30, 0x80, 2, 1, 3, 0x30], Some("it is PKCS #12: run")),
            (
                block("CERTIFICATE").into_bytes()[..40].to_vec(),
                Some("the block CERTIFICATE that begins in line 1 has no end"),
            ),
            (
                (block("X509 CRL") + "-----BEGIN CERTIFICATE-----\n" + &block("CERTIFICATE")).into_bytes(),
                Some("that begins in line 4 has no end"),
            ),
            (block("CERTIFICATE").into_bytes(), None),
            ((block("PRIVATE KEY") + "some words\n" + &block("CERTIFICATE")).into_bytes(), None),
            (vec![0x30, 0x82, 1, 2, 0x30, 0x82], None),
            (vec![], None),
        ] {
            let found = foreign_format(&content, "FILE", "ca.pem");
            match (&found, why) {
                (Some(found), Some(why)) => assert!(found.contains(why), "{found}"),
                _ => assert_eq!(found.as_deref(), why),
            }
        }
        let words = words_for(&pem::Error::MissingSectionEnd { end_marker: b"CER".to_vec() });
        assert!(!words.contains('['), "{words}");
    }

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
}
