//! A panic hook that prints nothing: a panic's message goes to `zmd_last_error()`.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

/// The default hook prints to stderr. This one prints nothing for panics that become errors, and calls the previous hook
/// for all others.
///
/// An atomic flag and no `Once`: a child of `fork()` would block for ever on a `Once` that another thread of the parent
/// was running.
pub(super) fn install() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !zmd_core::panic::will_catch(info) {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use zmd_core::{ErrorKind, panic::catch};

    #[test]
    fn a_panic_becomes_an_error_with_its_location() {
        super::install();
        let error = catch::<()>(|| panic!("boom {}", 7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("boom 7"), "{error}");
        assert!(error.message().contains("panic_hook.rs"), "{error}");
    }

    /// Runs the test above in a child process, in which the test harness does not capture the output.
    #[test]
    #[cfg_attr(miri, ignore = "it starts a program")]
    fn a_panic_prints_nothing() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "panic_hook::tests::a_panic_becomes_an_error_with_its_location"])
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("1 passed"), "{printed}");
        assert!(!printed.contains("boom"), "{printed}");
    }
}
