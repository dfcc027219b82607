//! What standard error shows of a wait: rows on a terminal, a line for each change, or a line of JSON for each poll.
//!
//! The result of a job that has ended is not among it: it is printed to standard output.

mod job;
mod lines;
mod rows;

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zmd_core::{Credits, Polled};

use crate::args::Mode;
use crate::jobs::Job;
use crate::report::Record;
use crate::{screen, terminal};
use job::JobProgress;
use lines::Lines;

/// How often the times that are shown are brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// Polls may come faster than anybody can read.
const SHORTEST_FRAME: Duration = Duration::from_millis(40);

pub struct Progress {
    shared: Arc<Mutex<Shared>>,
    /// Ends the thread that ticks, when it is dropped.
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
    /// Lets rows be drawn, and gives the terminal its modes back.
    _screen: Option<screen::Open>,
}

struct Shared {
    jobs: Vec<JobProgress>,
    began: Instant,
    view: View,
}

enum View {
    Rows { drawn: Instant },
    Lines(Lines),
    Json,
    None,
}

impl Progress {
    pub fn start(jobs: &[Job], mode: Mode) -> Progress {
        let began = Instant::now();
        let is_terminal = std::io::stderr().is_terminal() && !terminal::is_dumb();
        let view = match mode {
            Mode::Auto | Mode::Bar if is_terminal => View::Rows { drawn: began },
            Mode::Auto | Mode::Bar | Mode::Plain => View::Lines(Lines::new(began)),
            Mode::Json => View::Json,
            Mode::None => View::None,
        };
        let screen = matches!(view, View::Rows { .. }).then(screen::open);
        let ticks = matches!(view, View::Rows { .. } | View::Lines(_));
        let jobs = jobs.iter().map(JobProgress::new).collect();
        let shared = Arc::new(Mutex::new(Shared { jobs, began, view }));
        let ticker = ticks.then(|| {
            let (sender, receiver) = mpsc::channel();
            let shared = shared.clone();
            let tick = move || {
                while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    lock(&shared).tick(Instant::now());
                }
            };
            std::thread::Builder::new().name("progress".into()).spawn(tick).ok().map(|thread| (sender, thread))
        });
        lock(&shared).tick(began);
        Progress { shared, ticker: ticker.flatten(), _screen: screen }
    }

    /// Shows the result of a poll.
    pub fn polled(&self, polled: &Polled, credits: Option<Credits>) {
        lock(&self.shared).polled(polled, credits);
    }

    /// Takes the rows off the screen.
    pub fn finish(&mut self) {
        if let Some((sender, thread)) = self.ticker.take() {
            drop(sender);
            let _ = thread.join();
        }
        screen::close();
    }
}

impl Shared {
    fn polled(&mut self, polled: &Polled, credits: Option<Credits>) {
        let now = Instant::now();
        let job = &mut self.jobs[polled.index];
        let is_news = job.update(polled, now);
        let job = &self.jobs[polled.index];
        match &mut self.view {
            View::Rows { drawn } if now - *drawn >= SHORTEST_FRAME || job.has_ended => {
                *drawn = now;
                self.draw();
            }
            View::Lines(lines) if is_news && !job.has_ended => {
                lines.print(&lines::line(job, self.jobs.len() > 1, polled.next_poll), now);
            }
            View::Json if !job.has_ended => {
                let record = match polled.result {
                    Ok(status) => Record::of_status(&job.job, status, polled.elapsed),
                    Err(error) => Record::of_error(&job.job, error, false, polled.elapsed),
                };
                let record = record.with_credits(credits).into_progress(polled.next_poll, polled.remaining);
                terminal::write_stderr(&format!("{}\n", record.line()));
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.view {
            View::Rows { drawn } => {
                *drawn = now;
                self.draw();
            }
            View::Lines(lines) if lines.is_due(now) => lines.print(&lines::still_waiting(&self.jobs), now),
            _ => {}
        }
    }

    fn draw(&self) {
        screen::draw(rows::rows(&self.jobs, screen::size(), terminal::stderr_is_colored(), self.began));
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
