//! The configuration file as `login`, `logout` and `profiles` read and write it: comments and other profiles stay, and so do
//! the file's owner, group, mode and the link that leads to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};
use zeroize::Zeroizing;

use crate::args::Global;
use crate::failure::Failure;

/// What a profile's credentials are made of. What is left of others would contradict the new ones.
pub const CREDENTIALS: &[&str] = &["access_token", "refresh_token", "client_id", "client_secret", "org_id"];

/// So many links lead to a file at most.
const MOST_LINKS: usize = 16;

pub struct ProfileFile {
    /// The file itself, no link.
    pub path: PathBuf,
    /// Whether it is the one that is read without `--config`.
    pub is_usual: bool,
    document: DocumentMut,
}

impl ProfileFile {
    /// Reads the file, which may not exist yet.
    pub fn read(global: &Global) -> Result<ProfileFile, Failure> {
        let named = global.config_file().map(Path::to_owned);
        let path = named.or_else(zmd_core::config_file).ok_or_else(|| {
            let variable = if cfg!(windows) { "APPDATA" } else { "HOME" };
            format!("there is no place for the configuration file: set {variable}, or name a file with --config")
        })?;
        let is_usual = zmd_core::usual_config_file().as_ref() == Some(&path);
        let path = without_links(&path);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::new(String::new()),
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        let document = text.parse::<DocumentMut>().map_err(|error| {
            // Its Display would show the line, which may hold a secret.
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            format!("{}:{line}: {}: fix the file first", path.display(), error.message())
        })?;
        Ok(ProfileFile { path, is_usual, document })
    }

    /// The names of the profiles, in the file's order.
    pub fn profiles(&self) -> Vec<&str> {
        self.document.iter().filter(|(_, item)| item.is_table_like()).map(|(name, _)| name).collect()
    }

    /// A setting of a profile, as the settings take it.
    pub fn get(&self, profile: &str, key: &str) -> Option<Zeroizing<String>> {
        let item = self.document.get(profile)?.get(key)?;
        Some(Zeroizing::new(match item.as_str() {
            Some(text) => text.to_owned(),
            None => item.to_string().trim().to_owned(),
        }))
    }

    /// Sets the entries of a profile, in place of all credentials that it has, and the token cache if it has none.
    pub fn set(&mut self, profile: &str, entries: &[(&str, String)], token_cache: &Path) -> Result<(), Failure> {
        let item = self.document.entry(profile).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(false);
            Item::Table(table)
        });
        let table = item
            .as_table_like_mut()
            .ok_or_else(|| format!("{profile} is a value of the file, and no profile: name another with --profile"))?;
        for key in CREDENTIALS.iter().filter(|key| entries.iter().all(|(entry, _)| entry != *key)) {
            table.remove(key);
        }
        for (key, text) in entries {
            match table.get_mut(key).and_then(Item::as_value_mut) {
                // A comment behind the old value stays.
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = text.as_str().into();
                    *old.decor_mut() = decor;
                }
                None => {
                    table.insert(key, value(text.as_str()));
                }
            }
        }
        if let (false, Some(path)) = (table.contains_key("token_cache"), token_cache.to_str()) {
            table.insert("token_cache", value(path));
        }
        Ok(())
    }

    /// Removes a setting of a profile.
    pub fn remove(&mut self, profile: &str, key: &str) {
        if let Some(table) = self.document.get_mut(profile).and_then(Item::as_table_like_mut) {
            table.remove(key);
        }
    }

    /// Removes the credentials of a profile and its token cache, and the profile if nothing else is in it. Returns whether
    /// there was something to remove.
    pub fn remove_credentials(&mut self, profile: &str) -> bool {
        let Some(table) = self.document.get_mut(profile).and_then(Item::as_table_like_mut) else { return false };
        let mut has_removed = false;
        for key in CREDENTIALS.iter().chain(&["token_cache"]) {
            has_removed |= table.remove(key).is_some();
        }
        if table.is_empty() {
            self.document.remove(profile);
        }
        has_removed
    }

    /// Replaces the file atomically. A new one can be read by its owner alone, from the first byte on.
    pub fn write(&self) -> Result<(), Failure> {
        let text = Zeroizing::new(self.document.to_string());
        let failure = |error| -> Failure { format!("cannot write {}: {error}", self.path.display()).into() };
        if let Some(directory) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_private_directory(directory).map_err(failure)?;
        }
        replace(&self.path, &text).map_err(failure)
    }
}

/// Creates the directory, and those above it, for the owner alone, unless they exist.
pub fn create_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The file that a link leads to, which may not exist.
fn without_links(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // A relative one starts where the link is.
            Ok(target) => path = path.parent().map_or(target.clone(), |directory| directory.join(target)),
            Err(_) => break,
        }
    }
    path
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let written = create_like(&fresh, path).and_then(|file| {
        let Some(mut file) = file else { return Ok(false) };
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        Ok(true)
    });
    match written {
        Ok(true) => Ok(()),
        other => {
            let _ = fs::remove_file(&fresh);
            match other {
                // Its owner and group can't be given to another file: it is written in place.
                Ok(_) => OpenOptions::new().write(true).truncate(true).open(path)?.write_all(text.as_bytes()),
                Err(error) => Err(error),
            }
        }
    }
}

/// Creates a file with the owner, the group and the mode of `old`, if that exists; what lets other users read secrets, or
/// write them, is left out. `None`: this user may not do so.
fn create_like(fresh: &Path, old: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(fresh)?;
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(old) {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let new = file.metadata()?;
        let is_same = (new.uid(), new.gid()) == (metadata.uid(), metadata.gid());
        if !is_same && fchown(&file, Some(metadata.uid()), Some(metadata.gid())).is_err() {
            return Ok(None);
        }
        file.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o640))?;
    }
    #[cfg(not(unix))]
    let _ = old;
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ProfileFile {
        ProfileFile { path: PathBuf::new(), is_usual: true, document: text.parse().unwrap() }
    }

    const BEFORE: &str = "# ours\n[prod]\nclient_id = 'old' # the night's\naccess_token = 'x'\ntimeout_ms = 5\n\n[test] # a test\naccess_token = 'y'\n";

    #[test]
    fn other_profiles_and_comments_stay() {
        let mut file = file(BEFORE);
        let entries = [("client_id", "new".to_owned()), ("refresh_token", "r".to_owned())];
        assert!(file.set("prod", &entries, Path::new("/c/tokens")).is_ok());
        assert_eq!(
            file.document.to_string(),
            "# ours\n[prod]\nclient_id = \"new\" # the night's\ntimeout_ms = 5\nrefresh_token = \"r\"\n\
             token_cache = \"/c/tokens\"\n\n[test] # a test\naccess_token = 'y'\n"
        );
        assert_eq!(
            (file.profiles(), file.get("prod", "timeout_ms").as_deref().map(|text| &**text)),
            (vec!["prod", "test"], Some("5"))
        );
    }

    #[test]
    fn the_first_profile_of_a_new_file() {
        let mut file = file("");
        assert!(file.set("default", &[("client_id", "new".to_owned())], Path::new("/c/tokens")).is_ok());
        assert_eq!(file.document.to_string(), "[default]\nclient_id = \"new\"\ntoken_cache = \"/c/tokens\"\n");
    }

    #[test]
    fn a_profile_without_its_credentials() {
        let mut file = file(BEFORE);
        assert!(file.remove_credentials("prod") && file.remove_credentials("test"));
        assert!(!file.remove_credentials("prod") && !file.remove_credentials("other"));
        assert_eq!(file.document.to_string(), "# ours\n[prod]\ntimeout_ms = 5\n");
    }
}
