//! The C interface, called from this process.

mod activity;
mod answers;
mod certificates;
mod connection_strings;
mod environment;
mod log_file;
mod logger;
mod network;
mod oauth;
mod provider;
mod proxy;
mod shared_limit;
mod tls;
mod wait;
mod waits;
