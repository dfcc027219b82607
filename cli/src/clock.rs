//! The time, for people and for programs.

use std::time::SystemTime;

use jiff::{Timestamp, ZonedDateTime};

/// The time of day in the local time zone: `08:05:00`.
pub fn time_of_day() -> String {
    ZonedDateTime::now().strftime("%H:%M:%S").to_string()
}

/// The time in RFC 3339, in UTC: `2026-11-24T08:05:00.123Z`.
pub fn timestamp() -> String {
    format!("{:.3}", Timestamp::now())
}

/// A time in UTC: `2026-11-24 08:05:00 UTC`.
pub fn utc(when: SystemTime) -> String {
    Timestamp::try_from(when)
        .map_or_else(|_| "an unknown time".to_owned(), |when| when.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn times() {
        assert_eq!(utc(UNIX_EPOCH), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(951_782_400)), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(1_795_507_199)), "2026-11-24 07:59:59 UTC");
        assert_eq!(time_of_day().len(), 8);
        let timestamp = timestamp();
        assert!(timestamp.len() == 24 && timestamp.ends_with('Z') && timestamp.contains('T'), "{timestamp}");
    }
}
