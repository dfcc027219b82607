//! Configurations: the settings of a client.

use std::ffi::{c_char, c_void};
use std::path::Path;

use super::args::{null, optional_utf8, utf8, write};
use super::call::{guard, without_error};
use super::handle::{Handle, Tag};
use super::names::zmd_error;
use super::token_provider::{token_provider, zmd_token_fn};
use zmd_core::{Config, Error};

/// Settings for a client: made by `zmd_config_new()`, freed by `zmd_config_free()`.
///
/// Only one thread at a time may use it. Clients copy the settings, so it can be changed or freed as soon as
/// `zmd_client_new()` has returned.
#[allow(non_camel_case_types)]
pub struct zmd_config {
    _opaque: [u8; 0],
}

/// # Safety
///
/// `config` is NULL or a pointer from `zmd_config_new` that is not freed or changed before `'a` ends.
pub(super) unsafe fn config_ref<'a>(config: *const zmd_config) -> Result<&'a Config, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(&*Handle::<Config>::value(config.cast_mut().cast(), Tag::CONFIG, "config")?) }
}

/// # Safety
///
/// `config` is NULL or a pointer from `zmd_config_new` that was not freed, and no other reference to it is used for `'a`.
unsafe fn config_mut<'a>(config: *mut zmd_config) -> Result<&'a mut Config, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(&mut *Handle::<Config>::value(config.cast(), Tag::CONFIG, "config")?) }
}

/// Creates a configuration with the defaults, and writes it to `*config`.
///
/// @param config  where to write it; the caller frees it with `zmd_config_free()`
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
        let made = Handle::new(Tag::CONFIG, Config::new());
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(config, made.cast()) };
        Ok(())
    })
}

/// Sets one setting. The keys, with their defaults:
///
/// - `access_token`: the access token to use, without the word `Zoho-oauthtoken`
/// - `refresh_token`: with `client_id` and `client_secret`: the library requests and renews access tokens itself
/// - `client_id`: the client id of the API console; see `refresh_token` and `org_id`
/// - `client_secret`: the secret of `client_id`
/// - `org_id`: with `client_id` and `client_secret`, instead of `refresh_token`: the client-credentials grant, for the
///   organization with this id
/// - `token_cache`: a file in which processes share access tokens and the limit `max_concurrency`; its directory must
///   exist, or nothing is shared
/// - `data_center` (us): the data center of the Zoho account; tokens are valid only there
/// - `environment` (production): the kind of Zoho CRM organization
/// - `api_domain`: the base URL of the API, instead of that of the accounts server, or of `data_center` and
///   `environment`
/// - `accounts_url`: the base URL of the server that issues access tokens, instead of that of `data_center`
/// - `api_version` (v7): the version of the API
/// - `timeout_ms` (30000): the limit for a whole status call, with retries, pauses and requesting an access token
/// - `connect_timeout_ms` (10000): the limit for connecting: name lookup, all addresses, proxy and TLS
/// - `max_retries` (3): further attempts after a transient failure
/// - `max_concurrency` (5): the most calls at once of a client and its clones, or with `token_cache` of all processes
///   that share it; others wait for their turn. 5 is the limit of Zoho's smallest edition
/// - `poll_min_ms` (1000): the shortest pause between two polls of a job during a wait
/// - `poll_max_ms` (60000): the longest pause between two polls, but never less than `poll_min_ms`
/// - `unreachable_ms` (300000): how long a wait continues after network failures if the service has never responded
/// - `stalled_ms` (0): how long a job's state and counts may stay the same before the wait ends with `ZMD_ERR_STALLED`;
///   0: forever
/// - `proxy` (env): `env`: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine;
///   `none`: no proxy; or the URL of one
/// - `ca_file`: the certificate authorities to trust, instead of those of the system
/// - `extra_ca_file`: certificate authorities to trust in addition to those of the system or of `ca_file`
/// - `client_cert`: the certificate to present to a gateway or proxy that requires one
/// - `client_key`: the private key of `client_cert`, if that file does not contain it: RSA, P-256, P-384 or Ed25519
/// - `log_file`: the file to which the library appends what it does, or `stderr`, standard error
/// - `log_level` (info): how much `log_file` has: each level adds to those before it
///
/// @param config  the configuration
/// @param key     a setting's name, such as `"access_token"` or `"timeout_ms"`
/// @param value   its value as text, such as `"30000"`; copied
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for an unknown key or an invalid value; then the configuration is
///         unchanged; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that no other thread uses; `key` and `value` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_set(
    config: *mut zmd_config,
    key: *const c_char,
    value: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (config, key, value) = unsafe { (config_mut(config)?, utf8(key, "key")?, utf8(value, "value")?) };
        config.set(key, value)
    })
}

/// Sets every setting whose environment variable is set and not empty: `ZMD_` and the key in upper case, such as
/// `ZMD_ACCESS_TOKEN` or `ZMD_TIMEOUT_MS`. Settings of `zmd_config_set()` take precedence, in whatever order the two are
/// called.
///
/// As with `getenv()`, no other thread may change the environment meanwhile.
///
/// @param config  the configuration
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` for the first variable with an invalid value; then the configuration is
///         unchanged; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_load_env(config: *mut zmd_config) -> zmd_error {
    // SAFETY: guaranteed by the caller.
    guard(|| unsafe { config_mut(config) }?.load_env())
}

/// Sets the settings of a profile of a configuration file. Settings of `zmd_config_set()` and of the environment take
/// precedence, in whatever order they are called.
///
/// The file is TOML: a table for each profile, with the keys of `zmd_config_set()`. Profiles do not inherit settings.
///
/// ```toml
/// [default]
/// data_center = "eu"
/// refresh_token = "1000.xxxx.yyyy"
/// client_id = "1000.XXXX"
/// client_secret = "xxxx"
/// ```
///
/// On Unix the file must belong to the user of the process or to root, and no other user may write it; one with secrets may
/// be read by its owner and its group alone.
///
/// @param config   the configuration
/// @param path     the file; NULL: that of the environment variable `ZMD_CONFIG_FILE`, or else the default,
///                 `$XDG_CONFIG_HOME/zmd/config.toml` (`$HOME/.config/zmd/config.toml`), on Windows
///                 `%APPDATA%\zmd\config.toml`
/// @param profile  the profile; NULL: that of `ZMD_PROFILE`, or else `default`
/// @return `ZMD_OK`, also if neither a file nor a profile was named and there is none; `ZMD_ERR_INVALID_CONFIG` for a
///         file that can't be read, that other users may read, or that is not TOML, for a missing profile, and for an
///         unknown key or an invalid value: `zmd_last_error()` names the path, the line and the key, and the configuration
///         is unchanged; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that no other thread uses; `path` and `profile` are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_load_file(
    config: *mut zmd_config,
    path: *const c_char,
    profile: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (config, path, profile) =
            unsafe { (config_mut(config)?, optional_utf8(path, "path")?, optional_utf8(profile, "profile")?) };
        config.load_file(path.map(Path::new), profile)
    })
}

/// Sets a function of the host program that provides access tokens to the clients that are created with this configuration,
/// such as one that reads them from a vault. It counts as a credential. An `access_token` that is set too is used until it
/// is refused; with `refresh_token` or `org_id` set too, `zmd_client_new()` fails.
///
/// @param config     the configuration
/// @param provide    the function; NULL: removes it
/// @param user_data  passed to each call of it. Both must be valid until the last client that was created with this
///                   configuration, and its last clone, are freed: freeing waits for a call in progress.
/// @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that no other thread uses; `provide` is NULL or may be called as documented, from
/// any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_set_token_provider(
    config: *mut zmd_config,
    provide: zmd_token_fn,
    user_data: *mut c_void,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe { config_mut(config)?.set_token_provider(token_provider(provide, user_data)) };
        Ok(())
    })
}

/// Frees a configuration, and wipes its secrets from memory. NULL is ignored.
///
/// @param config  the configuration, which must not be used afterwards
///
/// # Safety
///
/// `config` is NULL or a configuration that is not in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_config_free(config: *mut zmd_config) {
    // SAFETY: guaranteed by the caller.
    without_error(|| unsafe { Handle::<Config>::free(config.cast(), Tag::CONFIG) })
}
