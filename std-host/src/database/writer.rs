//! The one thread that writes a database.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use framewright::StoreError;
use redb::{Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table};
use tracing::{error, info};

use super::{BYTES, CHAT, DatabaseFile, KEYS, META, SyncPolicy};
use crate::seldom::Seldom;
use crate::store::StoreLimits;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Order {
    /// Sets a key, or removes it where there is no value. The answer is whether it was there.
    Write { key: Box<str>, value: Option<Box<str>>, done: SyncSender<Answer> },
    /// A line of the chat.
    Line(String),
}

type Answer = Result<bool, StoreError>;

/// Carries out orders, many in one commit.
pub(super) struct Writer {
    file: Arc<DatabaseFile>,
    sync: SyncPolicy,
    limits: StoreLimits,
    /// Bytes of chat lines to keep.
    chat_log: u64,
    orders: Receiver<Order>,
    totals: Totals,
    /// When the oldest change was made that a power failure would undo.
    unsafe_since: Option<Instant>,
    disk: Disk,
    failed: Seldom,
}

/// What is in the database.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    keys: u64,
    /// Bytes of keys and values.
    bytes: u64,
    /// Bytes of chat lines, with what the room's log adds to each.
    line_bytes: u64,
    /// The number of the next chat line.
    next_line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Works,
    /// It failed, and is tried again at this time; if it fails again, after twice as long.
    Failed {
        retry_at: Instant,
        pause: Duration,
    },
}

impl Writer {
    pub(super) fn new(
        file: Arc<DatabaseFile>,
        sync: SyncPolicy,
        limits: StoreLimits,
        chat_log: u64,
        orders: Receiver<Order>,
    ) -> Result<Self, redb::Error> {
        let totals = Totals::read(&file)?;
        let (disk, failed) = (Disk::Works, Seldom::default());
        Ok(Self { file, sync, limits, chat_log, orders, totals, unsafe_since: None, disk, failed })
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> u64 {
        self.totals.keys
    }

    /// Works until nobody can give orders any more, then makes everything safe.
    pub(super) fn run(mut self) {
        let mut batch = Vec::new();
        while self.collect(&mut batch) {
            self.carry_out(&mut batch);
        }
        if self.unsafe_since.is_some() {
            self.carry_out(&mut batch);
        }
    }

    /// Waits for orders, or for the time to make changes safe. Whether there may be more.
    fn collect(&mut self, batch: &mut Vec<Order>) -> bool {
        let retry_at = match self.disk {
            Disk::Works => None,
            Disk::Failed { retry_at, .. } => Some(retry_at),
        };
        let first = match self.sync_at().into_iter().chain(retry_at).min() {
            None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => self.orders.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        match first {
            Ok(order) => batch.push(order),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        batch.extend(self.orders.try_iter().take(BATCH));
        // Nobody waits for a line of the chat: let some come together, or come with a write.
        let until = Instant::now() + LINES_WAIT;
        while batch.len() < BATCH && batch.iter().all(|order| matches!(order, Order::Line(_))) {
            match self.orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(order) => batch.push(order),
                Err(_) => break,
            }
        }
        true
    }

    /// When changes are to be made safe at the latest. Half of the interval is for the disk to do it.
    fn sync_at(&self) -> Option<Instant> {
        match self.sync {
            SyncPolicy::Always => None,
            SyncPolicy::Interval(interval) => self.unsafe_since.map(|since| since + interval / 2),
        }
    }

    /// Commits a batch and answers those who wait for it.
    fn carry_out(&mut self, batch: &mut Vec<Order>) {
        let done = self.ready().and_then(|()| self.commit(batch));
        match &done {
            Ok(_) if self.disk == Disk::Works => {}
            Ok(_) => {
                info!("{} can be written again", self.file.path.display());
                self.disk = Disk::Works;
            }
            Err(error) => self.handle_failure(error),
        }
        let mut answers = done.unwrap_or_default().into_iter();
        for order in batch.drain(..) {
            if let Order::Write { done, .. } = order {
                // A client that is gone is told nothing.
                let _ = done.send(answers.next().unwrap_or(Err(StoreError::Failed)));
            }
        }
    }

    /// Whether the disk is to be tried, after it failed.
    fn ready(&mut self) -> Result<(), redb::Error> {
        match self.disk {
            Disk::Works => Ok(()),
            Disk::Failed { retry_at, .. } if Instant::now() < retry_at => Err(redb::Error::PreviousIo),
            Disk::Failed { .. } => {
                self.file.reopen()?;
                self.totals = Totals::read(&self.file)?;
                Ok(())
            }
        }
    }

    fn handle_failure(&mut self, error: &redb::Error) {
        let now = Instant::now();
        let pause = match self.disk {
            Disk::Works => RETRY,
            Disk::Failed { retry_at, .. } if now < retry_at => return,
            Disk::Failed { pause, .. } => (pause * 2).min(LONGEST_RETRY),
        };
        if let Some(times) = self.failed.now() {
            let path = self.file.path.display();
            error!(times, "cannot write to {path}: writes are answered with ERROR until it works again: {error}");
        }
        self.unsafe_since = None;
        self.disk = Disk::Failed { retry_at: now + pause, pause };
    }

    /// One transaction. The answers to the writes of the batch, in their order.
    fn commit(&mut self, batch: &[Order]) -> Result<Vec<Answer>, redb::Error> {
        let now = Instant::now();
        let durability = match self.sync_at() {
            _ if self.sync == SyncPolicy::Always => Durability::Immediate,
            Some(at) if at <= now => Durability::Immediate,
            // The last one.
            _ if batch.is_empty() => Durability::Immediate,
            _ => Durability::None,
        };
        let (limits, chat_log) = (self.limits, self.chat_log);
        let mut totals = self.totals;
        let mut answers = Vec::with_capacity(batch.len());
        self.file.using(|database| {
            let mut changes = database.begin_write()?;
            changes.set_durability(durability)?;
            {
                let mut keys = changes.open_table(KEYS)?;
                let mut chat = changes.open_table(CHAT)?;
                for order in batch {
                    match order {
                        Order::Write { key, value: Some(value), .. } => {
                            answers.push(totals.set(&mut keys, &limits, key, value)?);
                        }
                        Order::Write { key, value: None, .. } => answers.push(Ok(totals.remove(&mut keys, key)?)),
                        Order::Line(line) => totals.append(&mut chat, line, chat_log)?,
                    }
                }
                changes.open_table(META)?.insert(BYTES, totals.bytes)?;
            }
            Ok(changes.commit()?)
        })?;
        self.totals = totals;
        self.unsafe_since = match durability {
            Durability::None => self.unsafe_since.or(Some(now)),
            _ => None,
        };
        Ok(answers)
    }
}

impl Totals {
    fn read(file: &DatabaseFile) -> Result<Self, redb::Error> {
        file.using(|database| {
            let read = database.begin_read()?;
            let chat = read.open_table(CHAT)?;
            let mut totals = Self {
                keys: read.open_table(KEYS)?.len()?,
                bytes: read.open_table(META)?.get(BYTES)?.map_or(0, |bytes| bytes.value()),
                next_line: chat.last()?.map_or(0, |(number, _)| number.value() + 1),
                line_bytes: 0,
            };
            for line in chat.range::<u64>(..)? {
                totals.line_bytes += line_bytes(line?.1.value());
            }
            Ok(totals)
        })
    }

    fn set(
        &mut self,
        keys: &mut Table<'_, &[u8], &[u8]>,
        limits: &StoreLimits,
        key: &str,
        value: &str,
    ) -> Result<Answer, redb::Error> {
        let old = keys.get(key.as_bytes())?.map(|old| old.value().len() as u64);
        let (new_keys, old_bytes) = old.map_or((1, 0), |old| (0, old + key.len() as u64));
        let new_bytes = (key.len() + value.len()) as u64;
        // Less is possible always, whatever the limits were when the store was filled.
        let too_many = new_keys > 0 && self.keys >= limits.max_keys;
        let too_long = new_bytes > old_bytes && self.bytes - old_bytes + new_bytes > limits.max_bytes;
        if too_many || too_long {
            return Ok(Err(StoreError::Full));
        }
        keys.insert(key.as_bytes(), value.as_bytes())?;
        self.keys += new_keys;
        self.bytes = self.bytes - old_bytes + new_bytes;
        Ok(Ok(old.is_some()))
    }

    fn remove(&mut self, keys: &mut Table<'_, &[u8], &[u8]>, key: &str) -> Result<bool, redb::Error> {
        let Some(old) = keys.remove(key.as_bytes())?.map(|old| old.value().len() as u64) else {
            return Ok(false);
        };
        self.keys -= 1;
        self.bytes -= old + key.len() as u64;
        Ok(true)
    }

    /// Appends a line of the chat, and removes old ones that are too much.
    fn append(&mut self, chat: &mut Table<'_, u64, &[u8]>, line: &str, most: u64) -> Result<(), redb::Error> {
        chat.insert(self.next_line, line.as_bytes())?;
        self.next_line += 1;
        self.line_bytes += line_bytes(line.as_bytes());
        while self.line_bytes > most
            && let Some((_, line)) = chat.pop_first()?
        {
            self.line_bytes -= line_bytes(line.value());
        }
        Ok(())
    }
}

/// What a line takes of the room's log, about.
fn line_bytes(line: &[u8]) -> u64 {
    line.len() as u64 + 11
}

/// The most orders in one transaction.
const BATCH: usize = 4096;
/// How long lines of the chat may wait for each other.
const LINES_WAIT: Duration = Duration::from_millis(100);
/// After the disk failed, how long before it is tried again; a large database takes seconds to be opened.
const RETRY: Duration = Duration::from_secs(1);
/// How long before it is tried again at most.
const LONGEST_RETRY: Duration = Duration::from_secs(8);
