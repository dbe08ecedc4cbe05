//! Remembers where messages lie among the sequence numbers of a connection, to tell what a segment carries that is lost or sent again.

use std::collections::{HashMap, VecDeque};

use smoltcp::wire::{IpEndpoint, TcpSeqNumber};

use crate::device::{Piece, TcpSegment};

/// From whom, to whom.
type Way = (IpEndpoint, IpEndpoint);

/// The messages of all connections, as far back as one may still be sent again.
#[derive(Debug, Default)]
pub(super) struct Journal(HashMap<Way, Flow>);

/// One direction of a connection.
#[derive(Debug, Default)]
struct Flow {
    /// The numbers of its SYN and its FIN, when they were sent.
    syn: Option<TcpSeqNumber>,
    fin: Option<TcpSeqNumber>,
    begun: VecDeque<Begun>,
}

/// A part of a message that was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) message: u64,
    /// Its first and its last byte, counted from 1.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Bytes that the message has in all, where that is known.
    pub(super) total: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    message: u64,
    at: TcpSeqNumber,
    total: Option<u64>,
}

/// No window is longer than this without being scaled, and the demo's are not.
const LONGEST_AGO: i32 = 1 << 17;

impl Journal {
    /// Takes note of a SYN or FIN. Whether it was sent before.
    pub(super) fn is_sent_again(&mut self, segment: &TcpSegment) -> bool {
        let flow = self.0.entry((segment.source, segment.destination)).or_default();
        if segment.syn {
            let again = flow.syn == Some(segment.sequence);
            if !again {
                // What was there before at these addresses is over.
                *flow = Flow { syn: Some(segment.sequence), ..Flow::default() };
            }
            again
        } else if segment.fin {
            flow.fin.replace(segment.sequence + segment.payload.len()) == flow.fin
        } else {
            false
        }
    }

    /// These parts of messages were sent for the first time.
    pub(super) fn note(&mut self, segment: &TcpSegment, pieces: &[Piece]) {
        let begun = &mut self.0.entry((segment.source, segment.destination)).or_default().begun;
        for piece in pieces {
            let Piece { message, total, .. } = *piece;
            if piece.offset == 0 {
                begun.push_back(Begun { message, at: segment.sequence + piece.bytes.start, total });
            } else if let Some(last) = begun.back_mut() {
                last.total = total;
            }
        }
        while begun.get(1).is_some_and(|next| distance(next.at, segment.sequence) > LONGEST_AGO) {
            begun.pop_front();
        }
    }

    /// What a segment carries that was sent before.
    pub(super) fn look_up(&self, segment: &TcpSegment) -> Vec<Known> {
        let Some(Flow { begun, .. }) = self.0.get(&(segment.source, segment.destination)) else {
            return Vec::new();
        };
        let len = i32::try_from(segment.payload.len()).unwrap_or(i32::MAX);
        let mut parts = Vec::new();
        for (index, &Begun { message, at, total }) in begun.iter().enumerate() {
            // From the beginning of the message; the next one begins where it ends.
            let start = distance(at, segment.sequence);
            let end = start.saturating_add(len);
            let end = begun.get(index + 1).map_or(end, |next| end.min(distance(at, next.at)));
            let start = start.max(0);
            if let (Ok(start), Ok(last)) = (u64::try_from(start), u64::try_from(end))
                && start < last
            {
                parts.push(Known { message, first: start + 1, last, total });
            }
        }
        parts
    }
}

/// How far `to` is behind `from` in the stream: negative where it comes before.
fn distance(from: TcpSeqNumber, to: TcpSeqNumber) -> i32 {
    to.0.wrapping_sub(from.0)
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::TcpControl;

    use super::*;
    use crate::raw_peer::{ECHO, Raw, segment};

    /// A segment of a stream that begins two bytes before the numbers wrap.
    fn sent(at: usize, payload: &[u8]) -> TcpSegment {
        let peer = Raw { next: TcpSeqNumber(-2) + at, ..Raw::new(1, ECHO) };
        TcpSegment::parse(&segment(&peer, TcpControl::Psh, payload)).expect("a segment")
    }

    fn piece(message: u64, bytes: std::ops::Range<usize>, offset: u64, total: Option<u64>) -> Piece {
        Piece { message, bytes, offset, prefix: 0, length: None, total, ends: false, segments: 1 }
    }

    #[test]
    fn what_is_sent_again_is_known_however_it_was_cut_the_first_time() {
        let mut journal = Journal::default();
        journal.note(&sent(0, b"abc"), &[piece(1, 0..3, 0, None)]);
        journal.note(&sent(3, b"defgh"), &[piece(1, 0..2, 3, Some(5)), piece(2, 2..5, 0, Some(9))]);
        let known = |message, first, last, total| Known { message, first, last, total };
        assert_eq!(journal.look_up(&sent(1, b"bcdef")), [known(1, 2, 5, Some(5)), known(2, 1, 1, Some(9))]);
        assert_eq!(journal.look_up(&sent(0, b"a")), [known(1, 1, 1, Some(5))]);
        assert_eq!(journal.look_up(&sent(6, b"gh")), [known(2, 2, 3, Some(9))]);
    }

    #[test]
    fn a_syn_and_a_fin_are_known_when_they_come_again_and_another_connection_is_another() {
        let mut journal = Journal::default();
        let with = |at, control| {
            let peer = Raw { next: TcpSeqNumber(at), ..Raw::new(1, ECHO) };
            TcpSegment::parse(&segment(&peer, control, b"")).expect("a segment")
        };
        assert!(!journal.is_sent_again(&with(-3, TcpControl::Syn)));
        journal.note(&sent(0, b"abc"), &[piece(1, 0..3, 0, Some(3))]);
        assert!(journal.is_sent_again(&with(-3, TcpControl::Syn)));
        assert_eq!(journal.look_up(&sent(0, b"abc")).len(), 1);
        assert!(!journal.is_sent_again(&with(1, TcpControl::Fin)));
        assert!(journal.is_sent_again(&with(1, TcpControl::Fin)));
        assert!(!journal.is_sent_again(&with(5000, TcpControl::Syn)));
        assert_eq!(journal.look_up(&sent(0, b"abc")), []);
    }

    #[test]
    fn what_is_too_long_ago_is_forgotten() {
        let mut journal = Journal::default();
        for n in 0..1000 {
            let at = usize::try_from(n).expect("small") * 1000;
            journal.note(&sent(at, &[0; 1000]), &[piece(n, 0..1000, 0, Some(1000))]);
        }
        let kept = journal.0.values().next().expect("a way").begun.len();
        assert!((131..135).contains(&kept), "{kept}");
    }
}
