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

thread_local! {
    static LAST: RefCell<Option<LastError>> = const { RefCell::new(None) };
}

pub(super) fn clear() {
    let _ = LAST.try_with(|last| last.take());
}

pub(super) fn record(error: Error) {
    // An error's texts hold no control characters, and so no NUL.
    let c_string = |text, limit| CString::new(one_line(text, limit)).unwrap_or_default();
    let recorded =
        LastError { message: c_string(error.message(), MESSAGE_LIMIT), code: c_string(error.code(), CODE_LIMIT) };
    let _ = LAST.try_with(|last| last.replace(Some(recorded)));
}

fn read(part: impl FnOnce(&LastError) -> &CString) -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ref().map(|last| part(last).as_ptr())).ok().flatten().unwrap_or(c"".as_ptr())
}

/// Says in one line, in English and UTF-8, what went wrong in the last call on this thread that failed, and
/// what to do about it.
///
/// Never NULL; `""` when the last call that returns a `zmd_error` succeeded. The string belongs to the
/// library and is valid until the next call on this thread that returns a `zmd_error`, or the thread's end:
/// copy it if you keep it. It never holds a token or a password. For programs there is the error's number,
/// and `zmd_last_error_code()`; the wording may change in any version.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error() -> *const c_char {
    read(|last| &last.message)
}

/// The API's own code for the error of `zmd_last_error()`, such as `"INVALID_TOKEN"`; `""` where the error
/// does not come from the API, or has no code.
///
/// Never NULL; owned and valid as `zmd_last_error()` is.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_last_error_code() -> *const c_char {
    read(|last| &last.code)
}
