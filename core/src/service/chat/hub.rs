//! A chat room: who is in it, and its log.

use core::fmt;
use core::marker::PhantomData;

use heapless::String;

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
    attention: Attention,
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
    /// It will look by itself.
    Awake,
    /// It has read all, and must be woken.
    Asleep,
}

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
        Self { seats, wake: PhantomData, log: Log::new(ring), clock, last_id: 0, high: 0, members: 0, dropped: 0 }
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
        seat.member = Some(Member { id: ticket.id, name, wake, attention: Attention::Awake });
        self.high = self.high.max(index + 1);
        self.members += 1;
        self.tell(ticket, Deed::Joined, now);
        Some(ticket)
    }

    /// The member is gone.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Instant) {
        self.tell(ticket, Deed::Left, now);
        if self.member_mut(ticket).is_some()
            && let Some(seat) = self.seats.as_mut().get_mut(ticket.seat)
        {
            seat.member = None;
            self.members -= 1;
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
        self.wake(from, audience);
        told.is_ok()
    }

    /// Tells one member something that nobody else sees.
    pub(super) fn whisper(&mut self, ticket: Ticket, to: MemberId, text: &str, now: Instant) -> Result<(), TooLong> {
        let (from, Some(name)) = (ticket.id, self.name(ticket).cloned()) else {
            return Ok(());
        };
        let stamp = Stamp(self.clock, now);
        let line = format_args!("{stamp} {name} (private): {}", Clean(text));
        let audience = Audience::One(to);
        self.log.append(from, audience, line)?;
        self.wake(from, audience);
        Ok(())
    }

    /// This member has read all, and is to be woken when there is more.
    pub(super) fn sleep(&mut self, ticket: Ticket) {
        if let Some(member) = self.member_mut(ticket) {
            member.attention = Attention::Asleep;
        }
    }

    /// The member whose name `text` starts with, the longest of such names, and what stands behind it.
    pub(super) fn addressee<'t>(&self, text: &'t str) -> Option<(MemberId, &'t str)> {
        self.present()
            .filter_map(|(id, name)| {
                let rest = text.strip_prefix(name.as_str())?;
                (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((id, rest.trim_start()))
            })
            .min_by_key(|(_, rest)| rest.len())
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

    fn wake(&mut self, from: MemberId, audience: Audience) {
        for member in self.seats.as_mut().iter_mut().take(self.high).filter_map(|seat| seat.member.as_mut()) {
            if member.attention == Attention::Asleep && is_for(member.id, from, audience) {
                member.attention = Attention::Awake;
                member.wake.wake();
            }
        }
    }

    /// `name` if nobody has it, else `name_2`, `name_3`, …
    ///
    /// Numbers are looked for by the hundred: one after the other, a room full of namesakes would take a second for the next one.
    fn free_name(&self, name: &str) -> Name {
        let plain = numbered(name, 1);
        if !self.present().any(|(_, taken)| *taken == plain) {
            return plain;
        }
        let mut first = 2_u32;
        loop {
            let mut taken = 0_u128;
            for (_, other) in self.present() {
                let Some(number) = number_of(other) else { continue };
                if let Some(place) = number.checked_sub(first)
                    && place < u128::BITS
                    && *other == numbered(name, number)
                {
                    taken |= 1 << place;
                }
            }
            if taken != u128::MAX {
                return numbered(name, first + taken.trailing_ones());
            }
            // There are fewer members than numbers.
            first += u128::BITS;
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
    let (_, number) = name.rsplit_once('_')?;
    number.parse().ok()
}

/// A name as it may be: trimmed, without control characters, at most [`MAX_NAME`] characters. It may be empty.
pub(super) fn clean_name(text: &str) -> Name {
    let mut name = Name::new();
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).for_each(|c| _ = name.push(c));
    Name::try_from(name.trim()).unwrap_or_default()
}

/// Text whose control characters cannot reach a terminal: a tab is written as a space, any other as `?`.
#[derive(Clone, Copy)]
pub(super) struct Clean<'a>(pub(super) &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(char::is_control) {
            let plain = piece.trim_end_matches(char::is_control);
            f.write_str(plain)?;
            match piece.strip_prefix(plain) {
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
        assert_eq!(clean_name("\u{1b}[31mred"), "[31mred");
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
