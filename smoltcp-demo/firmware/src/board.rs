//! The chip's clocks, power switches and Ethernet address. Registers are named as in the LM3S6965 data sheet, chapter
//! "System Control".

use smoltcp::wire::EthernetAddress;
use volatile_register::{RO, RW};

/// How fast the processor runs when [`start`] has returned, in Hz.
pub const CLOCK_HZ: u32 = 50_000_000;

/// The registers that are used, of the block at 0x400F_E000.
#[repr(C)]
struct SystemControl {
    _0x000: [u32; 20],
    /// Raw interrupt status, 0x050.
    ris: RO<u32>,
    _0x054: [u32; 3],
    /// Run-mode clock configuration, 0x060.
    rcc: RW<u32>,
    _0x064: [u32; 40],
    /// Run mode clock gating control 1, 0x104.
    rcgc1: RW<u32>,
    /// Run mode clock gating control 2, 0x108.
    rcgc2: RW<u32>,
    _0x10c: [u32; 53],
    /// User registers 0 and 1, 0x1E0: what the maker of a board has written into the flash.
    user_reg: [RO<u32>; 2],
}

const _: () = assert!(core::mem::offset_of!(SystemControl, ris) == 0x050);
const _: () = assert!(core::mem::offset_of!(SystemControl, rcc) == 0x060);
const _: () = assert!(core::mem::offset_of!(SystemControl, rcgc1) == 0x104);
const _: () = assert!(core::mem::offset_of!(SystemControl, rcgc2) == 0x108);
const _: () = assert!(core::mem::offset_of!(SystemControl, user_reg) == 0x1e0);

const SYSTEM_CONTROL: *const SystemControl = 0x400f_e000 as *const SystemControl;

/// RIS: the PLL is locked.
const PLLLRIS: u32 = 1 << 6;
/// RCC: the main oscillator is off.
const MOSCDIS: u32 = 1 << 0;
/// RCC: where the clock comes from; 0 is the main oscillator.
const OSCSRC: u32 = 0b11 << 4;
/// RCC: the crystal of the main oscillator.
const XTAL: u32 = 0b1111 << 6;
/// RCC, XTAL: 8 MHz, as on this board.
const XTAL_8_MHZ: u32 = 0xe << 6;
/// RCC: the clock goes around the PLL.
const BYPASS: u32 = 1 << 11;
/// RCC: the PLL is off.
const PWRDN: u32 = 1 << 13;
/// RCC: SYSDIV is used.
const USESYSDIV: u32 = 1 << 22;
/// RCC: the PLL's 200 MHz are divided by one more than this.
const SYSDIV: u32 = 0b1111 << 23;
/// RCC, SYSDIV: 50 MHz.
const SYSDIV_4: u32 = 3 << 23;
/// RCGC2: the Ethernet controller and its physical layer run.
const EMAC0_EPHY0: u32 = (1 << 28) | (1 << 30);
/// RCGC1: the first UART runs.
const UART0: u32 = 1 << 0;
/// RCGC2: port A runs, at whose pins 0 and 1 that UART is.
const GPIOA: u32 = 1 << 0;
const UART0_PINS: u32 = 0b11;
/// Of port A: the alternate function select, GPIOAFSEL, and the digital enable, GPIODEN.
const GPIOA_AFSEL: *const RW<u32> = 0x4000_4420 as *const RW<u32>;
const GPIOA_DEN: *const RW<u32> = 0x4000_451c as *const RW<u32>;

/// How often RIS is read before the program goes on without a locked PLL: some milliseconds, where it takes half of one.
const PATIENCE: u32 = 20_000;

/// Starts the clock and the Ethernet controller, in the order of the data sheet's "Initialization and Configuration".
/// Whether the PLL is locked: where it is not, the processor runs at the speed of its oscillator, and all times are wrong.
pub fn start() -> bool {
    // SAFETY: the address is that of the block; its registers have no side effects on memory.
    let control = unsafe { &*SYSTEM_CONTROL };
    // SAFETY: a clock that runs on while it is being changed: the PLL is bypassed until it is locked.
    unsafe {
        control.rcc.modify(|rcc| (rcc | BYPASS) & !USESYSDIV & !MOSCDIS);
        control.rcc.modify(|rcc| rcc & !(XTAL | OSCSRC | PWRDN) | XTAL_8_MHZ);
        control.rcc.modify(|rcc| rcc & !SYSDIV | SYSDIV_4 | USESYSDIV);
    }
    let locked = (0..PATIENCE).any(|_| control.ris.read() & PLLLRIS != 0);
    // SAFETY: as above; and the gates of two parts that nobody uses yet.
    unsafe {
        if locked {
            control.rcc.modify(|rcc| rcc & !BYPASS);
        }
        control.rcgc2.modify(|rcgc2| rcgc2 | EMAC0_EPHY0);
    }
    // The data sheet wants three clocks between a gate and the first access; this read is slower.
    let _ = control.rcgc2.read();
    locked
}

/// Starts the first UART and its pins, as [`start`] does the Ethernet controller.
pub fn start_uart() {
    // SAFETY: as in `start`; nobody else uses these pins.
    unsafe {
        let control = &*SYSTEM_CONTROL;
        control.rcgc1.modify(|rcgc1| rcgc1 | UART0);
        control.rcgc2.modify(|rcgc2| rcgc2 | GPIOA);
        let _ = control.rcgc2.read();
        (*GPIOA_AFSEL).modify(|select| select | UART0_PINS);
        (*GPIOA_DEN).modify(|enable| enable | UART0_PINS);
    }
}

/// The address that was written into the board, or one for local use.
pub fn ethernet_address() -> EthernetAddress {
    // SAFETY: as in `start`.
    let user_reg = unsafe { &(*SYSTEM_CONTROL).user_reg };
    let [a, b, c, unused_0] = user_reg[0].read().to_le_bytes();
    let [d, e, f, unused_1] = user_reg[1].read().to_le_bytes();
    if unused_0 == 0xff || unused_1 == 0xff {
        return EthernetAddress([0x02, 0, 0, 0, 0, 1]); // blank
    }
    EthernetAddress([a, b, c, d, e, f])
}
