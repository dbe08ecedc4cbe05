//! Frames over anything that reads and writes by the traits of `embedded-io`: a UART, a USB serial port, a socket.
//!
//! A [`FrameReader`] takes frames from a [`Read`], a [`FrameWriter`] gives frames to a [`Write`], and a [`FrameStream`]
//! does both over one that is both. They block as long as what is below them blocks. Needs the feature `embedded-io`.
//!
//! ```
//! use framewright::io::{FrameReader, FrameWriter};
//! use framewright::{Decoder, Encoder, framing::U32};
//!
//! let mut line = [0; 32]; // what would be a wire
//! let mut writer = FrameWriter::new(&mut line[..], Encoder::new(U32::new(), [0; 16]));
//! writer.write_frame(b"hello")?;
//! writer.write_frame(b"world")?;
//!
//! let mut reader = FrameReader::new(&line[..18], Decoder::new(U32::new(), [0; 16]));
//! while let Some(frame) = reader.read_frame()? {
//!     assert!(frame == b"hello" || frame == b"world");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When something fails
//! - An I/O error is handed on as [`ReadError::Io`] or [`WriteError::Io`] (or [`WriteError::Busy`]), except
//!   [`ErrorKind::Interrupted`], which is tried again. It loses nothing: what was read stays in the decoder, what was
//!   not written in the encoder. A port that has no byte *yet* and says so with an error (`std` says `WouldBlock` or
//!   `TimedOut`) can be called again at any time.
//! - The end of the stream between two frames is `Ok(None)`; inside a frame it is [`ReadError::Truncated`].
//! - A frame that breaks a limit is [`ReadError::Frame`]; whether the next one can be read is in its
//!   [`recovery`](crate::DecodeError::recovery), and follows from the decoder's [`Oversize`](crate::Oversize).
//!
//! # On a host
//! The crate `embedded-io-adapters` makes these traits of those of `std::io`:
//!
//! ```
//! use embedded_io_adapters::std::FromStd;
//! use framewright::io::FrameStream;
//! use framewright::{Decoder, Encoder, framing::U32};
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = std::thread::spawn(move || {
//!     let (socket, _) = listener.accept().unwrap();
//!     let decoder = Decoder::new(U32::new(), [0; 1024]);
//!     let mut stream = FrameStream::new(FromStd::new(socket), decoder, Encoder::new(U32::new(), [0; 1028]));
//!     while let Some((request, replies)) = stream.read_request().unwrap() {
//!         replies.push(request).unwrap(); // an echo
//!         stream.flush().unwrap();
//!     }
//! });
//!
//! let socket = FromStd::new(TcpStream::connect(address)?);
//! let mut client = FrameStream::new(socket, Decoder::new(U32::new(), [0; 64]), Encoder::new(U32::new(), [0; 64]));
//! client.write_frame(b"Four score")?;
//! assert_eq!(client.read_frame()?, Some(&b"Four score"[..]));
//! drop(client);
//! server.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod stream;

pub use crate::adapter::{ReadError, WriteError};
pub use stream::FrameStream;

use embedded_io::{Error, ErrorKind, Read, Write};

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
    pub fn read_frame(&mut self) -> Result<Option<&[u8]>, ReadError<R::Error>> {
        Ok(read_frame(&mut self.reader, &mut self.incoming)?.map(|(frame, _)| frame))
    }

    /// [`read_frame`](Self::read_frame), with what the law remembers of the frame: a header that says more than the
    /// length.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    #[expect(clippy::type_complexity, reason = "spelled out, it says what comes")]
    pub fn read_frame_and_state(&mut self) -> Result<Option<(&[u8], &L::State)>, ReadError<R::Error>> {
        read_frame(&mut self.reader, &mut self.incoming)
    }

    /// The next frame, or piece of a frame longer than the storage; `None` at the end of the stream. What it lends
    /// stays until the next call.
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, ReadError<R::Error>> {
        Ok(read_event(&mut self.reader, &mut self.incoming)?.map(|(event, _)| event))
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
    /// [`WriteError::Frame`] nothing of it is.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::TooLarge`] for a frame longer than the storage; what the framing cannot carry;
    /// [`EncodeError::FrameOpen`] inside a frame in pieces.
    pub fn write_frame(&mut self, payload: &[u8]) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, |encoder| encoder.push(payload))?;
        drain(&mut self.writer, &mut self.outbox)
    }

    /// Writes a frame from where it lies, without a copy, and what was left before it. `frame` remembers how far it
    /// got: after an error of the writer's call again with the same one. Until that is done no other frame is written.
    ///
    /// The header goes in a write of its own, since these traits have no vectored write. So this pays for payloads of
    /// some hundred bytes and more, and over a writer with a buffer of its own.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::FrameOpen`] inside another frame.
    pub fn write_outgoing(&mut self, frame: &mut Outgoing<'_>) -> Result<(), WriteError<W::Error>> {
        write_outgoing(&mut self.writer, &mut self.outbox, frame)
    }

    /// Begins a frame whose payload comes in pieces. `len` is its length in bytes, which framings with a header need.
    ///
    /// # Errors
    /// As [`write_frame`](Self::write_frame); [`EncodeError::LengthRequired`].
    pub fn begin_frame(&mut self, len: Option<u64>) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, |encoder| encoder.begin(len))
    }

    /// Writes the next piece of the payload. `payload` moves on behind what was taken: all of it, or after an error of
    /// the writer's less. The last bytes may stay in the encoder until the next call.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::LengthMismatch`] for more than the header said; [`EncodeError::NoFrameOpen`].
    pub fn write_chunk(&mut self, payload: &mut &[u8]) -> Result<(), WriteError<W::Error>> {
        write_chunk(&mut self.writer, &mut self.outbox, payload)
    }

    /// Ends the frame that was begun, and writes what is left of it. After [`WriteError::Io`] it is ended, and
    /// [`flush`](Self::flush) writes the rest.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::LengthMismatch`] if payload is missing: it can still be written;
    /// [`EncodeError::NoFrameOpen`].
    pub fn end_frame(&mut self) -> Result<(), WriteError<W::Error>> {
        encode(&mut self.writer, &mut self.outbox, Encoder::end)?;
        drain(&mut self.writer, &mut self.outbox)
    }

    /// Writes what is in the encoder, and flushes the writer.
    ///
    /// # Errors
    /// The writer's; [`EncodeError::FrameOpen`] in the middle of [`write_outgoing`](Self::write_outgoing).
    pub fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        drain(&mut self.writer, &mut self.outbox)?;
        flush(&mut self.writer)
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
fn read_frame<'d, R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &'d mut Incoming<L, S>,
) -> Result<LentFrame<'d, L>, ReadError<R::Error>> {
    let found = loop {
        match incoming.next_frame()? {
            Next::Lend(found) => break found,
            Next::Read => read(reader, incoming)?,
            Next::End => return Ok(incoming.end()?.and_then(whole)),
        }
    };
    Ok(incoming.lend(found).and_then(whole))
}

/// The next event, with what the law remembers of its frame.
fn read_event<'d, R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &'d mut Incoming<L, S>,
) -> Result<Lent<'d, L>, ReadError<R::Error>> {
    let found = loop {
        match incoming.next_event()? {
            Next::Lend(found) => break found,
            Next::Read => read(reader, incoming)?,
            Next::End => return incoming.end(),
        }
    };
    Ok(incoming.lend(found))
}

/// Reads once. An interrupted read counts: the caller reads until there is a frame.
fn read<R: Read, L: Framing, S: Storage>(
    reader: &mut R,
    incoming: &mut Incoming<L, S>,
) -> Result<(), ReadError<R::Error>> {
    match reader.read(incoming.spare_mut()?) {
        Ok(n) => incoming.came(n),
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(ReadError::Io(error)),
    }
    Ok(())
}

/// Encodes something, and writes what is in its way.
fn encode<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    mut put: impl FnMut(&mut Encoder<L, S>) -> Result<(), EncodeError>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.encode(&mut put)? {
        write(writer, outbox).map_err(Outbox::<L, S>::busy)?;
    }
    Ok(())
}

/// Encodes a piece of a payload, and writes what is in its way.
fn write_chunk<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    payload: &mut &[u8],
) -> Result<(), WriteError<W::Error>> {
    while !outbox.encode_chunk(payload)? {
        write(writer, outbox)?;
    }
    Ok(())
}

/// Writes what is in the encoder.
fn drain<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.pending()?.is_empty() {
        write(writer, outbox)?;
    }
    Ok(())
}

/// Writes once, something that is pending. An interrupted write counts: the caller writes until all is done.
fn write<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
) -> Result<(), WriteError<W::Error>> {
    match writer.write(outbox.pending()?) {
        Ok(n) => outbox.wrote(n),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(WriteError::Io(error)),
    }
}

/// Writes a frame past the encoder.
fn write_outgoing<W: Write, L: Framing, S: Storage>(
    writer: &mut W,
    outbox: &mut Outbox<L, S>,
    frame: &mut Outgoing<'_>,
) -> Result<(), WriteError<W::Error>> {
    while !outbox.let_past(frame)? {
        write(writer, outbox)?;
    }
    while frame.remaining() > 0 {
        match writer.write(first_part(frame)) {
            Ok(n) => outbox.went_past(frame, n)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(WriteError::Io(error)),
        }
    }
    Ok(())
}

fn flush<W: Write>(writer: &mut W) -> Result<(), WriteError<W::Error>> {
    loop {
        match writer.flush() {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(WriteError::Io(error)),
        }
    }
}
