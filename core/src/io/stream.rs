//! Both directions over one port.

use embedded_io::{Read, Write};

use super::{ReadError, WriteError, drain, encode, flush, read_event, read_frame, write_chunk, write_outgoing};
use crate::adapter::{Incoming, Outbox};
use crate::buffer::Storage;
use crate::decoder::{Decoder, Event, Parts};
use crate::encoder::Encoder;
use crate::framing::Framing;
use crate::outgoing::Outgoing;

/// Reads and writes frames of the law `L` over `T`, which is both a reader and a writer.
///
/// What is read goes through the decoder's storage `I`, what is written through the encoder's storage `O`. Where the
/// port can be split, a [`FrameReader`](super::FrameReader) and a [`FrameWriter`](super::FrameWriter) over its halves
/// can be used in two places at once.
#[derive(Clone, Debug)]
pub struct FrameStream<T, L: Framing, I, O> {
    port: T,
    incoming: Incoming<L, I>,
    outbox: Outbox<L, O>,
}

impl<T: Read + Write, L: Framing, I: Storage, O: Storage> FrameStream<T, L, I, O> {
    /// Makes frames of what is read from `port` by `decoder`, and writes to it what `encoder` makes of frames.
    pub const fn new(port: T, decoder: Decoder<L, I>, encoder: Encoder<L, O>) -> Self {
        Self { port, incoming: Incoming::new(decoder), outbox: Outbox::new(encoder) }
    }

    /// As [`FrameReader::read_frame`](super::FrameReader::read_frame).
    ///
    /// # Errors
    /// As there.
    pub fn read_frame(&mut self) -> Result<Option<&[u8]>, ReadError<T::Error>> {
        Ok(read_frame(&mut self.port, &mut self.incoming)?.map(|(frame, _)| frame))
    }

    /// As [`FrameReader::read_frame_and_state`](super::FrameReader::read_frame_and_state).
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::type_complexity, reason = "spelled out, it says what comes")]
    pub fn read_frame_and_state(&mut self) -> Result<Option<(&[u8], &L::State)>, ReadError<T::Error>> {
        read_frame(&mut self.port, &mut self.incoming)
    }

    /// As [`FrameReader::read_event`](super::FrameReader::read_event).
    ///
    /// # Errors
    /// As there.
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, ReadError<T::Error>> {
        Ok(read_event(&mut self.port, &mut self.incoming)?.map(|(event, _)| event))
    }

    /// [`read_frame`](Self::read_frame), with the encoder to put replies in while the frame is at hand. They are
    /// written by the next call that writes, such as [`flush`](Self::flush).
    ///
    /// ```
    /// # fn serve<T: embedded_io::Read + embedded_io::Write>(port: T) -> Result<(), Box<dyn std::error::Error>>
    /// # where T::Error: 'static {
    /// # use framewright::{Decoder, Encoder, framing::Lines, io::FrameStream};
    /// let mut stream = FrameStream::new(port, Decoder::new(Lines, [0; 80]), Encoder::new(Lines, [0; 80]));
    /// while let Some((request, replies)) = stream.read_request()? {
    ///     replies.push(if request == b"PING" { b"PONG" } else { b"ERROR" })?;
    ///     stream.flush()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`read_frame`](Self::read_frame).
    #[expect(clippy::type_complexity, reason = "spelled out, it says what comes")]
    pub fn read_request(&mut self) -> Result<Option<(&[u8], &mut Encoder<L, O>)>, ReadError<T::Error>> {
        let frame = read_frame(&mut self.port, &mut self.incoming)?;
        Ok(frame.map(|(frame, _)| (frame, &mut self.outbox.encoder)))
    }

    /// As [`FrameWriter::write_frame`](super::FrameWriter::write_frame).
    ///
    /// # Errors
    /// As there.
    pub fn write_frame(&mut self, payload: &[u8]) -> Result<(), WriteError<T::Error>> {
        encode(&mut self.port, &mut self.outbox, |encoder| encoder.push(payload))?;
        drain(&mut self.port, &mut self.outbox)
    }

    /// As [`FrameWriter::write_outgoing`](super::FrameWriter::write_outgoing).
    ///
    /// # Errors
    /// As there.
    pub fn write_outgoing(&mut self, frame: &mut Outgoing<'_>) -> Result<(), WriteError<T::Error>> {
        write_outgoing(&mut self.port, &mut self.outbox, frame)
    }

    /// As [`FrameWriter::begin_frame`](super::FrameWriter::begin_frame).
    ///
    /// # Errors
    /// As there.
    pub fn begin_frame(&mut self, len: Option<u64>) -> Result<(), WriteError<T::Error>> {
        encode(&mut self.port, &mut self.outbox, |encoder| encoder.begin(len))
    }

    /// As [`FrameWriter::write_chunk`](super::FrameWriter::write_chunk).
    ///
    /// # Errors
    /// As there.
    pub fn write_chunk(&mut self, payload: &mut &[u8]) -> Result<(), WriteError<T::Error>> {
        write_chunk(&mut self.port, &mut self.outbox, payload)
    }

    /// As [`FrameWriter::end_frame`](super::FrameWriter::end_frame).
    ///
    /// # Errors
    /// As there.
    pub fn end_frame(&mut self) -> Result<(), WriteError<T::Error>> {
        encode(&mut self.port, &mut self.outbox, Encoder::end)?;
        drain(&mut self.port, &mut self.outbox)
    }

    /// As [`FrameWriter::flush`](super::FrameWriter::flush).
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), WriteError<T::Error>> {
        drain(&mut self.port, &mut self.outbox)?;
        flush(&mut self.port)
    }

    /// Forgets all that was read and not written, for the start of another stream on the same (or a replaced) port.
    pub fn reset(&mut self) {
        self.incoming.reset();
        self.outbox.reset();
    }

    /// The decoder.
    pub fn decoder(&self) -> &Decoder<L, I> {
        &self.incoming.decoder
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder<L, O> {
        &self.outbox.encoder
    }

    /// The encoder. What is put in here is written by the next call that writes.
    pub fn encoder_mut(&mut self) -> &mut Encoder<L, O> {
        &mut self.outbox.encoder
    }

    /// The port.
    pub fn port(&self) -> &T {
        &self.port
    }

    /// The port. Bytes that are read or written here are missing in the frames, or come between them.
    pub fn port_mut(&mut self) -> &mut T {
        &mut self.port
    }

    /// The port, what is left of the decoder, and the encoder with what was not written.
    pub fn into_parts(self) -> (T, Parts<L, I>, Encoder<L, O>) {
        (self.port, self.incoming.decoder.into_parts(), self.outbox.encoder)
    }
}
