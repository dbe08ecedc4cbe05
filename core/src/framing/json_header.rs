//! `[header length: u16 big-endian][JSON header][content]`, as the socket tutorials teach it.
//!
//! The header is one JSON object with the keys `byteorder`, `content-type`, `content-encoding` and `content-length`, all required;
//! others are passed over. The content is the payload of the frame, `content-length` bytes of it.

use core::fmt::{self, Write};

use heapless::String;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// The law. A decoder keeps the header of the frame at hand in its [state](JsonHeaderState::header); an encoder writes the types that the
/// law has at that moment ([`Encoder::law_mut`](crate::Encoder::law_mut)).
///
/// A decoder's storage must hold the JSON header; a longer one stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JsonHeader {
    /// The content type that is written, at most [`MAX_TYPE`] bytes, without characters that JSON escapes.
    pub content_type: &'static str,
    /// The content encoding that is written, at most [`MAX_ENCODING`] bytes, likewise.
    pub content_encoding: &'static str,
}

/// The header of a frame, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ContentHeader {
    /// The byte order of the machine that wrote the content.
    pub byteorder: ByteOrder,
    /// What the content is, as `text/json`.
    pub content_type: String<MAX_TYPE>,
    /// How its characters are encoded, as `utf-8`.
    pub content_encoding: String<MAX_ENCODING>,
    /// Bytes of content.
    pub content_length: u64,
}

/// The byte order of a machine, as Python's `sys.byteorder` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[serde(rename_all = "lowercase")]
pub enum ByteOrder {
    /// `little`.
    #[default]
    Little,
    /// `big`.
    Big,
}

/// What [`JsonHeader`] remembers of the frame at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JsonHeaderState {
    /// The header of the frame that began last.
    pub header: ContentHeader,
}

/// The most bytes of a content type.
pub const MAX_TYPE: usize = 64;
/// The most bytes of a content encoding.
pub const MAX_ENCODING: usize = 32;

/// Bytes of the header's length.
const LENGTH: usize = 2;
/// The most bytes of a header that is written: the four keys and their quotes, a length of 20 digits, and the two types.
const MAX_HEADER: usize = 120 + MAX_TYPE + MAX_ENCODING;
/// How deep a JSON text from a peer may nest. Its parser recurses, so a deeper one could exhaust the stack.
const MAX_DEPTH: usize = 8;

/// The object on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    byteorder: ByteOrder,
    content_type: String<MAX_TYPE>,
    content_encoding: String<MAX_ENCODING>,
    content_length: u64,
}

impl JsonHeader {
    /// JSON text.
    pub const TEXT: Self = Self { content_type: "text/json", content_encoding: "utf-8" };

    /// The machine's byte order, for what is written.
    const BYTEORDER: &'static str = if cfg!(target_endian = "big") { "big" } else { "little" };
}

impl Default for JsonHeader {
    fn default() -> Self {
        Self::TEXT
    }
}

impl ContentHeader {
    /// The header in a JSON text.
    fn parse(json: &[u8]) -> Result<Self, Malformed> {
        let wire: Wire = parse_json(json, &mut [0; MAX_TYPE + MAX_ENCODING]).ok_or(Malformed::Header)?;
        Ok(Self {
            byteorder: wire.byteorder,
            content_type: wire.content_type,
            content_encoding: wire.content_encoding,
            content_length: wire.content_length,
        })
    }
}

/// The value that is all of a JSON text. A string with escapes is refused when it does not fit `unescaped`.
pub(crate) fn parse_json<T: DeserializeOwned>(json: &[u8], unescaped: &mut [u8]) -> Option<T> {
    if !is_shallow(json) {
        return None;
    }
    match serde_json_core::from_slice_escaped(json, unescaped) {
        Ok((value, used)) if json.get(used..)?.iter().all(u8::is_ascii_whitespace) => Some(value),
        _ => None,
    }
}

/// Whether no place of a JSON text is nested deeper than [`MAX_DEPTH`].
fn is_shallow(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

impl Framing for JsonHeader {
    type State = JsonHeaderState;
    const PREFIX: usize = LENGTH + MAX_HEADER;
    const COUNTED: bool = true;

    fn step(&self, state: &mut JsonHeaderState, input: &[u8]) -> Result<Step, Malformed> {
        let Some(length) = input.first_chunk::<LENGTH>() else {
            return Ok(Step::Need(LENGTH));
        };
        let take = LENGTH + usize::from(u16::from_be_bytes(*length));
        let Some(json) = input.get(LENGTH..take) else {
            return Ok(Step::Need(take));
        };
        state.header = ContentHeader::parse(json)?;
        Ok(Step::Begin { take, len: state.header.content_length })
    }

    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::LengthRequired)?;
        let mut json = String::<MAX_HEADER>::new();
        write!(
            json,
            "{{\"byteorder\": \"{}\", \"content-type\": \"{}\", \"content-encoding\": \"{}\", \"content-length\": {len}}}",
            Self::BYTEORDER,
            self.content_type,
            self.content_encoding,
        )
        .map_err(|fmt::Error| EncodeError::TooLong { len, max: 0 })?;
        // At most `MAX_HEADER`, so it fits two bytes.
        let length = u16::try_from(json.len()).unwrap_or(u16::MAX);
        out.put(&length.to_be_bytes())?;
        out.put(json.as_bytes())
    }
}
