//! Where the crates of others and we differ, on purpose: each row of `README.md`, both sides seen. A test that turns red here after an
//! upgrade means that the table is to be mended.

use bytes::{BufMut, BytesMut};
use cobs::{CobsDecoder, DecodeError};
use framewright::framing::{BigEndian, Cobs, Delimited, Framing, LengthPrefix, Lines, U32};
use framewright::{DecodeErrorKind, Decoder, EncodeError, Encoder, End, Malformed, Oversize};
use tokio_util::codec::{AnyDelimiterCodec, Decoder as _, Encoder as _, LengthDelimitedCodec, LinesCodec};
use wire_codec::Error;
use wire_codec::framing::{self, Framer, LengthPrefixed, LengthWidth, StreamDecoder};

use crate::cobs::theirs;
use crate::lines::{self, line_too_long};
use crate::tokio_lengths::{codec, header};
use crate::{Ending, Item, Reading, Refusal};

/// One frame, or what is wrong with it.
fn first<L: Framing>(law: L, max_frame: u64, stream: &[u8]) -> Result<Option<Vec<u8>>, DecodeErrorKind> {
    let mut decoder = Decoder::new(law, vec![0; 1024]).with_max_frame(max_frame);
    decoder.next(&mut &*stream).map(|frame| frame.map(<[u8]>::to_vec)).map_err(|error| error.kind)
}

// ------------------------------------------------------------------------------------- tokio-util, LengthDelimitedCodec

#[test]
fn its_limit_is_that_of_the_number_on_the_wire_and_ours_that_of_the_payload() {
    let mut stream = BytesMut::from(&[&[4][..], &[7; 104]].concat()[..]);
    let ours = first(LengthPrefix::<1, BigEndian, 0, 100>::new(), 4, &stream);
    assert_eq!(ours, Err(DecodeErrorKind::TooLong { len: Some(104), limit: 4 }));
    let frame = codec::<1, BigEndian, 0, 100>(4).decode(&mut stream).expect("it lets it through").expect("a frame");
    assert_eq!(frame.len(), 104);
}

#[test]
fn it_refuses_the_longest_frame_that_it_writes_itself_where_lengths_count_themselves() {
    let mut codec = codec::<1, BigEndian, 0, -1>(usize::MAX);
    let mut stream = BytesMut::new();
    codec.encode(&[7; 254][..], &mut stream).expect("a header can say it");
    assert_eq!(first(LengthPrefix::<1, BigEndian, 0, -1>::new(), 254, &stream), Ok(Some(vec![7; 254])));
    assert!(codec.decode(&mut stream).is_err());
}

#[test]
fn to_it_a_stream_that_ends_right_behind_a_header_ends_in_order() {
    let mut stream = BytesMut::from(&b"\0\0\0\x05"[..]);
    let mut ours = Decoder::new(U32::new(), [0; 16]);
    assert_eq!(ours.next(&mut &stream[..]), Ok(None));
    assert_eq!(ours.finish(), Ok(End::Truncated { have: 4, need: Some(9) }));
    assert!(matches!(LengthDelimitedCodec::new().decode_eof(&mut stream), Ok(None)));
}

#[test]
fn it_reserves_the_memory_that_a_header_claims() {
    let mut stream = BytesMut::from(&(8_u32 << 20).to_be_bytes()[..]);
    assert!(matches!(LengthDelimitedCodec::new().decode(&mut stream), Ok(None)));
    assert!(stream.capacity() >= 8 << 20);
}

#[test]
fn it_does_not_write_the_bytes_before_a_length_that_it_reads() {
    let mut codec = codec::<2, BigEndian, 3, 0>(100);
    let mut stream = BytesMut::new();
    codec.encode(&b"abc"[..], &mut stream).expect("it fits");
    assert_eq!(stream, &b"\0\x03abc"[..]);
    assert!(matches!(codec.decode(&mut stream), Err(_) | Ok(None)), "it cannot read it back");
    let mut ours = Encoder::new(LengthPrefix::<2, BigEndian, 3>::with_lead(*b"\x01\x02\x03"), [0; 16]);
    ours.push(b"abc").expect("it fits");
    assert_eq!(ours.pending(), b"\x01\x02\x03\0\x03abc");
}

#[test]
fn asked_again_after_an_error_it_says_the_same_again_for_ever() {
    let mut stream = BytesMut::from(&b"\xFF\xFF\xFF\xFF"[..]);
    let mut ours = Decoder::new(U32::new(), [0; 16]);
    let mut chunk = &stream.to_vec()[..];
    assert!(ours.next(&mut chunk).is_err());
    let mut theirs = LengthDelimitedCodec::new();
    for _ in 0..3 {
        assert!(theirs.decode(&mut stream).is_err());
        assert_eq!(ours.next(&mut chunk), Ok(None));
        assert!(ours.is_stopped());
    }
}

#[test]
fn to_tokio_util_and_wire_codec_a_length_over_64_bits_is_too_long_and_to_us_it_is_none() {
    let stream = header::<8, BigEndian, 0>(u64::MAX);
    let ours = first(LengthPrefix::<8, BigEndian, 0, 1>::new(), 100, &stream);
    assert_eq!(ours, Err(DecodeErrorKind::Malformed(Malformed::LengthOutOfRange)));
    let tokio = codec::<8, BigEndian, 0, 1>(100).decode(&mut BytesMut::from(&stream[..])).expect_err("too long");
    assert_eq!(tokio.kind(), std::io::ErrorKind::InvalidData);
    let wire = LengthPrefixed::new(LengthWidth::U64, framing::Endian::Big).with_length_adjustment(1);
    assert!(matches!(wire.next_frame(&stream), Err(Error::FrameTooLarge { .. })));
}

// ------------------------------------------------------------------------- tokio-util, LinesCodec and AnyDelimiterCodec

#[test]
fn to_it_a_cr_counts_against_the_limit() {
    let stream = b"abc\r\n";
    let theirs = lines::theirs(LinesCodec::new_with_max_length(3), line_too_long, stream, &[]);
    assert_eq!(theirs.items, [Item::Refused(Refusal::TooLong { len: 0, limit: 0 })]);
    assert_eq!(first(Lines, 3, stream), Ok(Some(b"abc".to_vec())));
}

#[test]
fn it_knows_text_only_and_a_line_with_other_bytes_is_lost() {
    let stream = &b"\xFF\nnext\n"[..];
    let mut buffer = BytesMut::from(stream);
    let mut codec = LinesCodec::new();
    assert!(codec.decode(&mut buffer).is_err());
    assert_eq!(codec.decode(&mut buffer).expect("text").as_deref(), Some("next"));
    assert_eq!(first(Lines, 100, stream), Ok(Some(b"\xFF".to_vec())), "what bytes mean is the service's question");
}

#[test]
fn to_it_a_last_line_that_is_a_cr_alone_is_no_line() {
    let theirs = lines::theirs(LinesCodec::new(), line_too_long, b"a\n\r", &[]);
    assert_eq!(theirs.items, [Item::Frame(b"a".to_vec())]);
    let rules = crate::Rules { storage: 16, oversize: Oversize::Fail, max_frame: 15 };
    let ours = crate::ours(Lines, rules, b"a\n\r", &[]);
    let items = vec![Item::Frame(b"a".to_vec()), Item::Frame(Vec::new())];
    assert_eq!(ours, Reading { items, ending: Ending::Clean });
}

#[test]
fn it_writes_a_payload_with_a_delimiter_which_then_is_two() {
    let mut stream = BytesMut::new();
    LinesCodec::new().encode("a\nb", &mut stream).expect("it takes all");
    AnyDelimiterCodec::new(b";".to_vec(), b";".to_vec()).encode("a;b", &mut stream).expect("it takes all");
    assert_eq!(stream, &b"a\nb\na;b;"[..]);
    let refused = Err(EncodeError::ContainsDelimiter { at: 1 });
    assert_eq!(Encoder::new(Lines, [0; 16]).push(b"a\nb"), refused);
    assert_eq!(Encoder::new(Delimited::new(b';'), [0; 16]).push(b"a;b"), refused);
}

#[test]
fn it_has_no_limit_unless_one_is_set() {
    assert_eq!(LinesCodec::new().max_length(), usize::MAX);
    assert_eq!(AnyDelimiterCodec::default().max_length(), usize::MAX);
    assert_eq!(Decoder::new(Lines, [0; 81]).max_frame(), 80);
}

#[test]
fn to_it_the_end_of_the_stream_ends_a_chunk_and_to_us_where_told() {
    let mut codec = AnyDelimiterCodec::new(b";".to_vec(), b";".to_vec());
    let last = codec.decode_eof(&mut BytesMut::from(&b"cut"[..])).expect("no limit");
    assert_eq!(last.as_deref(), Some(&b"cut"[..]));
    let mut ours = Decoder::new(Delimited::new(b';'), [0; 16]);
    assert_eq!(ours.next(&mut &b"cut"[..]), Ok(None));
    assert_eq!(ours.finish(), Ok(End::Truncated { have: 3, need: None }));
}

#[test]
fn it_knows_several_delimiters_at_once_and_we_one() {
    let mut codec = AnyDelimiterCodec::new(b";,".to_vec(), b";".to_vec());
    let mut buffer = BytesMut::from(&b"a,b;"[..]);
    assert_eq!(codec.decode(&mut buffer).expect("no limit").as_deref(), Some(&b"a"[..]));
    assert_eq!(codec.decode(&mut buffer).expect("no limit").as_deref(), Some(&b"b"[..]));
    assert_eq!(first(Delimited::new(b';'), 100, b"a,b;"), Ok(Some(b"a,b".to_vec())));
}

// ---------------------------------------------------------------------------------------------------------------- cobs

#[test]
fn it_loses_good_frames_behind_a_bad_one_in_the_same_slice() {
    let stream = [5, 1, 0, 2, 9, 0];
    let mut place = [0; 16];
    let mut theirs = CobsDecoder::new(&mut place);
    // It does not say how much of the slice it has looked at, so all of it is gone.
    assert_eq!(theirs.push(&stream).map(drop), Err(DecodeError::InvalidFrame { decoded_bytes: 1 }));
    let mut ours = Decoder::new(Cobs, [0; 16]);
    let mut chunk = &stream[..];
    assert!(ours.next(&mut chunk).is_err());
    assert_eq!(ours.next(&mut chunk), Ok(Some(&[9][..])));
}

#[test]
fn it_delivers_what_fits_of_a_frame_too_long_for_its_buffer_as_a_frame() {
    let stream = [8, 1, 2, 3, 4, 5, 6, 7, 0];
    let too_long = Item::Refused(Refusal::TooLong { len: 0, limit: 0 });
    let theirs = theirs(&stream, 4).items;
    assert_eq!(theirs, [too_long.clone(), too_long.clone(), too_long, Item::Frame(vec![1, 2, 3, 4])]);
    let rules = crate::Rules { storage: 5, oversize: Oversize::Skip, max_frame: 4 };
    let ours = crate::ours(Cobs, rules, &stream, &[]).without_lengths();
    assert_eq!(ours.items, theirs[..1]);
}

// ---------------------------------------------------------------------------------------------------------- wire-codec

#[test]
fn its_limit_is_that_of_the_width_even_where_the_adjustment_lets_more_be_said() {
    let framer = LengthPrefixed::new(LengthWidth::U8, framing::Endian::Big).with_length_adjustment(100);
    let stream = [&[200][..], &[7; 300]].concat();
    assert_eq!(framer.next_frame(&stream), Err(Error::FrameTooLarge { len: 300, limit: 255 }));
    assert_eq!(first(LengthPrefix::<1, BigEndian, 0, 100>::new(), 355, &stream), Ok(Some(vec![7; 300])));
}

#[test]
fn it_too_says_the_same_error_again_for_ever_and_takes_nothing() {
    let mut theirs = StreamDecoder::new(LengthPrefixed::bounded(LengthWidth::U32, framing::Endian::Big));
    for _ in 0..3 {
        assert!(theirs.decode(b"\xFF\xFF\xFF\xFF").is_err());
    }
    // Whoever goes on one byte further, as one might, is in the middle of a frame.
    assert_eq!(theirs.decode(b"\0\0\0\x01x").map(|frame| frame.map(|frame| frame.payload())), Ok(Some(&b"x"[..])));
    let mut ours = Decoder::new(U32::new(), [0; 16]);
    assert!(ours.next(&mut &b"\xFF\xFF\xFF\xFF"[..]).is_err());
    assert_eq!(ours.next(&mut &b"\0\0\0\x01x"[..]), Ok(None), "nothing until it is reset");
}

#[test]
fn it_waits_for_a_byte_more_before_a_chunk_is_too_long() {
    let framer = framing::Delimited::new(b";").expect("a delimiter").with_max_payload(3);
    assert_eq!(framer.next_frame(b"abcd"), Ok(None));
    assert_eq!(framer.next_frame(b"abcde"), Err(Error::FrameTooLarge { len: 4, limit: 3 }));
    let error = first(Delimited::new(b';'), 3, b"abcd");
    assert_eq!(error, Err(DecodeErrorKind::TooLong { len: None, limit: 3 }));
}

#[test]
fn it_needs_a_buffer_for_the_whole_frame_and_we_the_payload_at_most() {
    // A caller with a buffer of the limit and no more is told to wait for ever.
    let framer = LengthPrefixed::new(LengthWidth::U32, framing::Endian::Big).with_max_payload(16);
    let mut stream = BytesMut::new();
    stream.put_u32(16);
    stream.put_bytes(7, 16);
    assert_eq!(framer.next_frame(&stream[..16]), Ok(None));
    let mut ours = Decoder::new(U32::new(), [0; 16]);
    let mut whole = 0;
    for byte in &stream {
        whole += usize::from(ours.push_byte(*byte) == Ok(Some(&[7; 16])));
    }
    assert_eq!(whole, 1);
}
