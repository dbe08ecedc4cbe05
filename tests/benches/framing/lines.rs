//! Decoders of text lines.

use bytes::BytesMut;
use framewright::framing::Lines;
use memchr::memchr;
use tokio_util::codec::Decoder as _;
use wire_codec::framing::{Delimited, StreamDecoder};

use crate::measure::{Contender, Decode, Sink};
use crate::ours;
use crate::peers::{CAPACITY, Fixed, Framez};

pub(crate) fn contenders() -> Vec<Contender> {
    let mut all = ours::contenders::<Lines>();
    all.extend([
        Contender::decode("hand, fixed buffer", || HandFixed { buffer: Fixed::new(), searched: 0 }),
        Contender::decode("hand, borrow", || HandBorrow(Vec::with_capacity(CAPACITY))),
        Contender::decode("wire-codec", || WireCodec {
            buffer: Fixed::new(),
            decoder: StreamDecoder::new(Delimited::new(b"\n").expect("a delimiter").with_max_payload(CAPACITY)),
        }),
        Contender::decode("tokio-util", || TokioUtil {
            buffer: BytesMut::with_capacity(CAPACITY),
            codec: tokio_util::codec::LinesCodec::new_with_max_length(CAPACITY),
        }),
        Contender::decode("framez", || Framez::new(framez::codec::lines::Lines::new())),
        Contender::decode("async-codec", || AsynchronousCodec { buffer: BytesMut::with_capacity(CAPACITY) }),
    ]);
    all
}

/// A fixed buffer and memchr, which goes on where it stopped.
struct HandFixed {
    buffer: Fixed,
    searched: usize,
}

impl Decode for HandFixed {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            self.buffer.read(&mut segment);
            let mut rest = self.buffer.unread();
            while let Some(lf) = memchr(b'\n', &rest[self.searched..]) {
                let lf = self.searched + lf;
                sink.take(without_cr(&rest[..lf]));
                rest = &rest[lf + 1..];
                self.searched = 0;
            }
            self.searched = rest.len();
            self.buffer.start = self.buffer.end - rest.len();
        }
    }
}

/// memchr over the segment itself; only a line that is cut is copied.
struct HandBorrow(Vec<u8>);

impl Decode for HandBorrow {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        if !self.0.is_empty() {
            let Some(lf) = memchr(b'\n', segment) else {
                assert!(self.0.len() + segment.len() <= CAPACITY, "too long");
                self.0.extend_from_slice(segment);
                return;
            };
            self.0.extend_from_slice(&segment[..lf]);
            sink.take(without_cr(&self.0));
            self.0.clear();
            segment = &segment[lf + 1..];
        }
        while let Some(lf) = memchr(b'\n', segment) {
            sink.take(without_cr(&segment[..lf]));
            segment = &segment[lf + 1..];
        }
        self.0.extend_from_slice(segment);
    }
}

#[inline(always)]
fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

struct WireCodec {
    buffer: Fixed,
    decoder: StreamDecoder<Delimited<'static>>,
}

impl Decode for WireCodec {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            self.buffer.read(&mut segment);
            while let Some(frame) = self.decoder.decode(self.buffer.unread()).expect("a good stream") {
                sink.take(without_cr(frame.payload()));
                self.buffer.start += frame.consumed();
            }
        }
    }
}

struct TokioUtil {
    buffer: BytesMut,
    codec: tokio_util::codec::LinesCodec,
}

impl Decode for TokioUtil {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.buffer.extend_from_slice(segment);
        while let Some(line) = self.codec.decode(&mut self.buffer).expect("a good stream") {
            sink.take(line.as_bytes());
        }
    }
}

struct AsynchronousCodec {
    buffer: BytesMut,
}

impl Decode for AsynchronousCodec {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.buffer.extend_from_slice(segment);
        let mut codec = asynchronous_codec::LinesCodec;
        while let Some(line) = asynchronous_codec::Decoder::decode(&mut codec, &mut self.buffer).expect("a good stream")
        {
            // It leaves the LF.
            sink.take(without_cr(line.as_bytes().strip_suffix(b"\n").unwrap_or(line.as_bytes())));
        }
    }
}
