//! The short way of frames whose payload is in disguise and is delivered in pieces: as much of it as the storage holds is gathered at
//! once, and lent from there. Step by step each byte in disguise would be a piece of its own.
//!
//! What stands in the chunk as it is, a frame that is whole there or a chunk in the middle of a block, is lent from the chunk.

use crate::buffer::{SHORT_WAYS, Storage};
use crate::decoder::event::Event;
use crate::decoder::stepped::Grant;
use crate::decoder::{Decoder, Phase, take_front};
use crate::framing::{Framing, Run, Step, Whole};

/// Where the short way of a frame that is streamed leads to.
pub(in crate::decoder) enum Lent<'c> {
    /// There is nothing to deliver until more bytes come.
    Nothing,
    /// Something that does not lie in the storage.
    Event(Event<'c>),
    /// A piece of so many gathered bytes.
    Gathered(usize),
    /// Nowhere.
    Unusual,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// What comes next where all frames are streamed.
    #[inline(always)]
    pub(in crate::decoder) fn short_all_streamed<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Lent<'c> {
        if self.buffer.unread_len() > 0 {
            return Lent::Unusual;
        }
        let lent = match self.phase {
            Phase::Between => self.lend_beginning(chunk),
            Phase::Spilling | Phase::Streaming => self.lend_on(chunk, max),
            _ => None,
        };
        lent.unwrap_or_else(|| self.short_streamed(chunk, max))
    }

    /// The beginning of a frame that lies whole in `chunk` as it is. Its payload will be lent from there.
    #[inline(always)]
    fn lend_beginning(&mut self, chunk: &mut &[u8]) -> Option<Lent<'static>> {
        if chunk.is_empty() {
            return Some(Lent::Nothing);
        }
        let Whole { start, end, next } = self.law.whole(chunk)?;
        let (len, trailer) = (end.checked_sub(start)?, next.checked_sub(end)?);
        if len == 0 || next > chunk.len() || len as u64 > self.max_frame() {
            return None;
        }
        *chunk = chunk.get(start..)?;
        self.offsets.begin_frame();
        self.offsets.advance_alone(start);
        self.phase = Phase::Streaming;
        self.wanted = 0;
        self.midway.frame_len = None;
        self.midway.grant = Grant::of(len, trailer);
        Some(Lent::Event(Event::Begin { len: None }))
    }

    /// The next piece of a frame that is streamed, or its end, where nothing need be undisguised for it.
    #[inline(always)]
    fn lend_on<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Option<Lent<'c>> {
        let gathered = self.buffer.gathered_len().min(max);
        if gathered > 0 {
            self.midway.delivered += gathered as u64;
            return Some(Lent::Gathered(gathered));
        }
        match self.midway.grant {
            Grant { byte: None, data: 0, end: Some(trailer) } if self.midway.delivered > 0 => {
                *chunk = chunk.get(trailer..)?;
                self.note_streamed(trailer);
                Some(Lent::Event(Event::End))
            }
            Grant { byte: None, data: data @ 1.., .. } if self.phase == Phase::Streaming => {
                let n = data.min(max).min(chunk.len());
                let piece = self.lend_front(chunk, n)?;
                self.midway.grant.data = data - n;
                Some(piece)
            }
            Grant { byte: None, data: 0, end: None } if self.wanted > 0 => {
                if chunk.is_empty() {
                    return Some(Lent::Nothing);
                }
                // A chunk in the middle of a block, say: all of it is payload.
                let mut state = self.state.clone();
                let Ok(Step::Data(n)) = self.law.step(&mut state, chunk) else { return None };
                if n != chunk.len() || n > max {
                    return None;
                }
                let piece = self.lend_front(chunk, n)?;
                self.state = state;
                self.midway.held = 0;
                self.wanted = 1;
                Some(piece)
            }
            _ => None,
        }
    }

    /// The first `n` bytes of the chunk, as a piece of a frame.
    #[inline(always)]
    fn lend_front<'c>(&mut self, chunk: &mut &'c [u8], n: usize) -> Option<Lent<'c>> {
        let delivered = self.midway.delivered + n as u64;
        if n == 0 || delivered > self.max_frame() {
            return None;
        }
        let (piece, rest) = chunk.split_at_checked(n)?;
        *chunk = rest;
        self.midway.delivered = delivered;
        self.offsets.advance_alone(n);
        Some(Lent::Event(Event::Chunk(piece)))
    }

    /// What comes next of a frame that is streamed, if all that is here of it lies in `chunk`.
    #[inline(always)]
    pub(in crate::decoder) fn short_streamed(&mut self, chunk: &mut &[u8], max: usize) -> Lent<'static> {
        if !SHORT_WAYS || L::VERBATIM || self.buffer.unread_len() > 0 {
            return Lent::Unusual;
        }
        let (lent, taken) = self.stream_on(chunk, max);
        take_front(chunk, taken);
        lent
    }

    /// The beginning of a frame, its next piece, or its end, and how many bytes of the chunk were taken for it. Nothing is unread.
    #[inline(never)]
    fn stream_on(&mut self, chunk: &[u8], max: usize) -> (Lent<'static>, usize) {
        let begins = match self.phase {
            // Where all frames that are not empty are streamed: where they are refused there is no room for payload.
            Phase::Between if self.whole_limit == 0 && self.wanted > 0 && self.buffer.gathered_len() == 0 => true,
            Phase::Spilling | Phase::Streaming => false,
            _ => return (Lent::Unusual, 0),
        };
        let mut taken = 0;
        if self.buffer.gathered_len() == 0 {
            if self.midway.grant.is_empty() {
                if chunk.is_empty() && self.wanted > 0 && !begins {
                    return (Lent::Nothing, 0);
                }
                let Some(Run { take, end, .. }) = self.gather_piece(chunk) else { return (Lent::Unusual, 0) };
                self.note_undisguised(take, end);
                taken = take;
            }
            if self.buffer.gathered_len() == 0 {
                return match self.midway.grant.end_alone() {
                    Some(trailer) if trailer <= chunk.len() - taken && self.midway.delivered > 0 => {
                        self.note_streamed(trailer);
                        (Lent::Event(Event::End), taken + trailer)
                    }
                    _ => (Lent::Unusual, taken),
                };
            }
            self.phase = Phase::Spilling;
            if begins {
                return (Lent::Event(Event::Begin { len: None }), taken);
            }
        }
        let n = self.buffer.gathered_len().min(max);
        self.midway.delivered += n as u64;
        (Lent::Gathered(n), taken)
    }

    /// A frame that was streamed is complete with the next `trailer` bytes.
    #[inline(always)]
    fn note_streamed(&mut self, trailer: usize) {
        self.offsets.advance_alone(trailer);
        self.midway.grant.end = None;
        self.midway.delivered = 0;
        self.begin_anew();
    }

    /// Gathers what the bytes of `chunk` carry, as far as there is room and no limit. `None` if that is nothing.
    #[inline(always)]
    fn gather_piece(&mut self, chunk: &[u8]) -> Option<Run> {
        let left = self.max_frame().saturating_sub(self.midway.delivered);
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let place = self.buffer.place(most)?;
        let room = place.len();
        let Run { take, written, end } = self.law.run(&mut self.state, chunk, place);
        self.buffer.placed(written.min(room));
        let take = take.min(chunk.len());
        (take > 0 || end.is_some()).then_some(Run { take, written, end })
    }
}
