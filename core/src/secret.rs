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

/// Why a text that has the form of a token is not one; `None`: it may be one. Each of these came from a configuration that was
/// copied, or written by a program.
pub(crate) fn placeholder(value: &str) -> Option<&'static str> {
    let is_between = |begin: &str, end: &str| value.len() > 1 && value.starts_with(begin) && value.ends_with(end);
    if [("\"", "\""), ("'", "'"), ("`", "`")].iter().any(|(begin, end)| is_between(begin, end)) {
        return Some("it is in quotes, which are not a part of it");
    }
    if ["null", "none", "nil", "undefined"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return Some("it is what a program writes for a value that is missing");
    }
    if value.starts_with('$') || is_between("%", "%") || is_between("{{", "}}") {
        return Some("it is the name of a variable, whose value was not put in");
    }
    is_between("<", ">").then_some("it is the place for a value, whose value was not put in")
}

/// The text of a file or an input that holds a secret: without a byte-order mark in front, and white space around it.
///
/// Fails for UTF-16, which Windows tools write, for other bytes that are not UTF-8, and for an empty text; the message says
/// what it is, and nothing of the content.
pub fn secret_text(bytes: &[u8]) -> Result<Zeroizing<String>, &'static str> {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || bytes.iter().skip(1).step_by(2).take(4).any(|b| *b == 0)
    {
        return Err("it is UTF-16: save it as UTF-8");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?.trim();
    if text.is_empty() { Err("it is empty") } else { Ok(Zeroizing::new(text.to_owned())) }
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

    #[test]
    fn what_stands_for_a_token_is_none() {
        for value in [
            "\"1000.a.b\"",
            "'1000.a.b'",
            "`x`",
            "null",
            "None",
            "NULL",
            "undefined",
            "$TOKEN",
            "${TOKEN}",
            "%TOKEN%",
            "{{ token }}",
            "{{token}}",
            "<token>",
            "<your-token>",
        ] {
            assert!(placeholder(value).is_some(), "{value}");
        }
        for value in ["1000.a.b", "x", "\"", "'", "%", "nullable", "1000.<a>", "a$b", "none1"] {
            assert_eq!(placeholder(value), None, "{value}");
        }
    }

    #[test]
    fn a_secret_is_read_without_mark_and_line_end() {
        let read = |bytes: &[u8]| secret_text(bytes).map(|text| text.to_string());
        for bytes in [&b"1000.a"[..], b"1000.a\n", b"1000.a\r\n", b"\xef\xbb\xbf1000.a\r\n", b" 1000.a \n\n"] {
            assert_eq!(read(bytes), Ok("1000.a".to_owned()));
        }
        let utf_16: Vec<u8> = "1000.a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [&utf_16[..], &[&[0xff, 0xfe], &utf_16[..]].concat(), b"\xfe\xff\x00a"] {
            assert_eq!(read(bytes), Err("it is UTF-16: save it as UTF-8"));
        }
        assert_eq!(read(b"\xe4"), Err("it is not UTF-8"));
        assert_eq!((read(b""), read(b"\xef\xbb\xbf \n")), (Err("it is empty"), Err("it is empty")));
    }
}
