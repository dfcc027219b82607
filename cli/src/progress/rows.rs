//! The rows that a terminal shows during a wait: a bar for each job that has not ended, or one for all where there are many.

use std::time::{Duration, Instant};

use zmd_core::State;

use super::job::{JobProgress, remaining_of_all};
use crate::exit::Exit;
use crate::terminal::{self, paint};

/// How many jobs get a row of their own, where the terminal is high enough.
const MOST_ROWS: usize = 10;

/// The widest bar, and the narrowest that is worth its place.
const WIDEST_BAR: usize = 30;
const NARROWEST_BAR: usize = 8;

/// What a name is cut to, at most, so that the columns after it have a place.
const SHORTEST_NAME: usize = 16;

/// A row, before its columns are laid out.
#[derive(Default)]
struct Row {
    name: String,
    /// The part of the records that is processed, if the total is known.
    share: Option<(i64, i64)>,
    /// What it says, with the less important after the more important.
    words: Vec<String>,
    /// What is left out where it leaves no place for a bar.
    extra: Vec<String>,
    is_bad: bool,
}

/// The rows of all jobs for a terminal of this size. `began` is when the wait did.
pub fn rows(jobs: &[JobProgress], (height, width): (usize, usize), colored: bool, began: Instant) -> Vec<String> {
    let now = Instant::now();
    let most = MOST_ROWS.min(height.saturating_sub(2));
    let rows: Vec<_> = if jobs.len() <= most {
        jobs.iter().filter(|job| !job.has_ended).map(|job| job_row(job, now, began)).collect()
    } else {
        vec![sum_row(jobs, now, began)]
    };
    // The last column stays empty: a terminal would continue in the next line.
    lay_out(&rows, width.saturating_sub(1), colored)
}

fn job_row(job: &JobProgress, now: Instant, began: Instant) -> Row {
    let mut row = Row { name: job.name.clone(), ..Row::default() };
    let elapsed = format!("{} elapsed", clock(now.saturating_duration_since(began).as_secs_f64()));
    let next = job.next_poll.map(|next| short(next.saturating_duration_since(now)));
    if let Some(error) = &job.error {
        row.is_bad = true;
        // The time of the next poll is more important than the end of the message.
        row.words.extend(next.map(|next| format!("next try in {next}")));
        row.words.push(terminal::plain(error.message()));
        return row;
    }
    let Some(status) = &job.status else {
        row.words.push("no response yet".to_owned());
        row.extra.push(elapsed);
        return row;
    };
    row.is_bad = Exit::of_status(status) == Exit::Failed;
    row.share = status.total.filter(|total| *total > 0).map(|total| (job.processed(), total));
    if status.state != State::Running {
        row.words.push(terminal::plain(&status.state_name()));
    }
    row.words.extend(match (status.deleted, status.total) {
        (Some(deleted), Some(total)) => Some(format!("{deleted} of {total}")),
        (Some(deleted), None) => Some(format!("{deleted} deleted")),
        (None, Some(total)) => Some(format!("{total} records")),
        (None, None) => None,
    });
    row.words.extend(status.failed.filter(|failed| *failed > 0).map(|failed| format!("{failed} failed")));
    if let Some(standstill) = job.standstill {
        row.is_bad = true;
        row.words.push(stands_still(standstill));
    } else {
        row.words.extend(job.remaining(now).and_then(left));
    }
    row.extra.push(elapsed);
    row.extra.extend(next.map(|next| format!("poll in {next}")));
    row
}

/// One row for all jobs.
fn sum_row(jobs: &[JobProgress], now: Instant, began: Instant) -> Row {
    let count = |wanted: &dyn Fn(&JobProgress) -> bool| jobs.iter().filter(|job| wanted(job)).count();
    let successful =
        count(&|job| job.has_ended && job.error.is_none() && job.status.as_ref().is_some_and(|s| s.is_successful()));
    let unsuccessful = count(&|job| job.has_ended) - successful;
    let failing = count(&|job| !job.has_ended && job.error.is_some());
    let silent = count(&|job| !job.has_ended && job.error.is_none() && job.status.is_none());
    let running = jobs.len() - successful - unsuccessful - failing - silent;
    let mut words = vec![format!("{successful} successful, {unsuccessful} unsuccessful, {running} running")];
    if failing > 0 {
        words.push(format!("{failing} with errors"));
    }
    if silent > 0 {
        words.push(format!("{silent} not polled yet"));
    }
    let totals = jobs.iter().filter_map(|job| job.status.as_ref()?.total);
    let total = totals.clone().fold(0, |sum: i64, total| sum.saturating_add(total.max(0)));
    let processed = jobs.iter().fold(0, |sum: i64, job| sum.saturating_add(job.processed()));
    // Of the jobs that were polled.
    let has_total = total > 0 && totals.count() == jobs.iter().filter(|job| job.status.is_some()).count();
    if has_total {
        words.push(format!("{processed} of {total} records"));
    }
    if running > 0 {
        let still = count(&|job| !job.has_ended && job.standstill.is_some());
        if still > 0 {
            words.push(format!("{still} perhaps stuck"));
        }
        words.extend(remaining_of_all(jobs, now).and_then(left));
    }
    let mut extra = vec![format!("{} elapsed", clock(now.saturating_duration_since(began).as_secs_f64()))];
    let next = jobs.iter().filter_map(|job| job.next_poll).min();
    extra.extend(next.map(|next| format!("poll in {}", short(next.saturating_duration_since(now)))));
    let share = has_total.then_some((processed, total));
    Row { name: format!("{} jobs", jobs.len()), share, words, extra, is_bad: unsuccessful > 0 }
}

/// Lays the columns out: the same in all rows. Where the terminal is narrow, the bars give way first, then the names are cut
/// in the middle (the ids of jobs differ at their ends), and then what the rows say at its end.
fn lay_out(rows: &[Row], width: usize, colored: bool) -> Vec<String> {
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(console::measure_text_width).max().unwrap_or(0);
    let name_width = widest(&mut rows.iter().map(|row| &*row.name));
    let has_share = rows.iter().any(|row| row.share.is_some());
    let percent_width = if has_share { 5 } else { 0 };
    // As much as leaves a place for the bar, and without a bar all.
    let mut bar = 0;
    let mut texts = Vec::new();
    let most_extra = rows.iter().map(|row| row.extra.len()).max().unwrap_or(0);
    for count in (0..=most_extra).rev() {
        let of_row = |row: &Row| row.words.iter().chain(row.extra.iter().take(count)).cloned().collect::<Vec<_>>();
        texts = rows.iter().map(|row| of_row(row).join(", ")).collect();
        let text_width = widest(&mut rows.iter().zip(&texts).filter(|(row, _)| row.share.is_some()).map(|(_, t)| &**t));
        bar = width.saturating_sub(name_width + text_width + percent_width + 2).min(WIDEST_BAR);
        if !has_share || bar >= NARROWEST_BAR {
            break;
        }
    }
    let bar = if has_share && bar >= NARROWEST_BAR { bar } else { 0 };
    let text_width = widest(&mut texts.iter().map(|text| &**text));
    let bar_width = if bar > 0 { bar + 1 } else { 0 };
    let room = width.saturating_sub(bar_width + percent_width + 1);
    let name_width = name_width.min(room.saturating_sub(text_width.min(room / 2)).max(SHORTEST_NAME));
    let room = room.saturating_sub(name_width);
    let green = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Green.into()));
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into()));
    rows.iter()
        .zip(texts)
        .map(|(row, text)| {
            let name = cut_in_the_middle(&row.name, name_width);
            let name = console::pad_str(&name, name_width, console::Alignment::Left, None).into_owned();
            let mut line = paint(&name, anstyle::Style::new().bold(), colored) + " ";
            if bar > 0 {
                let style = if row.is_bad { red } else { green };
                line += &paint(&draw_bar(row.share, bar), style, colored);
                line.push(' ');
            }
            line += &match row.share {
                Some((done, total)) => {
                    format!("{:>3}% ", (100 * i128::from(done) / i128::from(total)).clamp(0, 100))
                }
                None => " ".repeat(percent_width),
            };
            let text = console::truncate_str(&text, room, "...").into_owned();
            line + &if row.is_bad { paint(&text, red, colored) } else { text }
        })
        .collect()
}

/// `####>----`; blanks where the part is unknown.
fn draw_bar(share: Option<(i64, i64)>, width: usize) -> String {
    let Some((done, total)) = share else { return " ".repeat(width) };
    let filled = (i128::from(done.clamp(0, total)) * width as i128 / i128::from(total)) as usize;
    let head = if filled < width { ">" } else { "" };
    format!("{}{head}{}", "#".repeat(filled), "-".repeat(width.saturating_sub(filled + 1)))
}

/// `Contacts 57...7014`
fn cut_in_the_middle(name: &str, width: usize) -> String {
    let whole = console::measure_text_width(name);
    if whole <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(3);
    // The id's end tells more than the module.
    let begin = console::truncate_str(name, kept / 2, "").into_owned();
    let end_width = kept - console::measure_text_width(&begin);
    let mut end = name;
    while console::measure_text_width(end) > end_width {
        let mut rest = end.chars();
        rest.next();
        end = rest.as_str();
    }
    format!("{begin}...{end}")
}

/// `12:30 left`
fn left(remaining: Duration) -> Option<String> {
    // Beyond a hundred hours it is no forecast.
    let seconds = Some(remaining.as_secs_f64()).filter(|seconds| *seconds < 360_000.0)?;
    Some(format!("{} left", clock(seconds)))
}

/// `unchanged for 12:30: is it stuck?`
pub fn stands_still(standstill: Duration) -> String {
    format!("unchanged for {}: is it stuck?", clock(standstill.as_secs_f64()))
}

/// `12:30`, `1:02:30`
pub fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `4 s`
pub fn short(pause: Duration) -> String {
    format!("{} s", pause.as_secs_f64().round())
}

#[cfg(test)]
mod tests {
    use super::*;

    use zmd_core::Polled;

    use crate::jobs::Job;

    #[test]
    fn times() {
        assert_eq!((clock(750.9), clock(3750.0)), ("12:30".to_owned(), "1:02:30".to_owned()));
        let seconds = Duration::from_secs;
        assert_eq!((left(seconds(60)).as_deref(), left(seconds(360_000))), (Some("1:00 left"), None));
    }

    fn row(name: &str, words: &str, done: i64) -> Row {
        Row {
            name: name.to_owned(),
            share: Some((done, 100)),
            words: vec![words.to_owned()],
            extra: vec!["0:35 elapsed".to_owned(), "poll in 4 s".to_owned()],
            is_bad: false,
        }
    }

    #[test]
    fn the_bars_of_all_rows_are_aligned() {
        let rows = [row("Leads 1", "1 of 100", 1), row("Contacts 1111110000004444441", "50 of 100, 5/s, 2 failed", 50)];
        assert_eq!(
            lay_out(&rows, 90, false),
            [
                "Leads 1                      >----------------   1% 1 of 100, 0:35 elapsed",
                "Contacts 1111110000004444441 ########>--------  50% 50 of 100, 5/s, 2 failed, 0:35 elapsed",
            ]
        );
    }

    /// A job whose polls had these results.
    fn job(id: &str, results: &[Result<zmd_core::Status, zmd_core::Error>], has_ended: bool) -> JobProgress {
        let now = Instant::now();
        let mut job = JobProgress::new(&Job::new(&"Leads".into(), &id.into()));
        for result in results {
            let next_poll = (!has_ended).then_some(Duration::from_secs(4));
            job.update(&Polled::new(0, result, Duration::ZERO, next_poll), now);
        }
        job
    }

    #[test]
    fn one_row_counts_what_was_successful() {
        let status = |state, total, deleted| {
            let failed = Some(0);
            Ok(zmd_core::Status {
                state,
                text: String::new(),
                total: Some(total),
                deleted: Some(deleted),
                failed,
                http_status: 200,
            })
        };
        let error = |kind| Err(zmd_core::Error::new(kind, "no"));
        let jobs = [
            job("1", &[status(State::Completed, 9, 9)], true),
            // It left records.
            job("2", &[status(State::Completed, 9, 7)], true),
            job("3", &[status(State::Failed, 9, 0)], true),
            job("4", &[error(zmd_core::ErrorKind::JobNotFound)], true),
            job("5", &[status(State::Running, 100, 50)], false),
            job("6", &[error(zmd_core::ErrorKind::Server)], false),
            job("7", &[], false),
        ];
        let row = sum_row(&jobs, Instant::now(), Instant::now());
        let words = "1 successful, 3 unsuccessful, 1 running, 1 with errors, 1 not polled yet, 66 of 127 records";
        assert_eq!((row.words.join(", "), row.share, row.is_bad), (words.to_owned(), Some((66, 127)), true));
    }

    #[test]
    fn a_row_has_the_librarys_forecast_and_says_that_a_job_stands_still() {
        let running = Ok(zmd_core::Status {
            state: State::Running,
            text: "RUNNING".to_owned(),
            total: Some(100),
            deleted: Some(50),
            failed: Some(0),
            http_status: 200,
        });
        let now = Instant::now();
        let after = |remaining: Option<u64>, standstill: Option<u64>| {
            let mut job = JobProgress::new(&Job::new(&"Leads".into(), &"1".into()));
            let mut polled = Polled::new(0, &running, Duration::ZERO, Some(Duration::from_secs(4)));
            polled.remaining = remaining.map(Duration::from_secs);
            polled.standstill = standstill.map(Duration::from_secs);
            (job.update(&polled, now), job.update(&polled, now), job)
        };
        let words = |job: &JobProgress| job_row(job, now, now).words.join(", ");
        let (_, is_news, job) = after(Some(90), None);
        assert_eq!((is_news, &*words(&job)), (false, "50 of 100, 1:30 left"));
        let later = job_row(&job, now + Duration::from_secs(100), now).words;
        assert_eq!(later[1], "0:00 left");
        let stuck = after(Some(90), Some(750)).2;
        assert_eq!(
            (&*words(&stuck), job_row(&stuck, now, now).is_bad),
            ("50 of 100, unchanged for 12:30: is it stuck?", true)
        );
        // It is news once.
        let mut job = job;
        let mut polled = Polled::new(0, &running, Duration::ZERO, Some(Duration::from_secs(4)));
        polled.standstill = Some(Duration::from_secs(600));
        assert_eq!((job.update(&polled, now), job.update(&polled, now)), (true, false));
        // All jobs end when the last one does, if there is a forecast for each.
        let jobs = |ends: &[Option<u64>]| ends.iter().map(|end| after(*end, None).2).collect::<Vec<_>>();
        let minute = Duration::from_secs(60);
        assert_eq!(remaining_of_all(&jobs(&[Some(60), Some(7)]), now), Some(minute));
        assert_eq!(remaining_of_all(&jobs(&[Some(60), None]), now), None);
        let sum = sum_row(&[stuck, jobs(&[Some(30)]).remove(0)], now, now).words.join(", ");
        assert!(sum.contains("2 running, 100 of 200 records, 1 perhaps stuck, 1:30 left"), "{sum}");
    }

    #[test]
    fn ids_that_differ_at_their_end_stay_apart() {
        let names = ["Contacts 1111110000004444441", "Contacts 1111110000004444442"];
        let rows = names.map(|name| row(name, "32500 of 50000, 82/s, 12 failed, 3:33 left", 65));
        // The bar gives way before a name is cut.
        let lines = lay_out(&rows, 79, false);
        assert!(lines[0].starts_with("Contacts 1111110000004444441  65% 32500 of 50000"), "{lines:#?}");
        for width in [39, 59, 79, 99, 119] {
            let lines = lay_out(&rows, width, false);
            assert!(lines.iter().all(|line| console::measure_text_width(line) <= width), "{width}: {lines:#?}");
            assert!(lines[0].contains("41 ") && lines[1].contains("42 "), "{width}: {lines:#?}");
        }
        assert_eq!(cut_in_the_middle("Contacts 1111110000004444441", 20), "Contacts...004444441");
    }
}
