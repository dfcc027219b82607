//! The logger: a function of the host program.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::call::guard;
use super::last_error;
use super::log_lines::{self, Line};
use super::names::zmd_error;
use zmd_core::logging::{self, host_level, is_without_secrets, level, log_for, part};
use zmd_core::{Error, ErrorKind, one_line, process_id};

/// Receives a line of the log.
///
/// It is called on the thread that does the work, which may be one of the library's, and on several threads at the same
/// time; the lines of a thread come in their order. No lock is held meanwhile: it may call any zmd function, and wait for
/// what other threads do. It delays its own call alone. What its own calls would log is discarded. It must return: no
/// `longjmp`, and no C++ exception through it.
///
/// @param user_data  the pointer that was passed to `zmd_set_logger()`
/// @param level      1 error, 2 warning, 3 info, 4 debug, 5 trace
/// @param message    one line in UTF-8, without a token or a password at any level; valid during the call
#[allow(non_camel_case_types)]
pub type zmd_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char)>;

/// A host program's callback, or that there is none. While a thread calls it, the thread has an `Arc` of it.
struct Target {
    log: zmd_log_fn,
    user_data: *mut c_void,
    /// The process whose threads may have an `Arc`. In a child of `fork()` those of the parent are never dropped.
    process: u64,
    /// The callbacks before it that threads of the process may still be in.
    replaced: Vec<Weak<Target>>,
}

// SAFETY: the pointer is only passed to the callback, which is documented to be called from any thread.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// Read and replaced without a lock, so that the callback may call any zmd function, also in a child of `fork()`.
static TARGET: ArcSwapOption<Target> = ArcSwapOption::const_empty();

/// The callback, as one of this process.
fn target() -> Option<Arc<Target>> {
    let target = TARGET.load_full()?;
    let process = process_id();
    if target.process == process {
        return Some(target);
    }
    let ours = Arc::new(Target { log: target.log, user_data: target.user_data, process, replaced: Vec::new() });
    let previous = TARGET.compare_and_swap(&target, Some(ours.clone()));
    match &*previous {
        Some(previous) if Arc::ptr_eq(previous, &target) => Some(ours),
        // Another thread was faster, with the same callback or a new one.
        other => other.clone(),
    }
}

/// Replaces the callback. Outside of a callback it waits until no thread is in an earlier one.
fn replace(log: zmd_log_fn, user_data: *mut c_void) {
    let process = process_id();
    let mut made = None;
    TARGET.rcu(|current| {
        let replaced = match current {
            Some(current) if current.process == process => {
                let earlier = current.replaced.iter().filter(|target| target.strong_count() > 0).cloned();
                earlier.chain([Arc::downgrade(current)]).collect()
            }
            _ => Vec::new(),
        };
        made = Some(Arc::new(Target { log, user_data, process, replaced }));
        made.clone()
    });
    // Inside a callback it would wait for itself.
    if let Some(made) = made.filter(|_| !logging::is_discarded()) {
        // Neither a lock nor a condition variable, as a fork() may happen at any time.
        while made.replaced.iter().any(|target| target.strong_count() > 0) {
            thread::sleep(Duration::from_millis(1));
        }
        // What the callbacks did happens before what the caller does now: pairs with the decrement of the count.
        fence(Ordering::Acquire);
        if log.is_none() {
            // Nothing is left to wait for, and no memory in use.
            TARGET.compare_and_swap(&made, None);
        }
    }
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let level = level(metadata);
        level <= host_level() || log_for(level).is_some()
    }

    fn log(&self, record: &Record) {
        let level = level(record.metadata());
        let is_for_host = level <= host_level() && !logging::is_discarded();
        let log = log_for(level);
        if (is_for_host || log.is_some()) && is_without_secrets(record) {
            let text = one_line(&format!("{}: {}", part(record.target()), record.args()), 4000);
            let of_client = log.map(|log| {
                let line = log.line(level, &text);
                (log, line)
            });
            // A line contains no control characters, and so no NUL.
            let text = CString::new(text).unwrap_or_default();
            log_lines::push(Line { level, text, is_for_host, of_client, process: process_id() });
        }
    }

    /// Delivers the lines of this thread, which holds no lock.
    fn flush(&self) {
        // Not from inside the callback, whose calls end with a flush too.
        if logging::is_discarded() {
            return;
        }
        while let Some(line) = log_lines::pop() {
            if let Some(problem) = line.of_client.and_then(|(log, line)| log.write(&line)) {
                deliver(Level::Warn, &CString::new(problem).unwrap_or_default());
            }
            if line.is_for_host {
                deliver(line.level, &line.text);
            }
        }
    }
}

/// Calls the host program's callback.
fn deliver(level: Level, text: &CStr) {
    if level <= host_level()
        && let Some(target) = target()
        && let Some(log) = target.log
    {
        // SAFETY: the caller of zmd_set_logger guarantees that the callback is valid until it is replaced and `target` is
        // dropped; the string outlives the call.
        let call = || unsafe { log(target.user_data, level as i32, text.as_ptr()) };
        last_error::preserve(|| logging::discard(call));
    }
}

/// Takes what this library logs: for a logger that the host program sets, and for clients with a log of their own.
pub(super) fn install() {
    // It can be set only once, and later calls fail.
    let _ = log::set_logger(&Logger);
}

/// Sets the logger, which receives what the library does: token renewals, retries, connections, TLS.
///
/// A line begins with the part of the library that it comes from: `wait: `, `client: `, `oauth: `, `http: `, and at level 5
/// `ureq: ` or `rustls: `. Each failed poll of a wait that continues is a warning. The wording may change in any version.
///
/// Hosts that can't pass a function set `log_file` instead, of a client; both work side by side.
///
/// There is one logger in a process, for all clients. Another call replaces it, also while calls are in progress, and returns
/// when no other thread is in an earlier logger, so that its `user_data` can be freed: do not hold a lock that the logger
/// takes. A call from inside a logger does not wait. After `fork()` the child has the logger too.
///
/// @param log        the callback; NULL turns logging off
/// @param user_data  passed to each call of it; the library keeps the pointer until the logger is replaced
/// @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace, which has lines of the HTTP and TLS libraries
///                   too, those that can't carry a secret; 0: nothing
/// @return `ZMD_OK`, or `ZMD_ERR_INVALID_ARGUMENT` for another level; then the logger is unchanged
///
/// # Safety
///
/// `log` is NULL or a function that may be called from any thread until it is replaced, with `user_data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_set_logger(log: zmd_log_fn, user_data: *mut c_void, max_level: i32) -> zmd_error {
    guard(|| {
        let filter = match max_level {
            _ if log.is_none() => LevelFilter::Off,
            0 => LevelFilter::Off,
            1 => LevelFilter::Error,
            2 => LevelFilter::Warn,
            3 => LevelFilter::Info,
            4 => LevelFilter::Debug,
            5 => LevelFilter::Trace,
            other => {
                let message = format!(
                    "max_level {other} is not a level: 1 errors, 2 warnings, 3 infos, 4 debug, 5 trace, 0 nothing"
                );
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
        };
        install();
        replace(log, user_data);
        logging::set_host_level(filter);
        Ok(())
    })
}
