//! How far is a Zoho CRM mass-delete job? [`Client`] queries it or waits for its end.
//!
//! This is the client behind libzmd, the shared library with a C interface, as an ordinary Rust library.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod client;
mod config;
mod config_file;
mod connection_string;
mod endpoint;
mod error;
mod http;
mod oauth;
mod page;
pub mod panic;
mod poll;
mod retry;
mod secret;
mod session;
mod status;
mod sync;
mod token_provider;
mod wait;
mod waits;

pub use client::{AccessToken, Client};
pub use config::{Config, SETTINGS, Setting, Source, TOKEN_LIMIT};
pub use config_file::{DEFAULT_PROFILE, config_file, usual_config_file};
pub use endpoint::{ApiVersion, BaseUrl, DATA_CENTERS, DataCenter, ENVIRONMENTS, Environment, JobId, ModuleName};
pub use error::{Error, ErrorKind, one_line};
pub use http::{Probe, ProxyInUse, probe};
pub use oauth::exchange_grant_code;
pub use poll::{Poll, Seen};
pub use secret::Secret;
pub use status::{State, Status};
pub use token_provider::TokenProvider;
pub use wait::{Polled, Progress, Waited};
pub use waits::{Update, WaitEvent, Waits};

/// How files are opened: a named pipe in their place is not waited for. Miri knows no such flag.
#[cfg(unix)]
const WITHOUT_WAITING: i32 = if cfg!(miri) { 0 } else { libc::O_NONBLOCK };

/// Options for writing a file that only its owner may read or write, from the first byte on. On Windows that is up to the
/// directory, whose rights a file inherits.
fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A named pipe in its place is an error, and not opened as soon as a reader opens it.
        options.mode(0o600).custom_flags(WITHOUT_WAITING);
    }
    options
}

/// Opens a file to read it. A named pipe in its place is not waited for: one that no program writes to is empty.
fn open(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, WITHOUT_WAITING);
    options.read(true).open(path)
}

/// The content of an opened file: at most `limit` bytes, as a device may have no end. Of a pipe that a program writes to it is
/// what comes until that closes it.
fn content(file: &std::fs::File, limit: u64) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    use std::io::Read;
    #[cfg(all(unix, not(miri)))]
    rustix::io::ioctl_fionbio(file, false)?;
    // Reserved at once: what grows leaves copies behind, which nothing wipes.
    let size = file.metadata()?.len().min(limit) as usize + 1;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    bytes.try_reserve_exact(size)?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(std::io::Error::other(format!("it is larger than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// A file whose name begins with that of another, in the same directory.
fn beside(path: &std::path::Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{content, open};

    #[test]
    fn a_file_is_read_up_to_its_limit_into_memory_that_does_not_grow() {
        let path = std::env::temp_dir().join(format!("zmd-content-{}", std::process::id()));
        fs::write(&path, "0123456789").unwrap();
        let read = |limit| content(&open(&path).unwrap(), limit);
        let (whole, limited) = (read(10).unwrap(), read(9).unwrap_err().to_string());
        fs::remove_file(&path).unwrap();
        assert_eq!((&**whole, whole.capacity()), (&b"0123456789"[..], 11));
        assert_eq!(limited, "it is larger than 9 bytes");
    }
}
