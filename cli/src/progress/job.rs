//! What is known of a job during a wait: its last status or error, when it probably ends, and when it is polled next.

use std::time::{Duration, Instant};

use zmd_core::{Error, Polled, Status};

use crate::jobs::Job;
use crate::report;

pub struct JobProgress {
    pub job: Job,
    pub name: String,
    pub status: Option<Status>,
    /// The error of the last poll.
    pub error: Option<Error>,
    pub next_poll: Option<Instant>,
    /// Whether its wait has ended.
    pub has_ended: bool,
    /// When it ends, as the library forecasts it.
    end: Option<Instant>,
    /// For how long its counts have not changed, if that is suspicious.
    pub standstill: Option<Duration>,
}

impl JobProgress {
    pub fn new(job: &Job) -> JobProgress {
        JobProgress {
            job: job.clone(),
            name: report::name(job),
            status: None,
            error: job.named.as_ref().err().cloned(),
            next_poll: None,
            has_ended: job.named.is_err(),
            end: None,
            standstill: None,
        }
    }

    /// Takes in the result of a poll. Returns whether it differs from the one before.
    pub fn update(&mut self, polled: &Polled, now: Instant) -> bool {
        self.next_poll = polled.next_poll.and_then(|pause| now.checked_add(pause));
        self.has_ended = polled.next_poll.is_none();
        self.end = polled.remaining.and_then(|remaining| now.checked_add(remaining));
        let has_stopped = polled.standstill.is_some() && self.standstill.is_none();
        self.standstill = polled.standstill;
        match polled.result {
            Ok(status) => {
                let is_news =
                    self.error.is_some() || self.status.as_ref().is_none_or(|before| !is_the_same(before, status));
                self.error = None;
                self.status = Some(status.clone());
                is_news || has_stopped
            }
            Err(error) => {
                let is_news = self.error.as_ref() != Some(error);
                self.error = Some(error.clone());
                is_news
            }
        }
    }

    /// The records that the job has processed.
    pub fn processed(&self) -> i64 {
        self.status.as_ref().map_or(0, processed)
    }

    /// The forecast of the time until it ends.
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(now))
    }
}

/// The forecast of the time until all jobs have ended; `None` if one of them has none.
pub fn remaining_of_all(jobs: &[JobProgress], now: Instant) -> Option<Duration> {
    let left: Option<Vec<_>> = jobs.iter().filter(|job| !job.has_ended).map(|job| job.remaining(now)).collect();
    left?.into_iter().max()
}

/// No sum of a server's numbers can overflow.
fn processed(status: &Status) -> i64 {
    let count = |count: Option<i64>| count.unwrap_or(0).max(0);
    count(status.deleted).saturating_add(count(status.failed))
}

fn is_the_same(one: &Status, other: &Status) -> bool {
    let of = |status: &Status| (status.state, status.total, status.deleted, status.failed);
    of(one) == of(other) && one.text == other.text
}
