//! What a line from the room means.
//!
//! The protocol is for people: names may have spaces and colons, so that a line can often be read in two ways. Who is known to
//! be here decides then.

use std::fmt;

/// A line from the room, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// The room asks for a name.
    Welcome,
    /// The name that the room gave us.
    You { name: &'a str },
    /// So many messages follow that were said before.
    History { count: usize },
    /// So many [`Present`](Self::Present) follow.
    Here { count: usize },
    /// Someone is here.
    Present { name: &'a str },
    /// Something that somebody did.
    Deed { stamp: Stamp, deed: Deed<'a> },
    /// The room refused something.
    Refused { why: &'a str },
    /// Anything else that the room tells.
    Notice { text: &'a str },
    /// A line of no form that is known here.
    Other { text: &'a str },
}

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed<'a> {
    Joined {
        name: &'a str,
    },
    Left {
        name: &'a str,
    },
    Renamed {
        from: &'a str,
        to: &'a str,
    },
    Said {
        name: &'a str,
        text: &'a str,
    },
    /// Said to us alone.
    Whispered {
        name: &'a str,
        text: &'a str,
    },
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

impl<'a> Heard<'a> {
    /// Understands a line; `is_here` knows the names of those who are in the room.
    pub(super) fn understand(line: &'a str, is_here: impl Fn(&str) -> bool) -> Self {
        if let Some((stamp, body)) = Stamp::split_from(line) {
            return match Deed::understand(body, is_here) {
                Some(deed) => Self::Deed { stamp, deed },
                None => Self::Other { text: line },
            };
        }
        if let Some(why) = line.strip_prefix("[ERROR] ") {
            return Self::Refused { why };
        }
        let Some(text) = line.strip_prefix("* ") else {
            return Self::Other { text: line };
        };
        let count = |start, end: &[&str]| {
            let rest = text.strip_prefix(start)?;
            end.iter().find_map(|end| rest.strip_suffix(end))?.parse().ok()
        };
        if text.starts_with("Welcome.") {
            Self::Welcome
        } else if let Some(name) = text.strip_prefix("  ") {
            Self::Present { name }
        } else if let Some(name) = text.strip_prefix("You are ") {
            let name = name.strip_suffix(" /help lists the commands.").unwrap_or(name);
            Self::You { name: name.strip_suffix('.').unwrap_or(name) }
        } else if let Some(count) = count("Here now (", &["):"]) {
            Self::Here { count }
        } else if let Some(count) = count("The last ", &[" messages:", " message:"]) {
            Self::History { count }
        } else if text == "No messages to repeat." {
            Self::History { count: 0 }
        } else {
            Self::Notice { text }
        }
    }
}

impl<'a> Deed<'a> {
    fn understand(body: &'a str, is_here: impl Fn(&str) -> bool) -> Option<Self> {
        let says = |at: usize| (&body[..at], &body[at + 2..]);
        let colons = || body.match_indices(": ").map(|(at, _)| says(at));
        let by_someone_here = colons().find(|(name, _)| is_here(name.strip_suffix(PRIVATE).unwrap_or(name)));
        if by_someone_here.is_none()
            && let Some(news) = body.strip_prefix("* ")
        {
            if let Some(name) = news.strip_suffix(" joined") {
                return Some(Self::Joined { name });
            }
            if let Some(name) = news.strip_suffix(" left") {
                return Some(Self::Left { name });
            }
            let renames = || news.match_indices(RENAMED).map(|(at, _)| (&news[..at], &news[at + RENAMED.len()..]));
            if let Some((from, to)) = renames().find(|(from, _)| is_here(from)).or_else(|| renames().next()) {
                return Some(Self::Renamed { from, to });
            }
        }
        let (name, text) = by_someone_here.or_else(|| colons().next())?;
        Some(match name.strip_suffix(PRIVATE) {
            Some(name) => Self::Whispered { name, text },
            None => Self::Said { name, text },
        })
    }
}

impl Stamp {
    /// The stamp that a line `[HH:MM:SS] …` begins with, and the rest.
    fn split_from(line: &str) -> Option<(Self, &str)> {
        let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let mut parts = stamp.split(':').map(|part| match part.as_bytes() {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
            _ => None,
        });
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some((Self { hour, minute, second }, rest))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

/// Behind the name of somebody who speaks to us alone.
const PRIVATE: &str = " (private)";

/// Between the old name and the new one.
const RENAMED: &str = " is now ";

#[cfg(test)]
mod tests {
    use super::*;

    fn here(name: &str) -> bool {
        ["ann", "ann: b", "* eve", "x is now y"].contains(&name)
    }

    fn deed(body: &str) -> Option<Deed<'_>> {
        let Heard::Deed { stamp, deed } = Heard::understand(body, here) else { return None };
        assert_eq!(stamp.to_string(), "10:20:30");
        Some(deed)
    }

    #[test]
    fn what_others_do_is_understood() {
        assert_eq!(deed("[10:20:30] bob: hi: you"), Some(Deed::Said { name: "bob", text: "hi: you" }));
        assert_eq!(deed("[10:20:30] bob (private): hi"), Some(Deed::Whispered { name: "bob", text: "hi" }));
        assert_eq!(deed("[10:20:30] * bob lee joined"), Some(Deed::Joined { name: "bob lee" }));
        assert_eq!(deed("[10:20:30] * bob left"), Some(Deed::Left { name: "bob" }));
        assert_eq!(deed("[10:20:30] * bob is now 漢字"), Some(Deed::Renamed { from: "bob", to: "漢字" }));
    }

    #[test]
    fn who_is_here_decides_between_two_readings() {
        assert_eq!(deed("[10:20:30] ann: b: hi"), Some(Deed::Said { name: "ann", text: "b: hi" }));
        assert_eq!(deed("[10:20:30] ann: c: hi"), Some(Deed::Said { name: "ann", text: "c: hi" }));
        assert_eq!(deed("[10:20:30] * eve: bob left"), Some(Deed::Said { name: "* eve", text: "bob left" }));
        assert_eq!(deed("[10:20:30] * eve: a is now b"), Some(Deed::Said { name: "* eve", text: "a is now b" }));
        assert_eq!(deed("[10:20:30] * x is now y is now z"), Some(Deed::Renamed { from: "x is now y", to: "z" }));
        let by_nobody_known = deed("[10:20:30] * max: bob left");
        assert_eq!(by_nobody_known, Some(Deed::Left { name: "max: bob" }));
    }

    #[test]
    fn what_the_room_tells_is_understood() {
        for (line, heard) in [
            ("* Welcome. What is your name?", Heard::Welcome),
            ("* You are a. b. /help lists the commands.", Heard::You { name: "a. b" }),
            ("* You are bob.", Heard::You { name: "bob" }),
            ("* The last 12 messages:", Heard::History { count: 12 }),
            ("* The last 1 message:", Heard::History { count: 1 }),
            ("* No messages to repeat.", Heard::History { count: 0 }),
            ("* Here now (2):", Heard::Here { count: 2 }),
            ("*   ann lee", Heard::Present { name: "ann lee" }),
            ("* Bye.", Heard::Notice { text: "Bye." }),
            ("* The last word", Heard::Notice { text: "The last word" }),
            ("[ERROR] Too fast", Heard::Refused { why: "Too fast" }),
            ("", Heard::Other { text: "" }),
            ("[10:20] bob: hi", Heard::Other { text: "[10:20] bob: hi" }),
            ("[10:20:30:40] bob: hi", Heard::Other { text: "[10:20:30:40] bob: hi" }),
            ("[10:20:+3] bob: hi", Heard::Other { text: "[10:20:+3] bob: hi" }),
            ("[10:20:30] hello", Heard::Other { text: "[10:20:30] hello" }),
        ] {
            assert_eq!(Heard::understand(line, here), heard, "{line}");
        }
    }
}
