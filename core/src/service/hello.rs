//! Each chunk back, after a greeting.

use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::Raw;
use crate::time::Instant;

/// Answers each chunk that a read returns with `Echo: ` and the chunk.
///
/// It shows what TCP does to messages: two quick writes may get one answer, and one long write two.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello;

/// What stands before each answer.
const GREETING: &[u8] = b"Echo: ";

impl Service for Hello {
    type Framing = Raw;

    fn intake(&self) -> Intake {
        Intake::Streamed { extra: GREETING.len() }
    }

    fn frame<S: Storage>(&mut self, payload: &[u8], _: Instant, out: &mut Encoder<Raw, S>) -> Result<Flow, Refusal> {
        out.push(GREETING)?;
        out.push(payload)?;
        Ok(Flow::Continue)
    }

    fn begin<S: Storage>(&mut self, len: Option<u64>, out: &mut Encoder<Raw, S>) -> Result<(), Refusal> {
        out.begin(len)?;
        Ok(out.chunk_whole(GREETING)?)
    }

    fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<Raw, S>) -> Result<(), Refusal> {
        Ok(out.chunk_whole(payload)?)
    }

    fn end<S: Storage>(&mut self, out: &mut Encoder<Raw, S>) -> Result<Flow, Refusal> {
        out.end()?;
        Ok(Flow::Continue)
    }
}
