//! Waits of a client, and calls for many jobs: each is a schedule, which lasts as long as the call.

use std::sync::Arc;
use std::time::Duration;

use super::poller::ClientPoller;
use super::status::Client;
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, ModuleName, NamedJob};
use crate::status::Status;
use crate::wait::{self, Operation, Progress, Waited};

impl Client {
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
        progress: Option<&mut Progress>,
    ) -> Vec<Waited> {
        self.run_many(jobs, Operation::Wait { timeout }, progress)
    }

    /// Returns the status of each of many jobs, with at most `max_concurrency` calls in flight. An `Err` in `jobs` is
    /// returned as the result of that job. The results are in the order of the jobs.
    pub fn status_many(&self, jobs: &[Result<(ModuleName, JobId), Error>]) -> Vec<Result<Status, Error>> {
        let waited = self.run_many(jobs, Operation::Status { timeout: None }, None);
        let status = |Waited { last, result }| {
            result.and_then(|()| last.ok_or_else(|| Error::new(ErrorKind::Internal, "a call without a status")))
        };
        waited.into_iter().map(status).collect()
    }

    fn run_many(
        &self,
        jobs: &[Result<(ModuleName, JobId), Error>],
        operation: Operation,
        progress: Option<&mut Progress>,
    ) -> Vec<Waited> {
        let _scope = self.log_scope();
        // A callback can end a wait while polls for other jobs are in flight. Such a wait uses a clone, so that cancelling
        // these polls does not affect other calls.
        let poller = match (&progress, jobs) {
            (None, _) | (_, [_]) => ClientPoller::of(self),
            _ => match self.try_clone() {
                Ok(clone) => ClientPoller::with_its_own(clone),
                Err(error) => return jobs.iter().map(|_| Waited { last: None, result: Err(error.clone()) }).collect(),
            },
        };
        let named = jobs.iter().map(|job| match job {
            Ok((module, job_id)) => Ok(NamedJob::new(module, job_id)),
            Err(error) => Err(error.clone()),
        });
        let (limits, concurrency) = (self.account.limits, self.account.max_concurrency);
        wait::run_call(&Arc::new(poller), limits, named, operation, concurrency, progress, None)
    }
}
