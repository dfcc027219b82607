//! When to poll a job again. It has no clock, and does no I/O.
//!
//! A poll costs API credits and a pause costs time. The end of a job of a minute should not be noticed a minute late; that
//! of a job of an hour may be. So the delay is measured as a share of the elapsed time, and without a forecast every pause
//! is such a share. Once the counts change there is a forecast: the time at which they reach the total. There are few polls
//! before it, and one just after it.
//!
//! The constants were tuned with `core/benches/polling.rs`; small changes to them hardly change the result.

use std::time::Duration;

/// The pause while the counts do not change, beyond `poll_min_ms`, as a share of the time since the first poll.
const UNKNOWN: f64 = 0.21;

/// The accepted delay where there is a forecast, as a share of the time since the first poll.
const BUDGET: f64 = 0.11;

/// How long after the forecast to poll, as a share of the time since the first poll: a poll just before the end is wasted.
const AFTER: f64 = 0.001;

/// The same, as a share of the forecast's error.
const AFTER_ERROR: f64 = 0.025;

/// How much earlier than forecast the end may be, as a multiple of the forecast's error.
const EARLY: f64 = 1.15;

/// The error of the first forecast, as a share of the remaining time that it gives.
const FIRST_ERROR: f64 = 0.8;

/// The share of the forecast's error that remains when the next forecast is the same.
const ERROR_KEPT: f64 = 0.35;

/// The forecast's error while the counts do not change, as a multiple of the time for which they have not.
const STILL_ERROR: f64 = 5.0;

/// The rate is an exponential average over recent counts: its time constant, as a multiple of the averaged seconds.
const MEMORY: f64 = 3.0;

/// At which point between the last poll before the counts changed and the first one after it the job is assumed to have
/// begun.
const BEGAN: f64 = 0.35;

/// The weight of the rate that follows from this, compared to later ones.
const BEGAN_WEIGHT: f64 = 0.015;

/// For how long the counts of a job that has begun must not have changed, in seconds, to be worth a warning; and as a multiple
/// of the longest time for which they have not before, as with batches.
const STANDSTILL: f64 = 600.0;
const STANDSTILL_STILL: f64 = 5.0;

/// Decides when to poll one job again.
///
/// It has no clock and does no I/O: it takes the time and the result of each poll, and returns the next pause. A clone is
/// independent.
#[derive(Clone, Debug)]
pub struct Pace {
    min: Duration,
    max: Duration,
    /// How many in a row.
    failures: u32,
    /// The time of the last result. This and all times below are seconds since the first poll.
    now: f64,
    total: Option<i64>,
    /// Records processed: deleted or failed. Zero until the counts first change.
    done: i64,
    /// When `done` got its value, and when that value was last observation.
    changed: f64,
    confirmed: f64,
    /// The longest time without a change between two changes of the counts, as with batches.
    still: f64,
    /// The rate: records, and the seconds that they took. Both are zero until it is known.
    records: f64,
    seconds: f64,
    /// The forecast of the end when the counts last changed, and its error.
    end: Option<f64>,
    error: f64,
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A status: the counts that it reported, in records.
    Progress {
        /// The records of the job.
        total: Option<i64>,
        /// Those deleted so far.
        deleted: Option<i64>,
        /// Those that could not be deleted.
        failed: Option<i64>,
    },
    /// A transient failure.
    Failure,
}

impl Pace {
    /// The time of the last result.
    pub(super) fn last_result(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }

    /// For a job of which nothing is known yet. `min` and `max` limit every pause, as `poll_min_ms` and `poll_max_ms`.
    ///
    /// If `min` is greater than `max`, every pause is `min`: a poll has a cost.
    pub fn new(min: Duration, max: Duration) -> Pace {
        Pace {
            min,
            max: max.max(min),
            failures: 0,
            now: 0.0,
            total: None,
            done: 0,
            changed: 0.0,
            confirmed: 0.0,
            still: 0.0,
            records: 0.0,
            seconds: 0.0,
            end: None,
            error: 0.0,
        }
    }

    /// Takes the result of a poll that ended `since_start` after the first poll ended, and returns the pause before the
    /// next one, from `min` to `max`.
    ///
    /// After a failure the pause is `min`; it doubles with each further failure in a row.
    pub fn next_pause(&mut self, since_start: Duration, observation: Observation) -> Duration {
        // A time before the last one would lead to negative rates.
        self.now = self.now.max(since_start.as_secs_f64());
        let Observation::Progress { total, deleted, failed } = observation else {
            let pause = self.min.saturating_mul(1 << self.failures.min(30));
            self.failures = self.failures.saturating_add(1);
            return pause.min(self.max);
        };
        self.failures = 0;
        // A count that is missing once keeps its last value.
        if total.is_some() && total != self.total {
            self.total = total;
            // The forecast changes, but not because it was wrong.
            self.end = self.end.and(self.remaining_seconds()).map(|remaining| self.now + remaining);
        }
        if deleted.is_some() || failed.is_some() {
            let count = |count: Option<i64>| count.unwrap_or(0).max(0);
            self.take(count(deleted).saturating_add(count(failed)));
        } else if self.done == 0 {
            // There are no counts yet: the job begins after this poll at the earliest.
            self.changed = self.now;
        }
        let seconds = match self.remaining_seconds() {
            Some(remaining) => self.towards_the_end(remaining),
            None => self.min.as_secs_f64() + UNKNOWN * self.now,
        };
        // Clamped as a `Duration`, as `f64` cannot hold every `Duration`: the bounds are exact.
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max).clamp(self.min, self.max)
    }

    /// The forecast: the time from the last result until the counts reach the total; `None` as long as they do not show how
    /// fast the job is.
    pub fn remaining(&self) -> Option<Duration> {
        let forecast = self.remaining_seconds()? - (self.now - self.confirmed);
        Some(Duration::try_from_secs_f64(forecast.max(0.0)).unwrap_or(Duration::MAX))
    }

    /// For how long the counts have not changed, if that is suspicious: the job has begun, records are left, and it has never
    /// been so for nearly as long.
    pub(super) fn standstill(&self) -> Option<Duration> {
        let still = self.confirmed - self.changed;
        let is_under_way = self.done > 0 && self.total.is_some_and(|total| total > self.done);
        let is_suspicious = is_under_way && still >= STANDSTILL.max(STANDSTILL_STILL * self.still);
        is_suspicious.then(|| Duration::from_secs_f64(still))
    }

    /// Takes the number of records processed by now.
    fn take(&mut self, done: i64) {
        let began = self.done == 0;
        if done < self.done {
            // The counts were reset: the previous rate does not apply any more.
            (self.records, self.seconds, self.still, self.end) = (0.0, 0.0, 0.0, None);
        } else if done > self.done && self.now > self.changed {
            let records = done as f64 - self.done as f64;
            let passed = self.now - self.changed;
            if began {
                self.records = BEGAN_WEIGHT * records;
                self.seconds = BEGAN_WEIGHT * BEGAN * passed;
            } else {
                self.still = self.still.max(self.confirmed - self.changed);
                // After none, whose seconds are 0, it is 0.
                let kept = (-passed / (MEMORY * self.seconds)).exp();
                self.records = kept * self.records + records;
                self.seconds = kept * self.seconds + passed;
            }
        }
        if done != self.done || done == 0 {
            self.done = done;
            self.changed = self.now;
            if let Some(remaining) = self.remaining_seconds() {
                let end = self.now + remaining;
                let off = self.end.map_or(FIRST_ERROR * remaining, |forecast| (end - forecast).abs());
                self.error = off.max(ERROR_KEPT * self.error);
                self.end = Some(end);
            }
        }
        self.confirmed = self.now;
    }

    /// The seconds until the counts reach the total, if the rate is known.
    fn remaining_seconds(&self) -> Option<f64> {
        let records = self.total? as f64 - self.done as f64;
        if self.records <= 0.0 {
            return None;
        }
        // If counts change in batches, the next batch has been in progress since the last one.
        let under_way = f64::min(self.now - self.changed, self.still);
        Some((records * self.seconds / self.records - under_way).max(0.0))
    }

    fn towards_the_end(&mut self, remaining: f64) -> f64 {
        self.error = self.error.max(STILL_ERROR * (self.now - self.changed));
        let budget = BUDGET * self.now;
        let just_after = remaining + AFTER_ERROR * self.error + AFTER * self.now;
        let early = EARLY * self.error;
        if remaining <= 0.0 {
            // Overdue: it may end any moment, or hang at its last record.
            UNKNOWN * (self.now - self.changed)
        } else if early <= budget {
            just_after
        } else {
            f64::max(remaining - early, budget).min(just_after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);
    const NO_COUNTS: Observation = Observation::Progress { total: None, deleted: None, failed: None };

    fn counts(total: i64, deleted: i64) -> Observation {
        Observation::Progress { total: Some(total), deleted: Some(deleted), failed: Some(0) }
    }

    /// The number of polls for a job that ends at `end`, and by how many seconds the last one is late.
    fn watch(end: f64, at: impl Fn(f64) -> Observation) -> (u32, f64) {
        let mut pace = Pace::new(SECOND, MINUTE);
        let (mut now, mut polls) = (0.0, 1);
        while now < end {
            now += pace.next_pause(Duration::from_secs_f64(now), at(now)).as_secs_f64();
            polls += 1;
        }
        (polls, now - end)
    }

    #[test]
    fn ten_thousand_jobs_take_two_megabytes_at_most() {
        assert!(size_of::<Pace>() <= 200, "{}", size_of::<Pace>());
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes there")]
    fn a_pause_is_within_the_bounds_for_any_input() {
        let mut state = 1u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 11
        };
        let odd = [i64::MIN, i64::MIN + 1, -1, 0, 1, 2, 1000, i64::MAX - 1, i64::MAX];
        let bounds = [Duration::ZERO, Duration::from_nanos(1), SECOND, MINUTE, Duration::MAX];
        for _ in 0..5000 {
            let (min, max) = (bounds[random() as usize % 5], bounds[random() as usize % 5]);
            let mut pace = Pace::new(min, max);
            let mut now = Duration::ZERO;
            for _ in 0..40 {
                let mut count = || match random() % 4 {
                    0 => None,
                    1 => Some(odd[random() as usize % odd.len()]),
                    _ => Some((random() % 2000) as i64),
                };
                let (total, deleted, failed) = (count(), count(), count());
                let observation = if random() % 8 == 0 {
                    Observation::Failure
                } else {
                    Observation::Progress { total, deleted, failed }
                };
                now = match random() % 16 {
                    0 => Duration::ZERO,
                    1 => Duration::MAX,
                    2 => now,
                    _ => Duration::from_millis(random() % 1_000_000),
                };
                let pause = pace.next_pause(now, observation);
                assert!(min <= pause && pause <= max.max(min), "{pause:?} after {observation:?} at {now:?}: {pace:?}");
            }
        }
    }

    #[test]
    fn the_end_of_a_steady_job_is_forecast() {
        for (total, rate) in [(500.0, 10.0), (5_000.0, 25.0), (30_000.0, 40.0)] {
            let end = 20.0 + total / rate;
            let (polls, late) = watch(end, |now| counts(total as i64, (rate * (now - 20.0).max(0.0)) as i64));
            let most = 16 + (end / 60.0) as u32;
            assert!(polls <= most && late <= 0.02 * end + 1.0, "{total} at {rate}: {polls} polls, {late} s late");
        }
    }

    /// When a job is polled, in seconds; it ends at `end`.
    fn polls(end: f64, at: impl Fn(f64) -> Observation) -> Vec<f64> {
        let mut pace = Pace::new(SECOND, MINUTE);
        let mut times = vec![0.0];
        while let Some(now) = times.last().copied().filter(|now| *now < end) {
            let pause = pace.next_pause(Duration::from_secs_f64(now), at(now)).as_secs_f64();
            times.push(((now + pause) * 10.0).round() / 10.0);
        }
        times
    }

    /// Every constant and every rule affects these figures. If you change one on purpose, change them too, and the table in
    /// the README.
    #[test]
    fn the_polls_of_known_jobs() {
        let steady = |now: f64| counts(3000, (20.0 * (now - 15.0).max(0.0)) as i64);
        let batches = |now: f64| counts(3000, (now / 40.0) as i64 * 500);
        let stall = |now: f64| counts(3000, (10.0 * (now.min(100.0) + (now - 200.0).max(0.0))) as i64);
        let slowing = |now: f64| counts(3000, (3000.0 * (1.0 - (-now / 100.0).exp()) * 1.02) as i64);
        assert_eq!(polls(165.0, steady), [0.0, 1.0, 2.2, 3.7, 5.5, 7.7, 10.3, 13.5, 17.3, 24.1, 84.1, 139.9, 165.3]);
        assert_eq!(
            polls(240.0, batches),
            [
                0.0, 1.0, 2.2, 3.7, 5.5, 7.7, 10.3, 13.5, 17.3, 21.9, 27.5, 34.3, 42.5, 47.2, 52.4, 58.2, 64.6, 71.7,
                79.6, 88.4, 98.1, 108.9, 120.9, 149.5, 165.9, 190.6, 211.6, 234.9, 257.3
            ]
        );
        assert_eq!(polls(400.0, stall), [0.0, 1.0, 9.4, 69.4, 129.4, 189.4, 210.2, 270.2, 299.9, 359.9, 399.5, 400.9]);
        assert_eq!(
            polls(400.0, slowing),
            [
                0.0, 1.0, 3.8, 26.0, 86.0, 107.3, 149.3, 165.7, 206.8, 229.5, 255.8, 277.0, 294.2, 308.4, 320.4, 330.5,
                339.1, 346.5, 352.8, 358.2, 363.0, 367.2, 370.8, 374.0, 376.7, 379.1, 381.3, 383.2, 384.9, 386.4,
                387.7, 388.9, 389.9, 391.0, 392.0, 393.0, 394.0, 395.0, 396.0, 397.0, 398.0, 399.0, 400.0
            ]
        );
        assert_eq!(
            polls(300.0, |_| NO_COUNTS),
            [
                0.0, 1.0, 2.2, 3.7, 5.5, 7.7, 10.3, 13.5, 17.3, 21.9, 27.5, 34.3, 42.5, 52.4, 64.4, 78.9, 96.5, 117.8,
                143.5, 174.6, 212.3, 257.9, 313.1
            ]
        );
    }

    #[test]
    fn a_standstill_is_longer_than_any_before() {
        let still_after = |batch: i64, from: u64| {
            let mut pace = Pace::new(SECOND, MINUTE);
            let mut now = 0;
            while pace.standstill().is_none() && now < 36_000 {
                // Batches that take so long, and none after `from`.
                pace.next_pause(SECOND * now as u32, counts(100_000, now.min(from) as i64 / batch * 100));
                now += 20;
            }
            now - 20
        };
        assert_eq!(still_after(10, 3000), 3600);
        // The third batch of 400 seconds began in the 1,200th.
        assert_eq!(still_after(400, 1200), 1200 + 5 * 380);
        // It has not begun, or is at its end.
        assert_eq!(still_after(10, 0), 35_980);
        let mut pace = Pace::new(SECOND, MINUTE);
        for now in [0, 10, 5000] {
            pace.next_pause(SECOND * now, counts(100, 10 * i64::from(now.min(10))));
        }
        assert_eq!(pace.standstill(), None);
    }

    #[test]
    fn the_forecast_of_a_steady_job() {
        // 3,000 records, 20 a second from the 15th second on: it ends in the 165th.
        let mut pace = Pace::new(SECOND, MINUTE);
        assert_eq!(pace.remaining(), None);
        for now in [0, 10, 20, 40, 60, 100] {
            pace.next_pause(SECOND * now, counts(3000, (20 * now.saturating_sub(15)).into()));
            let remaining = pace.remaining().map(|remaining| remaining.as_secs_f64());
            match now {
                0..=10 => assert_eq!(remaining, None),
                20 => assert!(remaining.is_some()),
                _ => assert!((remaining.unwrap() - (165.0 - f64::from(now))).abs() < 5.0, "{now}: {remaining:?}"),
            }
        }
        // Without counts for a while: it goes on.
        let before = pace.remaining().unwrap();
        pace.next_pause(SECOND * 120, Observation::Failure);
        assert_eq!(pace.remaining().unwrap(), before - SECOND * 20);
        pace.next_pause(SECOND * 1000, NO_COUNTS);
        assert_eq!(pace.remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn without_counts_the_pauses_grow_with_the_elapsed_time() {
        let (polls, late) = watch(300.0, |_| NO_COUNTS);
        assert!(polls <= 30 && late <= 60.0, "{polls} polls, {late} s late");
        let mut pace = Pace::new(SECOND, MINUTE);
        assert_eq!(pace.next_pause(Duration::ZERO, NO_COUNTS), SECOND);
        let (early, later) = (pace.next_pause(SECOND * 50, NO_COUNTS), pace.next_pause(SECOND * 100, NO_COUNTS));
        assert!(early > SECOND && later > early + SECOND, "{early:?} {later:?}");
        assert_eq!(pace.next_pause(SECOND * 10_000, NO_COUNTS), MINUTE);
    }

    #[test]
    fn counts_that_are_missing_once_keep_their_last_value() {
        let mut pace = Pace::new(SECOND, MINUTE * 60);
        pace.next_pause(Duration::ZERO, counts(10_000, 0));
        pace.next_pause(SECOND * 10, counts(10_000, 100));
        pace.next_pause(SECOND * 20, counts(10_000, 200));
        let mut other = pace.clone();
        let without = other.next_pause(SECOND * 21, NO_COUNTS);
        assert_eq!(without, pace.next_pause(SECOND * 21, counts(10_000, 200)));
    }

    #[test]
    fn counts_that_decrease_reset_the_rate() {
        let mut pace = Pace::new(SECOND, MINUTE * 60);
        pace.next_pause(Duration::ZERO, counts(10_000, 0));
        for at in 1..=10 {
            pace.next_pause(SECOND * 10 * at, counts(10_000, 500 * i64::from(at)));
        }
        let unknown = pace.next_pause(SECOND * 110, counts(10_000, 1000));
        assert_eq!(unknown, Pace::new(SECOND, MINUTE * 60).next_pause(SECOND * 110, NO_COUNTS));
        // A tenth of the rate from here on: 900 s remain, not 90.
        for at in 1..=5 {
            pace.next_pause(SECOND * (110 + 10 * at), counts(10_000, 1000 + 50 * i64::from(at)));
        }
        let pause = pace.next_pause(SECOND * 170, counts(10_000, 1300));
        assert!(pause > SECOND * 500, "{pause:?}");
    }

    #[test]
    fn a_total_that_changes_changes_the_forecast() {
        let mut pace = Pace::new(SECOND, MINUTE * 60);
        for at in 0..=10 {
            pace.next_pause(SECOND * 10 * at, counts(2000, 100 * i64::from(at)));
        }
        let mut other = pace.clone();
        let (short, long) =
            (pace.next_pause(SECOND * 110, counts(2000, 1100)), other.next_pause(SECOND * 110, counts(8000, 1100)));
        assert!(short < SECOND * 95 && long > SECOND * 300, "{short:?} {long:?}");
    }

    #[test]
    fn a_total_that_is_reached_or_exceeded_does_not_stop_polling() {
        for done in [1000, 1500] {
            let mut pace = Pace::new(SECOND, MINUTE);
            for at in 0..10 {
                pace.next_pause(SECOND * 10 * at, counts(1000, 100 * i64::from(at)));
            }
            let first = pace.next_pause(SECOND * 100, counts(1000, done));
            let second = pace.next_pause(SECOND * 400, counts(1000, done));
            assert!(SECOND <= first && first < second && second <= MINUTE, "{first:?} {second:?}");
        }
    }

    #[test]
    fn after_a_stall_the_end_is_forecast_again() {
        // 10 records a second, but none from 100 s to 300 s.
        let done = |now: f64| (10.0 * (now.min(100.0) + (now - 300.0).max(0.0))) as i64;
        let (polls, late) = watch(500.0, |now| counts(3000, done(now)));
        assert!(polls <= 35 && late <= 25.0, "{polls} polls, {late} s late");
    }

    #[test]
    fn batches_are_distinguished_from_a_stall() {
        // 500 records each 50 s. The last batch may come just after a poll that waits for it.
        let (polls, late) = watch(500.0, |now| counts(5000, (now / 50.0) as i64 * 500));
        assert!(polls <= 40 && late <= 60.0, "{polls} polls, {late} s late");
    }

    #[test]
    fn failed_records_count_as_processed() {
        let mut pace = Pace::new(SECOND, MINUTE * 60);
        let mut other = pace.clone();
        for at in 0..10i64 {
            let now = SECOND * at as u32 * 10;
            let observation =
                Observation::Progress { total: Some(1000), deleted: Some(60 * at), failed: Some(30 * at) };
            assert_eq!(pace.next_pause(now, observation), other.next_pause(now, counts(1000, 90 * at)));
        }
    }

    #[test]
    fn failures_double_the_pause_and_keep_the_forecast() {
        let mut pace = Pace::new(SECOND, MINUTE);
        for at in 0..=5 {
            pace.next_pause(SECOND * 10 * at, counts(1000, 50 * i64::from(at)));
        }
        let mut other = pace.clone();
        let pauses: Vec<_> = (0..8).map(|_| pace.next_pause(SECOND * 60, Observation::Failure).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        let answer = || counts(1000, 300);
        assert_eq!(pace.next_pause(SECOND * 60, answer()), other.next_pause(SECOND * 60, answer()));
        assert_eq!(pace.next_pause(SECOND * 61, Observation::Failure), SECOND);
        for _ in 0..100 {
            assert!(pace.next_pause(SECOND * 62, Observation::Failure) <= MINUTE);
        }
    }

    #[test]
    fn every_pause_is_min_where_max_is_not_greater() {
        for (min, max) in [(MINUTE, MINUTE), (MINUTE, SECOND)] {
            let mut pace = Pace::new(min, max);
            for at in 0..20 {
                assert_eq!(pace.next_pause(SECOND * at, counts(100, i64::from(at))), MINUTE);
                assert_eq!(pace.next_pause(SECOND * at, Observation::Failure), MINUTE);
            }
        }
    }

    /// The pauses after these polls, in seconds.
    fn pauses(polls: &[(u32, Observation)]) -> Vec<f64> {
        let mut pace = Pace::new(SECOND, MINUTE * 60);
        let pause = |&(at, observation): &(u32, Observation)| pace.next_pause(SECOND * at, observation).as_secs_f64();
        polls.iter().map(pause).map(|seconds| (seconds * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn a_time_that_repeats_or_goes_back_is_accepted() {
        let polls = [(0, 5), (0, 10), (10, 20), (10, 40), (5, 60), (0, 80)];
        let polls = polls.map(|(at, done)| (at, counts(1000, done)));
        assert_eq!(pauses(&polls), [1.0, 1.0, 78.4, 644.44, 829.554, 881.344]);
    }

    #[test]
    fn pauses_where_counts_are_missing_or_reset() {
        let some = |total, deleted, failed| Observation::Progress { total, deleted, failed };
        let deleted_alone = [0, 10, 20, 40].map(|at| (at, some(Some(1000), Some(i64::from(at) * 5), None)));
        assert_eq!(pauses(&deleted_alone), [1.0, 5.32, 37.975, 110.291]);
        let failed_alone = [0, 10, 20, 40].map(|at| (at, some(Some(1000), None, Some(i64::from(at) * 5))));
        assert_eq!(pauses(&failed_alone), pauses(&deleted_alone));
        let later = [
            (0, NO_COUNTS),
            (20, NO_COUNTS),
            (30, some(Some(1000), Some(100), Some(0))),
            (40, NO_COUNTS),
            (50, some(None, Some(300), None)),
            (60, some(Some(2000), Some(400), None)),
            (70, Observation::Failure),
            (71, Observation::Failure),
            (80, some(None, Some(50), Some(0))),
            (90, some(None, Some(150), Some(0))),
            (500, some(None, Some(2000), Some(0))),
            (600, some(None, Some(2000), Some(0))),
        ];
        assert_eq!(pauses(&later), [1.0, 5.2, 3.3, 4.4, 5.5, 136.454, 1.0, 2.0, 17.8, 14.8, 1.0, 21.0]);
    }

    #[test]
    fn counts_may_be_as_large_as_i64() {
        let mut pace = Pace::new(SECOND, MINUTE);
        for at in 0..100 {
            let done = i64::MAX / 100 * i64::from(at);
            let observation =
                Observation::Progress { total: Some(i64::MAX), deleted: Some(done), failed: Some(i64::MAX) };
            let pause = pace.next_pause(SECOND * at, observation);
            assert!(SECOND <= pause && pause <= MINUTE, "{pause:?}");
        }
    }
}
