//! What is encoded whole, in place or in pieces is the same each time, and comes back.
//!
//! An input is `[law][length of the pieces, less 1][bytes sent at a time, less 1]`, then the payload.

use framewright::framing::{
    Cobs, Delimited, Framing, JsonHeader, LengthPrefix, Lines, LittleEndian, Netstring, Slip, U32, Varint,
};
use framewright::{Decoder, EncodeError, Encoder, Outgoing};

/// The names of the laws, by number.
pub(crate) const LAWS: [&str; 10] =
    ["u32", "u8", "u16-le", "varint", "lines", "delimited", "netstring", "cobs", "slip", "json-header"];

/// Checks one input; too short a one says nothing.
pub(crate) fn run(data: &[u8]) {
    let Some(([law, piece, sent], payload)) = data.split_first_chunk() else { return };
    let payload = &payload[..payload.len().min(2000)];
    let sizes = (usize::from(*piece) + 1, usize::from(*sent) + 1);
    match LAWS[usize::from(*law) % LAWS.len()] {
        "u32" => check_verbatim(U32::new(), payload, sizes),
        "u8" => check_verbatim(LengthPrefix::<1>::new(), payload, sizes),
        "u16-le" => check_verbatim(LengthPrefix::<2, LittleEndian, 3, 0>::with_lead([1, 2, 3]), payload, sizes),
        "varint" => check_verbatim(Varint::new(), payload, sizes),
        // The reader takes a CR at the end for part of the line ending.
        "lines" if payload.ends_with(b"\r") => {}
        "lines" => check_verbatim(Lines, payload, sizes),
        "delimited" => check_verbatim(Delimited::new(0x1E), payload, sizes),
        "netstring" => check_verbatim(Netstring, payload, sizes),
        "cobs" => check(Cobs, payload, sizes),
        "slip" => check(Slip::with_leading_end(), payload, sizes),
        _ => check_verbatim(JsonHeader::TEXT, payload, sizes),
    }
}

fn check<L: Framing + Clone>(law: L, payload: &[u8], (piece, most): (usize, usize)) {
    let capacity = L::PREFIX + law.expansion(payload.len()) + L::SUFFIX;
    let mut encoder = Encoder::new(law.clone(), vec![0; capacity]);
    match encoder.push(payload) {
        Ok(()) => {}
        // What this framing cannot carry.
        Err(EncodeError::ContainsDelimiter { .. } | EncodeError::Empty | EncodeError::TooLong { .. }) => {
            assert!(encoder.pending().is_empty());
            return;
        }
        Err(other) => panic!("{other}"),
    }
    let whole = encoder.pending().to_vec();

    let mut encoder = Encoder::new(law.clone(), vec![0; capacity]);
    encoder.reserve(payload.len()).expect("it fits")[..payload.len()].copy_from_slice(payload);
    encoder.commit(payload.len()).expect("it fits");
    assert_eq!(encoder.pending(), whole);

    let mut encoder = Encoder::new(law.clone(), vec![0; 300.max(L::PREFIX + 10)]);
    let mut sent = Vec::new();
    let mut go = |encoder: &mut Encoder<L, Vec<u8>>, most: usize| {
        let n = encoder.pending().len().min(most);
        sent.extend_from_slice(&encoder.pending()[..n]);
        encoder.sent(n);
    };
    encoder.begin(Some(payload.len() as u64)).expect("it fits");
    for part in payload.chunks(piece) {
        let mut rest = part;
        while !rest.is_empty() {
            let n = encoder.chunk(rest).expect("what went whole goes in pieces");
            rest = &rest[n..];
            go(&mut encoder, most);
        }
    }
    while let Err(EncodeError::Full { .. }) = encoder.end() {
        go(&mut encoder, 1);
    }
    go(&mut encoder, usize::MAX);
    assert_eq!(sent, whole);

    let mut decoder = Decoder::new(law, vec![0; payload.len().max(300) + L::SUFFIX]);
    assert_eq!(decoder.next(&mut &whole[..]), Ok(Some(payload)));
}

/// The same for a framing whose payload may stay where it is: sent from there, some bytes at a time, it is the same again.
fn check_verbatim<L: Framing + Clone>(law: L, payload: &[u8], (piece, most): (usize, usize)) {
    if let Ok(mut frame) = Outgoing::<256>::with_room(&law, payload) {
        let mut written = Vec::new();
        while frame.remaining() > 0 {
            let left = frame.slices().concat();
            let n = left.len().min(most);
            written.extend_from_slice(&left[..n]);
            frame.advance(n);
        }
        let mut encoder = Encoder::new(law.clone(), vec![0; written.len()]);
        encoder.push(payload).expect("it fits");
        assert_eq!(encoder.pending(), written);
    }
    check(law, payload, (piece, most));
}

/// Inputs to start from: each law with text and with bytes that mean something to it.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (number, name) in (0..).zip(LAWS) {
        seeds.push((format!("{name}-text"), [&[number, 4, 2], &b"Four score and seven years ago"[..]].concat()));
        let run = vec![7; 260];
        let special = [&[number, 200, 9, 0, 0xC0, 0xDB, b'\r', 0xFF][..], &run, &[0, 1]].concat();
        seeds.push((format!("{name}-bytes"), special));
    }
    seeds
}
