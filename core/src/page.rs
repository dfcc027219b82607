//! Short descriptions of the pages that proxies and gateways return instead of the service's response. It does not know
//! the API.

use crate::error::one_line;
use crate::http::Response;

/// What to check if the response is not from the service.
pub(crate) const INTERMEDIARY: &str = "a proxy or gateway responds in Zoho's place: check api_domain and proxy";

/// How much of a page is read, and how much of its text is shown.
const READ: usize = 16 * 1024;
const SHOWN: usize = 120;

/// Describes a response by its body and its `Server` header: `the page "502 Bad Gateway" (Server: nginx)`.
pub(crate) fn describe(response: &Response) -> String {
    let body = &response.body[..response.body.len().min(READ)];
    let what = describe_body(body, response.body.len(), response.content_encoding.as_deref());
    match response.server.as_deref().map(|server| one_line(server, 60)).filter(|server| !server.is_empty()) {
        Some(server) => format!("{what} (Server: {server})"),
        None => what,
    }
}

fn describe_body(body: &[u8], length: usize, encoding: Option<&str>) -> String {
    // This library accepts no encoding, but the server may send one anyway.
    let encoding = encoding
        .map(|encoding| one_line(encoding, 30))
        .filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"));
    if let Some(encoding) = encoding {
        return format!("{length} bytes with the Content-Encoding {encoding}");
    }
    if body.starts_with(&[0x1f, 0x8b]) {
        return format!("{length} bytes that are compressed with gzip");
    }
    let text = String::from_utf8_lossy(body);
    // A page in Latin-1 has a few of these, an image or a compressed body has many.
    let strange = text.chars().filter(|c| *c == '\u{fffd}' || c.is_control() && !c.is_whitespace()).count();
    if strange * 5 > text.chars().count() {
        return format!("{length} bytes that are not text");
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return "an empty body".to_owned();
    }
    if !text.starts_with('<') {
        return format!("\"{}\"", one_line(text, SHOWN));
    }
    let title = element(text, "title").map(plain).unwrap_or_default();
    let words = if title.is_empty() { plain(text) } else { title };
    match &*words {
        "" => "a page without text".to_owned(),
        words => format!("the page \"{words}\""),
    }
}

/// The content of the first element of this name.
fn element<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let lower = html.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let begin = open + lower[open..].find('>')? + 1;
    let end = begin + lower[begin..].find(&format!("</{name}"))?;
    Some(&html[begin..end])
}

/// The first words of a page, without tags, comments, scripts and styles.
fn plain(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let mut text = String::new();
    let mut at = 0;
    while let Some(open) = lower[at..].find('<').map(|open| at + open) {
        text.push_str(&html[at..open]);
        text.push(' ');
        let tag = &lower[open..];
        let end = if tag.starts_with("<!--") {
            "-->"
        } else if tag.starts_with("<script") {
            "</script"
        } else if tag.starts_with("<style") {
            "</style"
        } else {
            ">"
        };
        at = tag.find(end).map_or(html.len(), |found| open + found + end.len());
        if end.starts_with("</") {
            at = lower[at..].find('>').map_or(html.len(), |found| at + found + 1);
        }
    }
    text.push_str(&html[at..]);
    one_line(&without_entities(&text), SHOWN)
}

/// No entity that is known here has a longer name.
const ENTITY_LIMIT: usize = 10;

fn without_entities(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.bytes().take(ENTITY_LIMIT).position(|b| b == b';');
        match end.and_then(|end| Some((entity(&rest[..end])?, end))) {
            Some((c, end)) => {
                plain.push(c);
                rest = &rest[end + 1..];
            }
            None => plain.push('&'),
        }
    }
    plain + rest
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_described_by_its_title_or_first_words() {
        for (html, words) in [
            (
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body></html>",
                "the page \"502 Bad Gateway\"",
            ),
            ("<!DOCTYPE html><TITLE lang=en>\n Sign\n in </TITLE>", "the page \"Sign in\""),
            (
                "<title></title><p>Access&nbsp;<b>denied</b> &amp; logged&#33; &x; &",
                "the page \"Access denied & logged! &x; &\"",
            ),
            (
                "<style>p{a:b}</style><!-- no > --><script>if (a<b) {}</script><p>Please wait",
                "the page \"Please wait\"",
            ),
            ("<script>a</script \n>word", "the page \"word\""),
            ("<script>endless", "a page without text"),
            ("<", "a page without text"),
            // A multi-byte character in the place of a tag's name.
            ("<abcdef\u{fffd}>text", "the page \"text\""),
            (
                "<p>&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}; &#x41;",
                "the page \"&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}; A\"",
            ),
            ("<p>&lt;&gt;&quot;&apos;", "the page \"<>\"'\""),
            ("<p>one</p>two<!-- a -->three", "the page \"one two three\""),
            ("no healthy upstream", "\"no healthy upstream\""),
            ("", "an empty body"),
            (" \r\n", "an empty body"),
            ("{\"message\":\"no Route matched\"}", "\"{\"message\":\"no Route matched\"}\""),
        ] {
            assert_eq!(describe_body(html.as_bytes(), html.len(), None), words, "{html}");
        }
        let long = describe_body("word ".repeat(1000).as_bytes(), 5000, None);
        assert!(long.len() < 130 && long.ends_with("...\""), "{long}");
    }

    #[test]
    fn a_body_that_is_not_text_is_not_shown() {
        assert_eq!(describe_body(b"\x1f\x8b\x08\0\0", 500, None), "500 bytes that are compressed with gzip");
        assert_eq!(describe_body(b"\x12\x34", 2, Some("br")), "2 bytes with the Content-Encoding br");
        assert_eq!(describe_body(b"plain", 5, Some("identity")), "\"plain\"");
        let noise: Vec<u8> = (0..=255).collect();
        assert_eq!(describe_body(&noise, 256, None), "256 bytes that are not text");
        // Latin-1.
        assert_eq!(
            describe_body(b"<title>Zugriff verweigert f\xfcr Sie</title>", 42, None),
            "the page \"Zugriff verweigert f\u{fffd}r Sie\""
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn the_server_is_named_and_a_long_page_is_read_in_part() {
        let response = |server: Option<&str>, body: String| Response {
            status: 502,
            server: server.map(str::to_owned),
            body: body.into_bytes(),
            ..Response::default()
        };
        assert_eq!(describe(&response(Some("nginx"), "no".into())), "\"no\" (Server: nginx)");
        assert_eq!(describe(&response(Some(" "), "no".into())), "\"no\"");
        assert_eq!(describe(&response(None, "no".into())), "\"no\"");
        let page = |blanks| format!("<p>{}</p><title>late</title>", " ".repeat(blanks));
        assert_eq!(describe(&response(None, page(16_000))), "the page \"late\"");
        assert_eq!(describe(&response(None, page(17_000))), "a page without text");
    }
}
