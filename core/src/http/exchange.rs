//! One exchange with a server: a request, and the response read to its end, within a time limit.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
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
use super::socket::Wake;
use super::tls::{Tls, TlsSettings};
use super::transport::{ExchangeDeadline, Stale};
use crate::config::Config;
use crate::error::{Error, ErrorKind, cancelled};
use crate::retry::{Deadline, Failure};
use crate::secret::Secret;
use crate::sync::{Condvar, Mutex, lock};

/// How long a connection may wait for its next request: longer than the longest pause between two polls.
const IDLE_LIFETIME: Duration = Duration::from_secs(90);

/// What all exchanges of a client have in common, made once from its settings and shared by every process.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    tls: Arc<TlsSettings>,
    connect_timeout: Duration,
    idle_connections: usize,
    address_cache: Arc<AddressCache>,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Result<Network, Error> {
        Ok(Network {
            address_cache: Arc::default(),
            tls: Arc::new(TlsSettings::new(config)?),
            connect_timeout: config.connect_timeout,
            idle_connections: config.max_concurrency.max(16),
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
    pub(super) wake: Arc<Wake>,
    /// Sleeping threads wait here, until their time comes or something happens.
    sleep: Mutex<()>,
    woken: Condvar,
}

impl Http {
    pub(crate) fn new(network: &Network) -> Http {
        let wake = Arc::new(Wake::default());
        let resolver = Arc::new(Resolver::new(wake.clone(), network.address_cache.clone()));
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(network.idle_connections)
            .max_idle_connections_per_host(network.idle_connections)
            .max_idle_age(IDLE_LIFETIME)
            .build();
        let connect = Connect(Arc::new(ConnectInner {
            resolver: resolver.clone(),
            tls: Tls::new(network.tls.clone()),
            wake: wake.clone(),
            timeout: network.connect_timeout,
        }));
        let agent = Agent::with_parts(config, connect.clone(), NoLookup);
        Http {
            agent,
            connect,
            resolver,
            connect_timeout: network.connect_timeout,
            wake,
            sleep: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    /// Ends every exchange in progress, and every sleep; refuses later ones.
    pub(crate) fn cancel(&self) {
        self.wake.cancel();
        self.agent.clone().shutdown();
        self.resolver.wake();
        self.wake();
    }

    #[cfg(test)]
    pub(crate) fn break_name_lookups(&self, broken: bool) {
        self.resolver.broken.store(broken, crate::sync::Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.wake.is_cancelled()
    }

    /// Wakes every sleeping thread, which checks its condition.
    pub(crate) fn wake(&self) {
        let _sleep = lock(&self.sleep);
        self.woken.notify_all();
    }

    /// Sleeps until `until`, or until `is_awake` after a `wake`, or a cancel.
    pub(crate) fn sleep_until(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
        let mut sleep = lock(&self.sleep);
        while !self.is_cancelled() && !is_awake() {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            // Not for ever at once: some systems' clocks overflow.
            let left = left.min(Duration::from_secs(3600));
            sleep = self.woken.wait_timeout(sleep, left).unwrap_or_else(PoisonError::into_inner).0;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(shuttle))]
    #[test]
    fn a_sleep_ends_on_time_when_it_is_woken_or_by_a_cancel() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let http = Http::new(&Network::new(&crate::config::Config::new()).unwrap());
        let begin = Instant::now();
        assert!(http.sleep(Duration::from_millis(30)) && begin.elapsed() >= Duration::from_millis(30));
        let is_awake = AtomicBool::new(false);
        let hour = || Some(Instant::now() + Duration::from_secs(3600));
        let in_a_moment = |action: &(dyn Fn() + Sync)| {
            let begin = Instant::now();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(30));
                    action();
                });
                http.sleep_until(hour(), &|| is_awake.load(Ordering::SeqCst));
                begin.elapsed() >= Duration::from_millis(30)
            })
        };
        assert!(in_a_moment(&|| {
            is_awake.store(true, Ordering::SeqCst);
            http.wake();
        }));
        is_awake.store(false, Ordering::SeqCst);
        assert!(in_a_moment(&|| http.cancel()));
        assert!(!http.sleep(Duration::from_secs(3600)));
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use super::*;
    use crate::config::Config;
    use crate::sync::{check, thread};

    #[test]
    fn a_cancel_ends_every_sleep() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let http = Arc::new(Http::new(&network));
            let sleepers = [http.clone(), http.clone()];
            let sleepers = sleepers.map(|http| thread::spawn(move || http.sleep(Duration::from_secs(3600))));
            http.cancel();
            assert_eq!(sleepers.map(|sleeper| sleeper.join().unwrap()), [false; 2]);
        });
    }
}
