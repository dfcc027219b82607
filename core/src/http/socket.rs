//! The socket: bytes in and out under a deadline, and the one wait for "ready, too late, or cancelled".
//!
//! All sockets are non-blocking, and every wait is a `poll()` over the socket and the descriptor of [`Signal`]. So a
//! cancel ends it at once, and it ends on time: `SO_RCVTIMEO`, which blocking sockets have instead, rides on the
//! kernel's coarse timers and is up to an eighth of its length late.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::cause::Cause;
use super::stream::Stream;
use crate::activity::{Activity, count};
use crate::cancel::{self, Signal};
use crate::descriptor::Descriptor;

/// Waits until one of the sockets is ready to be read from or to be written to, the deadline, or a cancel.
pub(crate) fn wait(signal: &Signal, sockets: &[&TcpStream], flags: PollFlags, until: Instant) -> Result<(), Cause> {
    let of_call = cancel::signal_of_call()?;
    let mut descriptors: Vec<PollFd> = Vec::with_capacity(sockets.len() + 2);
    descriptors.push(PollFd::new(signal.descriptor(), PollFlags::IN));
    descriptors.extend(of_call.iter().map(|signal| PollFd::new(signal.descriptor(), PollFlags::IN)));
    let signals = descriptors.len();
    descriptors.extend(sockets.iter().map(|socket| PollFd::new(*socket, flags)));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // Also where a socket is ready: one that always is must not hold a call beyond its limit.
        if left.is_zero() {
            return Err(Cause::TimedOut);
        }
        // At most an hour at a time: some systems' clocks overflow.
        let limit = left.min(Duration::from_secs(3600));
        let timeout = Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(0) if limit < left => {}
            Ok(0) => return Err(Cause::TimedOut),
            Ok(_) if descriptors[..signals].iter().any(|signal| !signal.revents().is_empty()) => {
                return Err(Cause::Cancelled);
            }
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Cause::Io(error.into())),
        }
    }
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Descriptor<TcpStream>,
    signal: Arc<Signal>,
    /// The last read returned all there was, so that no further read is needed right after it.
    is_drained: bool,
    /// Where its bytes are counted.
    activity: Option<Arc<Activity>>,
}

impl Socket {
    /// `stream` is connected, and non-blocking.
    pub(crate) fn new(stream: Descriptor<TcpStream>, signal: Arc<Signal>) -> Socket {
        Socket { stream, signal, is_drained: false, activity: None }
    }

    /// Counts the bytes of the connection.
    pub(super) fn counted(self, activity: &Arc<Activity>) -> Socket {
        Socket { activity: Some(activity.clone()), ..self }
    }
}

impl Stream for Socket {
    fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, Cause> {
        loop {
            wait(&self.signal, &[&self.stream], PollFlags::IN, until)?;
            match self.stream.read(buffer) {
                Ok(amount) => {
                    self.is_drained = (1..buffer.len()).contains(&amount);
                    if let Some(activity) = &self.activity {
                        count(&activity.bytes_received, amount as u64);
                    }
                    return Ok(amount);
                }
                Err(error) if is_not_ready(&error) => {}
                Err(error) => return Err(Cause::Io(error)),
            }
        }
    }

    fn write_all(&mut self, mut bytes: &[u8], until: Instant) -> Result<(), Cause> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(Cause::Io(io::ErrorKind::WriteZero.into())),
                Ok(amount) => {
                    bytes = &bytes[amount..];
                    if let Some(activity) = &self.activity {
                        count(&activity.bytes_sent, amount as u64);
                    }
                }
                Err(error) if is_not_ready(&error) => {
                    wait(&self.signal, &[&self.stream], PollFlags::OUT, until)?;
                }
                Err(error) => return Err(Cause::Io(error)),
            }
        }
        Ok(())
    }

    fn is_reusable(&mut self) -> bool {
        if std::mem::take(&mut self.is_drained) {
            return true;
        }
        matches!(self.stream.peek(&mut [0]), Err(error) if is_not_ready(&error))
    }
}

fn is_not_ready(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use std::net::TcpListener;

    fn pair(cancel: &Cancel) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        (Socket::new(Descriptor::open(|| Ok(stream)).unwrap(), cancel.signal().unwrap()), listener.accept().unwrap().0)
    }

    fn soon(limit: Duration) -> Instant {
        Instant::now() + limit
    }

    #[test]
    fn a_read_ends_on_time() {
        let (mut socket, _other) = pair(&Cancel::default());
        let limit = Duration::from_millis(200);
        let (took, result) = zmd_sim::timed(|| socket.read(&mut [0; 8], soon(limit)));
        assert!(matches!(result, Err(Cause::TimedOut)), "{result:?}");
        assert!(took.at_least(limit) && took.at_most(limit + Duration::from_millis(50)), "{took:?}");
    }

    #[test]
    fn what_is_there_is_not_read_after_the_limit() {
        let (mut socket, mut other) = pair(&Cancel::default());
        other.write_all(b"hello").unwrap();
        assert_eq!(socket.read(&mut [0; 1], soon(Duration::from_secs(10))).unwrap(), 1);
        let result = socket.read(&mut [0; 1], Instant::now());
        assert!(matches!(result, Err(Cause::TimedOut)), "{result:?}");
    }

    #[test]
    fn a_connection_that_was_reset_is_an_error_each_way() {
        let (mut socket, other) = pair(&Cancel::default());
        socket2::SockRef::from(&other).set_linger(Some(Duration::ZERO)).unwrap();
        drop(other);
        let result = socket.read(&mut [0; 8], soon(Duration::from_secs(10)));
        assert!(
            matches!(&result, Err(Cause::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset),
            "{result:?}"
        );
        let result = socket.write_all(b"x", soon(Duration::from_secs(10)));
        assert!(matches!(&result, Err(Cause::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe), "{result:?}");
        assert!(!socket.is_reusable());
    }

    #[test]
    fn a_cancel_ends_a_read_and_every_later_one() {
        let cancel = Cancel::default();
        let (mut socket, mut other) = pair(&cancel);
        std::thread::scope(|scope| {
            let read = scope.spawn(|| socket.read(&mut [0; 8], soon(Duration::from_secs(10))));
            // A byte too many for a cancel that comes before the wait does no harm either.
            cancel.cancel();
            cancel.cancel();
            assert!(matches!(read.join().unwrap(), Err(Cause::Cancelled)));
        });
        other.write_all(b"x").unwrap();
        assert!(matches!(socket.read(&mut [0; 8], soon(Duration::from_secs(10))), Err(Cause::Cancelled)));
    }

    #[test]
    fn a_cancel_before_the_first_connection_counts() {
        let cancel = Cancel::default();
        cancel.cancel();
        let (mut socket, _other) = pair(&cancel);
        assert!(matches!(socket.read(&mut [0; 8], soon(Duration::from_secs(10))), Err(Cause::Cancelled)));
    }

    #[test]
    fn a_full_socket_is_waited_for() {
        let (mut socket, _other) = pair(&Cancel::default());
        let result = socket.write_all(&vec![0; 32 << 20], soon(Duration::from_millis(200)));
        assert!(matches!(result, Err(Cause::TimedOut)), "{result:?}");
    }

    #[test]
    fn a_connection_that_was_closed_or_has_something_to_say_is_not_reused() {
        let (mut socket, mut other) = pair(&Cancel::default());
        assert!(socket.is_reusable());
        other.write_all(b"hello").unwrap();
        assert_eq!(socket.read(&mut [0; 5], soon(Duration::from_secs(5))).unwrap(), 5);
        assert!(socket.is_reusable());
        other.write_all(b"hello").unwrap();
        while socket.is_reusable() {
            std::thread::yield_now();
        }
        assert_eq!(socket.read(&mut [0; 8], soon(Duration::from_secs(5))).unwrap(), 5);
        drop(other);
        // Right after the read there is no further read; after that the end is detected.
        socket.is_reusable();
        while socket.is_reusable() {
            std::thread::yield_now();
        }
    }
}
