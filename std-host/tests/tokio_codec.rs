//! The codec in tokio's own `Framed`, on its own at every split, and opposite tokio's own codec.

use bytes::{Bytes, BytesMut};
use framewright::framing::{Cobs, Framing, JsonHeader, LengthPrefix, Lines, Netstring, Raw, U32};
use framewright::{DecodeErrorKind, EncodeError};
use framewright_host::tokio_codec::{Codec, CodecError};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedRead, LengthDelimitedCodec};

/// What comes of a stream that arrives in pieces: frames, and at the end an error.
fn decode_all<L: Framing + Clone>(codec: &mut Codec<L>, pieces: &[&[u8]]) -> (Vec<BytesMut>, Option<CodecError>) {
    let mut frames = Vec::new();
    let mut src = BytesMut::new();
    for piece in pieces {
        src.extend_from_slice(piece);
        loop {
            match codec.decode(&mut src) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break assert!(src.is_empty(), "bytes were left without a frame"),
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    loop {
        match codec.decode_eof(&mut src) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn every_split<L: Framing + Clone>(law: &L, messages: &[Vec<u8>]) {
    let mut stream = BytesMut::from(&b"before"[..]);
    let mut codec = Codec::with_buffer_size(law.clone(), 16).with_max_frame(2000);
    for message in messages {
        codec.encode(message, &mut stream).unwrap();
    }
    assert_eq!(&stream.split_to(6)[..], b"before");
    for size in (1..40).chain([100, 1000, stream.len()]) {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        let mut codec = Codec::with_buffer_size(law.clone(), 16).with_max_frame(2000);
        let (frames, error) = decode_all(&mut codec, &pieces);
        assert!(error.is_none(), "pieces of {size}: {error:?}");
        assert!(frames == messages, "pieces of {size}");
    }
}

#[test]
fn every_law_gives_the_same_frames_at_every_split() {
    let text: Vec<Vec<u8>> = [0, 1, 5, 15, 16, 17, 1000, 2000, 3].map(|len| vec![b'x'; len]).to_vec();
    let bytes: Vec<Vec<u8>> = text.iter().map(|text| (0..text.len()).map(|n| n.to_le_bytes()[0]).collect()).collect();
    every_split(&U32::new(), &bytes);
    every_split(&Netstring, &bytes);
    every_split(&Cobs, &bytes[1..]);
    every_split(&Lines, &text);
}

#[test]
fn a_header_that_says_more_is_known_when_its_frame_comes() {
    let mut codec = Codec::new(JsonHeader::TEXT);
    let mut stream = BytesMut::new();
    codec.law_mut().content_type = "binary/test";
    codec.encode([0xFF; 5000], &mut stream).unwrap();
    codec.law_mut().content_type = "text/json";
    codec.encode("{}", &mut stream).unwrap();
    assert_eq!(codec.decode(&mut stream).unwrap().unwrap(), [0xFF; 5000][..]);
    assert_eq!(codec.state().header.content_type, "binary/test");
    assert_eq!(codec.decode(&mut stream).unwrap().unwrap(), "{}");
    assert_eq!(codec.state().header.content_type, "text/json");
}

#[test]
fn what_a_read_returned_is_a_message_where_nobody_frames() {
    let mut codec = Codec::with_buffer_size(Raw, 16);
    let (frames, error) = decode_all(&mut codec, &[b"short", &[b'l'; 3000], b"end"]);
    assert!(error.is_none());
    assert_eq!(frames, [&b"short"[..], &[b'l'; 3000], b"end"]);
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated_once() {
    let stream = b"\0\0\0\x02ok\0\0\x03\xe8only so much";
    for (end, expected) in [(6, None), (7, Some((1, None))), (9, Some((3, None))), (15, Some((9, Some(1004))))] {
        let mut codec = Codec::new(U32::new());
        let (frames, error) = decode_all(&mut codec, &[&stream[..end]]);
        assert_eq!(frames, [&b"ok"[..]]);
        match (error, expected) {
            (None, None) => {}
            (Some(CodecError::Truncated { have, need }), Some(expected)) => assert_eq!((have, need), expected),
            (error, _) => panic!("cut at {end}: {error:?}"),
        }
        assert!(codec.decode_eof(&mut BytesMut::new()).unwrap().is_none());
    }
    let (frames, error) = decode_all(&mut Codec::new(Lines), &[b"one\r\nt", b"wo"]);
    assert!(error.is_none());
    assert_eq!(frames, [&b"one"[..], b"two"]);
}

#[test]
fn a_length_on_the_wire_reserves_nothing() {
    // No machine has these 2^63 - 1 bytes: to ask for them would end this process.
    let mut codec = Codec::new(LengthPrefix::<8>::new()).with_max_frame(u64::MAX);
    let mut src = BytesMut::from(&b"\x7f\xff\xff\xff\xff\xff\xff\xffabc"[..]);
    let before = src.capacity();
    assert!(codec.decode(&mut src).unwrap().is_none());
    assert!(src.capacity() <= before, "{} bytes", src.capacity());
    match codec.decode_eof(&mut src) {
        Err(CodecError::Truncated { have: 11, need: Some(need) }) => assert_eq!(need, (1 << 63) + 7),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_frame_over_the_limit_is_an_error_before_it_comes_and_then_all_is_dropped() {
    let mut codec = Codec::new(U32::new()).with_max_frame(8);
    let mut src = BytesMut::from(&b"\0\0\0\x08eight by\0\0\0\x09"[..]);
    assert_eq!(codec.decode(&mut src).unwrap().unwrap(), "eight by");
    match codec.decode(&mut src) {
        Err(CodecError::Decode(error)) => {
            assert_eq!(error.kind, DecodeErrorKind::TooLong { len: Some(9), limit: 8 });
            assert_eq!(error.offset, 12);
        }
        other => panic!("{other:?}"),
    }
    src.extend_from_slice(b"\0\0\0\x01x\0\0\0\x01x");
    assert!(codec.decode(&mut src).unwrap().is_none());
    assert!(src.is_empty(), "a peer that goes on fills the memory");
    assert!(codec.decode_eof(&mut src).unwrap().is_none());

    // A line says no length: what came before the limit was met is given up.
    let (frames, error) = decode_all(&mut Codec::new(Lines).with_max_frame(8), &[b"ok\nnine by", b"tes\n"]);
    assert_eq!(frames, [&b"ok"[..]]);
    assert!(matches!(error, Some(CodecError::Decode(_))), "{error:?}");
}

#[test]
fn a_message_that_cannot_be_sent_leaves_the_buffer_as_it_was() {
    let mut dst = BytesMut::from(&b"before"[..]);
    let refused = |result: Result<(), CodecError>| match result {
        Err(CodecError::Encode(error)) => error,
        other => panic!("{other:?}"),
    };
    let error = refused(Codec::new(U32::new()).with_max_frame(4).encode("hello", &mut dst));
    assert_eq!(error, EncodeError::TooLong { len: 5, max: 4 });
    let error = refused(Codec::new(Lines).encode("a\nb", &mut dst));
    assert_eq!(error, EncodeError::ContainsDelimiter { at: 1 });
    assert_eq!(dst, "before");
}

#[test]
fn framed_with_it_and_framed_with_tokios_own_codec_understand_each_other_over_tcp() {
    let messages: Vec<Bytes> = [0, 1, 1024, 1025, 70_000, 3].map(|len| Bytes::from(vec![b'm'; len])).to_vec();
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut client = Framed::new(client, LengthDelimitedCodec::new());
        let mut server = Framed::new(server, Codec::new(U32::new()));
        let echo = tokio::spawn(async move {
            while let Some(frame) = server.next().await {
                server.send(frame.unwrap()).await.unwrap();
            }
        });
        for message in &messages {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
        // All at once.
        for message in &messages {
            client.feed(message.clone()).await.unwrap();
        }
        SinkExt::<Bytes>::flush(&mut client).await.unwrap();
        for message in &messages {
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
        client.get_mut().shutdown().await.unwrap();
        assert!(client.next().await.is_none());
        echo.await.unwrap();
    });
}

#[test]
fn a_truncated_stream_is_an_error_in_framed_read_where_tokios_own_codec_sees_an_end() {
    block_on(async {
        let stream = &b"\0\0\0\x02ok\0\0\0\x02"[..];
        let mut frames = FramedRead::new(stream, Codec::new(U32::new()));
        assert_eq!(frames.next().await.unwrap().unwrap(), "ok");
        let error = frames.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the stream ended inside a frame (4 of its 6 bytes came)");
        assert!(frames.next().await.is_none());
        assert!(frames.next().await.is_none());

        let mut frames = FramedRead::new(stream, LengthDelimitedCodec::new());
        assert_eq!(frames.next().await.unwrap().unwrap(), "ok");
        assert!(frames.next().await.is_none());
    });
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test);
}
