//! Frames whose payload is sent from where it lies, without a copy.

use crate::error::EncodeError;
use crate::framing::{Framing, Tail};

/// One frame to send whose payload stays where it is: header, payload and trailer for one vectored write, resumable after
/// a partial one.
///
/// ```
/// use framewright::{Outgoing, framing::U32};
///
/// let mut frame = Outgoing::new(&U32::new(), b"hello")?;
/// assert_eq!(frame.slices(), [&b"\0\0\0\x05"[..], b"hello", b""]);
/// frame.advance(6); // writev took six bytes
/// assert_eq!(frame.slices(), [&b""[..], b"llo", b""]);
/// # Ok::<(), framewright::EncodeError>(())
/// ```
///
/// Header and trailer are in here; `ROOM` is how many bytes they may have together. 24 do for all laws but
/// [`JsonHeader`](crate::framing::JsonHeader).
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'p, const ROOM: usize = 24> {
    affixes: [u8; ROOM],
    /// Bytes of `affixes` before the payload, and of all: `prefix <= framed <= ROOM`.
    prefix: usize,
    framed: usize,
    payload: &'p [u8],
    /// Bytes of the frame that were sent.
    sent: usize,
}

impl<'p> Outgoing<'p> {
    /// The frame of the law `law` with this payload. Laws with headers and trailers of up to 24 bytes in all can be sent so.
    ///
    /// # Errors
    /// What the framing cannot carry, or say in its header.
    pub fn new<L: Framing>(law: &L, payload: &'p [u8]) -> Result<Self, EncodeError> {
        Self::with_room(law, payload)
    }
}

impl<'p, const ROOM: usize> Outgoing<'p, ROOM> {
    /// [`new`](Outgoing::new) for headers and trailers of up to `ROOM` bytes in all.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_room<L: Framing>(law: &L, payload: &'p [u8]) -> Result<Self, EncodeError> {
        const { assert!(L::VERBATIM, "this framing changes the payload: push it into an Encoder") }
        const { assert!(L::PREFIX + L::SUFFIX <= ROOM, "header and trailer are too long for this Outgoing") }
        law.check(payload)?;
        let mut affixes = [0; ROOM];
        let mut tail = Tail::new(&mut affixes);
        law.prefix(Some(payload.len() as u64), &mut tail)?;
        let prefix = tail.written();
        law.suffix(&mut tail)?;
        let framed = tail.written();
        Ok(Self { affixes, prefix, framed, payload, sent: 0 })
    }

    /// Says that the next `n` bytes were sent.
    pub fn advance(&mut self, n: usize) {
        debug_assert!(n <= self.remaining(), "more was sent than was left");
        self.sent = self.sent.saturating_add(n);
    }

    /// What is left to send, in order: header, payload, trailer. Any of them may be empty.
    pub fn slices(&self) -> [&[u8]; 3] {
        let prefix = self.affixes.get(..self.prefix).unwrap_or_default();
        let suffix = self.affixes.get(self.prefix..self.framed).unwrap_or_default();
        let mut sent = self.sent;
        [prefix, self.payload, suffix].map(|part| {
            let left = part.get(sent..).unwrap_or_default();
            sent = sent.saturating_sub(part.len());
            left
        })
    }

    /// Bytes left to send.
    pub fn remaining(&self) -> usize {
        (self.framed + self.payload.len()).saturating_sub(self.sent)
    }
}
