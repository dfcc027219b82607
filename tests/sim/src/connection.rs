//! One connection, from its acceptance to its end, on its own thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::at_accept::AtAccept;
use crate::http::{Answer, fill, read_request};
use crate::script::{Ending, Script, Step};
use crate::server::{InFlight, Phase, Server};

pub(crate) fn serve(server: &Arc<Server>, id: usize, tcp: TcpStream, at_accept: AtAccept) {
    // A byte that is sent alone must not be delayed. It fails if the peer has closed the connection
    // already.
    let _ = tcp.set_nodelay(true);
    let mut stream = match (&server.settings.tls, at_accept) {
        (Some(config), AtAccept::Serve) => Stream::tls(config, tcp),
        _ => Stream::Plain(tcp),
    };
    let ending = match at_accept.script() {
        None => serve_requests(server, id, &mut stream),
        Some(script) => play(server, id, &mut stream, &script, None),
    };
    // An error means that the peer, or the Sim, has ended it.
    stream.end(ending.unwrap_or(Ending::Cut));
    // This drops the other handle to the socket: an RST is sent when the last one, that of this
    // thread, is dropped.
    server.forget(id);
}

/// Serves requests until the connection is to end in the way returned.
fn serve_requests(server: &Arc<Server>, id: usize, stream: &mut Stream) -> io::Result<Ending> {
    let mut buffer = Vec::new();
    let mut doomed = false;
    let mut nth = 0;
    loop {
        if buffer.is_empty() {
            if nth > 0 {
                server.set_phase(id, Phase::Idle);
            }
            fill(stream, &mut buffer)?;
        }
        server.set_phase(id, Phase::Busy);
        let request = match read_request(stream, &mut buffer) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let page = format!("<html><body><h1>400 Bad Request</h1>{error}</body></html>\n");
                let answer = Answer::html(400, page).script();
                play(server, id, stream, &answer, None)?;
                return Ok(Ending::Close);
            }
            request => request?,
        };
        nth += 1;
        let (script, in_flight) = server.respond(&request, nth, doomed);
        let delay = server.state().delay;
        server.pause(delay)?;
        let ending = play(server, id, stream, &script, Some(in_flight))?;
        match ending {
            Ending::KeepAlive => {}
            Ending::CloseOnNext => doomed = true,
            Ending::Close | Ending::Cut | Ending::Reset => return Ok(ending),
        }
    }
}

/// Runs a script. Nothing else writes to a connection.
fn play(
    server: &Server,
    id: usize,
    stream: &mut Stream,
    script: &Script,
    mut in_flight: Option<InFlight>,
) -> io::Result<Ending> {
    let last = script.last_send();
    for (index, step) in script.steps.iter().enumerate() {
        if last == Some(index) {
            // After these bytes the client may send its next request, and a test may read the
            // counters.
            in_flight.take();
            if script.keeps_alive() {
                server.set_phase(id, Phase::Answering);
            }
        }
        match step {
            Step::Send(bytes) => stream.send(bytes)?,
            Step::Drip(bytes, pause) => {
                for byte in bytes.chunks(1) {
                    stream.send(byte)?;
                    server.pause(*pause)?;
                }
            }
            Step::Repeat(bytes, pause) => loop {
                stream.send(bytes)?;
                server.pause(*pause)?;
            },
            Step::Finish => stream.tcp().shutdown(Shutdown::Write)?,
            Step::Stall => wait_for_close(stream.tcp())?,
        }
    }
    Ok(script.ending)
}

/// Waits until the peer closes its end, or the Sim shuts the connection down.
fn wait_for_close(mut tcp: &TcpStream) -> io::Result<()> {
    io::copy(&mut tcp, &mut io::sink())?;
    Ok(())
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn tls(config: &Arc<ServerConfig>, tcp: TcpStream) -> Stream {
        let session = ServerConnection::new(Arc::clone(config)).expect("the configuration is sound");
        Stream::Tls(Box::new(StreamOwned::new(session, tcp)))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    /// Writes bytes as one packet, or one TLS record, where they fit.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => {
                tls.write_all(bytes)?;
                tls.flush()
            }
        }
    }

    /// Ends the connection. An RST still waits for the last handle to the socket to be dropped.
    fn end(&mut self, ending: Ending) {
        // All of this fails if the peer has closed the connection first.
        if let (Ending::Close, Stream::Tls(tls)) = (ending, &mut *self) {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        let _ = match ending {
            Ending::Reset => SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO)),
            _ => self.tcp().shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}
