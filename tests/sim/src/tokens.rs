//! The valid access tokens, and the limits on new ones.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::http::parameter;

/// How many tokens can be made with one refresh token in the window.
const MADE_IN_WINDOW: usize = 10;
const WINDOW: Duration = Duration::from_secs(600);
/// How many tokens of one refresh token are valid at the same time; the next one invalidates the oldest.
const ALIVE: usize = 15;

/// The credentials for access tokens.
#[derive(Clone)]
pub(crate) struct Grant {
    pub refresh_token: String,
    pub client_id: String,
    pub client_secret: String,
    /// For the client-credentials grant.
    pub org_id: Option<String>,
    /// For the authorization-code grant, once.
    pub code: Option<String>,
}

/// The tokens in an answer of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub access_token: String,
    /// Only in the answer to a grant code.
    pub refresh_token: Option<String>,
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    GrantType,
    ClientId,
    ClientSecret,
    RefreshToken,
    Code,
    Scope,
    Organization,
    TooMany,
}

pub(crate) struct Tokens {
    grant: Option<Grant>,
    lifetime: Duration,
    any: bool,
    forever: HashSet<String>,
    revoked: HashSet<String>,
    /// Each with the time at which it expires, oldest first.
    alive: VecDeque<(String, Duration)>,
    /// When the latest were made, oldest first.
    made: VecDeque<Duration>,
    counter: u64,
}

impl Tokens {
    pub fn new(grant: Option<Grant>, lifetime: Duration) -> Tokens {
        Tokens {
            grant,
            lifetime,
            any: false,
            forever: HashSet::new(),
            revoked: HashSet::new(),
            alive: VecDeque::new(),
            made: VecDeque::new(),
            counter: 0,
        }
    }

    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub fn accept(&mut self, token: &str) {
        self.revoked.remove(token);
        self.forever.insert(token.to_owned());
    }

    pub fn accept_any(&mut self) {
        self.any = true;
    }

    pub fn revoke(&mut self, token: &str) {
        self.alive.retain(|(alive, _)| alive != token);
        self.forever.remove(token);
        self.revoked.insert(token.to_owned());
    }

    /// All tokens so far are invalid from now on.
    pub fn expire(&mut self) {
        let alive = self.alive.drain(..).map(|(token, _)| token);
        self.revoked.extend(alive.chain(self.forever.drain()));
    }

    pub fn is_valid(&self, token: &str, now: Duration) -> bool {
        let alive = || self.alive.iter().any(|(alive, until)| alive == token && now < *until);
        !self.revoked.contains(token) && (self.any || self.forever.contains(token) || alive())
    }

    /// Makes a token for a request with this form.
    pub fn make(&mut self, form: &[(String, String)], now: Duration) -> Result<Made, Refusal> {
        let is = |name: &str, of_grant: fn(&Grant) -> &str| {
            let expected = self.grant.as_ref().map(of_grant);
            expected.is_some() && parameter(form, name) == expected
        };
        let grant_type = parameter(form, "grant_type");
        let org_id = self.grant.as_ref().and_then(|grant| grant.org_id.as_deref());
        match grant_type {
            Some("refresh_token" | "authorization_code") => {}
            Some("client_credentials") if self.grant.is_none() || org_id.is_some() => {}
            _ => return Err(Refusal::GrantType),
        }
        if !is("client_id", |grant| &grant.client_id) {
            return Err(Refusal::ClientId);
        }
        if !is("client_secret", |grant| &grant.client_secret) {
            return Err(Refusal::ClientSecret);
        }
        if grant_type == Some("client_credentials") {
            if parameter(form, "scope") != Some("ZohoCRM.mass_delete.READ") {
                return Err(Refusal::Scope);
            }
            let organization = parameter(form, "soid").and_then(|soid| soid.strip_prefix("ZohoCRM."));
            if organization.is_none() || organization != org_id {
                return Err(Refusal::Organization);
            }
        } else if grant_type == Some("authorization_code") {
            let code = self.grant.as_ref().and_then(|grant| grant.code.as_deref());
            if code.is_none() || parameter(form, "code") != code {
                return Err(Refusal::Code);
            }
        } else if !is("refresh_token", |grant| &grant.refresh_token) {
            return Err(Refusal::RefreshToken);
        }

        self.made.retain(|at| now - *at < WINDOW);
        if self.made.len() >= MADE_IN_WINDOW {
            return Err(Refusal::TooMany);
        }
        self.made.push_back(now);

        self.alive.retain(|(_, until)| now < *until);
        if self.alive.len() >= ALIVE {
            self.alive.pop_front();
        }
        self.counter += 1;
        let token = token(self.counter);
        self.alive.push_back((token.clone(), now + self.lifetime));
        let mut refresh_token = None;
        if let Some(grant) = self.grant.as_mut().filter(|_| grant_type == Some("authorization_code")) {
            // A code can be used once.
            grant.code = None;
            refresh_token = Some(grant.refresh_token.clone());
        }
        Ok(Made { access_token: token, refresh_token })
    }
}

/// The token with this number, in the format of the service.
fn token(number: u64) -> String {
    let [a, b, c, d] = [0, 1, 2, 3].map(|part| scramble(number * 4 + part));
    format!("1000.{a:016x}{b:016x}.{c:016x}{d:016x}")
}

/// Spreads a number over all bits (the finalizer of SplitMix64).
fn scramble(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let grant = Grant {
            refresh_token: "refresh".into(),
            client_id: "id".into(),
            client_secret: "secret".into(),
            org_id: Some("77".into()),
            code: Some("code".into()),
        };
        Tokens::new(Some(grant), Duration::from_secs(3600))
    }

    fn form(refresh_token: &str, client_id: &str, client_secret: &str) -> Vec<(String, String)> {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn good_form() -> Vec<(String, String)> {
        form("refresh", "id", "secret")
    }

    #[test]
    fn what_is_wrong_in_the_form_is_named() {
        let mut tokens = tokens();
        let mut make = |form: &[_]| tokens.make(form, Duration::ZERO);
        assert_eq!(make(&[]), Err(Refusal::GrantType));
        assert_eq!(make(&form("refresh", "x", "x")), Err(Refusal::ClientId));
        assert_eq!(make(&form("refresh", "id", "x")), Err(Refusal::ClientSecret));
        assert_eq!(make(&form("x", "id", "secret")), Err(Refusal::RefreshToken));
        assert_eq!(Tokens::new(None, Duration::ZERO).make(&good_form(), Duration::ZERO), Err(Refusal::ClientId));
    }

    #[test]
    fn a_grant_code_serves_once() {
        let mut tokens = tokens();
        let mut make = |code: &str| {
            let mut form = form("", "id", "secret");
            form[0].1 = "authorization_code".to_owned();
            form.push(("code".to_owned(), code.to_owned()));
            tokens.make(&form, Duration::ZERO)
        };
        assert_eq!(make("x"), Err(Refusal::Code));
        assert_eq!(make("code").unwrap().refresh_token.as_deref(), Some("refresh"));
        assert_eq!(make("code"), Err(Refusal::Code));
    }

    #[test]
    fn client_credentials_are_for_one_organization() {
        let mut tokens = tokens();
        let mut make = |scope: &str, soid: Option<&str>, client_secret: &str| {
            let mut form = form("", "id", client_secret);
            form[0].1 = "client_credentials".to_owned();
            form.push(("scope".to_owned(), scope.to_owned()));
            form.extend(soid.map(|soid| ("soid".to_owned(), soid.to_owned())));
            tokens.make(&form, Duration::ZERO)
        };
        let scope = "ZohoCRM.mass_delete.READ";
        assert!(make(scope, Some("ZohoCRM.77"), "secret").is_ok());
        assert_eq!(make(scope, Some("ZohoCRM.77"), "x"), Err(Refusal::ClientSecret));
        assert_eq!(make(scope, Some("77"), "secret"), Err(Refusal::Organization));
        assert_eq!(make(scope, Some("ZohoCRM.78"), "secret"), Err(Refusal::Organization));
        assert_eq!(make(scope, None, "secret"), Err(Refusal::Organization));
        assert_eq!(make("ZohoCRM.modules.ALL", Some("ZohoCRM.77"), "secret"), Err(Refusal::Scope));
    }

    #[test]
    fn a_token_looks_like_one_and_lives_for_its_lifetime() {
        let mut tokens = tokens();
        let token = tokens.make(&good_form(), Duration::ZERO).unwrap().access_token;
        let parts: Vec<_> = token.split('.').map(str::len).collect();
        assert_eq!(parts, [4, 32, 32]);
        assert!(tokens.is_valid(&token, Duration::from_secs(3599)));
        assert!(!tokens.is_valid(&token, Duration::from_secs(3600)));
        tokens.revoke(&token);
        assert!(!tokens.is_valid(&token, Duration::ZERO));
    }

    #[test]
    fn ten_tokens_may_be_made_in_ten_minutes() {
        let mut tokens = tokens();
        for minute in 0..10 {
            tokens.make(&good_form(), Duration::from_secs(minute)).unwrap();
        }
        assert_eq!(tokens.make(&good_form(), Duration::from_secs(599)), Err(Refusal::TooMany));
        assert!(tokens.make(&good_form(), Duration::from_secs(600)).is_ok());
        assert_eq!(tokens.make(&good_form(), Duration::from_secs(600)), Err(Refusal::TooMany));
    }

    #[test]
    fn the_sixteenth_token_kills_the_first() {
        let mut tokens = tokens();
        let times = (0..16).map(|n| Duration::from_secs(n * 60));
        let made: Vec<_> = times.map(|now| tokens.make(&good_form(), now).unwrap().access_token).collect();
        let now = Duration::from_secs(1000);
        assert!(!tokens.is_valid(&made[0], now));
        assert!(made[1..].iter().all(|token| tokens.is_valid(token, now)));
    }
}
