//! The command on a pseudo-terminal, which the test reads and types on.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::missing;

/// The height of the terminal.
pub const HEIGHT: u16 = 24;

/// A program that runs on a terminal.
pub struct Terminal {
    master: File,
    child: Child,
    /// Everything that was written to the terminal and read by the test.
    pub written: Vec<u8>,
    /// How much of it `expect` has passed.
    seen: usize,
    width: u16,
}

impl Terminal {
    /// Starts the program as the leader of a session on a terminal of this width.
    pub fn start(command: &mut Command, width: u16) -> Terminal {
        let (master, slave) = open(width);
        let stream = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(stream()).stdout(stream()).stderr(stream());
        command.env("TERM", "xterm-256color");
        // SAFETY: setsid(), ioctl() and signal() may be called between fork() and exec().
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY as _, 0);
                // What a shell starts in the background ignores Ctrl-C.
                for signal in [libc::SIGINT, libc::SIGQUIT] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // The ends of the terminal that the command holds: without them its output would never end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Terminal { master, child, written: Vec::new(), seen: 0, width }
    }

    /// Starts a shell with job control on a terminal, and the program in it, as `zmd`. `None`: there is no bash.
    pub fn start_in_shell(command: &mut Command, width: u16) -> Option<Terminal> {
        let quoted = |text: &OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', "'\\''"));
        let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noediting", "-i"]).env_clear();
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell.env("PATH", "/usr/bin:/bin").env("PS1", "$ ");
        if !["/usr/bin/bash", "/bin/bash"].iter().any(|path| Path::new(path).exists()) {
            return missing("bash");
        }
        let mut terminal = Terminal::start(&mut shell, width);
        terminal.expect("$ ");
        terminal.type_keys(&format!("{}\n", words.join(" ")));
        Some(terminal)
    }

    /// Blocks until something is written, and reads at most so many bytes of it. Returns whether there was any.
    pub fn read(&mut self, most: usize) -> bool {
        let mut bytes = vec![0; most];
        assert!(self.is_readable(60_000), "nothing more after {}", self.text());
        // When the last program has closed the terminal, that is EIO.
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.written.extend(&bytes[..count]);
        count > 0
    }

    /// Whether there is something to read within so many milliseconds.
    pub fn is_readable(&self, milliseconds: i32) -> bool {
        let mut poll = libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, which is valid.
        unsafe { libc::poll(&mut poll, 1, milliseconds) == 1 }
    }

    /// Reads until this text has been written, after what was expected last.
    pub fn expect(&mut self, text: &str) {
        let limit = Instant::now() + Duration::from_secs(60);
        loop {
            let unseen = &self.written[self.seen..];
            if let Some(at) = unseen.windows(text.len()).position(|part| part == text.as_bytes()) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < limit && self.read(4096), "no {text:?} in {}", self.text());
        }
    }

    /// Waits without reading until the terminal can take no more: what is written from now on is on its way.
    pub fn fill(&self) {
        let limit = Instant::now() + Duration::from_secs(60);
        let mut count = 0;
        // 4095 is the size of Linux's buffer.
        while count < 4095 {
            assert!(Instant::now() < limit, "{count} bytes in {}", self.text());
            // SAFETY: FIONREAD writes an int.
            assert_eq!(unsafe { libc::ioctl(self.master.as_raw_fd(), libc::FIONREAD as _, &mut count) }, 0);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn type_keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads all that the program writes. Returns its exit status as a shell has it.
    pub fn end(&mut self) -> i32 {
        while self.read(4096) {}
        let status = self.child.wait().unwrap();
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// What the terminal shows, after these lines above.
    pub fn screen(&self, above: &str) -> String {
        let [rows, columns] = [HEIGHT, self.width].map(|size| NonZeroU16::new(size).unwrap());
        let mut screen = vt100::Parser::new(rows, columns, 1000);
        screen.process(above.as_bytes());
        screen.process(&self.written);
        screen.screen().contents()
    }

    /// Whether the terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        // SAFETY: tcgetattr writes a termios, whole if it returns 0.
        unsafe {
            let mut modes = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(self.master.as_raw_fd(), &mut modes), 0);
            modes.c_lflag & libc::ECHO != 0
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(width: u16) -> (File, OwnedFd) {
    // SAFETY: the descriptors are new, and owned by nobody else; the name is written to a buffer of that size.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(master >= 0 && libc::grantpt(master) == 0 && libc::unlockpt(master) == 0);
        let mut name = [0; 128];
        assert_eq!(libc::ptsname_r(master, name.as_mut_ptr(), name.len()), 0);
        let slave = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(slave >= 0);
        let size = libc::winsize { ws_row: HEIGHT, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
        assert_eq!(libc::ioctl(slave, libc::TIOCSWINSZ as _, &size), 0);
        (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}
