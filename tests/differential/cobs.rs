//! COBS beside the crates `cobs` and `wire-codec`.

use cobs::{CobsDecoder, DecodeError};
use framewright::framing::Cobs;
use framewright::{Encoder, Oversize};
use proptest::prelude::*;
use wire_codec::WriteBuf;

use crate::{Ending, Reading, Refusal, Rules, cuts, ours, try_all};

/// What crate `cobs` makes of a stream, byte by byte: of a slice it loses what is behind a bad frame.
pub(crate) fn theirs(stream: &[u8], storage: usize) -> Reading {
    let mut place = vec![0; storage];
    let mut decoder = CobsDecoder::new(&mut place);
    let mut reading = Reading::default();
    for &byte in stream {
        match decoder.feed(byte) {
            Ok(None) => {}
            Ok(Some(len)) => reading.frame(&decoder.dest()[..len]),
            Err(DecodeError::InvalidFrame { .. }) => reading.refused(Refusal::Cut),
            Err(DecodeError::TargetBufTooSmall) => reading.refused(Refusal::TooLong { len: 0, limit: 0 }),
            Err(other) => panic!("{other}"),
        }
    }
    reading
}

fn encoded(payload: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(Cobs, vec![0; payload.len() + payload.len() / 254 + 2]);
    encoder.push(payload).expect("it fits");
    encoder.pending().to_vec()
}

/// Bytes with many zeros and small codes, and runs long enough for full blocks.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(0), 6 => 1..6_u8, 1 => any::<u8>(), 1 => Just(0xFF)];
    let block = (any::<bool>(), 250..256_usize).prop_map(|(code, len)| {
        let mut block = vec![7; len];
        block.extend(code.then_some(1));
        block.insert(0, 0xFF);
        block
    });
    let part = prop_oneof![4 => prop::collection::vec(byte, 0..20), 1 => block];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

#[test]
fn any_bytes_give_the_frames_and_the_errors_of_crate_cobs() {
    try_all(2500, (streams(), cuts()), |(stream, cuts)| {
        let expected = theirs(&stream, 4096).items;
        for (storage, oversize) in [(4096, Oversize::Fail), (4096, Oversize::Skip)] {
            let rules = Rules { storage, oversize, max_frame: 4095 };
            let reading = ours(Cobs, rules, &stream, &cuts);
            prop_assert_eq!(&reading.items, &expected, "{:?}", oversize);
            // It has no word for the end of a stream.
            prop_assert_ne!(reading.ending, Ending::Stopped);
        }
        Ok(())
    });
}

/// Payloads with runs around the length of a block.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![0..20_usize, 250..260_usize, 505..512_usize].prop_map(|len| vec![9; len]);
    let bytes = prop::collection::vec(0..4_u8, 0..30);
    prop::collection::vec(prop_oneof![run, bytes], 0..5).prop_map(|parts| parts.concat())
}

#[test]
fn all_three_write_the_same_bytes() {
    try_all(1500, payloads(), |payload| {
        let ours = encoded(&payload);
        let mut place = vec![0; 4096];
        let mut out = WriteBuf::new(&mut place);
        wire_codec::cobs::encode(&payload, &mut out).expect("it fits");
        prop_assert_eq!(&ours[..ours.len() - 1], out.written());
        prop_assert_eq!(&ours[..ours.len() - 1], &cobs::encode_vec(&payload)[..]);
        Ok(())
    });
}

#[test]
fn each_reads_what_the_others_write() {
    try_all(1000, payloads(), |payload| {
        let ours_written = encoded(&payload);
        prop_assert_eq!(theirs(&ours_written, 4096).items, [crate::Item::Frame(payload.clone())]);
        let mut place = vec![0; 4096];
        let mut out = WriteBuf::new(&mut place);
        wire_codec::cobs::decode(&ours_written[..ours_written.len() - 1], &mut out).expect("well formed");
        prop_assert_eq!(out.written(), &payload[..]);
        let mut written = cobs::encode_vec(&payload);
        written.push(0);
        let rules = Rules { storage: 4096, oversize: Oversize::Fail, max_frame: 4095 };
        prop_assert_eq!(ours(Cobs, rules, &written, &[9, 40_000]).items, [crate::Item::Frame(payload)]);
        Ok(())
    });
}
