//! The short way of frames that end at one byte and are payload as they stand.
//!
//! Frames that are whole in one place make a row, and where they end is [known](super::Ahead) for many at once. A frame that is cut waits
//! among the unread bytes until its end comes, and no byte of it is searched twice.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{BLOCK, Framing, are_few_without};

/// Where the next frame is.
enum Next {
    /// In the chunk, before its `end`.
    InChunk { end: usize },
    /// In the storage, completed with the first bytes of the chunk. Its payload is `len` bytes of what was unread first.
    Completed { len: usize },
    /// The same, without any of the chunk.
    Unread { len: usize },
    /// There is none until more bytes come.
    Nothing,
    /// This is not for the short way.
    Unusual,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    #[inline(always)]
    pub(super) fn short_delimited<'c>(&mut self, delimiter: u8, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        // By value, as in `next`.
        let bytes = *chunk;
        let is_open = self.offsets.is_open_chunk(bytes.len());
        let end = if is_open && let Some(end) = self.ahead.next(bytes.len()) {
            end
        } else if is_open && let Some(end) = self.ahead.look(delimiter, bytes) {
            end
        } else if let &[byte] = bytes
            && self.offsets.is_cut()
        {
            // Of one byte after another, most can do no more than wait.
            let found = self.short_byte(delimiter, byte, max);
            if !matches!(found, Short::Unusual) {
                *chunk = &[];
            }
            return found;
        } else if is_open {
            if !self.keep_end(bytes) {
                return Short::Unusual;
            }
            *chunk = &[];
            return Short::Nothing;
        } else if self.keep_few_behind_cut(delimiter, bytes) {
            *chunk = &[];
            return Short::Nothing;
        } else {
            let start = self.buffer.start_of_unread();
            let next = if self.offsets.is_cut() {
                self.go_on_with_cut(delimiter, bytes, max)
            } else {
                self.go_on_delimited(delimiter, bytes, max)
            };
            match next {
                Next::InChunk { end } => end,
                Next::Completed { len } => {
                    *chunk = bytes.get(bytes.len() - self.offsets.left(bytes.len())..).unwrap_or_default();
                    return Short::Buffer(start..start + len);
                }
                Next::Unread { len } => return Short::Buffer(start..start + len),
                Next::Nothing => {
                    *chunk = &[];
                    return Short::Nothing;
                }
                Next::Unusual => return Short::Unusual,
            }
        };
        if let Some((before, [byte, rest @ ..])) = bytes.split_at_checked(end)
            && *byte == delimiter
            && let Some(payload) = self.usual_payload(before, max)
        {
            *chunk = rest;
            self.offsets.whole_in_chunk(end + 1, rest.len());
            return Short::Chunk(payload);
        }
        Short::Unusual
    }

    /// The way through what is unread.
    #[inline(always)]
    pub(super) fn short_delimited_in_buffer(&mut self, delimiter: u8, max: usize) -> Short<'static> {
        let Some(unread) = self.buffer.unread_checked() else { return Short::Unusual };
        let is_open = self.offsets.is_open_unread();
        let end = if is_open && let Some(end) = self.ahead.next(unread.len()) {
            end
        } else {
            if self.phase != Phase::Between {
                return Short::Unusual;
            }
            if unread.is_empty() {
                return Short::Nothing;
            }
            if !is_open && !self.offsets.is_cut() {
                self.offsets.close(unread.len());
                self.offsets.open_unread(unread.len());
                self.ahead.begin(unread.len());
            }
            match self.ahead.look(delimiter, unread) {
                Some(end) => end,
                // A byte stays free to read into.
                None if unread.len() <= self.whole_limit && self.buffer.capacity() > unread.len() => {
                    return Short::Nothing;
                }
                None => return Short::Unusual,
            }
        };
        if let Some((before, [byte, ..])) = unread.split_at_checked(end)
            && *byte == delimiter
            && let Some(payload) = self.usual_payload(before, max)
        {
            let len = payload.len();
            self.offsets.whole_in_unread(end + 1);
            return Short::Buffer(self.buffer.take_whole(0, len, end + 1));
        }
        Short::Unusual
    }

    /// The way of one byte.
    #[inline(always)]
    pub(in crate::decoder) fn short_byte(&mut self, delimiter: u8, byte: u8, max: usize) -> Short<'static> {
        if self.phase != Phase::Between {
            return Short::Unusual;
        }
        let unread = self.buffer.unread_len();
        if unread == 0 {
            // So that there is room behind it.
            self.buffer.clear();
            self.offsets.cut(0);
            self.ahead.begin(0);
        } else if !self.is_cut() {
            return Short::Unusual;
        }
        if byte == delimiter {
            let Some(payload) = self.usual_payload(self.buffer.unread(), max) else { return Short::Unusual };
            let len = payload.len();
            self.offsets.open_behind_cut(unread + 1, 0);
            return Short::Buffer(self.buffer.take_whole(0, len, unread));
        }
        if unread >= self.whole_limit || !self.buffer.append_byte(byte) {
            return Short::Unusual;
        }
        Short::Nothing
    }

    /// The next frame, where it is not out of a row.
    #[inline(never)]
    fn go_on_delimited(&mut self, delimiter: u8, chunk: &[u8], max: usize) -> Next {
        if self.is_cut() {
            return self.go_on_with_cut(delimiter, chunk, max);
        }
        if self.phase != Phase::Between {
            return Next::Unusual;
        }
        if self.buffer.unread_len() > 0 {
            let start = self.buffer.start_of_unread();
            return match self.short_delimited_in_buffer(delimiter, max) {
                Short::Buffer(payload) => Next::Unread { len: payload.end - start },
                Short::Nothing if self.is_cut() => self.go_on_with_cut(delimiter, chunk, max),
                _ => Next::Unusual,
            };
        }
        if chunk.is_empty() {
            return Next::Nothing;
        }
        self.offsets.close(0);
        self.offsets.open_chunk(chunk.len());
        self.ahead.begin(chunk.len());
        match self.ahead.look(delimiter, chunk) {
            Some(end) => Next::InChunk { end },
            None if self.keep_end(chunk) => Next::Nothing,
            None => Next::Unusual,
        }
    }

    /// Whether all that is unread is the beginning of one frame.
    #[inline(always)]
    fn is_cut(&mut self) -> bool {
        self.offsets.is_cut() || self.may_be_cut()
    }

    /// The same, where that was not noted yet.
    #[cold]
    #[inline(never)]
    fn may_be_cut(&mut self) -> bool {
        let unread = self.buffer.unread_len();
        let is_cut = self.offsets.is_open_unread() && unread > 0 && self.ahead.is_over(unread);
        if is_cut {
            self.offsets.cut(unread);
            self.ahead.begin(0);
        }
        is_cut
    }

    /// Keeps what is left of a chunk that a row ends in, and in which there is no delimiter.
    #[inline(always)]
    pub(super) fn keep_rest(&mut self, rest: &[u8]) -> bool {
        self.buffer.clear();
        if rest.len() > self.whole_limit || !self.buffer.append(rest) {
            return false;
        }
        self.offsets.cut(0);
        self.ahead.begin(0);
        true
    }

    /// [`keep_rest`](Self::keep_rest), where it is not made anew.
    #[inline(never)]
    fn keep_end(&mut self, chunk: &[u8]) -> bool {
        self.keep_rest(chunk)
    }

    /// Completes the frame that was cut with the first bytes of a chunk, or puts all of these behind it.
    #[inline(never)]
    fn go_on_with_cut(&mut self, delimiter: u8, chunk: &[u8], max: usize) -> Next {
        let unread = self.buffer.unread_len();
        self.ahead.begin(chunk.len());
        self.ahead.expect(unread);
        let Some(end) = self.ahead.look(delimiter, chunk) else {
            return if self.keep_behind_cut(chunk) { Next::Nothing } else { Next::Unusual };
        };
        self.ahead.expect(unread + end);
        match self.complete_cut(chunk, end, max) {
            Some(len) => Next::Completed { len },
            None => Next::Unusual,
        }
    }

    /// Completes the frame that was cut with the first `end` bytes of a chunk, behind which there is a delimiter. It has so many bytes of
    /// payload, where the unread ones began.
    #[inline(always)]
    pub(super) fn complete_cut(&mut self, chunk: &[u8], end: usize, max: usize) -> Option<usize> {
        let left = chunk.len().checked_sub(end + 1)?;
        let whole = self.buffer.unread_len() + end;
        let fits = whole <= self.whole_limit
            && (self.buffer.append_few(chunk, end) || chunk.get(..end).is_some_and(|front| self.buffer.append(front)));
        if !fits {
            return None;
        }
        let Some(payload) = self.usual_payload(self.buffer.unread(), max) else {
            self.buffer.shorten(end);
            return None;
        };
        let len = payload.len();
        self.buffer.skip_all();
        self.offsets.open_behind_cut(whole + 1, left);
        Some(len)
    }

    /// Puts all of a chunk that holds no delimiter behind what is unread, which holds none either: not, if the frame could be too long.
    #[inline(always)]
    pub(super) fn keep_behind_cut(&mut self, chunk: &[u8]) -> bool {
        self.buffer.unread_len() + chunk.len() <= self.whole_limit && self.buffer.append(chunk)
    }

    /// The same, where the chunk is short, and the frame is long already or would still be shorter than the last one: then it is likely that
    /// there is no delimiter, and quickly seen.
    #[inline(always)]
    pub(super) fn keep_few_behind_cut(&mut self, delimiter: u8, chunk: &[u8]) -> bool {
        let unread = self.buffer.unread_len();
        self.offsets.is_cut()
            && (unread >= BLOCK || unread + chunk.len() < self.offsets.last())
            && are_few_without(delimiter, chunk)
            && self.keep_behind_cut(chunk)
    }

    /// The payload of a frame with these bytes before its delimiter, if no rule is about it.
    #[inline(always)]
    fn usual_payload<'f>(&self, before: &'f [u8], max: usize) -> Option<&'f [u8]> {
        let payload = self.law.payload(before)?;
        (payload.len() >= self.least && payload.len() <= self.whole_limit.min(max)).then_some(payload)
    }
}
