//! The answers of the two endpoints of the service.

use std::time::Duration;

use serde_json::Value;

use crate::fault::Fault;
use crate::http::{Answer, Request, parameter};
use crate::reply::{special_job, with_fault};
use crate::server::{Settings, State};
use crate::tokens::{Made, Refusal};

/// The modules of every organization.
const MODULES: &[&str] = &[
    "Leads",
    "Contacts",
    "Accounts",
    "Deals",
    "Tasks",
    "Events",
    "Calls",
    "Campaigns",
    "Products",
    "Quotes",
    "Sales_Orders",
    "Purchase_Orders",
    "Invoices",
    "Price_Books",
    "Vendors",
    "Cases",
    "Solutions",
];

/// Whether a request is for the accounts server, and not for the CRM.
pub(crate) fn is_for_accounts(request: &Request) -> bool {
    request.path().starts_with("/oauth/")
}

/// The CRM's answer, and the fault with which to deliver it.
pub(crate) fn crm(state: &mut State, now: Duration, request: &Request) -> (Answer, Option<Fault>) {
    let is_known = token(request).is_some_and(|token| state.tokens.is_valid(token, now));
    if is_known && state.credits.as_mut().is_some_and(|credits| !credits.take(now)) {
        return (Answer::documented("TOO_MANY_REQUESTS"), None);
    }
    checked(state, now, request)
}

fn checked(state: &mut State, now: Duration, request: &Request) -> (Answer, Option<Fault>) {
    let error = |name| (Answer::documented(name), None);

    // The service checks a request in this order.
    match token(request) {
        None => return error("AUTHENTICATION_FAILURE"),
        Some(token) if !state.tokens.is_valid(token, now) => return error("INVALID_TOKEN"),
        Some(_) => {}
    }
    let path: Vec<&str> = request.path().split('/').collect();
    let ["", "crm", version, module, "actions", "mass_delete"] = path[..] else {
        return error("INVALID_URL_PATTERN");
    };
    if !is_version(version) {
        return error("INVALID_URL_PATTERN");
    }
    if request.method != "GET" {
        return error("INVALID_REQUEST_METHOD");
    }
    if !is_module(module) {
        return error("INVALID_MODULE");
    }
    let query = request.query();
    let Some(id) = parameter(&query, "job_id") else {
        return error("REQUIRED_PARAM_MISSING");
    };
    if let Some(special) = special_job(id) {
        return special;
    }
    let key = (module.to_owned(), id.to_owned());
    if let Some(script) = state.scripts.get_mut(&key)
        && let Some(reply) = if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
    {
        return reply.into_answer().map_or_else(with_fault, |answer| (answer, None));
    }
    match state.jobs.get(&key) {
        None => error("INVALID_DATA"),
        Some((job, added)) => (Answer::json(200, job.status(now - *added)), None),
    }
}

/// The access token; `None` if there is none, or one with another scheme.
fn token(request: &Request) -> Option<&str> {
    request.header("Authorization")?.strip_prefix("Zoho-oauthtoken ")
}

/// `v2`, `v2.1`, ... `v8` and later; there was no v1 in this form.
fn is_version(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix('v') else {
        return false;
    };
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    major.parse::<u8>().is_ok_and(|major| major >= 2) && minor.parse::<u8>().is_ok()
}

/// A module of the list, or the name of a possible custom module: `CustomModule7`, or a name with an
/// underscore.
fn is_module(name: &str) -> bool {
    let is_api_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let number = name.strip_prefix("CustomModule");
    let is_custom = number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()));
    MODULES.contains(&name) || is_custom || (is_api_name && name.contains('_'))
}

/// The accounts server's answer.
pub(crate) fn accounts(state: &mut State, settings: &Settings, now: Duration, request: &Request) -> Answer {
    if request.method == "GET" && request.path() == "/oauth/serverinfo" {
        // As documented, without China; ae and sg are probable: the list was seen before they were there.
        let locations =
            ["us:com", "eu:eu", "in:in", "au:com.au", "jp:jp", "uk:uk", "sa:sa", "ae:ae", "sg:sg"].map(|row| {
                let (name, domain) = row.split_once(':').unwrap_or_default();
                format!(r#""{name}":"https://accounts.zoho.{domain}""#)
            });
        let locations = format!(r#"{},"ca":"https://accounts.zohocloud.ca""#, locations.join(","));
        return Answer::json(200, format!(r#"{{"result":"success","locations":{{{locations}}}}}"#));
    }
    if request.method != "POST" || request.path() != "/oauth/v2/token" {
        return Answer::html(404, "<html><body><h1>404 Not Found</h1></body></html>\n");
    }
    match state.tokens.make(&request.form(), now) {
        Ok(made) => token_answer(&made, settings, state.tokens.lifetime()),
        // The service sends some of its refusals with HTTP 200 and some with 400.
        Err(refusal) => match refusal {
            Refusal::ClientId => Answer::json(200, r#"{"error":"invalid_client"}"#),
            Refusal::ClientSecret => Answer::json(200, r#"{"error":"invalid_client_secret"}"#),
            Refusal::GrantType => Answer::json(400, r#"{"error":"unsupported_grant_type"}"#),
            // Observed with both: see `Builder::invalid_code_status`.
            Refusal::RefreshToken | Refusal::Code => {
                Answer::json(settings.invalid_code_status, r#"{"error":"invalid_code"}"#)
            }
            // Without an organization the accounts server cannot make a token.
            Refusal::Organization => Answer::json(400, r#"{"error":"missing_org_info"}"#),
            Refusal::Scope => Answer::json(400, r#"{"error":"invalid_scope"}"#),
            Refusal::TooMany => Answer::json(
                400,
                r#"{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}"#,
            ),
        },
    }
}

fn token_answer(made: &Made, settings: &Settings, lifetime: Duration) -> Answer {
    let api_domain = Value::from(settings.api_domain.as_str());
    let expires = match settings.expires_in_milliseconds {
        false => format!(r#""expires_in":{}"#, lifetime.as_secs()),
        true => format!(r#""expires_in_sec":{},"expires_in":{}"#, lifetime.as_secs(), lifetime.as_millis()),
    };
    let token = &made.access_token;
    let refresh = made.refresh_token.as_ref().map(|token| format!(r#""refresh_token":"{token}","#)).unwrap_or_default();
    Answer::json(
        200,
        format!(r#"{{"access_token":"{token}",{refresh}"api_domain":{api_domain},"token_type":"Bearer",{expires}}}"#),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_v2_and_later() {
        for good in ["v2", "v2.1", "v8", "v10"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["v1", "2", "v", "v2.", "v2.x", "V2", "v-3"] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn modules_are_those_of_the_list_and_custom_ones() {
        for good in ["Leads", "Sales_Orders", "CustomModule12", "My_Things"] {
            assert!(is_module(good), "{good}");
        }
        for bad in ["", "leads", "Meetings", "CustomModule", "Sales%20Orders", "_x", "a_b/"] {
            assert!(!is_module(bad), "{bad}");
        }
    }
}
