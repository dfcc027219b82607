//! How far is a Zoho CRM mass-delete job? [`Client`] queries it or waits for its end.
//!
//! This crate is made for other languages: a shared library with a C interface, which `include/zmd.h` declares and
//! `README.md` introduces. The same functions can be called from Rust.
//!
//! # The structure of this crate
//!
//! A C call passes through [`ffi`] (pointers become checked Rust values), [`Client`] and `http`; `status` parses the
//! response.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod client;
mod config;
mod config_file;
mod connection_string;
mod endpoint;
mod error;
#[allow(unsafe_code)]
pub mod ffi;
mod http;
mod oauth;
mod page;
mod panic;
mod poll;
mod retry;
mod secret;
mod session;
mod status;
mod token_provider;
mod wait;
mod waits;

pub use client::{AccessToken, Client};
pub use config::{Config, SETTINGS, Setting, Source};
pub use config_file::{DEFAULT_PROFILE, config_file, usual_config_file};
pub use endpoint::{ApiVersion, BaseUrl, DATA_CENTERS, DataCenter, ENVIRONMENTS, Environment, JobId, ModuleName};
pub use error::{Error, zmd_error};
pub use http::{Probe, ProxyInUse, probe};
pub use oauth::exchange_grant_code;
pub use poll::{Poll, Seen};
pub use secret::Secret;
pub use status::{Status, zmd_state};
pub use token_provider::TokenProvider;
pub use wait::{Polled, Progress, Waited};
pub use waits::{Update, WaitEvent, Waits};

/// Options for writing a file that only its owner may read or write, from the first byte on. On Windows that is up to the
/// directory, whose rights a file inherits.
fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A file whose name begins with that of another, in the same directory.
fn beside(path: &std::path::Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    /// The table of modules in CONTRIBUTING.md lists the modules of this crate.
    #[test]
    fn contributing_lists_the_modules() {
        let text = include_str!("../CONTRIBUTING.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let mut listed: Vec<_> = rows.map(|(name, _)| name).collect();
        let source = include_str!("lib.rs").split("#[cfg(test)]").next().unwrap();
        let words = source.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
        let mut modules: Vec<_> = words.map(|name| name.trim_end_matches(';')).collect();
        listed.sort_unstable();
        modules.sort_unstable();
        assert_eq!(listed, modules);
    }
}
