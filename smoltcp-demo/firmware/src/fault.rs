//! The end of a program that cannot go on: it says why, and halts. Under QEMU the emulator exits with a failure.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m::register::psp;
use cortex_m_rt::{ExceptionFrame, exception};

use crate::stack;

/// Whether an end was reported already: a second one comes from the report itself.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// Configurable fault status: an exception could not put its frame on the stack.
const CFSR_STKERR: u32 = 1 << 12;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    if !REPORTED.swap(true, Ordering::Relaxed) {
        defmt::error!("{}", defmt::Display2Format(info));
    }
    halt()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    // SAFETY: the fault status registers can always be read.
    let (cfsr, bfar) = unsafe { ((*SCB::PTR).cfsr.read(), (*SCB::PTR).bfar.read()) };
    let psp = psp::read();
    if !REPORTED.swap(true, Ordering::Relaxed) {
        if stack::has_overflowed(psp) {
            // The frame is where the stack is not.
            defmt::error!("stack overflow: the stack pointer is {=u32:#x} (CFSR {=u32:#x})", psp, cfsr);
        } else if cfsr & CFSR_STKERR != 0 {
            defmt::error!("hard fault on entry to an exception, CFSR {=u32:#x}, BFAR {=u32:#x}", cfsr, bfar);
        } else {
            let (pc, lr) = (frame.pc(), frame.lr());
            defmt::error!(
                "hard fault at {=u32:#x}, from {=u32:#x}, CFSR {=u32:#x}, BFAR {=u32:#x}",
                pc,
                lr,
                cfsr,
                bfar
            );
        }
    }
    halt()
}

/// For good.
fn halt() -> ! {
    #[cfg(feature = "semihosting")]
    {
        /// `SYS_EXIT`, and `ADP_Stopped_RunTimeErrorUnknown`, of Arm's "Semihosting for AArch32 and AArch64".
        const SYS_EXIT: u32 = 0x18;
        const RUN_TIME_ERROR: u32 = 0x20023;
        // SAFETY: the call does not come back, or does nothing.
        unsafe { cortex_m::asm::semihosting_syscall(SYS_EXIT, RUN_TIME_ERROR) };
    }
    loop {
        cortex_m::asm::wfi();
    }
}
