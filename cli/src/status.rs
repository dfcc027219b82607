//! The command `status`: one query for each job.

use zmd_core::{Client, Error};

use crate::args::{self, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::jobs::{self, Job};
use crate::report::{Record, Report};
use crate::terminal::{self, Output};

pub fn run(global: &Global, args: &args::Status) -> Result<Exit, Failure> {
    let jobs = jobs::read(&args.jobs)?;
    let client = client(global, &jobs, args.jobs.json)?;
    let named: Vec<_> = jobs.iter().map(|job| job.named.clone()).collect();
    let mut report = Report::new(&jobs, &args.jobs, &client);
    for (index, result) in client.status_many(&named).into_iter().enumerate() {
        match result {
            Ok(status) => report.status(index, &status)?,
            Err(error) => report.error(index, &error)?,
        }
    }
    report.finish()
}

/// The client for these jobs. Without one there is a line of JSON for each job, and one line for people.
pub fn client(global: &Global, jobs: &[Job], is_json: bool) -> Result<Client, Failure> {
    let no_client = |error: Error| {
        let mut out = Output::new();
        for job in jobs.iter().filter(|_| is_json) {
            out.line(&Record::of_error(job, &error, false, std::time::Duration::ZERO).line())?;
        }
        terminal::complain(error.message());
        out.finish()?;
        Ok::<_, Failure>(Failure::printed(Exit::of_error(&error)))
    };
    match global.settings().and_then(|config| Client::new(&config)) {
        Ok(client) => Ok(client),
        Err(error) => Err(no_client(error)?),
    }
}
