//! Name lookups: one at a time for a host, and its addresses, which are used for a minute.
//!
//! The system's resolver blocks and cannot be interrupted, so it runs on its own thread. One lookup a minute
//! serves all callers, whatever their number.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};

use super::cause::{Cause, LookupError};
use crate::cancel::{Cancel, Sleepers};
use crate::sync::lock;
use crate::sync::{ArcSwap, Mutex};
#[cfg(test)]
use crate::sync::{AtomicBool, Ordering};
use crate::thread::{Thread, quiet_thread};

/// How long an address is used without asking again.
const ADDRESS_LIFETIME: Duration = Duration::from_secs(60);

/// The addresses that a client and its clones found, in every process.
///
/// A child of `fork()` begins with them: in the C library its lookup may wait for ever, for a lock that another thread of
/// the parent held at that moment. Stored without a lock for the same reason.
#[derive(Debug, Default)]
pub(super) struct AddressCache(ArcSwap<HashMap<(String, u16), CachedAddresses>>);

#[derive(Clone, Debug)]
struct CachedAddresses {
    begun: Instant,
    addresses: Vec<SocketAddr>,
}

impl AddressCache {
    fn add(&self, host: &str, port: u16, found: &CachedAddresses) {
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert((host.to_owned(), port), found.clone());
            known
        });
    }

    fn forget(&self) {
        self.0.store(Arc::default());
    }
}

/// The addresses of the hosts in use, and the lookups in progress.
#[derive(Debug)]
pub(crate) struct Resolver {
    hosts: Mutex<HashMap<(String, u16), Arc<Lookup>>>,
    known: Arc<AddressCache>,
    cancel: Arc<Cancel>,
    /// Makes every lookup fail, as if the name server were down.
    #[cfg(test)]
    pub(super) broken: AtomicBool,
}

#[derive(Debug)]
struct Lookup {
    begun: Instant,
    found: Mutex<Option<Result<Vec<SocketAddr>, LookupError>>>,
}

/// A host of a URL, where an IPv6 address is in brackets, as a name or an address without brackets.
pub(super) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

impl Resolver {
    pub(super) fn new(cancel: Arc<Cancel>, known: Arc<AddressCache>) -> Resolver {
        let lookup_of = |CachedAddresses { begun, addresses }: &CachedAddresses| {
            let found = Mutex::new(Some(Ok(addresses.clone())));
            Arc::new(Lookup { begun: *begun, found })
        };
        let hosts = known.0.load().iter().map(|(key, found)| (key.clone(), lookup_of(found))).collect();
        Resolver {
            hosts: Mutex::new(hosts),
            known,
            cancel,
            #[cfg(test)]
            broken: AtomicBool::new(false),
        }
    }

    /// Makes these the addresses of a host, as if the name servers had said so.
    #[cfg(test)]
    pub(super) fn set(&self, host: &str, port: u16, addresses: Vec<SocketAddr>) {
        let lookup = Lookup { begun: Instant::now(), found: Mutex::new(Some(Ok(addresses))) };
        lock(&self.hosts).insert((host.to_owned(), port), Arc::new(lookup));
    }

    /// Forgets what was found: perhaps the server has moved.
    pub(crate) fn forget(&self) {
        self.known.forget();
        lock(&self.hosts).retain(|_, lookup| lock(&lookup.found).is_none());
    }

    /// The addresses of a host, which may be an address itself; at least one.
    pub(crate) fn look_up(&self, host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, Cause> {
        let host = without_brackets(host);
        if let Ok(address) = host.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        #[cfg(test)]
        if self.broken.load(Ordering::SeqCst) {
            return Err(Cause::Lookup(LookupError::failed("the name server is down")));
        }
        let (lookup, thread) = self.join_or_begin(host, port);
        self.cancel.sleep_until(Some(until), || lock(&lookup.found).is_some());
        let Some(result) = lock(&lookup.found).clone() else {
            return Err(if self.cancel.is_cancelled() { Cause::Cancelled } else { Cause::TimedOut });
        };
        let has_begun = thread.is_some();
        // It has nothing left to do: wait for it, so that no thread outlives the call.
        let _ = thread.map(|thread| thread.join());
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                if has_begun {
                    self.known.add(host, port, &CachedAddresses { begun: lookup.begun, addresses: addresses.clone() });
                }
                Ok(addresses)
            }
            result => {
                lock(&self.hosts).retain(|_, known| !Arc::ptr_eq(known, &lookup));
                Err(Cause::Lookup(result.err().unwrap_or_else(LookupError::without_address)))
            }
        }
    }

    fn join_or_begin(&self, host: &str, port: u16) -> (Arc<Lookup>, Option<Thread<()>>) {
        let key = (host.to_owned(), port);
        let mut hosts = lock(&self.hosts);
        if let Some(lookup) = hosts.get(&key) {
            let under_way = lock(&lookup.found).is_none();
            if under_way || lookup.begun.elapsed() < ADDRESS_LIFETIME {
                return (lookup.clone(), None);
            }
        }
        let lookup = Arc::new(Lookup { begun: Instant::now(), found: Mutex::new(None) });
        hosts.insert(key.clone(), lookup.clone());
        drop(hosts);
        let (for_thread, sleepers) = (lookup.clone(), self.cancel.sleepers().clone());
        let thread = quiet_thread(|builder| builder.spawn(move || for_thread.run(&key.0, key.1, &sleepers)));
        if let Err(error) = &thread {
            *lock(&lookup.found) = Some(Err(LookupError::failed(format!("no thread can be started for it: {error}"))));
        }
        (lookup, thread.ok())
    }
}

impl Lookup {
    fn run(&self, host: &str, port: u16, sleepers: &Sleepers) {
        let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
        let found = dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map_err(|error| LookupError {
            is_unknown: matches!(error.kind(), LookupErrorKind::NoName | LookupErrorKind::NoData),
            why: std::io::Error::from(error).to_string(),
        });
        let found = found.map(|found| {
            let addresses = found.flatten().map(|found| SocketAddr::new(found.sockaddr.ip(), port));
            addresses.collect()
        });
        *lock(&self.found) = Some(found);
        sleepers.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_once_and_at_least_one() {
        let resolver = Resolver::new(Arc::default(), Arc::default());
        let soon = Instant::now() + Duration::from_secs(10);
        let found = resolver.look_up("localhost", 7, soon).unwrap();
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), found[0].port()), (found.len(), 7));
        // A name without an address, as far as the system tells.
        let nothing = Lookup { begun: Instant::now(), found: Mutex::new(Some(Ok(Vec::new()))) };
        lock(&resolver.hosts).insert(("none.test".to_owned(), 7), Arc::new(nothing));
        assert!(matches!(resolver.look_up("none.test", 7, soon), Err(Cause::Lookup(_))));
        assert!(!lock(&resolver.hosts).contains_key(&("none.test".to_owned(), 7)), "the next call looks it up again");
        let hangs = Lookup { begun: Instant::now(), found: Mutex::new(None) };
        lock(&resolver.hosts).insert(("slow.test".to_owned(), 7), Arc::new(hangs));
        let passed = resolver.look_up("slow.test", 7, Instant::now() + Duration::from_millis(20));
        assert!(matches!(passed, Err(Cause::TimedOut)), "{passed:?}");
    }

    #[test]
    fn another_process_and_a_clone_begin_with_what_is_known() {
        let known = Arc::new(AddressCache::default());
        let soon = || Instant::now() + Duration::from_secs(10);
        let found = Resolver::new(Arc::default(), known.clone()).look_up("localhost", 1, soon()).unwrap();
        let other = Resolver::new(Arc::default(), known.clone());
        assert_eq!(lock(&other.hosts).len(), 1);
        let (lookup, thread) = other.join_or_begin("localhost", 1);
        assert!(thread.is_none() && lock(&lookup.found).as_ref().unwrap().as_ref().unwrap() == &found);
        other.forget();
        assert!(lock(&Resolver::new(Arc::default(), known).hosts).is_empty());
    }
}

#[cfg(all(test, shuttle))]
mod model {
    use super::*;
    use crate::sync::{check, thread};

    fn look_up(resolver: &Arc<Resolver>) -> thread::JoinHandle<Result<Vec<SocketAddr>, Cause>> {
        let resolver = resolver.clone();
        thread::spawn(move || resolver.look_up("localhost", 1, Instant::now() + Duration::from_secs(3600)))
    }

    #[test]
    fn callers_share_a_look_up() {
        check(|| {
            let resolver = Arc::new(Resolver::new(Arc::default(), Arc::default()));
            let callers = [look_up(&resolver), look_up(&resolver)];
            resolver.forget();
            let found = callers.map(|caller| caller.join().unwrap().unwrap());
            assert!(!found[0].is_empty() && found[0] == found[1]);
        });
    }

    #[test]
    fn a_cancel_ends_the_wait_for_a_look_up() {
        check(|| {
            let cancel = Arc::new(Cancel::default());
            let resolver = Arc::new(Resolver::new(cancel.clone(), Arc::default()));
            // A look-up that never ends.
            let hangs = Lookup { begun: Instant::now(), found: Mutex::new(None) };
            lock(&resolver.hosts).insert(("localhost".to_owned(), 1), Arc::new(hangs));
            let callers = [look_up(&resolver), look_up(&resolver)];
            cancel.cancel();
            assert!(
                callers
                    .map(|caller| caller.join().unwrap())
                    .iter()
                    .all(|result| matches!(result, Err(Cause::Cancelled)))
            );
        });
    }
}
