//! The configuration file: settings under the name of a profile.
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

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::config::{Config, SETTINGS, Source, no_such_setting};
use crate::error::{Error, one_line, zmd_error::ZMD_ERR_INVALID_CONFIG};

/// The profile that is read where nobody names one.
pub const DEFAULT_PROFILE: &str = "default";

/// The variables that name the file and the profile.
const FILE_VARIABLE: &str = "ZMD_CONFIG_FILE";
const PROFILE_VARIABLE: &str = "ZMD_PROFILE";

/// More than thousands of profiles take.
const SIZE_LIMIT: u64 = 1 << 20;

impl Config {
    /// Reads the environment (see [`load_env`](Config::load_env)) and, where it is there, the configuration file (see
    /// [`load_file`](Config::load_file)): what a program needs that sets nothing itself.
    pub fn from_env() -> Result<Config, Error> {
        let mut config = Config::new();
        config.load_env()?;
        config.load_file(None, None)?;
        Ok(config)
    }

    /// Sets what a profile of the configuration file sets, but for the settings that were set explicitly or by the
    /// environment. On an error the configuration is left as it was.
    ///
    /// Without a `path` it is that of `ZMD_CONFIG_FILE`, or else [`usual_config_file`]; without a `profile` that of
    /// `ZMD_PROFILE`, or else `default`. Where nobody named a file or a profile, neither need be there.
    pub fn load_file(&mut self, path: Option<&Path>, profile: Option<&str>) -> Result<(), Error> {
        let named_path = path.map(Path::to_owned).or_else(|| variable(FILE_VARIABLE).map(PathBuf::from));
        let named_profile = match (profile, variable(PROFILE_VARIABLE)) {
            (Some(profile), _) => Some(profile.to_owned()),
            (None, Some(name)) => Some(
                name.into_string()
                    .map_err(|_| Error::new(ZMD_ERR_INVALID_CONFIG, format!("{PROFILE_VARIABLE} is not UTF-8")))?,
            ),
            (None, None) => None,
        };
        let profile = named_profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        let Some(path) = named_path.clone().or_else(usual_config_file) else {
            return match named_profile {
                None => Ok(()),
                Some(profile) => Err(Error::new(
                    ZMD_ERR_INVALID_CONFIG,
                    format!(
                        "there is no configuration file for the profile {profile}: neither {FILE_VARIABLE} nor HOME is set"
                    ),
                )),
            };
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if named_path.is_none() && named_profile.is_none() && is_absent(&error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    log::warn!("{} can't be looked for: {error}", path.display());
                }
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
        loaded.apply(&path, &text, profile, named_profile.is_some())?;
        *self = loaded;
        Ok(())
    }

    fn apply(&mut self, path: &Path, text: &Text, profile: &str, is_named: bool) -> Result<(), Error> {
        let line_of = |at: usize| text.content[..at.min(text.content.len())].matches('\n').count() + 1;
        let document = DeTable::parse(&text.content).map_err(|error| {
            // Its message names what was expected; its Display would show the line, which may hold a secret.
            in_file(path, error.span().map(|span| line_of(span.start)), error.message())
        })?;
        let mut holds_secret = false;
        for (name, value) in document.get_ref() {
            let line = line_of(name.span().start);
            let DeValue::Table(settings) = value.get_ref() else {
                let shown = one_line(name.get_ref(), 60);
                let message = format!("{shown} stands outside a profile: put it below a line [{DEFAULT_PROFILE}]");
                return Err(in_file(path, Some(line), &message));
            };
            let is_secret = |(key, value): (&str, &DeValue)| {
                let setting = SETTINGS.iter().find(|setting| setting.key == key);
                setting.is_some_and(|setting| setting.is_secret(value.as_str().unwrap_or_default()))
            };
            holds_secret |= settings.iter().any(|(key, value)| is_secret((key.get_ref(), value.get_ref())));
        }
        if holds_secret {
            text.check_access(path)?;
        }
        let Some(DeValue::Table(settings)) = document.get_ref().get(profile).map(|value| value.get_ref()) else {
            if !is_named {
                return Ok(());
            }
            let names: Vec<_> = document.get_ref().keys().map(|name| one_line(name.get_ref(), 60)).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("there is no profile {}; the profiles are: {there}", one_line(profile, 60));
            return Err(in_file(path, None, &message));
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
                // An empty text is a bad value of every setting: the message says what it takes.
                _ => "",
            };
            let source = Source::File { path: path.to_owned(), profile: profile.to_owned(), line };
            self.put(setting, value, source).map_err(at)?;
        }
        Ok(())
    }
}

/// Where the configuration file usually is: `$XDG_CONFIG_HOME/zmd/config.toml`, or `$HOME/.config/zmd/config.toml`; on
/// Windows `%APPDATA%\zmd\config.toml`. `None` where the environment names no such place.
pub fn usual_config_file() -> Option<PathBuf> {
    let directory = if cfg!(windows) {
        PathBuf::from(variable("APPDATA")?)
    } else {
        // As the XDG Base Directory specification has it, a relative path is no answer.
        match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(directory) => directory,
            None => Path::new(&variable("HOME")?).join(".config"),
        }
    };
    Some(directory.join("zmd").join("config.toml"))
}

/// The file that a program reads which names none itself: that of `ZMD_CONFIG_FILE`, or else [`usual_config_file`].
pub fn config_file() -> Option<PathBuf> {
    variable(FILE_VARIABLE).map(PathBuf::from).or_else(usual_config_file)
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether there is no file, as far as this process can see: with another user's HOME, the directory can't be searched.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

/// A file's content, and who may read it.
struct Text {
    content: Zeroizing<String>,
    #[cfg(unix)]
    metadata: std::fs::Metadata,
}

fn read(path: &Path) -> io::Result<Text> {
    // Before it is opened: to open a named pipe would block.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let file = File::open(path).map_err(|error| {
        // Known to be there: not what `is_absent` means.
        io::Error::other(format!("it can't be read: {error}"))
    })?;
    let metadata = file.metadata()?;
    let mut content = Zeroizing::new(Vec::with_capacity(metadata.len().min(SIZE_LIMIT) as usize + 1));
    file.take(SIZE_LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::other(format!("it is larger than {SIZE_LIMIT} bytes")));
    }
    let text = std::str::from_utf8(&content).map_err(|_| io::Error::other("it is not UTF-8"))?;
    let content = Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned());
    Ok(Text {
        content,
        #[cfg(unix)]
        metadata,
    })
}

impl Text {
    /// As ssh refuses a key: nobody but the owner may read a secret. Where the owner is another account, such as an
    /// administrator's, its group may read it too, and this process is in that group.
    #[cfg(unix)]
    fn check_access(&self, path: &Path) -> Result<(), Error> {
        use std::os::unix::fs::MetadataExt;
        let is_ours = self.metadata.uid() == rustix::process::geteuid().as_raw();
        let others = if is_ours { 0o077 } else { 0o007 };
        let mode = self.metadata.mode() & 0o777;
        if self.metadata.is_file() && mode & others != 0 {
            let mend = if is_ours { "600" } else { "o=" };
            let message = format!(
                "it holds secrets, and other users may read it (its mode is {mode:03o}): run chmod {mend} '{}'",
                path.display()
            );
            return Err(in_file(path, None, &message));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_access(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}

/// An error in the file: `path:line: message`.
fn in_file(path: &Path, line: Option<usize>, message: &str) -> Error {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    Error::new(ZMD_ERR_INVALID_CONFIG, format!("{}{line}: {message}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the test's own, which goes when it is dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(content: &str, mode: u32) -> Scratch {
            use std::sync::atomic::{AtomicU32, Ordering};
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("zmd-config-{}-{number}.toml", std::process::id()));
            std::fs::write(&path, content).unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            #[cfg(not(unix))]
            let _ = mode;
            Scratch(path)
        }

        fn load(&self, config: &mut Config, profile: &str) -> Result<(), String> {
            config.load_file(Some(&self.0), Some(profile)).map_err(|error| {
                assert_eq!(error.kind(), ZMD_ERR_INVALID_CONFIG);
                let message = error.message().to_owned();
                message.strip_prefix(&*self.0.to_string_lossy()).expect("the path in front").to_owned()
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

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_profile_sets_what_it_names() {
        let file = Scratch::new(
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
    fn what_is_set_explicitly_counts_more_in_whatever_order() {
        let file = Scratch::new("[default]\ntimeout_ms = 1\nmax_retries = 1\n", 0o644);
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
    fn a_bad_file_is_named_with_the_line_and_the_key_and_no_secret() {
        for (content, message) in [
            ("[default]\n\ntimeout_ms = 'soon'\n", ":3: timeout_ms takes a whole number from 1 to 86400000"),
            ("[default]\ntimeout_ms = true\n", ":2: timeout_ms takes a whole number"),
            ("[default]\ntimeout_ms = 0x10\n", ":2: timeout_ms takes a whole number"),
            ("[default]\nacces_token = '1000.s3cret'\n", ":2: 'acces_token' is no setting; did you mean access_token?"),
            ("[default]\naccess_token = '1000. s3cret'\n", ":2: access_token takes "),
            ("[default]\naccess_token = '1000.s3cret\n", ":2: invalid literal string"),
            ("[default]\naccess_token = 1000.s3cret\n", ":2: "),
            ("[default]\nclient_secret = 's3cret'\nclient_secret = 's3cret'\n", ":3: duplicate key"),
            ("access_token = '1000.s3cret'\n", ":1: access_token stands outside a profile"),
            ("[prod]\n[test]\n", ": there is no profile default; the profiles are: prod, test"),
            ("[default\n", ":1: "),
        ] {
            let said = Scratch::new(content, 0o600).refusal();
            assert!(said.starts_with(message) && !said.contains("s3cret"), "{content:?}: {said}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_where_it_is_named() {
        let mut config = Config::new();
        let error = config.load_file(Some(Path::new("/nonexistent/config.toml")), None).unwrap_err();
        assert!(error.message().starts_with("/nonexistent/config.toml: "), "{error}");
        let error = config.load_file(Some(&std::env::temp_dir()), None).unwrap_err();
        assert!(error.message().ends_with("it is a directory"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_that_others_may_read_are_refused_in_whichever_profile() {
        for key in ["access_token", "refresh_token", "client_secret"] {
            let content = format!("[default]\ntimeout_ms = 5\n[other]\n{key} = 's3cret'\n");
            for mode in [0o640, 0o604, 0o620, 0o666] {
                let file = Scratch::new(&content, mode);
                let said = file.refusal();
                let mend = format!("run chmod 600 '{}'", file.0.display());
                assert!(said.contains(&format!("mode is {mode:03o}")) && said.ends_with(&mend), "{said}");
            }
        }
        let with_password = Scratch::new("[default]\nproxy = 'http://user:p4ss@proxy:3128'\n", 0o644).refusal();
        assert!(with_password.contains("chmod 600"), "{with_password}");
        let without = Scratch::new("[default]\nproxy = 'http://proxy:3128'\nclient_id = '1000.X'\n", 0o644);
        without.load(&mut Config::new(), "default").unwrap();
    }
}
