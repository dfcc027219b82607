//! `zmd doctor`.

use std::path::Path;

use zmd_sim::{Job, Reply, Sim};

use crate::json;
use crate::login::{ID, REFRESH, SECRET, accounts, list_with, program};
use crate::program::*;

#[test]
fn doctor_finds_what_is_wrong() {
    let sim = accounts();
    let home = Directory::new("doctor");
    let url = sim.url();
    let doctor = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = zmd(&home.0, environment);
        run(command.env("ZMD_MAX_RETRIES", "0").env("ZMD_CONNECT_TIMEOUT_MS", "2000").arg("doctor").args(arguments))
    };
    let grant = [
        ("ZMD_ACCOUNTS_URL", &*url),
        ("ZMD_API_DOMAIN", &*url),
        ("ZMD_REFRESH_TOKEN", REFRESH),
        ("ZMD_CLIENT_ID", ID),
        ("ZMD_CLIENT_SECRET", SECRET),
    ];
    // One line if all is well.
    let (exit, out, err) = doctor(&grant, &["Leads", "1001"]);
    assert_eq!((exit, out.lines().count()), (Some(0), 1), "{out}{err}");
    assert!(out.starts_with("ok ") && out.contains("Leads 1001: COMPLETED"), "{out}");
    let (exit, out, err) = doctor(&grant, &["--verbose", "Leads", "1001"]);
    assert_eq!(exit, Some(0), "{out}{err}");
    for part in [
        "ZMD_REFRESH_TOKEN",
        "certificate authorities",
        "access token",
        "name lookup",
        "first byte",
        "job: Leads 1001: COMPLETED",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains(REFRESH) && !out.contains(SECRET), "{out}");

    let (exit, out, _) = doctor(&grant, &["--json", "Leads", "4711"]);
    assert_ne!(exit, Some(0));
    assert!(json::lines("check", &out).len() > 5);
    // The service reports the API credits once half of them are used.
    assert!(doctor(&grant, &["-v"]).1.contains("API credits: not reported"));
    sim.limit_credits(5000, 4000);
    assert!(doctor(&grant, &[]).1.contains("API credits: 999 remain"));
    sim.limit_credits(5000, 5000);
    let (exit, out, _) = doctor(&grant, &[]);
    assert!(exit == Some(3) && out.contains("API credits: 0 remain") && out.contains("are used up"), "{exit:?} {out}");
    sim.limit_credits(5000, 0);
    // A log that can't be written costs lines elsewhere; here it is found.
    let log = home.0.join("log/zmd.log");
    let with_log = [&grant[..], &[("ZMD_LOG_FILE", log.to_str().unwrap())]].concat();
    let (exit, out, _) = doctor(&with_log, &[]);
    assert!(exit == Some(4) && out.contains("log file: log_file ") && out.contains("can't be written"), "{out}");
    std::fs::create_dir(home.0.join("log")).unwrap();
    assert!(doctor(&with_log, &["-v"]).1.contains("ok   log file: "));
    // The disk is full.
    if cfg!(target_os = "linux") {
        let full = [&grant[..], &[("ZMD_LOG_FILE", "/dev/full")]].concat();
        let (exit, out, _) = doctor(&full, &[]);
        assert!(exit == Some(4) && out.contains("log file: log_file /dev/full can't be written"), "{out}");
    }
    // Nothing set, a server that is not there, a token that is refused.
    for (environment, message) in [
        (vec![], "zmd login"),
        (vec![("ZMD_ACCESS_TOKEN", "x"), ("ZMD_API_DOMAIN", "https://nowhere.invalid")], "nowhere.invalid"),
        (vec![("ZMD_ACCESS_TOKEN", "1000.bad"), ("ZMD_API_DOMAIN", &*url)], "INVALID_TOKEN"),
    ] {
        let (exit, out, err) = doctor(&environment, &[]);
        assert_ne!(exit, Some(0), "{out}");
        assert!(format!("{out}{err}").contains(message), "{message}: {out}{err}");
    }
}

#[test]
fn a_job_counts_in_the_exit_status() {
    let (sim, home) = (accounts(), Directory::new("job"));
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "2", Job::new(50_000, 0.0));
    sim.add_job("Leads", "3", Job { failed: 1, ..Job::new(12, f64::INFINITY) });
    for (job, exit, mark) in [("1001", 0, "ok "), ("2", 2, "ok "), ("3", 1, "FAIL job: "), ("4711", 4, "FAIL job: ")] {
        let (code, out, _) = run(program(&sim, &home, &["doctor", "Leads", job]).env("ZMD_ACCESS_TOKEN", TOKEN));
        assert_eq!((code, out.contains(mark)), (Some(exit), true), "{out}");
    }
}

#[test]
fn a_setting_that_is_wrong_comes_with_its_place() {
    let home = Directory::new("place");
    let path = home.file(".config/zmd/config.toml", "[default]\ntimeout_ms = 'soon'\n");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (exit, out, _) = run(zmd(&home.0, &[]).arg("doctor"));
    assert_eq!((exit, out.contains(&format!("-> correct line 2 of {path}\n"))), (Some(4), true), "{out}");
    let (exit, out, _) = run(zmd(&home.0, &[("ZMD_TIMEOUT_MS", "soon")]).arg("doctor"));
    assert!(exit == Some(4) && out.contains("-> correct the variable ZMD_TIMEOUT_MS"), "{out}");
}

#[test]
fn doctor_names_a_data_center_that_is_newer_than_this_version() {
    let (sim, home) = (accounts(), Directory::new("newer-center"));
    let doctor = |variables: &[(&str, &str)]| {
        sim.next_token(list_with("https://accounts.zoho.xy"));
        let mut doctor = program(&sim, &home, &["doctor"]);
        run(doctor.envs(variables.iter().copied()).env("ZMD_CLIENT_ID", ID).env("ZMD_REFRESH_TOKEN", REFRESH)).1
    };
    let out = doctor(&[("ZMD_CLIENT_SECRET", SECRET), ("ZMD_DATA_CENTER", "xy")]);
    assert!(out.contains("correct the variable ZMD_DATA_CENTER"), "{out}");
    assert!(out.contains("data center xy") && out.contains("accounts_url to https://accounts.zoho.xy"), "{out}");
    sim.next_token(Reply::json(200, r#"{"error":"invalid_client"}"#));
    let out = doctor(&[("ZMD_CLIENT_SECRET", SECRET)]);
    assert!(out.contains("FAIL access token") && out.contains("zmd login --data-center xy"), "{out}");
}

#[test]
fn doctor_looks_at_clock_proxy_and_scope() {
    let (sim, home) = (accounts(), Directory::new("checks"));
    sim.accept_token(TOKEN);
    let url = sim.url();
    let doctor = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = zmd(&home.0, environment);
        command.envs([("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0")]).arg("doctor").args(arguments);
        run(&mut command)
    };
    let here = [("ZMD_API_DOMAIN", &*url)];
    sim.next(Reply::json(200, "{}").header("Date", "Tue, 01 Jan 2030 00:00:00 GMT"));
    let (exit, out, _) = doctor(&here, &[]);
    assert!(exit == Some(4) && out.contains("FAIL API: clock: ") && out.contains("NTP"), "{out}");
    let (exit, out, _) = doctor(&here, &["Leads", "error-OAUTH_SCOPE_MISMATCH"]);
    assert!(exit == Some(4) && out.contains("FAIL scope: ") && out.contains("ZohoCRM.mass_delete.READ"), "{out}");
    let proxied = [("ZMD_API_DOMAIN", "https://example.invalid"), ("ZMD_PROXY", "http://127.0.0.1:9")];
    let (exit, out, _) = doctor(&proxied, &[]);
    // It may pass.
    assert!(exit == Some(3) && out.contains("-> check the proxy's address"), "{out}");
}

#[cfg(unix)]
#[test]
fn doctor_finds_a_token_cache_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let (sim, home) = (accounts(), Directory::new("cache"));
    let cache = home.file("tokens", "");
    let mut login = program(&sim, &home, &["login", "--client-id", ID]);
    login.env("ZMD_CLIENT_SECRET", SECRET).env("ZMD_REFRESH_TOKEN", REFRESH);
    assert_eq!(run(&mut login).0, Some(0));
    for (mode, exit) in [(0o600, 0), (0o644, 4)] {
        std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(mode)).unwrap();
        // The token is there already, so the file is not written anew.
        let mut doctor = program(&sim, &home, &["doctor"]);
        let (code, out, _) = run(doctor.env("ZMD_TOKEN_CACHE", &cache));
        assert_eq!((code, out.contains("chmod 600")), (Some(exit), exit != 0), "{mode:o}: {out}");
    }
}

#[test]
fn doctor_knows_a_companys_own_authority() {
    let sim = Sim::builder().tls().start();
    sim.accept_token(TOKEN);
    let url = sim.url();
    let environment = [("ZMD_API_DOMAIN", &*url), ("ZMD_ACCESS_TOKEN", TOKEN), ("ZMD_MAX_RETRIES", "0")];
    let (exit, out, _) = run(zmd(Path::new("/nonexistent"), &environment).arg("doctor"));
    assert_ne!(exit, Some(0));
    assert!(out.contains("zmd-sim CA") && out.contains("ca_file"), "{out}");
}
