//! `zmd doctor`: what is in the way, one check after the other.

mod print;
mod remedy;

use std::time::Duration;

use x509_parser::prelude::{FromDer, X509Certificate};
use zmd_core::{BaseUrl, Client, Config, Error, ErrorKind, Probe, SETTINGS, Source};

use crate::args::{self, Global};
use crate::clock;
use crate::data_centers;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::jobs::Job;
use crate::profile_file::ProfileFile;
use crate::report;
use crate::terminal::plain;
use print::{Printer, SetTo, Verdict};

/// How far the clocks may be apart before tokens and certificates suffer.
const SKEW: Duration = Duration::from_secs(60);

struct Doctor {
    printer: Printer,
    /// What is known when all is well, for the one line about it.
    summary: Vec<String>,
}

pub fn run(global: &Global, args: &args::Doctor) -> Result<Exit, Failure> {
    let printer = Printer::new(args.json, global.verbose > 0);
    let mut doctor = Doctor { printer, summary: Vec::new() };
    doctor.all(global, args)?;
    let Doctor { printer, summary } = doctor;
    printer.finish(&summary)
}

impl Doctor {
    fn all(&mut self, global: &Global, args: &args::Doctor) -> Result<(), Failure> {
        let Some(config) = self.configuration(global)? else { return Ok(()) };
        let client = match Client::new(&config) {
            Ok(client) => client,
            Err(error) => return self.bad("credentials", &error, &remedy::of_settings(&error)),
        };
        match client.check_log() {
            None => {}
            Some(Ok(())) => self.good("log file", &config.shown("log_file"))?,
            Some(Err(error)) => {
                self.bad(
                    "log file",
                    &error,
                    "make its directory, and let this account write to it; or change log_file",
                )?;
            }
        }
        let has_grant = ["refresh_token", "org_id"].iter().any(|key| !config.shown(key).is_empty());
        self.authorities(&config)?;
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
                match token.conflict {
                    None => self.good("access token", &found)?,
                    Some(conflict) => self.printer.notable("access token", &format!("{found}; {conflict}"))?,
                }
                self.summary.push(match token.end {
                    None => "an access token is set".to_owned(),
                    Some(_) => "an access token was issued".to_owned(),
                });
                token.api_domain
            }
            Err(error) => {
                let mut todo = remedy::of(&error);
                if error.kind() == ErrorKind::Oauth {
                    todo = with(todo, data_centers::advice(&config));
                }
                return self.bad("access token", &error, &todo);
            }
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
                let mut todo = remedy::of_settings(&error);
                if error.message().contains("data_center takes") {
                    todo = with(todo, data_centers::advice(&network_settings(global)));
                }
                self.bad("configuration", &error, &todo)?;
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
        self.printer.configuration(&place, settings.collect())?;
        self.summary.push(place);
        Ok(Some(config))
    }

    /// The certificate authorities that are trusted, and where they come from.
    fn authorities(&mut self, config: &Config) -> Result<(), Failure> {
        match zmd_core::trusted_roots(config) {
            Ok(trusted) => {
                let trusted: Vec<_> = trusted.iter().map(ToString::to_string).collect();
                self.good("certificate authorities", &trusted.join("; "))
            }
            Err(error) => {
                let todo = "install the package ca-certificates, or set ca_file to the authorities to trust";
                self.bad("certificate authorities", &error, todo)
            }
        }
    }

    /// Lookup, proxy, connection, TLS and clock, for one server. Returns whether it answers.
    fn way(&mut self, name: &str, config: &Config, server: &BaseUrl) -> Result<bool, Failure> {
        let host = server.host();
        let probe = match zmd_core::probe(config, server) {
            Ok(probe) => probe,
            Err(error) => {
                self.bad(&format!("{name}: settings"), &error, &remedy::of_settings(&error))?;
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
                self.bad(&check("answer"), error, &remedy::of(error))?;
                return Ok(false);
            }
            None => return Ok(false),
        };
        match issuer {
            Some(issuer) => self.good(&check("TLS"), &format!("trusted, issued by {issuer}"))?,
            None => self.good(&check("TLS"), "plain http, on this machine")?,
        }
        let times = &probe.times;
        let steps = [
            ("lookup", times.lookup),
            ("connection", times.connect),
            ("TLS", times.tls),
            ("first byte", times.first_byte),
        ];
        let times = steps.iter().filter_map(|(step, took)| Some(format!("{step} {} ms", (*took)?.as_millis())));
        self.good(&check("times"), &times.collect::<Vec<_>>().join(", "))?;
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
            self.printer.print(
                &check("clock"),
                Verdict::Bad(Exit::Permanent),
                &words,
                "set the clock, and have it kept by NTP",
            )?;
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
                        return self.printer.print(
                            "token cache",
                            Verdict::Bad(Exit::Permanent),
                            &found,
                            &format!("run chmod 600 '{path}'"),
                        );
                    }
                }
                self.good("token cache", &format!("{path}, {} bytes", metadata.len()))
            }
            Err(error) => {
                let todo = "make its directory, and let this account write to it";
                self.printer.print("token cache", Verdict::Bad(Exit::Permanent), &format!("{path}: {error}"), todo)
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
        self.credits(client)?;
        match &result {
            Err(error) if !matches!(error.kind(), ErrorKind::JobNotFound | ErrorKind::InvalidModule) => {
                self.bad("scope", error, &remedy::of(error))?;
                return match named {
                    Some(_) => self.skipped("job", "the API refuses the token"),
                    None => Ok(()),
                };
            }
            _ => {
                self.good("scope", "the API accepts the token for mass-delete jobs")?;
                self.summary.push("the API accepts it".to_owned());
            }
        }
        match (named, result) {
            (None, _) => Ok(()),
            // The job's state counts in the exit status, as in `zmd status`.
            (Some(_), Ok(status)) => {
                let line = report::line(&job, &status);
                self.summary.push(line.clone());
                match Exit::of_status(&status) {
                    Exit::Failed => {
                        let remedy = "look in Zoho CRM at the records that are left";
                        self.printer.print("job", Verdict::Bad(Exit::Failed), &line, remedy)
                    }
                    exit => self.printer.print("job", Verdict::Fine(exit), &line, ""),
                }
            }
            (Some(_), Err(error)) => {
                let words = report::words(&job, &error, false);
                self.printer.print("job", Verdict::Bad(Exit::of_error(&error)), &words, &remedy::of(&error))
            }
        }
    }

    /// How many API credits remain, if the service has said so.
    fn credits(&mut self, client: &Client) -> Result<(), Failure> {
        let Some(credits) = client.credits() else {
            return self.good("API credits", "not reported: the service does once half of those of 24 hours are used");
        };
        let found = format!("{} remain of those of the last 24 hours", credits.remaining);
        if credits.remaining == 0 {
            let remedy = "wait: they come back in the course of 24 hours. Look which program uses them up";
            return self.printer.print("API credits", Verdict::Bad(Exit::Transient), &found, remedy);
        }
        // Half of them are used.
        self.printer.notable("API credits", &found)
    }

    fn good(&mut self, check: &str, found: &str) -> Result<(), Failure> {
        self.printer.print(check, Verdict::Good, found, "")
    }

    fn bad(&mut self, check: &str, error: &Error, remedy: &str) -> Result<(), Failure> {
        self.printer.print(check, Verdict::Bad(Exit::of_error(error)), error.message(), remedy)
    }

    fn skipped(&mut self, check: &str, why: &str) -> Result<(), Failure> {
        self.printer.print(check, Verdict::Skipped, why, "")
    }
}

/// A remedy and another one.
fn with(todo: String, other: String) -> String {
    [todo, other].into_iter().filter(|todo| !todo.is_empty()).collect::<Vec<_>>().join("; ")
}

/// How to reach the accounts server, where the settings as a whole can't be used.
fn network_settings(global: &Global) -> Config {
    let profile = global.profile().unwrap_or(zmd_core::DEFAULT_PROFILE);
    let file = ProfileFile::read(global).ok();
    file.and_then(|file| data_centers::network_settings(&file, profile).ok()).unwrap_or_default()
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
