//! Encoders. Each writes frames into a buffer of its own until the next does not fit; then the sink has the bytes, as a socket would.

use bytes::{Bytes, BytesMut};
use framewright::framing::{Cobs, Framing, Lines, U32};
use framewright::{EncodeError, Encoder};
use tokio_util::codec::Encoder as _;
use wire_codec::WriteBuf;
use wire_codec::framing::{Delimited, Endian, Framer, LengthPrefixed, LengthWidth};

use crate::measure::{Contender, Encode, Sink};
use crate::peers::CAPACITY;

pub(crate) fn u32_contenders() -> Vec<Contender> {
    vec![
        Contender::encode("push", || Push(Encoder::new(U32::new(), vec![0; CAPACITY]))),
        Contender::encode("reserve, commit", || InPlace(Encoder::new(U32::new(), vec![0; CAPACITY]))),
        Contender::encode("hand", || Hand { buffer: vec![0; CAPACITY].into_boxed_slice(), len: 0 }),
        Contender::encode("wire-codec", || WireCodec {
            framer: LengthPrefixed::new(LengthWidth::U32, Endian::Big),
            buffer: vec![0; CAPACITY].into_boxed_slice(),
            len: 0,
        }),
        Contender::encode("tokio-util", || TokioUtil {
            codec: tokio_util::codec::LengthDelimitedCodec::new(),
            buffer: BytesMut::with_capacity(CAPACITY),
        }),
        Contender::cannot("framez", "no length prefix"),
        Contender::cannot("async-codec", "u64 only"),
    ]
}

pub(crate) fn lines_contenders() -> Vec<Contender> {
    vec![
        Contender::encode("push", || Push(Encoder::new(Lines, vec![0; CAPACITY]))),
        Contender::encode("hand", || HandLines { buffer: vec![0; CAPACITY].into_boxed_slice(), len: 0 }),
        Contender::encode("wire-codec", || WireCodec {
            framer: Delimited::new(b"\n").expect("a delimiter"),
            buffer: vec![0; CAPACITY].into_boxed_slice(),
            len: 0,
        }),
        Contender::encode("tokio-util", || TokioUtilLines(BytesMut::with_capacity(CAPACITY))),
        Contender::cannot("framez", "writes CR LF"),
        Contender::cannot("async-codec", "writes no LF"),
    ]
}

pub(crate) fn cobs_contenders() -> Vec<Contender> {
    vec![
        Contender::encode("push", || Push(Encoder::new(Cobs, vec![0; CAPACITY]))),
        Contender::encode("cobs", || CobsCrate { buffer: vec![0; CAPACITY].into_boxed_slice(), len: 0 }),
        Contender::encode("corncobs", || CornCobs { buffer: vec![0; CAPACITY].into_boxed_slice(), len: 0 }),
        Contender::encode("wire-codec", || WireCodecCobs { buffer: vec![0; CAPACITY].into_boxed_slice(), len: 0 }),
        Contender::cannot("postcard", "needs a serializer"),
    ]
}

/// Ours.
struct Push<L: Framing>(Encoder<L, Vec<u8>>);

impl<L: Framing> Encode for Push<L> {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        while let Err(error) = self.0.push(payload) {
            assert!(matches!(error, EncodeError::Full { .. }), "{error}");
            self.flush(sink);
        }
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        let pending = self.0.pending();
        sink.take(pending);
        let n = pending.len();
        self.0.sent(n);
    }
}

/// Ours, with the payload written in its place.
struct InPlace(Encoder<U32, Vec<u8>>);

impl Encode for InPlace {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        loop {
            if let Ok(place) = self.0.reserve(payload.len()) {
                place.copy_from_slice(payload);
                self.0.commit(payload.len()).expect("it was reserved");
                return;
            }
            self.flush(sink);
        }
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        let pending = self.0.pending();
        sink.take(pending);
        let n = pending.len();
        self.0.sent(n);
    }
}

/// Slice writes.
struct Hand {
    buffer: Box<[u8]>,
    len: usize,
}

impl Encode for Hand {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        let need = 4 + payload.len();
        if self.buffer.len() - self.len < need {
            self.flush(sink);
        }
        let place = &mut self.buffer[self.len..self.len + need];
        let header = u32::try_from(payload.len()).expect("payloads are short");
        place[..4].copy_from_slice(&header.to_be_bytes());
        place[4..].copy_from_slice(payload);
        self.len += need;
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}

/// Slice writes, after a look for an LF.
struct HandLines {
    buffer: Box<[u8]>,
    len: usize,
}

impl Encode for HandLines {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        assert!(memchr::memchr(b'\n', payload).is_none(), "not a line");
        let need = payload.len() + 1;
        if self.buffer.len() - self.len < need {
            self.flush(sink);
        }
        let place = &mut self.buffer[self.len..self.len + need];
        place[..payload.len()].copy_from_slice(payload);
        place[payload.len()] = b'\n';
        self.len += need;
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}

struct WireCodec<F> {
    framer: F,
    buffer: Box<[u8]>,
    len: usize,
}

impl<F: Framer> Encode for WireCodec<F> {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        loop {
            let mut out = WriteBuf::new(&mut self.buffer[self.len..]);
            if self.framer.write_frame(payload, &mut out).is_ok() {
                self.len += out.position();
                return;
            }
            self.flush(sink);
        }
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}

struct TokioUtil {
    codec: tokio_util::codec::LengthDelimitedCodec,
    buffer: BytesMut,
}

impl Encode for TokioUtil {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        if self.buffer.len() + payload.len() + 4 > CAPACITY {
            self.flush(sink);
        }
        // A static `Bytes`: its clone counts no references.
        self.codec.encode(payload.clone(), &mut self.buffer).expect("a short payload");
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer);
        self.buffer.clear();
    }
}

struct TokioUtilLines(BytesMut);

impl Encode for TokioUtilLines {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        if self.0.len() + payload.len() + 1 > CAPACITY {
            self.flush(sink);
        }
        let line = std::str::from_utf8(payload).expect("text");
        tokio_util::codec::LinesCodec::new().encode(line, &mut self.0).expect("a short line");
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.0);
        self.0.clear();
    }
}

struct CobsCrate {
    buffer: Box<[u8]>,
    len: usize,
}

impl Encode for CobsCrate {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        loop {
            if let Ok(n) = ::cobs::try_encode(payload, &mut self.buffer[self.len..CAPACITY - 1]) {
                self.len += n;
                self.buffer[self.len] = 0;
                self.len += 1;
                return;
            }
            self.flush(sink);
        }
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}

struct CornCobs {
    buffer: Box<[u8]>,
    len: usize,
}

impl Encode for CornCobs {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        // It panics where there is no room.
        if CAPACITY - self.len < corncobs::max_encoded_len(payload.len()) {
            self.flush(sink);
        }
        self.len += corncobs::encode_buf(payload, &mut self.buffer[self.len..]);
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}

struct WireCodecCobs {
    buffer: Box<[u8]>,
    len: usize,
}

impl Encode for WireCodecCobs {
    #[inline(always)]
    fn push<S: Sink>(&mut self, payload: &Bytes, sink: &mut S) {
        loop {
            let mut out = WriteBuf::new(&mut self.buffer[self.len..CAPACITY - 1]);
            if wire_codec::cobs::encode(payload, &mut out).is_ok() {
                self.len += out.position();
                self.buffer[self.len] = 0;
                self.len += 1;
                return;
            }
            self.flush(sink);
        }
    }

    fn flush<S: Sink>(&mut self, sink: &mut S) {
        sink.take(&self.buffer[..self.len]);
        self.len = 0;
    }
}
