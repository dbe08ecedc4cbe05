//! The services that a server offers, and where.

use core::fmt;
use core::marker::PhantomData;

use framewright::{Instant, SessionConfig, SessionError, Storage};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{Client, Conversation, ServiceName, Services, StateRef, Transport};

/// The most ports that a [`Catalogue`] can hold.
pub const MAX_PORTS: usize = 8;

/// The services at their ports, at most [`MAX_PORTS`], and the way `T` to what their clients share.
#[derive(Clone, Debug)]
pub struct Catalogue<B, T> {
    ports: heapless::Vec<(u16, ServiceName), MAX_PORTS>,
    config: SessionConfig,
    state: T,
    buffers: PhantomData<fn(B)>,
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
    /// A second service over UDP: a server has one such socket.
    SecondUdp,
}

impl<B, T> Catalogue<B, T> {
    /// Nothing yet, with the settings of every session to come.
    pub fn new(config: SessionConfig, state: T) -> Self {
        Self { ports: heapless::Vec::new(), config, state, buffers: PhantomData }
    }

    /// Adds a service at a port. One over UDP is answered by an [`UdpEcho`](crate::UdpEcho) that the owner adds to the server.
    ///
    /// # Errors
    /// The port is taken or 0, the catalogue is full, or it has a service over UDP already.
    pub fn with(mut self, service: ServiceName, port: u16) -> Result<Self, CatalogueError> {
        if port == 0 {
            return Err(CatalogueError::PortZero(service));
        }
        if self.service_at(service.transport(), port).is_some() {
            return Err(CatalogueError::PortTaken(port));
        }
        if service.transport() == Transport::Udp && self.ports().any(|(_, other)| other == service) {
            return Err(CatalogueError::SecondUdp);
        }
        self.ports.push((port, service)).map_err(|_| CatalogueError::TooMany)?;
        Ok(self)
    }

    /// The service at a port.
    pub fn service_at(&self, transport: Transport, port: u16) -> Option<ServiceName> {
        self.ports().find(|(at, service)| *at == port && service.transport() == transport).map(|(_, service)| service)
    }

    /// The ports and their services, in the order in which they were added.
    pub fn ports(&self) -> impl Iterator<Item = (u16, ServiceName)> + '_ {
        self.ports.iter().copied()
    }

    /// What the clients share.
    pub fn state(&self) -> &T {
        &self.state
    }
}

impl<B: Storage, T: StateRef> Services for Catalogue<B, T> {
    type Buffer = B;
    type Connection = Conversation<B, T>;

    fn serves(&self, port: u16) -> bool {
        self.service_at(Transport::Tcp, port).is_some()
    }

    fn check(&self, output: &mut B) -> Result<(), SessionError> {
        let output = output.as_mut();
        let nobody = Client { remote: IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 0), port: 0 };
        for (_, service) in self.ports().filter(|(_, service)| service.transport() == Transport::Tcp) {
            let buffers = (&mut [][..], &mut *output);
            Conversation::open(service, &self.state, self.config, nobody, buffers, Instant::ZERO).map(drop)?;
        }
        Ok(())
    }

    fn open(&mut self, client: Client, buffers: (B, B), now: Instant) -> Conversation<B, T> {
        // A port that is not in the catalogue is never opened; echo is as good an answer as any.
        let service = self.service_at(Transport::Tcp, client.port).unwrap_or(ServiceName::Echo);
        match Conversation::open(service, &self.state, self.config, client, buffers, now) {
            Ok(conversation) => conversation,
            // Not `expect`: to print the error would cost more flash than the rest of this file.
            Err(_) => unreachable!("the pool checked the output buffer for every service"),
        }
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
            Self::SecondUdp => f.write_str("udp-echo can be at one port only"),
        }
    }
}

impl core::error::Error for CatalogueError {}
