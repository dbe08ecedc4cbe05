//! The service `udp-echo`: each datagram back to where it came from.

use core::time::Duration;

use framewright::Instant;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::udp::{self, BindError, SendError, UdpMetadata};

/// A UDP socket whose datagrams are sent back, an empty one too.
///
/// None is cut: one that does not fit the socket's memory is dropped by the stack. While answers cannot be sent, the next
/// datagrams wait in the socket, and then are dropped, as is the right of datagrams.
#[derive(Debug)]
pub struct UdpEcho {
    handle: SocketHandle,
    port: u16,
    /// Bytes of answers that waited to be sent, and since when it was that many.
    waiting: (usize, Instant),
    counts: UdpCounts,
}

/// What happened to the datagrams that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UdpCounts {
    /// Sent back.
    pub echoed: u64,
    /// Not sent back, because they named no sender.
    pub unanswerable: u64,
    /// Not sent back, because they were longer than [`MAX_DATAGRAM`].
    pub too_long: u64,
    /// How often answers were dropped because the Ethernet address that they were to be sent to could not be found.
    pub stalled: u64,
}

/// The longest datagram that an Ethernet frame carries, in bytes: 1,500 without the headers of IPv4 and UDP.
pub const MAX_DATAGRAM: usize = 1472;

/// An answer that cannot be sent for so long is dropped: smoltcp would wait for its receiver's Ethernet address for ever, with all
/// other answers behind it.
const STALL: Duration = Duration::from_secs(3);

impl UdpEcho {
    /// Binds the socket to a port, and adds it to the set that a [`Pool`](crate::Pool) is then made of. The server is
    /// told of it by [`Server::with_udp_echo`](crate::Server::with_udp_echo).
    ///
    /// # Errors
    /// The port is 0, or the socket is bound.
    ///
    /// # Panics
    /// The socket set is full.
    pub fn new<'a>(sockets: &mut SocketSet<'a>, mut socket: udp::Socket<'a>, port: u16) -> Result<Self, BindError> {
        socket.bind(port)?;
        let handle = sockets.add(socket);
        Ok(Self { handle, port, waiting: (0, Instant::ZERO), counts: UdpCounts::default() })
    }

    /// What happened so far.
    pub fn counts(&self) -> UdpCounts {
        self.counts
    }

    /// Sends back what came. Whether anything was done.
    pub(crate) fn serve(&mut self, interface: &Interface, sockets: &mut SocketSet<'_>, now: Instant) -> bool {
        let mut moved = self.unstall(sockets, now);
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.handle);
        if socket.can_recv() {
            moved |= self.answer(interface, socket);
        }
        let queue = socket.send_queue();
        if queue != self.waiting.0 {
            self.waiting = (queue, now);
        }
        moved
    }

    /// Sends back what is in the socket.
    ///
    /// Not inlined: else every turn of a device would clear the copy of a datagram, and its stack would hold it also while the
    /// clients of TCP are served.
    #[inline(never)]
    fn answer(&mut self, interface: &Interface, socket: &mut udp::Socket<'_>) -> bool {
        let mut moved = false;
        // A socket lends out one datagram at a time, so it passes through here.
        let mut copy = [0; MAX_DATAGRAM];
        while let Ok((datagram, from)) = socket.peek() {
            let len = datagram.len();
            let to = UdpMetadata {
                // What was sent to a broadcast address is answered from our own.
                local_address: from.local_address.filter(|address| interface.has_ip_addr(*address)),
                ..*from
            };
            let Some(answer) = copy.get_mut(..len) else {
                self.counts.too_long += 1;
                let _ = socket.recv();
                moved = true;
                continue;
            };
            answer.copy_from_slice(datagram);
            match socket.send_slice(answer, to) {
                Ok(()) => self.counts.echoed += 1,
                Err(SendError::Unaddressable) => self.counts.unanswerable += 1,
                Err(SendError::BufferFull) => break,
            }
            let _ = socket.recv();
            moved = true;
        }
        moved
    }

    /// When [`serve`](Self::serve) must be called, if nothing comes before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.waiting.0 > 0).then(|| self.waiting.1 + STALL)
    }

    /// Drops answers that could not be sent for too long.
    fn unstall(&mut self, sockets: &mut SocketSet<'_>, now: Instant) -> bool {
        let socket = sockets.get::<udp::Socket<'_>>(self.handle);
        let stalled = socket.send_queue() == self.waiting.0 && self.deadline().is_some_and(|deadline| deadline <= now);
        if stalled {
            // Out of the set and in again, because the set keeps a socket that waits for an address from sending.
            if let smoltcp::socket::Socket::Udp(mut socket) = sockets.remove(self.handle) {
                socket.close();
                let bound = socket.bind(self.port);
                debug_assert!(bound.is_ok(), "{bound:?}");
                self.handle = sockets.add(socket);
            }
            self.waiting = (0, now);
            self.counts.stalled += 1;
        }
        stalled
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
