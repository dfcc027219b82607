//! The queue of waits, through the C API; and functions for a status, an error and the times of a poll.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::abi::zmd_error::{self, *};
use common::abi::*;
use common::*;
use zmd_sim::{Clock, Job, Reply, Sim};

/// The library's threads.
fn thread_count() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "libzmd").count()
}

/// A queue of the C ABI.
struct Waits(*mut zmd_waits);

// SAFETY: the library guarantees it, and the tests check that.
unsafe impl Sync for Waits {}

/// `zmd_event`, with the message of its error.
#[derive(Debug)]
struct Event {
    id: u64,
    error: zmd_error,
    has_ended: bool,
    elapsed_ms: i64,
    next_poll_ms: i64,
    state: i32,
    deleted: i64,
    message: String,
}

impl Waits {
    fn of(client: &Client) -> Waits {
        let mut waits = null_mut();
        // SAFETY: both are valid.
        checked(unsafe { zmd_waits_new(client.raw(), &mut waits) }).unwrap();
        Waits(waits)
    }

    fn call(&self, module: &str, job_id: &str, timeout_ms: i64, is_status: bool) -> Result<u64, Failed> {
        let (module, job_id) = (CString::new(module).unwrap(), CString::new(job_id).unwrap());
        let mut id = u64::MAX;
        let add = if is_status { zmd_waits_add_status } else { zmd_waits_add };
        // SAFETY: all pointers are valid.
        checked(unsafe { add(self.0, module.as_ptr(), job_id.as_ptr(), timeout_ms, &mut id) }).map(|()| id)
    }

    fn add(&self, job_id: &str, timeout_ms: i64) -> u64 {
        self.call("Leads", job_id, timeout_ms, false).unwrap()
    }

    fn remove(&self, id: u64) {
        // SAFETY: it is a queue.
        checked(unsafe { zmd_waits_remove(self.0, id) }).unwrap();
    }

    fn cancel(&self) {
        // SAFETY: it is a queue.
        checked(unsafe { zmd_waits_cancel(self.0) }).unwrap();
    }

    fn next(&self, timeout_ms: i64) -> Result<Event, Failed> {
        let mut event = std::mem::MaybeUninit::<zmd_event>::uninit();
        // SAFETY: both are valid.
        checked(unsafe { zmd_waits_next(self.0, timeout_ms, event.as_mut_ptr()) })?;
        // SAFETY: the call has written all fields.
        let event = unsafe { event.assume_init() };
        let message = error_of_job(0).0;
        assert_eq!(event.error == 0, message.is_empty());
        Ok(Event {
            id: event.id,
            error: zmd_error::of(event.error),
            has_ended: event.has_ended == 1,
            elapsed_ms: event.elapsed_ms,
            next_poll_ms: event.next_poll_ms,
            state: event.status.state,
            deleted: event.status.deleted_count,
            message,
        })
    }

    /// The next event that is the last one of its wait.
    fn next_end(&self) -> Event {
        loop {
            let event = self.next(10_000).unwrap();
            if event.has_ended {
                return event;
            }
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        // SAFETY: it is a queue that is not used any more.
        unsafe { zmd_waits_free(self.0) }
    }
}

#[test]
fn an_event_has_96_bytes() {
    assert_eq!(size_of::<zmd_event>(), 96);
    let offsets = [
        std::mem::offset_of!(zmd_event, id),
        std::mem::offset_of!(zmd_event, error),
        std::mem::offset_of!(zmd_event, has_ended),
        std::mem::offset_of!(zmd_event, elapsed_ms),
        std::mem::offset_of!(zmd_event, next_poll_ms),
        std::mem::offset_of!(zmd_event, status),
    ];
    assert_eq!(offsets, [0, 8, 12, 16, 24, 32]);
}

#[test]
fn an_event_has_the_forecast_of_the_end() {
    let sim = sim();
    let client = Client::of(&sim, &[("poll_min_ms", "50"), ("poll_max_ms", "50")]);
    let waits = Waits::of(&client);
    // It takes a hundred seconds, if nobody ends it.
    sim.add_job("Leads", "2", Job::new(100_000, 1000.0));
    let id = waits.add("2", -1);
    let mut forecasts = Vec::new();
    for _ in 0..20 {
        let event = waits.next(10_000).unwrap();
        forecasts.push((event.elapsed_ms, zmd_progress_remaining_ms()));
    }
    assert_eq!(forecasts[0].1, -1, "{forecasts:?}");
    let (at, remaining) = forecasts[forecasts.len() - 1];
    assert!((50_000..200_000).contains(&(at + remaining)), "{forecasts:?}");
    client
        .wait("Leads", "1001", -1, &mut |_, _, _| {
            assert_eq!(zmd_progress_remaining_ms(), -1, "of the callback's poll");
            true
        })
        .1
        .unwrap();
    waits.remove(id);
    waits.next_end();
    assert_eq!(zmd_progress_remaining_ms(), -1, "of an end");
    thread::spawn(|| assert_eq!(zmd_progress_remaining_ms(), -1, "on another thread")).join().unwrap();
}

#[test]
fn each_poll_is_an_event_and_the_last_one_ends_the_wait() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(600, 1000.0));
    let waits = Waits::of(&Client::of(&sim, &QUICK));
    let id = waits.add("2", -1);
    let mut before = (0, 0);
    loop {
        let event = waits.next(10_000).unwrap();
        assert_eq!((event.id, event.error), (id, ZMD_OK));
        // The next poll is made at the reported time, or a little later.
        assert!(event.elapsed_ms >= before.0 + before.1, "{event:?} after {before:?}");
        before = (event.elapsed_ms, event.next_poll_ms);
        if event.has_ended {
            assert_eq!((event.state, event.deleted, event.next_poll_ms), (3, 600, -1));
            break;
        }
        assert_eq!(event.state, 2);
        assert!((20..=100).contains(&event.next_poll_ms), "{event:?}");
    }
    assert_eq!(waits.next(0).unwrap_err().error, ZMD_ERR_TIMEOUT);
}

/// Whether the queue's handle is readable within so many milliseconds.
#[cfg(unix)]
fn is_readable(waits: &Waits, timeout_ms: i32) -> bool {
    // SAFETY: it is a queue, and the structure has one element.
    unsafe {
        let fd = zmd_waits_handle(waits.0) as i32;
        assert!(fd > 2, "{fd}");
        let mut one = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        libc::poll(&mut one, 1, timeout_ms) == 1
    }
}

#[cfg(unix)]
#[test]
fn the_handle_is_readable_while_there_are_events() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(600, 1000.0));
    let client = Client::of(&sim, &[("poll_min_ms", "20"), ("poll_max_ms", "50")]);
    let waits = Waits::of(&client);
    assert!(!is_readable(&waits, 0));
    let id = waits.add("2", -1);
    loop {
        assert!(is_readable(&waits, 10_000));
        // Without blocking, as an event loop takes it.
        let event = waits.next(0).unwrap();
        if event.has_ended {
            assert_eq!(event.id, id);
            break;
        }
    }
    assert!(!is_readable(&waits, 0));
    // Two events, of which one is taken. The first handle stays.
    for _ in 0..2 {
        waits.remove(waits.add("2", -1));
    }
    while waits.next_end().error != ZMD_ERR_CANCELLED {}
    assert!(is_readable(&waits, 0));
    while waits.next_end().error != ZMD_ERR_CANCELLED {}
    assert!(!is_readable(&waits, 0));
    // That there will be none is to be taken too, again and again.
    waits.cancel();
    assert!(is_readable(&waits, 10_000));
    assert_eq!(waits.next(0).unwrap_err().error, ZMD_ERR_CANCELLED);
    assert!(is_readable(&waits, 0));
    // One that has events already when the handle is made.
    let waits = Waits::of(&client);
    waits.remove(waits.add("2", -1));
    assert!(is_readable(&waits, 0));
    // SAFETY: NULL, and a handle of another kind.
    unsafe {
        assert_eq!((zmd_waits_handle(null_mut()), zmd_waits_handle(client.raw().cast())), (-1, -1));
    }
}

#[cfg(unix)]
#[test]
fn a_child_of_fork_has_no_handle() {
    alone(|| {
        let waits = Waits::of(&Client::of(&sim(), &[]));
        assert!(!is_readable(&waits, 0));
        // SAFETY: the child calls the library, which is made for that, and ends.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::_exit((zmd_waits_handle(waits.0) != -1).into());
            }
            let mut status = -1;
            assert_eq!((libc::waitpid(child, &mut status, 0), status), (child, 0));
        }
    });
}

#[test]
fn a_thousand_waits_take_six_threads() {
    alone(a_thousand_waits);
}

fn a_thousand_waits() {
    let sim = sim();
    for job in 0..1000 {
        sim.add_job("Leads", &format!("{}", 10_000 + job), Job::new(400 + job, 1000.0));
    }
    let client = Client::of(&sim, &[("poll_min_ms", "200"), ("poll_max_ms", "1000")]);
    let before = thread_count();
    let waits = Waits::of(&client);
    let ids: HashMap<_, _> = (0..1000).map(|job| (waits.add(&format!("{}", 10_000 + job), -1), job)).collect();
    assert_eq!(ids.len(), 1000);
    let (mut ended, mut most) = (HashSet::new(), 0);
    while ended.len() < 1000 {
        let event = waits.next_end();
        assert_eq!((event.error, event.state, event.deleted), (ZMD_OK, 3, 400 + ids[&event.id]), "{event:?}");
        assert!(ended.insert(event.id));
        most = most.max(thread_count() - before);
    }
    // The scheduler, and max_concurrency workers.
    assert!((1..=6).contains(&most), "{most}");
    drop(waits);
    assert_eq!(thread_count(), before);
}

#[test]
fn a_wait_that_is_removed_ends_at_once_and_the_others_continue() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(500, 1000.0));
    let waits = Waits::of(&Client::of(&sim, &QUICK));
    let (hanging, going) = (waits.add("fault-stall-before-header", -1), waits.add("2", -1));
    sim.wait_for_requests(2);
    let (took, ()) = timed(|| waits.remove(hanging));
    assert!(took.at_most(Duration::from_millis(50)), "{took:?}");
    let ends = [waits.next_end(), waits.next_end()];
    assert_eq!(ends.each_ref().map(|event| (event.id, event.error)), [(hanging, ZMD_ERR_CANCELLED), (going, ZMD_OK)]);
    // An ended wait, and an unknown id.
    waits.remove(hanging);
    waits.remove(12345);
    assert_eq!(waits.next(0).unwrap_err().error, ZMD_ERR_TIMEOUT);
}

#[test]
fn the_log_of_the_client_has_the_end_of_a_wait_that_is_removed() {
    let sim = sim();
    let log = scratch("log-removed").join("zmd.log");
    let client = Client::of(&sim, &[("log_file", log.to_str().unwrap())]);
    let waits = Waits::of(&client);
    waits.remove(waits.add("fault-stall-before-header", -1));
    waits.next_end();
    let all = std::fs::read_to_string(log).unwrap();
    assert!(all.contains("ZMD_ERR_CANCELLED: the program ended this call, not the job"), "{all}");
}

#[test]
fn the_places_of_removed_waits_are_free_at_once() {
    let sim = sim();
    let waits = Waits::of(&Client::of(&sim, &QUICK));
    // As many as max_concurrency.
    let stalled: Vec<_> = (0..5).map(|_| waits.add("fault-stall-before-header", -1)).collect();
    sim.wait_for_requests(5);
    stalled.iter().for_each(|id| waits.remove(*id));
    let id = waits.add("1001", 20_000);
    let ends = [(); 6].map(|()| waits.next_end());
    let end = ends.iter().find(|event| event.id == id).unwrap();
    assert_eq!(end.error, ZMD_OK, "{end:?}");
}

#[test]
fn a_rate_limit_does_not_delay_what_is_asked_once() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(500, 0.001));
    let waits = Waits::of(&Client::of(&sim, &QUICK));
    sim.next(Reply::Error("TOO_MANY_REQUESTS").header("Retry-After", "3600"));
    let limited = waits.add("2", -1);
    let event = waits.next(20_000).unwrap();
    assert_eq!((event.id, event.error, event.has_ended), (limited, ZMD_ERR_RATE_LIMITED, false));
    assert!(event.next_poll_ms > 3_590_000, "{event:?}");
    let polled_once = waits.add("2", 0);
    let event = waits.next(20_000).unwrap();
    assert_eq!((event.id, event.error, event.has_ended, event.next_poll_ms), (polled_once, ZMD_OK, false, -1));
    let event = waits.next(20_000).unwrap();
    assert_eq!((event.id, event.error, event.has_ended), (polled_once, ZMD_ERR_TIMEOUT, true));
    assert!(event.message.contains("it is RUNNING"), "{}", event.message);
    let status = waits.call("Leads", "2", -1, true).unwrap();
    let event = waits.next(20_000).unwrap();
    assert_eq!((event.id, event.error), (status, ZMD_OK));
    assert_eq!(waits.next(0).unwrap_err().error, ZMD_ERR_TIMEOUT);
}

#[test]
fn a_status_is_one_event_with_retries() {
    let sim = sim();
    let waits = Waits::of(&Client::of(&sim, &[]));
    sim.next(Reply::json(503, "{}"));
    let id = waits.call("Leads", "1001", -1, true).unwrap();
    let event = waits.next(10_000).unwrap();
    assert_eq!((event.id, event.error, event.has_ended, event.state), (id, ZMD_OK, true, 3));
    assert_eq!(sim.requests(), 2);
    waits.call("Leads", "404404", -1, true).unwrap();
    let event = waits.next(10_000).unwrap();
    assert_eq!((event.error, event.has_ended), (ZMD_ERR_JOB_NOT_FOUND, true));
    assert!(event.message.contains("404404"), "{}", event.message);
    // With its own time limit.
    waits.call("Leads", "fault-stall-before-header", 300, true).unwrap();
    let event = waits.next(10_000).unwrap();
    assert_eq!(event.error, ZMD_ERR_TIMEOUT);
    assert!(event.message.contains("300 ms"), "{}", event.message);
}

#[test]
fn a_cancel_ends_all_waits_and_refuses_more() {
    for cancels_client in [false, true] {
        let sim = sim();
        sim.add_job("Leads", "2", Job::new(1_000_000, 1.0));
        let client = Client::of(&sim, &QUICK);
        let waits = Waits::of(&client);
        let ids: HashSet<_> =
            (0..20).map(|_| waits.add("2", -1)).chain([waits.add("fault-stall-before-header", -1)]).collect();
        sim.wait_for_requests(10);
        let (took, ended) = timed(|| {
            if cancels_client {
                client.cancel()
            } else {
                waits.cancel()
            }
            ids.iter().map(|_| waits.next_end()).collect::<Vec<_>>()
        });
        assert!(took.at_most(AT_ONCE), "{took:?}");
        assert!(ended.iter().all(|event| event.error == ZMD_ERR_CANCELLED));
        assert_eq!(ended.iter().map(|event| event.id).collect::<HashSet<_>>(), ids);
        assert_eq!(waits.next(-1).unwrap_err().error, ZMD_ERR_CANCELLED);
        assert_eq!(waits.call("Leads", "2", -1, false).unwrap_err().error, ZMD_ERR_CANCELLED);
        // The client still works, unless it was cancelled itself.
        assert_eq!(client.status("Leads", "1001").is_ok(), !cancels_client);
    }
}

#[test]
fn a_cancel_wakes_threads_that_wait_for_an_event() {
    let sim = sim();
    let waits = Waits::of(&Client::of(&sim, &[]));
    thread::scope(|scope| {
        let blocked = [(); 4].map(|()| scope.spawn(|| waits.next(-1).unwrap_err().error));
        waits.cancel();
        for thread in blocked {
            assert_eq!(thread.join().unwrap(), ZMD_ERR_CANCELLED);
        }
    });
}

#[test]
fn a_queue_is_freed_at_once_and_may_outlive_its_client() {
    alone(a_queue_outlives_its_client);
}

fn a_queue_outlives_its_client() {
    let sim = sim();
    sim.add_job("Leads", "2", Job::new(1_000_000, 1.0));
    let before = thread_count();
    let client = Client::of(&sim, &QUICK);
    let waits = Waits::of(&client);
    drop(client);
    for job_id in ["2", "fault-stall-before-header", "2"] {
        waits.add(job_id, -1);
    }
    assert_eq!(waits.next(10_000).unwrap().state, 2);
    sim.wait_for_requests(3);
    let (took, ()) = timed(|| drop(waits));
    assert!(took.at_most(AT_ONCE), "{took:?}");
    assert_eq!(thread_count(), before);
}

#[test]
fn each_event_goes_to_one_of_many_threads() {
    let sim = sim();
    let waits = Waits::of(&Client::of(&sim, &[("max_concurrency", "20")]));
    let count = AtomicUsize::new(0);
    let mut seen = thread::scope(|scope| {
        let takers = [(); 4].map(|()| {
            scope.spawn(|| {
                let mut ids = Vec::new();
                // Until the cancel below.
                while let Ok(event) = waits.next(-1) {
                    ids.push(event.id);
                    count.fetch_add(1, Ordering::SeqCst);
                }
                ids
            })
        });
        let adders = [(); 4].map(|()| scope.spawn(|| (0..100).map(|_| waits.add("1001", -1)).collect::<Vec<_>>()));
        let added: HashSet<_> = adders.into_iter().flat_map(|adder| adder.join().unwrap()).collect();
        assert_eq!(added.len(), 400);
        while count.load(Ordering::SeqCst) < 400 {
            thread::sleep(Duration::from_millis(1));
        }
        waits.cancel();
        let taken: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        assert_eq!(taken.iter().copied().collect::<HashSet<_>>(), added);
        taken
    });
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 400);
}

#[test]
fn bad_arguments_are_errors() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    let waits = Waits::of(&client);
    let error = |result: Result<u64, Failed>| result.unwrap_err().error;
    assert_eq!(error(waits.call("Sales Orders", "1", -1, false)), ZMD_ERR_INVALID_ARGUMENT);
    assert_eq!(error(waits.call("Leads", "1 2", -1, true)), ZMD_ERR_INVALID_ARGUMENT);
    assert_eq!(error(waits.call("Leads", "1", 0, true)), ZMD_ERR_INVALID_ARGUMENT);
    let mut none = null_mut();
    let mut event = std::mem::MaybeUninit::<zmd_event>::uninit();
    // SAFETY: NULL is allowed everywhere; a client is not a queue, which its tag shows.
    unsafe {
        assert_eq!(zmd_waits_new(null_mut(), &mut none), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_new(client.raw(), null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_add(null_mut(), c"Leads".as_ptr(), c"1".as_ptr(), -1, null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_add(waits.0, null(), c"1".as_ptr(), -1, null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_add(waits.0, c"Leads".as_ptr(), c"1001".as_ptr(), -1, null_mut()), ZMD_OK);
        assert_eq!(zmd_waits_add_status(waits.0, c"Leads".as_ptr(), null(), -1, null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_next(waits.0, -1, null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_next(null_mut(), -1, event.as_mut_ptr()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_remove(null_mut(), 0), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_cancel(null_mut()), ZMD_ERR_NULL_POINTER);
        assert_eq!(zmd_waits_cancel(client.raw().cast()), ZMD_ERR_INVALID_ARGUMENT);
        zmd_waits_free(null_mut());
        zmd_waits_free(client.raw().cast());
    }
    assert_eq!(waits.next_end().error, ZMD_OK);
    // A queue of a client that was cancelled.
    client.cancel();
    // SAFETY: both are valid.
    assert_eq!(unsafe { zmd_waits_new(client.raw(), &mut none) }, ZMD_ERR_CANCELLED);
    assert!(none.is_null());
}

#[test]
fn a_child_of_fork_is_refused() {
    let sim = sim();
    let waits = Waits::of(&Client::of(&sim, &[]));
    waits.add("fault-stall-before-header", -1);
    sim.wait_for_requests(1);
    // SAFETY: the child calls the library, which is what the test is about, and ends without running anything else.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut event = std::mem::MaybeUninit::<zmd_event>::uninit();
        // SAFETY: as in the parent; the child may free its copy of the handle.
        let refused = unsafe {
            let refused = [
                zmd_waits_add(waits.0, c"Leads".as_ptr(), c"1001".as_ptr(), -1, null_mut()),
                zmd_waits_next(waits.0, 1000, event.as_mut_ptr()),
                zmd_waits_remove(waits.0, 0),
                zmd_waits_cancel(waits.0),
            ];
            zmd_waits_free(waits.0);
            refused.iter().all(|error| *error == ZMD_ERR_INVALID_ARGUMENT)
        };
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(if refused { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: it is a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    // The parent's queue still works.
    waits.add("1001", -1);
    assert_eq!(waits.next_end().state, 3);
}

#[test]
fn success_means_that_all_records_were_deleted() {
    let status = |state: i32, total_count, deleted_count, failed_count| {
        // SAFETY: all bytes but the state's make a zmd_status, and the state is read as a number.
        let mut status: zmd_status = unsafe { std::mem::zeroed() };
        status.total_count = total_count;
        status.deleted_count = deleted_count;
        status.failed_count = failed_count;
        let mut raw = std::mem::MaybeUninit::new(status);
        // SAFETY: the state is the first field, of four bytes.
        unsafe {
            raw.as_mut_ptr().cast::<i32>().write(state);
            (zmd_status_is_successful(raw.as_ptr()), zmd_status_has_ended(raw.as_ptr()))
        }
    };
    for (state, total, deleted, failed, expected) in [
        (3, 9, 9, 0, (1, 1)),
        (3, -1, -1, -1, (1, 1)),
        (3, -1, 9, 0, (1, 1)),
        (3, 9, -1, -1, (1, 1)),
        (3, 9, 8, 1, (0, 1)),
        (3, 9, 8, 0, (0, 1)),
        (3, -1, 9, 1, (0, 1)),
        (4, 9, 9, 0, (0, 1)),
        (2, 9, 9, 0, (0, 0)),
        (0, 9, 9, 0, (0, 0)),
        (5, 9, 9, 0, (0, 0)),
        (6, 9, 9, 0, (0, 0)),
        (77, 9, 9, 0, (0, 0)),
    ] {
        assert_eq!(status(state, total, deleted, failed), expected, "{state} {total} {deleted} {failed}");
    }
    // SAFETY: NULL is allowed.
    assert_eq!(unsafe { (zmd_status_is_successful(null()), zmd_status_has_ended(null())) }, (0, 0));
}

#[test]
fn the_transient_errors() {
    let transient: Vec<_> = (-1..100).filter(|error| zmd_error_is_transient(*error) == 1).collect();
    assert_eq!(transient, [10, 11, 13, 14, 15, 25, 26]);
}

#[test]
fn a_callback_can_get_its_times() {
    let sim = with_job(Sim::builder().clock(Clock::driven()).start());
    sim.add_job("Leads", "2", Job::new(3, 1.0));
    let client = Client::of(&sim, &QUICK);
    let times = || (zmd_progress_elapsed_ms(), zmd_progress_next_poll_ms());
    assert_eq!(times(), (-1, -1));
    let mut seen = Vec::new();
    client
        .wait("Leads", "2", -1, &mut |_, answer, _| {
            // A wait inside the callback has its own times.
            client.wait("Leads", "1001", -1, &mut |_, _, _| zmd_progress_next_poll_ms() == -1).1.unwrap();
            seen.push((answer.state, times()));
            sim.clock().advance(Duration::from_secs(1));
            true
        })
        .1
        .unwrap();
    assert_eq!(times(), (-1, -1));
    let (last, before) = seen.split_last().unwrap();
    assert_eq!((last.0, last.1.1, before.len()), (3, -1, 3));
    assert!(before.iter().all(|(state, (_, next))| *state == 2 && (20..=100).contains(next)), "{before:?}");
    // A poll is made at the reported time, or later.
    let times: Vec<_> = seen.iter().map(|(_, times)| *times).collect();
    assert!(times.windows(2).all(|polls| polls[1].0 >= polls[0].0 + polls[0].1), "{times:?}");
}

#[test]
fn a_status_call_may_have_its_own_time_limit() {
    let sim = sim();
    let client = Client::of(&sim, &[]);
    let within = |job_id: &std::ffi::CStr, timeout_ms| {
        let mut status = std::mem::MaybeUninit::<zmd_status>::uninit();
        // SAFETY: all pointers are valid.
        checked(unsafe {
            zmd_client_status_within(client.raw(), c"Leads".as_ptr(), job_id.as_ptr(), timeout_ms, status.as_mut_ptr())
        })
    };
    assert_eq!(within(c"1001", 5000), Ok(()));
    assert_eq!(within(c"1001", -1), Ok(()));
    assert_eq!(within(c"1001", 0).unwrap_err().error, ZMD_ERR_INVALID_ARGUMENT);
    let (took, failed) = timed(|| within(c"fault-stall-before-header", 300).unwrap_err());
    assert_eq!(failed.error, ZMD_ERR_TIMEOUT);
    assert!(took.at_least(Duration::from_millis(300)) && took.at_most(Duration::from_millis(400)), "{took:?}");
}

#[test]
fn a_wait_for_a_host_that_does_not_exist_ends_at_once() {
    let client =
        Client::new(&[("api_domain", "https://zmd-test.invalid"), ("access_token", TOKEN), ("proxy", "none")]).unwrap();
    let (took, (_, result)) = timed(|| client.wait("Leads", "1", 60_000, &mut |_, _, _| true));
    assert_eq!(result.unwrap_err().error, ZMD_ERR_DNS);
    assert!(took.at_most(Duration::from_secs(20)), "{took:?}");
}

#[test]
fn a_wait_for_an_unreachable_service_ends_after_unreachable_ms() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let settings = [("api_domain", &*url), ("access_token", TOKEN), ("unreachable_ms", "700")];
    let client = Client::new(&[&settings[..], &QUICK[..]].concat()).unwrap();
    let (took, (_, result)) = timed(|| client.wait("Leads", "1", 60_000, &mut |_, _, _| true));
    let failed = result.unwrap_err();
    assert_eq!(failed.error, ZMD_ERR_CONNECT);
    assert!(failed.message.contains("unreachable_ms (700 ms)"), "{}", failed.message);
    assert!(took.at_least(Duration::from_millis(690)) && took.at_most(Duration::from_millis(900)), "{took:?}");
}
