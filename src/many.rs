//! The arrays of the functions for many jobs.

use std::ffi::c_char;

use super::args::{job, null, write_at};
use super::client::{client_ref, zmd_client};
use super::last_error;
use super::names::{ZMD_OK, number_of, zmd_error};
use super::status::zmd_status;
use zmd_core::{Client, Error, ErrorKind, JobId, ModuleName};

/// Identifies a job.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_job {
    /// The module's API name, such as `"Leads"`; see `zmd_client_status()`.
    pub module: *const c_char,
    /// The job id from the response that scheduled the mass delete.
    pub job_id: *const c_char,
}

/// The parsed names of jobs, or the error of each.
pub(super) type Named = Vec<Result<(ModuleName, JobId), Error>>;

/// Checks the arguments of a `_many` function, and sets every element to its value after an error.
///
/// # Safety
///
/// As for `zmd_client_status_many`.
pub(super) unsafe fn begin_many<'a>(
    client: *mut zmd_client,
    jobs: *const zmd_job,
    count: usize,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> Result<(&'a Client, Named), Error> {
    let too_many =
        || Error::new(ErrorKind::InvalidArgument, format!("count is {count}, for which there is not enough memory"));
    // Some hosts have signed sizes: a negative one is no reason to write to all of the memory.
    if count.checked_mul(size_of::<zmd_status>()).is_none_or(|size| isize::try_from(size).is_err()) {
        return Err(too_many());
    }
    let mut named = Named::new();
    // SAFETY: guaranteed by the caller.
    let client = unsafe { client_ref(client) };
    let arrays = [("jobs", jobs.is_null()), ("statuses", statuses.is_null()), ("errors", errors.is_null())];
    let null_array = arrays.iter().find(|(_, is_null)| *is_null && count > 0);
    let checked = match (client, null_array) {
        (Err(error), _) => Err(error),
        (Ok(_), Some((name, _))) => Err(null(name)),
        (Ok(_), None) if named.try_reserve_exact(count).is_err() => Err(too_many()),
        (Ok(client), None) => Ok(client),
    };
    // Without an error it is what stays there if a bug ends the call before there are results.
    let error = checked.as_ref().map_or_else(number_of, |_| ErrorKind::Internal as zmd_error);
    for index in 0..count {
        // SAFETY: NULL is not written to, and else there are `count` elements.
        unsafe {
            write_at(statuses, index, zmd_status::nothing());
            write_at(errors, index, error);
        }
    }
    let client = checked?;
    named.extend((0..count).map(|index| {
        // SAFETY: not NULL, and the caller guarantees `count` elements with valid pointers.
        unsafe {
            let zmd_job { module, job_id } = jobs.add(index).read_unaligned();
            job(module, job_id)
        }
    }));
    Ok((client, named))
}

/// Writes the result of each job, and returns the first error.
///
/// # Safety
///
/// The arrays have as many elements as there are results.
pub(super) unsafe fn end_many<'a>(
    named: &Named,
    results: impl Iterator<Item = (zmd_status, Option<&'a Error>)>,
    statuses: *mut zmd_status,
    errors: *mut zmd_error,
) -> Result<(), Error> {
    // A callback may have made another call for many jobs.
    last_error::clear_jobs();
    let mut first = Ok(());
    for (index, (status, error)) in results.enumerate() {
        // SAFETY: guaranteed by the caller.
        unsafe {
            write_at(statuses, index, status);
            write_at(errors, index, error.map_or(ZMD_OK, number_of));
        }
        let Some(error) = error else { continue };
        last_error::record_job(index, error);
        if first.is_ok() {
            first = Err(error.clone().map_message(|message| match &named[index] {
                Ok((module, job_id)) => format!("jobs[{index}] ({} {}): {message}", module.as_str(), job_id.as_str()),
                Err(_) => format!("jobs[{index}]: {message}"),
            }));
        }
    }
    first
}
