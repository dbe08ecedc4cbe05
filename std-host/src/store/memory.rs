//! The key-value store in memory: hash maps behind reader-writer locks.
//!
//! Keys are spread over shards, so that threads seldom meet. This needs no concurrent map of a library: the lock is held for
//! the copy of one value, a poisoned one is as good as before (each change is one insert or remove), and the maps' keyed hash
//! keeps clients from choosing keys that collide.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use framewright::StoreError;

use super::StoreLimits;

/// A map that many threads use.
#[derive(Debug)]
pub(super) struct MemoryStore {
    shards: Box<[RwLock<Shard>]>,
    hasher: RandomState,
    keys: Counter,
    bytes: Counter,
}

type Shard = HashMap<Box<str>, Box<str>>;

impl MemoryStore {
    pub(super) fn new(limits: StoreLimits) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            keys: Counter::up_to(limits.max_keys),
            bytes: Counter::up_to(limits.max_bytes),
        }
    }

    pub(super) fn get(&self, key: &str, read: impl FnOnce(&str)) {
        if let Some(value) = self.read(key).get(key) {
            read(value);
        }
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        match self.write(key).entry(key.into()) {
            Entry::Occupied(mut entry) => {
                self.bytes.change(entry.get().len(), value.len())?;
                entry.insert(value.into());
            }
            Entry::Vacant(entry) => {
                self.keys.change(0, 1)?;
                self.bytes.change(0, key.len() + value.len()).inspect_err(|_| self.keys.release(1))?;
                entry.insert(value.into());
            }
        }
        Ok(())
    }

    pub(super) fn delete(&self, key: &str) -> bool {
        let removed = self.write(key).remove(key);
        if let Some(value) = &removed {
            self.keys.release(1);
            self.bytes.release(key.len() + value.len());
        }
        removed.is_some()
    }

    fn read(&self, key: &str) -> RwLockReadGuard<'_, Shard> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &str) -> RwLockWriteGuard<'_, Shard> {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, key: &str) -> &RwLock<Shard> {
        // Less than `SHARDS`, so the cast keeps all of it.
        #[allow(clippy::cast_possible_truncation)]
        let index = (self.hasher.hash_one(key) % SHARDS) as usize;
        &self.shards[index]
    }
}

/// How much of something there is, which has a limit.
#[derive(Debug)]
struct Counter {
    now: AtomicU64,
    limit: u64,
}

impl Counter {
    const fn up_to(limit: u64) -> Self {
        Self { now: AtomicU64::new(0), limit }
    }

    /// `old` of it give way to `new`. Less is possible always, more up to the limit.
    fn change(&self, old: usize, new: usize) -> Result<(), StoreError> {
        let Some(more) = new.checked_sub(old) else {
            self.release(old - new);
            return Ok(());
        };
        let more = more as u64;
        let changed = |now: u64| (more == 0 || now + more <= self.limit).then_some(now + more);
        let updated = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
        updated.map(|_| ()).map_err(|_| StoreError::Full)
    }

    fn release(&self, amount: usize) {
        self.now.fetch_sub(amount as u64, Ordering::Relaxed);
    }
}

/// More than there are processors, so that two threads seldom want the same one.
const SHARDS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(store: &MemoryStore, key: &str) -> Option<String> {
        let mut found = None;
        store.get(key, |value| found = Some(value.to_owned()));
        found
    }

    #[test]
    fn a_full_store_refuses_new_keys_and_keeps_the_old_ones() {
        let store = MemoryStore::new(StoreLimits { max_keys: 2, max_bytes: 20, ..StoreLimits::default() });
        assert_eq!(store.set("a", "1"), Ok(()));
        assert_eq!(store.set("b", "2"), Ok(()));
        assert_eq!(store.set("c", "3"), Err(StoreError::Full));
        assert_eq!(store.set("a", "0123456789abcdef"), Ok(()), "with 19 bytes in all");
        assert_eq!(store.set("b", "345"), Err(StoreError::Full), "that would be 21");
        assert_eq!((value(&store, "b").as_deref(), value(&store, "c")), (Some("2"), None));
        assert!(store.delete("a") && !store.delete("a"));
        assert_eq!(store.set("c", "0123456789abcdef"), Ok(()));
        assert_eq!(store.set("b", ""), Ok(()), "less is possible always");
    }

    #[test]
    fn a_key_refused_for_its_bytes_does_not_count_as_a_key() {
        let store = MemoryStore::new(StoreLimits { max_keys: 1, max_bytes: 4, ..StoreLimits::default() });
        assert_eq!(store.set("long", "value"), Err(StoreError::Full));
        assert_eq!(store.set("key", "v"), Ok(()));
    }
}
