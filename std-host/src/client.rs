//! The buffered client: sends messages to a server and receives its messages, in a framing of choice.
//!
//! A message is sent from the caller's slice, header and payload in one write. Messages longer than the buffer are received
//! in pieces, into a growing `Vec` or any other [`Write`]. See [`BufferedServer`](crate::BufferedServer) for an example.

use std::fmt;
use std::io::{self, ErrorKind as IoErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use framewright::framing::{Framing, U32};
use framewright::{Decoder, End, Event, Outgoing, Oversize};
use rustix::event::{PollFd, PollFlags};

use crate::address::Address;
use crate::errors::{Doing, ErrorKind, HostError};
use crate::server::check_buffer_size;
use crate::socket::SocketOptions;
use crate::wait::wait;

/// A connection to a server whose messages have the framing `L`.
pub struct BufferedClient<L: Framing = U32> {
    /// As the user called it, for errors.
    server: Address,
    peer: SocketAddr,
    socket: TcpStream,
    law: L,
    decoder: Decoder<L, Box<[u8]>>,
    options: SocketOptions,
    outbound: Outbound,
    inbound: Inbound,
}

/// Whether messages can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    Open,
    /// The last message left in part only; whatever follows would be taken for the rest of it.
    Torn,
    /// The sending side was closed.
    Closed,
}

/// Whether bytes are to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    Open,
    /// The peer closed its sending side.
    Ended,
}

/// The settings of a [`BufferedClient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Bytes of the receive buffer: a power of two, 64 to 65,536. Default 4096.
    pub buffer_size: usize,
    /// The longest message to receive, in bytes of payload. Default 16 MiB.
    pub max_frame: u64,
    /// Socket options and time-outs.
    pub options: SocketOptions,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self { buffer_size: 4096, max_frame: 16 << 20, options: SocketOptions::default() }
    }
}

/// A message on its way, with room for the longest header that a framing of ours has.
type Frame<'m> = Outgoing<'m, 256>;

/// How far a message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// A message is complete.
    Message,
    /// More bytes are needed.
    NotYet,
    /// The peer is gone, and all its messages were received.
    Gone,
}

impl BufferedClient {
    /// Connects to `port` at `host`, a name or an IP address; every address of a name is tried. Messages have the `u32`
    /// framing, the receive buffer has `buffer_size` bytes, everything else is as in [`ClientConfig::default`].
    ///
    /// # Errors
    /// The name is not found, no address of it could be connected to (this is the error of the last one tried), or the buffer
    /// size is no power of two from 64 to 65,536.
    pub fn connect(host: &str, port: u16, buffer_size: usize) -> Result<Self, HostError> {
        let config = ClientConfig { buffer_size, ..ClientConfig::default() };
        Self::connect_with(U32::new(), &Address::new(host, port), config)
    }
}

impl<L: Framing + Clone> BufferedClient<L> {
    /// [`connect`](BufferedClient::connect) for any framing, with settings.
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect_with(law: L, server: &Address, config: ClientConfig) -> Result<Self, HostError> {
        check_buffer_size(config.buffer_size)?;
        let begin = Instant::now();
        let addresses = server.resolve(config.options.connect_timeout)?;
        let (socket, peer) = connect_to_any(server, &addresses, &config.options, begin)?;
        socket.set_nonblocking(true).map_err(|error| HostError::system(Doing::Connecting, server, error))?;
        let decoder = Decoder::new(law.clone(), vec![0; config.buffer_size].into_boxed_slice())
            .with_oversize(Oversize::Stream)
            .with_max_frame(config.max_frame);
        Ok(Self {
            server: server.clone(),
            peer,
            socket,
            law,
            decoder,
            options: config.options,
            outbound: Outbound::Open,
            inbound: Inbound::Open,
        })
    }

    /// Sends one message.
    ///
    /// Nothing is received meanwhile: a peer that answers a long message piece by piece may stop reading until somebody
    /// reads its answers. [`request`](Self::request) does both.
    ///
    /// # Errors
    /// The framing cannot carry it; the peer takes nothing for the write timeout, or is gone. When part of the message had
    /// left, no other can be sent.
    pub fn send(&mut self, message: &[u8]) -> Result<(), HostError> {
        let mut frame = self.begin_sending(message)?;
        while !self.send_some(&mut frame)? {
            self.wait(PollFlags::OUT, self.options.write_timeout, Doing::Sending)?;
        }
        Ok(())
    }

    /// Receives one message. `None`: the peer is gone, and all that it sent was received.
    ///
    /// # Errors
    /// Nothing came for the read timeout; the connection broke, or ended inside a message; what came breaks the framing, or
    /// is longer than [`ClientConfig::max_frame`].
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, HostError> {
        let mut message = Vec::new();
        Ok(self.receive_to(&mut message)?.then_some(message))
    }

    /// Receives one message into `sink`, however long it is, and says whether there was one.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), and what `sink` says.
    pub fn receive_to(&mut self, sink: &mut impl Write) -> Result<bool, HostError> {
        loop {
            match self.receive_some(sink)? {
                Received::Message => return Ok(true),
                Received::Gone => return Ok(false),
                Received::NotYet => {}
            }
            if !self.read_some()? {
                self.wait(PollFlags::IN, self.options.read_timeout, Doing::Receiving)?;
            }
        }
    }

    /// Receives one message, which must come, into `reply`.
    ///
    /// # Errors
    /// As [`receive_to`](Self::receive_to); and [`ErrorKind::ClosedBeforeReply`].
    pub fn receive_reply(&mut self, reply: &mut impl Write) -> Result<(), HostError> {
        if self.receive_to(reply)? { Ok(()) } else { Err(HostError::closed(&self.server, 0, None)) }
    }

    /// Sends `message` and receives the next message into `reply`, both at the same time: it does not matter how long they
    /// are and how much the server holds.
    ///
    /// # Errors
    /// As [`send`](Self::send) and [`receive_to`](Self::receive_to); and [`ErrorKind::ClosedBeforeReply`].
    pub fn request(&mut self, message: &[u8], reply: &mut impl Write) -> Result<(), HostError> {
        let mut frame = self.begin_sending(message)?;
        let mut unsent = None;
        let mut sent = false;
        let mut received = false;
        while !sent || !received {
            let mut moved = false;
            if !sent {
                let before = frame.remaining();
                match self.send_some(&mut frame) {
                    Ok(done) => sent = done,
                    // The server may have said something before it closed; what it says counts more.
                    Err(error) => (sent, unsent) = (true, Some(error)),
                }
                moved |= sent || frame.remaining() < before;
            }
            if !received {
                match self.receive_some(reply)? {
                    Received::Message => received = true,
                    Received::Gone => return Err(HostError::closed(&self.server, 0, None)),
                    Received::NotYet => moved |= self.read_some().map_err(|error| unsent.take().unwrap_or(error))?,
                }
            }
            if !moved && (!sent || !received) {
                let mut events = PollFlags::empty();
                events.set(PollFlags::OUT, !sent);
                events.set(PollFlags::IN, !received);
                let (doing, timeout) = if received {
                    (Doing::Sending, self.options.write_timeout)
                } else {
                    (Doing::Receiving, self.options.read_timeout)
                };
                self.wait(events, timeout, doing)?;
            }
        }
        unsent.map_or(Ok(()), Err)
    }

    /// Closes the sending side: the server answers what it received, and closes its side. Its messages can still be received.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn finish_sending(&mut self) -> Result<(), HostError> {
        self.outbound = Outbound::Closed;
        self.socket.shutdown(Shutdown::Write).map_err(|error| self.failed(Doing::Sending, error))
    }

    /// Closes the connection and frees everything.
    pub fn shutdown(self) {
        // An error means that it is gone already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// The address that was connected to.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket, which does not block: to look at, and to set options. Bytes that are read or written here are missing there.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    fn begin_sending<'m>(&self, message: &'m [u8]) -> Result<Frame<'m>, HostError> {
        match self.outbound {
            Outbound::Open => {}
            Outbound::Torn => {
                return Err(HostError::plain(Doing::Sending, &self.server, ErrorKind::BadMessage)
                    .because("an earlier message was sent only in part"));
            }
            Outbound::Closed => {
                return Err(HostError::plain(Doing::Sending, &self.server, ErrorKind::BadMessage)
                    .because("the sending side was closed"));
            }
        }
        Frame::with_room(&self.law, message).map_err(|error| HostError::bad_message(&self.server, error))
    }

    /// Writes what the socket takes now. Whether all of the frame was sent.
    fn send_some(&mut self, frame: &mut Frame<'_>) -> Result<bool, HostError> {
        while frame.remaining() > 0 {
            let slices = frame.slices().map(IoSlice::new);
            match (&self.socket).write_vectored(&slices) {
                Ok(n) => {
                    frame.advance(n);
                    self.outbound = if frame.remaining() > 0 { Outbound::Torn } else { Outbound::Open };
                }
                Err(error) if error.kind() == IoErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == IoErrorKind::Interrupted => {}
                Err(error) => {
                    self.outbound = Outbound::Torn;
                    return Err(self.failed(Doing::Sending, error));
                }
            }
        }
        Ok(true)
    }

    /// Hands on what was read, up to the end of a message.
    fn receive_some(&mut self, sink: &mut impl Write) -> Result<Received, HostError> {
        loop {
            let event = match self.decoder.next_event(&mut &[][..]) {
                Ok(Some(event)) => event,
                Ok(None) if self.inbound == Inbound::Open => return Ok(Received::NotYet),
                Ok(None) => match self.decoder.finish() {
                    Ok(End::Last(event)) => event,
                    Ok(End::Clean | End::Stopped) => return Ok(Received::Gone),
                    Ok(End::Truncated { have, need }) => return Err(HostError::closed(&self.server, have, need)),
                    Err(error) => return Err(HostError::bad_reply(&self.server, error)),
                },
                Err(error) => return Err(HostError::bad_reply(&self.server, error)),
            };
            let stored = |result: io::Result<()>| {
                result.map_err(|error| HostError::system(Doing::Storing, "where the message was to go", error))
            };
            match event {
                Event::Frame(payload) => {
                    stored(sink.write_all(payload))?;
                    return Ok(Received::Message);
                }
                Event::Begin { .. } => {}
                Event::Chunk(payload) => stored(sink.write_all(payload))?,
                Event::End => return Ok(Received::Message),
            }
        }
    }

    /// Reads what there is room for. Whether anything came; the end of the stream counts.
    fn read_some(&mut self) -> Result<bool, HostError> {
        loop {
            return match (&self.socket).read(self.decoder.spare_mut()) {
                Ok(0) => {
                    self.inbound = Inbound::Ended;
                    Ok(true)
                }
                Ok(n) => {
                    self.decoder.commit(n);
                    Ok(true)
                }
                Err(error) if error.kind() == IoErrorKind::WouldBlock => Ok(false),
                Err(error) if error.kind() == IoErrorKind::Interrupted => continue,
                Err(error) => Err(self.failed(Doing::Receiving, error)),
            };
        }
    }

    /// Waits until the socket is ready.
    fn wait(&self, events: PollFlags, timeout: Option<Duration>, doing: Doing) -> Result<(), HostError> {
        let begin = Instant::now();
        loop {
            let mut fds = [PollFd::new(&self.socket, events)];
            let left = timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()));
            wait(&mut fds, left).map_err(|error| self.failed(doing, error))?;
            let [socket] = &fds;
            if !socket.revents().is_empty() {
                return Ok(());
            }
            if let Some(timeout) = timeout
                && begin.elapsed() >= timeout
            {
                return Err(HostError::timed_out(doing, &self.server, timeout));
            }
        }
    }

    fn failed(&self, doing: Doing, error: io::Error) -> HostError {
        HostError::system(doing, &self.server, error)
    }
}

impl<L: Framing> fmt::Debug for BufferedClient<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, peer, outbound, inbound, .. } = self;
        f.debug_struct("BufferedClient")
            .field("server", server)
            .field("peer", peer)
            .field("outbound", outbound)
            .field("inbound", inbound)
            .finish_non_exhaustive()
    }
}

/// Tries one address after the other, each with its share of the connect timeout, which began at `begin`.
pub(crate) fn connect_to_any(
    server: &Address,
    addresses: &[SocketAddr],
    options: &SocketOptions,
    begin: Instant,
) -> Result<(TcpStream, SocketAddr), HostError> {
    let mut failed = None;
    for (tried, address) in addresses.iter().enumerate() {
        let share = options.connect_timeout.map(|timeout| {
            let untried = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            (timeout.saturating_sub(begin.elapsed()) / untried).max(LEAST_SHARE)
        });
        match options.connect(*address, share) {
            Ok(socket) => return Ok((socket, *address)),
            Err(error) if error.kind() == IoErrorKind::TimedOut && share.is_some() => {
                failed = Some(HostError::timed_out(Doing::Connecting, server, begin.elapsed()));
            }
            Err(error) => failed = Some(HostError::system(Doing::Connecting, server, error)),
        }
    }
    Err(failed.unwrap_or_else(|| HostError::plain(Doing::Resolving, server.host(), ErrorKind::NameNotFound)))
}

/// What an address gets of the connect timeout, even if looking up its name has used that up.
const LEAST_SHARE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn the_second_address_is_tried_when_nobody_listens_at_the_first() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Bound and not listening: the port is taken, and connections to it are refused.
        let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        deaf.bind(&any.into()).unwrap();
        let deaf = deaf.local_addr().unwrap().as_socket().unwrap();
        let listener = TcpListener::bind(any).unwrap();
        let good = listener.local_addr().unwrap();
        let (server, options) = (Address::new("name", 1), SocketOptions::default());

        let (_, peer) = connect_to_any(&server, &[deaf, good], &options, Instant::now()).unwrap();
        assert_eq!(peer, good);

        let error = connect_to_any(&server, &[deaf], &options, Instant::now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}
