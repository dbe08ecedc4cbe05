//! What is encoded, whole, in place or in pieces, is the same each time, and comes back.

#![no_main]

use arbitrary::Arbitrary;
use framewright::framing::{
    Cobs, Framing, JsonHeader, LengthPrefix, Lines, LittleEndian, Netstring, Slip, U32, Varint,
};
use framewright::{Decoder, EncodeError, Encoder};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    law: u8,
    payload: Vec<u8>,
    piece: u8,
    sent: u8,
}

fn check<L: Framing + Clone>(law: L, input: &Input) {
    let payload = &input.payload[..input.payload.len().min(2000)];
    let capacity = L::PREFIX + law.expansion(payload.len()) + L::SUFFIX;
    let mut encoder = Encoder::new(law.clone(), vec![0; capacity]);
    match encoder.push(payload) {
        Ok(()) => {}
        // What this framing cannot carry.
        Err(EncodeError::ContainsDelimiter { .. } | EncodeError::Empty | EncodeError::TooLong { .. }) => return,
        Err(other) => panic!("{other}"),
    }
    let whole = encoder.pending().to_vec();

    let mut encoder = Encoder::new(law.clone(), vec![0; capacity]);
    encoder.reserve(payload.len()).expect("it fits")[..payload.len()].copy_from_slice(payload);
    encoder.commit(payload.len()).expect("it fits");
    assert_eq!(encoder.pending(), whole);

    let mut encoder = Encoder::new(law.clone(), vec![0; 300.max(L::PREFIX + 10)]);
    let mut sent = Vec::new();
    let mut send = |encoder: &mut Encoder<L, Vec<u8>>, most: usize| {
        let n = encoder.pending().len().min(most);
        sent.extend_from_slice(&encoder.pending()[..n]);
        encoder.sent(n);
    };
    encoder.begin(Some(payload.len() as u64)).expect("it fits");
    for piece in payload.chunks(usize::from(input.piece) + 1) {
        let mut rest = piece;
        while !rest.is_empty() {
            let n = encoder.chunk(rest).expect("what went whole goes in pieces");
            rest = &rest[n..];
            send(&mut encoder, usize::from(input.sent) + 1);
        }
    }
    while let Err(EncodeError::Full { .. }) = encoder.end() {
        send(&mut encoder, 1);
    }
    send(&mut encoder, usize::MAX);
    assert_eq!(sent, whole);

    let mut decoder = Decoder::new(law, vec![0; payload.len().max(300) + L::SUFFIX]);
    assert_eq!(decoder.next(&mut &whole[..]), Ok(Some(payload)));
}

fuzz_target!(|input: Input| {
    match input.law % 9 {
        0 => check(U32::new(), &input),
        1 => check(LengthPrefix::<1>::new(), &input),
        2 => check(LengthPrefix::<2, LittleEndian, 3, 0>::with_lead([1, 2, 3]), &input),
        3 => check(Varint::new(), &input),
        // The reader takes a CR at the end for part of the line ending.
        4 if input.payload.ends_with(b"\r") => {}
        4 => check(Lines, &input),
        5 => check(Netstring, &input),
        6 => check(Cobs, &input),
        7 => check(Slip::with_leading_end(), &input),
        _ => check(JsonHeader::TEXT, &input),
    }
});
