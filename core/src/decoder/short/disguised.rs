//! The short way of frames whose payload is in disguise.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Run, Whole, run_between};

/// What came of undisguising bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of them were taken, and the frame goes on.
    All,
    /// The gathered payload is a frame.
    Frame,
    /// There are some that only the law's steps understand, or for which there is no room.
    Unusual,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The way through a frame whose payload is in disguise, whole or cut.
    #[inline(always)]
    pub(super) fn short_disguised<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        match self.phase {
            Phase::Gathering => {}
            Phase::Between if self.whole_limit > 0 => {}
            _ => return Short::Unusual,
        }
        if self.buffer.unread_len() > 0 {
            return match self.short_disguised_in_buffer(max) {
                // Behind what was unread there may be more in the chunk.
                Short::Nothing if !chunk.is_empty() => Short::Unusual,
                short => short,
            };
        }
        if self.phase == Phase::Between
            && let Some(Whole { start, end, next }) = self.whole(chunk, max)
            && let (Some(payload), Some(rest)) = (chunk.get(start..end), chunk.get(next..))
        {
            *chunk = rest;
            self.note_whole(next);
            return Short::Chunk(payload);
        }
        if let [byte] = **chunk
            && max == usize::MAX
        {
            let (taken, outcome) = self.undisguise_byte(byte);
            if taken > 0 {
                *chunk = &[];
                return self.come_to(outcome);
            }
        }
        if self.wanted == 0 {
            return Short::Unusual;
        }
        let (taken, outcome) = self.undisguise_chunk(chunk, max);
        *chunk = chunk.get(taken..).unwrap_or_default();
        self.come_to(outcome)
    }

    /// The same through what is unread.
    #[inline(always)]
    pub(super) fn short_disguised_in_buffer(&mut self, max: usize) -> Short<'static> {
        if self.phase == Phase::Between
            && let Some(unread) = self.buffer.unread_checked()
            && let Some(Whole { start, end, next }) = self.whole(unread, max)
        {
            return Short::Buffer(self.take_whole(start, end, next));
        }
        let outcome = self.undisguise_unread(max);
        self.come_to(outcome)
    }

    /// One byte in the middle of a frame. Nothing is unread. How many bytes were taken, and what came of it.
    #[inline(always)]
    pub(super) fn undisguise_byte(&mut self, byte: u8) -> (usize, Outcome) {
        if self.phase != Phase::Gathering || self.wanted == 0 || self.buffer.gathered_len() >= self.whole_limit {
            return (0, Outcome::Unusual);
        }
        let Some(place) = self.buffer.place_of_one() else { return (0, Outcome::Unusual) };
        let Run { take, written, end } = self.law.run(&mut self.state, &[byte], place);
        self.buffer.placed(written.min(1));
        // Nothing else has changed: a stream that comes byte by byte is slow enough.
        if take == 1 && end.is_none() {
            self.offsets.advance_alone(1);
            return (1, Outcome::All);
        }
        self.note_run(take, end, 1)
    }

    /// Gathers what the bytes of `chunk` carry. Nothing is unread. How many were taken.
    #[inline(always)]
    pub(super) fn undisguise_chunk(&mut self, chunk: &[u8], max: usize) -> (usize, Outcome) {
        debug_assert!(
            matches!(self.phase, Phase::Between | Phase::Gathering),
            "nothing is gathered in {:?}",
            self.phase
        );
        if self.wanted == 0 {
            return (0, Outcome::Unusual);
        }
        let Some(place) = self.buffer.place(self.whole_limit.min(max)) else { return (0, Outcome::Unusual) };
        let room = place.len();
        let Run { take, written, end } = self.law.run(&mut self.state, chunk, place);
        self.buffer.placed(written.min(room));
        self.note_run(take, end, chunk.len())
    }

    /// A run has gathered what `take` of `available` bytes carry, and found the `end`. How many are taken, and what came of it.
    #[inline(always)]
    fn note_run(&mut self, take: usize, end: Option<usize>, available: usize) -> (usize, Outcome) {
        match end {
            Some(trailer) if self.buffer.gathered_len() >= self.least => {
                self.note_frame(take + trailer);
                (take + trailer, Outcome::Frame)
            }
            None if take == 0 => (0, Outcome::Unusual),
            _ => {
                self.note_undisguised(take, end);
                (take, if take == available && end.is_none() { Outcome::All } else { Outcome::Unusual })
            }
        }
    }

    /// Gathers what the unread bytes carry.
    #[inline(never)]
    fn undisguise_unread(&mut self, max: usize) -> Outcome {
        let most = self.whole_limit.min(max);
        if !self.may_undisguise() || self.buffer.gathered_len() > most {
            return Outcome::Unusual;
        }
        let is_room_between = self.buffer.gap() >= self.buffer.unread_len();
        let Some((used, read, mut payload)) = self.buffer.used_for_run() else { return Outcome::Unusual };
        let Run { take, end, .. } = if is_room_between {
            run_between(&self.law, &mut self.state, used, read, &mut payload, most)
        } else {
            self.law.run_in_place(&mut self.state, used, read, &mut payload, most)
        };
        self.buffer.gathered_run(take, &payload);
        if !is_room_between {
            self.buffer.close_gap();
        }
        match end {
            Some(trailer) if self.buffer.gathered_len() >= self.least => {
                self.note_frame(take + trailer);
                self.buffer.skip(trailer);
                Outcome::Frame
            }
            None if take == 0 => Outcome::Unusual,
            _ => {
                self.note_undisguised(take, end);
                if self.buffer.unread_len() == 0 && end.is_none() { Outcome::All } else { Outcome::Unusual }
            }
        }
    }

    #[inline(always)]
    pub(super) fn come_to(&mut self, outcome: Outcome) -> Short<'static> {
        match outcome {
            Outcome::All => Short::Nothing,
            Outcome::Frame => Short::Buffer(self.buffer.take_gathered_range()),
            Outcome::Unusual => Short::Unusual,
        }
    }

    /// A frame is complete with the next `taken` bytes.
    #[inline(always)]
    fn note_frame(&mut self, taken: usize) {
        if self.phase == Phase::Between {
            self.offsets.begin_frame();
        } else {
            self.begin_anew();
        }
        self.offsets.advance_alone(taken);
    }

    /// The next `taken` bytes of a frame were taken, and `end` of framing that end it are granted.
    #[inline(always)]
    pub(super) fn note_undisguised(&mut self, taken: usize, end: Option<usize>) {
        self.note_gathering(taken);
        if end.is_some() {
            self.wanted = 0;
            self.midway.grant.end = end;
        }
    }

    /// Whether payload may be gathered next: between frames, or in one that is, with nothing granted.
    #[inline(always)]
    pub(super) fn may_undisguise(&self) -> bool {
        debug_assert!(
            self.wanted == 0 || self.midway.grant.is_empty(),
            "a law is not asked while it has granted bytes"
        );
        self.wanted > 0 && matches!(self.phase, Phase::Between | Phase::Gathering)
    }
}
