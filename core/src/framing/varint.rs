//! A length as an LEB128 varint, then as many bytes: the framing of Protocol Buffers' delimited streams.
//!
//! Seven bits a byte, least significant first; the top bit of a byte says that another follows. (DWARF 5 section 7.6; Protocol
//! Buffers encoding guide, "Base 128 Varints".)

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// `[length: LEB128, 1 to 10 bytes][payload]`; the length counts payload bytes.
///
/// By default only the shortest form of a length is accepted, so that two readers cannot disagree on what a byte string means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Varint {
    padded: Padded,
}

/// Whether a length may have a longer form than it needs (`80 00` for 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Padded {
    #[default]
    Refused,
    Accepted,
}

/// The most bytes of a length.
const MAX_LEN: usize = 10;

impl Varint {
    /// The law, strict about the form of lengths.
    pub const fn new() -> Self {
        Self { padded: Padded::Refused }
    }

    /// The law, for writers that reserve a fixed number of bytes for the length and pad it. More than 10 bytes, and
    /// numbers of more than 64 bits, are refused all the same.
    pub const fn accepting_padded() -> Self {
        Self { padded: Padded::Accepted }
    }

    /// The length at the start of `input` and the bytes that it takes; `None` if it is not whole.
    #[inline]
    fn length(self, input: &[u8]) -> Result<Option<(u64, usize)>, Malformed> {
        let mut len = 0;
        for (at, &byte) in input.iter().take(MAX_LEN).enumerate() {
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if at == MAX_LEN - 1 && byte > 1 {
                return Err(Malformed::LengthOutOfRange);
            }
            len |= bits << (7 * at);
            if byte & 0x80 == 0 {
                if byte == 0 && at > 0 && self.padded == Padded::Refused {
                    return Err(Malformed::NonCanonical);
                }
                return Ok(Some((len, at + 1)));
            }
        }
        Ok(None)
    }
}

impl Framing for Varint {
    type State = ();
    const PREFIX: usize = MAX_LEN;
    const COUNTED: bool = true;

    #[inline]
    fn step(&self, (): &mut (), input: &[u8]) -> Result<Step, Malformed> {
        // Nearly every length in the field is one byte.
        if let [len @ 0..=0x7f, ..] = input {
            return Ok(Step::Begin { take: 1, len: u64::from(*len) });
        }
        Ok(match self.length(input)? {
            None => Step::Need(input.len() + 1),
            Some((len, take)) => Step::Begin { take, len },
        })
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let mut left = len.ok_or(EncodeError::LengthRequired)?;
        loop {
            let [low, ..] = left.to_le_bytes();
            left >>= 7;
            if left == 0 {
                return out.put(&[low & 0x7f]);
            }
            out.put(&[low | 0x80])?;
        }
    }
}
