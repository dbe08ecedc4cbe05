//! The clocks of this machine: the monotonic one, in the time that the engine understands, and the local time.

use std::sync::OnceLock;
use std::time::{self, Duration};

use framewright::{Instant, WallClock};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The monotonic time. All servers of a process count from the same moment, so that they can share a chat room.
pub(crate) fn now() -> Instant {
    static ORIGIN: OnceLock<time::Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(time::Instant::now).elapsed();
    Instant::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
}

/// The local time, good for a moment: until somebody may have set the clock, or summer time begins or ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalClock {
    /// Right until `until`.
    clock: WallClock,
    until: Instant,
}

impl LocalClock {
    /// Reads the system's clock and time zone.
    pub(crate) fn read(now: Instant) -> Self {
        let time = Timestamp::now();
        let zone = TimeZone::system();
        let clock = WallClock::new(time.as_microsecond(), zone.to_offset(time).seconds(), now);
        let change = zone.following(time).next();
        let left = change.and_then(|change| Duration::try_from(change.timestamp().duration_since(time)).ok());
        Self { clock, until: now + left.unwrap_or(FRESH).min(FRESH) }
    }

    /// Reads it anew, if that may make a difference at `now`; then how it is now.
    pub(crate) fn refresh(&mut self, now: Instant) -> Option<WallClock> {
        if now < self.until {
            return None;
        }
        *self = Self::read(now);
        Some(self.clock)
    }

    /// The clock as it was read.
    pub(crate) fn clock(&self) -> WallClock {
        self.clock
    }
}

/// How long a clock is believed that somebody may set.
const FRESH: Duration = Duration::from_secs(1);
