//! The modes of the terminal while rows are drawn on it or a secret is typed; afterwards they are as before.

#[cfg(unix)]
pub use unix::{draw, hide, is_foreground, restore, restore_after};

#[cfg(unix)]
mod unix {
    use std::mem::MaybeUninit;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use libc::{STDERR_FILENO, STDIN_FILENO, c_int, termios};

    /// The terminal whose modes are changed, and its modes before.
    static BEFORE: Mutex<Option<(c_int, termios)>> = Mutex::new(None);

    /// For rows on standard error: what is typed is not shown, as it would be among the rows, Ctrl-C's ^C included; and a
    /// signal discards no output that is on its way to the screen, as the next drawing relies on it. To be called before each
    /// drawing.
    ///
    /// Does nothing if this process is in the background.
    pub fn draw() {
        change(STDERR_FILENO, libc::TCSANOW, |modes| {
            modes.c_lflag &= !libc::ECHO;
            modes.c_lflag |= libc::NOFLSH;
        });
    }

    /// For a secret on standard input: nothing is shown but the line's end. What was typed before is discarded.
    pub fn hide() {
        change(STDIN_FILENO, libc::TCSAFLUSH, |modes| {
            modes.c_lflag &= !libc::ECHO;
            modes.c_lflag |= libc::ECHONL;
        });
    }

    /// The modes as they were before.
    pub fn restore() {
        if let Some((terminal, modes)) = lock().take()
            && is_foreground(terminal)
        {
            // SAFETY: modes that the system has written.
            unsafe { libc::tcsetattr(terminal, libc::TCSANOW, &modes) };
        }
    }

    /// The modes as they were before, for good: the process is about to end by this signal. If it is that of a key, what was
    /// typed before it is discarded, as usual.
    pub fn restore_after(signal: c_int) {
        let mut before = lock();
        if let Some((terminal, modes)) = before.take()
            && is_foreground(terminal)
        {
            // SAFETY: modes that the system has written.
            unsafe {
                if matches!(signal, libc::SIGINT | libc::SIGQUIT) {
                    libc::tcflush(terminal, libc::TCIFLUSH);
                }
                libc::tcsetattr(terminal, libc::TCSANOW, &modes);
            }
        }
        // No other thread changes them again.
        std::mem::forget(before);
    }

    /// Whether the terminal is this process's to change: a shell takes it from a background job, and changing it would
    /// stop the process.
    pub fn is_foreground(terminal: c_int) -> bool {
        // SAFETY: both take no pointer.
        let (foreground, own) = unsafe { (libc::tcgetpgrp(terminal), libc::getpgrp()) };
        // -1: it controls no session.
        foreground == -1 || foreground == own
    }

    fn change(terminal: c_int, when: c_int, change: impl FnOnce(&mut termios)) {
        let mut before = lock();
        if !is_foreground(terminal) {
            return;
        }
        let mut modes = MaybeUninit::uninit();
        // SAFETY: tcgetattr writes the modes whole if it returns 0.
        let Some(old) = (unsafe { (libc::tcgetattr(terminal, modes.as_mut_ptr()) == 0).then(|| modes.assume_init()) })
        else {
            return;
        };
        let mut new = old;
        change(&mut new);
        // As this process has set them; after it was stopped, they are the shell's again.
        if new.c_lflag == old.c_lflag {
            return;
        }
        // SAFETY: modes that the system has written.
        if unsafe { libc::tcsetattr(terminal, when, &new) } == 0 {
            *before = Some((terminal, old));
        }
    }

    fn lock() -> MutexGuard<'static, Option<(c_int, termios)>> {
        BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There a secret is read key by key, and Ctrl-C is not shown.
#[cfg(windows)]
pub fn draw() {}

#[cfg(windows)]
pub fn restore() {}
