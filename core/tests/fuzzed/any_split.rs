//! Any bytes, cut anywhere, by any way into the decoder: the events are those that a slow and independent reader finds in the whole
//! stream.
//!
//! An input is `[law][policy][storage][longest frame][shortest frame][empty frames][cuts: n]`, then `n` times `[length][way]`, then the
//! stream. Limits of 0 are none.

use framewright::framing::{BigEndian, Cobs, Framing, Lines, LittleEndian, Netstring, Slip, Varint};

use crate::laws::{Case, Prefixed, Records, Strict};
use crate::model::{Rules, reading};
use crate::users::{Escaped, Padded, Paragraphs, Radio};
use crate::ways::{FRAME_WAYS, POLICIES, WAYS, read_events, read_frames};

/// The settings of one run.
pub(crate) struct Input<'i> {
    policy: u8,
    extra: u8,
    max_frame: Option<u64>,
    min_frame: u64,
    max_empty: Option<u32>,
    /// How long each piece is, and by which way it goes in.
    cuts: &'i [[u8; 2]],
    stream: &'i [u8],
}

/// A law, by name.
pub(crate) struct Law {
    pub(crate) name: &'static str,
    check: fn(&Input<'_>),
    /// Frames of these lengths, and where the law has such, a claim of a huge one and bytes that break it.
    pub(crate) stream: fn(&[usize]) -> Vec<u8>,
}

macro_rules! laws {
    ($($name:literal: $case:ty,)*) => {
        pub(crate) const LAWS: &[Law] = &[$(Law { name: $name, check: check::<$case>, stream: stream::<$case> }),*];
    };
}

laws! {
    "u32": Prefixed<4>,
    "u8": Prefixed<1>,
    "u16-le": Prefixed<2, LittleEndian>,
    "u24-behind-2-counts-all": Prefixed<3, BigEndian, 2, -5>,
    "u64-le": Prefixed<8, LittleEndian>,
    "u64-counts-less": Prefixed<8, BigEndian, 1, 3>,
    "varint": Varint,
    "lines": Lines,
    "strict-lf": Strict<false>,
    "strict-crlf": Strict<true>,
    "delimited": Records,
    "netstring": Netstring,
    "cobs": Cobs,
    "slip": Slip,
    "radio": Radio,
    "escaped": Escaped,
    "paragraphs": Paragraphs,
    "padded": Padded,
}

/// Checks one input; too short a one says nothing.
pub(crate) fn run(data: &[u8]) {
    let Some(([law, policy, extra, max_frame, min_frame, max_empty, cuts], rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((cuts, stream)) = rest.split_at_checked(2 * usize::from(*cuts)) else { return };
    let law = &LAWS[usize::from(*law) % LAWS.len()];
    (law.check)(&Input {
        policy: *policy,
        extra: *extra,
        max_frame: max_frame.checked_sub(1).map(u64::from),
        min_frame: u64::from(min_frame % 6),
        max_empty: max_empty.checked_sub(1).map(|n| u32::from(n % 4)),
        cuts: cuts.as_chunks().0,
        stream,
    });
}

fn check<C: Case>(input: &Input<'_>) {
    let least = C::Law::PREFIX.max(C::Law::SUFFIX).max(1);
    let (oversize, stream_above) = POLICIES[usize::from(input.policy) % POLICIES.len()];
    let rules = Rules {
        stream_above,
        max_frame: input.max_frame,
        min_frame: input.min_frame,
        max_empty: input.max_empty,
        ..Rules::new(least + usize::from(input.extra % 40), oversize)
    };
    let want = reading(&C::cut(input.stream), &rules, C::Law::SUFFIX);
    let (mut events, mut frames, mut rest) = (Vec::new(), Vec::new(), input.stream);
    for [len, way] in input.cuts {
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

fn stream<C: Case>(lens: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    for &len in lens {
        let payload: Vec<u8> = (0..len).map(|i| u8::try_from((i * 7 + len) % 256).unwrap()).collect();
        C::wrap(&payload, &mut stream);
    }
    if lens.len().is_multiple_of(2) {
        stream.extend(C::huge().or_else(C::broken).unwrap_or_default());
    }
    stream
}

/// Inputs to start from: each law with each policy.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    const FRAMES: [&[usize]; 6] =
        [&[3, 0, 12, 1], &[8, 0, 0, 2, 20], &[7, 9, 2, 17], &[5, 40, 5], &[1, 14, 0, 0], &[30]];
    let mut seeds = Vec::new();
    for (at, law) in LAWS.iter().enumerate() {
        for (policy, frames) in FRAMES.iter().enumerate() {
            let number = u8::try_from(at).unwrap();
            let policy = u8::try_from(policy).unwrap();
            // Storage, limits and cuts of all kinds, as chance would have them.
            let mut seed = vec![number, policy, (number * 5 + policy * 3) % 20];
            seed.extend([[0, 0, 0, 0], [12, 0, 0, 4], [0, 2, 2, 3], [41, 0, 1, 5]][(at + usize::from(policy)) % 4]);
            let cuts = seed[6];
            seed.extend((0..cuts).flat_map(|cut| [1 + (cut * 5 + number) % 9, cut + policy]));
            seed.extend((law.stream)(frames));
            seeds.push((format!("{}-{policy}", law.name), seed));
        }
    }
    seeds
}
