//! Watches the TCP segments that a stack sends, and counts how messages lie in them.
//!
//! The wrapper looks at frames on their way out, where first transmissions are in order; what the network does to them later
//! changes nothing. One [`Observer`] is shared by the wrappers at both ends of a wire.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;
use std::rc::Rc;

use framewright::framing::{JsonHeader, Lines, U32};
use framewright::{Decoder, Event, Oversize};
use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::{IpEndpoint, TcpSeqNumber};

use super::{Line, TcpSegment};
use crate::services::ServiceName;

/// A device whose outgoing segments are shown to an [`Observer`].
#[derive(Debug)]
pub struct Observe<D> {
    inner: D,
    observer: Rc<RefCell<Observer>>,
}

/// Follows every connection that it is shown, in both directions.
#[derive(Debug, Default)]
pub struct Observer {
    /// The ports of servers, and how messages lie in their streams.
    ports: HashMap<u16, (Speech, Counts)>,
    flows: HashMap<(IpEndpoint, IpEndpoint), Flow>,
}

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

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were sent whole.
    pub messages: u64,
    /// Segments with payload, retransmissions included.
    pub segments: u64,
    /// Messages with bytes in more than one segment.
    pub cut_messages: u64,
    /// Segments with bytes of more than one message.
    pub shared_segments: u64,
    /// Segments all of whose bytes had been sent before.
    pub retransmissions: u64,
    /// Bytes of payload that were sent, each counted once.
    pub bytes: u64,
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

impl<D> Observe<D> {
    /// Wraps a device; what it sends is shown to `observer`.
    pub fn new(inner: D, observer: Rc<RefCell<Observer>>) -> Self {
        Self { inner, observer }
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

impl Observer {
    /// Nothing is followed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows connections to this port of a server.
    pub fn follow(&mut self, port: u16, speech: Speech) {
        self.ports.insert(port, (speech, Counts::default()));
    }

    /// What was seen of the connections to this port, both directions together.
    pub fn counts(&self, port: u16) -> Counts {
        self.ports.get(&port).map(|(_, counts)| *counts).unwrap_or_default()
    }

    /// Takes note of a frame that is being sent.
    pub fn see(&mut self, frame: &[u8]) {
        let Some(segment) = TcpSegment::parse(frame) else {
            return;
        };
        let (to, from) = (segment.destination.port, segment.source.port);
        let port = if self.ports.contains_key(&to) { to } else { from };
        let Some((speech, counts)) = self.ports.get_mut(&port) else {
            return;
        };
        let way = (segment.source, segment.destination);
        if segment.syn {
            let next = segment.sequence + 1;
            // A SYN that is sent again belongs to the same connection.
            if self.flows.get(&way).is_none_or(|flow| flow.next != next) {
                self.flows.insert(way, Flow::new(next, *speech));
            }
            return;
        }
        if let Some(flow) = self.flows.get_mut(&way) {
            flow.see(segment.sequence, &frame[segment.payload], counts);
        }
    }
}

/// One direction of one connection.
#[derive(Debug)]
struct Flow {
    /// The number of the first byte that was never sent.
    next: TcpSeqNumber,
    borders: Borders,
    /// Segments that carried bytes of the message at hand; 0 between messages.
    spread: u64,
}

impl Flow {
    fn new(next: TcpSeqNumber, speech: Speech) -> Self {
        Self { next, borders: Borders::new(speech), spread: 0 }
    }

    fn see(&mut self, sequence: TcpSeqNumber, payload: &[u8], counts: &mut Counts) {
        // A keep-alive repeats a byte of nobody's to be told that the peer is there.
        if payload.is_empty() || (payload == [0] && sequence + 1 == self.next) {
            return;
        }
        counts.segments += 1;
        if sequence + payload.len() <= self.next {
            counts.retransmissions += 1;
            return;
        }
        let old = if sequence < self.next { self.next - sequence } else { 0 };
        let mut new = &payload[old.min(payload.len())..];
        counts.bytes += new.len() as u64;
        self.next = sequence + payload.len();
        let mut touched = 0_u32;
        while !new.is_empty() {
            let (taken, ended) = self.borders.advance(new);
            new = &new[taken..];
            touched += 1;
            self.spread += 1;
            if ended {
                counts.messages += 1;
                counts.cut_messages += u64::from(self.spread > 1);
                self.spread = 0;
            }
        }
        counts.shared_segments += u64::from(touched > 1);
    }
}

/// Finds the ends of messages, with the decoder that the services use: in pieces, so that it needs no room for them.
#[derive(Debug)]
enum Borders {
    U32(Decoder<U32, [u8; 8]>),
    Lines(Decoder<Lines, [u8; 8]>),
    /// The storage must hold a header.
    JsonHeader(Box<Decoder<JsonHeader, [u8; 1024]>>),
    Raw,
}

impl Borders {
    fn new(speech: Speech) -> Self {
        match speech {
            Speech::U32 => {
                Self::U32(Decoder::new(U32::new(), [0; 8]).with_oversize(Oversize::Stream).with_stream_above(0))
            }
            Speech::Lines => {
                Self::Lines(Decoder::new(Lines, [0; 8]).with_oversize(Oversize::Stream).with_stream_above(0))
            }
            Speech::JsonHeader => {
                let decoder = Decoder::new(JsonHeader::TEXT, [0; 1024]).with_oversize(Oversize::Stream);
                Self::JsonHeader(Box::new(decoder.with_stream_above(0)))
            }
            Speech::Raw => Self::Raw,
        }
    }

    /// How many bytes up to the end of the message at hand, and whether it ends there; all of them if it does not.
    fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut rest = bytes;
        loop {
            let event = match self {
                Self::U32(decoder) => decoder.next_event(&mut rest).ok().flatten().map(is_end),
                Self::Lines(decoder) => decoder.next_event(&mut rest).ok().flatten().map(is_end),
                Self::JsonHeader(decoder) => decoder.next_event(&mut rest).ok().flatten().map(is_end),
                Self::Raw => return (bytes.len(), true),
            };
            match event {
                Some(true) => return (bytes.len() - rest.len(), true),
                Some(false) => {}
                // Used up, or broken: what follows a broken header has no borders.
                None => return (bytes.len(), false),
            }
        }
    }
}

fn is_end(event: Event<'_>) -> bool {
    matches!(event, Event::Frame(_) | Event::End)
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.segments += other.segments;
        self.cut_messages += other.cut_messages;
        self.shared_segments += other.shared_segments;
        self.retransmissions += other.retransmissions;
        self.bytes += other.bytes;
    }
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

/// Place for a frame that is shown to the observer when it is written.
#[derive(Debug)]
pub struct TxToken<'a, T> {
    inner: T,
    observer: &'a RefCell<Observer>,
}

impl<D: Device> Device for Observe<D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, inner) = self.inner.receive(now)?;
        Some((rx, TxToken { inner, observer: &self.observer }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let inner = self.inner.transmit(now)?;
        Some(TxToken { inner, observer: &self.observer })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for Observe<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.inner.peek(now, look)
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        self.inner.flush(now)
    }
}

impl<T: phy::TxToken> phy::TxToken for TxToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.inner.consume(len, |frame| {
            let result = f(frame);
            self.observer.borrow_mut().see(frame);
            result
        })
    }

    fn set_meta(&mut self, meta: phy::PacketMeta) {
        self.inner.set_meta(meta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is counted when a stream is sent in these segments.
    fn counts_of(speech: Speech, segments: &[&[u8]]) -> Counts {
        let mut flow = Flow::new(TcpSeqNumber(1000), speech);
        let mut counts = Counts::default();
        let mut at = TcpSeqNumber(1000);
        for segment in segments {
            flow.see(at, segment, &mut counts);
            at += segment.len();
        }
        counts
    }

    #[test]
    fn a_message_in_three_segments_is_one_message_that_was_cut() {
        let counts = counts_of(Speech::U32, &[b"\0\0", b"\0\x03a", b"bc"]);
        assert_eq!((counts.messages, counts.segments, counts.cut_messages, counts.shared_segments), (1, 3, 1, 0));
    }

    #[test]
    fn a_segment_with_the_end_of_one_message_and_two_more_holds_several() {
        let counts = counts_of(Speech::U32, &[b"\0\0\0\x01", b"a\0\0\0\0\0\0\0\x01b"]);
        assert_eq!((counts.messages, counts.cut_messages, counts.shared_segments), (3, 1, 1));
    }

    #[test]
    fn a_message_that_fills_a_segment_is_neither_cut_nor_shared() {
        let counts = counts_of(Speech::Lines, &[b"one\n", b"two\r\n"]);
        assert_eq!((counts.messages, counts.segments, counts.cut_messages, counts.shared_segments), (2, 2, 0, 0));
    }

    #[test]
    fn bytes_that_are_sent_again_are_a_retransmission_and_count_once() {
        let mut flow = Flow::new(TcpSeqNumber(-2), Speech::Lines);
        let mut counts = Counts::default();
        flow.see(TcpSeqNumber(-2), b"one\n", &mut counts);
        flow.see(TcpSeqNumber(-2), b"one\n", &mut counts);
        flow.see(TcpSeqNumber(0), b"e\ntwo\n", &mut counts); // the end of it again, and a new one
        assert_eq!((counts.messages, counts.segments, counts.retransmissions, counts.bytes), (2, 3, 1, 8));
        assert_eq!(counts.shared_segments, 0);
    }
}
