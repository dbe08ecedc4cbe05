//! What is on the screen, and what keys and news do to it: a model that does no I/O.
//!
//! Events go in and say what is to be done; [`draw`](View::draw) makes a frame of what is.

mod draw;
mod scroll;
#[cfg(test)]
mod tests;

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;

use super::conversation::Conversation;
use super::editor::{Edited, Editor};
use super::heard::Stamp;
use super::link::{Connection, News};
use super::palette::Palette;
use scroll::Scroll;

/// The whole screen.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// As the user called it.
    server: String,
    conversation: Conversation,
    editor: Editor,
    online: Online,
    scroll: Scroll,
    size: Size,
    palette: Palette,
    /// A word to the user about the last key.
    remark: Option<&'static str>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Key(KeyEvent),
    Pasted(String),
    Resized(Size),
    News(News),
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Say(Connection, String),
    /// Do not wait for the next attempt to connect.
    Retry,
    /// Draw everything anew.
    Redraw,
    /// Give the terminal back until the user comes again.
    Suspend,
    Leave,
}

/// Whether there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Online {
    Connected(Connection),
    Waiting { until: Instant, attempt: u32, why: String },
    Connecting { attempt: u32, why: String },
}

impl View {
    /// A member called `name`, who is about to come in.
    pub(super) fn new(server: String, name: &str, palette: Palette, size: Size) -> Self {
        Self {
            server,
            conversation: Conversation::new(name),
            editor: Editor::default(),
            online: Online::Connecting { attempt: 0, why: String::new() },
            scroll: Scroll::Newest,
            size,
            palette,
            remark: None,
        }
    }

    /// Something happened.
    pub(super) fn handle(&mut self, event: Event, now: Stamp) -> Vec<Action> {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Event::Key(key) => {
                self.remark = None;
                self.press(key, now)
            }
            Event::Pasted(text) => {
                self.remark = None;
                self.editor.insert(&text);
                Vec::new()
            }
            Event::Resized(size) => {
                self.size = size;
                Vec::new()
            }
            Event::News(news) => self.learn(news, now),
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_online(&self) -> bool {
        matches!(self.online, Online::Connected(_))
    }

    /// When the frame changes without an event: a countdown runs.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let Online::Waiting { until, .. } = self.online else { return None };
        let left = until.checked_duration_since(now)?;
        // When the next whole second is reached.
        let fraction = std::time::Duration::from_nanos(u64::from(left.subsec_nanos()) + 1);
        Some(now + fraction)
    }

    fn press(&mut self, key: KeyEvent, now: Stamp) -> Vec<Action> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        let page = self.page();
        match (key.code, control) {
            (KeyCode::Char('c'), true) => return vec![Action::Leave],
            (KeyCode::Char('d'), true) if self.editor.text().is_empty() => return vec![Action::Leave],
            (KeyCode::Char('z'), true) => return vec![Action::Suspend],
            (KeyCode::Char('l'), true) => return vec![Action::Redraw],
            (KeyCode::PageUp, _) => self.scroll_up(page),
            (KeyCode::PageDown, _) => self.scroll_down(page),
            (KeyCode::Up, _) if shift => self.scroll_up(1),
            (KeyCode::Down, _) if shift => self.scroll_down(1),
            (KeyCode::Home, true) => self.scroll_up(usize::MAX),
            (KeyCode::Esc, _) | (KeyCode::End, true) => self.scroll = Scroll::Newest,
            (KeyCode::Tab, _) => _ = self.editor.complete(self.conversation.roster().names()),
            _ => {
                if self.editor.press(key) == Edited::Submitted {
                    return self.submit(now);
                }
            }
        }
        Vec::new()
    }

    /// Enter.
    fn submit(&mut self, now: Stamp) -> Vec<Action> {
        self.scroll = Scroll::Newest;
        let line = self.editor.text().trim();
        let command = line.split_whitespace().next().filter(|word| word.starts_with('/'));
        let connection = match self.online {
            Online::Connected(connection) => connection,
            _ if command == Some("/quit") => return vec![Action::Leave],
            _ => {
                if !line.is_empty() {
                    self.remark = Some("not said: there is no connection");
                }
                return vec![Action::Retry];
            }
        };
        if line.is_empty() {
            self.editor.take();
            return Vec::new();
        }
        let quits = command == Some("/quit");
        let helps = command == Some("/help");
        let line = self.editor.take();
        self.conversation.say(&line, now);
        if helps {
            self.conversation.notice(KEYS);
        }
        let say = Action::Say(connection, line);
        if quits { vec![say, Action::Leave] } else { vec![say] }
    }

    fn learn(&mut self, news: News, now: Stamp) -> Vec<Action> {
        let (connection, to_say) = match news {
            News::Connected(connection) => {
                self.remark = None;
                self.online = Online::Connected(connection);
                (connection, self.conversation.connected())
            }
            News::Line(line) => match self.online {
                Online::Connected(connection) => (connection, self.conversation.hear(&line, now)),
                _ => return Vec::new(),
            },
            News::LineTooLong => {
                self.conversation.notice("A line came that is too long to be shown.");
                return Vec::new();
            }
            News::Lost(why) => {
                let attempt = match self.online {
                    Online::Connected(_) => {
                        self.conversation.lost(&why, now);
                        0
                    }
                    Online::Waiting { attempt, .. } | Online::Connecting { attempt, .. } => attempt,
                };
                self.online = Online::Connecting { attempt, why };
                return Vec::new();
            }
            News::Waiting { until, attempt } => {
                self.online = Online::Waiting { until, attempt, why: self.why() };
                return Vec::new();
            }
            News::Connecting { attempt } => {
                self.online = Online::Connecting { attempt, why: self.why() };
                return Vec::new();
            }
            News::Left => return Vec::new(),
        };
        to_say.into_iter().map(|line| Action::Say(connection, line)).collect()
    }

    /// Why there is no connection.
    fn why(&mut self) -> String {
        match &mut self.online {
            Online::Connected(_) => String::new(),
            Online::Waiting { why, .. } | Online::Connecting { why, .. } => std::mem::take(why),
        }
    }
}

/// What `/help` says of this program, beside what the room says of itself.
const KEYS: &str = "Keys: PageUp and PageDown scroll, Esc goes to the newest line, Up and Down bring earlier lines back, \
                    Tab completes a name, Ctrl-C leaves.";
