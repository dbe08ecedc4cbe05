//! Each message back, without its first ten characters.

use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::U32;
use crate::time::Instant;

/// How many characters (Unicode scalar values) are removed.
pub const TRIMMED_CHARS: u8 = 10;

/// Removes the first [`TRIMMED_CHARS`] characters of each message and sends the rest back, however long it is.
///
/// What is removed must be UTF-8; what is behind it passes through untouched. Fewer characters give an empty message.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Trim {
    streamed: Streamed,
}

/// Where in a message that comes in pieces the service is.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Streamed {
    /// Not in one.
    #[default]
    No,
    /// In the part to remove, of a message of this length.
    Cutting { len: Option<u64>, cut: Cut },
    /// Behind it.
    Passing,
}

/// How much of the part to remove was seen.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Cut {
    /// Whole characters.
    chars: u8,
    /// Bytes, those of a begun character included.
    bytes: u64,
    /// The begun character, `0 <= begun <= 3` bytes of it.
    partial: [u8; 4],
    begun: u8,
}

impl Cut {
    /// Takes bytes to remove off the front of `payload`. Whether all ten characters were seen.
    fn take(&mut self, payload: &mut &[u8]) -> Result<bool, Refusal> {
        while self.chars < TRIMMED_CHARS {
            let Some((&byte, rest)) = payload.split_first() else {
                return Ok(false);
            };
            *payload = rest;
            self.bytes += 1;
            if let Some(place) = self.partial.get_mut(usize::from(self.begun)) {
                *place = byte;
            }
            self.begun += 1;
            match core::str::from_utf8(self.partial.get(..usize::from(self.begun)).unwrap_or_default()) {
                Ok(_) => {
                    self.chars += 1;
                    self.begun = 0;
                }
                // It may still become a character.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Refusal::InvalidUtf8),
            }
        }
        Ok(true)
    }

    /// The message ends here, inside the part to remove.
    fn finish(self) -> Result<(), Refusal> {
        if self.begun == 0 { Ok(()) } else { Err(Refusal::InvalidUtf8) }
    }
}

impl Service for Trim {
    type Framing = U32;

    fn intake(&self) -> Intake {
        Intake::Streamed { extra: 0 }
    }

    fn frame<S: Storage>(&mut self, payload: &[u8], _: Instant, out: &mut Encoder<U32, S>) -> Result<Flow, Refusal> {
        let mut rest = payload;
        let mut cut = Cut::default();
        if !cut.take(&mut rest)? {
            cut.finish()?;
        }
        out.push(rest)?;
        Ok(Flow::Continue)
    }

    fn begin<S: Storage>(&mut self, len: Option<u64>, _: &mut Encoder<U32, S>) -> Result<(), Refusal> {
        self.streamed = Streamed::Cutting { len, cut: Cut::default() };
        Ok(())
    }

    fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<U32, S>) -> Result<(), Refusal> {
        let mut rest = payload;
        if let Streamed::Cutting { len, cut } = &mut self.streamed {
            if !cut.take(&mut rest)? {
                return Ok(());
            }
            // The length of the reply is known only now.
            out.begin(len.map(|len| len.saturating_sub(cut.bytes)))?;
            self.streamed = Streamed::Passing;
        }
        Ok(out.chunk_whole(rest)?)
    }

    fn end<S: Storage>(&mut self, out: &mut Encoder<U32, S>) -> Result<Flow, Refusal> {
        match core::mem::take(&mut self.streamed) {
            Streamed::Cutting { cut, .. } => {
                cut.finish()?;
                out.push(&[])?;
            }
            _ => out.end()?,
        }
        Ok(Flow::Continue)
    }
}
