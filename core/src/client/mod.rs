//! The client: the status of one job or of many, and their waits. It does not know sockets or C.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;

use crate::config::Config;
use crate::endpoint::{ApiVersion, BaseUrl};
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::http::{Network, Proxies, Route};
use crate::job::{JobId, JobName, ModuleName, NamedJob};
use crate::oauth::{Grant, Source, Token, Tokens};
use crate::panic;
use crate::response::{self, StatusRequest};
use crate::retry::{self, Deadline, Failure};
use crate::secret::{Secret, parse_token, token_rule};
use crate::session::{Process, Session};
use crate::slots::SlotSettings;
use crate::status::Status;
use crate::sync::{Mutex, thread};
use crate::thread::quiet_thread;
use crate::wait::{self, Event, Limits, Operation, Polled, Poller, Progress, Query, Schedule, Shared, Waited};

/// Returns the status of mass-delete jobs. Any number of threads may share a client.
///
/// After `fork()`, parent and child can both use it: the child's first call creates its own connections, address cache
/// and locks.
pub struct Client {
    account: Arc<Account>,
    session: Arc<Session>,
}

/// Information about a client's access token, without the token itself.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// When it expires; `None`: unknown, as the settings or a token provider gave it.
    pub end: Option<SystemTime>,
    /// The base URL of the API that the client uses it for.
    pub api_domain: BaseUrl,
}

/// What a client and its clones share.
struct Account {
    /// The API according to the settings.
    api: Route,
    /// Whether the settings name it: then the accounts server's `api_domain` is ignored.
    api_is_explicit: bool,
    api_version: ApiVersion,
    data_center: &'static str,
    timeout: Duration,
    max_retries: u32,
    max_concurrency: usize,
    network: Network,
    tokens: Tokens,
    limits: Limits,
}

/// The maximum number of clients of the simple functions, each with its connections.
const SHARED_LIMIT: usize = 64;

impl Client {
    /// Checks the settings as a whole and makes a client. Nothing is sent.
    pub fn new(config: &Config) -> Result<Client, Error> {
        let proxies = Proxies::new(config)?;
        let grant = Grant::new(config, &proxies)?;
        let source = match (grant, &config.token_provider) {
            (Some(_), Some(_)) => {
                let message = "a token provider and client_id with client_secret are both set: only one of them can provide \
                               the tokens";
                return Err(Error::new(ErrorKind::InvalidConfig, message));
            }
            (Some(grant), None) => Some(Source::Grant(Box::new(grant))),
            (None, Some(provider)) => Some(Source::Provider(provider.clone())),
            (None, None) => None,
        };
        if config.access_token.is_none() && source.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidConfig,
                "access_token is not set, nor are refresh_token, client_id and client_secret: set it (ZMD_ACCESS_TOKEN), \
                 or the three, or client_id and client_secret with org_id; the command `zmd login` asks for them and \
                 saves them",
            ));
        }
        let network = Network::new(config)?;
        let slots = config.token_cache.as_ref();
        let slots = slots.map(|cache| SlotSettings { cache: cache.into(), count: config.max_concurrency });
        let session = Session::new(&network, slots);
        let account = Account {
            api: proxies.route(config.api_domain()),
            api_is_explicit: config.api_domain.is_some(),
            api_version: config.api_version.clone(),
            data_center: config.data_center.name,
            timeout: config.timeout,
            max_retries: config.max_retries,
            max_concurrency: config.max_concurrency,
            tokens: Tokens::new(config.access_token.clone(), source),
            network,
            limits: Limits {
                poll_min: config.poll_min,
                poll_max: config.poll_max.max(config.poll_min),
                unreachable: config.unreachable,
            },
        };
        Ok(Client { account: Arc::new(account), session })
    }

    /// Another client with the same settings, which shares the access token but has its own connections. It can be
    /// cancelled on its own, and is cancelled with this one. `ZMD_ERR_CANCELLED` if this one was cancelled.
    pub fn try_clone(&self) -> Result<Client, Error> {
        let session = self.session.try_clone(&self.account.network)?;
        Ok(Client { account: self.account.clone(), session })
    }

    /// A client with the settings of the environment and the configuration file: see [`Config::from_env`].
    pub fn from_env() -> Result<Client, Error> {
        Client::new(&Config::from_env()?)
    }

    /// The client that the simple functions of a process share for this connection string; empty: the environment and the
    /// configuration file alone. It is created when it is first needed; if that fails, the next call tries again.
    ///
    /// Stored without a lock, so that it works after `fork()`.
    pub fn shared(connection: &str) -> Result<Arc<Client>, Error> {
        type Clients = Vec<(Secret, Arc<Client>)>;
        static SHARED: ArcSwapOption<Clients> = ArcSwapOption::const_empty();
        let find = |clients: &Option<Arc<Clients>>| {
            let found = clients.iter().flat_map(|clients| clients.iter()).find(|(of, _)| of.reveal() == connection);
            found.map(|(_, client)| client.clone())
        };
        if let Some(client) = find(&SHARED.load()) {
            return Ok(client);
        }
        let config =
            if connection.is_empty() { Config::from_env()? } else { Config::from_connection_string(connection)? };
        let made = Arc::new(Client::new(&config)?);
        // If two threads each created one, both use that of the first.
        let mut kept = made.clone();
        SHARED.rcu(|clients| {
            if let Some(client) = find(clients) {
                kept = client;
                return clients.clone();
            }
            kept = made.clone();
            let mut all = clients.as_deref().cloned().unwrap_or_default();
            // The oldest is removed; calls in progress keep it until they return.
            if all.len() >= SHARED_LIMIT {
                all.remove(0);
            }
            all.push((Secret::new(connection), made.clone()));
            Some(Arc::new(all))
        });
        Ok(kept)
    }

    /// Replaces the access token, for calls that start after this one.
    pub fn set_access_token(&self, access_token: &str) -> Result<(), Error> {
        let secret = parse_token(access_token)
            .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, format!("access_token must be {}", token_rule())))?;
        self.account.tokens.set(secret);
        Ok(())
    }

    /// Gets an access token if there is none, which checks the credentials. Blocks for at most `timeout_ms`. An
    /// `access_token` of the settings is not checked: nothing is sent.
    pub fn access_token(&self) -> Result<AccessToken, Error> {
        let process = self.process();
        let deadline = Deadline::after(self.account.timeout);
        let token = self.account.tokens.get(&process.http, &process.renewal, None, deadline)?;
        let api = token.api.as_ref().filter(|_| !self.account.api_is_explicit).unwrap_or(&self.account.api);
        Ok(AccessToken { end: token.end(), api_domain: api.base.clone() })
    }

    /// Returns the status of one job. Blocks for at most `timeout_ms`.
    pub fn status(&self, module: &ModuleName, job_id: &JobId) -> Result<Status, Error> {
        self.status_within(module, job_id, self.account.timeout)
    }

    /// Returns the status of one job, with `timeout` instead of the setting `timeout_ms`.
    pub fn status_within(&self, module: &ModuleName, job_id: &JobId, timeout: Duration) -> Result<Status, Error> {
        let deadline = Deadline::after(timeout);
        let job = JobName { module, job_id };
        let process = self.process();
        let mut refused = None;
        retry::run(
            self.account.max_retries,
            deadline,
            |pause| process.http.sleep(pause),
            || self.attempt(&process, job, deadline, &mut refused),
        )
    }

    /// Polls a job until it has ended: completed or failed, both are `Ok`. `progress` is called on this thread after every
    /// poll. Without a `timeout` there is no limit; with zero it polls once.
    pub fn wait(
        &self,
        module: &ModuleName,
        job_id: &JobId,
        timeout: Option<Duration>,
        progress: Option<&mut Progress>,
    ) -> Waited {
        let jobs = [Ok((module.clone(), job_id.clone()))];
        let mut waited = self.wait_many(&jobs, timeout, progress);
        waited.pop().unwrap_or_else(|| Waited {
            last: None,
            result: Err(Error::new(ErrorKind::Internal, "a wait without a job")),
        })
    }

    /// Waits for many jobs, with at most `max_concurrency` calls in flight. An `Err` in `jobs` is returned as the result of
    /// that job. The results are in the order of the jobs.
    pub fn wait_many(
        &self,
        jobs: &[Result<(ModuleName, JobId), Error>],
        timeout: Option<Duration>,
        mut progress: Option<&mut Progress>,
    ) -> Vec<Waited> {
        // A callback can end a wait while polls for other jobs are in flight. Such a wait uses a clone, so that cancelling
        // these polls does not affect other calls.
        let poller = match (&progress, jobs) {
            (None, _) | (_, [_]) => ClientPoller::of(self),
            _ => match self.try_clone() {
                Ok(clone) => ClientPoller::with_its_own(clone),
                Err(error) => return jobs.iter().map(|_| Waited { last: None, result: Err(error.clone()) }).collect(),
            },
        };
        let now = poller.now();
        let mut schedule = Schedule::new(self.account.limits, false);
        let mut results: Vec<Option<Waited>> = Vec::with_capacity(jobs.len());
        for job in jobs {
            results.push(match job {
                Ok((module, job_id)) => {
                    schedule.add(NamedJob::new(module, job_id), Operation::Wait { timeout }, now);
                    None
                }
                Err(error) => {
                    schedule.skip_id();
                    Some(Waited { last: None, result: Err(error.clone()) })
                }
            });
        }
        let sink = |event: Event| {
            let index = event.id as usize;
            if let Some(waited) = event.ended {
                results[index] = Some(waited);
            }
            match (&mut progress, &event.polled) {
                (Some(progress), Some(result)) => {
                    progress(&Polled { index, result, elapsed: event.elapsed, next_poll: event.next_poll })
                }
                _ => true,
            }
        };
        let concurrency = self.account.max_concurrency.min(schedule.len());
        wait::run(&poller, &Mutex::new(Shared { schedule, sink }), concurrency);
        let bug = || Waited { last: None, result: Err(Error::new(ErrorKind::Internal, "a wait without an end")) };
        results.into_iter().map(|result| result.unwrap_or_else(bug)).collect()
    }

    /// The limits of its waits.
    pub(crate) fn limits(&self) -> Limits {
        self.account.limits
    }

    /// How many calls may be in flight for the `_many` functions.
    pub(crate) fn max_concurrency(&self) -> usize {
        self.account.max_concurrency
    }

    /// Ends every call in progress on it and on its clones with `ZMD_ERR_CANCELLED`; all later calls fail with it too.
    pub fn cancel(&self) {
        self.session.cancel(&self.account.network);
    }

    /// One attempt to get a job's status, with a new token if the current one is refused.
    fn attempt(
        &self,
        process: &Process,
        job: JobName,
        deadline: Deadline,
        refused: &mut Option<Arc<Token>>,
    ) -> Result<Status, Failure> {
        let result = self
            .attempt_unless_cancelled(process, job, deadline, refused)
            .map_err(|failure| if process.http.is_cancelled() { Failure::permanent(cancelled()) } else { failure });
        match &result {
            Ok(status) => log::debug!("{job}: {} (HTTP {})", status.text, status.http_status),
            Err(Failure { error, .. }) => log::debug!("{job}: {}: {error}", error.kind().name()),
        }
        result
    }

    fn attempt_unless_cancelled(
        &self,
        process: &Process,
        job: JobName,
        deadline: Deadline,
        refused: &mut Option<Arc<Token>>,
    ) -> Result<Status, Failure> {
        loop {
            if process.http.is_cancelled() {
                return Err(Failure::permanent(cancelled()));
            }
            let tokens = &self.account.tokens;
            let token = tokens.get(&process.http, &process.renewal, refused.as_deref(), deadline);
            let token = token.map_err(Failure::permanent)?;
            let result = self.query(process, &token, job, deadline);
            match &result {
                Err(failure)
                    if failure.error.kind() == ErrorKind::Unauthorized
                        && tokens.can_replace(&token, refused.is_some()) =>
                {
                    log::info!("{}: renewing it", failure.error);
                    *refused = Some(token);
                }
                _ => return result,
            }
        }
    }

    /// One request.
    fn query(&self, process: &Process, token: &Token, job: JobName, deadline: Deadline) -> Result<Status, Failure> {
        let api = token.api.as_ref().filter(|_| !self.account.api_is_explicit).unwrap_or(&self.account.api);
        let url = api.base.job_status(&self.account.api_version, job.module, job.job_id);
        let _slot = match &process.slots {
            Some(slots) => slots.acquire(&process.http, deadline)?,
            None => None,
        };
        let request = StatusRequest {
            job,
            api: &api.base,
            data_center: self.account.data_center,
            is_token_renewable: self.account.tokens.are_renewable(),
        };
        let response = process.http.get(api, &url, &token.secret, deadline);
        let result = response.and_then(|response| response::read(&response, &request));
        result.map_err(|failure| Failure { error: failure.error.without(token.secret.reveal()), ..failure })
    }

    /// Returns the status of each of many jobs, with at most `max_concurrency` calls in flight. An `Err` in `jobs` is
    /// returned as the result of that job. The results are in the order of the jobs.
    pub fn status_many(&self, jobs: &[Result<(ModuleName, JobId), Error>]) -> Vec<Result<Status, Error>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(index) else { return done };
                let result = panic::catch(|| {
                    let (module, job_id) = job.as_ref().map_err(Clone::clone)?;
                    self.status(module, job_id)
                });
                done.push((index, result));
            }
        };
        // The calling thread works too: one job needs no other thread, and the call succeeds even if the system cannot
        // create threads.
        let mut done = thread::scope(|scope| {
            let others: Vec<_> = (1..self.account.max_concurrency.min(jobs.len()))
                .map_while(|_| quiet_thread(|builder| builder.spawn_scoped(scope, work)).ok())
                .collect();
            let mut done = work();
            for other in others {
                done.extend(other.join().unwrap_or_default());
            }
            done
        });
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// This process's connections.
    fn process(&self) -> Arc<Process> {
        self.session.process(&self.account.network)
    }
}

/// Polls jobs for a wait.
pub(crate) struct ClientPoller {
    client: Client,
    process: Arc<Process>,
    /// Only this wait uses the client.
    is_own: bool,
}

impl ClientPoller {
    /// For a wait that shares its client with other calls.
    fn of(client: &Client) -> ClientPoller {
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
        self.client.attempt(&self.process, JobName { module, job_id }, deadline, &mut None)
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
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api", &self.account.api).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let mut actions = self.actions.lock().unwrap();
            while actions.last().is_some_and(|(at, _)| *at <= now) {
                let (_, action) = actions.pop().unwrap();
                action();
            }
        }

        fn wake(&self) {}
    }

    fn client(sim: &Sim, settings: &[(&str, &str)]) -> Client {
        let mut config = Config::new();
        config.set("api_domain", &sim.url()).unwrap();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        Client::new(&config).unwrap()
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
        let mut schedule = Schedule::new(client.limits(), false);
        let job = NamedJob::new(&ModuleName::parse("Leads").unwrap(), &JobId::parse("1").unwrap());
        schedule.add(job, Operation::Wait { timeout: Some(Duration::from_secs(7200)) }, poller.now());
        let (mut polls, mut waited) = (Vec::new(), None);
        let sink = |event: Event| {
            let kind = event.polled.map(|result| result.as_ref().err().map(Error::kind));
            polls.extend(kind.map(|kind| (sim.clock().now().as_secs(), kind)));
            waited = event.ended.or(waited.take());
            true
        };
        wait::run(&poller, &Mutex::new(Shared { schedule, sink }), 1);
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

    #[test]
    fn the_api_of_a_token_unless_another_is_set() {
        let builder = Sim::builder().refresh_token("refresh", "id", "secret");
        let sim = builder.api_domain("https://www.zohoapis.in").start();
        let url = sim.url();
        let grant =
            [("accounts_url", &*url), ("refresh_token", "refresh"), ("client_id", "id"), ("client_secret", "secret")];
        let explicit = client(&sim, &grant).access_token().unwrap();
        assert_eq!(explicit.api_domain.to_string(), sim.url());
        let mut config = Config::new();
        grant.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        let of_token = Client::new(&config).unwrap().access_token().unwrap();
        assert_eq!(of_token.api_domain.to_string(), "https://www.zohoapis.in");
        assert!(of_token.end.unwrap() > std::time::SystemTime::now());
    }

    #[test]
    fn a_response_with_too_many_header_lines() {
        let sim = Sim::start();
        sim.accept_any_token();
        sim.next((0..200).fold(Reply::json(200, "{}"), |reply, _| reply.header("X", "y")));
        let client = client(&sim, &[("access_token", "1000.a.b")]);
        let (module, job_id) = (ModuleName::parse("Leads").unwrap(), JobId::parse("1").unwrap());
        let error = client.status(&module, &job_id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{error}");
        assert!(error.message().contains("has too many lines"), "{error}");
    }
}
