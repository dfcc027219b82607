//! Connects to the first address that responds: Happy Eyeballs (RFC 8305).
//!
//! The addresses of both families take turns. The next one is tried when one fails, or has not responded within
//! 250 ms; the first that connects wins, and the others are closed.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::{Domain, Protocol, SockRef, Socket as Socket2, TcpKeepalive, Type};

use super::cause::Cause;
use super::socket::{Socket, wait};
use crate::cancel::Cancel;
use crate::descriptor::Descriptor;

/// RFC 8305, section 8, "Connection Attempt Delay".
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// How long sent bytes may stay without an acknowledgement before the connection is given up: a firewall that has
/// forgotten an idle connection drops them silently. Linux and Android only; other systems notice after their
/// own limit, which can be minutes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// After how long an idle connection is probed, so that firewalls remember it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A connection to one of the addresses.
pub(crate) fn connect(addresses: &[SocketAddr], until: Instant, cancel: &Cancel) -> Result<Socket, Cause> {
    let signal = cancel.signal()?;
    let mut waiting = interleave(addresses).into_iter();
    let mut attempts: Vec<Descriptor<TcpStream>> = Vec::new();
    let mut tried = 0;
    let mut last: Option<io::Error> = None;
    let mut next_at = Instant::now();
    loop {
        while next_at <= Instant::now() {
            let Some(address) = waiting.next() else { break };
            tried += 1;
            log::trace!("connecting to {address}");
            match begin(address) {
                Ok(stream) => {
                    attempts.push(stream);
                    next_at = Instant::now() + NEXT_AFTER;
                }
                // The next one at once.
                Err(error) => last = Some(error),
            }
        }
        if attempts.is_empty() {
            let last = last.unwrap_or_else(|| io::ErrorKind::NotConnected.into());
            return Err(Cause::Unreachable { tried, last });
        }
        let until_next = if waiting.len() == 0 { until } else { next_at.min(until) };
        let sockets: Vec<&TcpStream> = attempts.iter().map(|attempt| &**attempt).collect();
        match wait(&signal, &sockets, PollFlags::OUT, until_next) {
            Err(Cause::TimedOut) if until_next < until => continue,
            Err(cause) => return Err(cause),
            Ok(()) => {}
        }
        let mut index = 0;
        while index < attempts.len() {
            match state_of(&attempts[index]) {
                State::Connected => {
                    let stream = attempts.swap_remove(index);
                    if let Ok(address) = stream.peer_addr() {
                        log::debug!("connected to {address}");
                    }
                    prepare(&stream);
                    return Ok(Socket::new(stream, signal));
                }
                State::Connecting => index += 1,
                State::Failed(error) => {
                    attempts.swap_remove(index);
                    last = Some(error);
                    next_at = Instant::now();
                }
            }
        }
    }
}

/// The families take turns, beginning with that of the first address; each keeps its order.
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (same, other): (Vec<SocketAddr>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut both = Vec::with_capacity(addresses.len());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    while both.len() < addresses.len() {
        both.extend(same.next());
        both.extend(other.next());
    }
    both
}

/// An attempt in progress.
fn begin(address: SocketAddr) -> io::Result<Descriptor<TcpStream>> {
    let opened = || Socket2::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map(TcpStream::from);
    let stream: Descriptor<TcpStream> = Descriptor::open(opened)?;
    stream.set_nonblocking(true)?;
    match SockRef::from(&*stream).connect(&address.into()) {
        Ok(()) => {}
        Err(error) if is_under_way(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(stream)
}

/// On Windows that is `WouldBlock`; elsewhere, `WouldBlock` says that no local port is free.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    return matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR));
    #[cfg(not(unix))]
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

enum State {
    Connecting,
    Connected,
    Failed(io::Error),
}

fn state_of(stream: &TcpStream) -> State {
    match stream.take_error() {
        Ok(Some(error)) | Err(error) => State::Failed(error),
        Ok(None) => match stream.peer_addr() {
            Ok(_) => State::Connected,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => State::Connecting,
            Err(error) => State::Failed(error),
        },
    }
}

/// What can't be set is left as the system has it: the connection works without.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

#[cfg(test)]
mod tests {
    use super::super::stream::Stream;
    use super::*;
    use std::net::TcpListener;
    use zmd_sim::{Took, Unanswered, timed};

    fn refused(address: &str) -> SocketAddr {
        TcpListener::bind(address).unwrap().local_addr().unwrap()
    }

    fn race(addresses: &[SocketAddr], limit: Duration) -> (Took, Result<Socket, Cause>) {
        timed(|| connect(addresses, Instant::now() + limit, &Cancel::default()))
    }

    const SECONDS: Duration = Duration::from_secs(5);

    /// With EAGAIN nothing is in progress: waiting for it would never end.
    #[cfg(unix)]
    #[test]
    fn an_attempt_without_a_free_port_has_failed() {
        let is_under_way = |number| is_under_way(&io::Error::from_raw_os_error(number));
        assert!(is_under_way(libc::EINPROGRESS) && is_under_way(libc::EINTR));
        assert!(!is_under_way(libc::EAGAIN) && !is_under_way(libc::ECONNREFUSED));
    }

    #[test]
    fn families_take_turns() {
        let [a, b, c, d] = ["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "[::1]:1"].map(|text| text.parse().unwrap());
        assert_eq!(interleave(&[a, b, c, d]), [a, d, b, c]);
        assert_eq!(interleave(&[d, a, b]), [d, a, b]);
        assert_eq!(interleave(&[]), []);
    }

    #[test]
    fn an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead = Unanswered::new("[::1]:0");
        let (took, result) = race(&[dead.address(), open.local_addr().unwrap()], SECONDS);
        assert!(result.unwrap().is_reusable());
        assert!(took.at_least(NEXT_AFTER) && took.at_most(NEXT_AFTER * 2), "{took:?}");
        let (took, result) = race(&[open.local_addr().unwrap(), dead.address()], SECONDS);
        assert!(result.is_ok() && took.at_most(NEXT_AFTER), "{took:?}");
    }

    #[test]
    fn an_address_that_refuses_costs_nothing() {
        let open = TcpListener::bind("[::1]:0").unwrap();
        let (took, result) = race(&[refused("127.0.0.1:0"), open.local_addr().unwrap()], SECONDS);
        assert!(result.is_ok() && took.at_most(NEXT_AFTER), "{took:?}");
    }

    #[test]
    fn one_refused_and_one_unanswered_take_the_whole_limit_in_either_order() {
        let dead = Unanswered::new("127.0.0.1:0");
        let closed = refused("[::1]:0");
        for addresses in [[dead.address(), closed], [closed, dead.address()]] {
            let limit = Duration::from_millis(600);
            let (took, result) = race(&addresses, limit);
            assert!(matches!(result, Err(Cause::TimedOut)), "{result:?}");
            assert!(took.at_least(limit) && took.at_most(limit + Duration::from_millis(50)), "{took:?}");
        }
    }

    #[test]
    fn when_all_refuse_the_number_and_the_last_reason_are_there() {
        let (took, result) = race(&[refused("127.0.0.1:0"), refused("[::1]:0")], SECONDS);
        let Err(Cause::Unreachable { tried: 2, last }) = result else { panic!("{result:?}") };
        assert_eq!(last.kind(), io::ErrorKind::ConnectionRefused);
        assert!(took.at_most(NEXT_AFTER), "{took:?}");
    }

    #[test]
    fn a_cancel_ends_an_unanswered_connect_at_once() {
        let dead = Unanswered::new("127.0.0.1:0");
        let cancel = Cancel::default();
        let until = Instant::now() + Duration::from_secs(3600);
        std::thread::scope(|scope| {
            let attempt = scope.spawn(|| timed(|| connect(&[dead.address()], until, &cancel)));
            std::thread::sleep(Duration::from_millis(100));
            let (cause, ()) = timed(|| cancel.cancel());
            let (took, result) = attempt.join().unwrap();
            assert!(matches!(result, Err(Cause::Cancelled)));
            let took = took.since(&cause);
            assert!(took.at_most(Duration::from_millis(100)), "{took:?}");
        });
    }

    #[test]
    fn an_attempt_that_the_system_refuses_has_failed() {
        // A broadcast address: not a packet is sent.
        assert!(begin("255.255.255.255:9".parse().unwrap()).is_err());
    }

    #[test]
    fn a_connection_sends_at_once_and_is_kept_alive() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        prepare(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
    }
}
