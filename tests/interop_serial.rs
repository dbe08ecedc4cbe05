//! COBS and SLIP beside a Python package each, by bytes: what we encode they decode, what they encode we decode, over many
//! random payloads; and both write the same.

use framewright::framing::{Cobs, Framing, Slip};
use framewright::{Decoder, Encoder, End, Event, Oversize};
use framewright_tests::interop::peer::{Heard, Peer};
use framewright_tests::interop::roster::{self, Codec};

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // xorshift64*, George Marsaglia and Sebastiano Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() >> 32).expect("32 bits") % n
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// Payloads of all kinds that the two framings treat otherwise: with many of their own bytes, or none; as long as one, two and
/// three full blocks of COBS, and one byte less and more; and a long one.
fn payloads(dice: &mut Dice) -> Vec<Vec<u8>> {
    const SPECIAL: [u8; 7] = [0x00, 0xC0, 0xDB, 0xDC, 0xDD, 0xFF, 0x01];
    let blocks: Vec<usize> = [254, 508, 762].iter().flat_map(|len| len - 2..=len + 2).collect();
    let mut payloads: Vec<Vec<u8>> = (0..2000)
        .map(|_| {
            let len = match dice.below(4) {
                0 => dice.below(8),
                1 => dice.pick(&blocks),
                _ => dice.below(800),
            };
            let kind = dice.below(4);
            let byte = |dice: &mut Dice| match kind {
                0 => dice.pick(&SPECIAL),
                1 => u8::try_from(1 + dice.below(0xBF)).expect("a byte that stands for itself"),
                2 if dice.below(100) > 0 => b'x',
                _ => dice.roll().to_be_bytes()[0],
            };
            (0..len).map(|_| byte(dice)).collect()
        })
        .collect();
    payloads.extend([vec![0; 70_000], vec![0xC0; 70_000], vec![b'x'; 70_000]]);
    payloads
}

/// What our encoder makes of a payload: whole where it fits, and through a buffer of 512 bytes, which must be the same.
fn encode<L: Framing + Clone>(law: &L, payload: &[u8]) -> Vec<u8> {
    let mut whole = Encoder::new(law.clone(), vec![0; 2 * payload.len() + 16]);
    whole.push(payload).expect("a payload that fits");

    let mut narrow = Encoder::new(law.clone(), [0; 512]);
    let mut streamed = Vec::new();
    let drain = |narrow: &mut Encoder<L, [u8; 512]>, streamed: &mut Vec<u8>| {
        let n = narrow.pending().len();
        streamed.extend_from_slice(narrow.pending());
        narrow.sent(n);
    };
    narrow.begin(Some(payload.len() as u64)).expect("room for a header");
    let mut rest = payload;
    while !rest.is_empty() {
        let n = narrow.chunk(rest).expect("a frame has begun");
        rest = &rest[n..];
        drain(&mut narrow, &mut streamed);
    }
    narrow.end().expect("room for a trailer");
    drain(&mut narrow, &mut streamed);
    assert!(streamed == whole.pending(), "streamed, the frame of {payload:02x?} is another");
    streamed
}

/// What our decoder finds in a stream, in pieces of all sizes, through storage of 64 bytes.
fn decode<L: Framing>(law: L, stream: &[u8], dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(law, [0; 64]).with_oversize(Oversize::Stream);
    let (mut found, mut long, mut rest) = (Vec::new(), Vec::new(), stream);
    while !rest.is_empty() {
        let (mut piece, behind) = rest.split_at((1 + dice.below(300)).min(rest.len()));
        rest = behind;
        while let Some(event) = decoder.next_event(&mut piece).expect("frames that are whole") {
            match event {
                Event::Frame(payload) => found.push(payload.to_vec()),
                Event::Begin { .. } => {}
                Event::Chunk(chunk) => long.extend_from_slice(chunk),
                Event::End => found.push(std::mem::take(&mut long)),
            }
        }
    }
    assert_eq!(decoder.finish(), Ok(End::Clean));
    found
}

/// The payload or the frame that it tells next.
fn next(peer: &mut Peer) -> Vec<u8> {
    match peer.hear() {
        Heard::Message(bytes) => bytes,
        other => panic!("{}: {other:?}", peer.name()),
    }
}

fn understands<L: Framing + Clone>(codec: &Codec, law: &L, seed: u64) {
    let (Some(mut encoder), Some(mut decoder)) = (codec.encoder(), codec.decoder()) else { return };
    let mut dice = Dice(seed);
    let mut payloads = payloads(&mut dice);
    payloads.retain(|payload| law.check(payload).is_ok());
    let mut theirs = Vec::new();
    for some in payloads.chunks(100) {
        encoder.say(&some.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let frames: Vec<Vec<u8>> = some.iter().map(|payload| encode(law, payload)).collect();
        // Cut anywhere.
        let stream = frames.concat();
        let (first, second) = stream.split_at(dice.below(stream.len()));
        decoder.say(&[first, second]);
        for (payload, frame) in some.iter().zip(&frames) {
            assert!(next(&mut decoder) == *payload, "seed {seed:#x}: they found another payload in {frame:02x?}");
            let their_frame = next(&mut encoder);
            assert!(their_frame == *frame, "seed {seed:#x}: {their_frame:02x?} is theirs, {frame:02x?} is ours");
            theirs.extend(their_frame);
        }
    }
    assert!(decode(law.clone(), &theirs, &mut dice) == payloads, "seed {seed:#x}: we found other payloads");
    decoder.hang_up();
    assert_eq!(decoder.hear(), Heard::End, "and nothing more was in the stream");
}

#[test]
fn the_python_package_cobs_understands_us_and_we_it() {
    understands(&roster::COBS, &Cobs, 0x00C0_B5C0_B5C0_B501);
}

#[test]
fn sliplib_understands_us_and_we_it() {
    understands(&roster::SLIPLIB, &Slip::new(), 0x0051_1951_1951_1901);
}

#[test]
fn sliplib_with_a_leading_end_understands_us_and_we_it() {
    understands(&roster::SLIPLIB_LEADING_END, &Slip::with_leading_end(), 0x0051_1951_1951_1902);
}
