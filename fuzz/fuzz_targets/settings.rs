//! Any keys and values; what is accepted creates a client, or an error names what is missing.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::{Client, Config, SETTINGS};
use zmd_fuzz::check;

fuzz_target!(|pairs: Vec<(u8, &str)>| {
    let mut config = Config::new();
    for (key, value) in pairs.iter().take(30) {
        let key = SETTINGS.get(usize::from(*key)).map_or("no_such_key", |setting| setting.key);
        // Files are for other targets, and directories of the machine are not to be written to.
        if key.ends_with("file") || key.ends_with("cert") || key.ends_with("key") || key == "token_cache" {
            continue;
        }
        if let Err(error) = config.set(key, value) {
            check(&error);
        }
    }
    if let Err(error) = Client::new(&config) {
        check(&error);
    }
});
