//! The C interface as zmd.h declares it, of the shared library that is loaded when it is first needed.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use libloading::Library;

macro_rules! errors {
    ($($name:ident = $number:literal)*) => {
        /// `zmd_error`, as in the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum zmd_error { $($name = $number),* }

        impl zmd_error {
            /// Every error, and success.
            pub const ALL: &[zmd_error] = &[$(zmd_error::$name),*];
        }
    };
}

errors! {
    ZMD_OK = 0
    ZMD_ERR_NULL_POINTER = 1
    ZMD_ERR_INVALID_ARGUMENT = 2
    ZMD_ERR_INVALID_CONFIG = 3
    ZMD_ERR_DNS = 10
    ZMD_ERR_CONNECT = 11
    ZMD_ERR_TLS = 12
    ZMD_ERR_PROXY = 13
    ZMD_ERR_NETWORK = 14
    ZMD_ERR_TIMEOUT = 15
    ZMD_ERR_CANCELLED = 16
    ZMD_ERR_STALLED = 17
    ZMD_ERR_UNAUTHORIZED = 20
    ZMD_ERR_SCOPE = 21
    ZMD_ERR_FORBIDDEN = 22
    ZMD_ERR_INVALID_MODULE = 23
    ZMD_ERR_JOB_NOT_FOUND = 24
    ZMD_ERR_RATE_LIMITED = 25
    ZMD_ERR_SERVER = 26
    ZMD_ERR_API = 27
    ZMD_ERR_BAD_RESPONSE = 28
    ZMD_ERR_OAUTH = 29
    ZMD_ERR_INTERNAL = 99
}

impl zmd_error {
    /// The error with this number. A test fails where there is none.
    pub fn of(number: i32) -> zmd_error {
        *Self::ALL.iter().find(|error| **error as i32 == number).unwrap_or_else(|| panic!("no error has {number}"))
    }
}

/// An opaque handle.
#[repr(C)]
pub struct zmd_config(());
/// An opaque handle.
#[repr(C)]
pub struct zmd_client(());
/// An opaque handle.
#[repr(C)]
pub struct zmd_waits(());

#[derive(Clone, Copy)]
#[repr(C)]
pub struct zmd_status {
    pub state: i32,
    pub http_status: i32,
    pub total_count: i64,
    pub deleted_count: i64,
    pub failed_count: i64,
    pub state_text: [c_char; 32],
}

#[repr(C)]
pub struct zmd_job {
    pub module: *const c_char,
    pub job_id: *const c_char,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct zmd_event {
    pub id: u64,
    pub error: i32,
    pub has_ended: i32,
    pub elapsed_ms: i64,
    pub next_poll_ms: i64,
    pub status: zmd_status,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct zmd_counters {
    pub calls: i64,
    pub polls: i64,
    pub retries: i64,
    pub rate_limits: i64,
    pub token_requests: i64,
    pub connections: i64,
    pub bytes_sent: i64,
    pub bytes_received: i64,
    pub waited_ms: i64,
}

pub type zmd_log_fn = Option<unsafe extern "C" fn(*mut c_void, i32, *const c_char)>;
pub type zmd_progress_fn = Option<unsafe extern "C" fn(*mut c_void, usize, i32, *const zmd_status) -> i32>;
pub type zmd_token_fn = Option<unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_char, usize) -> i32>;

/// A type of the C interface, as a Rust value.
pub trait FromC {
    type C;
    fn from_c(value: Self::C) -> Self;
}

impl FromC for zmd_error {
    type C = i32;
    fn from_c(number: i32) -> zmd_error {
        zmd_error::of(number)
    }
}

macro_rules! same { ($($type:ty)*) => { $(
    impl FromC for $type {
        type C = $type;
        fn from_c(value: $type) -> $type {
            value
        }
    }
)* } }

same! { () i32 i64 usize isize *const c_char }

/// The library, which stays loaded.
fn loaded() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        // SAFETY: libzmd has no initialization that could go wrong.
        unsafe { Library::new(super::library()) }.unwrap()
    })
}

/// Where the function with this name is.
pub fn address(name: &str) -> usize {
    // SAFETY: it is not called.
    unsafe { *loaded().get::<*const ()>(name.as_bytes()).unwrap() as usize }
}

macro_rules! functions {
    ($($of:tt fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => { $(
        function! { $of $name($($argument: $type),*) ($($result)?) {
            type Function = unsafe extern "C" fn($($type),*) $(-> <$result as FromC>::C)?;
            static FUNCTION: OnceLock<Function> = OnceLock::new();
            // SAFETY: zmd.h declares it so.
            let function = FUNCTION.get_or_init(|| unsafe { *loaded().get::<Function>(stringify!($name).as_bytes()).unwrap() });
            // SAFETY: guaranteed by the caller, where there is anything to guarantee.
            let result = unsafe { function($($argument),*) };
            $(<$result as FromC>::from_c)?(result)
        } }
    )* };
}

macro_rules! function {
    (safe $name:ident($($arguments:tt)*) ($($result:ty)?) $body:block) => {
        /// See zmd.h.
        pub fn $name($($arguments)*) $(-> $result)? $body
    };
    (unsafe $name:ident($($arguments:tt)*) ($($result:ty)?) $body:block) => {
        /// See zmd.h.
        ///
        /// # Safety
        ///
        /// As zmd.h documents it.
        #[allow(clippy::too_many_arguments)] // the C interface has them
        pub unsafe fn $name($($arguments)*) $(-> $result)? $body
    };
}

functions! {
    safe fn zmd_version() -> *const c_char;
    safe fn zmd_error_name(error: i32) -> *const c_char;
    safe fn zmd_error_message(error: i32) -> *const c_char;
    safe fn zmd_error_is_transient(error: i32) -> i32;
    safe fn zmd_state_name(state: i32) -> *const c_char;
    safe fn zmd_last_error() -> *const c_char;
    safe fn zmd_last_error_code() -> *const c_char;
    safe fn zmd_last_error_of_job(index: usize) -> *const c_char;
    safe fn zmd_last_error_code_of_job(index: usize) -> *const c_char;
    unsafe fn zmd_config_new(config: *mut *mut zmd_config) -> zmd_error;
    unsafe fn zmd_config_set(config: *mut zmd_config, key: *const c_char, value: *const c_char) -> zmd_error;
    unsafe fn zmd_config_set_token_provider(config: *mut zmd_config, provide: zmd_token_fn, user_data: *mut c_void) -> zmd_error;
    unsafe fn zmd_config_free(config: *mut zmd_config);
    unsafe fn zmd_status_is_successful(status: *const zmd_status) -> i32;
    unsafe fn zmd_status_text(status: *const zmd_status, text: *mut c_char, size: usize) -> usize;
    safe fn zmd_is_successful(state: i32, total_count: i64, deleted_count: i64, failed_count: i64) -> i32;
    unsafe fn zmd_status_has_ended(status: *const zmd_status) -> i32;
    unsafe fn zmd_client_new(config: *const zmd_config, client: *mut *mut zmd_client) -> zmd_error;
    unsafe fn zmd_client_clone(client: *mut zmd_client, clone: *mut *mut zmd_client) -> zmd_error;
    unsafe fn zmd_client_set_access_token(client: *mut zmd_client, access_token: *const c_char) -> zmd_error;
    unsafe fn zmd_client_status(
        client: *mut zmd_client,
        module: *const c_char,
        job_id: *const c_char,
        status: *mut zmd_status,
    ) -> zmd_error;
    unsafe fn zmd_client_status_within(
        client: *mut zmd_client,
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        status: *mut zmd_status,
    ) -> zmd_error;
    unsafe fn zmd_client_status_many(
        client: *mut zmd_client,
        jobs: *const zmd_job,
        count: usize,
        statuses: *mut zmd_status,
        errors: *mut i32,
    ) -> zmd_error;
    unsafe fn zmd_client_wait(
        client: *mut zmd_client,
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        progress: zmd_progress_fn,
        user_data: *mut c_void,
        status: *mut zmd_status,
    ) -> zmd_error;
    unsafe fn zmd_client_wait_many(
        client: *mut zmd_client,
        jobs: *const zmd_job,
        count: usize,
        timeout_ms: i64,
        progress: zmd_progress_fn,
        user_data: *mut c_void,
        statuses: *mut zmd_status,
        errors: *mut i32,
    ) -> zmd_error;
    unsafe fn zmd_client_cancel(client: *mut zmd_client) -> zmd_error;
    unsafe fn zmd_client_free(client: *mut zmd_client);
    unsafe fn zmd_client_credits(client: *const zmd_client) -> i64;
    unsafe fn zmd_client_counters(client: *const zmd_client, counters: *mut zmd_counters, size: usize) -> zmd_error;
    safe fn zmd_progress_elapsed_ms() -> i64;
    safe fn zmd_progress_next_poll_ms() -> i64;
    safe fn zmd_progress_remaining_ms() -> i64;
    safe fn zmd_progress_end_job() -> i32;
    unsafe fn zmd_simple_status_with(
        settings: *const c_char,
        module: *const c_char,
        job_id: *const c_char,
        state: *mut i32,
        total_count: *mut i64,
        deleted_count: *mut i64,
        failed_count: *mut i64,
    ) -> zmd_error;
    unsafe fn zmd_simple_wait(
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        state: *mut i32,
        total_count: *mut i64,
        deleted_count: *mut i64,
        failed_count: *mut i64,
    ) -> zmd_error;
    unsafe fn zmd_simple_wait_with(
        settings: *const c_char,
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        state: *mut i32,
        total_count: *mut i64,
        deleted_count: *mut i64,
        failed_count: *mut i64,
    ) -> zmd_error;
    unsafe fn zmd_waits_new(client: *mut zmd_client, waits: *mut *mut zmd_waits) -> zmd_error;
    unsafe fn zmd_waits_add(
        waits: *mut zmd_waits,
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        id: *mut u64,
    ) -> zmd_error;
    unsafe fn zmd_waits_add_status(
        waits: *mut zmd_waits,
        module: *const c_char,
        job_id: *const c_char,
        timeout_ms: i64,
        id: *mut u64,
    ) -> zmd_error;
    unsafe fn zmd_waits_remove(waits: *mut zmd_waits, id: u64) -> zmd_error;
    unsafe fn zmd_waits_next(waits: *mut zmd_waits, timeout_ms: i64, event: *mut zmd_event) -> zmd_error;
    unsafe fn zmd_waits_handle(waits: *mut zmd_waits) -> isize;
    unsafe fn zmd_waits_cancel(waits: *mut zmd_waits) -> zmd_error;
    unsafe fn zmd_waits_free(waits: *mut zmd_waits);
    unsafe fn zmd_set_logger(log: zmd_log_fn, user_data: *mut c_void, max_level: i32) -> zmd_error;
}
