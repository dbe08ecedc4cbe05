//! Framewright's services over [smoltcp], a TCP/IP stack in user space, from fixed memory.
//!
//! The library has two halves:
//!
//! - **What a device runs**, without an operating system and without a heap: a [`Server`] is a smoltcp interface and a
//!   [`Pool`] of sockets; the [`pump`] moves bytes between a socket's rings and a session of `framewright`; [`services`] says
//!   which service answers at which port. Storage is lent by the caller. A network driver implements [`device::Line`].
//! - **What a host adds**, behind the feature `std` (on by default): [`loopback`], a network of two stacks in one process on
//!   virtual time; `Device` wrappers that cut and observe; and the command `smoltcp-demo`, which is a thin shell
//!   around [`demo`].
//!
//! Neither half knows a framing or answers a message: that is `framewright`, and it is the same code that serves threads.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

mod clock;
pub mod connection;
pub mod device;
pub mod pool;
pub mod pump;
mod server;
pub mod services;
mod udp;

#[cfg(feature = "std")]
pub mod demo;
#[cfg(feature = "std")]
pub mod loopback;
#[cfg(feature = "std")]
mod trace;

pub use pool::Pool;
pub use server::{Server, Turn};
#[cfg(feature = "std")]
pub use trace::Trace;
pub use udp::{MAX_DATAGRAM, UdpCounts, UdpEcho};

#[cfg(all(test, feature = "std"))]
mod raw_peer;
