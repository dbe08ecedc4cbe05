//! Length prefixes, varints and a delimiter beside the framers of wire-codec.

use framewright::framing::{BigEndian, Delimited, Endian, Framing, LengthPrefix, LittleEndian, Varint};
use framewright::{EncodeError, Encoder, Oversize};
use proptest::prelude::*;
use wire_codec::framing::{self, Framer, LengthPrefixed, LengthWidth, StreamDecoder, VarintPrefixed};
use wire_codec::{Error, WriteBuf};

use crate::tokio_lengths::header;
use crate::{Ending, Reading, Refusal, Rules, cuts, ours, pieces, try_all};

/// What a framer makes of a stream.
pub(crate) fn theirs<F: Framer>(framer: F, stream: &[u8], cuts: &[usize]) -> Reading {
    let mut decoder = StreamDecoder::new(framer);
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    for piece in pieces(stream, cuts) {
        buffer.extend_from_slice(piece);
        loop {
            let consumed = match decoder.decode(&buffer) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    reading.frame(frame.payload());
                    frame.consumed()
                }
                Err(error) => {
                    reading.refused(match error {
                        Error::FrameTooLarge { len, limit } => {
                            Refusal::TooLong { len: len as u64, limit: limit as u64 }
                        }
                        Error::InvalidLengthPrefix | Error::VarintOverflow => Refusal::OutOfRange,
                        Error::InvalidEncoding => Refusal::NonCanonical,
                        other => panic!("{other}"),
                    });
                    reading.ending = Ending::Stopped;
                    return reading;
                }
            };
            buffer.drain(..consumed);
        }
    }
    if !buffer.is_empty() {
        // Nothing is taken of a frame before it is whole.
        reading.ending = Ending::Truncated { have: buffer.len() as u64, need: None };
    }
    reading
}

/// It does not say how long the last frame would be.
fn without_need(mut reading: Reading) -> Reading {
    if let Ending::Truncated { need, .. } = &mut reading.ending {
        *need = None;
    }
    reading
}

/// With storage for the longest frame, and streamed through as good as none.
fn check<L: Framing + Clone, F: Framer + Clone>(
    law: &L,
    framer: &F,
    limit: usize,
    stream: &[u8],
    cuts: &[usize],
) -> Result<(), TestCaseError> {
    let expected = theirs(framer.clone(), stream, cuts);
    let rules = Rules { storage: limit + L::PREFIX + 1, oversize: Oversize::Fail, max_frame: limit as u64 };
    prop_assert_eq!(without_need(ours(law.clone(), rules, stream, cuts)), expected.clone());
    let rules = Rules { storage: L::PREFIX + 1, oversize: Oversize::Stream, ..rules };
    let streamed = without_need(ours(law.clone(), rules, stream, cuts));
    prop_assert_eq!(streamed, expected);
    Ok(())
}

/// Frames with these headers, and noise.
fn streams(header: impl Fn(u64) -> Vec<u8> + Clone, widest: u64, adjust: i64) -> impl Strategy<Value = Vec<u8>> {
    let wire = prop_oneof![20 => 0..40_u64, 1 => 40..90_u64, 1 => any::<u64>().prop_map(move |wire| wire & widest)];
    let frame = wire.prop_flat_map(move |wire| {
        let header = header(wire);
        let len = i64::try_from(wire).unwrap_or(90).min(90).saturating_add(adjust).max(0);
        prop::collection::vec(any::<u8>(), usize::try_from(len).expect("small"))
            .prop_map(move |payload| [&header[..], &payload].concat())
    });
    let noise = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 0..14)];
    (prop::collection::vec(frame, 0..8), noise, 0..20_usize).prop_map(|(frames, noise, lost)| {
        let mut stream = [frames.concat(), noise].concat();
        if lost < 10 {
            stream.truncate(stream.len().saturating_sub(lost));
        }
        stream
    })
}

fn prefixed<E: Endian>(width: LengthWidth, limit: usize, adjust: i64) -> LengthPrefixed {
    let endian = if E::BIG { framing::Endian::Big } else { framing::Endian::Little };
    LengthPrefixed::new(width, endian).with_max_payload(limit as u64).with_length_adjustment(adjust)
}

fn lengths_alike<const WIDTH: usize, E: Endian, const ADJUST: i64>(width: LengthWidth) {
    let streams = streams(header::<WIDTH, E, 0>, width.max_payload(), ADJUST);
    try_all(1000, (streams, 0..70_usize, cuts()), |(stream, limit, cuts)| {
        let framer = prefixed::<E>(width, limit, ADJUST);
        check(&LengthPrefix::<WIDTH, E, 0, ADJUST>::new(), &framer, limit, &stream, &cuts)
    });
    for len in (0..300).chain([65_530, 65_535, 65_536, 70_000]) {
        encode_alike(LengthPrefix::<WIDTH, E, 0, ADJUST>::new(), &prefixed::<E>(width, usize::MAX, ADJUST), len);
    }
}

/// Both write the same, or neither writes anything.
fn encode_alike<L: Framing>(law: L, framer: &impl Framer, len: usize) {
    let payload = vec![5; len];
    let mut place = vec![0; 80_000];
    let mut out = WriteBuf::new(&mut place);
    let mut encoder = Encoder::new(law, vec![0; 80_000]);
    match (encoder.push(&payload), framer.write_frame(&payload, &mut out)) {
        (Ok(()), Ok(())) => assert!(encoder.pending() == out.written(), "{len} bytes"),
        (
            Err(EncodeError::TooLong { .. } | EncodeError::TooShort { .. }),
            Err(Error::FrameTooLarge { .. } | Error::InvalidLengthPrefix),
        ) => {
            assert!(encoder.pending().is_empty() && out.written().is_empty(), "{len} bytes");
        }
        other => panic!("{len} bytes: {other:?}"),
    }
}

#[test]
fn lengths_of_every_width_order_and_adjustment_are_read_and_written_alike() {
    lengths_alike::<1, BigEndian, 0>(LengthWidth::U8);
    lengths_alike::<2, BigEndian, 0>(LengthWidth::U16);
    lengths_alike::<2, LittleEndian, 0>(LengthWidth::U16);
    lengths_alike::<3, BigEndian, 0>(LengthWidth::U24);
    lengths_alike::<3, LittleEndian, 0>(LengthWidth::U24);
    lengths_alike::<4, BigEndian, 0>(LengthWidth::U32);
    lengths_alike::<4, LittleEndian, -4>(LengthWidth::U32);
    lengths_alike::<8, BigEndian, 0>(LengthWidth::U64);
    lengths_alike::<8, LittleEndian, -8>(LengthWidth::U64);
    lengths_alike::<4, BigEndian, 9>(LengthWidth::U32);
}

/// A length as a varint, in `extra` bytes more than it needs.
fn varint(mut len: u64, extra: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while len > 0x7F {
        bytes.push(len.to_le_bytes()[0] | 0x80);
        len >>= 7;
    }
    bytes.push(len.to_le_bytes()[0]);
    for _ in 0..extra {
        *bytes.last_mut().expect("one at least") |= 0x80;
        bytes.push(0);
    }
    bytes
}

#[test]
fn varints_are_read_and_written_alike_strict_and_padded() {
    for extra in [0, 1, 3] {
        let streams = streams(move |len| varint(len, extra), u64::MAX, 0);
        try_all(1000, (streams, 0..70_usize, cuts()), |(stream, limit, cuts)| {
            let framer = VarintPrefixed::new().with_max_payload(limit);
            check(&Varint::new(), &framer, limit, &stream, &cuts)?;
            check(&Varint::accepting_padded(), &framer.with_canonical(false), limit, &stream, &cuts)
        });
    }
    for len in (0..300).chain([16_383, 16_384, 70_000]) {
        encode_alike(Varint::new(), &VarintPrefixed::new(), len);
    }
}

#[test]
fn chunks_between_a_delimiter_are_read_and_written_alike() {
    let streams = prop::collection::vec(prop_oneof![1 => Just(0x1E), 5 => any::<u8>()], 0..200);
    try_all(1500, (streams, 0..40_usize, cuts()), |(mut stream, limit, cuts)| {
        // It sees that a chunk is too long one byte later than we, which is a difference.
        let rest = stream.iter().rev().take_while(|byte| **byte != 0x1E).count();
        if rest == limit + 1 {
            stream.pop();
        }
        let framer = framing::Delimited::new(&[0x1E]).expect("a delimiter").with_max_payload(limit);
        check(&Delimited::new(0x1E), &framer, limit, &stream, &cuts)
    });
    let framer = framing::Delimited::new(&[0x1E]).expect("a delimiter");
    for len in 0..100 {
        encode_alike(Delimited::new(0x1E), &framer, len);
    }
    // And what both refuse to carry.
    let (mut place, mut encoder) = ([0; 8], Encoder::new(Delimited::new(0x1E), [0; 8]));
    let refused = framer.write_frame(b"a\x1Eb", &mut WriteBuf::new(&mut place));
    assert_eq!(refused, Err(Error::DelimiterInPayload));
    assert_eq!(encoder.push(b"a\x1Eb"), Err(EncodeError::ContainsDelimiter { at: 1 }));
}
