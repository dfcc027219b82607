//! The library in processes that load it twice, end, fork, run out of something, are stopped, or change their clock; and
//! token caches that are no ordinary files.

#![cfg(target_os = "linux")]

use std::ffi::{CString, c_int};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use zmd_sim::{Clock, Job, Sim};

fn program(part: &str) -> Command {
    let mut command = Command::new(compile("gcc", &["-std=gnu99", "-O1"], "tests/c/loading_test.c", "loading_test"));
    command.arg(part);
    command
}

fn sim_with(tls: bool) -> Sim {
    let sim = sim_over(tls);
    sim.accept_any_token();
    // It never ends.
    sim.add_job("Leads", "1002", Job::new(50_000, 0.0));
    sim
}

/// The stand-in by its name, which is to be looked up.
fn by_name(sim: &Sim) -> String {
    sim.url().replace("127.0.0.1", "localhost")
}

fn passes(part: &str, more: &[&Path], tls: bool) {
    let sim = sim_with(tls);
    let mut command = program(part);
    environment(command.args(more), &sim).env("ZMD_API_DOMAIN", by_name(&sim)).env("ZMD_POLL_MIN_MS", "20");
    let (exit, out, err) = run(&mut command);
    assert_eq!((exit, out.trim()), (Some(0), "ok loading_test"), "{part}: {err}");
}

#[test]
fn loaded_used_and_unloaded_two_hundred_times() {
    passes("rounds", &[library()], false);
    passes("rounds", &[library()], true);
}

#[test]
fn two_copies_of_the_library() {
    let directory = scratch("copies");
    let copy = directory.join("libother.so");
    fs::copy(library(), &copy).unwrap();
    for tls in [false, true] {
        passes("copies", &[library(), &copy], tls);
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn all_symbols_bound_at_the_start() {
    let program = compile("gcc", &["-std=c99", "-O2"], "tests/c/basics.c", "basics-c");
    let sim = sim_with(true);
    sim.add_job("Leads", "1002", Job::new(50_000, 40.0));
    common::passes(Command::new(program).env("LD_BIND_NOW", "1"), "basics", &sim);
}

#[test]
fn a_client_that_lives_until_the_process_or_the_thread_ends() {
    for tls in [false, true] {
        passes("exit", &[], tls);
        passes("thread", &[], tls);
    }
}

#[test]
fn started_programs_inherit_nothing() {
    passes("exec", &[], true);
}

#[test]
fn no_descriptor_or_thread_is_free() {
    passes("descriptors", &[], true);
    // Where another user may not read the library, the loader has done so before.
    passes("threads", &[], false);
}

#[test]
fn standard_streams_are_closed() {
    passes("stdio", &[], true);
}

#[test]
fn the_clock_is_set_during_a_wait() {
    passes("clock", &[], true);
}

/// A program that says when something is to be done to it.
struct Controlled {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Controlled {
    fn start(command: &mut Command) -> Controlled {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Controlled { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").unwrap()
    }

    fn reply(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn passes(mut self) {
        assert_eq!(self.line(), "ok loading_test");
        assert!(self.child.wait().unwrap().success());
    }

    fn signal(&self, signal: c_int) {
        // SAFETY: no pointers; the child is not waited for yet.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }
}

/// A token of an hour is renewed where the clock says that it has expired, and where the service refuses it.
#[test]
fn the_clock_is_set_while_a_token_is_valid() {
    let [refresh_token, client_id, client_secret] = REFRESH;
    let clock = Clock::driven();
    let sim = Sim::builder().clock(clock).refresh_token(refresh_token, client_id, client_secret).start();
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    let mut command = program("token");
    environment(&mut command, &sim).env("ZMD_ACCOUNTS_URL", sim.url()).env("ZMD_ACCESS_TOKEN", TOKEN);
    command.env("ZMD_REFRESH_TOKEN", refresh_token).env("ZMD_CLIENT_ID", client_id);
    command.env("ZMD_CLIENT_SECRET", client_secret);
    let mut program = Controlled::start(&mut command);
    let made: Vec<_> = (0..8)
        .map(|round| {
            let line = program.line();
            if round == 6 {
                // What was made an hour ago by the clock of the service.
                sim.clock().advance(Duration::from_secs(3700));
            }
            program.reply();
            (line, sim.token_requests())
        })
        .collect();
    program.passes();
    let made: Vec<_> = made.iter().map(|(offset, made)| (&**offset, *made)).collect();
    // The first token given is refused. An hour later one is made, which lasts while the clock goes back, until the service
    // refuses it.
    assert_eq!(made, [("0", 1), ("1", 2), ("1", 2), ("0", 2), ("-1", 2), ("-1", 2), ("0", 2), ("0", 3)]);
}

#[test]
fn stopped_and_continued() {
    std::thread::scope(|scope| {
        for tls in [false, true] {
            scope.spawn(move || stop_and_continue(tls));
        }
    });
}

fn stop_and_continue(tls: bool) {
    let sim = sim_with(tls);
    let mut command = program("suspended");
    environment(&mut command, &sim).env("ZMD_API_DOMAIN", by_name(&sim)).env("ZMD_POLL_MIN_MS", "20");
    let mut program = Controlled::start(command.env("ZMD_POLL_MAX_MS", "20"));
    assert_eq!(program.line(), "call");
    // In the middle of the call, for longer than its limit.
    sim.wait_for_requests(2);
    program.signal(libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(700));
    program.signal(libc::SIGCONT);
    sim.add_job("Leads", "1003", Job::new(9, 0.0));
    assert_eq!(program.line(), "wait");
    let before = sim.requests();
    sim.wait_for_requests(before + 3);
    program.signal(libc::SIGSTOP);
    // The job and the connections end meanwhile, as with a laptop that is closed.
    std::thread::sleep(Duration::from_millis(200));
    sim.lose_connections();
    sim.add_job("Leads", "1003", Job::new(9, f64::INFINITY));
    program.signal(libc::SIGCONT);
    program.passes();
}

/// A directory for a token cache, and the command with it.
struct Cache {
    directory: PathBuf,
    sim: Sim,
}

impl Cache {
    fn new(name: &str) -> Cache {
        let [refresh_token, client_id, client_secret] = REFRESH;
        let sim = Sim::builder().clock(Clock::driven()).refresh_token(refresh_token, client_id, client_secret).start();
        Cache { directory: scratch(name), sim: with_job(sim) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn command(&self, cache: &Path) -> Command {
        let url = self.sim.url();
        // The service makes ten tokens in ten minutes.
        self.sim.clock().advance(Duration::from_secs(600));
        let [refresh_token, client_id, client_secret] = REFRESH;
        let mut command = zmd_command(&[
            ("ZMD_API_DOMAIN", &*url),
            ("ZMD_ACCOUNTS_URL", &*url),
            ("ZMD_REFRESH_TOKEN", refresh_token),
            ("ZMD_CLIENT_ID", client_id),
            ("ZMD_CLIENT_SECRET", client_secret),
            ("ZMD_TOKEN_CACHE", cache.to_str().unwrap()),
        ]);
        command.args(["status", "Leads", "1001"]);
        command
    }

    /// The call is as good as without a cache, and not slower. Returns how many tokens were made.
    fn works(&self, name: &str, command: &mut Command) -> usize {
        let before = self.sim.token_requests();
        let begin = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            // Half of its time limit is the longest that the lock of a cache may cost.
            if begin.elapsed() > AT_ONCE {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && out.contains("COMPLETED") && err.is_empty(), "{name}: {output:?}");
        self.sim.token_requests() - before
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn a_token_cache_that_is_no_file() {
    let cache = Cache::new("odd-caches");
    let fifo = |path: &Path| {
        let path = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the path is NUL-terminated.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    };
    let twice = |name: &str, path: &Path| {
        (cache.works(name, &mut cache.command(path)), cache.works(name, &mut cache.command(path)))
    };

    // What cannot become one is an error at once, and nothing is written beside it.
    let refused = |path: &Path| {
        let (exit, _, err) = run(&mut cache.command(path));
        assert!(exit != Some(0) && err.contains("token_cache takes"), "{exit:?} {err}");
    };
    let path = cache.path("fifo");
    fifo(&path);
    refused(&path);
    assert!(!fs::metadata(&path).unwrap().is_file());
    refused(Path::new("/dev/full"));
    refused(&cache.directory);

    // Beside it: the lock, and a slot.
    let path = cache.path("beside");
    fifo(&cache.path("beside.lock"));
    fifo(&cache.path("beside.slot0"));
    assert_eq!(twice("its lock is a named pipe", &path), (1, 1));
    let path = cache.path("fresh");
    fs::create_dir(cache.path("fresh.new")).unwrap();
    assert_eq!(twice("the user's own file with a similar name", &path), (1, 0));

    // A link is not followed.
    fs::write(cache.path("elsewhere"), "").unwrap();
    for (name, target) in [("link", "elsewhere"), ("dangling", "nowhere"), ("loop", "loop")] {
        symlink(cache.path(target), cache.path(name)).unwrap();
        refused(&cache.path(name));
        assert!(!cache.path(&format!("{name}.lock")).exists());
    }
    assert_eq!(fs::read(cache.path("elsewhere")).unwrap(), b"");
}

/// An expiry that no clock can show.
#[test]
fn a_token_cache_of_the_far_future() {
    let cache = Cache::new("future-cache");
    let path = cache.path("tokens");
    cache.works("", &mut cache.command(&path));
    let content = fs::read_to_string(&path).unwrap();
    let (begin, end) = content.split_once("\"expires_at\":").unwrap();
    let end = end.trim_start_matches(|c: char| c.is_ascii_digit());
    for number in [u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1] {
        fs::write(&path, format!("{begin}\"expires_at\":{number}{end}")).unwrap();
        cache.works(&number.to_string(), &mut cache.command(&path));
    }
}

/// Whether this machine lets the tests mount something, each in a namespace of its own.
fn can_mount() -> bool {
    if missing("unshare") || missing("setpriv") {
        return false;
    }
    let mounts = run(Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])).0 == Some(0);
    if mounts {
        return true;
    }
    assert!(std::env::var("ZMD_CI").as_deref() != Ok("1"), "this test needs to be the superuser, who may mount");
    skipped("the right to mount", std::thread::current().name().unwrap_or_default());
    false
}

#[test]
fn a_token_cache_on_a_full_or_read_only_disk() {
    if !can_mount() {
        return;
    }
    let cache = Cache::new("disks");
    let path = cache.path("disk/tokens");
    fs::create_dir(cache.path("disk")).unwrap();
    let on = |name: &str, setup: &str| {
        let original = cache.command(&path);
        let mut command = Command::new("unshare");
        let script = format!("d=$1; shift; mount -t tmpfs -o size=16k,nr_inodes=8 none $d && {setup} && exec \"$@\"");
        command.args(["--mount", "sh", "-ec", &script, "sh"]).arg(cache.path("disk")).arg(original.get_program());
        command.args(original.get_args()).env_clear();
        command.envs(original.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        cache.works(name, &mut command)
    };
    assert_eq!(on("an empty disk", "true"), 1);
    assert_eq!(on("a full disk", "{ cat /dev/zero >$d/all 2>/dev/null || true; }"), 1);
    assert_eq!(on("no more files", "{ for i in 1 2 3 4 5 6 7 8; do touch $d/$i || break; done; } 2>/dev/null"), 1);
    assert_eq!(on("a read-only disk", "mount -o remount,ro $d"), 1);
    assert!(!path.exists());
}

#[test]
fn a_token_cache_of_another_user() {
    if !can_mount() {
        return;
    }
    let cache = Cache::new("users");
    let copied = cache.path("zmd");
    copy_program(cache.command(Path::new("x")).get_program(), &copied);
    let as_nobody = |path: &Path| {
        let original = cache.command(path);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copied).args(original.get_args());
        command.env_clear().envs(original.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command
    };
    let closed = cache.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    // In a directory that others may write to, and in one that they may not.
    for (name, path) in [("open", cache.path("tokens")), ("closed", closed.join("tokens"))] {
        assert_eq!(cache.works(name, &mut cache.command(&path)), 1);
        let before = fs::read(&path).unwrap();
        assert_eq!(cache.works(name, &mut as_nobody(&path)), 1, "{name}: it cannot be read");
        assert_eq!(cache.works(name, &mut cache.command(&path)), 0, "{name}: it is as it was");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
    }
}
