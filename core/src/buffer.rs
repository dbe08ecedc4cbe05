//! The decoder's storage: one linear buffer that holds the payload gathered for the frame at hand, the bytes that nobody
//! has looked at yet, and free space.
//!
//! ```text
//!   0        frame.start   frame.end      read            end          capacity
//!   |  free  |   gathered payload  |  gap   |  unread bytes  |   spare    |
//! ```
//!
//! Payload that arrives by direct reads is gathered where it lies: as long as there is no gap, gathering is moving a border.

use core::cell::Cell;
use core::ops::Range;

/// Where a decoder or encoder keeps its bytes: an array, a borrowed slice, a boxed slice.
///
/// An array that is too short for one frame of the law is an error when the program is compiled:
///
/// ```compile_fail
/// use framewright::{Decoder, framing::U32};
/// let decoder = Decoder::new(U32::new(), [0; 3]); // the length alone has four bytes
/// ```
///
/// ```compile_fail
/// use framewright::{Encoder, framing::U32};
/// let encoder = Encoder::new(U32::new(), [0; 3]);
/// ```
///
/// ```compile_fail
/// use framewright::{Instant, Session, SessionConfig, service::Echo};
/// let session = Session::new(Echo::new(), [0; 3], [0; 64], SessionConfig::default(), Instant::ZERO);
/// ```
///
/// Of what is not inside the value itself the length is known only when the program runs. There the error comes with the first header
/// that does not fit, [`HeaderTooLong`](crate::DecodeErrorKind::HeaderTooLong), or with the first frame to send,
/// [`TooLarge`](crate::EncodeError::TooLarge).
///
/// ```
/// use framewright::{DecodeErrorKind, Decoder, EncodeError, Encoder, framing::U32};
///
/// let mut decoder = Decoder::new(U32::new(), vec![0; 3]);
/// let error = decoder.next(&mut &b"\0\0\0\0"[..]).unwrap_err();
/// assert_eq!(error.kind, DecodeErrorKind::HeaderTooLong { need: 4, capacity: 3 });
///
/// let mut encoder = Encoder::new(U32::new(), vec![0; 3]);
/// assert_eq!(encoder.push(b""), Err(EncodeError::TooLarge { need: 4, capacity: 3 }));
/// ```
pub trait Storage: AsRef<[u8]> + AsMut<[u8]> {}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Storage for T {}

/// Whether there are short ways for the usual frames, whose code is made anew at each call. On a small processor memory is dearer than time.
pub(crate) const SHORT_WAYS: bool = cfg!(target_pointer_width = "64");

/// Whether a storage may have so many bytes, as far as its type tells. What is not aligned is bytes and nothing else, as an array is:
/// whatever refers to bytes elsewhere, or counts them, is aligned further. (What has no size may stand for a `static`.)
pub(crate) const fn may_hold<S>(bytes: usize) -> bool {
    align_of::<S>() > 1 || size_of::<S>() == 0 || size_of::<S>() >= bytes
}

/// See the picture above.
///
/// `0 <= start <= filled <= read <= end <= storage.len()`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer<S> {
    storage: S,
    /// Where the gathered payload starts.
    start: usize,
    /// Where the gathered payload ends.
    filled: usize,
    /// Where the unread bytes start.
    read: usize,
    /// Where the unread bytes end.
    end: usize,
}

impl<S: Storage> Buffer<S> {
    pub(crate) const fn new(storage: S) -> Self {
        Self { storage, start: 0, filled: 0, read: 0, end: 0 }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        (self.start, self.filled, self.read, self.end) = (0, 0, 0, 0);
    }

    /// Free space behind the unread bytes; at least `wanted` of it if moving things to the front can give that. A gap of
    /// `slack` bytes is left before the unread ones, if there is space for it.
    #[inline]
    pub(crate) fn spare_mut(&mut self, wanted: usize, slack: usize) -> &mut [u8] {
        if self.start == self.filled && self.read == self.end {
            self.clear();
        }
        if slack > 0 || self.capacity() - self.end < wanted && self.end > 0 {
            self.compact(slack);
        }
        self.storage.as_mut().get_mut(self.end..).unwrap_or_default()
    }

    /// Free space behind the unread bytes, where nothing is ever gathered: as much as `total` unread bytes need, those that are here
    /// included, and a quarter of the storage, so that a reader is not fed in crumbs.
    #[inline]
    pub(crate) fn spare_behind(&mut self, total: usize) -> &mut [u8] {
        let unread = self.end - self.read;
        let enough = (self.capacity() / 4).max(total.saturating_sub(unread));
        // On a small device they are moved whenever there is a gap. That is less code, and happens twice a frame at most.
        if SHORT_WAYS && unread == 0 {
            (self.read, self.end) = (0, 0);
        } else if !SHORT_WAYS || self.capacity() - self.end < enough {
            copy_down(self.storage.as_mut(), self.read..self.end, 0);
            (self.read, self.end) = (0, unread);
        }
        let end = self.end.min(self.capacity());
        self.storage.as_mut().get_mut(end..).unwrap_or_default()
    }

    /// The first `n` bytes of the spare space were filled; more than there are counts as all.
    #[inline]
    pub(crate) fn commit(&mut self, n: usize) {
        self.end += n.min(self.capacity() - self.end);
    }

    /// Copies as many of `bytes` as fit behind the unread ones, and says how many. The gap is as for `spare_mut`.
    pub(crate) fn push(&mut self, bytes: &[u8], slack: usize) -> usize {
        let spare = self.spare_mut(bytes.len(), slack);
        let n = bytes.len().min(spare.len());
        if let (Some(to), Some(from)) = (spare.get_mut(..n), bytes.get(..n)) {
            copy(to, from);
        }
        self.commit(n);
        n
    }

    /// Puts all of `bytes` behind the unread ones, or none, for want of room.
    #[inline(always)]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> bool {
        let spare = self.storage.as_mut().get_mut(self.end..);
        let Some(place) = spare.and_then(|spare| spare.get_mut(..bytes.len())) else {
            return false;
        };
        copy_short(place, bytes);
        self.end += bytes.len();
        self.check();
        true
    }

    /// Puts the first `n` of `bytes` behind the unread ones, if these are few, and more follow, and there is room for those too: to copy more
    /// costs less than to find out how few they are.
    #[inline(always)]
    pub(crate) fn append_few(&mut self, bytes: &[u8], n: usize) -> bool {
        let free = self.storage.as_mut().get_mut(self.end..);
        if n <= FEW
            && let Some(from) = bytes.first_chunk::<FEW>()
            && let Some(to) = free.and_then(|free| free.first_chunk_mut::<FEW>())
        {
            *to = *from;
            self.end += n;
            return true;
        }
        false
    }

    /// Puts the first `n` of `bytes` behind the unread ones, if there are as many, and room for them.
    #[cold]
    #[inline(never)]
    pub(crate) fn append_front(&mut self, bytes: &[u8], n: usize) -> bool {
        bytes.get(..n).is_some_and(|front| self.append(front))
    }

    /// Puts a byte behind the unread ones, if there is room.
    #[inline(always)]
    pub(crate) fn append_byte(&mut self, byte: u8) -> bool {
        let end = self.end;
        let Some(place) = self.storage.as_mut().get_mut(end) else { return false };
        self.end = end + 1;
        *place = byte;
        true
    }

    /// Drops all that is unread. It stays where it is until the next call that adds.
    #[inline(always)]
    pub(crate) fn skip_all(&mut self) {
        self.read = self.end;
    }

    /// Takes the last `n` unread bytes back.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn shorten(&mut self, n: usize) {
        self.end -= n.min(self.end - self.read);
    }

    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn start_of_unread(&self) -> usize {
        self.read
    }

    /// Brings bytes from the front of `chunk` behind the unread ones until these are `total`, as far as there are any and there
    /// is room.
    #[inline]
    pub(crate) fn bring(&mut self, chunk: &mut &[u8], total: usize) {
        let missing = total.saturating_sub(self.unread_len()).min(chunk.len());
        if self.capacity() - self.read < total {
            if self.read == self.end && self.start == self.filled {
                self.clear();
            } else {
                self.compact(0);
            }
        }
        if let Some((now, later)) = chunk.split_at_checked(missing.min(self.capacity() - self.end)) {
            self.append(now);
            *chunk = later;
        }
    }

    /// Bytes that fit behind `read`, those that are unread included.
    #[inline(always)]
    pub(crate) fn room(&self) -> usize {
        self.capacity() - self.read
    }

    /// Takes the first `next` unread bytes away, of which those from `start` to `end` are payload, and says where that lies.
    #[inline(always)]
    pub(crate) fn take_whole(&mut self, start: usize, end: usize, next: usize) -> Range<usize> {
        let payload = self.read + start..self.read + end;
        self.read += next;
        self.check();
        payload
    }

    /// Takes the first unread bytes away: `head`, and then `len` that are lent.
    #[inline(always)]
    pub(crate) fn take_payload(&mut self, head: usize, len: usize) -> &[u8] {
        let unread = self.storage.as_ref().get(..self.end).and_then(|used| used.get(self.read..)).unwrap_or_default();
        let payload = unread.get(head..).and_then(|behind| behind.get(..len)).unwrap_or_default();
        self.read += head + len;
        payload
    }

    /// Where the last `len` bytes before the first unread one are.
    #[inline(always)]
    pub(crate) fn last(&self, len: usize) -> Range<usize> {
        self.read.saturating_sub(len)..self.read
    }

    /// What lies there, where bytes were taken.
    #[inline(always)]
    pub(crate) fn get_taken(&self, range: Range<usize>) -> Option<&[u8]> {
        self.storage.as_ref().get(range)
    }

    /// What lies there.
    #[inline(always)]
    pub(crate) fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        // In the steps in which it was looked whether a frame is there: then the compiler need not make them again.
        self.storage.as_ref().get(..self.end)?.get(range.start..)?.get(..range.end.wrapping_sub(range.start))
    }

    /// Space for payload from outside behind what is gathered, until that is `most` bytes. Nothing is unread.
    #[inline(always)]
    pub(crate) fn place(&mut self, most: usize) -> Option<&mut [u8]> {
        debug_assert!(self.read == self.end, "bytes would overtake unread ones");
        if self.start == self.filled {
            (self.start, self.filled) = (0, 0);
        }
        let gathered = self.filled - self.start;
        let free = self.storage.as_mut().get_mut(self.filled..)?;
        let room = free.len().min(most.checked_sub(gathered)?);
        free.get_mut(..room)
    }

    /// Space for one byte of payload from outside, behind what is gathered. Nothing is unread.
    #[inline(always)]
    pub(crate) fn place_of_one(&mut self) -> Option<&mut [u8]> {
        debug_assert!(self.read == self.end, "bytes would overtake unread ones");
        Some(core::slice::from_mut(self.storage.as_mut().get_mut(self.filled)?))
    }

    /// The first `n` bytes of what [`place`](Self::place) or [`place_of_one`](Self::place_of_one) gave are payload now.
    #[inline(always)]
    pub(crate) fn placed(&mut self, n: usize) {
        let end = self.filled + n;
        (self.filled, self.read, self.end) = (end, end, end);
        self.check();
    }

    /// For a run that gathers payload from the unread bytes: what is used, where the unread bytes begin in it, and where the payload lies,
    /// which may grow up to there. [`gathered_run`](Self::gathered_run) says what came of it.
    #[inline(always)]
    pub(crate) fn used_for_run(&mut self) -> Option<(&mut [u8], usize, Range<usize>)> {
        let payload = if self.start == self.filled { self.read..self.read } else { self.start..self.filled };
        Some((self.storage.as_mut().get_mut(..self.end)?, self.read, payload))
    }

    /// A run has taken the first `taken` unread bytes, and the payload lies there now.
    #[inline(always)]
    pub(crate) fn gathered_run(&mut self, taken: usize, payload: &Range<usize>) {
        self.skip(taken);
        self.filled = payload.end.min(self.read);
        self.start = payload.start.min(self.filled);
        self.check();
    }

    /// Bytes between what is gathered, or else the front, and what is unread.
    #[inline(always)]
    pub(crate) fn gap(&self) -> usize {
        if self.start == self.filled { self.read } else { self.read - self.filled }
    }

    /// What comes next will lie where it is gathered, if nothing is unread.
    #[inline(always)]
    pub(crate) fn close_gap(&mut self) {
        if self.read == self.end {
            (self.read, self.end) = (self.filled, self.filled);
        }
    }

    /// Where the gathered payload lies, which is taken away.
    #[inline(always)]
    pub(crate) fn take_gathered_range(&mut self) -> Range<usize> {
        let range = self.start..self.filled;
        self.start = self.filled;
        range
    }

    /// Drops the first `n` unread bytes.
    #[inline]
    pub(crate) fn skip(&mut self, n: usize) {
        self.read += n.min(self.end - self.read);
    }

    /// The first `n` unread bytes are payload: they join what is gathered.
    pub(crate) fn gather(&mut self, n: usize) {
        let n = n.min(self.end - self.read);
        if self.start == self.filled {
            (self.start, self.filled) = (self.read, self.read);
        }
        if self.filled < self.read {
            copy_down(self.storage.as_mut(), self.read..self.read + n, self.filled);
        }
        self.filled += n;
        self.read += n;
        self.check();
    }

    /// Bytes from outside are payload: all of them join what is gathered, or `false`. Nothing is unread.
    pub(crate) fn gather_from(&mut self, bytes: &[u8]) -> bool {
        debug_assert!(self.read == self.end, "bytes would overtake unread ones");
        if self.start == self.filled {
            self.clear();
        }
        if self.capacity() - self.filled < bytes.len() {
            self.compact(0);
        }
        let spare = self.storage.as_mut().get_mut(self.filled..);
        let Some(place) = spare.and_then(|spare| spare.get_mut(..bytes.len())) else {
            return false;
        };
        copy(place, bytes);
        let end = self.filled + bytes.len();
        (self.filled, self.read, self.end) = (end, end, end);
        self.check();
        true
    }

    /// One byte of payload that does not stand in the stream joins what is gathered, or `false` for want of space. If it is
    /// the first, up to `gap` bytes before the unread ones are for it and more of its kind.
    pub(crate) fn gather_byte(&mut self, value: u8, gap: usize) -> bool {
        if self.read == self.end {
            return self.gather_from(&[value]);
        }
        if self.start == self.filled {
            let at = self.read.saturating_sub(gap);
            (self.start, self.filled) = (at, at);
        }
        if self.filled == self.read {
            // No gap to write into: the unread bytes move up by one.
            if self.end == self.capacity() {
                self.compact(0);
            }
            let Some(unread) = self.storage.as_mut().get_mut(self.read..self.end.saturating_add(1)) else {
                return false;
            };
            let mut carried = 0;
            for byte in unread {
                core::mem::swap(byte, &mut carried);
            }
            self.read += 1;
            self.end += 1;
        }
        if let Some(place) = self.storage.as_mut().get_mut(self.filled) {
            *place = value;
        }
        self.filled += 1;
        self.check();
        true
    }

    /// Takes the gathered payload away, up to `max` bytes of it. It stays where it is until the next call that adds.
    #[inline]
    pub(crate) fn take_gathered(&mut self, max: usize) -> &[u8] {
        let from = self.start;
        self.start = from.saturating_add(max).min(self.filled);
        self.storage.as_ref().get(from..self.start).unwrap_or_default()
    }

    /// Drops the gathered payload.
    #[inline]
    pub(crate) fn drop_gathered(&mut self) {
        self.start = self.filled;
    }

    /// Takes the first `n` unread bytes away. They stay where they are until the next call that adds.
    #[inline]
    pub(crate) fn take_unread(&mut self, n: usize) -> &[u8] {
        let from = self.read;
        self.skip(n);
        self.storage.as_ref().get(from..self.read).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        self.storage.as_ref().get(self.read..self.end).unwrap_or_default()
    }

    /// `unread`, for the short ways: the compiler makes a branch of this, and a calculation of the other.
    #[inline(always)]
    pub(crate) fn unread_checked(&self) -> Option<&[u8]> {
        self.storage.as_ref().get(..self.end)?.get(self.read..)
    }

    /// The unread bytes, and where they start, for who takes some and lends them.
    #[inline(always)]
    pub(crate) fn unread_to_take(&mut self) -> Option<(&[u8], &mut usize)> {
        Some((self.storage.as_ref().get(..self.end)?.get(self.read..)?, &mut self.read))
    }

    #[inline]
    pub(crate) fn unread_len(&self) -> usize {
        self.end - self.read
    }

    #[inline]
    pub(crate) fn gathered_len(&self) -> usize {
        self.filled - self.start
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// The storage, and where the unread bytes lie in it.
    pub(crate) fn into_parts(self) -> (S, Range<usize>) {
        (self.storage, self.read..self.end)
    }

    /// Moves the gathered payload to the front and the unread bytes behind it, `slack` bytes apart where there is space: bytes
    /// that are unread already are not moved up.
    #[cold]
    fn compact(&mut self, slack: usize) {
        let gathered = self.gathered_len();
        let unread = self.unread_len();
        let gap = match unread {
            // At least one byte stays free to read into.
            0 => self.capacity().saturating_sub(gathered + 1),
            _ if gathered == 0 => self.read,
            _ => self.read - self.filled,
        };
        let read = gathered + gap.min(slack);
        if self.start > 0 {
            copy_down(self.storage.as_mut(), self.start..self.filled, 0);
        }
        if self.read > read {
            copy_down(self.storage.as_mut(), self.read..self.end, read);
        }
        (self.start, self.filled, self.read, self.end) = (0, gathered, read, read + unread);
        self.check();
    }

    #[inline]
    fn check(&self) {
        debug_assert!(self.start <= self.filled, "{} > {}", self.start, self.filled);
        debug_assert!(self.filled <= self.read, "{} > {}", self.filled, self.read);
        debug_assert!(self.read <= self.end, "{} > {}", self.read, self.end);
        debug_assert!(self.end <= self.capacity(), "{} > {}", self.end, self.capacity());
    }
}

/// Bytes for which a call of `memcpy` takes longer than to copy them, at most.
pub(crate) const FEW: usize = 64;

/// Copies `from` to `to`, which are of one length. The few bytes that a cut frame leaves at both ends are copied here, in two pieces that may
/// overlap.
#[inline(always)]
pub(crate) fn copy_short(to: &mut [u8], from: &[u8]) {
    if cfg!(target_pointer_width = "64") && from.len() <= FEW {
        if from.len() > 32 {
            copy_ends::<32>(to, from);
        } else if from.len() >= 16 {
            copy_ends::<16>(to, from);
        } else if from.len() >= 8 {
            copy_ends::<8>(to, from);
        } else if from.len() >= 4 {
            copy_ends::<4>(to, from);
        } else if from.len() >= 2 {
            copy_ends::<2>(to, from);
        } else {
            copy_ends::<1>(to, from);
        }
        return;
    }
    copy(to, from);
}

/// Copies `from` to `to`, which are of one length. On a small device in two loops, eight bytes at a time and the rest: they take a fifth of the
/// flash of `memcpy`, and as many instructions a byte. (Written with iterators over chunks the first would become a call of it.)
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if cfg!(target_pointer_width = "64") {
        if from.len() == to.len() {
            to.copy_from_slice(from);
        }
        return;
    }
    if to.len() != from.len() {
        return;
    }
    let (mut to, mut from) = (to, from);
    while let Some((now, later)) = from.split_first_chunk::<8>() {
        let Some((place, behind)) = to.split_first_chunk_mut::<8>() else { return };
        *place = *now;
        (to, from) = (behind, later);
    }
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Copies the first `N` bytes and the last, if there are as many.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        if let Some(to) = to.first_chunk_mut::<N>() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut::<N>() {
            *to = *last;
        }
    }
}

/// Moves `from` to `to`, which is not above `from.start`. Ranges that are not inside `bytes` do nothing: no caller has such a range, but
/// the compiler cannot know. In one place, and in these words, it sees that nothing here can panic.
#[inline(never)]
pub(crate) fn copy_down(bytes: &mut [u8], from: Range<usize>, to: usize) {
    let distance = from.start.saturating_sub(to);
    let Some(window) = bytes.get_mut(to..from.end) else { return };
    if cfg!(target_pointer_width = "64") {
        if (1..=window.len()).contains(&distance) {
            window.copy_within(distance.., 0);
        }
        return;
    }
    if distance == 0 {
        return;
    }
    // `memmove` alone is longer than all the rest here, and a small device has no other use for it.
    let cells = Cell::from_mut(window).as_slice_of_cells();
    let Some(behind) = cells.get(distance..) else { return };
    for (to, from) in cells.iter().zip(behind) {
        to.set(from.get());
    }
}
