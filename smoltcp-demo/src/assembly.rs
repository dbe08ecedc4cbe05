//! A server of a host: the same parts as on a device, with memory from the heap and sizes chosen when it starts.

use std::fmt;

use framewright::service::ChatRules;
use framewright::{SessionConfig, SessionError, WallClock};
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::socket::{tcp, udp};

use crate::Server;
use crate::pool::{Pool, PoolConfig};
use crate::services::{Catalogue, CatalogueError, HostState, ServiceName, Transport};
use crate::udp::{MAX_DATAGRAM, UdpEcho};

/// A server whose memory is on the heap.
pub type HostServer = Server<'static, Catalogue<Box<[u8]>, HostState>>;

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct Assembly {
    /// Services and their ports.
    pub services: Vec<(ServiceName, u16)>,
    /// How many clients can be served at a time.
    pub slots: usize,
    /// Bytes of a socket's receive ring, and of its send ring.
    pub ring: usize,
    /// Bytes of a session's input buffer, and of its output buffer.
    pub buffer: usize,
    /// The settings of every session.
    pub session: SessionConfig,
    /// The settings of the pool.
    pub pool: PoolConfig,
    /// The rules of the chat room.
    pub chat: ChatRules,
    /// How many frames the server takes before it serves its clients. With 1, a session sees each segment by itself.
    pub packets: usize,
}

/// A server that cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssemblyError {
    /// The services cannot be offered like this.
    Services(CatalogueError),
    /// The buffers are too small.
    Buffers(SessionError),
}

/// How many datagrams wait in the socket of `udp-echo`, in each direction, each of the greatest length.
const DATAGRAMS: usize = 8;

impl Assembly {
    /// Builds the server on an interface whose addresses are set.
    ///
    /// # Errors
    /// The services or the buffers cannot be.
    pub fn server(&self, interface: Interface, clock: WallClock) -> Result<HostServer, AssemblyError> {
        let mut catalogue = Catalogue::new(self.session, HostState::new(self.slots, self.chat, clock));
        let mut sockets = SocketSet::new(Vec::new());
        let mut udp_echo = None;
        for (service, port) in &self.services {
            catalogue = catalogue.with(*service, *port)?;
            if service.transport() == Transport::Udp {
                // The catalogue has seen to it that there is one at most, and that its port is not 0.
                udp_echo = UdpEcho::new(&mut sockets, udp_socket(), *port).ok();
            }
        }
        let mut pool = Pool::new(catalogue, self.pool, sockets, Vec::new());
        for _ in 0..self.slots {
            let ring = || tcp::SocketBuffer::new(vec![0; self.ring]);
            let buffer = || vec![0; self.buffer].into_boxed_slice();
            pool.add_socket(tcp::Socket::new(ring(), ring()), buffer(), buffer())?;
        }
        let server = Server::new(interface, pool, self.packets);
        Ok(match udp_echo {
            Some(udp_echo) => server.with_udp_echo(udp_echo),
            None => server,
        })
    }
}

/// A socket that holds some datagrams in each direction.
pub(crate) fn udp_socket() -> udp::Socket<'static> {
    let metadata = || vec![udp::PacketMetadata::EMPTY; DATAGRAMS];
    let buffer = || udp::PacketBuffer::new(metadata(), vec![0; DATAGRAMS * MAX_DATAGRAM]);
    udp::Socket::new(buffer(), buffer())
}

impl From<CatalogueError> for AssemblyError {
    fn from(error: CatalogueError) -> Self {
        Self::Services(error)
    }
}

impl From<SessionError> for AssemblyError {
    fn from(error: SessionError) -> Self {
        Self::Buffers(error)
    }
}

impl fmt::Display for AssemblyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services(error) => error.fmt(f),
            Self::Buffers(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AssemblyError {}
