//! Sockets, made with the options that they were asked for.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Socket options by their usual names.
///
/// ```
/// use framewright_host::SocketOptions;
/// use std::time::Duration;
///
/// let options = SocketOptions { no_delay: false, linger: Some(Duration::ZERO), ..SocketOptions::default() };
/// assert!(options.reuse_address);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `SO_REUSEADDR`, set before bind: a server that was restarted gets its port back at once, though connections of the old
    /// one still wait in `TIME_WAIT`. Default: on. Only for listeners.
    pub reuse_address: bool,
    /// `SO_KEEPALIVE`: after so long a silence the kernel asks every 10 s whether the peer is still there, and breaks the
    /// connection when 6 questions in a row were not answered. Whole seconds, at least 1. Default: 60 s. `None` is off.
    pub keep_alive: Option<Duration>,
    /// `TCP_NODELAY`: what is written leaves at once and does not wait for the acknowledgement of what left before (Nagle's
    /// algorithm). Default: on, since whole replies are written at once here.
    pub no_delay: bool,
    /// `SO_LINGER`: closing waits so long (whole seconds) for what was written to be acknowledged; zero breaks the
    /// connection with a reset. Default `None`: the kernel goes on delivering in the background.
    pub linger: Option<Duration>,
    /// `SO_SNDBUF` in bytes, set before connect or listen. Linux doubles it for its own bookkeeping. Default `None`: the
    /// kernel's own choice, which grows as needed.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` in bytes, likewise.
    pub receive_buffer: Option<usize>,
    /// How long a client waits for a byte of a message to come. Default 5 s; `None` waits for ever.
    pub read_timeout: Option<Duration>,
    /// How long a client waits for the peer to take a byte of a message. Default 5 s; `None` waits for ever.
    pub write_timeout: Option<Duration>,
    /// How long a client may take to be connected, name look-up and all addresses together. Default 5 s; `None` leaves it to
    /// the system.
    pub connect_timeout: Option<Duration>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        let timeout = Some(Duration::from_secs(5));
        Self {
            reuse_address: true,
            keep_alive: Some(Duration::from_mins(1)),
            no_delay: true,
            linger: None,
            send_buffer: None,
            receive_buffer: None,
            read_timeout: timeout,
            write_timeout: timeout,
            connect_timeout: timeout,
        }
    }
}

impl SocketOptions {
    /// Sets keep-alive, no-delay and linger on a connection.
    ///
    /// # Errors
    /// What the system says, for instance of a connection that is gone already.
    pub fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = socket2::SockRef::from(stream);
        // A connection that was accepted has some of them from its listener; asking twice costs nothing.
        socket.set_tcp_nodelay(self.no_delay)?;
        match self.keep_alive {
            Some(silence) => {
                let questions = TcpKeepalive::new().with_time(silence).with_interval(KEEP_ALIVE_INTERVAL);
                socket.set_tcp_keepalive(&questions.with_retries(KEEP_ALIVE_RETRIES))?;
            }
            None => socket.set_keepalive(false)?,
        }
        socket.set_linger(self.linger)
    }

    /// A listener at `address` with room for `backlog` connections that wait to be accepted.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(&self, address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
        let socket = self.socket(address, Type::STREAM, Protocol::TCP)?;
        socket.set_reuse_address(self.reuse_address)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(socket.into())
    }

    /// A datagram socket at `address`. Reuse-address is not set: for datagrams it would let two servers share a port.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind_datagrams(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = self.socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    }

    /// A connection to `address`, or an error when that takes longer than `timeout`.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, address: SocketAddr, timeout: Option<Duration>) -> io::Result<TcpStream> {
        let socket = self.socket(address, Type::STREAM, Protocol::TCP)?;
        match timeout {
            Some(timeout) => socket.connect_timeout(&address.into(), timeout)?,
            None => socket.connect(&address.into())?,
        }
        let stream = socket.into();
        self.apply(&stream)?;
        Ok(stream)
    }

    /// A socket whose buffers have the sizes asked for: TCP agrees on its window scale while connecting.
    fn socket(&self, address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Ok(socket)
    }
}

/// Between two keep-alive questions that were not answered.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Unanswered keep-alive questions until a connection counts as broken.
const KEEP_ALIVE_RETRIES: u32 = 6;
