//! Framewright on an operating system: its services over `std::net`, one thread a connection.
//!
//! The protocol is the engine's, [`framewright`]; this crate moves bytes and keeps sockets. It has
//!
//! - [`BufferedServer`]: listens on any number of addresses and serves each connection from two buffers of fixed size;
//! - [`BufferedClient`]: sends and receives messages, with time-outs;
//! - [`DatagramClient`]: the same for datagrams;
//! - [`DuplexClient`]: sends and receives at the same time, while something else is waited for too;
//! - [`SocketOptions`]: socket options by their usual names;
//! - [`HostError`]: what went wrong, in words that a person can act on;
//! - [`services`]: the table of the services that the command `framewright` serves, and [`SharedState`], what their clients share;
//! - with the feature `tokio-codec` the module `tokio_codec`: the framing laws for tokio's `Framed`.
//!
//! Unix only: it sleeps in `poll` on sockets and a pipe.

mod accept;
mod address;
mod arrival;
mod client;
mod clock;
mod connection;
mod database;
mod datagram;
mod duplex;
mod errors;
mod refusals;
mod room;
mod seldom;
mod server;
pub mod services;
mod socket;
mod state;
mod stop;
mod store;
#[cfg(feature = "tokio-codec")]
pub mod tokio_codec;
mod turned_away;
mod wait;
mod waker;

pub use address::{Address, AddressError};
pub use client::{BufferedClient, ClientConfig};
pub use database::{DataConfig, SyncPolicy};
pub use datagram::DatagramClient;
pub use duplex::{Awaited, DuplexClient, Incoming};
pub use errors::{Doing, ErrorKind, HostError};
pub use room::Room;
pub use server::{BufferedServer, Caller, Handler, ServerConfig, Totals, check_buffer_size};
pub use socket::SocketOptions;
pub use state::{SharedState, StateConfig};
pub use stop::Stopper;
pub use store::{KeyValueStore, StoreLimits};
pub use waker::Waker;
