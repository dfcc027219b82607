//! Completions and manual pages, from the same source as the options and the settings.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Output;

pub fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "zmd", &mut script);
    let mut out = Output::new();
    out.write(&String::from_utf8_lossy(&script))?;
    out.finish()?;
    Ok(Exit::Deleted)
}

pub fn manual(directory: &Path) -> Result<Exit, Failure> {
    write_pages(directory)
        .map_err(|error| format!("cannot write the manual pages to {}: {error}", directory.display()))?;
    Ok(Exit::Deleted)
}

fn write_pages(directory: &Path) -> io::Result<()> {
    let (commands, formats) = (directory.join("man1"), directory.join("man5"));
    fs::create_dir_all(&commands)?;
    fs::create_dir_all(&formats)?;
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), commands)?;
    fs::write(formats.join("zmd-settings.5"), settings_page().render())
}

/// zmd-settings(5), from the library's table.
fn settings_page() -> Roff {
    let mut page = Roff::new();
    let source = concat!("zmd ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["zmd-settings", "5", "", source, "File Formats Manual"]);
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
        let variable = format!("ZMD_{}", setting.key.to_uppercase());
        page.control("TP", []).text([bold(setting.key), roman(", "), bold(variable)]);
        page.text(marked(&format!("{}.", capitalized(setting.meaning))));
        let default = match setting.default {
            "" => String::new(),
            default => format!("; the default is `{default}`"),
        };
        page.text(marked(&format!("Takes {}{default}.", (setting.takes)())));
    }
    page.control("SH", ["FILES"]);
    page.control("TP", []).text([bold("$XDG_CONFIG_HOME/zmd/config.toml")]);
    page.text(marked(
        "The configuration file; `~/.config/zmd/config.toml` where that variable is not set, and what the variable \
         `ZMD_CONFIG_FILE` names where that one is. It is TOML: a table for each profile, with the keys above. The profile \
         is `default`, or the one that `ZMD_PROFILE` names. A file with secrets is refused where other users may read it.",
    ));
    page.control("SH", ["EXAMPLES"]).control("EX", []);
    for line in ["[default]", "data_center = \"eu\"", "refresh_token = \"1000.xxxx.yyyy\"", "client_id = \"1000.XXXX\""]
    {
        page.text([roman(line)]);
    }
    page.text([roman("client_secret = \"xxxx\"")]).control("EE", []);
    page.control("SH", ["SEE ALSO"]).text([
        bold("zmd"),
        roman("(1), "),
        bold("zmd-login"),
        roman("(1), "),
        bold("zmd"),
        roman("(3)"),
    ]);
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
