//! Any bytes as ca_file, extra_ca_file, client_cert and client_key.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{TOKEN, check, client, file};

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (key, first, second) = input;
    let (first, second) = (file("first.pem", first), file("second.pem", second));
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let settings = match key % 3 {
        0 => vec![("ca_file", first)],
        1 => vec![("ca_file", first), ("extra_ca_file", second)],
        _ => vec![("client_cert", first), ("client_key", second)],
    };
    if let Err(error) = client(&[&[("access_token", TOKEN)], &settings[..]].concat()) {
        check(&error);
    }
});
