//! `zmd login`: from the client's id and secret to a profile in the configuration file that works.

mod prompt;

use std::path::PathBuf;

use zeroize::Zeroizing;
use zmd_core::{
    Client, Config, DATA_CENTERS, DEFAULT_PROFILE, ENVIRONMENTS, Error, ErrorKind, JobId, ModuleName, SETTINGS,
};

use crate::args::{Global, Login};
use crate::data_centers::{self, Center};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::profile_file::{ProfileFile, create_private_directory};
use crate::terminal::{note, plain};
use crate::variable::variable;
use prompt::{Choice, Prompt};

/// The scope that the grant code is generated with.
const SCOPE: &str = "ZohoCRM.mass_delete.READ";

/// The choice of a data center that is not in the list.
const ANOTHER: &str = "another";

/// How access tokens are got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    Code,
    RefreshToken,
    Organization,
}

/// What was answered so far: what a question offers when it is asked again.
#[derive(Default)]
struct Answers {
    data_center: Option<Center>,
    environment: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    org_id: Option<String>,
    refresh_token: Option<Zeroizing<String>>,
}

struct Dialogue<'a> {
    args: &'a Login,
    file: ProfileFile,
    profile: &'a str,
    prompt: Prompt,
    answers: Answers,
}

/// A variable whose value is not UTF-8 is an error, and not as if it were absent.
fn check_variables() -> Result<(), Failure> {
    let of_settings = SETTINGS.iter().map(|setting| format!("ZMD_{}", setting.key.to_ascii_uppercase()));
    for name in of_settings.chain(["ZMD_GRANT_CODE".to_owned()]) {
        if let Err(std::env::VarError::NotUnicode(_)) = std::env::var(&name) {
            return Err(format!("{name} takes UTF-8; its value has other bytes").into());
        }
    }
    Ok(())
}

pub fn run(global: &Global, args: &Login) -> Result<Exit, Failure> {
    check_variables()?;
    let file = ProfileFile::read(global)?;
    let profile = global.profile().unwrap_or(DEFAULT_PROFILE);
    let answers = Answers {
        data_center: data_centers::of_profile(&file, profile),
        environment: known(&file, profile, "environment"),
        client_id: known(&file, profile, "client_id"),
        org_id: known(&file, profile, "org_id"),
        ..Answers::default()
    };
    let mut dialogue = Dialogue { args, file, profile, prompt: Prompt::new(), answers };
    dialogue.introduce();
    let grant = dialogue.choose_grant()?;
    // After a refusal everything is asked again, with what was answered as the default.
    let mut is_first = true;
    let entries = loop {
        match dialogue.ask(grant, is_first) {
            Err(failure) if dialogue.prompt.is_interactive && failure.message.is_some() => {
                dialogue.prompt.explain(&plain(&failure.message.unwrap_or_default()));
                dialogue
                    .prompt
                    .explain("\nCorrect what is wrong, or press Enter for what you answered before; Ctrl-C ends.");
                is_first = false;
            }
            result => break result?,
        }
    };
    dialogue.write(&entries)?;
    Ok(Exit::Deleted)
}

impl Dialogue<'_> {
    /// Says what is going to be written, and replaced.
    fn introduce(&self) {
        self.prompt.explain(&format!("This writes the profile {} to {}.", self.profile, self.file.path.display()));
        if let Some(what) = describe(&self.file, self.profile) {
            let words =
                format!("The profile {} exists, with {what}: its credentials are replaced.", plain(self.profile));
            if self.prompt.is_interactive { self.prompt.explain(&words) } else { note(&words) }
        }
    }

    fn choose_grant(&self) -> Result<Grant, Failure> {
        let args = self.args;
        if args.org_id.is_some() {
            return Ok(Grant::Organization);
        }
        if args.refresh_token_file.is_some() || (args.code_file.is_none() && variable("ZMD_REFRESH_TOKEN").is_some()) {
            return Ok(Grant::RefreshToken);
        }
        if args.code_file.is_some() || variable("ZMD_GRANT_CODE").is_some() || !self.prompt.is_interactive {
            return Ok(Grant::Code);
        }
        let choices = [
            ("code", "a grant code of the API console, for a refresh token: recommended for jobs that run every night"),
            ("organization", "client credentials, with the id of the organization: the quickest, to try it"),
            ("token", "a refresh token that you have already"),
        ]
        .map(|(name, meaning)| Choice { name, meaning: meaning.to_owned() });
        Ok(match self.prompt.choose("How are access tokens to be got?", &choices, "code")? {
            "organization" => Grant::Organization,
            "token" => Grant::RefreshToken,
            _ => Grant::Code,
        })
    }

    /// Asks for everything, and tries it. Returns the entries of the profile.
    fn ask(&mut self, grant: Grant, is_first: bool) -> Result<Vec<(&'static str, String)>, Failure> {
        let data_center = self.data_center(is_first)?;
        let environment = self.environment(is_first)?;
        if is_first {
            self.prompt.explain_indented(&steps(&data_center, grant), 4);
        }
        let given = self.args.client_id.clone().or_else(|| variable("ZMD_CLIENT_ID").map(|id| id.to_string()));
        let client_id = match given.filter(|_| is_first) {
            Some(id) => id,
            None => self.prompt.line("Client ID", self.answers.client_id.as_deref(), "--client-id")?,
        };
        let client_id = client_id.trim().to_owned();
        self.answers.client_id = Some(client_id.clone());
        let client_secret = self.prompt.secret(
            "Client Secret",
            self.answers.client_secret.as_ref(),
            self.args.client_secret_file.as_deref(),
            "ZMD_CLIENT_SECRET",
            "--client-secret-file",
        )?;
        self.answers.client_secret = Some(client_secret.clone());

        let mut config = self.network_settings()?;
        let mut entries = vec![
            match data_center.is_known {
                true => ("data_center", data_center.name),
                false => ("accounts_url", data_center.accounts_url.to_string()),
            },
            ("client_id", client_id),
            ("client_secret", client_secret.to_string()),
        ];
        if environment != ENVIRONMENTS[0].name || self.answers.environment.is_some() {
            entries.push(("environment", environment.to_owned()));
        }
        self.answers.environment = Some(environment.to_owned());
        // The variable takes precedence over the file.
        let is_overridden = |key: &str| key == "accounts_url" && variable("ZMD_ACCOUNTS_URL").is_some();
        for (key, value) in entries.iter().filter(|(key, _)| !is_overridden(key)) {
            config.set(key, value)?;
        }
        let (key, value) = match grant {
            Grant::Organization => ("org_id", Zeroizing::new(self.organization()?)),
            Grant::RefreshToken => {
                let token = self.prompt.secret(
                    "Refresh token",
                    self.answers.refresh_token.as_ref(),
                    self.args.refresh_token_file.as_deref(),
                    "ZMD_REFRESH_TOKEN",
                    "--refresh-token-file",
                )?;
                self.answers.refresh_token = Some(token.clone());
                ("refresh_token", token)
            }
            Grant::Code => ("refresh_token", self.exchange_code(&config, is_first)?),
        };
        config.set(key, &value)?;
        entries.push((key, value.to_string()));
        if !self.args.no_check {
            check(&config)?;
            self.prompt.explain("An access token was issued, and the API accepts it.");
        }
        Ok(entries)
    }

    fn data_center(&mut self, is_first: bool) -> Result<Center, Failure> {
        let given = self.args.data_center.clone().or_else(|| variable("ZMD_DATA_CENTER").map(|name| name.to_string()));
        let found = match (given.filter(|_| is_first), &self.answers.data_center) {
            (Some(name), _) => data_centers::find(name.trim(), || self.network_settings())?,
            (None, Some(known)) if !self.prompt.is_interactive => known.clone(),
            (None, None) if !self.prompt.is_interactive => data_centers::usual(),
            (None, _) => self.choose_data_center()?,
        };
        self.answers.data_center = Some(found.clone());
        Ok(found)
    }

    fn choose_data_center(&self) -> Result<Center, Failure> {
        let known = self.answers.data_center.clone().unwrap_or_else(data_centers::usual);
        let question = "In which data center is the Zoho account? It is the one whose address you sign in at.";
        let of_version = DATA_CENTERS.iter().map(|center| (center.name, center.accounts_url().host().to_owned()));
        let another = (ANOTHER, "one that is newer than this version: asks Zoho for the list".to_owned());
        let choices: Vec<_> = of_version.chain([another]).map(|(name, meaning)| Choice { name, meaning }).collect();
        loop {
            let name = self.prompt.choose(question, &choices, if known.is_known { &known.name } else { ANOTHER })?;
            if let Some(center) = data_centers::known(name) {
                return Ok(center);
            }
            let newer = match self.network_settings().and_then(|config| data_centers::newer(&config)) {
                Ok(newer) => newer,
                Err(error) => {
                    self.prompt.explain(&plain(error.message()));
                    continue;
                }
            };
            let Some(first) = newer.first() else {
                self.prompt.explain("Zoho lists no other one than these.");
                continue;
            };
            let of_list = |center: &&Center| center.accounts_url == known.accounts_url;
            let default = newer.iter().find(of_list).unwrap_or(first);
            let choices: Vec<_> = newer
                .iter()
                .map(|center| Choice { name: &center.name, meaning: center.accounts_url.host().to_owned() })
                .collect();
            let name = self.prompt.choose("These are newer:", &choices, &default.name)?;
            return Ok(newer.iter().find(|center| center.name == name).unwrap_or(default).clone());
        }
    }

    fn environment(&self, is_first: bool) -> Result<String, Failure> {
        let given = self.args.environment.clone().or_else(|| variable("ZMD_ENVIRONMENT").map(|name| name.to_string()));
        let known = self.answers.environment.as_deref().unwrap_or(ENVIRONMENTS[0].name);
        match given.filter(|_| is_first) {
            Some(name) => Ok(name),
            None if !self.prompt.is_interactive => Ok(known.to_owned()),
            None => {
                let meaning = |name| match name {
                    "sandbox" => "a sandbox of the organization",
                    "developer" => "a developer's organization",
                    _ => "the organization itself",
                };
                let choices: Vec<_> = ENVIRONMENTS
                    .iter()
                    .map(|environment| Choice { name: environment.name, meaning: meaning(environment.name).to_owned() })
                    .collect();
                Ok(self.prompt.choose("Where are the jobs?", &choices, known)?.to_owned())
            }
        }
    }

    fn organization(&mut self) -> Result<String, Failure> {
        let given =
            self.args.org_id.clone().filter(|_| self.answers.client_secret.is_none() || !self.prompt.is_interactive);
        let org_id = match given.or_else(|| self.args.org_id.clone().filter(|_| self.answers.org_id.is_none())) {
            Some(id) => id,
            None => self.prompt.line("Organization id", self.answers.org_id.as_deref(), "--org-id")?,
        };
        self.answers.org_id = Some(org_id.clone());
        Ok(org_id)
    }

    /// The refresh token for a grant code. One that is refused can be replaced by a new one.
    fn exchange_code(&self, config: &Config, is_first: bool) -> Result<Zeroizing<String>, Failure> {
        let mut file = self.args.code_file.as_deref().filter(|_| is_first);
        loop {
            let code = self.prompt.secret("Grant code", None, file, "ZMD_GRANT_CODE", "--code-file")?;
            match zmd_core::exchange_grant_code(config, &code) {
                Ok(token) => return Ok(Zeroizing::new(token.reveal().to_owned())),
                Err(error) if self.prompt.is_interactive && error.code() == "invalid_code" && file.is_none() => {
                    self.prompt.explain(&plain(error.message()));
                }
                Err(error) => return Err(error.into()),
            }
            file = None;
        }
    }

    fn network_settings(&self) -> Result<Config, Error> {
        data_centers::network_settings(&self.file, self.profile)
    }

    fn write(&mut self, entries: &[(&str, String)]) -> Result<(), Failure> {
        let token_cache = token_cache(&self.file, self.profile);
        // An accounts_url stands for a data center that has no name here: one of both at most.
        let names_server = entries.iter().any(|(key, _)| *key == "accounts_url");
        if names_server || data_centers::accounts_url(&self.file, self.profile).is_some() {
            self.file.remove(self.profile, if names_server { "data_center" } else { "accounts_url" });
        }
        self.file.set(self.profile, entries, &token_cache)?;
        if let Some(directory) = token_cache.parent() {
            // Where it can't be created, each process requests its own token, which the log says.
            let _ = create_private_directory(directory);
        }
        self.file.write()?;
        let option =
            if self.profile == DEFAULT_PROFILE { String::new() } else { format!(" --profile {}", self.profile) };
        let done = format!("The profile {} is in {}. Try it:", plain(self.profile), self.file.path.display());
        let command = format!("zmd status{option} MODULE JOB_ID");
        if self.prompt.is_interactive {
            self.prompt.explain(&done);
            self.prompt.explain(&command);
        } else {
            note(&format!("{done} {command}"));
        }
        Ok(())
    }
}

fn known(file: &ProfileFile, profile: &str, key: &str) -> Option<String> {
    file.get(profile, key).map(|value| value.to_string())
}

/// What the credentials of a profile are: `a refresh token of the client 1000.ID`.
pub fn describe(file: &ProfileFile, profile: &str) -> Option<String> {
    let get = |key: &str| known(file, profile, key);
    let client = || get("client_id").map(|id| format!(" of the client {}", plain(&id))).unwrap_or_default();
    if get("refresh_token").is_some() {
        Some(format!("a refresh token{}", client()))
    } else if let Some(organization) = get("org_id") {
        Some(format!("client credentials{} for the organization {}", client(), plain(&organization)))
    } else {
        get("access_token").map(|_| "an access token".to_owned())
    }
}

/// Where the processes of a profile share its access tokens: in the user's cache, and for a file at another place beside it.
pub fn token_cache(file: &ProfileFile, profile: &str) -> PathBuf {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = profile.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    };
    match cache.filter(|_| file.is_usual) {
        Some(cache) => cache.join("zmd").join(format!("tokens-{name}")),
        None => file.path.with_file_name(format!("tokens-{name}")),
    }
}

/// Requests an access token, and queries a job that does not exist: another error than that is a hint.
fn check(config: &Config) -> Result<(), Failure> {
    let hint = |error: Error| Failure {
        message: Some(format!("{}; nothing was written (--no-check writes the profile all the same)", error.message())),
        exit: Exit::of_error(&error),
    };
    let client = Client::new(config)?;
    client.access_token().map_err(hint)?;
    let names = ModuleName::parse("Leads").and_then(|module| Ok((module, JobId::parse("1")?)));
    let (module, job_id) = names?;
    match client.status(&module, &job_id) {
        Err(error) if matches!(error.kind(), ErrorKind::Scope | ErrorKind::Unauthorized) => Err(hint(error)),
        _ => Ok(()),
    }
}

/// The steps in the browser, with the addresses of the data center.
fn steps(data_center: &Center, grant: Grant) -> String {
    // The API console's host differs from the accounts server's in its first label.
    let console = data_center.accounts_url.to_string().replacen("accounts.", "api-console.", 1);
    let last = match grant {
        Grant::Code => format!(
            " 3. In the tab \"Generate Code\" enter the scope {SCOPE}, a time of 10 minutes and a description, and choose the \
             organization, or its sandbox. You get a grant code.\n"
        ),
        Grant::Organization => {
            " 3. In Zoho CRM, Setup, Developer Hub, APIs shows the id of the organization; the company \
                                details do, too.\n"
                .to_owned()
        }
        Grant::RefreshToken => String::new(),
    };
    format!(
        "\n 1. Open {console} and sign in as a user who may see the jobs.\n 2. Choose \"Self Client\" and create one. Its tab \
         \"Client Secret\" shows the client id and the client secret.\n{last}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_center_has_a_console() {
        let console = |name: &str| steps(&data_centers::known(name).unwrap(), Grant::Code);
        assert!(console("eu").contains("https://api-console.zoho.eu "));
        assert!(console("ca").contains("https://api-console.zohocloud.ca "));
    }
}
