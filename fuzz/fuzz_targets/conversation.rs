//! Whole HTTP conversations: any bytes as responses, over connections that are kept.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{Server, TOKEN, client, query};

fuzz_target!(|responses: Vec<Vec<u8>>| {
    Server::start().play(responses.iter().take(3).cloned());
    let client = client(&[("access_token", TOKEN), ("max_retries", "1")]).unwrap();
    for _ in 0..2 {
        let _ = query(&client);
    }
});
