//! What a program needs to know of the board: the Stellaris LM3S6965 evaluation board, which QEMU calls `lm3s6965evb`.
//!
//! | module | what it hides |
//! |---|---|
//! | [`board`] | clocks and switches of the chip, and its Ethernet address |
//! | [`clock`] | the time since boot, from SysTick |
//! | [`config`] | what the firmware is made for, and what that costs |
//! | [`ethernet`] | the Ethernet controller, as a device of smoltcp |
//! | [`network`] | all of these together: the board as a machine on a network |
//! | [`uart`] | the first serial line, for `async` programs |
//! | [`stack`] | where the program's stack is, how full it was, and what happens when it overflows |
//!
//! Linking it brings the panic handler, the hard fault handler and the log. The programs are `firmware`, all services of
//! Framewright; `raw-echo`, what smoltcp does without it, to compare; `serial-echo`, frames on
//! a serial line with `async`; and `overflow`, which uses up its stack.

#![no_std]

pub mod board;
pub mod clock;
pub mod config;
pub mod ethernet;
mod fault;
pub mod network;
pub mod stack;
pub mod uart;

#[cfg(all(feature = "rtt", not(feature = "semihosting")))]
use defmt_rtt as _;
#[cfg(feature = "semihosting")]
use defmt_semihosting as _;

#[cfg(not(any(feature = "rtt", feature = "semihosting")))]
compile_error!("choose where the log goes: feature `semihosting` or `rtt`");
