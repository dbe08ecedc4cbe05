//! A program that uses up its stack, to see that this is caught: it must end with a line in the log that says so, and not run into
//! what lies beside the stack.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use lm3s6965evb::stack;

#[entry]
fn main() -> ! {
    stack::run(program)
}

extern "C" fn program() -> ! {
    defmt::info!("the stack has {=usize} bytes", stack::program().size);
    defmt::info!("the end of {=u32} calls", deeper(0));
    panic!("nobody noticed");
}

/// Goes down 100 bytes at a time, and much deeper than the stack is.
#[inline(never)]
fn deeper(depth: u32) -> u32 {
    let frame = black_box([depth; 25]);
    let below = if depth < 10_000 { deeper(depth + 1) } else { 0 };
    black_box(frame)[0].min(1) + below
}
