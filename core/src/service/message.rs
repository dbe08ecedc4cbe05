//! Requests with typed content.
//!
//! | request | answer |
//! |---|---|
//! | `text/json`, `{"action": "search", "value": KEY}` | `{"result": VALUE}`, where KEY is in the key-value store |
//! | | `{"result": "No match for 'KEY'."}`, where it is not |
//! | `text/json`, any other action | `{"result": "Error: invalid action 'ACTION'."}` |
//! | | `{"result": "Error: the value is too long for an answer."}`, where it has so much to escape |
//! | `text/json` that is not such an object: no JSON, no `action`, a search without a `value` | `{"result": "Error: invalid request."}` |
//! | any other content type | `First 10 bytes of request: ` and those bytes, as `binary/custom-server-binary-type` |

use core::fmt::{self, Write};

use heapless::String;
use serde::Deserialize;

use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::framing::json_header::parse_json;
use crate::framing::{ContentHeader, JsonHeader, JsonHeaderState};
use crate::store::Store;
use crate::time::Instant;

/// The service over the store `K`, for one connection. The searched key has at most `KEY` bytes; a longer one is not found.
#[derive(Clone, Debug)]
pub struct Message<K, const KEY: usize = 256> {
    store: K,
    content: Content,
    /// The first bytes of a binary request that comes in pieces.
    first: heapless::Vec<u8, FIRST>,
}

/// What the content of a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Content {
    /// JSON text.
    Json,
    /// JSON text in an encoding that is not UTF-8.
    Unreadable,
    /// Anything else.
    #[default]
    Binary,
}

/// The content of a JSON request.
#[derive(Deserialize)]
struct Request<const KEY: usize> {
    action: String<KEY>,
    value: Option<String<KEY>>,
}

/// The content type of JSON requests and answers.
const JSON: &str = "text/json";
/// What binary answers are.
const BINARY: JsonHeader = JsonHeader { content_type: "binary/custom-server-binary-type", content_encoding: "binary" };
/// What a binary answer starts with.
const BINARY_ANSWER: &[u8] = b"First 10 bytes of request: ";
/// How many bytes of a binary request come back.
const FIRST: usize = 10;
/// Bytes of a JSON answer beside the searched value, key or action.
const JSON_ANSWER: usize = 80;
/// Room for what JSON escapes in an answer: so many times the longest value.
const ESCAPED: usize = 2;

impl<K: Store, const KEY: usize> Message<K, KEY> {
    /// The service over `store`.
    pub const fn new(store: K) -> Self {
        Self { store, content: Content::Binary, first: heapless::Vec::new() }
    }

    /// A request with this content begins: for a law that is not [`JsonHeader`] itself, but reads with it.
    pub fn expect(&mut self, content: Content) {
        self.content = content;
    }

    /// Writes the answer to a JSON request.
    fn answer_json<S: Storage>(&self, content: &[u8], out: &mut Encoder<JsonHeader, S>) -> Result<(), Refusal> {
        *out.law_mut() = JsonHeader::TEXT;
        let request: Option<Request<KEY>> = match self.content {
            Content::Json => parse_json(content, &mut [0; KEY]),
            _ => None,
        };
        let Some(request) = request else {
            return self.answer(out, |json| json.write_str("Error: invalid request."));
        };
        if request.action != "search" {
            return self.answer(out, |json| write!(json, "Error: invalid action '{}'.", request.action));
        }
        // To search for nothing is not to find it.
        let Some(key) = request.value else {
            return self.answer(out, |json| json.write_str("Error: invalid request."));
        };
        let mut found = None;
        let read = self.store.get(&key, |value| found = Some(self.answer(out, |json| json.write_str(value))));
        match found {
            _ if read.is_err() => self.answer(out, |json| json.write_str("Error: the store failed.")),
            Some(answered) => answered,
            None => self.answer(out, |json| write!(json, "No match for '{key}'.")),
        }
    }

    /// The most bytes of a JSON answer.
    fn longest(&self) -> usize {
        self.store.max_value().max(KEY).saturating_mul(ESCAPED) + JSON_ANSWER
    }

    /// Writes `{"result": TEXT}`, with what `text` writes.
    fn answer<S: Storage>(
        &self,
        out: &mut Encoder<JsonHeader, S>,
        text: impl Fn(&mut Escaped<'_>) -> fmt::Result,
    ) -> Result<(), Refusal> {
        let mut json = Escaped { place: out.reserve(self.longest())?, written: 0 };
        if json.object(&text).is_err() {
            json.written = 0;
            // It is shorter than `JSON_ANSWER`.
            let _ =
                json.object(&|json: &mut Escaped<'_>| json.write_str("Error: the value is too long for an answer."));
        }
        let written = json.written;
        Ok(out.commit(written)?)
    }

    /// Writes the answer to a binary request that starts with `first`.
    fn answer_binary<S: Storage>(first: &[u8], out: &mut Encoder<JsonHeader, S>) -> Result<(), Refusal> {
        *out.law_mut() = BINARY;
        let first = first.get(..FIRST).unwrap_or(first);
        let answer = out.reserve(BINARY_ANSWER.len() + first.len())?;
        for (place, byte) in answer.iter_mut().zip(BINARY_ANSWER.iter().chain(first)) {
            *place = *byte;
        }
        Ok(out.commit(BINARY_ANSWER.len() + first.len())?)
    }
}

impl Content {
    /// What a header says.
    pub fn of(header: &ContentHeader) -> Self {
        if header.content_type != JSON {
            Self::Binary
        } else if ["utf-8", "utf8", "ascii", "us-ascii"]
            .iter()
            .any(|name| header.content_encoding.eq_ignore_ascii_case(name))
        {
            Self::Json
        } else {
            Self::Unreadable
        }
    }
}

/// Text that is written as the inside of a JSON string (RFC 8259 section 7).
struct Escaped<'a> {
    place: &'a mut [u8],
    /// `0 <= written <= place.len()`
    written: usize,
}

impl Escaped<'_> {
    fn object(&mut self, text: &impl Fn(&mut Self) -> fmt::Result) -> fmt::Result {
        self.verbatim(b"{\"result\": \"")?;
        text(self)?;
        self.verbatim(b"\"}")
    }

    fn verbatim(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.written + bytes.len();
        self.place.get_mut(self.written..end).ok_or(fmt::Error)?.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            match byte {
                b'"' | b'\\' => self.verbatim(&[b'\\', byte])?,
                b'\n' => self.verbatim(b"\\n")?,
                b'\r' => self.verbatim(b"\\r")?,
                b'\t' => self.verbatim(b"\\t")?,
                0x00..=0x1f => {
                    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                    self.verbatim(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)])?;
                }
                _ => self.verbatim(&[byte])?,
            }
        }
        Ok(())
    }
}

impl<K: Store, const KEY: usize> Service for Message<K, KEY> {
    type Framing = JsonHeader;

    fn intake(&self) -> Intake {
        Intake::Streamed { extra: self.longest() }
    }

    fn header(&mut self, state: &JsonHeaderState) {
        self.expect(Content::of(&state.header));
    }

    fn frame<S: Storage>(
        &mut self,
        payload: &[u8],
        _: Instant,
        out: &mut Encoder<JsonHeader, S>,
    ) -> Result<Flow, Refusal> {
        match self.content {
            Content::Binary => Self::answer_binary(payload, out)?,
            Content::Json | Content::Unreadable => self.answer_json(payload, out)?,
        }
        Ok(Flow::Continue)
    }

    fn begin<S: Storage>(&mut self, _: Option<u64>, _: &mut Encoder<JsonHeader, S>) -> Result<(), Refusal> {
        self.first.clear();
        match self.content {
            Content::Binary => Ok(()),
            Content::Json | Content::Unreadable => Err(Refusal::Unstreamable),
        }
    }

    fn chunk<S: Storage>(&mut self, payload: &[u8], _: &mut Encoder<JsonHeader, S>) -> Result<(), Refusal> {
        let missing = FIRST - self.first.len();
        // As many as are missing fit.
        let _ = self.first.extend_from_slice(payload.get(..missing).unwrap_or(payload));
        Ok(())
    }

    fn end<S: Storage>(&mut self, out: &mut Encoder<JsonHeader, S>) -> Result<Flow, Refusal> {
        Self::answer_binary(&self.first, out)?;
        Ok(Flow::Continue)
    }
}
