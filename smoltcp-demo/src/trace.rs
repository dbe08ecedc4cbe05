//! Shows what TCP does to messages: a line for each segment, with the parts of messages that it carries.
//!
//! ```text
//!    0.000 s  client 49152 ─▶ trim        7 B  message 1 begins: [30] "Fou" (7 of 34)
//!    0.000 s  client 49152 ─▶ trim        7 B  message 1 goes on: "r score" (14 of 34)
//!    ...
//!    0.000 s  client 49152 ─▶ trim        6 B  message 1 ends: "rs ago" (34 of 34, in 5 segments)
//!    0.000 s  client 49152 ◀─ trim       24 B  answer 1, whole: [20] " and seven years ago" (24)
//! ```

mod journal;
mod words;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

use self::journal::Journal;
use self::words::{flags, known, pieces};
use crate::device::{Fate, Onlooker, Purpose, Sight, TcpSegment, Witness};
use crate::services::ServiceName;

/// Writes the lines. Colours are written as ANSI sequences; a writer that strips them suits a file.
pub struct Trace {
    out: Box<dyn Write>,
    services: HashMap<u16, ServiceName>,
    /// What each direction of each connection last said of its window: bytes, and how they are scaled.
    windows: HashMap<(IpEndpoint, IpEndpoint), Window>,
    journal: Journal,
    /// Nothing more is written after an error: a reader of a pipe that has gone.
    error: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// The shift that its SYN asked for; it counts when both SYNs ask for one.
    shift: Option<u8>,
    /// The bytes that were last worth a word.
    said: Option<u32>,
}

const REQUEST: Style = AnsiColor::Cyan.on_default();
const ANSWER: Style = AnsiColor::Green.on_default();
const AGAIN: Style = AnsiColor::Yellow.on_default();
const ACCIDENT: Style = AnsiColor::Red.on_default();
const QUIET: Style = Style::new().dimmed();

impl Trace {
    /// A trace of connections to these services, by their ports. It begins with a word on how to read it.
    pub fn new(out: Box<dyn Write>, services: impl IntoIterator<Item = (ServiceName, u16)>) -> Self {
        let services = services.into_iter().map(|(service, port)| (port, service)).collect();
        let mut trace = Self { out, services, windows: HashMap::new(), journal: Journal::default(), error: None };
        trace.line(QUIET, "Each line is a TCP segment as it is sent: when, by whom, how many bytes it carries, and");
        trace.line(QUIET, "which parts of messages they are. A message may be cut over many segments, and a segment");
        trace.line(
            QUIET,
            "may hold several: TCP keeps the order of bytes, not where they were cut. A number in brackets is",
        );
        trace.line(QUIET, "the length in front of a message: its four bytes, or the two of a JSON header. What is not");
        trace.line(QUIET, "acknowledged in time is sent AGAIN, and what was sent behind it as well.");
        trace
    }

    /// A line of its own, between runs.
    pub fn headline(&mut self, text: &str) {
        self.line(Style::new().bold(), &format!("\n{text}"));
    }

    /// Sees to it that everything is written.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn line(&mut self, style: Style, text: &str) {
        if self.error.is_none() {
            self.error = writeln!(self.out, "{style}{text}{style:#}").err();
        }
    }

    /// Who sends what to whom: `client 49152 ─▶ trim`.
    fn route(&self, port: u16, segment: &TcpSegment) -> String {
        let service = self.services.get(&port).map_or("?", |service| service.name());
        if segment.destination.port == port {
            format!("client {:<5} ─▶ {service:<8}", segment.source.port)
        } else {
            format!("client {:<5} ◀─ {service:<8}", segment.destination.port)
        }
    }

    /// What a segment says of its sender's window, if that is worth a word: it closed, opened, or is half or twice what it was.
    fn window(&mut self, segment: &TcpSegment) -> Option<String> {
        let back = self.windows.get(&(segment.destination, segment.source)).and_then(|window| window.shift);
        let window = self.windows.entry((segment.source, segment.destination)).or_default();
        if segment.syn {
            *window = Window { shift: segment.window_shift, said: None };
        }
        if segment.rst || segment.acknowledges.is_none() && !segment.syn {
            return None;
        }
        let scale = match (window.shift, back) {
            (Some(shift), Some(_)) if !segment.syn => shift,
            _ => 0,
        };
        let bytes = u32::from(segment.window) << scale.min(14);
        let text = match window.said {
            None => Some(format!("window {bytes}")),
            Some(said) if said > 0 && bytes == 0 => Some("window CLOSED: its receive ring is full".into()),
            Some(0) if bytes > 0 => Some(format!("window open again: {bytes}")),
            Some(said) if bytes / 2 >= said || bytes <= said / 2 => Some(format!("window {said} → {bytes}")),
            Some(_) => None,
        };
        if text.is_some() {
            window.said = Some(bytes);
        }
        text
    }
}

impl Witness for Trace {
    fn saw(&mut self, sight: &Sight<'_>) {
        let segment = sight.segment;
        let asks = segment.destination.port == sight.port;
        let noun = noun(segment, sight.port);
        let again = self.journal.is_sent_again(segment);
        self.journal.note(segment, sight.pieces);
        let window = self.window(segment);
        let flags = flags(segment);
        // A bare acknowledgement that says nothing else would be every other line.
        if sight.purpose == Purpose::Control && flags.is_empty() && window.is_none() {
            return;
        }
        let mut text = String::new();
        let (style, what) = match sight.purpose {
            Purpose::Data => (if asks { REQUEST } else { ANSWER }, pieces(sight, noun)),
            Purpose::Again => {
                let what = known(&self.journal.look_up(segment), noun);
                (AGAIN, format!("sent AGAIN: {what}"))
            }
            Purpose::KeepAlive => (QUIET, "are you still there?".into()),
            Purpose::Control if again => (AGAIN, "sent AGAIN".into()),
            Purpose::Control => (QUIET, String::new()),
        };
        let route = self.route(sight.port, segment);
        let seconds = seconds(sight.at);
        match sight.payload.len() {
            0 => _ = write!(text, "{seconds}  {route}         "),
            len => _ = write!(text, "{seconds}  {route} {len:>5} B  "),
        }
        let said = [what.as_str(), flags.as_str(), window.as_deref().unwrap_or("")];
        let said: Vec<&str> = said.into_iter().filter(|part| !part.is_empty()).collect();
        text.push_str(&said.join(" · "));
        self.line(style, &text);
    }
}

impl Onlooker for Trace {
    fn accident(&mut self, at: Instant, fate: Fate, frame: &[u8]) {
        let Some(segment) = TcpSegment::parse(frame) else {
            return;
        };
        let ports = [segment.destination.port, segment.source.port];
        let Some(port) = ports.into_iter().find(|port| self.services.contains_key(port)) else {
            return;
        };
        let what = match fate {
            Fate::Lost => "LOST on its way",
            Fate::Spoiled => "SPOILED on its way, so that nobody will take it",
            Fate::Doubled => "DOUBLED on its way",
            Fate::Overtaken => "held back, so that others OVERTAKE it",
        };
        let said = [known(&self.journal.look_up(&segment), noun(&segment, port)), flags(&segment)];
        let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
        let carried = if said.is_empty() { "an acknowledgement".into() } else { said.join(" · ") };
        let text = format!(
            "{}  {} {:>5} B  {what}: {carried}",
            seconds(at),
            self.route(port, &segment),
            segment.payload.len()
        );
        self.line(ACCIDENT, &text);
    }
}

/// What the messages of this direction are called.
fn noun(segment: &TcpSegment, port: u16) -> &'static str {
    if segment.destination.port == port { "message" } else { "answer" }
}

fn seconds(at: Instant) -> String {
    format!("{:>4}.{:03} s", at.secs(), at.millis())
}
