//! What happened and what to do about it, for each kind of error of the API.

use super::json::{ApiError, is_of_api};
use super::kind::is_not_included;
use super::request::StatusRequest;
use crate::error::ErrorKind;
use crate::http::Response;
use crate::http::page::{self, INTERMEDIARY};
use crate::words::{code, words};

/// What a response is, if it is not a status.
pub(super) struct What<'a> {
    pub kind: ErrorKind,
    pub api_error: &'a ApiError,
    /// The body is not the API's.
    pub is_foreign: bool,
    /// The credits of the rolling 24 hours are used up.
    pub is_used_up: bool,
    /// What the body is instead of the documented JSON.
    pub why_unreadable: Option<String>,
    /// What Zoho's front end says, if it refused the request.
    pub throttled: Option<String>,
}

/// The message of an error.
pub(super) fn message_of(what: &What, response: &Response, request: &StatusRequest) -> String {
    let What { api_error, is_foreign, why_unreadable, .. } = what;
    let is_foreign = *is_foreign;
    let (http_status, job) = (response.status, request.job);
    let page = || page::describe(response);
    let reason = match (code(&api_error.code).unwrap_or_default(), &*words(&api_error.message)) {
        ("", "") => match &what.throttled {
            Some(throttled) => {
                format!("HTTP {http_status}, {}", code(throttled).unwrap_or("with a code of another form"))
            }
            None => format!("HTTP {http_status}, {}", page()),
        },
        ("", message) => format!("HTTP {http_status}: {message}"),
        (code, "") => format!("HTTP {http_status}, {code}"),
        (code, message) => format!("HTTP {http_status}, {code}: {message}"),
    };
    let module = job.module.as_str();
    match what.kind {
        ErrorKind::BadResponse if is_of_api(response.json()) => format!(
            "the response for {job} is not the JSON that the API documents (HTTP {http_status}; {}): the API may have \
             changed; check api_version",
            words(why_unreadable.as_deref().unwrap_or_default()),
        ),
        ErrorKind::BadResponse => format!(
            "the response for {job} is not the JSON that the API documents (HTTP {http_status}; {}): {}. {INTERMEDIARY}",
            words(why_unreadable.as_deref().unwrap_or_default()),
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
                "Zoho refused the access token ({reason}): it has expired (a token lives one hour), was revoked, belongs \
                 to another data center than {} or another environment than {} ({}), or the organization accepts it from \
                 other IP addresses only{hint}",
                request.data_center, request.environment, request.api
            )
        }
        ErrorKind::Scope => format!(
            "the access token lacks the scope ZohoCRM.mass_delete.READ ({reason}): create one that has it, or \
             ZohoCRM.mass_delete.{}.READ, which suffices for this module",
            job.module.scope_name()
        ),
        ErrorKind::Forbidden => {
            format!(
                "Zoho does not permit the user of this token to see {job} ({reason}): {}",
                permission_hint(api_error)
            )
        }
        ErrorKind::InvalidModule if api_error.code == "NOT_SUPPORTED" => {
            format!("Zoho cannot mass-delete records of {module} ({reason}): check the module")
        }
        ErrorKind::InvalidModule => {
            let hint = match job.module.api_name() {
                Some(name) => format!("its API name may be {name}"),
                None => "use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs".to_owned(),
            };
            format!("Zoho has no module {module} ({reason}): {hint}")
        }
        ErrorKind::JobNotFound => {
            format!("Zoho has no {job} ({reason}): check id, module, data center, environment and organization")
        }
        ErrorKind::RateLimited if what.is_used_up => format!(
            "the API credits of the organization are used up ({reason}): they come back in the course of 24 hours. Poll less \
             often: each poll takes one"
        ),
        ErrorKind::RateLimited if what.throttled.is_some() => {
            format!("Zoho received too many requests ({reason}): poll less often, or with fewer concurrent calls")
        }
        ErrorKind::RateLimited => format!(
            "too many calls of the organization were in flight at once ({reason}): lower max_concurrency, or have other \
             programs call less often"
        ),
        ErrorKind::Server => format!("Zoho failed to process the request for {job} ({reason}): try again later"),
        ErrorKind::Proxy => {
            format!("the proxy refused the request ({reason}): it requires other credentials in the setting proxy")
        }
        _ => {
            let hint = match &*api_error.code {
                "INVALID_HOST" => ": check api_domain, data_center and environment",
                "INVALID_URL_PATTERN" => ": check api_version, as mass deletes exist from v4 on, and api_domain",
                "LIMIT_EXCEEDED" => ": a limit of the organization is reached, which is not that of polling",
                _ => "",
            };
            format!("Zoho returned an error for {job} ({reason}){hint}")
        }
    }
}

/// What to do about a missing permission.
fn permission_hint(api_error: &ApiError) -> String {
    const PROFILES: &str = "Setup, Security Control, Profiles";
    if is_not_included(&api_error.code) {
        return "the edition of the organization, or its trial, does not include it".to_owned();
    }
    let names: Vec<_> = api_error.permissions.iter().filter(|name| is_permission(name)).take(5).collect();
    if names.iter().any(|name| *name == "Crm_Implied_Api_Access") {
        return format!("its profile lacks the permission Zoho CRM API Access ({PROFILES})");
    }
    if let Some(module) = names.iter().find_map(|name| name.strip_prefix("Crm_Implied_Mass_Delete_")) {
        return format!("its profile lacks the permission to mass-delete {module} ({PROFILES})");
    }
    let ask = "ask the organization's administrator for the permission, and check the scope of the token and the IP \
               addresses that the organization allows";
    match &*names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ") {
        "" => ask.to_owned(),
        names => format!("{names} is missing; {ask}"),
    }
}

/// A name such as `Crm_Implied_View_Leads`; the parts are words.
fn is_permission(name: &str) -> bool {
    name.len() <= 80
        && name.split('_').all(|part| (1..=24).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
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
