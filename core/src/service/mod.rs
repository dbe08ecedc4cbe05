//! What a server answers: one file a service.
//!
//! A [`Service`] is the half of a [`Session`](crate::Session) that knows what messages mean. It sees frames, or the pieces of a
//! frame too long to hold, and writes replies into the session's [`Encoder`]. It does no I/O, and has one value a connection.

mod chat;
mod clock;
mod echo;
mod hello;
mod kv;
#[cfg(feature = "json")]
mod message;
mod trim;
mod words;

pub use chat::{Chat, ChatRules, Hub, MAX_NAME, Seat, Wake};
pub use clock::Time;
pub use echo::Echo;
pub use hello::Hello;
pub use kv::{Kv, KvError, KvLog};
#[cfg(feature = "json")]
pub use message::{Content, Message};
pub use trim::{TRIMMED_CHARS, Trim};

use core::fmt;

use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::error::{DecodeError, EncodeError};
use crate::framing::Framing;
use crate::session::Frames;
use crate::time::Instant;

/// What one connection's messages are answered with.
///
/// A session calls a service only when the reply is sure to fit, as its [`intake`](Self::intake) promises; so a reply is written
/// whole, and an [`EncodeError::Full`] is a fault of the service.
pub trait Service {
    /// The framing of requests and replies.
    type Framing: Framing;

    /// How this service takes frames, and how long its replies are.
    fn intake(&self) -> Intake;

    /// The most bytes that the framing adds to a reply. The default is what the law says of itself; a service that replies under
    /// [another](Encoder::under) knows better.
    #[inline]
    fn overhead(&self) -> usize {
        Self::Framing::PREFIX + Self::Framing::SUFFIX
    }

    /// The connection is open. The default says nothing.
    ///
    /// # Errors
    /// A reason to close it.
    fn open<S: Storage>(&mut self, now: Instant, out: &mut Encoder<Self::Framing, S>) -> Result<Flow, Refusal> {
        let _ = (now, out);
        Ok(Flow::Continue)
    }

    /// Says what is to be said without being asked, as far as there is room for it: called before frames are taken, and after. The
    /// default says nothing.
    ///
    /// [`Flow::Wait`] means that there is more to say: no frame is given to this service until that was said.
    ///
    /// # Errors
    /// A reason to close the connection.
    #[inline]
    fn poll<S: Storage>(&mut self, now: Instant, out: &mut Encoder<Self::Framing, S>) -> Result<Flow, Refusal> {
        let _ = (now, out);
        Ok(Flow::Continue)
    }

    /// When `poll` is to be called, if nothing comes before. The default is never.
    #[inline]
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// A frame begins, or has come, with this state of its law: a header that says more than the length. Called before
    /// [`frame`](Self::frame) and [`begin`](Self::begin). The default looks at nothing.
    #[inline]
    fn header(&mut self, state: &<Self::Framing as Framing>::State) {
        let _ = state;
    }

    /// A whole frame has come.
    ///
    /// # Errors
    /// A reason to close the connection.
    fn frame<S: Storage>(
        &mut self,
        payload: &[u8],
        now: Instant,
        out: &mut Encoder<Self::Framing, S>,
    ) -> Result<Flow, Refusal>;

    /// Whole frames have come: answers them, from the first to any; the rest comes again, here or by the other methods. The default
    /// gives each to [`header`](Self::header) and [`frame`](Self::frame).
    ///
    /// It is there for speed alone, for services that would do the same before and after each frame, such as to find out which of
    /// several they are. Where memory is dearer than time (that is on processors of less than 64 bits) it is never called.
    ///
    /// # Errors
    /// A reason to close the connection, found in the frame that was taken last.
    #[inline]
    fn frames<I: Storage, S: Storage>(
        &mut self,
        frames: &mut Frames<'_, '_, Self::Framing, I>,
        now: Instant,
        out: &mut Encoder<Self::Framing, S>,
    ) -> Result<Flow, Refusal> {
        while let Some((payload, state)) = frames.next(out) {
            self.header(state);
            match self.frame(payload, now, out)? {
                Flow::Continue => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Continue)
    }

    /// A frame of `len` bytes begins that is too long to be held; only with [`Intake::Streamed`].
    ///
    /// # Errors
    /// A reason to close the connection. The default is one.
    fn begin<S: Storage>(&mut self, len: Option<u64>, out: &mut Encoder<Self::Framing, S>) -> Result<(), Refusal> {
        let _ = (len, out);
        Err(Refusal::Unstreamable)
    }

    /// The next bytes of that frame have come, at least one. All of them are taken.
    ///
    /// # Errors
    /// A reason to close the connection. The default is one.
    fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<Self::Framing, S>) -> Result<(), Refusal> {
        let _ = (payload, out);
        Err(Refusal::Unstreamable)
    }

    /// That frame is complete.
    ///
    /// # Errors
    /// A reason to close the connection. The default is one.
    fn end<S: Storage>(&mut self, out: &mut Encoder<Self::Framing, S>) -> Result<Flow, Refusal> {
        let _ = out;
        Err(Refusal::Unstreamable)
    }

    /// A frame was dropped that breaks a limit; the stream goes on behind it.
    ///
    /// # Errors
    /// A reason to close the connection. The default is this error.
    fn skipped<S: Storage>(
        &mut self,
        error: &DecodeError,
        out: &mut Encoder<Self::Framing, S>,
    ) -> Result<Flow, Refusal> {
        let _ = out;
        Err(Refusal::Frame(*error))
    }

    /// The connection is closed, or closing: nothing will be given to this service or asked of it any more. Called once.
    fn closed(&mut self, now: Instant) {
        let _ = now;
    }
}

/// How a service takes frames, in bytes of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Intake {
    /// Whole only. The reply to a frame has at most `reply` bytes.
    Whole {
        /// The longest reply.
        reply: usize,
    },
    /// Whole where it fits, else in pieces. The reply to `n` bytes (of a frame, or of a piece of one) has at most
    /// `n + extra` bytes.
    Streamed {
        /// How much longer than the request a reply is at most.
        extra: usize,
    },
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Flow {
    /// It does.
    Continue,
    /// It does, but there is more to say before the next frame. Said of a frame, it has [`Service::poll`] called first.
    Wait,
    /// It is closed when what was replied has been sent.
    Close,
}

/// Why a service wants a connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// What must be text is not valid UTF-8.
    InvalidUtf8,
    /// The frame breaks a limit.
    Frame(DecodeError),
    /// The peer reads so slowly that what it should have been told is gone.
    FellBehind,
    /// There is no place for another member.
    Full,
    /// The reply cannot be encoded.
    Reply(EncodeError),
    /// The message is too long for a service that takes whole ones only.
    Unstreamable,
}

impl From<EncodeError> for Refusal {
    fn from(error: EncodeError) -> Self {
        Self::Reply(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUtf8 => f.write_str("the text is not valid UTF-8"),
            Self::FellBehind => f.write_str("the peer reads too slowly: what it was to be told is gone"),
            Self::Full => f.write_str("no place is free"),
            Self::Frame(error) => error.kind.fmt(f),
            Self::Reply(error) => write!(f, "the reply cannot be sent: {error}"),
            Self::Unstreamable => f.write_str("the message is too long to be held"),
        }
    }
}
