//! A file in which processes share access tokens.
//!
//! It is there to save token requests, so nothing that is wrong with it is an error: at worst it costs one. It
//! holds access tokens, when they end and where they are good for, each under a hash of what it was made with;
//! never a refresh token or a client secret.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::private_file;

/// What every cache file begins with. A file that begins otherwise is somebody else's and stays as it is.
const MAGIC: &[u8] = b"{\"zmd_token_cache\":1,";

/// More than thousands of tokens take.
const SIZE_LIMIT: u64 = 1 << 20;

/// How often a process that waits for another's token looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
    tokens: BTreeMap<String, Entry>,
}

/// What the file was found to be.
enum Found {
    Tokens(BTreeMap<String, Entry>),
    /// Missing, empty, or a damaged file of ours.
    Nothing,
    /// Another program's, or not to be read.
    NotOurs(String),
}

/// The cache file, as one client uses it: for what was made with its refresh token.
#[derive(Debug)]
pub(super) struct TokenCache {
    path: PathBuf,
    key: String,
}

/// The right to renew the token and to change the file, held against all other processes. The system takes it
/// back from a process that dies.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Not only closed: a child that was forked meanwhile has the descriptor too, and would hold the lock.
        let _ = self.0.unlock();
    }
}

impl TokenCache {
    /// The cache in `path`, for tokens made with these.
    pub(super) fn new(path: &str, accounts_url: &str, client_id: &str, refresh_token: &str) -> TokenCache {
        let text = Zeroizing::new(format!("zmd token cache 1\n{accounts_url}\n{client_id}\n{refresh_token}"));
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let key = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        TokenCache { path: PathBuf::from(path), key }
    }

    /// This client's token, if the file has one that has not expired.
    pub(super) fn read(&self) -> Option<Entry> {
        match self.content() {
            Found::Tokens(mut tokens) => tokens.remove(&self.key).filter(|entry| entry.expires_at > now()),
            Found::Nothing | Found::NotOurs(_) => None,
        }
    }

    /// Waits until no other process renews the token, or there is one that `wanted` likes: then it comes instead
    /// of the lock. `Ok(None)` when `limit` is over, or `sleep` tells of a cancel.
    pub(super) fn lock_or_read<T>(
        &self,
        limit: Duration,
        sleep: impl Fn(Duration) -> bool,
        wanted: impl Fn(Entry) -> Option<T>,
    ) -> io::Result<Option<Result<Lock, T>>> {
        if let Some(token) = self.read().and_then(&wanted) {
            return Ok(Some(Err(token)));
        }
        let until = Instant::now() + limit;
        let file = private_file().write(true).create(true).truncate(false).open(self.beside(".lock"))?;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    let lock = Lock(file);
                    // Its last holder has perhaps just made a token.
                    return Ok(Some(self.read().and_then(&wanted).map_or(Ok(lock), Err)));
                }
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
            if let Some(token) = self.read().and_then(&wanted) {
                return Ok(Some(Err(token)));
            }
            if Instant::now() >= until || !sleep(LOOK_EVERY) {
                return Ok(None);
            }
        }
    }

    /// Puts this client's token into the file. Readers see the old file or the new one, never a part.
    pub(super) fn write(&self, entry: Entry, _lock: &Lock) -> io::Result<()> {
        let mut tokens = match self.content() {
            Found::Tokens(tokens) => tokens,
            Found::Nothing => BTreeMap::new(),
            Found::NotOurs(why) => return Err(io::Error::other(why)),
        };
        tokens.retain(|_, entry| entry.expires_at > now());
        tokens.insert(self.key.clone(), entry);
        let json = Zeroizing::new(serde_json::to_vec(&Content { zmd_token_cache: 1, tokens })?);
        debug_assert!(json.starts_with(MAGIC));
        // Under the lock nobody else writes; what is there was left behind by a process that was killed.
        let fresh = self.beside(".new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        private_file().write(true).create_new(true).open(&fresh)?.write_all(&json)?;
        fs::rename(&fresh, &self.path)
    }

    fn content(&self) -> Found {
        let read = || -> io::Result<Zeroizing<Vec<u8>>> {
            let file = File::open(&self.path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
                return Err(io::Error::other("it is no cache file"));
            }
            let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
            io::Read::read_to_end(&mut io::Read::take(file, SIZE_LIMIT), &mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(error) => Found::NotOurs(error.to_string()),
            Ok(bytes) => match serde_json::from_slice::<Content>(&bytes) {
                Ok(Content { zmd_token_cache: 1, tokens }) => Found::Tokens(tokens),
                _ if bytes.starts_with(MAGIC) || MAGIC.starts_with(&bytes) => Found::Nothing,
                _ => Found::NotOurs("it holds something else than tokens of libzmd".to_owned()),
            },
        }
    }

    /// A file beside the cache.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            TokenCache::new(path.to_str().unwrap(), "https://accounts.zoho.eu", "1000.ID", refresh_token)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn entry(access_token: &str, lifetime: u64) -> Entry {
        Entry {
            access_token: access_token.to_owned(),
            expires_at: now() + lifetime,
            api_domain: Some("https://www.zohoapis.eu".to_owned()),
        }
    }

    fn lock(cache: &TokenCache) -> Lock {
        let Ok(Some(Ok(lock))) = cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>) else {
            panic!("no lock")
        };
        lock
    }

    #[test]
    fn each_refresh_token_has_its_entry() {
        let directory = Directory::new("entries");
        let (one, two) = (directory.cache("one"), directory.cache("two"));
        assert_eq!(one.read(), None);
        one.write(entry("access-1", 3600), &lock(&one)).unwrap();
        two.write(entry("access-2", 3600), &lock(&two)).unwrap();
        assert_eq!(one.read().unwrap().access_token, "access-1");
        assert_eq!(two.read(), Some(entry("access-2", 3600)));
        one.write(entry("access-3", 3600), &lock(&one)).unwrap();
        assert_eq!(one.read().unwrap().access_token, "access-3");
    }

    #[test]
    fn expired_tokens_are_neither_read_nor_kept() {
        let directory = Directory::new("expired");
        let (one, two) = (directory.cache("one"), directory.cache("two"));
        one.write(entry("access-1", 0), &lock(&one)).unwrap();
        assert_eq!(one.read(), None);
        two.write(entry("access-2", 3600), &lock(&two)).unwrap();
        assert!(!fs::read_to_string(two.path()).unwrap().contains("access-1"));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let directory = Directory::new("mode");
        let cache = directory.cache("one");
        // Left behind by somebody careless: readable by all.
        for name in ["tokens", "tokens.new"] {
            fs::write(directory.0.join(name), "").unwrap();
            fs::set_permissions(directory.0.join(name), fs::Permissions::from_mode(0o666)).unwrap();
        }
        cache.write(entry("access-1", 3600), &lock(&cache)).unwrap();
        for name in ["tokens", "tokens.lock"] {
            assert_eq!(fs::metadata(directory.0.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn nothing_in_it_gives_away_what_it_was_made_with() {
        let directory = Directory::new("hash");
        let cache = directory.cache("1000.refresh");
        cache.write(entry("access-1", 3600), &lock(&cache)).unwrap();
        let content = fs::read_to_string(cache.path()).unwrap();
        assert!(
            !content.contains("refresh") && !content.contains("1000.ID") && !content.contains("accounts"),
            "{content}"
        );
    }

    #[test]
    fn a_damaged_file_is_repaired_and_a_foreign_one_left_alone() {
        let directory = Directory::new("damaged");
        let cache = directory.cache("one");
        cache.write(entry("access-1", 3600), &lock(&cache)).unwrap();
        let whole = fs::read(cache.path()).unwrap();
        for length in 0..whole.len() {
            fs::write(cache.path(), &whole[..length]).unwrap();
            assert_eq!(cache.read(), None, "{length}");
            cache.write(entry("access-2", 3600), &lock(&cache)).unwrap();
            assert_eq!(cache.read().unwrap().access_token, "access-2");
        }
        for foreign in ["root:x:0:0:root:/root:/bin/bash\n", "{}", "{\"zmd_token_cache\":2,\"new\":{}}"] {
            fs::write(cache.path(), foreign).unwrap();
            assert_eq!(cache.read(), None);
            cache.write(entry("access-2", 3600), &lock(&cache)).unwrap_err();
            assert_eq!(fs::read_to_string(cache.path()).unwrap(), foreign);
        }
    }

    #[test]
    fn the_lock_is_one_processs_at_a_time() {
        let directory = Directory::new("lock");
        let cache = directory.cache("one");
        let held = lock(&cache);
        assert!(cache.lock_or_read(Duration::ZERO, |_| true, |_| None::<()>).unwrap().is_none());
        // Who waits is told of the token as soon as it is there.
        cache.write(entry("access-1", 3600), &held).unwrap();
        let Ok(Some(Err(found))) = cache.lock_or_read(Duration::ZERO, |_| true, Some) else { panic!("no token") };
        assert_eq!(found.access_token, "access-1");
        drop(held);
        lock(&cache);
    }
}
