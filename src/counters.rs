//! What a client has done, as numbers, and the API credits that remain.

use super::args::null;
use super::call::guard;
use super::client::{client_ref, zmd_client};
use super::names::zmd_error;
use zmd_core::{Counters, Error, ErrorKind, panic};

/// What a client and its clones have done since `zmd_client_new()`. Each number only grows: export them as counters.
///
/// Newer versions add fields at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct zmd_counters {
    /// Requests for the status of a job, those of waits among them, whatever came of them.
    pub calls: i64,
    /// Those of waits.
    pub polls: i64,
    /// Attempts that repeated one which had failed with a transient error: of calls, of waits, and for an access token.
    pub retries: i64,
    /// Responses of the API and of the accounts server that there were too many requests.
    pub rate_limits: i64,
    /// Requests for an access token, to the accounts server or the token provider.
    pub token_requests: i64,
    /// Connections opened.
    pub connections: i64,
    /// Bytes sent over them, TLS included.
    pub bytes_sent: i64,
    /// Bytes received over them, TLS included.
    pub bytes_received: i64,
    /// How long waits have lasted, up to their last polls: milliseconds, added up over their jobs.
    pub waited_ms: i64,
}

/// The size of a number.
const NUMBER: usize = size_of::<i64>();

/// Far above the size of any version.
const SIZE_LIMIT: usize = 4096;

impl From<Counters> for zmd_counters {
    fn from(counters: Counters) -> zmd_counters {
        let number = |count: u64| count.try_into().unwrap_or(i64::MAX);
        zmd_counters {
            calls: number(counters.calls),
            polls: number(counters.polls),
            retries: number(counters.retries),
            rate_limits: number(counters.rate_limits),
            token_requests: number(counters.token_requests),
            connections: number(counters.connections),
            bytes_sent: number(counters.bytes_sent),
            bytes_received: number(counters.bytes_received),
            waited_ms: number(counters.waited_ms),
        }
    }
}

/// Gets what a client and its clones have done so far, as numbers: calls, polls, retries, bytes and others.
///
/// Nothing is sent. A child of `fork()` continues to count from the numbers of its parent.
///
/// @param client    the client; any number of threads may call at the same time
/// @param counters  where to write the numbers
/// @param size      `sizeof(zmd_counters)`: a program that was compiled with an older header, whose structure is shorter, gets
///                  the fields that it knows; with a newer one, the fields that this library does not know are 0
/// @return `ZMD_OK`; `ZMD_ERR_INVALID_ARGUMENT` if the size is not one of such a structure; `ZMD_ERR_NULL_POINTER`
///
/// # Safety
///
/// `client` is NULL or a client; `counters` is NULL or valid for writing `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_counters(
    client: *const zmd_client,
    counters: *mut zmd_counters,
    size: usize,
) -> zmd_error {
    guard(|| {
        // SAFETY: guaranteed by the caller.
        let client = unsafe { client_ref(client) }?;
        if counters.is_null() {
            return Err(null("counters"));
        }
        if !(NUMBER..=SIZE_LIMIT).contains(&size) || !size.is_multiple_of(NUMBER) {
            let message = format!("size {size} is not that of a zmd_counters: pass sizeof(zmd_counters)");
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let all = zmd_counters::from(client.counters());
        let known = size.min(size_of::<zmd_counters>());
        // SAFETY: not NULL, and the caller guarantees that `size` bytes can be written; `known` is not more, nor more than
        // there are of `all`, which is elsewhere.
        unsafe {
            let to = counters.cast::<u8>();
            (&raw const all).cast::<u8>().copy_to_nonoverlapping(to, known);
            to.add(known).write_bytes(0, size - known);
        }
        Ok(())
    })
}

/// Returns how many API credits remained to the organization when the service last reported them, to this client or one of
/// its clones.
///
/// Each request takes a credit. The service reports how many remain once half of those of the last 24 hours are used: before
/// that they are unknown. Nothing is sent. It does not change `zmd_last_error()`.
///
/// @param client  the client; any number of threads may call at the same time
/// @return the credits; -1 if the service has not reported them, and for NULL
///
/// # Safety
///
/// `client` is NULL or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_client_credits(client: *const zmd_client) -> i64 {
    // SAFETY: guaranteed by the caller.
    let credits = panic::catch(|| Ok(unsafe { client_ref(client) }?.credits()));
    credits.ok().flatten().map_or(-1, |credits| credits.remaining.try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_has_numbers_alone() {
        assert_eq!(size_of::<zmd_counters>(), 9 * NUMBER);
    }
}
