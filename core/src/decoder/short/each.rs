//! All the frames of a row that end at one byte, where what is known between two of them stays in registers.

use core::ops::RangeInclusive;

use super::ahead::{Ends, LONG, places_of_block, places_of_last};
use crate::buffer::Storage;
use crate::decoder::Decoder;
use crate::framing::{BLOCK, Framing, are_few_without, find_far};

/// What became of a row.
struct Row<E> {
    /// Where the next frame begins.
    start: usize,
    /// Bytes of the last one that was handed out.
    last: usize,
    end: Result<Behind, E>,
}

/// What comes behind the frames that were handed out.
enum Behind {
    /// Bytes without a delimiter, or none.
    NoEnd,
    /// A frame that is not for the short way.
    Unusual,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// Hands the frames that end in `chunk` to `each`, if they are a row, or the first of them was cut. Whether all of the chunk was taken.
    #[inline(always)]
    pub(super) fn each_delimited<E>(
        &mut self,
        delimiter: u8,
        chunk: &mut &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let bytes = *chunk;
        let (start, last, ends);
        if self.offsets.is_open_chunk(bytes.len()) {
            // What was seen of it before is not trusted: it may have been swapped for another.
            (start, last, ends) = (0, self.offsets.last(), Ends::NONE);
        } else if self.keep_few_behind_cut(delimiter, bytes) {
            *chunk = &[];
            return Ok(true);
        } else if self.offsets.is_cut() {
            let unread = self.buffer.unread_len();
            let Some((end, behind)) = Ends::first(delimiter, bytes, unread >= LONG) else {
                let is_kept = self.keep_behind_cut(bytes);
                if is_kept {
                    *chunk = &[];
                }
                return Ok(is_kept);
            };
            let begin = self.buffer.start_of_unread();
            let Some(len) = self.complete_cut(bytes, end, usize::MAX) else { return Ok(false) };
            (start, last, ends) = (end + 1, unread + end, behind);
            *chunk = bytes.get(start..).unwrap_or_default();
            self.ahead.begin(chunk.len());
            each(self.buffer.get(begin..begin + len).unwrap_or_default())?;
        } else {
            return Ok(false);
        }
        let usual = self.least..=self.whole_limit;
        let row = each_between(&self.law, delimiter, usual, bytes, start, last, ends, each);
        let rest = bytes.get(row.start..).unwrap_or_default();
        *chunk = rest;
        if row.start > start {
            self.offsets.whole_in_chunk(row.last, rest.len());
        }
        if let Ok(Behind::NoEnd) = row.end
            && self.keep_rest(rest)
        {
            *chunk = &[];
            return Ok(true);
        }
        self.ahead.begin(rest.len());
        row.end?;
        Ok(false)
    }

    /// The same of what is unread. Whether there is no more until other bytes come.
    #[inline(always)]
    pub(super) fn each_delimited_unread<E>(
        &mut self,
        delimiter: u8,
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.offsets.is_open_unread()
            && let Some((unread, read)) = self.buffer.unread_to_take()
        {
            let ends = self.ahead.known(unread.len());
            let usual = self.least..=self.whole_limit;
            let row = each_between(&self.law, delimiter, usual, unread, 0, self.offsets.last(), ends, each);
            let left = unread.len() - row.start;
            *read += row.start;
            if row.start > 0 {
                self.offsets.whole_in_unread(row.last);
            }
            let is_end = matches!(row.end, Ok(Behind::NoEnd));
            self.ahead.begin(if is_end { 0 } else { left });
            row.end?;
            // A byte stays free to read into.
            return Ok(is_end && left <= self.whole_limit && left < self.buffer.capacity());
        }
        Ok(false)
    }
}

impl Ends {
    /// Searches on, behind these, of which all were taken. `None` at the end.
    #[inline(always)]
    fn behind(self, delimiter: u8, bytes: &[u8], is_far: bool) -> Option<Self> {
        let base = self.base + self.searched;
        let rest = bytes.get(base..)?;
        if is_far && are_few_without(delimiter, rest) {
            None
        } else if is_far {
            Some(Self { base: base + find_far(delimiter, rest)?, searched: 1, places: 1 })
        } else if let Some(block) = rest.first_chunk() {
            Some(Self { base, searched: BLOCK, places: places_of_block(delimiter, block) })
        } else if rest.is_empty() {
            None
        } else {
            Some(Self { base, searched: rest.len(), places: places_of_last(delimiter, bytes, rest.len()) })
        }
    }

    /// Where the first one is, and those behind it.
    #[inline(always)]
    fn first(delimiter: u8, bytes: &[u8], mut is_far: bool) -> Option<(usize, Self)> {
        let mut ends = Self::NONE;
        while ends.places == 0 {
            ends = ends.behind(delimiter, bytes, is_far)?;
            is_far |= ends.base >= LONG;
        }
        let end = ends.base + ends.places.trailing_zeros() as usize;
        ends.places &= ends.places - 1;
        Some((end, ends))
    }
}

/// Hands the frames that end with the delimiter to `each`, as long as they are `usual`: from `start` on. The one before was `last` bytes long.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "they must not be one value, or they would not be in registers")]
fn each_between<L: Framing, E>(
    law: &L,
    delimiter: u8,
    usual: RangeInclusive<usize>,
    bytes: &[u8],
    mut start: usize,
    mut last: usize,
    ends: Ends,
    each: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Row<E> {
    let Ends { mut base, mut searched, mut places } = ends;
    let end = 'row: loop {
        while places != 0 {
            let end = base + places.trailing_zeros() as usize;
            places &= places - 1;
            let Some(payload) = bytes.get(start..end).and_then(|before| law.payload(before)) else {
                break 'row Ok(Behind::Unusual);
            };
            if !usual.contains(&payload.len()) {
                break 'row Ok(Behind::Unusual);
            }
            last = end + 1 - start;
            start = end + 1;
            if let Err(error) = each(payload) {
                break 'row Err(error);
            }
        }
        let is_far = last >= LONG || base + searched - start >= LONG;
        match (Ends { base, searched, places }).behind(delimiter, bytes, is_far) {
            Some(ends) => Ends { base, searched, places } = ends,
            None => break Ok(Behind::NoEnd),
        }
    };
    Row { start, last, end }
}
