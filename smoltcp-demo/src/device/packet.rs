//! What a frame is, as far as a server must know before its stack does: a TCP segment, and whether it opens a connection.

use core::ops::Range;

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, Ipv4Packet, TcpOption, TcpPacket, TcpSeqNumber,
};

/// Where a TCP segment and its parts lie in an Ethernet frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSegment {
    /// The sender.
    pub source: IpEndpoint,
    /// The receiver.
    pub destination: IpEndpoint,
    /// The number of the first byte of the payload, or of the SYN.
    pub sequence: TcpSeqNumber,
    /// What has been received from the other side, where the ACK flag is set.
    pub acknowledges: Option<TcpSeqNumber>,
    /// The window field as it stands, without scaling.
    pub window: u16,
    /// By how many bits the sender of a SYN wants its windows shifted from then on (RFC 7323).
    pub window_shift: Option<u8>,
    /// Whether SYN is set.
    pub syn: bool,
    /// Whether FIN is set.
    pub fin: bool,
    /// Whether RST is set.
    pub rst: bool,
    /// Where the IP packet lies in the frame.
    pub ip: Range<usize>,
    /// Where the TCP header and payload lie in the frame.
    pub tcp: Range<usize>,
    /// Where the payload lies in the frame.
    pub payload: Range<usize>,
}

/// A SYN: somebody asks for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Opening {
    /// Who asks.
    pub remote: IpEndpoint,
    /// For what.
    pub local: IpEndpoint,
}

impl TcpSegment {
    /// The segment in an Ethernet frame with an unfragmented IPv4 packet; `None` for everything else. Lengths are checked,
    /// checksums are not.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let ip_at = EthernetFrame::<&[u8]>::header_len();
        let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
        if ip.next_header() != IpProtocol::Tcp || ip.more_frags() || ip.frag_offset() != 0 {
            return None;
        }
        let tcp_at = ip_at + usize::from(ip.header_len());
        let end = ip_at + usize::from(ip.total_len());
        let tcp = TcpPacket::new_checked(frame.get(tcp_at..end)?).ok()?;
        let payload_at = tcp_at + usize::from(tcp.header_len());
        Some(Self {
            source: IpEndpoint::new(IpAddress::Ipv4(ip.src_addr()), tcp.src_port()),
            destination: IpEndpoint::new(IpAddress::Ipv4(ip.dst_addr()), tcp.dst_port()),
            sequence: tcp.seq_number(),
            acknowledges: tcp.ack().then(|| tcp.ack_number()),
            window: tcp.window_len(),
            window_shift: if tcp.syn() { window_shift(tcp.options()) } else { None },
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            ip: ip_at..end,
            tcp: tcp_at..end,
            payload: payload_at..end,
        })
    }

    /// Whether the frame may ask for a connection: that is seen at once, and nearly no frame does.
    #[inline]
    pub fn may_open(frame: &[u8]) -> bool {
        flags(frame).is_some_and(|flags| flags & SYN != 0)
    }

    /// The connection that the frame asks for, if it is a SYN without an ACK.
    pub fn opening_in(frame: &[u8]) -> Option<Opening> {
        Self::parse(frame)?.opening()
    }

    /// The connection that this segment asks for, if it is a SYN without an ACK.
    pub fn opening(&self) -> Option<Opening> {
        let asks = self.syn && self.acknowledges.is_none() && !self.rst;
        asks.then_some(Opening { remote: self.source, local: self.destination })
    }
}

fn window_shift(mut options: &[u8]) -> Option<u8> {
    while let Ok((rest, option)) = TcpOption::parse(options) {
        match option {
            TcpOption::WindowScale(shift) => return Some(shift),
            TcpOption::EndOfList => return None,
            _ => options = rest,
        }
    }
    None
}

/// Whether the frame is a TCP segment with bytes and a FIN, and good checksums: what is spoiled is for the stack to drop.
pub fn has_bytes_and_fin(frame: &[u8]) -> bool {
    if flags(frame).is_none_or(|flags| flags & FIN == 0) {
        return false;
    }
    let Some(segment) = TcpSegment::parse(frame).filter(|segment| !segment.payload.is_empty()) else {
        return false;
    };
    let (source, destination) = (segment.source.addr, segment.destination.addr);
    Ipv4Packet::new_unchecked(&frame[segment.ip]).verify_checksum()
        && TcpPacket::new_unchecked(&frame[segment.tcp]).verify_checksum(&source, &destination)
}

/// Takes the FIN out of a segment for which [`has_bytes_and_fin`] is true.
pub fn bytes_without_fin(frame: &mut [u8]) {
    if let Some(segment) = TcpSegment::parse(frame) {
        let mut tcp = TcpPacket::new_unchecked(&mut frame[segment.tcp]);
        tcp.set_fin(false);
        tcp.fill_checksum(&segment.source.addr, &segment.destination.addr);
    }
}

/// Takes the bytes out of a segment for which [`has_bytes_and_fin`] is true, and makes it the FIN behind them. How long the frame is
/// then.
pub fn fin_without_bytes(frame: &mut [u8]) -> usize {
    let Some(segment) = TcpSegment::parse(frame) else {
        return frame.len();
    };
    let len = segment.payload.start;
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[segment.ip.start..len]);
    // Less than what the field held before.
    ip.set_total_len(u16::try_from(len - segment.ip.start).unwrap_or(u16::MAX));
    ip.fill_checksum();
    let mut tcp = TcpPacket::new_unchecked(&mut frame[segment.tcp.start..len]);
    tcp.set_seq_number(segment.sequence + segment.payload.len());
    tcp.set_fin(true);
    tcp.set_psh(false);
    tcp.fill_checksum(&segment.source.addr, &segment.destination.addr);
    len
}

/// The low byte of a TCP segment's flags; `None` for a frame that cannot be a segment over IPv4. Lengths are not checked.
fn flags(frame: &[u8]) -> Option<u8> {
    let header_len = match frame {
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x08, 0x00, version_and_len, ..] => {
            usize::from(version_and_len & 0x0f) * 4
        }
        _ => return None,
    };
    let is_tcp = *frame.get(ETHERNET_HEADER + PROTOCOL)? == TCP;
    if is_tcp { frame.get(ETHERNET_HEADER + header_len + FLAGS).copied() } else { None }
}

const ETHERNET_HEADER: usize = 14;
/// Where the protocol stands in an IPv4 header (RFC 791), and the number of TCP.
const PROTOCOL: usize = 9;
const TCP: u8 = 6;
/// Where the flags stand in a TCP header, and what they are (RFC 9293).
const FLAGS: usize = 13;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
