//! Known ways for a decoder to go wrong, one test each. The comment names who went wrong so.

use framewright::framing::{
    BigEndian, Cobs, Framing, LengthPrefix, Lines, LittleEndian, Netstring, Slip, Step, Tail, U32, Varint,
};
use framewright::{
    DecodeError, DecodeErrorKind, Decoder, EncodeError, Encoder, End, Event, Malformed, Need, Oversize, Recovery,
};

/// All whole frames of a stream in one chunk, and the first error that stops it.
fn frames<L: Framing>(decoder: &mut Decoder<L, Vec<u8>>, mut chunk: &[u8]) -> (Vec<Vec<u8>>, Vec<DecodeError>) {
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    loop {
        match decoder.next(&mut chunk) {
            Ok(Some(frame)) => frames.push(frame.to_vec()),
            Ok(None) => return (frames, errors),
            Err(error) => errors.push(error),
        }
    }
}

fn too_long(len: Option<u64>, limit: u64, offset: u64, recovery: Recovery) -> DecodeError {
    DecodeError { kind: DecodeErrorKind::TooLong { len, limit }, offset, recovery }
}

/// tokio-util `FramedRead`: a stream that ends right after a header reads as a clean end. nanopb #212, prost #32: inside one.
#[test]
fn a_stream_that_ends_in_or_behind_a_header_is_truncated() {
    for (stream, have, need) in [
        (&[0][..], 1, None),
        (&[0, 0, 0], 3, None),
        (&[0, 0, 0, 5], 4, Some(9)),
        (&[0, 0, 0, 5, 1, 2, 3, 4], 8, Some(9)),
    ] {
        let mut borrowing = Decoder::new(U32::new(), vec![0; 8]);
        assert_eq!(borrowing.next(&mut &*stream), Ok(None));
        assert_eq!(borrowing.finish(), Ok(End::Truncated { have, need }));
        let mut pushed = Decoder::new(U32::new(), vec![0; 8]);
        pushed.push(stream);
        assert_eq!(pushed.finish(), Ok(End::Truncated { have, need }), "nobody popped before");
        assert_eq!(pushed.finish(), Ok(End::Truncated { have, need }), "the answer stays");
    }
    let mut empty = Decoder::new(U32::new(), vec![0; 8]);
    assert_eq!(empty.finish(), Ok(End::Clean));
    assert_eq!(empty.next(&mut &[0, 0, 0, 0][..]), Ok(Some(&[][..])));
    assert_eq!(empty.finish(), Ok(End::Clean));
}

/// tokio #333, RUSTSEC-2022-0035, RUSTSEC-2026-0154: four bytes on the wire reserve megabytes.
#[test]
fn a_claimed_length_reserves_nothing() {
    let mut decoder = Decoder::new(U32::new(), vec![0; 8]).with_oversize(Oversize::Stream);
    assert_eq!(decoder.next_event(&mut &[0xFF; 4][..]), Ok(Some(Event::Begin { len: Some(u64::from(u32::MAX)) })));
    assert_eq!(decoder.capacity(), 8);
    assert_eq!(decoder.into_parts().storage.len(), 8);
}

/// tokio #4815: the limit was compared before the adjustment was added.
#[test]
fn the_limit_is_that_of_the_payload_not_of_the_number_on_the_wire() {
    let adds_100 = LengthPrefix::<1, BigEndian, 0, 100>::new();
    let mut decoder = Decoder::new(adds_100, vec![0; 256]).with_max_frame(4);
    assert_eq!(decoder.next(&mut &[4; 200][..]), Err(too_long(Some(104), 4, 0, Recovery::Stops)));

    let counts_itself = LengthPrefix::<4, BigEndian, 0, -4>::new();
    let mut decoder = Decoder::new(counts_itself, vec![0; 256]).with_max_frame(4);
    let fits = [0, 0, 0, 8, 1, 2, 3, 4];
    assert_eq!(decoder.next(&mut &fits[..]), Ok(Some(&[1, 2, 3, 4][..])));
}

/// wire-codec, RUSTSEC-2026-0007: `FFFFFFFF` and the header overflow 32 bits. The same with 64.
#[test]
fn the_largest_lengths_do_not_overflow() {
    fn refused<L: Framing + Copy>(law: L, bytes: &[u8], len: u64) {
        for oversize in [Oversize::Fail, Oversize::Skip, Oversize::Stream] {
            let mut decoder = Decoder::new(law, vec![0; 32]).with_oversize(oversize);
            let mut chunk = bytes;
            match (oversize, decoder.next_event(&mut chunk)) {
                (Oversize::Stream, event) => assert_eq!(event, Ok(Some(Event::Begin { len: Some(len) }))),
                (_, error) => {
                    assert_eq!(error.unwrap_err().kind, DecodeErrorKind::TooLong { len: Some(len), limit: 32 });
                }
            }
            let _ = decoder.need();
            let _ = decoder.next_event(&mut &[7; 100][..]);
            let _ = decoder.need();
            assert!(!matches!(decoder.finish(), Ok(End::Clean)));
        }
    }
    refused(LengthPrefix::<4>::new(), &[0xFF; 4], u64::from(u32::MAX));
    refused(LengthPrefix::<8>::new(), &[0xFF; 8], u64::MAX);
    refused(LengthPrefix::<8, LittleEndian, 8>::new(), &[0xFF; 16], u64::MAX);
    refused(LengthPrefix::<8, BigEndian, 0, -8>::new(), &[0xFF; 8], u64::MAX - 8);
    refused(LengthPrefix::<4, BigEndian, 0, 100>::new(), &[0xFF; 4], u64::from(u32::MAX) + 100);
    let mut decoder = Decoder::new(LengthPrefix::<8, BigEndian, 0, 1>::new(), vec![0; 32]);
    let error = decoder.next(&mut &[0xFF; 8][..]).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::LengthOutOfRange));
}

/// RUSTSEC-2024-0365, tokio #5080: the length was cut to the width of the header when encoding.
#[test]
fn a_payload_that_the_header_cannot_say_is_refused_before_a_byte_is_written() {
    let payload = vec![1; 70_000];
    let mut encoder = Encoder::new(LengthPrefix::<1>::new(), vec![0; 100_000]);
    assert_eq!(encoder.push(&payload[..256]), Err(EncodeError::TooLong { len: 256, max: 255 }));
    assert_eq!(encoder.begin(Some(256)), Err(EncodeError::TooLong { len: 256, max: 255 }));
    encoder.reserve(256).unwrap();
    assert_eq!(encoder.commit(256), Err(EncodeError::TooLong { len: 256, max: 255 }));
    assert!(encoder.pending().is_empty());
    encoder.push(&payload[..255]).unwrap();
    let mut encoder = Encoder::new(LengthPrefix::<2>::new(), vec![0; 100_000]);
    assert_eq!(encoder.push(&payload), Err(EncodeError::TooLong { len: 70_000, max: 65_535 }));
    assert!(encoder.pending().is_empty());
}

/// postcard's `CobsAccumulator` after `OverFull`; Saikuro #80: the tail of an over-long frame is parsed as new frames.
#[test]
fn the_tail_of_an_over_long_frame_is_never_taken_for_frames() {
    // A payload that looks like frames all through.
    let mut stream = vec![0, 0, 0, 40];
    stream.extend([0, 0, 0, 0].repeat(10));
    stream.extend([0, 0, 0, 1, b'x']);
    let mut decoder = Decoder::new(U32::new(), vec![0; 8]).with_oversize(Oversize::Skip);
    let (got, errors) = frames(&mut decoder, &stream);
    assert_eq!((got, errors), (vec![b"x".to_vec()], vec![too_long(Some(40), 8, 0, Recovery::Skips)]));

    let mut decoder = Decoder::new(Cobs, vec![0; 4]).with_oversize(Oversize::Skip);
    let (got, errors) = frames(&mut decoder, &[7, 1, 1, 1, 1, 1, 1, 3, 1, 2, 0, 2, 9, 0]);
    assert_eq!((got, errors), (vec![vec![9]], vec![too_long(None, 3, 0, Recovery::Skips)]));
}

/// framez `BufferTooSmall`, serial-line-ip, tokio #1483, #3976: the same error again and again, or a loop.
#[test]
fn a_fatal_error_is_reported_once_and_then_nothing_moves_until_reset() {
    let mut decoder = Decoder::new(U32::new(), vec![0; 8]);
    let mut chunk: &[u8] = &[0, 0, 0, 9, 1, 2, 3];
    assert_eq!(decoder.next(&mut chunk), Err(too_long(Some(9), 8, 0, Recovery::Stops)));
    let left = chunk;
    assert!(decoder.is_stopped());
    assert_eq!(decoder.next(&mut chunk), Ok(None));
    assert_eq!(decoder.next_event(&mut chunk), Ok(None));
    assert_eq!(decoder.push(b"x"), 0);
    assert_eq!(decoder.pop(), Ok(None));
    assert_eq!(decoder.push_byte(0), Ok(None));
    assert!(decoder.spare_mut().is_empty());
    decoder.commit(4);
    assert_eq!(decoder.pop(), Ok(None));
    assert_eq!(decoder.finish(), Ok(End::Stopped));
    assert_eq!(chunk, left, "a stopped decoder takes nothing");
    decoder.reset();
    assert_eq!((decoder.position(), decoder.unread()), (0, 0));
    assert_eq!(decoder.next(&mut &[0, 0, 0, 1, 5][..]), Ok(Some(&[5][..])));
}

/// cobs `CobsDecoder`: good frames behind a bad one in the same chunk are lost, for want of a consumed count.
#[test]
fn good_frames_behind_a_bad_one_in_the_same_chunk_are_delivered() {
    let mut decoder = Decoder::new(Cobs, vec![0; 16]);
    let (got, errors) = frames(&mut decoder, &[2, 1, 0, 9, 1, 0, 2, 2, 0, 2, 3, 0]);
    assert_eq!(got, [[1], [2], [3]]);
    let kind = DecodeErrorKind::Malformed(Malformed::Zero);
    assert_eq!(errors, [DecodeError { kind, offset: 3, recovery: Recovery::Skips }]);

    let mut decoder = Decoder::new(Slip::new(), vec![0; 4]).with_oversize(Oversize::Skip);
    let (got, errors) = frames(&mut decoder, b"a\xC0bcdefgh\xC0i\xC0\xDB\xDB\xC0j\xC0");
    assert_eq!(got, [b"a", b"i", b"j"]);
    assert_eq!(errors.iter().map(|error| error.offset).collect::<Vec<_>>(), [2, 12]);

    let mut decoder = Decoder::new(Lines, vec![0; 4]).with_oversize(Oversize::Skip);
    let (got, errors) = frames(&mut decoder, b"a\nbcde\nf\nghijklmn\no\n");
    assert_eq!(got, [b"a", b"f", b"o"]);
    assert_eq!(errors, [too_long(None, 3, 2, Recovery::Skips), too_long(None, 3, 9, Recovery::Skips)]);
}

/// cobs `CobsDecoder`: a truncated frame is delivered as good after the buffer was too small.
#[test]
fn no_part_of_a_frame_is_delivered_as_a_frame() {
    for step in 1..12 {
        let mut decoder = Decoder::new(Cobs, vec![0; 4]).with_oversize(Oversize::Skip);
        let stream = [8, 1, 2, 3, 4, 5, 6, 7, 0, 2, 9, 0];
        let mut got = Vec::new();
        for piece in stream.chunks(step) {
            got.extend(frames(&mut decoder, piece).0);
        }
        assert_eq!(got, [[9]], "pieces of {step}");
    }
}

/// slip-codec: a capacity of 8 let a frame of 700 bytes through, in pieces shorter than 8.
#[test]
fn the_capacity_counts_for_a_frame_not_for_a_call() {
    let mut decoder = Decoder::new(Slip::new(), vec![0; 9]);
    let mut errors = Vec::new();
    for _ in 0..100 {
        let (got, failed) = frames(&mut decoder, b"1234567");
        assert!(got.is_empty());
        errors.extend(failed);
    }
    assert_eq!(errors, [too_long(None, 8, 0, Recovery::Stops)]);
}

/// asynchronous-codec, netty #759, #7202: the whole buffer is searched again at each read, which is quadratic. The law is asked
/// for each byte a bounded number of times.
#[test]
fn a_slow_drip_is_searched_once() {
    use core::cell::Cell;

    /// Lines, counting the bytes that it is shown.
    #[derive(Debug, Default)]
    struct Counted(Cell<usize>);
    impl Framing for Counted {
        type State = <Lines as Framing>::State;
        const PREFIX: usize = 0;
        const SUFFIX: usize = 1;
        fn step(&self, state: &mut Self::State, input: &[u8]) -> Result<Step, Malformed> {
            self.0.set(self.0.get() + input.len());
            Lines.step(state, input)
        }
        fn whole(&self, input: &[u8]) -> Option<framewright::framing::Whole> {
            self.0.set(self.0.get() + input.len());
            Lines.whole(input)
        }
        fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }

    const LINE: usize = 100_000;
    let mut decoder = Decoder::new(Counted::default(), vec![0; LINE + 1]);
    for i in 0..LINE / 10 {
        decoder.push(b"0123456789");
        assert_eq!(decoder.pop(), Ok(None), "after {i} reads");
    }
    decoder.push(b"\n");
    assert_eq!(decoder.pop().unwrap().unwrap().len(), LINE);
    let shown = decoder.law().0.get();
    assert!(shown <= 3 * LINE, "{shown} bytes were looked at for a line of {LINE}");
}

/// framez: compaction only when completely full, so that reads get smaller and smaller.
#[test]
fn there_is_always_room_for_a_good_read() {
    let message = [&[0, 0, 0, 60][..], &[9; 60]].concat();
    let stream = message.repeat(200);
    let mut decoder = Decoder::new(U32::new(), vec![0; 256]);
    let (mut rest, mut reads, mut got) = (&stream[..], 0, 0);
    while !rest.is_empty() {
        let spare = decoder.spare_mut();
        let n = spare.len().min(rest.len());
        spare[..n].copy_from_slice(&rest[..n]);
        decoder.commit(n);
        rest = &rest[n..];
        reads += 1;
        while decoder.pop().unwrap().is_some() {
            got += 1;
        }
    }
    assert_eq!(got, 200);
    assert!(reads <= 2 * stream.len() / 256, "{reads} reads for {} bytes", stream.len());
}

/// RUSTSEC-2026-0258 (h2): floods of empty frames.
#[test]
fn a_flood_of_empty_frames_is_stopped_where_asked() {
    let mut decoder = Decoder::new(U32::new(), vec![0; 8]).with_max_empty(3);
    let calm = [&[0; 12][..], &[0, 0, 0, 1, 7], &[0; 12], &[0, 0, 0, 1, 7]].concat();
    assert_eq!(frames(&mut decoder, &calm).0.len(), 8);
    let (got, errors) = frames(&mut decoder, &[0; 400]);
    assert_eq!(got.len(), 3);
    let kind = DecodeErrorKind::EmptyFlood { limit: 3 };
    assert_eq!(errors, [DecodeError { kind, offset: calm.len() as u64 + 12, recovery: Recovery::Stops }]);
}

/// The same, where frames are not empty: whoever calls decides how many he takes before he looks at something else.
#[test]
fn a_call_delivers_one_frame_however_many_have_come() {
    let stream = [0, 0, 0, 1, 7].repeat(1000);
    let mut decoder = Decoder::new(U32::new(), vec![0; 5000]);
    let mut chunk = &stream[..];
    for taken in 1..=3 {
        assert_eq!(decoder.next(&mut chunk), Ok(Some(&[7][..])));
        assert_eq!((chunk.len(), decoder.position()), (5000 - 5 * taken, 5 * taken as u64));
    }
    assert_eq!(decoder.push(&stream), 5000);
    for taken in 1..=3 {
        assert_eq!(decoder.pop(), Ok(Some(&[7][..])));
        assert_eq!(decoder.unread(), 5000 - 5 * taken);
    }
}

/// CVE-2020-16845: an unbounded varint.
#[test]
fn a_varint_ends_within_ten_bytes() {
    let mut decoder = Decoder::new(Varint::new(), vec![0; 64]);
    let mut taken = 0;
    let error = loop {
        match decoder.push_byte(0x80) {
            Ok(frame) => assert_eq!(frame, None),
            Err(error) => break error,
        }
        taken += 1;
        assert!(taken < 10, "still hoping after {taken} bytes");
    };
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::LengthOutOfRange));
}

/// The same for the digits of a netstring.
#[test]
fn a_netstrings_length_ends_within_twenty_digits() {
    let mut decoder = Decoder::new(Netstring, vec![0; 64]);
    let error = (0..30).find_map(|_| decoder.push_byte(b'1').err()).expect("refused");
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::LengthOutOfRange));
    assert!(decoder.position() <= 21);
}

/// smoltcp #797: bytes that wrap around the end of a ring never come together.
#[test]
fn the_two_parts_of_a_ring_are_fed_in_turn() {
    let message = [0, 0, 0, 6, 1, 2, 3, 4, 5, 6];
    for cut in 0..=message.len() {
        let (front, back) = message.split_at(cut);
        let mut decoder = Decoder::new(U32::new(), vec![0; 6]);
        let mut got = Vec::new();
        for part in [front, back, front, back] {
            got.extend(frames(&mut decoder, part).0);
        }
        assert_eq!(got, [message[4..].to_vec(), message[4..].to_vec()], "cut at {cut}");
    }
}

/// firedancer #8993, bbqueue #129: a frame that is allowed and does not fit locks up.
#[test]
fn a_frame_that_never_fits_is_an_error_and_not_a_wait() {
    let mut decoder = Decoder::new(U32::new(), vec![0; 8]).with_max_frame(1000);
    assert_eq!(decoder.max_frame(), 8, "no more is accepted than fits");
    assert_eq!(decoder.push(&[0, 0, 0, 9, 1, 2, 3, 4]), 8);
    assert_eq!(decoder.pop(), Err(too_long(Some(9), 8, 0, Recovery::Stops)));

    let mut decoder = Decoder::new(Lines, vec![0; 8]);
    assert_eq!(decoder.push(b"12345678"), 8);
    assert_eq!(decoder.pop(), Err(too_long(None, 7, 0, Recovery::Stops)));
}

/// A header behind skipped bytes that claims all there is: sums of lengths saturate.
#[test]
fn a_law_of_the_users_may_claim_any_length_behind_any_bytes() {
    #[derive(Clone, Copy, Debug)]
    struct Synced;
    impl Framing for Synced {
        type State = ();
        const PREFIX: usize = 2;
        fn step(&self, (): &mut (), input: &[u8]) -> Result<Step, Malformed> {
            Ok(match input {
                [] => Step::Need(1),
                [b'~', ..] => Step::Begin { take: 1, len: u64::MAX },
                _ => Step::Skip(1),
            })
        }
        fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }
    let mut decoder = Decoder::new(Synced, vec![0; 8]).with_oversize(Oversize::Stream);
    assert_eq!(decoder.next_event(&mut &b"noise~"[..]), Ok(Some(Event::Begin { len: Some(u64::MAX) })));
    assert_eq!(decoder.finish(), Ok(End::Truncated { have: 6, need: Some(u64::MAX) }));
}

/// A law that asks for what it has, or takes nothing for ever, is stopped.
#[test]
fn a_broken_law_is_stopped_and_does_not_hang_its_decoder() {
    #[derive(Clone, Copy, Debug)]
    struct Broken<const COUNTED: bool>(Step);
    impl<const COUNTED: bool> Framing for Broken<COUNTED> {
        type State = ();
        const PREFIX: usize = 1;
        const COUNTED: bool = COUNTED;
        fn step(&self, (): &mut (), _: &[u8]) -> Result<Step, Malformed> {
            Ok(self.0)
        }
        fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }
    fn check<const COUNTED: bool>(step: Step) {
        let mut decoder = Decoder::new(Broken::<COUNTED>(step), vec![0; 8]).with_oversize(Oversize::Stream);
        let error = decoder.next_event(&mut &b"abc"[..]).unwrap_err();
        let stalled = DecodeErrorKind::Malformed(Malformed::Stalled);
        assert_eq!((error.kind, error.recovery), (stalled, Recovery::Stops), "{step:?}");
    }
    for step in [
        Step::Need(0),
        Step::Need(1),
        Step::Need(3),
        Step::Skip(0),
        Step::Idle(0),
        Step::Data(0),
        Step::Begin { take: 0, len: 0 },
        Step::End { data: 0, take: 0 },
    ] {
        check::<false>(step);
        check::<true>(step);
    }
}

/// "At least" is never too many, and "exactly" completes the frame: what a blocking reader asks its socket for.
#[test]
fn what_is_needed_is_never_overstated_and_exactly_is_exact() {
    fn check<L: Framing>(law: L, stream: &[u8], frames_in_it: usize) {
        let mut decoder = Decoder::new(law, vec![0; 64]);
        let (mut at, mut got) = (0, 0);
        while at < stream.len() {
            let (n, exact) = match decoder.need() {
                Need::AtLeast(n) => (n, false),
                Need::Exactly(n) => (n, true),
            };
            let n = usize::try_from(n).unwrap();
            assert!(n > 0 && at + n <= stream.len(), "{n} bytes at {at}");
            // One byte less completes nothing.
            decoder.push(&stream[at..at + n - 1]);
            assert_eq!(decoder.pop(), Ok(None), "{} bytes at {at} were enough", n - 1);
            decoder.push(&stream[at + n - 1..at + n]);
            let complete = decoder.pop().unwrap().is_some();
            assert!(complete || !exact, "{n} bytes at {at} were not enough");
            got += usize::from(complete);
            at += n;
        }
        assert_eq!(got, frames_in_it);
    }
    check(U32::new(), &[0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 1, 9], 3);
    check(LengthPrefix::<2, LittleEndian, 3, -5>::new(), &[1, 2, 3, 7, 0, 8, 9, 1, 2, 3, 5, 0], 2);
    check(Netstring, b"5:hello,0:,12:hello, world,", 3);
    check(Varint::new(), &[3, 1, 2, 3, 0, 1, 1], 3);
    check(Lines, b"ab\r\n\ncd\n", 3);
}

/// An interrupt handler has one byte at a time, and nobody to bring it again.
#[test]
fn a_byte_that_makes_a_line_too_long_does_not_swallow_the_next() {
    let mut decoder = Decoder::new(Lines, vec![0; 4]).with_oversize(Oversize::Skip);
    let mut got = Vec::new();
    for &byte in b"abcd\nxy\nabcde\rf\nz\n" {
        match decoder.push_byte(byte) {
            Ok(Some(line)) => got.push(Ok(line.to_vec())),
            Ok(None) => {}
            Err(error) => got.push(Err(error.offset)),
        }
    }
    assert_eq!(got, [Err(0), Ok(b"xy".to_vec()), Err(8), Ok(b"z".to_vec())]);
}

/// A CR at the end of one read, and the buffer filled to the brim by the next.
#[test]
fn a_held_back_cr_finds_its_place_when_the_storage_is_full() {
    for before in 0..4 {
        for fill in [Decoder::push, |decoder: &mut Decoder<Lines, Vec<u8>>, bytes: &[u8]| {
            let spare = decoder.spare_mut();
            let n = spare.len().min(bytes.len());
            spare[..n].copy_from_slice(&bytes[..n]);
            decoder.commit(n);
            n
        }] {
            let mut decoder = Decoder::new(Lines, vec![0; 8]);
            let start = [&b"aaa"[..before], b"\r"].concat();
            fill(&mut decoder, &start);
            assert_eq!(decoder.pop(), Ok(None));
            fill(&mut decoder, b"b\ncccccccccc");
            assert_eq!(decoder.pop(), Ok(Some(&[&start[..], b"b"].concat()[..])));
        }
    }
}

#[test]
fn a_reset_inside_a_streamed_frame_leaves_nothing_of_it_for_the_limits_of_the_next() {
    type Limited = fn(Decoder<U32, Vec<u8>>) -> Decoder<U32, Vec<u8>>;
    let limits: [(Limited, _); 2] = [
        (|decoder| decoder.with_min_frame(1), DecodeErrorKind::TooShort { len: 0, min: 1 }),
        (|decoder| decoder.with_max_empty(0), DecodeErrorKind::EmptyFlood { limit: 0 }),
    ];
    for (limited, kind) in limits {
        let mut decoder = limited(Decoder::new(U32::new(), vec![0; 64]).with_oversize(Oversize::Stream));
        let mut chunk: &[u8] = &[0, 0, 0, 100, 1, 2, 3, 4];
        assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::Begin { len: Some(100) })));
        assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::Chunk(&[1, 2, 3, 4]))));
        decoder.reset();
        let mut chunk: &[u8] = &[0, 0, 0, 0];
        let error = decoder.next_event(&mut chunk).expect_err("an empty frame is refused");
        assert_eq!((error.kind, error.offset), (kind, 0));
    }
}
