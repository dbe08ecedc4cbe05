//! The board's first serial line, as a reader and a writer of `embedded-io-async`. Registers are named as in the LM3S6965 data sheet,
//! chapter "UARTs". 115,200 baud, 8 bits, no parity.
//!
//! The interrupts only wake: who waits looks at the FIFOs itself. So a future that is dropped loses nothing.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;

use cortex_m::peripheral::NVIC;
use embassy_sync::waitqueue::AtomicWaker;
use embedded_io_async::{ErrorType, Read, Write};
use lm3s6965::{Interrupt, interrupt};
use volatile_register::{RO, RW, WO};

use crate::board;

/// What comes.
pub struct Receiver {
    registers: &'static Registers,
}

/// What goes.
pub struct Sender {
    registers: &'static Registers,
}

/// The registers that are used, of the block at 0x4000_C000.
#[repr(C)]
struct Registers {
    /// Data, 0x000; what comes has its errors in bits 8 to 11.
    dr: RW<u32>,
    _0x004: [u32; 5],
    /// Flags, 0x018.
    fr: RO<u32>,
    _0x01c: [u32; 2],
    /// Baud rate divisor, its whole part and its fraction: 0x024, 0x028.
    brd: [RW<u32>; 2],
    /// Line control, 0x02C.
    lcrh: RW<u32>,
    /// Control, 0x030.
    ctl: RW<u32>,
    _0x034: u32,
    /// Interrupt mask, 0x038.
    im: RW<u32>,
    _0x03c: [u32; 2],
    /// Interrupt clear, 0x044.
    icr: WO<u32>,
}

const _: () = assert!(core::mem::offset_of!(Registers, fr) == 0x018);
const _: () = assert!(core::mem::offset_of!(Registers, brd) == 0x024);
const _: () = assert!(core::mem::offset_of!(Registers, im) == 0x038);
const _: () = assert!(core::mem::offset_of!(Registers, icr) == 0x044);

const REGISTERS: *const Registers = 0x4000_c000 as *const Registers;

/// FR: nothing has come.
const RXFE: u32 = 1 << 4;
/// FR: there is no room for more.
const TXFF: u32 = 1 << 5;
/// IM, ICR: something has come, room is free, something has waited for a while.
const RX: u32 = 1 << 4;
const TX: u32 = 1 << 5;
const RT: u32 = 1 << 6;
/// LCRH: 8 bits, with FIFOs.
const WLEN_8: u32 = 0b11 << 5;
const FEN: u32 = 1 << 4;
/// CTL: on, in both directions.
const UARTEN: u32 = 1 << 0;
const TXE: u32 = 1 << 8;
const RXE: u32 = 1 << 9;

/// The divisor in 64ths: the clock by 16 times the rate, rounded.
const DIVISOR: u32 = (board::CLOCK_HZ * 4 + BAUD / 2) / BAUD;
const BAUD: u32 = 115_200;

static CAME: AtomicWaker = AtomicWaker::new();
static ROOM: AtomicWaker = AtomicWaker::new();

/// Starts it; once, when [`board::start`] and [`board::start_uart`] have returned.
pub fn start() -> (Receiver, Sender) {
    // SAFETY: the address is that of the block, and these registers have no effects on memory.
    let registers = unsafe {
        let registers = &*REGISTERS;
        registers.ctl.write(0);
        registers.brd[0].write(DIVISOR / 64);
        registers.brd[1].write(DIVISOR % 64);
        registers.lcrh.write(WLEN_8 | FEN);
        registers.im.write(0);
        registers.ctl.write(UARTEN | TXE | RXE);
        NVIC::unmask(Interrupt::UART0);
        registers
    };
    (Receiver { registers }, Sender { registers })
}

/// Has the interrupt come for these too.
fn wait_for(registers: &Registers, events: u32) {
    // With interrupts held back: the handler writes this register.
    cortex_m::interrupt::free(|_| {
        // SAFETY: the handler only wakes.
        unsafe { registers.im.modify(|im| im | events) };
    });
}

impl ErrorType for Receiver {
    type Error = Infallible;
}

impl Read for Receiver {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        if buf.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| {
            // First, so that what comes behind the look wakes.
            CAME.register(context.waker());
            let mut read = 0;
            for place in &mut *buf {
                if self.registers.fr.read() & RXFE != 0 {
                    break;
                }
                *place = self.registers.dr.read() as u8;
                read += 1;
            }
            if read > 0 {
                return Poll::Ready(Ok(read));
            }
            wait_for(self.registers, RX | RT);
            Poll::Pending
        })
        .await
    }
}

impl ErrorType for Sender {
    type Error = Infallible;
}

impl Write for Sender {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        if buf.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| {
            ROOM.register(context.waker());
            let mut written = 0;
            for byte in buf {
                if self.registers.fr.read() & TXFF != 0 {
                    break;
                }
                // SAFETY: there is room.
                unsafe { self.registers.dr.write(u32::from(*byte)) };
                written += 1;
            }
            if written > 0 {
                return Poll::Ready(Ok(written));
            }
            wait_for(self.registers, TX);
            Poll::Pending
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        // What is in the FIFO goes by itself.
        Ok(())
    }
}

/// Wakes whoever waits, and keeps still until somebody waits again.
#[allow(non_snake_case)]
#[interrupt]
fn UART0() {
    // SAFETY: masking an interrupt harms nobody; the program writes this register with interrupts held back.
    unsafe {
        (*REGISTERS).im.write(0);
        (*REGISTERS).icr.write(RX | TX | RT);
    }
    CAME.wake();
    ROOM.wake();
}
