//! The firmware, in QEMU, with real clients at its forwarded ports.
//!
//! - [`image`]: the programs for the board, built by the firmware's own script;
//! - [`board`]: one emulated board: its ports, its log, its memory, its cable;
//! - [`client`]: a client that always reads;
//! - the tests: [`conversations`], [`services`] and strangers, the [`crowd`], the [`wire`], [`endurance`], [`speed`], the [`serial`] line.
//!
//! QEMU, `defmt-print` or a compiler for the board may be missing; then all tests here are skipped, and say what is missing.

mod board;
mod client;
mod conversations;
mod crowd;
mod endurance;
mod image;
mod serial;
mod services;
mod speed;
mod wire;
