//! The short way of frames that are a header and as many bytes as it says.
//!
//! Frames in a row, whole in one place, one like the other, cost a few instructions each. So does a frame that is cut, where a row ends in one
//! chunk and begins in the next: what there is of it is [kept](Decoder::keep_cut), and [completed](Decoder::complete) with all that the next
//! chunk begins with. The rest is [settled](Decoder::settle) out of the way.

use core::ops::RangeInclusive;

use super::Short;
use crate::buffer::{FEW, Storage};
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Step};

/// The longest header that costs less to read again than to remember, in bytes.
const SHORT_HEADER: usize = 16;

/// The header that was seen last, and what it means. While a row is open, that is the header of its last frame, or none.
///
/// Where a frame ends is known only when its header was read from memory, so a row of frames is read as fast as one load follows another. If
/// this header is the same as the last, as it is in most streams, a large processor need not wait for the load to guess where the next
/// frame begins.
#[derive(Clone, Copy, Debug)]
pub(in crate::decoder) struct Memo {
    /// [`Framing::header`], or more than that can say.
    #[cfg(target_pointer_width = "64")]
    header: u64,
    /// Bytes of payload.
    #[cfg(target_pointer_width = "64")]
    len: usize,
}

#[cfg(target_pointer_width = "64")]
impl Memo {
    pub(in crate::decoder) const NONE: Self = Self { header: u64::MAX, len: 0 };

    #[inline(always)]
    fn get(self, header: u32) -> Option<usize> {
        (self.header == u64::from(header)).then_some(self.len)
    }

    /// Of the law `L`, a header of `head` bytes.
    #[inline(always)]
    fn set<L: Framing>(&mut self, header: Option<u32>, head: usize, len: usize) {
        *self = match header {
            Some(header) if head == L::PREFIX => Self { header: header.into(), len },
            _ => Self::NONE,
        };
    }

    /// Forgets the header, unless the last frame, of `whole` bytes, was as long as its.
    #[inline(always)]
    fn keep_if<L: Framing>(&mut self, whole: usize) {
        if whole != L::PREFIX + self.len {
            *self = Self::NONE;
        }
    }
}

#[cfg(not(target_pointer_width = "64"))]
impl Memo {
    pub(in crate::decoder) const NONE: Self = Self {};

    #[inline(always)]
    fn get(self, _: u32) -> Option<usize> {
        None
    }

    #[inline(always)]
    fn set<L: Framing>(&mut self, _: Option<u32>, _: usize, _: usize) {}

    #[inline(always)]
    fn keep_if<L: Framing>(&mut self, _: usize) {}
}

/// What is known of a frame from the bytes that are here.
enum Head {
    /// It is whole: its payload from `start` to `end`, where the next frame is.
    Whole { start: usize, end: usize },
    /// Its header has `head` bytes and all of it `len`, more than are here, and there is room for them.
    Cut { head: usize, len: usize },
    /// Nothing that a short way could use.
    Unknown,
}

/// Which frames may take a short way.
#[derive(Clone, Copy)]
struct Usual {
    /// Bytes of payload, at least and at most.
    least: usize,
    most: usize,
    /// Bytes in which a cut frame must fit.
    room: usize,
}

/// What [`Decoder::settle`] came to. (With one number at most, because two are returned in registers.)
enum Settled {
    /// A row is open.
    Row,
    /// All of the chunk waits for more.
    Kept,
    /// A frame of so many bytes of payload is complete: those before the first unread one.
    Frame { len: usize },
    /// This is not for the short way. So much is left of the chunk.
    Unusual { left: usize },
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The next frame of the row in `chunk`.
    #[inline(always)]
    pub(in crate::decoder) fn row<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Option<&'c [u8]> {
        // By value: a chunk whose address is known elsewhere could not stay in registers.
        let bytes = *chunk;
        let header = self.law.header(bytes);
        // To the end, though what follows is much the same: where two ways join, a large processor jumps, which takes as long as the rest.
        if let Some(header) = header
            && let Some(len) = self.memo.get(header)
        {
            let (payload, behind) = bytes.split_at_checked(L::PREFIX)?.1.split_at_checked(len)?;
            if payload.len() > max {
                return None;
            }
            self.offsets.as_long_in_chunk(L::PREFIX + len, behind.len());
            *chunk = behind;
            return Some(payload);
        }
        let (head, len) = begin(&self.law, &mut self.state, self.least..=self.whole_limit, bytes)?;
        let (payload, behind) = bytes.split_at_checked(head)?.1.split_at_checked(len)?;
        if payload.len() > max {
            return None;
        }
        self.memo.set::<L>(header, head, len);
        self.offsets.whole_in_chunk(head + len, behind.len());
        *chunk = behind;
        Some(payload)
    }

    /// The next frame of a row of those that are unread: bytes of its header, and of its payload. It is to be taken.
    #[inline(always)]
    pub(in crate::decoder) fn row_in_buffer(&mut self) -> Option<(usize, usize)> {
        if !self.offsets.is_open_unread() {
            return None;
        }
        let unread = self.buffer.unread_checked()?;
        let header = self.law.header(unread);
        if let Some(len) = header.and_then(|header| self.memo.get(header)) {
            if len > unread.len().checked_sub(L::PREFIX)? {
                return None;
            }
            self.wanted = L::LEAST_HEADER;
            self.offsets.as_long_in_unread(L::PREFIX + len);
            return Some((L::PREFIX, len));
        }
        let (head, len) = begin(&self.law, &mut self.state, self.least..=self.whole_limit, unread)?;
        if len > unread.len().checked_sub(head)? {
            return None;
        }
        self.wanted = L::LEAST_HEADER;
        self.memo.set::<L>(header, head, len);
        self.offsets.whole_in_unread(head + len);
        Some((head, len))
    }

    /// Hands the frames of a row of those that are unread to `each`. Whether there is no more until other bytes come.
    #[inline(always)]
    pub(super) fn each_counted_unread<E>(&mut self, each: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<bool, E> {
        if self.buffer.unread_len() < self.wanted {
            return Ok(true);
        }
        if self.offsets.is_open_unread()
            && let Some((unread, read)) = self.buffer.unread_to_take()
        {
            let end = *read + unread.len();
            let mut rest = unread;
            while let Some((payload, behind)) = {
                let header = self.law.header(rest);
                if let Some(len) = header.and_then(|header| self.memo.get(header)) {
                    split(rest, L::PREFIX, len)
                } else if let Some((head, len)) = begin(&self.law, &mut self.state, self.least..=self.whole_limit, rest)
                    && let Some(parts) = split(rest, head, len)
                {
                    self.memo.set::<L>(header, head, len);
                    self.offsets.whole_in_unread(head + len);
                    Some(parts)
                } else {
                    None
                }
            } {
                rest = behind;
                *read = end - behind.len();
                self.wanted = L::LEAST_HEADER;
                each(payload)?;
            }
        }
        Ok(self.must_wait())
    }

    /// Keeps `bytes`, if a row of frames ends in them with one that is cut, or with nothing.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn keep_cut(&mut self, bytes: &[u8]) -> bool {
        // Without any, the row may go on in the next chunk.
        if bytes.is_empty() {
            return true;
        }
        let usual = self.usual(usize::MAX, self.buffer.capacity());
        match head(&self.law, &mut self.state, bytes, usual) {
            Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
            Head::Unknown if bytes.len() < self.wanted => {}
            Head::Whole { .. } | Head::Unknown => return false,
        }
        self.offsets.close_chunk(bytes.len());
        self.buffer.clear();
        self.buffer.append(bytes)
    }

    /// Completes the frame whose header is known with the first of `chunk`, if these are few, or, with `MANY`, however many. How many
    /// bytes of payload it has: those before the first unread one. A row may come out of the rest.
    #[inline(always)]
    pub(in crate::decoder) fn complete<const MANY: bool>(&mut self, chunk: &mut &[u8], max: usize) -> Option<usize> {
        let bytes = *chunk;
        // Where a header is known, this is between frames, and no row goes on.
        let (head, wanted) = (self.head, self.wanted);
        let missing = wanted.wrapping_sub(self.buffer.unread_len());
        if head == 0
            || wanted - head > max
            || !(self.buffer.append_few(bytes, missing) || MANY && self.buffer.append_front(bytes, missing))
        {
            return None;
        }
        self.buffer.skip_all();
        self.end_row_frame();
        // There is more: so it was appended.
        *chunk = bytes.get(missing..)?;
        self.offsets.open_behind(wanted, chunk.len());
        self.memo.keep_if::<L>(wanted);
        Some(wanted - head)
    }

    /// Whether there are still fewer bytes than wanted with those of `bytes`.
    #[inline(always)]
    pub(in crate::decoder) fn is_short(&self, bytes: &[u8]) -> bool {
        self.buffer.unread_len() + bytes.len() < self.wanted
    }

    /// Keeps `bytes` behind those of a frame that is cut, because with them it [is short](Self::is_short). The usual ends here, without a
    /// call.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn keep_more(&mut self, bytes: &[u8]) -> bool {
        match *bytes {
            [] => return true,
            [byte] => return self.keep_byte(byte),
            _ if bytes.len() > FEW => return self.keep_many(bytes),
            _ => {}
        }
        let unread = self.buffer.unread_len();
        self.offsets.close(unread);
        unread > 0 && self.buffer.append(bytes)
    }

    #[inline(never)]
    fn keep_many(&mut self, bytes: &[u8]) -> bool {
        self.buffer.unread_len() > 0 && self.keep(bytes)
    }

    /// Whether there is nothing to pop until more bytes come. A row of frames may go on then.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn must_wait(&mut self) -> bool {
        let unread = self.buffer.unread_len();
        if unread >= self.wanted
            && self.offsets.is_open_unread()
            && let Some(input) = self.buffer.unread_checked()
        {
            let usual = self.usual(usize::MAX, self.buffer.room());
            if let Head::Cut { len, .. } = head(&self.law, &mut self.state, input, usual) {
                self.wanted = len;
            }
        }
        unread < self.wanted
    }

    /// Opens a row in what is unread, if there may be one.
    #[inline(always)]
    pub(in crate::decoder) fn open_in_buffer(&mut self) {
        if self.may_begin_row() {
            let unread = self.buffer.unread_len();
            self.begin_anew();
            self.offsets.close(unread);
            self.offsets.open_unread(unread);
            self.memo = Memo::NONE;
        }
    }

    #[inline(always)]
    pub(super) fn short_counted<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        let bytes = *chunk;
        if self.offsets.is_open_chunk(0) {
            // The last chunk ended with a frame.
            self.offsets.open_chunk(bytes.len());
        } else if !self.offsets.is_open_chunk(bytes.len()) {
            if self.is_short(bytes) {
                if self.keep_more(bytes) {
                    *chunk = &[];
                    return Short::Nothing;
                }
            } else if let [byte] = *bytes {
                let (taken, short) = self.short_counted_byte(byte, max);
                if taken {
                    *chunk = &[];
                    return short;
                }
            } else if let Some(len) = self.complete::<true>(chunk, max) {
                return Short::Buffer(self.buffer.last(len));
            }
            if !self.may_begin_row() {
                return Short::Unusual;
            }
            match self.settle(bytes, max) {
                Settled::Row => {}
                Settled::Kept => {
                    *chunk = &[];
                    return Short::Nothing;
                }
                Settled::Frame { len } => {
                    *chunk = last(bytes, self.offsets.left(bytes.len()));
                    return Short::Buffer(self.buffer.last(len));
                }
                Settled::Unusual { left } => {
                    *chunk = last(bytes, left);
                    return Short::Unusual;
                }
            }
        }
        if let Some(payload) = self.row(chunk, max) {
            return Short::Chunk(payload);
        }
        if self.keep_cut(bytes) {
            *chunk = &[];
            return Short::Nothing;
        }
        Short::Unusual
    }

    /// The short way of one byte that comes alone, and whether it was taken.
    #[inline(always)]
    pub(in crate::decoder) fn short_counted_byte(&mut self, byte: u8, max: usize) -> (bool, Short<'static>) {
        if self.keep_byte(byte) {
            return (true, Short::Nothing);
        }
        match self.settle_byte(byte, max) {
            Settled::Kept => (true, Short::Nothing),
            Settled::Frame { len } => (true, Short::Buffer(self.buffer.last(len))),
            Settled::Row => (false, Short::Unusual),
            Settled::Unusual { left } => (left == 0, Short::Unusual),
        }
    }

    /// [`settle`](Self::settle) for a byte with which there are as many as wanted: that completes a header, or a frame.
    #[inline(never)]
    fn settle_byte(&mut self, byte: u8, max: usize) -> Settled {
        let unread = self.buffer.unread_len();
        if unread + 1 != self.wanted
            || self.head > 0 && self.wanted - self.head > max
            || !self.may_begin_row()
            || !self.offsets.is_closed()
            || !self.buffer.append_byte(byte)
        {
            return Settled::Unusual { left: 1 };
        }
        match self.wanted_head(max) {
            Head::Whole { start, end } => {
                self.buffer.skip_all();
                self.end_row_frame();
                self.note_whole(end);
                Settled::Frame { len: end - start }
            }
            Head::Cut { head, len } => {
                (self.head, self.wanted) = (head, len);
                Settled::Kept
            }
            Head::Unknown => Settled::Unusual { left: 0 },
        }
    }

    /// What is known of the frame that is unread, now that there are as many bytes as wanted.
    #[inline(always)]
    fn wanted_head(&mut self, max: usize) -> Head {
        if self.head > 0 {
            return Head::Whole { start: self.head, end: self.wanted };
        }
        let usual = self.usual(max, self.buffer.room());
        head(&self.law, &mut self.state, self.buffer.unread(), usual)
    }

    /// Finds the next frame in what is unread and `bytes` behind it, or keeps what there is of it.
    #[inline(never)]
    fn settle(&mut self, bytes: &[u8], max: usize) -> Settled {
        let mut rest = bytes;
        if self.buffer.unread_len() == 0 {
            self.offsets.close(0);
            self.offsets.open_chunk(rest.len());
            self.memo = Memo::NONE;
            return Settled::Row;
        }
        self.offsets.close(self.buffer.unread_len());
        while self.head == 0 || self.wanted - self.head <= max {
            let missing = self.wanted.saturating_sub(self.buffer.unread_len());
            let (piece, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            if !self.buffer.append(piece) {
                break;
            }
            rest = behind;
            if piece.len() < missing {
                return Settled::Kept;
            }
            match self.wanted_head(max) {
                Head::Whole { start, end } => {
                    self.buffer.take_whole(start, end, end);
                    self.end_row_frame();
                    if self.buffer.unread_len() == 0 {
                        self.offsets.open_behind(end, rest.len());
                        self.memo.keep_if::<L>(end);
                    } else {
                        self.note_whole(end);
                    }
                    return Settled::Frame { len: end - start };
                }
                Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
                Head::Unknown => break,
            }
        }
        Settled::Unusual { left: rest.len() }
    }

    /// A frame was taken that a short way led to.
    #[inline(always)]
    fn end_row_frame(&mut self) {
        // The storage is not shorter than this: a header of this frame was there.
        (self.head, self.wanted) = (0, L::LEAST_HEADER);
    }

    /// Between frames, of a law whose headers may be read again, of which not all come in pieces.
    #[inline(always)]
    fn may_begin_row(&self) -> bool {
        L::PREFIX <= SHORT_HEADER && self.phase == Phase::Between && self.whole_limit > 0
    }

    #[inline(always)]
    fn usual(&self, max: usize, room: usize) -> Usual {
        Usual { least: self.least, most: self.whole_limit.min(max), room }
    }
}

/// The last `n` bytes.
#[inline(always)]
fn last(bytes: &[u8], n: usize) -> &[u8] {
    bytes.len().checked_sub(n).and_then(|at| bytes.get(at..)).unwrap_or_default()
}

/// The `len` bytes behind the first `head`, and what is behind these.
#[inline(always)]
fn split(bytes: &[u8], head: usize, len: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(head)?.1.split_at_checked(len)
}

/// Bytes of the header at the start of `bytes`, and of the payload that it announces, if these are `usual`.
#[inline(always)]
fn begin<L: Framing>(
    law: &L,
    state: &mut L::State,
    usual: RangeInclusive<usize>,
    bytes: &[u8],
) -> Option<(usize, usize)> {
    let Ok(Step::Begin { take, len }) = law.step(state, bytes) else { return None };
    let len = usize::try_from(len).ok()?;
    (take > 0 && usual.contains(&len)).then_some((take, len))
}

/// What is known of the frame at the start of `input`.
#[inline(always)]
fn head<L: Framing>(law: &L, state: &mut L::State, input: &[u8], usual: Usual) -> Head {
    let Usual { least, most, room } = usual;
    if L::PREFIX > SHORT_HEADER {
        return Head::Unknown;
    }
    match law.step(state, input) {
        Ok(Step::Begin { take, len })
            if take > 0 && take <= input.len() && len >= least as u64 && len <= most as u64 =>
        {
            // It is at most `most`.
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let end = take + len;
            if end <= input.len() {
                Head::Whole { start: take, end }
            } else if end <= room {
                Head::Cut { head: take, len: end }
            } else {
                Head::Unknown
            }
        }
        _ => Head::Unknown,
    }
}
