//! A storage that is shorter than the law's longest header: a header that fits is read, one that does not is refused, and which of the two
//! it is does not depend on how the stream was cut.

use framewright::framing::{Framing, LittleEndian, Netstring, Step, Tail, Varint};
use framewright::{DecodeErrorKind, EncodeError, Malformed, Oversize, Recovery};
use proptest::prelude::*;

use crate::laws::{Case, Prefixed};
use crate::model::{Item, Reading, Rules};
use crate::payload;
use crate::users::{Padded, Radio};
use crate::ways::{FRAME_WAYS, FrameWay, POLICIES, WAYS, Way, read_events, read_frames};

/// What comes out of the stream in these pieces is what comes out of it in one.
fn check<L: Framing>(law: impl Fn() -> L, rules: &Rules, stream: &[u8], pieces: &[&[u8]]) -> Reading {
    let want = read_events(law(), rules, &[(Way::Borrow, stream)]);
    for way in WAYS {
        // Nothing can be read into no storage.
        if rules.storage == 0 && matches!(way, Way::Direct | Way::Push) {
            continue;
        }
        let pieces: Vec<_> = pieces.iter().map(|piece| (way, *piece)).collect();
        assert_eq!(read_events(law(), rules, &pieces), want, "{way:?}, {rules:?}, {stream:02x?} in {pieces:02x?}");
    }
    let whole = want.clone().whole_frames();
    for way in FRAME_WAYS {
        if rules.storage == 0 && matches!(way, FrameWay::Direct | FrameWay::Push | FrameWay::PopEach(_)) {
            continue;
        }
        let pieces: Vec<_> = pieces.iter().map(|piece| (way, *piece)).collect();
        assert_eq!(read_frames(law(), rules, &pieces), whole, "{way:?}, {rules:?}, {stream:02x?} in {pieces:02x?}");
    }
    want
}

fn any_split_of_frames<C: Case>() {
    any_split(C::law, C::wrap);
}

fn any_split<L: Framing>(law: impl Fn() -> L, wrap: impl Fn(&[u8], &mut Vec<u8>)) {
    for storage in 0..L::PREFIX.max(L::SUFFIX) {
        for (oversize, stream_above) in POLICIES {
            let rules = Rules { stream_above, ..Rules::new(storage, oversize) };
            for lens in [&[0][..], &[1, 0, 3], &[2, 12, 0], &[120, 1]] {
                let mut stream = Vec::new();
                for &len in lens {
                    wrap(&payload(len), &mut stream);
                }
                check(&law, &rules, &stream, &[&stream]);
                check(&law, &rules, &stream, &stream.chunks(1).collect::<Vec<_>>());
                for cut in 1..stream.len() {
                    check(&law, &rules, &stream, &[&stream[..cut], &stream[cut..]]);
                }
            }
        }
    }
}

#[test]
fn a_header_of_fixed_length_is_refused_wherever_it_is_cut() {
    any_split_of_frames::<Prefixed<4>>();
    any_split_of_frames::<Prefixed<8, LittleEndian>>();
    any_split_of_frames::<Prefixed<3, LittleEndian, 3>>();
    any_split_of_frames::<Radio>();
    any_split_of_frames::<Padded>();
    for storage in 0..4 {
        let reading = check(Prefixed::<4>::law, &Rules::new(storage, Oversize::Stream), &[0; 4], &[&[0; 4]]);
        let Some(Item::Error(error)) = reading.items.first() else { panic!("{reading:?}") };
        assert_eq!(error.kind, DecodeErrorKind::HeaderTooLong { need: 4, capacity: storage });
        assert_eq!((error.offset, error.recovery), (0, Recovery::Stops));
    }
}

#[test]
fn a_header_of_any_length_is_refused_where_it_is_longer_than_the_storage() {
    any_split_of_frames::<Netstring>();
    any_split_of_frames::<Varint>();
    // The length is written in ten bytes, whatever it is.
    any_split(Varint::accepting_padded, |payload, stream| {
        stream.push(0x80 | u8::try_from(payload.len()).unwrap());
        stream.extend([0x80; 8]);
        stream.push(0);
        stream.extend(payload);
    });
    let reading =
        check(Varint::accepting_padded, &Rules::new(2, Oversize::Fail), &[0x81, 0x80, 0, 7], &[&[0x81, 0x80, 0, 7]]);
    assert_eq!(reading.items.len(), 1, "{reading:?}");
    let reading =
        check(Varint::accepting_padded, &Rules::new(3, Oversize::Fail), &[0x81, 0x80, 0, 7], &[&[0x81, 0x80, 0, 7]]);
    assert_eq!(reading.items, [Item::Frame(vec![7])]);
}

/// A byte to synchronise, which is skipped, and then the header: it is not the first that is taken of a frame.
#[test]
fn a_header_behind_bytes_that_were_skipped_is_refused_as_well() {
    #[derive(Clone, Copy, Debug)]
    struct Synced;
    impl Framing for Synced {
        type State = Option<u64>;
        const PREFIX: usize = 3;
        fn step(&self, left: &mut Option<u64>, input: &[u8]) -> Result<Step, Malformed> {
            Ok(match (*left, input) {
                (None, [0x16, ..]) => {
                    *left = Some(u64::MAX);
                    Step::Skip(1)
                }
                (None, []) => Step::Need(1),
                (None, _) => return Err(Malformed::Other("no synchronisation")),
                (Some(u64::MAX), &[high, low, ..]) => {
                    let len = u64::from(u16::from_be_bytes([high, low]));
                    *left = Some(len);
                    Step::Begin { take: 2, len }
                }
                (Some(u64::MAX), _) => Step::Need(2),
                (Some(len), _) if len <= input.len() as u64 => {
                    *left = None;
                    Step::End { data: usize::try_from(len).unwrap(), take: 0 }
                }
                (Some(_), []) => Step::Need(1),
                (Some(len), _) => {
                    *left = Some(len - input.len() as u64);
                    Step::Data(input.len())
                }
            })
        }
        fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }
    any_split(
        || Synced,
        |payload, stream| {
            stream.extend([0x16, 0, u8::try_from(payload.len()).unwrap()]);
            stream.extend(payload);
        },
    );
}

#[test]
fn any_bytes_mean_the_same_however_they_are_cut() {
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    let bytes =
        prop::collection::vec(prop_oneof![Just(0), Just(0x80), Just(b'1'), Just(b':'), Just(b','), any::<u8>()], 0..24);
    proptest!(config, |(stream in bytes, storage in 0..10_usize, policy in 0..POLICIES.len(), piece in 1..9_usize)| {
        let (oversize, stream_above) = POLICIES[policy];
        let rules = Rules { stream_above, ..Rules::new(storage, oversize) };
        let pieces: Vec<_> = stream.chunks(piece).collect();
        check(Prefixed::<2>::law, &rules, &stream, &pieces);
        check(Prefixed::<8, LittleEndian>::law, &rules, &stream, &pieces);
        check(Varint::accepting_padded, &rules, &stream, &pieces);
        check(Netstring::law, &rules, &stream, &pieces);
        check(Radio::law, &rules, &stream, &pieces);
    });
}
