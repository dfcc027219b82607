//! A connection as ureq uses it: its buffers, its deadline, and whether a request on it may be sent again.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::cause::{Cause, ExchangeError, Stage, is_broken};
use super::stream::Stream;
use zeroize::Zeroize;

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

thread_local! {
    static FIRST_BYTE: Cell<FirstByte> = const { Cell::new(FirstByte::Off) };
}

/// For diagnosis: from the request to the first byte of the response.
#[derive(Clone, Copy)]
enum FirstByte {
    Off,
    Idle,
    Sent(Instant),
    Came(Duration),
}

/// Measures, on this thread, how long the server of the exchange that follows takes for the first byte of its response.
pub(super) struct FirstByteTimer;

impl FirstByteTimer {
    pub(super) fn start() -> FirstByteTimer {
        FIRST_BYTE.set(FirstByte::Idle);
        FirstByteTimer
    }

    /// `None`: there was none.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        match FIRST_BYTE.get() {
            FirstByte::Came(after) => Some(after),
            _ => None,
        }
    }
}

impl Drop for FirstByteTimer {
    fn drop(&mut self) {
        FIRST_BYTE.set(FirstByte::Off);
    }
}

/// The time limit of an exchange, for everything that its connection does: connecting, writing, reading.
///
/// ureq has its own limits, but those of a single request take a copy of its whole configuration and a clock reading at
/// every step, which together are a tenth of what a request costs. An exchange runs on the thread that called it, so the
/// deadline is that thread's, until this is dropped.
pub(super) struct ExchangeDeadline(Option<Instant>);

impl ExchangeDeadline {
    pub(super) fn set(deadline: Instant) -> ExchangeDeadline {
        // A logger may start an exchange in the middle of another one, whose deadline comes back afterwards.
        ExchangeDeadline(DEADLINE.replace(Some(deadline)))
    }
}

impl Drop for ExchangeDeadline {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}

/// The deadline of this thread's exchange. Without one, it has passed.
pub(super) fn deadline() -> Instant {
    DEADLINE.get().unwrap_or_else(Instant::now)
}

/// ureq writes line by line: the longest is that of an access token of 4096 characters.
const OUTPUT: usize = 6 * 1024;

/// A read takes this much at least; the buffer grows with what has to be kept.
const INPUT: usize = 4 * 1024;

/// How much may wait to be consumed: a header (which ureq limits to 64 KB), or a line between the chunks of a body or after it.
const LINE_LIMIT: usize = 64 * 1024 + INPUT;

/// How much a response may have in all: the largest body in chunks of one byte, and then some lines.
const WIRE_LIMIT: usize = 8 << 20;

/// A connection to a server, TLS included.
///
/// It knows whether it has served a request before: if such a connection ends without a byte of a response, the server (or
/// a firewall) closed it while it was idle, and the request can go to another one at no risk.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    is_tls: bool,
    buffers: Buffer,
    has_served: bool,
    is_reused: bool,
    /// How much of the response has arrived.
    received: usize,
}

/// See [`Connection`]: the request has to go to another one.
#[derive(Debug)]
pub(super) struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server had closed the connection")
    }
}

impl std::error::Error for Stale {}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, is_tls: bool) -> Connection {
        Connection { stream, is_tls, buffers: Buffer::default(), has_served: false, is_reused: false, received: 0 }
    }

    fn failed(&self, cause: Cause) -> ureq::Error {
        match cause {
            Cause::Io(error) if self.is_reused && is_broken(&error) => ureq::Error::Other(Box::new(Stale)),
            cause => ExchangeError::at(Stage::Response, cause).into(),
        }
    }
}

/// The deadline, if it has not passed: a server that never stops sending does not hold the call.
fn in_time() -> Result<Instant, Cause> {
    let until = deadline();
    if until <= Instant::now() { Err(Cause::TimedOut) } else { Ok(until) }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.is_reused = self.has_served;
        self.received = 0;
        let request = &mut self.buffers.output[..amount];
        let result = in_time().and_then(|until| self.stream.write_all(request, until));
        // There is a token in it.
        request.zeroize();
        if !matches!(FIRST_BYTE.get(), FirstByte::Off) {
            FIRST_BYTE.set(FirstByte::Sent(Instant::now()));
        }
        result.map_err(|cause| self.failed(cause))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        if self.buffers.input().len() >= LINE_LIMIT {
            return Err(self.failed(Cause::TooLong(LINE_LIMIT)));
        }
        if self.received >= WIRE_LIMIT {
            return Err(self.failed(Cause::TooLong(WIRE_LIMIT)));
        }
        self.buffers.reserve_input()?;
        let result = in_time().and_then(|until| self.stream.read(self.buffers.input_append_buf(), until));
        let amount = result.map_err(|cause| self.failed(cause))?;
        if amount == 0 && self.is_reused {
            return Err(ureq::Error::Other(Box::new(Stale)));
        }
        self.buffers.input_appended(amount);
        self.received += amount;
        if let FirstByte::Sent(at) = FIRST_BYTE.get()
            && amount > 0
        {
            FIRST_BYTE.set(FirstByte::Came(at.elapsed()));
        }
        self.has_served |= amount > 0;
        self.is_reused &= amount == 0;
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.is_reusable()
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}

/// What goes out and what came in. ureq's own buffers take 128 KB each; these take what is needed.
#[derive(Default)]
struct Buffer {
    output: Vec<u8>,
    input: Vec<u8>,
    /// The part of `input` that is filled, and not consumed.
    from: usize,
    to: usize,
    /// Whether the last look at the input consumed some of it: else it waits for more.
    progress: bool,
}

impl Buffer {
    /// An error where there is no memory for more input: the server decides how much of it comes.
    fn reserve_input(&mut self) -> io::Result<()> {
        let missing = (self.to - self.from + INPUT).saturating_sub(self.input.len());
        self.input.try_reserve(missing).map_err(|_| io::ErrorKind::OutOfMemory.into())
    }

    /// Room for at least `least` more bytes of input.
    fn make_room(&mut self, least: usize) {
        if self.from > 0 {
            self.input.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        if self.input.len() - self.to < least {
            self.input.resize(self.to + least, 0);
        }
    }
}

impl Buffers for Buffer {
    fn output(&mut self) -> &mut [u8] {
        self.output.resize(OUTPUT, 0);
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.from..self.to]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room(INPUT);
        &mut self.input[self.to..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.to += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.from += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room(INPUT);
        self.output.resize(OUTPUT, 0);
        (&mut self.input[self.to..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.from < self.to && self.progress
    }
}

/// Not the bytes: there are tokens in them.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_within_another_has_a_deadline_of_its_own() {
        let soon = Instant::now() + Duration::from_secs(60);
        let later = soon + Duration::from_secs(60);
        let outer = ExchangeDeadline::set(soon);
        {
            let _inner = ExchangeDeadline::set(later);
            assert_eq!(deadline(), later);
        }
        assert_eq!(deadline(), soon);
        drop(outer);
        assert!(deadline() < soon);
    }

    #[test]
    fn after_the_deadline_nothing_is_read_or_written() {
        let _deadline = ExchangeDeadline::set(Instant::now());
        assert!(matches!(in_time(), Err(Cause::TimedOut)));
    }

    #[test]
    fn what_is_not_consumed_is_kept_and_moved_to_the_front() {
        let mut buffer = Buffer::default();
        assert!(buffer.input().is_empty() && !buffer.can_use_input());
        let room = buffer.input_append_buf();
        assert_eq!(room.len(), INPUT);
        room[..6].copy_from_slice(b"abcdef");
        buffer.input_appended(6);
        assert_eq!(buffer.input(), b"abcdef");
        assert!(!buffer.can_use_input(), "nothing was consumed: it waits for more");
        buffer.input_consume(4);
        assert!(buffer.input() == b"ef" && buffer.can_use_input());
        buffer.input_consume(0);
        assert!(!buffer.can_use_input());
        let room = buffer.input_append_buf();
        assert_eq!(room.len(), INPUT);
        room[..2].copy_from_slice(b"gh");
        buffer.input_appended(2);
        assert_eq!((buffer.input(), buffer.from, buffer.input.len()), (&b"efgh"[..], 0, INPUT + 2));
        buffer.input_consume(4);
        assert!(buffer.input().is_empty() && !buffer.can_use_input());
        let (room, output) = buffer.tmp_and_output();
        assert_eq!((room.len(), output.len()), (INPUT + 2, OUTPUT));
    }

    #[test]
    fn memory_is_reserved_for_what_may_come() {
        let mut buffer = Buffer::default();
        buffer.reserve_input().unwrap();
        assert!((INPUT..2 * INPUT).contains(&buffer.input.capacity()));
        buffer.input_append_buf();
        buffer.input_appended(INPUT);
        buffer.reserve_input().unwrap();
        let capacity = buffer.input.capacity();
        assert!((2 * INPUT..4 * INPUT).contains(&capacity));
        // What was consumed leaves its place to what comes.
        buffer.input_consume(INPUT);
        buffer.reserve_input().unwrap();
        assert_eq!(buffer.input.capacity(), capacity);
    }

    /// What a server sends: each read has one of these, and then the end.
    #[derive(Debug)]
    struct Script(Vec<Result<&'static [u8], io::ErrorKind>>);

    impl Stream for Script {
        fn read(&mut self, buffer: &mut [u8], _: Instant) -> Result<usize, Cause> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let bytes = self.0.remove(0).map_err(|kind| Cause::Io(kind.into()))?;
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }

        fn write_all(&mut self, bytes: &[u8], _: Instant) -> Result<(), Cause> {
            assert_eq!(bytes, b"request");
            Ok(())
        }

        fn is_reusable(&mut self) -> bool {
            self.0.is_empty()
        }
    }

    fn connection(script: &[Result<&'static [u8], io::ErrorKind>]) -> Connection {
        Connection::new(Box::new(Script(script.to_vec())), true)
    }

    fn ask(connection: &mut Connection) -> Result<(), ureq::Error> {
        connection.buffers().output()[..7].copy_from_slice(b"request");
        connection.transmit_output(7, NextTimeout::default())?;
        assert_eq!(&connection.buffers().output()[..7], [0; 7], "there is a token in it");
        let is_more = connection.await_input(NextTimeout::default())?;
        assert_eq!(is_more, !connection.buffers().input().is_empty());
        let amount = connection.buffers().input().len();
        connection.buffers().input_consume(amount);
        Ok(())
    }

    #[test]
    fn lines_and_responses_without_an_end_are_too_long() {
        let _deadline = ExchangeDeadline::set(Instant::now() + Duration::from_secs(60));
        let limit_of = |consumes: bool| {
            let mut connection = connection(&[Ok(&[b'x'; INPUT][..]); WIRE_LIMIT / INPUT + 1]);
            loop {
                match connection.await_input(NextTimeout::default()) {
                    Ok(_) if consumes => connection.buffers().input_consume(INPUT),
                    Ok(is_more) => assert!(is_more),
                    Err(ureq::Error::Other(why)) => match why.downcast_ref() {
                        Some(ExchangeError { cause: Cause::TooLong(limit), .. }) => return *limit,
                        _ => panic!("{why}"),
                    },
                    Err(error) => panic!("{error}"),
                }
            }
        };
        assert_eq!((limit_of(false), limit_of(true)), (LINE_LIMIT, WIRE_LIMIT));
    }

    #[test]
    fn a_request_goes_elsewhere_only_if_an_idle_connection_was_closed() {
        let _deadline = ExchangeDeadline::set(Instant::now() + Duration::from_secs(60));
        let is_stale = |result: Result<(), ureq::Error>| match result {
            Err(ureq::Error::Other(why)) => Some(why.is::<Stale>()),
            Err(_) => Some(false),
            Ok(()) => None,
        };
        let reset = || Err(io::ErrorKind::ConnectionReset);
        // The first request on a connection.
        assert_eq!(is_stale(ask(&mut connection(&[]))), None, "the end");
        assert_eq!(is_stale(ask(&mut connection(&[reset()]))), Some(false));
        // A later one: the end, a reset, another error, and one after the first bytes of the response.
        for (then, expected) in [
            (&[][..], Some(true)),
            (&[reset()], Some(true)),
            (&[Err(io::ErrorKind::PermissionDenied)], Some(false)),
            (&[Ok(&b"HTTP"[..]), reset()], None),
        ] {
            let mut connection = connection(&[&[Ok(&b"response"[..])], then].concat());
            assert_eq!(is_stale(ask(&mut connection)), None);
            assert_eq!(is_stale(ask(&mut connection)), expected, "{then:?}");
            if expected.is_none() {
                let result = connection.await_input(NextTimeout::default()).map(|_| ());
                assert_eq!(is_stale(result), Some(false));
            }
        }
        assert_eq!(Stale.to_string(), "the server had closed the connection");
        assert!(!Connection::new(Box::new(Script(Vec::new())), false).is_tls());
        assert!(connection(&[]).is_tls() && connection(&[]).is_open() && !connection(&[reset()]).is_open());
        assert!(is_broken(&io::ErrorKind::BrokenPipe.into()) && !is_broken(&io::ErrorKind::PermissionDenied.into()));
    }
}
