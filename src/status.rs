//! The status of a job, as C has it.

use std::ffi::c_char;

use super::args::{floor_char_boundary, write_text};
use super::names::zmd_state;
use zmd_core::{Error, ErrorKind, State, Status, Waited};

/// The status of a job. 64 bytes, without padding, on every platform.
///
/// After an error `state` is `ZMD_STATE_UNKNOWN`, the counts are -1, `state_text` is empty, and `http_status` is that of
/// the failed response.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct zmd_status {
    /// The state of the job.
    pub state: zmd_state,
    /// The HTTP status of the response that these fields come from; 0: there was none.
    pub http_status: i32,
    /// Records that the job is to delete; -1: not reported.
    pub total_count: i64,
    /// Records deleted so far; -1: not reported.
    pub deleted_count: i64,
    /// Records that could not be deleted so far; -1: not reported.
    pub failed_count: i64,
    /// The state as the service sent it, in UTF-8, truncated to fit; always NUL-terminated.
    pub state_text: [c_char; 32],
}

impl zmd_status {
    /// The status after a wait: the last one seen, also if the wait timed out or was cancelled, or the job stands still.
    pub(super) fn of_wait(waited: &Waited) -> zmd_status {
        match (&waited.result, &waited.last) {
            (Err(error), _)
                if !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled | ErrorKind::Stalled) =>
            {
                zmd_status::of(&Err(error.clone()))
            }
            (_, Some(status)) => zmd_status::of(&Ok(status.clone())),
            (Err(error), None) => zmd_status::of(&Err(error.clone())),
            (Ok(()), None) => zmd_status::nothing(),
        }
    }

    /// Reads a status from C; a state with an unknown number is `ZMD_STATE_UNKNOWN`.
    ///
    /// # Safety
    ///
    /// `status` is NULL or valid for reading.
    unsafe fn read(status: *const zmd_status) -> Option<Status> {
        if status.is_null() {
            return None;
        }
        let count = |count| (count >= 0).then_some(count);
        // SAFETY: not NULL, and the caller guarantees the rest. The state is read as the number that C wrote.
        unsafe {
            let state = (&raw const (*status).state).cast::<i32>().read_unaligned();
            Some(Status {
                state: State::from_number(state),
                text: text_of((&raw const (*status).state_text).read_unaligned()),
                total: count((&raw const (*status).total_count).read_unaligned()),
                deleted: count((&raw const (*status).deleted_count).read_unaligned()),
                failed: count((&raw const (*status).failed_count).read_unaligned()),
                http_status: 0,
            })
        }
    }

    pub(super) fn of(result: &Result<Status, Error>) -> zmd_status {
        let mut made = zmd_status {
            state: State::Unknown as zmd_state,
            http_status: 0,
            total_count: -1,
            deleted_count: -1,
            failed_count: -1,
            state_text: [0; 32],
        };
        match result {
            Err(error) => made.http_status = error.http_status().into(),
            Ok(status) => {
                made.state = status.state as zmd_state;
                made.http_status = status.http_status.into();
                made.total_count = status.total.unwrap_or(-1);
                made.deleted_count = status.deleted.unwrap_or(-1);
                made.failed_count = status.failed.unwrap_or(-1);
                let text = status.text.split('\0').next().unwrap_or_default();
                let end = floor_char_boundary(text, made.state_text.len() - 1);
                for (to, from) in made.state_text.iter_mut().zip(text[..end].bytes()) {
                    *to = from as c_char;
                }
            }
        }
        made
    }

    /// The status after an error before any traffic.
    pub(super) fn nothing() -> zmd_status {
        zmd_status::of(&Err(Error::new(ErrorKind::Internal, "")))
    }
}

/// Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted records reach the total, as far
/// as the service reports these. A wait returns `ZMD_OK` also for a job that failed or left records, so check this before
/// a step that depends on the deletion.
///
/// @param status  a status that a call has written; may be NULL
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_is_successful(status: *const zmd_status) -> i32 {
    // SAFETY: guaranteed by the caller.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.is_successful()).into()
}

/// Whether the job has ended: COMPLETED or FAILED. It returns 0 for a state that this version does not know.
///
/// @param status  a status that a call has written; may be NULL
/// @return 1 or 0; 0 for NULL
///
/// # Safety
///
/// `status` is NULL or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_has_ended(status: *const zmd_status) -> i32 {
    // SAFETY: guaranteed by the caller.
    unsafe { zmd_status::read(status) }.is_some_and(|status| status.has_ended()).into()
}

/// The text of an array that ends with a NUL.
fn text_of(text: [c_char; 32]) -> String {
    let bytes = text.map(|c| c as u8);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Whether all records were deleted, as `zmd_status_is_successful()` returns it, for hosts without structures: the arguments
/// are what `zmd_simple_wait()` has written.
///
/// @param state          a `zmd_state`
/// @param total_count    records that the job is to delete; -1: not reported
/// @param deleted_count  records deleted; -1: not reported
/// @param failed_count   records that could not be deleted; -1: not reported
/// @return 1 or 0
#[unsafe(no_mangle)]
pub extern "C" fn zmd_is_successful(state: i32, total_count: i64, deleted_count: i64, failed_count: i64) -> i32 {
    let count = |count| (count >= 0).then_some(count);
    let (total, deleted, failed) = (count(total_count), count(deleted_count), count(failed_count));
    let text = String::new();
    let status = Status { state: State::from_number(state), text, total, deleted, failed, http_status: 0 };
    status.is_successful().into()
}

/// Writes a status as one line of text, as the command `zmd` prints it: `COMPLETED, 9 of 9 deleted, 0 failed`.
///
/// The text is for people: its wording may change in any version. After an error without a status it says that the status is
/// unknown. It does not change `zmd_last_error()`.
///
/// @param status  a status that a call has written; NULL: the text is empty
/// @param text    where to write the text, in UTF-8, truncated to fit and NUL-terminated; NULL: not wanted
/// @param size    the size of `text` in bytes; 128 is enough for every text of this version
/// @return the length of the whole text in bytes, without the NUL: if it is not less than `size`, the text was truncated
///
/// # Safety
///
/// `status` is NULL or valid for reading; `text` is NULL or valid for writing `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmd_status_text(status: *const zmd_status, text: *mut c_char, size: usize) -> usize {
    // SAFETY: guaranteed by the caller.
    let line = unsafe { zmd_status::read(status) }.map_or(String::new(), |status| status.to_string());
    // SAFETY: guaranteed by the caller.
    unsafe { write_text(text, size, &line) };
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> Vec<u8> {
        let status = Status {
            state: State::Unknown,
            text: text.to_owned(),
            total: None,
            deleted: None,
            failed: None,
            http_status: 200,
        };
        zmd_status::of(&Ok(status)).state_text.iter().map(|c| *c as u8).collect()
    }

    fn padded(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        bytes.resize(32, 0);
        bytes
    }

    #[test]
    fn state_text_is_truncated_between_characters_and_terminated() {
        assert_eq!(text_of("PAUSED"), padded(b"PAUSED"));
        assert_eq!(text_of(&"x".repeat(31)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"x".repeat(32)), padded(&[b'x'; 31]));
        assert_eq!(text_of(&"é".repeat(16)), padded("é".repeat(15).as_bytes()));
        assert_eq!(text_of("RUN\0NING"), padded(b"RUN"));
        assert_eq!(text_of(""), padded(b""));
    }

    fn status() -> Status {
        let text = "RUNNING".to_owned();
        let state = State::Running;
        Status { state, text, total: Some(9), deleted: Some(4), failed: None, http_status: 200 }
    }

    fn numbers(status: &zmd_status) -> (zmd_state, i32, [i64; 3]) {
        (status.state, status.http_status, [status.total_count, status.deleted_count, status.failed_count])
    }

    const SEEN: (zmd_state, i32, [i64; 3]) = (State::Running as zmd_state, 200, [9, 4, -1]);
    const FAILED: (zmd_state, i32, [i64; 3]) = (State::Unknown as zmd_state, 500, [-1; 3]);

    #[test]
    fn a_count_that_is_not_reported_is_minus_one() {
        let all = Status { total: None, deleted: None, failed: Some(3), ..status() };
        assert_eq!(numbers(&zmd_status::of(&Ok(status()))), SEEN);
        assert_eq!(numbers(&zmd_status::of(&Ok(all))).2, [-1, -1, 3]);
        let failed = Error::new(ErrorKind::Server, "").with_http_status(500);
        assert_eq!(numbers(&zmd_status::of(&Err(failed))), FAILED);
    }

    #[test]
    fn a_wait_that_ends_by_its_limit_or_a_cancel_keeps_the_last_status() {
        for (kind, expected) in [(ErrorKind::Timeout, SEEN), (ErrorKind::Cancelled, SEEN), (ErrorKind::Server, FAILED)]
        {
            let result = || Err(Error::new(kind, "").with_http_status(500));
            let waited = Waited { last: Some(status()), result: result() };
            assert_eq!(numbers(&zmd_status::of_wait(&waited)), expected, "{kind:?}");
            let unseen = Waited { last: None, result: result() };
            assert_eq!(numbers(&zmd_status::of_wait(&unseen)), FAILED);
        }
        assert_eq!(numbers(&zmd_status::of_wait(&Waited { last: Some(status()), result: Ok(()) })), SEEN);
    }

    #[test]
    fn the_text_of_a_status_is_truncated_between_characters() {
        let mut c_status = zmd_status::of(&Ok(status()));
        let text = |status: *const zmd_status, size: usize| {
            let mut room = [0x55_u8; 128];
            // SAFETY: there is room for as many bytes.
            let length = unsafe { zmd_status_text(status, room.as_mut_ptr().cast(), size) };
            assert!(room[size..].iter().all(|byte| *byte == 0x55));
            (length, room[..size].split(|byte| *byte == 0).next().map(|text| String::from_utf8(text.to_vec()).unwrap()))
        };
        let line = "RUNNING, 4 of 9 deleted, failed not reported";
        assert_eq!(text(&c_status, 128), (line.len(), Some(line.to_owned())));
        assert_eq!(text(&c_status, line.len()), (line.len(), Some(line[..line.len() - 1].to_owned())));
        assert_eq!(text(&c_status, 1), (line.len(), Some(String::new())));
        assert_eq!(text(&c_status, 0).0, line.len());
        assert_eq!(text(std::ptr::null(), 5), (0, Some(String::new())));
        // SAFETY: NULL is not written to.
        assert_eq!(unsafe { zmd_status_text(&c_status, std::ptr::null_mut(), 9) }, line.len());
        let unknown = Status { state: State::Unknown, text: "é".repeat(16), ..status() };
        c_status = zmd_status::of(&Ok(unknown));
        assert_eq!(text(&c_status, 10), (30 + line.len() - 7, Some("é".repeat(4))));
        c_status = zmd_status { total_count: i64::MAX, deleted_count: i64::MAX, failed_count: i64::MAX, ..c_status };
        assert!(text(&c_status, 0).0 < 128);
    }

    #[test]
    fn success_without_a_structure() {
        let state = State::Completed as i32;
        assert_eq!([zmd_is_successful(state, 9, 9, 0), zmd_is_successful(state, -1, 9, -1)], [1; 2]);
        let failures = [(state, 12, 11, 0), (state, 9, 9, 1), (State::Running as i32, 9, 9, 0), (99, 9, 9, 0)];
        assert!(
            failures
                .iter()
                .all(|&(state, total, deleted, failed)| { zmd_is_successful(state, total, deleted, failed) == 0 })
        );
    }
}
