//! Any split, same frames: however a stream is cut on its way, and whichever way its pieces take into the decoder, the same
//! events come out, and they are those that a slow and independent reader finds in the whole stream.

mod blocks;
mod disguised;
#[cfg(feature = "json")]
mod json;
mod laws;
mod model;
mod short_storage;
mod users;
mod ways;

use framewright::framing::{BigEndian, Cobs, Framing, Lines, LittleEndian, Netstring, Slip, Varint};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::laws::{Case, Prefixed, Records, Strict};
use crate::model::{Reading, Rules, reading};
use crate::users::{Escaped, Padded, Paragraphs, Radio};
use crate::ways::{FRAME_WAYS, POLICIES, WAYS, read_events, read_frames};

/// What must come out of a stream.
fn expected<C: Case>(stream: &[u8], rules: &Rules) -> Reading {
    reading(&C::cut(stream), rules, C::Law::SUFFIX)
}

/// Payloads whose lengths lie around the sizes of storage that are used here.
fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 7 + len) % 256).unwrap()).collect()
}

fn stream<C: Case>(lens: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    for &len in lens {
        C::wrap(&payload(len), &mut stream);
    }
    stream
}

/// Streams that end cleanly, inside a frame, in a claim of a huge length, and in bytes that break the law.
fn streams<C: Case>() -> Vec<Vec<u8>> {
    let mut streams = vec![
        Vec::new(),
        stream::<C>(&[0]),
        stream::<C>(&[3, 0, 0, 1, 8]),
        stream::<C>(&[7, 9, 2, 17, 1]),
        stream::<C>(&[16, 15, 14, 0, 13]),
    ];
    let mut cut_short = stream::<C>(&[5, 40]);
    cut_short.truncate(cut_short.len() - 2);
    streams.push(cut_short);
    for end in [C::huge(), C::broken()].into_iter().flatten() {
        let mut stream = stream::<C>(&[2, 12]);
        stream.extend(end);
        // More of it than any storage here, and what looks like frames behind it.
        C::wrap(&payload(20), &mut stream);
        streams.push(stream);
    }
    streams
}

fn check<C: Case>(stream: &[u8], rules: &Rules, cuts: &[usize], want: &Reading) {
    let mut pieces = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        pieces.push(&stream[from..cut]);
        from = cut;
    }
    let name = C::NAME;
    for way in WAYS {
        let got = read_events(C::law(), rules, &pieces.iter().map(|piece| (way, *piece)).collect::<Vec<_>>());
        assert_eq!(got, *want, "{name}, {way:?}, {rules:?}, {stream:02x?} cut at {cuts:?}");
    }
    let want = want.clone().whole_frames();
    for way in FRAME_WAYS {
        let got = read_frames(C::law(), rules, &pieces.iter().map(|piece| (way, *piece)).collect::<Vec<_>>());
        assert_eq!(got, want, "{name}, {way:?}, {rules:?}, {stream:02x?} cut at {cuts:?}");
    }
}

/// Each policy with each size of storage that can hold the law's header, from the smallest.
fn all_rules<C: Case>() -> Vec<Rules> {
    let least = C::Law::PREFIX.max(C::Law::SUFFIX).max(1);
    let mut all = Vec::new();
    for storage in [least, least + 1, least.max(8), least.max(13)] {
        for (oversize, stream_above) in POLICIES {
            all.push(Rules { stream_above, ..Rules::new(storage, oversize) });
        }
    }
    for (oversize, stream_above) in POLICIES {
        let rules = Rules { stream_above, ..Rules::new(least.max(16), oversize) };
        all.push(Rules { max_frame: Some(9), ..rules });
        all.push(Rules { min_frame: 2, max_empty: Some(1), ..rules });
    }
    all
}

fn every_single_cut<C: Case>() {
    for rules in all_rules::<C>() {
        for stream in streams::<C>() {
            let want = expected::<C>(&stream, &rules);
            check::<C>(&stream, &rules, &[], &want);
            // At every place; of long streams, as headers of text make them, at some.
            for cut in (1..stream.len()).step_by((stream.len() / 160).pow(2).max(1)) {
                check::<C>(&stream, &rules, &[cut], &want);
            }
        }
    }
}

fn one_byte_steps<C: Case>() {
    for rules in all_rules::<C>() {
        for stream in streams::<C>() {
            check::<C>(&stream, &rules, &(1..stream.len().max(1)).collect::<Vec<_>>(), &expected::<C>(&stream, &rules));
        }
    }
}

fn random_case<C: Case>() {
    let policies = (0..POLICIES.len(), 0..9_usize);
    let limits = (
        prop::option::weighted(0.3, 0..40_u64),
        prop_oneof![4 => Just(0), 1 => 0..6_u64],
        prop::option::weighted(0.3, 0..3_u32),
    );
    let frames = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..8);
    // What is behind the good frames: nothing, noise, a huge claim, broken bytes; and how much is lost at the end.
    let tail = (prop::collection::vec(any::<u8>(), 0..20), 0..6_usize, 0..10_usize);
    let cuts = prop::collection::vec((any::<Index>(), 0..WAYS.len(), 0..FRAME_WAYS.len()), 0..12);
    let config = ProptestConfig {
        cases: if C::NOISE { 1000 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |((policy, extra) in policies, (max_frame, min_frame, max_empty) in limits, frames in frames,
                        (noise, kind, lost) in tail, mut cuts in cuts)| {
        let mut stream = Vec::new();
        for frame in &frames {
            C::wrap(frame, &mut stream);
        }
        match kind {
            0 if C::NOISE => stream.extend(&noise),
            1 => stream.extend(C::huge().into_iter().flatten().chain(noise)),
            2 => stream.extend(C::broken().into_iter().flatten().chain(noise)),
            3 => stream.truncate(stream.len().saturating_sub(lost)),
            _ => {}
        }
        let (oversize, stream_above) = POLICIES[policy];
        let storage = C::Law::PREFIX.max(C::Law::SUFFIX).max(1) + extra * extra / 2;
        let rules = Rules { storage, oversize, stream_above, max_frame, min_frame, max_empty };

        cuts.sort_by_key(|(cut, ..)| cut.index(stream.len() + 1));
        let mut event_pieces = Vec::new();
        let mut frame_pieces = Vec::new();
        let mut from = 0;
        for (cut, way, frame_way) in &cuts {
            let cut = cut.index(stream.len() + 1);
            event_pieces.push((WAYS[*way], &stream[from..cut]));
            frame_pieces.push((FRAME_WAYS[*frame_way], &stream[from..cut]));
            from = cut;
        }
        event_pieces.push((WAYS[extra % WAYS.len()], &stream[from..]));
        frame_pieces.push((FRAME_WAYS[extra % FRAME_WAYS.len()], &stream[from..]));

        let want = expected::<C>(&stream, &rules);
        prop_assert_eq!(read_events(C::law(), &rules, &event_pieces), want.clone(), "{:?} {:02x?}", rules, event_pieces);
        let want = want.whole_frames();
        prop_assert_eq!(read_frames(C::law(), &rules, &frame_pieces), want, "{:?} {:02x?}", rules, frame_pieces);
    });
}

/// The same three tests for each law.
macro_rules! any_split_gives_the_same_events {
    ($($law:ident: $case:ty,)*) => {$(
        mod $law {
            use super::*;

            #[test]
            fn with_every_single_cut() {
                every_single_cut::<$case>();
            }

            #[test]
            fn with_one_byte_steps() {
                one_byte_steps::<$case>();
            }

            #[test]
            fn with_random_cuts_and_mixed_ways_in() {
                random_case::<$case>();
            }
        }
    )*};
}

any_split_gives_the_same_events! {
    u32_big_endian: Prefixed<4>,
    u8_length: Prefixed<1>,
    u16_little_endian: Prefixed<2, LittleEndian>,
    u16_that_counts_itself: Prefixed<2, BigEndian, 0, -2>,
    u24_big_endian: Prefixed<3>,
    u24_little_endian_behind_three_bytes: Prefixed<3, LittleEndian, 3>,
    u32_little_endian_that_counts_its_header: Prefixed<4, LittleEndian, 2, -6>,
    u64_little_endian: Prefixed<8, LittleEndian>,
    u64_that_counts_less_than_the_payload: Prefixed<8, BigEndian, 1, 3>,
    varint: Varint,
    netstring: Netstring,
    lines: Lines,
    lines_that_end_in_lf_alone: Strict<false>,
    lines_that_end_in_cr_lf: Strict<true>,
    delimited_by_rs: Records,
    slip: Slip,
    cobs: Cobs,
    a_radio_of_the_users: Radio,
    escapes_of_the_users: Escaped,
    a_delimiter_of_four_bytes: Paragraphs,
    a_trailer_behind_the_payload: Padded,
}

#[cfg(feature = "json")]
any_split_gives_the_same_events! {
    a_json_header: framewright::framing::JsonHeader,
}
