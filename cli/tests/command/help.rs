//! Help, manual pages and completions.

use std::process::Command;

use crate::login::{ID, REFRESH, SECRET, accounts, program};
use crate::program::*;

const COMMANDS: [&str; 7] = ["status", "wait", "login", "logout", "profiles", "doctor", "completions"];

fn help(arguments: &[&str]) -> String {
    let (exit, out, err) = run(zmd("/nonexistent".as_ref(), &[]).args(arguments));
    assert_eq!((exit, &*err), (Some(0), ""), "{arguments:?}");
    out
}

#[test]
fn every_help_has_examples_and_no_option_without_a_meaning() {
    for command in COMMANDS {
        let text = help(&[command, "--help"]);
        assert!(text.contains("Examples:\n  "), "{text}");
        assert_eq!(help(&["help", command]), text);
        assert_eq!(text.contains("--profile"), command != "completions", "{text}");
    }
    let all = help(&["--help"]);
    assert!(all.contains("1, 4, 3, 2, 0") && !all.contains("Write the manual pages"), "{all}");
    assert_eq!(help(&["help"]), all);
    let (exit, _, err) = run(zmd("/nonexistent".as_ref(), &[]).args(["help", "setings"]));
    assert!(exit == Some(4) && err.contains("did you mean settings?"), "{err}");
}

#[test]
fn help_lists_every_setting() {
    let text = help(&["help", "settings"]);
    for setting in zmd_core::SETTINGS {
        let heading = format!("\n{}, ZMD_{}\n", setting.key, setting.key.to_uppercase());
        assert!(text.contains(&heading), "{heading}: {text}");
    }
}

#[test]
fn manual_pages_have_the_usual_sections() {
    let directory = Directory::new("man");
    help(&["man", directory.0.to_str().unwrap()]);
    for command in COMMANDS {
        let page = std::fs::read_to_string(directory.0.join(format!("man1/zmd-{command}.1"))).unwrap();
        for section in
            ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "FILES", "ENVIRONMENT", "\"SEE ALSO\""]
        {
            assert!(page.contains(&format!("\n.SH {section}\n")), "{command}: {section}: {page}");
        }
    }
    let pages: Vec<_> = std::fs::read_dir(directory.0.join("man1")).unwrap().collect();
    assert_eq!(pages.len(), COMMANDS.len() + 1);
}

/// The candidates for the last word.
fn completions(home: &Directory, words: &[&str]) -> Vec<String> {
    let mut command = zmd(&home.0, &[("ZMD_COMPLETE", "bash"), ("_CLAP_IFS", "\n")]);
    let index = (words.len() - 1).to_string();
    let (exit, out, err) = run(command.env("_CLAP_COMPLETE_INDEX", index).arg("--").args(words));
    assert_eq!((exit, &*err), (Some(0), ""), "{words:?}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn candidates_are_what_can_stand_there() {
    let (sim, home) = (accounts(), Directory::new("candidates"));
    let mut login = program(&sim, &home, &["--profile", "night", "login", "--client-id", ID]);
    assert_eq!(run(login.env("ZMD_CLIENT_SECRET", SECRET).env("ZMD_REFRESH_TOKEN", REFRESH)).0, Some(0));
    let list = home.file("list", "");
    let path = list.strip_suffix("st").unwrap();
    for (words, candidates) in [
        (&["zmd", "--profile", ""][..], &["night"][..]),
        (&["zmd", "wait", "Sal"], &["Sales_Orders"]),
        (&["zmd", "wait", "--timeout", "1"], &["15m", "1h", "12h", "1d"]),
        (&["zmd", "wait", "--file", path], &[&list]),
        (&["zmd", "login", "--client-id", ""], &[]),
        (&["zmd", "help", "se"], &["settings"]),
        (&["zmd", "wait", "--progress", "p"], &["plain"]),
    ] {
        assert_eq!(completions(&home, words), candidates, "{words:?}");
    }
    let commands = completions(&home, &["zmd", ""]);
    assert!(commands.contains(&"doctor".to_owned()) && !commands.contains(&"man".to_owned()), "{commands:?}");
}

#[test]
fn shells_ask_the_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(help(&["completions", shell]).contains("ZMD_COMPLETE"), "{shell}");
    }
    if Command::new("bash").arg("-c").arg(":").status().is_err() {
        return;
    }
    // No files where nothing else is offered.
    let script = help(&["completions", "bash"]);
    let (exit, out, err) = run(Command::new("bash").args(["-c", &format!("{script}\ncomplete -p zmd")]));
    assert!(exit == Some(0) && !out.contains("default") && err.is_empty(), "{out}{err}");
}
