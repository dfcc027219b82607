//! The handle that a test holds.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::at_accept::AtAccept;
use crate::clock::Clock;
use crate::http::Request;
use crate::job::Job;
use crate::reply::Reply;
use crate::server::{Listener, PATIENCE, Server, Settings};
use crate::tls::{PemFiles, Tls};
use crate::tokens::{Grant, Tokens};

/// A stand-in for the service, which listens on a port of 127.0.0.1.
///
/// Dropping it closes every connection, stalled ones too, joins its threads and deletes its files.
///
/// A process that forks while it has a `Sim` gives the child the sockets: closing and stopping
/// still work, as they shut sockets down, but an RST waits until the child has closed its copy or
/// called `exec`. The child has none of the threads: it must not drop its copy of the `Sim`, so it
/// leaves with `_exit`.
pub struct Sim {
    server: Arc<Server>,
    listener: Mutex<Option<Listener>>,
    address: SocketAddr,
    files: Option<PemFiles>,
    /// Keeps the port ours while no one listens.
    _reservation: Option<Socket>,
}

impl Sim {
    /// Starts one without TLS on a free port.
    pub fn start() -> Sim {
        Sim::builder().start()
    }

    /// The choices that must be made before the start.
    pub fn builder() -> Builder {
        Builder {
            tls: false,
            port: 0,
            clock: Clock::real(),
            grant: None,
            api_domain: None,
            token_lifetime: Duration::from_secs(3600),
            expires_in_milliseconds: false,
            max_in_flight: usize::MAX,
            delay: Duration::ZERO,
        }
    }

    /// The base URL of both endpoints: `http://127.0.0.1:PORT`, with TLS `https://localhost:PORT`.
    pub fn url(&self) -> String {
        url(self.files.is_some(), self.port())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The PEM file of the certificate authority. Panics without TLS, like the next two.
    pub fn ca_file(&self) -> &Path {
        &self.files().ca
    }

    /// The PEM file of the server's certificate, for `localhost`, `api.zmd.test`,
    /// `accounts.zmd.test`, 127.0.0.1 and ::1.
    pub fn cert_file(&self) -> &Path {
        &self.files().cert
    }

    /// The PEM file of the certificate's key.
    pub fn key_file(&self) -> &Path {
        &self.files().key
    }

    fn files(&self) -> &PemFiles {
        self.files.as_ref().expect("a Sim without TLS has no certificates")
    }

    /// The clock that jobs and tokens go by.
    pub fn clock(&self) -> &Clock {
        &self.server.settings.clock
    }

    /// Adds a job, which begins now. One of the same module and id is replaced.
    pub fn add_job(&self, module: &str, id: &str, job: Job) {
        let added = self.clock().now();
        let key = (module.to_owned(), id.to_owned());
        self.server.state().jobs.insert(key, (job, added));
    }

    /// Makes a token valid for ever.
    pub fn accept_token(&self, token: &str) {
        self.server.state().tokens.accept(token);
    }

    /// Makes a token invalid from now on, wherever it came from.
    pub fn revoke_token(&self, token: &str) {
        self.server.state().tokens.revoke(token);
    }

    /// Makes every token valid that is not revoked.
    pub fn accept_any_token(&self) {
        self.server.state().tokens.accept_any();
    }

    /// Queues a reply: the next status requests get the queued ones in order, whatever they ask.
    pub fn next(&self, reply: Reply) {
        let reply = reply.checked();
        self.server.state().next.push_back(reply);
    }

    /// Queues a reply for the accounts paths.
    pub fn next_token(&self, reply: Reply) {
        let reply = reply.checked();
        self.server.state().next_token.push_back(reply);
    }

    /// What happens to the connections that are accepted from now on. To a client, a connection is
    /// there before it is accepted.
    pub fn at_accept(&self, at_accept: AtAccept) {
        self.server.state().at_accept = at_accept;
    }

    /// From now on, a connection is closed without a byte when its second request has arrived: a
    /// pooled connection gone stale.
    pub fn close_second_request(&self, close: bool) {
        self.server.state().close_second_request = close;
    }

    /// The connections accepted since the start. One that has got any answer is among them; one that
    /// is only connected may not be yet.
    pub fn connections(&self) -> usize {
        self.server.state().connections
    }

    /// The requests that arrived, but for those to the accounts paths.
    pub fn requests(&self) -> usize {
        self.server.state().requests
    }

    /// The requests to the accounts paths that arrived.
    pub fn token_requests(&self) -> usize {
        self.server.state().token_requests
    }

    /// The most status requests that were being answered at one moment.
    ///
    /// One counts from its arrival to just before the last bytes of the answer, so a client which
    /// has an answer is not counted for it any more. Where the answer never ends, it counts until
    /// the client closes.
    pub fn in_flight_peak(&self) -> usize {
        self.server.state().in_flight_peak
    }

    /// The status requests that were refused, as there were too many at one moment.
    pub fn refused(&self) -> usize {
        self.server.state().refused
    }

    /// The last request that arrived, at whichever endpoint.
    pub fn last_request(&self) -> Option<Request> {
        self.server.state().recorded.back().cloned()
    }

    /// The requests that arrived at both endpoints, in order; of more than 10,000 the last ones.
    pub fn all_requests(&self) -> Vec<Request> {
        self.server.state().recorded.iter().cloned().collect()
    }

    /// Closes every connection that waits between two requests, and returns when that is done.
    pub fn close_idle(&self) {
        self.server.close_idle();
    }

    /// Makes every open connection dead without a word, as a firewall does that has forgotten them: what the client
    /// sends on them gets no acknowledgement. Linux only.
    pub fn lose_connections(&self) {
        self.server.lose_connections();
    }

    /// Blocks until that many status requests have arrived since the start. Panics after 10
    /// seconds.
    pub fn wait_for_requests(&self, count: usize) {
        let arrived = self.server.wait_until(PATIENCE, |state| state.requests >= count);
        assert!(arrived, "{} of {count} requests arrived in {PATIENCE:?}", self.requests());
    }

    /// Stops listening: connecting is refused until [`listen_again`](Sim::listen_again). Open
    /// connections stay, and so does the port.
    pub fn stop_listening(&self) {
        if let Some(listener) = self.listener().take() {
            listener.stop();
        }
    }

    /// Listens again on the same port.
    pub fn listen_again(&self) {
        let mut listener = self.listener();
        if listener.is_none() {
            let started = TcpListener::bind(self.address).and_then(|socket| Listener::start(socket, &self.server));
            *listener = Some(started.expect("the port is ours"));
        }
    }

    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop_listening();
        self.server.stop();
    }
}

/// The choices that must be made before a [`Sim`] starts.
pub struct Builder {
    tls: bool,
    port: u16,
    clock: Clock,
    grant: Option<Grant>,
    api_domain: Option<String>,
    token_lifetime: Duration,
    expires_in_milliseconds: bool,
    max_in_flight: usize,
    delay: Duration,
}

impl Builder {
    /// Speaks TLS, with certificates made for the occasion.
    pub fn tls(mut self) -> Builder {
        self.tls = true;
        self
    }

    /// Listens on this port; 0, which is the default, is a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// The clock that jobs and tokens go by; by default a real one.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    /// What the token endpoint makes tokens of; without it, it refuses all.
    pub fn refresh_token(mut self, refresh_token: &str, client_id: &str, client_secret: &str) -> Builder {
        self.grant = Some(Grant {
            refresh_token: refresh_token.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            org_id: None,
            code: None,
        });
        self
    }

    /// A grant code, for which the token endpoint gives the refresh token, once.
    pub fn grant_code(mut self, code: &str) -> Builder {
        let grant = self.grant.as_mut().expect("the client is set first");
        grant.code = Some(code.to_owned());
        self
    }

    /// The organization for which the token endpoint also makes tokens of the client's credentials alone.
    pub fn organization(mut self, org_id: &str) -> Builder {
        let grant = self.grant.as_mut().expect("the client is set first");
        grant.org_id = Some(org_id.to_owned());
        self
    }

    /// The `api_domain` in the token endpoint's answers; by default the Sim's own URL.
    pub fn api_domain(mut self, api_domain: impl Into<String>) -> Builder {
        self.api_domain = Some(api_domain.into());
        self
    }

    /// How long a token lives that the token endpoint made; by default an hour.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Builder {
        self.token_lifetime = lifetime;
        self
    }

    /// Has the token endpoint answer as older servers do: `expires_in` in milliseconds, beside
    /// `expires_in_sec`.
    pub fn expires_in_milliseconds(mut self, milliseconds: bool) -> Builder {
        self.expires_in_milliseconds = milliseconds;
        self
    }

    /// Refuses status requests above so many at one moment, as the service does: HTTP 429. By default there is no limit.
    pub fn max_in_flight(mut self, max_in_flight: usize) -> Builder {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Waits that long before every answer, in real time.
    pub fn delay(mut self, delay: Duration) -> Builder {
        self.delay = delay;
        self
    }

    /// Starts it. Panics where [`try_start`](Builder::try_start) has an error.
    pub fn start(self) -> Sim {
        let port = self.port;
        self.try_start().unwrap_or_else(|error| panic!("cannot listen on 127.0.0.1:{port}: {error}"))
    }

    /// Starts it. An error says that the port cannot be had.
    pub fn try_start(self) -> io::Result<Sim> {
        let (reservation, address) = reserve(self.port)?;
        let socket = TcpListener::bind(address)?;
        let address = socket.local_addr()?;
        let (tls, files) = self.tls.then(Tls::new).map(|tls| (tls.config, tls.files)).unzip();
        let own_url = || url(self.tls, address.port());
        let settings = Settings {
            clock: self.clock,
            delay: self.delay,
            api_domain: self.api_domain.unwrap_or_else(own_url),
            expires_in_milliseconds: self.expires_in_milliseconds,
            max_in_flight: self.max_in_flight,
            tls,
        };
        let server = Arc::new(Server::new(settings, Tokens::new(self.grant, self.token_lifetime)));
        let listener = Listener::start(socket, &server)?;
        Ok(Sim { server, listener: Mutex::new(Some(listener)), address, files, _reservation: reservation })
    }
}

fn url(tls: bool, port: u16) -> String {
    match tls {
        false => format!("http://127.0.0.1:{port}"),
        true => format!("https://localhost:{port}"),
    }
}

/// Takes a port with a socket that never listens, beside which others of this process can.
///
/// Unix allows two sockets with SO_REUSEADDR on a port, and gives the port to no one who asks for a
/// free one. Windows has no such thing: there the port is only known when it is listened on, and
/// may get lost while it is not.
fn reserve(port: u16) -> io::Result<(Option<Socket>, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if !cfg!(unix) {
        return Ok((None, address));
    }
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((Some(socket), address))
}
