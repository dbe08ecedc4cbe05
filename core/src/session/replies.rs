//! How much of a reply there is room for.

use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::Framing;
use crate::service::{Intake, Service};

/// How much of a reply is given to the output at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replies {
    Whole,
    /// At least what becomes of one byte.
    InPieces,
}

/// The longest frame, or piece of one, for whose reply there is room now, if there is any.
#[inline(always)]
pub(super) fn longest<L: Framing, O: Storage>(
    out: &Encoder<L, O>,
    reply_extra: usize,
    replies: Replies,
) -> Option<usize> {
    let room = out.room().checked_sub(reply_extra)?;
    match replies {
        Replies::Whole => Some(usize::MAX),
        Replies::InPieces if room < out.law().expansion(1) => None,
        Replies::InPieces => Some(fitting(out.law(), room)),
    }
}

/// The most bytes of payload that are sure to fit into `room`, at least 1.
#[inline]
pub(super) fn fitting<L: Framing>(law: &L, room: usize) -> usize {
    let mut len = room;
    if !L::VERBATIM {
        while len > 1 && law.expansion(len) > room {
            len /= 2;
        }
    }
    len
}

/// Bytes of output storage that a session of this service needs at least: for front ends that choose the size of it then.
pub fn needed_output<V: Service>(service: &V, law: &V::Framing) -> usize {
    let overhead = service.overhead();
    match service.intake() {
        Intake::Whole { reply } => overhead + reply,
        // Whatever the room is, the answer to one more byte of the request must fit.
        Intake::Streamed { extra } => overhead + extra + law.expansion(1) + <V::Framing as Framing>::HELD,
    }
}
