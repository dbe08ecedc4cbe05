//! Many clients from fixed memory: slots that each hold a socket, its rings, and a session's buffers.
//!
//! # No socket waits at a port
//!
//! A smoltcp socket listens at one port, for one connection, with its own rings. To keep one listening for each service would
//! tie up a slot a port; and a SYN that is sent again would reach such a socket although another one already holds the
//! connection half open: smoltcp gives a segment to the first socket that accepts it, and the ghost would reset the client.
//!
//! So here nobody listens. The pool looks at the frame at the head of the device's queue (that is what
//! [`Line::peek`](crate::device::Line::peek) is for), and when it is a SYN for a port that is served, and no slot
//! holds that connection, a free slot listens for it, just before the stack takes the frame. Every slot can serve every port; all of
//! them can be in use; a burst of SYNs finds a listener for each; and what is refused is counted.
//!
//! # The life of a slot
//!
//! ```text
//!            SYN                 ACK                  session done            closed, or TIME-WAIT needed
//!   Free ──────────▶ HalfOpen ──────────▶ Serving ──────────────▶ Draining ──────────────▶ Free
//!     ▲                 │ handshake time-out │ idle, linger, silence    │ drain time-out
//!     └─────────────────┴────────────────────┴── (reset) ───────────────┘
//! ```
//!
//! Each state has a deadline, because TCP itself gives some none: a half-open connection and FIN-WAIT-2 last for ever.

mod events;
mod slot;

pub use events::{Event, RefusalReason};
pub use slot::{Occupancy, Slot};

use core::time::Duration;

use framewright::{Instant, SessionError};
use managed::ManagedSlice;
use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp;
use smoltcp::wire::IpListenEndpoint;

use crate::device::Opening;
use crate::services::{Client, Services};

/// The settings of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PoolConfig {
    /// How long a client may take to complete the handshake.
    pub handshake: Duration,
    /// How long a half-open connection is safe from being given up for a new one when no slot is free; the oldest goes first.
    ///
    /// It must be as long as a client nearby takes to answer. Under a flood of SYNs, a client further away gets through as long
    /// as fewer of them come in its round trip than there are slots. A SYN that finds none so old is left unanswered: a
    /// client's TCP sends it again a second later, and a reset would have told it to give up.
    pub handshake_grace: Duration,
    /// Refuses such a SYN instead, with a reset: for networks that take many seconds to send one again, as QEMU's does.
    pub refuse_early: bool,
    /// How long a connection may take to end after this side has closed its half; and after the session is over, how long
    /// the peer may take to acknowledge something of what is still to be sent to it.
    pub drain: Duration,
    /// Asks silent peers whether they are still there; `None` keeps a connection to a peer that vanished until the idle
    /// timeout of its session.
    pub keep_alive: Option<KeepAlive>,
}

/// How a peer that says nothing is told from one that is gone. The two belong together: a time-out without questions would
/// cut off healthy clients that have nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeepAlive {
    /// A question is sent after so long a silence, and again.
    pub every: Duration,
    /// So many questions without an answer end the connection.
    pub questions: u32,
}

/// Slots for clients, and the sockets in them.
pub struct Pool<'a, S: Services> {
    services: S,
    sockets: SocketSet<'a>,
    /// `slots[..used]` have memory.
    slots: ManagedSlice<'a, Slot<S::Connection>>,
    used: usize,
    config: PoolConfig,
    admission: Admission,
    counts: PoolCounts,
    /// When a slot runs out of time, as of the end of the last turn: before that none needs to be asked.
    due: Option<Instant>,
}

/// Whether new clients are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    Open,
    /// The server is stopping.
    Closed,
}

/// What is to be done with a frame that the stack has not seen yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The stack takes it as it is.
    Pass,
    /// The stack takes it, and this slot listens for it.
    Admit(usize),
    /// It is dropped.
    Ignore,
}

/// Where there is room for a client that knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Slot(usize),
    /// A slot has this connection.
    Known,
    /// Soon, when it is clear who of those that knocked before means it.
    Later,
    Nowhere(RefusalReason),
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PoolCounts {
    /// Connections that were established.
    pub opened: u64,
    /// Connections that ended.
    pub closed: u64,
    /// SYNs for which there was no slot, or that came while the server was stopping.
    pub refused: u64,
    /// SYNs that were left unanswered, because handshakes that had only just begun held the last slots.
    pub ignored: u64,
    /// Handshakes that were not completed.
    pub abandoned: u64,
}

/// What a slot is made of. The sizes are the owner's choice; see [`Pool::add`].
#[derive(Debug)]
pub struct SlotMemory<'a, B> {
    /// The ring that the client's bytes arrive in. Its size is TCP's window.
    pub rx: &'a mut [u8],
    /// The ring of bytes that the client has not acknowledged.
    pub tx: &'a mut [u8],
    /// The session's input: holds a message, or its header, that is split between two reads.
    pub input: B,
    /// The session's output: replies are written here before they go into the ring.
    pub output: B,
}

impl Default for PoolConfig {
    /// 20 s for a handshake, safe for the first 2 ms; 30 s to drain; a silent peer is asked every 30 s, three times.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(20),
            handshake_grace: Duration::from_millis(2),
            refuse_early: false,
            drain: Duration::from_secs(30),
            keep_alive: Some(KeepAlive { every: Duration::from_secs(30), questions: 3 }),
        }
    }
}

impl<'a, S: Services> Pool<'a, S> {
    /// A pool without slots. `sockets` and `slots` are storage for as many as will be added, or vectors that grow.
    ///
    /// The socket set may hold sockets of the caller's own; TCP sockets that listen at a port that is served would get in the
    /// way.
    pub fn new(
        services: S,
        config: PoolConfig,
        sockets: SocketSet<'a>,
        slots: impl Into<ManagedSlice<'a, Slot<S::Connection>>>,
    ) -> Self {
        let slots = slots.into();
        let (admission, counts) = (Admission::Open, PoolCounts::default());
        Self { services, sockets, slots, used: 0, config, admission, counts, due: None }
    }

    /// Adds a slot.
    ///
    /// # Errors
    /// The output buffer is too small for some service's longest reply.
    ///
    /// # Panics
    /// The storage that was given to [`new`](Self::new) is full.
    pub fn add(&mut self, memory: SlotMemory<'a, Buffer<S>>) -> Result<(), SessionError> {
        let SlotMemory { rx, tx, input, output } = memory;
        self.add_socket(tcp::Socket::new(tcp::SocketBuffer::new(rx), tcp::SocketBuffer::new(tx)), input, output)
    }

    /// Adds a slot with a socket that the caller made, with rings of its own.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    ///
    /// # Panics
    /// As [`add`](Self::add).
    pub fn add_socket(
        &mut self,
        mut socket: tcp::Socket<'a>,
        input: Buffer<S>,
        mut output: Buffer<S>,
    ) -> Result<(), SessionError> {
        self.services.check(&mut output)?;
        // Replies are written together, so small segments are not for waiting. And a peer that does wait for an ACK before it
        // sends the rest of a message must not wait for a timer: with an answer in the same turn it costs no packet.
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        let slot = Slot::free(self.sockets.add(socket), (input, output));
        match &mut self.slots {
            ManagedSlice::Borrowed(slots) => slots[self.used] = slot,
            #[cfg(feature = "std")]
            ManagedSlice::Owned(slots) => {
                slots.truncate(self.used);
                slots.push(slot);
            }
        }
        self.used += 1;
        Ok(())
    }

    /// The sockets, for the interface.
    pub(crate) fn sockets_mut(&mut self) -> &mut SocketSet<'a> {
        &mut self.sockets
    }

    /// The sockets.
    pub(crate) fn sockets(&self) -> &SocketSet<'a> {
        &self.sockets
    }

    /// A SYN is about to be given to the stack: has a slot listen for it, if there is one to spare.
    pub(crate) fn admit(&mut self, opening: Opening, now: Instant, log: &mut dyn FnMut(Event)) -> Verdict {
        let port = opening.local.port;
        if !self.services.serves(port) {
            return Verdict::Pass;
        }
        let index = match self.room_for(opening, now) {
            Room::Slot(index) => index,
            Room::Known => return Verdict::Pass,
            Room::Later => {
                self.counts.ignored += 1;
                return Verdict::Ignore;
            }
            Room::Nowhere(reason) => {
                self.counts.refused += 1;
                log(Event::Refused { client: Client { remote: opening.remote, port }, reason });
                return Verdict::Pass;
            }
        };
        let slot = &mut self.slots[index];
        // What ended there may have come with the frames before this one, and nobody took note of it yet.
        slot.run(None, &mut self.sockets, &mut self.services, now, &mut self.counts, log);
        if let Some(client) = slot.client() {
            self.counts.abandoned += 1;
            log(Event::Abandoned { client });
        }
        slot.clear(&mut self.sockets);
        let socket = slot.socket_mut(&mut self.sockets);
        let keep_alive = self.config.keep_alive;
        // Settings of a socket outlive its connections.
        socket.set_timeout(keep_alive.map(|k| (k.every * (k.questions + 1)).into()));
        socket.set_keep_alive(keep_alive.map(|k| k.every.into()));
        // It was cleared, and the port of an opening is not 0 or it would not be served.
        match socket.listen(IpListenEndpoint::from(opening.local)) {
            Ok(()) => Verdict::Admit(index),
            Err(_) => Verdict::Pass,
        }
    }

    /// The stack has taken the SYN for which this slot was made to listen.
    pub(crate) fn admitted(&mut self, index: usize, opening: Opening, now: Instant) {
        let slot = &mut self.slots[index];
        let socket = slot.socket_mut(&mut self.sockets);
        if socket.state() == tcp::State::SynReceived {
            slot.half_open(Client { remote: opening.remote, port: opening.local.port }, now);
        } else {
            // Its checksum was wrong, or it was not for us.
            slot.clear(&mut self.sockets);
        }
    }

    /// Moves bytes in every slot, and ends what has run out of time. Whether anything happened.
    pub(crate) fn serve(&mut self, now: Instant, log: &mut dyn FnMut(Event)) -> bool {
        let mut moved = false;
        let due = self.due.is_some_and(|due| due <= now);
        for slot in &mut self.slots[..self.used] {
            let late = due && slot.deadline(&self.config).is_some_and(|deadline| deadline <= now);
            let late = late.then_some(&self.config);
            moved |= slot.run(late, &mut self.sockets, &mut self.services, now, &mut self.counts, log);
        }
        moved
    }

    /// When a slot runs out of time, if nothing comes before.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        self.due = self.slots[..self.used].iter().filter_map(|slot| slot.deadline(&self.config)).min();
        self.due
    }

    /// The server is stopping: nobody new is let in; what has come in is answered, then the connections are closed.
    pub fn shutdown(&mut self, now: Instant) {
        self.admission = Admission::Closed;
        for slot in &mut self.slots[..self.used] {
            slot.shutdown(&mut self.sockets, now);
        }
    }

    /// What the slots are doing, in their order.
    pub fn occupancy(&self) -> impl Iterator<Item = Occupancy> + '_ {
        self.slots[..self.used].iter().map(Slot::occupancy)
    }

    /// Whether no client is left: every slot is free, or has done its part and only waits for segments that went astray.
    pub fn is_deserted(&self) -> bool {
        let in_time_wait = |slot: &Slot<S::Connection>| slot.socket(&self.sockets).state() == tcp::State::TimeWait;
        self.slots[..self.used].iter().all(|slot| slot.occupancy() == Occupancy::Free || in_time_wait(slot))
    }

    /// How many slots are free.
    pub fn free(&self) -> usize {
        self.occupancy().filter(|occupancy| *occupancy == Occupancy::Free).count()
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether there are no slots at all.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// What happened so far.
    pub fn counts(&self) -> PoolCounts {
        self.counts
    }

    /// The services.
    pub fn services(&self) -> &S {
        &self.services
    }

    /// Where this SYN finds room.
    fn room_for(&self, opening: Opening, now: Instant) -> Room {
        let slots = &self.slots[..self.used];
        for (index, slot) in slots.iter().enumerate() {
            let socket = slot.socket(&self.sockets);
            if socket.remote_endpoint() == Some(opening.remote) && socket.local_endpoint() == Some(opening.local) {
                // After TIME-WAIT the same client may come again from the same port. In any other state, the socket answers
                // a SYN as TCP wants it: it is sent again, or from a peer that started anew and will be told.
                return if socket.state() == tcp::State::TimeWait { Room::Slot(index) } else { Room::Known };
            }
        }
        if self.admission == Admission::Closed {
            return Room::Nowhere(RefusalReason::Stopping);
        }
        let oldest = |wanted: &dyn Fn(&Slot<S::Connection>) -> bool| {
            let found = slots.iter().enumerate().filter(|(_, slot)| wanted(slot));
            found.min_by_key(|(_, slot)| slot.since()).map(|(index, _)| index)
        };
        let is = |slot: &Slot<S::Connection>, occupancy, state| {
            slot.occupancy() == occupancy && slot.socket(&self.sockets).state() == state
        };
        // A peer that was half-way in has reset that: smoltcp listens again there, and whatever SYN comes next would get that socket.
        let found = oldest(&|slot| is(slot, Occupancy::HalfOpen, tcp::State::Listen))
            .or_else(|| oldest(&|slot| slot.occupancy() == Occupancy::Free))
            // Nothing is left to do there but to wait for segments that went astray, or to send a reset to a peer that will be sent
            // another if it says anything.
            .or_else(|| {
                oldest(&|slot| {
                    slot.socket(&self.sockets).state() == tcp::State::Closed
                        || is(slot, Occupancy::Draining, tcp::State::TimeWait)
                })
            });
        if let Some(index) = found {
            return Room::Slot(index);
        }
        // Not one whose handshake is complete since the slots were served last.
        match oldest(&|slot| is(slot, Occupancy::HalfOpen, tcp::State::SynReceived)) {
            None => Room::Nowhere(RefusalReason::Full),
            Some(index) if now.saturating_since(slots[index].since()) >= self.config.handshake_grace => {
                Room::Slot(index)
            }
            Some(_) if self.config.refuse_early => Room::Nowhere(RefusalReason::Full),
            Some(_) => Room::Later,
        }
    }
}

/// The buffers of the sessions of `S`.
pub(crate) type Buffer<S> = <S as Services>::Buffer;

#[cfg(all(test, feature = "std"))]
mod flood_tests;
#[cfg(all(test, feature = "std"))]
mod succession_tests;
#[cfg(all(test, feature = "std"))]
mod tests;
