//! The client: its settings, the status of one job, and what it shares with its clones.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;

use super::kept_waits::KeptWaits;
use crate::activity::{Activity, Counters, Credits, count};
use crate::client_log::{self, ClientLog};
use crate::config::Config;
use crate::endpoint::{ApiVersion, BaseUrl};
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::http::{Network, Proxies, Route};
use crate::job::{JobId, JobName, ModuleName};
use crate::limiter::LimiterSettings;
use crate::oauth::{Grant, Source, Token, Tokens};
use crate::response::{self, StatusRequest};
use crate::retry::{self, Deadline, Failure};
use crate::secret::{Secret, parse_token, placeholder, token_rule};
use crate::session::{Process, Session};
use crate::status::Status;
use crate::sync::deliver_log;
use crate::wait::Limits;

/// Returns the status of mass-delete jobs. Any number of threads may share a client.
///
/// After `fork()`, parent and child can both use it: the child's first call creates its own connections, address cache
/// and locks.
pub struct Client {
    pub(super) account: Arc<Account>,
    pub(super) session: Arc<Session>,
}

/// Information about a client's access token, without the token itself.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// When it expires; `None`: unknown, as the settings or a token provider gave it.
    pub end: Option<SystemTime>,
    /// The base URL of the API that the client uses it for.
    pub api_domain: BaseUrl,
    /// Where the accounts server and the settings differ about the API.
    pub conflict: Option<String>,
}

/// What a client and its clones share.
pub(super) struct Account {
    /// The API according to the settings.
    pub(super) api: Route,
    /// Whether the settings name it: then the accounts server's `api_domain` is ignored.
    pub(super) api_is_explicit: bool,
    pub(super) api_version: ApiVersion,
    pub(super) data_center: &'static str,
    pub(super) environment: &'static str,
    pub(super) timeout: Duration,
    pub(super) max_retries: u32,
    pub(super) max_concurrency: usize,
    pub(super) network: Network,
    pub(super) tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) kept_waits: KeptWaits,
    /// The client's own log, if it has one.
    pub(super) log: Option<Arc<ClientLog>>,
}

/// The maximum number of clients of the simple functions, each with its connections.
const SHARED_LIMIT: usize = 64;

impl Client {
    /// Checks the settings as a whole and makes a client. Nothing is sent.
    pub fn new(config: &Config) -> Result<Client, Error> {
        let log = ClientLog::new(config.log_level, config.log_file.as_ref());
        let _scope = client_log::enter(log.as_ref());
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
            let message = "access_token is not set, nor are refresh_token, client_id and client_secret: set it \
                           (ZMD_ACCESS_TOKEN), or the three, or client_id and client_secret with org_id; the command \
                           `zmd login` asks for them and saves them";
            let note = config.file_note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            return Err(Error::new(ErrorKind::InvalidConfig, format!("{message}{note}")));
        }
        let network = Network::new(config)?;
        let cache = config.checked_token_cache()?.map(Into::into);
        let session = Session::new(&network, LimiterSettings { limit: config.max_concurrency, cache });
        let account = Account {
            api: proxies.route(config.api_domain()),
            api_is_explicit: config.api_domain.is_some(),
            api_version: config.api_version.clone(),
            data_center: config.data_center.name,
            environment: config.environment.name,
            timeout: config.timeout,
            max_retries: config.max_retries,
            max_concurrency: config.max_concurrency,
            tokens: Tokens::new(config.access_token.clone(), source),
            kept_waits: KeptWaits::default(),
            log: log.clone(),
            network,
            limits: Limits {
                poll_min: config.poll_min,
                poll_max: config.poll_max.max(config.poll_min),
                unreachable: config.unreachable,
                stalled: config.stalled,
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
        if let Some(why) = placeholder(access_token) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("access_token is not a token: {why}")));
        }
        let secret = parse_token(access_token)
            .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, format!("access_token must be {}", token_rule())))?;
        self.account.tokens.set(secret);
        Ok(())
    }

    /// Gets an access token if there is none, which checks the credentials. Blocks for at most `timeout_ms`. An
    /// `access_token` of the settings is not checked: nothing is sent.
    pub fn access_token(&self) -> Result<AccessToken, Error> {
        let _scope = self.log_scope();
        let process = self.process();
        let deadline = Deadline::after(self.account.timeout);
        let token = self.account.tokens.get(&process.http, &process.renewal, None, deadline)?;
        let api = token.api.as_ref().filter(|_| !self.account.api_is_explicit).unwrap_or(&self.account.api);
        Ok(AccessToken { end: token.end(), api_domain: api.base.clone(), conflict: token.conflict.clone() })
    }

    /// Returns the status of one job. Blocks for at most `timeout_ms`.
    pub fn status(&self, module: &ModuleName, job_id: &JobId) -> Result<Status, Error> {
        self.status_within(module, job_id, self.account.timeout)
    }

    /// Returns the status of one job, with `timeout` instead of the setting `timeout_ms`.
    pub fn status_within(&self, module: &ModuleName, job_id: &JobId, timeout: Duration) -> Result<Status, Error> {
        let _scope = self.log_scope();
        let deadline = Deadline::after(timeout);
        let job = JobName { module, job_id };
        let process = self.process();
        let mut refused = None;
        let result = retry::run(
            self.account.max_retries,
            deadline,
            |pause| {
                count(&self.activity().retries, 1);
                process.http.sleep(pause)
            },
            || self.attempt(&process, job, deadline, &mut refused),
        );
        match &result {
            Ok(status) => log::info!("{job}: {status}"),
            Err(error) => log::info!("{job}: {}: {error}", error.kind().name()),
        }
        deliver_log();
        result
    }

    /// Ends every call in progress on it and on its clones with `ZMD_ERR_CANCELLED`; all later calls fail with it too.
    pub fn cancel(&self) {
        self.session.cancel(&self.account.network);
    }

    /// One attempt to get a job's status, with a new token if the current one is refused.
    pub(super) fn attempt(
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
        deliver_log();
        result
    }

    pub(super) fn attempt_unless_cancelled(
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
        let _permit = process.limiter.acquire(process.http.cancellation(), deadline)?;
        let request = StatusRequest {
            job,
            api: &api.base,
            data_center: self.account.data_center,
            environment: self.account.environment,
            are_credits_used_up: self.credits().is_some_and(|credits| credits.is_current && credits.remaining == 0),
            is_token_renewable: self.account.tokens.are_renewable(),
        };
        let activity = self.activity();
        count(&activity.calls, 1);
        let response = process.http.get(api, &url, &token.secret, deadline)?;
        let result = response::read(&response, &request);
        activity.responded(response.credits_remaining, result.is_err());
        result.inspect_err(|failure| {
            count(&activity.rate_limits, (failure.error.kind() == ErrorKind::RateLimited).into());
        })
    }

    /// The API credits that remained to the organization when the service last reported them, to this client or its
    /// clones. `None`: it has not, as it does once half of the credits of the last 24 hours are used.
    pub fn credits(&self) -> Option<Credits> {
        self.activity().credits()
    }

    /// Whether the client's own log can be written: an error with the reason. `None`: it has no log.
    pub fn check_log(&self) -> Option<Result<(), Error>> {
        let checked = self.account.log.as_ref()?.check();
        Some(checked.map_err(|why| Error::new(ErrorKind::InvalidConfig, why)))
    }

    /// What this client and its clones have done so far.
    pub fn counters(&self) -> Counters {
        self.activity().counters()
    }

    /// Lines of this thread are those of this client, until it is dropped.
    pub(super) fn log_scope(&self) -> client_log::Scope {
        client_log::enter(self.account.log.as_ref())
    }

    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.account.network.activity
    }

    /// This process's connections.
    pub(super) fn process(&self) -> Arc<Process> {
        self.session.process(&self.account.network)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api", &self.account.api).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use zmd_sim::{Reply, Sim};

    pub(in crate::client) fn client(sim: &Sim, settings: &[(&str, &str)]) -> Client {
        let mut config = Config::new();
        config.set("api_domain", &sim.url()).unwrap();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        Client::new(&config).unwrap()
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
    fn the_lifetime_of_a_token_is_in_seconds_or_in_milliseconds() {
        for in_milliseconds in [false, true] {
            let builder = Sim::builder().refresh_token("refresh", "id", "secret");
            let sim = builder.expires_in_milliseconds(in_milliseconds).start();
            let url = sim.url();
            let grant = [
                ("accounts_url", &*url),
                ("refresh_token", "refresh"),
                ("client_id", "id"),
                ("client_secret", "secret"),
            ];
            let end = client(&sim, &grant).access_token().unwrap().end.unwrap();
            let left = end.duration_since(std::time::SystemTime::now()).unwrap().as_secs();
            assert!((3000..=3600).contains(&left), "{left}");
        }
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

    std::thread_local! {
        /// The lines that this thread has logged, and how many of them were delivered.
        static LINES: std::cell::Cell<[usize; 2]> = const { std::cell::Cell::new([0; 2]) };
    }

    struct Collecting;

    impl log::Log for Collecting {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }

        fn log(&self, record: &log::Record) {
            if record.target().starts_with("zmd_core") {
                LINES.set([LINES.get()[0] + 1, LINES.get()[1]]);
            }
        }

        fn flush(&self) {
            assert!(crate::sync::holds_nothing());
            LINES.set([LINES.get()[0]; 2]);
        }
    }

    #[test]
    fn the_lines_of_an_attempt_are_delivered_at_its_end() {
        log::set_logger(&Collecting).unwrap();
        crate::logging::set_host_level(log::LevelFilter::Trace);
        let sim = Sim::start();
        sim.accept_any_token();
        let client = client(&sim, &[("access_token", "1000.a.b")]);
        let (module, job_id) = (ModuleName::parse("Leads").unwrap(), JobId::parse("1").unwrap());
        let failed = client.status(&module, &job_id).unwrap_err();
        let [logged, delivered] = LINES.get();
        assert!(logged > 0 && logged == delivered, "{logged} {delivered} {failed}");
    }
}
