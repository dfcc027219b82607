//! The URL of a proxy, which may hold a password.

use ureq::ProxyProtocol;

use crate::endpoint::host_of;

/// A proxy, which may have a password: `Debug` shows only where it is.
#[derive(Clone, Debug)]
pub(crate) struct ProxyUrl(pub(crate) ureq::Proxy);

/// The rule for a proxy URL, for messages.
pub(crate) const PROXY_RULE: &str = "a URL: http (the default), https, socks5 or socks5h, optionally user:password@ with \
                                     special characters percent-encoded in UTF-8 (# as %23, / as %2F, ? as %3F, @ as \
                                     %40, a backslash as %5C, \u{fc} as %C3%BC), a host, and optionally a port";

impl ProxyUrl {
    pub(crate) fn parse(text: &str) -> Option<ProxyUrl> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        // ureq accepts more than is valid: ports over 65535, a path, a fragment. It ends the host at the first of "#/?", also
        // where that belongs to the password, which would then be connected to.
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        host_of(host)?;
        if !login.unwrap_or_default().bytes().all(is_plain) {
            return None;
        }
        let proxy = ureq::Proxy::new(text).ok()?;
        let known = matches!(
            proxy.protocol(),
            ProxyProtocol::Http | ProxyProtocol::Https | ProxyProtocol::Socks5 | ProxyProtocol::Socks5h
        );
        known.then_some(ProxyUrl(proxy))
    }
}

/// Whether a character of a user or password may stand in a URL as it is (RFC 3986, section 3.2.1), or is part of an encoded one.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_with_special_characters_is_refused_until_they_are_encoded() {
        for url in [
            "http://admin:1234#Secret@proxy:3128",
            "http://localhost:19200#x@proxy:3128",
            "http://user:a/b@proxy:3128",
            "http://user:a?b@proxy:3128",
            "user:a#b@proxy:3128",
            "socks5://user:a@b@proxy",
            "http://CORP\\user:password@proxy",
            "http://us\u{e9}r:password@proxy",
            "http://user:pass word@proxy",
        ] {
            assert!(ProxyUrl::parse(url).is_none(), "{url}");
        }
        let proxy = ProxyUrl::parse("http://CORP%5Cus%C3%A9r:a%23b%2Fc%3Fd%40e!$&'()*+,;=-._~:x@proxy:3128").unwrap().0;
        assert_eq!((proxy.username(), proxy.host(), proxy.port()), (Some("CORP\\us\u{e9}r"), "proxy", 3128));
        assert_eq!(proxy.password(), Some("a#b/c?d@e!$&'()*+,;=-._~:x"));
    }
}
