//! Shared by the tests: safe wrappers of the C API, and helpers for programs, servers and the stand-in.

pub mod abi;
pub mod authority;
pub mod cpp;
pub mod nginx;
pub mod squid;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use abi::zmd_error::{self, ZMD_OK};
use abi::*;
use zmd_sim::{Job, Sim};
pub use zmd_sim::{Took, timed};

pub const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210";

/// The error of a failed call.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    pub error: zmd_error,
    pub code: String,
    pub message: String,
}

pub fn checked(error: zmd_error) -> Result<(), Failed> {
    // SAFETY: both are never NULL and always NUL-terminated.
    let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned();
    let failed = Failed { error, code: text(zmd_last_error_code()), message: text(zmd_last_error()) };
    if error == ZMD_OK {
        assert_eq!((&*failed.code, &*failed.message), ("", ""));
        return Ok(());
    }
    assert_ne!(failed.message, "");
    Err(failed)
}

/// `zmd_status` as a Rust type.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub state: i32,
    pub http_status: i32,
    pub total: i64,
    pub deleted: i64,
    pub failed: i64,
    pub text: String,
}

impl Answer {
    fn of(status: &zmd_status) -> Answer {
        let bytes = status.state_text.map(|c| c as u8);
        let end = bytes.iter().position(|b| *b == 0).expect("a NUL");
        assert!(bytes[end..].iter().all(|b| *b == 0), "all bytes of state_text are written");
        Answer {
            state: status.state,
            http_status: status.http_status,
            total: status.total_count,
            deleted: status.deleted_count,
            failed: status.failed_count,
            text: std::str::from_utf8(&bytes[..end]).unwrap().to_owned(),
        }
    }

    pub fn completed() -> Answer {
        Answer { state: 3, http_status: 200, total: 9, deleted: 9, failed: 0, text: "COMPLETED".to_owned() }
    }

    pub fn of_failure(http_status: i32) -> Answer {
        Answer { state: 0, http_status, total: -1, deleted: -1, failed: -1, text: String::new() }
    }
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// A client of the C ABI.
pub struct Client(*mut zmd_client);

// SAFETY: the library guarantees it, and the tests check that.
unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    pub fn new(settings: &[(&str, &str)]) -> Result<Client, Failed> {
        Client::with(settings, |_| Ok(()))
    }

    /// A client of a configuration that `more` may change.
    pub fn with(
        settings: &[(&str, &str)],
        more: impl FnOnce(*mut zmd_config) -> Result<(), Failed>,
    ) -> Result<Client, Failed> {
        let (mut config, mut client) = (null_mut(), null_mut());
        // SAFETY: the pointers are valid, and only this function uses the configuration.
        unsafe {
            checked(zmd_config_new(&mut config))?;
            let set = settings
                .iter()
                .try_for_each(|(key, value)| checked(zmd_config_set(config, c(key).as_ptr(), c(value).as_ptr())));
            let made = set.and_then(|()| more(config)).and_then(|()| checked(zmd_client_new(config, &mut client)));
            zmd_config_free(config);
            made.map(|()| Client(client))
        }
    }

    /// A client of the stand-in, with further settings.
    pub fn of(sim: &Sim, settings: &[(&str, &str)]) -> Client {
        let url = sim.url();
        let ca_file = url.starts_with("https").then(|| sim.ca_file().to_str().unwrap());
        let mut all = vec![("api_domain", &*url), ("access_token", TOKEN)];
        all.extend(ca_file.map(|path| ("ca_file", path)));
        all.extend(settings);
        Client::new(&all).unwrap()
    }

    /// The answer and the result of `zmd_client_status`.
    pub fn ask(&self, module: &str, job_id: &str) -> (Answer, Result<(), Failed>) {
        self.ask_by(
            |module, job_id, status| {
                // SAFETY: `ask_by` passes valid pointers.
                unsafe { zmd_client_status(self.0, module, job_id, status) }
            },
            module,
            job_id,
        )
    }

    /// The answer and the result of `zmd_client_status_within`.
    pub fn ask_within(&self, module: &str, job_id: &str, timeout_ms: i64) -> (Answer, Result<(), Failed>) {
        self.ask_by(
            |module, job_id, status| {
                // SAFETY: `ask_by` passes valid pointers.
                unsafe { zmd_client_status_within(self.0, module, job_id, timeout_ms, status) }
            },
            module,
            job_id,
        )
    }

    fn ask_by(
        &self,
        call: impl FnOnce(*const c_char, *const c_char, *mut zmd_status) -> zmd_error,
        module: &str,
        job_id: &str,
    ) -> (Answer, Result<(), Failed>) {
        // SAFETY: any bytes make a zmd_status but for its state, which is written before it is read.
        let mut status = unsafe { std::mem::MaybeUninit::<[u8; 64]>::new([0xaa; 64]).assume_init() };
        // 64 bytes are a zmd_status.
        let error = call(c(module).as_ptr(), c(job_id).as_ptr(), status.as_mut_ptr().cast());
        // SAFETY: the call has written all fields.
        let status = unsafe { status.as_ptr().cast::<zmd_status>().read_unaligned() };
        (Answer::of(&status), checked(error))
    }

    pub fn status(&self, module: &str, job_id: &str) -> Result<Answer, Failed> {
        let (answer, result) = self.ask(module, job_id);
        if let Err(failed) = &result {
            assert_eq!(answer, Answer::of_failure(answer.http_status), "{failed:?}");
        }
        result.map(|()| answer)
    }

    /// The failure, and the HTTP status that came with it.
    pub fn failure(&self, module: &str, job_id: &str) -> (Failed, i32) {
        let (answer, result) = self.ask(module, job_id);
        let failed = result.expect_err("an error");
        assert_eq!(answer, Answer::of_failure(answer.http_status), "{failed:?}");
        (failed, answer.http_status)
    }

    /// The answer and the result of `zmd_client_wait`.
    pub fn wait(
        &self,
        module: &str,
        job_id: &str,
        timeout_ms: i64,
        progress: &mut Progress,
    ) -> (Answer, Result<(), Failed>) {
        let mut status = std::mem::MaybeUninit::<zmd_status>::uninit();
        let mut progress: &mut Progress = progress;
        // SAFETY: all pointers are valid, and `progress` outlives the call.
        let result = checked(unsafe {
            let (module, job_id, user_data) = (c(module), c(job_id), (&raw mut progress).cast());
            zmd_client_wait(
                self.0,
                module.as_ptr(),
                job_id.as_ptr(),
                timeout_ms,
                Some(on_poll),
                user_data,
                status.as_mut_ptr(),
            )
        });
        // SAFETY: the call has written all fields.
        (Answer::of(unsafe { status.assume_init_ref() }), result)
    }

    /// The answers and errors of `zmd_client_wait_many`.
    pub fn wait_many(
        &self,
        jobs: &[(&str, &str)],
        timeout_ms: i64,
        progress: &mut Progress,
    ) -> (Vec<Answer>, Vec<zmd_error>, Result<(), Failed>) {
        let mut progress: &mut Progress = progress;
        let user_data = (&raw mut progress).cast();
        self.many(jobs, |client, jobs, count, statuses, errors| {
            // SAFETY: `many` passes valid pointers, and `progress` outlives the call.
            unsafe { zmd_client_wait_many(client, jobs, count, timeout_ms, Some(on_poll), user_data, statuses, errors) }
        })
    }

    pub fn try_clone(&self) -> Result<Client, Failed> {
        let mut clone = self.0;
        // SAFETY: both pointers are valid.
        let result = checked(unsafe { zmd_client_clone(self.0, &mut clone) });
        assert_eq!(clone.is_null(), result.is_err());
        result.map(|()| Client(clone))
    }

    /// What the client has done.
    pub fn counters(&self) -> zmd_counters {
        let mut counters = zmd_counters::default();
        // SAFETY: both pointers are valid, and the size is that of the structure.
        checked(unsafe { zmd_client_counters(self.0, &mut counters, size_of::<zmd_counters>()) }).unwrap();
        counters
    }

    pub fn credits(&self) -> i64 {
        // SAFETY: the client is alive.
        unsafe { zmd_client_credits(self.0) }
    }

    pub fn raw(&self) -> *mut zmd_client {
        self.0
    }

    pub fn cancel(&self) {
        // SAFETY: the client is alive.
        checked(unsafe { zmd_client_cancel(self.0) }).unwrap();
    }

    pub fn set_access_token(&self, token: &str) -> Result<(), Failed> {
        // SAFETY: both pointers are valid.
        checked(unsafe { zmd_client_set_access_token(self.0, c(token).as_ptr()) })
    }

    /// The answers and errors of `zmd_client_status_many`.
    pub fn status_many(&self, jobs: &[(&str, &str)]) -> (Vec<Answer>, Vec<zmd_error>, Result<(), Failed>) {
        self.many(jobs, |client, jobs, count, statuses, errors| {
            // SAFETY: `many` passes valid pointers.
            unsafe { zmd_client_status_many(client, jobs, count, statuses, errors) }
        })
    }

    fn many(
        &self,
        jobs: &[(&str, &str)],
        call: impl FnOnce(*mut zmd_client, *const zmd_job, usize, *mut zmd_status, *mut i32) -> zmd_error,
    ) -> (Vec<Answer>, Vec<zmd_error>, Result<(), Failed>) {
        let names: Vec<_> = jobs.iter().map(|(module, job_id)| (c(module), c(job_id))).collect();
        let jobs: Vec<_> =
            names.iter().map(|(module, job_id)| zmd_job { module: module.as_ptr(), job_id: job_id.as_ptr() }).collect();
        let mut statuses: Vec<zmd_status> = Vec::with_capacity(jobs.len());
        let mut errors: Vec<i32> = Vec::with_capacity(jobs.len());
        let result = checked(call(self.0, jobs.as_ptr(), jobs.len(), statuses.as_mut_ptr(), errors.as_mut_ptr()));
        // SAFETY: there is room for as many elements as there are jobs, and the call writes them all.
        unsafe {
            statuses.set_len(jobs.len());
            errors.set_len(jobs.len());
        }
        (statuses.iter().map(Answer::of).collect(), errors.into_iter().map(zmd_error::of).collect(), result)
    }
}

/// The message and the API's code for one job of the last `_many` call on this thread.
pub fn error_of_job(index: usize) -> (String, String) {
    // SAFETY: both are never NULL and always NUL-terminated.
    let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned();
    (text(zmd_last_error_of_job(index)), text(zmd_last_error_code_of_job(index)))
}

/// A test's progress callback: it gets the job's index, the answer, and the failure, if any; `false` ends the wait.
pub type Progress<'a> = dyn FnMut(usize, Answer, Option<Failed>) -> bool + 'a;

/// A progress callback that does nothing.
pub fn ignore(_: usize, _: Answer, _: Option<Failed>) -> bool {
    true
}

/// The C callback that calls a `Progress`.
unsafe extern "C" fn on_poll(
    user_data: *mut std::ffi::c_void,
    index: usize,
    error: i32,
    status: *const zmd_status,
) -> i32 {
    // SAFETY: the user data is that of `wait` and `wait_many`, which are still running.
    let (progress, status) = unsafe { (&mut *user_data.cast::<&mut Progress>(), &*status) };
    let failed = checked(zmd_error::of(error)).err();
    i32::from(!progress(index, Answer::of(status), failed))
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: it is a client that is not used any more.
        unsafe { zmd_client_free(self.0) }
    }
}

/// What ends "at once" ends before this, and would else last until a time limit of at least half a minute. It is for what several
/// threads have to do: of one thread's limits `timed` knows more.
pub const AT_ONCE: Duration = Duration::from_secs(10);

/// Pauses between polls that are short enough for a test.
pub const QUICK: [(&str, &str); 2] = [("poll_min_ms", "20"), ("poll_max_ms", "100")];

/// A stand-in that accepts the token and has a completed job, Leads 1001.
pub fn sim() -> Sim {
    with_job(Sim::start())
}

/// The same, over TLS or without.
pub fn sim_over(tls: bool) -> Sim {
    with_job(if tls { Sim::builder().tls().start() } else { Sim::start() })
}

pub fn with_job(sim: Sim) -> Sim {
    sim.accept_token(TOKEN);
    sim.add_job("Leads", "1001", Job::new(9, f64::INFINITY));
    sim
}

/// Whether a tool that a test needs is missing. With `ZMD_CI=1` that is a failure; else the test is skipped.
pub fn missing(tool: &str) -> bool {
    if is_installed(tool) {
        return false;
    }
    required(tool);
    true
}

/// What a test needs is missing: see [`missing`].
pub fn required(tool: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    assert!(std::env::var("ZMD_CI").as_deref() != Ok("1"), "{test} needs {tool}, which is not installed");
    skipped(tool, &test);
}

/// Notes it for the summary at the end of `make test`; without that, it is printed.
pub fn skipped(tool: &str, test: &str) {
    match std::env::var_os("ZMD_TEST_SKIPPED") {
        Some(path) => {
            let mut list = fs::File::options().append(true).create(true).open(path).unwrap();
            std::io::Write::write_all(&mut list, format!("{tool}\t{test}\n").as_bytes()).unwrap();
        }
        None => show(&format!("SKIPPED: {test} needs {tool}, which is not installed\n")),
    }
}

pub fn is_installed(tool: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|dir| dir.join(tool).is_file())
    })
}

/// Whether `make sanitize` runs the tests of the programs: no memory is measured then, and no thread forks, as the sanitizers'
/// allocators are not whole in the child of a process with threads.
pub fn is_sanitized() -> bool {
    std::env::var_os("ZMD_TEST_LIBRARY").is_some()
}

/// The shared library without optimization, rebuilt if it is older than its source; `make sanitize` and `make mutants` name
/// another.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("ZMD_TEST_LIBRARY") {
            return std::path::absolute(named).unwrap();
        }
        // Without the static library, which takes longer than everything else.
        build(from_a_shell(env!("CARGO")).args(["rustc", "-q", "-p", "zmd", "--lib", "--crate-type", "cdylib"]));
        target().join("debug/libzmd.so")
    })
}

/// The directory with libzmd.so, libzmd.a and zmd as they ship; in `make test-dist`, for a system that is older than this machine.
pub fn release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        if let Some((_, native)) = shipped() {
            return native.join("x86_64-unknown-linux-gnu");
        }
        // As `make` does, so that it is compiled once.
        build(from_a_shell("make").args(["-s", &format!("CARGO={}", env!("CARGO"))]));
        target().join("release")
    })
}

/// In `make test-dist`: what `make dist` has packed, and what scripts/native has built.
pub fn shipped() -> Option<(PathBuf, PathBuf)> {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from);
    named("ZMD_TEST_DIST").zip(named("ZMD_TEST_NATIVE"))
}

fn build(command: &mut Command) {
    let built = command.env("CARGO_TARGET_DIR", target()).current_dir(ROOT).output().unwrap();
    assert!(built.status.success(), "{command:?}: {}", String::from_utf8_lossy(&built.stderr));
}

/// The directory of this repository.
pub const ROOT: &str = {
    let tests = env!("CARGO_MANIFEST_DIR");
    tests.split_at(tests.len() - "/tests".len()).0
};

/// cargo's directory for what it builds.
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let named = std::env::var_os("CARGO_TARGET_DIR");
        Path::new(ROOT).join(named.map_or_else(|| "target".into(), PathBuf::from))
    })
}

/// A directory for what tests build and keep.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = target().join("tmp");
        fs::create_dir_all(&directory).unwrap();
        directory
    })
}

/// Runs a test's body in a process of its own, where nothing else uses what a process has once: the logger, its descriptors.
pub fn alone(body: impl FnOnce()) {
    const VARIABLE: &str = "ZMD_TEST_ALONE";
    let test = std::thread::current().name().unwrap().to_owned();
    if std::env::var(VARIABLE).as_ref() == Ok(&test) {
        return body();
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    let (exit, out, err) =
        run(itself.args(["--exact", "--nocapture", "--include-ignored", &test]).env(VARIABLE, &test));
    assert!(exit == Some(0) && out.contains("1 passed"), "{test}: {out}{err}");
}

/// Removes the variables that this process would pass on, where the name is one of these.
pub fn without_variables(command: &mut Command, is_unwanted: impl Fn(&str) -> bool) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_unwanted(&name.to_string_lossy())) {
        command.env_remove(name);
    }
}

/// A command without what cargo tells of the package that it tests. Build scripts ask for these variables, and cargo compiles
/// again what was built with others: for a minute, and once more when it is called from a shell.
pub fn from_a_shell(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    without_variables(&mut command, |name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
    // With it, the test programs tell how long each test took.
    command.env_remove("RUSTC_BOOTSTRAP");
    command
}

/// Compiles a program that includes zmd.h, and links it with the shared library.
pub fn compile(compiler: &str, flags: &[&str], source: &str, name: &str) -> PathBuf {
    compile_with(library_directory(), compiler, flags, source, name)
}

/// The same with the library in this directory.
///
/// A process compiles each program once. It gets its place when it is complete: another process may be running the one before.
pub fn compile_with(directory: &Path, compiler: &str, flags: &[&str], source: &str, name: &str) -> PathBuf {
    type Once = Arc<OnceLock<PathBuf>>;
    static COMPILED: Mutex<BTreeMap<String, Once>> = Mutex::new(BTreeMap::new());
    let what = format!("{name}: {compiler} {flags:?} {source} {}", directory.display());
    let once = COMPILED.lock().unwrap().entry(what).or_default().clone();
    once.get_or_init(|| compile_now(directory, compiler, flags, source, name)).clone()
}

fn compile_now(directory: &Path, compiler: &str, flags: &[&str], source: &str, name: &str) -> PathBuf {
    let fresh = built().join(format!("{name}-{}", std::process::id()));
    let output = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"])
        .args(flags)
        .args(std::env::var("ZMD_TEST_CFLAGS").unwrap_or_default().split_whitespace())
        .arg(format!("-I{ROOT}/include"))
        .arg(format!("{ROOT}/{source}"))
        .args(["-x", "none", "-o"])
        .arg(&fresh)
        .arg(format!("-L{}", directory.display()))
        // Looked at before LD_LIBRARY_PATH, which may lead to an installed libzmd: RPATH, and not RUNPATH.
        .arg(format!("-Wl,--disable-new-dtags,-rpath,{}", directory.display()))
        .args(["-lzmd", "-lpthread", "-ldl"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    let program = built().join(name);
    // A compiler that only checks makes none.
    if !flags.contains(&"-fsyntax-only") {
        fs::rename(fresh, &program).unwrap();
    }
    program
}

/// A directory with the library under the names that it has when it is installed.
pub fn library_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| installed(library(), "lib"))
}

/// The same for the library as it ships.
pub fn release_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| installed(&release().join("libzmd.so"), "release"))
}

fn installed(library: &Path, name: &str) -> PathBuf {
    let directory = built().join(name);
    fs::create_dir_all(&directory).unwrap();
    for link in ["libzmd.so", "libzmd.so.0"] {
        // Renamed into place, as other test processes may be using it.
        let new = directory.join(format!("{link}-{}", std::process::id()));
        std::os::unix::fs::symlink(library, &new).unwrap();
        fs::rename(new, directory.join(link)).unwrap();
    }
    directory
}

/// An empty directory of this test process, which every user may enter: servers drop their privileges.
pub fn scratch(name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let directory = std::env::temp_dir().join(format!("zmd-test-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

/// The command `zmd`, with only these variables in its environment.
pub fn zmd_command(environment: &[(&str, &str)]) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        build(from_a_shell(env!("CARGO")).args(["build", "-q", "-p", "zmd-cli"]));
        target().join("debug/zmd")
    });
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().copied());
    command
}

/// Copies a program to where another user may run it: that user may not be allowed to enter the directory of the build.
///
/// Another process does that. If this one had the copy open for writing, so would each child that a thread forks meanwhile,
/// and until it executes its own program nobody can execute the copy.
pub fn copy_program(program: impl AsRef<OsStr>, to: &Path) {
    text_of(Command::new("cp").arg(program).arg(to));
}

/// Sets the environment of a program so that it uses the stand-in.
pub fn environment<'a>(command: &'a mut Command, sim: &Sim) -> &'a mut Command {
    command.env("ZMD_API_DOMAIN", sim.url()).env("ZMD_ACCESS_TOKEN", TOKEN);
    if sim.url().starts_with("https") {
        command.env("ZMD_CA_FILE", sim.ca_file());
    }
    command
}

/// Runs a test program with the stand-in; it must succeed and print `ok NAME`.
pub fn passes(command: &mut Command, name: &str, sim: &Sim) {
    let (exit, out, err) = run(environment(command, sim));
    assert_eq!((exit, out.trim()), (Some(0), &*format!("ok {name}")), "{err}");
}

/// A stand-in with the jobs that the C and Python programs use.
pub fn sim_for_programs(tls: bool) -> Sim {
    let sim = sim_over(tls);
    sim.accept_any_token();
    sim.add_job("Leads", "1002", Job::new(50_000, 40.0));
    sim
}

/// A refresh token of the stand-in, with its client's id and secret.
pub const REFRESH: [&str; 3] = ["1000.refresh", "1000.ID", "secret"];

/// tests/c/stack_test.c, which a command runs, finds each call to take less of the caller's stack than the documentation
/// says. The figures are printed; with `ZMD_WRITE_DOCS=1` the highest one is written into doc/targets.md.
pub fn stack_is_small(command: &mut Command, target: &str) {
    const LIMIT: u32 = 64;
    let [refresh_token, client_id, client_secret] = REFRESH;
    let sim = with_job(Sim::builder().tls().refresh_token(refresh_token, client_id, client_secret).start());
    let directory = scratch(&format!("stack-{target}"));
    let log = directory.join("log");
    command.arg(directory.join("cache")).args(REFRESH).arg(&log).env("ZMD_POLL_MIN_MS", "10");
    let out = text_of(environment(command, &sim));
    assert!(fs::read_to_string(log).unwrap().contains(" trace "));
    let mut lines: Vec<_> = out.lines().map(str::trim).collect();
    assert_eq!(lines.pop(), Some("ok stack_test"));
    show(&format!("stack on {target}: {}\n", lines.join(", ")));
    let figures = lines.iter().map(|line| {
        let (call, figure) = line.rsplit_once(": ").unwrap();
        (figure.strip_suffix(" KB").unwrap().parse::<u32>().unwrap(), call)
    });
    let (most, call) = figures.max().unwrap();
    assert!(most < LIMIT, "{target}: {call}: {most} KB");
    if std::env::var_os("ZMD_WRITE_DOCS").is_some() {
        write_stack(target, &format!("{most} KB | {call}"));
    }
    fs::remove_dir_all(directory).unwrap();
}

/// The row of a target in doc/targets.md, with today's date.
fn write_stack(target: &str, figure: &str) {
    let path = format!("{ROOT}/doc/targets.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = format!("| `{target}` | ");
    let row = format!("{begin}{figure} | {} |", text_of(Command::new("date").arg("+%F")).trim());
    let rows =
        page.split_once("| target | the most | of which call | measured |").unwrap().1.split("\n\n").next().unwrap();
    let written = match rows.lines().find(|line| line.starts_with(&begin)) {
        Some(old) => rows.replace(old, &row),
        None => format!("{rows}\n{row}"),
    };
    fs::write(path, page.replace(rows, &written)).unwrap();
}

/// The program under valgrind, which fails for any error and any leak.
pub fn memcheck(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--num-callers=80", "--leak-check=full"]);
    command
        .args(["--show-leak-kinds=definite,indirect,possible", "--errors-for-leak-kinds=definite,indirect,possible"]);
    command.arg(format!("--suppressions={ROOT}/tests/c/memcheck.supp")).arg(program);
    command
}

/// The names that a shared library exports, in order.
pub fn exported(library: &Path) -> Vec<String> {
    let symbols = text_of(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
    let mut names: Vec<_> =
        symbols.lines().filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned)).collect();
    names.sort_unstable();
    names
}

/// What a built file has in it of this machine's directories: where cargo's dependencies are, the source, the toolchain.
pub fn paths_of_this_machine(file: &Path) -> Vec<String> {
    let variable = |name: &str, or: &str| {
        std::env::var(name).unwrap_or_else(|_| format!("{}/{or}", std::env::var("HOME").unwrap_or_default()))
    };
    let directories =
        [variable("CARGO_HOME", ".cargo"), variable("RUSTUP_HOME", ".rustup"), ROOT.to_owned(), "/usr/src/".to_owned()];
    let target = target().display().to_string();
    let strings = text_of(Command::new("strings").arg("-n4").arg(file));
    assert!(
        strings.contains("/library/core/src/"),
        "{file:?} has the standard library's paths, which are of no machine"
    );
    let found = |line: &&str| directories.iter().chain([&target]).any(|directory| line.contains(directory.as_str()));
    strings.lines().filter(found).map(str::to_owned).collect()
}

/// Prints to standard error, also from a test that passes: the harness captures what tests print otherwise.
pub fn show(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// The access token in the last status request.
pub fn token_in_use(sim: &Sim) -> String {
    let request = sim.all_requests().into_iter().rfind(|request| request.method == "GET").unwrap();
    request.header("Authorization").unwrap().strip_prefix("Zoho-oauthtoken ").unwrap().to_owned()
}

/// Without the last group, whose digits depend on the bytes that follow.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.as_chunks::<3>().0.iter().flat_map(|group| {
        let bits = group.iter().fold(0usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
    });
    groups.collect()
}

/// A crate in the output of `cargo tree`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Compiled {
    pub name: String,
    pub version: String,
    /// Of this workspace.
    pub is_own: bool,
}

/// The crates that are compiled in, for these packages and targets.
pub fn compiled_in(arguments: &[&str]) -> Vec<Compiled> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "-e", "normal", "--prefix", "none", "-f", "{p}"]).args(arguments);
    // `serde_derive v1.0.229 (proc-macro)`; ours have a path.
    let lines = text_of(tree.current_dir(ROOT));
    let of = |line: &str| {
        let (name, rest) = line.split_once(" v").unwrap();
        let version = rest.split(' ').next().unwrap().to_owned();
        Compiled { name: name.to_owned(), version, is_own: line.contains(ROOT) }
    };
    lines.lines().filter(|line| !line.is_empty()).map(of).collect()
}

/// The output of a command, which must succeed.
pub fn text_of(command: &mut Command) -> String {
    let (exit, out, err) = run(command);
    assert_eq!(exit, Some(0), "{command:?}: {out}{err}");
    out
}

/// Exit status, stdout and stderr.
pub fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A part of the version in zmd.h.
pub fn version(part: &str) -> String {
    let header = fs::read_to_string(format!("{ROOT}/include/zmd.h")).unwrap();
    let line = header.lines().find(|line| line.starts_with(&format!("#define ZMD_VERSION_{part} "))).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

pub fn full_version() -> String {
    ["MAJOR", "MINOR", "PATCH"].map(version).join(".")
}

/// The first code block in this language after this heading of the README.
pub fn readme_block(heading: &str, language: &str) -> String {
    doc_block("README.md", heading, language)
}

/// The code blocks in this language of a page.
pub fn doc_blocks(page: &str, language: &str) -> Vec<String> {
    blocks_in(&fs::read_to_string(format!("{ROOT}/{page}")).unwrap(), language)
}

/// The code blocks in this language of a text.
pub fn blocks_in(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The first code block in this language after this heading of a page.
pub fn doc_block(page: &str, heading: &str, language: &str) -> String {
    let text = fs::read_to_string(format!("{ROOT}/{page}")).unwrap();
    let section = text.split_once(heading).unwrap_or_else(|| panic!("{page} has no {heading:?}")).1;
    blocks_in(section, language).into_iter().next().expect("the block")
}

/// A server program, which is killed when it is dropped.
pub struct Daemon(Child);

impl Daemon {
    /// Starts it, and returns when it accepts connections on the port.
    pub fn start(command: &mut Command, port: u16) -> Daemon {
        // Where `is_installed` looks.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let child =
            command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut daemon = Daemon(child);
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(daemon.0.try_wait().unwrap(), None, "{command:?} has ended");
            assert!(begin.elapsed() < Duration::from_secs(20), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: it is this process's own child, which was not waited for.
        unsafe { libc::kill(self.0.id() as i32, signal) };
    }
}

/// An nginx for HTTP: `servers` are its `server` blocks.
pub fn nginx(directory: &Path, port: u16, servers: &str) -> Daemon {
    let config = format!(
        "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log; user root;
         events {{}}
         http {{
             access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
             fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
             {servers}
         }}",
        dir = directory.display(),
    );
    nginx_with(directory, port, &config)
}

/// An nginx with this configuration.
pub fn nginx_with(directory: &Path, port: u16, config: &str) -> Daemon {
    fs::write(directory.join("nginx.conf"), config).unwrap();
    let arguments = ["-p", directory.to_str().unwrap(), "-c", "nginx.conf", "-e", "error.log"];
    Daemon::start(Command::new("nginx").args(arguments), port)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port, below the range that the system uses for ephemeral ports.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + (number % 20_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
