//! Where the key-value service keeps what it is told: one small trait, and a table for devices.

use core::cell::RefCell;
use core::fmt;

use heapless::String;
use heapless::index_map::FnvIndexMap;

use crate::shared::Shared;

/// A key-value store that many connections share. How it is shared is its own affair: a table in a cell, a concurrent map, a database.
pub trait Store {
    /// The longest value that it holds, in bytes.
    fn max_value(&self) -> usize;

    /// Lends the value of `key` to `read`, if there is one. `read` must not use the store.
    ///
    /// # Errors
    /// The store cannot be read.
    fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError>;

    /// Sets `key` to `value`, whether or not it was set before.
    ///
    /// # Errors
    /// It does not fit; nothing was changed then.
    fn set(&self, key: &str, value: &str) -> Result<(), StoreError>;

    /// Removes `key`. Whether it was there.
    ///
    /// # Errors
    /// The store cannot be written; nothing was changed then.
    fn delete(&self, key: &str) -> Result<bool, StoreError>;
}

/// Why a store cannot do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StoreError {
    /// The key is longer than the store takes.
    KeyTooLong,
    /// The value is longer than the store takes.
    ValueTooLong,
    /// The store is full.
    Full,
    /// What the store lies on failed; its own log says how.
    Failed,
}

/// A table of `KEYS` keys (a power of two) of up to `KEY` bytes, with values of up to `VALUE` bytes.
///
/// It takes `KEYS * (KEY + VALUE + 16)` bytes, about. In a [`RefCell`], for a front end with one loop, it is
/// a [`Store`].
#[derive(Clone, Debug, Default)]
pub struct Table<const KEYS: usize, const KEY: usize, const VALUE: usize> {
    values: FnvIndexMap<String<KEY>, String<VALUE>, KEYS>,
}

impl<const KEYS: usize, const KEY: usize, const VALUE: usize> Table<KEYS, KEY, VALUE> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { values: FnvIndexMap::new() }
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let key = String::try_from(key).map_err(|_| StoreError::KeyTooLong)?;
        let value = String::try_from(value).map_err(|_| StoreError::ValueTooLong)?;
        self.values.insert(key, value).map(|_| ()).map_err(|_| StoreError::Full)
    }

    fn get(&self, key: &str) -> Option<&str> {
        let key = String::try_from(key).ok()?;
        self.values.get(&key).map(String::as_str)
    }

    fn delete(&mut self, key: &str) -> bool {
        String::try_from(key).is_ok_and(|key| self.values.remove(&key).is_some())
    }
}

impl<const KEYS: usize, const KEY: usize, const VALUE: usize> Store for RefCell<Table<KEYS, KEY, VALUE>> {
    fn max_value(&self) -> usize {
        VALUE
    }

    fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError> {
        self.with(|table| {
            if let Some(value) = table.get(key) {
                read(value);
            }
        });
        Ok(())
    }

    fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let mut done = Err(StoreError::Failed);
        self.with(|table| done = table.set(key, value));
        done
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let mut done = Err(StoreError::Failed);
        self.with(|table| done = Ok(table.delete(key)));
        done
    }
}

impl<K: Store> Store for &K {
    fn max_value(&self) -> usize {
        (**self).max_value()
    }

    fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError> {
        (**self).get(key, read)
    }

    fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        (**self).set(key, value)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        (**self).delete(key)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyTooLong => "the key is too long",
            Self::ValueTooLong => "the value is too long",
            Self::Full => "the store is full",
            Self::Failed => "the store failed",
        })
    }
}

impl core::error::Error for StoreError {}
