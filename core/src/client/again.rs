//! A wait that follows another for the same job, for hosts that have no callbacks and wait again and again for a minute: it
//! continues the schedule of the one before. Otherwise each would poll as often as a wait does at its beginning.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::poller::ClientPoller;
use super::status::Client;
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, ModuleName, NamedJob};
use crate::wait::{self, Operation, Waited};

impl Client {
    /// As [`wait`](Self::wait), but if the last such wait for the job has timed out, it continues: its first poll is made when
    /// the next one of that would have been. With a `timeout` of zero it polls once, now.
    pub fn wait_again(&self, module: &ModuleName, job_id: &JobId, timeout: Option<Duration>) -> Waited {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return self.wait(module, job_id, timeout, None);
        }
        let _scope = self.log_scope();
        let key = (module.as_str().to_owned(), job_id.as_str().to_owned());
        let (poller, limits) = (ClientPoller::of(self), self.account.limits);
        let mut kept = self.account.kept_waits.take(&key, Instant::now(), limits.poll_max);
        let jobs = [Ok(NamedJob::new(module, job_id))].into_iter();
        let operation = Operation::Wait { timeout };
        let mut waited = wait::run_call(&Arc::new(poller), limits, jobs, operation, 1, None, Some(&mut kept));
        if let Some(kept) = kept {
            self.account.kept_waits.put(key, kept, Instant::now(), limits.poll_max);
        }
        waited.pop().unwrap_or_else(|| Waited {
            last: None,
            result: Err(Error::new(ErrorKind::Internal, "a wait without a job")),
        })
    }
}
