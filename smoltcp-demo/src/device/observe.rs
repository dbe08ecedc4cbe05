//! Watches the TCP segments that go by, and how messages lie in them.
//!
//! The wrapper looks at frames where they are sent, and first transmissions are in order; what the network does to them later
//! changes nothing. One [`Observer`] is shared by the wrappers at both ends of a wire.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{AddAssign, Range};
use std::rc::Rc;

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::{IpEndpoint, TcpSeqNumber};

use super::borders::{Borders, Part};
use super::{Line, Speech, TcpSegment};

/// A device whose segments are shown to an [`Observer`].
pub struct Observe<D> {
    inner: D,
    observer: Rc<RefCell<Observer>>,
    view: View,
}

/// Which frames an [`Observe`] looks at. A frame is to be seen once, where it is sent, or at least before anything happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Those that the stack above sends.
    Sent,
    /// Those that come from the device below.
    Received,
}

/// Follows every connection that it is shown, in both directions.
#[derive(Default)]
pub struct Observer {
    /// The ports of servers, and how messages lie in their streams.
    ports: HashMap<u16, (Speech, Counts)>,
    flows: HashMap<(IpEndpoint, IpEndpoint), Flow>,
    witness: Option<Rc<RefCell<dyn Witness>>>,
}

/// Somebody who wants to know of every segment.
pub trait Witness {
    /// A segment of a connection that is followed.
    fn saw(&mut self, sight: &Sight<'_>);
}

/// A segment, and what it carries.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// When it was sent.
    pub at: Instant,
    /// The server's port.
    pub port: u16,
    /// Its headers.
    pub segment: &'a TcpSegment,
    /// Its payload.
    pub payload: &'a [u8],
    /// What it is for.
    pub purpose: Purpose,
    /// The parts of messages in the payload, those bytes left out that were sent before.
    pub pieces: &'a [Piece],
}

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It begins or ends something, or says what came, and carries no payload.
    Control,
    /// It carries bytes, some of them for the first time.
    Data,
    /// It carries bytes that were all sent before.
    Again,
    /// It asks whether the peer is there.
    KeepAlive,
}

/// A part of a message in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which message of this direction of the connection, from 1.
    pub message: u64,
    /// Where in the payload it lies.
    pub bytes: Range<usize>,
    /// Bytes of the message before it, the header included.
    pub offset: u64,
    /// How many of its first bytes belong to the number in front of the message, if there is one: of the payload's bytes, or of those
    /// of the header.
    pub prefix: usize,
    /// That number, where its last byte is among them.
    pub length: Option<u64>,
    /// Bytes that the message has in all, where that is known by now.
    pub total: Option<u64>,
    /// Whether the message ends with it.
    pub ends: bool,
    /// How many segments have carried bytes of the message, this one included.
    pub segments: u64,
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

impl<D> Observe<D> {
    /// Wraps a device; what goes by is shown to `observer`.
    pub fn new(inner: D, observer: Rc<RefCell<Observer>>, view: View) -> Self {
        Self { inner, observer, view }
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

    /// Tells `witness` of every segment from now on.
    pub fn tell(&mut self, witness: Rc<RefCell<dyn Witness>>) {
        self.witness = Some(witness);
    }

    /// What was seen of the connections to this port, both directions together.
    pub fn counts(&self, port: u16) -> Counts {
        self.ports.get(&port).map(|(_, counts)| *counts).unwrap_or_default()
    }

    /// Takes note of a frame.
    pub fn see(&mut self, frame: &[u8], at: Instant) {
        let Some(segment) = TcpSegment::parse(frame) else {
            return;
        };
        let Some(port) = self.server_port(&segment) else {
            return;
        };
        let Some((speech, counts)) = self.ports.get_mut(&port) else {
            return;
        };
        let payload = &frame[segment.payload.clone()];
        let way = (segment.source, segment.destination);
        let mut pieces = Vec::new();
        let mut purpose = Purpose::Control;
        if segment.syn {
            let next = segment.sequence + 1;
            // A SYN that is sent again belongs to the same connection.
            if self.flows.get(&way).is_none_or(|flow| flow.next != next) {
                self.flows.insert(way, Flow::new(next, *speech));
            }
        } else if let Some(flow) = self.flows.get_mut(&way) {
            purpose = flow.see(segment.sequence, payload, counts, &mut pieces);
        }
        if let Some(witness) = &self.witness {
            witness.borrow_mut().saw(&Sight { at, port, segment: &segment, payload, purpose, pieces: &pieces });
        }
    }

    /// The server's port of a segment, if that is followed.
    fn server_port(&self, segment: &TcpSegment) -> Option<u16> {
        [segment.destination.port, segment.source.port].into_iter().find(|port| self.ports.contains_key(port))
    }
}

/// One direction of one connection.
#[derive(Debug)]
struct Flow {
    /// The number of the first byte that was never sent.
    next: TcpSeqNumber,
    borders: Borders,
    /// Bytes of the number in front of each message, and what has come of it.
    prefix: u64,
    length: u64,
    /// Messages that were begun.
    messages: u64,
    /// Segments that carried bytes of the message at hand; 0 between messages.
    spread: u64,
}

impl Flow {
    fn new(next: TcpSeqNumber, speech: Speech) -> Self {
        Self { next, borders: Borders::new(speech), prefix: speech.prefix(), length: 0, messages: 0, spread: 0 }
    }

    fn see(&mut self, sequence: TcpSeqNumber, payload: &[u8], counts: &mut Counts, pieces: &mut Vec<Piece>) -> Purpose {
        if payload.is_empty() {
            return Purpose::Control;
        }
        // A keep-alive repeats a byte of nobody's to be told that the peer is there.
        if payload == [0] && sequence + 1 == self.next {
            return Purpose::KeepAlive;
        }
        counts.segments += 1;
        if sequence + payload.len() <= self.next {
            counts.retransmissions += 1;
            return Purpose::Again;
        }
        let old = if sequence < self.next { self.next - sequence } else { 0 };
        self.next = sequence + payload.len();
        let mut from = old.min(payload.len());
        counts.bytes += (payload.len() - from) as u64;
        while from < payload.len() {
            let Part { len, offset, total, ends } = self.borders.advance(&payload[from..]);
            self.messages += u64::from(self.spread == 0);
            self.spread += 1;
            let (prefix, length) = self.read_length(offset, &payload[from..from + len]);
            let (message, segments) = (self.messages, self.spread);
            pieces.push(Piece { message, bytes: from..from + len, offset, prefix, length, total, ends, segments });
            from += len;
            if ends {
                counts.messages += 1;
                counts.cut_messages += u64::from(self.spread > 1);
                self.spread = 0;
            }
        }
        counts.shared_segments += u64::from(pieces.len() > 1);
        Purpose::Data
    }

    /// How many of these bytes of a message belong to the number in front of it, and the number if it ends there.
    fn read_length(&mut self, offset: u64, bytes: &[u8]) -> (usize, Option<u64>) {
        if offset >= self.prefix {
            return (0, None);
        }
        if offset == 0 {
            self.length = 0;
        }
        let missing = usize::try_from(self.prefix - offset).unwrap_or(usize::MAX);
        let taken = bytes.len().min(missing);
        self.length = bytes[..taken].iter().fold(self.length, |length, byte| length << 8 | u64::from(*byte));
        (taken, (taken == missing).then_some(self.length))
    }
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

/// A frame that came, shown to the observer when it is read.
pub struct RxToken<'a, T> {
    inner: T,
    observer: Option<&'a RefCell<Observer>>,
    now: Instant,
}

/// Place for a frame that is shown to the observer when it is written.
pub struct TxToken<'a, T> {
    inner: T,
    observer: Option<&'a RefCell<Observer>>,
    now: Instant,
}

impl<D> Observe<D> {
    fn if_view(observer: &RefCell<Observer>, view: View, wanted: View) -> Option<&RefCell<Observer>> {
        (view == wanted).then_some(observer)
    }
}

impl<D: Device> Device for Observe<D> {
    type RxToken<'a>
        = RxToken<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, tx) = self.inner.receive(now)?;
        let rx = RxToken { inner: rx, observer: Self::if_view(&self.observer, self.view, View::Received), now };
        let tx = TxToken { inner: tx, observer: Self::if_view(&self.observer, self.view, View::Sent), now };
        Some((rx, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let inner = self.inner.transmit(now)?;
        Some(TxToken { inner, observer: Self::if_view(&self.observer, self.view, View::Sent), now })
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

impl<T: phy::RxToken> phy::RxToken for RxToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.inner.consume(|frame| {
            if let Some(observer) = self.observer {
                observer.borrow_mut().see(frame, self.now);
            }
            f(frame)
        })
    }
}

impl<T: phy::TxToken> phy::TxToken for TxToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.inner.consume(len, |frame| {
            let result = f(frame);
            if let Some(observer) = self.observer {
                observer.borrow_mut().see(frame, self.now);
            }
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
            flow.see(at, segment, &mut counts, &mut Vec::new());
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
    fn the_pieces_say_where_messages_begin_go_on_and_end() {
        let mut flow = Flow::new(TcpSeqNumber(1000), Speech::U32);
        let mut pieces = Vec::new();
        let mut counts = Counts::default();
        assert_eq!(flow.see(TcpSeqNumber(1000), b"\0\0\0\x04me", &mut counts, &mut pieces), Purpose::Data);
        assert_eq!(flow.see(TcpSeqNumber(1006), b"ow\0\0\0\0\0", &mut counts, &mut pieces), Purpose::Data);
        let piece = |message, bytes, offset, (prefix, length), total, ends, segments| Piece {
            message,
            bytes,
            offset,
            prefix,
            length,
            total,
            ends,
            segments,
        };
        assert_eq!(
            pieces,
            [
                piece(1, 0..6, 0, (4, Some(4)), Some(8), false, 1),
                piece(1, 0..2, 6, (0, None), Some(8), true, 2),
                piece(2, 2..6, 0, (4, Some(0)), Some(4), true, 1),
                piece(3, 6..7, 0, (1, None), None, false, 1),
            ]
        );
    }

    #[test]
    fn a_length_that_is_cut_is_known_with_its_last_byte() {
        let mut flow = Flow::new(TcpSeqNumber(1000), Speech::U32);
        let mut pieces = Vec::new();
        for (at, bytes) in [(1000, &b"\0\0\x01"[..]), (1003, b"\x02ab")] {
            flow.see(TcpSeqNumber(at), bytes, &mut Counts::default(), &mut pieces);
        }
        let lengths: Vec<_> = pieces.iter().map(|piece| (piece.prefix, piece.length)).collect();
        assert_eq!(lengths, [(3, None), (1, Some(258))]);
    }

    #[test]
    fn bytes_that_are_sent_again_are_a_retransmission_and_count_once() {
        let mut flow = Flow::new(TcpSeqNumber(-2), Speech::Lines);
        let mut counts = Counts::default();
        flow.see(TcpSeqNumber(-2), b"one\n", &mut counts, &mut Vec::new());
        flow.see(TcpSeqNumber(-2), b"one\n", &mut counts, &mut Vec::new());
        flow.see(TcpSeqNumber(0), b"e\ntwo\n", &mut counts, &mut Vec::new()); // the end of it again, and a new one
        assert_eq!((counts.messages, counts.segments, counts.retransmissions, counts.bytes), (2, 3, 1, 8));
        assert_eq!(counts.shared_segments, 0);
    }
}
