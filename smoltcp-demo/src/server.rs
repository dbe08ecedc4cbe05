//! The server's loop body: frames in, bytes moved, frames out.
//!
//! The owner keeps the device and the clock. It calls [`Server::poll`] when a frame has come or when the time that the last call
//! named is there, and sleeps in between.

use framewright::Instant;
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult};
use smoltcp::phy::RxToken;

use crate::clock::{from_smoltcp, to_smoltcp};
use crate::device::{Line, TcpSegment};
use crate::pool::{Event, Pool, Verdict};
use crate::services::Services;
use crate::udp::{UdpCounts, UdpEcho};

/// A smoltcp interface with a pool of sockets.
pub struct Server<'a, S: Services> {
    interface: Interface,
    pool: Pool<'a, S>,
    udp_echo: Option<UdpEcho>,
    packets: usize,
}

/// What one call of [`Server::poll`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Turn {
    /// Whether anything happened. If nothing did, nothing will before [`next`](Self::next) or the next frame.
    pub moved: bool,
    /// Whether that is a reason to call again at once: a client was served something that another may have to hear of, or a frame was
    /// sent, or there are more to take. If not, all that came is dealt with, and a device may sleep until [`next`](Self::next) or the
    /// next frame.
    pub again: bool,
    /// When to call again, if no frame comes before: in the past for "at once"; `None` for not at all.
    pub next: Option<Instant>,
}

impl<'a, S: Services> Server<'a, S> {
    /// A server on an interface whose addresses are set.
    ///
    /// A turn takes at most `packets` frames from the device, at least one, before it serves the clients: a flood of frames
    /// cannot keep it from that.
    pub fn new(interface: Interface, pool: Pool<'a, S>, packets: usize) -> Self {
        Self { interface, pool, udp_echo: None, packets: packets.max(1) }
    }

    /// Serves `udp-echo` too, whose socket is in the set that the pool was made of.
    #[must_use]
    pub fn with_udp_echo(self, udp_echo: UdpEcho) -> Self {
        Self { udp_echo: Some(udp_echo), ..self }
    }

    /// Takes frames that have come, moves bytes between sockets and sessions, sends frames. What is worth a line in the log
    /// is given to `log`.
    pub fn poll<D: Line>(&mut self, now: Instant, device: &mut D, log: &mut dyn FnMut(Event)) -> Turn {
        let at = to_smoltcp(now);
        self.interface.poll_maintenance(at);
        let mut moved = false;
        let mut left = self.packets;
        while left > 0 && self.take_frame(now, device, log) {
            left -= 1;
            moved = true;
        }
        let mut again = left == 0;
        again |= self.pool.serve(now, log);
        if let Some(udp_echo) = &mut self.udp_echo {
            again |= udp_echo.serve(&self.interface, self.pool.sockets_mut(), now);
        }
        // Each round sends at most one segment a socket, so all get their turn; it ends when windows or the device are full.
        while self.interface.poll_egress(at, device, self.pool.sockets_mut()) == PollResult::SocketStateChanged {
            again = true;
        }
        let held = device.flush(at).map(from_smoltcp);
        let more = (left == 0).then_some(now);
        let stack = self.interface.poll_at(at, self.pool.sockets()).map(from_smoltcp);
        let datagrams = self.udp_echo.as_ref().and_then(UdpEcho::deadline);
        let next = [held, more, stack, self.pool.deadline(), datagrams].into_iter().flatten().min();
        moved |= again;
        Turn { moved, again, next }
    }

    /// The slots.
    pub fn pool(&self) -> &Pool<'a, S> {
        &self.pool
    }

    /// The slots, to stop them.
    pub fn pool_mut(&mut self) -> &mut Pool<'a, S> {
        &mut self.pool
    }

    /// What happened to the datagrams for `udp-echo`.
    pub fn udp_counts(&self) -> UdpCounts {
        self.udp_echo.as_ref().map(UdpEcho::counts).unwrap_or_default()
    }

    /// The interface.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Gives the stack one frame. Whether there was one.
    fn take_frame<D: Line>(&mut self, now: Instant, device: &mut D, log: &mut dyn FnMut(Event)) -> bool {
        let at = to_smoltcp(now);
        // A frame that comes between this look and the next line must wait: it may be a SYN that nobody listens for yet.
        let Some(may_open) = device.peek(at, TcpSegment::may_open) else {
            return false;
        };
        let opening = if may_open { device.peek(at, TcpSegment::opening_in).flatten() } else { None };
        let verdict = opening.map_or(Verdict::Pass, |opening| self.pool.admit(opening, now, log));
        if verdict == Verdict::Ignore {
            // Taken, so that whoever watches the line sees it.
            return device.receive(at).map(|(frame, _)| frame.consume(|_| ())).is_some();
        }
        let result = self.interface.poll_ingress_single(at, device, self.pool.sockets_mut());
        if let (Verdict::Admit(slot), Some(opening)) = (verdict, opening) {
            self.pool.admitted(slot, opening, now);
        }
        result != PollIngressSingleResult::None
    }
}
