//! Takes the time of contenders in turns.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;

use crate::stream::{Dialect, Payload, Stream, Streams};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) group: &'static str,
    pub(crate) payload: Payload,
    /// In bytes; 0: there are no segments.
    pub(crate) segment: usize,
    pub(crate) sink: SinkKind,
    pub(crate) temperature: Temperature,
}

/// What was measured of one contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// Nanoseconds a frame, the median of all rounds; or why there is none.
    pub(crate) nanos: Result<f64, &'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SinkKind {
    Every,
    Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temperature {
    Hot,
    Cold,
}

/// Someone who decodes or encodes.
pub(crate) struct Contender {
    name: &'static str,
    dialect: Dialect,
    work: Result<Work, &'static str>,
}

/// Works through a window of a stream so many times, and returns the digest.
type Work = Box<dyn FnMut(&Stream, usize, usize, SinkKind, usize) -> u64>;

/// Takes payloads as they come out of a decoder, or bytes as they come out of an encoder.
pub(crate) trait Sink {
    fn take(&mut self, bytes: &[u8]);

    /// A payload that comes in pieces is complete: the same as if it had come whole.
    fn end(&mut self);

    /// A piece of a payload.
    fn piece(&mut self, bytes: &[u8]);
}

/// Turns segments into payloads.
pub(crate) trait Decode {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S);
}

/// Turns payloads into a stream, and gives `sink` the bytes when its buffer is full.
pub(crate) trait Encode {
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S);
    fn flush<S: Sink>(&mut self, sink: &mut S);
}

impl Contender {
    /// A decoder, made anew for each sample.
    pub(crate) fn decode<D: Decode + 'static>(name: &'static str, make: fn() -> D) -> Self {
        Self::decode_dialect(name, Dialect::Own, make)
    }

    pub(crate) fn decode_dialect<D: Decode + 'static>(name: &'static str, dialect: Dialect, make: fn() -> D) -> Self {
        fn run<D: Decode, S: Sink>(
            decoder: &mut D,
            stream: &Stream,
            window: usize,
            segment: usize,
            times: usize,
            sink: &mut S,
        ) {
            let window = &stream.windows[window];
            let bytes = &stream.bytes[window.start..window.end];
            for _ in 0..times {
                for segment in black_box(bytes).chunks(segment) {
                    decoder.feed(segment, sink);
                }
            }
        }
        let mut places = Places::default();
        let work: Work = Box::new(move |stream, window, segment, kind, times| {
            let _space = places.next();
            let mut decoder = make();
            match kind {
                SinkKind::Every => {
                    let mut sink = Every::default();
                    run(&mut decoder, stream, window, segment, times, &mut sink);
                    sink.digest()
                }
                SinkKind::Ends => {
                    let mut sink = Ends::default();
                    run(&mut decoder, stream, window, segment, times, &mut sink);
                    sink.digest
                }
            }
        });
        Self { name, dialect, work: Ok(work) }
    }

    pub(crate) fn encode<E: Encode + 'static>(name: &'static str, make: fn() -> E) -> Self {
        fn run<E: Encode, S: Sink>(encoder: &mut E, stream: &Stream, times: usize, sink: &mut S) {
            for _ in 0..times {
                for payload in black_box(&stream.payloads) {
                    encoder.push(payload, sink);
                }
                encoder.flush(sink);
            }
        }
        let mut places = Places::default();
        let work: Work = Box::new(move |stream, _, _, kind, times| {
            let _space = places.next();
            let mut encoder = make();
            match kind {
                SinkKind::Every => {
                    let mut sink = Every::default();
                    run(&mut encoder, stream, times, &mut sink);
                    sink.digest() & 0xFF
                }
                SinkKind::Ends => {
                    let mut sink = Ends::default();
                    run(&mut encoder, stream, times, &mut sink);
                    0
                }
            }
        });
        Self { name, dialect: Dialect::Own, work: Ok(work) }
    }

    /// One that has no such cell, and why.
    pub(crate) fn cannot(name: &'static str, why: &'static str) -> Self {
        Self { name, dialect: Dialect::Own, work: Err(why) }
    }
}

/// Where in memory a contender's buffers come to lie: for each sample elsewhere. Two buffers whose addresses have their last twelve bits
/// nearly in common are copied between in up to three times the time, and who has such a pair should not be left to chance.
#[derive(Default)]
struct Places(usize);

impl Places {
    /// To be held while the buffers are: they come to lie behind it.
    fn next(&mut self) -> Vec<u8> {
        self.0 = (self.0 + 1088) % 16384;
        vec![1; self.0]
    }
}

/// Takes turns until each contender has `rounds` samples of about `sample_micros`.
///
/// # Panics
/// A contender's payloads are not those of the first one.
pub(crate) fn measure(
    cell: &Cell,
    streams: &Streams,
    contenders: &mut [Contender],
    rounds: usize,
    sample_micros: u64,
) -> Vec<Figure> {
    let mut times = vec![1; contenders.len()];
    let mut digests = Vec::new();
    for (contender, times) in contenders.iter_mut().zip(&mut times) {
        let Ok(work) = &mut contender.work else { continue };
        let stream = streams.get(contender.dialect);
        // Once for the digest, which warms up too, and once for the time.
        digests.push((contender.name, work(stream, 0, cell.segment, cell.sink, 1)));
        let begin = cpu_time();
        black_box(work(stream, 0, cell.segment, cell.sink, 1));
        if cell.temperature == Temperature::Hot {
            let one = cpu_time().saturating_sub(begin).max(Duration::from_nanos(1)).as_nanos();
            *times = usize::try_from(u128::from(sample_micros) * 1000 / one).unwrap_or(1).clamp(1, 10_000);
        }
    }
    for (name, digest) in &digests {
        assert_eq!(*digest, digests[0].1, "{cell:?}: {name} decodes otherwise than {}", digests[0].0);
    }
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut window = 0;
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let contender = &mut contenders[at];
            let Ok(work) = &mut contender.work else { continue };
            let stream = streams.get(contender.dialect);
            window = (window + 1) % stream.windows.len();
            let begin = cpu_time();
            black_box(work(stream, window, cell.segment, cell.sink, times[at]));
            let elapsed = cpu_time().saturating_sub(begin);
            let frames = if cell.segment == 0 { stream.payloads.len() } else { stream.windows[window].frames };
            // Fewer than 2^52 of either.
            #[allow(clippy::cast_precision_loss)]
            samples[at].push(elapsed.as_nanos() as f64 / (frames * times[at]) as f64);
        }
    }
    let figures = contenders.iter().zip(samples);
    figures
        .map(|(contender, mut samples)| {
            samples.sort_by(f64::total_cmp);
            let nanos = match &contender.work {
                Ok(_) => Ok(samples[samples.len() / 2]),
                Err(why) => Err(*why),
            };
            Figure { name: contender.name, nanos }
        })
        .collect()
}

/// The time that this thread ran. Other programs on the machine do not count as the contenders' time; an idle machine is better still.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a clock does not go below zero")
}

/// Folds every byte, a word at a time where it can.
#[derive(Default)]
struct Every {
    /// The exclusive or of all bytes, in eight lanes. It does not depend on where payloads are cut.
    lanes: u64,
    len: usize,
    lens: u64,
}

impl Every {
    fn digest(&self) -> u64 {
        let lanes = self.lanes ^ self.lanes >> 32;
        let lanes = lanes ^ lanes >> 16;
        (lanes ^ lanes >> 8) & 0xFF | self.lens << 8
    }
}

/// So many bytes are folded by one piece of code, for all contenders: where a compiler puts a loop in memory makes a quarter of its speed.
const MANY: usize = 128;

#[inline(never)]
fn fold_many(bytes: &[u8]) -> u64 {
    fold(bytes)
}

#[inline(always)]
fn fold(bytes: &[u8]) -> u64 {
    let mut lanes = 0;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        lanes ^= u64::from_le_bytes(word.try_into().expect("a word has 8 bytes"));
    }
    for byte in words.remainder() {
        lanes ^= u64::from(*byte);
    }
    lanes
}

impl Sink for Every {
    #[inline(always)]
    fn take(&mut self, bytes: &[u8]) {
        self.piece(bytes);
        self.end();
    }

    #[inline(always)]
    fn piece(&mut self, bytes: &[u8]) {
        self.lanes ^= if bytes.len() < MANY { fold(bytes) } else { fold_many(bytes) };
        self.len += bytes.len();
    }

    #[inline(always)]
    fn end(&mut self) {
        self.lens = self.lens.rotate_left(5) ^ self.len as u64;
        self.len = 0;
    }
}

/// Looks at the length, the first and the last byte.
#[derive(Default)]
struct Ends {
    digest: u64,
    len: u64,
    first: u8,
    last: u8,
}

impl Sink for Ends {
    #[inline(always)]
    fn take(&mut self, bytes: &[u8]) {
        self.piece(bytes);
        self.end();
    }

    #[inline(always)]
    fn piece(&mut self, bytes: &[u8]) {
        if let ([first, ..], [.., last]) = (bytes, bytes) {
            if self.len == 0 {
                self.first = *first;
            }
            self.last = *last;
            self.len += bytes.len() as u64;
        }
    }

    #[inline(always)]
    fn end(&mut self) {
        self.digest = self.digest.rotate_left(5) ^ (self.len << 16 | u64::from(self.first) << 8 | u64::from(self.last));
        (self.len, self.first, self.last) = (0, 0, 0);
    }
}

impl Temperature {
    /// The length of the stream.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Hot => 256 << 10,
            Self::Cold => 64 << 20,
        }
    }
}

impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hot => "hot",
            Self::Cold => "cold",
        })
    }
}

impl fmt::Display for SinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Every => "every",
            Self::Ends => "ends",
        })
    }
}
