//! What the firmware is measured beside: smoltcp alone, with the same driver, as many sockets with the same rings, and nothing between
//! what comes and what goes. It sends every byte back at the port of `echo`.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use framewright::Instant;
use lm3s6965evb::network::Network;
use lm3s6965evb::{config, stack};
use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp_demo::services::ServiceName;
use static_cell::{ConstStaticCell, StaticCell};

#[entry]
fn main() -> ! {
    stack::run(program)
}

extern "C" fn program() -> ! {
    static COPY: ConstStaticCell<[u8; config::RX_RING]> = ConstStaticCell::new([0; config::RX_RING]);

    let mut network = Network::start();
    let (mut sockets, copy) = (sockets(), COPY.take());
    defmt::info!("ready");
    loop {
        let now = network.clock.now();
        if !turn(&mut network, &mut sockets, copy, now) {
            let at = smoltcp::time::Instant::from_micros(now.as_micros().cast_signed());
            let next = network.interface.poll_at(at, &sockets);
            let until = next.map(|next| Instant::from_micros(next.total_micros().cast_unsigned()));
            network.ethernet.wait(|| until.is_some_and(|until| network.clock.now() >= until));
        }
    }
}

/// Takes what came, sends it back. Whether there was anything.
fn turn(network: &mut Network, sockets: &mut SocketSet<'_>, copy: &mut [u8], now: Instant) -> bool {
    let Network { interface, ethernet, .. } = network;
    let at = smoltcp::time::Instant::from_micros(now.as_micros().cast_signed());
    interface.poll_maintenance(at);
    let mut moved = false;
    for _ in 0..config::PACKETS {
        if interface.poll_ingress_single(at, *ethernet, sockets) == PollIngressSingleResult::None {
            break;
        }
        moved = true;
    }
    for (_, socket) in sockets.iter_mut() {
        if let smoltcp::socket::Socket::Tcp(socket) = socket {
            echo(socket, copy);
        }
    }
    while interface.poll_egress(at, *ethernet, sockets) == PollResult::SocketStateChanged {
        moved = true;
    }
    moved
}

/// Sends back what came, by way of `copy`: a socket lends out one of its rings at a time.
fn echo(socket: &mut tcp::Socket<'_>, copy: &mut [u8]) {
    // A ring that goes round has two parts, and is read in two steps.
    while socket.can_recv() {
        let room = socket.send_capacity() - socket.send_queue();
        let part = &mut copy[..room.min(config::RX_RING)];
        let n = socket.recv_slice(part).unwrap_or(0);
        if n == 0 {
            return;
        }
        let _ = socket.send_slice(&copy[..n]);
    }
    match socket.state() {
        tcp::State::Closed | tcp::State::TimeWait => {
            socket.abort();
            let listening = socket.listen(ServiceName::Echo.default_port());
            debug_assert!(listening.is_ok(), "{listening:?}");
        }
        tcp::State::CloseWait => socket.close(),
        _ => {}
    }
}

fn sockets() -> SocketSet<'static> {
    static STORAGE: StaticCell<[SocketStorage<'static>; config::SLOTS]> = StaticCell::new();
    static RX: ConstStaticCell<[[u8; config::RX_RING]; config::SLOTS]> =
        ConstStaticCell::new([[0; config::RX_RING]; config::SLOTS]);
    static TX: ConstStaticCell<[[u8; config::TX_RING]; config::SLOTS]> =
        ConstStaticCell::new([[0; config::TX_RING]; config::SLOTS]);

    let mut sockets = SocketSet::new(&mut STORAGE.init_with(|| [const { SocketStorage::EMPTY }; _])[..]);
    for (rx, tx) in RX.take().iter_mut().zip(TX.take()) {
        let mut socket = tcp::Socket::new(tcp::SocketBuffer::new(&mut rx[..]), tcp::SocketBuffer::new(&mut tx[..]));
        // As the pool has them.
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        sockets.add(socket);
    }
    sockets
}
