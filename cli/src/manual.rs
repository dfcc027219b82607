//! `zmd man`: the manual pages, from the same source as the options, the help and the settings. `zmd help` shows the same
//! on the terminal.

use std::fs;
use std::io;
use std::path::Path;

use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::args::{self, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Output, wrap};

const SOURCE: &str = concat!("zmd ", env!("CARGO_PKG_VERSION"));

const FILES: &str = "The configuration file; `~/.config/zmd/config.toml` where that variable is not set, and what the variable \
                     `ZMD_CONFIG_FILE` names where that one is. It is TOML: a table for each profile, with the settings as keys. \
                     The profile is `default`, or the one that `ZMD_PROFILE` names. A file with secrets is refused where other \
                     users may read it.";

/// Writes the pages to man1 and man5 in the directory.
pub fn write(directory: &Path) -> Result<Exit, Failure> {
    write_pages(directory)
        .map_err(|error| format!("cannot write the manual pages to {}: {error}", directory.display()))?;
    Ok(Exit::Deleted)
}

/// `zmd help`, `zmd help COMMAND`, `zmd help settings`.
pub fn help(topic: Option<&str>) -> Result<Exit, Failure> {
    let mut command = args::command();
    let mut out = Output::new();
    match topic {
        Some("settings") => out.write(&settings_text())?,
        Some(name) => {
            let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            let near = zmd_core::nearest(name, names.iter().map(String::as_str).chain(["settings"]));
            let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
            let Some(command) = command.find_subcommand_mut(name) else {
                return Err(format!("there is no help for {name}{hint}").into());
            };
            out.write(&rendered(command.render_long_help()))?;
        }
        None => out.write(&rendered(command.render_long_help()))?,
    }
    out.finish()?;
    Ok(Exit::Deleted)
}

fn rendered(help: clap::builder::StyledStr) -> String {
    if crate::terminal::stdout_is_colored() { help.ansi().to_string() } else { help.to_string() }
}

/// What zmd-settings(5) has, as text.
fn settings_text() -> String {
    let mut text = String::from("Settings, by their key in the configuration file and their environment variable:\n");
    for setting in zmd_core::SETTINGS {
        text += &format!("\n{}, {}\n", setting.key, variable(setting.key));
        for paragraph in [setting_meaning(setting), setting_values(setting)] {
            for line in wrap(&format!("    {}", paragraph.replace('`', "")), 4) {
                text += &format!("{line}\n");
            }
        }
    }
    text
}

fn variable(key: &str) -> String {
    format!("ZMD_{}", key.to_uppercase())
}

fn setting_meaning(setting: &zmd_core::Setting) -> String {
    format!("{}.", capitalized(setting.meaning))
}

fn setting_values(setting: &zmd_core::Setting) -> String {
    let default = match setting.default {
        "" => String::new(),
        default => format!("; the default is `{default}`"),
    };
    format!("Takes {}{default}.", (setting.takes)())
}

fn write_pages(directory: &Path) -> io::Result<()> {
    let (commands, formats) = (directory.join("man1"), directory.join("man5"));
    fs::create_dir_all(&commands)?;
    fs::create_dir_all(&formats)?;
    let command = args::command();
    fs::write(commands.join("zmd.1"), page(&command, "zmd")?)?;
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        let name = format!("zmd-{}", subcommand.get_name());
        fs::write(commands.join(format!("{name}.1")), page(subcommand, subcommand.get_name())?)?;
    }
    fs::write(formats.join("zmd-settings.5"), settings_page().render())
}

/// The page of a command; `name` is that of its examples.
fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let title = if name == "zmd" { name.to_owned() } else { format!("zmd-{name}") };
    let man = Man::new(command.clone().display_name(&title)).title(title.clone()).source(SOURCE);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    if name == "zmd" {
        roff.control("SH", ["COMMANDS"]);
        for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []).text([bold(format!("zmd {}", subcommand.get_name()))]).text([roman(about)]);
        }
    }
    if ["status", "wait"].contains(&name) {
        roff.control("SH", ["JOBS"]).control("EX", []);
        help::JOBS.lines().skip(1).for_each(|line| {
            roff.text([roman(line)]);
        });
        roff.control("EE", []);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (line, meaning) in help::examples(name) {
        roff.control("TP", []).text([bold(*line)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in help::EXIT_STATUS {
        roff.control("TP", []).text([bold(status.to_string())]).text([roman(*meaning)]);
    }
    roff.control("PP", []).text([roman(help::EXIT_STATUS_ORDER)]);
    files(&mut roff);
    roff.control("SH", ["ENVIRONMENT"]);
    for (variables, meaning) in help::VARIABLES {
        roff.control("TP", []).text([bold(*variables)]).text([roman(*meaning)]);
    }
    see_also(&mut roff, &title, command);
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn files(roff: &mut Roff) {
    roff.control("SH", ["FILES"]).control("TP", []).text([bold("$XDG_CONFIG_HOME/zmd/config.toml")]);
    roff.text(marked(FILES));
    roff.control("TP", []).text([bold("$XDG_CACHE_HOME/zmd/tokens-PROFILE")]);
    roff.text(marked(
        "The access tokens that the processes of a profile share; `~/.cache/zmd` where that variable is not set.",
    ));
}

/// The other pages.
fn see_also(roff: &mut Roff, title: &str, command: &clap::Command) {
    let subcommands =
        command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    let mut pages: Vec<_> = subcommands.map(|command| (format!("zmd-{}", command.get_name()), "1")).collect();
    pages.extend([("zmd".to_owned(), "1"), ("zmd-settings".to_owned(), "5"), ("zmd".to_owned(), "3")]);
    pages.retain(|(name, section)| {
        (name.as_str(), *section) != (title, if title == "zmd-settings" { "5" } else { "1" })
    });
    let last = pages.len().saturating_sub(1);
    let words = pages.into_iter().enumerate().flat_map(|(at, (name, section))| {
        [bold(name), roman(format!("({section}){}", if at < last { ", " } else { "" }))]
    });
    roff.control("SH", ["SEE ALSO"]).text(words.collect::<Vec<_>>());
}

/// zmd-settings(5), from the library's table.
fn settings_page() -> Roff {
    let mut page = Roff::new();
    page.control("TH", ["zmd-settings", "5", "", SOURCE, "File Formats Manual"]);
    page.control("SH", ["NAME"]).text([roman("zmd-settings - the settings of libzmd and of the command zmd")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text(marked(
        "Every setting has a key, which is its name in the configuration file, in a connection string and for \
         `zmd_config_set()`, and an environment variable. A variable that is there but empty counts as not set. What a \
         program sets takes precedence over the environment, and the environment over the configuration file.",
    ));
    page.control("PP", []);
    page.text(marked(
        "A credential is required: `access_token`, or `refresh_token`, `client_id` and `client_secret` together, or \
         `org_id` with `client_id` and `client_secret`. `zmd login` gets one, and writes it to the configuration file.",
    ));
    page.control("SH", ["SETTINGS"]);
    for setting in zmd_core::SETTINGS {
        page.control("TP", []).text([bold(setting.key), roman(", "), bold(variable(setting.key))]);
        page.text(marked(&setting_meaning(setting)));
        page.text(marked(&setting_values(setting)));
    }
    files(&mut page);
    page.control("SH", ["EXAMPLES"]).control("EX", []);
    for line in ["[default]", "data_center = \"eu\"", "refresh_token = \"1000.xxxx.yyyy\"", "client_id = \"1000.XXXX\""]
    {
        page.text([roman(line)]);
    }
    page.text([roman("client_secret = \"xxxx\"")]).control("EE", []);
    see_also(&mut page, "zmd-settings", &args::command());
    page
}

/// Text in which what is between backquotes is bold.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { roman(part) } else { bold(part) }).collect()
}

fn capitalized(text: &str) -> String {
    match text.chars().next() {
        Some(first) => first.to_uppercase().chain(text.chars().skip(1)).collect(),
        None => String::new(),
    }
}
