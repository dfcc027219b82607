//! Opens a connection: looks up the name, connects a socket, asks the proxy for a tunnel, and does the TLS handshake.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{ConnectionDetails, Connector};
use ureq::{Proxy, ProxyProtocol};

use super::cause::{Cause, ExchangeError, Limit, LookupError, Stage};
use super::lookup::{Resolver, without_brackets};
use super::proxy::{self, Target};
use super::race;
use super::stream::Stream;
use super::times::{Step, timed};
use super::tls::Tls;
use super::transport::{self, Connection};
use crate::activity::{Activity, count};
use crate::cancel::Cancel;

/// Opens the connections of one process.
#[derive(Clone, Debug)]
pub(super) struct Connect(pub(super) Arc<ConnectInner>);

#[derive(Debug)]
pub(super) struct ConnectInner {
    pub(super) resolver: Arc<Resolver>,
    pub(super) tls: Tls,
    pub(super) cancel: Arc<Cancel>,
    /// For all of it: looking up the name, every address, the proxy, TLS.
    pub(super) timeout: Duration,
    pub(super) activity: Arc<Activity>,
}

impl Connector for Connect {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        let call = transport::deadline();
        let connect = Instant::now() + self.0.timeout;
        let (until, limit) = if call <= connect { (call, Limit::Call) } else { (connect, Limit::Connect) };
        let host = details.uri.host().ok_or(ureq::Error::HostNotFound)?;
        let is_tls = details.needs_tls();
        let port = details.uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = match is_tls {
            true => self.open(details.config.proxy(), host, port, until).and_then(|stream| {
                timed(Step::Tls, || self.0.tls.secure(stream, host, until))
                    .map_err(|cause| ExchangeError::at(Stage::Tls, cause))
            }),
            false => self.connect_to_this_machine(host, port, until),
        };
        let stream = stream.map_err(|failed| failed.with_limit(limit))?;
        Ok(Some(Connection::new(stream, is_tls)))
    }
}

impl Connect {
    /// A connection to a host, directly or through a proxy, without the host's own TLS.
    pub(super) fn open(
        &self,
        proxy: Option<&Proxy>,
        host: &str,
        port: u16,
        until: Instant,
    ) -> Result<Box<dyn Stream>, ExchangeError> {
        match proxy {
            Some(proxy) => self.connect_through(proxy, host, port, until),
            None => self.connect_to(host, port, until, Stage::Lookup, Stage::Connect),
        }
    }

    /// A connection to a host, whatever is spoken over it.
    fn connect_to(
        &self,
        host: &str,
        port: u16,
        until: Instant,
        lookup: Stage,
        connect: Stage,
    ) -> Result<Box<dyn Stream>, ExchangeError> {
        let found = timed(Step::Lookup, || self.0.resolver.look_up(host, port, until));
        let addresses = found.map_err(|cause| ExchangeError::at(lookup, cause))?;
        self.race(&addresses, until, connect)
    }

    /// For plain http, which would show the access token to others: a name like `localhost` is what the resolver says.
    fn connect_to_this_machine(&self, host: &str, port: u16, until: Instant) -> Result<Box<dyn Stream>, ExchangeError> {
        let found = timed(Step::Lookup, || self.0.resolver.look_up(host, port, until));
        let found = found.map_err(|cause| ExchangeError::at(Stage::Lookup, cause))?;
        let local: Vec<_> = found.iter().copied().filter(|address| address.ip().to_canonical().is_loopback()).collect();
        match (local.is_empty(), found.first()) {
            (true, Some(elsewhere)) => Err(ExchangeError::at(Stage::Connect, Cause::NotThisMachine(elsewhere.ip()))),
            _ => self.race(&local, until, Stage::Connect),
        }
    }

    fn race(&self, addresses: &[SocketAddr], until: Instant, connect: Stage) -> Result<Box<dyn Stream>, ExchangeError> {
        match timed(Step::Connect, || race::connect(addresses, until, &self.0.cancel)) {
            Ok(socket) => {
                count(&self.0.activity.connections, 1);
                Ok(Box::new(socket.counted(&self.0.activity)))
            }
            Err(cause) => {
                // Perhaps the server has moved.
                self.0.resolver.forget();
                Err(ExchangeError::at(connect, cause))
            }
        }
    }

    /// A connection to a host that a proxy makes.
    fn connect_through(
        &self,
        proxy: &Proxy,
        host: &str,
        port: u16,
        until: Instant,
    ) -> Result<Box<dyn Stream>, ExchangeError> {
        let mut stream = self.connect_to(proxy.host(), proxy.port(), until, Stage::ProxyLookup, Stage::ProxyConnect)?;
        if proxy.protocol() == ProxyProtocol::Https {
            let secured = self.0.tls.secure(stream, proxy.host(), until);
            stream = secured.map_err(|cause| ExchangeError::at(Stage::ProxyTls, cause))?;
        }
        let login = proxy.username().map(|user| (user, proxy.password().unwrap_or_default()));
        let opened = match proxy.protocol() {
            ProxyProtocol::Http | ProxyProtocol::Https => proxy::connect(&mut *stream, host, port, login, until),
            _ => {
                let target = self.target(proxy, host, port, until)?;
                proxy::socks(&mut *stream, target, port, login, until)
            }
        };
        opened.map_err(|cause| ExchangeError::at(Stage::ProxyHandshake, cause))?;
        Ok(stream)
    }

    /// With `socks5` the name is looked up here, with `socks5h` there, as with curl.
    fn target<'a>(&self, proxy: &Proxy, host: &'a str, port: u16, until: Instant) -> Result<Target<'a>, ExchangeError> {
        let bare = without_brackets(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Target::Address(address));
        }
        if !proxy.resolve_target() {
            return Ok(Target::Name(bare));
        }
        let found = self.0.resolver.look_up(bare, port, until);
        let found = found.map_err(|cause| ExchangeError::at(Stage::Lookup, cause))?;
        // The proxy takes one, and most of them know only the older family.
        let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
        let address =
            address.ok_or_else(|| ExchangeError::at(Stage::Lookup, Cause::Lookup(LookupError::without_address())))?;
        Ok(Target::Address(address.ip()))
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::endpoint::BaseUrl;
    use crate::http::{Http, Network};
    use zmd_sim::Sim;

    #[test]
    fn who_looks_up_the_name_behind_a_socks_proxy() {
        let http = Http::new(&Network::new(&Config::new()).unwrap());
        let target = |proxy: &str, host: &'static str| {
            let until = Instant::now() + Duration::from_secs(10);
            match http.connect.target(&Proxy::new(proxy).unwrap(), host, 443, until).unwrap() {
                Target::Name(name) => name.to_owned(),
                Target::Address(address) if address.is_loopback() => "loopback".to_owned(),
                Target::Address(address) => address.to_string(),
            }
        };
        assert_eq!(target("socks5://proxy:1080", "localhost"), "loopback");
        assert_eq!(target("socks5h://proxy:1080", "localhost"), "localhost");
        for proxy in ["socks5://proxy:1080", "socks5h://proxy:1080"] {
            assert_eq!(target(proxy, "[2001:db8::1]"), "2001:db8::1");
            assert_eq!(target(proxy, "192.0.2.1"), "192.0.2.1");
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_whatever_the_resolver_says() {
        let sim = Sim::start();
        let base = BaseUrl::parse(&sim.url()).unwrap();
        let http = Http::new(&Network::new(&Config::new()).unwrap());
        let connect = |addresses: &[&str]| {
            let addresses = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), base.port()));
            http.resolver.set("localhost", base.port(), addresses.collect());
            http.connect.connect_to_this_machine("localhost", base.port(), Instant::now() + Duration::from_secs(10))
        };
        let elsewhere = connect(&["192.0.2.1", "2001:db8::1"]).unwrap_err();
        assert!(matches!(elsewhere.cause, Cause::NotThisMachine(address) if address.to_string() == "192.0.2.1"));
        assert!(connect(&["192.0.2.1", "127.0.0.1"]).is_ok() && connect(&["::ffff:127.0.0.1"]).is_ok());
    }

    #[test]
    fn a_tls_connection_with_something_left_to_read_is_not_reused() {
        let sim = Sim::builder().tls().start();
        let mut config = Config::new();
        config.set("ca_file", sim.ca_file().to_str().unwrap()).unwrap();
        let http = Http::new(&Network::new(&config).unwrap());
        let base = BaseUrl::parse(&sim.url()).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        let stream = http.connect.open(None, base.host(), base.port(), until).unwrap();
        let mut stream = http.connect.0.tls.secure(stream, base.host(), until).unwrap();
        let mut response = vec![0; 64 * 1024];
        for part in [1, response.len()] {
            stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", until).unwrap();
            assert!(stream.read(&mut response[..part], until).unwrap() > 0);
            assert!(part > 1 || !stream.is_reusable());
            // The rest may come in parts.
            while !stream.is_reusable() {
                assert!(stream.read(&mut response, until).unwrap() > 0);
            }
        }
    }
}
