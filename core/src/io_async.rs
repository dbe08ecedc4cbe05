//! Frames over anything that reads and writes by the traits of `embedded-io-async`: a UART with interrupts or DMA, a
//! socket of `embassy-net`.
//!
//! The types are those of the module `io` (feature `embedded-io`) with `.await`: a [`FrameReader`] over a [`Read`], a
//! [`FrameWriter`] over a [`Write`], and a [`FrameStream`] over one that is both. Any executor will do. Needs the feature
//! `embedded-io-async`.
//!
//! ```
//! use framewright::io_async::{FrameReader, FrameWriter};
//! use framewright::{Decoder, Encoder, framing::U32};
//!
//! # let done = async {
//! let mut line = [0; 32]; // what would be a wire
//! let mut writer = FrameWriter::new(&mut line[..], Encoder::new(U32::new(), [0; 16]));
//! writer.write_frame(b"hello").await?;
//! writer.write_frame(b"world").await?;
//!
//! let mut reader = FrameReader::new(&line[..18], Decoder::new(U32::new(), [0; 16]));
//! while let Some(frame) = reader.read_frame().await? {
//!     assert!(frame == b"hello" || frame == b"world");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # };
//! # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! # assert!(matches!(std::pin::pin!(done).poll(&mut context), std::task::Poll::Ready(Ok(()))));
//! ```
//!
//! # Futures that are dropped
//! A future of this module may be dropped at any `.await`, as `select` and time-outs do. No byte is lost or sent twice,
//! as long as the same holds for the reader or writer below (see its documentation; a DMA read that is dropped may lose
//! bytes).
//!
//! | dropped | where things are | what to do |
//! |---|---|---|
//! | `read_frame`, `read_event`, `read_request` | what came is in the decoder | call it again, when it suits |
//! | `write_frame` | the frame is in the encoder, whole, from the first poll on (*) | call [`flush`](FrameWriter::flush); any call that writes sends the rest first |
//! | `flush` | what was not written is in the encoder | call it again |
//! | `write_outgoing` | how far it got is in the [`Outgoing`] | call it again with the same one |
//! | `write_chunk` | the slice has moved on behind what was taken | call it again with what is left |
//! | `begin_frame`, `end_frame` | [`Encoder::is_streaming`] tells whether the frame is open | call it again, if it is not done |
//!
//! (*) If nothing was left in the encoder from an earlier call that was dropped or failed. Else the new frame may still
//! wait for room: so `flush` after such a call, and before the next frame.
//!
//! # When something fails
//! - An I/O error is handed on as [`ReadError::Io`] or [`WriteError::Io`] (or [`WriteError::Busy`]), except
//!   [`ErrorKind::Interrupted`], which is tried again. It loses nothing, just like a dropped future.
//! - The end of the stream between two frames is `Ok(None)`; inside a frame it is [`ReadError::Truncated`].
//! - A frame that breaks a limit is [`ReadError::Frame`]; whether the next one can be read is in its
//!   [`recovery`](crate::DecodeError::recovery), and follows from the decoder's [`Oversize`](crate::Oversize).
//!
//! # Over tokio
//! The crate `embedded-io-adapters` makes these traits of tokio's (`FromTokio`, feature `tokio-1`). For `Framed` of
//! `tokio-util` there is a codec of these laws in package `std-host`.

mod stream;

pub use crate::adapter::{ReadError, WriteError};
pub use stream::FrameStream;

use embedded_io_async::{Error, ErrorKind, Read, Write};

use crate::adapter::{Incoming, Lent, LentFrame, Next, Outbox, first_part, whole};
use crate::buffer::Storage;
use crate::decoder::{Decoder, Event, Parts};
use crate::encoder::Encoder;
use crate::error::EncodeError;
use crate::framing::Framing;
use crate::outgoing::Outgoing;

/// Reads frames of the law `L` from `R`, straight into the decoder's storage `S`.
#[derive(Clone, Debug)]
pub struct FrameReader<R, L: Framing, S> {
    reader: R,
    incoming: Incoming<L, S>,
}

/// Writes frames of the law `L` to `W`, by way of the encoder's storage `S`.
///
/// - [`write_frame`](Self::write_frame) for a frame that fits the storage: all or nothing.
/// - [`encoder_mut`](Self::encoder_mut) to make frames in place, or several for one write; then [`flush`](Self::flush).
/// - [`write_outgoing`](Self::write_outgoing) for a long payload that should not be copied.
/// - [`begin_frame`](Self::begin_frame), [`write_chunk`](Self::write_chunk), [`end_frame`](Self::end_frame) for a
///   payload that comes in pieces.
#[derive(Clone, Debug)]
pub struct FrameWriter<W, L, S> {
    writer: W,
    outbox: Outbox<L, S>,
}

impl<R: Read, L: Framing, S: Storage> FrameReader<R, L, S> {
    /// Reads from `reader` what `decoder` makes frames of.
    pub const fn new(reader: R, decoder: Decoder<L, S>) -> Self {
        Self { reader, incoming: Incoming::new(decoder) }
    }

    /// The next frame, whole; `None` at the end of the stream. The payload stays until the next call.
    ///
    /// With [`Oversize::Stream`](crate::Oversize::Stream) use [`read_event`](Self::read_event); here the pieces of a
    /// streamed frame are dropped.
    ///
    /// # Errors
    /// The reader's, or the stream's; see the [module](self).
    pub async fn read_frame(&mut self) -> Result<Option<&[u8]>, ReadError<R::Error>> {
        Ok(read_frame(&mut self.reader, &mut self.incoming).await?.map(|(frame, _)| frame))
    }

    /// [`read_frame`](Self::read_frame), with what the law remembers of the frame: a header that says more than the
    /// length.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    pub async fn read_frame_and_state(&mut self) -> Result<Option<(&[u8], &L::State)>, ReadError<R::Error>> {
        read_frame(&mut self.reader, &mut self.incoming).await
    }

    /// The next frame, or piece of a frame longer than the storage; `None` at the end of the stream. What it lends
    /// stays until the next call.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    pub async fn read_event(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        Ok(read_event(&mut self.reader, &mut self.incoming).await?.map(|(event, _)| event))
    }

    /// Forgets all that was read, for the start of another stream on the same (or a replaced) reader.
    pub fn reset(&mut self) {
        self.incoming.reset();
    }

    /// The decoder.
    pub fn decoder(&self) -> &Decoder<L, S> {
        &self.incoming.decoder
    }

    /// The reader.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The reader. Bytes that are read from it here are missing in the frames.
    pub fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader, and what is left of the decoder: bytes that were read and belong to no frame yet, for a protocol
    /// that goes on in another framing.
    pub fn into_parts(self) -> (R, Parts<L, S>) {
        (self.reader, self.incoming.decoder.into_parts())
    }
}

impl<W: Write, L: Framing, S: Storage> FrameWriter<W, L, S> {
    /// Writes to `writer` what `encoder` makes of frames.
    pub const fn new(writer: W, encoder: Encoder<L, S>) -> Self {
        Self { writer, outbox: Outbox::new(encoder) }
    }

    /// Writes a frame with this payload, and what was left before it. Does not [`flush`](Self::flush).
    ///
    /// Header, payload and trailer go in one write, if the writer takes it. After [`WriteError::Io`] the frame is in
    /// the encoder, whole, and the next call writes the rest of it; after [`WriteError::Busy`] and
    /// [`WriteError::Frame`] nothing of it is. If the future is dropped, the frame is in the encoder too, if nothing
    /// was left there from before; [`flush`](Self::flush) sees to that.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::TooLarge`] for a frame longer than the storage; what the framing cannot carry;
    /// [`EncodeError::FrameOpen`] inside a frame in pieces.
    pub async fn write_frame(&mut self, payload: &[u8]) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, |encoder| encoder.push(payload)).await?;
        drain(&mut self.writer, &mut self.outbox).await
    }

    /// Writes a frame from where it lies, without a copy, and what was left before it. `frame` remembers how far it
    /// got: after an error of the writer's, or when the future was dropped, call again with the same one. Until that is
    /// done no other frame is written.
    ///
    /// The header goes in a write of its own, since these traits have no vectored write. So this pays for payloads of
    /// some hundred bytes and more, and over a writer with a buffer of its own.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::FrameOpen`] inside another frame.
    pub async fn write_outgoing(&mut self, frame: &mut Outgoing<'_>) -> Result<(), WriteError<W::Error>> {
        write_outgoing(&mut self.writer, &mut self.outbox, frame).await
    }

    /// Begins a frame whose payload comes in pieces. `len` is its length in bytes, which framings with a header need.
    ///
    /// # Errors
    /// As [`write_frame`](Self::write_frame); [`EncodeError::LengthRequired`].
    pub async fn begin_frame(&mut self, len: Option<u64>) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, |encoder| encoder.begin(len)).await
    }

    /// Writes the next piece of the payload. `payload` moves on behind what was taken: all of it, or after an error of
    /// the writer's less. The last bytes may stay in the encoder until the next call.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::LengthMismatch`] for more than the header said; [`EncodeError::NoFrameOpen`].
    pub async fn write_chunk(&mut self, payload: &mut &[u8]) -> Result<(), WriteError<W::Error>> {
        write_chunk(&mut self.writer, &mut self.outbox, payload).await
    }

    /// Ends the frame that was begun, and writes what is left of it. After [`WriteError::Io`] it is ended, and
    /// [`flush`](Self::flush) writes the rest.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::LengthMismatch`] if payload is missing: it can still be written;
    /// [`EncodeError::NoFrameOpen`].
    pub async fn end_frame(&mut self) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, Encoder::end).await?;
        drain(&mut self.writer, &mut self.outbox).await
    }

    /// Writes what is in the encoder, and flushes the writer.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::FrameOpen`] in the middle of [`write_outgoing`](Self::write_outgoing).
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        drain(&mut self.writer, &mut self.outbox).await?;
        flush(&mut self.writer).await
    }

    /// Forgets all that was not written, for the start of another stream on the same (or a replaced) writer.
    pub fn reset(&mut self) {
        self.outbox.reset();
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder<L, S> {
        &self.outbox.encoder
    }

    /// The encoder. What is put in here is written by the next call that writes.
    pub fn encoder_mut(&mut self) -> &mut Encoder<L, S> {
        &mut self.outbox.encoder
    }

    /// The writer.
    pub fn writer(&self) -> &W {
        &self.writer
    }

    /// The writer. Bytes that are written to it here come between those of the frames.
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer, and the encoder with what was not written.
    pub fn into_parts(self) -> (W, Encoder<L, S>) {
        (self.writer, self.outbox.encoder)
    }
}

/// The next frame, with what the law remembers of it.
async fn read_frame<'d, R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &'d mut Incoming<L, S>,
) -> Result<LentFrame<'d, L>, ReadError<R::Error>> {
    let found = loop {
        match incoming.next_frame()? {
            Next::Lend(found) => break found,
            Next::Read => read(reader, incoming).await?,
            Next::End => return Ok(incoming.end()?.and_then(whole)),
        }
    };
    Ok(incoming.lend(found).and_then(whole))
}

/// The next event, with what the law remembers of its frame.
async fn read_event<'d, R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &'d mut Incoming<L, S>,
) -> Result<Lent<'d, L>, ReadError<R::Error>> {
    let found = loop {
        match incoming.next_event()? {
            Next::Lend(found) => break found,
            Next::Read => read(reader, incoming).await?,
            Next::End => return incoming.end(),
        }
    };
    Ok(incoming.lend(found))
}

/// Reads once. An interrupted read counts: the caller reads until there is a frame.
async fn read<R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &mut Incoming<L, S>,
) -> Result<(), ReadError<R::Error>> {
    match reader.read(incoming.spare_mut()?).await {
        Ok(n) => incoming.came(n),
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(ReadError::Io(error)),
    }
    Ok(())
}

/// Encodes something, and writes what is in its way.
async fn encode<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    mut put: impl FnMut(&mut Encoder<L, S>) -> Result<(), EncodeError>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.encode(&mut put)? {
        write(writer, outbox).await.map_err(Outbox::<L, S>::busy)?;
    }
    Ok(())
}

/// Encodes a piece of a payload, and writes what is in its way.
async fn write_chunk<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    payload: &mut &[u8],
) -> Result<(), WriteError<W::Error>> {
    while !outbox.encode_chunk(payload)? {
        write(writer, outbox).await?;
    }
    Ok(())
}

/// Writes what is in the encoder.
async fn drain<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.pending()?.is_empty() {
        write(writer, outbox).await?;
    }
    Ok(())
}

/// Writes once, something that is pending. An interrupted write counts: the caller writes until all is done.
async fn write<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
) -> Result<(), WriteError<W::Error>> {
    match writer.write(outbox.pending()?).await {
        Ok(n) => outbox.wrote(n),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(WriteError::Io(error)),
    }
}

/// Writes a frame past the encoder.
async fn write_outgoing<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    frame: &mut Outgoing<'_>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.let_past(frame)? {
        write(writer, outbox).await?;
    }
    while frame.remaining() > 0 {
        match writer.write(first_part(frame)).await {
            Ok(n) => outbox.went_past(frame, n)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(WriteError::Io(error)),
        }
    }
    Ok(())
}

async fn flush<W: Write>(writer: &mut W) -> Result<(), WriteError<W::Error>> {
    loop {
        match writer.flush().await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(WriteError::Io(error)),
        }
    }
}
