//! The responses of the accounts server's token endpoint: tokens, refusals, and what something else sent in its place.
//!
//! Source: Zoho OAuth 2.0, "Refresh access tokens" and "Generate access token and refresh token"; the codes also from
//! "Kaizen #4 - Troubleshooting OAuth2.0" in the vendor's forum, and from responses that others recorded.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroize;

use crate::endpoint::BaseUrl;
use crate::error::{Error, ErrorKind};
use crate::http::Response;
use crate::http::page;
use crate::json::from_object;
use crate::retry::{Failure, Retry};
use crate::throttle::throttled;
use crate::words::{code, words};

/// A token's lifetime if the response does not contain it, and the longest lifetime that is accepted.
const LIFETIME: Duration = Duration::from_secs(3600);
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);

/// The scope that a status needs.
pub(super) const SCOPE: &str = "ZohoCRM.mass_delete.READ";

/// What a request exchanges for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    RefreshToken,
    /// Client credentials, for one organization.
    Organization,
    /// A grant code, for a refresh token.
    Code,
}

/// A request to the token endpoint, as far as messages need it.
#[derive(Clone, Copy)]
pub(super) struct TokenRequest<'a> {
    pub exchange: Exchange,
    pub accounts: &'a BaseUrl,
    /// The setting `data_center`.
    pub data_center: &'a str,
}

/// The tokens of a response, wiped when they are dropped.
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    pub access_token: Option<String>,
    /// Only for a grant code.
    pub refresh_token: Option<String>,
    pub api_domain: Option<String>,
    expires_in: Option<Value>,
    expires_in_sec: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
}

impl Drop for TokenResponse {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.refresh_token.zeroize();
    }
}

impl TokenResponse {
    /// Older servers send milliseconds in `expires_in`, and also seconds in `expires_in_sec`. Zero and negative numbers count
    /// as absent: a token is requested at most once for a lifetime.
    pub(super) fn lifetime(&self) -> Duration {
        let value = |number: &Option<Value>| match number {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let value = |number| value(number).filter(|number: &u64| *number > 0);
        let lifetime = match (value(&self.expires_in_sec), value(&self.expires_in)) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, Some(seconds)) if seconds <= LONGEST_LIFETIME.as_secs() => Duration::from_secs(seconds),
            (None, Some(milliseconds)) => Duration::from_millis(milliseconds),
            (None, None) => LIFETIME,
        };
        lifetime.min(LONGEST_LIFETIME)
    }

    fn description(&self) -> &str {
        self.error_description.as_ref().and_then(Value::as_str).unwrap_or_default()
    }
}

/// Parses the response of the token endpoint.
///
/// What has no error code of OAuth does not come from Zoho, or not from a working service: a maintenance page, a firewall's
/// refusal, an empty body. That is transient, but for a server that has no such path or points elsewhere.
pub(super) fn read(response: &Response, request: &TokenRequest) -> Result<TokenResponse, Failure> {
    let http_status = response.status;
    let accounts = request.accounts;
    let retry = response.retry_after.map_or(Retry::BackOff, Retry::After);
    let failure = |kind, message: String, retry| Failure {
        error: Error::new(kind, message).with_http_status(http_status),
        retry,
    };
    if http_status >= 500 {
        let message = format!("{accounts} failed to {} (HTTP {http_status}): try again later", request.purpose());
        return Err(failure(ErrorKind::Server, message, retry));
    }
    if let Some(what) = throttled(response.json()) {
        let message = request.too_many(code(&what).unwrap_or("with a code of another form"));
        let Failure { error, retry } = failure(ErrorKind::RateLimited, message, Retry::Never);
        return Err(Failure { error: error.with_code(code(&what).unwrap_or_default()), retry });
    }
    if http_status == 429 {
        let retry = response.retry_after.map_or(Retry::Never, Retry::After);
        return Err(failure(ErrorKind::RateLimited, request.too_many(&format!("HTTP {http_status}")), retry));
    }
    let what = match from_object::<TokenResponse>(response.json()) {
        Ok(parsed) => {
            if let Some(error) = parsed.error.as_ref().and_then(Value::as_str).filter(|error| !error.is_empty()) {
                let (kind, message) = request.refused(error, parsed.description());
                let retry = if kind == ErrorKind::Server { retry } else { Retry::Never };
                let Failure { error: refusal, retry } = failure(kind, message, retry);
                return Err(Failure { error: refusal.with_code(code(error).unwrap_or_default()), retry });
            }
            if (200..300).contains(&http_status) && parsed.access_token.is_some() {
                return Ok(parsed);
            }
            "without an access_token".to_owned()
        }
        Err(_) => match response.location.as_deref().filter(|_| (300..400).contains(&http_status)) {
            Some(location) => format!("it redirects to {location}"),
            None => words(&page::describe(response)),
        },
    };
    let message = format!(
        "the response of {accounts} is not a token (HTTP {http_status}, {what}): is accounts_url right, and does a proxy \
         respond in its place?"
    );
    Err(match http_status {
        // There is no such path, or it is elsewhere.
        300..=399 | 404 | 405 | 410 => failure(ErrorKind::BadResponse, message, Retry::Never),
        _ => failure(ErrorKind::Server, message, retry),
    })
}

impl TokenRequest<'_> {
    fn purpose(&self) -> &'static str {
        match self.exchange {
            Exchange::RefreshToken | Exchange::Organization => "make an access token",
            Exchange::Code => "exchange the grant code",
        }
    }

    /// The message for a client that has made too many requests.
    fn too_many(&self, what: &str) -> String {
        let (accounts, purpose) = (self.accounts, self.purpose());
        let hint = match self.exchange {
            Exchange::Code => "",
            _ => ", and have the processes share their tokens with token_cache",
        };
        format!(
            "{accounts} refused to {purpose} ({what}): there were too many requests, of which 10 in 10 minutes are allowed: \
             send none for 15 minutes or more{hint}"
        )
    }

    /// The kind and the message for an error code of the token endpoint.
    fn refused(&self, error: &str, description: &str) -> (ErrorKind, String) {
        let TokenRequest { accounts, data_center, exchange } = self;
        let (kind, what) = match (error, exchange) {
            ("server_error" | "general_error" | "temporarily_unavailable", _) => {
                (ErrorKind::Server, "it failed: try again later".to_owned())
            }
            ("invalid_code", Exchange::RefreshToken) => (
                ErrorKind::Oauth,
                format!(
                    "the refresh token was revoked, or belongs to another data center than {data_center}. A changed \
                     password and a deleted client end it too, and the 21st of one user and client ends the first: make a \
                     new one"
                ),
            ),
            ("invalid_code", Exchange::Code) => (
                ErrorKind::Oauth,
                format!(
                    "it was used before, is older than the minutes that were chosen for it, or belongs to another client \
                     or data center than {data_center}: generate a new one"
                ),
            ),
            ("invalid_client", _) => (
                ErrorKind::Oauth,
                format!(
                    "it has no such client_id, client_secret is that of another client, or the client is not enabled for \
                     the data center {data_center}: check the two and the data center"
                ),
            ),
            ("invalid_client_secret", _) => {
                (ErrorKind::Oauth, "client_secret is not the one that belongs to client_id".to_owned())
            }
            ("missing_org_info", _) => (
                ErrorKind::Oauth,
                "it has no organization with this org_id that the client may act for: check org_id, which Zoho CRM shows \
                 under Setup, Developer Hub, APIs, and in which organization the self client was made"
                    .to_owned(),
            ),
            ("invalid_soid" | "invalid_org", _) => (
                ErrorKind::Oauth,
                "org_id is not the id of an organization of Zoho CRM that the client may act for: Zoho CRM shows it under \
                 Setup, Developer Hub, APIs"
                    .to_owned(),
            ),
            ("invalid_scope", Exchange::Organization) => (
                ErrorKind::Oauth,
                format!("the client may not request the scope {SCOPE} in this organization: check that Zoho CRM is in use there"),
            ),
            ("invalid_scope", _) => (
                ErrorKind::Oauth,
                format!("it was not generated for scopes of Zoho CRM: generate it for the scope {SCOPE}"),
            ),
            _ => (ErrorKind::Oauth, Some(words(description)).filter(|words| !words.is_empty()).unwrap_or_else(|| "it gives no reason".to_owned())),
        };
        let code = code(error).unwrap_or("with a code of another form");
        (kind, format!("{accounts} refused to {} ({code}): {what}", self.purpose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(exchange: Exchange, response: &Response) -> Result<TokenResponse, Failure> {
        let accounts = BaseUrl::parse("https://accounts.zoho.eu").unwrap();
        read(response, &TokenRequest { exchange, accounts: &accounts, data_center: "eu" })
    }

    fn response(status: u16, body: &str) -> Response {
        Response { status, body: body.as_bytes().to_vec(), ..Response::default() }
    }

    fn failure(exchange: Exchange, status: u16, body: &str) -> Failure {
        let failure = respond(exchange, &response(status, body)).err().expect(body);
        assert_eq!(failure.error.http_status(), status);
        failure
    }

    #[test]
    fn a_lifetime_in_every_form() {
        let lifetime = |json: &str| from_object::<TokenResponse>(json.as_bytes()).unwrap().lifetime().as_secs();
        assert_eq!(lifetime(r#"{"expires_in":3600}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":"3600"}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":3600000,"expires_in_sec":3600}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":3600000}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":60}"#), 60);
        assert_eq!(lifetime("{}"), 3600);
        assert_eq!(lifetime(r#"{"expires_in":null}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":0}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":-5}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":-5,"expires_in_sec":0}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":18446744073709551615}"#), 86_400);
    }

    #[test]
    fn a_token_is_parsed_from_an_object() {
        let body = "\u{feff}{\"access_token\":\"1000.a\",\"refresh_token\":\"1000.r\",\"expires_in\":3600}";
        let parsed = respond(Exchange::Code, &response(200, body)).ok().unwrap();
        assert_eq!((parsed.access_token.as_deref(), parsed.refresh_token.as_deref()), (Some("1000.a"), Some("1000.r")));
        let array = r#"["1000.a",null,null,3600,null,null,null]"#;
        assert_eq!(failure(Exchange::RefreshToken, 200, array).error.kind(), ErrorKind::Server);
    }

    #[test]
    fn what_has_no_error_code_is_transient() {
        for (status, body, words) in [
            (500, "", "failed to make an access token (HTTP 500)"),
            (503, r#"{"access_token":"1000.a"}"#, "failed to make an access token (HTTP 503)"),
            (200, "<title>Maintenance</title>", "(HTTP 200, the page \"Maintenance\"): is accounts_url right"),
            (403, "<h1>Blocked</h1>", "(HTTP 403, the page \"Blocked\"): is"),
            (403, r#"{"access_token":"1000.a"}"#, "(HTTP 403, without an access_token): is"),
            (200, "", "(HTTP 200, an empty body): is"),
            (200, "{}", "(HTTP 200, without an access_token): is"),
            (200, r#"{"error":{"message":"no"}}"#, "without an access_token"),
            (200, r#"{"error":""}"#, "without an access_token"),
            (400, r#"{"error":"server_error"}"#, "refused to make an access token (server_error): it failed"),
            (200, r#"{"error":"general_error"}"#, "(general_error)"),
            (400, r#"{"error":"temporarily_unavailable"}"#, "(temporarily_unavailable)"),
        ] {
            let Failure { error, retry } = failure(Exchange::RefreshToken, status, body);
            assert_eq!((error.kind(), retry), (ErrorKind::Server, Retry::BackOff), "{status} {body}");
            assert!(error.is_transient() && error.message().contains(words), "{error}");
        }
        let later = Some(Duration::from_secs(7));
        let busy =
            respond(Exchange::RefreshToken, &Response { retry_after: later, ..response(200, "") }).err().unwrap();
        assert_eq!(busy.retry, Retry::After(Duration::from_secs(7)));
    }

    #[test]
    fn a_server_without_the_path_is_the_wrong_one() {
        for status in [301, 302, 404, 405, 410] {
            let location = Some("https://elsewhere".to_owned());
            let Failure { error, retry } =
                respond(Exchange::RefreshToken, &Response { location, ..response(status, "") }).err().unwrap();
            assert_eq!((error.kind(), retry), (ErrorKind::BadResponse, Retry::Never));
            let where_to = error.message().contains("it redirects to https://elsewhere");
            assert_eq!(where_to, status < 400, "{error}");
        }
    }

    #[test]
    fn too_many_requests_are_not_repeated() {
        for (status, body, code) in [
            (429, "", ""),
            (
                400,
                r#"{"error":"Access Denied","error_description":"You have ...","status":"failure"}"#,
                "Access Denied",
            ),
            (200, r#"{"error":"access_denied","status":"failure"}"#, "access_denied"),
            (200, r#"{"error":"\u62d2\u7edd","status":"failure"}"#, ""),
        ] {
            for exchange in [Exchange::RefreshToken, Exchange::Organization, Exchange::Code] {
                let Failure { error, retry } = failure(exchange, status, body);
                assert_eq!((error.kind(), error.code(), retry), (ErrorKind::RateLimited, code, Retry::Never));
                assert!(error.message().contains("15 minutes or more"), "{error}");
                assert_eq!(error.message().contains("token_cache"), exchange != Exchange::Code, "{error}");
            }
        }
        let later = Some(Duration::from_secs(7));
        let busy =
            respond(Exchange::RefreshToken, &Response { retry_after: later, ..response(429, "") }).err().unwrap();
        assert_eq!(busy.retry, Retry::After(Duration::from_secs(7)));
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        use Exchange::{Code, Organization, RefreshToken};
        for (exchange, status, code, why) in [
            (
                RefreshToken,
                200,
                "invalid_code",
                "the refresh token was revoked, or belongs to another data center than eu",
            ),
            (RefreshToken, 200, "invalid_code", "changed password"),
            (Code, 400, "invalid_code", "generate a new one"),
            (Organization, 400, "invalid_code", "it gives no reason"),
            (RefreshToken, 400, "invalid_client", "it has no such client_id"),
            (Code, 200, "invalid_client", "not enabled for the data center eu"),
            (RefreshToken, 400, "invalid_client_secret", "client_secret is not"),
            (Organization, 400, "missing_org_info", "it has no organization"),
            (Organization, 400, "invalid_soid", "org_id is not"),
            (Organization, 400, "invalid_org", "org_id is not"),
            (Organization, 400, "invalid_scope", "in this organization"),
            (Code, 400, "invalid_scope", "generate it for the scope ZohoCRM.mass_delete.READ"),
            (RefreshToken, 400, "odd", "it gives no reason"),
        ] {
            let Failure { error, retry } = failure(exchange, status, &format!(r#"{{"error":"{code}"}}"#));
            assert_eq!((error.kind(), error.code(), retry), (ErrorKind::Oauth, code, Retry::Never), "{error}");
            let what = if exchange == Code { "exchange the grant code" } else { "make an access token" };
            let begin = format!("https://accounts.zoho.eu refused to {what} ({code}): ");
            assert!(error.message().starts_with(&begin) && error.message().contains(why), "{error}");
        }
        let described = failure(RefreshToken, 400, r#"{"error":"odd","error_description":"Some day."}"#).error;
        assert!(described.message().ends_with("(odd): Some day."), "{described}");
    }

    #[test]
    fn nothing_as_long_as_a_token_is_repeated() {
        let token = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";
        let body = format!(r#"{{"error":"{token}","error_description":"bad {token}"}}"#);
        let error = failure(Exchange::RefreshToken, 400, &body).error;
        assert!(!format!("{error:?}").contains("0123456789"), "{error:?}");
        assert!(error.message().ends_with("(with a code of another form): bad ..."), "{error}");
    }
}
