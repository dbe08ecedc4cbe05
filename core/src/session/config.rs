//! The settings of a session, and why one cannot be.

use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use crate::time::micros;

/// The settings of a [`Session`](super::Session).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SessionConfig {
    /// The longest message to accept, in bytes of payload.
    pub max_frame: u64,
    /// Close a connection on which nothing moved for so long; `None` waits for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a closing connection may take to read the replies that wait for it, counted from the last byte that it took,
    /// and then to close its own side.
    pub close_timeout: Duration,
}

impl Default for SessionConfig {
    /// Messages of up to 16 MiB, no idle timeout, 5 s to close.
    fn default() -> Self {
        Self { max_frame: 16 << 20, idle_timeout: None, close_timeout: Duration::from_secs(5) }
    }
}

/// A session that cannot be: its output storage could not hold one reply, and the connection would hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SessionError {
    /// Bytes of output storage that this service needs.
    pub need: usize,
    /// Bytes that were lent.
    pub have: usize,
}

/// How long it waits, in microseconds: the durations of its [`SessionConfig`], in less than half of their memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For something to move, while it is open; `None` waits for ever.
    pub(super) idle: Option<NonZeroU64>,
    /// For its peer, while it is closing.
    pub(super) close: u64,
}

impl Patience {
    pub(super) fn of(config: &SessionConfig) -> Self {
        // No time at all counts as the least there is.
        let idle = config.idle_timeout.map(|timeout| NonZeroU64::new(micros(timeout)).unwrap_or(NonZeroU64::MIN));
        Self { idle, close: micros(config.close_timeout) }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the longest reply needs an output buffer of {} bytes, and this has {}", self.need, self.have)
    }
}

impl core::error::Error for SessionError {}
