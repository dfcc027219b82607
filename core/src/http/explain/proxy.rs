//! What to say of a proxy that refuses to connect.

use crate::http::cause::Refusal;
use crate::http::route::{ProxyServer, Route};

/// A proxy as messages name it: where it is and where that comes from, without its password.
pub(super) fn name_of(server: &ProxyServer) -> String {
    let scheme = server.proxy.uri().scheme_str().unwrap_or("http");
    format!("the proxy {scheme}://{}:{} (from {})", server.proxy.host(), server.proxy.port(), server.source)
}

impl Refusal {
    pub(super) fn explain(self, proxy: &str, source: &str, route: &Route) -> String {
        let target = format!("{}:{}", route.base.host(), route.base.port());
        match self {
            Refusal::Http { status: 407, schemes, had_login, .. } => {
                let offers = match schemes.is_empty() {
                    true => String::new(),
                    false => format!("; it offers {}", schemes.join(", ")),
                };
                let knows_basic =
                    schemes.is_empty() || schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
                let remedy = match (knows_basic, had_login) {
                    (false, _) => "only Basic is supported: use a local relay that supports the others, such as \
                                   px or cntlm"
                        .to_owned(),
                    (true, true) => format!("it requires other credentials than those in {source}"),
                    (true, false) => {
                        format!("it requires credentials: write http://user:password@host:port in {source}")
                    }
                };
                format!("{proxy} refused the request (HTTP 407{offers}): {remedy}")
            }
            Refusal::Http { status: 403, reason, page, .. } => {
                let page = page.map_or_else(String::new, |page| format!("; {page}"));
                format!(
                    "{proxy} does not permit connections to {target} (HTTP 403 {reason}{page}): ask its administrator to allow \
                     them"
                )
            }
            Refusal::Http { status: status @ 300..400, reason, location: Some(location), .. } => format!(
                "{proxy} did not open a tunnel to {target} (HTTP {status} {reason}), but redirects to {location}: the network may \
                 demand a login there first"
            ),
            Refusal::Http { status, reason, page, .. } => {
                let page = page.map_or_else(String::new, |page| format!(": {page}"));
                format!("{proxy} did not open a tunnel to {target} (HTTP {status} {reason}){page}")
            }
            Refusal::NoHttp(why) => format!("{proxy} does not respond as an HTTP proxy ({why}): check {source}"),
            Refusal::SpeaksTls => format!("{proxy} requires TLS: write https:// instead of http:// in {source}"),
            Refusal::NoSocks => format!("{proxy} does not respond as a SOCKS 5 proxy: check {source}"),
            Refusal::LoginWanted => format!(
                "{proxy} requires credentials, a user and a password: write socks5://user:password@host:port in {source}"
            ),
            Refusal::WrongLogin => format!("{proxy} refused the credentials in {source}"),
            Refusal::LoginTooLong => format!("the user and the password in {source} have at most 255 bytes for SOCKS"),
            Refusal::Socks(reply) => {
                let why = match reply {
                    1 => "it failed",
                    2 => "its rules forbid it: ask its administrator",
                    3 => "it has no route to that network",
                    4 => "it has no route to that host, or cannot look up its name",
                    5 => "the connection was refused",
                    6 => "the time to live expired",
                    8 => "it does not support this kind of address: try socks5h:// instead of socks5://, or vice versa",
                    _ => "it gave no known reason",
                };
                format!("{proxy} did not open a connection to {target} (SOCKS reply {reply}): {why}")
            }
        }
    }
}
