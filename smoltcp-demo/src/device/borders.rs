//! Where messages begin and end in a stream that somebody else reads.

use std::fmt;

use framewright::framing::{Framing, JsonHeader, Lines, U32};
use framewright::{Decoder, Event, Oversize};

use crate::services::ServiceName;

/// How messages lie in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Behind a length of four bytes.
    U32,
    /// Ended by LF.
    Lines,
    /// Behind a JSON header that says how long they are.
    JsonHeader,
    /// Not at all: each segment counts as one.
    Raw,
}

/// Finds the ends of messages, with the decoders that the services use: in pieces, so that it needs no room for them.
#[derive(Debug)]
pub(super) struct Borders {
    finder: Finder,
    /// Bytes of the message at hand, its header included, that have gone by.
    behind: u64,
    /// Bytes that it has in all, where that is known.
    total: Option<u64>,
}

/// A part of a message that lies in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its bytes.
    pub(super) len: usize,
    /// Bytes of the message before it, the header included.
    pub(super) offset: u64,
    /// Bytes that the message has in all, its header included, where that is known by now.
    pub(super) total: Option<u64>,
    /// Whether the message ends with it.
    pub(super) ends: bool,
}

#[derive(Debug)]
enum Finder {
    U32(Decoder<U32, [u8; 8]>),
    Lines(Decoder<Lines, [u8; 8]>),
    /// The storage must hold a header.
    JsonHeader(Box<Decoder<JsonHeader, [u8; 1024]>>),
    Raw,
}

/// What a decoder has found.
enum Found {
    /// A message begins, with so many bytes behind its header.
    Begin(Option<u64>),
    Middle,
    End,
}

impl Speech {
    /// How the messages of a service lie in its streams.
    pub const fn of(service: ServiceName) -> Self {
        match service {
            ServiceName::Trim | ServiceName::Echo => Self::U32,
            ServiceName::Kv | ServiceName::Chat => Self::Lines,
            ServiceName::Message => Self::JsonHeader,
            ServiceName::Hello | ServiceName::Time | ServiceName::UdpEcho => Self::Raw,
        }
    }
}

impl Speech {
    /// Bytes of the number that each message begins with.
    pub(super) const fn prefix(self) -> u64 {
        match self {
            Self::U32 => 4,
            Self::JsonHeader => 2,
            Self::Lines | Self::Raw => 0,
        }
    }
}

impl Borders {
    pub(super) fn new(speech: Speech) -> Self {
        let finder = match speech {
            Speech::U32 => Finder::U32(in_pieces(Decoder::new(U32::new(), [0; 8]))),
            Speech::Lines => Finder::Lines(in_pieces(Decoder::new(Lines, [0; 8]))),
            Speech::JsonHeader => Finder::JsonHeader(Box::new(in_pieces(Decoder::new(JsonHeader::TEXT, [0; 1024])))),
            Speech::Raw => Finder::Raw,
        };
        Self { finder, behind: 0, total: None }
    }

    /// The part of a message at the front of `bytes`, which are the next ones of the stream, and not none.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Part {
        let mut rest = bytes;
        let ends = loop {
            let found = match &mut self.finder {
                Finder::U32(decoder) => next(decoder, &mut rest),
                Finder::Lines(decoder) => next(decoder, &mut rest),
                Finder::JsonHeader(decoder) => next(decoder, &mut rest),
                Finder::Raw => {
                    rest = &[];
                    Some(Found::End)
                }
            };
            let taken = (bytes.len() - rest.len()) as u64;
            match found {
                Some(Found::Begin(len)) => self.total = len.map(|len| self.behind + taken + len),
                Some(Found::Middle) => {}
                Some(Found::End) => break true,
                None => {
                    // Used up; or broken, and what follows a broken header has no borders.
                    rest = &[];
                    break false;
                }
            }
        };
        let len = bytes.len() - rest.len();
        let offset = self.behind;
        self.behind += len as u64;
        if ends {
            let total = Some(self.behind);
            (self.behind, self.total) = (0, None);
            Part { len, offset, total, ends }
        } else {
            Part { len, offset, total: self.total, ends }
        }
    }
}

fn in_pieces<L: Framing, const N: usize>(decoder: Decoder<L, [u8; N]>) -> Decoder<L, [u8; N]> {
    decoder.with_oversize(Oversize::Stream).with_stream_above(0)
}

fn next<L: Framing, const N: usize>(decoder: &mut Decoder<L, [u8; N]>, rest: &mut &[u8]) -> Option<Found> {
    Some(match decoder.next_event(rest).ok()?? {
        Event::Begin { len } => Found::Begin(len),
        Event::Chunk(_) => Found::Middle,
        Event::Frame(_) | Event::End => Found::End,
    })
}

impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U32 => "u32",
            Self::Lines => "lines",
            Self::JsonHeader => "json-header",
            Self::Raw => "raw",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(speech: Speech, segments: &[&[u8]]) -> Vec<(usize, u64, Option<u64>, bool)> {
        let mut borders = Borders::new(speech);
        let mut all = Vec::new();
        for segment in segments {
            let mut rest = *segment;
            while !rest.is_empty() {
                let Part { len, offset, total, ends } = borders.advance(rest);
                all.push((len, offset, total, ends));
                rest = &rest[len..];
            }
        }
        all
    }

    #[test]
    fn the_length_of_a_message_is_known_when_its_header_has_come() {
        assert_eq!(
            parts(Speech::U32, &[b"\0\0", b"\0\x03a", b"bc\0\0\0\0\0"]),
            [
                (2, 0, None, false),
                (3, 2, Some(7), false),
                (2, 5, Some(7), true),
                (4, 0, Some(4), true), // an empty message
                (1, 0, None, false),
            ]
        );
    }

    #[test]
    fn the_length_of_a_line_is_known_at_its_end() {
        assert_eq!(
            parts(Speech::Lines, &[b"on", b"e\r", b"\ntwo\n"]),
            [(2, 0, None, false), (2, 2, None, false), (1, 4, Some(5), true), (4, 0, Some(4), true)]
        );
    }

    #[test]
    fn without_a_framing_each_segment_is_a_message() {
        assert_eq!(parts(Speech::Raw, &[b"ab", b"c"]), [(2, 0, Some(2), true), (1, 0, Some(1), true)]);
    }
}
