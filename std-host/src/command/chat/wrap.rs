//! How wide text is in a terminal, and breaking it into rows.
//!
//! Everything is counted in columns and cut between grapheme clusters, never inside one: `e` with an accent of its own, a
//! family of four joined by joiners, and a flag made of two letters are one each.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A run of text in one tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<T> {
    pub(super) tone: T,
    pub(super) text: String,
}

impl<T> Piece<T> {
    pub(super) fn new(tone: T, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    // The sum over clusters, as it is drawn; the width of the whole may be less, where clusters join to ligatures.
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// As much of the start of `text` as fits into `columns`; where something is missing, it ends in `…`.
pub(super) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = text.graphemes(true).take_while(|cluster| {
        let left = room.checked_sub(cluster.width());
        room = left.unwrap_or(0);
        left.is_some()
    });
    let mut short: String = fits.collect();
    short.extend((columns > 0).then_some('…'));
    short
}

/// Breaks a line into rows of at most `columns`, between words where there are any. All rows but the first are indented by
/// `indent` columns, unless that would leave little room.
pub(super) fn wrap<T: Copy + PartialEq>(line: &[Piece<T>], columns: usize, indent: usize) -> Vec<Vec<Piece<T>>> {
    let columns = columns.max(1);
    let indent = if columns >= indent + LEAST_ROOM { indent } else { 0 };
    let clusters: Vec<_> = line
        .iter()
        .flat_map(|piece| piece.text.graphemes(true).map(|text| (piece.tone, text)))
        .map(|(tone, text)| Cluster { tone, text, width: text.width().min(columns) })
        .collect();
    let mut rows = Vec::new();
    let mut rest = &clusters[..];
    let mut room = columns;
    loop {
        let cut = cut(rest, room, columns - indent);
        let (row, behind) = rest.split_at(cut);
        rows.push(join(row, columns - room));
        // The space at which a row is broken is seen as the break.
        rest = match behind {
            [first, behind @ ..] if first.is_space() => behind,
            _ => behind,
        };
        if rest.is_empty() {
            return rows;
        }
        room = columns - indent;
    }
}

/// How many clusters make the next row of `room` columns, if the row after it has `next_room`.
fn cut<T>(clusters: &[Cluster<'_, T>], room: usize, next_room: usize) -> usize {
    let mut taken = 0;
    let too_many = clusters.iter().position(|cluster| {
        taken += cluster.width;
        taken > room
    });
    let Some(fit) = too_many else {
        return clusters.len();
    };
    if clusters[fit].is_space() {
        return fit;
    }
    let word = clusters[..fit].iter().rposition(Cluster::may_break).map_or(0, |last| last + 1);
    let len = clusters[word..].iter().take_while(|cluster| !cluster.may_break()).map(|cluster| cluster.width).sum();
    let moved_whole = word > 0 && (0..=next_room).contains::<usize>(&len);
    if moved_whole { word } else { fit.max(1) }
}

#[derive(Clone, Copy)]
struct Cluster<'t, T> {
    tone: T,
    text: &'t str,
    width: usize,
}

impl<T> Cluster<'_, T> {
    fn is_space(&self) -> bool {
        self.text == " "
    }

    /// Whether a row may end behind it. Most wide characters are of scripts that put no spaces between words.
    fn may_break(&self) -> bool {
        self.is_space() || self.width > 1
    }
}

fn join<T: Copy + PartialEq>(row: &[Cluster<'_, T>], indent: usize) -> Vec<Piece<T>> {
    let mut pieces: Vec<Piece<T>> = Vec::new();
    if let Some(first) = row.first()
        && indent > 0
    {
        pieces.push(Piece::new(first.tone, " ".repeat(indent)));
    }
    for cluster in row {
        match pieces.last_mut() {
            Some(last) if last.tone == cluster.tone => last.text.push_str(cluster.text),
            _ => pieces.push(Piece::new(cluster.tone, cluster.text)),
        }
    }
    pieces
}

/// Columns that must be left beside an indent.
const LEAST_ROOM: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<String> {
        let rows = wrap(&[Piece::new((), text)], columns, indent);
        rows.into_iter().map(|row| row.into_iter().map(|piece| piece.text).collect()).collect()
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrapped("the quick brown fox", 10, 0), ["the quick ", "brown fox"]);
        assert_eq!(wrapped("the quick, brown fox", 9, 0), ["the ", "quick, ", "brown fox"]);
        assert_eq!(wrapped("the quick", 5, 0), ["the ", "quick"]);
        assert_eq!(wrapped("quick fox", 5, 0), ["quick", "fox"]);
        assert_eq!(wrapped("abcdefghij", 4, 0), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("a abcdefghij", 4, 0), ["a ab", "cdef", "ghij"]);
        assert_eq!(wrapped("", 4, 0), [""]);
        assert_eq!(wrapped("quick ", 5, 0), ["quick"]);
    }

    #[test]
    fn later_rows_are_indented_where_there_is_room() {
        assert_eq!(wrapped("10:20 the quick brown fox", 22, 6), ["10:20 the quick brown ", "      fox"]);
        assert_eq!(wrapped("10:20 the quick", 12, 6), ["10:20 the ", "quick"]);
    }

    #[test]
    fn wide_and_joined_characters_are_counted_and_not_cut() {
        assert_eq!(wrapped("漢字仮名", 5, 0), ["漢字", "仮名"]);
        assert_eq!(wrapped("x漢字仮名", 4, 0), ["x漢", "字仮", "名"]);
        assert_eq!(wrapped("👩‍🚀👩‍🚀👩‍🚀", 4, 0), ["👩‍🚀👩‍🚀", "👩‍🚀"]);
        assert_eq!(wrapped("e\u{301}e\u{301}e\u{301}", 2, 0), ["e\u{301}e\u{301}", "e\u{301}"]);
        assert_eq!(wrapped("漢", 1, 0), ["漢"]);
        assert_eq!((width("👩‍🚀"), width("e\u{301}"), width("漢a"), width("🇩🇪")), (2, 1, 3, 2));
    }

    #[test]
    fn no_row_is_too_wide_and_no_letter_is_lost() {
        let text = "a 漢字 quick e\u{301}te\u{301} 👩‍🚀  double  spaces anditsverylongword 🇩🇪🇩🇪 end";
        let letters = |text: &str| text.replace(' ', "");
        for columns in 2..70_usize {
            for indent in [0, 9] {
                let rows = wrapped(text, columns, indent);
                assert!(rows.iter().all(|row| width(row) <= columns), "{columns} {indent} {rows:?}");
                assert_eq!(letters(&rows.concat()), letters(text), "{columns} {indent}");
            }
        }
    }

    #[test]
    fn tones_stay_with_their_text() {
        let line = [Piece::new(1, "ab"), Piece::new(2, " cd")];
        assert_eq!(wrap(&line, 4, 0), [vec![Piece::new(1, "ab"), Piece::new(2, " ")], vec![Piece::new(2, "cd")]]);
    }

    #[test]
    fn what_is_shortened_says_so() {
        assert_eq!(shorten("hello", 5), "hello");
        assert_eq!(shorten("hello", 4), "hel…");
        assert_eq!(shorten("漢字仮名", 6), "漢字…");
        assert_eq!(shorten("漢字", 3), "漢…");
        assert_eq!(shorten("ab", 1), "…");
        assert_eq!(shorten("ab", 0), "");
    }
}
