//! No file of the core or of the C interface uses one that lies above it: the lists of files in CONTRIBUTING.md are the floors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::*;

/// A module, by the names that lead to it: `["http", "tls"]`.
type Module = Vec<String>;

/// The modules of a crate, each with its code; what only tests compile is left out.
fn modules(root: &Path) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    let mut of_tests: Vec<Module> = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = name.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            let source = fs::read_to_string(&path).unwrap();
            let mut code = Vec::new();
            let (mut is_test, mut is_inside) = (false, false);
            for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
                // In a module within the file `super` is the file.
                is_inside |= line.contains("mod ") && line.ends_with('{') && !line.starts_with(' ');
                is_inside &= !line.starts_with('}');
                let line = if is_inside { line.replace("super::", "self::") } else { line.to_owned() };
                if let Some((_, name)) = line.split_once("mod ").filter(|_| is_test) {
                    match name.strip_suffix(';') {
                        Some(name) => of_tests.push([&*module, &[name.to_owned()]].concat()),
                        // Tests are at the foot of a file.
                        None => break,
                    }
                }
                is_test = line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
                code.push(line);
            }
            found.insert(module, code.join("\n"));
        }
    }
    found.retain(|module, _| !of_tests.contains(module));
    found
}

/// The paths at the beginning of `text`, which may have braces: `a::{b, c::d}` is `a::b` and `a::c::d`. Returns the rest.
fn paths<'a>(text: &'a str, prefix: &[String], found: &mut Vec<Module>) -> &'a str {
    let (mut text, mut path) = (text.trim_start(), prefix.to_vec());
    loop {
        if let Some(inside) = text.strip_prefix('{') {
            text = inside.trim_start();
            while !text.is_empty() && !text.starts_with('}') {
                text = paths(text, &path, found).trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            }
            return text.strip_prefix('}').unwrap_or(text);
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        // `*` names no module.
        if end == 0 {
            found.push(path);
            return text.split_once([',', '}', ';']).map_or("", |(before, _)| &text[before.len()..]);
        }
        path.push(text[..end].to_owned());
        match text[end..].trim_start().strip_prefix("::") {
            Some(more) => text = more.trim_start(),
            None => {
                found.push(path);
                let rest = text[end..].trim_start();
                let alias = rest
                    .strip_prefix("as ")
                    .map(|alias| alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
                return alias.unwrap_or(rest);
            }
        }
    }
}

/// The modules that a module uses.
fn uses(module: &Module, modules: &BTreeMap<Module, String>) -> Vec<Module> {
    let code = &modules[module];
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if is_whole {
                paths(&code[at..], &[], &mut found);
            }
        }
    }
    // A face names its own: `pub use exchange::Http`.
    for (at, _) in code.match_indices("use ") {
        let text = &code[at + 4..];
        let first = text.split("::").next().unwrap();
        if modules.contains_key(&[module.as_slice(), &[first.to_owned()]].concat()) {
            paths(text, &["self".to_owned()], &mut found);
        }
    }
    let mut used: Vec<Module> = found
        .into_iter()
        .map(|path| {
            let mut at = if path[0] == "crate" { Vec::new() } else { module.clone() };
            for name in &path {
                match &**name {
                    "crate" | "self" => {}
                    "super" => drop(at.pop()),
                    name => {
                        at.push(name.to_owned());
                        if !modules.contains_key(&at) {
                            at.pop();
                            break;
                        }
                    }
                }
            }
            at
        })
        .filter(|used| used != module)
        .collect();
    used.sort();
    used.dedup();
    used
}

fn name(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("/") }
}

#[test]
fn no_file_uses_one_that_lies_above_it() {
    let text = fs::read_to_string(format!("{ROOT}/CONTRIBUTING.md")).unwrap();
    for (heading, source) in [("### The C interface\n", "src"), ("### The core\n", "core/src")] {
        let modules = modules(&Path::new(ROOT).join(source));
        let section = text.split_once(heading).unwrap_or_else(|| panic!("CONTRIBUTING.md has no {heading}")).1;
        let section = section.split("\n#").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let floors: Vec<_> = rows.map(|(name, _)| name.to_owned()).collect();
        let mut listed = floors.clone();
        listed.sort();
        let mut names: Vec<_> = modules.keys().map(name).collect();
        names.sort();
        assert_eq!(listed, names, "CONTRIBUTING.md lists the files of {source}");
        let floor = |name: &str| floors.iter().position(|row| row == name).unwrap();
        for module in modules.keys() {
            let above = name(module);
            for used in uses(module, &modules) {
                let below = name(&used);
                assert!(floor(&above) < floor(&below), "{source}: {above} uses {below}, which lies above it");
            }
        }
    }
}

#[test]
fn paths_with_braces() {
    let mut found = Vec::new();
    let rest = paths("crate::{a, b::{self, C as D}, e::*};\nuse x", &[], &mut found);
    let found: Vec<_> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::a", "crate::b::self", "crate::b::C", "crate::e"]);
    assert!(rest.starts_with(';'), "{rest}");
}

#[test]
fn every_script_is_listed() {
    let text = fs::read_to_string(format!("{ROOT}/CONTRIBUTING.md")).unwrap();
    let table = text.split_once("| script | what it does |").unwrap().1.split("\n\n").next().unwrap();
    let listed: BTreeSet<_> =
        table.lines().flat_map(|line| line.split('|').nth(1)).flat_map(|cell| cell.split('`')).collect();
    for script in fs::read_dir(format!("{ROOT}/scripts")).unwrap() {
        let name = script.unwrap().file_name().into_string().unwrap();
        assert!(listed.contains(&*name), "CONTRIBUTING.md does not list scripts/{name}");
    }
}
