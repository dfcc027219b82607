//! One exchange with a server: the agent, name look-ups, time limits, and which failure is which error.
//!
//! Everything in here belongs to one process. A child of `fork()` must not use it: the client makes the
//! child one of its own.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{HeaderMap, HeaderValue, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ArrayVec, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, SocksConnector,
    TcpConnector, Transport,
};
use ureq::{Agent, Proxy, Timeout};
use zeroize::Zeroizing;

use crate::config::{Config, PROXY_RULE, ProxySetting, ProxyUrl, refusal};
use crate::endpoint::BaseUrl;
use crate::error::{Error, zmd_error::*};
use crate::retry::{Deadline, Failure};
use crate::secret::Secret;

/// No answer of the API comes near it: the longest known has some hundred bytes.
const BODY_LIMIT: u64 = 1 << 20;

/// How long an address is used without asking again.
const ADDRESS_LIFETIME: Duration = Duration::from_secs(60);

/// What a `ResolvedSocketAddrs` holds.
const ADDRESSES_LIMIT: usize = 16;

/// How long a connection may wait for its next request: longer than the longest pause between two polls.
const IDLE_LIFETIME: Duration = Duration::from_secs(90);

/// The name under which this library asks.
const USER_AGENT: &str = concat!("libzmd/", env!("CARGO_PKG_VERSION"));

/// What all exchanges of a client have in common, made once from its settings and shared by every process.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    roots: RootCerts,
    connect_timeout: Duration,
    idle_connections: usize,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Result<Network, Error> {
        Ok(Network {
            roots: match &config.ca_file {
                Some(path) => roots_of_file(path)?,
                None => system_roots(),
            },
            connect_timeout: config.connect_timeout,
            idle_connections: config.max_concurrency.max(16),
        })
    }
}

/// The certificates in a PEM file.
fn roots_of_file(path: &str) -> Result<RootCerts, Error> {
    let bad = |why: &dyn fmt::Display| {
        refusal("ca_file", format!("the path of a PEM file with CA certificates; {path}: {why}"))
    };
    let pem = std::fs::read(path).map_err(|error| bad(&error))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(&error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad(&"there is no certificate in it"));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

/// The system's trust store, and where that is empty (a bare container, an old appliance) Mozilla's roots.
fn system_roots() -> RootCerts {
    // Elsewhere than on Unix the system itself verifies, and its store can't be empty.
    #[cfg(all(unix, not(target_os = "macos")))]
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return RootCerts::WebPki;
    }
    RootCerts::PlatformVerifier
}

/// A server, and the way there.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) base: BaseUrl,
    proxy: Option<Proxy>,
}

/// The proxy, and which hosts go without it.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    proxy: Option<Proxy>,
    exempt: Exempt,
}

#[derive(Clone, Debug)]
enum Exempt {
    Nobody,
    /// This machine, and the hosts of NO_PROXY: a comma-separated list of hosts and domains (their subdomains
    /// included), or `*`. In lower case.
    ThisMachineAnd(String),
}

impl Proxies {
    /// What the setting names or, with `proxy=env`, the environment.
    pub(crate) fn new(config: &Config) -> Result<Proxies, Error> {
        match &config.proxy {
            ProxySetting::None => Ok(Proxies { proxy: None, exempt: Exempt::Nobody }),
            ProxySetting::Url(url) => Ok(Proxies { proxy: Some(url.0.clone()), exempt: Exempt::Nobody }),
            ProxySetting::Env => Proxies::of_environment(|name| std::env::var(name).unwrap_or_default()),
        }
    }

    /// The first of HTTPS_PROXY and ALL_PROXY, in upper or lower case, that is not empty.
    fn of_environment(env: impl Fn(&str) -> String) -> Result<Proxies, Error> {
        let value_of = |names: [&'static str; 2]| {
            names.into_iter().map(|name| (name, env(name))).find(|(_, value)| !value.is_empty())
        };
        let proxy = match value_of(["HTTPS_PROXY", "https_proxy"]).or_else(|| value_of(["ALL_PROXY", "all_proxy"])) {
            None => None,
            Some((name, url)) => {
                Some(ProxyUrl::parse(&url).ok_or_else(|| refusal(&format!("{name} (proxy=env)"), PROXY_RULE))?.0)
            }
        };
        let list = value_of(["NO_PROXY", "no_proxy"]).map(|(_, list)| list.to_ascii_lowercase());
        Ok(Proxies { proxy, exempt: Exempt::ThisMachineAnd(list.unwrap_or_default()) })
    }

    /// The way to a server.
    pub(crate) fn route(&self, base: BaseUrl) -> Route {
        let is_exempt = match &self.exempt {
            Exempt::Nobody => false,
            Exempt::ThisMachineAnd(list) => {
                let names_host = |entry: &str| match entry.strip_prefix('*').unwrap_or(entry).trim_start_matches('.') {
                    "" => entry == "*",
                    domain => base.host() == domain || base.host().ends_with(&format!(".{domain}")),
                };
                base.is_loopback() || list.split([',', ' ', '\t']).any(names_host)
            }
        };
        let proxy = self.proxy.clone().filter(|_| !is_exempt);
        Route { base, proxy }
    }
}

/// An answer, read to its end. If the server repeats the secrets it was sent, they are not in here.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Where a redirect points.
    pub location: Option<String>,
    /// The software that answers, as it calls itself.
    pub server: Option<String>,
    pub content_encoding: Option<String>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// The connections and addresses of one process.
pub(crate) struct Http {
    agent: Agent,
    addresses: Arc<Addresses>,
    connect_timeout: Duration,
    cancelled: Arc<AtomicBool>,
    /// Those who rest wait here, until their time comes or something happens.
    rest: Mutex<()>,
    woken: Condvar,
}

impl Http {
    pub(crate) fn new(network: &Network) -> Http {
        let cancelled = Arc::new(AtomicBool::new(false));
        let addresses = Arc::new(Addresses {
            hosts: Mutex::default(),
            cancelled: cancelled.clone(),
            #[cfg(test)]
            broken: AtomicBool::new(false),
        });
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(network.roots.clone()).build())
            .user_agent(USER_AGENT)
            .accept("application/json")
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(network.idle_connections)
            .max_idle_connections_per_host(network.idle_connections)
            .max_idle_age(IDLE_LIFETIME)
            .timeout_resolve(Some(network.connect_timeout))
            .timeout_connect(Some(network.connect_timeout))
            .build();
        let connect = Connect(Arc::new(ConnectParts { tls: RustlsConnector::default(), addresses: addresses.clone() }));
        let agent = Agent::with_parts(config, connect, CachingResolver(addresses.clone()));
        Http {
            agent,
            addresses,
            connect_timeout: network.connect_timeout,
            cancelled,
            rest: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    /// Ends every exchange under way, wherever it is, and every rest; refuses later ones. A TCP connection that
    /// nobody answers is waited for until the connect timeout: ureq has no way out of there.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.agent.clone().shutdown();
        self.addresses.wake();
        self.wake();
    }

    #[cfg(test)]
    pub(crate) fn break_name_lookups(&self, broken: bool) {
        self.addresses.broken.store(broken, Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Has everybody who rests look at what they rest for.
    pub(crate) fn wake(&self) {
        let _rest = lock(&self.rest);
        self.woken.notify_all();
    }

    /// Rests until `until`, or until `is_awake` after a `wake`, or a cancel.
    pub(crate) fn rest(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
        let mut rest = lock(&self.rest);
        while !self.is_cancelled() && !is_awake() {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            // Not for ever at once: some systems' clocks overflow.
            let left = left.min(Duration::from_secs(3600));
            rest = self.woken.wait_timeout(rest, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Rests that long, or until a cancel: then it is `false`.
    pub(crate) fn sleep(&self, pause: Duration) -> bool {
        self.rest(Instant::now().checked_add(pause), &|| false);
        !self.is_cancelled()
    }

    /// Asks `url`, which lies under the route's base, with the access token.
    pub(crate) fn get(&self, route: &Route, url: &str, token: &Secret, deadline: Deadline) -> Result<Answer, Failure> {
        let text = Zeroizing::new(format!("Zoho-oauthtoken {}", token.reveal()));
        let mut authorization = HeaderValue::from_str(&text).map_err(|_| {
            Failure::lasting(Error::new(ZMD_ERR_INTERNAL, "the access token does not fit into a header"))
        })?;
        authorization.set_sensitive(true);
        self.exchange(route, &[token], deadline, |remaining| {
            let request = self.agent.get(url).header(header::AUTHORIZATION, authorization.clone()).config();
            request.timeout_global(Some(remaining)).proxy(route.proxy.clone()).build().call()
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
    ) -> Result<Answer, Failure> {
        self.exchange(route, secrets, deadline, |remaining| {
            let request = self.agent.post(url).content_type("application/x-www-form-urlencoded").config();
            request.timeout_global(Some(remaining)).proxy(route.proxy.clone()).build().send(form)
        })
    }

    fn exchange(
        &self,
        route: &Route,
        secrets: &[&Secret],
        deadline: Deadline,
        send: impl Fn(Duration) -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, Failure> {
        loop {
            let remaining = deadline.remaining();
            if remaining.is_zero() {
                return Err(self.explain(ureq::Error::Timeout(Timeout::Global), route, deadline));
            }
            if self.is_cancelled() {
                return Err(Failure::lasting(cancelled()));
            }
            let mut response = match send(remaining) {
                Ok(response) => response,
                // The server closed the connection while it was waiting for us. There may be more of that
                // kind in the pool; a new connection is never of it.
                Err(ureq::Error::Other(why)) if why.is::<Stale>() => continue,
                Err(error) => return Err(self.explain(error, route, deadline)),
            };
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(BODY_LIMIT).read_to_vec().map_err(|error| {
                let failure = self.explain(error, route, deadline);
                Failure { error: failure.error.with_http_status(status), ..failure }
            })?;
            let without_secrets = |bytes: &[u8]| {
                // A short one (no real one is) would be found in words that have nothing to do with it.
                let secrets = secrets.iter().filter(|secret| secret.reveal().len() >= 8);
                secrets.fold(bytes.to_vec(), |bytes, secret| without(secret.reveal().as_bytes(), &bytes))
            };
            let headers = response.headers();
            let text_of = |name| {
                let value = headers.get(name).map(|value| without_secrets(value.as_bytes()))?;
                Some(String::from_utf8_lossy(&value).into_owned())
            };
            return Ok(Answer {
                status,
                body: without_secrets(&body),
                location: text_of(header::LOCATION),
                server: text_of(header::SERVER),
                content_encoding: text_of(header::CONTENT_ENCODING),
                retry_after: retry_after(headers),
            });
        }
    }

    /// The one place that decides which failure of the network is which error, and whether it may pass.
    fn explain(&self, error: ureq::Error, route: &Route, deadline: Deadline) -> Failure {
        if self.is_cancelled() {
            return Failure::lasting(cancelled());
        }
        let host = route.base.host();
        let limit = deadline.limit().as_millis();
        let connect_limit = self.connect_timeout.as_millis();
        let error = match error {
            ureq::Error::Other(why) => match why.downcast::<ConnectFailed>() {
                Ok(failed) => return failed.explain(host, limit, connect_limit),
                Err(why) => ureq::Error::Other(why),
            },
            error => error,
        };
        match error {
            ureq::Error::Timeout(_) => timeout(host, limit),
            ureq::Error::Io(error) if is_broken(&error) => Failure::passing(Error::new(
                ZMD_ERR_NETWORK,
                format!("the connection to {host} broke before the whole answer was there ({error})"),
            )),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData && route.base.is_https() => {
                Failure::lasting(Error::new(ZMD_ERR_TLS, format!("the secure connection to {host} broke ({error})")))
            }
            ureq::Error::Io(error) => {
                Failure::lasting(Error::new(ZMD_ERR_NETWORK, format!("the exchange with {host} failed ({error})")))
            }
            // Whether the lines or the bytes run over first, depends on how they arrive.
            ureq::Error::Protocol(error) if error.to_string().contains("too many headers") => {
                Failure::lasting(Error::new(
                    ZMD_ERR_BAD_RESPONSE,
                    format!("the header of {host}'s answer has too many lines: is api_domain right?"),
                ))
            }
            ureq::Error::Protocol(error) => Failure::lasting(Error::new(
                ZMD_ERR_NETWORK,
                format!("what {host} answers is no HTTP ({error}): is api_domain right?"),
            )),
            ureq::Error::BodyExceedsLimit(limit) => Failure::lasting(Error::new(
                ZMD_ERR_BAD_RESPONSE,
                format!("the answer of {host} is longer than {limit} bytes: is api_domain right?"),
            )),
            ureq::Error::LargeResponseHeader(_, limit) => Failure::lasting(Error::new(
                ZMD_ERR_BAD_RESPONSE,
                format!("the header of {host}'s answer is longer than {limit} bytes: is api_domain right?"),
            )),
            error => {
                Failure::lasting(Error::new(ZMD_ERR_INTERNAL, format!("the exchange with {host} failed: {error}")))
            }
        }
    }
}

/// What every call of a cancelled client comes to.
pub(crate) fn cancelled() -> Error {
    Error::new(ZMD_ERR_CANCELLED, "the client was cancelled")
}

fn timeout(host: &str, limit: u128) -> Failure {
    Failure::lasting(Error::new(
        ZMD_ERR_TIMEOUT,
        format!("no whole answer from {host} within {limit} ms: try again, or raise timeout_ms"),
    ))
}

/// Whether the connection was closed or reset.
fn is_broken(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | NotConnected)
}

/// What the server sent, less the secret that it was sent.
fn without(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut kept = Vec::with_capacity(bytes.len());
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(b"***");
        rest = &rest[at + secret.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// `Retry-After` in seconds or as a date; a date counts from the server's own clock where it tells it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date_of = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = date_of(header::RETRY_AFTER)?;
    let now = date_of(header::DATE).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

/// How far an attempt to connect came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The name of the server or of the proxy was looked up, and a connection tried.
    Server,
    Proxy,
    /// The connection stands; TLS with the server did not.
    Tls,
}

/// A connection that did not come about.
#[derive(Debug)]
struct ConnectFailed {
    stage: Stage,
    error: ureq::Error,
}

impl ConnectFailed {
    /// `error`, or what is in it if it is of this kind already: the outermost stage counts.
    fn at(stage: Stage, error: ureq::Error) -> ureq::Error {
        let error = match error {
            ureq::Error::Other(why) => match why.downcast::<ConnectFailed>() {
                Ok(failed) => failed.error,
                Err(why) => ureq::Error::Other(why),
            },
            error => error,
        };
        ureq::Error::Other(Box::new(ConnectFailed { stage, error }))
    }

    fn explain(self, host: &str, limit: u128, connect_limit: u128) -> Failure {
        let ConnectFailed { stage, error } = self;
        let may_pass = match &error {
            ureq::Error::Io(error) => is_broken(error) || error.kind() == io::ErrorKind::ConnectionRefused,
            ureq::Error::ConnectProxyFailed(why) => ["502", "503", "504"].iter().any(|status| why.contains(status)),
            _ => false,
        };
        let (kind, message) = match (stage, &error) {
            (_, ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve)) => (
                ZMD_ERR_TIMEOUT,
                format!(
                    "no connection to {host} within {connect_limit} ms: is a firewall or proxy in the way? See connect_timeout_ms"
                ),
            ),
            (_, ureq::Error::Timeout(_)) => return timeout(host, limit),
            (Stage::Proxy, ureq::Error::ConnectProxyFailed(why)) if why.contains("407") => {
                (ZMD_ERR_PROXY, format!("the proxy wants other credentials than the setting proxy has ({why})"))
            }
            (Stage::Proxy, error) => (
                ZMD_ERR_PROXY,
                format!("the proxy opened no way to {host} ({}): check the setting proxy", words(error)),
            ),
            (Stage::Server, ureq::Error::Other(why)) if why.is::<LookupFailed>() => (
                ZMD_ERR_DNS,
                format!(
                    "the host name {host} could not be looked up ({why}): check api_domain, data_center and the network"
                ),
            ),
            (Stage::Server, error) => (
                ZMD_ERR_CONNECT,
                format!("no connection to {host} ({}): check the network, or set proxy", words(error)),
            ),
            (Stage::Tls, ureq::Error::Io(error)) if is_broken(error) => {
                (ZMD_ERR_NETWORK, format!("{host} closed the connection in the middle of the TLS handshake ({error})"))
            }
            (Stage::Tls, error) => (
                ZMD_ERR_TLS,
                format!(
                    "no secure connection to {host} ({}): where the network has a certificate authority of its own, name it in ca_file",
                    words(error)
                ),
            ),
        };
        let status = if kind == ZMD_ERR_PROXY && message.contains("407") { 407 } else { 0 };
        let error = Error::new(kind, message).with_http_status(status);
        if may_pass { Failure::passing(error) } else { Failure::lasting(error) }
    }
}

/// What a ureq error says, without the prefix that ureq gives it.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Other(error) => error.to_string(),
        ureq::Error::Rustls(error) => error.to_string(),
        error => error.to_string(),
    }
}

impl fmt::Display for ConnectFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&self.error))
    }
}

impl std::error::Error for ConnectFailed {}

/// Opens connections: SOCKS proxy, CONNECT proxy or TCP, and TLS over it.
///
/// ureq's own connectors do the work. They run one by one here because only so can it be told which of them
/// failed, and because a connection to a proxy needs a limit of its own, see [`Limited`].
#[derive(Clone, Debug)]
struct Connect(Arc<ConnectParts>);

#[derive(Debug)]
struct ConnectParts {
    /// Keeps the TLS settings it has built.
    tls: RustlsConnector,
    addresses: Arc<Addresses>,
}

impl Connector for Connect {
    type Out = Pooled;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Pooled>, ureq::Error> {
        let by = Instant::now() + *details.timeout.after;
        let connected = Arc::new(AtomicBool::new(false));
        let to_proxy = {
            let (connect, connected) = (self.clone(), connected.clone());
            move |details: &ConnectionDetails| -> Result<Box<dyn Transport>, ureq::Error> {
                let inner = connect.reach(details).and_then(|inner| connect.secure(details, inner))?;
                Ok(Box::new(Limited { inner, by, connected: connected.clone() }))
            }
        };
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: copy(&details.addrs),
            config: details.config,
            // Every request has a time limit of its own, but TLS is the agent's: without this, ureq would load
            // the roots again for each connection.
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: Arc::new(to_proxy),
            register_shutdown: details.register_shutdown.clone(),
        };
        let stage = if details.config.proxy().is_some() { Stage::Proxy } else { Stage::Server };
        let plain = self.reach(&details).map_err(|error| {
            // Perhaps the server has moved.
            self.0.addresses.forget();
            ConnectFailed::at(stage, error)
        })?;
        let inner = self.secure(&details, plain).map_err(|error| ConnectFailed::at(Stage::Tls, error))?;
        connected.store(true, Ordering::Relaxed);
        Ok(Some(Pooled { inner, answered: false, asked_again: false }))
    }
}

impl Connect {
    /// A connection to the server, directly or through the proxy.
    fn reach(&self, details: &ConnectionDetails) -> Result<Box<dyn Transport>, ureq::Error> {
        let socks = SocksConnector::default().connect(details, None::<()>)?;
        let tunnel = ConnectProxyConnector::default().connect(details, socks)?;
        let tcp = TcpConnector::default().connect(details, tunnel)?;
        Ok(Box::new(tcp.ok_or(ureq::Error::ConnectionFailed)?))
    }

    /// TLS over a connection, where the URL wants it.
    fn secure(
        &self,
        details: &ConnectionDetails,
        plain: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, ureq::Error> {
        Ok(Box::new(self.0.tls.connect(details, Some(plain))?.ok_or(ureq::Error::ConnectionFailed)?))
    }
}

fn copy(addresses: &ResolvedSocketAddrs) -> ResolvedSocketAddrs {
    let mut copy = ArrayVec::from_fn(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    for address in addresses {
        copy.push(*address);
    }
    copy
}

/// A connection to a proxy. While it waits for the proxy to open the way, ureq gives each read the whole
/// limit: a proxy that sends a byte now and then would hold the call for ever.
#[derive(Debug)]
struct Limited {
    inner: Box<dyn Transport>,
    by: Instant,
    connected: Arc<AtomicBool>,
}

impl Limited {
    fn limit(&self, mut timeout: NextTimeout) -> Result<NextTimeout, ureq::Error> {
        if !self.connected.load(Ordering::Relaxed) {
            let left = self.by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ureq::Error::Timeout(timeout.reason));
            }
            timeout.after = (*timeout.after).min(left).into();
        }
        Ok(timeout)
    }
}

impl Transport for Limited {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = self.limit(timeout)?;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = self.limit(timeout)?;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// A connection that knows whether it has served before: if such a one ends without a byte of an answer, the
/// server closed it while it was idle, and the request can go to another one at no risk.
#[derive(Debug)]
struct Pooled {
    inner: Box<dyn Transport>,
    answered: bool,
    asked_again: bool,
}

/// See [`Pooled`].
#[derive(Debug)]
struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server had closed the connection")
    }
}

impl std::error::Error for Stale {}

impl Pooled {
    fn check<T>(&self, result: Result<T, ureq::Error>) -> Result<T, ureq::Error> {
        match result {
            Err(ureq::Error::Io(error)) if self.asked_again && is_broken(&error) => {
                Err(ureq::Error::Other(Box::new(Stale)))
            }
            result => result,
        }
    }
}

impl Transport for Pooled {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.asked_again = self.answered;
        let result = self.inner.transmit_output(amount, timeout);
        self.check(result)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let result = self.inner.await_input(timeout);
        let more = self.check(result)?;
        if !more && self.asked_again {
            return Err(ureq::Error::Other(Box::new(Stale)));
        }
        self.answered |= more;
        self.asked_again &= !more;
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// The addresses of the hosts in use, and the look-ups under way.
///
/// ureq resolves for every request, also for one that goes over a pooled connection, and starts a thread each
/// time. Here one look-up a minute serves everybody, whatever the number of callers that wait for it.
#[derive(Debug)]
struct Addresses {
    hosts: Mutex<HashMap<String, Arc<Lookup>>>,
    cancelled: Arc<AtomicBool>,
    /// Has every look-up fail, as if the name server were gone.
    #[cfg(test)]
    broken: AtomicBool,
}

#[derive(Debug)]
struct Lookup {
    begun: Instant,
    found: Mutex<Option<Result<Vec<SocketAddr>, String>>>,
    done: Condvar,
}

/// The name could not be looked up; the resolver's own words.
#[derive(Debug)]
struct LookupFailed(String);

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LookupFailed {}

impl Addresses {
    fn forget(&self) {
        lock(&self.hosts).retain(|_, lookup| lock(&lookup.found).is_none());
    }

    /// Has those who wait for a look-up see that they were cancelled.
    fn wake(&self) {
        for lookup in lock(&self.hosts).values() {
            let _found = lock(&lookup.found);
            lookup.done.notify_all();
        }
    }

    /// The addresses of `host:port`; `None` when `limit` is over, or after a cancel.
    fn of(&self, host_and_port: &str, limit: Duration) -> Option<Result<Vec<SocketAddr>, String>> {
        if let Ok(address) = host_and_port.parse() {
            return Some(Ok(vec![address]));
        }
        #[cfg(test)]
        if self.broken.load(Ordering::SeqCst) {
            return Some(Err("the name server is gone".to_owned()));
        }
        let until = Instant::now() + limit;
        let (lookup, thread) = self.join_or_begin(host_and_port);
        let mut found = lock(&lookup.found);
        while found.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.cancelled.load(Ordering::SeqCst) {
                return None;
            }
            found = lookup.done.wait_timeout(found, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let result = found.clone();
        drop(found);
        // It has nothing left to do: wait for it, so that no thread outlives the call.
        let _ = thread.map(|thread| thread.join());
        if matches!(result, Some(Err(_))) {
            lock(&self.hosts).retain(|_, known| !Arc::ptr_eq(known, &lookup));
        }
        result
    }

    fn join_or_begin(&self, host_and_port: &str) -> (Arc<Lookup>, Option<std::thread::JoinHandle<()>>) {
        let mut hosts = lock(&self.hosts);
        if let Some(lookup) = hosts.get(host_and_port) {
            let under_way = lock(&lookup.found).is_none();
            if under_way || lookup.begun.elapsed() < ADDRESS_LIFETIME {
                return (lookup.clone(), None);
            }
        }
        let lookup = Arc::new(Lookup { begun: Instant::now(), found: Mutex::new(None), done: Condvar::new() });
        hosts.insert(host_and_port.to_owned(), lookup.clone());
        drop(hosts);
        let (name, for_thread) = (host_and_port.to_owned(), lookup.clone());
        let thread = quiet_thread(|builder| builder.spawn(move || for_thread.run(&name)));
        if let Err(error) = &thread {
            lookup.finish(Err(error.to_string()));
        }
        (lookup, thread.ok())
    }
}

impl Lookup {
    fn run(&self, host_and_port: &str) {
        use std::net::ToSocketAddrs;
        self.finish(match host_and_port.to_socket_addrs() {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(error.to_string()),
        });
    }

    fn finish(&self, result: Result<Vec<SocketAddr>, String>) {
        *lock(&self.found) = Some(result);
        self.done.notify_all();
    }
}

#[derive(Debug)]
struct CachingResolver(Arc<Addresses>);

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => 1080,
        };
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let host_and_port = format!("{host}:{}", uri.port_u16().unwrap_or(default_port));
        match self.0.of(&host_and_port, *timeout.after) {
            None => Err(ConnectFailed::at(Stage::Server, ureq::Error::Timeout(timeout.reason))),
            Some(Ok(found)) if !found.is_empty() => {
                let mut addresses = self.empty();
                found.into_iter().take(ADDRESSES_LIMIT).for_each(|address| addresses.push(address));
                Ok(addresses)
            }
            Some(found) => {
                let why = found.err().unwrap_or_else(|| "it has no address".to_owned());
                Err(ConnectFailed::at(Stage::Server, ureq::Error::Other(Box::new(LookupFailed(why)))))
            }
        }
    }
}

/// A lock that a panic elsewhere does not spoil: what it guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a thread under the library's name. `spawn` runs with all signals blocked, so that the thread inherits
/// that: no handler of the host program ever runs on a thread of ours. The calling thread's own mask is as before
/// afterwards; a signal that comes meanwhile waits.
pub(crate) fn quiet_thread<T>(spawn: impl FnOnce(std::thread::Builder) -> T) -> T {
    let builder = std::thread::Builder::new().name("libzmd".to_owned());
    #[cfg(unix)]
    #[allow(unsafe_code)]
    {
        // SAFETY: a sigset_t is plain data, and both are filled in before they are read; all pointers are valid or
        // NULL; nothing changes but the mask of this thread.
        unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let result = spawn(builder);
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
            result
        }
    }
    #[cfg(not(unix))]
    spawn(builder)
}
