//! Answers that a test can choose, and the service's documented errors.

use std::time::Duration;

use crate::fault::Fault;
use crate::http::Answer;
use crate::job::Job;

/// An answer that a test chooses with [`Sim::next`](crate::Sim::next) or
/// [`Sim::next_token`](crate::Sim::next_token).
#[derive(Clone, Debug)]
pub enum Reply {
    /// A well-formed HTTP answer, with these headers and the Content-Length. After a header
    /// `Connection: close` among these, the connection is closed.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// Not sent with a 204 or a 304.
        body: Vec<u8>,
    },
    /// One of [`DOCUMENTED_ERRORS`], by its name.
    Error(&'static str),
    /// The service's regular answer to the request, delivered with this fault.
    Fault(Fault),
}

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &str) -> Reply {
        Answer::json(status, body).into()
    }

    /// An answer with an HTML body.
    pub fn html(status: u16, body: &str) -> Reply {
        Answer::html(status, body).into()
    }

    /// An error of the API: `{"code":...,"details":{},"message":...,"status":"error"}`.
    pub fn api_error(status: u16, code: &str, message: &str) -> Reply {
        Answer::json(status, error_body(code, "{}", message)).into()
    }

    /// The same answer with one more header. Panics on a fault, which has no headers of its own.
    pub fn header(self, name: &str, value: &str) -> Reply {
        let Ok(mut answer) = self.into_answer() else {
            panic!("a fault has no headers of its own");
        };
        answer.headers.push((name.into(), value.into()));
        answer.into()
    }

    /// The answer to send, or the fault with which to deliver the service's own. Panics if there is
    /// no error with this name.
    pub(crate) fn into_answer(self) -> Result<Answer, Fault> {
        match self {
            Reply::Answer { status, headers, body } => Ok(Answer { status, headers, body }),
            Reply::Error(name) => Ok(Answer::documented(name)),
            Reply::Fault(fault) => Err(fault),
        }
    }

    /// Checks the name of an error, so that a wrong one panics in the test and not in a connection.
    pub(crate) fn checked(self) -> Reply {
        self.into_answer().map_or_else(Reply::Fault, Reply::from)
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply::Answer { status: answer.status, headers: answer.headers, body: answer.body }
    }
}

/// An error answer of the service.
///
/// It is always the answer for a job with the id `error-` and the name.
pub struct DocumentedError {
    /// The API's code, or a name for an answer without one.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    content: Content,
}

enum Content {
    /// The API's error object, with the name as its code.
    Code {
        message: &'static str,
        details: &'static str,
    },
    Json(&'static str),
    Html(&'static str),
    Redirect(&'static str),
    Nothing,
}

const fn code(name: &'static str, status: u16, message: &'static str, details: &'static str) -> DocumentedError {
    let content = Content::Code { message, details };
    DocumentedError { name, status, content }
}

const fn other(name: &'static str, status: u16, content: Content) -> DocumentedError {
    DocumentedError { name, status, content }
}

/// The errors of the vendor's documentation (v2 to v8), and the answers of gateways in front of the
/// service.
#[rustfmt::skip]
pub const DOCUMENTED_ERRORS: &[DocumentedError] = &[
    code("INVALID_TOKEN", 401, "invalid oauth token", "{}"),
    code("INVALID_OAUTHTOKEN", 401, "invalid oauth token", "{}"),
    code("AUTHENTICATION_FAILURE", 401, "Authentication failed", "{}"),
    code("OAUTH_SCOPE_MISMATCH", 401, "invalid oauth scope to access this URL", "{}"),
    code("NO_PERMISSION", 403, "permission denied", "{}"),
    code("INVALID_MODULE", 400, "the module name given seems to be invalid", "{}"),
    // The answer to an unknown job is not public: this text and these details are made up.
    code("INVALID_DATA", 400, "the job id given seems to be invalid", r#"{"param":"job_id"}"#),
    code("REQUIRED_PARAM_MISSING", 400, "One of the expected parameter is missing", r#"{"param":"job_id"}"#),
    code("INVALID_REQUEST_METHOD", 400, "The http request method type is not a valid one", "{}"),
    code("INVALID_URL_PATTERN", 404, "Please check if the URL trying to access is a correct one", "{}"),
    code("NOT_FOUND", 404, "the requested resource is not found", "{}"),
    code("TOO_MANY_REQUESTS", 429, "too many requests fired in concurrent session", "{}"),
    code("INTERNAL_ERROR", 500, "Internal Server Error", "{}"),
    // From the vendor's OpenAPI specification of 2026.
    code("INTERNAL_SERVER_ERROR", 400, "Internal Server Error", "{}"),
    code("SERVICE_UNAVAILABLE", 503, "The service is temporarily unavailable", "{}"),
    code("RATE_LIMIT_EXCEEDED", 429, "The rate limit is exceeded", "{}"),
    code("AUTHORIZATION_FAILED", 400, "User does not have sufficient privilege", "{}"),
    // From the same specification; where it has a code without an HTTP status, that is made up.
    code("AUTHENTICATION_FAILED", 401, "Authentication failed", "{}"),
    code("INVALID_OAUTHSCOPE", 400, "invalid oauth scope", "{}"),
    code("PERMISSION_DENIED", 401, "permission denied", "{}"),
    code("AUTHORIZATION_ERROR", 401, "authorization error", "{}"),
    code("FEATURE_NOT_ENABLED", 400, "the feature is not enabled", "{}"),
    code("FEATURE_NOT_SUPPORTED", 400, "the feature is not supported", "{}"),
    code("LICENSE_LIMIT_EXCEEDED", 400, "the license limit is exceeded", "{}"),
    code("API_NOT_SUPPORTED", 400, "the api is not supported in this edition", "{}"),
    code("CRMPLUS_TRIAL_EXPIRED", 403, "the trial has expired", "{}"),
    code("NOT_SUPPORTED", 400, "the module is not supported", "{}"),
    code("INVALID_HOST", 400, "the host is invalid", "{}"),
    code("UNABLE_TO_PARSE_DATA_TYPE", 400, "unable to parse the data type", r#"{"param":"job_id"}"#),
    code("LIMIT_EXCEEDED", 400, "the limit is exceeded", "{}"),
    // From the documentation of v2: a request without job_id.
    code("MANDATORY_NOT_FOUND", 400, "required parameter not found", r#"{"param_name":"job_id"}"#),
    // Variants of the above, each observed in answers that others recorded.
    other("jobid", 400, Content::Json(r#"{"code":"INVALID_DATA","details":{},"message":"invalid jobid","status":"error"}"#)),
    other("module-in-path", 400, Content::Json(r#"{"code":"INVALID_MODULE","details":{"resource_path_index":0},"message":"the module name given seems to be invalid","status":"error"}"#)),
    other("permissions", 403, Content::Json(r#"{"code":"NO_PERMISSION","details":{"permissions":["Crm_Implied_Api_Access"]},"message":"permission denied","status":"error"}"#)),
    // Of an older form; for the credits of the rolling 24 hours.
    other("credits", 429, Content::Json(r#"{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"the API call limit of the last 24 hours is exceeded"}"#)),
    // Of the front end: observed with other services of Zoho, so probable here.
    other("throttled", 200, Content::Json(r#"{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}"#)),
    other("throttled-cause", 200, Content::Json(r#"{"response":"error","cause":"throttles_limit_exceeded"}"#)),
    other("throttled-title", 400, Content::Json(r#"{"error":{"title":"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"}}"#)),
    // In place of NOT_FOUND, in the documentation of v2.
    other("204", 204, Content::Nothing),
    other("404", 404, Content::Nothing),
    other("empty", 200, Content::Json(r#"{"data":[]}"#)),
    other("redirect", 302, Content::Redirect("https://elsewhere.zmd.test/")),
    other("html500", 503, Content::Html("<html><body><h1>Service Unavailable</h1></body></html>\n")),
];

impl DocumentedError {
    /// A one-line description.
    pub fn about(&self) -> String {
        let what = match self.content {
            Content::Code { message, .. } => message,
            Content::Json(body) => body,
            Content::Html(_) => "an HTML page",
            Content::Redirect(location) => location,
            Content::Nothing => "no body",
        };
        format!("HTTP {}: {what}", self.status)
    }

    fn answer(&self) -> Answer {
        match self.content {
            Content::Code { message, details } => Answer::json(self.status, error_body(self.name, details, message)),
            Content::Json(body) => Answer::json(self.status, body),
            Content::Html(body) => Answer::html(self.status, body),
            Content::Redirect(location) => {
                Answer { status: self.status, headers: vec![("Location".into(), location.into())], body: Vec::new() }
            }
            Content::Nothing => Answer { status: self.status, headers: Vec::new(), body: Vec::new() },
        }
    }
}

impl Answer {
    /// The documented error with this name. Panics if there is none.
    pub fn documented(name: &str) -> Answer {
        documented(name).unwrap_or_else(|| panic!("no documented error has the name {name:?}"))
    }
}

fn documented(name: &str) -> Option<Answer> {
    let error = DOCUMENTED_ERRORS.iter().find(|error| error.name == name)?;
    Some(error.answer())
}

/// The answer for a job with a special id, `error-NAME` or `fault-NAME`, and the fault with which to
/// deliver it.
pub(crate) fn special_job(id: &str) -> Option<(Answer, Option<Fault>)> {
    if let Some(name) = id.strip_prefix("error-") {
        return Some((documented(name)?, None));
    }
    Some(with_fault(Fault::from_name(id.strip_prefix("fault-")?)?))
}

/// A good answer, to deliver with a fault.
pub(crate) fn with_fault(fault: Fault) -> (Answer, Option<Fault>) {
    let finished = Job::new(9, f64::INFINITY).status(Duration::ZERO);
    (Answer::json(200, finished), Some(fault))
}

fn error_body(code: &str, details: &str, message: &str) -> String {
    let [code, message] = [code, message].map(serde_json::Value::from);
    format!(r#"{{"code":{code},"details":{details},"message":{message},"status":"error"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_same_form_as_the_services() {
        let answer = Answer::documented("INVALID_DATA");
        assert_eq!(
            String::from_utf8(answer.body).unwrap(),
            r#"{"code":"INVALID_DATA","details":{"param":"job_id"},"message":"the job id given seems to be invalid","status":"error"}"#
        );
    }

    #[test]
    fn every_name_of_the_tables_makes_a_special_job() {
        for error in DOCUMENTED_ERRORS {
            let (answer, fault) = special_job(&format!("error-{}", error.name)).unwrap();
            assert_eq!((answer.status, fault), (error.status, None));
        }
        for fault in Fault::all() {
            let (answer, found) = special_job(&format!("fault-{}", fault.name())).unwrap();
            assert_eq!((answer.status, found), (200, Some(fault)));
        }
        assert!(special_job("error-NONE").is_none());
        assert!(special_job("1001").is_none());
    }
}
