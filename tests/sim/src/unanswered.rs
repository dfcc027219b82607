//! A server that does not answer, not even to a connection.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A listener whose backlog is full.
pub struct Unanswered {
    listener: Socket,
    _queued: Vec<Socket>,
}

impl Unanswered {
    /// Begins to listen on an address, such as `127.0.0.1:0`.
    pub fn new(address: &str) -> Unanswered {
        let address: SocketAddr = address.parse().unwrap();
        let socket = || Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let there = listener.local_addr().unwrap();
        // The kernel accepts the first connection by itself, and no other.
        let first = socket();
        first.connect(&there).unwrap();
        let others = (0..3).map(|_| {
            let queued = socket();
            queued.set_nonblocking(true).unwrap();
            let _ = queued.connect(&there);
            queued
        });
        let queued = std::iter::once(first).chain(others).collect();
        Unanswered { listener, _queued: queued }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap().as_socket().unwrap()
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}
