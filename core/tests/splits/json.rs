//! The `json-header` law: headers of several lengths, cut everywhere.

use framewright::Malformed;
use framewright::framing::JsonHeader;

use crate::laws::Case;
use crate::model::{Found, Shape};

/// A header that says this length, with spaces and keys that nobody asked for.
fn header(len: u64, spaces: usize) -> Vec<u8> {
    let json = format!(
        "{{{:spaces$}\"content-length\": {len}, \"more\": [1, {{}}], \"byteorder\": \"big\", \"content-type\": \"a/b\", \
         \"content-encoding\": \"\"}}",
        ""
    );
    [&u16::try_from(json.len()).unwrap().to_be_bytes(), json.as_bytes()].concat()
}

impl Case for JsonHeader {
    type Law = Self;
    const NAME: &'static str = "json header";
    /// Noise may claim a header that is longer than the storage.
    const NOISE: bool = false;

    fn law() -> Self {
        Self::TEXT
    }

    /// Knows only headers as they are made here; all others break the law.
    fn cut(stream: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let rest = &stream[at..];
            let have = rest.len() as u64;
            let end = rest.first_chunk().map_or(2, |length| 2 + usize::from(u16::from_be_bytes(*length)));
            let mut frame =
                Found { at: at as u64, declared: None, payload: Vec::new(), shape: Shape::InHeader { have } };
            let Some(json) = rest.get(2..end) else {
                found.push(frame);
                break;
            };
            let text = String::from_utf8_lossy(json);
            let number = text.split_once(": ").and_then(|(_, behind)| behind.split(',').next()?.parse().ok());
            let known = |len: &u64| (0..4).any(|spaces| header(*len, spaces) == rest[..end]);
            let Some(len) = number.filter(known) else {
                frame.shape = Shape::Bad(Malformed::Header);
                found.push(frame);
                break;
            };
            let body = &rest[end..];
            frame.declared = Some(len);
            let complete = usize::try_from(len).ok().filter(|len| *len <= body.len());
            frame.payload = body[..complete.unwrap_or(body.len())].to_vec();
            frame.shape = Shape::InBody { have, need: Some(len.saturating_add(end as u64)) };
            if complete.is_some() {
                frame.shape = Shape::Complete;
            }
            at += end + frame.payload.len();
            found.push(frame);
            if complete.is_none() {
                break;
            }
        }
        found
    }

    fn wrap(payload: &[u8], stream: &mut Vec<u8>) {
        stream.extend(header(payload.len() as u64, payload.len() % 4));
        stream.extend(payload);
    }

    fn huge() -> Option<Vec<u8>> {
        Some(header(u64::MAX, 0))
    }

    fn broken() -> Option<Vec<u8>> {
        Some(b"\0\x02{}".to_vec())
    }
}
