//! Names and texts that never change.

use std::ffi::c_char;

use crate::{error, status};

/// The version of the library that is loaded; `ZMD_VERSION_MAJOR`, `_MINOR` and `_PATCH` are those of the header
/// that a program was compiled with.
///
/// @return `"0.1.0"`; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The name of an error.
///
/// @param error  any number
/// @return `"ZMD_ERR_TIMEOUT"`; `"ZMD_ERR_?"` for one that this version does not know; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_error_name(error: i32) -> *const c_char {
    error::name_z(error).as_ptr().cast()
}

/// One general line about an error. `zmd_last_error()` says more: what happened in the last call.
///
/// @param error  any number
/// @return the line; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_error_message(error: i32) -> *const c_char {
    error::message_z(error).as_ptr().cast()
}

/// The name of a state.
///
/// @param state  any number
/// @return `"RUNNING"`; `"UNKNOWN"` for one that this version does not know; static, never NULL
#[unsafe(no_mangle)]
pub extern "C" fn zmd_state_name(state: i32) -> *const c_char {
    status::state_name_z(state).as_ptr().cast()
}
