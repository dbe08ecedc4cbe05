//! The built-in laws under test, each with a slow cutter and writer of its own.

use framewright::Malformed;
use framewright::framing::{
    BigEndian, Cobs, Delimited, Endian, Framing, LengthPrefix, LineEnding, Lines, Netstring, Slip, StrictLines, Varint,
};

use crate::model::{Found, Shape};

/// A law with a second, independent reader and writer of its frames.
pub(crate) trait Case {
    type Law: Framing + Clone;
    const NAME: &'static str;
    /// Whether the cutter knows what to make of any bytes.
    const NOISE: bool = true;
    fn law() -> Self::Law;
    /// The frames of a stream.
    fn cut(stream: &[u8]) -> Vec<Found>;
    /// A payload as a frame. Laws without a length change bytes that they cannot carry.
    fn wrap(payload: &[u8], stream: &mut Vec<u8>);
    /// The start of a frame whose length is far over every limit, where the law can say that.
    fn huge() -> Option<Vec<u8>> {
        None
    }
    /// Bytes that break the law, where there are such.
    fn broken() -> Option<Vec<u8>> {
        None
    }
}

/// `[OFFSET bytes][length]`, counted in i128 from single bytes.
pub(crate) struct Prefixed<const WIDTH: usize, E = BigEndian, const OFFSET: usize = 0, const ADJUST: i64 = 0>(E);

impl<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64> Prefixed<WIDTH, E, OFFSET, ADJUST> {
    fn header(wire: u64) -> Vec<u8> {
        let mut header: Vec<u8> = (0..OFFSET).map(|i| 0xF0 + u8::try_from(i).unwrap()).collect();
        let little = wire.to_le_bytes();
        if E::BIG {
            header.extend(little[..WIDTH].iter().rev());
        } else {
            header.extend(&little[..WIDTH]);
        }
        header
    }
}

impl<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64> Case
    for Prefixed<WIDTH, E, OFFSET, ADJUST>
{
    type Law = LengthPrefix<WIDTH, E, OFFSET, ADJUST>;
    const NAME: &'static str = "length prefix";

    fn law() -> Self::Law {
        LengthPrefix::new()
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let rest = &stream[at..];
            let mut frame = Found { at: at as u64, declared: None, payload: Vec::new(), shape: Shape::Complete };
            if rest.len() < OFFSET + WIDTH {
                frame.shape = Shape::InHeader { have: rest.len() as u64 };
                found.push(frame);
                break;
            }
            let mut len = i128::from(ADJUST);
            for i in 0..WIDTH {
                let power = if E::BIG { WIDTH - 1 - i } else { i };
                len += i128::from(rest[OFFSET + i]) << (8 * power);
            }
            let Ok(len) = u64::try_from(len) else {
                frame.shape = Shape::Bad(Malformed::LengthOutOfRange);
                found.push(frame);
                break;
            };
            frame.declared = Some(len);
            let body = &rest[OFFSET + WIDTH..];
            if (body.len() as u64) < len {
                frame.payload = body.to_vec();
                let need = len.saturating_add((OFFSET + WIDTH) as u64);
                frame.shape = Shape::InBody { have: rest.len() as u64, need: Some(need) };
                found.push(frame);
                break;
            }
            let len = usize::try_from(len).unwrap();
            frame.payload = body[..len].to_vec();
            found.push(frame);
            at += OFFSET + WIDTH + len;
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        let wire = i128::try_from(payload.len()).unwrap() - i128::from(ADJUST);
        // A law with a positive adjustment has no frame as short as this one: the shortest stands for it.
        let wire = u64::try_from(wire.max(0)).unwrap();
        stream.extend(Self::header(wire));
        let len = usize::try_from(i128::from(wire) + i128::from(ADJUST)).unwrap();
        stream.extend(payload.iter().copied().chain(std::iter::repeat(0)).take(len));
    }

    fn huge() -> Option<Vec<u8>> {
        Some(Self::header(u64::MAX))
    }

    fn broken() -> Option<Vec<u8>> {
        (ADJUST < 0).then(|| Self::header(0))
    }
}

/// Cuts behind each `delimiter`; `payload` says what the bytes before it carry, or where they break the law.
pub(crate) fn cut_delimited(
    stream: &[u8],
    delimiter: &[u8],
    at_end: bool,
    payload: impl Fn(&[u8], bool) -> Result<Vec<u8>, (Vec<u8>, Malformed)>,
) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let rest = &stream[at..];
        let end = (0..rest.len()).find(|&i| rest[i..].starts_with(delimiter));
        let body = &rest[..end.unwrap_or(rest.len())];
        let open = Shape::InBody { have: rest.len() as u64, need: None };
        let (payload, shape) = match payload(body, end.is_some()) {
            Err((payload, malformed)) => (payload, Shape::Bad(malformed)),
            Ok(payload) if end.is_some() => (payload, Shape::Complete),
            Ok(payload) => (payload, if at_end { Shape::AtEnd } else { open }),
        };
        found.push(Found { at: at as u64, declared: None, payload, shape });
        if matches!(shape, Shape::Bad(_)) {
            break;
        }
        at += body.len() + delimiter.len();
    }
    found
}

impl Case for Lines {
    type Law = Self;
    const NAME: &'static str = "lines";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_delimited(stream, b"\n", true, |body, _| Ok(body.strip_suffix(b"\r").unwrap_or(body).to_vec()))
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        // Among the bytes that come out of this are CRs at every place, in front of LF too.
        stream.extend(payload.iter().map(|&byte| if byte % 5 == 0 { b'\r' } else { byte | 0x40 }));
        stream.push(b'\n');
    }
}

/// Frames that each begin at `at`: `one` cuts the first frame off what is left, and says how long it is; `None` when nothing can
/// follow.
fn cut_counted(stream: &[u8], one: impl Fn(&[u8]) -> (Option<u64>, Vec<u8>, Shape, Option<usize>)) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let (declared, payload, shape, len) = one(&stream[at..]);
        found.push(Found { at: at as u64, declared, payload, shape });
        match len {
            Some(len) => at += len,
            None => break,
        }
    }
    found
}

/// A frame of `header` bytes, `len` bytes of payload, and then `trailer`.
fn counted(rest: &[u8], header: usize, len: u64, trailer: &[u8]) -> (Option<u64>, Vec<u8>, Shape, Option<usize>) {
    let body = &rest[header..];
    let have = rest.len() as u64;
    let need = Some(len.saturating_add((header + trailer.len()) as u64));
    let Some(len) = usize::try_from(len).ok().filter(|len| *len <= body.len()) else {
        return (Some(len), body.to_vec(), Shape::InBody { have, need }, None);
    };
    let declared = Some(len as u64);
    let payload = body[..len].to_vec();
    let behind = &body[len..];
    if behind.starts_with(trailer) {
        (declared, payload, Shape::Complete, Some(header + len + trailer.len()))
    } else if trailer.starts_with(behind) {
        (declared, payload, Shape::InBody { have, need }, None)
    } else {
        (declared, payload, Shape::Bad(Malformed::Terminator), None)
    }
}

impl Case for Varint {
    type Law = Self;
    const NAME: &'static str = "varint";

    fn law() -> Self {
        Self::new()
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_counted(stream, |rest| {
            let bad = |what| (None, Vec::new(), Shape::Bad(what), None);
            let Some(last) = rest.iter().take(10).position(|byte| byte & 0x80 == 0) else {
                if rest.len() >= 10 {
                    return bad(Malformed::LengthOutOfRange);
                }
                return (None, Vec::new(), Shape::InHeader { have: rest.len() as u64 }, None);
            };
            let len = (0..=last).rev().fold(0_u128, |sum, i| sum * 128 + u128::from(rest[i] & 0x7F));
            match u64::try_from(len) {
                Err(_) => bad(Malformed::LengthOutOfRange),
                Ok(_) if last > 0 && rest[last] == 0 => bad(Malformed::NonCanonical),
                Ok(len) => counted(rest, last + 1, len, b""),
            }
        })
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        assert!(payload.len() < 128 * 128);
        match payload.len() {
            len @ ..128 => stream.push(u8::try_from(len).unwrap()),
            len => stream.extend([u8::try_from(len % 128).unwrap() | 0x80, u8::try_from(len / 128).unwrap()]),
        }
        stream.extend(payload);
    }

    fn huge() -> Option<Vec<u8>> {
        Some([&[0xFF; 9][..], &[1]].concat())
    }

    fn broken() -> Option<Vec<u8>> {
        Some(vec![0x85, 0])
    }
}

impl Case for Netstring {
    type Law = Self;
    const NAME: &'static str = "netstring";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_counted(stream, |rest| {
            let bad = |what| (None, Vec::new(), Shape::Bad(what), None);
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits >= 2 && rest[0] == b'0' {
                return bad(Malformed::NonCanonical);
            }
            let number = rest[..digits.min(30)].iter().fold(0_u128, |sum, byte| sum * 10 + u128::from(byte - b'0'));
            let Ok(len) = u64::try_from(number) else { return bad(Malformed::LengthOutOfRange) };
            match rest.get(digits) {
                None => (None, Vec::new(), Shape::InHeader { have: rest.len() as u64 }, None),
                Some(b':') if digits > 0 => counted(rest, digits + 1, len, b","),
                Some(_) => bad(Malformed::Length),
            }
        })
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        stream.extend(format!("{}:", payload.len()).bytes());
        stream.extend(payload);
        stream.push(b',');
    }

    fn huge() -> Option<Vec<u8>> {
        Some(format!("{}:", u64::MAX).into_bytes())
    }

    fn broken() -> Option<Vec<u8>> {
        Some(b"2:hi;".to_vec())
    }
}

/// Payloads ended by RS.
pub(crate) struct Records;

impl Case for Records {
    type Law = Delimited;
    const NAME: &'static str = "delimited";

    fn law() -> Delimited {
        Delimited::new(0x1E)
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_delimited(stream, &[0x1E], false, |body, _| Ok(body.to_vec()))
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        stream.extend(payload.iter().map(|byte| byte | 0x40));
        stream.push(0x1E);
    }
}

/// Lines that end in CR LF (`true`) or LF (`false`) and contain neither.
pub(crate) struct Strict<const CR: bool>;

impl<const CR: bool> Case for Strict<CR> {
    type Law = StrictLines;
    const NAME: &'static str = "strict lines";

    fn law() -> StrictLines {
        StrictLines::new(if CR { LineEnding::CrLf } else { LineEnding::Lf })
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        cut_counted(stream, |rest| {
            let end = rest.iter().position(|&byte| byte == b'\n');
            let text = &rest[..end.unwrap_or(rest.len())];
            let cr = text.iter().position(|&byte| byte == b'\r');
            let complete = end.is_some();
            let have = rest.len() as u64;
            let (len, what) = match cr {
                // Where a CR belongs, it may be the last byte, or the last that came.
                Some(at) if CR && at + 1 == text.len() => (at, None),
                Some(at) => (at, Some(Malformed::BareCr)),
                None if CR && complete => (text.len(), Some(Malformed::BareLf)),
                None => (text.len(), None),
            };
            let shape = match what {
                Some(what) => Shape::Spoiled { what, complete, have },
                None if complete => Shape::Complete,
                None => Shape::InBody { have, need: None },
            };
            (None, text[..len].to_vec(), shape, end.map(|end| end + 1))
        })
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        // Some of the lines are bad.
        stream.extend(payload.iter().map(|&byte| if byte % 31 == 3 { b'\r' } else { byte | 0x40 }));
        if CR && payload.len() % 7 != 5 {
            stream.push(b'\r');
        }
        stream.push(b'\n');
    }
}

impl Case for Slip {
    type Law = Self;
    const NAME: &'static str = "slip";

    fn law() -> Self {
        Self::new()
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(idle) = stream[at..].iter().position(|&byte| byte != 0xC0) {
            at += idle;
            let rest = &stream[at..];
            // No escape holds the byte that ends a frame.
            let end = rest.iter().position(|&byte| byte == 0xC0);
            let body = &rest[..end.unwrap_or(rest.len())];
            let have = rest.len() as u64;
            let mut shape = if end.is_some() { Shape::Complete } else { Shape::InBody { have, need: None } };
            let mut payload = Vec::new();
            let mut i = 0;
            while i < body.len() {
                match (body[i], body.get(i + 1)) {
                    (0xDB, Some(0xDC)) => payload.push(0xC0),
                    (0xDB, Some(0xDD)) => payload.push(0xDB),
                    (0xDB, None) if end.is_none() => break,
                    (0xDB, _) => {
                        shape = Shape::Spoiled { what: Malformed::Escape, complete: end.is_some(), have };
                        break;
                    }
                    (byte, _) => payload.push(byte),
                }
                i += if body[i] == 0xDB { 2 } else { 1 };
            }
            found.push(Found { at: at as u64, declared: None, payload, shape });
            match end {
                Some(end) => at += end + 1,
                None => break,
            }
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        for &byte in payload {
            match byte % 7 {
                0 => stream.extend([0xDB, 0xDC]),
                1 => stream.extend([0xDB, 0xDD]),
                // Seldom enough that good frames are many.
                2 if byte > 240 => stream.extend([0xDB, byte & 0x3F]),
                _ => stream.push(byte & 0x3F),
            }
        }
        stream.push(0xC0);
    }
}

impl Case for Cobs {
    type Law = Self;
    const NAME: &'static str = "cobs";

    fn law() -> Self {
        Self
    }

    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(idle) = stream[at..].iter().position(|&byte| byte != 0) {
            at += idle;
            let rest = &stream[at..];
            let end = rest.iter().position(|&byte| byte == 0);
            let have = rest.len() as u64;
            let mut shape = if end.is_some() { Shape::Complete } else { Shape::InBody { have, need: None } };
            let mut left = &rest[..end.unwrap_or(rest.len())];
            let mut payload = Vec::new();
            let mut zero = false;
            while let [code, block @ ..] = left {
                if zero {
                    payload.push(0);
                }
                zero = *code != 0xFF;
                let len = usize::from(*code) - 1;
                payload.extend(&block[..len.min(block.len())]);
                if len > block.len() && end.is_some() {
                    shape = Shape::Spoiled { what: Malformed::Zero, complete: true, have };
                }
                left = block.get(len..).unwrap_or_default();
            }
            found.push(Found { at: at as u64, declared: None, payload, shape });
            match end {
                Some(end) => at += end + 1,
                None => break,
            }
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        assert!(payload.len() < 254);
        for block in payload.split(|byte| byte % 9 == 0) {
            stream.push(u8::try_from(block.len() + 1).unwrap());
            stream.extend(block);
        }
        stream.push(0);
    }

    fn broken() -> Option<Vec<u8>> {
        Some(vec![5, 1, 2, 0])
    }
}
