//! No framing: every chunk that a read returns is a message.
//!
//! For peers that do not frame. Where TCP cuts the stream is chance, so a message may be half of what the peer wrote, or two of
//! its writes.

use super::{Framing, Step, Tail, Whole};
use crate::error::{EncodeError, Malformed};

/// Every chunk is a message, as it comes. There are no empty messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Raw;

impl Framing for Raw {
    type State = ();
    const PREFIX: usize = 0;

    #[inline]
    fn step(&self, (): &mut (), input: &[u8]) -> Result<Step, Malformed> {
        Ok(if input.is_empty() { Step::Need(1) } else { Step::End { data: input.len(), take: 0 } })
    }

    #[inline]
    fn whole(&self, input: &[u8]) -> Option<Whole> {
        if input.is_empty() { None } else { Some(Whole { start: 0, end: input.len(), next: input.len() }) }
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}
