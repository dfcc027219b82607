//! The code blocks of the README and the pages: each is run or compiled by a test, or says on its page that it was never run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::*;
use serde_json::Value;
use zmd_sim::{Job, Sim};

use super::docs::{read, test_exists};

/// What runs the blocks, by file, heading and language: the name of a test, or why there is none.
const BLOCKS: &[(&str, &str, &str, &str)] = &[
    ("README.md", "State", "sh", ".ci/run"),
    ("README.md", "C", "c", "packages::linking::the_readmes_first_lines_do_what_they_say"),
    ("README.md", "C", "sh", "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere"),
    ("README.md", "C", "text", "packages::linking::the_readmes_first_lines_do_what_they_say"),
    ("README.md", "Install", "sh", "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere"),
    (
        "bindings/cpp/README.md",
        "C++",
        "cpp",
        "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere",
    ),
    ("bindings/cpp/README.md", "C++", "sh", "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere"),
    (
        "bindings/cpp/README.md",
        "C++",
        "text",
        "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere",
    ),
    (
        "bindings/airflow/README.md",
        "airflow-provider-zmd",
        "python",
        "packages::engines::a_night_of_the_oldest_airflow",
    ),
    ("bindings/airflow/README.md", "The connection", "sh", "packages::engines::a_night_of_the_oldest_airflow"),
    ("bindings/airflow/README.md", "The connection", "json", "packages::engines::a_night_of_the_oldest_airflow"),
    ("bindings/spark/README.md", "zmd-spark", "python", "packages::engines::a_night_of_spark_in_one_process"),
    (
        "bindings/spark/README.md",
        "SQL, a data source, streams",
        "python",
        "packages::engines::a_night_of_spark_in_one_process",
    ),
    ("CONTRIBUTING.md", "Build, test and debug", "sh", "repository::blocks::the_commands_of_contributing"),
    ("bindings/cobol/README.md", "Install", "sh", "packages::hosts::cobol"),
    ("bindings/cobol/README.md", "The shortest example", "cobol", "packages::hosts::cobol"),
    ("bindings/cobol/README.md", "Settings", "cobol", "packages::hosts::cobol"),
    ("bindings/cobol/README.md", "Many jobs", "cobol", "packages::hosts::cobol"),
    ("bindings/cobol/README.md", "Callbacks", "cobol", "packages::hosts::cobol"),
    (
        "bindings/conan/README.md",
        "libzmd as a Conan package",
        "sh",
        "packages::install::conan_makes_packages_that_programs_link",
    ),
    ("bindings/csharp/README.md", "Install", "sh", "packages::hosts::managed::csharp"),
    ("bindings/csharp/README.md", "The shortest example", "csharp", "packages::hosts::managed::csharp"),
    ("bindings/csharp/README.md", "Many jobs, and without blocking", "csharp", "packages::hosts::managed::csharp"),
    ("bindings/dagster/README.md", "dagster-zmd", "python", "packages::engines::dagster"),
    ("bindings/prefect/README.md", "prefect-zmd", "python", "packages::engines::prefect"),
    ("bindings/go/README.md", "Install", "sh", "packages::hosts::go"),
    ("bindings/go/README.md", "The shortest example", "go", "packages::hosts::go"),
    ("bindings/java/README.md", "Install", "sh", "packages::hosts::managed::java"),
    ("bindings/java/README.md", "The shortest example", "java", "packages::hosts::managed::java"),
    ("bindings/java/README.md", "Many jobs, and without blocking", "java", "packages::hosts::managed::java"),
    ("bindings/node/README.md", "Install", "sh", "packages::hosts::node"),
    ("bindings/node/README.md", "The shortest example", "js", "packages::hosts::node"),
    ("bindings/node/README.md", "Calls", "js", "packages::hosts::node"),
    ("bindings/perl/README.md", "Install", "sh", "packages::hosts::perl"),
    ("bindings/perl/README.md", "The shortest example", "perl", "packages::hosts::perl"),
    ("bindings/php/README.md", "The shortest example", "php", "packages::hosts::php"),
    ("bindings/r/README.md", "Install", "sh", "packages::hosts::r"),
    ("bindings/r/README.md", "The shortest example", "r", "packages::hosts::r"),
    ("bindings/vcpkg/README.md", "libzmd as a vcpkg port", "sh", "is **not run here**"),
    ("bindings/python/README.md", "zmd", "python", "packages::python::the_readmes_examples_do_what_they_say"),
    ("bindings/python/README.md", "The client", "python", "packages::python::the_readmes_examples_do_what_they_say"),
    ("bindings/python/README.md", "asyncio", "python", "packages::python::the_readmes_examples_do_what_they_say"),
    (
        "bindings/python/README.md",
        "Tokens of your own",
        "python",
        "packages::python::the_readmes_examples_do_what_they_say",
    ),
    (
        "bindings/python/README.md",
        "Testing your program",
        "python",
        "packages::python::the_readmes_examples_do_what_they_say",
    ),
    ("bindings/python/README.md", "From a shell", "sh", "packages::python::the_readmes_examples_do_what_they_say"),
    ("bindings/python/README.md", "Another library", "sh", "packages::python::the_readmes_examples_do_what_they_say"),
    (
        "doc/cmake.md",
        "An installed zmd",
        "cmake",
        "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere",
    ),
    ("doc/cmake.md", "From the source", "cmake", "packages::install::cmake_builds_it_from_source"),
    ("doc/command.md", "The command zmd", "sh", "repository::blocks::the_commands_in_scripts"),
    ("doc/command.md", "status and wait", "console", "repository::docs::commands_print_what_the_documentation_shows"),
    ("doc/command.md", "Lists of jobs", "console", "repository::docs::commands_print_what_the_documentation_shows"),
    ("doc/command.md", "JSON", "json", "repository::blocks::the_json_of_a_job"),
    ("doc/command.md", "JSON", "sh", "repository::blocks::the_commands_in_scripts"),
    ("doc/credentials.md", "Credentials", "sh", "repository::blocks::the_stand_in_plays_a_login"),
    (
        "doc/credentials.md",
        "Client credentials: the quickest way",
        "sh",
        "repository::blocks::the_credentials_in_the_environment",
    ),
    (
        "doc/credentials.md",
        "A refresh token: for every night",
        "sh",
        "repository::blocks::the_credentials_in_the_environment",
    ),
    ("doc/credentials.md", "Tokens from a vault", "c", "repository::blocks::the_code_in_c_compiles"),
    ("doc/cron.md", "cron", "text", "packages::engines::cron"),
    ("doc/cron.md", "systemd", "ini", "packages::engines::systemd"),
    ("doc/cron.md", "systemd", "sh", "packages::engines::systemd"),
    ("doc/dbt.md", "dbt", "sh", "packages::engines::dbt_and_meltano"),
    ("doc/engines.md", "Dagster", "python", "packages::engines::dagster"),
    ("doc/engines.md", "Prefect", "python", "packages::engines::prefect"),
    ("doc/meltano.md", "Meltano", "yaml", "packages::engines::dbt_and_meltano"),
    ("doc/meltano.md", "Meltano", "sh", "packages::engines::dbt_and_meltano"),
    ("doc/hosts.md", "Functions with numbers and strings", "c", "repository::blocks::the_code_in_c_compiles"),
    ("doc/hosts.md", "A connection string", "c", "repository::blocks::the_code_in_c_compiles"),
    (
        "doc/hosts.md",
        "Python with ctypes alone",
        "python",
        "packages::linking::the_readmes_first_lines_do_what_they_say",
    ),
    (
        "doc/install.md",
        "From the source",
        "sh",
        "packages::install::an_installed_tree_is_whole_and_is_used_from_elsewhere",
    ),
    ("doc/install.md", "Without installing", "sh", "packages::linking::the_readmes_first_lines_do_what_they_say"),
    ("doc/metrics.md", "Prometheus", "python", "packages::python::counters_are_exported"),
    ("doc/metrics.md", "OpenTelemetry", "python", "packages::python::counters_are_exported"),
    ("doc/networks.md", "Networks: proxies and certificates", "sh", "repository::blocks::every_variable_is_a_setting"),
    ("packaging/README.md", "The version and the addresses", "sh", "a test compares"),
    ("packaging/README.md", "A release", "sh", "repository::blocks::a_signature_by_minisign"),
    ("packaging/README.md", "A release", "bash", "Never run"),
    ("doc/settings.md", "The configuration file", "toml", "repository::blocks::the_configuration_file"),
    ("doc/settings.md", "The log", "text", "api::log_file::info_is_what_an_operator_wants_of_a_night"),
    ("doc/settings.md", "The configuration file", "text", "repository::blocks::the_configuration_file"),
    ("doc/unverified.md", "SAS", "sas", "never run"),
    ("doc/unverified.md", "Oracle", "sql", "never run"),
    ("doc/unverified.md", "Oracle", "text", "never run"),
    ("doc/waiting.md", "Waiting", "c", "repository::blocks::the_code_in_c_compiles"),
    ("doc/windows.md", "SSIS, VBA and PowerShell", "csharp", "packages::hosts::the_class_of_the_recipe_for_ssis"),
    ("doc/windows.md", "SSIS, VBA and PowerShell", "cs", "None of this has been run"),
    ("doc/windows.md", "SSIS, VBA and PowerShell", "powershell", "None of this has been run"),
    ("doc/windows.md", "SSIS, VBA and PowerShell", "vb", "None of this has been run"),
];

struct Block {
    heading: String,
    language: String,
    code: String,
}

/// The code blocks of a page, also those in lists.
fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::new(), String::new());
    let mut open: Option<(Block, String)> = None;
    for line in read(page).lines() {
        let indented = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let block = Block { heading: heading.clone(), language: language.to_owned(), code: String::new() };
                open = Some((block, " ".repeat(indented)));
            }
            (Some(_), Some(_)) => blocks.push(open.take().unwrap().0),
            (Some((block, indent)), None) => {
                block.code += &format!("{}\n", line.strip_prefix(&**indent).unwrap_or(line));
            }
            (None, None) if line.starts_with('#') => heading = line.trim_start_matches('#').trim().to_owned(),
            (None, None) => {}
        }
    }
    blocks
}

/// The blocks in this language of a page whose code has this text.
fn code(page: &str, language: &str, part: &str) -> String {
    let mut found: Vec<_> =
        blocks(page).into_iter().filter(|block| block.language == language && block.code.contains(part)).collect();
    assert_eq!(found.len(), 1, "{page} has {} blocks with {part}", found.len());
    found.remove(0).code
}

#[test]
fn every_block_is_run_or_says_why_not() {
    let mut unused: Vec<_> = BLOCKS.iter().collect();
    for page in super::docs::markdown_files() {
        for block in blocks(&page).into_iter().filter(|block| block.language != "mermaid") {
            let name = format!("{page}, {}: {}", block.heading, block.language);
            let is_it =
                |row: &(&str, &str, &str, &str)| (row.0, row.1, row.2) == (&*page, &*block.heading, &*block.language);
            let (.., how) = BLOCKS.iter().find(|row| is_it(row)).unwrap_or_else(|| panic!("nothing runs {name}"));
            unused.retain(|row| !is_it(row));
            let holds = match how {
                test if test.contains("::") => test_exists(test),
                script if script.starts_with(".ci/") => block.code.lines().all(|line| {
                    let words: Vec<_> = line.split(' ').take(2).collect();
                    read(script).contains(&format!(" {}\n", words.join(" ")))
                }),
                told => read(&page).contains(told),
            };
            assert!(holds, "{name}: {how}");
        }
    }
    assert!(unused.is_empty(), "there is no such block: {unused:?}");
}

/// They name tests that there are, and a query of the stand-in is what it says.
#[test]
fn the_commands_of_contributing() {
    let text: String = blocks("CONTRIBUTING.md").into_iter().map(|block| block.code).collect();
    let lines = text.lines().map(|line| line.split('#').next().unwrap().trim());
    let tests: Vec<_> = lines.filter_map(|line| line.strip_prefix("cargo test -p ")).collect();
    assert_eq!(tests.len(), 4);
    for arguments in tests {
        let words: Vec<_> = arguments.split(' ').filter(|word| *word != "--test").collect();
        let names_tests = match words[..] {
            ["zmd-core"] => read("core/Cargo.toml").contains("name = \"zmd-core\""),
            ["zmd-tests", program] => read(&format!("tests/{program}/main.rs")).contains("mod "),
            ["zmd-tests", program, filter] => match filter.strip_suffix("::") {
                Some(file) => read(&format!("tests/{program}/{file}.rs")).contains("#[test]"),
                None => read(&format!("tests/{program}/library.rs")).contains(&format!("fn {filter}_")),
            },
            _ => false,
        };
        assert!(names_tests, "{arguments}");
    }
    let sim = sim();
    let query = code("CONTRIBUTING.md", "sh", "zmd-sim").lines().last().unwrap().to_owned();
    let query = query.replace("http://127.0.0.1:PORT", &sim.url()).replace("target/debug/zmd", "zmd");
    let (exit, out, err) = Shell::new("contributing", &sim).run(&query.replace("=x ", &format!("={TOKEN} ")));
    assert_eq!((exit, &*out), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"), "{err}");
}

/// Every `ZMD_...` that a page names is a setting, a name of the header, or one of these.
#[test]
fn every_variable_is_a_setting() {
    let others = ["ZMD_CONFIG_FILE", "ZMD_PROFILE", "ZMD_LOG", "ZMD_CI", "ZMD_WRITE_DOCS", "ZMD_NEW_BASELINE", "ZMD_"];
    let header = read("include/zmd.h");
    for page in super::docs::markdown_files() {
        let text = read(&page);
        let of_build = page.starts_with("bindings/") || page.starts_with("packaging/");
        for (at, _) in text.match_indices("ZMD_") {
            let name: String =
                text[at..].chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
            let is_setting =
                zmd_core::SETTINGS.iter().any(|setting| name == format!("ZMD_{}", setting.key.to_uppercase()));
            let is_known = is_setting || others.contains(&&*name) || header.contains(&*name) || of_build;
            assert!(is_known || text[at..].starts_with("ZMD_<"), "{page}: {name}");
        }
    }
}

/// Every `make NAME` of a page is a target of the Makefile or a script.
#[test]
fn every_make_target_exists() {
    let makefile = read("Makefile");
    let mut count = 0;
    for page in super::docs::markdown_files() {
        for code in read(&page).split('`').skip(1).step_by(2) {
            for line in code.lines() {
                let mut words = line.split(' ').skip_while(|word| word.contains('=') || *word == "sudo");
                let (Some("make"), Some(name)) = (words.next(), words.next()) else { continue };
                let name = name.trim_end_matches([';', ',']);
                if name.is_empty() || name.contains('=') || name.chars().all(char::is_uppercase) {
                    continue;
                }
                let is_target = makefile.lines().any(|line| {
                    line.split_once(':').is_some_and(|(names, _)| names.split(' ').any(|target| target == name))
                });
                let is_script = std::path::Path::new(&format!("{ROOT}/scripts/{name}")).exists();
                assert!(is_target || is_script, "{page}: make {name}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

/// The code, with what it leaves out, compiles without a warning.
#[test]
fn the_code_in_c_compiles() {
    let directory = scratch("blocks");
    let compile = |name: &str, code: String| {
        let file = directory.join(format!("{name}.c"));
        let head = "#include <stdbool.h>\n#include <poll.h>\n#include <zmd.h>\n\n";
        fs::write(&file, format!("{head}{code}")).unwrap();
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu99", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]).arg(format!("-I{ROOT}/include"));
        text_of(gcc.arg(file));
    };
    // A second declaration must be that of the header.
    compile("hosts", code("doc/hosts.md", "c", "zmd_simple_status(const char"));
    let connection_string = code("doc/hosts.md", "c", "zmd_simple_status_with").replace("...", "0, 0, 0, 0");
    compile("connection_string", format!("void call(const char *job_id)\n{{\n{connection_string}}}\n"));
    let wait = code("doc/waiting.md", "c", "zmd_client_wait(");
    let parameters = "zmd_client *client, const char *job_id, zmd_status status";
    compile("wait", format!("void go_on(void);\nvoid call({parameters})\n{{\n{wait}}}\n"));
    let queue = code("doc/waiting.md", "c", "zmd_waits_handle");
    let parameters = "zmd_waits *waits, zmd_error err, zmd_event event";
    compile("queue", format!("void on_event(zmd_event *event);\nvoid call({parameters})\n{{\n{queue}}}\n"));
    let provider = code("doc/credentials.md", "c", "read_from");
    let (function, call) = provider.split_once("}\n").unwrap();
    let reader = "bool read_from(void *vault, const char *name, char *token, size_t size);";
    let function = format!("{reader}\n{}}}\n", function.replacen("{\n", "{\n    (void)refused;\n", 1));
    compile("provider", format!("{function}void call(zmd_config *config, void *vault)\n{{\n{call}}}\n"));
    fs::remove_dir_all(directory).unwrap();
}

/// A shell in which `zmd` is the command, and a directory of its own.
struct Shell {
    home: PathBuf,
    url: String,
}

impl Shell {
    fn new(name: &str, sim: &Sim) -> Shell {
        Shell { home: scratch(name), url: sim.url() }
    }

    /// The exit status, the standard output and the standard error of a script.
    fn run(&self, script: &str) -> (Option<i32>, String, String) {
        let program = PathBuf::from(zmd_command(&[]).get_program());
        let mut shell = Command::new("sh");
        shell.env_clear().env("HOME", &self.home).current_dir(&self.home).args(["-c", script]);
        shell.env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()));
        run(shell.env("ZMD_ACCOUNTS_URL", &self.url).env("ZMD_API_DOMAIN", &self.url))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

#[test]
fn the_commands_in_scripts() {
    let sim = sim();
    sim.add_job("Leads", "2", Job { failed: 2, ..Job::new(9, f64::INFINITY) });
    let shell = Shell::new("scripts", &sim);
    let with_token = |script: &str| shell.run(&format!("export ZMD_ACCESS_TOKEN={TOKEN}\n{script}"));
    let script = code("doc/command.md", "sh", "zmd login");
    let wait = script.lines().find(|line| line.starts_with("zmd wait")).unwrap();
    for (job, exit) in [("1001", 0), ("2", 1)] {
        assert_eq!(with_token(&format!("JOB_ID={job}\n{wait}")).0, Some(exit));
    }
    if missing("jq") {
        return;
    }
    fs::write(shell.home.join("jobs.txt"), "Leads 1001\nLeads 2\nLeads 4711\n").unwrap();
    let (_, out, err) = with_token(&code("doc/command.md", "sh", "jq -r"));
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    let [left, unknown] = lines[..] else { panic!("{out}{err}") };
    assert!(left == "Leads 2: COMPLETED" && unknown.starts_with("Leads 4711: Zoho has no job 4711"), "{out}");
}

#[test]
fn the_json_of_a_job() {
    let sim = sim();
    sim.add_job("Leads", "111111000000222222", Job::new(9, f64::INFINITY));
    let mut status = zmd_command(&[]);
    environment(status.args(["status", "--json", "Leads", "111111000000222222"]), &sim);
    let fields = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap();
    let (mut shown, mut printed) = (fields(&code("doc/command.md", "json", "event")), fields(&text_of(&mut status)));
    for varies in ["time", "elapsed_ms"] {
        assert!(shown.remove(varies).is_some() && printed.remove(varies).is_some(), "{varies}");
    }
    assert_eq!(shown, printed);
}

#[test]
fn the_stand_in_plays_a_login() {
    let sim = Sim::builder().refresh_token("1000.refresh", "1000.ID", "secret").grant_code("1000.code");
    let sim = with_job(sim.organization("77").start());
    let shell = Shell::new("login", &sim);
    fs::write(shell.home.join("secret"), "secret\n").unwrap();
    fs::write(shell.home.join("code"), "1000.code\n").unwrap();
    let login = "zmd --config zmd.toml login --client-id 1000.ID --client-secret-file secret";
    for grant in ["--org-id 77 --profile one", "--code-file code --profile two"] {
        let (exit, out, err) = shell.run(&format!("{login} {grant}"));
        assert_eq!(exit, Some(0), "{grant}: {out}{err}");
    }
    for profile in ["one", "two"] {
        let (exit, out, err) = shell.run(&format!("zmd --config zmd.toml --profile {profile} status Leads 1001"));
        assert_eq!((exit, &*out), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"), "{err}");
    }
}

#[test]
fn the_credentials_in_the_environment() {
    let sim = Sim::builder().refresh_token("1000.xxxx.yyyy", "1000.XXXX", "xxxx").grant_code("1000.cccc.dddd");
    let sim = with_job(sim.organization("60012345678").start());
    let shell = Shell::new("credentials", &sim);
    for part in ["ZMD_ORG_ID", "ZMD_REFRESH_TOKEN"] {
        let script = code("doc/credentials.md", "sh", part);
        let (exit, out, err) = shell.run(&format!("{script}zmd status Leads 1001"));
        assert_eq!((exit, &*out), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"), "{err}");
    }
    assert!(shell.home.join("zmd-tokens").is_file());
    if missing("curl") {
        return;
    }
    let curl = code("doc/credentials.md", "sh", "curl").replace("https://accounts.zoho.com", &sim.url());
    let (exit, out, err) = shell.run(&curl);
    assert!(exit == Some(0) && out.contains("\"refresh_token\":\"1000.xxxx.yyyy\""), "{out}{err}");
}

#[test]
fn a_signature_by_minisign() {
    if missing("minisign") {
        return;
    }
    let directory = scratch("minisign");
    fs::write(directory.join("file"), "a package\n").unwrap();
    let shell = |script: &str| run(Command::new("sh").args(["-euc", script]).current_dir(&directory));
    let begin = "sha256sum file >SHA256SUMS\nminisign -G -W -p minisign.pub -s minisign.key >&2\n";
    let block = code("packaging/README.md", "sh", "minisign");
    let (exit, _, err) = shell(&format!("{begin}{block}"));
    assert_eq!(exit, Some(0), "{err}");
    let verify = block.lines().nth(1).unwrap();
    for changed in ["file", "SHA256SUMS"] {
        assert_eq!(shell(verify).0, Some(0));
        let (exit, out, _) = shell(&format!("echo more >>{changed}\n{verify}"));
        assert_ne!(exit, Some(0), "{changed}: {out}");
        fs::write(directory.join("file"), "a package\n").unwrap();
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_configuration_file() {
    let sim = sim();
    sim.accept_any_token();
    let shell = Shell::new("file", &sim);
    let toml = code("doc/settings.md", "toml", "[default]");
    fs::write(shell.home.join("zmd.toml"), &toml).unwrap();
    let status = "chmod 600 zmd.toml && zmd --config zmd.toml --profile sandbox status Leads 1001";
    let (exit, out, err) = shell.run(status);
    assert_eq!((exit, &*out), (Some(0), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"), "{err}");
    let mut config = zmd_core::Config::new();
    config.load_file(Some(&shell.home.join("zmd.toml")), None).unwrap();

    // The third line is the one that the message names.
    let text = code("doc/settings.md", "text", "timeout_ms");
    let (path, message) = text.trim_end().split_once(":3: ").unwrap();
    assert_eq!(path, "/home/etl/.config/zmd/config.toml");
    fs::create_dir_all(shell.home.join(".config/zmd")).unwrap();
    let file = shell.home.join(".config/zmd/config.toml");
    fs::write(&file, "[default]\naccess_token = \"1000.a\"\ntimeout_ms = \"soon\"\n").unwrap();
    let (exit, _, err) = shell.run(&format!("chmod 600 {0} && zmd status Leads 1001", file.display()));
    assert_eq!((exit, err), (Some(4), format!("zmd: {}:3: {message}\n", file.display())));
}
