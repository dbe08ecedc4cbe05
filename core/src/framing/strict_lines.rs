//! Text lines with one ending and no other, for protocols in which two readers must not disagree on where a line ends.
//!
//! Lenient readers have let requests be smuggled past one another (CVE-2025-43859, CVE-2025-22871): one took for a line ending what
//! the next did not. [`Lines`](super::Lines) is lenient, as netcat and telnet need it; this law is not.

use super::{Framing, Step, Tail};
use crate::buffer::SHORT_WAYS;
use crate::error::{EncodeError, Malformed};

/// Bytes ended by exactly the [`LineEnding`] asked for. Any other CR or LF is an error; the line is dropped up to the next LF.
///
/// A stream that ends without a line ending ends inside a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StrictLines {
    ending: LineEnding,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LineEnding {
    /// LF. There is no CR in a line, not even before the LF.
    Lf,
    /// CR LF. There is no CR or LF in a line.
    CrLf,
}

/// What [`StrictLines`] remembers in the middle of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StrictLinesState {
    /// The line is good so far.
    #[default]
    Good,
    /// A CR was taken, and an LF must follow.
    AfterCr,
    /// The line is bad: it ends at the next LF.
    Bad,
}

impl StrictLines {
    /// Lines that end so.
    pub const fn new(ending: LineEnding) -> Self {
        Self { ending }
    }

    /// The bytes of the ending.
    const fn bytes(self) -> &'static [u8] {
        match self.ending {
            LineEnding::Lf => b"\n",
            LineEnding::CrLf => b"\r\n",
        }
    }
}

/// Where the first CR or LF is, and which.
fn find_ending(bytes: &[u8]) -> Option<(usize, u8)> {
    let at = super::find_either(b'\r', b'\n', bytes)?;
    Some((at, *bytes.get(at)?))
}

impl Framing for StrictLines {
    type State = StrictLinesState;
    const PREFIX: usize = 0;
    const SUFFIX: usize = 2;

    fn step(&self, state: &mut StrictLinesState, input: &[u8]) -> Result<Step, Malformed> {
        let Some(&first) = input.first() else {
            return Ok(Step::Need(1));
        };
        let bad = |state: &mut StrictLinesState, what| {
            *state = StrictLinesState::Bad;
            Step::Bad { take: 0, what }
        };
        Ok(match (*state, find_ending(input), self.ending) {
            (StrictLinesState::AfterCr, _, _) if first == b'\n' => {
                *state = StrictLinesState::Good;
                Step::End { data: 0, take: 1 }
            }
            (StrictLinesState::Bad, _, _) => match super::find(b'\n', input) {
                None => Step::Data(input.len()),
                Some(data) => {
                    *state = StrictLinesState::Good;
                    Step::End { data, take: 1 }
                }
            },
            (StrictLinesState::Good, None, _) => Step::Data(input.len()),
            (StrictLinesState::Good, Some((data, b'\n')), LineEnding::Lf) => Step::End { data, take: 1 },
            (StrictLinesState::Good, Some((data @ 1.., _)), _) => Step::Data(data),
            (StrictLinesState::Good, Some((_, b'\n')), LineEnding::CrLf) => bad(state, Malformed::BareLf),
            (StrictLinesState::Good, Some(_), LineEnding::CrLf) => {
                *state = StrictLinesState::AfterCr;
                Step::Skip(1)
            }
            (StrictLinesState::AfterCr, _, _) | (StrictLinesState::Good, Some(_), LineEnding::Lf) => {
                bad(state, Malformed::BareCr)
            }
        })
    }

    /// On a small machine flash is dearer than the time that this saves.
    #[inline(always)]
    fn delimiter(&self) -> Option<u8> {
        if SHORT_WAYS { Some(b'\n') } else { None }
    }

    #[inline(always)]
    fn payload<'f>(&self, before: &'f [u8]) -> Option<&'f [u8]> {
        let line = match self.ending {
            LineEnding::Lf => before,
            LineEnding::CrLf => before.strip_suffix(b"\r")?,
        };
        if super::find(b'\r', line).is_none() { Some(line) } else { None }
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        match find_ending(payload) {
            Some((at, _)) => Err(EncodeError::ContainsDelimiter { at }),
            None => Ok(()),
        }
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(self.bytes())
    }
}
