//! What the contenders are fed: the same payloads, framed as each of them knows it.

use std::cell::OnceCell;
use std::fmt;

use bytes::Bytes;

/// How payloads are framed, and with that, what they may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// Random bytes behind a u32.
    U32,
    /// Text ended by LF.
    Lines,
    /// Random bytes: a zero among 256.
    Cobs,
    /// Random bytes, every eighth a zero: the short blocks of sensor data.
    CobsZeros,
}

/// A variation of the law, for contenders that know no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The law itself.
    Own,
    /// A u64 length instead of a u32.
    U64,
    /// COBS around postcard's form of a byte string, which has a varint length before it.
    Postcard,
}

/// How long payloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// All the same, in bytes.
    Fixed(usize),
    /// From 0 to 4,096 bytes, short ones more often.
    Mixed,
}

/// The streams of one law and payload, each made when it is first asked for.
pub(crate) struct Streams {
    law: Law,
    payload: Payload,
    bytes: usize,
    own: OnceCell<Stream>,
    u64: OnceCell<Stream>,
    postcard: OnceCell<Stream>,
}

/// Frames one behind the other.
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    /// Pieces that begin and end between frames.
    pub(crate) windows: Vec<Window>,
    /// The payloads, for encoders; those of a long stream are not kept.
    pub(crate) payloads: Vec<Bytes>,
}

/// A piece of a stream.
pub(crate) struct Window {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) frames: usize,
}

/// Bytes of a window of a long stream.
const WINDOW: usize = 4 << 20;

/// The longest payload of a mixed stream.
const MIXED_MAX: u64 = 4096;

impl Payload {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fixed(8),
        Self::Fixed(16),
        Self::Fixed(24),
        Self::Fixed(80),
        Self::Fixed(256),
        Self::Fixed(1460),
        Self::Fixed(16384),
        Self::Mixed,
    ];

    fn next_len(self, random: &mut Random) -> usize {
        match self {
            Self::Fixed(len) => len,
            Self::Mixed => {
                let most = MIXED_MAX >> (random.next() % 10);
                usize::try_from(random.next() % (most + 1)).expect("a length is small")
            }
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(len) => f.pad(&len.to_string()),
            Self::Mixed => f.pad("mixed"),
        }
    }
}

impl Streams {
    pub(crate) fn new(law: Law, payload: Payload, bytes: usize) -> Self {
        Self { law, payload, bytes, own: OnceCell::new(), u64: OnceCell::new(), postcard: OnceCell::new() }
    }

    pub(crate) fn get(&self, dialect: Dialect) -> &Stream {
        let place = match dialect {
            Dialect::Own => &self.own,
            Dialect::U64 => &self.u64,
            Dialect::Postcard => &self.postcard,
        };
        place.get_or_init(|| Stream::new(self.law, dialect, self.payload, self.bytes))
    }
}

impl Stream {
    fn new(law: Law, dialect: Dialect, payload: Payload, bytes: usize) -> Self {
        let mut random = Random::new();
        let mut stream =
            Self { bytes: Vec::with_capacity(bytes + (1 << 16)), windows: Vec::new(), payloads: Vec::new() };
        let mut window = Window { start: 0, end: 0, frames: 0 };
        let mut content = Vec::new();
        // The number of frames must not depend on the dialect, or digests would differ.
        let mut counted = 0;
        while counted < bytes {
            content.clear();
            let len = payload.next_len(&mut random);
            law.fill(&mut random, len, &mut content);
            frame(law, dialect, &content, &mut stream.bytes);
            counted += len + 4;
            if bytes < WINDOW {
                stream.payloads.push(Bytes::from_static(content.clone().leak()));
            }
            window.frames += 1;
            window.end = stream.bytes.len();
            if counted / WINDOW > (counted - len - 4) / WINDOW {
                let start = window.end;
                stream.windows.push(std::mem::replace(&mut window, Window { start, end: start, frames: 0 }));
            }
        }
        if window.frames > 0 {
            stream.windows.push(window);
        }
        stream
    }
}

impl Law {
    /// Appends a payload of `len` bytes that this law can carry.
    fn fill(self, random: &mut Random, len: usize, content: &mut Vec<u8>) {
        while content.len() < len {
            for byte in random.next().to_le_bytes() {
                content.push(match self {
                    Self::Lines => b' ' + byte % 95,
                    Self::CobsZeros if byte % 8 == 0 => 0,
                    Self::U32 | Self::Cobs | Self::CobsZeros => byte,
                });
            }
        }
        content.truncate(len);
    }
}

fn frame(law: Law, dialect: Dialect, content: &[u8], stream: &mut Vec<u8>) {
    match (law, dialect) {
        (Law::U32, Dialect::U64) => {
            stream.extend_from_slice(&(content.len() as u64).to_be_bytes());
            stream.extend_from_slice(content);
        }
        (Law::U32, _) => {
            let len = u32::try_from(content.len()).expect("payloads are short");
            stream.extend_from_slice(&len.to_be_bytes());
            stream.extend_from_slice(content);
        }
        (Law::Lines, _) => {
            stream.extend_from_slice(content);
            stream.push(b'\n');
        }
        (Law::Cobs | Law::CobsZeros, Dialect::Postcard) => {
            let mut place = vec![0; content.len() + content.len() / 250 + 16];
            let coded = postcard::to_slice_cobs(&ByteString(content), &mut place).expect("there is room");
            stream.extend_from_slice(coded);
        }
        (Law::Cobs | Law::CobsZeros, _) => {
            stream.extend_from_slice(&::cobs::encode_vec(content));
            stream.push(0);
        }
    }
}

/// Serializes as a byte string, not as a sequence of numbers.
struct ByteString<'a>(&'a [u8]);

impl serde::Serialize for ByteString<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
