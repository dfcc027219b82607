//! The client: the status of one job, or of many.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::config::{Config, parse_token};
use crate::endpoint::{ApiVersion, JobId, ModuleName};
use crate::error::{
    Error,
    zmd_error::{self, *},
};
use crate::http::{Answer, Http, Network, Route, without_signals};
use crate::panic;
use crate::retry::{self, Again, Deadline, Failure};
use crate::secret::Secret;
use crate::status::{self, JobName, Status};

/// Asks for the status of mass-delete jobs. Any number of threads may share one.
///
/// After `fork()`, parent and child both go on using theirs: the child's first call makes it connections, an
/// address cache and locks of its own.
pub struct Client {
    api: Route,
    api_version: ApiVersion,
    data_center: &'static str,
    timeout: Duration,
    max_retries: u32,
    max_concurrency: usize,
    network: Network,
    /// Read without a lock, so that a child of `fork()` can read it whatever the parent's threads were doing.
    token: ArcSwap<Secret>,
    process: ArcSwap<Process>,
}

/// What belongs to one process. Whoever uses it holds an `Arc` of it: in a child of `fork()`, a call that
/// another thread of the parent was in at that moment holds one for ever, and so the child never takes apart
/// what it may have found half changed. If there was no such call, the child drops its copy.
struct Process {
    id: u32,
    http: Http,
}

impl Process {
    fn new(network: &Network) -> Process {
        Process { id: std::process::id(), http: Http::new(network) }
    }
}

impl Client {
    /// Checks the settings as a whole and makes a client. Nothing is sent.
    pub fn new(config: &Config) -> Result<Client, Error> {
        let token = config.access_token.clone().ok_or_else(|| {
            Error::new(ZMD_ERR_INVALID_CONFIG, "access_token is not set: set it, or the variable ZMD_ACCESS_TOKEN")
        })?;
        let network = Network::new(config)?;
        Ok(Client {
            api: Route::new(config, config.api_domain())?,
            api_version: config.api_version.clone(),
            data_center: config.data_center.name,
            timeout: config.timeout,
            max_retries: config.max_retries,
            max_concurrency: config.max_concurrency,
            token: ArcSwap::from_pointee(token),
            process: ArcSwap::from_pointee(Process::new(&network)),
            network,
        })
    }

    /// The client that the simple functions of a process share, made from the environment when it is first
    /// needed. If that fails, the next call tries again.
    pub fn shared() -> Result<Arc<Client>, Error> {
        static SHARED: ArcSwapOption<Client> = ArcSwapOption::const_empty();
        if let Some(client) = SHARED.load_full() {
            return Ok(client);
        }
        let mut config = Config::new();
        config.load_env()?;
        let client = Arc::new(Client::new(&config)?);
        let first = SHARED.compare_and_swap(&None::<Arc<Client>>, Some(client.clone()));
        Ok(first.clone().unwrap_or(client))
    }

    /// Replaces the access token, for calls that start after this one.
    pub fn set_access_token(&self, access_token: &str) -> Result<(), Error> {
        let token = parse_token(access_token).ok_or_else(|| {
            Error::new(
                ZMD_ERR_INVALID_ARGUMENT,
                "access_token must be 1 to 4096 visible ASCII characters, without a blank or a line end",
            )
        })?;
        self.token.store(Arc::new(token));
        Ok(())
    }

    /// Asks how far one job is. Blocks for `timeout_ms` at the most.
    pub fn status(&self, module: &ModuleName, job_id: &JobId) -> Result<Status, Error> {
        let deadline = Deadline::after(self.timeout);
        let job = JobName { module, job_id };
        let process = self.process();
        let token = self.token.load_full();
        let url = self.api.base.job_status(&self.api_version, module, job_id);
        retry::run(self.max_retries, deadline, || {
            let answer = process.http.get(&self.api, &url, &token, deadline)?;
            self.read(&answer, job)
        })
        .map_err(|error| error.without(token.reveal()))
    }

    /// Asks how far each of many jobs is, with at most `max_concurrency` calls in flight; a job that could not
    /// be named is an error already. The results are in the order of the jobs.
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
        // The calling thread works too: one job needs no other, and where the system has no thread left to
        // give, the work is done all the same.
        let mut done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.max_concurrency.min(jobs.len()))
                .map_while(|_| {
                    let builder = std::thread::Builder::new().name("libzmd".to_owned());
                    without_signals(|| builder.spawn_scoped(scope, work)).ok()
                })
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

    /// What the answer to a status request says, and whether to ask again if it is an error.
    fn read(&self, answer: &Answer, job: JobName) -> Result<Status, Failure> {
        if (300..400).contains(&answer.status) {
            let message = format!(
                "{} redirects the question for {job} (HTTP {}) to {}: no token is sent there; check api_domain",
                self.api.base,
                answer.status,
                answer.location.as_deref().unwrap_or("nowhere")
            );
            return Err(Failure::lasting(Error::new(ZMD_ERR_BAD_RESPONSE, message).with_http_status(answer.status)));
        }
        status::read(answer.status, &answer.body, job).map_err(|error| {
            let kind = error.kind();
            let error = if kind == ZMD_ERR_UNAUTHORIZED { self.explain_refusal(error) } else { error };
            Failure { error, again: again(answer, kind) }
        })
    }

    fn explain_refusal(&self, error: Error) -> Error {
        error.map_message(|message| {
            format!(
                "{message}: it has expired (a token lives one hour), was revoked, or belongs to another data center \
                 than {} ({})",
                self.data_center, self.api.base
            )
        })
    }

    /// This process's connections.
    fn process(&self) -> Arc<Process> {
        let current = self.process.load_full();
        if current.id == std::process::id() {
            return current;
        }
        let ours = Arc::new(Process::new(&self.network));
        let previous = self.process.compare_and_swap(&current, ours.clone());
        if Arc::ptr_eq(&previous, &current) { ours } else { Arc::clone(&previous) }
    }
}

/// Whether the same request may fare better later. The API answers some errors with HTTP 200, too many
/// requests among them.
fn again(answer: &Answer, kind: zmd_error) -> Again {
    let may_pass = match answer.status {
        429 | 500 | 502 | 503 | 504 => true,
        500.. => false,
        _ => matches!(kind, ZMD_ERR_RATE_LIMITED | ZMD_ERR_SERVER),
    };
    match answer.retry_after {
        _ if !may_pass => Again::Never,
        Some(pause) => Again::After(pause),
        None => Again::BackOff,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api", &self.api).finish_non_exhaustive()
    }
}
