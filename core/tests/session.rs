//! One connection from its opening to its end, on a clock that is moved by hand: back-pressure, half-close, refusals,
//! deadlines, shutdown.

use core::time::Duration;

use framewright::framing::{Cobs, Framing, Lines, Netstring, Slip, Step, Tail, U32};
use framewright::service::{Echo, Flow, Intake, Refusal, Service, Trim};
use framewright::{
    CloseReason, DecodeError, DecodeErrorKind, EncodeError, Encoder, Instant, Malformed, Recovery, Session,
    SessionConfig, SessionError, Storage,
};

type Link<V> = Session<V, Vec<u8>, Vec<u8>>;

const NOW: Instant = Instant::ZERO;
const CLOSE: Duration = Duration::from_secs(5);

fn link<V: Service<Framing: Clone + Default>>(service: V, input: usize, output: usize) -> Link<V> {
    link_with(service, input, output, SessionConfig::default())
}

fn link_with<V: Service<Framing: Clone + Default>>(
    service: V,
    input: usize,
    output: usize,
    config: SessionConfig,
) -> Link<V> {
    Session::new(service, vec![0; input], vec![0; output], config, NOW).unwrap()
}

fn u32_frame(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

/// Sends what is pending, in pieces of at most `step` bytes, until there is nothing.
fn drain<V: Service<Framing: Clone>>(link: &mut Link<V>, step: usize, now: Instant) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let pending = link.poll_output(now);
        let n = pending.len().min(step);
        if n == 0 {
            return out;
        }
        out.extend_from_slice(&pending[..n]);
        link.sent(n, now);
    }
}

/// Hands over all of `bytes`, sending whenever the session takes no more.
fn talk<V: Service<Framing: Clone>>(link: &mut Link<V>, mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let n = link.handle_input(bytes, NOW);
        bytes = &bytes[n..];
        let sent = drain(link, usize::MAX, NOW);
        assert!(n > 0 || !sent.is_empty(), "the session neither takes nor gives, before {bytes:02x?}");
        out.extend(sent);
    }
    out
}

/// Hands over all of `bytes` by direct reads.
fn talk_directly<V: Service<Framing: Clone>>(link: &mut Link<V>, mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let place = link.input_mut();
        let n = place.len().min(bytes.len());
        place[..n].copy_from_slice(&bytes[..n]);
        link.handle_filled(n, NOW);
        bytes = &bytes[n..];
        let sent = drain(link, 3, NOW);
        assert!(n > 0 || !sent.is_empty(), "the session neither takes nor gives, before {bytes:02x?}");
        out.extend(sent);
    }
    out
}

#[test]
fn a_message_is_echoed() {
    let mut link = link(Echo::new(), 64, 64);
    assert_eq!(link.handle_input(&u32_frame(b"hello"), NOW), 9);
    assert_eq!(link.poll_output(NOW), u32_frame(b"hello"));
    assert_eq!(link.stats().messages, 1);
    assert_eq!(link.stats().bytes_received, 9);
    assert_eq!(link.stats().bytes_sent, 0);
    link.sent(9, NOW);
    assert_eq!(link.stats().bytes_sent, 9);
    assert_eq!(link.close_reason(), None);
}

#[test]
fn an_output_that_cannot_hold_a_reply_is_refused_when_it_is_lent() {
    let refused = |have| Session::new(Echo::new(), [0; 64], vec![0; have], SessionConfig::default(), NOW).err();
    assert_eq!(refused(4), Some(SessionError { need: 5, have: 4 }));
    assert_eq!(refused(0), Some(SessionError { need: 5, have: 0 }));
    assert_eq!(refused(5), None);
}

#[test]
fn a_full_output_takes_no_more_and_loses_nothing() {
    // Room for one reply of four bytes, and a second one never begun before the first is gone.
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..5).flat_map(|i| u32_frame(&[i; 4])).collect();
    assert_eq!(link.handle_input(&messages, NOW), 8);
    assert_eq!(link.handle_input(&messages[8..], NOW), 0);
    assert_eq!(link.poll_output(NOW), u32_frame(&[0; 4]));
    link.sent(7, NOW);
    // It may look at the next header, but has no room for its reply.
    let taken = 8 + link.handle_input(&messages[8..], NOW);
    assert!(taken <= 12, "{taken}");
    assert_eq!(link.poll_output(NOW), [0], "one byte of the reply still waits");
    link.sent(1, NOW);
    let taken = taken + link.handle_input(&messages[taken..], NOW);
    assert_eq!(taken, 16);
    let mut out = u32_frame(&[0; 4]);
    out.extend(drain(&mut link, 1, NOW));
    out.extend(talk(&mut link, &messages[taken..]));
    assert_eq!(out, messages);
}

#[test]
fn with_a_full_output_direct_reads_stop_when_the_input_is_full_too() {
    let mut link = link(Echo::new(), 16, 8);
    let messages: Vec<u8> = (0..9).flat_map(|i| u32_frame(&[i; 4])).collect();
    let mut left = &messages[..];
    while link.wants_input() {
        let place = link.input_mut();
        let n = place.len().min(left.len());
        place[..n].copy_from_slice(&left[..n]);
        left = &left[n..];
        link.handle_filled(n, NOW);
        link.poll_output(NOW);
    }
    // One reply in the output, two requests in the input, the rest in the peer's hands.
    assert_eq!(messages.len() - left.len(), 24);
    let mut out = drain(&mut link, usize::MAX, NOW);
    assert_eq!(out, messages[..24]);
    assert!(link.wants_input());
    out.extend(talk_directly(&mut link, left));
    assert_eq!(out, messages);
}

#[test]
fn a_reply_that_fits_is_whole_or_not_begun() {
    let mut link = link(Echo::new(), 64, 16);
    let messages = [u32_frame(&[1; 6]), u32_frame(&[2; 6]), u32_frame(&[3; 12])].concat();
    let mut taken = link.handle_input(&messages, NOW);
    assert!(taken < 20, "six bytes are free, and the next reply needs ten");
    assert_eq!(link.poll_output(NOW), u32_frame(&[1; 6]));
    link.sent(3, NOW);
    taken += link.handle_input(&messages[taken..], NOW);
    assert_eq!(link.poll_output(NOW).len(), 7);
    link.sent(1, NOW);
    taken += link.handle_input(&messages[taken..], NOW);
    assert_eq!(link.poll_output(NOW), [&[1; 6][..], &u32_frame(&[2; 6])].concat());
    link.sent(15, NOW);
    taken += link.handle_input(&messages[taken..], NOW);
    assert_eq!(link.poll_output(NOW), [2], "fifteen bytes are free, and the next reply needs sixteen");
    link.sent(1, NOW);
    link.handle_input(&messages[taken..], NOW);
    assert_eq!(link.poll_output(NOW), u32_frame(&[3; 12]));
}

#[test]
fn a_message_much_longer_than_both_buffers_passes_through() {
    let payload: Vec<u8> = (0..100_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let message = u32_frame(&payload);
    for (input, output) in [(4, 5), (5, 6), (64, 64), (7, 4096), (4096, 8)] {
        assert_eq!(talk(&mut link(Echo::new(), input, output), &message), message, "{input} {output}");
        assert_eq!(talk_directly(&mut link(Echo::new(), input, output), &message), message, "{input} {output}");
        let trimmed = u32_frame(&payload[10..]);
        assert_eq!(talk(&mut link(Trim::default(), input, output), &message), trimmed, "{input} {output}");
        assert_eq!(talk_directly(&mut link(Trim::default(), input, output), &message), trimmed, "{input} {output}");
    }
}

#[test]
fn a_peer_that_half_closes_gets_its_answers() {
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..3).flat_map(|i| u32_frame(&[i; 4])).collect();
    link.input_mut()[..24].copy_from_slice(&messages);
    link.handle_filled(24, NOW);
    link.handle_end(NOW);
    assert!(!link.wants_input());
    assert_eq!(link.poll_output(NOW).len(), 8);
    assert!(!link.is_output_finished(), "two answers are not even made");
    assert_eq!(drain(&mut link, 3, NOW), messages);
    assert!(link.is_done() && link.is_output_finished());
    assert_eq!(link.close_reason(), Some(CloseReason::PeerClosed));
    assert_eq!(link.deadline(), None);
}

#[test]
fn a_stream_that_ends_inside_a_message_is_truncated_and_what_came_before_is_answered() {
    for (tail, need) in [(&[0, 0][..], None), (&[0, 0, 0, 9, 1, 2], Some(13)), (&[0, 0, 0, 1], Some(5))] {
        let mut link = link(Echo::new(), 64, 64);
        link.handle_input(&[&u32_frame(b"whole"), tail].concat(), NOW);
        link.handle_end(NOW);
        assert_eq!(drain(&mut link, 4, NOW), u32_frame(b"whole"));
        assert_eq!(link.close_reason(), Some(CloseReason::Truncated { have: tail.len() as u64, need }));
        assert!(link.is_done());
    }
}

#[test]
fn a_truncated_streamed_message_is_no_clean_end() {
    let mut link = link(Echo::new(), 8, 8);
    let mut message = u32_frame(&[7; 100]);
    message.truncate(50);
    let out = talk(&mut link, &message);
    assert_eq!(out, message, "what came of a long message goes on at once");
    link.handle_end(NOW);
    drain(&mut link, 8, NOW);
    assert_eq!(link.close_reason(), Some(CloseReason::Truncated { have: 50, need: Some(104) }));
}

#[test]
fn a_message_over_the_limit_closes_with_its_offset_and_answers_what_came_before() {
    let config = SessionConfig { max_frame: 10, ..SessionConfig::default() };
    for (claim, len) in [([0, 0, 0, 11], 11), ([0xFF; 4], u64::from(u32::MAX))] {
        let mut link = link_with(Echo::new(), 8, 8, config);
        let good = u32_frame(&[1; 10]);
        let out = talk(&mut link, &[&good[..], &claim, &[1; 30]].concat());
        assert_eq!(out, good);
        let kind = DecodeErrorKind::TooLong { len: Some(len), limit: 10 };
        let error = DecodeError { kind, offset: 14, recovery: Recovery::Stops };
        assert_eq!(link.close_reason(), Some(CloseReason::BadFrame(error)));
        assert!(link.is_output_finished() && !link.is_done(), "it lingers, for a peer that is still sending");
    }
}

#[test]
fn a_refused_message_is_named_by_its_offset() {
    for invalid in [&b"123456789\xFF"[..], &[b'a', 0xE4, 0xB8], &[0xED, 0xA0, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    {
        for output in [8, 64] {
            let mut link = link(Trim::default(), 16, output);
            let good = u32_frame(b"0123456789ab");
            let stream = [&good[..], &good, &u32_frame(invalid), &good].concat();
            assert_eq!(talk(&mut link, &stream), [u32_frame(b"ab"), u32_frame(b"ab")].concat());
            let reason = CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset: 32 };
            assert_eq!(link.close_reason(), Some(reason));
        }
    }
}

#[test]
fn what_a_lingering_connection_receives_is_dropped_until_the_peer_closes() {
    let mut link = link(Trim::default(), 16, 16);
    link.handle_input(&u32_frame(&[0xFF; 12]), NOW);
    assert!(link.poll_output(NOW).is_empty());
    assert!(link.is_output_finished() && link.wants_input() && !link.is_done());
    assert_eq!(link.handle_input(&u32_frame(b"0123456789ab"), NOW), 16);
    let place = link.input_mut().len();
    link.handle_filled(place, NOW);
    assert!(link.poll_output(NOW).is_empty());
    assert!(link.wants_input(), "there is always room for what is dropped");
    link.handle_end(NOW);
    assert!(link.is_done());
    assert!(matches!(link.close_reason(), Some(CloseReason::Refused { .. })));
}

#[test]
fn a_peer_that_goes_on_sending_does_not_keep_a_closing_connection_open() {
    let mut link = link(Trim::default(), 16, 16);
    link.handle_input(&u32_frame(&[0xFF; 12]), NOW);
    link.poll_output(NOW);
    let deadline = link.deadline().unwrap();
    assert_eq!(deadline, NOW + CLOSE);
    for second in 1..5 {
        let now = NOW + Duration::from_secs(second);
        link.handle_input(b"more", now);
        link.handle_filled(1, now);
        assert_eq!(link.deadline(), Some(deadline));
        link.handle_deadline(now);
        assert!(!link.is_done());
    }
    link.handle_deadline(deadline);
    assert!(link.is_done());
}

#[test]
fn an_idle_connection_is_closed_at_its_deadline_and_not_before() {
    let config = SessionConfig { idle_timeout: Some(Duration::from_mins(1)), ..SessionConfig::default() };
    let mut link = link_with(Echo::new(), 64, 64, config);
    let at = |second| NOW + Duration::from_secs(second);
    assert_eq!(link.deadline(), Some(at(60)));
    link.handle_input(&u32_frame(b"x"), at(30));
    assert_eq!(link.deadline(), Some(at(90)));
    link.poll_output(at(40));
    assert_eq!(link.deadline(), Some(at(90)), "to look is not to move");
    link.sent(5, at(50));
    assert_eq!(link.deadline(), Some(at(110)));
    link.handle_deadline(at(109));
    assert_eq!(link.close_reason(), None);
    link.handle_deadline(at(110));
    assert_eq!(link.close_reason(), Some(CloseReason::Idle));
    assert!(link.poll_output(at(110)).is_empty());
    assert!(link.is_output_finished() && !link.is_done());
    assert_eq!(link.deadline(), Some(at(115)));
    link.handle_deadline(at(115));
    assert!(link.is_done());
}

#[test]
fn a_peer_that_does_not_read_is_let_go() {
    let config = SessionConfig { idle_timeout: Some(Duration::from_mins(1)), ..SessionConfig::default() };
    let mut link = link_with(Echo::new(), 64, 64, config);
    link.handle_input(&u32_frame(b"x"), NOW);
    link.handle_deadline(NOW + Duration::from_mins(1));
    assert!(link.is_done(), "its reply was not taken for a minute: no use to wait longer");
    assert_eq!(link.close_reason(), Some(CloseReason::Idle));
    assert!(link.poll_output(NOW).is_empty());

    let mut link = self::link(Echo::new(), 64, 64);
    link.handle_input(&u32_frame(b"x"), NOW);
    link.handle_end(NOW);
    assert_eq!(link.poll_output(NOW).len(), 5);
    link.sent(4, NOW + Duration::from_secs(4));
    link.handle_deadline(NOW + CLOSE);
    assert!(!link.is_done(), "it took a byte a second ago");
    link.handle_deadline(NOW + Duration::from_secs(9));
    assert!(link.is_done());
    assert!(link.poll_output(NOW).is_empty());
}

#[test]
fn without_an_idle_timeout_an_open_connection_has_no_deadline() {
    let mut link = link(Echo::new(), 64, 64);
    assert_eq!(link.deadline(), None);
    link.handle_deadline(NOW + Duration::from_secs(1 << 40));
    assert_eq!(link.close_reason(), None);
    assert_eq!(talk(&mut link, &u32_frame(b"x")), u32_frame(b"x"));
}

#[test]
fn a_stopping_server_answers_what_it_has_received() {
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..3).flat_map(|i| u32_frame(&[i; 4])).collect();
    link.input_mut()[..26].copy_from_slice(&[&messages[..], &[0, 0]].concat());
    link.handle_filled(26, NOW);
    link.shutdown(NOW);
    assert!(!link.wants_input());
    assert_eq!(drain(&mut link, 5, NOW), messages);
    assert_eq!(link.close_reason(), Some(CloseReason::Shutdown));
    assert!(link.is_output_finished() && !link.is_done());
    assert_eq!(link.deadline(), Some(NOW + CLOSE));
    link.handle_end(NOW);
    assert!(link.is_done());
    assert_eq!(link.close_reason(), Some(CloseReason::Shutdown));
}

#[test]
fn a_stopping_server_answers_what_was_left_with_its_front_end() {
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..5).flat_map(|i| u32_frame(&[i; 4])).collect();
    let mut taken = link.handle_input(&messages, NOW);
    link.shutdown(NOW);
    let mut out = Vec::new();
    while taken < messages.len() {
        // The front end writes first, and then offers the rest.
        out.extend(drain(&mut link, usize::MAX, NOW));
        assert_eq!(link.close_reason(), None);
        taken += link.handle_input(&messages[taken..], NOW);
    }
    out.extend(drain(&mut link, usize::MAX, NOW));
    assert_eq!(out, messages);
    assert_eq!(link.close_reason(), Some(CloseReason::Shutdown));
}

#[test]
fn a_stopping_server_does_not_go_on_for_a_peer_that_asks_and_asks() {
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..3).flat_map(|i| u32_frame(&[i; 4])).collect();
    link.shutdown(NOW);
    for second in 0..100 {
        let now = NOW + Duration::from_secs(second);
        link.handle_deadline(now);
        if link.is_output_finished() {
            assert!(second <= 5, "it went on for {second} s");
            return;
        }
        link.handle_input(&messages, now);
        let n = link.poll_output(now).len();
        link.sent(n, now);
    }
    panic!("it never stopped");
}

#[test]
fn a_peer_that_closes_while_a_stopping_server_answers_is_not_waited_for() {
    let mut link = link(Echo::new(), 64, 8);
    let messages: Vec<u8> = (0..3).flat_map(|i| u32_frame(&[i; 4])).collect();
    link.input_mut()[..24].copy_from_slice(&messages);
    link.handle_filled(24, NOW);
    link.shutdown(NOW);
    link.handle_end(NOW);
    assert_eq!(drain(&mut link, 5, NOW), messages);
    assert!(link.is_done(), "there is nothing left to come, and nothing to linger for");
}

#[test]
fn a_stopping_server_does_not_wait_for_ever_for_a_peer_that_does_not_read() {
    let mut link = link(Echo::new(), 64, 8);
    link.handle_input(&u32_frame(b"four"), NOW);
    link.shutdown(NOW);
    link.poll_output(NOW);
    link.handle_deadline(link.deadline().unwrap());
    assert!(link.is_done());
}

#[test]
fn a_broken_connection_is_done_at_once_and_keeps_the_first_reason() {
    let mut link = link(Echo::new(), 64, 64);
    link.handle_input(&u32_frame(b"x"), NOW);
    link.handle_reset(NOW);
    assert!(link.is_done() && link.poll_output(NOW).is_empty());
    assert_eq!(link.close_reason(), Some(CloseReason::Reset));

    let mut link = self::link(Trim::default(), 64, 64);
    link.handle_input(&u32_frame(&[0xFF; 10]), NOW);
    link.handle_reset(NOW);
    assert!(link.is_done());
    assert!(matches!(link.close_reason(), Some(CloseReason::Refused { .. })));
    link.handle_end(NOW);
    link.shutdown(NOW);
    link.handle_reset(NOW);
    assert!(link.is_done());
}

#[test]
fn a_done_session_takes_everything_and_says_nothing() {
    let mut link = link(Echo::new(), 64, 64);
    link.handle_end(NOW);
    assert!(link.poll_output(NOW).is_empty() && link.is_done());
    assert_eq!(link.handle_input(&u32_frame(b"late"), NOW), 8);
    link.handle_filled(1, NOW);
    assert!(link.poll_output(NOW).is_empty() && !link.wants_input());
    assert_eq!(link.close_reason(), Some(CloseReason::PeerClosed));
}

#[test]
fn a_last_line_without_its_lf_is_answered_whatever_waits_before_it() {
    for output in [12, 16, 20, 64] {
        for first in 0..10 {
            let mut link = link(Echo::<Lines>::default(), 64, output);
            let stream = [&vec![b'a'; first][..], b"\nlast line"].concat();
            // Nothing is sent before the end has come.
            let mut rest = &stream[link.handle_input(&stream, NOW)..];
            let mut out = Vec::new();
            while !rest.is_empty() {
                out.extend(drain(&mut link, 1, NOW));
                rest = &rest[link.handle_input(rest, NOW)..];
            }
            link.handle_end(NOW);
            out.extend(drain(&mut link, 1, NOW));
            assert_eq!(out, [&stream[..], b"\n"].concat(), "{output} {first}");
            assert_eq!(link.close_reason(), Some(CloseReason::PeerClosed));
        }
    }
}

/// Echoes messages of every length around the size of the output, full of bytes that grow.
fn echoes_over<L: Framing + Clone + Default>(worst: u8) {
    let least = L::PREFIX + L::SUFFIX + L::HELD + L::default().expansion(1);
    assert!(Session::new(Echo::<L>::default(), [0; 64], vec![0; least - 1], SessionConfig::default(), NOW).is_err());
    for output in [least, least + 1, least + 13, least + 300] {
        for len in (1..80).chain([253, 254, 255, 600]) {
            for byte in [worst, b'a'] {
                let mut encoder = Encoder::new(L::default(), vec![0; 2048]);
                encoder.push(&vec![byte; len]).unwrap();
                encoder.push(b"next").unwrap();
                let stream = encoder.pending();
                let out = talk(&mut link(Echo::<L>::default(), 64, output), stream);
                assert_eq!(out, stream, "{len} of {byte}, {output}");
            }
        }
    }
}

#[test]
fn messages_that_grow_on_the_wire_are_echoed_through_any_output() {
    echoes_over::<Slip>(0xC0);
    echoes_over::<Cobs>(0);
    echoes_over::<Netstring>(b',');
}

/// Answers each message with its length in three digits; greets, and hangs up on an empty one.
#[derive(Default)]
struct Counting {
    skipped: Vec<DecodeError>,
    closed: u32,
}

impl Service for Counting {
    type Framing = U32;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: 3 }
    }

    fn open<S: Storage>(&mut self, _: Instant, out: &mut Encoder<U32, S>) -> Result<Flow, Refusal> {
        out.push(b"hi!")?;
        Ok(Flow::Continue)
    }

    fn frame<S: Storage>(&mut self, payload: &[u8], _: Instant, out: &mut Encoder<U32, S>) -> Result<Flow, Refusal> {
        out.push(format!("{:03}", payload.len()).as_bytes())?;
        Ok(if payload.is_empty() { Flow::Close } else { Flow::Continue })
    }

    fn skipped<S: Storage>(&mut self, error: &DecodeError, out: &mut Encoder<U32, S>) -> Result<Flow, Refusal> {
        self.skipped.push(*error);
        out.push(b"???")?;
        Ok(Flow::Continue)
    }

    fn closed(&mut self, _: Instant) {
        self.closed += 1;
    }
}

#[test]
fn a_service_of_whole_messages_greets_skips_what_is_too_long_and_may_hang_up() {
    let mut link = link(Counting::default(), 8, 7);
    assert_eq!(link.poll_output(NOW), u32_frame(b"hi!"));
    assert_eq!(link.handle_input(&u32_frame(b"x"), NOW), 0, "the greeting fills the output");
    let stream =
        [u32_frame(&[1; 8]), u32_frame(&[2; 9]), u32_frame(b"ok"), u32_frame(b""), u32_frame(b"lost")].concat();
    let mut out = drain(&mut link, 2, NOW);
    out.extend(talk(&mut link, &stream));
    assert_eq!(
        out,
        [u32_frame(b"hi!"), u32_frame(b"008"), u32_frame(b"???"), u32_frame(b"002"), u32_frame(b"000")].concat()
    );
    assert_eq!(link.close_reason(), Some(CloseReason::ServiceDone));
    let kind = DecodeErrorKind::TooLong { len: Some(9), limit: 8 };
    assert_eq!(link.service().skipped, [DecodeError { kind, offset: 12, recovery: Recovery::Skips }]);
    assert_eq!(link.service().closed, 1);
}

#[test]
fn a_service_learns_once_that_its_connection_is_closed_however_it_ends() {
    let ends: [fn(&mut Link<Counting>); 5] = [
        |link| link.handle_end(NOW),
        |link| link.handle_reset(NOW),
        |link| link.shutdown(NOW),
        |link| _ = link.handle_input(&u32_frame(b""), NOW),
        |link| link.handle_deadline(NOW + Duration::from_mins(1)),
    ];
    for (i, end) in ends.iter().enumerate() {
        let config = SessionConfig { idle_timeout: Some(Duration::from_mins(1)), ..SessionConfig::default() };
        let mut link = link_with(Counting::default(), 8, 64, config);
        drain(&mut link, 9, NOW);
        end(&mut link);
        drain(&mut link, 9, NOW);
        link.handle_end(NOW);
        drain(&mut link, 9, NOW);
        assert!(link.is_done(), "way {i}");
        link.handle_reset(NOW);
        assert_eq!(link.service().closed, 1, "way {i}");
    }
}

/// Writes each byte of a payload 300 times.
#[derive(Clone, Copy, Default)]
struct Wide;

impl Framing for Wide {
    type State = ();
    const PREFIX: usize = 0;
    const VERBATIM: bool = false;

    fn step(&self, (): &mut (), input: &[u8]) -> Result<Step, Malformed> {
        Ok(if input.is_empty() { Step::Need(1) } else { Step::End { data: input.len(), take: 0 } })
    }

    fn expansion(&self, len: usize) -> usize {
        300 * len
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn body(&self, payload: &[u8], out: &mut Tail<'_>) -> usize {
        payload.iter().take_while(|byte| out.put(&[**byte; 300]).is_ok()).count()
    }
}

#[test]
fn a_law_that_makes_much_of_a_byte_waits_for_room_for_all_of_it() {
    for step in [1, 100, 170, 299, 300, 301] {
        let mut link = link(Echo::<Wide>::default(), 16, 1000);
        let request = b"0123456789";
        let (mut taken, mut got) = (0, Vec::new());
        while taken < request.len() || !link.poll_output(NOW).is_empty() {
            taken += link.handle_input(&request[taken..], NOW);
            let n = link.poll_output(NOW).len().min(step);
            got.extend_from_slice(&link.poll_output(NOW)[..n]);
            link.sent(n, NOW);
            assert_eq!(link.close_reason(), None, "{step} at a time");
        }
        assert_eq!(got, request.map(|byte| [byte; 300]).concat(), "{step} at a time");
    }
}
