//! Framewright's services on a microcontroller: the server of `smoltcp-demo`, with the memory that [`config`] gives it, on the
//! board's Ethernet controller.

#![no_std]
#![no_main]

mod config;
mod memory;

use core::time::Duration;

use cortex_m_rt::entry;
use lm3s6965evb::clock::Clock;
use lm3s6965evb::ethernet::Ethernet;
use lm3s6965evb::{board, stack};
use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, IpCidr};
use smoltcp_demo::UdpEcho;
use smoltcp_demo::pool::Event;
use smoltcp_demo::services::{Catalogue, ServiceName};

/// How often the log says how the device is.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// The least time between two looks when nothing moves: the clock wakes the processor so often.
const TICK: Duration = Duration::from_millis(1);

#[entry]
fn main() -> ! {
    stack::run(program)
}

extern "C" fn program() -> ! {
    let (server, ethernet, clock) = start();
    serve(server, ethernet, &clock)
}

/// The server, its device and its clock, started.
///
/// Not inlined: what it needs of the stack to put them together is free again when it returns.
#[inline(never)]
fn start() -> (&'static mut memory::Server, &'static mut Ethernet, Clock) {
    let Some(peripherals) = cortex_m::Peripherals::take() else {
        defmt::panic!("the program runs once");
    };
    if !board::start() {
        defmt::warn!("the PLL does not lock: times are wrong");
    }
    let clock = Clock::start(peripherals.SYST);
    let address = board::ethernet_address();
    let ethernet = memory::ethernet(address);
    // There is no source of chance on this chip. Sequence numbers differ from board to board; between two boots, only as the
    // start of the clock does.
    let [.., d, e, f] = address.0;
    let seed = clock.now().as_micros() ^ u64::from(u32::from_le_bytes([d, e, f, 0])) << 32;
    let interface = interface(address, seed, ethernet);

    let (ip, _) = config::ADDRESS;
    let mut services = Catalogue::new(config::SESSION, memory::shared());
    for service in ServiceName::ALL {
        let port = service.default_port();
        services = match services.with(service, port) {
            Ok(services) => services,
            Err(error) => defmt::panic!("{}: {}", service, error),
        };
        defmt::info!("listening {=str} {=str} {}:{=u16}", service.name(), service.transport().name(), ip, port);
    }
    let mut sockets = memory::sockets();
    let datagrams = UdpEcho::new(&mut sockets, memory::udp_socket(), ServiceName::UdpEcho.default_port());
    let server = memory::server(interface, memory::pool(services, sockets), datagrams.ok());
    defmt::info!("no clock was set: the time of day is the time since boot");
    defmt::info!("ready");
    (server, ethernet, clock)
}

/// The interface with its address.
fn interface(address: EthernetAddress, seed: u64, ethernet: &mut Ethernet) -> Interface {
    let mut settings = Config::new(address.into());
    settings.random_seed = seed;
    let mut interface = Interface::new(settings, ethernet, smoltcp::time::Instant::ZERO);
    let (ip, prefix) = config::ADDRESS;
    // smoltcp has room for two addresses and two routes.
    interface.update_ip_addrs(|addresses| _ = addresses.push(IpCidr::new(ip.into(), prefix)));
    let _ = interface.routes_mut().add_default_ipv4_route(config::GATEWAY);
    interface
}

fn serve(server: &mut memory::Server, ethernet: &mut Ethernet, clock: &Clock) -> ! {
    let mut report_at = clock.now() + REPORT_EVERY;
    loop {
        let now = clock.now();
        let turn = server.poll(now, ethernet, &mut log);
        if now >= report_at {
            report(server, ethernet);
            report_at = now + REPORT_EVERY;
        }
        if !turn.moved {
            // What is due and yet cannot be done must not keep the processor from sleeping.
            let until = turn.next.map_or(report_at, |next| next.max(now + TICK).min(report_at));
            ethernet.wait(|| clock.now() >= until);
        }
    }
}

fn log(event: Event) {
    match event {
        Event::Opened { client } => defmt::debug!("{}: connected", client),
        Event::Closed { client, reason, stats } => defmt::info!("{}: {} ({})", client, reason, stats),
        Event::Abandoned { client } => defmt::info!("{}: the handshake was not completed", client),
        Event::Refused { client, reason } => defmt::warn!("{}: refused, {}", client, reason),
    }
}

/// Says how the device is.
fn report(server: &memory::Server, ethernet: &Ethernet) {
    let (program, handlers) = (stack::program(), stack::handlers());
    defmt::info!(
        "stack {=usize} of {=usize} bytes, handlers' {=usize} of {=usize}; {=usize} slots free; {}; {}; {}",
        program.used,
        program.size,
        handlers.used,
        handlers.size,
        server.pool().free(),
        server.pool().counts(),
        server.udp_counts(),
        ethernet.counts(),
    );
}
