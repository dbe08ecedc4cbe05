//! A run of whole frames, which a service may answer in one call.

use super::replies::{Replies, longest};
use crate::buffer::Storage;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::framing::Framing;

/// The whole frames that have come, in their order, for [`Service::frames`](crate::Service::frames).
#[derive(Debug)]
pub struct Frames<'a, 'c, L: Framing, I> {
    decoder: &'a mut Decoder<L, I>,
    chunk: &'a mut &'c [u8],
    reply_extra: usize,
    replies: Replies,
    taken: u64,
}

impl<'a, 'c, L: Framing, I: Storage> Frames<'a, 'c, L, I> {
    pub(super) fn new(
        decoder: &'a mut Decoder<L, I>,
        chunk: &'a mut &'c [u8],
        reply_extra: usize,
        replies: Replies,
    ) -> Self {
        Self { decoder, chunk, reply_extra, replies, taken: 0 }
    }

    /// The payload of the next frame, and the state of its law. `None` when the rest is for the service's other methods, if there is
    /// a rest: a piece of a frame, one that breaks a limit, or one for whose reply there is no room in `out`.
    #[inline(always)]
    pub fn next<M: Framing, S: Storage>(&mut self, out: &Encoder<M, S>) -> Option<(&[u8], &L::State)> {
        let max = longest(out, self.reply_extra, self.replies)?;
        let frame = self.decoder.short_frame(self.chunk, max)?;
        self.taken += 1;
        Some(frame)
    }

    /// How many were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }
}
