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
    /// How long speakers are kept waiting, and nothing is read from them, while others who read are behind by more than half of the
    /// log; an hour at most. A front end on which a connection may have to wait for its turn needs it, or a burst would overtake
    /// members that never had a chance to read it. Who has not read what was said by then is overtaken; a member whose connection
    /// takes nothing for a second is not waited for at all. Zero, the default, is for front ends that poll every session in each
    /// turn.
    pub patience: Duration,
}

impl Default for ChatRules {
    /// 10 lines a second, 10 messages of history, lines of 1,024 bytes, no pauses, no patience.
    fn default() -> Self {
        Self { rate: 10, history: 10, max_line: 1024, pause: Duration::ZERO, patience: Duration::ZERO }
    }
}

/// The [`ChatRules`] as each connection keeps them, in less memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) rate: u32,
    /// Microseconds, at most those of [`LONGEST_PAUSE`].
    pause: u32,
    /// Microseconds, at most those of [`LONGEST_PATIENCE`].
    patience: u32,
    pub(super) history: usize,
    pub(super) max_line: usize,
}

impl Rules {
    pub(super) const fn of(rules: &ChatRules) -> Self {
        let ChatRules { rate, history, max_line, pause, patience } = *rules;
        Self {
            rate,
            pause: micros(pause, LONGEST_PAUSE),
            patience: micros(patience, LONGEST_PATIENCE),
            history,
            max_line,
        }
    }

    /// How long speakers wait for those who read.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_micros(self.patience.into())
    }

    /// How many microseconds a member of a room with so many is left alone.
    pub(super) fn pause_among(&self, members: usize) -> Option<u32> {
        let pause = self.pause.saturating_mul(u32::try_from(members).unwrap_or(u32::MAX));
        (pause >= SHORTEST_PAUSE).then_some(pause.min(LONGEST_PAUSE))
    }
}

/// `time` in microseconds, `most` at most.
#[expect(clippy::cast_possible_truncation, reason = "it is `most` at most, and `try_from` is not for constants")]
const fn micros(time: Duration, most: u32) -> u32 {
    let micros = time.as_micros();
    if micros > most as u128 { most } else { micros as u32 }
}

/// A shorter pause would save nothing. In microseconds.
const SHORTEST_PAUSE: u32 = 1_000;
/// A longer one would be noticed. In microseconds.
const LONGEST_PAUSE: u32 = 100_000;
/// Nobody waits longer for a line. In microseconds.
const LONGEST_PATIENCE: u32 = 3_600_000_000;
