//! What a pool must survive: peers that send a SYN twice, that stop half-way, that flood, that never close. On virtual time.

use std::cell::RefCell;
use std::time::Duration;

use framewright::service::{ChatRules, Seat};
use framewright::{CloseReason, SessionConfig, Table, WallClock};
use smoltcp::iface::{Config, Interface, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, TcpControl};

use super::*;
use crate::device::{ETHERNET_MTU, Line, LinkEnd, link};
use crate::raw_peer::{Bench, ECHO, Raw, Setup, TRIM, segment};
use crate::services::{Catalogue, Conversation, ServiceName, State};
use crate::{Server, Turn};

const HELLO: &[u8] = b"\0\0\0\x05hello";

#[test]
fn a_pool_lives_in_lent_storage() {
    const SLOTS: usize = 2;
    let mut sockets: [SocketStorage<'_>; SLOTS] = Default::default();
    let seats: [Seat<()>; SLOTS] = Default::default();
    let state =
        State::new(RefCell::new(Table::<4, 8, 8>::new()), seats, [0; 64], ChatRules::default(), WallClock::UNSET);
    let mut slots: [Slot<Conversation<&mut [u8], &State<_, _, _>>>; SLOTS] = Default::default();
    let mut memory = [[[0; 512]; 4]; SLOTS];

    let services =
        Catalogue::new(SessionConfig::default(), &state).with(ServiceName::Echo, 7).expect("room for a service");
    let mut pool = Pool::new(services, PoolConfig::default(), SocketSet::new(&mut sockets[..]), &mut slots[..]);
    for [rx, tx, input, output] in &mut memory {
        pool.add(SlotMemory { rx, tx, input, output }).expect("buffers that are long enough");
    }
    assert_eq!((pool.len(), pool.free()), (SLOTS, SLOTS));

    let (mut device, _peer) = link(ETHERNET_MTU);
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
    interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, 1), 24)).expect("room"));
    let mut server = Server::new(interface, pool, 8);
    let turn = server.poll(Instant::ZERO, &mut device, &mut |event| panic!("{event}"));
    assert_eq!(turn, Turn { moved: false, again: false, next: None });
}

#[test]
fn a_syn_that_is_sent_again_finds_its_connection_and_no_second_slot() {
    let mut bench = Bench::new(&Setup::default());
    // The first slot is taken, and free again when the SYN comes for the second time: a listener there would get it.
    let other = bench.connect(Raw::new(1, ECHO));
    let mut peer = Raw::new(2, ECHO);
    bench.send(&peer, TcpControl::Syn, b"");
    bench.settle();
    let answer = bench.sent_to(&peer).pop().expect("a SYN with an ACK").segment;
    bench.send(&other, TcpControl::Rst, b"");
    bench.settle();
    assert_eq!(bench.occupancy()[..2], [Occupancy::Free, Occupancy::HalfOpen]);

    bench.send(&peer, TcpControl::Syn, b"");
    bench.settle();
    assert_eq!(bench.free(), 3, "{:?}", bench.occupancy());
    peer.next += 1;
    peer.expects = answer.sequence + 1;
    bench.send(&peer, TcpControl::None, b"");
    assert!(bench.sent_to(&peer).iter().all(|seen| !seen.segment.rst), "the client was reset");
    assert_eq!(bench.exchange(&mut peer, HELLO), HELLO);

    // And once more, long after: the connection answers, and goes on.
    bench.send(&Raw { next: peer.next + 77_777, ..peer }, TcpControl::Syn, b"");
    bench.settle();
    assert!(bench.sent_to(&peer).iter().all(|seen| !seen.segment.rst), "the client was reset");
    assert_eq!(bench.exchange(&mut peer, HELLO), HELLO);
    assert_eq!(bench.free(), 3);
}

#[test]
fn a_handshake_that_is_not_completed_gives_its_slot_back() {
    let mut bench = Bench::new(&Setup::default());
    bench.send(&Raw::new(1, ECHO), TcpControl::Syn, b"");
    bench.settle();
    assert_eq!(bench.free(), 3);
    bench.pass(Duration::from_millis(19_999));
    assert_eq!(bench.free(), 3);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.free(), 4);
    assert!(matches!(bench.events[..], [Event::Abandoned { .. }]), "{:?}", bench.events);
}

#[test]
fn a_peer_that_never_closes_its_half_gives_its_slot_back_even_if_it_goes_on_sending() {
    for talks in [false, true] {
        let pool = PoolConfig { drain: Duration::from_secs(10), ..PoolConfig::default() };
        let mut bench = Bench::new(&Setup { pool, ..Setup::default() });
        let mut peer = bench.connect(Raw::new(1, ECHO));
        bench.send(&peer, TcpControl::Psh, b"\xff\xff\xff\xff");
        peer.next += 4;
        bench.settle();
        let fin = bench.sent_to(&peer).pop().expect("a FIN");
        assert!(fin.segment.fin);
        peer.expects = fin.segment.sequence + 1;
        bench.send(&peer, TcpControl::None, b""); // the server is in FIN-WAIT-2, and the peer stays as it is
        let mut seconds = 0;
        while bench.free() < 4 {
            bench.pass(Duration::from_secs(1));
            if talks {
                bench.send(&peer, TcpControl::Psh, b"x");
                peer.next += 1;
            }
            seconds += 1;
            assert!(seconds <= 11, "{:?}", bench.occupancy());
        }
        assert!(bench.sent_to(&peer).pop().expect("a reset").segment.rst);
        assert!(matches!(bench.events[..], [.., Event::Closed { reason: CloseReason::BadFrame(_), .. }]));
    }
}

#[test]
fn a_peer_that_never_acknowledges_the_end_gives_its_slot_back() {
    let mut bench = Bench::new(&Setup::default());
    let mut peer = bench.connect(Raw::new(1, ECHO));
    assert_eq!(bench.exchange(&mut peer, HELLO), HELLO);
    bench.send(&peer, TcpControl::Fin, b"");
    bench.settle();
    assert_eq!(bench.occupancy()[0], Occupancy::Draining); // in LAST-ACK
    bench.pass(PoolConfig::default().drain);
    assert_eq!(bench.free(), 4);
}

#[test]
fn a_peer_that_takes_its_answers_slowly_gets_them_all() {
    let pool = PoolConfig { drain: Duration::from_secs(10), ..PoolConfig::default() };
    let mut bench = Bench::new(&Setup { pool, ..Setup::default() });
    // Eight bytes at a time, three seconds apart: the session is over long before.
    let mut peer = bench.connect(Raw { window: 8, ..Raw::new(1, ECHO) });
    let message = [HELLO, HELLO, HELLO, HELLO, HELLO].concat();
    bench.send(&peer, TcpControl::Fin, &message);
    peer.next += message.len() + 1;
    bench.settle();
    assert_eq!(bench.occupancy()[0], Occupancy::Draining);
    let mut answer = Vec::new();
    while answer.len() < message.len() {
        for seen in bench.sent_to(&peer) {
            assert!(!seen.segment.rst, "after {} bytes", answer.len());
            if seen.segment.sequence == peer.expects {
                peer.expects += seen.payload.len();
                answer.extend(seen.payload);
            }
        }
        bench.pass(Duration::from_secs(3));
        bench.send(&peer, TcpControl::None, b"");
        bench.settle();
    }
    assert_eq!(answer, message);
}

#[test]
fn a_peer_that_offers_no_window_is_given_up_when_it_has_closed_its_half() {
    let mut bench = Bench::new(&Setup::default());
    let mut peer = bench.connect(Raw { window: 0, ..Raw::new(1, ECHO) });
    bench.send(&peer, TcpControl::Psh, HELLO);
    peer.next += HELLO.len();
    bench.send(&peer, TcpControl::Fin, b"");
    peer.next += 1;
    for _ in 0..60 {
        bench.pass(Duration::from_secs(1));
        // It answers every probe, so that TCP would go on for ever.
        bench.send(&peer, TcpControl::None, b"");
    }
    assert_eq!(bench.free(), 4, "{:?}", bench.occupancy());
}

#[test]
fn an_idle_timeout_ends_a_connection_that_says_nothing() {
    let session = SessionConfig { idle_timeout: Some(Duration::from_mins(1)), ..SessionConfig::default() };
    let mut bench = Bench::new(&Setup { session, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    for _ in 0..10 {
        // It answers the questions whether it is still there.
        bench.pass(Duration::from_secs(7));
        bench.send(&peer, TcpControl::None, b"");
    }
    let fin = bench.sent_to(&peer).into_iter().find(|seen| seen.segment.fin).expect("a FIN");
    peer.expects = fin.segment.sequence + 1;
    bench.send(&peer, TcpControl::Fin, b"");
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.free(), 4, "{:?}", bench.occupancy());
    assert!(matches!(bench.events[..], [.., Event::Closed { reason: CloseReason::Idle, .. }]));
}

#[test]
fn a_silent_peer_is_asked_before_it_is_given_up() {
    let keep_alive = KeepAlive { every: Duration::from_secs(10), questions: 3 };
    let pool = PoolConfig { keep_alive: Some(keep_alive), ..PoolConfig::default() };
    let mut bench = Bench::new(&Setup { pool, ..Setup::default() });
    let peer = bench.connect(Raw::new(1, ECHO));
    bench.pass(Duration::from_secs(39));
    assert_eq!(bench.sent_to(&peer).len(), 3, "questions");
    assert_eq!(bench.free(), 3);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.free(), 4);
}

#[test]
fn without_keep_alive_a_slot_that_was_used_before_with_it_waits_for_ever() {
    // The settings of a socket outlive a connection; here the pool itself sets them anew each time.
    let pool = PoolConfig { keep_alive: None, ..PoolConfig::default() };
    let mut bench = Bench::new(&Setup { pool, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    bench.pass(Duration::from_hours(24));
    assert!(bench.sent_to(&peer).is_empty());
    assert_eq!(bench.exchange(&mut peer, HELLO), HELLO);
}

#[test]
fn fifty_clients_that_knock_at_once_all_get_in() {
    let mut bench = Bench::new(&Setup { slots: 50, ..Setup::default() });
    let mut peers: Vec<_> = (1..=50).map(|n| Raw::new(n, if n % 2 == 0 { ECHO } else { TRIM })).collect();
    bench.introduce();
    for peer in &peers {
        bench.send(peer, TcpControl::Syn, b"");
    }
    bench.turn();
    for peer in &mut peers {
        let answer = bench.sent_to(peer).pop().expect("an answer").segment;
        assert!(answer.syn && !answer.rst, "{answer:?}");
    }
    assert_eq!(bench.free(), 0);
}

#[test]
fn a_client_that_knocks_between_two_looks_gets_in() {
    /// A device whose next frame comes just after it was asked whether there is one.
    struct Late(LinkEnd, bool);

    impl Device for Late {
        type RxToken<'a> = <LinkEnd as Device>::RxToken<'a>;
        type TxToken<'a> = <LinkEnd as Device>::TxToken<'a>;

        fn receive(&mut self, now: smoltcp::time::Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
            self.0.receive(now)
        }

        fn transmit(&mut self, now: smoltcp::time::Instant) -> Option<Self::TxToken<'_>> {
            self.0.transmit(now)
        }

        fn capabilities(&self) -> DeviceCapabilities {
            self.0.capabilities()
        }
    }

    impl Line for Late {
        fn peek<R>(&mut self, now: smoltcp::time::Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
            if std::mem::replace(&mut self.1, true) { self.0.peek(now, look) } else { None }
        }
    }

    let mut bench = Bench::new(&Setup::default());
    let (near, mut far) = link(ETHERNET_MTU);
    let frame = segment(&Raw::new(1, ECHO), TcpControl::Syn, b"");
    let token = far.transmit(smoltcp::time::Instant::ZERO).expect("room");
    token.consume(frame.len(), |place| place.copy_from_slice(&frame));
    let mut device = Late(near, false);
    for _ in 0..2 {
        bench.server.poll(bench.now, &mut device, &mut |event| panic!("{event}"));
    }
    assert_eq!(bench.occupancy()[0], Occupancy::HalfOpen);
}

#[test]
fn when_all_slots_are_in_use_a_client_is_refused_at_once_and_nobody_else_notices() {
    let mut bench = Bench::new(&Setup { slots: 1, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    let late = Raw::new(2, ECHO);
    bench.send(&late, TcpControl::Syn, b"");
    bench.settle();
    assert!(bench.sent_to(&late).pop().expect("an answer").segment.rst);
    assert_eq!(bench.exchange(&mut peer, HELLO), HELLO);
    assert_eq!(bench.server.pool().counts().refused, 1);
}

#[test]
fn a_port_without_a_service_is_refused_and_costs_no_slot() {
    let mut bench = Bench::new(&Setup::default());
    bench.introduce();
    let peer = Raw::new(1, 9);
    bench.send(&peer, TcpControl::Syn, b"");
    bench.settle();
    assert!(bench.sent_to(&peer).pop().expect("an answer").segment.rst);
    assert_eq!((bench.free(), bench.events.len()), (4, 0));
}

#[test]
fn a_server_is_reached_at_each_of_its_addresses() {
    // smoltcp has room for two of them unless told otherwise.
    let more: Vec<_> = (2..=8).map(|n| Ipv4Address::new(10, n, 0, 1)).collect();
    let mut bench = Bench::new(&Setup { slots: 8, more: more.clone(), ..Setup::default() });
    for (number, server) in (1..).zip(more) {
        let mut peer = bench.connect(Raw { server, ..Raw::new(number, ECHO) });
        assert_eq!(bench.exchange(&mut peer, HELLO), HELLO, "at {server}");
    }
    assert_eq!(bench.free(), 1);
}

#[test]
fn a_slot_forgets_that_its_last_client_could_not_be_found() {
    let mut bench = Bench::new(&Setup { slots: 1, ..Setup::default() });
    bench.introduce();
    // Nobody says where this one is: its socket is kept from sending for a second, and is then used for another.
    bench.answers_arp = false;
    bench.send(&Raw::from_afar(1, ECHO), TcpControl::Syn, b"");
    bench.pass(PoolConfig::default().handshake_grace);
    let known = Raw::new(1, ECHO);
    bench.send(&known, TcpControl::Syn, b"");
    bench.settle();
    assert!(bench.sent_to(&known).pop().expect("an answer at once").segment.syn);
}

#[test]
fn a_ring_that_wraps_is_emptied_in_one_turn() {
    let mut bench = Bench::new(&Setup { ring: 64, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    let message = b"\0\0\0\x25The ring's end is in the middle of it"; // 41 bytes
    assert_eq!(bench.exchange(&mut peer, message), message);
    bench.send(&peer, TcpControl::Psh, message);
    peer.next += message.len();
    bench.turn();
    let answer: Vec<u8> = bench.sent_to(&peer).into_iter().flat_map(|seen| seen.payload).collect();
    assert_eq!(answer, message);
}

#[test]
fn an_end_whose_last_bytes_did_not_fit_is_not_believed() {
    let mut bench = Bench::new(&Setup { ring: 64, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    let stream = [HELLO; 12].concat(); // 108 bytes: the ring's 64 end inside the eighth message
    bench.send(&peer, TcpControl::Fin, &stream);
    bench.settle();
    let answer: Vec<u8> = bench.sent_to(&peer).into_iter().flat_map(|seen| seen.payload).collect();
    peer.next += 64;
    peer.expects += answer.len();
    bench.send(&peer, TcpControl::Fin, &stream[64..]);
    peer.next += 44 + 1;
    bench.settle();
    let seen = bench.sent_to(&peer);
    let rest: Vec<u8> = seen.iter().flat_map(|seen| seen.payload.clone()).collect();
    assert_eq!([answer, rest].concat(), stream);
    assert!(seen.last().expect("segments").segment.fin, "{seen:?}");
}

#[test]
fn replies_longer_than_the_ring_arrive_whole() {
    let mut bench = Bench::new(&Setup { ring: 64, buffer: 512, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    let message: Vec<u8> = [&[0, 0, 1, 44][..], &[b'x'; 300]].concat();
    let mut answer = Vec::new();
    for piece in message.chunks(48) {
        answer.extend(bench.exchange(&mut peer, piece));
    }
    // Each acknowledgement makes room for some more.
    for _ in 0..10 {
        answer.extend(bench.exchange(&mut peer, b""));
    }
    assert_eq!(answer, message);
}

#[test]
fn what_came_before_an_error_is_answered_before_the_end() {
    let mut bench = Bench::new(&Setup::default());
    let mut peer = bench.connect(Raw::new(1, ECHO));
    let stream = [HELLO, HELLO, b"\xff\xff\xff\xff"].concat();
    bench.send(&peer, TcpControl::Psh, &stream);
    peer.next += stream.len();
    bench.settle();
    let seen = bench.sent_to(&peer);
    let answer: Vec<u8> = seen.iter().flat_map(|seen| seen.payload.clone()).collect();
    assert_eq!(answer, [HELLO, HELLO].concat());
    assert!(seen.last().expect("segments").segment.fin, "{seen:?}");
    assert!(seen.iter().all(|seen| !seen.segment.rst));
}

#[test]
fn a_peer_that_waits_for_an_acknowledgement_is_not_kept_waiting() {
    // Nagle's algorithm holds the second small segment back until the first one is acknowledged; a delayed ACK makes that
    // 10 ms for each message.
    let mut bench = Bench::new(&Setup::default());
    let mut peer = bench.connect(Raw::new(1, ECHO));
    bench.send(&peer, TcpControl::Psh, b"\0\0\0\x05");
    peer.next += 4;
    bench.turn();
    let answer = bench.sent_to(&peer).pop().expect("an ACK in the same turn").segment;
    assert_eq!(answer.acknowledges, Some(peer.next));
}

#[test]
fn a_flood_of_frames_cannot_keep_the_server_from_its_clients() {
    let mut bench = Bench::new(&Setup { packets: 16, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    bench.send(&peer, TcpControl::Psh, HELLO);
    peer.next += HELLO.len();
    let noise = Raw::new(2, ECHO); // no connection: each segment is answered with a reset
    for _ in 0..1000 {
        bench.send(&noise, TcpControl::None, b"noise");
    }
    let turn = bench.turn();
    assert_eq!(bench.sent_to(&noise).len(), 15);
    let answer = bench.sent_to(&peer).pop().expect("an answer in the first turn");
    assert_eq!(answer.payload, HELLO);
    assert_eq!(
        turn,
        Turn { moved: true, again: true, next: Some(bench.now) },
        "and it asks to be called again at once"
    );
}

#[test]
fn after_time_wait_has_begun_the_slot_serves_whoever_comes() {
    let mut bench = Bench::new(&Setup { slots: 1, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    bench.send(&peer, TcpControl::Psh, b"\xff\xff\xff\xff");
    peer.next += 4;
    bench.settle();
    let fin = bench.sent_to(&peer).pop().expect("a FIN").segment;
    peer.expects = fin.sequence + 1;
    bench.send(&peer, TcpControl::Fin, b"");
    bench.settle();
    assert_eq!(bench.occupancy(), [Occupancy::Draining]); // in TIME-WAIT
    // Another client; and then, after the same end, the same client from the same port.
    let next = bench.connect(Raw::new(2, ECHO));
    bench.send(&next, TcpControl::Rst, b"");
    bench.settle();
    let mut again = bench.connect(Raw { next: peer.next + 100_000, ..Raw::new(1, ECHO) });
    assert_eq!(bench.exchange(&mut again, HELLO), HELLO);
}

#[test]
fn time_wait_ends_without_a_word() {
    let pool = PoolConfig { drain: Duration::from_secs(1), ..PoolConfig::default() };
    let mut bench = Bench::new(&Setup { pool, ..Setup::default() });
    let mut peer = bench.connect(Raw::new(1, ECHO));
    bench.send(&peer, TcpControl::Psh, b"\xff\xff\xff\xff");
    peer.next += 4;
    bench.settle();
    peer.expects = bench.sent_to(&peer).pop().expect("a FIN").segment.sequence + 1;
    bench.send(&peer, TcpControl::Fin, b"");
    peer.next += 1;
    bench.settle();
    let last = bench.sent_to(&peer).pop().expect("the last ACK").segment;
    assert_eq!(last.acknowledges, Some(peer.next));
    bench.pass(Duration::from_secs(1));
    assert!(bench.sent_to(&peer).is_empty());
    assert_eq!(bench.free(), 4);
}

#[test]
fn a_server_that_stops_resets_who_is_half_way_in() {
    let mut bench = Bench::new(&Setup::default());
    let peer = Raw::new(1, ECHO);
    bench.send(&peer, TcpControl::Syn, b"");
    bench.settle();
    bench.sent_to(&peer);
    bench.server.pool_mut().shutdown(bench.now);
    bench.settle();
    assert!(bench.sent_to(&peer).pop().expect("a reset").segment.rst);
    assert_eq!(bench.free(), 4);
}
