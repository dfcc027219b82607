//! A job: its module and its id, as they are checked and as messages name them.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, one_line};

/// A module's API name: `Leads`, `Sales_Orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleName(String);

/// Names under which the vendor's documentation lists modules, and what the API calls them.
///
/// Source: Zoho CRM API v7, the list of modules in "Mass delete records".
const SHOWN_NAMES: &[(&str, &str)] = &[
    ("Sales Orders", "Sales_Orders"),
    ("Price Books", "Price_Books"),
    ("Purchase Orders", "Purchase_Orders"),
    ("Meetings", "Events"),
    // The vendor's lists differ: Meetings stands in one, Events in another.
    ("Events", "Meetings"),
    ("Services", "Services__s"),
    ("Appointments", "Appointments__s"),
];

/// Zoho's own modules, by their API names.
///
/// Source: Zoho CRM API v8, "Modules API".
pub const MODULES: &[&str] = &[
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
    "Services__s",
    "Appointments__s",
];

fn api_name(shown: &str) -> Option<&'static str> {
    SHOWN_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(shown)).map(|(_, name)| *name)
}

impl ModuleName {
    /// Accepts `[A-Za-z][A-Za-z0-9_]*`, at most 100 characters. Surrounding white space is removed: COBOL and SAS pad
    /// fields with blanks.
    pub fn parse(text: &str) -> Result<ModuleName, Error> {
        let text = text.trim();
        let bad = |hint: &str| {
            let shown = one_line(text, 100);
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "module '{shown}' is not an API name: {hint}a letter, then letters, digits and underscores, \
                     at most 100 characters"
                ),
            ))
        };
        let good = text.len() <= 100
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if good {
            return Ok(ModuleName(text.to_owned()));
        }
        match api_name(text) {
            Some(name) => bad(&format!("use {name}; the rule is ")),
            None => bad(""),
        }
    }

    /// The module's name in a scope: in lower case without underscores, and `custom` for a custom module.
    ///
    /// Source: Zoho CRM API v8, "Scopes".
    pub(crate) fn scope_name(&self) -> String {
        if self.is_custom() {
            "custom".to_owned()
        } else {
            self.0.trim_end_matches("__s").replace('_', "").to_ascii_lowercase()
        }
    }

    /// Whether it is none of Zoho's own modules, as far as they are known here.
    fn is_custom(&self) -> bool {
        !MODULES.iter().any(|name| name.eq_ignore_ascii_case(&self.0)) && api_name(&self.0).is_none()
    }

    /// The API name of the module, if this is only the name in the vendor's documentation. A custom module may have that
    /// name, so only the service can decide.
    pub(crate) fn api_name(&self) -> Option<&'static str> {
        api_name(&self.0)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id that scheduling a mass delete returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobId(String);

impl JobId {
    /// Accepts 1 to 64 of `[A-Za-z0-9_-]`. Surrounding white space is removed: the sample request in the
    /// vendor's documentation (v7) has a blank in front of the id.
    pub fn parse(text: &str) -> Result<JobId, Error> {
        let id = text.trim();
        let good =
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if good {
            return Ok(JobId(id.to_owned()));
        }
        let shown = one_line(id, 64);
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("job_id '{shown}' is not a job id: 1 to 64 letters, digits, underscores and hyphens"),
        ))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A job, as messages name it.
#[derive(Clone, Copy)]
pub(crate) struct JobName<'a> {
    pub module: &'a ModuleName,
    pub job_id: &'a JobId,
}

impl fmt::Display for JobName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} of {}", self.job_id.as_str(), self.module.as_str())
    }
}

/// A job that is owned by a wait.
#[derive(Clone)]
pub(crate) struct NamedJob(pub Arc<(ModuleName, JobId)>);

impl NamedJob {
    pub(crate) fn new(module: &ModuleName, job_id: &JobId) -> NamedJob {
        NamedJob(Arc::new((module.clone(), job_id.clone())))
    }
}

impl fmt::Display for NamedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        JobName { module: &self.0.0, job_id: &self.0.1 }.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_an_api_name() {
        for text in ["Leads", "L", "Sales_Orders", "CustomModule12", "a_1", &"M".repeat(100)] {
            assert_eq!(ModuleName::parse(text).unwrap().as_str(), text);
        }
        for text in [" Leads", "Leads ", "\tLeads\r\n"] {
            assert_eq!(ModuleName::parse(text).unwrap().as_str(), "Leads");
        }
        for text in ["", " ", "Le ads", "1Leads", "_Leads", "Le-ads", "Leads/..", "Leads?x=y", "L\0", "Léads"] {
            let error = ModuleName::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().starts_with("module "), "{error}");
        }
        assert!(ModuleName::parse(&"M".repeat(101)).is_err());
    }

    #[test]
    fn a_display_name_is_refused_with_the_api_name() {
        for (shown, name) in
            [("Sales Orders", "Sales_Orders"), ("price books", "Price_Books"), ("Purchase Orders  ", "Purchase_Orders")]
        {
            let error = ModuleName::parse(shown).unwrap_err();
            assert!(error.message().contains(&format!("use {name};")), "{error}");
        }
        // It may be a module of one's own.
        assert_eq!(ModuleName::parse("Meetings").unwrap().api_name(), Some("Events"));
        assert_eq!(ModuleName::parse("Events").unwrap().api_name(), Some("Meetings"));
        assert_eq!(ModuleName::parse("Services").unwrap().api_name(), Some("Services__s"));
        assert_eq!(ModuleName::parse("Leads").unwrap().api_name(), None);
    }

    #[test]
    fn a_scope_names_modules_otherwise() {
        for (module, name) in [
            ("Leads", "leads"),
            ("Sales_Orders", "salesorders"),
            ("Services__s", "services"),
            ("Meetings", "meetings"),
            ("CustomModule12", "custom"),
        ] {
            assert_eq!(ModuleName::parse(module).unwrap().scope_name(), name);
        }
    }

    #[test]
    fn a_job_id_is_trimmed() {
        for text in ["1001", " 1001", "1001\n", "\t 1001 \r\n"] {
            assert_eq!(JobId::parse(text).unwrap().as_str(), "1001");
        }
        assert!(JobId::parse(&"9".repeat(64)).is_ok());
        assert_eq!(JobId::parse("a-1_b").unwrap().as_str(), "a-1_b");
        for text in ["", "   ", "10 01", "1001&x=y", "1001#", "../1", "1001\r\nX: y", "１００１", &"9".repeat(65)] {
            let error = JobId::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().starts_with("job_id "), "{error}");
        }
    }

    #[test]
    fn a_job_in_a_message() {
        let named = NamedJob::new(&ModuleName::parse("Leads").unwrap(), &JobId::parse("4711").unwrap());
        assert_eq!(named.to_string(), "job 4711 of Leads");
    }
}
