//! Short descriptions of the pages that proxies and gateways return instead of the service's response.

use super::response::Response;
use crate::words::words;

/// What to check if the response is not from the service.
pub(crate) const INTERMEDIARY: &str = "a proxy or gateway responds in Zoho's place: check api_domain and proxy";

/// How much of a page is read.
const READ: usize = 16 * 1024;

/// Describes a response by its body and its `Server` header: `the page "502 Bad Gateway" (Server: nginx)`.
pub(crate) fn describe(response: &Response) -> String {
    let body = &response.body[..response.body.len().min(READ)];
    let what = describe_body(body, response.body.len(), response.content_encoding.as_deref());
    match response.server.as_deref().map(words).filter(|server| !server.is_empty()) {
        Some(server) => format!("{what} (Server: {server})"),
        None => what,
    }
}

fn describe_body(body: &[u8], length: usize, encoding: Option<&str>) -> String {
    // This library accepts no encoding, but the server may send one anyway.
    let encoding = encoding.map(words).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
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
        return format!("\"{}\"", words(text));
    }
    match [title(text), between_tags(text)].iter().map(|text| words(text)).find(|words| !words.is_empty()) {
        Some(words) => format!("the page \"{words}\""),
        None => "a page without text".to_owned(),
    }
}

/// The title of a page; empty if it has none.
fn title(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let title = || {
        let open = lower.find("<title")?;
        let begin = open + lower[open..].find('>')? + 1;
        Some(html[begin..].split('<').next().unwrap_or_default())
    };
    title().unwrap_or_default().to_owned()
}

/// The text of a page between its tags.
fn between_tags(html: &str) -> String {
    let after_tag = |part: &'_ str| Some(part.split_once('>')?.1.to_owned());
    html.split('<').filter_map(after_tag).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_described_by_its_title_or_first_words() {
        for (html, words) in [
            (
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>Error</h1></body></html>",
                "the page \"502 Bad Gateway\"",
            ),
            ("<!DOCTYPE html><TITLE lang=en>\n Sign\n in </TITLE>", "the page \"Sign in\""),
            ("<title></title><p>Access <b>denied</b>", "the page \"Access denied\""),
            ("<p>one</p>two", "the page \"one two\""),
            ("<", "a page without text"),
            ("<title", "a page without text"),
            // A multi-byte character in the place of a tag's name.
            ("<abcdef\u{fffd}>text", "the page \"text\""),
            ("no healthy upstream", "\"no healthy upstream\""),
            ("", "an empty body"),
            (" \r\n", "an empty body"),
            ("{\"message\":\"no Route matched\"}", "\"{\"message\":\"no Route matched\"}\""),
        ] {
            assert_eq!(describe_body(html.as_bytes(), html.len(), None), words, "{html}");
        }
        let long = describe_body("word ".repeat(1000).as_bytes(), 5000, None);
        assert!(long.len() < 220 && long.ends_with("...\""), "{long}");
    }

    #[test]
    fn nothing_that_can_be_a_token_is_shown_in_whatever_form() {
        for form in [
            "1000.0123456789ABCDEF0123456789ABCDEF",
            "&#49;&#48;&#48;&#48;&#46;&#48;&#49;&#50;",
            "MTAwMC4wMTIzNDU2Nzg5YWJjZGVm",
            "1000.0123456789\u{200b}abcdef0123456789",
        ] {
            for html in [format!("<title>bad {form}</title>"), format!("<p>bad {form}"), format!("bad {form}")] {
                let described = describe_body(html.as_bytes(), html.len(), None);
                assert!(described.ends_with("\"bad ...\""), "{described}");
            }
        }
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
