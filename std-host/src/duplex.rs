//! The duplex client: messages both ways at once, for programs that wait for more than one thing.
//!
//! [`BufferedClient`](crate::BufferedClient) blocks in each call, which suits requests and replies. Where a server speaks
//! unasked and a person types meanwhile, one [`wait`](DuplexClient::wait) must look after both. What is to be sent is queued in
//! a buffer of fixed size, and while that is full nothing more is taken; so neither side can stop the other by not reading.
//!
//! ```
//! use framewright::{framing::U32, service::Echo};
//! use framewright_host::{BufferedServer, ClientConfig, DuplexClient, Incoming};
//!
//! let mut server = BufferedServer::bind("127.0.0.1", 0, 4096, |_| Echo::new())?;
//! let (address, stopper) = (server.addresses()[0].into(), server.stopper());
//! let serving = std::thread::spawn(move || server.start());
//!
//! let mut client = DuplexClient::connect(U32::new(), &address, ClientConfig::default())?;
//! assert!(client.queue(b"one")? && client.queue(b"two")?);
//! client.finish_sending();
//! let mut replies = Vec::new();
//! loop {
//!     match client.next()? {
//!         Some(Incoming::Message(reply)) => replies.push(reply.to_vec()),
//!         Some(Incoming::TooLong(_)) => {}
//!         Some(Incoming::Gone) => break,
//!         None => _ = client.wait(None, None)?,
//!     }
//! }
//! assert_eq!(replies, [b"one", b"two"]);
//! # stopper.stop();
//! # serving.join().unwrap()?;
//! # Ok::<(), framewright_host::HostError>(())
//! ```

use std::fmt;
use std::io::{self, ErrorKind as IoErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use framewright::framing::Framing;
use framewright::{DecodeError, Decoder, EncodeError, Encoder, End, Event, Oversize, Recovery};
use rustix::event::{PollFd, PollFlags};

use crate::address::Address;
use crate::client::{ClientConfig, connect_to_any};
use crate::errors::{Doing, HostError};
use crate::server::check_buffer_size;
use crate::wait::{is_ready, wait};

/// A connection to a server whose messages have the framing `L`, that sends and receives at the same time.
pub struct DuplexClient<L: Framing> {
    /// As the user called it, for errors.
    server: Address,
    peer: SocketAddr,
    socket: TcpStream,
    decoder: Decoder<L, Box<[u8]>>,
    encoder: Encoder<L, Box<[u8]>>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    inbound: Inbound,
    outbound: Outbound,
    /// When the socket last took something, or had nothing to take.
    took_at: Instant,
    awaited: Awaited,
    /// When a byte last came, or what is awaited changed.
    came_at: Instant,
}

/// What came from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A message.
    Message(&'a [u8]),
    /// A message was dropped that is longer than the buffer or [`ClientConfig::max_frame`].
    TooLong(DecodeError),
    /// The server closed its sending side, and all that it sent was received. It stays so.
    Gone,
}

/// What the server has to send, if it is not to be given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Awaited {
    /// It may be silent.
    #[default]
    Nothing,
    /// The next message.
    Message,
    /// The end of the stream.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    Open,
    Ended,
}

#[derive(Debug)]
enum Outbound {
    Open,
    /// To be closed when all was sent.
    Finishing,
    Closed,
    /// The server takes nothing more. What it said before that is still read, and counts more than this error.
    Broken(Option<HostError>),
}

impl<L: Framing + Clone> DuplexClient<L> {
    /// Connects to `server`; every address of a name is tried. There is one buffer of [`ClientConfig::buffer_size`] for each
    /// direction, so that messages must be shorter than that.
    ///
    /// # Errors
    /// As [`BufferedClient::connect_with`](crate::BufferedClient::connect_with).
    pub fn connect(law: L, server: &Address, config: ClientConfig) -> Result<Self, HostError> {
        check_buffer_size(config.buffer_size)?;
        let begin = Instant::now();
        let addresses = server.resolve(config.options.connect_timeout)?;
        let (socket, peer) = connect_to_any(server, &addresses, &config.options, begin)?;
        socket.set_nonblocking(true).map_err(|error| HostError::system(Doing::Connecting, server, error))?;
        let buffer = || vec![0; config.buffer_size].into_boxed_slice();
        let now = Instant::now();
        Ok(Self {
            server: server.clone(),
            peer,
            socket,
            decoder: Decoder::new(law.clone(), buffer()).with_oversize(Oversize::Skip).with_max_frame(config.max_frame),
            encoder: Encoder::new(law, buffer()),
            read_timeout: config.options.read_timeout,
            write_timeout: config.options.write_timeout,
            inbound: Inbound::Open,
            outbound: Outbound::Open,
            took_at: now,
            awaited: Awaited::Nothing,
            came_at: now,
        })
    }

    /// Puts a message behind those that wait to be sent. `false`: there is no room now; [`wait`](Self::wait), and try again.
    ///
    /// # Errors
    /// It is longer than the buffer, or the framing cannot carry it.
    pub fn queue(&mut self, message: &[u8]) -> Result<bool, HostError> {
        match self.outbound {
            Outbound::Open => {}
            Outbound::Finishing | Outbound::Closed => {
                return Err(HostError::plain(Doing::Sending, &self.server, crate::ErrorKind::BadMessage)
                    .because("the sending side was closed"));
            }
            // Why will be told by `next`, when all was read.
            Outbound::Broken(_) => return Ok(true),
        }
        if self.encoder.pending().is_empty() {
            self.took_at = Instant::now();
        }
        match self.encoder.push(message) {
            Ok(()) => Ok(true),
            Err(EncodeError::Full { .. }) => Ok(false),
            Err(error) => Err(HostError::bad_message(&self.server, error)),
        }
    }

    /// Closes the sending side when all that was queued has been sent: the server answers what it received, and closes its
    /// side. Its messages can still be received.
    pub fn finish_sending(&mut self) {
        if matches!(self.outbound, Outbound::Open) {
            self.outbound = Outbound::Finishing;
        }
    }

    /// Says what the server has to send now: when it is silent for the read timeout instead, [`wait`](Self::wait) fails.
    pub fn expect(&mut self, awaited: Awaited) {
        self.awaited = awaited;
        self.came_at = Instant::now();
    }

    /// What came, in order; `None` when that is all so far.
    ///
    /// # Errors
    /// The stream ended inside a message or breaks the framing; the server took no more, and has nothing to say either.
    // An iterator could not lend what it yields.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Incoming<'_>>, HostError> {
        let popped = match self.inbound {
            Inbound::Open => self.decoder.pop(),
            Inbound::Ended => match self.decoder.finish() {
                Ok(End::Last(Event::Frame(message))) => Ok(Some(message)),
                // No frame comes in pieces, and none is waited for.
                Ok(End::Last(_) | End::Clean | End::Stopped) => {
                    return match &mut self.outbound {
                        Outbound::Broken(error) => error.take().map_or(Ok(Some(Incoming::Gone)), Err),
                        _ => Ok(Some(Incoming::Gone)),
                    };
                }
                Ok(End::Truncated { have, need }) => return Err(HostError::closed(&self.server, have, need)),
                Err(error) => Err(error),
            },
        };
        match popped {
            Ok(Some(message)) => {
                if self.awaited == Awaited::Message {
                    self.awaited = Awaited::Nothing;
                }
                Ok(Some(Incoming::Message(message)))
            }
            Ok(None) => Ok(None),
            Err(error) if error.recovery == Recovery::Skips => Ok(Some(Incoming::TooLong(error))),
            Err(error) => Err(HostError::bad_reply(&self.server, error)),
        }
    }

    /// Sends what can be sent, and receives; sleeps before that until there is something to do, or `other` is readable, or
    /// `timeout` is over. Whether `other` is readable. To be called when [`next`](Self::next) says `None`. When something was sent
    /// it does not sleep: there is room for a message that was refused.
    ///
    /// # Errors
    /// The connection broke; the server takes nothing for the write timeout, or does not send what is
    /// [expected](Self::expect).
    pub fn wait(&mut self, other: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Result<bool, HostError> {
        let queued = self.encoder.pending().len();
        self.write();
        let timeout = if self.encoder.pending().len() < queued { Some(Duration::ZERO) } else { timeout };
        let due = self.give_up().map(|(at, ..)| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.into_iter().chain(due).min();
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.inbound == Inbound::Open);
        events.set(PollFlags::OUT, !self.encoder.pending().is_empty());
        let (readable, writable, woken) = {
            let socket = PollFd::new(&self.socket, events);
            // Where there is no other, the socket stands in for it and its second answer is not looked at.
            let second = other.as_ref().map_or_else(|| socket.clone(), |other| PollFd::new(other, PollFlags::IN));
            let mut fds = [socket, second];
            let asked = if other.is_some() { &mut fds[..] } else { &mut fds[..1] };
            wait(asked, timeout).map_err(|error| HostError::system(Doing::Receiving, &self.server, error))?;
            let [socket, second] = &fds;
            let woken = other.is_some() && is_ready(second, PollFlags::IN);
            (is_ready(socket, PollFlags::IN), is_ready(socket, PollFlags::OUT), woken)
        };
        if readable && self.inbound == Inbound::Open {
            self.read()?;
        }
        if writable {
            self.write();
        }
        match self.give_up() {
            Some((at, doing, after)) if at <= Instant::now() => Err(HostError::timed_out(doing, &self.server, after)),
            _ => Ok(woken),
        }
    }

    /// Reads once.
    fn read(&mut self) -> Result<(), HostError> {
        match (&self.socket).read(self.decoder.spare_mut()) {
            Ok(0) => self.inbound = Inbound::Ended,
            Ok(n) => {
                self.decoder.commit(n);
                self.came_at = Instant::now();
            }
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(HostError::system(Doing::Receiving, &self.server, error)),
        }
        Ok(())
    }

    /// Writes what the socket takes now.
    fn write(&mut self) {
        while !self.encoder.pending().is_empty() {
            match (&self.socket).write(self.encoder.pending()) {
                Ok(n) => {
                    self.encoder.sent(n);
                    self.took_at = Instant::now();
                }
                Err(error) if error.kind() == IoErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return,
                Err(error) => return self.break_off(error),
            }
        }
        if matches!(self.outbound, Outbound::Finishing) {
            self.outbound = Outbound::Closed;
            if let Err(error) = self.socket.shutdown(Shutdown::Write) {
                self.break_off(error);
            }
        }
    }

    fn break_off(&mut self, error: io::Error) {
        self.outbound = Outbound::Broken(Some(HostError::system(Doing::Sending, &self.server, error)));
        self.encoder.reset();
    }

    /// When this is given up if nothing moves until then, what was being done, and how long it was waited for.
    fn give_up(&self) -> Option<(Instant, Doing, Duration)> {
        let at = |holds: bool, since: Instant, timeout: Option<Duration>, doing| {
            let timeout = timeout.filter(|_| holds)?;
            Some((since.checked_add(timeout)?, doing, timeout))
        };
        let unsent = !self.encoder.pending().is_empty();
        let stuck = at(unsent, self.took_at, self.write_timeout, Doing::Sending);
        let awaited = self.awaited != Awaited::Nothing && self.inbound == Inbound::Open;
        let silent = at(awaited, self.came_at, self.read_timeout, Doing::Receiving);
        stuck.into_iter().chain(silent).min_by_key(|(at, ..)| *at)
    }
}

impl<L: Framing> DuplexClient<L> {
    /// The address that was connected to.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket, which does not block: to look at, and to set options.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

impl<L: Framing> fmt::Debug for DuplexClient<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, peer, inbound, outbound, awaited, .. } = self;
        f.debug_struct("DuplexClient")
            .field("server", server)
            .field("peer", peer)
            .field("inbound", inbound)
            .field("outbound", outbound)
            .field("awaited", awaited)
            .finish_non_exhaustive()
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), IoErrorKind::WouldBlock | IoErrorKind::Interrupted)
}
