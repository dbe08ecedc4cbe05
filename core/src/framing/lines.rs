//! Text lines: bytes ended by LF, as netcat, telnet and a person at a terminal send them.

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// Bytes ended by LF. One CR right before the LF is dropped; a CR elsewhere is payload.
///
/// The end of the stream ends a last line too. What is in a line is not looked at: whether it is UTF-8 is the service's
/// question. Lines are written with LF alone, so a
/// payload that ends with a CR arrives without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lines;

/// What [`Lines`] remembers in the middle of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LinesState {
    /// The last byte was not a CR.
    #[default]
    Plain,
    /// A CR was taken: it is dropped if an LF follows, and payload if anything else does.
    AfterCr,
}

impl Framing for Lines {
    type State = LinesState;
    const PREFIX: usize = 0;
    const SUFFIX: usize = 1;

    #[inline]
    fn step(&self, state: &mut LinesState, input: &[u8]) -> Result<Step, Malformed> {
        let Some((&first, _)) = input.split_first() else {
            return Ok(Step::Need(1));
        };
        if *state == LinesState::AfterCr {
            *state = LinesState::Plain;
            return Ok(match first {
                b'\n' => Step::End { data: 0, take: 1 },
                _ => Step::Byte { take: 0, value: b'\r' },
            });
        }
        if let Some(lf) = super::find(b'\n', input) {
            let cr = matches!(input.get(..lf), Some([.., b'\r']));
            return Ok(Step::End { data: lf - usize::from(cr), take: 1 + usize::from(cr) });
        }
        match input {
            [b'\r'] => {
                *state = LinesState::AfterCr;
                Ok(Step::Skip(1))
            }
            [.., b'\r'] => Ok(Step::Data(input.len() - 1)),
            _ => Ok(Step::Data(input.len())),
        }
    }

    #[inline(always)]
    fn delimiter(&self) -> Option<u8> {
        Some(b'\n')
    }

    #[inline(always)]
    fn payload<'f>(&self, before: &'f [u8]) -> Option<&'f [u8]> {
        let ([line @ .., b'\r'] | line) = before;
        Some(line)
    }

    fn ends_at_end_of_stream(&self) -> bool {
        true
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        match super::find(b'\n', payload) {
            Some(at) => Err(EncodeError::ContainsDelimiter { at }),
            None => Ok(()),
        }
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(b"\n")
    }
}
