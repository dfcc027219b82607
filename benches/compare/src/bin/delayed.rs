//! A server for the curves of scale: every request is answered with a job that has completed, after a pause.
//!
//! ```text
//! delayed PORT CERTIFICATE_PEM KEY_PEM PAUSE_IN_MICROSECONDS
//! ```
//!
//! A thread for each connection, which does nothing but read, sleep and write, with a timer that is not rounded: it costs
//! less than the clients that it serves. Its own cost is in the results: `compare.py` asks it with a pause of 0.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const BODY: &str = r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}"#;

fn serve(config: Arc<ServerConfig>, tcp: TcpStream, pause: Duration, answer: &[u8]) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    // Else a sleep is up to 50 microseconds too long.
    rustix::thread::set_current_timer_slack(std::num::NonZero::new(1))?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).map_err(std::io::Error::other)?, tcp);
    let mut buffer = [0; 8192];
    let mut length = 0;
    loop {
        match stream.read(&mut buffer[length..])? {
            0 => return Ok(()),
            amount => length += amount,
        }
        // One request at a time is under way: no client of HTTP/1.1 here sends another before the answer.
        if buffer[..length].ends_with(b"\r\n\r\n") {
            length = 0;
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            stream.write_all(answer)?;
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, certificate, key, pause] = &*arguments else {
        panic!("usage: delayed PORT CERTIFICATE_PEM KEY_PEM PAUSE_IN_MICROSECONDS");
    };
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let config = Arc::new(config);
    let pause = Duration::from_micros(pause.parse().expect("a number of microseconds"));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", BODY.len());
    let answer: Arc<[u8]> = (head + BODY).into_bytes().into();
    let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port"))).unwrap();
    for tcp in listener.incoming() {
        let (config, answer) = (config.clone(), answer.clone());
        let serve = move || serve(config, tcp?, pause, &answer);
        // Errors are connections that the client has closed.
        std::thread::Builder::new().stack_size(128 << 10).spawn(serve).unwrap();
    }
}
