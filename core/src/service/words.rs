//! The words of a line that is a command.

/// The first word of a text, and the rest, without white space around either.
// Not inlined: it is much code, and never hot.
#[inline(never)]
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.find(char::is_whitespace).and_then(|at| text.split_at_checked(at)) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}
