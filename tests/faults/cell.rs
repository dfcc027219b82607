//! One cell of the table: a process of its own, in which there is the library and nothing else.
//!
//! So what is left of it can be counted exactly: descriptors and threads of the process, and the bytes that glibc's
//! allocator has given out (`mallinfo2`, with the caches of threads turned off: see `COUNTING`). That is more than what
//! this library allocates: what the C library does for it counts too.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use common::{Answer, Client, Failed, TOKEN, error_of_job, ignore, timed};

/// Without caches of threads, and with one arena, the number of bytes in use is exact.
pub const COUNTING: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1");

/// What is done while the fault is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Status,
    Wait,
    WaitMany,
    /// A status call whose token is renewed, with the fault at the accounts server.
    Renewal,
}

impl Operation {
    pub const ALL: [Operation; 4] = [Operation::Status, Operation::Wait, Operation::WaitMany, Operation::Renewal];

    pub fn name(self) -> &'static str {
        match self {
            Operation::Status => "status",
            Operation::Wait => "wait",
            Operation::WaitMany => "wait_many",
            Operation::Renewal => "renewal",
        }
    }
}

/// What one call did, and what it left behind.
#[derive(Clone, Debug)]
pub struct Repetition {
    /// Of a call for many jobs: one for each job.
    pub results: Vec<JobResult>,
    pub took: Duration,
    /// For how long of it the calling thread had no processor.
    pub lost: Duration,
    pub descriptors: i64,
    pub threads: i64,
    pub bytes: i64,
    pub message: String,
}

/// What a call returned for one job.
#[derive(Clone, Debug)]
pub struct JobResult {
    pub error: i32,
    pub http_status: i32,
    /// Of a wait: with what its polls ended, each once.
    pub polls: Vec<i32>,
}

/// Three jobs, of which the third is a good one.
const GOOD: &str = "1001";

/// What the table's process asks for, as arguments of this one.
pub struct Order {
    pub operation: Operation,
    /// A first call, before the fault is there, opens the connections.
    pub is_warm: bool,
    pub job: String,
    pub limit: Duration,
    /// For how long a look-up that the system has not finished may keep its thread.
    pub lookup: Duration,
    pub settings: Vec<(String, String)>,
}

impl Order {
    pub fn arguments(&self) -> Vec<String> {
        let mut all = vec![
            "cell".to_owned(),
            self.operation.name().to_owned(),
            self.is_warm.to_string(),
            self.job.clone(),
            self.limit.as_millis().to_string(),
            self.lookup.as_millis().to_string(),
        ];
        all.extend(self.settings.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
        all
    }

    pub fn parse(arguments: &[String]) -> Order {
        let milliseconds = |text: &str| Duration::from_millis(text.parse().unwrap());
        let [operation, is_warm, job, limit, lookup, settings @ ..] = arguments else { panic!("{arguments:?}") };
        Order {
            operation: *Operation::ALL.iter().find(|of| of.name() == operation).unwrap(),
            is_warm: is_warm == "true",
            job: job.clone(),
            limit: milliseconds(limit),
            lookup: milliseconds(lookup),
            settings: settings.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
        }
    }
}

/// Makes a call for each line of its input: after the line `ready` it waits for another line, and then prints the result.
pub fn serve(order: &Order) {
    let mut lines = std::io::stdin().lock().lines();
    // The allocator and the standard streams have what they need for ever.
    println!("hello");
    while lines.next().is_some() {
        let before = Left::now();
        let settings: Vec<_> = order.settings.iter().map(|(key, value)| (&**key, &**value)).collect();
        let client = Client::new(&settings).unwrap();
        if order.is_warm {
            // As a wait, which has a limit of its own: that of a call is short, as the fault is to take all of it.
            let (answer, ended) = client.wait("Leads", GOOD, 60_000, &mut ignore);
            assert_eq!((answer, ended), (Answer::completed(), Ok(())), "the call before the fault");
        }
        println!("ready");
        if lines.next().is_none() {
            return;
        }
        let (took, (results, message)) = timed(|| call(&client, order));
        drop(client);
        drop(settings);
        let mut line = format!("{} {} ", took.whole().as_micros(), took.lost().as_micros());
        for JobResult { error, http_status, polls } in &results {
            line.push_str(&format!("{error}:{http_status}"));
            polls.iter().for_each(|poll| line.push_str(&format!(":{poll}")));
            line.push(',');
        }
        line.push(' ');
        line.push_str(&message);
        // To where it does not count.
        let mut text = [0u8; 2048];
        let length = line.len().min(text.len());
        text[..length].copy_from_slice(&line.as_bytes()[..length]);
        drop((results, message, line));
        forget_last_error();
        let after = Left::settled(&before, order.lookup);
        let out = std::io::stdout();
        let mut out = out.lock();
        let left = [after.descriptors - before.descriptors, after.threads - before.threads, after.bytes - before.bytes];
        write!(out, "{} {} {} ", left[0], left[1], left[2]).unwrap();
        out.write_all(&text[..length]).unwrap();
        out.write_all(b"\n").unwrap();
    }
}

impl Repetition {
    pub fn parse(line: &str) -> Option<Repetition> {
        let mut words = line.splitn(7, ' ');
        let mut number = || words.next()?.parse::<i64>().ok();
        let (descriptors, threads, bytes, took) = (number()?, number()?, number()?, number()?);
        let lost = number()?;
        let results = words.next()?.split_terminator(',');
        let results = results.map(|result| {
            let numbers: Vec<i32> = result.split(':').map(|number| number.parse().ok()).collect::<Option<_>>()?;
            let [error, http_status, polls @ ..] = &*numbers else { return None };
            Some(JobResult { error: *error, http_status: *http_status, polls: polls.to_vec() })
        });
        Some(Repetition {
            results: results.collect::<Option<_>>()?,
            took: Duration::from_micros(took as u64),
            lost: Duration::from_micros(lost as u64),
            descriptors,
            threads,
            bytes,
            message: words.next().unwrap_or_default().to_owned(),
        })
    }
}

fn call(client: &Client, order: &Order) -> (Vec<JobResult>, String) {
    let limit = order.limit.as_millis() as i64;
    let mut polls = vec![Vec::new(); 3];
    let mut record = |index: usize, _: Answer, failed: Option<Failed>| {
        let error = failed.map_or(0, |failed| failed.error as i32);
        if !polls[index].contains(&error) {
            polls[index].push(error);
        }
        true
    };
    let (answers, errors, message) = match order.operation {
        Operation::Status | Operation::Renewal => {
            let (answer, result) = client.ask("Leads", &order.job);
            let failed = result.err();
            let error = failed.as_ref().map_or(0, |failed| failed.error as i32);
            (vec![answer], vec![error], failed.map(|failed| failed.message).unwrap_or_default())
        }
        Operation::Wait => {
            let (answer, result) = client.wait("Leads", &order.job, limit, &mut record);
            let failed = result.err();
            let error = failed.as_ref().map_or(0, |failed| failed.error as i32);
            (vec![answer], vec![error], failed.map(|failed| failed.message).unwrap_or_default())
        }
        Operation::WaitMany => {
            let jobs = [("Leads", &*order.job), ("Leads", &*order.job), ("Leads", GOOD)];
            let (answers, errors, result) = client.wait_many(&jobs, limit, &mut record);
            // What the call returns is the first failure, and each has its own message.
            let first = errors.iter().position(|error| *error as i32 != 0);
            let expected = first.map(|index| errors[index]);
            assert_eq!(result.as_ref().err().map(|failed| failed.error), expected);
            for (index, error) in errors.iter().enumerate() {
                assert_eq!(error_of_job(index).0.is_empty(), *error as i32 == 0);
            }
            let message = result.err().map(|failed| failed.message).unwrap_or_default();
            (answers, errors.iter().map(|error| *error as i32).collect(), message)
        }
    };
    let results = answers.iter().zip(errors).zip(polls).map(|((answer, error), polls)| {
        // A success is the whole answer, and a failure has nothing of one.
        match error {
            0 => assert_eq!(*answer, Answer::completed()),
            _ => assert_eq!((answer.state, answer.total, answer.deleted), (0, -1, -1), "{answer:?}"),
        }
        JobResult { error, http_status: answer.http_status, polls }
    });
    (results.collect(), message)
}

/// A successful call, after which no message is kept.
fn forget_last_error() {
    let mut config = std::ptr::null_mut();
    // SAFETY: the pointer is valid, and the configuration is freed at once.
    unsafe {
        assert_eq!(common::abi::zmd_config_new(&mut config) as i32, 0);
        common::abi::zmd_config_free(config);
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Left {
    descriptors: i64,
    threads: i64,
    bytes: i64,
}

impl Left {
    fn now() -> Left {
        let count = |directory: &str| std::fs::read_dir(directory).unwrap().count() as i64;
        // In this order: a thread that is not there any more holds no descriptor.
        let threads = count("/proc/self/task");
        let descriptors = count("/proc/self/fd");
        // SAFETY: it takes nothing.
        let info = unsafe { libc::mallinfo2() };
        Left { descriptors, threads, bytes: (info.uordblks + info.hblkhd) as i64 }
    }

    /// The kernel may list a thread for a moment after it was joined.
    fn settled(before: &Left, lookup: Duration) -> Left {
        let until = Instant::now() + lookup.max(Duration::from_millis(200));
        loop {
            let now = Left::now();
            if now.threads <= before.threads || Instant::now() >= until {
                return now;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// An access token that the service refuses: it has to be renewed.
pub const STALE: &str = "1000.stale0123456789abcdef.stalefedcba9876543210";

/// The settings with which a cell asks.
pub fn token_settings(operation: Operation, is_warm: bool, by_accounts: bool) -> Vec<(&'static str, &'static str)> {
    let grant = crate::place::GRANT;
    match operation {
        Operation::Renewal if is_warm => grant.to_vec(),
        Operation::Renewal => [&[("access_token", STALE)][..], &grant].concat(),
        _ if by_accounts => grant.to_vec(),
        _ => vec![("access_token", TOKEN)],
    }
}
