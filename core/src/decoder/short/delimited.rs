//! The short way of frames that end at one byte and are payload as they stand.
//!
//! A frame that is cut waits among the unread bytes until its end comes. So there is nothing to remember of it but how far it was searched.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::Framing;

impl<L: Framing, S: Storage> Decoder<L, S> {
    #[inline(always)]
    pub(super) fn short_delimited<'c>(&mut self, delimiter: u8, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        let at = self.offsets.place();
        let of_chunk = self.ahead.is_of(chunk, at);
        // What was found in the chunk was found when nothing was unread, and nothing else has been done since.
        let end = if of_chunk && let Some(end) = self.ahead.next() {
            end
        } else if of_chunk && let Some(end) = self.ahead.next_block(at) {
            end
        } else {
            if self.phase != Phase::Between {
                return Short::Unusual;
            }
            if self.buffer.unread_len() > 0 {
                if let &[byte] = *chunk {
                    // Of one byte after another, most can do no more than wait.
                    let found = self.short_byte(delimiter, byte, max);
                    if !matches!(found, Short::Unusual) {
                        *chunk = &[];
                    }
                    return found;
                }
                // By value, as in `next`.
                let (found, left) = self.go_on_delimited(delimiter, chunk, max);
                *chunk = chunk.get(chunk.len() - left..).unwrap_or_default();
                return found;
            }
            let end = if self.ahead.is_far(chunk) {
                self.ahead.find_far(delimiter, chunk, at, 0)
            } else if of_chunk && let Some(known) = self.ahead.known(at, chunk.len()) {
                self.ahead.find(delimiter, chunk, at, known)
            } else {
                self.ahead.find_anew(delimiter, chunk, at)
            };
            let Some(end) = end else {
                self.buffer.clear();
                if !self.keep_delimited(chunk) {
                    return Short::Unusual;
                }
                *chunk = &[];
                return Short::Nothing;
            };
            end
        };
        if let Some((before, [byte, rest @ ..])) = chunk.split_at_checked(end)
            && *byte == delimiter
            && let Some(payload) = self.usual_payload(before, max)
        {
            *chunk = rest;
            self.offsets.whole_from(at, end + 1);
            return Short::Chunk(payload);
        }
        Short::Unusual
    }

    /// The way through what is unread.
    #[inline(always)]
    pub(super) fn short_delimited_in_buffer(&mut self, delimiter: u8, max: usize) -> Short<'static> {
        let at = self.offsets.place();
        // What was found in a chunk is forgotten when bytes are added here.
        let end = if let Some(end) = self.ahead.next() {
            end
        } else if let Some(end) = self.ahead.next_block(at) {
            end
        } else {
            if self.phase != Phase::Between {
                return Short::Unusual;
            }
            let Some(unread) = self.buffer.unread_checked() else { return Short::Unusual };
            if unread.is_empty() {
                return Short::Nothing;
            }
            let known = self.ahead.known(at, unread.len());
            self.ahead.turn_to(unread, at);
            let found = if self.ahead.is_far(unread) {
                self.ahead.find_behind(delimiter, unread, at, known.unwrap_or(0))
            } else if let Some(known) = known {
                self.ahead.find(delimiter, unread, at, known)
            } else {
                self.ahead.find_anew(delimiter, unread, at)
            };
            match found {
                Some(end) => end,
                // A byte stays free to read into.
                None if unread.len() <= self.whole_limit && self.buffer.capacity() > unread.len() => {
                    return Short::Nothing;
                }
                None => return Short::Unusual,
            }
        };
        if let Some((before, [byte, ..])) = self.buffer.unread_checked().and_then(|unread| unread.split_at_checked(end))
            && *byte == delimiter
            && let Some(payload) = self.usual_payload(before, max)
        {
            let len = payload.len();
            self.offsets.whole_from(at, end + 1);
            return Short::Buffer(self.buffer.take_whole(0, len, end + 1));
        }
        Short::Unusual
    }

    /// The way of one byte.
    #[inline(always)]
    pub(in crate::decoder) fn short_byte(&mut self, delimiter: u8, byte: u8, max: usize) -> Short<'static> {
        let at = self.offsets.place();
        let unread = self.buffer.unread_len();
        if self.phase != Phase::Between || unread > 0 && !self.ahead.is_none_until(at.wrapping_add(unread)) {
            return Short::Unusual;
        }
        if byte == delimiter {
            let Some(payload) = self.usual_payload(self.buffer.unread(), max) else { return Short::Unusual };
            let len = payload.len();
            self.ahead.forget();
            self.offsets.whole_from(at, unread + 1);
            return Short::Buffer(self.buffer.take_whole(0, len, unread));
        }
        if unread == 0 {
            // So that there is room behind it. What was seen in a chunk is not of it.
            self.buffer.clear();
            self.ahead.forget();
        }
        if unread >= self.whole_limit || !self.buffer.append(&[byte]) {
            return Short::Unusual;
        }
        self.ahead.note_none(at.wrapping_add(unread + 1));
        Short::Nothing
    }

    /// Goes on with what is unread, and then with the chunk. How many bytes of that are left.
    #[inline(never)]
    fn go_on_delimited(&mut self, delimiter: u8, chunk: &[u8], max: usize) -> (Short<'static>, usize) {
        let at = self.offsets.place();
        let unread = self.buffer.unread_len();
        if !self.ahead.is_none_until(at.wrapping_add(unread)) {
            match self.short_delimited_in_buffer(delimiter, max) {
                Short::Nothing => {}
                found => return (found, chunk.len()),
            }
        }
        let chunk_at = at.wrapping_add(unread);
        self.ahead.turn_to(chunk, chunk_at);
        let end = if self.ahead.is_far(chunk) {
            self.ahead.find_far(delimiter, chunk, chunk_at, 0)
        } else {
            self.ahead.find(delimiter, chunk, chunk_at, 0)
        };
        let Some(end) = end else {
            return if self.keep_delimited(chunk) { (Short::Nothing, 0) } else { (Short::Unusual, chunk.len()) };
        };
        let Some((now, [byte, rest @ ..])) = chunk.split_at_checked(end) else {
            return (Short::Unusual, chunk.len());
        };
        let whole = unread + end;
        if *byte != delimiter || whole > self.whole_limit || !self.buffer.append(now) {
            return (Short::Unusual, chunk.len());
        }
        let Some(payload) = self.usual_payload(self.buffer.unread(), max) else {
            return (Short::Unusual, rest.len() + 1);
        };
        let len = payload.len();
        self.offsets.whole_from(at, whole + 1);
        (Short::Buffer(self.buffer.take_whole(0, len, whole)), rest.len())
    }

    /// Whether all of a chunk that holds no delimiter was put behind what is unread, which holds none either: not, if the frame could be too
    /// long.
    #[inline(always)]
    fn keep_delimited(&mut self, chunk: &[u8]) -> bool {
        self.buffer.unread_len() + chunk.len() <= self.whole_limit && self.buffer.append(chunk)
    }

    /// The payload of a frame with these bytes before its delimiter, if no rule is about it.
    #[inline(always)]
    fn usual_payload<'f>(&self, before: &'f [u8], max: usize) -> Option<&'f [u8]> {
        let payload = self.law.payload(before)?;
        (payload.len() >= self.least && payload.len() <= self.whole_limit.min(max)).then_some(payload)
    }
}
