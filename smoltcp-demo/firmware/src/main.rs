//! Framewright's services on a microcontroller: the server of `smoltcp-demo`, with the memory that [`config`] gives it, on the
//! board's Ethernet controller.

#![no_std]
#![no_main]

mod memory;

use core::time::Duration;

use cortex_m_rt::entry;
use lm3s6965evb::clock::Clock;
use lm3s6965evb::ethernet::Ethernet;
use lm3s6965evb::network::Network;
use lm3s6965evb::{config, stack};
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
    let Network { interface, ethernet, clock } = Network::start();
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

fn serve(server: &mut memory::Server, ethernet: &mut Ethernet, clock: &Clock) -> ! {
    let mut report_at = clock.now() + REPORT_EVERY;
    loop {
        let now = clock.now();
        let turn = server.poll(now, ethernet, &mut log);
        if now >= report_at {
            report(server, ethernet);
            report_at = now + REPORT_EVERY;
        }
        if !turn.again {
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
