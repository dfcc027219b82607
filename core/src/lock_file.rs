//! Locks between processes: a file for each.
//!
//! On Unix they are record locks (`fcntl`), which belong to a process: a child of `fork()` does not inherit them, and when
//! their owner dies they are free, whatever its children do. (A lock of `flock()` belongs to an open file, which a child has
//! too.) Two rules of theirs are kept here: they do not exclude the threads of one process, and closing any descriptor of
//! the file gives the lock back. So a table of the process has the locks that it holds, with the one descriptor of each.
//!
//! Windows has no `fork()`, and its locks belong to a descriptor.

use std::io;
use std::path::Path;

use crate::sync::Held;

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _lock: system::Lock,
    _held: Held,
}

impl FileLock {
    /// Takes the lock if it is free, and creates the file if it is missing.
    pub(crate) fn try_new(path: &Path) -> io::Result<Option<FileLock>> {
        Ok(system::try_lock(path)?.map(|lock| FileLock { _lock: lock, _held: Held::new() }))
    }
}

#[cfg(all(unix, not(miri)))]
mod system {
    use std::fs::{self, File, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    use arc_swap::ArcSwapOption;
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;

    use crate::descriptor::Descriptor;
    use crate::file::open_lock;
    use crate::process::process_id;

    /// The locks of this process. Replaced without a lock in a child of `fork()`.
    static TABLE: ArcSwapOption<Table> = ArcSwapOption::const_empty();

    #[derive(Debug)]
    struct Table {
        process: u64,
        rows: Mutex<Vec<Row>>,
    }

    #[derive(Debug)]
    struct Row {
        /// The device and the number of the file.
        id: (u64, u64),
        number: u64,
        /// Closing one of them gives the lock back.
        _files: Vec<Descriptor<File>>,
    }

    /// A row of the table, until it is dropped.
    #[derive(Debug)]
    pub(super) struct Lock {
        table: Arc<Table>,
        number: u64,
    }

    impl Drop for Lock {
        fn drop(&mut self) {
            // In a child of fork() it is not the child's.
            if self.table.process == process_id() {
                let mut rows = self.table.rows.lock().unwrap_or_else(PoisonError::into_inner);
                rows.retain(|row| row.number != self.number);
            }
        }
    }

    fn table() -> Arc<Table> {
        let process = process_id();
        let found = TABLE.load_full();
        if let Some(table) = found.as_ref().filter(|table| table.process == process) {
            return table.clone();
        }
        let ours = Arc::new(Table { process, rows: Mutex::new(Vec::new()) });
        let previous = TABLE.compare_and_swap(&found, Some(ours.clone()));
        // Another thread of this process may have been first.
        previous.as_ref().filter(|table| table.process == process).cloned().unwrap_or(ours)
    }

    fn id_of(metadata: &Metadata) -> (u64, u64) {
        (metadata.dev(), metadata.ino())
    }

    pub(super) fn try_lock(path: &Path) -> io::Result<Option<Lock>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let table = table();
        let mut rows = table.rows.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is opened: closing it again would give the lock of this process back.
        if let Ok(metadata) = fs::symlink_metadata(path)
            && rows.iter().any(|row| row.id == id_of(&metadata))
        {
            return Ok(None);
        }
        let file = open_lock(path)?;
        let id = id_of(&file.metadata()?);
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row._files.push(file);
            return Ok(None);
        }
        match fcntl_lock(&*file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Somebody may have removed the file meanwhile.
        if fs::symlink_metadata(path).ok().is_none_or(|metadata| id_of(&metadata) != id) {
            return Ok(None);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        rows.push(Row { id, number, _files: vec![file] });
        drop(rows);
        Ok(Some(Lock { table, number }))
    }
}

/// Also for Miri, which knows no record locks.
#[cfg(not(all(unix, not(miri))))]
mod system {
    use std::fs::{File, TryLockError};
    use std::io;
    use std::path::Path;

    use crate::descriptor::Descriptor;
    use crate::file::open_lock;

    /// Closing the file gives the lock back.
    #[derive(Debug)]
    pub(super) struct Lock {
        _file: Descriptor<File>,
    }

    pub(super) fn try_lock(path: &Path) -> io::Result<Option<Lock>> {
        let file = open_lock(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("zmd-lock-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn take(path: &Path) -> Option<FileLock> {
        FileLock::try_new(path).unwrap()
    }

    #[test]
    fn the_threads_of_a_process_exclude_each_other() {
        let directory = Directory::new("threads");
        let (path, other) = (directory.0.join("lock"), directory.0.join("other"));
        let held = take(&path).unwrap();
        assert!(take(&path).is_none() && take(&path).is_none());
        let _other = take(&other).unwrap();
        std::thread::scope(|scope| {
            assert!(scope.spawn(|| take(&path).is_none()).join().unwrap());
        });
        drop(held);
        assert!(take(&path).is_some());
        assert!(take(&path).is_some());
        assert!(FileLock::try_new(&directory.0).is_err() && FileLock::try_new(&other.join("x")).is_err());
    }

    #[cfg(all(unix, not(miri)))]
    mod processes {
        use std::io::{BufRead, BufReader};
        use std::process::{Child, Command, Stdio};

        use super::*;

        const PATH: &str = "ZMD_TEST_LOCK";

        /// For the tests below, in a process of its own: takes the lock, and stays. With `fork` it leaves a child behind and dies.
        #[test]
        #[ignore = "run by the others, in a process of its own"]
        #[allow(unsafe_code)]
        fn holder() {
            let path = PathBuf::from(std::env::var_os(PATH).unwrap());
            let held = take(&path);
            println!("\nheld {}", held.is_some());
            if std::env::var_os("ZMD_TEST_FORK").is_some() {
                // SAFETY: the child only sleeps, and this process ends without running anything else.
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        loop {
                            libc::pause();
                        }
                    }
                    println!("child {child}");
                    libc::_exit(0);
                }
            }
            std::thread::park();
        }

        fn start(path: &Path, forks: bool) -> (Child, BufReader<std::process::ChildStdout>) {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "--ignored", "--nocapture", "lock_file::tests::processes::holder"]);
            command.env(PATH, path).stdout(Stdio::piped());
            if forks {
                command.env("ZMD_TEST_FORK", "1");
            }
            let mut child = command.spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap());
            assert_eq!(line(&mut lines, "held "), "true");
            (child, lines)
        }

        fn line(lines: &mut impl BufRead, begin: &str) -> String {
            let mut line = String::new();
            while !line.starts_with(begin) {
                line.clear();
                assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no line {begin}");
            }
            line[begin.len()..].trim().to_owned()
        }

        #[test]
        fn processes_exclude_each_other() {
            let directory = Directory::new("processes");
            let path = directory.0.join("lock");
            let (mut child, _lines) = start(&path, false);
            assert!(take(&path).is_none());
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(take(&path).is_some());
        }

        #[test]
        fn a_lock_is_free_when_its_owner_dies_whatever_its_children_do() {
            let directory = Directory::new("fork");
            let path = directory.0.join("lock");
            let (mut child, mut lines) = start(&path, true);
            let grandchild = line(&mut lines, "child ");
            child.wait().unwrap();
            let is_free = take(&path).is_some();
            assert!(Command::new("kill").args(["-9", &grandchild]).status().unwrap().success());
            assert!(is_free);
        }
    }
}
