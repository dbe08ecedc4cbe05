//! Length prefixes beside `LengthDelimitedCodec` of tokio-util.

use bytes::{Bytes, BytesMut};
use framewright::framing::{BigEndian, Endian, LengthPrefix, LittleEndian};
use framewright::{EncodeError, Encoder, Oversize};
use proptest::prelude::*;
use tokio_util::codec::{Decoder as _, Encoder as _, LengthDelimitedCodec};

use crate::{Ending, Item, Reading, Refusal, Rules, cuts, ours, pieces, try_all};

/// Its codec for the same law. Its limit is that of the number on the wire.
pub(crate) fn codec<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64>(
    wire_limit: usize,
) -> LengthDelimitedCodec {
    let mut builder = LengthDelimitedCodec::builder();
    builder
        .length_field_length(WIDTH)
        .length_field_offset(OFFSET)
        .length_adjustment(isize::try_from(ADJUST).expect("small"))
        .max_frame_length(wire_limit);
    if E::BIG { builder.big_endian() } else { builder.little_endian() }.new_codec()
}

/// What it makes of a stream.
pub(crate) fn theirs(mut codec: LengthDelimitedCodec, stream: &[u8], cuts: &[usize]) -> Reading {
    let mut reading = Reading::default();
    let mut buffer = BytesMut::new();
    for piece in pieces(stream, cuts) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => reading.frame(frame),
                Ok(None) => break,
                Err(error) => {
                    reading.refused(match error.kind() {
                        std::io::ErrorKind::InvalidData => Refusal::TooLong { len: 0, limit: 0 },
                        std::io::ErrorKind::InvalidInput => Refusal::OutOfRange,
                        other => panic!("{other}"),
                    });
                    reading.ending = Ending::Stopped;
                    return reading;
                }
            }
        }
    }
    match codec.decode_eof(&mut buffer) {
        Ok(None) => {}
        Ok(Some(frame)) => panic!("{frame:?} was there before"),
        Err(_) => reading.ending = Ending::Truncated { have: 0, need: None },
    }
    reading
}

/// A header that says `wire`.
pub(crate) fn header<const WIDTH: usize, E: Endian, const OFFSET: usize>(wire: u64) -> Vec<u8> {
    let mut header = vec![0xEE; OFFSET];
    if E::BIG {
        header.extend(&wire.to_be_bytes()[8 - WIDTH..]);
    } else {
        header.extend(&wire.to_le_bytes()[..WIDTH]);
    }
    header
}

/// Frames, some over the limit, some with a length below zero; then perhaps noise.
fn streams<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64>() -> impl Strategy<Value = Vec<u8>> {
    let frame =
        prop_oneof![20 => 0..40_u64, 1 => Just(u64::MAX >> (64 - 8 * WIDTH)), 1 => 40..90_u64].prop_flat_map(|wire| {
            let len = usize::try_from(i64::try_from(wire).unwrap_or(90).min(90).saturating_add(ADJUST).max(0));
            prop::collection::vec(any::<u8>(), len.expect("small"))
                .prop_map(move |payload| [header::<WIDTH, E, OFFSET>(wire), payload].concat())
        });
    let noise = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 0..12)];
    (prop::collection::vec(frame, 0..8), noise, 0..20_usize).prop_map(|(frames, noise, lost)| {
        let mut stream = [frames.concat(), noise].concat();
        if lost < 10 {
            stream.truncate(stream.len().saturating_sub(lost));
        }
        stream
    })
}

/// It does not see that a stream ends inside a frame when that is right behind the header.
fn as_it_sees_the_end(mut reading: Reading, header: usize) -> Reading {
    if matches!(reading.ending, Ending::Truncated { have, need: Some(_) } if have == header as u64) {
        reading.ending = Ending::Clean;
    }
    reading.without_lengths().without_rest()
}

fn decode_alike<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64>() {
    // From here up its limit, less what the adjustment takes, is a limit of ours.
    let least = usize::try_from(ADJUST.unsigned_abs()).expect("small");
    let strategy = (streams::<WIDTH, E, OFFSET, ADJUST>(), least..60, cuts());
    try_all(750, strategy, |(stream, wire_limit, cuts)| {
        let max_frame = u64::try_from(wire_limit).unwrap().checked_add_signed(ADJUST).expect("not below zero");
        let expected = theirs(codec::<WIDTH, E, OFFSET, ADJUST>(wire_limit), &stream, &cuts);
        let law = LengthPrefix::<WIDTH, E, OFFSET, ADJUST>::new();
        // Once with storage for the longest frame, and once with hardly any, streaming.
        for (storage, oversize) in [(200, Oversize::Fail), (OFFSET + WIDTH, Oversize::Stream)] {
            let reading = ours(law, Rules { storage, oversize, max_frame }, &stream, &cuts);
            prop_assert_eq!(as_it_sees_the_end(reading, OFFSET + WIDTH), expected.clone(), "{:?}", oversize);
        }
        Ok(())
    });
}

fn encode_alike<const WIDTH: usize, E: Endian, const ADJUST: i64>() {
    let mut encoder = Encoder::new(LengthPrefix::<WIDTH, E, 0, ADJUST>::new(), vec![0; 80_000]);
    for len in (0..300).chain([65_525, 65_530, 65_535, 65_536, 65_540, 70_000]) {
        let payload: Vec<u8> = (0_u32..len).map(|n| n.to_le_bytes()[0]).collect();
        let mut theirs = BytesMut::new();
        let mut codec = codec::<WIDTH, E, 0, ADJUST>(usize::MAX);
        let pushed = encoder.push(&payload);
        if codec.encode(Bytes::from(payload), &mut theirs).is_ok() {
            assert_eq!(pushed, Ok(()), "{len} bytes");
            assert!(encoder.pending() == theirs, "{len} bytes");
        } else {
            assert!(matches!(pushed, Err(EncodeError::TooLong { .. })), "{len} bytes");
            assert!(encoder.pending().is_empty() && theirs.is_empty());
        }
        encoder.reset();
    }
}

macro_rules! the_same_frames_and_errors {
    ($($name:ident: $width:literal, $endian:ty, $offset:literal, $adjust:literal;)*) => {$(
        #[test]
        fn $name() {
            decode_alike::<$width, $endian, $offset, $adjust>();
        }
    )*};
}

the_same_frames_and_errors! {
    u8_lengths_decode_alike: 1, BigEndian, 0, 0;
    u16_lengths_decode_alike: 2, BigEndian, 0, 0;
    u16_little_endian_lengths_decode_alike: 2, LittleEndian, 0, 0;
    u24_lengths_decode_alike: 3, BigEndian, 0, 0;
    u32_lengths_decode_alike: 4, BigEndian, 0, 0;
    u32_little_endian_lengths_decode_alike: 4, LittleEndian, 0, 0;
    u64_lengths_decode_alike: 8, BigEndian, 0, 0;
    lengths_behind_other_bytes_decode_alike: 2, BigEndian, 3, 0;
    lengths_that_count_themselves_decode_alike: 4, BigEndian, 0, -4;
    lengths_that_count_a_header_decode_alike: 3, LittleEndian, 5, -8;
    lengths_that_count_less_than_the_payload_decode_alike: 2, LittleEndian, 1, 7;
}

#[test]
fn lengths_of_every_width_encode_alike_and_too_long_is_refused_by_both() {
    encode_alike::<1, BigEndian, 0>();
    encode_alike::<2, BigEndian, 0>();
    encode_alike::<2, LittleEndian, 0>();
    encode_alike::<3, LittleEndian, 0>();
    encode_alike::<4, BigEndian, 0>();
    encode_alike::<8, LittleEndian, 0>();
    encode_alike::<1, BigEndian, -1>();
    encode_alike::<2, BigEndian, -2>();
}

#[test]
fn the_check_can_fail() {
    let stream = [header::<4, BigEndian, 0>(3), b"abc".to_vec()].concat();
    let rules = Rules { storage: 8, oversize: Oversize::Fail, max_frame: 8 };
    let reading = ours(LengthPrefix::<4>::new(), rules, &stream, &[30_000]);
    assert_eq!(reading.items, [Item::Frame(b"abc".to_vec())]);
    assert_ne!(theirs(codec::<4, BigEndian, 0, 0>(2), &stream, &[]), reading);
}
