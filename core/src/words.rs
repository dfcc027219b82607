//! What may be shown of the texts of a server: nothing that can carry a secret.
//!
//! A server or gateway may repeat a request, with its tokens, in any form: so words are shown, and codes, but nothing as long
//! as a token.

/// A longer word is not shown: tokens and secrets have 32 characters and more.
const WORD_LIMIT: usize = 24;
/// Nor is a word with so many changes between letters and digits, or with letters and so many digits: a part of one.
const CHANGE_LIMIT: usize = 3;
const DIGIT_LIMIT: usize = 8;
/// Nor are so many words in a row of one or two characters: one with blanks inside.
const SHORT_LIMIT: usize = 10;
/// How much of a text is shown, in characters.
const TEXT_LIMIT: usize = 200;

/// The beginning of a text, in one line, with `...` in place of each long word. Invisible characters are left out.
pub(crate) fn words(text: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
    };
    let mut shown = String::new();
    let mut length = 0;
    let mut short = 0;
    for word in text.split(|c: char| c.is_whitespace()) {
        let word: String = word.chars().filter(is_shown).collect();
        let count = word.chars().count();
        if count == 0 {
            continue;
        }
        short = if count <= 2 { short + 1 } else { 0 };
        let is_hidden = count > WORD_LIMIT || is_part(&word) || short >= SHORT_LIMIT;
        let (word, count) = if is_hidden { ("...", 3) } else { (&*word, count) };
        if length + 1 + count > TEXT_LIMIT {
            return shown + " ...";
        }
        if !shown.is_empty() {
            if word == "..." && shown.ends_with("...") {
                continue;
            }
            shown.push(' ');
        }
        shown.push_str(word);
        length += 1 + count;
    }
    shown
}

/// Whether a word may be a part of a token: letters and digits take turns in it, whatever else is between them.
fn is_part(word: &str) -> bool {
    let kinds = word.chars().filter(|c| c.is_alphanumeric()).map(char::is_alphabetic);
    let changes = kinds.clone().zip(kinds.skip(1)).filter(|(one, next)| one != next).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    changes >= CHANGE_LIMIT || changes > 0 && digits >= DIGIT_LIMIT
}

/// A code of the API (`INVALID_TOKEN`) or of OAuth (`invalid_code`, `Access Denied`); `None` if it has another form.
pub(crate) fn code(text: &str) -> Option<&str> {
    let is_short = |separator: char| text.split(separator).all(|part| (1..=WORD_LIMIT).contains(&part.len()));
    let is_api = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') && is_short('_');
    let is_oauth = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && is_short('_');
    let is_phrase = text.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ') && is_short(' ');
    (text.len() <= 64 && (is_api || is_oauth || is_phrase)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

    #[test]
    fn nothing_as_long_as_a_token_is_shown() {
        assert_eq!(words("You have made  too many\nrequests"), "You have made too many requests");
        assert_eq!(words(&format!("token={TOKEN} is {TOKEN} {TOKEN} bad")), "... is ... bad");
        // Without the character that divides it.
        assert_eq!(words("1000.0123456789\u{200b}abcdef0123456789"), "...");
        // In parts, as a line is folded or a page lays it out.
        let parts: Vec<_> = TOKEN.as_bytes().chunks(16).map(|part| std::str::from_utf8(part).unwrap()).collect();
        assert_eq!(words("a1b2c3d4\r\ne5f6071829"), "...");
        assert!(words(&parts.join("\n")).len() < 40, "{parts:?}");
        let spaced: String = TOKEN.chars().flat_map(|c| [c, ' ']).collect();
        assert_eq!(words(&spaced), "1 0 0 0 . 0 1 2 3 ...");
        for shown in ["nginx/1.18.0 (Ubuntu)", "v2.1 of 2026-11-29 at 10.0.0.1:443", "HTTP/1.1 is a job of a id 1"] {
            assert_eq!(words(shown), shown);
        }
        let long = words(&"word ".repeat(100));
        assert!(long.chars().count() <= TEXT_LIMIT + 4 && long.ends_with("word ..."), "{long}");
        assert_eq!(words(" \t"), "");
    }

    #[test]
    fn a_code_is_capitals_or_words() {
        for good in ["INVALID_TOKEN", "SI203", "invalid_code", "Access Denied", "access_denied"] {
            assert_eq!(code(good), Some(good));
        }
        for bad in ["", TOKEN, "abcdef0123", "Invalid-Code", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "a__b", "拒绝访问"] {
            assert_eq!(code(bad), None, "{bad}");
        }
    }
}
