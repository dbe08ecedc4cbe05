//! A chat room: who is in it, and its log.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use heapless::String;

use super::Rules;
use super::hold::Hold;
use super::log::{Audience, Log, MemberId, TooLong};
use crate::buffer::Storage;
use crate::time::{Instant, WallClock};

/// The most characters of a name.
pub const MAX_NAME: usize = 32;

/// A name: at most [`MAX_NAME`] characters, of up to 4 bytes.
pub(super) type Name = String<{ 4 * MAX_NAME }>;

/// A room with the seats `P` (an array or boxed slice of [`Seat`]) and the ring `R` of bytes for its log.
///
/// Behind a [`Shared`](crate::Shared) it serves the [`Chat`](super::Chat)s of all connections. The ring bounds how far a slow reader
/// may fall behind, and how much history there is: 11 bytes a line, and the line.
#[derive(Debug)]
pub struct Hub<P, R, W = ()> {
    seats: P,
    wake: PhantomData<W>,
    log: Log<R>,
    clock: WallClock,
    last_id: u32,
    /// No seat from here on is taken.
    high: usize,
    /// How many seats are taken.
    members: usize,
    /// Members that were disconnected because they read too slowly.
    dropped: u64,
    hold: Hold,
    /// The seat of the member that was the slowest of those worth waiting for, when this was looked at last.
    slowest: usize,
    /// No member worth waiting for is before this place.
    floor: u64,
    /// How many members may not speak now.
    held: usize,
}

/// A place for one member, which can be woken by `W` when there is something to read.
#[derive(Clone, Debug)]
pub struct Seat<W> {
    member: Option<Member<W>>,
}

#[derive(Clone, Debug)]
struct Member<W> {
    id: MemberId,
    name: Name,
    wake: W,
    /// Everything before this place was told, or was not for this member. Of no meaning while it is asleep.
    cursor: u64,
    attention: Attention,
    speech: Speech,
}

/// What a member shows to find its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) id: MemberId,
    seat: usize,
}

/// Whether a member looks at the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attention {
    /// It will look by itself, as soon as its turn comes.
    Awake,
    /// It has read all, and must be woken.
    Asleep,
    /// It will look by itself, but its output was full when it did last; it got on at this time.
    Full { since: Instant },
}

/// Whether a member may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Free,
    /// It is to be woken when it may.
    Held,
}

/// How far a member got with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was told everything, and will look again by itself.
    All,
    /// It was told everything, and is to be woken when there is more.
    AllAndSleeps,
    /// There was no room to tell it more.
    Part {
        /// Whether it was told anything.
        got_on: bool,
    },
}

/// How long the output of a member may be full until it is not worth waiting for.
const STUCK: Duration = Duration::from_secs(1);

/// Wakes a member's connection, so that its session is polled for output.
pub trait Wake {
    /// Wakes it; called with the room locked, so it must not take long.
    fn wake(&self);
}

/// For front ends that poll all sessions in every turn.
impl Wake for () {
    fn wake(&self) {}
}

/// What a member did, as others are told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed<'a> {
    Joined,
    Left,
    Renamed { to: &'a str },
    Said { text: &'a str },
}

impl<W> Default for Seat<W> {
    fn default() -> Self {
        Self { member: None }
    }
}

impl<W> Seat<W> {
    /// Whether a member has it.
    pub fn is_taken(&self) -> bool {
        self.member.is_some()
    }
}

impl<P, R, W> Hub<P, R, W>
where
    P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
    R: Storage,
    W: Wake,
{
    /// An empty room, whose lines are stamped by `clock`.
    pub const fn new(seats: P, ring: R, clock: WallClock) -> Self {
        Self {
            seats,
            wake: PhantomData,
            log: Log::new(ring),
            clock,
            last_id: 0,
            high: 0,
            members: 0,
            dropped: 0,
            hold: Hold::No,
            slowest: 0,
            floor: 0,
            held: 0,
        }
    }

    /// Stamps lines by this clock from now on.
    pub fn set_clock(&mut self, clock: WallClock) {
        self.clock = clock;
    }

    /// Puts a line from an earlier life of this room into the history. It must be a finished line: `[HH:MM:SS] name: text`.
    pub fn restore(&mut self, line: &str) {
        // A line that the ring cannot hold is not worth stopping for.
        let _ = self.log.append(MemberId(0), Audience::Everyone, format_args!("{}", Clean(line)));
    }

    /// Lends the public messages from `cursor` (0 at first) on to `read`, and returns the cursor for the next time: to keep the history
    /// somewhere else.
    pub fn messages_from(&self, cursor: u64, mut read: impl FnMut([&[u8]; 2])) -> u64 {
        let mut at = cursor.max(self.log.oldest());
        while let Some(entry) = self.log.entry(at) {
            if entry.audience == Audience::Everyone {
                read(entry.text);
            }
            at = entry.next;
        }
        at
    }

    /// How many members were disconnected because they read too slowly.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members
    }

    pub(super) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    pub(super) fn log(&self) -> &Log<R> {
        &self.log
    }

    /// A new member with this name, or one like it; `None` if no seat is free.
    pub(super) fn enter(&mut self, name: &str, wake: W, now: Instant) -> Option<Ticket> {
        let name = self.free_name(name);
        let (index, seat) = self.seats.as_mut().iter_mut().enumerate().find(|(_, seat)| seat.member.is_none())?;
        self.last_id += 1;
        let ticket = Ticket { id: MemberId(self.last_id), seat: index };
        // What was said before is for it only as history; its own joining is not for it.
        let (cursor, attention, speech) = (self.log.end(), Attention::Awake, Speech::Free);
        seat.member = Some(Member { id: ticket.id, name, wake, cursor, attention, speech });
        self.high = self.high.max(index + 1);
        self.members += 1;
        self.tell(ticket, Deed::Joined, now);
        Some(ticket)
    }

    /// The member is gone.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Instant) {
        self.tell(ticket, Deed::Left, now);
        if let Some(member) = self.member_mut(ticket) {
            let held = member.speech == Speech::Held;
            self.held -= usize::from(held);
            self.members -= 1;
            if let Some(seat) = self.seats.as_mut().get_mut(ticket.seat) {
                seat.member = None;
            }
        }
        let mut taken = self.seats.as_ref().iter().take(self.high);
        self.high = taken.rposition(|seat| seat.member.is_some()).map_or(0, |last| last + 1);
    }

    /// Gives a member another name, or one like it.
    pub(super) fn rename(&mut self, ticket: Ticket, name: &str, now: Instant) {
        let name = self.free_name(name);
        self.tell(ticket, Deed::Renamed { to: &name }, now);
        if let Some(member) = self.member_mut(ticket) {
            member.name = name;
        }
    }

    /// Tells everyone else what a member did. Whether it could be told.
    pub(super) fn tell(&mut self, ticket: Ticket, deed: Deed<'_>, now: Instant) -> bool {
        let (from, Some(name)) = (ticket.id, self.name(ticket).cloned()) else {
            return false;
        };
        let stamp = Stamp(self.clock, now);
        let at = self.log.end();
        let (audience, told) = match deed {
            Deed::Joined => {
                (Audience::Present, self.log.append(from, Audience::Present, format_args!("{stamp} * {name} joined")))
            }
            Deed::Left => {
                (Audience::Present, self.log.append(from, Audience::Present, format_args!("{stamp} * {name} left")))
            }
            Deed::Renamed { to } => {
                let line = format_args!("{stamp} * {name} is now {to}");
                (Audience::Present, self.log.append(from, Audience::Present, line))
            }
            Deed::Said { text } => {
                let line = format_args!("{stamp} {name}: {}", Clean(text));
                (Audience::Everyone, self.log.append(from, Audience::Everyone, line))
            }
        };
        if told.is_ok() {
            self.wake(from, audience, at);
        }
        told.is_ok()
    }

    /// Tells one member something that nobody else sees.
    pub(super) fn whisper(&mut self, ticket: Ticket, to: MemberId, text: &str, now: Instant) -> Result<(), TooLong> {
        let (from, Some(name)) = (ticket.id, self.name(ticket).cloned()) else {
            return Ok(());
        };
        let stamp = Stamp(self.clock, now);
        let line = format_args!("{stamp} {name} (private): {}", Clean(text));
        let (audience, at) = (Audience::One(to), self.log.end());
        self.log.append(from, audience, line)?;
        self.wake(from, audience, at);
        Ok(())
    }

    /// Where a member is to go on reading; `None` where it is not known, or was told everything and sleeps.
    pub(super) fn cursor(&self, ticket: Ticket) -> Option<u64> {
        let member = self.seats.as_ref().get(ticket.seat)?.member.as_ref()?;
        (member.id == ticket.id && member.attention != Attention::Asleep).then_some(member.cursor)
    }

    /// A member has read up to `cursor`, at `now`.
    pub(super) fn heard(&mut self, ticket: Ticket, cursor: u64, heard: Heard, rules: &Rules, now: Instant) {
        let Some(member) = self.member_mut(ticket) else { return };
        member.cursor = cursor;
        member.attention = match (heard, member.attention) {
            (Heard::All, _) => Attention::Awake,
            (Heard::AllAndSleeps, _) => Attention::Asleep,
            (Heard::Part { got_on: false }, Attention::Full { since }) => Attention::Full { since },
            (Heard::Part { .. }, _) => Attention::Full { since: now },
        };
        // It may not have been worth waiting for, and be so again.
        self.floor = self.floor.min(cursor);
        self.release(rules, now);
    }

    /// Whether somebody may speak now: this member, or one who is about to join. Who may not looks again later; a member is woken
    /// when it is worth that.
    ///
    /// It may not while others read, and are so far behind that they would soon be overtaken.
    pub(super) fn may_speak(&mut self, ticket: Option<Ticket>, rules: &Rules, now: Instant) -> bool {
        let may = !self.waits(rules, now);
        if may {
            self.release(rules, now);
        } else if let Some(member) = ticket.and_then(|ticket| self.member_mut(ticket))
            && member.speech == Speech::Free
        {
            member.speech = Speech::Held;
            self.held += 1;
        }
        may
    }

    /// Wakes those who may speak again.
    fn release(&mut self, rules: &Rules, now: Instant) {
        if self.held == 0 || self.waits(rules, now) {
            return;
        }
        self.held = 0;
        for member in self.seats.as_mut().iter_mut().take(self.high).filter_map(|seat| seat.member.as_mut()) {
            if member.speech == Speech::Held {
                member.speech = Speech::Free;
                member.wake.wake();
            }
        }
    }

    /// Whether the room waits for members that are far behind.
    fn waits(&mut self, rules: &Rules, now: Instant) -> bool {
        if rules.patience().is_zero() {
            return false;
        }
        let end = self.log.end();
        let limit = end.saturating_sub(self.hold.far(self.log.capacity()));
        let slowest = self.slowest_before(limit, now);
        self.hold.waits(slowest, limit, end, rules.patience(), now)
    }

    /// The place of the slowest member that is worth waiting for, or of one not much faster, if that is before `limit`.
    ///
    /// It is asked for often, and mostly there is none, or it is the same as before.
    fn slowest_before(&mut self, limit: u64, now: Instant) -> Option<u64> {
        if limit <= self.floor {
            return None;
        }
        let seats = self.seats.as_ref();
        let place = |index: usize| seats.get(index)?.member.as_ref()?.place_worth_waiting_for(now);
        if let Some(place) = place(self.slowest)
            && place < limit
        {
            return Some(place);
        }
        let (mut floor, mut slowest) = (self.log.end(), 0);
        for index in 0..self.high {
            if let Some(place) = place(index)
                && place < floor
            {
                (floor, slowest) = (place, index);
            }
        }
        (self.floor, self.slowest) = (floor, slowest);
        (floor < limit).then_some(floor)
    }

    /// The member whose name `text` starts with, the longest of such names, and what stands behind it.
    pub(super) fn addressee<'t>(&self, text: &'t str) -> Option<(MemberId, &'t str)> {
        let mut addressee: Option<(MemberId, &str)> = None;
        for (id, name) in self.present() {
            let Some(rest) = text.strip_prefix(name.as_str()) else { continue };
            let said = rest.trim_start();
            let ends_there = rest.is_empty() || said.len() < rest.len();
            if ends_there && addressee.is_none_or(|(_, other)| said.len() < other.len()) {
                addressee = Some((id, said));
            }
        }
        addressee
    }

    pub(super) fn name(&self, ticket: Ticket) -> Option<&Name> {
        let member = self.seats.as_ref().get(ticket.seat)?.member.as_ref()?;
        (member.id == ticket.id).then_some(&member.name)
    }

    /// The member in the seat `index` or the next one taken, with that seat's index.
    pub(super) fn member_from(&self, index: usize) -> Option<(usize, &Name)> {
        let mut seats = self.seats.as_ref().iter().enumerate().take(self.high).skip(index);
        seats.find_map(|(index, seat)| Some((index, &seat.member.as_ref()?.name)))
    }

    fn present(&self) -> impl Iterator<Item = (MemberId, &Name)> {
        let taken = self.seats.as_ref().iter().take(self.high);
        taken.filter_map(|seat| seat.member.as_ref()).map(|member| (member.id, &member.name))
    }

    fn member_mut(&mut self, ticket: Ticket) -> Option<&mut Member<W>> {
        let member = self.seats.as_mut().get_mut(ticket.seat)?.member.as_mut()?;
        (member.id == ticket.id).then_some(member)
    }

    /// Wakes those who sleep and for whom the line at the place `at` is.
    fn wake(&mut self, from: MemberId, audience: Audience, at: u64) {
        for member in self.seats.as_mut().iter_mut().take(self.high).filter_map(|seat| seat.member.as_mut()) {
            if member.attention == Attention::Asleep && is_for(member.id, from, audience) {
                member.attention = Attention::Awake;
                member.cursor = at;
                member.wake.wake();
            }
        }
    }

    /// `name` if nobody has it, else `name_2`, `name_3`, …
    ///
    /// Numbers are looked for by the dozen: one after the other, a room full of namesakes would take a second for the next one.
    fn free_name(&self, name: &str) -> Name {
        let plain = numbered(name, 1);
        if !self.present().any(|(_, taken)| *taken == plain) {
            return plain;
        }
        let mut first = 2_u32;
        loop {
            let mut taken = 0_usize;
            for (_, other) in self.present() {
                let Some(number) = number_of(other) else { continue };
                if let Some(place) = number.checked_sub(first)
                    && place < usize::BITS
                    && *other == numbered(name, number)
                {
                    taken |= 1 << place;
                }
            }
            if taken != usize::MAX {
                return numbered(name, first + taken.trailing_ones());
            }
            // There are fewer members than numbers.
            first += usize::BITS;
        }
    }
}

impl<W> Member<W> {
    /// Where it is in the log, if it reads on as soon as its turn comes.
    fn place_worth_waiting_for(&self, now: Instant) -> Option<u64> {
        match self.attention {
            Attention::Asleep => None,
            Attention::Full { since } if now.saturating_since(since) >= STUCK => None,
            Attention::Awake | Attention::Full { .. } => Some(self.cursor),
        }
    }
}

/// Whether a line from `from` is to be read by `reader`.
pub(super) fn is_for(reader: MemberId, from: MemberId, audience: Audience) -> bool {
    match audience {
        Audience::Everyone | Audience::Present => reader != from,
        Audience::One(to) => reader == to,
    }
}

/// `name_number`, within the length of a name; 1 is not written.
fn numbered(name: &str, number: u32) -> Name {
    use fmt::Write;
    let mut suffix = String::<12>::new();
    if number > 1 {
        // A u32 has at most ten digits.
        let _ = write!(suffix, "_{number}");
    }
    let mut numbered = Name::new();
    // Characters of at most 4 bytes: they fit.
    name.chars().take(MAX_NAME - suffix.len()).chain(suffix.chars()).for_each(|c| _ = numbered.push(c));
    numbered
}

/// The number at the end of a name that may be a numbered one.
fn number_of(name: &str) -> Option<u32> {
    // Not `rsplit_once`: the search in Rust's library has a panic in it, which a device would have to hold.
    let at = name.bytes().rposition(|byte| byte == b'_')?;
    u32::try_from(number(name.get(at + 1..)?)?).ok()
}

/// A number as it is written. Not inlined: it is much code, and never hot.
#[inline(never)]
pub(super) fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

/// A name as it may be: trimmed, without control characters, at most [`MAX_NAME`] characters. It may be empty.
///
/// What the room says itself starts with `*` or `[`, and no name does: nobody can speak in its place.
pub(super) fn clean_name(text: &str) -> Name {
    let mut name = Name::new();
    let plain = text.chars().filter(|c| !c.is_control());
    let rest = plain.skip_while(|c| c.is_whitespace() || matches!(c, '*' | '['));
    rest.take(MAX_NAME).for_each(|c| _ = name.push(c));
    Name::try_from(name.trim_end()).unwrap_or_default()
}

/// Text whose control characters cannot reach a terminal: a tab is written as a space, any other as `?`.
#[derive(Clone, Copy)]
pub(super) struct Clean<'a>(pub(super) &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(char::is_control) {
            let plain = piece.trim_end_matches(char::is_control);
            f.write_str(plain)?;
            match piece.get(plain.len()..) {
                None | Some("") => {}
                Some("\t") => f.write_str(" ")?,
                Some(_) => f.write_str("?")?,
            }
        }
        Ok(())
    }
}

/// `[HH:MM:SS]`.
struct Stamp(WallClock, Instant);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.at(self.1);
        write!(f, "[{:02}:{:02}:{:02}]", time.hour, time.minute, time.second)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_trimmed_cleaned_and_cut_to_32_characters() {
        assert_eq!(clean_name("  ann \u{7}\r"), "ann");
        assert_eq!(clean_name("\u{1b}[31mred"), "31mred");
        for imitation in ["* Welcome", "[ERROR] Welcome", " \u{7}* [ ** Welcome "] {
            assert!(!clean_name(imitation).starts_with(['*', '[', ' ']), "{}", clean_name(imitation));
        }
        assert_eq!(clean_name("[[**]"), "]");
        assert_eq!(clean_name("a * b [c]"), "a * b [c]");
        assert_eq!(clean_name(&"é".repeat(40)), "é".repeat(32).as_str());
        assert_eq!(clean_name(" \u{0} "), "");
        assert_eq!(numbered(&"🦀".repeat(32), 12), ("🦀".repeat(29) + "_12").as_str());
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(Clean("a\tb\u{1b}[2Jc\u{9b}d\u{7f}").to_string(), "a b?[2Jc?d?");
        assert_eq!(Clean("👩‍🚀 ünï").to_string(), "👩‍🚀 ünï");
        assert_eq!(Clean("\u{0}\u{1}").to_string(), "??");
    }
}
