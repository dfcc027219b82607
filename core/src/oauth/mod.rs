//! Access tokens: from the settings, from a grant or a token provider, and shared between threads and processes.
//!
//! Source: Zoho OAuth 2.0, "Refresh access tokens" and "Token validity": a token is valid for one hour; a refresh token can
//! make at most 10 in 10 minutes; 15 are valid at the same time, and the 16th invalidates the first.

mod api_domain;
mod cache;
mod code;
mod grant;
mod provider;
mod refusal;
mod renewal;
mod response;
mod server_info;
mod token;

pub use code::exchange_grant_code;
pub(crate) use grant::Grant;
pub(crate) use renewal::{RenewalLock, Source, Tokens};
pub use server_info::{Location, list_data_centers};
pub(crate) use token::Token;
