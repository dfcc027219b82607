//! Exchanges a grant code for a refresh token, as `zmd login` does once for each profile.
//!
//! Source: Zoho OAuth 2.0, "Self Client", "Generate access token and refresh token".

use super::grant::form_of;
use super::response::{Exchange, TokenRequest, read};
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
    let request =
        TokenRequest { exchange: Exchange::Code, accounts: &accounts.base, data_center: config.data_center.name };
    refresh_token(&response, &request)
}

fn refresh_token(response: &Response, request: &TokenRequest) -> Result<Secret, Error> {
    let parsed = read(response, request).map_err(|failure| failure.error)?;
    parsed.refresh_token.as_deref().and_then(parse_token).ok_or_else(|| {
        let message = format!(
            "{} returned no refresh token for the grant code (HTTP {}): generate the code with a self client",
            request.accounts, response.status
        );
        Error::new(ErrorKind::Oauth, message).with_http_status(response.status)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::BaseUrl;

    fn respond(status: u16, body: &str) -> Result<Secret, Error> {
        let response = Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        let accounts = BaseUrl::parse("https://accounts.zoho.com").unwrap();
        let request = TokenRequest { exchange: Exchange::Code, accounts: &accounts, data_center: "us" };
        refresh_token(&response, &request)
    }

    #[test]
    fn the_refresh_token_is_parsed() {
        let token = respond(200, r#"{"access_token":"1000.a","refresh_token":"1000.r","expires_in":3600}"#).unwrap();
        assert_eq!(token.reveal(), "1000.r");
        let error = respond(200, r#"{"access_token":"1000.a"}"#).unwrap_err();
        assert!(error.kind() == ErrorKind::Oauth && error.message().contains("self client"), "{error}");
    }

    #[test]
    fn a_response_that_is_cut_off_is_not_quoted() {
        let error = respond(200, r#"{"access_token":"1000.a","refresh_token":"1000.r"#).unwrap_err();
        assert!(error.kind() == ErrorKind::Server && !error.message().contains("1000."), "{error}");
    }

    #[test]
    fn a_bad_code_or_a_missing_setting_fails_before_any_traffic() {
        let config = Config::new();
        assert_eq!(exchange_grant_code(&config, "a b").unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(exchange_grant_code(&config, "1000.a").unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
