//! What to do about an error.

use zmd_core::{Error, ErrorKind};

/// What to do about an error of a call, unless its message already says so.
pub fn of(error: &Error) -> String {
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

/// What to do about an error of the settings: where to correct it.
pub fn of_settings(error: &Error) -> String {
    let message = error.message();
    // The message has the command.
    if message.contains("run chmod") || message.contains("zmd login") {
        return String::new();
    }
    if let Some((file, line)) = place(message) {
        return format!("correct line {line} of {file}");
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_variable = |word: &str| {
        let is_of_network = ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word));
        is_of_network || word.starts_with("ZMD_") && !word.starts_with("ZMD_ERR")
    };
    // In front of a rule, which may name others.
    let subject = message.split(" takes ").next().unwrap_or_default();
    let words = |text: &'_ str| text.split(|c| !is_name(c)).find(|word| is_variable(word)).map(str::to_owned);
    let variable = words(subject).or_else(|| words(message));
    match variable {
        Some(variable) => format!("correct the variable {variable}, or remove it"),
        None => "run zmd login, which asks for what is needed, or set what is missing".to_owned(),
    }
}

/// The file and the line in front of a message: `/home/etl/config.toml:3: ...`.
fn place(message: &str) -> Option<(&str, usize)> {
    let (at, _) = message.match_indices(": ").find(|(at, _)| {
        let number = message[..*at].rsplit_once(':').map(|(_, number)| number);
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    })?;
    let (file, line) = message[..at].rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_names_the_place() {
        let remedy = |message: &str| of_settings(&Error::new(ErrorKind::InvalidConfig, message));
        assert_eq!(remedy("/a b/zmd.toml:3: timeout_ms takes a number"), "correct line 3 of /a b/zmd.toml");
        assert_eq!(remedy("C:\\zmd.toml:12: x"), "correct line 12 of C:\\zmd.toml");
        assert_eq!(
            remedy("timeout_ms takes: a number (ZMD_TIMEOUT_MS)"),
            "correct the variable ZMD_TIMEOUT_MS, or remove it"
        );
        let proxy = remedy("HTTPS_PROXY (proxy=env) takes a URL: a scheme");
        assert_eq!(proxy, "correct the variable HTTPS_PROXY, or remove it");
        let proxy = remedy("https_proxy (proxy=env) takes a URL: a scheme");
        assert_eq!(proxy, "correct the variable https_proxy, or remove it");
        assert_eq!(
            remedy("SSL_CERT_DIR takes the path of a directory"),
            "correct the variable SSL_CERT_DIR, or remove it"
        );
        assert_eq!(remedy("/c: it contains secrets: run chmod 600 '/c'"), "");
        assert!(remedy("client_secret is missing").contains("zmd login"));
    }
}
