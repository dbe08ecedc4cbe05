//! The service of `std-host/examples/own_service.rs`, the same file, over smoltcp: a server and a client at the two ends of a wire in memory,
//! on virtual time. Run it with `cargo run -p smoltcp-demo --example own_service`.

#[path = "../../core/examples/sum/mod.rs"]
mod sum;

use framewright::{Instant, Session, SessionConfig, SessionError};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use smoltcp_demo::{Pool, Server, device, pool, services};
use sum::Sum;

/// What is served: a sum, at one port, from buffers of 256 bytes.
struct Sums;

impl services::Services for Sums {
    type Buffer = [u8; 256];
    type Connection = Session<Sum, [u8; 256], [u8; 256]>;
    fn serves(&self, port: u16) -> bool {
        port == 7777
    }
    fn check(&self, output: &mut [u8; 256]) -> Result<(), SessionError> {
        Session::new(Sum, [], output, SessionConfig::default(), Instant::ZERO).map(drop)
    }
    fn open(&mut self, _: services::Client, (input, output): ([u8; 256], [u8; 256]), now: Instant) -> Self::Connection {
        Session::new(Sum, input, output, SessionConfig::default(), now).expect("it was checked")
    }
}

fn interface(end: &mut impl smoltcp::phy::Device, last: u8) -> Interface {
    let address = EthernetAddress([2, 0, 0, 0, 0, last]);
    let mut interface = Interface::new(Config::new(address.into()), end, smoltcp::time::Instant::ZERO);
    interface.update_ip_addrs(|own| own.push(IpCidr::new(IpAddress::v4(10, 0, 0, last), 24)).expect("room for one"));
    interface
}

fn main() {
    let socket = || Socket::new(SocketBuffer::new(vec![0; 512]), SocketBuffer::new(vec![0; 512]));
    let (mut near, mut far) = device::link(1514);
    let mut pool = Pool::new(Sums, pool::PoolConfig::default(), SocketSet::new(vec![]), vec![]);
    pool.add_socket(socket(), [0; 256], [0; 256]).expect("buffers that are large enough");
    let mut server = Server::new(interface(&mut near, 1), pool, 8);
    let (mut host, mut sockets, mut client) = (interface(&mut far, 2), SocketSet::new(vec![]), socket());
    client.connect(host.context(), (IpAddress::v4(10, 0, 0, 1), 7777), 50_000).expect("a new socket");
    let client = sockets.add(client);
    let mut heard = Vec::new();
    for ms in 0..10_000_u32 {
        server.poll(Instant::from_millis(ms.into()), &mut near, &mut |event| println!("{event}"));
        host.poll(smoltcp::time::Instant::from_millis(ms), &mut far, &mut sockets);
        let client = sockets.get_mut::<Socket>(client);
        if client.can_send() {
            client.send_slice(b"1\n2\nthree\n39\n").expect("room for a few bytes");
            client.close(); // its own direction: the answers still come
        }
        let _ = client.recv(|bytes| (bytes.len(), heard.extend_from_slice(bytes)));
    }
    assert_eq!(String::from_utf8_lossy(&heard), "1\n3\na number, please\n42\n");
}
