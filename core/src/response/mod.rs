//! The API's response about a job: parsing it into a status or an error, and whether to retry.
//!
//! Source: Zoho CRM API v7, "Get the status of a mass delete job" and "Error codes"; the vendor's OpenAPI specification of
//! 2026 adds some of the codes.

mod json;
mod kind;
mod message;
mod request;

use json::{ApiError, Body, parse};
use kind::kind_of;
use message::{What, message_of, redirect_message};
pub(crate) use request::StatusRequest;

use crate::error::{Error, ErrorKind};
use crate::http::Response;
use crate::retry::Failure;
use crate::status::Status;
use crate::throttle::throttled;
use crate::words::code;

/// Parses the response to a status request. If it is an error, this decides whether to retry.
pub(crate) fn read(response: &Response, request: &StatusRequest) -> Result<Status, Failure> {
    let http_status = response.status;
    let with_status = |error: Error| error.with_http_status(http_status);
    if (300..400).contains(&http_status) {
        let message = redirect_message(response, request);
        return Err(Failure::permanent(with_status(Error::new(ErrorKind::BadResponse, message))));
    }
    let parsed = parse(response.json());
    let is_success = (200..300).contains(&http_status) && http_status != 204;
    let api_error = match &parsed {
        Ok(Body::Job(row)) if is_success => return Ok(row.status(http_status)),
        Ok(Body::Error(api_error)) => api_error.clone(),
        _ => ApiError::default(),
    };
    let is_empty = response.body.iter().all(u8::is_ascii_whitespace);
    let is_foreign = parsed.is_err() && !is_empty;
    let throttled = throttled(response.json());
    let is_foreign = is_foreign && throttled.is_none();
    let kind = match (kind_of(http_status, &api_error, is_foreign, request.job), &parsed) {
        _ if throttled.is_some() => ErrorKind::RateLimited,
        (Some(kind), _) => kind,
        (None, Ok(Body::Empty)) => ErrorKind::JobNotFound,
        (None, Ok(Body::Error(_))) => ErrorKind::Api,
        (None, Ok(Body::Job(_)) | Err(_)) => ErrorKind::BadResponse,
    };
    let is_used_up = kind == ErrorKind::RateLimited
        && throttled.is_none()
        && (api_error.names_the_credits()
            || response.credits_remaining.map_or(request.are_credits_used_up, |credits| credits == 0));
    let what = What { kind, api_error: &api_error, is_foreign, is_used_up, why_unreadable: parsed.err(), throttled };
    let error = with_status(Error::new(kind, message_of(&what, response, request)));
    let error = error.with_code(code(&api_error.code).unwrap_or_default()).with_quota_used_up(is_used_up);
    Err(Failure::of(error, response.retry_after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::BaseUrl;
    use crate::job::{JobId, JobName, ModuleName};
    use crate::retry::Retry;
    use crate::status::State;

    fn read_body(http_status: u16, body: impl AsRef<[u8]>) -> Result<Status, Error> {
        let (module, job_id) = (ModuleName::parse("Leads").unwrap(), JobId::parse("4711").unwrap());
        let response = Response { status: http_status, body: body.as_ref().to_vec(), ..Response::default() };
        let request = StatusRequest {
            job: JobName { module: &module, job_id: &job_id },
            api: &BaseUrl::parse("https://www.zohoapis.com").unwrap(),
            data_center: "us",
            environment: "production",
            are_credits_used_up: false,
            is_token_renewable: true,
        };
        read(&response, &request).map_err(|failure| failure.error)
    }

    fn kind(http_status: u16, body: impl AsRef<[u8]>) -> ErrorKind {
        read_body(http_status, body).expect_err("an error").kind()
    }

    fn error_body(code: &str) -> String {
        format!(r#"{{"code":"{code}","details":{{}},"message":"no words","status":"error"}}"#)
    }

    #[test]
    fn a_whole_count_may_have_a_point_and_another_is_named() {
        let body =
            |count: &str| read_body(200, format!(r#"{{"data":[{{"Status":"RUNNING","Deleted_Count":{count}}}]}}"#));
        assert_eq!((body("9.0").unwrap().deleted, body("1e3").unwrap().deleted), (Some(9), Some(1000)));
        for bad in ["9.5", "-1.0", "1e300", "-1", "true"] {
            let error = body(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadResponse);
            let message = error.message();
            assert!(message.contains("Deleted_Count: ") && !message.contains("gateway"), "{bad}: {message}");
        }
        let error = read_body(200, r#"{"data":[{"status":"RUNNING","deleted_count":9}]}"#).unwrap_err();
        assert!(error.message().contains("it has no Status, but status"), "{error}");
        assert!(!error.message().contains("gateway"), "{error}");
    }

    #[test]
    fn of_the_servers_texts_only_short_words_are_shown() {
        const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef";
        let upper = TOKEN.to_ascii_uppercase();
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let split = TOKEN.replacen('.', ".\\n", 1);
        for form in [TOKEN, &upper, &percent, &split, &TOKEN[..TOKEN.len() - 3]] {
            for body in [
                format!(r#"{{"code":"{form}","details":{{}},"message":"{form} is bad","status":"error"}}"#),
                format!(r#"{{"data":[{{"Status":"X","Total_Count":"{form}"}}]}}"#),
                format!("<title>{form}</title>"),
            ] {
                let error = read_body(400, &body).unwrap_err();
                let text = format!("{} {}", error.code(), error.message()).to_ascii_lowercase();
                assert!(!text.contains("0123456789") && !text.contains("%30"), "{error}");
            }
        }
        // Nor of a state that is not known.
        let status = read_body(200, format!(r#"{{"data":[{{"Status":"{upper}"}}]}}"#)).unwrap();
        assert_eq!((status.state, &*status.text), (State::Unknown, "..."));
        let located = |location: &str| {
            let location = Some(location.to_owned());
            let response = Response { status: 302, location, ..Response::default() };
            let (module, job_id) = (ModuleName::parse("Leads").unwrap(), JobId::parse("4711").unwrap());
            let api = &BaseUrl::parse("https://www.zohoapis.com").unwrap();
            let job = JobName { module: &module, job_id: &job_id };
            let request = StatusRequest {
                job,
                api,
                data_center: "us",
                environment: "production",
                are_credits_used_up: false,
                is_token_renewable: true,
            };
            read(&response, &request).unwrap_err().error.message().to_owned()
        };
        assert!(located("https://login.corp.test").contains("(HTTP 302) to https://login.corp.test: no token"));
    }

    #[test]
    fn the_documented_response() {
        let body = r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}"#;
        let status = Status {
            state: State::Completed,
            text: "COMPLETED".to_owned(),
            total: Some(9),
            deleted: Some(9),
            failed: Some(0),
            http_status: 200,
        };
        assert_eq!(read_body(200, body).unwrap(), status);
    }

    #[test]
    fn every_state() {
        for (text, state) in [
            ("SCHEDULED", State::Scheduled),
            ("RUNNING", State::Running),
            ("COMPLETED", State::Completed),
            ("FAILED", State::Failed),
            ("QUEUED", State::Queued),
            ("SUSPENDED", State::Suspended),
            ("Completed", State::Completed),
            (" running ", State::Running),
            ("PAUSED", State::Unknown),
        ] {
            let status = read_body(200, format!(r#"{{"data":[{{"Status":"{text}"}}]}}"#)).unwrap();
            assert_eq!((status.state, &*status.text), (state, text));
            assert_eq!((status.total, status.deleted, status.failed), (None, None, None));
        }
    }

    #[test]
    fn counts() {
        let total = |count: &str| {
            read_body(200, format!(r#"{{"data":[{{"Status":"RUNNING","Total_Count":{count}}}]}}"#))
                .map(|status| status.total)
        };
        for (count, expected) in [
            ("0", Some(0)),
            ("50000", Some(50_000)),
            ("9223372036854775807", Some(i64::MAX)),
            (r#""0""#, Some(0)),
            (r#""50000""#, Some(50_000)),
            (r#""9223372036854775807""#, Some(i64::MAX)),
            ("null", None),
        ] {
            assert_eq!(total(count).unwrap(), expected, "{count}");
        }
        for count in [
            "-1",
            "-0",
            "1.5",
            "9223372036854775808",
            "18446744073709551616",
            "1e400",
            "true",
            "[]",
            "{}",
            r#""""#,
            r#""-1""#,
            r#""+1""#,
            r#"" 1""#,
            r#""1.0""#,
            r#""nine""#,
            r#""9223372036854775808""#,
        ] {
            assert_eq!(total(count).expect_err(count).kind(), ErrorKind::BadResponse, "{count}");
        }
    }

    #[test]
    fn errors_by_http_status_and_code() {
        for (http_status, code, expected) in [
            (204, "", ErrorKind::JobNotFound),
            (404, "", ErrorKind::JobNotFound),
            (404, "NOT_FOUND", ErrorKind::JobNotFound),
            (404, "INVALID_URL_PATTERN", ErrorKind::Api),
            (400, "INVALID_MODULE", ErrorKind::InvalidModule),
            (400, "INVALID_DATA", ErrorKind::Api),
            (400, "REQUIRED_PARAM_MISSING", ErrorKind::Api),
            (400, "", ErrorKind::Api),
            (401, "INVALID_TOKEN", ErrorKind::Unauthorized),
            (401, "INVALID_OAUTHTOKEN", ErrorKind::Unauthorized),
            (401, "AUTHENTICATION_FAILURE", ErrorKind::Unauthorized),
            (401, "", ErrorKind::Unauthorized),
            (401, "OAUTH_SCOPE_MISMATCH", ErrorKind::Scope),
            (403, "NO_PERMISSION", ErrorKind::Forbidden),
            (403, "CRMPLUS_TRIAL_EXPIRED", ErrorKind::Forbidden),
            (403, "", ErrorKind::Forbidden),
            (405, "INVALID_REQUEST_METHOD", ErrorKind::Api),
            (407, "", ErrorKind::Proxy),
            (429, "TOO_MANY_REQUESTS", ErrorKind::RateLimited),
            (429, "", ErrorKind::RateLimited),
            (500, "INTERNAL_ERROR", ErrorKind::Server),
            (503, "", ErrorKind::Server),
            // A known code takes precedence over the HTTP status.
            (400, "INTERNAL_SERVER_ERROR", ErrorKind::Server),
            (400, "SERVICE_UNAVAILABLE", ErrorKind::Server),
            (400, "RATE_LIMIT_EXCEEDED", ErrorKind::RateLimited),
            (400, "AUTHORIZATION_FAILED", ErrorKind::Forbidden),
            (403, "INVALID_TOKEN", ErrorKind::Unauthorized),
            (403, "OAUTH_SCOPE_MISMATCH", ErrorKind::Scope),
            (401, "NO_PERMISSION", ErrorKind::Forbidden),
            (500, "INVALID_MODULE", ErrorKind::InvalidModule),
            // From the vendor's OpenAPI specification of 2026.
            (401, "AUTHENTICATION_FAILED", ErrorKind::Unauthorized),
            (400, "INVALID_OAUTHSCOPE", ErrorKind::Scope),
            (401, "PERMISSION_DENIED", ErrorKind::Forbidden),
            (401, "AUTHORIZATION_ERROR", ErrorKind::Forbidden),
            (400, "FEATURE_NOT_ENABLED", ErrorKind::Forbidden),
            (400, "FEATURE_NOT_SUPPORTED", ErrorKind::Forbidden),
            (400, "LICENSE_LIMIT_EXCEEDED", ErrorKind::Forbidden),
            (400, "API_NOT_SUPPORTED", ErrorKind::Forbidden),
            (400, "CRM_TRIAL_EXPIRED", ErrorKind::Forbidden),
            (400, "NOT_SUPPORTED", ErrorKind::InvalidModule),
            (400, "UNABLE_TO_PARSE_DATA_TYPE", ErrorKind::JobNotFound),
            (400, "INVALID_HOST", ErrorKind::Api),
            (400, "MANDATORY_NOT_FOUND", ErrorKind::Api),
            // A limit of other calls.
            (429, "LIMIT_EXCEEDED", ErrorKind::Api),
        ] {
            let body = if code.is_empty() { String::new() } else { error_body(code) };
            let error = read_body(http_status, &body).unwrap_err();
            assert_eq!((error.kind(), error.code(), error.http_status()), (expected, code, http_status));
            if !code.is_empty() {
                assert!(error.message().contains("no words"), "{error}");
                let in_data = format!(r#"{{"data":[{body}]}}"#);
                assert_eq!(read_body(http_status, in_data).unwrap_err(), error);
            }
        }
    }

    fn failure(http_status: u16, body: &str, credits_remaining: Option<u64>) -> Failure {
        failure_after(false, http_status, body, credits_remaining)
    }

    fn failure_after(
        are_credits_used_up: bool,
        http_status: u16,
        body: &str,
        credits_remaining: Option<u64>,
    ) -> Failure {
        let (module, job_id) = (ModuleName::parse("Sales_Orders").unwrap(), JobId::parse("4711").unwrap());
        let response = Response { status: http_status, body: body.into(), credits_remaining, ..Response::default() };
        let request = StatusRequest {
            job: JobName { module: &module, job_id: &job_id },
            api: &BaseUrl::parse("https://sandbox.zohoapis.eu").unwrap(),
            data_center: "eu",
            environment: "sandbox",
            are_credits_used_up,
            is_token_renewable: true,
        };
        read(&response, &request).unwrap_err()
    }

    #[test]
    fn a_rate_limit_is_that_of_calls_in_flight_or_of_credits() {
        let documented = error_body("TOO_MANY_REQUESTS");
        let older = r#"{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"API call limit of the last 24 hours"}"#;
        let older_for_calls = r#"{"code":429,"error":"TOO_MANY_REQUESTS","error_info":"too many calls at once"}"#;
        for (body, credits_remaining, is_used_up) in [
            (&*documented, None, false),
            (&*documented, Some(1), false),
            (&*documented, Some(0), true),
            (older, None, true),
            (older_for_calls, None, false),
            (r#"{"code":"TOO_MANY_REQUESTS","message":"exceeded the credits","status":"error"}"#, None, true),
        ] {
            let Failure { error, retry } = failure(429, body, credits_remaining);
            assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, "TOO_MANY_REQUESTS"), "{body}");
            assert_eq!(error.is_quota_used_up(), is_used_up, "{body}");
            assert_eq!(retry, if is_used_up { Retry::Never } else { Retry::BackOff }, "{body}");
            let words = if is_used_up {
                "the API credits of the organization are used up ("
            } else {
                "too many calls of the org"
            };
            assert!(error.message().starts_with(words) && error.is_transient(), "{error}");
        }
        // What the service said before counts where it says nothing now.
        for (credits_remaining, is_used_up) in [(None, true), (Some(7), false)] {
            let error = failure_after(true, 429, &documented, credits_remaining).error;
            assert_eq!(error.is_quota_used_up(), is_used_up, "{error}");
        }
        // That of a gateway has no word of Zoho's.
        let gateway = failure(429, r#"{"code":429,"error":"Too Many Requests"}"#, None).error;
        assert!(gateway.message().starts_with("a proxy or gateway"), "{gateway}");
    }

    #[test]
    fn the_front_end_limits_requests_in_its_own_words() {
        for (http_status, body, words) in [
            (200, r#"{"response":"error","cause":"throttles_limit_exceeded"}"#, "throttles_limit_exceeded"),
            (400, r#"{"error":{"title":"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"}}"#, "URL_ROLLING_THROTTLES_LIMIT"),
            (400, r#"{"error":"Access Denied","status":"failure"}"#, "Access Denied"),
            (500, r#"{"code":"INTERNAL_ERROR","message":"URL_FIXED_THROTTLES_LIMIT_EXCEEDED"}"#, "INTERNAL_ERROR"),
        ] {
            let Failure { error, retry } = failure(http_status, body, None);
            assert_eq!((error.kind(), retry), (ErrorKind::RateLimited, Retry::BackOff), "{body}");
            let begin = format!("Zoho received too many requests (HTTP {http_status}, ");
            assert!(error.message().starts_with(&begin) && error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        for (code, permissions, words) in [
            (
                "NO_PERMISSION",
                r#"["Crm_Implied_Api_Access"]"#,
                "permission Zoho CRM API Access (Setup, Security Control",
            ),
            (
                "NO_PERMISSION",
                r#"["Crm_Implied_Mass_Delete_Sales_Orders"]"#,
                "permission to mass-delete Sales_Orders (",
            ),
            ("NO_PERMISSION", r#"["Crm_Implied_View_Leads", 7]"#, ": Crm_Implied_View_Leads is missing; ask"),
            (
                "NO_PERMISSION",
                r#"["1000.0123456789abcdef0123456789abcdef"]"#,
                "): ask the organization's administrator",
            ),
            ("NO_PERMISSION", "[]", "the IP addresses that the organization allows"),
            ("LICENSE_LIMIT_EXCEEDED", "[]", "the edition of the organization"),
        ] {
            let body = format!(
                r#"{{"code":"{code}","details":{{"permissions":{permissions}}},"message":"no","status":"error"}}"#
            );
            let error = failure(403, &body, None).error;
            assert!(error.kind() == ErrorKind::Forbidden && error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn some_codes_have_hints_of_their_own() {
        for (code, words) in [
            ("NOT_SUPPORTED", "Zoho cannot mass-delete records of Sales_Orders ("),
            ("INVALID_HOST", ": check api_domain, data_center and environment"),
            ("INVALID_URL_PATTERN", ": check api_version, as mass deletes exist from v4 on"),
            ("LIMIT_EXCEEDED", "which is not that of polling"),
            ("INVALID_TOKEN", "another data center than eu or another environment than sandbox (https://sandbox."),
            ("OAUTH_SCOPE_MISMATCH", "ZohoCRM.mass_delete.salesorders.READ"),
        ] {
            let error = failure(400, &error_body(code), None).error;
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn errors_that_come_with_http_200() {
        for (code, expected) in [
            ("INVALID_TOKEN", ErrorKind::Unauthorized),
            ("INVALID_OAUTHTOKEN", ErrorKind::Unauthorized),
            ("AUTHENTICATION_FAILURE", ErrorKind::Unauthorized),
            ("OAUTH_SCOPE_MISMATCH", ErrorKind::Scope),
            ("NO_PERMISSION", ErrorKind::Forbidden),
            ("INVALID_MODULE", ErrorKind::InvalidModule),
            ("NOT_FOUND", ErrorKind::JobNotFound),
            ("TOO_MANY_REQUESTS", ErrorKind::RateLimited),
            ("INTERNAL_ERROR", ErrorKind::Server),
            ("SOMETHING_NEW", ErrorKind::Api),
        ] {
            for body in [error_body(code), format!(r#"{{"data":[{}]}}"#, error_body(code))] {
                let error = read_body(200, body).unwrap_err();
                assert_eq!((error.kind(), error.code(), error.http_status()), (expected, code, 200));
            }
        }
    }

    #[test]
    fn invalid_data_is_about_the_job_only_where_it_says_so() {
        let body = |details: &str, message: &str| {
            format!(r#"{{"code":"INVALID_DATA","details":{details},"message":"{message}","status":"error"}}"#)
        };
        for body in [
            body(r#"{"param":"job_id"}"#, "invalid data"),
            body(r#"{"api_name":"Job_Id"}"#, "invalid data"),
            body("{}", "the job id given seems to be invalid"),
            body("{}", "4711 is invalid"),
        ] {
            assert_eq!(kind(400, body), ErrorKind::JobNotFound);
        }
        assert_eq!(kind(400, body(r#"{"param":"cvid"}"#, "invalid data")), ErrorKind::Api);
    }

    #[test]
    fn no_rows_are_no_job() {
        assert_eq!(kind(200, r#"{"data":[]}"#), ErrorKind::JobNotFound);
    }

    #[test]
    fn status_and_status_are_two_things() {
        let status = read_body(200, r#"{"data":[{"Status":"RUNNING","status":"success"}]}"#).unwrap();
        assert_eq!(status.state, State::Running);
        assert_eq!(kind(200, r#"{"data":[{"status":"RUNNING"}]}"#), ErrorKind::BadResponse);
        assert_eq!(kind(200, r#"{"data":[{"Status":"RUNNING","status":"error","code":"X"}]}"#), ErrorKind::Api);
    }

    #[test]
    fn what_is_not_the_documented_json_is_a_bad_response() {
        let deep = format!(r#"{{"data":{}"#, "[".repeat(100_000));
        for body in [
            "",
            " \r\n",
            "null",
            "0",
            "\"COMPLETED\"",
            "[]",
            "{}",
            "{",
            r#"{"data""#,
            r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Del"#,
            r#"{"data":[{"Status":"COMPLETED"}]} {}"#,
            r#"{"data":null}"#,
            r#"{"data":{}}"#,
            r#"{"data":[null]}"#,
            r#"{"data":[[]]}"#,
            r#"{"data":[{}]}"#,
            r#"{"data":[{"Status":""}]}"#,
            r#"{"data":[{"Status":7}]}"#,
            r#"{"data":[{"Status":null}]}"#,
            r#"{"data":[{"Status":"RUNNING","Status":"COMPLETED"}]}"#,
            r#"{"data":[{"Status":"RUNNING","Total_Count":1,"Total_Count":2}]}"#,
            r#"{"data":[],"data":[{"Status":"RUNNING"}]}"#,
            // serde's derived code takes an array of the values of the members.
            r#"[[["COMPLETED",9,9,0]]]"#,
            r#"{"data":[["COMPLETED",9,9,0]]}"#,
            r#"[[{"Status":"COMPLETED"}],null,null,null,null]"#,
            "<html><body>It works!</body></html>",
            &deep,
        ] {
            let error = read_body(200, body).expect_err(body);
            assert_eq!((error.kind(), error.code(), error.http_status()), (ErrorKind::BadResponse, "", 200), "{body}");
        }
        assert_eq!(kind(302, ""), ErrorKind::BadResponse);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(read_body(200, "\u{feff}{\"data\":[{\"Status\":\"FAILED\"}]}").unwrap().state, State::Failed);
    }

    #[test]
    fn another_charset_is_read_as_far_as_it_goes() {
        let latin1 = b"{\"code\":\"NO_PERMISSION\",\"message\":\"acc\xe8s refus\xe9\",\"status\":\"error\"}";
        assert_eq!(kind(403, latin1), ErrorKind::Forbidden);
        let utf16: Vec<u8> = "\u{feff}{\"data\":[]}".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        assert_eq!(kind(200, utf16), ErrorKind::BadResponse);
    }

    #[test]
    fn an_html_page_is_named_as_such() {
        let error = read_body(502, "<html>\n<body>Bad Gateway</body></html>").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(
            error.message().contains("the page \"Bad Gateway\"") && !error.message().contains("Zoho failed"),
            "{error}"
        );
    }

    #[test]
    fn a_gateways_verdict_is_not_zohos() {
        let kong = r#"{"message":"no Route matched with those values"}"#;
        let spring = r#"{"timestamp":"2026-01-01","status":404,"error":"Not Found","path":"/crm"}"#;
        let number = r#"{"code":404,"message":"not found"}"#;
        for body in ["<html><title>404 Not Found</title></html>", "Unauthorized", kong, spring, number] {
            for http_status in [400, 401, 403, 404, 405] {
                let error = read_body(http_status, body).unwrap_err();
                assert_eq!((error.kind(), error.http_status()), (ErrorKind::BadResponse, http_status), "{body}");
                assert!(error.message().contains(crate::http::page::INTERMEDIARY), "{error}");
                assert!(!error.message().contains("Zoho "), "{error}");
            }
            assert_eq!(kind(429, body), ErrorKind::RateLimited);
            assert_eq!(kind(503, body), ErrorKind::Server);
        }
    }

    #[test]
    fn the_scope_for_one_module_is_named() {
        let error = read_body(401, error_body("OAUTH_SCOPE_MISMATCH")).unwrap_err();
        assert!(error.message().contains("ZohoCRM.mass_delete.leads.READ"), "{error}");
    }

    #[test]
    fn unknown_members_and_further_rows_are_passed_over() {
        let body = r#"{"data":[{"Status":"RUNNING","New":{"a":[1]}},{"Status":7}],"info":{"count":1}}"#;
        assert_eq!(read_body(200, body).unwrap().state, State::Running);
    }

    #[test]
    fn a_status_counts_only_in_a_successful_response() {
        let body = r#"{"data":[{"Status":"COMPLETED"}]}"#;
        assert!(read_body(202, body).is_ok());
        for http_status in [199, 204, 300, 404, 500] {
            assert!(read_body(http_status, body).is_err(), "{http_status}");
        }
        let page = read_body(429, "<h1>Slow down").unwrap_err();
        assert!(
            page.message().starts_with("a proxy or gateway received too many requests (HTTP 429): the page"),
            "{page}"
        );
        for (body, words) in [(r#"{"data":5}"#, "an array"), (r#"{"data":[{"Total_Count":[]}]}"#, "a count")] {
            let error = read_body(200, body).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn a_timeout_of_the_server_and_its_like_are_transient() {
        for http_status in [408, 421, 425] {
            for body in ["", "<title>Request Timeout</title>", &error_body("")] {
                let error = read_body(http_status, body).unwrap_err();
                assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Server, true), "{http_status} {body}");
            }
        }
    }

    #[test]
    fn each_kind_of_error_says_what_to_do() {
        for (http_status, words) in [
            (401, "Zoho refused the access token (HTTP 401"),
            (403, "ask the organization's administrator"),
            (404, "Zoho has no job 4711 of Leads (HTTP 404"),
            (429, "lower max_concurrency"),
            (500, "Zoho failed to process the request for job 4711 of Leads"),
            (407, "it requires other credentials in the setting proxy"),
            (405, "Zoho returned an error for job 4711 of Leads"),
        ] {
            let error = read_body(http_status, error_body("")).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
        let error = read_body(400, error_body("INVALID_MODULE")).unwrap_err();
        assert!(error.message().starts_with("Zoho has no module Leads ("), "{error}");
    }
}
