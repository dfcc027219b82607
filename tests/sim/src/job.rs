//! A mass-delete job and its progress.

use std::time::Duration;

/// A mass-delete job, which deletes records at a steady rate from the moment it was added (by the
/// clock of the Sim).
#[derive(Clone, Debug)]
pub struct Job {
    /// The records to delete.
    pub total: u64,
    /// Records per second. `f64::INFINITY`: it ends at once; 0: it never ends.
    pub rate: f64,
    /// How long it waits before it begins, as `SCHEDULED`.
    pub starts_after: Duration,
    /// How much of this wait, at its end, it is `QUEUED` instead.
    pub queued: Duration,
    /// When it is paused, as `SUSPENDED`: so long after it began, and for so long. It goes on where it was.
    pub suspended: Option<(Duration, Duration)>,
    /// How many of the total cannot be deleted; they are spread evenly.
    pub failed: u64,
    /// The status that it ends with.
    pub ends: End,
}

/// The status that a job ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `COMPLETED`
    Completed,
    /// `FAILED`
    Failed,
}

impl Job {
    /// A job that starts at once, deletes every record and ends as `COMPLETED`.
    pub fn new(total: u64, rate: f64) -> Job {
        Job {
            total,
            rate,
            starts_after: Duration::ZERO,
            queued: Duration::ZERO,
            suspended: None,
            failed: 0,
            ends: End::Completed,
        }
    }

    /// The service's answer about this job, `elapsed` after it was added.
    ///
    /// SCHEDULED, QUEUED and SUSPENDED are in the vendor's OpenAPI specification of 2026, which says that SUSPENDED means
    /// paused; the prose of v4 to v8 has RUNNING, COMPLETED and FAILED alone. That a job passes through them in this order
    /// is made up.
    pub(crate) fn status(&self, elapsed: Duration) -> String {
        let running = elapsed.checked_sub(self.starts_after);
        let is_suspended =
            |running: &Duration| self.suspended.is_some_and(|(after, pause)| (after..after + pause).contains(running));
        let done = running.map(|running| self.done(self.at_work(running)));
        let status = match (running, done) {
            (None, _) if self.starts_after - elapsed > self.queued => "SCHEDULED",
            (None, _) => "QUEUED",
            (_, Some(done)) if done == self.total => match self.ends {
                End::Completed => "COMPLETED",
                End::Failed => "FAILED",
            },
            (Some(running), _) if is_suspended(&running) => "SUSPENDED",
            _ => "RUNNING",
        };
        let done = done.unwrap_or(0);
        let failed = match self.total {
            0 => 0,
            total => (u128::from(done) * u128::from(self.failed.min(total)) / u128::from(total)) as u64,
        };
        format!(
            r#"{{"data":[{{"Status":"{status}","Failed_Count":{failed},"Deleted_Count":{},"Total_Count":{}}}]}}"#,
            done - failed,
            self.total
        )
    }

    /// How much of the time since it began it was not paused.
    fn at_work(&self, running: Duration) -> Duration {
        match self.suspended {
            Some((after, pause)) if running > after => after.max(running.saturating_sub(pause)),
            _ => running,
        }
    }

    /// The records processed after `running`.
    fn done(&self, running: Duration) -> u64 {
        let seconds = running.as_secs_f64();
        // Compares times instead of counts: an infinite rate times zero is NaN.
        if seconds >= self.total as f64 / self.rate {
            return self.total;
        }
        ((seconds * self.rate) as u64).min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(job: &Job, seconds: u64) -> String {
        job.status(Duration::from_secs(seconds))
    }

    #[test]
    fn a_job_runs_and_completes() {
        let job = Job::new(9, 1.0);
        assert_eq!(
            at(&job, 3),
            r#"{"data":[{"Status":"RUNNING","Failed_Count":0,"Deleted_Count":3,"Total_Count":9}]}"#
        );
        assert_eq!(
            at(&job, 9),
            r#"{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}"#
        );
        assert_eq!(at(&job, 10_000), at(&job, 9));
    }

    #[test]
    fn failures_are_proportional_and_the_counts_add_up_at_the_end() {
        let job = Job { failed: 3, ends: End::Failed, ..Job::new(10, 1.0) };
        assert_eq!(
            at(&job, 5),
            r#"{"data":[{"Status":"RUNNING","Failed_Count":1,"Deleted_Count":4,"Total_Count":10}]}"#
        );
        assert_eq!(
            at(&job, 10),
            r#"{"data":[{"Status":"FAILED","Failed_Count":3,"Deleted_Count":7,"Total_Count":10}]}"#
        );
    }

    #[test]
    fn a_job_is_scheduled_and_queued_before_it_runs() {
        let seconds = Duration::from_secs;
        let job = Job { starts_after: seconds(60), queued: seconds(20), ..Job::new(9, 1.0) };
        for (second, status) in [(0, "SCHEDULED"), (39, "SCHEDULED"), (40, "QUEUED"), (59, "QUEUED"), (60, "RUNNING")] {
            let expected =
                format!(r#"{{"data":[{{"Status":"{status}","Failed_Count":0,"Deleted_Count":0,"Total_Count":9}}]}}"#);
            assert_eq!(at(&job, second), expected, "{second}");
        }
        assert!(at(&job, 69).contains("COMPLETED"));
    }

    #[test]
    fn a_suspended_job_goes_on_where_it_was() {
        let seconds = Duration::from_secs;
        let job = Job { suspended: Some((seconds(3), seconds(100))), ..Job::new(9, 1.0) };
        for (second, status, deleted) in
            [(2, "RUNNING", 2), (3, "SUSPENDED", 3), (102, "SUSPENDED", 3), (103, "RUNNING", 3), (109, "COMPLETED", 9)]
        {
            let text = at(&job, second);
            assert!(text.contains(&format!(r#""{status}","Failed_Count":0,"Deleted_Count":{deleted},"#)), "{text}");
        }
    }

    #[test]
    fn an_infinite_rate_ends_at_once_and_a_rate_of_zero_never() {
        assert!(at(&Job::new(9, f64::INFINITY), 0).contains("COMPLETED"));
        assert!(at(&Job::new(0, 1.0), 0).contains("COMPLETED"));
        assert!(at(&Job::new(9, 0.0), 1_000_000).contains(r#""RUNNING","Failed_Count":0,"Deleted_Count":0"#));
    }
}
