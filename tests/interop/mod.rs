//! Framewright beside programs and libraries that others wrote: what they are, how they are started, and what is said to
//! them, as clients of our servers and as servers of our clients.
//!
//! - [`peer`]: somebody who was told to talk, and who tells what came;
//! - [`roster`]: who there is, by framing;
//! - [`messages`]: what is said;
//! - [`plays`]: in which order;
//! - [`services`]: what is said to services other than `echo` and `trim`;
//! - [`on_tap`]: smoltcp on a TAP interface, as their server and as their client;
//! - [`relay`]: a stretch of the way on which every byte travels alone.
//!
//! The address of the server is a parameter of all that clients do, so that there is one file of tests for each front end.
//! What the programs do otherwise than we is in `README.md`.

pub mod messages;
#[cfg(target_os = "linux")]
pub mod on_tap;
pub mod peer;
pub mod plays;
pub mod relay;
pub mod roster;
pub mod services;
mod tokio_util_peer;
