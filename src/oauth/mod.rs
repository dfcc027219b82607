//! Access tokens: given, made with a grant, and shared between threads and processes.
//!
//! Source: Zoho OAuth 2.0, "Refresh access tokens" and "Token validity": a token lives one hour; at most 10 may be
//! made in 10 minutes with a refresh token, and 15 are alive at once, the 16th kills the first.

mod cache;
mod code;
mod grant;
mod provider;
mod renewal;

use std::time::{Duration, SystemTime};

use crate::http::Route;
use crate::secret::Secret;

pub use code::exchange_grant_code;
pub(crate) use grant::Grant;
pub(crate) use renewal::{RenewalLock, Source, Tokens};

/// How long before its end a token is renewed, so that it does not end on its way.
const AHEAD: Duration = Duration::from_secs(60);

/// An access token.
#[derive(Debug)]
pub(crate) struct Token {
    pub secret: Secret,
    /// The API that it is good for, as the accounts server said.
    pub api: Option<Route>,
    life: Option<Life>,
}

/// When a token is due for renewal, and when it ends; a token of unknown origin lives until it is refused.
#[derive(Clone, Copy, Debug)]
struct Life {
    due: SystemTime,
    end: SystemTime,
}

impl Token {
    /// A token that the caller gave.
    pub(crate) fn given(secret: Secret) -> Token {
        Token { secret, api: None, life: None }
    }

    /// Whether it is time to renew it.
    pub(crate) fn is_due(&self) -> bool {
        self.life.is_some_and(|life| life.due <= SystemTime::now())
    }

    /// When it expires, if that is known.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        self.life.map(|life| life.end)
    }

    /// Whether it is still good, as far as its age goes.
    pub(crate) fn is_alive(&self) -> bool {
        self.life.is_none_or(|life| life.end > SystemTime::now())
    }

    pub(crate) fn until(secret: Secret, api: Option<Route>, end: SystemTime) -> Token {
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        Token { secret, api, life: Some(Life { due: end - ahead(left), end }) }
    }
}

/// How long before its end a token with this much left is renewed: a minute, or half of what it has.
fn ahead(left: Duration) -> Duration {
    AHEAD.min(left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_minute_ahead() {
        let seconds = Duration::from_secs;
        assert_eq!(ahead(seconds(3600)), seconds(60));
        assert_eq!(ahead(seconds(100)), seconds(50));
        let token = |left: u64| Token::until(Secret::new("t"), None, SystemTime::now() + seconds(left));
        assert!(!token(3600).is_due() && token(3600).is_alive());
        let nearly = Token {
            life: Some(Life { due: SystemTime::now() - seconds(1), end: SystemTime::now() + seconds(59) }),
            ..token(0)
        };
        assert!(nearly.is_due() && nearly.is_alive());
        assert!(token(0).is_due() && !token(0).is_alive());
        assert!(!Token::given(Secret::new("t")).is_due());
    }
}
