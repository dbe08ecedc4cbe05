//! Each message back, unchanged.

use core::marker::PhantomData;

use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::{Framing, U32};
use crate::time::Instant;

/// Sends each message back unchanged, however long it is.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Echo<L = U32> {
    law: PhantomData<L>,
}

impl Echo {
    /// The service over `u32` frames, for one connection. `Echo::<L>::default()` is the same over another framing.
    pub const fn new() -> Self {
        Self { law: PhantomData }
    }
}

impl<L: Framing> Service for Echo<L> {
    type Framing = L;

    fn intake(&self) -> Intake {
        Intake::Streamed { extra: 0 }
    }

    #[inline]
    fn frame<S: Storage>(&mut self, payload: &[u8], _: Instant, out: &mut Encoder<L, S>) -> Result<Flow, Refusal> {
        out.push(payload)?;
        Ok(Flow::Continue)
    }

    fn begin<S: Storage>(&mut self, len: Option<u64>, out: &mut Encoder<L, S>) -> Result<(), Refusal> {
        Ok(out.begin(len)?)
    }

    fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<L, S>) -> Result<(), Refusal> {
        out.chunk_whole(payload)?;
        Ok(())
    }

    fn end<S: Storage>(&mut self, out: &mut Encoder<L, S>) -> Result<Flow, Refusal> {
        out.end()?;
        Ok(Flow::Continue)
    }
}
