//! The jobs of a command line or of standard input.

use std::ffi::OsString;
use std::io::{IsTerminal, Read};

use zmd_core::{Error, ErrorKind, JobId, MODULES, ModuleName};

use crate::args;
use crate::failure::Failure;
use crate::terminal::plain;

/// The longest input, in bytes: some hundred thousand jobs.
const INPUT_LIMIT: u64 = 16 << 20;

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

/// The jobs of the arguments, of `--file`, and of standard input.
pub fn read(args: &args::Jobs) -> Result<Vec<Job>, Failure> {
    let mut jobs = of_arguments(&args.jobs)?;
    match &args.file {
        Some(file) if file.as_os_str() == "-" => {
            jobs.extend(of_input(&mut std::io::stdin().lock(), "standard input", None)?)
        }
        Some(file) => {
            let name = plain(&file.to_string_lossy());
            let mut input = std::fs::File::open(file).map_err(|error| format!("cannot read {name}: {error}"))?;
            jobs.extend(of_input(&mut input, &name, None)?);
        }
        None if args.jobs.is_empty() => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                return Err("name a job: MODULE JOB_ID or MODULE:JOB_ID (see --help)".to_owned().into());
            }
            jobs.extend(of_input(&mut stdin.lock(), "standard input", None)?);
        }
        None => {}
    }
    Ok(jobs)
}

/// `Contacts 1 2 Leads:3 -`: a word without a colon is a module if it is the first or one that every organization has, and
/// otherwise the id of a job of the module before it.
fn of_arguments(arguments: &[OsString]) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    // The module, and whether it has a job.
    let mut current: Option<(&OsString, bool)> = None;
    let mut has_read = false;
    for argument in arguments {
        let text = argument.to_string_lossy();
        if text == "-" {
            if std::mem::replace(&mut has_read, true) {
                return Err("- stands for standard input, which can be read only once (see --help)".to_owned().into());
            }
            let module = current.map(|(module, _)| module.to_string_lossy().into_owned());
            jobs.extend(of_input(&mut std::io::stdin().lock(), "standard input", module.as_deref())?);
            current = current.map(|(module, _)| (module, true));
        } else if let Some((name, id)) = text.split_once(':') {
            // An argument with a colon may be no UTF-8 elsewhere: then its parts are not, either.
            match argument.to_str() {
                Some(_) => jobs.push(Job::of_text(name, id)),
                None => jobs.push(Job { named: Job::new(argument, argument).named, ..Job::of_text(name, id) }),
            }
        } else {
            match current {
                Some((module, _)) if !MODULES.contains(&&*text) => {
                    jobs.push(Job::new(module, argument));
                    current = Some((module, true));
                }
                Some((module, false)) => return Err(without_id(module)),
                _ => current = Some((argument, false)),
            }
        }
    }
    match current {
        Some((module, false)) => Err(without_id(module)),
        _ => Ok(jobs),
    }
}

fn without_id(module: &OsString) -> Failure {
    format!("JOB_ID is missing after the module {} (see --help)", plain(&module.to_string_lossy())).into()
}

/// One job a line; empty lines and those that begin with `#` are ignored. `name` is the input's, for messages.
fn of_input(input: &mut dyn Read, name: &str, module: Option<&str>) -> Result<Vec<Job>, Failure> {
    let mut bytes = Vec::new();
    let read = input.take(INPUT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read {name}: {error}"))?;
    if bytes.len() as u64 > INPUT_LIMIT {
        return Err(format!("{name} is longer than {} MiB: give the jobs in several parts", INPUT_LIMIT >> 20).into());
    }
    let mut jobs = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if jobs.is_empty() && is_header(text) {
            let message = format!(
                "line {number} of {name} is the header of a table: leave it out, and give MODULE and JOB_ID on each line"
            );
            return Err(message.into());
        }
        // A module's name may be shown with a blank, an id has none: the last separator counts.
        let parts = text.rsplit_once(':').or_else(|| text.rsplit_once([' ', '\t', ',', ';']));
        let mut job = match (parts, module) {
            (Some((module, id)), _) => Job::of_text(unquoted(module), unquoted(id)),
            (None, Some(module)) => Job::of_text(module, unquoted(text)),
            (None, None) => Job {
                module: String::new(),
                job_id: text.to_owned(),
                named: Err(Error::new(ErrorKind::InvalidArgument, "it is not of the form MODULE:JOB_ID")),
            },
        };
        job.named =
            job.named.map_err(|error| error.map_message(|message| format!("line {number} of {name}: {message}")));
        jobs.push(job);
    }
    if jobs.is_empty() {
        return Err(format!("{name} names no job").into());
    }
    Ok(jobs)
}

/// The header of a CSV file, such as `Module,Job_Id`.
fn is_header(line: &str) -> bool {
    let names =
        line.split([',', ';', '\t']).map(|name| unquoted(name).to_ascii_lowercase().replace(['_', '-', ' '], ""));
    line.contains([',', ';', '\t']) && names.into_iter().any(|name| matches!(&*name, "module" | "jobid" | "id"))
}

/// A field of CSV without its quotation marks.
fn unquoted(field: &str) -> &str {
    let field = field.trim().trim_end_matches([',', ';']).trim_end();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

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
        let jobs = jobs.unwrap_or_else(|failure| panic!("{:?}", failure.message));
        jobs.iter().map(|job| format!("{}:{}", job.module, job.job_id)).collect()
    }

    fn words(arguments: &[&str]) -> Result<Vec<Job>, Failure> {
        of_arguments(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn lines(text: &str, module: Option<&str>) -> Result<Vec<Job>, Failure> {
        of_input(&mut text.as_bytes(), "the list", module)
    }

    fn message(jobs: Result<Vec<Job>, Failure>) -> String {
        jobs.err().and_then(|failure| failure.message).unwrap_or_default()
    }

    #[test]
    fn arguments() {
        assert_eq!(names(words(&["Leads", "1"])), ["Leads:1"]);
        assert_eq!(names(words(&["Leads", "1", " 2"])), ["Leads:1", "Leads:2"]);
        assert_eq!(names(words(&["Leads:1", "Contacts: 2"])), ["Leads:1", "Contacts:2"]);
        assert_eq!(
            names(words(&["Contacts", "1", "2", "Leads:3", "4"])),
            ["Contacts:1", "Contacts:2", "Leads:3", "Contacts:4"]
        );
        assert_eq!(names(words(&["Leads:1", "Contacts", "2", "Deals", "3"])), ["Leads:1", "Contacts:2", "Deals:3"]);
        for bad in [&["Leads"][..], &["Leads:1", "Contacts"], &["Leads", "Contacts", "2"]] {
            assert!(message(words(bad)).contains("JOB_ID is missing"), "{bad:?}");
        }
    }

    #[test]
    fn lines_of_a_list() {
        let text = "\u{feff}Leads:1\r\n\n# more\nLeads 2\nContacts\t3\nSales Orders 4\n\"Deals\",\"5\"\n6";
        assert_eq!(
            names(lines(text, Some("Leads"))),
            ["Leads:1", "Leads:2", "Contacts:3", "Sales Orders:4", "Deals:5", "Leads:6"]
        );
        assert!(message(lines("\n", None)).contains("names no job"));
        let jobs = of_input(&mut &b"Leads:\xff\n"[..], "the list", None).unwrap_or_default();
        assert!(jobs.len() == 1 && jobs[0].named.is_err());
    }

    #[test]
    fn messages_count_lines() {
        let jobs = lines("# jobs\n\nLeads:1\n\n\n6\n", None).unwrap_or_default();
        let message_of_last = jobs[1].named.as_ref().unwrap_err().to_string();
        assert!(message_of_last.contains("line 6 of the list"), "{message_of_last}");
        let jobs = lines("Leads:1\nLeads:a/b\n", None).unwrap_or_default();
        let message_of_last = jobs[1].named.as_ref().unwrap_err().to_string();
        assert!(message_of_last.starts_with("line 2 of the list: job_id"), "{message_of_last}");
        let header = message(lines("# jobs\nModule,Job Id\nLeads,1\n", None));
        assert!(header.contains("line 2 of the list is the header"), "{header}");
    }

    #[test]
    fn an_input_without_an_end_is_refused() {
        let endless = of_input(&mut std::io::repeat(b'1'), "the list", None);
        assert!(message(endless).contains("16 MiB"));
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
