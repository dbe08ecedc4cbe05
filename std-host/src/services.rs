//! The services of the command `framewright`, by name.

use std::net::SocketAddr;

use framewright::service::{Echo, Trim};

use crate::address::Address;
use crate::errors::HostError;
use crate::server::{BufferedServer, Handler};

/// A service that can be served by its name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is called on the command line and in the log.
    pub name: &'static str,
    /// The port at which it is found if none is chosen.
    pub port: u16,
    /// What it does, in a few words.
    pub about: &'static str,
    kind: Kind,
}

/// What carries a service's messages, and how it is served.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp(fn() -> Handler),
    UdpEcho,
}

impl Entry {
    /// Adds the service to a server, and returns the addresses taken.
    ///
    /// # Errors
    /// As [`BufferedServer::listen`].
    pub fn listen(&self, server: &mut BufferedServer, address: &Address) -> Result<Vec<SocketAddr>, HostError> {
        match self.kind {
            Kind::Tcp(handler) => server.listen(self.name, address, handler()),
            Kind::UdpEcho => server.echo_datagrams(self.name, address),
        }
    }

    /// What carries its messages: `tcp` or `udp`.
    pub fn transport(&self) -> &'static str {
        match self.kind {
            Kind::Tcp(_) => "tcp",
            Kind::UdpEcho => "udp",
        }
    }
}

/// The service called `name`.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

/// All services there are.
pub const ALL: &[Entry] = &[
    Entry {
        name: "trim",
        port: 4567,
        about: "removes the first 10 characters of each message and sends the rest back",
        kind: Kind::Tcp(|| Handler::new(|_| Trim::default())),
    },
    Entry {
        name: "echo",
        port: 12345,
        about: "sends each message back unchanged",
        kind: Kind::Tcp(|| Handler::new(|_| Echo::new())),
    },
    Entry { name: "udp-echo", port: 3456, about: "sends each datagram back", kind: Kind::UdpEcho },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_at_the_ports_that_clients_expect() {
        let port = |name| find(name).map(|entry| entry.port);
        assert_eq!((port("trim"), port("echo"), port("udp-echo")), (Some(4567), Some(12345), Some(3456)));
        assert_eq!(port("toast"), None);
    }
}
