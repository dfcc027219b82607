//! A byte stream under time limits: what a socket is, and TLS over one.

use std::fmt;
use std::time::Instant;

use super::cause::Cause;

/// A byte stream under time limits: a socket, or TLS over another stream.
pub(crate) trait Stream: fmt::Debug + Send + Sync {
    /// Reads what there is, and waits for something where there is nothing; 0 at the end of the stream.
    fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, Cause>;

    /// Writes all of it.
    fn write_all(&mut self, bytes: &[u8], until: Instant) -> Result<(), Cause>;

    /// Whether the stream can serve another request: it is open, and nothing arrived without a request.
    fn is_reusable(&mut self) -> bool;
}
