//! What waits that have timed out leave for those that follow them for the same job.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::job::NamedJob;
use crate::sync::ArcSwap;
use crate::wait::Kept;

/// How many jobs are remembered.
const JOBS_LIMIT: usize = 1000;

/// What the last waits have left that have timed out. Replaced as a whole without a lock, so that it works after `fork()`.
#[derive(Default)]
pub(super) struct KeptWaits(ArcSwap<HashMap<(String, String), Kept<NamedJob>>>);

impl KeptWaits {
    /// Removes what there is for a job. `longest` is how long its next poll may be overdue: after that a wait begins anew.
    pub(super) fn take(&self, key: &(String, String), now: Instant, longest: Duration) -> Option<Kept<NamedJob>> {
        let mut kept = None;
        self.0.rcu(|all| {
            kept = all.get(key).cloned();
            if kept.is_none() {
                return all.clone();
            }
            let mut all = HashMap::clone(all);
            all.remove(key);
            Arc::new(all)
        });
        kept.filter(|kept| !is_outdated(kept, now, longest))
    }

    pub(super) fn put(&self, key: (String, String), kept: Kept<NamedJob>, now: Instant, longest: Duration) {
        self.0.rcu(|all| {
            let current = all.iter().filter(|(_, kept)| !is_outdated(kept, now, longest));
            let mut all: HashMap<_, _> = current.map(|(key, kept)| (key.clone(), kept.clone())).collect();
            if all.len() < JOBS_LIMIT {
                all.insert(key.clone(), kept.clone());
            }
            all
        });
    }
}

fn is_outdated(kept: &Kept<NamedJob>, now: Instant, longest: Duration) -> bool {
    kept.next_poll().is_none_or(|next| now.saturating_duration_since(next) > longest)
}

#[cfg(all(test, not(shuttle), not(miri)))]
mod tests {
    use super::*;
    use crate::client::status::tests::client;
    use crate::job::{JobId, ModuleName};
    use zmd_sim::{Job, Sim};

    #[test]
    fn what_a_wait_leaves_is_used_once_and_not_for_ever() {
        let sim = Sim::start();
        sim.add_job("Leads", "1001", Job::new(50_000, 1.0));
        let client = client(&sim, &[("access_token", "1000.token")]);
        sim.accept_any_token();
        let (module, job_id) = (ModuleName::parse("Leads").unwrap(), JobId::parse("1001").unwrap());
        let wait = || client.wait_again(&module, &job_id, Some(Duration::from_millis(300)));
        // Until there was time for a poll.
        while wait().last.is_none() {}
        let (kept, minute) = (&client.account.kept_waits, Duration::from_secs(60));
        let key = ("Leads".to_owned(), "1001".to_owned());
        let taken = kept.take(&key, Instant::now(), minute).unwrap();
        assert!(kept.take(&key, Instant::now(), minute).is_none(), "it is taken");
        let next = taken.next_poll().unwrap();
        for (later, is_there) in [(minute, true), (minute * 2, false)] {
            kept.put(key.clone(), taken.clone(), next, minute);
            assert_eq!(kept.take(&key, next + later, minute).is_some(), is_there);
        }
        // Other jobs have their own, up to a limit.
        for job in 0..JOBS_LIMIT + 5 {
            kept.put(("Leads".to_owned(), job.to_string()), taken.clone(), next, minute);
        }
        assert_eq!(kept.0.load().len(), JOBS_LIMIT);
        kept.put(key, taken, next + minute * 2, minute);
        assert_eq!(kept.0.load().len(), 1);
    }
}
