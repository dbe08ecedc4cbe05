//! What crosses crates: conversations that every front end of Framewright must hold byte for byte alike, and the programs
//! that others wrote and that it must get along with.
//!
//! - [`conversation`]: what a conversation is, and how it is played on a front end, a [`Stage`](conversation::Stage);
//! - [`conversations`]: the conversations, as data;
//! - [`interop`]: programs and libraries that others wrote, and what is said to them;
//! - [`namespace`]: tests in a network namespace of their own;
//! - [`peers`]: which programs of others are on this machine;
//! - [`server`]: the command `framewright serve` in a process of its own.

pub mod conversation;
pub mod conversations;
pub mod interop;
pub mod namespace;
pub mod peers;
pub mod server;
