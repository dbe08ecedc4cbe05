//! The LM3S6965's Ethernet controller as a smoltcp device.
//!
//! Registers and bits are named as in the data sheet, chapter "Ethernet Controller". The controller has two FIFOs of 2 KiB that
//! are read and written a word at a time through one register, MACDATA. The first two bytes of a frame there are a length:
//!
//! ```text
//!   receive:   | length of all | destination, source, type | payload | checksum |     length = 2 + 14 + payload + 4
//!   transmit:  | of payload    | destination, source, type | payload |                length = payload
//! ```
//!
//! so that the word-aligned part begins behind the 14 bytes of the Ethernet header. The checksum is made and checked by the controller.
//!
//! It is polled. Between polls the program sleeps until a frame comes ([`Ethernet::wait`]): the interrupt only wakes it up.

use cortex_m::peripheral::NVIC;
use lm3s6965::{Interrupt, interrupt};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;
use smoltcp_demo::device::Line;
use volatile_register::{RO, RW, WO};

/// The most bytes of a frame without its checksum: an Ethernet header and 1,500 bytes of IP.
pub const MAX_FRAME: usize = 1514;

/// Memory for one frame as it passes through a FIFO: the length, the frame, its checksum, in whole words.
pub type FrameBuffer = [u8; (LENGTH + MAX_FRAME + CHECKSUM).next_multiple_of(4)];

/// The controller, with memory for a frame that came and for one to send.
pub struct Ethernet {
    registers: &'static Registers,
    received: &'static mut FrameBuffer,
    /// Bytes of the frame in `received`, behind its length; 0 for none.
    waiting: usize,
    outgoing: &'static mut FrameBuffer,
    counts: Counts,
}

/// What became of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, defmt::Format)]
pub struct Counts {
    /// Frames that came.
    pub received: u32,
    /// Frames that were sent.
    pub sent: u32,
    /// Frames that came and were not of the length that a frame has.
    pub misfits: u32,
    /// How often the FIFO overran: the frames in it were lost.
    pub overruns: u32,
    /// Frames that were not sent because the controller did not finish the one before.
    pub stuck: u32,
}

/// The block at 0x4004_8000.
#[repr(C)]
struct Registers {
    /// Raw interrupt status when read; acknowledges by ones when written (the data sheet's MACIACK). 0x000.
    macris: RW<u32>,
    /// Interrupt mask, 0x004.
    macim: RW<u32>,
    /// Receive control, 0x008.
    macrctl: RW<u32>,
    /// Transmit control, 0x00C.
    mactctl: RW<u32>,
    /// Data: reads from the receive FIFO, writes into the transmit FIFO. 0x010.
    macdata: RW<u32>,
    /// Individual address, 0x014: four bytes, and two.
    macia: [WO<u32>; 2],
    _0x01c: [u32; 6],
    /// Number of packets in the receive FIFO, 0x034.
    macnp: RO<u32>,
    /// Transmission request, 0x038.
    mactr: RW<u32>,
}

const _: () = assert!(core::mem::offset_of!(Registers, macia) == 0x014);
const _: () = assert!(core::mem::offset_of!(Registers, macnp) == 0x034);
const _: () = assert!(core::mem::offset_of!(Registers, mactr) == 0x038);

const REGISTERS: *const Registers = 0x4004_8000 as *const Registers;

/// MACRIS, MACIM: a frame came.
const RXINT: u32 = 1 << 0;
/// MACRIS, MACIM: the receive FIFO overran.
const FOV: u32 = 1 << 3;
/// MACRIS: all that can be acknowledged.
const ALL: u32 = 0x7f;
/// MACRCTL: receive.
const RXEN: u32 = 1 << 0;
/// MACRCTL: drop frames with a wrong checksum.
const BADCRC: u32 = 1 << 3;
/// MACRCTL: empty the FIFO; wants the receiver off.
const RSTFIFO: u32 = 1 << 4;
/// MACTCTL: transmit.
const TXEN: u32 = 1 << 0;
/// MACTCTL: pad short frames to 60 bytes.
const PADEN: u32 = 1 << 1;
/// MACTCTL: append the checksum.
const CRC: u32 = 1 << 2;
/// MACTCTL: both directions at once.
const DUPLEX: u32 = 1 << 4;
/// MACNP: the number.
const NPR: u32 = 0x3f;
/// MACTR: send what is in the FIFO; reads as one until that is done.
const NEWTX: u32 = 1 << 0;

/// Bytes of the length in the FIFO.
const LENGTH: usize = 2;
/// Bytes of the checksum behind a frame that came.
const CHECKSUM: usize = 4;
/// Bytes of an Ethernet header: the least of a frame, and what the length for sending leaves out.
const HEADER: usize = 14;
/// How often NEWTX is read before a frame is given up: longer than a full frame takes at 10 Mbit/s, 1.2 ms.
const PATIENCE: u32 = 20_000;

impl Ethernet {
    /// The controller with an address, receiving and ready to send. There is one of it, and its clock must run.
    pub fn start(
        address: EthernetAddress,
        received: &'static mut FrameBuffer,
        outgoing: &'static mut FrameBuffer,
    ) -> Self {
        // SAFETY: the address is that of the block. The references to memory make sure that this is called once.
        let registers = unsafe { &*REGISTERS };
        let [a, b, c, d, e, f] = address.0;
        // SAFETY: the controller does not touch memory.
        unsafe {
            registers.macim.write(0);
            registers.macia[0].write(u32::from_le_bytes([a, b, c, d]));
            registers.macia[1].write(u32::from_le_bytes([e, f, 0, 0]));
            registers.mactctl.write(DUPLEX | CRC | PADEN | TXEN);
        }
        let ethernet = Self { registers, received, waiting: 0, outgoing, counts: Counts::default() };
        ethernet.reset_receiver();
        // SAFETY: the handler below may run from now on; it only masks.
        unsafe { NVIC::unmask(Interrupt::ETHERNET) };
        ethernet
    }

    /// Sleeps until a frame comes or `is_over` says so, which is asked at every interrupt.
    pub fn wait(&mut self, mut is_over: impl FnMut() -> bool) {
        // SAFETY: the FIFO says what there is; these bits only wake.
        unsafe { self.registers.macris.write(RXINT) };
        while !is_over() {
            // With interrupts held back, one that comes between the look and the sleep ends the sleep.
            let slept = cortex_m::interrupt::free(|_| {
                if self.has_frame() || self.has_overrun() {
                    return false;
                }
                // SAFETY: as above.
                unsafe { self.registers.macim.write(RXINT | FOV) };
                cortex_m::asm::wfi();
                true
            });
            if !slept {
                return;
            }
        }
    }

    /// What became of frames so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn has_frame(&self) -> bool {
        self.waiting > 0 || self.registers.macnp.read() & NPR > 0
    }

    fn has_overrun(&self) -> bool {
        self.registers.macris.read() & FOV != 0
    }

    /// Empties the receive FIFO, in the order of the data sheet.
    fn reset_receiver(&self) {
        // SAFETY: as in `start`.
        unsafe {
            self.registers.macrctl.write(BADCRC);
            self.registers.macrctl.write(BADCRC | RSTFIFO);
            self.registers.macris.write(ALL);
            self.registers.macrctl.write(BADCRC | RXEN);
        }
    }

    /// Takes the next frame out of the FIFO, if none waits already.
    fn fetch(&mut self) {
        while self.waiting == 0 {
            if self.has_overrun() {
                // Where frames begin in what is left is not known.
                self.counts.overruns += 1;
                self.reset_receiver();
            }
            if self.registers.macnp.read() & NPR == 0 {
                return;
            }
            self.waiting = self.read_frame();
            self.counts.received += 1;
            if self.waiting == 0 {
                self.counts.misfits += 1;
            }
        }
    }

    /// Reads the frame at the head of the FIFO, which is not empty. Its length; 0 if it is not a frame, and was read over.
    fn read_frame(&mut self) -> usize {
        let data = &self.registers.macdata;
        let first = data.read();
        let all = usize::from(first as u16);
        let mut words = self.received.chunks_exact_mut(4);
        if let Some(place) = words.next() {
            place.copy_from_slice(&first.to_le_bytes());
        }
        // Each frame begins at a whole word. What does not fit must be read all the same.
        for _ in 1..all.div_ceil(4) {
            let word = data.read();
            if let Some(place) = words.next() {
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
        match all.checked_sub(LENGTH + CHECKSUM) {
            Some(len @ HEADER..=MAX_FRAME) => len,
            _ => 0,
        }
    }
}

impl Device for Ethernet {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        self.fetch();
        let end = LENGTH + core::mem::take(&mut self.waiting);
        let frame = self.received.get(LENGTH..end).filter(|frame| !frame.is_empty())?;
        let token = TxToken { registers: self.registers, buffer: self.outgoing, counts: &mut self.counts };
        Some((RxToken { frame }, token))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { registers: self.registers, buffer: self.outgoing, counts: &mut self.counts })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        // The FIFO for what comes holds one frame of the greatest length.
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

impl Line for Ethernet {
    fn peek<R>(&mut self, _: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.fetch();
        let frame = self.received.get(LENGTH..LENGTH + self.waiting)?;
        (!frame.is_empty()).then(|| look(frame))
    }
}

/// A frame that came.
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Place for a frame to send.
pub struct TxToken<'a> {
    registers: &'static Registers,
    buffer: &'a mut FrameBuffer,
    counts: &'a mut Counts,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { registers, buffer, counts } = self;
        let (length, frame) = buffer.split_at_mut(LENGTH);
        // smoltcp keeps to the device's capabilities.
        let frame = &mut frame[..len.min(MAX_FRAME)];
        let result = f(frame);
        length.copy_from_slice(&(len.saturating_sub(HEADER) as u16).to_le_bytes());
        if (0..PATIENCE).all(|_| registers.mactr.read() & NEWTX != 0) {
            counts.stuck += 1;
            return result;
        }
        // The buffer is in whole words, and what stands behind the frame is not sent.
        for word in buffer[..(LENGTH + len).next_multiple_of(4)].as_chunks::<4>().0 {
            // SAFETY: the FIFO holds a frame of the greatest length, and was empty.
            unsafe { registers.macdata.write(u32::from_le_bytes(*word)) };
        }
        // SAFETY: the frame is complete.
        unsafe { registers.mactr.write(NEWTX) };
        counts.sent += 1;
        result
    }
}

/// Wakes the program, and keeps still until it sleeps again.
#[allow(non_snake_case)]
#[interrupt]
fn ETHERNET() {
    // SAFETY: masking an interrupt harms nobody; the program does not write this register while interrupts can come.
    unsafe { (*REGISTERS).macim.write(0) };
}
