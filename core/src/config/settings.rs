//! The settings: one table defines the keys of `zmd_config_set`, the environment variables, the checks and every list in
//! the documentation.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;

use super::values::{Config, ProxySetting};
use crate::endpoint::{ApiVersion, BASE_URL_RULE, BaseUrl, DATA_CENTERS, ENVIRONMENTS};
use crate::error::{Error, ErrorKind, one_line};
use crate::log_place::Place;
use crate::proxy_url::{PROXY_RULE, ProxyUrl};
use crate::secret::{parse_token, token_rule};
use crate::suggest::nearest;

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
    pub(super) set: fn(&mut Config, &str) -> Option<()>,
}

const TIMEOUT_MS: RangeInclusive<u64> = 1..=86_400_000;
const POLL_MS: RangeInclusive<u64> = 1..=3_600_000;
const UNREACHABLE_MS: RangeInclusive<u64> = 0..=86_400_000;
const STALLED_MS: RangeInclusive<u64> = 0..=604_800_000;
const MAX_RETRIES: RangeInclusive<u64> = 0..=100;
const MAX_CONCURRENCY: RangeInclusive<u64> = 1..=1000;

const LOG_LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::Off),
    ("error", LevelFilter::Error),
    ("warning", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
    ("trace", LevelFilter::Trace),
];

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
        meaning: "with `client_id` and `client_secret`, instead of `refresh_token`: the client-credentials grant, for the \
                  organization with this id",
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
        takes: || "the path of a file, which need not exist".to_owned(),
        meaning: "a file in which processes share access tokens and the limit `max_concurrency`; its directory must exist, or \
                  nothing is shared",
        set: |config, value| {
            let path = PathBuf::from(Some(value).filter(|value| !value.is_empty())?);
            // Resolved once: the program may change its directory.
            config.token_cache = Some(std::path::absolute(&path).unwrap_or(path));
            Some(())
        },
    },
    Setting {
        key: "data_center",
        default: "us",
        takes: || {
            let names = one_of(DATA_CENTERS.iter().map(|dc| dc.name));
            format!("{names}; for another data center set accounts_url and api_domain")
        },
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
        meaning: "the base URL of the API, instead of that of the accounts server, or of `data_center` and `environment`",
        set: |config, value| {
            config.api_domain = Some(BaseUrl::parse(value)?);
            Some(())
        },
    },
    Setting {
        key: "accounts_url",
        default: "",
        takes: || BASE_URL_RULE.to_owned(),
        meaning: "the base URL of the server that issues access tokens, instead of that of `data_center`",
        set: |config, value| {
            config.accounts_url = Some(BaseUrl::parse(value)?);
            Some(())
        },
    },
    Setting {
        key: "api_version",
        default: "v7",
        takes: || "v4 or later, such as v7".to_owned(),
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
        meaning: "the limit for a whole status call, with retries, pauses and requesting an access token",
        set: |config, value| {
            config.timeout = Duration::from_millis(parse_number(value, TIMEOUT_MS)?);
            Some(())
        },
    },
    Setting {
        key: "connect_timeout_ms",
        default: "10000",
        takes: || range(TIMEOUT_MS, " (milliseconds)"),
        meaning: "the limit for connecting: name lookup, all addresses, proxy and TLS",
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
        meaning: "the most calls at once of a client and its clones, or with `token_cache` of all processes that share it; \
                  others wait for their turn. 5 is the limit of Zoho's smallest edition",
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
        meaning: "the longest pause between two polls, but never less than `poll_min_ms`",
        set: |config, value| {
            config.poll_max = Duration::from_millis(parse_number(value, POLL_MS)?);
            Some(())
        },
    },
    Setting {
        key: "unreachable_ms",
        default: "300000",
        takes: || range(UNREACHABLE_MS, " (milliseconds)"),
        meaning: "how long a wait continues after network failures if the service has never responded",
        set: |config, value| {
            config.unreachable = Duration::from_millis(parse_number(value, UNREACHABLE_MS)?);
            Some(())
        },
    },
    Setting {
        key: "stalled_ms",
        default: "0",
        takes: || range(STALLED_MS, " (milliseconds)"),
        meaning: "how long a job's state and counts may stay the same before the wait ends with `ZMD_ERR_STALLED`; 0: \
                  forever",
        set: |config, value| {
            let stalled = Duration::from_millis(parse_number(value, STALLED_MS)?);
            config.stalled = Some(stalled).filter(|stalled| !stalled.is_zero());
            Some(())
        },
    },
    Setting {
        key: "proxy",
        default: "env",
        takes: || format!("env, none, or {PROXY_RULE}"),
        meaning: "`env`: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine; `none`: no \
                  proxy; or the URL of one",
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
        meaning: "the certificate authorities to trust, instead of those of the system",
        set: |config, value| set_path(&mut config.ca_file, value),
    },
    Setting {
        key: "extra_ca_file",
        default: "",
        takes: || "the path of a PEM or DER file with CA certificates".to_owned(),
        meaning: "certificate authorities to trust in addition to those of the system or of `ca_file`",
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
    Setting {
        key: "log_file",
        default: "",
        takes: || "the path of a file, which need not exist, in a directory that does; or stderr".to_owned(),
        meaning: "the file to which the library appends what it does, or `stderr`, standard error",
        set: |config, value| {
            config.log_file = Some(match value {
                "stderr" => Place::StandardError,
                // Resolved once: the program may change its directory.
                path => {
                    let path = PathBuf::from(Some(path).filter(|path| !path.is_empty())?);
                    Place::File(std::path::absolute(&path).unwrap_or(path))
                }
            });
            Some(())
        },
    },
    Setting {
        key: "log_level",
        default: "info",
        takes: || one_of(LOG_LEVELS.iter().map(|(name, _)| *name)),
        meaning: "how much `log_file` has: each level adds to those before it",
        set: |config, value| {
            let level = LOG_LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(value))?;
            config.log_level = level.1;
            Some(())
        },
    },
];

impl Setting {
    /// Whether it is a token, or what is like one.
    pub(super) fn is_token(&self) -> bool {
        matches!(self.key, "access_token" | "refresh_token" | "client_id" | "client_secret")
    }

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

impl Config {
    /// The path of the token cache, if it is set: there is nothing yet, or a regular file.
    pub(crate) fn checked_token_cache(&self) -> Result<Option<&Path>, Error> {
        let Some(path) = self.token_cache.as_deref() else { return Ok(None) };
        if matches!(&self.log_file, Some(Place::File(log)) if log == path) {
            return Err(refusal("log_file", "the path of another file than token_cache"));
        }
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(Some(path)) };
        let what = match metadata.file_type() {
            kind if kind.is_file() => return Ok(Some(path)),
            kind if kind.is_dir() => "a directory",
            kind if kind.is_symlink() => "a symbolic link, which is not followed",
            _ => "not a regular file",
        };
        Err(refusal("token_cache", format!("the path of a file; {} is {what}", path.display())))
    }
}

/// The error for a key that is not in the table.
pub(crate) fn no_such_setting(key: &str) -> Error {
    let shown = one_line(key, 60);
    let message = match nearest(key, SETTINGS.iter().map(|setting| setting.key)) {
        Some(near) => format!("'{shown}' is not a setting; did you mean {near}?"),
        None => {
            let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
            format!("'{shown}' is not a setting: the settings are {}", keys.join(", "))
        }
    };
    Error::new(ErrorKind::InvalidConfig, message)
}

/// "`key` takes ...", without the value, which may be a secret.
pub(crate) fn refusal(key: &str, takes: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{key} takes {takes}"))
}

fn set_path(path: &mut Option<String>, value: &str) -> Option<()> {
    *path = Some(Some(value.to_owned()).filter(|value| !value.is_empty())?);
    Some(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_token_cache_is_absolute() {
        let mut config = Config::new();
        config.set("token_cache", "cache/tokens").unwrap();
        let directory = std::env::current_dir().unwrap();
        assert_eq!(config.token_cache, Some(directory.join("cache/tokens")));
        assert_eq!(config.shown("token_cache"), "cache/tokens");
    }

    #[test]
    fn lines_of_the_log_are_not_appended_to_the_token_cache() {
        let mut config = Config::new();
        config.set("token_cache", "nowhere/tokens").unwrap();
        config.set("log_file", "nowhere/log").unwrap();
        assert!(config.checked_token_cache().is_ok());
        config.set("log_file", "nowhere/tokens").unwrap();
        let error = config.checked_token_cache().unwrap_err();
        assert_eq!(error.message(), "log_file takes the path of another file than token_cache");
    }

    #[test]
    fn a_path_is_not_empty() {
        let mut path = None;
        assert_eq!((set_path(&mut path, ""), set_path(&mut path, "/a")), (None, Some(())));
        assert_eq!(path.as_deref(), Some("/a"));
    }
}
