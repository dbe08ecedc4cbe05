//! A network of two stacks in one process, on virtual time: the server that devices run, and clients that a program drives.
//!
//! ```text
//!   Loopback::send ─▶ client's socket ─▶ smoltcp ─▶ Cut ─▶ Observe ═ wire ═ Impair ─ Observe ◀─ Cut ◀─ smoltcp ◀─ Pool
//! ```
//!
//! Nothing runs by itself. [`step`](Loopback::step) lets both stacks do what they can do now, and when they can do nothing it
//! moves the clock to the next moment at which something is due: a retransmission, a delayed ACK, a time-out. Nobody sleeps,
//! and the same program gives the same packets every time.
//!
//! # A conversation
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use smoltcp_demo::loopback::{ClientState, Loopback, LoopbackConfig};
//! use smoltcp_demo::services::ServiceName;
//!
//! let mut world = Loopback::new(&LoopbackConfig {
//!     services: vec![(ServiceName::Trim, 4567)],
//!     segment: NonZeroUsize::new(1), // every segment carries one byte
//!     ..LoopbackConfig::default()
//! })?;
//! let client = world.connect(4567);
//! world.send(client, b"\0\0\0\x1eFour score and seven years ago");
//! world.close_write(client); // a half-close: the answer still comes
//! world.run_until(|world| world.state(client) == ClientState::Closed, Duration::from_secs(10))?;
//! assert_eq!(world.received(client), b"\0\0\0\x14 and seven years ago");
//! world.run_until(|world| world.free_slots() == world.slots(), Duration::from_secs(10))?; // the last ACK is on its way
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a script can do
//!
//! | to | call |
//! |---|---|
//! | connect | [`connect`](Loopback::connect) gives a [`ClientId`]; [`state`](Loopback::state) tells how it goes |
//! | send | [`send`](Loopback::send) queues bytes, as many as one likes; [`unsent`](Loopback::unsent) is what TCP has not taken |
//! | send in pieces | [`send`](Loopback::send), then [`flush`](Loopback::flush): what was queued leaves before the next piece is |
//! | close one's half | [`close_write`](Loopback::close_write), when all that is queued has been taken |
//! | reset | [`abort`](Loopback::abort) |
//! | vanish | [`vanish`](Loopback::vanish): no segment, and no answer to any |
//! | stop reading | [`set_reading`](Loopback::set_reading) |
//! | look at answers | [`received`](Loopback::received), or [`take_received`](Loopback::take_received) to have them once |
//! | send datagrams | [`send_datagram`](Loopback::send_datagram), and [`take_datagrams`](Loopback::take_datagrams) for the answers |
//! | wait | [`run_until`](Loopback::run_until) a condition or a virtual deadline, [`run_for`](Loopback::run_for) a time |
//! | stop the server | [`shutdown`](Loopback::shutdown) |
//! | ask the server | [`events`](Loopback::events), [`free_slots`](Loopback::free_slots), [`occupancy`](Loopback::occupancy), [`counts`](Loopback::counts) |

mod clients;
mod datagrams;

pub use clients::{ClientId, ClientState};

use std::cell::RefCell;
use std::fmt;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use framewright::service::ChatRules;
use framewright::{Instant, SessionConfig, SessionError, WallClock};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::Server;
use crate::clock::to_smoltcp;
use crate::device::{
    self, Capture, Counts, Cut, ETHERNET_MTU, FinLast, Impair, ImpairCounts, Impairments, LinkEnd, Observe, Observer,
    Onlooker, PcapFile, Speech, View,
};
use crate::pool::{Event, Occupancy, Pool, PoolConfig, PoolCounts};
use crate::services::{Catalogue, CatalogueError, HostState, ServiceName, Transport};
use crate::trace::Trace;
use crate::udp::{UdpCounts, UdpEcho};
use clients::Clients;

/// The server's address.
pub const SERVER: IpAddress = IpAddress::v4(192, 168, 69, 1);
/// The address of all clients.
pub const CLIENTS: IpAddress = IpAddress::v4(192, 168, 69, 100);

/// How a [`Loopback`] is built.
#[derive(Clone, Debug)]
pub struct LoopbackConfig {
    /// Services and their ports.
    pub services: Vec<(ServiceName, u16)>,
    /// How many clients can be served at a time.
    pub slots: usize,
    /// Bytes of a server socket's receive ring, and of its send ring.
    pub ring: usize,
    /// Bytes of a session's input buffer, and of its output buffer.
    pub buffer: usize,
    /// Bytes of a client socket's rings.
    pub client_ring: usize,
    /// A client gives a server up that says nothing for so long, though asked every 20 s.
    pub client_patience: Duration,
    /// The settings of every session.
    pub session: SessionConfig,
    /// The settings of the pool.
    pub pool: PoolConfig,
    /// The rules of the chat room.
    pub chat: ChatRules,
    /// How many frames the server takes before it serves its clients. With 1, a session sees each segment by itself.
    pub packets: usize,
    /// The most payload that a segment carries, in both directions; `None` leaves it to the stacks (1460 bytes).
    pub segment: Option<NonZeroUsize>,
    /// Bytes of the largest Ethernet frame, its header included; at least 118. TCP segments are 54 bytes shorter.
    pub mtu: usize,
    /// What goes wrong on the wire, in both directions.
    pub impairments: Impairments,
    /// The TCP port of the first client; the next ones follow.
    pub first_port: u16,
    /// Where sequence numbers come from. The same seed gives the same packets.
    pub seed: u64,
}

/// The network. See the [module](self).
pub struct Loopback {
    now: Instant,
    server: Server<'static, Catalogue<Box<[u8]>, HostState>>,
    server_device: FinLast<Cut<Observe<Capture<Impair<LinkEnd>>>>>,
    clients: Clients,
    client_device: FinLast<Cut<Observe<LinkEnd>>>,
    observer: Rc<RefCell<Observer>>,
    events: Vec<(Instant, Event)>,
}

/// What the network is watched with. The default is nothing.
#[derive(Clone, Default)]
pub struct Instruments {
    /// Where frames are written, as the server sees them: before the network does anything to those that it sends, and after for
    /// those that it receives.
    pub capture: Option<Rc<RefCell<PcapFile>>>,
    /// Where segments are shown.
    pub trace: Option<Rc<RefCell<Trace>>>,
}

/// What a call of [`Loopback::step`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done, at the same time as before.
    Moved,
    /// Nothing could be done; the clock was moved.
    Waited,
    /// Nothing can be done, now or later, before a client does something.
    Idle,
}

/// A condition that did not come true in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// The virtual time when it was given up.
    pub at: Instant,
    /// How far the clients were.
    pub clients: Vec<ClientState>,
    /// What the slots were doing.
    pub slots: Vec<Occupancy>,
}

/// A network that cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopbackError {
    /// The services cannot be offered like this.
    Services(CatalogueError),
    /// The buffers are too small.
    Buffers(SessionError),
}

impl Default for LoopbackConfig {
    /// `trim` and `echo` at their usual ports, 8 slots with rings and buffers of 4 KiB.
    fn default() -> Self {
        let services = [ServiceName::Trim, ServiceName::Echo];
        Self {
            services: services.map(|service| (service, service.default_port())).to_vec(),
            slots: 8,
            ring: 4096,
            buffer: 4096,
            client_ring: 16384,
            client_patience: Duration::from_mins(2),
            session: SessionConfig::default(),
            pool: PoolConfig::default(),
            chat: ChatRules::default(),
            packets: 1,
            segment: None,
            mtu: ETHERNET_MTU,
            impairments: Impairments::default(),
            first_port: 49152,
            seed: 1,
        }
    }
}

impl Loopback {
    /// A network at time zero, with a server and no clients.
    ///
    /// # Errors
    /// The services or the buffers cannot be.
    pub fn new(config: &LoopbackConfig) -> Result<Self, LoopbackError> {
        Self::with_instruments(config, &Instruments::default())
    }

    /// [`new`](Self::new), watched.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_instruments(config: &LoopbackConfig, instruments: &Instruments) -> Result<Self, LoopbackError> {
        let now = Instant::ZERO;
        let mut observer = Observer::new();
        let state = HostState::new(config.slots, config.chat, WallClock::UNSET);
        let mut catalogue = Catalogue::new(config.session, state);
        let mut sockets = SocketSet::new(Vec::new());
        let mut udp_echo = None;
        for (service, port) in &config.services {
            catalogue = catalogue.with(*service, *port)?;
            match service.transport() {
                Transport::Tcp => observer.follow(*port, Speech::of(*service)),
                // The catalogue has seen to it that there is one at most, and that its port is not 0.
                Transport::Udp => udp_echo = UdpEcho::new(&mut sockets, datagrams::socket(), *port).ok(),
            }
        }
        let (server_end, client_end) = device::link(config.mtu);
        let mut impaired = Impair::new(server_end, config.impairments);
        if let Some(trace) = &instruments.trace {
            let onlooker: Rc<RefCell<dyn Onlooker>> = Rc::<RefCell<Trace>>::clone(trace);
            impaired.tell(&onlooker);
            observer.tell(Rc::<RefCell<Trace>>::clone(trace));
        }
        let observer = Rc::new(RefCell::new(observer));
        let captured = Capture::new(impaired, instruments.capture.clone());
        let server_device = Cut::new(Observe::new(captured, Rc::clone(&observer), View::Sent), config.segment);
        let mut server_device = FinLast::new(server_device);
        let client_device = Cut::new(Observe::new(client_end, Rc::clone(&observer), View::Sent), config.segment);
        let mut client_device = FinLast::new(client_device);

        let mut pool = Pool::new(catalogue, config.pool, sockets, Vec::new());
        for _ in 0..config.slots {
            let ring = || tcp::SocketBuffer::new(vec![0; config.ring]);
            let buffer = || vec![0; config.buffer].into_boxed_slice();
            pool.add_socket(tcp::Socket::new(ring(), ring()), buffer(), buffer())?;
        }
        let interface = interface(&mut server_device, SERVER, 1, config.seed);
        let mut server = Server::new(interface, pool, config.packets);
        if let Some(udp_echo) = udp_echo {
            server = server.with_udp_echo(udp_echo);
        }
        let clients = Clients::new(interface_of_clients(&mut client_device, config.seed), config);
        Ok(Self { now, server, server_device, clients, client_device, observer, events: Vec::new() })
    }

    /// Begins to connect a client to a port of the server.
    pub fn connect(&mut self, port: u16) -> ClientId {
        self.clients.connect(port)
    }

    /// Queues bytes to be sent. They leave as TCP allows.
    pub fn send(&mut self, client: ClientId, bytes: &[u8]) {
        self.clients.send(client, bytes);
    }

    /// Closes the client's sending side when all queued bytes have been taken. It goes on receiving.
    pub fn close_write(&mut self, client: ClientId) {
        self.clients.close_write(client);
    }

    /// Breaks the connection off: the server is sent a reset.
    pub fn abort(&mut self, client: ClientId) {
        self.clients.abort(client);
    }

    /// Makes a client disappear without a word, and swallows whatever the server still sends to it.
    pub fn vanish(&mut self, client: ClientId) {
        self.clients.vanish(client);
    }

    /// Queues a datagram to a port of the server.
    pub fn send_datagram(&mut self, port: u16, datagram: &[u8]) {
        self.clients.datagrams_mut().send(port, datagram);
    }

    /// The datagrams that came back since the last call, and from which ports.
    pub fn take_datagrams(&mut self) -> Vec<(u16, Vec<u8>)> {
        self.clients.datagrams_mut().take_received()
    }

    /// Whether the client takes what comes for it; it does from the start. While it does not, TCP's window closes.
    pub fn set_reading(&mut self, client: ClientId, reading: bool) {
        self.clients.set_reading(client, reading);
    }

    /// Lets the network do one thing, or moves the clock.
    pub fn step(&mut self) -> Step {
        let events = &mut self.events;
        let now = self.now;
        let served = self.server.poll(now, &mut self.server_device, &mut |event| events.push((now, event)));
        let asked = self.clients.poll(now, &mut self.client_device);
        if served.moved || asked.moved {
            return Step::Moved;
        }
        let Some(next) = served.next.into_iter().chain(asked.next).min() else {
            return Step::Idle;
        };
        // Something that is due and yet cannot be done must not stop the clock.
        self.now = if next > now { next } else { now + Duration::from_millis(1) };
        Step::Waited
    }

    /// Steps until `condition` is true.
    ///
    /// # Errors
    /// It was not within `limit` of virtual time, or nothing can happen any more.
    pub fn run_until(&mut self, condition: impl Fn(&Self) -> bool, limit: Duration) -> Result<(), TimedOut> {
        let deadline = self.now + limit;
        while !condition(self) {
            if self.step() == Step::Idle || self.now > deadline {
                return Err(TimedOut {
                    at: self.now,
                    clients: self.clients.states().collect(),
                    slots: self.occupancy().collect(),
                });
            }
        }
        Ok(())
    }

    /// Steps until so much virtual time has passed, or nothing can happen any more.
    pub fn run_for(&mut self, time: Duration) {
        let deadline = self.now + time;
        while self.now < deadline && self.step() != Step::Idle {}
    }

    /// Steps until TCP has taken all that a client has queued, and the wire is empty.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until).
    pub fn flush(&mut self, client: ClientId, limit: Duration) -> Result<(), TimedOut> {
        self.run_until(|world| world.unsent(client) == 0, limit)?;
        while self.step() == Step::Moved {}
        Ok(())
    }

    /// Stops the server: nobody new is let in, what has come in is answered, then connections are closed.
    pub fn shutdown(&mut self) {
        self.server.pool_mut().shutdown(self.now);
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How a client's connection is.
    pub fn state(&self, client: ClientId) -> ClientState {
        self.clients.state(client)
    }

    /// Queued bytes that TCP has not taken yet.
    pub fn unsent(&self, client: ClientId) -> usize {
        self.clients.unsent(client)
    }

    /// All bytes that a client has received and that were not [taken](Self::take_received).
    pub fn received(&self, client: ClientId) -> &[u8] {
        self.clients.received(client)
    }

    /// The bytes that a client has received since the last call.
    pub fn take_received(&mut self, client: ClientId) -> Vec<u8> {
        self.clients.take_received(client)
    }

    /// What the server has logged, and when.
    pub fn events(&self) -> &[(Instant, Event)] {
        &self.events
    }

    /// How many slots wait for a client.
    pub fn free_slots(&self) -> usize {
        self.server.pool().free()
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.server.pool().len()
    }

    /// What the slots are doing.
    pub fn occupancy(&self) -> impl Iterator<Item = Occupancy> + '_ {
        self.server.pool().occupancy()
    }

    /// How many clients the server let in, refused, and so on.
    pub fn pool_counts(&self) -> PoolCounts {
        self.server.pool().counts()
    }

    /// What went wrong on the wire.
    pub fn impair_counts(&self) -> ImpairCounts {
        self.server_device.inner().inner().inner().inner().counts()
    }

    /// What happened to the datagrams for `udp-echo`.
    pub fn udp_counts(&self) -> UdpCounts {
        self.server.udp_counts()
    }

    /// How messages lay in segments, on connections to a port, both directions together.
    pub fn counts(&self, port: u16) -> Counts {
        self.observer.borrow().counts(port)
    }
}

/// An interface with one address, the last byte of its Ethernet address given.
fn interface(device: &mut impl Device, address: IpAddress, mac: u8, seed: u64) -> Interface {
    let mut config = Config::new(EthernetAddress([0x02, 0, 0, 0, 0, mac]).into());
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, to_smoltcp(Instant::ZERO));
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address, 24)).expect("an interface has room for one address");
    });
    interface
}

fn interface_of_clients(device: &mut impl Device, seed: u64) -> Interface {
    interface(device, CLIENTS, 2, seed.wrapping_add(1))
}

impl From<CatalogueError> for LoopbackError {
    fn from(error: CatalogueError) -> Self {
        Self::Services(error)
    }
}

impl From<SessionError> for LoopbackError {
    fn from(error: SessionError) -> Self {
        Self::Buffers(error)
    }
}

impl fmt::Display for LoopbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services(error) => error.fmt(f),
            Self::Buffers(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, clients, slots } = self;
        write!(f, "not done after {} µs of virtual time; clients {clients:?}, slots {slots:?}", at.as_micros())
    }
}

impl std::error::Error for LoopbackError {}
impl std::error::Error for TimedOut {}

#[cfg(test)]
mod tests;
