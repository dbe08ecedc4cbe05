//! The key-value store that `kv` and `message` share: its limits, and where it lies.

mod memory;

use std::sync::Arc;

use framewright::{Store, StoreError};

use crate::database::Database;
use memory::MemoryStore;

/// A key-value store. Clones are the same store.
#[derive(Clone, Debug)]
pub struct KeyValueStore {
    limits: StoreLimits,
    place: Place,
}

/// How much a [`KeyValueStore`] takes. Beyond, `SET` is answered with `ERROR`; what is there stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// How many keys. Default 1,000,000.
    pub max_keys: u64,
    /// The longest key, in bytes, at most [`MAX_KEY`](Self::MAX_KEY). Default 256.
    pub max_key: usize,
    /// The longest value, in bytes, at most [`MAX_VALUE`](Self::MAX_VALUE). Each connection of `kv` has two buffers of this
    /// size, and each of `message` one of twice this size; they take memory when they are used. Default 65,536.
    pub max_value: usize,
    /// How many bytes all keys and values may have together. Default 1 GiB.
    pub max_bytes: u64,
}

/// Where a store lies.
#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<MemoryStore>),
    Disk(Arc<Database>),
}

impl StoreLimits {
    /// What `max_key` may be at most: searching by `message` holds a key in fixed memory.
    pub const MAX_KEY: usize = 1024;
    /// What `max_value` may be at most.
    pub const MAX_VALUE: usize = 16 << 20;

    /// The longest line of `kv`: `DELETE` or `SET`, key and value, and some white space.
    pub(crate) fn longest_line(&self) -> usize {
        self.max_key + self.max_value + 64
    }

    fn check(&self, key: &str, value: &str) -> Result<(), StoreError> {
        if key.len() > self.max_key {
            return Err(StoreError::KeyTooLong);
        }
        if value.len() > self.max_value {
            return Err(StoreError::ValueTooLong);
        }
        Ok(())
    }
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { max_keys: 1_000_000, max_key: 256, max_value: 64 << 10, max_bytes: 1 << 30 }
    }
}

impl KeyValueStore {
    /// An empty store in memory.
    pub fn in_memory(limits: StoreLimits) -> Self {
        Self { limits, place: Place::Memory(Arc::new(MemoryStore::new(limits))) }
    }

    pub(crate) fn on_disk(limits: StoreLimits, database: Arc<Database>) -> Self {
        Self { limits, place: Place::Disk(database) }
    }

    /// How much it takes.
    pub fn limits(&self) -> StoreLimits {
        self.limits
    }
}

impl Store for KeyValueStore {
    fn max_value(&self) -> usize {
        self.limits.max_value
    }

    fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError> {
        match &self.place {
            Place::Memory(store) => store.get(key, read),
            Place::Disk(database) => database.get(key, read)?,
        }
        Ok(())
    }

    fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.limits.check(key, value)?;
        match &self.place {
            Place::Memory(store) => store.set(key, value),
            Place::Disk(database) => database.set(key, value),
        }
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        match &self.place {
            Place::Memory(store) => Ok(store.delete(key)),
            Place::Disk(database) => database.delete(key),
        }
    }
}
