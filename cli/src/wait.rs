//! The command `wait`: each result is printed when its job has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zmd_core::{Client, Counters, ErrorKind, Polled, Waited};

use crate::args::{self, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::jobs;
use crate::progress::Progress;
use crate::report::Report;
use crate::signals::{self, Event, Handling};
use crate::{screen, status, terminal};

pub fn run(global: &Global, args: &args::Wait) -> Result<Exit, Failure> {
    let jobs = jobs::read(&args.jobs)?;
    let client = Arc::new(status::client(global, &jobs, args.jobs.json)?);
    let handling = handle_signals(client.clone());
    let began = Instant::now();
    let mut report = Report::new(&jobs, &args.jobs, &client);
    report.flush_each_line();
    for (index, job) in jobs.iter().enumerate() {
        if let Err(error) = &job.named {
            report.error(index, error)?;
            if args.fail_fast {
                return report.finish();
            }
        }
    }

    let mut progress = Progress::start(&jobs, args.mode());
    let mut failure = None;
    let named: Vec<_> = jobs.iter().map(|job| job.named.clone()).collect();
    let polled = &mut |polled: &Polled| {
        progress.polled(polled, client.credits());
        match at_end(polled, args, &mut report) {
            Ok(goes_on) => goes_on,
            Err(error) => {
                failure = Some(error);
                false
            }
        }
    };
    let results = client.wait_many(&named, args.timeout, Some(polled));
    progress.finish();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let late = report_the_rest(&results, args, began.elapsed(), &mut report)?;
    match (late, jobs.len()) {
        (0, _) => {}
        (_, 1) => terminal::complain("the time is over, and the job has not ended"),
        (late, all) => terminal::complain(&format!("the time is over, and {late} of {all} jobs have not ended")),
    }
    let exit = report.finish()?;
    if global.verbose > 0 {
        terminal::note(&counted(&client.counters()));
    }
    if let Some(signal) = signals::ending() {
        terminal::complain("interrupted: the jobs continue");
        signals::die_of(signal);
    }
    drop((handling, progress));
    Ok(exit)
}

/// The first signal cancels the wait, so that the last status of each job is printed; the next one ends the command at once.
fn handle_signals(client: Arc<Client>) -> Handling {
    signals::handle(move |event| {
        match event {
            Event::End => {
                screen::close_soon();
                client.cancel();
            }
            #[cfg(unix)]
            Event::Stop => screen::suspend(),
            #[cfg(unix)]
            Event::Continue => screen::resume(),
        }
        true
    })
}

/// What the wait took, for people.
fn counted(counters: &Counters) -> String {
    let Counters { calls, polls, retries, rate_limits, token_requests, connections, .. } = *counters;
    let (sent, received) = (counters.bytes_sent, counters.bytes_received);
    let waited = counters.waited_ms as f64 / 1000.0;
    format!(
        "calls {calls}, polls {polls}, retries {retries}, rate limits {rate_limits}, token requests {token_requests}, \
         connections {connections}, bytes sent {sent}, bytes received {received}, waited {waited:.1} s"
    )
}

/// Reports a job that has ended or can't be waited for. Returns whether the wait goes on.
fn at_end(polled: &Polled, args: &args::Wait, report: &mut Report) -> Result<bool, Failure> {
    if polled.next_poll.is_some() {
        return Ok(true);
    }
    match polled.result {
        Ok(status) if status.has_ended() => {
            report.status(polled.index, status)?;
            Ok(!args.any && (!args.fail_fast || status.is_successful()))
        }
        // The time is over, or the job stands still, which is known at the end.
        Ok(_) => {
            let is_late = args.timeout.is_some_and(|timeout| polled.elapsed >= timeout);
            Ok(is_late || !args.fail_fast)
        }
        // Whether an error that may pass ends the wait, or the end of the time does, is known at the end.
        Err(error) if error.is_transient() => {
            let is_late = args.timeout.is_some_and(|timeout| polled.elapsed >= timeout);
            Ok(is_late || !args.fail_fast)
        }
        Err(error) => {
            report.error(polled.index, error)?;
            Ok(!args.fail_fast)
        }
    }
}

/// Reports what has not been reported when the wait is over. Returns how many jobs have not ended within the time.
fn report_the_rest(
    results: &[Waited],
    args: &args::Wait,
    elapsed: Duration,
    report: &mut Report,
) -> Result<usize, Failure> {
    let is_over = args.timeout.is_some_and(|timeout| elapsed >= timeout);
    let mut late = 0;
    for (index, Waited { last, result }) in results.iter().enumerate() {
        if report.has(index) {
            continue;
        }
        match (result, last) {
            (Ok(()), Some(status)) => report.status(index, status)?,
            (Ok(()), None) => {}
            (Err(error), last) if error.kind() == ErrorKind::Timeout && is_over => {
                late += 1;
                report.unfinished(index, last.as_ref(), error, true)?;
            }
            (Err(error), last) if error.kind() == ErrorKind::Cancelled => {
                // The one that was waited for is there; the others are of no interest.
                if !args.any || signals::ending().is_some() {
                    report.unfinished(index, last.as_ref(), error, false)?;
                }
            }
            (Err(error), Some(status)) if error.kind() == ErrorKind::Stalled => report.stalled(index, status, error)?,
            (Err(error), _) => report.error(index, error)?,
        }
    }
    Ok(late)
}
