//! A wire in memory between two Ethernet devices. It loses nothing, keeps the order and takes no time; what a real one does
//! besides is for wrappers to add.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use super::Line;

/// The usual size of the largest Ethernet frame: a header and 1500 bytes of IP.
pub const ETHERNET_MTU: usize = 1514;

/// The frames on their way in one direction.
type Lane = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a wire; [`link`] makes two.
#[derive(Debug)]
pub struct LinkEnd {
    outgoing: Lane,
    incoming: Lane,
    mtu: usize,
}

/// Both ends of a new wire, for Ethernet frames of up to `mtu` bytes, their header included.
pub fn link(mtu: usize) -> (LinkEnd, LinkEnd) {
    let (there, back) = (Lane::default(), Lane::default());
    let one = LinkEnd { outgoing: Rc::clone(&there), incoming: Rc::clone(&back), mtu };
    (one, LinkEnd { outgoing: back, incoming: there, mtu })
}

/// A frame that came.
#[derive(Debug)]
pub struct RxToken(Vec<u8>);

/// Place for a frame to send.
#[derive(Debug)]
pub struct TxToken<'a>(&'a Lane);

impl Device for LinkEnd {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        let frame = self.incoming.borrow_mut().pop_front()?;
        Some((RxToken(frame), TxToken(&self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

impl Line for LinkEnd {
    fn peek<R>(&mut self, _: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.incoming.borrow().front().map(|frame| look(frame))
    }
}

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.borrow_mut().push_back(frame);
        result
    }
}
