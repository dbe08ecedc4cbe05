//! The options of `framewright serve` for what its clients share: the key-value store and the chat room.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use framewright::service::ChatRules;
use framewright_host::{DataConfig, SharedState, StateConfig, StoreLimits, SyncPolicy};
use tracing::info;

use super::{Failure, setting};

/// How much is kept, and where.
#[derive(Args, Debug)]
#[command(next_help_heading = "Key-value store and chat")]
pub(super) struct State {
    /// How many keys there may be
    #[arg(long, value_name = "N", default_value_t = StoreLimits::default().max_keys)]
    max_keys: u64,
    /// The longest key: at most 1024
    #[arg(long, value_name = "BYTES", default_value_t = StoreLimits::default().max_key, value_parser = setting::key_size)]
    max_key: usize,
    /// The longest value: at most 16777216; each connection of kv has two buffers of this size, which take memory when they are
    /// used
    #[arg(long, value_name = "BYTES", default_value_t = StoreLimits::default().max_value, value_parser = setting::value_size)]
    max_value: usize,
    /// How long all keys and values may be together
    #[arg(long, value_name = "BYTES", default_value_t = StoreLimits::default().max_bytes)]
    max_store: u64,
    /// How many lines a second a chat client may send, and twice as many at once; 0: any number
    #[arg(long, value_name = "N", default_value_t = ChatRules::default().rate)]
    chat_rate: u32,
    /// Size of the chat's log: its history, and how far a slow reader may fall behind before it is disconnected; at least 4096
    #[arg(long, value_name = "BYTES", default_value_t = StateConfig::default().chat_log, value_parser = setting::chat_log)]
    chat_log: usize,
    /// Keep keys and chat history in this directory, so that they outlive the server [default: in memory only]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// When a change of a key is on disk
    #[arg(long, value_enum, default_value_t = When::Always, requires = "data")]
    sync: When,
    /// With `--sync interval`: how much of the last changes may be lost when the server is killed, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    sync_interval: u64,
}

/// The choices of `--sync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    /// Before it is answered: an OK that was received survives whatever happens to the server
    Always,
    /// A moment after it was answered: much faster
    Interval,
}

impl State {
    /// The state, for at most so many clients.
    pub(super) fn open(&self, clients: usize) -> Result<SharedState, Failure> {
        let sync = match self.sync {
            When::Always => SyncPolicy::Always,
            When::Interval => SyncPolicy::Interval(Duration::from_millis(self.sync_interval)),
        };
        Ok(SharedState::new(&StateConfig {
            store: StoreLimits {
                max_keys: self.max_keys,
                max_key: self.max_key,
                max_value: self.max_value,
                max_bytes: self.max_store,
            },
            chat_members: clients,
            chat_log: self.chat_log,
            chat: ChatRules { rate: self.chat_rate, ..StateConfig::default().chat },
            data: self.data.clone().map(|dir| DataConfig { dir, sync }),
        })?)
    }

    /// Logs where it is kept.
    pub(super) fn tell_place(&self) {
        if self.data.is_none() {
            info!("keys and chat history are in memory only, and gone when the server stops (see --data)");
        }
    }
}
