//! How a wait polls the jobs of a client.

use std::sync::Arc;
use std::time::Instant;

use super::status::Client;
use crate::activity::{Activity, count};
use crate::job::{JobName, NamedJob};
use crate::retry::{Deadline, Failure};
use crate::session::Process;
use crate::status::Status;
use crate::wait::{Poller, Query};

/// Polls jobs for a wait.
pub(crate) struct ClientPoller {
    client: Client,
    process: Arc<Process>,
    /// Only this wait uses the client.
    is_own: bool,
}

impl ClientPoller {
    /// For a wait that shares its client with other calls.
    pub(super) fn of(client: &Client) -> ClientPoller {
        let client = Client { account: client.account.clone(), session: client.session.clone() };
        ClientPoller { process: client.process(), client, is_own: false }
    }

    /// For a wait that has its own clone of the client.
    pub(crate) fn with_its_own(clone: Client) -> ClientPoller {
        ClientPoller { process: clone.process(), client: clone, is_own: true }
    }
}

impl Poller for ClientPoller {
    type Job = NamedJob;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn query(&self, job: &NamedJob, query: Query) -> Result<Status, Failure> {
        let (module, job_id) = &*job.0;
        let timeout = self.client.account.timeout;
        let deadline = match query {
            Query::Status { timeout: limit } => {
                let status = self.client.status_within(module, job_id, limit.unwrap_or(timeout));
                return status.map_err(Failure::permanent);
            }
            Query::Poll { left: Some(left) } if left < timeout => Deadline::of_wait(left),
            Query::Poll { .. } => Deadline::after(timeout),
        };
        count(&self.client.activity().polls, 1);
        self.client.attempt(&self.process, JobName { module, job_id }, deadline, &mut None)
    }

    fn activity(&self) -> Arc<Activity> {
        self.client.activity().clone()
    }

    fn interrupt(&self) {
        if self.is_own {
            self.client.cancel();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.process.http.is_cancelled()
    }

    fn sleep(&self, until: Option<Instant>, is_awake: &dyn Fn() -> bool) {
        self.process.http.sleep_until(until, is_awake);
    }

    fn wake(&self) {
        self.process.http.wake();
    }

    fn wake_polls(&self) {
        self.process.limiter.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::super::status::tests::client;
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::job::{JobId, ModuleName};
    use crate::sync::{Mutex, lock};
    use crate::wait::{self, Event, Operation, Schedule, Shared};
    use zmd_sim::{Clock, Job, Reply, Sim};

    /// A real client of the stand-in, which does not sleep but advances the stand-in's clock.
    struct WithSimClock<'a> {
        poller: ClientPoller,
        begin: Instant,
        sim: &'a Sim,
        /// What happens at which second, the last first.
        actions: Mutex<Vec<(u64, Action<'a>)>>,
    }

    type Action<'a> = Box<dyn Fn() + Send + 'a>;

    impl Poller for WithSimClock<'_> {
        type Job = NamedJob;

        fn now(&self) -> Instant {
            self.begin + self.sim.clock().now()
        }

        fn query(&self, job: &NamedJob, query: Query) -> Result<Status, Failure> {
            self.poller.query(job, query)
        }

        fn interrupt(&self) {
            self.poller.interrupt();
        }

        fn is_cancelled(&self) -> bool {
            self.poller.is_cancelled()
        }

        fn sleep(&self, until: Option<Instant>, _: &dyn Fn() -> bool) {
            let until = until.expect("the time of the next poll");
            self.sim.clock().advance(until.saturating_duration_since(self.now()));
            let now = self.sim.clock().now().as_secs();
            let mut actions = lock(&self.actions);
            while actions.last().is_some_and(|(at, _)| *at <= now) {
                let (_, action) = actions.pop().unwrap();
                action();
            }
        }

        fn wake(&self) {}
    }

    #[test]
    fn a_wait_of_an_hour_survives_outages_and_expired_tokens() {
        // Tokens expire after a quarter of an hour, and the service does not report that.
        let sim = Sim::builder()
            .clock(Clock::driven())
            .refresh_token("refresh", "id", "secret")
            .token_lifetime(Duration::from_secs(900))
            .start();
        sim.add_job("Leads", "1", Job::new(3600, 1.0));
        let url = sim.url().replace("127.0.0.1", "localhost");
        let settings = [
            ("accounts_url", &*url),
            ("api_domain", &url),
            ("refresh_token", "refresh"),
            ("client_id", "id"),
            ("client_secret", "secret"),
        ];
        let client = client(&sim, &settings);
        let process = client.process();
        let mut actions: Vec<(u64, Action)> = vec![
            (600, Box::new(|| sim.stop_listening())),
            (600, Box::new(|| sim.close_idle())),
            (700, Box::new(|| sim.listen_again())),
            (1500, Box::new(|| process.http.break_name_lookups(true))),
            (1500, Box::new(|| sim.close_idle())),
            (2100, Box::new(|| process.http.break_name_lookups(false))),
            (2600, Box::new(|| sim.next(Reply::Error("TOO_MANY_REQUESTS").header("Retry-After", "120")))),
        ];
        actions.reverse();
        let poller = WithSimClock {
            poller: ClientPoller::of(&client),
            begin: Instant::now(),
            sim: &sim,
            actions: Mutex::new(actions),
        };
        let mut schedule = Schedule::new(client.account.limits, false);
        let job = NamedJob::new(&ModuleName::parse("Leads").unwrap(), &JobId::parse("1").unwrap());
        schedule.add(job, Operation::Wait { timeout: Some(Duration::from_secs(7200)) }, poller.now());
        let (mut polls, mut waited) = (Vec::new(), None);
        let shared = Mutex::new(Shared { schedule, sink: VecDeque::<Event>::new() });
        wait::run_on_this_thread(&poller, &shared, &mut || {
            for event in lock(&shared).sink.drain(..) {
                let kind = event.polled.map(|result| result.as_ref().err().map(Error::kind));
                polls.extend(kind.map(|kind| (sim.clock().now().as_secs(), kind)));
                waited = event.ended.or(waited.take());
            }
            true
        })
        .unwrap();
        let waited = waited.unwrap();
        assert_eq!(waited.result, Ok(()), "{polls:?}");
        assert_eq!(waited.last.as_ref().unwrap().deleted, Some(3600));
        let end = sim.clock().now().as_secs();
        assert!((3600..3720).contains(&end), "{end}");
        let polls_between = |kind: Option<ErrorKind>, from: u64, to: u64| {
            polls.iter().any(|(at, k)| *k == kind && (from..to).contains(at))
        };
        assert!(polls_between(Some(ErrorKind::Connect), 600, 760), "{polls:?}");
        assert!(polls_between(Some(ErrorKind::Dns), 1500, 2160), "{polls:?}");
        assert!(polls_between(Some(ErrorKind::RateLimited), 2600, 2700), "{polls:?}");
        // No poll failed because of a refused token: they were renewed.
        assert!(!polls.iter().any(|(_, kind)| *kind == Some(ErrorKind::Unauthorized)), "{polls:?}");
        assert!((4..=6).contains(&sim.token_requests()), "{}", sim.token_requests());
        assert!(polls.len() < 130, "{} polls", polls.len());
    }

    #[test]
    fn a_poll_has_the_shorter_of_its_two_limits() {
        let sim = Sim::builder().delay(Duration::from_secs(2)).start();
        let job = NamedJob::new(&ModuleName::parse("Leads").unwrap(), &JobId::parse("1").unwrap());
        let limit = |timeout_ms, left| {
            let client = client(&sim, &[("access_token", "1000.a.b"), ("timeout_ms", timeout_ms)]);
            let left = Some(Duration::from_millis(left));
            let failed = ClientPoller::of(&client).query(&job, Query::Poll { left }).err().unwrap().error;
            assert_eq!(failed.kind(), ErrorKind::Timeout, "{failed}");
            failed.message().split(" expired").next().unwrap().to_owned()
        };
        assert_eq!(limit("20000", 100), "the time limit of the wait");
        assert_eq!(limit("100", 20_000), "timeout_ms (100 ms)");
        let client = client(&sim, &[("access_token", "1000.a.b")]);
        let (poller, begin) = (ClientPoller::of(&client), Instant::now());
        poller.sleep(Some(begin + Duration::from_millis(30)), &|| false);
        assert!(begin.elapsed() >= Duration::from_millis(30));
    }
}
