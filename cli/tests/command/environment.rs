//! Variables whose values are not UTF-8: a path works as it is, and anything else is an error that names the variable.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use zmd_sim::{Job, Sim};

use crate::program::*;

/// A name in Latin-1.
const NAME: &[u8] = b"schl\xfcssel";

#[test]
fn a_profile_or_level_in_another_encoding_is_named() {
    let home = Directory::new("latin-1");
    for name in ["ZMD_PROFILE", "ZMD_LOG", "ZMD_ACCESS_TOKEN", "HTTPS_PROXY", "NO_PROXY"] {
        for command in [&["status", "Leads", "1"][..], &["wait", "Leads", "1"], &["doctor"]] {
            let mut zmd = zmd(&home.0, &[("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_API_DOMAIN", "https://127.0.0.1:1")]);
            let (exit, out, err) = run(zmd.env(name, OsStr::from_bytes(NAME)).args(command));
            assert!(exit == Some(4) && format!("{out}{err}").contains(name), "{name} {command:?} {exit:?}: {out}{err}");
        }
    }
}

#[test]
fn a_path_in_another_encoding_is_a_path() {
    let home = Directory::new("paths");
    let path = home.0.join(OsString::from_vec(NAME.to_vec()));
    let sim = Sim::start();
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    let settings = format!("[default]\napi_domain = '{}'\naccess_token = '{TOKEN}'\n", sim.url());
    std::fs::write(&path, settings).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    let status = ["status", "Leads", "1001"];
    let (exit, _, err) = run(zmd(&home.0, &[]).env("ZMD_CONFIG_FILE", &path).args(status));
    assert_eq!(exit, Some(0), "{err}");
    // In a home with such a name.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir_all(path.join(".config/zmd")).unwrap();
    let settings = format!("[default]\napi_domain = '{}'\n", sim.url());
    std::fs::write(path.join(".config/zmd/config.toml"), settings).unwrap();
    let (exit, _, err) = run(zmd(&path, &[("ZMD_ACCESS_TOKEN", TOKEN)]).args(status));
    assert_eq!(exit, Some(0), "{err}");
}

#[cfg(not(target_vendor = "apple"))]
#[test]
fn authorities_in_a_path_in_another_encoding() {
    let home = Directory::new("authorities");
    let path = home.0.join(OsString::from_vec(NAME.to_vec()));
    let sim = Sim::builder().tls().start();
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    let url = sim.url();
    let status = |name: &str, path: &OsStr| {
        let variables = [("ZMD_API_DOMAIN", &*url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0")];
        let (exit, _, err) = run(zmd(&home.0, &variables)
            .env("SSL_CERT_DIR", &home.0)
            .env(name, path)
            .args(["status", "Leads", "1001"]));
        (exit, err)
    };
    let (exit, err) = status("SSL_CERT_FILE", path.as_os_str());
    assert!(exit == Some(4) && err.contains("SSL_CERT_FILE takes the path of a file"), "{exit:?} {err}");
    std::fs::copy(sim.ca_file(), &path).unwrap();
    assert_eq!(status("SSL_CERT_FILE", path.as_os_str()), (Some(0), String::new()));
    // A directory.
    std::fs::remove_file(&path).unwrap();
    let (exit, err) = status("SSL_CERT_DIR", path.as_os_str());
    assert!(exit == Some(4) && err.contains("SSL_CERT_DIR takes the path of a directory"), "{exit:?} {err}");
    std::fs::create_dir(&path).unwrap();
    std::fs::copy(sim.ca_file(), path.join("company.pem")).unwrap();
    assert_eq!(status("SSL_CERT_DIR", path.as_os_str()), (Some(0), String::new()));
    // A store with nothing in it, in the words of the doctor.
    std::fs::remove_file(path.join("company.pem")).unwrap();
    let empty = home.file("empty.pem", "");
    let mut doctor = zmd(&home.0, &[("ZMD_API_DOMAIN", &*url), ("ZMD_ACCESS_TOKEN", TOKEN), ("SSL_CERT_FILE", &empty)]);
    let (_, out, _) = run(doctor.env("SSL_CERT_DIR", &path).args(["doctor"]));
    let words = "FAIL certificate authorities: the trust store has no certificate that can be used";
    assert!(out.contains(words) && out.contains("correct SSL_CERT_FILE"), "{out}");
}
