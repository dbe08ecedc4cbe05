//! One slot: a socket, and what it is used for.

use core::mem;

use framewright::Instant;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp;

use super::{Event, PoolConfig, PoolCounts};
use crate::connection::Connection;
use crate::pump::Pump;
use crate::services::{Client, Services};

/// The place of one client in a pool. [`default`](Slot::default) is a place in storage without memory.
pub struct Slot<C: Connection> {
    /// Of this slot's socket; meaningless while the slot is vacant.
    handle: SocketHandle,
    state: State<C>,
    /// When this state began.
    since: Instant,
}

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Occupancy {
    /// Nothing: it was not added yet.
    Vacant,
    /// Nothing: the next client gets it.
    Free,
    /// A client has begun a handshake.
    HalfOpen,
    /// A session is being served.
    Serving,
    /// The session is over, and TCP is not.
    Draining,
}

enum State<C: Connection> {
    Vacant,
    /// The socket is closed and has forgotten its last connection.
    Free {
        buffers: (C::Buffer, C::Buffer),
    },
    /// The socket is in SYN-RECEIVED.
    HalfOpen {
        client: Client,
        buffers: (C::Buffer, C::Buffer),
    },
    Serving {
        client: Client,
        pump: Pump<C>,
    },
    /// The socket sends what is in its ring, or a reset, or waits in TIME-WAIT.
    Draining {
        buffers: (C::Buffer, C::Buffer),
        /// Bytes that the peer had not acknowledged when it last acknowledged some.
        left: usize,
    },
}

impl<C: Connection> Default for Slot<C> {
    fn default() -> Self {
        Self { handle: SocketHandle::default(), state: State::Vacant, since: Instant::ZERO }
    }
}

impl<C: Connection> Slot<C> {
    /// A slot for clients, with a closed socket and the buffers of its sessions.
    pub(super) fn free(handle: SocketHandle, buffers: (C::Buffer, C::Buffer)) -> Self {
        Self { handle, state: State::Free { buffers }, since: Instant::ZERO }
    }

    /// A client has begun a handshake with the socket, which was made to listen for it.
    pub(super) fn half_open(&mut self, client: Client, now: Instant) {
        if let Some(buffers) = self.take_buffers() {
            self.enter(State::HalfOpen { client, buffers }, now);
        }
    }

    /// Makes the socket forget everything, silently, and the slot free.
    pub(super) fn clear(&mut self, sockets: &mut SocketSet<'_>) {
        if let Some(buffers) = self.take_buffers() {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(self.handle);
            // An aborted socket sends a reset at the next egress. Listening makes it forget to whom; the port does not matter.
            socket.abort();
            let forgotten = socket.listen(1);
            debug_assert!(forgotten.is_ok(), "{forgotten:?}");
            socket.close();
            // Out and in again: the set keeps a socket whose peer's Ethernet address it could not find from sending for a
            // second, and would keep it from answering the next client.
            let socket = sockets.remove(self.handle);
            self.handle = sockets.add(socket);
            self.state = State::Free { buffers };
        }
    }

    /// Does what can be done now. Whether anything was. Where it is `late`, its [deadline](Self::deadline) has passed by these settings.
    pub(super) fn run<S: Services<Connection = C, Buffer = C::Buffer>>(
        &mut self,
        late: Option<&PoolConfig>,
        sockets: &mut SocketSet<'_>,
        services: &mut S,
        now: Instant,
        counts: &mut PoolCounts,
        log: &mut dyn FnMut(Event),
    ) -> bool {
        let socket = sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        match &mut self.state {
            State::Vacant | State::Free { .. } => false,
            State::HalfOpen { client, .. } => {
                let client = *client;
                match socket.state() {
                    tcp::State::Established | tcp::State::CloseWait => {
                        counts.opened += 1;
                        log(Event::Opened { client });
                        if let Some(buffers) = self.take_buffers() {
                            let pump = Pump::new(services.open(client, buffers, now));
                            self.enter(State::Serving { client, pump }, now);
                        }
                        self.run(None, sockets, services, now, counts, log);
                        true
                    }
                    tcp::State::SynReceived if late.is_none() => false,
                    // Out of time; or reset by the peer, which makes smoltcp listen again.
                    _ => {
                        counts.abandoned += 1;
                        log(Event::Abandoned { client });
                        self.clear(sockets);
                        true
                    }
                }
            }
            State::Serving { client, pump } => {
                let client = *client;
                let mut moved = pump.run(socket, now);
                if let Some(config) = late
                    && !pump.connection().is_done()
                {
                    moved |= pump.run_out_of_time(socket, config.drain, now);
                }
                if pump.connection().is_done() {
                    counts.closed += 1;
                    if let Some(reason) = pump.connection().close_reason() {
                        log(Event::Closed { client, reason, stats: pump.connection().stats() });
                    }
                    let left = socket.send_queue();
                    if let Some(buffers) = self.take_buffers() {
                        self.enter(State::Draining { buffers, left }, now);
                    }
                    moved = true;
                }
                moved
            }
            State::Draining { left, .. } => match socket.state() {
                _ if socket.send_queue() < *left => {
                    *left = socket.send_queue();
                    self.since = now;
                    true
                }
                tcp::State::Closed if socket.remote_endpoint().is_none() => self.free_again(sockets, now),
                // A reset that could not be sent for so long, or enough waiting for segments that went astray.
                tcp::State::Closed | tcp::State::TimeWait if late.is_some() => self.free_again(sockets, now),
                tcp::State::Closed | tcp::State::TimeWait => false,
                _ if late.is_some() => {
                    socket.abort();
                    true
                }
                _ => false,
            },
        }
    }

    /// The server is stopping.
    pub(super) fn shutdown(&mut self, sockets: &mut SocketSet<'_>, now: Instant) {
        match &mut self.state {
            State::Serving { pump, .. } => pump.connection_mut().shutdown(now),
            State::HalfOpen { .. } => {
                sockets.get_mut::<tcp::Socket<'_>>(self.handle).abort();
                if let Some(buffers) = self.take_buffers() {
                    self.enter(State::Draining { buffers, left: 0 }, now);
                }
            }
            State::Vacant | State::Free { .. } | State::Draining { .. } => {}
        }
    }

    /// When [`run`](Self::run) must be called, if nothing comes before.
    pub(super) fn deadline(&self, config: &PoolConfig) -> Option<Instant> {
        match &self.state {
            State::Vacant | State::Free { .. } => None,
            State::HalfOpen { .. } => Some(self.since + config.handshake),
            State::Serving { pump, .. } => {
                let linger = pump.closed_at().map(|at| at + config.drain);
                let session = pump.connection().deadline();
                match (linger, session) {
                    (Some(linger), Some(session)) => Some(linger.min(session)),
                    (linger, session) => linger.or(session),
                }
            }
            State::Draining { .. } => Some(self.since + config.drain),
        }
    }

    /// What it is doing.
    pub fn occupancy(&self) -> Occupancy {
        match self.state {
            State::Vacant => Occupancy::Vacant,
            State::Free { .. } => Occupancy::Free,
            State::HalfOpen { .. } => Occupancy::HalfOpen,
            State::Serving { .. } => Occupancy::Serving,
            State::Draining { .. } => Occupancy::Draining,
        }
    }

    /// Whom it serves, or is about to.
    pub fn client(&self) -> Option<Client> {
        match self.state {
            State::HalfOpen { client, .. } | State::Serving { client, .. } => Some(client),
            State::Vacant | State::Free { .. } | State::Draining { .. } => None,
        }
    }

    /// When it began to do what it does.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn socket<'s, 'a>(&self, sockets: &'s SocketSet<'a>) -> &'s tcp::Socket<'a> {
        sockets.get(self.handle)
    }

    pub(super) fn socket_mut<'s, 'a>(&self, sockets: &'s mut SocketSet<'a>) -> &'s mut tcp::Socket<'a> {
        sockets.get_mut(self.handle)
    }

    fn free_again(&mut self, sockets: &mut SocketSet<'_>, now: Instant) -> bool {
        self.clear(sockets);
        self.since = now;
        true
    }

    fn enter(&mut self, state: State<C>, now: Instant) {
        self.state = state;
        self.since = now;
    }

    /// The buffers, out of whatever holds them; the state must be set anew. `None` for a slot without memory.
    fn take_buffers(&mut self) -> Option<(C::Buffer, C::Buffer)> {
        match mem::replace(&mut self.state, State::Vacant) {
            State::Vacant => None,
            State::Free { buffers } | State::HalfOpen { buffers, .. } | State::Draining { buffers, .. } => {
                Some(buffers)
            }
            State::Serving { pump, .. } => Some(pump.into_connection().into_buffers()),
        }
    }
}
