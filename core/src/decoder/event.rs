//! What comes out of a decoder.

use core::ops::Range;

#[cfg(doc)]
use super::Decoder;

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
    pub unread: Range<usize>,
    /// The offset in the stream of the first of them.
    pub offset: u64,
}

impl<L, S: AsRef<[u8]>> Parts<L, S> {
    /// The bytes that were pushed and belong to no frame that was delivered.
    pub fn unread(&self) -> &[u8] {
        self.storage.as_ref().get(self.unread.clone()).unwrap_or_default()
    }
}

/// What was found in a stream, to be lent to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Nothing,
    /// The gathered payload is a frame.
    Gathered,
    /// The next unread bytes in the buffer are a frame.
    Unread(usize),
    /// The next `data` bytes of the caller's chunk are a frame, `take` bytes of framing behind it.
    Chunk {
        data: usize,
        take: usize,
    },
    Begin(Option<u64>),
    Piece(Piece),
    End,
}

/// Where a piece of a streamed frame lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// Up to so many gathered bytes.
    Gathered(usize),
    /// The next unread bytes in the buffer.
    Unread(usize),
    /// The next bytes of the caller's chunk.
    Chunk(usize),
    /// The decoder's own byte, which does not stand in the stream.
    Byte,
}

/// What [`End`] says, to be lent to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FoundEnd {
    Clean,
    /// Something that was found without a chunk.
    Last(Found),
    Truncated {
        have: u64,
        need: Option<u64>,
    },
    Stopped,
}
