//! The line that is being written.
//!
//! The keys are those of shells. Characters are grapheme clusters: one press of Backspace takes a flag or a family whole.

use std::mem;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::wrap::width;
use crate::command::terminal::clean;

/// A line of text with a cursor in it, and the lines before.
#[derive(Clone, Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// In bytes, between two clusters.
    cursor: usize,
    /// What was sent, oldest first.
    past: Vec<String>,
    place: Place,
}

/// Which line is shown.
#[derive(Clone, Debug, Default)]
enum Place {
    /// The new one.
    #[default]
    Now,
    /// One of the past; the new one is kept meanwhile.
    Past { at: usize, unfinished: String },
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// It belongs to somebody else.
    Unknown,
    /// It was taken.
    Taken,
    /// Enter.
    Submitted,
}

impl Editor {
    /// A key was pressed.
    pub(super) fn press(&mut self, key: KeyEvent) -> Edited {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match (key.code, control, alt) {
            (KeyCode::Enter, ..) => return Edited::Submitted,
            (KeyCode::Left, true, _) | (KeyCode::Left | KeyCode::Char('b'), _, true) => {
                self.cursor = self.word_before();
            }
            (KeyCode::Right, true, _) | (KeyCode::Right | KeyCode::Char('f'), _, true) => {
                self.cursor = self.word_behind();
            }
            (KeyCode::Left, ..) | (KeyCode::Char('b'), true, _) => self.cursor = self.before(),
            (KeyCode::Right, ..) | (KeyCode::Char('f'), true, _) => self.cursor = self.behind(),
            (KeyCode::Home, false, _) | (KeyCode::Char('a'), true, _) => self.cursor = 0,
            (KeyCode::End, false, _) | (KeyCode::Char('e'), true, _) => self.cursor = self.text.len(),
            (KeyCode::Up, ..) | (KeyCode::Char('p'), true, _) => self.go_back(),
            (KeyCode::Down, ..) | (KeyCode::Char('n'), true, _) => self.go_forward(),
            (KeyCode::Backspace, _, true) | (KeyCode::Char('w'), true, _) => {
                self.delete(self.word_before(), self.cursor);
            }
            (KeyCode::Char('d'), _, true) => self.delete(self.cursor, self.word_behind()),
            (KeyCode::Backspace, ..) | (KeyCode::Char('h'), true, _) => self.delete(self.before(), self.cursor),
            (KeyCode::Delete, ..) | (KeyCode::Char('d'), true, _) => self.delete(self.cursor, self.behind()),
            (KeyCode::Char('u'), true, _) => self.delete(0, self.cursor),
            (KeyCode::Char('k'), true, _) => self.delete(self.cursor, self.text.len()),
            (KeyCode::Char(c), false, false) => self.insert(c.encode_utf8(&mut [0; 4])),
            _ => return Edited::Unknown,
        }
        Edited::Taken
    }

    /// Inserts text where the cursor is. Line breaks, as pasted text may have them, become spaces.
    pub(super) fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", " ").replace(['\r', '\n'], " ");
        let text = clean(&text);
        let room = LONGEST.saturating_sub(self.text.len());
        let fits = text.floor_char_boundary(room.min(text.len()));
        self.text.insert_str(self.cursor, &text[..fits]);
        self.cursor += fits;
        // What was inserted may have joined with what stands behind.
        self.cursor = self.boundary_at_or_behind(self.cursor);
    }

    /// Completes the word before the cursor to one of `names`; at the start of the line, as somebody to be spoken to. Whether
    /// there was exactly one.
    pub(super) fn complete<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> bool {
        let start = self.text[..self.cursor].rfind(' ').map_or(0, |space| space + 1);
        let word = self.text[start..self.cursor].to_lowercase();
        let mut fitting = names.filter(|name| !word.is_empty() && name.to_lowercase().starts_with(&word));
        let (Some(name), None) = (fitting.next(), fitting.next()) else {
            return false;
        };
        self.delete(start, self.cursor);
        self.insert(name);
        self.insert(if start == 0 { ": " } else { " " });
        true
    }

    /// Takes the line away, and keeps it among those of the past.
    pub(super) fn take(&mut self) -> String {
        let line = mem::take(&mut self.text);
        self.cursor = 0;
        self.place = Place::Now;
        if !line.trim().is_empty() && self.past.last() != Some(&line) {
            self.past.push(line.clone());
            let surplus = self.past.len().saturating_sub(REMEMBERED);
            self.past.drain(..surplus);
        }
        line
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The part of the line to be shown in `columns`, with the cursor in it, and the column of the cursor: `< columns`.
    pub(super) fn window(&self, columns: usize) -> (&str, usize) {
        let (before, behind) = self.text.split_at(self.cursor);
        // The cursor itself takes one column.
        let room = columns.saturating_sub(1);
        let mut start = before.len();
        let mut column = 0;
        for (at, cluster) in before.grapheme_indices(true).rev() {
            let taken = column + width(cluster);
            if taken > room {
                break;
            }
            (start, column) = (at, taken);
        }
        let mut shown = column;
        let mut end = self.cursor;
        for (at, cluster) in behind.grapheme_indices(true) {
            shown += width(cluster);
            if shown > columns {
                break;
            }
            end = self.cursor + at + cluster.len();
        }
        (&self.text[start..end], column)
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = self.boundary_at_or_behind(from);
    }

    fn go_back(&mut self) {
        let at = match self.place {
            Place::Now => self.past.len(),
            Place::Past { at, .. } => at,
        };
        let Some(at) = at.checked_sub(1) else { return };
        let shown = mem::replace(&mut self.text, self.past[at].clone());
        self.place = match mem::take(&mut self.place) {
            Place::Now => Place::Past { at, unfinished: shown },
            Place::Past { unfinished, .. } => Place::Past { at, unfinished },
        };
        self.cursor = self.text.len();
    }

    fn go_forward(&mut self) {
        let Place::Past { at, unfinished } = mem::take(&mut self.place) else { return };
        match self.past.get(at + 1) {
            Some(line) => {
                self.text.clone_from(line);
                self.place = Place::Past { at: at + 1, unfinished };
            }
            None => self.text = unfinished,
        }
        self.cursor = self.text.len();
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn behind(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |cluster| self.cursor + cluster.len())
    }

    fn word_before(&self) -> usize {
        let word = self.text[..self.cursor].trim_end();
        word.rfind(char::is_whitespace).map_or(0, |space| self.behind_char(space))
    }

    fn word_behind(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let word = rest.trim_start();
        let start = self.cursor + rest.len() - word.len();
        word.find(char::is_whitespace).map_or(self.text.len(), |space| start + space)
    }

    fn behind_char(&self, at: usize) -> usize {
        at + self.text[at..].chars().next().map_or(0, char::len_utf8)
    }

    fn boundary_at_or_behind(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        match cursor.is_boundary(&self.text, 0) {
            Ok(true) => at,
            _ => cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len()),
        }
    }
}

/// Bytes of a line at most: longer than rooms take, and short enough for the buffer of the connection.
const LONGEST: usize = 4_000;

/// Lines of the past that are kept.
const REMEMBERED: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut Editor, keys: &str) {
        for key in keys.split(' ') {
            let (modifiers, key) = match key.split_once('-') {
                Some(("C", key)) => (KeyModifiers::CONTROL, key),
                Some(("M", key)) => (KeyModifiers::ALT, key),
                _ => (KeyModifiers::NONE, key),
            };
            let code = match key {
                "Left" => KeyCode::Left,
                "Right" => KeyCode::Right,
                "Home" => KeyCode::Home,
                "End" => KeyCode::End,
                "Up" => KeyCode::Up,
                "Down" => KeyCode::Down,
                "Back" => KeyCode::Backspace,
                "Del" => KeyCode::Delete,
                "Space" => KeyCode::Char(' '),
                key => KeyCode::Char(key.chars().next().unwrap()),
            };
            assert_eq!(editor.press(KeyEvent::new(code, modifiers)), Edited::Taken, "{key}");
        }
    }

    fn line(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(text);
        editor
    }

    /// The text, with `|` for the cursor.
    fn shown(editor: &Editor) -> String {
        let (before, behind) = editor.text.split_at(editor.cursor);
        format!("{before}|{behind}")
    }

    #[test]
    fn keys_move_and_delete_as_in_a_shell() {
        for (start, keys, end) in [
            ("ab", "Left x", "ax|b"),
            ("ab", "Home x End y", "xaby|"),
            ("ab", "C-a C-f C-k", "a|"),
            ("ab cd ef", "C-w", "ab cd |"),
            ("ab cd  ", "C-w", "ab |"),
            ("ab cd", "C-Left C-u", "|cd"),
            ("ab cd", "M-b M-b M-f x", "abx| cd"),
            ("ab cd", "Home M-d", "| cd"),
            ("ab", "Back Back Back", "|"),
            ("ab", "Left Left Del", "|b"),
            ("ab", "Del Right", "ab|"),
            ("ab", "C-b C-d", "a|"),
            ("ab", "Left C-h", "|b"),
            ("", "Left Right C-w C-u C-k Back Del", "|"),
        ] {
            let mut editor = line(start);
            press(&mut editor, keys);
            assert_eq!(shown(&editor), end, "{start} {keys}");
        }
    }

    #[test]
    fn what_looks_like_one_character_is_one() {
        for (start, keys, end) in [
            ("a👩‍🚀", "Back", "a|"),
            ("👩‍🚀漢e\u{301}", "Left Left", "👩‍🚀|漢e\u{301}"),
            ("🇩🇪🇫🇷", "Left Del", "🇩🇪|"),
            ("xe\u{301}", "Home Del Del", "|"),
        ] {
            let mut editor = line(start);
            press(&mut editor, keys);
            assert_eq!(shown(&editor), end, "{start} {keys}");
        }
        // A letter that joins with the accent behind it.
        let mut editor = line("\u{301}x");
        press(&mut editor, "Home e");
        assert_eq!(shown(&editor), "e\u{301}|x");
    }

    #[test]
    fn earlier_lines_come_back_and_the_unfinished_one_is_kept() {
        let mut editor = Editor::default();
        for text in ["one", "two", "two", "  "] {
            editor.insert(text);
            editor.take();
        }
        editor.insert("unfinished");
        press(&mut editor, "Up");
        assert_eq!(shown(&editor), "two|");
        press(&mut editor, "Up Up");
        assert_eq!(shown(&editor), "one|");
        press(&mut editor, "Down Down Down");
        assert_eq!(shown(&editor), "unfinished|");
        press(&mut editor, "Up");
        assert_eq!(editor.take(), "two");
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn pasted_text_is_one_clean_line() {
        assert_eq!(line("one\r\ntwo\nthree\u{1b}[31m\t").text(), "one two three?[31m ");
        let long = line(&"é".repeat(LONGEST));
        assert_eq!(long.text().len(), LONGEST);
    }

    #[test]
    fn names_are_completed_where_only_one_fits() {
        let names = ["Bob", "Bert", "ann lee"];
        for (start, end) in
            [("bo", "Bob: |"), ("hi a", "hi ann lee |"), ("b", "b|"), ("x", "x|"), ("", "|"), ("hi ", "hi |")]
        {
            let mut editor = line(start);
            editor.complete(names.into_iter());
            assert_eq!(shown(&editor), end);
        }
    }

    #[test]
    fn the_cursor_is_always_in_the_window() {
        let mut editor = line("ab漢字👩‍🚀cd");
        for _ in 0..10 {
            for columns in 1..12 {
                let (text, column) = editor.window(columns);
                assert!(column < columns && width(text) <= columns, "{columns}: {text:?} {column}");
            }
            press(&mut editor, "Left");
        }
        assert_eq!(line("abcdef").window(4), ("def", 3));
        assert_eq!(line("ab").window(4), ("ab", 2));
        let mut editor = line("abcdef");
        press(&mut editor, "Home");
        assert_eq!(editor.window(4), ("abcd", 0));
    }
}
