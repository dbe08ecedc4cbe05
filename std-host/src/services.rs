//! The services of the command `framewright`, by name.

use std::net::SocketAddr;

use framewright::service::{Chat, Echo, Hello, Kv, KvError, Message, Time, Trim};

use crate::address::Address;
use crate::clock::LocalClock;
use crate::errors::HostError;
use crate::server::{BufferedServer, Handler};
use crate::state::SharedState;
use crate::store::StoreLimits;

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
    /// Over TCP too, and its clients share the state.
    Shared(fn(&SharedState) -> Handler),
    UdpEcho,
}

impl Entry {
    /// Adds the service to a server, and returns the addresses taken. Services that are given the same `state` share it.
    ///
    /// # Errors
    /// As [`BufferedServer::listen`].
    pub fn listen(
        &self,
        server: &mut BufferedServer,
        address: &Address,
        state: &SharedState,
    ) -> Result<Vec<SocketAddr>, HostError> {
        match self.kind {
            Kind::Tcp(handler) => server.listen(self.name, address, handler()),
            Kind::Shared(handler) => server.listen(self.name, address, handler(state)),
            Kind::UdpEcho => server.echo_datagrams(self.name, address),
        }
    }

    /// What carries its messages: `tcp` or `udp`.
    pub fn transport(&self) -> &'static str {
        match self.kind {
            Kind::Tcp(_) | Kind::Shared(_) => "tcp",
            Kind::UdpEcho => "udp",
        }
    }

    /// Whether its clients share something that outlives them.
    pub fn has_state(&self) -> bool {
        matches!(self.kind, Kind::Shared(_))
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
    Entry {
        name: "hello",
        port: 65432,
        about: "answers each chunk that comes with `Echo: ` and the chunk",
        kind: Kind::Tcp(|| Handler::new(|_| Hello)),
    },
    Entry {
        name: "time",
        port: 65431,
        about: "sends the local time, and closes",
        kind: Kind::Tcp(|| Handler::new(|caller| Time::new(LocalClock::read(caller.now).clock()))),
    },
    Entry {
        name: "kv",
        port: 6380,
        about: "key-value store: GET key, SET key value, DELETE key",
        kind: Kind::Shared(kv),
    },
    Entry { name: "chat", port: 5555, about: "chat room; the first line is your name", kind: Kind::Shared(chat) },
    Entry {
        name: "message",
        port: 65433,
        about: "requests with typed content; searches what `kv` keeps",
        kind: Kind::Shared(message),
    },
    Entry { name: "udp-echo", port: 3456, about: "sends each datagram back", kind: Kind::UdpEcho },
];

fn kv(state: &SharedState) -> Handler {
    let (store, refusals) = (state.store().clone(), state.refusals().clone());
    let longest = store.limits().longest_line();
    Handler::new(move |caller| {
        let (peer, refusals) = (caller.peer, refusals.clone());
        Kv::new(store.clone(), move |why: &KvError| refusals.log(peer, why))
    })
    .with_full_notice(b"ERROR\n")
    .holding(longest)
}

fn chat(state: &SharedState) -> Handler {
    let room = state.room().clone();
    let longest = room.rules().max_line + LINE_END;
    Handler::waking(move |caller, waker| Chat::new(room.clone(), room.rules(), caller.peer.port(), room.bell(waker)))
        .with_full_notice(b"[ERROR] The server is full. Try again later.\n")
        .holding(longest)
}

fn message(state: &SharedState) -> Handler {
    let store = state.store().clone();
    Handler::new(move |_| Message::<_, { StoreLimits::MAX_KEY }>::new(store.clone())).holding(MESSAGE_HEADER)
}

/// CR and LF.
const LINE_END: usize = 2;
/// The longest JSON header that its length can say, and that length. Pages that no header needs take no memory.
const MESSAGE_HEADER: usize = 2 + u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_at_the_ports_that_clients_expect() {
        let port = |name| find(name).map(|entry| entry.port);
        assert_eq!((port("trim"), port("echo"), port("udp-echo")), (Some(4567), Some(12345), Some(3456)));
        assert_eq!((port("hello"), port("time"), port("kv")), (Some(65432), Some(65431), Some(6380)));
        assert_eq!((port("chat"), port("message")), (Some(5555), Some(65433)));
        assert_eq!(port("toast"), None);
    }
}
