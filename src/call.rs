//! What each call of the C interface runs in.

use super::last_error;
use super::names::{ZMD_OK, number_of, zmd_error};
use super::panic_hook;
use zmd_core::{Error, NotCancelled, panic};

/// Runs the body of a function. Clears the last error first, and sets it if the body fails.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Error>) -> zmd_error {
    let _not_cancelled = NotCancelled::begin();
    last_error::clear();
    last_error::clear_jobs();
    match run(body) {
        Ok(()) => {
            // A callback may have made calls that failed.
            last_error::clear();
            ZMD_OK
        }
        Err(error) => {
            last_error::record(&error);
            number_of(&error)
        }
    }
}

/// Runs the body of a function that returns no error, such as one that frees something. The last error stays: a program may
/// free what it has before it prints it.
pub(super) fn without_error(body: impl FnOnce()) {
    let _not_cancelled = NotCancelled::begin();
    let result = run(|| {
        body();
        Ok(())
    });
    if let Err(error) = result {
        log::error!("{error}");
    }
}

fn run(body: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    panic_hook::install();
    let result = panic::catch(body);
    log::logger().flush();
    result
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::super::zmd_last_error;
    use super::*;
    use zmd_core::ErrorKind;

    #[test]
    fn a_panic_in_a_call_is_an_internal_error() {
        assert_eq!(guard(|| panic!("boom")), ErrorKind::Internal as i32);
        // SAFETY: never NULL, always NUL-terminated.
        let message = unsafe { CStr::from_ptr(zmd_last_error()) }.to_str().unwrap();
        assert!(message.contains("boom") && message.contains("bug in libzmd"), "{message}");
        without_error(|| panic!("another"));
        // SAFETY: as above.
        assert!(unsafe { CStr::from_ptr(zmd_last_error()) }.to_str().unwrap().contains("boom"), "it stays");
        assert_eq!(guard(|| Ok(())), ZMD_OK);
        // SAFETY: as above.
        assert!(unsafe { CStr::from_ptr(zmd_last_error()) }.is_empty());
    }
}
