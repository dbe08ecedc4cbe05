//! Where a decoder stands in its stream, in bytes since the start.

/// How far the stream was taken, and where the frame at hand began.
///
/// A row of short frames is read as fast as what is noted of each can be noted. A number that is loaded, changed and stored again for each
/// frame holds up a large processor for longer than all the rest. So while frames come whole out of one place, such a processor notes only
/// what is known anyhow: how many bytes are left there, and how long the frame was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets {
    /// The offset of the first byte that was not taken; or, in a row of frames, of the one behind its source.
    end: u64,
    /// Where frames come from in a row.
    #[cfg(target_pointer_width = "64")]
    source: Source,
    /// Where the frame at hand began, or the one before it. Does not count where `whole` is not 0.
    frame: u64,
    /// Bytes of the frame that was taken last, if it came whole and nothing was taken since.
    #[cfg(target_pointer_width = "64")]
    whole: usize,
}

/// Where frames come from in a row, whole: the bytes that are left of the caller's chunk, or one of those below. No slice is as long.
#[cfg(target_pointer_width = "64")]
type Source = usize;

/// What is unread in the storage.
#[cfg(target_pointer_width = "64")]
const UNREAD: Source = usize::MAX - 2;

/// There is no row, because all that is unread is the beginning of one frame.
#[cfg(target_pointer_width = "64")]
const CUT: Source = usize::MAX - 1;

/// There is no row.
#[cfg(target_pointer_width = "64")]
const NONE: Source = usize::MAX;

#[cfg(target_pointer_width = "64")]
impl Offsets {
    pub(super) const START: Self = Self { end: 0, source: NONE, frame: 0, whole: 0 };

    /// The offset of the first byte that was not taken, where so many are unread.
    #[inline(always)]
    pub(super) fn position(self, unread: usize) -> u64 {
        let left = match self.source {
            CUT | NONE => 0,
            UNREAD => unread,
            left => left,
        };
        self.end.wrapping_sub(left as u64)
    }

    /// Where the frame at hand, or the one delivered last, began.
    #[inline(always)]
    pub(super) fn frame(self, unread: usize) -> u64 {
        if self.whole > 0 { self.position(unread).wrapping_sub(self.whole as u64) } else { self.frame }
    }

    /// A row of frames may come out of what is left of the chunk, where there is none, or nothing was left of the last one.
    #[inline(always)]
    pub(super) fn open_chunk(&mut self, left: usize) {
        (self.end, self.source) = (self.end.wrapping_add(left as u64), left);
    }

    /// A row of frames may come out of what is unread. There is none yet.
    #[inline(always)]
    pub(super) fn open_unread(&mut self, unread: usize) {
        (self.end, self.source) = (self.end.wrapping_add(unread as u64), UNREAD);
    }

    /// A frame of `len` bytes was taken, where there was no row. Now there is one, out of what is left of the chunk.
    #[inline(always)]
    pub(super) fn open_behind(&mut self, len: usize, left: usize) {
        debug_assert!(self.source == NONE, "a row of frames goes on");
        self.end = self.end.wrapping_add(len as u64).wrapping_add(left as u64);
        (self.source, self.whole) = (left, len);
    }

    /// Something else may come next.
    #[inline(always)]
    pub(super) fn close(&mut self, unread: usize) {
        if self.source != NONE {
            (self.end, self.source) = (self.position(unread), NONE);
        }
    }

    /// The same where a row is open in a chunk, of which so much is left.
    #[inline(always)]
    pub(super) fn close_chunk(&mut self, left: usize) {
        debug_assert!(self.source == left, "a row of frames goes on elsewhere");
        (self.end, self.source) = (self.end.wrapping_sub(left as u64), NONE);
    }

    /// Whether a frame of a row may come out of a chunk of this length.
    #[inline(always)]
    pub(super) fn is_open_chunk(self, left: usize) -> bool {
        self.source == left
    }

    /// How much is left of a chunk of which so much was there, now that a frame was completed with its first bytes, or was without any.
    #[inline(always)]
    pub(super) fn left(self, chunk: usize) -> usize {
        self.source.min(chunk)
    }

    #[inline(always)]
    pub(super) fn is_open_unread(self) -> bool {
        self.source == UNREAD
    }

    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        // Not `==`: a compiler takes it for unlikely that something is all ones.
        self.source > CUT
    }

    /// A frame of `len` bytes was taken out of the chunk, of which so much is left.
    #[inline(always)]
    pub(super) fn whole_in_chunk(&mut self, len: usize, left: usize) {
        (self.source, self.whole) = (left, len);
    }

    /// The same, where the one before it was as long.
    #[inline(always)]
    pub(super) fn as_long_in_chunk(&mut self, len: usize, left: usize) {
        debug_assert!(self.whole == len, "the row's last frame was of {} bytes, not {len}", self.whole);
        self.source = left;
    }

    /// A frame of `len` bytes was taken out of what was unread.
    #[inline(always)]
    pub(super) fn whole_in_unread(&mut self, len: usize) {
        self.whole = len;
    }

    /// The same, where the one before it was as long.
    #[inline(always)]
    pub(super) fn as_long_in_unread(&mut self, len: usize) {
        debug_assert!(self.whole == len, "the row's last frame was of {} bytes, not {len}", self.whole);
    }

    /// A frame is cut: all that comes next of it is unread then, and holds no end.
    #[inline(always)]
    pub(super) fn cut(&mut self, unread: usize) {
        (self.end, self.source) = (self.position(unread), CUT);
    }

    /// Bytes of the last frame, if it came whole and nothing was taken since.
    #[inline(always)]
    pub(super) fn last(self) -> usize {
        self.whole
    }

    #[inline(always)]
    pub(super) fn is_cut(self) -> bool {
        self.source == CUT
    }

    /// The frame that was cut, of `len` bytes, was taken, and `left` bytes are left of the chunk with its end. Now there is a row, out of these.
    #[inline(always)]
    pub(super) fn open_behind_cut(&mut self, len: usize, left: usize) {
        debug_assert!(self.source == CUT, "no frame was cut");
        self.source = NONE;
        self.open_behind(len, left);
    }

    /// `n` bytes were put behind those that were unread.
    #[inline(always)]
    pub(super) fn grow(&mut self, n: usize, unread: usize) {
        if self.source == UNREAD {
            self.end = self.end.wrapping_add(n as u64);
        } else if self.source == CUT {
            (self.end, self.source) = (self.end.wrapping_add(unread as u64).wrapping_add(n as u64), UNREAD);
        } else {
            self.close(unread);
        }
    }
}

#[cfg(not(target_pointer_width = "64"))]
impl Offsets {
    pub(super) const START: Self = Self { end: 0, frame: 0 };

    #[inline(always)]
    pub(super) fn position(self, _: usize) -> u64 {
        self.end
    }

    #[inline(always)]
    pub(super) fn frame(self, _: usize) -> u64 {
        self.frame
    }

    #[inline(always)]
    pub(super) fn open_chunk(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn open_unread(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn open_behind(&mut self, _: usize, _: usize) {}

    #[inline(always)]
    pub(super) fn close(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn close_chunk(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn is_open_chunk(self, _: usize) -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn left(self, chunk: usize) -> usize {
        chunk
    }

    #[inline(always)]
    pub(super) fn is_open_unread(self) -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        true
    }

    #[inline(always)]
    pub(super) fn whole_in_chunk(&mut self, _: usize, _: usize) {}

    #[inline(always)]
    pub(super) fn as_long_in_chunk(&mut self, _: usize, _: usize) {}

    #[inline(always)]
    pub(super) fn whole_in_unread(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn as_long_in_unread(&mut self, _: usize) {}

    #[inline(always)]
    pub(super) fn grow(&mut self, _: usize, _: usize) {}
}

/// Where there is no row.
impl Offsets {
    /// A frame begins with the next byte.
    #[inline(always)]
    pub(super) fn begin_frame(&mut self) {
        self.forget_whole();
        self.frame = self.end;
    }

    /// `n` bytes of the frame at hand were taken, or of none.
    #[inline(always)]
    pub(super) fn advance(&mut self, n: usize) {
        self.frame = self.frame(0);
        self.forget_whole();
        self.end = self.end.wrapping_add(n as u64);
    }

    /// The same, where no frame was taken out of a row.
    #[inline(always)]
    pub(super) fn advance_alone(&mut self, n: usize) {
        #[cfg(target_pointer_width = "64")]
        debug_assert!(self.source == NONE && self.whole == 0, "a frame came out of a row");
        self.end = self.end.wrapping_add(n as u64);
    }

    /// Bytes that were taken of the frame at hand.
    #[inline(always)]
    pub(super) fn taken(self) -> u64 {
        self.end.wrapping_sub(self.frame(0))
    }

    #[inline(always)]
    fn forget_whole(&mut self) {
        #[cfg(target_pointer_width = "64")]
        {
            debug_assert!(self.source == NONE, "a row of frames goes on");
            self.whole = 0;
        }
    }
}
