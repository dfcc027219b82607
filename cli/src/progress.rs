//! What standard error shows of a wait: on a terminal a bar for each job, or one for all where there are many; elsewhere
//! a line for each change.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use zmd_core::{Error, Polled, State, Status};

use crate::jobs::Job;
use crate::{report, terminal};

/// How many jobs get a bar of their own, where the terminal is high enough.
const MOST_BARS: usize = 10;

/// How often the times that are shown are brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// Before that much time, a rate would be a guess.
const FIRST_RATE: Duration = Duration::from_millis(100);

pub struct Progress {
    shared: Arc<Mutex<Shared>>,
    /// Ends the thread that draws, when it is dropped.
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    jobs: Vec<JobProgress>,
    screen: Option<Screen>,
    is_quiet: bool,
}

/// The last result of a wait for one job.
struct JobProgress {
    job: Job,
    name: String,
    status: Option<Status>,
    /// The records done with at the first answer, and when that and the last one came.
    first: Option<(i64, Instant)>,
    last: Instant,
    next_poll: Option<Instant>,
    /// Of the last poll.
    error: Option<Error>,
    /// The error that was printed last, for good.
    reported: Option<Error>,
}

/// The bars on a terminal.
struct Screen {
    bars: MultiProgress,
    /// One for each job, or a single one for all.
    rows: Vec<ProgressBar>,
    coloured: bool,
    term: console::Term,
    /// Of the terminal, when the rows were drawn last.
    width: usize,
}

impl Progress {
    pub fn start(jobs: &[Job], is_quiet: bool) -> Progress {
        let jobs: Vec<_> = jobs.iter().map(JobProgress::new).collect();
        let is_terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let screen = (!is_quiet && is_terminal).then(|| Screen::new(&jobs));
        let draws = screen.is_some();
        let shared = Arc::new(Mutex::new(Shared { jobs, screen, is_quiet }));
        let ticker = draws.then(|| {
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
        Progress { shared, ticker: ticker.flatten() }
    }

    /// Shows the result of a poll.
    pub fn polled(&self, polled: &Polled) {
        lock(&self.shared).polled(polled);
    }

    /// Takes the bars off the screen. Returns the error of each job that was printed already, if it was its last.
    pub fn finish(self) -> Vec<Option<Error>> {
        if let Some((sender, thread)) = self.ticker {
            drop(sender);
            let _ = thread.join();
        }
        let mut shared = lock(&self.shared);
        if let Some(screen) = shared.screen.take() {
            for row in &screen.rows {
                row.finish_and_clear();
            }
            let _ = screen.bars.clear();
        }
        shared
            .jobs
            .iter()
            .map(|job| job.reported.clone().filter(|reported| job.error.as_ref() == Some(reported)))
            .collect()
    }
}

impl JobProgress {
    fn new(job: &Job) -> JobProgress {
        JobProgress {
            job: job.clone(),
            name: report::name(job),
            status: None,
            first: None,
            last: Instant::now(),
            next_poll: None,
            error: job.named.as_ref().err().cloned(),
            reported: None,
        }
    }

    fn has_ended(&self) -> bool {
        self.status.as_ref().is_some_and(Status::has_ended)
    }

    fn done(&self) -> i64 {
        self.status.as_ref().map_or(0, done)
    }

    /// In records a second, with the seconds until the total is reached.
    fn pace(&self) -> Option<(f64, Option<f64>)> {
        let (first, since) = self.first?;
        let passed = self.last.saturating_duration_since(since);
        if passed < FIRST_RATE || self.has_ended() {
            return None;
        }
        let rate = (self.done() - first) as f64 / passed.as_secs_f64();
        let total = self.status.as_ref()?.total?;
        let left = (rate > 0.0).then(|| (total - self.done()).max(0) as f64 / rate - self.last.elapsed().as_secs_f64());
        Some((rate, left.map(|left| left.max(0.0))))
    }
}

/// The records that a job has processed. No sum of a server's numbers can overflow.
fn done(status: &Status) -> i64 {
    let count = |count: Option<i64>| count.unwrap_or(0).max(0);
    count(status.deleted).saturating_add(count(status.failed))
}

impl Shared {
    fn polled(&mut self, &Polled { index, result, next_poll, .. }: &Polled) {
        let now = Instant::now();
        let one_of_many = self.jobs.len() > 1;
        let is_plain = self.screen.is_none() && !self.is_quiet;
        let job = &mut self.jobs[index];
        job.next_poll = next_poll.and_then(|pause| now.checked_add(pause));
        match result {
            Ok(status) => {
                let is_news = job.error.is_some()
                    || job.status.as_ref().is_none_or(|before| {
                        (before.state, before.total, before.deleted, before.failed, &before.text)
                            != (status.state, status.total, status.deleted, status.failed, &status.text)
                    });
                job.first.get_or_insert((done(status), now));
                job.last = now;
                job.error = None;
                job.status = Some(status.clone());
                if is_plain && is_news {
                    terminal::note(&report::line(&job.job, status));
                }
            }
            Err(error) => {
                let is_news = job.error.as_ref() != Some(error);
                job.error = Some(error.clone());
                // With bars it is in the job's row, as long as it lasts.
                if is_plain && is_news {
                    let next = job.next_poll.map(|next| format!("; next try in {}", short(until(next))));
                    let words = report::words(&job.job, error, one_of_many);
                    terminal::complain(&format!("{words}{}", next.unwrap_or_default()));
                    job.reported = Some(error.clone());
                }
            }
        }
        self.draw();
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.draw(&self.jobs);
        }
    }
}

impl Screen {
    fn new(jobs: &[JobProgress]) -> Screen {
        let term = console::Term::stderr();
        let coloured = terminal::stderr_is_coloured();
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term(term.clone(), 20));
        let (height, width) = term.size();
        let (height, width) = (usize::from(height), usize::from(width));
        let count = if jobs.len() <= MOST_BARS.min(height.saturating_sub(2)) { jobs.len() } else { 1 };
        let rows = (0..count).map(|_| bars.add(ProgressBar::new(0).with_style(style(coloured, false, true)))).collect();
        Screen { bars, rows, coloured, term, width }
    }

    fn draw(&mut self, jobs: &[JobProgress]) {
        let width = usize::from(self.term.size().1);
        if width < self.width {
            self.clear_wrapped(width);
        }
        self.width = width;
        if self.rows.len() == jobs.len() {
            // The names are as wide as the widest, but leave space for the other columns.
            let name_width = jobs.iter().map(|job| console::measure_text_width(&job.name)).max().unwrap_or(0);
            let name_width = name_width.min(width / 3);
            for (row, job) in self.rows.iter().zip(jobs) {
                self.draw_job(row, job, name_width, width);
            }
        } else if let [row] = &self.rows[..] {
            self.draw_sum(row, jobs, width);
        }
        // indicatif leaves the cursor at the row's end, where the ^C that a terminal shows would begin another row.
        let _ = self.term.write_str("\r");
    }

    /// For a terminal that has become narrower, the rows are one line, which it has wrapped again: the next drawing would
    /// clear as many rows as there were.
    fn clear_wrapped(&self, width: usize) {
        let above = self.rows.len() - 1;
        let _ = self.term.move_cursor_up(above * self.width / width.max(1));
        let _ = self.term.clear_to_end_of_screen();
        let _ = self.term.move_cursor_down(above);
    }

    fn draw_job(&self, row: &ProgressBar, job: &JobProgress, name_width: usize, width: usize) {
        let name = console::pad_str(&job.name, name_width, console::Alignment::Left, Some("~")).into_owned();
        let next = job.next_poll.map(until);
        let mut words = Vec::new();
        let mut share = None;
        if let Some(error) = &job.error {
            words.push(terminal::plain(error.message()));
            words.extend(next.map(|next| format!("next try in {}", short(next))));
        } else if let Some(status) = &job.status {
            if status.state != State::Running {
                words.push(report::state_word(status));
            }
            share = status.total.filter(|total| *total > 0).map(|total| (done(status), total));
            words.extend(match (status.deleted, status.total) {
                (Some(deleted), Some(total)) => Some(format!("{deleted} of {total}")),
                (Some(deleted), None) => Some(format!("{deleted} deleted")),
                (None, Some(total)) => Some(format!("{total} records")),
                (None, None) => None,
            });
            words.extend(status.failed.filter(|failed| *failed > 0).map(|failed| format!("{failed} failed")));
            words.extend(pace(job.pace()));
            words.extend(next.map(|next| format!("poll in {}", short(next))));
        } else {
            words.push("no answer yet".to_owned());
        }
        let is_bad = job.error.is_some()
            || job.status.as_ref().is_some_and(|status| report::exit_of(status) == crate::Exit::Failed);
        // The time of the next poll is more important than the end of the error message.
        let text = match (&job.error, words.len()) {
            (Some(_), 2) => {
                let room = width.saturating_sub(name_width + words[1].len() + 5);
                format!("{}, {}", console::truncate_str(&words[0], room, "..."), words[1])
            }
            _ => words.join(", "),
        };
        self.put(row, &name, &text, share, is_bad, width);
    }

    /// One row for all jobs.
    fn draw_sum(&self, row: &ProgressBar, jobs: &[JobProgress], width: usize) {
        let count = |wanted: &dyn Fn(&JobProgress) -> bool| jobs.iter().filter(|job| wanted(job)).count();
        let in_state = |state| move |job: &JobProgress| job.status.as_ref().is_some_and(|status| status.state == state);
        let completed = count(&in_state(State::Completed));
        let failed = count(&in_state(State::Failed));
        let failing = count(&|job| job.error.is_some() && !job.has_ended());
        let silent = count(&|job| job.error.is_none() && job.status.is_none());
        let running = jobs.len() - completed - failed - failing - silent;
        let statuses = || jobs.iter().filter_map(|job| job.status.as_ref());
        let has_total = silent < jobs.len() && statuses().all(|status| status.total.is_some());
        let total = statuses().fold(0, |sum: i64, status| sum.saturating_add(status.total.unwrap_or(0).max(0)));
        let sum = statuses().fold(0, |sum: i64, status| sum.saturating_add(done(status)));
        let mut words = vec![format!("{completed} completed, {failed} failed, {running} running")];
        if failing > 0 {
            words.push(format!("{failing} with errors"));
        }
        if silent > 0 {
            words.push(format!("{silent} not polled yet"));
        }
        if has_total {
            words.push(format!("{sum} of {total} records"));
        }
        let began = jobs.iter().filter_map(|job| job.first.map(|(_, at)| at)).min();
        let last = jobs.iter().filter(|job| job.first.is_some()).map(|job| job.last).max();
        if let (Some(began), Some(last)) = (began, last) {
            let passed = last.saturating_duration_since(began);
            let before =
                jobs.iter().filter_map(|job| job.first).fold(0, |sum: i64, (done, _)| sum.saturating_add(done));
            if passed >= FIRST_RATE && running > 0 {
                let rate = sum.saturating_sub(before) as f64 / passed.as_secs_f64();
                let left = (has_total && rate > 0.0)
                    .then(|| (total.saturating_sub(sum).max(0) as f64 / rate - last.elapsed().as_secs_f64()).max(0.0));
                words.extend(pace(Some((rate, left))));
            }
        }
        let next = jobs.iter().filter_map(|job| job.next_poll).min();
        words.extend(next.map(|next| format!("poll in {}", short(until(next)))));
        let share = Some((sum, total)).filter(|(_, total)| *total > 0);
        let name = format!("{} jobs", jobs.len());
        self.put(row, &name, &words.join(", "), share, failed + failing > 0, width);
    }

    fn put(&self, row: &ProgressBar, name: &str, text: &str, share: Option<(i64, i64)>, is_bad: bool, width: usize) {
        let percent = share.map(|(done, total)| 100.min(100 * i128::from(done) / i128::from(total)));
        // A name, a bar of at least five columns, the text: none of it may break the row.
        let room = width.saturating_sub(console::measure_text_width(name) + 1);
        let bar = if percent.is_some() && room > 24 { 6 } else { 0 };
        let room = room.saturating_sub(bar);
        // The records already show the percentage.
        let percent = percent.filter(|_| bar > 0 && console::measure_text_width(text) + 5 <= room);
        let percent = percent.map_or(String::new(), |percent| format!("{percent:>3}% "));
        let room = room.saturating_sub(percent.len());
        let text = format!("{percent}{}", console::truncate_str(text, room, "..."));
        row.set_style(style(self.coloured, is_bad, bar > 0));
        if let Some((done, total)) = share.filter(|_| bar > 0) {
            row.set_length(total as u64);
            row.set_position(done.clamp(0, total) as u64);
        }
        row.set_prefix(name.to_owned());
        row.set_message(text);
        row.tick();
    }
}

fn style(coloured: bool, is_bad: bool, has_bar: bool) -> ProgressStyle {
    let template = match (coloured, is_bad, has_bar) {
        (false, _, true) => "{prefix} {wide_bar} {msg}",
        (false, _, false) => "{prefix} {msg}",
        (true, false, true) => "{prefix:.bold} {wide_bar:.green} {msg}",
        (true, false, false) => "{prefix:.bold} {msg}",
        (true, true, true) => "{prefix:.bold} {wide_bar:.red} {msg:.red}",
        (true, true, false) => "{prefix:.bold} {msg:.red}",
    };
    ProgressStyle::with_template(template).expect("a good template").progress_chars("#>-")
}

/// `38/s, 12:30 left`
fn pace(pace: Option<(f64, Option<f64>)>) -> Option<String> {
    let (rate, left) = pace?;
    let rate = if rate < 10.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") };
    // Beyond a hundred hours it is no forecast.
    Some(match left.filter(|left| *left < 360_000.0) {
        Some(left) => format!("{rate}, {} left", clock(left)),
        None => rate,
    })
}

/// `12:30`, `1:02:30`
fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn until(when: Instant) -> Duration {
    when.saturating_duration_since(Instant::now())
}

/// `4 s`
fn short(pause: Duration) -> String {
    format!("{} s", pause.as_secs_f64().round())
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!((clock(750.9), clock(3750.0)), ("12:30".to_owned(), "1:02:30".to_owned()));
        assert_eq!(pace(Some((3.25, Some(60.0)))), Some("3.2/s, 1:00 left".to_owned()));
        assert_eq!(pace(Some((38.0, None))), Some("38/s".to_owned()));
    }
}
