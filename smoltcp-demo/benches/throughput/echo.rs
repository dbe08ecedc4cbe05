//! The contenders on smoltcp: one that sends bytes back as they come, in the way of smoltcp's own examples, and ours.

use framewright::service::ChatRules;
use framewright::{Instant, SessionConfig, WallClock};
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::time::Instant as StackInstant;
use smoltcp_demo::assembly::{Assembly, HostServer};
use smoltcp_demo::pool::PoolConfig;
use smoltcp_demo::services::ServiceName;

use super::PORT;

/// What a server's memory is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) slots: usize,
    pub(crate) ring: usize,
    pub(crate) buffer: usize,
}

/// Bytes go back as they come.
pub(crate) struct RawEcho {
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<SocketHandle>,
    between: Vec<u8>,
}

impl RawEcho {
    /// All sockets listen.
    pub(crate) fn new(interface: Interface, sizes: Sizes) -> Self {
        let mut sockets = SocketSet::new(Vec::new());
        let handles = (0..sizes.slots).map(|_| {
            let ring = || tcp::SocketBuffer::new(vec![0; sizes.ring]);
            let mut socket = tcp::Socket::new(ring(), ring());
            socket.set_nagle_enabled(false);
            socket.set_ack_delay(None);
            socket.listen(PORT).expect("a closed socket listens");
            sockets.add(socket)
        });
        let handles = handles.collect();
        Self { interface, sockets, handles, between: vec![0; sizes.ring] }
    }

    /// One turn; whether anything happened, and when to come again.
    pub(crate) fn poll(&mut self, now: StackInstant, device: &mut impl Device) -> (bool, Option<StackInstant>) {
        let mut moved = self.interface.poll(now, device, &mut self.sockets) == PollResult::SocketStateChanged;
        for handle in &self.handles {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(*handle);
            while socket.can_recv() && socket.can_send() {
                let room = socket.send_capacity() - socket.send_queue();
                let between = &mut self.between;
                let taken = socket.recv(|bytes| {
                    let taken = bytes.len().min(room);
                    between[..taken].copy_from_slice(&bytes[..taken]);
                    (taken, taken)
                });
                // There is room for all of it, in one part of the ring or in two.
                let mut left = &between[..taken.expect("there are bytes")];
                while !left.is_empty() {
                    left = &left[socket.send_slice(left).expect("it is open")..];
                }
                moved = true;
            }
            if !socket.may_recv() && socket.may_send() && socket.send_queue() == 0 {
                socket.close();
                moved = true;
            }
            if !socket.is_open() {
                socket.listen(PORT).expect("a closed socket listens");
            }
        }
        (moved, self.interface.poll_at(now, &self.sockets))
    }
}

/// Ours: the pool that devices run, serving `echo`.
pub(crate) fn framed(interface: Interface, sizes: Sizes) -> HostServer {
    let assembly = Assembly {
        services: vec![(ServiceName::Echo, PORT)],
        slots: sizes.slots,
        ring: sizes.ring,
        buffer: sizes.buffer,
        session: SessionConfig::default(),
        pool: PoolConfig::default(),
        chat: ChatRules::default(),
        packets: 32,
    };
    assembly.server(interface, WallClock::UNSET).expect("buffers that are long enough")
}

/// The time of the stack in the time of the sessions.
pub(crate) fn session_time(now: StackInstant) -> Instant {
    Instant::from_micros(u64::try_from(now.total_micros()).expect("a time after the beginning"))
}
