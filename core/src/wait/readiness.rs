//! A descriptor that is readable while a queue has something to return, for event loops.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use crate::descriptor::above_standard;

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
        Ok(Readiness { reader: above_standard(reader)?, writer: above_standard(writer)?, is_ready: false })
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
}
