//! Lines and other delimiters beside `LinesCodec` and `AnyDelimiterCodec` of tokio-util.

use bytes::BytesMut;
use framewright::framing::{Delimited, Framing, Lines};
use framewright::{Encoder, Oversize};
use proptest::prelude::*;
use tokio_util::codec::{
    AnyDelimiterCodec, AnyDelimiterCodecError, Decoder, Encoder as _, LinesCodec, LinesCodecError,
};

use crate::{Reading, Refusal, Rules, cuts, ours, pieces, try_all};

const TOO_LONG: Refusal = Refusal::TooLong { len: 0, limit: 0 };

/// What a codec makes of a stream. It goes on after a frame that was too long.
pub(crate) fn theirs<C: Decoder<Item: AsRef<[u8]>>>(
    mut codec: C,
    too_long: fn(&C::Error) -> bool,
    stream: &[u8],
    cuts: &[usize],
) -> Reading {
    let mut reading = Reading::default();
    let mut buffer = BytesMut::new();
    let mut note = |came: Result<Option<C::Item>, C::Error>| match came {
        Ok(Some(frame)) => {
            reading.frame(frame.as_ref());
            true
        }
        Ok(None) => false,
        Err(error) => {
            assert!(too_long(&error), "another error");
            reading.refused(TOO_LONG);
            true
        }
    };
    for piece in pieces(stream, cuts) {
        buffer.extend_from_slice(piece);
        while note(codec.decode(&mut buffer)) {}
    }
    while note(codec.decode_eof(&mut buffer)) {}
    reading
}

pub(crate) fn line_too_long(error: &LinesCodecError) -> bool {
    matches!(error, LinesCodecError::MaxLineLengthExceeded)
}

fn chunk_too_long(error: &AnyDelimiterCodecError) -> bool {
    matches!(error, AnyDelimiterCodecError::MaxChunkLengthExceeded)
}

/// With a limit, and storage for just that.
fn limited<L: Framing>(law: L, limit: usize, stream: &[u8], cuts: &[usize]) -> Reading {
    let rules = Rules { storage: limit + L::SUFFIX, oversize: Oversize::Skip, max_frame: limit as u64 };
    ours(law, rules, stream, cuts).without_lengths()
}

/// Text with many LFs, and with CRs where they are wanted.
fn texts(others: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(b'\n'), 3 => prop::sample::select(others), 20 => b'a'..=b'z'];
    prop::collection::vec(byte, 0..200)
}

#[test]
fn lines_of_any_length_come_alike_with_their_crs() {
    try_all(1500, (texts(b"\r\0\x7f"), cuts()), |(mut stream, cuts)| {
        // A last line that is a CR alone is a difference.
        if stream == b"\r" || stream.ends_with(b"\n\r") {
            stream.pop();
        }
        let expected = theirs(LinesCodec::new(), line_too_long, &stream, &cuts);
        prop_assert_eq!(limited(Lines, 300, &stream, &cuts), expected.clone());
        // The same in pieces, through a few bytes.
        let rules = Rules { storage: 4, oversize: Oversize::Stream, max_frame: u64::MAX };
        prop_assert_eq!(ours(Lines, rules, &stream, &cuts), expected);
        Ok(())
    });
}

#[test]
fn lines_over_a_limit_are_refused_once_and_alike_and_the_next_one_comes() {
    try_all(1500, (texts(b"\0\x7f"), 0..20_usize, cuts()), |(stream, limit, cuts)| {
        let codec = LinesCodec::new_with_max_length(limit);
        let expected = theirs(codec, line_too_long, &stream, &cuts);
        prop_assert_eq!(limited(Lines, limit, &stream, &cuts), expected);
        Ok(())
    });
}

#[test]
fn chunks_between_any_delimiter_come_alike_within_a_limit_and_over_it() {
    let delimiters = prop::sample::select(&[0, b'\n', b';', 0x1E, 0xFF][..]);
    let streams = prop::collection::vec(
        prop_oneof![prop::sample::select(&[0, b'\n', b';', 0x1E, 0xFF, b'\r'][..]), any::<u8>()],
        0..200,
    );
    try_all(1500, (delimiters, streams, 0..40_usize, cuts()), |(delimiter, stream, limit, cuts)| {
        let codec = AnyDelimiterCodec::new_with_max_length(vec![delimiter], vec![delimiter], limit);
        let expected = theirs(codec, chunk_too_long, &stream, &cuts);
        prop_assert_eq!(limited(Delimited::new(delimiter).ending_at_eof(), limit, &stream, &cuts), expected);
        Ok(())
    });
}

#[test]
fn lines_and_chunks_encode_alike() {
    try_all(250, "[^\n]{0,40}", |text| {
        let mut theirs = BytesMut::new();
        LinesCodec::new().encode(&text, &mut theirs).expect("it takes all");
        let mut encoder = Encoder::new(Lines, [0; 200]);
        encoder.push(text.as_bytes()).expect("it fits");
        prop_assert_eq!(encoder.pending(), &theirs[..]);
        let mut theirs = BytesMut::new();
        AnyDelimiterCodec::new(b"\n".to_vec(), b"\n".to_vec()).encode(&text, &mut theirs).expect("it takes all");
        let mut encoder = Encoder::new(Delimited::new(b'\n'), [0; 200]);
        encoder.push(text.as_bytes()).expect("it fits");
        prop_assert_eq!(encoder.pending(), &theirs[..]);
        Ok(())
    });
}
