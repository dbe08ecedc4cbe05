//! COBS: frames on a serial line, ended by a zero byte, with no zero inside.
//!
//! Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.

mod blocks;

use core::ops::Range;

use super::{Framing, Run, Step, Tail, Whole};
use crate::buffer::SHORT_WAYS;
use crate::error::{EncodeError, Malformed};

/// Payload in blocks of a code byte and up to 254 bytes without zero, ended by a zero byte.
///
/// A code byte `n` stands for the `n - 1` bytes behind it and a zero; `FF` for 254 bytes and no zero; the last block's zero does not
/// count. The cost is one byte, and one more for every 254 bytes. What is written has no empty last block after a full one.
///
/// - Zero bytes between frames are idle time on a line and are dropped.
/// - A zero inside a block is an error: the frame was cut. It is dropped, and the frame behind that zero is the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cobs;

/// What [`Cobs`] remembers in the middle of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CobsState {
    /// Bytes to come of the block at hand.
    left: u8,
    next: Next,
}

/// What a code byte that comes now means besides its block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Next {
    /// It begins a frame.
    #[default]
    Begins,
    /// The block before it was full and has no zero.
    Joins,
    /// The block before it ends with a zero.
    Zero,
}

impl CobsState {
    /// In a frame, with so many bytes to come of a block.
    #[inline(always)]
    fn within(left: usize, next: Next) -> Self {
        debug_assert!(left < usize::from(FULL), "no block is as long as {left}");
        let [left, ..] = left.to_le_bytes();
        Self { left, next }
    }
}

impl Next {
    /// What a code means behind the block of this one.
    #[inline(always)]
    fn behind(code: u8) -> Self {
        if code == FULL { Self::Joins } else { Self::Zero }
    }
}

/// The code of a block of 254 bytes without a zero.
const FULL: u8 = 0xFF;

impl Framing for Cobs {
    type State = CobsState;
    const PREFIX: usize = 1;
    const SUFFIX: usize = 1;
    const VERBATIM: bool = false;
    /// A block is held until it is complete: its code and up to 253 bytes.
    const HELD: usize = 254;

    #[inline]
    fn step(&self, state: &mut CobsState, input: &[u8]) -> Result<Step, Malformed> {
        let Some(&first) = input.first() else {
            return Ok(Step::Need(1));
        };
        if state.left > 0 {
            let block = input.get(..usize::from(state.left)).unwrap_or(input);
            let n = if SHORT_WAYS && !blocks::has_zero(input, block.len()) {
                block.len()
            } else {
                super::find(0, block).unwrap_or(block.len())
            };
            if n == 0 {
                // The next step sees this zero where a code stands.
                state.left = 0;
                return Ok(Step::Bad { take: 0, what: Malformed::Zero });
            }
            // `n` is at most `left`, a byte.
            state.left = state.left.saturating_sub(u8::try_from(n).unwrap_or(u8::MAX));
            return Ok(Step::Data(n));
        }
        let before = state.next;
        Ok(match (first, before) {
            (0, Next::Begins) => Step::Idle(1),
            (0, _) => {
                *state = CobsState::default();
                Step::End { data: 0, take: 1 }
            }
            (code, _) => {
                *state = CobsState { left: code - 1, next: Next::behind(code) };
                match before {
                    Next::Zero => Step::Byte { take: 1, value: 0 },
                    Next::Begins | Next::Joins => Step::Skip(1),
                }
            }
        })
    }

    /// Most frames are shorter than a block and have no zero in them: then they stand there as they are.
    #[inline(always)]
    fn whole(&self, input: &[u8]) -> Option<Whole> {
        let (&code, rest) = input.split_first()?;
        let len = usize::from(code).checked_sub(1)?;
        if !SHORT_WAYS || *rest.get(len)? != 0 || blocks::has_zero(rest, len) {
            return None;
        }
        Some(Whole { start: 1, end: len + 1, next: len + 2 })
    }

    #[inline(always)]
    fn run(&self, state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Run {
        blocks::run(state, input, out)
    }

    /// What is between two blocks has the place of the zero between them.
    #[inline(always)]
    fn run_in_place(
        &self,
        state: &mut CobsState,
        bytes: &mut [u8],
        read: usize,
        payload: &mut Range<usize>,
        most: usize,
    ) -> Run {
        blocks::run_in_place(state, bytes, read, payload, most)
    }

    fn prefix(&self, _: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(&[1])?;
        out.hold(1);
        Ok(())
    }

    fn body(&self, payload: &[u8], out: &mut Tail<'_>) -> usize {
        let mut taken = 0;
        while let Some(rest) = payload.get(taken..)
            && let Some(&first) = rest.first()
        {
            // The held bytes are the block at hand: its code, to be filled in, and its data.
            if out.held() == 0 {
                if out.put(&[1]).is_err() {
                    break;
                }
                out.hold(1);
            }
            let held = out.held();
            if first == 0 {
                if out.put(&[1]).is_err() {
                    break;
                }
                out.hold(held + 1);
                set_code(out, held);
                out.hold(1);
                taken += 1;
                continue;
            }
            let most = (usize::from(FULL) - held).min(out.room());
            let piece = rest.get(..most).unwrap_or(rest);
            let n = super::find(0, piece).unwrap_or(piece.len());
            if n == 0 || out.put_payload(piece.get(..n).unwrap_or_default()).is_err() {
                break;
            }
            taken += n;
            out.hold(held + n);
            if held + n == usize::from(FULL) {
                set_code(out, held + n);
                out.hold(0);
            }
        }
        taken
    }

    fn expansion(&self, len: usize) -> usize {
        len.saturating_add(len / 254)
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let held = out.held();
        out.put(&[0])?;
        out.hold(held + usize::from(held > 0));
        set_code(out, held);
        out.hold(0);
        Ok(())
    }
}

/// Writes the code of the block of `len` bytes, code included, that the held bytes start with; no block, no code.
#[inline]
fn set_code(out: &mut Tail<'_>, len: usize) {
    if let (Some(code), Ok(len @ 1..)) = (out.held_mut().first_mut(), u8::try_from(len)) {
        *code = len;
    }
}
