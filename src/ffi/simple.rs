//! For hosts that can pass only numbers and strings.

use std::ffi::c_char;

use super::client::job;
use super::{guard, write};
use crate::client::Client;
use crate::error::zmd_error;
use crate::status::zmd_state;

/// Asks how far a job is, without a handle or a structure: for hosts that can pass only numbers and strings.
///
/// All calls of a process share one client, made from the environment (`ZMD_ACCESS_TOKEN`, ...) by the first
/// call that finds it complete; later changes of the environment are not seen. It lives as long as the process.
/// Any number of threads may call.
///
/// @param module         as for `zmd_client_status()`
/// @param job_id         as for `zmd_client_status()`
/// @param state          where to put the `zmd_state`; NULL: not wanted
/// @param total_count    where to put the records that the job is to delete, -1: not reported; NULL: not wanted
/// @param deleted_count  where to put the records deleted so far, -1: not reported; NULL: not wanted
/// @param failed_count   where to put the records that could not be deleted, -1: not reported; NULL: not wanted
/// @return as for `zmd_client_new()` and `zmd_client_status()`; on failure the state is `ZMD_STATE_UNKNOWN` and
///         the counts are -1
///
/// # Safety
///
/// The strings are NULL or NUL-terminated; the other pointers are NULL or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_simple_status(
    module: *const c_char,
    job_id: *const c_char,
    state: *mut i32,
    total_count: *mut i64,
    deleted_count: *mut i64,
    failed_count: *mut i64,
) -> zmd_error {
    let write_out = |written: zmd_state, counts: [Option<i64>; 3]| {
        let [total, deleted, failed] = counts.map(|count| count.unwrap_or(-1));
        // SAFETY: NULL is not written to; the caller answers for the rest.
        unsafe {
            write(state, written as i32);
            write(total_count, total);
            write(deleted_count, deleted);
            write(failed_count, failed);
        }
    };
    guard(|| {
        write_out(zmd_state::ZMD_STATE_UNKNOWN, [None; 3]);
        // SAFETY: the caller answers for both.
        let (module, job_id) = unsafe { job(module, job_id) }?;
        let status = Client::shared()?.status(&module, &job_id)?;
        write_out(status.state, [status.total, status.deleted, status.failed]);
        Ok(())
    })
}
