//! Cuts TCP segments that come, so that the stack above sees pieces of a chosen size, whatever its peer sends.
//!
//! It is [`Cut`](super::Cut) for a wire whose other end is not ours: a kernel sends the largest segments that it may.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;

use super::Line;
use super::cut::cut_frame;

/// A device that hands out received TCP payload in pieces of at most so many bytes.
#[derive(Debug)]
pub struct CutIncoming<D> {
    inner: D,
    /// `None` cuts nothing.
    size: Option<NonZeroUsize>,
    /// Pieces of a frame that were not handed out yet.
    pieces: VecDeque<Vec<u8>>,
}

impl<D> CutIncoming<D> {
    /// Wraps a device. The segments that it hands out have at most `size` bytes of payload; `None` leaves them as they are.
    pub fn new(inner: D, size: Option<NonZeroUsize>) -> Self {
        Self { inner, size, pieces: VecDeque::new() }
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

impl<D: Line> CutIncoming<D> {
    /// Takes the next frame from the device if it is one to cut, and there are no pieces of another.
    fn fill(&mut self, now: Instant) {
        let (Some(size), true) = (self.size, self.pieces.is_empty()) else {
            return;
        };
        let pieces = &mut self.pieces;
        let cut = self.inner.peek(now, |frame| cut_frame(frame, size, |piece| pieces.push_back(piece)));
        if cut == Some(true)
            && let Some((rx, _)) = self.inner.receive(now)
        {
            phy::RxToken::consume(rx, |_| ());
        }
    }
}

/// A frame that came, or a piece of one.
#[derive(Debug)]
pub enum RxToken<T> {
    /// As it came.
    Whole(T),
    /// A piece.
    Piece(Vec<u8>),
}

impl<D: Line> Device for CutIncoming<D> {
    type RxToken<'a>
        = RxToken<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.fill(now);
        if self.pieces.is_empty() {
            return self.inner.receive(now).map(|(rx, tx)| (RxToken::Whole(rx), tx));
        }
        let tx = self.inner.transmit(now)?;
        self.pieces.pop_front().map(|piece| (RxToken::Piece(piece), tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.inner.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for CutIncoming<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.fill(now);
        match self.pieces.front() {
            Some(piece) => Some(look(piece)),
            None => self.inner.peek(now, look),
        }
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        let inner = self.inner.flush(now);
        if self.pieces.is_empty() { inner } else { Some(now) }
    }
}

impl<T: phy::RxToken> phy::RxToken for RxToken<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Whole(token) => token.consume(f),
            Self::Piece(frame) => f(&frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{ETHERNET_MTU, TcpSegment, link};
    use crate::raw_peer::{ECHO, Raw, segment};
    use smoltcp::phy::{RxToken as _, TxToken as _};
    use smoltcp::wire::TcpControl;

    #[test]
    fn what_comes_in_large_segments_is_handed_out_in_small_ones_and_nothing_overtakes_them() {
        let (near, mut far) = link(ETHERNET_MTU);
        let mut device = CutIncoming::new(near, NonZeroUsize::new(4));
        let peer = Raw::new(1, ECHO);
        for frame in [segment(&peer, TcpControl::Psh, b"ten bytes!"), segment(&peer, TcpControl::None, b"")] {
            far.transmit(Instant::ZERO).expect("room").consume(frame.len(), |place| place.copy_from_slice(&frame));
        }
        let mut payloads = Vec::new();
        while let Some(peeked) = device.peek(Instant::ZERO, <[u8]>::to_vec) {
            let (rx, _) = device.receive(Instant::ZERO).expect("what was peeked");
            let frame = rx.consume(<[u8]>::to_vec);
            assert_eq!(frame, peeked);
            let segment = TcpSegment::parse(&frame).expect("a segment");
            payloads.push(String::from_utf8(frame[segment.payload].to_vec()).expect("text"));
        }
        assert_eq!(payloads, ["ten ", "byte", "s!", ""]);
    }
}
