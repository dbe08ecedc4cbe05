//! The decoder's way through frames that are a header and as many bytes as the header says ([`Framing::COUNTED`]).
//!
//! The law is asked for headers only. A header is taken as soon as it is whole; then its payload waits among the unread bytes until all of
//! it is there, and is lent from there. So no byte of it is looked at on its way, and none is copied twice.

use super::event::{Found, Piece};
use super::{Decoder, Phase};
use crate::buffer::{SHORT_WAYS, Storage};
use crate::error::{DecodeError, DecodeErrorKind, Malformed, Recovery};
use crate::framing::{Framing, Step};

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// Goes on until there is something to deliver.
    #[inline(always)]
    pub(super) fn advance_counted<const RULED: bool>(
        &mut self,
        chunk: &mut &[u8],
        max: usize,
    ) -> Result<Found, DecodeError> {
        self.offsets.close(self.buffer.unread_len());
        loop {
            let unread = self.buffer.unread_len();
            match self.phase {
                Phase::Between => {
                    self.offsets.begin_frame();
                    if SHORT_WAYS {
                        self.head = 0;
                    }
                    let input = if unread == 0 {
                        *chunk
                    } else if let Some(input) = self.buffer.unread_checked() {
                        input
                    } else {
                        return Ok(Found::Nothing);
                    };
                    // A header longer than the storage is refused wherever it is cut, so also where it is not.
                    let input = input.get(..self.buffer.capacity()).unwrap_or(input);
                    let available = input.len();
                    match self.law.step(&mut self.state, input) {
                        Ok(Step::Begin { take, len }) if (1..=available).contains(&take) => {
                            self.skip(take, chunk);
                            if let Some(found) = self.begin_counted::<RULED>(len)? {
                                return Ok(found);
                            }
                        }
                        Ok(Step::Need(n)) if n > available => {
                            if !self.collect(n, chunk)? {
                                return Ok(Found::Nothing);
                            }
                        }
                        Ok(_) => return Err(self.malformed(Malformed::Stalled)),
                        Err(malformed) => return Err(self.malformed(malformed)),
                    }
                }
                Phase::Gathering => {
                    let n = self.wanted;
                    let found = if n <= unread {
                        Found::Unread(n)
                    } else if unread == 0 && n <= chunk.len() {
                        Found::Chunk { data: n, take: 0 }
                    } else {
                        if !chunk.is_empty() {
                            self.buffer.bring(chunk, n);
                        }
                        if self.buffer.unread_len() < n {
                            return Ok(Found::Nothing);
                        }
                        Found::Unread(n)
                    };
                    if n > max {
                        return Ok(Found::Nothing);
                    }
                    self.offsets.advance(n);
                    match self.end_frame::<RULED>(n, found) {
                        Ok(Some(found)) => return Ok(found),
                        Ok(None) => {}
                        Err(error) => {
                            self.drop_front(n, chunk);
                            return Err(error);
                        }
                    }
                }
                _ if !RULED => return Ok(Found::Nothing),
                _ => {
                    if let Some(found) = self.in_pieces(chunk, max)? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// The next whole frame of what is unread, where no rule was asked for: what `advance_counted` would find, in the least code. Each
    /// number is written in one place, and a slice is cut once.
    #[inline(always)]
    pub(super) fn pop_counted(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        let least = Self::least_wanted(&self.buffer);
        let capacity = self.buffer.capacity();
        let Some((unread, read)) = self.buffer.unread_to_take() else { return Ok(None) };
        let mut taken = 0;
        let found = 'found: {
            let len = match self.phase {
                Phase::Between if unread.len() < least => return Ok(None),
                Phase::Between => {
                    self.offsets.begin_frame();
                    match self.law.step(&mut self.state, unread) {
                        Ok(Step::Begin { take, len }) if (1..=unread.len()).contains(&take) => {
                            taken = take;
                            match usize::try_from(len) {
                                Ok(len) if len <= self.whole_limit => len,
                                _ => {
                                    let limit = self.whole_limit as u64;
                                    break 'found Err(DecodeErrorKind::TooLong { len: Some(len), limit });
                                }
                            }
                        }
                        Ok(Step::Need(n)) if n > capacity => {
                            break 'found Err(DecodeErrorKind::HeaderTooLong { need: n, capacity });
                        }
                        Ok(Step::Need(n)) if n > unread.len() => {
                            self.wanted = n;
                            return Ok(None);
                        }
                        Ok(_) => break 'found Err(DecodeErrorKind::Malformed(Malformed::Stalled)),
                        Err(malformed) => break 'found Err(DecodeErrorKind::Malformed(malformed)),
                    }
                }
                Phase::Gathering => self.wanted,
                _ => return Ok(None),
            };
            let behind = unread.get(taken..).unwrap_or_default();
            (self.phase, self.wanted) = (Phase::Gathering, len);
            if behind.len() >= len {
                (self.phase, self.wanted) = (Phase::Between, least);
                taken += len;
            }
            Ok(behind.get(..len))
        };
        *read += taken;
        self.offsets.advance(taken);
        // Not by `stop`: as far as the compiler knows, a payload of `self.buffer` is still lent.
        found.map_err(|kind| {
            (self.phase, self.wanted) = (Phase::Stopped, 0);
            DecodeError { kind, offset: self.offsets.frame(0), recovery: Recovery::Stops }
        })
    }

    /// Begins a frame with `len` bytes of payload. What is to be delivered first, if it is streamed.
    #[inline(always)]
    fn begin_counted<const RULED: bool>(&mut self, len: u64) -> Result<Option<Found>, DecodeError> {
        match usize::try_from(len) {
            // It fits: the limit is not above the capacity.
            Ok(len) if len <= self.whole_limit => {
                self.phase = Phase::Gathering;
                self.wanted = len;
                Ok(None)
            }
            _ => {
                if RULED {
                    self.wanted = 0;
                    (self.midway.left, self.midway.delivered) = (len, 0);
                }
                self.too_long::<RULED>(Some(len))
            }
        }
    }

    /// Goes on with a frame that is too long to be delivered whole.
    fn in_pieces(&mut self, chunk: &mut &[u8], max: usize) -> Result<Option<Found>, DecodeError> {
        let buffered = self.buffer.unread_len();
        let available = if buffered > 0 { buffered } else { chunk.len() };
        let left = self.midway.left;
        if self.phase == Phase::Stopped {
            return Ok(Some(Found::Nothing));
        }
        if left == 0 {
            return self.end_frame::<true>(0, Found::End);
        }
        // Where there is more than memory has, all that is here belongs to the frame.
        let n = usize::try_from(left).map_or(available, |left| left.min(available));
        if n == 0 {
            return Ok(Some(Found::Nothing));
        }
        if self.phase == Phase::Discarding {
            self.midway.left -= n as u64;
            self.skip(n, chunk);
            return Ok(None);
        }
        let n = n.min(max);
        self.midway.left -= n as u64;
        self.midway.delivered += n as u64;
        self.offsets.advance(n);
        Ok(Some(Found::Piece(if buffered > 0 { Piece::Unread(n) } else { Piece::Chunk(n) })))
    }

    /// Bytes of the frame at hand with its header, where the header came.
    pub(super) fn counted_len(&self) -> Option<u64> {
        let header = self.offsets.taken();
        match self.phase {
            Phase::Gathering => Some(header.saturating_add(self.wanted as u64)),
            Phase::Spilling | Phase::Streaming | Phase::Discarding => Some(header.saturating_add(self.midway.left)),
            Phase::Between | Phase::Stopped => None,
        }
    }

    /// Bytes of the frame whose header is the first of what is unread, if it is.
    pub(super) fn announced(&self) -> Option<u64> {
        match self.law.step(&mut self.state.clone(), self.buffer.unread()) {
            Ok(Step::Begin { take, len }) => Some(len.saturating_add(take as u64)),
            _ => None,
        }
    }

    /// Whether something could be delivered of what is here.
    pub(super) fn is_counted_waiting(&self) -> bool {
        let unread = self.buffer.unread_len();
        match self.phase {
            Phase::Gathering => unread >= self.wanted,
            Phase::Spilling | Phase::Streaming => unread > 0 || self.midway.left == 0,
            Phase::Between | Phase::Discarding | Phase::Stopped => false,
        }
    }
}
