//! The error of the last call on each thread.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char};

use zmd_core::{Error, one_line};

/// A message may quote a server, which may send pages of text.
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
    /// Its number; 0: there is none. Unlike the others it is there until the very end of the thread, where the functions run
    /// that the program passed to `atexit()` or `pthread_key_create()`.
    static NUMBER: Cell<i32> = const { Cell::new(0) };
    /// The errors of the last `_many` call, with the index of the job, in ascending order.
    static JOBS: RefCell<Vec<(usize, LastError)>> = const { RefCell::new(Vec::new()) };
}

/// Clears the last error, but not those of the jobs.
pub(super) fn clear() {
    let _ = LAST.try_with(|last| last.take());
    NUMBER.set(0);
}

pub(super) fn clear_jobs() {
    let _ = JOBS.try_with(|jobs| jobs.take());
}

pub(super) fn record(error: &Error) {
    let _ = LAST.try_with(|last| last.replace(Some(LastError::of(error))));
    NUMBER.set(error.kind() as i32);
}

/// Must be called in the order of the indexes.
pub(super) fn record_job(index: usize, error: &Error) {
    let _ = JOBS.try_with(|jobs| jobs.borrow_mut().push((index, LastError::of(error))));
}

/// Runs `body`, which may make other calls, and keeps the errors of this thread as they are.
pub(super) fn preserve<T>(body: impl FnOnce() -> T) -> T {
    let last = LAST.try_with(|last| last.take());
    let (number, jobs) = (NUMBER.get(), JOBS.try_with(|jobs| jobs.take()));
    let result = body();
    let _ = last.map(|before| LAST.try_with(|last| last.replace(before)));
    NUMBER.set(number);
    let _ = jobs.map(|before| JOBS.try_with(|jobs| jobs.replace(before)));
    result
}

fn read_job(index: usize, part: impl FnOnce(&LastError) -> &CString) -> *const c_char {
    let find = |jobs: &RefCell<Vec<(usize, LastError)>>| {
        let jobs = jobs.borrow();
        let at = jobs.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(part(&jobs[at].1).as_ptr())
    };
    JOBS.try_with(find).ok().flatten().unwrap_or(c"".as_ptr())
}

/// The message of the last error on this thread: what failed and what to do about it, in one line of English in UTF-8.
///
/// The string belongs to the library and is valid until the next call on this thread that returns a `zmd_error`, or
/// the thread's end: copy it if you keep it. It never contains a token or a password. Programs should use the error's
/// number and `zmd_last_error_code()`, as the wording may change in any version. At the very end of a thread or a process
/// (in a function of `atexit()` or `pthread_key_create()`), it may be the text of `zmd_error_message()`.
///
/// @return the message, never NULL; `""` if the last call that returns a `zmd_error` succeeded
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error() -> *const c_char {
    let message = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.message.as_ptr()));
    match (message, NUMBER.get()) {
        (Ok(Some(message)), _) => message,
        (Ok(None), _) | (Err(_), 0) => c"".as_ptr(),
        // The message itself is gone already.
        (Err(_), number) => super::names::description(number).as_ptr(),
    }
}

/// The API's own code for the error of `zmd_last_error()`.
///
/// @return such as `"INVALID_TOKEN"`, never NULL; `""` if the error does not come from the API, or has no code.
///         Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_code() -> *const c_char {
    let code = LAST.try_with(|last| last.borrow().as_ref().map(|last| last.code.as_ptr()));
    code.ok().flatten().unwrap_or(c"".as_ptr())
}

/// The message for one job after `zmd_client_status_many()` or `zmd_client_wait_many()`; `zmd_last_error()` is that of the
/// first job that failed.
///
/// @param index  of the job in the array that was passed to the call
/// @return the message, never NULL; `""` for a job without an error, for an index past the end, and when the last call
///         on this thread that returns a `zmd_error` was neither of the two. Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_of_job(index: usize) -> *const c_char {
    read_job(index, |last| &last.message)
}

/// The API's own code for one job; see `zmd_last_error_of_job()`.
///
/// @param index  of the job in the array that was passed to the call
/// @return the code, never NULL; `""` where there is none. Owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_code_of_job(index: usize) -> *const c_char {
    read_job(index, |last| &last.code)
}
