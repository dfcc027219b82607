//! Handles: what the pointers of the C interface point to, and how a wrong pointer is detected.

use super::args::null;
use zmd_core::{Error, ErrorKind};

/// What a handle points to. It begins with a tag that identifies its kind, so that a wrong pointer is detected before it
/// is used: hosts with untyped pointers sometimes confuse a config with a client, or use a handle that they freed. The tag of a
/// freed one is gone, as the allocator wipes what is freed.
#[repr(C)]
pub(super) struct Handle<T> {
    tag: Tag,
    value: T,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Tag(u64);

impl Tag {
    pub(super) const CONFIG: Tag = Tag(u64::from_ne_bytes(*b"zmd_conf"));
    pub(super) const CLIENT: Tag = Tag(u64::from_ne_bytes(*b"zmd_clnt"));
    pub(super) const WAITS: Tag = Tag(u64::from_ne_bytes(*b"zmd_wait"));
}

impl<T> Handle<T> {
    /// A handle for C, until it is freed.
    pub(super) fn new(tag: Tag, value: T) -> *mut Handle<T> {
        Box::into_raw(Box::new(Handle { tag, value }))
    }

    /// The value, in place. Of a pointer to another kind of handle only the tag is read, as it may be smaller.
    ///
    /// # Safety
    ///
    /// `handle` is NULL or points to a handle of any kind that is not freed while the result is used.
    pub(super) unsafe fn value(handle: *mut Handle<T>, tag: Tag, name: &str) -> Result<*mut T, Error> {
        if handle.is_null() {
            return Err(null(name));
        }
        // SAFETY: not NULL, every handle begins with its tag, and the caller guarantees the rest.
        if unsafe { handle.cast::<Tag>().read() } != tag {
            return Err(not_a_handle(name));
        }
        // SAFETY: it is a handle of this kind.
        Ok(unsafe { &raw mut (*handle).value })
    }

    /// Frees a handle of this kind; anything else stays as it is.
    ///
    /// # Safety
    ///
    /// As for `value`; no other reference to it exists.
    pub(super) unsafe fn free(handle: *mut Handle<T>, tag: Tag) {
        // SAFETY: guaranteed by the caller.
        if unsafe { Handle::value(handle, tag, "") }.is_ok() {
            // SAFETY: it is a live handle, so it came from Box::into_raw.
            drop(unsafe { Box::from_raw(handle) });
        }
    }
}

fn not_a_handle(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("{name} is not a handle of this kind that zmd_{name}_new made, or it was freed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_of_another_kind_is_not_read_beyond_its_tag() {
        assert_eq!(std::mem::offset_of!(Handle<[u64; 64]>, tag), 0);
        let small = Handle::new(Tag::CONFIG, 1u8);
        // SAFETY: it is a handle, and of which kind is what is asked.
        unsafe {
            let error = Handle::<[u64; 64]>::value(small.cast(), Tag::CLIENT, "client").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            Handle::<[u64; 64]>::free(small.cast(), Tag::CLIENT);
            assert_eq!(*Handle::value(small, Tag::CONFIG, "config").unwrap(), 1);
            Handle::free(small, Tag::CONFIG);
        }
    }
}
