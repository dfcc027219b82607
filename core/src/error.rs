//! The error type: a kind, the API's own code, and a message of one line. It does not know where errors come from.

use std::fmt;

/// The result of a call. `0` is success, every other value an error. The numbers never change.
///
/// Numbers below 10 are mistakes of the caller, from 10 errors of the network, from 20 errors of the API; 99 is a bug in
/// this library. Newer versions may add numbers.
// Each error is described here only. The header, the manual page, doc/errors.md and the Python package repeat these
// comments, whose second paragraph is that of `advice()`: after a change run `make docs`.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum zmd_error {
    /// The call succeeded.
    ZMD_OK = 0,
    /// A required pointer is NULL.
    ///
    /// Pass the pointer that `zmd_last_error()` names.
    ZMD_ERR_NULL_POINTER = 1,
    /// An argument is invalid; nothing was sent.
    ///
    /// Fix the argument that `zmd_last_error()` names: a module is an API name such as `Sales_Orders`, and a job id
    /// contains no blanks.
    ZMD_ERR_INVALID_ARGUMENT = 2,
    /// A setting is unknown, missing or has an invalid value.
    ///
    /// Fix the setting that `zmd_last_error()` names.
    ZMD_ERR_INVALID_CONFIG = 3,
    /// The host name could not be looked up.
    ///
    /// Check the network, `api_domain` and `data_center`; behind a proxy, set `proxy`.
    ZMD_ERR_DNS = 10,
    /// Could not connect to the server: the connection was refused, or there is no route.
    ///
    /// Check the network and the firewall; behind a proxy, set `proxy`.
    ZMD_ERR_CONNECT = 11,
    /// The TLS handshake failed: for example, the certificate is not trusted, or is that of another host.
    ///
    /// If the network has its own certificate authority, set `ca_file` or `extra_ca_file`; check the machine's clock.
    ZMD_ERR_TLS = 12,
    /// The proxy can't be reached or refused the connection: for example, it requires other credentials (HTTP 407).
    ///
    /// Check `proxy`, its credentials, and the hosts that the proxy allows.
    ZMD_ERR_PROXY = 13,
    /// The connection broke or the response was not HTTP.
    ///
    /// Try again later.
    ZMD_ERR_NETWORK = 14,
    /// A time limit expired: `timeout_ms` for the call, or `connect_timeout_ms` while connecting.
    ///
    /// Try again later, or raise the limit.
    ZMD_ERR_TIMEOUT = 15,
    /// The client was cancelled.
    ///
    /// No action: cancelled on request.
    ZMD_ERR_CANCELLED = 16,
    /// The API refused the access token: it has expired, was revoked, or belongs to another data center.
    ///
    /// Get a new access token from the data center of the account, or set `refresh_token`.
    ZMD_ERR_UNAUTHORIZED = 20,
    /// The access token lacks the scope `ZohoCRM.mass_delete.READ`.
    ///
    /// Create a token with that scope.
    ZMD_ERR_SCOPE = 21,
    /// The user has no permission.
    ///
    /// Ask the administrator of the organization for the permission.
    ZMD_ERR_FORBIDDEN = 22,
    /// The API has no module of that name.
    ///
    /// Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs.
    ZMD_ERR_INVALID_MODULE = 23,
    /// The API has no such job in that module.
    ///
    /// Check the id and the module, and that data center and environment are those of the job.
    ZMD_ERR_JOB_NOT_FOUND = 24,
    /// Too many requests; the retries failed too.
    ///
    /// Poll less often, or lower `max_concurrency`; if the code is `Access Denied`, set `token_cache`.
    ZMD_ERR_RATE_LIMITED = 25,
    /// The service failed; the retries failed too (HTTP 5xx).
    ///
    /// Try again later: the service, or a gateway in front of it, has a problem.
    ZMD_ERR_SERVER = 26,
    /// The API returned an error that has no number of its own.
    ///
    /// Look up the code that `zmd_last_error_code()` returns in Zoho's documentation.
    ZMD_ERR_API = 27,
    /// The response is not what the API documents.
    ///
    /// Check `api_domain`, and whether a proxy or gateway responds in Zoho's place.
    ZMD_ERR_BAD_RESPONSE = 28,
    /// The accounts server refused to issue an access token.
    ///
    /// Check `refresh_token`, `client_id`, `client_secret` and `data_center`: `zmd_last_error()` names the reason.
    ZMD_ERR_OAUTH = 29,
    /// A bug in libzmd; it was caught, so nothing unwinds into the caller.
    ///
    /// Report it.
    ZMD_ERR_INTERNAL = 99,
}

use zmd_error::*;

/// Every error with its name and its message, in the order of the numbers. The message is the first clause of the
/// variant's documentation.
const ERRORS: &[(zmd_error, &str, &str)] = &[
    (ZMD_OK, "ZMD_OK\0", "the call succeeded\0"),
    (ZMD_ERR_NULL_POINTER, "ZMD_ERR_NULL_POINTER\0", "a required pointer is NULL\0"),
    (ZMD_ERR_INVALID_ARGUMENT, "ZMD_ERR_INVALID_ARGUMENT\0", "an argument is invalid\0"),
    (ZMD_ERR_INVALID_CONFIG, "ZMD_ERR_INVALID_CONFIG\0", "a setting is unknown, missing or has an invalid value\0"),
    (ZMD_ERR_DNS, "ZMD_ERR_DNS\0", "the host name could not be looked up\0"),
    (ZMD_ERR_CONNECT, "ZMD_ERR_CONNECT\0", "could not connect to the server\0"),
    (ZMD_ERR_TLS, "ZMD_ERR_TLS\0", "the TLS handshake failed\0"),
    (ZMD_ERR_PROXY, "ZMD_ERR_PROXY\0", "the proxy can't be reached or refused the connection\0"),
    (ZMD_ERR_NETWORK, "ZMD_ERR_NETWORK\0", "the connection broke or the response was not HTTP\0"),
    (ZMD_ERR_TIMEOUT, "ZMD_ERR_TIMEOUT\0", "a time limit expired\0"),
    (ZMD_ERR_CANCELLED, "ZMD_ERR_CANCELLED\0", "the client was cancelled\0"),
    (ZMD_ERR_UNAUTHORIZED, "ZMD_ERR_UNAUTHORIZED\0", "the API refused the access token\0"),
    (ZMD_ERR_SCOPE, "ZMD_ERR_SCOPE\0", "the access token lacks the scope ZohoCRM.mass_delete.READ\0"),
    (ZMD_ERR_FORBIDDEN, "ZMD_ERR_FORBIDDEN\0", "the user has no permission\0"),
    (ZMD_ERR_INVALID_MODULE, "ZMD_ERR_INVALID_MODULE\0", "the API has no module of that name\0"),
    (ZMD_ERR_JOB_NOT_FOUND, "ZMD_ERR_JOB_NOT_FOUND\0", "the API has no such job in that module\0"),
    (ZMD_ERR_RATE_LIMITED, "ZMD_ERR_RATE_LIMITED\0", "too many requests\0"),
    (ZMD_ERR_SERVER, "ZMD_ERR_SERVER\0", "the service failed\0"),
    (ZMD_ERR_API, "ZMD_ERR_API\0", "the API returned an error that has no number of its own\0"),
    (ZMD_ERR_BAD_RESPONSE, "ZMD_ERR_BAD_RESPONSE\0", "the response is not what the API documents\0"),
    (ZMD_ERR_OAUTH, "ZMD_ERR_OAUTH\0", "the accounts server refused to issue an access token\0"),
    (ZMD_ERR_INTERNAL, "ZMD_ERR_INTERNAL\0", "a bug in libzmd\0"),
];

impl zmd_error {
    /// The error with this number, if there is one.
    pub fn from_number(number: i32) -> Option<zmd_error> {
        row(number).map(|row| row.0)
    }

    /// Whether the same call may succeed later, as in `zmd_error_is_transient()`.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ZMD_ERR_DNS | ZMD_ERR_CONNECT | ZMD_ERR_NETWORK | ZMD_ERR_TIMEOUT | ZMD_ERR_RATE_LIMITED | ZMD_ERR_SERVER
        )
    }

    /// What to do about the error, in one line; empty for `ZMD_OK`. The documentation of the variants repeats it, which
    /// `make docs` writes.
    pub fn advice(self) -> &'static str {
        match self {
            ZMD_OK => "",
            ZMD_ERR_NULL_POINTER => "Pass the pointer that `zmd_last_error()` names.",
            ZMD_ERR_INVALID_ARGUMENT => {
                "Fix the argument that `zmd_last_error()` names: a module is an API name such as \
                 `Sales_Orders`, and a job id contains no blanks."
            }
            ZMD_ERR_INVALID_CONFIG => "Fix the setting that `zmd_last_error()` names.",
            ZMD_ERR_DNS => "Check the network, `api_domain` and `data_center`; behind a proxy, set `proxy`.",
            ZMD_ERR_CONNECT => "Check the network and the firewall; behind a proxy, set `proxy`.",
            ZMD_ERR_TLS => {
                "If the network has its own certificate authority, set `ca_file` or `extra_ca_file`; check the \
                 machine's clock."
            }
            ZMD_ERR_PROXY => "Check `proxy`, its credentials, and the hosts that the proxy allows.",
            ZMD_ERR_NETWORK => "Try again later.",
            ZMD_ERR_TIMEOUT => "Try again later, or raise the limit.",
            ZMD_ERR_CANCELLED => "No action: cancelled on request.",
            ZMD_ERR_UNAUTHORIZED => {
                "Get a new access token from the data center of the account, or set `refresh_token`."
            }
            ZMD_ERR_SCOPE => "Create a token with that scope.",
            ZMD_ERR_FORBIDDEN => "Ask the administrator of the organization for the permission.",
            ZMD_ERR_INVALID_MODULE => "Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs.",
            ZMD_ERR_JOB_NOT_FOUND => {
                "Check the id and the module, and that data center and environment are those of the job."
            }
            ZMD_ERR_RATE_LIMITED => {
                "Poll less often, or lower `max_concurrency`; if the code is `Access Denied`, set `token_cache`."
            }
            ZMD_ERR_SERVER => "Try again later: the service, or a gateway in front of it, has a problem.",
            ZMD_ERR_API => "Look up the code that `zmd_last_error_code()` returns in Zoho's documentation.",
            ZMD_ERR_BAD_RESPONSE => "Check `api_domain`, and whether a proxy or gateway responds in Zoho's place.",
            ZMD_ERR_OAUTH => {
                "Check `refresh_token`, `client_id`, `client_secret` and `data_center`: `zmd_last_error()` names the \
                 reason."
            }
            ZMD_ERR_INTERNAL => "Report it.",
        }
    }

    /// `"ZMD_ERR_TIMEOUT"`.
    pub fn name(self) -> &'static str {
        row(self as i32).map_or("", |row| row.1.trim_end_matches('\0'))
    }
}

fn row(number: i32) -> Option<&'static (zmd_error, &'static str, &'static str)> {
    ERRORS.iter().find(|row| row.0 as i32 == number)
}

/// The name of any number, NUL-terminated for C.
pub(crate) fn name_z(number: i32) -> &'static str {
    row(number).map_or("ZMD_ERR_?\0", |row| row.1)
}

/// The general message for any number, NUL-terminated for C.
pub(crate) fn message_z(number: i32) -> &'static str {
    row(number).map_or("not an error number of this version of libzmd\0", |row| row.2)
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: zmd_error,
    code: String,
    message: String,
    http_status: u16,
    is_unknown_host: bool,
    is_login_refused: bool,
}

impl Error {
    /// An error without a response of the API.
    pub fn new(kind: zmd_error, message: impl AsRef<str>) -> Error {
        let message = one_line(message.as_ref(), usize::MAX);
        Error { kind, code: String::new(), message, http_status: 0, is_unknown_host: false, is_login_refused: false }
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

    /// Replaces the message, such as by a longer one.
    pub(crate) fn map_message(self, map: impl FnOnce(&str) -> String) -> Error {
        Error { message: one_line(&map(&self.message), usize::MAX), ..self }
    }

    /// Replaces `secret` in the message and the code, which may quote the server. Do this before a text is truncated: a
    /// truncated secret would not be found.
    pub(crate) fn without(mut self, secret: &str) -> Error {
        if !secret.is_empty() {
            self.message = self.message.replace(secret, "***");
            self.code = self.code.replace(secret, "***");
        }
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> zmd_error {
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

    /// Whether the same call may succeed later: as its kind, and for `ZMD_ERR_PROXY` unless the proxy refused the
    /// credentials.
    pub fn is_transient(&self) -> bool {
        // Wrong credentials that are retried can lock an account; a proxy that can't be reached is like a server that can't.
        let is_login_refused = self.is_login_refused || self.http_status == 407;
        self.kind.is_transient() || self.kind == ZMD_ERR_PROXY && !is_login_refused
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

/// `text` as one printable line of at most `limit` characters.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
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
        for &(error, name, message) in ERRORS {
            assert_eq!(format!("{error:?}\0"), name);
            assert!(message.ends_with('\0') && message.len() > 1);
            assert_eq!(message.matches('\0').count(), 1);
            assert_eq!(zmd_error::from_number(error as i32), Some(error));
        }
    }

    /// The general message and the documentation do not differ.
    #[test]
    fn every_message_begins_the_documentation() {
        let mut documented = Vec::new();
        let mut first_line = None;
        let source =
            include_str!("error.rs").split_once("pub enum zmd_error {").unwrap().1.split_once("\n}").unwrap().0;
        for line in source.lines().map(str::trim) {
            match line.strip_prefix("/// ") {
                Some(text) => first_line = first_line.or(Some(text)),
                None if line.starts_with("ZMD_") => documented.extend(first_line.take()),
                None => {}
            }
        }
        assert_eq!(documented.len(), ERRORS.len());
        for (text, &(error, _, message)) in documented.into_iter().zip(ERRORS) {
            let text = text.replace('`', "").to_lowercase();
            let message = message.trim_end_matches('\0').to_lowercase();
            assert!(
                text.strip_prefix(&message).is_some_and(|more| more.starts_with([':', ';', '.'])),
                "{error:?}: {text}"
            );
        }
    }

    #[test]
    fn unknown_numbers_have_a_name_too() {
        for number in [i32::MIN, -1, 4, 9, 17, 30, 98, 100, i32::MAX] {
            assert_eq!(zmd_error::from_number(number), None);
            assert_eq!(name_z(number), "ZMD_ERR_?\0");
            assert!(message_z(number).len() > 1);
        }
    }

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        let error = Error::new(ZMD_ERR_API, "a\r\nb\t\0c\u{7f}d  e\u{2028}f\n");
        assert_eq!(error.message(), "a b c d e f");
    }

    #[test]
    fn a_long_line_is_truncated() {
        assert_eq!(one_line("é é é", 3), "é é...");
        assert_eq!(one_line("ééé", 3), "ééé");
    }

    #[test]
    fn a_secret_is_removed() {
        let error = Error::new(ZMD_ERR_API, "no: 1000.abc is bad").with_code("1000.abc").without("1000.abc");
        assert_eq!((error.message(), error.code()), ("no: *** is bad", "***"));
    }

    #[test]
    fn a_name_a_message_and_advice_for_each() {
        assert_eq!(ZMD_ERR_TIMEOUT.name(), "ZMD_ERR_TIMEOUT");
        let advice = ZMD_ERR_DNS.advice();
        assert!(advice.len() > 20 && advice != ZMD_ERR_TLS.advice(), "{advice}");
        for &(error, _, message) in ERRORS {
            assert_eq!(message_z(error as i32), message);
        }
    }

    #[test]
    fn what_may_succeed_later() {
        let refused = |error: Error| Error { is_login_refused: true, ..error };
        for (error, is_transient) in [
            (Error::new(ZMD_ERR_DNS, ""), true),
            (Error::new(ZMD_ERR_INVALID_ARGUMENT, ""), false),
            (Error::new(ZMD_ERR_PROXY, ""), true),
            (Error::new(ZMD_ERR_PROXY, "").with_http_status(502), true),
            (Error::new(ZMD_ERR_PROXY, "").with_http_status(407), false),
            (refused(Error::new(ZMD_ERR_PROXY, "")), false),
        ] {
            assert_eq!(error.is_transient(), is_transient, "{error:?}");
        }
    }
}
