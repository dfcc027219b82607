//! `zmd profiles` and `zmd logout`: what is in the configuration file, and how to remove credentials from it.

use std::path::Path;

use anstyle::Style;
use zmd_core::DEFAULT_PROFILE;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::login;
use crate::profile_file::{CREDENTIALS, ProfileFile};
use crate::terminal::{Output, note, paint, plain, stdout_is_colored};

/// A line for each profile; a `*` is in front of the one that is used.
pub fn list(global: &Global) -> Result<Exit, Failure> {
    let file = ProfileFile::read(global)?;
    let used = global.profile().unwrap_or(DEFAULT_PROFILE);
    let profiles = file.profiles();
    let width = profiles.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0);
    let mut out = Output::new();
    for profile in &profiles {
        let mark = if *profile == used { "*" } else { " " };
        let name = console::pad_str(&plain(profile), width, console::Alignment::Left, None).into_owned();
        let setting =
            |key: &str, default: &str| file.get(profile, key).map_or(default.to_owned(), |value| plain(&value));
        let what = login::describe(&file, profile).unwrap_or_else(|| "no credentials".to_owned());
        out.line(&format!(
            "{mark} {}  {}, {}, {what}",
            paint(&name, Style::new().bold(), stdout_is_colored()),
            setting("data_center", "us"),
            setting("environment", "production"),
        ))?;
    }
    out.finish()?;
    let path = file.path.display();
    if profiles.is_empty() {
        note(&format!("{path} has no profile: zmd login makes one"));
    } else if !profiles.contains(&used) {
        note(&format!("{path} has no profile {}, which is the one to use", plain(used)));
    }
    for key in CREDENTIALS {
        let variable = format!("ZMD_{}", key.to_uppercase());
        if std::env::var_os(&variable).is_some_and(|value| !value.is_empty()) {
            note(&format!("{variable} is set, and counts more than {key} of the profile"));
        }
    }
    Ok(Exit::Deleted)
}

/// Removes the credentials of the profile, and its cached access tokens.
pub fn logout(global: &Global) -> Result<Exit, Failure> {
    let mut file = ProfileFile::read(global)?;
    let profile = global.profile().unwrap_or(DEFAULT_PROFILE);
    let cache = file.get(profile, "token_cache");
    let own_cache = login::token_cache(&file, profile);
    let path = file.path.display().to_string();
    if !file.remove_credentials(profile) {
        return Err(format!("the profile {} of {path} has no credentials", plain(profile)).into());
    }
    file.write()?;
    // Another one may be shared with other profiles.
    if cache.is_some_and(|cache| Path::new(&*cache) == own_cache) {
        let _ = std::fs::remove_file(&own_cache);
    }
    note(&format!(
        "The credentials of the profile {} are removed from {path}. To revoke the refresh token, remove the client in Zoho's \
         API console.",
        plain(profile)
    ));
    Ok(Exit::Deleted)
}
