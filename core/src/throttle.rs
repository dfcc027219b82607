//! Responses of Zoho's front end, which limits the requests of a caller before the service sees them.
//!
//! They have forms of their own, with HTTP 200, 400 or 429, and texts that can be translated. Observed, in programs that
//! others published; not documented:
//!
//! - `{"error":"Access Denied","error_description":"You have made too many requests continuously. ...","status":"failure"}`,
//!   also with `access_denied`, and with a Chinese text;
//! - `{"response":"error","cause":"throttles_limit_exceeded","localized_message":"..."}`;
//! - `{"error":{"title":"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED","error_type":"...","details":...}}`;
//! - `{"code":"INTERNAL_ERROR","message":"URL_FIXED_THROTTLES_LIMIT_EXCEEDED"}`.

use serde_json::{Map, Value};

/// In the titles, causes and messages, in either case.
const MARK: &str = "THROTTLES_LIMIT_EXCEEDED";

/// What the front end says, if `body` is a refusal of it: a code, or a text.
pub(crate) fn throttled(body: &[u8]) -> Option<String> {
    let Value::Object(body) = serde_json::from_slice(body).ok()? else { return None };
    let marked = [
        body.get("error").and_then(|error| error.get("title")),
        body.get("cause"),
        body.get("message"),
        body.get("error"),
        body.get("code"),
    ];
    let mut marked = marked.into_iter().filter_map(|value| value?.as_str());
    if let Some(text) = marked.find(|text| text.to_ascii_uppercase().contains(MARK)) {
        return Some(text.to_owned());
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("response") == Some("error") && body.contains_key("cause") {
        return Some(text("cause").unwrap_or_default().to_owned());
    }
    is_failure(&body).then(|| text("error").unwrap_or_default().to_owned())
}

/// `Access Denied`, in any spelling; or `status` is `failure`, without one of OAuth's codes, such as `invalid_code`.
fn is_failure(body: &Map<String, Value>) -> bool {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let error = text("error");
    let letters = error.chars().filter(char::is_ascii_alphabetic).collect::<String>();
    let is_oauth_code = error.contains('_') && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    letters.eq_ignore_ascii_case("AccessDenied") || text("status") == "failure" && !is_oauth_code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_end_is_recognized_by_its_form() {
        for (body, text) in [
            (r#"{"error":"Access Denied","error_description":"You have made ..."}"#, "Access Denied"),
            (r#"{"error":"access_denied","status":"failure"}"#, "access_denied"),
            (r#"{"error_description":"您的请求过于频繁","error":"拒绝访问","status":"failure"}"#, "拒绝访问"),
            (r#"{"response":"error","cause":"throttles_limit_exceeded"}"#, "throttles_limit_exceeded"),
            (r#"{"response":"error","cause":"other"}"#, "other"),
            (r#"{"error":{"title":"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"}}"#, "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"),
            (
                r#"{"code":"INTERNAL_ERROR","message":"URL_FIXED_THROTTLES_LIMIT_EXCEEDED"}"#,
                "URL_FIXED_THROTTLES_LIMIT_EXCEEDED",
            ),
        ] {
            assert_eq!(throttled(body.as_bytes()).as_deref(), Some(text), "{body}");
        }
        for body in [
            "",
            "[]",
            r#"{"error":"invalid_code"}"#,
            r#"{"error":"invalid_code","status":"failure"}"#,
            r#"{"code":"INVALID_TOKEN","message":"invalid oauth token","status":"error"}"#,
            r#"{"data":[{"Status":"RUNNING"}]}"#,
            r#"{"cause":"other"}"#,
        ] {
            assert_eq!(throttled(body.as_bytes()), None, "{body}");
        }
    }
}
