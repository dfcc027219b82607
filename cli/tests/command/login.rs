//! `zmd login` and the configuration file.

use std::process::Command;

use zmd_sim::{Job, Sim};

use crate::program::*;
#[cfg(unix)]
use crate::terminal::Terminal;

pub const REFRESH: &str = "1000.refresh-0123456789";
pub const ID: &str = "1000.ID";
pub const SECRET: &str = "secret-0123456789";
pub const CODE: &str = "1000.code-0123456789";

pub fn accounts() -> Sim {
    let sim = Sim::builder().refresh_token(REFRESH, ID, SECRET).grant_code(CODE).organization("77").start();
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim
}

/// The program, with the stand-in in place of both servers.
pub fn program(sim: &Sim, home: &Directory, arguments: &[&str]) -> Command {
    let url = sim.url();
    let mut command = zmd(&home.0, &[("ZMD_ACCOUNTS_URL", &*url), ("ZMD_API_DOMAIN", &*url), ("ZMD_MAX_RETRIES", "0")]);
    command.args(arguments);
    command
}

fn config(home: &Directory) -> std::path::PathBuf {
    home.0.join(".config/zmd/config.toml")
}

#[test]
fn a_secret_file_in_another_encoding_is_named() {
    let (sim, home) = (accounts(), Directory::new("encoding"));
    let file = home.file("secret", "");
    let utf_16: Vec<u8> = format!("\u{feff}{SECRET}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&file, utf_16).unwrap();
    let (exit, _, err) =
        run(&mut program(&sim, &home, &["login", "--client-id", ID, "--client-secret-file", &file, "--org-id", "77"]));
    assert!(exit != Some(0) && err.contains("it is UTF-16: save it as UTF-8"), "{exit:?} {err}");
}

#[cfg(unix)]
#[test]
fn a_variable_in_another_encoding_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let (sim, home) = (accounts(), Directory::new("variable"));
    let mut login = program(&sim, &home, &["login", "--client-id", ID, "--org-id", "77"]);
    let (exit, _, err) = run(login.env("ZMD_CLIENT_SECRET", std::ffi::OsStr::from_bytes(b"s\xe4cret")));
    assert!(exit != Some(0) && err.contains("ZMD_CLIENT_SECRET takes UTF-8"), "{exit:?} {err}");
}

#[test]
fn a_grant_code_becomes_a_profile() {
    let (sim, home) = (accounts(), Directory::new("login"));
    // As Windows tools write it.
    let secret = home.file("secret", &format!("\u{feff}{SECRET}\r\n"));
    let code = home.file("code", CODE);
    let arguments =
        ["login", "--data-center", "eu", "--client-id", ID, "--client-secret-file", &secret, "--code-file", &code];
    let (exit, out, err) = run(&mut program(&sim, &home, &arguments));
    assert_eq!((exit, &*out), (Some(0), ""), "{err}");
    assert!(err.contains("config.toml") && !err.contains(SECRET), "{err}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    for part in ["[default]", "data_center = \"eu\"", REFRESH, ID, SECRET] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(CODE));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(std::fs::metadata(config(&home)).unwrap().mode() & 0o777, 0o600);
    }
    // And it works.
    let (exit, out, err) = run(&mut program(&sim, &home, &["status", "Leads", "1001"]));
    assert_eq!((exit, &*out), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"), "{err}");
    // A code serves once.
    let (exit, _, err) = run(&mut program(&sim, &home, &arguments));
    assert_eq!(exit, Some(4));
    assert!(err.contains("generate a new one") && !err.contains(CODE), "{err}");
    assert_eq!(std::fs::read_to_string(config(&home)).unwrap(), text);
}

/// Types each answer when the text in front of it is shown. Returns the exit status and all that is shown.
#[cfg(unix)]
fn dialogue(command: &mut Command, answers: &[(&str, &str)]) -> (i32, String) {
    let mut terminal = Terminal::start(command, 80);
    for (question, answer) in answers {
        terminal.expect(question);
        terminal.type_keys(answer);
    }
    (terminal.end(), terminal.text())
}

#[cfg(unix)]
#[test]
fn somebody_at_a_terminal_is_asked() {
    let (sim, home) = (accounts(), Directory::new("asked"));
    let (exit, shown) = dialogue(
        &mut program(&sim, &home, &["login"]),
        &[
            ("recommended for jobs", ""),
            ("Choice [code]: ", "cod\n"),
            (" 3  in ", ""),
            // After a typo it is asked again.
            ("Choice [us]: ", "inn\n"),
            ("did you mean in?", ""),
            ("Choice [us]: ", "3\n"),
            ("Choice [production]: ", "s\n"),
            ("https://api-console.zoho.in", ""),
            ("Client ID: ", "1000.ID\n"),
            ("Client Secret (not shown): ", "secret-0123456789\n"),
            ("Grant code (not shown): ", "1000.no-0123456789\n"),
            // Another one may be generated.
            ("generate a new one", ""),
            ("Grant code (not shown): ", "1000.code-0123456789\n"),
        ],
    );
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains(ID) && shown.contains("zmd status MODULE JOB_ID"), "{shown}");
    for secret in [SECRET, CODE, "1000.no-0123456789", REFRESH] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let is_narrow = |line: &str| line.chars().count() < 80 || line.contains(".config/zmd");
    assert!(shown.lines().all(is_narrow), "{shown}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    for part in ["data_center = \"in\"", "environment = \"sandbox\"", REFRESH] {
        assert!(text.contains(part), "{text}");
    }
    // Ctrl-C at a secret ends it by the signal, and writes nothing. What is going to be replaced is said before.
    let (exit, shown) = dialogue(
        &mut program(&sim, &home, &["login"]),
        &[
            ("exists, with a refresh token of the client 1000.ID: its", ""),
            ("Choice [code]: ", "\n"),
            ("Choice [in]: ", "\n"),
            ("Choice [sandbox]: ", "\n"),
            ("Client ID [1000.ID]: ", "\n"),
            ("(not shown): ", "\u{3}"),
        ],
    );
    assert_eq!(exit, 128 + libc::SIGINT, "{shown}");
    assert_eq!(std::fs::read_to_string(config(&home)).unwrap(), text);
}

/// What was typed is offered again, the secret without being shown.
#[cfg(unix)]
#[test]
fn after_a_refusal_what_was_right_need_not_be_typed_again() {
    let (sim, home) = (accounts(), Directory::new("again"));
    let (exit, shown) = dialogue(
        &mut program(&sim, &home, &["login"]),
        &[
            ("Choice [code]: ", "2\n"),
            ("Choice [us]: ", "\n"),
            ("Choice [production]: ", "\n"),
            ("Client ID: ", "1000.IDD\n"),
            ("Client Secret (not shown): ", "secret-0123456789\n"),
            ("Organization id: ", "77\n"),
            ("press Enter for what you answered before", ""),
            ("Choice [us]: ", "\n"),
            ("Choice [production]: ", "\n"),
            ("Client ID [1000.IDD]: ", "1000.ID\n"),
            ("Client Secret (not shown, empty for the one before): ", "\n"),
            ("Organization id [77]: ", "\n"),
        ],
    );
    assert_eq!(exit, 0, "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    assert!(text.contains("org_id = \"77\"") && text.contains(SECRET), "{text}");
    assert_eq!(run(&mut program(&sim, &home, &["status", "Leads", "1001"])).0, Some(0));
}

#[cfg(unix)]
#[test]
fn the_file_keeps_its_link_its_mode_and_its_owner() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let (sim, home) = (accounts(), Directory::new("kept"));
    let file = home.file("etc/zmd.toml", "# ours\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file away.
    let group = if chown(&file, None, Some(12345)).is_ok() { 12345 } else { std::fs::metadata(&file).unwrap().gid() };
    std::fs::create_dir_all(home.0.join(".config/zmd")).unwrap();
    symlink("../../etc/zmd.toml", config(&home)).unwrap();
    let login = |profile: &str| {
        let mut login = program(&sim, &home, &["--profile", profile, "login", "--client-id", ID]);
        run(login.env("ZMD_CLIENT_SECRET", SECRET).env("ZMD_REFRESH_TOKEN", REFRESH))
    };
    let (exit, _, err) = login("default");
    assert_eq!(exit, Some(0), "{err}");
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.gid()), (0o640, group));
    assert!(config(&home).is_symlink() && std::fs::read_to_string(&file).unwrap().contains(REFRESH));
    // Secrets are not for everybody, even if the file was.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(login("default").0, Some(0));
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    // A link to a file that does not exist yet.
    std::fs::remove_file(&file).unwrap();
    assert_eq!(login("default").0, Some(0));
    assert!(config(&home).is_symlink());
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn profiles_are_listed_and_logged_out() {
    let (sim, home) = (accounts(), Directory::new("listed"));
    for (profile, center) in [("day", "eu"), ("night", "us")] {
        let arguments = ["--profile", profile, "login", "--data-center", center, "--client-id", ID, "--org-id", "77"];
        let (exit, _, err) = run(program(&sim, &home, &arguments).env("ZMD_CLIENT_SECRET", SECRET));
        assert_eq!(exit, Some(0), "{err}");
    }
    let (exit, out, err) = run(&mut program(&sim, &home, &["--profile", "night", "profiles"]));
    let credentials = "client credentials of the client 1000.ID for the organization 77";
    let listed = format!("  day    eu, production, {credentials}\n* night  us, production, {credentials}\n");
    assert_eq!((exit, &*out, &*err), (Some(0), &*listed, ""));
    let (_, _, err) = run(program(&sim, &home, &["profiles"]).env("ZMD_ACCESS_TOKEN", TOKEN));
    assert!(err.contains("no profile default") && err.contains("ZMD_ACCESS_TOKEN is set"), "{err}");

    // Each profile has a token cache of its own.
    for profile in ["day", "night"] {
        assert_eq!(run(&mut program(&sim, &home, &["--profile", profile, "status", "Leads", "1001"])).0, Some(0));
        assert!(home.0.join(format!(".cache/zmd/tokens-{profile}")).exists());
    }
    let (exit, _, err) = run(&mut program(&sim, &home, &["--profile", "day", "logout"]));
    assert_eq!(exit, Some(0), "{err}");
    assert!(!home.0.join(".cache/zmd/tokens-day").exists() && home.0.join(".cache/zmd/tokens-night").exists());
    let text = std::fs::read_to_string(config(&home)).unwrap();
    assert!(text.matches(SECRET).count() == 1 && text.contains("data_center = \"eu\""), "{text}");
    let (exit, _, err) = run(&mut program(&sim, &home, &["--profile", "day", "logout"]));
    assert!(exit == Some(4) && err.contains("has no credentials"), "{err}");
}

/// As readpassphrase(3): after Ctrl-Z and fg the terminal hides again what is typed, and the question is repeated.
#[cfg(unix)]
#[test]
fn a_secret_stays_hidden_after_ctrl_z() {
    let (sim, home) = (accounts(), Directory::new("stopped"));
    let mut login = program(&sim, &home, &["login", "--data-center", "us", "--client-id", ID]);
    login.env("ZMD_ENVIRONMENT", "production");
    let Some(mut terminal) = Terminal::start_in_shell(&mut login, 100) else { return };
    terminal.expect("Choice [code]: ");
    terminal.type_keys("\n");
    terminal.expect("Client Secret (not shown): ");
    assert!(!terminal.echoes());
    terminal.type_keys("\u{1a}");
    terminal.expect("Stopped");
    terminal.expect("$ ");
    terminal.type_keys("fg\n");
    terminal.expect("Client Secret (not shown): ");
    assert!(!terminal.echoes());
    terminal.type_keys("secret-0123456789\n");
    terminal.expect("Grant code (not shown): ");
    terminal.type_keys("\u{3}");
    terminal.expect("$ ");
    // A shell that edits lines has modes of its own, so it is the shell that shows them.
    terminal.type_keys("stty -a | tr ' ;' '\\n\\n' | grep -x -- '-*echo'\n");
    terminal.expect("\r\necho\r\n");
    terminal.type_keys("exit\n");
    terminal.end();
    assert!(!terminal.text().contains(SECRET), "{}", terminal.text());
}

#[test]
fn other_profiles_stay_and_secrets_come_from_standard_input_or_the_environment() {
    let (sim, home) = (accounts(), Directory::new("profiles"));
    let before = "# of the night\n[night] # here\naccess_token = 'x'\n";
    home.file(".config/zmd/config.toml", before);
    let arguments = ["--profile", "day", "login", "--client-id", ID, "--org-id", "77", "--client-secret-file", "-"];
    let (exit, _, err) = run_with(&mut program(&sim, &home, &arguments), &format!("{SECRET}\n"));
    assert_eq!(exit, Some(0), "{err}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    assert!(text.starts_with(before) && text.contains("[day]") && text.contains("org_id = \"77\""), "{text}");
    assert_eq!(run(&mut program(&sim, &home, &["--profile", "day", "status", "Leads", "1001"])).0, Some(0));
    let mut command = program(&sim, &home, &["--profile", "third", "login", "--client-id", ID]);
    command.env("ZMD_CLIENT_SECRET", SECRET).env("ZMD_GRANT_CODE", CODE);
    let (exit, _, err) = run(&mut command);
    assert_eq!(exit, Some(0), "{err}");
}

#[test]
fn what_zoho_refuses_is_told_and_nothing_is_written() {
    let (sim, home) = (accounts(), Directory::new("refused"));
    for (id, secret, code, message) in [
        ("1000.NO", SECRET, CODE, "client_id"),
        (ID, "no-0123456789", CODE, "client_secret"),
        (ID, SECRET, "1000.no-0123456789", "generate a new one"),
    ] {
        let mut command = program(&sim, &home, &["login", "--client-id", id]);
        let (exit, _, err) = run(command.env("ZMD_CLIENT_SECRET", secret).env("ZMD_GRANT_CODE", code));
        assert_eq!(exit, Some(4));
        assert!(err.contains(message) && !err.contains(secret) && !err.contains(code), "{err}");
        assert!(!config(&home).exists());
    }
    // What is missing is named with the option that gives it.
    let (exit, _, err) = run(&mut program(&sim, &home, &["login"]));
    assert!(exit == Some(4) && err.contains("--client-id"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (sim, home) = (accounts(), Directory::new("rights"));
    let path = home.file(".config/zmd/config.toml", &format!("[default]\naccess_token = \"{TOKEN}\"\n"));
    sim.accept_token(TOKEN);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (exit, _, err) = run(&mut program(&sim, &home, &["status", "Leads", "1001"]));
    assert_eq!(exit, Some(4));
    assert!(err.contains("chmod 600") && err.contains(&path) && !err.contains(TOKEN), "{err}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(&mut program(&sim, &home, &["status", "Leads", "1001"])).0, Some(0));
}

#[test]
fn the_environment_counts_more_than_the_file() {
    let (sim, home) = (accounts(), Directory::new("order"));
    sim.accept_token(TOKEN);
    let path =
        home.file("other.toml", "[default]\naccess_token = \"1000.bad\"\n[good]\naccess_token = \"1000.good\"\n");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let exit_status = |more: &[(&str, &str)], arguments: &[&str]| {
        let mut command = program(&sim, &home, arguments);
        run(command.env("ZMD_CONFIG_FILE", &path).envs(more.iter().copied()).args(["status", "Leads", "1001"])).0
    };
    sim.accept_token("1000.good");
    assert_eq!(exit_status(&[], &[]), Some(4));
    assert_eq!(exit_status(&[("ZMD_ACCESS_TOKEN", TOKEN)], &[]), Some(0));
    assert_eq!(exit_status(&[("ZMD_PROFILE", "good")], &[]), Some(0));
    assert_eq!(exit_status(&[], &["--profile", "good"]), Some(0));
    assert_eq!(exit_status(&[], &["--profile", "other"]), Some(4));
}

/// The accounts server's list with a data center that this version does not know, at the URL.
pub fn list_with(url: &str) -> zmd_sim::Reply {
    let list = r#"{"result":"success","locations":{"us":"https://accounts.zoho.com","xy":"URL"}}"#;
    zmd_sim::Reply::json(200, &list.replace("URL", url))
}

#[test]
fn a_data_center_that_is_newer_than_this_version_comes_from_the_list() {
    let (sim, new, home) = (accounts(), accounts(), Directory::new("newer"));
    let secret = home.file("secret", SECRET);
    let login = |name: &str| {
        run(program(&sim, &home, &["login", "--data-center", name, "--client-id", ID, "--client-secret-file", &secret])
            .args(["--org-id", "77"]))
    };
    std::fs::create_dir_all(config(&home).parent().unwrap()).unwrap();
    std::fs::write(config(&home), "[default]\ndata_center = \"eu\"\n").unwrap();
    sim.next_token(list_with(&new.url()));
    let (exit, _, err) = login("XY");
    assert_eq!(exit, Some(0), "{err}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    assert!(text.contains(&format!("accounts_url = \"{}\"", new.url())) && !text.contains("data_center"), "{text}");
    // The profile leads to its server, without the variable.
    let mut status = zmd(&home.0, &[]);
    let (exit, _, err) = run(status.args(["status", "Leads", "1001"]));
    assert_eq!((exit, new.requests()), (Some(0), 1), "{err}");
    // A name that nobody knows.
    let (exit, _, err) = login("uss");
    assert_eq!(exit, Some(4));
    assert!(err.contains("there is no data center uss") && err.contains("did you mean us?"), "{err}");
    // Without the list, those that are known work all the same.
    sim.next_token(zmd_sim::Reply::json(503, "{}"));
    let (exit, _, err) = login("xy");
    assert!(exit == Some(4) && err.contains("lists no data centers (HTTP 503)"), "{exit:?} {err}");
    let asked = sim.all_requests().iter().filter(|request| request.target == "/oauth/serverinfo").count();
    assert_eq!(login("jp").0, Some(0));
    let asked_now = sim.all_requests().iter().filter(|request| request.target == "/oauth/serverinfo").count();
    assert_eq!((asked, asked_now), (3, 3));
}

#[test]
fn a_known_data_center_takes_the_place_of_a_newer_one() {
    let (sim, home) = (accounts(), Directory::new("older"));
    std::fs::create_dir_all(config(&home).parent().unwrap()).unwrap();
    let login = |center: &[&str]| {
        let mut login = program(&sim, &home, &["login", "--client-id", ID, "--org-id", "77"]);
        let (exit, _, err) = run(login.args(center).env("ZMD_CLIENT_SECRET", SECRET));
        assert_eq!(exit, Some(0), "{err}");
        std::fs::read_to_string(config(&home)).unwrap()
    };
    std::fs::write(config(&home), "[default]\naccounts_url = \"https://accounts.zoho.xy\"\n").unwrap();
    // Nothing said: it stays.
    let text = login(&[]);
    assert!(text.contains("accounts.zoho.xy") && !text.contains("data_center"), "{text}");
    let text = login(&["--data-center", "eu"]);
    assert!(!text.contains("accounts_url") && text.contains("data_center = \"eu\""), "{text}");
    // Another server, such as a gateway, was set by a person, and stays.
    std::fs::write(config(&home), "[default]\naccounts_url = \"https://gateway.example\"\n").unwrap();
    let text = login(&["--data-center", "eu"]);
    assert!(text.contains("gateway.example") && text.contains("data_center = \"eu\""), "{text}");
}

#[cfg(unix)]
#[test]
fn a_newer_data_center_is_offered_at_the_terminal() {
    let (sim, new, home) = (accounts(), accounts(), Directory::new("offered"));
    let secret = home.file("secret", SECRET);
    sim.next_token(zmd_sim::Reply::json(503, "{}"));
    sim.next_token(list_with(&new.url()));
    let (exit, shown) = dialogue(
        &mut program(&sim, &home, &["login", "--org-id", "77", "--client-secret-file", &secret, "--client-id", ID]),
        &[
            ("asks Zoho for the list", ""),
            ("Choice [us]: ", "another\n"),
            ("lists no data centers", ""),
            ("Choice [us]: ", "12\n"),
            ("These are newer:", ""),
            ("  1  xy  127.0.0.1", ""),
            ("Choice [xy]: ", "\n"),
            ("Choice [production]: ", "\n"),
            ("Open http://127.0.0.1", ""),
        ],
    );
    assert_eq!(exit, 0, "{shown}");
    let text = std::fs::read_to_string(config(&home)).unwrap();
    assert!(text.contains(&format!("accounts_url = \"{}\"", new.url())), "{text}");
}
