//! The short way of frames whose payload stands there as it is, up to where the law finds its end.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Step, Whole};

impl<L: Framing, S: Storage> Decoder<L, S> {
    #[inline(always)]
    pub(super) fn short_verbatim<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        if self.phase == Phase::Between && self.buffer.unread_len() == 0 {
            if let Some(Whole { start, end, next }) = self.whole(chunk, max)
                && let (Some(payload), Some(rest)) = (chunk.get(start..end), chunk.get(next..))
            {
                self.note_whole(next);
                *chunk = rest;
                return Short::Chunk(payload);
            }
            // So that what is cut has room behind it.
            self.buffer.clear();
        }
        if let Short::Nothing = self.kept(chunk) {
            return Short::Nothing;
        }
        self.go_on(chunk, max)
    }

    #[inline(always)]
    pub(super) fn short_verbatim_in_buffer(&mut self, max: usize) -> Short<'static> {
        if self.phase == Phase::Between
            && let Some(unread) = self.buffer.unread_checked()
            && let Some(Whole { start, end, next }) = self.whole(unread, max)
        {
            return Short::Buffer(self.take_whole(start, end, next));
        }
        self.go_on(&mut &[][..], max)
    }

    /// The frame at the start of `input`, if it is whole and of the usual kind.
    #[inline(always)]
    pub(super) fn whole(&self, input: &[u8], max: usize) -> Option<Whole> {
        let whole = self.law.whole(input)?;
        let Whole { start, end, next } = whole;
        let possible = start <= end && end <= next && next <= input.len();
        let usual = |len| len >= self.least && len <= self.whole_limit.min(max);
        (possible && usual(end - start)).then_some(whole)
    }

    /// The way through a frame whose payload stands there as it is, but is cut.
    #[inline(never)]
    fn go_on(&mut self, chunk: &mut &[u8], max: usize) -> Short<'static> {
        let from_chunk = self.buffer.unread_len() == 0;
        let input = if from_chunk { *chunk } else { self.buffer.unread() };
        let gathered = self.buffer.gathered_len();
        let most = self.whole_limit.saturating_sub(gathered);
        if !self.may_gather() || input.is_empty() || most == 0 {
            return Short::Unusual;
        }
        let available = input.len();
        let mut state = self.state.clone();
        let (data, end) = match self.law.step(&mut state, input) {
            Ok(Step::Data(data)) if data == available && data <= most => (data, None),
            Ok(Step::End { data, take })
                if self.phase == Phase::Gathering
                    && data <= most
                    && gathered + data <= max
                    && take <= available.saturating_sub(data)
                    && gathered + data >= self.least =>
            {
                (data, Some(take))
            }
            _ => return Short::Unusual,
        };
        if !from_chunk {
            self.buffer.gather(data);
        } else if let Some((payload, rest)) = chunk.split_at_checked(data)
            && self.buffer.gather_from(payload)
        {
            *chunk = rest;
        } else {
            return Short::Unusual;
        }
        self.state = state;
        self.note_gathering(data);
        let Some(take) = end else {
            // Behind what was unread there may be more in the chunk.
            return if chunk.is_empty() { Short::Nothing } else { Short::Unusual };
        };
        self.skip(take, chunk);
        self.begin_anew();
        Short::Buffer(self.buffer.take_gathered_range())
    }
}
