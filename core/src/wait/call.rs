//! A schedule that lasts as long as one call, which returns the result of each job.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::kept::Kept;
use super::logged::log_begin;
use super::operation::Operation;
use super::poller::{Limits, Poller};
use super::reported::{Polled, Progress, Waited};
use super::schedule::{Event, Schedule};
use super::workers::{Forked, Shared, run};
use crate::error::{Error, ErrorKind};
use crate::panic;
use crate::sync::{Mutex, deliver_log, holds_nothing, lock};

/// Does `operation` for many jobs, with at most `concurrency` calls in flight. An `Err` in `jobs` is the result of that job.
/// The results are in the order of the jobs.
///
/// With `kept` it is a wait for one job, which continues the schedule of another that was kept there, and which is kept there
/// if it times out.
pub(crate) fn run_call<P: Poller + 'static>(
    poller: &Arc<P>,
    limits: Limits,
    jobs: impl Iterator<Item = Result<P::Job, Error>>,
    operation: Operation,
    concurrency: usize,
    progress: Option<&mut Progress>,
    kept: Option<&mut Option<Kept<P::Job>>>,
) -> Vec<Waited> {
    let now = poller.now();
    let mut kept = kept;
    let mut schedule = Schedule::new(limits, false);
    schedule.activity = poller.activity();
    let add = |job| match job {
        Ok(job) => {
            log_begin(&job, operation, kept.as_ref().is_some_and(|kept| kept.is_some()));
            match &mut kept {
                Some(kept) => schedule.add_again(job, operation, now, kept.take()),
                None => schedule.add(job, operation, now),
            };
            None
        }
        Err(error) => {
            schedule.skip_id();
            Some(Waited { last: None, result: Err(error) })
        }
    };
    let mut delivery = Delivery { results: jobs.map(add).collect(), progress, panic: None };
    let concurrency = concurrency.min(schedule.len());
    let shared = Mutex::new(Shared { schedule, sink: VecDeque::new() });
    // Functions of their own: the lock is not held while the callback is called.
    let take_events = || std::mem::take(&mut lock(&shared).sink);
    let end_job = |id| {
        let error = Error::new(ErrorKind::Cancelled, "the progress callback ended the wait for this job");
        lock(&shared).schedule.remove(id, poller.now(), error)
    };
    let mut deliver = || delivery.deliver(take_events(), &end_job);
    let ran = panic::catch(|| Ok(run(poller, &shared, concurrency, &mut deliver)));
    // In the child of a fork in the callback, or after a bug: what there is no result for ends here.
    let end = match ran {
        Ok(Ok(())) => None,
        Ok(Err(Forked)) => Some(forked()),
        Err(bug) => Some(bug),
    };
    if let Some(error) = end {
        lock(&shared).finish(Instant::now(), &error);
        delivery.progress = None;
        delivery.deliver(take_events(), &|_| None);
    }
    if let Some(kept) = kept {
        *kept = lock(&shared).schedule.take_kept();
    }
    if let Some(payload) = delivery.panic {
        resume_unwind(payload);
    }
    let bug = || Waited { last: None, result: Err(Error::new(ErrorKind::Internal, "a wait without an end")) };
    delivery.results.into_iter().map(|result| result.unwrap_or_else(bug)).collect()
}

/// The results so far, and the callback.
struct Delivery<'a, 'b> {
    results: Vec<Option<Waited>>,
    progress: Option<&'a mut Progress<'b>>,
    /// A panic of the callback, which is the caller's.
    panic: Option<Box<dyn Any + Send>>,
}

impl Delivery<'_, '_> {
    /// Returns `false` if the callback ends the wait. `end_job` ends that for one job.
    fn deliver(&mut self, events: VecDeque<Event>, end_job: &dyn Fn(u64) -> Option<Event>) -> bool {
        let mut continues = true;
        for event in events {
            let index = event.id as usize;
            if let Some(waited) = event.ended {
                self.results[index] = Some(waited);
            }
            if let (Some(progress), Some(result), true) = (&mut self.progress, &event.polled, continues) {
                deliver_log();
                debug_assert!(holds_nothing(), "a callback is called");
                let mut polled = Polled::new(index, result, event.elapsed, event.next_poll);
                polled.remaining = event.remaining;
                polled.standstill = event.standstill;
                continues = catch_unwind(AssertUnwindSafe(|| progress(&polled))).unwrap_or_else(|payload| {
                    self.panic = Some(payload);
                    false
                });
                if polled.ends_job.get()
                    && let Some(ended) = end_job(event.id).and_then(|event| event.ended)
                {
                    self.results[index] = Some(ended);
                }
            }
        }
        if self.panic.is_some() {
            self.progress = None;
        }
        continues
    }
}

fn forked() -> Error {
    let message = "this process was forked inside the callback of the wait, which continues in the parent alone: call again \
                   in this process";
    Error::new(ErrorKind::Cancelled, message)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::Duration;

    use super::super::scripted::*;
    use super::*;
    use crate::retry::Failure;
    use crate::status::{State, Status};
    use crate::wait::Query;

    /// Job 0 has ended, the others run; at its third sleep the service has a bug.
    #[derive(Default)]
    struct Buggy {
        sleeps: Mutex<u32>,
    }

    impl Poller for Buggy {
        type Job = usize;

        fn now(&self) -> Instant {
            Instant::now()
        }

        fn query(&self, job: &usize, _: Query) -> Result<Status, Failure> {
            Ok(status(if *job == 0 { State::Completed } else { State::Running }, 4, 9))
        }

        fn interrupt(&self) {}

        fn is_cancelled(&self) -> bool {
            false
        }

        fn sleep(&self, _: Option<Instant>, is_awake: &dyn Fn() -> bool) {
            while !is_awake() {
                let mut sleeps = lock(&self.sleeps);
                *sleeps += 1;
                assert!(*sleeps < 300, "the bug");
                drop(sleeps);
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        fn wake(&self) {}
    }

    #[test]
    fn after_a_bug_the_results_of_the_others_are_kept() {
        let jobs = [Ok(0), Err(Error::new(ErrorKind::NullPointer, "")), Ok(2)];
        for concurrency in [1, 3] {
            let operation = Operation::Wait { timeout: None };
            let poller = Arc::new(Buggy::default());
            let waited = run_call(&poller, LIMITS, jobs.iter().cloned(), operation, concurrency, None, None);
            assert_eq!(waited[0].result, Ok(()));
            assert_eq!(waited[1].result.as_ref().unwrap_err().kind(), ErrorKind::NullPointer);
            let bug = waited[2].result.as_ref().unwrap_err();
            assert!(bug.kind() == ErrorKind::Internal && bug.message().contains("the bug"), "{bug}");
            assert_eq!(waited[2].last.as_ref().unwrap().deleted, Some(4));
        }
    }

    #[test]
    fn the_callback_ends_the_wait_for_one_job() {
        // Job 0 ends at its first poll, where there is nothing left to end. The others run for ever.
        let service = Arc::new(Scripted::new(|_, job| {
            Ok(status(if job == 0 { State::Completed } else { State::Running }, 4, 9))
        }));
        let mut polls = [0; 4];
        let mut progress = |polled: &Polled| {
            polls[polled.index] += 1;
            if polls[polled.index] >= polled.index {
                polled.end_job();
            }
            true
        };
        let operation = Operation::Wait { timeout: None };
        let waited = run_call(&service, LIMITS, (0..4).map(Ok), operation, 1, Some(&mut progress), None);
        assert_eq!((&waited[0].result, polls), (&Ok(()), [1, 1, 2, 3]));
        for waited in &waited[1..] {
            let error = waited.result.as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled);
            assert_eq!(waited.last.as_ref().unwrap().deleted, Some(4));
        }
    }

    /// Waits again and again, each time for so long, until that much time has passed or the job has ended; the times of polls.
    fn wait_again(each: Duration, whole: Duration, end: Duration) -> Vec<Duration> {
        let service = Arc::new(Scripted::new(move |passed, _| {
            let is_over = passed >= end;
            let deleted = if is_over { 50_000 } else { (50_000 * passed.as_secs() / end.as_secs()) as i64 };
            Ok(status(if is_over { State::Completed } else { State::Running }, deleted, 50_000))
        }));
        let (mut kept, operation) = (None, Operation::Wait { timeout: Some(each) });
        while service.passed() < whole {
            let jobs = [Ok(0)].into_iter();
            let mut waited = run_call(&service, LIMITS, jobs, operation, 1, None, Some(&mut kept));
            let Waited { last, result } = waited.pop().unwrap();
            assert!(last.is_some(), "the last status seen, also by the wait before");
            match result {
                Ok(()) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout),
            }
        }
        service.polls().into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn waits_again_and_again_poll_as_seldom_as_one_wait() {
        let hours = |count: u32| SECOND * 3600 * count;
        let minute = SECOND * 60;
        let count = |each, whole, end| wait_again(each, whole, end).len();
        let one = count(minute, minute, hours(4));
        assert!(count(SECOND * 10, minute, hours(4)) <= one + 2, "{one}");
        let one = count(hours(4), hours(4), hours(5));
        for each in [SECOND * 10, SECOND * 30, minute, minute * 5] {
            let polls = count(each, hours(4), hours(5));
            assert!(polls <= one + one / 4, "{polls} instead of {one}, for {each:?}");
        }
        // The end is seen as soon as by one wait, but for the polls before the limits.
        let last = |each| *wait_again(each, hours(5), hours(1)).last().unwrap();
        let (one, again) = (last(hours(5)), last(minute));
        assert!(one >= hours(1) && again >= hours(1) && again <= hours(1) + minute, "{again:?}, {one:?}");
    }

    #[test]
    fn a_panic_of_the_callback_is_the_callers() {
        for concurrency in [1, 3] {
            let mut calls = 0;
            let mut progress = |_: &Polled| {
                calls += 1;
                panic!("boom")
            };
            let poller = Arc::new(Buggy::default());
            let operation = Operation::Wait { timeout: None };
            let jobs = [Ok(1), Ok(2), Ok(3)].into_iter();
            let result = catch_unwind(AssertUnwindSafe(|| {
                run_call(&poller, LIMITS, jobs, operation, concurrency, Some(&mut progress), None)
            }));
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&"boom"));
            assert_eq!(calls, 1);
        }
    }
}
