//! Which services a server offers, at which ports, and the sessions that answer there.
//!
//! [`Services`] is what a pool asks; [`Catalogue`] is the answer with all services of `framewright`. A program with a service
//! of its own implements `Services` for it.

use core::fmt;
use core::str::FromStr;

use framewright::service::{Echo, Trim};
use framewright::{CloseReason, Instant, Session, SessionConfig, SessionError, Stats, Storage};
use smoltcp::wire::IpEndpoint;

use crate::connection::Connection;

/// The most ports that a [`Catalogue`] can hold.
pub const MAX_PORTS: usize = 8;

/// What a pool serves.
pub trait Services {
    /// What a slot lends a session.
    type Buffer: Storage;
    /// The session of one client.
    type Connection: Connection<Buffer = Self::Buffer>;

    /// Whether a service answers at this TCP port.
    fn serves(&self, port: u16) -> bool;

    /// Whether every service can work with an output buffer like this.
    ///
    /// # Errors
    /// It is too small for some service's longest reply.
    fn check(&self, output: &mut Self::Buffer) -> Result<(), SessionError>;

    /// The session for a client that connected to a port that is served, with buffers that were checked.
    fn open(&mut self, client: Client, buffers: (Self::Buffer, Self::Buffer), now: Instant) -> Self::Connection;
}

/// A client, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client {
    /// Where it is.
    pub remote: IpEndpoint,
    /// The server's port that it connected to.
    pub port: u16,
}

/// The services of `framewright`, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServiceName {
    /// Removes the first ten characters of each message.
    Trim,
    /// Sends each message back.
    Echo,
}

/// The services at their ports; at most [`MAX_PORTS`].
#[derive(Clone, Debug)]
pub struct Catalogue<B> {
    ports: heapless::Vec<(u16, ServiceName), MAX_PORTS>,
    config: SessionConfig,
    buffers: core::marker::PhantomData<fn(B)>,
}

/// A session of whichever service the client chose by its port.
#[derive(Debug)]
pub enum Conversation<B: Storage> {
    /// With [`Trim`].
    Trim(Session<Trim, B, B>),
    /// With [`Echo`].
    Echo(Session<Echo, B, B>),
}

/// A list of services that a [`Catalogue`] cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CatalogueError {
    /// A port is given to two services.
    PortTaken(u16),
    /// Port 0 was asked for. There is no system here to choose one.
    PortZero(ServiceName),
    /// There are more than [`MAX_PORTS`].
    TooMany,
}

/// There is no service of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnknownService;

impl<B> Catalogue<B> {
    /// Nothing yet, with the settings of every session to come.
    pub fn new(config: SessionConfig) -> Self {
        Self { ports: heapless::Vec::new(), config, buffers: core::marker::PhantomData }
    }

    /// Adds a service at a TCP port.
    ///
    /// # Errors
    /// The port is taken or 0, or the catalogue is full.
    pub fn with(mut self, service: ServiceName, port: u16) -> Result<Self, CatalogueError> {
        if port == 0 {
            return Err(CatalogueError::PortZero(service));
        }
        if self.service_at(port).is_some() {
            return Err(CatalogueError::PortTaken(port));
        }
        self.ports.push((port, service)).map_err(|_| CatalogueError::TooMany)?;
        Ok(self)
    }

    /// The service at a port.
    pub fn service_at(&self, port: u16) -> Option<ServiceName> {
        self.ports.iter().find(|(at, _)| *at == port).map(|(_, service)| *service)
    }

    /// The ports and their services, in the order in which they were added.
    pub fn ports(&self) -> impl Iterator<Item = (u16, ServiceName)> + '_ {
        self.ports.iter().copied()
    }
}

impl<B: Storage> Services for Catalogue<B> {
    type Buffer = B;
    type Connection = Conversation<B>;

    fn serves(&self, port: u16) -> bool {
        self.service_at(port).is_some()
    }

    fn check(&self, output: &mut B) -> Result<(), SessionError> {
        let output = output.as_mut();
        for (_, service) in self.ports() {
            let no_input = &mut [][..];
            match service {
                ServiceName::Trim => {
                    Session::new(Trim::default(), no_input, &mut *output, self.config, Instant::ZERO).map(drop)?;
                }
                ServiceName::Echo => {
                    Session::new(Echo::new(), no_input, &mut *output, self.config, Instant::ZERO).map(drop)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, client: Client, (input, output): (B, B), now: Instant) -> Conversation<B> {
        const CHECKED: &str = "the pool checked the output buffer for every service";
        // A port that is not in the catalogue is never opened; echo is as good an answer as any.
        match self.service_at(client.port).unwrap_or(ServiceName::Echo) {
            ServiceName::Trim => {
                Conversation::Trim(Session::new(Trim::default(), input, output, self.config, now).expect(CHECKED))
            }
            ServiceName::Echo => {
                Conversation::Echo(Session::new(Echo::new(), input, output, self.config, now).expect(CHECKED))
            }
        }
    }
}

/// Does the same with whichever session it is.
macro_rules! with_session {
    ($conversation:expr, $session:ident => $call:expr) => {
        match $conversation {
            Conversation::Trim($session) => $call,
            Conversation::Echo($session) => $call,
        }
    };
}

impl<B: Storage> Connection for Conversation<B> {
    type Buffer = B;

    fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize {
        with_session!(self, session => session.handle_input(bytes, now))
    }

    fn handle_end(&mut self, now: Instant) {
        with_session!(self, session => session.handle_end(now));
    }

    fn handle_reset(&mut self, now: Instant) {
        with_session!(self, session => session.handle_reset(now));
    }

    fn handle_deadline(&mut self, now: Instant) {
        with_session!(self, session => session.handle_deadline(now));
    }

    fn shutdown(&mut self, now: Instant) {
        with_session!(self, session => session.shutdown(now));
    }

    fn poll_output(&mut self, now: Instant) -> &[u8] {
        with_session!(self, session => session.poll_output(now))
    }

    fn sent(&mut self, n: usize, now: Instant) {
        with_session!(self, session => session.sent(n, now));
    }

    fn deadline(&self) -> Option<Instant> {
        with_session!(self, session => session.deadline())
    }

    fn is_output_finished(&self) -> bool {
        with_session!(self, session => session.is_output_finished())
    }

    fn is_done(&self) -> bool {
        with_session!(self, session => session.is_done())
    }

    fn close_reason(&self) -> Option<CloseReason> {
        with_session!(self, session => session.close_reason())
    }

    fn stats(&self) -> Stats {
        with_session!(self, session => session.stats())
    }

    fn into_buffers(self) -> (B, B) {
        with_session!(self, session => session.into_buffers())
    }
}

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Trim, Self::Echo];

    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Echo => "echo",
        }
    }

    /// The TCP port where it is usually found.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Trim => 4567,
            Self::Echo => 12345,
        }
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, UnknownService> {
        Self::ALL.into_iter().find(|service| service.name() == name).ok_or(UnknownService)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such service; the services are")?;
        ServiceName::ALL.into_iter().try_for_each(|service| write!(f, " {service}"))
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken(port) => write!(f, "port {port} is given to two services"),
            Self::PortZero(service) => {
                write!(f, "{service} needs a port: there is no system here to choose a free one")
            }
            Self::TooMany => write!(f, "more than {MAX_PORTS} services"),
        }
    }
}

impl core::error::Error for CatalogueError {}
impl core::error::Error for UnknownService {}
