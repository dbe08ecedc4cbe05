//! The program's stack: where it is, and how full it was.
//!
//! It lies below everything else in RAM (see `memory.x`), so that an overflow is a fault and not a mystery. Thread mode runs on it, by
//! the processor's PSP; exception handlers run on a stack of their own, by MSP, and so can tell of the overflow. Both are painted
//! at boot; where the paint is gone, the stack has been.

use core::arch::asm;
use core::ptr;

/// What the stacks are painted with: the value of cortex-m-rt, which paints the handlers' one.
const PAINT: u32 = 0xcccc_cccc;

/// How much of a stack was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub struct Usage {
    /// Bytes that were written at some time since boot.
    pub used: usize,
    /// Bytes that there are.
    pub size: usize,
}

unsafe extern "C" {
    // Of memory.x.
    static _program_stack_start: u32;
    static _program_stack_end: u32;
    // Of cortex-m-rt: the handlers' stack.
    static _stack_start: u32;
    static _stack_end: u32;
}

/// Runs a program on the program's stack, which is painted first. To be called once, from `main`.
pub fn run(program: extern "C" fn() -> !) -> ! {
    let (start, end) = (&raw const _program_stack_start, &raw const _program_stack_end);
    // SAFETY: nobody uses that memory yet: `main` runs on MSP.
    unsafe {
        let mut at = end.cast_mut();
        while at.cast_const() < start {
            ptr::write_volatile(at, PAINT);
            at = at.add(1);
        }
    }
    /// CONTROL: thread mode is privileged, as after a reset, and its stack pointer is PSP.
    const SPSEL: u32 = 1 << 1;
    // SAFETY: what is on the old stack is never returned to.
    unsafe {
        asm!(
            "msr psp, {start}",
            "msr control, {control}",
            "isb",
            "bx {program}",
            start = in(reg) start,
            control = in(reg) SPSEL,
            program = in(reg) program,
            options(noreturn),
        );
    }
}

/// How full the program's stack was.
pub fn program() -> Usage {
    usage(&raw const _program_stack_end, &raw const _program_stack_start)
}

/// How full the exception handlers' stack was.
pub fn handlers() -> Usage {
    usage(&raw const _stack_end, &raw const _stack_start)
}

/// Whether a stack pointer is below the program's stack, or about to be.
pub(crate) fn has_overflowed(psp: u32) -> bool {
    psp < (&raw const _program_stack_end) as u32 + 32
}

fn usage(end: *const u32, start: *const u32) -> Usage {
    let mut at = end;
    // SAFETY: the stack is memory from `end` to `start`; that somebody writes to it meanwhile is the point.
    unsafe {
        while at < start && ptr::read_volatile(at) == PAINT {
            at = at.add(1);
        }
    }
    Usage { used: start as usize - at as usize, size: start as usize - end as usize }
}
