//! The words for what a segment carries.

use std::fmt::Write as _;

use super::journal::Known;
use crate::device::{Piece, Sight, TcpSegment};

/// How many parts of messages a line shows.
const PIECES: usize = 3;
/// How many bytes of a message a line shows.
const EXCERPT: usize = 24;

/// The flags that mean something, in words.
pub(super) fn flags(segment: &TcpSegment) -> String {
    let mut said = Vec::new();
    match (segment.syn, segment.acknowledges) {
        (true, None) => said.push("SYN: may I connect?"),
        (true, Some(_)) => said.push("SYN, ACK: you may"),
        _ => {}
    }
    if segment.fin {
        said.push("FIN: this side has no more to say");
    }
    if segment.rst {
        said.push("RST: the connection is broken off");
    }
    said.join(" · ")
}

/// The parts of messages that a segment carries for the first time.
pub(super) fn pieces(sight: &Sight<'_>, noun: &str) -> String {
    some_of(sight.pieces, |piece| describe(piece, &sight.payload[piece.bytes.clone()], noun))
}

/// The parts of messages that a segment carries again, or that were lost with it; nothing where it carries none.
pub(super) fn known(parts: &[Known], noun: &str) -> String {
    some_of(parts, |&Known { message, first, last, total }| match total {
        Some(total) if first == 1 && last == total => format!("{noun} {message}, whole"),
        Some(total) if first == last => format!("{noun} {message}, byte {first} of {total}"),
        Some(total) => format!("{noun} {message}, bytes {first} to {last} of {total}"),
        None if first == last => format!("{noun} {message}, byte {first}"),
        None => format!("{noun} {message}, bytes {first} to {last}"),
    })
}

/// The first ones and the last one.
fn some_of<T>(parts: &[T], describe: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        if index >= PIECES && !last {
            continue;
        }
        if index > PIECES {
            let _ = write!(text, " │ … {} more", index - PIECES);
        }
        if index > 0 {
            text.push_str(" │ ");
        }
        text.push_str(&describe(part));
    }
    text
}

fn describe(piece: &Piece, bytes: &[u8], noun: &str) -> String {
    let number = piece.message;
    let content = content(piece, bytes);
    let upto = piece.offset + bytes.len() as u64;
    let total = piece.total.map_or_else(|| "?".into(), |total| total.to_string());
    match (piece.offset, piece.ends) {
        (0, true) => format!("{noun} {number}, whole: {content} ({upto})"),
        (0, false) => format!("{noun} {number} begins: {content} ({upto} of {total})"),
        (_, false) => format!("{noun} {number} goes on: {content} ({upto} of {total})"),
        (_, true) => {
            format!("{noun} {number} ends: {content} ({upto} of {total}, in {} segments)", piece.segments)
        }
    }
}

/// The length as a number in brackets, the rest as text.
fn content(piece: &Piece, bytes: &[u8]) -> String {
    let (prefix, rest) = bytes.split_at(piece.prefix.min(bytes.len()));
    let length = match (prefix.len(), piece.length) {
        (0, _) => return excerpt(rest),
        (1, None) => return "a byte of its length".into(),
        (some, None) => return format!("{some} bytes of its length"),
        (_, Some(length)) if piece.offset == 0 => format!("[{length}]"),
        (_, Some(length)) => format!("the rest of its length: [{length}]"),
    };
    if rest.is_empty() { length } else { format!("{length} {}", excerpt(rest)) }
}

/// The first bytes: as text where they are UTF-8, as numbers where they are not. Nothing in it controls a terminal. Quotes stand as they
/// are, as JSON is read best; a backslash is two, because one tells that a byte is shown by its number or its name.
fn excerpt(bytes: &[u8]) -> String {
    let shown = if bytes.len() > EXCERPT { front(bytes) } else { bytes };
    let more = if bytes.len() > shown.len() { "…" } else { "" };
    let mut text = String::from("\"");
    for chunk in shown.utf8_chunks() {
        for (index, between) in chunk.valid().split('"').enumerate() {
            let quoted = format!("{between:?}");
            let escaped = &quoted[1..quoted.len() - 1];
            let _ = write!(text, "{}{escaped}", if index > 0 { "\"" } else { "" });
        }
        let _ = write!(text, "{}", chunk.invalid().escape_ascii());
    }
    text + more + "\""
}

/// As many bytes as are shown, and no half of a character.
fn front(bytes: &[u8]) -> &[u8] {
    let is_inside = |at: usize| bytes[at] & 0xC0 == 0x80;
    let at = (EXCERPT - 3..=EXCERPT).rev().find(|&at| !is_inside(at)).unwrap_or(EXCERPT);
    &bytes[..at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: u64, prefix: usize, length: Option<u64>, total: Option<u64>, ends: bool) -> Piece {
        Piece { message: 1, bytes: 0..0, offset, prefix, length, total, ends, segments: 3 }
    }

    #[test]
    fn a_length_is_a_number_in_brackets_also_when_it_is_cut() {
        let whole = piece(0, 4, Some(5), Some(9), true);
        assert_eq!(describe(&whole, b"\0\0\0\x05hello", "message"), "message 1, whole: [5] \"hello\" (9)");
        let empty = piece(0, 4, Some(0), Some(4), true);
        assert_eq!(describe(&empty, b"\0\0\0\0", "answer"), "answer 1, whole: [0] (4)");
        let begins = piece(0, 3, None, None, false);
        assert_eq!(describe(&begins, b"\0\0\0", "message"), "message 1 begins: 3 bytes of its length (3 of ?)");
        let goes_on = piece(3, 1, Some(5), Some(9), false);
        let words = "message 1 goes on: the rest of its length: [5] \"he\" (6 of 9)";
        assert_eq!(describe(&goes_on, b"\x05he", "message"), words);
    }

    #[test]
    fn text_is_text_and_a_character_that_a_segment_cuts_is_bytes() {
        assert_eq!(excerpt("Grüße, '丁' 😀".as_bytes()), r#""Grüße, '丁' 😀""#);
        assert_eq!(excerpt(br#"{"action":"search"}"#), r#""{"action":"search"}""#);
        assert_eq!(excerpt(b"\"\"\r\n\\n"), r#""""\r\n\\n""#);
        let smile = "ab😀".as_bytes();
        assert_eq!(excerpt(&smile[..4]), r#""ab\xf0\x9f""#);
        assert_eq!(excerpt(&smile[4..]), r#""\x98\x80""#);
        assert_eq!(excerpt("1234567890123456789012😀😀".as_bytes()), "\"1234567890123456789012…\"");
        assert_eq!(excerpt(&[0xBF; 30]), format!("\"{}…\"", r"\xbf".repeat(24)));
    }

    #[test]
    fn nothing_in_a_message_controls_the_terminal() {
        let text = excerpt("\u{1b}[2J\r\u{9b}\u{202e}".as_bytes());
        assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text}");
    }

    #[test]
    fn what_is_sent_again_is_named() {
        let part = |message, first, last, total| Known { message, first, last, total };
        let parts = [part(3, 8, 14, Some(14)), part(4, 1, 5, Some(5)), part(5, 1, 1, None)];
        assert_eq!(known(&parts, "message"), "message 3, bytes 8 to 14 of 14 │ message 4, whole │ message 5, byte 1");
        assert_eq!(known(&[], "message"), "");
    }
}
