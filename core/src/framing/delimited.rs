//! Payloads ended by one byte: NUL, RS (RFC 7464), or any other.

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// Payload bytes, then the delimiter, which stands in no payload.
///
/// A stream that ends without a delimiter ends inside a frame, unless [`ending_at_eof`](Self::ending_at_eof) says that it ends the
/// last frame too. For text lines see [`Lines`](super::Lines).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Delimited {
    delimiter: u8,
    last: Last,
}

/// What the end of the stream means inside a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Last {
    Truncated,
    Complete,
}

impl Delimited {
    /// Frames ended by this byte.
    pub const fn new(delimiter: u8) -> Self {
        Self { delimiter, last: Last::Truncated }
    }

    /// The end of the stream ends a frame too.
    #[must_use]
    pub const fn ending_at_eof(self) -> Self {
        Self { last: Last::Complete, ..self }
    }
}

impl Framing for Delimited {
    type State = ();
    const PREFIX: usize = 0;
    const SUFFIX: usize = 1;

    #[inline]
    fn step(&self, (): &mut (), input: &[u8]) -> Result<Step, Malformed> {
        Ok(match super::find(self.delimiter, input) {
            Some(data) => Step::End { data, take: 1 },
            None if input.is_empty() => Step::Need(1),
            None => Step::Data(input.len()),
        })
    }

    #[inline(always)]
    fn delimiter(&self) -> Option<u8> {
        Some(self.delimiter)
    }

    fn ends_at_end_of_stream(&self) -> bool {
        self.last == Last::Complete
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        match super::find(self.delimiter, payload) {
            Some(at) => Err(EncodeError::ContainsDelimiter { at }),
            None => Ok(()),
        }
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(&[self.delimiter])
    }
}
