//! What the blocking and the async adapters share: everything but the calls that read and write.
//!
//! An [`Incoming`] is a decoder and the end of its stream, an [`Outbox`] an encoder and the frame that goes past it.
//! Both say what the adapter is to do next, and are told what came of it; so what is in them is never in the middle of
//! something when an adapter stops between the two, be it for an error or because its future was dropped.

use core::fmt;

use crate::buffer::Storage;
use crate::decoder::{Decoder, Event, Found, FoundEnd};
use crate::encoder::Encoder;
use crate::error::{DecodeError, EncodeError};
use crate::framing::Framing;
use crate::outgoing::Outgoing;

/// Why there is no next frame; `E` is the reader's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReadError<E> {
    /// The reader failed. What came before is kept, so if that passes (no byte in time, for example) call again.
    Io(E),
    /// The stream breaks its framing's law or a limit. After [`Recovery::Skips`](crate::Recovery::Skips) call again.
    Frame(DecodeError),
    /// The stream ended inside a frame. Reported once; then the stream is at its end.
    Truncated {
        /// Bytes of this frame that came, its header included.
        have: u64,
        /// Bytes that it has in all, where its header came and says so.
        need: Option<u64>,
    },
    /// An error that was reported before stopped the stream.
    Stopped,
    /// The decoder's storage cannot hold a byte more, and no frame is ready: it has no bytes at all.
    NoRoom,
}

/// Why a frame was not written; `E` is the writer's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WriteError<E> {
    /// The writer failed. What was asked for was taken, and what was not written of it is kept: if the failure passes
    /// call `flush`, and do not ask again.
    Io(E),
    /// The writer failed at what was left from before, so that there was no room for what was asked for. Nothing of it
    /// was taken: if the failure passes ask again.
    Busy(E),
    /// The writer takes no bytes, and did not say why.
    WriteZero,
    /// The frame cannot be encoded. Nothing of it was written.
    Frame(EncodeError),
}

/// A decoder, and whether more will come.
#[derive(Clone, Debug)]
pub(crate) struct Incoming<L: Framing, S> {
    pub(crate) decoder: Decoder<L, S>,
    source: Source,
}

/// Where the bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// More may come.
    Flowing,
    /// The reader said that it was the end.
    Ended,
    /// And that was inside a frame, which was reported.
    Reported,
}

/// What is to be done for the next frame or event.
pub(crate) enum Next {
    /// Lend this.
    Lend(Found),
    /// Read.
    Read,
    /// Nothing more will come: see what the end means.
    End,
}

/// An event with what the law remembers of its frame; `None` at the end of the stream.
pub(crate) type Lent<'d, L> = Option<(Event<'d>, &'d <L as Framing>::State)>;

/// A whole frame likewise.
pub(crate) type LentFrame<'d, L> = Option<(&'d [u8], &'d <L as Framing>::State)>;

impl<L: Framing, S: Storage> Incoming<L, S> {
    pub(crate) const fn new(decoder: Decoder<L, S>) -> Self {
        Self { decoder, source: Source::Flowing }
    }

    /// What is to be done for the next event.
    #[inline]
    pub(crate) fn next_event<E>(&mut self) -> Result<Next, ReadError<E>> {
        match self.decoder.find().map_err(ReadError::Frame)? {
            Found::Nothing if self.decoder.is_stopped() => Err(ReadError::Stopped),
            Found::Nothing if self.source == Source::Flowing => Ok(Next::Read),
            Found::Nothing => Ok(Next::End),
            found => Ok(Next::Lend(found)),
        }
    }

    /// What is to be done for the next whole frame; others are dropped.
    #[inline]
    pub(crate) fn next_frame<E>(&mut self) -> Result<Next, ReadError<E>> {
        loop {
            match self.next_event()? {
                Next::Lend(piece) if !matches!(piece, Found::Gathered | Found::Unread(_)) => {
                    self.decoder.lend(piece);
                }
                next => return Ok(next),
            }
        }
    }

    /// What was found, and what the law remembers of the frame.
    #[inline]
    pub(crate) fn lend(&mut self, found: Found) -> Lent<'_, L> {
        self.decoder.lend(found)
    }

    /// The last event, if the end of the stream makes one.
    pub(crate) fn end<E>(&mut self) -> Result<Lent<'_, L>, ReadError<E>> {
        if self.source == Source::Reported {
            return Ok(None);
        }
        match self.decoder.find_end::<false>().map_err(ReadError::Frame)? {
            FoundEnd::Last(found) => Ok(self.decoder.lend(found)),
            FoundEnd::Clean => Ok(None),
            FoundEnd::Truncated { have, need } => {
                self.source = Source::Reported;
                Err(ReadError::Truncated { have, need })
            }
            FoundEnd::Stopped => Err(ReadError::Stopped),
        }
    }

    /// Where to read to; not empty.
    #[inline]
    pub(crate) fn spare_mut<E>(&mut self) -> Result<&mut [u8], ReadError<E>> {
        match self.decoder.spare_mut() {
            [] => Err(ReadError::NoRoom),
            spare => Ok(spare),
        }
    }

    /// So many bytes came; none means the end.
    #[inline]
    pub(crate) fn came(&mut self, n: usize) {
        if n == 0 {
            self.source = Source::Ended;
        } else {
            self.decoder.commit(n);
        }
    }

    pub(crate) fn reset(&mut self) {
        self.decoder.reset();
        self.source = Source::Flowing;
    }
}

/// The frame in an event, for callers that take nothing else.
#[inline]
pub(crate) fn whole<'d, S>((event, state): (Event<'d>, &'d S)) -> Option<(&'d [u8], &'d S)> {
    match event {
        Event::Frame(payload) => Some((payload, state)),
        _ => None,
    }
}

/// An encoder, and the frame that goes past it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox<L, S> {
    pub(crate) encoder: Encoder<L, S>,
    past: Past,
}

/// The frame that is sent from where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    /// There is none.
    No,
    /// Some of it was sent; so many bytes were not. They come before what is in the encoder.
    Midway { left: usize },
}

impl<L: Framing, S: Storage> Outbox<L, S> {
    pub(crate) const fn new(encoder: Encoder<L, S>) -> Self {
        Self { encoder, past: Past::No }
    }

    /// The bytes to write next; empty when there are none.
    #[inline]
    pub(crate) fn pending<E>(&self) -> Result<&[u8], WriteError<E>> {
        match self.past {
            Past::No => Ok(self.encoder.pending()),
            Past::Midway { .. } => Err(WriteError::Frame(EncodeError::FrameOpen)),
        }
    }

    /// The writer took `n` of the pending bytes.
    #[inline]
    pub(crate) fn wrote<E>(&mut self, n: usize) -> Result<(), WriteError<E>> {
        if n == 0 {
            return Err(WriteError::WriteZero);
        }
        self.encoder.sent(n.min(self.encoder.pending().len()));
        Ok(())
    }

    /// What a failure means while [`encode`](Self::encode) says `false`.
    pub(crate) fn busy<E>(error: WriteError<E>) -> WriteError<E> {
        match error {
            WriteError::Io(error) => WriteError::Busy(error),
            other => other,
        }
    }

    /// Encodes something. `false`: when some of what is pending was written, again.
    #[inline]
    pub(crate) fn encode<E>(
        &mut self,
        encode: impl FnOnce(&mut Encoder<L, S>) -> Result<(), EncodeError>,
    ) -> Result<bool, WriteError<E>> {
        if self.past != Past::No {
            return Err(WriteError::Frame(EncodeError::FrameOpen));
        }
        match encode(&mut self.encoder) {
            Ok(()) => Ok(true),
            Err(EncodeError::Full { .. }) if !self.encoder.pending().is_empty() => Ok(false),
            Err(error) => Err(WriteError::Frame(error)),
        }
    }

    /// Encodes the front of `payload`, which moves on behind that. `true`: all of it. `false`: when some of what is
    /// pending was written, again.
    #[inline]
    pub(crate) fn encode_chunk<E>(&mut self, payload: &mut &[u8]) -> Result<bool, WriteError<E>> {
        if payload.is_empty() {
            return Ok(true);
        }
        let n = self.encoder.chunk(payload).map_err(WriteError::Frame)?;
        *payload = payload.get(n..).unwrap_or_default();
        if n == 0 && self.encoder.pending().is_empty() {
            let capacity = self.encoder.capacity();
            return Err(WriteError::Frame(EncodeError::TooLarge { need: capacity.saturating_add(1), capacity }));
        }
        Ok(payload.is_empty())
    }

    /// Whether `frame` may be sent past the encoder now. `false`: when what is pending was written.
    pub(crate) fn let_past<E>(&self, frame: &Outgoing<'_>) -> Result<bool, WriteError<E>> {
        match self.past {
            Past::No if self.encoder.is_streaming() => Err(WriteError::Frame(EncodeError::FrameOpen)),
            Past::No => Ok(self.encoder.pending().is_empty()),
            Past::Midway { left } if left == frame.remaining() => Ok(true),
            Past::Midway { .. } => Err(WriteError::Frame(EncodeError::FrameOpen)),
        }
    }

    /// The writer took `n` bytes of `frame`.
    pub(crate) fn went_past<E>(&mut self, frame: &mut Outgoing<'_>, n: usize) -> Result<(), WriteError<E>> {
        if n == 0 {
            return Err(WriteError::WriteZero);
        }
        frame.advance(n.min(frame.remaining()));
        self.past = match frame.remaining() {
            0 => Past::No,
            left => Past::Midway { left },
        };
        Ok(())
    }

    pub(crate) fn reset(&mut self) {
        self.encoder.reset();
        self.past = Past::No;
    }
}

/// What to write next of a frame; empty when all was written.
pub(crate) fn first_part<'f>(frame: &'f Outgoing<'_>) -> &'f [u8] {
    frame.slices().into_iter().find(|part| !part.is_empty()).unwrap_or_default()
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "reading failed: {error}"),
            Self::Frame(error) => error.fmt(f),
            Self::Truncated { have, need: Some(need) } => {
                write!(f, "the stream ended inside a frame ({have} of its {need} bytes came)")
            }
            Self::Truncated { have, need: None } => {
                write!(f, "the stream ended inside a frame ({have} bytes of it came)")
            }
            Self::Stopped => f.write_str("an earlier error stopped the stream"),
            Self::NoRoom => f.write_str("the decoder has no storage to read into"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "writing failed: {error}"),
            Self::Busy(error) => write!(f, "writing what was left from before failed: {error}"),
            Self::WriteZero => f.write_str("the writer takes no bytes"),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Frame(error) => Some(error),
            Self::Truncated { .. } | Self::Stopped | Self::NoRoom => None,
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Busy(error) => Some(error),
            Self::Frame(error) => Some(error),
            Self::WriteZero => None,
        }
    }
}

impl<E> From<EncodeError> for WriteError<E> {
    fn from(error: EncodeError) -> Self {
        Self::Frame(error)
    }
}

impl<E> From<DecodeError> for ReadError<E> {
    fn from(error: DecodeError) -> Self {
        Self::Frame(error)
    }
}
