//! Files: opened without waiting for a pipe, read up to a limit, private from the first byte on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// How files are opened: a named pipe in their place is not waited for. Miri knows no such flag.
#[cfg(unix)]
const WITHOUT_WAITING: i32 = if cfg!(miri) { 0 } else { libc::O_NONBLOCK };

/// Options for writing a file that only its owner may read or write, from the first byte on. On Windows that is up to the
/// directory, whose rights a file inherits.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
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
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, WITHOUT_WAITING);
    options.read(true).open(path)
}

/// The content of an opened file: at most `limit` bytes, as a device may have no end. Of a pipe that a program writes to it is
/// what comes until that closes it.
pub(crate) fn content(file: &File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    #[cfg(all(unix, not(miri)))]
    rustix::io::ioctl_fionbio(file, false)?;
    // Reserved at once: what grows leaves copies behind, which nothing wipes.
    let size = file.metadata()?.len().min(limit) as usize + 1;
    let mut bytes = Zeroizing::new(Vec::new());
    bytes.try_reserve_exact(size)?;
    file.take(limit + 1).read_to_end(&mut bytes)?;
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
