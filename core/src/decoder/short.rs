//! The decoder's short ways, for frames of the usual kind: whole in one place, of a length that no rule is about, or cut but short enough to
//! wait in the buffer. What is not of that kind is left as it is, for the code that knows everything.
//!
//! They exist for speed alone, and their code is made anew at each call. On a small processor memory is dearer than time, and there
//! they are not compiled, but for the one that lets a byte wait.

mod ahead;
mod counted;
#[cfg(target_pointer_width = "64")]
mod delimited;
mod disguised;
#[cfg(target_pointer_width = "64")]
mod each;
mod streamed;
mod verbatim;

pub(super) use ahead::Ahead;
pub(super) use counted::Memo;
pub(super) use streamed::Lent;

use core::ops::Range;

use super::{Decoder, Phase};
use crate::buffer::{SHORT_WAYS, Storage};
use crate::framing::Framing;

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

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The short way through a chunk, which moves on behind what was taken. Frames of more than `max` bytes do not take it.
    #[inline(always)]
    pub(super) fn short<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        #[cfg(target_pointer_width = "64")]
        if let Some(delimiter) = self.law.delimiter() {
            return self.short_delimited(delimiter, chunk, max);
        }
        if !SHORT_WAYS {
            self.kept(chunk)
        } else if !L::VERBATIM {
            self.short_disguised(chunk, max)
        } else if L::COUNTED {
            self.short_counted(chunk, max)
        } else {
            self.short_verbatim(chunk, max)
        }
    }

    /// Whether frames may come in rows, one after another out of one place.
    #[inline(always)]
    pub(super) fn may_have_rows(&self) -> bool {
        SHORT_WAYS && (L::COUNTED || self.law.delimiter().is_some())
    }

    /// Hands the frames of a row in `chunk` to `each`, unless they are counted. Whether all of the chunk was taken.
    #[inline(always)]
    pub(super) fn each_of_chunk<E>(
        &mut self,
        chunk: &mut &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        #[cfg(target_pointer_width = "64")]
        if let Some(delimiter) = self.law.delimiter() {
            return self.each_delimited(delimiter, chunk, each);
        }
        _ = (chunk, each);
        Ok(false)
    }

    /// The same of what is unread. Whether there is no more until other bytes come.
    #[inline(always)]
    pub(super) fn each_of_unread<E>(&mut self, each: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<bool, E> {
        #[cfg(target_pointer_width = "64")]
        if let Some(delimiter) = self.law.delimiter() {
            return self.each_delimited_unread(delimiter, each);
        }
        if SHORT_WAYS && L::COUNTED { self.each_counted_unread(each) } else { Ok(false) }
    }

    /// The short way through what is unread, unless frames are counted: then [`pop`](Self::pop) knows it.
    #[inline(always)]
    pub(super) fn short_in_buffer(&mut self, max: usize) -> Short<'static> {
        #[cfg(target_pointer_width = "64")]
        if let Some(delimiter) = self.law.delimiter() {
            return self.short_delimited_in_buffer(delimiter, max);
        }
        if self.buffer.unread_len() < self.wanted {
            Short::Nothing
        } else if !SHORT_WAYS {
            Short::Unusual
        } else if !L::VERBATIM {
            self.short_disguised_in_buffer(max)
        } else {
            self.short_verbatim_in_buffer(max)
        }
    }

    /// The short way of one byte that comes alone, and whether it was taken.
    #[inline(always)]
    pub(super) fn short_of_byte(&mut self, byte: u8) -> (bool, Short<'static>) {
        #[cfg(target_pointer_width = "64")]
        if let Some(delimiter) = self.law.delimiter() {
            return (false, self.short_byte(delimiter, byte, usize::MAX));
        }
        if SHORT_WAYS && !L::VERBATIM && self.buffer.unread_len() == 0 {
            let (taken, outcome) = match self.undisguise_byte(byte) {
                (0, _) if self.may_undisguise() => self.undisguise_chunk(&[byte], usize::MAX),
                taken => taken,
            };
            if taken > 0 {
                return (true, self.come_to(outcome));
            }
        }
        if self.keep_byte(byte) { (true, Short::Nothing) } else { (false, Short::Unusual) }
    }

    /// Whether `chunk` was put behind the unread bytes, because with it there are still fewer than wanted.
    #[inline(always)]
    pub(super) fn keep(&mut self, chunk: &[u8]) -> bool {
        if self.buffer.unread_len() + chunk.len() >= self.wanted {
            return false;
        }
        if !chunk.is_empty() {
            self.offsets.close(self.buffer.unread_len());
        }
        self.buffer.append(chunk)
    }

    /// [`keep`](Self::keep) for one byte behind others.
    #[inline(always)]
    pub(super) fn keep_byte(&mut self, byte: u8) -> bool {
        self.buffer.unread_len() + 1 < self.wanted && self.offsets.is_closed() && self.buffer.append_byte(byte)
    }

    /// The way of a chunk that can do no more than wait.
    #[inline(always)]
    fn kept(&mut self, chunk: &mut &[u8]) -> Short<'static> {
        if !self.keep(chunk) {
            return Short::Unusual;
        }
        *chunk = &[];
        Short::Nothing
    }

    /// Takes the frame that is whole at the start of the unread bytes, and says where its payload lies.
    #[inline(always)]
    fn take_whole(&mut self, start: usize, end: usize, next: usize) -> Range<usize> {
        self.begin_anew();
        self.note_whole(next);
        self.buffer.take_whole(start, end, next)
    }

    /// A frame of `len` bytes was found whole.
    #[inline(always)]
    fn note_whole(&mut self, len: usize) {
        self.offsets.begin_frame();
        self.offsets.advance(len);
    }

    /// Whether payload may be gathered next: between frames, or in one that is, with nothing granted.
    #[inline(always)]
    fn may_gather(&self) -> bool {
        self.phase == Phase::Between || self.phase == Phase::Gathering && self.midway.grant.is_empty()
    }

    /// Bytes of a frame were taken, and what they carry was gathered.
    #[inline(always)]
    fn note_gathering(&mut self, taken: usize) {
        if self.phase == Phase::Between {
            self.phase = Phase::Gathering;
            self.offsets.begin_frame();
            self.midway.frame_len = None;
        }
        self.offsets.advance_alone(taken);
        self.midway.held = 0;
        self.wanted = 1;
    }
}
