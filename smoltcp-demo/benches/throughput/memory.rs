//! Server and clients in one thread, over a wire in memory. Time is what this thread has had of a processor: what else the machine does
//! does not count.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use smoltcp_demo::device::{ETHERNET_MTU, FinLast, LinkEnd, link};

use super::echo::{RawEcho, Sizes, framed, session_time};
use super::{BUFFER, CROWD, Contender, Outcome, PORT, RING, SMALL, Task, message};

const SERVER: IpAddress = IpAddress::v4(192, 168, 69, 1);
const CLIENTS: IpAddress = IpAddress::v4(192, 168, 69, 100);

/// Measures one contender at one task, for so long.
pub(crate) fn measure(contender: Contender, task: Task, time: Duration) -> Outcome {
    let clients = if matches!(task, Task::Crowd(_)) { CROWD } else { 1 };
    let small = matches!(task, Task::Crowd(_));
    let sizes =
        Sizes { slots: clients, ring: if small { SMALL } else { RING }, buffer: if small { SMALL } else { BUFFER } };
    let (near, far) = link(ETHERNET_MTU);
    match contender {
        Contender::Framed => {
            let mut device = FinLast::new(near);
            let mut server = framed(interface(&mut device, SERVER, 1), sizes);
            run(Clients::new(far, clients, sizes.ring), task, time, |now| {
                server.poll(session_time(now), &mut device, &mut |_| ()).moved
            })
        }
        Contender::Raw | Contender::Linux => {
            let mut device = near;
            let mut server = RawEcho::new(interface(&mut device, SERVER, 1), sizes);
            run(Clients::new(far, clients, sizes.ring), task, time, |now| server.poll(now, &mut device).0)
        }
    }
}

struct Clients {
    device: LinkEnd,
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<SocketHandle>,
    received: Vec<u64>,
    sent: Vec<u64>,
}

impl Clients {
    fn new(mut device: LinkEnd, count: usize, ring: usize) -> Self {
        let mut interface = interface(&mut device, CLIENTS, 2);
        let mut sockets = SocketSet::new(Vec::new());
        let handles: Vec<SocketHandle> = (0..count)
            .map(|index| {
                let ring = || tcp::SocketBuffer::new(vec![0; ring]);
                let mut socket = tcp::Socket::new(ring(), ring());
                socket.set_nagle_enabled(false);
                socket.set_ack_delay(None);
                let local = 50_000 + u16::try_from(index).expect("a port");
                socket.connect(interface.context(), (SERVER, PORT), local).expect("a free socket connects");
                sockets.add(socket)
            })
            .collect();
        let zeros = vec![0; handles.len()];
        Self { device, interface, sockets, handles, received: zeros.clone(), sent: zeros }
    }

    /// Sends of the stream of messages what there is room for, and not more than `most` bytes ahead of what has come back.
    fn turn(&mut self, now: StackInstant, stream: &[u8], most: u64) {
        let _ = self.interface.poll(now, &mut self.device, &mut self.sockets);
        for (index, handle) in self.handles.iter().enumerate() {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(*handle);
            while socket.can_recv() {
                let taken = socket.recv(|bytes| (bytes.len(), bytes.len()));
                self.received[index] += taken.expect("there are bytes") as u64;
            }
            while socket.can_send() && self.sent[index] < self.received[index] + most {
                let ahead = self.received[index] + most - self.sent[index];
                let at = usize::try_from(self.sent[index] % stream.len() as u64).expect("a place in the stream");
                let end = stream.len().min(at + usize::try_from(ahead).unwrap_or(usize::MAX));
                self.sent[index] += socket.send_slice(&stream[at..end]).expect("it is open") as u64;
            }
        }
        let _ = self.interface.poll(now, &mut self.device, &mut self.sockets);
    }
}

fn run(mut clients: Clients, task: Task, time: Duration, mut serve: impl FnMut(StackInstant) -> bool) -> Outcome {
    let wall = Instant::now();
    let now = || StackInstant::from_micros(i64::try_from(wall.elapsed().as_micros()).expect("a short time"));
    let begin = processor_time();
    let elapsed = |begin| processor_time().saturating_sub(begin);
    let mut turn = |clients: &mut Clients, stream: &[u8], most| {
        clients.turn(now(), stream, most);
        serve(now());
    };
    match task {
        Task::Stream(len) => {
            let stream = message(len).repeat(1 + RING / len);
            // The first tenth is for handshake and windows.
            while elapsed(begin) < time / 10 {
                turn(&mut clients, &stream, u64::MAX / 2);
            }
            let (start, before) = (processor_time(), clients.received[0]);
            while elapsed(start) < time {
                turn(&mut clients, &stream, u64::MAX / 2);
            }
            rate(clients.received[0] - before, elapsed(start))
        }
        Task::PingPong(len) => {
            let one = message(len);
            let mut times = Vec::new();
            while elapsed(begin) < time {
                let (start, goal) = (processor_time(), clients.received[0] + one.len() as u64);
                while clients.received[0] < goal {
                    turn(&mut clients, &one, one.len() as u64);
                }
                times.push(elapsed(start));
            }
            times.sort();
            Outcome::Median(times[times.len() / 2])
        }
        Task::Crowd(len) => {
            let one = message(len);
            while clients.received.contains(&0) {
                turn(&mut clients, &one, one.len() as u64);
            }
            let (start, before) = (processor_time(), clients.received.clone());
            while elapsed(start) < time {
                turn(&mut clients, &one, one.len() as u64);
            }
            let got: Vec<u64> = clients.received.iter().zip(before).map(|(after, before)| after - before).collect();
            shares(&got, elapsed(start))
        }
    }
}

/// What this thread has had of a processor so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time after the beginning")
}

/// What many clients got, each.
#[expect(clippy::cast_precision_loss, reason = "a printed figure has three digits")]
pub(crate) fn shares(got: &[u64], time: Duration) -> Outcome {
    let least = *got.iter().min().expect("clients") as f64;
    let most = *got.iter().max().expect("clients") as f64;
    Outcome::Shares(got.iter().sum::<u64>() as f64 / time.as_secs_f64(), least / most)
}

#[expect(clippy::cast_precision_loss, reason = "a printed figure has three digits")]
pub(crate) fn rate(bytes: u64, time: Duration) -> Outcome {
    Outcome::Rate(bytes as f64 / time.as_secs_f64())
}

fn interface(device: &mut impl Device, address: IpAddress, number: u8) -> Interface {
    let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, number]).into());
    config.random_seed = number.into();
    let mut interface = Interface::new(config, device, StackInstant::ZERO);
    interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address, 24)).expect("room for one"));
    interface
}
