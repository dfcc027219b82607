//! The commands `status` and `wait`.

use std::sync::Arc;

use zmd_core::{Client, Error, ErrorKind, Polled, Status, Waited};

use crate::args::{self, Global};
use crate::jobs::{self, Job};
use crate::progress::Progress;
use crate::signals::{self, Event};
use crate::terminal::{self, Output};
use crate::{Exit, Failure, report, screen};

pub fn status(global: &Global, args: &args::Status) -> Result<Exit, Failure> {
    let jobs = jobs::read(&args.jobs.jobs)?;
    let client = match global.settings().and_then(|config| Client::new(&config)) {
        Ok(client) => client,
        Err(error) => return no_client(&jobs, &error, args.jobs.json),
    };
    let named: Vec<_> = jobs.iter().map(|job| job.named.clone()).collect();
    let mut report = Report::new(&jobs, &args.jobs);
    for (index, result) in client.status_many(&named).into_iter().enumerate() {
        match result {
            Ok(status) => report.status(index, &status)?,
            Err(error) => report.error(index, &error, false)?,
        }
    }
    report.finish()
}

pub fn wait(global: &Global, args: &args::Wait) -> Result<Exit, Failure> {
    let jobs = jobs::read(&args.jobs.jobs)?;
    let client = match global.settings().and_then(|config| Client::new(&config)) {
        Ok(client) => Arc::new(client),
        Err(error) => return no_client(&jobs, &error, args.jobs.json),
    };
    let named: Vec<_> = jobs.iter().map(|job| job.named.clone()).collect();
    let handling = {
        let client = client.clone();
        signals::handle(move |event| match event {
            Event::End => {
                // The next signal ends the command at once.
                screen::close();
                client.cancel();
                true
            }
            #[cfg(unix)]
            Event::Stop => {
                screen::suspend();
                true
            }
            #[cfg(unix)]
            Event::Continue => {
                screen::resume();
                true
            }
        })
    };
    let mut progress = Progress::start(&jobs, args.jobs.quiet);
    let polled = &mut |polled: &Polled| {
        progress.polled(polled);
        true
    };
    let results = client.wait_many(&named, args.timeout, Some(polled));
    let reported = progress.finish();
    if let Some(signal) = signals::ending() {
        terminal::complain("interrupted: the jobs continue");
        signals::die_of(signal);
    }
    drop((handling, progress));
    let mut report = Report::new(&jobs, &args.jobs);
    let mut late = 0;
    for (index, Waited { last, result }) in results.into_iter().enumerate() {
        match (result, last) {
            (Ok(()), Some(status)) => report.status(index, &status)?,
            (Ok(()), None) => {}
            (Err(error), last) => {
                let is_late = error.kind() == ErrorKind::Timeout;
                late += usize::from(is_late);
                match last.filter(|_| is_late) {
                    Some(status) => report.status(index, &status)?,
                    None => report.error(index, &error, reported[index].as_ref() == Some(&error))?,
                }
            }
        }
    }
    match (late, jobs.len()) {
        (0, _) => {}
        (_, 1) => terminal::complain("the time is over, and the job has not ended"),
        (late, all) => terminal::complain(&format!("the time is over, and {late} of {all} jobs have not ended")),
    }
    report.finish()
}

/// Without a client there is an error for each job, and one line for people.
fn no_client(jobs: &[Job], error: &Error, json: bool) -> Result<Exit, Failure> {
    let mut out = Output::new();
    for job in jobs.iter().filter(|_| json) {
        out.line(&report::json_of_error(job, error))?;
    }
    terminal::complain(error.message());
    out.finish()?;
    Err(Failure(None))
}

/// Prints what came of each job, in their order.
struct Report<'a> {
    jobs: &'a [Job],
    args: &'a args::Jobs,
    out: Output,
    worst: Exit,
}

impl<'a> Report<'a> {
    fn new(jobs: &'a [Job], args: &'a args::Jobs) -> Report<'a> {
        Report { jobs, args, out: Output::new(), worst: Exit::Completed }
    }

    fn status(&mut self, index: usize, status: &Status) -> Result<(), Failure> {
        let job = &self.jobs[index];
        if self.args.json {
            self.out.line(&report::json_of_status(job, status))?;
        } else if !self.args.quiet {
            self.out.line(&report::line(job, status))?;
        }
        self.worst = self.worst.max(report::exit_of(status));
        Ok(())
    }

    fn error(&mut self, index: usize, error: &Error, is_told: bool) -> Result<(), Failure> {
        let job = &self.jobs[index];
        if !is_told {
            // What was printed before comes before.
            self.out.flush()?;
            terminal::complain(&report::words(job, error, self.jobs.len() > 1));
        }
        if self.args.json {
            self.out.line(&report::json_of_error(job, error))?;
        }
        self.worst = Exit::Error;
        Ok(())
    }

    fn finish(self) -> Result<Exit, Failure> {
        self.out.finish()?;
        Ok(self.worst)
    }
}
