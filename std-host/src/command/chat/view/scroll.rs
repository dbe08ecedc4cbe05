//! Which part of the conversation is seen.
//!
//! The place is held by the line that is seen last, not by a number of rows: so it stays where it is when lines are added
//! below, when history is fitted in above, and when the terminal gets another width.

use super::View;
use crate::command::chat::palette::Tone;
use crate::command::chat::wrap::{Piece, wrap};

/// What is seen at the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scroll {
    /// The newest line, whichever it is.
    Newest,
    /// This row of this line.
    At { id: u64, row: usize },
}

/// A row: that of a line, both counted from 0.
type Place = (usize, usize);

impl View {
    /// The rows that are seen, from the top; as many as there are, up to the height of the history.
    pub(super) fn seen(&self) -> Vec<Vec<Piece<Tone>>> {
        let height = self.layout().history.height.into();
        let mut rows = Vec::new();
        let Some((bottom, last)) = self.bottom() else { return rows };
        for line in (0..=bottom).rev() {
            let mut of_line = self.rows(line);
            if line == bottom {
                of_line.truncate(last + 1);
            }
            rows.extend(of_line.into_iter().rev());
            if rows.len() >= height {
                break;
            }
        }
        rows.truncate(height);
        rows.reverse();
        rows
    }

    /// How many lines there are below what is seen.
    pub(super) fn below(&self) -> usize {
        let newest = self.conversation.transcript().len();
        match self.scroll {
            Scroll::Newest => 0,
            Scroll::At { .. } => self.bottom().map_or(0, |(line, _)| newest - 1 - line),
        }
    }

    /// Rows by which a page key scrolls: one of the old page stays.
    pub(super) fn page(&self) -> usize {
        usize::from(self.layout().history.height).saturating_sub(1).max(1)
    }

    pub(super) fn scroll_up(&mut self, rows: usize) {
        let Some(mut place) = self.bottom() else { return };
        for _ in 0..rows {
            match self.above(place) {
                Some(above) => place = above,
                None => break,
            }
        }
        // The oldest page is a full one.
        let (mut top, mut seen) = (place, 1);
        while seen < usize::from(self.layout().history.height) {
            match self.above(top) {
                Some(above) => (top, seen) = (above, seen + 1),
                None => match self.under(place) {
                    Some(under) => (place, seen) = (under, seen + 1),
                    None => break,
                },
            }
        }
        self.see(place);
    }

    pub(super) fn scroll_down(&mut self, rows: usize) {
        let Some(mut place) = self.bottom() else { return };
        for _ in 0..rows {
            match self.under(place) {
                Some(under) => place = under,
                None => break,
            }
        }
        self.see(place);
    }

    fn see(&mut self, place: Place) {
        self.scroll = match self.conversation.transcript().at(place.0) {
            Some(line) if self.under(place).is_some() => Scroll::At { id: line.id, row: place.1 },
            _ => Scroll::Newest,
        };
    }

    /// The row at the bottom; none where there are no lines.
    fn bottom(&self) -> Option<Place> {
        let transcript = self.conversation.transcript();
        let newest = transcript.len().checked_sub(1)?;
        Some(match self.scroll {
            Scroll::Newest => (newest, self.last_row(newest)),
            // A line that gave way was older than all that are left.
            Scroll::At { id, row } => match transcript.find(id) {
                Some(line) => (line, row.min(self.last_row(line))),
                None => (0, 0),
            },
        })
    }

    fn above(&self, (line, row): Place) -> Option<Place> {
        match row.checked_sub(1) {
            Some(row) => Some((line, row)),
            None => line.checked_sub(1).map(|line| (line, self.last_row(line))),
        }
    }

    fn under(&self, (line, row): Place) -> Option<Place> {
        if row < self.last_row(line) {
            return Some((line, row + 1));
        }
        (line + 1 < self.conversation.transcript().len()).then_some((line + 1, 0))
    }

    fn last_row(&self, line: usize) -> usize {
        self.rows(line).len().saturating_sub(1)
    }

    fn rows(&self, line: usize) -> Vec<Vec<Piece<Tone>>> {
        let columns = self.layout().history.width.into();
        let line = self.conversation.transcript().at(line);
        line.map_or_else(Vec::new, |line| wrap(&line.pieces(), columns, line.indent()))
    }
}
