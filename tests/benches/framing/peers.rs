//! What several contenders have in common: the fixed buffer of loops written by hand, and what turns framez's futures into calls.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read};
use framez::decode::Decoder;
use framez::functions::maybe_next;
use framez::state::ReadState;

use crate::measure::{Decode, Sink};

/// Bytes of every contender's buffer.
pub(crate) const CAPACITY: usize = 32 << 10;

/// A buffer that a socket reads into, as one writes it by hand: bytes are walked where they lie, and moved to the front when a frame does
/// not fit behind them.
pub(crate) struct Fixed {
    pub(crate) buffer: Box<[u8; CAPACITY]>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Fixed {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; CAPACITY].try_into().expect("of this length"), start: 0, end: 0 }
    }

    /// Stands for a read: takes as much of `segment` as fits.
    #[inline(always)]
    pub(crate) fn read(&mut self, segment: &mut &[u8]) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == CAPACITY {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let n = segment.len().min(CAPACITY - self.end);
        let (now, later) = segment.split_at(n);
        self.buffer[self.end..self.end + n].copy_from_slice(now);
        self.end += n;
        *segment = later;
    }

    #[inline(always)]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

/// A codec of framez with the state and the reader that it works on.
pub(crate) struct Framez<C> {
    codec: C,
    state: ReadState<'static>,
}

/// Hands out one segment, and then waits for ever.
struct OneSegment<'s>(&'s [u8]);

impl<C> Framez<C> {
    pub(crate) fn new(codec: C) -> Self {
        Self { codec, state: ReadState::new(Box::leak(vec![0; CAPACITY].into_boxed_slice())) }
    }
}

impl<C: for<'a> Decoder<'a, Item = &'a [u8]>> Decode for Framez<C> {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        let mut reader = OneSegment(segment);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // The only place where it waits is the read.
            match pin!(maybe_next(&mut self.state, &mut self.codec, &mut reader)).poll(&mut context) {
                Poll::Ready(Some(Ok(Some(payload)))) => sink.take(payload),
                Poll::Ready(Some(Ok(None))) => {}
                Poll::Ready(Some(Err(_)) | None) => panic!("framez stopped"),
                Poll::Pending => return,
            }
        }
    }
}

impl ErrorType for OneSegment<'_> {
    type Error = Infallible;
}

impl Read for OneSegment<'_> {
    async fn read(&mut self, place: &mut [u8]) -> Result<usize, Infallible> {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        let n = self.0.len().min(place.len());
        place[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}
