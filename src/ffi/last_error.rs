//! What the last call on a thread failed of.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use crate::error::{Error, one_line};

/// A server may send pages of text; this much of it is worth reading.
const MESSAGE_LIMIT: usize = 1000;
/// The API's longest documented code has 26 characters.
const CODE_LIMIT: usize = 100;

struct LastError {
    message: CString,
    code: CString,
}

impl LastError {
    fn of(error: &Error) -> LastError {
        // An error's texts hold no control characters, and so no NUL.
        let c_string = |text, limit| CString::new(one_line(text, limit)).unwrap_or_default();
        LastError { message: c_string(error.message(), MESSAGE_LIMIT), code: c_string(error.code(), CODE_LIMIT) }
    }
}

thread_local! {
    static LAST: RefCell<Option<LastError>> = const { RefCell::new(None) };
    /// After a call for many jobs: those that failed, by their place, in its order.
    static JOBS: RefCell<Vec<(usize, LastError)>> = const { RefCell::new(Vec::new()) };
}

/// Forgets the last error, but not those of the jobs.
pub(super) fn clear() {
    let _ = LAST.try_with(|last| last.take());
}

pub(super) fn clear_jobs() {
    let _ = JOBS.try_with(|jobs| jobs.take());
}

pub(super) fn record(error: &Error) {
    let _ = LAST.try_with(|last| last.replace(Some(LastError::of(error))));
}

/// To be called in the order of the places.
pub(super) fn record_job(index: usize, error: &Error) {
    let _ = JOBS.try_with(|jobs| jobs.borrow_mut().push((index, LastError::of(error))));
}

fn read(part: impl FnOnce(&LastError) -> &CString) -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ref().map(|last| part(last).as_ptr())).ok().flatten().unwrap_or(c"".as_ptr())
}

fn read_job(index: usize, part: impl FnOnce(&LastError) -> &CString) -> *const c_char {
    let find = |jobs: &RefCell<Vec<(usize, LastError)>>| {
        let jobs = jobs.borrow();
        let at = jobs.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(part(&jobs[at].1).as_ptr())
    };
    JOBS.try_with(find).ok().flatten().unwrap_or(c"".as_ptr())
}

/// Says in one line, in English and UTF-8, what went wrong in the last call on this thread that failed, and
/// what to do about it.
///
/// The string belongs to the library and is valid until the next call on this thread that returns a `zmd_error`, or
/// the thread's end: copy it if you keep it. It never holds a token or a password. For programs there is the
/// error's number, and `zmd_last_error_code()`; the wording may change in any version.
///
/// @return the line, never NULL; `""` when the last call that returns a `zmd_error` succeeded
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error() -> *const c_char {
    read(|last| &last.message)
}

/// The API's own code for the error of `zmd_last_error()`.
///
/// @return such as `"INVALID_TOKEN"`, never NULL; `""` where the error does not come from the API, or has no code.
///         Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_code() -> *const c_char {
    read(|last| &last.code)
}

/// What `zmd_last_error()` would say of one job after `zmd_client_status_many()` or `zmd_client_wait_many()`, which
/// themselves leave there the first job's error alone.
///
/// @param index  of the job in the array that the call was given
/// @return the line, never NULL; `""` for a job without an error, for an index past the end, and when the last call
///         on this thread that returns a `zmd_error` was neither of the two. Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_of_job(index: usize) -> *const c_char {
    read_job(index, |last| &last.message)
}

/// What `zmd_last_error_code()` would give for one job; see `zmd_last_error_of_job()`.
///
/// @param index  of the job in the array that the call was given
/// @return the code, never NULL; `""` where there is none. Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_code_of_job(index: usize) -> *const c_char {
    read_job(index, |last| &last.code)
}
