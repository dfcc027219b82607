//! The manual pages have everything.

use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use zmd_core::Setting;

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A manual page as it is read, in very long lines.
fn page(name: &str) -> String {
    page_at(Path::new(&format!("{ROOT}/doc/{name}")), "warning")
}

/// The same for a file, in which mandoc finds nothing of this level or worse.
fn page_at(path: &Path, level: &str) -> String {
    let lint = run(Command::new("mandoc").args(["-Tlint", &format!("-W{level}")]).arg(path));
    assert_eq!(lint, (Some(0), String::new(), String::new()));
    let text = text_of(Command::new("mandoc").args(["-Tutf8", "-Owidth=1000"]).arg(path).env("LC_ALL", "C.UTF-8"));
    // mandoc writes bold and italic as characters that are struck over others.
    let mut plain = String::new();
    for c in text.chars() {
        if c == '\u{8}' {
            plain.pop();
        } else {
            plain.push(c);
        }
    }
    plain
}

#[test]
fn the_manual_page_of_the_library_is_complete() {
    if missing("mandoc") {
        return;
    }
    let page = page("zmd.3");
    let squeezed = without_blanks(&page);
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    let functions: Vec<_> = header
        .lines()
        .skip_while(|line| !line.starts_with("extern"))
        .skip(1)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let functions = functions.join("\n");
    let code: String = functions.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, code)| code)).collect();
    let mut count = 0;
    for prototype in code.split_inclusive(';').filter(|part| part.contains('(')) {
        let prototype = without_blanks(&prototype.replace("struct ", "").replace("ZMD_API", ""));
        assert!(squeezed.contains(&prototype), "zmd.3 lacks {prototype}");
        count += 1;
    }
    assert_eq!(count, header.matches("\nZMD_API\n").count());
    for line in header.lines().filter(|line| line.starts_with("  ZMD_") && !line.contains("STATE")) {
        let (name, number) = line.trim().trim_end_matches(',').split_once(" = ").unwrap();
        assert!(page.contains(&format!("{name} ({number})")), "zmd.3 lacks {name}");
    }
    assert!(page.contains(&format!("libzmd {}", full_version())));
}

#[test]
fn the_manual_page_of_the_settings_is_complete() {
    if missing("mandoc") {
        return;
    }
    let directory = scratch("man5");
    text_of(zmd_command(&[]).arg("man").arg(&directory));
    let page = page_at(&directory.join("man5/zmd-settings.5"), "error");
    for Setting { key, default, meaning, takes, .. } in zmd_core::SETTINGS {
        let entry = format!("{key}, ZMD_{}", key.to_uppercase());
        let text = page.split_once(&entry).unwrap_or_else(|| panic!("zmd-settings.5 lacks {entry}")).1;
        let text = text.split_once("\n\n").unwrap().0;
        let takes = format!("Takes {}", takes());
        assert!(text.contains(&takes.replace('`', "")), "{entry}: {text:?} lacks {takes:?}");
        assert!(text.contains(&meaning[1..].replace('`', "")), "{entry}: {text:?} lacks {meaning:?}");
        assert!(default.is_empty() || text.contains(&format!("the default is {default}.")), "{entry}: {text}");
    }
    assert!(page.contains(&format!("zmd {}", full_version())));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_manual_pages_of_the_command_are_complete() {
    if missing("mandoc") {
        return;
    }
    let directory = scratch("man1");
    text_of(zmd_command(&[]).arg("man").arg(&directory));
    for (name, command) in [("zmd.1", None), ("zmd-wait.1", Some("wait")), ("zmd-login.1", Some("login"))] {
        let page = page_at(&directory.join("man1").join(name), "error");
        let help = text_of(zmd_command(&[]).args(command).arg("--help"));
        let options = help.split([' ', '\n', ',']).filter(|word| word.starts_with("--") && word.len() > 3);
        let mut count = 0;
        for option in options.map(|option| option.trim_end_matches("...")) {
            assert!(page.contains(option), "{name} lacks {option}");
            count += 1;
        }
        assert!(count >= 3, "{help}");
    }
    assert!(page_at(&directory.join("man1/zmd.1"), "error").contains(&full_version()));
    fs::remove_dir_all(directory).unwrap();
}
