//! Arguments and results: C strings, pointers that may be NULL, time limits.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use zmd_core::{Error, ErrorKind, JobId, ModuleName};

pub(super) fn null(name: &str) -> Error {
    Error::new(ErrorKind::NullPointer, format!("{name} is NULL"))
}

/// A string argument.
///
/// # Safety
///
/// `pointer` is NULL or points to a NUL-terminated string that lives, unchanged, for `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and the caller guarantees the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::new(ErrorKind::InvalidArgument, format!("{name} is not UTF-8")))
}

/// A string argument for a setting: invalid UTF-8 is an invalid setting.
///
/// # Safety
///
/// As for `text`.
pub(super) unsafe fn utf8<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { text(pointer, name) }
        .map_err(|error| if pointer.is_null() { error } else { Error::new(ErrorKind::InvalidConfig, error.message()) })
}

/// The same for an argument that may be NULL.
///
/// # Safety
///
/// As for `text`.
pub(super) unsafe fn optional_utf8<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, Error> {
    // SAFETY: guaranteed by the caller.
    if pointer.is_null() { Ok(None) } else { unsafe { utf8(pointer, name) }.map(Some) }
}

/// Checks the module and the id of a job.
///
/// # Safety
///
/// Both are NULL or NUL-terminated strings that do not change during the call.
pub(super) unsafe fn job(module: *const c_char, job_id: *const c_char) -> Result<(ModuleName, JobId), Error> {
    // SAFETY: guaranteed by the caller.
    let (module, job_id) = unsafe { (text(module, "module")?, text(job_id, "job_id")?) };
    Ok((ModuleName::parse(module)?, JobId::parse(job_id)?))
}

/// Writes through an out-pointer that may be NULL.
///
/// # Safety
///
/// `pointer` is NULL or valid for writing a `T`; what it points to may be uninitialized.
pub(super) unsafe fn write<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, and the caller guarantees the rest. Hosts without alignment rules (COBOL) may
        // pass any address.
        unsafe { pointer.write_unaligned(value) }
    }
}

/// Writes an element of an array that may be NULL.
///
/// # Safety
///
/// `array` is NULL or has an element `index` that may be written.
pub(super) unsafe fn write_at<T>(array: *mut T, index: usize, value: T) {
    if !array.is_null() {
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(array.add(index), value) }
    }
}

/// Writes a text with a NUL to a buffer, truncated to fit. NULL and a size of 0 are not written to.
///
/// # Safety
///
/// `buffer` is NULL or valid for writing `size` bytes.
pub(super) unsafe fn write_text(buffer: *mut c_char, size: usize, text: &str) {
    if buffer.is_null() || size == 0 {
        return;
    }
    let end = floor_char_boundary(text, size - 1);
    // SAFETY: not NULL, and one byte more than `end` fits.
    unsafe {
        buffer.copy_from_nonoverlapping(text.as_ptr().cast(), end);
        buffer.add(end).write(0);
    }
}

/// The end of the longest part of a text that has at most `limit` bytes, and whole characters.
pub(super) fn floor_char_boundary(text: &str, limit: usize) -> usize {
    (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

/// The limit of a wait; a negative one is none.
pub(super) fn timeout(timeout_ms: i64) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// The limit of a status call; a negative one is the setting.
pub(super) fn call_timeout(timeout_ms: i64) -> Result<Option<Duration>, Error> {
    match timeout(timeout_ms) {
        Some(Duration::ZERO) => {
            let message =
                "timeout_ms is 0: pass 1 or more milliseconds, or a negative number for the setting timeout_ms";
            Err(Error::new(ErrorKind::InvalidArgument, message))
        }
        timeout => Ok(timeout),
    }
}

/// A time in milliseconds; -1: none.
pub(super) fn milliseconds(time: Option<Duration>) -> i64 {
    time.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_in_milliseconds() {
        assert_eq!((timeout(-1), timeout(0), timeout(7)), (None, Some(Duration::ZERO), Some(Duration::from_millis(7))));
        assert!(call_timeout(0).is_err());
        assert_eq!((call_timeout(-5).unwrap(), call_timeout(7).unwrap()), (None, Some(Duration::from_millis(7))));
    }

    #[test]
    fn times_in_milliseconds() {
        let long = Duration::MAX;
        assert_eq!(
            (milliseconds(None), milliseconds(Some(long)), milliseconds(Some(long / u32::MAX / 4))),
            (-1, i64::MAX, 1_073_741_824_250)
        );
    }
}
