//! The short way of frames whose payload is in disguise and is delivered in pieces: as much of it as the storage holds is gathered at
//! once, and lent from there. Step by step each byte in disguise would be a piece of its own.

use crate::buffer::{SHORT_WAYS, Storage};
use crate::decoder::event::{Found, Piece};
use crate::decoder::{Decoder, Phase, take_front};
use crate::framing::{Framing, Run};

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// What comes next of a frame that is streamed, if all that is here of it lies in `chunk`.
    #[inline(always)]
    pub(in crate::decoder) fn short_streamed(&mut self, chunk: &mut &[u8], max: usize) -> Option<Found> {
        if !SHORT_WAYS || L::VERBATIM || self.buffer.unread_len() > 0 {
            return None;
        }
        let (found, taken) = match self.phase {
            Phase::Between if self.whole_limit == 0 => self.begin_streamed(chunk),
            Phase::Spilling | Phase::Streaming => self.stream_on(chunk, max),
            _ => return None,
        };
        take_front(chunk, taken);
        found
    }

    /// The beginning of a frame, where all that are not empty are streamed: where they are refused there is no room for payload. How many
    /// bytes of the chunk were taken.
    #[inline(never)]
    fn begin_streamed(&mut self, chunk: &[u8]) -> (Option<Found>, usize) {
        if self.wanted == 0 || self.buffer.gathered_len() > 0 {
            return (None, 0);
        }
        let Some(Run { take, written, end }) = self.gather_piece(chunk) else { return (None, 0) };
        self.note_undisguised(take, end);
        if written == 0 {
            return (None, take);
        }
        self.phase = Phase::Spilling;
        (Some(Found::Begin(None)), take)
    }

    /// The next piece of a frame, or its end. How many bytes of the chunk were taken.
    #[inline(never)]
    fn stream_on(&mut self, chunk: &[u8], max: usize) -> (Option<Found>, usize) {
        let mut taken = 0;
        if self.buffer.gathered_len() == 0 {
            if self.midway.grant.is_empty() {
                if chunk.is_empty() && self.wanted > 0 {
                    return (Some(Found::Nothing), 0);
                }
                let Some(Run { take, end, .. }) = self.gather_piece(chunk) else { return (None, 0) };
                self.note_undisguised(take, end);
                taken = take;
            }
            if self.buffer.gathered_len() == 0 {
                return match self.midway.grant.end_alone() {
                    Some(trailer) if trailer <= chunk.len() - taken && self.midway.delivered > 0 => {
                        self.offsets.advance_alone(trailer);
                        self.midway.grant.end = None;
                        self.midway.delivered = 0;
                        self.begin_anew();
                        (Some(Found::End), taken + trailer)
                    }
                    _ => (None, taken),
                };
            }
            self.phase = Phase::Spilling;
        }
        let n = self.buffer.gathered_len().min(max);
        self.midway.delivered += n as u64;
        (Some(Found::Piece(Piece::Gathered(n))), taken)
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
