//! How far is a Zoho CRM mass-delete job? [`Client`] queries it or waits for its end.
//!
//! This is the client behind libzmd, the shared library with a C interface, as an ordinary Rust library.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod activity;
mod cancel;
mod cancellation;
mod client;
mod client_log;
mod config;
mod descriptor;
mod endpoint;
mod error;
mod file;
mod http;
mod job;
mod limiter;
mod json;
mod lock_file;
mod log_filter;
mod log_place;
pub mod logging;
mod oauth;
pub mod panic;
mod process;
mod proxy_url;
mod response;
mod retry;
mod secret;
mod session;
#[cfg(all(unix, not(miri)))]
mod signals;
mod slots;
mod status;
mod suggest;
mod sync;
mod thread;
mod throttle;
mod token_provider;
mod wait;
mod words;

pub use activity::{Counters, Credits};
pub use cancellation::NotCancelled;
pub use client::{AccessToken, Client, Waits};
pub use config::{Config, DEFAULT_PROFILE, SETTINGS, Setting, Source, config_file, usual_config_file};
pub use endpoint::{ApiVersion, BaseUrl, DATA_CENTERS, DataCenter, ENVIRONMENTS, Environment};
pub use error::{Error, ErrorKind, Recovery, one_line};
pub use http::{Probe, ProbeResponse, ProbeTimes, ProxyInUse, RootsOrigin, TrustedRoots, probe, trusted_roots};
pub use job::{JobId, MODULES, ModuleName};
pub use oauth::{Location, exchange_grant_code, list_data_centers};
pub use process::process_id;
pub use secret::{Secret, TOKEN_LIMIT, secret_text};
pub use status::{State, Status};
pub use suggest::nearest;
pub use token_provider::TokenProvider;
pub use wait::pace::{Observation, Pace};
pub use wait::queue::{Update, WaitEvent};
pub use wait::{Polled, Progress, Waited};

/// What threads may share and pass on.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Client>();
    is_shared::<Config>();
    is_shared::<Error>();
    is_shared::<JobId>();
    is_shared::<ModuleName>();
    is_shared::<Secret>();
    is_shared::<Status>();
    is_shared::<TokenProvider>();
    is_shared::<Waited>();
    is_shared::<WaitEvent>();
    is_shared::<Waits>();
};
