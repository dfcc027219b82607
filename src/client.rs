//! Clients.

use std::ffi::c_char;

use super::args::{null, text, write};
use super::call::{guard, without_error};
use super::config::{config_ref, zmd_config};
use super::handle::{Handle, Tag};
use super::logger;
use super::names::zmd_error;
use zmd_core::{Client, Error};

/// A client for the status of jobs: made by `zmd_client_new()`, freed by `zmd_client_free()`.
///
/// Any number of threads may use a client at the same time. It keeps connections open between calls, so create one and
/// keep it. After `fork()`, parent and child can both use it.
#[allow(non_camel_case_types)]
pub struct zmd_client {
    _opaque: [u8; 0],
}

/// # Safety
///
/// `client` is NULL or a pointer from `zmd_client_new` that is not freed before `'a` ends.
pub(super) unsafe fn client_ref<'a>(client: *const zmd_client) -> Result<&'a Client, Error> {
    // SAFETY: guaranteed by the caller.
    unsafe { Ok(&*Handle::<Client>::value(client.cast_mut().cast(), Tag::CLIENT, "client")?) }
}

/// The pointer for C, which `zmd_client_free()` takes back.
fn handle(client: Client) -> *mut zmd_client {
    Handle::new(Tag::CLIENT, client).cast()
}

/// Creates a client and writes it to `*client`. Nothing is sent yet.
///
/// Reads the files that the settings name, and from the environment the proxy variables and, unless `ca_file` is set,
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`. As with `getenv()`, no other thread may change the environment meanwhile. Later calls
/// do not read it.
///
/// @param config  the settings, which are copied; NULL: those of the environment and the configuration file, as
///                `zmd_config_load_env()` and `zmd_config_load_file(config, NULL, NULL)` read them
/// @param client  where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_CONFIG` if a setting is missing or invalid (there must be an `access_token`; or
///         `refresh_token`, `client_id` and `client_secret` together; or `org_id`, `client_id` and `client_secret`; or a
///         token provider); `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `config` is NULL or a configuration that does not change during the call; `client` is NULL or valid for writing a
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_new(config: *const zmd_config, client: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(client, std::ptr::null_mut()) };
        if client.is_null() {
            return Err(null("client"));
        }
        logger::install();
        let made = if config.is_null() {
            Client::from_env()?
        } else {
            // SAFETY: guaranteed by the caller.
            Client::new(unsafe { config_ref(config) }?)?
        };
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(client, handle(made)) };
        Ok(())
    })
}

/// Clones a client, and writes the clone to `*clone`: for calls that must be cancelled separately.
///
/// Both have the same settings and share the access token: a token that one of them renews or sets is used by both. Each
/// has its own connections. Cancelling the clone does not affect this client; cancelling this client also cancels its
/// clones, and their clones. Either may be freed first. A clone costs less than a new client: the trust store is not read
/// again.
///
/// @param client  the client; any number of threads may call at the same time
/// @param clone   where to write it; the caller frees it with `zmd_client_free()`. NULL is written on failure.
/// @return `ZMD_OK`; `ZMD_ERR_CANCELLED` if the client was cancelled; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `clone` is NULL or valid for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_clone(client: *mut zmd_client, clone: *mut *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: NULL is not written to, and the caller guarantees the rest.
        unsafe { write(clone, std::ptr::null_mut()) };
        if clone.is_null() {
            return Err(null("clone"));
        }
        // SAFETY: guaranteed by the caller.
        let made = unsafe { client_ref(client) }?.try_clone()?;
        // SAFETY: not NULL, and the caller guarantees the rest.
        unsafe { write(clone, handle(made)) };
        Ok(())
    })
}

/// Replaces the access token, from any thread: calls that start after this one use it.
///
/// When the service refuses the token, a client with a refresh token renews it; a client without one keeps using it.
///
/// @param client        the client
/// @param access_token  1 to 4096 visible ASCII characters, without the word `Zoho-oauthtoken`; copied
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if it is not a token; then the old one is kept; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `access_token` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_set_access_token(
    client: *mut zmd_client,
    access_token: *const c_char,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let (client, token) = unsafe { (client_ref(client)?, text(access_token, "access_token")?) };
        client.set_access_token(token)
    })
}

/// Cancels a client and its clones, from any thread: every call in progress returns `ZMD_ERR_CANCELLED` within 100 ms, and
/// every later call at once. This cannot be undone: free the client, and create another.
///
/// Only the thread of a name lookup that the system has not finished may outlive the call. It does nothing if the client
/// has been cancelled already. After `fork()` it affects only the process that calls it.
///
/// @param client  the client
/// @return `ZMD_OK`, or `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_cancel(client: *mut zmd_client) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        unsafe { client_ref(client) }?.cancel();
        Ok(())
    })
}

/// Frees a client: closes its connections, and wipes its secrets from memory. NULL is ignored.
///
/// @param client  the client; no thread may be in a call with it, or use it afterwards
///
/// # Safety
///
/// `client` is NULL or a client that is not in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_free(client: *mut zmd_client) {
    // SAFETY: guaranteed by the caller.
    without_error(|| unsafe { Handle::<Client>::free(client.cast(), Tag::CLIENT) })
}
