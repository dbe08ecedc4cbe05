//! The datagrams of the clients, all from one socket.

use std::collections::VecDeque;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;
use smoltcp::wire::IpEndpoint;

use super::SERVER;
use crate::assembly::udp_socket;

/// A socket with what is to be sent from it and what came for it.
pub(super) struct Datagrams {
    handle: SocketHandle,
    outgoing: VecDeque<(u16, Vec<u8>)>,
    received: Vec<(u16, Vec<u8>)>,
}

/// Below the ports of the TCP clients.
const PORT: u16 = 49151;
impl Datagrams {
    pub(super) fn new(sockets: &mut SocketSet<'static>) -> Self {
        let mut socket = udp_socket();
        socket.bind(PORT).expect("a new socket, and a port that is not 0");
        Self { handle: sockets.add(socket), outgoing: VecDeque::new(), received: Vec::new() }
    }

    pub(super) fn send(&mut self, port: u16, datagram: &[u8]) {
        self.outgoing.push_back((port, datagram.to_vec()));
    }

    pub(super) fn take_received(&mut self) -> Vec<(u16, Vec<u8>)> {
        std::mem::take(&mut self.received)
    }

    /// Moves datagrams between the socket and the queues. Whether any were.
    pub(super) fn run(&mut self, sockets: &mut SocketSet<'static>) -> bool {
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.handle);
        let mut moved = false;
        while let Some((port, datagram)) = self.outgoing.front()
            && socket.send_slice(datagram, IpEndpoint::new(SERVER, *port)).is_ok()
        {
            self.outgoing.pop_front();
            moved = true;
        }
        while let Ok((datagram, from)) = socket.recv() {
            self.received.push((from.endpoint.port, datagram.to_vec()));
            moved = true;
        }
        moved
    }
}
