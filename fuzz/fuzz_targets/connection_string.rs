//! Connection strings: settings, or an error that names the pair.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::Config;
use zmd_fuzz::check;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::from_connection_string(text) {
        check(&error);
    }
});
