//! Push frames, take bytes.
//!
//! An [`Encoder`] holds the bytes of frames that wait to be sent, in fixed storage. A frame gets in whole by
//! [`push`](Encoder::push) or not at all; or it is written in place ([`reserve`](Encoder::reserve),
//! [`commit`](Encoder::commit)); or, when it is longer than the storage, in pieces ([`begin`](Encoder::begin),
//! [`chunk`](Encoder::chunk), [`end`](Encoder::end)). [`pending`](Encoder::pending) lends the bytes to send, and
//! [`sent`](Encoder::sent) releases as many as were.
//!
//! A payload that lies elsewhere and should not be copied is sent as an [`Outgoing`](crate::Outgoing).

use crate::buffer::{SHORT_WAYS, Storage, copy_down, may_hold};
use crate::error::EncodeError;
use crate::framing::{Framing, Tail, least_storage};

/// Frames of the law `L` that wait to be sent, in the storage `S`.
#[derive(Clone, Debug)]
pub struct Encoder<L, S> {
    law: L,
    storage: S,
    at: Place,
}

/// How far the writing got.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Where the bytes to send start: `0 <= start <= end <= storage.len()`.
    start: usize,
    /// Where they end. The last `held` of them are not final: `0 <= held <= end - start`.
    end: usize,
    held: usize,
    /// Of a place: its bytes. Of a payload whose length was said: the bytes to come.
    left: u64,
    open: Open,
}

impl Place {
    const EMPTY: Self = Self { start: 0, end: 0, held: 0, left: 0, open: Open::No };
}

/// The frame that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_pointer_width = "64"), repr(u32))]
enum Open {
    /// There is none.
    No,
    /// Place for a payload was reserved, `PREFIX` bytes behind `end`.
    Reserved,
    /// It is streamed, and its header said how long it is.
    Announced,
    /// It is streamed, as long as it may be.
    Endless,
}

impl<L: Framing, S: Storage> Encoder<L, S> {
    /// An encoder with nothing to send. Storage in which no frame fits is refused as [`Storage`] says.
    pub const fn new(law: L, storage: S) -> Self {
        const { assert!(may_hold::<S>(least_storage::<L>()), "this storage is too short for one frame of this law") }
        Self { law, storage, at: Place::EMPTY }
    }

    /// Appends a frame with this payload, whole, or leaves everything as it was.
    ///
    /// ```
    /// use framewright::{Encoder, framing::U32};
    ///
    /// let mut encoder = Encoder::new(U32::new(), [0; 16]);
    /// encoder.push(b"hello")?;
    /// assert_eq!(encoder.pending(), b"\0\0\0\x05hello");
    /// encoder.sent(7); // the socket took seven bytes
    /// assert_eq!(encoder.pending(), b"lo");
    /// # Ok::<(), framewright::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`EncodeError::Full`] until some bytes were sent; [`EncodeError::TooLarge`] if it can never fit; what the framing
    /// cannot carry; [`EncodeError::FrameOpen`].
    #[inline]
    pub fn push(&mut self, payload: &[u8]) -> Result<(), EncodeError> {
        if self.push_short(payload) { Ok(()) } else { self.push_slow(payload) }
    }

    /// The short way of a frame whose payload is written as it stands, and for which there is room whatever its header is: nothing can
    /// go wrong on it that would have to be undone. It is there for speed alone, as those of the decoder are.
    #[inline(always)]
    fn push_short(&mut self, payload: &[u8]) -> bool {
        if !(SHORT_WAYS && L::VERBATIM && self.at.open == Open::No) {
            return false;
        }
        let most = payload.len().saturating_add(L::PREFIX + L::SUFFIX);
        let free = self.storage.as_mut().get_mut(self.at.end..);
        let Some(place) = free.and_then(|free| free.get_mut(..most)) else { return false };
        let mut tail = Tail::new(place);
        let written = self.law.check(payload).is_ok()
            && self.law.prefix(Some(payload.len() as u64), &mut tail).is_ok()
            && self.law.body(payload, &mut tail) == payload.len()
            && self.law.suffix(&mut tail).is_ok();
        if written {
            self.at.end += tail.written();
        }
        written
    }

    // Cold, though a full buffer is as usual as any: or the short way, which is taken more often, is laid out as the exception.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    fn push_slow(&mut self, payload: &[u8]) -> Result<(), EncodeError> {
        self.write(self.most(payload.len()), |law, tail| {
            law.check(payload)?;
            law.prefix(Some(payload.len() as u64), tail)?;
            whole_body(law, payload, tail)?;
            law.suffix(tail)
        })
    }

    /// [`push`](Self::push) for a payload that lies in several pieces.
    ///
    /// # Errors
    /// As `push`.
    pub fn push_parts(&mut self, payload: &[&[u8]]) -> Result<(), EncodeError> {
        let len = payload.iter().map(|part| part.len() as u64).sum();
        self.write(self.most(usize::try_from(len).unwrap_or(usize::MAX)), |law, tail| {
            law.prefix(Some(len), tail)?;
            for part in payload {
                law.check(part)?;
                whole_body(law, part, tail)?;
            }
            law.suffix(tail)
        })
    }

    /// Makes place for a payload of up to `len` bytes, to be written there and ended by [`commit`](Self::commit). The bytes of
    /// the place are whatever was there before.
    ///
    /// # Errors
    /// As [`push`](Self::push). A place that was reserved before and not committed is given up.
    pub fn reserve(&mut self, len: usize) -> Result<&mut [u8], EncodeError> {
        if self.is_streaming() {
            return Err(EncodeError::FrameOpen);
        }
        self.at.open = Open::No;
        let expanded = self.law.expansion(len);
        let need = self.most(len);
        if need > self.capacity() - self.at.end {
            move_up(self.storage.as_mut(), &mut self.at);
        }
        if need > self.capacity() - self.at.end {
            return Err(too_long(self.capacity(), &self.at, need, true));
        }
        // A payload that grows on its way stands as far back as it can grow.
        let at = self.at.end + L::PREFIX + expanded.saturating_sub(len);
        let room = self.storage.as_ref().len() - self.at.end;
        let place =
            self.storage.as_mut().get_mut(at..at.saturating_add(len)).ok_or(EncodeError::Full { need, room })?;
        (self.at.open, self.at.left) = (Open::Reserved, len as u64);
        Ok(place)
    }

    /// Ends the frame in the place that was reserved last, with the first `len` bytes there as its payload.
    ///
    /// # Errors
    /// [`EncodeError::NoFrameOpen`] without a place of at least `len` bytes; what the framing cannot carry. The place is given
    /// up then.
    pub fn commit(&mut self, len: usize) -> Result<(), EncodeError> {
        if self.at.open != Open::Reserved {
            return Err(EncodeError::NoFrameOpen);
        }
        self.at.open = Open::No;
        // It was the length of a slice.
        let reserved = usize::try_from(self.at.left).unwrap_or_default();
        if len > reserved {
            return Err(EncodeError::NoFrameOpen);
        }
        let free = self.storage.as_mut().get_mut(self.at.end..).unwrap_or_default();
        let at = L::PREFIX + self.law.expansion(reserved).saturating_sub(reserved);
        let payload = at..at + len;
        self.law.check(free.get(payload.clone()).unwrap_or_default())?;
        let mut tail = Tail::new(free);
        self.law.prefix(Some(len as u64), &mut tail)?;
        let (mut written, mut held) = (tail.written(), tail.held());
        if L::VERBATIM {
            if written < payload.start {
                copy_down(free, payload, written);
            }
            written += len;
        } else {
            // What is written never overtakes what is read, and passes through a few bytes at a time.
            let mut passing = [0; 32];
            let mut read = payload.start;
            while let Some(piece) = free.get(read..payload.end.min(read + passing.len())).filter(|p| !p.is_empty()) {
                let Some(passed) = passing.get_mut(..piece.len()) else { break };
                passed.copy_from_slice(piece);
                read += passed.len();
                let mut tail = Tail::resume(free.get_mut(written - held..).unwrap_or_default(), held);
                whole_body(&self.law, passed, &mut tail)?;
                written += tail.written() - held;
                held = tail.held();
            }
        }
        let mut tail = Tail::resume(free.get_mut(written - held..).unwrap_or_default(), held);
        self.law.suffix(&mut tail)?;
        self.at.end += written - held + tail.written();
        Ok(())
    }

    /// Begins a frame whose payload comes in pieces. `len` is its length in bytes, which framings with a header need.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`EncodeError::LengthRequired`].
    pub fn begin(&mut self, len: Option<u64>) -> Result<(), EncodeError> {
        self.rewind();
        self.write(L::PREFIX, |law, tail| law.prefix(len, tail))?;
        (self.at.open, self.at.left) = if let Some(len) = len { (Open::Announced, len) } else { (Open::Endless, 0) };
        Ok(())
    }

    /// Appends as much of `payload` as fits to the frame that was begun, and says how many bytes that was.
    ///
    /// # Errors
    /// [`EncodeError::NoFrameOpen`]; [`EncodeError::LengthMismatch`] if that is more than the header said; what the framing
    /// cannot carry. Nothing was written then.
    #[inline]
    pub fn chunk(&mut self, payload: &[u8]) -> Result<usize, EncodeError> {
        self.append(payload, 0)
    }

    /// Appends all of `payload` to the frame that was begun, or nothing.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`EncodeError::Full`].
    #[inline]
    pub fn chunk_whole(&mut self, payload: &[u8]) -> Result<(), EncodeError> {
        self.append(payload, payload.len())?;
        Ok(())
    }

    /// Ends the frame that was begun.
    ///
    /// # Errors
    /// [`EncodeError::NoFrameOpen`]; [`EncodeError::LengthMismatch`] if payload is missing: it can still be added;
    /// [`EncodeError::Full`].
    #[inline]
    pub fn end(&mut self) -> Result<(), EncodeError> {
        match self.at.open {
            Open::Announced if self.at.left > 0 => return Err(EncodeError::LengthMismatch { missing: self.at.left }),
            Open::Announced | Open::Endless => {}
            Open::No | Open::Reserved => return Err(EncodeError::NoFrameOpen),
        }
        self.put(L::SUFFIX + L::HELD, L::suffix)?;
        self.at.open = Open::No;
        Ok(())
    }

    /// Releases the first `n` bytes of [`pending`](Self::pending): they were sent.
    #[inline]
    pub fn sent(&mut self, n: usize) {
        debug_assert!(n <= self.pending().len(), "more was sent than was pending");
        self.at.start += n.min(self.at.end - self.held() - self.at.start);
        // Elsewhere `rewind` does it.
        if SHORT_WAYS && self.at.start == self.at.end && self.at.open != Open::Reserved {
            (self.at.start, self.at.end) = (0, 0);
        }
    }

    /// This encoder under another law for a while: what `write` writes joins the bytes to send, as frames of `law`. For connections
    /// whose framing is known only when they are opened.
    ///
    /// ```
    /// use framewright::{Encoder, framing::{Lines, U32}};
    ///
    /// let mut encoder = Encoder::new(U32::new(), [0; 16]);
    /// encoder.push(b"hi")?;
    /// encoder.under(Lines, |lines| lines.push(b"there"))?;
    /// assert_eq!(encoder.pending(), b"\0\0\0\x02hithere\n");
    /// # Ok::<(), framewright::EncodeError>(())
    /// ```
    #[inline]
    pub fn under<M: Framing, R>(&mut self, law: M, write: impl FnOnce(&mut Encoder<M, &mut [u8]>) -> R) -> R {
        let mut other = self.lend(law);
        let written = write(&mut other);
        self.at = other.at;
        written
    }

    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn lend<M: Framing>(&mut self, law: M) -> Encoder<M, &mut [u8]> {
        Encoder { law, storage: self.storage.as_mut(), at: self.at }
    }

    /// Drops everything, for a connection that is gone.
    pub fn reset(&mut self) {
        self.at = Place::EMPTY;
    }

    /// The bytes to send.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        let behind = self.storage.as_ref().get(self.at.start..).unwrap_or_default();
        behind.get(..self.at.end - self.held() - self.at.start).unwrap_or(behind)
    }

    /// Bytes that are free, for headers and payload.
    #[inline]
    pub fn room(&self) -> usize {
        self.capacity() - (self.at.end - self.at.start)
    }

    /// Bytes of storage.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.storage.as_ref().len()
    }

    /// Whether a frame was begun and not ended.
    #[inline]
    pub fn is_streaming(&self) -> bool {
        matches!(self.at.open, Open::Announced | Open::Endless)
    }

    /// The law.
    pub fn law(&self) -> &L {
        &self.law
    }

    /// The law, to change its settings for the frames to come.
    pub fn law_mut(&mut self) -> &mut L {
        &mut self.law
    }

    /// The storage.
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// How many of the last bytes are not final.
    #[inline(always)]
    fn held(&self) -> usize {
        if L::HELD > 0 { self.at.held } else { 0 }
    }

    /// Where nothing waits, what is streamed next is written from the front. On a small device this is done here, and not as soon as all is
    /// sent: who pushes whole frames does without, and moves nothing when the place behind is used up.
    #[inline]
    fn rewind(&mut self) {
        if !SHORT_WAYS && self.at.start == self.at.end {
            (self.at.start, self.at.end) = (0, 0);
        }
    }

    /// So many bytes were written, those that were held included, and so many are held now.
    #[inline(always)]
    fn note(&mut self, written: usize, held: usize) {
        self.at.end = self.at.end - self.held() + written;
        if L::HELD > 0 {
            self.at.held = held;
        }
    }

    /// The most bytes that a frame with a payload of `len` bytes takes.
    #[inline]
    fn most(&self, len: usize) -> usize {
        self.law.expansion(len).saturating_add(L::PREFIX + L::SUFFIX)
    }

    /// Appends as much of `payload` as fits to the frame that was begun, if that is at least `least` bytes.
    #[inline]
    fn append(&mut self, payload: &[u8], least: usize) -> Result<usize, EncodeError> {
        if !self.is_streaming() {
            return Err(EncodeError::NoFrameOpen);
        }
        if self.at.open == Open::Announced && self.at.left < payload.len() as u64 {
            return Err(EncodeError::LengthMismatch { missing: 0 });
        }
        self.rewind();
        let expanded = self.law.expansion(payload.len()).saturating_add(L::SUFFIX);
        if expanded > self.capacity() - self.at.end {
            // Whatever fits then will do.
            move_up(self.storage.as_mut(), &mut self.at);
        }
        let held = self.held();
        let mut tail = open_tail(&mut self.storage, self.at.end, held).shorten(L::SUFFIX);
        let room = tail.room();
        // Only what is taken is checked; only a framing that takes bytes as they stand has something to check.
        let fits = if L::VERBATIM { payload.len().min(room) } else { payload.len() };
        let fitting = payload.get(..fits).unwrap_or_default();
        self.law.check(fitting)?;
        let n = self.law.body(fitting, &mut tail);
        if n < least {
            return Err(EncodeError::Full { need: self.law.expansion(payload.len()), room });
        }
        let (written, held) = (tail.written(), tail.held());
        self.note(written, held);
        self.at.left = self.at.left.saturating_sub(n as u64);
        Ok(n)
    }

    /// Appends what `write` writes, `most` bytes or fewer, or nothing, where no frame is being written.
    #[inline]
    fn write(
        &mut self,
        most: usize,
        write: impl FnOnce(&L, &mut Tail<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.is_streaming() {
            return Err(EncodeError::FrameOpen);
        }
        self.at.open = Open::No;
        self.put(most, write)
    }

    /// Appends what `write` writes, `most` bytes or fewer, or nothing.
    #[inline]
    fn put(
        &mut self,
        most: usize,
        write: impl FnOnce(&L, &mut Tail<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if most > self.capacity() - self.at.end {
            move_up(self.storage.as_mut(), &mut self.at);
        }
        let held = self.held();
        let mut tail = open_tail(&mut self.storage, self.at.end, held);
        match write(&self.law, &mut tail) {
            Ok(()) => {
                let (written, held) = (tail.written(), tail.held());
                self.note(written, held);
                Ok(())
            }
            Err(EncodeError::Full { need, .. }) => {
                // How much a payload grows is known only when it is written; then `need` is the most it may be.
                let need = (tail.written() - held).saturating_add(need);
                Err(too_long(self.storage.as_ref().len(), &self.at, need, L::VERBATIM))
            }
            Err(other) => Err(other),
        }
    }
}

/// Moves the bytes to send to the front, so that what is free is behind them.
fn move_up(storage: &mut [u8], at: &mut Place) {
    copy_down(storage, at.start..at.end, 0);
    (at.start, at.end) = (0, at.end - at.start);
}

/// What is wrong with a frame of `need` bytes, or of so many at most where that is not `exact`, for which there is no room.
fn too_long(capacity: usize, at: &Place, need: usize, exact: bool) -> EncodeError {
    if at.end == 0 || exact && need > capacity {
        EncodeError::TooLarge { need, capacity }
    } else {
        EncodeError::Full { need, room: capacity - (at.end - at.start) }
    }
}

/// The free space behind `end`, with the `held` bytes before it.
#[inline]
fn open_tail<S: Storage>(storage: &mut S, end: usize, held: usize) -> Tail<'_> {
    let storage = storage.as_mut();
    let end = end.min(storage.len());
    Tail::behind(storage, end, held)
}

/// Writes all of `payload`, or says what that needs.
#[inline]
fn whole_body<L: Framing>(law: &L, payload: &[u8], tail: &mut Tail<'_>) -> Result<(), EncodeError> {
    // As it stands it fits or not; to copy half of it first would be for nothing.
    if L::VERBATIM && payload.len() > tail.room() {
        return Err(EncodeError::Full { need: law.expansion(payload.len()), room: tail.room() });
    }
    match payload.get(law.body(payload, tail)..) {
        None | Some([]) => Ok(()),
        Some(rest) => Err(EncodeError::Full { need: law.expansion(rest.len()), room: tail.room() }),
    }
}
