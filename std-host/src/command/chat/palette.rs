//! In which colours things are shown.
//!
//! Only the sixteen colours that every terminal has are used, and never a background of our own: the terminal's theme makes
//! them readable. What a colour says is said by words or by position too.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// What people say.
    Plain,
    /// Who says it: a number that stands for the name.
    Name(u8),
    /// Our own name.
    Own,
    /// What happens: joins, leaves, times.
    Quiet,
    /// What the room answers.
    Notice,
    /// What was said to us alone.
    Private,
    /// What the room refused.
    Refused,
    /// A line across the history.
    Mark,
    /// The status line.
    Status,
    /// The status line while there is no connection.
    Trouble,
}

impl Tone {
    /// The tone of the name of somebody else.
    pub(super) fn of_name(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self::Name(hasher.finish().to_le_bytes()[0])
    }
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    Colours,
    /// Bold, dim and reversed only.
    NoColours,
}

impl Palette {
    /// What the environment asks for: a variable `NO_COLOR` that is not empty turns colours off (<https://no-color.org>).
    pub(super) fn from_environment() -> Self {
        match std::env::var_os("NO_COLOR") {
            Some(value) if !value.is_empty() => Self::NoColours,
            _ => Self::Colours,
        }
    }

    pub(super) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let (colour, modifier) = match tone {
            Tone::Plain => (None, Modifier::empty()),
            Tone::Name(number) => (Some(NAMES[usize::from(number) % NAMES.len()]), Modifier::BOLD),
            Tone::Own => (None, Modifier::BOLD),
            Tone::Quiet | Tone::Mark => (None, Modifier::DIM),
            Tone::Notice => (Some(Color::Cyan), Modifier::empty()),
            Tone::Private => (Some(Color::Magenta), Modifier::BOLD),
            Tone::Refused => (Some(Color::Red), Modifier::BOLD),
            Tone::Status => (None, Modifier::REVERSED),
            Tone::Trouble => (Some(Color::Yellow), Modifier::REVERSED.union(Modifier::BOLD)),
        };
        let style = plain.add_modifier(modifier);
        match (self, colour) {
            (Self::Colours, Some(colour)) => style.fg(colour),
            _ => style,
        }
    }
}

/// Those of the sixteen that are readable on dark and on light, and have no meaning here.
const NAMES: [Color; 4] = [Color::Green, Color::Cyan, Color::Yellow, Color::LightBlue];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_there_is_none() {
        for tone in [Tone::Plain, Tone::Name(3), Tone::Notice, Tone::Private, Tone::Refused, Tone::Trouble] {
            let style = Palette::NoColours.style(tone);
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_eq!(Palette::Colours.style(Tone::Refused).fg, Some(Color::Red));
    }

    #[test]
    fn a_name_keeps_its_colour() {
        assert_eq!(Tone::of_name("bob"), Tone::of_name("bob"));
    }
}
