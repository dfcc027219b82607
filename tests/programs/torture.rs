//! Every system call and every allocation of an operation fails once, and memory runs out at every size.
//!
//! tests/c/torture.c does that to a fresh process for each case. Whatever fails, the call succeeds or returns a documented
//! error that says what failed, within its time limit; then the same client works again, and neither a descriptor nor a
//! thread is left. Only a failed allocation may end the process, as Rust's allocations do by nature.
//!
//! `cargo test` runs a sample, `make torture` all cases; both print how many there were, and how they ended.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::*;
use libc::*;
use zmd_sim::{Clock, Job, Reply, Sim};

/// What is done while something fails: see tests/c/torture.c.
const OPERATIONS: [&str; 7] = ["new", "status", "warm", "wait", "many", "queue", "renew"];

/// The time limit of each call.
const TIMEOUT_MS: u32 = 1500;

/// How much later a call may return, less the time for which threads of the process waited for a processor; of those that have
/// ended meanwhile that is not known.
const LATE_MS: u32 = 1000;

/// The system calls that an operation makes, and how each can fail.
const CALLS: &[(&str, c_long, &[c_int])] = &[
    ("brk", SYS_brk, &[ENOMEM]),
    ("clone", SYS_clone, &[EAGAIN, ENOMEM, EPERM]),
    ("clone3", SYS_clone3, &[EAGAIN, ENOMEM, EPERM, ENOSYS]),
    ("clock_nanosleep", SYS_clock_nanosleep, &[EINTR]),
    ("close", SYS_close, &[EINTR, EIO, ENOSPC]),
    (
        "connect",
        SYS_connect,
        &[
            EACCES,
            EADDRNOTAVAIL,
            EAGAIN,
            ECONNREFUSED,
            ECONNRESET,
            EHOSTUNREACH,
            EINTR,
            ENETUNREACH,
            ENOBUFS,
            EPERM,
            ETIMEDOUT,
        ],
    ),
    ("fcntl", SYS_fcntl, &[EAGAIN, EINTR, ENOLCK, ENOMEM, EPERM]),
    ("flock", SYS_flock, &[EINTR, ENOLCK, EWOULDBLOCK, EIO, EOPNOTSUPP]),
    ("fstat", SYS_fstat, &[EIO, ENOMEM]),
    ("futex", SYS_futex, &[EINTR, EAGAIN]),
    ("getdents64", SYS_getdents64, &[EIO, ENOENT]),
    ("getpeername", SYS_getpeername, &[ENOBUFS, ENOTCONN]),
    ("getrandom", SYS_getrandom, &[EINTR, ENOSYS, EPERM]),
    ("getsockname", SYS_getsockname, &[ENOBUFS]),
    ("getsockopt", SYS_getsockopt, &[ENOBUFS, EPERM]),
    ("ioctl", SYS_ioctl, &[EIO, ENOMEM, ENOTTY]),
    ("lseek", SYS_lseek, &[ESPIPE, EOVERFLOW]),
    ("madvise", SYS_madvise, &[EAGAIN, ENOMEM]),
    ("mmap", SYS_mmap, &[EAGAIN, ENOMEM]),
    ("mprotect", SYS_mprotect, &[EACCES, ENOMEM]),
    ("mremap", SYS_mremap, &[ENOMEM]),
    ("munmap", SYS_munmap, &[ENOMEM]),
    ("newfstatat", SYS_newfstatat, &[EACCES, EIO, ELOOP, ENOENT, ENOMEM]),
    ("open", SYS_open, FILE),
    ("openat", SYS_openat, FILE),
    ("pipe2", SYS_pipe2, &[EMFILE, ENFILE]),
    ("poll", SYS_poll, &[EINTR, ENOMEM]),
    ("ppoll", SYS_ppoll, &[EINTR, ENOMEM]),
    ("prctl", SYS_prctl, &[EINVAL, EPERM]),
    ("read", SYS_read, &[EAGAIN, EINTR, EIO, EISDIR]),
    ("recvfrom", SYS_recvfrom, RECEIVE),
    ("rename", SYS_rename, &[EACCES, EBUSY, EIO, ENOENT, ENOSPC, EPERM, EROFS, EXDEV]),
    ("sendto", SYS_sendto, SEND),
    ("sendmmsg", SYS_sendmmsg, SEND),
    ("set_robust_list", SYS_set_robust_list, &[ENOSYS]),
    ("setsockopt", SYS_setsockopt, &[ENOBUFS, ENOMEM, ENOPROTOOPT, EPERM]),
    ("socket", SYS_socket, &[EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM]),
    ("statx", SYS_statx, &[EACCES, EIO, ENOENT, ENOMEM, ENOSYS, EPERM]),
    ("tgkill", SYS_tgkill, &[ENOSYS, EPERM]),
    ("unlink", SYS_unlink, &[EACCES, EBUSY, EIO, ENOENT, EPERM, EROFS]),
    ("utimensat", SYS_utimensat, &[EACCES, ENOENT, EPERM, EROFS]),
    ("write", SYS_write, &[EDQUOT, EFBIG, EINTR, EIO, ENOSPC]),
];

const FILE: &[c_int] = &[EACCES, EINTR, EIO, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS];
const SEND: &[c_int] = &[EAGAIN, ECONNRESET, EHOSTUNREACH, EINTR, ENETDOWN, ENOBUFS, ENOMEM, EPERM, EPIPE, ETIMEDOUT];
const RECEIVE: &[c_int] = &[EAGAIN, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINTR, ENOMEM, ETIMEDOUT];

/// System calls that cannot fail with valid arguments. Of rseq() glibc expects that it succeeds for each thread or for none.
const INFALLIBLE: &[c_long] = &[
    SYS_exit,
    SYS_geteuid,
    SYS_getpid,
    SYS_gettid,
    SYS_rseq,
    SYS_rt_sigpending,
    SYS_rt_sigprocmask,
    SYS_sched_yield,
    SYS_uname,
];

/// What getaddrinfo() may return.
const LOOKUPS: [c_int; 8] =
    [EAI_AGAIN, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NODATA, EAI_NONAME, EAI_SERVICE, EAI_SYSTEM];

struct Bench {
    program: PathBuf,
    sim: Sim,
    directory: PathBuf,
    /// With glibc's checks of the heap, and every block overwritten when it is allocated and when it is freed. They take the
    /// place of the allocator that can fail.
    checks_heap: bool,
    /// So that each case has a token cache of its own.
    cases: AtomicUsize,
}

/// What the program printed, or that it was aborted.
#[derive(Debug)]
struct Ended {
    /// It was aborted for want of memory.
    aborted: bool,
    hit: u32,
    first: Outcome,
    again: Outcome,
    left: String,
    printed: String,
}

#[derive(Debug, Default)]
struct Outcome {
    error: String,
    took_ms: u32,
    state: i32,
    message: String,
}

impl Bench {
    fn new(name: &str) -> Bench {
        let program = compile("gcc", &["-std=gnu99", "-O1"], "tests/c/torture.c", "torture");
        let [refresh_token, client_id, client_secret] = REFRESH;
        let sim = Sim::builder().tls().clock(Clock::driven()).refresh_token(refresh_token, client_id, client_secret);
        let sim = with_job(sim.start());
        sim.add_job("Contacts", "1001", Job::new(9, f64::INFINITY));
        // It never ends.
        sim.add_job("Leads", "1002", Job::new(50_000, 0.0));
        Bench { program, sim, directory: scratch(name), checks_heap: false, cases: AtomicUsize::new(0) }
    }

    fn with_heap_checks(name: &str) -> Bench {
        let mut bench = Bench::new(name);
        let flags = ["-std=gnu99", "-O1", "-DOWN_ALLOCATOR"];
        bench.program = compile("gcc", &flags, "tests/c/torture.c", "torture-checked");
        bench.checks_heap = true;
        bench
    }

    fn command(&self, operation: &str, fault: &str) -> (Command, PathBuf) {
        let directory = self.directory.join(self.cases.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&directory).unwrap();
        let mut command = Command::new(&self.program);
        command.arg(operation).args(fault.split(' '));
        command.env_clear().env("ZMD_API_DOMAIN", self.sim.url()).env("ZMD_TIMEOUT_MS", TIMEOUT_MS.to_string());
        // Each failure is to be seen; waits poll again all the same.
        command.env("ZMD_MAX_RETRIES", "0").env("ZMD_POLL_MIN_MS", "20").env("ZMD_POLL_MAX_MS", "40");
        if self.checks_heap {
            command.env("LD_PRELOAD", "libc_malloc_debug.so.0").env("MALLOC_CHECK_", "3").env("MALLOC_PERTURB_", "165");
        }
        if operation == "renew" {
            // The service makes ten tokens in ten minutes.
            self.sim.clock().advance(Duration::from_secs(600));
            // The system's trust store.
            let [refresh_token, client_id, client_secret] = REFRESH;
            command.env("SSL_CERT_FILE", self.sim.ca_file()).env("ZMD_ACCOUNTS_URL", self.sim.url());
            command.env("ZMD_TOKEN_CACHE", directory.join("cache"));
            command.env("ZMD_REFRESH_TOKEN", refresh_token);
            command.env("ZMD_CLIENT_ID", client_id).env("ZMD_CLIENT_SECRET", client_secret);
        } else {
            command.env("ZMD_CA_FILE", self.sim.ca_file()).env("ZMD_ACCESS_TOKEN", TOKEN);
        }
        (command, directory)
    }

    fn run(&self, operation: &str, fault: &str) -> Result<Ended, String> {
        let (mut command, directory) = self.command(operation, fault);
        let output = command.output().unwrap();
        fs::remove_dir_all(directory).unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.signal() == Some(SIGABRT) && is_out_of_memory(&said) && printed.is_empty() {
            let none = || Outcome::default();
            return Ok(Ended { aborted: true, hit: 1, first: none(), again: none(), left: String::new(), printed });
        }
        if !output.status.success() || !said.is_empty() || !printed.ends_with("ok torture\n") {
            return Err(format!("{}: {said}{printed}", output.status));
        }
        let line = |name: &str| {
            printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_default().to_owned()
        };
        Ok(Ended {
            aborted: false,
            hit: line("hit").parse().unwrap(),
            first: Outcome::of(&line("first")),
            again: Outcome::of(&line("again")),
            left: line("left"),
            printed,
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Outcome {
    fn of(line: &str) -> Outcome {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (error, took_ms, state, message) = (word(), word(), word(), word());
        Outcome { error, took_ms: took_ms.parse().unwrap(), state: state.parse().unwrap(), message }
    }

    fn is_ok(&self, operation: &str) -> bool {
        self.error == "ZMD_OK" && self.state == if operation == "wait" { 2 } else { 3 }
    }
}

/// What Rust's runtime says before it aborts, or glibc when a thread-local value is first used, and nothing else.
fn is_out_of_memory(said: &str) -> bool {
    let of_rust = said.strip_prefix("memory allocation of ").and_then(|said| said.split_once(" bytes failed\n"));
    of_rust.is_some_and(|(bytes, more)| {
        let is_hint =
            more.is_empty() || more.starts_with("note: run with `RUST_BACKTRACE=1`") && more.lines().count() == 1;
        bytes.parse::<usize>().is_ok() && is_hint
    }) || said == "Fatal glibc error: failed to register TLS destructor: out of memory\n"
}

/// A fault, as the program takes it, and as people call it.
struct Case {
    operation: &'static str,
    fault: String,
    name: String,
    /// Allocations fail: the process may be aborted.
    may_abort: bool,
}

/// How the cases ended, for people.
#[derive(Default)]
struct Tally {
    ends: BTreeMap<String, usize>,
    /// How many cases of an operation were aborted, and how many there were.
    aborts: BTreeMap<&'static str, (usize, usize)>,
    /// Each message, with the first case that had it.
    messages: BTreeMap<String, String>,
    bad: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, ended: Result<Ended, String>) {
        let Case { operation, name, .. } = case;
        let ended = match ended {
            Ok(ended) => ended,
            Err(what) => return self.bad.push(format!("{operation}: {name}: {what}")),
        };
        let end = match &ended {
            Ended { aborted: true, .. } => "abort",
            Ended { hit: 0, .. } => "no such call this time",
            ended => &ended.first.error,
        };
        *self.ends.entry(end.to_owned()).or_default() += 1;
        let (aborts, all) = self.aborts.entry(operation).or_default();
        *aborts += usize::from(ended.aborted);
        *all += 1;
        if let Some(what) = what_is_wrong(case, &ended) {
            self.bad.push(format!("{operation}: {name}: {what}: {}", ended.printed));
        }
        if !ended.first.message.is_empty() {
            let message = ended.first.message.clone();
            self.messages.entry(message).or_insert_with(|| format!("{operation}: {name}: {}", ended.first.error));
        }
    }
}

/// What each case must keep.
fn what_is_wrong(case: &Case, ended: &Ended) -> Option<&'static str> {
    let Outcome { error, message, .. } = &ended.first;
    if ended.aborted {
        return (!case.may_abort).then_some("aborted");
    }
    if ended.first.took_ms > TIMEOUT_MS + LATE_MS {
        return Some("it took too long");
    }
    // A trust store that is missing, or may not be read, is replaced by Mozilla's roots, and not looked for again.
    let has_no_store = case.operation == "renew"
        && message.contains("UnknownIssuer")
        && (case.name.starts_with("openat") || case.name.starts_with("read"))
        && [ENOENT, EACCES, EPERM, EISDIR, ELOOP, ENOSPC, EROFS]
            .iter()
            .any(|error| case.name.ends_with(&name_of(*error)));
    if !ended.again.is_ok(case.operation) && !has_no_store {
        return Some("the client does not work again");
    }
    // Where getrandom() is missing or forbidden, Rust's standard library and ring open /dev/urandom, and keep it open.
    let has_urandom = case.name.starts_with("getrandom") && matches!(&*ended.left, "0 1" | "0 2");
    if ended.left != "0 0" && !has_urandom {
        return Some("threads or descriptors are left");
    }
    if ended.first.is_ok(case.operation) {
        return None;
    }
    let documented = matches!(
        error.as_str(),
        "ZMD_ERR_DNS"
            | "ZMD_ERR_CONNECT"
            | "ZMD_ERR_TLS"
            | "ZMD_ERR_NETWORK"
            | "ZMD_ERR_TIMEOUT"
            | "ZMD_ERR_INVALID_CONFIG"
    );
    // As zmd_waits_new() documents it.
    if error == "ZMD_ERR_NETWORK" && message.starts_with("there is no thread for the queue of waits (") {
        return None;
    }
    // As zmd_client_status_many() documents it.
    if error == "ZMD_ERR_INVALID_ARGUMENT" && message.ends_with("for which there is not enough memory") {
        return None;
    }
    if !documented {
        return Some("not an error for that");
    }
    // Of six waits the last has no turn where each poll of the others, max_concurrency of them, takes the whole limit.
    if case.operation == "queue" && error == "ZMD_ERR_TIMEOUT" && message.ends_with("there was no time to poll it") {
        return None;
    }
    // What failed, and why.
    let names_it = ["localhost", "ca_file", "timeout_ms"].iter().any(|word| message.contains(word));
    (!names_it).then_some("the message does not name what failed")
}

/// Runs the cases and prints how they ended; a list of the messages is in the directory of the build.
fn run_all(bench: &Bench, title: &str, cases: &[Case]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, |count| count.get()).min(4) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ended = bench.run(case.operation, &case.fault);
                    tally.lock().unwrap().add(case, ended);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let mut shown = format!("{title}: {} cases in {:.0} s:", cases.len(), begin.elapsed().as_secs_f64());
    for (end, count) in &tally.ends {
        write!(shown, " {count} {end},").unwrap();
    }
    write!(shown, " {} wrong; aborts:", tally.bad.len()).unwrap();
    for (operation, (aborts, all)) in &tally.aborts {
        write!(shown, " {operation} {aborts} of {all},").unwrap();
    }
    shown = shown.trim_end_matches(',').to_owned() + "\n";
    // The harness captures what tests print; this is to be seen.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), shown.as_bytes());
    let list: String = tally.messages.iter().map(|(message, case)| format!("{case}: {message}\n")).collect();
    let file = format!("torture-{}.txt", title.replace(' ', "-"));
    fs::write(built().join(file), list).unwrap();
    tally
}

fn check(tally: &Tally) {
    assert!(tally.bad.is_empty(), "{} cases:\n{}", tally.bad.len(), tally.bad.join("\n"));
}

/// Of the cases, `make test` runs one in so many: a prime number, so that each operation and each call has its turn.
const SAMPLE: usize = 41;

/// Every `part`th.
fn sample(cases: Vec<Case>, part: usize) -> Vec<Case> {
    cases.into_iter().step_by(part).collect()
}

/// The system calls of an operation, in order, and the number of its allocations.
fn recorded(bench: &Bench, operation: &str) -> (Vec<c_long>, usize) {
    let printed = bench.run(operation, "record").unwrap().printed;
    let calls = printed.lines().filter_map(|line| line.strip_prefix("call ")?.parse().ok()).collect();
    let allocations = printed.lines().find_map(|line| line.strip_prefix("allocations ")?.parse().ok()).unwrap();
    (calls, allocations)
}

fn name_of(number: c_int) -> String {
    // SAFETY: the description is static, or this thread's until its next call.
    unsafe { std::ffi::CStr::from_ptr(strerror(number)) }.to_str().unwrap().to_owned()
}

fn system_calls(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |operation, fault: String, name: String| {
        // Memory is what the allocator gets from the system.
        let may_abort = ["mmap", "mprotect", "mremap", "brk"].iter().any(|call| name.starts_with(call));
        cases.push(Case { operation, fault, name, may_abort });
    };
    for operation in OPERATIONS {
        let (calls, _) = recorded(bench, operation);
        let kinds: BTreeSet<_> = calls.iter().copied().filter(|number| !INFALLIBLE.contains(number)).collect();
        for number in kinds {
            let row = CALLS.iter().find(|(_, known, _)| *known == number);
            let (name, _, errors) = row.unwrap_or_else(|| panic!("{operation} makes system call {number}: add it"));
            let count = calls.iter().filter(|call| **call == number).count();
            for nth in 1..=count {
                for error in *errors {
                    let words = format!("{name} {nth} of {count}: {}", name_of(*error));
                    case(operation, format!("call {number} {nth} {error}"), words);
                }
                if matches!(*name, "read" | "recvfrom" | "sendto" | "write") {
                    case(operation, format!("short {number} {nth}"), format!("{name} {nth} of {count}: one byte"));
                }
            }
            // From the first on, until the operation ends: descriptors or memory are used up, the firewall is shut.
            for error in errors.iter().filter(|error| ![EINTR, EAGAIN].contains(error)) {
                case(operation, format!("calls {number} 1 {error}"), format!("{name}, each: {}", name_of(*error)));
            }
        }
        if !matches!(operation, "new" | "warm") {
            for code in LOOKUPS {
                case(operation, format!("lookup {code}"), format!("getaddrinfo: {code}"));
            }
        }
    }
    cases
}

fn allocations(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in OPERATIONS {
        let (_, count) = recorded(bench, operation);
        cases.extend((1..=count).map(|nth| Case {
            operation,
            fault: format!("alloc {nth}"),
            name: format!("allocation {nth} of {count}"),
            may_abort: true,
        }));
    }
    cases
}

/// From nothing to what an operation needs.
fn memory_sizes() -> Vec<Case> {
    let sizes = (0..64).map(|step| step * 4).chain((8..100).map(|step| step * 32));
    let of = |operation, size| Case {
        operation,
        fault: format!("memory {size}"),
        name: format!("{size} KB left"),
        may_abort: true,
    };
    sizes.flat_map(|size| OPERATIONS.map(|operation| of(operation, size))).collect()
}

#[test]
fn a_system_call_that_fails() {
    let bench = Bench::with_heap_checks("torture-calls");
    let cases = sample(system_calls(&bench), SAMPLE);
    check(&run_all(&bench, "system calls, a sample", &cases));
}

/// No port is free; a socket is ready but not connected; the trust store cannot be opened at the moment.
#[test]
fn a_connection_that_cannot_be_made_ends_in_time_and_is_made_the_next_time() {
    let bench = Bench::new("torture-connect");
    let error_of = |operation: &'static str, fault: String| {
        let ended = bench.run(operation, &fault).unwrap();
        let case = Case { operation, name: fault, fault: String::new(), may_abort: false };
        assert_eq!(what_is_wrong(&case, &ended), None, "{}: {ended:?}", case.name);
        (ended.first.error, ended.first.message)
    };
    let no_port = error_of("status", format!("calls {SYS_connect} 1 {EAGAIN}"));
    assert_eq!(no_port.0, "ZMD_ERR_CONNECT", "{no_port:?}");
    let not_connected = error_of("status", format!("calls {SYS_getpeername} 1 {ENOTCONN}"));
    assert_eq!(not_connected.0, "ZMD_ERR_TIMEOUT", "{not_connected:?}");
    let count = recorded(&bench, "renew").0.iter().filter(|number| **number == SYS_openat).count();
    let messages: Vec<_> =
        (1..=count).map(|nth| error_of("renew", format!("call {SYS_openat} {nth} {EMFILE}")).1).collect();
    let words = "this machine lacks what a connection to localhost takes (the system's trust store can't be read (";
    let found = messages.iter().find(|message| message.starts_with(words));
    assert!(found.is_some_and(|message| message.contains("Too many open files")), "{messages:?}");
}

#[test]
fn an_allocation_that_fails() {
    let bench = Bench::new("torture-allocations");
    let cases = sample(allocations(&bench), SAMPLE);
    check(&run_all(&bench, "allocations, a sample", &cases));
}

/// The body of an answer is an error where there is no memory for it; nothing else is big. (The JSON parser copies the strings
/// of an error, however long they are: for want of that memory, the process ends.)
#[test]
fn no_memory_for_a_big_answer() {
    let bench = Bench::new("torture-big");
    let long = "x".repeat(900_000);
    let status = format!(r#"{{"data":[{{"Status":"RUNNING","More":"{long}"}}]}}"#);
    for (name, reply) in [
        ("a status", Reply::json(200, &status)),
        ("a page", Reply::html(502, &format!("<title>{long}</title>"))),
        ("text", Reply::html(404, &long)),
    ] {
        for nth in 1.. {
            // For the first call, which makes the connection.
            bench.sim.next(Reply::json(200, r#"{"data":[{"Status":"COMPLETED","Total_Count":9}]}"#));
            bench.sim.next(reply.clone());
            let ended = bench.run("warm", &format!("big {} {nth}", 64 * 1024)).unwrap();
            if ended.hit == 0 {
                assert!(nth > 2, "{name}: {ended:?}");
                break;
            }
            let Outcome { error, message, .. } = &ended.first;
            assert!(error == "ZMD_ERR_NETWORK" && message.contains("out of memory"), "{name}, {nth}: {ended:?}");
            assert!(ended.again.is_ok("warm"), "{name}, {nth}: {ended:?}");
        }
    }
    for operation in OPERATIONS {
        let ended = bench.run(operation, &format!("big {} 1", 64 * 1024)).unwrap();
        assert!(ended.hit == 0 && ended.first.is_ok(operation), "{operation}: {ended:?}");
    }
}

#[test]
fn memory_that_runs_out() {
    let bench = Bench::new("torture-memory");
    let cases = sample(memory_sizes(), SAMPLE);
    check(&run_all(&bench, "memory, a sample", &cases));
}

#[test]
#[ignore = "minutes: make torture"]
fn every_system_call_fails() {
    let bench = Bench::with_heap_checks("torture-every-call");
    check(&run_all(&bench, "system calls", &system_calls(&bench)));
}

#[test]
#[ignore = "minutes: make torture"]
fn every_allocation_fails() {
    let bench = Bench::new("torture-every-allocation");
    check(&run_all(&bench, "allocations", &allocations(&bench)));
}

#[test]
#[ignore = "minutes: make torture"]
fn memory_runs_out_at_every_size() {
    let bench = Bench::new("torture-every-size");
    check(&run_all(&bench, "memory", &memory_sizes()));
}
