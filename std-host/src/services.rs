//! The services of the command `framewright`, by name.

use framewright::service::{Echo, Trim};

use crate::server::Handler;

/// A service that can be served by its name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is called on the command line and in the log.
    pub name: &'static str,
    /// The port at which it is found if none is chosen.
    pub port: u16,
    /// What it does, in a few words.
    pub about: &'static str,
    handler: fn() -> Handler,
}

impl Entry {
    /// What serves its connections.
    pub fn handler(&self) -> Handler {
        (self.handler)()
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
        handler: || Handler::new(|_| Trim::default()),
    },
    Entry {
        name: "echo",
        port: 12345,
        about: "sends each message back unchanged",
        handler: || Handler::new(|_| Echo::new()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_at_the_ports_that_clients_expect() {
        let port = |name| find(name).map(|entry| entry.port);
        assert_eq!((port("trim"), port("echo")), (Some(4567), Some(12345)));
        assert_eq!(port("toast"), None);
    }
}
