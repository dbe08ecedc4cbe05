//! Moves bytes between a socket's rings and a session, and ends of streams with them.
//!
//! ```text
//!            rx ring ── handle_input ──▶ ┌─────────┐
//!  tcp::Socket                           │ session │   nothing is kept here: what the session does not take stays in the
//!            tx ring ◀── poll_output ─── └─────────┘   rx ring, and what the tx ring does not take stays in the session
//! ```
//!
//! So back-pressure needs no code: a client that does not read fills the tx ring, then the session's output; the session
//! takes no more input, the rx ring fills, and TCP's window closes.

use core::time::Duration;

use framewright::Instant;
use smoltcp::socket::tcp;

use crate::connection::Connection;

/// A session that is joined to a socket.
#[derive(Debug)]
pub struct Pump<C> {
    connection: C,
    inflow: Inflow,
    outflow: Outflow,
}

/// What comes from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inflow {
    Flowing,
    /// The session was told that the peer closed its sending side, or that the connection broke.
    Ended,
}

/// What goes to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outflow {
    Open,
    /// The socket was told to close its sending side, when all output was in its ring.
    ClosedAt(Instant),
}

impl<C: Connection> Pump<C> {
    /// Joins a new session to the socket that it will be run with.
    pub fn new(connection: C) -> Self {
        Self { connection, inflow: Inflow::Flowing, outflow: Outflow::Open }
    }

    /// Moves all that can be moved now. Whether anything was.
    ///
    /// What one call can do is bounded by the socket's rings: they only fill and drain in between.
    pub fn run(&mut self, socket: &mut tcp::Socket<'_>, now: Instant) -> bool {
        let mut moved = false;
        loop {
            let taken = self.take_input(socket, now);
            let given = self.give_output(socket, now);
            moved |= taken || given;
            // There is more to do only where the room that output has left may be of use to what was not taken.
            if !given || socket.recv_queue() == 0 {
                break;
            }
        }
        // A connection that ended in order is done before its socket is closed.
        if socket.state() == tcp::State::Closed && !self.connection.is_done() {
            self.inflow = Inflow::Ended;
            self.connection.handle_reset(now);
            moved = true;
        }
        if self.outflow == Outflow::Open && self.connection.is_output_finished() {
            socket.close();
            self.outflow = Outflow::ClosedAt(now);
            moved = true;
        }
        moved
    }

    /// Does what a deadline asks for, if there is one that has passed: the session's own, or the end of `drain` after this side
    /// closed its half. Whether anything was done.
    pub fn run_out_of_time(&mut self, socket: &mut tcp::Socket<'_>, drain: Duration, now: Instant) -> bool {
        let was_open = self.connection.close_reason().is_none();
        self.connection.handle_deadline(now);
        if self.closed_at().is_some_and(|at| at + drain <= now) {
            // The session would go on for as long as the peer sends; half of it is closed, and that was long enough.
            self.connection.handle_reset(now);
        }
        if self.connection.is_done() {
            // It was given up: there is nothing to wait for.
            socket.abort();
            return true;
        }
        self.run(socket, now) || was_open != self.connection.close_reason().is_none()
    }

    /// The session.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// The session, to be told to stop.
    pub fn connection_mut(&mut self) -> &mut C {
        &mut self.connection
    }

    /// When this side closed its half; `None` while it is open.
    pub fn closed_at(&self) -> Option<Instant> {
        match self.outflow {
            Outflow::Open => None,
            Outflow::ClosedAt(at) => Some(at),
        }
    }

    /// The session, parted from its socket.
    pub fn into_connection(self) -> C {
        self.connection
    }

    /// Gives the session what came, straight from the ring, and then the end of the stream.
    fn take_input(&mut self, socket: &mut tcp::Socket<'_>, now: Instant) -> bool {
        if self.inflow == Inflow::Ended {
            return false;
        }
        let connection = &mut self.connection;
        let mut moved = false;
        loop {
            // The ring hands out one contiguous part at a time: where it wraps, the rest comes in the next round. An empty ring
            // hands out nothing until the peer has closed, and that is an error of its own.
            let taken = socket.recv(|ring| {
                let taken = if ring.is_empty() { 0 } else { connection.handle_input(ring, now) };
                (taken, taken)
            });
            match taken {
                // Or the handshake is not over, or the connection broke.
                Ok(0) | Err(tcp::RecvError::InvalidState) => return moved,
                Ok(_) => moved = true,
                Err(tcp::RecvError::Finished) => {
                    self.inflow = Inflow::Ended;
                    connection.handle_end(now);
                    return true;
                }
            }
        }
    }

    /// Gives the ring what the session has to send, as far as there is room.
    fn give_output(&mut self, socket: &mut tcp::Socket<'_>, now: Instant) -> bool {
        let mut moved = false;
        loop {
            let output = self.connection.poll_output(now);
            if output.is_empty() {
                return moved;
            }
            // It may take less than it is given; an error means that nothing can be sent any more.
            let taken = socket.send_slice(output).unwrap_or(0);
            if taken == 0 {
                return moved;
            }
            self.connection.sent(taken, now);
            moved = true;
        }
    }
}
