//! A global allocator that overwrites memory before it frees it.
//!
//! `Secret` wipes itself, but a token also passes through the buffers of the HTTP and TLS libraries, which do not. So all
//! memory that this library frees is overwritten first, and neither a core dump nor the next user of the memory contains a
//! token. It costs one memset per block, which is little compared to a request.

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;
use std::slice;

use zeroize::Zeroize;

struct Wiping;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

// SAFETY: it is the system's allocator, except that freed memory is overwritten. The default `realloc` allocates a new
// block, copies, and frees the old one with `dealloc`, which overwrites it.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block has this size, is the caller's to write to for the last time, and may be uninitialized.
        let bytes = unsafe { slice::from_raw_parts_mut(block.cast::<MaybeUninit<u8>>(), layout.size()) };
        // Not removed by the compiler, although the memory is about to be freed.
        bytes.zeroize();
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { System.dealloc(block, layout) }
    }
}
