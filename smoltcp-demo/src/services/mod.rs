//! Which services a server offers, at which ports, and the sessions that answer there.
//!
//! [`Services`] is what a pool asks; [`Catalogue`] is the answer with all services of `framewright`. What their clients share (a
//! store, a chat room, a clock) is a [`State`], in memory of its owner's. A program with a service of its own implements
//! `Services` for it.

mod any_law;
mod any_service;
mod catalogue;
mod conversation;
#[cfg(feature = "std")]
mod host_state;
mod name;
mod state;

pub use any_law::{AnyLaw, AnyState};
pub use any_service::AnyService;
pub use catalogue::{Catalogue, CatalogueError, MAX_PORTS};
pub use conversation::{Conversation, KvReporter, MAX_SEARCH, Reached, Room};
#[cfg(feature = "std")]
pub use host_state::HostState;
pub use name::{ServiceName, Transport, UnknownService};
pub use state::{State, StateRef};

use framewright::{Instant, SessionError, Storage};
use smoltcp::wire::IpEndpoint;

use crate::connection::Connection;

/// What a pool serves.
pub trait Services {
    /// What a slot lends a session.
    type Buffer: Storage;
    /// The session of one client.
    type Connection: Connection<Buffer = Self::Buffer>;

    /// Whether a service answers at this TCP port.
    fn serves(&self, port: u16) -> bool;

    /// Whether every service can work with an output buffer like this.
    ///
    /// # Errors
    /// It is too small for some service's longest reply.
    fn check(&self, output: &mut Self::Buffer) -> Result<(), SessionError>;

    /// The session for a client that connected to a port that is served, with buffers that were checked.
    fn open(&mut self, client: Client, buffers: (Self::Buffer, Self::Buffer), now: Instant) -> Self::Connection;
}

/// A client, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client {
    /// Where it is.
    pub remote: IpEndpoint,
    /// The server's port that it connected to.
    pub port: u16,
}

#[cfg(all(test, feature = "std"))]
mod tests;
