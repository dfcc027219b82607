//! The proxies of the environment, and any list of hosts that go without one.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::{Client, Config};
use zmd_fuzz::{TOKEN, check};

fuzz_target!(|input: (&str, &str, &str)| {
    let (proxy, list, host) = input;
    let set = |name: &str, value: &str| {
        if !value.contains('\0') {
            // SAFETY: this target has one thread: no client of it asks anything.
            unsafe { std::env::set_var(name, value) };
        }
    };
    set("HTTPS_PROXY", proxy);
    set("NO_PROXY", list);
    let mut config = Config::new();
    config.set("access_token", TOKEN).unwrap();
    if config.set("api_domain", &format!("https://{host}")).is_ok()
        && let Err(error) = Client::new(&config)
    {
        check(&error);
    }
});
