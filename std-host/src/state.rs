//! What the clients of all services share: the key-value store and the chat room.

use std::sync::Arc;
use std::time::Duration;

use framewright::service::ChatRules;

use crate::database::{DataConfig, Database};
use crate::errors::HostError;
use crate::refusals::Refusals;
use crate::room::Room;
use crate::store::{KeyValueStore, StoreLimits};

/// The state behind the services: give it to each [entry](crate::services::Entry::listen) of the table that is to share it.
/// Clones are the same state.
///
/// ```
/// use framewright::Store;
/// use framewright_host::{Address, BufferedServer, ServerConfig, SharedState, StateConfig, services};
///
/// let state = SharedState::new(&StateConfig::default())?;
/// state.store().set("greeting", "hello").expect("it fits");
/// let mut server = BufferedServer::new(ServerConfig::default())?;
/// for name in ["kv", "message", "chat"] {
///     let service = services::find(name).expect("it is in the table");
///     service.listen(&mut server, &Address::new("127.0.0.1", 0), &state)?;
/// }
/// # Ok::<(), framewright_host::HostError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedState {
    store: KeyValueStore,
    room: Room,
    refusals: Refusals,
}

/// The settings of a [`SharedState`].
#[derive(Clone, Debug)]
pub struct StateConfig {
    /// How much the key-value store takes.
    pub store: StoreLimits,
    /// How many members the chat room has at most. Default 4096.
    pub chat_members: usize,
    /// Bytes of the chat room's log, which is its history and how far a slow reader may fall behind: 11 bytes a line, and the
    /// line; 4096 to 2^30. Default 1 MiB.
    pub chat_log: usize,
    /// The rules of the chat room. Default as the engine's, with a pause of 25 µs for each member: about what it costs to wake a
    /// thread that sends a line. And with a patience of 3 s: a thread that has something to send may have to wait for its turn.
    pub chat: ChatRules,
    /// Where keys and chat history are kept. Default `None`: in memory only.
    pub data: Option<DataConfig>,
}

impl StateConfig {
    /// What `chat_log` must be at least: a few lines of the greatest length.
    pub const MIN_CHAT_LOG: usize = 4096;
    /// What `chat_log` may be at most.
    pub const MAX_CHAT_LOG: usize = 1 << 30;
}

impl Default for StateConfig {
    fn default() -> Self {
        Self {
            store: StoreLimits::default(),
            chat_members: 4096,
            chat_log: 1 << 20,
            chat: ChatRules {
                pause: Duration::from_micros(25),
                patience: Duration::from_secs(3),
                ..ChatRules::default()
            },
            data: None,
        }
    }
}

impl SharedState {
    /// The state with these settings: empty, or as it was kept. When the last clone is dropped, all of it is on disk.
    ///
    /// # Errors
    /// A setting is out of range; the data directory cannot be used, or another server uses it, or what is in it is damaged.
    pub fn new(config: &StateConfig) -> Result<Self, HostError> {
        let StoreLimits { max_key, max_value, .. } = config.store;
        check("the longest key", max_key, 1, StoreLimits::MAX_KEY)?;
        check("the longest value", max_value, 1, StoreLimits::MAX_VALUE)?;
        check("the chat log", config.chat_log, StateConfig::MIN_CHAT_LOG, StateConfig::MAX_CHAT_LOG)?;
        let (members, log, rules) = (config.chat_members, config.chat_log, config.chat);
        let (store, room) = match &config.data {
            None => (KeyValueStore::in_memory(config.store), Room::new(members, log, rules)),
            Some(data) => {
                let database = Arc::new(Database::open(data, config.store, log)?);
                let room = Room::kept(members, log, rules, Arc::clone(&database))?;
                (KeyValueStore::on_disk(config.store, database), room)
            }
        };
        Ok(Self { store, room, refusals: Refusals::default() })
    }

    /// The key-value store.
    pub fn store(&self) -> &KeyValueStore {
        &self.store
    }

    /// The chat room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }
}

fn check(setting: &str, bytes: usize, least: usize, most: usize) -> Result<(), HostError> {
    if (least..=most).contains(&bytes) {
        return Ok(());
    }
    let why = format!("from {least} to {most} bytes");
    Err(HostError::bad_setting(format_args!("{setting} of {bytes} bytes"), why))
}
