//! TLS over another stream, after the handshake.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use rustls::{ClientConnection, OtherError};

use crate::http::cause::Cause;
use crate::http::stream::Stream;

/// A stream as rustls sees it.
pub(super) struct Wire<'a> {
    pub(super) stream: &'a mut dyn Stream,
    pub(super) until: Instant,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer, self.until).map_err(io::Error::other)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_all(bytes, self.until).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is in an error that passed through rustls.
pub(super) fn cause_of(error: io::Error) -> Cause {
    let kind = error.kind();
    let Some(inner) = error.into_inner() else { return Cause::Io(kind.into()) };
    match inner.downcast::<Cause>() {
        Ok(cause) => *cause,
        Err(inner) => match inner.downcast::<rustls::Error>() {
            Ok(error) => of_verifier(&error).unwrap_or(Cause::Tls(*error)),
            Err(inner) => Cause::Io(io::Error::new(kind, inner)),
        },
    }
}

/// Why the verifier could not read the trust store, if that is so.
fn of_verifier(error: &rustls::Error) -> Option<Cause> {
    let rustls::Error::Other(OtherError(inner)) = error else { return None };
    match inner.downcast_ref()? {
        Cause::Io(error) => Some(Cause::Io(io::Error::new(error.kind(), error.to_string()))),
        _ => None,
    }
}

/// TLS over a stream, after the handshake.
pub(super) struct TlsStream {
    pub(super) connection: ClientConnection,
    pub(super) under: Box<dyn Stream>,
}

impl TlsStream {
    fn flush(&mut self, until: Instant) -> Result<(), Cause> {
        let mut wire = Wire { stream: &mut *self.under, until };
        while self.connection.wants_write() {
            self.connection.write_tls(&mut wire).map_err(cause_of)?;
        }
        Ok(())
    }
}

impl Stream for TlsStream {
    fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, Cause> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result.map_err(Cause::Io),
            }
            self.connection.read_tls(&mut Wire { stream: &mut *self.under, until }).map_err(cause_of)?;
            if let Err(error) = self.connection.process_new_packets() {
                // The alert that reports the reason to the server.
                let _ = self.flush(until);
                return Err(Cause::Tls(error));
            }
            self.flush(until)?;
        }
    }

    fn write_all(&mut self, bytes: &[u8], until: Instant) -> Result<(), Cause> {
        self.connection.writer().write_all(bytes).map_err(Cause::Io)?;
        self.flush(until)
    }

    fn is_reusable(&mut self) -> bool {
        let is_empty =
            matches!(self.connection.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        is_empty && self.under.is_reusable()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("under", &self.under).finish_non_exhaustive()
    }
}
