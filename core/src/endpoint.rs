//! Data centers, environments and versions of the API, and the URLs that they make.

use std::fmt;
use std::net::IpAddr;

use crate::job::{JobId, ModuleName};

/// A data center of Zoho. An account belongs to one of them, and its tokens are valid only there.
///
/// Source: Zoho CRM API v8, "Multi DC" (domains) and OAuth "Multi DC" (accounts servers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataCenter {
    /// `us`, `eu`, ...: the value of the setting `data_center`.
    pub name: &'static str,
    domain: &'static str,
    accounts: &'static str,
}

/// Every data center; the first is the default. Whether `uk`, `ae` and `sg` have sandboxes and developer editions is not
/// documented: they are accepted.
pub const DATA_CENTERS: &[DataCenter] = &[
    DataCenter { name: "us", domain: "com", accounts: "accounts.zoho.com" },
    DataCenter { name: "eu", domain: "eu", accounts: "accounts.zoho.eu" },
    DataCenter { name: "in", domain: "in", accounts: "accounts.zoho.in" },
    DataCenter { name: "au", domain: "com.au", accounts: "accounts.zoho.com.au" },
    DataCenter { name: "cn", domain: "com.cn", accounts: "accounts.zoho.com.cn" },
    DataCenter { name: "jp", domain: "jp", accounts: "accounts.zoho.jp" },
    DataCenter { name: "ca", domain: "ca", accounts: "accounts.zohocloud.ca" },
    DataCenter { name: "sa", domain: "sa", accounts: "accounts.zoho.sa" },
    DataCenter { name: "uk", domain: "uk", accounts: "accounts.zoho.uk" },
    DataCenter { name: "ae", domain: "ae", accounts: "accounts.zoho.ae" },
    DataCenter { name: "sg", domain: "sg", accounts: "accounts.zoho.sg" },
];

/// A kind of Zoho CRM organization, and the first label of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `production`, `sandbox` or `developer`: the value of the setting `environment`.
    pub name: &'static str,
    label: &'static str,
}

/// Every environment; the first is the default.
pub const ENVIRONMENTS: &[Environment] = &[
    Environment { name: "production", label: "www" },
    Environment { name: "sandbox", label: "sandbox" },
    Environment { name: "developer", label: "developer" },
];

impl DataCenter {
    /// The API's base URL in this data center.
    pub fn api_domain(&self, environment: Environment) -> BaseUrl {
        let url = format!("https://{}.zohoapis.{}", environment.label, self.domain);
        BaseUrl::parse(&url).expect("the URLs of the table are valid")
    }

    /// The base URL of the server that makes access tokens, the same for every environment.
    pub fn accounts_url(&self) -> BaseUrl {
        BaseUrl::parse(&format!("https://{}", self.accounts)).expect("the URLs of the table are valid")
    }
}

/// A scheme, a host, optionally a port and a path, without a slash at the end.
///
/// `http` is accepted for loopback hosts only: a token must not cross a network in clear text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
}

/// The rule for a base URL, for messages.
pub(crate) const BASE_URL_RULE: &str = "an https URL: a host, optionally a port and a path, no user, query or fragment \
                                        (http only for localhost and 127.0.0.1)";

impl BaseUrl {
    /// Accepts `https://`, a host, optionally a port and a path; `http://` for loopback hosts.
    pub fn parse(text: &str) -> Option<BaseUrl> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.trim_end_matches('/');
        let path_is_plain = path.split('/').all(|segment| {
            !matches!(segment, "." | "..") && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        });
        let host = host_of(authority)?;
        let scheme = scheme.to_ascii_lowercase();
        let scheme_is_good = scheme == "https" || scheme == "http" && is_loopback(&host);
        if !path_is_plain || !scheme_is_good {
            return None;
        }
        let text = format!("{scheme}://{authority}{path}");
        Some(BaseUrl { text, host })
    }

    /// The host without port and brackets, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; the default of the scheme if the URL has none.
    pub fn port(&self) -> u16 {
        let digits = self.authority().rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// The host as it was written, with a port where the URL has one.
    fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default()
    }

    /// The value of the header `Host`: a port is in it if it is not that of the scheme.
    pub(crate) fn host_header(&self) -> &str {
        let authority = self.authority();
        authority.strip_suffix(if self.is_https() { ":443" } else { ":80" }).unwrap_or(authority)
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether TLS protects it.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether it is one of Zoho's accounts servers, of the data centers that are known here.
    pub(crate) fn is_of_zoho_accounts(&self) -> bool {
        DATA_CENTERS.iter().any(|data_center| data_center.accounts == self.host)
    }

    /// The data center of an API of Zoho, if it is known here, and the environment.
    pub(crate) fn data_center(&self) -> Option<(Option<DataCenter>, Environment)> {
        let (label, domain) = self.host.split_once(".zohoapis.")?;
        let environment = ENVIRONMENTS.iter().find(|environment| environment.label == label)?;
        let is_plain = self.text.strip_prefix("https://").is_some_and(|rest| rest.eq_ignore_ascii_case(&self.host));
        let data_center = DATA_CENTERS.iter().find(|data_center| data_center.domain == domain);
        is_plain.then_some((data_center.copied(), *environment))
    }

    /// The same API of Zoho in this environment; `None`: it is not one of Zoho.
    pub(crate) fn in_environment(&self, environment: Environment) -> Option<BaseUrl> {
        self.data_center()?;
        let (_, domain) = self.host.split_once('.')?;
        BaseUrl::parse(&format!("https://{}.{domain}", environment.label))
    }

    /// The URL of a job's status.
    ///
    /// Source: Zoho CRM API v7, "Get the status of a mass delete job".
    pub fn job_status(&self, version: &ApiVersion, module: &ModuleName, job_id: &JobId) -> String {
        [&*self.text, "/crm/", &version.0, "/", module.as_str(), "/actions/mass_delete?job_id=", job_id.as_str()]
            .concat()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`, without brackets and in lower case.
pub(crate) fn host_of(authority: &str) -> Option<String> {
    let (host, port, good) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port, host.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (host, port, host.len() <= 253 && host.split('.').all(is_label))
        }
    };
    let port_is_good = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    (good && port_is_good).then(|| host.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A version of the API: `v7`, `v2.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion(String);

impl ApiVersion {
    /// Takes `v[0-9]+(\.[0-9]+)?`, at most 16 characters.
    pub fn parse(text: &str) -> Option<ApiVersion> {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let digits = text.strip_prefix('v')?;
        let good = match digits.split_once('.') {
            Some((major, minor)) => is_number(major) && is_number(minor),
            None => is_number(digits),
        };
        (good && text.len() <= 16).then(|| ApiVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_center_and_environment_has_its_host() {
        let hosts = [
            ("us", "zohoapis.com", "accounts.zoho.com"),
            ("eu", "zohoapis.eu", "accounts.zoho.eu"),
            ("in", "zohoapis.in", "accounts.zoho.in"),
            ("au", "zohoapis.com.au", "accounts.zoho.com.au"),
            ("cn", "zohoapis.com.cn", "accounts.zoho.com.cn"),
            ("jp", "zohoapis.jp", "accounts.zoho.jp"),
            ("ca", "zohoapis.ca", "accounts.zohocloud.ca"),
            ("sa", "zohoapis.sa", "accounts.zoho.sa"),
            ("uk", "zohoapis.uk", "accounts.zoho.uk"),
            ("ae", "zohoapis.ae", "accounts.zoho.ae"),
            ("sg", "zohoapis.sg", "accounts.zoho.sg"),
        ];
        assert_eq!(hosts.len(), DATA_CENTERS.len());
        for (name, host, accounts) in hosts {
            let data_center = DATA_CENTERS.iter().find(|dc| dc.name == name).unwrap();
            assert_eq!(data_center.accounts_url().to_string(), format!("https://{accounts}"));
            for (environment, label) in ENVIRONMENTS.iter().zip(["www", "sandbox", "developer"]) {
                let url = data_center.api_domain(*environment);
                assert_eq!(url.to_string(), format!("https://{label}.{host}"));
            }
        }
    }

    #[test]
    fn base_urls_that_are_good() {
        for (text, url, host) in [
            ("https://www.zohoapis.com", "https://www.zohoapis.com", "www.zohoapis.com"),
            ("https://www.zohoapis.com/", "https://www.zohoapis.com", "www.zohoapis.com"),
            ("HTTPS://Gateway:8443/zoho/crm-1/", "https://Gateway:8443/zoho/crm-1", "gateway"),
            ("http://localhost:8080", "http://localhost:8080", "localhost"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1"),
            ("http://127.9.9.9", "http://127.9.9.9", "127.9.9.9"),
            ("http://[::1]:65535", "http://[::1]:65535", "::1"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]", "2001:db8::1"),
        ] {
            let parsed = BaseUrl::parse(text).expect(text);
            assert_eq!((parsed.to_string().as_str(), parsed.host()), (url, host));
        }
        for (text, port) in [
            ("https://host", 443),
            ("https://host/a", 443),
            ("http://localhost", 80),
            ("https://host:8443/a", 8443),
            ("https://[::1]", 443),
            ("https://[::1]:8443", 8443),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().port(), port, "{text}");
        }
    }

    #[test]
    fn base_urls_that_are_refused() {
        for text in [
            "",
            "www.zohoapis.com",
            "https://",
            "https:///path",
            "https://user@host",
            "https://user:password@host",
            "https://host?query",
            "https://host/?query",
            "https://host#fragment",
            "https://host/path#fragment",
            "https://host/a/../b",
            "https://host/%2e%2e",
            "https://host:",
            "https://host:0",
            "https://host:+1",
            "https://host:65536",
            "https://host:80:80",
            "https://ho st",
            "https://host\r\nX: y",
            "https://host/\u{e9}",
            "https://-host",
            "https://a..b",
            "https://[::1",
            "https://[::1]x",
            "https://[zz]",
            "ftp://host",
            "http://www.zohoapis.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
        ] {
            assert_eq!(BaseUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn api_versions() {
        for text in ["v2", "v2.1", "v7", "v8", "v10"] {
            assert!(ApiVersion::parse(text).is_some(), "{text}");
        }
        for text in ["", "v", "7", "V7", "v7.", "v.1", "v7/..", "v7.1.2", "v-1", "v7 ", "v12345678901234567"] {
            assert!(ApiVersion::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_url_of_a_job() {
        let url = BaseUrl::parse("https://www.zohoapis.eu").unwrap().job_status(
            &ApiVersion::parse("v7").unwrap(),
            &ModuleName::parse("Leads").unwrap(),
            &JobId::parse(" 1001").unwrap(),
        );
        assert_eq!(url, "https://www.zohoapis.eu/crm/v7/Leads/actions/mass_delete?job_id=1001");
    }

    #[test]
    fn the_header_host() {
        for (text, header) in [
            ("https://Host.example", "Host.example"),
            ("https://host:443/a", "host"),
            ("https://host:80", "host:80"),
            ("https://my_gate-way", "my_gate-way"),
            ("http://127.0.0.1:80", "127.0.0.1"),
            ("http://127.0.0.1:443/a", "127.0.0.1:443"),
            ("https://[::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().host_header(), header, "{text}");
        }
        for (text, is_loopback) in [("http://localhost", true), ("https://[::1]", true), ("https://a.zoho.eu", false)] {
            assert_eq!(BaseUrl::parse(text).unwrap().is_loopback(), is_loopback, "{text}");
        }
    }
}
