//! Datagrams over the virtual network, and from a peer that is no stack.

use std::time::Duration;

use framewright::service::ChatRules;
use framewright::{SessionConfig, WallClock};
use smoltcp::iface::Config;
use smoltcp::phy::{ChecksumCapabilities, Device, RxToken, TxToken};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress,
    IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use super::*;
use crate::clock::to_smoltcp;
use crate::device::{LinkEnd, link};
use crate::loopback::{Loopback, LoopbackConfig};
use crate::pool::{Pool, PoolConfig};
use crate::services::{Catalogue, HostState, ServiceName};
use crate::{Server, Turn};

const PORT: u16 = 3456;
const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const SERVER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

#[test]
fn datagrams_come_back_as_they_were_also_the_empty_one_and_the_longest() {
    let mut world = Loopback::new(&LoopbackConfig {
        services: Vec::from([(ServiceName::Echo, 7), (ServiceName::UdpEcho, 7)]),
        ..LoopbackConfig::default()
    })
    .expect("a network");
    let datagrams: Vec<Vec<u8>> = [0, 1, 2, 700, MAX_DATAGRAM, 0].iter().map(|len| vec![0xa5; *len]).collect();
    for datagram in &datagrams {
        world.send_datagram(7, datagram);
    }
    world.run_for(Duration::from_secs(1));
    let back: Vec<_> = world.take_datagrams();
    assert_eq!(back, datagrams.into_iter().map(|datagram| (7, datagram)).collect::<Vec<_>>());
    assert_eq!(world.udp_counts(), UdpCounts { echoed: 6, ..UdpCounts::default() });
}

#[test]
fn more_at_once_than_there_is_memory_for_are_lost_and_the_next_ones_are_not() {
    let mut bench = Bench::new();
    for n in 0..5 {
        bench.send(peer(1), 1000 + n, SERVER, &[0; 400]);
    }
    bench.turn();
    assert_eq!(bench.answers().len(), 2); // 1,024 bytes
    bench.send(peer(1), 1, SERVER, b"after");
    bench.turn();
    assert_eq!(bench.answers(), [(peer(1), 1, b"after".to_vec())]);
}

#[test]
fn a_sender_without_an_ethernet_address_holds_up_nobody_for_long() {
    let mut bench = Bench::new();
    bench.send(Ipv4Address::new(10, 0, 66, 66), 9, SERVER, b"from nowhere");
    bench.turn();
    bench.send(peer(1), 10, SERVER, b"waits behind it");
    bench.turn();
    assert_eq!(bench.answers(), []);
    bench.pass(STALL);
    assert_eq!(bench.server.udp_counts().stalled, 1);
    bench.send(peer(1), 11, SERVER, b"again");
    bench.turn();
    assert_eq!(bench.answers(), [(peer(1), 11, b"again".to_vec())]);
}

#[test]
fn what_was_sent_to_everybody_is_answered_from_our_own_address() {
    let mut bench = Bench::new();
    bench.send(peer(1), 5, Ipv4Address::new(10, 0, 255, 255), b"who is there?");
    bench.turn();
    // `answers` looks only at what comes from the server's address.
    assert_eq!(bench.answers(), [(peer(1), 5, b"who is there?".to_vec())]);
}

#[test]
fn a_datagram_that_names_no_sender_is_dropped_and_counted() {
    let mut bench = Bench::new();
    bench.send(peer(1), 0, SERVER, b"from port 0");
    bench.send(peer(1), 5, SERVER, b"from port 5");
    bench.turn();
    assert_eq!(bench.answers(), [(peer(1), 5, b"from port 5".to_vec())]);
    assert_eq!(bench.server.udp_counts(), UdpCounts { echoed: 2, unanswerable: 1, ..UdpCounts::default() });
}

/// Peers that answer when they are asked for their Ethernet address.
fn peer(n: u8) -> Ipv4Address {
    Ipv4Address::new(10, 0, 1, n)
}

/// A server whose UDP socket holds 1,024 bytes in each direction, and the wire to it.
struct Bench {
    server: Server<'static, Catalogue<Vec<u8>, HostState>>,
    device: LinkEnd,
    wire: LinkEnd,
    now: Instant,
    answers: Vec<(Ipv4Address, u16, Vec<u8>)>,
}

impl Bench {
    fn new() -> Self {
        let (mut device, wire) = link(crate::device::ETHERNET_MTU);
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 1024]);
        let mut sockets = SocketSet::new(Vec::new());
        let echo = UdpEcho::new(&mut sockets, udp::Socket::new(buffer(), buffer()), PORT).expect("a port");
        let state = HostState::new(1, ChatRules::default(), WallClock::UNSET);
        let services = Catalogue::new(SessionConfig::default(), state);
        let pool = Pool::new(services, PoolConfig::default(), sockets, Vec::new());
        let mut interface = Interface::new(Config::new(SERVER_MAC.into()), &mut device, to_smoltcp(Instant::ZERO));
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(SERVER.into(), 16)).expect("room"));
        let server = Server::new(interface, pool, 16).with_udp_echo(echo);
        let mut bench = Self { server, device, wire, now: Instant::ZERO, answers: Vec::new() };
        // So that the server knows where the peers are.
        bench.send(peer(1), 1, SERVER, b"");
        bench.turn();
        bench.pass(Duration::from_secs(2));
        bench.answers.clear();
        bench
    }

    /// Turns until nothing moves, with answers to questions for addresses in between.
    fn turn(&mut self) -> Turn {
        loop {
            let turn = self.server.poll(self.now, &mut self.device, &mut |event| panic!("{event}"));
            if !self.take_frames() && !turn.moved {
                return turn;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.turn().next.filter(|next| *next <= end) {
            self.now = next.max(self.now + Duration::from_millis(1));
        }
        self.now = end;
        self.turn();
    }

    fn answers(&mut self) -> Vec<(Ipv4Address, u16, Vec<u8>)> {
        std::mem::take(&mut self.answers)
    }

    fn send(&mut self, from: Ipv4Address, port: u16, to: Ipv4Address, payload: &[u8]) {
        let udp = UdpRepr { src_port: port, dst_port: PORT };
        let ip = Ipv4Repr {
            src_addr: from,
            dst_addr: to,
            next_header: IpProtocol::Udp,
            payload_len: udp.header_len() + payload.len(),
            hop_limit: 64,
        };
        let mut packet = vec![0; ip.buffer_len() + ip.payload_len];
        let checksums = ChecksumCapabilities::default();
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &checksums);
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut packet[ip.buffer_len()..]),
            &from.into(),
            &to.into(),
            payload.len(),
            |place| place.copy_from_slice(payload),
            &checksums,
        );
        self.put(EthernetProtocol::Ipv4, &packet);
    }

    fn put(&mut self, ethertype: EthernetProtocol, packet: &[u8]) {
        let header = EthernetRepr { src_addr: PEER_MAC, dst_addr: SERVER_MAC, ethertype };
        let token = self.wire.transmit(to_smoltcp(self.now)).expect("a wire takes every frame");
        token.consume(header.buffer_len() + packet.len(), |frame| {
            let mut frame = EthernetFrame::new_unchecked(frame);
            header.emit(&mut frame);
            frame.payload_mut().copy_from_slice(packet);
        });
    }

    /// Takes what the server has sent. Whether there was anything.
    fn take_frames(&mut self) -> bool {
        let mut any = false;
        while let Some((token, _)) = self.wire.receive(to_smoltcp(self.now)) {
            any = true;
            let frame = token.consume(<[u8]>::to_vec);
            let frame = EthernetFrame::new_checked(&frame[..]).expect("a frame");
            if frame.ethertype() == EthernetProtocol::Arp {
                self.answer_arp(frame.payload());
            } else {
                let ip = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
                let udp = UdpPacket::new_checked(ip.payload()).expect("a datagram");
                assert!(udp.verify_checksum(&IpAddress::Ipv4(ip.src_addr()), &IpAddress::Ipv4(ip.dst_addr())));
                if ip.src_addr() == SERVER && udp.src_port() == PORT {
                    self.answers.push((ip.dst_addr(), udp.dst_port(), udp.payload().to_vec()));
                }
            }
        }
        any
    }

    /// Says where a peer is, if it is one that says so.
    fn answer_arp(&mut self, question: &[u8]) {
        let question = ArpPacket::new_checked(question).expect("a question");
        let Ok(ArpRepr::EthernetIpv4 { source_protocol_addr, target_protocol_addr, .. }) = ArpRepr::parse(&question)
        else {
            return;
        };
        if target_protocol_addr.octets()[2] == 1 {
            let answer = ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Reply,
                source_hardware_addr: PEER_MAC,
                source_protocol_addr: target_protocol_addr,
                target_hardware_addr: SERVER_MAC,
                target_protocol_addr: source_protocol_addr,
            };
            let mut packet = vec![0; answer.buffer_len()];
            answer.emit(&mut ArpPacket::new_unchecked(&mut packet));
            self.put(EthernetProtocol::Arp, &packet);
        }
    }
}
