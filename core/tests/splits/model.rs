//! What a stream means, worked out the slow way: the whole stream in one `Vec`, cut into frames by code that shares
//! nothing with the decoder, and the decoder's documented rules applied to one frame after the other.

use framewright::{DecodeError, DecodeErrorKind, Event, Malformed, Oversize, Recovery};

/// The settings of a decoder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) storage: usize,
    pub(crate) oversize: Oversize,
    pub(crate) stream_above: usize,
    pub(crate) max_frame: Option<u64>,
    pub(crate) min_frame: u64,
    pub(crate) max_empty: Option<u32>,
}

impl Rules {
    pub(crate) fn new(storage: usize, oversize: Oversize) -> Self {
        Self { storage, oversize, stream_above: usize::MAX, max_frame: None, min_frame: 0, max_empty: None }
    }
}

/// What came out of a stream, with the pieces of a streamed frame put together again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) items: Vec<Item>,
    pub(crate) ending: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Vec<u8>),
    Streamed { len: Option<u64>, payload: Vec<u8>, complete: bool },
    Error(DecodeError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Clean,
    Truncated { have: u64, need: Option<u64> },
    Stopped,
}

impl Reading {
    /// What a caller sees that takes whole frames only.
    pub(crate) fn whole_frames(mut self) -> Self {
        self.items.retain(|item| !matches!(item, Item::Streamed { .. }));
        self
    }
}

/// Appends an event of a decoder.
pub(crate) fn note(items: &mut Vec<Item>, event: Event<'_>) {
    let open = match items.last_mut() {
        Some(Item::Streamed { payload, complete, .. }) if !*complete => Some((payload, complete)),
        _ => None,
    };
    match (event, open) {
        (Event::Frame(payload), None) => items.push(Item::Frame(payload.to_vec())),
        (Event::Begin { len }, None) => items.push(Item::Streamed { len, payload: Vec::new(), complete: false }),
        (Event::Chunk(piece), Some((payload, _))) => {
            assert!(!piece.is_empty(), "an empty chunk");
            payload.extend_from_slice(piece);
        }
        (Event::End, Some((_, complete))) => *complete = true,
        (event, _) => panic!("{event:?} out of turn, after {items:?}"),
    }
}

/// A frame as the slow cutters find it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Where it begins.
    pub(crate) at: u64,
    /// The payload length that its header says.
    pub(crate) declared: Option<u64>,
    /// The payload, as far as it is there.
    pub(crate) payload: Vec<u8>,
    pub(crate) shape: Shape,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Complete,
    /// The stream ends inside its header.
    InHeader {
        have: u64,
    },
    /// The stream ends behind its header.
    InBody {
        have: u64,
        need: Option<u64>,
    },
    /// It is a last frame that the end of the stream completes.
    AtEnd,
    /// It breaks the law behind `payload`, and nobody knows where it ends.
    Bad(Malformed),
    /// It breaks the law behind `payload`, and its end is known.
    Spoiled {
        what: Malformed,
        complete: bool,
        have: u64,
    },
}

/// What a decoder of a law that needs `suffix` bytes free must deliver.
pub(crate) fn reading(found: &[Found], rules: &Rules, suffix: usize) -> Reading {
    let mut items = Vec::new();
    let ending = apply(found, rules, suffix, &mut items);
    Reading { items, ending }
}

fn apply(found: &[Found], rules: &Rules, suffix: usize, items: &mut Vec<Item>) -> Ending {
    let capacity = rules.storage.saturating_sub(suffix);
    let asked = rules.max_frame.unwrap_or(u64::MAX);
    let max_frame = if rules.oversize == Oversize::Stream { asked } else { asked.min(capacity as u64) };
    let mut whole = max_frame.min(capacity as u64);
    if rules.oversize == Oversize::Stream {
        whole = whole.min(rules.stream_above as u64);
    }
    let mut empties = 0;

    for frame in found {
        let error = |kind, recovery| Item::Error(DecodeError { kind, offset: frame.at, recovery });
        let too_long = DecodeErrorKind::TooLong { len: frame.declared, limit: max_frame };
        let mut skipped = false;
        let mut streamed = false;
        if frame.declared.unwrap_or(frame.payload.len() as u64) > whole {
            match rules.oversize {
                Oversize::Fail => {
                    items.push(error(too_long, Recovery::Stops));
                    return Ending::Stopped;
                }
                Oversize::Skip => {
                    items.push(error(too_long, Recovery::Skips));
                    skipped = true;
                }
                Oversize::Stream if frame.declared.is_some_and(|len| len > max_frame) => {
                    items.push(error(too_long, Recovery::Stops));
                    return Ending::Stopped;
                }
                Oversize::Stream => {
                    let fits = usize::try_from(max_frame).unwrap_or(usize::MAX).min(frame.payload.len());
                    let payload = frame.payload[..fits].to_vec();
                    let too_long_after_all = fits < frame.payload.len();
                    let complete = matches!(frame.shape, Shape::Complete | Shape::AtEnd) && !too_long_after_all;
                    items.push(Item::Streamed { len: frame.declared, payload, complete });
                    if too_long_after_all {
                        items.push(error(too_long, Recovery::Stops));
                        return Ending::Stopped;
                    }
                    streamed = true;
                }
            }
        }
        match frame.shape {
            Shape::Complete | Shape::AtEnd => {}
            Shape::InHeader { have } => return Ending::Truncated { have, need: None },
            Shape::InBody { have, need } => return Ending::Truncated { have, need },
            Shape::Bad(malformed) => {
                items.push(error(DecodeErrorKind::Malformed(malformed), Recovery::Stops));
                return Ending::Stopped;
            }
            Shape::Spoiled { what, complete, have } => {
                if !skipped {
                    items.push(error(DecodeErrorKind::Malformed(what), Recovery::Skips));
                }
                if !complete {
                    return Ending::Truncated { have, need: None };
                }
                skipped = true;
            }
        }
        if skipped {
            empties = 0;
            continue;
        }
        let len = frame.payload.len() as u64;
        empties = if len == 0 { empties + 1 } else { 0 };
        if let Some(limit) = rules.max_empty
            && empties > limit
        {
            items.push(error(DecodeErrorKind::EmptyFlood { limit }, Recovery::Stops));
            return Ending::Stopped;
        }
        if streamed {
            continue;
        }
        if len < rules.min_frame {
            items.push(error(DecodeErrorKind::TooShort { len, min: rules.min_frame }, Recovery::Skips));
        } else {
            items.push(Item::Frame(frame.payload.clone()));
        }
    }
    Ending::Clean
}
