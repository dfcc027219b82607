//! A response of a server: its body, and the headers that are used.

use std::io::Read;
use std::time::{Duration, SystemTime};

use ureq::Body;
use ureq::http::{self, HeaderMap, Uri, header};

/// Far above the responses of the API: the longest known has some hundred bytes.
const BODY_LIMIT: u64 = 1 << 20;

/// A response, read to its end, without the secrets that the server may repeat.
#[derive(Default)]
pub(crate) struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// Where a redirect points: scheme and host, as the rest may repeat secrets.
    pub location: Option<String>,
    /// The name of the server's software.
    pub server: Option<String>,
    pub content_encoding: Option<String>,
    /// The pause that the server requests.
    pub retry_after: Option<Duration>,
    /// The API credits that remain to the organization, which the service tells once half of them are used.
    pub credits_remaining: Option<u64>,
}

impl Response {
    /// Reads a response to its end.
    pub(super) fn read(response: &mut http::Response<Body>, secrets: &[&[u8]]) -> Result<Response, ureq::Error> {
        let body = read_whole(response.body_mut())?;
        // A short one (no real one is) would be found in unrelated text.
        let secrets = || secrets.iter().copied().filter(|secret| secret.len() >= 8);
        let headers = response.headers();
        let text_of = |name| {
            let value = headers.get(name).map(|value| secrets().fold(value.as_bytes().to_vec(), without))?;
            Some(String::from_utf8_lossy(&value).into_owned())
        };
        Ok(Response {
            status: response.status().as_u16(),
            location: headers.get(header::LOCATION).map(|location| place_of(location.as_bytes())),
            server: text_of(header::SERVER),
            content_encoding: text_of(header::CONTENT_ENCODING),
            retry_after: retry_after(headers),
            credits_remaining: credits_remaining(headers),
            body: secrets().fold(body, without),
        })
    }

    /// The JSON in the body, which may begin with a byte-order mark.
    pub(crate) fn json(&self) -> &[u8] {
        self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body)
    }
}

/// The scheme and the host of a `Location`.
pub(super) fn place_of(location: &[u8]) -> String {
    let uri = Uri::try_from(location).ok();
    let Some((scheme, authority)) = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?))) else {
        return "another path".to_owned();
    };
    let host = authority.host();
    // No part of a host is as long as a secret.
    if host.len() > 100 || host.split('.').any(|label| label.len() > 24) {
        return "another host".to_owned();
    }
    let port = authority.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}")
}

fn read_whole(body: &mut Body) -> Result<Vec<u8>, ureq::Error> {
    // With space for one more byte, the end is found without a larger buffer. An announced length reserves no more.
    let length = body.content_length().unwrap_or_default().min(8 * 1024) as usize;
    let mut bytes = Vec::with_capacity(length.max(63) + 1);
    body.with_config().limit(BODY_LIMIT).reader().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the server sent, less the secret that it was sent, which is longer than what takes its place: so it needs no
/// memory, of which the server decides how much.
fn without(mut bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    const INSTEAD: &[u8] = b"***";
    let (mut from, mut to) = (0, 0);
    while let Some(at) = bytes[from..].windows(secret.len()).position(|window| window == secret) {
        bytes.copy_within(from..from + at, to);
        to += at;
        bytes[to..to + INSTEAD.len()].copy_from_slice(INSTEAD);
        to += INSTEAD.len();
        from += at + secret.len();
    }
    bytes.copy_within(from.., to);
    bytes.truncate(bytes.len() - (from - to));
    bytes
}

/// Source: Zoho CRM API v8, "API Limits": the header is sent once half of the credits are used.
fn credits_remaining(headers: &HeaderMap) -> Option<u64> {
    headers.get("X-API-CREDITS-REMAINING")?.to_str().ok()?.trim().parse().ok()
}

/// A server that asks for a longer pause gets one of an hour: it may have meant milliseconds, or nothing good.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(3600);

/// `Retry-After` in seconds or as a date, an hour at most; a date is relative to the server's clock, if it sends it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date_of = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(RETRY_AFTER_LIMIT));
    }
    let until = date_of(header::RETRY_AFTER)?;
    let now = date_of(header::DATE).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default().min(RETRY_AFTER_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    #[test]
    fn a_secret_is_taken_out_wherever_it_is() {
        for (sent, kept) in [
            ("", ""),
            ("1000.tok", "1000.tok"),
            ("1000.token", "***"),
            ("1000.token1000.token", "******"),
            ("a 1000.token b 1000.token c", "a *** b *** c"),
            ("1000.1000.token.token", "1000.***.token"),
        ] {
            assert_eq!(String::from_utf8(without(sent.into(), b"1000.token")).unwrap(), kept);
        }
    }

    #[test]
    fn of_a_location_the_host_is_shown() {
        for (location, shown) in [
            ("https://login.corp.test/oauth?token=1000.abc#x", "https://login.corp.test"),
            ("https://user:1000.abc@login.corp.test:8443", "https://login.corp.test:8443"),
            ("/login?token=1000.abc", "another path"),
            ("https://1000.0123456789abcdef0123456789abcdef.corp.test/", "another host"),
            ("https://h\u{e9}/", "another path"),
            ("", "another path"),
        ] {
            assert_eq!(place_of(location.as_bytes()), shown);
        }
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        const FIRST: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATER: &str = "Sun, 06 Nov 1994 08:50:07 GMT";
        let wanted = |after: Option<&'static str>, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            let mut insert = |name, value: Option<&'static str>| {
                value.map(|value| headers.insert(name, HeaderValue::from_static(value)))
            };
            insert(header::RETRY_AFTER, after);
            insert(header::DATE, date);
            retry_after(&headers).map(|pause| pause.as_secs())
        };
        assert_eq!(wanted(None, Some(FIRST)), None);
        assert_eq!(wanted(Some(" 7 "), None), Some(7));
        for long in
            ["3601", "100000000", "18446744073709551615", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
        {
            assert_eq!(wanted(Some(long), Some(FIRST)), Some(3600), "{long}");
        }
        assert_eq!(wanted(Some(""), None), None);
        assert_eq!(wanted(Some("-1"), None), None);
        assert_eq!(wanted(Some(LATER), Some(FIRST)), Some(30));
        assert_eq!(wanted(Some(FIRST), Some(LATER)), Some(0));
        assert_eq!(wanted(Some(FIRST), None), Some(0));
    }
}
