//! The decoder's way through frames of which the law says step by step what their bytes are.
//!
//! A step grants bytes: so many of payload, then an end, perhaps; the grant is carried out as bytes come. Payload is gathered in the
//! buffer until the frame is complete, unless it is streamed, dropped, or lies whole in the caller's chunk.

use super::event::{Found, Piece};
use super::{Decoder, Phase, take_front};
use crate::buffer::{SHORT_WAYS, Storage};
use crate::error::{DecodeError, DecodeErrorKind, Malformed};
use crate::framing::{Framing, Step};

/// How many steps in a row a law may make without taking a byte, before the decoder calls it stalled.
const STEPS_WITHOUT_PROGRESS: u8 = 4;

/// What a law has said of the bytes that come next, and is not carried out yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    /// A payload byte that does not stand in the stream.
    pub(super) byte: Option<u8>,
    /// Then so many payload bytes as they stand.
    pub(super) data: usize,
    /// Then so many framing bytes, and the frame ends.
    pub(super) end: Option<usize>,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// Goes on until there is something to deliver.
    #[inline(always)]
    pub(super) fn advance_stepped<const RULED: bool>(
        &mut self,
        chunk: &mut &[u8],
        max: usize,
    ) -> Result<Found, DecodeError> {
        if SHORT_WAYS {
            self.offsets.close(self.buffer.unread_len());
        }
        let mut idle_steps = 0;
        loop {
            match self.phase {
                Phase::Stopped => return Ok(Found::Nothing),
                Phase::Spilling if RULED => match self.buffer.gathered_len().min(max) {
                    0 => self.phase = Phase::Streaming,
                    n => {
                        self.midway.delivered += n as u64;
                        return Ok(Found::Piece(Piece::Gathered(n)));
                    }
                },
                _ => {}
            }
            if !self.midway.grant.is_empty() {
                if let Some(found) = self.carry_out::<RULED>(chunk, max)? {
                    return Ok(found);
                }
                idle_steps = 0;
                continue;
            }
            let buffered = self.buffer.unread_len();
            if self.phase == Phase::Between {
                // A frame that lies whole in the buffer needs no steps.
                if buffered > 0 && self.gather_whole(max) {
                    return Ok(Found::Gathered);
                }
                self.offsets.begin_frame();
                self.midway.frame_len = None;
            }
            let input = if buffered > 0 { self.buffer.unread() } else { *chunk };
            // A header longer than the storage is refused wherever it is cut, so also where it is not.
            let between = L::PREFIX > 0 && self.phase == Phase::Between;
            let input = input.get(..self.buffer.capacity().max(1)).filter(|_| between).unwrap_or(input);
            let available = input.len();
            let step = match self.law.step(&mut self.state, input) {
                Ok(step) => step,
                Err(malformed) => return Err(self.malformed(malformed)),
            };
            if let Step::Need(n) = step {
                // It has them, and would ask for ever.
                if n <= available {
                    return Err(self.malformed(Malformed::Stalled));
                }
                if self.collect(n, chunk)? {
                    continue;
                }
                return Ok(Found::Nothing);
            }
            let taken = self.note(step);
            if taken > 0 {
                idle_steps = 0;
            } else {
                idle_steps += 1;
                if idle_steps > STEPS_WITHOUT_PROGRESS || matches!(step, Step::End { .. }) {
                    return Err(self.malformed(Malformed::Stalled));
                }
            }
            if let Some(found) = self.heed::<RULED>(step, available, chunk)? {
                return Ok(found);
            }
        }
    }

    /// Takes note of a step: what it grants, and how far the frame at hand is. How many bytes it takes or grants.
    #[inline(always)]
    fn note(&mut self, step: Step) -> usize {
        if self.phase == Phase::Between {
            if matches!(step, Step::Idle(_)) {
                self.wanted = 1;
            } else {
                self.phase = Phase::Gathering;
                self.wanted = 0;
            }
        } else {
            self.wanted = 0;
        }
        match step {
            Step::Need(_) => 0,
            Step::Idle(n) | Step::Skip(n) => n,
            Step::Bad { take, .. } => take,
            Step::Data(n) => {
                self.midway.grant = Grant { data: n, ..Grant::NONE };
                n
            }
            Step::Byte { take, value } => {
                self.midway.grant = Grant { byte: Some(value), ..Grant::NONE };
                take
            }
            Step::End { data, take } => {
                self.midway.grant = Grant { data, end: Some(take), ..Grant::NONE };
                // A frame of no bytes at all would come for ever.
                usize::from(self.offsets.taken() > 0 || data > 0) + take
            }
            Step::Begin { take, len } => {
                let have = self.offsets.taken();
                self.midway.frame_len = Some(have.saturating_add((take + L::SUFFIX) as u64).saturating_add(len));
                take
            }
        }
    }

    /// Takes the bytes of a step, of which `available` are here. What is found, if it is one that ends something.
    #[inline(always)]
    fn heed<const RULED: bool>(
        &mut self,
        step: Step,
        available: usize,
        chunk: &mut &[u8],
    ) -> Result<Option<Found>, DecodeError> {
        self.count_held(step);
        match step {
            Step::Idle(n) | Step::Skip(n) | Step::Byte { take: n, .. } => {
                // What is between two empty frames does not part them.
                if RULED && matches!(step, Step::Idle(_)) && self.empties.end == self.position() {
                    self.empties.end += n.min(available) as u64;
                }
                self.skip(n.min(available), chunk);
            }
            Step::Bad { take, what } => {
                self.skip(take.min(available), chunk);
                let phase = core::mem::replace(&mut self.phase, Phase::Discarding);
                self.buffer.drop_gathered();
                if phase != Phase::Discarding {
                    return Err(self.skipping(DecodeErrorKind::Malformed(what)));
                }
            }
            Step::Begin { take, len } => {
                if take > self.buffer.capacity().max(1) {
                    return Err(self.stop(self.no_room(take)));
                }
                self.skip(take.min(available), chunk);
                if len > self.whole_limit as u64
                    && let Some(found) = self.too_long::<RULED>(Some(len))?
                {
                    return Ok(Some(found));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Does the next part of what the law has granted. What is found, if that ends here: nothing, for want of bytes, or a
    /// piece, or a frame.
    fn carry_out<const RULED: bool>(&mut self, chunk: &mut &[u8], max: usize) -> Result<Option<Found>, DecodeError> {
        let buffered = self.buffer.unread_len();
        let available = if buffered > 0 { buffered } else { chunk.len() };
        if let Some(value) = self.midway.grant.byte {
            match self.phase {
                Phase::Streaming if RULED => {
                    self.midway.byte = [value];
                    self.deliver(1)?;
                    self.midway.grant.byte = None;
                    return Ok(Some(Found::Piece(Piece::Byte)));
                }
                Phase::Discarding => {}
                _ if self.buffer.gathered_len() >= self.whole_limit => return self.too_long::<RULED>(None),
                _ if self.buffer.gather_byte(value, self.midway.held.max(1)) => {}
                _ => return Err(self.stop(self.no_room(1))),
            }
            self.midway.grant.byte = None;
            self.midway.held = 0;
        } else if self.midway.grant.data > 0 {
            let n = self.midway.grant.data.min(available);
            if n == 0 {
                return Ok(Some(Found::Nothing));
            }
            match self.phase {
                Phase::Streaming if RULED => {
                    let n = self.deliver(n.min(max))?;
                    self.midway.grant.data -= n;
                    self.offsets.advance(n);
                    return Ok(Some(Found::Piece(if buffered > 0 { Piece::Unread(n) } else { Piece::Chunk(n) })));
                }
                Phase::Discarding => self.skip(n, chunk),
                _ if n > self.whole_limit.saturating_sub(self.buffer.gathered_len()) => {
                    return self.too_long::<RULED>(None);
                }
                _ if buffered > 0 => {
                    self.offsets.advance(n);
                    self.buffer.gather(n);
                }
                _ => {
                    if let Some(take) = self.midway.grant.end
                        && self.buffer.gathered_len() == 0
                        && n == self.midway.grant.data
                        && take <= chunk.len() - n
                        && n >= self.least
                    {
                        if n > max {
                            return Ok(Some(Found::Nothing));
                        }
                        self.offsets.advance(n + take);
                        self.midway.grant = Grant::NONE;
                        return self.end_frame::<RULED>(n, Found::Chunk { data: n, take });
                    }
                    self.offsets.advance(n);
                    if !self.buffer.gather_from(take_front(chunk, n)) {
                        return Err(self.stop(self.no_room(n)));
                    }
                }
            }
            self.midway.grant.data -= n;
        } else if let Some(take) = self.midway.grant.end {
            if self.phase == Phase::Gathering && self.buffer.gathered_len() > max {
                return Ok(Some(Found::Nothing));
            }
            let n = take.min(available);
            self.skip(n, chunk);
            if n < take {
                self.midway.grant.end = Some(take - n);
                // Behind the unread bytes there may be more in the chunk.
                return Ok(if n == 0 { Some(Found::Nothing) } else { None });
            }
            self.midway.grant.end = None;
            return self.end_frame::<RULED>(self.buffer.gathered_len(), Found::Gathered);
        }
        Ok(None)
    }

    /// The frame at the start of the unread bytes, if it is whole and breaks no rule, is gathered.
    #[inline]
    fn gather_whole(&mut self, max: usize) -> bool {
        let Some(whole) = self.law.whole(self.buffer.unread()) else {
            return false;
        };
        let len = whole.end - whole.start;
        if len < self.least || len > self.whole_limit.min(max) {
            return false;
        }
        self.buffer.skip(whole.start);
        self.buffer.gather(len);
        self.buffer.skip(whole.next - whole.end);
        self.offsets.begin_frame();
        self.offsets.advance(whole.next);
        true
    }

    /// The law needs `n` bytes together: brings bytes of the chunk behind the unread ones. Whether they are there now.
    pub(super) fn collect(&mut self, n: usize, chunk: &mut &[u8]) -> Result<bool, DecodeError> {
        if n > self.buffer.capacity() {
            // Nothing is wrong with a stream that ends here.
            if self.buffer.unread_len() == 0 && chunk.is_empty() {
                return Ok(false);
            }
            return Err(self.stop(self.no_room(n)));
        }
        if chunk.is_empty() {
            // A counted law waits for a header between frames anyway.
            if !L::COUNTED || self.buffer.unread_len() > 0 {
                self.wanted = n;
            }
            return Ok(false);
        }
        self.wanted = n;
        self.buffer.bring(chunk, n);
        let have = self.buffer.unread_len();
        // Gathered payload takes the room.
        if have < n && !chunk.is_empty() {
            return Err(self.stop(self.no_room(n)));
        }
        Ok(have >= n)
    }

    /// Takes `n` bytes of the unread ones, or else of the chunk, that carry nothing.
    #[inline]
    pub(super) fn skip(&mut self, n: usize, chunk: &mut &[u8]) {
        self.offsets.advance(n);
        self.drop_front(n, chunk);
    }

    /// The same, where they were counted before.
    #[inline]
    pub(super) fn drop_front(&mut self, n: usize, chunk: &mut &[u8]) {
        if self.buffer.unread_len() > 0 {
            self.buffer.skip(n);
        } else {
            take_front(chunk, n);
        }
    }

    /// Takes note of whether the bytes that a step takes may be payload after all. Only a law with trailers holds bytes back.
    #[inline]
    fn count_held(&mut self, step: Step) {
        match step {
            _ if L::SUFFIX == 0 => {}
            Step::Skip(n) => self.midway.held = self.midway.held.saturating_add(n),
            Step::Byte { .. } => {}
            _ => self.midway.held = 0,
        }
    }

    /// Space to keep free before the unread bytes, for what is held to join the payload.
    #[inline]
    pub(super) fn slack(&self) -> usize {
        if self.phase == Phase::Gathering { self.midway.held.min(L::SUFFIX) } else { 0 }
    }

    /// Whether something could be delivered of what is here.
    pub(super) fn is_granted_waiting(&self) -> bool {
        let Grant { byte, data, end } = self.midway.grant;
        // A grant of bytes that have not come waits for them, not for room.
        byte.is_some() || data == 0 && end == Some(0) || self.buffer.unread_len() > 0 && !self.midway.grant.is_empty()
    }
}

impl Grant {
    pub(super) const NONE: Self = Self { byte: None, data: 0, end: None };

    /// So many payload bytes as they stand, and an end behind them.
    #[inline(always)]
    pub(super) fn of(data: usize, end: usize) -> Self {
        Self { byte: None, data, end: Some(end) }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.byte.is_none() && self.data == 0 && self.end.is_none()
    }

    /// The bytes of framing that end the frame, if nothing is granted before them.
    #[inline]
    pub(super) fn end_alone(&self) -> Option<usize> {
        self.end.filter(|_| self.byte.is_none() && self.data == 0)
    }
}
