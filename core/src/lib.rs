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
mod sync;
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
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

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

    /// The modules that a module uses, outside of its tests.
    fn used_by(path: &Path, used: &mut BTreeSet<String>) {
        if path.is_dir() {
            return fs::read_dir(path).unwrap().for_each(|entry| used_by(&entry.unwrap().path(), used));
        }
        let source = fs::read_to_string(path).unwrap();
        let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in line.split("crate::").skip(1) {
                let name = name.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap();
                used.insert(name.to_owned());
            }
        }
    }

    /// Every arrow in the picture of CONTRIBUTING.md is a `use`, and no module uses one that its arrows do not lead to.
    #[test]
    fn contributing_shows_how_the_modules_depend_on_each_other() {
        let text = include_str!("../CONTRIBUTING.md");
        let picture = text.split_once("flowchart TD\n").unwrap().1.split_once("```").unwrap().0;
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in picture.lines() {
            let names: Vec<_> = line.split("-->").map(str::trim).collect();
            for name in &names {
                arrows.entry(name).or_default();
            }
            for pair in names.windows(2) {
                arrows.get_mut(pair[0]).unwrap().insert(pair[1]);
            }
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (module, targets) in &arrows {
            let mut used = BTreeSet::new();
            let file = source.join(format!("{module}.rs"));
            used_by(&if file.exists() { file } else { source.join(module) }, &mut used);
            for target in targets {
                assert!(used.contains(*target), "the picture has {module} --> {target}, which is no use");
            }
            let mut reachable: BTreeSet<&str> = [*module].into();
            let mut ends = vec![*module];
            while let Some(end) = ends.pop() {
                ends.extend(arrows[end].iter().filter(|target| reachable.insert(target)));
            }
            for name in used.iter().filter(|name| arrows.contains_key(name.as_str())) {
                assert!(reachable.contains(name.as_str()), "{module} uses {name}, which the picture forbids");
            }
        }
        let modules = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path().file_stem().unwrap().to_owned());
        let modules: BTreeSet<_> =
            modules.map(|name| name.into_string().unwrap()).filter(|name| name != "lib").collect();
        assert_eq!(arrows.into_keys().map(str::to_owned).collect::<BTreeSet<_>>(), modules);
    }
}
