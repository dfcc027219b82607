//! The settings: one table defines `zmd_config_set`, the environment variables, the checks and every list in the
//! documentation. It does not know what the settings are used for.

mod connection_string;
mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ureq::ProxyProtocol;

use crate::endpoint::{ApiVersion, BASE_URL_RULE, BaseUrl, DATA_CENTERS, DataCenter, ENVIRONMENTS, Environment};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::token_provider::TokenProvider;

pub use file::{DEFAULT_PROFILE, config_file, usual_config_file};

/// The settings of a client. Each value is checked when it is set.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) client_id: Option<Secret>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) org_id: Option<String>,
    pub(crate) token_cache: Option<String>,
    pub(crate) data_center: DataCenter,
    pub(crate) environment: Environment,
    pub(crate) api_domain: Option<BaseUrl>,
    pub(crate) accounts_url: Option<BaseUrl>,
    pub(crate) api_version: ApiVersion,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) max_concurrency: usize,
    pub(crate) poll_min: Duration,
    pub(crate) poll_max: Duration,
    pub(crate) unreachable: Duration,
    pub(crate) proxy: ProxySetting,
    pub(crate) ca_file: Option<String>,
    pub(crate) extra_ca_file: Option<String>,
    pub(crate) client_cert: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) token_provider: Option<TokenProvider>,
    origins: Origins,
}

/// Where a setting's value comes from. Later variants take precedence over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The built-in default.
    Default,
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The profile in it.
        profile: String,
        /// The line in the file, from 1.
        line: usize,
    },
    /// The environment variable of this name.
    Environment(String),
    /// [`Config::set`].
    Explicit,
}

impl Source {
    fn rank(&self) -> u8 {
        match self {
            Source::Default => 0,
            Source::File { .. } => 1,
            Source::Environment(_) => 2,
            Source::Explicit => 3,
        }
    }
}

/// For each setting that was set: the source, and the value without secrets.
#[derive(Clone, Default)]
struct Origins(BTreeMap<&'static str, (Source, String)>);

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The setting `proxy`.
#[derive(Clone, Debug)]
pub(crate) enum ProxySetting {
    Env,
    None,
    Url(ProxyUrl),
}

/// A row of the table.
pub struct Setting {
    /// The key of `zmd_config_set`. The environment variable is `ZMD_` and the key in upper case.
    pub key: &'static str,
    /// The default value; empty: none.
    pub default: &'static str,
    /// The values that it takes.
    pub takes: fn() -> String,
    /// Its meaning, for the documentation.
    pub meaning: &'static str,
    set: fn(&mut Config, &str) -> Option<()>,
}

const TIMEOUT_MS: RangeInclusive<u64> = 1..=86_400_000;
const POLL_MS: RangeInclusive<u64> = 1..=3_600_000;
const UNREACHABLE_MS: RangeInclusive<u64> = 0..=86_400_000;
const MAX_RETRIES: RangeInclusive<u64> = 0..=100;
const MAX_CONCURRENCY: RangeInclusive<u64> = 1..=100;
/// The maximum length of a token.
pub const TOKEN_LIMIT: usize = 4096;

/// All settings. The documentation lists them too: after a change run `make docs`.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "access_token",
        default: "",
        takes: token_rule,
        meaning: "the access token to use, without the word `Zoho-oauthtoken`",
        set: |config, value| {
            config.access_token = Some(parse_token(value)?);
            Some(())
        },
    },
    Setting {
        key: "refresh_token",
        default: "",
        takes: token_rule,
        meaning: "with `client_id` and `client_secret`: the library requests and renews access tokens itself",
        set: |config, value| {
            config.refresh_token = Some(parse_token(value)?);
            Some(())
        },
    },
    Setting {
        key: "client_id",
        default: "",
        takes: token_rule,
        meaning: "the client id of the API console; see `refresh_token` and `org_id`",
        set: |config, value| {
            config.client_id = Some(parse_token(value)?);
            Some(())
        },
    },
    Setting {
        key: "client_secret",
        default: "",
        takes: token_rule,
        meaning: "the secret of `client_id`",
        set: |config, value| {
            config.client_secret = Some(parse_token(value)?);
            Some(())
        },
    },
    Setting {
        key: "org_id",
        default: "",
        takes: || "the digits of an organization's id, up to 32, with or without `ZohoCRM.` in front".to_owned(),
        meaning: "with `client_id` and `client_secret`, instead of `refresh_token`: access tokens by the \
                  client-credentials grant, for the organization with this id",
        set: |config, value| {
            let digits = value.strip_prefix("ZohoCRM.").unwrap_or(value);
            let good = (1..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            config.org_id = Some(good.then(|| digits.to_owned())?);
            Some(())
        },
    },
    Setting {
        key: "token_cache",
        default: "",
        takes: || "the path of a file, which need not exist, in a directory that does".to_owned(),
        meaning: "a file in which processes share access tokens and the limit `max_concurrency`",
        set: |config, value| set_path(&mut config.token_cache, value),
    },
    Setting {
        key: "data_center",
        default: "us",
        takes: || one_of(DATA_CENTERS.iter().map(|dc| dc.name)),
        meaning: "the data center of the Zoho account; tokens are valid only there",
        set: |config, value| {
            config.data_center = *DATA_CENTERS.iter().find(|dc| dc.name.eq_ignore_ascii_case(value))?;
            Some(())
        },
    },
    Setting {
        key: "environment",
        default: "production",
        takes: || one_of(ENVIRONMENTS.iter().map(|environment| environment.name)),
        meaning: "the kind of Zoho CRM organization",
        set: |config, value| {
            config.environment = *ENVIRONMENTS.iter().find(|env| env.name.eq_ignore_ascii_case(value))?;
            Some(())
        },
    },
    Setting {
        key: "api_domain",
        default: "",
        takes: || BASE_URL_RULE.to_owned(),
        meaning: "the base URL of the API, instead of the one for `data_center` and `environment` or the one that the \
                  accounts server returns",
        set: |config, value| {
            config.api_domain = Some(BaseUrl::parse(value)?);
            Some(())
        },
    },
    Setting {
        key: "accounts_url",
        default: "",
        takes: || BASE_URL_RULE.to_owned(),
        meaning: "the base URL of the server that issues access tokens, instead of the one for `data_center`",
        set: |config, value| {
            config.accounts_url = Some(BaseUrl::parse(value)?);
            Some(())
        },
    },
    Setting {
        key: "api_version",
        default: "v7",
        takes: || "v2 ... v8 or later, such as v7 or v2.1".to_owned(),
        meaning: "the version of the API",
        set: |config, value| {
            config.api_version = ApiVersion::parse(value)?;
            Some(())
        },
    },
    Setting {
        key: "timeout_ms",
        default: "30000",
        takes: || range(TIMEOUT_MS, " (milliseconds)"),
        meaning: "the limit for a whole status call, including retries, pauses and requesting an access token",
        set: |config, value| {
            config.timeout = Duration::from_millis(parse_number(value, TIMEOUT_MS)?);
            Some(())
        },
    },
    Setting {
        key: "connect_timeout_ms",
        default: "10000",
        takes: || range(TIMEOUT_MS, " (milliseconds)"),
        meaning: "the limit for connecting, including the name lookup, all addresses, the proxy and TLS",
        set: |config, value| {
            config.connect_timeout = Duration::from_millis(parse_number(value, TIMEOUT_MS)?);
            Some(())
        },
    },
    Setting {
        key: "max_retries",
        default: "3",
        takes: || range(MAX_RETRIES, ""),
        meaning: "further attempts after a transient failure",
        set: |config, value| {
            config.max_retries = parse_number(value, MAX_RETRIES)? as u32;
            Some(())
        },
    },
    Setting {
        key: "max_concurrency",
        default: "5",
        takes: || range(MAX_CONCURRENCY, ""),
        meaning: "the maximum number of concurrent calls of a `_many` function, or with `token_cache` of all processes \
                  that share it; 5 is the limit of Zoho's smallest edition",
        set: |config, value| {
            config.max_concurrency = parse_number(value, MAX_CONCURRENCY)? as usize;
            Some(())
        },
    },
    Setting {
        key: "poll_min_ms",
        default: "1000",
        takes: || range(POLL_MS, " (milliseconds)"),
        meaning: "the shortest pause between two polls of a job during a wait",
        set: |config, value| {
            config.poll_min = Duration::from_millis(parse_number(value, POLL_MS)?);
            Some(())
        },
    },
    Setting {
        key: "poll_max_ms",
        default: "60000",
        takes: || range(POLL_MS, " (milliseconds)"),
        meaning: "the longest pause between two polls; if `poll_min_ms` is longer, every pause is `poll_min_ms`",
        set: |config, value| {
            config.poll_max = Duration::from_millis(parse_number(value, POLL_MS)?);
            Some(())
        },
    },
    Setting {
        key: "unreachable_ms",
        default: "300000",
        takes: || range(UNREACHABLE_MS, " (milliseconds)"),
        meaning: "how long a wait continues after network failures if the service has never responded; a host name \
                  that does not exist ends the wait at once",
        set: |config, value| {
            config.unreachable = Duration::from_millis(parse_number(value, UNREACHABLE_MS)?);
            Some(())
        },
    },
    Setting {
        key: "proxy",
        default: "env",
        takes: || format!("env, none, or {PROXY_RULE}"),
        meaning: "`env`: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine; \
                  `none`: no proxy; or the URL of a proxy, with credentials if it requires them",
        set: |config, value| {
            config.proxy = match value {
                "env" => ProxySetting::Env,
                "none" => ProxySetting::None,
                url => ProxySetting::Url(ProxyUrl::parse(url)?),
            };
            Some(())
        },
    },
    Setting {
        key: "ca_file",
        default: "",
        takes: || "the path of a PEM or DER file with CA certificates".to_owned(),
        meaning: "the certificate authorities to trust instead of those of the system; a server's self-signed \
                  certificate works too",
        set: |config, value| set_path(&mut config.ca_file, value),
    },
    Setting {
        key: "extra_ca_file",
        default: "",
        takes: || "the path of a PEM or DER file with CA certificates".to_owned(),
        meaning: "certificate authorities to trust in addition to those of the system or of `ca_file`, for networks \
                  that intercept only some hosts",
        set: |config, value| set_path(&mut config.extra_ca_file, value),
    },
    Setting {
        key: "client_cert",
        default: "",
        takes: || "the path of a PEM file with a certificate and the chain above it".to_owned(),
        meaning: "the certificate to present to a gateway or proxy that requires one",
        set: |config, value| set_path(&mut config.client_cert, value),
    },
    Setting {
        key: "client_key",
        default: "",
        takes: || "the path of a PEM file with the private key of client_cert, not encrypted".to_owned(),
        meaning: "the private key of `client_cert`, if that file does not contain it: RSA, P-256, P-384 or Ed25519",
        set: |config, value| set_path(&mut config.client_key, value),
    },
];

impl Config {
    /// The defaults; the environment is not read.
    pub fn new() -> Config {
        Config {
            access_token: None,
            refresh_token: None,
            client_id: None,
            client_secret: None,
            org_id: None,
            token_cache: None,
            data_center: DATA_CENTERS[0],
            environment: ENVIRONMENTS[0],
            api_domain: None,
            accounts_url: None,
            api_version: ApiVersion::parse("v7").expect("a good version"),
            timeout: Duration::from_millis(30_000),
            connect_timeout: Duration::from_millis(10_000),
            max_retries: 3,
            max_concurrency: 5,
            poll_min: Duration::from_millis(1000),
            poll_max: Duration::from_millis(60_000),
            unreachable: Duration::from_millis(300_000),
            proxy: ProxySetting::Env,
            ca_file: None,
            extra_ca_file: None,
            client_cert: None,
            client_key: None,
            token_provider: None,
            origins: Origins::default(),
        }
    }

    /// Sets one setting. On failure the configuration is unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| no_such_setting(key))?;
        self.put(setting, value, Source::Explicit)
    }

    /// Sets every setting whose environment variable (`ZMD_TIMEOUT_MS`, ...) is set and not empty, except those that were
    /// set with [`Config::set`]. Fails at the first bad value; then the configuration is unchanged.
    pub fn load_env(&mut self) -> Result<(), Error> {
        let mut loaded = self.clone();
        for setting in SETTINGS {
            let name = format!("ZMD_{}", setting.key.to_ascii_uppercase());
            let Some(value) = std::env::var_os(&name).filter(|value| !value.is_empty()) else { continue };
            let value = value.to_str().ok_or_else(|| refusal(&name, "UTF-8"))?;
            loaded
                .put(setting, value, Source::Environment(name.clone()))
                .map_err(|error| error.map_message(|message| format!("{name}: {message}")))?;
        }
        *self = loaded;
        Ok(())
    }

    /// Sets a setting unless a source that takes precedence has set it; the value is checked in any case.
    pub(crate) fn put(&mut self, setting: &Setting, value: &str, source: Source) -> Result<(), Error> {
        let mut with = self.clone();
        (setting.set)(&mut with, value).ok_or_else(|| refusal(setting.key, (setting.takes)()))?;
        if source.rank() >= self.source(setting.key).rank() {
            let shown = if setting.is_secret(value) { "***" } else { value };
            with.origins.0.insert(setting.key, (source, shown.to_owned()));
            *self = with;
        }
        Ok(())
    }

    /// Makes the client call `provider` for access tokens; `None`: no provider.
    pub fn set_token_provider(&mut self, provider: Option<TokenProvider>) {
        self.token_provider = provider;
    }

    /// Where the value of a setting comes from.
    pub fn source(&self, key: &str) -> Source {
        self.origins.0.get(key).map_or(Source::Default, |(source, _)| source.clone())
    }

    /// The value of a setting for display: a secret is `***`. Empty: it is not set, and there is no default.
    pub fn shown(&self, key: &str) -> String {
        let default = || SETTINGS.iter().find(|setting| setting.key == key).map_or("", |setting| setting.default);
        self.origins.0.get(key).map_or_else(|| default().to_owned(), |(_, shown)| shown.clone())
    }

    /// The API's base URL.
    pub fn api_domain(&self) -> BaseUrl {
        self.api_domain.clone().unwrap_or_else(|| self.data_center.api_domain(self.environment))
    }

    /// The accounts server's base URL.
    pub fn accounts_url(&self) -> BaseUrl {
        self.accounts_url.clone().unwrap_or_else(|| self.data_center.accounts_url())
    }
}

impl Setting {
    /// Whether this value of the setting must not be displayed.
    pub fn is_secret(&self, value: &str) -> bool {
        match self.key {
            "access_token" | "refresh_token" | "client_secret" => true,
            // With a user and a password.
            "proxy" => value.contains('@'),
            _ => false,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

/// The error for a key that is not in the table.
pub(crate) fn no_such_setting(key: &str) -> Error {
    let shown = crate::error::one_line(key, 60);
    let near = SETTINGS.iter().map(|setting| (distance(key, setting.key), setting.key)).min();
    let message = match near.filter(|(distance, _)| *distance <= 2) {
        Some((_, near)) => format!("'{shown}' is not a setting; did you mean {near}?"),
        None => {
            let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
            format!("'{shown}' is not a setting: the settings are {}", keys.join(", "))
        }
    };
    Error::new(ErrorKind::InvalidConfig, message)
}

/// How many letters differ between two keys: inserted, removed or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    // Keys are short: this bounds the work for a long argument.
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let best = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[other.len()]
}

/// "`key` takes ...", without the value, which may be a secret.
pub(crate) fn refusal(key: &str, takes: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{key} takes {takes}"))
}

/// The rule for a token, for messages.
pub(crate) fn token_rule() -> String {
    format!("1 to {TOKEN_LIMIT} visible ASCII characters, without a blank or a line end")
}

fn set_path(path: &mut Option<String>, value: &str) -> Option<()> {
    *path = Some(Some(value.to_owned()).filter(|value| !value.is_empty())?);
    Some(())
}

/// Checks a token: it must be safe in a header.
pub(crate) fn parse_token(value: &str) -> Option<Secret> {
    let good = (1..=TOKEN_LIMIT).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| Secret::new(value))
}

fn parse_number(value: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|number| plain && range.contains(number))
}

fn range(range: RangeInclusive<u64>, unit: &str) -> String {
    format!("a whole number from {} to {}{unit}", range.start(), range.end())
}

fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("one of {}", names.collect::<Vec<_>>().join(", "))
}

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
        crate::endpoint::host_of(authority.rsplit_once('@').map_or(authority, |(_, host)| host))?;
        let proxy = ureq::Proxy::new(text).ok()?;
        let known = matches!(
            proxy.protocol(),
            ProxyProtocol::Http | ProxyProtocol::Https | ProxyProtocol::Socks5 | ProxyProtocol::Socks5h
        );
        known.then_some(ProxyUrl(proxy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_in_the_table_is_the_default() {
        let defaults = format!("{:?}", Config::new());
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            let mut config = Config::new();
            config.set(setting.key, setting.default).unwrap();
            assert_eq!(format!("{config:?}"), defaults, "{}", setting.key);
        }
    }

    #[test]
    fn bad_values_are_refused_with_the_key_and_without_the_value() {
        for (key, value) in [
            ("access_token", ""),
            ("access_token", "1000.a b"),
            ("access_token", "1000.ab\n"),
            ("access_token", "1000.ab\r\nX: y"),
            ("access_token", "1000.é"),
            ("refresh_token", "1000.\t"),
            ("client_id", ""),
            ("client_secret", "1000.\u{7f}"),
            ("org_id", ""),
            ("org_id", "ZohoCRM."),
            ("org_id", "zohocrm.1"),
            ("org_id", "12a"),
            ("org_id", "123456789012345678901234567890123"),
            ("token_cache", ""),
            ("accounts_url", "http://accounts.zoho.com"),
            ("data_center", ""),
            ("data_center", "mars"),
            ("environment", "test"),
            ("api_domain", "http://www.zohoapis.com"),
            ("api_version", "7"),
            ("timeout_ms", ""),
            ("timeout_ms", "0"),
            ("timeout_ms", "-1"),
            ("timeout_ms", "+5"),
            ("timeout_ms", " 5"),
            ("timeout_ms", "5.0"),
            ("timeout_ms", "0x10"),
            ("timeout_ms", "86400001"),
            ("timeout_ms", "99999999999999999999999"),
            ("connect_timeout_ms", "0"),
            ("poll_min_ms", "0"),
            ("poll_max_ms", "3600001"),
            ("max_retries", "101"),
            ("max_concurrency", "0"),
            ("max_concurrency", "101"),
            ("proxy", ""),
            ("proxy", "ftp://p4ss@proxy"),
            ("proxy", "socks4://p4ss@proxy"),
            ("proxy", "http://user:p4ss@proxy:3128/path"),
            ("proxy", "http://user:p4ss@"),
            ("proxy", "http://"),
            ("proxy", "http://proxy#fragment"),
            ("proxy", "http://proxy:0"),
            ("proxy", "http://proxy:65536"),
            ("proxy", "http://proxy:port"),
            ("proxy", "http://us er:p4ss@proxy"),
            ("ca_file", ""),
        ] {
            let mut config = Config::new();
            let before = format!("{config:?}");
            let error = config.set(key, value).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().starts_with(&format!("{key} takes ")), "{error}");
            assert!(!error.message().contains("1000.") && !error.message().contains("p4ss"), "{error}");
            assert_eq!(format!("{config:?}"), before);
        }
        let error = Config::new().set("access_token", &"t".repeat(TOKEN_LIMIT + 1)).unwrap_err();
        assert!(error.message().starts_with("access_token takes "), "{error}");
    }

    #[test]
    fn good_values_are_accepted() {
        let mut config = Config::new();
        for (key, value) in [
            ("access_token", "1000.0123456789abcdef.0123456789abcdef"),
            ("data_center", "EU"),
            ("environment", "sandbox"),
            ("timeout_ms", "1"),
            ("timeout_ms", "86400000"),
            ("max_retries", "0"),
            ("max_concurrency", "100"),
            ("proxy", "none"),
            ("proxy", "proxy.example.com:3128"),
            ("proxy", "http://user:p%40ss@proxy.example.com:3128/"),
            ("proxy", "https://proxy.example.com"),
            ("proxy", "socks5://127.0.0.1:1080"),
            ("proxy", "socks5h://[::1]:1080"),
        ] {
            config.set(key, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
        }
        assert_eq!(config.api_domain().to_string(), "https://sandbox.zohoapis.eu");
        config.set("api_domain", "https://gateway.example.com/zoho").unwrap();
        assert_eq!(config.api_domain().to_string(), "https://gateway.example.com/zoho");
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_list_of_the_keys() {
        let error = Config::new().set("time_out", "5").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("'time_out'") && error.message().contains("timeout_ms"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut config = Config::new();
        for key in ["access_token", "refresh_token", "client_id", "client_secret"] {
            config.set(key, "1000.s3cret").unwrap();
        }
        config.set("proxy", "http://user:p4ss@proxy:3128").unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("p4ss"), "{shown}");
    }

    #[test]
    fn a_refusal_says_what_the_setting_takes() {
        for (key, takes) in [
            ("access_token", "1 to 4096 visible ASCII characters"),
            ("data_center", "one of us, eu, "),
            ("ca_file", "path"),
            ("timeout_ms", "a whole number from 1 to 86400000 "),
        ] {
            let error = Config::new().set(key, "").unwrap_err();
            assert!(error.message().contains(takes), "{error}");
        }
        let mut path = None;
        assert_eq!((set_path(&mut path, ""), set_path(&mut path, "/a")), (None, Some(())));
        assert_eq!(path.as_deref(), Some("/a"));
    }

    #[test]
    fn letters_that_differ() {
        for (one, other, letters) in [
            ("", "", 0),
            ("ab", "ab", 0),
            ("ab", "", 2),
            ("", "ab", 2),
            ("abc", "axc", 1),
            ("abcd", "abd", 1),
            ("abd", "abcd", 1),
            ("ba", "ab", 2),
            ("abcd", "xyzw", 4),
            ("timeout", "tmieout_", 3),
            ("abc", "", usize::MAX),
            ("", "abc", usize::MAX),
        ] {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
