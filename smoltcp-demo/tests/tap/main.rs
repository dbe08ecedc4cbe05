//! The command on a TAP interface, with clients on the kernel's stack. Each test has a network namespace of its own, so nothing
//! here touches the network of the machine.
//!
//! That takes root, or a system where users may have namespaces. Where neither is the case the tests say so and do nothing, unless
//! `FRAMEWRIGHT_REQUIRE_PEERS=1` is set: then that is a failure.
#![cfg(target_os = "linux")]

mod client;
mod namespace;
mod partners;
mod process;
mod serving;
mod trouble;
mod watching;

/// The server's address.
const SERVER: [u8; 4] = [192, 168, 69, 1];
const TRIM: u16 = 4567;
const ECHO: u16 = 12345;
const KV: u16 = 6380;
const CHAT: u16 = 5555;
/// How long anything may take that must happen.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
