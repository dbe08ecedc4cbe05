//! Decoders of COBS frames.

use framewright::framing::Cobs;
use memchr::memchr;
use postcard::accumulator::{CobsAccumulator, FeedResult};

use crate::measure::{Contender, Decode, Sink};
use crate::ours;
use crate::peers::CAPACITY;
use crate::stream::Dialect;

pub(crate) fn contenders() -> Vec<Contender> {
    let mut all = ours::contenders::<Cobs>();
    all.push(ours::streaming::<Cobs, { CAPACITY as u64 }>());
    all.extend([
        Contender::decode("hand, block copy", HandBlocks::<false>::new),
        Contender::decode("hand, checked", HandBlocks::<true>::new),
        Contender::decode("cobs", || CobsCrate(::cobs::CobsDecoderOwned::new(CAPACITY))),
        Contender::decode("corncobs, whole", || CornCobs(Frames::new())),
        Contender::decode("corncobs, bytes", || CornCobsBytes {
            decoder: corncobs::Decoder::default(),
            payload: vec![0; CAPACITY].into_boxed_slice(),
            len: 0,
        }),
        Contender::decode("wire-codec, whole", || WireCodec(Frames::new())),
        Contender::decode_dialect("postcard", Dialect::Postcard, || Postcard(Box::new(CobsAccumulator::new()))),
    ]);
    all
}

/// Copies block by block. If it is not `CHECKED`, it trusts its input: a zero inside a block passes as data. All others here look for it.
struct HandBlocks<const CHECKED: bool> {
    payload: Box<[u8]>,
    len: usize,
    /// Bytes of the block to come.
    left: usize,
    before: Before,
}

/// What comes before the next code byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Begins,
    Full,
    Zero,
}

impl<const CHECKED: bool> HandBlocks<CHECKED> {
    fn new() -> Self {
        Self { payload: vec![0; CAPACITY].into_boxed_slice(), len: 0, left: 0, before: Before::Begins }
    }
}

impl<const CHECKED: bool> Decode for HandBlocks<CHECKED> {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        loop {
            if self.left > 0 {
                let n = self.left.min(segment.len());
                let (now, later) = segment.split_at(n);
                assert!(!CHECKED || memchr(0, now).is_none(), "a good stream");
                self.payload[self.len..self.len + n].copy_from_slice(now);
                self.len += n;
                self.left -= n;
                segment = later;
            }
            let Some((&code, behind)) = segment.split_first() else { return };
            segment = behind;
            if code == 0 {
                if self.before != Before::Begins {
                    sink.take(&self.payload[..self.len]);
                }
                (self.len, self.before) = (0, Before::Begins);
                continue;
            }
            if self.before == Before::Zero {
                self.payload[self.len] = 0;
                self.len += 1;
            }
            self.left = usize::from(code) - 1;
            self.before = if code == 0xFF { Before::Full } else { Before::Zero };
        }
    }
}

struct CobsCrate(::cobs::CobsDecoderOwned);

impl Decode for CobsCrate {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while let Some(report) = self.0.push(segment).expect("a good stream") {
            sink.take(&self.0.dest()[..report.frame_size()]);
            segment = &segment[report.parsed_size()..];
        }
    }
}

/// Finds whole frames, for decoders that take no others. Only a frame that is cut is copied.
struct Frames {
    kept: Vec<u8>,
    payload: Box<[u8]>,
}

impl Frames {
    fn new() -> Self {
        Self { kept: Vec::with_capacity(CAPACITY), payload: vec![0; CAPACITY].into_boxed_slice() }
    }

    /// Calls `decode` with each frame up to its zero, and a place for its payload.
    #[inline(always)]
    fn feed(&mut self, mut segment: &[u8], mut decode: impl FnMut(&[u8], &mut [u8])) {
        while let Some(zero) = memchr(0, segment) {
            let (frame, behind) = segment.split_at(zero + 1);
            if self.kept.is_empty() {
                decode(frame, &mut self.payload);
            } else {
                self.kept.extend_from_slice(frame);
                decode(&self.kept, &mut self.payload);
                self.kept.clear();
            }
            segment = behind;
        }
        assert!(self.kept.len() + segment.len() <= CAPACITY, "too long");
        self.kept.extend_from_slice(segment);
    }
}

struct CornCobs(Frames);

impl Decode for CornCobs {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.0.feed(segment, |frame, payload| {
            let len = corncobs::decode_buf(frame, payload).expect("a good stream");
            sink.take(&payload[..len]);
        });
    }
}

struct CornCobsBytes {
    decoder: corncobs::Decoder,
    payload: Box<[u8]>,
    len: usize,
}

impl Decode for CornCobsBytes {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        for &byte in segment {
            match self.decoder.advance(byte).expect("a good stream") {
                corncobs::DecodeStatus::Pending => {}
                corncobs::DecodeStatus::Append(byte) => {
                    self.payload[self.len] = byte;
                    self.len += 1;
                }
                corncobs::DecodeStatus::Done => {
                    sink.take(&self.payload[..self.len]);
                    self.len = 0;
                    self.decoder = corncobs::Decoder::default();
                }
            }
        }
    }
}

struct WireCodec(Frames);

impl Decode for WireCodec {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.0.feed(segment, |frame, payload| {
            let mut out = wire_codec::WriteBuf::new(payload);
            wire_codec::cobs::decode(&frame[..frame.len() - 1], &mut out).expect("a good stream");
            sink.take(out.written());
        });
    }
}

struct Postcard(Box<CobsAccumulator<CAPACITY>>);

impl Decode for Postcard {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        loop {
            match self.0.feed_ref::<&[u8]>(segment) {
                FeedResult::Consumed => return,
                FeedResult::Success { data, remaining } => {
                    sink.take(data);
                    segment = remaining;
                }
                FeedResult::OverFull(_) | FeedResult::DeserError(_) => panic!("a good stream"),
            }
        }
    }
}
