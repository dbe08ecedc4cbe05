//! The framing laws for tokio: a [`Codec`] for `Framed`, `FramedRead` and `FramedWrite` of `tokio-util`.
//!
//! The engine is the same [`framewright::Decoder`] as everywhere, so a stream that ends inside a frame is an error and not an end,
//! and no memory is reserved because of a length on the wire. Needs the feature `tokio-codec`.
//!
//! ```
//! use framewright::framing::U32;
//! use framewright_host::tokio_codec::Codec;
//! use futures_util::{SinkExt, StreamExt};
//! use tokio_util::codec::Framed;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (one, other) = tokio::io::duplex(64); // or two TcpStreams
//! let mut client = Framed::new(one, Codec::new(U32::new()));
//! let mut server = Framed::new(other, Codec::new(U32::new()));
//!
//! client.send("Four score").await?;
//! let request = server.next().await.expect("a request")?;
//! server.send(request).await?;
//! assert_eq!(client.next().await.expect("a reply")?, "Four score");
//! # Ok::<(), framewright_host::tokio_codec::CodecError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::error::Error;
use std::{fmt, io};

use bytes::BytesMut;
use framewright::framing::Framing;
use framewright::{DecodeError, EncodeError, End, Event, Oversize};
use tokio_util::codec;

/// Frames of the law `L` in tokio's buffers.
///
/// It decodes to [`BytesMut`] and encodes whatever lends bytes. Give each connection its own, by [`new`](Self::new): a clone stands
/// where the original stands in its stream.
#[derive(Clone, Debug)]
pub struct Codec<L: Framing> {
    law: L,
    decoder: framewright::Decoder<L, Box<[u8]>>,
    max_frame: u64,
    /// What came of a frame that does not fit the decoder's storage: `<= max_frame` bytes.
    gathered: BytesMut,
}

/// Why a stream of frames ends.
#[derive(Debug)]
pub enum CodecError {
    /// The connection failed.
    Io(io::Error),
    /// The stream breaks the framing's law, or the limit. Nothing more is decoded.
    Decode(DecodeError),
    /// The message cannot be sent: it is longer than the limit, or the framing cannot carry it. Nothing of it was.
    Encode(EncodeError),
    /// The stream ended inside a frame.
    Truncated {
        /// Bytes of this frame that came, its header included.
        have: u64,
        /// Bytes that it has in all, where its header came and says so.
        need: Option<u64>,
    },
}

/// The longest payload in bytes, unless it is set: 16 MiB.
pub const DEFAULT_MAX_FRAME: u64 = 16 << 20;

/// Bytes of the decoder's own storage, unless it is set: for headers, and for short frames that were cut.
const DEFAULT_BUFFER_SIZE: usize = 1024;

impl<L: Framing + Clone> Codec<L> {
    /// A codec at the start of a stream, for payloads of up to [`DEFAULT_MAX_FRAME`] bytes.
    pub fn new(law: L) -> Self {
        Self::with_buffer_size(law, DEFAULT_BUFFER_SIZE)
    }

    /// [`new`](Self::new) with a storage of `bytes` for headers, for laws whose headers are longer than 1024 bytes.
    pub fn with_buffer_size(law: L, bytes: usize) -> Self {
        let decoder = framewright::Decoder::new(law.clone(), vec![0; bytes].into_boxed_slice())
            .with_oversize(Oversize::Stream)
            .with_max_frame(DEFAULT_MAX_FRAME);
        Self { law, decoder, max_frame: DEFAULT_MAX_FRAME, gathered: BytesMut::new() }
    }

    /// Sets the longest payload to receive and to send, in bytes.
    #[must_use]
    pub fn with_max_frame(mut self, max_frame: u64) -> Self {
        self.decoder = self.decoder.with_max_frame(max_frame);
        self.max_frame = max_frame;
        self
    }
}

impl<L: Framing> Codec<L> {
    /// What the law remembers of the frame that was received last: a header that says more than the length.
    pub fn state(&self) -> &L::State {
        self.decoder.state()
    }

    /// The law by which messages are sent, for laws whose header says more than the length.
    pub fn law_mut(&mut self) -> &mut L {
        &mut self.law
    }
}

impl<L: Framing> codec::Decoder for Codec<L> {
    type Item = BytesMut;
    type Error = CodecError;

    /// The next frame; `None` when `src` is used up, which it then is. After an error whatever comes is dropped.
    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<BytesMut>, CodecError> {
        let mut chunk = &src[..];
        let frame = loop {
            match self.decoder.next_event(&mut chunk) {
                Ok(Some(event)) => {
                    if let Some(frame) = gather(&mut self.gathered, event) {
                        break Ok(Some(frame));
                    }
                }
                Ok(None) => {
                    // A stopped decoder takes nothing.
                    chunk = &[];
                    break Ok(None);
                }
                Err(error) => {
                    self.gathered.clear();
                    break Err(CodecError::Decode(error));
                }
            }
        };
        let taken = src.len() - chunk.len();
        let _ = src.split_to(taken);
        frame
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<BytesMut>, CodecError> {
        if let Some(frame) = self.decode(src)? {
            return Ok(Some(frame));
        }
        loop {
            match self.decoder.finish().map_err(CodecError::Decode)? {
                End::Last(event) => {
                    if let Some(frame) = gather(&mut self.gathered, event) {
                        return Ok(Some(frame));
                    }
                }
                End::Clean | End::Stopped => return Ok(None),
                End::Truncated { have, need } => {
                    // Once: a stream that is polled again is at its end.
                    self.decoder.reset();
                    self.gathered.clear();
                    return Err(CodecError::Truncated { have, need });
                }
            }
        }
    }
}

impl<L: Framing + Clone, B: AsRef<[u8]>> codec::Encoder<B> for Codec<L> {
    type Error = CodecError;

    fn encode(&mut self, payload: B, dst: &mut BytesMut) -> Result<(), CodecError> {
        let payload = payload.as_ref();
        let len = payload.len() as u64;
        if len > self.max_frame {
            return Err(CodecError::Encode(EncodeError::TooLong { len, max: self.max_frame }));
        }
        let start = dst.len();
        let most = self.law.expansion(payload.len()).saturating_add(L::PREFIX + L::SUFFIX);
        dst.resize(start.saturating_add(most), 0);
        let mut encoder = framewright::Encoder::new(self.law.clone(), &mut dst[start..]);
        let pushed = encoder.push(payload);
        let written = encoder.pending().len();
        dst.truncate(start + written);
        pushed.map_err(CodecError::Encode)
    }
}

/// The frame that `event` completes.
fn gather(gathered: &mut BytesMut, event: Event<'_>) -> Option<BytesMut> {
    match event {
        Event::Frame(payload) => Some(BytesMut::from(payload)),
        // Its memory grows with what comes, whatever length it claims.
        Event::Begin { .. } => None,
        Event::Chunk(payload) => {
            gathered.extend_from_slice(payload);
            None
        }
        Event::End => Some(gathered.split()),
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Truncated { have, need: Some(need) } => {
                write!(f, "the stream ended inside a frame ({have} of its {need} bytes came)")
            }
            Self::Truncated { have, need: None } => {
                write!(f, "the stream ended inside a frame ({have} bytes of it came)")
            }
        }
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Decode(error) => Some(error),
            Self::Encode(error) => Some(error),
            Self::Truncated { .. } => None,
        }
    }
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
