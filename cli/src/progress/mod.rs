//! What standard error shows of a wait: on a terminal a bar for each job, or one for all where there are many; elsewhere
//! a line for each change.

mod job;
mod rows;

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zmd_core::{Error, Polled};

use crate::jobs::Job;
use crate::{report, screen, terminal};
use job::JobProgress;

/// How often the times that are shown are brought up to date.
const TICK: Duration = Duration::from_millis(500);

pub struct Progress {
    shared: Arc<Mutex<Shared>>,
    /// Ends the thread that draws, when it is dropped.
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
    /// Lets rows be drawn, and gives the terminal its modes back.
    _screen: Option<screen::Open>,
}

struct Shared {
    jobs: Vec<JobProgress>,
    /// The error of each job that was printed last, for good.
    reported: Vec<Option<Error>>,
    began: Instant,
    has_bars: bool,
    is_quiet: bool,
}

impl Progress {
    pub fn start(jobs: &[Job], is_quiet: bool) -> Progress {
        let began = Instant::now();
        let jobs: Vec<_> = jobs.iter().map(|job| JobProgress::new(job, began)).collect();
        let is_terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let has_bars = !is_quiet && is_terminal;
        let screen = has_bars.then(screen::open);
        let reported = vec![None; jobs.len()];
        let shared = Arc::new(Mutex::new(Shared { jobs, reported, began, has_bars, is_quiet }));
        let ticker = has_bars.then(|| {
            let (sender, receiver) = mpsc::channel();
            let shared = shared.clone();
            let tick = move || {
                while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    lock(&shared).draw();
                }
            };
            std::thread::Builder::new().name("progress".into()).spawn(tick).ok().map(|thread| (sender, thread))
        });
        lock(&shared).draw();
        Progress { shared, ticker: ticker.flatten(), _screen: screen }
    }

    /// Shows the result of a poll.
    pub fn polled(&self, polled: &Polled) {
        lock(&self.shared).polled(polled);
    }

    /// Takes the bars off the screen. Returns the error of each job that was printed already, if it was its last.
    pub fn finish(&mut self) -> Vec<Option<Error>> {
        if let Some((sender, thread)) = self.ticker.take() {
            drop(sender);
            let _ = thread.join();
        }
        screen::close();
        let shared = lock(&self.shared);
        let last =
            |(reported, job): (&Option<Error>, &JobProgress)| reported.clone().filter(|_| *reported == job.error);
        shared.reported.iter().zip(&shared.jobs).map(last).collect()
    }
}

impl Shared {
    fn polled(&mut self, polled: &Polled) {
        let now = Instant::now();
        let one_of_many = self.jobs.len() > 1;
        let job = &mut self.jobs[polled.index];
        let is_news = job.update(polled, now);
        if !self.has_bars && !self.is_quiet && is_news {
            match polled.result {
                Ok(status) => terminal::note(&report::line(&job.job, status)),
                Err(error) => {
                    let next = polled.next_poll.map(|next| format!("; next try in {}", rows::short(next)));
                    let words = report::words(&job.job, error, one_of_many);
                    terminal::complain(&format!("{words}{}", next.unwrap_or_default()));
                    self.reported[polled.index] = Some(error.clone());
                }
            }
        }
        self.draw();
    }

    fn draw(&self) {
        if self.has_bars {
            screen::draw(rows::rows(&self.jobs, screen::size(), terminal::stderr_is_coloured(), self.began));
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
