//! The two OAuth grants for access tokens, and the accounts server's responses.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::cache::{Entry, Lock, TokenCache};
use super::{Token, beginning_of};
use crate::config::{Config, refusal};
use crate::endpoint::BaseUrl;
use crate::error::{Error, ErrorKind};
use crate::http::{Http, Proxies, Response, Route};
use crate::retry::{self, Deadline, Failure, Retry};
use crate::secret::{Secret, parse_token};

/// A token's lifetime if the response does not contain it, and the longest lifetime that is accepted.
const LIFETIME: Duration = Duration::from_secs(3600);
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);

/// The grant type.
enum Kind {
    RefreshToken(Secret),
    /// Client credentials, for one organization.
    ///
    /// Source: Zoho accounts, "Self Client - Client credentials flow"; Zoho CRM API v7, "Client Credentials Flow", which
    /// names the path /oauth/v2/auth where the accounts documentation has /oauth/v2/token.
    Organization(String),
}

/// The scope to request with client credentials.
const SCOPE: &str = "ZohoCRM.mass_delete.READ";

/// The credentials for access tokens, and the server that makes them.
pub(crate) struct Grant {
    kind: Kind,
    client_id: Secret,
    client_secret: Secret,
    accounts: Route,
    data_center: &'static str,
    proxies: Proxies,
    max_retries: u32,
    cache: Option<TokenCache>,
}

impl Grant {
    /// The grant of the settings: all three parts must be set, or none.
    pub(crate) fn new(config: &Config, proxies: &Proxies) -> Result<Option<Grant>, Error> {
        let kind = match (&config.refresh_token, &config.org_id) {
            (Some(_), Some(_)) => {
                let message = "refresh_token and org_id are both set: unset org_id to use the refresh token, or \
                               refresh_token to use the client-credentials grant";
                return Err(Error::new(ErrorKind::InvalidConfig, message));
            }
            (Some(refresh_token), None) => Some(Kind::RefreshToken(refresh_token.clone())),
            (None, Some(org_id)) => Some(Kind::Organization(org_id.clone())),
            (None, None) => None,
        };
        let third = match kind {
            Some(Kind::RefreshToken(_)) => "refresh_token",
            Some(Kind::Organization(_)) => "org_id",
            None => "refresh_token (or org_id)",
        };
        let parts = [
            (third, kind.is_some()),
            ("client_id", config.client_id.is_some()),
            ("client_secret", config.client_secret.is_some()),
        ];
        let (Some(kind), Some(client_id), Some(client_secret)) =
            (kind, config.client_id.clone(), config.client_secret.clone())
        else {
            if parts.iter().all(|(_, is_set)| !is_set) {
                return Ok(None);
            }
            let names = |wanted: bool| {
                let names: Vec<_> = parts.iter().filter(|(_, is_set)| *is_set == wanted).map(|part| part.0).collect();
                format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
            };
            let message = format!("{} not set, but {}: the three go together", names(false), names(true));
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        };
        let accounts = proxies.route(config.accounts_url());
        let cache = match &config.token_cache {
            None => None,
            Some(path) if std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) => {
                return Err(refusal("token_cache", format!("the path of a file; {path} is a directory")));
            }
            Some(path) => {
                let accounts_url = accounts.base.to_string();
                let with = match &kind {
                    Kind::RefreshToken(refresh_token) => refresh_token.clone(),
                    // A refresh token contains no line end, so the two cannot be confused.
                    Kind::Organization(org_id) => Secret::new(&format!("{}\n{org_id}", client_secret.reveal())),
                };
                Some(TokenCache::new(path, &accounts_url, client_id.reveal(), with.reveal()))
            }
        };
        Ok(Some(Grant {
            kind,
            client_id,
            client_secret,
            accounts,
            data_center: config.data_center.name,
            proxies: proxies.clone(),
            max_retries: config.max_retries,
            cache,
        }))
    }

    /// A token other than `refused`: from the cache, or a new one.
    pub(crate) fn renew(&self, http: &Http, refused: Option<&Token>, deadline: Deadline) -> Result<Token, Error> {
        let wanted = |entry: Entry| {
            let token = self.token_of(&entry)?;
            let is_refused = refused.is_some_and(|refused| refused.secret == token.secret);
            (!token.is_due() && !is_refused).then_some(token)
        };
        let mut lock = None;
        if let Some(cache) = &self.cache {
            let path = cache.path().display();
            // Wait for half of the time only: the holder of the lock may hang, and then a token is made without the cache.
            match cache.lock_or_read(deadline.remaining() / 2, |pause| http.sleep(pause), wanted) {
                Ok(Some(Err(token))) => {
                    log::info!("access token taken from {path}");
                    return Ok(token);
                }
                Ok(Some(Ok(held))) => lock = Some((cache, held)),
                Ok(None) => log::warn!("token_cache {path} is locked by another process: continuing without it"),
                Err(error) => log::warn!("token_cache {path} can't be used: {error}"),
            }
        }
        let (made, token) = self.request(http, deadline)?;
        log::info!("access token made by {}", self.accounts.base);
        if let Some((cache, held)) = lock {
            self.store(cache, made, &held);
        }
        Ok(token)
    }

    fn store(&self, cache: &TokenCache, made: Entry, lock: &Lock) {
        if let Err(error) = cache.write(made, lock) {
            log::warn!("token_cache {} can't be written: {error}", cache.path().display());
        }
    }

    /// Checked like settings, as the file and the server are not trusted.
    fn token_of(&self, entry: &Entry) -> Option<Token> {
        let secret = parse_token(&entry.access_token)?;
        let api = match &entry.api_domain {
            None => None,
            Some(url) => Some(self.proxies.route(BaseUrl::parse(url)?)),
        };
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(entry.expires_at))?;
        Some(Token::until(secret, api, end))
    }

    fn request(&self, http: &Http, deadline: Deadline) -> Result<(Entry, Token), Error> {
        let url = format!("{}/oauth/v2/token", self.accounts.base);
        let soid;
        let mut fields = vec![("client_id", self.client_id.reveal()), ("client_secret", self.client_secret.reveal())];
        match &self.kind {
            Kind::RefreshToken(refresh_token) => {
                fields.extend([("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())]);
            }
            Kind::Organization(org_id) => {
                soid = format!("ZohoCRM.{org_id}");
                fields.extend([("grant_type", "client_credentials"), ("scope", SCOPE), ("soid", &soid)]);
            }
        }
        let form = form_of(&fields);
        let mut secrets = vec![&self.client_secret, &self.client_id];
        if let Kind::RefreshToken(refresh_token) = &self.kind {
            secrets.insert(0, refresh_token);
        }
        let made = retry::run(
            self.max_retries,
            deadline,
            |pause| http.sleep(pause),
            || {
                let response = http.post(&self.accounts, &url, &form, &secrets, deadline)?;
                self.read(&response)
            },
        );
        made.map_err(|error| secrets.iter().fold(error, |error, secret| error.without(secret.reveal())))
    }

    fn read(&self, response: &Response) -> Result<(Entry, Token), Failure> {
        let status = response.status;
        let accounts = &self.accounts.base;
        let with = |error: Error| error.with_http_status(status);
        if status >= 500 || status == 429 {
            let (kind, what) = match status {
                429 => (ErrorKind::RateLimited, "received too many requests"),
                _ => (ErrorKind::Server, "failed to make an access token"),
            };
            let error = with(Error::new(kind, format!("{accounts} {what} (HTTP {status}): try again later")));
            let retry = response.retry_after.map_or(Retry::BackOff, Retry::After);
            return Err(Failure { error, retry });
        }
        let parsed = match serde_json::from_slice::<TokenResponse>(response.json()) {
            Ok(parsed) => parsed,
            Err(_) => {
                let what = match response.location.as_deref().filter(|_| (300..400).contains(&status)) {
                    Some(location) => format!("it redirects to {location}"),
                    None => beginning_of(&response.body),
                };
                return Err(Failure::permanent(with(self.bad_response(&format!("HTTP {status}, {what}")))));
            }
        };
        if let Some(code) = &parsed.error {
            return Err(Failure::permanent(with(self.refused(code, parsed.error_description.as_deref()))));
        }
        let Some(access_token) = &parsed.access_token else {
            return Err(Failure::permanent(with(
                self.bad_response(&format!("HTTP {status}, without an access_token")),
            )));
        };
        let end = SystemTime::now() + parsed.lifetime();
        let made = Entry {
            access_token: access_token.clone(),
            expires_at: end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            api_domain: parsed.api_domain.clone(),
        };
        match self.token_of(&made) {
            Some(token) => Ok((made, token)),
            None => Err(Failure::permanent(with(self.bad_response("its access_token or api_domain is invalid")))),
        }
    }

    /// The accounts server's refusals, with what to do about each.
    fn refused(&self, code: &str, description: Option<&str>) -> Error {
        let (accounts, data_center) = (&self.accounts.base, self.data_center);
        let (kind, what) = match code {
            "missing_org_info" => (
                ErrorKind::Oauth,
                "it has no organization with this org_id that the client may act for: check org_id, which Zoho CRM shows \
                 under Setup, Developer Hub, APIs, and in which organization the self client was made"
                    .to_owned(),
            ),
            "invalid_code" if matches!(self.kind, Kind::RefreshToken(_)) => (
                ErrorKind::Oauth,
                format!("the refresh token was revoked, or belongs to another data center than {data_center}: make a new one"),
            ),
            "invalid_client" => (
                ErrorKind::Oauth,
                format!("it has no such client_id: check it, and that the data center is {data_center}"),
            ),
            "invalid_client_secret" => {
                (ErrorKind::Oauth, "client_secret is not the one that belongs to client_id".to_owned())
            }
            "Access Denied" => (
                ErrorKind::RateLimited,
                "more than 10 access tokens were made in 10 minutes: wait, and have the processes share theirs with token_cache"
                    .to_owned(),
            ),
            _ => (ErrorKind::Oauth, description.unwrap_or("it gives no reason").to_owned()),
        };
        Error::new(kind, format!("{accounts} refused to make an access token ({code}): {what}")).with_code(code)
    }

    fn bad_response(&self, what: &str) -> Error {
        let accounts = &self.accounts.base;
        Error::new(
            ErrorKind::Oauth,
            format!(
                "the response of {accounts} is not an access token ({what}): is accounts_url right, and does a proxy respond in its place?"
            ),
        )
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("accounts", &self.accounts).field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// The response of the token endpoint, a token or an error.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    api_domain: Option<String>,
    expires_in: Option<Number>,
    expires_in_sec: Option<Number>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Drop for TokenResponse {
    fn drop(&mut self) {
        self.access_token.zeroize();
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Number::Whole(number) => Some(*number),
            Number::Text(text) => text.parse().ok(),
            Number::Other(_) => None,
        }
    }
}

impl TokenResponse {
    /// Older servers send milliseconds in `expires_in`, and also seconds in `expires_in_sec`.
    fn lifetime(&self) -> Duration {
        let value = |number: &Option<Number>| number.as_ref().and_then(Number::value);
        let lifetime = match (value(&self.expires_in_sec), value(&self.expires_in)) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, Some(seconds)) if seconds <= LONGEST_LIFETIME.as_secs() => Duration::from_secs(seconds),
            (None, Some(milliseconds)) => Duration::from_millis(milliseconds),
            (None, None) => LIFETIME,
        };
        lifetime.min(LONGEST_LIFETIME)
    }
}

/// The body of a request to the token endpoint.
pub(super) fn form_of(fields: &[(&str, &str)]) -> Zeroizing<String> {
    // Allocated at full size: a string that is reallocated leaves copies of the secrets in memory.
    let mut form = Zeroizing::new(String::with_capacity(3 * 3 * 4096 + 256));
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        percent_encode(value, &mut form);
    }
    form
}

/// Percent-encodes all but unreserved characters, for a form.
fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => to.push(byte.into()),
            _ => to.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(json: &str) -> u64 {
        serde_json::from_str::<TokenResponse>(json).unwrap().lifetime().as_secs()
    }

    #[test]
    fn a_lifetime_in_every_form() {
        assert_eq!(lifetime(r#"{"expires_in":3600}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":"3600"}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":3600000,"expires_in_sec":3600}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":3600000}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":60}"#), 60);
        assert_eq!(lifetime("{}"), 3600);
        assert_eq!(lifetime(r#"{"expires_in":null}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":-5}"#), 3600);
        assert_eq!(lifetime(r#"{"expires_in":18446744073709551615}"#), 86_400);
    }

    #[test]
    fn a_form_value_is_percent_encoded() {
        let mut text = String::new();
        percent_encode("1000.a-b_c~&=+%/é", &mut text);
        assert_eq!(text, "1000.a-b_c~%26%3D%2B%25%2F%C3%A9");
    }

    const CLIENT: &[(&str, &str)] =
        &[("client_id", "1000.ID"), ("client_secret", "client-secret"), ("data_center", "eu")];

    fn grant(settings: &[(&str, &str)]) -> Result<Option<Grant>, Error> {
        let mut config = Config::new();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        Grant::new(&config, &Proxies::new(&config).unwrap())
    }

    fn of(third: (&str, &str)) -> Grant {
        grant(&[CLIENT, &[third]].concat()).unwrap().unwrap()
    }

    #[test]
    fn the_three_settings_go_together() {
        assert!(grant(&[]).unwrap().is_none());
        assert!(matches!(of(("refresh_token", "1000.r.t")).kind, Kind::RefreshToken(_)));
        assert!(matches!(of(("org_id", "12345")).kind, Kind::Organization(_)));
        for (settings, message) in [
            (
                &[CLIENT, &[("refresh_token", "1000.r.t"), ("org_id", "1")]].concat()[..],
                "refresh_token and org_id are both set",
            ),
            (CLIENT, "refresh_token (or org_id) is not set, but client_id and client_secret are: the three"),
            (&[("refresh_token", "1000.r.t")], "client_id and client_secret are not set, but refresh_token is: the"),
            (&[("org_id", "1"), ("client_id", "1")], "client_secret is not set, but org_id and client_id are: the"),
            (
                &[CLIENT, &[("org_id", "1"), ("token_cache", "/tmp")]].concat()[..],
                "token_cache takes the path of a file; /tmp is a directory",
            ),
        ] {
            let error = grant(settings).err().unwrap();
            assert!(error.kind() == ErrorKind::InvalidConfig && error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn the_responses_of_the_accounts_server() {
        let refresh = of(("refresh_token", "1000.r.t"));
        let respond = |status, body: &str| Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        let body = r#"{"access_token":"1000.a.b","api_domain":"https://www.zohoapis.in","expires_in":3600}"#;
        let (made, token) = refresh.read(&respond(200, body)).ok().unwrap();
        assert_eq!((&*made.access_token, token.secret.reveal()), ("1000.a.b", "1000.a.b"));
        assert_eq!(token.api.unwrap().base.to_string(), "https://www.zohoapis.in");
        let left = token.life.unwrap().end.duration_since(SystemTime::now()).unwrap();
        assert!((3590..=3600).contains(&left.as_secs()), "{left:?}");
        assert!(refresh.read(&respond(200, r#"{"access_token":"1000.a.b"}"#)).ok().unwrap().1.api.is_none());

        let fails = |status, body: &str, kind, code, message: &str| {
            let Failure { error, retry } = refresh.read(&respond(status, body)).err().unwrap();
            assert_eq!((error.kind(), error.code(), error.http_status()), (kind, code, status), "{error}");
            assert!(error.message().starts_with(message), "{error}\nis not: {message}");
            assert_eq!(retry, if status >= 429 { Retry::BackOff } else { Retry::Never });
        };
        fails(500, "", ErrorKind::Server, "", "https://accounts.zoho.eu failed to make an access token (HTTP 500)");
        fails(503, body, ErrorKind::Server, "", "https://accounts.zoho.eu failed to make an access token (HTTP 503)");
        fails(429, "", ErrorKind::RateLimited, "", "https://accounts.zoho.eu received too many requests (HTTP 429)");
        for (body, why) in [
            ("<h1>Hi", "HTTP 200, it begins with <h1>Hi): is"),
            ("{}", "HTTP 200, without an"),
            (r#"{"access_token":"a b"}"#, "its access_token or"),
            (r#"{"access_token":"ab","api_domain":"http://zoho"}"#, "its access_token or"),
        ] {
            let message = format!("the response of https://accounts.zoho.eu is not an access token ({why}");
            fails(200, body, ErrorKind::Oauth, "", &message);
        }
        for (status, code, more, kind, why) in [
            (200, "invalid_code", "", ErrorKind::Oauth, "the refresh token was revoked"),
            (400, "invalid_client", "", ErrorKind::Oauth, "it has no such client_id"),
            (400, "invalid_client_secret", "", ErrorKind::Oauth, "client_secret is not"),
            (400, "missing_org_info", "", ErrorKind::Oauth, "it has no organization"),
            (200, "Access Denied", "", ErrorKind::RateLimited, "more than 10"),
            (400, "odd", "", ErrorKind::Oauth, "it gives no reason"),
            (400, "odd", r#","error_description":"so""#, ErrorKind::Oauth, "so"),
        ] {
            let body = format!(r#"{{"error":"{code}"{more}}}"#);
            let message = format!("https://accounts.zoho.eu refused to make an access token ({code}): {why}");
            fails(status, &body, kind, code, &message);
        }
        let later = Some(Duration::from_secs(7));
        let busy = refresh.read(&Response { retry_after: later, ..respond(429, "") }).err().unwrap();
        assert_eq!(busy.retry, Retry::After(Duration::from_secs(7)));
        let moved = |status| {
            let location = Some("https://elsewhere".to_owned());
            refresh.read(&Response { location, ..respond(status, "") }).err().unwrap().error.message().to_owned()
        };
        assert!(moved(302).contains("(HTTP 302, it redirects to https://elsewhere)"), "{}", moved(302));
        assert!(moved(400).contains("(HTTP 400, it begins with )"), "{}", moved(400));
        // That code is about refresh tokens.
        let error = of(("org_id", "1")).read(&respond(200, r#"{"error":"invalid_code"}"#)).err().unwrap().error;
        assert!(error.message().ends_with("it gives no reason"), "{error}");
    }
}
