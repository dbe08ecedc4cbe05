//! `trim` and `echo`, message by message: where ten characters end, in whatever pieces they come.

use framewright::service::{Echo, Refusal, Service, Trim};
use framewright::{CloseReason, Instant, Session, SessionConfig};
use proptest::prelude::*;

const NOW: Instant = Instant::ZERO;

fn message(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

/// What comes back of a stream that comes in these pieces, and why the connection is closed then, if it is.
fn answers<V: Service<Framing: Clone + Default>>(
    service: V,
    buffer: usize,
    pieces: &[&[u8]],
) -> (Vec<u8>, Option<CloseReason>) {
    let config = SessionConfig::default();
    let mut session = Session::new(service, vec![0; buffer], vec![0; buffer], config, NOW).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            rest = &rest[session.handle_input(rest, NOW)..];
            let pending = session.poll_output(NOW);
            let n = pending.len();
            out.extend_from_slice(pending);
            session.sent(n, NOW);
            if n == 0 && rest.is_empty() {
                break;
            }
        }
    }
    (out, session.close_reason())
}

/// The rest behind ten characters; `None` where the part to remove is not UTF-8. By the first ten characters that the standard
/// library finds.
fn trimmed(payload: &[u8]) -> Option<&[u8]> {
    let mut rest = payload;
    for _ in 0..10 {
        if rest.is_empty() {
            break;
        }
        let width = (1..=4.min(rest.len())).find(|&n| std::str::from_utf8(&rest[..n]).is_ok())?;
        rest = &rest[width..];
    }
    Some(rest)
}

/// Texts around ten characters of every width, valid and not.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "",
        "a",
        "123456789",
        "1234567890",
        "12345678901",
        "Four score and seven years ago",
        "ééééééééé",
        "éééééééééé",
        "ééééééééééé and more",
        "語語語語語語語語語語語語",
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
        "1é語🦀5é語🦀9é語🦀",
        // Characters, not graphemes: a letter and its combining mark are two.
        "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
        "\u{FEFF}bom counts\0\0\0\0",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for invalid in [
        &b"\xFF"[..],
        b"\x80",
        b"\xC0\x80",         // overlong
        b"\xE0\x80\x80",     // overlong
        b"\xED\xA0\x80",     // a surrogate
        b"\xF4\x90\x80\x80", // above U+10FFFF
        b"\xF0\x9F\xA6",     // cut
        b"\xE8\xAA",         // cut
        b"\xC3",             // cut
    ] {
        for before in ["", "12345678", "123456789", "1234567890", "ééééééééé", "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀"]
        {
            for behind in ["", "é and more than ten"] {
                texts.push([before.as_bytes(), invalid, behind.as_bytes()].concat());
            }
        }
    }
    texts
}

#[test]
fn the_example_of_the_specification() {
    let (out, reason) = answers(Trim::default(), 64, &[&message(b"Four score and seven years ago")]);
    assert_eq!(out, b"\x00\x00\x00\x14 and seven years ago");
    assert_eq!(reason, None);
}

#[test]
fn ten_characters_are_removed_wherever_the_message_is_cut() {
    for text in texts() {
        let wire = message(&text);
        for buffer in [5, 8, 11, 64] {
            for cut in 0..=wire.len() {
                let (front, back) = wire.split_at(cut);
                let (out, reason) = answers(Trim::default(), buffer, &[front, back]);
                let refused = CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset: 0 };
                let want = trimmed(&text).map_or((Vec::new(), Some(refused)), |rest| (message(rest), None));
                assert_eq!((out, reason), want, "{text:02x?} cut at {cut}, {buffer}");
            }
        }
    }
}

#[test]
fn ten_characters_are_removed_when_every_byte_comes_alone() {
    for text in texts() {
        let wire = message(&text);
        let pieces: Vec<&[u8]> = wire.chunks(1).collect();
        let (out, _) = answers(Trim::default(), 16, &pieces);
        assert_eq!(out, trimmed(&text).map(message).unwrap_or_default(), "{text:02x?}");
    }
}

#[test]
fn a_message_after_a_long_one_begins_anew() {
    // The first is streamed and ends inside the part to remove, or right behind it.
    for first in ["🦀🦀🦀🦀🦀🦀🦀🦀🦀", "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀", "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀"]
    {
        let wire = [message(first.as_bytes()), message(b"0123456789ab")].concat();
        let (out, reason) = answers(Trim::default(), 16, &[&wire]);
        let rest = &first.as_bytes()[first.len().min(40)..];
        assert_eq!(out, [message(rest), message(b"ab")].concat());
        assert_eq!(reason, None);
    }
}

#[test]
fn nothing_behind_a_refused_message_is_answered() {
    let wire = [message(b"0123456789ab"), message(b"\xFF"), message(b"0123456789ab")].concat();
    let (out, reason) = answers(Trim::default(), 64, &[&wire]);
    assert_eq!(out, message(b"ab"));
    assert_eq!(reason, Some(CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset: 16 }));
}

#[test]
fn a_refusal_is_seen_before_the_whole_message_has_come() {
    let mut wire = message(&[0xFF; 1000]);
    wire.truncate(20);
    let (out, reason) = answers(Trim::default(), 64, &[&wire]);
    assert_eq!((out, reason), (Vec::new(), Some(CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset: 0 })));
}

#[test]
fn an_empty_message_is_a_message() {
    let wire = message(b"").repeat(100);
    assert_eq!(answers(Trim::default(), 8, &[&wire]), (wire.clone(), None));
    assert_eq!(answers(Echo::new(), 8, &[&wire]), (wire, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_are_trimmed_and_echoed(
        payloads in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(prop::sample::select(vec!['x', 'ß', '字', '😀']), 0..30)
                    .prop_map(|chars| chars.into_iter().collect::<String>().into_bytes()),
                (".{10,12}", prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(text, bytes)| [text.as_bytes(), &bytes].concat()),
                prop::collection::vec(any::<u8>(), 0..12),
            ],
            0..6,
        ),
        buffer in 5..80_usize,
        step in 1..30_usize,
    ) {
        let wire: Vec<u8> = payloads.iter().flat_map(|payload| message(payload)).collect();
        let pieces: Vec<&[u8]> = wire.chunks(step).collect();
        prop_assert_eq!(answers(Echo::new(), buffer, &pieces), (wire.clone(), None));

        let mut want = Vec::new();
        let mut offset = 0;
        let mut reason = None;
        for payload in &payloads {
            let Some(rest) = trimmed(payload) else {
                reason = Some(CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset });
                break;
            };
            want.extend(message(rest));
            offset += payload.len() as u64 + 4;
        }
        prop_assert_eq!(answers(Trim::default(), buffer, &pieces), (want, reason));
    }
}
