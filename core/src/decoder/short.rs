//! The decoder's short ways, for frames of the usual kind: whole in one place, of a length that no rule is about, or cut but short enough to
//! wait in the buffer, header and all. What is not of that kind is left as it is, for the code that knows everything.
//!
//! They exist for speed alone, and their code is made anew at each call. On a small processor memory is dearer than time, and there
//! they are not compiled, but for the one that lets a byte wait.

use core::ops::Range;

use super::{Decoder, Phase};
use crate::buffer::{SHORT_WAYS, Storage};
use crate::framing::{Framing, Run, Step, Whole};

/// The longest header that costs less to read again than to remember, in bytes.
const SHORT_HEADER: usize = 16;

/// Where a short way leads to.
pub(super) enum Short<'c> {
    /// There is nothing to deliver until more bytes come. The chunk is used up.
    Nothing,
    /// A frame, in the chunk.
    Chunk(&'c [u8]),
    /// A frame, here in the storage.
    Buffer(Range<usize>),
    /// Nowhere.
    Unusual,
}

/// What is known of a frame from the bytes that are here.
enum Head {
    /// It is whole: its payload from `start` to `end`, and the next frame from `next`.
    Whole { start: usize, end: usize, next: usize },
    /// Its header has `head` bytes and all of it `len`, more than are here, and there is room for them.
    Cut { head: usize, len: usize },
    /// Nothing that a short way could use.
    Unknown,
}

/// Which frames may take a short way.
#[derive(Clone, Copy)]
struct Usual {
    /// Bytes of payload, at least and at most.
    least: usize,
    most: usize,
    /// Bytes in which a cut frame must fit.
    room: usize,
}

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// The short way through a chunk, which moves on behind what was taken. Frames of more than `max` bytes do not take it.
    #[inline(always)]
    pub(super) fn short<'c>(&mut self, chunk: &mut &'c [u8], max: usize) -> Short<'c> {
        if SHORT_WAYS && !L::VERBATIM {
            return self.run(chunk, max);
        }
        let between = SHORT_WAYS && self.phase == Phase::Between;
        if between && self.buffer.unread_len() == 0 {
            let usual = self.usual(max, self.buffer.capacity());
            match head(&self.law, &mut self.state, chunk, usual) {
                Head::Whole { start, end, next } => {
                    if let (Some(payload), Some(rest)) = (chunk.get(start..end), chunk.get(next..)) {
                        *chunk = rest;
                        self.note_whole(next);
                        return Short::Chunk(payload);
                    }
                }
                Head::Cut { head, len } => {
                    (self.head, self.wanted) = (head, len);
                    self.buffer.clear();
                }
                // So that what is cut has room behind it.
                Head::Unknown => self.buffer.clear(),
            }
        }
        if self.keep(chunk) {
            *chunk = &[];
            return Short::Nothing;
        }
        if between && L::COUNTED && self.buffer.unread_len() > 0 {
            let (frame, taken) = match self.complete(chunk, max) {
                Some((frame, taken)) => (Some(frame), taken),
                None => self.complete_header(chunk, max),
            };
            *chunk = chunk.get(taken..).unwrap_or_default();
            if let Some(frame) = frame {
                return Short::Buffer(frame);
            }
            if self.keep(chunk) {
                *chunk = &[];
                return Short::Nothing;
            }
        }
        if SHORT_WAYS && !L::COUNTED { self.go_on(chunk, max) } else { Short::Unusual }
    }

    /// The short way through what is unread.
    #[inline(always)]
    pub(super) fn short_in_buffer(&mut self, max: usize) -> Short<'static> {
        if self.buffer.unread_len() < self.wanted {
            return Short::Nothing;
        }
        if SHORT_WAYS && !L::VERBATIM {
            return self.run(&mut &[][..], max);
        }
        if SHORT_WAYS && self.phase == Phase::Between {
            let usual = self.usual(max, self.buffer.room());
            let Some(unread) = self.buffer.unread_checked() else { return Short::Unusual };
            match head(&self.law, &mut self.state, unread, usual) {
                Head::Whole { start, end, next } => return Short::Buffer(self.take_whole(start, end, next)),
                Head::Cut { head, len } => {
                    (self.head, self.wanted) = (head, len);
                    return Short::Nothing;
                }
                Head::Unknown => {}
            }
        }
        if SHORT_WAYS && !L::COUNTED { self.go_on(&mut &[][..], max) } else { Short::Unusual }
    }

    /// Whether `chunk` was put behind the unread bytes, because with it there are still fewer than wanted.
    #[inline(always)]
    pub(super) fn keep(&mut self, chunk: &[u8]) -> bool {
        self.buffer.unread_len() + chunk.len() < self.wanted && self.buffer.append(chunk)
    }

    /// Brings what the frame at hand still needs from `chunk`, which has it, if its header is known. Where its payload lies, and how many
    /// bytes of the chunk were taken.
    #[inline(always)]
    fn complete(&mut self, chunk: &[u8], max: usize) -> Option<(Range<usize>, usize)> {
        if self.head == 0 || self.wanted - self.head > max {
            return None;
        }
        let missing = self.wanted.checked_sub(self.buffer.unread_len())?;
        if !self.buffer.append(chunk.get(..missing)?) {
            return None;
        }
        Some((self.take_whole(self.head, self.wanted, self.wanted), missing))
    }

    /// [`complete`](Self::complete) for a frame whose header is cut.
    #[inline(never)]
    fn complete_header(&mut self, chunk: &[u8], max: usize) -> (Option<Range<usize>>, usize) {
        let mut taken = 0;
        loop {
            let missing = self.wanted.saturating_sub(self.buffer.unread_len());
            let rest = chunk.get(taken..).unwrap_or_default();
            let piece = rest.get(..missing).unwrap_or(rest);
            if !self.buffer.append(piece) {
                return (None, taken);
            }
            taken += piece.len();
            if piece.len() < missing {
                return (None, taken);
            }
            let usual = self.usual(max, self.buffer.room());
            match head(&self.law, &mut self.state, self.buffer.unread(), usual) {
                Head::Whole { start, end, next } => return (Some(self.take_whole(start, end, next)), taken),
                Head::Cut { head, len } => (self.head, self.wanted) = (head, len),
                Head::Unknown => return (None, taken),
            }
        }
    }

    /// The way through a frame whose payload is in disguise, whole or cut.
    #[inline(always)]
    fn run(&mut self, chunk: &mut &[u8], max: usize) -> Short<'static> {
        let most = self.whole_limit.min(max);
        if !self.may_gather() || self.buffer.gathered_len() > most {
            return Short::Unusual;
        }
        let from_chunk = self.buffer.unread_len() == 0;
        let (law, state) = (&self.law, &mut self.state);
        let Run { take, end, .. } = self.buffer.gather_run(chunk, most, |input, out| law.run(state, input, out));
        if take == 0 && end.is_none() {
            return Short::Unusual;
        }
        if let Some(trailer) = end
            && self.buffer.gathered_len() >= self.least
        {
            if self.phase == Phase::Between {
                self.frame_at = self.position;
            } else {
                self.begin_anew();
            }
            self.position += (take + trailer) as u64;
            if from_chunk {
                *chunk = chunk.get(take + trailer..).unwrap_or_default();
            } else {
                self.buffer.skip(trailer);
            }
            return Short::Buffer(self.buffer.take_gathered_range());
        }
        if from_chunk {
            *chunk = chunk.get(take..).unwrap_or_default();
        }
        self.note_gathering(take);
        self.midway.grant.end = end;
        if from_chunk && chunk.is_empty() { Short::Nothing } else { Short::Unusual }
    }

    /// The way through a frame whose payload stands there as it is, but is cut.
    #[inline(never)]
    fn go_on(&mut self, chunk: &mut &[u8], max: usize) -> Short<'static> {
        let from_chunk = self.buffer.unread_len() == 0;
        let input = if from_chunk { *chunk } else { self.buffer.unread() };
        let gathered = self.buffer.gathered_len();
        let most = self.whole_limit.saturating_sub(gathered);
        if !self.may_gather() || input.is_empty() || most == 0 {
            return Short::Unusual;
        }
        let available = input.len();
        let mut state = self.state.clone();
        let (data, end) = match self.law.step(&mut state, input) {
            Ok(Step::Data(data)) if data == available && data <= most => (data, None),
            Ok(Step::End { data, take })
                if self.phase == Phase::Gathering
                    && data <= most
                    && gathered + data <= max
                    && take <= available.saturating_sub(data)
                    && gathered + data >= self.least =>
            {
                (data, Some(take))
            }
            _ => return Short::Unusual,
        };
        if !from_chunk {
            self.buffer.gather(data);
        } else if let Some((payload, rest)) = chunk.split_at_checked(data)
            && self.buffer.gather_from(payload)
        {
            *chunk = rest;
        } else {
            return Short::Unusual;
        }
        self.state = state;
        self.note_gathering(data);
        let Some(take) = end else {
            // Behind what was unread there may be more in the chunk.
            return if chunk.is_empty() { Short::Nothing } else { Short::Unusual };
        };
        self.skip(take, chunk);
        self.begin_anew();
        Short::Buffer(self.buffer.take_gathered_range())
    }

    /// Whether payload may be gathered next: between frames, or in one that is, with nothing granted.
    #[inline(always)]
    fn may_gather(&self) -> bool {
        self.phase == Phase::Between || self.phase == Phase::Gathering && self.midway.grant.is_empty()
    }

    /// Bytes of a frame were taken, and what they carry was gathered.
    #[inline(always)]
    fn note_gathering(&mut self, taken: usize) {
        if self.phase == Phase::Between {
            self.phase = Phase::Gathering;
            self.frame_at = self.position;
            self.midway.frame_len = None;
        }
        self.position += taken as u64;
        self.midway.held = 0;
        self.wanted = 1;
    }

    #[inline(always)]
    fn usual(&self, max: usize, room: usize) -> Usual {
        Usual { least: self.least, most: self.whole_limit.min(max), room }
    }

    /// Takes the frame that is whole at the start of the unread bytes, and says where its payload lies.
    #[inline(always)]
    fn take_whole(&mut self, start: usize, end: usize, next: usize) -> Range<usize> {
        // Not for every frame: what limits the speed of a row of short ones is how much is stored for each.
        if self.head > 0 || !L::COUNTED {
            self.begin_anew();
        }
        self.note_whole(next);
        self.buffer.take_whole(start, end, next)
    }

    /// A frame of `len` bytes was found whole.
    #[inline(always)]
    fn note_whole(&mut self, len: usize) {
        self.frame_at = self.position;
        self.position += len as u64;
    }
}

impl Usual {
    /// Whether what a law says of a slice of `len` bytes can be, and is of the usual kind.
    #[inline(always)]
    fn allows(self, whole: Whole, len: usize) -> bool {
        let Whole { start, end, next } = whole;
        start <= end && end <= next && next <= len && end - start >= self.least && end - start <= self.most
    }
}

/// What is known of the frame at the start of `input`.
#[inline(always)]
fn head<L: Framing>(law: &L, state: &mut L::State, input: &[u8], usual: Usual) -> Head {
    let Usual { least, most, room } = usual;
    if !L::COUNTED {
        return match law.whole(input) {
            Some(whole) if usual.allows(whole, input.len()) => {
                Head::Whole { start: whole.start, end: whole.end, next: whole.next }
            }
            _ => Head::Unknown,
        };
    }
    if L::PREFIX > SHORT_HEADER {
        return Head::Unknown;
    }
    match law.step(state, input) {
        Ok(Step::Begin { take, len })
            if take > 0 && take <= input.len() && len >= least as u64 && len <= most as u64 =>
        {
            // It is at most `most`.
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len <= input.len() - take {
                Head::Whole { start: take, end: take + len, next: take + len }
            } else if len <= room.saturating_sub(take) {
                Head::Cut { head: take, len: take + len }
            } else {
                Head::Unknown
            }
        }
        _ => Head::Unknown,
    }
}
