//! The short way of frames whose payload is in disguise.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Run};

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The way through a frame whose payload is in disguise, whole or cut.
    #[inline(always)]
    pub(super) fn short_disguised(&mut self, chunk: &mut &[u8], max: usize) -> Short<'static> {
        let most = self.whole_limit.min(max);
        if !self.may_gather() || self.buffer.gathered_len() > most {
            return Short::Unusual;
        }
        let from_chunk = self.buffer.unread_len() == 0;
        let (law, state) = (&self.law, &mut self.state);
        let Run { take, end, .. } = self.buffer.gather_run(chunk, most, |input, out| law.run(state, input, out));
        if take == 0 && end.is_none() {
            return Short::Unusual;
        }
        if let Some(trailer) = end
            && self.buffer.gathered_len() >= self.least
        {
            if self.phase == Phase::Between {
                self.offsets.begin_frame();
            } else {
                self.begin_anew();
            }
            self.offsets.advance(take + trailer);
            if from_chunk {
                *chunk = chunk.get(take + trailer..).unwrap_or_default();
            } else {
                self.buffer.skip(trailer);
            }
            return Short::Buffer(self.buffer.take_gathered_range());
        }
        if from_chunk {
            *chunk = chunk.get(take..).unwrap_or_default();
        }
        self.note_gathering(take);
        self.midway.grant.end = end;
        if from_chunk && chunk.is_empty() { Short::Nothing } else { Short::Unusual }
    }
}
