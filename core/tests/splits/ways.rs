//! Ways to get a stream into a decoder, piece by piece, and what came out.

use framewright::framing::Framing;
use framewright::{DecodeError, Decoder, End, Event, Oversize};

use crate::model::{Ending, Item, Reading, Rules, note};

/// How a piece gets in when events are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Lent to `next_event`.
    Borrow,
    /// Lent to `next_event_within`, with this much room, and more only when that is not enough.
    Within(usize),
    /// Read into `spare_mut`, everything popped after each `commit`.
    Direct,
    /// Pushed, popped only when no more fits.
    Push,
}

pub(crate) const WAYS: [Way; 5] = [Way::Borrow, Way::Direct, Way::Push, Way::Within(1), Way::Within(3)];

/// How a piece gets in when whole frames are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameWay {
    Next,
    Direct,
    Push,
    /// Byte by byte through `push_byte`.
    Byte,
    /// Through `for_each`, which is stopped after so many frames, and called again.
    Each(usize),
    /// Read into `spare_mut`, and handed out by `pop_each`, which is stopped after so many frames, and called again.
    PopEach(usize),
}

pub(crate) const FRAME_WAYS: [FrameWay; 8] = [
    FrameWay::Next,
    FrameWay::Direct,
    FrameWay::Push,
    FrameWay::Byte,
    FrameWay::Each(usize::MAX),
    FrameWay::Each(1),
    FrameWay::PopEach(usize::MAX),
    FrameWay::PopEach(2),
];

/// Why `for_each` did not go on.
enum Halt {
    Error(DecodeError),
    Enough,
}

impl From<DecodeError> for Halt {
    fn from(error: DecodeError) -> Self {
        Self::Error(error)
    }
}

type Storage = Vec<u8>;

pub(crate) fn decoder<L: Framing>(law: L, rules: &Rules) -> Decoder<L, Storage> {
    let mut decoder = Decoder::new(law, vec![0; rules.storage])
        .with_oversize(rules.oversize)
        .with_min_frame(rules.min_frame)
        .with_stream_above(rules.stream_above);
    if let Some(max) = rules.max_frame {
        decoder = decoder.with_max_frame(max);
    }
    if let Some(max) = rules.max_empty {
        decoder = decoder.with_max_empty(max);
    }
    decoder
}

/// The events of a stream that comes in these pieces.
pub(crate) fn read_events<L: Framing>(law: L, rules: &Rules, pieces: &[(Way, &[u8])]) -> Reading {
    let mut decoder = decoder(law, rules);
    let mut items = Vec::new();
    let mut handed = 0;
    for &(way, piece) in pieces {
        match way {
            Way::Borrow => drain(&mut decoder, piece, usize::MAX, &mut items),
            Way::Within(max) => drain(&mut decoder, piece, max, &mut items),
            Way::Direct => {
                let mut rest = piece;
                if decoder.spare_mut().is_empty() {
                    drain(&mut decoder, &[], usize::MAX, &mut items);
                }
                while !rest.is_empty() && !decoder.is_stopped() {
                    fill(&mut decoder, &mut rest);
                    drain(&mut decoder, &[], usize::MAX, &mut items);
                }
            }
            Way::Push => {
                let mut rest = piece;
                while !rest.is_empty() && !decoder.is_stopped() {
                    let n = decoder.push(rest);
                    rest = &rest[n..];
                    if !rest.is_empty() {
                        drain(&mut decoder, &[], usize::MAX, &mut items);
                        assert!(n > 0 || !decoder.spare_mut().is_empty() || decoder.is_stopped(), "stuck");
                    }
                }
            }
        }
        handed += piece.len() as u64;
        check_count(&decoder, handed);
    }
    drain(&mut decoder, &[], usize::MAX, &mut items);
    let ending = finish(&mut decoder, |last| match last {
        Ok(event) => note(&mut items, event),
        Err(error) => items.push(Item::Error(error)),
    });
    Reading { items, ending }
}

/// The whole frames of a stream that comes in these pieces.
pub(crate) fn read_frames<L: Framing>(law: L, rules: &Rules, pieces: &[(FrameWay, &[u8])]) -> Reading {
    let mut decoder = decoder(law, rules);
    let mut items = Vec::new();
    let mut handed = 0;
    for &(way, piece) in pieces {
        let mut rest = piece;
        match way {
            FrameWay::Next => while keep(decoder.next(&mut rest), &mut items) {},
            FrameWay::Direct => {
                while !rest.is_empty() && !decoder.is_stopped() {
                    fill(&mut decoder, &mut rest);
                    while keep(decoder.pop(), &mut items) {}
                }
            }
            FrameWay::Push => {
                while !rest.is_empty() && !decoder.is_stopped() {
                    let n = decoder.push(rest);
                    assert!(n > 0, "stuck");
                    rest = &rest[n..];
                    while keep(decoder.pop(), &mut items) {}
                }
            }
            FrameWay::Each(many) => while keep_each(many, &mut items, |each| decoder.for_each(&mut rest, each)) {},
            FrameWay::PopEach(many) => {
                while !rest.is_empty() && !decoder.is_stopped() {
                    fill(&mut decoder, &mut rest);
                    while keep_each(many, &mut items, |each| decoder.pop_each(each)) {}
                }
            }
            FrameWay::Byte => {
                for &byte in piece {
                    keep(decoder.push_byte(byte), &mut items);
                }
            }
        }
        handed += piece.len() as u64;
        check_count(&decoder, handed);
    }
    while keep(decoder.pop(), &mut items) {}
    let ending = finish(&mut decoder, |last| match last {
        // The end of the stream may end a frame whose beginning was dropped.
        Ok(Event::Frame(payload)) => items.push(Item::Frame(payload.to_vec())),
        Ok(_) => {}
        Err(error) => items.push(Item::Error(error)),
    });
    Reading { items, ending }
}

/// Notes what came; whether to ask again.
fn keep(came: Result<Option<&[u8]>, DecodeError>, items: &mut Vec<Item>) -> bool {
    match came {
        Ok(None) => return false,
        Ok(Some(frame)) => items.push(Item::Frame(frame.to_vec())),
        Err(error) => items.push(Item::Error(error)),
    }
    true
}

/// Notes what comes, at most so many frames; whether to ask again.
fn keep_each(
    many: usize,
    items: &mut Vec<Item>,
    decode: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Halt>) -> Result<(), Halt>,
) -> bool {
    let mut left = many;
    let mut each = |frame: &[u8]| {
        items.push(Item::Frame(frame.to_vec()));
        left -= 1;
        if left == 0 { Err(Halt::Enough) } else { Ok(()) }
    };
    match decode(&mut each) {
        Ok(()) => return false,
        Err(Halt::Enough) => {}
        Err(Halt::Error(error)) => items.push(Item::Error(error)),
    }
    true
}

/// Every byte that was handed over is taken or unread.
fn check_count<L: Framing>(decoder: &Decoder<L, Storage>, handed: u64) {
    if !decoder.is_stopped() {
        assert_eq!(decoder.position() + decoder.unread() as u64, handed, "bytes were lost or made up");
    }
}

fn fill<L: Framing>(decoder: &mut Decoder<L, Storage>, rest: &mut &[u8]) {
    let spare = decoder.spare_mut();
    assert!(!spare.is_empty(), "no room, and nothing to pop");
    let n = spare.len().min(rest.len());
    spare[..n].copy_from_slice(&rest[..n]);
    *rest = &rest[n..];
    decoder.commit(n);
}

fn drain<L: Framing>(decoder: &mut Decoder<L, Storage>, mut chunk: &[u8], max: usize, items: &mut Vec<Item>) {
    let mut room = max;
    loop {
        let came = match decoder.next_event_within(&mut chunk, room) {
            Ok(Some(event)) => {
                if let Event::Frame(bytes) | Event::Chunk(bytes) = event {
                    assert!(bytes.len() <= room, "{} bytes for a room of {room}", bytes.len());
                }
                note(items, event);
                true
            }
            Ok(None) => false,
            Err(error) => {
                items.push(Item::Error(error));
                true
            }
        };
        if came {
            room = max;
        } else if decoder.is_stopped() || chunk.is_empty() && !decoder.is_waiting() {
            return;
        } else {
            assert!(room < 1 << 16, "{} bytes were left lying", chunk.len());
            room += 1;
        }
    }
}

fn finish<L: Framing>(
    decoder: &mut Decoder<L, Storage>,
    mut last: impl FnMut(Result<Event<'_>, DecodeError>),
) -> Ending {
    loop {
        match decoder.finish() {
            Ok(End::Last(event)) => last(Ok(event)),
            Ok(End::Clean) => return Ending::Clean,
            Ok(End::Truncated { have, need }) => return Ending::Truncated { have, need },
            Ok(End::Stopped) => break,
            Err(error) => last(Err(error)),
        }
    }
    // A stopped decoder takes nothing and gives nothing, whatever it is offered.
    let more: &[u8] = &[0; 16];
    assert!(decoder.spare_mut().is_empty());
    assert_eq!(decoder.push(more), 0);
    assert_eq!(decoder.next_event(&mut &*more), Ok(None));
    assert_eq!(decoder.push_byte(1), Ok(None));
    assert_eq!(decoder.finish(), Ok(End::Stopped));
    Ending::Stopped
}

pub(crate) const POLICIES: [(Oversize, usize); 6] = [
    (Oversize::Fail, usize::MAX),
    (Oversize::Skip, usize::MAX),
    (Oversize::Stream, usize::MAX),
    (Oversize::Stream, 0),
    (Oversize::Stream, 1),
    (Oversize::Stream, 5),
];
