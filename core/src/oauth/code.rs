//! Exchanges a grant code for a refresh token, as `zmd login` does once for each profile. It does not know clients.
//!
//! Source: Zoho OAuth 2.0, "Self Client", "Generate access token and refresh token".

use serde::Deserialize;
use zeroize::Zeroize;

use super::beginning_of;
use super::grant::form_of;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::http::{Http, Network, Proxies, Response};
use crate::retry::Deadline;
use crate::secret::{Secret, parse_token, token_rule};

/// Exchanges a grant code for a refresh token, with the `client_id`, the `client_secret` and the accounts server of the
/// configuration. Blocks for at most `timeout_ms`.
///
/// A code can be used once, so nothing is retried. Besides network errors it fails with `ZMD_ERR_INVALID_ARGUMENT` for an
/// invalid code, with `ZMD_ERR_INVALID_CONFIG` if a setting is missing, and with `ZMD_ERR_OAUTH` if the accounts server
/// refuses, with a message that says what to do.
pub fn exchange_grant_code(config: &Config, code: &str) -> Result<Secret, Error> {
    let code = parse_token(code.trim())
        .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, format!("the grant code must be {}", token_rule())))?;
    let (Some(client_id), Some(client_secret)) = (&config.client_id, &config.client_secret) else {
        return Err(Error::new(ErrorKind::InvalidConfig, "a grant code is exchanged with client_id and client_secret"));
    };
    let accounts = Proxies::new(config)?.route(config.accounts_url());
    let http = Http::new(&Network::new(config)?);
    let form = form_of(&[
        ("grant_type", "authorization_code"),
        ("client_id", client_id.reveal()),
        ("client_secret", client_secret.reveal()),
        ("code", code.reveal()),
    ]);
    let secrets = [&code, client_secret, client_id];
    let url = format!("{}/oauth/v2/token", accounts.base);
    let response = http
        .post(&accounts, &url, &form, &secrets, Deadline::after(config.timeout))
        .map_err(|failure| failure.error)?;
    let accounts = accounts.base.to_string();
    let result = read(&response, &accounts, config.data_center.name);
    result.map_err(|error| {
        let error = error.with_http_status(response.status);
        secrets.iter().fold(error, |error, secret| error.without(secret.reveal()))
    })
}

/// A refresh token, or an error.
#[derive(Deserialize)]
struct CodeResponse {
    refresh_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Drop for CodeResponse {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
        self.access_token.zeroize();
    }
}

fn read(response: &Response, accounts: &str, data_center: &str) -> Result<Secret, Error> {
    let status = response.status;
    if status >= 500 || status == 429 {
        let kind = if status == 429 { ErrorKind::RateLimited } else { ErrorKind::Server };
        let message = format!(
            "{accounts} failed to exchange the grant code (HTTP {status}): try again, with a new code if this one is refused then"
        );
        return Err(Error::new(kind, message));
    }
    let Ok(parsed) = serde_json::from_slice::<CodeResponse>(response.json()) else {
        let message = format!(
            "the response of {accounts} is not a token (HTTP {status}, {}): is accounts_url right, and does a \
             proxy respond in its place?",
            beginning_of(&response.body)
        );
        return Err(Error::new(ErrorKind::Oauth, message));
    };
    if let Some(code) = &parsed.error {
        let (kind, what) = match &**code {
            "invalid_code" => (
                ErrorKind::Oauth,
                format!(
                    "it was used before, is older than the minutes that were chosen for it, or belongs to another client \
                     or data center than {data_center}: generate a new one"
                ),
            ),
            "invalid_client" => (
                ErrorKind::Oauth,
                format!("it has no such client id: check it, and that the data center is {data_center}"),
            ),
            "invalid_client_secret" => {
                (ErrorKind::Oauth, "the client secret is not the one that belongs to the client id".to_owned())
            }
            "Access Denied" => {
                (ErrorKind::RateLimited, "there were too many requests: try again in ten minutes".to_owned())
            }
            _ => {
                (ErrorKind::Oauth, parsed.error_description.clone().unwrap_or_else(|| "it gives no reason".to_owned()))
            }
        };
        return Err(Error::new(kind, format!("{accounts} refused the grant code ({code}): {what}")).with_code(code));
    }
    let refresh_token = parsed.refresh_token.as_deref().and_then(parse_token);
    refresh_token.ok_or_else(|| {
        let message = format!(
            "{accounts} returned for the grant code no refresh token (HTTP {status}): generate the code with a self client"
        );
        Error::new(ErrorKind::Oauth, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(status: u16, body: &str) -> Result<Secret, Error> {
        let response = Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        read(&response, "https://accounts.zoho.com", "us")
    }

    #[test]
    fn the_refresh_token_is_parsed() {
        let token = respond(200, r#"{"access_token":"1000.a","refresh_token":"1000.r","expires_in":3600}"#).unwrap();
        assert_eq!(token.reveal(), "1000.r");
        assert_eq!(respond(200, "\u{feff}{\"refresh_token\":\"1000.r\"}").unwrap().reveal(), "1000.r");
    }

    #[test]
    fn a_response_that_is_cut_off_is_not_quoted() {
        let error = respond(200, r#"{"access_token":"1000.a","refresh_token":"1000.r"#).unwrap_err();
        assert!(error.kind() == ErrorKind::Oauth && !error.message().contains("1000."), "{error}");
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for (status, body, kind, words) in [
            (200, r#"{"error":"invalid_code"}"#, ErrorKind::Oauth, "generate a new one"),
            (200, r#"{"error":"invalid_client"}"#, ErrorKind::Oauth, "data center is us"),
            (200, r#"{"error":"invalid_client_secret"}"#, ErrorKind::Oauth, "belongs to the client id"),
            (400, r#"{"error":"Access Denied"}"#, ErrorKind::RateLimited, "ten minutes"),
            (200, r#"{"access_token":"1000.a"}"#, ErrorKind::Oauth, "self client"),
            (200, "<html>", ErrorKind::Oauth, "accounts_url"),
            (503, "<html>", ErrorKind::Server, "try again"),
        ] {
            let error = respond(status, body).unwrap_err();
            assert!(error.kind() == kind && error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn a_bad_code_or_a_missing_setting_fails_before_any_traffic() {
        let config = Config::new();
        assert_eq!(exchange_grant_code(&config, "a b").unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(exchange_grant_code(&config, "1000.a").unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
