//! The short way of frames that are a header and as many bytes as it says.

use core::ops::Range;

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Step};

/// The longest header that costs less to read again than to remember, in bytes.
const SHORT_HEADER: usize = 16;

/// What is known of a frame from the bytes that are here.
enum Head {
    /// It is whole: its payload from `start` to `end`, where the next frame is.
    Whole { start: usize, end: usize },
    /// Its header has `head` bytes and all of it `len`, more than are here, and there is room for them.
    Cut { head: usize, len: usize },
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
    #[inline(always)]
    pub(super) fn short_counted<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        let between = self.phase == Phase::Between;
        if between && self.buffer.unread_len() == 0 {
            let usual = self.usual(max, self.buffer.capacity());
            match head(&self.law, &mut self.state, chunk, usual) {
                Head::Whole { start, end } => {
                    if let (Some(payload), Some(rest)) = (chunk.get(start..end), chunk.get(end..)) {
                        *chunk = rest;
                        self.note_whole(end);
                        return Short::Chunk(payload);
                    }
                }
                Head::Cut { head, len } => {
                    (self.head, self.wanted) = (head, len);
                    self.buffer.clear();
                }
                // So that what is cut has room behind it.
                Head::Unknown => self.buffer.clear(),
            }
        }
        if let Short::Nothing = self.kept(chunk) {
            return Short::Nothing;
        }
        if between && self.buffer.unread_len() > 0 {
            let (frame, taken) = match self.complete(chunk, max) {
                Some((frame, taken)) => (Some(frame), taken),
                None => self.complete_header(chunk, max),
            };
            *chunk = chunk.get(taken..).unwrap_or_default();
            if let Some(frame) = frame {
                return Short::Buffer(frame);
            }
            return self.kept(chunk);
        }
        Short::Unusual
    }

    #[inline(always)]
    pub(super) fn short_counted_in_buffer(&mut self, max: usize) -> Short<'static> {
        if self.phase != Phase::Between {
            return Short::Unusual;
        }
        let usual = self.usual(max, self.buffer.room());
        let Some(unread) = self.buffer.unread_checked() else { return Short::Unusual };
        match head(&self.law, &mut self.state, unread, usual) {
            Head::Whole { start, end } => Short::Buffer(self.take_whole(start, end, end)),
            Head::Cut { head, len } => {
                (self.head, self.wanted) = (head, len);
                Short::Nothing
            }
            Head::Unknown => Short::Unusual,
        }
    }

    /// Brings what the frame at hand still needs from `chunk`, which has it, if its header is known. Where its payload lies, and how many
    /// bytes of the chunk were taken.
    #[inline(always)]
    fn complete(&mut self, chunk: &[u8], max: usize) -> Option<(Range<usize>, usize)> {
        if self.head == 0 || self.wanted - self.head > max {
            return None;
        }
        let missing = self.wanted.checked_sub(self.buffer.unread_len())?;
        if !self.buffer.append(chunk.get(..missing)?) {
            return None;
        }
        Some((self.take_whole(self.head, self.wanted, self.wanted), missing))
    }

    /// [`complete`](Self::complete) for a frame whose header is cut.
    #[inline(never)]
    fn complete_header(&mut self, chunk: &[u8], max: usize) -> (Option<Range<usize>>, usize) {
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
                Head::Whole { start, end } => return (Some(self.take_whole(start, end, end)), taken),
                Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
                Head::Unknown => return (None, taken),
            }
        }
    }

    #[inline(always)]
    fn usual(&self, max: usize, room: usize) -> Usual {
        Usual { least: self.least, most: self.whole_limit.min(max), room }
    }
}

/// What is known of the frame at the start of `input`.
#[inline(always)]
fn head<L: Framing>(law: &L, state: &mut L::State, input: &[u8], usual: Usual) -> Head {
    let Usual { least, most, room } = usual;
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
                Head::Whole { start: take, end: take + len }
            } else if len <= room.saturating_sub(take) {
                Head::Cut { head: take, len: take + len }
            } else {
                Head::Unknown
            }
        }
        _ => Head::Unknown,
    }
}
