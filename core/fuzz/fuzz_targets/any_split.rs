//! Any bytes, cut anywhere, by any way into the decoder: the events are those that a slow and independent reader finds in the whole
//! stream. The oracle is that of `core/tests/splits`.

#![no_main]

#[path = "../../tests/splits/laws.rs"]
mod laws;
#[path = "../../tests/splits/model.rs"]
mod model;
#[path = "../../tests/splits/ways.rs"]
mod ways;

use arbitrary::Arbitrary;
use framewright::framing::{BigEndian, Cobs, Framing, Lines, LittleEndian, Netstring, Slip, Varint};
use libfuzzer_sys::fuzz_target;

use crate::laws::{Case, Prefixed, Strict};
use crate::model::{Rules, reading};
use crate::ways::{FRAME_WAYS, POLICIES, WAYS, read_events, read_frames};

#[derive(Arbitrary, Debug)]
struct Input {
    law: u8,
    policy: u8,
    extra: u8,
    max_frame: Option<u8>,
    min_frame: u8,
    max_empty: Option<u8>,
    /// How long each piece is, and by which way it goes in.
    cuts: Vec<(u8, u8)>,
    stream: Vec<u8>,
}

fn check<C: Case>(input: &Input) {
    let least = C::Law::PREFIX.max(C::Law::SUFFIX).max(1);
    let (oversize, stream_above) = POLICIES[usize::from(input.policy) % POLICIES.len()];
    let rules = Rules {
        stream_above,
        max_frame: input.max_frame.map(u64::from),
        min_frame: u64::from(input.min_frame % 6),
        max_empty: input.max_empty.map(|n| u32::from(n % 4)),
        ..Rules::new(least + usize::from(input.extra % 40), oversize)
    };
    let want = reading(&C::cut(&input.stream), &rules, C::Law::SUFFIX);
    let (mut events, mut frames, mut rest) = (Vec::new(), Vec::new(), &input.stream[..]);
    for (len, way) in &input.cuts {
        let (piece, behind) = rest.split_at(rest.len().min(usize::from(*len)));
        events.push((WAYS[usize::from(*way) % WAYS.len()], piece));
        frames.push((FRAME_WAYS[usize::from(*way) % FRAME_WAYS.len()], piece));
        rest = behind;
    }
    events.push((WAYS[0], rest));
    frames.push((FRAME_WAYS[0], rest));
    assert_eq!(read_events(C::law(), &rules, &events), want);
    assert_eq!(read_frames(C::law(), &rules, &frames), want.whole_frames());
}

fuzz_target!(|input: Input| {
    match input.law % 12 {
        0 => check::<Prefixed<4>>(&input),
        1 => check::<Prefixed<1>>(&input),
        2 => check::<Prefixed<2, LittleEndian>>(&input),
        3 => check::<Prefixed<3, BigEndian, 2, -5>>(&input),
        4 => check::<Prefixed<8, LittleEndian>>(&input),
        5 => check::<Varint>(&input),
        6 => check::<Lines>(&input),
        7 => check::<Strict<false>>(&input),
        8 => check::<Strict<true>>(&input),
        9 => check::<Netstring>(&input),
        10 => check::<Cobs>(&input),
        _ => check::<Slip>(&input),
    }
});
