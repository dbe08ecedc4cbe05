//! smoltcp at one end of a TAP interface, and at the other the kernel of the namespace that a test runs in, with the partners: a server
//! of any framing, and a client for their servers.
//!
//! The services of `smoltcp-demo` are better met in its command, [`ServerProcess::on_tap`](crate::server::ServerProcess::on_tap); what
//! is here is for what that command does not offer.

mod client;
mod server;

pub use client::{DatagramStack, Stack, StackClient};
pub use server::StackServer;

use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::time::Instant as SystemInstant;

use framewright::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};
use smoltcp_demo::device::{FinLast, TapDevice, TapWatch};
use smoltcp_demo::tap::{self, TapSettings};

/// The address of the smoltcp end, as in `smoltcp-demo`.
pub const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 1);
/// The address of the kernel's end, as in `smoltcp-demo`.
pub const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);

/// A TAP interface with a stack on it.
struct Tap {
    device: FinLast<TapDevice>,
    watch: TapWatch,
    interface: Interface,
    started: SystemInstant,
}

impl Tap {
    fn open() -> Self {
        let settings = TapSettings {
            name: "framewright0".to_owned(),
            device: Ipv4Cidr::new(DEVICE, 24),
            host: Ipv4Cidr::new(HOST, 24),
        };
        let (device, watch) = tap::open(&settings).expect("a TAP interface, in a namespace where that is allowed");
        let mut device = FinLast::new(device);
        let config = Config::new(EthernetAddress([0x02, 0x46, 0x57, 0, 0, 1]).into());
        let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::Ipv4(settings.device)).expect("an interface has room for one address");
        });
        Self { device, watch, interface, started: SystemInstant::now() }
    }

    /// The time since it was opened.
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Sleeps until a frame has come, `other` is readable, or `until` is there.
    fn wait(&self, other: Option<&dyn AsFd>, until: Option<Instant>) {
        let left = until.map(|until| until.saturating_since(self.now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let fds = [Some(self.watch.as_fd()), other.map(AsFd::as_fd)];
        let mut fds: Vec<_> = fds.into_iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // Interrupted is as good as a frame: whoever waits looks again.
        let _ = poll(&mut fds, left.as_ref());
    }
}
