//! A file in which processes share access tokens.
//!
//! It only saves token requests, so a problem with it is never an error: at worst it costs one request. It contains access
//! tokens with their expiry and API, and refusals, each under a hash of the credentials that it was requested with; never a
//! refresh token or a client secret.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::refusal::Refusal;
use crate::file::{beside, content, create_private, names_in, open_own, write_fresh};
use crate::json::{Object, from_object};
use crate::lock_file::FileLock;

/// The beginning of every cache file. A file that begins differently belongs to another program and is not changed.
const MAGIC: &[u8] = b"{\"zmd_token_cache\":1,";

/// Larger than a file with thousands of tokens.
const SIZE_LIMIT: u64 = 1 << 20;

/// In the name of a file that is being written, between that of the cache and the number of the process.
const FRESH: &str = ".zmd-new-";

/// The number of the next such file of this process.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// How often a process that waits for another process's token checks the file.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// One token of the cache.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Entry {
    pub access_token: String,
    /// Seconds since 1970.
    pub expires_at: u64,
    pub api_domain: Option<String>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.access_token.zeroize();
    }
}

#[derive(Deserialize, Serialize)]
struct Content {
    /// The version of the format, always in front: see [`MAGIC`].
    zmd_token_cache: u32,
    #[serde(deserialize_with = "objects")]
    tokens: BTreeMap<String, Entry>,
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "BTreeMap::is_empty")]
    refusals: BTreeMap<String, Refusal>,
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error> {
    let objects = BTreeMap::<String, Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|(key, Object(value))| (key, value)).collect())
}

impl Content {
    fn empty() -> Content {
        Content { zmd_token_cache: 1, tokens: BTreeMap::new(), refusals: BTreeMap::new() }
    }
}

/// What the file has for the credentials of a client.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cached {
    /// A token that has not expired.
    Token(Entry),
    /// The last request was refused.
    Refusal(Refusal),
}

/// The result of reading the file.
enum CacheFile {
    Content(Content),
    /// Missing, empty, or a damaged cache file.
    Empty,
    /// It belongs to another program, or can't be read.
    Foreign(String),
}

/// The cache file, for the tokens of one client's credentials.
#[derive(Debug)]
pub(super) struct TokenCache {
    path: PathBuf,
    key: String,
}

impl TokenCache {
    /// The cache in `path`, for tokens made with these credentials.
    pub(super) fn new(path: &Path, accounts_url: &str, client_id: &str, refresh_token: &str) -> TokenCache {
        let text = Zeroizing::new(format!("zmd token cache 1\n{accounts_url}\n{client_id}\n{refresh_token}"));
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let key = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        TokenCache { path: path.to_owned(), key }
    }

    /// What the file has for this client.
    pub(super) fn read(&self) -> Option<Cached> {
        let CacheFile::Content(mut content) = self.content() else { return None };
        let token = content.tokens.remove(&self.key).filter(|entry| entry.expires_at > now());
        token.map(Cached::Token).or_else(|| content.refusals.remove(&self.key).map(Cached::Refusal))
    }

    /// Waits for the lock, or for another process to write what `wanted` accepts: that is returned instead of the lock.
    /// `Ok(None)` when `limit` has expired, or `sleep` returned `false` because of a cancel.
    pub(super) fn lock_or_read<T>(
        &self,
        limit: Duration,
        sleep: impl Fn(Duration) -> bool,
        wanted: impl Fn(Cached) -> Option<T>,
    ) -> io::Result<Option<Result<FileLock, T>>> {
        if let Some(token) = self.read().and_then(&wanted) {
            return Ok(Some(Err(token)));
        }
        let until = Instant::now() + limit;
        let path = beside(&self.path, ".lock");
        loop {
            if let Some(lock) = FileLock::try_new(&path)? {
                // The previous holder may have just made a token.
                return Ok(Some(self.read().and_then(&wanted).map_or(Ok(lock), Err)));
            }
            if let Some(token) = self.read().and_then(&wanted) {
                return Ok(Some(Err(token)));
            }
            if Instant::now() >= until || !sleep(CHECK_INTERVAL) {
                return Ok(None);
            }
        }
    }

    /// Writes what this client has got to the file. Readers see the old file or the new one, never a part of it. Without the
    /// lock, what another process writes at the same moment may be lost: that costs it a token request.
    pub(super) fn write(&self, cached: Cached) -> io::Result<()> {
        let mut content = match self.content() {
            CacheFile::Content(content) => content,
            CacheFile::Empty => Content::empty(),
            CacheFile::Foreign(why) => return Err(io::Error::other(why)),
        };
        content.tokens.retain(|_, entry| entry.expires_at > now());
        content.refusals.retain(|_, refusal| refusal.error(SystemTime::now()).is_some());
        content.refusals.remove(&self.key);
        match cached {
            Cached::Token(entry) => drop(content.tokens.insert(self.key.clone(), entry)),
            // A token that is in the file was refused by the API, or is due.
            Cached::Refusal(refusal) => {
                content.tokens.remove(&self.key);
                content.refusals.insert(self.key.clone(), refusal);
            }
        }
        let json = Zeroizing::new(serde_json::to_vec(&content)?);
        debug_assert!(json.starts_with(MAGIC));
        self.remove_leftovers();
        let fresh = beside(&self.path, &format!("{FRESH}{}-{}", std::process::id(), COUNTER.fetch_add(1, Relaxed)));
        let file = create_private(&fresh)?;
        let written = write_fresh(&file, &json);
        drop(file);
        written.and_then(|()| replace(&fresh, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&fresh);
        })
    }

    /// Removes the files that processes left behind which were killed while they wrote.
    fn remove_leftovers(&self) {
        let (Some(directory), Some(name)) = (self.path.parent(), self.path.file_name()) else { return };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let begin = [name.as_encoded_bytes(), FRESH.as_bytes()].concat();
        for name in names_in(directory).into_iter().flatten() {
            let rest = name.as_encoded_bytes().strip_prefix(&*begin).and_then(|rest| std::str::from_utf8(rest).ok());
            let process = rest.and_then(|rest| rest.split_once('-')?.0.parse().ok());
            if process.is_some_and(|process: i32| !is_running(process)) {
                let _ = fs::remove_file(directory.join(&name));
            }
        }
    }

    fn content(&self) -> CacheFile {
        let read = || -> io::Result<Zeroizing<Vec<u8>>> { content(&open_own(&self.path)?, SIZE_LIMIT) };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => CacheFile::Empty,
            Err(error) => CacheFile::Foreign(error.to_string()),
            Ok(bytes) => match from_object::<Content>(&bytes) {
                Ok(content) if content.zmd_token_cache == 1 => CacheFile::Content(content),
                _ if bytes.starts_with(MAGIC) || MAGIC.starts_with(&bytes) => CacheFile::Empty,
                _ => CacheFile::Foreign("it is not a token cache of libzmd".to_owned()),
            },
        }
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether the process runs. One in another container may not be seen: then its file is missing when it renames it, and it
/// keeps its token for itself.
fn is_running(process: i32) -> bool {
    #[cfg(all(unix, not(miri)))]
    {
        let process = rustix::process::Pid::from_raw(process).filter(|_| process > 0);
        process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
    }
    #[cfg(not(all(unix, not(miri))))]
    {
        let _ = process;
        true
    }
}

/// Puts a file into the place of another, in one step. Windows refuses that while a program has the old file open and does
/// not share its deletion, as virus scanners and backups do for a moment: then it is tried again.
fn replace(fresh: &Path, old: &Path) -> io::Result<()> {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let mut tries_left = if cfg!(windows) { 4 } else { 0 };
    loop {
        match fs::rename(fresh, old) {
            Err(error) if tries_left > 0 && matches!(error.raw_os_error(), Some(ACCESS_DENIED | SHARING_VIOLATION)) => {
                tries_left -= 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("zmd-unit-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Directory(path)
        }

        fn cache(&self, refresh_token: &str) -> TokenCache {
            let path = self.0.join("tokens");
            TokenCache::new(&path, "https://accounts.zoho.eu", "1000.ID", refresh_token)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn entry(access_token: &str, lifetime: u64) -> Cached {
        Cached::Token(Entry {
            access_token: access_token.to_owned(),
            expires_at: now() + lifetime,
            api_domain: Some("https://www.zohoapis.eu".to_owned()),
        })
    }

    fn token(cached: Option<Cached>) -> String {
        let Some(Cached::Token(entry)) = cached else { panic!("{cached:?} is not a token") };
        entry.access_token.clone()
    }

    fn lock(cache: &TokenCache) -> FileLock {
        let Ok(Some(Ok(lock))) = cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>) else {
            panic!("no lock")
        };
        lock
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "it starts a program")]
    fn a_named_pipe_is_not_waited_for() {
        let directory = Directory::new("pipes");
        let cache = directory.cache("1000.refresh");
        let pipe = |name: &str| {
            assert!(std::process::Command::new("mkfifo").arg(directory.0.join(name)).status().unwrap().success());
        };
        pipe("tokens");
        assert_eq!(cache.read(), None);
        assert!(cache.write(entry("token", 60)).is_err());
        pipe("tokens.lock");
        assert!(cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>).is_err());
    }

    #[test]
    fn each_refresh_token_has_its_own_entry() {
        let directory = Directory::new("entries");
        let (one, two) = (directory.cache("one"), directory.cache("two"));
        assert_eq!(one.read(), None);
        one.write(entry("access-1", 3600)).unwrap();
        two.write(entry("access-2", 3600)).unwrap();
        assert_eq!(token(one.read()), "access-1");
        assert_eq!(two.read(), Some(entry("access-2", 3600)));
        one.write(entry("access-3", 3600)).unwrap();
        assert_eq!(token(one.read()), "access-3");
    }

    #[test]
    fn a_refusal_is_kept_until_there_is_a_token() {
        let directory = Directory::new("refusal");
        let (one, two) = (directory.cache("one"), directory.cache("two"));
        let refused = Error::new(ErrorKind::Oauth, "no");
        let refusal = |at| Cached::Refusal(Refusal::new(&refused, at).unwrap());
        let recent = refusal(SystemTime::now());
        one.write(entry("access-1", 3600)).unwrap();
        one.write(recent.clone()).unwrap();
        assert_eq!((one.read(), two.read()), (Some(recent.clone()), None));
        two.write(entry("access-2", 3600)).unwrap();
        assert_eq!(one.read(), Some(recent));
        one.write(entry("access-1", 3600)).unwrap();
        assert_eq!(token(one.read()), "access-1");
        assert!(!fs::read_to_string(one.path()).unwrap().contains("refusals"));
        one.write(refusal(SystemTime::now() - Duration::from_secs(61))).unwrap();
        two.write(entry("access-2", 3600)).unwrap();
        assert_eq!(one.read(), None);
    }

    #[test]
    fn an_array_is_no_entry() {
        let directory = Directory::new("array");
        let cache = directory.cache("one");
        cache.write(entry("access-1", 3600)).unwrap();
        let whole = fs::read_to_string(cache.path()).unwrap();
        let (begin, _) = whole.split_once("{\"access_token\"").unwrap();
        let array = format!("{begin}[\"access-1\",{},null]}}}}", now() + 3600);
        fs::write(cache.path(), array).unwrap();
        assert_eq!(cache.read(), None);
    }

    #[test]
    fn expired_tokens_are_neither_read_nor_kept() {
        let directory = Directory::new("expired");
        let (one, two) = (directory.cache("one"), directory.cache("two"));
        one.write(entry("access-1", 0)).unwrap();
        assert_eq!(one.read(), None);
        two.write(entry("access-2", 3600)).unwrap();
        assert!(!fs::read_to_string(two.path()).unwrap().contains("access-1"));
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "the user there does not own the files")]
    fn only_the_owner_may_read_or_write_it() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let directory = Directory::new("mode");
        let cache = directory.cache("one");
        drop(lock(&cache));
        cache.write(entry("access-1", 3600)).unwrap();
        for name in ["tokens", "tokens.lock"] {
            assert_eq!(fs::metadata(directory.0.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
        // One that others can write is not used, and not changed.
        let before = fs::read(cache.path()).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(cache.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(cache.read(), None, "{mode:o}");
            cache.write(entry("access-2", 3600)).unwrap_err();
        }
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!((fs::read(cache.path()).unwrap(), token(cache.read())), (before, "access-1".to_owned()));
        // Nor is a symbolic link to one.
        let elsewhere = directory.0.join("elsewhere");
        fs::rename(cache.path(), &elsewhere).unwrap();
        symlink(&elsewhere, cache.path()).unwrap();
        assert_eq!(cache.read(), None);
        cache.write(entry("access-2", 3600)).unwrap_err();
        fs::remove_file(cache.path()).unwrap();
        fs::remove_file(directory.0.join("tokens.lock")).unwrap();
        symlink(&elsewhere, directory.0.join("tokens.lock")).unwrap();
        assert!(cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>).is_err());
    }

    #[test]
    fn a_file_is_written_under_a_name_of_its_own() {
        let directory = Directory::new("fresh");
        let cache = directory.cache("one");
        drop(lock(&cache));
        // The user's own, and one of a process that was killed, and one of a process that runs.
        let of_this = format!("tokens.zmd-new-{}-99", std::process::id());
        for name in ["tokens.new", "tokens.zmd-new-2147483647-0", &of_this] {
            fs::write(directory.0.join(name), "mine").unwrap();
        }
        cache.write(entry("access-1", 3600)).unwrap();
        let mut names: Vec<_> = fs::read_dir(&directory.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let left = if cfg!(all(unix, not(miri))) { None } else { Some("tokens.zmd-new-2147483647-0") };
        let expected: Vec<_> = ["tokens", "tokens.lock", "tokens.new"].into_iter().chain(left).collect();
        names.retain(|name| *name != of_this);
        assert_eq!(names, expected);
        assert!(directory.0.join(&of_this).exists());
        // A rename that fails leaves nothing behind.
        fs::remove_file(cache.path()).unwrap();
        let _held = lock(&cache);
        fs::create_dir(cache.path()).unwrap();
        cache.write(entry("access-1", 3600)).unwrap_err();
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), names.len() + 1);
    }

    #[test]
    fn the_file_does_not_contain_the_credentials() {
        let directory = Directory::new("hash");
        let cache = directory.cache("1000.refresh");
        cache.write(entry("access-1", 3600)).unwrap();
        let content = fs::read_to_string(cache.path()).unwrap();
        assert!(
            !content.contains("refresh") && !content.contains("1000.ID") && !content.contains("accounts"),
            "{content}"
        );
    }

    #[test]
    fn a_damaged_file_is_replaced_and_a_foreign_one_is_not_changed() {
        let directory = Directory::new("damaged");
        let cache = directory.cache("one");
        cache.write(entry("access-1", 3600)).unwrap();
        let whole = fs::read(cache.path()).unwrap();
        for length in 0..whole.len() {
            fs::write(cache.path(), &whole[..length]).unwrap();
            assert_eq!(cache.read(), None, "{length}");
            cache.write(entry("access-2", 3600)).unwrap();
            assert_eq!(token(cache.read()), "access-2");
        }
        for foreign in ["root:x:0:0:root:/root:/bin/bash\n", "{}", "{\"zmd_token_cache\":2,\"new\":{}}"] {
            fs::write(cache.path(), foreign).unwrap();
            assert_eq!(cache.read(), None);
            cache.write(entry("access-2", 3600)).unwrap_err();
            assert_eq!(fs::read_to_string(cache.path()).unwrap(), foreign);
        }
    }

    #[test]
    fn only_one_holder_at_a_time_has_the_lock() {
        let directory = Directory::new("lock");
        let cache = directory.cache("one");
        let held = lock(&cache);
        assert!(cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>).unwrap().is_none());
        // A waiting process gets the token as soon as it is in the file.
        cache.write(entry("access-1", 3600)).unwrap();
        let Ok(Some(Err(found))) = cache.lock_or_read(Duration::ZERO, |_| true, Some) else { panic!("no token") };
        assert_eq!(token(Some(found)), "access-1");
        drop(held);
        lock(&cache);
    }

    #[test]
    fn the_lock_is_waited_for_until_the_limit_or_a_cancel() {
        let directory = Directory::new("wait");
        let cache = directory.cache("one");
        let held = lock(&cache);
        let wait = |limit, is_going_on| {
            let begin = Instant::now();
            let sleep = |pause| {
                std::thread::sleep(pause);
                is_going_on
            };
            assert!(cache.lock_or_read(Duration::from_millis(limit), sleep, |_| None::<()>).unwrap().is_none());
            begin.elapsed().as_millis() as u64
        };
        let (whole, cancelled) = (wait(200, true), wait(60_000, false));
        assert!((200..10_000).contains(&whole) && cancelled < 10_000, "{whole} {cancelled}");
        drop(held);
        assert!(now() > 1_700_000_000, "seconds since 1970");
    }
}
