//! Durations of the command line: a number of seconds, or numbers with units as everybody writes them.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// Parses `90`, `90s`, `15m`, `4H`, `1h30m`, `1d`, `2w`. Only 0 becomes 0.
pub fn duration(text: &str) -> Result<Duration, String> {
    let refusal = || {
        "it takes a number of seconds, such as 90 or 0.5, or numbers with units: 90s, 15m, 4h, 1h30m, 1d, 2w".to_owned()
    };
    let text = text.trim().to_ascii_lowercase();
    // A sign and "ago" are of spans in the past.
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') || text.ends_with("ago") {
        return Err(refusal());
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let text = if is_plain { format!("{}{text}s", if text.starts_with('.') { "0" } else { "" }) } else { text };
    let span = SpanParser::new().parse_span(&text).map_err(|_| refusal())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| refusal())?;
    if duration.as_secs() > 1_000_000_000 {
        return Err("that is more than thirty years".to_owned());
    }
    let duration = Duration::try_from(duration).map_err(|_| refusal())?;
    Ok(Duration::from_millis(duration.as_nanos().div_ceil(1_000_000) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("90", 90_000),
            ("0.5", 500),
            (".5", 500),
            ("0.0001", 1),
            ("90s", 90_000),
            ("15m", 900_000),
            ("4h", 14_400_000),
            ("4H", 14_400_000),
            ("4 hours", 14_400_000),
            ("1.5h", 5_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m 5s", 5_405_000),
            ("1d", 86_400_000),
            ("2w", 1_209_600_000),
            ("250ms", 250),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            " ",
            "-1",
            "-1h",
            "1h ago",
            "soon",
            "1e3",
            "inf",
            "1_0",
            "30m1h",
            "1h1h",
            "h",
            ".",
            "1.2.3",
            "5x",
            "1mo",
            "P1D",
            "9999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
