//! What goes on in the room, as far as one member is told.
//!
//! Lines come in, and what is known follows: our name, who is here, what was said. What is to be said without the user's
//! asking comes out: the name, and questions for the history and for who is here, whose answers are not shown as chat.

use std::mem;

use super::heard::{Deed, Heard, Stamp};
use super::roster::Roster;
use super::transcript::{Author, Remembered, Transcript, What};
use crate::command::terminal::clean;

/// A member's view of the room, over all connections.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    /// The name to come in with.
    wanted: String,
    /// The name that the room gave us in this connection.
    own: Option<String>,
    presence: Presence,
    transcript: Transcript,
    roster: Roster,
    answers: Answers,
    listing: Listing,
}

/// How this member came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// It never did.
    New,
    /// It was here before, and comes back.
    Back,
    /// It came back, and its name was taken: most likely by its old self, of whose end the room has not heard.
    Renamed,
}

/// Answers of the room to questions that the user did not ask, which are still to come.
#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    histories: u32,
    whos: u32,
}

/// A list that the room is telling.
#[derive(Clone, Debug, Default)]
enum Listing {
    #[default]
    None,
    /// So many messages are still to come.
    History {
        left: usize,
        messages: Vec<Remembered>,
        asked_by: AskedBy,
    },
    Here {
        left: usize,
        names: Vec<String>,
        asked_by: AskedBy,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AskedBy {
    User,
    Us,
}

impl Conversation {
    /// Nobody has come in yet. With a blank name the room chooses one.
    pub(super) fn new(name: &str) -> Self {
        Self {
            wanted: name.to_owned(),
            own: None,
            presence: Presence::New,
            transcript: Transcript::default(),
            roster: Roster::default(),
            answers: Answers::default(),
            listing: Listing::None,
        }
    }

    /// There is a connection. Returns what is to be said.
    pub(super) fn connected(&mut self) -> Vec<String> {
        // The room tells a few messages of its own accord, and more when asked.
        self.answers = Answers { histories: 2, whos: 1 };
        self.listing = Listing::None;
        vec![self.wanted.clone(), format!("/history {HISTORY}"), "/who".to_owned()]
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, why: &str, now: Stamp) {
        self.finish_listing();
        self.own = None;
        self.roster.forget();
        if self.presence == Presence::Renamed {
            self.presence = Presence::Back;
        }
        self.transcript.push(None, What::Lost(format!("{now}  {why}")));
    }

    /// A line came from the room. Returns what is to be said.
    pub(super) fn hear(&mut self, line: &[u8], now: Stamp) -> Vec<String> {
        let line = String::from_utf8_lossy(line);
        let line = clean(&line);
        let heard = Heard::understand(&line, |name| self.roster.contains(name));
        let Some(heard) = self.list(heard) else {
            return Vec::new();
        };
        match heard {
            Heard::Welcome => {}
            Heard::You { name } => self.be(name, now),
            Heard::History { count } => {
                let asked_by = answer_of(&mut self.answers.histories);
                match (count, asked_by) {
                    (0, AskedBy::Us) => {}
                    (0, AskedBy::User) => self.notice("No messages to repeat."),
                    (left, asked_by) => self.listing = Listing::History { left, messages: Vec::new(), asked_by },
                }
            }
            Heard::Here { count } => {
                let asked_by = answer_of(&mut self.answers.whos);
                self.listing = Listing::Here { left: count, names: Vec::new(), asked_by };
            }
            Heard::Deed { stamp, deed } => return self.witness(stamp, deed),
            Heard::Refused { why } => self.transcript.push(None, What::Refused(why.to_owned())),
            Heard::Present { name: text } | Heard::Notice { text } | Heard::Other { text } => self.notice(text),
        }
        Vec::new()
    }

    /// The user says a line: it is shown as others will see it. (The room sends no copy.)
    pub(super) fn say(&mut self, line: &str, now: Stamp) {
        let line = clean(line.trim());
        let own = self.name().to_owned();
        let (text, command) = match line.strip_prefix('/') {
            None => (&*line, false),
            Some(text) => (text, !text.starts_with('/')),
        };
        if !command {
            let said = What::Said { name: own, text: text.to_owned(), by: Author::OwnUnheard };
            self.transcript.push(Some(now), said);
        } else if let Some(("msg", rest)) = text.split_once(char::is_whitespace)
            && let Some((name, text)) = self.roster.addressee(rest.trim())
            && !text.is_empty()
        {
            let told = What::Told { name: name.to_owned(), text: text.to_owned() };
            self.transcript.push(Some(now), told);
        }
    }

    /// Shows something that this program says.
    pub(super) fn notice(&mut self, text: &str) {
        self.transcript.push(None, What::Notice(text.to_owned()));
    }

    /// Our name, or the one that we would have.
    pub(super) fn name(&self) -> &str {
        self.own.as_ref().unwrap_or(&self.wanted)
    }

    pub(super) fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Takes what belongs to the list that is being told. Anything else ends it, also before all of it has come: in the
    /// meantime messages may have been forgotten, and people may have left.
    fn list<'l>(&mut self, heard: Heard<'l>) -> Option<Heard<'l>> {
        match (&mut self.listing, heard) {
            (
                Listing::History { left: left @ 1.., messages, .. },
                Heard::Deed { stamp, deed: Deed::Said { name, text } },
            ) => {
                *left -= 1;
                messages.push(Remembered { stamp, name: name.to_owned(), text: text.to_owned() });
            }
            (Listing::Here { left: left @ 1.., names, .. }, Heard::Present { name }) => {
                *left -= 1;
                names.push(name.to_owned());
            }
            (_, heard) => {
                self.finish_listing();
                return Some(heard);
            }
        }
        if let Listing::History { left: 0, .. } | Listing::Here { left: 0, .. } = self.listing {
            self.finish_listing();
        }
        None
    }

    fn finish_listing(&mut self) {
        match mem::take(&mut self.listing) {
            Listing::None => {}
            Listing::History { messages, asked_by: AskedBy::Us, .. } => {
                self.transcript.merge(&messages, self.own.as_ref().unwrap_or(&self.wanted));
            }
            Listing::History { messages, asked_by: AskedBy::User, .. } => {
                self.notice(&format!("The last {}:", counted(messages.len(), "message")));
                for Remembered { stamp, name, text } in messages {
                    self.transcript.push(Some(stamp), What::Repeated { name, text });
                }
            }
            Listing::Here { names, asked_by, .. } => {
                self.roster.replace(names.iter().map(String::as_str));
                if asked_by == AskedBy::User {
                    let names: Vec<_> = self.roster.names().collect();
                    let text = format!("Here now ({}): {}", names.len(), names.join(", "));
                    self.notice(&text);
                }
            }
        }
    }

    /// The room told us our name.
    fn be(&mut self, name: &str, now: Stamp) {
        let again = match (self.presence, self.own.replace(name.to_owned())) {
            (_, Some(before)) => {
                self.roster.rename(&before, name);
                self.presence = Presence::Back;
                name.clone_into(&mut self.wanted);
                return self.notice(&format!("You are {name}."));
            }
            (Presence::New, None) => {
                name.clone_into(&mut self.wanted);
                self.presence = Presence::Back;
                ""
            }
            (Presence::Back | Presence::Renamed, None) => {
                if name != self.wanted {
                    self.presence = Presence::Renamed;
                }
                "connected again; "
            }
        };
        self.roster.add(name);
        self.transcript.push(None, What::Arrived(format!("{now}  {again}you are {name}")));
    }

    /// Somebody else did something.
    fn witness(&mut self, stamp: Stamp, deed: Deed<'_>) -> Vec<String> {
        let mut free = None;
        let what = match deed {
            Deed::Joined { name } => {
                self.roster.add(name);
                What::News(format!("{name} joined"))
            }
            Deed::Left { name } => {
                self.roster.remove(name);
                free = Some(name);
                What::News(format!("{name} left"))
            }
            Deed::Renamed { from, to } => {
                self.roster.rename(from, to);
                free = Some(from);
                What::News(format!("{from} is now {to}"))
            }
            Deed::Said { name, text } => What::Said { name: name.to_owned(), text: text.to_owned(), by: Author::Other },
            Deed::Whispered { name, text } => What::Whispered { name: name.to_owned(), text: text.to_owned() },
        };
        self.transcript.push(Some(stamp), what);
        if self.presence == Presence::Renamed && free == Some(self.wanted.as_str()) {
            return vec![format!("/nick {}", self.wanted)];
        }
        Vec::new()
    }
}

/// Who asked the question that is answered now: ours were asked first.
fn answer_of(ours: &mut u32) -> AskedBy {
    match ours.checked_sub(1) {
        Some(left) => {
            *ours = left;
            AskedBy::Us
        }
        None => AskedBy::User,
    }
}

/// So many of a thing, in words.
pub(super) fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// Messages that are asked for when we come in.
const HISTORY: u32 = 200;

#[cfg(test)]
mod tests;
