//! The C face, and the only unsafe code: thin functions, no logic.
//!
//! Each function is written out, as cbindgen reads functions but expands no macros, and each has one call of
//! `guard` for a body, which turns errors, panics and NULLs into numbers.

mod names;
mod last_error;
mod config;
mod client;
mod progress;
mod simple;
mod waits;
mod logger;
#[cfg(feature = "capi")]
mod wipe;

use std::ffi::{CStr, c_char};

pub use client::*;
pub use config::*;
pub use last_error::*;
pub use logger::*;
pub use names::*;
pub use progress::{zmd_progress_elapsed_ms, zmd_progress_next_poll_ms};
pub use simple::*;
pub use waits::*;

use crate::error::{
    Error,
    zmd_error::{self, *},
};
use crate::panic;

/// Runs the body of an entry point: it begins without a last error, and leaves one if it fails.
fn guard(body: impl FnOnce() -> Result<(), Error>) -> zmd_error {
    last_error::clear();
    last_error::clear_jobs();
    match panic::catch(body) {
        Ok(()) => {
            // A logger that was called meanwhile may have left one of its own.
            last_error::clear();
            ZMD_OK
        }
        Err(error) => {
            let kind = error.kind();
            last_error::record(&error);
            kind
        }
    }
}

/// A handle's first field tells what it is, so that a wrong pointer is found out before it does harm: hosts
/// that know one kind of pointer only do confuse a config with a client, or use one that they freed.
struct Tag(u64);

impl Tag {
    const CONFIG: Tag = Tag(u64::from_ne_bytes(*b"zmd_conf"));
    const CLIENT: Tag = Tag(u64::from_ne_bytes(*b"zmd_clnt"));
    const WAITS: Tag = Tag(u64::from_ne_bytes(*b"zmd_wait"));
    const FREED: Tag = Tag(u64::from_ne_bytes(*b"zmd_free"));
}

fn null(name: &str) -> Error {
    Error::new(ZMD_ERR_NULL_POINTER, format!("{name} is NULL"))
}

fn not_a_handle(name: &str) -> Error {
    Error::new(
        ZMD_ERR_INVALID_ARGUMENT,
        format!("{name} is not a handle of this kind that zmd_{name}_new made, or it was freed"),
    )
}

/// A string argument.
///
/// # Safety
///
/// `pointer` is NULL or points to a NUL-terminated string that lives, unchanged, for `'a`.
unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and the caller answers for the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::new(ZMD_ERR_INVALID_ARGUMENT, format!("{name} is not UTF-8")))
}

/// Writes through an out-pointer that may be NULL.
///
/// # Safety
///
/// `pointer` is NULL or valid for writing a `T`; what it points to may be uninitialized.
unsafe fn write<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, and the caller answers for the rest. Hosts without alignment rules (COBOL) may
        // pass any address.
        unsafe { pointer.write_unaligned(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_an_entry_point_is_an_internal_error() {
        assert_eq!(guard(|| panic!("boom")), ZMD_ERR_INTERNAL);
        // SAFETY: never NULL, always NUL-terminated.
        let message = unsafe { CStr::from_ptr(zmd_last_error()) }.to_str().unwrap();
        assert!(message.contains("boom") && message.contains("bug in libzmd"), "{message}");
        assert_eq!(guard(|| Ok(())), ZMD_OK);
        // SAFETY: as above.
        assert!(unsafe { CStr::from_ptr(zmd_last_error()) }.is_empty());
    }
}
