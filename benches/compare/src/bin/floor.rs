//! The floor: what a query costs at least. TLS by rustls over one blocking socket, a request of fixed bytes, an answer
//! that is looked at only for its end. No settings, no time limits, no errors but a panic.
//!
//! It is run as every program of the comparison: see `peers/bench.h`.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

struct Peer {
    stream: StreamOwned<ClientConnection, TcpStream>,
    request: Vec<u8>,
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

impl Peer {
    fn open() -> Peer {
        let mut roots = RootCertStore::empty();
        let file = env("SSL_CERT_FILE");
        roots.add_parsable_certificates(rustls_native_certs::load_certs_from_paths(Some(file.as_ref()), None).certs);
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let url = env("BENCH_URL");
        let authority = url.strip_prefix("https://").expect("https");
        let host = authority.split(':').next().unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let tcp = TcpStream::connect(authority).unwrap();
        tcp.set_nodelay(true).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let path = format!("/crm/v7/{}/actions/mass_delete?job_id={}", env("BENCH_MODULE"), env("BENCH_JOB"));
        let token = env("BENCH_TOKEN");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: floor\r\nAccept: application/json\r\n\
             Authorization: Zoho-oauthtoken {token}\r\n\r\n"
        );
        Peer { stream: StreamOwned::new(connection, tcp), request: request.into_bytes() }
    }

    fn query(&mut self) {
        self.stream.write_all(&self.request).unwrap();
        let mut buffer = [0; 4096];
        let mut length = 0;
        while !buffer[..length].ends_with(b"}]}") {
            let amount = self.stream.read(&mut buffer[length..]).unwrap();
            assert_ne!(amount, 0, "the server closed the connection");
            length += amount;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..length]));
    }
}

fn cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn main() {
    let start = Instant::now();
    if let Some(count) = std::env::args().nth(1) {
        let mut peer = Peer::open();
        peer.query();
        println!("{}", start.elapsed().as_nanos());
        (1..count.parse().expect("a number of queries")).for_each(|_: u32| peer.query());
        return;
    }
    let mut peer = Peer::open();
    for line in std::io::stdin().lock().lines() {
        let count: usize = line.unwrap().parse().expect("a number of queries");
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let (wall, cpu) = (Instant::now(), cpu_ns());
            peer.query();
            took.push((wall.elapsed().as_nanos(), cpu_ns() - cpu));
        }
        let mut out = std::io::stdout().lock();
        took.iter().for_each(|(wall, cpu)| writeln!(out, "{wall} {cpu}").unwrap());
    }
}
