//! The library's descriptors stay away from 0, 1 and 2.
//!
//! The system gives the lowest number that is free. Where the host has closed its standard streams that is theirs, and the
//! host's next `printf` would be written into a connection.

use std::io;

/// A descriptor with a number above 2: the same, or a copy in its place.
#[cfg(unix)]
pub(crate) fn above_standard<D>(descriptor: D) -> io::Result<D>
where
    D: std::os::fd::AsFd + From<std::os::fd::OwnedFd>,
{
    use std::os::fd::AsRawFd;
    if descriptor.as_fd().as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, 3)?.into())
}

/// There, handles are no numbers of streams.
#[cfg(not(unix))]
pub(crate) fn above_standard<D>(descriptor: D) -> io::Result<D> {
    Ok(descriptor)
}
