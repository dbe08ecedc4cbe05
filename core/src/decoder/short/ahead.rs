//! Where the delimiters are in the bytes that come next: found 64 bytes at a time, kept from one frame to the next.
//!
//! What is known is of a row of frames, and true as long as [`Offsets`](crate::decoder::offsets::Offsets) knows of that row. Places are
//! counted from the end of what the row comes from, so that they stay true when bytes are moved.

#[cfg(target_pointer_width = "64")]
use crate::framing::{BLOCK, find_far, places, places_in_few};

/// Frames of so many bytes, or more, are searched by what uses all of the processor. That takes a while to begin.
#[cfg(target_pointer_width = "64")]
pub(super) const LONG: usize = 2 * BLOCK;

/// What is known of the bytes that come next. Nothing, where there are no short ways.
#[derive(Clone, Copy, Debug, Default)]
#[cfg(target_pointer_width = "64")]
pub(in crate::decoder) struct Ahead {
    /// Delimiters in the block at hand: bit n is for its n-th byte.
    places: u64,
    /// Those in the blocks behind it, as far as these were searched.
    later: [u64; BLOCKS - 1],
    /// Bytes from the first one of the block at hand to the end of what the row comes from.
    block: usize,
    /// How many of these were searched: those of the block at hand, and of the later ones.
    searched: usize,
    last: Last,
}

/// Delimiters of some bytes, from `base` on, where so many bytes were searched: bit n is for byte n. Before that there is none.
#[derive(Clone, Copy)]
#[cfg(target_pointer_width = "64")]
pub(super) struct Ends {
    pub(super) base: usize,
    pub(super) searched: usize,
    pub(super) places: u64,
}

#[cfg(target_pointer_width = "64")]
impl Ends {
    pub(super) const NONE: Self = Self { base: 0, searched: 0, places: 0 };
}

/// Blocks that are searched together. Where the next ones are is known only when the last frame was taken: so many need not wait for that.
#[cfg(target_pointer_width = "64")]
const BLOCKS: usize = 3;

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
    pub(in crate::decoder) fn grow(&mut self, _: usize) {}
}

#[cfg(target_pointer_width = "64")]
impl Ahead {
    /// A row begins, of which nothing is known, in so many bytes.
    #[inline(always)]
    pub(super) fn begin(&mut self, len: usize) {
        (self.places, self.block, self.searched) = (0, len, 0);
    }

    /// `n` bytes were put behind those that the row comes from.
    #[inline(always)]
    pub(in crate::decoder) fn grow(&mut self, n: usize) {
        self.block = self.block.wrapping_add(n);
    }

    /// How many of the `len` bytes that come next are before the first delimiter, where it is in the block at hand.
    // Nothing is noted: what is loaded, changed and stored again for each frame holds up a large processor.
    #[inline(always)]
    pub(super) fn next(&self, len: usize) -> Option<usize> {
        let taken = self.block.wrapping_sub(len);
        if taken >= BLOCK {
            return None;
        }
        let places = self.places >> taken;
        if places == 0 { None } else { Some(places.trailing_zeros() as usize) }
    }

    /// What is known of the `len` bytes that come next.
    #[inline(always)]
    pub(super) fn known(&self, len: usize) -> Ends {
        let here = self.searched.min(BLOCK);
        match self.block.checked_sub(len) {
            None => Ends { base: len - self.block, searched: here, places: self.places },
            Some(taken) if taken < here => {
                Ends { base: 0, searched: (here - taken).min(len), places: self.places >> taken }
            }
            Some(_) => Ends::NONE,
        }
    }

    /// The same where it is not in the block at hand.
    #[inline(always)]
    pub(super) fn look(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        if self.searched > BLOCK
            && let Some(end) = self.next_block(bytes.len())
        {
            Some(end)
        } else if self.block == self.searched {
            None
        } else if self.last == Last::Long {
            self.find_far(delimiter, bytes)
        } else if self.block.wrapping_sub(self.searched) >= BLOCKS * BLOCK {
            self.find(delimiter, bytes)
        } else {
            self.find_in_few(delimiter, bytes)
        }
    }

    /// Whether all was searched, and there is no delimiter in the `len` bytes that come next.
    #[inline(always)]
    pub(super) fn is_over(&self, len: usize) -> bool {
        self.block == self.searched && self.searched <= BLOCK && self.next(len).is_none()
    }

    /// [`look`](Self::look), where frames are short, and there are many bytes.
    // Not made anew at each call: what a compiler makes of a search for places depends on what is around it.
    #[inline(never)]
    fn find(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        let rest = self.rest(bytes)?;
        let (blocks, _) = rest.first_chunk::<{ BLOCKS * BLOCK }>()?.as_chunks::<BLOCK>();
        self.places = places(delimiter, &blocks[0]);
        self.later = [places(delimiter, &blocks[1]), places(delimiter, &blocks[2])];
        (self.block, self.searched) = (rest.len(), BLOCKS * BLOCK);
        if let Some(end) = self.first(bytes.len()).or_else(|| self.next_block(bytes.len())) {
            return Some(end);
        }
        self.find_behind(delimiter, bytes)
    }

    /// The same behind those, in which there is none.
    #[inline(never)]
    fn find_behind(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        self.find_far(delimiter, bytes)
    }

    /// The same where there are not as many bytes.
    #[inline(never)]
    fn find_in_few(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        let rest = self.rest(bytes)?;
        let Some(block) = rest.first_chunk() else { return self.find_in_last(delimiter, bytes, rest) };
        self.places = places(delimiter, block);
        (self.block, self.searched) = (rest.len(), BLOCK);
        if self.places != 0 || rest.len() == BLOCK {
            return self.first(bytes.len());
        }
        self.find_in_fewer(delimiter, bytes)
    }

    /// The same behind a block in which there is none.
    #[inline(never)]
    fn find_in_fewer(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        let mut rest = self.rest(bytes)?;
        while let Some((block, behind)) = rest.split_first_chunk() {
            self.places = places(delimiter, block);
            (self.block, self.searched) = (rest.len(), BLOCK);
            if let Some(end) = self.first(bytes.len()) {
                return Some(end);
            }
            rest = behind;
        }
        self.find_in_last(delimiter, bytes, rest)
    }

    /// The same in the `rest` of the bytes, which is less than a block. With what is before them they are one, or may stand for its end.
    #[inline(never)]
    fn find_in_last(&mut self, delimiter: u8, bytes: &[u8], rest: &[u8]) -> Option<usize> {
        let before = BLOCK.wrapping_sub(rest.len());
        (self.block, self.searched) = (BLOCK, BLOCK);
        self.places = match bytes.last_chunk() {
            _ if before >= BLOCK => 0,
            Some(block) => places(delimiter, block) >> before << before,
            None => places_in_few(delimiter, rest) << before,
        };
        self.first(bytes.len())
    }

    /// The same by what uses all of the processor.
    #[inline(always)]
    fn find_far(&mut self, delimiter: u8, bytes: &[u8]) -> Option<usize> {
        let rest = self.rest(bytes)?;
        let Some(place) = find_far(delimiter, rest) else {
            self.begin(0);
            return None;
        };
        let end = bytes.len() - rest.len() + place;
        self.begin(bytes.len() - end - 1);
        self.expect(end);
        Some(end)
    }

    /// Frames are expected to be of this length.
    #[inline(always)]
    pub(super) fn expect(&mut self, len: usize) {
        self.last = if len < LONG { Last::Short } else { Last::Long };
    }

    /// The first delimiter in the blocks behind the one at hand, as far as they were searched. They come to hand.
    #[inline(always)]
    fn next_block(&mut self, len: usize) -> Option<usize> {
        while self.searched > BLOCK {
            self.places = self.later[0];
            self.later.copy_within(1.., 0);
            self.block -= BLOCK;
            self.searched -= BLOCK;
            if let Some(end) = self.first(len) {
                return Some(end);
            }
        }
        None
    }

    /// The first delimiter in the block at hand, of which no byte was taken.
    #[inline(always)]
    fn first(&self, len: usize) -> Option<usize> {
        let place = self.places.trailing_zeros() as usize;
        if self.places == 0 { None } else { Some(place.wrapping_add(len).wrapping_sub(self.block)) }
    }

    /// What was not searched.
    #[inline(always)]
    fn rest<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        bytes.get(bytes.len().wrapping_sub(self.block.wrapping_sub(self.searched))..)
    }
}

/// [`places`] by itself.
#[inline(never)]
#[cfg(target_pointer_width = "64")]
pub(super) fn places_of_block(delimiter: u8, block: &[u8; BLOCK]) -> u64 {
    places(delimiter, block)
}

/// Where the delimiter is in the last `n` of the bytes, less than a block.
#[inline(never)]
#[cfg(target_pointer_width = "64")]
pub(super) fn places_of_last(delimiter: u8, bytes: &[u8], n: usize) -> u64 {
    match bytes.last_chunk() {
        Some(block) => places(delimiter, block) >> ((BLOCK - n) % BLOCK),
        None => places_in_few(delimiter, bytes.get(bytes.len().wrapping_sub(n)..).unwrap_or_default()),
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::Ahead;

    #[test]
    fn each_delimiter_is_found_in_its_turn_and_none_between() {
        for step in [1, 2, 9, 25, 63, 64, 65, 81, 127, 128, 129, 200, 257, 300] {
            for first in 0..step.min(130) {
                let mut bytes = [0; 1000];
                bytes.iter_mut().skip(first).step_by(step).for_each(|byte| *byte = 7);
                let mut ahead = Ahead::default();
                ahead.begin(bytes.len());
                let mut rest = &bytes[..];
                loop {
                    let place = ahead.next(rest.len()).or_else(|| ahead.look(7, rest));
                    assert_eq!(place, rest.iter().position(|&byte| byte == 7), "{step} {first} {}", rest.len());
                    let Some(place) = place else { break };
                    rest = &rest[place + 1..];
                }
            }
        }
    }

    #[test]
    fn what_is_put_behind_is_searched_and_nothing_else() {
        for step in [1, 9, 25, 64, 81, 130, 300] {
            let mut stream = [0; 2000];
            stream.iter_mut().step_by(step).for_each(|byte| *byte = 7);
            for grown in [1, 5, 63, 64, 65, 191, 192, 193, 700] {
                let mut bytes = stream;
                let mut ahead = Ahead::default();
                ahead.begin(0);
                let (mut start, mut end) = (0, 0);
                while end < bytes.len() {
                    let grown = grown.min(bytes.len() - end);
                    end += grown;
                    ahead.grow(grown);
                    while let Some(place) = {
                        let rest = &bytes[start..end];
                        ahead.next(rest.len()).or_else(|| ahead.look(7, rest))
                    } {
                        assert_eq!(Some(place), stream[start..end].iter().position(|&byte| byte == 7));
                        start += place + 1;
                    }
                    assert!(!stream[start..end].contains(&7), "{step} {grown} {start} {end}");
                    assert!(ahead.is_over(end - start), "{step} {grown} {start} {end}");
                    // Now it would show if these were searched once more.
                    bytes[start..end].fill(7);
                }
            }
        }
    }
}
