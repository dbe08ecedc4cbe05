//! Frames go in whole or not at all, in whichever of the ways, and come out as the bytes that a decoder reads back.

use framewright::framing::{Cobs, Delimited, Framing, LengthPrefix, Lines, LittleEndian, Netstring, Slip, U32, Varint};
use framewright::{Decoder, EncodeError, Encoder, End, Outgoing};
use proptest::prelude::*;

/// The bytes of one frame.
fn encoded<L: Framing + Clone>(law: &L, payload: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(law.clone(), vec![0; 2 * payload.len() + 256]);
    encoder.push(payload).unwrap();
    encoder.pending().to_vec()
}

/// Something to do with an encoder.
#[derive(Clone, Debug)]
enum Deed {
    Push(Vec<u8>),
    /// Reserves so much more than the payload, writes the payload, commits.
    Place(Vec<u8>, usize),
    /// Streams the payload in pieces of at most so many bytes, sending so many bytes whenever there is no room.
    Stream(Vec<u8>, usize, usize),
    Sent(usize),
}

/// An encoder, and what it ought to hold.
struct Check<L: Framing> {
    encoder: Encoder<L, Vec<u8>>,
    sent: Vec<u8>,
    /// The payloads that went in.
    accepted: Vec<Vec<u8>>,
}

impl<L: Framing + Clone> Check<L> {
    fn send(&mut self, n: usize) {
        let pending = self.encoder.pending();
        let n = n.min(pending.len());
        self.sent.extend_from_slice(&pending[..n]);
        self.encoder.sent(n);
    }

    /// Does it or leaves everything as it was.
    fn attempt(
        &mut self,
        payload: &[u8],
        deed: impl Fn(&mut Encoder<L, Vec<u8>>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let before = (self.encoder.pending().to_vec(), self.encoder.room());
        let done = deed(&mut self.encoder);
        match done {
            Ok(()) => self.accepted.push(payload.to_vec()),
            Err(_) => {
                assert_eq!(
                    (self.encoder.pending().to_vec(), self.encoder.room()),
                    before,
                    "a trace of a refused frame"
                );
            }
        }
        done
    }

    fn run(&mut self, deed: &Deed) {
        match deed {
            Deed::Sent(n) => self.send(*n),
            Deed::Push(payload) => {
                let len = encoded(self.encoder.law(), payload).len();
                let room = self.encoder.room();
                let pushed = self.attempt(payload, |encoder| encoder.push(payload));
                match pushed {
                    Ok(()) => assert!(len <= room),
                    Err(EncodeError::Full { .. }) => assert!(len > room, "{len} bytes would fit {room}"),
                    Err(EncodeError::TooLarge { .. }) => assert!(len > self.encoder.capacity(), "{len} bytes can fit"),
                    Err(error) => panic!("{error}"),
                }
            }
            Deed::Place(payload, more) => {
                let most = payload.len() + more;
                let need = self.encoder.law().expansion(most) + L::PREFIX + L::SUFFIX;
                let room = self.encoder.room();
                let placed = self.attempt(payload, |encoder| {
                    encoder.reserve(most)?[..payload.len()].copy_from_slice(payload);
                    encoder.commit(payload.len())
                });
                assert_eq!(placed.is_ok(), need <= room, "{placed:?}");
            }
            Deed::Stream(payload, piece, sent) => {
                let least = L::PREFIX + L::SUFFIX + L::HELD + self.encoder.law().expansion(1);
                if self.encoder.capacity() < least || payload.is_empty() {
                    return;
                }
                while let Err(error) = self.encoder.begin(Some(payload.len() as u64)) {
                    assert!(matches!(error, EncodeError::Full { .. }), "{error}");
                    self.send(*sent);
                }
                let mut rest = &payload[..];
                while !rest.is_empty() {
                    let n = self.encoder.chunk(&rest[..rest.len().min(*piece)]).unwrap();
                    rest = &rest[n..];
                    if n == 0 {
                        assert!(!self.encoder.pending().is_empty(), "nothing to send, and no room");
                        self.send(*sent);
                    }
                }
                while let Err(error) = self.encoder.end() {
                    assert!(matches!(error, EncodeError::Full { .. }), "{error}");
                    self.send(*sent);
                }
                self.accepted.push(payload.clone());
            }
        }
        assert!(!self.encoder.is_streaming());
    }

    fn finish(mut self) {
        self.send(usize::MAX);
        assert!(self.encoder.pending().is_empty());
        assert_eq!(self.encoder.room(), self.encoder.capacity());
        let mut decoder = Decoder::new(self.encoder.law().clone(), vec![0; 4096]);
        let mut chunk = &self.sent[..];
        let mut got = Vec::new();
        while let Some(frame) = decoder.next(&mut chunk).unwrap() {
            got.push(frame.to_vec());
        }
        assert_eq!(decoder.finish(), Ok(End::Clean));
        assert_eq!(got, self.accepted);
    }
}

fn run<L: Framing + Clone>(law: L, capacity: usize, deeds: &[Deed], carried: impl Fn(u8) -> u8) {
    let encoder = Encoder::new(law, vec![0xEE; capacity]);
    let mut check = Check { encoder, sent: Vec::new(), accepted: Vec::new() };
    for deed in deeds {
        let mut deed = deed.clone();
        if let Deed::Push(payload) | Deed::Place(payload, _) | Deed::Stream(payload, ..) = &mut deed {
            for byte in payload {
                *byte = carried(*byte);
            }
        }
        check.run(&deed);
    }
    check.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_in_is_all_or_nothing_and_comes_back(
        deeds in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 1..30).prop_map(Deed::Push),
                (prop::collection::vec(any::<u8>(), 1..30), 0..6_usize).prop_map(|(payload, more)| Deed::Place(payload, more)),
                (prop::collection::vec(0..4_u8, 1..600), 1..40_usize, 1..9_usize).prop_map(|(p, piece, n)| Deed::Stream(p, piece, n)),
                (0..40_usize).prop_map(Deed::Sent),
            ],
            0..20,
        ),
        capacity in prop_oneof![8..64_usize, 250..300_usize],
    ) {
        run(U32::new(), capacity, &deeds, |byte| byte);
        run(LengthPrefix::<2, LittleEndian, 3>::with_lead([1, 2, 3]), capacity, &deeds, |byte| byte);
        run(Varint::new(), capacity, &deeds, |byte| byte);
        run(Netstring, capacity, &deeds, |byte| byte);
        run(Lines, capacity, &deeds, |byte| byte | 0x40);
        run(Delimited::new(7), capacity, &deeds, |byte| byte | 8);
        run(Slip::new(), capacity, &deeds, |byte| if byte % 3 == 0 { 0xC0 + byte % 32 } else { byte });
        run(Slip::with_leading_end(), capacity, &deeds, |byte| byte);
        run(Cobs, capacity, &deeds, |byte| byte);
        run(Cobs, capacity, &deeds, |byte| byte | 1);
    }

    #[test]
    fn an_outgoing_frame_resumes_after_every_partial_write(
        payload in prop::collection::vec(any::<u8>(), 0..40),
        writes in prop::collection::vec(0..9_usize, 0..40),
    ) {
        fn written<L: Framing>(law: &L, payload: &[u8], writes: &[usize]) -> Vec<u8> {
            let mut frame = Outgoing::new(law, payload).unwrap();
            let mut out = Vec::new();
            for n in writes.iter().chain(&[usize::MAX]) {
                let left = frame.slices().concat();
                assert_eq!(frame.remaining(), left.len());
                let n = *n.min(&left.len());
                out.extend_from_slice(&left[..n]);
                frame.advance(n);
            }
            assert_eq!(frame.remaining(), 0);
            out
        }
        prop_assert_eq!(written(&U32::new(), &payload, &writes), encoded(&U32::new(), &payload));
        prop_assert_eq!(written(&Netstring, &payload, &writes), encoded(&Netstring, &payload));
    }
}

#[cfg(feature = "json")]
#[test]
fn a_header_of_any_length_fits_an_outgoing_frame_with_room_for_it() {
    use framewright::framing::JsonHeader;
    let mut frame = Outgoing::<256>::with_room(&JsonHeader::TEXT, b"{}").unwrap();
    frame.advance(3);
    assert_eq!(frame.slices().concat(), encoded(&JsonHeader::TEXT, b"{}")[3..]);
}

#[test]
fn a_full_encoder_takes_the_frame_when_bytes_were_sent() {
    let mut encoder = Encoder::new(U32::new(), [0; 16]);
    encoder.push(b"12345678").unwrap();
    assert_eq!(encoder.push(b"1"), Err(EncodeError::Full { need: 5, room: 4 }));
    encoder.sent(1);
    encoder.push(b"1").unwrap();
    assert_eq!(encoder.room(), 0);
    assert_eq!(encoder.pending(), b"\0\0\x0812345678\0\0\0\x011");
    assert!(matches!(encoder.push(&[0; 13]), Err(EncodeError::Full { .. } | EncodeError::TooLarge { .. })));
    encoder.sent(16);
    assert_eq!(encoder.push(&[0; 13]), Err(EncodeError::TooLarge { need: 17, capacity: 16 }));
    encoder.push(&[0; 12]).unwrap();
}

#[test]
fn a_frame_that_is_streamed_shuts_out_the_others_until_it_ends() {
    let mut encoder = Encoder::new(U32::new(), [0; 32]);
    encoder.begin(Some(3)).unwrap();
    assert_eq!(encoder.push(b"x"), Err(EncodeError::FrameOpen));
    assert_eq!(encoder.begin(Some(1)), Err(EncodeError::FrameOpen));
    assert_eq!(encoder.reserve(1), Err(EncodeError::FrameOpen));
    assert_eq!(encoder.commit(0), Err(EncodeError::NoFrameOpen));
    assert_eq!(encoder.end(), Err(EncodeError::LengthMismatch { missing: 3 }));
    assert_eq!(encoder.chunk(b"four"), Err(EncodeError::LengthMismatch { missing: 0 }));
    assert_eq!(encoder.chunk(b"on"), Ok(2));
    assert_eq!(encoder.chunk_whole(b"e"), Ok(()));
    assert_eq!(encoder.chunk_whole(b"e"), Err(EncodeError::LengthMismatch { missing: 0 }));
    encoder.end().unwrap();
    assert_eq!(encoder.end(), Err(EncodeError::NoFrameOpen));
    assert_eq!(encoder.chunk(b""), Err(EncodeError::NoFrameOpen));
    encoder.push(b"x").unwrap();
    assert_eq!(encoder.pending(), b"\0\0\0\x03one\0\0\0\x01x");
}

#[test]
fn a_reserved_place_survives_sending_and_can_be_given_up() {
    let mut encoder = Encoder::new(U32::new(), [0; 32]);
    encoder.push(b"first").unwrap();
    encoder.reserve(8).unwrap()[..2].copy_from_slice(b"in");
    encoder.sent(9);
    encoder.commit(2).unwrap();
    assert_eq!(encoder.pending(), b"\0\0\0\x02in");
    encoder.reserve(4).unwrap().copy_from_slice(b"lost");
    encoder.push(b"instead").unwrap();
    assert_eq!(encoder.commit(4), Err(EncodeError::NoFrameOpen));
    assert_eq!(encoder.reserve(3).map(|place| place.len()), Ok(3));
    assert_eq!(encoder.commit(4), Err(EncodeError::NoFrameOpen), "more than was reserved");
    assert_eq!(encoder.pending(), b"\0\0\0\x02in\0\0\0\x07instead");
}

#[test]
fn a_header_with_the_length_needs_the_length() {
    let mut encoder = Encoder::new(U32::new(), [0; 32]);
    assert_eq!(encoder.begin(None), Err(EncodeError::LengthRequired));
    assert!(!encoder.is_streaming() && encoder.pending().is_empty());
    let mut encoder = Encoder::new(Lines, [0; 32]);
    encoder.begin(None).unwrap();
    assert_eq!(encoder.chunk(b"a\nb"), Err(EncodeError::ContainsDelimiter { at: 1 }));
    assert_eq!(encoder.chunk(b"ab"), Ok(2));
    encoder.end().unwrap();
    assert_eq!(encoder.pending(), b"ab\n");
}

#[test]
fn a_piece_that_grows_beyond_the_room_is_not_taken_in_part_when_it_must_be_whole() {
    let mut encoder = Encoder::new(Slip::new(), [0; 8]);
    encoder.begin(None).unwrap();
    assert!(matches!(encoder.chunk_whole(&[0xC0; 4]), Err(EncodeError::Full { .. })));
    assert!(encoder.pending().is_empty());
    encoder.chunk_whole(&[0xC0; 3]).unwrap();
    encoder.chunk_whole(b"x").unwrap();
    assert!(matches!(encoder.chunk_whole(b"x"), Err(EncodeError::Full { .. })));
    encoder.end().unwrap();
    assert_eq!(encoder.pending(), [0xDB, 0xDC, 0xDB, 0xDC, 0xDB, 0xDC, b'x', 0xC0]);
}

#[test]
fn a_reset_encoder_is_as_new() {
    let mut encoder = Encoder::new(Cobs, [0; 300]);
    encoder.begin(None).unwrap();
    encoder.chunk(&[1; 20]).unwrap();
    encoder.reset();
    assert_eq!((encoder.pending(), encoder.room(), encoder.is_streaming()), (&[][..], 300, false));
    encoder.push(b"a").unwrap();
    assert_eq!(encoder.pending(), [2, b'a', 0]);
}

/// Payloads around everything that changes the length of what is written.
fn awkward_payloads() -> Vec<Vec<u8>> {
    let mut payloads = vec![vec![1], vec![0], vec![0xC0], vec![0xDB, 0xC0, 1, 0xDB], vec![0; 9], vec![0xC0; 9]];
    for run in [1, 2, 30, 253, 254, 255, 508, 509] {
        payloads.push(vec![7; run]);
        payloads.push([&vec![7; run][..], &[0, 0xC0]].concat());
        payloads.push([&[0, 0xDB][..], &vec![7; run]].concat());
    }
    payloads
}

/// COBS and SLIP are written in one pass, without a place to write them to first: in whatever room there is, the frame is there whole,
/// or nothing of it.
fn is_whole_or_nothing_at_every_room<L: Framing + Copy>(law: L) {
    for payload in awkward_payloads() {
        let whole = encoded(&law, &payload);
        for waiting in [0, 1, 3] {
            for room in (0..12).chain(whole.len().saturating_sub(4)..whole.len() + 3) {
                let mut encoder = Encoder::new(law, vec![0xEE; waiting + room]);
                if waiting > 0 {
                    // Something else, of which all but `waiting` bytes were sent.
                    let mut before = Encoder::new(law, vec![0xEE; waiting + room + 3]);
                    before.push(&vec![5; waiting]).unwrap();
                    before.sent(before.pending().len() - waiting);
                    encoder = before;
                }
                let (before, free) = (encoder.pending().to_vec(), encoder.room());
                match encoder.push(&payload) {
                    Ok(()) => {
                        assert!(whole.len() <= free);
                        assert_eq!(encoder.pending(), [&before[..], &whole].concat());
                    }
                    Err(EncodeError::Full { .. } | EncodeError::TooLarge { .. }) => {
                        assert!(whole.len() > free, "{} bytes would fit {free}", whole.len());
                        assert_eq!((encoder.pending(), encoder.room()), (&before[..], free));
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}

/// In pieces, through storage of any size from the least that is documented, sent by one byte or by many.
fn goes_in_pieces_through_every_storage<L: Framing + Copy>(law: L) {
    let least = L::PREFIX + L::SUFFIX + L::HELD + law.expansion(1);
    for payload in awkward_payloads() {
        let whole = encoded(&law, &payload);
        for capacity in (least..least + 12).chain([least + 100, 2 * least + 300]) {
            for (piece, most) in [(1, 1), (1000, 1), (7, 5), (1000, 1000)] {
                let mut encoder = Encoder::new(law, vec![0xEE; capacity]);
                let mut written = Vec::new();
                encoder.begin(None).unwrap();
                let mut rest = &payload[..];
                while !rest.is_empty() {
                    let n = encoder.chunk(&rest[..rest.len().min(piece)]).unwrap();
                    rest = &rest[n..];
                    let gone = send(&mut encoder, most, &mut written);
                    assert!(n + gone > 0, "nothing moves in {capacity} bytes");
                }
                while let Err(error) = encoder.end() {
                    assert!(matches!(error, EncodeError::Full { .. }), "{error}");
                    assert!(send(&mut encoder, most, &mut written) > 0, "nothing moves in {capacity} bytes");
                }
                while send(&mut encoder, most, &mut written) > 0 {}
                assert!(written == whole, "{capacity} bytes, pieces of {piece}, {most} sent");
            }
        }
    }
}

fn send<L: Framing>(encoder: &mut Encoder<L, Vec<u8>>, most: usize, to: &mut Vec<u8>) -> usize {
    let n = encoder.pending().len().min(most);
    to.extend_from_slice(&encoder.pending()[..n]);
    encoder.sent(n);
    n
}

#[test]
fn cobs_is_written_in_one_pass_at_every_size_of_room() {
    is_whole_or_nothing_at_every_room(Cobs);
    goes_in_pieces_through_every_storage(Cobs);
}

#[test]
fn slip_is_written_in_one_pass_at_every_size_of_room() {
    is_whole_or_nothing_at_every_room(Slip::new());
    is_whole_or_nothing_at_every_room(Slip::with_leading_end());
    goes_in_pieces_through_every_storage(Slip::new());
    goes_in_pieces_through_every_storage(Slip::with_leading_end());
}

#[test]
fn one_vectored_write_sends_header_payload_and_trailer_and_goes_on_after_a_partial_one() {
    use std::io::{IoSlice, Write};

    /// Takes so many bytes of a write, over the borders of its slices.
    struct Stingy(Vec<u8>, usize);

    impl Write for Stingy {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }
        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> std::io::Result<usize> {
            let before = self.0.len();
            self.0.extend(slices.iter().flat_map(|slice| slice.iter()).take(self.1));
            Ok(self.0.len() - before)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let payload: Vec<u8> = (0..=255).collect();
    for most in (1..10).chain([255, 256, 260, 261, 1000]) {
        let mut writer = Stingy(Vec::new(), most);
        let mut calls = 0;
        let mut frame = Outgoing::new(&Netstring, &payload).unwrap();
        while frame.remaining() > 0 {
            let n = writer.write_vectored(&frame.slices().map(IoSlice::new)).unwrap();
            frame.advance(n);
            calls += 1;
        }
        assert_eq!(writer.0, encoded(&Netstring, &payload), "{most} bytes a write");
        assert_eq!(calls, writer.0.len().div_ceil(most), "{most} bytes a write");
    }
}

#[test]
fn a_payload_in_several_pieces_is_pushed_as_one_frame_or_not_at_all() {
    let mut encoder = Encoder::new(U32::new(), [0; 16]);
    encoder.push_parts(&[b"one ", b"", b"frame"]).unwrap();
    assert_eq!(encoder.pending(), b"\0\0\0\x09one frame");
    assert_eq!(encoder.push_parts(&[b""]), Err(EncodeError::Full { need: 4, room: 3 }));
    encoder.sent(10);
    encoder.push_parts(&[b"four ", b"more"]).unwrap();
    assert_eq!(encoder.pending(), b"ame\0\0\0\x09four more");
}

#[test]
fn what_is_written_under_another_law_joins_what_waits() {
    let mut encoder = Encoder::new(U32::new(), [0; 16]);
    encoder.push(b"a").unwrap();
    encoder.sent(3);
    let refused = encoder.under(Lines, |lines| {
        lines.push(b"fourteen bytes").unwrap_err();
        lines.begin(None).unwrap();
        lines.chunk_whole(b"line").unwrap();
        lines.push(b"x")
    });
    assert_eq!(refused, Err(EncodeError::FrameOpen));
    assert!(encoder.is_streaming());
    encoder.under(Lines, |lines| lines.end().unwrap());
    assert_eq!(encoder.pending(), b"\x01aline\n");
}
