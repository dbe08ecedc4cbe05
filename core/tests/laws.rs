//! Each law's bytes, as its specification gives them, and what it refuses.

use framewright::framing::{
    BigEndian, Cobs, Delimited, Framing, LengthPrefix, LineEnding, Lines, LittleEndian, Netstring, Slip, StrictLines,
    U32, Varint,
};
use framewright::{DecodeErrorKind, Decoder, EncodeError, Encoder, End, Malformed, Oversize, Recovery};
use proptest::prelude::*;

/// The bytes of a frame.
fn encoded<L: Framing>(law: L, payload: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(law, vec![0; 4096]);
    encoder.push(payload).unwrap();
    encoder.pending().to_vec()
}

/// All frames of a stream, which must end cleanly.
fn decoded<L: Framing>(law: L, stream: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(law, vec![0; 4096]);
    let mut chunk = stream;
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next(&mut chunk).unwrap() {
        frames.push(frame.to_vec());
    }
    assert_eq!(decoder.finish(), Ok(End::Clean));
    frames
}

/// The error that a stream gives first.
fn refused<L: Framing>(law: L, stream: &[u8]) -> (DecodeErrorKind, u64, Recovery) {
    let mut decoder = Decoder::new(law, vec![0; 4096]);
    let mut chunk = stream;
    loop {
        match decoder.next(&mut chunk) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("accepted: {stream:02x?}"),
            Err(error) => return (error.kind, error.offset, error.recovery),
        }
    }
}

#[track_caller]
fn same<L: Framing + Copy>(law: L, payload: &[u8], bytes: &[u8]) {
    assert_eq!(encoded(law, payload), bytes);
    assert_eq!(decoded(law, bytes), [payload]);
}

#[test]
fn length_prefixes_have_the_width_order_and_meaning_asked_for() {
    let text = b"Four score and seven years ago";
    let whole = |head: &[u8]| [head, text].concat();
    same(U32::new(), text, &whole(&[0, 0, 0, 30]));
    same(LengthPrefix::<1>::new(), text, &whole(&[30]));
    same(LengthPrefix::<2>::new(), text, &whole(&[0, 30]));
    same(LengthPrefix::<3>::new(), text, &whole(&[0, 0, 30]));
    same(LengthPrefix::<8>::new(), text, &whole(&[0, 0, 0, 0, 0, 0, 0, 30]));
    same(LengthPrefix::<2, LittleEndian>::new(), text, &whole(&[30, 0]));
    same(LengthPrefix::<3, LittleEndian>::new(), text, &whole(&[30, 0, 0]));
    same(LengthPrefix::<8, LittleEndian>::new(), text, &whole(&[30, 0, 0, 0, 0, 0, 0, 0]));
    // The length counts itself; then the whole header.
    same(LengthPrefix::<4, BigEndian, 0, -4>::new(), text, &whole(&[0, 0, 0, 34]));
    same(LengthPrefix::<2, BigEndian, 2, -4>::with_lead([0xCA, 0xFE]), text, &whole(&[0xCA, 0xFE, 0, 34]));
    same(LengthPrefix::<2, BigEndian, 0, 1>::new(), text, &whole(&[0, 29]));
}

#[test]
fn bytes_before_the_length_are_kept_for_the_reader() {
    let mut decoder = Decoder::new(LengthPrefix::<2, BigEndian, 2>::new(), [0; 8]);
    assert_eq!(decoder.next(&mut &[0xCA, 0xFE, 0, 1, b'x'][..]), Ok(Some(&b"x"[..])));
    assert_eq!(decoder.state().lead, [0xCA, 0xFE]);
    for byte in [0xBE, 0xEF, 0, 1] {
        assert_eq!(decoder.push_byte(byte), Ok(None));
    }
    assert_eq!(decoder.push_byte(b'y'), Ok(Some(&b"y"[..])));
    assert_eq!(decoder.state().lead, [0xBE, 0xEF]);
}

#[test]
fn a_length_below_its_own_header_is_refused() {
    let (kind, offset, recovery) = refused(LengthPrefix::<4, BigEndian, 0, -4>::new(), &[0, 0, 0, 4, 0, 0, 0, 3]);
    assert_eq!(kind, DecodeErrorKind::Malformed(Malformed::LengthOutOfRange));
    assert_eq!((offset, recovery), (4, Recovery::Stops));
}

#[test]
fn a_length_that_the_header_cannot_say_is_an_error_before_a_byte_is_written() {
    let mut encoder = Encoder::new(LengthPrefix::<1>::new(), [0; 512]);
    assert_eq!(encoder.push(&[0; 256]), Err(EncodeError::TooLong { len: 256, max: 255 }));
    assert!(encoder.pending().is_empty());
    let mut encoder = Encoder::new(LengthPrefix::<1, BigEndian, 0, -1>::new(), [0; 512]);
    assert_eq!(encoder.push(&[0; 255]), Err(EncodeError::TooLong { len: 255, max: 254 }));
    encoder.push(&[0; 254]).unwrap();
    // A length that means three bytes more than it says means three at least.
    let mut encoder = Encoder::new(LengthPrefix::<1, BigEndian, 0, 3>::new(), [0; 512]);
    assert_eq!(encoder.push(&[0; 2]), Err(EncodeError::TooShort { len: 2, min: 3 }));
    assert_eq!(encoder.push(&[0; 259]), Err(EncodeError::TooLong { len: 259, max: 258 }));
    assert!(encoder.pending().is_empty());
    encoder.push(&[7; 3]).unwrap();
    assert_eq!(encoder.pending(), [0, 7, 7, 7]);
    encoder.push(&[0; 258]).unwrap();
}

#[test]
fn varints_are_those_of_protocol_buffers() {
    same(Varint::new(), b"", &[0]);
    same(Varint::new(), &[7; 127], &[&[0x7f][..], &[7; 127]].concat());
    same(Varint::new(), &[7; 128], &[&[0x80, 0x01][..], &[7; 128]].concat());
    same(Varint::new(), &[7; 300], &[&[0xac, 0x02][..], &[7; 300]].concat());
}

#[test]
fn a_varint_is_bounded_and_in_its_shortest_form() {
    let malformed = |law, bytes: &[u8]| refused(law, bytes).0;
    let padded = DecodeErrorKind::Malformed(Malformed::NonCanonical);
    let range = DecodeErrorKind::Malformed(Malformed::LengthOutOfRange);
    assert_eq!(malformed(Varint::new(), &[0x81, 0x00, 7]), padded);
    assert_eq!(decoded(Varint::accepting_padded(), &[0x81, 0x00, 7]), [[7]]);
    for law in [Varint::new(), Varint::accepting_padded()] {
        assert_eq!(malformed(law, &[0xff; 10]), range, "more than 64 bits");
        assert_eq!(malformed(law, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]), range);
    }
    let longest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let too_long = DecodeErrorKind::TooLong { len: Some(u64::MAX), limit: 4096 };
    assert_eq!(malformed(Varint::new(), &longest), too_long);
}

#[test]
fn netstrings_are_those_of_their_specification() {
    same(Netstring, b"hello world!", b"12:hello world!,");
    same(Netstring, b"", b"0:,");
    for (stream, what) in [
        (&b"05:hello,"[..], Malformed::NonCanonical),
        (b"5:hello.", Malformed::Terminator),
        (b":,", Malformed::Length),
        (b"5;hello,", Malformed::Length),
        (b"-1:,", Malformed::Length),
        (b"18446744073709551616:", Malformed::LengthOutOfRange),
        (b"111111111111111111111", Malformed::LengthOutOfRange),
    ] {
        assert_eq!(refused(Netstring, stream).0, DecodeErrorKind::Malformed(what), "{stream:?}");
    }
}

#[test]
fn a_netstring_that_misses_only_its_comma_is_truncated() {
    let mut decoder = Decoder::new(Netstring, [0; 16]);
    assert_eq!(decoder.next(&mut &b"5:hello"[..]), Ok(None));
    assert!(matches!(decoder.finish(), Ok(End::Truncated { have: 7, .. })));
}

#[test]
fn slip_is_that_of_rfc_1055() {
    same(Slip::new(), b"a\xC0b\xDBc", b"a\xDB\xDCb\xDB\xDDc\xC0");
    assert_eq!(encoded(Slip::with_leading_end(), b"a"), b"\xC0a\xC0");
    assert_eq!(decoded(Slip::new(), b"\xC0\xC0a\xC0\xC0\xC0b\xC0"), [b"a", b"b"]);
    assert_eq!(Encoder::new(Slip::new(), [0; 8]).push(b""), Err(EncodeError::Empty));
}

#[test]
fn a_bad_slip_escape_costs_its_frame_and_no_other() {
    let mut decoder = Decoder::new(Slip::new(), [0; 8]);
    let mut chunk = &b"ok\xC0a\xDBb\xDB\xDCc\xC0good\xC0"[..];
    assert_eq!(decoder.next(&mut chunk), Ok(Some(&b"ok"[..])));
    let error = decoder.next(&mut chunk).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::Escape));
    assert_eq!((error.offset, error.recovery), (3, Recovery::Skips));
    assert_eq!(decoder.next(&mut chunk), Ok(Some(&b"good"[..])));
    assert_eq!(decoder.next(&mut chunk), Ok(None));
}

#[test]
fn cobs_is_that_of_its_paper() {
    same(Cobs, b"", &[1, 0]);
    same(Cobs, &[0], &[1, 1, 0]);
    same(Cobs, &[0, 0], &[1, 1, 1, 0]);
    same(Cobs, &[0x11, 0x22, 0, 0x33], &[3, 0x11, 0x22, 2, 0x33, 0]);
    same(Cobs, &[0x11, 0, 0, 0], &[2, 0x11, 1, 1, 1, 0]);
    let run: Vec<u8> = (1..=254).collect();
    same(Cobs, &run, &[&[0xFF][..], &run, &[0]].concat());
    let longer: Vec<u8> = (1..=255).collect();
    same(Cobs, &longer, &[&[0xFF][..], &run, &[2, 0xFF, 0]].concat());
    let zero_behind = [&run[..], &[0]].concat();
    same(Cobs, &zero_behind, &[&[0xFF][..], &run, &[1, 1, 0]].concat());
    // Other encoders write an empty last block after a full one.
    assert_eq!(decoded(Cobs, &[&[0xFF][..], &run, &[1, 0]].concat()), [run]);
}

#[test]
fn a_cut_cobs_frame_costs_itself_and_no_other() {
    let mut decoder = Decoder::new(Cobs, [0; 8]);
    let mut chunk = &[0, 0, 5, 1, 2, 0, 3, 7, 8, 0, 2, 9, 0][..];
    let error = decoder.next(&mut chunk).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::Zero));
    assert_eq!((error.offset, error.recovery), (2, Recovery::Skips));
    assert_eq!(decoder.next(&mut chunk), Ok(Some(&[7, 8][..])));
    assert_eq!(decoder.next(&mut chunk), Ok(Some(&[9][..])));
    assert_eq!(decoder.finish(), Ok(End::Clean));
}

#[test]
fn lenient_lines_drop_one_cr_before_the_lf_and_keep_all_others() {
    assert_eq!(decoded(Lines, b"a\r\nb\nc\r\r\n\rd\n\r\n"), [&b"a"[..], b"b", b"c\r", b"\rd", b""]);
    assert_eq!(encoded(Lines, b"a"), b"a\n");
}

#[test]
fn strict_lines_refuse_every_other_ending_and_go_on_behind_the_line() {
    let (lf, crlf) = (StrictLines::new(LineEnding::Lf), StrictLines::new(LineEnding::CrLf));
    same(lf, b"ab", b"ab\n");
    same(crlf, b"ab", b"ab\r\n");
    for (law, stream, what, offset) in [
        (lf, &b"ok\nab\r\nx\n"[..], Malformed::BareCr, 3),
        (lf, b"ok\na\rb\nx\n", Malformed::BareCr, 3),
        (crlf, b"ok\r\nab\nx\r\n", Malformed::BareLf, 4),
        (crlf, b"ok\r\na\rb\nx\r\n", Malformed::BareCr, 4),
        (crlf, b"ok\r\na\r\r\nx\r\n", Malformed::BareCr, 4),
        (crlf, b"ok\r\n\nx\r\n", Malformed::BareLf, 4),
    ] {
        for step in 1..stream.len() {
            let mut decoder = Decoder::new(law, [0; 8]);
            let mut seen = Vec::new();
            for part in stream.chunks(step) {
                let mut chunk = part;
                loop {
                    match decoder.next(&mut chunk) {
                        Ok(Some(frame)) => seen.push(Ok(frame.to_vec())),
                        Ok(None) => break,
                        Err(error) => seen.push(Err((error.kind, error.offset))),
                    }
                }
            }
            let error = (DecodeErrorKind::Malformed(what), offset);
            assert_eq!(seen, [Ok(b"ok".to_vec()), Err(error), Ok(b"x".to_vec())], "{stream:?} by {step}");
            assert_eq!(decoder.finish(), Ok(End::Clean));
        }
    }
}

#[test]
fn a_delimiter_inside_a_payload_is_refused_by_the_encoder() {
    let mut encoder = Encoder::new(Delimited::new(0x1e), [0; 32]);
    assert_eq!(encoder.push(b"ab\x1ec"), Err(EncodeError::ContainsDelimiter { at: 2 }));
    let mut encoder = Encoder::new(Lines, [0; 32]);
    assert_eq!(encoder.push(b"ab\nc"), Err(EncodeError::ContainsDelimiter { at: 2 }));
    assert!(encoder.pending().is_empty());
}

#[test]
fn a_last_frame_without_its_delimiter_is_truncated_unless_asked_otherwise() {
    let mut decoder = Decoder::new(Delimited::new(0), [0; 8]);
    assert_eq!(decoder.next(&mut &b"ab"[..]), Ok(None));
    assert_eq!(decoder.finish(), Ok(End::Truncated { have: 2, need: None }));
    let mut decoder = Decoder::new(Delimited::new(0).ending_at_eof(), [0; 8]);
    assert_eq!(decoder.next(&mut &b"ab"[..]), Ok(None));
    assert_eq!(decoder.finish(), Ok(End::Last(framewright::Event::Frame(b"ab"))));
    assert_eq!(decoder.finish(), Ok(End::Clean));
}

#[cfg(feature = "json")]
mod json_header {
    use super::*;
    use framewright::Event;
    use framewright::framing::{ByteOrder, JsonHeader};

    /// A frame with this header.
    fn with_header(json: &str, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(json.len()).unwrap().to_be_bytes();
        [&length[..], json.as_bytes(), content].concat()
    }

    #[test]
    fn a_frame_has_the_length_the_json_and_the_content() {
        let byteorder = if cfg!(target_endian = "big") { "big" } else { "little" };
        let json = format!(
            r#"{{"byteorder": "{byteorder}", "content-type": "text/json", "content-encoding": "utf-8", "content-length": 5}}"#
        );
        same(JsonHeader::TEXT, b"hello", &with_header(&json, b"hello"));
    }

    #[test]
    fn keys_come_in_any_order_with_any_space_and_escapes_and_others_are_passed_over() {
        let json = r#" { "content-length":3,"extra": [1, {"a": "}"}], "content-encoding" : "latin-1",
            "content-type": "text\/pl\u0061in", "byteorder":"big"} "#;
        let stream = with_header(json, b"abc");
        let mut decoder = Decoder::new(JsonHeader::TEXT, [0; 300]);
        let (event, state) = decoder.next_event_and_state(&mut &stream[..], usize::MAX).unwrap().unwrap();
        assert_eq!(event, Event::Frame(b"abc"));
        assert_eq!(state.header.byteorder, ByteOrder::Big);
        assert_eq!(state.header.content_type, "text/plain");
        assert_eq!(state.header.content_encoding, "latin-1");
        // And byte by byte.
        let (last, rest) = stream.split_last().unwrap();
        for byte in rest {
            assert_eq!(decoder.push_byte(*byte), Ok(None));
        }
        assert_eq!(decoder.push_byte(*last), Ok(Some(&b"abc"[..])));
    }

    #[test]
    fn a_header_without_its_keys_is_refused() {
        let whole = r#"{"byteorder":"big","content-type":"a","content-encoding":"b","content-length":0}"#;
        assert_eq!(decoded(JsonHeader::TEXT, &with_header(whole, b"")), [b""]);
        for bad in [
            &whole.replace("byteorder", "order"),
            &whole.replace("content-type", "type"),
            &whole.replace("content-encoding", "encoding"),
            &whole.replace("content-length", "length"),
            &whole.replace(":0", ":-1"),
            &whole.replace(":0", ":\"0\""),
            &whole.replace(":0", ":99999999999999999999"),
            &whole.replace("big", "middle"),
            &whole.replace('a', &"a".repeat(65)),
            &whole.replace('}', "} x"),
            &whole.replace('}', ""),
            "[]",
            "",
            "\u{FFFF}",
        ] {
            let (kind, _, recovery) = refused(JsonHeader::TEXT, &with_header(bad, b""));
            assert_eq!(kind, DecodeErrorKind::Malformed(Malformed::Header), "{bad}");
            assert_eq!(recovery, Recovery::Stops);
        }
    }

    #[test]
    fn a_deeply_nested_header_does_not_exhaust_the_stack() {
        let json = format!(r#"{{"x":{}"#, "[".repeat(60_000));
        let stream = with_header(&json, b"");
        let mut decoder = Decoder::new(JsonHeader::TEXT, vec![0; 70_000]);
        let error = decoder.next(&mut &stream[..]).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::Header));
    }

    #[test]
    fn a_header_longer_than_the_storage_is_refused_at_its_length() {
        let mut decoder = Decoder::new(JsonHeader::TEXT, [0; 64]);
        let error = decoder.next(&mut &[0x01, 0x00, b'{'][..]).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::HeaderTooLong { need: 258, capacity: 64 });
    }
}

/// Pushed whole, written in place, and streamed in pieces of `step` bytes: the same bytes each time; and back.
fn round_trip<L: Framing + Copy>(law: L, payload: &[u8], step: usize, sendable: usize) -> Result<(), TestCaseError> {
    let whole = encoded(law, payload);
    prop_assert_eq!(decoded(law, &whole), vec![payload.to_vec()]);
    prop_assert!(whole.len() <= L::PREFIX + law.expansion(payload.len()) + L::SUFFIX);

    let mut encoder = Encoder::new(law, vec![0; 4096]);
    let place = encoder.reserve(payload.len() + 3).unwrap();
    place[..payload.len()].copy_from_slice(payload);
    encoder.commit(payload.len()).unwrap();
    prop_assert_eq!(encoder.pending(), &whole[..]);

    let mut encoder = Encoder::new(law, vec![0; 300]);
    let mut sent = Vec::new();
    encoder.begin(Some(payload.len() as u64)).unwrap();
    for piece in payload.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let n = encoder.chunk(rest).unwrap();
            rest = &rest[n..];
            let pending = encoder.pending();
            let n = pending.len().min(sendable);
            sent.extend_from_slice(&pending[..n]);
            encoder.sent(n);
        }
    }
    while encoder.end() == Err(EncodeError::Full { need: 1, room: 0 }) {
        sent.extend_from_slice(&encoder.pending()[..1]);
        encoder.sent(1);
    }
    sent.extend_from_slice(encoder.pending());
    prop_assert_eq!(sent, whole);
    Ok(())
}

/// Bytes with many zeros, delimiters and escapes, and long runs without.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let common = prop_oneof![Just(0), Just(0xC0), Just(0xDB), Just(0x1e), Just(b'\n'), any::<u8>()];
    let run = (any::<u8>(), 0..600_usize).prop_map(|(byte, n)| vec![byte.max(1); n]);
    prop_oneof![
        prop::collection::vec(common, 0..40),
        (run.clone(), any::<u8>(), run).prop_map(|(a, byte, b)| [a, vec![byte], b].concat())
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_whole_in_place_or_in_pieces_comes_back(
        payload in payloads(), step in 1..600_usize, sendable in 1..400_usize,
    ) {
        round_trip(U32::new(), &payload, step, sendable)?;
        round_trip(LengthPrefix::<2, LittleEndian, 3, 7>::new(), &[&payload[..], &[1; 7]].concat(), step, sendable)?;
        round_trip(Varint::new(), &payload, step, sendable)?;
        round_trip(Netstring, &payload, step, sendable)?;
        round_trip(Cobs, &payload, step, sendable)?;
        #[cfg(feature = "json")]
        round_trip(framewright::framing::JsonHeader::TEXT, &payload, step, sendable)?;
        if !payload.is_empty() {
            round_trip(Slip::new(), &payload, step, sendable)?;
        }
        let text: Vec<u8> = payload.iter().map(|byte| byte | 0x40).collect();
        round_trip(Lines, &text, step, sendable)?;
        round_trip(Delimited::new(0x1e), &text, step, sendable)?;
    }

    #[test]
    fn arbitrary_bytes_never_stall_a_law(stream in prop::collection::vec(any::<u8>(), 0..200), cap in 0..40_usize) {
        fn drive<L: Framing + Copy>(law: L, cap: usize, stream: &[u8]) {
            for oversize in [Oversize::Fail, Oversize::Skip, Oversize::Stream] {
                let mut decoder = Decoder::new(law, vec![0; cap]).with_oversize(oversize);
                for part in stream.chunks(7) {
                    let mut chunk = part;
                    // Each turn takes a byte, or delivers or reports something that a byte caused.
                    let mut turns = 0;
                    while let Ok(Some(_)) | Err(_) = decoder.next_event(&mut chunk) {
                        turns += 1;
                        assert!(turns < 100, "no end");
                    }
                    assert!(chunk.is_empty() || decoder.is_stopped());
                }
                let mut turns = 0;
                while let Ok(End::Last(_)) | Err(_) = decoder.finish() {
                    turns += 1;
                    assert!(turns < 100, "no end");
                }
            }
        }
        drive(U32::new(), cap, &stream);
        drive(Varint::new(), cap, &stream);
        drive(Netstring, cap, &stream);
        drive(Cobs, cap, &stream);
        drive(Slip::new(), cap, &stream);
        drive(Lines, cap, &stream);
        drive(Delimited::new(0), cap, &stream);
    }
}
