//! SLIP: frames on a serial line, ended by `C0`, with escapes.
//!
//! Source: RFC 1055, "A Nonstandard for Transmission of IP Datagrams over Serial Lines".

use core::ops::Range;

use super::{Framing, Run, Step, Tail, Whole};
use crate::buffer::{SHORT_WAYS, copy_down, copy_short};
use crate::error::{EncodeError, Malformed};

/// Payload with `C0` written as `DB DC` and `DB` as `DB DD`, ended by `C0`.
///
/// - Empty frames are idle time on a line and are dropped, as in RFC 1055; so an empty payload cannot be sent.
/// - An escape of any other byte is an error; the frame is dropped up to the next `C0`. (RFC 1055's sample code would keep the
///   byte and deliver the frame as good.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slip {
    lead: Lead,
}

/// What stands before a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Lead {
    #[default]
    Nothing,
    End,
}

/// What [`Slip`] remembers in the middle of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SlipState {
    /// No byte of a frame came.
    #[default]
    Between,
    /// In a frame.
    Inside,
    /// Behind `DB`.
    Escaped,
}

/// RFC 1055: ends a frame.
const END: u8 = 0xC0;
/// RFC 1055: begins an escape.
const ESC: u8 = 0xDB;
/// RFC 1055: escaped [`END`].
const ESC_END: u8 = 0xDC;
/// RFC 1055: escaped [`ESC`].
const ESC_ESC: u8 = 0xDD;

/// Bytes in which the end of a frame is looked for that may stand there as it is: of 128 random bytes one is escaped.
const NEAR: usize = 32;

impl Slip {
    /// The law.
    pub const fn new() -> Self {
        Self { lead: Lead::Nothing }
    }

    /// The law, with a `C0` before each frame too: it ends what noise on the line began, as RFC 1055 advises.
    pub const fn with_leading_end() -> Self {
        Self { lead: Lead::End }
    }
}

impl Framing for Slip {
    type State = SlipState;
    const PREFIX: usize = 1;
    const SUFFIX: usize = 1;
    const VERBATIM: bool = false;

    #[inline]
    fn step(&self, state: &mut SlipState, input: &[u8]) -> Result<Step, Malformed> {
        let Some(&first) = input.first() else {
            return Ok(Step::Need(1));
        };
        Ok(match *state {
            SlipState::Between if first == END => {
                Step::Idle(input.iter().position(|&byte| byte != END).unwrap_or(input.len()))
            }
            SlipState::Escaped => {
                *state = SlipState::Inside;
                match first {
                    ESC_END => Step::Byte { take: 1, value: END },
                    ESC_ESC => Step::Byte { take: 1, value: ESC },
                    _ => Step::Bad { take: 0, what: Malformed::Escape },
                }
            }
            SlipState::Between | SlipState::Inside => {
                let data = super::find_either(END, ESC, input);
                let at = data.unwrap_or(input.len());
                *state =
                    if data.is_some() && input.get(at) == Some(&END) { SlipState::Between } else { SlipState::Inside };
                match *state {
                    SlipState::Between => Step::End { data: at, take: 1 },
                    _ if at > 0 => Step::Data(at),
                    _ => {
                        *state = SlipState::Escaped;
                        Step::Skip(1)
                    }
                }
            }
        })
    }

    /// A frame without escapes stands there as it is. A longer one most likely has some, and the search would be in vain.
    #[inline(always)]
    fn whole(&self, input: &[u8]) -> Option<Whole> {
        if !SHORT_WAYS {
            return None;
        }
        let near = input.get(..NEAR).unwrap_or(input);
        let end = super::find_either(END, ESC, near).filter(|&end| end > 0 && near.get(end) == Some(&END))?;
        Some(Whole { start: 0, end, next: end + 1 })
    }

    /// Copies up to the next mark, and looks for it in the same pass.
    #[inline(always)]
    fn run(&self, state: &mut SlipState, input: &[u8], out: &mut [u8]) -> Run {
        let mut run = Run::default();
        while *state != SlipState::Escaped
            && let (Some(rest), Some(free)) = (input.get(run.take..), out.get_mut(run.written..))
        {
            let n = copy_plain(rest, free);
            run.take += n;
            run.written += n;
            if n > 0 {
                *state = SlipState::Inside;
            }
            match (rest.get(n..), free.get_mut(n..)) {
                (Some([END, ..]), _) if *state == SlipState::Inside => {
                    *state = SlipState::Between;
                    run.end = Some(1);
                    break;
                }
                (Some([ESC, escaped @ (ESC_END | ESC_ESC), ..]), Some([place, ..])) => {
                    *state = SlipState::Inside;
                    *place = if *escaped == ESC_END { END } else { ESC };
                    run.take += 2;
                    run.written += 1;
                }
                _ => break,
            }
        }
        run
    }

    /// What escapes save moves all behind them.
    #[inline]
    fn run_in_place(
        &self,
        state: &mut SlipState,
        bytes: &mut [u8],
        read: usize,
        payload: &mut Range<usize>,
        most: usize,
    ) -> Run {
        let (mut from, mut to, mut end) = (read, payload.end, None);
        let mut room = most.saturating_sub(payload.len());
        while *state != SlipState::Escaped
            && let Some(rest) = bytes.get(from..)
        {
            let n = super::find_either(END, ESC, rest).unwrap_or(rest.len());
            if n > room {
                break;
            }
            if to < from {
                copy_down(bytes, from..from + n, to);
            }
            (from, to) = (from + n, to + n);
            room -= n;
            if n > 0 {
                *state = SlipState::Inside;
            }
            match bytes.get(from..) {
                Some([END, ..]) if *state == SlipState::Inside => {
                    *state = SlipState::Between;
                    end = Some(1);
                    break;
                }
                Some([ESC, escaped @ (ESC_END | ESC_ESC), ..]) if room > 0 => {
                    let value = if *escaped == ESC_END { END } else { ESC };
                    let Some(place) = bytes.get_mut(to) else { break };
                    *place = value;
                    *state = SlipState::Inside;
                    (from, to) = (from + 2, to + 1);
                    room -= 1;
                }
                _ => break,
            }
        }
        let written = to - payload.end;
        payload.end = to;
        Run { take: from - read, written, end }
    }

    fn prefix(&self, _: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        match self.lead {
            Lead::Nothing => Ok(()),
            Lead::End => out.put(&[END]),
        }
    }

    fn body(&self, payload: &[u8], out: &mut Tail<'_>) -> usize {
        let mut taken = 0;
        while let Some(rest) = payload.get(taken..)
            && let Some(&first) = rest.first()
        {
            let written = match first {
                END => out.put(&[ESC, ESC_END]).map(|()| 1),
                ESC => out.put(&[ESC, ESC_ESC]).map(|()| 1),
                _ => {
                    let run = super::find_either(END, ESC, rest).unwrap_or(rest.len());
                    let n = run.min(out.room());
                    out.put_payload(rest.get(..n).unwrap_or_default()).map(|()| n)
                }
            };
            match written {
                Ok(n) if n > 0 => taken += n,
                _ => break,
            }
        }
        taken
    }

    fn expansion(&self, len: usize) -> usize {
        len.saturating_mul(2)
    }

    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        if payload.is_empty() { Err(EncodeError::Empty) } else { Ok(()) }
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(&[END])
    }
}

/// Copies the bytes before the next [`END`] or [`ESC`], or as many as there is room for, and says how many. What follows in `to` is
/// written over.
#[inline(always)]
fn copy_plain(from: &[u8], to: &mut [u8]) -> usize {
    /// Bytes that are copied together. The compiler makes vectors of them.
    const WINDOW: usize = 16;
    let mut n = 0;
    while let Some(window) = from.get(n..).and_then(|rest| rest.first_chunk::<WINDOW>())
        && let Some(place) = to.get_mut(n..).and_then(|free| free.first_chunk_mut::<WINDOW>())
    {
        *place = *window;
        if window.iter().fold(0, |marks, &byte| marks | u8::from(byte == END) | u8::from(byte == ESC)) > 0 {
            return n + super::find_either(END, ESC, window).unwrap_or(WINDOW);
        }
        n += WINDOW;
    }
    let (Some(rest), Some(free)) = (from.get(n..), to.get_mut(n..)) else { return n };
    let rest = rest.get(..free.len()).unwrap_or(rest);
    let few = super::find_either(END, ESC, rest).unwrap_or(rest.len());
    if let (Some(place), Some(bytes)) = (free.get_mut(..few), rest.get(..few)) {
        copy_short(place, bytes);
    }
    n + few
}
