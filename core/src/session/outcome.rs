//! What a session tells of itself: why it ended, and what went through it.

use core::fmt;

use crate::error::DecodeError;
use crate::service::Refusal;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CloseReason {
    /// The peer closed its sending side between two messages, and has its answers.
    PeerClosed,
    /// The peer closed its sending side inside a message.
    Truncated {
        /// Bytes of the message that came, its header included.
        have: u64,
        /// Bytes that it has in all, where its header came and says so.
        need: Option<u64>,
    },
    /// The stream breaks the framing, or a limit.
    BadFrame(DecodeError),
    /// The service refused a message.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Where the message begins: bytes since the start of the stream.
        offset: u64,
    },
    /// The service ended it, and not because of a message.
    Dismissed(Refusal),
    /// The service was done with the conversation.
    ServiceDone,
    /// Nothing moved for the idle timeout.
    Idle,
    /// The peer did not take its replies within the close timeout.
    NotReading,
    /// The connection broke.
    Reset,
    /// The server is stopping.
    Shutdown,
}

/// What went through a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stats {
    /// Messages that came whole.
    pub messages: u64,
    /// Bytes that were received.
    pub bytes_received: u64,
    /// Bytes that were sent.
    pub bytes_sent: u64,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed => f.write_str("the peer closed the connection"),
            Self::Truncated { have, need: Some(need) } => {
                write!(f, "truncated: the stream ended inside a message ({have} of its {need} bytes came)")
            }
            Self::Truncated { have, need: None } => {
                write!(f, "truncated: the stream ended inside a message ({have} bytes of it came)")
            }
            Self::BadFrame(error) => error.fmt(f),
            Self::Refused { refusal, offset } => write!(f, "message at byte {offset}: {refusal}"),
            Self::Dismissed(refusal) => refusal.fmt(f),
            Self::ServiceDone => f.write_str("the conversation is over"),
            Self::Idle => f.write_str("nothing moved for the idle timeout"),
            Self::NotReading => f.write_str("the peer did not take its replies in time"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::Shutdown => f.write_str("the server is stopping"),
        }
    }
}
