//! What a proxy responses to CONNECT or SOCKS, and what comes through it.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{Server, TOKEN, client, query};

fuzz_target!(|input: (u8, bool, Vec<Vec<u8>>)| {
    let (scheme, has_login, responses) = input;
    let server = Server::start();
    server.play(responses.iter().take(5).cloned());
    let place = server.url.trim_start_matches("http://");
    let scheme = ["http", "socks5", "socks5h"][usize::from(scheme) % 3];
    let proxy = format!("{scheme}://{}{place}", if has_login { "user:passwordpassword@" } else { "" });
    let settings = [("access_token", TOKEN), ("api_domain", "https://192.0.2.1"), ("proxy", &*proxy)];
    let error = query(&client(&settings).unwrap()).unwrap_err();
    assert!(!error.message().contains("passwordpassword"), "{error}");
});
