//! The URL of a proxy, which may hold a password.

use ureq::ProxyProtocol;

use crate::endpoint::host_of;

/// A proxy, which may have a password: `Debug` shows only where it is.
#[derive(Clone, Debug)]
pub(crate) struct ProxyUrl(pub(crate) ureq::Proxy);

/// The rule for a proxy URL, for messages.
pub(crate) const PROXY_RULE: &str = "a URL: a scheme (http, the default, https, socks5 or socks5h), optionally \
                                     user:password@, a host, and optionally a port";

impl ProxyUrl {
    pub(crate) fn parse(text: &str) -> Option<ProxyUrl> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        // ureq accepts more than is valid: ports over 65535, a path, a fragment.
        host_of(authority.rsplit_once('@').map_or(authority, |(_, host)| host))?;
        let proxy = ureq::Proxy::new(text).ok()?;
        let known = matches!(
            proxy.protocol(),
            ProxyProtocol::Http | ProxyProtocol::Https | ProxyProtocol::Socks5 | ProxyProtocol::Socks5h
        );
        known.then_some(ProxyUrl(proxy))
    }
}
