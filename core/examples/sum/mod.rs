//! A service of one's own: it adds up the numbers that it is sent, line by line, for all clients together.
//!
//! It knows no socket, clock or thread. `std-host/examples/own_service.rs` serves it on threads, and
//! `smoltcp-demo/examples/own_service.rs`, the same file, over smoltcp.

use core::sync::atomic::{AtomicI64, Ordering};

use framewright::framing::Lines;
use framewright::service::{Flow, Intake, Refusal};
use framewright::{Encoder, Instant, Service, Storage};

/// Answers each number with the sum of all numbers so far.
pub(crate) struct Sum;

/// What all clients share. Several servers in one program would each lend their own to a `Sum`.
static TOTAL: AtomicI64 = AtomicI64::new(0);

impl Service for Sum {
    type Framing = Lines;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: 32 } // the longest answer: a session calls only when it fits
    }

    fn frame<S: Storage>(&mut self, line: &[u8], _: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let number = core::str::from_utf8(line).ok().and_then(|text| text.trim().parse::<i64>().ok());
        match number {
            Some(number) => {
                let sum = TOTAL.fetch_add(number, Ordering::Relaxed).wrapping_add(number);
                out.push(sum.to_string().as_bytes())?; // on a device: `write!` to a `heapless::String`
            }
            None => out.push(b"a number, please")?,
        }
        Ok(Flow::Continue)
    }
}
