//! Which API a token is sent to: what the accounts server names in `api_domain`, as far as it is believed.
//!
//! The name is that of the account's data center. It need not be that of the environment: for a grant of a sandbox the
//! production host was observed, and the vendor's SDKs (v8) have a switch for that. So an environment that the user has set
//! counts.

use crate::config::{Config, Source};
use crate::endpoint::{BaseUrl, DataCenter, Environment};

/// What decides about an `api_domain`.
pub(super) struct ApiRule {
    accounts: BaseUrl,
    /// The API of the setting `api_domain`, which no response overrides.
    fixed: Option<BaseUrl>,
    /// The setting, if it was set.
    environment: Option<Environment>,
    /// The setting, if it was set.
    data_center: Option<DataCenter>,
}

/// The API that a token is for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct NamedApi {
    /// `None`: the one of the settings.
    pub base: Option<BaseUrl>,
    /// Where the response and the settings differ, for people.
    pub conflict: Option<String>,
}

impl ApiRule {
    pub(super) fn new(config: &Config) -> ApiRule {
        let is_set = |key: &str| config.source(key) != Source::Default;
        ApiRule {
            accounts: config.accounts_url(),
            fixed: config.api_domain.clone(),
            environment: is_set("environment").then_some(config.environment),
            data_center: is_set("data_center").then_some(config.data_center),
        }
    }

    /// The API to use if the accounts server names this one. The error says why it is not believed.
    pub(super) fn apply(&self, named: Option<&str>) -> Result<NamedApi, String> {
        let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(NamedApi::default()) };
        let parsed = BaseUrl::parse(named);
        if let Some(fixed) = &self.fixed {
            let differs = parsed.filter(|named| named != fixed);
            let conflict =
                differs.map(|named| format!("the accounts server names the API {named}; api_domain is {fixed}"));
            return Ok(NamedApi { base: None, conflict });
        }
        let named = parsed.ok_or_else(|| "it names an API that is not a base URL".to_owned())?;
        let of_zoho = named.data_center();
        if self.accounts.is_of_zoho_accounts() && of_zoho.is_none_or(|(data_center, _)| data_center.is_none()) {
            return Err(format!("it names the API {named}, which is not one of Zoho"));
        }
        if !named.is_https() && !self.accounts.is_loopback() {
            return Err(format!("it names the API {named}, which has no TLS"));
        }
        let conflict = match (of_zoho, self.data_center) {
            (Some((Some(theirs), _)), Some(ours)) if theirs != ours => {
                Some(format!("the account is in the data center {}, and data_center is {}", theirs.name, ours.name))
            }
            _ => None,
        };
        let Some(environment) = self.environment else { return Ok(NamedApi { base: Some(named), conflict }) };
        let Some(ours) = named.in_environment(environment).filter(|ours| *ours != named) else {
            return Ok(NamedApi { base: Some(named), conflict });
        };
        let differs =
            format!("the accounts server names the API {named}; environment is {}: {ours} is used", environment.name);
        let conflict = conflict.map_or(differs.clone(), |conflict| format!("{conflict}; {differs}"));
        Ok(NamedApi { base: Some(ours), conflict: Some(conflict) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(settings: &[(&str, &str)]) -> ApiRule {
        let mut config = Config::new();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        ApiRule::new(&config)
    }

    fn base(settings: &[(&str, &str)], named: &str) -> Result<(Option<String>, bool), String> {
        let api = rule(settings).apply(Some(named))?;
        Ok((api.base.map(|base| base.to_string()), api.conflict.is_some()))
    }

    #[test]
    fn zohos_accounts_servers_name_apis_of_zoho_only() {
        for (named, domain) in [("https://www.zohoapis.eu", "eu"), ("https://sandbox.zohoapis.com.cn", "com.cn")] {
            assert_eq!(base(&[], named), Ok((Some(named.to_owned()), false)), "{domain}");
        }
        for evil in [
            "https://evil.test",
            "https://www.zohoapis.evil.test",
            "https://www.zohoapis.tk",
            "https://evil.zohoapis.com.evil.test",
            "https://evil.zohoapis.eu",
            "https://www.zohoapis.eu:8443",
            "https://www.zohoapis.eu/path",
            "http://127.0.0.1:8080",
            "http://localhost",
        ] {
            let error = base(&[], evil).expect_err(evil);
            assert_eq!(error, format!("it names the API {evil}, which is not one of Zoho"));
        }
        for bad in ["nonsense", "http://www.zohoapis.eu", "https://user@evil.test"] {
            assert_eq!(base(&[], bad), Err("it names an API that is not a base URL".to_owned()));
        }
        assert_eq!(base(&[], ""), Ok((None, false)));
        assert_eq!(rule(&[]).apply(None), Ok(NamedApi::default()));
    }

    #[test]
    fn another_accounts_server_names_what_it_likes_but_no_clear_text() {
        let gateway = [("accounts_url", "https://gateway.example")];
        assert_eq!(
            base(&gateway, "https://gateway.example/crm"),
            Ok((Some("https://gateway.example/crm".to_owned()), false))
        );
        let error = base(&gateway, "http://127.0.0.1:1").unwrap_err();
        assert_eq!(error, "it names the API http://127.0.0.1:1, which has no TLS");
        let local = [("accounts_url", "http://127.0.0.1:1")];
        assert_eq!(base(&local, "http://127.0.0.1:2"), Ok((Some("http://127.0.0.1:2".to_owned()), false)));
        // A data center that this version does not know.
        let new = [("accounts_url", "https://accounts.zoho.xy"), ("environment", "sandbox")];
        assert_eq!(base(&new, "https://www.zohoapis.xy"), Ok((Some("https://sandbox.zohoapis.xy".to_owned()), true)));
    }

    #[test]
    fn an_environment_that_was_set_counts() {
        for (environment, named, used) in [
            ("sandbox", "https://www.zohoapis.eu", "https://sandbox.zohoapis.eu"),
            ("developer", "https://www.zohoapis.com.au", "https://developer.zohoapis.com.au"),
            ("production", "https://sandbox.zohoapis.eu", "https://www.zohoapis.eu"),
            ("sandbox", "https://sandbox.zohoapis.eu", "https://sandbox.zohoapis.eu"),
        ] {
            assert_eq!(base(&[("environment", environment)], named), Ok((Some(used.to_owned()), named != used)));
        }
    }

    #[test]
    fn a_conflict_with_a_setting_is_named() {
        let conflict = |settings: &[(&str, &str)], named| rule(settings).apply(Some(named)).unwrap().conflict.unwrap();
        let other = conflict(&[("data_center", "us")], "https://www.zohoapis.eu");
        assert_eq!(other, "the account is in the data center eu, and data_center is us");
        let fixed = [("api_domain", "https://gateway.example")];
        assert_eq!(
            conflict(&fixed, "https://www.zohoapis.eu"),
            "the accounts server names the API https://www.zohoapis.eu; api_domain is https://gateway.example"
        );
        // What is not believed does not matter then.
        assert_eq!(base(&fixed, "nonsense"), Ok((None, false)));
        let both = conflict(&[("data_center", "us"), ("environment", "sandbox")], "https://www.zohoapis.eu");
        assert!(
            both.contains("data_center is us; the accounts server")
                && both.ends_with("https://sandbox.zohoapis.eu is used"),
            "{both}"
        );
    }
}
