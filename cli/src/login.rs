//! `zmd login`: from the client's id and secret to a profile in the configuration file that works.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};
use zeroize::Zeroizing;
use zmd_core::{
    Client, Config, DATA_CENTERS, DEFAULT_PROFILE, DataCenter, Error, ErrorKind, JobId, ModuleName, SETTINGS,
};

use crate::args::{Global, Login};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::modes;
#[cfg(unix)]
use crate::signals::{self, Event, Handling};
use crate::terminal::{note, plain, write_stderr};

/// The scope that the grant code is generated with.
const SCOPE: &str = "ZohoCRM.mass_delete.READ";

/// What a profile's credentials are made of. What is left of others would contradict the new ones.
const CREDENTIALS: &[&str] = &["access_token", "refresh_token", "client_id", "client_secret", "org_id"];

pub fn run(global: &Global, args: &Login) -> Result<Exit, Failure> {
    let path = global.config_file().map(Path::to_owned).or_else(zmd_core::config_file).ok_or_else(|| {
        let variable = if cfg!(windows) { "APPDATA" } else { "HOME" };
        format!("there is no place for the configuration file: set {variable}, or name a file with --config")
    })?;
    let profile = global.profile().unwrap_or(DEFAULT_PROFILE);
    // The file that a link leads to is the one to replace.
    let path =
        if path.is_symlink() { std::fs::canonicalize(&path) } else { std::path::absolute(&path) }.unwrap_or(path);
    let mut document = read(&path)?;
    let mut prompt = Prompt::new();

    let known = |key: &str| document.get(profile).and_then(|table| table.get(key)).and_then(Item::as_str);
    let data_center = choose_data_center(args, known("data_center"), &mut prompt)?;
    let mut config = network_settings(&document, profile)?;
    config.set("data_center", data_center.name)?;
    if let Some(environment) = &args.environment {
        config.set("environment", environment)?;
    }

    prompt.explain(&steps(data_center, profile, &path));
    let client_id = match (args.client_id.clone(), variable("ZMD_CLIENT_ID")) {
        (Some(id), _) => id,
        (None, Some(id)) => id.to_string(),
        (None, None) => prompt.line("Client ID", known("client_id"), "--client-id")?,
    };
    let client_secret = prompt.secret(
        "Client Secret",
        args.client_secret_file.as_deref(),
        "ZMD_CLIENT_SECRET",
        "--client-secret-file",
    )?;
    config.set("client_id", client_id.trim())?;
    config.set("client_secret", client_secret.trim())?;
    let mut entries = vec![
        ("data_center", data_center.name.to_owned()),
        ("client_id", client_id.trim().to_owned()),
        ("client_secret", client_secret.trim().to_owned()),
    ];
    if let Some(environment) = &args.environment {
        entries.push(("environment", environment.clone()));
    }
    if let Some(org_id) = &args.org_id {
        config.set("org_id", org_id)?;
        entries.push(("org_id", org_id.clone()));
    } else {
        let refresh_token = refresh_token(args, &config, &mut prompt)?;
        config.set("refresh_token", &refresh_token)?;
        entries.push(("refresh_token", refresh_token.to_string()));
    }

    if !args.no_check {
        check(&config, &mut prompt)?;
    }
    let token_cache = path.with_file_name("tokens");
    write_profile(&mut document, profile, &entries, &token_cache)?;
    write(&path, &document.to_string())?;
    note(&format!("The profile {profile} is in {}. Try it: zmd status MODULE JOB_ID", path.display()));
    Ok(Exit::Deleted)
}

/// A refresh token that is there already, or one for the grant code.
fn refresh_token(args: &Login, config: &Config, prompt: &mut Prompt) -> Result<Zeroizing<String>, Failure> {
    if args.refresh_token_file.is_some() || (args.code_file.is_none() && variable("ZMD_REFRESH_TOKEN").is_some()) {
        let file = args.refresh_token_file.as_deref();
        let token = prompt.secret("Refresh token", file, "ZMD_REFRESH_TOKEN", "--refresh-token-file")?;
        return Ok(Zeroizing::new(token.trim().to_owned()));
    }
    loop {
        let code = prompt.secret("Grant code", args.code_file.as_deref(), "ZMD_GRANT_CODE", "--code-file")?;
        match zmd_core::exchange_grant_code(config, &code) {
            Ok(token) => return Ok(Zeroizing::new(token.reveal().to_owned())),
            // The user can generate another one.
            Err(error) if prompt.is_interactive && args.code_file.is_none() && error.code() == "invalid_code" => {
                note(error.message());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Requests an access token, and queries a job that does not exist: another error than that is a hint.
fn check(config: &Config, prompt: &mut Prompt) -> Result<(), Failure> {
    let hint = |error: Error| -> Failure {
        format!("{}; nothing was written (--no-check writes the profile all the same)", error.message()).into()
    };
    let client = Client::new(config)?;
    client.access_token().map_err(hint)?;
    let names = ModuleName::parse("Leads").and_then(|module| Ok((module, JobId::parse("1")?)));
    let (module, job_id) = names?;
    match client.status(&module, &job_id) {
        Err(error) if matches!(error.kind(), ErrorKind::Scope | ErrorKind::Unauthorized) => Err(hint(error)),
        _ => {
            prompt.explain("An access token was issued, and the API accepts it.");
            Ok(())
        }
    }
}

/// The settings of the connection to the service; the environment takes precedence over the profile.
fn network_settings(document: &DocumentMut, profile: &str) -> Result<Config, Failure> {
    let mut config = Config::new();
    for setting in SETTINGS.iter().filter(|setting| !CREDENTIALS.contains(&setting.key) && setting.key != "token_cache")
    {
        let of_file = document.get(profile).and_then(|table| table.get(setting.key)).map(|item| match item.as_str() {
            Some(text) => Zeroizing::new(text.to_owned()),
            None => Zeroizing::new(item.to_string().trim().to_owned()),
        });
        if let Some(value) = variable(&format!("ZMD_{}", setting.key.to_ascii_uppercase())).or(of_file) {
            config.set(setting.key, &value)?;
        }
    }
    Ok(config)
}

fn choose_data_center(args: &Login, known: Option<&str>, prompt: &mut Prompt) -> Result<DataCenter, Failure> {
    let of_environment = variable("ZMD_DATA_CENTER").map(|name| name.to_string());
    let named = args.data_center.clone().or(of_environment);
    let name = match named {
        Some(name) => name,
        None if !prompt.is_interactive => known.unwrap_or(DATA_CENTERS[0].name).to_owned(),
        None => {
            let names: Vec<_> = DATA_CENTERS.iter().map(|data_center| data_center.name).collect();
            let question = format!("Data center ({})", names.join(", "));
            prompt.line(&question, known.or(Some(DATA_CENTERS[0].name)), "--data-center")?
        }
    };
    let found = DATA_CENTERS.iter().find(|data_center| data_center.name.eq_ignore_ascii_case(name.trim()));
    found.copied().ok_or_else(|| format!("there is no data center {}", plain(name.trim())).into())
}

/// The steps in the browser, with the addresses of the data center.
fn steps(data_center: DataCenter, profile: &str, path: &Path) -> String {
    // The API console's host differs from the accounts server's in its first label.
    let console = data_center.accounts_url().to_string().replacen("accounts.", "api-console.", 1);
    format!(
        "
This writes the profile {profile} to {}.

 1. Open {console} and sign in as a user who may see the jobs.
 2. Choose \"Self Client\" and create one. Its tab \"Client Secret\" shows the client id and the client secret.
 3. In the tab \"Generate Code\" enter the scope {SCOPE}, a time of 10 minutes and a description,
    and choose the organization, or its sandbox. You get a grant code.
",
        path.display()
    )
}

/// The variable's value, where it has one.
fn variable(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new)
}

/// Prompts the user at the terminal, or reads what a script provides.
struct Prompt {
    is_interactive: bool,
}

impl Prompt {
    fn new() -> Prompt {
        Prompt { is_interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal() }
    }

    fn explain(&self, text: &str) {
        if self.is_interactive {
            text.lines().for_each(note);
        }
    }

    fn line(&mut self, question: &str, default: Option<&str>, option: &str) -> Result<String, Failure> {
        if !self.is_interactive {
            return Err(missing(question, option));
        }
        let shown = default.map(|default| format!(" [{}]", plain(default))).unwrap_or_default();
        write_stderr(&format!("{question}{shown}: "));
        let answer = read_line()?;
        match (answer.trim(), default) {
            ("", Some(default)) => Ok(default.to_owned()),
            ("", None) => self.line(question, default, option),
            (answer, _) => Ok(answer.to_owned()),
        }
    }

    /// A secret, in this order: from the file (`-` is standard input), the variable, or the person.
    fn secret(
        &mut self,
        question: &str,
        file: Option<&Path>,
        variable_name: &str,
        option: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = file {
            let text = if file == Path::new("-") {
                read_line()?
            } else {
                let text = std::fs::read_to_string(file);
                Zeroizing::new(text.map_err(|error| format!("{option} {}: {error}", file.display()))?)
            };
            return match text.trim() {
                "" => Err(format!("{option} {}: it is empty", file.display()).into()),
                _ => Ok(text),
            };
        }
        if let Some(secret) = variable(variable_name) {
            return Ok(secret);
        }
        if !self.is_interactive {
            return Err(missing(question, &format!("{option} FILE or {variable_name}")));
        }
        loop {
            let answer = read_secret(&format!("{question} (not shown): "))?;
            if !answer.trim().is_empty() {
                return Ok(answer);
            }
        }
    }
}

/// A line that is typed without being shown.
#[cfg(unix)]
fn read_secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let ask = {
        let prompt = prompt.to_owned();
        move || {
            modes::hide();
            write_stderr(&prompt);
        }
    };
    // After Ctrl-Z and fg it is asked for again, as the shell has made the terminal show what is typed.
    let handling = {
        let ask = ask.clone();
        signals::handle(move |event| {
            match event {
                Event::End | Event::Stop => write_stderr("\n"),
                // In the background, reading stops it again.
                Event::Continue if modes::is_foreground(libc::STDIN_FILENO) => {
                    ask();
                }
                Event::Continue => {}
            }
            false
        })
    };
    ask();
    let line = read_line();
    drop::<Handling>(handling);
    modes::restore();
    line
}

#[cfg(windows)]
fn read_secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    write_stderr(prompt);
    let line = console::Term::stderr().read_secure_line();
    Ok(Zeroizing::new(line.map_err(|error| format!("cannot read the answer: {error}"))?))
}

fn missing(question: &str, option: &str) -> Failure {
    format!("{question} is missing: standard input is no terminal, so give it with {option}").into()
}

/// A line of standard input, and no byte of the next one more.
fn read_line() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    let amount = std::io::stdin().lock().read_line(&mut line);
    match amount {
        Ok(0) => Err("standard input has ended".to_owned().into()),
        Ok(_) => Ok(line),
        Err(error) => Err(format!("cannot read standard input: {error}").into()),
    }
}

/// The file as it is, which may not be there yet.
fn read(path: &Path) -> Result<DocumentMut, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Zeroizing::new(String::new()),
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    text.parse::<DocumentMut>().map_err(|error| {
        // Its Display would show the line, which may hold a secret.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        format!("{}:{line}: {}: fix the file first", path.display(), error.message()).into()
    })
}

fn write_profile(
    document: &mut DocumentMut,
    profile: &str,
    entries: &[(&str, String)],
    token_cache: &Path,
) -> Result<(), Failure> {
    let item = document.entry(profile).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(false);
        Item::Table(table)
    });
    let table = item
        .as_table_like_mut()
        .ok_or_else(|| format!("{profile} is a value of the file, and no profile: name another with --profile"))?;
    for key in CREDENTIALS.iter().filter(|key| entries.iter().all(|(entry, _)| entry != *key)) {
        table.remove(key);
    }
    for (key, text) in entries {
        match table.get_mut(key).and_then(Item::as_value_mut) {
            // A comment behind the old value stays.
            Some(old) => {
                let decor = old.decor().clone();
                *old = text.as_str().into();
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(key, value(text.as_str()));
            }
        }
    }
    if let (false, Some(path)) = (table.contains_key("token_cache"), token_cache.to_str()) {
        table.insert("token_cache", value(path));
    }
    Ok(())
}

/// Replaces the file atomically. Only its owner can read it, from the first byte on.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failure = |error: std::io::Error| -> Failure { format!("cannot write {}: {error}", path.display()).into() };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory).map_err(failure)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&fresh);
        failure(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_profiles_and_comments_stay() {
        let before = "# ours\n[prod]\nclient_id = 'old' # the night's\naccess_token = 'x'\ntimeout_ms = 5\n\n[test] # a test\naccess_token = 'y'\n";
        let mut document: DocumentMut = before.parse().unwrap();
        let entries = [("client_id", "new".to_owned()), ("refresh_token", "r".to_owned())];
        assert!(write_profile(&mut document, "prod", &entries, Path::new("/c/tokens")).is_ok());
        assert_eq!(
            document.to_string(),
            "# ours\n[prod]\nclient_id = \"new\" # the night's\ntimeout_ms = 5\nrefresh_token = \"r\"\n\
             token_cache = \"/c/tokens\"\n\n[test] # a test\naccess_token = 'y'\n"
        );
    }

    #[test]
    fn the_first_profile_of_a_new_file() {
        let mut document = DocumentMut::new();
        let entries = [("client_id", "new".to_owned())];
        assert!(write_profile(&mut document, "default", &entries, Path::new("/c/tokens")).is_ok());
        assert_eq!(document.to_string(), "[default]\nclient_id = \"new\"\ntoken_cache = \"/c/tokens\"\n");
    }

    #[test]
    fn every_data_center_has_a_console() {
        let console = |name: &str| {
            let data_center = DATA_CENTERS.iter().find(|data_center| data_center.name == name).unwrap();
            steps(*data_center, "default", Path::new("/c"))
        };
        assert!(console("eu").contains("https://api-console.zoho.eu "));
        assert!(console("ca").contains("https://api-console.zohocloud.ca "));
    }
}
