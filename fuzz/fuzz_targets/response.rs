//! The body of a response, under any HTTP status: it is parsed or an error, and its counts are what a C program can take.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{Server, TOKEN, client, http, query};

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    Server::start().play([http(200 + status % 400, body)]);
    if let Ok(status) = query(&client(&[("access_token", TOKEN)]).unwrap()) {
        assert!([status.total, status.deleted, status.failed].iter().flatten().all(|count| *count >= 0), "{status:?}");
    }
});
