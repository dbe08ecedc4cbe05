//! Frames in a row, which a large processor takes by a way of its own: whatever ways in are mixed, and wherever a row is broken off, the
//! payload is right, and so is what the decoder says of where it stands.

use framewright::framing::{Framing, LengthPrefix, U32, Varint};
use framewright::{DecodeError, DecodeErrorKind, Decoder, Encoder, Need};

/// Numbers that look random and are the same in each run (D. E. Knuth, MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// A stream, and where each of its frames begins, its payload, and the frame ends.
fn stream<L: Framing>(law: L, numbers: &mut Numbers) -> (Vec<u8>, Vec<[usize; 3]>) {
    let mut encoder = Encoder::new(law, vec![0; 1 << 14]);
    let mut frames = Vec::new();
    let mut len = 7;
    for _ in 0..200 {
        // Mostly like the one before.
        if numbers.below(4) == 0 {
            len = [0, 1, 3, 16, 40, 50][numbers.below(6)];
        }
        let begin = encoder.pending().len();
        let payload: Vec<u8> = (0..len).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect();
        encoder.push(&payload).unwrap();
        let end = encoder.pending().len();
        frames.push([begin, end - len, end]);
    }
    (encoder.pending().to_vec(), frames)
}

/// Why `for_each` or `pop_each` did not go on.
enum Halt {
    Enough,
    Error(DecodeError),
}

impl From<DecodeError> for Halt {
    fn from(error: DecodeError) -> Self {
        Self::Error(error)
    }
}

/// Takes frames out of a decoder and looks at all that it says.
struct Looker<'s> {
    bytes: &'s [u8],
    frames: &'s [[usize; 3]],
    /// The shortest payload that the decoder accepts.
    least: usize,
    /// Frames that came.
    came: usize,
    /// Bytes that were given to the decoder, or were left of a chunk.
    given: usize,
}

impl Looker<'_> {
    /// Looks at what comes next out of `decoder`, where `left` bytes of a chunk are left. Whether it was a frame, good or bad.
    fn look<L: Framing, const N: usize>(
        &mut self,
        next: Result<Option<Vec<u8>>, DecodeError>,
        decoder: &Decoder<L, [u8; N]>,
        left: usize,
    ) -> bool {
        if next == Ok(None) {
            return false;
        }
        let [begin, start, end] = self.frames[self.came];
        match next {
            Ok(payload) => assert_eq!(payload.as_deref(), Some(&self.bytes[start..end]), "frame {}", self.came),
            Err(error) => {
                let (len, min) = ((end - start) as u64, self.least as u64);
                assert_eq!(error.kind, DecodeErrorKind::TooShort { len, min }, "frame {}", self.came);
                assert_eq!(error.offset, begin as u64, "frame {}", self.came);
            }
        }
        assert_eq!(decoder.frame_offset(), begin as u64, "frame {}", self.came);
        assert_eq!(decoder.position(), end as u64, "frame {}", self.came);
        self.came += 1;
        self.place(decoder, left);
        true
    }

    /// Takes at most so many frames by `for_each` or `pop_each`, and looks at them and at what the decoder says behind the last one.
    fn look_at_each<L: Framing, const N: usize>(
        &mut self,
        decoder: &mut Decoder<L, [u8; N]>,
        chunk: Option<&mut &[u8]>,
        most: usize,
    ) {
        let mut left = most;
        let each = |frame: &[u8]| {
            let [_, start, end] = self.frames[self.came];
            assert_eq!(frame, &self.bytes[start..end], "frame {}", self.came);
            self.came += 1;
            left -= 1;
            if left == 0 { Err(Halt::Enough) } else { Ok(()) }
        };
        let (end, behind) = match chunk {
            Some(chunk) => (decoder.for_each(chunk, each), chunk.len()),
            None => (decoder.pop_each(each), 0),
        };
        match end {
            Ok(()) => assert_eq!(behind, 0),
            Err(Halt::Enough) => {
                let [begin, _, end] = self.frames[self.came - 1];
                assert_eq!(decoder.frame_offset(), begin as u64, "frame {}", self.came - 1);
                assert_eq!(decoder.position(), end as u64, "frame {}", self.came - 1);
                self.place(decoder, behind);
            }
            Err(Halt::Error(error)) => _ = self.look(Err(error), decoder, behind),
        }
    }

    /// Looks at where the decoder stands, `left` bytes before those that are given.
    fn place<L: Framing, const N: usize>(&self, decoder: &Decoder<L, [u8; N]>, left: usize) {
        assert_eq!(
            decoder.position() + decoder.unread() as u64,
            (self.given - left) as u64,
            "bytes were lost or made up"
        );
        let Some([begin, start, end]) = self.frames.get(self.came) else { return };
        if (start..end).contains(&&(self.given - left)) {
            let missing = end - (self.given - left);
            assert_eq!(decoder.need(), Need::Exactly(missing as u64), "frame {} from {begin}", self.came);
        }
    }
}

/// In a storage that holds little more than a frame, and in one that holds many; without a rule, and with one about frames for being short.
fn read_in_mixed_ways<L: Framing + Copy>(law: L) {
    for seed in 0..200 {
        read_once_in_mixed_ways(Decoder::new(law, [0; 64]), 0, seed);
        read_once_in_mixed_ways(Decoder::new(law, [0; 300]), 0, seed);
        read_once_in_mixed_ways(Decoder::new(law, [0; 300]).with_min_frame(2), 2, seed);
    }
}

fn read_once_in_mixed_ways<L: Framing + Copy, const N: usize>(
    mut decoder: Decoder<L, [u8; N]>,
    least: usize,
    seed: u64,
) {
    let mut numbers = Numbers(seed);
    let (bytes, frames) = stream(*decoder.law(), &mut numbers);
    let mut looker = Looker { bytes: &bytes, frames: &frames, least, came: 0, given: 0 };
    while looker.given < bytes.len() {
        let most = bytes.len() - looker.given;
        match numbers.below(7) {
            0 => {
                let n = most.min(1 + numbers.below(300));
                let mut chunk = &bytes[looker.given..looker.given + n];
                looker.given += n;
                // The row may be broken off, and what is left of the chunk comes by another way.
                for _ in 0..numbers.below(12) {
                    let next = decoder.next(&mut chunk).map(|next| next.map(<[u8]>::to_vec));
                    if !looker.look(next, &decoder, chunk.len()) {
                        break;
                    }
                }
                looker.given -= chunk.len();
            }
            1 => {
                let spare = decoder.spare_mut();
                let n = most.min(spare.len()).min(1 + numbers.below(64));
                spare[..n].copy_from_slice(&bytes[looker.given..looker.given + n]);
                decoder.commit(n);
                looker.given += n;
            }
            2 => looker.given += decoder.push(&bytes[looker.given..][..most.min(1 + numbers.below(64))]),
            3 => {
                let n = most.min(1 + numbers.below(300));
                let mut chunk = &bytes[looker.given..looker.given + n];
                looker.given += n;
                looker.look_at_each(&mut decoder, Some(&mut chunk), 1 + numbers.below(12));
                looker.given -= chunk.len();
            }
            4 => looker.look_at_each(&mut decoder, None, 1 + numbers.below(6)),
            5 => {
                for _ in 0..numbers.below(6) {
                    let next = decoder.pop().map(|next| next.map(<[u8]>::to_vec));
                    if !looker.look(next, &decoder, 0) {
                        break;
                    }
                }
            }
            _ => {
                pop_all(&mut decoder, &mut looker);
                for _ in 0..most.min(numbers.below(9)) {
                    let byte = bytes[looker.given];
                    looker.given += 1;
                    let next = decoder.push_byte(byte).map(|next| next.map(<[u8]>::to_vec));
                    looker.look(next, &decoder, 0);
                    looker.place(&decoder, 0);
                }
            }
        }
        looker.place(&decoder, 0);
    }
    pop_all(&mut decoder, &mut looker);
    assert_eq!(looker.came, frames.len());
}

fn pop_all<L: Framing, const N: usize>(decoder: &mut Decoder<L, [u8; N]>, looker: &mut Looker) {
    loop {
        let next = decoder.pop().map(|next| next.map(<[u8]>::to_vec));
        if !looker.look(next, decoder, 0) {
            return;
        }
    }
}

#[test]
fn frames_of_a_header_of_four_bytes_are_the_same_in_all_mixed_ways() {
    read_in_mixed_ways(U32::new());
}

#[test]
fn frames_of_a_header_of_one_byte_are_the_same_in_all_mixed_ways() {
    read_in_mixed_ways(LengthPrefix::<1>::new());
}

#[test]
fn frames_of_a_header_with_bytes_before_the_length_are_the_same_in_all_mixed_ways() {
    read_in_mixed_ways(LengthPrefix::<2, framewright::framing::LittleEndian, 3>::with_lead(*b"abc"));
}

#[test]
fn frames_of_a_header_that_says_more_than_the_payload_are_the_same_in_all_mixed_ways() {
    read_in_mixed_ways(LengthPrefix::<2, framewright::framing::BigEndian, 0, -2>::new());
}

#[test]
fn frames_of_a_header_of_any_length_are_the_same_in_all_mixed_ways() {
    read_in_mixed_ways(Varint::new());
}

#[test]
fn a_limit_that_is_set_in_the_middle_of_a_row_holds_for_the_frames_to_come() {
    let begun = || {
        let mut decoder = Decoder::new(U32::new(), [0; 64]);
        let mut chunk = &b"\0\0\0\x05hello\0\0\0\x05hello"[..];
        while decoder.next(&mut chunk).unwrap().is_some() {}
        decoder
    };
    let mut decoder = begun().with_max_frame(4);
    let mut chunk = &b"\0\0\0\x04four\0\0\0\x05hello"[..];
    assert_eq!(decoder.next(&mut chunk).unwrap(), Some(&b"four"[..]));
    assert_eq!(decoder.next(&mut chunk).unwrap_err().offset, 26);
    let mut decoder = begun().with_min_frame(6);
    let mut chunk = &b"\0\0\0\x06sixsix\0\0\0\x05hello"[..];
    assert_eq!(decoder.next(&mut chunk).unwrap(), Some(&b"sixsix"[..]));
    assert_eq!(decoder.next(&mut chunk).unwrap_err().offset, 28);
}

#[test]
fn a_caller_with_less_room_than_the_last_frame_took_is_given_none_of_the_row() {
    let mut chunk = &b"\0\0\0\x05hello\0\0\0\x05hello"[..];
    let mut decoder = Decoder::new(U32::new(), [0; 64]);
    for room in [5, 4] {
        let came = decoder.next_event_within(&mut chunk, room).unwrap();
        assert_eq!(came.is_some(), room == 5, "room for {room} bytes");
    }
}
