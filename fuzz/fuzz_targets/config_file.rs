//! Any text as configuration file: settings, or an error that names the file and shows no secret.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::Config;
use zmd_fuzz::{check, file};

fuzz_target!(|input: (&[u8], &str)| {
    let (bytes, profile) = input;
    let path = file("config.toml", bytes);
    let mut config = Config::new();
    for profile in [None, Some(profile)] {
        if let Err(error) = config.load_file(Some(&path), profile) {
            check(&error);
            assert!(error.message().contains("config.toml"), "{error}");
        }
    }
});
