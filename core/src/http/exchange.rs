//! One exchange with a server: a request, and the response read to its end, within a time limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderValue, Method, Request, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, AsSendBody, Body};
use zeroize::Zeroizing;

use super::cause::{Cause, ExchangeError, Stage};
use super::connect::{Connect, ConnectInner};
use super::explain::{self, Limits};
use super::lookup::{AddressCache, Resolver};
use super::response::Response;
use super::route::Route;
use super::times::CallTimes;
use super::tls::{Tls, TlsSettings};
use super::transport::{ExchangeDeadline, Stale};
use crate::activity::Activity;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::error::{Error, ErrorKind, cancelled};
use crate::retry::{Deadline, Failure};
use crate::secret::Secret;

/// How long a connection may wait for its next request: longer than the longest pause between two polls.
const IDLE_LIFETIME: Duration = Duration::from_secs(90);

/// What all exchanges of a client have in common, made once from its settings and shared by every process.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    tls: Arc<TlsSettings>,
    connect_timeout: Duration,
    /// Made once, as ureq reads proxy variables of the environment for a new one, even if they are not used.
    agent: ureq::config::Config,
    address_cache: Arc<AddressCache>,
    /// What they are counted in.
    pub(crate) activity: Arc<Activity>,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Result<Network, Error> {
        let idle_connections = config.max_concurrency.max(16);
        let agent = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(idle_connections)
            .max_idle_connections_per_host(idle_connections)
            .max_idle_age(IDLE_LIFETIME)
            .build();
        Ok(Network {
            address_cache: Arc::default(),
            activity: Arc::default(),
            tls: Arc::new(TlsSettings::new(config)?),
            connect_timeout: config.connect_timeout,
            agent,
        })
    }
}

/// The connections and addresses of one process.
pub(crate) struct Http {
    agent: Agent,
    /// What the agent connects with.
    pub(super) connect: Connect,
    pub(super) resolver: Arc<Resolver>,
    connect_timeout: Duration,
    pub(super) cancel: Arc<Cancel>,
    pub(crate) activity: Arc<Activity>,
}

impl Http {
    pub(crate) fn new(network: &Network) -> Http {
        Http::with(network, Cancel::default())
    }

    /// For a clone of the client that these connections belong to: it is cancelled on its own.
    pub(crate) fn of_clone(&self, network: &Network) -> Http {
        Http::with(network, self.cancel.of_clone())
    }

    fn with(network: &Network, cancel: Cancel) -> Http {
        let cancel = Arc::new(cancel);
        let resolver = Arc::new(Resolver::new(cancel.clone(), network.address_cache.clone()));
        let connect = Connect(Arc::new(ConnectInner {
            resolver: resolver.clone(),
            tls: Tls::new(network.tls.clone()),
            cancel: cancel.clone(),
            timeout: network.connect_timeout,
            activity: network.activity.clone(),
        }));
        let agent = Agent::with_parts(network.agent.clone(), connect.clone(), NoLookup);
        Http {
            agent,
            connect,
            resolver,
            connect_timeout: network.connect_timeout,
            cancel,
            activity: network.activity.clone(),
        }
    }

    /// Ends every exchange in progress, and every sleep; refuses later ones.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
        self.agent.clone().shutdown();
    }

    #[cfg(test)]
    pub(crate) fn break_name_lookups(&self, broken: bool) {
        self.resolver.broken.store(broken, crate::sync::Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// What ends everything that calls wait for.
    pub(crate) fn cancellation(&self) -> &Cancel {
        &self.cancel
    }

    /// Wakes every sleeping thread, which checks its condition again.
    pub(crate) fn wake(&self) {
        self.cancel.wake();
    }

    /// Sleeps until `until`, or until `is_awake` after a `wake`, or a cancel.
    pub(crate) fn sleep_until(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
        self.cancel.sleep_until(until, is_awake);
    }

    /// Sleeps that long, or until a cancel: then it is `false`.
    pub(crate) fn sleep(&self, pause: Duration) -> bool {
        self.sleep_until(Instant::now().checked_add(pause), &|| false);
        !self.is_cancelled()
    }

    /// Requests `url`, which is below the route's base, with the access token.
    pub(crate) fn get(
        &self,
        route: &Route,
        url: &str,
        token: &Secret,
        deadline: Deadline,
    ) -> Result<Response, Failure> {
        let text = Zeroizing::new(["Zoho-oauthtoken ", token.reveal()].concat());
        let mut authorization = HeaderValue::from_str(&text).map_err(|_| {
            Failure::permanent(Error::new(ErrorKind::Internal, "the access token does not fit into a header"))
        })?;
        authorization.set_sensitive(true);
        self.exchange(route, &[token], deadline, || {
            let mut request = route.request(url, ())?;
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
            self.send(route, request)
        })
    }

    /// Requests `url`, which is below the route's base, without credentials.
    pub(crate) fn get_public(&self, route: &Route, url: &str, deadline: Deadline) -> Result<Response, Failure> {
        self.exchange(route, &[], deadline, || {
            let request = route.request(url, ())?;
            self.send(route, request)
        })
    }

    /// Sends a form, which holds the secrets, to `url`, which lies under the route's base.
    pub(crate) fn post(
        &self,
        route: &Route,
        url: &str,
        form: &str,
        secrets: &[&Secret],
        deadline: Deadline,
    ) -> Result<Response, Failure> {
        self.exchange(route, secrets, deadline, || {
            let mut request = route.request(url, form)?;
            *request.method_mut() = Method::POST;
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(header::CONTENT_TYPE, form);
            self.send(route, request)
        })
    }

    /// Sends a request by the route's proxy, or directly. ureq does not mix connections through different proxies.
    pub(super) fn send(
        &self,
        route: &Route,
        request: Request<impl AsSendBody>,
    ) -> Result<http::Response<Body>, ureq::Error> {
        match route.proxy() {
            Some(proxy) => self.agent.run(self.agent.configure_request(request).proxy(Some(proxy.clone())).build()),
            // A configuration of its own would cost a request a copy of the agent's.
            None => self.agent.run(request),
        }
    }

    fn exchange(
        &self,
        route: &Route,
        secrets: &[&Secret],
        deadline: Deadline,
        send: impl Fn() -> Result<http::Response<Body>, ureq::Error>,
    ) -> Result<Response, Failure> {
        let _deadline = ExchangeDeadline::set(deadline.end());
        let times = log::log_enabled!(log::Level::Debug).then(CallTimes::start);
        let result = self.exchange_again(route, secrets, deadline, send);
        if let Some(times) = times {
            let status = result.as_ref().map_or_else(|failure| failure.error.http_status(), |response| response.status);
            let response = if status == 0 { "no response".to_owned() } else { format!("HTTP {status}") };
            log::debug!("{}: {response}, {}", route.base, times.end());
        }
        result
    }

    /// Sends a request until it reaches a connection that the server has not closed.
    fn exchange_again(
        &self,
        route: &Route,
        secrets: &[&Secret],
        deadline: Deadline,
        send: impl Fn() -> Result<http::Response<Body>, ureq::Error>,
    ) -> Result<Response, Failure> {
        loop {
            if deadline.remaining().is_zero() {
                return Err(self.explain(ExchangeError::at(Stage::Response, Cause::TimedOut).into(), route, deadline));
            }
            if self.is_cancelled() {
                return Err(Failure::permanent(cancelled()));
            }
            let mut response = match send() {
                Ok(response) => response,
                // The server closed the connection while it was waiting for us. There may be more of that
                // kind in the pool; a new connection is never of it.
                Err(ureq::Error::Other(why)) if why.is::<Stale>() => continue,
                Err(error) => return Err(self.explain(error, route, deadline)),
            };
            // Of what ureq logs about a response, the headers may repeat a token.
            log::trace!("{} responded with HTTP {}", route.base, response.status().as_u16());
            let secrets: Vec<_> = secrets.iter().map(|secret| secret.reveal().as_bytes()).collect();
            return Response::read(&mut response, &secrets).map_err(|error| {
                let failure = self.explain(error, route, deadline);
                let error = failure.error.with_http_status(response.status().as_u16());
                Failure { error, ..failure }
            });
        }
    }

    pub(super) fn explain(&self, error: ureq::Error, route: &Route, deadline: Deadline) -> Failure {
        if self.is_cancelled() {
            return Failure::permanent(cancelled());
        }
        explain::explain(error, route, Limits { call: deadline.limit(), connect: self.connect_timeout })
    }
}

/// ureq looks up the host for every request, also for one that goes over a pooled connection. Here the connector
/// does, where a connection is made.
#[derive(Debug)]
struct NoLookup;

impl UreqResolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        // ureq requires one.
        addresses.push(SocketAddr::from(([0, 0, 0, 0], 0)));
        Ok(addresses)
    }
}

#[cfg(all(test, not(shuttle), not(miri)))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::endpoint::BaseUrl;
    use crate::http::Proxies;
    use crate::retry::Retry;

    /// Requests from a server that sends these bytes and closes the connection.
    fn get(sent: &[u8], limit: Duration) -> Result<Response, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new();
        config.set("proxy", "none").unwrap();
        let route = Proxies::new(&config).unwrap().route(BaseUrl::parse(&url).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(sent);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
            // Dropped with its connection before the thread is waited for.
            let http = Http::new(&Network::new(&config).unwrap());
            http.get(&route, &url, &Secret::new("1000.token"), Deadline::after(limit))
        })
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_response_that_is_cut_off_anywhere_is_a_broken_connection() {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1;a=b\r\n \r\n0\r\nX: y\r\n\r\n";
        // Where all of the body has arrived, what follows does not matter.
        let end = whole.find("0\r\nX").unwrap() + 3;
        for cut in (0..=end).chain([whole.len()]) {
            match get(&whole.as_bytes()[..cut], LONG) {
                Ok(response) => assert!(cut >= end && response.body == b"{} ", "{cut}"),
                Err(failure) => {
                    assert_eq!((failure.error.kind(), failure.retry), (ErrorKind::Network, Retry::BackOff), "{cut}");
                    assert!(cut < end, "{cut}: {}", failure.error);
                }
            }
        }
    }

    #[test]
    fn lines_of_a_chunked_body_have_a_limit() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let endless = "x".repeat(200 * 1024);
        for sent in [format!("{head}{endless}"), format!("{head}2\r\n{{}}\r\n0\r\nX: {endless}")] {
            let failure = get(sent.as_bytes(), LONG).err().unwrap();
            assert_eq!((failure.error.kind(), failure.retry), (ErrorKind::BadResponse, Retry::Never));
            assert!(failure.error.message().contains("longer than 69632 bytes"), "{}", failure.error);
        }
        let trailers = format!("{head}2\r\n{{}}\r\n0\r\n{}", "X: y\r\n".repeat(2 << 20));
        let failure = get(trailers.as_bytes(), LONG).err().unwrap();
        assert!(failure.error.message().contains("longer than 8388608 bytes"), "{}", failure.error);
    }
}
