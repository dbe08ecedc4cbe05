//! The buffered server: listens, and serves each connection on a thread of its own.
//!
//! One thread accepts for all listeners: accepting takes microseconds, and so there is one place that counts clients, backs
//! off when the system runs out of something, and notices that the server is to stop. A connection's thread has a small
//! stack, two buffers and a [`Session`], which does the protocol.
//!
//! ```
//! use framewright::service::Echo;
//! use framewright_host::{BufferedClient, BufferedServer};
//! use std::sync::atomic::Ordering;
//!
//! let mut server = BufferedServer::bind("127.0.0.1", 0, 4096, |_| Echo::new())?; // port 0: any free one
//! let port = server.addresses()[0].port();
//! let keep_running = server.keep_running();
//! let serving = std::thread::spawn(move || {
//!     let totals = server.start();
//!     server.shutdown();
//!     totals
//! });
//!
//! let mut client = BufferedClient::connect("127.0.0.1", port, 4096)?;
//! client.send(b"Four score and seven years ago")?;
//! assert_eq!(client.receive()?, Some(b"Four score and seven years ago".to_vec()));
//! client.shutdown();
//!
//! keep_running.store(false, Ordering::Relaxed);
//! let totals = serving.join().expect("the server does not panic")?;
//! assert_eq!(totals.connections, 1);
//! # Ok::<(), framewright_host::HostError>(())
//! ```

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use framewright::service::Intake;
use framewright::session::needed_output;
use framewright::{Instant, Service, Session, SessionConfig, Stats};
use tracing::{debug, error, info, warn};

use crate::accept;
use crate::address::Address;
use crate::clock;
use crate::connection::{Surroundings, drive};
use crate::errors::{Doing, ErrorKind, HostError};
use crate::socket::SocketOptions;
use crate::stop::Stopper;
use crate::waker::Waker;

/// A server for any number of services, each on any number of addresses.
#[derive(Debug)]
pub struct BufferedServer {
    config: ServerConfig,
    listeners: Vec<Listener>,
    keep_running: Arc<AtomicBool>,
    around: Surroundings,
}

/// The settings of a [`BufferedServer`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Bytes of each connection's input buffer, and of its output buffer: a power of two, 64 to 65,536. A service that needs
    /// larger ones gets them. Default 4096.
    pub buffer_size: usize,
    /// The longest message to accept, in bytes of payload; longer ones than the buffer are streamed. Default 16 MiB.
    pub max_frame: u64,
    /// How many clients are served at the same time, all services together. The next one is refused. Default 4096.
    pub max_clients: usize,
    /// Close a connection on which nothing moved for so long. Default `None`: never.
    pub idle_timeout: Option<Duration>,
    /// How long a closing connection may take to read its last replies, and then to close its side. Default 5 s.
    pub close_timeout: Duration,
    /// How long connections may go on in all after the server was told to stop. Default 8 s.
    pub stop_timeout: Duration,
    /// How many connections may wait to be accepted; the kernel may allow fewer. Default 1024.
    pub backlog: u32,
    /// The options of the listeners and of the connections.
    pub options: SocketOptions,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            buffer_size: 4096,
            max_frame: 16 << 20,
            max_clients: 4096,
            idle_timeout: None,
            close_timeout: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(8),
            backlog: 1024,
            options: SocketOptions::default(),
        }
    }
}

/// What a server did between start and stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that were served.
    pub connections: u64,
    /// Connections that were refused, for want of room.
    pub refused: u64,
}

/// Who is at the other end of a connection: what a service may want to know.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The address of the client.
    pub peer: SocketAddr,
    /// The time at which it is served, on the clock that its session goes by.
    pub now: Instant,
}

/// Serves connections of one service: makes a [`Service`] for each, and drives its session.
pub struct Handler {
    serve: Serve,
    /// Bytes that the input buffer has at least.
    holds: usize,
    /// What a client is told for whom there is no room.
    full_notice: &'static [u8],
}

type Serve = Box<dyn Fn(&Caller, &Connection<'_>) -> Result<Closed, HostError> + Send + Sync>;

/// What a connection is served with.
struct Connection<'a> {
    socket: &'a TcpStream,
    config: &'a ServerConfig,
    around: &'a Surroundings,
    /// Bytes that the input buffer has at least.
    holds: usize,
}

/// How a connection ended.
pub(crate) struct Closed {
    reason: framewright::CloseReason,
    stats: Stats,
}

/// An address at which a service is reached.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) socket: Listening,
}

/// What listens there.
#[derive(Debug)]
pub(crate) enum Listening {
    /// For connections, which are handed to this.
    Connections(TcpListener, Arc<Handler>),
    /// For datagrams, which are sent back.
    Datagrams(UdpSocket),
    /// Nothing any more: the server was started.
    Closed,
}

impl BufferedServer {
    /// A server for one service, with default settings but for the size of the two buffers that each connection has, in
    /// bytes. `address` is a name or an IP address; port 0 takes any free port, see [`addresses`](Self::addresses).
    /// `make` makes the service of each connection.
    ///
    /// Clients can connect from now on; they are served after [`start`](Self::start).
    ///
    /// # Errors
    /// The address cannot be found or taken; the buffer size is no power of two from 64 to 65,536.
    pub fn bind<V, F>(address: &str, port: u16, buffer_size: usize, make: F) -> Result<Self, HostError>
    where
        V: Service<Framing: Clone + Default> + 'static,
        F: Fn(&Caller) -> V + Send + Sync + 'static,
    {
        let mut server = Self::new(ServerConfig { buffer_size, ..ServerConfig::default() })?;
        server.listen("service", &Address::new(address, port), Handler::new(make))?;
        Ok(server)
    }

    /// A server that has no service yet.
    ///
    /// # Errors
    /// A setting is out of range, or there are too many open files.
    pub fn new(config: ServerConfig) -> Result<Self, HostError> {
        check_buffer_size(config.buffer_size)?;
        let stopper = Stopper::new()?;
        let stopping = AtomicBool::new(false);
        let around = Surroundings { stopper, stopping, stop_timeout: config.stop_timeout };
        Ok(Self { config, listeners: Vec::new(), keep_running: Arc::new(AtomicBool::new(true)), around })
    }

    /// Adds a service at `address`: at each of its addresses where it is a name that has several. `name` is for the log.
    /// Returns the addresses taken.
    ///
    /// # Errors
    /// The name is not found, or no address of it can be taken. Those of another IP version than this machine has do not
    /// count where there are others.
    pub fn listen(
        &mut self,
        name: &'static str,
        address: &Address,
        handler: impl Into<Arc<Handler>>,
    ) -> Result<Vec<SocketAddr>, HostError> {
        let handler = handler.into();
        self.take_each(name, address, |config, address| {
            let socket = config.options.listen(address, config.backlog)?;
            socket.set_nonblocking(true)?;
            Ok((socket.local_addr()?, Listening::Connections(socket, Arc::clone(&handler))))
        })
    }

    /// Adds a service that sends each datagram back to where it came from, also an empty one. Datagrams longer than
    /// [`max_frame`](ServerConfig::max_frame) are dropped and logged, never cut. Returns the addresses taken.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub fn echo_datagrams(&mut self, name: &'static str, address: &Address) -> Result<Vec<SocketAddr>, HostError> {
        self.take_each(name, address, |config, address| {
            let socket = config.options.bind_datagrams(address)?;
            socket.set_nonblocking(true)?;
            Ok((socket.local_addr()?, Listening::Datagrams(socket)))
        })
    }

    /// Takes each address of a name. One of another IP version than this machine has does not count where there are others.
    fn take_each(
        &mut self,
        name: &'static str,
        address: &Address,
        take: impl Fn(&ServerConfig, SocketAddr) -> io::Result<(SocketAddr, Listening)>,
    ) -> Result<Vec<SocketAddr>, HostError> {
        let mut missing = None;
        let mut listeners = Vec::new();
        for address in address.resolve(None)? {
            match take(&self.config, address) {
                Ok((address, socket)) => listeners.push(Listener { name, address, socket }),
                Err(error) => {
                    let error = HostError::system(Doing::Listening, address, error);
                    if error.kind() != ErrorKind::NoSuchLocalAddress {
                        return Err(error);
                    }
                    missing = Some(error);
                }
            }
        }
        match missing {
            Some(error) if listeners.is_empty() => return Err(error),
            Some(error) => warn!("{error}"),
            None => {}
        }
        let taken = listeners.iter().map(|listener| listener.address).collect();
        self.listeners.append(&mut listeners);
        Ok(taken)
    }

    /// Serves until the [`keep_running`](Self::keep_running) flag turns false or a [`stopper`](Self::stopper) is used.
    /// Then it stops accepting, closes the listeners, has every connection answer what was received and close, and returns
    /// when the last one is closed: within [`stop_timeout`](ServerConfig::stop_timeout).
    ///
    /// The flag is looked at every 50 ms, by the accepting thread alone, and only while somebody else holds it.
    ///
    /// # Errors
    /// There is no listener (left), or no thread for a datagram service.
    pub fn start(&mut self) -> Result<Totals, HostError> {
        if self.listeners.iter().all(|listener| matches!(listener.socket, Listening::Closed)) {
            return Err(HostError::bad_setting("a server", "it has no address to listen on"));
        }
        let totals = accept::run(&self.config, &mut self.listeners, &self.keep_running, &self.around)?;
        info!(connections = totals.connections, refused = totals.refused, "stopped");
        Ok(totals)
    }

    /// Frees everything: listeners, and with them connections that were not accepted.
    pub fn shutdown(self) {
        drop(self);
    }

    /// The flag that keeps [`start`](Self::start) serving.
    pub fn keep_running(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.keep_running)
    }

    /// Stops this server at once, also from a signal handler.
    pub fn stopper(&self) -> Stopper {
        self.around.stopper.clone()
    }

    /// The addresses taken, with their ports, in the order in which they were added.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }
}

impl Handler {
    /// Serves each connection with the service that `make` makes for it.
    pub fn new<V, F>(make: F) -> Self
    where
        V: Service<Framing: Clone + Default> + 'static,
        F: Fn(&Caller) -> V + Send + Sync + 'static,
    {
        let serve = move |caller: &Caller, connection: &Connection<'_>| connection.serve(make(caller), caller, None);
        Self { serve: Box::new(serve), holds: 0, full_notice: b"" }
    }

    /// The same for a service that speaks unasked: it wakes its connection with the [`Waker`] when it has something to say,
    /// from any thread. Each connection takes a file descriptor more.
    pub fn waking<V, F>(make: F) -> Self
    where
        V: Service<Framing: Clone + Default> + 'static,
        F: Fn(&Caller, Waker) -> V + Send + Sync + 'static,
    {
        let serve = move |caller: &Caller, connection: &Connection<'_>| {
            let waker = Waker::new()?;
            connection.serve(make(caller, waker.clone()), caller, Some(&waker))
        };
        Self { serve: Box::new(serve), holds: 0, full_notice: b"" }
    }

    /// Gives each connection an input buffer of at least so many bytes, for a service that takes whole messages only. (Its output
    /// buffer is as large as the service's longest reply needs, without being told.)
    #[must_use]
    pub fn holding(self, bytes: usize) -> Self {
        Self { holds: bytes, ..self }
    }

    /// Sends these bytes to a client that is refused because the server is [full](ServerConfig::max_clients), framed as the
    /// service's answers are. The default is none: where a framing has no place for them, they would be taken for an answer.
    #[must_use]
    pub fn with_full_notice(self, full_notice: &'static [u8]) -> Self {
        Self { full_notice, ..self }
    }

    pub(crate) fn full_notice(&self) -> &'static [u8] {
        self.full_notice
    }

    /// Serves a connection to its end and logs how it ended.
    pub(crate) fn handle(
        &self,
        name: &str,
        peer: SocketAddr,
        socket: &TcpStream,
        config: &ServerConfig,
        around: &Surroundings,
    ) {
        debug!(service = name, %peer, "connected");
        let caller = Caller { peer, now: clock::now() };
        match (self.serve)(&caller, &Connection { socket, config, around, holds: self.holds }) {
            Ok(closed) => log_closed(name, peer, &closed),
            Err(error) => error!(service = name, %peer, "{error}"),
        }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl Connection<'_> {
    fn serve<V>(&self, service: V, caller: &Caller, waker: Option<&Waker>) -> Result<Closed, HostError>
    where
        V: Service<Framing: Clone + Default>,
    {
        let Self { socket, config, around, holds } = *self;
        let failed = |error| HostError::system(Doing::Preparing, format_args!("connection of {}", caller.peer), error);
        config.options.apply(socket).map_err(failed)?;
        let limits = SessionConfig {
            max_frame: config.max_frame,
            idle_timeout: config.idle_timeout,
            close_timeout: config.close_timeout,
        };
        let buffer = |least: usize| vec![0; config.buffer_size.max(least)].into_boxed_slice();
        // A service that can stream gets a message whole only where the output has room for a reply of that length.
        let whole = if matches!(service.intake(), Intake::Streamed { .. }) { holds } else { 0 };
        let output = buffer(needed_output(&service, &V::Framing::default()) + whole);
        let input = buffer(holds);
        let mut session = Session::new(service, input, output, limits, caller.now)
            .map_err(|error| HostError::bad_setting("the buffer size", error))?;
        let reason = drive(&mut session, socket, waker, around).map_err(failed)?;
        Ok(Closed { reason, stats: session.stats() })
    }
}

/// One line a connection. Peers that break the rules are warned about, clean ends are for those who ask.
fn log_closed(service: &str, peer: SocketAddr, Closed { reason, stats }: &Closed) {
    use framewright::CloseReason;
    macro_rules! log {
        ($level:ident) => {
            $level!(
                service,
                %peer,
                messages = stats.messages,
                received = stats.bytes_received,
                sent = stats.bytes_sent,
                "closed: {reason}"
            )
        };
    }
    match reason {
        CloseReason::PeerClosed | CloseReason::ServiceDone => log!(debug),
        CloseReason::Idle | CloseReason::NotReading | CloseReason::Reset | CloseReason::Shutdown => log!(info),
        CloseReason::Truncated { .. }
        | CloseReason::BadFrame(_)
        | CloseReason::Refused { .. }
        | CloseReason::Dismissed(_) => log!(warn),
    }
}

/// Whether `bytes` is a size that buffers may have.
///
/// # Errors
/// It is not.
pub fn check_buffer_size(bytes: usize) -> Result<(), HostError> {
    if bytes.is_power_of_two() && BUFFER_SIZES.contains(&bytes) {
        return Ok(());
    }
    let why = format!("a power of two from {} to {}", BUFFER_SIZES.start(), BUFFER_SIZES.end());
    Err(HostError::bad_setting(format_args!("buffer size {bytes}"), why))
}

/// The smallest and the largest buffer, in bytes.
const BUFFER_SIZES: std::ops::RangeInclusive<usize> = 64..=65536;
