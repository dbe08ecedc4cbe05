//! Push bytes, pop frames.
//!
//! A [`Decoder`] turns a byte stream into frames, however the stream was cut into chunks on its way. Bytes get in by one of
//! two ways:
//!
//! - **Borrow**: [`next`](Decoder::next) takes bytes from the caller's slice and hands a frame out straight from it when it
//!   lies there whole. Only a frame that is split between chunks is copied.
//! - **Direct**: a socket reads into [`spare_mut`](Decoder::spare_mut), [`commit`](Decoder::commit) says how much came, and
//!   [`pop`](Decoder::pop) hands frames out from there. [`push`](Decoder::push) is the same with a copy.
//!
//! Both ways may be mixed on one stream.

use crate::buffer::{Buffer, Storage};
use crate::error::{DecodeError, DecodeErrorKind, Malformed, Recovery};
use crate::framing::{Framing, Step};

/// How many steps in a row a law may make without taking a byte, before the decoder calls it stalled.
const STEPS_WITHOUT_PROGRESS: u8 = 4;

/// An incremental frame decoder for the law `L` over the storage `S`.
///
/// The storage bounds the payload of a frame that is delivered in one piece; see [`capacity`](Self::capacity). Its length
/// is all the memory that a decoder ever uses: nothing is reserved because of a length on the wire.
#[derive(Clone, Debug)]
pub struct Decoder<L: Framing, S> {
    law: L,
    state: L::State,
    buffer: Buffer<S>,
    phase: Phase,
    /// What the law has said of the bytes that come next, and is not carried out yet.
    grant: Grant,
    /// Bytes of the stream that were taken: the offset of the first unread byte.
    position: u64,
    /// Where the frame at hand began.
    frame_at: u64,
    /// Payload bytes of the frame at hand that were delivered in pieces or discarded.
    delivered: u64,
    /// Bytes of the frame at hand with its header and trailer, where the header says so.
    frame_len: Option<u64>,
    /// How many bytes more the law asked for before it can go on.
    missing: usize,
    /// Bytes that the law took last and that may be payload after all, as a CR before what is not an LF.
    held: usize,
    /// Empty frames in a row.
    empties: u32,
    /// The one-byte piece that was delivered last: a byte that does not stand in the stream.
    byte: [u8; 1],
    /// The longest payload that is delivered in one piece: `<= capacity`, `<= max_frame`.
    whole_limit: usize,
    /// The longest payload that is accepted.
    max_frame: u64,
    rules: Rules,
}

/// What the frame at hand goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of a frame was taken.
    Between,
    /// Its payload is gathered, to be delivered whole.
    Gathering,
    /// What was gathered is too long and must be delivered in pieces before the rest.
    Spilling,
    /// Its payload is delivered in pieces.
    Streaming,
    /// Its payload is dropped.
    Discarding,
    /// The stream cannot go on.
    Stopped,
}

#[derive(Clone, Copy, Debug, Default)]
struct Grant {
    /// A payload byte that does not stand in the stream.
    byte: Option<u8>,
    /// Then so many payload bytes as they stand.
    data: usize,
    /// Then so many framing bytes, and the frame ends.
    end: Option<usize>,
}

/// What was asked for; `whole_limit` and `max_frame` of the decoder follow from it.
#[derive(Clone, Copy, Debug)]
struct Rules {
    oversize: Oversize,
    min_frame: u64,
    max_frame: Option<u64>,
    stream_above: usize,
    max_empty: Option<u32>,
}

/// What to do with a frame that is too long to be delivered whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Oversize {
    /// Stop: the error is final. For peers that must not send such a frame.
    #[default]
    Fail,
    /// Report it once and drop exactly this frame; the next one is delivered.
    Skip,
    /// Deliver it in pieces, by [`Event::Begin`], [`Event::Chunk`] and [`Event::End`]. A frame longer than
    /// [`max_frame`](Decoder::max_frame) still stops the decoder.
    Stream,
}

/// What came out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event<'a> {
    /// A whole frame: its payload.
    Frame(&'a [u8]),
    /// A frame begins that comes in pieces. `len` is its payload in bytes, where the header says it.
    Begin {
        /// Payload bytes to come.
        len: Option<u64>,
    },
    /// The next bytes of its payload, at least one. Where it is cut means nothing.
    Chunk(&'a [u8]),
    /// It is complete.
    End,
}

/// What the end of a stream means; see [`Decoder::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum End<'a> {
    /// The stream ends between two frames.
    Clean,
    /// There is more to deliver: the end of the stream completed a frame (a last line without LF), or not all that
    /// was pushed has been popped. Call again.
    Last(Event<'a>),
    /// The stream ends inside a frame.
    Truncated {
        /// Bytes of this frame that came, its header and trailer included.
        have: u64,
        /// Bytes that it has in all, where its header came and says so.
        need: Option<u64>,
    },
    /// The stream had stopped with an error before.
    Stopped,
}

/// How many bytes a decoder waits for; see [`Decoder::need`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Need {
    /// Nothing happens before this many bytes are here; then there may be more to wait for. At least 1.
    AtLeast(u64),
    /// This many bytes complete the frame at hand. At least 1.
    Exactly(u64),
}

/// What is left of a decoder when the protocol is switched; see [`Decoder::into_parts`].
#[derive(Clone, Debug)]
pub struct Parts<L, S> {
    /// The law.
    pub law: L,
    /// The storage.
    pub storage: S,
    /// Where in the storage the bytes lie that were pushed and belong to no frame that was delivered.
    pub unread: core::ops::Range<usize>,
    /// The offset in the stream of the first of them.
    pub offset: u64,
}

impl<L, S: AsRef<[u8]>> Parts<L, S> {
    /// The bytes that were pushed and belong to no frame that was delivered.
    pub fn unread(&self) -> &[u8] {
        self.storage.as_ref().get(self.unread.clone()).unwrap_or_default()
    }
}

/// What `advance` found, to be lent to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Nothing,
    /// The gathered payload is a frame.
    Frame,
    /// The next `data` bytes of the caller's chunk are a frame, `take` bytes of framing behind it.
    ChunkFrame {
        data: usize,
        take: usize,
    },
    Begin(Option<u64>),
    /// Up to so many gathered bytes are a piece.
    Gathered(usize),
    /// The next unread bytes in the buffer are a piece.
    Unread(usize),
    /// The next bytes of the caller's chunk are a piece.
    Chunk(usize),
    /// The byte in `self.byte` is a piece.
    Byte,
    End,
}

/// What [`End`] says, to be lent to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FoundEnd {
    Clean,
    /// `Frame`, or a piece that `advance` found without a chunk.
    Last(Found),
    Truncated {
        have: u64,
        need: Option<u64>,
    },
    Stopped,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// A decoder at the start of a stream. Frames up to [`capacity`](Self::capacity) are delivered; a longer one is an error.
    pub fn new(law: L, storage: S) -> Self {
        let capacity = storage.as_ref().len().saturating_sub(L::SUFFIX);
        Self {
            law,
            state: L::State::default(),
            buffer: Buffer::new(storage),
            phase: Phase::Between,
            grant: Grant::default(),
            position: 0,
            frame_at: 0,
            delivered: 0,
            frame_len: None,
            missing: 0,
            held: 0,
            empties: 0,
            byte: [0],
            whole_limit: capacity,
            max_frame: capacity as u64,
            rules: Rules {
                oversize: Oversize::Fail,
                min_frame: 0,
                max_frame: None,
                stream_above: usize::MAX,
                max_empty: None,
            },
        }
    }

    /// Sets what happens to frames that are too long to be delivered whole.
    #[must_use]
    pub fn with_oversize(mut self, oversize: Oversize) -> Self {
        self.rules.oversize = oversize;
        self.settle();
        self
    }

    /// Sets the longest payload to accept, in bytes. Without streaming it is at most the capacity, whatever is asked for; with
    /// streaming it is unlimited until set.
    #[must_use]
    pub fn with_max_frame(mut self, max_frame: u64) -> Self {
        self.rules.max_frame = Some(max_frame);
        self.settle();
        self
    }

    /// Sets the shortest payload to accept, in bytes (default 0). A shorter frame that came whole is reported and dropped.
    #[must_use]
    pub fn with_min_frame(mut self, min_frame: u64) -> Self {
        self.rules.min_frame = min_frame;
        self
    }

    /// Sets how many empty frames in a row are accepted (default: any number). One more stops the decoder.
    #[must_use]
    pub fn with_max_empty(mut self, max_empty: u32) -> Self {
        self.rules.max_empty = Some(max_empty);
        self
    }

    /// With [`Oversize::Stream`]: delivers frames of more than `limit` payload bytes in pieces, though longer ones would fit.
    /// With 0 only empty frames come whole.
    #[must_use]
    pub fn with_stream_above(mut self, limit: usize) -> Self {
        self.rules.stream_above = limit;
        self.settle();
        self
    }

    /// The next whole frame, from what was pushed before and then from `chunk`, which moves on behind what was taken. `None`
    /// when `chunk` is used up and ends inside a frame.
    ///
    /// The payload lies in `chunk` itself where the frame is whole in it, else in this decoder.
    ///
    /// ```
    /// use framewright::{Decoder, framing::U32};
    ///
    /// let mut decoder = Decoder::new(U32::new(), [0; 64]);
    /// let mut chunk: &[u8] = &[0, 0, 0, 2, b'h', b'i', 0, 0];
    /// assert_eq!(decoder.next(&mut chunk)?, Some(&b"hi"[..]));
    /// assert_eq!(decoder.next(&mut chunk)?, None);
    /// assert!(chunk.is_empty());
    /// # Ok::<(), framewright::DecodeError>(())
    /// ```
    ///
    /// With [`Oversize::Stream`] use [`next_event`](Self::next_event); here the pieces of a streamed frame are dropped.
    ///
    /// # Errors
    /// The stream breaks the law or a limit, reported once. After [`Recovery::Skips`] call again; after [`Recovery::Stops`]
    /// nothing more is taken or delivered, here or by any other method, until [`reset`](Self::reset).
    #[inline(always)]
    pub fn next<'s, 'c: 's>(&'s mut self, chunk: &mut &'c [u8]) -> Result<Option<&'s [u8]>, DecodeError> {
        if self.phase == Phase::Between
            && self.buffer.unread_len() == 0
            && let Some(payload) = self.whole_in(chunk, usize::MAX)
        {
            return Ok(Some(payload));
        }
        self.next_slow(chunk)
    }

    /// [`next`](Self::next) from what was pushed or committed before.
    ///
    /// # Errors
    /// As `next`.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        self.next_slow(&mut &[][..])
    }

    /// [`next`](Self::next) from one byte, as an interrupt handler has it. It takes the byte, also when the answer is an
    /// error; so what was pushed by other methods must be popped first.
    ///
    /// # Errors
    /// As `next`.
    #[inline]
    pub fn push_byte(&mut self, byte: u8) -> Result<Option<&[u8]>, DecodeError> {
        let mut chunk = &[byte][..];
        let mut skipping = None;
        loop {
            return Ok(match self.advance(&mut chunk, usize::MAX) {
                // The byte that was too much is dropped with the rest of its frame: nobody will bring it again.
                Err(error) if error.recovery == Recovery::Skips && !chunk.is_empty() => {
                    skipping = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
                Ok(Found::Nothing) => return skipping.map_or(Ok(None), Err),
                Ok(Found::Frame) => Some(self.buffer.take_gathered(usize::MAX)),
                Ok(Found::ChunkFrame { data, .. }) => {
                    self.byte = [byte];
                    self.byte.get(..data)
                }
                Ok(piece) => {
                    self.pass_over(&piece, &mut chunk);
                    continue;
                }
            });
        }
    }

    /// The next event, from what was pushed before and then from `chunk`, which moves on behind what was taken. `None` when
    /// all is used up.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_event<'s, 'c: 's>(&'s mut self, chunk: &mut &'c [u8]) -> Result<Option<Event<'s>>, DecodeError> {
        self.next_event_within(chunk, usize::MAX)
    }

    /// [`next_event`](Self::next_event) for a caller with room for `max` bytes (0 counts as 1): a longer chunk is delivered
    /// in parts, and a longer whole frame not yet. The answer to that is `None`, and the frame stays where it is: in `chunk`, which
    /// is not used up then, or in this decoder, where [`unread`](Self::unread) or [`is_waiting`](Self::is_waiting) tells.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_event_within<'s, 'c: 's>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<Event<'s>>, DecodeError> {
        Ok(self.next_event_and_state(chunk, max)?.map(|(event, _)| event))
    }

    /// [`next_event_within`](Self::next_event_within), with what the law remembers of the frame: a header that says more than the
    /// length.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_event_and_state<'s, 'c: 's>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<(Event<'s>, &'s L::State)>, DecodeError> {
        let max = max.max(1);
        if self.phase == Phase::Between
            && self.buffer.unread_len() == 0
            && let Some(payload) = self.whole_in(chunk, max)
        {
            return Ok(Some((Event::Frame(payload), &self.state)));
        }
        let event = match self.advance(chunk, max)? {
            Found::Nothing => return Ok(None),
            Found::Frame => Event::Frame(self.buffer.take_gathered(usize::MAX)),
            Found::ChunkFrame { data, take } => Event::Frame(take_frame(chunk, data, take)),
            Found::Begin(len) => Event::Begin { len },
            Found::Gathered(n) => Event::Chunk(self.buffer.take_gathered(n)),
            Found::Unread(n) => Event::Chunk(self.buffer.take_unread(n)),
            Found::Chunk(n) => Event::Chunk(take_front(chunk, n)),
            Found::Byte => Event::Chunk(&self.byte),
            Found::End => Event::End,
        };
        Ok(Some((event, &self.state)))
    }

    /// Free storage to read into, behind what was pushed. Empty when it must be popped first, or when the stream has stopped.
    ///
    /// What is unread is moved to the front when there is less room than the frame at hand still needs.
    #[inline]
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.phase == Phase::Stopped {
            return &mut [];
        }
        let (Need::AtLeast(n) | Need::Exactly(n)) = self.need();
        let wanted = usize::try_from(n).unwrap_or(usize::MAX).max(self.buffer.capacity() / 4);
        self.buffer.spare_mut(wanted, self.slack())
    }

    /// Says that the first `n` bytes of [`spare_mut`](Self::spare_mut) were filled.
    #[inline]
    pub fn commit(&mut self, n: usize) {
        self.buffer.commit(n);
    }

    /// Copies as many of `bytes` as fit into the storage, and says how many. The rest must be pushed again after popping.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        if self.phase == Phase::Stopped { 0 } else { self.buffer.push(bytes, self.slack()) }
    }

    /// Says what the end of the stream means. Call when no byte will follow and everything was popped; while it answers
    /// [`End::Last`], call again.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn finish(&mut self) -> Result<End<'_>, DecodeError> {
        Ok(match self.find_end()? {
            FoundEnd::Last(found) => match self.lend(found) {
                Some((event, _)) => End::Last(event),
                None => End::Clean,
            },
            FoundEnd::Clean => End::Clean,
            FoundEnd::Truncated { have, need } => End::Truncated { have, need },
            FoundEnd::Stopped => End::Stopped,
        })
    }

    /// Goes back to the start of a stream; limits stay. What was pushed and not popped is dropped.
    pub fn reset(&mut self) {
        self.state = L::State::default();
        self.buffer.clear();
        self.phase = Phase::Between;
        self.grant = Grant::default();
        (self.position, self.frame_at, self.delivered, self.frame_len) = (0, 0, 0, None);
        (self.missing, self.held, self.empties) = (0, 0, 0);
    }

    /// How many bytes this decoder waits for, beyond what was pushed.
    pub fn need(&self) -> Need {
        match (self.phase, self.frame_len) {
            (Phase::Gathering | Phase::Streaming | Phase::Discarding, Some(len)) => {
                let have = (self.position - self.frame_at).saturating_add(self.buffer.unread_len() as u64);
                match len.saturating_sub(have) {
                    0 => Need::AtLeast(1),
                    left => Need::Exactly(left),
                }
            }
            _ => Need::AtLeast(self.missing.max(1) as u64),
        }
    }

    /// The longest payload that fits this storage, in bytes: the storage, less what the law needs free behind a payload.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity().saturating_sub(L::SUFFIX)
    }

    /// The longest payload that is accepted, in bytes.
    pub fn max_frame(&self) -> u64 {
        self.max_frame
    }

    /// How many bytes of the stream were taken: the offset of the next one.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes were pushed or committed and are not taken yet.
    pub fn unread(&self) -> usize {
        self.buffer.unread_len()
    }

    /// Whether a frame or piece is ready here that was longer than the caller had room for.
    pub fn is_waiting(&self) -> bool {
        let Grant { byte, data, end } = self.grant;
        // A grant of bytes that have not come waits for them, not for room.
        byte.is_some() || data == 0 && end == Some(0) || self.buffer.unread_len() > 0 && !self.grant.is_empty()
    }

    /// Where the frame at hand, or the one delivered last, began: bytes since the start of the stream.
    pub fn frame_offset(&self) -> u64 {
        self.frame_at
    }

    /// What the law remembers: between [`Event::Begin`] or a frame and the next call, of that frame.
    pub fn state(&self) -> &L::State {
        &self.state
    }

    /// The law.
    pub fn law(&self) -> &L {
        &self.law
    }

    /// Whether an error has stopped this decoder.
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// Takes the decoder apart, for a protocol that goes on in another framing: the bytes that were pushed and not taken, and
    /// where they stand in the stream. With [`next`](Self::next) the rest of the chunk belongs behind them.
    pub fn into_parts(self) -> Parts<L, S> {
        let (storage, unread) = self.buffer.into_parts();
        Parts { law: self.law, storage, unread, offset: self.position }
    }

    /// Works out the limits from the rules.
    fn settle(&mut self) {
        let capacity = self.capacity();
        let asked = self.rules.max_frame.unwrap_or(u64::MAX);
        let (max_frame, stream_above) = match self.rules.oversize {
            Oversize::Stream => (asked, self.rules.stream_above),
            Oversize::Fail | Oversize::Skip => (asked.min(capacity as u64), capacity),
        };
        self.max_frame = max_frame;
        self.whole_limit = usize::try_from(max_frame).unwrap_or(usize::MAX).min(capacity).min(stream_above);
    }

    /// The frame at the start of `chunk`, if it is whole there and breaks no rule.
    #[inline(always)]
    fn whole_in<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Option<&'c [u8]> {
        let whole = self.law.whole(&mut self.state, chunk)?;
        let payload = chunk.get(whole.start..whole.end)?;
        if payload.len() > self.whole_limit.min(max) || (payload.len() as u64) < self.rules.min_frame {
            return None;
        }
        if self.rules.max_empty.is_some() {
            if payload.is_empty() {
                return None;
            }
            self.empties = 0;
        }
        *chunk = chunk.get(whole.next..)?;
        self.frame_at = self.position;
        self.position += whole.next as u64;
        Some(payload)
    }

    fn next_slow<'s, 'c: 's>(&'s mut self, chunk: &mut &'c [u8]) -> Result<Option<&'s [u8]>, DecodeError> {
        loop {
            match self.advance(chunk, usize::MAX)? {
                Found::Nothing => return Ok(None),
                Found::Frame => break,
                Found::ChunkFrame { data, take } => return Ok(Some(take_frame(chunk, data, take))),
                piece => self.pass_over(&piece, chunk),
            }
        }
        Ok(Some(self.buffer.take_gathered(usize::MAX)))
    }

    /// Drops a piece of a streamed frame, for a caller that takes whole frames only.
    fn pass_over(&mut self, piece: &Found, chunk: &mut &[u8]) {
        match *piece {
            Found::Gathered(n) => _ = self.buffer.take_gathered(n),
            Found::Unread(n) => _ = self.buffer.take_unread(n),
            Found::Chunk(n) => _ = take_front(chunk, n),
            _ => {}
        }
    }

    /// Goes on until there is something to deliver.
    fn advance(&mut self, chunk: &mut &[u8], max: usize) -> Result<Found, DecodeError> {
        let mut idle_steps = 0;
        loop {
            match self.phase {
                Phase::Stopped => return Ok(Found::Nothing),
                Phase::Spilling => match self.buffer.gathered_len().min(max) {
                    0 => self.phase = Phase::Streaming,
                    n => {
                        self.delivered += n as u64;
                        return Ok(Found::Gathered(n));
                    }
                },
                _ => {}
            }
            if !self.grant.is_empty() {
                if let Some(found) = self.carry_out(chunk, max)? {
                    return Ok(found);
                }
                idle_steps = 0;
                continue;
            }
            let buffered = self.buffer.unread_len();
            if self.phase == Phase::Between {
                // A frame that lies whole in the buffer needs no steps.
                if buffered > 0 && self.gather_whole(max) {
                    return Ok(Found::Frame);
                }
                self.frame_at = self.position;
                self.delivered = 0;
                self.frame_len = None;
            }
            let input = if buffered > 0 { self.buffer.unread() } else { *chunk };
            let available = input.len();
            let step = match self.law.step(&mut self.state, input) {
                Ok(step) => step,
                Err(malformed) => return Err(self.stop(DecodeErrorKind::Malformed(malformed))),
            };
            if let Step::Need(n) = step {
                // It has them, and would ask for ever.
                if n <= available {
                    return Err(self.stop(DecodeErrorKind::Malformed(Malformed::Stalled)));
                }
                if self.collect(n, chunk)? {
                    continue;
                }
                return Ok(Found::Nothing);
            }
            self.missing = 0;
            if self.phase == Phase::Between && !matches!(step, Step::Idle(_)) {
                self.phase = Phase::Gathering;
            }
            let taken = match step {
                Step::Need(_) => 0,
                Step::Idle(n) | Step::Skip(n) => n,
                Step::Bad { take, .. } => take,
                Step::Data(n) => {
                    self.grant = Grant { data: n, ..Grant::default() };
                    n
                }
                Step::Byte { take, value } => {
                    self.grant = Grant { byte: Some(value), ..Grant::default() };
                    take
                }
                Step::End { data, take } => {
                    self.grant = Grant { data, end: Some(take), ..Grant::default() };
                    // A frame of no bytes at all would come for ever.
                    usize::from(self.position > self.frame_at || data > 0) + take
                }
                Step::Begin { take, len } => {
                    let have = self.position - self.frame_at;
                    self.frame_len = Some(have.saturating_add((take + L::SUFFIX) as u64).saturating_add(len));
                    take
                }
            };
            if taken > 0 {
                idle_steps = 0;
            } else {
                idle_steps += 1;
                if idle_steps > STEPS_WITHOUT_PROGRESS || matches!(step, Step::End { .. }) {
                    return Err(self.stop(DecodeErrorKind::Malformed(Malformed::Stalled)));
                }
            }
            self.count_held(step);
            match step {
                Step::Idle(n) | Step::Skip(n) | Step::Byte { take: n, .. } => self.skip(n.min(available), chunk),
                Step::Bad { take, what } => {
                    self.skip(take.min(available), chunk);
                    let phase = core::mem::replace(&mut self.phase, Phase::Discarding);
                    self.buffer.drop_gathered();
                    if phase != Phase::Discarding {
                        return Err(self.skipping(DecodeErrorKind::Malformed(what)));
                    }
                }
                Step::Begin { take, len } => {
                    self.skip(take.min(available), chunk);
                    if len > self.whole_limit as u64
                        && let Some(found) = self.too_long(Some(len))?
                    {
                        return Ok(found);
                    }
                }
                _ => {}
            }
        }
    }

    /// Does the next part of what the law has granted. What is found, if that ends here: nothing, for want of bytes, or a
    /// piece, or a frame.
    fn carry_out(&mut self, chunk: &mut &[u8], max: usize) -> Result<Option<Found>, DecodeError> {
        let buffered = self.buffer.unread_len();
        let available = if buffered > 0 { buffered } else { chunk.len() };
        if let Some(value) = self.grant.byte {
            match self.phase {
                Phase::Streaming => {
                    self.byte = [value];
                    self.deliver(1)?;
                    self.grant.byte = None;
                    return Ok(Some(Found::Byte));
                }
                Phase::Discarding => {}
                _ if self.buffer.gathered_len() >= self.whole_limit => return self.too_long(None),
                _ if self.buffer.gather_byte(value, self.held.max(1)) => {}
                _ => return Err(self.stop(self.no_room(1))),
            }
            self.grant.byte = None;
            self.held = 0;
        } else if self.grant.data > 0 {
            let n = self.grant.data.min(available);
            if n == 0 {
                return Ok(Some(Found::Nothing));
            }
            match self.phase {
                Phase::Streaming => {
                    let n = self.deliver(n.min(max))?;
                    self.grant.data -= n;
                    self.position += n as u64;
                    return Ok(Some(if buffered > 0 { Found::Unread(n) } else { Found::Chunk(n) }));
                }
                Phase::Discarding => self.skip(n, chunk),
                _ if n > self.whole_limit.saturating_sub(self.buffer.gathered_len()) => return self.too_long(None),
                _ if buffered > 0 => {
                    self.position += n as u64;
                    self.buffer.gather(n);
                }
                _ => {
                    if let Some(take) = self.grant.end
                        && self.buffer.gathered_len() == 0
                        && n == self.grant.data
                        && take <= chunk.len() - n
                        && n as u64 >= self.rules.min_frame
                    {
                        if n > max {
                            return Ok(Some(Found::Nothing));
                        }
                        self.position += (n + take) as u64;
                        self.grant = Grant::default();
                        return self.end_frame(n, Found::ChunkFrame { data: n, take });
                    }
                    self.position += n as u64;
                    if !self.buffer.gather_from(take_front(chunk, n)) {
                        return Err(self.stop(self.no_room(n)));
                    }
                }
            }
            self.grant.data -= n;
        } else if let Some(take) = self.grant.end {
            if self.phase == Phase::Gathering && self.buffer.gathered_len() > max {
                return Ok(Some(Found::Nothing));
            }
            let n = take.min(available);
            self.skip(n, chunk);
            if n < take {
                self.grant.end = Some(take - n);
                // Behind the unread bytes there may be more in the chunk.
                return Ok(if n == 0 { Some(Found::Nothing) } else { None });
            }
            self.grant.end = None;
            return self.end_frame(self.buffer.gathered_len(), Found::Frame);
        }
        Ok(None)
    }

    /// The frame at the start of the unread bytes, if it is whole and breaks no rule, is gathered.
    #[inline]
    fn gather_whole(&mut self, max: usize) -> bool {
        let Some(whole) = self.law.whole(&mut self.state, self.buffer.unread()) else {
            return false;
        };
        let len = whole.end - whole.start;
        if len > self.whole_limit.min(max) || (len as u64) < self.rules.min_frame {
            return false;
        }
        if self.rules.max_empty.is_some() {
            if len == 0 {
                return false;
            }
            self.empties = 0;
        }
        self.buffer.skip(whole.start);
        self.buffer.gather(len);
        self.buffer.skip(whole.next - whole.end);
        self.frame_at = self.position;
        self.position += whole.next as u64;
        true
    }

    /// The law needs `n` bytes together: brings bytes of the chunk behind the unread ones. Whether they are there now.
    fn collect(&mut self, n: usize, chunk: &mut &[u8]) -> Result<bool, DecodeError> {
        let unread = self.buffer.unread_len();
        self.missing = n.saturating_sub(unread);
        if chunk.is_empty() {
            return if n > self.buffer.capacity() && unread > 0 { Err(self.stop(self.no_room(n))) } else { Ok(false) };
        }
        let brought = self.buffer.push(chunk.get(..self.missing).unwrap_or(chunk), 0);
        take_front(chunk, brought);
        self.missing = self.missing.saturating_sub(brought);
        if self.missing > 0 && (brought == 0 || n > self.buffer.capacity()) {
            return Err(self.stop(self.no_room(n)));
        }
        Ok(self.missing == 0)
    }

    /// Takes `n` bytes of the unread ones, or else of the chunk, that carry nothing.
    #[inline]
    fn skip(&mut self, n: usize, chunk: &mut &[u8]) {
        self.position += n as u64;
        if self.buffer.unread_len() > 0 {
            self.buffer.skip(n);
        } else {
            take_front(chunk, n);
        }
    }

    /// The frame at hand is complete: what to deliver, `whole` with `len` bytes of payload unless it was streamed or dropped.
    fn end_frame(&mut self, len: usize, whole: Found) -> Result<Option<Found>, DecodeError> {
        let phase = core::mem::replace(&mut self.phase, Phase::Between);
        if phase == Phase::Discarding {
            self.empties = 0;
            return Ok(None);
        }
        let len = self.delivered + len as u64;
        self.empties = if len == 0 { self.empties.saturating_add(1) } else { 0 };
        if let Some(limit) = self.rules.max_empty
            && self.empties > limit
        {
            return Err(self.stop(DecodeErrorKind::EmptyFlood { limit }));
        }
        if phase != Phase::Gathering {
            return Ok(Some(Found::End));
        }
        if len < self.rules.min_frame {
            self.buffer.drop_gathered();
            let kind = DecodeErrorKind::TooShort { len, min: self.rules.min_frame };
            return Err(self.skipping(kind));
        }
        Ok(Some(whole))
    }

    /// The frame at hand is longer than may be delivered whole. What begins instead, if it is to be streamed.
    fn too_long(&mut self, len: Option<u64>) -> Result<Option<Found>, DecodeError> {
        let limit = self.max_frame;
        match self.rules.oversize {
            Oversize::Stream if len.is_none_or(|len| len <= limit) => {
                self.phase = Phase::Spilling;
                Ok(Some(Found::Begin(len)))
            }
            Oversize::Skip => {
                self.phase = Phase::Discarding;
                self.buffer.drop_gathered();
                Err(self.skipping(DecodeErrorKind::TooLong { len, limit }))
            }
            Oversize::Stream | Oversize::Fail => Err(self.stop(DecodeErrorKind::TooLong { len, limit })),
        }
    }

    /// Counts a piece of `n` bytes, or of as many as the limit lets through. A streamed frame whose header said no length may
    /// turn out too long.
    #[inline]
    fn deliver(&mut self, n: usize) -> Result<usize, DecodeError> {
        let n = usize::try_from(self.max_frame.saturating_sub(self.delivered)).map_or(n, |left| n.min(left));
        if n == 0 {
            return Err(self.stop(DecodeErrorKind::TooLong { len: None, limit: self.max_frame }));
        }
        self.delivered += n as u64;
        Ok(n)
    }

    /// Takes note of whether the bytes that a step takes may be payload after all. Only a law with trailers holds bytes back.
    #[inline]
    fn count_held(&mut self, step: Step) {
        match step {
            _ if L::SUFFIX == 0 => {}
            Step::Skip(n) => self.held = self.held.saturating_add(n),
            Step::Byte { .. } => {}
            _ => self.held = 0,
        }
    }

    /// Space to keep free before the unread bytes, for what is held to join the payload.
    #[inline]
    fn slack(&self) -> usize {
        if self.phase == Phase::Gathering { self.held.min(L::SUFFIX) } else { 0 }
    }

    fn no_room(&self, need: usize) -> DecodeErrorKind {
        DecodeErrorKind::HeaderTooLong { need, capacity: self.buffer.capacity() }
    }

    fn skipping(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { kind, offset: self.frame_at, recovery: Recovery::Skips }
    }

    #[cold]
    fn stop(&mut self, kind: DecodeErrorKind) -> DecodeError {
        self.phase = Phase::Stopped;
        self.buffer.drop_gathered();
        DecodeError { kind, offset: self.frame_at, recovery: Recovery::Stops }
    }
}

/// Finding and lending in two steps: between the two an adapter may learn that it must read first, and a reference to a frame
/// that was not there would keep the decoder borrowed.
impl<L: Framing, S: Storage> Decoder<L, S> {
    /// What comes next of what was committed.
    #[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
    #[inline]
    pub(crate) fn find(&mut self) -> Result<Found, DecodeError> {
        self.advance(&mut &[][..], usize::MAX)
    }

    /// What the end of the stream means, after all that was committed.
    pub(crate) fn find_end(&mut self) -> Result<FoundEnd, DecodeError> {
        match self.advance(&mut &[][..], usize::MAX)? {
            Found::Nothing => {}
            found => return Ok(FoundEnd::Last(found)),
        }
        let unread = self.buffer.unread_len() as u64;
        Ok(match self.phase {
            Phase::Stopped => FoundEnd::Stopped,
            Phase::Between if unread == 0 => FoundEnd::Clean,
            _ if unread == 0 && self.law.ends_at_end_of_stream() => {
                self.state = L::State::default();
                match self.end_frame(self.buffer.gathered_len(), Found::Frame)? {
                    None => FoundEnd::Clean,
                    Some(found) => FoundEnd::Last(found),
                }
            }
            Phase::Between => FoundEnd::Truncated { have: unread, need: None },
            _ => FoundEnd::Truncated { have: self.position - self.frame_at + unread, need: self.frame_len },
        })
    }

    /// What was found, where nothing was done since, and what the law remembers of the frame.
    #[inline]
    pub(crate) fn lend(&mut self, found: Found) -> Option<(Event<'_>, &L::State)> {
        let event = match found {
            // Nothing of the chunk: there was none.
            Found::Nothing | Found::Chunk(_) | Found::ChunkFrame { .. } => return None,
            Found::Frame => Event::Frame(self.buffer.take_gathered(usize::MAX)),
            Found::Begin(len) => Event::Begin { len },
            Found::Gathered(n) => Event::Chunk(self.buffer.take_gathered(n)),
            Found::Unread(n) => Event::Chunk(self.buffer.take_unread(n)),
            Found::Byte => Event::Chunk(&self.byte),
            Found::End => Event::End,
        };
        Some((event, &self.state))
    }
}

impl Grant {
    #[inline]
    fn is_empty(&self) -> bool {
        self.byte.is_none() && self.data == 0 && self.end.is_none()
    }
}

/// Takes a frame of `data` bytes off `chunk`, and the `take` bytes of framing behind it.
#[inline]
fn take_frame<'c>(chunk: &mut &'c [u8], data: usize, take: usize) -> &'c [u8] {
    let payload = take_front(chunk, data);
    take_front(chunk, take);
    payload
}

/// Takes the first `n` bytes (or all, if there are fewer) off `chunk`.
#[inline]
fn take_front<'c>(chunk: &mut &'c [u8], n: usize) -> &'c [u8] {
    let (front, rest) = chunk.split_at_checked(n).unwrap_or((*chunk, &[]));
    *chunk = rest;
    front
}
