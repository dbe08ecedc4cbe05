//! A framing of one's own: the packets of an imaginary radio, with a checked length, as a law of about 30 lines. Run it with
//! `cargo run -p core --example own_law`.

use framewright::framing::{Framing, Step, Tail};
use framewright::{DecodeErrorKind, Decoder, EncodeError, Encoder, Malformed};

/// `[0x7E][length: u8][length, inverted][payload]`: two bytes that agree make a length that noise seldom makes.
#[derive(Clone, Copy, Debug, Default)]
struct Radio;

impl Framing for Radio {
    type State = Option<usize>; // payload bytes still to come
    const PREFIX: usize = 3;

    fn step(&self, left: &mut Option<usize>, input: &[u8]) -> Result<Step, Malformed> {
        match (*left, input) {
            (None, [0x7E, len, check, ..]) if *len == !*check => {
                *left = Some(usize::from(*len));
                Ok(Step::Begin { take: 3, len: u64::from(*len) })
            }
            (None, [0x7E, _, _, ..]) => Err(Malformed::Other("the two lengths do not agree")),
            (None, [] | [0x7E, ..]) => Ok(Step::Need(3)),
            (None, _) => Err(Malformed::Other("a packet starts with 7E")),
            (Some(n), _) if n <= input.len() => {
                *left = None;
                Ok(Step::End { data: n, take: 0 })
            }
            (Some(_), []) => Ok(Step::Need(1)),
            (Some(n), _) => {
                *left = Some(n - input.len());
                Ok(Step::Data(input.len()))
            }
        }
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::LengthRequired)?;
        let byte = u8::try_from(len).map_err(|_| EncodeError::TooLong { len, max: 255 })?;
        out.put(&[0x7E, byte, !byte])
    }
}

fn main() {
    let mut encoder = Encoder::new(Radio, [0; 64]);
    for payload in ["hello", "world"] {
        encoder.push(payload.as_bytes()).expect("it fits");
    }

    let mut decoder = Decoder::new(Radio, [0; 255]);
    for chunk in encoder.pending().chunks(6) {
        let mut chunk = chunk;
        while let Some(payload) = decoder.next(&mut chunk).expect("what we encoded is well formed") {
            println!("received: {}", String::from_utf8_lossy(payload));
        }
    }
    let error = decoder.next(&mut &[0x7E, 5, 5][..]).expect_err("5 inverted is not 5");
    println!("refused: {error}");
    assert_eq!(error.kind, DecodeErrorKind::Malformed(Malformed::Other("the two lengths do not agree")));
}
