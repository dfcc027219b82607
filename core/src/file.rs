//! Files: opened without waiting for a pipe, read up to a limit, private from the first byte on; and whose they are.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::descriptor::Descriptor;
#[cfg(all(unix, not(miri)))]
use crate::descriptor::above_standard;

/// How files are opened: a named pipe in their place is not waited for. Miri knows no such flag.
#[cfg(unix)]
const WITHOUT_WAITING: i32 = if cfg!(miri) { 0 } else { libc::O_NONBLOCK };

/// How files of the library's own are opened: a symbolic link in their place is an error, too.
#[cfg(unix)]
const NO_LINK: i32 = WITHOUT_WAITING | if cfg!(miri) { 0 } else { libc::O_NOFOLLOW };

/// Creates a file that only its owner may read or write, from the first byte on. On Windows that is up to the directory, whose
/// rights a file inherits. An error if it is there.
pub(crate) fn create_private(path: &Path) -> io::Result<Descriptor<File>> {
    Descriptor::open(|| private_file().create_new(true).open(path))
}

/// The names of the files in a directory.
#[cfg(all(unix, not(miri)))]
pub(crate) fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    use std::os::unix::ffi::OsStringExt;
    let mut options = File::options();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_DIRECTORY);
    let opened = above_standard(options.read(true).open(directory)?)?;
    let names =
        rustix::fs::Dir::new(opened)?.map(|entry| Ok(OsString::from_vec(entry?.file_name().to_bytes().to_vec())));
    names.filter(|name| !name.as_ref().is_ok_and(|name| name == "." || name == "..")).collect()
}

/// The names of the files in a directory.
#[cfg(any(not(unix), miri))]
pub(crate) fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A named pipe in its place is an error, and not opened as soon as a reader opens it.
        options.mode(0o600).custom_flags(NO_LINK);
    }
    options
}

/// Opens a file to read it. A named pipe in its place is not waited for: one that no program writes to is empty.
pub(crate) fn open(path: &Path) -> io::Result<Descriptor<File>> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, WITHOUT_WAITING);
    Descriptor::open(|| options.read(true).open(path))
}

/// Opens a file of the library's own to read it: not through a symbolic link, and only if nobody else can write it.
pub(crate) fn open_own(path: &Path) -> io::Result<Descriptor<File>> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NO_LINK);
    let file = Descriptor::open(|| options.read(true).open(path)).map_err(named_link)?;
    check_own(&file.metadata()?)?;
    Ok(file)
}

/// Opens a log to append to it, and creates it where it is missing, for its owner alone. A pipe in its place is an error, as
/// writing to one may block or raise a signal.
pub(crate) fn open_log(path: &Path) -> io::Result<Descriptor<File>> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(WITHOUT_WAITING);
    }
    let file = Descriptor::open(|| options.open(path))?;
    let kind = file.metadata()?.file_type();
    #[cfg(unix)]
    let is_device = std::os::unix::fs::FileTypeExt::is_char_device(&kind);
    #[cfg(not(unix))]
    let is_device = false;
    if kind.is_file() || is_device {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file; standard error is named stderr"))
    }
}

/// Writes a file that was just created.
pub(crate) fn write_fresh(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(all(unix, not(miri)))]
    return crate::signals::without_signals(|| file.write_all(bytes));
    #[cfg(any(not(unix), miri))]
    file.write_all(bytes)
}

/// Opens what a descriptor of the host refers to, a pipe or a terminal, so that writing to it does not wait.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn open_again(descriptor: std::os::fd::BorrowedFd) -> io::Result<Descriptor<File>> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let mut options = File::options();
    options.write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    Descriptor::open(|| options.open(path))
}

/// Opens a file of the library's own to lock it, and creates it where it is missing.
pub(crate) fn open_lock(path: &Path) -> io::Result<Descriptor<File>> {
    let opened = Descriptor::open(|| private_file().create(true).truncate(false).open(path));
    let mut file = opened.map_err(named_link)?;
    file.close_at_once();
    check_own(&file.metadata()?)?;
    Ok(file)
}

/// The system's words for it, "too many levels of symbolic links", are about something else.
fn named_link(error: io::Error) -> io::Error {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ELOOP) {
        return io::Error::other("it is a symbolic link");
    }
    error
}

/// Whether it is a file that only this user or root can have written. The error says why not, and what to do.
pub(crate) fn check_own(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(all(unix, not(miri)))]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
        let user = rustix::process::geteuid().as_raw();
        if owner != user && owner != 0 {
            return Err(io::Error::other(format!(
                "it belongs to another user (its uid is {owner}, that of this process {user}): change its owner"
            )));
        }
        if mode & 0o022 != 0 {
            return Err(io::Error::other(format!("other users can write it (its mode is {mode:03o}): run chmod go-w")));
        }
    }
    Ok(())
}

/// Whether a file with a private key is as PostgreSQL demands: only its owner may read it, and if that is root its group, too.
pub(crate) fn check_private_key(metadata: &Metadata) -> io::Result<()> {
    #[cfg(all(unix, not(miri)))]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
        if owner != 0 && owner != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other(format!(
                "the key belongs to another user (its uid is {owner}): change its owner"
            )));
        }
        let (others, fix) = if owner == 0 { (0o027, "g-w,o=") } else { (0o077, "go=") };
        if mode & others != 0 {
            let message = format!("other users can read or write the key (its mode is {mode:03o}): run chmod {fix}");
            return Err(io::Error::other(message));
        }
    }
    let _ = metadata;
    Ok(())
}

/// The content of an opened file: at most `limit` bytes, as a device may have no end. Of a pipe that a program writes to it is
/// what comes until that closes it.
pub(crate) fn content(file: &Descriptor<File>, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    #[cfg(all(unix, not(miri)))]
    rustix::io::ioctl_fionbio(&**file, false)?;
    // Reserved at once: what grows leaves copies behind, which nothing wipes.
    let size = file.metadata()?.len().min(limit) as usize + 1;
    let mut bytes = Zeroizing::new(Vec::new());
    bytes.try_reserve_exact(size)?;
    (&**file).take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other(format!("it is larger than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// A file whose name begins with that of another, in the same directory.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{content, open};

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "the user there does not own the files")]
    fn a_file_of_the_librarys_own_is_nobody_elses() {
        use super::{open_lock, open_own};
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = std::env::temp_dir().join(format!("zmd-own-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (file, link) = (directory.join("file"), directory.join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let why = |path: &std::path::Path| {
            let read = open_own(path).map(drop).map_err(|error| error.to_string());
            assert_eq!(open_lock(path).map(drop).map_err(|error| error.to_string()), read);
            read.err().unwrap_or_default()
        };
        assert_eq!(why(&link), "it is a symbolic link");
        for (mode, words) in [(0o600, ""), (0o444, ""), (0o620, "mode is 620"), (0o602, "mode is 602")] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let is_root = rustix::process::geteuid().is_root();
            if mode != 0o444 || is_root {
                assert!(why(&file).contains(words) && why(&file).is_empty() == words.is_empty(), "{}", why(&file));
            }
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
            assert!(why(&file).starts_with("it belongs to another user (its uid is 65534, "), "{}", why(&file));
        }
        assert_eq!(open_own(&directory).unwrap_err().to_string(), "it is not a regular file");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "the user there does not own the files")]
    fn a_private_key_is_private() {
        use super::check_private_key;
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("zmd-key-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        let is_good = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            check_private_key(&fs::metadata(&path).unwrap()).is_ok()
        };
        let is_root = rustix::process::geteuid().is_root();
        for (mode, of_root, of_user) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o440, true, false),
            (0o640, true, false),
            (0o604, false, false),
            (0o660, false, false),
        ] {
            assert_eq!(is_good(mode), if is_root { of_root } else { of_user }, "{mode:o}");
        }
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
            assert!(!is_good(0o600));
        }
        fs::remove_file(path).unwrap();
    }

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
