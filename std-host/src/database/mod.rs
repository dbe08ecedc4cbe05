//! Keys and chat history on disk: a `redb` database in a directory, which one server has at a time.
//!
//! Why `redb`: it is a library in Rust alone, in one file that it never overwrites in place, so that after `kill -9` or a power
//! failure the last commit is there, whole; and it has no log to replay and no compaction that would delay some requests.
//!
//! Reading happens in the thread that asks. Writing is done by one thread of its own: what many clients ask for while it
//! commits goes into its next commit, so one flush of the disk serves them all.

mod writer;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framewright::StoreError;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use tracing::{error, info, warn};

use crate::errors::{Doing, ErrorKind, HostError};
use crate::seldom::Seldom;
use crate::store::StoreLimits;
use writer::{Order, Writer};

/// Where the state is kept, so that it outlives the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataConfig {
    /// The directory; it is made if it is not there. One server may use it at a time.
    pub dir: PathBuf,
    /// When what was written is safe.
    pub sync: SyncPolicy,
}

/// When what was written to the store survives the end of the server, whatever ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before it is answered: an `OK` that a client received is kept.
    Always,
    /// At most so long after it was answered. Much faster; what is younger than that can be lost when the server is killed.
    Interval(Duration),
}

/// The database of one directory.
#[derive(Debug)]
pub(crate) struct Database {
    file: Arc<DatabaseFile>,
    /// Taken away at the end, which ends the writer.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    read_failed: Mutex<Seldom>,
    lines_lost: Mutex<Seldom>,
}

/// The file, and what `redb` makes of it.
#[derive(Debug)]
struct DatabaseFile {
    path: PathBuf,
    /// `None` while it cannot be used: after the disk failed, until it could be opened again.
    open: RwLock<Option<redb::Database>>,
}

/// Keys and values: text, but `redb` would panic on text that was damaged, and bytes it does not look at.
const KEYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("keys");
/// Lines of the chat, by their number.
const CHAT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("chat");
/// Numbers about the database itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// In [`META`]: the version of what is described here.
const FORMAT: &str = "format";
/// In [`META`]: bytes of all keys and values.
const BYTES: &str = "bytes";

impl Database {
    /// Opens or makes the database of a directory. Lines of the chat are kept up to `chat_log` bytes, the newest ones.
    pub(crate) fn open(config: &DataConfig, limits: StoreLimits, chat_log: usize) -> Result<Self, HostError> {
        let dir = &config.dir;
        let failed = |error| HostError::system(Doing::Opening, dir.display(), error);
        fs::create_dir_all(dir).map_err(failed)?;
        let file = Arc::new(DatabaseFile { path: dir.join(FILE), open: RwLock::new(None) });
        file.reopen().map_err(|error| file.explain(error))?;
        let (orders, receiver) = mpsc::sync_channel(ORDERS);
        let writer = Writer::new(Arc::clone(&file), config.sync, limits, chat_log as u64, receiver)
            .map_err(|error| file.explain(error))?;
        info!(keys = writer.keys(), "keys and chat history are kept in {}", file.path.display());
        let thread = thread::Builder::new().name("database".to_owned()).spawn(move || writer.run()).map_err(failed)?;
        Ok(Self {
            file,
            orders: Some(orders),
            writer: Some(thread),
            read_failed: Mutex::default(),
            lines_lost: Mutex::default(),
        })
    }

    /// Lends the value of `key`, if there is one.
    pub(crate) fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError> {
        let done = self.file.using(|database| {
            let keys = database.begin_read()?.open_table(KEYS)?;
            if let Some(value) = keys.get(key.as_bytes())? {
                read(str::from_utf8(value.value()).map_err(|_| redb::Error::Corrupted("it is no text".to_owned()))?);
            }
            Ok(())
        });
        done.map_err(|error| {
            if let Some(times) = lock(&self.read_failed).now() {
                error!(times, "a key cannot be read from {}: {error}", self.file.path.display());
            }
            StoreError::Failed
        })
    }

    /// Sets `key`, and returns when that is as safe as the policy says.
    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.write(key, Some(value)).map(|_| ())
    }

    /// Removes `key`, likewise. Whether it was there.
    pub(crate) fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.write(key, None)
    }

    /// Keeps a line of the chat. Does not wait: it is safe a little later.
    pub(crate) fn keep_line(&self, line: String) {
        let sent = self.orders.as_ref().is_some_and(|orders| orders.try_send(Order::Line(line)).is_ok());
        if !sent && let Some(times) = lock(&self.lines_lost).now() {
            warn!(times, "a line of the chat will not be in the history on disk, which is too slow or has failed");
        }
    }

    /// The lines of the chat that were kept, oldest first.
    pub(crate) fn lines(&self) -> Result<Vec<String>, HostError> {
        let lines = self.file.using(|database| {
            let chat = database.begin_read()?.open_table(CHAT)?;
            chat.range::<u64>(..)?.map(|entry| Ok(String::from_utf8_lossy(entry?.1.value()).into_owned())).collect()
        });
        lines.map_err(|error| self.file.explain(error))
    }

    fn write(&self, key: &str, value: Option<&str>) -> Result<bool, StoreError> {
        let (done, answer) = mpsc::sync_channel(1);
        let order = Order::Write { key: key.into(), value: value.map(Into::into), done };
        let sent = self.orders.as_ref().and_then(|orders| orders.send(order).ok());
        // Nobody answers after the writer has failed; it logged why.
        sent.and_then(|()| answer.recv().ok()).unwrap_or(Err(StoreError::Failed))
    }
}

impl Drop for Database {
    /// Waits until all that was written is safe.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            error!("the writer of {} has failed", self.file.path.display());
        }
    }
}

impl DatabaseFile {
    /// Does something with the open database. A file that is damaged inside makes `redb` panic in places; that is an error too.
    fn using<T>(&self, work: impl FnOnce(&redb::Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some(database) => guarded(|| work(database)),
            None => Err(redb::Error::PreviousIo),
        }
    }

    /// Opens the database; if it is open, closes it before. `redb` refuses all work after the disk has failed once, until then.
    fn reopen(&self) -> Result<(), redb::Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.take() {
            // Closing writes, and may find the disk as it was.
            let _ = guarded(|| {
                drop(database);
                Ok(())
            });
        }
        *open = Some(guarded(|| self.open_file())?);
        Ok(())
    }

    fn open_file(&self) -> Result<redb::Database, redb::Error> {
        let path = self.path.display().to_string();
        let repairing = Mutex::<Seldom>::default();
        let database = redb::Builder::new()
            .set_cache_size(CACHE)
            .set_repair_callback(move |repair| {
                if lock(&repairing).now().is_some() {
                    let percent = repair.progress() * 100.0;
                    info!("{path} was not closed in an orderly way: checking it, {percent:.0} % done");
                }
            })
            .create(&self.path)?;
        let changes = database.begin_write()?;
        {
            let mut meta = changes.open_table(META)?;
            let format = meta.get(FORMAT)?.map(|format| format.value());
            match format {
                None => _ = meta.insert(FORMAT, VERSION)?,
                Some(VERSION) => {}
                Some(other) => return Err(redb::Error::Corrupted(format!("its format is {other}"))),
            }
            changes.open_table(KEYS)?;
            changes.open_table(CHAT)?;
        }
        changes.commit()?;
        Ok(database)
    }

    /// The error as a person sees it who starts a server.
    fn explain(&self, error: redb::Error) -> HostError {
        let path = self.path.display();
        match error {
            redb::Error::DatabaseAlreadyOpen => HostError::plain(Doing::Opening, path, ErrorKind::DataInUse),
            redb::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                HostError::system(Doing::Opening, path, error)
            }
            error => HostError::plain(Doing::Opening, path, ErrorKind::DataDamaged).because(error),
        }
    }
}

/// Does something with the database, and takes a panic for an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(redb::Error::Corrupted("it is damaged inside".to_owned())))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file in the directory.
const FILE: &str = "framewright.redb";
/// What is in [`FORMAT`].
const VERSION: u64 = 1;
/// Bytes of memory for what was read and is to be written.
const CACHE: usize = 64 << 20;
/// Orders that may wait for the writer. Writes beyond wait in their threads; lines of the chat are dropped.
const ORDERS: usize = 8192;
