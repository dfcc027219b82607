//! Which process this is: a number that `fork()` changes.
//!
//! The process id does not serve. In nested pid namespaces parent and child can both be 1, and the child would use the
//! connections of the parent: each would get the other's responses. So a page of memory says it, which the kernel wipes in a
//! child (`MADV_WIPEONFORK`, Linux 4.14), also where a program forks past the C library and its handlers. On older kernels and
//! other systems it is the process id.
//!
//! One of six modules with unsafe code: no safe interface to such memory exists.

/// A number of this process: another one in a child of `fork()` than in any of its ancestors.
///
/// What threads share is marked with it, so that a child does not use what belongs to its parent.
pub fn process_id() -> u64 {
    #[cfg(all(target_os = "linux", not(miri)))]
    if let Some(mark) = wiped::mark() {
        return mark;
    }
    std::process::id().into()
}

#[cfg(all(target_os = "linux", not(miri)))]
#[allow(unsafe_code)]
mod wiped {
    use std::ptr;
    use std::sync::atomic::Ordering::{AcqRel, Acquire};
    use std::sync::atomic::{AtomicPtr, AtomicU64};

    /// The first bytes of the page; null until it is first needed.
    static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

    /// The last number that was given. A child has a copy, so that its number is larger than those of its ancestors. Numbers
    /// from here on are no process ids.
    static LAST: AtomicU64 = AtomicU64::new(1 << 32);

    /// The number in the page; `None`: the kernel wipes no memory.
    pub(super) fn mark() -> Option<u64> {
        let page = match PAGE.load(Acquire) {
            page if page.is_null() => map()?,
            page => page,
        };
        // SAFETY: the page is mapped, aligned, and never unmapped; it is changed only as an atomic, and by the kernel in a
        // child that has no other thread.
        let mark = unsafe { &*page };
        match mark.load(Acquire) {
            0 => {
                let ours = LAST.fetch_add(1, AcqRel) + 1;
                // Another thread of this process may be first.
                Some(mark.compare_exchange(0, ours, AcqRel, Acquire).err().unwrap_or(ours))
            }
            mark => Some(mark),
        }
    }

    /// Maps the page. It stays for as long as the process lives, also when the library is unloaded.
    fn map() -> Option<*mut AtomicU64> {
        // SAFETY: a new anonymous mapping, whose length the kernel rounds up to a page; nothing else refers to it.
        let page = unsafe {
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let page = libc::mmap(ptr::null_mut(), SIZE, access, kind, -1, 0);
            if page == libc::MAP_FAILED {
                return None;
            }
            if libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) != 0 {
                libc::munmap(page, SIZE);
                return None;
            }
            page.cast()
        };
        match PAGE.compare_exchange(ptr::null_mut(), page, AcqRel, Acquire) {
            Ok(_) => Some(page),
            Err(first) => {
                // SAFETY: this thread has just mapped it, and nothing refers to it.
                unsafe { libc::munmap(page.cast(), SIZE) };
                Some(first)
            }
        }
    }

    const SIZE: usize = size_of::<AtomicU64>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_number() {
        let number = process_id();
        assert_ne!(number, 0);
        let others = [(); 4].map(|()| std::thread::spawn(process_id));
        assert_eq!(others.map(|thread| thread.join().unwrap()), [number; 4]);
    }

    /// Also if the child has the process id of its parent, as in a pid namespace of its own.
    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    #[allow(unsafe_code)]
    fn a_child_of_fork_has_another_number() {
        let ours = process_id();
        // SAFETY: the child calls nothing but functions that are safe after fork: it takes no lock, and allocates nothing.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                let theirs = process_id();
                let is_good = theirs > ours && theirs > 1 << 32 && theirs == process_id();
                libc::_exit(if is_good { 42 } else { 1 });
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            status
        };
        assert_eq!(libc::WEXITSTATUS(status), 42);
        assert_eq!(process_id(), ours);
    }
}
