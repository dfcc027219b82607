//! Which lines a log gets: their level, and that they carry no secret.

use log::{Level, Metadata, Record};

/// Lines of the HTTP and TLS libraries that carry no secret, by the module that logs them and the lowest level: their
/// arguments are host names, addresses, numbers, and names of the libraries' own. Other modules, or the levels below, write
/// what a server sent, which may repeat a token, or what is sent to it.
///
/// A test names the versions for which this was checked.
const WITHOUT_SECRETS: &[(&str, Level)] = &[
    // The scheme, host and proxy of a connection; user names and passwords are masked.
    ("ureq::pool", Level::Debug),
    // The state of a request.
    ("ureq_proto::client", Level::Debug),
    // How many certificates the trust store has.
    ("rustls::webpki::anchors", Level::Debug),
    // The cipher suite, and the host for which there is no session to resume.
    ("rustls::client::hs", Level::Debug),
    // Alerts.
    ("rustls::common_state", Level::Debug),
    // A message of another type than expected.
    ("rustls::check", Level::Debug),
];

/// The level of a line. All lines of the HTTP and TLS libraries are trace.
pub fn level(metadata: &Metadata) -> Level {
    if is_own(metadata.target()) { metadata.level() } else { Level::Trace }
}

/// Whether a line can't carry a secret. What this library itself logs is written so that it does not; a line without
/// arguments is a constant.
pub fn is_without_secrets(record: &Record) -> bool {
    let is_listed = |(module, lowest): &(&str, Level)| record.target() == *module && record.level() <= *lowest;
    is_own(record.target()) || record.args().as_str().is_some() || WITHOUT_SECRETS.iter().any(is_listed)
}

/// The part of the library that a line comes from: `zmd_core::http::connect` is `http`, `rustls::client` is `rustls`.
pub fn part(target: &str) -> &str {
    target.strip_prefix("zmd_core::").unwrap_or(target).split("::").next().unwrap_or_default()
}

fn is_own(target: &str) -> bool {
    matches!(target.split("::").next(), Some("zmd_core" | "zmd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(target: &str, level: Level, argument: &str) -> bool {
        is_without_secrets(&Record::builder().target(target).level(level).args(format_args!("{argument}")).build())
    }

    #[test]
    fn lines_of_other_libraries_pass_where_they_are_listed_or_constant() {
        let argument = std::hint::black_box("1000.token");
        assert!(passes("zmd_core::client", Level::Trace, argument));
        assert!(passes("ureq::pool", Level::Debug, argument));
        assert!(!passes("ureq::pool", Level::Trace, argument));
        for target in ["ureq_proto::util", "ureq::run", "rustls::client::tls13", "new_library", "ureq::pool::new"] {
            assert!(!passes(target, Level::Error, argument), "{target}");
            let constant = Record::builder().target(target).args(format_args!("Connected")).build();
            assert!(is_without_secrets(&constant), "{target}");
        }
    }

    #[test]
    fn levels_and_parts() {
        let at_error = |target| level(&Metadata::builder().target(target).level(Level::Error).build());
        assert_eq!([at_error("zmd_core::http"), at_error("rustls::check")], [Level::Error, Level::Trace]);
        let parts = ["zmd_core::http::race", "zmd_core", "rustls::client", ""].map(part);
        assert_eq!(parts, ["http", "zmd_core", "rustls", ""]);
    }

    /// Another version may log something else in a module that is listed: look at what it logs there, and name it here.
    #[test]
    fn the_list_was_checked_for_these_versions() {
        let lock = include_str!("../../Cargo.lock");
        for (library, version) in [("ureq", "3.5.2"), ("ureq-proto", "0.7.1"), ("rustls", "0.23.46")] {
            let entry = format!("name = \"{library}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "{library} is not {version}");
        }
    }
}
