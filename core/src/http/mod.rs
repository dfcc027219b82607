//! HTTP exchanges with a server: addresses, sockets, proxies, TLS, time limits, and which failure is which error.
//!
//! Everything in here belongs to one process. A child of `fork()` must not use it: the client creates its own
//! for the child.

mod connect;
mod exchange;
mod explain;
mod lookup;
mod probe;
mod proxy;
mod race;
mod route;
mod socket;
mod tls;
mod transport;

pub(crate) use exchange::{Http, Network, Response};
pub use probe::{Probe, ProxyInUse, probe};
pub(crate) use route::{Proxies, Route};

/// The `User-Agent` of this library.
const USER_AGENT: &str = concat!("libzmd/", env!("CARGO_PKG_VERSION"));
