//! Every law of [`AnyLaw`] beside the one that it stands for, on streams that are cut in two at every place.

use std::fmt::Write as _;

use framewright::{DecodeErrorKind, Decoder, Event, Oversize};

use super::*;

/// What a decoder makes of a stream that comes in two pieces, in words.
fn told<L: Framing>(law: L, storage: usize, oversize: Oversize, stream: &[u8], cut: usize) -> String {
    let mut decoder = Decoder::new(law, vec![0; storage]).with_oversize(oversize).with_max_frame(40);
    let mut told = String::new();
    let mut streamed = 0;
    for piece in [&stream[..cut], &stream[cut..]] {
        let mut chunk = piece;
        loop {
            match decoder.next_event(&mut chunk) {
                Ok(Some(Event::Chunk(bytes))) => streamed += bytes.len(),
                Ok(Some(event)) => _ = write!(told, "{event:?} after {} ", core::mem::take(&mut streamed)),
                Ok(None) => break,
                // How long it is depends on how much came with it.
                Err(error) if matches!(error.kind, DecodeErrorKind::HeaderTooLong { .. }) => {
                    return told + "HeaderTooLong";
                }
                Err(error) => {
                    let _ = write!(told, "{error:?} ");
                    if decoder.is_stopped() {
                        return told;
                    }
                }
            }
        }
    }
    loop {
        let end = format!("{:?}", decoder.finish());
        told.push_str(&end);
        if !end.contains("Last") {
            return told;
        }
    }
}

/// Both laws tell the same of this stream, wherever it is cut.
fn same<L: Framing + Clone>(law: &L, any: impl Fn(usize) -> AnyLaw, stream: &[u8]) {
    for storage in [16, 32, 128] {
        for oversize in [Oversize::Fail, Oversize::Skip, Oversize::Stream] {
            for cut in 0..=stream.len() {
                let expected = told(law.clone(), storage, oversize, stream, cut);
                let got = told(any(storage), storage, oversize, stream, cut);
                assert_eq!(got, expected, "cut at {cut}, storage {storage}, {oversize:?}");
            }
        }
    }
}

#[test]
fn it_reads_u32_frames_as_that_law_does() {
    same(&U32::new(), |_| AnyLaw::U32, b"\0\0\0\x02hi\0\0\0\0\0\0\0\x14twenty bytes of text\0\0\0\x05trunc");
    same(&U32::new(), |_| AnyLaw::U32, b"\0\0\0\x01a\0\0\0\x29forty-one bytes are more than the limit..\0\0\0\x01b");
    same(&U32::new(), |_| AnyLaw::U32, b"\0\0\0\x03trailing\xff");
}

#[test]
fn it_reads_headers_of_json_as_that_law_does() {
    let frame = |kind: &str, content: &str| {
        let header = format!(
            r#"{{"byteorder":"little","content-type":"{kind}","content-encoding":"utf-8","content-length":{}}}"#,
            content.len()
        );
        [&u16::try_from(header.len()).unwrap().to_be_bytes(), header.as_bytes(), content.as_bytes()].concat()
    };
    let good = [frame("text/json", "{}"), frame("a/b", ""), frame("a/b", "more than a little of it")].concat();
    same(&JsonHeader::TEXT, AnyLaw::json, &good);
    same(&JsonHeader::TEXT, AnyLaw::json, &good[..good.len() - 3]);
    same(&JsonHeader::TEXT, AnyLaw::json, b"\0\x05{...}x");
}

#[test]
fn it_reads_chunks_as_they_come() {
    same(&Raw, |_| AnyLaw::RAW, b"what comes is a message, at most 40 bytes of it");
}

#[test]
fn it_knows_the_content_that_a_header_announces() {
    let header = br#"{"byteorder":"big","content-type":"text/json","content-encoding":"utf-8","content-length":1}"#;
    let stream = [&[0, u8::try_from(header.len()).unwrap()][..], header, b"1"].concat();
    let mut decoder = Decoder::new(AnyLaw::json(128), [0; 128]);
    assert_eq!(decoder.next(&mut &stream[..]), Ok(Some(&b"1"[..])));
    assert_eq!(decoder.state().content(), Content::Json);
}

#[test]
fn what_it_writes_is_read_by_the_laws_themselves() {
    for law in [AnyLaw::U32, AnyLaw::RAW, AnyLaw::LINES, AnyLaw::json(128)] {
        let mut encoder = framewright::Encoder::new(law, [0; 256]);
        encoder.push(b"hello").unwrap();
        let written = encoder.pending();
        let expected: &[u8] = match law.kind {
            Kind::U32 => b"\0\0\0\x05hello",
            Kind::Raw => b"hello",
            Kind::Lines => b"hello\n",
            Kind::Json => &[&written[..written.len() - 5], b"hello"].concat(),
        };
        assert_eq!(written, expected);
        let mut decoder = Decoder::new(law, [0; 256]);
        assert_eq!(decoder.next(&mut &written[..]), Ok(Some(&b"hello"[..])));
    }
}

#[test]
fn it_reads_lines_as_that_law_does() {
    // With room for what ends a line, which the law of lines keeps free and this one does not.
    let lines = b"one\r\ntwo\rhalves\n\r\n\nlast";
    for cut in 0..=lines.len() {
        let expected = told(Lines, 64, Oversize::Fail, lines, cut);
        assert_eq!(told(AnyLaw::LINES, 64, Oversize::Fail, lines, cut), expected, "cut at {cut}");
    }
}
