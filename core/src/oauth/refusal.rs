//! Refusals of the accounts server, which are the result of further calls for a minute: each job of a list, and each process
//! of a host, would send the same request again, and the server limits how many it takes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// How long a refusal counts.
const COUNTS_FOR: Duration = Duration::from_secs(60);

/// The longest message that is taken from a file.
const MESSAGE_LIMIT: usize = 1000;

/// A refusal, in memory and in the token cache.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Refusal {
    /// The number of the error.
    error: i32,
    code: String,
    message: String,
    http_status: u16,
    /// Seconds since 1970.
    at: u64,
}

impl Refusal {
    /// The refusal that an error is: of the credentials, or of too many requests.
    pub(super) fn new(error: &Error, now: SystemTime) -> Option<Refusal> {
        matches!(error.kind(), ErrorKind::Oauth | ErrorKind::RateLimited).then(|| Refusal {
            error: error.kind() as i32,
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            http_status: error.http_status(),
            at: seconds(now),
        })
    }

    /// The error for a call at this time; `None`: the server is asked again.
    pub(super) fn error(&self, now: SystemTime) -> Option<Error> {
        // One of the future was written before the clock was set back.
        let passed = Duration::from_secs(seconds(now).checked_sub(self.at)?);
        let left = COUNTS_FOR.checked_sub(passed).filter(|left| !left.is_zero())?;
        let kind = ErrorKind::from_number(self.error)
            .filter(|kind| matches!(kind, ErrorKind::Oauth | ErrorKind::RateLimited))?;
        let message: String = self.message.chars().take(MESSAGE_LIMIT).collect();
        let message = format!(
            "{message} (that was {} s ago; the next request is sent in {} s)",
            passed.as_secs(),
            left.as_secs()
        );
        Some(Error::new(kind, message).with_code(&self.code).with_http_status(self.http_status))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_for_a_minute() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let seconds = Duration::from_secs;
        let refused = Error::new(ErrorKind::Oauth, "no").with_code("invalid_code").with_http_status(400);
        let refusal = Refusal::new(&refused, now).unwrap();
        let error = refusal.error(now + seconds(59)).unwrap();
        assert_eq!((error.kind(), error.code(), error.http_status()), (ErrorKind::Oauth, "invalid_code", 400));
        assert_eq!(error.message(), "no (that was 59 s ago; the next request is sent in 1 s)");
        assert_eq!(refusal.error(now + seconds(60)), None);
        assert_eq!(refusal.error(now - seconds(1)), None);
        assert_eq!(Refusal { error: 3, ..refusal }.error(now), None);
        for kind in [ErrorKind::Server, ErrorKind::Network, ErrorKind::Timeout, ErrorKind::BadResponse] {
            assert_eq!(Refusal::new(&Error::new(kind, ""), now), None);
        }
        assert!(Refusal::new(&Error::new(ErrorKind::RateLimited, ""), now).is_some());
    }
}
