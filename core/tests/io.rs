//! The blocking adapters over ports that read and write little at a time, fail in between, and end where they should not; and
//! over real sockets.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use embedded_io_adapters::std::FromStd;
use framewright::framing::{Cobs, Lines, U32};
use framewright::io::{FrameReader, FrameStream, FrameWriter, ReadError, WriteError};
use framewright::{DecodeError, DecodeErrorKind, Decoder, EncodeError, Encoder, Event, Outgoing, Oversize, Recovery};

/// A port that does what it is told: each read takes the next of `input`, each write the next of `output` (and everything, when
/// that is used up).
#[derive(Default)]
struct Port {
    input: VecDeque<Result<Vec<u8>, ErrorKind>>,
    output: VecDeque<Result<usize, ErrorKind>>,
    written: Vec<u8>,
    writes: usize,
    flushes: usize,
}

impl Port {
    fn reading(input: impl IntoIterator<Item = Result<Vec<u8>, ErrorKind>>) -> Self {
        Self { input: input.into_iter().collect(), ..Self::default() }
    }

    fn writing(output: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Self {
        Self { output: output.into_iter().collect(), ..Self::default() }
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "a read into no space cannot tell the end");
        let Some(next) = self.input.pop_front() else { return Ok(0) };
        let mut bytes = next?;
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        bytes.drain(..n);
        if !bytes.is_empty() {
            self.input.push_front(Ok(bytes));
        }
        Ok(n)
    }
}

impl Write for Port {
    fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "a write of nothing");
        let n = self.output.pop_front().unwrap_or(Ok(usize::MAX))?.min(buf.len());
        self.written.extend_from_slice(&buf[..n]);
        self.writes += 1;
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.flushes += 1;
        Ok(())
    }
}

#[test]
fn frames_cut_into_any_pieces_come_out_whole_and_the_end_is_none_for_ever() {
    let stream = b"\0\0\0\x05hello\0\0\0\0\0\0\0\x08my world";
    for size in 1..=stream.len() {
        let pieces = stream.chunks(size).map(|piece| Ok(piece.to_vec()));
        let mut reader = FrameReader::new(Port::reading(pieces), Decoder::new(U32::new(), [0; 8]));
        for expected in [&b"hello"[..], b"", b"my world"] {
            assert_eq!(reader.read_frame(), Ok(Some(expected)), "pieces of {size}");
        }
        assert_eq!(reader.read_frame(), Ok(None));
        assert_eq!(reader.read_frame(), Ok(None));
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated_with_what_came_and_what_is_missing() {
    let stream = b"\0\0\0\x05hello\0\0\0\x05hello";
    for end in 10..18 {
        let mut reader = FrameReader::new(&stream[..end], Decoder::new(U32::new(), [0; 16]));
        assert_eq!(reader.read_frame(), Ok(Some(&b"hello"[..])));
        let need = (end >= 13).then_some(9);
        let have = end as u64 - 9;
        assert_eq!(reader.read_frame(), Err(ReadError::Truncated { have, need }), "end at {end}");
        // Once is enough: whoever goes on meets the end of the stream.
        assert_eq!(reader.read_frame(), Ok(None));
    }
}

#[test]
fn a_last_line_without_its_lf_is_a_frame_and_a_piece_of_a_streamed_one_ends_it() {
    let mut reader = FrameReader::new(&b"one\r\ntwo"[..], Decoder::new(Lines, [0; 16]));
    assert_eq!(reader.read_frame(), Ok(Some(&b"one"[..])));
    assert_eq!(reader.read_frame(), Ok(Some(&b"two"[..])));
    assert_eq!(reader.read_frame(), Ok(None));

    let decoder = || Decoder::new(Lines, [0; 4]).with_oversize(Oversize::Stream);
    let mut reader = FrameReader::new(&b"a long one"[..], decoder());
    assert_eq!(events(&mut reader), ["begin None", "a long one", "end"]);
    // Who wants whole frames alone gets none of it.
    let mut reader = FrameReader::new(&b"ab\na long one"[..], decoder());
    assert_eq!(reader.read_frame(), Ok(Some(&b"ab"[..])));
    assert_eq!(reader.read_frame(), Ok(None));
}

#[test]
fn an_error_of_the_reader_loses_nothing_and_an_interruption_is_not_even_seen() {
    let script = [
        Ok(b"\0\0".to_vec()),
        Err(ErrorKind::TimedOut),
        Ok(b"\0\x05he".to_vec()),
        Err(ErrorKind::Interrupted),
        Err(ErrorKind::Interrupted),
        Ok(b"l".to_vec()),
        Err(ErrorKind::Other),
        Ok(b"lo".to_vec()),
    ];
    let mut reader = FrameReader::new(Port::reading(script), Decoder::new(U32::new(), [0; 16]));
    assert_eq!(reader.read_frame(), Err(ReadError::Io(ErrorKind::TimedOut)));
    assert_eq!(reader.read_frame(), Err(ReadError::Io(ErrorKind::Other)));
    assert_eq!(reader.read_frame(), Ok(Some(&b"hello"[..])));
    assert_eq!(reader.read_frame(), Ok(None));
}

#[test]
fn a_frame_larger_than_the_storage_comes_in_pieces() {
    let mut stream = 1000_u32.to_be_bytes().to_vec();
    stream.extend((0..1000).map(|n| b"0123456789"[n % 10]));
    stream.extend(b"\0\0\0\x02ok");
    let decoder = Decoder::new(U32::new(), [0; 16]).with_oversize(Oversize::Stream);
    let mut reader = FrameReader::new(&stream[..], decoder);
    let payload = String::from_utf8(stream[4..1004].to_vec()).unwrap();
    assert_eq!(events(&mut reader), ["begin Some(1000)", &payload, "end", "frame ok"]);

    // Pieces are passed over by who wants whole frames.
    let decoder = Decoder::new(U32::new(), [0; 16]).with_oversize(Oversize::Stream);
    let mut reader = FrameReader::new(&stream[..], decoder);
    assert_eq!(reader.read_frame(), Ok(Some(&b"ok"[..])));
}

#[test]
fn a_frame_over_the_limit_is_skipped_or_stops_the_reader_as_its_decoder_says() {
    let stream = b"\0\0\0\x09too long.\0\0\0\x02ok";
    let kind = DecodeErrorKind::TooLong { len: Some(9), limit: 4 };
    let error = |recovery| ReadError::Frame(DecodeError { kind, offset: 0, recovery });

    let decoder = Decoder::new(U32::new(), [0; 4]).with_oversize(Oversize::Skip);
    let mut reader = FrameReader::new(&stream[..], decoder);
    assert_eq!(reader.read_frame(), Err(error(Recovery::Skips)));
    assert_eq!(reader.read_frame(), Ok(Some(&b"ok"[..])));
    assert_eq!(reader.read_frame(), Ok(None));

    let mut reader = FrameReader::new(&stream[..], Decoder::new(U32::new(), [0; 4]));
    assert_eq!(reader.read_frame(), Err(error(Recovery::Stops)));
    assert_eq!(reader.read_frame(), Err(ReadError::Stopped));
    assert_eq!(reader.read_event(), Err(ReadError::Stopped));
    // The stream is given up; another one on a fresh reader is not.
    *reader.reader_mut() = &b"\0\0\0\x01!"[..];
    reader.reset();
    assert_eq!(reader.read_frame(), Ok(Some(&b"!"[..])));
}

#[test]
fn a_decoder_without_storage_is_an_error_and_not_an_end() {
    let mut reader = FrameReader::new(&b"text\n"[..], Decoder::new(Lines, [0; 0]));
    assert_eq!(reader.read_frame(), Err(ReadError::NoRoom));
}

#[test]
fn bytes_behind_a_frame_are_handed_over_when_the_protocol_is_switched() {
    let mut reader = FrameReader::new(&b"upgrade\nbinary"[..], Decoder::new(Lines, [0; 10]));
    assert_eq!(reader.read_frame(), Ok(Some(&b"upgrade"[..])));
    let (rest, parts) = reader.into_parts();
    assert_eq!([parts.unread(), rest].concat(), b"binary");
    assert_eq!(parts.offset, 8);
}

#[test]
fn a_frame_goes_out_in_one_write_where_the_writer_takes_it() {
    let mut writer = FrameWriter::new(Port::default(), Encoder::new(U32::new(), [0; 16]));
    writer.write_frame(b"hello").unwrap();
    assert_eq!((&writer.writer().written[..], writer.writer().writes), (&b"\0\0\0\x05hello"[..], 1));
    assert_eq!(writer.writer().flushes, 0);
    // Several frames for one write.
    writer.encoder_mut().push(b"a").unwrap();
    writer.encoder_mut().reserve(1).unwrap().copy_from_slice(b"b");
    writer.encoder_mut().commit(1).unwrap();
    writer.flush().unwrap();
    let (port, encoder) = writer.into_parts();
    assert_eq!(port.written, b"\0\0\0\x05hello\0\0\0\x01a\0\0\0\x01b");
    assert_eq!((port.writes, port.flushes, encoder.pending().len()), (2, 1, 0));
}

#[test]
fn a_writer_that_takes_little_and_fails_in_between_gets_every_byte_once() {
    let script = [
        Ok(1),
        Err(ErrorKind::Interrupted),
        Ok(3),
        Err(ErrorKind::TimedOut),
        Err(ErrorKind::TimedOut),
        Err(ErrorKind::Other),
        Ok(2),
        Err(ErrorKind::Other),
    ];
    let mut writer = FrameWriter::new(Port::writing(script), Encoder::new(U32::new(), [0; 16]));
    assert_eq!(writer.write_frame(b"hello"), Err(WriteError::Io(ErrorKind::TimedOut)));
    // The frame is in the encoder: it is not to be written again, but its rest is.
    assert_eq!(writer.encoder().pending(), b"hello");
    assert_eq!(writer.flush(), Err(WriteError::Io(ErrorKind::TimedOut)));
    // The next frame does not fit beside the rest, and is not taken while that cannot be written.
    assert_eq!(writer.write_frame(b"wonderful"), Err(WriteError::Busy(ErrorKind::Other)));
    assert_eq!(writer.encoder().pending(), b"hello");
    // Then some of the rest is written, and the next error finds it in the encoder.
    assert_eq!(writer.write_frame(b"wonderful"), Err(WriteError::Io(ErrorKind::Other)));
    assert_eq!(writer.writer().written, b"\0\0\0\x05he");
    assert_eq!(writer.encoder().pending(), b"llo\0\0\0\x09wonderful");
    writer.flush().unwrap();
    assert_eq!(writer.writer().written, b"\0\0\0\x05hello\0\0\0\x09wonderful");
}

#[test]
fn a_frame_that_cannot_be_encoded_leaves_no_byte_behind() {
    let mut writer = FrameWriter::new(Port::default(), Encoder::new(U32::new(), [0; 8]));
    let too_large = WriteError::Frame(EncodeError::TooLarge { need: 9, capacity: 8 });
    assert_eq!(writer.write_frame(b"hello"), Err(too_large));
    let mut lines = FrameWriter::new(Port::default(), Encoder::new(Lines, [0; 8]));
    let delimiter = WriteError::Frame(EncodeError::ContainsDelimiter { at: 1 });
    assert_eq!(lines.write_frame(b"a\nb"), Err(delimiter));
    assert_eq!(writer.write_frame(b"hell"), Ok(()));
    assert_eq!(lines.write_frame(b"ab"), Ok(()));
    assert_eq!((&writer.writer().written[..], &lines.writer().written[..]), (&b"\0\0\0\x04hell"[..], &b"ab\n"[..]));
}

#[test]
fn a_writer_that_takes_nothing_is_an_error_and_no_endless_loop() {
    let mut place = [0; 6];
    let mut writer = FrameWriter::new(&mut place[..], Encoder::new(U32::new(), [0; 16]));
    // A slice says Full by itself; this port says Ok(0).
    assert!(matches!(writer.write_frame(b"hello"), Err(WriteError::Io(_))));
    let mut writer = FrameWriter::new(Port::writing([Ok(0), Ok(2), Ok(0)]), Encoder::new(U32::new(), [0; 16]));
    assert_eq!(writer.write_frame(b"hello"), Err(WriteError::WriteZero));
    let mut frame = Outgoing::new(&U32::new(), b"next").unwrap();
    assert_eq!(writer.write_outgoing(&mut frame), Err(WriteError::WriteZero));
    writer.write_outgoing(&mut frame).unwrap();
    assert_eq!(writer.writer().written, b"\0\0\0\x05hello\0\0\0\x04next");
}

#[test]
fn a_long_payload_is_written_from_where_it_lies_and_goes_on_after_an_error() {
    let payload = [b'x'; 1000];
    let script = [Ok(3), Err(ErrorKind::TimedOut), Ok(9), Ok(2), Ok(9), Ok(500), Err(ErrorKind::TimedOut)];
    let mut writer = FrameWriter::new(Port::writing(script), Encoder::new(U32::new(), [0; 16]));
    writer.encoder_mut().push(b"first").unwrap();
    let mut frame = Outgoing::new(&U32::new(), &payload).unwrap();
    assert_eq!(writer.write_outgoing(&mut frame), Err(WriteError::Io(ErrorKind::TimedOut)));
    assert_eq!(frame.remaining(), 1004);
    assert_eq!(writer.write_outgoing(&mut frame), Err(WriteError::Io(ErrorKind::TimedOut)));
    assert_eq!(frame.remaining(), 500);

    // Nothing can come in between.
    let open = Err(WriteError::Frame(EncodeError::FrameOpen));
    assert_eq!(writer.write_frame(b"between"), open);
    assert_eq!(writer.begin_frame(Some(1)), open);
    assert_eq!(writer.flush(), open);
    assert_eq!(writer.write_outgoing(&mut Outgoing::new(&U32::new(), b"between").unwrap()), open);

    writer.write_outgoing(&mut frame).unwrap();
    writer.write_frame(b"last").unwrap();
    let expected = [b"\0\0\0\x05first\0\0\x03\xe8", &payload[..], b"\0\0\0\x04last"].concat();
    assert_eq!(writer.writer().written, expected);
}

#[test]
fn a_payload_in_pieces_is_taken_through_a_small_storage_and_goes_on_after_an_error() {
    let payload: Vec<u8> = (0..=255).collect();
    let script = || [Ok(5), Err(ErrorKind::TimedOut), Ok(1), Ok(2), Err(ErrorKind::Other), Ok(7)];
    let mut writer = FrameWriter::new(Port::writing(script()), Encoder::new(U32::new(), [0; 8]));
    writer.begin_frame(Some(256)).unwrap();
    assert_eq!(writer.write_frame(b"no"), Err(WriteError::Frame(EncodeError::FrameOpen)));
    write_all_of(&mut writer, &payload);
    // The header's word is kept.
    assert_eq!(
        writer.write_chunk(&mut &b"more"[..]),
        Err(WriteError::Frame(EncodeError::LengthMismatch { missing: 0 }))
    );
    writer.end_frame().unwrap();
    assert_eq!(writer.writer().written, [&[0, 0, 1, 0], &payload[..]].concat());

    // A law that changes the payload on its way.
    let mut writer = FrameWriter::new(Port::writing(script()), Encoder::new(Cobs, [0; 300]));
    writer.begin_frame(None).unwrap();
    write_all_of(&mut writer, &payload);
    // All of it is in the encoder, which fails at the end: the frame is ended all the same.
    assert_eq!(writer.end_frame(), Err(WriteError::Io(ErrorKind::TimedOut)));
    assert_eq!(writer.flush(), Err(WriteError::Io(ErrorKind::Other)));
    writer.flush().unwrap();
    let written = writer.into_parts().0.written;
    let mut reader = FrameReader::new(&written[..], Decoder::new(Cobs, [0; 300]));
    assert_eq!(reader.read_frame(), Ok(Some(&payload[..])));
}

#[test]
fn a_chunk_that_no_storage_can_take_is_an_error_and_no_endless_loop() {
    let mut writer = FrameWriter::new(Port::default(), Encoder::new(Lines, [0; 1]));
    writer.begin_frame(None).unwrap();
    let too_large = WriteError::Frame(EncodeError::TooLarge { need: 2, capacity: 1 });
    assert_eq!(writer.write_chunk(&mut &b"x"[..]), Err(too_large));
    writer.end_frame().unwrap();
    assert_eq!(writer.writer().written, b"\n");
}

#[test]
fn a_stream_answers_while_it_holds_the_request_and_keeps_its_directions_apart() {
    let port = Port::reading([Ok(b"\0\0\0\x02hi\0\0\0\x03you\0\0\0\x09".to_vec())]);
    let mut stream = FrameStream::new(port, Decoder::new(U32::new(), [0; 16]), Encoder::new(U32::new(), [0; 16]));
    let mut answered = 0;
    let end = loop {
        match stream.read_request() {
            Ok(Some((request, replies))) => replies.push(request).unwrap(),
            Ok(None) => panic!("the stream is truncated"),
            Err(error) => break error,
        }
        stream.flush().unwrap();
        answered += 1;
    };
    assert_eq!((answered, end), (2, ReadError::Truncated { have: 4, need: Some(13) }));
    assert_eq!(end.to_string(), "the stream ended inside a frame (4 of its 13 bytes came)");
    stream.write_frame(b"bye").unwrap();
    assert_eq!(stream.port().written, b"\0\0\0\x02hi\0\0\0\x03you\0\0\0\x03bye");
    assert_eq!(stream.port().flushes, 2);
}

#[test]
fn frames_cross_a_socket_by_the_std_adapter_and_a_read_timeout_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, _) = listener.accept().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (decoder, encoder) = (Decoder::new(U32::new(), [0; 64]), Encoder::new(U32::new(), [0; 64]));
    let mut stream = FrameStream::new(FromStd::new(socket), decoder, encoder);

    peer.write_all(b"\0\0\0\x05he").unwrap();
    match stream.read_frame() {
        Err(ReadError::Io(error)) => {
            assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
        }
        other => panic!("{other:?}"),
    }
    stream.port().inner().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    peer.write_all(b"llo\0\0").unwrap();
    assert_eq!(stream.read_frame().unwrap(), Some(&b"hello"[..]));
    peer.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(stream.read_frame(), Err(ReadError::Truncated { have: 2, need: None })));

    // A peer that half-closed still gets its answers.
    stream.write_frame(b"goodbye").unwrap();
    drop(stream);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"\0\0\0\x07goodbye");
}

#[test]
fn a_mebibyte_message_crosses_a_socket_through_64_bytes_of_storage() {
    let payload: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = payload.clone();
    let sender = thread::spawn(move || {
        let socket = FromStd::new(TcpStream::connect(address).unwrap());
        let mut writer = FrameWriter::new(socket, Encoder::new(U32::new(), [0; 64]));
        writer.write_outgoing(&mut Outgoing::new(&U32::new(), &sent).unwrap()).unwrap();
        writer.begin_frame(Some(sent.len() as u64)).unwrap();
        for mut piece in sent.chunks(1000) {
            writer.write_chunk(&mut piece).unwrap();
        }
        writer.end_frame().unwrap();
    });
    let (socket, _) = listener.accept().unwrap();
    let decoder = Decoder::new(U32::new(), [0; 64]).with_oversize(Oversize::Stream);
    let mut reader = FrameReader::new(FromStd::new(socket), decoder);
    for _ in 0..2 {
        let mut received = Vec::new();
        loop {
            match reader.read_event().unwrap().expect("the stream ends too soon") {
                Event::Begin { len } => assert_eq!(len, Some(1 << 20)),
                Event::Chunk(piece) => received.extend_from_slice(piece),
                Event::End => break,
                Event::Frame(frame) => panic!("a frame of {} bytes", frame.len()),
            }
        }
        assert!(received == payload, "other bytes came");
    }
    assert_eq!(reader.read_event().unwrap(), None);
    sender.join().unwrap();
}

#[test]
fn errors_read_well_and_keep_their_cause() {
    let error: ReadError<std::io::Error> = ReadError::Io(std::io::Error::from_raw_os_error(104));
    assert!(error.to_string().starts_with("reading failed: "), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    let error: WriteError<ErrorKind> = EncodeError::FrameOpen.into();
    assert_eq!(error.to_string(), "a frame is open");
}

/// All events, in words, with the chunks of a frame joined.
fn events<R: Read<Error: PartialEq>, const N: usize, L: framewright::framing::Framing>(
    reader: &mut FrameReader<R, L, [u8; N]>,
) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_chunks = false;
    while let Some(event) = reader.read_event().unwrap() {
        let was_in_chunks = std::mem::take(&mut in_chunks);
        match event {
            Event::Frame(payload) => words.push(format!("frame {}", String::from_utf8_lossy(payload))),
            Event::Begin { len } => words.push(format!("begin {len:?}")),
            Event::Chunk(piece) => {
                in_chunks = true;
                let piece = String::from_utf8_lossy(piece);
                match words.last_mut().filter(|_| was_in_chunks) {
                    Some(last) => last.push_str(&piece),
                    None => words.push(piece.into_owned()),
                }
            }
            Event::End => words.push("end".to_owned()),
        }
    }
    words
}

/// Writes the payload, calling again after each error.
fn write_all_of<L: framewright::framing::Framing, const N: usize>(
    writer: &mut FrameWriter<Port, L, [u8; N]>,
    payload: &[u8],
) {
    let mut left = payload;
    let mut errors = 0;
    while let Err(error) = writer.write_chunk(&mut left) {
        assert!(matches!(error, WriteError::Io(_)), "{error}");
        errors += 1;
        assert!(errors <= 2, "{error}");
    }
    assert!(left.is_empty());
}
