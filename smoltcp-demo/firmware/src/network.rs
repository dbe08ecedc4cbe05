//! The board as a machine on a network: clocks, the time, the Ethernet controller with its memory, and an interface of smoltcp that
//! has the address of [`config`]. All programs start like this.

use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, IpCidr};
use static_cell::{ConstStaticCell, StaticCell};

use crate::clock::Clock;
use crate::ethernet::{Ethernet, FrameBuffer};
use crate::{board, config};

/// What a program needs to talk.
pub struct Network {
    /// Its address and its gateway are set.
    pub interface: Interface,
    /// Its device.
    pub ethernet: &'static mut Ethernet,
    /// The time since boot.
    pub clock: Clock,
}

impl Network {
    /// Starts it.
    ///
    /// # Panics
    /// It was started before.
    pub fn start() -> Self {
        let Some(peripherals) = cortex_m::Peripherals::take() else {
            defmt::panic!("the network is started once");
        };
        if !board::start() {
            defmt::warn!("the PLL does not lock: times are wrong");
        }
        let clock = Clock::start(peripherals.SYST);
        let address = board::ethernet_address();
        let ethernet = controller(address);
        // There is no source of chance on this chip. Sequence numbers differ from board to board; between two boots, only as
        // the start of the clock does.
        let [.., d, e, f] = address.0;
        let seed = clock.now().as_micros() ^ u64::from(u32::from_le_bytes([d, e, f, 0])) << 32;
        let interface = interface(address, seed, ethernet);
        Self { interface, ethernet, clock }
    }
}

/// The Ethernet controller, with place for a frame that came and for one to send.
fn controller(address: EthernetAddress) -> &'static mut Ethernet {
    static RECEIVED: ConstStaticCell<FrameBuffer> = ConstStaticCell::new([0; size_of::<FrameBuffer>()]);
    static OUTGOING: ConstStaticCell<FrameBuffer> = ConstStaticCell::new([0; size_of::<FrameBuffer>()]);
    static ETHERNET: StaticCell<Ethernet> = StaticCell::new();

    ETHERNET.init(Ethernet::start(address, RECEIVED.take(), OUTGOING.take()))
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
