//! The same over `embedded-io-async`, with a time-out that drops the future of a read, and nothing lost.
//!
//! Any executor will do; this one is ten lines. Run it with `cargo run -p core --example embedded_io_async`.

use embedded_io_async::{ErrorType, Read};
use framewright::Decoder;
use framewright::framing::U32;
use framewright::io_async::FrameReader;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A slow serial line: a byte comes at every second look.
struct SlowLine(&'static [u8], bool);

impl ErrorType for SlowLine {
    type Error = Infallible;
}

impl Read for SlowLine {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            self.1 = !self.1;
            if self.1 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        Ok(std::io::Read::read(&mut self.0, &mut to[..1]).unwrap_or_default())
    }
}

/// Polls a future at most so often, and then drops it: a time-out.
fn within<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

fn main() {
    let line = SlowLine(b"\0\0\0\x05hello\0\0\0\x05world", false);
    let mut reader = FrameReader::new(line, Decoder::new(U32::new(), [0; 32]));
    let (mut timeouts, mut frames) = (0, Vec::new());
    while frames.len() < 2 {
        match within(3, reader.read_frame()) {
            Some(frame) => frames.push(frame.expect("well formed").expect("not the end").to_vec()),
            None => timeouts += 1, // the future was dropped; what had come is in the decoder
        }
    }
    println!(
        "{timeouts} time-outs, and still: {:?}",
        frames.iter().map(|f| String::from_utf8_lossy(f)).collect::<Vec<_>>()
    );
    assert_eq!(frames, [b"hello", b"world"]);
    assert!(timeouts > 2);
}
