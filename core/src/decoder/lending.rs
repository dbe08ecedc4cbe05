//! What a decoder finds where no short way leads, and how it is lent.

use super::event::{Event, Found, FoundEnd, Piece};
use super::rules::NextFrame;
use super::short::Short;
use super::{Decoder, Phase};
use crate::buffer::{Buffer, SHORT_WAYS, Storage};
use crate::error::{DecodeError, Recovery};
use crate::framing::Framing;

/// An event, and how many bytes of the chunk were not taken.
type NextEvent<'s> = (Result<Option<Event<'s>>, DecodeError>, usize);

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// What begins a row of frames, or ends one otherwise than it does mostly.
    #[cold]
    #[inline(never)]
    pub(super) fn next_settled<'s>(&'s mut self, mut chunk: &'s [u8]) -> NextFrame<'s> {
        let payload = match self.short(&mut chunk, usize::MAX) {
            Short::Chunk(payload) => Some(payload),
            Short::Buffer(range) => self.buffer.get(range),
            Short::Nothing => None,
            Short::Unusual => return self.next_slow(chunk),
        };
        (Ok(payload), chunk.len())
    }

    /// The same, in what is unread.
    #[cold]
    #[inline(never)]
    pub(super) fn pop_settled(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        self.open_in_buffer();
        match self.row_in_buffer() {
            Some((head, len)) => Ok(Some(self.buffer.take_payload(head, len))),
            None if self.must_wait() => Ok(None),
            None => self.next_slow(&[]).0,
        }
    }

    /// [`pop`](Self::pop), where it is not made anew.
    #[cold]
    #[inline(never)]
    pub(super) fn pop_alone(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        self.pop()
    }

    #[cfg_attr(target_pointer_width = "64", inline(never))]
    pub(super) fn next_slow<'s>(&'s mut self, chunk: &'s [u8]) -> NextFrame<'s> {
        match self.engine {
            None => self.next_frame::<false>(chunk),
            Some(engine) => (engine.next_frame)(self, chunk),
        }
    }

    #[inline]
    pub(super) fn next_frame<'s, const RULED: bool>(&'s mut self, mut chunk: &'s [u8]) -> NextFrame<'s> {
        let payload = loop {
            match self.advance::<RULED>(&mut chunk, usize::MAX) {
                Err(error) => return (Err(error), chunk.len()),
                Ok(Found::Nothing) => return (Ok(None), chunk.len()),
                Ok(Found::Gathered) => break self.buffer.take_gathered(usize::MAX),
                Ok(Found::Unread(n)) => break self.buffer.take_unread(n),
                Ok(Found::Chunk { data, take }) => break take_frame(&mut chunk, data, take),
                // For a caller that takes whole frames only.
                Ok(Found::Piece(piece)) => _ = take_piece(&mut self.buffer, &[], piece, &mut chunk),
                Ok(Found::Begin(_) | Found::End) => {}
            }
        };
        (Ok(Some(payload)), chunk.len())
    }

    /// The next event by any way, and how many bytes of the chunk were not taken.
    #[inline(never)]
    pub(super) fn event_slow<'s>(&'s mut self, mut chunk: &'s [u8], max: usize) -> NextEvent<'s> {
        let event = self.next_event_and_state(&mut chunk, max).map(|event| event.map(|(event, _)| event));
        (event, chunk.len())
    }

    #[inline(never)]
    pub(super) fn push_byte_slow(&mut self, byte: u8) -> Result<Option<&[u8]>, DecodeError> {
        if SHORT_WAYS && L::COUNTED {
            match self.short_counted_byte(byte, usize::MAX) {
                (_, Short::Nothing) => return Ok(None),
                (_, Short::Buffer(range)) => return Ok(self.buffer.get(range)),
                // Taken, but more is to be said of it.
                (true, _) => return self.next_slow(&[]).0,
                (false, _) => {}
            }
        }
        let mut chunk = &[byte][..];
        let mut skipping = None;
        loop {
            return Ok(match self.proceed::<false>(&mut chunk, usize::MAX) {
                // The byte that was too much is dropped with the rest of its frame: nobody will bring it again.
                Err(error) if error.recovery == Recovery::Skips && !chunk.is_empty() => {
                    skipping = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
                Ok(Found::Nothing) => return skipping.map_or(Ok(None), Err),
                Ok(Found::Gathered) => Some(self.buffer.take_gathered(usize::MAX)),
                Ok(Found::Unread(n)) => Some(self.buffer.take_unread(n)),
                Ok(Found::Chunk { data, .. }) => {
                    self.midway.byte = [byte];
                    self.midway.byte.get(..data)
                }
                Ok(Found::Piece(piece)) => {
                    take_piece(&mut self.buffer, &[], piece, &mut chunk);
                    continue;
                }
                Ok(Found::Begin(_) | Found::End) => continue,
            });
        }
    }
}

/// Finding and lending in two steps: between the two an adapter may learn that it must read first, and a reference to a frame
/// that was not there would keep the decoder borrowed.
impl<L: Framing, S: Storage> Decoder<L, S> {
    /// What comes next of what was committed.
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    #[inline]
    pub(crate) fn find(&mut self) -> Result<Found, DecodeError> {
        self.proceed::<false>(&mut &[][..], usize::MAX)
    }

    /// What the end of the stream means, after all that was committed.
    pub(crate) fn find_end<const SURELY: bool>(&mut self) -> Result<FoundEnd, DecodeError> {
        match self.proceed::<SURELY>(&mut &[][..], usize::MAX)? {
            Found::Nothing => {}
            found => return Ok(FoundEnd::Last(found)),
        }
        let unread = self.buffer.unread_len() as u64;
        Ok(match self.phase {
            Phase::Stopped => FoundEnd::Stopped,
            Phase::Between if unread == 0 => FoundEnd::Clean,
            _ if unread == 0 && self.law.ends_at_end_of_stream() => {
                self.state = L::State::default();
                match self.end_frame::<true>(self.buffer.gathered_len(), Found::Gathered)? {
                    None => FoundEnd::Clean,
                    Some(found) => FoundEnd::Last(found),
                }
            }
            Phase::Between => FoundEnd::Truncated { have: unread, need: None },
            _ => FoundEnd::Truncated { have: self.offsets.taken() + unread, need: self.frame_len() },
        })
    }

    /// What was found, where nothing was done since, and what the law remembers of the frame.
    #[inline]
    pub(crate) fn lend(&mut self, found: Found) -> Option<(Event<'_>, &L::State)> {
        let event = match found {
            // Nothing of the chunk: there was none.
            Found::Nothing | Found::Chunk { .. } => return None,
            Found::Gathered => Event::Frame(self.buffer.take_gathered(usize::MAX)),
            Found::Unread(n) => Event::Frame(self.buffer.take_unread(n)),
            Found::Begin(len) => Event::Begin { len },
            Found::Piece(piece) => Event::Chunk(take_piece(&mut self.buffer, &self.midway.byte, piece, &mut &[][..])),
            Found::End => Event::End,
        };
        Some((event, &self.state))
    }
}

/// Takes a piece of a streamed frame.
#[inline]
pub(super) fn take_piece<'s, 'c: 's, S: Storage>(
    buffer: &'s mut Buffer<S>,
    byte: &'s [u8],
    piece: Piece,
    chunk: &mut &'c [u8],
) -> &'s [u8] {
    match piece {
        Piece::Gathered(n) => buffer.take_gathered(n),
        Piece::Unread(n) => buffer.take_unread(n),
        Piece::Chunk(n) => take_front(chunk, n),
        Piece::Byte => byte,
    }
}

/// Takes a frame of `data` bytes off `chunk`, and the `take` bytes of framing behind it.
#[inline]
pub(super) fn take_frame<'c>(chunk: &mut &'c [u8], data: usize, take: usize) -> &'c [u8] {
    let payload = take_front(chunk, data);
    take_front(chunk, take);
    payload
}

/// Takes the first `n` bytes (or all, if there are fewer) off `chunk`.
#[inline]
pub(super) fn take_front<'c>(chunk: &mut &'c [u8], n: usize) -> &'c [u8] {
    let (front, rest) = chunk.split_at_checked(n).unwrap_or((*chunk, &[]));
    *chunk = rest;
    front
}
