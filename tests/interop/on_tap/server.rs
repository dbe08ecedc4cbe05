//! A server for one service over any framing, from the same pool of sockets as the command's.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framewright::{Instant, Service, Session, SessionConfig, SessionError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp;
use smoltcp_demo::pool::PoolConfig;
use smoltcp_demo::services::{Client, Services};
use smoltcp_demo::{Pool, Server};

use super::Tap;

/// A server on a thread; it stops when this is dropped.
pub struct StackServer {
    /// The thread sees when it is closed.
    stop: Option<UnixStream>,
    serving: Option<JoinHandle<()>>,
}

impl StackServer {
    /// Serves what `make` makes for each client at port [`PORT`](Self::PORT) of [`DEVICE`](super::DEVICE); sessions have buffers of
    /// `buffer` bytes.
    ///
    /// # Panics
    /// There can be no TAP interface here.
    pub fn start<V: Service<Framing: Clone + Default> + 'static>(buffer: usize, make: fn() -> V) -> Self {
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let (ready, is_ready) = mpsc::channel();
        let serving = thread::spawn(move || serve(One { make }, buffer, &stopped, &ready));
        is_ready.recv().expect("a server that begins to serve");
        Self { stop: Some(stop), serving: Some(serving) }
    }

    /// Where it serves.
    pub const PORT: u16 = 4000;
}

impl Drop for StackServer {
    fn drop(&mut self) {
        self.stop = None;
        let ended = self.serving.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server panicked");
    }
}

/// One service at one port.
struct One<V> {
    make: fn() -> V,
}

impl<V: Service<Framing: Clone + Default>> One<V> {
    fn session<I: framewright::Storage, O: framewright::Storage>(
        &self,
        input: I,
        output: O,
        now: Instant,
    ) -> Result<Session<V, I, O>, SessionError> {
        Session::new((self.make)(), input, output, SessionConfig::default(), now)
    }
}

impl<V: Service<Framing: Clone + Default>> Services for One<V> {
    type Buffer = Box<[u8]>;
    type Connection = Session<V, Box<[u8]>, Box<[u8]>>;

    fn serves(&self, port: u16) -> bool {
        port == StackServer::PORT
    }

    fn check(&self, output: &mut Box<[u8]>) -> Result<(), SessionError> {
        self.session([], &mut output[..], Instant::ZERO).map(drop)
    }

    fn open(&mut self, _: Client, (input, output): (Box<[u8]>, Box<[u8]>), now: Instant) -> Self::Connection {
        self.session(input, output, now).expect("the pool has checked it")
    }
}

fn serve<V: Service<Framing: Clone + Default>>(services: One<V>, buffer: usize, stop: &UnixStream, ready: &Sender<()>) {
    let Tap { mut device, watch, interface, started } = Tap::open();
    let mut pool = Pool::new(services, PoolConfig::default(), SocketSet::new(Vec::new()), Vec::new());
    for _ in 0..SLOTS {
        let ring = || tcp::SocketBuffer::new(vec![0; RING]);
        let buffer = || vec![0; buffer].into_boxed_slice();
        pool.add_socket(tcp::Socket::new(ring(), ring()), buffer(), buffer()).expect("buffers that are large enough");
    }
    let mut server = Server::new(interface, pool, 32);
    ready.send(()).expect("somebody who waits for it");
    let now = || Instant::from_micros(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut farewell = None;
    loop {
        let turn = server.poll(now(), &mut device, &mut |_| {});
        if farewell.is_some_and(|end| server.pool().is_deserted() || now() >= end) {
            return;
        }
        let pause = if turn.moved { Some(now()) } else { turn.next.into_iter().chain(farewell).min() };
        let pause = pause.and_then(|next| Timespec::try_from(next.saturating_since(now())).ok());
        let mut fds = [PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let listen = if farewell.is_none() { 2 } else { 1 };
        let woken = poll(&mut fds[..listen], pause.as_ref()).is_ok();
        if woken && farewell.is_none() && !fds[1].revents().is_empty() {
            server.pool_mut().shutdown(now());
            farewell = Some(now() + FAREWELL);
        }
    }
}

const SLOTS: usize = 4;
/// Bytes of a socket's rings.
const RING: usize = 4096;
/// How long clients may take to close when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
