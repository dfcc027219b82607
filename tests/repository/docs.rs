//! The documentation: lists that are written from the code, what commands print, links, the pages of the book.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::*;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};
use zmd_core::{ErrorKind, Observation, Pace, Recovery, SETTINGS, Setting};
use zmd_sim::{Job, Sim};

pub fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The file has this text; with `ZMD_WRITE_DOCS=1`, as `make docs` sets it, it is written.
fn is_up_to_date(path: &str, fresh: &str) {
    let committed = read(path);
    if committed == fresh {
        return;
    }
    if std::env::var_os("ZMD_WRITE_DOCS").is_some() {
        return fs::write(format!("{ROOT}/{path}"), fresh).unwrap();
    }
    let differs = committed.lines().zip(fresh.lines()).find(|(committed, fresh)| committed != fresh);
    panic!("{path} is stale, run `make docs`. The first difference: {differs:?}");
}

/// `text` with `fresh` between the first `begin` and the next `end`.
fn with_part(text: &str, begin: &str, end: &str, fresh: &str) -> String {
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("there is no {begin:?}"));
    let after = &rest[rest.find(end).unwrap_or_else(|| panic!("there is no {end:?} after {begin:?}"))..];
    format!("{before}{begin}{fresh}{after}")
}

/// Words in lines of at most this width. The first line begins with `first`, the others with `more`.
fn wrapped(words: &str, width: usize, first: &str, more: &str) -> String {
    let mut lines = vec![first.to_owned()];
    for word in words.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.len() > more.len().min(first.len()) && line.len() + 1 + word.len() > width {
            lines.push(format!("{more}{word}"));
        } else {
            let blank = if line.is_empty() || line.ends_with(' ') { "" } else { " " };
            *line += &format!("{blank}{word}");
        }
    }
    lines.join("\n") + "\n"
}

/// A kind of error, with its variant and the first paragraph of its documentation.
struct DocumentedError {
    kind: ErrorKind,
    variant: String,
    meaning: String,
}

fn documented_errors() -> Vec<DocumentedError> {
    let source = read("core/src/error.rs");
    let source = source.split_once("pub enum ErrorKind {\n").unwrap().1.split_once("\n}").unwrap().0;
    let mut errors = Vec::new();
    let mut paragraphs = vec![String::new()];
    for line in source.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some("") => paragraphs.push(String::new()),
            Some(text) => {
                let paragraph = paragraphs.last_mut().unwrap();
                *paragraph = format!("{paragraph}{text}").trim().to_owned();
            }
            None => {
                let (variant, number) = line.trim_end_matches(',').split_once(" = ").unwrap();
                let meaning = std::mem::replace(&mut paragraphs, vec![String::new()]).swap_remove(0);
                let kind = ErrorKind::from_number(number.parse().unwrap()).unwrap();
                errors.push(DocumentedError { kind, variant: variant.to_owned(), meaning });
            }
        }
    }
    assert_eq!(errors.len(), 22);
    errors
}

fn capitalized(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

#[test]
fn the_page_of_the_settings_lists_them() {
    let mut table = String::from("\n| key | default | meaning | what it takes |\n| --- | --- | --- | --- |\n");
    let mut rules = BTreeMap::new();
    for Setting { key, default, meaning, takes, .. } in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let rule = takes();
        let first = *rules.entry(rule.clone()).or_insert(key);
        let rule = if first != key && rule.len() > 60 { format!("as `{first}`") } else { rule };
        let rule = rule.replace("a whole number from ", "").replace(" (milliseconds)", "");
        table += &format!("| `{key}` | {default} | {meaning} | {rule} |\n");
    }
    let page = read("doc/settings.md");
    let fresh = with_part(&page, "from SETTINGS. -->\n", "<!-- End", &(table + "\n"));
    is_up_to_date("doc/settings.md", &fresh);
}

/// There they have the names that Python has: a time is in seconds.
#[test]
fn the_pages_of_the_engines_list_the_settings() {
    let names: Vec<_> = SETTINGS.iter().map(|setting| format!("`{}`", setting.key.trim_end_matches("_ms"))).collect();
    let list = wrapped(&names.join(", "), 140, "", "");
    for path in ["bindings/airflow/README.md", "bindings/spark/README.md"] {
        let fresh = with_part(&read(path), "from SETTINGS. -->\n\n", "\n<!-- End", &list);
        is_up_to_date(path, &fresh);
    }
}

/// build.rs copies it to zmd.h.
#[test]
fn the_documentation_of_zmd_config_set_lists_the_settings() {
    let mut list = String::from("///\n");
    for Setting { key, default, meaning, .. } in SETTINGS {
        let default = if default.is_empty() { String::new() } else { format!(" ({default})") };
        list += &wrapped(&format!("`{key}`{default}: {meaning}"), 120, "/// -", "///   ");
    }
    let source = read("src/config.rs");
    let fresh = with_part(&source, "The keys, with their defaults:\n", "///\n/// @param config", &list);
    is_up_to_date("src/config.rs", &fresh);
}

#[test]
fn the_docstring_of_the_python_client_lists_the_settings() {
    let mut list = String::new();
    for Setting { key, default, meaning, takes, .. } in SETTINGS {
        let seconds = |milliseconds: &str| milliseconds.parse::<f64>().unwrap() / 1000.0;
        let (mut default, mut takes) = (format!("``{default}``"), takes());
        if key.ends_with("_ms") {
            default = seconds(default.trim_matches('`')).to_string();
            let words: Vec<_> = takes.split(' ').collect();
            let [.., least, "to", most, "(milliseconds)"] = words[..] else { panic!("{key}: {takes}") };
            takes = format!("{} to {} seconds, or a ``timedelta``", seconds(least), seconds(most));
        }
        let default = if default == "````" { String::new() } else { format!("; the default is {default}") };
        let of_python = |text: &str| {
            let text = text.replace("_ms`", "`").replace('`', "``").replace("``````", "``");
            text.replace("``ZMD_ERR_STALLED``", ":class:`Stalled`")
        };
        let more = match *key {
            "access_token" => {
                ". Or a function that returns a token, for example from a vault: it is called when a token is needed, \
                 with the token that the service refused, or None; on a thread of its own, one call at a time. It \
                 may block: a call that waits for it ends at its time limit. An exception in it becomes an \
                 :class:`OAuthError` of that call, whose ``__cause__`` it is. That of an :class:`AsyncClient` may be a \
                 coroutine function, which runs in the event loop"
            }
            _ => "",
        };
        let name = key.trim_end_matches("_ms");
        let text = format!("{}. Takes {takes}{default}{more}.", capitalized(&of_python(meaning)));
        list += &wrapped(&text, 120, &format!("        :param {name}:"), "            ");
    }
    let path = "bindings/python/src/zmd/_base.py";
    let fresh = with_part(&read(path), "Nothing is sent yet.\n\n", "\n        Raises", &list);
    let fresh = with_part(&fresh, "also that of a subclass.\n\n", "        :param config_file:", &list);
    is_up_to_date(path, &fresh);
}

/// The Python package converts numbers, times and paths; all other settings are text.
#[test]
fn the_python_package_knows_what_each_setting_is() {
    let source = read("bindings/python/src/zmd/_settings.py");
    let names = |set: &str| {
        let list = source.split_once(&format!("\n{set} = {{")).expect("the set").1.split_once('}').unwrap().0;
        list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect::<BTreeSet<_>>()
    };
    let settings = |is_one: &dyn Fn(&Setting) -> bool| {
        let found = SETTINGS.iter().filter(|setting| is_one(setting));
        found.map(|setting| setting.key.trim_end_matches("_ms").to_owned()).collect::<BTreeSet<_>>()
    };
    let is_number = |setting: &Setting| setting.default.parse::<u64>().is_ok();
    assert_eq!(names("_SECONDS"), settings(&|setting| setting.key.ends_with("_ms")));
    assert_eq!(names("_NUMBERS"), settings(&|setting| is_number(setting) && !setting.key.ends_with("_ms")));
    let mut paths = settings(&|setting| (setting.takes)().starts_with("the path of "));
    paths.insert("config_file".to_owned());
    assert_eq!(names("_PATHS"), paths);
}

#[test]
fn the_types_of_the_settings_of_php_are_complete() {
    let mut list = String::new();
    for Setting { key, default, .. } in SETTINGS {
        let kind = match *key {
            "access_token" => "string|callable(?string): string",
            _ if default.parse::<u64>().is_ok() => "int",
            _ => "string",
        };
        list += &format!(" *     {key}?: {kind},\n");
    }
    let path = "bindings/php/src/Client.php";
    let fresh = with_part(&read(path), "@phpstan-type Settings array{\n", " * }", &list);
    is_up_to_date(path, &fresh);
}

#[test]
fn the_types_of_the_settings_of_node_are_complete() {
    let mut list = String::new();
    for Setting { key, default, meaning, takes, .. } in SETTINGS {
        let takes = takes();
        let kind = match (*key, takes.strip_prefix("one of ")) {
            ("access_token", _) => "string | TokenProvider".to_owned(),
            ("org_id", _) => "string | number".to_owned(),
            (_, Some(values)) => {
                let values = values.split(';').next().unwrap().split(", ");
                values.map(|value| format!("'{value}'")).collect::<Vec<_>>().join(" | ")
            }
            _ if default.parse::<u64>().is_ok() => "number | string".to_owned(),
            _ => "string".to_owned(),
        };
        let default = if default.is_empty() { String::new() } else { format!("; the default is `{default}`") };
        let more = if *key == "access_token" { " Or a function that provides one." } else { "" };
        let text = format!("{}. Takes {takes}{default}.{more}", capitalized(meaning));
        list += &format!("  /**\n{}   */\n  {key}?: {kind};\n", wrapped(&text, 120, "   *", "   * "));
    }
    let path = "bindings/node/index.d.ts";
    let fresh = with_part(&read(path), "export interface Settings {\n", "}\n", &list);
    is_up_to_date(path, &fresh);
}

/// build.rs copies it to zmd.h.
#[test]
fn the_documentation_of_an_error_says_what_to_do() {
    let mut list = String::new();
    for DocumentedError { kind, variant, meaning } in documented_errors() {
        list += &wrapped(&meaning, 120, "    ///", "    /// ");
        list += &format!("    ///\n{}", wrapped(kind.advice(), 120, "    ///", "    /// "));
        list += &format!("    {variant} = {},\n", kind as i32);
    }
    let fresh = with_part(&read("core/src/error.rs"), "pub enum ErrorKind {\n", "}\n", &list);
    is_up_to_date("core/src/error.rs", &fresh);
}

#[test]
fn the_page_of_the_errors_lists_them() {
    let mut table = String::from("\n| number | name | meaning | what to do | transient |\n");
    table += "| --: | --- | --- | --- | --- |\n";
    table += "| 0 | `ZMD_OK` | The call succeeded. | | |\n";
    for DocumentedError { kind, meaning, .. } in documented_errors() {
        let (name, advice) = (kind.name(), kind.advice());
        let recovery = match kind.recovery() {
            Recovery::Permanent => "",
            Recovery::PermanentIfRepeated => "for a minute of a wait",
            Recovery::Later => "yes, not retried",
            Recovery::Retried => "yes",
        };
        table += &format!("| {} | `{name}` | {meaning} | {advice} | {recovery} |\n", kind as i32);
    }
    let fresh = with_part(&read("doc/errors.md"), "from ErrorKind. -->\n", "<!-- End", &(table + "\n"));
    is_up_to_date("doc/errors.md", &fresh);
}

/// Text with backquotes as roff has it.
fn roff(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, part)| [part, ["\\fB", "\\fR"][at % 2]].concat())
        .collect::<String>()
        .trim_end_matches("\\fB")
        .to_owned()
}

#[test]
fn the_manual_page_of_the_library_lists_the_errors() {
    let mut list = ".TP\n.BR ZMD_OK \" (0)\"\nThe call succeeded.\n".to_owned();
    for DocumentedError { kind, meaning, .. } in documented_errors() {
        let text = format!("{meaning} {}", kind.advice());
        let marked = roff(&text);
        list += &format!(".TP\n.BR {} \" ({})\"\n{marked}\n", kind.name(), kind as i32);
    }
    is_up_to_date("doc/zmd.3", &with_part(&read("doc/zmd.3"), ".SH ERRORS\n", ".SH ENVIRONMENT", &list));
}

/// A row of doc/guarantees.md.
struct Guarantee {
    name: String,
    text: String,
    tests: String,
}

impl Guarantee {
    /// Its first sentence.
    fn sentence(&self) -> &str {
        self.text.split(". ").next().unwrap().trim_end_matches('.')
    }
}

fn guarantees() -> Vec<Guarantee> {
    let page = read("doc/guarantees.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| **"));
    let guarantees: Vec<_> = rows
        .map(|row| {
            let [name, text, tests] = row.trim_end_matches(" |").split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let name = name.trim_end_matches("**").to_owned();
            Guarantee { name, text: text.to_owned(), tests: tests.to_owned() }
        })
        .collect();
    assert!(guarantees.len() > 10);
    guarantees
}

/// `core::wait::outcome::a_wait_ends`: the test of that name in core/src/wait/outcome.rs or core/src/wait/outcome/mod.rs.
pub fn test_exists(test: &str) -> bool {
    let mut path: Vec<_> = test.split("::").collect();
    let name = path.pop().unwrap();
    let path = match path[0] {
        "core" => path.join("/").replacen("core", "core/src", 1),
        "src" => path.join("/"),
        _ => format!("tests/{}", path.join("/")),
    };
    let sources = [format!("{ROOT}/{path}.rs"), format!("{ROOT}/{path}/mod.rs")];
    let has_it = |source: String| source.contains("#[test]\n") && source.contains(&format!("fn {name}()"));
    sources.into_iter().filter_map(|path| fs::read_to_string(path).ok()).any(has_it)
}

#[test]
fn each_guarantee_has_tests() {
    for Guarantee { name, tests, .. } in guarantees() {
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{name}");
        for test in named {
            let exists = match test.split_once(' ') {
                Some(("make", script)) => Path::new(ROOT).join("scripts").join(script).exists(),
                _ if test.contains('/') => Path::new(ROOT).join(test).exists(),
                _ => test_exists(test),
            };
            assert!(exists, "{name}: there is no {test}");
        }
    }
    assert!(!test_exists("api::network::no_such_test"));
    let security = read("SECURITY.md");
    for path in security.split('`').skip(1).step_by(2).filter(|code| code.contains("/") && code.ends_with(".rs")) {
        assert!(Path::new(ROOT).join(path).exists(), "SECURITY.md: there is no {path}");
    }
}

/// build.rs writes it into zmd.h.
#[test]
fn the_header_and_the_manual_page_begin_with_the_guarantees() {
    let (mut header, mut manual) = (String::new(), String::new());
    for guarantee in guarantees() {
        let (name, text) = (&guarantee.name, guarantee.sentence());
        header += &wrapped(&format!("**{name}**: {}.", text.replace('`', "")), 120, " * -", " *   ");
        manual += &format!(".TP\n.B {name}\n{}.\n", roff(text));
    }
    let begin = "and zmd_last_error() describes it.\n";
    is_up_to_date("build.rs", &with_part(&read("build.rs"), begin, " * - **Strings**", &header));
    is_up_to_date("doc/zmd.3", &with_part(&read("doc/zmd.3"), ".SS Guarantees\n", ".SH \"RETURN", &manual));
}

/// The docstring of each exception that is one error, in the package for Python.
#[test]
fn the_python_exceptions_are_documented_as_the_errors() {
    let path = "bindings/python/src/zmd/errors.py";
    let mut source = read(path);
    let mut count = 0;
    for DocumentedError { kind, meaning, .. } in documented_errors() {
        let (name, advice) = (kind.name().trim_start_matches("ZMD_ERR_"), kind.advice());
        // These exceptions are families, or belong to several numbers.
        if ["NULL_POINTER", "INVALID_ARGUMENT", "NETWORK", "API"].contains(&name) {
            continue;
        }
        let code = match name {
            "INTERNAL" => "class InternalError(Error):\n".to_owned(),
            name => format!("    code: AnyCode = ErrorCode.{name}\n"),
        };
        // The class that ends with this attribute.
        let at = source.find(&code).unwrap_or_else(|| panic!("no class has {code}"));
        let begin = source[..at + code.len()].rfind("\nclass ").unwrap() + 1;
        let head = source[begin..].split_inclusive('\n').next().unwrap().to_owned();
        let of_python = |text: &str| {
            let text = text.replace("`zmd_last_error()`", "the message").replace("_ms`", "`");
            text.replace('`', "``").replace("``````", "``")
        };
        let mut docstring =
            wrapped(&format!("{} {}", of_python(&meaning), of_python(advice)), 120, "    \"\"\"", "    ");
        docstring = docstring.replacen("\"\"\" ", "\"\"\"", 1);
        docstring.insert_str(docstring.len() - 1, "\"\"\"");
        let (before, class) = source.split_at(begin);
        let end = if name == "INTERNAL" { "\n\n# By number" } else { "\n    code: AnyCode" };
        source = format!("{before}{}", with_part(class, &head, end, &docstring));
        count += 1;
    }
    assert_eq!(count, 18);
    is_up_to_date(path, &source);
}

/// When a job is polled, in seconds after the first poll, up to a limit or until it has ended. `deleted` is what it has
/// deleted by then, of `total` records.
fn polls(total: i64, limit: f64, deleted: impl Fn(f64) -> Option<i64>) -> Vec<f64> {
    let mut pace = Pace::new(Duration::from_secs(1), Duration::from_secs(60));
    let (mut times, mut now) = (Vec::new(), 0.0);
    while now <= limit {
        times.push(now);
        let deleted = deleted(now).map(|deleted| deleted.min(total));
        if deleted == Some(total) {
            break;
        }
        let progress = Observation::Progress { total: deleted.map(|_| total), deleted, failed: deleted.map(|_| 0) };
        now += pace.next_pause(Duration::from_secs_f64(now), progress).as_secs_f64();
    }
    times
}

#[test]
fn the_page_about_waiting_has_an_example_in_numbers() {
    let steady = polls(12_000, f64::INFINITY, |now| Some((now * 20.0) as i64));
    let silent = |limit| polls(0, limit, |_| None).len();
    let times: Vec<_> = steady.iter().map(|time| format!("{time:.1}")).collect();
    let text = format!(
        "For example, with the defaults, a job that deletes 12,000 records, 20 a second, takes ten minutes. It is polled {} times, \
         this many seconds after the first poll: {}. So its end is noticed {:.1} s late. A job that reports no counts is polled \
         {} times in the first minute and {} times in four hours.",
        times.len(),
        times.join(", "),
        steady.last().unwrap() - 600.0,
        silent(60.0),
        silent(4.0 * 3600.0),
    );
    let fresh = with_part(
        &read("doc/waiting.md"),
        "from Pace. -->\n",
        "<!-- End",
        &format!("\n{}\n", wrapped(&text, 140, "", "")),
    );
    is_up_to_date("doc/waiting.md", &fresh);
}

/// Each `console` block of the README and the pages: what follows a command is what it prints.
#[test]
fn commands_print_what_the_documentation_shows() {
    let sim = sim();
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    sim.add_job("Leads", "111111000000333333", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    sim.add_job("Contacts", "111111000000444444", Job::new(50_000, f64::INFINITY));
    let home = scratch("console");
    let mut commands = 0;
    for path in markdown_files().into_iter().filter(|path| path == "README.md" || path.starts_with("doc/")) {
        let page = read(&path);
        let mut fresh = String::new();
        let mut rest = &*page;
        while let Some((before, block)) = rest.split_once("```console\n") {
            let (block, after) = block.split_once("```").unwrap();
            fresh += &format!("{before}```console\n");
            for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
                fresh += &format!("$ {line}\n{}", printed(line, &sim, &home));
                commands += 1;
            }
            fresh += "```";
            rest = after;
        }
        is_up_to_date(&path, &(fresh + rest));
    }
    assert!(commands >= 4, "{commands}");
    fs::remove_dir_all(home).unwrap();
}

fn printed(line: &str, sim: &Sim, home: &Path) -> String {
    let program = PathBuf::from(zmd_command(&[]).get_program());
    let mut shell = Command::new("sh");
    shell.env_clear().env("HOME", home).args(["-c", &format!("exec 2>&1\n{line}")]);
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()));
    run(environment(&mut shell, sim)).1
}

/// Every Markdown file of the repository.
pub fn markdown_files() -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![PathBuf::from(ROOT)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let built = name.starts_with('.') || ["target", "node_modules"].contains(&&*name);
            if entry.file_type().unwrap().is_dir() && !built {
                directories.push(path);
            } else if name.ends_with(".md") {
                files.push(path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(CowStr::into_string(dest_url));
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                // As GitHub and mdBook make them.
                let title = heading.take().unwrap().to_lowercase().replace(' ', "-");
                let slug: String = title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
                let count = used.entry(slug.clone()).or_default();
                page.anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            _ => {}
        }
    }
    page
}

/// The path that a link of this file means, and the anchor. None: a page elsewhere.
fn target_of(file: &str, link: &str) -> Option<(String, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor.to_owned())));
    if path.is_empty() {
        return Some((file.to_owned(), anchor));
    }
    let mut parts: Vec<_> = Path::new(file).parent().unwrap().components().collect();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => assert!(parts.pop().is_some(), "{file}: {link} leaves the repository"),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    let path: PathBuf = parts.into_iter().collect();
    Some((path.to_str().unwrap().to_owned(), anchor))
}

/// The targets of the links of a file within the repository, with their anchors.
fn targets_of(file: &str) -> Vec<(String, Option<String>)> {
    parse(&read(file)).links.iter().filter_map(|link| target_of(file, link)).collect()
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for file in markdown_files() {
        for (path, anchor) in targets_of(&file) {
            count += 1;
            if !Path::new(ROOT).join(&path).exists() {
                broken.push(format!("{file}: there is no {path}"));
            } else if let Some(anchor) = anchor
                && !parse(&read(&path)).anchors.contains(&anchor)
            {
                broken.push(format!("{file}: {path} has no heading for #{anchor}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 100, "{count}");
}

fn pages() -> Vec<String> {
    let pages = markdown_files().into_iter().filter(|path| path.starts_with("doc/") && path != "doc/SUMMARY.md");
    pages.collect()
}

#[test]
fn the_readme_links_to_every_page_and_each_links_back() {
    let targets = |file: &str| targets_of(file).into_iter().map(|(path, _)| path).collect::<BTreeSet<_>>();
    let of_the_readme = targets("README.md");
    for page in pages() {
        assert!(of_the_readme.contains(&page), "README.md has no link to {page}");
        assert!(targets(&page).contains("README.md"), "{page} has no link to README.md");
    }
}

/// mdBook makes pages of the files in SUMMARY.md only, and takes a link to another Markdown file to be one to a page.
#[test]
fn the_book_has_every_page() {
    let summary: Vec<_> = targets_of("doc/SUMMARY.md").into_iter().map(|(path, _)| path).collect();
    let listed: BTreeSet<_> = summary.iter().cloned().collect();
    assert_eq!(listed.len(), summary.len(), "a page is listed twice");
    for page in pages() {
        assert!(listed.contains(&page), "doc/SUMMARY.md lacks {page}");
    }
    for file in &listed {
        for (path, _) in targets_of(file) {
            assert!(
                !path.ends_with(".md") || listed.contains(&path),
                "{file} links to {path}, which is not in the book"
            );
            assert!(Path::new(ROOT).join(&path).is_file(), "{file} links to {path}, which is not a file");
        }
    }
}

/// A reader of the crate can follow the links of what is packaged.
#[test]
fn the_links_of_the_packaged_pages_lead_to_packaged_files() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["package", "-p", "zmd", "--list", "--allow-dirty", "--offline"]).current_dir(ROOT);
    let list = text_of(&mut command);
    let packaged: BTreeSet<_> = list.lines().collect();
    for file in packaged.iter().filter(|file| file.ends_with(".md")) {
        for (path, _) in targets_of(file) {
            assert!(packaged.contains(&*path), "{file} links to {path}, which Cargo.toml does not include");
        }
    }
}

/// The package for Python is read where the repository is not: on PyPI, and in a source distribution.
#[test]
fn the_readmes_of_the_python_packages_stand_alone() {
    for package in ["python", "airflow", "dagster", "prefect", "spark"] {
        let file = format!("bindings/{package}/README.md");
        let outside: Vec<_> = targets_of(&file).into_iter().map(|(path, _)| path).collect();
        let package = format!("bindings/{package}/");
        assert!(outside.iter().all(|path| path.starts_with(&package)), "{file} links to {outside:?}");
    }
}

/// A code block says in which language it is, so that it can be highlighted and tested.
#[test]
fn every_code_block_names_its_language() {
    for file in markdown_files() {
        for event in Parser::new(&read(&file)) {
            if let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) = event {
                assert!(!language.is_empty(), "{file} has a code block without a language");
            }
        }
    }
}

/// Words that are spelled otherwise in American English, at the beginning of a word.
const BRITISH: [&str; 20] = [
    "analyse",
    "artefact",
    "authoris",
    "behaviour",
    "catalogue",
    "centre",
    "coloured",
    "favour",
    "fulfil ",
    "grey",
    "initialis",
    "judgement",
    "labelled",
    "licence",
    "neighbour",
    "normalis",
    "optimis",
    "organis",
    "recognis",
    "serialis",
];

/// Words for which the pages have another.
const ONE_WORD: [(&str, &str); 9] = [
    ("answer", "response"),
    ("reply", "response"),
    ("replies", "responses"),
    ("time-out", "timeout, time limit or deadline"),
    ("may pass", "transient"),
    ("left behind", "left"),
    ("full jitter", "what it does"),
    ("dialogue", "what it asks"),
    ("stdout", "standard output"),
];

#[test]
fn one_word_for_one_thing() {
    let is_of_an_engine = |page: &str| ["airflow", "spark", "engines"].iter().any(|engine| page.contains(engine));
    let more = ["include/zmd.h", "doc/zmd.3", "bindings/cpp/zmd.hpp", "cli/src/args/mod.rs", "cli/src/args/help.rs"];
    for file in markdown_files().into_iter().chain(more.map(str::to_owned)) {
        // Code is as others have named it.
        let text: String = read(&file).split('`').step_by(2).collect::<Vec<_>>().join("").to_lowercase();
        for word in BRITISH {
            let at = text.match_indices(word).find(|(at, _)| !text[..*at].ends_with(char::is_alphabetic));
            assert!(at.is_none(), "{file}: {word} is British");
        }
        let is_page = ["README.md", "SECURITY.md", "CHANGELOG.md"].contains(&&*file) || file.starts_with("doc/");
        for (word, instead) in ONE_WORD {
            assert!(!is_page || is_of_an_engine(&file) || !text.contains(word), "{file}: not {word:?}, but {instead}");
        }
    }
}
