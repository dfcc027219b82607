//! Connects to a server step by step, for diagnosis.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::header;

use super::cause::{ExchangeError, Stage};
use super::exchange::{Http, Network};
use super::race;
use super::route::{Proxies, Route};
use super::transport::{ExchangeDeadline, FirstByteTimer};
use crate::config::Config;
use crate::endpoint::BaseUrl;
use crate::error::Error;
use crate::retry::Deadline;

/// What [`probe`] found; a step that could not be tried is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The proxy that the connection goes through.
    pub proxy: Option<ProxyInUse>,
    /// The addresses of the proxy, or else of the server.
    pub lookup: Option<Result<Vec<IpAddr>, Error>>,
    /// How long it took to connect to one of them.
    pub connect: Option<Result<Duration, Error>>,
    /// The certificates that the server shows, its own first, in DER: trusted or not. `None` also for plain http.
    pub certificates: Option<Result<Vec<Vec<u8>>, Error>>,
    /// Whether the server responds to this client, which verifies its certificate.
    pub response: Option<Result<ProbeResponse, Error>>,
    /// Where the time of a call goes.
    pub times: ProbeTimes,
}

/// How long each step of a call took; `None`: it failed, or was not necessary.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ProbeTimes {
    /// Looking up the name of the server, or of the proxy.
    pub lookup: Option<Duration>,
    /// Connecting a socket to it.
    pub connect: Option<Duration>,
    /// The TLS handshake with the server.
    pub tls: Option<Duration>,
    /// From the request to the first byte of the response.
    pub first_byte: Option<Duration>,
}

/// A proxy, and who named it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProxyInUse {
    /// Host and port.
    pub address: String,
    /// `"the setting proxy"`, `"HTTPS_PROXY"`.
    pub source: &'static str,
}

/// A server's response to a request without a token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ProbeResponse {
    /// The HTTP status, whatever it is.
    pub http_status: u16,
    /// The server's clock, and this machine's at that moment.
    pub clocks: Option<(SystemTime, SystemTime)>,
}

/// Connects to a server as a client with this configuration does: lookup, connection, TLS, and a request without a
/// token. Blocks for a few times `connect_timeout_ms` at the most.
pub fn probe(config: &Config, server: &BaseUrl) -> Result<Probe, Error> {
    let route = Proxies::new(config)?.route(server.clone());
    let http = Http::new(&Network::new(config)?);
    let mut found = Probe {
        proxy: route.proxy.as_ref().map(|server| ProxyInUse {
            address: format!("{}:{}", server.proxy.host(), server.proxy.port()),
            source: server.source,
        }),
        lookup: None,
        connect: None,
        certificates: None,
        response: None,
        times: ProbeTimes::default(),
    };
    let steps = Steps { http: &http, route: &route, timeout: config.connect_timeout };
    let begin = Instant::now();
    let lookup = steps.lookup();
    found.times.lookup = lookup.is_ok().then(|| begin.elapsed());
    let addresses = lookup.as_ref().map(|found| found.iter().map(|address| address.ip()).collect());
    found.lookup = Some(addresses.map_err(Clone::clone));
    let Ok(addresses) = lookup else { return Ok(found) };
    let connect = steps.connect(&addresses);
    found.times.connect = connect.as_ref().ok().copied();
    found.connect = Some(connect);
    if found.times.connect.is_none() {
        return Ok(found);
    }
    if server.is_https() {
        let certificates = steps.certificates();
        found.times.tls = certificates.as_ref().ok().map(|(_, took)| *took);
        found.certificates = Some(certificates.map(|(chain, _)| chain));
    }
    let timer = FirstByteTimer::start();
    found.response = Some(steps.response());
    found.times.first_byte = timer.elapsed();
    Ok(found)
}

struct Steps<'a> {
    http: &'a Http,
    route: &'a Route,
    timeout: Duration,
}

impl Steps<'_> {
    fn until(&self) -> Instant {
        Instant::now() + self.timeout
    }

    fn explain(&self, failed: ExchangeError) -> Error {
        let deadline = Deadline::after(self.timeout);
        self.http.explain(failed.into(), self.route, deadline).error
    }

    fn lookup(&self) -> Result<Vec<std::net::SocketAddr>, Error> {
        let (host, port, stage) = match &self.route.proxy {
            Some(server) => (server.proxy.host(), server.proxy.port(), Stage::ProxyLookup),
            None => (self.route.base.host(), self.route.base.port(), Stage::Lookup),
        };
        let addresses = self.http.resolver.look_up(host, port, self.until());
        addresses.map_err(|cause| self.explain(ExchangeError::at(stage, cause)))
    }

    fn connect(&self, addresses: &[std::net::SocketAddr]) -> Result<Duration, Error> {
        let stage = if self.route.proxy.is_some() { Stage::ProxyConnect } else { Stage::Connect };
        let begin = Instant::now();
        match race::connect(addresses, self.until(), &self.http.cancel) {
            Ok(_) => Ok(begin.elapsed()),
            Err(cause) => Err(self.explain(ExchangeError::at(stage, cause))),
        }
    }

    /// The certificates, and how long the handshake took.
    fn certificates(&self) -> Result<(Vec<Vec<u8>>, Duration), Error> {
        let (host, port, until) = (self.route.base.host(), self.route.base.port(), self.until());
        let stream = self.http.connect.open(self.route.proxy(), host, port, until);
        let shown = stream.and_then(|stream| {
            let begin = Instant::now();
            let shown = self.http.connect.0.tls.shown(stream, host, until);
            shown.map(|chain| (chain, begin.elapsed())).map_err(|cause| ExchangeError::at(Stage::Tls, cause))
        });
        shown.map_err(|error| self.explain(error))
    }

    fn response(&self) -> Result<ProbeResponse, Error> {
        let deadline = Deadline::after(self.timeout);
        let _deadline = ExchangeDeadline::set(deadline.end());
        let request = self.route.request(&self.route.base.to_string(), ());
        let response = request.and_then(|request| self.http.send(self.route, request));
        let response = response.map_err(|error| self.http.explain(error, self.route, deadline).error)?;
        let now = SystemTime::now();
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let theirs = date.and_then(|date| httpdate::parse_http_date(date).ok());
        Ok(ProbeResponse { http_status: response.status().as_u16(), clocks: theirs.map(|theirs| (theirs, now)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zmd_sim::Sim;

    #[test]
    fn each_step_is_tried_until_one_fails() {
        let sim = Sim::builder().tls().start();
        let url = BaseUrl::parse(&sim.url().replace("127.0.0.1", "localhost")).unwrap();
        let mut config = Config::new();
        config.set("connect_timeout_ms", "10000").unwrap();
        // A server that is not trusted: its certificate is shown all the same.
        let found = probe(&config, &url).unwrap();
        assert!(found.proxy.is_none() && found.lookup.unwrap().unwrap().iter().any(|address| address.is_loopback()));
        let connect = found.connect.unwrap().unwrap();
        assert!(connect > Duration::ZERO && connect < Duration::from_secs(10), "{connect:?}");
        let certificates = found.certificates.unwrap().unwrap();
        assert!(certificates[0].starts_with(&[0x30, 0x82]), "DER");
        assert_eq!(found.response.unwrap().unwrap_err().kind(), crate::ErrorKind::Tls);
        assert!(found.times.tls.is_some() && found.times.first_byte.is_none(), "{:?}", found.times);
        config.set("ca_file", sim.ca_file().to_str().unwrap()).unwrap();
        let found = probe(&config, &url).unwrap();
        let ProbeTimes { lookup, connect, tls, first_byte } = found.times;
        assert!(lookup.is_some() && connect.is_some() && tls.is_some() && first_byte.is_some(), "{:?}", found.times);
        let response = found.response.unwrap().unwrap();
        assert!(response.http_status >= 400, "{response:?}");

        let plain = Sim::start();
        let found = probe(&config, &BaseUrl::parse(&plain.url()).unwrap()).unwrap();
        assert!(found.certificates.is_none() && found.response.unwrap().is_ok());
        assert!(found.times.tls.is_none() && found.times.first_byte.is_some(), "{:?}", found.times);
        drop(plain);
        let refused = probe(&config, &BaseUrl::parse("http://127.0.0.1:1").unwrap()).unwrap();
        assert!(refused.connect.unwrap().is_err() && refused.response.is_none());
    }
}
