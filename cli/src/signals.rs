//! Ctrl-C and SIGTERM: the terminal is restored, and the signal terminates the process, so that a shell's loop ends too.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Calls something when the first signal comes; the second one ends the process at once.
pub struct Signals {
    caught: Arc<AtomicI32>,
}

impl Signals {
    #[cfg(unix)]
    pub fn watch(on_signal: impl Fn(i32) + Send + 'static) -> Signals {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::low_level::emulate_default_handler;

        let caught = Arc::new(AtomicI32::new(0));
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
        // Where the system has no thread to give, a signal ends the process where it stands, which does no harm.
        if let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) {
            let seen = caught.clone();
            let watch = move || {
                for signal in signals.forever() {
                    if seen.swap(signal, Ordering::SeqCst) != 0 {
                        let _ = emulate_default_handler(signal);
                    }
                    on_signal(signal);
                }
            };
            let _ = std::thread::Builder::new().name("signals".into()).spawn(watch);
        }
        Signals { caught }
    }

    /// Ctrl-C, Ctrl-Break, and the end of the console, the session or the machine.
    #[cfg(windows)]
    pub fn watch(on_signal: impl Fn(i32) + Send + Sync + 'static) -> Signals {
        let caught = Arc::new(AtomicI32::new(0));
        let seen = caught.clone();
        console::watch(move || {
            let is_first = seen.swap(1, Ordering::SeqCst) == 0;
            on_signal(1);
            is_first
        });
        Signals { caught }
    }

    /// The signal that came, if one did.
    pub fn caught(&self) -> Option<i32> {
        Some(self.caught.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Ends the process by the signal that came.
    #[cfg(unix)]
    pub fn die_of(signal: i32) {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }

    /// Ends the process with the exit status that Ctrl-C gives to those which know nothing of it.
    #[cfg(windows)]
    pub fn die_of(_: i32) {
        std::process::exit(windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT);
    }
}

#[cfg(windows)]
mod console {
    use std::sync::OnceLock;

    use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
    use windows_sys::core::BOOL;

    type OnEvent = Box<dyn Fn() -> bool + Send + Sync>;

    static ON_EVENT: OnceLock<OnEvent> = OnceLock::new();

    /// Sets a function that is called, on a thread of the system, when the process is to end; if it returns false,
    /// the process ends at once.
    pub fn watch(on_event: impl Fn() -> bool + Send + Sync + 'static) {
        if ON_EVENT.set(Box::new(on_event)).is_ok() {
            // SAFETY: the handler is a function of that type, and stays.
            unsafe { SetConsoleCtrlHandler(Some(handle), 1) };
        }
    }

    unsafe extern "system" fn handle(_event: u32) -> BOOL {
        ON_EVENT.get().is_some_and(|on_event| on_event()).into()
    }
}

/// A shell without job control has its background jobs ignore Ctrl-C: that is to stay so.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: it only reads the current action, into memory of its type; on success that is written whole.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init_ref().sa_sigaction == libc::SIG_IGN
    }
}
