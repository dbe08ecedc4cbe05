//! What is shown of the conversation, and how the room's history is fitted into it.

use std::collections::VecDeque;

use super::heard::Stamp;
use super::palette::Tone;
use super::wrap::Piece;

/// The lines of the conversation, oldest first. The oldest give way when there are too many.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript {
    entries: VecDeque<Entry>,
    last_id: u64,
}

/// One line of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Never used twice; its place may change when history is fitted in before it.
    pub(super) id: u64,
    stamp: Option<Stamp>,
    what: What,
}

/// What a line of the conversation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A message to all.
    Said { name: String, text: String, by: Author },
    /// A message that was asked for again.
    Repeated { name: String, text: String },
    /// A message to us alone.
    Whispered { name: String, text: String },
    /// A message of ours to somebody alone.
    Told { name: String, text: String },
    /// Something that happened.
    News(String),
    /// Something that the room, or this program, answers.
    Notice(String),
    /// Something that was refused.
    Refused(String),
    /// The connection was made.
    Arrived(String),
    /// The connection was lost.
    Lost(String),
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Other,
    /// We did, as the room repeats.
    Own,
    /// We did, and whether the room heard it is not known: it sends no copy. The stamp is by our clock.
    OwnUnheard,
}

/// A message as the room's history repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) stamp: Stamp,
    pub(super) name: String,
    pub(super) text: String,
}

impl Transcript {
    /// Appends a line.
    pub(super) fn push(&mut self, stamp: Option<Stamp>, what: What) {
        let entry = self.entry(stamp, what);
        self.entries.push_back(entry);
        self.trim();
    }

    /// Fits `history`, the room's last messages in order, into what is here: a message that was shown before is not shown
    /// again; the others come to where they were said, those of the time without a connection to just before it was made again.
    pub(super) fn merge(&mut self, history: &[Remembered], own_name: &str) {
        let start = self.entries.len().saturating_sub(COMPARED);
        let known: Vec<_> = (start..self.entries.len()).filter(|&at| self.entries[at].is_message()).collect();
        let pairs = align(known.len(), history.len(), |k, h| self.entries[known[k]].is(&history[h]));
        // From behind, so that places before stay as they are.
        let (mut upper, mut new_until) = (self.entries.len(), history.len());
        for &(k, h) in pairs.iter().rev() {
            self.insert(known[k] + 1, upper, &history[h + 1..new_until], own_name);
            let entry = &mut self.entries[known[k]];
            entry.stamp = Some(history[h].stamp);
            if let What::Said { by: by @ Author::OwnUnheard, .. } = &mut entry.what {
                *by = Author::Own;
            }
            (upper, new_until) = (known[k], h);
        }
        self.insert(start, upper, &history[..new_until], own_name);
        self.trim();
    }

    /// Inserts messages somewhere in `lower..=upper`.
    fn insert(&mut self, lower: usize, upper: usize, messages: &[Remembered], own_name: &str) {
        let arrived = (lower..upper).rev().find(|&at| matches!(self.entries[at].what, What::Arrived(_)));
        let place = arrived.unwrap_or(upper);
        for (n, Remembered { stamp, name, text }) in messages.iter().enumerate() {
            let by = if name == own_name { Author::Own } else { Author::Other };
            let what = What::Said { name: name.clone(), text: text.clone(), by };
            let entry = self.entry(Some(*stamp), what);
            self.entries.insert(place + n, entry);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The line at `index`, from the oldest.
    pub(super) fn at(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Where the line `id` is now.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.id == id)
    }

    fn entry(&mut self, stamp: Option<Stamp>, what: What) -> Entry {
        self.last_id += 1;
        Entry { id: self.last_id, stamp, what }
    }

    fn trim(&mut self) {
        let surplus = self.entries.len().saturating_sub(KEPT);
        self.entries.drain(..surplus);
    }
}

impl Entry {
    /// The text, in its tones.
    pub(super) fn pieces(&self) -> Vec<Piece<Tone>> {
        let stamp = self.stamp.map(|stamp| Piece::new(Tone::Quiet, format!("{stamp} ")));
        let speech = |tone, name: String, text: &str| {
            let text_tone = if tone == Tone::Quiet { tone } else { Tone::Plain };
            vec![Piece::new(tone, name), Piece::new(text_tone, text)]
        };
        let pieces = match &self.what {
            What::Said { name, text, by: Author::Other } => speech(Tone::of_name(name), format!("{name}: "), text),
            What::Said { name, text, .. } => speech(Tone::Own, format!("{name}: "), text),
            What::Repeated { name, text } => speech(Tone::Quiet, format!("{name}: "), text),
            What::Whispered { name, text } => speech(Tone::Private, format!("{name} (private): "), text),
            What::Told { name, text } => speech(Tone::Private, format!("to {name} (private): "), text),
            What::News(text) => vec![Piece::new(Tone::Quiet, format!("* {text}"))],
            What::Notice(text) => vec![Piece::new(Tone::Notice, format!("* {text}"))],
            What::Refused(text) => vec![Piece::new(Tone::Refused, format!("! {text}"))],
            What::Arrived(text) | What::Lost(text) => vec![Piece::new(Tone::Mark, format!("── {text} ──"))],
        };
        stamp.into_iter().chain(pieces).collect()
    }

    /// Columns by which later rows are indented.
    pub(super) fn indent(&self) -> usize {
        if self.stamp.is_some() { STAMP } else { 2 }
    }

    fn is_message(&self) -> bool {
        matches!(self.what, What::Said { .. })
    }

    fn is(&self, message: &Remembered) -> bool {
        match &self.what {
            What::Said { name, text, by } => {
                *name == message.name
                    && *text == message.text
                    && (*by == Author::OwnUnheard || self.stamp == Some(message.stamp))
            }
            _ => false,
        }
    }
}

/// The longest series of pairs `(a, b)`, increasing in both, of things that are the same.
fn align(a_len: usize, b_len: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    // `longest[a][b]`: of those from `a` and `b` on.
    let mut longest = vec![vec![0_u32; b_len + 1]; a_len + 1];
    for a in (0..a_len).rev() {
        for b in (0..b_len).rev() {
            longest[a][b] =
                if same(a, b) { longest[a + 1][b + 1] + 1 } else { longest[a + 1][b].max(longest[a][b + 1]) };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut pairs = Vec::new();
    while a < a_len && b < b_len {
        if same(a, b) {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if longest[a + 1][b] >= longest[a][b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

/// Columns of `HH:MM:SS `.
const STAMP: usize = 9;

/// Lines that are kept to scroll back to.
const KEPT: usize = 5_000;

/// Lines, the newest ones, among which a message of the history is looked for.
const COMPARED: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(second: u8) -> Stamp {
        Stamp { hour: 10, minute: 0, second }
    }

    fn remembered(lines: &[(u8, &str, &str)]) -> Vec<Remembered> {
        let own = |&(second, name, text): &(u8, &str, &str)| Remembered {
            stamp: stamp(second),
            name: name.to_owned(),
            text: text.to_owned(),
        };
        lines.iter().map(own).collect()
    }

    fn said(name: &str, text: &str, by: Author) -> What {
        What::Said { name: name.to_owned(), text: text.to_owned(), by }
    }

    fn shown(transcript: &Transcript) -> Vec<String> {
        let text = |entry: &Entry| entry.pieces().iter().map(|piece| piece.text.as_str()).collect();
        transcript.entries.iter().map(text).collect()
    }

    #[test]
    fn a_newcomer_sees_the_history_before_its_arrival() {
        let mut transcript = Transcript::default();
        transcript.push(None, What::Arrived("here".into()));
        transcript.merge(&remembered(&[(3, "bob", "c"), (4, "bob", "d")]), "ann");
        transcript.push(Some(stamp(9)), said("bob", "e", Author::Other));
        // The longer history that was asked for overlaps.
        let all = [(1, "bob", "a"), (2, "ann", "b"), (3, "bob", "c"), (4, "bob", "d"), (9, "bob", "e")];
        transcript.merge(&remembered(&all), "ann");
        let expected = [
            "10:00:01 bob: a",
            "10:00:02 ann: b",
            "10:00:03 bob: c",
            "10:00:04 bob: d",
            "── here ──",
            "10:00:09 bob: e",
        ];
        assert_eq!(shown(&transcript), expected);
        transcript.merge(&remembered(&all), "ann");
        assert_eq!(shown(&transcript), expected, "nothing is shown twice");
    }

    #[test]
    fn what_was_missed_is_fitted_in_and_nothing_is_shown_twice() {
        let mut transcript = Transcript::default();
        transcript.push(None, What::Arrived("here".into()));
        transcript.push(Some(stamp(1)), said("bob", "a", Author::Other));
        transcript.push(Some(stamp(2)), said("ann", "mine", Author::OwnUnheard));
        transcript.push(Some(stamp(3)), said("ann", "never heard", Author::OwnUnheard));
        transcript.push(None, What::Lost("lost".into()));
        transcript.push(None, What::Arrived("again".into()));
        // The room's own short history first, which does not reach back; then the one that was asked for.
        transcript.merge(&remembered(&[(8, "eve", "y"), (9, "eve", "z")]), "ann");
        let all = [(1, "bob", "a"), (4, "ann", "mine"), (7, "eve", "x"), (8, "eve", "y"), (9, "eve", "z")];
        transcript.merge(&remembered(&all), "ann");
        assert_eq!(
            shown(&transcript),
            [
                "── here ──",
                "10:00:01 bob: a",
                "10:00:04 ann: mine",
                "10:00:03 ann: never heard",
                "── lost ──",
                "10:00:07 eve: x",
                "10:00:08 eve: y",
                "10:00:09 eve: z",
                "── again ──",
            ]
        );
    }

    #[test]
    fn equal_messages_are_told_apart_by_their_number() {
        let mut transcript = Transcript::default();
        for _ in 0..2 {
            transcript.push(Some(stamp(1)), said("bob", "ok", Author::Other));
        }
        transcript.merge(&remembered(&[(1, "bob", "ok"); 3]), "ann");
        assert_eq!(shown(&transcript), ["10:00:01 bob: ok"; 3]);
    }

    #[test]
    fn a_room_that_forgot_takes_nothing_away() {
        let mut transcript = Transcript::default();
        transcript.push(Some(stamp(1)), said("bob", "a", Author::Other));
        transcript.merge(&[], "ann");
        transcript.merge(&remembered(&[(2, "eve", "b")]), "ann");
        assert_eq!(shown(&transcript), ["10:00:01 bob: a", "10:00:02 eve: b"]);
    }

    #[test]
    fn the_oldest_lines_give_way() {
        let mut transcript = Transcript::default();
        for i in 0..KEPT + 10 {
            transcript.push(None, What::Notice(i.to_string()));
        }
        assert_eq!(transcript.len(), KEPT);
        assert_eq!(shown(&transcript)[0], "* 10");
        assert_eq!(transcript.find(11), Some(0));
        assert_eq!(transcript.find(1), None);
    }
}
