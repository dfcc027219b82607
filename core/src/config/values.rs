//! The values of the settings, their defaults, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use crate::endpoint::{ApiVersion, BaseUrl, DATA_CENTERS, DataCenter, ENVIRONMENTS, Environment};
use crate::log_place::Place;
use crate::proxy_url::ProxyUrl;
use crate::secret::Secret;
use crate::token_provider::TokenProvider;

/// The settings of a client. Each value is checked when it is set.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) client_id: Option<Secret>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) org_id: Option<String>,
    pub(crate) token_cache: Option<PathBuf>,
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
    pub(crate) stalled: Option<Duration>,
    pub(crate) proxy: ProxySetting,
    pub(crate) log_level: LevelFilter,
    pub(crate) log_file: Option<Place>,
    pub(crate) ca_file: Option<String>,
    pub(crate) extra_ca_file: Option<String>,
    pub(crate) client_cert: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) token_provider: Option<TokenProvider>,
    /// Why there is nothing from a configuration file, for the error that a credential is missing.
    pub(crate) file_note: Option<String>,
    pub(super) origins: Origins,
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
    pub(super) fn rank(&self) -> u8 {
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
pub(super) struct Origins(pub(super) BTreeMap<&'static str, (Source, String)>);

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
            stalled: None,
            proxy: ProxySetting::Env,
            log_level: LevelFilter::Info,
            log_file: None,
            ca_file: None,
            extra_ca_file: None,
            client_cert: None,
            client_key: None,
            token_provider: None,
            file_note: None,
            origins: Origins::default(),
        }
    }

    /// Makes the client call `provider` for access tokens; `None`: no provider.
    pub fn set_token_provider(&mut self, provider: Option<TokenProvider>) {
        self.token_provider = provider;
    }

    /// Where the value of a setting comes from.
    pub fn source(&self, key: &str) -> Source {
        self.origins.0.get(key).map_or(Source::Default, |(source, _)| source.clone())
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

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}
