//! An access token: when it is due for renewal, and when it expires.

use std::time::{Duration, SystemTime};

use crate::http::Route;
use crate::secret::Secret;

/// How long before it expires a token is renewed, so that it does not expire during a request.
const AHEAD: Duration = Duration::from_secs(60);

/// An access token.
#[derive(Debug)]
pub(crate) struct Token {
    pub secret: Secret,
    /// The API that it is valid for, according to the accounts server.
    pub api: Option<Route>,
    /// Where the accounts server and the settings differ, for people.
    pub conflict: Option<String>,
    pub(super) life: Option<Life>,
}

/// When a token is due for renewal, and when it expires. A token that was given has none: it is used until it is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) due: SystemTime,
    pub(super) end: SystemTime,
}

impl Token {
    /// A token that the caller gave.
    pub(crate) fn given(secret: Secret) -> Token {
        Token { secret, api: None, conflict: None, life: None }
    }

    /// Whether it should be renewed.
    pub(crate) fn is_due(&self) -> bool {
        self.life.is_some_and(|life| life.due <= SystemTime::now())
    }

    /// When it expires, if that is known.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        self.life.map(|life| life.end)
    }

    /// Whether it has not expired, as far as that is known.
    pub(crate) fn is_alive(&self) -> bool {
        self.life.is_none_or(|life| life.end > SystemTime::now())
    }

    pub(crate) fn until(secret: Secret, api: Option<Route>, end: SystemTime) -> Token {
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        Token { secret, api, conflict: None, life: Some(Life { due: end - ahead(left), end }) }
    }
}

/// How long before it expires a token with this lifetime is renewed: a minute, or half of the lifetime.
fn ahead(left: Duration) -> Duration {
    AHEAD.min(left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_minute_before_it_expires() {
        let seconds = Duration::from_secs;
        assert_eq!(ahead(seconds(3600)), seconds(60));
        assert_eq!(ahead(seconds(100)), seconds(50));
        let token = |left: u64| Token::until(Secret::new("t"), None, SystemTime::now() + seconds(left));
        assert!(!token(3600).is_due() && token(3600).is_alive());
        let hour = token(3600);
        let life = hour.life.unwrap();
        assert_eq!(life.end.duration_since(life.due).unwrap(), seconds(60));
        assert_eq!(hour.end(), Some(life.end));
        let nearly = Token {
            life: Some(Life { due: SystemTime::now() - seconds(1), end: SystemTime::now() + seconds(59) }),
            ..token(0)
        };
        assert!(nearly.is_due() && nearly.is_alive());
        assert!(token(0).is_due() && !token(0).is_alive());
        assert!(!Token::given(Secret::new("t")).is_due());
    }
}
