//! What the request was that a response answers.

use crate::endpoint::BaseUrl;
use crate::job::JobName;

/// A request for a job's status, as far as the message of an error needs it.
#[derive(Clone, Copy)]
pub(crate) struct StatusRequest<'a> {
    pub job: JobName<'a>,
    /// The API that the request was sent to.
    pub api: &'a BaseUrl,
    /// The setting `data_center`.
    pub data_center: &'a str,
    /// The setting `environment`.
    pub environment: &'a str,
    /// The last response that named the API credits said that none are left.
    pub are_credits_used_up: bool,
    /// Whether the library can get another access token.
    pub is_token_renewable: bool,
}
