//! What a user asks of a decoder beyond whole frames of any length that fits, and what follows when a frame breaks it.
//!
//! A decoder with rules is driven by code that knows them (`RULED`), one without by code that does not; the first is
//! reached only through a pointer that is set with the first rule. So a program that asks for no rule does not contain what would
//! carry it out; and one that only asks by rules, as sessions do (`SURELY`), does not contain the rest.

use core::num::NonZeroUsize;

use super::event::Found;
use super::{Decoder, Memo, Oversize, Phase};
use crate::buffer::Storage;
use crate::error::{DecodeError, DecodeErrorKind, Malformed, Recovery};
use crate::framing::Framing;

/// What was asked for; `whole_limit` and `least` of the decoder follow from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    oversize: Oversize,
    min_frame: u64,
    max_frame: Option<u64>,
    /// Payloads of so many bytes, and of more, come in pieces.
    stream_from: Option<NonZeroUsize>,
    max_empty: Option<u32>,
}

/// The code that knows the rules.
#[derive(Debug)]
pub(super) struct Engine<L: Framing, S> {
    /// Goes on until there is something to deliver.
    pub(super) advance: Advance<L, S>,
    /// Goes on until there is a whole frame.
    pub(super) next_frame: for<'s> fn(&'s mut Decoder<L, S>, &'s [u8]) -> NextFrame<'s>,
}

/// Takes a chunk, which moves on, and the most bytes that the caller has room for.
type Advance<L, S> = fn(&mut Decoder<L, S>, &mut &[u8], usize) -> Result<Found, DecodeError>;

/// A whole frame, and how many bytes of the chunk were not taken.
pub(super) type NextFrame<'s> = (Result<Option<&'s [u8]>, DecodeError>, usize);

impl<L: Framing, S> Clone for Engine<L, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Framing, S> Copy for Engine<L, S> {}

/// Empty frames in a row. Frames that are not empty are not counted, and need not be: they stand between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Empties {
    /// As long as an offset, so that there is no hole in what is cleared together.
    count: u64,
    /// Where the next of the row would begin.
    pub(super) end: u64,
}

impl Empties {
    pub(super) const NONE: Self = Self { count: 0, end: 0 };

    /// Counts one that takes these bytes of the stream.
    fn count(&mut self, from: u64, to: u64) -> u64 {
        self.count = if from == self.end { self.count.saturating_add(1) } else { 1 };
        self.end = to;
        self.count
    }
}

impl Rules {
    pub(super) const NONE: Self =
        Self { oversize: Oversize::Fail, min_frame: 0, max_frame: None, stream_from: None, max_empty: None };
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// Sets what happens to frames that are too long to be delivered whole.
    #[must_use]
    pub fn with_oversize(self, oversize: Oversize) -> Self {
        self.with(|rules| rules.oversize = oversize)
    }

    /// Sets the longest payload to accept, in bytes. Without streaming it is at most the capacity, whatever is asked for; with
    /// streaming it is unlimited until set.
    #[must_use]
    pub fn with_max_frame(self, max_frame: u64) -> Self {
        self.with(|rules| rules.max_frame = Some(max_frame))
    }

    /// Sets the shortest payload to accept, in bytes (default 0). A shorter frame that came whole is reported and dropped.
    #[must_use]
    pub fn with_min_frame(self, min_frame: u64) -> Self {
        self.with(|rules| rules.min_frame = min_frame)
    }

    /// Sets how many empty frames in a row are accepted (default: any number). One more stops the decoder.
    #[must_use]
    pub fn with_max_empty(self, max_empty: u32) -> Self {
        self.with(|rules| rules.max_empty = Some(max_empty))
    }

    /// With [`Oversize::Stream`]: delivers frames of more than `limit` payload bytes in pieces, though longer ones would fit.
    /// With 0 only empty frames come whole.
    #[must_use]
    pub fn with_stream_above(self, limit: usize) -> Self {
        self.with(|rules| rules.stream_from = NonZeroUsize::new(limit.saturating_add(1)))
    }

    /// The rules of a session, all at once: limits are worked out one time.
    pub(crate) fn with_rules_of_session(self, oversize: Oversize, max_frame: u64, stream_above: usize) -> Self {
        self.with(|rules| {
            (rules.oversize, rules.max_frame) = (oversize, Some(max_frame));
            rules.stream_from = NonZeroUsize::new(stream_above.saturating_add(1));
        })
    }

    /// The longest payload that is accepted, in bytes.
    pub fn max_frame(&self) -> u64 {
        let asked = self.rules.max_frame.unwrap_or(u64::MAX);
        if self.rules.oversize == Oversize::Stream { asked } else { asked.min(self.capacity() as u64) }
    }

    /// Sets a rule, and works out the limits.
    fn with(mut self, set: impl FnOnce(&mut Rules)) -> Self {
        self.engine = Some(Engine { advance: Self::advance::<true>, next_frame: Self::next_frame::<true> });
        set(&mut self.rules);
        self.limit();
        self
    }

    #[inline(never)]
    fn limit(&mut self) {
        self.offsets.close(self.buffer.unread_len());
        self.memo = Memo::NONE;
        let rules = &self.rules;
        let capacity = self.capacity();
        let stream_from = rules.stream_from.filter(|_| rules.oversize == Oversize::Stream);
        let stream_above = stream_from.map_or(capacity, |from| from.get() - 1);
        self.whole_limit = usize::try_from(self.max_frame()).unwrap_or(usize::MAX).min(capacity).min(stream_above);
        let least = usize::try_from(rules.min_frame).unwrap_or(usize::MAX);
        self.least = Self::least_usual(self.buffer.capacity(), least.max(usize::from(rules.max_empty.is_some())));
    }

    /// The rules, for code that knows them.
    #[inline(always)]
    fn rules<const RULED: bool>(&self) -> Option<&Rules> {
        RULED.then_some(&self.rules)
    }

    /// The frame at hand is longer than may be delivered whole. What begins instead, if it is to be streamed.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub(super) fn too_long<const RULED: bool>(&mut self, len: Option<u64>) -> Result<Option<Found>, DecodeError> {
        let limit = if RULED { self.max_frame() } else { self.whole_limit as u64 };
        match self.rules::<RULED>().map(|rules| rules.oversize) {
            Some(Oversize::Stream) if len.is_none_or(|len| len <= limit) => {
                self.phase = Phase::Spilling;
                Ok(Some(Found::Begin(len)))
            }
            Some(Oversize::Skip) => {
                self.phase = Phase::Discarding;
                self.buffer.drop_gathered();
                Err(self.skipping(DecodeErrorKind::TooLong { len, limit }))
            }
            _ => Err(self.stop(DecodeErrorKind::TooLong { len, limit })),
        }
    }

    /// Counts a piece of `n` bytes, or of as many as the limit lets through. A streamed frame whose header said no length may
    /// turn out too long.
    #[inline]
    pub(super) fn deliver(&mut self, n: usize) -> Result<usize, DecodeError> {
        let limit = self.max_frame();
        let n = usize::try_from(limit.saturating_sub(self.midway.delivered)).map_or(n, |left| n.min(left));
        if n == 0 {
            return Err(self.stop(DecodeErrorKind::TooLong { len: None, limit }));
        }
        self.midway.delivered += n as u64;
        Ok(n)
    }

    /// The frame at hand is complete: what to deliver, `whole` with `len` bytes of payload unless it was streamed or dropped. With
    /// `None` the decoder goes on.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub(super) fn end_frame<const RULED: bool>(
        &mut self,
        len: usize,
        whole: Found,
    ) -> Result<Option<Found>, DecodeError> {
        let phase = self.phase;
        self.begin_anew();
        let delivered = if RULED { core::mem::take(&mut self.midway.delivered) } else { 0 };
        if (RULED || !L::COUNTED) && phase == Phase::Discarding {
            return Ok(None);
        }
        let Some(rules) = self.rules::<RULED>() else { return Ok(Some(whole)) };
        let min = rules.min_frame;
        let len = delivered + len as u64;
        let max_empty = rules.max_empty;
        if let Some(limit) = max_empty
            && len == 0
            && self.empties.count(self.frame_offset(), self.position()) > u64::from(limit)
        {
            return Err(self.stop(DecodeErrorKind::EmptyFlood { limit }));
        }
        if phase != Phase::Gathering {
            return Ok(Some(Found::End));
        }
        if len < min {
            self.buffer.drop_gathered();
            return Err(self.skipping(DecodeErrorKind::TooShort { len, min }));
        }
        Ok(Some(whole))
    }

    pub(super) fn no_room(&self, need: usize) -> DecodeErrorKind {
        DecodeErrorKind::HeaderTooLong { need, capacity: self.buffer.capacity() }
    }

    pub(super) fn skipping(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { kind, offset: self.frame_offset(), recovery: Recovery::Skips }
    }

    pub(super) fn malformed(&mut self, what: Malformed) -> DecodeError {
        self.stop(DecodeErrorKind::Malformed(what))
    }

    #[cold]
    pub(super) fn stop(&mut self, kind: DecodeErrorKind) -> DecodeError {
        self.phase = Phase::Stopped;
        self.offsets.close(self.buffer.unread_len());
        self.wanted = 0;
        self.buffer.drop_gathered();
        DecodeError { kind, offset: self.frame_offset(), recovery: Recovery::Stops }
    }
}
