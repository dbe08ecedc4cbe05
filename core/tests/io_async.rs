//! The async adapters over ports that are never ready at once, with futures that are dropped: at every await, at one of them, and
//! anyhow. The executor is a loop.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use framewright::framing::{Cobs, Framing, Lines, U32};
use framewright::io_async::{FrameReader, FrameStream, FrameWriter, ReadError, WriteError};
use framewright::{DecodeErrorKind, Decoder, EncodeError, Encoder, Event, Outgoing, Oversize, Recovery};
use proptest::prelude::*;

/// A port that answers every second poll, with at most `piece` bytes. A poll that is not answered does nothing.
struct Port {
    input: VecDeque<u8>,
    written: Vec<u8>,
    flushes: usize,
    piece: usize,
    /// The errors that the next answers are.
    errors: VecDeque<ErrorKind>,
    ready: bool,
}

impl Port {
    fn new(input: &[u8], piece: usize) -> Self {
        let input = input.iter().copied().collect();
        Self { input, written: Vec::new(), flushes: 0, piece, errors: VecDeque::new(), ready: false }
    }

    async fn turn(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|context| {
            self.ready = !self.ready;
            if self.ready {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(self.errors.pop_front().map_or(Ok(()), Err))
        })
        .await
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "a read into no space cannot tell the end");
        self.turn().await?;
        let n = self.input.len().min(buf.len()).min(self.piece);
        for (to, from) in buf.iter_mut().zip(self.input.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }
}

impl Write for Port {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "a write of nothing");
        self.turn().await?;
        let n = buf.len().min(self.piece);
        self.written.extend_from_slice(&buf[..n]);
        Ok(n)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.turn().await?;
        self.flushes += 1;
        Ok(())
    }
}

/// When futures are dropped.
#[derive(Clone, Debug)]
enum Drops {
    Never,
    /// After so many polls (or a few more, in turn) of each future.
    After(VecDeque<usize>),
    /// Once: at the poll with this number, counted over all futures.
    Once(usize),
}

impl Drops {
    /// At every await there is.
    fn always() -> Self {
        Self::After(VecDeque::from([1]))
    }

    /// Polls a future until it is done or to be dropped.
    fn attempt<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut left = match self {
            Self::After(polls) => {
                polls.rotate_left(1);
                polls[0]
            }
            Self::Never | Self::Once(_) => usize::MAX,
        };
        while left > 0 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Some(output);
            }
            left -= 1;
            if let Self::Once(at) = self {
                if *at == 0 {
                    *self = Self::Never;
                    return None;
                }
                *at -= 1;
            }
        }
        None
    }
}

/// Drives to the end a future that nothing is to happen to.
fn block_on<F: Future>(future: F) -> F::Output {
    Drops::Never.attempt(future).unwrap()
}

/// Calls until it is done.
macro_rules! insist {
    ($drops:expr, $call:expr) => {
        loop {
            if let Some(done) = $drops.attempt($call) {
                break done;
            }
        }
    };
}

/// What a reader made of a stream, in words; with the chunks of a frame joined.
fn read_all<L: Framing>(law: L, oversize: Oversize, stream: &[u8], piece: usize, mut drops: Drops) -> Vec<String> {
    let decoder = Decoder::new(law, [0; 16]).with_oversize(oversize);
    let mut reader = FrameReader::new(Port::new(stream, piece), decoder);
    let mut words: Vec<String> = Vec::new();
    loop {
        let word = insist!(drops, async {
            reader.read_event().await.map(|event| {
                event.map(|event| match event {
                    Event::Frame(payload) => format!("frame {}", payload.escape_ascii()),
                    Event::Begin { len } => format!("begin {len:?} "),
                    Event::Chunk(payload) => payload.escape_ascii().to_string(),
                    Event::End => "end".to_owned(),
                })
            })
        });
        match word {
            Ok(Some(word)) => match words.last_mut().filter(|last| last.starts_with("begin") && !last.ends_with("end"))
            {
                Some(last) => last.push_str(&word),
                None => words.push(word),
            },
            Ok(None) => return words,
            Err(error) => words.push(error.to_string()),
        }
    }
}

/// A stream with a frame that is streamed and an end in the middle, and what is in it.
fn stream_of_u32() -> (Vec<u8>, Vec<&'static str>) {
    let stream = b"\0\0\0\x05hello\0\0\0\0\0\0\0\x1b27 bytes: longer than that.\0\0\0\x02ok\0\0\0\x09cut".to_vec();
    let words = vec![
        "frame hello",
        "frame ",
        "begin Some(27) 27 bytes: longer than that.end",
        "frame ok",
        "the stream ended inside a frame (7 of its 13 bytes came)",
    ];
    (stream, words)
}

#[test]
fn reads_dropped_at_every_await_lose_nothing() {
    let (stream, words) = stream_of_u32();
    for piece in [1, 2, 3, 5, 7, 16, 100] {
        for drops in [Drops::Never, Drops::always(), Drops::After(VecDeque::from([2, 1, 1, 3]))] {
            let read = read_all(U32::new(), Oversize::Stream, &stream, piece, drops.clone());
            assert_eq!(read, words, "pieces of {piece}, {drops:?}");
        }
    }
    let lines = b"one\r\ntwo\na line that is longer\nlast";
    for piece in 1..=lines.len() {
        let read = read_all(Lines, Oversize::Skip, lines, piece, Drops::always());
        let skipped = "frame at byte 9: no end within the limit of 15 bytes";
        assert_eq!(read, ["frame one", "frame two", skipped, "frame last"], "pieces of {piece}");
    }
}

#[test]
fn a_read_dropped_at_any_one_await_loses_nothing() {
    let (stream, words) = stream_of_u32();
    for at in 0..150 {
        let read = read_all(U32::new(), Oversize::Stream, &stream, 1, Drops::Once(at));
        assert_eq!(read, words, "dropped at poll {at}");
    }
}

#[test]
fn whole_frames_read_with_drops_at_every_await_are_the_same_by_a_reader_and_by_a_stream() {
    let stream = b"\0\0\0\x05hello\0\0\0\x1b27 bytes: longer than that.\0\0\0\x02ok";
    for piece in 1..=stream.len() {
        let decoder = || Decoder::new(U32::new(), [0; 16]).with_oversize(Oversize::Skip);
        let mut drops = Drops::always();
        let mut reader = FrameReader::new(Port::new(stream, piece), decoder());
        let mut both = FrameStream::new(Port::new(stream, piece), decoder(), Encoder::new(U32::new(), [0; 16]));
        let mut read = [Vec::new(), Vec::new()];
        for _ in 0..4 {
            let frame = insist!(drops, async { reader.read_frame().await.map(|frame| frame.map(<[u8]>::to_vec)) });
            read[0].push(frame);
            let frame = insist!(drops, async { both.read_frame().await.map(|frame| frame.map(<[u8]>::to_vec)) });
            read[1].push(frame);
        }
        assert_eq!(read[0], read[1], "pieces of {piece}");
        let [first, skipped, last, end] = &read[0][..] else { panic!("four answers") };
        assert_eq!((first, last, end), (&Ok(Some(b"hello".to_vec())), &Ok(Some(b"ok".to_vec())), &Ok(None)));
        assert!(matches!(skipped, Err(ReadError::Frame(error)) if error.recovery == Recovery::Skips), "{skipped:?}");
    }
}

#[test]
fn a_stream_written_in_every_way_with_drops_at_every_await_sends_every_byte_once() {
    for piece in [1, 2, 3, 5, 8, 100] {
        let (decoder, encoder) = (Decoder::new(U32::new(), [0; 12]), Encoder::new(U32::new(), [0; 12]));
        let mut stream = FrameStream::new(Port::new(b"", piece), decoder, encoder);
        let mut drops = Drops::always();
        if drops.attempt(stream.write_frame(b"12345678")).is_none() {
            insist!(drops, stream.flush()).unwrap();
        }
        let mut frame = Outgoing::new(&U32::new(), b"from where it lies").unwrap();
        insist!(drops, stream.write_outgoing(&mut frame)).unwrap();
        while !stream.encoder().is_streaming() {
            drops.attempt(stream.begin_frame(Some(30))).map(Result::unwrap);
        }
        let mut left = &b"in pieces, and not in one of 8"[..];
        insist!(drops, stream.write_chunk(&mut left)).unwrap();
        while stream.encoder().is_streaming() {
            drops.attempt(stream.end_frame()).map(Result::unwrap);
        }
        insist!(drops, stream.flush()).unwrap();
        let expected = b"\0\0\0\x0812345678\0\0\0\x12from where it lies\0\0\0\x1ein pieces, and not in one of 8";
        assert_eq!(stream.port().written.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{piece}");
    }
}

#[test]
fn whole_frames_are_read_and_the_end_is_none_for_ever() {
    let mut reader = FrameReader::new(Port::new(b"\0\0\0\x02hi\0\0\0\x03you", 4), Decoder::new(U32::new(), [0; 8]));
    assert_eq!(block_on(reader.read_frame()), Ok(Some(&b"hi"[..])));
    assert_eq!(block_on(reader.read_frame()), Ok(Some(&b"you"[..])));
    assert_eq!(block_on(reader.read_frame()), Ok(None));
    assert_eq!(block_on(reader.read_frame()), Ok(None));
    let mut empty = FrameReader::new(&b"x"[..], Decoder::new(U32::new(), [0; 0]));
    assert_eq!(block_on(empty.read_frame()), Err(ReadError::NoRoom));
}

#[test]
fn errors_of_the_port_lose_nothing_and_an_interruption_is_not_even_seen() {
    let mut port = Port::new(b"\0\0\0\x02hi", 1);
    port.errors.extend([ErrorKind::TimedOut, ErrorKind::Interrupted, ErrorKind::Other]);
    let mut stream = FrameStream::new(port, Decoder::new(U32::new(), [0; 8]), Encoder::new(U32::new(), [0; 8]));
    assert_eq!(block_on(stream.read_frame()), Err(ReadError::Io(ErrorKind::TimedOut)));
    assert_eq!(block_on(stream.read_frame()), Err(ReadError::Io(ErrorKind::Other)));
    assert_eq!(block_on(stream.read_frame()), Ok(Some(&b"hi"[..])));

    stream.port_mut().errors.extend([ErrorKind::TimedOut, ErrorKind::Interrupted, ErrorKind::Other]);
    assert_eq!(block_on(stream.write_frame(b"abc")), Err(WriteError::Io(ErrorKind::TimedOut)));
    // It is in the encoder; the next one does not fit beside it, and is not.
    assert_eq!(block_on(stream.write_frame(b"def")), Err(WriteError::Busy(ErrorKind::Other)));
    assert_eq!(block_on(stream.write_frame(b"def")), Ok(()));
    assert_eq!(stream.port().written, b"\0\0\0\x03abc\0\0\0\x03def");
}

#[test]
fn a_frame_over_the_limit_is_an_error_and_then_the_reader_is_stopped() {
    let mut reader = FrameReader::new(Port::new(b"\xff\xff\xff\xff", 4), Decoder::new(U32::new(), [0; 8]));
    match block_on(reader.read_frame()) {
        Err(ReadError::Frame(error)) => {
            assert_eq!(error.kind, DecodeErrorKind::TooLong { len: Some(0xFFFF_FFFF), limit: 8 });
            assert_eq!(error.recovery, Recovery::Stops);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(block_on(reader.read_frame()), Err(ReadError::Stopped));
}

/// Frames in every way there is, through storage that only just holds one. The bytes that were written.
fn write_all(piece: usize, mut drops: Drops) -> Vec<u8> {
    let mut writer = FrameWriter::new(Port::new(b"", piece), Encoder::new(U32::new(), [0; 12]));
    let done = |result: Result<(), WriteError<ErrorKind>>| result.unwrap();

    // Whole: it is taken at the first poll, so a dropped call is not repeated but flushed.
    for payload in [&b"12345678"[..], b"", b"whole"] {
        if let Some(result) = drops.attempt(writer.write_frame(payload)) {
            done(result);
        } else {
            insist!(drops, writer.flush()).unwrap();
        }
    }
    // A frame behind one that was dropped: it fits beside what is left of that, so it too is taken at the first poll.
    for payload in [&b"ab"[..], b"cd"] {
        let _ = drops.attempt(writer.write_frame(payload));
    }
    // From where it lies: what is left from before goes out first.
    let mut frame = Outgoing::new(&U32::new(), b"from where it lies").unwrap();
    done(insist!(drops, writer.write_outgoing(&mut frame)));
    // In pieces.
    while !writer.encoder().is_streaming() {
        drops.attempt(writer.begin_frame(Some(30))).map(done);
    }
    let mut left = &b"in pieces, and not in one of 8"[..];
    done(insist!(drops, writer.write_chunk(&mut left)));
    assert!(left.is_empty());
    while writer.encoder().is_streaming() {
        drops.attempt(writer.end_frame()).map(done);
    }
    done(insist!(drops, writer.flush()));
    assert!(writer.writer().flushes > 0);
    writer.into_parts().0.written
}

const WRITTEN: &[u8] = b"\0\0\0\x0812345678\0\0\0\0\0\0\0\x05whole\0\0\0\x02ab\0\0\0\x02cd\
    \0\0\0\x12from where it lies\0\0\0\x1ein pieces, and not in one of 8";

#[test]
fn writes_dropped_at_every_await_send_every_byte_once() {
    for piece in [1, 2, 3, 5, 8, 100] {
        for drops in [Drops::Never, Drops::always(), Drops::After(VecDeque::from([2, 1, 1, 3]))] {
            let written = write_all(piece, drops.clone());
            assert_eq!(written.escape_ascii().to_string(), WRITTEN.escape_ascii().to_string(), "{piece}, {drops:?}");
        }
    }
}

#[test]
fn a_write_dropped_at_any_one_await_sends_every_byte_once() {
    for at in 0..200 {
        let written = write_all(1, Drops::Once(at));
        assert_eq!(written.escape_ascii().to_string(), WRITTEN.escape_ascii().to_string(), "dropped at poll {at}");
    }
}

#[test]
fn nothing_comes_between_the_parts_of_a_frame_that_was_dropped_half_way() {
    let mut writer = FrameWriter::new(Port::new(b"", 3), Encoder::new(U32::new(), [0; 16]));
    let mut frame = Outgoing::new(&U32::new(), b"long payload").unwrap();
    let mut drops = Drops::After(VecDeque::from([4]));
    assert!(drops.attempt(writer.write_outgoing(&mut frame)).is_none());
    assert!(frame.remaining() < 16);
    let open = Err(WriteError::Frame(EncodeError::FrameOpen));
    assert_eq!(block_on(writer.write_frame(b"no")), open);
    assert_eq!(block_on(writer.flush()), open);
    assert_eq!(block_on(writer.write_outgoing(&mut Outgoing::new(&U32::new(), b"no").unwrap())), open);
    block_on(writer.write_outgoing(&mut frame)).unwrap();
    block_on(writer.write_frame(b"yes")).unwrap();
    assert_eq!(writer.writer().written, b"\0\0\0\x0clong payload\0\0\0\x03yes");
    // Or it is given up, with the connection.
    let mut frame = Outgoing::new(&U32::new(), b"long payload").unwrap();
    assert!(drops.attempt(writer.write_outgoing(&mut frame)).is_none());
    *writer.writer_mut() = Port::new(b"", 3);
    writer.reset();
    block_on(writer.write_frame(b"new")).unwrap();
    assert_eq!(writer.writer().written, b"\0\0\0\x03new");
}

#[test]
fn a_stream_echoes_with_both_directions_dropped_at_every_await() {
    let requests = b"\0\0\0\x02hi\0\0\0\0\0\0\0\x08my world\0\0\0\x03bye";
    for piece in 1..=requests.len() {
        let (decoder, encoder) = (Decoder::new(U32::new(), [0; 12]), Encoder::new(U32::new(), [0; 12]));
        let mut stream = FrameStream::new(Port::new(requests, piece), decoder, encoder);
        let mut drops = Drops::always();
        loop {
            let answered = insist!(drops, async {
                let Some((request, replies)) = stream.read_request().await.unwrap() else { return false };
                replies.push(request).unwrap();
                true
            });
            if !answered {
                break;
            }
            insist!(drops, stream.flush()).unwrap();
        }
        assert_eq!(stream.port().written, requests, "pieces of {piece}");
    }
}

#[test]
fn a_law_that_changes_the_payload_survives_drops_too() {
    let payload: Vec<u8> = (0..600).map(|n: u32| n.to_le_bytes()[0]).collect();
    let mut drops = Drops::always();
    let mut writer = FrameWriter::new(Port::new(b"", 7), Encoder::new(Cobs, [0; 300]));
    while !writer.encoder().is_streaming() {
        drops.attempt(writer.begin_frame(None)).map(Result::unwrap);
    }
    let mut left = &payload[..];
    insist!(drops, writer.write_chunk(&mut left)).unwrap();
    while writer.encoder().is_streaming() {
        drops.attempt(writer.end_frame()).map(Result::unwrap);
    }
    insist!(drops, writer.flush()).unwrap();
    let written = writer.into_parts().0.written;
    let mut reader = FrameReader::new(Port::new(&written, 11), Decoder::new(Cobs, [0; 640]));
    let read = insist!(drops, async { reader.read_frame().await.map(|frame| frame.map(<[u8]>::to_vec)) });
    assert_eq!(read, Ok(Some(payload)));
}

proptest! {
    #[test]
    fn dropped_anyhow_reads_and_writes_come_to_the_same(
        polls in prop::collection::vec(1..6_usize, 1..20),
        piece in 1..20_usize,
    ) {
        let drops = Drops::After(polls.into());
        let (stream, words) = stream_of_u32();
        prop_assert_eq!(read_all(U32::new(), Oversize::Stream, &stream, piece, drops.clone()), words);
        prop_assert_eq!(write_all(piece, drops), WRITTEN);
    }
}
