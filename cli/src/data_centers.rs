//! Data centers for `login` and `doctor`: those that this version knows, and others that the accounts server lists.

use zmd_core::{BaseUrl, Config, DATA_CENTERS, Error, SETTINGS, list_data_centers};

use crate::profile_file::{CREDENTIALS, ProfileFile};
use crate::terminal::plain;
use crate::variable::variable;

/// A data center, and its accounts server.
#[derive(Clone)]
pub struct Center {
    pub name: String,
    pub accounts_url: BaseUrl,
    /// Whether the setting `data_center` takes the name; otherwise `accounts_url` stands for it.
    pub is_known: bool,
}

/// The data center of this version with that name.
pub fn known(name: &str) -> Option<Center> {
    let found = DATA_CENTERS.iter().find(|center| center.name.eq_ignore_ascii_case(name))?;
    Some(Center { name: found.name.to_owned(), accounts_url: found.accounts_url(), is_known: true })
}

/// The default.
pub fn usual() -> Center {
    known(DATA_CENTERS[0].name).expect("it is in the table")
}

/// That of a profile, which stands there by its name or its accounts server.
pub fn of_profile(file: &ProfileFile, profile: &str) -> Option<Center> {
    let of_url = |url: BaseUrl| Center { name: url.host().to_owned(), accounts_url: url, is_known: false };
    accounts_url(file, profile).map(of_url).or_else(|| known(&file.get(profile, "data_center")?))
}

/// The data centers that the accounts server lists and this version does not know.
pub fn newer(config: &Config) -> Result<Vec<Center>, Error> {
    let locations = list_data_centers(config)?.into_iter().filter(|location| known(&location.name).is_none());
    let newer =
        locations.map(|location| Center { name: location.name, accounts_url: location.accounts_url, is_known: false });
    Ok(newer.collect())
}

/// One of this version, or else of the accounts server's list. The message says why there is none.
pub fn find(name: &str, config: impl FnOnce() -> Result<Config, Error>) -> Result<Center, String> {
    if let Some(center) = known(name) {
        return Ok(center);
    }
    let names = DATA_CENTERS.iter().map(|center| center.name);
    let near = zmd_core::nearest(&name.to_ascii_lowercase(), names.clone());
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    let names = names.collect::<Vec<_>>().join(", ");
    let shown = plain(name);
    match config().and_then(|config| newer(&config)) {
        Ok(newer) => newer.into_iter().find(|center| center.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            format!(
                "there is no data center {shown}: this version knows {names}, and Zoho's list has no such one{near}"
            )
        }),
        Err(error) => Err(format!(
            "this version knows the data centers {names}, but not {shown}, and Zoho's list of them can't be had: {}{near}",
            error.message()
        )),
    }
}

/// Whether a profile's `accounts_url` stands for a data center that this version does not know.
fn stands_for_one(accounts_url: &BaseUrl) -> bool {
    accounts_url.host().starts_with("accounts.zoho")
        && DATA_CENTERS.iter().all(|center| center.accounts_url().host() != accounts_url.host())
}

/// What to do if the account is in a data center that this version does not know; empty if the accounts server lists none.
pub fn advice(config: &Config) -> String {
    let newer = newer(config).unwrap_or_default();
    let each = newer.iter().map(|Center { name, accounts_url, .. }| {
        format!(
            "Zoho also has the data center {name}, which this version does not know: for an account there run zmd login \
             --data-center {name}, or set accounts_url to {accounts_url} in place of data_center"
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The settings of the connection to the service; the environment takes precedence over the profile.
pub fn network_settings(file: &ProfileFile, profile: &str) -> Result<Config, Error> {
    let mut config = Config::new();
    let is_asked =
        |key: &str| CREDENTIALS.contains(&key) || ["token_cache", "environment", "data_center"].contains(&key);
    for setting in SETTINGS.iter().filter(|setting| !is_asked(setting.key)) {
        let of_file = || file.get(profile, setting.key).filter(|_| is_used(file, profile, setting.key));
        let of_environment = variable(&format!("ZMD_{}", setting.key.to_ascii_uppercase()));
        if let Some(value) = of_environment.or_else(of_file) {
            config.set(setting.key, &value)?;
        }
    }
    Ok(config)
}

/// Whether it is no `accounts_url` in place of a data center, which is asked for.
fn is_used(file: &ProfileFile, profile: &str, key: &str) -> bool {
    key != "accounts_url" || accounts_url(file, profile).is_none()
}

/// The `accounts_url` of a profile in a data center that this version does not know.
pub fn accounts_url(file: &ProfileFile, profile: &str) -> Option<BaseUrl> {
    BaseUrl::parse(&file.get(profile, "accounts_url")?).filter(stands_for_one)
}
