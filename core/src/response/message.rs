//! What happened and what to do about it, for each kind of error of the API.

use super::StatusRequest;
use super::json::ApiError;
use crate::error::ErrorKind;
use crate::http::Response;
use crate::http::page::{self, INTERMEDIARY};
use crate::words::{code, words};

/// The message of an error. `is_foreign`: the body is not the API's; `why_unreadable`: what it is instead.
pub(super) fn message_of(
    kind: ErrorKind,
    api_error: &ApiError,
    is_foreign: bool,
    why_unreadable: Option<&str>,
    response: &Response,
    request: &StatusRequest,
) -> String {
    let (http_status, job) = (response.status, request.job);
    let page = || page::describe(response);
    let reason = match (code(&api_error.code).unwrap_or_default(), &*words(&api_error.message)) {
        ("", "") => format!("HTTP {http_status}, {}", page()),
        ("", message) => format!("HTTP {http_status}: {message}"),
        (code, "") => format!("HTTP {http_status}, {code}"),
        (code, message) => format!("HTTP {http_status}, {code}: {message}"),
    };
    let module = job.module.as_str();
    match kind {
        ErrorKind::BadResponse => format!(
            "the response for {job} is not the JSON that the API documents (HTTP {http_status}; {}): {}. {INTERMEDIARY}",
            words(why_unreadable.unwrap_or_default()),
            page()
        ),
        ErrorKind::Server if is_foreign => format!(
            "the response for {job} is an error of a proxy or gateway (HTTP {http_status}): {}. Try again later; if it \
             persists, {INTERMEDIARY}",
            page()
        ),
        ErrorKind::RateLimited if is_foreign => format!(
            "a proxy or gateway received too many requests (HTTP {http_status}): {}. Poll less often, or with fewer \
             concurrent calls",
            page()
        ),
        ErrorKind::Unauthorized => {
            let hint = match request.is_token_renewable {
                true => "",
                false => ". Set refresh_token, client_id and client_secret to have it renewed",
            };
            format!(
                "Zoho refused the access token ({reason}): it has expired (a token lives one hour), was revoked, or belongs \
                 to another data center than {} ({}){hint}",
                request.data_center, request.api
            )
        }
        ErrorKind::Scope => format!(
            "the access token lacks the scope ZohoCRM.mass_delete.READ ({reason}): create one that has it, or \
             ZohoCRM.mass_delete.{module}.READ, which suffices for this module"
        ),
        ErrorKind::Forbidden => format!(
            "Zoho does not permit the user of this token to see {job} ({reason}): ask the organization's administrator for \
             the permission, and check the scope of the token"
        ),
        ErrorKind::InvalidModule => {
            let hint = match job.module.api_name() {
                Some(name) => format!("its API name is {name}"),
                None => "use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs".to_owned(),
            };
            format!("Zoho has no module {module} ({reason}): {hint}")
        }
        ErrorKind::JobNotFound => format!(
            "Zoho has no {job} ({reason}): check the id and the module, and that the token, data center and environment \
             are those under which the job was scheduled"
        ),
        ErrorKind::RateLimited => {
            format!("Zoho received too many requests ({reason}): poll less often, or with fewer concurrent calls")
        }
        ErrorKind::Server => format!("Zoho failed to process the request for {job} ({reason}): try again later"),
        ErrorKind::Proxy => {
            format!("the proxy refused the request ({reason}): it requires other credentials in the setting proxy")
        }
        _ => format!("Zoho returned an error for {job} ({reason})"),
    }
}

/// The message for a redirect, which is not followed: no token is sent elsewhere.
pub(super) fn redirect_message(response: &Response, request: &StatusRequest) -> String {
    let (base, job, http_status) = (request.api, request.job, response.status);
    match (&response.location, http_status) {
        (_, 304) => format!(
            "{base} answers the request for {job} with HTTP 304, which is for caches: is there a cache in between? Check \
             api_domain and proxy"
        ),
        (Some(location), _) => format!(
            "{base} redirects the request for {job} (HTTP {http_status}) to {location}: no token is sent there; check \
             api_domain"
        ),
        (None, _) => {
            format!("{base} redirects the request for {job} (HTTP {http_status}), without a location: check api_domain")
        }
    }
}
