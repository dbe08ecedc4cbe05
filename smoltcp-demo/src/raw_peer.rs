//! A peer for tests that is no stack: it sends the segments that it is told to, and shows what comes back. So it can do what
//! a well-behaved one never would.

use std::time::Duration;

use framewright::service::ChatRules;
use framewright::{Instant, SessionConfig, WallClock};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress,
    IpCidr, IpEndpoint, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use crate::clock::to_smoltcp;
use crate::device::{ETHERNET_MTU, FinLast, LinkEnd, TcpSegment, link};
use crate::pool::{Event, Occupancy, Pool, PoolConfig};
use crate::services::{Catalogue, HostState, ServiceName};
use crate::{Server, Turn};

/// The server's address, and the port where it echoes.
pub(crate) const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
pub(crate) const ECHO: u16 = 7;
pub(crate) const TRIM: u16 = 4567;
const SERVER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
/// All peers have it: who is who is told by address and port.
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

/// A server, the wire to it, and a clock.
pub(crate) struct Bench {
    pub(crate) server: Server<'static, Catalogue<Vec<u8>, HostState>>,
    device: FinLast<LinkEnd>,
    wire: LinkEnd,
    pub(crate) now: Instant,
    pub(crate) events: Vec<Event>,
    /// What was taken off the wire and not asked for yet.
    seen: Vec<Seen>,
    /// Whether questions for the Ethernet address of a peer are answered.
    pub(crate) answers_arp: bool,
}

/// How a [`Bench`] is built.
pub(crate) struct Setup {
    pub(crate) slots: usize,
    pub(crate) ring: usize,
    pub(crate) buffer: usize,
    pub(crate) packets: usize,
    pub(crate) pool: PoolConfig,
    pub(crate) session: SessionConfig,
    /// Addresses that the server has besides its own: it is reached from everywhere at each.
    pub(crate) more: Vec<Ipv4Address>,
}

/// A segment that the server sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) segment: TcpSegment,
    pub(crate) payload: Vec<u8>,
}

/// One end of a connection, as a raw peer keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    pub(crate) from: IpEndpoint,
    pub(crate) server: Ipv4Address,
    pub(crate) to: u16,
    /// The number of the next byte to send.
    pub(crate) next: TcpSeqNumber,
    /// The number of the next byte that is expected.
    pub(crate) expects: TcpSeqNumber,
    /// The window that is offered.
    pub(crate) window: u16,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            slots: 4,
            ring: 1024,
            buffer: 512,
            packets: 64,
            pool: PoolConfig::default(),
            session: SessionConfig::default(),
            more: Vec::new(),
        }
    }
}

impl Bench {
    pub(crate) fn new(setup: &Setup) -> Self {
        let (device, wire) = link(ETHERNET_MTU);
        let mut device = FinLast::new(device);
        let services =
            Catalogue::new(setup.session, HostState::new(setup.slots, ChatRules::default(), WallClock::UNSET))
                .with(ServiceName::Echo, ECHO)
                .and_then(|services| services.with(ServiceName::Trim, TRIM))
                .expect("two services");
        let mut pool = Pool::new(services, setup.pool, SocketSet::new(Vec::new()), Vec::new());
        for _ in 0..setup.slots {
            let ring = || tcp::SocketBuffer::new(vec![0; setup.ring]);
            pool.add_socket(tcp::Socket::new(ring(), ring()), vec![0; setup.buffer], vec![0; setup.buffer])
                .expect("buffers that are long enough");
        }
        let config = Config::new(SERVER_MAC.into());
        let now = Instant::ZERO;
        let mut interface = Interface::new(config, &mut device, to_smoltcp(now));
        interface.update_ip_addrs(|addresses| {
            for address in [SERVER].iter().chain(&setup.more) {
                addresses.push(IpCidr::new((*address).into(), 16)).expect("room for one more");
            }
        });
        let server = Server::new(interface, pool, setup.packets);
        Self { server, device, wire, now, events: Vec::new(), seen: Vec::new(), answers_arp: true }
    }

    /// One turn of the server, at the same time; questions for addresses are answered behind it.
    pub(crate) fn turn(&mut self) -> Turn {
        let events = &mut self.events;
        let turn = self.server.poll(self.now, &mut self.device, &mut |event| events.push(event));
        self.take_frames();
        turn
    }

    /// Turns until nothing moves.
    pub(crate) fn settle(&mut self) -> Turn {
        loop {
            let turn = self.turn();
            if !turn.moved {
                return turn;
            }
        }
    }

    /// Lets so much time pass, with a turn whenever the server asked for one.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self.settle().next.unwrap_or(end);
            if next >= end {
                break;
            }
            self.now = if next > self.now { next } else { self.now + Duration::from_millis(1) };
        }
        self.now = end;
        self.settle();
    }

    /// The segments that the server has sent to a peer since the last call.
    pub(crate) fn sent_to(&mut self, peer: &Raw) -> Vec<Seen> {
        self.take_frames();
        let (mine, others) = self.seen.drain(..).partition(|seen| seen.segment.destination == peer.from);
        self.seen = others;
        mine
    }

    /// Sends a segment as it is told.
    pub(crate) fn send(&mut self, peer: &Raw, control: TcpControl, payload: &[u8]) {
        self.put_frame(&segment(peer, control, payload));
    }

    /// A handshake up to the end.
    pub(crate) fn connect(&mut self, mut peer: Raw) -> Raw {
        self.send(&peer, TcpControl::Syn, b"");
        self.settle();
        let answer = self.sent_to(&peer).pop().expect("an answer to a SYN").segment;
        assert!(answer.syn && answer.acknowledges == Some(peer.next + 1), "{answer:?}");
        peer.next += 1;
        peer.expects = answer.sequence + 1;
        self.send(&peer, TcpControl::None, b"");
        self.settle();
        peer
    }

    /// Lets the server find out where peers are, and the slot for that be free again.
    pub(crate) fn introduce(&mut self) {
        let peer = self.connect(Raw::new(9999, ECHO));
        self.send(&peer, TcpControl::Rst, b"");
        self.settle();
        self.sent_to(&peer);
        self.events.clear();
    }

    /// Sends payload, acknowledges what comes back, and returns it.
    pub(crate) fn exchange(&mut self, peer: &mut Raw, payload: &[u8]) -> Vec<u8> {
        self.send(peer, TcpControl::Psh, payload);
        peer.next += payload.len();
        self.settle();
        let mut answer = Vec::new();
        for seen in self.sent_to(peer) {
            assert!(!seen.segment.rst, "a reset");
            assert_eq!(seen.segment.sequence, peer.expects + answer.len());
            answer.extend(seen.payload);
        }
        peer.expects += answer.len();
        self.send(peer, TcpControl::None, b"");
        self.settle();
        answer
    }

    pub(crate) fn occupancy(&self) -> Vec<Occupancy> {
        self.server.pool().occupancy().collect()
    }

    pub(crate) fn free(&self) -> usize {
        self.server.pool().free()
    }

    /// Takes what the server has sent off the wire.
    fn take_frames(&mut self) {
        while let Some((frame, _)) = self.wire.receive(to_smoltcp(self.now)) {
            let frame = frame.consume(<[u8]>::to_vec);
            if let Some(segment) = TcpSegment::parse(&frame) {
                let payload = frame[segment.payload.clone()].to_vec();
                self.seen.push(Seen { segment, payload });
            } else {
                self.answer_arp(&frame);
            }
        }
    }

    fn answer_arp(&mut self, frame: &[u8]) {
        let frame = EthernetFrame::new_checked(frame).expect("an Ethernet frame");
        if frame.ethertype() != EthernetProtocol::Arp || !self.answers_arp {
            return;
        }
        let packet = ArpPacket::new_checked(frame.payload()).expect("an ARP packet");
        let Ok(ArpRepr::EthernetIpv4 { target_protocol_addr, .. }) = ArpRepr::parse(&packet) else {
            return;
        };
        let answer = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: PEER_MAC,
            source_protocol_addr: target_protocol_addr,
            target_hardware_addr: SERVER_MAC,
            target_protocol_addr: SERVER,
        };
        let frame = ethernet(EthernetProtocol::Arp, answer.buffer_len(), |bytes| {
            answer.emit(&mut ArpPacket::new_unchecked(bytes));
        });
        self.put_frame(&frame);
    }

    /// Puts a frame on the wire to the server.
    fn put_frame(&mut self, frame: &[u8]) {
        let token = self.wire.transmit(to_smoltcp(self.now)).expect("the wire always has room");
        token.consume(frame.len(), |place| place.copy_from_slice(frame));
    }
}

/// The frame with a segment from a peer to the server.
pub(crate) fn segment(peer: &Raw, control: TcpControl, payload: &[u8]) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: peer.from.port,
        dst_port: peer.to,
        control,
        seq_number: peer.next,
        ack_number: (control != TcpControl::Syn).then_some(peer.expects),
        window_len: peer.window,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    };
    let IpAddress::Ipv4(src_addr) = peer.from.addr;
    let ip = Ipv4Repr {
        src_addr,
        dst_addr: peer.server,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    ethernet(EthernetProtocol::Ipv4, ip.buffer_len() + tcp.buffer_len(), |bytes| {
        let mut packet = Ipv4Packet::new_unchecked(bytes);
        ip.emit(&mut packet, &ChecksumCapabilities::default());
        let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
        tcp.emit(&mut segment, &src_addr.into(), &peer.server.into(), &ChecksumCapabilities::default());
    })
}

/// A frame to the server with `len` bytes that `fill` writes.
fn ethernet(ethertype: EthernetProtocol, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let ethernet = EthernetRepr { src_addr: PEER_MAC, dst_addr: SERVER_MAC, ethertype };
    let mut bytes = vec![0; ethernet.buffer_len() + len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    fill(frame.payload_mut());
    bytes
}

impl Raw {
    /// A peer that is about to connect to a port, from a port of its own at an address that all of them share.
    pub(crate) fn new(number: u16, to: u16) -> Self {
        Self::at(IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 50000 + number), to)
    }

    /// The same from an address of its own. Where that is, the server must ask; it asks once a second.
    pub(crate) fn from_afar(number: u8, to: u16) -> Self {
        Self::at(IpEndpoint::new(IpAddress::v4(10, 0, 1, number), 50000), to)
    }

    fn at(from: IpEndpoint, to: u16) -> Self {
        Self { from, server: SERVER, to, next: TcpSeqNumber(1000), expects: TcpSeqNumber(0), window: 8192 }
    }
}
