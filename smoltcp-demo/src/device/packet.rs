//! What a frame is, as far as a server must know before its stack does: a TCP segment, and whether it opens a connection.

use core::ops::Range;

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, Ipv4Packet, TcpPacket, TcpSeqNumber,
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
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            ip: ip_at..end,
            tcp: tcp_at..end,
            payload: payload_at..end,
        })
    }

    /// The connection that this segment asks for, if it is a SYN without an ACK.
    pub fn opening(&self) -> Option<Opening> {
        let asks = self.syn && self.acknowledges.is_none() && !self.rst;
        asks.then_some(Opening { remote: self.source, local: self.destination })
    }
}
