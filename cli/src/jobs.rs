//! The jobs of a command line or of standard input.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal};

use zmd_core::{Error, ErrorKind, JobId, ModuleName};

use crate::Failure;

/// A job, as it was named.
#[derive(Clone)]
pub struct Job {
    pub module: String,
    pub job_id: String,
    /// The arguments for the library, or why they are invalid.
    pub named: Result<(ModuleName, JobId), Error>,
}

impl Job {
    pub fn new(module: &OsString, job_id: &OsString) -> Job {
        let not_utf8 = |name: &str| Error::new(ErrorKind::InvalidArgument, format!("{name} is not UTF-8"));
        let named = || {
            let module = ModuleName::parse(module.to_str().ok_or_else(|| not_utf8("module"))?)?;
            let job_id = JobId::parse(job_id.to_str().ok_or_else(|| not_utf8("job_id"))?)?;
            Ok((module, job_id))
        };
        Job {
            named: named(),
            module: module.to_string_lossy().trim().to_owned(),
            job_id: job_id.to_string_lossy().trim().to_owned(),
        }
    }

    fn of_text(module: &str, job_id: &str) -> Job {
        Job::new(&module.into(), &job_id.into())
    }
}

/// The jobs of the arguments, and those of standard input where a `-` stands for them.
pub fn read(arguments: &[OsString]) -> Result<Vec<Job>, Failure> {
    let stdin = std::io::stdin();
    if arguments.is_empty() {
        if stdin.is_terminal() {
            return Err("name a job: MODULE JOB_ID or MODULE:JOB_ID (see --help)".to_owned().into());
        }
        return of_lines(stdin.lock(), None);
    }
    let mut jobs = Vec::new();
    let mut module: Option<&OsString> = None;
    let mut has_ids = false;
    let mut has_read = false;
    for argument in arguments {
        let text = argument.to_string_lossy();
        if text == "-" {
            if std::mem::replace(&mut has_read, true) {
                return Err("- stands for standard input, which can be read only once (see --help)".to_owned().into());
            }
            let module = module.map(|module| module.to_string_lossy().into_owned());
            jobs.extend(of_lines(stdin.lock(), module.as_deref())?);
            has_ids = true;
        } else if let (Some((name, id)), None) = (text.split_once(':'), module) {
            // An argument with a colon may be no UTF-8 elsewhere: then its parts are not, either.
            match argument.to_str() {
                Some(_) => jobs.push(Job::of_text(name, id)),
                None => jobs.push(Job { named: Job::new(argument, argument).named, ..Job::of_text(name, id) }),
            }
        } else if let Some(module) = module {
            if text.contains(':') {
                return Err(mixed(&text));
            }
            jobs.push(Job::new(module, argument));
            has_ids = true;
        } else if jobs.is_empty() {
            module = Some(argument);
        } else {
            return Err(mixed(&text));
        }
    }
    match module {
        Some(module) if !has_ids => {
            Err(format!("JOB_ID is missing after the module {} (see --help)", module.to_string_lossy()).into())
        }
        _ => Ok(jobs),
    }
}

fn mixed(argument: &str) -> Failure {
    format!("not of the form that the other jobs have: {argument} (see --help)").into()
}

/// One job a line; empty lines and those that begin with `#` are passed over.
fn of_lines(input: impl BufRead, module: Option<&str>) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    for line in input.split(b'\n') {
        let line = line.map_err(|error| format!("cannot read standard input: {error}"))?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim().trim_start_matches('\u{feff}');
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        // A module's name may be shown with a blank, an id has none: the last one parts them.
        let parts = text.rsplit_once(':').or_else(|| text.rsplit_once([' ', '\t', ',', ';']));
        let job = match (parts, module) {
            (Some((module, id)), _) => Job::of_text(module, id),
            (None, Some(module)) => Job::of_text(module, text),
            (None, None) => Job {
                module: String::new(),
                job_id: text.to_owned(),
                named: Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("line {} of standard input is not of the form MODULE:JOB_ID", jobs.len() + 1),
                )),
            },
        };
        jobs.push(job);
    }
    if jobs.is_empty() {
        return Err("standard input names no job".to_owned().into());
    }
    Ok(jobs)
}

/// The modules that every organization has, for suggestions.
///
/// Source: Zoho CRM API v7, "Modules API".
const MODULES: &[&str] = &[
    "Leads",
    "Contacts",
    "Accounts",
    "Deals",
    "Tasks",
    "Events",
    "Calls",
    "Campaigns",
    "Products",
    "Quotes",
    "Sales_Orders",
    "Purchase_Orders",
    "Invoices",
    "Price_Books",
    "Vendors",
    "Cases",
    "Solutions",
];

/// The module that is probably meant by a name that Zoho does not have.
pub fn suggestion(module: &str) -> Option<&'static str> {
    let flat = |name: &str| name.to_ascii_lowercase().replace([' ', '-'], "_");
    let names: Vec<_> = MODULES.iter().map(|name| flat(name)).collect();
    let near = zmd_core::nearest(&flat(module), names.iter().map(String::as_str))?;
    MODULES.iter().find(|name| flat(name) == near).filter(|name| **name != module).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(jobs: Result<Vec<Job>, Failure>) -> Vec<String> {
        let jobs = jobs.unwrap_or_else(|failure| panic!("{:?}", failure.0));
        jobs.iter().map(|job| format!("{}:{}", job.module, job.job_id)).collect()
    }

    fn of_arguments(arguments: &[&str]) -> Result<Vec<Job>, Failure> {
        read(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn arguments() {
        assert_eq!(names(of_arguments(&["Leads", "1"])), ["Leads:1"]);
        assert_eq!(names(of_arguments(&["Leads", "1", " 2"])), ["Leads:1", "Leads:2"]);
        assert_eq!(names(of_arguments(&["Leads:1", "Contacts: 2"])), ["Leads:1", "Contacts:2"]);
        for bad in [&["Leads"][..], &["Leads:1", "Contacts", "2"], &["Leads", "1", "Contacts:2"]] {
            assert!(of_arguments(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lines() {
        let text = "\u{feff}Leads:1\r\n\n# more\nLeads 2\nContacts\t3\nSales Orders 4\nDeals,5\n6";
        assert_eq!(
            names(of_lines(text.as_bytes(), Some("Leads"))),
            ["Leads:1", "Leads:2", "Contacts:3", "Sales Orders:4", "Deals:5", "Leads:6"]
        );
        let jobs = of_lines(&b"6\nLeads:\xff\n"[..], None).unwrap_or_default();
        assert!(jobs.len() == 2 && jobs.iter().all(|job| job.named.is_err()));
        assert!(of_lines(&b"\n"[..], None).is_err());
    }

    #[test]
    fn a_mistyped_module_gets_a_suggestion() {
        assert_eq!(suggestion("Lead"), Some("Leads"));
        assert_eq!(suggestion("leads"), Some("Leads"));
        assert_eq!(suggestion("SalesOrders"), Some("Sales_Orders"));
        assert_eq!(suggestion("Leads"), None);
        assert_eq!(suggestion("Unicorns"), None);
    }
}
