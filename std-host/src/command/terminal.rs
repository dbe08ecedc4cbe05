//! Text from elsewhere, made safe for a terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

/// `text` without what a terminal would obey instead of showing it: control characters, and marks that turn the direction of
/// the text around them. A tab is written as a space, any other of these as `?`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = |c| match c {
        '\t' => ' ',
        _ if is_obeyed(c) => '?',
        _ => c,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Prints a line that came from a server: as it is to a file or pipe, clean to a terminal.
pub(crate) fn print_line(line: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let written = if out.is_terminal() {
        writeln!(out, "{}", clean(&String::from_utf8_lossy(line)))
    } else {
        out.write_all(line).and_then(|()| out.write_all(b"\n"))
    };
    written.and_then(|()| out.flush()).map_err(|error| format!("cannot write to stdout: {error}"))
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the explicit marks of the Unicode bidirectional
/// algorithm, which reach beyond the text that has them.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(clean("\u{1b}[2J\u{9b}31m a\tb\u{7f}\r\n"), "?[2J?31m a b???");
        assert_eq!(clean("\u{202e}live\u{2066}x\u{2069}\u{2028}"), "?live?x??");
        for text in ["", "ünï 👩‍🚀 漢字 e\u{301} שלום ❤\u{fe0f}"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
    }
}
