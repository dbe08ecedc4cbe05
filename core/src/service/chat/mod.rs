//! A chat room, by lines of text.
//!
//! The first line is the user name; then each line is a message that everyone else receives, or a command. A line that starts with
//! `//` is a message that starts with `/`.
//!
//! | line | what it does |
//! |---|---|
//! | `/msg NAME text` | tells NAME alone |
//! | `/who` | lists who is here |
//! | `/nick NAME` | changes the name |
//! | `/history [N]` | repeats the last N messages |
//! | `/help` | lists the commands |
//! | `/quit` | leaves |
//!
//! What the room says to one client starts with `* `, or with `[ERROR] ` where something was refused.
//!
//! The room is one log, and every client has a cursor in it. To speak is to append; to listen is to copy from the cursor into one's own
//! output when there is room. So a slow reader delays nobody, and is disconnected when the log has overtaken its cursor. A reader that is
//! not slow but has not had its turn is another matter: a room with [patience](ChatRules::patience) takes no more lines while such readers
//! are close to being overtaken.

mod hold;
mod hub;
mod log;
mod rules;

pub use hub::{Hub, MAX_NAME, Seat, Wake};
pub use rules::ChatRules;

use core::fmt::Write;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::time::Duration;

use heapless::String;

use super::words::word;
use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::error::DecodeError;
use crate::framing::{Framing, Lines};
use crate::shared::Shared;
use crate::time::Instant;
use hub::{Clean, Deed, Heard, Ticket, clean_name, is_for, number};
use log::Audience;
use rules::Rules;

/// The service for one connection, in the room that `H` reaches: a [`Shared`] with the [`Hub`] `B`.
#[derive(Debug)]
pub struct Chat<H, B, W> {
    hub: H,
    room: PhantomData<fn(B)>,
    rules: Rules,
    state: State<W>,
    /// When a client that may not speak now asks again.
    ask_at: Alarm,
    allowance: Allowance,
}

/// What a connection is to the room.
#[derive(Debug)]
enum State<W> {
    /// It has not said its name. Its seat will have what wakes it.
    Nameless { port: u16, wake: W },
    /// It is a member.
    Member(Listener),
    /// It has left.
    Gone,
}

/// A member's place in the log. Flat, and not enums with fields: there is one for each connection, and gaps between the fields of an enum
/// would be a fifth of it.
#[derive(Debug)]
struct Listener {
    ticket: Ticket,
    attention: Attention,
    listing: Listing,
    /// When it looks at the log again, unless it is asleep.
    look_at: Instant,
    /// Of a list: the next seat, or the next place of the log.
    next: u64,
    /// Of a list of messages: how many there are to be, or how far it goes from there.
    left: usize,
}

/// When a member looks at the log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attention {
    /// When it is woken: it was told everything.
    Asleep,
    /// When it is polled, and at `look_at` at the latest: there is more to tell than room to tell it.
    Behind,
    /// Not before `look_at`: it was just told something, and more will come.
    Pausing,
}

/// An answer of many lines, told as there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    None,
    /// Names.
    Who,
    /// The last messages, none of them yet.
    Last,
    /// Messages.
    History,
}

/// How fast a client sends.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// When the lines that it has sent would be through, at the rate that it may have. It may be ahead of that by some lines.
    through_at: Instant,
}

/// An `Option<Instant>` in half of its memory. There is none at the very start of the clock, which is never ahead.
#[derive(Clone, Copy, Debug)]
struct Alarm(Option<NonZeroU64>);

/// Bytes of a line that the room tells, besides the text of a client: stamp, two names and a few words.
const WORDS: usize = 64 + 2 * 4 * MAX_NAME;
/// How often a member that does not read is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often a client asks that may not speak. Members are woken as well.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// What `/help` says, a line each.
const HELP: [&[u8]; 7] = [
    b"* /msg NAME text   tell NAME alone",
    b"* /who             list who is here",
    b"* /nick NAME       change your name",
    b"* /history [N]     repeat the last N messages",
    b"* /help            this list",
    b"* /quit            leave",
    b"* //text           say a text that starts with /",
];

impl<H, B, W> Chat<H, B, W> {
    /// The service for a client that comes from `port`, to be woken by `wake` when someone speaks.
    pub const fn new(hub: H, rules: ChatRules, port: u16, wake: W) -> Self {
        Self {
            hub,
            room: PhantomData,
            rules: Rules::of(&rules),
            state: State::Nameless { port, wake },
            ask_at: Alarm(None),
            allowance: Allowance { through_at: Instant::ZERO },
        }
    }
}

impl Allowance {
    /// Whether a line may be sent at `now`, at `rate` lines a second on the average and twice as many at once; then it is.
    fn take(&mut self, rate: u32, now: Instant) -> bool {
        if rate == 0 {
            return true;
        }
        let line = 1_000_000_u64.div_ceil(rate.into());
        let through_at = self.through_at.max(now).after(line);
        let may = through_at <= now.after(line * 2 * u64::from(rate));
        if may {
            self.through_at = through_at;
        }
        may
    }
}

impl Alarm {
    fn at(time: Instant) -> Self {
        Self(NonZeroU64::new(time.as_micros()))
    }

    fn time(self) -> Option<Instant> {
        Some(Instant::from_micros(self.0?.get()))
    }
}

/// Tells one client a line of the room's own.
fn say<S: Storage>(out: &mut Encoder<Lines, S>, line: core::fmt::Arguments<'_>) -> Result<(), Refusal> {
    let mut text = String::<WORDS>::new();
    // What is too long is cut: only a command that a client made up can be.
    let _ = text.write_fmt(line);
    Ok(out.push(text.as_bytes())?)
}

impl Listener {
    /// Whether it is left alone at `now`. What it asked for itself is answered all the same.
    fn is_pausing(&self, now: Instant) -> bool {
        self.attention == Attention::Pausing && self.listing == Listing::None && now < self.look_at
    }

    /// Tells what there is to tell, as far as there is room.
    fn listen<P, R, W, S>(
        &mut self,
        hub: &mut Hub<P, R, W>,
        rules: &Rules,
        now: Instant,
        out: &mut Encoder<Lines, S>,
    ) -> Result<Flow, Refusal>
    where
        P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
        R: Storage,
        W: Wake,
        S: Storage,
    {
        let mut cursor = hub.cursor(self.ticket).unwrap_or(hub.log().end());
        if cursor < hub.log().oldest() {
            hub.count_dropped();
            return Err(Refusal::FellBehind);
        }
        let before = out.room();
        let listed = self.list(hub, &mut cursor, out)?;
        let (begin, room) = (cursor, out.room());
        let (heard, flow) = if !listed {
            (Heard::Part { got_on: out.room() < before }, Flow::Wait)
        } else if !self.read(hub, &mut cursor, out)? {
            (Heard::Part { got_on: out.room() < before }, Flow::Continue)
        } else {
            (Heard::AllAndSleeps, Flow::Continue)
        };
        let told = cursor > begin && out.room() < room;
        let (attention, look_at, heard) = match (heard, rules.pause_among(hub.members())) {
            (Heard::Part { .. }, _) => (Attention::Behind, now + LOOK_AGAIN, heard),
            (_, Some(pause)) if told => (Attention::Pausing, now.after(pause.into()), Heard::All),
            _ => (Attention::Asleep, now, Heard::AllAndSleeps),
        };
        (self.attention, self.look_at) = (attention, look_at);
        hub.heard(self.ticket, cursor, heard, rules, now);
        Ok(flow)
    }

    /// Goes on with a list that was asked for, by a member that has read up to `cursor`. Whether that is told.
    fn list<P, R, W, S>(
        &mut self,
        hub: &Hub<P, R, W>,
        cursor: &mut u64,
        out: &mut Encoder<Lines, S>,
    ) -> Result<bool, Refusal>
    where
        P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
        R: Storage,
        W: Wake,
        S: Storage,
    {
        loop {
            let told = match self.listing {
                Listing::None => return Ok(true),
                Listing::Who => match hub.member_from(usize::try_from(self.next).unwrap_or(usize::MAX)) {
                    None => {
                        self.listing = Listing::None;
                        true
                    }
                    Some((seat, name)) => {
                        let told = tell(out, [b"*   ", name.as_bytes()])?;
                        self.next = seat as u64 + u64::from(told);
                        told
                    }
                },
                // First what it has not read: the history repeats that too, and nothing is to come after it that is in it.
                Listing::Last => self.read(hub, cursor, out)? && self.repeat(hub, out)?,
                Listing::History => {
                    let until = self.next.saturating_add(self.left as u64);
                    let from = self.next.max(hub.log().oldest());
                    match hub.log().entry(from) {
                        Some(entry) if from < until => {
                            let told = entry.audience != Audience::Everyone || tell(out, entry.text)?;
                            self.next = if told { entry.next } else { from };
                            // No more than it was.
                            self.left = usize::try_from(until.saturating_sub(self.next)).unwrap_or(self.left);
                            told
                        }
                        _ => {
                            self.listing = Listing::None;
                            true
                        }
                    }
                }
            };
            if !told {
                return Ok(false);
            }
        }
    }

    /// Reads on in the log, from `cursor`. Whether it was told everything.
    fn read<P, R, W, S>(
        &self,
        hub: &Hub<P, R, W>,
        cursor: &mut u64,
        out: &mut Encoder<Lines, S>,
    ) -> Result<bool, Refusal>
    where
        P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
        R: Storage,
        W: Wake,
        S: Storage,
    {
        while let Some(entry) = hub.log().entry(*cursor) {
            if is_for(self.ticket.id, entry.from, entry.audience) && !tell(out, entry.text)? {
                return Ok(false);
            }
            *cursor = entry.next;
        }
        Ok(true)
    }

    /// Whether the next line must wait until a list was told: it may ask for another.
    fn flow(&self) -> Flow {
        if self.listing == Listing::None { Flow::Continue } else { Flow::Wait }
    }

    /// Asks for the last `n` messages.
    fn ask_for_last(&mut self, n: usize) {
        (self.listing, self.left) = (Listing::Last, n);
    }

    /// Announces the messages that were asked for, if there is room for it.
    fn repeat<P, R, W, S>(&mut self, hub: &Hub<P, R, W>, out: &mut Encoder<Lines, S>) -> Result<bool, Refusal>
    where
        P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
        R: Storage,
        W: Wake,
        S: Storage,
    {
        let log = hub.log();
        let messages = || {
            core::iter::successors(log.entry(log.oldest()), |entry| log.entry(entry.next))
                .scan(log.oldest(), |at, entry| Some((core::mem::replace(at, entry.next), entry)))
                .filter(|(_, entry)| entry.audience == Audience::Everyone)
        };
        let all = messages().count();
        let n = self.left.min(all);
        let first = messages().nth(all - n);
        // At most 20 digits.
        let mut heading = String::<48>::new();
        let _ = match first {
            None => write!(heading, "* No messages to repeat."),
            Some(_) => write!(heading, "* The last {n} message{}:", if n == 1 { "" } else { "s" }),
        };
        if !tell(out, [heading.as_bytes(), b""])? {
            return Ok(false);
        }
        self.listing = Listing::None;
        if let Some((from, _)) = first {
            self.listing = Listing::History;
            (self.next, self.left) = (from, usize::try_from(log.end() - from).unwrap_or(usize::MAX));
        }
        Ok(true)
    }
}

/// Writes a line of two parts, if there is room for it.
fn tell<S: Storage>(out: &mut Encoder<Lines, S>, text: [&[u8]; 2]) -> Result<bool, Refusal> {
    let len: usize = text.iter().map(|part| part.len()).sum();
    if out.room() < len + Lines::SUFFIX {
        return Ok(false);
    }
    out.push_parts(&text)?;
    Ok(true)
}

impl<H, P, R, W> Chat<H, Hub<P, R, W>, W>
where
    H: Shared<Hub<P, R, W>>,
    P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
    R: Storage,
    W: Wake,
{
    /// The first line: the name.
    fn enter<S: Storage>(&mut self, line: &str, now: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let State::Nameless { port, wake } = core::mem::replace(&mut self.state, State::Gone) else {
            return Ok(Flow::Close);
        };
        let mut name = clean_name(line);
        if name.is_empty() {
            // 6 bytes and at most 5 digits.
            let _ = write!(name, "Guest_{port}");
        }
        let (state, history) = (&mut self.state, self.rules.history);
        let mut entered = Ok(Flow::Close);
        self.hub.with(|hub| {
            let Some(ticket) = hub.enter(&name, wake, now) else {
                entered = say(out, format_args!("[ERROR] The room is full.")).and(Err(Refusal::Full));
                return;
            };
            let (attention, listing) = (Attention::Asleep, Listing::None);
            let mut listener = Listener { ticket, attention, listing, look_at: now, next: 0, left: 0 };
            listener.ask_for_last(history);
            let name = hub.name(ticket).map_or("", |name| name.as_str());
            entered = say(out, format_args!("* You are {name}. /help lists the commands.")).map(|()| listener.flow());
            *state = State::Member(listener);
        });
        entered
    }

    /// A line of a member.
    fn hear<S: Storage>(&mut self, line: &str, now: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let State::Member(listener) = &mut self.state else {
            return Ok(Flow::Close);
        };
        if !self.allowance.take(self.rules.rate, now) {
            let rate = self.rules.rate;
            say(out, format_args!("[ERROR] Too fast: at most {rate} lines a second. This one was not sent."))?;
            return Ok(Flow::Continue);
        }
        let (command, rest) = match line.strip_prefix('/') {
            None => ("", line),
            Some(text) if text.starts_with('/') => ("", text),
            Some(command) => word(command),
        };
        let (rules, ask_at) = (&self.rules, &mut self.ask_at);
        let mut done = Ok(());
        self.hub.with(|hub| {
            let ticket = listener.ticket;
            done = match command {
                "" if line.starts_with('/') && rest.is_empty() => unknown(command, out),
                "" if hub.tell(ticket, Deed::Said { text: rest }, now) => Ok(()),
                "" => say(out, format_args!("[ERROR] The message is too long for this room.")),
                "msg" => match hub.addressee(rest) {
                    Some((_, "")) => say(out, format_args!("[ERROR] Say what: /msg NAME text")),
                    Some((to, text)) => match hub.whisper(ticket, to, text, now) {
                        Ok(()) => Ok(()),
                        Err(log::TooLong) => say(out, format_args!("[ERROR] The message is too long for this room.")),
                    },
                    None if rest.is_empty() => say(out, format_args!("[ERROR] Say to whom: /msg NAME text")),
                    None => {
                        let name = clean_name(word(rest).0);
                        say(out, format_args!("[ERROR] Nobody here is called {name}. /who lists who is."))
                    }
                },
                "who" => {
                    (listener.listing, listener.next) = (Listing::Who, 0);
                    say(out, format_args!("* Here now ({}):", hub.members()))
                }
                "nick" if clean_name(rest).is_empty() => say(out, format_args!("[ERROR] Say which: /nick NAME")),
                "nick" => {
                    let name = clean_name(rest);
                    if hub.name(ticket) != Some(&name) {
                        hub.rename(ticket, &name, now);
                    }
                    say(out, format_args!("* You are {}.", hub.name(ticket).map_or("", |name| name.as_str())))
                }
                "history" => match if rest.is_empty() { Some(rules.history) } else { number(rest) } {
                    Some(n) => {
                        listener.ask_for_last(n);
                        Ok(())
                    }
                    None => say(out, format_args!("[ERROR] Say how many: /history [N]")),
                },
                "help" => HELP.iter().try_for_each(|line| Ok(out.push(line)?)),
                "quit" => say(out, format_args!("* Bye.")),
                _ => unknown(command, out),
            };
            if !hub.may_speak(Some(ticket), rules, now) {
                *ask_at = Alarm::at(now + ASK_AGAIN);
            }
        });
        done.map(|()| match self.ask_at.time() {
            _ if command == "quit" => Flow::Close,
            // It is polled before the next line, and asks.
            Some(_) => Flow::Wait,
            None => listener.flow(),
        })
    }
}

fn unknown<S: Storage>(command: &str, out: &mut Encoder<Lines, S>) -> Result<(), Refusal> {
    let command = clean_name(command);
    say(out, format_args!("[ERROR] There is no command /{}. /help lists them.", Clean(&command)))
}

impl<H, P, R, W> Service for Chat<H, Hub<P, R, W>, W>
where
    H: Shared<Hub<P, R, W>>,
    P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
    R: Storage,
    W: Wake,
{
    type Framing = Lines;

    fn intake(&self) -> Intake {
        // Each line that is told must fit; so must what `/help` says at once.
        let help = HELP.iter().map(|line| line.len() + Lines::SUFFIX).sum();
        Intake::Whole { reply: (self.rules.max_line + WORDS).max(help) }
    }

    fn open<S: Storage>(&mut self, _: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        say(out, format_args!("* Welcome. What is your name?"))?;
        Ok(Flow::Continue)
    }

    fn poll<S: Storage>(&mut self, now: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let listener = match &mut self.state {
            State::Member(listener) => Some(listener),
            State::Nameless { .. } if self.rules.patience().is_zero() => return Ok(Flow::Continue),
            State::Nameless { .. } => None,
            State::Gone => return Ok(Flow::Continue),
        };
        let (rules, ask_at) = (&self.rules, &mut self.ask_at);
        *ask_at = Alarm(None);
        let mut told = Ok(Flow::Continue);
        self.hub.with(|hub| {
            let ticket = listener.as_ref().map(|listener| listener.ticket);
            if let Some(listener) = listener
                && !listener.is_pausing(now)
            {
                told = listener.listen(hub, rules, now, out);
            }
            if matches!(told, Ok(Flow::Continue)) && !hub.may_speak(ticket, rules, now) {
                *ask_at = Alarm::at(now + ASK_AGAIN);
                told = Ok(Flow::Wait);
            }
        });
        told
    }

    fn deadline(&self) -> Option<Instant> {
        let look_at = match &self.state {
            State::Member(listener) if listener.attention != Attention::Asleep => Some(listener.look_at),
            _ => None,
        };
        look_at.into_iter().chain(self.ask_at.time()).min()
    }

    fn frame<S: Storage>(&mut self, line: &[u8], now: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let Ok(line) = core::str::from_utf8(line) else {
            say(out, format_args!("[ERROR] Received invalid data."))?;
            return Ok(Flow::Continue);
        };
        match (line.trim(), &self.state) {
            (name, State::Nameless { .. }) => self.enter(name, now, out),
            ("", _) => Ok(Flow::Continue),
            (line, _) if line.len() > self.rules.max_line => self.too_long(out),
            (line, _) => self.hear(line, now, out),
        }
    }

    fn skipped<S: Storage>(&mut self, _: &DecodeError, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        self.too_long(out)
    }

    fn closed(&mut self, now: Instant) {
        if let State::Member(listener) = core::mem::replace(&mut self.state, State::Gone) {
            self.hub.with(|hub| hub.leave(listener.ticket, now));
        }
    }
}

impl<H, B, W> Chat<H, B, W> {
    /// Whether this client has said its name and is in the room.
    pub fn is_member(&self) -> bool {
        matches!(self.state, State::Member(_))
    }

    fn too_long<S: Storage>(&self, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let most = self.rules.max_line;
        say(out, format_args!("[ERROR] The line is too long: at most {most} bytes. It was not sent."))?;
        Ok(Flow::Continue)
    }
}
