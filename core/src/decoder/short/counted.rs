//! The short way of frames that are a header and as many bytes as it says.
//!
//! Its first part is for frames in a row, whole in one place, one like the other: a few instructions for each. What leads there, and what
//! ends there, is [settled](Decoder::settle) out of the way.

use super::Short;
use crate::buffer::Storage;
use crate::decoder::{Decoder, Phase};
use crate::framing::{Framing, Step};

/// The longest header that costs less to read again than to remember, in bytes.
const SHORT_HEADER: usize = 16;

/// The header that was seen last, and what it means.
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
        if let Some(header) = header
            && head == L::PREFIX
        {
            *self = Self { header: header.into(), len };
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

/// A frame that was cut, completed. (Two numbers, because these are returned in registers.)
pub(in crate::decoder) struct Cut {
    /// Bytes of the chunk that were taken. With 0 there is no such frame.
    pub(in crate::decoder) taken: usize,
    /// Bytes of its payload: those before the first unread one.
    pub(in crate::decoder) len: usize,
}

/// What [`Decoder::settle`] came to.
struct Settled {
    place: Place,
    /// Bytes of the chunk that were taken.
    taken: usize,
    /// Where the payload starts. Its end is what was taken last.
    start: usize,
}

/// Where a frame is.
enum Place {
    Chunk,
    Storage,
    /// There is none, and all of the chunk was taken.
    Nowhere,
    /// This is not for the short way.
    Unusual,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The next frame of a row in `chunk`.
    #[inline(always)]
    pub(in crate::decoder) fn row<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Option<&'c [u8]> {
        // By value: a chunk whose address is known elsewhere could not stay in registers.
        let bytes = *chunk;
        if !self.offsets.is_open_chunk(bytes.len()) {
            return None;
        }
        let header = self.law.header(bytes);
        // To the end, though what follows is much the same: where two ways join, a large processor jumps, which takes as long as the rest.
        if let Some(header) = header
            && let Some(len) = self.memo.get(header)
        {
            let (payload, behind) = bytes.split_at_checked(L::PREFIX)?.1.split_at_checked(len)?;
            if payload.len() > max {
                return None;
            }
            self.offsets.whole_in_chunk(L::PREFIX + len, behind.len());
            *chunk = behind;
            return Some(payload);
        }
        let (head, len) = begin(&self.law, &mut self.state, self.whole_limit, bytes)?;
        let (payload, behind) = bytes.split_at_checked(head)?.1.split_at_checked(len)?;
        if payload.len() > max {
            return None;
        }
        self.memo.set::<L>(header, head, len);
        self.offsets.whole_in_chunk(head + len, behind.len());
        *chunk = behind;
        Some(payload)
    }

    /// The next frame of a row of those that are unread: bytes of its header, and of its payload.
    #[inline(always)]
    pub(in crate::decoder) fn row_in_buffer(&mut self) -> Option<(usize, usize)> {
        if !self.offsets.is_open_unread() {
            return None;
        }
        let unread = self.buffer.unread_checked()?;
        let header = self.law.header(unread);
        let (head, len) = if let Some(len) = header.and_then(|header| self.memo.get(header)) {
            (L::PREFIX, len)
        } else {
            let (head, len) = begin(&self.law, &mut self.state, self.whole_limit, unread)?;
            self.memo.set::<L>(header, head, len);
            (head, len)
        };
        (len <= unread.len().checked_sub(head)?).then_some((head, len))
    }

    /// Keeps `bytes`, if a row of frames ends in them with one that is cut, or with nothing.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn keep_cut(&mut self, bytes: &[u8]) -> bool {
        if !self.offsets.is_open_chunk(bytes.len()) {
            return false;
        }
        let usual = self.usual(usize::MAX, self.buffer.capacity());
        match head(&self.law, &mut self.state, bytes, usual) {
            Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
            Head::Unknown if bytes.len() < self.wanted => {}
            Head::Whole { .. } | Head::Unknown => return false,
        }
        self.offsets.close(0);
        self.buffer.clear();
        self.buffer.append(bytes)
    }

    /// Completes the frame whose header is known with the first of `bytes`.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn complete(&mut self, bytes: &[u8], max: usize) -> Cut {
        // Where a header is known, this is between frames, and no row goes on.
        let (head, wanted) = (self.head, self.wanted);
        let missing = wanted.wrapping_sub(self.buffer.unread_len());
        if head == 0 || missing == 0 || wanted - head > max || !self.buffer.append_front(bytes, missing) {
            return Cut::NONE;
        }
        (self.head, self.wanted) = (0, Self::least_wanted(&self.buffer));
        self.buffer.skip_all();
        if self.may_open() {
            self.offsets.open_behind(wanted, bytes.len() - missing);
        } else {
            self.note_whole(wanted);
        }
        Cut { taken: missing, len: wanted - head }
    }

    /// Whether there is nothing to pop until more bytes come. A row of frames may go on then.
    #[cold]
    #[inline(never)]
    pub(in crate::decoder) fn must_wait(&mut self) -> bool {
        let unread = self.buffer.unread_len();
        if self.offsets.is_open_unread() {
            let usual = self.usual(usize::MAX, self.buffer.room());
            if let Head::Cut { len, .. } = head(&self.law, &mut self.state, self.buffer.unread(), usual) {
                self.wanted = len;
            }
        }
        unread < self.wanted
    }

    #[inline(always)]
    pub(super) fn short_counted<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        let bytes = *chunk;
        if self.buffer.unread_len() == 0 {
            if self.keep_cut(bytes) {
                *chunk = &[];
                return Short::Nothing;
            }
        } else {
            if self.keep(bytes) {
                *chunk = &[];
                return Short::Nothing;
            }
            let Cut { taken, len } = self.complete(bytes, max);
            if taken > 0 {
                *chunk = bytes.get(taken..).unwrap_or_default();
                return Short::Buffer(self.buffer.last(len));
            }
        }
        if self.phase != Phase::Between {
            return Short::Unusual;
        }
        let Settled { place, taken, start } = self.settle(bytes, max);
        let (front, behind) = bytes.split_at_checked(taken).unwrap_or_default();
        *chunk = behind;
        match place {
            Place::Chunk => Short::Chunk(front.get(start..).unwrap_or_default()),
            Place::Storage => Short::Buffer(self.buffer.taken_from(start)),
            Place::Nowhere => Short::Nothing,
            Place::Unusual => Short::Unusual,
        }
    }

    #[inline(always)]
    pub(super) fn short_counted_in_buffer(&mut self, max: usize) -> Short<'static> {
        let Settled { place, start, .. } = self.settle_in_buffer(max);
        match place {
            Place::Storage => Short::Buffer(self.buffer.taken_from(start)),
            Place::Nowhere => Short::Nothing,
            Place::Chunk | Place::Unusual => Short::Unusual,
        }
    }

    /// Finds the next frame in `bytes`, or with what is unread before them; or keeps what there is of it.
    #[inline(never)]
    fn settle(&mut self, bytes: &[u8], max: usize) -> Settled {
        if self.buffer.unread_len() > 0 {
            return self.settle_unread(bytes, max);
        }
        self.offsets.close(0);
        let usual = self.usual(max, self.buffer.capacity());
        match head(&self.law, &mut self.state, bytes, usual) {
            Head::Whole { start, end } => {
                self.begin_anew();
                self.note_whole(end);
                self.open_chunk(bytes.len() - end);
                return Settled { place: Place::Chunk, taken: end, start };
            }
            Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
            Head::Unknown => {}
        }
        // So that what is cut has room behind it.
        self.buffer.clear();
        if self.keep(bytes) { Settled { taken: bytes.len(), ..Settled::NOWHERE } } else { Settled::UNUSUAL }
    }

    /// [`settle`](Self::settle) for a frame of which there are bytes in the storage.
    #[inline(always)]
    fn settle_unread(&mut self, bytes: &[u8], max: usize) -> Settled {
        self.offsets.close(self.buffer.unread_len());
        let mut taken = 0;
        while self.head == 0 || self.wanted - self.head <= max {
            let rest = bytes.get(taken..).unwrap_or_default();
            let missing = self.wanted.saturating_sub(self.buffer.unread_len());
            let piece = rest.get(..missing).unwrap_or(rest);
            if !self.buffer.append(piece) {
                break;
            }
            taken += piece.len();
            if piece.len() < missing {
                return Settled { taken, ..Settled::NOWHERE };
            }
            let found = if self.head > 0 {
                Head::Whole { start: self.head, end: self.wanted }
            } else {
                let usual = self.usual(max, self.buffer.room());
                head(&self.law, &mut self.state, self.buffer.unread(), usual)
            };
            match found {
                Head::Whole { start, end } => {
                    let start = self.take_whole(start, end, end).start;
                    if self.buffer.unread_len() == 0 {
                        self.open_chunk(bytes.len() - taken);
                    }
                    return Settled { place: Place::Storage, taken, start };
                }
                Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
                Head::Unknown => break,
            }
        }
        Settled { taken, ..Settled::UNUSUAL }
    }

    /// [`settle`](Self::settle) with what is unread alone.
    #[inline(always)]
    fn settle_in_buffer(&mut self, max: usize) -> Settled {
        if self.phase != Phase::Between {
            return Settled::UNUSUAL;
        }
        self.offsets.close(self.buffer.unread_len());
        let usual = self.usual(max, self.buffer.room());
        match head(&self.law, &mut self.state, self.buffer.unread(), usual) {
            Head::Whole { start, end } => {
                let start = self.take_whole(start, end, end).start;
                if self.may_open() {
                    self.offsets.open_unread(self.buffer.unread_len());
                }
                Settled { place: Place::Storage, taken: 0, start }
            }
            Head::Cut { head, len } => {
                (self.head, self.wanted) = (head, len);
                Settled::NOWHERE
            }
            Head::Unknown => Settled::UNUSUAL,
        }
    }

    /// Between frames: a row of them may come out of the chunk, of which so much is left.
    #[inline(always)]
    fn open_chunk(&mut self, left: usize) {
        if self.may_open() {
            self.offsets.open_chunk(left);
        }
    }

    /// Whether no rule is about frames for being short.
    #[inline(always)]
    fn may_open(&self) -> bool {
        self.least == 0 && L::PREFIX <= SHORT_HEADER
    }

    #[inline(always)]
    fn usual(&self, max: usize, room: usize) -> Usual {
        Usual { least: self.least, most: self.whole_limit.min(max), room }
    }
}

impl Cut {
    const NONE: Self = Self { taken: 0, len: 0 };
}

impl Settled {
    const NOWHERE: Self = Self { place: Place::Nowhere, taken: 0, start: 0 };
    const UNUSUAL: Self = Self { place: Place::Unusual, taken: 0, start: 0 };
}

/// Bytes of the header at the start of `bytes`, and of the payload that it announces, if these are at most `most`.
#[inline(always)]
fn begin<L: Framing>(law: &L, state: &mut L::State, most: usize, bytes: &[u8]) -> Option<(usize, usize)> {
    let Ok(Step::Begin { take, len }) = law.step(state, bytes) else { return None };
    let len = usize::try_from(len).ok()?;
    (take > 0 && len <= most).then_some((take, len))
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
            if len <= input.len() - take {
                Head::Whole { start: take, end: take + len }
            } else if len <= room.saturating_sub(take) {
                Head::Cut { head: take, len: take + len }
            } else {
                Head::Unknown
            }
        }
        _ => Head::Unknown,
    }
}
