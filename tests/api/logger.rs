//! The logger, of which a process has one.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use common::abi::zmd_error::*;
use common::abi::*;
use common::*;

/// The arguments of a callback.
static LINES: Mutex<Vec<(usize, i32, String)>> = Mutex::new(Vec::new());

unsafe extern "C" fn keep(user_data: *mut c_void, level: i32, message: *const c_char) {
    // SAFETY: the message is a NUL-terminated string.
    let line = unsafe { CStr::from_ptr(message) }.to_str().unwrap().to_owned();
    LINES.lock().unwrap().push((user_data as usize, level, line));
}

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);
static NESTED: AtomicUsize = AtomicUsize::new(0);

/// Calls other functions, a failing one last, and replaces its own logger.
unsafe extern "C" fn call_anything(_: *mut c_void, _: i32, _: *const c_char) {
    let Ok(client) = CLIENT.try_lock() else { return };
    let client = client.as_ref().unwrap();
    assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
    set(None, 0).unwrap();
    set(Some(call_anything), 5).unwrap();
    assert_eq!(client.failure("Leads", "4711").0.error, ZMD_ERR_JOB_NOT_FOUND);
    NESTED.fetch_add(1, Ordering::Relaxed);
}

fn set(log: zmd_log_fn, max_level: i32) -> Result<(), Failed> {
    // SAFETY: the callbacks are static, and do not dereference the pointer.
    checked(unsafe { zmd_set_logger(log, 7 as *mut c_void, max_level) })
}

fn lines_at(max_level: i32, client: &Client) -> Vec<(usize, i32, String)> {
    LINES.lock().unwrap().clear();
    set(Some(keep), max_level).unwrap();
    client.status("Leads", "1001").unwrap();
    set(None, 5).unwrap();
    client.status("Leads", "1001").unwrap();
    std::mem::take(&mut *LINES.lock().unwrap())
}

#[test]
fn the_logger() {
    alone(levels_nested_calls_and_replacement);
}

/// Set while `slow` runs.
static INSIDE: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn slow(_: *mut c_void, _: i32, _: *const c_char) {
    INSIDE.store(true, Ordering::SeqCst);
    CALLS.fetch_add(1, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(100));
    INSIDE.store(false, Ordering::SeqCst);
}

#[test]
fn no_thread_is_in_a_logger_that_was_replaced() {
    alone(replace_a_slow_logger);
}

fn replace_a_slow_logger() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    for (next, max_level) in [(None, 0), (Some(keep as unsafe extern "C" fn(_, _, _)), 1)] {
        set(Some(slow), 4).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| client.status("Leads", "1001").unwrap());
            while !INSIDE.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            set(next, max_level).unwrap();
            assert!(!INSIDE.load(Ordering::SeqCst));
            let calls = CALLS.load(Ordering::SeqCst);
            client.status("Leads", "1001").unwrap();
            assert_eq!(CALLS.load(Ordering::SeqCst), calls);
        });
    }
    // A child of fork() does not wait for a thread that only the parent has.
    #[cfg(unix)]
    {
        set(Some(slow), 4).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| client.status("Leads", "1001").unwrap());
            while !INSIDE.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            // SAFETY: the child makes calls of this library, which is made for that, and ends.
            unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::alarm(300);
                    libc::_exit(set(None, 0).is_err().into());
                }
                let mut status = -1;
                assert_eq!((libc::waitpid(child, &mut status, 0), status), (child, 0));
            }
        });
    }
}

type Work = Box<dyn Fn(&str) + Send + Sync>;

/// What `call` does with a line.
static WORK: OnceLock<Work> = OnceLock::new();

unsafe extern "C" fn call(_: *mut c_void, _: i32, message: *const c_char) {
    // SAFETY: the message is a NUL-terminated string.
    WORK.get().unwrap()(unsafe { CStr::from_ptr(message) }.to_str().unwrap());
}

/// Sets a logger that does this. The process ends if a deadlock stops it.
fn set_work(max_level: i32, work: impl Fn(&str) + Send + Sync + 'static) {
    // SAFETY: the alarm ends the process.
    #[cfg(unix)]
    unsafe {
        libc::alarm(60)
    };
    assert!(WORK.set(Box::new(work)).is_ok());
    set(Some(call), max_level).unwrap();
}

#[test]
fn a_logger_may_use_the_client_that_logs() {
    alone(|| {
        let sim = sim();
        let client = std::sync::Arc::new(Client::of(&sim, &[]));
        let (ours, count) = (client.clone(), std::sync::Arc::new(AtomicUsize::new(0)));
        let counted = count.clone();
        set_work(5, move |_| {
            assert_eq!(ours.status("Leads", "1001"), Ok(Answer::completed()));
            counted.fetch_add(1, Ordering::SeqCst);
        });
        for _ in 0..3 {
            client.status("Leads", "1001").unwrap();
        }
        assert!(client.status_many(&[("Leads", "1001"); 4]).2.is_ok());
        assert!(count.load(Ordering::SeqCst) > 20);
        set(None, 0).unwrap();
    });
}

/// A queue whose polls fail, which is a warning each time.
fn failing_queue(sim: &zmd_sim::Sim) -> usize {
    let client = Client::of(sim, &[("poll_min_ms", "20"), ("poll_max_ms", "20"), ("max_retries", "0")]);
    let (mut waits, mut id) = (std::ptr::null_mut(), 0);
    // SAFETY: the pointers are valid.
    unsafe {
        checked(zmd_waits_new(client.raw(), &mut waits)).unwrap();
        checked(zmd_waits_add(waits, c"Leads".as_ptr(), c"fault-close".as_ptr(), -1, &mut id)).unwrap();
    }
    waits as usize
}

/// Adds a wait, removes it and takes its event.
fn use_queue(waits: usize) {
    let (waits, mut id) = (waits as *mut zmd_waits, 0);
    // SAFETY: it is a queue.
    unsafe {
        checked(zmd_waits_add(waits, c"Leads".as_ptr(), c"1001".as_ptr(), -1, &mut id)).unwrap();
        checked(zmd_waits_remove(waits, id)).unwrap();
        let mut event = std::mem::MaybeUninit::<zmd_event>::uninit();
        checked(zmd_waits_next(waits, 0, event.as_mut_ptr())).unwrap();
    }
}

#[test]
fn a_logger_may_use_the_queue_that_logs_and_free_it() {
    alone(|| {
        let sim = sim();
        let (sender, freed) = std::sync::mpsc::channel();
        let (calls, queue) = (AtomicUsize::new(0), Mutex::new(None));
        let queue = std::sync::Arc::new(queue);
        let ours = queue.clone();
        set_work(2, move |line| {
            assert!(line.starts_with("wait: "), "{line}");
            let Some(waits) = *ours.lock().unwrap() else { return };
            match calls.fetch_add(1, Ordering::SeqCst) {
                0..3 => use_queue(waits),
                3 => {
                    // SAFETY: no other thread uses it.
                    unsafe { zmd_waits_free(waits as *mut zmd_waits) };
                    sender.send(()).unwrap();
                }
                _ => panic!("{line}: it is freed"),
            }
        });
        *queue.lock().unwrap() = Some(failing_queue(&sim));
        freed.recv().unwrap();
        set(None, 0).unwrap();
    });
}

#[test]
fn a_logger_that_blocks_delays_no_other_thread() {
    alone(|| {
        let sim = sim();
        let client = Client::of(&sim, &[]);
        let (inside, is_inside) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (inside, released) = (Mutex::new(inside), Mutex::new(released));
        set_work(2, move |_| {
            inside.lock().unwrap().send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        });
        let waits = failing_queue(&sim);
        is_inside.recv().unwrap();
        // The queue's thread or one of its workers is in the logger.
        use_queue(waits);
        client.status("Leads", "1001").unwrap();
        drop(release);
        set(None, 0).unwrap();
        // SAFETY: no other thread uses it.
        unsafe { zmd_waits_free(waits as *mut zmd_waits) };
    });
}

static MANY: OnceLock<Client> = OnceLock::new();

/// Queries many jobs, which takes threads, and logs nothing.
unsafe extern "C" fn query_many(_: *mut c_void, _: i32, _: *const c_char) {
    assert!(CALLS.fetch_add(1, Ordering::SeqCst) < 100);
    let jobs = [("Leads", "1001"); 4];
    assert!(MANY.get().unwrap().status_many(&jobs).1.iter().all(|error| *error == ZMD_OK));
}

#[test]
fn nested_calls_log_nothing_on_their_threads_either() {
    alone(call_many_in_a_logger);
}

fn call_many_in_a_logger() {
    let sim = sim();
    assert!(MANY.set(Client::of(&sim, &[])).is_ok());
    let client = Client::of(&sim, &[]);
    // Connecting has lines of its own.
    client.status("Leads", "1001").unwrap();
    let expected = lines_at(4, &client).len();
    set(Some(query_many), 4).unwrap();
    client.status("Leads", "1001").unwrap();
    set(None, 0).unwrap();
    assert_eq!(CALLS.load(Ordering::SeqCst), expected);
}

fn levels_nested_calls_and_replacement() {
    let sim = sim();
    let client = Client::of(&sim, &[]);

    // The levels.
    assert_eq!(lines_at(0, &client), []);
    let status = "client: job 1001 of Leads: COMPLETED, 9 of 9 deleted, 0 failed";
    assert_eq!(lines_at(3, &client), [(7, 3, status.to_owned())]);
    let lines = lines_at(4, &client);
    assert!(lines.iter().all(|(user_data, level, line)| *user_data == 7 && *level <= 4 && !line.contains('\n')));
    assert!(lines.contains(&(7, 4, "client: job 1001 of Leads: COMPLETED (HTTP 200)".to_owned())), "{lines:?}");
    // All lines of the HTTP library are trace.
    assert!(lines.iter().all(|(_, _, line)| !line.starts_with("ureq")), "{lines:?}");
    let lines = lines_at(5, &Client::of(&sim, &[]));
    assert!(lines.iter().any(|(_, level, line)| *level == 5 && line.starts_with("ureq: ")), "{lines:?}");
    assert!(lines.contains(&(7, 5, format!("http: {} responded with HTTP 200", sim.url()))), "{lines:?}");

    // A failed poll of a wait that continues is a warning.
    sim.add_job("Leads", "2", zmd_sim::Job::new(50, 1000.0));
    sim.next(zmd_sim::Reply::json(503, "{}"));
    LINES.lock().unwrap().clear();
    set(Some(keep), 2).unwrap();
    let waiting = Client::of(&sim, &[("poll_min_ms", "100")]);
    waiting.wait("Leads", "2", -1, &mut |_, _, _| true).1.unwrap();
    set(None, 0).unwrap();
    let lines = std::mem::take(&mut *LINES.lock().unwrap());
    let [(_, 2, line)] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("wait: job 2 of Leads: ") && line.ends_with("; the next poll is in 0.1 s"), "{line}");

    // The callback may call any function, which does not affect the call that it was called from.
    *CLIENT.lock().unwrap() = Some(Client::of(&sim, &[]));
    set(Some(call_anything), 5).unwrap();
    for _ in 0..20 {
        assert_eq!(client.status("Leads", "1001"), Ok(Answer::completed()));
        let (failed, _) = client.failure("Leads", "12");
        assert!(failed.message.contains("job 12 of"), "{failed:?}");
    }
    assert!(NESTED.load(Ordering::Relaxed) >= 20);
    set(None, 0).unwrap();

    // It may be replaced while calls run.
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    client.status("Leads", "1001").unwrap();
                }
            });
        }
        for round in 0..2000 {
            set(if round % 2 == 0 { Some(keep) } else { None }, round % 6).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    set(None, 0).unwrap();
    *CLIENT.lock().unwrap() = None;
}
