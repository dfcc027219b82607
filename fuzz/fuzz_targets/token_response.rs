//! What the accounts server responses to a token request.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::ErrorKind;
use zmd_fuzz::{Server, client, http, query};

fuzz_target!(|input: (bool, &[u8])| {
    let (is_refused, body) = input;
    let server = Server::start();
    server.play([http(if is_refused { 400 } else { 200 }, body)]);
    let credentials = [
        ("accounts_url", &*server.url),
        ("refresh_token", "1000.refreshrefresh"),
        ("client_id", "1000.ID"),
        ("client_secret", "secretsecret"),
    ];
    // The same bytes are the response to the status request then, which has no secret but the token: its errors may quote any other.
    let error = query(&client(&credentials).unwrap()).err().filter(|error| error.kind() == ErrorKind::Oauth);
    assert!(error.is_none_or(|error| !error.message().contains("secretsecret")));
});
