//! When to get another access token, and which thread gets it.

use std::sync::Arc;

use super::grant::Grant;
use super::provider::Requests;
use super::token::Token;
use crate::activity::count;
use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind};
use crate::http::Http;
use crate::retry::Deadline;
use crate::secret::Secret;
use crate::sync::{ArcSwapOption, AtomicBool, Held, Ordering};
use crate::token_provider::TokenProvider;

/// The access token of a client and its clones, and the source of the next one.
///
/// Read without a lock, so that a child of `fork()` can read it in whatever state the parent's threads were.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// `None`: the token cannot be renewed.
    source: Option<Source>,
    current: ArcSwapOption<Token>,
    /// A token that was refused as soon as it was made. A further one would be refused too, and the service limits how many
    /// can be made.
    refused_when_new: ArcSwapOption<Token>,
}

/// Where the next token comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Grant(Box<Grant>),
    Provider(TokenProvider),
}

impl Tokens {
    /// `given` is used until it is refused.
    pub(crate) fn new(given: Option<Secret>, source: Option<Source>) -> Tokens {
        let current = given.map(|secret| Arc::new(Token::given(secret)));
        Tokens { source, current: ArcSwapOption::new(current), refused_when_new: ArcSwapOption::empty() }
    }

    /// Whether there is a source of further tokens.
    pub(crate) fn are_renewable(&self) -> bool {
        self.source.is_some()
    }

    /// Replaces the current token.
    pub(crate) fn set(&self, secret: Secret) {
        self.current.store(Some(Arc::new(Token::given(secret))));
    }

    /// Whether to retry with another token than this one, which the service has refused. `before`: a token was already
    /// refused in this call, and this one replaced it.
    pub(crate) fn can_replace(&self, token: &Arc<Token>, before: bool) -> bool {
        if !self.are_renewable() {
            return false;
        }
        if before {
            // A provider is called again by the next status call: that costs nothing, and it may have a new token by then.
            if let Some(Source::Grant(_)) = self.source {
                self.refused_when_new.store(Some(token.clone()));
            }
            return false;
        }
        !self.refused_when_new.load().as_ref().is_some_and(|refused| Arc::ptr_eq(refused, token))
    }

    /// The token to use: not `refused`, and renewed if it is due.
    pub(crate) fn get(
        &self,
        http: &Http,
        lock: &RenewalLock,
        refused: Option<&Token>,
        deadline: Deadline,
    ) -> Result<Arc<Token>, Error> {
        let is_refused = |token: &Token| refused.is_some_and(|refused| std::ptr::eq(refused, token));
        let is_usable = |token: &Arc<Token>| !token.is_due() && !is_refused(token);
        if let Some(token) = self.current.load_full().filter(is_usable) {
            return Ok(token);
        }
        let Some(source) = &self.source else {
            let token = self.current.load_full();
            return token.ok_or_else(|| Error::new(ErrorKind::Internal, "a client without a token"));
        };
        lock.requests.check_caller()?;
        // A token that is due for renewal, but has not expired, is used meanwhile: so no other thread waits, and time
        // remains for the call itself.
        let spare = || self.current.load_full().filter(|token| token.is_alive() && !is_refused(token));
        let (deadline, guard) = match spare() {
            Some(_) => (deadline.half(), lock.try_lock(http.cancellation())),
            None => (deadline, lock.lock(deadline, http.cancellation())),
        };
        let Some(_guard) = guard else {
            return spare().ok_or_else(|| {
                let limit = deadline.limit();
                Error::new(ErrorKind::Timeout, format!("{limit} expired while another thread got an access token"))
            });
        };
        // The previous holder of the lock may have renewed it. Loaded once: what is replaced below is what was found unusable
        // here, and not a token that was set in between.
        let current = self.current.load_full();
        if let Some(token) = current.clone().filter(is_usable) {
            return Ok(token);
        }
        let made = match source {
            Source::Grant(grant) => grant.renew(http, refused, deadline),
            Source::Provider(provider) => {
                let refused = refused.map(|token| &token.secret);
                count(&http.activity.token_requests, 1);
                let provided = lock.requests.ask(provider, refused, deadline, http.cancellation()).map(Token::given);
                provided.inspect(|_| log::info!("access token given by the token provider"))
            }
        };
        match made {
            Ok(token) => {
                let token = Arc::new(token);
                // Do not overwrite a token that zmd_client_set_access_token has set meanwhile.
                self.current.compare_and_swap(&current, Some(token.clone()));
                Ok(token)
            }
            Err(error) => spare().ok_or_else(|| error.clone()).inspect(|_| {
                log::warn!("{error}: the current access token has not expired yet, and is used");
            }),
        }
    }
}

/// Lets one thread of a process at a time renew the token; the others wait for the result. A child of `fork()` creates its
/// own lock.
#[derive(Debug, Default)]
pub(crate) struct RenewalLock {
    is_taken: AtomicBool,
    requests: Requests,
}

/// Holds a [`RenewalLock`] until it is dropped.
pub(crate) struct RenewalGuard<'a> {
    lock: &'a RenewalLock,
    cancel: &'a Cancel,
    _held: Held,
}

impl RenewalLock {
    /// Takes the lock if it is free.
    pub(crate) fn try_lock<'a>(&'a self, cancel: &'a Cancel) -> Option<RenewalGuard<'a>> {
        let was_taken = self.is_taken.swap(true, Ordering::SeqCst);
        (!was_taken).then(|| RenewalGuard { lock: self, cancel, _held: Held::new() })
    }

    /// Waits for the lock; `None` if the deadline or a cancel comes first.
    pub(crate) fn lock<'a>(&'a self, deadline: Deadline, cancel: &'a Cancel) -> Option<RenewalGuard<'a>> {
        let mut guard = None;
        cancel.sleep_until(Some(deadline.end()), || {
            guard = self.try_lock(cancel);
            guard.is_some()
        });
        guard
    }
}

impl Drop for RenewalGuard<'_> {
    fn drop(&mut self) {
        self.lock.is_taken.store(false, Ordering::SeqCst);
        self.cancel.wake();
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::{Duration, SystemTime};

    use zmd_sim::{Fault, Reply, Sim, timed};

    use super::super::token::Life;
    use super::*;
    use crate::config::Config;
    use crate::http::{Network, Proxies};

    /// Tokens of a grant, which the stand-in makes, and what is needed to get them.
    struct Granted {
        tokens: Tokens,
        http: Http,
        lock: RenewalLock,
    }

    impl Granted {
        fn by(sim: &Sim) -> Granted {
            let mut config = Config::new();
            for (key, value) in [
                ("accounts_url", &*sim.url()),
                ("refresh_token", "refresh"),
                ("client_id", "id"),
                ("client_secret", "secret"),
                ("max_retries", "0"),
            ] {
                config.set(key, value).unwrap();
            }
            let grant = Grant::new(&config, &Proxies::new(&config).unwrap()).unwrap().unwrap();
            let tokens = Tokens::new(None, Some(Source::Grant(Box::new(grant))));
            Granted { tokens, http: Http::new(&Network::new(&config).unwrap()), lock: RenewalLock::default() }
        }

        /// From now on there is a token which is due since a second, and expires in so many seconds.
        fn has_due(&self, left: u64) -> Arc<Token> {
            let second = Duration::from_secs(1);
            let life = Life { due: SystemTime::now() - second, end: SystemTime::now() + second * left as u32 };
            let token = Arc::new(Token { life: Some(life), ..Token::given(Secret::new("1000.due")) });
            self.tokens.current.store(Some(token.clone()));
            token
        }

        fn get(&self, limit: Duration) -> Arc<Token> {
            self.tokens.get(&self.http, &self.lock, None, Deadline::after(limit)).unwrap()
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_token_is_renewed_before_it_expires() {
        let sim = Sim::builder().refresh_token("refresh", "id", "secret").start();
        let granted = Granted::by(&sim);
        let due = granted.has_due(3600);
        let made = granted.get(HOUR);
        assert!(!Arc::ptr_eq(&made, &due) && !made.is_due());
        assert!(Arc::ptr_eq(&granted.get(HOUR), &made));
        assert_eq!(sim.token_requests(), 1);
    }

    #[test]
    fn a_token_that_cannot_be_renewed_early_is_used_until_it_expires() {
        let sim = Sim::builder().refresh_token("refresh", "id", "secret").start();
        let granted = Granted::by(&sim);
        let due = granted.has_due(3600);
        sim.next_token(Reply::html(503, "<html>maintenance</html>"));
        assert!(Arc::ptr_eq(&granted.get(HOUR), &due));
        // An accounts server that hangs takes half of the time, so that there is some for the call.
        sim.next_token(Reply::Fault(Fault::StallBeforeHeader));
        let (took, token) = timed(|| granted.get(Duration::from_secs(2)));
        assert!(Arc::ptr_eq(&token, &due));
        assert!(took.at_least(Duration::from_secs(1)) && took.at_most(Duration::from_millis(1900)), "{took:?}");
        // And that of one thread only: the others do not wait for it.
        sim.next_token(Reply::Fault(Fault::StallBeforeHeader));
        std::thread::scope(|scope| {
            let renewing = scope.spawn(|| granted.get(HOUR));
            while sim.token_requests() < 3 {
                std::thread::yield_now();
            }
            assert!(Arc::ptr_eq(&granted.get(HOUR), &due));
            assert!(!renewing.is_finished());
            granted.http.cancel();
            assert!(Arc::ptr_eq(&renewing.join().unwrap(), &due));
        });
        // One that has expired is not used.
        let granted = Granted::by(&sim);
        granted.has_due(0);
        sim.next_token(Reply::html(503, "<html>maintenance</html>"));
        let result = granted.tokens.get(&granted.http, &granted.lock, None, Deadline::after(HOUR));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Server);
    }

    #[test]
    fn the_lock_is_waited_for_until_the_limit_or_a_cancel() {
        let lock = RenewalLock::default();
        let after = |milliseconds| Deadline::after(Duration::from_millis(milliseconds));
        let (cancel, cancelled) = (Cancel::default(), Cancel::default());
        cancelled.cancel();
        let held = lock.lock(after(0), &cancel).unwrap();
        assert!(lock.try_lock(&cancel).is_none() && lock.lock(after(60_000), &cancelled).is_none());
        assert!(lock.lock(after(20), &cancel).is_none());
        drop(held);
        assert!(lock.try_lock(&cancel).is_some());
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::*;
    use crate::config::Config;
    use crate::http::Network;
    use crate::sync::{Condvar, Mutex, check, lock, thread};

    struct Shared {
        tokens: Tokens,
        http: Http,
        lock: RenewalLock,
    }

    impl Shared {
        fn new(network: &Network, provide: impl Fn() -> String + Send + Sync + 'static) -> Arc<Shared> {
            let provider = TokenProvider::new(move |_| Ok(Zeroizing::new(provide())));
            let tokens = Tokens::new(None, Some(Source::Provider(provider)));
            Arc::new(Shared { tokens, http: Http::new(network), lock: RenewalLock::default() })
        }

        fn get(self: &Arc<Shared>, refused: Option<Arc<Token>>) -> thread::JoinHandle<Result<Arc<Token>, Error>> {
            let shared = self.clone();
            thread::spawn(move || {
                let deadline = Deadline::after(Duration::from_secs(3600));
                shared.tokens.get(&shared.http, &shared.lock, refused.as_deref(), deadline)
            })
        }
    }

    #[test]
    fn threads_that_need_a_token_cause_one_request() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let requests = Arc::new(AtomicUsize::new(0));
            let count = requests.clone();
            let shared = Shared::new(&network, move || format!("1000.{}", count.fetch_add(1, Ordering::SeqCst)));
            let first =
                [shared.get(None), shared.get(None), shared.get(None)].map(|thread| thread.join().unwrap().unwrap());
            assert!(first.iter().all(|token| Arc::ptr_eq(token, &first[0])));
            let refused = || Some(first[0].clone());
            let second = [shared.get(refused()), shared.get(refused())].map(|thread| thread.join().unwrap().unwrap());
            assert!(Arc::ptr_eq(&second[0], &second[1]) && second[0].secret.reveal() == "1000.1");
            assert_eq!(requests.load(Ordering::SeqCst), 2);
        });
    }

    #[test]
    fn a_cancel_ends_the_wait_for_a_provider_that_hangs() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let released = Arc::new((Mutex::new(false), Condvar::new()));
            let in_provider = released.clone();
            let shared = Shared::new(&network, move || {
                let (is_released, changed) = &*in_provider;
                let mut guard = lock(is_released);
                while !*guard {
                    guard = changed.wait(guard);
                }
                drop(guard);
                "1000.late".to_owned()
            });
            let waiting = [shared.get(None), shared.get(None)];
            shared.http.cancel();
            assert!(waiting.map(|thread| thread.join().unwrap()).iter().all(Result::is_err));
            *lock(&released.0) = true;
            released.1.notify_all();
        });
    }

    #[test]
    fn a_cancel_while_a_provider_returns_blocks_nothing() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let shared = Shared::new(&network, || "1000.provided".to_owned());
            let waiting = shared.get(None);
            shared.http.cancel();
            let _ = waiting.join().unwrap();
        });
    }

    #[test]
    fn a_token_that_is_set_meanwhile_is_kept() {
        let network = Network::new(&Config::new()).unwrap();
        check(move || {
            let shared = Shared::new(&network, || "1000.provided".to_owned());
            let (thread, setter) = (shared.get(None), shared.clone());
            let set = thread::spawn(move || setter.tokens.set(Secret::new("1000.set")));
            thread.join().unwrap().unwrap();
            set.join().unwrap();
            assert_eq!(shared.tokens.current.load_full().unwrap().secret.reveal(), "1000.set");
        });
    }
}
