//! Signals: what ends the command, stops it (Ctrl-Z) and continues it.
//!
//! A thread receives them, so that a terminal can be restored and messages be printed without the limits of a signal
//! handler. What ends the command does so by the signal itself, so that a shell's loop ends too.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The command is to end.
    End,
    /// The command is about to be stopped, as by Ctrl-Z.
    #[cfg(unix)]
    Stop,
    /// The command was stopped, and continues.
    #[cfg(unix)]
    Continue,
}

/// Called on the thread that receives signals. For [`Event::End`] it returns whether the command ends by itself, which it
/// can only once: at the next signal the command ends at once.
type Handler = Arc<dyn Fn(Event) -> bool + Send + Sync>;

static HANDLER: Mutex<Option<Handler>> = Mutex::new(None);

/// The first signal to end the command; 0: there was none.
static END: AtomicI32 = AtomicI32::new(0);

/// Handles signals until it is dropped; then they end the command at once.
pub struct Handling(());

pub fn handle(handler: impl Fn(Event) -> bool + Send + Sync + 'static) -> Handling {
    *HANDLER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(handler));
    Handling(())
}

impl Drop for Handling {
    fn drop(&mut self) {
        *HANDLER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The signal that is to end the command, if one came.
pub fn ending() -> Option<i32> {
    Some(END.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

fn notify(event: Event) -> bool {
    let handler = HANDLER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    handler.is_some_and(|handler| handler(event))
}

fn end(signal: i32) {
    let is_first = END.swap(signal, Ordering::SeqCst) == 0;
    if !(is_first && notify(Event::End)) {
        die_of(signal);
    }
}

pub use system::{die_of, start};

#[cfg(unix)]
mod system {
    use std::mem::MaybeUninit;

    use libc::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, c_int, sigset_t};

    use super::{Event, end, notify};
    use crate::modes;

    /// Begins to receive signals. To be called before there is another thread, as each one inherits that they are blocked.
    pub fn start() {
        // A shell without job control has its background jobs ignore Ctrl-C, and nohup SIGHUP: that stays so.
        let wanted = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT];
        let signals = set(wanted.into_iter().filter(|signal| !is_ignored(*signal)));
        mask(libc::SIG_BLOCK, &signals);
        // Without a thread, the signals do what they do by default.
        if std::thread::Builder::new().name("signals".into()).spawn(move || receive(&signals)).is_err() {
            mask(libc::SIG_UNBLOCK, &signals);
        }
    }

    fn receive(signals: &sigset_t) {
        loop {
            let mut signal: c_int = 0;
            // SAFETY: both point to values of their types.
            if unsafe { libc::sigwait(signals, &mut signal) } != 0 {
                continue;
            }
            match signal {
                SIGTSTP => {
                    notify(Event::Stop);
                    modes::restore();
                    raise(SIGTSTP);
                    mask(libc::SIG_BLOCK, signals);
                    // It is none if there was no shell to stop it for.
                    take_pending(SIGCONT);
                    notify(Event::Continue);
                }
                SIGCONT => {
                    notify(Event::Continue);
                }
                signal => end(signal),
            }
        }
    }

    /// Ends the process by the signal, with the terminal as it was before.
    pub fn die_of(signal: i32) -> ! {
        modes::restore_after(signal);
        // SAFETY: the default action is no handler. Rust's runtime ignores SIGPIPE.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        raise(signal);
        // The first process of a container survives it.
        // SAFETY: it takes no pointer, and does not return.
        unsafe { libc::_exit(128 + signal) }
    }

    /// Sends a signal, which may be blocked, to this thread, where it has its effect before this returns.
    fn raise(signal: c_int) {
        // SAFETY: it takes no pointer.
        unsafe { libc::raise(signal) };
        mask(libc::SIG_UNBLOCK, &set([signal].into_iter()));
    }

    /// Takes a blocked signal away, if it has come already.
    fn take_pending(signal: c_int) {
        let only = set([signal].into_iter());
        let mut pending = set([].into_iter());
        // SAFETY: all point to values of their types.
        unsafe {
            if libc::sigpending(&mut pending) == 0 && libc::sigismember(&pending, signal) == 1 {
                libc::sigwait(&only, &mut 0);
            }
        }
    }

    fn set(signals: impl Iterator<Item = c_int>) -> sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initializes the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            signals.for_each(|signal| {
                libc::sigaddset(set.as_mut_ptr(), signal);
            });
            set.assume_init()
        }
    }

    fn mask(how: c_int, signals: &sigset_t) {
        // SAFETY: the set is valid, and the old mask is not asked for.
        unsafe { libc::pthread_sigmask(how, signals, std::ptr::null_mut()) };
    }

    fn is_ignored(signal: c_int) -> bool {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: it only reads the current action, into memory of its type; on success that is written whole.
        unsafe {
            libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init_ref().sa_sigaction == libc::SIG_IGN
        }
    }
}

#[cfg(windows)]
mod system {
    use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
    use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
    use windows_sys::core::BOOL;

    /// Begins to receive Ctrl-C, Ctrl-Break, and the end of the console, the session or the machine.
    pub fn start() {
        // SAFETY: the handler is a function of that type, and stays.
        unsafe { SetConsoleCtrlHandler(Some(receive), 1) };
    }

    /// Called on a thread of the system.
    unsafe extern "system" fn receive(_event: u32) -> BOOL {
        super::end(1);
        1
    }

    /// Ends the process with the exit status that Ctrl-C gives to those which do not handle it.
    pub fn die_of(_: i32) -> ! {
        std::process::exit(STATUS_CONTROL_C_EXIT)
    }
}
