//! What every operation returns under every fault: the table of `rows.rs`, each cell of it in a process of its own.
//!
//! `make faults` runs all of it, and prints it; without `--all` (in `make test`) it is the column `status` alone. A word as
//! an argument chooses the rows that have it in their names.
//!
//! In each cell, the result is the expected one, in every round; the call ends within its time limit and 50 ms, less the
//! time for which the calling thread had no processor; and in a round after the first one, not a descriptor, a thread or a
//! byte more is there after the client is freed than was there before it was made. What the threads of `wait_many` lose is not
//! known: a round of it that ends late is repeated.

mod cell;
mod place;
mod rows;
mod wire;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cell::{JobResult, Operation, Order, Repetition};
use common::abi::zmd_error::{self, *};
use place::Place;
use rows::{NAMESPACE, ROWS, Row, TUN, Want};

/// How much longer than its limit a call may take.
const GRACE: Duration = Duration::from_millis(50);

/// Where the fault makes a call time out, and everywhere else.
const SHORT: Duration = Duration::from_millis(700);
const LONG: Duration = Duration::from_secs(10);

/// The first round warms up; as soon as one later leaves nothing behind, it is enough.
const ROUNDS: usize = 4;

/// So many rows at a time: nearly all of the time is waiting.
const ROWS_AT_ONCE: usize = 8;

/// How the table shows a success after more than one attempt of the library.
const AGAIN: &str = "again";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "cell") {
        cell::serve(&Order::parse(&arguments[1..]));
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        ROWS.iter().for_each(|row| println!("{}: test", row.name));
        return ExitCode::SUCCESS;
    }
    let is_whole = arguments.iter().any(|argument| argument == "--all");
    let words: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let operations: &[Operation] = if is_whole { &Operation::ALL } else { &[Operation::Status] };
    let is_chosen = |row: &&Row| words.is_empty() || words.iter().any(|word| row.name.contains(word.as_str()));
    let rows: Vec<&Row> = ROWS.iter().filter(is_chosen).collect();
    if rows.is_empty() && is_whole {
        eprintln!("no row has any of {words:?} in its name");
        return ExitCode::FAILURE;
    }
    common::library();
    let begin = Instant::now();
    let table = Table::of(&rows, operations);
    table.print(operations, begin.elapsed())
}

/// What is shown of a cell, or why it failed.
type Outcome = Result<String, String>;

struct Table<'a> {
    rows: Vec<(&'a Row, Result<Vec<Outcome>, String>)>,
}

impl Table<'_> {
    fn of<'a>(rows: &[&'a Row], operations: &[Operation]) -> Table<'a> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..ROWS_AT_ONCE {
                scope.spawn(|| {
                    while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // A thread of its own: it may move to another network namespace.
                        let cells = thread::scope(|scope| scope.spawn(|| cells(row, operations)).join());
                        let cells =
                            cells.unwrap_or_else(|_| Ok(vec![Err("it could not be made: see above".to_owned())]));
                        done.lock().unwrap().push((*row, cells));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|(row, _)| rows.iter().position(|known| std::ptr::eq(*known, *row)));
        Table { rows: done }
    }

    fn print(&self, operations: &[Operation], took: Duration) -> ExitCode {
        let mut out = String::new();
        let width = ROWS.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        out.push_str(&format!("{:width$}", "fault"));
        operations.iter().for_each(|operation| out.push_str(&format!("  {:<22}", operation.name())));
        out.push_str("  how\n");
        let (mut passed, mut retried, mut left_out) = (0, 0, Vec::new());
        let mut failures = Vec::new();
        for (row, cells) in &self.rows {
            let cells = match cells {
                Ok(cells) => cells,
                Err(why) => {
                    left_out.push(format!("{}: needs {why}", row.name));
                    continue;
                }
            };
            out.push_str(&format!("{:width$}", row.name));
            for (index, outcome) in cells.iter().enumerate() {
                let shown = match outcome {
                    Ok(shown) => {
                        passed += 1;
                        retried += usize::from(shown.starts_with(AGAIN));
                        shown
                    }
                    Err(why) => {
                        let operation = operations.get(index).map_or("", |operation| operation.name());
                        failures.push(format!("{}, {operation}: {why}", row.name));
                        "FAILED"
                    }
                };
                out.push_str(&format!("  {shown:<22}"));
            }
            out.push_str(&format!("  {}\n", row.how));
        }
        for left_out in &left_out {
            out.push_str(&format!("LEFT OUT: {left_out}\n"));
        }
        for failure in &failures {
            out.push_str(&format!("FAILED: {failure}\n"));
        }
        out.push_str(&format!(
            "{} rows ({} left out), {} cells: {passed} passed ({retried} where the library had to retry), {} failed; \
             {:.0} s\n",
            self.rows.len(),
            left_out.len(),
            passed + failures.len(),
            failures.len(),
            took.as_secs_f64()
        ));
        let _ = std::io::stdout().write_all(out.as_bytes());
        let is_ci = std::env::var("ZMD_CI").as_deref() == Ok("1");
        match failures.is_empty() && (left_out.is_empty() || !is_ci) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// The cells of a row, or what it needs that is not there.
fn cells(row: &Row, operations: &[Operation]) -> Result<Vec<Outcome>, String> {
    let is_missing = |need: &&&str| match **need {
        // SAFETY: it has no arguments.
        NAMESPACE => unsafe { libc::geteuid() != 0 || libc::unshare(libc::CLONE_NEWNET) != 0 },
        TUN => !std::path::Path::new(TUN).exists(),
        tool => !common::is_installed(tool),
    };
    if let Some(need) = row.needs.iter().find(is_missing) {
        return Err((*need).to_owned());
    }
    if row.is_in_namespace() {
        place::tool("ip link set lo up");
    }
    let place = (row.make)();
    let outcomes = operations.iter().map(|operation| cell_of(row, &place, *operation, row.want[*operation as usize]));
    Ok(outcomes.collect())
}

/// One process, and its rounds; the result of the last is shown.
fn cell_of(row: &Row, place: &Place, operation: Operation, want: Want) -> Outcome {
    let limit = row.limit.unwrap_or(match want {
        Want::Fails(ZMD_ERR_TIMEOUT, _) | Want::Either(ZMD_ERR_TIMEOUT, _) | Want::Lasts(..) => SHORT,
        _ => LONG,
    });
    let mut process = Process::start(place, operation, want, limit);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        place.before_round(operation);
        let attempts = AtomicUsize::new(0);
        let result = process.repeat(|| {
            place.before_call(operation);
            attempts.store(place.attempts(), Ordering::SeqCst);
            || place.during_call(operation)
        });
        let result = result?;
        let attempts = place.attempts() - attempts.into_inner();
        if let Err(why) = check(&result, place, operation, want, attempts) {
            return Err(format!("{why}: {:?}, {}", result.results, result.message));
        }
        if result.descriptors != 0 || result.threads != 0 {
            return Err(format!(
                "round {round} left {} descriptors and {} threads",
                result.descriptors, result.threads
            ));
        }
        if result.took.saturating_sub(result.lost) > limit + GRACE {
            let Repetition { took, lost, .. } = result;
            let why = format!("it took {took:?} of {limit:?}, of which {lost:?} without a processor");
            if operation != Operation::WaitMany {
                return Err(why);
            }
            rounds.push(why);
            continue;
        }
        if round > 0 && result.bytes <= 0 {
            return Ok(format!("{} {}", shown(&result, want), result.took.as_millis()));
        }
        rounds.push(format!("it left {} bytes behind", result.bytes));
    }
    Err(format!("no round was good: {}", rounds.join("; ")))
}

fn shown(result: &Repetition, want: Want) -> String {
    let name = |error: i32| format!("{:?}", zmd_error::of(error)).trim_start_matches("ZMD_ERR_").to_owned();
    let JobResult { error, http_status, .. } = result.results[0];
    match (error, http_status, want) {
        (0, _, Want::Again) => format!("{AGAIN} ok"),
        (0, ..) => "ok".to_owned(),
        (_, 0, _) => name(error),
        _ => format!("{} {http_status}", name(error)),
    }
}

fn check(result: &Repetition, place: &Place, operation: Operation, want: Want, attempts: usize) -> Result<(), String> {
    const TIMEOUT: i32 = ZMD_ERR_TIMEOUT as i32;
    let jobs = if operation == Operation::WaitMany { 3 } else { 1 };
    if result.results.len() != jobs {
        return Err("a result for each job".to_owned());
    }
    for (index, JobResult { error, http_status, polls }) in result.results.iter().enumerate() {
        let want = if index == 2 && place.spares_a_good_job() { Want::Good } else { want };
        let is_good = match want {
            Want::Good | Want::Again => (*error, *http_status) == (0, 200),
            // The last poll of a wait may be cut short by its end.
            Want::Fails(ZMD_ERR_TIMEOUT, status) => *error == TIMEOUT && [0, status].contains(http_status),
            Want::Fails(kind, status) => (*error, *http_status) == (kind as i32, status),
            Want::Lasts(kind, status) => {
                *error == TIMEOUT
                    && [0, status].contains(http_status)
                    && polls.contains(&(kind as i32))
                    && polls.iter().all(|poll| [kind as i32, TIMEOUT].contains(poll))
                    && result.message.contains("the last poll failed: ")
            }
            Want::Either(one, two) => [one as i32, two as i32].contains(error),
        };
        if !is_good {
            return Err(format!("job {index}: expected {want:?}"));
        }
    }
    if matches!(want, Want::Again) && attempts <= jobs {
        return Err(format!("expected more than one attempt, not {attempts}: was there a fault?"));
    }
    Ok(())
}

/// The process of a cell.
struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    limit: Duration,
}

impl Process {
    fn start(place: &Place, operation: Operation, want: Want, limit: Duration) -> Process {
        let milliseconds = limit.as_millis().to_string();
        let retries = if matches!(want, Want::Again) { "5" } else { "1" };
        let mut settings: Vec<(String, String)> = Vec::new();
        let mut set = |key: &str, value: &str| {
            settings.retain(|(set, _)| set != key);
            settings.push((key.to_owned(), value.to_owned()));
        };
        let (api, accounts) = match operation {
            Operation::Renewal => (place.home.url(), place.url.clone()),
            _ if place.is_by_accounts => (place.home.url(), place.url.clone()),
            _ => (place.url.clone(), place.home.url()),
        };
        set("api_domain", &api);
        set("accounts_url", &accounts);
        cell::token_settings(operation, place.is_warm, place.is_by_accounts)
            .iter()
            .for_each(|(key, value)| set(key, value));
        set("timeout_ms", &milliseconds);
        set("max_retries", retries);
        set("poll_min_ms", "20");
        set("poll_max_ms", "60");
        set("unreachable_ms", "300");
        place.settings.iter().for_each(|(key, value)| set(key, value));
        let order =
            Order { operation, is_warm: place.is_warm, job: place.job.clone(), limit, lookup: place.lookup, settings };
        let mut line = place.in_front.clone();
        line.push(std::env::current_exe().unwrap().to_str().unwrap().to_owned());
        line.extend(order.arguments());
        let mut child = Command::new(&line[0])
            .args(&line[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(cell::COUNTING.0, cell::COUNTING.1)
            // Built here, and not in each cell.
            .env("ZMD_TEST_LIBRARY", common::library())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = mpsc::channel();
        let out: ChildStdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| {
                let _ = to.send(line);
            });
        });
        Process { child, lines, limit }
    }

    /// One call; `arm` is called when the client is there, and what it returns while the call is under way.
    fn repeat<D: FnOnce() + Send>(&mut self, arm: impl FnOnce() -> D) -> Result<Repetition, String> {
        let patience = self.limit + Duration::from_secs(30);
        self.say("round");
        loop {
            match self.lines.recv_timeout(patience) {
                Ok(line) if line == "ready" => break,
                Ok(_) => {}
                Err(_) => return Err(self.words()),
            }
        }
        let during = arm();
        self.say("go");
        let line = thread::scope(|scope| {
            scope.spawn(during);
            self.lines.recv_timeout(patience)
        });
        let line = line.map_err(|_| self.words())?;
        Repetition::parse(&line).ok_or_else(|| format!("{line:?} is no result"))
    }

    fn say(&mut self, line: &str) {
        // Where the process has ended, its own words are the failure.
        let _ = writeln!(self.child.stdin.as_ref().unwrap(), "{line}");
    }

    /// What a process said that did not answer.
    fn words(&mut self) -> String {
        let _ = self.child.kill();
        let mut words = String::new();
        let _ = self.child.stderr.take().unwrap().read_to_string(&mut words);
        format!("the process of the cell ended: {}", words.trim())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
