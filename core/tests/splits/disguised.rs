//! Long frames of COBS and SLIP. Both laws copy many bytes at a time, and more than there are where there is room, or move them where
//! they lie. So what matters is where a block ends, or an escape stands; where the stream is cut; where the storage ends; and where a
//! zero is that must not be there.

use framewright::framing::{Cobs, Slip};
use framewright::{Decoder, Event, Oversize};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::Rules;
use crate::ways::{FRAME_WAYS, POLICIES, WAYS, read_events, read_frames};
use crate::{check, expected};

/// Lengths of blocks around the widths in which bytes are copied.
const LENS: [usize; 19] = [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 253, 254];

/// More than the longest frame here.
const STORAGE: usize = 4096;

/// Appends a block of `len` bytes, of all values but zero.
fn block(len: usize, stream: &mut Vec<u8>) {
    stream.push(u8::try_from(len + 1).unwrap());
    stream.extend((0..len).map(|at| u8::try_from((at * 7 + len) % 255 + 1).unwrap()));
}

fn frame(lens: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    for &len in lens {
        block(len, &mut stream);
    }
    stream.push(0);
    stream
}

/// Frames of several blocks: full ones, long ones, and none but short ones.
const FRAMES: [&[usize]; 6] = [
    &[254, 254, 10],
    &[254, 1, 254],
    &[0, 0, 254, 0],
    &[46, 200, 100, 17],
    &[7, 0, 3, 12, 1, 0, 0, 9, 16, 17, 15, 5, 2, 30, 31],
    &[0],
];

#[test]
fn blocks_of_all_lengths_come_out_of_every_cut() {
    let rules = Rules::new(STORAGE, Oversize::Fail);
    for lens in LENS.iter().map(std::slice::from_ref).chain(FRAMES) {
        let mut stream = frame(lens);
        let end = stream.len();
        // With so much behind it that there is room to copy too much.
        stream.extend(frame(&[100, 254]));
        let want = expected::<Cobs>(&stream, &rules);
        for cut in 1..=end {
            check::<Cobs>(&stream, &rules, &[cut], &want);
        }
    }
}

#[test]
fn blocks_of_all_lengths_come_out_of_pieces_of_all_lengths() {
    let rules = Rules::new(STORAGE, Oversize::Fail);
    let stream: Vec<u8> = LENS.iter().map(std::slice::from_ref).chain(FRAMES).flat_map(frame).collect();
    let want = expected::<Cobs>(&stream, &rules);
    for piece in (1..80).chain([127, 128, 129, 256, 257, 258, 259, 512, 1000, stream.len()]) {
        let cuts: Vec<usize> = (piece..stream.len()).step_by(piece).collect();
        check::<Cobs>(&stream, &rules, &cuts, &want);
    }
}

#[test]
fn a_zero_at_each_place_of_a_block_is_an_error_wherever_the_stream_is_cut() {
    let rules = Rules::new(STORAGE, Oversize::Fail);
    for len in LENS {
        // In the first block and in a later one; with nothing behind, and with so much that there is room to copy too much.
        for before in [&[][..], &[254]] {
            for behind in [&b""[..], &frame(&[100, 254])] {
                let mut good = frame(before);
                good.pop();
                let start = good.len() + 1;
                block(len, &mut good);
                good.push(0);
                good.extend(behind);
                for at in start..start + len {
                    let mut stream = good.clone();
                    stream[at] = 0;
                    let want = expected::<Cobs>(&stream, &rules);
                    for cuts in [&[][..], &[at], &[start + (at - start) / 2, at + 1]] {
                        check::<Cobs>(&stream, &rules, cuts, &want);
                    }
                }
            }
        }
    }
}

#[test]
fn a_storage_that_ends_anywhere_in_a_block_is_treated_by_the_rules() {
    let mut stream = frame(&[40, 0, 70, 254, 20]);
    stream.extend(frame(&[3, 3]));
    stream.extend(frame(&[254, 30]));
    for storage in (1..60).chain((60..400).step_by(11)) {
        for (oversize, stream_above) in POLICIES {
            let rules = Rules { stream_above, ..Rules::new(storage, oversize) };
            let want = expected::<Cobs>(&stream, &rules);
            check::<Cobs>(&stream, &rules, &[], &want);
            let cuts: Vec<usize> = (64..stream.len()).step_by(64).collect();
            check::<Cobs>(&stream, &rules, &cuts, &want);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_frames_with_faults_come_out_of_any_mix_of_ways_and_cuts(
        frames in prop::collection::vec(prop::collection::vec(prop_oneof![0..20_usize, 0..=254_usize, 253..=254_usize], 1..6), 1..5),
        faults in prop::collection::vec((any::<Index>(), prop_oneof![Just(0), any::<u8>()]), 0..4),
        cuts in prop::collection::vec((prop_oneof![1..20_usize, 1..300_usize], any::<Index>(), any::<Index>()), 0..20),
        (storage, policy) in (prop_oneof![1..300_usize, 300..3000_usize], 0..POLICIES.len()),
    ) {
        let mut stream: Vec<u8> = frames.iter().flat_map(|lens| frame(lens)).collect();
        for (at, byte) in faults {
            *at.get_mut(&mut stream) = byte;
        }
        let (oversize, stream_above) = POLICIES[policy];
        let rules = Rules { stream_above, ..Rules::new(storage, oversize) };
        let (mut events, mut whole, mut rest) = (Vec::new(), Vec::new(), &stream[..]);
        for (len, way, frame_way) in &cuts {
            let (piece, behind) = rest.split_at(rest.len().min(*len));
            events.push((*way.get(&WAYS), piece));
            whole.push((*frame_way.get(&FRAME_WAYS), piece));
            rest = behind;
        }
        events.push((WAYS[storage % WAYS.len()], rest));
        whole.push((FRAME_WAYS[storage % FRAME_WAYS.len()], rest));
        let want = expected::<Cobs>(&stream, &rules);
        prop_assert_eq!(read_events(Cobs, &rules, &events), want.clone());
        prop_assert_eq!(read_frames(Cobs, &rules, &whole), want.whole_frames());
    }
}

#[test]
fn what_is_left_of_a_piece_comes_before_what_was_pushed_behind_it() {
    let mut stream = Vec::new();
    block(40, &mut stream);
    block(30, &mut stream);
    let pushed = frame(&[20]);
    let mut decoder = Decoder::new(Cobs, [0; 128]).with_oversize(Oversize::Stream).with_stream_above(0);

    // A first part that is pushed is delivered as the steps of the law say.
    assert_eq!(decoder.push(&stream[..10]), 10);
    assert_eq!(decoder.next_event(&mut &[][..]), Ok(Some(Event::Begin { len: None })));
    let mut payload: Vec<u8> = Vec::new();
    while let Ok(Some(Event::Chunk(piece))) = decoder.next_event(&mut &[][..]) {
        payload.extend(piece);
    }
    assert_eq!(payload, stream[1..10]);
    let mut chunk = &stream[10..];
    let Ok(Some(Event::Chunk(piece))) = decoder.next_event_within(&mut chunk, 3) else { panic!("no piece") };
    payload.extend(piece);
    // What was not taken of it, too; on a large processor all was.
    let behind = [chunk, &pushed].concat();
    assert_eq!(decoder.push(&behind), behind.len());
    let mut chunk = &[][..];
    loop {
        match decoder.next_event(&mut chunk) {
            Ok(Some(Event::Chunk(piece))) => payload.extend(piece),
            Ok(Some(Event::End)) => break,
            other => panic!("{other:?} after {payload:02x?}"),
        }
    }
    let want = [&stream[1..41], &[0], &stream[42..], &[0], &pushed[1..21]].concat();
    assert_eq!(payload, want);
    assert_eq!(decoder.next_event(&mut chunk), Ok(None));
}

/// On a large processor; a small one has no code for it.
#[cfg(target_pointer_width = "64")]
#[test]
fn payload_that_stands_in_the_chunk_as_it_is_is_streamed_from_there() {
    let mut stream = frame(&[30]);
    block(200, &mut stream);
    let mut decoder = Decoder::new(Cobs, [0; 512]).with_oversize(Oversize::Stream).with_stream_above(0);

    // A frame that is whole there, in two pieces because the caller has no more room.
    let mut chunk = &stream[..100];
    assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::Begin { len: None })));
    assert_eq!(lent(decoder.next_event_within(&mut chunk, 20)), Some(stream[1..21].as_ptr_range()));
    assert_eq!(lent(decoder.next_event_within(&mut chunk, 20)), Some(stream[21..31].as_ptr_range()));
    assert_eq!(decoder.position(), 31);
    assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::End)));

    // The beginning of one that is cut is gathered first.
    assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::Begin { len: None })));
    assert_eq!(decoder.next_event(&mut chunk), Ok(Some(Event::Chunk(&stream[33..100]))));
    assert_eq!(decoder.next_event(&mut chunk), Ok(None));

    // A chunk in the middle of its block.
    let mut chunk = &stream[100..150];
    assert_eq!(lent(decoder.next_event(&mut chunk)), Some(stream[100..150].as_ptr_range()));
    assert_eq!((decoder.next_event(&mut chunk), chunk), (Ok(None), &[][..]));
    assert_eq!((decoder.frame_offset(), decoder.position()), (32, 150));
}

/// Where the bytes of a piece lie.
#[cfg(target_pointer_width = "64")]
fn lent(event: Result<Option<Event<'_>>, framewright::DecodeError>) -> Option<std::ops::Range<*const u8>> {
    let Ok(Some(Event::Chunk(piece))) = event else { return None };
    Some(piece.as_ptr_range())
}

#[test]
fn an_escape_at_each_place_of_a_long_frame_comes_out_of_every_cut_and_storage() {
    const LEN: usize = 75;
    for at in 0..LEN {
        let mut stream: Vec<u8> = (0..LEN).map(|at| u8::try_from(at).unwrap()).collect();
        // Good ones, one whose escape is another byte's, and one behind which the frame ends.
        stream.splice(at..at, [[0xDB, 0xDC], [0xDB, 0xDD], [0xDB, 0x41], [0xDB, 0xC0]][at % 4]);
        stream.extend([0xC0, 1, 2, 0xC0, 0xC0]);
        // So that there is room to copy too much.
        stream.extend((0..at).map(|_| 0x55));
        for storage in [200, LEN + 2, LEN + 1, LEN, at + 2, at + 1] {
            for (oversize, stream_above) in POLICIES {
                let rules = Rules { stream_above, ..Rules::new(storage, oversize) };
                let want = expected::<Slip>(&stream, &rules);
                for cuts in [&[][..], &[at + 1], &[at, at + 2], &[LEN / 2, LEN + 3]] {
                    if cuts.is_sorted() && cuts.first() != Some(&0) {
                        check::<Slip>(&stream, &rules, cuts, &want);
                    }
                }
            }
        }
    }
}
