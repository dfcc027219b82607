//! Log messages, for the host program's log.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::call::guard;
use super::names::zmd_error;
use zmd_core::{Error, ErrorKind, one_line};

/// Receives a line of the log.
///
/// It is called on the thread that does the work, which may be one of the library's, and on several threads at the same
/// time. It may call any zmd function; what these would log meanwhile is discarded. It must return: no `longjmp`, and
/// no C++ exception through it.
///
/// @param user_data  the pointer that was passed to `zmd_set_logger()`
/// @param level      1 error, 2 warning, 3 info, 4 debug, 5 trace
/// @param message    one line in UTF-8, without a token or a password at any level; valid during the call
#[allow(non_camel_case_types)]
pub type zmd_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, message: *const c_char)>;

/// A host program's callback.
struct Target {
    log: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user_data: *mut c_void,
}

// SAFETY: the pointer is only passed to the callback, which is documented to be called from any thread.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// Read and replaced without a lock, so that the callback may call any zmd function, also in a child of `fork()`.
static TARGET: ArcSwapOption<Target> = ArcSwapOption::const_empty();

struct Logger;

thread_local! {
    /// Whether this thread is inside the callback.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The part of the library that a line comes from: `zmd_core::http::connect` is `http`, `rustls::client` is `rustls`.
fn part(target: &str) -> &str {
    target.strip_prefix("zmd_core::").unwrap_or(target).split("::").next().unwrap_or_default()
}

/// The level of a line: all lines of the HTTP and TLS libraries are trace.
fn level(metadata: &Metadata) -> Level {
    match metadata.target().split("::").next() {
        Some("zmd_core") => metadata.level(),
        _ => Level::Trace,
    }
}

/// The text of a line, of the HTTP library's without the headers: a server may repeat a token in one.
fn words(record: &Record) -> String {
    let mut words = record.args().to_string();
    if part(record.target()).starts_with("ureq")
        && let Some(at) = words.find(", headers: ")
    {
        words.replace_range(at.., " .. }");
    }
    words
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        // Below HTTP, ureq's protocol crate dumps all that it sends in hexadecimal, the tokens included.
        level(metadata) <= log::max_level() && metadata.target() != "ureq_proto::util"
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) || INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true) {
            return;
        }
        if let Some(target) = TARGET.load_full() {
            let line = one_line(&format!("{}: {}", part(record.target()), words(record)), 4000);
            // A line contains no control characters, and so no NUL.
            let line = CString::new(line).unwrap_or_default();
            let level = match level(record.metadata()) {
                Level::Error => 1,
                Level::Warn => 2,
                Level::Info => 3,
                Level::Debug => 4,
                Level::Trace => 5,
            };
            // SAFETY: the caller of zmd_set_logger guarantees that the callback is valid; the string outlives the call.
            unsafe { (target.log)(target.user_data, level, line.as_ptr()) };
        }
        let _ = INSIDE.try_with(|inside| inside.set(false));
    }

    fn flush(&self) {}
}

/// Sets the logger, which receives what the library does: token renewals, retries, connections, TLS.
///
/// A line begins with the part of the library that it comes from: `wait: `, `client: `, `oauth: `, `http: `, and at level 5
/// `ureq: ` or `rustls: `. Each failed poll of a wait that continues is a warning. The wording may change in any version.
///
/// There is one logger in a process, for all clients. Another call replaces it, also while calls are in progress: these may
/// still call the old one for the line that they are about to write.
///
/// @param log        the callback; NULL turns logging off
/// @param user_data  passed to each call of it; the library keeps the pointer until the logger is replaced
/// @param max_level  1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace, which has all lines of the HTTP and TLS
///                   libraries; 0: nothing
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
        // It can be set only once, and later calls fail. In a Rust program that has set its own logger, that one gets the
        // lines.
        let _ = log::set_logger(&Logger);
        TARGET.store(log.map(|log| Arc::new(Target { log, user_data })));
        log::set_max_level(filter);
        Ok(())
    })
}
