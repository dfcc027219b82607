//! Memory is wiped before it is given back.
//!
//! `Secret` wipes itself, but on its way a token passes through the buffers of the HTTP and TLS libraries, which do
//! not. So that neither a core dump nor the next user of the memory finds it, whatever this library frees is
//! overwritten first. It costs a memset per block: little beside a request.

use std::alloc::{GlobalAlloc, Layout, System};

struct Wiping;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

// SAFETY: it is the system's allocator, but for what becomes of memory that nobody uses any more. The default
// `realloc` takes a new block, copies, and gives the old one back through `dealloc`, which wipes it.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block has this size and is the caller's to write to, for the last time.
        unsafe { block.write_bytes(0, layout.size()) };
        // So that the compiler cannot leave out writes to memory that is about to be freed.
        std::hint::black_box(block);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
