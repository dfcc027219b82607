//! The route to a server: directly, or through a proxy, and the headers of every request.

use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::{HeaderValue, Request, Uri, header};

use crate::config::{Config, ProxySetting, refusal, variable};
use crate::endpoint::BaseUrl;
use crate::error::Error;
use crate::proxy_url::{PROXY_RULE, ProxyUrl};

/// The `User-Agent` of this library.
pub(super) const USER_AGENT: &str = concat!("libzmd/", env!("CARGO_PKG_VERSION"));

/// A server, and the proxy to it, if any.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) base: BaseUrl,
    /// The header `Host`.
    host: HeaderValue,
    pub(super) proxy: Option<ProxyServer>,
}

impl Route {
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().map(|server| &server.proxy)
    }

    /// A request for `url`, which lies under the route's base, with the headers that every one has.
    ///
    /// Those that ureq would add itself it would also parse each time.
    pub(super) fn request<B>(&self, url: &str, body: B) -> Result<Request<B>, ureq::Error> {
        let mut request = Request::new(body);
        *request.uri_mut() = Uri::try_from(url).map_err(ureq::http::Error::from)?;
        let headers = request.headers_mut();
        headers.reserve(6);
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        // Without it, a server may choose any coding.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Both services translate their messages.
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        Ok(request)
    }
}

/// A proxy, and where it is set.
#[derive(Clone, Debug)]
pub(super) struct ProxyServer {
    pub(super) proxy: Proxy,
    /// `"the setting proxy"`, `"HTTPS_PROXY"`.
    pub(super) source: &'static str,
}

/// The proxy, and the hosts that are connected directly.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    proxy: Option<ProxyServer>,
    exempt: Exempt,
}

/// The variables that say how to connect.
const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

#[derive(Clone, Debug)]
enum Exempt {
    None,
    /// This machine, and the hosts of NO_PROXY.
    ThisMachineAnd(String),
}

impl Proxies {
    /// The proxy of the setting or, with `proxy=env`, of the environment.
    pub(crate) fn new(config: &Config) -> Result<Proxies, Error> {
        match &config.proxy {
            ProxySetting::None => Ok(Proxies { proxy: None, exempt: Exempt::None }),
            ProxySetting::Url(url) => {
                let proxy = ProxyServer { proxy: url.0.clone(), source: "the setting proxy" };
                Ok(Proxies { proxy: Some(proxy), exempt: Exempt::None })
            }
            ProxySetting::Env => {
                // One that is not UTF-8 is not passed over: the connection would be made without the proxy.
                VARIABLES.iter().try_for_each(|name| variable(name).map(drop))?;
                Proxies::of_environment(|name| std::env::var(name).unwrap_or_default())
            }
        }
    }

    /// The first of HTTPS_PROXY and ALL_PROXY, in upper or lower case, that is not empty.
    fn of_environment(env: impl Fn(&str) -> String) -> Result<Proxies, Error> {
        let value_of = |names: &[&'static str]| {
            names.iter().map(|name| (*name, env(name))).find(|(_, value)| !value.trim().is_empty())
        };
        let proxy = match value_of(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
            None => None,
            Some((source, url)) => {
                let url = ProxyUrl::parse(url.trim());
                let proxy = url.ok_or_else(|| refusal(&format!("{source} (proxy=env)"), PROXY_RULE))?.0;
                Some(ProxyServer { proxy, source })
            }
        };
        let list = value_of(&["NO_PROXY", "no_proxy"]).map(|(_, list)| list);
        Ok(Proxies { proxy, exempt: Exempt::ThisMachineAnd(list.unwrap_or_default()) })
    }

    /// The route to a server. Plain http never goes through a proxy: it is for this machine only, and the access token
    /// would cross the network in clear text.
    pub(crate) fn route(&self, base: BaseUrl) -> Route {
        let is_direct = !base.is_https()
            || match &self.exempt {
                Exempt::None => false,
                Exempt::ThisMachineAnd(list) => base.is_loopback() || is_listed(list, base.host(), base.port()),
            };
        let proxy = self.proxy.clone().filter(|_| !is_direct);
        let host = HeaderValue::from_str(base.host_header()).expect("a host is visible ASCII");
        Route { base, host, proxy }
    }
}

/// Whether NO_PROXY names a host, as curl (8) and Go's `httpproxy` read it: entries between commas or blanks, `*`
/// for all, a domain for itself and what is below it (with a dot or `*.` in front, too), an address, a block of
/// addresses (`10.0.0.0/8`), each but the block perhaps with a port. Case and a dot at the end do not count.
fn is_listed(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ', '\t', '\r', '\n']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, length)) = entry.split_once('/') {
            return address.is_some_and(|address| is_in_block(address, network, length));
        }
        let (name, its_port) = match entry.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((name, port)) => (name, port.strip_prefix(':')),
                None => return false,
            },
            // More than one colon: an IPv6 address without brackets.
            None => match entry.split_once(':') {
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (&*entry, None),
            },
        };
        if its_port.is_some_and(|its_port| its_port != port.to_string()) {
            return false;
        }
        if let Some(address) = address {
            return name.parse() == Ok(address);
        }
        let domain = name.strip_prefix('*').unwrap_or(name).trim_start_matches('.').trim_end_matches('.');
        !domain.is_empty() && host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn is_in_block(address: IpAddr, network: &str, length: &str) -> bool {
    fn bits(address: IpAddr) -> (u128, u32) {
        match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        }
    }
    let (Ok(network), Ok(length)) = (network.trim_matches(['[', ']']).parse(), length.parse::<u32>()) else {
        return false;
    };
    let ((address, width), (network, network_width)) = (bits(address), bits(network));
    if width != network_width || length > width {
        return false;
    }
    // A shift by the whole width would overflow.
    (address ^ network).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_as_curl_and_go_read_it() {
        for (list, host, port, expected) in [
            ("", "host", 443, false),
            (" , ,", "host", 443, false),
            ("*", "host", 443, true),
            ("zmd.test", "zmd.test", 443, true),
            ("zmd.test", "api.zmd.test", 443, true),
            ("zmd.test", "apizmd.test", 443, false),
            (".zmd.test", "api.zmd.test", 443, true),
            (".zmd.test", "zmd.test", 443, true),
            ("*.zmd.test", "api.zmd.test", 443, true),
            ("zmd.test.", "api.zmd.test", 443, true),
            ("ZMD.test", "api.zmd.test", 443, true),
            ("zmd.test", "api.zmd.test.", 443, true),
            ("a.test b.test\tc.test,d.test", "c.test", 443, true),
            (" d.test ", "d.test", 443, true),
            ("zmd.test:443", "zmd.test", 443, true),
            ("zmd.test:8443", "zmd.test", 443, false),
            (".", "zmd.test", 443, false),
            ("10.0.0.0/8", "10.1.2.3", 443, true),
            ("10.0.0.0/8", "11.1.2.3", 443, false),
            ("10.0.0.0/8", "10.example.com", 443, false),
            ("0.0.0.0/0", "8.8.8.8", 443, true),
            ("0.0.0.0/0", "2001:db8::1", 443, false),
            ("10.1.2.3/32", "10.1.2.3", 443, true),
            ("10.0.0.0/33", "10.1.2.3", 443, false),
            ("10.0.0.0/x", "10.1.2.3", 443, false),
            ("192.168.7.128/25", "192.168.7.200", 443, true),
            ("192.168.7.128/25", "192.168.7.100", 443, false),
            ("fd00::/8", "fd12:3456::1", 443, true),
            ("fd00::/8", "fe80::1", 443, false),
            ("::/0", "fe80::1", 443, true),
            ("10.1.2.3", "10.1.2.3", 443, true),
            ("2.3", "10.1.2.3", 443, false),
            ("10.1.2.3:8443", "10.1.2.3", 8443, true),
            ("2001:db8::1", "2001:db8::1", 443, true),
            ("2001:db8:0::1", "2001:db8::1", 443, true),
            ("[2001:db8::1]", "2001:db8::1", 443, true),
            ("[2001:db8::1]:8443", "2001:db8::1", 443, false),
            ("[2001:db8::1]:443", "2001:db8::1", 443, true),
            ("[2001:db8::1", "2001:db8::1", 443, false),
        ] {
            assert_eq!(is_listed(list, host, port), expected, "{list:?} {host}:{port}");
        }
    }

    #[test]
    fn no_coding_of_the_body_is_accepted() {
        let proxies = Proxies::new(&Config::new()).unwrap();
        let route = proxies.route(BaseUrl::parse("https://zoho.test").unwrap());
        let request = route.request("https://zoho.test/crm", ()).unwrap();
        assert_eq!(request.headers()[header::ACCEPT_ENCODING], "identity");
    }

    #[test]
    fn plain_http_never_goes_to_a_proxy() {
        let mut config = Config::new();
        for proxy in ["http://proxy.example.com:3128", "https://proxy.example.com", "socks5h://proxy.example.com"] {
            config.set("proxy", proxy).unwrap();
            let proxies = Proxies::new(&config).unwrap();
            assert!(proxies.route(BaseUrl::parse("http://localhost:8080").unwrap()).proxy.is_none());
            assert!(proxies.route(BaseUrl::parse("http://127.0.0.1").unwrap()).proxy.is_none());
            assert!(proxies.route(BaseUrl::parse("https://localhost:8080").unwrap()).proxy.is_some());
        }
    }

    #[test]
    fn the_environment_names_the_proxy() {
        let of = |variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let proxies = Proxies::of_environment(|name| value(name).unwrap_or_default()).unwrap();
            let route = proxies.route(BaseUrl::parse("https://www.zohoapis.com").unwrap());
            route.proxy.map(|server| (server.proxy.host().to_owned(), server.source))
        };
        let named = |host: &str, source| Some((host.to_owned(), source));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("HTTP_PROXY", "http://a")]), None);
        assert_eq!(of(&[("HTTPS_PROXY", " http://a "), ("ALL_PROXY", "http://b")]), named("a", "HTTPS_PROXY"));
        assert_eq!(of(&[("HTTPS_PROXY", ""), ("all_proxy", "http://b")]), named("b", "all_proxy"));
        assert_eq!(of(&[("https_proxy", "http://a"), ("NO_PROXY", "x,zohoapis.com")]), None);
    }
}
