//! From the model to a frame.
//!
//! ```text
//! 10:20:31 bob: hello                 │ Here
//! 10:20:35 ann: hello, bob            │ ann
//! 10:20:40 * eve joined               │ bob
//!                                     │ eve
//!  ann · 127.0.0.1:5555 · 3 here · connected
//! ann> what is being written
//! ```

use std::time::Instant;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::{Online, View};
use crate::command::chat::conversation::counted;
use crate::command::chat::palette::Tone;
use crate::command::chat::wrap::{shorten, width};

/// Where things are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) history: Rect,
    /// Who is here, where the screen is wide enough.
    roster: Option<Rect>,
    status: Rect,
    input: Rect,
}

impl View {
    /// Draws everything.
    pub(in crate::command::chat) fn draw(&self, frame: &mut Frame<'_>, now: Instant) {
        let Layout { history, roster, status, input } = self.layout();
        let buffer = frame.buffer_mut();
        self.draw_history(buffer, history);
        if let Some(area) = roster {
            self.draw_roster(buffer, area);
        }
        self.draw_status(buffer, status, now);
        if let Some(cursor) = self.draw_input(buffer, input) {
            frame.set_cursor_position(cursor);
        }
    }

    /// Where things are on a screen of this size. The line being written is the last thing to go when there is little room.
    pub(super) fn layout(&self) -> Layout {
        let (columns, rows) = (self.size.width, self.size.height);
        let input_at = rows.saturating_sub(1);
        let status_at = rows.saturating_sub(2);
        let beside = (columns >= WIDE_ENOUGH).then(|| (columns / 5).clamp(NARROWEST_ROSTER, WIDEST_ROSTER));
        let left = columns - beside.map_or(0, |roster| roster + RULE);
        Layout {
            history: Rect::new(0, 0, left, status_at),
            roster: beside.map(|roster| Rect::new(left, 0, RULE + roster, status_at)),
            status: Rect::new(0, status_at, columns, u16::from(rows >= 2)),
            input: Rect::new(0, input_at, columns, u16::from(rows >= 1)),
        }
    }

    fn draw_history(&self, buffer: &mut Buffer, area: Rect) {
        let rows = self.seen();
        // The newest row is next to the line being written.
        let unused = area.height.saturating_sub(u16::try_from(rows.len()).unwrap_or(u16::MAX));
        for (row, y) in rows.iter().zip(area.y + unused..area.bottom()) {
            let mut x = area.x;
            for piece in row {
                x = put(buffer, x, y, area.right(), &piece.text, self.style(piece.tone));
            }
        }
    }

    fn draw_roster(&self, buffer: &mut Buffer, area: Rect) {
        for y in area.top()..area.bottom() {
            put(buffer, area.x, y, area.right(), "│", self.style(Tone::Quiet));
        }
        let left = area.x + RULE;
        let room = usize::from(area.width - RULE);
        let mut places = area.top()..area.bottom();
        let mut line = |text: &str, tone| {
            if let Some(y) = places.next() {
                put(buffer, left, y, area.right(), &shorten(text, room), self.style(tone));
            }
        };
        line("Here", Tone::Quiet);
        let names: Vec<_> = self.conversation.roster().names().collect();
        let places = usize::from(area.height.saturating_sub(1));
        let shown = if names.len() > places { places.saturating_sub(1) } else { names.len() };
        for name in &names[..shown] {
            let own = *name == self.conversation.name();
            line(name, if own { Tone::Own } else { Tone::of_name(name) });
        }
        if shown < names.len() {
            line(&format!("and {} more", names.len() - shown), Tone::Quiet);
        }
    }

    fn draw_status(&self, buffer: &mut Buffer, area: Rect, now: Instant) {
        let columns = usize::from(area.width);
        let tone = if self.is_online() { Tone::Status } else { Tone::Trouble };
        let style = self.style(tone);
        let right = self.remark_or_hint();
        let mut left = self.status(now);
        // What matters less stands behind, and goes first.
        let room = columns.saturating_sub(width(&right) + 4);
        while left.len() > 1 && joined_width(&left) > room {
            let least = left.pop();
            let room = room.saturating_sub(joined_width(&left) + width(BETWEEN));
            if room >= LEAST_REASON && !self.is_online() {
                left.extend(least.map(|why| shorten(&why, room)));
            }
        }
        let left = shorten(&format!(" {}", left.join(BETWEEN)), columns);
        for y in area.top()..area.bottom() {
            put(buffer, area.x, y, area.right(), &" ".repeat(columns), style);
            put(buffer, area.x, y, area.right(), &left, style);
            let start = columns.saturating_sub(width(&right) + 1);
            if start > width(&left) {
                put(buffer, area.x + u16::try_from(start).unwrap_or(0), y, area.right(), &right, style);
            }
        }
    }

    /// The state of things, the most important first.
    fn status(&self, now: Instant) -> Vec<String> {
        let attempt = |attempt: u32| if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        match &self.online {
            Online::Connected(_) => {
                let here = self.conversation.roster().count().map(|count| format!("{count} here"));
                let name = match self.conversation.name() {
                    "" => "nameless",
                    name => name,
                };
                let parts = [Some("connected".to_owned()), Some(name.to_owned()), here, Some(self.server.clone())];
                parts.into_iter().flatten().collect()
            }
            Online::Waiting { until, attempt: number, why } => {
                let left = until.saturating_duration_since(now);
                let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                vec![format!("reconnecting in {seconds} s{}", attempt(*number)), why.clone()]
            }
            Online::Connecting { attempt: number, why } => {
                vec![format!("reconnecting now{}", attempt(*number)), why.clone()]
            }
        }
    }

    /// What stands at the right end of the status line.
    fn remark_or_hint(&self) -> String {
        match (self.remark, self.below(), &self.online) {
            (Some(remark), ..) => remark.to_owned(),
            (None, 1.., _) => format!("{} below, Esc: newest", counted(self.below(), "line")),
            (None, 0, Online::Connected(_)) => "/help  /quit".to_owned(),
            (None, 0, _) => "Enter: now".to_owned(),
        }
    }

    /// Returns where the cursor is.
    fn draw_input(&self, buffer: &mut Buffer, area: Rect) -> Option<Position> {
        let columns = usize::from(area.width);
        if area.is_empty() {
            return None;
        }
        let connected = self.is_online();
        let prompt = format!("{}> ", shorten(self.conversation.name(), columns / 3));
        let prompt = if width(&prompt) * 2 > columns { "" } else { &prompt };
        let tone = if connected { Tone::Own } else { Tone::Quiet };
        let start = put(buffer, area.x, area.y, area.right(), prompt, self.style(tone));
        let (text, cursor) = self.editor.window(columns - usize::from(start - area.x));
        if self.editor.text().is_empty() && !connected {
            put(buffer, start, area.y, area.right(), OFFLINE, self.style(Tone::Quiet));
        } else {
            put(buffer, start, area.y, area.right(), text, self.style(Tone::Plain));
        }
        Some(Position::new(start + u16::try_from(cursor).unwrap_or(0), area.y))
    }

    fn style(&self, tone: Tone) -> Style {
        self.palette.style(tone)
    }
}

/// Writes text into a row from column `x` on, as far as `end`, and returns the column behind it.
fn put(buffer: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
    // A size that changes while a frame is made must not be a fault.
    if !buffer.area().contains(Position::new(x, y)) {
        return x;
    }
    let (behind, _) = buffer.set_stringn(x, y, text, usize::from(end.saturating_sub(x)), style);
    // Some terminals show a flag or a family as several characters, the second one in the cell that is taken for the second
    // half of the first. When a plain space comes there later, it must not be taken for what is there already.
    let mut at = x;
    while at < behind {
        let columns = u16::try_from(width(buffer[(at, y)].symbol())).unwrap_or(1).max(1);
        for half in at + 1..(at + columns).min(behind) {
            buffer[(half, y)].modifier.insert(Modifier::HIDDEN);
        }
        at += columns;
    }
    behind
}

fn joined_width(parts: &[String]) -> usize {
    width(&parts.join(BETWEEN))
}

/// Between two parts of the status.
const BETWEEN: &str = " · ";

/// Columns in which the start of a reason says something.
const LEAST_REASON: usize = 16;

/// What is said in the place of the line being written, where there is none and no connection.
const OFFLINE: &str = "What you write is kept until there is a connection.";

/// Columns of a screen on which there is room for who is here.
const WIDE_ENOUGH: u16 = 60;

/// Columns for names.
const NARROWEST_ROSTER: u16 = 14;
/// Likewise.
const WIDEST_ROSTER: u16 = 24;

/// Columns of the line before them, with a space.
const RULE: u16 = 2;
