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
//! Each has a call for all frames at once, [`for_each`](Decoder::for_each) and [`pop_each`](Decoder::pop_each), which hands them to a closure. All
//! may be mixed on one stream.

mod counted;
mod each;
mod event;
mod lending;
mod offsets;
mod rules;
mod short;
mod stepped;

pub use event::{End, Event, Need, Oversize, Parts};
pub(crate) use event::{Found, FoundEnd};

use core::ops::Range;

use lending::{take_frame, take_front, take_piece};
use offsets::Offsets;
use rules::{Empties, Engine, Rules};
use short::{Ahead, Lent, Memo, Short};
use stepped::Grant;

use crate::buffer::{Buffer, SHORT_WAYS, Storage, may_hold};
use crate::error::DecodeError;
use crate::framing::{Framing, least_storage};

/// An incremental frame decoder for the law `L` over the storage `S`.
///
/// The storage bounds the payload of a frame that is delivered in one piece; see [`capacity`](Self::capacity). Its length
/// is all the memory that a decoder ever uses: nothing is reserved because of a length on the wire.
// On a small device fields stand in memory as they stand here: those that are zero at first lie together, with the storage, and one call
// clears them all; and so do those that `reset` clears. The small and the unknown are last, so that they fill holes.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_pointer_width = "64"), repr(C))]
pub struct Decoder<L: Framing, S> {
    rules: Rules,
    midway: Midway,
    buffer: Buffer<S>,
    offsets: Offsets,
    /// Empty frames in a row, where a rule counts them.
    empties: Empties,
    phase: Phase,
    /// Bytes of the header that is the first of what is unread, where it is known; then all of the frame is wanted.
    head: usize,
    /// The shortest payload that no rule looks at closer.
    least: usize,
    memo: Memo,
    /// The code that knows the rules, if anything was asked for.
    engine: Option<Engine<L, S>>,
    /// With fewer unread bytes than this nothing happens. At least 1 between frames; 0 where the law must be asked.
    wanted: usize,
    /// The longest payload that is delivered in one piece: `<= capacity`, `<= max_frame`.
    whole_limit: usize,
    law: L,
    state: L::State,
    /// Where the delimiters of frames are, for the short ways.
    ahead: Ahead,
}

/// What the frame at hand goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_pointer_width = "64"), repr(u32))]
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

/// What is known of a frame in the middle of it, unless it is of a counted law and fits.
#[derive(Clone, Copy, Debug)]
struct Midway {
    grant: Grant,
    /// Bytes of the frame with its header and trailer, where the header says so.
    frame_len: Option<u64>,
    /// Payload bytes that are still to come, of a counted law.
    left: u64,
    /// Payload bytes that were delivered in pieces.
    delivered: u64,
    /// Bytes that the law took last and that may be payload after all, as a CR before what is not an LF.
    held: usize,
    /// The one-byte piece that was delivered last: a byte that does not stand in the stream.
    byte: [u8; 1],
}

impl Midway {
    const NONE: Self = Self { grant: Grant::NONE, frame_len: None, left: 0, delivered: 0, held: 0, byte: [0] };
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// A decoder at the start of a stream. Frames up to [`capacity`](Self::capacity) are delivered; a longer one is an error.
    ///
    /// Storage in which no frame fits is refused as [`Storage`] says.
    pub fn new(law: L, storage: S) -> Self {
        const { assert!(may_hold::<S>(least_storage::<L>()), "this storage is too short for one frame of this law") }
        let buffer = Buffer::new(storage);
        let capacity = buffer.capacity();
        let whole_limit = capacity.saturating_sub(L::SUFFIX);
        let wanted = Self::least_wanted(&buffer);
        Self {
            buffer,
            offsets: Offsets::START,
            memo: Memo::NONE,
            rules: Rules::NONE,
            engine: None,
            midway: Midway::NONE,
            empties: Empties::NONE,
            phase: Phase::Between,
            head: 0,
            least: Self::least_usual(capacity, 0),
            wanted,
            whole_limit,
            law,
            state: L::State::default(),
            ahead: Ahead::default(),
        }
    }

    /// The next whole frame, from what was pushed before and then from `chunk`, which moves on behind what was taken. `None`
    /// when `chunk` is used up and ends inside a frame.
    ///
    /// The payload lies in `chunk` itself where the frame is whole in it, else in this decoder.
    ///
    /// What is left in `chunk` comes next in the stream, and the next call must begin with it: this decoder may have looked at it already.
    /// Who takes some of it by other means, as a body that follows a line, calls [`reset`](Self::reset) before the next frame.
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
    /// The stream breaks the law or a limit, reported once. After [`Recovery::Skips`](crate::Recovery::Skips) call again; after
    /// [`Recovery::Stops`](crate::Recovery::Stops) nothing more is taken or delivered, here or by any other method, until
    /// [`reset`](Self::reset).
    #[inline(always)]
    pub fn next<'s, 'c: 's>(&'s mut self, chunk: &mut &'c [u8]) -> Result<Option<&'s [u8]>, DecodeError> {
        if SHORT_WAYS && L::COUNTED {
            // The same as in `short`, but each way leads out of here by itself: where they join first, a row takes a
            // third more instructions.
            let bytes = *chunk;
            if self.offsets.is_open_chunk(bytes.len()) {
                if let Some(payload) = self.row(chunk, usize::MAX) {
                    return Ok(Some(payload));
                }
                if self.keep_cut(bytes) {
                    *chunk = &[];
                    return Ok(None);
                }
            } else if self.is_short(bytes) {
                if self.keep_more(bytes) {
                    *chunk = &[];
                    return Ok(None);
                }
            } else if let Some(len) = self.complete::<false>(chunk, usize::MAX) {
                return Ok(self.buffer.get_taken(self.buffer.last(len)));
            }
        } else {
            match self.short(chunk, usize::MAX) {
                Short::Chunk(payload) => return Ok(Some(payload)),
                Short::Buffer(range) => return Ok(self.buffer.get(range)),
                Short::Nothing => return Ok(None),
                Short::Unusual => {}
            }
        }
        // By value: a chunk whose address is known elsewhere could not stay in registers.
        let bytes = *chunk;
        let (payload, left) = if SHORT_WAYS && L::COUNTED { self.next_settled(bytes) } else { self.next_slow(bytes) };
        *chunk = bytes.get(bytes.len() - left..).unwrap_or_default();
        payload
    }

    /// [`next`](Self::next) from what was pushed or committed before.
    ///
    /// # Errors
    /// As `next`.
    #[inline(always)]
    pub fn pop(&mut self) -> Result<Option<&[u8]>, DecodeError> {
        if !SHORT_WAYS && L::COUNTED {
            return match self.engine {
                None => self.pop_counted(),
                Some(engine) => (engine.next_frame)(self, &[]).0,
            };
        }
        if SHORT_WAYS && L::COUNTED {
            if let Some((head, len)) = self.row_in_buffer() {
                return Ok(Some(self.buffer.take_payload(head, len)));
            }
            return if self.must_wait() { Ok(None) } else { self.pop_settled() };
        }
        match self.short_in_buffer(usize::MAX) {
            Short::Buffer(range) => Ok(self.buffer.get(range)),
            Short::Nothing => Ok(None),
            Short::Chunk(_) | Short::Unusual => self.next_slow(&[]).0,
        }
    }

    /// [`next`](Self::next) from one byte, as an interrupt handler has it. It takes the byte, also when the answer is an
    /// error; so what was pushed by other methods must be popped first.
    ///
    /// # Errors
    /// As `next`.
    #[inline(always)]
    pub fn push_byte(&mut self, byte: u8) -> Result<Option<&[u8]>, DecodeError> {
        match self.short_of_byte(byte) {
            (_, Short::Nothing) => Ok(None),
            (_, Short::Buffer(range)) => Ok(self.buffer.get(range)),
            // Taken, but more is to be said of it.
            (true, _) => self.next_slow(&[]).0,
            (false, _) => self.push_byte_slow(byte),
        }
    }

    /// The next event, from what was pushed before and then from `chunk`, which moves on behind what was taken. `None` when
    /// all is used up.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub fn next_event<'s, 'c: 's>(&'s mut self, chunk: &mut &'c [u8]) -> Result<Option<Event<'s>>, DecodeError> {
        self.next_event_within(chunk, usize::MAX)
    }

    /// [`next_event`](Self::next_event) for a caller with room for `max` bytes (0 counts as 1): a longer chunk is delivered
    /// in parts, and a longer whole frame not yet. The answer to that is `None`, and the frame stays where it is: in `chunk`, which
    /// is not used up then, or in this decoder, where [`unread`](Self::unread) or [`is_waiting`](Self::is_waiting) tells.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub fn next_event_within<'s, 'c: 's>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<Event<'s>>, DecodeError> {
        if SHORT_WAYS && !L::VERBATIM {
            if self.whole_limit == 0 {
                match self.short_all_streamed(chunk, max.max(1)) {
                    Lent::Nothing => return Ok(None),
                    Lent::Event(event) => return Ok(Some(event)),
                    Lent::Gathered(n) => return Ok(Some(Event::Chunk(self.buffer.take_gathered(n)))),
                    Lent::Unusual => {}
                }
            }
            // By value, as in `next`.
            let bytes = *chunk;
            let (event, left) = self.event_slow(bytes, max);
            *chunk = bytes.get(bytes.len() - left..).unwrap_or_default();
            return event;
        }
        Ok(self.next_event_and_state(chunk, max)?.map(|(event, _)| event))
    }

    /// [`next_event_within`](Self::next_event_within), with what the law remembers of the frame: a header that says more than the
    /// length.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub fn next_event_and_state<'s, 'c: 's>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<(Event<'s>, &'s L::State)>, DecodeError> {
        self.event_and_state::<false>(chunk, max)
    }

    /// The same; with `SURELY` there are rules, and code for a decoder without is not needed.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub(crate) fn event_and_state<'s, 'c: 's, const SURELY: bool>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<(Event<'s>, &'s L::State)>, DecodeError> {
        let max = max.max(1);
        let payload = match self.short(chunk, max) {
            Short::Nothing => return Ok(None),
            Short::Chunk(payload) => payload,
            Short::Buffer(range) => self.lent(range).unwrap_or_default(),
            Short::Unusual => {
                // Another: a chunk whose address is known elsewhere could not stay in registers.
                let mut rest = *chunk;
                let event = self.unusual_event::<SURELY>(&mut rest, max);
                *chunk = rest;
                return event;
            }
        };
        Ok(Some((Event::Frame(payload), &self.state)))
    }

    /// The next frame and what the law remembers of it, if a short way leads to one of at most `max` bytes. What comes next if not is
    /// for [`unusual_event`](Self::unusual_event).
    #[inline(always)]
    pub(crate) fn short_frame<'s, 'c: 's>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Option<(&'s [u8], &'s L::State)> {
        let payload = match self.short(chunk, max) {
            Short::Nothing | Short::Unusual => return None,
            Short::Chunk(payload) => payload,
            Short::Buffer(range) => self.lent(range)?,
        };
        Some((payload, &self.state))
    }

    /// The payload to which a short way led: with the least checks that there are, after those made before.
    #[inline(always)]
    fn lent(&self, range: Range<usize>) -> Option<&[u8]> {
        if L::COUNTED { self.buffer.get_taken(range) } else { self.buffer.get(range) }
    }

    /// [`event_and_state`](Self::event_and_state) by the way that is right for everything.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline)]
    pub(crate) fn unusual_event<'s, 'c: 's, const SURELY: bool>(
        &'s mut self,
        chunk: &mut &'c [u8],
        max: usize,
    ) -> Result<Option<(Event<'s>, &'s L::State)>, DecodeError> {
        match self.short_streamed(chunk, max) {
            Lent::Nothing => return Ok(None),
            Lent::Event(event) => return Ok(Some((event, &self.state))),
            Lent::Gathered(n) => return Ok(Some((Event::Chunk(self.buffer.take_gathered(n)), &self.state))),
            Lent::Unusual => {}
        }
        let event = match self.proceed::<SURELY>(chunk, max)? {
            Found::Nothing => return Ok(None),
            Found::Gathered => Event::Frame(self.buffer.take_gathered(usize::MAX)),
            Found::Unread(n) => Event::Frame(self.buffer.take_unread(n)),
            Found::Chunk { data, take } => Event::Frame(take_frame(chunk, data, take)),
            Found::Begin(len) => Event::Begin { len },
            Found::Piece(piece) => Event::Chunk(take_piece(&mut self.buffer, &self.midway.byte, piece, chunk)),
            Found::End => Event::End,
        };
        Ok(Some((event, &self.state)))
    }

    /// Free storage to read into, behind what was pushed. Empty when it must be popped first, or when the stream has stopped.
    ///
    /// What is unread is moved to the front when there is less room than the frame at hand still needs, and on a small device always.
    #[inline]
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.phase == Phase::Stopped {
            return &mut [];
        }
        if L::COUNTED {
            return self.buffer.spare_behind(self.wanted);
        }
        if SHORT_WAYS && self.phase == Phase::Between && self.wanted <= 1 {
            return self.buffer.spare_mut((self.buffer.capacity() / 4).max(1), 0);
        }
        let (Need::AtLeast(n) | Need::Exactly(n)) = self.need();
        let missing = usize::try_from(n).unwrap_or(usize::MAX);
        self.buffer.spare_mut(missing.max(self.buffer.capacity() / 4), self.slack())
    }

    /// Says that the first `n` bytes of [`spare_mut`](Self::spare_mut) were filled.
    #[inline]
    pub fn commit(&mut self, n: usize) {
        let unread = self.buffer.unread_len();
        self.buffer.commit(n);
        self.grow(self.buffer.unread_len() - unread, unread);
    }

    /// Copies as many of `bytes` as fit into the storage, and says how many. The rest must be pushed again after popping.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        if self.phase == Phase::Stopped {
            return 0;
        }
        let n = self.buffer.push(bytes, self.slack());
        self.grow(n, self.buffer.unread_len() - n);
        n
    }

    /// Says what the end of the stream means. Call when no byte will follow and everything was popped; while it answers
    /// [`End::Last`], call again.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn finish(&mut self) -> Result<End<'_>, DecodeError> {
        self.finish_by::<false>()
    }

    #[inline]
    pub(crate) fn finish_by<const SURELY: bool>(&mut self) -> Result<End<'_>, DecodeError> {
        Ok(match self.find_end::<SURELY>()? {
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
        self.offsets = Offsets::START;
        self.empties = Empties::NONE;
        self.begin_anew();
        if L::COUNTED {
            // All else of it is said anew by the next header.
            self.midway.delivered = 0;
        } else {
            self.midway = Midway::NONE;
        }
    }

    /// How many bytes this decoder waits for, beyond what was pushed.
    pub fn need(&self) -> Need {
        let len = match self.phase {
            Phase::Between if L::COUNTED => self.announced(),
            Phase::Between | Phase::Spilling | Phase::Stopped => None,
            Phase::Gathering | Phase::Streaming | Phase::Discarding => self.frame_len(),
        };
        let Some(len) = len else {
            return Need::AtLeast(self.wanted.saturating_sub(self.buffer.unread_len()).max(1) as u64);
        };
        let taken = if self.phase == Phase::Between { 0 } else { self.offsets.taken() };
        let have = taken.saturating_add(self.buffer.unread_len() as u64);
        match len.saturating_sub(have) {
            0 => Need::AtLeast(1),
            left => Need::Exactly(left),
        }
    }

    /// The longest payload that fits this storage, in bytes: the storage, less what the law needs free behind a payload.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity().saturating_sub(L::SUFFIX)
    }

    /// How many bytes of the stream were taken: the offset of the next one.
    pub fn position(&self) -> u64 {
        self.offsets.position(self.buffer.unread_len())
    }

    /// How many bytes were pushed or committed and are not taken yet.
    pub fn unread(&self) -> usize {
        self.buffer.unread_len()
    }

    /// Whether a frame or piece is ready here that was longer than the caller had room for.
    pub fn is_waiting(&self) -> bool {
        if L::COUNTED { self.is_counted_waiting() } else { self.is_granted_waiting() }
    }

    /// Where the frame at hand, or the one delivered last, began: bytes since the start of the stream.
    pub fn frame_offset(&self) -> u64 {
        self.offsets.frame(self.buffer.unread_len())
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
        let offset = self.position();
        let (storage, unread) = self.buffer.into_parts();
        Parts { law: self.law, storage, unread, offset }
    }

    /// Goes on until there is something to deliver, knowing the rules if there are any.
    #[inline]
    fn proceed<const SURELY: bool>(&mut self, chunk: &mut &[u8], max: usize) -> Result<Found, DecodeError> {
        match self.engine {
            _ if SURELY => self.advance::<true>(chunk, max),
            None => self.advance::<false>(chunk, max),
            Some(engine) => (engine.advance)(self, chunk, max),
        }
    }

    #[inline]
    fn advance<const RULED: bool>(&mut self, chunk: &mut &[u8], max: usize) -> Result<Found, DecodeError> {
        if L::COUNTED { self.advance_counted::<RULED>(chunk, max) } else { self.advance_stepped::<RULED>(chunk, max) }
    }

    /// `n` bytes were put behind those that were unread.
    #[inline(always)]
    fn grow(&mut self, n: usize, unread: usize) {
        self.offsets.grow(n, unread);
        if !L::COUNTED {
            self.ahead.grow(n);
        }
    }

    /// Between frames.
    #[inline]
    fn begin_anew(&mut self) {
        self.phase = Phase::Between;
        if SHORT_WAYS {
            self.head = 0;
        }
        self.wanted = Self::least_wanted(&self.buffer);
    }

    /// The shortest payload that no rule looks at closer, if `asked` is the shortest that rules allow: none, where a header may be longer
    /// than the storage, because then what comes whole must be refused like what is cut.
    #[inline(always)]
    fn least_usual(capacity: usize, asked: usize) -> usize {
        if capacity < L::PREFIX { usize::MAX } else { asked }
    }

    /// How many bytes there must be for a law to say anything between two frames. A storage that cannot hold a header is not waited for.
    #[inline(always)]
    fn least_wanted(buffer: &Buffer<S>) -> usize {
        if L::COUNTED { L::LEAST_HEADER.min(buffer.capacity()).max(1) } else { 1 }
    }

    /// Bytes of the frame at hand with its header and trailer, where the header says so.
    fn frame_len(&self) -> Option<u64> {
        if L::COUNTED { self.counted_len() } else { self.midway.frame_len }
    }
}
