//! Gives the stack the end of a stream behind the last bytes of it, never together with them.
//!
//! smoltcp 0.14 believes a FIN even when it could not keep all the bytes in front of it in the same segment: what lies behind
//! the window is dropped, the FIN is not, and the stream ends early without a word. Its own fast retransmission sends such segments,
//! of whatever length, when the receiver's ring is small. So a segment with bytes and a FIN is handed on in two: the bytes, and
//! then a FIN that the stack believes only if it has them all.

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;

use super::Line;
use super::packet::{bytes_without_fin, fin_without_bytes, has_bytes_and_fin};

/// A device whose received segments carry bytes or a FIN, not both.
///
/// A driver that owns the memory of a frame does the same in place, with [`bytes_without_fin`] and
/// [`fin_without_bytes`].
#[derive(Debug)]
pub struct FinLast<D> {
    inner: D,
    /// A FIN whose bytes were handed out.
    held: Option<Vec<u8>>,
}

impl<D> FinLast<D> {
    /// Wraps a device.
    pub fn new(inner: D) -> Self {
        Self { inner, held: None }
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

/// A frame that came, or one that was made of it.
#[derive(Debug)]
pub enum RxToken<T> {
    /// As it came.
    Whole(T),
    /// Half of one.
    Half(Vec<u8>),
}

impl<D: Line> Device for FinLast<D> {
    type RxToken<'a>
        = RxToken<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.held.is_some() {
            let tx = self.inner.transmit(now)?;
            return self.held.take().map(|fin| (RxToken::Half(fin), tx));
        }
        let split = self.inner.peek(now, has_bytes_and_fin)?;
        let (rx, tx) = self.inner.receive(now)?;
        if !split {
            return Some((RxToken::Whole(rx), tx));
        }
        let mut bytes = phy::RxToken::consume(rx, <[u8]>::to_vec);
        let mut fin = bytes.clone();
        bytes_without_fin(&mut bytes);
        let len = fin_without_bytes(&mut fin);
        fin.truncate(len);
        self.held = Some(fin);
        Some((RxToken::Half(bytes), tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.inner.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for FinLast<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match &self.held {
            Some(fin) => Some(look(fin)),
            None => self.inner.peek(now, look),
        }
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        let inner = self.inner.flush(now);
        if self.held.is_some() { Some(now) } else { inner }
    }
}

impl<T: phy::RxToken> phy::RxToken for RxToken<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Whole(token) => token.consume(f),
            Self::Half(frame) => f(&frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{ETHERNET_MTU, TcpSegment, link};
    use crate::raw_peer::{ECHO, Raw, segment};
    use smoltcp::phy::{RxToken as _, TxToken as _};
    use smoltcp::wire::{Ipv4Packet, TcpControl, TcpPacket, TcpSeqNumber};

    /// What a stack is given when this frame comes.
    fn given(frame: &[u8]) -> Vec<Vec<u8>> {
        let (near, mut far) = link(ETHERNET_MTU);
        let mut device = FinLast::new(near);
        far.transmit(Instant::ZERO).expect("room").consume(frame.len(), |place| place.copy_from_slice(frame));
        std::iter::from_fn(|| device.receive(Instant::ZERO).map(|(rx, _)| rx.consume(<[u8]>::to_vec))).collect()
    }

    #[test]
    fn bytes_and_a_fin_come_one_after_the_other_and_in_good_order() {
        let frames = given(&segment(&Raw::new(1, ECHO), TcpControl::Fin, b"bytes"));
        let [bytes, fin] = &frames[..] else { panic!("{} frames", frames.len()) };
        let (first, second) = (TcpSegment::parse(bytes).expect("bytes"), TcpSegment::parse(fin).expect("a FIN"));
        assert_eq!((first.fin, &bytes[first.payload], first.sequence), (false, &b"bytes"[..], TcpSeqNumber(1000)));
        assert_eq!((second.fin, second.payload.len(), second.sequence), (true, 0, TcpSeqNumber(1005)));
        for frame in [bytes, fin] {
            let segment = TcpSegment::parse(frame).expect("a segment");
            assert!(Ipv4Packet::new_unchecked(&frame[segment.ip]).verify_checksum());
            let tcp = TcpPacket::new_unchecked(&frame[segment.tcp]);
            assert!(tcp.verify_checksum(&segment.source.addr, &segment.destination.addr));
        }
    }

    #[test]
    fn everything_else_comes_as_it_is() {
        let peer = Raw::new(1, ECHO);
        let mut spoiled = segment(&peer, TcpControl::Fin, b"bytes");
        *spoiled.last_mut().expect("a byte") ^= 1;
        let others = [
            segment(&peer, TcpControl::Fin, b""),
            segment(&peer, TcpControl::Psh, b"bytes"),
            segment(&peer, TcpControl::Syn, b""),
            spoiled,
            vec![0; 60],
        ];
        for frame in others {
            assert_eq!(given(&frame), [frame]);
        }
    }
}
