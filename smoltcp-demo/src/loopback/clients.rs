//! The client side of the network: sockets that are driven by calls, on a stack of their own.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use framewright::Instant;
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::RxToken;
use smoltcp::socket::tcp;
use smoltcp::wire::IpEndpoint;

use super::datagrams::Datagrams;
use super::{LoopbackConfig, SERVER};
use crate::Turn;
use crate::clock::{from_smoltcp, to_smoltcp};
use crate::device::{Line, TcpSegment};

/// One client of a [`Loopback`](super::Loopback).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(usize);

/// How a client's connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// The handshake is not complete.
    Connecting,
    /// The connection is there, and the server has not closed its side.
    Open,
    /// The server has closed its sending side; the client has not.
    ServerClosed,
    /// Both sides have closed in order.
    Closed,
    /// The server does not take this client.
    Refused,
    /// The connection broke: the server reset it, or was silent for too long, or the client aborted or vanished.
    Broken,
}

/// All clients and their stack.
pub(super) struct Clients {
    interface: Interface,
    sockets: SocketSet<'static>,
    all: Vec<Client>,
    datagrams: Datagrams,
    ring: usize,
    patience: Duration,
    /// The port of the next client.
    port: u16,
    /// The ports of clients for which frames are swallowed.
    vanished: HashSet<u16>,
}

struct Client {
    /// `None` when the connection is over and TCP has nothing more to do for it.
    socket: Option<SocketHandle>,
    port: u16,
    state: ClientState,
    outgoing: VecDeque<u8>,
    writing: Writing,
    received: Vec<u8>,
    reading: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    /// To be closed behind what is queued.
    Closing,
    Closed,
}

/// The first of the ports that no service is registered for, where clients go on after the last one.
const LOWEST_PORT: u16 = 49152;
/// How often a silent server is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

impl Clients {
    pub(super) fn new(interface: Interface, config: &LoopbackConfig) -> Self {
        let mut sockets = SocketSet::new(Vec::new());
        let datagrams = Datagrams::new(&mut sockets);
        Self {
            interface,
            sockets,
            all: Vec::new(),
            datagrams,
            ring: config.client_ring,
            patience: config.client_patience,
            port: config.first_port,
            vanished: HashSet::new(),
        }
    }

    pub(super) fn connect(&mut self, port: u16) -> ClientId {
        let ring = || tcp::SocketBuffer::new(vec![0; self.ring]);
        let mut socket = tcp::Socket::new(ring(), ring());
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(self.patience.into()));
        socket.set_keep_alive(Some(KEEP_ALIVE.into()));
        let from = self.port;
        self.port = self.port.checked_add(1).unwrap_or(LOWEST_PORT);
        socket
            .connect(self.interface.context(), IpEndpoint::new(SERVER, port), from)
            .expect("a new socket, an address in reach, and ports that are not 0");
        self.all.push(Client {
            socket: Some(self.sockets.add(socket)),
            port: from,
            state: ClientState::Connecting,
            outgoing: VecDeque::new(),
            writing: Writing::Open,
            received: Vec::new(),
            reading: true,
        });
        ClientId(self.all.len() - 1)
    }

    pub(super) fn send(&mut self, client: ClientId, bytes: &[u8]) {
        self.all[client.0].outgoing.extend(bytes);
    }

    pub(super) fn close_write(&mut self, client: ClientId) {
        let client = &mut self.all[client.0];
        if client.writing == Writing::Open {
            client.writing = Writing::Closing;
        }
    }

    pub(super) fn abort(&mut self, client: ClientId) {
        let client = &mut self.all[client.0];
        if let Some(handle) = client.socket {
            self.sockets.get_mut::<tcp::Socket<'_>>(handle).abort();
            client.state = ClientState::Broken;
        }
    }

    pub(super) fn vanish(&mut self, client: ClientId) {
        let client = &mut self.all[client.0];
        if let Some(handle) = client.socket.take() {
            self.sockets.remove(handle);
            // Without a socket, the stack would answer what still comes with resets.
            self.vanished.insert(client.port);
            client.state = ClientState::Broken;
        }
    }

    pub(super) fn datagrams_mut(&mut self) -> &mut Datagrams {
        &mut self.datagrams
    }

    pub(super) fn set_reading(&mut self, client: ClientId, reading: bool) {
        self.all[client.0].reading = reading;
    }

    pub(super) fn state(&self, client: ClientId) -> ClientState {
        self.all[client.0].state
    }

    pub(super) fn states(&self) -> impl Iterator<Item = ClientState> + '_ {
        self.all.iter().map(|client| client.state)
    }

    pub(super) fn unsent(&self, client: ClientId) -> usize {
        self.all[client.0].outgoing.len()
    }

    pub(super) fn received(&self, client: ClientId) -> &[u8] {
        &self.all[client.0].received
    }

    pub(super) fn take_received(&mut self, client: ClientId) -> Vec<u8> {
        std::mem::take(&mut self.all[client.0].received)
    }

    /// Takes a frame, moves bytes, sends frames: the client side of [`Server::poll`](crate::Server::poll).
    pub(super) fn poll<D: Line>(&mut self, now: Instant, device: &mut D) -> Turn {
        let at = to_smoltcp(now);
        self.swallow(at, device);
        let ingress = self.interface.poll_ingress_single(at, device, &mut self.sockets);
        let mut moved = ingress != PollIngressSingleResult::None;
        for client in &mut self.all {
            moved |= client.run(&mut self.sockets);
        }
        moved |= self.datagrams.run(&mut self.sockets);
        while self.interface.poll_egress(at, device, &mut self.sockets) == PollResult::SocketStateChanged {
            moved = true;
        }
        let held = device.flush(at).map(from_smoltcp);
        let stack = self.interface.poll_at(at, &self.sockets).map(from_smoltcp);
        Turn { moved, again: moved, next: held.into_iter().chain(stack).min() }
    }

    /// Drops frames for clients that have vanished.
    fn swallow<D: Line>(&mut self, at: smoltcp::time::Instant, device: &mut D) {
        while !self.vanished.is_empty() {
            let port =
                device.peek(at, |frame| TcpSegment::parse(frame).map(|segment| segment.destination.port)).flatten();
            match port.filter(|port| self.vanished.contains(port)).and_then(|_| device.receive(at)) {
                Some((frame, _)) => frame.consume(|_| ()),
                None => return,
            }
        }
    }
}

impl Client {
    /// Moves bytes between the socket and the queues. Whether any were, or something changed.
    fn run(&mut self, sockets: &mut SocketSet<'static>) -> bool {
        let Some(handle) = self.socket else {
            return false;
        };
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        let before = (self.state, self.writing, self.outgoing.len(), self.received.len());
        while socket.can_send() && !self.outgoing.is_empty() {
            let taken = socket.send_slice(self.outgoing.as_slices().0).unwrap_or(0);
            self.outgoing.drain(..taken);
        }
        if self.writing == Writing::Closing && self.outgoing.is_empty() && socket.may_send() {
            socket.close();
            self.writing = Writing::Closed;
        }
        while self.reading && socket.can_recv() {
            let received = &mut self.received;
            let taken = socket.recv(|ring| {
                received.extend_from_slice(ring);
                (ring.len(), ())
            });
            if taken.is_err() {
                break;
            }
        }
        self.state = self.state_of(socket);
        // Nothing is left for TCP to do, and nothing to read.
        if socket.state() == tcp::State::Closed && socket.remote_endpoint().is_none() && !socket.can_recv() {
            sockets.remove(handle);
            self.socket = None;
        }
        before != (self.state, self.writing, self.outgoing.len(), self.received.len())
    }

    fn state_of(&self, socket: &mut tcp::Socket<'_>) -> ClientState {
        match (self.state, socket.state()) {
            (ClientState::Closed | ClientState::Refused | ClientState::Broken, _) => self.state,
            (_, tcp::State::SynSent | tcp::State::SynReceived) => ClientState::Connecting,
            (state, tcp_state) => {
                let server_closed = matches!(socket.recv(|_| (0, ())), Err(tcp::RecvError::Finished));
                match (server_closed, self.writing) {
                    (true, Writing::Closed) => ClientState::Closed,
                    _ if tcp_state == tcp::State::Closed => {
                        if state == ClientState::Connecting {
                            ClientState::Refused
                        } else {
                            ClientState::Broken
                        }
                    }
                    (true, _) => ClientState::ServerClosed,
                    (false, _) => ClientState::Open,
                }
            }
        }
    }
}
