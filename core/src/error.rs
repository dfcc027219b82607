//! The error type: a kind, the API's own code, and a message of one line.

use std::ffi::CStr;
use std::fmt;

/// What went wrong in a call; in C, `0` is success. The numbers never change.
///
/// Numbers below 10 are mistakes of the caller, from 10 errors of the network, from 20 errors of the API; 99 is a bug in
/// this library. Newer versions may add numbers.
// Each error is described here only. The header, the manual page, doc/errors.md and the Python package repeat these
// comments, whose second paragraph is that of `advice()`: after a change run `make docs`.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A required pointer is NULL.
    ///
    /// Pass the pointer that `zmd_last_error()` names.
    NullPointer = 1,
    /// An argument is invalid; nothing was sent.
    ///
    /// Fix the argument that `zmd_last_error()` names: a module is an API name such as `Sales_Orders`, and a job id
    /// contains no blanks.
    InvalidArgument = 2,
    /// A setting is unknown, missing or has an invalid value.
    ///
    /// Fix the setting that `zmd_last_error()` names.
    InvalidConfig = 3,
    /// The host name could not be looked up.
    ///
    /// Check the network, `api_domain` and `data_center`; behind a proxy, set `proxy`.
    Dns = 10,
    /// Could not connect to the server: the connection was refused, or there is no route.
    ///
    /// Check the network and the firewall; behind a proxy, set `proxy`.
    Connect = 11,
    /// The TLS handshake failed: for example, the certificate is not trusted, or is that of another host.
    ///
    /// If the network has its own certificate authority, set `ca_file` or `extra_ca_file`; check the machine's clock.
    Tls = 12,
    /// The proxy can't be reached or refused the connection: for example, it requires other credentials (HTTP 407).
    ///
    /// Check `proxy`, its credentials, and the hosts that the proxy allows.
    Proxy = 13,
    /// The connection broke or the response was not HTTP.
    ///
    /// Try again later.
    Network = 14,
    /// A time limit expired: `timeout_ms` for the call, or `connect_timeout_ms` while connecting.
    ///
    /// Try again later, or raise the limit.
    Timeout = 15,
    /// The program cancelled the client, or ended this call.
    ///
    /// No action is needed.
    Cancelled = 16,
    /// The job stands still: neither its state nor its counts have changed for as long as `stalled_ms` allows.
    ///
    /// Look at the job in Zoho CRM: it may be stuck. Or raise `stalled_ms`.
    Stalled = 17,
    /// The API refused the access token: it has expired, was revoked, or belongs to another data center or environment.
    ///
    /// Get a new access token from the data center and environment of the account, or set `refresh_token`.
    Unauthorized = 20,
    /// The access token lacks the scope `ZohoCRM.mass_delete.READ`.
    ///
    /// Create a token with that scope.
    Scope = 21,
    /// The user has no permission: the profile, or the edition of the organization, does not include it.
    ///
    /// Ask the administrator of the organization for the permission: `zmd_last_error()` names it if Zoho does.
    Forbidden = 22,
    /// The API has no module of that name.
    ///
    /// Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs.
    InvalidModule = 23,
    /// The API has no such job in that module.
    ///
    /// Check the id and the module, and that data center and environment are those of the job.
    JobNotFound = 24,
    /// Too many requests: the limit of calls in flight, of new access tokens or of API credits.
    ///
    /// Poll less often, or lower `max_concurrency`; if the code is `Access Denied`, set `token_cache`.
    RateLimited = 25,
    /// The service failed: HTTP 5xx, or a code that says so.
    ///
    /// Try again later: the service, or a gateway in front of it, has a problem.
    Server = 26,
    /// The API returned an error that has no number of its own.
    ///
    /// Look up the code that `zmd_last_error_code()` returns in Zoho's documentation.
    Api = 27,
    /// The response is not what the API documents.
    ///
    /// Check `api_domain`, and whether a proxy or gateway responds in Zoho's place.
    BadResponse = 28,
    /// The accounts server refused to issue an access token.
    ///
    /// Check `refresh_token`, `client_id`, `client_secret` and `data_center`: `zmd_last_error()` names the reason.
    Oauth = 29,
    /// A bug in libzmd; it was caught, so nothing unwinds into the caller.
    ///
    /// Report it.
    Internal = 99,
}

/// Whether an error may pass, and who tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The same request fails again: a call returns it, and it ends a wait.
    Permanent,
    /// Permanent if it lasts: a call returns it, and it ends a wait that gets it again a minute later. One unreadable page
    /// may be a gateway's.
    PermanentIfRepeated,
    /// Transient: the same call may succeed later, and a wait continues. A call returns it, as its time is up.
    Later,
    /// Transient, and it may pass at any moment: a call retries it, and a wait continues.
    Retried,
}

impl Recovery {
    /// Whether the same call may succeed later.
    pub fn is_transient(self) -> bool {
        matches!(self, Recovery::Later | Recovery::Retried)
    }
}

/// Every error with its name, its message, and whether it may pass, in the order of the numbers. The message is the first
/// clause of the variant's documentation.
const ERRORS: &[(ErrorKind, &CStr, &CStr, Recovery)] = &[
    (ErrorKind::NullPointer, c"ZMD_ERR_NULL_POINTER", c"a required pointer is NULL", Recovery::Permanent),
    (ErrorKind::InvalidArgument, c"ZMD_ERR_INVALID_ARGUMENT", c"an argument is invalid", Recovery::Permanent),
    (
        ErrorKind::InvalidConfig,
        c"ZMD_ERR_INVALID_CONFIG",
        c"a setting is unknown, missing or has an invalid value",
        Recovery::Permanent,
    ),
    (ErrorKind::Dns, c"ZMD_ERR_DNS", c"the host name could not be looked up", Recovery::Retried),
    (ErrorKind::Connect, c"ZMD_ERR_CONNECT", c"could not connect to the server", Recovery::Retried),
    (ErrorKind::Tls, c"ZMD_ERR_TLS", c"the TLS handshake failed", Recovery::Permanent),
    (ErrorKind::Proxy, c"ZMD_ERR_PROXY", c"the proxy can't be reached or refused the connection", Recovery::Retried),
    (ErrorKind::Network, c"ZMD_ERR_NETWORK", c"the connection broke or the response was not HTTP", Recovery::Retried),
    (ErrorKind::Timeout, c"ZMD_ERR_TIMEOUT", c"a time limit expired", Recovery::Later),
    (
        ErrorKind::Cancelled,
        c"ZMD_ERR_CANCELLED",
        c"the program cancelled the client, or ended this call",
        Recovery::Permanent,
    ),
    (ErrorKind::Stalled, c"ZMD_ERR_STALLED", c"the job stands still", Recovery::Permanent),
    (ErrorKind::Unauthorized, c"ZMD_ERR_UNAUTHORIZED", c"the API refused the access token", Recovery::Permanent),
    (
        ErrorKind::Scope,
        c"ZMD_ERR_SCOPE",
        c"the access token lacks the scope ZohoCRM.mass_delete.READ",
        Recovery::Permanent,
    ),
    (ErrorKind::Forbidden, c"ZMD_ERR_FORBIDDEN", c"the user has no permission", Recovery::Permanent),
    (ErrorKind::InvalidModule, c"ZMD_ERR_INVALID_MODULE", c"the API has no module of that name", Recovery::Permanent),
    (ErrorKind::JobNotFound, c"ZMD_ERR_JOB_NOT_FOUND", c"the API has no such job in that module", Recovery::Permanent),
    (ErrorKind::RateLimited, c"ZMD_ERR_RATE_LIMITED", c"too many requests", Recovery::Retried),
    (ErrorKind::Server, c"ZMD_ERR_SERVER", c"the service failed", Recovery::Retried),
    (ErrorKind::Api, c"ZMD_ERR_API", c"the API returned an error that has no number of its own", Recovery::Permanent),
    (
        ErrorKind::BadResponse,
        c"ZMD_ERR_BAD_RESPONSE",
        c"the response is not what the API documents",
        Recovery::PermanentIfRepeated,
    ),
    (ErrorKind::Oauth, c"ZMD_ERR_OAUTH", c"the accounts server refused to issue an access token", Recovery::Permanent),
    (ErrorKind::Internal, c"ZMD_ERR_INTERNAL", c"a bug in libzmd", Recovery::Permanent),
];

impl ErrorKind {
    /// The error with this number, if there is one.
    pub fn from_number(number: i32) -> Option<ErrorKind> {
        ERRORS.iter().map(|row| row.0).find(|kind| *kind as i32 == number)
    }

    /// Whether the error may pass, and who tries again. Of a single error [`Error::recovery`] knows more.
    pub fn recovery(self) -> Recovery {
        self.row().3
    }

    /// Whether the same call may succeed later, as in `zmd_error_is_transient()`.
    pub fn is_transient(self) -> bool {
        self.recovery().is_transient()
    }

    /// What to do about the error, in one line. The documentation of the variants repeats it, which
    /// `make docs` writes.
    pub fn advice(self) -> &'static str {
        match self {
            ErrorKind::NullPointer => "Pass the pointer that `zmd_last_error()` names.",
            ErrorKind::InvalidArgument => {
                "Fix the argument that `zmd_last_error()` names: a module is an API name such as \
                 `Sales_Orders`, and a job id contains no blanks."
            }
            ErrorKind::InvalidConfig => "Fix the setting that `zmd_last_error()` names.",
            ErrorKind::Dns => "Check the network, `api_domain` and `data_center`; behind a proxy, set `proxy`.",
            ErrorKind::Connect => "Check the network and the firewall; behind a proxy, set `proxy`.",
            ErrorKind::Tls => {
                "If the network has its own certificate authority, set `ca_file` or `extra_ca_file`; check the \
                 machine's clock."
            }
            ErrorKind::Proxy => "Check `proxy`, its credentials, and the hosts that the proxy allows.",
            ErrorKind::Network => "Try again later.",
            ErrorKind::Timeout => "Try again later, or raise the limit.",
            ErrorKind::Cancelled => "No action is needed.",
            ErrorKind::Stalled => "Look at the job in Zoho CRM: it may be stuck. Or raise `stalled_ms`.",
            ErrorKind::Unauthorized => {
                "Get a new access token from the data center and environment of the account, or set `refresh_token`."
            }
            ErrorKind::Scope => "Create a token with that scope.",
            ErrorKind::Forbidden => {
                "Ask the administrator of the organization for the permission: `zmd_last_error()` names it if Zoho does."
            }
            ErrorKind::InvalidModule => "Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs.",
            ErrorKind::JobNotFound => {
                "Check the id and the module, and that data center and environment are those of the job."
            }
            ErrorKind::RateLimited => {
                "Poll less often, or lower `max_concurrency`; if the code is `Access Denied`, set `token_cache`."
            }
            ErrorKind::Server => "Try again later: the service, or a gateway in front of it, has a problem.",
            ErrorKind::Api => "Look up the code that `zmd_last_error_code()` returns in Zoho's documentation.",
            ErrorKind::BadResponse => "Check `api_domain`, and whether a proxy or gateway responds in Zoho's place.",
            ErrorKind::Oauth => {
                "Check `refresh_token`, `client_id`, `client_secret` and `data_center`: `zmd_last_error()` names the \
                 reason."
            }
            ErrorKind::Internal => "Report it.",
        }
    }

    /// Its name in the C interface: `"ZMD_ERR_TIMEOUT"`.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// [`name`](Self::name), for C.
    pub fn c_name(self) -> &'static CStr {
        self.row().1
    }

    /// What it means in general, in one line: `"a time limit expired"`.
    pub fn description(self) -> &'static str {
        self.c_description().to_str().unwrap_or_default()
    }

    /// [`description`](Self::description), for C.
    pub fn c_description(self) -> &'static CStr {
        self.row().2
    }

    fn row(self) -> &'static (ErrorKind, &'static CStr, &'static CStr, Recovery) {
        ERRORS.iter().find(|row| row.0 == self).expect("each kind has a row")
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    code: String,
    message: String,
    http_status: u16,
    is_unknown_host: bool,
    is_login_refused: bool,
    is_quota_used_up: bool,
}

impl Error {
    /// An error without a response of the API.
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Error {
        let message = one_line(message.as_ref(), usize::MAX);
        Error {
            kind,
            code: String::new(),
            message,
            http_status: 0,
            is_unknown_host: false,
            is_login_refused: false,
            is_quota_used_up: false,
        }
    }

    /// Adds the API's own code.
    pub fn with_code(mut self, code: &str) -> Error {
        self.code = one_line(code, usize::MAX);
        self
    }

    /// Adds the HTTP status of the failed response.
    pub fn with_http_status(mut self, http_status: u16) -> Error {
        self.http_status = http_status;
        self
    }

    /// Sets whether the name servers reported that there is no such host.
    pub(crate) fn with_unknown_host(mut self, is_unknown: bool) -> Error {
        self.is_unknown_host = is_unknown;
        self
    }

    /// Sets whether a proxy refused the credentials, or requires some.
    pub(crate) fn with_login_refused(mut self, is_refused: bool) -> Error {
        self.is_login_refused = is_refused;
        self
    }

    /// Sets whether the API credits of the organization are used up, which takes hours to pass.
    pub(crate) fn with_quota_used_up(mut self, is_used_up: bool) -> Error {
        self.is_quota_used_up = is_used_up;
        self
    }

    /// Replaces the message, such as by a longer one.
    pub fn map_message(self, map: impl FnOnce(&str) -> String) -> Error {
        Error { message: one_line(&map(&self.message), usize::MAX), ..self }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The API's own code, `"INVALID_TOKEN"`; empty where there is none.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened and what to do about it, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status of the failed response; 0: there was none.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// Whether the error may pass, and who tries again: as for its kind, with three exceptions. A proxy that refused the
    /// credentials refuses them again, and may lock the account; a host that does not exist is not looked up again by the
    /// same call; and credits that are used up come back in hours.
    pub fn recovery(&self) -> Recovery {
        match self.kind {
            ErrorKind::Proxy if self.is_login_refused || self.http_status == 407 => Recovery::Permanent,
            _ if self.is_unknown_host || self.is_quota_used_up => Recovery::Later,
            kind => kind.recovery(),
        }
    }

    /// Whether the same call may succeed later: see [`recovery`](Error::recovery).
    pub fn is_transient(&self) -> bool {
        self.recovery().is_transient()
    }

    /// Whether the API credits of the organization are used up.
    pub(crate) fn is_quota_used_up(&self) -> bool {
        self.is_quota_used_up
    }

    /// Whether the name servers reported that there is no such host, as opposed to a failed lookup.
    pub(crate) fn is_unknown_host(&self) -> bool {
        self.is_unknown_host
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// What every call of a cancelled client returns.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the client was cancelled")
}

/// `text` as one printable line of at most `limit` characters.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()) {
        let blank = if line.is_empty() { None } else { Some(' ') };
        for c in blank.into_iter().chain(word.chars()) {
            if length == limit {
                line.push_str("...");
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_its_variant() {
        for &(error, name, message, _) in ERRORS {
            let of_variant: String = format!("{error:?}")
                .chars()
                .flat_map(|c| c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_uppercase()]))
                .collect();
            assert_eq!(format!("ZMD_ERR{of_variant}"), name.to_str().unwrap());
            assert!(!message.is_empty());
            assert_eq!(ErrorKind::from_number(error as i32), Some(error));
        }
    }

    /// The general message and the documentation do not differ.
    #[test]
    fn every_message_begins_the_documentation() {
        let mut documented = Vec::new();
        let mut first_line = None;
        let source =
            include_str!("error.rs").split_once("pub enum ErrorKind {").unwrap().1.split_once("\n}").unwrap().0;
        for line in source.lines().map(str::trim) {
            match line.strip_prefix("/// ") {
                Some(text) => first_line = first_line.or(Some(text)),
                None if line.starts_with(|c: char| c.is_ascii_uppercase()) => documented.extend(first_line.take()),
                None => {}
            }
        }
        assert_eq!(documented.len(), ERRORS.len());
        for (text, &(error, _, message, _)) in documented.into_iter().zip(ERRORS) {
            let text = text.replace('`', "").to_lowercase();
            let message = message.to_str().unwrap().to_lowercase();
            assert!(
                text.strip_prefix(&message).is_some_and(|more| more.starts_with([':', ';', '.'])),
                "{error:?}: {text}"
            );
        }
    }

    #[test]
    fn other_numbers_are_no_kind() {
        for number in [i32::MIN, -1, 0, 4, 9, 18, 30, 98, 100, i32::MAX] {
            assert_eq!(ErrorKind::from_number(number), None);
        }
    }

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        let error = Error::new(ErrorKind::Api, "a\r\nb\t\0c\u{7f}d  e\u{2028}f\n");
        assert_eq!(error.message(), "a b c d e f");
    }

    #[test]
    fn a_long_line_is_truncated() {
        assert_eq!(one_line("é é é", 3), "é é...");
        assert_eq!(one_line("ééé", 3), "ééé");
    }

    #[test]
    fn a_name_a_message_and_advice_for_each() {
        assert_eq!(ErrorKind::Timeout.name(), "ZMD_ERR_TIMEOUT");
        let advice = ErrorKind::Dns.advice();
        assert!(advice.len() > 20 && advice != ErrorKind::Tls.advice(), "{advice}");
        assert_eq!(ErrorKind::Timeout.description(), "a time limit expired");
    }

    #[test]
    fn what_may_succeed_later() {
        let proxy = || Error::new(ErrorKind::Proxy, "");
        for (error, recovery) in [
            (Error::new(ErrorKind::Dns, ""), Recovery::Retried),
            (Error::new(ErrorKind::Dns, "").with_unknown_host(true), Recovery::Later),
            (Error::new(ErrorKind::Timeout, ""), Recovery::Later),
            (Error::new(ErrorKind::InvalidArgument, ""), Recovery::Permanent),
            (Error::new(ErrorKind::BadResponse, ""), Recovery::PermanentIfRepeated),
            (proxy(), Recovery::Retried),
            (proxy().with_http_status(502), Recovery::Retried),
            (proxy().with_http_status(407), Recovery::Permanent),
            (proxy().with_login_refused(true), Recovery::Permanent),
            (proxy().with_unknown_host(true), Recovery::Later),
        ] {
            assert_eq!(error.recovery(), recovery, "{error:?}");
            assert_eq!(error.is_transient(), matches!(recovery, Recovery::Later | Recovery::Retried));
        }
    }

    /// The families of the numbers: a mistake of the caller never passes, and the network may.
    #[test]
    fn each_error_has_its_recovery() {
        let transient: Vec<_> = ERRORS.iter().filter(|row| row.3.is_transient()).map(|row| row.0 as i32).collect();
        assert_eq!(transient, [10, 11, 13, 14, 15, 25, 26]);
    }
}
