//! A pool in storage that is lent, as on a device: no vector, no box.

use framewright::SessionConfig;
use smoltcp::iface::{Config, Interface, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::*;
use crate::device::link;
use crate::services::{Catalogue, ServiceName};
use crate::{Server, services::Conversation};

const SLOTS: usize = 2;

#[test]
fn a_pool_lives_in_lent_storage() {
    let mut sockets: [SocketStorage<'_>; SLOTS] = Default::default();
    let mut slots: [Slot<Conversation<&mut [u8]>>; SLOTS] = Default::default();
    let mut memory = [[[0; 512]; 4]; SLOTS];

    let services = Catalogue::new(SessionConfig::default()).with(ServiceName::Echo, 7).expect("room for a service");
    let mut pool = Pool::new(services, PoolConfig::default(), SocketSet::new(&mut sockets[..]), &mut slots[..]);
    for [rx, tx, input, output] in &mut memory {
        pool.add(SlotMemory { rx, tx, input, output }).expect("buffers that are long enough");
    }
    assert_eq!((pool.len(), pool.free()), (SLOTS, SLOTS));

    let (mut device, _peer) = link();
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
    interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, 1), 24)).expect("room"));
    let mut server = Server::new(interface, pool, 8);
    let turn = server.poll(Instant::ZERO, &mut device, &mut |event| panic!("{event}"));
    assert_eq!(turn, crate::Turn { moved: false, next: None });
}
