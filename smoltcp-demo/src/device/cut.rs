//! Cuts TCP segments on their way out, so that the receiver sees pieces of a chosen size.
//!
//! A stack sends what it has in the largest segments it may; partial reads then depend on luck. Behind this wrapper they are
//! certain: each segment leaves as several, every one a valid packet with its own sequence number and checksums. Nothing else
//! is touched: no SYN, no bare ACK, no other protocol.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::{Ipv4Packet, TcpPacket};

use super::{Line, TcpSegment};

/// A device that sends TCP payload in pieces of at most so many bytes.
#[derive(Debug)]
pub struct Cut<D> {
    inner: D,
    /// `None` cuts nothing.
    size: Option<NonZeroUsize>,
    /// Pieces for which the inner device had no room yet. While there are any, nothing may overtake them.
    waiting: VecDeque<Vec<u8>>,
    counts: CutCounts,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutCounts {
    /// Segments that were cut.
    pub cut: u64,
    /// Pieces that they became.
    pub pieces: u64,
}

impl<D> Cut<D> {
    /// Wraps a device. Segments leave it with at most `size` bytes of payload; `None` leaves them as they are.
    pub fn new(inner: D, size: Option<NonZeroUsize>) -> Self {
        Self { inner, size, waiting: VecDeque::new(), counts: CutCounts::default() }
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// What was done so far.
    pub fn counts(&self) -> CutCounts {
        self.counts
    }
}

/// Cuts the TCP segment in an Ethernet frame into frames with at most `size` bytes of payload each, and gives them to `piece` in
/// order. Whether there was something to cut: if not, nothing is given.
pub(crate) fn cut_frame(frame: &[u8], size: NonZeroUsize, mut piece: impl FnMut(Vec<u8>)) -> bool {
    let Some(segment) = TcpSegment::parse(frame) else {
        return false;
    };
    if segment.syn || segment.payload.len() <= size.get() {
        return false;
    }
    let headers = segment.payload.start;
    let payload = &frame[segment.payload.clone()];
    let count = payload.len().div_ceil(size.get());
    for (index, part) in payload.chunks(size.get()).enumerate() {
        let mut packet = Vec::with_capacity(headers + part.len());
        packet.extend_from_slice(&frame[..headers]);
        packet.extend_from_slice(part);
        // Both headers were parsed from this frame, and their lengths are those of `packet`.
        let ip_len =
            u16::try_from(packet.len() - segment.ip.start).expect("a piece is not longer than what it is cut from");
        let mut ip = Ipv4Packet::new_unchecked(&mut packet[segment.ip.start..]);
        ip.set_total_len(ip_len);
        ip.fill_checksum();
        let (source, destination) = (segment.source.addr, segment.destination.addr);
        let mut tcp = TcpPacket::new_unchecked(&mut packet[segment.tcp.start..]);
        tcp.set_seq_number(segment.sequence + index * size.get());
        if index + 1 < count {
            // They say something about the end of the segment.
            tcp.set_fin(false);
            tcp.set_psh(false);
        }
        tcp.fill_checksum(&source, &destination);
        piece(packet);
    }
    true
}

/// Place for a frame that may leave in pieces.
#[derive(Debug)]
pub struct TxToken<'a, T> {
    inner: T,
    size: Option<NonZeroUsize>,
    waiting: &'a mut VecDeque<Vec<u8>>,
    counts: &'a mut CutCounts,
}

impl<D: Device> Cut<D> {
    /// Sends pieces that wait, as far as there is room. Whether all are gone.
    fn send_waiting(&mut self, now: Instant) -> bool {
        while let Some(piece) = self.waiting.front() {
            let Some(token) = self.inner.transmit(now) else {
                return false;
            };
            phy::TxToken::consume(token, piece.len(), |buffer| buffer.copy_from_slice(piece));
            self.waiting.pop_front();
        }
        true
    }
}

impl<D: Device> Device for Cut<D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.send_waiting(now);
        let (rx, inner) = self.inner.receive(now)?;
        let Self { size, waiting, counts, .. } = self;
        Some((rx, TxToken { inner, size: *size, waiting, counts }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        if !self.send_waiting(now) {
            return None;
        }
        let inner = self.inner.transmit(now)?;
        let Self { size, waiting, counts, .. } = self;
        Some(TxToken { inner, size: *size, waiting, counts })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for Cut<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.inner.peek(now, look)
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        let all_gone = self.send_waiting(now);
        let inner = self.inner.flush(now);
        if all_gone { inner } else { Some(now) }
    }
}

impl<T: phy::TxToken> phy::TxToken for TxToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { inner, size, waiting, counts } = self;
        let Some(size) = size else {
            return inner.consume(len, f);
        };
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        let before = waiting.len();
        if cut_frame(&frame, size, |piece| waiting.push_back(piece)) {
            counts.cut += 1;
            counts.pieces += (waiting.len() - before) as u64;
        } else {
            waiting.push_back(frame);
        }
        if let Some(first) = waiting.pop_front() {
            inner.consume(first.len(), |buffer| buffer.copy_from_slice(&first));
        }
        result
    }

    fn set_meta(&mut self, meta: phy::PacketMeta) {
        self.inner.set_meta(meta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol, Ipv4Address, Ipv4Repr,
        TcpControl, TcpRepr, TcpSeqNumber, TcpTimestampRepr,
    };

    const SOURCE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    const DESTINATION: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

    /// A segment as smoltcp sends it, in an Ethernet frame.
    fn frame(control: TcpControl, sequence: i32, payload: &[u8], timestamp: bool) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: 4567,
            dst_port: 50000,
            control,
            seq_number: TcpSeqNumber(sequence),
            ack_number: (control != TcpControl::Syn).then_some(TcpSeqNumber(77)),
            window_len: 4096,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: timestamp.then_some(TcpTimestampRepr { tsval: 1, tsecr: 2 }),
            payload,
        };
        let ip = Ipv4Repr {
            src_addr: SOURCE,
            dst_addr: DESTINATION,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let ethernet = EthernetRepr {
            src_addr: EthernetAddress([2, 0, 0, 0, 0, 1]),
            dst_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
            ethertype: EthernetProtocol::Ipv4,
        };
        let checksums = ChecksumCapabilities::default();
        let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + tcp.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        ethernet.emit(&mut frame);
        let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet, &checksums);
        let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
        tcp.emit(&mut segment, &IpAddress::Ipv4(SOURCE), &IpAddress::Ipv4(DESTINATION), &checksums);
        bytes
    }

    /// Sequence number, flags and payload of a piece, which a stack that checks everything accepts.
    fn read(piece: &[u8]) -> (TcpSeqNumber, TcpControl, Vec<u8>) {
        let checksums = ChecksumCapabilities::default();
        let frame = EthernetFrame::new_checked(piece).expect("an Ethernet frame");
        let packet = Ipv4Packet::new_checked(frame.payload()).expect("an IP packet");
        Ipv4Repr::parse(&packet, &checksums).expect("a good IP header");
        let segment = TcpPacket::new_checked(packet.payload()).expect("a segment");
        let repr = TcpRepr::parse(&segment, &IpAddress::Ipv4(SOURCE), &IpAddress::Ipv4(DESTINATION), &checksums)
            .expect("a good segment");
        assert_eq!(repr.ack_number, Some(TcpSeqNumber(77)));
        (repr.seq_number, repr.control, repr.payload.to_vec())
    }

    fn size(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).expect("a size")
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_segment_are_good_segments_that_say_the_same(
            payload in proptest::collection::vec(any::<u8>(), 2..1461),
            n in 1_usize..1460,
            sequence in any::<i32>(),
            timestamp in any::<bool>(),
            fin in any::<bool>(),
        ) {
            let control = if fin { TcpControl::Fin } else { TcpControl::Psh };
            let whole = frame(control, sequence, &payload, timestamp);
            let mut pieces = Vec::new();
            let cut = cut_frame(&whole, size(n), |piece| pieces.push(piece));
            prop_assert_eq!(cut, payload.len() > n);
            if !cut {
                return Ok(());
            }
            prop_assert_eq!(pieces.len(), payload.len().div_ceil(n));
            let mut said = Vec::new();
            for (index, piece) in pieces.iter().enumerate() {
                let (at, flags, part) = read(piece);
                prop_assert_eq!(at, TcpSeqNumber(sequence) + said.len());
                prop_assert!(!part.is_empty() && part.len() <= n);
                let last = index + 1 == pieces.len();
                prop_assert_eq!(flags, if last { control } else { TcpControl::None });
                said.extend(part);
            }
            prop_assert_eq!(said, payload);
        }
    }

    #[test]
    fn what_carries_no_payload_to_cut_is_left_alone() {
        for whole in [frame(TcpControl::Syn, 5, b"", false), frame(TcpControl::None, 5, b"", true), vec![0; 60], vec![]]
        {
            assert!(!cut_frame(&whole, size(1), |_| panic!("a piece")));
        }
    }
}
