//! What can be wrong with a stream or with a message to send, as values that say where and what next.

use core::fmt;

/// A stream that breaks its framing's law, or a limit of this decoder.
///
/// "Not enough bytes yet" is not an error. An error is reported once; whether the decoder goes on is in
/// [`recovery`](Self::recovery).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where the frame with the error begins: bytes since the start of the stream.
    pub offset: u64,
    /// Whether the stream can go on.
    pub recovery: Recovery,
}

/// What a decoder does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Recovery {
    /// The rest of the bad frame is discarded; the frame behind it is the next one delivered.
    Skips,
    /// Where the next frame begins is unknown. The decoder takes and delivers nothing more until it is reset.
    Stops,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DecodeErrorKind {
    /// The payload is longer than the limit, in bytes.
    TooLong {
        /// The length that the header claims; `None` where a delimiter ends the frame, and was not seen in time.
        len: Option<u64>,
        /// The most that this decoder accepts.
        limit: u64,
    },
    /// The payload is shorter than the least that was asked for, in bytes.
    TooShort {
        /// The length of the payload.
        len: u64,
        /// The least that this decoder accepts.
        min: u64,
    },
    /// More empty frames in a row than the guard allows.
    EmptyFlood {
        /// The most empty frames in a row that this decoder accepts.
        limit: u32,
    },
    /// The header needs more bytes than the decoder's storage has.
    HeaderTooLong {
        /// Bytes that the header needs.
        need: usize,
        /// Bytes of storage.
        capacity: usize,
    },
    /// The bytes break the framing's law.
    Malformed(Malformed),
}

/// How bytes break a framing's law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Malformed {
    /// The length on the wire, with the adjustment of the law, is below zero or above `u64::MAX`.
    LengthOutOfRange,
    /// A character where a length, or the end of one, must be.
    Length,
    /// The length is not in its shortest form.
    NonCanonical,
    /// The byte that must end the frame is another.
    Terminator,
    /// An escape that the law does not know.
    Escape,
    /// A zero byte inside a block: the frame was cut.
    Zero,
    /// A CR that is not part of a line ending.
    BareCr,
    /// An LF that is not part of a line ending.
    BareLf,
    /// A header that is no JSON object with the keys that it must have.
    Header,
    /// The law took no bytes and would never end: a fault of the law, not of the peer.
    Stalled,
    /// A law of the user's own says what is wrong.
    Other(&'static str),
}

/// A frame that cannot be encoded. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EncodeError {
    /// The frame does not fit beside what waits to be sent. Send some, and try again.
    Full {
        /// Bytes that the frame needs (at least).
        need: usize,
        /// Bytes that are free.
        room: usize,
    },
    /// The frame would not fit even in an empty buffer. Stream it, or give the encoder more storage.
    TooLarge {
        /// Bytes that the frame needs (at least).
        need: usize,
        /// Bytes of storage.
        capacity: usize,
    },
    /// The length cannot be written in the header of this framing.
    TooLong {
        /// The length of the payload in bytes.
        len: u64,
        /// The most that the header can say.
        max: u64,
    },
    /// The header of this framing cannot say so short a length: its least one means a longer payload.
    TooShort {
        /// The length of the payload in bytes.
        len: u64,
        /// The least that the header can say.
        min: u64,
    },
    /// The header of this framing holds the length, which was not given.
    LengthRequired,
    /// The payload contains the byte that ends a frame, so the receiver would see two.
    ContainsDelimiter {
        /// Where in the payload.
        at: usize,
    },
    /// This framing cannot carry an empty payload.
    Empty,
    /// The payload of a streamed frame is longer or shorter than its header said.
    LengthMismatch {
        /// Bytes that the header promised and that did not come; 0 if there were too many.
        missing: u64,
    },
    /// A frame was begun, or reserved, and is not ended.
    FrameOpen,
    /// There is no frame to continue, commit or end.
    NoFrameOpen,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame at byte {}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len: Some(len), limit } => {
                write!(f, "length {len} exceeds the limit of {limit} bytes")
            }
            Self::TooLong { len: None, limit } => write!(f, "no end within the limit of {limit} bytes"),
            Self::TooShort { len, min } => write!(f, "length {len} is below the least of {min} bytes"),
            Self::EmptyFlood { limit } => write!(f, "more than {limit} empty frames in a row"),
            Self::HeaderTooLong { need, capacity } => {
                write!(f, "the header needs {need} bytes and the buffer has {capacity}")
            }
            Self::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthOutOfRange => "the length is out of range",
            Self::Length => "no length stands where one must be",
            Self::NonCanonical => "the length is not in its shortest form",
            Self::Terminator => "the byte that ends the frame is missing",
            Self::Escape => "an unknown escape",
            Self::Zero => "a zero byte inside a block",
            Self::BareCr => "a CR that is not part of a line ending",
            Self::BareLf => "an LF that is not part of a line ending",
            Self::Header => {
                "the header is no JSON object with byteorder, content-type, content-encoding and content-length"
            }
            Self::Stalled => "the framing takes no bytes (a fault of the framing law)",
            Self::Other(what) => what,
        })
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { need, room } => write!(f, "the frame needs {need} bytes and {room} are free"),
            Self::TooLarge { need, capacity } => {
                write!(f, "the frame needs {need} bytes and the buffer has {capacity}")
            }
            Self::TooLong { len, max } => {
                write!(f, "a length of {len} bytes is more than the header can say ({max})")
            }
            Self::TooShort { len, min } => {
                write!(f, "a length of {len} bytes is less than the header can say ({min})")
            }
            Self::LengthRequired => f.write_str("this framing needs the length before the payload"),
            Self::ContainsDelimiter { at } => write!(f, "the payload contains the delimiter, at byte {at}"),
            Self::Empty => f.write_str("this framing cannot carry an empty message"),
            Self::LengthMismatch { missing: 0 } => f.write_str("more payload than the header said"),
            Self::LengthMismatch { missing } => write!(f, "{missing} bytes of payload are missing"),
            Self::FrameOpen => f.write_str("a frame is open"),
            Self::NoFrameOpen => f.write_str("no frame is open"),
        }
    }
}

impl core::error::Error for DecodeError {}
impl core::error::Error for EncodeError {}
