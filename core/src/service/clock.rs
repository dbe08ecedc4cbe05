//! The time, told once to whoever connects.

use core::fmt::Write;

use heapless::String;

use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::Raw;
use crate::time::{Instant, WallClock};

/// Sends the local time, as `2026-11-21T08:12:33.123456+00:00` without a newline, then closes. What the peer sends is not looked at.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Time {
    clock: WallClock,
}

/// Bytes of a time: `2026-11-21T08:12:33.123456+00:00`.
const LEN: usize = 32;

impl Time {
    /// The service, for one connection, by this clock.
    pub const fn new(clock: WallClock) -> Self {
        Self { clock }
    }
}

impl Service for Time {
    type Framing = Raw;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: LEN }
    }

    fn open<S: Storage>(&mut self, now: Instant, out: &mut Encoder<Raw, S>) -> Result<Flow, Refusal> {
        let mut text = String::<LEN>::new();
        // A year has four digits and an offset less than a hundred hours: it fits.
        let _ = write!(text, "{}", self.clock.at(now));
        out.push(text.as_bytes())?;
        Ok(Flow::Close)
    }

    fn frame<S: Storage>(&mut self, _: &[u8], _: Instant, _: &mut Encoder<Raw, S>) -> Result<Flow, Refusal> {
        Ok(Flow::Close)
    }
}
