//! The JSON of the API's response: a row with a job's status, or an error.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use crate::job::JobName;
use crate::json::{Object, from_object};
use crate::status::{State, Status};
use crate::words::words;

/// A parsed body.
pub(super) enum Body {
    Job(Box<Row>),
    /// `{"data":[]}`
    Empty,
    Error(ApiError),
}

/// An error of the API.
#[derive(Clone, Default)]
pub(super) struct ApiError {
    pub(super) code: String,
    pub(super) message: String,
    /// The permissions that the user lacks.
    pub(super) permissions: Vec<String>,
    /// The details and the message, to search in.
    about: String,
}

impl ApiError {
    /// Whether the credits of the rolling 24 hours are used up, and not the calls in flight too many.
    pub(super) fn names_the_credits(&self) -> bool {
        let about = self.about.to_ascii_lowercase();
        ["24 hour", "24-hour", "24hour", "credit", "per day"].iter().any(|words| about.contains(words))
    }

    pub(super) fn names_the_job(&self, job: JobName) -> bool {
        let about = self.about.to_ascii_lowercase();
        ["job_id", "job id", "jobid", "job-id"].iter().any(|name| about.contains(name))
            || about.contains(&job.job_id.as_str().to_ascii_lowercase())
    }
}

/// Parses a body. The error says what it is instead of the documented JSON.
pub(super) fn parse(body: &[u8]) -> Result<Body, String> {
    // JSON is UTF-8, but an error of a gateway may not be: invalid bytes are replaced.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let envelope: Envelope = from_object(text.as_bytes()).map_err(|error| error.to_string())?;
    if let Some(error) = envelope.older_error() {
        return Ok(Body::Error(error));
    }
    if envelope.error().is_error() {
        return Ok(Body::Error(envelope.error().api_error()));
    }
    let data = envelope.data.ok_or("it has no data")?;
    let Some(row) = data.0 else { return Ok(Body::Empty) };
    if row.error().is_error() {
        return Ok(Body::Error(row.error().api_error()));
    }
    if row.status.as_deref().unwrap_or_default().is_empty() {
        // Members in other letters are not taken: `status` is that of an error.
        let is_lower = row.error.is_some();
        return Err(if is_lower { "it has no Status, but status" } else { "it has no Status" }.to_owned());
    }
    Ok(Body::Job(Box::new(row)))
}

/// Whether a body has the API's outer form: what is wrong inside is no gateway's doing.
pub(super) fn is_of_api(body: &[u8]) -> bool {
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    value.get("data").and_then(Value::as_array).is_some_and(|rows| rows.first().is_some_and(Value::is_object))
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<FirstRow>,
    code: Option<Value>,
    message: Option<Value>,
    details: Option<Value>,
    status: Option<Value>,
    /// Of an older form, with a number as `code`: see [`Envelope::older_error`].
    error: Option<Value>,
    error_info: Option<Value>,
}

impl Envelope {
    /// `{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"..."}`: observed, in programs that others published.
    fn older_error(&self) -> Option<ApiError> {
        let (Some(Value::Number(_)), Some(Value::String(code))) = (&self.code, &self.error) else { return None };
        let is_code = code.contains('_') && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let message = self.error_info.as_ref().or(self.message.as_ref()).and_then(Value::as_str).unwrap_or_default();
        is_code.then(|| ApiError {
            code: code.clone(),
            message: message.to_owned(),
            about: message.to_owned(),
            permissions: Vec::new(),
        })
    }

    fn error(&self) -> ErrorFields<'_> {
        let Envelope { code, message, details, status, .. } = self;
        ErrorFields { code, message, details, status }
    }
}

/// The first element of an array; the others are ignored.
struct FirstRow(Option<Row>);

impl<'de> Deserialize<'de> for FirstRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FirstRow, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = FirstRow;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<FirstRow, A::Error> {
                let first = rows.next_element()?.map(|Object(row)| row);
                while rows.next_element::<IgnoredAny>()?.is_some() {}
                Ok(FirstRow(first))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

/// The members of `data[0]`. `Status` is the job's, `status` the error's.
#[derive(Deserialize)]
pub(super) struct Row {
    #[serde(rename = "Status")]
    status: Option<String>,
    #[serde(rename = "Total_Count", default, deserialize_with = "total")]
    total: Count,
    #[serde(rename = "Deleted_Count", default, deserialize_with = "deleted")]
    deleted: Count,
    #[serde(rename = "Failed_Count", default, deserialize_with = "failed")]
    failed: Count,
    // As in `Envelope`. Not flattened: serde would put all members into a buffer first, which takes most of the time.
    code: Option<Value>,
    message: Option<Value>,
    details: Option<Value>,
    #[serde(rename = "status")]
    error: Option<Value>,
}

impl Row {
    fn error(&self) -> ErrorFields<'_> {
        let Row { code, message, details, error: status, .. } = self;
        ErrorFields { code, message, details, status }
    }

    pub(super) fn status(&self, http_status: u16) -> Status {
        let text = self.status.clone().unwrap_or_default();
        let state = State::from_text(&text);
        // What is no name may be anything that the server has received.
        let is_name = text.bytes().all(|b| b.is_ascii_alphabetic() || b"_ -".contains(&b));
        let text = if state == State::Unknown && !is_name { words(&text) } else { text };
        Status { state, text, total: self.total.0, deleted: self.deleted.0, failed: self.failed.0, http_status }
    }
}

/// An error's members, at the top level or in `data[0]`.
struct ErrorFields<'a> {
    code: &'a Option<Value>,
    message: &'a Option<Value>,
    details: &'a Option<Value>,
    status: &'a Option<Value>,
}

impl ErrorFields<'_> {
    /// The API's form: `status` is the word "error", or `code` is a word. Gateways have objects of their own: Kong's has
    /// a `message` alone, Spring's a number as `status`.
    fn is_error(&self) -> bool {
        match self.status {
            Some(Value::String(status)) => status.eq_ignore_ascii_case("error"),
            Some(Value::Null) | None => matches!(self.code, Some(Value::String(_))),
            Some(_) => false,
        }
    }

    fn api_error(&self) -> ApiError {
        let text = |value: &Option<Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let (code, message) = (text(self.code), text(self.message));
        let about = format!("{} {message}", text(self.details));
        let names = self.details.as_ref().and_then(|details| details.get("permissions")?.as_array());
        let permissions = names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        ApiError { code, message, permissions, about }
    }
}

fn total<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
    named("Total_Count", deserializer)
}

fn deleted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
    named("Deleted_Count", deserializer)
}

fn failed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
    named("Failed_Count", deserializer)
}

/// The count of a key, which an error names.
fn named<'de, D: Deserializer<'de>>(key: &str, deserializer: D) -> Result<Count, D::Error> {
    Count::deserialize(deserializer).map_err(|error| D::Error::custom(format_args!("{key}: {error}")))
}

/// A count: a whole number from 0 to the largest int64, also as a string or 9.0; absent or null: not reported.
#[derive(Default)]
struct Count(Option<i64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        struct CountVisitor;
        const RULE: &str = "a count is not a whole number from 0 to 9223372036854775807";
        impl Visitor<'_> for CountVisitor {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a count")
            }
            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Count, E> {
                count.try_into().map(|count| Count(Some(count))).map_err(|_| E::custom(RULE))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Count, E> {
                Err(E::custom(RULE))
            }
            fn visit_f64<E: serde::de::Error>(self, count: f64) -> Result<Count, E> {
                // 9.0, as some gateways write 9; exact up to that number.
                const EXACT: f64 = 9_007_199_254_740_992.0;
                let is_whole = count.is_sign_positive() && count.fract() == 0.0 && (0.0..=EXACT).contains(&count);
                if is_whole { Ok(Count(Some(count as i64))) } else { Err(E::custom(RULE)) }
            }
            fn visit_str<E: serde::de::Error>(self, digits: &str) -> Result<Count, E> {
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let count = digits.parse().ok().filter(|_| plain);
                count.map(|count| Count(Some(count))).ok_or_else(|| E::custom(RULE))
            }
            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count(None))
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}
