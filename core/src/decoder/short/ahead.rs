//! Where the delimiters are in the bytes that come next: found 64 bytes at a time, kept from one frame to the next.
//!
//! Places are offsets in the stream: these stay true however bytes are moved, appended or handed over, as long as the stream itself goes
//! on. Offsets are counted as memory is addressed, and wrap.

#[cfg(target_pointer_width = "64")]
use crate::framing::{BLOCK, find_far, places, places_in_few};

/// A slice of so many bytes, or of more, is searched by what uses all of the processor, if the last frame was long. It takes a while to
/// begin, so that for others it is slower.
#[cfg(target_pointer_width = "64")]
const FAR: usize = 4 * BLOCK;

/// What is known of the bytes that come next. Nothing, where there are no short ways.
#[derive(Clone, Copy, Debug, Default)]
#[cfg(target_pointer_width = "64")]
pub(in crate::decoder) struct Ahead {
    /// Delimiters in the rest of a block: bit n is for the n-th byte of those that come next.
    places: u64,
    /// Delimiters in the block behind that, which ends at `until`.
    later: u64,
    /// Up to here delimiters were searched for, and those that were found are in `places` and `later`, or ended frames.
    until: usize,
    /// Up to here there are none, or frames were taken since.
    none_until: usize,
    /// The address at which the stream would have begun, had all of it come in the slice in which the last were found.
    origin: usize,
    last: Last,
}

#[derive(Clone, Copy, Debug, Default)]
#[cfg(not(target_pointer_width = "64"))]
pub(in crate::decoder) struct Ahead {}

/// How long the last frame was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg(target_pointer_width = "64")]
enum Last {
    #[default]
    Short,
    Long,
}

#[cfg(not(target_pointer_width = "64"))]
impl Ahead {
    #[inline(always)]
    pub(in crate::decoder) fn forget(&mut self) {}
}

#[cfg(target_pointer_width = "64")]
impl Ahead {
    /// Nothing is known.
    #[inline(always)]
    pub(in crate::decoder) fn forget(&mut self) {
        (self.places, self.later) = (0, 0);
        self.note_none(0);
    }

    /// How many of the `len` bytes from offset `at` are known to hold no delimiter, where no delimiter is known.
    #[inline(always)]
    pub(super) fn known(&self, at: usize, len: usize) -> Option<usize> {
        let known = self.until.wrapping_sub(at);
        (known <= len).then_some(known)
    }

    /// The bytes up to this offset hold no delimiter.
    #[inline(always)]
    pub(super) fn note_none(&mut self, until: usize) {
        (self.until, self.none_until) = (until, until);
    }

    /// Whether the bytes that come next are known to hold no delimiter up to this offset, and not beyond.
    #[inline(always)]
    pub(super) fn is_none_until(&self, until: usize) -> bool {
        self.none_until == until
    }

    /// From now on what is found is of this slice, which begins at offset `at`.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, input: &[u8], at: usize) {
        self.origin = input.as_ptr().addr().wrapping_sub(at);
    }

    /// Whether what is known is of this slice, which begins at offset `at`.
    #[inline(always)]
    pub(super) fn is_of(&self, input: &[u8], at: usize) -> bool {
        self.origin == input.as_ptr().addr().wrapping_sub(at)
    }

    /// How many bytes come before the next delimiter, where it is in the block at hand. The frame is taken then, or all is forgotten.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.places == 0 {
            return None;
        }
        let place = self.places.trailing_zeros();
        self.places = self.places >> place >> 1;
        Some(place as usize)
    }

    /// The same in the block behind that, where the next byte is at offset `at`.
    #[inline(always)]
    pub(super) fn next_block(&mut self, at: usize) -> Option<usize> {
        if self.later == 0 {
            return None;
        }
        (self.places, self.later) = (self.later, 0);
        Some(self.until.wrapping_sub(BLOCK).wrapping_sub(at).wrapping_add(self.next()?))
    }

    /// How many bytes of `input`, which begins at offset `at`, come before the first delimiter, where none is known. The first `from` are
    /// known not to be one.
    #[inline(always)]
    pub(super) fn find(&mut self, delimiter: u8, input: &[u8], at: usize, from: usize) -> Option<usize> {
        debug_assert!(self.places | self.later == 0, "a delimiter would be forgotten");
        if let Some(rest) = input.get(from..)
            && let Some((block, rest)) = rest.split_first_chunk()
        {
            let first = places(delimiter, block);
            let behind = at.wrapping_add(from).wrapping_add(BLOCK);
            if let Some(block) = rest.first_chunk() {
                // Two at once: they need not wait for each other.
                self.later = places(delimiter, block);
                self.until = behind.wrapping_add(BLOCK);
                self.places = first;
                if let Some(place) = self.next() {
                    return Some(from + place);
                }
                return self.next_block(at).or_else(|| self.find_behind(delimiter, input, at, from + 2 * BLOCK));
            }
            self.until = behind;
            if first != 0 {
                self.places = first;
                return Some(from + self.next()?);
            }
            if rest.is_empty() {
                self.none_until = behind;
                return None;
            }
            return self.find_behind(delimiter, input, at, from + BLOCK);
        }
        if from == input.len() {
            self.none_until = at.wrapping_add(from);
            return None;
        }
        self.find_behind(delimiter, input, at, from)
    }

    /// [`find`](Self::find) in bytes of which nothing is known, from which on this is of them. Not made anew at each call.
    #[inline(never)]
    pub(super) fn find_anew(&mut self, delimiter: u8, input: &[u8], at: usize) -> Option<usize> {
        self.forget();
        self.turn_to(input, at);
        self.find(delimiter, input, at, 0)
    }

    /// The rest of [`find`](Self::find): in what is less than a block, or long.
    #[inline(never)]
    pub(super) fn find_behind(&mut self, delimiter: u8, input: &[u8], at: usize, from: usize) -> Option<usize> {
        let end = at.wrapping_add(input.len());
        let rest = input.get(from..).unwrap_or_default();
        if rest.len() < BLOCK {
            self.places = match input.last_chunk() {
                Some(block) if !rest.is_empty() => places(delimiter, block) >> (BLOCK - rest.len()),
                _ => places_in_few(delimiter, rest),
            };
            self.until = end;
            if self.places == 0 {
                self.none_until = end;
                return None;
            }
            return Some(from + self.next()?);
        }
        self.find_far(delimiter, input, at, from)
    }

    /// Whether to [`find_far`](Self::find_far), no delimiter being known.
    #[inline(always)]
    pub(super) fn is_far(&self, input: &[u8]) -> bool {
        self.last == Last::Long && input.len() >= FAR
    }

    /// [`find`](Self::find) by what uses all of the processor.
    #[inline(always)]
    pub(super) fn find_far(&mut self, delimiter: u8, input: &[u8], at: usize, from: usize) -> Option<usize> {
        // There may be some, if the rest of a chunk was moved elsewhere.
        (self.places, self.later) = (0, 0);
        let Some(place) = input.get(from..).and_then(|rest| find_far(delimiter, rest)) else {
            self.note_none(at.wrapping_add(input.len()));
            return None;
        };
        let place = from + place;
        match self.last {
            Last::Long if place < FAR / 2 => self.last = Last::Short,
            Last::Short if place >= FAR / 2 => self.last = Last::Long,
            _ => {}
        }
        // Nothing is noted of where it is, or would be for the next frame only, and that begins behind it.
        Some(place)
    }
}
