//! Any bytes as token cache: a call gets a token all the same, and a file that is not a cache stays as it is.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::ErrorKind;
use zmd_fuzz::{Server, client, file, http, query};

fuzz_target!(|bytes: &[u8]| {
    let server = Server::start();
    // Both requests have this response.
    let body = br#"{"access_token":"1000.made","expires_in":3600,"data":[{"Status":"COMPLETED","Total_Count":1}]}"#;
    server.play([http(200, body), http(200, body)]);
    let path = file("tokens", bytes);
    let credentials = [
        ("accounts_url", &*server.url),
        ("refresh_token", "1000.refreshrefresh"),
        ("client_id", "1000.ID"),
        ("client_secret", "secretsecret"),
        ("token_cache", path.to_str().unwrap()),
    ];
    // On a busy machine the call, or the server's patience, may end before.
    if let Err(error) = query(&client(&credentials).unwrap()) {
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Network), "{error}");
    }
    let now = std::fs::read(&path).unwrap();
    assert!(now == bytes || now.starts_with(b"{\"zmd_token_cache\":1,"));
});
