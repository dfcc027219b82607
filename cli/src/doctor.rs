//! `zmd doctor`: what is in the way, one check after the other.

use std::time::Duration;

use serde::Serialize;
use x509_parser::prelude::{FromDer, X509Certificate};
use zmd_core::{BaseUrl, Client, Config, Error, ErrorKind, Probe, SETTINGS, Source};

use crate::args::{self, Global};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::jobs::Job;
use crate::report;
use crate::terminal::{Output, paint, plain, stdout_is_colored};

/// How far the clocks may be apart before tokens and certificates suffer.
const SKEW: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    /// What it needs has failed.
    Skipped,
}

/// A line of JSON.
#[derive(Serialize)]
struct Check<'a> {
    check: &'a str,
    /// `None`: not checked.
    ok: Option<bool>,
    found: &'a str,
    todo: Option<&'a str>,
    settings: Option<Vec<SetTo>>,
}

/// A setting, and where its value comes from.
#[derive(Serialize)]
struct SetTo {
    key: &'static str,
    value: String,
    source: String,
}

struct Doctor {
    out: Output,
    json: bool,
    colored: bool,
    is_well: bool,
}

pub fn run(global: &Global, args: &args::Doctor) -> Result<Exit, Failure> {
    let mut doctor = Doctor { out: Output::new(), json: args.json, colored: stdout_is_colored(), is_well: true };
    doctor.all(global, args)?;
    let is_well = doctor.is_well;
    doctor.out.finish()?;
    Ok(if is_well { Exit::Deleted } else { Exit::Permanent })
}

impl Doctor {
    fn all(&mut self, global: &Global, args: &args::Doctor) -> Result<(), Failure> {
        let Some(config) = self.configuration(global)? else { return Ok(()) };
        let client = match Client::new(&config) {
            Ok(client) => client,
            Err(error) => return self.bad("credentials", &error, "run zmd login, or set what is missing"),
        };
        let has_grant = ["refresh_token", "org_id"].iter().any(|key| !config.shown(key).is_empty());
        if has_grant && !self.way("accounts server", &config, &config.accounts_url())? {
            self.skipped("access token", "the accounts server can't be reached")?;
            return Ok(());
        }
        let api = match client.access_token() {
            Ok(token) => {
                let found = match token.end {
                    None => "access_token is set; when it expires is unknown".to_owned(),
                    Some(end) => format!("there is one, valid until {}", clock::utc(end)),
                };
                let found = token.conflict.map_or(found.clone(), |conflict| format!("{found}; {conflict}"));
                self.good("access token", &found)?;
                token.api_domain
            }
            Err(error) => return self.bad("access token", &error, &todo(&error)),
        };
        self.cache(&config)?;
        if !self.way("API", &config, &api)? {
            return self.skipped("scope", "the API can't be reached");
        }
        self.job(&client, args)
    }

    /// The settings, and where each comes from.
    fn configuration(&mut self, global: &Global) -> Result<Option<Config>, Failure> {
        let file = global.config_file().map(std::path::Path::to_owned).or_else(zmd_core::config_file);
        let config = match global.settings() {
            Ok(config) => config,
            Err(error) => {
                self.bad("configuration", &error, "fix what the message names")?;
                return Ok(None);
            }
        };
        let is_there = file.as_ref().is_some_and(|file| file.exists());
        let place = file.map_or("no place for a configuration file".to_owned(), |file| match is_there {
            true => format!("{}, profile {}", file.display(), global.profile().unwrap_or(zmd_core::DEFAULT_PROFILE)),
            false => format!("no configuration file ({})", file.display()),
        });
        let set: Vec<_> = SETTINGS.iter().filter(|setting| config.source(setting.key) != Source::Default).collect();
        let origin = |key: &str| match config.source(key) {
            Source::Default => "default".to_owned(),
            Source::File { path, line, .. } => format!("{}:{line}", path.display()),
            Source::Environment(name) => name,
            Source::Explicit => "explicit".to_owned(),
        };
        let settings = set.iter().map(|setting| SetTo {
            key: setting.key,
            value: config.shown(setting.key),
            source: origin(setting.key),
        });
        self.checked("configuration", Verdict::Good, &place, "", Some(settings.collect()))?;
        Ok(Some(config))
    }

    /// Lookup, proxy, connection, TLS and clock, for one server. Returns whether it answers.
    fn way(&mut self, name: &str, config: &Config, server: &BaseUrl) -> Result<bool, Failure> {
        let host = server.host();
        let probe = match zmd_core::probe(config, server) {
            Ok(probe) => probe,
            Err(error) => {
                self.bad(&format!("{name}: settings"), &error, "fix the setting that the message names")?;
                return Ok(false);
            }
        };
        let check = |what: &str| format!("{name}: {what}");
        let first = match &probe.proxy {
            Some(proxy) => format!("{} (from {})", proxy.address, proxy.source),
            None => "none: directly".to_owned(),
        };
        self.good(&check("proxy"), &first)?;
        let next = if probe.proxy.is_some() { "the proxy" } else { host };
        let todo = match &probe.proxy {
            Some(proxy) => format!("check the proxy's address, which is from {}", proxy.source),
            None => "check the network and the firewall; behind a proxy, set proxy".to_owned(),
        };
        match &probe.lookup {
            Some(Ok(addresses)) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                self.good(&check("name lookup"), &format!("{next} is {}", addresses.join(", ")))?;
            }
            Some(Err(error)) => {
                self.bad(&check("name lookup"), error, &todo)?;
                return Ok(false);
            }
            None => return Ok(false),
        }
        match &probe.connect {
            Some(Ok(took)) => {
                self.good(&check("connection"), &format!("{next} accepts it after {} ms", took.as_millis()))?;
            }
            Some(Err(error)) => {
                self.bad(&check("connection"), error, &todo)?;
                return Ok(false);
            }
            None => return Ok(false),
        }
        self.tls_and_clock(&check, &probe)
    }

    fn tls_and_clock(&mut self, check: &dyn Fn(&str) -> String, probe: &Probe) -> Result<bool, Failure> {
        let issuer = match &probe.certificates {
            Some(Ok(chain)) => chain.first().map(|certificate| issuer_of(certificate)),
            _ => None,
        };
        let answer = match &probe.response {
            Some(Ok(answer)) => answer,
            Some(Err(error)) if error.kind() == ErrorKind::Tls => {
                let issuer = issuer.unwrap_or_else(|| "unknown".to_owned());
                let todo = format!(
                    "the certificate was issued by {issuer}. If that is your company's own authority, have its certificate \
                     as a PEM file from your administrator and set extra_ca_file (ZMD_EXTRA_CA_FILE) to it; check the \
                     machine's clock, too"
                );
                self.bad(&check("TLS"), error, &todo)?;
                return Ok(false);
            }
            Some(Err(error)) => {
                self.bad(&check("answer"), error, &todo(error))?;
                return Ok(false);
            }
            None => return Ok(false),
        };
        match issuer {
            Some(issuer) => self.good(&check("TLS"), &format!("trusted, issued by {issuer}"))?,
            None => self.good(&check("TLS"), "plain http, on this machine")?,
        }
        let Some((theirs, ours)) = answer.clocks else {
            self.skipped(&check("clock"), "the server sends no time")?;
            return Ok(true);
        };
        let (skew, direction) = match ours.duration_since(theirs) {
            Ok(skew) => (skew, "ahead of"),
            Err(error) => (error.duration(), "behind"),
        };
        let words = format!("this machine's clock is {} s {direction} the server's", skew.as_secs());
        if skew > SKEW {
            self.print(&check("clock"), Verdict::Bad, &words, "set the clock, and have it kept by NTP")?;
        } else {
            self.good(&check("clock"), &words)?;
        }
        Ok(true)
    }

    /// The token cache: other users must not be able to read it.
    fn cache(&mut self, config: &Config) -> Result<(), Failure> {
        let path = config.shown("token_cache");
        if path.is_empty() {
            return Ok(());
        }
        match std::fs::metadata(&path) {
            Ok(metadata) => {
                #[cfg(unix)]
                {
                    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
                    if mode & 0o077 != 0 {
                        let found = format!("{path}: other users can read it (its mode is {mode:03o})");
                        return self.print("token cache", Verdict::Bad, &found, &format!("run chmod 600 '{path}'"));
                    }
                }
                self.good("token cache", &format!("{path}, {} bytes", metadata.len()))
            }
            Err(error) => {
                let todo = "make its directory, and let this account write to it";
                self.print("token cache", Verdict::Bad, &format!("{path}: {error}"), todo)
            }
        }
    }

    /// The scope, and the job where one was named.
    fn job(&mut self, client: &Client, args: &args::Doctor) -> Result<(), Failure> {
        let named = match (&args.module, &args.job_id) {
            (Some(module), Some(job_id)) => Some((module.as_str(), job_id.as_str())),
            _ => None,
        };
        // Without a job, one that does not exist: the answer to it shows the scope all the same.
        let (module, job_id) = named.unwrap_or(("Leads", "1"));
        let job = Job::new(&module.into(), &job_id.into());
        let (module, job_id) = match &job.named {
            Ok(names) => names,
            Err(error) => return self.bad("job", error, "fix the argument"),
        };
        let result = client.status(module, job_id);
        match &result {
            Err(error) if !matches!(error.kind(), ErrorKind::JobNotFound | ErrorKind::InvalidModule) => {
                self.bad("scope", error, &todo(error))?;
                return match named {
                    Some(_) => self.skipped("job", "the API refuses the token"),
                    None => Ok(()),
                };
            }
            _ => self.good("scope", "the API accepts the token for mass-delete jobs")?,
        }
        match (named, result) {
            (None, _) => Ok(()),
            (Some(_), Ok(status)) => self.good("job", &report::line(&job, &status)),
            (Some(_), Err(error)) => {
                let words = report::words(&job, &error, false);
                self.print("job", Verdict::Bad, &words, &todo(&error))
            }
        }
    }

    fn good(&mut self, check: &str, found: &str) -> Result<(), Failure> {
        self.print(check, Verdict::Good, found, "")
    }

    fn bad(&mut self, check: &str, error: &Error, todo: &str) -> Result<(), Failure> {
        self.print(check, Verdict::Bad, error.message(), todo)
    }

    fn skipped(&mut self, check: &str, why: &str) -> Result<(), Failure> {
        self.print(check, Verdict::Skipped, why, "")
    }

    fn print(&mut self, check: &str, verdict: Verdict, found: &str, todo: &str) -> Result<(), Failure> {
        self.checked(check, verdict, found, todo, None)
    }

    fn checked(
        &mut self,
        check: &str,
        verdict: Verdict,
        found: &str,
        todo: &str,
        settings: Option<Vec<SetTo>>,
    ) -> Result<(), Failure> {
        self.is_well &= verdict != Verdict::Bad;
        if self.json {
            let ok = match verdict {
                Verdict::Good => Some(true),
                Verdict::Bad => Some(false),
                Verdict::Skipped => None,
            };
            let todo = Some(todo).filter(|todo| !todo.is_empty());
            let line = Check { check, ok, found, todo, settings };
            self.out.line(&serde_json::to_string(&line).unwrap_or_default())?;
        } else {
            let bold = anstyle::Style::new().bold();
            let (mark, color) = match verdict {
                Verdict::Good => ("ok  ", anstyle::AnsiColor::Green),
                Verdict::Bad => ("FAIL", anstyle::AnsiColor::Red),
                Verdict::Skipped => ("-   ", anstyle::AnsiColor::Yellow),
            };
            let mark = paint(mark, bold.fg_color(Some(color.into())), self.colored);
            self.out.line(&format!("{mark} {}: {}", paint(check, bold, self.colored), plain(found)))?;
            for SetTo { key, value, source } in settings.into_iter().flatten() {
                self.out.line(&format!("    {}", plain(&format!("{key} = {value} ({source})"))))?;
            }
            if !todo.is_empty() {
                self.out.line(&format!("     -> {}", plain(todo)))?;
            }
        }
        // Each check is printed when it is done: the next one may take a while.
        Ok(self.out.flush()?)
    }
}

/// The issuer of a certificate: the common name, or the organization.
fn issuer_of(certificate: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return "an unreadable certificate".to_owned();
    };
    let issuer = certificate.issuer();
    let names = issuer.iter_organization().chain(issuer.iter_common_name());
    let names: Vec<_> = names.filter_map(|name| name.as_str().ok()).map(plain).collect();
    if names.is_empty() { plain(&issuer.to_string()) } else { names.join(", ") }
}

/// What to do about an error, unless its message already says so.
fn todo(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Oauth => {
            "run zmd login for new credentials, in the data center of the account".to_owned()
        }
        ErrorKind::Scope => "run zmd login with a grant code for the scope ZohoCRM.mass_delete.READ".to_owned(),
        kind @ (ErrorKind::Timeout
        | ErrorKind::Proxy
        | ErrorKind::Network
        | ErrorKind::Server
        | ErrorKind::BadResponse) => {
            let advice = kind.advice().replace('`', "");
            advice[..1].to_lowercase() + advice[1..].trim_end_matches('.')
        }
        _ => String::new(),
    }
}
