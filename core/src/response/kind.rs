//! Which error a response is, by the API's code and the HTTP status.
//!
//! Source: Zoho CRM API v7, "Error codes"; the vendor's OpenAPI specification of 2026 for AUTHENTICATION_FAILED,
//! INVALID_OAUTHSCOPE, PERMISSION_DENIED, AUTHORIZATION_ERROR, the codes of what an edition does not include, NOT_SUPPORTED,
//! UNABLE_TO_PARSE_DATA_TYPE and INVALID_HOST.

use super::json::ApiError;
use crate::error::ErrorKind;
use crate::job::JobName;

/// Whether the edition or the trial of the organization does not include what is asked for.
pub(super) fn is_not_included(code: &str) -> bool {
    matches!(code, "FEATURE_NOT_ENABLED" | "FEATURE_NOT_SUPPORTED" | "LICENSE_LIMIT_EXCEEDED" | "API_NOT_SUPPORTED")
        || code.ends_with("_TRIAL_EXPIRED")
}

/// The error for a code of the API and an HTTP status; `None`: neither is an error. A known code takes precedence over
/// the HTTP status of the response: the newer specifications put INVALID_TOKEN under 403, and some come with 200.
pub(super) fn kind_of(http_status: u16, api_error: &ApiError, is_foreign: bool, job: JobName) -> Option<ErrorKind> {
    let by_code = match &*api_error.code {
        "INVALID_TOKEN" | "INVALID_OAUTHTOKEN" | "AUTHENTICATION_FAILURE" | "AUTHENTICATION_FAILED" => {
            Some(ErrorKind::Unauthorized)
        }
        "OAUTH_SCOPE_MISMATCH" | "INVALID_OAUTHSCOPE" => Some(ErrorKind::Scope),
        "NO_PERMISSION" | "AUTHORIZATION_FAILED" | "AUTHORIZATION_ERROR" | "PERMISSION_DENIED" => {
            Some(ErrorKind::Forbidden)
        }
        code if is_not_included(code) => Some(ErrorKind::Forbidden),
        "INVALID_MODULE" | "NOT_SUPPORTED" => Some(ErrorKind::InvalidModule),
        // Job ids are digits.
        "NOT_FOUND" | "UNABLE_TO_PARSE_DATA_TYPE" => Some(ErrorKind::JobNotFound),
        // A limit of other calls, such as the number of mass deletes, whatever HTTP status it comes with.
        "LIMIT_EXCEEDED" | "INVALID_HOST" | "INVALID_URL_PATTERN" => Some(ErrorKind::Api),
        "INVALID_DATA" if api_error.names_the_job(job) => Some(ErrorKind::JobNotFound),
        "TOO_MANY_REQUESTS" | "RATE_LIMIT_EXCEEDED" => Some(ErrorKind::RateLimited),
        "INTERNAL_ERROR" | "INTERNAL_SERVER_ERROR" | "SERVICE_UNAVAILABLE" => Some(ErrorKind::Server),
        _ => None,
    };
    by_code.or(match http_status {
        500.. => Some(ErrorKind::Server),
        429 => Some(ErrorKind::RateLimited),
        // A timeout of the server's, a connection for another host, a request that came too early: the same request may succeed
        // over another connection.
        408 | 421 | 425 => Some(ErrorKind::Server),
        407 => Some(ErrorKind::Proxy),
        // A gateway rejected the request: that is not Zoho's response about the job.
        400.. if is_foreign => Some(ErrorKind::BadResponse),
        403 => Some(ErrorKind::Forbidden),
        401 => Some(ErrorKind::Unauthorized),
        204 => Some(ErrorKind::JobNotFound),
        404 if api_error.code.is_empty() => Some(ErrorKind::JobNotFound),
        400.. => Some(ErrorKind::Api),
        _ => None,
    })
}
