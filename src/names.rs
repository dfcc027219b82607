//! Errors and states as numbers, and their names and messages.

use std::ffi::{CStr, c_char};

use zmd_core::{Error, ErrorKind, State};

/// `ZMD_OK` or the number of an error. build.rs makes the header's `zmd_error` of this and of [`ErrorKind`].
///
/// cbindgen:ignore
#[allow(non_camel_case_types)]
pub type zmd_error = i32;

/// cbindgen:ignore
pub const ZMD_OK: zmd_error = 0;

/// The number of a [`State`], of which build.rs makes the header's `zmd_state`.
///
/// cbindgen:ignore
#[allow(non_camel_case_types)]
pub type zmd_state = i32;

pub(super) fn number_of(error: &Error) -> zmd_error {
    error.kind() as zmd_error
}

/// The version of the loaded library; `ZMD_VERSION_MAJOR`, `_MINOR` and `_PATCH` are the version of the header that the
/// program was compiled with.
///
/// @return `"0.1.0"`; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no NUL"),
    };
    VERSION.as_ptr()
}

/// The name of an error.
///
/// @param error  any number
/// @return `"ZMD_ERR_TIMEOUT"`; `"ZMD_ERR_?"` for one that this version does not know; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_error_name(error: i32) -> *const c_char {
    let name = match error {
        ZMD_OK => c"ZMD_OK",
        other => ErrorKind::from_number(other).map_or(c"ZMD_ERR_?", ErrorKind::c_name),
    };
    name.as_ptr()
}

/// The general message for an error. `zmd_last_error()` says more: what happened in the last call.
///
/// @param error  any number
/// @return the message; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_error_message(error: i32) -> *const c_char {
    description(error).as_ptr()
}

/// Whether an error is transient: the same call may succeed later.
///
/// @param error  any number
/// @return 1 for `ZMD_ERR_DNS`, `ZMD_ERR_CONNECT`, `ZMD_ERR_PROXY`, `ZMD_ERR_NETWORK`, `ZMD_ERR_TIMEOUT`,
///         `ZMD_ERR_RATE_LIMITED` and `ZMD_ERR_SERVER`; 0 for every other. `ZMD_ERR_PROXY` is not transient if the proxy
///         refused the credentials, which the number does not say: then `http_status` is 407, and retrying with wrong ones
///         may lock the account.
#[unsafe(no_mangle)]
pub extern "C" fn zmd_error_is_transient(error: i32) -> i32 {
    ErrorKind::from_number(error).is_some_and(ErrorKind::is_transient).into()
}

/// The name of a state.
///
/// @param state  any number
/// @return `"RUNNING"`; `"UNKNOWN"` for one that this version does not know; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_state_name(state: i32) -> *const c_char {
    State::from_number(state).c_name().as_ptr()
}

/// The general message for any number.
pub(super) fn description(error: i32) -> &'static CStr {
    match error {
        ZMD_OK => c"the call succeeded",
        other => ErrorKind::from_number(other)
            .map_or(c"not an error number of this version of libzmd", ErrorKind::c_description),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        // SAFETY: never NULL, always NUL-terminated.
        let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_str().unwrap();
        assert_eq!(text(zmd_version()), env!("CARGO_PKG_VERSION"));
        assert_eq!(text(zmd_error_name(ErrorKind::Dns as i32)), "ZMD_ERR_DNS");
        assert_eq!(text(zmd_state_name(2)), "RUNNING");
        assert!(!text(zmd_error_message(ErrorKind::Dns as i32)).is_empty());
        let errors = [ZMD_OK, ErrorKind::Dns as i32, ErrorKind::Tls as i32, -1];
        assert_eq!(errors.map(|error| zmd_error_is_transient(error)), [0, 1, 0, 0]);
    }
}
