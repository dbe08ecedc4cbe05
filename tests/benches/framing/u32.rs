//! Decoders of `[length: u32 big-endian][payload]`.

use bytes::BytesMut;
use framewright::framing::U32;
use tokio_util::codec::Decoder as _;
use wire_codec::framing::{Endian, Framer, LengthPrefixed, LengthWidth};

use crate::measure::{Contender, Decode, Sink};
use crate::ours;
use crate::peers::{CAPACITY, Fixed, Framez};
use crate::stream::Dialect;

/// The longest payload that everyone accepts.
const MAX: usize = CAPACITY - HEADER;
/// Bytes of the length.
const HEADER: usize = 4;

pub(crate) fn contenders() -> Vec<Contender> {
    let mut all = ours::contenders::<U32>();
    all.push(ours::streaming::<U32, { MAX as u64 }>());
    all.extend([
        Contender::decode("hand, fixed buffer", || HandFixed(Fixed::new())),
        Contender::decode("hand, borrow", || HandBorrow(Vec::with_capacity(CAPACITY))),
        Contender::decode("wire-codec", || WireCodec {
            buffer: Fixed::new(),
            framer: LengthPrefixed::new(LengthWidth::U32, Endian::Big).with_max_payload(MAX as u64),
        }),
        Contender::decode("tokio-util", || TokioUtil {
            buffer: BytesMut::with_capacity(CAPACITY),
            codec: tokio_util::codec::LengthDelimitedCodec::builder().max_frame_length(MAX).new_codec(),
        }),
        Contender::decode("framez, own codec", || Framez::new(FramezU32)),
        Contender::decode_dialect("async-codec, u64", Dialect::U64, || AsynchronousCodec {
            buffer: BytesMut::with_capacity(CAPACITY),
        }),
    ]);
    all
}

/// A fixed buffer and a slice walk.
struct HandFixed(Fixed);

impl Decode for HandFixed {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            self.0.read(&mut segment);
            let unread = self.0.unread();
            let mut rest = unread;
            while let Some((payload, behind)) = split_frame(rest) {
                sink.take(payload);
                rest = behind;
            }
            self.0.start = self.0.end - rest.len();
        }
    }
}

/// A slice walk over the segment itself; only a frame that is cut is copied.
struct HandBorrow(Vec<u8>);

impl Decode for HandBorrow {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !self.0.is_empty() {
            let wanted = match self.0.first_chunk() {
                Some(header) => HEADER + u32::from_be_bytes(*header) as usize,
                None => HEADER,
            };
            assert!(wanted <= CAPACITY, "too long");
            let n = segment.len().min(wanted - self.0.len());
            let (now, later) = segment.split_at(n);
            self.0.extend_from_slice(now);
            segment = later;
            if self.0.len() < wanted {
                return;
            }
            if let Some((payload, _)) = split_frame(&self.0) {
                sink.take(payload);
                self.0.clear();
            }
        }
        while let Some((payload, behind)) = split_frame(segment) {
            sink.take(payload);
            segment = behind;
        }
        self.0.extend_from_slice(segment);
    }
}

#[inline(always)]
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk()?;
    let len = u32::from_be_bytes(*header) as usize;
    assert!(len <= MAX, "too long");
    rest.split_at_checked(len)
}

struct WireCodec {
    buffer: Fixed,
    framer: LengthPrefixed,
}

impl Decode for WireCodec {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            self.buffer.read(&mut segment);
            while let Some(frame) = self.framer.next_frame(self.buffer.unread()).expect("a good stream") {
                sink.take(frame.payload());
                self.buffer.start += frame.consumed();
            }
        }
    }
}

struct TokioUtil {
    buffer: BytesMut,
    codec: tokio_util::codec::LengthDelimitedCodec,
}

impl Decode for TokioUtil {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.buffer.extend_from_slice(segment);
        while let Some(payload) = self.codec.decode(&mut self.buffer).expect("a good stream") {
            sink.take(&payload);
        }
    }
}

struct AsynchronousCodec {
    buffer: BytesMut,
}

impl Decode for AsynchronousCodec {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        self.buffer.extend_from_slice(segment);
        let mut codec = asynchronous_codec::LengthCodec;
        while let Some(payload) =
            asynchronous_codec::Decoder::decode(&mut codec, &mut self.buffer).expect("a good stream")
        {
            sink.take(&payload);
        }
    }
}

/// framez has no length prefix; this is a codec for it as its documentation teaches.
struct FramezU32;

impl framez::decode::DecodeError for FramezU32 {
    type Error = std::convert::Infallible;
}

impl<'buf> framez::decode::Decoder<'buf> for FramezU32 {
    type Item = &'buf [u8];

    fn decode(&mut self, src: &'buf mut [u8]) -> Result<Option<(&'buf [u8], usize)>, Self::Error> {
        Ok(split_frame(src).map(|(payload, _)| (payload, HEADER + payload.len())))
    }
}
