//! A descriptor that is readable while a queue has something to return, for event loops.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A pipe that contains a byte while it is ready.
#[derive(Debug)]
pub(super) struct Readiness {
    reader: io::PipeReader,
    writer: io::PipeWriter,
    is_ready: bool,
}

impl Readiness {
    pub(super) fn new() -> io::Result<Readiness> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (above_standard(reader.into())?.into(), above_standard(writer.into())?.into());
        Ok(Readiness { reader, writer, is_ready: false })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Makes it readable or not. Neither blocks: the pipe contains one byte at most, and it is read only if it is there.
    pub(super) fn set(&mut self, is_ready: bool) {
        if self.is_ready == is_ready {
            return;
        }
        let moved = if is_ready { self.writer.write(&[1]) } else { self.reader.read(&mut [0]) };
        if moved.is_ok() {
            self.is_ready = is_ready;
        }
    }
}

/// The same file with a descriptor above 2: a host that has closed one of the standard descriptors may still print to it.
fn above_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    match descriptor.as_raw_fd() {
        0..3 => Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, 3)?),
        _ => Ok(descriptor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(readiness: &Readiness) -> bool {
        let mut descriptors = [rustix::event::PollFd::new(&readiness.reader, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut descriptors, Some(&rustix::event::Timespec::default())).unwrap() == 1
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no pipes")]
    fn it_is_readable_while_it_is_ready() {
        let mut readiness = Readiness::new().unwrap();
        assert!(readiness.descriptor() > 2 && !is_readable(&readiness));
        for is_ready in [false, true, true, false, false, true] {
            readiness.set(is_ready);
            assert_eq!(is_readable(&readiness), is_ready);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no pipes")]
    fn a_standard_descriptor_is_replaced() {
        let (reader, _writer) = io::pipe().unwrap();
        let before = reader.as_raw_fd();
        assert_eq!(above_standard(reader.into()).unwrap().as_raw_fd(), before, "it is none");
    }
}
