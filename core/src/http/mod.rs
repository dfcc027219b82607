//! HTTP exchanges with a server: addresses, sockets, proxies, TLS, time limits, and which failure is which error.
//!
//! Everything in here belongs to one process. A child of `fork()` must not use it: the client creates its own
//! for the child.

mod cause;
mod connect;
mod exchange;
mod explain;
mod lookup;
pub(crate) mod page;
mod probe;
mod proxy;
mod race;
mod response;
mod route;
mod socket;
mod stream;
mod times;
mod tls;
mod transport;

pub(crate) use exchange::{Http, Network};
pub use probe::{Probe, ProbeResponse, ProbeTimes, ProxyInUse, probe};
pub(crate) use response::Response;
pub(crate) use route::{Proxies, Route};
pub use tls::{RootsOrigin, TrustedRoots, trusted_roots};
