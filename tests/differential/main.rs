//! Our laws beside the same laws of others: the same bytes, cut alike, give the same frames and the same errors. Where they do not,
//! `differences.rs` says so, one test each, and `README.md` says why.

mod cobs;
mod differences;
mod lines;
mod tokio_lengths;
mod wire_codec;

use framewright::framing::Framing;
use framewright::{DecodeErrorKind, Decoder, End, Event, Malformed, Oversize};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

/// What a decoder makes of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reading {
    items: Vec<Item>,
    ending: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Frame(Vec<u8>),
    Refused(Refusal),
}

/// Why a frame is refused, in words that all have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Longer than the limit. Those who do not say how much longer say 0 of 0.
    TooLong { len: u64, limit: u64 },
    /// A length that is no length: below zero, or over 64 bits.
    OutOfRange,
    /// A length in more bytes than it needs.
    NonCanonical,
    /// A block with a zero inside.
    Cut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    #[default]
    Clean,
    /// The stream ends inside a frame: so many bytes of it came, of so many, where that is known.
    Truncated { have: u64, need: Option<u64> },
    /// An error stopped it before.
    Stopped,
}

impl Reading {
    /// For those who do not say how long a refused frame is.
    fn without_lengths(mut self) -> Self {
        for item in &mut self.items {
            if let Item::Refused(Refusal::TooLong { len, limit }) = item {
                (*len, *limit) = (0, 0);
            }
        }
        self
    }

    /// For those who do not say how much of the last frame came.
    fn without_rest(mut self) -> Self {
        if let Ending::Truncated { have, need } = &mut self.ending {
            (*have, *need) = (0, None);
        }
        self
    }

    fn frame(&mut self, payload: impl Into<Vec<u8>>) {
        self.items.push(Item::Frame(payload.into()));
    }

    fn refused(&mut self, refusal: Refusal) {
        self.items.push(Item::Refused(refusal));
    }
}

/// The settings of our decoder.
#[derive(Clone, Copy, Debug)]
struct Rules {
    storage: usize,
    oversize: Oversize,
    max_frame: u64,
}

/// What our decoder makes of a stream, cut at `cuts`. Each piece goes in by another way.
fn ours<L: Framing>(law: L, rules: Rules, stream: &[u8], cuts: &[usize]) -> Reading {
    let mut decoder =
        Decoder::new(law, vec![0; rules.storage]).with_oversize(rules.oversize).with_max_frame(rules.max_frame);
    let mut reading = Reading::default();
    let mut gathered = Vec::new();
    for (at, piece) in pieces(stream, cuts).enumerate() {
        let mut chunk = piece;
        if at % 2 == 1 {
            while !chunk.is_empty() && !decoder.is_stopped() {
                let spare = decoder.spare_mut();
                let n = spare.len().min(chunk.len());
                spare[..n].copy_from_slice(&chunk[..n]);
                decoder.commit(n);
                chunk = &chunk[n..];
                drain(&mut decoder, &mut &[][..], &mut gathered, &mut reading);
            }
        }
        drain(&mut decoder, &mut chunk, &mut gathered, &mut reading);
    }
    loop {
        reading.ending = match decoder.finish() {
            Ok(End::Last(event)) => {
                note(event, &mut gathered, &mut reading);
                continue;
            }
            Err(error) => {
                reading.refused(refusal(error.kind));
                continue;
            }
            Ok(End::Clean) => Ending::Clean,
            Ok(End::Truncated { have, need }) => Ending::Truncated { have, need },
            Ok(End::Stopped) => Ending::Stopped,
        };
        return reading;
    }
}

fn drain<L: Framing>(
    decoder: &mut Decoder<L, Vec<u8>>,
    chunk: &mut &[u8],
    gathered: &mut Vec<u8>,
    reading: &mut Reading,
) {
    loop {
        match decoder.next_event(chunk) {
            Ok(Some(event)) => note(event, gathered, reading),
            Ok(None) => return,
            Err(error) => reading.refused(refusal(error.kind)),
        }
    }
}

fn note(event: Event<'_>, gathered: &mut Vec<u8>, reading: &mut Reading) {
    match event {
        Event::Frame(payload) => reading.frame(payload),
        Event::Begin { .. } => gathered.clear(),
        Event::Chunk(piece) => gathered.extend_from_slice(piece),
        Event::End => reading.frame(std::mem::take(gathered)),
    }
}

fn refusal(kind: DecodeErrorKind) -> Refusal {
    match kind {
        DecodeErrorKind::TooLong { len, limit } => Refusal::TooLong { len: len.unwrap_or(limit + 1), limit },
        DecodeErrorKind::Malformed(Malformed::LengthOutOfRange) => Refusal::OutOfRange,
        DecodeErrorKind::Malformed(Malformed::NonCanonical) => Refusal::NonCanonical,
        DecodeErrorKind::Malformed(Malformed::Zero) => Refusal::Cut,
        other => panic!("{other}"),
    }
}

/// The pieces of a stream that is cut at `cuts`: places, as parts of 65,536 of its length.
fn pieces<'s>(stream: &'s [u8], cuts: &[usize]) -> impl Iterator<Item = &'s [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| (cut * (stream.len() + 1)) >> 16).collect();
    places.sort_unstable();
    places.push(stream.len());
    let mut from = 0;
    places.into_iter().map(move |to| {
        let piece = &stream[from..to];
        from = to;
        piece
    })
}

/// Places to cut a stream at, as `pieces` wants them.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..1_usize << 16, 0..12)
}

/// A test of `cases` random cases.
fn try_all<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> TestCaseResult) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    if let Err(error) = runner.run(&strategy, test) {
        panic!("{error}");
    }
}
