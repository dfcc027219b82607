//! The two OAuth grants for access tokens.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::api_domain::ApiRule;
use super::cache::{Cached, Entry, TokenCache};
use super::refusal::Refusal;
use super::response::{Exchange, SCOPE, TokenRequest, read};
use super::token::Token;
use crate::activity::count;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::http::{Http, Proxies, Response, Route};
use crate::retry::{self, Deadline, Failure};
use crate::secret::{Secret, parse_token};
use crate::sync::ArcSwapOption;

/// The grant type.
enum Kind {
    RefreshToken(Secret),
    /// Client credentials, for one organization.
    ///
    /// Source: Zoho accounts, "Self Client - Client credentials flow"; Zoho CRM API v7, "Client Credentials Flow", which
    /// names the path /oauth/v2/auth where the accounts documentation has /oauth/v2/token.
    Organization(String),
}

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
    api_rule: ApiRule,
    /// The last refusal. Without a lock, as a child of `fork()` reads it.
    refusal: ArcSwapOption<Refusal>,
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
        let cache = match config.checked_token_cache()? {
            None => None,
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
            api_rule: ApiRule::new(config),
            refusal: ArcSwapOption::empty(),
        }))
    }

    /// A token other than `refused`: from the cache, or a new one.
    pub(crate) fn renew(&self, http: &Http, refused: Option<&Token>, deadline: Deadline) -> Result<Token, Error> {
        let token = self.cached_or_new(http, refused, deadline)?;
        if let Some(conflict) = &token.conflict {
            log::warn!("{conflict}");
        }
        Ok(token)
    }

    fn cached_or_new(&self, http: &Http, refused: Option<&Token>, deadline: Deadline) -> Result<Token, Error> {
        if let Some(error) = self.refusal.load().as_ref().and_then(|refusal| refusal.error(SystemTime::now())) {
            return Err(error);
        }
        let wanted = |cached: Cached| match cached {
            Cached::Token(entry) => {
                let token = self.token_of(&entry).ok()?;
                let is_refused = refused.is_some_and(|refused| refused.secret == token.secret);
                (!token.is_due() && !is_refused).then_some(Ok(token))
            }
            Cached::Refusal(refusal) => refusal.error(SystemTime::now()).map(Err),
        };
        let mut cache_to_write = None;
        let mut _lock = None;
        if let Some(cache) = &self.cache {
            let path = cache.path().display();
            // Wait for half of the time only: the holder of the lock may hang, and then a token is made without the cache.
            match cache.lock_or_read(deadline.remaining() / 2, |pause| http.sleep(pause), wanted) {
                Ok(Some(Err(found))) => {
                    return found.inspect(|_| log::info!("access token taken from {path}"));
                }
                Ok(Some(Ok(held))) => (cache_to_write, _lock) = (Some(cache), Some(held)),
                // It may be stopped. What is made here is stored all the same, as the file is replaced in one step.
                Ok(None) => {
                    log::warn!("token_cache {path} is locked by another process: continuing without the lock");
                    cache_to_write = Some(cache);
                }
                Err(error) => log::warn!("token_cache {path} can't be used: {error}"),
            }
        }
        let (token, cached) = match self.request(http, deadline) {
            Ok((entry, token)) => {
                log::info!("access token made by {}", self.accounts.base);
                (Ok(token), Some(Cached::Token(entry)))
            }
            Err(error) => {
                let refusal = Refusal::new(&error, SystemTime::now());
                self.refusal.store(refusal.clone().map(Arc::new));
                (Err(error), refusal.map(Cached::Refusal))
            }
        };
        if let (Some(cache), Some(cached)) = (cache_to_write, cached) {
            self.store(cache, cached);
        }
        token
    }

    fn store(&self, cache: &TokenCache, cached: Cached) {
        if let Err(error) = cache.write(cached) {
            log::warn!("token_cache {} can't be written: {error}", cache.path().display());
        }
    }

    /// Checked like settings, as the file and the server are not trusted. The error says what is wrong.
    fn token_of(&self, entry: &Entry) -> Result<Token, String> {
        let secret = parse_token(&entry.access_token).ok_or("its access_token has another form")?;
        let named = self.api_rule.apply(entry.api_domain.as_deref())?;
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(entry.expires_at)).ok_or("its expiry is out of range")?;
        let api = named.base.map(|base| self.proxies.route(base));
        Ok(Token { conflict: named.conflict, ..Token::until(secret, api, end) })
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
        let activity = &http.activity;
        retry::run(
            self.max_retries,
            deadline,
            |pause| {
                count(&activity.retries, 1);
                http.sleep(pause)
            },
            || {
                count(&activity.token_requests, 1);
                let response = http.post(&self.accounts, &url, &form, &secrets, deadline)?;
                self.read(&response).inspect_err(|failure| {
                    count(&activity.rate_limits, (failure.error.kind() == ErrorKind::RateLimited).into());
                })
            },
        )
    }

    fn read(&self, response: &Response) -> Result<(Entry, Token), Failure> {
        let exchange = match self.kind {
            Kind::RefreshToken(_) => Exchange::RefreshToken,
            Kind::Organization(_) => Exchange::Organization,
        };
        let accounts = &self.accounts.base;
        let mut parsed = read(response, &TokenRequest { exchange, accounts, data_center: self.data_center })?;
        let end = SystemTime::now() + parsed.lifetime();
        let made = Entry {
            access_token: parsed.access_token.take().unwrap_or_default(),
            expires_at: end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            api_domain: parsed.api_domain.take(),
        };
        let token = self.token_of(&made).map_err(|why| {
            let message = format!("no token is taken from the response of {accounts}: {why}; is accounts_url right?");
            Failure::permanent(Error::new(ErrorKind::Oauth, message).with_http_status(response.status))
        })?;
        Ok((made, token))
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("accounts", &self.accounts).field("cache", &self.cache).finish_non_exhaustive()
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
        of_all(&[third])
    }

    fn of_all(more: &[(&str, &str)]) -> Grant {
        grant(&[CLIENT, more].concat()).unwrap().unwrap()
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
            (
                &[CLIENT, &[("org_id", "1"), ("token_cache", "/dev/null")]].concat()[..],
                "token_cache takes the path of a file; /dev/null is not a regular file",
            ),
            (
                &[CLIENT, &[("org_id", "1"), ("token_cache", "/dev/stdin")]].concat()[..],
                "token_cache takes the path of a file; /dev/stdin is a symbolic link",
            ),
        ] {
            let error = grant(settings).err().unwrap();
            assert!(error.kind() == ErrorKind::InvalidConfig && error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_token_and_its_api() {
        let refresh = of(("refresh_token", "1000.r.t"));
        let respond = |body: &str| Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() };
        let body = r#"{"access_token":"1000.a.b","api_domain":"https://www.zohoapis.in","expires_in":3600}"#;
        let (made, token) = refresh.read(&respond(body)).ok().unwrap();
        assert_eq!((&*made.access_token, token.secret.reveal()), ("1000.a.b", "1000.a.b"));
        assert_eq!(token.api.unwrap().base.to_string(), "https://www.zohoapis.in");
        assert_eq!(token.conflict.as_deref(), Some("the account is in the data center in, and data_center is eu"));
        let left = token.life.unwrap().end.duration_since(SystemTime::now()).unwrap();
        assert!((3590..=3600).contains(&left.as_secs()), "{left:?}");
        assert!(refresh.read(&respond(r#"{"access_token":"1000.a.b"}"#)).ok().unwrap().1.api.is_none());
        for (body, why) in [
            (r#"{"access_token":"a b"}"#, "its access_token has another form"),
            (
                r#"{"access_token":"ab","api_domain":"https://evil.test"}"#,
                "it names the API https://evil.test, which is",
            ),
        ] {
            let Failure { error, retry } = refresh.read(&respond(body)).err().unwrap();
            assert_eq!((error.kind(), retry), (ErrorKind::Oauth, retry::Retry::Never));
            let begin = format!("no token is taken from the response of https://accounts.zoho.eu: {why}");
            assert!(error.message().starts_with(&begin), "{error}");
        }
        let fixed = of_all(&[("refresh_token", "1000.r.t"), ("api_domain", "https://gateway.example")]);
        let body = r#"{"access_token":"ab","api_domain":"https://evil.test"}"#;
        let (_, token) = fixed.read(&respond(body)).ok().unwrap();
        assert!(token.api.is_none() && token.conflict.is_some());
    }
}
