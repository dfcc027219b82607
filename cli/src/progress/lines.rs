//! Lines with the time of day, for logs: one for each change, and one now and then if nothing changes, as systems for
//! continuous integration end what is silent.

use std::time::{Duration, Instant};

use super::job::JobProgress;
use super::rows::{short, stands_still};
use crate::{clock, report, terminal};

/// After so long without a line there is one that the wait continues.
const SILENCE: Duration = Duration::from_secs(60);

pub struct Lines {
    last: Instant,
}

impl Lines {
    pub fn new(now: Instant) -> Lines {
        Lines { last: now }
    }

    pub fn print(&mut self, line: &str, now: Instant) {
        self.last = now;
        terminal::note(&format!("{} {line}", clock::time_of_day()));
    }

    /// Whether nothing was printed for a while.
    pub fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= SILENCE
    }
}

/// What a poll has changed.
pub fn line(job: &JobProgress, is_one_of_many: bool, next_poll: Option<Duration>) -> String {
    match (&job.error, &job.status) {
        (Some(error), _) => {
            let next = next_poll.map(|next| format!("; next try in {}", short(next))).unwrap_or_default();
            format!("{}{next}", report::words(&job.job, error, is_one_of_many))
        }
        (None, Some(status)) => {
            let still = job.standstill.map(|standstill| format!(", {}", stands_still(standstill))).unwrap_or_default();
            format!("{}{still}", report::line(&job.job, status))
        }
        (None, None) => job.name.clone(),
    }
}

pub fn still_waiting(jobs: &[JobProgress]) -> String {
    let left: Vec<_> = jobs.iter().filter(|job| !job.has_ended).collect();
    match &left[..] {
        [job] => format!("still waiting for {}", line(job, true, None)),
        left => format!("still waiting for {} of {} jobs", left.len(), jobs.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_minute() {
        let begin = Instant::now();
        let mut lines = Lines::new(begin);
        assert!(!lines.is_due(begin + Duration::from_secs(59)) && lines.is_due(begin + SILENCE));
        lines.print("", begin + SILENCE);
        assert!(!lines.is_due(begin + Duration::from_secs(119)) && lines.is_due(begin + 2 * SILENCE));
    }
}
