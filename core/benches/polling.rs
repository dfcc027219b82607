//! When to poll again: `zmd_core::Pace` beside fixed pauses and exponential back-off, in a simulation.
//!
//! `cargo bench -p zmd-core --bench polling` prints Markdown, and with `ZMD_WRITE_DOCS=1` writes the first table into
//! benches/README.md. Nothing here waits: a job is a curve of counts over time, and a poll reads the curve. A number
//! after `--` is another seed.
//!
//! A job, each figure drawn by itself:
//!
//! - total: 30 to 50,000 records, log-uniform; rate: 2 to 200 records a second, log-uniform
//! - start: one job in [`AT_ONCE`] starts at once, the others after 0 to 120 s, uniform
//! - before the start half of the jobs report the total and zeros, and half report no counts
//! - every other job fails to delete 0 to 5 % of its records, uniform
//! - progress, an equal share each, see [`Kind`]
//! - a job that would take more than [`LONGEST`] is drawn again: a mass delete takes minutes to hours, not a day
//!
//! Duration is from the first poll, at the moment of scheduling, to the end of the job; delay is from there to the
//! poll that sees the end. A poll takes no time and never fails.

use std::time::Duration;

use zmd_core::{Observation, Pace};

const JOBS: usize = 60_000;

/// Not the seed that the constants of `Pace` were tuned with, which is 1.
const SEED: u64 = 2;

/// One job in so many starts as soon as it is scheduled.
const AT_ONCE: u64 = 5;

/// In seconds, not quite three hours.
const LONGEST: f64 = 10_000.0;

/// The progress of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// At one rate.
    Linear,
    /// Counts stand still and jump by 100 to 1,000 (uniform, one size a job); each batch takes 0.7 to 1.3 of its time.
    Batches,
    /// Each 1 to 30 s has a rate of its own, 0.4 to 2.5 of the job's, log-uniform.
    Jitter,
    /// The rate falls evenly with the records done, to 0.2 to 0.8 of what it was; on average it is the job's.
    Slowing,
    /// At one rate, with a pause of 5 to 300 s somewhere.
    Stall,
    /// At one rate, but no counts are reported until the end.
    Silent,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Linear, "linear"),
    (Kind::Batches, "batches"),
    (Kind::Jitter, "jitter"),
    (Kind::Slowing, "slowing down"),
    (Kind::Stall, "a stall"),
    (Kind::Silent, "no counts"),
];

/// A generator of random numbers, SplitMix64: the same jobs for every policy and on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    fn one_in(&mut self, share: u64) -> bool {
        self.next().is_multiple_of(share)
    }
}

struct Job {
    kind: Kind,
    total: f64,
    /// The share of the records that cannot be deleted.
    failing: f64,
    /// Whether zeros are reported before the start.
    zeros: bool,
    /// Seconds and records done by then, both rising; the first is the start and the last is the end.
    course: Vec<(f64, f64)>,
}

impl Job {
    fn draw(random: &mut Random, kind: Kind) -> Job {
        loop {
            let job = Job::draw_any(random, kind);
            if job.end() <= LONGEST {
                return job;
            }
        }
    }

    fn draw_any(random: &mut Random, kind: Kind) -> Job {
        let total = random.log_uniform(30.0, 50_000.0).round();
        let rate = random.log_uniform(2.0, 200.0);
        let start = if random.one_in(AT_ONCE) { 0.0 } else { random.uniform(0.0, 120.0) };
        let failing = if random.one_in(2) { random.uniform(0.0, 0.05) } else { 0.0 };
        let zeros = random.one_in(2);
        let mut course = vec![(start, 0.0)];
        let (mut at, mut done) = (start, 0.0);
        let mut go = |seconds: f64, records: f64| {
            at += seconds;
            done = f64::min(done + records, total);
            course.push((at, done));
            done
        };
        match kind {
            Kind::Linear | Kind::Silent => {
                go(total / rate, total);
            }
            Kind::Batches => {
                let size = random.uniform(100.0, 1000.0).round();
                let mut rest = total;
                while rest > 0.0 {
                    let batch = rest.min(size);
                    go(batch / rate * random.uniform(0.7, 1.3), 0.0);
                    go(0.0, batch);
                    rest -= batch;
                }
            }
            Kind::Jitter => {
                let mut rest = total;
                while rest > 0.0 {
                    let rate = rate * random.log_uniform(0.4, 2.5);
                    let records = rest.min(rate * random.uniform(1.0, 30.0));
                    go(records / rate, records);
                    rest -= records;
                }
            }
            Kind::Slowing => {
                let last = random.uniform(0.2, 0.8);
                let pace = |part: i32| 1.0 - (1.0 - last) * f64::from(part) / 99.0;
                let whole: f64 = (0..100).map(|part| 1.0 / pace(part)).sum();
                for part in 0..100 {
                    go(total / rate / pace(part) / whole, total / 100.0);
                }
            }
            Kind::Stall => {
                let before = random.uniform(0.0, total);
                go(before / rate, before);
                go(random.uniform(5.0, 300.0), 0.0);
                go((total - before) / rate, total - before);
            }
        }
        Job { kind, total, failing, zeros, course }
    }

    fn end(&self) -> f64 {
        self.course[self.course.len() - 1].0
    }

    /// What a poll at that second brings, before the end.
    fn seen(&self, at: f64) -> Observation {
        let later = self.course.partition_point(|&(second, _)| second <= at);
        if self.kind == Kind::Silent || (later == 0 && !self.zeros) {
            return Observation::Progress { total: None, deleted: None, failed: None };
        }
        let done = match later.checked_sub(1) {
            None => 0.0,
            Some(before) => {
                let ((from, low), (to, high)) = (self.course[before], self.course[later]);
                (low + (high - low) * (at - from) / (to - from)).floor()
            }
        };
        let failed = (done * self.failing).floor();
        Observation::Progress {
            total: Some(self.total as i64),
            deleted: Some((done - failed) as i64),
            failed: Some(failed as i64),
        }
    }
}

/// The polls of a job, and the delay in noticing its end as a share of its duration.
fn run(job: &Job, mut pause: impl FnMut(f64, Observation) -> f64) -> (f64, f64) {
    let (end, mut at, mut polls) = (job.end(), 0.0, 1.0);
    while at < end {
        at += pause(at, job.seen(at));
        polls += 1.0;
    }
    (polls, (at - end) / end)
}

/// Columns of a row: mean, median and 95th percentile of the polls, then of the delay in percent.
fn columns(results: &[(f64, f64)]) -> String {
    let figures = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        [mean, values[values.len() / 2], values[values.len() * 95 / 100]]
    };
    let polls = figures(results.iter().map(|result| result.0).collect());
    let delay = figures(results.iter().map(|result| result.1 * 100.0).collect());
    let polls = format!("{:.1} | {:.0} | {:.0}", polls[0], polls[1], polls[2]);
    format!("{polls} | {:.1} % | {:.1} % | {:.1} %", delay[0], delay[1], delay[2])
}

fn head(first: &str) -> String {
    format!(
        "| {first} | polls, mean | median | 95th | delay, mean | median | 95th |\n| --- | --: | --: | --: | --: | --: | --: |\n"
    )
}

fn zmd(job: &Job) -> (f64, f64) {
    let mut pace = Pace::new(Duration::from_secs(1), Duration::from_secs(60));
    run(job, |at, seen| pace.next_pause(Duration::from_secs_f64(at), seen).as_secs_f64())
}

/// How far the forecasts of a job's end are off, as a share of its duration: the first ones after a quarter, a half and
/// three quarters of it. `None`: there is none before its end.
fn forecasts(job: &Job) -> [Option<f64>; 3] {
    let mut pace = Pace::new(Duration::from_secs(1), Duration::from_secs(60));
    let (mut errors, end) = ([None; 3], job.end());
    run(job, |at, seen| {
        let pause = pace.next_pause(Duration::from_secs_f64(at), seen);
        for (error, share) in errors.iter_mut().zip([0.25, 0.5, 0.75]) {
            if error.is_none() && at >= share * end {
                *error = pace.remaining().map(|remaining| ((at + remaining.as_secs_f64() - end) / end).abs());
            }
        }
        pause.as_secs_f64()
    });
    errors
}

fn fixed(job: &Job, seconds: f64) -> (f64, f64) {
    run(job, |_, _| seconds)
}

fn back_off(job: &Job, factor: f64) -> (f64, f64) {
    let mut next = 1.0;
    run(job, |_, _| {
        let pause = next;
        next = f64::min(next * factor, 60.0);
        pause
    })
}

fn main() {
    // cargo adds `--bench`.
    let seed = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(SEED);
    let mut random = Random(seed);
    let jobs: Vec<Job> = (0..JOBS).map(|index| Job::draw(&mut random, KINDS[index % KINDS.len()].0)).collect();

    println!("{JOBS} jobs, seed {seed}.\n");
    let mut table = head("policy");
    let mut row = |name: &str, policy: &dyn Fn(&Job) -> (f64, f64)| {
        table += &format!("| {name} | {} |\n", columns(&jobs.iter().map(policy).collect::<Vec<_>>()));
    };
    row("zmd", &zmd);
    row("every 5 s", &|job| fixed(job, 5.0));
    row("every 30 s", &|job| fixed(job, 30.0));
    row("back-off 1.2, 1 to 60 s", &|job| back_off(job, 1.2));
    row("back-off 1.5, 1 to 60 s", &|job| back_off(job, 1.5));
    println!("{table}");
    let mut forecast =
        "| forecast of the end after | jobs with one | error, median | 95th |\n| --- | --: | --: | --: |\n".to_owned();
    let all: Vec<_> = jobs.iter().map(forecasts).collect();
    for (index, name) in ["a quarter of the duration", "a half", "three quarters"].into_iter().enumerate() {
        let mut errors: Vec<_> = all.iter().filter_map(|errors| errors[index]).collect();
        errors.sort_by(f64::total_cmp);
        let with_one = 100.0 * errors.len() as f64 / all.len() as f64;
        let [median, most] = [50, 95].map(|percent| 100.0 * errors[errors.len() * percent / 100]);
        forecast += &format!("| {name} | {with_one:.0} % | {median:.1} % | {most:.1} % |\n");
    }
    println!("{forecast}");
    if std::env::var_os("ZMD_WRITE_DOCS").is_some() {
        write_page(&table, &forecast);
    }

    print!("\n{}", head("zmd, by progress"));
    for (kind, name) in KINDS {
        let results: Vec<_> = jobs.iter().filter(|job| job.kind == kind).map(zmd).collect();
        println!("| {name} | {} |", columns(&results));
    }
}

/// The page's tables are what this prints.
fn write_page(table: &str, forecast: &str) {
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/README.md");
    const BEGIN: &str = "--bench polling`. -->\n";
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let after = &rest[rest.find("<!-- End").unwrap()..];
    let about_forecast = "How far the forecast of the end is off, in percent of the job's duration:";
    let note = "It computes and does not sleep: the machine does not matter.";
    let fresh = format!("{before}{BEGIN}\n{table}\n{about_forecast}\n\n{forecast}\n{note}\n\n{after}");
    std::fs::write(PAGE, fresh).unwrap();
}
