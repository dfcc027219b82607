//! What is known of a job during a wait: its last status or error, its rate, and when it is polled next.

use std::time::{Duration, Instant};

use zmd_core::{Error, Polled, Status};

use crate::jobs::Job;
use crate::report;

/// Before that much time, a rate would be a guess.
const FIRST_RATE: Duration = Duration::from_millis(100);

pub struct JobProgress {
    pub job: Job,
    pub name: String,
    pub status: Option<Status>,
    /// The error of the last poll.
    pub error: Option<Error>,
    pub next_poll: Option<Instant>,
    /// Whether its wait has ended.
    pub has_ended: bool,
    /// The records processed at the first response, and when that and the last one came.
    first: Option<(i64, Instant)>,
    last: Instant,
}

/// How fast records are deleted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Records a second.
    pub rate: f64,
    /// The seconds until the total is reached; `None`: unknown.
    pub left: Option<f64>,
}

impl JobProgress {
    pub fn new(job: &Job, now: Instant) -> JobProgress {
        JobProgress {
            job: job.clone(),
            name: report::name(job),
            status: None,
            error: job.named.as_ref().err().cloned(),
            next_poll: None,
            has_ended: job.named.is_err(),
            first: None,
            last: now,
        }
    }

    /// Takes in the result of a poll. Returns whether it differs from the one before.
    pub fn update(&mut self, polled: &Polled, now: Instant) -> bool {
        self.next_poll = polled.next_poll.and_then(|pause| now.checked_add(pause));
        self.has_ended = polled.next_poll.is_none();
        match polled.result {
            Ok(status) => {
                let is_news =
                    self.error.is_some() || self.status.as_ref().is_none_or(|before| !is_the_same(before, status));
                self.first.get_or_insert((processed(status), now));
                self.last = now;
                self.error = None;
                self.status = Some(status.clone());
                is_news
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

    pub fn pace(&self, now: Instant) -> Option<Pace> {
        let (first, since) = self.first.filter(|_| !self.has_ended)?;
        let total = self.status.as_ref()?.total?;
        pace(self.processed().saturating_sub(first), total - self.processed(), since, self.last, now)
    }
}

/// The pace of several jobs together.
pub fn pace_of_all<'a>(jobs: impl Iterator<Item = &'a JobProgress> + Clone, now: Instant) -> Option<Pace> {
    let polled = jobs.clone().filter_map(|job| job.first.map(|first| (job, first)));
    let since = polled.clone().map(|(_, (_, at))| at).min()?;
    let last = polled.clone().map(|(job, _)| job.last).max()?;
    let sum = |number: &dyn Fn(&JobProgress, i64) -> i64| {
        polled.clone().fold(0_i64, |sum, (job, (first, _))| sum.saturating_add(number(job, first)))
    };
    let done = sum(&|job, first| job.processed().saturating_sub(first));
    let left = sum(&|job, _| match &job.status {
        Some(status) if !job.has_ended => status.total.unwrap_or(0).saturating_sub(job.processed()),
        _ => 0,
    });
    let mut pace = pace(done, left, since, last, now)?;
    // Without the totals of all there is no forecast.
    if !jobs.clone().all(|job| job.has_ended || job.status.as_ref().is_some_and(|status| status.total.is_some())) {
        pace.left = None;
    }
    Some(pace)
}

fn pace(done: i64, left: i64, since: Instant, last: Instant, now: Instant) -> Option<Pace> {
    let passed = last.saturating_duration_since(since);
    if passed < FIRST_RATE {
        return None;
    }
    let rate = done as f64 / passed.as_secs_f64();
    let since_last = now.saturating_duration_since(last).as_secs_f64();
    let left = (rate > 0.0).then(|| (left.max(0) as f64 / rate - since_last).max(0.0));
    Some(Pace { rate, left })
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
