//! The log of a client, in a file or on standard error.

use std::ffi::{CStr, CString, c_char, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use common::abi::zmd_error::*;
use common::abi::*;
use common::*;
use zmd_sim::{Clock, Job, Reply, Sim};

/// A client with a log at this level, and its file.
fn logging(sim: &Sim, name: &str, level: &str, more: &[(&str, &str)]) -> (Client, PathBuf) {
    let file = scratch(name).join("zmd.log");
    let settings = [("log_file", file.to_str().unwrap()), ("log_level", level)];
    (Client::of(sim, &[&settings[..], more].concat()), file)
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// The level, the process, and the rest of each line.
fn lines(text: &str) -> Vec<(String, u32, String)> {
    let parsed = text.lines().map(|line| {
        let mut parts = line.splitn(4, ' ');
        let [time, level, place, rest] = [(); 4].map(|()| parts.next().unwrap_or_else(|| panic!("{line}")));
        assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{line}");
        let (process, thread) = place.split_once('/').unwrap();
        assert!(thread.parse::<u64>().unwrap() > 0, "{line}");
        // Other tests of this process have clients, too.
        let rest = rest.strip_prefix("client ").and_then(|rest| rest.split_once(": ")).map_or(rest, |(_, rest)| rest);
        (level.to_owned(), process.parse().unwrap(), rest.to_owned())
    });
    parsed.collect()
}

fn levels_of(sim: &Sim, level: &str) -> Vec<String> {
    let (client, file) = logging(sim, &format!("log-{level}"), level, &[("max_retries", "1"), ("proxy", "none")]);
    sim.next(Reply::Error("INTERNAL_ERROR"));
    client.status("Leads", "1001").unwrap();
    client.failure("Leads", "4711");
    if !file.exists() {
        return Vec::new();
    }
    let all = text(&file);
    assert!(!all.contains(TOKEN) && !all.contains(&TOKEN[5..25]), "{all}");
    let mut levels: Vec<_> = lines(&all).into_iter().map(|(level, _, _)| level).collect();
    levels.sort();
    levels.dedup();
    levels
}

#[test]
fn each_level_has_what_the_ones_before_it_have() {
    let sim = sim();
    assert_eq!(levels_of(&sim, "off"), [""; 0]);
    assert_eq!(levels_of(&sim, "error"), [""; 0]);
    assert_eq!(levels_of(&sim, "info"), ["info"]);
    assert_eq!(levels_of(&sim, "debug"), ["debug", "info"]);
    assert_eq!(levels_of(&sim, "trace"), ["debug", "info", "trace"]);
}

#[test]
fn info_is_what_an_operator_wants_of_a_night() {
    let sim = with_job(Sim::builder().clock(Clock::driven()).refresh_token("refresh", "id", "secret").start());
    sim.add_job("Leads", "2", Job::new(1000, 1.0));
    let url = sim.url();
    let file = scratch("log-night").join("zmd.log");
    let client = Client::new(&[
        ("api_domain", &*url),
        ("accounts_url", &*url),
        ("refresh_token", "refresh"),
        ("client_id", "id"),
        ("client_secret", "secret"),
        ("log_file", file.to_str().unwrap()),
        QUICK[0],
        QUICK[1],
    ]);
    let client = client.unwrap();
    let mut polls = 0;
    client
        .wait("Leads", "2", -1, &mut |_, _, _| {
            polls += 1;
            if polls == 2 {
                sim.next(Reply::Error("html500"));
            }
            sim.clock().advance(Duration::from_secs(300));
            true
        })
        .1
        .unwrap();
    let all = text(&file);
    let words: Vec<_> = lines(&all).into_iter().map(|(level, _, rest)| format!("{level} {rest}")).collect();
    let job = "wait: job 2 of Leads";
    let expected = [
        format!("info {job}: a wait begins, without a limit"),
        format!("info oauth: access token made by {url}"),
        format!("info {job}: RUNNING, 0 of 1000 deleted, 0 failed; the next poll is in "),
        format!("info {job}: RUNNING, 300 of 1000 deleted, 0 failed; the next poll is in "),
        format!("warning {job}: the response"),
        format!("info {job}: RUNNING, 900 of 1000 deleted, 0 failed; the next poll is in "),
        format!("info {job}: the wait has ended after "),
    ];
    assert_eq!(words.len(), expected.len(), "{all}");
    for (line, begin) in words.iter().zip(&expected) {
        assert!(line.starts_with(begin), "{begin}: {all}");
    }
    assert!(words[3].contains(", about 0 s left"), "{all}");
    assert!(words[6].ends_with(": COMPLETED, 1000 of 1000 deleted, 0 failed"), "{all}");
    for secret in ["refresh\"", "secret", "1000."] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn debug_has_where_the_time_of_each_call_goes() {
    let sim = sim_over(true);
    let (client, file) = logging(&sim, "log-times", "debug", &[]);
    client.status("Leads", "1001").unwrap();
    client.status("Leads", "1001").unwrap();
    let all = text(&file);
    let times: Vec<_> = all.lines().filter(|line| line.contains(" ms, total ")).collect();
    assert!(times.len() == 2 && times[0].contains(": HTTP 200, lookup "), "{all}");
    for step in ["lookup ", "connect ", "TLS ", "first byte ", "total "] {
        assert!(times[0].contains(step), "{step}: {all}");
    }
    // The second one has a connection.
    assert!(times[1].contains(": HTTP 200, first byte "), "{all}");
}

#[cfg(unix)]
#[test]
fn the_file_is_private_and_made_again_when_it_was_moved() {
    use std::os::unix::fs::PermissionsExt;
    let sim = sim();
    let (client, file) = logging(&sim, "log-moved", "info", &[]);
    client.status("Leads", "1001").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let moved = file.with_extension("1");
    fs::rename(&file, &moved).unwrap();
    client.status("Leads", "1001").unwrap();
    assert_eq!((lines(&text(&moved)).len(), lines(&text(&file)).len()), (1, 1));
    // One that the operator has made keeps its mode.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    client.status("Leads", "1001").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(lines(&text(&file)).len(), 2);
}

/// What a logger got.
static TOLD: Mutex<Vec<(i32, String)>> = Mutex::new(Vec::new());

unsafe extern "C" fn keep(_: *mut c_void, level: i32, message: *const c_char) {
    // SAFETY: the message is a NUL-terminated string.
    let line = unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned();
    TOLD.lock().unwrap().push((level, line));
}

fn set_logger(max_level: i32) {
    let log: zmd_log_fn = if max_level > 0 { Some(keep) } else { None };
    // SAFETY: the callback is static.
    checked(unsafe { zmd_set_logger(log, std::ptr::null_mut(), max_level) }).unwrap();
}

#[test]
fn a_log_that_cannot_be_written_costs_lines_and_is_told_once() {
    alone(|| {
        let sim = sim();
        let directory = scratch("log-lost");
        let gone = directory.join("gone/zmd.log");
        let client = Client::of(&sim, &[("log_file", gone.to_str().unwrap())]);
        // Without a logger, too.
        client.status("Leads", "1001").unwrap();
        let client = Client::of(&sim, &[("log_file", gone.to_str().unwrap())]);
        set_logger(2);
        for _ in 0..3 {
            client.status("Leads", "1001").unwrap();
        }
        let told = std::mem::take(&mut *TOLD.lock().unwrap());
        let [(2, line)] = &told[..] else { panic!("{told:?}") };
        assert!(line.contains("log_file ") && line.contains("gone/zmd.log can't be written"), "{line}");
        fs::create_dir(directory.join("gone")).unwrap();
        client.status("Leads", "1001").unwrap();
        assert!(
            text(&gone).contains(" warning ") && text(&gone).contains(": 3 lines before this one"),
            "{}",
            text(&gone)
        );
        // A full disk.
        if cfg!(target_os = "linux") {
            let client = Client::of(&sim, &[("log_file", "/dev/full")]);
            client.status("Leads", "1001").unwrap();
            assert!(TOLD.lock().unwrap().iter().any(|(_, line)| line.contains("/dev/full can't be written")));
        }
        set_logger(0);
    });
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_log_and_does_not_block() {
    let sim = sim();
    let pipe = scratch("log-pipe").join("pipe");
    let path = c(pipe.to_str().unwrap());
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let client = Client::of(&sim, &[("log_file", pipe.to_str().unwrap())]);
    client.status("Leads", "1001").unwrap();
}

#[test]
fn a_logger_and_logs_of_several_clients_work_side_by_side() {
    alone(|| {
        let sim = sim();
        let (first, first_file) = logging(&sim, "log-first", "debug", &[]);
        first.status("Leads", "1001").unwrap();
        assert!(!text(&first_file).contains("client 1:"), "{}", text(&first_file));
        set_logger(3);
        let (second, second_file) = logging(&sim, "log-second", "info", &[]);
        second.status("Leads", "1001").unwrap();
        let clone = first.try_clone().unwrap();
        clone.status_many(&[("Leads", "1001"); 3]).2.unwrap();
        drop(clone);
        // One without a log, and one that logs nothing but that.
        Client::of(&sim, &[]).status("Leads", "1001").unwrap();
        set_logger(0);
        let told = std::mem::take(&mut *TOLD.lock().unwrap());
        assert!(told.iter().all(|(level, _)| *level <= 3) && told.len() == 5, "{told:?}");
        let (one, two) = (text(&first_file), text(&second_file));
        assert_eq!(lines(&two).len(), 1, "{two}");
        assert!(two.contains(" client 2: client: job 1001 of Leads: COMPLETED"), "{two}");
        assert!(lines(&one).iter().any(|(level, _, _)| level == "debug") && !one.contains(" client 2: "), "{one}");
        assert_eq!(one.matches(" client 1: client: job 1001 of Leads: COMPLETED, ").count(), 3, "{one}");
        // After its end a log does not make others log more.
        drop((first, second));
        let before = text(&first_file).len();
        Client::of(&sim, &[]).status("Leads", "1001").unwrap();
        assert_eq!(text(&first_file).len(), before);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_does_not_stay_open() {
    alone(|| {
        let sim = sim();
        let (client, file) = logging(&sim, "log-open", "trace", &[]);
        client.status("Leads", "1001").unwrap();
        let is_log = |entry: fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|open| open == file);
        assert!(!fs::read_dir("/proc/self/fd").unwrap().any(|entry| is_log(entry.unwrap())));
    });
}

#[cfg(unix)]
#[test]
fn a_child_of_fork_writes_lines_with_its_own_process_id() {
    alone(|| {
        let sim = sim();
        let (client, file) = logging(&sim, "log-fork", "info", &[]);
        client.status("Leads", "1001").unwrap();
        // SAFETY: the child makes calls of this library, which is made for that, and ends.
        let child = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::alarm(300);
                libc::_exit(client.status("Leads", "1001").is_err().into());
            }
            let mut status = -1;
            assert_eq!((libc::waitpid(child, &mut status, 0), status), (child, 0));
            child
        };
        client.status("Leads", "1001").unwrap();
        let processes: Vec<_> = lines(&text(&file)).into_iter().map(|(_, process, _)| process).collect();
        assert_eq!(processes, [std::process::id(), child as u32, std::process::id()]);
    });
}

#[test]
fn the_settings_may_come_from_a_connection_string() {
    let sim = sim();
    let file = scratch("log-simple").join("zmd.log");
    let (url, path) = (sim.url(), file.display());
    let settings = c(&format!("api_domain={url};access_token={TOKEN};log_file={path};log_level=DEBUG"));
    let (module, job) = (c("Leads"), c("1001"));
    let mut state = -1;
    // SAFETY: all pointers are valid or NULL.
    let error = unsafe {
        let (module, job, none) = (module.as_ptr(), job.as_ptr(), std::ptr::null_mut());
        zmd_simple_status_with(settings.as_ptr(), module, job, &mut state, none, none, none)
    };
    assert_eq!((error, state), (ZMD_OK, 3));
    let all = text(&file);
    assert!(all.contains(" debug ") && !all.contains(TOKEN), "{all}");
}

/// The log of a program's standard error, and nothing else there.
#[test]
fn standard_error_is_a_log_where_that_is_asked_for() {
    let sim = sim();
    let url = sim.url();
    let environment = |file: &'static str| {
        let log = Some(("ZMD_LOG_FILE", file)).filter(|(_, file)| !file.is_empty());
        let all = [("ZMD_API_DOMAIN", &*url), ("ZMD_ACCESS_TOKEN", TOKEN)].into_iter().chain(log);
        run(zmd_command(&all.collect::<Vec<_>>()).args(["status", "Leads", "1001"]))
    };
    let (exit, _, err) = environment("stderr");
    let all = lines(&err);
    assert_eq!((exit, all.len(), &*all[0].0), (Some(0), 1, "info"), "{err}");
    assert_eq!(environment("").2, "");
}

/// A program that makes so many calls at once, with a client of its environment.
fn program(sim: &Sim, calls: &str, variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(compile("cc", &["-std=c99"], "tests/c/queries.c", "queries-logged"));
    environment(program.env_clear().args([calls, "many"]), sim).envs(variables.iter().copied());
    program
}

/// What a program gets as its standard error, and its other end.
#[cfg(target_os = "linux")]
fn ends() -> [(&'static str, std::os::fd::OwnedFd, std::os::fd::OwnedFd); 3] {
    use std::os::fd::{FromRawFd, OwnedFd};
    let (mut master, mut terminal) = (-1, -1);
    let none = std::ptr::null_mut();
    // SAFETY: it fills in two descriptors, which nothing else owns; the other pointers may be NULL.
    let (master, terminal) = unsafe {
        assert_eq!(libc::openpty(&mut master, &mut terminal, none, none.cast(), none.cast()), 0);
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(terminal))
    };
    let (read, write) = std::io::pipe().unwrap();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    [("pipe", write.into(), read.into()), ("socket", theirs.into(), ours.into()), ("terminal", terminal, master)]
}

#[cfg(target_os = "linux")]
#[test]
fn standard_error_that_nobody_reads_holds_up_no_call() {
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    let sim = sim();
    for (name, theirs, ours) in ends() {
        let mut program = program(&sim, "1000", &[("ZMD_LOG_FILE", "stderr"), ("ZMD_LOG_LEVEL", "trace")]);
        let end_in_time = || {
            // SAFETY: it sets a timer.
            unsafe { libc::alarm(60) };
            Ok(())
        };
        // SAFETY: it may be called between fork and exec.
        unsafe { program.pre_exec(end_in_time) };
        let status = program.stdout(Stdio::null()).stderr(theirs).status().unwrap();
        assert!(status.success(), "{name}: {status}");
        drop(program);
        let mut read = vec![0; 4096];
        let count = fs::File::from(ours).read(&mut read).unwrap();
        let text = String::from_utf8_lossy(&read[..count]).replace("\r\n", "\n");
        assert!(lines(text.rsplit_once('\n').unwrap().0).len() > 5, "{name}: {text}");
    }
}

/// Its reader goes away while threads write.
#[cfg(target_os = "linux")]
#[test]
fn standard_error_whose_reader_goes_away_ends_no_program() {
    use std::io::Read;
    let sim = sim();
    let variables = [("ZMD_LOG_FILE", "stderr"), ("ZMD_LOG_LEVEL", "trace"), ("ZMD_MAX_CONCURRENCY", "8")];
    for round in 1..=10 {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut program = program(&sim, "200", &variables);
        let mut child = program.stdout(Stdio::null()).stderr(writer).spawn().unwrap();
        drop(program);
        reader.read_exact(&mut vec![0; 1000 * round]).unwrap();
        drop(reader);
        let status = child.wait().unwrap();
        assert!(status.success(), "{round}: {status}");
    }
}

/// The signal that a larger file raises would end the program.
#[cfg(target_os = "linux")]
#[test]
fn a_file_stays_below_the_size_that_the_process_may_write() {
    use std::os::unix::process::CommandExt;
    let sim = sim();
    let file = scratch("log-limit").join("zmd.log");
    let mut program = program(&sim, "100", &[("ZMD_LOG_FILE", file.to_str().unwrap())]);
    let limit = libc::rlimit { rlim_cur: 2000, rlim_max: 2000 };
    let set_limit = move || {
        // SAFETY: the limit outlives the call.
        unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
        Ok(())
    };
    // SAFETY: it may be called between fork and exec.
    unsafe { program.pre_exec(set_limit) };
    let (exit, _, err) = run(&mut program);
    assert_eq!((exit, &*err), (Some(0), ""));
    let all = text(&file);
    assert!(all.len() <= 2000 && lines(&all).len() > 5, "{all}");
}

#[test]
fn the_settings_may_come_from_the_environment_or_a_profile() {
    let sim = sim();
    let directory = scratch("log-environment");
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (config, log, of_profile) = (&*path("config.toml"), &*path("env.log"), &*path("profile.log"));
    fs::write(config, format!("[default]\n[night]\nlog_file = '{of_profile}'\nlog_level = 'debug'\n")).unwrap();
    // The levels of the lines in each of the two files, which are removed.
    let logged = |variables: &[(&str, &str)]| {
        let all = [&[("ZMD_CONFIG_FILE", config)], variables].concat();
        let (exit, _, err) = run(&mut program(&sim, "1", &all));
        assert_eq!((exit, &*err), (Some(0), ""), "{variables:?}");
        [log, of_profile].map(|file| {
            let Ok(text) = fs::read_to_string(file) else { return "none" };
            fs::remove_file(file).unwrap();
            let has = |wanted: &str| lines(&text).iter().any(|(level, _, _)| level == wanted);
            match (has("info"), has("debug"), has("trace")) {
                (true, false, false) => "info",
                (true, true, false) => "debug",
                _ => "others",
            }
        })
    };
    let (file, night) = (("ZMD_LOG_FILE", log), ("ZMD_PROFILE", "night"));
    assert_eq!(logged(&[]), ["none", "none"]);
    assert_eq!(logged(&[file]), ["info", "none"]);
    assert_eq!(logged(&[file, ("ZMD_LOG_LEVEL", "debug")]), ["debug", "none"]);
    // A level alone waits for a file that another place names.
    assert_eq!(logged(&[("ZMD_LOG_LEVEL", "trace")]), ["none", "none"]);
    assert_eq!(logged(&[night]), ["none", "debug"]);
    assert_eq!(logged(&[night, ("ZMD_LOG_LEVEL", "info")]), ["none", "info"]);
    assert_eq!(logged(&[night, file]), ["debug", "none"]);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn processes_that_share_a_file_write_whole_lines() {
    const CALLS: usize = 500;
    let sim = sim();
    let file = scratch("log-shared").join("zmd.log");
    let variables =
        [("ZMD_LOG_FILE", file.to_str().unwrap()), ("ZMD_LOG_LEVEL", "debug"), ("ZMD_MAX_CONCURRENCY", "8")];
    let children = [(); 2].map(|()| {
        let mut program = program(&sim, &CALLS.to_string(), &variables);
        program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let ids = children.map(|child| {
        let id = child.id();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        id
    });
    let all = text(&file);
    let all = lines(&all);
    for id in ids {
        let of_process: Vec<_> = all.iter().filter(|(_, process, _)| *process == id).map(|(_, _, rest)| rest).collect();
        let answer = "client: job 1001 of Leads: COMPLETED, ";
        let ended = of_process.iter().filter(|rest| rest.starts_with(answer)).count();
        let whole = of_process.iter().filter(|rest| rest.starts_with("client: ") || rest.starts_with("http: ")).count();
        assert_eq!((ended, whole), (CALLS, of_process.len()));
    }
    assert!(all.iter().all(|(_, process, _)| ids.contains(process)));
}
