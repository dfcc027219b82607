//! The handle that a test uses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::at_accept::AtAccept;
use crate::clock::Clock;
use crate::credits::Credits;
use crate::http::Request;
use crate::job::Job;
use crate::reply::Reply;
use crate::server::{Listener, PATIENCE, Server, Settings};
use crate::tls::{PemFiles, Tls};
use crate::tokens::{Grant, Tokens};

/// A stand-in for the service, which listens on a port of 127.0.0.1.
///
/// Dropping it closes every connection, including stalled ones, joins its threads and deletes its files.
///
/// A child of `fork()` inherits the sockets: closing and stopping still work, as they shut sockets
/// down, but an RST is only sent when the child has closed its copy or called `exec`. The child has
/// none of the threads: it must not drop its copy of the `Sim`, and must end with `_exit`.
pub struct Sim {
    server: Arc<Server>,
    listener: Mutex<Option<Listener>>,
    address: SocketAddr,
    files: Option<PemFiles>,
    /// Reserves the port while the Sim does not listen.
    _reservation: Option<Socket>,
}

impl Sim {
    /// Starts a Sim without TLS on a free port.
    pub fn start() -> Sim {
        Sim::builder().start()
    }

    /// Returns a builder, for settings that must be chosen before the start.
    pub fn builder() -> Builder {
        Builder {
            tls: false,
            port: 0,
            clock: Clock::real(),
            grant: None,
            api_domain: None,
            token_lifetime: Duration::from_secs(3600),
            expires_in_milliseconds: false,
            invalid_code_status: 400,
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

    /// The clock of jobs and tokens.
    pub fn clock(&self) -> &Clock {
        &self.server.settings.clock
    }

    /// Adds a job, which begins now. It replaces one with the same module and id.
    pub fn add_job(&self, module: &str, id: &str, job: Job) {
        let added = self.clock().now();
        let key = (module.to_owned(), id.to_owned());
        self.server.state().jobs.insert(key, (job, added));
    }

    /// Sets the replies to the status requests for a job, in their order; the last one stays. Without any, the job is as
    /// it was added.
    pub fn script(&self, module: &str, id: &str, replies: Vec<Reply>) {
        let replies = replies.into_iter().map(Reply::checked).collect();
        self.server.state().scripts.insert((module.to_owned(), id.to_owned()), replies);
    }

    /// Waits this long before every answer from now on, in real time.
    pub fn set_delay(&self, delay: Duration) {
        self.server.state().delay = delay;
    }

    /// Makes all tokens so far invalid, as when their time is over.
    pub fn expire_tokens(&self) {
        self.server.state().tokens.expire();
    }

    /// Makes a token valid for ever.
    pub fn accept_token(&self, token: &str) {
        self.server.state().tokens.accept(token);
    }

    /// Makes a token invalid from now on.
    pub fn revoke_token(&self, token: &str) {
        self.server.state().tokens.revoke(token);
    }

    /// Accepts every token that is not revoked.
    pub fn accept_any_token(&self) {
        self.server.state().tokens.accept_any();
    }

    /// Limits the API credits of a rolling 24 hours, like the service; `used` of them are used now. Each status request
    /// with a valid token takes one. Once half are used, every answer says how many remain.
    pub fn limit_credits(&self, limit: u64, used: u64) {
        let now = self.clock().now();
        self.server.state().credits = Some(Credits::new(limit, used, now));
    }

    /// Queues a reply: the next status requests get the queued replies in order, for any job.
    pub fn next(&self, reply: Reply) {
        let reply = reply.checked();
        self.server.state().next.push_back(reply);
    }

    /// Queues a reply for the accounts paths.
    pub fn next_token(&self, reply: Reply) {
        let reply = reply.checked();
        self.server.state().next_token.push_back(reply);
    }

    /// Sets what happens to connections that are accepted from now on. A client considers a
    /// connection established before it is accepted.
    pub fn at_accept(&self, at_accept: AtAccept) {
        self.server.state().at_accept = at_accept;
    }

    /// From now on, a connection is closed without an answer when its second request arrives, like a
    /// stale pooled connection.
    pub fn close_second_request(&self, close: bool) {
        self.server.state().close_second_request = close;
    }

    /// The number of connections accepted since the start. A connection that has received an answer
    /// is counted; one that is only connected may not be counted yet.
    pub fn connections(&self) -> usize {
        self.server.state().connections
    }

    /// The number of requests, except those to the accounts paths.
    pub fn requests(&self) -> usize {
        self.server.state().requests
    }

    /// The number of requests to the accounts paths.
    pub fn token_requests(&self) -> usize {
        self.server.state().token_requests
    }

    /// The peak number of status requests in flight.
    ///
    /// A request counts from its arrival to just before the last bytes of the answer, so it is not
    /// counted any more when the client has the answer. If the answer never ends, it counts until the
    /// client closes the connection.
    pub fn in_flight_peak(&self) -> usize {
        self.server.state().in_flight_peak
    }

    /// The number of status requests that were refused because too many were in flight.
    pub fn refused(&self) -> usize {
        self.server.state().refused
    }

    /// The last request, at either endpoint.
    pub fn last_request(&self) -> Option<Request> {
        self.server.state().recorded.back().cloned()
    }

    /// The requests at both endpoints, in order; at most the last 10,000.
    pub fn all_requests(&self) -> Vec<Request> {
        self.server.state().recorded.iter().cloned().collect()
    }

    /// Closes every idle connection, and returns when they are closed.
    pub fn close_idle(&self) {
        self.server.close_idle();
    }

    /// Silently breaks every open connection, like a firewall that has forgotten them: the client's packets are not
    /// acknowledged. Linux only.
    pub fn lose_connections(&self) {
        self.server.lose_connections();
    }

    /// Blocks until that many status requests have arrived since the start. Panics after 10
    /// seconds.
    pub fn wait_for_requests(&self, count: usize) {
        let arrived = self.server.wait_until(PATIENCE, |state| state.requests >= count);
        assert!(arrived, "{} of {count} requests arrived in {PATIENCE:?}", self.requests());
    }

    /// Stops listening: connections are refused until [`listen_again`](Sim::listen_again). Open
    /// connections stay open, and the port stays reserved.
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
            *listener = Some(started.expect("the port is reserved"));
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

/// The settings that must be chosen before a [`Sim`] starts.
pub struct Builder {
    tls: bool,
    port: u16,
    clock: Clock,
    grant: Option<Grant>,
    api_domain: Option<String>,
    token_lifetime: Duration,
    expires_in_milliseconds: bool,
    invalid_code_status: u16,
    max_in_flight: usize,
    delay: Duration,
}

impl Builder {
    /// Uses TLS, with generated certificates.
    pub fn tls(mut self) -> Builder {
        self.tls = true;
        self
    }

    /// Listens on this port; 0, the default, means a free port.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// The clock of jobs and tokens; by default a real one.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    /// The credentials that the token endpoint accepts; without them it refuses all requests.
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

    /// A grant code, which the token endpoint exchanges for the refresh token, once.
    pub fn grant_code(mut self, code: &str) -> Builder {
        let grant = self.grant.as_mut().expect("the client is set first");
        grant.code = Some(code.to_owned());
        self
    }

    /// The organization for which the token endpoint also accepts the client-credentials grant.
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

    /// The lifetime of tokens from the token endpoint; by default an hour.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Builder {
        self.token_lifetime = lifetime;
        self
    }

    /// Makes the token endpoint answer like older servers: `expires_in` in milliseconds, and also
    /// `expires_in_sec`.
    pub fn expires_in_milliseconds(mut self, milliseconds: bool) -> Builder {
        self.expires_in_milliseconds = milliseconds;
        self
    }

    /// The HTTP status with which the token endpoint refuses a refresh token or a grant code: 400 by default, 200 was
    /// observed too.
    pub fn invalid_code_status(mut self, status: u16) -> Builder {
        self.invalid_code_status = status;
        self
    }

    /// Limits the status requests in flight, like the service: further ones get HTTP 429. By default there is no limit.
    pub fn max_in_flight(mut self, max_in_flight: usize) -> Builder {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Waits this long before every answer, in real time.
    pub fn delay(mut self, delay: Duration) -> Builder {
        self.delay = delay;
        self
    }

    /// Starts the Sim. Panics if [`try_start`](Builder::try_start) fails.
    pub fn start(self) -> Sim {
        let port = self.port;
        self.try_start().unwrap_or_else(|error| panic!("cannot listen on 127.0.0.1:{port}: {error}"))
    }

    /// Starts the Sim. Fails if it cannot listen on the port.
    pub fn try_start(self) -> io::Result<Sim> {
        let (reservation, address) = reserve(self.port)?;
        let socket = TcpListener::bind(address)?;
        let address = socket.local_addr()?;
        let (tls, files) = self.tls.then(Tls::new).map(|tls| (tls.config, tls.files)).unzip();
        let own_url = || url(self.tls, address.port());
        let settings = Settings {
            clock: self.clock,
            api_domain: self.api_domain.unwrap_or_else(own_url),
            expires_in_milliseconds: self.expires_in_milliseconds,
            invalid_code_status: self.invalid_code_status,
            max_in_flight: self.max_in_flight,
            tls,
        };
        let server = Arc::new(Server::new(settings, Tokens::new(self.grant, self.token_lifetime), self.delay));
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

/// Reserves a port with a socket that never listens; other sockets of this process can listen on it.
///
/// Unix allows two sockets with SO_REUSEADDR on a port, and does not use it as an ephemeral port.
/// Windows does not: there the port is only reserved while the Sim listens.
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
