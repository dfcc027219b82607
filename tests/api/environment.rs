//! What a configuration takes from the environment and from the files that it names. As a process cannot change its
//! environment while its threads read it, the test program runs itself with another one.

use std::fs;
use std::process::Command;

use common::*;
use zmd_core::Config;

/// For the tests below: prints where the configuration file is, and the settings they change or the error.
#[test]
#[ignore = "run by the others, with an environment of its own"]
fn child() {
    let file = |file: Option<std::path::PathBuf>| file.map_or("none".to_owned(), |file| file.display().to_string());
    println!("usual: {}\nfile: {}", file(zmd_core::usual_config_file()), file(zmd_core::config_file()));
    match Config::from_env() {
        Ok(mut config) => {
            println!("settings: {} {}", config.shown("data_center"), config.shown("timeout_ms"));
            config.set("access_token", TOKEN).unwrap();
            if let Err(error) = zmd_core::Client::new(&config) {
                println!("client: {error}");
            }
        }
        Err(error) => println!("error: {error}"),
    }
}

/// The lines that `child` prints with these variables alone.
fn with(variables: &[(&str, &str)]) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "--ignored", "--nocapture", "environment::child"])
        .env_clear()
        .envs(variables.iter().copied());
    let is_wanted = |line: &&str| ["usual: ", "file: ", "settings: ", "error: "].iter().any(|s| line.starts_with(s));
    text_of(&mut child).lines().filter(is_wanted).map(str::to_owned).collect()
}

#[test]
fn the_configuration_file_is_where_the_environment_says() {
    let directory = scratch("variables");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    for (name, data_center) in [("home/.config/zmd", "in"), ("xdg/zmd", "jp")] {
        fs::create_dir_all(path(name)).unwrap();
        fs::write(path(&format!("{name}/config.toml")), format!("[default]\ndata_center = '{data_center}'\n")).unwrap();
    }
    let (home, xdg, own) = (&path("home"), &path("xdg"), &path("own.toml"));
    fs::write(own, "[default]\ndata_center = 'ca'\n[night]\ntimeout_ms = 7\n").unwrap();
    let usual = format!("{home}/.config/zmd/config.toml");

    // Without HOME it is in the directory of the user's entry in the password database.
    let entry = text_of(Command::new("sh").args(["-c", "eval echo ~$(id -un)"]).env_remove("HOME"));
    let of_user = format!("{}/.config/zmd/config.toml", entry.trim());
    assert_eq!(with(&[])[..2], [format!("usual: {of_user}"), format!("file: {of_user}")]);
    let found = [format!("usual: {usual}"), format!("file: {usual}"), "settings: in 30000".to_owned()];
    assert_eq!(with(&[("HOME", home)]), found);
    assert_eq!(with(&[("HOME", home), ("XDG_CONFIG_HOME", "relative"), ("ZMD_CONFIG_FILE", "")]), found);
    assert_eq!(
        with(&[("HOME", home), ("XDG_CONFIG_HOME", xdg)])[1..],
        [format!("file: {xdg}/zmd/config.toml"), "settings: jp 30000".to_owned()]
    );
    let named = [("HOME", &**home), ("ZMD_CONFIG_FILE", own)];
    assert_eq!(with(&named), [format!("usual: {usual}"), format!("file: {own}"), "settings: ca 30000".to_owned()]);
    assert_eq!(with(&[named[1], ("ZMD_PROFILE", "night")])[2], "settings: us 7");
    // The environment's own settings take precedence; an empty one is none.
    let set = [named[1], ("ZMD_PROFILE", "night"), ("ZMD_TIMEOUT_MS", "9"), ("ZMD_DATA_CENTER", "")];
    assert_eq!(with(&set)[2], "settings: us 9");
    let bad = with(&[("ZMD_TIMEOUT_MS", "soon")]);
    assert!(bad[2].contains("ZMD_TIMEOUT_MS: timeout_ms takes"), "{bad:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_file_that_is_not_there() {
    let directory = scratch("no-file");
    let home = directory.to_str().unwrap();
    // By default there need be none, and what is in its way does not matter.
    assert_eq!(with(&[("HOME", home)])[2], "settings: us 30000");
    fs::write(directory.join(".config"), "").unwrap();
    assert_eq!(with(&[("HOME", home)])[2], "settings: us 30000");
    // A file or a profile that is named has to be there.
    for (name, value) in [("ZMD_CONFIG_FILE", "/nonexistent/config.toml"), ("ZMD_PROFILE", "night")] {
        let refused = with(&[("HOME", home), (name, value)]);
        assert!(refused[2].starts_with("error: ") && refused[2].contains("config.toml: "), "{refused:?}");
    }
    let refused = with(&[("ZMD_CONFIG_FILE", "/nonexistent/config.toml")]);
    assert!(refused[2].ends_with(": `zmd login` makes one"), "{refused:?}");
    let refused = with(&[("ZMD_PROFILE", "night")]);
    assert!(refused[2].contains("/.config/zmd/config.toml: "), "{refused:?}");
    // One that cannot be read is never as if it were absent.
    fs::remove_file(directory.join(".config")).unwrap();
    fs::create_dir_all(directory.join(".config/zmd/config.toml")).unwrap();
    let refused = with(&[("HOME", home)]);
    assert!(refused[2].ends_with("it is a directory"), "{refused:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_variable_that_is_not_utf_8_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStrExt;
    let latin_1 = std::ffi::OsStr::from_bytes(b"http://p\xe4ss@proxy:3128");
    for name in ["HTTPS_PROXY", "all_proxy", "NO_PROXY", "ZMD_PROXY", "ZMD_TIMEOUT_MS", "ZMD_PROFILE"] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--ignored", "--nocapture", "environment::child"]).env_clear().env(name, latin_1);
        let text = text_of(&mut child);
        let line = text.lines().find(|line| line.starts_with("error: ") || line.starts_with("client: ")).unwrap();
        assert!(line.contains(&format!("{name} takes UTF-8")) && !line.contains("ss@"), "{line}");
    }
}
