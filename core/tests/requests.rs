//! The services that answer requests, each in a session: hello, time, kv, message.

use std::cell::RefCell;

use framewright::service::{Hello, Kv, KvError, Time};
use framewright::{CloseReason, Instant, Service, Session, SessionConfig, StoreError, Table, WallClock};

const NOW: Instant = Instant::ZERO;

/// What a service answers to `input`, which comes in pieces of `step` bytes and then ends.
fn answers<V: Service<Framing: Clone + Default>>(service: V, input: &[u8], step: usize, buffer: usize) -> Vec<u8> {
    let mut session = Session::new(service, vec![0; buffer], vec![0; buffer], SessionConfig::default(), NOW).unwrap();
    let mut out = Vec::new();
    let mut drain = |session: &mut Session<V, Vec<u8>, Vec<u8>>| {
        loop {
            let output = session.poll_output(NOW).to_vec();
            if output.is_empty() {
                break;
            }
            session.sent(output.len(), NOW);
            out.extend_from_slice(&output);
        }
    };
    for piece in input.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let n = session.handle_input(rest, NOW);
            rest = &rest[n..];
            drain(&mut session);
        }
    }
    session.handle_end(NOW);
    drain(&mut session);
    assert!(session.is_done());
    out
}

#[test]
fn hello_greets_each_chunk() {
    assert_eq!(answers(Hello, b"one", 3, 64), b"Echo: one");
    assert_eq!(answers(Hello, b"onetwo", 3, 64), b"Echo: oneEcho: two");
    // A chunk longer than the buffers is greeted once.
    let long = [b'x'; 500];
    assert_eq!(answers(Hello, &long, 500, 64), [&b"Echo: "[..], &long].concat());
}

#[test]
fn time_is_told_once_and_the_connection_is_closed() {
    let clock = WallClock::new(1_795_248_753_123_456, 0, NOW);
    let mut session = Session::new(Time::new(clock), [0; 64], [0; 64], SessionConfig::default(), NOW).unwrap();
    assert_eq!(session.poll_output(NOW), b"2026-11-21T08:12:33.123456+00:00");
    session.sent(32, NOW);
    assert!(session.poll_output(NOW).is_empty());
    assert!(session.is_output_finished());
    assert_eq!(session.close_reason(), Some(CloseReason::ServiceDone));
}

#[test]
fn kv_answers_as_the_contract_says() {
    let table = RefCell::new(Table::<4, 8, 16>::new());
    let mut errors = Vec::new();
    let mut ask = |line: &str| {
        let kv = Kv::new(&table, |why: &KvError| errors.push(*why));
        String::from_utf8(answers(kv, line.as_bytes(), 5, 64)).unwrap()
    };
    assert_eq!(ask("SET a 1\nGET a\nset b  two words  \r\nGeT b\n"), "OK\n1\nOK\ntwo words\n");
    assert_eq!(ask("DELETE a\nGET a\nDELETE a\nGET b"), "OK\nERROR\nERROR\ntwo words\n");
    assert_eq!(
        ask("\nFOO\nGET\nGET a b\nSET\nSET a\nSET a \nDELETE\nDELETE a b\nGET b\n"),
        "ERROR\n".repeat(9) + "two words\n"
    );
    assert_eq!(ask("SET 123456789 x\nSET k 12345678901234567\nSET k 1234567890123456\n"), "ERROR\nERROR\nOK\n");
    assert_eq!(ask("SET c x\nSET d x\nSET e x\nSET b y\nGET b\n"), "OK\nOK\nERROR\nOK\ny\n");
    assert_eq!(ask(&format!("{}\nGET b\n", "x".repeat(1000))), "ERROR\ny\n");
    assert!(errors.contains(&KvError::Store(StoreError::Full)));
    assert!(matches!(errors.last(), Some(KvError::LineTooLong(_))));
}

#[test]
fn kv_refuses_invalid_utf8_and_stays_usable() {
    let table = RefCell::new(Table::<4, 8, 16>::new());
    let mut why = None;
    let kv = Kv::new(&table, |error: &KvError| why = Some(*error));
    assert_eq!(answers(kv, b"SET a \xff\nSET a b\n", 100, 64), b"ERROR\nOK\n");
    assert_eq!(why, Some(KvError::InvalidUtf8));
}

#[cfg(feature = "json")]
mod message {
    use super::*;
    use framewright::framing::JsonHeader;
    use framewright::service::Message;
    use framewright::{Decoder, Encoder, Event, Store};

    /// What is asked, and what comes back: its content type, encoding and content.
    fn ask(requests: &[(JsonHeader, &[u8])], step: usize) -> Vec<(String, String, String)> {
        let table = RefCell::new(Table::<4, 16, 64>::new());
        table.set("morpheus", "Follow the \"white\" rabbit. 🐰").unwrap();
        table.set("hostile", &"\"".repeat(64)).unwrap();
        table.set("control", "\u{1b}\u{7}\t").unwrap();
        let mut input = Vec::new();
        for (law, content) in requests {
            let mut encoder = Encoder::new(*law, vec![0; 200_000]);
            encoder.push(content).unwrap();
            input.extend_from_slice(encoder.pending());
        }
        let output = answers(Message::<_, 16>::new(&table), &input, step, 1024);
        let mut decoder = Decoder::new(JsonHeader::TEXT, vec![0; 1024]);
        let mut chunk = &output[..];
        let mut seen = Vec::new();
        while let Some((event, state)) = decoder.next_event_and_state(&mut chunk, usize::MAX).unwrap() {
            let Event::Frame(content) = event else { panic!("{event:?}") };
            let header = &state.header;
            seen.push((
                header.content_type.as_str().to_owned(),
                header.content_encoding.as_str().to_owned(),
                String::from_utf8(content.to_vec()).unwrap(),
            ));
        }
        seen
    }

    fn text(content: &str) -> (String, String, String) {
        ("text/json".to_owned(), "utf-8".to_owned(), content.to_owned())
    }

    #[test]
    fn searches_and_other_actions_are_answered() {
        let json = JsonHeader::TEXT;
        for step in [1, 7, 10_000] {
            let seen = ask(
                &[
                    (json, br#"{"action": "search", "value": "morpheus"}"#),
                    (json, br#"{"value": "it's", "action": "search", "more": [1, 2]}"#),
                    (json, br#"{"action": "dance", "value": "x"}"#),
                    (json, br#"{"action": "search", "value": "control"}"#),
                    (json, br#"{"action": "search", "value": "hostile"}"#),
                    (json, b"[]"),
                    (json, b"\xff"),
                    (json, b""),
                ],
                step,
            );
            assert_eq!(
                seen,
                [
                    text(r#"{"result": "Follow the \"white\" rabbit. 🐰"}"#),
                    text(r#"{"result": "No match for 'it's'."}"#),
                    text(r#"{"result": "Error: invalid action 'dance'."}"#),
                    text("{\"result\": \"\\u001b\\u0007\\t\"}"),
                    text(&format!(r#"{{"result": "{}"}}"#, "\\\"".repeat(64))),
                    text(r#"{"result": "Error: invalid request."}"#),
                    text(r#"{"result": "Error: invalid request."}"#),
                    text(r#"{"result": "Error: invalid request."}"#),
                ]
            );
        }
    }

    #[test]
    fn binary_requests_are_answered_with_their_first_ten_bytes_however_long() {
        let binary = JsonHeader { content_type: "binary/x", content_encoding: "binary" };
        let long = vec![b'z'; 100_000];
        let seen = ask(&[(binary, b"0123456789abcdef"), (binary, b"short"), (binary, b""), (binary, &long)], 700);
        let contents: Vec<&str> = seen.iter().map(|(_, _, content)| content.as_str()).collect();
        assert_eq!(
            contents,
            [
                "First 10 bytes of request: 0123456789",
                "First 10 bytes of request: short",
                "First 10 bytes of request: ",
                "First 10 bytes of request: zzzzzzzzzz",
            ]
        );
        assert!(
            seen.iter().all(|(kind, encoding, _)| kind == "binary/custom-server-binary-type" && encoding == "binary")
        );
    }

    #[test]
    fn a_text_too_long_to_hold_closes_the_connection() {
        let long = format!(r#"{{"action": "{}"}}"#, "x".repeat(2000));
        assert_eq!(ask(&[(JsonHeader::TEXT, b"{}"), (JsonHeader::TEXT, long.as_bytes())], 100).len(), 1);
    }
}
