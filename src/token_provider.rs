//! Access tokens from a function of the host program.

use std::ffi::{CString, c_char, c_void};

use zeroize::Zeroizing;

use zmd_core::{TOKEN_LIMIT, TokenProvider};

/// Provides an access token when the library needs one: when there is none yet, and when the service has refused the last.
///
/// It is called on a thread of the library, one call at a time for a client and its clones, and may block: a call that
/// needs the token still returns at its time limit, and a later call uses the token. It may call any zmd function, but not
/// use the client that needs the token. It must return: no `longjmp`, and no C++ exception through it.
///
/// @param user_data  the pointer that was passed to `zmd_config_set_token_provider()`
/// @param refused    the access token that the service has refused; NULL: there was none
/// @param token      where to write the access token, 1 to 4096 visible ASCII characters and a NUL; on failure a message
///                   in UTF-8 with a NUL, or nothing
/// @param size       the size of `token` in bytes, 4097 or more
/// @return 0 on success; with any other value the call fails with `ZMD_ERR_OAUTH` and the message
#[allow(non_camel_case_types)]
pub type zmd_token_fn = Option<
    unsafe extern "C" fn(user_data: *mut c_void, refused: *const c_char, token: *mut c_char, size: usize) -> i32,
>;

/// A host program's function and its user data.
struct Host {
    provide: unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_char, usize) -> i32,
    user_data: *mut c_void,
}

// SAFETY: the caller of zmd_config_set_token_provider guarantees that any thread may call it with its user data.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    fn call(&self, refused: Option<&str>) -> Result<Zeroizing<String>, String> {
        let refused = refused.map(|token| CString::new(token).unwrap_or_default());
        let refused_pointer = refused.as_ref().map_or(std::ptr::null(), |token| token.as_ptr());
        let mut buffer = Zeroizing::new(vec![0_u8; TOKEN_LIMIT + 1]);
        // SAFETY: the function and its user data are valid for as long as a client has them; the strings live until it
        // returns, and the size is that of the buffer.
        let result =
            unsafe { (self.provide)(self.user_data, refused_pointer, buffer.as_mut_ptr().cast(), buffer.len()) };
        let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
        let text = String::from_utf8_lossy(&buffer[..end]);
        if result == 0 { Ok(Zeroizing::new(text.into_owned())) } else { Err(text.into_owned()) }
    }
}

/// The function as the core calls it; `None`: it is NULL.
///
/// # Safety
///
/// `provide` is NULL or may be called as documented, from any thread, until the result and its copies are dropped.
pub(super) unsafe fn token_provider(provide: zmd_token_fn, user_data: *mut c_void) -> Option<TokenProvider> {
    let host = Host { provide: provide?, user_data };
    Some(TokenProvider::new(move |refused| host.call(refused)))
}
