//! Any bytes to any service: the session ends, and what it answers does not depend on how bytes came and went.

#![no_main]

use std::cell::RefCell;

use arbitrary::Arbitrary;
use framewright::service::{Echo, Kv, KvError, Message, Trim};
use framewright::{CloseReason, Instant, Service, Session, SessionConfig, Table};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    service: u8,
    stream: Vec<u8>,
    /// How many bytes come, and how many go, in turns.
    turns: Vec<(u8, u8)>,
}

const NOW: Instant = Instant::ZERO;

fn talk<V: Service<Framing: Clone + Default>>(service: V, input: &Input, turns: &[(u8, u8)]) -> (Vec<u8>, CloseReason) {
    let config = SessionConfig { max_frame: 500, ..SessionConfig::default() };
    let mut session =
        Session::new(service, vec![0; 300], vec![0; 1200], config, NOW).expect("the output is large enough");
    let (mut rest, mut said) = (&input.stream[..], Vec::new());
    let mut go = |session: &mut Session<V, Vec<u8>, Vec<u8>>, most: usize| {
        let output = session.poll_output(NOW);
        let n = output.len().min(most);
        said.extend_from_slice(&output[..n]);
        session.sent(n, NOW);
        n
    };
    for (come, leave) in turns {
        let offered = rest.len().min(usize::from(*come));
        let taken = if come % 2 == 0 {
            let space = session.input_mut();
            let n = offered.min(space.len());
            space[..n].copy_from_slice(&rest[..n]);
            session.handle_filled(n, NOW);
            n
        } else {
            session.handle_input(&rest[..offered], NOW)
        };
        rest = &rest[taken..];
        go(&mut session, usize::from(*leave));
    }
    while !rest.is_empty() {
        let taken = session.handle_input(rest, NOW);
        rest = &rest[taken..];
        let gone = go(&mut session, usize::MAX);
        assert!(taken > 0 || gone > 0, "nothing moves");
    }
    session.handle_end(NOW);
    while go(&mut session, usize::MAX) > 0 {}
    assert!(session.is_done());
    (said, session.close_reason().expect("it is done"))
}

fn check<V: Service<Framing: Clone + Default>>(service: impl Fn() -> V, input: &Input) {
    assert_eq!(talk(service(), input, &input.turns), talk(service(), input, &[]));
}

fuzz_target!(|input: Input| {
    match input.service % 4 {
        0 => check(Echo::new, &input),
        1 => check(Trim::default, &input),
        2 => {
            let kv = |turns: &[(u8, u8)]| {
                let table = RefCell::new(Table::<8, 16, 64>::new());
                talk(Kv::new(&table, |_: &KvError| {}), &input, turns)
            };
            assert_eq!(kv(&input.turns), kv(&[]));
        }
        _ => {
            let table = RefCell::new(Table::<8, 16, 64>::new());
            check(|| Message::<_, 64>::new(&table), &input);
        }
    }
});
