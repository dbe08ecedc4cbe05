//! A decoder looks ahead for the delimiters of frames, and keeps what it saw from call to call. What callers may do between two calls must
//! not show: move the rest of a chunk or the decoder, change from one way in to another, begin a new stream in the same memory.

use framewright::framing::{Delimited, Framing, LineEnding, Lines, StrictLines};
use framewright::{DecodeError, Decoder, Event};
use proptest::prelude::*;

/// The lines of a stream whose last byte is an LF, as one writes it down.
fn lines(stream: &[u8]) -> Vec<Vec<u8>> {
    let lines = stream.strip_suffix(b"\n").map(|stream| stream.split(|&byte| byte == b'\n'));
    lines.into_iter().flatten().map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()).collect()
}

/// Lines of these lengths.
fn stream(lens: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (at, &len) in lens.iter().enumerate() {
        stream.extend((0..len).map(|i| b' ' + u8::try_from((i + at) % 90).unwrap()));
        stream.push(b'\n');
    }
    stream
}

/// All frames of a chunk.
fn take_all<L: Framing, S: AsRef<[u8]> + AsMut<[u8]>>(decoder: &mut Decoder<L, S>, mut chunk: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next(&mut chunk).unwrap() {
        frames.push(frame.to_vec());
    }
    assert!(chunk.is_empty());
    frames
}

fn pop_all<L: Framing, S: AsRef<[u8]> + AsMut<[u8]>>(decoder: &mut Decoder<L, S>) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| decoder.pop().unwrap().map(<[u8]>::to_vec)).collect()
}

/// So many frames are enough.
struct Enough;

impl From<DecodeError> for Enough {
    fn from(error: DecodeError) -> Self {
        panic!("{error}");
    }
}

/// Collects frames, until there are so many more.
fn collect(frames: &mut Vec<Vec<u8>>, most: usize) -> impl FnMut(&[u8]) -> Result<(), Enough> {
    let enough = frames.len() + most;
    move |frame| {
        frames.push(frame.to_vec());
        if frames.len() < enough { Ok(()) } else { Err(Enough) }
    }
}

#[test]
fn frames_of_all_lengths_end_where_their_delimiters_are() {
    for first in 0..140 {
        for second in [0, 1, 8, 62, 63, 64, 65, 126, 127, 128, 129, 200, 300] {
            let stream = stream(&[first, second, 5, second, 0, 0, first, 700, 3]);
            let want = lines(&stream);
            assert_eq!(take_all(&mut Decoder::new(Lines, [0; 1000]), &stream), want, "{first} {second}");
            let strict = StrictLines::new(LineEnding::Lf);
            assert_eq!(take_all(&mut Decoder::new(strict, [0; 1000]), &stream), want, "{first} {second}");
            let mut decoder = Decoder::new(Delimited::new(b'\n'), [0; 4000]);
            assert_eq!(decoder.push(&stream), stream.len());
            assert_eq!(pop_all(&mut decoder), want, "{first} {second}");
        }
    }
}

#[test]
fn all_lines_in_one_call_are_the_same_and_so_is_where_the_last_one_began() {
    for second in [0, 1, 8, 62, 63, 64, 65, 127, 128, 129, 300] {
        let stream = stream(&[9, second, 5, second, 0, 0, 31, second, 700, second, second, 3]);
        let want = lines(&stream);
        for cut in (0..stream.len()).step_by(7) {
            for most in 1..want.len() {
                let mut came: Vec<Vec<u8>> = Vec::new();
                let mut decoder = Decoder::new(Lines, [0; 3000]);
                let offsets = |came: &[Vec<u8>], decoder: &Decoder<Lines, [u8; 3000]>| {
                    let end: usize = came.iter().map(|line| line.len() + 1).sum();
                    assert_eq!(decoder.position(), end as u64);
                    assert_eq!(decoder.frame_offset(), (end - came.last().map_or(0, |line| line.len() + 1)) as u64);
                };
                let (mut one, mut other) = stream.split_at(cut);
                for chunk in [&mut one, &mut other] {
                    while decoder.for_each(chunk, collect(&mut came, most)).is_err() {
                        offsets(&came, &decoder);
                    }
                    assert!(chunk.is_empty());
                }
                assert_eq!(came, want, "{second} {cut} {most}");
                came.clear();
                decoder.reset();
                for chunk in [&stream[..cut], &stream[cut..]] {
                    assert_eq!(decoder.push(chunk), chunk.len());
                    while decoder.pop_each(collect(&mut came, most)).is_err() {
                        offsets(&came, &decoder);
                    }
                }
                assert_eq!(came, want, "{second} {cut} {most}");
            }
        }
    }
}

#[test]
fn the_cr_before_an_lf_is_dropped_wherever_the_stream_is_cut() {
    for len in [0, 1, 7, 61, 62, 63, 64, 65, 127, 128] {
        let line = [&vec![b'a'; len][..], b"\r\n\r\r\nb\rc\n\n"].concat().repeat(3);
        let want = lines(&line);
        for cut in 0..line.len() {
            let (one, other) = line.split_at(cut);
            let mut decoder = Decoder::new(Lines, [0; 256]);
            let mut got = take_all(&mut decoder, one);
            got.extend(take_all(&mut decoder, other));
            assert_eq!(got, want, "{len}, cut at {cut}");
            let mut got = Vec::new();
            for piece in [one, other] {
                let place = decoder.spare_mut();
                if let Some(place) = place.get_mut(..piece.len()) {
                    place.copy_from_slice(piece);
                    decoder.commit(piece.len());
                } else {
                    got.extend(take_all(&mut decoder, piece));
                }
                got.extend(pop_all(&mut decoder));
            }
            assert_eq!(got, want, "{len}, cut at {cut}");
        }
    }
}

#[test]
fn the_rest_of_a_chunk_may_be_moved_elsewhere() {
    let stream = stream(&[3, 8, 0, 50, 1, 70, 2, 2, 130, 9, 9, 9, 300, 4]);
    let mut decoder = Decoder::new(Lines, [0; 512]);
    let (mut rest, mut got) = (stream.clone(), Vec::new());
    loop {
        let mut chunk = &rest[..];
        let Some(frame) = decoder.next(&mut chunk).unwrap() else { break };
        got.push(frame.to_vec());
        // To the front of the same buffer, or into another.
        let left = chunk.len();
        if got.len() % 2 == 0 {
            let from = rest.len() - left;
            rest.copy_within(from.., 0);
            rest.truncate(left);
        } else {
            rest = chunk.to_vec();
        }
    }
    assert_eq!(got, lines(&stream));
}

#[test]
fn the_rest_of_a_chunk_may_be_moved_elsewhere_and_back() {
    let near = format!("{}\na\nbb\nc\n\nd\n", "x".repeat(300));
    let far = format!("bb\nc\n\nd\n{}", "y".repeat(300));
    let mut decoder = Decoder::new(Lines, [0; 400]);
    let mut chunk = near.as_bytes();
    assert_eq!(decoder.next(&mut chunk).unwrap().unwrap().len(), 300);
    assert_eq!(decoder.next(&mut chunk), Ok(Some(&b"a"[..])));
    assert_eq!(decoder.next(&mut far.as_bytes()), Ok(Some(&b"bb"[..])));
    assert_eq!(take_all(&mut decoder, &chunk[3..]), [&b"c"[..], b"", b"d"]);
}

#[test]
fn the_decoder_may_be_moved_with_its_storage() {
    let stream = stream(&[3, 8, 0, 50, 1, 70, 2, 2, 130, 9, 9, 9, 300, 4]);
    let mut homes = [Some(Decoder::new(Lines, [0; 1024])), None];
    assert_eq!(homes[0].as_mut().unwrap().push(&stream), stream.len());
    let mut got = Vec::new();
    while let Some(frame) = homes[got.len() % 2].as_mut().unwrap().pop().unwrap() {
        got.push(frame.to_vec());
        homes.swap(0, 1);
    }
    assert_eq!(got, lines(&stream));
}

#[test]
fn a_new_stream_may_begin_in_the_memory_of_the_last() {
    let streams = [stream(&[8; 20]), stream(&[20, 3, 70, 0, 0, 76]), stream(&[100, 1, 76])];
    let mut buffer = [0; 180];
    let mut decoder = Decoder::new(Lines, [0; 256]);
    for stream in streams.iter().cycle().take(9) {
        buffer[..stream.len()].copy_from_slice(stream);
        let mut chunk = &buffer[..stream.len()];
        decoder.reset();
        assert_eq!(
            decoder.next(&mut chunk).unwrap().unwrap(),
            &stream[..chunk.as_ptr().addr() - buffer.as_ptr().addr() - 1]
        );
        decoder.reset();
        assert_eq!(take_all(&mut decoder, &buffer[..stream.len()]), lines(stream));
        // And one that stops in the middle of what is known.
        decoder.reset();
        decoder.next(&mut &buffer[..stream.len()]).unwrap();
    }
}

/// A body behind a line that says how long it is: the caller takes it by himself.
#[test]
fn bytes_between_two_frames_may_be_taken_by_other_means() {
    let message = b"5\n1\n3\n50\n4\n\n\n\n\n";
    let mut buffer = [0; 32];
    let mut decoder = Decoder::new(Lines, [0; 64]);
    for turn in 0..buffer.len() - message.len() {
        buffer[turn..][..message.len()].copy_from_slice(message);
        let mut chunk = &buffer[turn..][..message.len()];
        let mut bodies = Vec::new();
        while let Some(line) = decoder.next(&mut chunk).unwrap() {
            let len = std::str::from_utf8(line).unwrap().parse::<usize>().unwrap();
            let (body, rest) = chunk.split_at(len);
            bodies.push(body);
            chunk = rest;
            decoder.reset();
        }
        assert_eq!(bodies, [b"1\n3\n5".as_slice(), b"", b"\n\n\n\n"]);
    }
}

#[test]
fn the_rest_of_a_chunk_may_be_dropped_for_bytes_that_are_pushed() {
    for (dropped, pushed) in [("bbb\ncc\n", "d\ne\nff\n"), ("b\n\n\nc\n", "dddd\n"), ("bbbb\n", "\n\n\n\n\n")] {
        let chunk = format!("a\n{dropped}");
        let mut decoder = Decoder::new(Lines, [0; 64]);
        assert_eq!(decoder.next(&mut chunk.as_bytes()), Ok(Some(&b"a"[..])));
        assert_eq!(decoder.push(pushed.as_bytes()), pushed.len());
        assert_eq!(pop_all(&mut decoder), lines(pushed.as_bytes()));
    }
}

#[test]
fn what_is_known_of_the_storage_is_not_taken_for_a_chunk() {
    let buffer = b"abc..ij\nk";
    let mut decoder = Decoder::new(Lines, [0; 64]);
    assert_eq!(decoder.next(&mut &buffer[..3]), Ok(None));
    decoder.push(b"d\nef\ngh\n");
    assert_eq!(decoder.pop(), Ok(Some(&b"abcd"[..])));
    // It lies as far behind the first chunk in memory as in the stream, had nothing been pushed.
    assert_eq!(take_all(&mut decoder, &buffer[5..]), [b"ef", b"gh", b"ij"]);
}

#[test]
fn a_line_that_is_cut_goes_on_by_each_way_in() {
    for cut in [0, 1, 5, 63, 64, 65, 130] {
        for bytes in [0, 1, 2, 60, 70] {
            for later in [1, 3, 64, 65, 200] {
                let stream = stream(&[3, cut + bytes + later, 0, 200, 1]);
                let mut decoder = Decoder::new(Lines, [0; 1024]);
                // A line, and the beginning of the next.
                let (chunk, rest) = stream.split_at(4 + cut);
                let mut got = take_all(&mut decoder, chunk);
                // More of it, byte by byte.
                let (some, rest) = rest.split_at(bytes);
                for &byte in some {
                    assert_eq!(decoder.push_byte(byte), Ok(None));
                }
                // Where there are no short ways, what came is taken at once.
                let have = decoder.position() + decoder.unread() as u64;
                assert_eq!(have, (4 + cut + bytes) as u64, "{cut} {bytes} {later}");
                // More of it by `push`, with nothing to pop; then the end of it, and all that follows, from a chunk.
                let (some, rest) = rest.split_at(later);
                assert_eq!(decoder.push(some), some.len());
                assert_eq!(decoder.pop(), Ok(None));
                assert_eq!(decoder.pop(), Ok(None));
                let mut chunk = rest;
                got.push(decoder.next(&mut chunk).unwrap().unwrap().to_vec());
                assert_eq!((decoder.frame_offset(), chunk.len()), (4, rest.len() - 1));
                got.extend(take_all(&mut decoder, chunk));
                assert_eq!(got, lines(&stream), "{cut} {bytes} {later}");
                assert_eq!(decoder.position(), stream.len() as u64);
            }
        }
    }
}

/// Who changes bytes that a decoder has seen and not taken, gets wrong frames at most: never a panic, and never bytes that he did not
/// bring.
#[test]
fn a_chunk_that_is_swapped_for_another_does_no_harm() {
    let mut buffer = [0_u8; 256];
    let mut decoder = Decoder::new(Lines, [0; 300]);
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 16
    };
    for _ in 0..20_000 {
        let from = random() as usize % buffer.len();
        let to = from + random() as usize % (buffer.len() + 1 - from);
        for byte in &mut buffer {
            *byte = if random() % 9 == 0 { b'\n' } else { b'x' };
        }
        let mut chunk = &buffer[from..to];
        for _ in 0..random() % 4 {
            let Some(frame) = decoder.next(&mut chunk).unwrap() else { break };
            assert!(frame.iter().all(|&byte| byte == b'x' || byte == b'\n'));
            // What stands behind a frame in the buffer ended it.
            let behind = (frame.as_ptr().addr() + frame.len()).wrapping_sub(buffer.as_ptr().addr());
            assert!(buffer.get(behind).is_none_or(|&byte| byte == b'\n'));
        }
        if random() % 4 == 0 {
            let most = random() as usize % 4 + 1;
            let mut frames = Vec::new();
            _ = decoder.for_each(&mut chunk, collect(&mut frames, most));
            assert!(frames.concat().iter().all(|&byte| byte == b'x' || byte == b'\n'));
        }
        match random() % 8 {
            0 => assert!(decoder.push(&buffer[..20]) <= 20),
            1 => _ = decoder.push_byte(b'x').unwrap(),
            2 => assert!(decoder.pop().unwrap().is_none_or(|frame| frame.len() < 300)),
            3 => decoder.reset(),
            _ => {}
        }
    }
    decoder.reset();
    let stream = stream(&[1, 2, 3, 100]);
    assert_eq!(take_all(&mut decoder, &stream), lines(&stream));
}

/// One call.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// `next`, from so many bytes, so many times.
    Next(usize, usize),
    /// `next` from a buffer that is used again.
    NextFromBuffer(usize, usize),
    /// `next_event_within` with room for this many bytes.
    Within(usize, usize),
    Push(usize),
    Read(usize),
    /// `push_byte`, after everything was popped.
    Bytes(usize),
    Pop(usize),
    /// `for_each`, from so many bytes, until there are so many frames.
    Each(usize, usize),
    /// `pop_each`, until there are so many frames.
    PopEach(usize),
}

fn turn() -> impl Strategy<Value = Turn> {
    let len = || prop_oneof![0..4_usize, 0..70_usize, 0..400_usize];
    prop_oneof![
        (len(), 0..9_usize).prop_map(|(len, times)| Turn::Next(len, times)),
        (len(), 0..9_usize).prop_map(|(len, times)| Turn::NextFromBuffer(len, times)),
        (len(), len()).prop_map(|(len, room)| Turn::Within(len, room)),
        len().prop_map(Turn::Push),
        len().prop_map(Turn::Read),
        (0..20_usize).prop_map(Turn::Bytes),
        (0..9_usize).prop_map(Turn::Pop),
        (len(), 1..9_usize).prop_map(|(len, most)| Turn::Each(len, most)),
        (1..9_usize).prop_map(Turn::PopEach),
    ]
}

fn take_turns<L: Framing>(law: L, stream: &[u8], turns: &[Turn]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(law, vec![0; 700]);
    let (mut rest, mut got) = (stream, Vec::new());
    let mut buffer = [0; 400];
    for &turn in turns {
        match turn {
            Turn::Next(len, times) => {
                let (mut chunk, later) = rest.split_at(len.min(rest.len()));
                for _ in 0..times {
                    got.extend(decoder.next(&mut chunk).unwrap().map(<[u8]>::to_vec));
                }
                rest = &rest[rest.len() - later.len() - chunk.len()..];
            }
            Turn::NextFromBuffer(len, times) => {
                let place = &mut buffer[..len.min(rest.len())];
                place.copy_from_slice(&rest[..place.len()]);
                let mut chunk = &*place;
                for _ in 0..times {
                    got.extend(decoder.next(&mut chunk).unwrap().map(<[u8]>::to_vec));
                }
                let left = chunk.len();
                rest = &rest[place.len() - left..];
            }
            Turn::Within(len, room) => {
                let (mut chunk, later) = rest.split_at(len.min(rest.len()));
                for _ in 0..3 {
                    match decoder.next_event_within(&mut chunk, room).unwrap() {
                        Some(Event::Frame(frame)) => {
                            assert!(frame.len() <= room.max(1));
                            got.push(frame.to_vec());
                        }
                        None => {}
                        event => panic!("{event:?}"),
                    }
                }
                rest = &rest[rest.len() - later.len() - chunk.len()..];
            }
            Turn::Push(len) => {
                let taken = decoder.push(&rest[..len.min(rest.len())]);
                rest = &rest[taken..];
            }
            Turn::Read(len) => {
                let place = decoder.spare_mut();
                let len = len.min(rest.len()).min(place.len());
                place[..len].copy_from_slice(&rest[..len]);
                decoder.commit(len);
                rest = &rest[len..];
            }
            Turn::Bytes(n) => {
                got.extend(pop_all(&mut decoder));
                let (now, later) = rest.split_at(n.min(rest.len()));
                for &byte in now {
                    got.extend(decoder.push_byte(byte).unwrap().map(<[u8]>::to_vec));
                }
                rest = later;
            }
            Turn::Each(len, most) => {
                let (mut chunk, later) = rest.split_at(len.min(rest.len()));
                _ = decoder.for_each(&mut chunk, collect(&mut got, most));
                rest = &rest[rest.len() - later.len() - chunk.len()..];
            }
            Turn::PopEach(most) => _ = decoder.pop_each(collect(&mut got, most)),
            Turn::Pop(times) => {
                for _ in 0..times {
                    got.extend(decoder.pop().unwrap().map(<[u8]>::to_vec));
                }
            }
        }
        let taken = stream.len() - rest.len();
        assert_eq!(decoder.position() + decoder.unread() as u64, taken as u64, "bytes were lost or made up");
    }
    got.extend(pop_all(&mut decoder));
    got.extend(take_all(&mut decoder, rest));
    got
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_may_take_turns_in_any_order(
        lens in prop::collection::vec(prop_oneof![0..3_usize, 0..30_usize, 0..200_usize, 250..600_usize], 1..60),
        turns in prop::collection::vec(turn(), 0..60),
        crs in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let plain = stream(&lens);
        prop_assert_eq!(take_turns(StrictLines::new(LineEnding::Lf), &plain, &turns), lines(&plain));
        let mut stream = plain;
        for cr in crs {
            let cr = cr.get_mut(&mut stream);
            if *cr != b'\n' {
                *cr = b'\r';
            }
        }
        prop_assert_eq!(take_turns(Lines, &stream, &turns), lines(&stream));
        let want: Vec<_> = stream.split_inclusive(|&byte| byte == b'\n').map(|line| line[..line.len() - 1].to_vec()).collect();
        prop_assert_eq!(take_turns(Delimited::new(b'\n'), &stream, &turns), want);
    }
}
