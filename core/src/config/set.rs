//! Setting a value: by the program, or from the environment.

use zeroize::Zeroizing;

use super::settings::{SETTINGS, Setting, no_such_setting, refusal};
use super::values::{Config, Source};
use crate::error::Error;
use crate::secret::placeholder;

/// The value of an environment variable; an empty one counts as absent.
pub(crate) fn variable(name: &str) -> Result<Option<Zeroizing<String>>, Error> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    value
        .into_string()
        .map(|value| Some(Zeroizing::new(value)))
        .map_err(|_| refusal(name, "UTF-8; its value has other bytes"))
}

impl Config {
    /// Sets one setting. On failure the configuration is unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| no_such_setting(key))?;
        self.put(setting, value, Source::Explicit)
    }

    /// Sets every setting whose environment variable (`ZMD_TIMEOUT_MS`, ...) is set and not empty, except those that were
    /// set with [`Config::set`]. Fails at the first bad value; then the configuration is unchanged.
    pub fn load_env(&mut self) -> Result<(), Error> {
        let mut loaded = self.clone();
        for setting in SETTINGS {
            let name = format!("ZMD_{}", setting.key.to_ascii_uppercase());
            let Some(value) = variable(&name)? else { continue };
            loaded
                .put(setting, &value, Source::Environment(name.clone()))
                .map_err(|error| error.map_message(|message| format!("{name}: {message}")))?;
        }
        *self = loaded;
        Ok(())
    }

    /// Sets a setting unless a source that takes precedence has set it; the value is checked in any case.
    pub(crate) fn put(&mut self, setting: &Setting, value: &str, source: Source) -> Result<(), Error> {
        if setting.is_token()
            && let Some(why) = placeholder(value)
        {
            return Err(refusal(setting.key, format!("the value itself: {why}")));
        }
        let mut with = self.clone();
        (setting.set)(&mut with, value).ok_or_else(|| refusal(setting.key, (setting.takes)()))?;
        if source.rank() >= self.source(setting.key).rank() {
            let shown = if setting.is_secret(value) { "***" } else { value };
            with.origins.0.insert(setting.key, (source, shown.to_owned()));
            *self = with;
        }
        Ok(())
    }

    /// The value of a setting for display: a secret is `***`. Empty: it is not set, and there is no default.
    pub fn shown(&self, key: &str) -> String {
        let default = || SETTINGS.iter().find(|setting| setting.key == key).map_or("", |setting| setting.default);
        self.origins.0.get(key).map_or_else(|| default().to_owned(), |(_, shown)| shown.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::secret::TOKEN_LIMIT;

    #[test]
    fn every_default_in_the_table_is_the_default() {
        let defaults = format!("{:?}", Config::new());
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            let mut config = Config::new();
            config.set(setting.key, setting.default).unwrap();
            assert_eq!(format!("{config:?}"), defaults, "{}", setting.key);
        }
    }

    #[test]
    fn bad_values_are_refused_with_the_key_and_without_the_value() {
        for (key, value) in [
            ("access_token", ""),
            ("access_token", "1000.a b"),
            ("access_token", "1000.ab\n"),
            ("access_token", "1000.ab\r\nX: y"),
            ("access_token", "1000.é"),
            ("refresh_token", "1000.\t"),
            ("client_id", ""),
            ("client_secret", "1000.\u{7f}"),
            ("org_id", ""),
            ("org_id", "ZohoCRM."),
            ("org_id", "zohocrm.1"),
            ("org_id", "12a"),
            ("org_id", "123456789012345678901234567890123"),
            ("token_cache", ""),
            ("accounts_url", "http://accounts.zoho.com"),
            ("data_center", ""),
            ("data_center", "mars"),
            ("environment", "test"),
            ("api_domain", "http://www.zohoapis.com"),
            ("api_version", "7"),
            ("timeout_ms", ""),
            ("timeout_ms", "0"),
            ("timeout_ms", "-1"),
            ("timeout_ms", "+5"),
            ("timeout_ms", " 5"),
            ("timeout_ms", "5.0"),
            ("timeout_ms", "0x10"),
            ("timeout_ms", "86400001"),
            ("timeout_ms", "99999999999999999999999"),
            ("connect_timeout_ms", "0"),
            ("poll_min_ms", "0"),
            ("poll_max_ms", "3600001"),
            ("max_retries", "1001"),
            ("max_concurrency", "0"),
            ("max_concurrency", "1001"),
            ("proxy", ""),
            ("proxy", "ftp://p4ss@proxy"),
            ("proxy", "socks4://p4ss@proxy"),
            ("proxy", "http://user:p4ss@proxy:3128/path"),
            ("proxy", "http://user:p4ss@"),
            ("proxy", "http://"),
            ("proxy", "http://proxy#fragment"),
            ("proxy", "http://proxy:0"),
            ("proxy", "http://proxy:65536"),
            ("proxy", "http://proxy:port"),
            ("proxy", "http://us er:p4ss@proxy"),
            ("ca_file", ""),
        ] {
            let mut config = Config::new();
            let before = format!("{config:?}");
            let error = config.set(key, value).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().starts_with(&format!("{key} takes ")), "{error}");
            assert!(!error.message().contains("1000.") && !error.message().contains("p4ss"), "{error}");
            assert_eq!(format!("{config:?}"), before);
        }
        let error = Config::new().set("access_token", &"t".repeat(TOKEN_LIMIT + 1)).unwrap_err();
        assert!(error.message().starts_with("access_token takes "), "{error}");
    }

    #[test]
    fn what_stands_for_a_token_is_refused_with_the_reason() {
        for (key, value, why) in [
            ("access_token", "\"1000.a.b\"", "it is in quotes"),
            ("refresh_token", "None", "it is what a program writes for a value that is missing"),
            ("client_id", "$ZOHO_ID", "it is the name of a variable"),
            ("client_secret", "<secret>", "it is the place for a value"),
        ] {
            let error = Config::new().set(key, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().starts_with(&format!("{key} takes the value itself: {why}")), "{error}");
        }
    }

    #[test]
    fn good_values_are_accepted() {
        let mut config = Config::new();
        for (key, value) in [
            ("access_token", "1000.0123456789abcdef.0123456789abcdef"),
            ("data_center", "EU"),
            ("environment", "sandbox"),
            ("timeout_ms", "1"),
            ("timeout_ms", "86400000"),
            ("max_retries", "0"),
            ("max_concurrency", "100"),
            ("proxy", "none"),
            ("proxy", "proxy.example.com:3128"),
            ("proxy", "http://user:p%40ss@proxy.example.com:3128/"),
            ("proxy", "https://proxy.example.com"),
            ("proxy", "socks5://127.0.0.1:1080"),
            ("proxy", "socks5h://[::1]:1080"),
        ] {
            config.set(key, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
        }
        assert_eq!(config.api_domain().to_string(), "https://sandbox.zohoapis.eu");
        config.set("api_domain", "https://gateway.example.com/zoho").unwrap();
        assert_eq!(config.api_domain().to_string(), "https://gateway.example.com/zoho");
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_list_of_the_keys() {
        let error = Config::new().set("time_out", "5").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("'time_out'") && error.message().contains("timeout_ms"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut config = Config::new();
        for key in ["access_token", "refresh_token", "client_id", "client_secret"] {
            config.set(key, "1000.s3cret").unwrap();
        }
        config.set("proxy", "http://user:p4ss@proxy:3128").unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("p4ss"), "{shown}");
    }

    #[test]
    fn a_refusal_says_what_the_setting_takes() {
        for (key, takes) in [
            ("access_token", "1 to 4096 visible ASCII characters"),
            ("data_center", "one of us, eu, "),
            ("ca_file", "path"),
            ("timeout_ms", "a whole number from 1 to 86400000 "),
        ] {
            let error = Config::new().set(key, "").unwrap_err();
            assert!(error.message().contains(takes), "{error}");
        }
    }
}
