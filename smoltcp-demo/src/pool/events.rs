//! What a pool tells its owner, for the log.

use core::fmt;

use framewright::{CloseReason, Stats};

use crate::services::Client;

/// Something that happened to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// The handshake is complete.
    Opened {
        /// With whom.
        client: Client,
    },
    /// The conversation is over. The last bytes may still be on their way.
    Closed {
        /// With whom.
        client: Client,
        /// Why.
        reason: CloseReason,
        /// What went through.
        stats: Stats,
    },
    /// The handshake was not completed in time, or was given up for another client.
    Abandoned {
        /// By whom.
        client: Client,
    },
    /// A client asked for a connection and was refused.
    Refused {
        /// Who.
        client: Client,
        /// Why.
        reason: RefusalReason,
    },
}

/// Why a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RefusalReason {
    /// All slots are in use.
    Full,
    /// The server is stopping.
    Stopping,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { client } => write!(f, "{client}: connected"),
            Self::Closed { client, reason, stats } => write!(
                f,
                "{client}: {reason} ({} messages, {} bytes in, {} bytes out)",
                stats.messages, stats.bytes_received, stats.bytes_sent
            ),
            Self::Abandoned { client } => write!(f, "{client}: the handshake was not completed"),
            Self::Refused { client, reason } => write!(f, "{client}: refused, {reason}"),
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "all slots are in use",
            Self::Stopping => "the server is stopping",
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at port {}", self.remote, self.port)
    }
}
