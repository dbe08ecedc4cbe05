//! The conversations on the threaded server, over sockets.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, Once};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use framewright::service::{Echo, Trim};
use framewright_host::{Address, BufferedServer, Handler, ServerConfig, Stopper};
use framewright_tests::conversation::{Conversation, Ending, Service, Stage};
use framewright_tests::conversations::{BUFFER_SIZES, all};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockRef, Socket, Type};

/// How long to wait for what must happen: long, for machines that are busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A threaded server and its clients.
struct Threads {
    server: SocketAddr,
    stopper: Stopper,
    serving: Option<JoinHandle<()>>,
    clients: Vec<Client>,
}

struct Client {
    /// Where it connects from: an address that no other client of this process has, so that the log tells them apart.
    address: IpAddr,
    /// `None` when it broke the connection off.
    stream: Option<TcpStream>,
    inbox: VecDeque<u8>,
    ending: Option<Ending>,
}

impl Threads {
    fn start(conversation: &Conversation, buffer_size: usize) -> Self {
        log::capture();
        let config = ServerConfig { buffer_size, max_frame: conversation.max_frame, ..ServerConfig::default() };
        let mut server = BufferedServer::new(config).expect("a server");
        let handler = match conversation.service {
            Service::Echo => Handler::new(|_| Echo::new()),
            Service::Trim => Handler::new(|_| Trim::default()),
        };
        let address = Address::new("127.0.0.1", 0);
        let address = server.listen(conversation.service.name(), &address, handler).expect("a free port")[0];
        let stopper = server.stopper();
        let serving = thread::spawn(move || {
            server.start().expect("a server that serves");
            server.shutdown();
        });
        Self { server: address, stopper, serving: Some(serving), clients: Vec::new() }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stopper.stop();
        self.clients.clear();
        let ended = self.serving.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server panicked");
    }
}

impl Client {
    fn connect(server: SocketAddr) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // 127.1.0.1 and upwards.
        let address = Ipv4Addr::from_bits(0x7F01_0001 + COUNT.fetch_add(1, Ordering::Relaxed)).into();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(address, 0).into())?;
        socket.connect(&server.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { address, stream: Some(socket.into()), inbox: VecDeque::new(), ending: None })
    }

    /// Sends `outgoing` and receives, until all is sent and `enough` is received, or the stream has ended.
    fn drive(&mut self, mut outgoing: &[u8], enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Some(mut stream) = self.stream.as_ref() else { return };
            while !outgoing.is_empty() {
                match stream.write(outgoing) {
                    Ok(n) => outgoing = &outgoing[n..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // The server is gone; what it sent before may still be read.
                    Err(_) => outgoing = &[],
                }
            }
            let mut chunk = [0; 16384];
            while self.ending.is_none() {
                match stream.read(&mut chunk) {
                    Ok(0) => self.ending = Some(Ending::Closed),
                    Ok(n) => self.inbox.extend(&chunk[..n]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => self.ending = Some(Ending::Broken),
                }
            }
            if outgoing.is_empty() && (self.ending.is_some() || enough(self)) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing came for {PATIENCE:?}; {} bytes before", self.inbox.len());
            let mut events = PollFlags::empty();
            events.set(PollFlags::IN, self.ending.is_none());
            events.set(PollFlags::OUT, !outgoing.is_empty());
            let mut fds = [PollFd::new(stream, events)];
            let _ = poll(&mut fds, Some(&Timespec::try_from(left).expect("a minute")));
        }
    }
}

impl Stage for Threads {
    fn connect(&mut self) {
        let client = Client::connect(self.server).expect("a connection");
        log::wait_for(client.address, "connected");
        self.clients.push(client);
    }

    fn send(&mut self, client: usize, piece: &[u8]) {
        self.clients[client].drive(piece, |_| true);
    }

    fn receive(&mut self, client: usize, n: usize) -> Vec<u8> {
        let client = &mut self.clients[client];
        client.drive(&[], |client| client.inbox.len() >= n);
        let n = n.min(client.inbox.len());
        client.inbox.drain(..n).collect()
    }

    fn close_write(&mut self, client: usize) {
        if let Some(stream) = &self.clients[client].stream {
            // A connection that is gone has nothing to close.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    fn reset(&mut self, client: usize) {
        if let Some(stream) = self.clients[client].stream.take() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option of every socket");
        }
    }

    fn stop(&mut self) {
        // On loopback, what was written is in the server's socket when the write returns.
        self.stopper.stop();
    }

    fn rest(&mut self, client: usize) -> (Vec<u8>, Ending) {
        self.clients[client].drive(&[], |_| false);
        self.close_write(client);
        let client = &mut self.clients[client];
        (client.inbox.drain(..).collect(), client.ending.unwrap_or(Ending::Broken))
    }

    fn reason(&mut self, client: usize) -> String {
        log::wait_for(self.clients[client].address, "closed: ")
    }
}

fn play_all(buffer: usize) {
    for conversation in all(buffer) {
        conversation.play(&mut Threads::start(&conversation, buffer));
    }
}

#[test]
fn the_conversations_are_held_with_buffers_of_64_bytes() {
    play_all(64);
}

#[test]
fn the_conversations_are_held_with_buffers_of_1_kib() {
    play_all(1024);
}

#[test]
fn the_conversations_are_held_with_buffers_of_4_kib() {
    play_all(4096);
}

#[test]
fn these_are_all_the_sizes_there_are() {
    assert_eq!(BUFFER_SIZES, [64, 1024, 4096]);
}

/// The server's log, by the address of the client that a line is about.
mod log {
    use super::*;

    static LINES: Mutex<Option<HashMap<IpAddr, Vec<String>>>> = Mutex::new(None);
    static NEWS: Condvar = Condvar::new();

    /// Takes one line at a time.
    struct Pen;

    impl Write for Pen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
            let peer = line.split("peer=").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(Ok(peer)) = peer.map(str::parse::<SocketAddr>) {
                let mut lines = LINES.lock().expect("no panic while it is held");
                lines.get_or_insert_default().entry(peer.ip()).or_default().push(line);
                NEWS.notify_all();
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// From now on, the log of this process is kept.
    pub(super) fn capture() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
                .with_ansi(false)
                .with_writer(|| Pen)
                .init();
        });
    }

    /// Waits for a line about this client with `text` in it, and says what stands behind that up to the fields.
    pub(super) fn wait_for(client: IpAddr, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = LINES.lock().expect("no panic while it is held");
        loop {
            let about = lines.as_ref().and_then(|lines| lines.get(&client)).map_or(&[][..], Vec::as_slice);
            if let Some((_, behind)) = about.iter().find_map(|line| line.split_once(text)) {
                return behind.split(" service=").next().unwrap_or_default().to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line with {text:?} about {client} in {about:?}");
            lines = NEWS.wait_timeout(lines, left).expect("no panic while it is held").0;
        }
    }
}
