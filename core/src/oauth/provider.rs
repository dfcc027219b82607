//! Calls of the host program's token provider: on a separate thread, one at a time, within the call's deadline.

use std::cell::Cell;
use std::sync::Arc;

use crate::cancel::Cancel;
use crate::error::cancelled;
use crate::error::{Error, ErrorKind};
use crate::panic;
use crate::retry::Deadline;
use crate::secret::{Secret, parse_token, placeholder, token_rule};
use crate::sync::lock;
use crate::sync::{Mutex, holds_nothing, process_id, thread_local};
use crate::thread::{Thread, quiet_thread};
use crate::token_provider::TokenProvider;

thread_local! {
    /// The address of the `Requests` that this thread runs a provider for.
    static PROVIDING_FOR: Cell<usize> = const { Cell::new(0) };
}

/// The call of the provider in progress, if there is one. It belongs to one process, and to a client and its clones.
///
/// The provider runs on a separate thread: it may hang, and a status call must return on time. A later status call waits
/// for the result of the same provider call.
#[derive(Debug, Default)]
pub(super) struct Requests {
    current: Mutex<Option<Request>>,
}

#[derive(Debug)]
struct Request {
    result: Arc<CallResult>,
    thread: Thread<()>,
    process: u64,
}

/// The result of a call, once it is there.
type CallResult = Mutex<Option<Result<Secret, Error>>>;

impl Requests {
    /// Fails on the provider's own thread: it would wait for itself.
    pub(super) fn check_caller(&self) -> Result<(), Error> {
        if PROVIDING_FOR.with(Cell::get) == std::ptr::from_ref(self).addr() {
            let message = "the token provider asked the client that needs its token: let it use another client";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(())
    }

    /// The provider's next token. Only one thread at a time may call this.
    pub(super) fn ask(
        &self,
        provider: &TokenProvider,
        refused: Option<&Secret>,
        deadline: Deadline,
        cancel: &Cancel,
    ) -> Result<Secret, Error> {
        let result = self.join_or_begin(provider, refused, cancel)?;
        cancel.sleep_until(Some(deadline.end()), || lock(&result).is_some());
        let Some(received) = lock(&result).take() else {
            if cancel.is_cancelled() {
                return Err(cancelled());
            }
            let message = format!("{} expired while waiting for the token provider", deadline.limit());
            return Err(Error::new(ErrorKind::Timeout, message));
        };
        let request = lock(&self.current).take();
        // The thread has finished: join it, so that no thread outlives the call.
        let _ = request.map(|request| request.thread.join());
        let token = received?;
        if Some(&token) == refused {
            let message = "the token provider returned the access token that the service has just refused";
            return Err(Error::new(ErrorKind::Oauth, message));
        }
        Ok(token)
    }

    fn join_or_begin(
        &self,
        provider: &TokenProvider,
        refused: Option<&Secret>,
        cancel: &Cancel,
    ) -> Result<Arc<CallResult>, Error> {
        let mut current = lock(&self.current);
        if let Some(request) = &*current {
            return Ok(request.result.clone());
        }
        let result = Arc::new(CallResult::default());
        let (provider, refused) = (provider.clone(), refused.cloned());
        let (on_thread, sleepers) = (result.clone(), cancel.sleepers().clone());
        let place = std::ptr::from_ref(self).addr();
        let work = move || {
            PROVIDING_FOR.with(|providing| providing.set(place));
            let token = token_of(&provider, refused.as_ref());
            *lock(&on_thread) = Some(token);
            sleepers.wake();
        };
        let thread = quiet_thread(|builder| builder.spawn(work)).map_err(|error| {
            let message = format!("there is no thread for the token provider ({error}): try again later");
            Error::new(ErrorKind::Network, message)
        })?;
        *current = Some(Request { result: result.clone(), thread, process: process_id() });
        Ok(result)
    }
}

/// Freeing the last client waits for a running provider: the host may free its user data after that.
impl Drop for Requests {
    fn drop(&mut self) {
        let request = self.current.get_mut().take();
        // A child of fork() has none of the parent's threads.
        if let Some(request) = request.filter(|request| request.process == process_id()) {
            let _ = request.thread.join();
        }
    }
}

fn token_of(provider: &TokenProvider, refused: Option<&Secret>) -> Result<Secret, Error> {
    let failed = |why: &str| {
        let why = refused.map_or_else(|| why.to_owned(), |refused| why.replace(refused.reveal(), "***"));
        Error::new(ErrorKind::Oauth, format!("the token provider returned no access token: {why}"))
    };
    debug_assert!(holds_nothing(), "a callback is called");
    let given = panic::catch(|| Ok(provider.provide(refused.map(Secret::reveal))))
        .map_err(|bug| failed(bug.message()))?
        .map_err(|message| failed(if message.trim().is_empty() { "it did not say why" } else { &message }))?;
    if let Some(why) = placeholder(&given) {
        return Err(failed(why));
    }
    parse_token(&given).ok_or_else(|| failed(&format!("its result is not {}", token_rule())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;
    use zeroize::Zeroizing;

    #[test]
    fn a_cancel_while_the_provider_returns_blocks_nothing() {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let (requests, cancel, is_over) = (Requests::default(), Cancel::default(), AtomicBool::new(false));
            let provider = TokenProvider::new(|_| Ok(Zeroizing::new("1000.token".to_owned())));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        cancel.wake();
                    }
                });
                for _ in 0..500 {
                    let deadline = Deadline::after(Duration::from_secs(60));
                    assert_eq!(requests.ask(&provider, None, deadline, &cancel).unwrap().reveal(), "1000.token");
                }
                is_over.store(true, Ordering::Relaxed);
            });
            sender.send(()).unwrap();
        });
        receiver.recv_timeout(Duration::from_secs(60)).expect("no deadlock");
    }
}
