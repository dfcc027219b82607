//! Panics become errors: a bug in this library neither unwinds into the caller nor prints anything. It knows only the
//! error type.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, zmd_error::ZMD_ERR_INTERNAL};

thread_local! {
    /// How many calls of `catch` this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The message of the panic that `catch` is about to catch, from the hook.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `body`; a panic in it becomes `ZMD_ERR_INTERNAL`, and nothing is written to stderr.
pub(crate) fn catch<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    install_hook();
    let _inside = Inside::enter();
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_payload| {
        let message = MESSAGE.try_with(|message| message.take()).unwrap_or_default();
        Err(Error::new(ZMD_ERR_INTERNAL, format!("a bug in libzmd, please report it: {message}")))
    })
}

struct Inside;

impl Inside {
    fn enter() -> Inside {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    }
}

/// The default hook prints to stderr. This one prints nothing for panics that `catch` catches, and calls the previous hook
/// for all others: as an rlib, this code shares the hook with the program.
///
/// An atomic flag and no `Once`: a child of `fork()` would block for ever on a `Once` that another thread of the parent
/// was running.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
            return previous(info);
        }
        let _ = MESSAGE.try_with(|message| *message.borrow_mut() = info.to_string());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_location() {
        let error = catch::<()>(|| panic!("boom {}", 7)).unwrap_err();
        assert_eq!(error.kind(), ZMD_ERR_INTERNAL);
        assert!(error.message().contains("boom 7"), "{error}");
        assert!(error.message().contains("panic.rs"), "{error}");
    }

    /// Runs the test above in a child process, in which the test harness does not capture the output.
    #[test]
    #[cfg_attr(miri, ignore = "it starts a program")]
    fn a_panic_prints_nothing() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "panic::tests::a_panic_becomes_an_error_with_its_location"])
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("1 passed"), "{printed}");
        assert!(!printed.contains("boom"), "{printed}");
    }

    #[test]
    fn calls_are_counted_until_they_end() {
        let depth = || DEPTH.with(Cell::get);
        catch(|| {
            catch(|| {
                assert_eq!(depth(), 2);
                Ok(())
            })?;
            assert_eq!(depth(), 1);
            Ok(())
        })
        .unwrap();
        assert_eq!(depth(), 0);
    }
}
