//! Everywhere that a byte is in a block of 64, as the bits of one number: what short frames with delimiters are cut by, many at once.

use core::hint::black_box;

/// Bytes that [`places`] looks at.
pub(crate) const BLOCK: usize = 64;

/// Where `byte` is in a block: bit n for byte n.
// What a compiler makes of it depends on what is around it: so no caller is made anew, and the step `vectors` of `.ci/run` counts instructions.
#[inline(always)]
pub(crate) fn places(byte: u8, block: &[u8; BLOCK]) -> u64 {
    if !cfg!(target_arch = "x86_64") {
        return places_in_few(byte, block);
    }
    let (sixteens, _) = block.as_chunks::<16>();
    let mut places = 0;
    for nth in (0..4).rev() {
        let here = places_in_sixteen(byte, &sixteens[nth]);
        // Opaque, one of two, or the compiler may put the bits of both together first, and of that makes 200 instructions.
        places = places << 16 | u64::from(if nth % 2 == 1 { black_box(here) } else { here });
    }
    places
}

/// Of this a compiler makes a load, a comparison, and the one instruction that gathers a bit of each byte: what any x86-64 has. It sees that
/// only where bits are put together by four.
#[inline(always)]
fn places_in_sixteen(byte: u8, sixteen: &[u8; 16]) -> u32 {
    let hits = sixteen.map(|here| here == byte);
    let four = |first: usize| {
        let mut places = 0;
        for nth in (0..4).rev() {
            places = places << 1 | u32::from(hits[first + nth]);
        }
        places
    };
    four(0) | four(4) << 4 | four(8) << 8 | four(12) << 12
}

/// Whether these bytes are few, a block at most, and `byte` is surely not among them. Of fewer than 16 it says nothing.
#[inline(always)]
pub(crate) fn are_few_without(byte: u8, bytes: &[u8]) -> bool {
    if bytes.len() > BLOCK {
        return false;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<32>(), bytes.last_chunk::<32>()) {
        return !(is_in(byte, first) | is_in(byte, last));
    }
    let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) else { return false };
    !(is_in(byte, first) | is_in(byte, last))
}

#[inline(always)]
fn is_in<const N: usize>(byte: u8, bytes: &[u8; N]) -> bool {
    let mut found = false;
    for &here in bytes {
        found |= here == byte;
    }
    found
}

/// [`places`] in at most as many bytes as a block has, eight at a time.
#[inline(always)]
pub(crate) fn places_in_few(byte: u8, bytes: &[u8]) -> u64 {
    let zero_where = |word: &[u8; 8]| surely_zero_bytes(u64::from_le_bytes(*word) ^ u64::from_ne_bytes([byte; 8]));
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().rev().fold(0, |places, &here| places << 1 | u64::from(here == byte));
    };
    let (words, _) = bytes.as_chunks();
    let mut square = 0;
    for (row, word) in words.iter().enumerate().take(8) {
        square |= zero_where(word) >> (7 - row);
    }
    // The last eight bytes once more, with those that do not fill a word.
    let last = (zero_where(last) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    rows_to_columns(square) | last << ((bytes.len() - 8) % BLOCK)
}

/// The highest bit of each byte that is zero.
#[inline(always)]
fn surely_zero_bytes(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7F; 8]);
    !(((word & LOW) + LOW) | word | LOW)
}

/// Bit 8m + n of the word becomes bit 8n + m.
/// (H. S. Warren, "Hacker's Delight", "Transposing a bit matrix".)
#[inline(always)]
fn rows_to_columns(square: u64) -> u64 {
    let swap = |square: u64, distance: u32, which: u64| {
        let differ = (square ^ square >> distance) & which;
        square ^ differ ^ differ << distance
    };
    let square = swap(square, 7, 0x00AA_00AA_00AA_00AA);
    let square = swap(square, 14, 0x0000_CCCC_0000_CCCC);
    swap(square, 28, 0x0000_0000_F0F0_F0F0)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, are_few_without, places, places_in_few};

    /// [`places`] as one writes it down.
    fn each_place(byte: u8, bytes: &[u8]) -> u64 {
        bytes.iter().enumerate().fold(0, |places, (at, &here)| places | u64::from(here == byte) << at)
    }

    #[test]
    fn each_place_of_a_block_is_found_and_no_other() {
        for byte in [0, 1, b'\n', 0x7F, 0x80, 0xFF] {
            // What differs by one bit, or by one, is what a sum may take for the byte.
            for other in [byte ^ 1, byte ^ 0x80, byte.wrapping_add(1), byte.wrapping_sub(1)] {
                let mut block = [other; BLOCK];
                assert_eq!(places(byte, &block), 0);
                for len in 0..=BLOCK {
                    assert_eq!(are_few_without(byte, &block[..len]), len >= 16);
                }
                for step in [1, 2, 3, 7, 8, 9, 25, 63] {
                    for first in 0..BLOCK {
                        block.fill(other);
                        block.iter_mut().skip(first).step_by(step).for_each(|place| *place = byte);
                        assert_eq!(places(byte, &block), each_place(byte, &block), "{byte} in {block:?}");
                        for len in 0..=BLOCK {
                            let few = &block[..len];
                            assert!(!are_few_without(byte, few) || each_place(byte, few) == 0, "{byte} in {few:?}");
                            assert_eq!(places_in_few(byte, few), each_place(byte, few), "{byte} in {few:?}");
                        }
                    }
                }
            }
        }
    }
}
