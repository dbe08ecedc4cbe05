//! Datagrams: the service that sends each one back, and a client for it.
//!
//! A datagram is a message of its own, and what does not fit the receiver's buffer is lost without a word, unless the
//! receiver asks. The server here does, and the client's buffer holds the longest that there is.

use std::io::{self, ErrorKind as IoErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use tracing::{debug, warn};

use crate::address::Address;
use crate::arrival::{self, Arrived, At};
use crate::connection::Surroundings;
use crate::errors::{Doing, ErrorKind, HostError};
use crate::seldom::Seldom;
use crate::socket::SocketOptions;
use crate::wait::{is_ready, wait};

/// Sends each datagram back, also an empty one, until the server is stopped; then those that wait in the socket.
///
/// One that is longer than `max_frame` is dropped and logged: half of it would be a wrong answer. One that comes from this
/// socket's own address is dropped too, or it would go round for ever. Each leaves from the address at which it arrived.
pub(crate) fn echo(name: &str, socket: &UdpSocket, max_frame: u64, around: &Surroundings) -> io::Result<()> {
    let own = socket.local_addr()?;
    arrival::ask(socket)?;
    let mut buffer = vec![0; usize::try_from(max_frame).unwrap_or(usize::MAX).min(LONGEST)].into_boxed_slice();
    let (mut cut, mut unsent) = (Seldom::default(), Seldom::default());
    let mut left_when_stopped = MOST_AT_STOP;
    let mut stopping = false;
    loop {
        stopping |= around.stopping.load(Ordering::Relaxed);
        let (bytes, peer, at) = match arrival::receive(socket, &mut buffer) {
            Ok(received) if received.cut => {
                if let Some(times) = cut.now() {
                    warn!(service = name, peer = ?received.peer, times, "dropped: longer than {} bytes", buffer.len());
                }
                continue;
            }
            Ok(Arrived { bytes, peer: Some(peer), at, .. }) => (bytes, peer, at),
            Ok(_) => continue,
            Err(error) if error.kind() == IoErrorKind::WouldBlock => {
                if stopping {
                    return Ok(());
                }
                let mut fds = [PollFd::new(socket, PollFlags::IN), PollFd::new(&around.stopper, PollFlags::IN)];
                wait(&mut fds, None)?;
                let [_, stop] = &fds;
                stopping = is_ready(stop, PollFlags::IN);
                continue;
            }
            // An error that the network reported about an earlier answer.
            Err(error) => {
                debug!(service = name, "receiving: {error}");
                continue;
            }
        };
        if peer.port() == own.port() && (peer.ip() == own.ip() || own.ip().is_unspecified()) {
            continue;
        }
        let answer = buffer.get(..bytes).unwrap_or_default();
        match send(socket, answer, peer, at, around) {
            Ok(()) => debug!(service = name, %peer, bytes, "echoed"),
            Err(error) => {
                if let Some(times) = unsent.now() {
                    warn!(service = name, %peer, times, "an answer was not sent: {error}");
                }
            }
        }
        if stopping {
            left_when_stopped -= 1;
            if left_when_stopped == 0 {
                return Ok(());
            }
        }
    }
}

/// A client that sends datagrams to one server, and receives what that one sends.
#[derive(Debug)]
pub struct DatagramClient {
    server: Address,
    options: SocketOptions,
    /// Bound and connected: the system passes on what comes from the server only, and its refusals.
    socket: UdpSocket,
    /// Other addresses of the server, the next one last.
    untried: Vec<SocketAddr>,
    buffer: Box<[u8]>,
}

impl DatagramClient {
    /// A client of `server`: of the first of its addresses that there is a way to, and of the next one if it turns out that
    /// nobody listens there. Nothing is sent yet.
    ///
    /// # Errors
    /// The name is not found, or there is no way to any of its addresses.
    pub fn connect(server: &Address, options: &SocketOptions) -> Result<Self, HostError> {
        let mut untried = server.resolve(options.connect_timeout)?;
        untried.reverse();
        let socket = connect_next(server, options, &mut untried)?;
        let buffer = vec![0; LONGEST].into_boxed_slice();
        Ok(Self { server: server.clone(), options: *options, socket, untried, buffer })
    }

    /// Sends `message` and returns the datagram that comes next. Datagrams may get lost: then there is none in time.
    ///
    /// # Errors
    /// Nobody listens at the port, nothing came for the read timeout, or the message is too long for a datagram.
    pub fn request(&mut self, message: &[u8]) -> Result<&[u8], HostError> {
        let bytes = loop {
            match self.request_here(message) {
                Ok(bytes) => break bytes,
                Err(error) if error.kind() == ErrorKind::Refused && !self.untried.is_empty() => {
                    self.socket = connect_next(&self.server, &self.options, &mut self.untried)?;
                }
                Err(error) => return Err(error),
            }
        };
        Ok(self.buffer.get(..bytes).unwrap_or_default())
    }

    /// [`request`](Self::request) from the address at hand. How many bytes came.
    fn request_here(&mut self, message: &[u8]) -> Result<usize, HostError> {
        let failed = |doing, error| HostError::system(doing, &self.server, error);
        self.socket.send(message).map_err(|error| failed(Doing::Sending, error))?;
        let begin = Instant::now();
        loop {
            match self.socket.recv(&mut self.buffer) {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == IoErrorKind::WouldBlock => {}
                Err(error) if error.kind() == IoErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(Doing::Receiving, error)),
            }
            let left = self.options.read_timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()));
            if let Some(timeout) = self.options.read_timeout
                && left == Some(Duration::ZERO)
            {
                return Err(HostError::timed_out(Doing::Receiving, &self.server, timeout));
            }
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            wait(&mut fds, left).map_err(|error| failed(Doing::Receiving, error))?;
        }
    }
}

/// A socket for the next address that there is a way to.
fn connect_next(
    server: &Address,
    options: &SocketOptions,
    untried: &mut Vec<SocketAddr>,
) -> Result<UdpSocket, HostError> {
    let mut failed = HostError::plain(Doing::Resolving, server.host(), ErrorKind::NameNotFound);
    while let Some(address) = untried.pop() {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let connected = options.bind_datagrams(SocketAddr::new(any, 0)).and_then(|socket| {
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = HostError::system(Doing::Connecting, server, error),
        }
    }
    Err(failed)
}

/// Sends an answer, and waits for a moment if the socket is full: a datagram may be lost, but not without need.
fn send(socket: &UdpSocket, answer: &[u8], peer: SocketAddr, from: At, around: &Surroundings) -> io::Result<()> {
    match arrival::send(socket, answer, peer, from) {
        Err(error) if error.kind() == IoErrorKind::WouldBlock => {
            let mut fds = [PollFd::new(socket, PollFlags::OUT), PollFd::new(&around.stopper, PollFlags::IN)];
            wait(&mut fds, Some(FULL))?;
            let [socket_is, _] = &fds;
            if is_ready(socket_is, PollFlags::OUT) { arrival::send(socket, answer, peer, from) } else { Err(error) }
        }
        sent => sent,
    }
}

/// Bytes of the longest datagram: what IPv6 allows, a little more than IPv4.
const LONGEST: usize = 65_527;

/// How many datagrams are still answered that had come when the server was stopped.
const MOST_AT_STOP: u32 = 10_000;

/// How long an answer waits for room in the socket.
const FULL: Duration = Duration::from_millis(100);
