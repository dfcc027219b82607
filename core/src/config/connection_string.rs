//! Settings in one string, for hosts that can pass only strings: `key=value;key=value`.
//!
//! The syntax is that of ODBC's connection strings: keys are case-insensitive, blanks around keys and values are ignored,
//! and a value in braces may contain any character, with `}}` for a closing brace.

use zeroize::Zeroizing;

use super::settings::SETTINGS;
use super::values::Config;
use crate::error::{Error, ErrorKind};

/// The one key that is not a setting: the profile of the configuration file to read.
const PROFILE: &str = "profile";

/// For a key that is not repeated.
const NO_SETTING_AFTER_SECRET: &str = "its key is not a setting; if the secret in front of it contains a semicolon, put it in \
                                       braces: {...}";

impl Config {
    /// The settings of a connection string, as if set with [`Config::set`]; for the others, the environment and the
    /// configuration file with the profile that the string names.
    pub fn from_connection_string(text: &str) -> Result<Config, Error> {
        let mut config = Config::new();
        let mut profile = None;
        let mut keys: Vec<String> = Vec::new();
        let mut follows_secret = false;
        for (number, pair) in (1..).zip(pairs(text)) {
            let (key, value) = pair.map_err(|why| bad(number, why))?;
            if keys.contains(&key) {
                return Err(bad(number, &format!("{key} is given twice")));
            }
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            match &*key {
                PROFILE => profile = Some(value.to_string()),
                // It may be a part of the secret.
                _ if setting.is_none() && follows_secret => return Err(bad(number, NO_SETTING_AFTER_SECRET)),
                key => config.set(key, &value).map_err(|error| bad(number, error.message()))?,
            }
            follows_secret |= setting.is_some_and(|setting| setting.is_secret(&value));
            keys.push(key);
        }
        config.load_env()?;
        config.load_file(None, profile.as_deref())?;
        Ok(config)
    }
}

fn bad(number: usize, why: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("connection string, pair {number}: {why}"))
}

type Pair = (String, Zeroizing<String>);

/// The pairs of a string, without empty ones. An error message never contains a value: it may be a secret.
fn pairs(text: &str) -> impl Iterator<Item = Result<Pair, &'static str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
        if rest.is_empty() {
            return None;
        }
        let Some((key, after)) = rest.split_once('=').filter(|(key, _)| !key.contains(';')) else {
            rest = "";
            return Some(Err("it is not key=value"));
        };
        let key = key.trim().to_ascii_lowercase();
        match value(after.trim_start()) {
            Ok((value, after)) => {
                rest = after;
                Some(Ok((key, value)))
            }
            Err(why) => {
                rest = "";
                Some(Err(why))
            }
        }
    })
}

/// The value at the beginning of `text`, and what follows it.
fn value(text: &str) -> Result<(Zeroizing<String>, &str), &'static str> {
    let Some(mut rest) = text.strip_prefix('{') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return Ok((Zeroizing::new(value.trim_end().to_owned()), rest));
    };
    // Never longer than the text: a string that is reallocated leaves copies of the secret in memory.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    loop {
        let (part, after) = rest.split_once('}').ok_or("a brace is not closed")?;
        value.push_str(part);
        match after.strip_prefix('}') {
            Some(after) => {
                value.push('}');
                rest = after;
            }
            None => {
                let (between, rest) = after.split_once(';').unwrap_or((after, ""));
                return match between.trim() {
                    "" => Ok((value, rest)),
                    _ => Err("something follows the closing brace"),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        pairs(text).map(|pair| pair.map(|(key, value)| (key, value.to_string())).unwrap()).collect()
    }

    #[test]
    fn pairs_are_parsed_as_in_odbc() {
        for (text, expected) in [
            ("", &[][..]),
            (" ; ;", &[]),
            ("a=1", &[("a", "1")]),
            (" A = 1 ; b=2;", &[("a", "1"), ("b", "2")]),
            ("a=;b=", &[("a", ""), ("b", "")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a={;};b= { x } ;c=1", &[("a", ";"), ("b", " x "), ("c", "1")]),
            ("a={}}{{}}};b=2", &[("a", "}{{}"), ("b", "2")]),
            ("a={}", &[("a", "")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn an_error_names_the_pair_but_not_the_value() {
        for (text, why) in [
            ("a", "pair 1: it is not key=value"),
            ("timeout_ms=5;s3cret;max_retries=1", "pair 2: it is not key=value"),
            ("access_token={s3cret", "pair 1: a brace is not closed"),
            ("access_token={s3cret} s3cret", "pair 1: something follows the closing brace"),
            ("access_token=s3 cret", "pair 1: access_token takes"),
            ("timeout_ms=5;Timeout_MS=6", "pair 2: timeout_ms is given twice"),
            ("no_such_key=1", "pair 1: 'no_such_key' is not a setting"),
            ("timeout_ms=5;no_such_key=1", "pair 2: 'no_such_key' is not a setting"),
            ("client_secret=abcd;S3cretRest=zz", "pair 2: its key is not a setting; if the secret in front of it"),
            ("client_secret=abcd;timeout_ms=5;S3cretRest=zz", "pair 3: its key is not a setting"),
            ("proxy=http://u:p@proxy;S3cretRest=zz", "pair 2: its key is not a setting"),
        ] {
            let error = Config::from_connection_string(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().contains(why) && !error.message().to_lowercase().contains("s3"), "{error}");
        }
    }
}
