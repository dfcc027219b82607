//! The configuration file: a table of settings for each profile.
//!
//! ```toml
//! [default]
//! data_center = "eu"
//! refresh_token = "1000.xxxx.yyyy"
//! client_id = "1000.XXXX"
//! client_secret = "xxxx"
//!
//! [sandbox]
//! environment = "sandbox"
//! timeout_ms = 60000
//! ```

use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::set;
use super::settings::{SETTINGS, no_such_setting};
use super::values::{Config, Source};
use crate::error::{Error, ErrorKind, one_line};
use crate::file::{check_own, content, open};

/// The profile that is read if none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// The variables that name the file and the profile.
const FILE_VARIABLE: &str = "ZMD_CONFIG_FILE";
const PROFILE_VARIABLE: &str = "ZMD_PROFILE";

/// Larger than a file with thousands of profiles.
const SIZE_LIMIT: u64 = 1 << 20;

impl Config {
    /// Reads the environment (see [`load_env`](Config::load_env)) and the configuration file, if it exists (see
    /// [`load_file`](Config::load_file)): for programs that have no settings of their own.
    pub fn from_env() -> Result<Config, Error> {
        let mut config = Config::new();
        config.load_env()?;
        config.load_file(None, None)?;
        Ok(config)
    }

    /// Sets the settings of a profile of the configuration file, except those that were set with [`Config::set`] or by the
    /// environment. On failure the configuration is unchanged.
    ///
    /// The default for `path` is the environment variable `ZMD_CONFIG_FILE`, or else [`usual_config_file`]; that for
    /// `profile` is `ZMD_PROFILE`, or else `default`. If neither a file nor a profile is named, it need not exist.
    pub fn load_file(&mut self, path: Option<&Path>, profile: Option<&str>) -> Result<(), Error> {
        let named_path = path.map(Path::to_owned).or_else(|| variable(FILE_VARIABLE).map(PathBuf::from));
        let named_profile = match profile {
            Some(profile) => Some(profile.to_owned()),
            None => set::variable(PROFILE_VARIABLE)?.map(|name| name.to_string()),
        };
        let profile = named_profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        let Some(path) = named_path.clone().or_else(usual_config_file) else {
            let nowhere =
                format!("neither {FILE_VARIABLE} nor {} is set", if cfg!(windows) { "APPDATA" } else { "HOME" });
            return match named_profile {
                None => {
                    self.file_note = Some(format!("there is no configuration file: {nowhere}"));
                    Ok(())
                }
                Some(profile) => Err(Error::new(
                    ErrorKind::InvalidConfig,
                    format!("there is no configuration file for the profile {profile}: {nowhere}"),
                )),
            };
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if named_path.is_none() && named_profile.is_none() && is_absent(&error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    log::warn!("{} can't be looked for: {error}", path.display());
                }
                self.file_note = Some(format!("the configuration file {} was not found: {error}", path.display()));
                return Ok(());
            }
            Err(error) => {
                let hint = match error.kind() {
                    io::ErrorKind::NotFound => ": `zmd login` makes one",
                    _ => "",
                };
                return Err(in_file(&path, None, &format!("{error}{hint}")));
            }
        };
        let mut loaded = self.clone();
        loaded.file_note = None;
        loaded.apply(&path, &text, profile, named_profile.is_some())?;
        *self = loaded;
        Ok(())
    }

    fn apply(&mut self, path: &Path, text: &Text, profile: &str, is_named: bool) -> Result<(), Error> {
        let line_ends: Vec<usize> = text.content.match_indices('\n').map(|(at, _)| at).collect();
        let line_of = |at: usize| line_ends.partition_point(|end| *end < at) + 1;
        let document = DeTable::parse(&text.content).map_err(|error| {
            // Its message describes what was expected; its Display would print the line, which may contain a secret.
            in_file(path, error.span().map(|span| line_of(span.start)), error.message())
        })?;
        let mut holds_secret = false;
        for (name, value) in document.get_ref() {
            let line = line_of(name.span().start);
            let DeValue::Table(settings) = value.get_ref() else {
                let shown = one_line(name.get_ref(), 60);
                let message = format!("{shown} is outside of a profile: put it below a line [{DEFAULT_PROFILE}]");
                return Err(in_file(path, Some(line), &message));
            };
            let is_secret = |(key, value): (&str, &DeValue)| {
                let setting = SETTINGS.iter().find(|setting| setting.key == key);
                setting.is_some_and(|setting| setting.is_secret(value.as_str().unwrap_or_default()))
            };
            holds_secret |= settings.iter().any(|(key, value)| is_secret((key.get_ref(), value.get_ref())));
        }
        if holds_secret {
            text.check_readers(path)?;
        }
        let Some(DeValue::Table(settings)) = document.get_ref().get(profile).map(|value| value.get_ref()) else {
            let names: Vec<_> = document.get_ref().keys().take(20).map(|name| one_line(name.get_ref(), 60)).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("there is no profile {}; the profiles are: {there}", one_line(profile, 60));
            if is_named {
                return Err(in_file(path, None, &message));
            }
            self.file_note = Some(in_file(path, None, &message).message().to_owned());
            return Ok(());
        };
        for (key, value) in settings {
            let line = line_of(key.span().start);
            let at = |error: Error| in_file(path, Some(line), error.message());
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.key == key.get_ref())
                .ok_or_else(|| at(no_such_setting(key.get_ref())))?;
            let number;
            let value = match value.get_ref() {
                DeValue::String(value) => &**value,
                DeValue::Integer(value) if value.radix() == 10 => {
                    number = value.as_str().to_owned();
                    &number
                }
                // An empty string is a bad value for every setting: the message lists the values that it takes.
                _ => "",
            };
            let source = Source::File { path: path.to_owned(), profile: profile.to_owned(), line };
            self.put(setting, value, source).map_err(at)?;
        }
        Ok(())
    }
}

/// The default path of the configuration file: `$XDG_CONFIG_HOME/zmd/config.toml`, or `$HOME/.config/zmd/config.toml`
/// (without `HOME`, in the directory of the user's entry in the password database); on Windows
/// `%APPDATA%\zmd\config.toml`. `None` if there are none of these.
pub fn usual_config_file() -> Option<PathBuf> {
    let directory = if cfg!(windows) {
        PathBuf::from(variable("APPDATA")?)
    } else {
        // According to the XDG Base Directory specification, relative paths are ignored.
        match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(directory) => directory,
            None => home()?.join(".config"),
        }
    };
    Some(directory.join("zmd").join("config.toml"))
}

/// `HOME`, or the directory of the user's entry in the password database, as services and cron jobs may run without it.
fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from).or_else(std::env::home_dir).filter(|home| home.is_absolute())
}

/// The file that is read if the program does not name one: `ZMD_CONFIG_FILE`, or else [`usual_config_file`].
pub fn config_file() -> Option<PathBuf> {
    variable(FILE_VARIABLE).map(PathBuf::from).or_else(usual_config_file)
}

/// A path need not be UTF-8.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether the file is missing or out of reach: with another user's HOME, this process has no permission to look for it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

/// A file's content, and who may read it.
struct Text {
    content: Zeroizing<String>,
    #[cfg(unix)]
    metadata: std::fs::Metadata,
}

/// Reads the file if nobody but this user and root can have written it: what it says decides where secrets are sent, also those
/// of the environment. A symbolic link is followed: Kubernetes mounts secrets as such.
fn read(path: &Path) -> io::Result<Text> {
    // That it is there, which an error from here on does not deny: `is_absent`.
    if std::fs::metadata(path)?.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let file = open(path).map_err(|error| io::Error::other(format!("it can't be read: {error}")))?;
    let metadata = file.metadata()?;
    // The usual name for no file at all.
    if path != Path::new("/dev/null") {
        check_own(&metadata)?;
    }
    let content = content(&file, SIZE_LIMIT)?;
    let text = std::str::from_utf8(&content).map_err(|_| io::Error::other("it is not UTF-8"))?;
    let content = Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned());
    Ok(Text {
        content,
        #[cfg(unix)]
        metadata,
    })
}

impl Text {
    /// A file with secrets is not for everybody. Its group may read it: where an administrator or Kubernetes wrote it, this
    /// process is in that group.
    #[cfg(unix)]
    fn check_readers(&self, path: &Path) -> Result<(), Error> {
        let mode = std::os::unix::fs::MetadataExt::mode(&self.metadata) & 0o777;
        if mode & 0o004 == 0 {
            return Ok(());
        }
        let message = format!(
            "it contains secrets, and other users can read it (its mode is {mode:03o}): run chmod 600 '{}'",
            path.display()
        );
        Err(in_file(path, None, &message))
    }

    #[cfg(not(unix))]
    fn check_readers(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}

/// An error in the file: `path:line: message`.
fn in_file(path: &Path, line: Option<usize>, message: &str) -> Error {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    Error::new(ErrorKind::InvalidConfig, format!("{}{line}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary file, which is removed when it is dropped.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(content: &str, mode: u32) -> TempFile {
            use std::sync::atomic::{AtomicU32, Ordering};
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("zmd-config-{}-{number}.toml", std::process::id()));
            std::fs::write(&path, content).unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            #[cfg(not(unix))]
            let _ = mode;
            TempFile(path)
        }

        fn load(&self, config: &mut Config, profile: &str) -> Result<(), String> {
            config.load_file(Some(&self.0), Some(profile)).map_err(|error| {
                assert_eq!(error.kind(), ErrorKind::InvalidConfig);
                let message = error.message().to_owned();
                message.strip_prefix(&*self.0.to_string_lossy()).expect("the path at the beginning").to_owned()
            })
        }

        fn refusal(&self) -> String {
            let mut config = Config::new();
            let before = format!("{config:?}");
            let message = self.load(&mut config, "default").unwrap_err();
            assert_eq!(format!("{config:?}"), before);
            message
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_profile_sets_its_own_keys_only() {
        let file = TempFile::new(
            "# ours\n[default]\ndata_center = 'eu'\n\n[prod]\naccess_token = \"1000.a.b\"\ntimeout_ms = 60_000\n",
            0o600,
        );
        let mut config = Config::new();
        file.load(&mut config, "prod").unwrap();
        assert_eq!((config.shown("timeout_ms"), config.shown("data_center")), ("60000".into(), "us".into()));
        let source = Source::File { path: file.0.clone(), profile: "prod".into(), line: 7 };
        assert_eq!(config.source("timeout_ms"), source);
        assert_eq!(config.source("data_center"), Source::Default);
        assert!(!config.shown("access_token").contains("a.b"));
    }

    #[test]
    fn explicit_settings_take_precedence_in_any_order() {
        let file = TempFile::new("[default]\ntimeout_ms = 1\nmax_retries = 1\n", 0o644);
        let mut config = Config::new();
        config.set("timeout_ms", "2").unwrap();
        file.load(&mut config, "default").unwrap();
        assert_eq!((config.shown("timeout_ms"), config.shown("max_retries")), ("2".into(), "1".into()));
        config.set("max_retries", "2").unwrap();
        assert_eq!(config.source("max_retries"), Source::Explicit);
        let retries = SETTINGS.iter().find(|setting| setting.key == "max_retries").unwrap();
        config.put(retries, "3", Source::Environment("ZMD_MAX_RETRIES".into())).unwrap();
        assert_eq!(config.shown("max_retries"), "2");
    }

    #[test]
    fn an_error_in_a_file_names_path_line_and_key_but_no_secret() {
        for (content, message) in [
            ("[default]\n\ntimeout_ms = 'soon'\n", ":3: timeout_ms takes a whole number from 1 to 86400000"),
            ("[default]\ntimeout_ms = true\n", ":2: timeout_ms takes a whole number"),
            ("[default]\ntimeout_ms = 0x10\n", ":2: timeout_ms takes a whole number"),
            (
                "[default]\nacces_token = '1000.s3cret'\n",
                ":2: 'acces_token' is not a setting; did you mean access_token?",
            ),
            ("[default]\naccess_token = '1000. s3cret'\n", ":2: access_token takes "),
            ("[default]\naccess_token = '1000.s3cret\n", ":2: invalid literal string"),
            ("[default]\naccess_token = 1000.s3cret\n", ":2: "),
            ("[default]\nclient_secret = 's3cret'\nclient_secret = 's3cret'\n", ":3: duplicate key"),
            ("access_token = '1000.s3cret'\n", ":1: access_token is outside of a profile"),
            ("[prod]\n[test]\n", ": there is no profile default; the profiles are: prod, test"),
            ("[default\n", ":1: "),
        ] {
            let refusal = TempFile::new(content, 0o600).refusal();
            assert!(refusal.starts_with(message) && !refusal.contains("s3cret"), "{content:?}: {refusal}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error_if_it_was_named() {
        let mut config = Config::new();
        let error = config.load_file(Some(Path::new("/nonexistent/config.toml")), None).unwrap_err();
        assert!(error.message().starts_with("/nonexistent/config.toml: "), "{error}");
        let error = config.load_file(Some(&std::env::temp_dir()), None).unwrap_err();
        assert!(error.message().ends_with("it is a directory"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "the user there does not own the files")]
    fn secrets_that_others_may_read_are_refused_in_any_profile() {
        for key in ["access_token", "refresh_token", "client_secret"] {
            let content = format!("[default]\ntimeout_ms = 5\n[other]\n{key} = 's3cret'\n");
            for mode in [0o604, 0o644, 0o444] {
                let file = TempFile::new(&content, mode);
                let refusal = file.refusal();
                let fix = format!("run chmod 600 '{}'", file.0.display());
                assert!(refusal.contains(&format!("mode is {mode:03o}")) && refusal.ends_with(&fix), "{refusal}");
            }
            for mode in [0o600, 0o640, 0o440] {
                TempFile::new(&content, mode).load(&mut Config::new(), "default").unwrap();
            }
        }
        let with_password = TempFile::new("[default]\nproxy = 'http://user:p4ss@proxy:3128'\n", 0o644).refusal();
        assert!(with_password.contains("chmod 600"), "{with_password}");
        let without = TempFile::new("[default]\nproxy = 'http://proxy:3128'\nclient_id = '1000.X'\n", 0o644);
        without.load(&mut Config::new(), "default").unwrap();
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "the user there does not own the files")]
    fn a_file_that_somebody_else_can_have_written_is_refused() {
        let content = "[default]\naccounts_url = 'https://evil.test'\n";
        for mode in [0o620, 0o602, 0o666, 0o664] {
            let refusal = TempFile::new(content, mode).refusal();
            let words = format!(": other users can write it (its mode is {mode:03o}): run chmod go-w");
            assert_eq!(refusal, words);
        }
        let file = TempFile::new(content, 0o600);
        // Only root can give a file away.
        if std::os::unix::fs::chown(&file.0, Some(65_534), None).is_ok() {
            assert!(file.refusal().starts_with(": it belongs to another user"), "{}", file.refusal());
        }
        // As Kubernetes has it.
        let link = file.0.with_extension("link");
        std::os::unix::fs::symlink(&TempFile::new(content, 0o440).0, &link).unwrap();
        let dangling = Config::new().load_file(Some(&link), None).unwrap_err();
        assert!(dangling.message().contains("No such file"), "{dangling}");
        let target = TempFile::new(content, 0o440);
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&target.0, &link).unwrap();
        Config::new().load_file(Some(&link), None).unwrap();
        std::fs::remove_file(&link).unwrap();
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "it starts a program")]
    fn what_is_not_a_file_is_refused_at_once() {
        let file = TempFile::new("", 0o600);
        std::fs::remove_file(&file.0).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file.0).status().unwrap().success());
        assert_eq!(file.refusal(), ": it is not a regular file");
        Config::new().load_file(Some(Path::new("/dev/null")), None).unwrap();
        let endless = Config::new().load_file(Some(Path::new("/dev/zero")), None).unwrap_err();
        assert!(endless.message().ends_with("it is not a regular file"), "{endless}");
        let large = TempFile::new(&"#\n".repeat(1 << 20), 0o600).refusal();
        assert_eq!(large, ": it is larger than 1048576 bytes");
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn many_profiles_take_no_longer_than_their_length() {
        let profiles =
            |count: usize| TempFile::new(&(0..count).map(|n| format!("[p{n}]\n")).collect::<String>(), 0o600);
        let (few, many) = (profiles(2_000), profiles(40_000));
        let time = |file: &TempFile| {
            let (took, result) = zmd_sim::timed(|| file.load(&mut Config::new(), "p0"));
            result.unwrap();
            took.whole().saturating_sub(took.lost())
        };
        let least = |file| (0..3).map(|_| time(file)).min().unwrap();
        // Twenty times as many: four hundred times as long, if each were compared with each.
        // What was lost is counted in hundredths of a second: it may be all of a short time.
        let (short, long) = (least(&few).max(std::time::Duration::from_millis(4)), least(&many));
        assert!(long < short * 150, "{short:?} {long:?}");
    }

    #[test]
    fn without_a_credential_the_error_says_where_it_was_looked_for() {
        let file = TempFile::new("[DEFAULT]\ntimeout_ms = 5\n[prod]\n", 0o600);
        let mut config = Config::new();
        config.load_file(Some(&file.0), None).unwrap();
        let note = format!("{}: there is no profile default; the profiles are: DEFAULT, prod", file.0.display());
        assert_eq!(config.file_note, Some(note.clone()));
        let error = crate::Client::new(&config).err().unwrap();
        assert!(error.message().ends_with(&format!("({note})")), "{error}");
        let good = TempFile::new("[default]\n", 0o600);
        config.load_file(Some(&good.0), None).unwrap();
        assert_eq!(config.file_note, None);
    }
}
