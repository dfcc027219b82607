//! Where the lines of a client's log go: a file, or standard error. A line that can't be written at once is lost, and delays
//! no call.
//!
//! The file is opened for each line, and closed after it. So a file that was moved is replaced, as tools expect that rotate
//! logs; nothing is left open; and a child of `fork()` writes lines of its own, without a lock.

use std::fmt;
use std::io;
#[cfg(all(unix, not(miri)))]
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

#[cfg(all(unix, not(miri)))]
use rustix::event::{PollFd, PollFlags, Timespec, poll};
#[cfg(all(unix, not(miri)))]
use rustix::fs::{FileType, fstat};
#[cfg(all(unix, not(miri)))]
use rustix::io::{Errno, retry_on_intr, write};

use crate::file;
#[cfg(all(unix, not(miri)))]
use crate::signals::{file_size_limit, without_signals};

/// Where a client logs: the setting `log_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    StandardError,
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::StandardError => f.write_str("stderr"),
            Place::File(path) => path.display().fmt(f),
        }
    }
}

impl Place {
    /// Appends bytes, in one write so that processes can share the place, and returns how many.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Place::File(path) => append_to_file(&*file::open_log(path)?, bytes),
            Place::StandardError => append_to_stderr(bytes),
        }
    }
}

#[cfg(all(unix, not(miri)))]
fn append_to_file(file: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    // A line that does not fit is lost as a whole.
    if let Some(limit) = file_size_limit() {
        let file = fstat(&file)?;
        let size = u64::try_from(file.st_size).unwrap_or(0).saturating_add(bytes.len() as u64);
        if FileType::from_raw_mode(file.st_mode) == FileType::RegularFile && size > limit {
            return Err(Errno::FBIG.into());
        }
    }
    without_signals(|| Ok(retry_on_intr(|| write(&file, bytes))?))
}

/// Without the lock of the standard library, which another thread may have held at a fork. A pipe, a socket or a terminal that
/// is full would block: there the line is lost.
#[cfg(all(unix, not(miri)))]
fn append_to_stderr(bytes: &[u8]) -> io::Result<usize> {
    let stderr = rustix::stdio::stderr();
    let kind = FileType::from_raw_mode(fstat(stderr)?.st_mode);
    if kind == FileType::RegularFile {
        return append_to_file(stderr, bytes);
    }
    #[cfg(target_os = "linux")]
    if kind == FileType::Socket {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        return socket2::SockRef::from(&stderr).send_with_flags(bytes, flags);
    }
    // The flags of the host's descriptor are those of all processes that have it.
    #[cfg(target_os = "linux")]
    match file::open_again(stderr) {
        Ok(ours) => return append_to_file(&*ours, bytes),
        // A terminal that is ready may have room for a byte only.
        Err(error) if kind != FileType::Fifo => return Err(error),
        Err(_) => {}
    }
    // What is ready takes so many without waiting.
    let mut written = 0;
    for part in bytes.chunks(libc::PIPE_BUF) {
        check_ready(stderr)?;
        written += append_to_file(stderr, part)?;
    }
    Ok(written)
}

/// It takes bytes, and nobody has closed its other end.
#[cfg(all(unix, not(miri)))]
fn check_ready(descriptor: BorrowedFd) -> io::Result<()> {
    let mut polled = [PollFd::new(&descriptor, PollFlags::OUT)];
    retry_on_intr(|| poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })))?;
    if polled[0].revents() == PollFlags::OUT { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

#[cfg(any(not(unix), miri))]
fn append_to_file(mut file: impl io::Write, bytes: &[u8]) -> io::Result<usize> {
    file.write_all(bytes).map(|()| bytes.len())
}

#[cfg(any(not(unix), miri))]
fn append_to_stderr(bytes: &[u8]) -> io::Result<usize> {
    append_to_file(io::stderr(), bytes)
}
