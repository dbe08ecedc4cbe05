//! The settings of a chat room, as they are asked for and as each connection keeps them.

use core::time::Duration;

/// The settings of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChatRules {
    /// How many lines a second a client may send, on the average; twice as many at once. 0 is no limit.
    pub rate: u32,
    /// How many of the last messages a newcomer receives, and `/history` without a number repeats.
    pub history: usize,
    /// The longest line of a client, in bytes.
    pub max_line: usize,
    /// How long a member that was just told something is left alone, for each member that the room has: what is said meanwhile is
    /// told in one go. A crowded room then costs its front end a few wake-ups for many lines, and a small one notices nothing:
    /// pauses under a millisecond are left out, and none is longer than 100 ms.
    pub pause: Duration,
}

impl Default for ChatRules {
    /// 10 lines a second, 10 messages of history, lines of 1,024 bytes, no pauses.
    fn default() -> Self {
        Self { rate: 10, history: 10, max_line: 1024, pause: Duration::ZERO }
    }
}

/// The [`ChatRules`] as each connection keeps them, in less memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) rate: u32,
    /// Microseconds, at most those of [`LONGEST_PAUSE`].
    pause: u32,
    pub(super) history: usize,
    pub(super) max_line: usize,
}

impl Rules {
    pub(super) const fn of(rules: &ChatRules) -> Self {
        let ChatRules { rate, history, max_line, pause } = *rules;
        let micros = if pause.as_secs() > 0 { LONGEST_PAUSE } else { pause.subsec_micros() };
        let pause = if micros > LONGEST_PAUSE { LONGEST_PAUSE } else { micros };
        Self { rate, pause, history, max_line }
    }

    /// How many microseconds a member of a room with so many is left alone.
    pub(super) fn pause_among(&self, members: usize) -> Option<u32> {
        let pause = self.pause.saturating_mul(u32::try_from(members).unwrap_or(u32::MAX));
        (pause >= SHORTEST_PAUSE).then_some(pause.min(LONGEST_PAUSE))
    }
}

/// A shorter pause would save nothing. In microseconds.
const SHORTEST_PAUSE: u32 = 1_000;
/// A longer one would be noticed. In microseconds.
const LONGEST_PAUSE: u32 = 100_000;
