//! A line of JSON for a job: an object with the same keys for results and errors, as doc/zmd-output.schema.json describes.

use std::time::Duration;

use serde::Serialize;
use zmd_core::{Credits, Error, Status};

use crate::clock;
use crate::jobs::Job;

#[derive(Serialize)]
pub struct Record<'a> {
    event: &'static str,
    time: String,
    module: &'a str,
    job_id: &'a str,
    state: Option<&'static str>,
    status: Option<&'a str>,
    total: Option<i64>,
    deleted: Option<i64>,
    failed: Option<i64>,
    successful: bool,
    error: Option<&'static str>,
    code: Option<&'a str>,
    message: Option<&'a str>,
    transient: bool,
    timed_out: bool,
    http_status: u16,
    elapsed_ms: u64,
    next_poll_ms: Option<u64>,
    remaining_ms: Option<u64>,
    credits_remaining: Option<u64>,
}

impl<'a> Record<'a> {
    pub fn of_status(job: &'a Job, status: &'a Status, elapsed: Duration) -> Record<'a> {
        Record {
            state: Some(status.state.name()),
            status: Some(&status.text),
            total: status.total,
            deleted: status.deleted,
            failed: status.failed,
            successful: status.is_successful(),
            http_status: status.http_status,
            ..Record::of_job(job, elapsed)
        }
    }

    pub fn of_error(job: &'a Job, error: &'a Error, timed_out: bool, elapsed: Duration) -> Record<'a> {
        let http_status = error.http_status();
        Record { http_status, ..Record::of_job(job, elapsed).with_error(error, timed_out) }
    }

    /// Adds why the job's end is not known.
    pub fn with_error(self, error: &'a Error, timed_out: bool) -> Record<'a> {
        Record {
            error: Some(error.kind().name()),
            code: Some(error.code()).filter(|code| !code.is_empty()),
            message: Some(error.message()),
            transient: error.is_transient(),
            timed_out,
            ..self
        }
    }

    /// Makes it one of a poll, which is repeated after that time, of a job that probably ends in `remaining`.
    pub fn into_progress(self, next_poll: Option<Duration>, remaining: Option<Duration>) -> Record<'a> {
        let (next_poll_ms, remaining_ms) = (next_poll.map(milliseconds), remaining.map(milliseconds));
        Record { event: "progress", next_poll_ms, remaining_ms, ..self }
    }

    /// Adds the API credits, as the service last reported them.
    pub fn with_credits(self, credits: Option<Credits>) -> Record<'a> {
        Record { credits_remaining: credits.map(|credits| credits.remaining), ..self }
    }

    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn of_job(job: &'a Job, elapsed: Duration) -> Record<'a> {
        Record {
            event: "result",
            time: clock::timestamp(),
            module: &job.module,
            job_id: &job.job_id,
            state: None,
            status: None,
            total: None,
            deleted: None,
            failed: None,
            successful: false,
            error: None,
            code: None,
            message: None,
            transient: false,
            timed_out: false,
            http_status: 0,
            elapsed_ms: milliseconds(elapsed),
            next_poll_ms: None,
            remaining_ms: None,
            credits_remaining: None,
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
