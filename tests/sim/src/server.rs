//! The listening socket, and the state that all connections share.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;

use crate::at_accept::AtAccept;
use crate::clock::Clock;
use crate::connection;
use crate::credits::{self, Credits};
use crate::http::{Answer, Request};
use crate::job::Job;
use crate::reply::Reply;
use crate::script::{Ending, Script};
use crate::service;
use crate::tokens::Tokens;

/// How many requests are recorded.
const RECORDED: usize = 10_000;

/// The timeout for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The constant settings.
pub(crate) struct Settings {
    pub clock: Clock,
    pub api_domain: String,
    pub expires_in_milliseconds: bool,
    pub invalid_code_status: u16,
    /// How many status requests may be in flight; further ones are refused.
    pub max_in_flight: usize,
    pub tls: Option<Arc<ServerConfig>>,
}

/// The state that the connections share.
pub(crate) struct Server {
    pub settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct State {
    pub tokens: Tokens,
    /// `None`: there is no limit.
    pub credits: Option<Credits>,
    /// By module and id, each with the time when it was added.
    pub jobs: HashMap<(String, String), (Job, Duration)>,
    /// By module and id: the replies to its status requests, of which the last one stays.
    pub scripts: HashMap<(String, String), VecDeque<Reply>>,
    pub delay: Duration,
    pub next: VecDeque<Reply>,
    pub next_token: VecDeque<Reply>,
    pub at_accept: AtAccept,
    pub close_second_request: bool,
    pub connections: usize,
    pub requests: usize,
    pub token_requests: usize,
    pub in_flight_peak: usize,
    pub refused: usize,
    pub recorded: VecDeque<Request>,
    in_flight: usize,
    open: HashMap<usize, Open>,
    threads: Vec<JoinHandle<()>>,
    stopping: bool,
}

/// A connection, as other threads use it.
struct Open {
    /// A second handle to its socket, for shutting it down.
    tcp: TcpStream,
    phase: Phase,
}

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has sent no request yet, or one is being served.
    Busy,
    /// The last bytes of an answer are being sent, after which it is idle. The peer may have them
    /// already.
    Answering,
    /// It waits between two requests.
    Idle,
}

impl Server {
    pub fn new(settings: Settings, tokens: Tokens, delay: Duration) -> Server {
        Server {
            settings,
            state: Mutex::new(State {
                tokens,
                credits: None,
                jobs: HashMap::new(),
                scripts: HashMap::new(),
                delay,
                next: VecDeque::new(),
                next_token: VecDeque::new(),
                at_accept: AtAccept::Serve,
                close_second_request: false,
                connections: 0,
                requests: 0,
                token_requests: 0,
                in_flight_peak: 0,
                refused: 0,
                recorded: VecDeque::new(),
                in_flight: 0,
                open: HashMap::new(),
                threads: Vec::new(),
                stopping: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// The state stays valid if a thread panics while it holds the lock, and is needed when that
    /// panic drops the Sim.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`; false if it was not within the limit.
    pub fn wait_until(&self, limit: Duration, mut done: impl FnMut(&mut State) -> bool) -> bool {
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner);
        done(&mut state)
    }

    /// Pauses a connection's thread; an error if the Sim is being dropped.
    pub fn pause(&self, time: Duration) -> io::Result<()> {
        if !time.is_zero() && self.wait_until(time, |state| state.stopping) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    /// Makes the kernel drop everything that arrives on the open connections, before TCP sees it.
    #[cfg(not(target_os = "linux"))]
    pub fn lose_connections(&self) {
        unimplemented!("Linux has socket filters");
    }

    /// Makes the kernel drop everything that arrives on the open connections, before TCP sees it.
    #[cfg(target_os = "linux")]
    pub fn lose_connections(&self) {
        // A socket filter that drops every packet: `ret 0`.
        let drop_all = [socket2::SockFilter::new(6, 0, 0, 0)];
        for open in self.state().open.values() {
            SockRef::from(&open.tcp).attach_filter(&drop_all).expect("Linux has socket filters");
        }
    }

    /// Starts a thread that serves a connection.
    fn accept(self: &Arc<Server>, tcp: TcpStream) {
        let mut state = self.state();
        state.connections += 1;
        let id = state.connections;
        let at_accept = state.at_accept;
        // If the process is out of descriptors or threads, the connection is closed.
        let Ok(second_handle) = tcp.try_clone() else {
            return;
        };
        let server = Arc::clone(self);
        let name = format!("zmd-sim-{id}");
        let Ok(thread) =
            thread::Builder::new().name(name).spawn(move || connection::serve(&server, id, tcp, at_accept))
        else {
            return;
        };
        // The thread accesses the state only after this, as the lock is held here.
        state.open.insert(id, Open { tcp: second_handle, phase: Phase::Busy });
        state.threads.retain(|thread| !thread.is_finished());
        state.threads.push(thread);
    }

    pub fn set_phase(&self, id: usize, phase: Phase) {
        if let Some(open) = self.state().open.get_mut(&id) {
            open.phase = phase;
        }
        self.changed.notify_all();
    }

    /// Drops the second handle to a connection, so that its thread has the last one.
    pub fn forget(&self, id: usize) {
        self.state().open.remove(&id);
        self.changed.notify_all();
    }

    /// Counts and records the `nth` request of a connection, and decides on the answer. A `doomed`
    /// connection gets none.
    pub fn respond(self: &Arc<Server>, request: &Request, nth: usize, doomed: bool) -> (Script, InFlight) {
        let mut guard = self.state();
        let state = &mut *guard;
        let for_accounts = service::is_for_accounts(request);
        state.record(request, for_accounts);
        let script = if doomed || (state.close_second_request && nth == 2) {
            Script::new([], Ending::Cut)
        } else {
            self.script(state, request, for_accounts)
        };
        drop(guard);
        self.changed.notify_all();
        let in_flight = InFlight { server: Arc::clone(self), counted: !for_accounts };
        (script, in_flight)
    }

    fn script(&self, state: &mut State, request: &Request, for_accounts: bool) -> Script {
        let queue = match for_accounts {
            true => &mut state.next_token,
            false => &mut state.next,
        };
        let (mut answer, fault) = match queue.pop_front().map(Reply::into_answer) {
            Some(Ok(answer)) => (answer, None),
            None if !for_accounts && state.in_flight > self.settings.max_in_flight => {
                state.refused += 1;
                (Answer::documented("TOO_MANY_REQUESTS"), None)
            }
            queued => {
                let now = self.settings.clock.now();
                let (answer, fault) = match for_accounts {
                    true => (service::accounts(state, &self.settings, now, request), None),
                    false => service::crm(state, now, request),
                };
                (answer, queued.and_then(Result::err).or(fault))
            }
        };
        let now = self.settings.clock.now();
        if let Some(told) = state.credits.as_mut().filter(|_| !for_accounts).and_then(|credits| credits.told(now))
            && !answer.headers.iter().any(|(name, _)| name == credits::HEADER)
        {
            answer.headers.push((credits::HEADER.into(), told.to_string()));
        }
        if request.method == "HEAD" {
            answer.body.clear();
        }
        if request.closes {
            answer.headers.push(("Connection".into(), "close".into()));
        }
        let mut script = match fault {
            None => answer.script(),
            Some(fault) => fault.script(&answer),
        };
        if answer.closes() && script.keeps_alive() {
            script.ending = Ending::Close;
        }
        script
    }

    /// Shuts down the idle connections, and waits until their threads have ended them.
    pub fn close_idle(&self) {
        // A peer that has its answer considers the connection idle, even if the thread here has not
        // recorded that yet.
        let answering = |state: &mut State| state.open.values().any(|open| open.phase == Phase::Answering);
        let (state, _) =
            self.changed.wait_timeout_while(self.state(), PATIENCE, answering).unwrap_or_else(PoisonError::into_inner);
        let idle = state.open.iter().filter(|(_, open)| open.phase == Phase::Idle);
        let idle: Vec<usize> = idle
            .map(|(id, open)| {
                // It fails if the peer has closed the connection first.
                let _ = open.tcp.shutdown(Shutdown::Both);
                *id
            })
            .collect();
        drop(state);
        let closed = self.wait_until(PATIENCE, |state| idle.iter().all(|id| !state.open.contains_key(id)));
        assert!(closed, "an idle connection did not close");
    }

    /// Ends every connection and waits for the threads. None may be accepted any more.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for open in state.open.values() {
            let _ = open.tcp.shutdown(Shutdown::Both);
        }
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.changed.notify_all();
        for thread in threads {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}

impl State {
    fn record(&mut self, request: &Request, for_accounts: bool) {
        if for_accounts {
            self.token_requests += 1;
        } else {
            self.requests += 1;
            self.in_flight += 1;
            self.in_flight_peak = self.in_flight_peak.max(self.in_flight);
        }
        if self.recorded.len() == RECORDED {
            self.recorded.pop_front();
        }
        self.recorded.push_back(request.clone());
    }
}

/// Counts a request as in flight until it is dropped.
pub(crate) struct InFlight {
    server: Arc<Server>,
    counted: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.counted {
            self.server.state().in_flight -= 1;
        }
    }
}

/// The listening socket and the thread that accepts from it.
pub(crate) struct Listener {
    address: SocketAddr,
    socket: Arc<TcpListener>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Listener {
    pub fn start(socket: TcpListener, server: &Arc<Server>) -> io::Result<Listener> {
        let address = socket.local_addr()?;
        let socket = Arc::new(socket);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (socket, stop, server) = (Arc::clone(&socket), Arc::clone(&stop), Arc::clone(server));
            let name = "zmd-sim-accept".to_owned();
            thread::Builder::new().name(name).spawn(move || {
                loop {
                    let accepted = socket.accept();
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    match accepted {
                        Ok((tcp, _)) => server.accept(tcp),
                        // Most likely out of descriptors: retry when connections have ended.
                        Err(_) => thread::sleep(Duration::from_millis(10)),
                    }
                }
            })?
        };
        Ok(Listener { address, socket, stop, thread })
    }

    /// Stops listening. Connections that were not accepted yet are reset.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        // On Linux this stops listening, even if a forked child still has the socket, and wakes the
        // thread.
        let _ = SockRef::from(&*self.socket).shutdown(Shutdown::Both);
        // On other systems a connection wakes it.
        while !self.thread.is_finished() {
            let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(100));
            thread::sleep(Duration::from_millis(1));
        }
        // A panic in it has been printed.
        let _ = self.thread.join();
    }
}
