//! The client: the status of one job or of many, and their waits.

mod again;
mod kept_waits;
mod many;
mod poller;
mod status;
mod waits;

pub use status::{AccessToken, Client};
pub use waits::Waits;
