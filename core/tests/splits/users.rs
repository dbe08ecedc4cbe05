//! Laws as a user would write them: no shortcut for whole frames, bytes that stand for others, a delimiter of several bytes, a
//! trailer.

use framewright::framing::{Framing, Step, Tail};
use framewright::{EncodeError, Malformed};

use crate::laws::{Case, cut_delimited};
use crate::model::{Found, Shape};

/// A radio's packets: `A5`, a length byte, the payload. No shortcut for whole frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radio;

impl Framing for Radio {
    type State = Option<usize>;
    const PREFIX: usize = 2;

    fn step(&self, left: &mut Option<usize>, input: &[u8]) -> Result<Step, Malformed> {
        match (*left, input) {
            (None, [0xA5, len, ..]) => {
                *left = Some(usize::from(*len));
                Ok(Step::Begin { take: 2, len: u64::from(*len) })
            }
            (None, [0xA5] | []) => Ok(Step::Need(2)),
            (None, _) => Err(Malformed::Other("a packet starts with A5")),
            (Some(n), _) if n <= input.len() => {
                *left = None;
                Ok(Step::End { data: n, take: 0 })
            }
            (Some(_), []) => Ok(Step::Need(1)),
            (Some(n), _) => {
                *left = Some(n - input.len());
                Ok(Step::Data(input.len()))
            }
        }
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::LengthRequired)?;
        out.put(&[0xA5, u8::try_from(len).map_err(|_| EncodeError::TooLong { len, max: 255 })?])
    }
}

impl Case for Radio {
    type Law = Self;
    const NAME: &'static str = "radio";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let rest = &stream[at..];
            let have = rest.len() as u64;
            let (declared, payload, shape) = match rest {
                [0xA5] => (None, &[][..], Shape::InHeader { have }),
                [0xA5, len, body @ ..] if body.len() >= usize::from(*len) => {
                    (Some(u64::from(*len)), &body[..usize::from(*len)], Shape::Complete)
                }
                [0xA5, len, body @ ..] => {
                    (Some(u64::from(*len)), body, Shape::InBody { have, need: Some(2 + u64::from(*len)) })
                }
                _ => (None, &[][..], Shape::Bad(Malformed::Other("a packet starts with A5"))),
            };
            found.push(Found { at: at as u64, declared, payload: payload.to_vec(), shape });
            if !matches!(shape, Shape::Complete) {
                break;
            }
            at += 2 + payload.len();
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        stream.extend([0xA5, u8::try_from(payload.len()).unwrap()]);
        stream.extend(payload);
    }

    fn huge() -> Option<Vec<u8>> {
        Some(vec![0xA5, 0xFF])
    }

    fn broken() -> Option<Vec<u8>> {
        Some(vec![0x5A])
    }
}

/// Frames ended by `C0`, with `DB DC` for `C0` and `DB DD` for `DB`: bytes that stand for others, in two steps or in one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum EscapedState {
    #[default]
    Plain,
    AfterEscape,
}

const BAD_ESCAPE: Malformed = Malformed::Other("a bad escape");

impl Framing for Escaped {
    type State = EscapedState;
    const PREFIX: usize = 0;
    const SUFFIX: usize = 1;

    fn step(&self, state: &mut EscapedState, input: &[u8]) -> Result<Step, Malformed> {
        if let (EscapedState::AfterEscape, [code, ..]) = (*state, input) {
            let value = unescape(*code)?;
            *state = EscapedState::Plain;
            return Ok(Step::Byte { take: 1, value });
        }
        match input.iter().position(|byte| matches!(byte, 0xC0 | 0xDB)) {
            _ if input.is_empty() => Ok(Step::Need(1)),
            None => Ok(Step::Data(input.len())),
            Some(at) if input[at] == 0xC0 => Ok(Step::End { data: at, take: 1 }),
            Some(0) if input.len() > 1 => Ok(Step::Byte { take: 2, value: unescape(input[1])? }),
            Some(0) => {
                *state = EscapedState::AfterEscape;
                Ok(Step::Skip(1))
            }
            Some(at) => Ok(Step::Data(at)),
        }
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

fn unescape(code: u8) -> Result<u8, Malformed> {
    match code {
        0xDC => Ok(0xC0),
        0xDD => Ok(0xDB),
        _ => Err(BAD_ESCAPE),
    }
}

impl Case for Escaped {
    type Law = Self;
    const NAME: &'static str = "escaped";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_delimited(stream, &[0xC0], false, |body, whole| {
            let mut payload = Vec::new();
            let mut bytes = body.iter();
            while let Some(&byte) = bytes.next() {
                match (byte, bytes.as_slice().first()) {
                    (0xDB, Some(0xDC)) => payload.push(0xC0),
                    (0xDB, Some(0xDD)) => payload.push(0xDB),
                    (0xDB, None) if !whole => break,
                    (0xDB, _) => return Err((payload, BAD_ESCAPE)),
                    (plain, _) => {
                        payload.push(plain);
                        continue;
                    }
                }
                bytes.next();
            }
            Ok(payload)
        })
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        for &byte in payload {
            // Small numbers are common in the payloads here: they stand for the bytes that need an escape.
            match byte % 5 {
                0 => stream.extend([0xDB, 0xDC]),
                1 => stream.extend([0xDB, 0xDD]),
                _ => stream.push(byte & 0x3F),
            }
        }
        stream.push(0xC0);
    }

    fn broken() -> Option<Vec<u8>> {
        Some(vec![1, 2, 0xDB, 0xC0])
    }
}

/// Paragraphs, ended by an empty line: CR LF CR LF. Up to three bytes may turn out to be payload after all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paragraphs;

const BLANK: [u8; 4] = *b"\r\n\r\n";

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ParagraphState {
    /// Bytes of the delimiter that were seen and may be payload.
    held: usize,
    /// Bytes `owed.0..owed.1` of the delimiter are payload and not given out yet.
    owed: (usize, usize),
}

impl Framing for Paragraphs {
    type State = ParagraphState;
    const PREFIX: usize = 0;
    const SUFFIX: usize = 4;

    fn step(&self, state: &mut ParagraphState, input: &[u8]) -> Result<Step, Malformed> {
        let (owed, end) = state.owed;
        if owed < end {
            state.owed = (owed + 1, end);
            return Ok(Step::Byte { take: 0, value: BLANK[owed] });
        }
        let Some(&first) = input.first() else { return Ok(Step::Need(1)) };
        if state.held == 0 {
            return Ok(match input.iter().position(|&byte| byte == b'\r') {
                Some(0) => {
                    state.held = 1;
                    Step::Skip(1)
                }
                Some(at) => Step::Data(at),
                None => Step::Data(input.len()),
            });
        }
        if first == BLANK[state.held] {
            state.held = (state.held + 1) % 4;
            return Ok(if state.held == 0 { Step::End { data: 0, take: 1 } } else { Step::Skip(1) });
        }
        // Of CR LF CR the last one may begin a delimiter again.
        let still_held = usize::from(state.held == 3);
        state.owed = (1, state.held - still_held);
        state.held = still_held;
        Ok(Step::Byte { take: 0, value: BLANK[0] })
    }

    fn prefix(&self, _: Option<u64>, _: &mut Tail<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Case for Paragraphs {
    type Law = Self;
    const NAME: &'static str = "paragraphs";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_delimited(stream, &BLANK, false, |body, whole| {
            // What may still be the start of a delimiter is not payload yet.
            let held = if whole { 0 } else { (1..4).rev().find(|&n| body.ends_with(&BLANK[..n])).unwrap_or(0) };
            Ok(body[..body.len() - held].to_vec())
        })
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        let before = stream.len();
        stream.extend(payload.iter().map(|&byte| match byte % 3 {
            0 => b'\r',
            1 => b'\n',
            _ => byte | 0x40,
        }));
        // Whatever delimiters that made are frames of their own; this one is ended for sure.
        if stream.len() > before {
            stream.push(b'x');
        }
        stream.extend(BLANK);
    }
}

/// A length byte, the payload, then two bytes that nobody reads: a trailer that may come later than the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Padded;

impl Framing for Padded {
    type State = Option<usize>;
    const PREFIX: usize = 1;
    const SUFFIX: usize = 2;

    fn step(&self, left: &mut Option<usize>, input: &[u8]) -> Result<Step, Malformed> {
        match (*left, input) {
            (_, []) if left.is_none_or(|n| n > 0) => Ok(Step::Need(1)),
            (None, _) => {
                *left = Some(usize::from(input[0]));
                Ok(Step::Begin { take: 1, len: u64::from(input[0]) })
            }
            (Some(n), _) if n <= input.len() => {
                *left = None;
                Ok(Step::End { data: n, take: 2 })
            }
            (Some(n), _) => {
                *left = Some(n - input.len());
                Ok(Step::Data(input.len()))
            }
        }
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::LengthRequired)?;
        out.put(&[u8::try_from(len).map_err(|_| EncodeError::TooLong { len, max: 255 })?])
    }

    fn suffix(&self, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        out.put(b"..")
    }
}

impl Case for Padded {
    type Law = Self;
    const NAME: &'static str = "padded";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let len = usize::from(stream[at]);
            let body = &stream[at + 1..];
            let complete = body.len() >= len + 2;
            let open = Shape::InBody { have: body.len() as u64 + 1, need: Some(1 + len as u64 + 2) };
            found.push(Found {
                at: at as u64,
                declared: Some(len as u64),
                payload: body[..len.min(body.len())].to_vec(),
                shape: if complete { Shape::Complete } else { open },
            });
            at += len + 3;
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        stream.push(u8::try_from(payload.len()).unwrap());
        stream.extend(payload);
        stream.extend(b"..");
    }

    fn huge() -> Option<Vec<u8>> {
        Some(vec![0xFF, 1, 2])
    }
}
