//! What the fuzz targets share: a server on this machine that plays the fuzzer's bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use zmd_core::{Client, Config, Error, ErrorKind, JobId, ModuleName, Status};

pub const TOKEN: &str = "1000.fuzzfuzzfuzzfuzz.fuzzfuzzfuzzfuzz";

/// A call's limit, and how much later than that it may return: the machine may be busy.
pub const LIMIT: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(5);

/// Sends bytes to every client.
pub struct Server {
    pub url: String,
    responses: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    pub fn start() -> &'static Server {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
            let responses = Arc::new(Mutex::new(Vec::new()));
            let listener = Arc::new(listener);
            // A connection that is kept must not hold up the next one. No thread ends: LeakSanitizer, which runs now and then,
            // would report what one that is ending has not freed yet.
            for _ in 0..8 {
                let (listener, responses) = (listener.clone(), responses.clone());
                thread::spawn(move || {
                    for stream in listener.incoming().flatten() {
                        let responses: Vec<Vec<u8>> = responses.lock().unwrap().clone();
                        let _ = serve(stream, &responses);
                    }
                });
            }
            Server { url, responses }
        })
    }

    /// What the requests of a connection get in response, one after the other.
    pub fn play(&self, responses: impl IntoIterator<Item = Vec<u8>>) {
        *self.responses.lock().unwrap() = responses.into_iter().collect();
    }
}

fn serve(mut stream: TcpStream, responses: &[Vec<u8>]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut buffer = [0; 8192];
    for response in responses {
        if stream.read(&mut buffer)? == 0 {
            break;
        }
        stream.write_all(response)?;
    }
    // A close with unread bytes would be a reset, which may overtake the response.
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// `body` as a whole response.
pub fn http(status: u16, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A client of the server.
pub fn client(more: &[(&str, &str)]) -> Result<Client, Error> {
    let server = Server::start();
    let mut config = Config::new();
    let limit = LIMIT.as_millis().to_string();
    let own = [("api_domain", &*server.url), ("timeout_ms", &limit), ("max_retries", "0"), ("proxy", "none")];
    for (key, value) in own.iter().chain(more) {
        config.set(key, value)?;
    }
    Client::new(&config)
}

/// Queries a status. However the server behaves, the call returns on time, with a status or an error in one line that does not
/// show the token.
pub fn query(client: &Client) -> Result<Status, Error> {
    let begin = std::time::Instant::now();
    let result = client.status(&ModuleName::parse("Leads").unwrap(), &JobId::parse("1001").unwrap());
    assert!(begin.elapsed() < LIMIT + LATE, "{:?}", begin.elapsed());
    if let Err(error) = &result {
        check(error);
    }
    result
}

pub fn check(error: &Error) {
    assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(!error.message().is_empty());
    assert!(!error.message().contains(|c: char| c.is_control()), "{error:?}");
    assert!(!error.message().contains(TOKEN), "{error:?}");
}

/// A file of this process with these bytes, as a private file is.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let shared = std::path::Path::new("/dev/shm");
        let parent = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        let directory = parent.join(format!("zmd-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        directory
    });
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}
