//! What is printed of each job on standard output, and what the results mean for the exit status.

mod json;
mod text;

use std::time::Instant;

use zmd_core::{Client, Error, ErrorKind, Status};

use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::jobs::Job;
use crate::terminal::{self, Output};

pub use json::Record;
pub use text::{line, name, words};

/// From so many jobs on, a summary follows the results.
const MANY: usize = 5;

/// Prints the result of each job.
pub struct Report<'a> {
    jobs: &'a [Job],
    is_json: bool,
    /// Whether only what is not successful is printed.
    is_quiet: bool,
    began: Instant,
    out: Output,
    /// The part that each job has in the exit status, if it was reported.
    exits: Vec<Option<Exit>>,
    /// The client whose API credits are shown.
    client: &'a Client,
}

impl<'a> Report<'a> {
    pub fn new(jobs: &'a [Job], args: &args::Jobs, client: &'a Client) -> Report<'a> {
        Report {
            jobs,
            is_json: args.json,
            is_quiet: args.quiet,
            began: Instant::now(),
            out: Output::new(),
            exits: vec![None; jobs.len()],
            client,
        }
    }

    /// Whether the job was reported already.
    pub fn has(&self, index: usize) -> bool {
        self.exits[index].is_some()
    }

    /// Reports what the service says of a job.
    pub fn status(&mut self, index: usize, status: &Status) -> Result<(), Failure> {
        self.last_status(index, status, Exit::of_status(status), None)
    }

    /// Reports an error of a job.
    pub fn error(&mut self, index: usize, error: &Error) -> Result<(), Failure> {
        self.no_status(index, error, Exit::of_error(error), false)
    }

    /// Reports a job that stands still, with its last status.
    pub fn stalled(&mut self, index: usize, last: &Status, why: &Error) -> Result<(), Failure> {
        terminal::complain(&text::words(&self.jobs[index], why, self.jobs.len() > 1));
        self.last_status(index, last, Exit::of_error(why), Some((why, false)))
    }

    /// Reports a job that has not ended when the wait did, with its last status if there is one. `why` is the error that the
    /// wait returned.
    pub fn unfinished(
        &mut self,
        index: usize,
        last: Option<&Status>,
        why: &Error,
        timed_out: bool,
    ) -> Result<(), Failure> {
        match last {
            Some(status) => self.last_status(index, status, Exit::NotFinished, Some((why, timed_out))),
            None => self.no_status(index, why, Exit::NotFinished, timed_out),
        }
    }

    fn last_status(
        &mut self,
        index: usize,
        status: &Status,
        exit: Exit,
        unfinished: Option<(&Error, bool)>,
    ) -> Result<(), Failure> {
        self.exits[index] = Some(exit);
        if self.is_quiet && exit == Exit::Deleted {
            return Ok(());
        }
        let job = &self.jobs[index];
        if self.is_json {
            let record = Record::of_status(job, status, self.began.elapsed());
            let mut record = record.with_credits(self.client.credits());
            if let Some((why, timed_out)) = unfinished {
                record = record.with_error(why, timed_out);
            }
            self.out.line(&record.line())?;
        } else {
            self.out.line(&text::colored_line(job, status, terminal::stdout_is_colored()))?;
        }
        Ok(())
    }

    fn no_status(&mut self, index: usize, error: &Error, exit: Exit, timed_out: bool) -> Result<(), Failure> {
        self.exits[index] = Some(exit);
        let job = &self.jobs[index];
        // What was printed before comes before.
        self.out.flush()?;
        if error.kind() == ErrorKind::Cancelled {
            terminal::note(&format!("{}: no response yet", text::name(job)));
        } else {
            terminal::complain(&text::words(job, error, self.jobs.len() > 1));
        }
        if self.is_json {
            let record = Record::of_error(job, error, timed_out, self.began.elapsed());
            self.out.line(&record.with_credits(self.client.credits()).line())?;
        }
        Ok(())
    }

    /// Flushes each line, as there may be a while between them.
    pub fn flush_each_line(&mut self) {
        self.out.flush_each_line();
    }

    /// Prints what is left, and a summary where there are many jobs. Returns the exit status.
    pub fn finish(mut self) -> Result<Exit, Failure> {
        self.out.flush()?;
        if self.jobs.len() >= MANY && !self.is_quiet && !self.is_json {
            terminal::note(&self.summary());
        }
        Ok(self.exits.iter().flatten().copied().max().unwrap_or(Exit::Deleted))
    }

    /// `7 jobs: 5 successful, 1 unsuccessful, 1 with errors`
    fn summary(&self) -> String {
        let count = |exits: &[Exit]| self.exits.iter().flatten().filter(|exit| exits.contains(exit)).count();
        let parts = [
            (count(&[Exit::Deleted]), "successful"),
            (count(&[Exit::Failed]), "unsuccessful"),
            (count(&[Exit::NotFinished]), "not finished"),
            (count(&[Exit::Transient, Exit::Permanent]), "with errors"),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        format!("{} jobs: {}", self.jobs.len(), parts.join(", "))
    }
}
