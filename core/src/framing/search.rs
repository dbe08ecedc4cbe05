//! Where a byte is first: what laws with delimiters do most of their time.
//!
//! A large processor looks at eight bytes at once. With the feature `memchr` it does so for the first ones only, where a call would take
//! longer, and then calls what uses all that it has. A small processor looks at one after another, in a few instructions.

/// Bytes that are looked at before `memchr` is called: most lines that people and devices send are not much longer.
#[cfg(feature = "memchr")]
const NEAR: usize = 32;

/// Where `byte` is first in bytes that are not few.
#[inline(always)]
#[cfg(target_pointer_width = "64")]
pub(crate) fn find_far(byte: u8, bytes: &[u8]) -> Option<usize> {
    #[cfg(feature = "memchr")]
    return memchr::memchr(byte, bytes);
    #[cfg(not(feature = "memchr"))]
    find_here([byte], bytes)
}

/// Where `byte` is first.
#[inline]
pub(super) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    #[cfg(feature = "memchr")]
    if let Some((near, far)) = bytes.split_at_checked(NEAR) {
        return find_here([byte], near).or_else(|| Some(NEAR + memchr::memchr(byte, far)?));
    }
    find_here([byte], bytes)
}

/// Where `one` or `other` is first.
#[inline]
pub(super) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    #[cfg(feature = "memchr")]
    if let Some((near, far)) = bytes.split_at_checked(NEAR) {
        return find_here([one, other], near).or_else(|| Some(NEAR + memchr::memchr2(one, other, far)?));
    }
    find_here([one, other], bytes)
}

/// Where one of `wanted` is first.
#[inline]
fn find_here<const N: usize>(wanted: [u8; N], bytes: &[u8]) -> Option<usize> {
    let mut before = 0;
    let mut rest = bytes;
    if cfg!(target_pointer_width = "64") {
        let (words, behind) = bytes.as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word);
            let hits = wanted.iter().fold(0, |hits, &byte| hits | zero_bytes(word ^ u64::from_ne_bytes([byte; 8])));
            if hits != 0 {
                return Some(before + (hits.trailing_zeros() / 8) as usize);
            }
            before += 8;
        }
        rest = behind;
    }
    Some(before + rest.iter().position(|byte| wanted.contains(byte))?)
}

/// The highest bit of each byte that is zero; of the bytes above the lowest of these it says nothing.
/// (S. E. Anderson, "Bit Twiddling Hacks", "Determine if a word has a zero byte".)
#[inline(always)]
pub(super) fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([1; 8])) & !word & u64::from_ne_bytes([0x80; 8])
}

#[cfg(test)]
mod tests {
    #[cfg(target_pointer_width = "64")]
    use super::find_far;
    use super::{find, find_either, find_here};

    #[test]
    fn the_first_of_several_is_found_wherever_it_is() {
        // 0x01 above a zero is what the word-wise search may take for another zero.
        for other in [0x01, 0x0B, 0x80, 0x8A, 0xFF] {
            for len in 0..80 {
                for at in 0..=len {
                    let mut bytes = [other; 80];
                    let bytes = &mut bytes[..len];
                    for place in [at, at + 1, at + 9] {
                        if let Some(byte) = bytes.get_mut(place) {
                            *byte = b'\n';
                        }
                    }
                    let expected = (at < len).then_some(at);
                    assert_eq!(find(b'\n', bytes), expected);
                    #[cfg(target_pointer_width = "64")]
                    assert_eq!(find_far(b'\n', bytes), expected);
                    assert_eq!(find_here([b'\n'], bytes), expected);
                    assert_eq!(find_either(0, b'\n', bytes), expected);
                    assert_eq!(find_either(b'\n', b'\r', bytes), expected);
                    if let Some(byte) = bytes.get_mut(at / 2) {
                        *byte = b'\r';
                        assert_eq!(find_either(b'\n', b'\r', bytes), Some(at / 2));
                    }
                }
            }
        }
    }
}
