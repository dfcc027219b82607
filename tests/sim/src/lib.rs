//! A stand-in for the Zoho CRM service, for the tests of libzmd.
//!
//! [`Sim`] is an HTTP/1.1 server on a port of 127.0.0.1 with the two endpoints that the library
//! talks to: the status of a mass-delete job
//! (`GET /crm/{version}/{module}/actions/mass_delete?job_id={id}`) and the renewal of an access
//! token (`POST /oauth/v2/token`). It keeps to what is known of the service, quirks included, and
//! below HTTP it can misbehave in every way that [`Fault`] and [`AtAccept`] list.
//!
//! ```
//! use zmd_sim::{Fault, Job, Reply, Sim};
//!
//! let sim = Sim::start();
//! sim.accept_token("a-token");
//! sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
//! // The first request gets this, whatever it is, the second one a reset connection, ...
//! sim.next(Reply::Error("TOO_MANY_REQUESTS"));
//! sim.next(Reply::Fault(Fault::Reset));
//! // ... and later ones the status of the job.
//! println!("the service is at {}", sim.url());
//! ```
//!
//! The program `zmd-sim` runs the same server, for manual use and for tests in other languages.
//!
//! Nothing in it is random except the keys of the certificates, and with [`Clock::driven`] the test
//! controls the time.
//!
//! The modules: `sim` is the handle that tests use; `server` listens and has the state that the
//! connections share; `connection` serves one connection and is the only place that writes to a
//! socket, as a `script` says; `service` chooses the response, with `job`, `tokens`, `credits` and `reply`;
//! `fault` turns a good answer into the script of a bad one, `at_accept` has the scripts that need no
//! request; `http` parses requests and renders answers. `timed` measures what the tests call.

#![warn(missing_docs)]

mod at_accept;
mod clock;
mod connection;
mod credits;
mod fault;
mod http;
mod job;
mod reply;
mod script;
mod server;
mod service;
mod sim;
mod timed;
mod tls;
mod tokens;
mod unanswered;

pub use at_accept::AtAccept;
pub use clock::Clock;
pub use fault::Fault;
pub use http::Request;
pub use job::{End, Job};
pub use reply::{DOCUMENTED_ERRORS, DocumentedError, Reply};
pub use sim::{Builder, Sim};
pub use timed::{Took, timed};
pub use unanswered::Unanswered;
