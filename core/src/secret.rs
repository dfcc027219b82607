//! Values that are never printed, and are wiped from memory when they are dropped; the rule for tokens.

use std::fmt;

use zeroize::Zeroizing;

/// A token or a password: `Debug` hides it, dropping it overwrites it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a copy of `value`.
    pub fn new(value: &str) -> Secret {
        Secret(Zeroizing::new(value.to_owned()))
    }

    /// The value itself: for a request, never for a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The maximum length of a token.
pub const TOKEN_LIMIT: usize = 4096;

/// Checks a token: it must be safe in a header.
pub(crate) fn parse_token(value: &str) -> Option<Secret> {
    let good = (1..=TOKEN_LIMIT).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    good.then(|| Secret::new(value))
}

/// The rule for a token, for messages.
pub(crate) fn token_rule() -> String {
    format!("1 to {TOKEN_LIMIT} visible ASCII characters, without a blank or a line end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Some(Secret::new("1000.abc"))), "Some(***)");
    }
}
