//! The framings of the services as one law, chosen when a connection is opened. A decoder's and a session's code is there once for each
//! type of law, and flash is small.

use framewright::framing::{Framing, JsonHeader, JsonHeaderState, Lines, LinesState, Raw, Step, Tail, U32, Whole};
use framewright::service::Content;
use framewright::{EncodeError, Malformed};

/// The framing of one connection.
///
/// It is for reading. Services write under the law that is their own ([`Encoder::under`](framewright::Encoder::under)): an encoder
/// of this law would not keep room free for a header in front of a [reserved](framewright::Encoder::reserve) place, or for the end of a
/// line that is streamed.
#[derive(Clone, Copy, Debug)]
pub struct AnyLaw {
    kind: Kind,
    /// The longest header in JSON, in bytes, its length not counted.
    longest_json: u16,
}

/// Which law it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U32,
    Raw,
    Lines,
    Json,
}

/// What [`AnyLaw`] remembers of the frame at hand.
#[derive(Clone, Debug, Default)]
pub struct AnyState {
    place: Place,
    content: Content,
    /// Bytes of payload to come, where it is in one.
    left: u64,
}

/// Where in a frame the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// At its start, or inside a line.
    #[default]
    Start,
    /// Behind a CR in a line.
    AfterCr,
    /// In the payload behind a header that said its length.
    Payload,
}

/// Bytes of the length before a header in JSON.
const LENGTH: usize = 2;

impl AnyLaw {
    /// [`U32`].
    pub const U32: Self = Self { kind: Kind::U32, longest_json: u16::MAX };
    /// [`Raw`].
    pub const RAW: Self = Self { kind: Kind::Raw, ..Self::U32 };
    /// [`Lines`].
    pub const LINES: Self = Self { kind: Kind::Lines, ..Self::U32 };

    /// [`JsonHeader`], for a decoder with so many bytes of storage: a header must fit.
    pub fn json(storage: usize) -> Self {
        let longest_json = u16::try_from(storage.saturating_sub(LENGTH)).unwrap_or(u16::MAX);
        Self { kind: Kind::Json, longest_json }
    }
}

impl AnyState {
    /// What the header of the frame says its content is.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Goes on behind a header.
    fn begin(&mut self, step: Step) -> Step {
        if let Step::Begin { len, .. } = step {
            (self.place, self.left) = (Place::Payload, len);
        }
        step
    }
}

impl Framing for AnyLaw {
    type State = AnyState;
    // Where a law has headers, a decoder shows it no more of a chunk than it could store; but a chunk of `Raw` is one message.
    const PREFIX: usize = 0;

    fn step(&self, state: &mut AnyState, input: &[u8]) -> Result<Step, Malformed> {
        if state.place == Place::Payload {
            return Ok(match usize::try_from(state.left) {
                Ok(data) if data <= input.len() => {
                    state.place = Place::Start;
                    Step::End { data, take: 0 }
                }
                _ if input.is_empty() => Step::Need(1),
                _ => {
                    state.left -= input.len() as u64;
                    Step::Data(input.len())
                }
            });
        }
        match self.kind {
            Kind::U32 => Ok(state.begin(U32::new().step(&mut <U32 as Framing>::State::default(), input)?)),
            Kind::Raw => Raw.step(&mut (), input),
            Kind::Lines => {
                let mut lines = match state.place {
                    Place::AfterCr => LinesState::AfterCr,
                    _ => LinesState::Plain,
                };
                let step = Lines.step(&mut lines, input)?;
                state.place = match lines {
                    LinesState::AfterCr => Place::AfterCr,
                    LinesState::Plain => Place::Start,
                };
                Ok(step)
            }
            Kind::Json => {
                let mut json = JsonHeaderState::default();
                let held = input.get(..LENGTH + usize::from(self.longest_json)).unwrap_or(input);
                let step = match JsonHeader::TEXT.step(&mut json, held)? {
                    // It is here, and yet refused, as where it comes in two pieces and must be held: to ask for more than is
                    // here says so.
                    Step::Need(n) if n <= input.len() => Step::Need(input.len() + 1),
                    step => step,
                };
                if let Step::Begin { .. } = step {
                    state.content = Content::of(&json.header);
                }
                Ok(state.begin(step))
            }
        }
    }

    /// On a small machine flash is dearer than the time that this saves.
    #[inline]
    fn whole(&self, input: &[u8]) -> Option<Whole> {
        if cfg!(not(target_pointer_width = "64")) {
            return None;
        }
        match self.kind {
            Kind::U32 => {
                let (length, payload) = input.split_first_chunk::<{ U32::PREFIX }>()?;
                let len = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|len| *len <= payload.len())?;
                Some(Whole { start: length.len(), end: length.len() + len, next: length.len() + len })
            }
            Kind::Raw => Raw.whole(input),
            Kind::Lines => Lines.whole(input),
            // Its header says more than the length.
            Kind::Json => None,
        }
    }

    fn ends_at_end_of_stream(&self) -> bool {
        self.kind == Kind::Lines
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        match self.kind {
            Kind::U32 => U32::new().prefix(len, out),
            Kind::Raw => Raw.prefix(len, out),
            Kind::Lines => Lines.prefix(len, out),
            Kind::Json => JsonHeader::TEXT.prefix(len, out),
        }
    }

    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        if self.kind == Kind::Lines { Lines.check(payload) } else { Ok(()) }
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        if self.kind == Kind::Lines { Lines.suffix(out) } else { Ok(()) }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
