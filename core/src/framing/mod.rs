//! The laws: where a frame begins and where it ends.
//!
//! A law is a small type that implements [`Framing`]. Decoder, encoder, sessions and adapters know only the trait, so a
//! law of your own has everything that the built-in ones have. A law never stores payload: it looks at the bytes that come
//! next and says what they are, one [`Step`] at a time; the decoder moves, keeps or lends them.
//!
//! # A law of your own
//!
//! A radio whose packets are `0xA5`, a length byte, the payload:
//!
//! ```
//! use framewright::framing::{Framing, Step, Tail};
//! use framewright::{Decoder, EncodeError, Encoder, Malformed};
//!
//! #[derive(Clone, Copy, Debug, Default)]
//! struct Radio;
//!
//! impl Framing for Radio {
//!     type State = Option<usize>; // payload bytes still to come
//!     const PREFIX: usize = 2;
//!
//!     fn step(&self, left: &mut Option<usize>, input: &[u8]) -> Result<Step, Malformed> {
//!         match (*left, input) {
//!             (None, [0xA5, len, ..]) => {
//!                 *left = Some(usize::from(*len));
//!                 Ok(Step::Begin { take: 2, len: u64::from(*len) })
//!             }
//!             (None, [0xA5] | []) => Ok(Step::Need(2)),
//!             (None, _) => Err(Malformed::Other("a packet starts with A5")),
//!             (Some(n), _) if n <= input.len() => {
//!                 *left = None;
//!                 Ok(Step::End { data: n, take: 0 })
//!             }
//!             (Some(n), _) => {
//!                 *left = Some(n - input.len());
//!                 Ok(if input.is_empty() { Step::Need(1) } else { Step::Data(input.len()) })
//!             }
//!         }
//!     }
//!
//!     fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
//!         let len = len.ok_or(EncodeError::LengthRequired)?;
//!         let byte = u8::try_from(len).map_err(|_| EncodeError::TooLong { len, max: 255 })?;
//!         out.put(&[0xA5, byte])
//!     }
//! }
//!
//! let mut encoder = Encoder::new(Radio, [0; 64]);
//! encoder.push(b"ping").unwrap();
//! assert_eq!(encoder.pending(), b"\xA5\x04ping");
//!
//! let mut decoder = Decoder::new(Radio, [0; 255]);
//! let mut chunk: &[u8] = b"\xA5\x04ping\xA5\x04po"; // one and a half
//! assert_eq!(decoder.next(&mut chunk).unwrap(), Some(&b"ping"[..]));
//! assert_eq!(decoder.next(&mut chunk).unwrap(), None);
//! let mut chunk: &[u8] = b"ng"; // the other half
//! assert_eq!(decoder.next(&mut chunk).unwrap(), Some(&b"pong"[..]));
//! ```

#[cfg(target_pointer_width = "64")]
mod blocks;
mod cobs;
mod delimited;
#[cfg(feature = "json")]
pub(crate) mod json_header;
mod length_prefix;
mod lines;
mod netstring;
mod raw;
mod search;
mod slip;
mod strict_lines;
mod varint;

pub use cobs::{Cobs, CobsState};
pub use delimited::Delimited;
#[cfg(feature = "json")]
pub use json_header::{ByteOrder, ContentHeader, JsonHeader, JsonHeaderState, MAX_ENCODING, MAX_TYPE};
pub use length_prefix::{BigEndian, Endian, LengthPrefix, LittleEndian, PrefixState, U32};
pub use lines::{Lines, LinesState};
pub use netstring::{Netstring, NetstringState};
pub use raw::Raw;
pub use slip::{Slip, SlipState};
pub use strict_lines::{LineEnding, StrictLines, StrictLinesState};
pub use varint::Varint;

use core::fmt::Debug;
use core::ops::Range;

#[cfg(target_pointer_width = "64")]
pub(crate) use blocks::{BLOCK, are_few_without, places, places_in_few};
#[cfg(target_pointer_width = "64")]
pub(crate) use search::find_far;
use search::{find, find_either, zero_bytes};

use crate::buffer::{SHORT_WAYS, copy, copy_short};
use crate::error::{EncodeError, Malformed};

/// A law that cuts a byte stream into frames, and wraps payloads into frames.
///
/// # What `step` must keep
///
/// - It is given the bytes that come next in the stream: those behind everything that it took in earlier steps. There may be
///   none. The same bytes come again until a step takes them.
/// - A step takes the bytes that it reports, and moves `state` past them. A step that takes none must change `state`.
/// - [`Step::Need`] takes nothing and leaves `state` as it was. It is meant for headers: in the middle of a payload a law
///   remembers what it saw in its `state` instead, because the decoder's storage may be full of payload.
/// - After [`Step::End`] the next step begins a frame.
pub trait Framing {
    /// What the law remembers between two steps. The default stands at the start of a stream.
    type State: Clone + Debug + Default;

    /// The most bytes that [`prefix`](Self::prefix) writes.
    const PREFIX: usize;

    /// The most bytes that [`suffix`](Self::suffix) writes, and that follow a payload; exactly so many follow one whose length a
    /// [`Step::Begin`] says. A decoder keeps as much of its storage free for them.
    const SUFFIX: usize = 0;

    /// Whether a frame is a header, which [`step`](Self::step) answers with [`Step::Begin`], and then as many payload bytes as that
    /// says, as they stand, and nothing else. The decoder then counts the payload itself, and asks `step` for headers only, which must
    /// answer [`Step::Need`], [`Step::Begin`] or an error. It is faster, smaller, and less to write.
    const COUNTED: bool = false;

    /// Where frames are [counted](Self::COUNTED): the fewest bytes that a header has. A decoder asks about no fewer.
    const LEAST_HEADER: usize = 1;

    /// Says what the next bytes are.
    ///
    /// # Errors
    /// The bytes break the law. The decoder then stops until it is reset.
    fn step(&self, state: &mut Self::State, input: &[u8]) -> Result<Step, Malformed>;

    /// The header at the start of `input` as a number, where frames are [counted](Self::COUNTED), every header has
    /// [`PREFIX`](Self::PREFIX) bytes, and the number alone says what [`step`](Self::step) makes of it, which leaves the state as it is.
    ///
    /// This is a shortcut for speed: what a header means is remembered for the next frame. `None` is always right, and is the default.
    #[inline(always)]
    fn header(&self, input: &[u8]) -> Option<u32> {
        let _ = input;
        None
    }

    /// The byte that ends every frame, of a law whose frames are some bytes without it, then this byte. A decoder may then look for it
    /// itself, far ahead, and ask [`payload`](Self::payload) instead of [`step`](Self::step), which sees such a frame only if it is
    /// too long, or otherwise unusual, and as late as that is known. It must be the same byte at any time.
    ///
    /// This is a shortcut for speed; `None` is always right, and is the default.
    #[inline(always)]
    fn delimiter(&self) -> Option<u8> {
        None
    }

    /// The payload of a frame that has these bytes before its [`delimiter`](Self::delimiter): the first of them. Must agree with
    /// [`step`](Self::step); `None` where only that can tell. The default is all of them.
    #[inline(always)]
    fn payload<'f>(&self, before: &'f [u8]) -> Option<&'f [u8]> {
        Some(before)
    }

    /// The frame at the start of `input`, where one lies there whole and is payload as it stands, between a header and a
    /// trailer. Called only between frames.
    ///
    /// This is a shortcut for speed, and must agree with [`step`](Self::step); `None` is always right, and is the default. An
    /// answer takes the bytes up to [`Whole::next`], unless a rule of the decoder is about this frame: then the answer counts for nothing,
    /// and the same bytes go through `step`. So it must not change what the law remembers, and it is not given its state: it must leave
    /// the law as if the frame had never been. The default is `None` where there is no [`delimiter`](Self::delimiter).
    #[inline]
    fn whole(&self, input: &[u8]) -> Option<Whole> {
        let at = find(self.delimiter()?, input)?;
        Some(Whole { start: 0, end: self.payload(input.get(..at)?)?.len(), next: at + 1 })
    }

    /// As many steps at once as `input` and `out` have room for, of a law whose payloads do not stand in the stream as they are
    /// ([`VERBATIM`](Self::VERBATIM) is `false`): takes bytes of one frame from the front of `input`, and writes their payload to the
    /// front of `out`. It moves `state` as the same steps would have. What is in `out` behind the payload counts for nothing, before and
    /// after: a run may use it.
    ///
    /// This too is a shortcut for speed, and must agree with [`step`](Self::step), which sees what is left: bytes between frames,
    /// errors, payload without room. To take nothing, and change nothing, is always right, and is the default.
    #[inline(always)]
    fn run(&self, state: &mut Self::State, input: &[u8], out: &mut [u8]) -> Run {
        let _ = (state, input, out);
        Run::default()
    }

    /// [`run`](Self::run) where input and payload lie in one slice: `bytes[payload]` was gathered of the frame, and ends before
    /// `bytes[read..]`, the input, begins; where nothing was, `payload` is empty. It may grow to `most` bytes, and never overtakes the
    /// input that is left; an empty one may be put elsewhere before it grows.
    ///
    /// It is used where there is less room between the two than input. The default lets `run` write there what it can.
    #[inline(always)]
    fn run_in_place(
        &self,
        state: &mut Self::State,
        bytes: &mut [u8],
        read: usize,
        payload: &mut Range<usize>,
        most: usize,
    ) -> Run {
        run_between(self, state, bytes, read, payload, most)
    }

    /// Whether the end of the stream ends the frame that has begun, as for a last line without its LF.
    fn ends_at_end_of_stream(&self) -> bool {
        false
    }

    /// Writes what stands before a payload of `len` bytes; `None` where the length is not known yet.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`], [`EncodeError::TooShort`] or [`EncodeError::LengthRequired`] where the header cannot say the length;
    /// [`EncodeError::Full`] from `out`.
    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError>;

    /// Whether a payload is written as it stands, as the default [`body`](Self::body) does. A law with a `body` of its own says
    /// `false`.
    const VERBATIM: bool = true;

    /// The most bytes that are [held](Tail::hold) between two pieces of a payload. An encoder that streams must have as many beyond
    /// what a piece needs, or nothing moves.
    const HELD: usize = 0;

    /// Writes as much of (a piece of) a payload as fits into `out`, and says how many bytes of it that was.
    #[inline]
    fn body(&self, payload: &[u8], out: &mut Tail<'_>) -> usize {
        let n = payload.len().min(out.room());
        let piece = payload.get(..n).unwrap_or_default();
        // A piece of the room's length fits.
        let _ = out.put_payload(piece);
        n
    }

    /// The most bytes that `body` makes of `len` bytes of payload.
    #[inline]
    fn expansion(&self, len: usize) -> usize {
        len
    }

    /// Whether this framing can carry (this piece of) a payload. The default says yes.
    ///
    /// # Errors
    /// What it cannot carry, as [`EncodeError::ContainsDelimiter`].
    #[inline]
    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        let _ = payload;
        Ok(())
    }

    /// Writes what stands behind a payload. The default is nothing.
    ///
    /// # Errors
    /// [`EncodeError::Full`] from `out`.
    #[inline]
    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let _ = out;
        Ok(())
    }
}

/// The [`run`](Framing::run) of a law from the end of `bytes` to what is free before.
#[inline(always)]
pub(crate) fn run_between<L: Framing + ?Sized>(
    law: &L,
    state: &mut L::State,
    bytes: &mut [u8],
    read: usize,
    payload: &mut Range<usize>,
    most: usize,
) -> Run {
    if payload.start == payload.end {
        *payload = 0..0;
    }
    let Some((free, input)) = bytes.split_at_mut_checked(read) else { return Run::default() };
    let end = payload.start.saturating_add(most).min(free.len());
    let Some(out) = free.get_mut(payload.end..end) else { return Run::default() };
    let room = out.len();
    let run = law.run(state, input, out);
    payload.end += run.written.min(room);
    run
}

/// What the next bytes of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// Nothing can be said before at least this many bytes are here together, those given included.
    Need(usize),
    /// This many bytes stand between frames and belong to none. Only between frames.
    Idle(usize),
    /// This many bytes belong to the framing of a frame and carry nothing.
    Skip(usize),
    /// A frame begins whose header says its length.
    Begin {
        /// Bytes of the header (its last ones, where others were skipped before).
        take: usize,
        /// Bytes of payload to come.
        len: u64,
    },
    /// This many bytes are payload as they stand; more may follow.
    Data(usize),
    /// Some bytes stand for one byte of payload.
    Byte {
        /// How many.
        take: usize,
        /// The byte they stand for.
        value: u8,
    },
    /// The frame ends.
    End {
        /// Bytes that are payload as they stand, its last ones.
        data: usize,
        /// Bytes behind them that belong to the framing.
        take: usize,
    },
    /// The frame breaks the law, but its end can be found: its error is reported, and what the next steps say of it up to
    /// [`Step::End`] is dropped. A law that cannot find the end answers `Err` instead.
    Bad {
        /// Bytes of framing to take, besides.
        take: usize,
        /// What is wrong.
        what: Malformed,
    },
}

/// Where a frame lies in a slice: payload at `start..end`, the next frame from `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Whole {
    /// The first byte of the payload.
    pub start: usize,
    /// The byte behind the payload; `start <= end`.
    pub end: usize,
    /// The byte behind the frame; `end <= next`, and at least 1.
    pub next: usize,
}

/// What many steps at once have done; see [`Framing::run`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Run {
    /// Bytes that were taken of the input.
    pub take: usize,
    /// Bytes of payload that were written.
    pub written: usize,
    /// Where the frame ends with them: bytes of framing that follow in the input, not counted in `take`.
    pub end: Option<usize>,
}

/// The free end of an encoder's buffer, to be written from the front.
///
/// The last bytes written may be *held*: they are not sent yet, and can still be changed.
#[derive(Debug)]
pub struct Tail<'a> {
    buffer: &'a mut [u8],
    /// Where the tail begins.
    from: usize,
    /// Where what is written ends, of which the last `held` bytes are held: `from + held <= end <= buffer.len()`
    end: usize,
    held: usize,
}

impl<'a> Tail<'a> {
    /// A tail that fills `buffer` from its start.
    #[inline]
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self::resume(buffer, 0)
    }

    /// A tail behind the first `held` bytes of `buffer`, which are held.
    #[inline]
    pub(crate) fn resume(buffer: &'a mut [u8], held: usize) -> Self {
        let held = held.min(buffer.len());
        Self { buffer, from: 0, end: held, held }
    }

    /// The tail of `buffer` behind `end`, with the `held` bytes before it.
    #[inline]
    pub(crate) fn behind(buffer: &'a mut [u8], end: usize, held: usize) -> Self {
        debug_assert!(held <= end && end <= buffer.len(), "{held} > {end} > {}", buffer.len());
        Self { buffer, from: end - held, end, held }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`EncodeError::Full`] if they do not fit; nothing is written then.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let place = self.place(bytes.len())?;
        if SHORT_WAYS {
            copy_short(place, bytes);
        } else {
            // Of a few bytes, and known to the compiler how many, this is a store.
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// [`put`](Self::put) for bytes of which it is not known when compiled how many they are.
    #[inline]
    pub(crate) fn put_payload(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if SHORT_WAYS {
            return self.put(bytes);
        }
        copy(self.place(bytes.len())?, bytes);
        Ok(())
    }

    /// Place for `len` bytes, which count as written.
    #[inline(always)]
    fn place(&mut self, len: usize) -> Result<&mut [u8], EncodeError> {
        let room = self.room();
        let place = self.buffer.get_mut(self.end..).and_then(|free| free.get_mut(..len));
        match place {
            Some(place) => {
                self.end += len;
                Ok(place)
            }
            None => Err(EncodeError::Full { need: len, room }),
        }
    }

    /// From now on the last `n` bytes are held, and those before them can be sent.
    #[inline]
    pub fn hold(&mut self, n: usize) {
        self.held = n.min(self.written());
    }

    /// How many of the last bytes are held.
    #[inline]
    pub fn held(&self) -> usize {
        self.held
    }

    /// The held bytes.
    #[inline]
    pub fn held_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.end - self.held..self.end).unwrap_or_default()
    }

    /// Bytes that are free.
    #[inline]
    pub fn room(&self) -> usize {
        self.buffer.len() - self.end
    }

    /// Bytes written so far, those held from before included.
    #[inline]
    pub fn written(&self) -> usize {
        self.end - self.from
    }

    /// The same place with the last `keep` bytes left free.
    #[inline]
    pub(crate) fn shorten(self, keep: usize) -> Self {
        let len = self.buffer.len().saturating_sub(keep).max(self.end);
        Self { buffer: self.buffer.get_mut(..len).unwrap_or_default(), ..self }
    }
}

/// The bytes of storage without which a decoder or encoder of the law `L` could not handle one frame.
pub(crate) const fn least_storage<L: Framing>() -> usize {
    if L::COUNTED { L::LEAST_HEADER + L::SUFFIX } else { L::SUFFIX }
}

/// Counts payload of which `left` bytes are to come: a step inside it, or, where `input` has its end, how many bytes of it are
/// left.
#[inline]
fn counted(left: &mut u64, input: &[u8]) -> Result<Step, usize> {
    match usize::try_from(*left) {
        Ok(data) if data <= input.len() => Err(data),
        _ if input.is_empty() => Ok(Step::Need(1)),
        _ => {
            *left = left.saturating_sub(input.len() as u64);
            Ok(Step::Data(input.len()))
        }
    }
}

/// Writes `number` in decimal digits.
fn put_decimal(number: u64, out: &mut Tail<'_>) -> Result<(), EncodeError> {
    let mut digits = [0; 20];
    let (mut left, mut at) = (number, digits.len());
    for place in digits.iter_mut().rev() {
        let [digit, ..] = (left % 10).to_le_bytes();
        *place = b'0' + digit;
        left /= 10;
        at -= 1;
        if left == 0 {
            break;
        }
    }
    out.put_payload(digits.get(at..).unwrap_or_default())
}
