//! A global allocator that overwrites memory before it frees it.
//!
//! `Secret` wipes itself, but a token also passes through the buffers of the HTTP and TLS libraries, which do not. So all
//! memory that this library frees is overwritten first, and neither a core dump nor the next user of the memory contains a
//! token. It costs one memset per block, which is little compared to a request.

use std::alloc::{GlobalAlloc, Layout, System};

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
        // SAFETY: the block has this size and is the caller's to write to, for the last time.
        unsafe { block.write_bytes(0, layout.size()) };
        // Keeps the compiler from removing writes to memory that is about to be freed.
        std::hint::black_box(block);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
