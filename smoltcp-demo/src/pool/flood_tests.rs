//! Clients that mean it among many SYNs that nobody will complete. On virtual time.

use std::time::Duration;

use smoltcp::wire::TcpControl;

use super::*;
use crate::device::TcpSegment;
use crate::raw_peer::{Bench, ECHO, Raw, Setup};

const HELLO: &[u8] = b"\0\0\0\x05hello";
const SLOTS: usize = 8;
const MILLISECOND: Duration = Duration::from_millis(1);

/// A server, and SYNs to it from ports that are never heard of again.
struct Flood {
    bench: Bench,
    sent: u16,
}

impl Flood {
    fn new() -> Self {
        Self::on(PoolConfig::default())
    }

    fn on(pool: PoolConfig) -> Self {
        let mut bench = Bench::new(&Setup { slots: SLOTS, pool, ..Setup::default() });
        bench.introduce();
        Self { bench, sent: 0 }
    }

    fn syn(&mut self) {
        self.sent += 1;
        self.bench.send(&Raw::new(1000 + self.sent, ECHO), TcpControl::Syn, b"");
    }

    /// So much time, with a SYN before each stretch `every`.
    fn flow(&mut self, time: Duration, every: Duration) {
        let end = self.bench.now + time;
        while self.bench.now < end {
            self.syn();
            self.bench.pass(every);
        }
    }

    /// What the server said to a SYN of this peer; `None` for nothing.
    fn knock(&mut self, peer: &Raw) -> Option<TcpSegment> {
        self.bench.send(peer, TcpControl::Syn, b"");
        self.bench.settle();
        self.bench.sent_to(peer).pop().map(|seen| seen.segment)
    }

    /// The handshake's end, and a message, which is answered.
    fn talk(&mut self, mut peer: Raw, answer: &TcpSegment) {
        peer.next += 1;
        peer.expects = answer.sequence + 1;
        self.bench.send(&peer, TcpControl::None, b"");
        assert_eq!(self.bench.exchange(&mut peer, HELLO), HELLO);
    }

    /// Nothing is left of it a while later.
    fn end(mut self, served: usize) {
        self.bench.pass(PoolConfig::default().handshake);
        assert_eq!(self.bench.free(), SLOTS - served, "{:?}", self.bench.occupancy());
    }
}

#[test]
fn a_client_nearby_gets_in_with_its_first_syn_under_a_thousand_others_a_second() {
    let mut flood = Flood::new();
    flood.flow(Duration::from_millis(1900), MILLISECOND);
    assert_eq!(flood.bench.occupancy(), [Occupancy::HalfOpen; SLOTS]);
    let peer = Raw::new(1, ECHO);
    let answer = flood.knock(&peer).expect("an answer at once");
    assert!(answer.syn && !answer.rst, "{answer:?}");
    // Its own answer is five milliseconds away; nobody who was there for less than the others is given up before them.
    flood.flow(5 * MILLISECOND, MILLISECOND);
    flood.talk(peer, &answer);
    assert_eq!(flood.bench.server.pool().counts().refused, 0);
    flood.end(1);
}

#[test]
fn a_client_far_away_gets_in_where_fewer_syns_than_slots_come_in_its_round_trip() {
    let mut flood = Flood::new();
    flood.flow(Duration::from_secs(2), 20 * MILLISECOND);
    let peer = Raw::new(1, ECHO);
    let answer = flood.knock(&peer).expect("an answer at once");
    flood.flow(120 * MILLISECOND, 20 * MILLISECOND);
    flood.talk(peer, &answer);
    flood.end(1);
}

#[test]
fn a_syn_behind_a_burst_is_left_unanswered_and_is_let_in_when_it_comes_again() {
    let mut flood = Flood::new();
    for _ in 0..100 {
        flood.syn();
    }
    let peer = Raw::new(1, ECHO);
    // A reset would tell its owner that nobody is there.
    assert_eq!(flood.knock(&peer), None);
    assert_eq!(flood.bench.occupancy(), [Occupancy::HalfOpen; SLOTS]);
    let counts = flood.bench.server.pool().counts();
    assert_eq!((counts.refused, counts.ignored, counts.abandoned), (0, 100 - 8 + 1, 0));
    flood.bench.pass(Duration::from_secs(1));
    let answer = flood.knock(&peer).expect("an answer to the second one");
    flood.talk(peer, &answer);
    flood.end(1);
}

#[test]
fn where_a_syn_is_sent_again_too_late_one_behind_a_burst_is_refused_at_once() {
    let mut flood = Flood::on(PoolConfig { refuse_early: true, ..PoolConfig::default() });
    for _ in 0..100 {
        flood.syn();
    }
    let peer = Raw::new(1, ECHO);
    assert!(flood.knock(&peer).expect("an answer at once").rst);
    let counts = flood.bench.server.pool().counts();
    assert_eq!((counts.refused, counts.ignored, counts.abandoned), (100 - 8 + 1, 0, 0));
    flood.end(0);
}

#[test]
fn a_handshake_that_has_only_begun_is_not_given_up_for_the_next() {
    let mut flood = Flood::new();
    let peer = Raw::new(1, ECHO);
    let answer = flood.knock(&peer).expect("an answer at once");
    flood.bench.pass(MILLISECOND);
    for _ in 0..100 {
        flood.syn();
    }
    flood.bench.settle();
    flood.talk(peer, &answer);
    flood.end(1);
}
