//! One client goes and the next one comes, at the same moment: what came is all that counts, not whether the slots were looked at in
//! between. On virtual time.

use std::time::Duration;

use framewright::CloseReason;
use smoltcp::wire::TcpControl;

use super::*;
use crate::raw_peer::{Bench, ECHO, Raw, Setup};

const HELLO: &[u8] = b"\0\0\0\x05hello";

/// One slot, which a client has.
fn taken(pool: PoolConfig) -> (Bench, Raw) {
    let mut bench = Bench::new(&Setup { slots: 1, pool, ..Setup::default() });
    let mut first = bench.connect(Raw::new(1, ECHO));
    assert_eq!(bench.exchange(&mut first, HELLO), HELLO);
    (bench, first)
}

/// The second client's SYN was sent: it gets in, and is served.
fn gets_in(bench: &mut Bench, mut second: Raw) {
    bench.settle();
    let answer = bench.sent_to(&second).pop().expect("an answer").segment;
    assert!(answer.syn && !answer.rst, "{answer:?}");
    second.next += 1;
    second.expects = answer.sequence + 1;
    bench.send(&second, TcpControl::None, b"");
    assert_eq!(bench.exchange(&mut second, HELLO), HELLO);
    assert_eq!(bench.server.pool().counts().refused, 0);
}

/// The clients of the events, by their numbers.
fn events(bench: &Bench) -> Vec<(&'static str, u16)> {
    let number = |client: &Client| client.remote.port - 50_000;
    let event = |event: &Event| match event {
        Event::Opened { client } => ("opened", number(client)),
        Event::Closed { client, .. } => ("closed", number(client)),
        Event::Abandoned { client } => ("abandoned", number(client)),
        Event::Refused { client, .. } => ("refused", number(client)),
    };
    bench.events.iter().map(event).collect()
}

#[test]
fn a_client_that_knocks_right_behind_the_reset_of_another_gets_its_slot() {
    let (mut bench, first) = taken(PoolConfig::default());
    let second = Raw::new(2, ECHO);
    bench.send(&first, TcpControl::Rst, b"");
    bench.send(&second, TcpControl::Syn, b"");
    gets_in(&mut bench, second);
    assert_eq!(events(&bench), [("opened", 1), ("closed", 1), ("opened", 2)]);
}

#[test]
fn a_client_that_knocks_right_behind_the_last_word_of_another_gets_its_slot() {
    let (mut bench, mut first) = taken(PoolConfig::default());
    let second = Raw::new(2, ECHO);
    bench.send(&first, TcpControl::Fin, b"");
    first.next += 1;
    bench.settle();
    first.expects += 1;
    bench.send(&first, TcpControl::None, b""); // ends LAST-ACK
    bench.send(&second, TcpControl::Syn, b"");
    gets_in(&mut bench, second);
    assert_eq!(events(&bench), [("opened", 1), ("closed", 1), ("opened", 2)]);
}

#[test]
fn a_client_that_knocks_when_another_was_just_given_up_gets_its_slot() {
    let keep_alive = Some(KeepAlive { every: Duration::from_secs(1), questions: 3 });
    let (mut bench, _) = taken(PoolConfig { keep_alive, ..PoolConfig::default() });
    bench.events.clear();
    while bench.events.is_empty() {
        let turn = bench.turn();
        if !turn.moved {
            bench.now = bench.now.max(turn.next.expect("a deadline"));
        }
    }
    assert!(matches!(bench.events[..], [Event::Closed { reason: CloseReason::Reset, .. }]), "{:?}", bench.events);
    let second = Raw::new(2, ECHO);
    bench.send(&second, TcpControl::Syn, b"");
    gets_in(&mut bench, second);
}

#[test]
fn a_client_that_knocks_right_behind_one_that_turned_round_half_way_in_is_told_from_it() {
    for slots in [1, 2] {
        let mut bench = Bench::new(&Setup { slots, ..Setup::default() });
        let (mut first, second) = (Raw::new(1, ECHO), Raw::new(2, ECHO));
        bench.send(&first, TcpControl::Syn, b"");
        bench.settle();
        first.next += 1;
        first.expects = bench.sent_to(&first).pop().expect("an answer").segment.sequence + 1;
        bench.send(&first, TcpControl::Rst, b"");
        bench.send(&second, TcpControl::Syn, b"");
        gets_in(&mut bench, second);
        assert_eq!(events(&bench), [("abandoned", 1), ("opened", 2)]);
        assert_eq!(bench.free(), slots - 1);
    }
}

#[test]
fn a_handshake_that_is_complete_is_not_given_up_for_the_next() {
    let mut bench = Bench::new(&Setup { slots: 1, ..Setup::default() });
    let (mut first, second) = (Raw::new(1, ECHO), Raw::new(2, ECHO));
    bench.send(&first, TcpControl::Syn, b"");
    bench.settle();
    first.next += 1;
    first.expects = bench.sent_to(&first).pop().expect("an answer").segment.sequence + 1;
    bench.pass(PoolConfig::default().handshake_grace);
    bench.send(&first, TcpControl::None, b"");
    bench.send(&second, TcpControl::Syn, b"");
    bench.settle();
    assert!(bench.sent_to(&second).pop().expect("an answer").segment.rst);
    assert_eq!(bench.exchange(&mut first, HELLO), HELLO);
    assert_eq!(events(&bench), [("refused", 2), ("opened", 1)]);
}
