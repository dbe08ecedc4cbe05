//! Streams that are longer than the blocks in which delimiters are looked for, cut in pieces of all lengths around those of a block and
//! two: what is known of the bytes that come next is kept from frame to frame, and must be right at every border.

use framewright::Oversize;

use crate::laws::{Case, Records, Strict};
use crate::model::Rules;
use crate::{check, expected};
use framewright::framing::Lines;

/// Bytes that `places` looks at.
const BLOCK: usize = 64;

/// Frames of all lengths around a block's and two, short ones between them, in an order that puts their ends everywhere in blocks.
fn stream<C: Case>() -> Vec<u8> {
    let lens = [0, 1, 8, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 24, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1, 0, 0, 5];
    let mut stream = Vec::new();
    for turn in 0..5 {
        for at in 0..lens.len() {
            let len = lens[(at * 5 + turn) % lens.len()];
            let payload: Vec<u8> = (0..len).map(|i| u8::try_from((i * 7 + len + turn) % 256).unwrap()).collect();
            C::wrap(&payload, &mut stream);
        }
        // Long ones change how is searched.
        C::wrap(&vec![b'y'; 70 * turn], &mut stream);
    }
    stream
}

fn pieces_of_all_lengths<C: Case>() {
    let stream = stream::<C>();
    let full = Rules::new(700, Oversize::Fail);
    let short = Rules { max_frame: Some(BLOCK as u64), min_frame: 2, ..Rules::new(300, Oversize::Skip) };
    let streamed = Rules { stream_above: 100, ..Rules::new(200, Oversize::Stream) };
    let floods = Rules { max_empty: Some(1), ..Rules::new(650, Oversize::Skip) };
    for rules in [full, short, streamed, floods] {
        let want = expected::<C>(&stream, &rules);
        assert!(want.items.len() > 4);
        for piece in [1, 7, 8, 9, 31, 63, 64, 65, 66, 127, 128, 129, 130, 193, 256, 300] {
            for first in [0, piece / 2] {
                let cuts: Vec<usize> = (first..stream.len()).step_by(piece).collect();
                check::<C>(&stream, &rules, &cuts, &want);
            }
        }
        check::<C>(&stream, &rules, &[], &want);
    }
}

#[test]
fn lines_are_cut_alike_in_pieces_of_all_lengths() {
    pieces_of_all_lengths::<Lines>();
}

#[test]
fn strict_lines_are_cut_alike_in_pieces_of_all_lengths() {
    pieces_of_all_lengths::<Strict<false>>();
    pieces_of_all_lengths::<Strict<true>>();
}

#[test]
fn delimited_frames_are_cut_alike_in_pieces_of_all_lengths() {
    pieces_of_all_lengths::<Records>();
}
