//! A mass-delete job and how far it is.

use std::time::Duration;

/// A mass-delete job, which deletes records at a steady rate from the moment it was added (by the
/// clock of the Sim).
#[derive(Clone, Debug)]
pub struct Job {
    /// The records to delete.
    pub total: u64,
    /// Records a second. `f64::INFINITY`: it is done at once; 0: it never is.
    pub rate: f64,
    /// How long it waits before it begins.
    pub starts_after: Duration,
    /// How many of the total cannot be deleted; they are met evenly along the way.
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
        Job { total, rate, starts_after: Duration::ZERO, failed: 0, ends: End::Completed }
    }

    /// What the service answers about this job, that long after it was added.
    pub(crate) fn status(&self, elapsed: Duration, version: &str) -> String {
        let done = elapsed.checked_sub(self.starts_after).map(|t| self.done(t));
        let status = match done {
            // SCHEDULED is in the documentation of v2 alone.
            None if version == "v2" => "SCHEDULED",
            Some(done) if done == self.total => match self.ends {
                End::Completed => "COMPLETED",
                End::Failed => "FAILED",
            },
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

    /// The records dealt with after running that long.
    fn done(&self, running: Duration) -> u64 {
        let seconds = running.as_secs_f64();
        // Compared by time and not by count: an infinite rate times no time is not a number.
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
        job.status(Duration::from_secs(seconds), "v7")
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
    fn failures_come_in_proportion_and_the_counts_add_up_at_the_end() {
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
    fn a_job_that_has_not_begun_is_scheduled_in_v2_alone() {
        let job = Job { starts_after: Duration::from_secs(60), ..Job::new(9, 1.0) };
        assert!(job.status(Duration::ZERO, "v2").contains("SCHEDULED"));
        assert_eq!(
            job.status(Duration::ZERO, "v2.1"),
            r#"{"data":[{"Status":"RUNNING","Failed_Count":0,"Deleted_Count":0,"Total_Count":9}]}"#
        );
    }

    #[test]
    fn the_ends_of_the_range_of_rates_are_at_once_and_never() {
        assert!(at(&Job::new(9, f64::INFINITY), 0).contains("COMPLETED"));
        assert!(at(&Job::new(0, 1.0), 0).contains("COMPLETED"));
        assert!(at(&Job::new(9, 0.0), 1_000_000).contains(r#""RUNNING","Failed_Count":0,"Deleted_Count":0"#));
    }
}
