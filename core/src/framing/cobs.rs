//! COBS: frames on a serial line, ended by a zero byte, with no zero inside.
//!
//! Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.

use super::{Framing, Run, Step, Tail};
use crate::buffer::copy_short;
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
            let n = super::find(0, block).unwrap_or(block.len());
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
                *state = CobsState { left: code - 1, next: if code == FULL { Next::Joins } else { Next::Zero } };
                match before {
                    Next::Zero => Step::Byte { take: 1, value: 0 },
                    Next::Begins | Next::Joins => Step::Skip(1),
                }
            }
        })
    }

    /// One search for the zero that ends the frame does for all blocks before it.
    #[inline]
    fn run(&self, state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Run {
        let zero = super::find(0, input);
        let inside = zero.and_then(|zero| input.get(..zero)).unwrap_or(input);
        let (mut rest, mut written) = (inside, 0);
        let (mut left, mut next) = (usize::from(state.left), state.next);
        loop {
            if left > 0 {
                let n = left.min(rest.len());
                let place = out.get_mut(written..).and_then(|free| free.get_mut(..n));
                let (Some((block, behind)), Some(place)) = (rest.split_at_checked(n), place) else { break };
                copy_short(place, block);
                rest = behind;
                written += n;
                left -= n;
            }
            let Some((&code, behind)) = rest.split_first() else { break };
            if next == Next::Zero {
                let Some(place) = out.get_mut(written) else { break };
                *place = 0;
                written += 1;
            }
            rest = behind;
            left = usize::from(code) - 1;
            next = if code == FULL { Next::Joins } else { Next::Zero };
        }
        let end = zero.filter(|_| rest.is_empty() && left == 0 && next != Next::Begins).map(|_| 1);
        // It is at most 254.
        let left = u8::try_from(left).unwrap_or(u8::MAX);
        *state = if end.is_some() { CobsState::default() } else { CobsState { left, next } };
        Run { take: inside.len() - rest.len(), written, end }
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
