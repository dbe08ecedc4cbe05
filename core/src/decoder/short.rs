//! The decoder's short ways, for frames of the usual kind: whole in one place, of a length that no rule is about, or cut but short enough to
//! wait in the buffer, header and all. What is not of that kind is left as it is, for the code that knows everything.
//!
//! They exist for speed alone, and their code is made anew at each call. On a small processor memory is dearer than time, and there
//! they are not compiled, but for the one that lets a byte wait.

use core::ops::Range;

use super::{Decoder, Phase};
use crate::buffer::Storage;
use crate::framing::{Framing, Step, Whole};

/// Whether there are short ways.
const SHORT_WAYS: bool = cfg!(target_pointer_width = "64");

/// The longest header that costs less to read again than to remember, in bytes.
const SHORT_HEADER: usize = 16;

/// Where a short way leads to.
pub(super) enum Short<'c> {
    /// There is nothing to deliver until more bytes come. The chunk is used up.
    Nothing,
    /// A frame, in the chunk.
    Chunk(&'c [u8]),
    /// A frame, here in the storage.
    Buffer(Range<usize>),
    /// Nowhere.
    Unusual,
}

/// What is known of a frame from the bytes that are here.
enum Head {
    /// It is whole: its payload from `start` to `end`, and the next frame from `next`.
    Whole { start: usize, end: usize, next: usize },
    /// It has so many bytes, more than are here, and there is room for them.
    Cut(usize),
    /// Nothing that a short way could use.
    Unknown,
}

/// Which frames may take a short way.
#[derive(Clone, Copy)]
struct Usual {
    /// Bytes of payload, at least and at most.
    least: usize,
    most: usize,
    /// Bytes in which a cut frame must fit.
    room: usize,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The short way through a chunk, which moves on behind what was taken. Frames of more than `max` bytes do not take it.
    #[inline(always)]
    pub(super) fn short<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        if SHORT_WAYS && self.phase == Phase::Between {
            if self.buffer.unread_len() == 0 {
                let usual = self.usual(max, self.buffer.capacity());
                match head(&self.law, &mut self.state, chunk, usual) {
                    Head::Whole { start, end, next } => {
                        if let (Some(payload), Some(rest)) = (chunk.get(start..end), chunk.get(next..)) {
                            *chunk = rest;
                            self.note_whole(next);
                            return Short::Chunk(payload);
                        }
                    }
                    Head::Cut(len) => {
                        self.wanted = len;
                        self.buffer.clear();
                    }
                    // So that a header that is cut has its payload's room behind it.
                    Head::Unknown => self.buffer.clear(),
                }
            } else if L::COUNTED && self.wanted <= self.buffer.unread_len() + chunk.len() {
                let (frame, taken) = self.complete(chunk, max);
                *chunk = chunk.get(taken..).unwrap_or_default();
                if let Some(frame) = frame {
                    return Short::Buffer(frame);
                }
            }
        }
        if self.keep(chunk) {
            *chunk = &[];
            return Short::Nothing;
        }
        Short::Unusual
    }

    /// The short way through what is unread.
    #[inline(always)]
    pub(super) fn short_in_buffer(&mut self, max: usize) -> Short<'static> {
        if SHORT_WAYS && self.phase == Phase::Between {
            let usual = self.usual(max, self.buffer.room());
            match head(&self.law, &mut self.state, self.buffer.unread(), usual) {
                Head::Whole { start, end, next } => {
                    self.note_whole(next);
                    return Short::Buffer(self.buffer.take_whole(start, end, next));
                }
                Head::Cut(len) => {
                    self.wanted = len;
                    return Short::Nothing;
                }
                Head::Unknown => {}
            }
        }
        if self.buffer.unread_len() < self.wanted { Short::Nothing } else { Short::Unusual }
    }

    /// Whether `chunk` was put behind the unread bytes, because with it there are still fewer than wanted.
    #[inline(always)]
    pub(super) fn keep(&mut self, chunk: &[u8]) -> bool {
        self.buffer.unread_len() + chunk.len() < self.wanted && self.buffer.append(chunk)
    }

    /// Brings what is wanted from `chunk`, which has it, until the frame at the start of what is unread is whole. Where its payload lies,
    /// if so, and how many bytes of the chunk were taken.
    fn complete(&mut self, chunk: &[u8], max: usize) -> (Option<Range<usize>>, usize) {
        let mut taken = 0;
        loop {
            let missing = self.wanted.saturating_sub(self.buffer.unread_len());
            let rest = chunk.get(taken..).unwrap_or_default();
            let piece = rest.get(..missing).unwrap_or(rest);
            if !self.buffer.append(piece) {
                return (None, taken);
            }
            taken += piece.len();
            if piece.len() < missing {
                return (None, taken);
            }
            let usual = self.usual(max, self.buffer.room());
            match head(&self.law, &mut self.state, self.buffer.unread(), usual) {
                Head::Whole { start, end, next } => {
                    self.note_whole(next);
                    return (Some(self.buffer.take_whole(start, end, next)), taken);
                }
                Head::Cut(len) => self.wanted = len,
                Head::Unknown => return (None, taken),
            }
        }
    }

    #[inline(always)]
    fn usual(&self, max: usize, room: usize) -> Usual {
        Usual { least: self.least, most: self.whole_limit.min(max), room }
    }

    /// A frame of `len` bytes was found whole.
    #[inline(always)]
    fn note_whole(&mut self, len: usize) {
        self.wanted = Self::least_wanted(&self.buffer);
        self.empties = 0;
        self.frame_at = self.position;
        self.position += len as u64;
    }
}

/// What is known of the frame at the start of `input`.
#[inline(always)]
fn head<L: Framing>(law: &L, state: &mut L::State, input: &[u8], usual: Usual) -> Head {
    let Usual { least, most, room } = usual;
    if !L::COUNTED {
        return match law.whole(state, input) {
            Some(Whole { start, end, next })
                if start <= end
                    && end <= next
                    && next <= input.len()
                    && end - start >= least
                    && end - start <= most =>
            {
                Head::Whole { start, end, next }
            }
            _ => Head::Unknown,
        };
    }
    if L::PREFIX > SHORT_HEADER {
        return Head::Unknown;
    }
    match law.step(state, input) {
        Ok(Step::Begin { take, len })
            if take > 0 && take <= input.len() && len >= least as u64 && len <= most as u64 =>
        {
            // It is at most `most`.
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len <= input.len() - take {
                Head::Whole { start: take, end: take + len, next: take + len }
            } else if len <= room.saturating_sub(take) {
                Head::Cut(take + len)
            } else {
                Head::Unknown
            }
        }
        _ => Head::Unknown,
    }
}
