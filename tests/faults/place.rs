//! The server with the fault: how each is made.

use std::any::Any;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, SanType};
use zmd_sim::{AtAccept, Builder, Fault, Reply, Sim, Unanswered};

use crate::cell::{Operation, STALE};
use crate::wire::{ADDRESS, Wire};
use common::authority::{Authority, Pair, params};
use common::nginx::{Directory, Nginx, unique};
use common::squid::Squid;
use common::{Daemon, REFRESH, free_port, scratch, with_job};

pub const GRANT: [(&str, &str); 3] =
    [("refresh_token", REFRESH[0]), ("client_id", REFRESH[1]), ("client_secret", REFRESH[2])];

/// More than one call makes, also a wait for three jobs that are polled until `SHORT`.
const MANY: usize = 120;

type Hook = Box<dyn Fn(&Place, Operation) + Send + Sync>;

/// A server of the API and of the accounts, with a fault. Both paths lead to the same stand-in.
pub struct Place {
    pub url: String,
    pub settings: Vec<(&'static str, String)>,
    /// The job to ask for.
    pub job: String,
    /// The stand-in, wherever it stands.
    pub sim: Arc<Sim>,
    /// The other server: of the API for a renewal, or of the API where the fault is of the accounts server alone.
    pub home: Arc<Sim>,
    /// The fault is one of the accounts server alone.
    pub is_by_accounts: bool,
    /// The call has a connection already.
    pub is_warm: bool,
    /// A name look-up keeps its thread for so long.
    pub lookup: Duration,
    /// Puts a command in front of the host program.
    pub in_front: Vec<String>,
    /// Before each round.
    reset: Option<Hook>,
    /// Just before the call.
    arm: Option<Hook>,
    /// While the call is under way, on a thread of its own.
    during: Option<Hook>,
    attempts: Box<dyn Fn(&Place) -> usize + Send + Sync>,
    _keep: Vec<Box<dyn Any + Send + Sync>>,
}

impl Place {
    /// The stand-in alone, in good health.
    pub fn healthy() -> Place {
        Place::with(|builder| builder)
    }

    pub fn tls() -> Place {
        Place::with(Builder::tls)
    }

    fn with(change: impl FnOnce(Builder) -> Builder) -> Place {
        let [refresh_token, client_id, client_secret] = REFRESH;
        let builder = Sim::builder().refresh_token(refresh_token, client_id, client_secret);
        let home = with_job(Sim::start());
        home.accept_any_token();
        home.revoke_token(STALE);
        let sim = with_job(change(builder.api_domain(home.url())).start());
        let url = sim.url();
        let settings = match url.starts_with("https") {
            true => vec![("ca_file", sim.ca_file().to_str().unwrap().to_owned())],
            false => Vec::new(),
        };
        Place {
            url,
            settings,
            job: "1001".to_owned(),
            sim: sim.into(),
            home: home.into(),
            is_by_accounts: false,
            is_warm: false,
            lookup: Duration::ZERO,
            in_front: Vec::new(),
            reset: None,
            arm: None,
            during: None,
            attempts: Box::new(|place| place.sim.requests() + place.sim.token_requests()),
            _keep: Vec::new(),
        }
    }

    pub fn set(mut self, key: &'static str, value: impl Into<String>) -> Place {
        self.settings.retain(|(set, _)| *set != key);
        self.settings.push((key, value.into()));
        self
    }

    /// The same server by another URL.
    pub fn at(self, url: impl Into<String>) -> Place {
        Place { url: url.into(), ..self }
    }

    /// The same port, by another scheme and host.
    pub fn by(self, scheme_and_host: &str) -> Place {
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        self.at(format!("{scheme_and_host}:{port}"))
    }

    /// The same proxy, as one of this kind.
    pub fn with_proxy_as(self, scheme: &str) -> Place {
        let (_, proxy) = self.settings.iter().find(|(key, _)| *key == "proxy").expect("a proxy");
        let proxy = format!("{scheme}://{}", proxy.split_once("://").unwrap().1);
        self.set("proxy", proxy)
    }

    fn keep(mut self, thing: impl Any + Send + Sync) -> Place {
        self._keep.push(Box::new(thing));
        self
    }

    fn arm(mut self, hook: impl Fn(&Place, Operation) + Send + Sync + 'static) -> Place {
        self.arm = Some(Box::new(hook));
        self
    }

    fn during(mut self, hook: impl Fn(&Place, Operation) + Send + Sync + 'static) -> Place {
        self.during = Some(Box::new(hook));
        self
    }

    fn reset(mut self, hook: impl Fn(&Place, Operation) + Send + Sync + 'static) -> Place {
        self.reset = Some(Box::new(hook));
        self
    }

    fn warm(mut self) -> Place {
        self.is_warm = true;
        self
    }

    fn count(mut self, attempts: impl Fn(&Place) -> usize + Send + Sync + 'static) -> Place {
        self.attempts = Box::new(attempts);
        self
    }

    pub fn before_round(&self, operation: Operation) {
        self.reset.iter().for_each(|hook| hook(self, operation));
    }

    pub fn before_call(&self, operation: Operation) {
        if self.is_warm && operation == Operation::Renewal {
            // The token is good no longer: the call gets another.
            let last = self.home.last_request().expect("the call before the fault");
            let token = last.header("Authorization").unwrap().trim_start_matches("Zoho-oauthtoken ").to_owned();
            self.home.revoke_token(&token);
        }
        self.arm.iter().for_each(|hook| hook(self, operation));
    }

    pub fn during_call(&self, operation: Operation) {
        self.during.iter().for_each(|hook| hook(self, operation));
    }

    /// How often it was asked, or connected to.
    pub fn attempts(&self) -> usize {
        (self.attempts)(self)
    }

    /// Whether the third job of a call for many, which is a good one, is answered well.
    pub fn spares_a_good_job(&self) -> bool {
        self.job != "1001"
    }
}

fn reply(name: &'static str) -> Reply {
    match name.split_once('-') {
        Some(("fault", fault)) => Reply::Fault(Fault::from_name(fault).expect(name)),
        Some(("error", error)) => Reply::Error(error),
        _ => panic!("{name}"),
    }
}

fn queue(place: &Place, operation: Operation, reply: Reply, count: usize) {
    (0..count).for_each(|_| match operation {
        Operation::Renewal => place.sim.next_token(reply.clone()),
        _ => place.sim.next(reply.clone()),
    });
}

/// The stand-in's job of this name, which has a fault for ever; and the same for a token.
pub fn job(name: &'static str) -> Place {
    behind(name, Place::healthy())
}

/// The same over TLS.
pub fn job_over_tls(name: &'static str) -> Place {
    behind(name, Place::tls())
}

fn behind(name: &'static str, mut place: Place) -> Place {
    place.job = name.to_owned();
    place.arm(move |place, operation| {
        if operation == Operation::Renewal {
            queue(place, operation, reply(name), MANY);
        }
    })
}

/// The fault comes first; what follows is good.
pub fn first(name: &'static str) -> Place {
    Place::healthy().arm(move |place, operation| queue(place, operation, reply(name), 1))
}

/// Every answer is this one.
pub fn every(status: u16, body: &'static str) -> Place {
    headed(status, body, &[])
}

/// The same with more lines in its header.
pub fn headed(status: u16, body: &'static str, headers: &'static [(&str, &str)]) -> Place {
    let answer = Reply::json(status, body);
    let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
    Place::healthy().arm(move |place, operation| queue(place, operation, answer.clone(), MANY))
}

/// The first answer is this one.
pub fn first_headed(status: u16, headers: &'static [(&str, &str)]) -> Place {
    let answer = headers.iter().fold(Reply::json(status, "{}"), |answer, (name, value)| answer.header(name, value));
    Place::healthy().arm(move |place, operation| queue(place, operation, answer.clone(), 1))
}

/// The accounts server answers so, whoever needs a token.
pub fn accounts(status: u16, body: &'static str) -> Place {
    let mut place = Place::healthy();
    place.is_by_accounts = true;
    place.arm(move |place, _| queue(place, Operation::Renewal, Reply::json(status, body), MANY))
}

/// A connection fares so when it is accepted.
pub fn accept(name: &'static str, place: Place) -> Place {
    let at_accept = AtAccept::from_name(name).expect(name);
    place.arm(move |place, _| place.sim.at_accept(at_accept)).count(|place| place.sim.connections())
}

/// The first connection fares so; the next are served.
pub fn accept_first(name: &'static str, place: Place) -> Place {
    let at_accept = AtAccept::from_name(name).expect(name);
    let before = Arc::new(AtomicUsize::new(0));
    let first = before.clone();
    let failed = Arc::new(AtomicUsize::new(0));
    let seen = failed.clone();
    place
        .arm(move |place, _| {
            first.store(place.sim.connections(), Ordering::SeqCst);
            place.sim.at_accept(at_accept);
        })
        .during(move |place, _| {
            until(|| place.sim.connections() > before.load(Ordering::SeqCst));
            place.sim.at_accept(AtAccept::Serve);
            seen.fetch_add(1, Ordering::SeqCst);
        })
        .count(move |place| place.sim.requests() + place.sim.token_requests() + failed.load(Ordering::SeqCst))
}

/// A call on a connection that has served before; `act` happens between the two.
pub fn pooled(place: Place, act: impl Fn(&Sim) + Send + Sync + 'static) -> Place {
    place.warm().arm(move |place, _| act(&place.sim))
}

/// Something happens when the request has arrived, half a second before its answer.
pub fn meanwhile(act: impl Fn(&Place) + Send + Sync + 'static) -> Place {
    let asked = |place: &Place| place.sim.requests() + place.sim.token_requests();
    let before = Arc::new(AtomicUsize::new(0));
    let first = before.clone();
    Place::with(|builder| builder.delay(Duration::from_millis(500)))
        .arm(move |place, _| first.store(asked(place), Ordering::SeqCst))
        .during(move |place, _| {
            until(|| asked(place) > before.load(Ordering::SeqCst));
            act(place);
        })
}

/// Waits for a condition, a few seconds at the most: a fault that did not come is seen by what the call returns.
fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() && begin.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// An address without a listener.
pub fn without_listener(url: impl Into<String>) -> Place {
    Place { url: url.into(), ..Place::healthy() }
}

pub fn closed_port() -> Place {
    without_listener(format!("http://127.0.0.1:{}", free_port()))
}

/// A listener that does not accept, with a full backlog.
pub fn unanswered() -> Place {
    let listener = Unanswered::new("127.0.0.1:0");
    let place = without_listener(listener.url());
    place.keep(Mutex::new(Box::new(listener) as Box<dyn Any + Send>))
}

/// The server goes away, and comes back a moment later.
pub fn restarts() -> Place {
    pooled(Place::healthy(), |sim| {
        sim.stop_listening();
        sim.close_idle();
    })
    .during(|place, _| {
        thread::sleep(Duration::from_millis(100));
        place.sim.listen_again();
    })
    .set("max_retries", "20")
    // Connections that are refused are not counted.
    .count(|_| 0)
}

/// A certificate for the server, and what in it is wrong.
pub fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Place {
    let authority = Authority::new("company");
    let pair = authority.issue(change);
    nginx(Place::healthy(), "127.0.0.1", Some((&pair, &authority)), PROXY_PASS)
}

pub fn renamed(names: &[&str]) -> Place {
    certificate(|of| *of = params("server", names))
}

/// An authority that no setting names.
pub fn unknown_authority() -> Place {
    let place = certificate(|_| {});
    let directory = scratch(&unique("other"));
    let file = directory.join("other.pem");
    fs::write(&file, Authority::new("other").pair.cert).unwrap();
    place.set("ca_file", file.to_str().unwrap()).keep(Directory(directory))
}

/// The server shows its own certificate, and not that of the authority between.
pub fn missing_link() -> Place {
    let root = Authority::new("root");
    let between = root.intermediate("between");
    let pair = between.issue(|_| {});
    nginx(Place::healthy(), "127.0.0.1", Some((&pair, &root)), PROXY_PASS)
}

const PROXY_PASS: &str = "location / { proxy_pass URL; proxy_http_version 1.1; proxy_set_header Connection ''; }";

/// A real nginx with TLS in front of the stand-in, and what else is in its `server` block.
pub fn front(conf: &str) -> Place {
    let authority = Authority::new("company");
    nginx(Place::healthy(), "127.0.0.1", Some((&authority.issue(|_| {}), &authority)), &format!("{PROXY_PASS} {conf}"))
}

/// A real nginx without TLS, with this in its `server` block.
pub fn gateway(conf: &str) -> Place {
    nginx(Place::healthy(), "127.0.0.1", None, conf)
}

/// A gateway in front of a stand-in with a fault.
pub fn gateway_of(behind: Place) -> Place {
    nginx(behind, "127.0.0.1", None, &format!("proxy_read_timeout 200ms; {PROXY_PASS}"))
}

/// nginx is killed while the answer is under way, and started again before the next round.
pub fn killed_gateway(signal: i32) -> Place {
    let place = meanwhile(|_| {});
    let nginx = Nginx::new(&place.sim.url(), "127.0.0.1", None, PROXY_PASS);
    let url = nginx.url("127.0.0.1");
    let nginx = Arc::new(Mutex::new(nginx));
    let again = nginx.clone();
    let before = Arc::new(AtomicUsize::new(0));
    let first = before.clone();
    let asked = |place: &Place| place.sim.requests() + place.sim.token_requests();
    Place { url, ..place }
        .reset(move |_, _| again.lock().unwrap().start_again())
        .arm(move |place, _| first.store(asked(place), Ordering::SeqCst))
        .during(move |place, _| {
            until(|| asked(place) > before.load(Ordering::SeqCst));
            nginx.lock().unwrap().daemon().signal(signal);
        })
}

fn nginx(place: Place, address: &str, tls: Option<(&Pair, &Authority)>, conf: &str) -> Place {
    let nginx = Nginx::new(&place.sim.url(), address, tls, conf);
    let host = match (address, &tls) {
        ("127.0.0.1", Some(_)) => "localhost",
        ("127.0.0.1", None) => address,
        _ => ADDRESS,
    };
    let url = nginx.url(host);
    let ca_file = nginx.directory().join("ca.pem");
    let place = Place { url, ..place };
    let place = match tls {
        Some(_) => place.set("ca_file", ca_file.to_str().unwrap()),
        None => place,
    };
    place.keep(nginx)
}

/// A Squid with these rules of access, which the settings name with these credentials.
pub fn squid(login: &str, access: &str) -> Place {
    let squid = Squid::with(&unique("squid"), access);
    through(format!("http://{login}127.0.0.1:{}", squid.port)).keep(squid)
}

pub const OPEN: &str = "http_access allow all";

pub fn squid_with_password(login: &str) -> Place {
    let squid = Squid::start(&unique("squid"), true);
    through(format!("http://{login}127.0.0.1:{}", squid.port)).keep(squid)
}

pub fn closed_https() -> String {
    format!("https://localhost:{}", free_port())
}

/// A Squid that is stopped, or killed, while the answer is under way.
pub fn squid_dies(signal: i32) -> Place {
    let squid = Arc::new(Mutex::new(Squid::with(&unique("squid"), OPEN)));
    let proxy = format!("http://127.0.0.1:{}", squid.lock().unwrap().port);
    let at = squid.clone();
    let asked = |place: &Place| place.sim.requests() + place.sim.token_requests();
    let before = Arc::new(AtomicUsize::new(0));
    let first = before.clone();
    Place::with(|builder| builder.tls().delay(Duration::from_millis(500)))
        .set("proxy", proxy)
        .arm(move |place, _| first.store(asked(place), Ordering::SeqCst))
        .reset(move |_, _| squid.lock().unwrap().start_again())
        .during(move |place, _| {
            until(|| asked(place) > before.load(Ordering::SeqCst));
            at.lock().unwrap().daemon().signal(signal);
        })
}

/// A Squid that does not run at all, but is there.
pub fn squid_stopped() -> Place {
    let squid = Squid::with(&unique("squid"), OPEN);
    squid.daemon().signal(libc::SIGSTOP);
    through(format!("http://127.0.0.1:{}", squid.port)).keep(squid)
}

/// A microsocks, which the settings name as this scheme and with these credentials.
pub fn microsocks(scheme: &str, login: &str, more: &[&str]) -> Place {
    let port = free_port();
    let daemon =
        Daemon::start(Command::new("microsocks").args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(more), port);
    through(format!("{scheme}://{login}127.0.0.1:{port}")).keep(daemon)
}

/// The stand-in with TLS, through a proxy.
pub fn through(proxy: String) -> Place {
    Place::tls().set("proxy", proxy)
}

/// A proxy that answers so.
pub fn proxy(scheme: &'static str, answer: &'static [u8], then: Then) -> Place {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("{scheme}://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let _ = stream.read(&mut [0; 1024]);
                if stream.write_all(answer).is_err() {
                    return;
                }
                match then {
                    Then::Close => {}
                    Then::Stall => {
                        let _ = std::io::copy(&mut stream, &mut std::io::sink());
                    }
                    Then::Repeat => while stream.write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").is_ok() {},
                    Then::Drip => {
                        while stream.write_all(b"a").is_ok() {
                            thread::sleep(Duration::from_millis(50));
                        }
                    }
                }
            });
        }
    });
    through(proxy)
}

/// What such a proxy does after its answer.
#[derive(Clone, Copy)]
pub enum Then {
    Close,
    Stall,
    Repeat,
    Drip,
}

/// A name server that answers so, in a network namespace.
pub fn dns(answer: Dns) -> Place {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            if let Some(reply) = answer.to(&query[..length]) {
                let _ = socket.send_to(&reply, from);
            }
        }
    });
    resolving(matches!(answer, Dns::Silence | Dns::Garbage))
}

/// Nobody listens where the name server should be.
pub fn no_dns() -> Place {
    resolving(false)
}

fn resolving(is_slow: bool) -> Place {
    let directory = scratch(&unique("dns"));
    fs::write(directory.join("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    fs::write(directory.join("nsswitch.conf"), "hosts: files dns\n").unwrap();
    let script = "mount --bind \"$0\"/resolv.conf /etc/resolv.conf && \
                  mount --bind \"$0\"/nsswitch.conf /etc/nsswitch.conf && exec \"$@\"";
    let place = Place::tls();
    let url = place.url.replace("localhost", "api.zmd.test");
    let in_front = ["unshare", "--mount", "sh", "-c", script, directory.to_str().unwrap()];
    let in_front = in_front.map(str::to_owned).to_vec();
    let lookup = if is_slow { Duration::from_secs(6) } else { Duration::ZERO };
    Place { url, in_front, lookup, ..place }.keep(Directory(directory))
}

/// What a name server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dns {
    Good,
    /// Of two addresses the first is dead.
    DeadFirst,
    NoSuchName,
    NoAddress,
    ServerFailure,
    Refused,
    Garbage,
    Silence,
}

impl Dns {
    fn to(self, query: &[u8]) -> Option<Vec<u8>> {
        // RFC 1035: the question follows the header of 12 bytes; its type is before its class, at the end.
        let end = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
        let is_ipv4 = query.get(end - 4..end - 2)? == [0, 1];
        let (code, addresses): (u8, &[[u8; 4]]) = match self {
            Dns::Silence => return None,
            Dns::Garbage => return Some(vec![0xff; 40]),
            Dns::Good => (0, &[[127, 0, 0, 1]]),
            Dns::DeadFirst => (0, &[[10, 98, 0, 1], [127, 0, 0, 1]]),
            Dns::NoAddress => (0, &[]),
            Dns::ServerFailure => (2, &[]),
            Dns::NoSuchName => (3, &[]),
            Dns::Refused => (5, &[]),
        };
        let addresses = if is_ipv4 { addresses } else { &[] };
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
        reply.extend(&query[12..end]);
        for address in addresses {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            reply.extend(address);
        }
        Some(reply)
    }
}

/// Runs a tool of the system, in this thread's network namespace.
pub fn tool(line: &str) {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An address, and the routes of the namespace.
pub fn routed(line: &str) -> Place {
    if !line.is_empty() {
        tool(line);
    }
    without_listener("https://10.98.0.1")
}

/// The packet filter has these rules; `PORT` is the server's, and `OLD` are those of the connections that there are.
pub fn filtered(rules: &'static str) -> Place {
    let place = Place::healthy();
    place.arm(move |place, _| filter(place, rules)).reset(|_, _| tool("nft flush ruleset"))
}

/// The same, from the moment at which the request has arrived.
pub fn filtered_meanwhile(rules: &'static str) -> Place {
    meanwhile(move |place| filter(place, rules)).reset(|_, _| tool("nft flush ruleset"))
}

/// The same, for a connection that has served before.
pub fn filtered_pooled(rules: &'static str) -> Place {
    filtered(rules).warm()
}

fn filter(place: &Place, rules: &str) {
    let port = place.url.rsplit_once(':').unwrap().1;
    let old = format!("$(ss -tnH dst 127.0.0.1 dport = :{port} | awk '{{ print $4 }}' | sed 's/.*://' | paste -sd,)");
    let rules = rules.replace("PORT", port).replace("; ", "\nadd rule inet t out ").replace("OLD", &old);
    let chain = "add table inet t\nadd chain inet t out { type filter hook output priority 0; }\nadd rule inet t out ";
    tool(&format!("nft -f - <<END\n{chain}{rules}\nEND\n"));
}

/// Kills the client's socket, as an administrator can.
pub fn killed_socket() -> Place {
    meanwhile(|place| tool(&format!("ss -K dst 127.0.0.1 dport = :{}", place.sim.port())))
}

/// A real nginx behind a link that does so to packets.
pub fn link(wire: Wire) -> Place {
    let wire = Arc::new(wire.start());
    let authority = Authority::new("company");
    let pair = authority.issue(|of| of.subject_alt_names.push(SanType::IpAddress(ADDRESS.parse().unwrap())));
    let place = nginx(Place::healthy(), "10.99.0.1", Some((&pair, &authority)), PROXY_PASS);
    let (on, off) = (wire.clone(), wire.clone());
    place.arm(move |_, _| on.begin()).reset(move |_, _| off.end()).keep(wire)
}

/// The same for a connection that has served before.
pub fn link_pooled(wire: Wire) -> Place {
    link(wire).warm()
}

/// The link of a connection that has served before goes down, or the like.
pub fn link_then(line: &'static str) -> Place {
    link(Wire::Clean).warm().arm(move |_, _| tool(line)).reset(|_, _| {
        tool("ip link set tun0 up mtu 1500; ip addr replace 10.99.0.1/24 dev tun0");
    })
}
