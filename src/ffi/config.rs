//! Settings on their way to a client.

use std::ffi::c_char;
use std::path::Path;

use super::{Tag, guard, not_a_handle, null, text};
use crate::config::Config;
use crate::error::{
    Error,
    zmd_error::{self, ZMD_ERR_INVALID_CONFIG},
};

/// Settings for a client: made by `zmd_config_new()`, freed by `zmd_config_free()`.
///
/// One thread at a time may use it. Clients copy what they need, so it can be changed or freed as soon as
/// `zmd_client_new()` has returned.
#[allow(non_camel_case_types)]
pub struct zmd_config {
    tag: Tag,
    config: Config,
}

/// # Safety
///
/// `config` is NULL or a pointer from `zmd_config_new` that was not freed, and nobody else uses it for `'a`.
pub(super) unsafe fn config_mut<'a>(config: *mut zmd_config) -> Result<&'a mut Config, Error> {
    // SAFETY: NULL becomes None; the caller answers for the rest.
    let handle = unsafe { config.as_mut() }.ok_or_else(|| null("config"))?;
    if handle.tag.0 != Tag::CONFIG.0 {
        return Err(not_a_handle("config"));
    }
    Ok(&mut handle.config)
}

/// Makes a configuration that holds the defaults, and writes it to `*config`.
///
/// @param config  where to put it; the caller frees it with `zmd_config_free()`
/// @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_new(config: *mut *mut zmd_config) -> zmd_error {
    guard(|| {
        if config.is_null() {
            return Err(null("config"));
        }
        let made = Box::new(zmd_config { tag: Tag::CONFIG, config: Config::new() });
        // SAFETY: not NULL, and the caller answers for the rest.
        unsafe { config.write(Box::into_raw(made)) };
        Ok(())
    })
}

/// Sets one setting. The README lists the keys, their defaults and what they take.
///
/// @param config  the configuration
/// @param key     a setting's name, such as `"access_token"` or `"timeout_ms"`
/// @param value   its value as text, such as `"30000"`; copied
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for a key that is unknown or a value that the key does not take,
///         with the configuration left as it was; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration in use by nobody else; `key` and `value` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_set(
    config: *mut zmd_config,
    key: *const c_char,
    value: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for all three.
        let (config, key, value) = unsafe { (config_mut(config)?, utf8(key, "key")?, utf8(value, "value")?) };
        config.set(key, value)
    })
}

/// Sets every setting whose environment variable is there and not empty: `ZMD_` and the key in upper case,
/// such as `ZMD_ACCESS_TOKEN` or `ZMD_TIMEOUT_MS`. Settings without a variable stay as they are, and so do those that
/// `zmd_config_set()` has set, before or after: they count more.
///
/// As with any reader of the environment, no other thread may change it meanwhile.
///
/// @param config  the configuration
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for the first variable with a value that its key does not take,
///         with the configuration left as it was; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration in use by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_load_env(config: *mut zmd_config) -> zmd_error {
    // SAFETY: the caller answers for it.
    guard(|| unsafe { config_mut(config) }?.load_env())
}

/// Sets what a profile of a configuration file sets. What `zmd_config_set()` or the environment has set counts more,
/// in whatever order they are called.
///
/// The file is TOML: a table for each profile, with the keys of `zmd_config_set()`. Each profile stands for itself.
///
/// ```toml
/// [default]
/// data_center = "eu"
/// refresh_token = "1000.xxxx.yyyy"
/// client_id = "1000.XXXX"
/// client_secret = "xxxx"
/// ```
///
/// On Unix a file with secrets is refused where other users may read it; where it belongs to another user, that
/// user's group may.
///
/// @param config   the configuration
/// @param path     the file; NULL: that of the environment variable `ZMD_CONFIG_FILE`, or else the usual place,
///                 `$XDG_CONFIG_HOME/zmd/config.toml` (`$HOME/.config/zmd/config.toml`), on Windows
///                 `%APPDATA%\zmd\config.toml`
/// @param profile  the profile; NULL: that of `ZMD_PROFILE`, or else `default`
/// @return `ZMD_OK`, also where nobody has named a file or a profile and there is none; `ZMD_ERR_INVALID_CONFIG` for a
///         file that can't be read, that others may read, that is no TOML, that lacks the profile that was named, or
///         that has a key or a value that is none: `zmd_last_error()` tells the path, the line and the key, and the
///         configuration is left as it was; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration in use by nobody else; `path` and `profile` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_load_file(
    config: *mut zmd_config,
    path: *const c_char,
    profile: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: the caller answers for all three.
        let (config, path, profile) =
            unsafe { (config_mut(config)?, optional_utf8(path, "path")?, optional_utf8(profile, "profile")?) };
        config.load_file(path.map(Path::new), profile)
    })
}

/// Frees a configuration, and wipes its secrets from memory. NULL is fine.
///
/// @param config  the configuration, which nobody may use any more
///
/// # Safety
///
/// `config` is NULL or a configuration in use by nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_free(config: *mut zmd_config) {
    // SAFETY: the caller answers for it.
    if unsafe { config_mut(config) }.is_ok() {
        // SAFETY: it is a live handle, so it came from Box::into_raw.
        let mut handle = unsafe { Box::from_raw(config) };
        // SAFETY: a reference is valid for writing. Volatile, so that it is not optimized away.
        unsafe { (&raw mut handle.tag).write_volatile(Tag::FREED) };
    }
}

/// A string argument of a setting: what is not UTF-8 is a bad setting.
///
/// # Safety
///
/// As for `text`.
unsafe fn utf8<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: the caller answers for it.
    unsafe { text(pointer, name) }
        .map_err(|error| if pointer.is_null() { error } else { Error::new(ZMD_ERR_INVALID_CONFIG, error.message()) })
}

/// The same for one that may be NULL.
///
/// # Safety
///
/// As for `text`.
unsafe fn optional_utf8<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, Error> {
    // SAFETY: the caller answers for it.
    if pointer.is_null() { Ok(None) } else { unsafe { utf8(pointer, name) }.map(Some) }
}
