//! A Linux TAP interface: the kernel at one end of a cable, this process at the other.
//!
//! What the system says is an event, not a panic: an interface that is taken down loses frames until it is up again, and one that is
//! removed is reported to the owner, who asks [`TapWatch::health`].

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use tun_rs::SyncDevice;

use super::{ETHERNET_MTU, Line};

/// A device on a TAP interface.
pub struct TapDevice {
    interface: Rc<SyncDevice>,
    health: Rc<Cell<Health>>,
    received: Box<[u8]>,
    /// Bytes of the frame in `received` that was not handed out yet.
    front: Option<usize>,
    sending: Vec<u8>,
}

/// The owner's view of a [`TapDevice`] that is inside other devices.
#[derive(Clone)]
pub struct TapWatch {
    interface: Rc<SyncDevice>,
    health: Rc<Cell<Health>>,
}

/// Whether frames pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// They do, as far as is known.
    Good,
    /// The system did not take the last one, or gave none: the interface is down, say. This is what it said.
    Failing(i32),
    /// The interface was removed.
    Gone,
}

/// File descriptor in bad state: what the kernel says of a TAP file without its interface.
const EBADFD: i32 = 77;

impl TapDevice {
    /// A device on an interface, which is set not to block.
    ///
    /// # Errors
    /// It cannot be set so.
    pub fn new(interface: SyncDevice) -> io::Result<(Self, TapWatch)> {
        interface.set_nonblocking(true)?;
        let interface = Rc::new(interface);
        let health = Rc::new(Cell::new(Health::Good));
        let watch = TapWatch { interface: Rc::clone(&interface), health: Rc::clone(&health) };
        let device =
            Self { interface, health, received: vec![0; ETHERNET_MTU].into(), front: None, sending: Vec::new() };
        Ok((device, watch))
    }

    /// The length of the next frame, which is read if it was not yet.
    fn fetch(&mut self) -> Option<usize> {
        while self.front.is_none() {
            match self.interface.recv(&mut self.received) {
                Ok(len) => {
                    self.health.set(Health::Good);
                    self.front = Some(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => {
                    self.health.set(Health::after(&error));
                    return None;
                }
            }
        }
        self.front
    }
}

impl TapWatch {
    /// Whether frames pass.
    pub fn health(&self) -> Health {
        self.health.get()
    }

    /// The name of the interface, as the system gave it.
    ///
    /// # Errors
    /// The system does not say.
    pub fn name(&self) -> io::Result<String> {
        self.interface.name()
    }
}

impl AsFd for TapWatch {
    /// Readable when a frame has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.interface.as_fd()
    }
}

impl Health {
    fn after(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(EBADFD) => Self::Gone,
            code => Self::Failing(code.unwrap_or(0)),
        }
    }
}

/// A frame that came.
#[derive(Debug)]
pub struct RxToken<'a>(&'a [u8]);

/// Place for a frame to send.
pub struct TxToken<'a> {
    interface: &'a SyncDevice,
    health: &'a Cell<Health>,
    sending: &'a mut Vec<u8>,
}

impl Device for TapDevice {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let len = self.fetch()?;
        self.front = None;
        let tx = TxToken { interface: &self.interface, health: &self.health, sending: &mut self.sending };
        Some((RxToken(&self.received[..len]), tx))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { interface: &self.interface, health: &self.health, sending: &mut self.sending })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = ETHERNET_MTU;
        capabilities
    }
}

impl Line for TapDevice {
    fn peek<R>(&mut self, _: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let len = self.fetch()?;
        Some(look(&self.received[..len]))
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.sending.resize(len, 0);
        let result = f(self.sending);
        loop {
            match self.interface.send(self.sending) {
                Ok(_) => self.health.set(Health::Good),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A full queue loses frames, as networks do.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => self.health.set(Health::after(&error)),
            }
            return result;
        }
    }
}
