//! All memory of the firmware that is not stack, and the types that its sizes make.

use core::cell::RefCell;

use framewright::service::Seat;
use framewright::{Table, WallClock};
use lm3s6965evb::config;
use smoltcp::iface::{Interface, SocketSet, SocketStorage};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket as UdpSocket};
use smoltcp_demo::pool::{Slot, SlotMemory};
use smoltcp_demo::services::{Catalogue, Conversation, State};
use smoltcp_demo::{Pool, UdpEcho};
use static_cell::{ConstStaticCell, StaticCell};

/// The key-value store, by reference.
type Store = &'static RefCell<Table<{ config::KEYS }, { config::KEY }, { config::VALUE }>>;
/// What the clients share, by reference.
pub(crate) type Shared = &'static State<Store, &'static mut [Seat<()>], &'static mut [u8]>;
/// What a slot lends a session.
pub(crate) type Buffer = &'static mut [u8];
/// The services.
pub(crate) type Services = Catalogue<Buffer, Shared>;
/// The server.
pub(crate) type Server = smoltcp_demo::Server<'static, Services>;

/// The memory of a slot's connection.
struct Rings {
    rx: [u8; config::RX_RING],
    tx: [u8; config::TX_RING],
    input: [u8; config::INPUT],
    output: [u8; config::OUTPUT],
}

// For `size.py`: a symbol whose value is what a session takes without its buffers. It takes no memory.
core::arch::global_asm!(
    ".globl SESSION_BYTES",
    ".set SESSION_BYTES, {}",
    const size_of::<Conversation<Buffer, Shared>>() - 2 * size_of::<Buffer>(),
);

/// The state that clients share.
///
/// # Panics
/// It is asked for twice; as are all functions here.
pub(crate) fn shared() -> Shared {
    static STORE: ConstStaticCell<RefCell<Table<{ config::KEYS }, { config::KEY }, { config::VALUE }>>> =
        ConstStaticCell::new(RefCell::new(Table::new()));
    static SEATS: StaticCell<[Seat<()>; config::SLOTS]> = StaticCell::new();
    static CHAT_LOG: ConstStaticCell<[u8; config::CHAT_LOG]> = ConstStaticCell::new([0; config::CHAT_LOG]);
    static STATE: StaticCell<State<Store, &'static mut [Seat<()>], &'static mut [u8]>> = StaticCell::new();

    let seats = fill(&SEATS, Seat::default);
    let state = State::new(&*STORE.take(), &mut seats[..], &mut CHAT_LOG.take()[..], config::CHAT, WallClock::UNSET);
    STATE.init(state.with_kv_report(|client, why| defmt::info!("{}: {}", client, why)))
}

/// Place for the sockets of all slots, and the one for datagrams.
pub(crate) fn sockets() -> SocketSet<'static> {
    // Filled when it is asked for: these values are not zeros, and would fill the flash.
    static SOCKETS: StaticCell<[SocketStorage<'static>; config::SLOTS + 1]> = StaticCell::new();

    SocketSet::new(&mut fill(&SOCKETS, || SocketStorage::EMPTY)[..])
}

/// The socket for datagrams.
pub(crate) fn udp_socket() -> UdpSocket<'static> {
    static PACKETS: StaticCell<[[PacketMetadata; config::DATAGRAMS]; 2]> = StaticCell::new();
    static PAYLOADS: ConstStaticCell<[[u8; config::DATAGRAM_BYTES]; 2]> =
        ConstStaticCell::new([[0; config::DATAGRAM_BYTES]; 2]);

    let [rx_packets, tx_packets] = PACKETS.init_with(|| [[PacketMetadata::EMPTY; _]; _]);
    let [rx, tx] = PAYLOADS.take();
    UdpSocket::new(
        PacketBuffer::new(&mut rx_packets[..], &mut rx[..]),
        PacketBuffer::new(&mut tx_packets[..], &mut tx[..]),
    )
}

/// A pool of these sockets, with all its slots.
///
/// # Panics
/// [`config::OUTPUT`] is too small for some service's longest reply.
pub(crate) fn pool(services: Services, sockets: SocketSet<'static>) -> Pool<'static, Services> {
    static SLOTS: StaticCell<[Slot<Conversation<Buffer, Shared>>; config::SLOTS]> = StaticCell::new();
    static RINGS: ConstStaticCell<[Rings; config::SLOTS]> = ConstStaticCell::new(
        [const {
            Rings {
                rx: [0; config::RX_RING],
                tx: [0; config::TX_RING],
                input: [0; config::INPUT],
                output: [0; config::OUTPUT],
            }
        }; config::SLOTS],
    );

    let slots = fill(&SLOTS, Slot::default);
    let mut pool = Pool::new(services, config::POOL, sockets, &mut slots[..]);
    for Rings { rx, tx, input, output } in RINGS.take() {
        if let Err(error) = pool.add(SlotMemory { rx, tx, input, output }) {
            defmt::panic!("config::OUTPUT is too small: {}", error);
        }
    }
    pool
}

/// The server of this pool and this socket.
pub(crate) fn server(
    interface: Interface,
    pool: Pool<'static, Services>,
    udp_echo: Option<UdpEcho>,
) -> &'static mut Server {
    static SERVER: StaticCell<Server> = StaticCell::new();

    let server = smoltcp_demo::Server::new(interface, pool, config::PACKETS);
    SERVER.init(match udp_echo {
        Some(udp_echo) => server.with_udp_echo(udp_echo),
        None => server,
    })
}

/// Fills an array in its place. To make it first and then move it would take as much stack.
fn fill<T, const N: usize>(cell: &'static StaticCell<[T; N]>, make: impl Fn() -> T) -> &'static mut [T; N] {
    let place = cell.uninit();
    let first = place.as_mut_ptr().cast::<T>();
    // SAFETY: the array has N elements, and all of them are written before it is lent.
    unsafe {
        (0..N).for_each(|index| first.add(index).write(make()));
        place.assume_init_mut()
    }
}
