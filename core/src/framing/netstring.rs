//! Netstrings: `5:hello,`.
//!
//! Source: D. J. Bernstein, "Netstrings", 1997, <https://cr.yp.to/proto/netstrings.txt>.

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// `[length in decimal digits]:[payload],`; the length counts payload bytes and has no leading zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Netstring;

/// What [`Netstring`] remembers of the frame at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NetstringState {
    /// Between frames, or in the length.
    #[default]
    Length,
    /// In the payload: bytes to come.
    Payload(u64),
    /// Before the comma.
    Comma,
}

/// The most digits of a length: those of `u64::MAX`.
const MAX_DIGITS: usize = 20;

/// The length at the start of `input` and the bytes that it takes with its colon; `None` if it is not whole.
#[inline]
fn length(input: &[u8]) -> Result<Option<(u64, usize)>, Malformed> {
    let mut len: u64 = 0;
    for (at, &byte) in input.iter().take(MAX_DIGITS + 1).enumerate() {
        match byte {
            b':' if at > 0 => return Ok(Some((len, at + 1))),
            // A zero is first only where it is alone.
            b'0'..=b'9' if at == 0 || !matches!(input, [b'0', ..]) => {
                let digit = u64::from(byte - b'0');
                len = len.checked_mul(10).and_then(|len| len.checked_add(digit)).ok_or(Malformed::LengthOutOfRange)?;
            }
            b'0'..=b'9' => return Err(Malformed::NonCanonical),
            _ => return Err(Malformed::Length),
        }
    }
    if input.len() > MAX_DIGITS { Err(Malformed::LengthOutOfRange) } else { Ok(None) }
}

impl Framing for Netstring {
    type State = NetstringState;
    const PREFIX: usize = MAX_DIGITS + 1;
    const SUFFIX: usize = 1;

    #[inline]
    fn step(&self, state: &mut NetstringState, input: &[u8]) -> Result<Step, Malformed> {
        match state {
            NetstringState::Length => match length(input)? {
                None => Ok(Step::Need(input.len() + 1)),
                Some((len, take)) => {
                    *state = NetstringState::Payload(len);
                    Ok(Step::Begin { take, len })
                }
            },
            NetstringState::Payload(left) => match super::counted(left, input) {
                Ok(step) => Ok(step),
                Err(data) if input.get(data) == Some(&b',') => {
                    *state = NetstringState::Length;
                    Ok(Step::End { data, take: 1 })
                }
                Err(data) => {
                    *state = NetstringState::Comma;
                    Ok(Step::Data(data))
                }
            },
            NetstringState::Comma => match input {
                [] => Ok(Step::Need(1)),
                [b',', ..] => {
                    *state = NetstringState::Length;
                    Ok(Step::End { data: 0, take: 1 })
                }
                _ => Err(Malformed::Terminator),
            },
        }
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        super::put_decimal(len.ok_or(EncodeError::LengthRequired)?, out)?;
        out.put(b":")
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(b",")
    }
}
