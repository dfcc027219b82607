//! Where the built library comes from: it says what it consists of, and nothing of the machine that built it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::*;
use serde_json::Value;

/// The script keeps the flags that it is given, whatever the variable, and does not add its own twice: other flags would
/// be another build.
#[test]
fn the_flags_against_paths_come_once_and_beside_others() {
    let flags = |given: Option<(&str, &str)>, twice: bool| {
        let script = format!("{ROOT}/cross/pathless");
        let mut command = Command::new(&script);
        command.args(twice.then_some(&script)).args(["sh", "-c", "echo \"$CARGO_ENCODED_RUSTFLAGS|$CFLAGS\""]);
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CFLAGS");
        text_of(command.env("CARGO_HOME", "/a b").envs(given))
    };
    let alone = flags(None, false);
    assert!(alone.starts_with("--remap-path-prefix=/a b=/cargo\x1f--remap-path-prefix="), "{alone:?}");
    assert!(alone.ends_with("|-g0\n"), "{alone:?}");
    assert_eq!(flags(None, true), alone);
    let more = format!("-Copt-level=1\x1f-Cdebuginfo=0\x1f{alone}");
    for twice in [false, true] {
        assert_eq!(flags(Some(("RUSTFLAGS", " -Copt-level=1  -Cdebuginfo=0 ")), twice), more);
        assert_eq!(flags(Some(("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=1\x1f-Cdebuginfo=0")), twice), more);
    }
    assert!(flags(Some(("CFLAGS", "-O1")), true).ends_with("|-O1 -g0\n"));
}

#[test]
fn the_sboms_list_what_is_compiled_in() {
    let lock = fs::read_to_string(format!("{ROOT}/Cargo.lock")).unwrap();
    for (name, package) in [("libzmd", "zmd"), ("zmd", "zmd-cli"), ("zmd-sim", "zmd-sim")] {
        let text = fs::read_to_string(format!("{ROOT}/sbom/{name}.cdx.json")).unwrap();
        let sbom: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
        assert_eq!(paths_in(&text), [""; 0], "{name}");
        let reference = |component: &Value| component["bom-ref"].as_str().unwrap().to_owned();
        let components = sbom["components"].as_array().unwrap();
        let listed = components.iter().chain([&sbom["metadata"]["component"]]).map(reference);
        let wanted = compiled_in(&["-p", package, "--target", "all"]).into_iter();
        let wanted: BTreeSet<_> = wanted.map(|compiled| format!("{}@{}", compiled.name, compiled.version)).collect();
        let listed: BTreeSet<_> = listed.collect();
        assert!(wanted.len() > 40, "{wanted:?}");
        let (lacks, stale) = (&wanted - &listed, &listed - &wanted);
        assert!(
            lacks.is_empty() && stale.is_empty(),
            "sbom/{name}.cdx.json is stale: run `make sbom`. It lacks {lacks:?}, and has {stale:?}"
        );
        for component in components {
            let (name, version) = (component["name"].as_str().unwrap(), component["version"].as_str().unwrap());
            assert_eq!(reference(component), format!("{name}@{version}"));
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
            // The archive's checksum; ours have none.
            let in_lock = lock.split_once(&format!("name = \"{name}\"\nversion = \"{version}\"\n")).unwrap().1;
            let checksum = in_lock.split("\n\n").next().unwrap().split_once("checksum = \"");
            let checksum = checksum.map(|(_, rest)| rest.split('"').next().unwrap());
            assert_eq!(component["hashes"][0]["content"].as_str(), checksum, "{name} {version}");
        }
        let dependencies = sbom["dependencies"].as_array().unwrap();
        let listed: BTreeSet<_> = dependencies.iter().map(|entry| entry["ref"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, wanted, "{name}");
    }
}

/// Paths and times would make it another file on each machine.
fn paths_in(sbom: &str) -> Vec<String> {
    let odd = |line: &&str| ["file://", "timestamp", "serialNumber", ROOT].iter().any(|word| line.contains(word));
    sbom.lines().filter(odd).map(str::to_owned).collect()
}

/// What a file in TOML has in its list of targets.
fn targets_of(file: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let list = text.split_once("targets = [").unwrap().1.split_once(']').unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The crates of others that are compiled into the library and the programs, for these targets.
fn of_others<'a>(targets: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let arguments: Vec<_> =
        ["--workspace"].into_iter().chain(targets.into_iter().flat_map(|target| ["--target", target])).collect();
    let all = compiled_in(&arguments).into_iter().filter(|compiled| !compiled.is_own);
    all.map(|compiled| format!("{} {}", compiled.name, compiled.version)).collect()
}

#[test]
fn the_licenses_are_those_of_what_is_compiled_in() {
    let targets = targets_of("about.toml");
    assert_eq!(targets, targets_of("deny.toml"));
    let licenses = fs::read_to_string(format!("{ROOT}/THIRD-PARTY-LICENSES")).unwrap();
    // `  * serde_derive 1.0.229, https://...`
    let crates = licenses.lines().filter_map(|line| line.strip_prefix("  * "));
    let listed: BTreeSet<_> = crates.map(|line| line.split(',').next().unwrap().to_owned()).collect();
    let wanted = of_others(targets.iter().map(String::as_str));
    assert!(wanted.len() > 50, "{wanted:?}");
    // cargo-about takes the targets together, and so finds some crates of no single one.
    let (missing, stale) = (&wanted - &listed, &listed - &of_others(["all"]));
    assert!(
        missing.is_empty() && stale.is_empty(),
        "THIRD-PARTY-LICENSES is stale: run `make licenses`. It lacks {missing:?}, and has {stale:?}"
    );
}

/// The script compares what packaging/mentions lists, and finds what is not listed.
#[test]
fn the_version_is_the_same_everywhere() {
    if missing("python3") {
        return;
    }
    let (exit, out, err) = run(&mut Command::new(format!("{ROOT}/scripts/version")));
    assert_eq!((exit, &*err), (Some(0), ""));
    assert!(out.starts_with(&format!("{} https://", full_version())), "{out}");
    assert_eq!(full_version(), env!("CARGO_PKG_VERSION"));
}
