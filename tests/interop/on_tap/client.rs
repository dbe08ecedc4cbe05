//! A client over smoltcp: a decoder, an encoder, and a socket that lives in this process.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use framewright::framing::Framing;
use framewright::{Decoder, Encoder, End, Event, Oversize};
use smoltcp::iface::{PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use super::Tap;
use crate::interop::plays::Caller;
use crate::server::PATIENCE;

/// A stack on a TAP interface, for any number of clients one after the other.
#[derive(Clone)]
pub struct Stack(Rc<RefCell<Inner>>);

struct Inner {
    tap: Tap,
    sockets: SocketSet<'static>,
    /// Local ports are taken in turn: one that has just been used may still be known to the other end.
    port: u16,
}

/// A connection.
pub struct StackClient<L: Framing> {
    stack: Stack,
    handle: SocketHandle,
    decoder: Decoder<L, Vec<u8>>,
    encoder: Encoder<L, Vec<u8>>,
}

/// A socket for datagrams.
pub struct DatagramStack {
    stack: Stack,
    handle: SocketHandle,
    server: IpEndpoint,
}

/// How much of a message was sent.
#[derive(Clone, Copy)]
enum Sending {
    Header,
    Payload(usize),
    Sent,
}

/// What was received of a message.
enum Receiving {
    NotYet,
    Message,
    Gone,
}

impl Stack {
    /// On a TAP interface of this namespace.
    ///
    /// # Panics
    /// There can be none.
    pub fn open() -> Self {
        Self(Rc::new(RefCell::new(Inner { tap: Tap::open(), sockets: SocketSet::new(Vec::new()), port: FIRST_PORT })))
    }

    /// A connection to `server` in the framing `law`, with buffers of `buffer` bytes, and at least as many as a header of json-header
    /// has.
    ///
    /// # Panics
    /// Nobody answers there.
    pub fn connect<L: Framing + Clone>(&self, law: &L, server: SocketAddr, buffer: usize) -> StackClient<L> {
        let ring = || tcp::SocketBuffer::new(vec![0; RING]);
        let handle = {
            let mut inner = self.0.borrow_mut();
            let Inner { tap, sockets, port } = &mut *inner;
            let mut socket = tcp::Socket::new(ring(), ring());
            socket.set_nagle_enabled(false);
            socket.set_ack_delay(None);
            *port += 1;
            socket.connect(tap.interface.context(), endpoint(server), *port).expect("a socket that is new");
            sockets.add(socket)
        };
        self.until("to connect", |sockets| {
            let socket: &mut tcp::Socket<'_> = sockets.get_mut(handle);
            assert!(socket.is_open(), "{server} refuses");
            socket.may_send().then_some(())
        });
        StackClient {
            stack: self.clone(),
            handle,
            decoder: Decoder::new(law.clone(), vec![0; buffer]).with_oversize(Oversize::Stream),
            encoder: Encoder::new(law.clone(), vec![0; buffer.max(LONGEST_HEADER)]),
        }
    }

    /// A socket that sends datagrams to `server`.
    ///
    /// # Panics
    /// Never.
    pub fn datagrams(&self, server: SocketAddr) -> DatagramStack {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 1 << 13]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        let mut inner = self.0.borrow_mut();
        inner.port += 1;
        socket.bind(IpListenEndpoint::from(inner.port)).expect("a socket that is new");
        let handle = inner.sockets.add(socket);
        DatagramStack { stack: self.clone(), handle, server: endpoint(server) }
    }

    /// Moves frames until `work`, which is tried again after each that may have changed something, has a result.
    fn until<T>(&self, doing: &str, mut work: impl FnMut(&mut SocketSet<'static>) -> Option<T>) -> T {
        let mut inner = self.0.borrow_mut();
        let Inner { tap, sockets, .. } = &mut *inner;
        let end = tap.now() + PATIENCE;
        loop {
            let _ = poll(tap, sockets);
            let result = work(sockets);
            // What it wrote leaves, and that there is room again for what it read is told. Frames may come meanwhile.
            let moved = poll(tap, sockets);
            if let Some(result) = result {
                return result;
            }
            if moved {
                continue;
            }
            assert!(tap.now() < end, "it took longer than {PATIENCE:?} {doing}");
            let next = tap.interface.poll_at(smoltcp_time(tap), sockets);
            let next = next.map(|at| framewright::Instant::from_micros(u64::try_from(at.total_micros()).unwrap_or(0)));
            tap.wait(None, next.into_iter().chain([end]).min());
        }
    }
}

impl<L: Framing> StackClient<L> {
    /// Does what can be done of both at once. `Some` when both are done.
    fn exchange(&mut self, doing: &str, message: Option<&[u8]>, mut reply: Option<&mut Vec<u8>>) -> Receiving {
        let Self { stack, handle, decoder, encoder } = self;
        let mut sending = if message.is_some() { Sending::Header } else { Sending::Sent };
        let mut receiving = Receiving::NotYet;
        stack.until(doing, |sockets| {
            let socket: &mut tcp::Socket<'_> = sockets.get_mut(*handle);
            loop {
                let mut moved = false;
                if let Some(message) = message {
                    moved |= send(encoder, socket, message, &mut sending);
                }
                if let (Some(reply), Receiving::NotYet) = (&mut reply, &receiving) {
                    moved |= receive(decoder, socket, reply, &mut receiving);
                }
                let sent = matches!(sending, Sending::Sent) && encoder.pending().is_empty();
                if sent && (reply.is_none() || !matches!(receiving, Receiving::NotYet)) {
                    return Some(());
                }
                if !moved {
                    return None;
                }
            }
        });
        receiving
    }
}

/// Sends what there is room for. Whether that was anything.
fn send<L: Framing>(
    encoder: &mut Encoder<L, Vec<u8>>,
    socket: &mut tcp::Socket<'_>,
    message: &[u8],
    sending: &mut Sending,
) -> bool {
    let before = (encoder.pending().len(), encoder.is_streaming());
    match *sending {
        Sending::Header if encoder.pending().is_empty() => {
            encoder.begin(Some(message.len() as u64)).expect("a header that fits");
            *sending = Sending::Payload(0);
        }
        Sending::Payload(at) if at < message.len() => {
            *sending = Sending::Payload(at + encoder.chunk(&message[at..]).expect("what the framing can carry"));
        }
        // The end fits, or fits when something was sent.
        Sending::Payload(_) if encoder.end().is_ok() => *sending = Sending::Sent,
        _ => {}
    }
    let n = if socket.can_send() { socket.send_slice(encoder.pending()).expect("a socket that is open") } else { 0 };
    let moved = n > 0 || before != (encoder.pending().len(), encoder.is_streaming());
    encoder.sent(n);
    moved
}

/// Receives what there is, up to the end of a message. Whether that was anything.
fn receive<L: Framing>(
    decoder: &mut Decoder<L, Vec<u8>>,
    socket: &mut tcp::Socket<'_>,
    reply: &mut Vec<u8>,
    receiving: &mut Receiving,
) -> bool {
    while let Some(event) = decoder.next_event(&mut &[][..]).expect("a well-formed answer") {
        match event {
            Event::Begin { .. } => {}
            Event::Chunk(piece) => reply.extend_from_slice(piece),
            Event::Frame(rest) => {
                reply.extend_from_slice(rest);
                *receiving = Receiving::Message;
                return true;
            }
            Event::End => {
                *receiving = Receiving::Message;
                return true;
            }
        }
    }
    if socket.can_recv() {
        let n = socket.recv_slice(decoder.spare_mut()).expect("a socket with bytes");
        decoder.commit(n);
        return n > 0;
    }
    if !socket.may_recv() {
        assert_eq!(decoder.finish(), Ok(End::Clean), "it ended inside a message");
        *receiving = Receiving::Gone;
    }
    false
}

impl<L: Framing> Caller for StackClient<L> {
    fn send(&mut self, message: &[u8]) {
        self.exchange("to send", Some(message), None);
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        match self.exchange("to receive", None, Some(&mut reply)) {
            Receiving::Message => Some(reply),
            Receiving::NotYet | Receiving::Gone => None,
        }
    }

    fn request(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        match self.exchange("to ask", Some(message), Some(&mut reply)) {
            Receiving::Message => Some(reply),
            Receiving::NotYet | Receiving::Gone => None,
        }
    }

    fn finish_sending(&mut self) {
        let handle = self.handle;
        self.stack.until("to close", |sockets| {
            sockets.get_mut::<tcp::Socket<'_>>(handle).close();
            Some(())
        });
    }
}

impl<L: Framing> Drop for StackClient<L> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let handle = self.handle;
        self.stack.until("to leave", |sockets| {
            let socket: &mut tcp::Socket<'_> = sockets.get_mut(handle);
            socket.close();
            // What the other end has still to say goes nowhere.
            while socket.can_recv() {
                let _ = socket.recv(|bytes| (bytes.len(), ()));
            }
            let sent = matches!(socket.state(), tcp::State::FinWait2 | tcp::State::TimeWait | tcp::State::Closed);
            sent.then_some(())
        });
        self.stack.0.borrow_mut().sockets.remove(handle);
    }
}

impl DatagramStack {
    /// Sends a datagram and receives one.
    ///
    /// # Panics
    /// None comes.
    pub fn request(&mut self, datagram: &[u8]) -> Vec<u8> {
        let Self { stack, handle, server } = self;
        stack
            .until("to send", |sockets| sockets.get_mut::<udp::Socket<'_>>(*handle).send_slice(datagram, *server).ok());
        stack.until("to receive", |sockets| {
            sockets.get_mut::<udp::Socket<'_>>(*handle).recv().ok().map(|(answer, _)| answer.to_vec())
        })
    }
}

/// Moves all frames that can be moved. Whether any could.
fn poll(tap: &mut Tap, sockets: &mut SocketSet<'static>) -> bool {
    let mut moved = false;
    while tap.interface.poll(smoltcp_time(tap), &mut tap.device, sockets) != PollResult::None {
        moved = true;
    }
    moved
}

fn smoltcp_time(tap: &Tap) -> Instant {
    Instant::from_micros(i64::try_from(tap.started.elapsed().as_micros()).unwrap_or(i64::MAX))
}

fn endpoint(address: SocketAddr) -> IpEndpoint {
    let SocketAddr::V4(address) = address else { panic!("{address} is not of IPv4, which is all there is here") };
    IpEndpoint::new(IpAddress::Ipv4(*address.ip()), address.port())
}

/// The first port that IANA leaves to everybody.
const FIRST_PORT: u16 = 49_152;
/// Bytes of a socket's rings.
const RING: usize = 4096;
/// More than any framing here writes around a payload.
const LONGEST_HEADER: usize = 256;
