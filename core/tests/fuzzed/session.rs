//! Any bytes to any service: the session ends, and what it answers does not depend on how bytes came and went.
//!
//! An input is `[service][turns: n]`, then `n` times `[bytes that come][bytes that go]`, then the stream.

use std::cell::RefCell;

use framewright::service::{Chat, ChatRules, Echo, Hello, Hub, Kv, KvError, Message, Seat, Trim};
use framewright::{CloseReason, Instant, Service, Session, SessionConfig, Table, WallClock};

/// The names of the services, by number.
pub(crate) const SERVICES: [&str; 6] = ["echo", "trim", "hello", "kv", "chat", "message"];

const NOW: Instant = Instant::ZERO;

/// Checks one input; too short a one says nothing.
pub(crate) fn run(data: &[u8]) {
    let Some(([service, turns], rest)) = data.split_first_chunk() else { return };
    let Some((turns, stream)) = rest.split_at_checked(2 * usize::from(*turns)) else { return };
    let turns = turns.as_chunks().0;
    match SERVICES[usize::from(*service) % SERVICES.len()] {
        "echo" => check(stream, turns, talk_to(Echo::new)),
        "trim" => check(stream, turns, talk_to(Trim::default)),
        "hello" => {
            // What is a message is chance here.
            talk(Hello, stream, turns);
        }
        "kv" => check(stream, turns, |stream, turns| {
            let table = RefCell::new(Table::<8, 16, 64>::new());
            talk(Kv::new(&table, |_: &KvError| {}), stream, turns)
        }),
        "chat" => check(stream, turns, |stream, turns| {
            let hub =
                RefCell::new(Hub::new([Seat::<()>::default(), Seat::default()], vec![0; 1 << 16], WallClock::UNSET));
            let rules = ChatRules { rate: 0, max_line: 200, ..ChatRules::default() };
            let (said, reason) = talk(Chat::new(&hub, rules, 4711, ()), stream, turns);
            let text = String::from_utf8(said).expect("text is answered in text");
            assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
            // What a member tells itself in private comes by the room's log, when there is time, and not when it leaves before.
            let answers: Vec<&str> = text.lines().filter(|line| !line.contains(" (private): ")).collect();
            (answers.join("\n").into_bytes(), reason)
        }),
        _ => check(stream, turns, |stream, turns| {
            let table = RefCell::new(Table::<8, 16, 64>::new());
            talk(Message::<_, 64>::new(&table), stream, turns)
        }),
    }
}

type Talk = (Vec<u8>, CloseReason);

/// In these turns it goes as in none.
fn check(stream: &[u8], turns: &[[u8; 2]], talk: impl Fn(&[u8], &[[u8; 2]]) -> Talk) {
    assert_eq!(talk(stream, turns), talk(stream, &[]));
}

fn talk_to<V: Service<Framing: Clone + Default>>(service: impl Fn() -> V) -> impl Fn(&[u8], &[[u8; 2]]) -> Talk {
    move |stream, turns| talk(service(), stream, turns)
}

/// What was said, and why it ended.
fn talk<V: Service<Framing: Clone + Default>>(service: V, stream: &[u8], turns: &[[u8; 2]]) -> Talk {
    let config = SessionConfig { max_frame: 500, ..SessionConfig::default() };
    let mut session =
        Session::new(service, vec![0; 300], vec![0; 1200], config, NOW).expect("the output is large enough");
    let (mut rest, mut said) = (stream, Vec::new());
    let mut go = |session: &mut Session<V, Vec<u8>, Vec<u8>>, most: usize| {
        let output = session.poll_output(NOW);
        let n = output.len().min(most);
        said.extend_from_slice(&output[..n]);
        session.sent(n, NOW);
        n
    };
    for [come, leave] in turns {
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

/// Inputs to start from: each service with a conversation, cut in different ways.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let frame = |payload: &[u8]| [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat();
    let frames = [
        frame(b"Four score and seven years ago"),
        frame(b""),
        frame("\u{e9}\u{1F980} and more than ten".as_bytes()),
        frame(&[b'x'; 400]),
    ]
    .concat();
    let json = |header: &str, content: &[u8]| {
        [&u16::try_from(header.len()).unwrap().to_be_bytes(), header.as_bytes(), content].concat()
    };
    let search = br#"{"action":"search","value":"key"}"#;
    let header = |kind: &str, len: usize| {
        format!(r#"{{"byteorder":"little","content-type":"{kind}","content-encoding":"utf-8","content-length":{len}}}"#)
    };
    let messages =
        [json(&header("text/json", search.len()), search), json(&header("binary/x", 12), b"\0\x01\x02 and more")]
            .concat();
    let lines = b"SET key a value\r\nget key\nDELETE key\n\nGET\xFF\nGET key\nSET longer-than-a-key-may-be x\nGET last";
    let chat = b"bob\r\nhello\n/who\n/nick ann\n//slash\n/msg ann hi\n/history 3\n/help\n\xFF\n\x1b[31m\n/quit\n";
    let mut seeds = Vec::new();
    let streams: [&[u8]; 6] = [&frames, &frames, b"one", lines, chat, &messages];
    for ((number, name), stream) in (0..).zip(SERVICES).zip(streams) {
        for (way, turns) in [&[][..], &[[1, 1]; 12], &[[7, 3], [0, 200], [30, 0], [2, 255]]].iter().enumerate() {
            let seed = [&[number, u8::try_from(turns.len()).unwrap()], turns.as_flattened(), stream].concat();
            seeds.push((format!("{name}-{way}"), seed));
        }
    }
    seeds
}
