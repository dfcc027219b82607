//! When a server wants to be asked again, by its own clock: such a pause never lasts longer than the call.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{Server, TOKEN, client, query};

fuzz_target!(|input: (bool, &str, &str)| {
    let (limited, after, date) = input;
    let line = |text: &str| text.replace(['\r', '\n'], " ");
    let status = if limited { 429 } else { 503 };
    let response = format!(
        "HTTP/1.1 {status} X\r\nRetry-After: {}\r\nDate: {}\r\nContent-Length: 0\r\n\r\n",
        line(after),
        line(date)
    );
    Server::start().play([response.into_bytes(), b"HTTP/1.1 204 X\r\n\r\n".to_vec()]);
    let error = query(&client(&[("access_token", TOKEN), ("max_retries", "1"), ("timeout_ms", "20")]).unwrap());
    assert!(error.is_err());
});
